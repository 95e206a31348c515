"""
YAML, as `gcloud` prints where no `--format` is asked for, taken apart as JSON is.

Built from the parser's events, never by a loader: no tag, no anchor and no alias means
anything, and depth and size are bounded. Words are read as gcloud writes them: what is
neither null, a truth value nor a whole number is text.
"""

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, Final

import msgspec

from dagwarden.sources.snapshot.elements import Element, Lost

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 60
_MAX_DIGITS: Final = 18

_SNIFFED = re.compile(rb"(---|-)(\s|$)|[A-Za-z_][\w.]*:(\s|$)")
_WORDS: Final = {"": None, "null": None, "~": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(0|[1-9]\d*)")


def is_yaml(head: bytes) -> bool:
    """Tell whether a file that begins like this is YAML, and no JSON."""
    for line in head.removeprefix(codecs.BOM_UTF8).splitlines():
        if (text := line.strip()) and not text.startswith(b"#"):
            return _SNIFFED.match(text) is not None
    return False


class _Refused(Exception):
    """What is not read, and in which line."""

    def __init__(self, detail: str, line: int) -> None:
        super().__init__(detail)
        self.lost = Lost(reason="syntax", detail=detail, line=line)


def yaml_elements(file: BinaryIO) -> Iterator[Element | Lost]:
    """
    Yield what a stream of documents holds: each document, or each item of a list.

    What stands before a broken place is read. gcloud ends its last line; a file that
    does not may have lost more than a part of that line, and still be whole YAML.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        detail = f"YAML of more than {MAX_BYTES // 1024 // 1024} MB; write it as JSON"
        yield Lost(reason="too_large", detail=detail)
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Lost(reason="encoding", detail="text that is not UTF-8")
        return
    import yaml  # slow to import, and rarely needed

    try:
        yield from _documents(text)
    except _Refused as refused:
        yield refused.lost
        return
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        where = f" from line {line}" if line else ""
        yield Lost(reason="syntax", detail=f"broken YAML{where}", line=line)
        return
    except (yaml.YAMLError, ValueError):
        yield Lost(reason="syntax", detail="broken YAML")
        return
    if not text.endswith("\n"):
        detail = "the last line does not end: the file may be cut short"
        yield Lost(reason="truncated", detail=detail, line=text.count("\n") + 1)


def _documents(text: str) -> Iterator[Element]:
    """Yield elements as they end, so that what is broken costs none before it."""
    import yaml

    open_: list[list[object] | _Map] = []
    starts: list[int] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused("YAML with anchors or aliases", line)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_) == MAX_DEPTH:
                raise _Refused("YAML nested too deep", line)
            mapping = isinstance(event, yaml.MappingStartEvent)
            open_.append(_Map() if mapping else [])
            starts.append(line)
            continue
        value: object
        if isinstance(event, yaml.ScalarEvent):
            value = _scalar(event.value, plain=event.implicit[0] and not event.style)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed, line = open_.pop(), starts.pop()
            value = closed.entries if isinstance(closed, _Map) else closed
        else:
            continue
        if len(open_) == 1 and isinstance(open_[0], list):
            index = len(open_[0])
            open_[0].append(None)  # counted, not kept
            yield Element(text=msgspec.json.encode(value), line=line, index=index)
        elif open_:
            _put(open_[-1], value, line)
        elif not isinstance(value, list):
            yield Element(text=msgspec.json.encode(value), line=line)


class _Map:
    """A mapping that is being read."""

    def __init__(self) -> None:
        self.entries: dict[str, object] = {}
        self.key: str | None = None


def _put(into: list[object] | _Map, value: object, line: int) -> None:
    if isinstance(into, list):
        into.append(value)
    elif into.key is not None:
        into.entries[into.key], into.key = value, None
    elif isinstance(value, str) and value not in into.entries:
        into.key = value
    else:
        raise _Refused("YAML with a key that is no word, or stands twice", line)


def _scalar(text: str, *, plain: bool) -> object:
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS and _WHOLE.fullmatch(text):
        return int(text)
    return text
