"""
Terraform: attributes of blocks, defaults of variables, and texts of several lines.

A small part of HCL's native syntax, line by line: a block's head, an attribute, a here
document, comments. What is an expression is a reference, and no value in clear.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import (
    read_comments,
    read_named,
    read_pem,
)
from dagwarden.sources.embedded.spots import Spot

_HEAD = re.compile(
    r"\s*(?P<kind>[\w-]+)(?P<labels>(?:[ \t]+\"?[\w.-]+\"?){0,3})[ \t]*\{\s*$"
)
_LABEL = re.compile(r"[\w.-]+")
_OPENING = frozenset("{[(")
_CLOSING = frozenset("}])")
_UNSAID = re.compile(r"\"(?:[^\"\\]|\\.)*\"|(?:#|//).*")
# A block of one attribute may stand on one line.
_ON_ONE_LINE = re.compile(
    r"\s*(?:variable|output)\s+\"(?P<label>[\w.-]+)\"\s*\{\s*"
    r"(?:default|value)\s*=\s*(?P<value>\"(?:[^\"\\]|\\.)*\")\s*\}\s*$"
)
_ATTRIBUTE = re.compile(
    r"\s*\"?(?P<name>[\w.-]+)\"?\s*[=:]\s*(?P<value>\S.*?)\s*,?\s*$"
)
_TEXT = re.compile(r"\"(?P<text>(?:[^\"\\]|\\.)*)\"\s*(?:[#/].*)?$")
_HEREDOC = re.compile(r"<<[-~]?(?P<mark>\w+)\s*$")
_ESCAPES = {"\\n": "\n", "\\t": "\t", '\\"': '"', "\\\\": "\\"}
# Units of work, for the patterns that a line is held against.
_WORK_OF_LINE = 6
# Blocks in blocks that a place tells of.
_MAX_DEPTH = 20
# What a variable's attributes are called says nothing: the variable is the name.
_OF_VARIABLE = frozenset({"default", "value"})


class _Block(NamedTuple):
    """What is open at a line: its part of a place, and the variable that it declares."""

    part: str = ""
    variable: str = ""


def read_terraform(text: str) -> Iterator[Spot]:
    """Yield the credentials of a file in HCL, commented-out lines included."""
    yield from read_comments(text, "//")
    yield from read_comments(text, "#")
    yield from read_pem(text)
    lines = text.split("\n")
    blocks: list[_Block] = []
    # what `name` was said to be a moment ago: `value` is its
    named = ""
    at = 0
    while at < len(lines):
        charge(_WORK_OF_LINE)
        line = lines[at]
        at += 1
        if line.lstrip().startswith(("#", "//")):
            continue
        opened = _Block()
        if short := _ON_ONE_LINE.match(line):
            value = _unescaped(short["value"][1:-1])
            yield from (
                Spot(at, found) for found in found_in(short["label"], value, weak=True)
            )
        elif head := _HEAD.match(line):
            opened = _block(head["kind"], _LABEL.findall(head["labels"]))
        elif attribute := _ATTRIBUTE.match(line):
            name = attribute["name"]
            opened = _Block(name)
            if name in _OF_VARIABLE and blocks and blocks[-1].variable:
                name = blocks[-1].variable
            elif name == "value" and named:
                name = named
            elif name == "secret_data":
                name = "secret"
            place = ".".join(
                filter(None, (*(one.part for one in blocks[:_MAX_DEPTH]), name))
            )
            if document := _HEREDOC.search(attribute["value"]):
                end = _end(lines, at, document["mark"])
                inner = "\n".join(lines[at:end])
                yield from _document(place, name, inner, at)
                at = end + 1
            elif written := _TEXT.match(attribute["value"]):
                value = _unescaped(written["text"])
                named = value if name == "name" else ""
                yield from (
                    Spot(at, found)
                    for found in found_in(place, value, name=name, weak=True)
                )
            elif attribute["value"] not in _OPENING:
                yield from (Spot(at, one.found) for one in read_named(line))
        elif line.strip()[:1] not in _CLOSING:
            yield from (Spot(at, one.found) for one in read_named(line))
        _follow(blocks, line, opened)


def _block(kind: str, labels: list[str]) -> _Block:
    """Return what a block's head opens, by its address where it has one."""
    if kind in ("variable", "output", "locals"):
        return _Block(variable=labels[-1] if labels else "")
    return _Block(
        ".".join(labels if kind == "resource" and labels else [kind, *labels])
    )


def _follow(blocks: list[_Block], line: str, opened: _Block) -> None:
    """Open and close what a line does; what it opens first is `opened`."""
    for sign in _UNSAID.sub("", line):
        if sign in _OPENING:
            blocks.append(opened)
            opened = _Block()
        elif sign in _CLOSING and blocks:
            blocks.pop()


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nt\"\\]", lambda one: _ESCAPES[one[0]], text)


def _end(lines: list[str], start: int, mark: str) -> int:
    for at in range(start, len(lines)):
        if lines[at].strip() == mark:
            return at
    return len(lines)


def _document(place: str, name: str, text: str, above: int) -> Iterator[Spot]:
    """Yield what a here document holds, which starts below line `above`."""
    for found in found_in(place, text, name=name, weak=True):
        at = text.find(found.value[:40])
        yield Spot(above + 1 + (text.count("\n", 0, at) if at > 0 else 0), found)
