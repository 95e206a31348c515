"""
A document with the lines of its values, and the credentials in it by their lines.

What a document holds is asked of `sources.credentials` as a whole, because a key file
is one by all its fields; only then is the line looked for, downwards, for as long as a
part alone tells the same.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TypeAlias

from msgspec import Struct

from dagwarden.facts import GapReason
from dagwarden.sources.credentials import Found, found_in
from dagwarden.sources.credentials.work import TooMuchWork, allowance

# Units of work for finding the lines of what a document holds.
MAX_PLACING = 400_000
# Of one file; what comes after them is not told.
MAX_SPOTS = 500
# Texts that are asked which of them holds a credential that no part tells of alone.
MAX_TEXTS = 1_000
# Characters of a key that may be a token.
LONG_KEY = 16


class Unparsable(Exception):
    """A text is not of the format that its file's name promises."""


class Partly(Exception):
    """A text is of its format, and too large or too deep to be looked into whole."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        """Say why in one line that quotes nothing of the file."""
        super().__init__(detail)
        self.reason: GapReason = reason
        self.detail = detail


class Spot(Struct, frozen=True):
    """A credential, and the line that it stands at."""

    line: int
    found: Found
    # another file that it stands in, where it is imported from there
    source: str = ""
    # files and lines of other texts that it is made of; "": the file that is read
    others: tuple[tuple[str, int], ...] = ()


Plain: TypeAlias = "str | list[Plain] | dict[str, Plain]"


class Node:
    """A value of a document: a text, a list or a mapping, and its line."""

    __slots__ = ("_plain", "as_written", "key_lines", "line", "value")

    def __init__(
        self,
        line: int,
        value: "str | list[Node] | dict[str, Node]",
        *,
        as_written: bool = False,
    ) -> None:
        """
        Stand for `value`, which begins at `line`.

        `as_written`: each line of the text is one of the document.
        """
        self.line = line
        self.as_written = as_written
        self.value = value
        self._plain: Plain | None = None
        # of a mapping: the lines of keys that are long enough for a credential
        self.key_lines: dict[str, int] = {}

    def keep(self, key: str, line: int) -> None:
        """Remember the line of a key, if it is as long as a credential."""
        if len(key) >= LONG_KEY:
            self.key_lines[key] = line

    def plain(self) -> Plain:
        """Return the value without lines; shared where the document shares it."""
        if self._plain is None:
            self._plain = self._made()
        return self._plain

    def _made(self) -> Plain:
        if isinstance(self.value, str):
            return self.value
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return {key: node.plain() for key, node in self.value.items()}

    def parts(self, place: str) -> Iterator[tuple[str, "Node"]]:
        """Yield what the value consists of, with the place of each."""
        if isinstance(self.value, list):
            yield from ((place, node) for node in self.value)
        elif isinstance(self.value, dict):
            for key, node in self.value.items():
                yield below(place, key), node


def below(place: str, key: str) -> str:
    """Return the place of what is called `key` at `place`."""
    return f"{place}.{key}" if place else key


def nodes_of(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield every value of a document with its place, each once."""
    waiting = [("", document)]
    # an alias leads to what was met before
    met: set[int] = set()
    while waiting:
        place, node = waiting.pop()
        if id(node) not in met:
            met.add(id(node))
            yield place, node
            waiting += node.parts(place)


def spots_in(place: str, node: Node) -> Iterator[Spot]:
    """Yield the credentials in a document that is called `place`."""
    once: dict[tuple[str, str], Found] = {}
    # what was found until then is told: whoever gave the allowance says that it ended
    with suppress(TooMuchWork):
        for one in islice(found_in(place, node.plain(), weak=True), MAX_SPOTS):
            # what a connection's type says of a field comes before what its name does
            once.setdefault((one.place, one.value), one)
    yield from _lined(place, node, list(once.values()))


def _lined(place: str, node: Node, wanted: list[Found]) -> Iterator[Spot]:
    """Yield each of `wanted` with its line; where that takes too long, with a text's."""
    spots: list[Spot] = []
    try:
        with allowance(MAX_PLACING):
            spots.extend(_placed(place, node, wanted))
    except TooMuchWork:
        lines: dict[str, int] = {}
        for _, part in nodes_of(node):
            if isinstance(part.value, str):
                lines.setdefault(part.value, part.line)
        placed = {spot.found for spot in spots}
        spots += [
            Spot(lines.get(found.value, node.line), found)
            for found in wanted
            if found not in placed
        ]
    yield from spots


def _placed(place: str, node: Node, wanted: list[Found]) -> Iterator[Spot]:
    """Yield each of `wanted` with the line of the smallest part that tells of it."""
    left: list[Found] = []
    parts = dict(node.parts(place)) if isinstance(node.value, dict) else {}
    on_the_way: dict[str, list[Found]] = {}
    for found in wanted:
        key = _on_the_way(place, found.place, parts)
        (left if key is None else on_the_way.setdefault(key, [])).append(found)
    for inner, own in on_the_way.items():
        told = set(found_in(inner, parts[inner].plain(), weak=True))
        left += [found for found in own if found not in told]
        here = [found for found in own if found in told]
        yield from _placed(inner, parts[inner], here)
    for inner, part in node.parts(place) if left else ():
        if not left:
            return
        told = set(found_in(inner, part.plain(), weak=True))
        if here := [found for found in left if found in told]:
            left = [found for found in left if found not in told]
            yield from _placed(inner, part, here)
    texts = _texts(node) if left else []
    for found in left:
        keys = (at for key, at in node.key_lines.items() if found.value in key)
        if line := next(keys, 0):
            yield Spot(line, found)
            continue
        holding = (part for part in texts if _holds(str(part.value), found.value))
        part = next(holding, None) or next(_telling(texts, found.value), node)
        yield Spot(_line_in(part, found.value), found)


def _on_the_way(place: str, target: str, parts: dict[str, Node]) -> str | None:
    """Return the place of the one of `parts` that leads to `target`, by their names."""
    at = len(place) + 1 if place else 0
    while parts and at >= 0:
        at = target.find(".", at + 1)
        if (inner := target if at < 0 else target[:at]) in parts:
            return inner
    return None


def _texts(node: Node) -> list[Node]:
    """Return the texts below a value, the nearest first."""
    below = [part for _, part in nodes_of(node) if isinstance(part.value, str)]
    own = [part for _, part in node.parts("") if isinstance(part.value, str)]
    return [*own, *below[:MAX_TEXTS]]


def _telling(texts: list[Node], value: str) -> Iterator[Node]:
    """Yield the texts that hold `value` in another encoding, as "Basic ..." does."""
    for text in texts:
        # a user and password may stand without the scheme: `auth` of Docker's settings
        for said in (text.value, f"Basic {text.value}"):
            if any(found.value == value for found in found_in("", said, weak=True)):
                yield text
                break


def _line_in(node: Node, value: str) -> int:
    """Return the line of a text that `value` stands at."""
    at = node.value.find(value) if isinstance(node.value, str) else -1
    below = str(node.value).count("\n", 0, at) if node.as_written and at > 0 else 0
    return node.line + below


def _holds(text: str, value: str) -> bool:
    """Say whether `value` stands in `text`, line breaks aside."""
    return value in text or value[:40] in "".join(text.split())
