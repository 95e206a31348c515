"""
Credentials in lines of text of which nothing is known but that people wrote them.

For comments, scripts and files without a format: what has a value's structure is
looked into by `walk.found_in` instead.
"""

from collections.abc import Iterator

from dagwarden.sources.credentials.keys import PEM
from dagwarden.sources.credentials.walk import Found, found_in

# In lines that no person wrote, only this much is looked at.
MAX_LINE = 20_000


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
        for found in found_in("", line[:MAX_LINE].strip()):
            if found.kind != "private_key" and found.value not in seen:
                seen.add(found.value)
                yield number, found
