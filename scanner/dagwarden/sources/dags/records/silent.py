"""
Code that sends nothing, told without following it.

What task code sends, it sends by what a few libraries mean (`outgoing`). Following code
comes to them by the names that stand in it, by what these lead to, and by what the task
was given. Where nothing of that is one of them, following it would find nothing sent.
All that is reached counts, whether or not it would run: to be wrong here is to follow
code for nothing.
"""

import ast
from functools import lru_cache
from typing import cast

from msgspec import Struct

from dagwarden.sources.dags.airflow.world import Task, TaskOutput, World
from dagwarden.sources.dags.language.dates import Moment
from dagwarden.sources.dags.language.effects import Code
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import (
    Class,
    ContextMaker,
    Decorated,
    Function,
    Instance,
    Module,
    Wrapped,
)
from dagwarden.sources.dags.language.paths import Location
from dagwarden.sources.dags.language.tree import LEAVES
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Root,
    Symbol,
    Text,
    Thing,
    Unknown,
    Value,
    View,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.dags.outgoing.libraries import leads_outside

# What is looked at for one task; where there is more, its code is followed.
MAX_REACHED = 2_000
# Names from outside that lead to every name of a module.
_LEADS_ANYWHERE = frozenset(
    {"builtins.globals", "builtins.locals", "builtins.vars", "sys", "sys.modules"}
)
# Attributes of a running task that lead to other tasks.
_OTHER_TASKS = frozenset({"dag", "output"})
# Of these nothing is reached: what is called of them is data.
_DATA = (Unknown, Text, Location, Moment, Root)


class Import(Struct, frozen=True):
    """A name that code binds to `stands_for`, for which it imports `modules`."""

    name: str
    stands_for: str
    modules: tuple[str, ...]


class Told(Struct, frozen=True):
    """What stands in the code of a function, inner ones included."""

    # names that it reads, each with the attributes that are asked for in a row
    reads: frozenset[tuple[str, ...]]
    imports: tuple["Import", ...]
    # whether it may come to what is not told by names
    anywhere: bool
    # how many nodes of the tree hold it
    size: int


class Silence:
    """Tells of one file's tasks which send nothing."""

    def __init__(self, world: World, interpreter: Interpreter) -> None:
        """Ask `interpreter` what names mean, and its finder for modules."""
        self.world = world
        self.interpreter = interpreter

    def of(self, task: Task) -> bool:
        """Say whether following the code of `task` would surely find nothing sent."""
        waiting: list[Value] = [task]
        seen: set[int] = set()
        while waiting:
            one = waiting.pop()
            if isinstance(one, _DATA) or id(one) in seen:
                continue
            if not isinstance(one, (Thing, Items, Entries)):
                continue
            charge()
            seen.add(id(one))
            reached = self._reached_by(one)
            if reached is None or len(seen) > MAX_REACHED:
                return False
            waiting += reached
        return True

    def _reached_by(self, one: Thing | Items | Entries) -> list[Value] | None:
        """Return what is reached by way of a value; None: it may send something."""
        if isinstance(one, Items):
            return one.items
        if isinstance(one, Entries):
            return [*one.items.values()]
        if isinstance(one, Symbol):
            leads = one.name in _LEADS_ANYWHERE or leads_outside(one.name)
            return None if leads else []
        if isinstance(one, Function):
            return self._reached_by_code(one)
        if isinstance(one, Class):
            bases = [base for base in one.lineage() if base is not one]
            return [*one.names.values(), *one.defaults.values(), *bases]
        if isinstance(one, Instance):
            return [one.of, *one.names.values()]
        if isinstance(one, Task):
            return [one.made, *one.keywords.values(), *one.attributes.values()]
        if isinstance(one, TaskOutput):
            return [one.task]
        if isinstance(one, (Wrapped, ContextMaker)):
            return [one.function]
        if isinstance(one, Decorated):
            return [one.under]
        return [one.held] if isinstance(one, View) else None

    def _reached_by_code(self, function: Function) -> list[Value] | None:
        told = told_by(function.node)
        # as if it were looked at now: what was read before decides nothing
        charge(told.size)
        if told.anywhere or function.kept is not None:
            return None
        found = [function.bound, function.owner, *function.defaults.values()]
        for one in told.imports:
            if any(map(self.interpreter.finder.find, one.modules)):
                return None
            outside = self.world.imported(one.stands_for)
            chains = (chain for chain in told.reads if chain[0] == one.name)
            found += [self._below(outside, chain) for chain in chains]
        for chain in told.reads:
            value = self._below(function.scope.find(chain[0]), chain)
            if isinstance(value, Module):
                return None
            found.append(value)
        return found

    def _below(self, value: Value, chain: tuple[str, ...]) -> Value:
        """Return what is reached of `value` by the attributes in `chain`."""
        for name in chain[1:]:
            if isinstance(value, Symbol):
                value = self.world.imported(f"{value.name}.{name}")
            elif isinstance(value, Module) and name in value.scope.names:
                value = value.scope.names[name]
            else:
                break
        return value


# Modules are imported by many files of one process.
@lru_cache(maxsize=512)
def told_by(code: Code) -> Told:
    """Return what stands in the code of a function; annotations do not run."""
    reads: set[tuple[str, ...]] = set()
    imports: list[Import] = []
    anywhere = binds_outside = False
    size = 1
    waiting: list[object] = [code.body]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += cast("list[object]", part)
        elif isinstance(part, (ast.Name, ast.Attribute)):
            base, attributes = _chain(part)
            anywhere = anywhere or not _OTHER_TASKS.isdisjoint(attributes)
            if isinstance(base, ast.Name):
                reads.add((base.id, *attributes))
            else:
                waiting.append(base)
        elif isinstance(part, (ast.Import, ast.ImportFrom)):
            imports += _imports(part)
            anywhere = anywhere or bool(getattr(part, "level", 0))
        elif type(part) not in LEAVES and isinstance(part, ast.AST):
            size += 1
            binds_outside = binds_outside or isinstance(
                part, (ast.Global, ast.Nonlocal)
            )
            waiting += (v for name, v in vars(part).items() if name not in _ANNOTATIONS)
    # what is imported for others is not told by their code
    anywhere = anywhere or (binds_outside and bool(imports))
    return Told(frozenset(reads), tuple(imports), anywhere, size)


# What of a node is no code that runs.
_ANNOTATIONS = frozenset({"annotation", "returns", "type_comment"})


def _chain(node: ast.expr) -> tuple[ast.expr, list[str]]:
    """Return what attributes are asked of in a row, and their names in order."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    return node, names[::-1]


def _imports(node: ast.Import | ast.ImportFrom) -> list[Import]:
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        whole = [(one, f"{module}.{one.name}") for one in node.names]
        return [Import(a.asname or a.name, n, (module, n)) for a, n in whole]
    found: list[Import] = []
    for one in node.names:
        top = one.name.partition(".")[0]
        stands_for = one.name if one.asname else top
        found.append(Import(one.asname or top, stands_for, (one.name, top)))
    return found
