"""
Credentials in lines of text of which nothing is known but that people wrote them.

For comments, scripts and files without a format: what has a value's structure is
looked into by `walk.found_in` instead.
"""

import re
from collections.abc import Iterable, Iterator

from dagwarden.sources.credentials.keys import PEM
from dagwarden.sources.credentials.walk import Found, found_in

# In lines that no person wrote, only this much is looked at.
MAX_LINE = 20_000


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


def found_in_text(text: str) -> Iterator[tuple[int, Found]]:
    """
    Yield the credentials in `text`, each with its line; the first line is 1.

    A credential is told by its shape, or by the name that it is assigned to
    (`name = value`, `name: value`, `"name": "value"`), which is its place.
    """
    if "PRIVATE" in text:
        for number, match in numbered(text, PEM().finditer(text)):
            for found in found_in("", match[0]):
                yield number, found
    # editors count these lines, not those that end at a form feed
    for number, line in enumerate(text.split("\n"), 1):
        seen: set[str] = set()
        for found in found_in("", line[:MAX_LINE].strip()):
            if found.kind != "private_key" and found.value not in seen:
                seen.add(found.value)
                yield number, found
