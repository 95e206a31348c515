"""
Patterns that are compiled when first needed: most texts meet few of them.

To compile one takes some 0.1 ms, which a commit hook would pay for each.
"""

import re
from collections.abc import Callable
from typing import Any

Late = Callable[[], re.Pattern[str]]


def late(pattern: str, flags: int = 0) -> Late:
    """Return what compiles `pattern` once, when it is first called."""
    compiled: re.Pattern[str] | None = None

    # no `cache`: to make one takes five times as long, and a hook makes 170
    def get() -> re.Pattern[str]:
        nonlocal compiled
        if compiled is None:
            compiled = re.compile(pattern, flags)
        return compiled

    return get


def re2() -> Any:
    """Return RE2's library, which has no types and takes 14 ms to load."""
    import re2 as library  # type: ignore[import-untyped]

    return library


def words(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())
