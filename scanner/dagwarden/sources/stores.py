"""
The folder in which earlier runs of this user left what they came to.

A store is only ever a shortcut: what is missing, damaged or cannot be written costs
time and changes nothing. It holds facts without secrets, for its owner's eyes only, and
never lies in what is scanned. What a store is called gives away nothing of the inputs:
it is a digest under a key of the folder's own.
"""

import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b, sha256
from pathlib import Path

import dagwarden
from dagwarden.files import read_regular

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


def place_of_stores(root: Path) -> Path | None:
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


def load(folder: Path, key: bytes) -> bytes | None:
    """Return what was saved under `key`; None: nothing, or it is damaged."""
    file = _file(folder, key)
    try:
        content = read_regular(file, MAX_STORE)
    except OSError:
        return None
    held = memoryview(content)[32:]
    if _sum(key, held) != content[:32]:
        return None
    with suppress(OSError):
        os.utime(file)  # it was used
    return bytes(held)


def save(folder: Path, key: bytes, content: bytes) -> None:
    """Leave `content` under `key`, where there is room."""
    if len(content) >= MAX_STORE:
        return
    with suppress(OSError):  # no more room, or none of ours
        _write(_file(folder, key), _sum(key, content), content)
        _make_room(folder)


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


def _file(folder: Path, key: bytes) -> Path:
    return folder / f"{key.hex()}{_ENDING}"


def _sum(key: bytes, content: bytes | memoryview) -> bytes:
    digest = sha256(key)
    digest.update(content)
    return digest.digest()


def _write(file: Path, *content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it."""
    part = file.with_name(f"{os.urandom(8).hex()}{_PART}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(part, flags, 0o600), "wb") as stream:
            stream.writelines(content)
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


# ----------------------------------------------------------- what makes a store another


def program() -> Iterator[bytes]:
    """
    Yield what tells this program from another: Python, what is installed, our code.

    The version alone does not tell. Raises OSError where the code does not lie in
    files.
    """
    yield sys.version.encode()
    yield from _installed()
    yield from _code()


def _code() -> Iterator[bytes]:
    """Yield our own code, and the catalogues."""
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


def key_of(folder: Path, parts: Iterable[bytes]) -> bytes:
    """
    Return one key for all of `parts`, in their order, under that of the folder.

    Raises OSError where the folder can hold no key.
    """
    digest = blake2b(key=_secret(folder), digest_size=32)
    for part in parts:
        digest.update(sha256(part).digest())
    return digest.digest()
