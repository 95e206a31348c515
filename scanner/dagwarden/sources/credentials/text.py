"""
Credentials in lines of text of which nothing is known but that people wrote them.

For comments, scripts and files without a format: what has a value's structure is
looked into by `walk.found_in` instead.
"""

from collections.abc import Iterator

from dagwarden.sources.credentials.decode import unquoted
from dagwarden.sources.credentials.patterns import late
from dagwarden.sources.credentials.shapes import PEM
from dagwarden.sources.credentials.walk import Found, found_in

# Longer lines are not written by people: what is in them is looked for by shape only.
MAX_LINE = 2_000

_ASSIGNED = late(
    r"(?P<name>[A-Za-z][\w.-]{0,60})[\"']?\s{0,4}(?:=>|:=|[=:])\s{0,4}"
    r"(?:(?P<quote>[\"'])(?P<quoted>[^\"']{4,2000})(?P=quote)"
    r"|(?P<bare>[^\s&=#'\",;(){}\[\]]{4,2000}+)(?![(\[{]))"
)
# `self.password`, `config.db.password`: where code has it from
_ATTRIBUTE = late(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def found_in_text(text: str) -> Iterator[tuple[int, Found]]:
    """
    Yield the credentials in `text`, each with its line; the first line is 1.

    A credential is told by its shape, or by the name that it is assigned to
    (`name = value`, `name: value`, `"name": "value"`), which is its place.
    """
    if "PRIVATE" in text:
        for match in PEM().finditer(text):
            number = text.count("\n", 0, match.start()) + 1
            for found in found_in("", match[0]):
                yield number, found
    for number, line in enumerate(text.splitlines(), 1):
        seen: set[str] = set()
        for found in _in_line(line):
            if found.kind != "private_key" and found.value not in seen:
                seen.add(found.value)
                yield number, found


def _in_line(line: str) -> Iterator[Found]:
    if len(line) <= MAX_LINE:
        for match in _ASSIGNED().finditer(line):
            bare = match["bare"]
            if bare and _ATTRIBUTE().fullmatch(bare):
                continue
            value = unquoted(bare) if bare else match["quoted"]
            yield from found_in(match["name"], value)
    yield from found_in("", line.strip())
