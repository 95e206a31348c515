"""
What static reading can know of a Python value.

A value is known (a plain scalar), partly known (`Items`, `Entries`: the entries
that are known stay known whatever the others are), a thing with behaviour
(`Thing`), or `Unknown` with the reason and the one input that would decide it.
"""

from ast import AST
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import ClassVar, Literal, TypeAlias, TypeGuard, cast

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Reason
from dagwarden.sources.dags.language.work import charge

Scalar: TypeAlias = bool | int | float | str | bytes | timedelta | None


class Unknown(Struct, frozen=True):
    """
    A value that is not established; `symbol` names what would decide it.

    `parts` are the containers that it may be, or that it may lead to; texts that may
    be in it are there too, in tuples. `written` holds the one text that stands in the
    file for it, as far as there is one: a default, or the text around what comes from
    elsewhere. It is never shown. `default` is what the value itself is where it is not
    given: of what is made of it, that is not known.
    """

    reason: Reason
    symbol: str
    parts: "tuple[Items | Entries, ...]" = ()
    written: "Items | None" = None
    default: str | None = None

    def derived(self) -> "Unknown":
        """Return why a value is not known that is made of this one."""
        return self if self.default is None else replace(self, default=None)


# Reasons of what is given from outside when a task runs, and so stands in no file.
OUTSIDE = frozenset({"environment", "variable", "jinja", "parameter", "connection"})


class Thing:
    """A value that is neither scalar nor container; what it cannot do is unknown."""

    __slots__ = ()
    # whether it may be changed under the name of what may be it, or another
    shared: ClassVar[bool] = False

    def describe(self) -> str:
        """Return the name a person would use for it."""
        return type(self).__name__.lower()

    def leads_to(self) -> "Iterable[Value]":
        """Return what may be changed through it."""
        return ()

    def unknown(self) -> Unknown:
        """Return why this is no plain value."""
        return Unknown("dynamic", self.describe())

    def attribute(self, name: str) -> "Value":
        """Return the attribute `name`."""
        return Unknown("dynamic", f"{self.describe()}.{name}")

    def store(self, name: str, value: "Value") -> None:
        """Set the attribute `name`."""

    def forget(self, why: Unknown) -> None:
        """Anything of it may have changed, or gone."""

    def truth(self) -> bool | Unknown:
        """Return whether it counts as true."""
        return True

    def text(self) -> "Value":
        """Return what `str` makes of it."""
        return self.unknown()

    def formatted(self, spec: str) -> "Value":
        """Return what `format` makes of it with a `spec` that is not empty."""
        return self.unknown()

    def each(self) -> "Value":
        """Return what iterating over it gives, as one container."""
        return self.unknown()

    def order(self) -> object:
        """Return what sorting compares with others of its kind; None: not known."""
        return None

    def equals(self, other: "Value", *, identity: bool) -> bool | Unknown | None:
        """Say whether it equals `other`, or is it; None: this thing cannot tell."""
        return None

    def binary(self, kind: type, other: "Value", *, reflected: bool) -> "Value":
        """Return `self <operator> other`; `reflected`: `other <operator> self`."""
        return self.unknown()

    def duplicate(self, part: "Callable[[Value], Value]") -> "Value":
        """Return a copy, of which every part is what `part` makes of it."""
        return self

    def is_key(self) -> bool:
        """Say whether it is a key of dicts that equals nothing but itself."""
        return False

    def escaped(self) -> None:
        """Code that is not followed had it."""

    def call(self, arguments: "Arguments") -> "Value":
        """Return what calling it gives."""
        return Unknown("dynamic", f"{self.describe()}()")

    def item(self, key: "Value") -> "Value":
        """Return what subscripting gives."""
        return Unknown("dynamic", f"{self.describe()}[]")

    def prepared(self, constructor: "Value") -> "Value":
        """Return `constructor`, bound to this, as its class lets it be called."""
        return constructor

    def enter(self) -> "Value":
        """Enter it as a context and return what `as` binds."""
        return Unknown("dynamic", f"with {self.describe()}")

    def exit(self) -> None:
        """Leave it as a context."""

    def link(self, other: "Value") -> None:
        """Note that this stands beside `other` in `this >> other`."""


Kind = Literal["list", "tuple", "set", "frozenset", "bag"]
SETS = frozenset({"set", "frozenset"})


_MIXED = SETS | {"bag"}


class Items:
    """
    A list, tuple, set or bag: a list or tuple whose items stand in an order not known.

    `more` is set when there may be further items, or when the order or number of
    `items` is not certain. `level` is the number of the undecided branch where it was
    made; branches are numbered as they are entered, so a change in one with a higher
    number may not have happened. `parts` are the containers that this is one of,
    `wholes` those that this is a part of.
    """

    __slots__ = ("items", "kind", "level", "more", "parts", "wholes")

    def __init__(
        self,
        kind: Kind,
        items: "list[Value]",
        more: Unknown | None = None,
        level: int = 0,
    ) -> None:
        """Hold `items` in order."""
        self.kind: Kind = kind
        self.items = items
        self.more = more
        if kind in SETS:
            self.distinct()
        self.level = level
        self.parts: tuple[Items | Entries, ...] = ()
        self.wholes: tuple[Items | Entries, ...] = ()

    @property
    def shuffled(self) -> bool:
        """Whether it is not known which item comes first."""
        return self.kind in _MIXED and len(self.items) > 1

    def distinct(self) -> None:
        """Hold every item once, as a set does; how many is unknown if any is."""
        known = {item: item for item in self.items if is_scalar(item)}
        others = [item for item in self.items if not is_scalar(item)]
        if others and len(self.items) > 1:
            self.more = self.more or Unknown("dynamic", "a set of what is not known")
        if len(known) + len(others) < len(self.items):
            self.items = [*known, *others]


class Entries:
    """
    A dict; `rest` is set when it is not known which keys there are.

    A key whose value is known is there all the same. `shuffled` is set when it is not
    known which key comes first.
    """

    __slots__ = ("items", "level", "parts", "place", "rest", "shuffled", "wholes")
    # whether its operators and comparisons are those of counters
    counts: ClassVar[bool] = False

    def __init__(
        self,
        items: "dict[Scalar, Value]",
        rest: Unknown | None = None,
        level: int = 0,
    ) -> None:
        """Hold `items`, whose keys are known."""
        self.items = items
        self.rest = rest
        self.level = level
        self.shuffled = False
        # where it was written; what has changed since is not there
        self.place: Place | None = None
        self.parts: tuple[Items | Entries, ...] = ()
        self.wholes: tuple[Items | Entries, ...] = ()

    def like(self, other: "Entries") -> "Entries":
        """Return itself, its keys in an order as well known as those of `other`."""
        self.shuffled = other.shuffled
        return self

    def duplicate(self, level: int) -> "Entries":
        """Return a dict of its own that holds the same."""
        made = Entries(dict(self.items), self.rest, level).like(self)
        made.place = self.place
        return made

    def own(self, name: str, level: int) -> "Method | None":
        """Return the method `name`, if it is another than a dict's."""
        return None

    def asked(self) -> None:
        """Take note that some key was asked for that is not known."""

    def get(self, key: Scalar) -> "Value":
        """Return the value under `key`; unknown when it may be missing."""
        if key in self.items:
            return self.items[key]
        return self.rest or Unknown("dynamic", f"[{key!r}]")


class Range(Items):
    """What `range` gives: it goes like a list, and is none."""

    __slots__ = ()


class TupleKey(Items):
    """A tuple of known keys, as a key of a dict."""

    __slots__ = ()

    def __hash__(self) -> int:
        """Equal ones have the same."""
        return hash(tuple(self.items))

    def __eq__(self, other: object) -> bool:
        """Say whether the other is the same key."""
        return isinstance(other, TupleKey) and self.items == other.items


def as_key(value: "Value") -> "Value":
    """Return `value` in the form that finds it among the keys of a dict."""
    tuple_of = type(value) is Items and value.kind == "tuple" and value.more is None
    if not tuple_of or not isinstance(value, Items):
        return value
    charge(len(value.items))
    held = [as_key(item) for item in value.items]
    return TupleKey("tuple", held) if all(map(is_key, held)) else value


def is_key(value: "Value") -> "TypeGuard[Scalar]":
    """
    Say whether `value`, as `as_key` gives it, is known as a key.

    Tuples and members of enumerations are keys, too; to the type checkers all keys are
    scalars.
    """
    if isinstance(value, Thing):
        return value.is_key()
    return isinstance(value, TupleKey) or is_scalar(value)


class Once(Thing):
    """What can be asked once for what it gives, under whatever name."""

    __slots__ = ()
    shared = True

    def forget(self, why: Unknown) -> None:
        """Count it as asked for: who may have it may have gone through it."""
        self.escaped()


class View(Thing):
    """The keys, values or items of a dict, as they are when it is asked for them."""

    __slots__ = ("held", "of")

    def __init__(self, held: Entries, of: "ViewKind") -> None:
        """Show what `held` holds."""
        self.held = held
        self.of: ViewKind = of

    def describe(self) -> str:
        """Return the name of the method that gave it."""
        return f"{self.of}()"

    def truth(self) -> bool | Unknown:
        """Return whether the dict holds anything."""
        return truth(self.held)

    def each(self) -> "Value":
        """Return what is there now."""
        held, entries = self.held, self.held.items
        if held.rest is not None:
            # there may be any of what is known, and more
            why = held.rest.derived()
            return Items("list", [], replace(why, parts=(*why.parts, held)))
        charge(len(entries) // 2)
        shown: list[Value] = list(entries)
        if self.of == "values":
            shown = list(entries.values())
        elif self.of == "items":
            charge(len(entries) * 4)
            shown = [Items("tuple", [key, item]) for key, item in entries.items()]
        return Items("bag" if held.shuffled else "list", shown)


ViewKind = Literal["items", "keys", "values"]


class Given:
    """
    A scalar that an input of the scan gave, and no file holds.

    `why` is what it would be without that input: who asks what stands in the file, or
    where the value comes from, asks that. It is kept by whatever is made of the scalar,
    but for True and False, which have no other form.
    """

    __slots__ = ()
    why: Unknown

    def unknown(self) -> Unknown:
        """Return what it would be without the input."""
        return self.why


class _Text(str, Given):
    """A text from an input."""

    __slots__ = ("why",)


class _Integer(int, Given):
    """A whole number from an input."""


class _Decimal(float, Given):
    """A decimal number from an input."""


class _Duration(timedelta, Given):
    """A duration from an input."""


# `Given` are scalars: named for the type checkers alone
Value: TypeAlias = Scalar | Given | Unknown | Items | Entries | Thing


class Place(Struct, frozen=True):
    """An expression and the file it stands in."""

    node: AST
    path: str


class Arguments:
    """The evaluated arguments of one call, and where the call stands."""

    __slots__ = ("keywords", "more", "node", "positional", "rest")

    def __init__(
        self,
        positional: list[Value],
        keywords: dict[str, Value],
        more: Unknown | None = None,
        rest: Unknown | None = None,
        node: AST | None = None,
    ) -> None:
        """`more` and `rest`: unknown `*` and `**` arguments may follow."""
        self.positional = positional
        self.keywords = keywords
        self.more = more
        self.rest = rest
        self.node = node

    def get(self, name: str, position: int, default: Value = None) -> Value:
        """Return one argument by name or position, `default` when not given."""
        if name in self.keywords:
            return self.keywords[name]
        if position < len(self.positional):
            return self.positional[position]
        return self.more or self.rest or default


class Unordered(dict[str, Value]):
    """Arguments by name, in an order that is not known."""


class Changeable(Thing):
    """A thing that whoever gets it may change."""

    __slots__ = ()
    shared = True


class Symbol(Thing):
    """A name from outside the repository, by its qualified name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """`name` is dotted, as imported."""
        self.name = name

    def describe(self) -> str:
        """Return the qualified name."""
        return self.name

    def unknown(self) -> Unknown:
        """Its value stands in a module that is not in the repository."""
        return Unknown("import", self.name)

    def attribute(self, name: str) -> "Value":
        """Return the symbol one level down."""
        return Symbol(f"{self.name}.{name}")

    def truth(self) -> bool | Unknown:
        """Return why it is not known."""
        return self.unknown()


class Method(Thing):
    """A function of ours bound to a value: a method of a str, a dict, a DAG."""

    __slots__ = ("function", "name")

    def __init__(self, name: str, function: Callable[[Arguments], Value]) -> None:
        """Bind `function`, which gets the call's arguments."""
        self.name = name
        self.function = function

    def describe(self) -> str:
        """Return the method's name."""
        return self.name

    def call(self, arguments: Arguments) -> Value:
        """Call the function."""
        return self.function(arguments)


class Root(Thing):
    """The folder that holds the scanned files, where they run."""

    __slots__ = ()

    def describe(self) -> str:
        """Return what a person would call it."""
        return "the folder that the files are deployed to"


ROOT = Root()


class Text(Thing):
    """
    A text of which parts are known, in order.

    A part is a known text, or stands for text that is not known: an `Unknown`, or a
    thing whose text only a run of the program gives. `why` is what the whole is where
    nothing less than the whole will do.
    """

    __slots__ = ("parts", "why")

    def __init__(
        self, parts: "tuple[str | Unknown | Thing, ...]", why: Unknown
    ) -> None:
        """No two known parts stand side by side."""
        self.parts = parts
        self.why = why

    def unknown(self) -> Unknown:
        """Return why the whole is not known."""
        return self.why

    def text(self) -> "Value":
        """Return itself."""
        return self

    def order(self) -> object:
        """Return what follows the root, which all others begin with."""
        rooted = len(self.parts) == 2 and self.parts[0] is ROOT
        return self.parts[1] if rooted and isinstance(self.parts[1], str) else None

    def attribute(self, name: str) -> "Value":
        """Return a method, of which it is not known what it gives."""
        return Method(name, lambda _: self.why.derived())

    def truth(self) -> bool | Unknown:
        """Return why it is not known."""
        return self.why

    def call(self, arguments: Arguments) -> "Value":
        """Nothing is known of that."""
        return self.why.derived()

    def item(self, key: "Value") -> "Value":
        """Nothing is known of a part by its place."""
        return self.why.derived()


def given(value: Value, why: Unknown) -> Value:
    """Return `value` as one that an input gave; without the input it would be `why`."""
    made: _Text | _Integer | _Decimal | _Duration
    if isinstance(value, str):
        made = _Text(value)
    elif isinstance(value, bool):
        return value
    elif isinstance(value, int):
        made = _Integer(value)
    elif isinstance(value, float):
        made = _Decimal(value)
    elif isinstance(value, timedelta):
        made = _Duration(value.days, value.seconds, value.microseconds)
    else:
        return value
    made.why = why
    return made


def bare(value: Value) -> Value:
    """Return `value` without the mark that an input gave it."""
    if not isinstance(value, Given):
        return value
    if isinstance(value, timedelta):
        return timedelta(value.days, value.seconds, value.microseconds)
    if isinstance(value, str):
        return str(value)
    return int(value) if isinstance(value, int) else float(cast("float", value))


def first_given(value: Value) -> Unknown | None:
    """Return what the first scalar in `value` would be that an input gave."""
    try:
        return _first_given(value, Fuel())
    except (Spent, RecursionError):
        return _TOO_LARGE


def _first_given(value: Value, fuel: "Fuel") -> Unknown | None:
    fuel.burn()
    if isinstance(value, Given):
        return value.why
    held: Iterable[Value] = ()
    if isinstance(value, Items):
        held = value.items
    elif isinstance(value, Entries):
        held = value.items.values()
    found = (_first_given(item, fuel) for item in held)
    return next((why for why in found if why is not None), None)


def is_scalar(value: Value) -> TypeGuard[Scalar]:
    """Say whether `value` is wholly known and has no parts."""
    return not isinstance(value, (Unknown, Items, Entries, Thing))


# How many values a comparison or a copy looks at: containers that hold each other
# may stand for more than there is time for.
FUEL = 20_000


class Spent(Exception):
    """The fuel is used up."""


class Fuel:
    """What is left to look at."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        """Start with all of it."""
        self.left = FUEL

    def burn(self) -> None:
        """Look at one more value; raise `Spent` when that is too many."""
        charge()
        self.left -= 1
        if self.left < 0:
            raise Spent


_TOO_LARGE = Unknown("dynamic", "a value too large to follow")


def why_unknown(value: Value) -> Unknown | None:
    """Return the first reason why `value` is not wholly known, or None."""
    if isinstance(value, Unknown):
        return value
    if isinstance(value, Thing):
        return value.unknown()
    if is_scalar(value):
        return None
    try:
        why = _why_unknown(value, Fuel())
        return None if why is None else why.derived()
    except (Spent, RecursionError):
        return _TOO_LARGE


def cause(value: Value) -> Unknown | None:
    """Return why what is made of `value` is not known, or None."""
    why = why_unknown(value)
    return None if why is None else why.derived()


def _why_unknown(value: Value, fuel: Fuel) -> Unknown | None:
    fuel.burn()
    if isinstance(value, Items):
        found = (_why_unknown(item, fuel) for item in value.items)
        return next((why for why in found if why), value.more)
    if isinstance(value, Entries):
        found = (_why_unknown(item, fuel) for item in value.items.values())
        return next((why for why in found if why), value.rest)
    return why_unknown(value)


def truth(value: Value) -> bool | Unknown:
    """Return whether `value` counts as true."""
    if isinstance(value, Items):
        return bool(value.items) or value.more or False
    if isinstance(value, Entries):
        charge(len(value.items) // 16)
        certain = any(not isinstance(item, Unknown) for item in value.items.values())
        return certain or value.rest or bool(value.items)
    if isinstance(value, Thing):
        return value.truth()
    return value if isinstance(value, Unknown) else bool(value)


def same(left: Value, right: Value) -> bool:
    """Say whether the two are certainly the same value."""
    try:
        return _same(left, right, Fuel())
    except (Spent, RecursionError):
        return False


def _same(left: Value, right: Value, fuel: Fuel) -> bool:
    fuel.burn()
    if left is right:
        return True
    if type(left) is not type(right):
        return False
    if isinstance(left, Items) and isinstance(right, Items):
        return (
            left.kind == right.kind
            and left.more == right.more
            and len(left.items) == len(right.items)
            and all(
                _same(one, other, fuel)
                for one, other in zip(left.items, right.items, strict=True)
            )
        )
    if isinstance(left, Entries) and isinstance(right, Entries):
        return (
            left.rest == right.rest
            and left.shuffled == right.shuffled
            and list(left.items) == list(right.items)
            and all(
                _same(item, right.items[key], fuel) for key, item in left.items.items()
            )
        )
    if isinstance(left, Symbol) and isinstance(right, Symbol):
        return left.name == right.name
    return not isinstance(left, Thing) and left == right


def shallow(value: Value) -> Value:
    """Return `value` in a container of its own, as `copy.copy` would."""
    if isinstance(value, Thing):
        return value.duplicate(lambda held: held)
    if isinstance(value, (Items, Entries)):
        charge(len(value.items))
    if isinstance(value, Items):
        return Items(value.kind, list(value.items), value.more, value.level)
    if isinstance(value, Entries):
        return value.duplicate(value.level)
    return value


def copied(value: Value) -> Value:
    """Return `value` with containers of its own, as `copy.deepcopy` would."""
    try:
        return _copied(value, Fuel(), {})
    except (Spent, RecursionError):
        return _TOO_LARGE


# What it costs to copy a container, beside what it holds.
_COPY = 4


def _copied(value: Value, fuel: Fuel, made: dict[int, Value]) -> Value:
    """Return the copy of `value`, the one in `made` if it was met before."""
    fuel.burn()
    if is_scalar(value) or isinstance(value, Unknown):
        return value
    if id(value) in made:
        return made[id(value)]
    if isinstance(value, Items):
        charge(_COPY)
        items = Items(value.kind, [], value.more, value.level)
        made[id(value)] = items
        items.items = [_copied(item, fuel, made) for item in value.items]
        return items
    if isinstance(value, Entries):
        charge(_COPY)
        entries = value.duplicate(value.level)
        entries.items = dict[Scalar, Value]()
        made[id(value)] = entries
        for key, item in value.items.items():
            entries.items[key] = _copied(item, fuel, made)
        return entries
    if isinstance(value, Thing):
        # what it leads back to is itself until it is made
        made[id(value)] = Unknown("dynamic", "copy.deepcopy()")
        made[id(value)] = value.duplicate(lambda held: _copied(held, fuel, made))
        return made[id(value)]
    return value


# What it costs to look for secrets in one value, beside what its length costs.
_SEARCH = 10


def plain(value: Value) -> object:
    """
    Return `value` as plain Python objects, for whoever looks into it.

    What is unknown is left out but for the text that is written for it; dictionaries
    keep only string keys.
    """
    try:
        return _plain(value, Fuel())
    except (Spent, RecursionError):
        return None


def _plain(value: Value, fuel: Fuel) -> object:
    fuel.burn()
    charge(_SEARCH)
    if isinstance(value, (Text, Given)):
        value = value.why
    if isinstance(value, (str, bytes)):
        charge(len(value) // 16)
        return value
    if isinstance(value, Items):
        found = [_plain(item, fuel) for item in value.items]
        return [item for item in found if item is not None]
    if isinstance(value, Entries):
        return {
            key: _plain(item, fuel)
            for key, item in value.items.items()
            if isinstance(key, str)
        }
    if isinstance(value, Unknown) and value.written is not None:
        return _plain(value.written.items[0], fuel)
    return value if isinstance(value, (str, bytes, bool, int, float)) else None
