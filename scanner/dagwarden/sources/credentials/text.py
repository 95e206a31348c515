"""
Credentials in lines of text of which nothing is known but that people wrote them.

For comments, scripts and files without a format: what has a value's structure is
looked into by `walk.found_in` instead.
"""

import re
from collections.abc import Iterable, Iterator

from dagwarden.sources.credentials.keys import PEM
from dagwarden.sources.credentials.walk import Found, found_in, may_hold_secret
from dagwarden.sources.credentials.work import charge

# Longer lines are looked into in pieces that overlap by as much as a token is long.
_PIECE = 20_000
_OVERLAP = 2_000
_ENDS = " \t\"'`,;"


def numbered(
    text: str, matches: Iterable[re.Match[str]], group: int | str = 0
) -> Iterator[tuple[int, re.Match[str]]]:
    """
    Yield each of `matches` in `text` with the line that its `group` begins at.

    They are in order, as `finditer` has them: no part of the text is counted twice.
    """
    line, at = 1, 0
    for match in matches:
        line += text.count("\n", at, match.start(group))
        at = match.start(group)
        yield line, match


def pieces(line: str) -> Iterator[str]:
    """Yield a line in parts that are looked into in bounded time; no word is cut."""
    start = 0
    while len(line) - start > _PIECE:
        part = line[start : start + _PIECE]
        # what goes on behind the part is whole in the next
        end = max(map(part.rfind, _ENDS))
        yield part[:end] if end > _PIECE - _OVERLAP else part
        start += _PIECE - _OVERLAP
    yield line[start:]


def found_in_text(text: str, *, weak: bool = False) -> Iterator[tuple[int, Found]]:
    """
    Yield the credentials in `text`, each with its line; the first line is 1.

    A credential is told by its shape, or by the name that it is assigned to
    (`name = value`, `name: value`, `"name": "value"`), which is its place.
    With `weak` also what only may be one.
    """
    if "PRIVATE" in text:
        for number, match in numbered(text, PEM().finditer(text)):
            for found in found_in("", match[0]):
                yield number, found
    # editors count these lines, not those that end at a form feed
    for number, line in enumerate(text.split("\n"), 1):
        charge(1)
        if len(line) < _PIECE and not may_hold_secret("", line.strip()):
            continue
        seen: set[str] = set()
        for piece in pieces(line):
            for found in found_in("", piece.strip(), weak=weak):
                whole = found.kind != "private_key" or found.prefix
                if whole and found.value not in seen:
                    seen.add(found.value)
                    yield number, found
