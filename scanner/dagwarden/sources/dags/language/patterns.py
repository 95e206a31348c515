"""
What the patterns of `match` fit, and what they bind.

Source: Python's language reference, "The match statement".
"""

import ast
from collections.abc import Callable
from typing import Protocol

from dagwarden.sources.dags.language import operations, scalars
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.objects import Class, Instance, Names
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Symbol,
    Text,
    Thing,
    Unknown,
    Value,
    as_key,
    is_key,
    is_scalar,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge


class Asking(Protocol):
    """Who evaluates what stands in a pattern."""

    level: int

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression."""
        ...

    def call(self, function: Value, arguments: Arguments) -> Value:
        """Return what calling `function` gives."""
        ...


Decided = bool | Unknown
_UNDECIDED = Unknown("dynamic", "match")
_ISINSTANCE = Symbol("builtins.isinstance")
# Classes whose patterns take the subject itself by place.
_WHOLE = frozenset(
    f"builtins.{name}"
    for name in (
        *("bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list"),
        *("set", "str", "tuple"),
    )
)


def captured(pattern: ast.pattern) -> list[str]:
    """Return the names that a pattern binds."""
    found: list[str] = []
    for node in ast.walk(pattern):
        charge()
        name = getattr(
            node, "rest" if isinstance(node, ast.MatchMapping) else "name", None
        )
        if isinstance(name, str):
            found.append(name)
    return found


def fits(ask: Asking, pattern: ast.pattern, subject: Value, found: Names) -> Decided:
    """
    Say whether `pattern` fits `subject`, and put into `found` what it binds then.

    Where that is not known, what is bound is what would be bound if it fits.
    """
    charge()
    return _FITS[type(pattern)](ask, pattern, subject, found)


def _all(answers: list[Decided]) -> Decided:
    if False in answers:
        return False
    return next((one for one in answers if isinstance(one, Unknown)), True)


def _value(ask: Asking, node: ast.MatchValue, subject: Value, _: Names) -> Decided:
    return operations.compare(ast.Eq, subject, ask.evaluate(node.value))


def _singleton(
    ask: Asking, node: ast.MatchSingleton, subject: Value, _: Names
) -> Decided:
    if is_scalar(subject):
        return type(subject) is type(node.value) and subject == node.value
    if isinstance(subject, (Items, Entries)):
        return False
    return operations.compare(ast.Is, subject, node.value)


def _as(ask: Asking, node: ast.MatchAs, subject: Value, found: Names) -> Decided:
    decided = True if node.pattern is None else fits(ask, node.pattern, subject, found)
    if node.name is not None:
        found[node.name] = subject
    return decided


def _or(ask: Asking, node: ast.MatchOr, subject: Value, found: Names) -> Decided:
    unknown: Unknown | None = None
    for option in node.patterns:
        held: Names = {}
        decided = fits(ask, option, subject, held)
        if decided is False:
            continue
        for name, value in held.items():
            # an earlier one may fit
            sure = unknown is None or found.get(name) is value
            found[name] = value if sure else lost(_UNDECIDED, value, found.get(name))
        if decided is True:
            return True if unknown is None else unknown
        unknown = unknown or decided
    return False if unknown is None else unknown


def _sequence(
    ask: Asking, node: ast.MatchSequence, subject: Value, found: Names
) -> Decided:
    if isinstance(subject, Instance):
        held = subject.as_tuple()
        if held is None and _is_plain(subject):
            return False
        if held is None or subject.of.find("__iter__") is not None:
            return why_unknown(subject) or _UNDECIDED
        subject = held
    known = isinstance(subject, Items) and subject.kind in ("list", "tuple")
    if not known or not isinstance(subject, Items):
        surely = is_scalar(subject) or isinstance(subject, (Entries, Text, Class))
        surely = surely or (isinstance(subject, Items) and subject.kind != "bag")
        return False if surely else why_unknown(subject) or _UNDECIDED
    if subject.more is not None:
        return subject.more
    patterns, items = node.patterns, list(subject.items)
    starred = [at for at, one in enumerate(patterns) if isinstance(one, ast.MatchStar)]
    least = len(patterns) - len(starred)
    if len(items) < least or (not starred and len(items) > least):
        return False
    if starred:
        first = starred[0]
        last = len(items) - (len(patterns) - first - 1)
        items[first:last] = [Items("list", items[first:last], level=ask.level)]
    charge(len(items))
    pairs = zip(patterns, items, strict=True)
    return _all([fits(ask, one, item, found) for one, item in pairs])


def _star(ask: Asking, node: ast.MatchStar, subject: Value, found: Names) -> Decided:
    if node.name is not None:
        found[node.name] = subject
    return True


def _mapping(
    ask: Asking, node: ast.MatchMapping, subject: Value, found: Names
) -> Decided:
    if not isinstance(subject, Entries):
        surely = is_scalar(subject) or isinstance(subject, (Items, Text, Class))
        surely = surely or (isinstance(subject, Instance) and _is_plain(subject))
        return False if surely else why_unknown(subject) or _UNDECIDED
    answers: list[Decided] = []
    keys = [as_key(ask.evaluate(key)) for key in node.keys]
    for key, pattern in zip(keys, node.patterns, strict=True):
        if not is_key(key):
            answers.append(why_unknown(key) or _UNDECIDED)
        elif key in subject.items:
            item = subject.items[key]
            decided = fits(ask, pattern, item, found)
            # what is not known may be missing
            unsure = isinstance(item, Unknown) and decided is True
            answers.append(item if unsure and isinstance(item, Unknown) else decided)
        else:
            answers.append(subject.rest or False)
    if node.rest is not None and all(map(is_key, keys)):
        charge(len(subject.items))
        rest = {k: item for k, item in subject.items.items() if k not in keys}
        found[node.rest] = Entries(rest, subject.rest, ask.level).like(subject)
    return _all(answers)


def _class(ask: Asking, node: ast.MatchClass, subject: Value, found: Names) -> Decided:
    of = ask.evaluate(node.cls)
    decided = truth(ask.call(_ISINSTANCE, Arguments([subject, of], {})))
    if decided is False:
        return False
    name = of.name if isinstance(of, Symbol) else ""
    answers: list[Decided] = [decided]
    if name in _WHOLE and len(node.patterns) < 2 and not node.kwd_attrs:
        answers += [fits(ask, one, subject, found) for one in node.patterns]
        return _all(answers)
    places = _places(of)
    if len(node.patterns) > len(places) or not isinstance(subject, Instance):
        plain = not node.patterns and not node.kwd_attrs
        return decided if plain else why_unknown(subject) or _UNDECIDED
    asked = [*places[: len(node.patterns)], *node.kwd_attrs]
    patterns = [*node.patterns, *node.kwd_patterns]
    for attribute, pattern in zip(asked, patterns, strict=True):
        there = scalars.has_attribute(subject, attribute)
        if there is False:
            return False
        value = subject.attribute(attribute)
        answers += [there, fits(ask, pattern, value, found)]
    return _all(answers)


def _places(of: Value) -> list[str]:
    """Return the attributes that patterns of a class take by place, if known."""
    if not isinstance(of, Class) or of.hidden() is not None:
        return []
    told = of.find("__match_args__")
    if told is None:
        # a keyword-only field is none of them
        bases = (base for base in of.lineage() if isinstance(base, Class))
        made = next((base for base in bases if base.fields is not None), of)
        sure = not any(isinstance(one, Thing) for one in made.defaults.values())
        return (
            list(made.fields or ()) if sure and "*" not in (made.fields or ()) else []
        )
    names = told[0].items if isinstance(told[0], Items) and not told[0].more else []
    held = [one for one in names if isinstance(one, str)]
    return held if len(held) == len(names) else []


def _is_plain(subject: Instance) -> bool:
    """Say whether an object is surely no mapping or sequence of Python's library."""
    foreign = (base.name for base in subject.of.foreign() if isinstance(base, Symbol))
    return subject.opaque is None and all(name in _NO_COLLECTIONS for name in foreign)


_NO_COLLECTIONS = frozenset({"builtins.object", "enum.Enum", "abc.ABC"})
_FITS: dict[type, Callable[..., Decided]] = {
    ast.MatchValue: _value,
    ast.MatchSingleton: _singleton,
    ast.MatchAs: _as,
    ast.MatchOr: _or,
    ast.MatchSequence: _sequence,
    ast.MatchStar: _star,
    ast.MatchMapping: _mapping,
    ast.MatchClass: _class,
}
