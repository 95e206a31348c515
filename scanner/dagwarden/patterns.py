"""
Patterns that are compiled when first needed: most texts meet few of them.

To compile one takes some 0.1 ms, which a commit hook pays for each.
"""

import re
from collections.abc import Callable
from functools import cache

Late = Callable[[], re.Pattern[str]]


def late(pattern: str, flags: int = 0) -> Late:
    """Return what compiles `pattern` once, when it is first called."""
    return cache(lambda: re.compile(pattern, flags))


def words(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())
