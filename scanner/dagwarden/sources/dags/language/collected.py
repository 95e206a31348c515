"""
What `collections` has beside dicts and named tuples: what counts, and what has two ends.

A deque with a bound is not followed, and nor is arithmetic of counters.
"""

from collections.abc import Callable, Iterable

from dagwarden.sources.dags.language import containers
from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    changed,
    computed,
    forget,
    lost,
)
from dagwarden.sources.dags.language.objects import escape
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    all_of,
    given_of,
    members_of,
    subscript,
)
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Changeable,
    Entries,
    Items,
    Method,
    Scalar,
    Unknown,
    Value,
    as_key,
    is_key,
    truth,
)
from dagwarden.sources.dags.language.work import charge


def _unknown(name: str, given: Arguments) -> Unknown:
    why = computed(*(one for one in given_of(given) if one is not None))
    return lost(why or Unknown("dynamic", f"{name}()"), *given_of(given))


# ---------------------------------------------------------------------------- Counter


class Counting(Entries):
    """A `Counter`: what is not among its keys was counted zero times."""

    __slots__ = ()
    counts = True

    def get(self, key: Scalar) -> Value:
        """Return how often `key` was counted."""
        return super().get(key) if key in self.items or self.rest else 0

    def duplicate(self, level: int) -> "Counting":
        """Return one of its own that holds the same."""
        made = Counting(dict(self.items), self.rest, level)
        made.shuffled = self.shuffled
        return made

    def own(self, name: str, level: int) -> Method | None:
        """Return a method that is another than a dict's."""
        if name in ("update", "subtract"):
            sign = 1 if name == "update" else -1
            return Method(name, lambda given: self._add(given, level, sign))
        if name == "fromkeys":
            return Method(name, lambda given: _unknown("Counter.fromkeys", given))
        if name in _ASKED:
            return Method(name, lambda given: _ASKED[name](self, given))
        return None

    def _add(self, given: Arguments, level: int, sign: int) -> Value:
        counted = _counted(given)
        held = {} if counted is None else {**self.items, **counted.items}
        known = counted is not None and counted.rest is None and self.rest is None
        if not known or counted is None or level > self.level or len(held) > MAX_ITEMS:
            forget(self, _unknown("Counter.update", given))
            return None
        self.shuffled = self.shuffled or counted.shuffled
        for key, times in counted.items.items():
            before = self.items.get(key, 0)
            if not (isinstance(times, int) and isinstance(before, int)):
                forget(self, lost(UNDECIDED, times))
                return None
            self.items[key] = before + sign * times
        changed(self)
        return None

    def counted(self) -> list[tuple[Scalar, int]] | None:
        """Return what was counted how often, None if it is not known."""
        charge(len(self.items))
        held = self.items.items()
        pairs = [(key, times) for key, times in held if isinstance(times, int)]
        return pairs if self.rest is None and len(pairs) == len(self.items) else None


def _most_common(counter: Counting, given: Arguments) -> Value:
    pairs, most = counter.counted(), given.get("n", 0)
    known = most is None or isinstance(most, int)
    if pairs is None or not known or counter.shuffled or given.more or given.rest:
        return _unknown("Counter.most_common", given)
    charge(4 * len(pairs))
    ordered = sorted(pairs, key=lambda pair: pair[1], reverse=True)
    last = max(most, 0) if isinstance(most, int) else None
    return Items("list", [Items("tuple", [*pair]) for pair in ordered[:last]])


def _total(counter: Counting, given: Arguments) -> Value:
    pairs = counter.counted()
    if pairs is None:
        return _unknown("Counter.total", given)
    return sum(times for _, times in pairs)


def _elements(counter: Counting, given: Arguments) -> Value:
    # an iterator, which is gone through once
    return _unknown("Counter.elements", given)


_ASKED: dict[str, Callable[[Counting, Arguments], Value]] = {
    "most_common": _most_common,
    "total": _total,
    "elements": _elements,
}


def _counted(given: Arguments) -> Counting | None:
    """Return how often all that is given is there; None: it is not known."""
    made = Counting({})
    if given.more or given.rest or len(given.positional) > 1:
        return None
    for value in map(all_of, given.positional):
        if isinstance(value, Entries):
            made.items |= value.items
            made.rest, made.shuffled = value.rest, value.shuffled
            continue
        if value is None:
            continue
        items, more = members_of(value)
        if more is not None:
            return None
        charge(len(items))
        made.shuffled = isinstance(value, Items) and value.shuffled
        for item in map(as_key, items):
            if not is_key(item):
                return None
            before = made.items.get(item, 0)
            made.items[item] = before + 1 if isinstance(before, int) else UNDECIDED
    for name, times in given.keywords.items():
        before = made.items.get(name, 0)
        if not (isinstance(before, int) and isinstance(times, int)):
            return None
        made.items[name] = before + times
    return made


def _counter(reader: Reader, given: Arguments) -> Value:
    made = _counted(given)
    if made is None:
        return _unknown("Counter", given)
    made.level = reader.level
    return made


# ------------------------------------------------------------------------------ deque

# Methods that do what those of lists do.
_OF_LISTS = frozenset(
    {"append", "clear", "count", "extend", "index", "insert", "remove", "reverse"}
)


class Deque(Changeable):
    """A deque without a bound."""

    __slots__ = ("held", "reader")

    def __init__(self, held: Items, reader: Reader) -> None:
        """Hold a list of its own."""
        self.held = held
        self.reader = reader

    def describe(self) -> str:
        """Return what a person would call it."""
        return "collections.deque()"

    def leads_to(self) -> Iterable[Value]:
        """Return what it holds."""
        return (self.held,)

    def forget(self, why: Unknown) -> None:
        """Count it as holding anything."""
        escape(*self.held.items)
        forget(self.held, why)

    def truth(self) -> bool | Unknown:
        """Return whether it holds anything."""
        return truth(self.held)

    def each(self) -> Value:
        """Return what it holds now."""
        return Items("list", *members_of(self.held), self.reader.level)

    def item(self, key: Value) -> Value:
        """Return what stands at a place."""
        return subscript(self.held, key)

    def duplicate(self, part: Callable[[Value], Value]) -> Value:
        """Return a copy."""
        items = [part(item) for item in self.held.items]
        made = Items(self.held.kind, items, self.held.more, self.reader.level)
        return Deque(made, self.reader)

    def attribute(self, name: str) -> Value:
        """Return a method."""
        if name in _OF_LISTS:
            return Method(name, lambda given: self._as_list(name, given))
        if name in _OF_DEQUES:
            return Method(name, lambda given: _OF_DEQUES[name](self, given))
        self.forget(UNDECIDED)
        return super().attribute(name)

    def _as_list(self, name: str, given: Arguments) -> Value:
        method = containers.method(self.held, name, self.reader.level)
        return self.reader.call(method, given)

    def take(self, place: int) -> Value:
        """Carry out `pop` from one of its ends."""
        return self._as_list("pop", Arguments([place], {}))

    def put_first(self, items: list[Value]) -> Value:
        """Put each of `items` before all that is there."""
        for item in items:
            self._as_list("insert", Arguments([0, item], {}))
        return None


def _append_left(deque: Deque, given: Arguments) -> Value:
    return deque.put_first([given.get("object", 0)])


def _extend_left(deque: Deque, given: Arguments) -> Value:
    items, more = members_of(all_of(given.get("iterable", 0)))
    if more is not None:
        deque.forget(lost(more, *items))
        return None
    return deque.put_first(items)


def _rotate(deque: Deque, given: Arguments) -> Value:
    steps, held = given.get("n", 0, 1), deque.held
    sure = held.more is None and not held.shuffled and held.items
    if not (isinstance(steps, int) and sure and deque.reader.level <= held.level):
        deque.forget(UNDECIDED)
        return None
    charge(len(held.items))
    at = -steps % len(held.items)
    held.items = [*held.items[at:], *held.items[:at]]
    changed(held)
    return None


_OF_DEQUES: dict[str, Callable[[Deque, Arguments], Value]] = {
    "appendleft": _append_left,
    "copy": lambda deque, _: deque.duplicate(lambda held: held),
    "extendleft": _extend_left,
    "pop": lambda deque, _: deque.take(-1),
    "popleft": lambda deque, _: deque.take(0),
    "rotate": _rotate,
}


def _deque(reader: Reader, given: Arguments) -> Value:
    known = len(given.positional) < 2 and not (given.keywords or given.more)
    if not known or given.rest:
        return _unknown("collections.deque", given)
    taken = all_of(given.positional[0]) if given.positional else Items("list", [])
    items, more = members_of(taken)
    if more is not None or (isinstance(taken, (Items, Entries)) and taken.shuffled):
        return _unknown("collections.deque", given)
    charge(len(items))
    return Deque(Items("list", items, None, reader.level), reader)


FUNCTIONS: dict[str, Function] = {
    "collections.Counter": _counter,
    "collections.deque": _deque,
}
