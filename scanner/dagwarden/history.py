"""An earlier state of the repository, for `--new-since`."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagwarden.errors import UsageError
from dagwarden.repository import Objects, objects_of

MAX_FILES = 100_000


@contextmanager
def checked_out(revision: str, root: Path) -> Generator[Path]:
    """
    Yield a folder that holds `root` as it was at `revision`; gone afterwards.

    Only regular files are written, as git holds them. Raises UsageError where git
    does not know the revision.
    """
    with objects_of(root) as objects:
        commit = objects.commit(revision) if objects else None
        if objects is None or commit is None:
            raise UsageError(
                f"git knows no revision {revision!r} here",
                where="--new-since",
                remedy="name a branch, tag or commit of the repository that is scanned",
            )
        with tempfile.TemporaryDirectory(prefix="dagwarden-") as folder:
            _write(objects, commit, root.absolute(), Path(folder))
            yield Path(folder)


def _write(objects: Objects, commit: str, root: Path, folder: Path) -> None:
    """Write every file of `commit` that lies below `root` into `folder`."""
    below = root.relative_to(objects.top).as_posix()
    prefix = "" if below == "." else f"{below}/"
    blobs = {
        path.removeprefix(prefix): identifier
        for path, identifier in objects.blobs(commit).items()
        if path.startswith(prefix)
    }
    if len(blobs) > MAX_FILES:
        raise UsageError(
            f"the revision holds more than {MAX_FILES} files",
            where="--new-since",
            remedy="compare with --baseline instead",
        )
    for path, content in zip(
        blobs, objects.contents(list(blobs.values())), strict=False
    ):
        if content is None:
            continue
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
