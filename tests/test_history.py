"""An earlier state of the repository, as git holds it."""

import subprocess
from pathlib import Path

import pytest

from dagwarden.errors import UsageError
from dagwarden.history import checked_out


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
    )


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "dags").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "dags/a.py").write_text("one\n")
    (folder / "dags/odd \n name.py").write_bytes(b"\xff\x00no newline")
    (folder / "dags/link.py").symlink_to("/etc/hostname")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    (folder / "dags/a.py").write_text("two\n")
    return folder


def test_files_come_back_as_they_were_and_links_do_not(repository: Path) -> None:
    with checked_out("HEAD", repository) as folder:
        assert {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        } == {"dags/a.py": b"one\n", "dags/odd \n name.py": b"\xff\x00no newline"}
    assert not folder.exists()


def test_a_folder_below_the_repositorys_root_is_the_root(repository: Path) -> None:
    with checked_out("main", repository / "dags") as folder:
        assert (folder / "a.py").read_text() == "one\n"


@pytest.mark.parametrize("revision", ["nowhere", "--all", ""])
def test_an_unknown_revision_says_so(revision: str, repository: Path) -> None:
    with (
        pytest.raises(UsageError, match="git knows no revision"),
        checked_out(revision, repository),
    ):
        pass


def test_what_git_is_configured_to_run_does_not_run(repository: Path) -> None:
    (repository / ".gitattributes").write_text("* filter=evil\n")
    git(repository, "config", "filter.evil.smudge", "touch ran; cat")
    git(repository, "config", "core.fsmonitor", "touch ran")
    hook = repository / ".git/hooks/post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    with checked_out("HEAD", repository):
        pass
    assert not (repository / "ran").exists()
