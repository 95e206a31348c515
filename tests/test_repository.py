"""Git is asked what it holds, and never gets to run what a repository tells it to."""

import os
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dagwarden.envelope import envelope
from dagwarden.facts import SourceFile
from dagwarden.files import read_regular
from dagwarden.history import checked_out
from dagwarden.repository import digest, objects_of


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t.example", *arguments],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "dags").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "dags/a.py").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def run(folder: Path, *files: str) -> tuple[str | None, bool | None]:
    read = [SourceFile(path=name, kind="dag", sha256="", size=0) for name in files]
    made = envelope((), (), folder, read, datetime.now(UTC))
    return made.git_commit, made.git_dirty


def test_the_commit_and_whether_what_was_read_differs_from_it(
    repository: Path,
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert run(repository, "dags/a.py") == (head, False)
    assert run(repository / "dags", "a.py") == (head, False)
    (repository / "dags/unread.py").write_text("new\n")
    assert run(repository, "dags/a.py") == (head, False)
    assert run(repository, "dags/a.py", "dags/unread.py") == (head, True)
    (repository / "dags/a.py").write_text("two\n")
    assert run(repository, "dags/a.py") == (head, True)


def test_a_linked_work_tree_has_its_own_head(repository: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "-q", "-b", "side", str(linked))
    (linked / "dags/a.py").write_text("side\n")
    git(linked, "commit", "-q", "-am", "side")
    head = git(linked, "rev-parse", "HEAD")
    assert run(linked, "dags/a.py") == (head, False)
    assert run(repository, "dags/a.py")[0] != head


def test_packed_refs_tags_and_short_names_are_known(repository: Path) -> None:
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "-a", "v1", "-m", "x")
    git(repository, "pack-refs", "--all")
    with objects_of(repository) as objects:
        assert objects is not None
        for name in ("HEAD", "main", "v1", head[:8]):
            assert objects.commit(name) == head
        assert objects.commit("nowhere") is None
        assert objects.blobs(head) == {"dags/a.py": digest(b"one\n")}


def test_without_a_repository_nothing_is_said(tmp_path: Path) -> None:
    assert run(tmp_path) == (None, None)


def clean_filter(folder: Path, mark: str) -> None:
    (folder / ".gitattributes").write_text("*.py filter=x\n")
    git(folder, "config", "filter.x.clean", f"sh -c '{mark}; cat'")
    git(folder, "config", "filter.x.process", f"sh -c '{mark}'")
    (folder / "dags/a.py").write_text("touched\n")


def monitor(folder: Path, mark: str) -> None:
    git(folder, "config", "core.fsmonitor", f"sh -c '{mark}'")
    git(folder, "config", "core.hooksPath", str(folder))


def promisor(folder: Path, mark: str) -> None:
    git(folder, "config", "core.repositoryformatversion", "1")
    git(folder, "config", "extensions.partialClone", "o")
    git(folder, "config", "remote.o.promisor", "true")
    git(folder, "config", "remote.o.url", str(folder))
    git(folder, "config", "remote.o.uploadpack", f"sh -c '{mark}' #")
    tree = git(folder, "rev-parse", "HEAD:dags")
    (folder / ".git/objects" / tree[:2] / tree[2:]).unlink()


def alias(folder: Path, mark: str) -> None:
    for name in ("rev-parse", "ls-tree", "cat-file"):
        git(folder, "config", f"alias.{name}", f"!{mark}")
    git(folder, "config", "core.pager", mark)
    git(folder, "config", "core.sshCommand", mark)


@pytest.mark.parametrize("lay", [clean_filter, monitor, promisor, alias])
def test_nothing_that_a_repository_configures_runs(
    lay: Callable[[Path, str], None], repository: Path, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    lay(repository, f"echo x > {ran}")
    run(repository, "dags/a.py")
    with checked_out("HEAD", repository):
        pass
    assert not ran.exists()


def test_a_bare_repository_among_the_files_is_no_repository(tmp_path: Path) -> None:
    folder = tmp_path / "dags"
    folder.mkdir()
    git(folder, "init", "-q", "--bare", ".")
    ran = tmp_path / "ran"
    with (folder / "config").open("a") as config:
        config.write(f"[core]\nbare = false\nworktree = ..\nfsmonitor = touch {ran}\n")
    assert run(folder) == (None, None)
    assert not ran.exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_only_regular_files_are_opened(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "odd")
    with pytest.raises(OSError, match=r"regular file|directory"):
        read_regular(tmp_path / "odd", 10)
    with pytest.raises(OSError, match="regular file"):
        read_regular(Path("/dev/zero"), 10)


def test_a_file_is_read_up_to_one_byte_past_the_limit(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"x" * 100)
    assert read_regular(tmp_path / "long", 10) == b"x" * 11
