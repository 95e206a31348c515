"""
What a zip or tar archive holds, in memory and within bounds.

Nothing is written to a disk, and links in an archive are not followed.
"""

import bz2
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from itertools import islice
from struct import error as StructError
from typing import Protocol
from zipfile import BadZipFile, ZipFile, ZipInfo

from dagwarden.facts import GapReason
from dagwarden.sources.embedded.walk import PACKED, TAR

MAX_MEMBERS = 10_000
# Bytes of one member, and of all together.
MAX_MEMBER = 5_000_000
MAX_UNPACKED = 50_000_000
_ENCRYPTED = 0x1
_CUT = "ends before what it holds does"
# Of what lzma needs to unpack.
_MAX_MEMORY = 100_000_000
# What a damaged archive makes the reader raise.
_DAMAGE = (
    *(BadZipFile, EOFError, LookupError, MemoryError, NotImplementedError, OSError),
    *(OverflowError, RuntimeError, StructError, ValueError, zlib.error),
    *(lzma.LZMAError, tarfile.TarError, RecursionError),
)


class _Unpacking(Protocol):
    """What undoes a compression, as the modules of Python have it."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_PACKED: tuple[tuple[bytes, Callable[[], _Unpacking]], ...] = (
    (b"\x1f\x8b", partial(zlib.decompressobj, wbits=31)),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\0", partial(lzma.LZMADecompressor, memlimit=_MAX_MEMORY)),
)


class Refused(Exception):
    """An archive, or one member of it, is not looked into."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        """Say why in one line."""
        super().__init__(detail)
        self.reason: GapReason = reason
        self.detail = detail


def members_of(name: str, data: bytes) -> Iterator[tuple[str, bytes | Refused]]:
    """Yield name and content of each member of an archive; raises Refused."""
    lowered = name.lower()
    if lowered.endswith(TAR):
        return _in_tar(data)
    return _alone(lowered, data) if lowered.endswith(PACKED) else _in_zip(data)


def _alone(name: str, data: bytes) -> Iterator[tuple[str, bytes | Refused]]:
    """Yield the one file that is packed without an archive around it."""
    if not any(data.startswith(magic) for magic, _ in _PACKED):
        raise Refused("malformed", "not packed as its name says")
    try:
        unpacked, whole = _unpacked(data, MAX_MEMBER)
    except _DAMAGE:
        raise Refused("malformed", "damaged") from None
    if len(unpacked) > MAX_MEMBER:
        raise Refused("too_large", "unpacks to more than is read of an archive")
    yield name.rpartition(".")[0], unpacked
    if not whole:
        raise Refused("malformed", _CUT)


def _in_zip(data: bytes) -> Iterator[tuple[str, bytes | Refused]]:
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


def _in_tar(data: bytes) -> Iterator[tuple[str, bytes | Refused]]:
    unpacked, whole = b"", True
    try:
        unpacked, whole = _unpacked(data)
        with tarfile.open(
            fileobj=BytesIO(unpacked), mode="r:", errors="replace"
        ) as tar:
            left = MAX_UNPACKED
            members = iter(tar)
            for member in islice(members, MAX_MEMBERS):
                if not member.isreg():
                    continue
                content = _content_in_tar(tar, member, min(left, MAX_MEMBER))
                left -= len(content) if isinstance(content, bytes) else 0
                yield member.name, content
            if next(members, None) is not None:
                detail = f"holds more than {MAX_MEMBERS:,} members"
                raise Refused("too_large", detail)
    except _DAMAGE:
        if len(unpacked) <= MAX_UNPACKED:
            detail = "no tar archive, or a damaged one"
            raise Refused("malformed", detail) from None
    if len(unpacked) > MAX_UNPACKED:  # what there is more of ended it
        raise Refused("too_large", "unpacks to more than is read of an archive")
    if not whole:
        raise Refused("malformed", _CUT)


def _content_in_tar(
    tar: tarfile.TarFile, member: tarfile.TarInfo, limit: int
) -> bytes | Refused:
    if member.size > limit:
        return Refused("too_large", "more than is read of an archive")
    try:
        stream = tar.extractfile(member)
        return stream.read(limit) if stream is not None else b""
    except _DAMAGE:
        return Refused("malformed", "damaged")


def _unpacked(data: bytes, most: int = MAX_UNPACKED) -> tuple[bytes, bool]:
    """
    Return what is compressed, hardly more than `most` bytes of it, and whether it is whole.

    Raises one of _DAMAGE.
    """
    start = next((one for magic, one in _PACKED if data.startswith(magic)), None)
    if start is None:
        return data, True
    unpacked = bytearray()
    whole = True
    while data and (left := most + 1 - len(unpacked)) > 0:
        stream = start()
        unpacked += stream.decompress(data, left)
        whole = stream.eof
        # one may follow another, and zeros fill up a block
        data = stream.unused_data.lstrip(b"\0") if whole else b""
    return bytes(unpacked), whole
