"""What the documentation says runs, and what is generated is current."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^ *```console\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *\$ (?P<command>.*?)(?:  # exit (?P<status>\d)|  # .*)?$")


def commands(text: str) -> list[tuple[str, int]]:
    """Return (command, exit status) of each line after `$` in console blocks."""
    return [
        (match["command"], int(match["status"] or 0))
        for block in BLOCK.findall(text)
        for line in block.splitlines()
        if (match := COMMAND.match(line))
    ]


def test_commands_are_found() -> None:
    text = "```console\n$ dagwarden a  # exit 1\nout\n$ dagwarden b  # why\n```\n"
    assert commands(text) == [("dagwarden a", 1), ("dagwarden b", 0)]
    assert len(commands(DOCS[0].read_text())) >= 8


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_command_of_the_page_runs_as_it_stands(
    page: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(ROOT / "fixtures/demo", folder)
    (folder / "airflow").symlink_to((ROOT / ".venv-airflow").resolve())
    bin_ = Path(sys.executable).parent
    for command, status in commands(page.read_text()):
        done = subprocess.run(
            shlex.split(command),
            cwd=folder,
            env={
                "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(tmp_path),
            },
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == status, f"$ {command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_generated_pages_are_current() -> None:
    check = subprocess.run(
        [sys.executable, ROOT / "scripts/rule_pages.py", "--check"],
        text=True,
        capture_output=True,
        check=False,
    )
    assert check.returncode == 0, f"not current: {check.stdout}{check.stderr}"


def test_the_python_of_the_page_runs_as_it_stands(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "fixtures/demo", tmp_path / "demo")
    blocks = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs/python.md").read_text(), re.M | re.S
    )
    assert len(blocks) == 2
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", block],
            cwd=tmp_path / "demo",
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout
