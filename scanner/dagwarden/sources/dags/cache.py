"""
What files came to in an earlier run, for as long as nothing that it rests on changed.

One store for each set of inputs that are no files: the code of dagwarden, Python, what
is installed beside it, the environment's settings, the fingerprint key. In it, for each
DAG file, its outcome, and what was seen at every path that was looked at on the way.

A store is only ever a shortcut: what is missing, damaged or cannot be written costs
time and changes nothing. It holds facts without secrets, for its owner's eyes only, and
never lies in what is scanned. What a store is called gives away nothing of the inputs:
it is a digest under a key of the folder's own.
"""

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b, sha256
from pathlib import Path

import msgspec

import dagwarden
from dagwarden.files import read_regular
from dagwarden.sources.credentials import Fingerprint, without_secrets
from dagwarden.sources.dags.records.outcome import Environment, Outcome, Read, decoded
from dagwarden.sources.dags.records.seen import Seen, again

# Bytes of one store, and of all together: the least recently used are dropped.
MAX_STORE = 200_000_000
MAX_STORES = 500_000_000
# Seconds after which what was being written is left over.
_LEFT_OVER = 3_600
_ENDING = ".facts"
_PART = ".part"
# What the names of stores are made with: random, for as long as the folder is there.
_KEY = "key"
_KEY_SIZE = 32


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
        self._file = folder / f"{key.hex()}{_ENDING}"
        self._key = key
        stored = self._read()
        self._entries = stored.entries
        # None: it is not there, or not the same, any more
        self._seen = [again(seen, root) for seen in stored.seen]
        self._changed = self._seen != list(stored.seen)
        self._kept: dict[bytes, tuple[bytes, Sequence[Seen], msgspec.Raw]] = {}

    def _read(self) -> _Stored:
        try:
            content = read_regular(self._file, MAX_STORE)
            if self._sum(content[32:]) != content[:32]:
                return _NOTHING
            stored = _DECODER.decode(content[32:])
        except (OSError, msgspec.DecodeError):
            return _NOTHING
        with suppress(OSError):
            os.utime(self._file)  # it was used
        return stored

    def _sum(self, content: bytes) -> bytes:
        return sha256(self._key + content).digest()

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
        if len(content) < MAX_STORE:
            try:
                _write(self._file, self._sum(content) + content)
                _make_room(self._file.parent)
            except OSError:  # no more room, or none of ours
                return


def cache_for(
    root: Path, environment: Environment, folders: Iterable[Path]
) -> Cache | None:
    """Return the cache for reading `folders` below `root`; None where there is none."""
    try:
        place = _place(root)
        if place is None:
            return None
        key = _key(_secret(place), root, environment, folders)
    except (OSError, RuntimeError):
        return None
    return Cache(place, key, root)


def _tells_secret(seen: Seen) -> bool:
    path = os.fsdecode(seen.path)
    return without_secrets(path) != path


# ------------------------------------------------------------------------- the place


def _place(root: Path) -> Path | None:
    """Return the folder of all stores, made for its owner; None: not to be used."""
    said = Path(os.environ.get("XDG_CACHE_HOME", ""))
    base = said if said.is_absolute() else Path.home() / ".cache"
    scanned = Path(os.path.realpath(root))
    if scanned in (Path(os.path.realpath(base)) / "dagwarden").parents:
        return None
    folder = base / "dagwarden"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.geteuid():
        return None
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder


def _secret(folder: Path) -> bytes:
    """Return the key of the folder, made where there is none; raises OSError."""
    file = folder / _KEY
    for _ in range(2):
        with suppress(FileNotFoundError):
            held = read_regular(file, _KEY_SIZE)
            if len(held) == _KEY_SIZE:
                return held
        _write(file, os.urandom(_KEY_SIZE))
    raise OSError


def _write(file: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it."""
    part = file.with_name(f"{os.urandom(8).hex()}{_PART}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
            stream.write(content)
        os.replace(part, file)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def _make_room(folder: Path) -> None:
    """Drop what was used least recently, and what others left half written."""
    with os.scandir(folder) as entries:
        found = [
            (entry, entry.stat(follow_symlinks=False))
            for entry in entries
            if entry.name.endswith((_ENDING, _PART))
            and entry.is_file(follow_symlinks=False)
        ]
    room = MAX_STORES
    for entry, status in sorted(found, key=lambda one: -one[1].st_mtime_ns):
        room -= status.st_size
        part = entry.name.endswith(_PART)
        if room < 0 or (part and time.time() - status.st_mtime > _LEFT_OVER):
            os.unlink(entry.path)


# --------------------------------------------------------------------------- the key


def _key(
    secret: bytes, root: Path, environment: Environment, folders: Iterable[Path]
) -> bytes:
    """
    Return, under the key `secret`, what tells apart all that decides about facts and is no scanned file.

    What an environment holds counts as Python writes it: records, all the way down.
    """
    told = {
        name: value.of(_WHICH_KEY) if isinstance(value, Fingerprint) else value
        for name, value in zip(environment._fields, environment, strict=True)
    }
    parts = [
        *(os.fsencode(path) for path in (root, *folders)),
        repr(told).encode("utf-8", "surrogatepass"),
        sys.version.encode(),
        *_installed(),
        *_code(),
    ]
    digest = blake2b(key=secret, digest_size=32)
    for part in parts:
        digest.update(sha256(part).digest())
    return digest.digest()


_WHICH_KEY = "which key this is"


def _code() -> Iterator[bytes]:
    """
    Yield our own code, and the catalogue: the version alone does not tell.

    Raises OSError where it does not lie in files.
    """
    yield Path(__file__).read_bytes()
    for folder, folders, files in os.walk(Path(dagwarden.__file__).parent):
        folders[:] = sorted(set(folders) - {"__pycache__", "_bundle"})
        for name in sorted(files):
            yield Path(folder, name).read_bytes()


def _installed() -> Iterator[bytes]:
    """Yield name and version of all that is installed."""
    for folder in sys.path:
        if os.path.isdir(folder):
            for name in sorted(os.listdir(folder)):
                if name.endswith(".dist-info"):
                    yield name.encode("utf-8", "surrogateescape")
