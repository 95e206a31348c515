"""Knowing less never turns one verdict into another: it may only become UNKNOWN."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from dagwarden.findings import Outcome, Report
from dagwarden.job import Arguments, bare, perform, prepare
from dagwarden.sources.estate import no_progress

FIXTURES = Path(__file__).parents[2] / "fixtures"
PLACES = {"sound": "dags/lib/names.py", "demo": "dags/prod/common/settings.py"}
CONSTANT = re.compile(r"^([A-Z_]+) = .*$", re.MULTILINE)

Verdicts = dict[tuple[str, str], Outcome]


def constants() -> list[tuple[str, str]]:
    """Return every constant that DAG files of an estate import, by estate."""
    return [
        (estate, found[1])
        for estate, place in PLACES.items()
        for found in CONSTANT.finditer((FIXTURES / estate / place).read_text())
    ]


def verdicts(folder: Path) -> Verdicts:
    said = Arguments(operator=folder / "operator.toml", as_of="2026-11-20")
    report: Report = bare(perform(prepare(said), no_progress))
    return {(item.rule, item.subject): item.outcome for item in report.result.verdicts}


@pytest.mark.parametrize(("estate", "constant"), constants())
def test_a_constant_from_the_environment_flips_no_verdict(
    estate: str, constant: str, tmp_path: Path
) -> None:
    folder = tmp_path / estate
    shutil.copytree(FIXTURES / estate, folder)
    before = verdicts(folder)
    file = folder / PLACES[estate]
    text = re.sub(
        rf"^{constant} = .*$",
        f'{constant} = os.environ["{constant}"]',
        file.read_text(),
        flags=re.MULTILINE,
    )
    file.write_text(f"import os\n{text}")
    _no_flip(before, verdicts(folder))


@pytest.mark.parametrize("number", range(0, 60, 3))
def test_a_line_less_of_the_snapshot_flips_no_verdict(
    number: int, tmp_path: Path
) -> None:
    """But what says that the snapshot itself is whole."""
    folder = tmp_path / "demo"
    shutil.copytree(FIXTURES / "demo", folder)
    before = verdicts(folder)
    lines = (folder / "assets.ndjson").read_text().splitlines()
    if number < len(lines):
        lines[number] = "{"  # a line that cannot be read is told
    (folder / "assets.ndjson").write_text("\n".join(lines))
    after = verdicts(folder)
    for key in list(after):
        if key[0] == "incomplete-snapshot":
            del after[key]
    _no_flip(before, after)


def _no_flip(before: Verdicts, after: Verdicts) -> None:
    flipped = {
        key: (was.value, after[key].value)
        for key, was in before.items()
        if key in after
        and Outcome.UNKNOWN not in (was, after[key])
        and was is not after[key]
    }
    assert flipped == {}, msgspec.json.encode(sorted(map(str, flipped.items())))
