"""An earlier state of the repository, for `--new-since`."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagwarden.errors import UsageError

MAX_FILES = 100_000
# Plumbing that writes blobs as they are: no checkout hooks, filters or attributes.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


@contextmanager
def checked_out(revision: str, root: Path) -> Iterator[Path]:
    """
    Yield a folder that holds `root` as it was at `revision`; gone afterwards.

    Only regular files are written. Raises UsageError where git does not know the
    revision.
    """
    commit = _ask(
        root,
        revision,
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{revision}^{{commit}}",
    )
    listing = _ask(root, revision, "ls-tree", "-r", "-z", commit.decode().strip(), ".")
    with tempfile.TemporaryDirectory(prefix="dagwarden-") as folder:
        _write(root, _blobs(listing, revision), Path(folder))
        yield Path(folder)


def _blobs(listing: bytes, revision: str) -> list[tuple[bytes, str]]:
    """Return (object id, path) of every regular file in a `ls-tree -z` listing."""
    blobs: list[tuple[bytes, str]] = []
    for row in listing.split(b"\0"):
        head, tab, name = row.partition(b"\t")
        mode, _, rest = head.partition(b" ")
        if tab and mode in (b"100644", b"100755"):
            path = name.decode("utf-8", "surrogateescape")
            if not Path(path).is_absolute() and ".." not in Path(path).parts:
                blobs.append((rest.split(b" ")[1], path))
    if len(blobs) > MAX_FILES:
        raise UsageError(
            f"{revision} holds more than {MAX_FILES} files",
            where="--new-since",
            remedy="compare with --baseline instead",
        )
    return blobs


def _write(root: Path, blobs: list[tuple[bytes, str]], folder: Path) -> None:
    with subprocess.Popen(  # noqa: S603  fixed program, no shell
        [*_GIT, "-C", str(root), "cat-file", "--batch"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as git:
        if git.stdin is None or git.stdout is None:
            return
        for identifier, path in blobs:
            git.stdin.write(identifier + b"\n")
            git.stdin.flush()
            size = int(git.stdout.readline().split()[-1])
            content = git.stdout.read(size + 1)[:-1]
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        git.stdin.close()


def _ask(root: Path, revision: str, *arguments: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  fixed program, no shell
            [*_GIT, "-C", str(root), *arguments], capture_output=True, check=False
        )
    except OSError:
        raise UsageError("git is not installed", where="--new-since") from None
    if done.returncode or not done.stdout:
        raise UsageError(
            f"git knows no revision {revision!r} here",
            where="--new-since",
            remedy="name a branch, tag or commit of the repository at the scan's root",
        )
    return done.stdout
