"""
What a Python module means, on abstract values and without running it.

Statements are followed in order. Where a condition is not known, all branches are
followed and what they disagree on is unknown. Where something cannot be followed,
its result is unknown. Work, depth and size are bounded.

This module knows the language. What names from outside the repository mean is
asked of a `World`; where modules of the repository are found, of a `Finder`.
"""

import ast
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import compress, islice
from operator import is_, is_not
from typing import ClassVar, Protocol, cast

from msgspec import Struct

from dagwarden.sources.dags.language import (
    containers,
    enums,
    fields,
    missing,
    operations,
    patterns,
    scalars,
)
from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    changed,
    either,
    forget,
    give_up,
    held_in,
    join,
    lost,
    things_of,
)
from dagwarden.sources.dags.language.effects import Code, Effects
from dagwarden.sources.dags.language.objects import (
    MODULE_NAME,
    UNFOLLOWED,
    Class,
    ClassScope,
    Context,
    ContextMaker,
    Decorated,
    Finder,
    Function,
    Generated,
    Instance,
    Module,
    Names,
    Namespace,
    RoundScope,
    Scope,
    Source,
    Super,
    Wrapped,
    escape,
)
from dagwarden.sources.dags.language.tree import LEAVES, parts
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Method,
    Once,
    Place,
    Scalar,
    Symbol,
    Text,
    Thing,
    Unknown,
    Unordered,
    Value,
    View,
    as_key,
    cause,
    is_key,
    is_scalar,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# Statements followed for one file, imports included. Past it calls and loops are
# no longer followed, so the rest of the file costs little.
MAX_WORK = 60_000
# ... and of those apart from the file, for the code of one task.
MAX_WORK_ASIDE = 10_000
MAX_CALL_DEPTH = 16
# What a call costs, beside the statements of its code.
_CALL = 4
# Names that are copied or compared in the time of one unit.
_QUICK = 32
# Calls of a function around another of the same.
MAX_RECURSION = 2
MAX_ITERATIONS = 1_000
# Rounds of a `while` whose condition is known.
MAX_TURNS = 100
MAX_IMPORTS = 200

_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")

# How a statement ends.
_NEXT, _BREAK, _CONTINUE, _RETURN, _RAISE = range(5)

Block = Callable[[], int]


class World(Protocol):
    """What names from outside the repository mean."""

    recording: bool

    def imported(self, name: str) -> Value:
        """Return what the dotted `name` stands for."""
        ...

    def has(self, module: str, name: str) -> bool | None:
        """Say whether a module from outside has `name`; None: that is not known."""
        ...

    def call(self, symbol: Symbol, arguments: Arguments) -> Value:
        """Return what calling `symbol` gives."""
        ...

    def item(self, symbol: Symbol, key: Value) -> Value:
        """Return `symbol[key]`."""
        ...

    def construct(self, made: Class, arguments: Arguments) -> Value | None:
        """Return an object of a class with bases from outside; None: a plain one."""
        ...

    def inherited(self, made: Class, name: str) -> Value | None:
        """Return what a class has from a base outside; None: it is not known."""
        ...

    def linked(self, left: Value, right: Value) -> None:
        """Note `left >> right`."""
        ...

    def one_of(self, contexts: list[Thing]) -> Thing | None:
        """Return what stands for a context that is one of several; None: it is none."""
        ...

    def set_item(self, symbol: Symbol, key: Value) -> None:
        """Note that `symbol[key]` is set, of what stands outside the repository."""
        ...

    def patched(self, symbol: Symbol, attribute: Value) -> None:
        """Note that `attribute` of what stands outside the repository is set."""
        ...


class Skipped(Struct, frozen=True):
    """Code that was not followed, and why."""

    nodes: Sequence[ast.AST]
    scope: Scope
    reason: str


class Unread(Struct, frozen=True):
    """Code that may make what is then missing, or unmake what is there."""

    path: str
    line: int
    detail: str
    broken: bool = False


class _Frame:
    """One call of a function: what it returned so far."""

    __slots__ = ("function", "left", "returned", "returns", "scope", "yields")

    def __init__(self, function: Function | None, scope: Scope) -> None:
        self.function = function
        self.scope = scope
        self.returns = False
        self.returned: Value = None
        # how often a `return` was met
        self.left = 0
        # what is done with what a generator yields
        self.yields: Callable[[Value], None] | None = None


class _Evaluated(ast.expr):
    """An expression whose value is known already."""

    def __init__(self, value: Value) -> None:
        """Stand for `value`."""
        super().__init__()
        self.value = value


# Methods of a container that change it, and are not those of an operator or a DAG.
_CHANGING = frozenset({"clear", "pop", "popitem", "setdefault", "update"})
_ITERATORS = frozenset({"enumerate", "iter", "reversed", "zip"})


class Iterating(Once):
    """What a built-in function makes that goes through others when it is asked."""

    __slots__ = ("arguments", "level", "name", "reader", "rest", "taken")

    def __init__(self, reader: "Interpreter", name: str, arguments: Arguments) -> None:
        """Wait to be asked for what the function `name` makes of `arguments`."""
        self.reader = reader
        self.name = name
        self.arguments = arguments
        self.level = reader.level
        # how much of it was asked for, one by one
        self.taken = 0
        # why it is not known what it gives from now on
        self.rest: Unknown | None = None

    def describe(self) -> str:
        """Return what a person would call it."""
        return f"{self.name}()"

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        why = self.rest or Unknown("dynamic", self.describe())
        return lost(why, *self.arguments.positional)

    def each(self) -> Value:
        """Return all that is left of it, and leave nothing."""
        if self.rest is not None or self.reader.level != self.level:
            self.escaped()
            return self.unknown()
        self.rest = Unknown("dynamic", f"what is left of {self.describe()}")
        found = operations.builtin(self.name, operations.asked(self.arguments))
        return self._left_of(found) if self.taken else found

    def _left_of(self, found: Value) -> Value:
        if isinstance(found, Items) and not found.shuffled:
            return Items(found.kind, found.items[self.taken :], found.more, found.level)
        return self.unknown()

    def first(self, default: list[Value]) -> Value:
        """Return what comes next, and leave the rest where that is still in its place."""
        places = self.name in ("iter", "enumerate", "zip") and all(
            type(one) is Items and not one.shuffled and one.more is None
            for one in self.arguments.positional
        )
        if not places or self.rest is not None or self.reader.level != self.level:
            return _first_of(self.each(), default)
        # it asks a list for one place after the other, whatever is there by then
        found = self._left_of(operations.builtin(self.name, self.arguments))
        if isinstance(found, Items) and found.items:
            self.taken += 1
            return found.items[0]
        # what came to its end once gives nothing any more
        self.arguments, self.taken = Arguments([Items("list", [])], {}), 0
        return _first_of(found, default)

    def escaped(self) -> None:
        """Count it as asked for, as what it goes through."""
        self.rest = self.rest or UNFOLLOWED
        escape(*(one for one in self.arguments.positional if _runs(one)))


_GONE = Unknown("dynamic", "what a dict held")


class _Watch:
    """What a loop is over, to tell when a round changes what later ones meet."""

    __slots__ = ("backwards", "held", "shown")

    def __init__(self, iterated: Value) -> None:
        """Keep what is there before the first round."""
        sources, self.backwards = [iterated], False
        if isinstance(iterated, Iterating):
            sources = iterated.arguments.positional
            self.backwards = iterated.name == "reversed"
        self.held = [
            (one, list(one.items), one.more)
            for one in sources
            if isinstance(one, Items) and one.kind in ("list", "bag")
        ]
        self.shown = [
            (one.held, list(one.held.items.items()), one.held.rest)
            for one in sources
            if isinstance(one, View) and one.of != "keys"
        ]

    def change(self, position: int) -> Unknown | None:
        """Return why the round `position` is over another item than it was, or None."""
        for entries, pairs, rest in self.shown:
            # a dict that grows or shrinks ends the loop with an error
            size = len(pairs)
            place = size - 1 - position if self.backwards else position
            kept = len(entries.items) == size and entries.rest is rest
            if kept and 0 <= place < size:
                key, item = pairs[place]
                kept = entries.items.get(key, _GONE) is item
            if not kept:
                return lost(Unknown("dynamic", "a loop over what it changes"), entries)
        for one, items, more in self.held:
            size = len(items)
            place = size - 1 - position if self.backwards else position
            kept = len(one.items) == size and one.more is more
            if kept and 0 <= place < size:
                kept = one.items[place] is items[place]
            if not kept:
                why = Unknown("dynamic", "a loop over what it changes")
                return lost(why, *(source for source, _, _ in self.held))
        return None


def _first_of(iterated: Value, default: list[Value]) -> Value:
    """Return what `next` gives of an iterator over `iterated`."""
    items, more = operations.items_of(iterated)
    if items:
        return items[0]
    if default and more is None:
        return default[0]
    why = cause(iterated) or more or Unknown("dynamic", "next()")
    return lost(why, iterated, *default)


# What a loop is over as it was when the loop began, or was handed out once.
_HANDED_OUT = (Iterating, View)


class _Stopped(Exception):
    """Nobody asks a generator for more."""


class _Calling(Struct, frozen=True):
    """A call that is being followed: of which code, with what."""

    node: Code
    function: Function
    arguments: Arguments


class _Told(Struct, frozen=True):
    """What an argument tells: `whole` if it is known throughout."""

    kind: object
    known: frozenset[object]
    whole: bool


# Values of an argument that are looked at; one that holds more is known throughout.
_MAX_TOLD = 100


def _told(value: Value) -> _Told:
    """
    Return what is known in an argument: its kind, and every scalar and thing in it.

    In what order they stand, and how often, is no matter: what grows from call to call
    by what is not known tells nothing new. Nor does a number, which counts the calls.
    """
    kind = _kind_of_value(value)
    known: set[object] = set()
    whole = True
    waiting, looked_at = [value], 0
    while waiting:
        one = waiting.pop()
        looked_at += 1
        if looked_at > _MAX_TOLD:
            return _Told(kind, frozenset([id(value)]), True)
        if isinstance(one, Text):
            waiting += one.parts
            whole = False
        elif isinstance(one, Unknown):
            whole = False
        elif isinstance(one, (Items, Entries)):
            if one is not value:
                known.add(_kind_of_value(one))
            if isinstance(one, Entries):
                waiting += one.items
            waiting += (held for held in held_in(one) if held is not None)
        elif type(one) not in (int, float):
            known.add((type(one), one) if is_scalar(one) else id(one))
    charge(looked_at)
    return _Told(kind, frozenset(known), whole)


def _kind_of_value(value: Value) -> object:
    return value.kind if isinstance(value, Items) else type(value)


def _given_to(calling: "_Calling") -> list[Value]:
    arguments = calling.arguments
    given = [*arguments.positional, *arguments.keywords.values()]
    return [calling.function.bound, arguments.more, arguments.rest, *given]


def _tells_no_more(call: "_Calling", before: "_Calling") -> bool:
    """
    Say whether a call is told nothing that one around it was not told.

    Of each argument the same is known, or nothing at all any more. A call that is told
    all for certain is one of its own.
    """
    values, held = _given_to(call), _given_to(before)
    if len(values) != len(held):
        return False
    certain = True
    for value, around in zip(values, held, strict=True):
        charge()
        if value is around and is_scalar(value):
            continue
        one, other = _told(value), _told(around)
        certain = certain and one.whole
        nothing = not one.whole and not one.known
        alike = one.kind == other.kind or not one.whole
        if not nothing and not (alike and one.known == other.known):
            return False
    return not certain


class _Loop:
    """One loop: names at a `break` or `continue` that may have happened."""

    __slots__ = ("breaks", "continues", "left")

    def __init__(self) -> None:
        # how often a `break` or `continue` was met
        self.left = 0
        self.breaks: list[Names] = []
        self.continues: list[Names] = []


class Kept(Struct, frozen=True):
    """Where the interpreter was before it went aside."""

    scope: Scope
    frame: _Frame
    loops: list[_Loop]
    level: int
    depth: int
    calling: list[_Calling]
    skipped: list[Skipped]
    unread: dict[Unread, None]
    given_up: set[int]
    work: int
    repeating: int
    shuffling: int
    shuffled: bool
    rehearsing: bool
    shielded: int
    target: ast.Attribute | None


class Interpreter:
    """Follows one file and what it imports."""

    def __init__(self, world: World, finder: Finder) -> None:
        """Ask `world` for foreign names and `finder` for modules."""
        self.world = world
        self.finder = finder
        self.modules: dict[str, Module] = {}
        self.work = 0
        # the undecided branch we are in; each gets a number of its own
        self.level = 0
        self.branches = 0
        self.why = UNDECIDED
        self.depth = 0
        self.calling: list[_Calling] = []
        self.loops: list[_Loop] = []
        # loops around us that run an unknown number of times
        self.repeating = 0
        # the first branch of the outermost loop whose rounds are in no known order
        self.shuffling = 0
        # whether the rounds of the comprehension around us are in no known order
        self.shuffled = False
        # what of Python's library the file may have changed: "files", "yaml"
        self.altered: set[str] = set()
        # generator expressions as functions
        self.functions: dict[int, tuple[ast.AST, ast.FunctionDef | None]] = {}
        # contexts around us that an exception may end in
        self.shielded = 0
        # whether what a round of a comprehension gives is of no account
        self.rehearsing = False
        self.defined: dict[int, tuple[ast.AST, Scope]] = {}
        self.followed: set[int] = set()
        self.generators: dict[int, bool] = {}
        self.names_in: dict[int, tuple[list[str], list[str]]] = {}
        self.effects: dict[int, Effects] = {}
        # by the body of a loop, which is kept: the names that it binds
        self.bound_in: dict[int, tuple[list[ast.stmt], list[str]]] = {}
        self.skipped: list[Skipped] = []
        # top-level statements that were too deep to follow
        self.too_deep: list[tuple[str, int]] = []
        self.unread: dict[Unread, None] = {}
        # functions that were called and not followed
        self.given_up: set[int] = set()
        # what the last call gave that raised whatever the branches do
        self.raised: Unknown | None = None
        # what the last call of an `async` function gave, and what awaiting that gives
        self.awaitable: tuple[Unknown | None, Value] = None, None
        # the file that is followed, which others are imported by
        self.main: Module | None = None
        # the attribute that is being set
        self.target: ast.Attribute | None = None
        self.scope: Scope = Scope(None, None)
        self.frame: _Frame = _Frame(None, self.scope)

    # ------------------------------------------------------------------- modules

    @property
    def module(self) -> Module:
        """The module whose code is being followed."""
        if self.scope.module is None:
            raise LookupError("no module is being followed")
        return self.scope.module

    def follow(self, source: Source) -> Module:
        """Follow a module from its first line to its last."""
        module = Module(source, self.import_repository)
        module.scope.level = self.level
        self.main = self.main or module
        if module is not self.main or _may_import(source.name):
            self.modules[source.name] = module
        outside = self.scope, self.frame, self.loops, self.level
        self.scope = module.scope
        self.frame = _Frame(None, self.scope)
        self.loops = []
        try:
            for position, statement in enumerate(source.tree.body):
                if self._guarded(module, statement) == _RAISE:
                    self.note(statement, "the file raises here", broken=True)
                    rest = source.tree.body[position + 1 :]
                    self._skip(rest, "in code that is never reached")
                    break
        finally:
            self.scope, self.frame, self.loops, self.level = outside
        return module

    def let_go(self) -> None:
        """
        Drop all that was followed, and the world.

        It hangs together in cycles: left to the collector, that would go through it
        again and again while it waits.
        """
        mains = (self.main,) if self.main is not None else ()
        for module in (*mains, *self.modules.values()):
            module.scope.names.clear()
            module.scope.module = None
        vars(self.world).clear()
        vars(self).clear()

    def aside(self, module: Module) -> Kept:
        """
        Begin to follow code apart from the file, in an undecided branch of `module`.

        What it defines, leaves out or gives up is not the file's, nor is its work.
        """
        kept = Kept(*(getattr(self, name) for name in Kept.__struct_fields__))
        self.work = MAX_WORK - MAX_WORK_ASIDE
        self.scope = module.scope
        self.frame = _Frame(None, self.scope)
        self.loops, self.calling, self.skipped = [], [], []
        self.unread, self.given_up, self.target = {}, set(), None
        self.repeating = self.shuffling = self.shielded = 0
        self.shuffled = self.rehearsing = False
        self._enter_branch()
        return kept

    def restore(self, kept: Kept) -> None:
        """End what `aside` began, however it ended."""
        for name in Kept.__struct_fields__:
            setattr(self, name, getattr(kept, name))

    def note(self, node: ast.AST | None, detail: str, *, broken: bool = False) -> None:
        """Note code whose results are not read; `broken`: Airflow refuses the file."""
        line = getattr(node, "lineno", 1)
        self.unread[Unread(self.module.path, line, detail, broken)] = None

    def _guarded(self, module: Module, statement: ast.stmt) -> int:
        level, scope, frame, depth = self.level, self.scope, self.frame, self.depth
        calls, loops = len(self.calling), len(self.loops)
        try:
            return self.execute(statement)
        except RecursionError:
            self.level, self.scope, self.frame, self.depth = level, scope, frame, depth
            del self.calling[calls:], self.loops[loops:]
            self.too_deep.append((module.path, statement.lineno))
            why = Unknown("dynamic", "code nested too deeply")
            for name in _assigned([statement]):
                module.scope.names[name] = lost(why, module.scope.names.get(name))
        return _NEXT

    def import_repository(self, name: str) -> Value | None:
        """Import a module of the repository; None if it has none of that name."""
        if name in self.modules:
            return self.modules[name]
        if self.work > MAX_WORK or len(self.modules) > MAX_IMPORTS:
            return Unknown("import", name)
        source = self.finder.find(name)
        if source is None:
            return None
        self.depth += 1
        try:
            if self.depth > MAX_CALL_DEPTH:
                return Unknown("import", name)
            return self.follow(source)
        finally:
            self.depth -= 1

    def _import_name(self, name: str) -> Value:
        found = self.import_repository(name)
        return self.world.imported(name) if found is None else found

    def _import(self, node: ast.Import) -> int:
        for alias in node.names:
            value = self._import_name(alias.name)
            package, _, name = alias.name.rpartition(".")
            if isinstance(value, Module):
                self._packages(alias.name)
            elif package and isinstance(
                found := self.import_repository(package), Module
            ):
                self._look_for(found, name, node)
            if alias.asname:
                self._bind(alias.asname, value)
            else:
                top = alias.name.partition(".")[0]
                self._bind(top, self._import_name(top))
        return _NEXT

    def _packages(self, name: str) -> None:
        """Make packages of the folders on the way to a module."""
        parts = name.split(".")
        for length in range(1, len(parts)):
            package = ".".join(parts[:length])
            if self.import_repository(package) is None:
                source = Source("", package, ast.Module([], []), True)
                self.modules[package] = Module(source, self.import_repository)

    def _import_from(self, node: ast.ImportFrom) -> int:
        name = self._absolute(node)
        if node.level and self.module is self.main:
            # Airflow loads a DAG file by itself, as a module of no package
            name = None
            if not self.level:
                self.note(node, "a relative import in a DAG file", broken=True)
        if name is None:
            for alias in node.names:
                why = Unknown("import", alias.name)
                self._bind(alias.asname or alias.name, why)
            return _NEXT
        found = self.import_repository(name)
        for alias in node.names:
            if alias.name == "*":
                self._import_star(name, found)
                continue
            if isinstance(found, Thing):
                value = found.attribute(alias.name)
                if isinstance(found, Module) and isinstance(value, Unknown):
                    self._look_for(found, alias.name, node)
            elif found is None:
                value = self._import_name(f"{name}.{alias.name}")
            else:
                value = Unknown("import", f"{name}.{alias.name}")
            self._bind(alias.asname or alias.name, value)
        return _NEXT

    def _look_for(self, module: Module, name: str, node: ast.stmt) -> None:
        """
        Tell of a name that a module of the repository certainly does not have.

        Airflow looks for modules in its DAG folder last: a package that is installed
        where it runs comes before one of that name, and may have it.
        """
        if not self._is_certain() or not missing.is_nowhere(module, name):
            return
        if missing.is_no_file(self.finder, module, name):
            top = module.name.partition(".")[0]
            other = f"unless Airflow has another {top} installed, it refuses the file"
            self.note(node, f"{module.name} has no {name}: {other}")

    def _absolute(self, node: ast.ImportFrom) -> str | None:
        if not node.level:
            return node.module
        parts = self.module.name.split(".")
        kept = len(parts) - node.level + self.module.package
        if kept <= 0:
            return None
        return ".".join([*parts[:kept], *([node.module] if node.module else [])])

    def _import_star(self, name: str, found: Value) -> None:
        if isinstance(found, Module):
            charge(len(found.scope.names))
            public = found.scope.names.get("__all__")
            chosen: list[Value] | None = None
            more: Unknown | None = None
            if public is not None:
                chosen, more = operations.members_of(public)
                more = more or next(filter(None, map(why_unknown, chosen)), None)
            for key, value in found.scope.names.items():
                if not key.startswith("_") if chosen is None else key in chosen:
                    self._bind(key, value)
                elif more is not None:
                    self._bind(key, lost(more, value))
            self.scope.star = self.scope.star or found.scope.star
        else:
            self.module.scope.forget(Unknown("import", f"{name}.*"))

    # ---------------------------------------------------------------- statements

    def execute(self, node: ast.stmt) -> int:
        """Follow one statement and return how it ends."""
        self.work += 1
        charge()
        handler = self._STATEMENTS.get(type(node))
        return handler(self, node) if handler else _NEXT

    def _block(self, body: Sequence[ast.stmt]) -> int:
        for position, statement in enumerate(body):
            ending = self.execute(statement)
            if ending != _NEXT:
                rest = body[position + 1 :]
                if rest:
                    charge(len(rest))
                    self._skip(rest, "in code that is never reached")
                return ending
        return _NEXT

    def _skip(self, nodes: Sequence[ast.AST], reason: str) -> None:
        self.skipped.append(Skipped(nodes, self.scope, reason))

    def _expression(self, node: ast.Expr) -> int:
        if type(node.value) is ast.Constant:
            return _NEXT
        value = self.evaluate(node.value)
        if not isinstance(value, Unknown):
            return _NEXT
        ends = value is operations.EXIT or value is self.raised
        return _RAISE if ends else _NEXT

    def _assert(self, node: ast.Assert) -> int:
        decided = truth(self.evaluate(node.test))
        return _RAISE if decided is False else _NEXT

    def _assign(self, node: ast.Assign) -> int:
        value = self.evaluate(node.value)
        for target in node.targets:
            self._store(target, value)
        return _NEXT

    def _annotated(self, node: ast.AnnAssign) -> int:
        if node.value is not None:
            self._store(node.target, self.evaluate(node.value))
        return _NEXT

    def _augmented(self, node: ast.AugAssign) -> int:
        target = self._evaluated_once(node.target)
        old = self.evaluate(target)
        new = self.evaluate(node.value)
        if isinstance(old, Items) and type(node.op) is ast.Add and old.kind == "list":
            items, more = operations.items_of(new)
            operations.extend(old, items, self.level)
            old.more = either(old.more, more)
            return _NEXT
        if isinstance(old, Entries) and type(node.op) is ast.BitOr and not old.counts:
            operations.update(old, new, self.level)
            return _NEXT
        made = operations.binary(type(node.op), old, new)
        if isinstance(old, Items) and old.kind in ("list", "set"):
            containers.alter(old, made, self.level)
            made = old
        elif not (isinstance(old, Items) and old.kind == "frozenset"):
            self._change(old, new)
        self._store(target, made)
        return _NEXT

    def _evaluated_once(self, target: ast.expr) -> ast.expr:
        """Return a target that is read and then stored to, its parts evaluated."""
        if isinstance(target, ast.Attribute):
            held: ast.expr = _Evaluated(self.evaluate(target.value))
            made: ast.expr = ast.Attribute(held, target.attr, ast.Store())
        elif isinstance(target, ast.Subscript):
            held = _Evaluated(self.evaluate(target.value))
            key = target.slice
            if not isinstance(key, ast.Slice):
                key = _Evaluated(self.evaluate(key))
            made = ast.Subscript(held, key, ast.Store())
        else:
            return target
        return ast.copy_location(made, target)

    def _given_value(self, node: "_Evaluated") -> Value:
        return node.value

    def _change(self, holder: Value, *values: Value) -> None:
        """Change what is not followed: `holder`, which may hold `values` now."""
        if isinstance(holder, Unknown):
            give_up(holder, *values)
        elif isinstance(holder, (Items, Entries)):
            forget(holder, lost(UNDECIDED, *values))
        elif isinstance(holder, Thing):
            holder.forget(UNDECIDED)

    def _bind(self, name: str, value: Value) -> None:
        home = self.scope.outer.get(name)
        if home is None or home is self.scope:
            self.scope.names[name] = value
        else:
            home.put(name, value, self.level)

    def _store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Subscript):
            self._store_item(target, value)
        elif isinstance(target, ast.Attribute):
            holder = self.evaluate(target.value)
            self.target = target
            self._put(holder, target.attr, value)
            self.target = None
        elif isinstance(target, ast.Starred):
            self._store(target.value, value)

    def _put(self, holder: Value, key: Value, value: Value) -> None:
        """Carry out `holder.key = value`."""
        if isinstance(holder, Symbol):
            self.world.patched(holder, key)
        elif isinstance(holder, Module):
            # a name that is made up hides none that is there
            name = key if isinstance(key, str) else "globals()[...]"
            holder.scope.put(name, value, self.level)
        elif isinstance(holder, Thing) and isinstance(key, str):
            holder.store(key, value)
        elif isinstance(holder, Thing):
            holder.forget(lost(why_unknown(key) or UNDECIDED, value))
        else:
            if isinstance(holder, Unknown):
                self._put_somewhere(things_of(holder), key, value)
            self._change(holder, value)

    def _put_somewhere(self, holders: list[Thing], key: Value, value: Value) -> None:
        """Carry out `holder.key = value` for what may be any of `holders`, or none."""
        level = self.level
        self._enter_branch()
        for holder in holders:
            self._put(holder, key, value)
        self.level = level

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items, more = operations.items_of(value)
        starred = [i for i, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if more is None and starred:
            first = starred[0]
            last = len(items) - (len(targets) - first - 1)
            items[first:last] = [Items("list", items[first:last], level=self.level)]
        if len(items) != len(targets) or (more is not None and starred):
            why = lost(more or Unknown("dynamic", "unpacking"), *items)
            items = [why] * len(targets)
        for target, item in zip(targets, items, strict=True):
            self._store(target, item)

    def _store_item(self, target: ast.Subscript, value: Value) -> None:
        holder = self.evaluate(target.value)
        ranged = isinstance(target.slice, ast.Slice)
        key = None if ranged else self.evaluate(target.slice)
        if isinstance(holder, Entries):
            operations.assign(holder, key, value, self.level)
        elif isinstance(holder, Namespace):
            self._put(holder.holder, key, value)
        elif isinstance(holder, Items) and isinstance(target.slice, ast.Slice):
            self._store_slice(holder, target.slice, value)
        elif isinstance(holder, Items):
            operations.replace_item(holder, key, value, self.level)
        elif isinstance(holder, Symbol):
            self.world.set_item(holder, key)
        else:
            if isinstance(holder, Unknown):
                escape(*(held for one in things_of(holder) for held in one.leads_to()))
            self._change(holder, value)

    def _store_slice(self, holder: Items, target: ast.Slice, value: Value) -> None:
        """Carry out `holder[a:b] = value`."""
        bounds = [
            None if part is None else self.evaluate(part)
            for part in (target.lower, target.upper, target.step)
        ]
        if all(bound is None or isinstance(bound, int) for bound in bounds):
            containers.replace_slice(holder, slice(*bounds), value, self.level)
        else:
            # there may be more of them, or fewer
            forget(holder, lost(UNDECIDED, value))

    def _delete(self, node: ast.Delete) -> int:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                holder = self.evaluate(target.value)
                if isinstance(holder, Entries):
                    self._delete_key(holder, self.evaluate(target.slice))
                elif isinstance(holder, Items) and isinstance(target.slice, ast.Slice):
                    self._store_slice(holder, target.slice, Items("list", []))
                elif isinstance(holder, Items):
                    key = self.evaluate(target.slice)
                    containers.delete_item(holder, key, self.level)
                else:
                    self._remove(holder)
            elif isinstance(target, ast.Attribute):
                self._remove(self.evaluate(target.value))
        return _NEXT

    def _remove(self, holder: Value) -> None:
        if isinstance(holder, Namespace):
            holder = holder.holder
        if isinstance(holder, Thing):
            holder.forget(Unknown("dynamic", "a deletion"))
        else:
            self._change(holder)

    def _delete_key(self, holder: Entries, key: Value) -> None:
        key = as_key(key)
        if is_key(key) and self.level <= holder.level:
            holder.items.pop(key, None)
            changed(holder)
        else:
            forget(holder, UNDECIDED)

    def _global(self, node: ast.Global) -> int:
        for name in node.names:
            self.scope.outer[name] = self.module.scope
        return _NEXT

    def _nonlocal(self, node: ast.Nonlocal) -> int:
        for name in node.names:
            scope = self.scope.parent
            while scope is not None and name not in scope.names:
                scope = scope.parent
            if scope is not None:
                self.scope.outer[name] = scope
        return _NEXT

    def _left(self) -> int:
        """Return how often code was met that ends the loop or function around us."""
        return self.frame.left + (self.loops[-1].left if self.loops else 0)

    def _break(self, _: ast.Break) -> int:
        if self.loops:
            self.loops[-1].left += 1
        return _BREAK

    def _continue(self, _: ast.Continue) -> int:
        if self.loops:
            self.loops[-1].left += 1
        return _CONTINUE

    def _raise(self, node: ast.Raise) -> int:
        for part in (node.exc, node.cause):
            raised = None if part is None else self.evaluate(part)
            if isinstance(raised, Class):
                self.call(raised, Arguments([], {}))
        return _RAISE

    # ------------------------------------------------------------------ branches

    def _enter_branch(self) -> None:
        self.branches += 1
        self.level = self.branches

    def _if(self, node: ast.If) -> int:
        decided = truth(self.evaluate(node.test))
        if isinstance(decided, Unknown):
            return self._either(
                decided,
                [lambda: self._block(node.body), lambda: self._block(node.orelse)],
            )
        taken, left = node.body, node.orelse
        if not decided:
            taken, left = left, taken
        if left:
            self._skip(left, "in a branch whose condition is never true")
        return self._block(taken)

    def _either(self, why: Unknown, blocks: Iterable[Block]) -> int:
        """Follow every block from the same start and join where they end."""
        before, level, left = self.scope.names, self.level, self._left()
        ends: dict[int, list[Names]] = {}
        for block in blocks:
            charge(1 + len(before) // _QUICK)
            self.scope.names = dict(before)
            self._enter_branch()
            ends.setdefault(block(), []).append(self.scope.names)
            self.level = level
        self.why = why
        if self.loops:
            self.loops[-1].breaks += ends.get(_BREAK, ())
            self.loops[-1].continues += ends.get(_CONTINUE, ())
        if _NEXT not in ends:
            ending = max(ends)
            if ending == _RAISE and len(ends) > 1:
                ending = max(end for end in ends if end != _RAISE)
            self.scope.names = self._joined(ends[ending], why)
            return ending
        self.scope.names = self._joined(ends[_NEXT], why)
        if self._left() != left:
            # what follows may not happen, until the function or loop ends
            self._enter_branch()
        return _NEXT

    def _maybe(self, why: Unknown, follow: Callable[[], Value]) -> Value:
        """Evaluate what may not be evaluated."""
        before, level = self.scope.names, self.level
        self.scope.names = dict(before)
        self._enter_branch()
        try:
            return follow()
        finally:
            self.level = level
            self.scope.names = self._joined([dict(before), self.scope.names], why)

    def uncertain(self, follow: Callable[[], Value]) -> Value:
        """Return what `follow` gives, which may not be carried out."""
        return self._maybe(UNDECIDED, follow)

    def _joined(self, ends: list[Names], why: Unknown) -> Names:
        result = ends[0]
        for names in ends[1:]:
            charge(1 + 2 * len(names) // _QUICK)
            # what was there before stands first, in the same order
            both = min(len(result), len(names))
            same = [*map(is_, result, names)]
            alike = same.index(False) if False in same else both
            others = map(is_not, result.values(), names.values())
            differing = [*compress(islice(names, alike), others)]
            for name in differing:
                result[name] = join(result[name], names[name], why)
            if alike == len(result) == len(names):
                continue
            added = [*islice(names, alike, None)]
            charge(len(added))
            for name in [*islice(result, alike, None)]:
                if name not in names:
                    result[name] = self._or_outside(name, result[name], why)
            for name in added:
                value = names[name]
                if name not in result:
                    value = self._or_outside(name, value, why)
                elif (held := result[name]) is not value:
                    value = join(held, value, why)
                result[name] = value
        return result

    def _or_outside(self, name: str, value: Value, why: Unknown) -> Value:
        """Return what a name means that may be bound here, and outside if not."""
        if isinstance(self.scope, ClassScope):
            return lost(why, value)
        if self.scope.parent is None and self.scope.means_outside(name):
            return join(value, self.scope.find_outside(name), why)
        return value

    def _for(self, node: ast.For | ast.AsyncFor) -> int:
        iterated = self.evaluate(node.iter)
        if isinstance(iterated, Instance):
            iterated = iterated.iterated()
        watch = _Watch(iterated)
        if isinstance(iterated, _HANDED_OUT):
            iterated = operations.all_of(iterated)
        if isinstance(iterated, (Items, Entries)) and iterated.shuffled:
            return self._for_shuffled(node, iterated)
        if isinstance(iterated, Generated) and not _leaves(node.body):
            if self._can_drive(iterated):
                return self._for_generated(node, iterated)
            iterated.escaped()
        items, more = operations.items_of(iterated)
        if not items and not more:
            self._skip(node.body, "in a loop over nothing")
        return self._loop(
            items,
            more,
            lambda value: self._store(node.target, value),
            node.body,
            node.orelse,
            watch,
        )

    def _for_shuffled(self, node: ast.For | ast.AsyncFor, iterated: Value) -> int:
        """Follow a loop whose rounds are in an order that is not known."""
        values, more = operations.members_of(iterated)
        why = lost(more or operations.SHUFFLED, *values)
        if more is not None or len(values) > MAX_ITERATIONS:
            # there may be rounds of any number
            self.repeating += 1
            values = [*values[:MAX_ITERATIONS], why]
        level, left = self.level, self.frame.left
        outermost, self.shuffling = self.shuffling, self.shuffling or self.branches + 1
        self.loops.append(_Loop())
        try:
            self._shuffle(node, values, why)
        finally:
            self.loops.pop()
            self.level, self.shuffling = level, outermost
            if values[-1] is why:
                self.repeating -= 1
        if self.frame.left != left:
            # what follows may not happen, until the function ends
            self._enter_branch()
        if node.orelse:
            return self._either(why, [lambda: self._block(node.orelse), lambda: _NEXT])
        return _NEXT

    def _shuffle(
        self, node: ast.For | ast.AsyncFor, values: list[Value], why: Unknown
    ) -> None:
        """Follow a round for each of `values`, whichever comes first."""
        before, recording, loop = self.scope.names, self.world.recording, self.loops[-1]
        assigned = _assigned([node])
        ends: list[Names] = [before]
        # once for what any round does to what the others begin with, once for good
        for final in (False, True):
            self.world.recording = recording and final
            charge((len(values) + 1) * (1 + len(before) // _QUICK))
            start = dict(before)
            _mingle(start, sorted(assigned), ends, why)
            ends = list[Names]()
            for value in values:
                self.scope.names = dict(start)
                self._enter_branch()
                try:
                    self._store(node.target, value)
                    self._block(node.body)
                finally:
                    self.world.recording = recording
                self.world.recording = recording and final
                ends += [self.scope.names, *loop.continues, *loop.breaks]
                loop.continues, loop.breaks = [], []
            assigned |= _changed(before, ends)
        self.world.recording = recording
        self.scope.names = self._joined(ends, why)

    def _while(self, node: ast.While) -> int:
        decided = truth(self.evaluate(node.test))
        if decided is False:
            self._skip(node.body, "in a branch whose condition is never true")
            return self._block(node.orelse)
        return self._rounds_of(lambda: self._turns(node, decided), node.orelse)

    def _turns(self, node: ast.While, decided: bool | Unknown) -> int:
        """Follow the rounds of a `while`, each as long as its condition is known."""
        loop, turns = self.loops[-1], 0
        forever = isinstance(node.test, ast.Constant)
        endless = forever and not _leaves(node.body)
        most = 0 if endless else MAX_TURNS
        while decided is True and turns < most and self.work <= MAX_WORK:
            turns += 1
            left, held = self._left(), dict(self.scope.names)
            charge(1 + len(held) // _QUICK)
            ending = self._block(node.body)
            if ending not in (_NEXT, _CONTINUE):
                return ending
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            loop.continues = []
            decided = truth(self.evaluate(node.test))
            if self._left() != left + (ending == _CONTINUE):
                # it may have ended
                break
            if forever and not _changed(held, [self.scope.names]):
                # only what is not known ends it
                break
        if decided is not False:
            why = decided if isinstance(decided, Unknown) else None
            more = why or Unknown("dynamic", "while")
            self._repeat(more, lambda _: self._tested(node), node.body)
        return _NEXT

    def _tested(self, node: ast.While) -> None:
        self.evaluate(node.test)

    def _loop(
        self,
        items: list[Value],
        more: Unknown | None,
        assign: Callable[[Value], None],
        body: list[ast.stmt],
        orelse: list[ast.stmt],
        watch: "_Watch | None" = None,
    ) -> int:
        if len(items) > MAX_ITERATIONS:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        follow = partial(self._iterate, items, more, assign, body, watch)
        return self._rounds_of(follow, orelse)

    def _rounds_of(self, follow: Block, orelse: list[ast.stmt]) -> int:
        """Follow the rounds of a loop, and what comes after them."""
        level, left = self.level, self.frame.left
        self.loops.append(_Loop())
        try:
            ending = follow()
        finally:
            loop = self.loops.pop()
        if ending in (_RETURN, _RAISE):
            return ending
        self.level = level
        if self.frame.left != left:
            # what follows may not happen, until the function ends
            self._enter_branch()
        if ending == _BREAK or not orelse:
            names = [self.scope.names, *loop.breaks]
            self.scope.names = self._joined(names, self.why)
            return _NEXT
        if not loop.breaks:
            return self._block(orelse)
        # a loop that was left does not come to its `else`
        broken = [dict(names) for names in loop.breaks]

        def leave() -> int:
            self.scope.names = self._joined(broken, self.why)
            return _NEXT

        return self._either(self.why, [lambda: self._block(orelse), leave])

    def _iterate(
        self,
        items: list[Value],
        more: Unknown | None,
        assign: Callable[[Value], None],
        body: list[ast.stmt],
        watch: "_Watch | None",
    ) -> int:
        changed = None
        for position, item in enumerate(items):
            if self.work > MAX_WORK:
                more = lost(operations.TOO_LARGE, more, *items[position:])
                break
            changed = watch.change(position) if watch is not None else None
            if changed is not None:
                break
            assign(item)
            ending = self._block(body)
            loop = self.loops[-1]
            if ending not in (_NEXT, _CONTINUE):
                return ending
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            loop.continues = []
        if watch is not None and items and changed is None:
            changed = watch.change(len(items))
        more = either(changed, more)
        if more is not None:
            self._repeat(more, assign, body)
        return _NEXT

    def _bound_in(self, body: list[ast.stmt]) -> list[str]:
        """Return the names that the body of a loop binds; it is looked at once."""
        if id(body) not in self.bound_in:
            self.bound_in[id(body)] = body, sorted(_assigned(body))
        charge()
        return self.bound_in[id(body)][1]

    def _repeat(
        self, why: Unknown, assign: Callable[[Value], None], body: list[ast.stmt]
    ) -> None:
        """Follow `body` for any number of times it may run."""
        before, level, recording = self.scope.names, self.level, self.world.recording
        # copied thrice
        charge(3 + 3 * len(before) // _QUICK)
        self._enter_branch()
        assigned = self._bound_in(body)
        self.scope.names = start = dict(before)
        _mingle(start, [name for name in assigned if name in before], [start], why)
        self.scope.names = dict(start)
        # once for what it does to containers made before it, once for good
        self.world.recording = False
        self.repeating += 1
        try:
            if self.work <= MAX_WORK:
                assign(why)
                self._block(body)
        except RecursionError:
            self.repeating -= 1
            raise
        finally:
            self.world.recording = recording
        # what one round binds, the next begins with
        ends = [start, self.scope.names, *self.loops[-1].continues]
        changed = _changed(start, ends[1:2]).union(assigned)
        charge(len(before))
        _mingle(start, [name for name in sorted(changed) if name in before], ends, why)
        self.scope.names = start
        assign(why)
        loop = self.loops[-1]
        try:
            if self._block(body) == _BREAK:
                loop.breaks.append(self.scope.names)
        finally:
            self.repeating -= 1
        ends = [before, self.scope.names, *loop.continues]
        self.scope.names = self._joined([dict(before), *ends[1:]], why)
        loop.continues = []
        self.level = level

    def _try(self, node: ast.Try | ast.TryStar) -> int:
        imported = self._imported(node)
        if imported is not None:
            ending = self._block(imported)
            final = self._block(node.finalbody)
            return final if final != _NEXT else ending
        charge(1 + len(self.scope.names) // _QUICK)
        before, level, left = dict(self.scope.names), self.level, self._left()
        if node.handlers:
            # an exception may come before any of its changes
            self._enter_branch()
        ending = self._block(node.body)
        self.level = level
        if ending == _NEXT:
            ending = self._block(node.orelse)
        if node.handlers:
            ending = self._handlers(node, before, ending)
        if node.handlers and self._left() != left:
            # what follows may not happen, until the function or loop ends
            self._enter_branch()
        final = self._block(node.finalbody)
        return final if final != _NEXT else ending

    def _imported(self, node: ast.Try | ast.TryStar) -> list[ast.stmt] | None:
        """Return what runs of a `try` around imports; None: that is not decided."""
        run: list[ast.stmt] = []
        for statement in node.body:
            found = self._finds(statement)
            if found is None:
                return None
            if not found:
                caught = next((h for h in node.handlers if _catches(h)), None)
                if caught is None or caught is not node.handlers[0] or caught.name:
                    return None
                self._skip(node.orelse, "in a branch whose condition is never true")
                return [*run, *caught.body]
            run.append(statement)
        for handler in node.handlers:
            self._skip(handler.body, "in a branch whose condition is never true")
        return [*run, *node.orelse]

    def _finds(self, node: ast.stmt) -> bool | None:
        """
        Say whether there is what a statement imports from outside the repository.

        One that sets a name to a constant needs nothing. None: that is not known.
        """
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            return (
                True if all(isinstance(one, ast.Name) for one in node.targets) else None
            )
        if not isinstance(node, ast.ImportFrom) or node.level or node.module is None:
            return None
        found = {self.world.has(node.module, alias.name) for alias in node.names}
        if len(found) != 1 or self.import_repository(node.module) is not None:
            return None
        return found.pop()

    def _handlers(self, node: ast.Try | ast.TryStar, before: Names, ending: int) -> int:
        after = self.scope.names
        importing = all(isinstance(s, (ast.Import, ast.ImportFrom)) for s in node.body)
        why = Unknown("dynamic", "an exception")
        if importing:
            why = Unknown("import", _first_import(node.body))
        ends = {ending: [after]}
        level = self.level
        for handler in node.handlers:
            charge(1 + len(before) // _QUICK)
            self.scope.names = self._joined([dict(before), after], why)
            self._enter_branch()
            if handler.name:
                self.scope.names[handler.name] = why
            ends.setdefault(self._block(handler.body), []).append(self.scope.names)
            self.level = level
        if self.loops:
            self.loops[-1].breaks += ends.get(_BREAK, ())
            self.loops[-1].continues += ends.get(_CONTINUE, ())
        if importing and ending == _NEXT and _NEXT in ends:
            self.scope.names = _fallbacks(ends[_NEXT], why)
            return _NEXT
        chosen = _NEXT if _NEXT in ends else ending
        charge(1 + sum(map(len, ends[chosen])) // _QUICK)
        self.scope.names = self._joined([dict(n) for n in ends[chosen]], why)
        return chosen

    def _match(self, node: ast.Match) -> int:
        subject = self.evaluate(node.subject)
        why = why_unknown(subject) or Unknown("dynamic", "match")
        blocks: list[Block] = []
        for case in node.cases:
            found: Names = {}
            decided = patterns.fits(self, case.pattern, subject, found)
            if decided is False:
                self._skip(case.body, "in a branch whose condition is never true")
                continue
            names = {
                name: found.get(name, lost(why, subject))
                for name in patterns.captured(case.pattern)
            }
            if case.guard is not None:
                decided = self._guard(case.guard, decided, names, why)
                if decided is False:
                    self._skip(case.body, "in a branch whose condition is never true")
                    continue
            blocks.append(partial(self._case, case, names))
            if decided is True:
                return self._either(why, blocks) if blocks[1:] else blocks[0]()
        return self._either(why, [*blocks, lambda: _NEXT])

    def _case(self, case: ast.match_case, names: Names) -> int:
        for name, value in names.items():
            self._bind(name, value)
        return self._block(case.body)

    def _guard(
        self, guard: ast.expr, fits: bool | Unknown, names: Names, why: Unknown
    ) -> bool | Unknown:
        """Return whether a case is taken; what it binds stays bound where it is not."""
        if fits is True:
            for name, value in names.items():
                self._bind(name, value)
            return truth(self.evaluate(guard))

        def asked() -> Value:
            for name, value in names.items():
                self._bind(name, value)
            return self.evaluate(guard)

        decided = truth(self._maybe(why, asked))
        return False if decided is False else why

    def _with(self, node: ast.With | ast.AsyncWith) -> int:
        return self._within(node.items, node.body)

    def _within(self, items: list[ast.withitem], body: list[ast.stmt]) -> int:
        """Follow `body` in the contexts of `items`, the first of them outermost."""
        if not items:
            return self._block(body)
        item, others = items[0], items[1:]
        context = self.evaluate(item.context_expr)
        if isinstance(context, Context):
            ending = self._within_generated(context.generated, item, others, body)
            if ending is not None:
                return ending
        if isinstance(context, Unknown) and context.parts:
            context = self.world.one_of(things_of(context)) or context
        why = why_unknown(context) or Unknown("dynamic", "with")
        value = context.enter() if isinstance(context, Thing) else why
        try:
            if item.optional_vars is not None:
                self._store(item.optional_vars, value)
            if _swallows(context):
                # an exception may end the body after any of its statements
                inner: list[ast.stmt] = [ast.With(others, body)] if others else body
                passed = ast.ExceptHandler(None, None, [ast.Pass()])
                return self._try(ast.Try(inner, [passed], [], []))
            if not isinstance(context, _KEPT):
                return self._within(others, body)
            # whoever made it decides whether an exception ends there
            self.shielded += 1
            try:
                return self._within(others, body)
            finally:
                self.shielded -= 1
        finally:
            if isinstance(context, Thing):
                context.exit()

    def _within_generated(
        self,
        generated: Generated,
        item: ast.withitem,
        others: list[ast.withitem],
        body: list[ast.stmt],
    ) -> int | None:
        """Follow `body` where a generator yields; None where that is not possible."""
        if not self._can_drive(generated) or _forks(generated.function.node):
            return None
        endings: list[int] = []

        def follow(value: Value) -> None:
            if endings:
                raise _Stopped
            if item.optional_vars is not None:
                self._store(item.optional_vars, value)
            endings.append(self._within(others, body))

        self._drive(generated, follow)
        return endings[0] if endings else _RAISE

    # ----------------------------------------------------- functions and classes

    def _defaults(self, given: ast.arguments) -> dict[str, Value]:
        positional = [*given.posonlyargs, *given.args]
        first = len(positional) - len(given.defaults)
        found = {
            positional[first + i].arg: self.evaluate(default)
            for i, default in enumerate(given.defaults)
        }
        for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            if default is not None:
                found[parameter.arg] = self.evaluate(default)
        return found

    def _around(self) -> Scope:
        """Return the scope that a function made here sees."""
        scope = self.scope
        if isinstance(scope, ClassScope) and scope.parent is not None:
            return scope.parent
        return scope

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        around = self._around()
        made = Function(self, node, around, self._defaults(node.args))
        self.defined[id(node)] = node, around
        value: Value = made
        for decorator in reversed(node.decorator_list):
            value = self._decorated(self.evaluate(decorator), value, decorator)
        self._bind(node.name, value)
        return _NEXT

    def _decorated(self, decorator: Value, value: Value, node: ast.expr) -> Value:
        if isinstance(decorator, Symbol) and isinstance(value, Function):
            kind = decorator.name.removeprefix("builtins.")
            if kind in _WRAPPING:
                return Wrapped(kind, value)
            if decorator.name in ("functools.cache", "functools.lru_cache"):
                value.kept = {}
                return value
            if decorator.name in _PASSED_OVER:
                return value
            if decorator.name == "contextlib.contextmanager":
                return ContextMaker(value)
        if isinstance(decorator, Symbol) and decorator.name == "builtins.staticmethod":
            return value
        if isinstance(decorator, Symbol) and decorator.name.startswith("contextlib."):
            return Decorated(self, value, decorator.unknown())
        made = self.call(decorator, Arguments([value], {}, node=node))
        if isinstance(made, Unknown):
            return Decorated(self, value, made)
        return made

    def _lambda(self, node: ast.Lambda) -> Value:
        self.defined[id(node)] = node, self._around()
        return Function(self, node, self._around(), self._defaults(node.args))

    def run(self, function: Function, arguments: Arguments) -> Value:
        """Follow a call of `function`."""
        charge(_CALL)
        node = function.node
        symbol = Unknown("dynamic", f"{function.name}()")
        if (
            self.work > MAX_WORK
            or self.depth >= MAX_CALL_DEPTH
            or self._comes_back(function, arguments)
            or function.changed
            or (self._is_generator(node) and type(node) is not ast.FunctionDef)
        ):
            given = [*arguments.positional, *arguments.keywords.values()]
            # a work bound is no reason to look at all of it again and again
            if self.work <= MAX_WORK or id(node) not in self.given_up:
                escape(function, *given)
            return lost(symbol, function.bound, *given)
        if self._is_generator(node):
            return Generated(function, arguments)
        outside = self.scope, self.frame, self.loops, self.level
        scope = Scope(function.scope.module, function.scope, self.level)
        scope.names = self._taken(function, arguments)
        self.scope, self.loops = scope, []
        self.frame = frame = _Frame(function, scope)
        self.depth += 1
        self.calling.append(_Calling(node, function, arguments))
        self.followed.add(id(node))
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body)
            ending = self._block(node.body)
        finally:
            self.depth -= 1
            self.calling.pop()
            self.scope, self.frame, self.loops, self.level = outside
        returned = frame.returned
        if ending == _RAISE and not frame.returns:
            returned = self.raised = Unknown(
                "dynamic", f"{function.name}(), which raises"
            )
        elif ending == _NEXT and frame.returns:
            returned = join(returned, None, self.why)
        if isinstance(node, ast.AsyncFunctionDef):
            # it was followed here, and so gives that only where it is awaited here
            self.awaitable = lost(symbol, returned), returned
            return self.awaitable[0]
        return returned

    def awaited(self, value: Value) -> Value:
        """Return what waiting for `value` gives, which was made by the last call."""
        made, returned = self.awaitable
        return returned if value is made else value

    def _comes_back(self, function: Function, arguments: Arguments) -> bool:
        """
        Say whether a call leads back to a function once too often.

        One that is told nothing that a call around it was not told does what that does:
        it is not followed again for every level of a recursion.
        """
        around = [one for one in self.calling if one.node is function.node]
        if not around or len(around) > MAX_RECURSION:
            return bool(around)
        call = _Calling(function.node, function, arguments)
        return any(_tells_no_more(call, one) for one in around)

    # ---------------------------------------------------------------- generators

    def _can_drive(self, generated: Generated) -> bool:
        """Say whether what `generated` yields can be followed from here."""
        known = generated.rest is None and generated.level == self.level
        bounded = self.work <= MAX_WORK and self.depth < MAX_CALL_DEPTH
        around = sum(one.node is generated.function.node for one in self.calling)
        return known and bounded and around <= MAX_RECURSION

    def _drive(self, generated: Generated, follow: Callable[[Value], None]) -> None:
        """
        Follow a generator's code; `follow` is carried out here for what it yields.

        Names that are bound while it is not sure that it comes to that may keep what
        they had. `_Stopped`, raised by `follow`, ends it.
        """
        generated.rest = Unknown("dynamic", f"what is left of {generated.describe()}")
        function, node = generated.function, generated.function.node
        outside = self.scope, self.frame, self.loops, self.level
        repeating = self.repeating
        scope = Scope(function.scope.module, function.scope, self.level)
        scope.names = self._taken(function, generated.arguments)

        def yielded(value: Value) -> None:
            inside = self.scope, self.frame, self.loops
            self.scope, self.frame, self.loops = outside[:3]
            before = dict(self.scope.names) if self.level > outside[3] else None
            try:
                follow(value)
                if before is not None:
                    ends = [before, self.scope.names]
                    charge(1 + len(before) // _QUICK)
                    self.scope.names = self._joined(ends, self.why)
            finally:
                self.scope, self.frame, self.loops = inside

        self.scope, self.loops = scope, []
        self.frame = frame = _Frame(function, scope)
        frame.yields = yielded
        self.depth += 1
        self.calling.append(_Calling(node, function, generated.arguments))
        self.followed.add(id(node))
        try:
            if not isinstance(node, ast.Lambda):
                self._block(node.body)
        except _Stopped:
            self.repeating = repeating
        finally:
            self.depth -= 1
            self.calling.pop()
            self.scope, self.frame, self.loops, self.level = outside

    def collect(self, generated: Generated) -> Value:
        """Return all that a generator yields, in one container."""
        if not self._can_drive(generated):
            generated.escaped()
            return generated.unknown()
        items: list[Value] = []
        unsure: list[Value] = []
        outside, repeating, scope = self.level, self.repeating, self.scope
        given = generated.arguments.positional[:1]
        first = operations.all_of(given[0]) if generated.expression and given else None
        # how much of it is asked for is another's matter
        self._enter_branch()
        level = generated.level = self.level
        if generated.expression is not None and generated.scope is not None:
            generated.rest = Unknown("dynamic", "what is left of a generator")
            self.scope = generated.scope
            try:
                return self._comprehension(generated.expression, first)
            finally:
                self.scope, self.level = scope, outside

        def take(value: Value) -> None:
            sure = self.level == level and not unsure and self.repeating == repeating
            (items if sure else unsure).append(value)

        self._drive(generated, take)
        self.level = outside
        why = Unknown("dynamic", generated.describe())
        more = lost(why, *unsure) if unsure else None
        return Items("list", items, more, self.level)

    def _next(self, generated: Generated, default: list[Value]) -> Value:
        """Return what a generator that was not asked yet yields first."""
        why = Unknown("dynamic", f"next({generated.describe()})")
        level, repeating = self.level, self.repeating
        found: list[Value] = []
        unsure: list[Value] = []

        def take(value: Value) -> None:
            sure = self.level == level and self.repeating == repeating
            (found if sure else unsure).append(value)
            raise _Stopped

        if self._can_drive(generated):
            self._drive(generated, take)
            if found:
                return found[0]
            if default and not unsure:
                return default[0]
        # what it yields may be of what it goes through
        escape(generated)
        return lost(why, *generated.arguments.positional, *unsure, *default)

    def _yield(self, node: ast.Yield) -> Value:
        value = self.evaluate(node.value) if node.value is not None else None
        if self.frame.yields is not None:
            self.frame.yields(value)
        # what is sent, where anything is, is another's matter
        return None

    def _yield_from(self, node: ast.YieldFrom) -> Value:
        value = self.evaluate(node.value)
        yields = self.frame.yields
        if yields is not None:
            if isinstance(value, Generated) and self._can_drive(value):
                self._drive(value, yields)
            else:
                self._loop(*operations.items_of(value), yields, [], [], _Watch(value))
        return Unknown("dynamic", "yield from")

    def _for_generated(self, node: ast.For | ast.AsyncFor, given: Generated) -> int:
        """Follow a loop over what a generator yields, each round where it yields."""
        rounds = 0

        def follow(value: Value) -> None:
            nonlocal rounds
            rounds += 1
            self.loops.append(_Loop())
            try:
                self._store(node.target, value)
                ending = self._block(node.body)
            finally:
                loop = self.loops.pop()
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            if ending == _RAISE:
                raise _Stopped

        self._drive(given, follow)
        if not rounds:
            self._skip(node.body, "in a loop over nothing")
        return self._block(node.orelse)

    def _is_generator(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> bool:
        """Say whether calling it gives a generator; its code is looked at once."""
        if id(node) not in self.generators:
            self.generators[id(node)] = _yields(node)
        return self.generators[id(node)]

    def _taken(self, function: Function, arguments: Arguments) -> Names:
        given = function.node.args
        charge(len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs))
        charge(len(arguments.positional) + len(arguments.keywords))
        names: Names = {}
        positional = list(arguments.positional)
        if function.bound is not None:
            positional.insert(0, function.bound)
        keywords = dict(arguments.keywords)
        for place, parameter in enumerate((*given.posonlyargs, *given.args)):
            if positional:
                names[parameter.arg] = positional.pop(0)
                continue
            # a keyword of the same name is another's
            by_place = place < len(given.posonlyargs)
            names[parameter.arg] = self._given(
                function,
                parameter.arg,
                {} if by_place else keywords,
                either(arguments.more, arguments.rest),
            )
        for parameter in given.kwonlyargs:
            names[parameter.arg] = self._given(
                function, parameter.arg, keywords, arguments.rest
            )
        if given.vararg:
            names[given.vararg.arg] = Items("tuple", positional, arguments.more)
        if given.kwarg:
            named: dict[Scalar, Value] = dict(keywords.items())
            made = Entries(named, arguments.rest, self.level)
            made.shuffled = isinstance(arguments.keywords, Unordered)
            names[given.kwarg.arg] = made
        return names

    def _given(
        self, function: Function, name: str, keywords: Names, more: Unknown | None
    ) -> Value:
        if name in keywords:
            return keywords.pop(name)
        default = function.defaults.get(name, Unknown("parameter", name))
        return default if more is None else lost(more, default)

    def _return(self, node: ast.Return) -> int:
        value = self.evaluate(node.value) if node.value is not None else None
        frame = self.frame
        frame.left += 1
        if frame.returns:
            value = join(frame.returned, value, self.why)
        frame.returned, frame.returns = value, True
        return _RETURN

    def _class(self, node: ast.ClassDef) -> int:
        bases = [self.evaluate(base) for base in node.bases]
        made = Class(self, node.name, self.module, bases)
        outside = self.scope
        scope = ClassScope(self.module, self._around(), self.level)
        self.scope = scope
        try:
            self._block(node.body)
        finally:
            self.scope = outside
        made.names = scope.names
        given: Names = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg not in (None, "metaclass"):
                given[str(keyword.arg)] = value
            elif not _is_harmless_metaclass(value):
                made.opaque = Unknown("dynamic", made.describe())
                # it may do anything when it makes the class
                escape(value)
        if any(map(_is_typed_dict, bases)):
            given.pop("total", None)
        if not self._tell_bases(made, given) and given:
            made.opaque = Unknown("dynamic", made.describe())
        for name, one in [*scope.names.items()]:
            if isinstance(one, Instance) and one.of.find("__set_name__") is not None:
                one.special("__set_name__", made, name)
        if bases:
            enums.make_members(made)
        if any(map(fields.is_tuple, bases)):
            fields.make_tuple(made, node)
        value = made
        for decorator in reversed(node.decorator_list):
            found = self.evaluate(decorator)
            options = fields.options_of(found)
            if options is not None:
                fields.make_dataclass(made, node, options)
            elif value is made and isinstance(found, Symbol):
                called = self.call(found, Arguments([made], {}, node=decorator))
                why = called if isinstance(called, Unknown) else UNFOLLOWED
                made.opaque = made.opaque or (None if called is made else why)
            else:
                value = self._decorated(found, value, decorator)
        self._bind(node.name, value)
        return _NEXT

    def _tell_bases(self, made: Class, given: Names) -> bool:
        """Call what a base of `made` says to call for every class below it, if any."""
        for base in [*made.lineage()][1:]:
            told = base.names.get("__init_subclass__") if isinstance(base, Class) else 0
            told = told.function if isinstance(told, Wrapped) else told
            if isinstance(told, Function) and isinstance(base, Class):
                told.bind(made, base).call(Arguments([], given))
                return True
        return False

    def construct(self, made: Class, arguments: Arguments) -> Value:
        """Return a new object of a class of the repository."""
        if any(map(_is_typed_dict, made.foreign())) and made.opaque is None:
            return self.call(Symbol("builtins.dict"), arguments)
        if any(not _is_plain(base) for base in made.foreign()):
            found = self.world.construct(made, arguments)
            if found is not None:
                return found
        made.unsettle(all_methods=not all(map(_calls_none, made.foreign())))
        instance = Instance(made, {})
        if instance.opaque is not None:
            given = [*arguments.positional, *arguments.keywords.values()]
            escape(*made.code(unasked=True))
            return lost(instance.opaque, *given, *made.code())
        starter = made.starter()
        if starter is not None and "__init__" in starter.names:
            start = starter.names["__init__"]
            if any(map(fields.is_tuple, made.foreign())):
                # its items are set before, and are not what its class says
                why = Unknown("dynamic", made.describe())
                given = [*arguments.positional, *arguments.keywords.values()]
                return lost(why, *given, *made.code())
            if not isinstance(start, Function):
                given = [*arguments.positional, *arguments.keywords.values()]
                self.call(start, Arguments([instance, *given], {}))
                escape(instance, *given)
            else:
                start.bind(instance, starter).call(arguments)
        elif starter is not None and starter.fields is not None:
            return fields.filled(self, instance, starter, arguments)
        elif made.foreign():
            instance.names = dict(arguments.keywords)
        return instance

    def inherited(self, made: Class, name: str) -> Value:
        """Return the attribute `name` that no class of the repository gives `made`."""
        found = self.world.inherited(made, name)
        return Unknown("dynamic", f"{made.name}.{name}") if found is None else found

    # --------------------------------------------------------------- expressions

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression."""
        charge()
        handler = self._EXPRESSIONS.get(type(node))
        return handler(self, node) if handler else Unknown("dynamic", _kind_of(node))

    def _inner(self, node: ast.Starred) -> Value:
        return self.evaluate(node.value)

    def _await(self, node: ast.Await) -> Value:
        value = self.evaluate(node.value)
        return self.awaited(value) if isinstance(node.value, ast.Call) else value

    def _constant(self, node: ast.Constant) -> Value:
        return operations.as_scalar(node.value)

    def _name(self, node: ast.Name) -> Value:
        names = self.scope.names
        if node.id in names:
            return names[node.id]
        found = self.scope.find(node.id)
        certain = isinstance(found, Unknown) and self._is_certain()
        if certain and missing.is_nowhere(self.module, node.id):
            self.note(node, f"{node.id} is not defined", broken=True)
        return found

    def _is_certain(self) -> bool:
        """Say whether the module comes here whatever happens, and ends if it raises."""
        outside = self.scope is self.module.scope and self.module is self.main
        return outside and not (self.level or self.repeating or self.shielded)

    def _attribute(self, node: ast.Attribute) -> Value:
        value = self.evaluate(node.value)
        if isinstance(value, Unknown):
            return value.derived()
        if node.attr == "__dict__" and isinstance(value, Thing):
            return Namespace(value, self._put)
        if isinstance(value, Symbol):
            return self.world.imported(f"{value.name}.{node.attr}")
        if isinstance(value, Thing):
            return value.attribute(node.attr)
        if node.attr == "sort" and isinstance(value, Items):
            return Method("sort", partial(self._sort, value))
        return containers.method(value, node.attr, self.level)

    def _sort(self, container: Items, given: Arguments) -> Value:
        """Carry out `container.sort(...)`, which sorts as `sorted` does."""
        taken = Arguments(
            [container, *given.positional], given.keywords, given.more, given.rest
        )
        ordered = self.world.call(Symbol("builtins.sorted"), taken)
        containers.put_in_order(container, ordered, self.level)
        return None

    def _call(self, node: ast.Call) -> Value:
        function = self.evaluate(node.func)
        return self.call(function, self._arguments(node))

    def _arguments(self, node: ast.Call) -> Arguments:
        positional: list[Value] = []
        more: Unknown | None = None
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                items, why = operations.items_of(self.evaluate(argument.value))
                if more is None:
                    positional += items
                more = either(more, why)
            elif more is None:
                positional.append(self.evaluate(argument))
            else:
                more = lost(more, self.evaluate(argument))
        keywords: Names = {}
        rest: Unknown | None = None
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Entries):
                charge(len(value.items))
                if value.shuffled:
                    keywords = Unordered(keywords)
                keywords |= {k: v for k, v in value.items.items() if isinstance(k, str)}
                rest = either(rest, value.rest)
            else:
                why = why_unknown(value) or Unknown("dynamic", "**")
                rest = either(rest, why)
        return Arguments(positional, keywords, more, rest, node)

    def call(self, function: Value, arguments: Arguments) -> Value:
        """Return what calling `function` gives."""
        if isinstance(function, Symbol):
            name = function.name
            if name.startswith("builtins."):
                return self._builtin(name.removeprefix("builtins."), arguments)
            return self.world.call(function, arguments)
        if isinstance(function, Thing):
            return function.call(arguments)
        if isinstance(function, Unknown):
            if function.parts:
                _called(function, arguments)
            return self.world.call(Unnamed(function), arguments)
        return Unknown("dynamic", "a call")

    def _builtin(self, name: str, arguments: Arguments) -> Value:
        if name in operations.TAKING:
            arguments = operations.asked(arguments)
        given = arguments.positional
        if name in ("globals", "vars", "locals") and not given:
            if name == "globals" or self.scope is self.module.scope:
                return Namespace(self.module, self._put)
            return Unknown("dynamic", f"{name}()")
        if name == "vars" and isinstance(given[0], Thing):
            return Namespace(given[0], self._put)
        if name in ("exec", "eval"):
            return self._executed(name, arguments)
        if name == "type" and len(given) == 3:
            return self._type(*given)
        if name in ("exit", "quit"):
            return operations.EXIT
        if name in _OF_LIBRARY or (name in _CONVERTING and len(given) > 1):
            return self.world.call(Symbol(f"builtins.{name}"), arguments)
        if name == "super":
            return self._super()
        if name == "getattr":
            return self._getattr(arguments)
        if name == "setattr":
            self._put(arguments.get("", 0), arguments.get("", 1), arguments.get("", 2))
            return None
        if name == "delattr":
            self._remove(arguments.get("", 0))
            return None
        if name in ("map", "filter") and len(given) == 2:
            code = _MAPPED if name == "map" else _FILTERED
            code = _FILTERED_BY_TRUTH if given[0] is None else code
            return Generated(Function(self, code, self.module.scope, {}), arguments)
        if "." in name:
            # `dict.update(D)`: a method of what is given first
            escape(*given)
        if name in _ITERATORS and given:
            return Iterating(self, name, arguments)
        if name == "next" and given and isinstance(given[0], Iterating):
            return given[0].first(given[1:])
        if name == "next" and given and isinstance(given[0], Generated):
            return self._next(given[0], given[1:])
        if name == "next" and given and isinstance(given[0], Unknown):
            escape(given[0])
        # the key of a sort, the function of a filter
        passed = (*given, *arguments.keywords.values())
        taken = Once if name in operations.TAKING else ()
        escape(*(one for one in passed if _runs(one) and not isinstance(one, taken)))
        if name in ("len", "bool") and given and isinstance(given[0], Instance):
            if name == "bool":
                return truth(given[0])
            held = given[0].as_tuple()
            own = given[0].of.find("__len__") is not None
            return given[0].special("__len__") if own or not held else len(held.items)
        return operations.builtin(name, arguments)

    def _executed(self, name: str, arguments: Arguments) -> Value:
        """Call `exec` or `eval`, whose code is text."""
        self.note(arguments.node, f"what {name}() runs is not read")
        why = Unknown("dynamic", f"{name}()")
        if name == "exec":
            self.module.scope.forget(why)
        return lost(why, *arguments.positional, *arguments.keywords.values())

    def _type(self, name: Value, bases: Value, names: Value) -> Value:
        """Call `type` to make a class."""
        found, more = operations.items_of(bases)
        shown = name if isinstance(name, str) else "type()"
        made = Class(self, shown, self.module, found)
        made.opaque = more
        if isinstance(names, Entries):
            made.names = {k: v for k, v in names.items.items() if isinstance(k, str)}
            made.opaque = made.opaque or names.rest
        else:
            made.opaque = made.opaque or why_unknown(names) or UNFOLLOWED
        return made

    def _super(self) -> Value:
        function = self.frame.function
        if function is None or function.owner is None:
            return Unknown("dynamic", "super()")
        return Super(function.owner, function.bound)

    def _getattr(self, arguments: Arguments) -> Value:
        holder, key = arguments.get("", 0), arguments.get("", 1)
        if isinstance(holder, Thing) and isinstance(key, str):
            default = arguments.positional[2:]
            there = scalars.has_attribute(holder, key) if default else True
            if there is False:
                return default[0]
            found = holder.attribute(key)
            return lost(found, *default) if isinstance(found, Unknown) else found
        why = why_unknown(holder) or Unknown("dynamic", "getattr()")
        return lost(why, *arguments.positional)

    def _elements(self, nodes: list[ast.expr]) -> tuple[list[Value], Unknown | None]:
        items: list[Value] = []
        more: Unknown | None = None
        for node in nodes:
            if isinstance(node, ast.Starred):
                found, why = operations.items_of(self.evaluate(node.value))
            else:
                found, why = [self.evaluate(node)], None
            if more is None:
                items += found
            else:
                more = lost(more, *found)
            more = either(more, why)
        return items, more

    def _list(self, node: ast.List) -> Value:
        return Items("list", *self._elements(node.elts), self.level)

    def _tuple(self, node: ast.Tuple) -> Value:
        return Items("tuple", *self._elements(node.elts), self.level)

    def _set(self, node: ast.Set) -> Value:
        return Items("set", *self._elements(node.elts), self.level)

    def _dict(self, node: ast.Dict) -> Value:
        made = Entries({}, None, self.level)
        made.place = Place(node, self.module.path)
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                operations.update(made, self.evaluate(value), self.level)
            else:
                name = self.evaluate(key)
                operations.assign(made, name, self.evaluate(value), self.level)
        return made

    def _joined_values(self, nodes: list[ast.expr]) -> list[Value]:
        return [self.evaluate(node) for node in nodes]

    def _text(self, node: ast.JoinedStr) -> Value:
        return operations.joined(self._joined_values(node.values))

    def _formatted(self, node: ast.FormattedValue) -> Value:
        spec = self.evaluate(node.format_spec) if node.format_spec else ""
        return operations.formatted(self.evaluate(node.value), node.conversion, spec)

    def _binary(self, node: ast.BinOp) -> Value:
        # a chain of a thousand terms leans to the left
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        value = self.evaluate(spine[-1].left)
        for part in reversed(spine):
            right = self.evaluate(part.right)
            kind = type(part.op)
            if isinstance(value, Instance):
                value = value.special(_SPECIAL.get(kind, "__matmul__"), right)
            elif isinstance(right, Instance):
                name = _SPECIAL.get(kind, "__matmul__")
                value = right.special(f"__r{name.removeprefix('__')}", value)
            elif kind in (ast.RShift, ast.LShift) and not isinstance(value, int):
                back = kind is ast.LShift
                self.world.linked(*((right, value) if back else (value, right)))
                value = right
            else:
                value = operations.binary(kind, value, right)
        return value

    def _unary(self, node: ast.UnaryOp) -> Value:
        return operations.unary(type(node.op), self.evaluate(node.operand))

    def _boolean(self, node: ast.BoolOp) -> Value:
        ends = isinstance(node.op, ast.Or)
        unknown: Unknown | None = None
        value: Value = None
        for part in node.values:
            if unknown is None:
                value = self.evaluate(part)
            else:
                follow = partial(self.evaluate, part)
                value = self._maybe(unknown, follow)
            decided = truth(value)
            if unknown is not None:
                unknown = operations.otherwise(unknown, value)
            elif isinstance(decided, Unknown):
                unknown = lost(decided, value)
            if decided is ends:
                # an unknown part before it may have ended the expression
                break
        if unknown is None:
            return value
        return unknown if ends else unknown.derived()

    def _compare(self, node: ast.Compare) -> Value:
        left = self.evaluate(node.left)
        result: bool | Unknown = True
        for kind, other in zip(node.ops, node.comparators, strict=True):
            if isinstance(result, Unknown):
                right = self._maybe(result, partial(self.evaluate, other))
            else:
                right = self.evaluate(other)
            if left is MODULE_NAME and right == "__main__":
                decided: bool | Unknown = isinstance(kind, ast.NotEq)
            else:
                decided = operations.compare(type(kind), left, right)
            if decided is False:
                return False
            if isinstance(decided, Unknown):
                result = decided
            left = right
        return result

    def _conditional(self, node: ast.IfExp) -> Value:
        decided = truth(self.evaluate(node.test))
        if not isinstance(decided, Unknown):
            taken, left = node.body, node.orelse
            if not decided:
                taken, left = left, taken
            self._skip([left], "in a branch whose condition is never true")
            return self.evaluate(taken)
        body = self._maybe(decided, lambda: self.evaluate(node.body))
        orelse = self._maybe(decided, lambda: self.evaluate(node.orelse))
        return join(body, orelse, decided)

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.evaluate(node.value)
        key = node.slice
        if isinstance(key, ast.Slice):
            bounds = [
                self.evaluate(part) if part is not None else None
                for part in (key.lower, key.upper, key.step)
            ]
            return operations.sliced(value, *bounds)
        found = self.evaluate(key)
        if isinstance(value, Symbol):
            return self.world.item(value, found)
        return operations.subscript(value, found)

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        if isinstance(self.scope, RoundScope):
            self.scope.home.put(node.target.id, value, self.level)
        else:
            self._store(node.target, value)
        return value

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp,
        first: Value | None = None,
    ) -> Value:
        """Return what the rounds give, the first of them over `first` if given."""
        if first is None:
            first = self.evaluate(node.generators[0].iter)
        found: list[Value] = []
        unsure: list[Value] = []

        def add(sure: bool) -> None:
            value = self.evaluate(node.elt)
            if not self.rehearsing:
                (found if sure else unsure).append(value)

        more, shuffled = self._each(node.generators, first, add)
        if not (found or unsure or more or self.rehearsing):
            self._skip([node.elt], "in a loop over nothing")
        if more is not None:
            more = lost(more, *unsure)
        if isinstance(node, ast.SetComp):
            return Items("set", found, more, self.level)
        return Items("bag" if shuffled else "list", found, more, self.level)

    def _generator(self, node: ast.GeneratorExp) -> Value:
        """Return what yields, when it is asked, what the expression stands for."""
        if id(node) not in self.functions:
            binds = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))
            self.functions[id(node)] = node, None if binds else _as_function(node)
        function = self.functions[id(node)][1]
        if function is None:
            # what it binds is of the scope around it
            level = self.level
            self._enter_branch()
            found = self._comprehension(node)
            self.level = level
            return found
        made = Function(self, function, self._around(), {})
        first = self.evaluate(node.generators[0].iter)
        return Generated(made, Arguments([first], {}, node=node), node, self.scope)

    def _dict_comprehension(self, node: ast.DictComp) -> Value:
        made = Entries({}, None, self.level)

        def add(sure: bool) -> None:
            key = as_key(self.evaluate(node.key))
            value = self.evaluate(node.value)
            if self.rehearsing:
                return
            if self.shuffled and is_key(key) and key in made.items:
                # it is not known which comes last
                value = join(made.items[key], value, operations.SHUFFLED)
            operations.assign(made, key, value, made.level if sure else self.level)

        first = self.evaluate(node.generators[0].iter)
        more, made.shuffled = self._each(node.generators, first, add)
        if not (made.items or made.rest or more or self.rehearsing):
            self._skip([node.key, node.value], "in a loop over nothing")
        if more is not None:
            made.rest = either(made.rest, more)
        return made

    def _each(
        self,
        generators: list[ast.comprehension],
        first: Value,
        add: Callable[[bool], None],
    ) -> tuple[Unknown | None, bool]:
        """
        Carry out `add` for every round; return why there may be others.

        The outermost rounds are over `first`. `add` is told whether it is sure how many rounds came before. Returned is, too,
        whether the order of the rounds is not known.
        """
        outside, shuffled, rehearsing = self.scope, self.shuffled, self.rehearsing
        self.scope = RoundScope(outside, self._around(), self.level)
        self.shuffled = self.rehearsing = False
        try:
            return self._rounds(generators, add, None, first), self.shuffled
        finally:
            self.scope, self.shuffled = outside, shuffled
            self.rehearsing = rehearsing

    def _rounds(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        before: Unknown | None,
        given: Value | None = None,
    ) -> Unknown | None:
        if not generators:
            add(before is None)
            return before
        first, others = generators[0], generators[1:]
        iterated = self.evaluate(first.iter) if given is None else given
        watch = _Watch(iterated)
        if isinstance(iterated, _HANDED_OUT):
            iterated = operations.all_of(iterated)
        if isinstance(iterated, (Items, Entries)) and iterated.shuffled:
            return self._rounds_shuffled(generators, add, before, iterated)
        items, more = operations.items_of(iterated)
        if len(items) > MAX_ITERATIONS or self.work > MAX_WORK:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        changed = None
        for position, item in enumerate(items):
            changed = watch.change(position)
            if changed is not None:
                break
            self.work += 1
            charge()
            self._store(first.target, item)
            passed = self._passes(first)
            if passed is True:
                before = self._rounds(others, add, before)
            elif isinstance(passed, Unknown):
                before = before or passed
                self._once(others, add, passed)
        if items and changed is None:
            changed = watch.change(len(items))
        more = either(changed, more)
        if more is not None:
            self._store(first.target, more)
            self._once(others, add, more)
        return either(before, more)

    def _rounds_shuffled(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        before: Unknown | None,
        iterated: Value,
    ) -> Unknown | None:
        """Follow rounds in an order that is not known, as `_shuffle` does."""
        first, others = generators[0], generators[1:]
        level, recording = self.level, self.world.recording
        rehearsing = self.rehearsing
        items, more = operations.members_of(iterated)
        if len(items) > MAX_ITERATIONS or self.work > MAX_WORK:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        try:
            for final in (False, True):
                self.world.recording = recording and final
                self.shuffled = True
                why = before
                for item in items:
                    self.work += 1
                    charge()
                    self._enter_branch()
                    self._store(first.target, item)
                    passed = self._passes(first)
                    if passed is not False:
                        why = why or (None if passed is True else passed)
                        self.rehearsing = rehearsing or not final
                        self._rounds(others, add, why)
        finally:
            self.level, self.world.recording = level, recording
            self.rehearsing = rehearsing
        before = why
        if more is not None:
            self._store(first.target, more)
            self._once(others, add, more)
        return either(before, more)

    def _once(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        why: Unknown,
    ) -> None:
        """Follow a round that may not happen, or more than once."""
        level = self.level
        self._enter_branch()
        self.repeating += 1
        try:
            self._rounds(generators, add, why)
        finally:
            self.level = level
            self.repeating -= 1

    def _passes(self, generator: ast.comprehension) -> bool | Unknown:
        for test in generator.ifs:
            decided = truth(self.evaluate(test))
            if decided is not True:
                return decided
        return True

    # What follows each kind of statement and expression.
    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = {
        ast.Expr: _expression,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.If: _if,
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.While: _while,
        ast.With: _with,
        ast.AsyncWith: _with,
        ast.Try: _try,
        ast.TryStar: _try,
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Import: _import,
        ast.ImportFrom: _import_from,
        ast.Return: _return,
        ast.Break: _break,
        ast.Continue: _continue,
        ast.Raise: _raise,
        ast.Delete: _delete,
        ast.Assert: _assert,
        ast.Global: _global,
        ast.Nonlocal: _nonlocal,
        ast.Match: _match,
    }
    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.Dict: _dict,
        ast.List: _list,
        ast.Tuple: _tuple,
        ast.Set: _set,
        ast.JoinedStr: _text,
        ast.FormattedValue: _formatted,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.Subscript: _subscript,
        ast.Lambda: _lambda,
        ast.NamedExpr: _named,
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _generator,
        ast.DictComp: _dict_comprehension,
        ast.Starred: _inner,
        ast.Yield: _yield,
        ast.YieldFrom: _yield_from,
        ast.Await: _await,
        _Evaluated: _given_value,
    }


class Unnamed(Symbol):
    """Something unknown that is called."""

    __slots__ = ("why",)

    def __init__(self, why: Unknown) -> None:
        """Keep why it is unknown."""
        super().__init__("")
        self.why = why

    def unknown(self) -> Unknown:
        """Return why."""
        return self.why


def _called(function: Unknown, arguments: Arguments) -> None:
    """Forget what `function` may change, a method of one of our containers."""
    called = arguments.node.func if isinstance(arguments.node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else ""
    if name not in containers.READING:
        give_up(function, *arguments.positional, *arguments.keywords.values())
        escape(*things_of(function))
    if name in _CHANGING:
        held = (one.leads_to() for one in things_of(function))
        escape(*(value for values in held for value in values))


def _may_import(name: str) -> bool:
    """Say whether the file of that name is what is imported by the name."""
    top = name.partition(".")[0]
    return top != "airflow" and top not in sys.stdlib_module_names


def _is_plain(base: Value) -> bool:
    return isinstance(base, Symbol) and base.name.partition(".")[0] in (
        "builtins",
        "enum",
        "abc",
        "typing",
    )


def _calls_none(base: Value) -> bool:
    """Say whether a base from outside calls no method that a class overrides."""
    return _is_plain(base) or (
        isinstance(base, Symbol) and base.name.startswith("airflow.")
    )


def _is_typed_dict(base: Value) -> bool:
    names = ("typing.TypedDict", "typing_extensions.TypedDict")
    return isinstance(base, Symbol) and base.name in names


def _is_harmless_metaclass(value: Value) -> bool:
    return isinstance(value, Symbol) and value.name in ("abc.ABCMeta", "enum.EnumMeta")


def _swallows(context: Value) -> bool:
    """Say whether an exception may end in the context."""
    why = context if isinstance(context, Unknown) else None
    if isinstance(context, Instance):
        return context.of.find("__exit__") is not None
    return why is not None and why.symbol in ("contextlib.suppress()", "suppress()")


def _runs(value: Value) -> bool:
    """Say whether who gets `value` may run code of the repository by it."""
    return isinstance(value, (Function, Decorated, Once, Context))


def _code(text: str) -> ast.FunctionDef:
    (made,) = ast.parse(text).body
    if not isinstance(made, ast.FunctionDef):
        raise TypeError(text)
    return made


# What built-in functions do that call others when they are asked for more.
_MAPPED = _code("def map(f, items):\n for item in items: yield f(item)")
_FILTERED = _code(
    "def filter(f, items):\n for item in items:\n  if f(item): yield item"
)
_FILTERED_BY_TRUTH = _code(
    "def filter(f, items):\n for item in items:\n  if item: yield item"
)
# Built-in functions whose meaning is that of Python's library.
_OF_LIBRARY = frozenset(
    {
        *("bin", "bytes", "callable", "chr", "divmod", "format", "hasattr", "hex"),
        *("isinstance", "issubclass", "max", "min", "oct", "open", "ord", "pow"),
        "dict.fromkeys",
        *("round", "sorted", "type"),
    }
)
# ... and those that are given what to convert from, too.
_CONVERTING = frozenset({"int", "str"})
# Decorators that decide what a function is in its class.
_WRAPPING = frozenset(
    {"staticmethod", "classmethod", "property", "functools.cached_property"}
)
# Decorators that leave a function what it is.
_PASSED_OVER = ("typing.no_type_check", "typing.override", "typing.final")
_SPECIAL: dict[type, str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.FloorDiv: "__floordiv__",
    ast.Mod: "__mod__",
    ast.Pow: "__pow__",
    ast.BitAnd: "__and__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
    ast.LShift: "__lshift__",
    ast.RShift: "__rshift__",
}


def _kind_of(node: ast.expr) -> str:
    return type(node).__name__


def _catches(handler: ast.ExceptHandler) -> bool:
    """Say whether a handler surely catches what an import raises."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in _IMPORT_ERRORS)
        for kind in kinds
    )


def _first_import(body: list[ast.stmt]) -> str:
    for statement in body:
        if isinstance(statement, ast.ImportFrom):
            return statement.module or "."
        if isinstance(statement, ast.Import):
            return statement.names[0].name
    return "import"


def _fallbacks(ends: list[Names], why: Unknown) -> Names:
    """
    Join what `try: import` and its handlers bind.

    Where one of them gives nothing better than None, only the other can be used.
    """
    charge(sum(map(len, ends)))
    result = dict(ends[0])
    for names in ends[1:]:
        for name, value in names.items():
            held = result.get(name)
            if held is None:
                result[name] = value
            elif value is not None or not isinstance(held, Thing):
                result[name] = join(held, value, why)
    return result


def _mingle(names: Names, assigned: list[str], ends: list[Names], why: Unknown) -> None:
    """Make `assigned` unknown: any may be what any of them is at any of `ends`."""
    charge(len(assigned) * len(ends))
    held = [end[name] for end in ends for name in assigned if name in end]
    unknown = lost(why, *held)
    names |= dict.fromkeys(assigned, unknown)


def _assigned(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that `body` binds, functions inside it aside."""
    found: set[str] = set()
    waiting: list[object] = list(body)
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            if not isinstance(part.ctx, ast.Load):
                found.add(part.id)
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).partition(".")[0])
        elif type(part) is list:
            waiting += cast("list[object]", part)
        elif type(part) not in LEAVES and isinstance(part, ast.AST):
            charge()
            waiting += vars(part).values()
    return found


def _changed(before: Names, ends: list[Names]) -> set[str]:
    """Return the names that are another at any of `ends`."""
    return {
        name
        for end in ends
        for name, value in end.items()
        if before.get(name) is not value
    }


def _as_function(node: ast.GeneratorExp) -> ast.FunctionDef:
    """Return the function that Python makes of a generator expression."""
    body: ast.stmt = ast.Expr(ast.Yield(node.elt))
    first: ast.expr = ast.Name(_FIRST, ast.Load())
    for generator in reversed(node.generators):
        for test in reversed(generator.ifs):
            body = ast.If(test, [body], [])
        outermost = generator is node.generators[0]
        body = ast.For(
            generator.target, first if outermost else generator.iter, [body], []
        )
    taken = ast.arguments([], [ast.arg(_FIRST)], None, [], [], None, [])
    made = ast.FunctionDef("genexpr", taken, [body], [])
    return ast.fix_missing_locations(ast.copy_location(made, node))


# What a generator expression iterates over first: no name that a program can have.
_FIRST = ".0"


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Say whether `body`, of a loop, may end the loop or the function around it."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        charge()
        node = waiting.pop()
        if isinstance(node, (ast.Break, ast.Return, ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, _FUNCTIONS):
            waiting += parts(node)
    return False


def _forks(node: ast.AST) -> bool:
    """Say whether a generator may not come to its `yield`, or more than once."""
    return any(
        any(isinstance(inner, ast.Yield) for inner in ast.walk(child))
        for child in ast.walk(node)
        if isinstance(child, (ast.If, ast.For, ast.While, ast.Match, ast.IfExp))
    )


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
# Contexts of which it is not known what becomes of an exception in them.
_KEPT = (Unknown, Symbol, Instance, Context, Decorated)


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    if isinstance(node, ast.Lambda):
        return False
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        charge()
        child = waiting.pop()
        if isinstance(child, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(child, _FUNCTIONS):
            waiting += parts(child)
    return False
