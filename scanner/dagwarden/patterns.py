"""
Patterns that are compiled when first needed: most texts meet few of them.

To compile one takes some 0.1 ms, which a commit hook would pay for each.
"""

import re
import sys
from collections.abc import Callable, Iterable
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


class Screen:
    """
    Patterns of RE2 that texts are asked for all at once, from many texts on.

    Before, not even that is known: loading it would take longer than it saves, unless
    another has loaded it.
    """

    __slots__ = ("_left", "_patterns", "_set")

    def __init__(self, many: int, patterns: Callable[[], Iterable[str]]) -> None:
        """Ask for `patterns` once that `many` characters of texts were given."""
        self._left = many
        self._patterns = patterns
        self._set: Any = None

    def found(self, text: str | bytes) -> list[int] | None:
        """
        Return the numbers of the patterns that `text` has; None: it is not known.

        Bytes need not be UTF-8: what is, is found between others.
        """
        if self._set is None:
            if self._left > 0 and "re2" not in sys.modules:
                self._left -= len(text) + _TEXT
                return None
            self._set = self._compiled()
        try:
            found: list[int] = self._set.Match(text)
        except UnicodeEncodeError:  # halves of characters
            return None
        # every text has a beginning: that it is found says that RE2 had memory enough
        return sorted(found)[:-1] if found else None

    def _compiled(self) -> Any:
        compiled = re2().Set.SearchSet()
        # what is found at every place, as "" is, takes three times as long to look for
        for pattern in (*self._patterns(), r"\A"):
            compiled.Add(pattern)
        compiled.Compile()
        return compiled


# What Python takes for a space, in a class of RE2, which by itself knows ASCII's.
SPACE = r"\s\x{b}\x{1c}-\x{1f}\x{85}\pZ"
# A text counts as so many characters more.
_TEXT = 50


def words(text: str) -> frozenset[str]:
    """Return the words of `text`."""
    return frozenset(text.split())
