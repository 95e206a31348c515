"""The account of what was examined."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

DAGWARDEN = str(Path(sys.executable).with_name("dagwarden"))


def searched(folder: Path, *arguments: str) -> Any:
    """Return the account of files that the command gives for a folder."""
    done = subprocess.run(
        [DAGWARDEN, "scan", ".", "--format", "json", *arguments],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return json.loads(done.stdout)["result"]["searched"]


def test_the_files_that_were_looked_into_are_accounted_for(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text("DB_PASSWORD=Zk4mPq8vTr2nWs6y\n")
    (tmp_path / "b.py").write_text("from c import X\nlogin(password=X)\n")
    (tmp_path / "c.py").write_text("X = 'Hb3jLd5xZk4mPq8v'\n")
    (tmp_path / "plain.yaml").write_text("a: 1\n")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\0")
    (tmp_path / "large.json").write_bytes(b" " * 5_000_001)
    (tmp_path / "link").symlink_to("a.env")
    with zipfile.ZipFile(tmp_path / "dags.zip", "w") as archive:
        archive.writestr("one.env", "A_PASSWORD=Tr2nWs6yHb3jLd5x\n")
        archive.writestr("two.txt", "nothing\n")
        archive.writestr("inner.zip", b"PK\x03\x04")
    expected = {"discovered": 10, "excluded": 2, "unreadable": 2, "looked_into": 6}
    assert searched(tmp_path) == expected


def test_the_history_is_no_part_of_the_account(tmp_path: Path) -> None:
    git = ("git", "-c", "user.name=t", "-c", "user.email=t@t.example")
    (tmp_path / "a.env").write_text("DB_PASSWORD=Zk4mPq8vTr2nWs6y\n")
    for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "a")):
        subprocess.run([*git, *command], cwd=tmp_path, check=True)
    (tmp_path / "a.env").write_text("STAGE=prod\n")
    subprocess.run([*git, "commit", "-q", "-a", "-m", "b"], cwd=tmp_path, check=True)
    expected = {"discovered": 1, "excluded": 0, "unreadable": 0, "looked_into": 1}
    assert searched(tmp_path, "--history") == expected


def test_where_no_file_was_given_there_is_no_account(tmp_path: Path) -> None:
    assert searched(tmp_path) is None
