"""
Python's operators, built-in functions and methods on abstract values.

Everything here is pure but the list and dict methods, and bounded: an operation
that could take long or grow large is unknown instead of computed, and each charges
for the size of what it touches.
"""

import operator
from ast import (
    Add,
    BitAnd,
    BitOr,
    BitXor,
    Div,
    Eq,
    FloorDiv,
    Gt,
    GtE,
    In,
    Invert,
    Is,
    IsNot,
    LShift,
    Lt,
    LtE,
    Mod,
    Mult,
    Not,
    NotEq,
    NotIn,
    Pow,
    RShift,
    Sub,
    UAdd,
    USub,
)
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

from msgspec.structs import replace

from dagwarden.patterns import late
from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    changed,
    computed,
    either,
    forget,
    join,
    lost,
    things_of,
)
from dagwarden.sources.dags.language.values import (
    SETS,
    Arguments,
    Changeable,
    Entries,
    Fuel,
    Given,
    Items,
    Kind,
    Once,
    Range,
    Scalar,
    Spent,
    Symbol,
    Text,
    Thing,
    TupleKey,
    Unknown,
    Unordered,
    Value,
    View,
    as_key,
    bare,
    cause,
    given,
    is_key,
    is_scalar,
    same,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

MAX_TEXT = 100_000
MAX_ITEMS = 5_000
# Parts of a text that is known in part.
MAX_PARTS = 50
# Characters of a default that is told.
MAX_DEFAULT = 500
MAX_NUMBER = 1 << 256
# Bytes of text that cost as much as one value.
_STRIDE = 32
# Format widths past this are an attempt to fill the memory.
MAX_WIDTH = 1_000

# What a container costs, beside what it holds: the memory of a few values.
_CONTAINER = 4

TOO_LARGE = Unknown("dynamic", "a value too large to follow")
_ERRORS = (ArithmeticError, ValueError, TypeError, LookupError, AttributeError)

# the operators raise TypeError where Python would
_BINARY: dict[type, Callable[[Any, Any], object]] = {
    Add: lambda a, b: a + b,
    Sub: lambda a, b: a - b,
    Mult: lambda a, b: a * b,
    Div: lambda a, b: a / b,
    FloorDiv: lambda a, b: a // b,
    Mod: lambda a, b: a % b,
    Pow: lambda a, b: a**b,
    BitAnd: lambda a, b: a & b,
    BitOr: lambda a, b: a | b,
    BitXor: lambda a, b: a ^ b,
    LShift: lambda a, b: a << b,
    RShift: lambda a, b: a >> b,
}
_UNARY: dict[type, Callable[..., object]] = {
    USub: operator.neg,
    UAdd: operator.pos,
    Invert: operator.invert,
}
_ORDER: dict[type, Callable[..., bool]] = {
    Lt: operator.lt,
    LtE: operator.le,
    Gt: operator.gt,
    GtE: operator.ge,
}


_EXPRESSION = Unknown("dynamic", "an expression")
SHUFFLED = Unknown("dynamic", "the order of a set")
# What a call gives that ends the program.
EXIT = Unknown("dynamic", "an exit")


def as_scalar(value: object) -> Value:
    """Return a computed object as a value, if it is one and not too large."""
    if isinstance(value, str):
        if len(value) < _STRIDE and value.isascii():
            return value
    elif value is None or isinstance(value, (bool, float, timedelta)):
        return value
    elif isinstance(value, int):
        return value if abs(value) < MAX_NUMBER else TOO_LARGE
    if isinstance(value, (str, bytes)):
        if len(value) > MAX_TEXT:
            return TOO_LARGE
        _charge_text(len(value))
    if isinstance(value, str) and not _is_text(value):
        return Unknown("dynamic", "text with half a character")
    return value if isinstance(value, (str, bytes)) else _EXPRESSION


def _is_text(value: str) -> bool:
    """Tell whether a file can hold `value`: Python's strings may hold more."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _charge_text(size: int) -> None:
    if size >= _STRIDE:
        charge(size // _STRIDE)


def items_of(value: Value) -> tuple[list[Value], Unknown | None]:
    """Return what iterating over `value` gives: known items, and why not all."""
    if isinstance(value, (Items, Entries)):
        charge(len(value.items) // 8)
    if isinstance(value, Items):
        if value.shuffled:
            return [], lost(value.more or SHUFFLED, *value.items)
        return list(value.items), value.more
    if isinstance(value, Entries):
        # with a rest it is not known which keys there are, nor their order
        why = value.rest or (SHUFFLED if value.shuffled else None)
        return ([], why) if why else (list(value.items), None)
    if isinstance(value, str) and len(value) <= MAX_ITEMS:
        charge(len(value))
        if isinstance(value, Given):
            return [given(letter, value.why) for letter in value], None
        return list(value), None
    if isinstance(value, Thing):
        held = value.each()
        if not isinstance(held, Unknown):
            return items_of(held)
    if isinstance(value, Unknown) and value.parts:
        _gone_through(value)
    return [], cause(value) or Unknown("dynamic", "iteration")


def _gone_through(value: Unknown) -> None:
    """Count what can be asked for once as asked for, if `value` may be it."""
    for thing in things_of(value):
        if isinstance(thing, Once):
            thing.escaped()


def all_of(value: Value) -> Value:
    """Return what a thing gives that is iterated over, any other value as it is."""
    held = value.each() if isinstance(value, Thing) else value
    return value if isinstance(held, Unknown) else held


def asked(arguments: Arguments) -> Arguments:
    """Return `arguments` to go through, with all that is handed out in its place."""
    if any(isinstance(one, (Once, View)) for one in arguments.positional):
        return Arguments(
            [
                all_of(one) if isinstance(one, (Once, View)) else one
                for one in arguments.positional
            ],
            arguments.keywords,
            arguments.more,
            arguments.rest,
            arguments.node,
        )
    return arguments


def members_of(value: Value) -> tuple[list[Value], Unknown | None]:
    """Return what `items_of` does, in any order where the order is not known."""
    if isinstance(value, Items):
        charge(len(value.items) // 8)
        return list(value.items), value.more
    if isinstance(value, Entries) and not value.rest:
        charge(len(value.items) // 8)
        return list(value.items), None
    if isinstance(value, Thing):
        held = value.each()
        if not isinstance(held, Unknown):
            return members_of(held)
    return items_of(value)


def _is_shuffled(value: Value) -> bool:
    return isinstance(value, (Items, Entries)) and value.shuffled


def binary(kind: type, left: Value, right: Value) -> Value:
    """Return `left <operator> right`."""
    if isinstance(left, Given) or isinstance(right, Given):
        return marked(lambda now: binary(kind, *now), [left, right])
    if kind is Mod and isinstance(left, str):
        return percent(left, right)
    if is_scalar(left) and is_scalar(right):
        return _arithmetic(kind, left, right)
    if isinstance(left, Items) and isinstance(right, Items) and kind is Add:
        return _concatenated(left, right)
    counted = any(isinstance(one, Entries) and one.counts for one in (left, right))
    if (
        isinstance(left, Entries)
        and isinstance(right, Entries)
        and kind is BitOr
        and not counted
    ):
        charge(len(left.items))
        merged = Entries(dict(left.items), left.rest).like(left)
        update(merged, right)
        return merged
    if isinstance(right, Items) and isinstance(left, int) and kind is Mult:
        left, right = right, left
    if kind in _SETS and isinstance(left, _SET_LIKE) and isinstance(right, _SET_LIKE):
        return combined(kind, left, right)
    if isinstance(left, Items) and isinstance(right, int) and kind is Mult:
        if len(left.items) * max(right, 0) > MAX_ITEMS:
            return TOO_LARGE
        charge(len(left.items) * max(right, 0))
        if left.more:
            return Items(left.kind, [], lost(left.more, left))
        return Items(left.kind, left.items * right)
    unknown = Unknown("dynamic", "an expression")
    if kind is Add and _is_textual(left) and _is_textual(right):
        return joined([left, right])
    made: Value = unknown
    if isinstance(left, Thing):
        made = left.binary(kind, right, reflected=False)
    if isinstance(right, Thing) and isinstance(made, Unknown):
        made = right.binary(kind, left, reflected=True)
    if not isinstance(made, Unknown):
        return made
    return lost(computed(left, right) or unknown, left, right)


def _arithmetic(kind: type, left: Scalar, right: Scalar) -> Value:
    if not _bounded(kind, left, right):
        return TOO_LARGE
    try:
        return as_scalar(_BINARY[kind](left, right))
    except (*_ERRORS, KeyError):
        return Unknown("dynamic", "an expression that fails")


def _bounded(kind: type, left: Scalar, right: Scalar) -> bool:
    if kind is Pow:
        return (
            isinstance(left, (int, float))
            and isinstance(right, (int, float))
            and abs(left) < 1 << 32
            and abs(right) <= 64
        )
    if kind is LShift:
        return isinstance(right, int) and right <= 128
    if kind is Mult:
        text, times = (left, right) if isinstance(left, (str, bytes)) else (right, left)
        if isinstance(text, (str, bytes)) and isinstance(times, int):
            return len(text) * times <= MAX_TEXT
    return True


# What operators make of sets.
_SETS: dict[type, Callable[[bool, bool], bool]] = {
    BitOr: lambda left, right: left or right,
    BitAnd: lambda left, right: left and right,
    Sub: lambda left, right: left and not right,
    BitXor: lambda left, right: left is not right,
}
_SET_LIKE = (Items, View)


def combined(kind: type, left: Value, right: Value) -> Value:
    """Return the set that an operator makes of two, or of the keys of a dict."""
    if _holds_given(left) or _holds_given(right):
        return marked(lambda now: combined(kind, *now), [left, right])
    (one, more), (two, others) = members_of(left), members_of(right)
    of: Kind = "frozenset" if _kind(left) == "frozenset" else "set"
    failed = Unknown("dynamic", "an expression that fails")
    if not (_is_set(left) and _is_set(right)):
        return lost(computed(left, right) or failed, left, right)
    if kind is BitOr:
        charge(len(one) + len(two))
        if len(one) + len(two) > MAX_ITEMS:
            return TOO_LARGE
        return Items(of, [*one, *two], either(more, others))
    held = {item: type(item) for item in one if is_scalar(item)}
    taken = {item: type(item) for item in two if is_scalar(item)}
    charge(len(held) + len(taken))
    whole = len(held) == len(one) and len(taken) == len(two) and not (more or others)
    # which of two equal ones of other types is kept is no matter of the language
    alike = all(taken.get(item, found) is found for item, found in held.items())
    if not (whole and alike):
        return lost(computed(left, right) or failed, left, right)
    found = _SETS[kind]
    chosen = [item for item in {**held, **taken} if found(item in held, item in taken)]
    return Items(of, list[Value](chosen))


def _kind(value: Value) -> str:
    return value.kind if isinstance(value, Items) else ""


def _is_set(value: Value) -> bool:
    if isinstance(value, View):
        return value.of != "values"
    return _kind(value) in SETS


def _concatenated(left: Items, right: Items) -> Value:
    kinds = {left.kind, right.kind}
    if kinds & SETS or (len(kinds) > 1 and "bag" not in kinds):
        return Unknown("dynamic", "an expression that fails")
    if len(left.items) + len(right.items) > MAX_ITEMS:
        return TOO_LARGE
    charge(len(left.items) + len(right.items))
    if left.more:
        # it is not known where the right ones stand
        more = lost(left.more, *right.items, right.more)
        return Items(left.kind, list(left.items), more)
    kind: Kind = "bag" if "bag" in kinds else left.kind
    return Items(kind, [*left.items, *right.items], right.more)


def unary(kind: type, value: Value) -> Value:
    """Return `<operator> value`."""
    if isinstance(value, Given):
        return marked(lambda now: unary(kind, *now), [value])
    if kind is Not:
        decided = truth(value)
        return decided if isinstance(decided, Unknown) else not decided
    if is_scalar(value):
        try:
            return as_scalar(_UNARY[kind](value))
        except _ERRORS:
            return Unknown("dynamic", "an expression that fails")
    return cause(value) or Unknown("dynamic", "an expression")


def compare(kind: type, left: Value, right: Value) -> bool | Unknown:
    """Return `left <comparison> right`."""
    if kind is NotIn:
        return _negated(contains(right, left))
    if kind is In:
        return contains(right, left)
    if kind in (NotEq, IsNot):
        return _negated(compare(Eq if kind is NotEq else Is, left, right))
    if kind in (Eq, Is):
        return _equal(left, right, identity=kind is Is)
    if is_scalar(left) and is_scalar(right):
        _charge_texts(left, right)
        try:
            return _ORDER[kind](left, right)
        except (*_ERRORS, KeyError):
            return Unknown("dynamic", "a comparison that fails")
    if isinstance(left, (Items, Thing)) and isinstance(right, (Items, Thing)):
        return _in_order(kind, left, right)
    if isinstance(left, Text) or isinstance(right, Text):
        one, other = _beginning(left), _beginning(right)
        # what follows the beginning of one counts where the other goes on
        open_left = isinstance(left, Text) and other.startswith(one)
        open_right = isinstance(right, Text) and one.startswith(other)
        if _are_texts(left, right) and not (open_left or open_right):
            return _ORDER[kind](one, other)
    return cause(left) or cause(right) or Unknown("dynamic", "a comparison")


def _are_texts(*values: Value) -> bool:
    return all(isinstance(value, (str, Text)) for value in values)


def _beginning(value: Value) -> str:
    """Return what a text certainly begins with."""
    first = value.parts[0] if isinstance(value, Text) and value.parts else value
    return first if isinstance(first, str) else ""


def _in_order(kind: type, left: Items | Thing, right: Items | Thing) -> bool | Unknown:
    """Return `left < right` and its like, of sets, sequences and things in order."""
    why = cause(left) or cause(right) or Unknown("dynamic", "a comparison")
    if _is_set(left) and _is_set(right):
        (one, more), (two, others) = members_of(left), members_of(right)
        if more or others or not all(map(is_scalar, (*one, *two))):
            return more or others or why
        charge(len(one) + len(two))
        return _ORDER[kind](set(one), set(two))
    if isinstance(left, Thing) or isinstance(right, Thing):
        both = [_order_of(left), _order_of(right)]
        if type(left) is not type(right) or any(one is _NO_ORDER for one in both):
            return why
    elif left.kind != right.kind or left.kind not in ("list", "tuple"):
        return why
    else:
        both = [_order_of(left), _order_of(right)]
        if any(one is _NO_ORDER for one in both):
            known = left.more is None and right.more is None
            both = _first_apart(left.items, right.items) if known else []
        if not both:
            return why
    try:
        return _ORDER[kind](*both)
    except TypeError:
        return Unknown("dynamic", "a comparison that fails")


def _charge_texts(*values: Value) -> None:
    for value in values:
        if isinstance(value, (str, bytes)):
            _charge_text(len(value))


def _negated(decided: bool | Unknown) -> bool | Unknown:
    return decided if isinstance(decided, Unknown) else not decided


def _equal(left: Value, right: Value, *, identity: bool) -> bool | Unknown:
    for value in (left, right):
        if isinstance(value, Unknown):
            return value
    if isinstance(left, View) or isinstance(right, View):
        left, right = _shown(left, identity), _shown(right, identity)
    if is_scalar(left) and is_scalar(right):
        _charge_texts(left)
        if identity and not (left is None or right is None):
            # whether equal constants are one object is no matter of the language
            same_kind = type(left) is type(right) and isinstance(left, bool)
            return left is right if same_kind else Unknown("dynamic", "is")
        return left == right
    if left is None or right is None:
        other = right if left is None else left
        # a symbol from elsewhere may be None
        return False if isinstance(other, (Items, Entries)) else _thing(other)
    if isinstance(left, Thing):
        told = left.equals(right, identity=identity)
        if told is not None:
            return told
    if isinstance(right, Thing) and not isinstance(left, Thing):
        told = right.equals(left, identity=identity)
        if told is not None:
            return told
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        names = left.name, right.name
        if all(name in _CLASSES for name in names):
            return left.name == right.name
    if any(isinstance(one, Entries) and one.counts for one in (left, right)):
        # what was counted zero times may be among the keys, or not
        return left is right or Unknown("dynamic", "a comparison of counters")
    if isinstance(left, Range) is not isinstance(right, Range) and not identity:
        return False
    if not identity and same(left, right) and why_unknown(left) is None:
        return True
    why = why_unknown(left) or why_unknown(right)
    if why is not None:
        return why
    if identity:
        # equal containers may be one and the same, or not
        return left is right or Unknown("dynamic", "is")
    try:
        return _equal_parts(left, right, Fuel())
    except (Spent, RecursionError):
        return TOO_LARGE


# Built-in classes, of which each is only itself.
_CLASSES = frozenset(
    f"builtins.{name}"
    for name in (
        *("bool", "bytes", "dict", "float", "frozenset", "int", "list", "set"),
        *("str", "tuple", "NoneType"),
    )
)


def _shown(value: Value, identity: bool) -> Value:
    """Return what a view is compared as: its keys and items are a set."""
    if isinstance(value, View) and value.of == "keys" and not identity:
        return Items("set", *members_of(value))
    return value


def _equal_parts(left: Value, right: Value, fuel: Fuel) -> bool | Unknown:
    """Return `left == right` of values that are known throughout."""
    fuel.burn()
    if is_scalar(left) and is_scalar(right):
        return left == right
    if isinstance(left, Entries) and isinstance(right, Entries):
        if left.items.keys() != right.items.keys():
            return False
        pairs = [(item, right.items[key]) for key, item in left.items.items()]
    elif isinstance(left, Items) and isinstance(right, Items):
        if "bag" in (left.kind, right.kind):
            return SHUFFLED
        sets = left.kind in SETS and right.kind in SETS
        alike = left.kind == right.kind or sets
        if not alike or len(left.items) != len(right.items):
            return False
        if sets:
            known = all(map(is_scalar, (*left.items, *right.items)))
            one, other = left.items, right.items
            return set(one) == set(other) if known else SHUFFLED
        pairs = list(zip(left.items, right.items, strict=True))
    else:
        return False if is_scalar(left) or is_scalar(right) else _EXPRESSION
    answers = [_equal_parts(one, other, fuel) for one, other in pairs]
    unknown = next((one for one in answers if isinstance(one, Unknown)), True)
    return False if False in answers else unknown


def _thing(value: Value) -> bool | Unknown:
    decided = truth(value)
    return decided if isinstance(decided, Unknown) else False


def contains(container: Value, value: Value) -> bool | Unknown:
    """Return `value in container`."""
    if isinstance(container, View):
        keys = container.of == "keys"
        container = container.held if keys else container.each()
    elif isinstance(container, Changeable):
        container = all_of(container)
    elif isinstance(container, Once):
        # it is gone through, as far as need be
        container = all_of(container)
    if isinstance(container, str) and isinstance(value, str):
        _charge_texts(container, value)
        return value in container
    if isinstance(container, Entries):
        value = as_key(value)
    if isinstance(container, Entries) and is_key(value):
        known = not isinstance(container.items.get(value, _EXPRESSION), Unknown)
        return known or container.rest or value in container.items
    if isinstance(container, (Items, Entries)):
        items, more = members_of(container)
        charge(len(items))
        unknown = more
        for item in items:
            equal = _equal(item, value, identity=False)
            if equal is True:
                return True
            if isinstance(equal, Unknown):
                unknown = equal
        return unknown or False
    return cause(container) or Unknown("dynamic", "in")


# ------------------------------------------------------------ what an input gave


def marked(operation: Callable[[list[Value]], Value], values: list[Value]) -> Value:
    """Return what `operation` gives where an input may have given some of `values`."""
    if not any(map(_holds_given, values)):
        return operation(values)
    known = operation([_changed(value, bare) for value in values])
    return mark(known, operation([_changed(value, _absent) for value in values]))


def mark(known: Value, without: Value) -> Value:
    """Return `known`, which an input gave; it would be `without` without the input."""
    why = why_unknown(without) or Unknown("dynamic", "what an input of the scan gives")
    if isinstance(known, Unknown):
        return why
    if isinstance(known, Text):
        return Text(known.parts, why)
    return spread(known, why)


def spread(value: Value, why: Unknown) -> Value:
    """Return a fresh value of which an input gave all: without it, it is `why`."""
    if isinstance(value, Items):
        items = [spread(item, why) for item in value.items]
        return Items(value.kind, items, value.more, value.level)
    if isinstance(value, Entries):
        entries = {key: spread(item, why) for key, item in value.items.items()}
        return Entries(entries, value.rest, value.level).like(value)
    return given(value, why)


def as_python(value: Value) -> Any:
    """Return a wholly known value as JSON's library takes it; it raises for others."""
    charge()
    if isinstance(value, Items) and value.kind in ("list", "tuple"):
        return [as_python(item) for item in value.items]
    if isinstance(value, Entries) and not value.shuffled:
        return {key: as_python(item) for key, item in value.items.items()}
    return value  # what JSON cannot say makes it raise


def _absent(value: Value) -> Value:
    return value.why if isinstance(value, Given) else value


def _holds_given(value: Value) -> bool:
    if isinstance(value, Items):
        return any(isinstance(item, Given) for item in value.items)
    if isinstance(value, Entries):
        return any(isinstance(item, Given) for item in value.items.values())
    return isinstance(value, Given)


def _changed(value: Value, change: Callable[[Value], Value]) -> Value:
    """Return `change(value)`, carried out on what a container holds."""
    if not _holds_given(value):
        return value
    if isinstance(value, Items):
        return Items(value.kind, [change(one) for one in value.items], value.more)
    if isinstance(value, Entries):
        entries = {key: change(one) for key, one in value.items.items()}
        return Entries(entries, value.rest)
    return change(value)


# ---------------------------------------------------------------------------- text

_DIGITS = late(r"\d{4}")
# A width of four digits inside a replacement field, or one that is computed.
_WIDE = late(r"%[^a-zA-Z%]*\d{4}|\{[^{}]*\d{4}")
# A replacement field that asks for an attribute.
_ATTRIBUTE = late(r"\{[^{}!:]*\.")
_COMPUTED = late(r"%[^a-zA-Z%]*\*|\{[^{}]*\{")


def _formattable(text: str, values: list[Value]) -> bool:
    """Say whether formatting stays small: no huge widths, written or given."""
    charge(len(values))
    _charge_texts(text, *values)
    if len(text) > MAX_TEXT or _WIDE().search(text):
        return False
    large = any(isinstance(v, int) and abs(v) > MAX_WIDTH for v in values)
    return not (large and _COMPUTED().search(text))


def percent(text: str, right: Value) -> Value:
    """Return `text % right`."""
    if _holds_given(right):
        return marked(lambda now: percent(text, *now), [right])
    if isinstance(right, Items) and right.kind == "tuple":
        values, why = list(right.items), why_unknown(right)
    elif isinstance(right, Entries):
        values, why = list(right.items.values()), why_unknown(right)
    else:
        values, why = list[Value]([right]), cause(right)
    if why:
        why = lost(why, text, right, *values)
        sure = not isinstance(right, (Items, Entries)) or _is_whole(right)
        return _filled(text.split("%s"), values, why) if sure else why
    if not _formattable(text, values):
        return Unknown("dynamic", "a formatted text")
    try:
        return as_scalar(text % exact(right))
    except (*_ERRORS, Spent, RecursionError):
        return Unknown("dynamic", "a formatted text")


_CONVERSIONS: dict[int, Callable[[object], str]] = {
    ord("r"): repr,
    ord("s"): str,
    ord("a"): ascii,
}


def _filled(pieces: list[str], values: list[Value], why: Unknown) -> Value:
    """Return `pieces` with a value between each two; `why`, if it is not that simple."""
    if any("%" in piece or "{" in piece or "}" in piece for piece in pieces):
        return why
    if len(values) != len(pieces) - 1:
        return why
    charge(len(pieces))
    parts: list[Value] = [pieces[0]]
    for value, piece in zip(values, pieces[1:], strict=True):
        shown = str(value) if isinstance(value, int) else value
        if isinstance(value, Thing) and not isinstance(value, Text):
            shown = value.text()
        if not _is_textual(shown):
            return why
        parts += [shown, piece]
    if all(type(part) is str for part in parts):
        return as_scalar("".join(map(str, parts)))
    return _flat(parts, why)


_PLAIN_FIELD = late(r"\{([a-zA-Z_]\w*)?\}")


def _formatted_in_part(text: str, arguments: Arguments, why: Unknown) -> Value:
    """Return `text.format(...)` where not all values are known."""
    found = _PLAIN_FIELD().split(text)
    pieces, names = found[::2], found[1::2]
    given = list(arguments.positional)
    values: list[Value] = []
    for name in names:
        if name is None and given:
            values.append(given.pop(0))
        elif name in arguments.keywords:
            values.append(arguments.keywords[name])
        else:
            return why
    return _filled(pieces, values, why)


def _joined_in_part(text: str, value: Value, why: Unknown) -> Value:
    """Return `text.join(value)` where not all items are known."""
    items, more = items_of(value)
    if more or not isinstance(value, Items):
        return why
    if not items or not all(map(_is_textual, items)):
        return why
    charge(len(items))
    return _flat([part for item in items for part in (text, item)][1:], why)


def _is_whole(value: Items | Entries) -> bool:
    return isinstance(value, Items) and value.kind == "tuple" and value.more is None


def _is_textual(value: Value) -> bool:
    """Say whether `value` is a text, or only can be one where a text is asked for."""
    return isinstance(value, (str, Unknown, Text))


def formatted(value: Value, conversion: int, spec: Value) -> Value:
    """Return one replacement field of an f-string as text."""
    if conversion <= 0 and spec == "" and isinstance(value, Thing):
        shown = value.text()
        return value if isinstance(shown, Unknown) else shown
    if conversion <= 0 and isinstance(value, Thing) and isinstance(spec, str) and spec:
        shown = value.formatted(str(spec))
        if isinstance(spec, Given) or isinstance(shown, Unknown):
            return computed(value, spec) or value.unknown()
        return shown
    if isinstance(value, Given) or isinstance(spec, Given):
        return marked(lambda now: formatted(now[0], conversion, now[1]), [value, spec])
    if conversion <= 0 and spec == "" and isinstance(value, Unknown):
        return value
    why = computed(value, spec)
    if why:
        return why
    if not isinstance(spec, str) or _DIGITS().search(spec):
        return Unknown("dynamic", "an f-string")
    try:
        plain = exact(value)
        if conversion > 0:
            plain = _CONVERSIONS[conversion](plain)
        return as_scalar(format(plain, spec))
    except (*_ERRORS, Spent, RecursionError):
        return Unknown("dynamic", "an f-string")


def joined(parts: list[Value]) -> Value:
    """Return the parts of an f-string as one text, known as far as they are."""
    kinds = set(map(type, parts))
    if kinds <= {str}:
        _charge_texts(*parts)
        return as_scalar("".join(map(str, parts)))
    if any(issubclass(kind, Given) for kind in kinds):
        return marked(joined, parts)
    _charge_texts(*parts)
    whys = [why for part in parts if (why := why_unknown(part)) is not None]
    if not whys:
        return as_scalar("".join(part for part in parts if isinstance(part, str)))
    text = as_scalar("".join(map(_written, parts)))
    why = lost(*whys)
    if isinstance(text, Unknown):
        return text
    return _flat(parts, replace(why, written=Items("tuple", [text])))


def _flat(parts: list[Value], why: Unknown) -> Text:
    """Return `parts` as one text, with those of texts in place of the texts."""
    found: list[str | Unknown | Thing] = []
    for part in parts:
        for one in part.parts if isinstance(part, Text) else (part,):
            if len(found) > MAX_PARTS:
                end = Unknown(why.reason, why.symbol)
                return Text((*found, end), why.derived())
            if isinstance(one, str) and found and isinstance(found[-1], str):
                found[-1] += one
            elif isinstance(one, (str, Unknown, Thing)) and one != "":
                found.append(one)
    charge(len(found))
    default = _default(found)
    return Text(
        tuple(found), why if default == why.default else replace(why, default=default)
    )


def _default(parts: "list[str | Unknown | Thing]") -> str | None:
    """Return the text that `parts` make where nothing is given; None: not known."""
    known = [part.default if isinstance(part, Unknown) else part for part in parts]
    texts = [part for part in known if isinstance(part, str)]
    if len(texts) < len(parts) or sum(map(len, texts)) > MAX_DEFAULT:
        return None
    return "".join(texts)


def otherwise(value: Unknown, default: Value) -> Unknown:
    """Return `value`, for which `default` stands where it is not given."""
    default = default.why if isinstance(default, Given) else default
    if isinstance(default, (str, bytes)) and value.written is None:
        short = isinstance(default, str) and len(default) <= MAX_DEFAULT
        text = default if short else None
        written = Items("tuple", [default])
        return replace(value, written=written, default=text)
    return lost(value, default)


def _written(part: Value) -> str:
    """Return `part` as it stands in the file, as a template if it does not."""
    if isinstance(part, Text):
        part = part.why
    if isinstance(part, Unknown) and part.written is not None:
        part = part.written.items[0]
    return part if isinstance(part, str) else "{{x}}"


# name -> how much larger the result may be than the operands is bounded by sizes
_TEXT_METHODS = frozenset(
    [
        "capitalize",
        "casefold",
        "center",
        "count",
        "endswith",
        "expandtabs",
        "find",
        "index",
        "isalnum",
        "isalpha",
        "isascii",
        "isdecimal",
        "isdigit",
        "isidentifier",
        "islower",
        "isnumeric",
        "isprintable",
        "isspace",
        "istitle",
        "isupper",
        "ljust",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "replace",
        "rfind",
        "rindex",
        "rjust",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "swapcase",
        "title",
        "upper",
        "zfill",
    ]
)


def text_method(text: str, name: str, arguments: Arguments) -> Value:
    """Call a method of a text."""
    if name == "join" and arguments.positional:
        held = [all_of(value) for value in arguments.positional]
        arguments = Arguments(held, arguments.keywords, arguments.more, arguments.rest)
    taken = [*arguments.positional, *arguments.keywords.values()]
    if isinstance(text, Given) or any(map(_holds_given, taken)):
        return _marked_method(text, name, arguments)
    why = computed(arguments.more, arguments.rest, *taken)
    if why:
        why = lost(why, text)
        if arguments.more or arguments.rest:
            return why
        if name == "join":
            return _joined_in_part(text, arguments.get("iterable", 0), why)
        return _formatted_in_part(text, arguments, why) if name == "format" else why
    if name == "join":
        return _join_text(text, arguments.get("iterable", 0))
    if name == "format":
        return _format(text, arguments)
    if name == "format_map":
        return _format_map(text, arguments.get("mapping", 0))
    if name == "encode":
        return _recoded(text, arguments)
    if name == "translate":
        return _translated(text, arguments.get("table", 0))
    if name not in _TEXT_METHODS or not _small(text, name, taken):
        return Unknown("dynamic", f"str.{name}()")
    values = [_tuple_of(value) for value in arguments.positional]
    named = {key: _tuple_of(value) for key, value in arguments.keywords.items()}
    try:
        return _as_value(getattr(text, name)(*values, **named))
    except _ERRORS:
        return Unknown("dynamic", f"str.{name}()")


def _marked_method(text: str, name: str, arguments: Arguments) -> Value:
    """Call a method of a text where an input gave the text, or an argument."""
    known = text_method(str(text), name, _mapped(arguments, bare))
    absent = _mapped(arguments, _absent)
    if isinstance(text, Given):
        why: Value = lost(text.why, *given_of(absent))
    else:
        why = text_method(text, name, absent)
    return mark(known, why)


def _mapped(arguments: Arguments, change: Callable[[Value], Value]) -> Arguments:
    return Arguments(
        [_changed(value, change) for value in arguments.positional],
        {name: _changed(value, change) for name, value in arguments.keywords.items()},
        arguments.more,
        arguments.rest,
        arguments.node,
    )


def _tuple_of(value: Value) -> object:
    return tuple(members_of(value)[0]) if isinstance(value, Items) else value


def _small(text: str, name: str, given: list[Value]) -> bool:
    sizes = [len(value) for value in given if isinstance(value, str)]
    if name in ("center", "expandtabs", "ljust", "rjust", "zfill"):
        given = [value for value in given if not isinstance(value, str)]
        _charge_text(len(text))
        return all(isinstance(value, int) and value <= MAX_WIDTH for value in given)
    steps = (len(text) + 1) * max(sizes, default=1)
    if steps > 10 * MAX_TEXT:
        return False
    _charge_text(steps)
    return True


def _as_value(found: object) -> Value:
    if not isinstance(found, (list, tuple)):
        return as_scalar(found)
    parts = [as_scalar(part) for part in cast(Sequence[object], found)[:MAX_ITEMS]]
    return Items("list" if isinstance(found, list) else "tuple", parts)


def _join_text(text: str, value: Value) -> Value:
    items, why = items_of(value)
    if why:
        return lost(why, text, *items)
    charge(len(items))
    texts = [item for item in items if isinstance(item, str)]
    if len(texts) != len(items):
        return Unknown("dynamic", "str.join()")
    if sum(map(len, texts)) + len(text) * len(texts) > MAX_TEXT:
        return TOO_LARGE
    _charge_texts(text, *texts)
    return text.join(texts)


def _format(text: str, arguments: Arguments) -> Value:
    values = [*arguments.positional, *arguments.keywords.values()]
    if not _formattable(text, values) or _ATTRIBUTE().search(text):
        return Unknown("dynamic", "str.format()")
    try:
        positional = [exact(value) for value in arguments.positional]
        named = {name: exact(value) for name, value in arguments.keywords.items()}
        return as_scalar(text.format(*positional, **named))
    except (*_ERRORS, Spent, RecursionError):
        return Unknown("dynamic", "str.format()")


def _format_map(text: str, mapping: Value) -> Value:
    if type(mapping) is not Entries or mapping.shuffled:
        return Unknown("dynamic", "str.format_map()")
    named = {key: item for key, item in mapping.items.items() if isinstance(key, str)}
    return _format(text, Arguments([], named))


# What is the same in all versions, and takes no longer than the text is long.
_ENCODINGS = frozenset({"ascii", "latin-1", "utf-8", "utf8", "UTF-8", "UTF8"})


def _recoded(value: str | bytes, arguments: Arguments) -> Value:
    """Return what `encode` makes of a text, or `decode` of bytes."""
    encoding = arguments.get("encoding", 0, "utf-8")
    others = arguments.keywords.keys() - {"encoding"} or arguments.positional[1:]
    known = isinstance(encoding, str) and encoding in _ENCODINGS and not others
    if not known or not isinstance(encoding, str):
        return computed(encoding) or Unknown("dynamic", "an encoding")
    _charge_texts(value)
    try:
        if isinstance(value, str):
            return as_scalar(value.encode(encoding))
        return as_scalar(value.decode(encoding))
    except _ERRORS:
        return Unknown("dynamic", "an encoding that fails")


def _translated(text: str, table: Value) -> Value:
    entries = table.items if isinstance(table, Entries) and not table.rest else {}
    charge(len(entries))
    pairs = {
        key: item
        for key, item in entries.items()
        if isinstance(key, int) and (item is None or isinstance(item, (int, str)))
    }
    longest = max(
        (len(one) for one in pairs.values() if isinstance(one, str)), default=1
    )
    if not entries or len(pairs) < len(entries) or len(text) * longest > MAX_TEXT:
        return cause(table) or Unknown("dynamic", "str.translate()")
    _charge_texts(text)
    try:
        return as_scalar(text.translate(pairs))
    except _ERRORS:
        return Unknown("dynamic", "str.translate()")


def bytes_method(value: bytes, name: str, arguments: Arguments) -> Value:
    """Call a method of bytes."""
    why = computed(*given_of(arguments))
    if why is not None:
        return why
    if name == "decode":
        return _recoded(value, arguments)
    if name == "hex" and not arguments.positional and not arguments.keywords:
        _charge_texts(value)
        return as_scalar(value.hex())
    return Unknown("dynamic", f"bytes.{name}()")


def exact(value: Value) -> object:
    """
    Return a wholly known value as Python has it; raise `ValueError` for others.

    `Spent` where it is too large, shared parts counted as often as they are met.
    """
    return _exact(value, Fuel())


def _exact(value: Value, fuel: Fuel) -> object:
    fuel.burn()
    if isinstance(value, (str, bytes)):
        fuel.left -= len(value) // 8
    if is_scalar(value) and not isinstance(value, Given):
        return value
    plain = type(value) in (Items, TupleKey)
    if plain and isinstance(value, Items) and not (value.more or value.shuffled):
        parts = [_exact(item, fuel) for item in value.items]
        if value.kind in _MADE and value.kind != "bag":
            return _MADE[value.kind](parts)
        return parts
    if type(value) is Entries and value.rest is None and not value.shuffled:
        return {_exact(k, fuel): _exact(item, fuel) for k, item in value.items.items()}
    raise ValueError


_MADE: dict[str, Callable[[list[object]], object]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
}


# ----------------------------------------------------------- changes to containers


def assign(container: Entries, key: Value, value: Value, level: int) -> None:
    """Carry out `container[key] = value`."""
    key = as_key(key)
    if not is_key(key):
        why = why_unknown(key) or Unknown("dynamic", "a key")
        forget(container, lost(why, value))
    elif level > container.level:
        kept = container.items.get(key, UNDECIDED)
        if key not in container.items:
            container.rest = lost(container.rest or UNDECIDED, value)
        container.items[key] = join(kept, value, UNDECIDED)
        changed(container, value)
    elif len(container.items) < MAX_ITEMS:
        container.items[key] = value
        changed(container, value)
    else:
        forget(container, lost(TOO_LARGE, value))


def update(container: Entries, other: Value, level: int = 0) -> None:
    """Carry out `container.update(other)`."""
    if not isinstance(other, Entries):
        why = why_unknown(other) or Unknown("dynamic", "update()")
        forget(container, lost(why, other))
        return
    if other.rest:
        forget(container, other.rest)
    charge(len(other.items))
    container.shuffled = container.shuffled or other.shuffled
    for key, value in list(other.items.items()):
        assign(container, key, value, level)


def given_of(arguments: Arguments) -> list[Value]:
    """Return all that a call is given, None in place of what is not."""
    values = [*arguments.positional, *arguments.keywords.values()]
    return [*values, arguments.more, arguments.rest]


# Functions that ask for all that what they are given yields, before they end.
TAKING = frozenset(
    {
        *("all", "any", "dict", "frozenset", "list", "max", "min", "set", "sorted"),
        *("sum", "tuple"),
    }
)


def extend(container: Items, items: list[Value], level: int) -> None:
    """Add `items` at the end of `container`."""
    if len(container.items) + len(items) > MAX_ITEMS:
        container.more = lost(TOO_LARGE, container.more, *items)
    elif level > container.level or container.more:
        container.more = lost(container.more or UNDECIDED, *items)
    else:
        container.items.extend(items)
        if container.kind in SETS:
            container.distinct()
    changed(container, *items)


def replace_item(container: Items, key: Value, value: Value, level: int) -> None:
    """Carry out `container[key] = value`."""
    size = len(container.items)
    # from the end: only where it is known where the end is
    first = 0 if container.more else -size
    certain = level <= container.level and not container.shuffled
    if isinstance(key, int) and first <= key < size and certain:
        container.items[key] = value
        changed(container, value)
        return
    why = lost(UNDECIDED, value, container.more, *container.items)
    container.items = list[Value]([why] * size)
    if container.more is not None:
        container.more = lost(container.more, value)
    changed(container, value)


def subscript(value: Value, key: Value) -> Value:
    """Return `value[key]`; a slice is given as a tuple of three."""
    if isinstance(value, Given):
        return marked(lambda now: subscript(*now), [value, key])
    if isinstance(value, Entries):
        key = as_key(key)
        if is_key(key):
            return value.get(key)
        value.asked()
        return lost(_missing(key), value)
    indexed = isinstance(value, Items) and value.kind not in SETS
    indexed = indexed and not _is_shuffled(value)
    if indexed and isinstance(value, Items) and isinstance(key, int):
        return _indexed(value, key)
    if isinstance(value, str):
        known = isinstance(key, int) and -len(value) <= key < len(value)
        return value[cast("int", key)] if known else lost(_missing(key), value)
    if isinstance(value, Thing):
        return value.item(key)
    mixed = SHUFFLED if _is_shuffled(value) else None
    return lost(why_unknown(value) or mixed or _missing(key), value)


def _indexed(value: Items, key: int) -> Value:
    # what `more` adds stands after the known items
    if 0 <= key < len(value.items):
        return value.items[key]
    if value.more or not -len(value.items) <= key < 0:
        return lost(value.more or _missing(key), value)
    return value.items[key]


def _missing(key: Value) -> Unknown:
    return why_unknown(key) or Unknown("dynamic", "a subscript")


def sliced(value: Value, lower: Value, upper: Value, step: Value) -> Value:
    """Return `value[lower:upper:step]`."""
    if isinstance(value, Given):
        return marked(lambda now: sliced(*now), [value, lower, upper, step])
    bounds: list[int | None] = []
    for bound in (lower, upper, step):
        if not (bound is None or isinstance(bound, int)):
            return lost(why_unknown(bound) or Unknown("dynamic", "a slice"), value)
        bounds.append(bound)
    chosen = slice(*bounds)
    try:
        if isinstance(value, (str, bytes)):
            _charge_texts(value)
            return value[chosen]
        ordered = isinstance(value, Items) and not (value.more or value.shuffled)
        if ordered and isinstance(value, Items) and value.kind not in SETS:
            charge(len(value.items))
            kind = Range if isinstance(value, Range) else Items
            return kind(value.kind, value.items[chosen], level=value.level)
    except ValueError:
        return Unknown("dynamic", "a slice that fails")
    return lost(why_unknown(value) or Unknown("dynamic", "a slice"), value)


# ------------------------------------------------------------- built-in functions


def _len(value: Value) -> Value:
    items, why = members_of(value)
    return why or len(items)


def _as_text(value: Value) -> Value:
    return value.text() if isinstance(value, Thing) else _shown_as(str)(value)


def _shown_as(show: Callable[[object], str]) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        if isinstance(value, (Items, Entries)):
            try:
                return as_scalar(show(exact(value)))
            except (*_ERRORS, Spent, RecursionError):
                return cause(value) or Unknown("dynamic", "a conversion")
        return _converted(show)(value)

    return convert


def _converted(kind: Callable[[Scalar], object]) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        if not is_scalar(value):
            return cause(value) or Unknown("dynamic", "a conversion")
        try:
            return as_scalar(kind(value))
        except _ERRORS:
            return Unknown("dynamic", "a conversion that fails")

    return convert


def _sequence(kind: Kind) -> Callable[[Value], Value]:
    def convert(value: Value) -> Value:
        items, more = members_of(value)
        mixed = _is_shuffled(value) and kind not in SETS
        return Items("bag" if mixed else kind, items, more)

    return convert


def _ordered(value: Value, *, backwards: bool = False) -> Value:
    items, why = members_of(value)
    if why:
        return lost(why, value)
    return in_order(items, items, backwards, shuffled=_is_shuffled(value))


def in_order(
    items: list[Value], keys: list[Value], backwards: bool, *, shuffled: bool
) -> Value:
    """Return `items` sorted by their `keys`; `shuffled`: equal ones in any order."""
    charge(2 * len(items))
    failed = Unknown("dynamic", "sorted()")
    compared = [_order_of(key) for key in keys]
    if len({type(key) for key in keys if isinstance(key, Thing)}) > 1:
        return lost(failed, *items, *keys)
    if any(one is _NO_ORDER for one in compared):
        return lost(computed(*keys) or failed, *items, *keys)
    try:
        # what cannot be compared raises, as in the program itself
        places = sorted(
            range(len(items)),
            key=lambda place: cast("str", compared[place]),
            reverse=backwards,
        )
        alike = any(
            compared[one] == compared[other] and not _alike(items[one], items[other])
            for one, other in pairwise(places)
        )
    except TypeError:
        return lost(failed, *items, *keys)
    if shuffled and alike:
        return Items("bag", [items[place] for place in places])
    return Items("list", [items[place] for place in places])


_NO_ORDER = object()


def _alike(one: Value, other: Value) -> bool:
    return one is other or (is_scalar(one) and same(one, other))


def _order_of(value: Value) -> object:
    """Return what sorting compares of `value`."""
    charge()
    if is_scalar(value):
        return value
    if isinstance(value, Thing):
        order = value.order()
        return _NO_ORDER if order is None else order
    if isinstance(value, Items) and value.kind in ("list", "tuple") and not value.more:
        parts = [part if is_scalar(part) else _NO_ORDER for part in value.items]
        if _NO_ORDER in parts:
            return _NO_ORDER
        return tuple(parts) if value.kind == "tuple" else parts
    return _NO_ORDER


def _first_apart(left: list[Value], right: list[Value]) -> list[object]:
    """Return the first two that differ of two sequences; none: that is not known."""
    for one, other in zip(left, right, strict=False):
        charge()
        if not (is_scalar(one) and is_scalar(other)):
            break
        if one != other:
            return [one, other]
    return []


def _reversed(value: Value) -> Value:
    items, why = members_of(value)
    if why:
        return lost(why, value)
    return Items("bag" if _is_shuffled(value) else "list", items[::-1])


_ONE_ARGUMENT: dict[str, Callable[[Value], Value]] = {
    "len": _len,
    "str": _as_text,
    "int": _converted(lambda v: int(v)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # what is no number raises, and is caught
    "float": _converted(lambda v: float(v)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the same
    "bool": lambda value: truth(value),
    "abs": _converted(lambda v: abs(v)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the same
    "repr": _shown_as(repr),
    "ascii": _shown_as(ascii),
    "list": _sequence("list"),
    "tuple": _sequence("tuple"),
    "set": _sequence("set"),
    "frozenset": _sequence("frozenset"),
    "iter": _sequence("list"),
    "sorted": _ordered,
    "reversed": _reversed,
}


def _range(arguments: Arguments) -> Value:
    bounds = [value for value in arguments.positional if isinstance(value, int)]
    why = next((w for w in map(why_unknown, arguments.positional) if w), arguments.more)
    if why or len(bounds) != len(arguments.positional) or not 1 <= len(bounds) <= 3:
        return why or Unknown("dynamic", "range()")
    try:
        found = range(*bounds)
        if len(found) > MAX_ITEMS:
            return TOO_LARGE
        charge(len(found) // 2)
        return Range("list", list(found))
    except (ValueError, OverflowError):
        return Unknown("dynamic", "range()")


def _enumerate(arguments: Arguments) -> Value:
    iterated = arguments.get("iterable", 0)
    items, more = members_of(iterated)
    start = arguments.get("start", 1, 0)
    if not isinstance(start, int):
        return why_unknown(start) or Unknown("dynamic", "enumerate()")
    charge(_CONTAINER * len(items))
    if _is_shuffled(iterated):
        unsure: list[Value] = [Items("tuple", [SHUFFLED, item]) for item in items]
        return Items("bag", unsure, more)
    pairs: list[Value] = [
        Items("tuple", [number, item]) for number, item in enumerate(items, start)
    ]
    return Items("list", pairs, more)


def _zip(arguments: Arguments) -> Value:
    if arguments.more:
        return arguments.more
    if any(map(_is_shuffled, arguments.positional)):
        return _zip_shuffled(arguments.positional)
    read = [items_of(value) for value in arguments.positional]
    more = either(*(why for _, why in read))
    if more is not None:
        more = lost(more, *(item for items, _ in read for item in items))
    charge(_CONTAINER * sum(len(items) for items, _ in read))
    rows: list[Value] = [
        Items("tuple", list(row)) for row in zip(*(i for i, _ in read), strict=False)
    ]
    return Items("list", rows, more)


def _zip_shuffled(given: list[Value]) -> Value:
    """Return what `zip` gives of which it is not known which go together."""
    charge(_CONTAINER * sum(len(members_of(value)[0]) for value in given))
    rows: list[Value] = []
    for place, value in enumerate(given):
        for item in members_of(value)[0]:
            row: list[Value] = [SHUFFLED] * len(given)
            row[place] = item
            rows.append(Items("tuple", row))
    return Items("bag", [], lost(SHUFFLED, *rows))


def _dict(arguments: Arguments) -> Value:
    made = Entries({}, arguments.rest)
    for value in map(all_of, arguments.positional):
        if isinstance(value, Items):
            update_pairs(made, value)
        else:
            update(made, value)
    made.shuffled |= isinstance(arguments.keywords, Unordered)
    for key, value in arguments.keywords.items():
        made.items[key] = value
    return made


def update_pairs(made: Entries, value: Items, level: int = 0) -> None:
    """Carry out `made.update(value)`, where those are pairs of a key and a value."""
    charge(len(value.items))
    made.shuffled |= value.shuffled
    for pair in value.items:
        two = isinstance(pair, Items) and len(pair.items) == 2 and pair.more is None
        if two and isinstance(pair, Items) and not pair.shuffled:
            assign(made, pair.items[0], pair.items[1], level)
        else:
            forget(made, lost(why_unknown(pair) or Unknown("dynamic", "dict()"), pair))
    if value.more is not None:
        # a key may be there again
        forget(made, value.more)


def _quantified(name: str) -> Callable[[Arguments], Value]:
    sought = name == "any"

    def quantified(arguments: Arguments) -> Value:
        items, unknown = members_of(arguments.get("iterable", 0))
        charge(len(items))
        for item in items:
            decided = truth(item)
            if decided is sought:
                return sought
            if isinstance(decided, Unknown):
                unknown = decided
        return unknown or not sought

    return quantified


def _extreme(name: str) -> Callable[[Arguments], Value]:
    def extreme(arguments: Arguments) -> Value:
        taken = arguments.positional
        if arguments.keywords or arguments.rest or arguments.more:
            return lost(Unknown("dynamic", f"{name}()"), *given_of(arguments))
        compared = taken[0] if len(taken) == 1 else Items("list", list(taken))
        # of equal ones the first counts
        ordered = _ordered(compared, backwards=name == "max")
        if not isinstance(ordered, Items) or not ordered.items or ordered.shuffled:
            why = why_unknown(ordered) or Unknown("dynamic", f"{name}()")
            return lost(why, *taken)
        return ordered.items[0]

    return extreme


def _sum(arguments: Arguments) -> Value:
    items, why = items_of(arguments.get("iterable", 0))
    total = arguments.get("start", 1, 0)
    charge(len(items))
    for item in items:
        total = binary(Add, total, item)
    return why or total


_FUNCTIONS: dict[str, Callable[[Arguments], Value]] = {
    "range": _range,
    "enumerate": _enumerate,
    "zip": _zip,
    "dict": _dict,
    "any": _quantified("any"),
    "all": _quantified("all"),
    "min": _extreme("min"),
    "max": _extreme("max"),
    "sum": _sum,
    "print": lambda _: None,
}


def builtin(name: str, arguments: Arguments) -> Value:
    """Return what the built-in function `name` gives."""
    if name in _FUNCTIONS:
        return _FUNCTIONS[name](arguments)
    taken = arguments.positional
    if name in _ONE_ARGUMENT and not arguments.keywords and not arguments.more:
        if len(taken) == 1 and isinstance(taken[0], Given):
            return marked(lambda now: _ONE_ARGUMENT[name](*now), taken)
        if len(taken) == 1:
            return _ONE_ARGUMENT[name](taken[0])
        if not taken and name in _EMPTY:
            return _EMPTY[name](Items("list", []))
    why = computed(*taken)
    return lost(why or Unknown("dynamic", f"{name}()"), *given_of(arguments))


# What gives something empty when it is given nothing.
_EMPTY: dict[str, Callable[[Value], Value]] = {
    "frozenset": _sequence("frozenset"),
    "list": _sequence("list"),
    "set": _sequence("set"),
    "tuple": _sequence("tuple"),
    "bool": lambda _: False,
    "float": lambda _: 0.0,
    "int": lambda _: 0,
    "str": lambda _: "",
}
_UNITS = (
    "days",
    "seconds",
    "microseconds",
    "milliseconds",
    "minutes",
    "hours",
    "weeks",
)


def duration(arguments: Arguments) -> Value:
    """Return what `datetime.timedelta` gives, and `pendulum.duration` with its units."""
    if arguments.more or arguments.rest:
        return arguments.more or arguments.rest
    if any(map(_holds_given, given_of(arguments))):
        absent = duration(_mapped(arguments, _absent))
        return mark(duration(_mapped(arguments, bare)), absent)
    amounts: dict[str, float] = {}
    taken = dict(zip(_UNITS, arguments.positional, strict=False)) | arguments.keywords
    for unit, value in taken.items():
        if not isinstance(value, (int, float)):
            return why_unknown(value) or Unknown("dynamic", "timedelta()")
        amounts[unit] = value
    try:
        return timedelta(**amounts)
    except (TypeError, ValueError, OverflowError):
        return Unknown("dynamic", "timedelta()")
