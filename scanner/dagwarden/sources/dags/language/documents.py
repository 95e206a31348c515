"""
What the text of a configuration file holds: YAML, JSON and TOML, as Python loads it.

The text is a stranger's. YAML is built from the parser's events, not by a loader: a
node that is named twice is one container, as in Python, and is met once; tags that
are not YAML's own are not known. Size, depth and number are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    TOO_LARGE,
    as_scalar,
)
from dagwarden.sources.dags.language.paths import Function, OpenFile, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Scalar,
    Symbol,
    Unknown,
    Value,
    is_scalar,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

if TYPE_CHECKING:
    from yaml import Event

MAX_SIZE = 2_000_000
MAX_DEPTH = 60
# Plain words of YAML that are longer are neither numbers nor dates.
MAX_WORD = 100
# What an event of the YAML parser costs, in units of work.
_EVENT = 8

_MALFORMED = Unknown("dynamic", "a file that cannot be loaded")
_DEEP = Unknown("dynamic", "a file that is nested too deeply")
_TAGGED = Unknown("dynamic", "a value with a tag of its own")
_RECURSIVE = Unknown("dynamic", "a value that holds itself")


def _text(given: Arguments, reader: Reader) -> str | bytes | Unknown:
    """Return the text that is the first argument: itself, or a file that holds it."""
    value = given.positional[0] if given.positional else Unknown("dynamic", "a file")
    if isinstance(value, OpenFile):
        value = value.take()
    if not isinstance(value, (str, bytes)):
        return lost(computed(value) or Unknown("dynamic", "a file"), value)
    charge(len(value) // 4)
    return TOO_LARGE if len(value) > MAX_SIZE else value


def loaded(found: object, level: int, depth: int = 0) -> Value:
    """Return plain Python objects as a value, in containers of their own."""
    charge()
    if depth > MAX_DEPTH:
        return _DEEP
    if isinstance(found, dict):
        held = cast("dict[str, object]", found)
        if len(held) > MAX_ITEMS:
            return TOO_LARGE
        entries = {key: loaded(item, level, depth + 1) for key, item in held.items()}
        return Entries(cast("dict[Scalar, Value]", entries), None, level)
    if isinstance(found, list):
        items = cast("list[object]", found)
        if len(items) > MAX_ITEMS:
            return TOO_LARGE
        return Items("list", [loaded(i, level, depth + 1) for i in items], None, level)
    return as_scalar(found)


def _json(reader: Reader, given: Arguments) -> Value:
    import json  # most files read none

    text = _text(given, reader)
    if isinstance(text, Unknown) or given.keywords or len(given.positional) > 1:
        return text if isinstance(text, Unknown) else _MALFORMED
    try:
        return loaded(json.loads(text), reader.level)
    except (ValueError, RecursionError):
        return _MALFORMED


def _toml(reader: Reader, given: Arguments) -> Value:
    import tomllib

    text = _text(given, reader)
    if isinstance(text, Unknown) or given.keywords or len(given.positional) > 1:
        return text if isinstance(text, Unknown) else _MALFORMED
    charge(len(text))
    try:
        text = text.decode() if isinstance(text, bytes) else text
        return loaded(tomllib.loads(text), reader.level)
    except (ValueError, RecursionError):
        return _MALFORMED


# --------------------------------------------------------------------------------- YAML


class Document:
    """One reading of a text in YAML."""

    def __init__(self, text: str | bytes, level: int) -> None:
        """Begin to read `text`, whose containers are made in branch `level`."""
        import yaml

        self.yaml = yaml
        self.loader: Any = yaml.CSafeLoader(text)
        self.level = level
        self.anchors: dict[str, Value] = {}

    def next(self) -> Event:
        """Return the next event of the parser."""
        charge(_EVENT)
        return cast("Event", self.loader.get_event())

    def documents(self) -> Iterator[Value]:
        """Yield the value of each document."""
        yaml = self.yaml
        while True:
            event = self.next()
            if isinstance(event, yaml.StreamEndEvent):
                return
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                yield self.value(self.next(), 0)

    def value(self, event: Event, depth: int) -> Value:
        """Return the value that begins with `event`."""
        yaml = self.yaml
        if isinstance(event, yaml.AliasEvent):
            return self.anchors[event.anchor or ""]
        tag: str | None = getattr(event, "tag", None)
        if isinstance(event, yaml.ScalarEvent):
            made: Value = self._scalar(event)
            self._name(event, made)
            return made
        if depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(event, yaml.SequenceStartEvent):
            items = Items("list", [], None, self.level)
            self._name(event, _RECURSIVE)
            while not isinstance(inner := self.next(), yaml.SequenceEndEvent):
                items.items.append(self.value(inner, depth + 1))
            made = items if tag in (None, "!", "tag:yaml.org,2002:seq") else _TAGGED
        else:
            self._name(event, _RECURSIVE)
            made = self._mapping(depth)
            made = made if tag in (None, "!", "tag:yaml.org,2002:map") else _TAGGED
        if isinstance(made, (Items, Entries)) and len(made.items) > MAX_ITEMS:
            made = TOO_LARGE
        self._name(event, made)
        return made

    def _name(self, event: Any, made: Value) -> None:
        if event.anchor is not None:
            self.anchors[event.anchor] = made

    def _mapping(self, depth: int) -> Value:
        """Return a mapping, with what it merges before what it holds itself."""
        merged: list[tuple[Value, Value]] = []
        own: list[tuple[Value, Value]] = []
        while not isinstance(event := self.next(), self.yaml.MappingEndEvent):
            merging = getattr(event, "value", None) == "<<" and self._is_merge(event)
            key = self.value(event, depth + 1)
            value = self.value(self.next(), depth + 1)
            if not merging:
                own.append((key, value))
                continue
            sources = value.items if isinstance(value, Items) else [value]
            for source in reversed(sources):
                if not isinstance(source, Entries) or source.rest:
                    return _MALFORMED
                charge(len(source.items))
                merged += source.items.items()
            if len(merged) > 10 * MAX_ITEMS:
                return TOO_LARGE
        made = Entries({}, None, self.level)
        for key, value in (*merged, *own):
            if not is_scalar(key):
                return lost(why_unknown(key) or _MALFORMED, value)
            made.items[key] = value
        return made

    def _is_merge(self, event: Any) -> bool:
        return event.tag is None and event.implicit[0]

    def _scalar(self, event: Any) -> Value:
        text, plain = event.value, event.implicit[0]
        yaml = self.yaml
        tag = event.tag
        if tag in (None, "!") and plain and len(text) > MAX_WORD:
            return _MALFORMED if text[0] in "0123456789+-." else as_scalar(text)
        if tag in (None, "!"):
            tag = self.loader.resolve(yaml.ScalarNode, text, event.implicit)
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind == "str":
            return as_scalar(text)
        if kind not in ("bool", "int", "float", "null") or len(text) > MAX_WORD:
            return _TAGGED if kind != "timestamp" else Unknown("dynamic", "a date")
        node = yaml.ScalarNode(tag, text)
        construct = getattr(self.loader, f"construct_yaml_{kind}")
        return as_scalar(construct(node))


# Loaders that understand what YAML itself defines alike.
_LOADERS = frozenset(
    f"yaml.{c}{name}"
    for c in ("", "C")
    for name in ("SafeLoader", "FullLoader", "Loader", "UnsafeLoader")
)


def _documents(reader: Reader, given: Arguments) -> list[Value] | Unknown:
    import yaml

    if "yaml" in reader.altered:
        return Unknown("dynamic", "a loader that is changed")
    loader = given.get("Loader", 1)
    known = isinstance(loader, Symbol) and loader.name in _LOADERS
    if not (known or loader is None) or given.keywords.keys() - {"Loader"}:
        return Unknown("dynamic", "a loader of its own")
    text = _text(given, reader)
    if isinstance(text, Unknown):
        return text
    try:
        return list(Document(text, reader.level).documents())
    except (yaml.YAMLError, ValueError, KeyError, TypeError, AttributeError):
        return _MALFORMED
    except RecursionError:
        return _DEEP


def _yaml(reader: Reader, given: Arguments) -> Value:
    found = _documents(reader, given)
    if isinstance(found, Unknown):
        return found
    if not found:
        return None
    # more documents than one is an error
    return found[0] if len(found) == 1 else _MALFORMED


def _yaml_all(reader: Reader, given: Arguments) -> Value:
    found = _documents(reader, given)
    if isinstance(found, Unknown):
        return found
    return Items("list", found, None, reader.level)


def _extended(reader: Reader, given: Arguments) -> Value:
    """Extend what loaders understand: of a tag of one's own nothing is known anyway."""
    tag = given.get("tag", 0)
    if not (isinstance(tag, str) and tag.startswith("!")):
        reader.altered.add("yaml")
    return None


_EXTENDING = ("add_constructor", "add_multi_constructor")
_RESOLVING = ("add_implicit_resolver", "add_path_resolver")

FUNCTIONS: dict[str, Function] = {
    **{
        f"{place}.{name}": _extended
        for place in ("yaml", *sorted(_LOADERS))
        for name in (*_EXTENDING, *_RESOLVING)
    },
    "json.load": _json,
    "json.loads": _json,
    "tomllib.load": _toml,
    "tomllib.loads": _toml,
    "tomli.load": _toml,
    "tomli.loads": _toml,
    "toml.loads": _toml,
    "yaml.load": _yaml,
    "yaml.safe_load": _yaml,
    "yaml.full_load": _yaml,
    "yaml.load_all": _yaml_all,
    "yaml.safe_load_all": _yaml_all,
    "yaml.full_load_all": _yaml_all,
}
