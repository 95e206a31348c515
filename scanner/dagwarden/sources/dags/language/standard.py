"""
What functions of Python's library give, on values.

A function that Python calls for each item is called for each item here.
"""

from collections.abc import Callable, Iterable
from functools import partial
from itertools import combinations, islice, product

from dagwarden.sources.dags.language.aliases import UNDECIDED, computed, forget, lost
from dagwarden.sources.dags.language.fields import parameters
from dagwarden.sources.dags.language.objects import Class, Instance, escape
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    SHUFFLED,
    TOO_LARGE,
    all_of,
    as_scalar,
    asked,
    assign,
    builtin,
    in_order,
    members_of,
    subscript,
)
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Kind,
    Method,
    Once,
    Range,
    Scalar,
    Symbol,
    Thing,
    Unknown,
    Value,
    copied,
    is_scalar,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge


def _unknown(name: str, given: Arguments) -> Unknown:
    """Return why the call of `name` is not known."""
    values = [*given.positional, *given.keywords.values(), given.more, given.rest]
    why = computed(*(one for one in values if one is not None))
    return lost(why or Unknown("dynamic", f"{name}()"), *values)


class Asked(Once):
    """What can be asked for once."""

    __slots__ = ("held", "level", "reader")

    def __init__(self, held: Items, reader: Reader) -> None:
        """Hold what it gives."""
        self.held: Value = held
        self.reader = reader
        self.level = reader.level

    def describe(self) -> str:
        """Return what a person would call it."""
        return "an iterator"

    def each(self) -> Value:
        """Return all of it, and leave nothing."""
        found = self.held if self.reader.level == self.level else self.unknown()
        self.held = self.unknown()
        return found

    def escaped(self) -> None:
        """Count it as asked for."""
        self.held = self.unknown()


# ------------------------------------------------------------ functions of functions


def _keys(
    reader: Reader, function: Value, items: list[Value], *, shuffled: bool
) -> list[Value]:
    """Return what `function` gives for each of `items`."""
    if function is None:
        return items

    def key(item: Value) -> Value:
        return reader.call(function, Arguments([item], {}))

    if shuffled:
        return [reader.uncertain(partial(key, item)) for item in items]
    return [key(item) for item in items]


def _is_shuffled(value: Value) -> bool:
    return isinstance(value, (Items, Entries)) and value.shuffled


def _sorted(reader: Reader, given: Arguments) -> Value:
    given = asked(given)
    value = given.get("iterable", 0)
    backwards = truth(given.keywords.get("reverse", False))
    items, more = members_of(value)
    named = given.keywords.keys() - {"key", "reverse"}
    function = given.keywords.get("key")
    if more or isinstance(backwards, Unknown) or named or len(given.positional) != 1:
        _keys(reader, function, [more or UNDECIDED], shuffled=True)
        return _unknown("sorted", given)
    shuffled = _is_shuffled(value)
    keys = _keys(reader, function, items, shuffled=shuffled)
    return in_order(items, keys, backwards, shuffled=shuffled)


def _extreme(name: str) -> Function:
    def extreme(reader: Reader, given: Arguments) -> Value:
        given = asked(given)
        if not given.keywords:
            return builtin(name, given)
        several = len(given.positional) > 1
        value = Items("list", list(given.positional)) if several else given.get("", 0)
        items, more = members_of(value)
        function = given.keywords.get("key")
        if more or given.keywords.keys() - {"key", "default"} or given.rest:
            _keys(reader, function, [more or UNDECIDED], shuffled=True)
            return _unknown(name, given)
        if not items:
            return given.keywords.get("default", _unknown(name, given))
        shuffled = _is_shuffled(value)
        keys = _keys(reader, function, items, shuffled=shuffled)
        # of equal ones the first counts
        found = in_order(items, keys, name == "max", shuffled=shuffled)
        known = isinstance(found, Items) and not found.shuffled
        return (
            found.items[0]
            if known and isinstance(found, Items)
            else lost(SHUFFLED, *items)
        )

    return extreme


def _reduce(reader: Reader, given: Arguments) -> Value:
    iterated = all_of(given.get("", 1))
    items, more = members_of(iterated)
    known = len(given.positional) in (2, 3) and not given.keywords
    if more or not known or _is_shuffled(iterated):
        reader.uncertain(
            lambda: reader.call(given.get("", 0), Arguments([UNDECIDED, UNDECIDED], {}))
        )
        return _unknown("reduce", given)
    rest = [*given.positional[2:], *items]
    if not rest:
        return _unknown("reduce", given)
    total = rest[0]
    for item in rest[1:]:
        total = reader.call(given.positional[0], Arguments([total, item], {}))
    return total


# ------------------------------------------------------------------------- itertools


Rows = Iterable[tuple[Value, ...]]


def _combined(
    name: str, combine: Callable[[list[list[Value]], int], Rows], *, mixed: bool = False
) -> Function:
    """
    Make a function that gives what `combine` makes of known items, as tuples.

    `mixed`: the same come of items in another order.
    """

    def made(reader: Reader, given: Arguments) -> Value:
        given = asked(given)
        lists = [one for one in given.positional if not isinstance(one, int)]
        counts = [one for one in given.positional if isinstance(one, int)]
        counts += [one for one in given.keywords.values() if isinstance(one, int)]
        ordered = mixed or not any(map(_is_shuffled, lists))
        named = given.keywords.keys() - {"r", "repeat"} or given.more or given.rest
        read = [members_of(one) for one in lists]
        known = ordered and not named and all(more is None for _, more in read)
        count = counts[0] if counts else 1
        if not known or len(counts) != len(given.keywords) > 1 or not 0 < count < 9:
            return _unknown(name, given)
        rows = list(islice(combine([items for items, _ in read], count), MAX_ITEMS + 1))
        if len(rows) > MAX_ITEMS:
            return TOO_LARGE
        charge(4 * len(rows))
        kind: Kind = "bag" if any(map(_is_shuffled, lists)) else "list"
        return Asked(Items(kind, [Items("tuple", list(row)) for row in rows]), reader)

    return made


def _product(lists: list[list[Value]], count: int) -> Rows:
    return product(*lists, repeat=count)


def _combinations(lists: list[list[Value]], count: int) -> Rows:
    return combinations(lists[0], count) if len(lists) == 1 else ()


# ----------------------------------------------------------------------------- kinds

_KINDS: dict[str, tuple[type, ...]] = {
    "builtins.str": (str,),
    "builtins.int": (int,),
    "builtins.float": (float,),
    "builtins.bool": (bool,),
    "builtins.bytes": (bytes,),
}


_CONTAINERS = frozenset(
    f"builtins.{name}" for name in ("dict", "frozenset", "list", "set", "tuple")
)


# Bases of classes of which no value of a built-in class is an object.
_OF_THEIR_OWN = frozenset({"builtins.object", "enum.Enum", "typing.NamedTuple"})


def _is_of(value: Value, kind: Value) -> bool | Unknown:
    """Say whether `value` is of the class `kind`."""
    unknown = Unknown("dynamic", "isinstance()")
    if isinstance(kind, Class):
        if not isinstance(value, Instance):
            # a member of a text enumeration is a text
            names = (
                one.name if isinstance(one, Symbol) else "" for one in kind.foreign()
            )
            others = all(name in _OF_THEIR_OWN for name in names) and not kind.hidden()
            builtin = is_scalar(value) or isinstance(value, (Items, Entries))
            return False if others and builtin else unknown
        found = any(base is kind for base in value.of.lineage())
        return found or (unknown if value.opaque or kind.hidden() else False)
    name = kind.name if isinstance(kind, Symbol) else ""
    if name in _KINDS:
        known = is_scalar(value) or isinstance(value, (Items, Entries))
        return isinstance(value, _KINDS[name]) if known else unknown
    if name in _CONTAINERS:
        if isinstance(value, Entries):
            return name == "builtins.dict"
        if isinstance(value, Range):
            return False
        if isinstance(value, Items) and value.kind != "bag":
            return name == f"builtins.{value.kind}"
        return False if is_scalar(value) else unknown
    return unknown


def _isinstance(_: Reader, given: Arguments) -> Value:
    value, kind = given.get("", 0), given.get("", 1)
    if isinstance(value, Unknown):
        return value
    tuple_of = isinstance(kind, Items) and kind.kind == "tuple" and not kind.more
    kinds = kind.items if tuple_of and isinstance(kind, Items) else [kind]
    answers = [_is_of(value, one) for one in kinds]
    if True in answers:
        return True
    return next((one for one in answers if isinstance(one, Unknown)), False)


# ------------------------------------------------------------------------ collections


class Defaulting(Entries):
    """A `defaultdict`: a key that is asked for is there from then on."""

    __slots__ = ("factory", "reader")

    def __init__(self, factory: Value, reader: Reader) -> None:
        """Let `factory` give what stands under a new key."""
        super().__init__({}, None, reader.level)
        self.factory = factory
        self.reader = reader

    def asked(self) -> None:
        """Hold any key from now on, made by the factory."""
        made = self.reader.uncertain(
            lambda: self.reader.call(self.factory, Arguments([], {}))
        )
        forget(self, lost(UNDECIDED, made))

    def get(self, key: Scalar) -> Value:
        """Return the value under `key`, made now if there is none."""
        if key not in self.items and self.rest is None:
            made = self.reader.call(self.factory, Arguments([], {}))
            assign(self, key, made, self.reader.level)
        return super().get(key)

    def duplicate(self, level: int) -> "Defaulting":
        """Return one of its own that holds the same."""
        made = Defaulting(self.factory, self.reader)
        made.items, made.rest, made.level = dict(self.items), self.rest, level
        made.shuffled = self.shuffled
        return made


class Ordered(Entries):
    """An `OrderedDict`, whose text is another than a dict's."""

    __slots__ = ()

    def duplicate(self, level: int) -> "Ordered":
        """Return one of its own that holds the same."""
        made = Ordered(dict(self.items), self.rest, level)
        made.shuffled = self.shuffled
        return made


def _run(reader: Reader, given: Arguments) -> Value:
    """Carry out `asyncio.run(f())`: what was followed when it was called is awaited."""
    value = given.get("main", 0)
    found = reader.awaited(value)
    if found is not value:
        return found
    escape(*given.positional, *given.keywords.values())
    return lost(Unknown("import", "asyncio.run()"), value)


def _ordered_dict(reader: Reader, given: Arguments) -> Value:
    made = builtin("dict", asked(given))
    return (
        Ordered(made.items, made.rest).like(made) if isinstance(made, Entries) else made
    )


def _defaultdict(reader: Reader, given: Arguments) -> Value:
    if not given.positional or given.more or given.rest:
        return _unknown("defaultdict", given)
    factory, *others = given.positional
    held = builtin("dict", asked(Arguments(others, given.keywords)))
    if not isinstance(held, Entries):
        return _unknown("defaultdict", given)
    if factory is None:
        return Entries(held.items, held.rest, reader.level).like(held)
    made = Defaulting(factory, reader)
    made.items, made.rest = held.items, held.rest
    return made.like(held)


# ------------------------------------------------------------------------------ texts


def _dedent(_: Reader, given: Arguments) -> Value:
    import textwrap

    text = given.get("text", 0)
    if not isinstance(text, str):
        return _unknown("dedent", given)
    charge(len(text) // 4)
    blank = any(line.isspace() for line in text.split("\n"))
    # what becomes of lines of white space is not the same in all versions
    odd = blank and set(text) & set("\t\v\f\r\x1c\x1d\x1e\x1f\x85\xa0\u2028\u2029")
    return _unknown("dedent", given) if odd else as_scalar(textwrap.dedent(text))


def _quoted(name: str) -> Function:
    def quote(_: Reader, given: Arguments) -> Value:
        from urllib import parse

        text = given.get("string", 0)
        safe = given.get("safe", 1, "/" if name == "quote" else "")
        named = given.keywords.keys() - {"string", "safe"}
        if not isinstance(text, str) or not isinstance(safe, str) or named:
            return _unknown(name, given)
        charge(len(text))
        return as_scalar(getattr(parse, name)(text, safe=safe))

    return quote


def _urlencode(_: Reader, given: Arguments) -> Value:
    from urllib import parse

    query = given.get("query", 0)
    if not isinstance(query, Entries) or query.shuffled or why_unknown(query):
        return _unknown("urlencode", given)
    pairs = [
        (key, item)
        for key, item in query.items.items()
        if isinstance(key, str) and is_scalar(item)
    ]
    known = len(pairs) == len(query.items) and len(given.positional) == 1
    if not known or given.keywords:
        return _unknown("urlencode", given)
    charge(8 * len(pairs))
    return as_scalar(parse.urlencode(pairs))


# ------------------------------------------------------------- operator, dataclasses


def _itemgetter(reader: Reader, given: Arguments) -> Value:
    if len(given.positional) != 1:
        return _unknown("itemgetter", given)
    key = given.positional[0]

    def get(taken: Arguments) -> Value:
        return subscript(taken.get("", 0), key)

    return Method("itemgetter", get)


def _attrgetter(reader: Reader, given: Arguments) -> Value:
    name = given.positional[0] if len(given.positional) == 1 else None
    if not isinstance(name, str) or "." in name:
        return _unknown("attrgetter", given)

    def get(taken: Arguments) -> Value:
        value = taken.get("", 0)
        if not isinstance(value, Thing):
            return _unknown("attrgetter", taken)
        return value.attribute(name)

    return Method("attrgetter", get)


def _fields_of(value: Value) -> list[str] | None:
    """Return the fields of an object of a dataclass, None if they are not known."""
    if not isinstance(value, Instance) or value.opaque is not None:
        return None
    fields = value.of.fields
    known = fields is not None and all(name in value.names for name in fields)
    return fields if known else None


def _as_dict(reader: Reader, given: Arguments) -> Value:
    value = given.get("obj", 0)
    fields = _fields_of(value)
    if fields is None or not isinstance(value, Instance) or len(given.positional) != 1:
        return _unknown("asdict", given)
    made: dict[Scalar, Value] = {}
    for name in fields:
        item = value.names[name]
        if isinstance(item, Instance):
            item = _as_dict(reader, Arguments([item], {}))
        elif _holds_things(item):
            item = Unknown("dynamic", "asdict()")
        made[name] = copied(item)
    return Entries(made, None, reader.level)


def _holds_things(value: Value) -> bool:
    held = value.items if isinstance(value, Items) else []
    if isinstance(value, Entries):
        held = list(value.items.values())
    return any(isinstance(one, Thing) or _holds_things(one) for one in held[:MAX_ITEMS])


def _replaced(reader: Reader, given: Arguments) -> Value:
    value = given.get("", 0)
    fields = _fields_of(value)
    if fields is None or not isinstance(value, Instance) or given.rest:
        return _unknown("replace", given)
    taken = parameters(value.of)
    if given.keywords.keys() - set(taken):
        return _unknown("replace", given)
    keywords = {name: value.names[name] for name in taken} | given.keywords
    return value.of.call(Arguments([], keywords, node=given.node))


FUNCTIONS: dict[str, Function] = {
    "builtins.sorted": _sorted,
    "builtins.min": _extreme("min"),
    "builtins.max": _extreme("max"),
    "builtins.isinstance": _isinstance,
    "functools.reduce": _reduce,
    "itertools.product": _combined("product", _product, mixed=True),
    "itertools.combinations": _combined("combinations", _combinations),
    "asyncio.run": _run,
    "collections.OrderedDict": _ordered_dict,
    "collections.defaultdict": _defaultdict,
    "textwrap.dedent": _dedent,
    "urllib.parse.quote": _quoted("quote"),
    "urllib.parse.quote_plus": _quoted("quote_plus"),
    "urllib.parse.urlencode": _urlencode,
    "operator.itemgetter": _itemgetter,
    "operator.attrgetter": _attrgetter,
    "dataclasses.asdict": _as_dict,
    "dataclasses.replace": _replaced,
}
