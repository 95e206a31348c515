"""
Which containers may be one and the same, and what a change to one means for others.

A value that is one of several containers is a joined one: it knows its `parts`, and
they know it as one of their `wholes`. A value that is not established knows the
containers it may be or lead to. So a change that is seen through one name is
forgotten under the others. Both are bounded: past that a container is given up, and
nothing is known of it from then on.
"""

from collections.abc import Iterator
from typing import TypeAlias

from dagwarden.sources.dags.language.values import (
    OUTSIDE,
    Entries,
    Fuel,
    Given,
    Items,
    Range,
    Scalar,
    Spent,
    Text,
    Thing,
    Unknown,
    Value,
    View,
    same,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# Containers that one value may be, and joined ones that one container may be part of.
MAX_TOGETHER = 16
# Values that cost no more than the call that gives them.
_FEW = 8
UNDECIDED = Unknown("dynamic", "a change that may not happen")
# The level of a container that was given up: every change may not have happened.
_GIVEN_UP = -1

Container: TypeAlias = Items | Entries


def lost(why: Unknown, *values: Value) -> Unknown:
    """Return `why`, as a value that may be any of `values` or lead to it."""
    if len(values) > _FEW:
        charge(len(values) // 2)
    if values:
        why = why.derived()
    found = {_key(part): part for part in why.parts}
    outside, written = why.reason in OUTSIDE, why.written
    for value in values:
        if isinstance(value, Thing) and value.shared:
            _share(found, [value])
        if outside and isinstance(value, (Thing, Given)):
            value = value.unknown()
        if isinstance(value, Unknown):
            if outside and value.reason not in OUTSIDE:
                # it may be that one, which is no longer from outside
                outside, why = False, value
            written = written or value.written
            if value.written is not written and value.written is not None:
                found[_key(value.written)] = value.written
        elif outside and isinstance(value, (str, bytes)) and value:
            found.setdefault(value, Items("tuple", [value]))
        for part in _containers(value):
            if isinstance(part, Shared):
                _share(found, part.items)
            else:
                found[_key(part)] = part
    if len(found) > _FEW:
        charge(len(found) // 2)
    parts = tuple(found.values())
    if parts == why.parts and written is why.written:
        return why
    if len(parts) > MAX_TOGETHER:
        _give_up(parts, ())
        # too many to say that none of them stands in the file
        reason = "dynamic" if outside else why.reason
        kept = tuple(part for part in parts if isinstance(part, Shared))
        return Unknown(reason, why.symbol, kept)
    return Unknown(why.reason, why.symbol, parts, written)


class Shared(Items):
    """The things that a value may be or lead to."""

    __slots__ = ()


def things_of(value: Unknown) -> list[Thing]:
    """Return the things that `value` may be or lead to."""
    waiting = list(value.parts)
    reached: set[int] = set()
    things: dict[int, Thing] = {}
    while waiting:
        one = waiting.pop()
        if id(one) in reached:
            continue
        charge(len(one.items) + 2)
        reached.add(id(one))
        for held in held_in(one):
            if isinstance(held, Thing) and held.shared:
                things[id(held)] = held
            waiting += _containers(held)
    return list(things.values())


def _share(found: dict[object, Container], things: list[Value]) -> None:
    """Add `things` to the parts that are `found`."""
    held = found.get(Shared)
    known: list[Value] = held.items if held is not None else []  # type: ignore[assignment]
    charge((len(known) + len(things)) // 8)
    ids = {id(one) for one in known}
    new = {id(one): one for one in things if id(one) not in ids}
    if new:
        found[Shared] = Shared("tuple", [*known, *new.values()])


def _key(part: Container) -> object:
    """Return what tells `part` from others: a text is the same wherever it stands."""
    if isinstance(part, Shared):
        return Shared
    one = part.items[0] if isinstance(part, Items) and len(part.items) == 1 else None
    text = isinstance(part, Items) and part.kind == "tuple" and isinstance(one, str)
    return one if text else id(part)


def computed(*values: Value) -> Unknown | None:
    """Return why a value made of `values` is not known; None if all of them are."""
    whys = [why for why in map(why_unknown, values) if why is not None]
    return lost(whys[0], *whys, *values) if whys else None


def either(*whys: Unknown | None) -> Unknown | None:
    """Return the first that is given, with what all of them may be; None if none is."""
    given = [why for why in whys if why is not None]
    return lost(given[0].derived(), *given[1:]) if given else None


def _containers(value: Value) -> tuple[Container, ...]:
    if isinstance(value, Text):
        value = value.why
    if isinstance(value, Unknown):
        return value.parts
    if isinstance(value, View):
        return (value.held,)
    return (value,) if isinstance(value, (Items, Entries)) else ()


def held_in(container: Container) -> Iterator[Value]:
    """Return what `container` may hold."""
    if isinstance(container, Entries):
        yield from container.items.values()
        yield container.rest
    else:
        yield from container.items
        yield container.more


def related(container: Container) -> list[Container]:
    """Return what else may be `container`, or stands for it."""
    if not (container.parts or container.wholes):
        return []
    roots = container.parts or (container,)
    found = {id(root): root for root in roots}
    for root in roots:
        found |= {id(whole): whole for whole in root.wholes}
    found.pop(id(container), None)
    return list(found.values())


def changed(container: Container, *values: Value) -> None:
    """Forget what else `container` may be: it changed, and may hold `values` now."""
    if container.parts or container.wholes:
        for other in related(container):
            _forget(other, lost(UNDECIDED, *values))


def forget(container: Container, why: Unknown) -> None:
    """Anything in `container` may have changed; `why` knows what was put there."""
    _forget(container, why)
    changed(container, why)


def _forget(container: Container, why: Unknown) -> None:
    why = lost(why, *held_in(container))
    if isinstance(container, Entries):
        container.items = dict[Scalar, Value](dict.fromkeys(container.items, why))
        container.rest = either(container.rest, why)
    elif container.kind != "tuple":
        container.items = []
        container.more = either(container.more, why)


def give_up(value: Unknown, *values: Value) -> None:
    """Forget all that `value` may be or lead to: it changed, and may hold `values`."""
    if value.parts:
        _give_up(value.parts, values)


def _give_up(containers: tuple[Container, ...], values: tuple[Value, ...]) -> None:
    waiting = list(containers)
    reached: dict[int, Container] = {}
    while waiting:
        one = waiting.pop()
        if id(one) not in reached:
            charge(len(one.items) + _FEW)
            reached[id(one)] = one
            waiting += related(one)
            waiting += [part for held in held_in(one) for part in _containers(held)]
    held = (held for one in reached.values() for held in held_in(one))
    things = [one for one in held if isinstance(one, Thing) and one.shared]
    why = lost(UNDECIDED, *values, *things)
    for one in reached.values():
        if isinstance(one, Shared):
            continue
        one.level = _GIVEN_UP
        if isinstance(one, Entries):
            one.items = dict[Scalar, Value](dict.fromkeys(one.items, why))
            one.rest = why
        elif one.kind != "tuple":
            one.items, one.more = [], why


# ---------------------------------------------------------------------------- joins


def join(left: Value, right: Value, why: Unknown) -> Value:
    """Return what holds of a value that is one of two; `why` tells what decides."""
    try:
        return _join(left, right, why, Fuel())
    except (Spent, RecursionError):
        return lost(why, left, right)


def _join(left: Value, right: Value, why: Unknown, fuel: Fuel) -> Value:
    fuel.burn()
    if left is right:
        return left
    if isinstance(left, Unknown):
        return lost(left, right)
    if isinstance(right, Unknown):
        return lost(right, left)
    plain = type(left) is Entries and type(right) is Entries
    if isinstance(left, Entries) and isinstance(right, Entries) and plain:
        roots = _roots(left, right)
        if roots:
            return _whole(_join_entries(left, right, why, fuel), roots)
    elif isinstance(left, Items) and isinstance(right, Items):
        roots = _roots(left, right)
        alike = left.kind == right.kind and len(left.items) == len(right.items)
        alike = alike and not isinstance(left, Range) and not isinstance(right, Range)
        if roots and alike:
            return _whole(_join_items(left, right, why, fuel), roots)
    elif same(left, right):
        return left
    return lost(why, left, right)


def _roots(left: Container, right: Container) -> tuple[Container, ...]:
    """Return what a value that is `left` or `right` may be; () if that is too much."""
    both = (*(left.parts or (left,)), *(right.parts or (right,)))
    roots = tuple({id(root): root for root in both}.values())
    crowded = any(len(root.wholes) >= MAX_TOGETHER for root in roots)
    return () if crowded or len(roots) > MAX_TOGETHER else roots


def _whole(made: Container, roots: tuple[Container, ...]) -> Container:
    made.parts = roots
    for root in roots:
        root.wholes = (*root.wholes, made)
    return made


def _join_items(left: Items, right: Items, why: Unknown, fuel: Fuel) -> Items:
    pairs = zip(left.items, right.items, strict=True)
    items = [_join(one, other, why, fuel) for one, other in pairs]
    more = either(left.more, right.more)
    return Items(left.kind, items, more, min(left.level, right.level))


def _join_entries(left: Entries, right: Entries, why: Unknown, fuel: Fuel) -> Entries:
    charge(len(left.items) + len(right.items))
    items: dict[Scalar, Value] = {}
    for key in dict.fromkeys((*left.items, *right.items)):
        if key in left.items and key in right.items:
            items[key] = _join(left.items[key], right.items[key], why, fuel)
        else:
            items[key] = lost(why, left.items.get(key), right.items.get(key))
    rest = either(left.rest, right.rest)
    if left.items.keys() != right.items.keys():
        rest = rest or why
    made = Entries(items, rest, min(left.level, right.level))
    made.shuffled = list(left.items) != list(right.items) or left.shuffled
    return made
