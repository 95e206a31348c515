"""What following a module makes: modules, scopes, functions, classes and objects."""

import ast
import builtins
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from dagwarden.sources.dags.aliases import UNDECIDED, join
from dagwarden.sources.dags.values import (
    Arguments,
    Symbol,
    Thing,
    Unknown,
    Value,
    is_scalar,
)

Names = dict[str, Value]

_BUILTINS = frozenset(dir(builtins))
MODULE_NAME = Unknown("dynamic", "__name__")


class Follower(Protocol):
    """Who follows the code of functions and classes: the interpreter."""

    level: int

    def run(self, function: "Function", arguments: Arguments) -> Value:
        """Follow a call of `function`."""
        ...

    def construct(self, made: "Class", arguments: Arguments) -> Value:
        """Return a new object of a class of the repository."""
        ...


class Source(NamedTuple):
    """A module of the repository, parsed; `package`: it is an `__init__.py`."""

    path: str
    name: str
    tree: ast.Module
    package: bool


class Scope:
    """The names of a module, class or function call."""

    __slots__ = ("module", "names", "outer", "parent", "star")

    def __init__(self, module: "Module | None", parent: "Scope | None") -> None:
        """`parent` is the scope around it; None for a module."""
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
                return self._outside(scope, name)
            scope = scope.parent
        return scope.names[name]

    def _outside(self, module: "Scope", name: str) -> Value:
        if name in _BUILTINS:
            return Symbol(f"builtins.{name}")
        return module.star or Unknown("dynamic", name)

    def store(self, name: str, value: Value) -> None:
        """Carry out `name = value`."""
        self.outer.get(name, self).names[name] = value


class ClassScope(Scope):
    """The names of a class's body, which its functions do not see."""

    __slots__ = ()


class Module(Thing):
    """A module of the repository that was followed."""

    __slots__ = ("finder", "name", "package", "path", "scope")

    def __init__(self, source: Source, finder: Callable[[str], Value | None]) -> None:
        """Make it with no names yet; `finder` imports its submodules."""
        self.path = source.path
        self.name = source.name
        self.package = source.package
        self.finder = finder
        self.scope = Scope(self, None)
        self.scope.names = {"__name__": MODULE_NAME}

    def describe(self) -> str:
        """Return the dotted name."""
        return self.name

    def attribute(self, name: str) -> Value:
        """Return one of its names, or a submodule."""
        if name in self.scope.names:
            return self.scope.names[name]
        below = self.finder(f"{self.name}.{name}")
        missing = Unknown("import", f"{self.name}.{name}")
        return self.scope.star or missing if below is None else below


class Namespace(Thing):
    """What `globals()` gives."""

    __slots__ = ("scope",)

    def __init__(self, scope: Scope) -> None:
        """Show the names of `scope`."""
        self.scope = scope

    def item(self, key: Value) -> Value:
        """Return the name `key`."""
        if isinstance(key, str):
            return self.scope.find(key)
        return Unknown("dynamic", "globals()")


class Function(Thing):
    """A function or lambda of the repository."""

    __slots__ = ("bound", "defaults", "interpreter", "node", "owner", "scope")

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

    def bind(self, instance: Value, owner: "Class") -> "Function":
        """Return it as a method of `instance`."""
        made = Function(self.interpreter, self.node, self.scope, self.defaults)
        made.bound = instance
        made.owner = owner
        return made

    def call(self, arguments: Arguments) -> Value:
        """Follow the function."""
        return self.interpreter.run(self, arguments)


class Class(Thing):
    """A class of the repository."""

    __slots__ = ("bases", "fields", "interpreter", "module", "name", "names")

    def __init__(
        self, interpreter: "Follower", name: str, module: Module, bases: list[Value]
    ) -> None:
        """Make it with no names yet."""
        self.interpreter = interpreter
        self.name = name
        self.module = module
        self.bases = bases
        self.names: Names = {}
        # parameters of the constructor, for a dataclass
        self.fields: list[str] | None = None

    def describe(self) -> str:
        """Return the qualified name."""
        return f"{self.module.name}.{self.name}"

    def lineage(self) -> Iterator[Value]:
        """Return it and its bases, each before its own bases, at most a hundred."""
        waiting: list[Value] = [self]
        for _ in range(100):
            if not waiting:
                return
            base = waiting.pop(0)
            yield base
            if isinstance(base, Class):
                waiting[:0] = base.bases

    def find(self, name: str) -> "tuple[Value, Class] | None":
        """Return a name of the class or a base, and whose it is."""
        for base in self.lineage():
            if isinstance(base, Class) and name in base.names:
                return base.names[name], base
        return None

    def foreign(self) -> list[Value]:
        """Return the bases that are not of the repository."""
        return [b for b in self.lineage() if not isinstance(b, Class)]

    def attribute(self, name: str) -> Value:
        """Return a class attribute."""
        found = self.find(name)
        if found is None:
            return Unknown("dynamic", f"{self.name}.{name}")
        value = found[0]
        if any(_is_enum(base) for base in self.foreign()) and is_scalar(value):
            return Instance(self, {"value": value, "name": name})
        if isinstance(value, Wrapped):
            return value.function.bind(self, self) if value.of_class else value.function
        return value

    def call(self, arguments: Arguments) -> Value:
        """Construct an object."""
        return self.interpreter.construct(self, arguments)


class Instance(Thing):
    """An object of a class of the repository."""

    __slots__ = ("names", "of")

    def __init__(self, of: Class, names: Names) -> None:
        """`names` are its own attributes."""
        self.of = of
        self.names = names

    def describe(self) -> str:
        """Return the class's name."""
        return self.of.name

    def attribute(self, name: str) -> Value:
        """Return an attribute or a bound method."""
        if name in self.names:
            return self.names[name]
        return bound(self.of, self, name)

    def store(self, name: str, value: Value) -> None:
        """Set an attribute; it may not happen if a branch is not decided."""
        interpreter = self.of.interpreter
        if interpreter.level and name in self.names:
            value = join(self.names[name], value, UNDECIDED)
        self.names[name] = value


def bound(of: Class, instance: Value, name: str) -> Value:
    """Return the attribute `name` that `of` gives its `instance`."""
    found = of.find(name)
    if found is None:
        return Unknown("dynamic", f"{of.name}.{name}")
    value, owner = found
    if isinstance(value, Wrapped):
        if value.kind == "property":
            return value.function.bind(instance, owner).call(Arguments([], {}))
        holder = of if value.of_class else None
        return value.function.bind(holder, owner) if holder else value.function
    return value.bind(instance, owner) if isinstance(value, Function) else value


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


class Super(Thing):
    """What `super()` gives inside a method: the bases, bound to the instance."""

    __slots__ = ("instance", "owner")

    def __init__(self, owner: Class, instance: Value) -> None:
        """`owner` is the class whose method asks."""
        self.owner = owner
        self.instance = instance

    def attribute(self, name: str) -> Value:
        """Return the method `name` of the next class up."""
        for base in self.owner.bases:
            if isinstance(base, Class) and base.find(name):
                value = bound(base, self.instance, name)
                if name == "__init__" and isinstance(self.instance, Thing):
                    return self.instance.prepared(value)
                return value
        if isinstance(self.instance, Thing):
            return self.instance.attribute(f"super().{name}")
        return Unknown("dynamic", f"super().{name}")


def _is_enum(base: Value) -> bool:
    return isinstance(base, Symbol) and base.name.startswith("enum.")
