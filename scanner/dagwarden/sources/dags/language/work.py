"""
How much work one file may cost: what nobody can follow in time ends as a gap.

Work is counted in units of about a microsecond, or of a few dozen bytes: an
operation charges for the size of what it touches, before it touches it. Counting
depends on the input alone, so the same input ends at the same place everywhere. The
clock is only a last fence, for work that is not counted as it should be: on any
machine that is not five times slower than ours the units are used up long before.
"""

from collections.abc import Generator
from contextlib import contextmanager
from sys import maxsize
from time import process_time

# For one file, with all it imports: 200 times what the largest of Google's
# example DAGs takes (20 KB).
MAX_UNITS = 1_500_000
# Seconds of processor time.
MAX_SECONDS = 10.0
# Units between two looks at the clock.
_INTERVAL = 10_000


class TooMuchWork(Exception):
    """What was allowed is used up; `by_the_clock`: on another day it may suffice."""

    by_the_clock = False


class _TooMuchTime(TooMuchWork):
    """The last fence."""

    by_the_clock = True


# Plain numbers, because every expression is charged for. There is one reading at a
# time in a process; outside of an allowance nothing is ever used up.
_left = maxsize
_look_at = 0
_fence = 0.0
_bounded = False


@contextmanager
def allowance(units: int) -> Generator[None, None, None]:
    """
    Within it, `charge` raises `TooMuchWork` once it took more than `units`.

    What is taken within it is not taken from the allowance around it; the last fence
    is the same for both.
    """
    global _left, _look_at, _fence, _bounded
    before = _left, _look_at, _bounded
    _left, _look_at, _bounded = units, max(units - _INTERVAL, 0), True
    try:
        yield
    finally:
        _left, _look_at, _bounded = before
        if not _bounded:
            _fence = 0.0


def charge(units: int = 1) -> None:
    """Take `units`; raises `TooMuchWork` where there are not as many left."""
    global _left
    _left -= units
    if _left < _look_at:
        _look()


def left() -> int:
    """Return how many units may still be taken."""
    return max(_left, 0)


def _look() -> None:
    global _look_at, _fence
    if _left < 0:
        raise TooMuchWork
    # asking for the time takes longer than a small file has to be looked at
    now = process_time()
    if not _fence:
        _fence = now + MAX_SECONDS
    if now > _fence:
        raise _TooMuchTime
    _look_at = max(_left - _INTERVAL, 0)
