"""What a zip archive holds, in memory and within bounds."""

import zlib
from collections.abc import Iterator
from io import BytesIO
from struct import error as StructError
from zipfile import BadZipFile, ZipFile, ZipInfo

from dagwarden.facts import GapReason

MAX_MEMBERS = 10_000
# Bytes of one member, and of all together.
MAX_MEMBER = 5_000_000
MAX_UNPACKED = 50_000_000
_ENCRYPTED = 0x1
# What a damaged archive makes the reader raise.
_DAMAGE = (
    *(BadZipFile, EOFError, LookupError, MemoryError, NotImplementedError, OSError),
    *(OverflowError, RuntimeError, StructError, ValueError, zlib.error),
)


class Refused(Exception):
    """An archive, or one member of it, is not looked into."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        """Say why in one line."""
        super().__init__(detail)
        self.reason: GapReason = reason
        self.detail = detail


def members_of(data: bytes) -> Iterator[tuple[str, bytes | Refused]]:
    """Yield name and content of each member; raises Refused."""
    try:
        with ZipFile(BytesIO(data)) as archive:
            listed = archive.infolist()
            if len(listed) > MAX_MEMBERS:
                detail = f"holds more than {MAX_MEMBERS:,} members"
                raise Refused("too_large", detail)
            left = MAX_UNPACKED
            for member in listed:
                if member.is_dir():
                    continue
                content = _content(archive, member, min(left, MAX_MEMBER))
                left -= len(content) if isinstance(content, bytes) else 0
                yield member.filename, content
    except _DAMAGE:
        raise Refused("malformed", "no zip archive, or a damaged one") from None


def _content(archive: ZipFile, member: ZipInfo, limit: int) -> bytes | Refused:
    if member.flag_bits & _ENCRYPTED:
        return Refused("unreadable", "encrypted")
    try:
        with archive.open(member) as stream:
            data = stream.read(limit + 1)
    except _DAMAGE:
        return Refused("malformed", "damaged")
    if len(data) > limit:
        return Refused("too_large", "more than is read of an archive")
    return data
