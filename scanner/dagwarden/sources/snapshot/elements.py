"""
A file of JSON, taken apart into its elements, whatever is broken in between.

Newline-delimited JSON is streamed; a JSON array, or objects printed over several
lines, are read whole. Where an array does not parse, its elements are sought one by
one, and what had to be skipped is named.
"""

import json
import re
import sys
from collections.abc import Iterator
from typing import BinaryIO, Literal

import msgspec

from dagwarden.facts import Record

# One line, and one file that has to be read whole. An asset of 10 MB is cut by the
# inventory itself.
MAX_LINE = 64 * 1024 * 1024
MAX_WHOLE = 1024 * 1024 * 1024
# How often a broken array is searched for the next element before giving up.
MAX_ATTEMPTS = 10_000

_SNIFF = 64 * 1024
_PIECE = 1024 * 1024
_BRACE = ord("{")
_UTF8_BOM = b"\xef\xbb\xbf"
_NOT_UTF8 = {
    b"\x1f\x8b": "compressed with gzip; decompress it first",
    b"PK\x03\x04": "a zip archive; unpack it first",
    b"\xff\xfe": "UTF-16, not UTF-8",
    b"\xfe\xff": "UTF-16, not UTF-8",
}


class Element(Record, frozen=True, kw_only=True):
    """One JSON text and where it begins; `index` is set inside an array."""

    text: bytes
    line: int
    index: int | None = None
    part: bool = False  # of one that names nothing twice

    def __repr__(self) -> str:
        """Tell the place, never the text."""
        return f"Element(line={self.line}, index={self.index})"


class Lost(Record, frozen=True, kw_only=True):
    """A stretch of a file that yields no element; `line` None: all of it."""

    reason: Literal[
        "missing", "encoding", "too_large", "truncated", "syntax", "not_an_asset"
    ]
    detail: str
    line: int | None = None
    # False: a comment, which cannot have been an asset
    matters: bool = True


def elements(file: BinaryIO, end: int | None = None) -> Iterator[Element | Lost]:
    """
    Yield everything in `file`, in order; each byte is in one of them or blank.

    Of a file of lines, those that begin before `end`.
    """
    head = file.read(_SNIFF)
    for magic, what in _NOT_UTF8.items():
        if head.startswith(magic):
            yield Lost(reason="encoding", detail=what)
            return
    if b"\0" in head:
        yield Lost(reason="encoding", detail="a binary file, not JSON")
        return
    text = head.removeprefix(_UTF8_BOM).lstrip()
    file.seek(len(head) - len(head.removeprefix(_UTF8_BOM)))
    if not text and len(head) < _SNIFF:
        yield Lost(reason="missing", detail="the file is empty")
        return
    if text.startswith(b"[") or text.split(b"\n", 1)[0].strip() == b"{":
        yield from _whole(file)
    else:
        yield from _lines(file, end=end)


def half(file: BinaryIO, size: int) -> int | None:
    """
    Return where a line begins about half way; None: a file that is not read so.

    Somewhat before it: who reads the first half takes in what came of the other, too.
    """
    file.seek(0)
    head = file.read(_SNIFF)
    file.seek(size * 9 // 20)
    lines = head.startswith(b'{"') and b"\0" not in head  # as `elements` tells it
    if not lines or len(file.readline(MAX_LINE)) == MAX_LINE:
        return None
    return file.tell()


def elements_from(file: BinaryIO, start: int) -> Iterator[Element | Lost]:
    """Yield everything from a place on where a line begins."""
    file.seek(0)
    before, left = 0, start
    while chunk := file.read(min(left, _PIECE)):
        before += chunk.count(b"\n")
        left -= len(chunk)
    yield from _lines(file, before)


def _lines(
    file: BinaryIO, number: int = 0, end: int | None = None
) -> Iterator[Element | Lost]:
    """Yield the lines that begin before `end`; `number` are before them."""
    left = sys.maxsize if end is None else end
    while left > 0 and (line := file.readline(MAX_LINE)):
        number += 1
        size = len(line)
        left -= size
        if size == MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                left -= len(rest)
            left -= len(rest)
            detail = f"a line of more than {MAX_LINE // 1024 // 1024} MB"
            yield Lost(reason="too_large", detail=detail, line=number)
        elif line[0] == _BRACE:
            yield Element(text=line, line=number)
        elif text := line.strip():
            if text.startswith(b"#"):
                detail = "a comment, not an asset"
                yield Lost(
                    reason="not_an_asset", detail=detail, line=number, matters=False
                )
            else:
                yield Element(text=text, line=number)


def _whole(file: BinaryIO) -> Iterator[Element | Lost]:
    data = file.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        detail = (
            f"a JSON array of more than {MAX_WHOLE // 1024 // 1024} MB; "
            "write it as one asset a line"
        )
        yield Lost(reason="too_large", detail=detail)
        return
    try:
        texts = msgspec.json.decode(data, type=list[msgspec.Raw])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        yield from _sought(data)
        return
    line, position = 1, 0
    for index, raw in enumerate(texts):
        text = bytes(raw)
        start = data.index(text, position)
        line += data.count(b"\n", position, start)
        yield Element(text=text, line=line, index=index)
        line += text.count(b"\n")
        position = start + len(text)


_BETWEEN = re.compile(r"[\s,]*")
# The first element's indentation, where it stands on a line of its own.
_INDENT = re.compile(r"\s*\[[ \t\r]*\n([ \t]*)\{")
_JUNCTION = re.compile(r"\}\s*,\s*(?=\{)")


class _Search:
    """The search for elements in what is no JSON as a whole."""

    def __init__(self, data: bytes) -> None:
        # one character a byte, so that positions are the same in both
        self.text = data.decode("latin-1")
        self._decoder = json.JSONDecoder()
        self._attempts = MAX_ATTEMPTS
        indent = _INDENT.match(self.text)
        array = self.text.lstrip().startswith("[")
        if indent:
            self._start = re.compile(r"\n" + re.escape(indent[1]) + r"(?=\{)")
        else:
            self._start = _JUNCTION if array else re.compile(r"\n(?=\{)")

    def element_at(self, position: int) -> tuple[object, int] | None:
        """Return the value that begins at `position` and its end."""
        try:
            found: tuple[object, int] = self._decoder.raw_decode(self.text, position)
        except (ValueError, RecursionError):
            return None
        return found

    def next_asset(self, position: int) -> int | None:
        """Return where the next element after `position` that is an asset begins."""
        for match in self._start.finditer(self.text, position):
            self._attempts -= 1
            if self._attempts < 0:
                return None
            found = self.element_at(match.end())
            # Inside a broken element there may be objects; they are no assets.
            if found and isinstance(found[0], dict) and _KEYS & found[0].keys():
                return match.end()
        return None


_KEYS = frozenset({"assetType", "asset_type"})


def _sought(data: bytes) -> Iterator[Element | Lost]:
    """Yield the elements that can be found in what is no JSON as a whole."""
    search = _Search(data)
    text = search.text
    array = text.lstrip().startswith("[")
    position = text.index("[") + 1 if array else 0
    line, counted, index = 1, 0, 0
    while True:
        match = _BETWEEN.match(text, position)
        position = match.end() if match else position
        line += text.count("\n", counted, position)
        counted = position
        if position == len(text):
            if array:
                detail = "the array does not end: the rest of the file is missing"
                yield Lost(reason="truncated", detail=detail, line=line)
            return
        if array and text[position] == "]":
            if text[position + 1 :].strip():
                detail = "something follows the array and was not read"
                yield Lost(reason="syntax", detail=detail, line=line)
            return
        if (found := search.element_at(position)) is not None:
            yield Element(
                text=data[position : found[1]],
                line=line,
                index=index if array else None,
            )
            position, index = found[1], index + 1
            continue
        start = search.next_asset(position)
        position = len(text) if start is None else start
        last = line + text.count("\n", counted, position)
        until = "to the end of the file" if start is None else f"to {last}"
        detail = f"broken JSON: from line {line} {until} no asset can be read"
        yield Lost(reason="syntax", detail=detail, line=line)
        if start is None:
            return
