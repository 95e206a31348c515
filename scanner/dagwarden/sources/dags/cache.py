"""
What files came to in an earlier run, for as long as nothing that it rests on changed.

One store for each set of inputs that are no files: the code of dagwarden, Python, what
is installed beside it, the environment's settings, the fingerprint key. In it, for each
DAG file, its outcome, and what was seen at every path that was looked at on the way.
"""

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from dagwarden.sources import stores
from dagwarden.sources.credentials import Fingerprint, without_secrets
from dagwarden.sources.dags.records.outcome import Environment, Outcome, Read, decoded
from dagwarden.sources.dags.records.seen import Seen, again


class _Entry(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of one file of a DAG folder; `rests_on` are numbers of `seen`."""

    folder: bytes
    rests_on: tuple[int, ...]
    outcome: msgspec.Raw


class _Stored(msgspec.Struct, frozen=True, array_like=True):
    """What a store holds after its checksum."""

    seen: tuple[Seen, ...]
    entries: dict[bytes, _Entry]


_DECODER = msgspec.msgpack.Decoder(_Stored)
_NOTHING = _Stored((), {})


class Cache:
    """One store: what is known at the start of a run, and what is kept at its end."""

    def __init__(self, folder: Path, key: bytes, root: Path) -> None:
        """Read the store of `key` in `folder`; what was seen is looked at again."""
        self._folder = folder
        self._key = key
        stored = self._read()
        self._entries = stored.entries
        # None: it is not there, or not the same, any more
        self._seen = [again(seen, root) for seen in stored.seen]
        self._changed = self._seen != list(stored.seen)
        self._kept: dict[bytes, tuple[bytes, Sequence[Seen], msgspec.Raw]] = {}

    def _read(self) -> _Stored:
        content = stores.load(self._folder, self._key)
        try:
            return _NOTHING if content is None else _DECODER.decode(content)
        except msgspec.DecodeError:
            return _NOTHING

    def known(self, path: Path, folder: Path) -> Outcome | None:
        """Return what a file comes to, where all that it rests on is as it was."""
        name = os.fsencode(path)
        entry = self._entries.get(name)
        if entry is None or entry.folder != os.fsencode(folder):
            return None
        seen = [one for at in entry.rests_on if (one := self._seen[at]) is not None]
        if len(seen) < len(entry.rests_on):
            return None
        self._kept[name] = entry.folder, seen, entry.outcome
        return decoded(entry.outcome)

    def keep(self, path: Path, folder: Path, read: Read) -> None:
        """Keep what a file came to, if it comes to the same again."""
        if read.seen is None or any(_tells_secret(seen) for seen in read.seen):
            return
        self._changed = True
        kept = os.fsencode(folder), read.seen, read.outcome
        self._kept[os.fsencode(path)] = kept

    def save(self) -> None:
        """Write what this run met, and nothing else, where that is not there yet."""
        if not self._changed and len(self._kept) == len(self._entries):
            return
        numbers: dict[Seen, int] = {}
        entries = {
            name: _Entry(
                folder,
                tuple(numbers.setdefault(one, len(numbers)) for one in seen),
                outcome,
            )
            for name, (folder, seen, outcome) in self._kept.items()
        }
        content = msgspec.msgpack.encode(_Stored(tuple(numbers), entries))
        stores.save(self._folder, self._key, content)


def cache_for(
    root: Path, environment: Environment, folders: Iterable[Path]
) -> Cache | None:
    """Return the cache for reading `folders` below `root`; None where there is none."""
    try:
        place = stores.place_of_stores(root)
        if place is None:
            return None
        key = _key(place, root, environment, folders)
    except (OSError, RuntimeError):
        return None
    return Cache(place, key, root)


def _tells_secret(seen: Seen) -> bool:
    path = os.fsdecode(seen.path)
    return without_secrets(path) != path


# --------------------------------------------------------------------------- the key


def _key(
    place: Path, root: Path, environment: Environment, folders: Iterable[Path]
) -> bytes:
    """
    Return what tells apart all that decides about facts and is no scanned file.

    What an environment holds counts as Python writes it: records, all the way down.
    """
    told = {
        name: _which(value) if isinstance(value, Fingerprint) else value
        for name, value in asdict(environment).items()
    }
    return stores.key_of(
        place,
        chain(
            (os.fsencode(path) for path in (root, *folders)),
            (repr(told).encode("utf-8", "surrogatepass"),),
            stores.program(),
        ),
    )


def _which(fingerprint: Fingerprint) -> str | None:
    """Return what tells one kept key from the next; others are all the same."""
    return fingerprint.of("which key this is") if fingerprint.kept else None
