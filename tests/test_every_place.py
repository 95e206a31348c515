"""Every shape of credential in every place, told by the command at its file and line."""

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.every_place import PLACES, SHAPES, Told, planted

DAGWARDEN = str(Path(sys.executable).with_name("dagwarden"))


def test_every_shape_is_told_in_every_place(tmp_path: Path) -> None:
    folder = tmp_path / "estate"
    folder.mkdir()
    expected = planted(folder, random.Random(4))
    assert len(expected) > len(PLACES) * len(SHAPES)
    output = tmp_path / "result.json"
    done = subprocess.run(
        [DAGWARDEN, "scan", ".", "--history", "--no-cache", "-o", str(output)],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, b"Traceback" in done.stderr) == (1, False)
    result = json.loads(output.read_bytes())["result"]
    git = ("git", "rev-parse", "--short=12", "HEAD~1")
    first = subprocess.check_output(git, cwd=folder, text=True).strip()
    assert told_in(result, first) == expected


def told_in(result: dict[str, Any], commit: str) -> set[Told]:
    """Return what findings tell: file, line and kind of each credential."""
    return {
        Told(
            finding["origin"]["source"].replace(f"{commit}:", "COMMIT:"),
            finding["origin"]["line"],
            next(e["value"] for e in finding["evidence"] if e["name"] == "secret"),
        )
        for finding in result["findings"]
        if finding["rule"] in ("key-in-repository", "secret-in-repository")
    }
