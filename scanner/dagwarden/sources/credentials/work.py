"""
How much one file may be searched: what takes too long for anybody ends as a gap.

Counted in units of about a microsecond, by the size of what is searched, and so depends
on the input alone: the same file ends at the same place everywhere. Outside of an
allowance nothing is ever used up.
"""

from collections.abc import Generator
from contextlib import contextmanager
from sys import maxsize


class TooMuchWork(Exception):
    """What was allowed is used up."""


class Allowance:
    """What is left, and whether something was passed over for want of it."""

    __slots__ = ("cut", "left")

    def __init__(self, units: int) -> None:
        """Allow `units`."""
        self.left = units
        self.cut = False


# There is one search at a time in a process.
_current = Allowance(maxsize)


@contextmanager
def allowance(units: int) -> Generator[Allowance, None, None]:
    """Within it, `charge` raises `TooMuchWork` once it took more than `units`."""
    global _current
    around, _current = _current, Allowance(units)
    try:
        yield _current
    finally:
        _current = around


def charge(units: int) -> None:
    """Take `units`; raises `TooMuchWork` where there are not as many left."""
    _current.left -= units
    if _current.left < 0:
        _current.cut = True
        raise TooMuchWork


def pass_over() -> None:
    """Say that something is not searched, because there is too much of it."""
    _current.cut = True


def is_cut() -> bool:
    """Say whether something was not searched so far."""
    return _current.cut


def left() -> int:
    """Return how many units may still be taken."""
    return _current.left
