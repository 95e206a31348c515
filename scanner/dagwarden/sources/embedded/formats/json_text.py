"""JSON: settings, key files, exports, states; without comments."""

import json
import re
from collections.abc import Iterator

from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.work import TooMuchWork, allowance, charge
from dagwarden.sources.embedded.formats.structures import (
    HINTS,
    described,
    read_structures,
)
from dagwarden.sources.embedded.spots import Node, Partly, Spot, Unparsable, spots_in

# What one search goes into: see `sources.credentials`.
MAX_DEPTH = 38
MAX_VALUES = 190_000
# Units of work for the lines of values, and for one.
MAX_LINES = 600_000
_WORK_OF_VALUE = 2

_PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_DECODER = json.JSONDecoder(strict=False)
_BRACKET = re.compile(r"[{}\[\]]")


def read_json(text: str) -> Iterator[Spot]:
    """Yield the credentials of a JSON document; raises Unparsable and Partly."""
    check_bounds(text)
    document = parsed(text)
    # a list or a mapping: most hold nothing, and need no lines
    first = next(found_in("", document, weak=True), None)
    structured = any(hint in text for hint in HINTS)
    if not (first or structured):
        return
    lined = with_lines(text)
    spots = list(spots_in("", lined)) if first else []
    if structured:
        spots += read_structures(lined)
    yield from described(lined, spots)


def read_passwords(text: str) -> Iterator[Spot]:
    """Yield the passwords of users, as Airflow 3 keeps them: {"NAME": "PASSWORD"}."""
    check_bounds(text)
    parsed(text)
    for name, node in with_lines(text).parts(""):
        for found in found_in(name, node.plain(), name="password", weak=True):
            yield Spot(node.line, found)


def parsed(text: str) -> object:
    """Return a JSON document; raises Unparsable and Partly."""
    try:
        document: object = json.loads(text, strict=False)
    except RecursionError:
        raise Partly("too_deep", "nested too deeply") from None
    except ValueError:
        raise Unparsable from None
    return document


def check_bounds(text: str) -> None:
    """Raise Partly where a search would not go into the whole document."""
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise Partly("too_deep", f"nested more than {MAX_DEPTH} deep")
    if text.count(",") > MAX_VALUES and text.count(":") > MAX_VALUES:
        raise Partly("too_large", f"holds more than {MAX_VALUES:,} values")


def _depth(text: str) -> int:
    """Return how deep brackets are nested at most, those in strings included."""
    depth = deepest = 0
    for match in _BRACKET.finditer(text):
        depth += 1 if match[0] in "{[" else -1
        deepest = max(deepest, depth)
    return deepest


def with_lines(text: str) -> Node:
    """
    Return a document that is known to be JSON, with the line of each value.

    Raises Partly where it has too many.
    """
    try:
        with allowance(MAX_LINES):
            return _with_lines(text)
    except TooMuchWork:
        charge(MAX_LINES)
        raise Partly("too_large", "holds too many values to be told apart") from None


def _with_lines(text: str) -> Node:
    root = Node(1, "")
    waiting: list[Node] = []
    key: str | None = None
    keys: list[str | None] = []
    line, at = 1, 0
    for match in _PIECE.finditer(text):
        line += text.count("\n", at, match.start())
        at = match.start()
        piece = match[0]
        if piece in "]}":
            if waiting:
                waiting.pop()
                key = keys.pop()
            continue
        if piece in ",:":
            continue
        around = waiting[-1].value if waiting else None
        if isinstance(around, dict) and key is None and piece[0] == '"':
            key = _text(piece)
            waiting[-1].keep(key, line)
            continue
        charge(_WORK_OF_VALUE)
        node = Node(line, _value(piece))
        if isinstance(around, dict):
            around[key or ""] = node
            key = None
        elif isinstance(around, list):
            around.append(node)
        else:
            root = node
        if piece in "{[":
            waiting.append(node)
            keys.append(None)
    return root


def _value(piece: str) -> "str | list[Node] | dict[str, Node]":
    if piece == "{":
        return {}
    return [] if piece == "[" else _text(piece)


def _text(piece: str) -> str:
    if piece[0] != '"':
        return piece
    if "\\" not in piece:
        return piece[1:-1]
    try:
        text: str = _DECODER.decode(piece)
    except ValueError:
        return piece[1:-1]
    return text
