"""
DAGs packed in a zip archive: what it holds, read in memory and within bounds.

Airflow puts the archive on Python's path and imports the modules at its top, so what
counts is what Python can import from it. The rest is told, not read by other means.
"""

import zlib
from io import BytesIO
from pathlib import PurePosixPath
from struct import error as StructError
from typing import TYPE_CHECKING

from msgspec import Struct

from dagwarden.facts import GapReason

if TYPE_CHECKING:
    from zipfile import ZipFile, ZipInfo

MAX_ARCHIVE = 20_000_000
MAX_MEMBERS = 10_000
# Bytes of one module, and of all modules together.
MAX_MODULE = 5_000_000
MAX_UNPACKED = 20_000_000

_ENCRYPTED = 0x1
# How Python can import what is packed: as it is, or deflated.
_METHODS = (0, 8)
# What a damaged archive makes the reader raise.
_DAMAGE = (
    *(EOFError, LookupError, MemoryError, NotImplementedError, OSError, OverflowError),
    *(RuntimeError, StructError, ValueError, zlib.error),
)


class Refused(Struct, frozen=True):
    """A member that is not read; the archive itself where `member` is empty."""

    member: str
    reason: GapReason
    detail: str


class Archive(Struct, frozen=True):
    """The modules of an archive by their paths in it, and its folders."""

    modules: dict[str, bytes]
    folders: frozenset[str]
    refused: tuple[Refused, ...]

    def top(self) -> list[str]:
        """Return the modules that Airflow imports by themselves."""
        return sorted(path for path in self.modules if "/" not in path)

    def find(self, path: str) -> bytes | None:
        """Return the module at `path`, if the folders on the way are packages."""
        above = PurePosixPath(path).parent
        while above.parts:
            package = f"{above}/__init__.py" in self.modules
            if not (package or str(above) in self.folders):
                return None
            above = above.parent
        return self.modules.get(path)


def unpacked(data: bytes) -> Archive:
    """Return what the archive `data` holds, as far as it can be read."""
    import zipfile  # few repositories have any

    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _members(archive)
    except (*_DAMAGE, zipfile.BadZipFile):
        return _nothing("malformed", "no zip archive, or a damaged one")


def _nothing(reason: GapReason, detail: str) -> Archive:
    return Archive({}, frozenset(), (Refused("", reason, detail),))


def _members(archive: "ZipFile") -> Archive:
    listed = archive.infolist()
    if len(listed) > MAX_MEMBERS:
        return _nothing("too_large", f"holds more than {MAX_MEMBERS} members")
    # the last of one name is the one that counts
    members = {member.filename: member for member in listed}
    folders = {name.rstrip("/") for name in members if name.endswith("/")}
    modules: dict[str, bytes] = {}
    refused: list[Refused] = []
    left = MAX_UNPACKED
    for name in sorted(members):
        if not name.endswith((".py", ".pyc")) or _leads_out(name):
            continue
        if (why := _no_module(name)) is not None:
            refused.append(why)
            continue
        found = _module(archive, members[name], min(left, MAX_MODULE))
        if isinstance(found, Refused):
            refused.append(found)
        else:
            left -= len(found)
            modules[name] = found
    return Archive(modules, frozenset(folders), tuple(refused))


def _leads_out(name: str) -> bool:
    """Say whether no import comes to a member of this name."""
    parts = name.split("/")
    return any(part in ("", ".", "..") for part in parts) or "\\" in name


def _no_module(name: str) -> Refused | None:
    """Return why a member that Airflow would import is no module that is read."""
    if name.endswith(".pyc"):
        return Refused(name, "unsupported", "compiled Python is not read")
    if "/" not in name and "." in name.removesuffix(".py"):
        return Refused(name, "malformed", "no name that can be imported")
    return None


def _module(archive: "ZipFile", member: "ZipInfo", limit: int) -> "bytes | Refused":
    import zipfile

    name = member.filename
    if member.flag_bits & _ENCRYPTED:
        return Refused(name, "unreadable", "encrypted")
    if member.compress_type not in _METHODS:
        return Refused(name, "malformed", "packed in a way that Python cannot import")
    try:
        with archive.open(member) as stream:
            data = stream.read(limit + 1)
    except (*_DAMAGE, zipfile.BadZipFile):
        return Refused(name, "malformed", "damaged")
    if len(data) > limit:
        return Refused(name, "too_large", "more than is read of an archive")
    return data
