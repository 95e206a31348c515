"""Notebooks: the code and the text of cells, and what running them wrote."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from msgspec.structs import replace

from dagwarden.sources.embedded.formats.json_text import parsed, with_lines
from dagwarden.sources.embedded.formats.plain import read_named
from dagwarden.sources.embedded.formats.prose import read_said
from dagwarden.sources.embedded.formats.python import read_python
from dagwarden.sources.embedded.spots import Node, Spot, Unparsable, spots_in

# Outputs of other kinds are images, and what only a browser reads.
_TEXTS = ("text", "traceback", "evalue")


class _Text(NamedTuple):
    """A text of a notebook: where it is, and the lines it is written in."""

    place: str
    code: bool
    lines: tuple[tuple[int, str], ...]


def read_notebook(text: str) -> Iterator[Spot]:
    """Yield the credentials of a notebook; raises Unparsable and Partly."""
    parsed(text)
    document = with_lines(text)
    if _get(document, "cells") is None:
        raise Unparsable
    for one in _texts(document):
        whole = "".join(line for _, line in one.lines)
        ends = _ends(part for _, part in one.lines)
        for spot in _read(one.code, whole):
            found = spot.found
            place = f"{one.place}.{found.place}" if found.place else one.place
            at = min(bisect_left(ends, spot.line), len(ends) - 1)
            yield Spot(one.lines[at][0], replace(found, place=place))
    for place, value in _values(document):
        yield from spots_in(place, value)


def _read(code: bool, text: str) -> Iterator[Spot]:
    if not code:
        yield from read_named(text)
        yield from read_said(text)
        return
    # what starts with these is for the notebook or a shell
    python = "\n".join(
        "" if line.lstrip().startswith(("%", "!", "?")) else line
        for line in text.split("\n")
    )
    try:
        yield from read_python(python)
    except Unparsable:
        yield from read_named(text)
        return
    rest = "\n".join(
        line if line.lstrip().startswith(("%", "!")) else ""
        for line in text.split("\n")
    )
    yield from read_named(rest)


def _ends(parts: Iterable[str]) -> list[int]:
    """Return the last line of the whole that each part has a piece of."""
    ends: list[int] = []
    before = 0
    for part in parts:
        before += part.count("\n")
        ends.append(before if part.endswith("\n") else before + 1)
    return ends


def _texts(document: Node) -> Iterator[_Text]:
    for number, cell in enumerate(_list(_get(document, "cells"))):
        place = f"cells.{number}"
        kind = _get(cell, "cell_type")
        code = kind is not None and kind.value == "code"
        if lines := _lines(_get(cell, "source")):
            yield _Text(f"{place}.source", code, lines)
        for output in _list(_get(cell, "outputs")):
            for lines in _written(output):
                yield _Text(f"{place}.outputs", False, lines)


def _values(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield the values that stand beside texts, with their places."""
    if (metadata := _get(document, "metadata")) is not None:
        yield "metadata", metadata
    for number, cell in enumerate(_list(_get(document, "cells"))):
        if (metadata := _get(cell, "metadata")) is not None:
            yield f"cells.{number}.metadata", metadata
        for output in _list(_get(cell, "outputs")):
            value = _get(_get(output, "data"), "application/json")
            if value is not None and not isinstance(value.value, str):
                yield f"cells.{number}.outputs", value


def _written(output: Node) -> Iterator[tuple[tuple[int, str], ...]]:
    for name in _TEXTS:
        if lines := _lines(_get(output, name)):
            yield lines
    data = _get(output, "data")
    for name, node in (
        data.value.items() if data and isinstance(data.value, dict) else ()
    ):
        told = name.startswith("text/") or name == "application/json"
        if told and (lines := _lines(node)):
            yield lines


def _get(node: Node | None, key: str) -> Node | None:
    return node.value.get(key) if node and isinstance(node.value, dict) else None


def _list(node: Node | None) -> list[Node]:
    return node.value if node and isinstance(node.value, list) else []


def _lines(node: Node | None) -> tuple[tuple[int, str], ...]:
    if node is None:
        return ()
    nodes = node.value if isinstance(node.value, list) else [node]
    return tuple((one.line, one.value) for one in nodes if isinstance(one.value, str))
