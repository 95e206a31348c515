"""Opening what a user or a repository names: regular files only, up to a size."""

import os
import stat
from io import BufferedReader
from pathlib import Path


def open_regular(path: Path) -> BufferedReader:
    """
    Open a regular file for reading; raises OSError for all else.

    A pipe or a device would hang the reader or never end.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "not a regular file")
    return os.fdopen(descriptor, "rb")


def read_regular(path: Path, limit: int) -> bytes:
    """Return the first `limit` + 1 bytes of a regular file; raises OSError."""
    with open_regular(path) as file:
        # room for no more than there is; some file systems tell no size
        size = os.fstat(file.fileno()).st_size or limit
        return file.read(min(size, limit) + 1)
