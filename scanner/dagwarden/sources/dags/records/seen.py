"""
What was looked at on the way to facts, and whether the same would be seen again.

Every path that a fact rests on is looked at through this module: a file by what it
holds, a name under which nothing was found by its absence.
"""

import os
import stat
import time
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from dagwarden.facts import GapReason
from dagwarden.files import read_regular

MAX_SIZE = 5_000_000
# Nanoseconds after which a change to a file shows in its times on any file system.
SETTLED = 2_000_000_000
# Bytes of the digest of a file's content.
_DIGEST = 32


class Unreadable(Exception):
    """A file cannot be read as Python."""

    def __init__(self, reason: GapReason, detail: str, line: int | None = None) -> None:
        """Say why in one line that quotes nothing of the file."""
        super().__init__(detail)
        self.reason: GapReason = reason
        self.detail = detail
        self.line = line


class Seen(Struct, frozen=True, array_like=True):
    """
    What was at a path.

    `digest` is that of a file's content, or of the names in a folder, which begins with
    a slash; empty: nothing was there. `stamp` is what
    the file system said of the file; while it says the same, the content is the same.
    It is empty where that cannot be relied on.
    """

    path: bytes
    digest: bytes = b""
    stamp: tuple[int, ...] = ()


def nothing_at(path: Path) -> Seen:
    """Return that nothing is at `path`."""
    return Seen(os.fsencode(path))


def look(path: Path, root: Path, limit: int = MAX_SIZE) -> tuple[bytes, Seen]:
    """
    Return what a file holds, as bytes and as what was seen.

    Raises `Unreadable` for what is no regular file of up to `limit` bytes, or a
    link to outside of `root`.
    """
    global _last
    try:
        status = _status(path)
        if status is None:
            detail = "no regular file, or a link that leads nowhere"
            raise Unreadable("unreadable", detail)
        if stat.S_ISLNK(status.st_mode) and is_outside(path, root):
            raise Unreadable("unreadable", "a link leads out of the scanned root")
        name = os.fsencode(path)
        known, seen = _last
        same = seen.path == name and seen.stamp and seen.stamp == _said(status)
        data = known if same else read_regular(path, limit)
    except OSError as error:
        detail = f"cannot read the file: {why(error)}"
        raise Unreadable("unreadable", detail) from None
    if len(data) > limit:
        raise Unreadable("too_large", f"larger than {limit // 1_000_000} MB")
    if not same:
        _last = data, Seen(name, sha256(data).digest(), _stamp(status))
    return _last


# What was looked at last: a file has several readers, one after the other.
_last: tuple[bytes, Seen] = b"", Seen(b"")


def _status(path: Path) -> os.stat_result | None:
    """Return what stands at `path`, None where that is no regular file."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    if stat.S_ISREG(status.st_mode):
        return status
    return status if stat.S_ISLNK(status.st_mode) and path.is_file() else None


def look_into(path: Path) -> tuple[list[tuple[str, bool]] | None, Seen]:
    """
    Return the names in a folder and which are folders, and what was seen.

    None instead of the names where a link leads to a folder. Raises OSError for what
    is no folder.
    """
    with os.scandir(path) as entries:
        found = sorted((one.name, one.is_dir(), one.is_symlink()) for one in entries)
    digest = b"/" + sha256(repr(found).encode()).digest()
    links = any(is_folder and linked for _, is_folder, linked in found)
    names = [(name, is_folder) for name, is_folder, _ in found]
    return None if links else names, Seen(os.fsencode(path), digest)


def again(seen: Seen, root: Path) -> Seen | None:
    """Return what is at the path now, None where it is not the same."""
    if not seen.digest:
        return None if os.path.exists(seen.path) else seen
    if seen.digest.startswith(b"/") and len(seen.digest) > _DIGEST:
        try:
            return seen if look_into(Path(os.fsdecode(seen.path)))[1] == seen else None
        except OSError:
            return None
    if seen.stamp and seen.stamp == _times(seen.path):
        return seen
    try:
        _, now = look(Path(os.fsdecode(seen.path)), root)
    except Unreadable:
        return None
    return now if now.digest == seen.digest else None


def _times(path: bytes) -> tuple[int, ...]:
    try:
        return _said(os.lstat(path))
    except OSError:
        return ()


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    """
    Return what tells one state of a file from the next.

    A file changed a moment ago may change again without its times showing that, and
    a link says nothing of what it leads to.
    """
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    settled = time.time_ns() - changed > SETTLED
    return _said(status) if settled and stat.S_ISREG(status.st_mode) else ()


def _said(status: os.stat_result) -> tuple[int, ...]:
    # the time of the last change of any kind cannot be set, unlike that of content
    return (
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_size,
        status.st_ino,
        status.st_dev,
    )


def is_outside(link: Path, root: Path) -> bool:
    """Say whether a link leads out of `root`."""
    inside = os.path.realpath(root)
    return os.path.commonpath([os.path.realpath(link), inside]) != inside


def why(error: OSError) -> str:
    """Return what the system said, in lower case."""
    return (error.strerror or type(error).__name__).lower()
