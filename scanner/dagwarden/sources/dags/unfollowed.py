"""Operator calls in code that was not followed: accounted for, never lost."""

import ast
from collections.abc import Iterator, Sequence

from msgspec import Struct

from dagwarden.facts import Excluded
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.interpret.state import Skipped, Unread
from dagwarden.sources.dags.language.objects import Scope, Source
from dagwarden.sources.dags.language.tree import LEAVES, parts
from dagwarden.sources.dags.language.values import Arguments, Symbol, Thing
from dagwarden.sources.dags.language.work import charge

# Code that runs when the file is loaded: its tasks are there, and missing here.
DAG_MAKERS = frozenset({"airflow.sdk.DAG", "airflow.sdk.TaskGroup"})
NOT_FOLLOWED = "in a function that is called and not followed"


def left_out(interpreter: Interpreter, world: World, source: Source) -> list[Excluded]:
    """Return the operator calls of `source` that made no task, with the reason."""
    found: dict[tuple[int, int], Excluded] = {}
    for skipped in _unfollowed(interpreter, world):
        scope, reason = skipped.scope, skipped.reason
        if scope.module is None or scope.module.path != source.path:
            continue
        code = _code(skipped.nodes)
        for call in _operator_calls(code, scope, world):
            place = call.lineno, call.col_offset
            if (source.path, *place) not in world.seen:
                what = f"{source.path}:{call.lineno}"
                made = Excluded(kind="task", what=what, reason=reason)
                found.setdefault(place, made)
        if reason is NOT_FOLLOWED:
            _tell(code, scope, interpreter, world)
    return [found[place] for place in sorted(found)]


class _Code(Struct, frozen=True):
    """What code imports, and the calls in it."""

    imported: dict[str, str]
    calls: list[ast.Call]


def _tell(code: _Code, scope: Scope, interpreter: Interpreter, world: World) -> None:
    """Note the DAGs, groups and tasks that are missing because of `code`."""
    path = scope.module.path if scope.module is not None else ""
    for call in _operator_calls(code, scope, world, DAG_MAKERS):
        detail = "what is made in code that is called and not followed is missing"
        interpreter.unread[Unread(path, call.lineno, detail)] = None


def _unfollowed(interpreter: Interpreter, world: World) -> Iterator[Skipped]:
    yield from interpreter.skipped
    # to ask what is called may import a module, which defines more
    for key, (node, scope) in list(interpreter.defined.items()):
        if key not in interpreter.followed or key in interpreter.given_up:
            reason = "in a function not called"
            if key in world.task_functions:
                reason = "in the code of a task"
            elif key in interpreter.given_up:
                reason = NOT_FOLLOWED
            yield Skipped([node], scope, reason)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield Skipped(_annotations(node), scope, "in an annotation")


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """Return what stands beside the parameters of a function, and says no plain type."""
    given = node.args
    every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
    found = [node.returns, *(one.annotation for one in every)]
    return [one for one in found if one is not None and type(one) not in LEAVES]


def _operator_calls(
    code: _Code,
    scope: Scope,
    world: World,
    others: frozenset[str] = frozenset(),
) -> Iterator[ast.Call]:
    for call in code.calls:
        name = _callee(call.func, scope, code.imported)
        if name is not None:
            given = Arguments([], {k.arg: None for k in call.keywords if k.arg})
            made = name.removesuffix(".partial")
            if name in others or world.is_operator(made, given):
                yield call


def _code(nodes: Sequence[ast.AST]) -> _Code:
    """Return the code of `nodes`; only nodes that have parts are looked at."""
    found = _Code({}, [])
    waiting = [node for node in nodes if type(node) not in LEAVES]
    while waiting:
        node = waiting.pop()
        charge()
        if isinstance(node, ast.Call):
            found.calls.append(node)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.imported[alias.asname or alias.name] = whole
        waiting += parts(node)
    return found


def _callee(node: ast.expr, scope: Scope, imported: dict[str, str]) -> str | None:
    """Return the qualified name of what is called, if it is from outside."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    name = imported.get(node.id)
    if name is None:
        value = scope.find(node.id)
        for part in reversed(parts):
            if not isinstance(value, Thing) or isinstance(value, Symbol):
                break
            value = value.attribute(part)
            parts.pop()
        if not isinstance(value, Symbol):
            return None
        name = value.name
    return ".".join([name, *reversed(parts)])
