"""
A configuration of dag-factory: YAML, with the line of everything that it holds.

The package fills in environment variables, makes objects of what says `__type__`, and
joins what says `__join__`; it shares nothing that the YAML names twice.
"""

import re
from collections.abc import Callable
from typing import Any

from dagwarden.patterns import late
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.documents import Document
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Scalar,
    Unknown,
    Value,
    is_scalar,
)
from dagwarden.sources.dags.language.work import charge

MAX_DEPTH = 60

# As `os.path.expandvars` sees it.
_VARIABLE = late(r"\$(\w+|\{[^}]*\})", re.ASCII)
Lines = dict[Scalar, int]

_TYPED = ("__type__", "__args__")
_COMBINED = ("__and__", "__or__")


class Refused(Exception):
    """The package makes no DAG of a configuration."""

    def __init__(self, detail: str, line: int = 1) -> None:
        """Say why, and at which line."""
        super().__init__(detail)
        self.detail = detail
        self.line = line


_UNLOADABLE = "no YAML that it loads"


class Configuration:
    """What one configuration holds; `path` is empty where it is no file."""

    def __init__(self, path: str) -> None:
        """Hold nothing yet."""
        self.path = path
        self.value: Value = Entries({})
        self.lines: dict[int, int] = {}
        self.keys: dict[int, Lines] = {}
        # so that no other value gets the number of one that is gone
        self.held: list[Value] = []

    def line(self, value: Value) -> int:
        """Return where a mapping or sequence stands."""
        return self.lines.get(id(value), 1)

    def refused(self, detail: str, value: Value) -> Refused:
        """Return why `value`, which stands in it, is refused."""
        return Refused(detail, self.line(value))

    def line_of(self, value: Value, key: Scalar) -> int | None:
        """Return where `key` of a mapping stands, None where it is not written."""
        return self.keys.get(id(value), {}).get(key)

    def loaded(
        self, data: bytes, construct: Callable[[str, list[Value], Entries], Value]
    ) -> "Configuration":
        """Load a text; `construct` makes an object of what says `__type__`."""
        found = _Lined(data)
        damage = (found.yaml.YAMLError, RecursionError, *_DAMAGE)
        try:
            documents = list(found.documents())
        except damage:
            raise Refused(_UNLOADABLE) from None
        if len(documents) != 1:
            raise Refused(_UNLOADABLE)
        self.value = self._cast(documents[0], found, construct, 0)
        return self

    def _cast(
        self,
        value: Value,
        found: "_Lined | Configuration",
        construct: Callable[[str, list[Value], Entries], Value],
        depth: int,
    ) -> Value:
        charge()
        if depth > MAX_DEPTH:
            raise Refused(_UNLOADABLE)

        def inner(one: Value) -> Value:
            return self._cast(one, found, construct, depth + 1)

        if isinstance(value, str) and "$" in value:
            return filled(value)
        if isinstance(value, Items):
            return self._kept(
                Items("list", [inner(i) for i in value.items]), value, found
            )
        if not isinstance(value, Entries):
            return value
        kind = value.items.get("__type__")
        if kind == "builtins.list" and "items" in value.items:
            return inner(value.items["items"])
        held = {k: inner(v) for k, v in value.items.items() if k not in _TYPED}
        made = Entries(held, value.rest)
        if kind is not None:
            given = inner(value.items.get("__args__", Items("list", [])))
            if not isinstance(given, Items) or not isinstance(kind, str):
                raise Refused(_UNLOADABLE)
            return construct(kind, given.items, made)
        if any(name in held for name in _COMBINED):
            return lost(Unknown("dynamic", "assets"), made)
        if isinstance(joined := held.get("__join__"), Items):
            return operations.joined(joined.items)
        return self._kept(made, value, found)

    def _kept(
        self, made: Items | Entries, value: Value, found: "_Lined | Configuration"
    ) -> Items | Entries:
        self.lines[id(made)] = found.lines.get(id(value), 1)
        self.keys[id(made)] = found.keys.get(id(value), {})
        self.held.append(made)
        return made

    def copied(self, value: Value) -> Value:
        """Return containers of their own, which stand where the others do."""
        charge()
        if isinstance(value, Items):
            copy = Items(value.kind, [self.copied(i) for i in value.items], value.more)
            return self._kept(copy, value, self)
        return self.duplicate(value) if isinstance(value, Entries) else value

    def duplicate(self, value: Entries) -> Entries:
        """Return a mapping of its own that stands where the other does."""
        held = {key: self.copied(item) for key, item in value.items.items()}
        made = Entries(held, value.rest)
        self._kept(made, value, self)
        return made

    def merged(self, over: Entries, under: Entries) -> None:
        """Add to `over` what only `under` holds, at every depth."""
        charge(len(under.items))
        for key, value in under.items.items():
            held = over.items.get(key)
            if isinstance(held, Entries) and isinstance(value, Entries):
                self.merged(held, value)
            elif key not in over.items:
                why = over.rest
                over.items[key] = value if why is None else lost(why, value)
        over.rest = over.rest or under.rest


# What a damaged text makes the parser raise, beside its own errors.
_DAMAGE = (ValueError, KeyError, TypeError, AttributeError)


def filled(text: str) -> Value:
    """Return a text in which environment variables are filled in."""
    parts: list[Value] = []
    end = 0
    for found in _VARIABLE().finditer(text):
        name = found[1].strip("{}")
        parts += [text[end : found.start()], Unknown("environment", name)]
        end = found.end()
    if not parts:
        return text
    parts.append(text[end:])
    return operations.joined([one for one in parts if one != ""])


class _Lined(Document):
    """A document that keeps the lines of keys, mappings and sequences."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data, 0)
        self.lines: dict[int, int] = {}
        self.keys: dict[int, Lines] = {}
        self.held: list[Value] = []
        # what is being read: whether it is a mapping, and what it holds so far
        self.around: list[tuple[bool, list[tuple[Value, int]]]] = [(False, [])]

    def value(self, event: Any, depth: int) -> Value:
        in_mapping, before = self.around[-1]
        line = event.start_mark.line + 1
        inner: list[tuple[Value, int]] = []
        self.around.append((isinstance(event, self.yaml.MappingStartEvent), inner))
        try:
            made = super().value(event, depth)
        finally:
            self.around.pop()
        if isinstance(made, (Items, Entries)) and id(made) not in self.lines:
            # a mapping stands where its key does
            is_value = in_mapping and len(before) % 2 == 1
            self.lines[id(made)] = before[-1][1] if is_value else line
            self.keys[id(made)] = {k: at for k, at in inner[::2] if is_scalar(k)}
            self.held.append(made)
        before.append((made, line))
        return made
