"""
Terraform: attributes of blocks, defaults of variables, and texts of several lines.

A small part of HCL's native syntax, line by line: a block's head, an attribute, a here
document, comments. What is an expression is a reference, and no value in clear: what a
local or the default of a variable holds is known in the file, and is told where it stands
by the names that it is given to.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.names import is_kept_beside
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


# What a local or a variable is given to, and names for each other.
_MAX_USES = 1_000
_MAX_NAMES = 5
_NAME = r"(?:local|var)\.[A-Za-z_][\w-]{0,100}"
_ALONE = re.compile(rf"(?P<name>{_NAME})|\"\$\{{\s?(?P<quoted>{_NAME})\s?\}}\"")
_FILLED_IN = re.compile(rf"\$\{{\s?(?P<name>{_NAME})\s?\}}")
# All that these hold is kept as a secret, whatever it is called.
_SECRETS = ("kubernetes_secret.", "kubernetes_secret_v1.")


class _Block(NamedTuple):
    """What is open at a line: its part of a place, and the variable that it declares."""

    part: str = ""
    variable: str = ""
    # how its attributes are called elsewhere: `local.`
    called: str = ""


class _Names:
    """What locals and variables hold, and what they are given to."""

    def __init__(self) -> None:
        # by name: where a text stands, and what it is
        self.texts: dict[str, tuple[int, str, str]] = {}
        # by name: the other that it stands for
        self.others: dict[str, str] = {}
        # (name, place, expression)
        self.uses: list[tuple[str, str, str]] = []

    def keep(self, own: str, at: int, place: str, name: str, written: str) -> None:
        """Remember an attribute that is called `own` elsewhere, or uses what is."""
        if own and (text := _TEXT.match(written)):
            self.texts[own] = at, place, _unescaped(text["text"])
        elif own and (other := _ALONE.fullmatch(written)):
            self.others[own] = other["name"] or other["quoted"]
        if ("local." in written or "var." in written) and len(self.uses) < _MAX_USES:
            self.uses.append((name, place, written))

    def read(self) -> Iterator[Spot]:
        """Yield the credentials that names are given to, where they are written."""
        for name, place, written in self.uses:
            charge(_WORK_OF_LINE)
            if alone := _ALONE.fullmatch(written):
                text = self._text(alone["name"] or alone["quoted"])
                if text is not None:
                    yield from _spots(text[0], text[1], text[2], name)
            elif (text_of := _TEXT.match(written)) and "${" in written:
                yield from self._filled(name, place, text_of["text"])

    def _filled(self, name: str, place: str, template: str) -> Iterator[Spot]:
        held = [
            text
            for match in _FILLED_IN.finditer(template)
            if (text := self._text(match["name"])) is not None
        ]

        def fill(match: re.Match[str]) -> str:
            text = self._text(match["name"])
            return match[0] if text is None else text[2]

        if not held:
            return
        whole = _FILLED_IN.sub(fill, _unescaped(template))
        for found in found_in(place, whole, name=name, weak=True):
            yield from (Spot(at, found) for at, _, text in held if found.value in text)

    def _text(self, name: str) -> tuple[int, str, str] | None:
        for _ in range(_MAX_NAMES):
            if name in self.texts:
                return self.texts[name]
            name = self.others.get(name, "")
        return None


def _spots(at: int, place: str, text: str, name: str) -> Iterator[Spot]:
    for found in found_in(place, text, name=name, weak=True):
        yield Spot(at, found)


def read_terraform(text: str) -> Iterator[Spot]:
    """Yield the credentials of a file in HCL, commented-out lines included."""
    yield from read_comments(text, "//")
    yield from read_comments(text, "#")
    yield from read_pem(text)
    lines = text.split("\n")
    blocks: list[_Block] = []
    names = _Names()
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
            name = own = attribute["name"]
            opened = _Block(name)
            around = blocks[-1] if blocks else _Block()
            if name in _OF_VARIABLE and blocks and blocks[-1].variable:
                name = blocks[-1].variable
            elif name == "value" and named:
                name = named
            elif name == "secret_data":
                name = "secret"
            if _is_kept(blocks) and not is_kept_beside(name):
                name = f"{name}.secret"
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
                yield from _spots(at, place, value, name)
                names.keep(_called(around, own), at, place, name, attribute["value"])
            elif _ALONE.fullmatch(attribute["value"]):
                names.keep(_called(around, own), at, place, name, attribute["value"])
            elif attribute["value"] not in _OPENING:
                yield from (Spot(at, one.found) for one in read_named(line))
        elif line.strip()[:1] not in _CLOSING:
            yield from (Spot(at, one.found) for one in read_named(line))
        _follow(blocks, line, opened)
    yield from names.read()


def _called(around: _Block, attribute: str) -> str:
    """Return what an attribute is called elsewhere, "" for what is called nowhere."""
    if around.called == "local.":
        return f"local.{attribute}"
    return around.called if attribute == "default" else ""


def _is_kept(blocks: list[_Block]) -> bool:
    """Tell whether all that is written here is kept as a secret."""
    if blocks and blocks[-1].part == "set_sensitive":
        return True
    inside = len(blocks) > 1 and blocks[-1].part in ("data", "string_data")
    return inside and any(one.part.startswith(_SECRETS) for one in blocks)


def _block(kind: str, labels: list[str]) -> _Block:
    """Return what a block's head opens, by its address where it has one."""
    if kind in ("variable", "output", "locals"):
        label = labels[-1] if labels else ""
        called = {"locals": "local.", "variable": f"var.{label}"}.get(kind, "")
        return _Block(variable=label, called=called)
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
