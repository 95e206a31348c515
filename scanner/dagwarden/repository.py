"""
What git holds of a scanned repository, read without the repository's own settings.

A repository can make git start programs: by filters, hooks, monitors, promisor
remotes. So git is given a folder of ours as its repository, with refs copied from
the real one and the real one's objects; it never sees a setting, attribute or hook,
and never looks at the work tree.
"""

import hashlib
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import IO, NamedTuple, cast

from dagwarden.files import read_regular

MAX_REFS = 10_000
# Of the stash: its newest entries, and the reflog that names them.
MAX_STASHED = 1_000
MAX_REFLOG_BYTES = 1_000_000
MAX_REF_BYTES = 10_000_000
SECONDS = 60
# Of a command whose answer is read as it comes.
LONG_SECONDS = 600
# Of a git, in bytes: a diff is made as a whole, and trees may hold each other.
MAX_MEMORY = 500_000_000
LOOK_SECONDS = 0.2
# Files of one commit: trees may hold each other, and then a few hold any number.
MAX_ENTRIES = 500_000
# As often git is started anew behind an object that it cannot read.
MAX_BROKEN = 50
# Tags may be of tags: so far.
MAX_TAGS = 20
_REGULAR = (b"100644", b"100755")
_SUBMODULE = b"160000"
_CHECK = ("cat-file", "--batch-check")
# The words of an answer to it: id, type and size.
_CHECKED = 3


class Change(NamedTuple):
    """What a commit did to a path: the blobs before and after it, if regular files."""

    path: str
    old: str | None
    new: str | None


class Loose(NamedTuple):
    """A tree or a file that a ref leads to, not by a commit."""

    ref: str
    identifier: str
    is_tree: bool


class Objects(NamedTuple):
    """The objects of a repository: `top` is its work tree's root."""

    top: Path
    environment: dict[str, str]
    # the entries of the stash: its ref leads to the last alone
    stashed: tuple[str, ...] = ()

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
        """
        Return the object id of every regular file, by its path below `top`.

        `commit` may be a tree. Of more than MAX_ENTRIES files it is the first ones.
        """
        return {
            path: one for path, one, mode in self._files(commit) if mode in _REGULAR
        }

    def submodules(self, commit: str) -> list[str]:
        """Return the paths at which a commit has another repository."""
        return [path for path, _, mode in self._files(commit) if mode == _SUBMODULE]

    def _files(self, commit: str) -> Iterator[tuple[str, str, bytes]]:
        """Yield the path, object id and mode of what a tree holds, to a bound."""
        how = ("-r", "-z", "--full-tree", "--end-of-options", commit)
        with self._asked((), "ls-tree", *how) as git:
            for row in islice(_terminated(_said_by(git)), MAX_ENTRIES):
                head, tab, name = row.partition(b"\t")
                mode, _, rest = head.partition(b" ")
                path = os.fsdecode(name)
                if tab and not path.startswith("/") and ".." not in path.split("/"):
                    yield path, rest.split(b" ")[1].decode(), mode

    def without_commit(self) -> list[Loose] | None:
        """
        Return the trees and files that refs lead to, not by any commit.

        None where git fails.
        """
        said = self.ask("for-each-ref", "--format=%(refname)")
        if said is None:
            return None
        names = os.fsdecode(said).splitlines()
        found: list[Loose] = []
        with self._asked([f"{name}^{{}}" for name in names], *_CHECK) as git:
            for name, line in zip(names, _said_by(git), strict=False):
                row = line.decode("utf-8", "replace").split()
                if len(row) == _CHECKED and row[1] in ("blob", "tree"):
                    found.append(Loose(name, row[0], row[1] == "tree"))
        return found

    def tags(self) -> dict[str, str] | None:
        """
        Return the ids of tags that have a message, each with the ref that leads to it.

        None where git fails.
        """
        said = self.ask(
            "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)"
        )
        if said is None:
            return None
        found: dict[str, str] = {}
        rows = (row.split(" ", 2) for row in os.fsdecode(said).splitlines())
        new = {one: ref for kind, one, ref in rows if kind == "tag"}
        for _ in range(MAX_TAGS):  # of tags of tags
            found |= new
            heads = zip(new.values(), self.contents(list(new)), strict=True)
            inner = ((_tagged(head), ref) for ref, head in heads)
            new = {one: ref for one, ref in inner if one and one not in found}
            if not new:
                break
        return found

    @property
    def shallow(self) -> bool:
        """Whether the clone was made without the older commits."""
        return Path(self.environment["GIT_DIR"], "shallow").exists()

    def commits(self, most: int) -> list[tuple[str, str | None]] | None:
        """
        Return the newest commits that HEAD, refs and the stash lead to, with first parents.

        Newest first, a child always before its parents; None where git fails.
        """
        order = ("--all", "--date-order", "--parents", f"--max-count={most}")
        said = self.ask("rev-list", *order, "--ignore-missing", *self.stashed)
        if said is None:
            return None
        rows = (line.split() for line in said.decode().splitlines())
        return [(row[0], row[1] if len(row) > 1 else None) for row in rows]

    def changes(
        self, commits: Iterable[tuple[str, str | None]]
    ) -> Iterator[tuple[str, list[Change]]]:
        """
        Yield each commit with what it changed of its first parent's regular files.

        Ends early where git fails, or a commit changed more than MAX_ENTRIES files.
        """
        given = list(commits)
        # the parents that are named are the ones it is compared with
        asked = [f"{one} {parent}" if parent else one for one, parent in given]
        how = ("--stdin", "-r", "-z", "--root", "--raw", "--no-renames", "--no-abbrev")
        waiting = iter(one for one, _ in given)
        here, found = None, list[Change]()
        with self._asked(asked, "diff-tree", *how) as git:
            for row in _rows(git):
                if not row.startswith(b":"):
                    if here is not None:
                        yield here, found
                    here, found = row.decode().strip(), []
                    for one in waiting:
                        if one == here:
                            break
                        yield one, []
                    continue
                old_mode, new_mode, old, new, rest = row[1:].split(b" ", 4)
                path = os.fsdecode(rest.partition(b"\0")[2])
                if path.startswith("/") or ".." in path.split("/"):
                    continue
                if len(found) >= MAX_ENTRIES:  # nobody commits as many
                    return
                was = old.decode() if old_mode in _REGULAR else None
                now = new.decode() if new_mode in _REGULAR else None
                found.append(Change(path, was, now))
            whole = git.wait() == 0
        if here is not None:
            yield here, found
        if whole:
            yield from ((one, []) for one in waiting)

    def sizes(self, identifiers: Sequence[str]) -> dict[str, int]:
        """Return the size of each blob, commit or tag that is there."""
        found: dict[str, int] = {}
        with self._asked(identifiers, *_CHECK) as git:
            for line in _said_by(git):
                row = line.decode().split()
                if len(row) == _CHECKED and row[1] != "tree":
                    found[row[0]] = int(row[2])
        return found

    def contents(self, identifiers: Sequence[str]) -> Iterator[bytes | None]:
        """
        Yield the content of each blob, in order; None where it cannot be read.

        Of a commit or tag it is the message, with a head before it.
        """
        left = list(identifiers)
        for _ in range(MAX_BROKEN):
            done = 0
            with self._asked(left, "cat-file", "--batch") as git:
                for content in _contents(_said_by(git), len(left)):
                    done += 1
                    yield content
            if done == len(left):
                return
            # git ends at an object that is broken: go on behind it
            yield None
            left = left[done + 1 :]
            if not left:
                return
        yield from (None for _ in left)

    @contextmanager
    def _asked(
        self, lines: Sequence[str], *arguments: str
    ) -> Generator[subprocess.Popen[bytes]]:
        """Yield a git that is asked `lines`; see `_watch`."""
        with tempfile.TemporaryFile() as asked:
            asked.write("".join(f"{line}\n" for line in lines).encode())
            asked.seek(0)
            with subprocess.Popen(  # noqa: S603  fixed program, no shell
                ["git", *arguments],  # noqa: S607  the user's own git
                env=self.environment,
                stdin=asked,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as git:
                ended = Event()
                watching = Thread(target=_watch, args=(git, ended), daemon=True)
                watching.start()
                try:
                    yield git
                finally:
                    ended.set()
                    git.kill()
                    # a process of one thread may be forked
                    watching.join()


def _watch(git: subprocess.Popen[bytes], ended: Event) -> None:
    """End a git that takes too long, or too much memory: a few objects can ask for it."""
    until = time.monotonic() + LONG_SECONDS
    while not ended.wait(LOOK_SECONDS):
        if time.monotonic() > until or _memory(git.pid) > MAX_MEMORY:
            git.kill()
            return


def _memory(pid: int) -> int:
    """Return how much memory of its own a process has, in bytes; 0 if nothing tells."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()
        return (int(pages[1]) - int(pages[2])) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _tagged(tag: bytes | None) -> str | None:
    """Return the id of the tag that a tag is of, None where it is of something else."""
    head = (tag or b"").split(b"\n", 2)
    if len(head) > 1 and head[1] == b"type tag":
        return head[0].removeprefix(b"object ").decode("ascii", "replace")
    return None


def _said_by(git: subprocess.Popen[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", git.stdout)


def _contents(output: IO[bytes], number: int) -> Iterator[bytes | None]:
    """Yield what `cat-file --batch` says; fewer where git ended before."""
    for _ in range(number):
        head = output.readline().split()
        if not head:
            return
        if len(head) != _CHECKED:  # missing: a partial clone
            yield None
            continue
        size = int(head[2])
        data = output.read(size + 1)
        if len(data) <= size:
            return
        yield data[:-1]


def _terminated(output: IO[bytes]) -> Iterator[bytes]:
    """Yield what ends with a NUL."""
    left = b""
    while block := output.read(1 << 20):
        *rows, left = (left + block).split(b"\0")
        yield from rows


def _rows(git: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """Yield the ids of commits, and of each change its head and its path."""
    head = b""
    for row in _terminated(_said_by(git)):
        if head:
            yield head + b"\0" + row
            head = b""
        elif row.startswith(b":"):
            head = row + b" "
        else:
            yield row


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
        environment = _environment(Path(folder), common / "objects")
        yield Objects(top, environment, _stashed(common))


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
    names.append((common / "shallow", "shallow"))
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


def _stashed(common: Path) -> tuple[str, ...]:
    """Return the entries of the stash, which only its reflog names (git-stash(1))."""
    try:
        said = read_regular(common / "logs" / "refs" / "stash", MAX_REFLOG_BYTES)
    except (OSError, ValueError):
        return ()
    found = re.findall(rb"^[0-9a-f]{40,64} ([0-9a-f]{40,64}) ", said, re.MULTILINE)
    return tuple(one.decode() for one in found[-MAX_STASHED:])


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
        # it lies beside the objects, and may say other parents than these
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "core.commitGraph",
        "GIT_CONFIG_VALUE_0": "false",
    }
