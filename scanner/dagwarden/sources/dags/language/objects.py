"""What following a module makes: modules, scopes, functions, classes and objects."""

import ast
import builtins
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Literal, Protocol, TypeAlias, cast

from msgspec import Struct

from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    forget,
    give_up,
    held_in,
    join,
    lost,
    things_of,
)
from dagwarden.sources.dags.language.effects import Call, Code, Effects, effects_of
from dagwarden.sources.dags.language.tree import LEAVES
from dagwarden.sources.dags.language.values import (
    ROOT,
    Arguments,
    Changeable,
    Entries,
    Items,
    Method,
    Once,
    Scalar,
    Symbol,
    Text,
    Thing,
    Unknown,
    Value,
    View,
    is_scalar,
)
from dagwarden.sources.dags.language.work import charge

Names = dict[str, Value]

_BUILTINS = frozenset(dir(builtins))
MODULE_NAME = Unknown("dynamic", "__name__")


def file_name(path: str) -> Value:
    """Return `__file__` of the module at `path`, relative to the root."""
    why = Unknown("dynamic", "__file__")
    return why if path.startswith("..") else Text((ROOT, f"/{path}"), why)


UNFOLLOWED = Unknown("dynamic", "a change in code that is not followed")
# What is looked at for what code that is not followed can reach.
MAX_REACHED = 2_000
MAX_BASES = 100
# Functions whose code is looked at for what an object's methods change.
MAX_CALLED = 100
# Attributes of a function that change what calling it does.
_CODE = ("__code__", "__defaults__", "__kwdefaults__", "__wrapped__")
# Methods by which a class decides what its attributes are.
_DECIDING = ("__new__", "__getattribute__", "__setattr__", "__delattr__")
# Methods that are followed wherever they run.
_FOLLOWED = frozenset(
    {
        *("__init__", "__post_init__", "__init_subclass__", "__set_name__"),
        *("__class_getitem__", "__enter__", "__exit__", "__aenter__", "__aexit__"),
        *("__call__", "__iter__"),
    }
)
# ... and what a copy of an object is.
_COPYING = (
    *("__copy__", "__deepcopy__", "__replace__", "__getstate__", "__setstate__"),
    *("__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__"),
)


class Follower(Protocol):
    """Who follows the code of functions and classes: the interpreter."""

    level: int
    # the functions that were called and not followed
    given_up: set[int]
    # by function: the names of others that it reads, and those that it binds
    names_in: dict[int, tuple[list[str], list[str]]]
    # by function: what it changes
    effects: dict[int, Effects]

    def run(self, function: "Function", arguments: Arguments) -> Value:
        """Follow a call of `function`."""
        ...

    def construct(self, made: "Class", arguments: Arguments) -> Value:
        """Return a new object of a class of the repository."""
        ...

    def call(self, function: Value, arguments: Arguments) -> Value:
        """Return what calling `function` gives."""
        ...

    def collect(self, generated: "Generated") -> Value:
        """Return all that a generator yields, in one container."""
        ...

    def inherited(self, made: "Class", name: str) -> Value:
        """Return the attribute `name` that no class of the repository gives `made`."""
        ...


class Source(Struct, frozen=True):
    """A module of the repository, parsed; `package`: it is an `__init__.py`."""

    path: str
    name: str
    tree: ast.Module
    package: bool
    # what it writes out as secrets
    secrets: frozenset[str] = frozenset()


# Before all other folders, after them, or who knows where.
SearchPlace = Literal["first", "last", "anywhere"]


class Finder(Protocol):
    """The modules and files of the repository; paths are relative to its root."""

    @property
    def dags(self) -> str:
        """The DAG folder."""
        ...

    def find(self, name: str) -> Source | None:
        """Return the module `name`, or None if the repository has none."""
        ...

    def search(self, path: str | None, place: SearchPlace) -> None:
        """Look for modules in another folder, too; None: one that is not known."""
        ...

    def content(self, path: str) -> bytes | None:
        """Return what a regular file holds; None where there is none to read."""
        ...

    def listed(self, path: str) -> list[tuple[str, bool]] | None:
        """Return the names in a folder, and which are folders; None if none is read."""
        ...

    def is_link(self, path: str) -> bool:
        """Say whether a link stands at the path, or on the way to it."""
        ...


class Scope:
    """The names of a module, class or function call."""

    __slots__ = ("level", "module", "names", "outer", "parent", "star")

    def __init__(
        self, module: "Module | None", parent: "Scope | None", level: int = 0
    ) -> None:
        """
        `parent` is the scope around it; None for a module.

        `level` is the number of the undecided branch that it was made in.
        """
        self.level = level
        self.module = module
        self.parent = parent
        self.names: Names = {}
        # names that `global` and `nonlocal` say are not of this scope
        self.outer: dict[str, Scope] = {}
        # set when names were imported with `*` from outside
        self.star: Unknown | None = None

    def find(self, name: str) -> Value:
        """Return what `name` means here."""
        scope = self
        while name not in scope.names:
            if scope.parent is None:
                return scope.find_outside(name)
            scope = scope.parent
        return scope.names[name]

    def find_outside(self, name: str) -> Value:
        """Return what `name` means in a module that does not bind it."""
        if name in _BUILTINS:
            return Symbol(f"builtins.{name}")
        return self.star or Unknown("dynamic", name)

    def means_outside(self, name: str) -> bool:
        """Say whether `name` may mean something in a module that does not bind it."""
        return self.star is not None or name in _BUILTINS

    def put(self, name: str, value: Value, level: int) -> None:
        """Carry out `name = value` from outside, in the undecided branch `level`."""
        if level > self.level:
            value = join(self.names.get(name, UNDECIDED), value, UNDECIDED)
        self.names[name] = value

    def forget(self, why: Unknown) -> None:
        """Any name may be another, but for what stands in other modules."""
        for name, value in self.names.items():
            escape(value)
            if not isinstance(value, Thing) or isinstance(value, (Function, Class)):
                self.names[name] = lost(why, value)
        self.star = self.star or why


class ClassScope(Scope):
    """The names of a class's body, which its functions do not see."""

    __slots__ = ()


class RoundScope(Scope):
    """The names of a comprehension; `:=` binds in `home`, the scope around it."""

    __slots__ = ("home",)

    def __init__(self, home: Scope, parent: Scope, level: int) -> None:
        """`parent` is what it sees, which leaves out a class's body."""
        super().__init__(home.module, parent, level)
        self.home: Scope = home.home if isinstance(home, RoundScope) else home


class Module(Thing):
    """A module of the repository that was followed."""

    __slots__ = ("binds", "finder", "name", "package", "path", "scope", "tree")

    def __init__(self, source: Source, finder: Callable[[str], Value | None]) -> None:
        """Make it with no names yet; `finder` imports its submodules."""
        self.path = source.path
        self.name = source.name
        self.package = source.package
        self.tree = source.tree
        self.finder = finder
        # all names that its code could bind, once they are asked for
        self.binds: frozenset[str] | None = None
        self.scope = Scope(self, None)
        self.scope.names = {
            "__name__": MODULE_NAME,
            "__file__": file_name(source.path),
        }

    def describe(self) -> str:
        """Return the dotted name."""
        return self.name

    def forget(self, why: Unknown) -> None:
        """Any of its names may be another."""
        self.scope.forget(why)

    def attribute(self, name: str) -> Value:
        """Return one of its names, or a submodule."""
        if name in self.scope.names:
            return self.scope.names[name]
        below = self.finder(f"{self.name}.{name}")
        missing = Unknown("import", f"{self.name}.{name}")
        return self.scope.star or missing if below is None else below


class Namespace(Thing):
    """What `globals()` and `vars(...)` give: the attributes of something."""

    __slots__ = ("holder", "put")

    def __init__(
        self, holder: Thing, put: Callable[[Thing, Value, Value], None]
    ) -> None:
        """Show the attributes of `holder`; `put` sets one."""
        self.holder = holder
        self.put = put

    def describe(self) -> str:
        """Return what a person would write for it."""
        return "globals()" if isinstance(self.holder, Module) else "vars()"

    def item(self, key: Value) -> Value:
        """Return the attribute `key`."""
        if isinstance(self.holder, Module) and isinstance(key, str):
            return self.holder.scope.find(key)
        if isinstance(key, str):
            return self.holder.attribute(key)
        return Unknown("dynamic", self.describe())

    def attribute(self, name: str) -> Value:
        """Return a method of the dict that it is."""
        return Method(name, lambda given: self._method(name, given))

    def _method(self, name: str, given: Arguments) -> Value:
        first = given.get("", 0)
        if name in ("get", "__getitem__"):
            return self.item(first)
        if name in ("setdefault", "__setitem__"):
            self.put(self.holder, first, given.get("", 1))
            return self.item(first)
        if name == "update":
            self.update(given)
            return None
        if name not in ("copy", "items", "keys", "values"):
            self.holder.forget(Unknown("dynamic", f"{self.describe()}.{name}()"))
        return Unknown("dynamic", f"{self.describe()}.{name}()")

    def update(self, given: Arguments) -> None:
        """Carry out `update`."""
        named: dict[Scalar, Value] = {}
        why = given.more or given.rest
        for one in given.positional:
            if isinstance(one, Entries):
                named |= one.items
                why = why or one.rest
            else:
                why = why or Unknown("dynamic", f"{self.describe()}.update()")
        named |= dict(given.keywords.items())
        if why is not None:
            self.holder.forget(why)
        for key, value in named.items():
            self.put(self.holder, key, value)


class Function(Thing):
    """A function or lambda of the repository."""

    # what may be it may run it
    shared = True

    __slots__ = (
        "bound",
        "changed",
        "defaults",
        "interpreter",
        "kept",
        "named",
        "node",
        "owner",
        "scope",
    )

    def __init__(
        self,
        interpreter: "Follower",
        node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
        scope: Scope,
        defaults: dict[str, Value],
    ) -> None:
        """`scope` is the one around it, `defaults` those of its parameters."""
        self.interpreter = interpreter
        self.node = node
        self.scope = scope
        self.defaults = defaults
        self.bound: Value = None
        self.owner: Class | None = None
        # whether its code or defaults were set from outside
        self.changed = False
        # its `__name__`
        own = getattr(node, "name", "<lambda>")
        self.named: Value = own
        # what it gave, by what it was given, where that is kept
        self.kept: dict[tuple[object, ...], Value] | None = None

    @property
    def name(self) -> str:
        """The function's own name."""
        return getattr(self.node, "name", "lambda")

    def describe(self) -> str:
        """Return the name."""
        return self.name

    def parameters(self) -> list[str]:
        """Return the names of its parameters, `*` and `**` aside."""
        given = self.node.args
        return [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]

    def takes(self, name: str) -> bool:
        """Say whether it may be given an argument by this name."""
        return self.node.args.kwarg is not None or name in self.parameters()

    def bind(self, instance: Value, owner: "Class") -> "Function":
        """Return it as a method of `instance`."""
        made = Function(self.interpreter, self.node, self.scope, self.defaults)
        made.bound = instance
        made.owner = owner
        made.changed = self.changed
        made.kept = self.kept
        made.named = self.named
        return made

    def store(self, name: str, value: Value) -> None:
        """Set an attribute, which may be the code."""
        self.changed = self.changed or name in _CODE
        if name == "__name__":
            sure = self.interpreter.level == 0
            self.named = value if sure else lost(UNDECIDED, value)

    def forget(self, why: Unknown) -> None:
        """Its code may be another."""
        self.changed = True

    def attribute(self, name: str) -> Value:
        """Return an attribute; who asks for its code may change it."""
        self.changed = self.changed or name in _CODE[1:]
        return self.named if name == "__name__" else super().attribute(name)

    def call(self, arguments: Arguments) -> Value:
        """Follow the function, unless it keeps what it gave for these arguments."""
        if self.kept is None:
            return self.interpreter.run(self, arguments)
        held = (self.bound, *arguments.positional, *arguments.keywords.values())
        key = (*map(_told, held), len(arguments.positional), *arguments.keywords)
        told = all(map(_tells_apart, held)) and not (arguments.more or arguments.rest)
        unsure = () in self.kept
        if told and key in self.kept and not unsure:
            return self.kept[key]
        self.changed = self.changed or unsure or not (told or not self.kept)
        if not told or self.interpreter.level > 0:
            # from now on it may have run for these arguments, or not
            self.kept[()] = None
        made = self.kept[key if told else ()] = self.interpreter.run(self, arguments)
        return made


class Class(Thing):
    """A class of the repository."""

    __slots__ = (
        "above",
        "bases",
        "defaults",
        "fields",
        "interpreter",
        "level",
        "members",
        "module",
        "name",
        "names",
        "opaque",
        "unasked",
        "unsettled",
    )

    def __init__(
        self, interpreter: "Follower", name: str, module: Module, bases: list[Value]
    ) -> None:
        """Make it with no names yet."""
        self.interpreter = interpreter
        self.name = name
        self.module = module
        self.bases = bases
        # what is above it, once that is put in order; without itself: no cycle
        self.above: list[Value] | None = None
        self.names: Names = {}
        self.level = interpreter.level
        # why nothing is known of its attributes and objects
        self.opaque: Unknown | None = None
        # names that its methods change where nobody calls them; once it is looked for
        self.unasked: list[Changed] | None = None
        # ... and attributes of its objects
        self.unsettled: frozenset[str] = frozenset()
        # the members of an enumeration, by their names
        self.members: dict[str, Instance] | None = None
        # parameters of the constructor, for a dataclass
        self.fields: list[str] | None = None
        # ... and their defaults, as they were when the class was made
        self.defaults: Names = {}

    def describe(self) -> str:
        """Return the qualified name."""
        return f"{self.module.name}.{self.name}"

    def lineage(self) -> Iterator[Value]:
        """Return it and its bases, in the order in which Python asks them."""
        if self.above is None:
            self.above = self._ordered()[1:]
        return chain((self,), self.above)

    def _ordered(self) -> list[Value]:
        """Merge the orders of the bases, as Python does; opaque where it cannot."""
        above = [
            list(base.lineage()) if isinstance(base, Class) else [base]
            for base in self.bases
        ]
        waiting: list[list[Value]] = [one for one in (*above, self.bases) if one]
        found: list[Value] = [self]
        while waiting and len(found) < MAX_BASES:
            charge(sum(map(len, waiting)))
            later = {_identity(base) for line in waiting for base in line[1:]}
            heads = (line[0] for line in waiting)
            first = next((one for one in heads if _identity(one) not in later), None)
            if first is None:
                break
            found.append(first)
            chosen = _identity(first)
            cut = (
                line[1:] if _identity(line[0]) == chosen else line for line in waiting
            )
            waiting = [line for line in cut if line]
        if waiting:
            self.opaque = self.opaque or Unknown("dynamic", self.describe())
        return found

    def hidden(self) -> Unknown | None:
        """Return why nothing is known of its attributes, or None."""
        why = Unknown("dynamic", self.describe())
        for base in (*self.lineage(),):
            if not isinstance(base, Class):
                continue
            if base.opaque is not None:
                return base.opaque
            deciding = any(name in base.names for name in _DECIDING)
            # what it does to a class below is followed where it is a function
            told = base.names.get("__init_subclass__") if base is not self else None
            followed = (
                told is None
                or isinstance(told, Function)
                or (isinstance(told, Wrapped) and told.kind == "classmethod")
            )
            if deciding or not followed:
                return why
        return None

    def store(self, name: str, value: Value) -> None:
        """Set a class attribute; it may not happen if a branch is not decided."""
        if self.interpreter.level > self.level:
            found = self.find(name)
            old = found[0] if found is not None else UNDECIDED
            value = join(old, value, UNDECIDED)
        self.names[name] = value

    def forget(self, why: Unknown) -> None:
        """Anything of it may be another."""
        self.opaque = self.opaque or why

    def find(self, name: str) -> "tuple[Value, Class] | None":
        """Return a name of the class or a base, and whose it is."""
        for base in self.lineage():
            if isinstance(base, Class) and name in base.names:
                return base.names[name], base
        return None

    def code(self, *, unasked: bool = False) -> "list[Value]":
        """
        Return its functions, which whoever has an object of it may run.

        `unasked`: those that run where nobody calls them.
        """
        found: list[Value] = []
        for base in self.lineage():
            held = base.names if isinstance(base, Class) else {}
            charge(len(held))
            for name, one in held.items():
                function = one.function if isinstance(one, Wrapped) else one
                property_of = isinstance(one, Wrapped) and not one.of_class
                if isinstance(function, Function) and (
                    property_of or name.startswith("__") or not unasked
                ):
                    found.append(function)
        return found

    def unsettle(self, *, all_methods: bool = False) -> None:
        """
        Give up what methods of its objects change where nobody calls them.

        Those that run for `==`, `in` or a missing attribute are not followed: from the
        first object on they may have run. `all_methods`: a base that is not read may
        call any of them.
        """
        if self.unasked is None:
            methods: list[Value] = []
            for base in self.lineage():
                held = base.names if isinstance(base, Class) else {}
                charge(len(held) // 8)
                methods += [
                    value
                    for name, value in held.items()
                    if all_methods or (_is_special(name) and name not in _FOLLOWED)
                ]
            self.unasked = _changed_by(self, methods)
        charge(len(self.unasked))
        for scope, name, bound in self.unasked:
            value = scope.find(name)
            if bound:
                while name not in scope.names and scope.parent is not None:
                    scope = scope.parent
                scope.names[name] = lost(UNFOLLOWED, value)
            elif isinstance(value, (Items, Entries, Unknown)):
                give_up(lost(UNFOLLOWED, value))
            elif isinstance(value, Thing):
                value.forget(UNFOLLOWED)

    def starter(self) -> "Class | None":
        """Return the class whose constructor makes its objects, or None."""
        for base in self.lineage():
            if not isinstance(base, Class):
                continue
            if "__init__" in base.names or base.fields is not None:
                return base
        return None

    def tuple_fields(self) -> list[str] | None:
        """Return the names of the items of a named tuple; None: it makes others."""
        if all(_named(base) != "typing.NamedTuple" for base in self.foreign()):
            return None
        starter = self.starter()
        return None if starter is None else starter.fields

    def inherits(self) -> bool:
        """Say whether a class of the repository is a base of it."""
        return any(isinstance(base, Class) for base in self.bases)

    def foreign(self) -> list[Value]:
        """Return the bases that are not of the repository."""
        return [b for b in self.lineage() if not isinstance(b, Class)]

    def attribute(self, name: str) -> Value:
        """Return a class attribute."""
        if why := self.hidden():
            return lost(why, *self.code())
        found = self.find(name)
        if name == "__name__" and found is None and self.name.isidentifier():
            return self.name
        if found is None or (_is_private(name) and self.inherits()):
            return self.interpreter.inherited(self, name)
        value = found[0]
        if self.members is not None and name in self.members:
            return self.members[name]
        if is_scalar(value) and any(map(_is_enum, self.foreign())):
            return Unknown("dynamic", f"{self.name}.{name}")
        if isinstance(value, Wrapped):
            return value.function.bind(self, self) if value.of_class else value.function
        return value if not _describes(value) else Unknown("dynamic", self.name)

    def call(self, arguments: Arguments) -> Value:
        """Construct an object, or look up a member by its value."""
        if self.members is not None and self.hidden() is None:
            return self._member(arguments)
        return self.interpreter.construct(self, arguments)

    def _member(self, given: Arguments) -> Value:
        """Return the member of an enumeration that has a value."""
        value = given.get("value", 0)
        if isinstance(value, Instance) and value in self.members_in_order():
            return value
        for one in self.members_in_order():
            held = one.names["value"]
            if is_scalar(value) and is_scalar(held) and held == value:
                return one
        return lost(Unknown("dynamic", f"{self.name}()"), value, *self.each_member())

    def members_in_order(self) -> "list[Instance]":
        """Return the members of an enumeration, in the order of the class."""
        return list(dict.fromkeys((self.members or {}).values()))

    def each_member(self) -> list[Value]:
        """Return them as values."""
        return list(self.members_in_order())

    def each(self) -> Value:
        """Return the members of an enumeration."""
        if self.members is None or self.hidden() is not None:
            return super().each()
        return Items("list", self.each_member())

    def item(self, key: Value) -> Value:
        """Return the member of an enumeration that has a name."""
        if self.members is not None and self.hidden() is None:
            if isinstance(key, str) and key in self.members:
                return self.members[key]
            return lost(Unknown("dynamic", f"{self.name}[]"), *self.each_member())
        own = self.find("__class_getitem__")
        if own is not None and self.hidden() is None:
            return self._special(own, key)
        return super().item(key)

    def _special(self, own: "tuple[Value, Class]", *given: Value) -> Value:
        """Call a method of the class itself, with or without `classmethod`."""
        method, owner = own
        method = method.function if isinstance(method, Wrapped) else method
        if isinstance(method, Function):
            return method.bind(self, owner).call(Arguments([*given], {}))
        escape(method, *given)
        return Unknown("dynamic", f"{self.name}[]")

    def equals(self, other: Value, *, identity: bool) -> bool | Unknown | None:
        """Say whether it is `other`: a class is only itself."""
        if not isinstance(other, Class) or self.opaque or other.opaque:
            return None
        return self is other


class Instance(Thing):
    """An object of a class of the repository."""

    __slots__ = ("level", "names", "of", "opaque")
    shared = True

    def __init__(self, of: Class, names: Names) -> None:
        """`names` are its own attributes."""
        self.of = of
        self.names = names
        self.level = of.interpreter.level
        self.opaque: Unknown | None = of.hidden()

    def describe(self) -> str:
        """Return the class's name."""
        return self.of.name

    def leads_to(self) -> Iterable[Value]:
        """Return its own attributes."""
        return self.names.values()

    def as_tuple(self) -> Items | None:
        """Return the items of a named tuple, None where it is none, or not known."""
        fields = self.of.tuple_fields()
        known = fields is not None and all(name in self.names for name in fields)
        if self.opaque is not None or not known or fields is None:
            return None
        return Items("tuple", [self.names[name] for name in fields], level=self.level)

    def each(self) -> Value:
        """Return what iterating over it gives: the items of a named tuple."""
        own = self.iterated()
        if own is not self:
            return own.each() if isinstance(own, Thing) else own
        held = None if self.of.find("__iter__") else self.as_tuple()
        return super().each() if held is None else held

    def iterated(self) -> Value:
        """Return what its class says to go through in its place; else itself."""
        own = self.of.find("__iter__")
        if self.opaque is not None or own is None or not isinstance(own[0], Function):
            return self
        return self.special("__iter__")

    def attribute(self, name: str) -> Value:
        """Return an attribute or a bound method."""
        if self.opaque is not None:
            return lost(self.opaque, *self.names.values(), *self.of.code())
        if _is_private(name) and self.of.inherits():
            # it is another name in every class
            return lost(
                Unknown("dynamic", f"{self.of.name}.{name}"), self.names.get(name)
            )
        if name in self.names:
            return self._settled(name, self.names[name])
        held = None if self.of.find(name) else self.as_tuple()
        if held is not None and name in _OF_TUPLES:
            return Method(name, lambda given: self._of_tuple(name, given))
        return self._settled(name, bound(self.of, self, name))

    def _settled(self, name: str, value: Value) -> Value:
        """Return `value` unless a method that nobody calls may have set another."""
        return lost(UNFOLLOWED, value) if name in self.of.unsettled else value

    def _of_tuple(self, name: str, given: Arguments) -> Value:
        """Call a method that named tuples have."""
        held = {one: self.names[one] for one in self.of.tuple_fields() or ()}
        if name == "_asdict":
            named: dict[Scalar, Value] = dict(held.items())
            return Entries(named, None, self.of.interpreter.level)
        if given.positional or given.rest or given.keywords.keys() - held.keys():
            return lost(UNDECIDED, *held.values(), *given.keywords.values())
        return Instance(self.of, held | given.keywords)

    def store(self, name: str, value: Value) -> None:
        """Set an attribute; it may not happen if a branch is not decided."""
        found = self.of.find(name)
        old = self.names.get(name, found[0] if found else UNDECIDED)
        if self.of.interpreter.level > self.level or _intercepts(found):
            value = join(old, value, UNDECIDED)
            value = lost(UNDECIDED, value) if _intercepts(found) else value
        if name in self.of.unsettled:
            value = lost(UNFOLLOWED, value)
            give_up(value)
        self.names[name] = value

    def forget(self, why: Unknown) -> None:
        """Any attribute may be another."""
        self.opaque = lost(self.opaque or why, *self.names.values())

    def duplicate(self, part: Callable[[Value], Value]) -> Value:
        """Return a copy; its class may copy otherwise, or be one that is not known."""
        plain = all(_is_plain_object(base) for base in self.of.foreign())
        if self.opaque is None and plain and not any(map(self.of.find, _COPYING)):
            made = Instance(self.of, {})
            made.names = {name: part(value) for name, value in self.names.items()}
            return made
        why = self.opaque or Unknown("dynamic", f"a copy of {self.of.name}")
        return lost(why, *self.names.values())

    def truth(self) -> bool | Unknown:
        """Return True unless its class may say otherwise."""
        own = self.of.find("__bool__") or self.of.find("__len__")
        held = None if own else self.as_tuple()
        if held is not None:
            return bool(held.items)
        plain = all(_is_plain_object(base) for base in self.of.foreign())
        if plain and not (self.of.find("__bool__") or self.of.find("__len__")):
            return self.opaque or True
        return Unknown("dynamic", self.of.name)

    def equals(self, other: Value, *, identity: bool) -> bool | Unknown | None:
        """Say whether it is `other`, as its class says where that says anything."""
        if isinstance(other, (Unknown, Thing)) and not isinstance(other, Instance):
            return None
        sides = [self, *([other] if isinstance(other, Instance) else [])]
        if self._is_of_another(other):
            return False
        if any(one.opaque or one.of.tuple_fields() is not None for one in sides):
            return None
        if all(one.is_member() for one in sides) and (sides[1:] or self.is_mixed()):
            values = [one.names["value"] for one in sides if one.is_mixed()]
            if identity or not values:
                return self is other
            values += [other] if is_scalar(other) else []
            return bool(len(values) == 2 and values[0] == values[1])
        plain = all(
            _is_plain_object(base) for one in sides for base in one.of.foreign()
        )
        # a dataclass compares its fields
        own = any(one.of.find("__eq__") or one.of.fields is not None for one in sides)
        if not plain or (own and not identity):
            return None
        return self is other

    def _is_of_another(self, other: Value) -> bool:
        """Say whether it equals `other` never: both compare only what is of their class."""
        if self.opaque is not None or not self._compares_its_kind():
            return False
        if not isinstance(other, Instance):
            return self.of.tuple_fields() is None or is_scalar(other)
        tuples = [one.of.tuple_fields() is not None for one in (self, other)]
        alike = self.of is other.of or all(tuples)
        return other.opaque is None and not alike and other._compares_its_kind()

    def _compares_its_kind(self) -> bool:
        """Say whether it compares as dataclasses, named tuples and plain objects do."""
        foreign = [_named(base) for base in self.of.foreign()]
        return self.of.find("__eq__") is None and all(
            name in _COMPARING_THEIR_KIND for name in foreign
        )

    def is_key(self) -> bool:
        """Say whether it is a member of an enumeration, and nothing else."""
        plain = self.is_member() and not self.is_mixed() and self.opaque is None
        return plain and self.of.find("__hash__") is None

    def is_member(self) -> bool:
        """Say whether it is a member of an enumeration that compares as usual."""
        return self.of.members is not None and self.of.find("__eq__") is None

    def is_mixed(self) -> bool:
        """Say whether it is a member that is a text or a number, too."""
        return any(_named(base) in _MIXED for base in self.of.foreign())

    def plain(self) -> Value:
        """Return the text or number that it is wherever it is used; else itself."""
        if not self.is_member() or self.opaque is not None:
            return self
        if any(map(self.of.find, ("__format__", "__str__", "__int__"))):
            return self
        named = (_named(base) in _PLAIN_MEMBERS for base in self.of.foreign())
        return self.names["value"] if any(named) else self

    def text(self) -> Value:
        """Return what its class says that it is as text."""
        if self.opaque is not None or self.of.find("__format__") is not None:
            return self.unknown()
        plain = self.plain()
        if isinstance(plain, str):
            return plain
        if not all(_is_plain_object(base) for base in self.of.foreign()):
            return self.unknown()
        for name in ("__str__", "__repr__"):
            if self.of.find(name) is not None:
                made = self.special(name)
                return made if isinstance(made, (str, Text)) else self.unknown()
        member = self.names.get("name") if self.of.members is not None else None
        return f"{self.of.name}.{member}" if isinstance(member, str) else self.unknown()

    def special(self, name: str, *given: Value) -> Value:
        """Call a method like `__enter__`; unknown if it has none."""
        if self.opaque is None and self.of.find(name) is not None:
            method = bound(self.of, self, name)
            return self.of.interpreter.call(method, Arguments(list(given), {}))
        escape(self, *given)
        return Unknown("dynamic", f"{self.of.name}.{name}()")

    def call(self, arguments: Arguments) -> Value:
        """Call it as a function."""
        if self.opaque is None and self.of.find("__call__") is not None:
            method = bound(self.of, self, "__call__")
            return self.of.interpreter.call(method, arguments)
        return super().call(arguments)

    def item(self, key: Value) -> Value:
        """Return what subscripting gives."""
        held = None if self.of.find("__getitem__") else self.as_tuple()
        size = 0 if held is None else len(held.items)
        if held is not None and isinstance(key, int) and -size <= key < size:
            return held.items[key]
        return self.special("__getitem__", key)

    def enter(self) -> Value:
        """Enter it as a context."""
        return self.special("__enter__")

    def exit(self) -> None:
        """Leave it as a context."""
        self.special("__exit__", None, None, None)


def bound(of: Class, instance: Value, name: str) -> Value:
    """Return the attribute `name` that `of` gives its `instance`."""
    found = of.find(name)
    if found is None and name == "__class__":
        return of
    if found is None or (_is_private(name) and of.inherits()):
        return Unknown("dynamic", f"{of.name}.{name}")
    value, owner = found
    if isinstance(value, Wrapped):
        if value.kind in ("property", "functools.cached_property"):
            made = value.function.bind(instance, owner).call(Arguments([], {}))
            if value.kind != "property":
                return _cached(instance, name, made)
            return made
        holder = of if value.of_class else None
        return value.function.bind(holder, owner) if holder else value.function
    if _describes(value):
        return Unknown("dynamic", f"{of.name}.{name}")
    if isinstance(value, (Function, ContextMaker)):
        return value.bind(instance, owner)
    return value


def _cached(instance: Value, name: str, made: Value) -> Value:
    """Keep what a property gave in `instance`, whose it is from then on."""
    if not isinstance(instance, Instance):
        return lost(Unknown("dynamic", name), made)
    if instance.of.interpreter.level > instance.level:
        # it may be made later
        made = lost(UNDECIDED, made)
    instance.names[name] = made
    return made


# Bases whose objects are equal to none of another class, but a tuple to a tuple.
_COMPARING_THEIR_KIND = frozenset(
    {"builtins.object", "enum.Enum", "abc.ABC", "typing.NamedTuple"}
)
# Methods of named tuples that are followed.
_OF_TUPLES = frozenset({"_asdict", "_replace"})


class Wrapped(Thing):
    """A function under `staticmethod`, `classmethod` or `property`."""

    __slots__ = ("function", "kind")

    def __init__(self, kind: str, function: Function) -> None:
        """`kind` is the decorator's name."""
        self.kind = kind
        self.function = function

    @property
    def of_class(self) -> bool:
        """Whether it is bound to the class."""
        return self.kind == "classmethod"


class Generated(Once):
    """
    What calling a generator function gives.

    Its code is followed when it is asked for, and only once: an `_End` tells how far.
    """

    __slots__ = ("arguments", "expression", "function", "level", "rest", "scope")

    def __init__(
        self,
        function: Function,
        arguments: Arguments,
        expression: ast.GeneratorExp | None = None,
        scope: Scope | None = None,
    ) -> None:
        """
        Wait to be asked for what `function` yields.

        It is made of `expression`, which stands in `scope`, where there is one.
        """
        self.function = function
        self.expression = expression
        self.scope = scope
        self.arguments = arguments
        self.level = function.interpreter.level
        # why it is not known what it yields from now on
        self.rest: Unknown | None = None

    def describe(self) -> str:
        """Return the function's name."""
        return f"{self.function.name}()"

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return self.rest or super().unknown()

    def each(self) -> Value:
        """Return all that it yields."""
        return self.function.interpreter.collect(self)

    def attribute(self, name: str) -> Value:
        """Return a method, which runs its code: what that gives is not followed."""
        self.escaped()
        return super().attribute(name)

    def escaped(self) -> None:
        """Count its code as run, with whatever effect."""
        self.rest = self.rest or UNFOLLOWED
        escape(self.function, *self.arguments.positional)
        escape(*self.arguments.keywords.values())


class ContextMaker(Thing):
    """A generator function under `contextlib.contextmanager`."""

    __slots__ = ("function",)

    def __init__(self, function: Function) -> None:
        """Hold the function."""
        self.function = function

    def describe(self) -> str:
        """Return the function's name."""
        return self.function.name

    def attribute(self, name: str) -> Value:
        """Return what of the function is asked for."""
        return self.function.attribute(name)

    def bind(self, instance: Value, owner: Class) -> "ContextMaker":
        """Return it as a method of `instance`."""
        return ContextMaker(self.function.bind(instance, owner))

    def call(self, arguments: Arguments) -> Value:
        """Return a context."""
        made = self.function.call(arguments)
        return Context(made) if isinstance(made, Generated) else made


class Context(Thing):
    """A context whose body stands where a generator yields."""

    __slots__ = ("generated",)

    def __init__(self, generated: Generated) -> None:
        """Hold the generator."""
        self.generated = generated

    def describe(self) -> str:
        """Return the function's name."""
        return self.generated.describe()

    def call(self, arguments: Arguments) -> Value:
        """Decorate a function with it."""
        self.escaped()
        escape(*arguments.positional)
        return super().call(arguments)

    def escaped(self) -> None:
        """Count its code as run."""
        self.generated.escaped()

    def enter(self) -> Value:
        """Enter it where its code is not followed."""
        self.escaped()
        return super().enter()


class Decorated(Thing):
    """A function or class under a decorator that is not followed."""

    __slots__ = ("interpreter", "under", "why")

    def __init__(self, interpreter: Follower, under: Value, why: Unknown) -> None:
        """`why` tells why it is not known what the decorator made of `under`."""
        self.interpreter = interpreter
        self.under = under
        self.why = why

    def describe(self) -> str:
        """Return the name of what is decorated."""
        return self.under.describe() if isinstance(self.under, Thing) else "?"

    def unknown(self) -> Unknown:
        """Return why it is not known."""
        return self.why

    def truth(self) -> bool | Unknown:
        """Return why it is not known."""
        return self.why

    def attribute(self, name: str) -> Value:
        """Nothing is known of it."""
        return self.why

    def call(self, arguments: Arguments) -> Value:
        """Call it: what is under it may be run."""
        escape(self.under, *arguments.positional, *arguments.keywords.values())
        return self.interpreter.call(self.why, arguments)

    def enter(self) -> Value:
        """Enter it as a context."""
        return self.why


class Super(Thing):
    """What `super()` gives inside a method: the bases, bound to the instance."""

    __slots__ = ("instance", "owner")

    def __init__(self, owner: Class, instance: Value) -> None:
        """`owner` is the class whose method asks."""
        self.owner = owner
        self.instance = instance

    def attribute(self, name: str) -> Value:
        """Return the method `name` of the next class up that has one."""
        for base in self._above():
            if isinstance(base, Class) and name in base.names:
                value = bound(base, self.instance, name)
                if name == "__init__" and isinstance(self.instance, Thing):
                    return self.instance.prepared(value)
                return value
            if not isinstance(base, Class) and not _has_no_methods(base):
                # what stands outside the repository may have it
                break
        if isinstance(self.instance, Thing):
            return self.instance.attribute(f"super().{name}")
        return Unknown("dynamic", f"super().{name}")

    def _above(self) -> list[Value]:
        """Return the classes after the one whose method asks, as the object sees it."""
        made = self.instance
        if not isinstance(made, Class):
            made = getattr(made, "of", None) or getattr(made, "made", None)
        start = made if isinstance(made, Class) else self.owner
        order = list(start.lineage())
        if self.owner not in order:
            order = list(self.owner.lineage())
        return order[order.index(self.owner) + 1 :]


def _identity(base: Value) -> object:
    return base.name if isinstance(base, Symbol) and base.name else id(base)


def _has_no_methods(base: Value) -> bool:
    """Say whether a base from outside gives a class nothing that it has not itself."""
    return isinstance(base, Symbol) and base.name in (
        *("builtins.object", "abc.ABC", "typing.Protocol", "typing.Generic"),
    )


def _tells_apart(argument: Value) -> bool:
    """Say whether it is known which calls are given the same argument."""
    return is_scalar(argument) or isinstance(argument, (Instance, Class))


def _told(argument: Value) -> object:
    return (type(argument), argument) if is_scalar(argument) else argument


def _is_special(name: str) -> bool:
    """Say whether Python, or `enum`, calls a method of this name by itself."""
    return name.startswith("_") and name.endswith("_")


def _is_private(name: str) -> bool:
    return name.startswith("__") and not name.endswith("__")


# What makes the members of an enumeration what their values are, also when formatted;
# those of `str` and `Enum` are formatted one way by Python 3.11 and another before.
_PLAIN_MEMBERS = frozenset({"enum.IntEnum", "enum.StrEnum"})
# What makes the members of an enumeration texts or numbers, too.
_MIXED = frozenset({"builtins.int", "builtins.str", "enum.IntEnum", "enum.StrEnum"})


def _named(base: Value) -> str:
    return base.name if isinstance(base, Symbol) else ""


def _is_enum(base: Value) -> bool:
    return isinstance(base, Symbol) and base.name.startswith("enum.")


def _is_plain_object(base: Value) -> bool:
    names = ("builtins.object", "enum.Enum", "abc.ABC", "typing.Protocol")
    return isinstance(base, Symbol) and base.name in names


def _describes(value: Value) -> bool:
    """Say whether `value`, as a class attribute, may decide what reading it gives."""
    if isinstance(value, Instance):
        return value.of.find("__get__") is not None or bool(value.of.hidden())
    return isinstance(value, Decorated)


def _intercepts(found: tuple[Value, Class] | None) -> bool:
    """Say whether a class attribute may decide what setting it does."""
    if found is None:
        return False
    value = found[0]
    if isinstance(value, Instance):
        return value.of.find("__set__") is not None
    return isinstance(value, (Wrapped, Decorated, Symbol, Unknown))


# ------------------------------------------------------- code that is not followed


def escape(*values: Value) -> None:
    """Forget what code that is not followed may change when it gets `values`."""
    waiting = list(values)
    seen: dict[int, Value] = {}
    while waiting and len(seen) < MAX_REACHED:
        one = waiting.pop()
        if is_scalar(one) or id(one) in seen:
            continue
        charge()
        seen[id(one)] = one
        if isinstance(one, Unknown):
            give_up(one)
            waiting += [held for held in things_of(one) if isinstance(held, Once)]
        elif isinstance(one, (Items, Entries)):
            waiting += held_in(one)
            forget(one, UNFOLLOWED)
        elif isinstance(one, Instance):
            waiting += one.names.values()
            one.forget(UNFOLLOWED)
        elif isinstance(one, View):
            # what it shows may be changed, the dict not
            waiting += held_in(one.held)
        elif isinstance(one, Changeable):
            one.forget(UNFOLLOWED)
        elif isinstance(one, Wrapped):
            waiting.append(one.function)
        elif isinstance(one, Class):
            waiting += one.code()
        elif isinstance(one, Decorated):
            waiting.append(one.under)
        elif isinstance(one, Function):
            one.interpreter.given_up.add(id(one.node))
            one.named = UNFOLLOWED
            waiting.append(one.bound)
            waiting += _reached_by(one)
        elif isinstance(one, Thing):
            one.escaped()


# A name that is changed where it means what it means in a scope; True: it is bound.
Changed: TypeAlias = tuple[Scope, str, bool]


def _changed_by(of: Class, methods: list[Value]) -> list[Changed]:
    """Return the names that `methods` of a class change, and the functions they call."""
    found: list[Changed] = []
    waiting = [*methods]
    seen: set[int] = set()
    while waiting and len(seen) < MAX_CALLED:
        one = _code_of(waiting.pop())
        if one is None or id(one.node) in seen:
            continue
        seen.add(id(one.node))
        its = _effects(one)
        charge(1 + len(its.calls))
        found += [(one.scope, name, True) for name in sorted(its.bound)]
        found += [(one.scope, name, False) for name in sorted(its.changed)]
        of.unsettled |= its.own
        for call in its.calls:
            called = _called_by(of, one, call)
            waiting.append(called)
            code = _code_of(called)
            if code is not None and call.given and _effects(code).changes_given:
                found += [(one.scope, name, False) for name in call.given]
    return list(dict.fromkeys(found))


def _effects(function: Function) -> Effects:
    known = function.interpreter.effects
    if id(function.node) not in known:
        known[id(function.node)] = effects_of(function.node)
    return known[id(function.node)]


def _code_of(called: Value) -> Function | None:
    """Return the function whose code runs when a value is called, as far as is known."""
    if isinstance(called, Class):
        found = called.find("__init__")
        called = None if found is None else found[0]
    if isinstance(called, (Wrapped, ContextMaker)):
        called = called.function
    if isinstance(called, Decorated):
        called = called.under
    return called if isinstance(called, Function) else None


def _called_by(of: Class, caller: Function, call: Call) -> Value:
    """Return what `caller`, which may be a method of `of`, calls."""
    own = call.attribute and call.name == _effects(caller).first
    held = of if own else caller.scope.find(call.name)
    if not call.attribute:
        return held
    if isinstance(held, Class):
        found = held.find(call.attribute)
        return None if found is None else found[0]
    known = held.scope.names if isinstance(held, Module) else {}
    return known.get(call.attribute)


def _reached_by(function: Function) -> list[Value]:
    """Return what the code of `function` can reach; forget what it binds outside."""
    known = function.interpreter.names_in
    if id(function.node) not in known:
        known[id(function.node)] = _names_in(function.node)
    read, outer = known[id(function.node)]
    charge(len(read) + len(outer))
    for name in outer:
        scope = function.scope
        while name not in scope.names and scope.parent is not None:
            scope = scope.parent
        scope.names[name] = lost(UNFOLLOWED, scope.names.get(name))
    return [function.scope.find(name) for name in read]


def _names_in(node: Code) -> tuple[list[str], list[str]]:
    """Return the names of others that a function reads, and those that it binds."""
    own = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
    read: set[str] = set()
    outer: set[str] = set()
    # by hand: large functions are met often, and `ast.walk` takes thrice as long
    waiting: list[object] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            (read if isinstance(part.ctx, ast.Load) else own).add(part.id)
        elif type(part) is list:
            waiting += cast("list[object]", part)
        elif type(part) not in LEAVES and isinstance(part, ast.AST):
            charge()
            if isinstance(part, (ast.Global, ast.Nonlocal)):
                outer.update(part.names)
            waiting += vars(part).values()
    return sorted(read - own - outer), sorted(outer)
