"""
What git holds of a scanned repository, read without the repository's own settings.

A repository can make git start programs: by filters, hooks, monitors, promisor
remotes. So git is given a folder of ours as its repository, with refs copied from
the real one and the real one's objects; it never sees a setting, attribute or hook,
and never looks at the work tree.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from dagwarden.files import read_regular

MAX_REFS = 10_000
MAX_REF_BYTES = 10_000_000
SECONDS = 60


class Objects(NamedTuple):
    """The objects of a repository: `top` is its work tree's root."""

    top: Path
    environment: dict[str, str]

    def ask(self, *arguments: str) -> bytes | None:
        """Return what a git command prints, None where it fails."""
        try:
            done = subprocess.run(  # noqa: S603  fixed program, no shell
                ["git", *arguments],  # noqa: S607  the user's own git
                env=self.environment,
                capture_output=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout if done.returncode == 0 else None

    def commit(self, revision: str) -> str | None:
        """Return the id of the commit that `revision` names."""
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options")
        said = self.ask(*asked, f"{revision}^{{commit}}")
        return said.decode().strip() if said else None

    def blobs(self, commit: str) -> dict[str, str]:
        """Return the object id of every regular file, by its path below `top`."""
        listing = self.ask("ls-tree", "-r", "-z", "--full-tree", commit) or b""
        found: dict[str, str] = {}
        for row in listing.split(b"\0"):
            head, tab, name = row.partition(b"\t")
            mode, _, rest = head.partition(b" ")
            path = os.fsdecode(name)
            safe = not path.startswith("/") and ".." not in path.split("/")
            if tab and mode in (b"100644", b"100755") and safe:
                found[path] = rest.split(b" ")[1].decode()
        return found

    def contents(self, identifiers: list[str]) -> Iterator[bytes]:
        """Yield the content of each blob, in order."""
        with subprocess.Popen(
            ["git", "cat-file", "--batch"],  # noqa: S607  the user's own git
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as git:
            if git.stdin is None or git.stdout is None:
                return
            for identifier in identifiers:
                git.stdin.write(identifier.encode() + b"\n")
                git.stdin.flush()
                head = git.stdout.readline().split()
                if len(head) != 3:  # missing: a partial clone
                    yield b""
                    continue
                yield git.stdout.read(int(head[2]) + 1)[:-1]
            git.stdin.close()


@contextmanager
def objects_of(root: Path) -> Generator[Objects | None]:
    """Yield the objects of the repository that holds `root`, None without one."""
    found = _git_folder(root)
    if found is None:
        yield None
        return
    top, own, common = found
    with tempfile.TemporaryDirectory(prefix="dagwarden-") as folder:
        if not _borrow(own, common, Path(folder)):
            yield None
            return
        yield Objects(top, _environment(Path(folder), common / "objects"))


def digest(data: bytes) -> str:
    """Return the object id that git gives to a file's content."""
    return hashlib.sha1(
        b"blob %d\0" % len(data) + data, usedforsecurity=False
    ).hexdigest()


def _git_folder(root: Path) -> tuple[Path, Path, Path] | None:
    """Return (work tree, its git folder, the folder of refs and objects)."""
    here = root.absolute()
    for folder in [here, *here.parents]:
        entry = folder / ".git"
        try:
            if entry.is_dir():
                return folder, entry, entry
            if entry.is_file():  # a linked work tree or a submodule
                said = read_regular(entry, 4096).decode()
                own = (folder / said.removeprefix("gitdir:").strip()).resolve()
                common = own / "commondir"
                if not common.is_file():
                    return folder, own, own
                shared = read_regular(common, 4096).decode().strip()
                return folder, own, (own / shared).resolve()
        except (OSError, UnicodeDecodeError, ValueError):
            return None
    return None


def _borrow(own: Path, common: Path, folder: Path) -> bool:
    """Copy what names commits: HEAD and refs, regular files only."""
    (folder / "objects").mkdir()
    (folder / "refs").mkdir()
    names = [(own / "HEAD", "HEAD"), (common / "packed-refs", "packed-refs")]
    refs = common / "refs"
    for number, path in enumerate(sorted(refs.rglob("*"))):
        if number > MAX_REFS:
            return False
        if path.is_file() and not path.is_symlink():
            names.append((path, f"refs/{path.relative_to(refs).as_posix()}"))
    for path, name in names:
        try:
            data = read_regular(path, MAX_REF_BYTES)
        except OSError:
            if name == "HEAD":
                return False
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return True


def _environment(folder: Path, objects: Path) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "LC_ALL": "C",
        "GIT_DIR": str(folder),
        "GIT_OBJECT_DIRECTORY": str(objects),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
