"""
What the methods of Python's containers give, and what they change.

A change that is not certain, or of a container whose items are not known in their
order, leaves a container of which nothing is known.
"""

from ast import BitAnd, BitOr, BitXor, Eq, Sub
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeAlias

from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    changed,
    either,
    forget,
    lost,
)
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    all_of,
    as_scalar,
    assign,
    bytes_method,
    combined,
    compare,
    extend,
    given_of,
    items_of,
    members_of,
    text_method,
    update,
    update_pairs,
)
from dagwarden.sources.dags.language.values import (
    Arguments,
    Changeable,
    Entries,
    Items,
    Method,
    Unknown,
    Unordered,
    Value,
    View,
    ViewKind,
    as_key,
    cause,
    is_key,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge


def method(value: Value, name: str, level: int) -> Value:
    """
    Return the method `name` of a known value.

    `level` is the undecided branch we are in: a change to a container made outside
    of it may not happen.
    """
    if isinstance(value, str):
        return Method(name, lambda arguments: text_method(value, name, arguments))
    own = value.own(name, level) if isinstance(value, Entries) else None
    if own is not None:
        return own
    if isinstance(value, Entries) and name in _DICT_METHODS:
        change = _DICT_METHODS[name]
        return _bound(value, name, lambda arguments: change(value, arguments, level))
    methods = _METHODS.get(value.kind, {}) if isinstance(value, Items) else {}
    if isinstance(value, Items) and name in methods:
        alter = methods[name]
        return _bound(value, name, lambda arguments: alter(value, arguments, level))
    if isinstance(value, timedelta):
        return _timedelta_attribute(value, name)
    if isinstance(value, bytes):
        return Method(name, lambda arguments: bytes_method(value, name, arguments))
    if isinstance(value, (Items, Entries)):
        return _bound(
            value, name, lambda arguments: _unmodelled(value, name, arguments)
        )
    return cause(value) or Unknown("dynamic", f".{name}")


class Changer(Method, Changeable):
    """A method that changes the container it is bound to."""

    __slots__ = ("holder",)

    def __init__(
        self, holder: Items | Entries, name: str, function: Callable[[Arguments], Value]
    ) -> None:
        """Bind it to `holder`."""
        super().__init__(name, function)
        self.holder = holder

    def leads_to(self) -> Iterable[Value]:
        """Return what it changes."""
        return (self.holder,)

    def forget(self, why: Unknown) -> None:
        """Count it as called, with whatever."""
        forget(self.holder, why)


def _bound(
    holder: Items | Entries, name: str, function: Callable[[Arguments], Value]
) -> Method:
    if name in READING:
        return Method(name, function)
    return Changer(holder, name, function)


def _unmodelled(value: Items | Entries, name: str, arguments: Arguments) -> Value:
    """Call a method of which only that is known: it may change the container."""
    why = lost(Unknown("dynamic", f".{name}()"), *given_of(arguments))
    if name not in READING:
        forget(value, why)
    return lost(why, value)


# Methods that leave a container as it is.
READING = {
    *("copy", "count", "difference", "get", "index", "intersection", "items"),
    *("isdisjoint", "issubset", "issuperset", "keys", "symmetric_difference"),
    *("union", "values"),
}


def _timedelta_attribute(value: timedelta, name: str) -> Value:
    if name in ("days", "seconds", "microseconds"):
        return as_scalar(getattr(value, name))
    if name == "total_seconds":
        return Method(name, lambda _: value.total_seconds())
    return Unknown("dynamic", f"timedelta.{name}")


def _update(container: Entries, arguments: Arguments, level: int) -> Value:
    for value in map(all_of, arguments.positional):
        if isinstance(value, Items):
            update_pairs(container, value, level)
        else:
            update(container, value, level)
    container.shuffled |= isinstance(arguments.keywords, Unordered)
    for key, value in arguments.keywords.items():
        assign(container, key, value, level)
    why = either(arguments.more, arguments.rest)
    if why:
        forget(container, why)
    return None


def _get(container: Entries, arguments: Arguments, _: int) -> Value:
    key, default = as_key(arguments.get("key", 0)), arguments.get("default", 1)
    if not is_key(key):
        why = why_unknown(key) or Unknown("dynamic", "a key")
        return lost(why, container, default)
    if key in container.items or container.rest:
        value = container.get(key)
        # what is not known may be missing
        return lost(value, default) if isinstance(value, Unknown) else value
    return default


def _setdefault(container: Entries, arguments: Arguments, level: int) -> Value:
    key, default = as_key(arguments.get("key", 0)), arguments.get("default", 1)
    if not is_key(key):
        forget(container, lost(UNDECIDED, default))
        return lost(UNDECIDED, container)
    if key not in container.items and not container.rest:
        assign(container, key, default, level)
    elif isinstance(found := container.get(key), Unknown):
        container.items[key] = lost(found, default)
        changed(container, default)
    return container.get(key)


def _pop(container: Entries, arguments: Arguments, level: int) -> Value:
    value = _get(container, arguments, level)
    key = as_key(arguments.get("key", 0))
    if is_key(key) and level <= container.level:
        container.items.pop(key, None)
        changed(container)
    else:
        forget(container, UNDECIDED)
    return value


def _pop_last(container: Entries, _: Arguments, level: int) -> Value:
    sure = container.rest is None and not container.shuffled
    if sure and container.items and level <= container.level:
        key = next(reversed(container.items))
        value = container.items.pop(key)
        changed(container)
        return Items("tuple", [key, value], level=level)
    why = lost(UNDECIDED, container)
    forget(container, UNDECIDED)
    return why


def _clear_dict(container: Entries, _: Arguments, level: int) -> Value:
    if level <= container.level:
        container.items, container.rest, container.shuffled = {}, None, False
        changed(container)
    else:
        forget(container, UNDECIDED)
    return None


def _view(of: ViewKind) -> Callable[[Entries, Arguments, int], Value]:
    return lambda container, _, level: View(container, of)


def _copy_dict(container: Entries, _: Arguments, level: int) -> Value:
    charge(len(container.items))
    return container.duplicate(level)


_DICT_METHODS: dict[str, Callable[[Entries, Arguments, int], Value]] = {
    "get": _get,
    "update": _update,
    "setdefault": _setdefault,
    "pop": _pop,
    "popitem": _pop_last,
    "clear": _clear_dict,
    "items": _view("items"),
    "keys": _view("keys"),
    "values": _view("values"),
    "copy": _copy_dict,
}


# ------------------------------------------------------------------------------ lists


def _append(container: Items, arguments: Arguments, level: int) -> Value:
    extend(container, [arguments.get("object", 0)], level)
    return None


def _extend(container: Items, arguments: Arguments, level: int) -> Value:
    ordered = container.kind in ("list", "tuple")
    for one in arguments.positional:
        items, more = items_of(one) if ordered else members_of(one)
        extend(container, items, level)
        container.more = either(container.more, more)
    container.more = either(container.more, arguments.more, arguments.rest)
    return None


def _copy_list(container: Items, _: Arguments, level: int) -> Value:
    return Items(container.kind, *members_of(container), level)


def _is_sure(container: Items, level: int) -> bool:
    """Say whether a change certainly happens, to items whose places are known."""
    return (
        level <= container.level and container.more is None and not container.shuffled
    )


def _insert(container: Items, arguments: Arguments, level: int) -> Value:
    place, value = arguments.get("index", 0), arguments.get("object", 1)
    small = len(container.items) < MAX_ITEMS
    if isinstance(place, int) and small and _is_sure(container, level):
        charge(len(container.items) // 16)
        container.items.insert(place, value)
        changed(container, value)
    else:
        forget(container, lost(UNDECIDED, value))
    return None


def _pop_item(container: Items, arguments: Arguments, level: int) -> Value:
    place, size = arguments.get("index", 0, -1), len(container.items)
    known = isinstance(place, int) and -size <= place < size
    if known and isinstance(place, int) and _is_sure(container, level):
        charge(size // 16)
        value = container.items.pop(place)
        changed(container)
        return value
    why = lost(UNDECIDED, container)
    forget(container, UNDECIDED)
    return why


def _place_of(container: Items, value: Value) -> int | Unknown | None:
    """Return where the first item stands that equals `value`; None: nowhere."""
    if container.more is not None:
        return lost(container.more, container)
    charge(len(container.items))
    for place, item in enumerate(container.items):
        equal = item is value or compare(Eq, item, value)
        if isinstance(equal, Unknown):
            return equal
        if equal:
            return place
    return None


def _remove(container: Items, arguments: Arguments, level: int) -> Value:
    place = _place_of(container, arguments.get("value", 0))
    if isinstance(place, int) and level <= container.level:
        # of equal items any may go where their order is not known
        del container.items[place]
        changed(container)
    else:
        forget(container, UNDECIDED)
    return None


def _discard(container: Items, arguments: Arguments, level: int) -> Value:
    place = _place_of(container, arguments.get("value", 0))
    if place is not None:
        _remove(container, arguments, level)
    return None


def _index(container: Items, arguments: Arguments, _: int) -> Value:
    place = _place_of(container, arguments.get("value", 0))
    known = isinstance(place, int) and not container.shuffled
    if known and len(arguments.positional) == 1:
        return place
    why = place if isinstance(place, Unknown) else Unknown("dynamic", ".index()")
    return why.derived()


def _count(container: Items, arguments: Arguments, _: int) -> Value:
    if container.more is not None:
        return container.more.derived()
    charge(len(container.items))
    value = arguments.get("value", 0)
    found = [compare(Eq, item, value) for item in container.items]
    why = next((one for one in found if isinstance(one, Unknown)), None)
    return sum(one is True for one in found) if why is None else why.derived()


def _reverse(container: Items, _: Arguments, level: int) -> Value:
    if container.more is None and level <= container.level:
        charge(len(container.items) // 16)
        container.items.reverse()
        changed(container)
    else:
        forget(container, UNDECIDED)
    return None


def _clear(container: Items, _: Arguments, level: int) -> Value:
    if level <= container.level:
        container.items, container.more = [], None
        changed(container)
    else:
        forget(container, UNDECIDED)
    return None


def put_in_order(container: Items, ordered: Value, level: int) -> None:
    """Carry out `container.sort(...)`; `ordered` is what `sorted` makes of it."""
    sure = isinstance(ordered, Items) and ordered.more is None
    if sure and isinstance(ordered, Items) and level <= container.level:
        container.items, container.kind = list(ordered.items), ordered.kind
        changed(container)
    else:
        forget(container, lost(UNDECIDED, ordered))


def alter(container: Items, made: Value, level: int) -> None:
    """Let `container` hold what `made` does, which an operator made of it."""
    if isinstance(made, Items) and level <= container.level:
        container.items, container.more = list(made.items), made.more
        changed(container, *made.items)
    else:
        forget(container, lost(UNDECIDED, made))


def delete_item(container: Items, key: Value, level: int) -> None:
    """Carry out `del container[key]`."""
    _pop_item(container, Arguments([key], {}), level)


def replace_slice(container: Items, places: slice, value: Value, level: int) -> None:
    """Carry out `container[places] = value`, or its deletion where that is empty."""
    items, more = items_of(value)
    if more is None and _is_sure(container, level):
        charge(len(container.items) + len(items))
        held = list(container.items)
        try:
            if not items:
                del held[places]
            else:
                held[places] = items
        except ValueError:
            forget(container, lost(UNDECIDED, *items))
            return
        if len(held) <= MAX_ITEMS:
            container.items = held
            changed(container, *items)
            return
    forget(container, lost(more or UNDECIDED, *items))


# ------------------------------------------------------------------------------- sets


def _operator(kind: type) -> Callable[[Items, Arguments, int], Value]:
    """Make the method that does what an operator does, with any iterables."""

    def method(container: Items, arguments: Arguments, level: int) -> Value:
        made: Value = Items(container.kind, *members_of(container), level)
        if arguments.more or arguments.rest:
            made = lost(arguments.more or UNDECIDED, container)
        for one in arguments.positional:
            made = combined(kind, made, Items("set", *members_of(one)))
        return made

    return method


def _operator_update(kind: type) -> Callable[[Items, Arguments, int], Value]:
    make = _operator(kind)

    def method(container: Items, arguments: Arguments, level: int) -> Value:
        alter(container, make(container, arguments, level), level)
        return None

    return method


def _is_within(container: Items, arguments: Arguments, _: int) -> Value:
    return _holds_all(arguments.get("", 0), container)


def _is_around(container: Items, arguments: Arguments, _: int) -> Value:
    return _holds_all(container, arguments.get("", 0))


def _holds_all(outer: Value, inner: Value) -> Value:
    both = [Items("set", *members_of(one)) for one in (inner, outer)]
    rest = combined(Sub, *both)
    if isinstance(rest, Items) and rest.more is None:
        return not rest.items
    return cause(rest) or UNDECIDED


def _is_disjoint(container: Items, arguments: Arguments, _: int) -> Value:
    other = Items("set", *members_of(arguments.get("", 0)))
    shared = combined(BitAnd, Items("set", *members_of(container)), other)
    if isinstance(shared, Items) and shared.more is None:
        return not shared.items
    return cause(shared) or UNDECIDED


Methods: TypeAlias = dict[str, Callable[[Items, Arguments, int], Value]]

_SEQUENCE_METHODS: Methods = {"index": _index, "count": _count}
_LIST_METHODS: Methods = {
    **_SEQUENCE_METHODS,
    "append": _append,
    "extend": _extend,
    "insert": _insert,
    "pop": _pop_item,
    "remove": _remove,
    "reverse": _reverse,
    "clear": _clear,
    "copy": _copy_list,
}
_READING_SET: Methods = {
    "copy": _copy_list,
    "union": _operator(BitOr),
    "intersection": _operator(BitAnd),
    "difference": _operator(Sub),
    "symmetric_difference": _operator(BitXor),
    "issubset": _is_within,
    "issuperset": _is_around,
    "isdisjoint": _is_disjoint,
}
_METHODS: dict[str, Methods] = {
    "list": _LIST_METHODS,
    "bag": _LIST_METHODS,
    "tuple": _SEQUENCE_METHODS,
    "frozenset": _READING_SET,
    "set": {
        **_READING_SET,
        "add": _append,
        "update": _extend,
        "remove": _remove,
        "discard": _discard,
        "pop": _pop_item,
        "clear": _clear,
        "intersection_update": _operator_update(BitAnd),
        "difference_update": _operator_update(Sub),
        "symmetric_difference_update": _operator_update(BitXor),
    },
}
