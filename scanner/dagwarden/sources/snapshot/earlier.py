"""What the files of a snapshot came to in an earlier run, while they are the same."""

import hashlib
import os
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from dagwarden.errors import SourceError
from dagwarden.facts import Facts
from dagwarden.files import open_regular
from dagwarden.sources import stores
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot.read import files_of

# Bytes of input below which reading takes no longer than looking here.
SMALL = 2_000_000
_DECODER = msgspec.msgpack.Decoder(Facts)


class Earlier:
    """The store of these files, read in this way: what they came to, without secrets."""

    def __init__(self, folder: Path, key: bytes, contents: tuple[str, ...]) -> None:
        """Look in `folder` under `key` for what files of these SHA-256 came to."""
        self._folder = folder
        self._key = key
        self._contents = contents

    def facts(self) -> Facts | None:
        """Return what the files came to; None: that is not known."""
        content = stores.load(self._folder, self._key)
        if content is None:
            return None
        try:
            return _DECODER.decode(zlib.decompress(content))
        except (zlib.error, msgspec.DecodeError):
            return None

    def keep(self, facts: Facts) -> None:
        """Keep what the files came to, unless they have changed meanwhile."""
        if tuple(file.sha256 for file in facts.files) == self._contents:
            # names stand in many facts: a fourteenth is left, which has room, and takes no
            # longer to read and check than the whole
            content = zlib.compress(msgspec.msgpack.encode(facts), level=1)
            stores.save(self._folder, self._key, content)


def earlier(
    paths: Sequence[Path], root: Path, how: Mapping[str, bool], fingerprint: Fingerprint
) -> Earlier | None:
    """
    Return the store for reading `paths`; None where there is none, or no need of one.

    `how` are the settings that they are read with.
    """
    try:
        files, passed_over = files_of(paths, root)
        if sum(path.stat().st_size for path in files) < SMALL:
            return None
        folder = stores.place_of_stores(root)
        if folder is None:
            return None
        contents = tuple(_sha256(path) for path in files)
        told = (sorted(how.items()), fingerprint.of("which key this is"), contents)
        key = _key(folder, root, files, (*told, passed_over))
        return Earlier(folder, key, contents)
    except (OSError, RuntimeError, SourceError):  # which reading them will tell
        return None


def _sha256(path: Path) -> str:
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _key(
    folder: Path, root: Path, paths: Sequence[Path], told: tuple[object, ...]
) -> bytes:
    names: Iterator[bytes] = (os.fsencode(path) for path in (root, *paths))
    parts = (b"snapshot", repr(told).encode("utf-8", "surrogatepass"))
    return stores.key_of(folder, chain(parts, names, stores.program()))
