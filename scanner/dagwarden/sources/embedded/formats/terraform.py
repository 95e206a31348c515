"""
Terraform: attributes of blocks, defaults of variables, and texts of several lines.

A small part of HCL's native syntax, line by line: a block's head, an attribute, a here
document, comments. What is an expression is a reference, and no value in clear.
"""

import re
from collections.abc import Iterator

from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import (
    read_comments,
    read_named,
    read_pem,
)
from dagwarden.sources.embedded.spots import Spot

_HEAD = re.compile(r"\s*(?P<kind>[\w-]+)(?:\s+\"?(?P<label>[\w.-]+)\"?)*\s*\{\s*$")
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
# What a variable's attributes are called says nothing: the variable is the name.
_OF_VARIABLE = frozenset({"default", "value"})


def read_terraform(text: str) -> Iterator[Spot]:
    """Yield the credentials of a file in HCL, commented-out lines included."""
    yield from read_comments(text, "//")
    yield from read_comments(text, "#")
    yield from read_pem(text)
    lines = text.split("\n")
    blocks: list[str] = []
    # what `name` was said to be a moment ago: `value` is its
    named = ""
    at = 0
    while at < len(lines):
        charge(_WORK_OF_LINE)
        line = lines[at]
        at += 1
        if line.lstrip().startswith(("#", "//")):
            continue
        if short := _ON_ONE_LINE.match(line):
            value = _unescaped(short["value"][1:-1])
            yield from (
                Spot(at, found) for found in found_in(short["label"], value, weak=True)
            )
        elif head := _HEAD.match(line):
            variable = head["kind"] in ("variable", "output", "locals")
            blocks.append(head["label"] or "" if variable else "")
        elif attribute := _ATTRIBUTE.match(line):
            name = attribute["name"]
            if name in _OF_VARIABLE and blocks and blocks[-1]:
                name = blocks[-1]
            elif name == "value" and named:
                name = named
            elif name == "secret_data":
                name = "secret"
            if document := _HEREDOC.search(attribute["value"]):
                end = _end(lines, at, document["mark"])
                inner = "\n".join(lines[at:end])
                yield from _document(name, inner, at)
                at = end + 1
            elif attribute["value"] in ("{", "["):
                blocks.append("")
            elif written := _TEXT.match(attribute["value"]):
                value = _unescaped(written["text"])
                named = value if name == "name" else ""
                yield from (
                    Spot(at, found) for found in found_in(name, value, weak=True)
                )
            else:
                yield from (Spot(at, one.found) for one in read_named(line))
        elif line.strip()[:1] in ("}", "]") and blocks:
            blocks.pop()
        else:
            yield from (Spot(at, one.found) for one in read_named(line))


def _unescaped(text: str) -> str:
    return re.sub(r"\\[nt\"\\]", lambda one: _ESCAPES[one[0]], text)


def _end(lines: list[str], start: int, mark: str) -> int:
    for at in range(start, len(lines)):
        if lines[at].strip() == mark:
            return at
    return len(lines)


def _document(name: str, text: str, above: int) -> Iterator[Spot]:
    """Yield what a here document holds, which starts below line `above`."""
    for found in found_in(name, text, weak=True):
        at = text.find(found.value[:40])
        yield Spot(above + 1 + (text.count("\n", 0, at) if at > 0 else 0), found)
