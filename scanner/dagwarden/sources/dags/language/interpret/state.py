"""Where following code stands: names, branches, loops and calls around it, and what it cost."""

import ast
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol

from msgspec import Struct

from dagwarden.sources.dags.language.aliases import UNDECIDED
from dagwarden.sources.dags.language.effects import Code, Effects
from dagwarden.sources.dags.language.objects import (
    Class,
    Finder,
    Follower,
    Function,
    Module,
    Names,
    Scope,
)
from dagwarden.sources.dags.language.values import (
    Arguments,
    Symbol,
    Thing,
    Unknown,
    Value,
)
from dagwarden.sources.dags.language.work import charge

# Statements followed for one file, imports included. Past it calls and loops are
# no longer followed, so the rest of the file costs little.
MAX_WORK = 60_000

# ... and of those apart from the file, for the code of one task.
MAX_WORK_ASIDE = 10_000

MAX_CALL_DEPTH = 16

# How a statement ends.
NEXT, BREAK, CONTINUE, RETURN, RAISE = range(5)

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


class Frame:
    """One call of a function: what it returned so far."""

    __slots__ = ("function", "left", "returned", "returns", "scope", "yields")

    def __init__(self, function: Function | None, scope: Scope) -> None:
        """Begin a call of `function`; None: the module itself."""
        self.function = function
        self.scope = scope
        self.returns = False
        self.returned: Value = None
        # how often a `return` was met
        self.left = 0
        # what is done with what a generator yields
        self.yields: Callable[[Value], None] | None = None


class Calling(Struct, frozen=True):
    """A call that is being followed: of which code, with what."""

    node: Code
    function: Function
    arguments: Arguments


class Loop:
    """One loop: names at a `break` or `continue` that may have happened."""

    __slots__ = ("breaks", "continues", "left")

    def __init__(self) -> None:
        """Begin a loop."""
        # how often a `break` or `continue` was met
        self.left = 0
        self.breaks: list[Names] = []
        self.continues: list[Names] = []


class Kept(Struct, frozen=True):
    """Where the interpreter was before it went aside."""

    scope: Scope
    frame: Frame
    loops: list[Loop]
    level: int
    depth: int
    calling: list[Calling]
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


class State(Follower):
    """Where following one file stands."""

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
        self.depth: int = 0
        self.calling: list[Calling] = []
        self.loops: list[Loop] = []
        # loops around us that run an unknown number of times
        self.repeating: int = 0
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
        self.frame: Frame = Frame(None, self.scope)

    @property
    def module(self) -> Module:
        """The module whose code is being followed."""
        if self.scope.module is None:
            raise LookupError("no module is being followed")
        return self.scope.module

    @property
    def exhausted(self) -> bool:
        """Whether the work that one file may cost is done."""
        return self.work > MAX_WORK

    @abstractmethod
    def import_repository(self, name: str) -> Value | None:
        """Import a module of the repository; None if it has none of that name."""

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
        self.frame = Frame(None, self.scope)
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

    def execute(self, node: ast.stmt) -> int:
        """Follow one statement and return how it ends."""
        self.work += 1
        charge()
        handler = self._STATEMENTS.get(type(node))
        return handler(self, node) if handler else NEXT

    def _block(self, body: Sequence[ast.stmt]) -> int:
        for position, statement in enumerate(body):
            ending = self.execute(statement)
            if ending != NEXT:
                rest = body[position + 1 :]
                if rest:
                    charge(len(rest))
                    self._skip(rest, "in code that is never reached")
                return ending
        return NEXT

    def _skip(self, nodes: Sequence[ast.AST], reason: str) -> None:
        self.skipped.append(Skipped(nodes, self.scope, reason))

    def _left(self) -> int:
        """Return how often code was met that ends the loop or function around us."""
        return self.frame.left + (self.loops[-1].left if self.loops else 0)

    def _enter_branch(self) -> None:
        self.branches += 1
        self.level = self.branches

    def evaluate(self, node: ast.expr) -> Value:
        """Return the value of an expression."""
        charge()
        handler = self._EXPRESSIONS.get(type(node))
        return handler(self, node) if handler else Unknown("dynamic", _kind_of(node))

    def _is_certain(self) -> bool:
        """Say whether the module comes here whatever happens, and ends if it raises."""
        outside = self.scope is self.module.scope and self.module is self.main
        return outside and not (self.level or self.repeating or self.shielded)

    # What follows each kind of statement and expression: each class adds its own.
    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = {}
    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = {}


def _kind_of(node: ast.expr) -> str:
    return type(node).__name__
