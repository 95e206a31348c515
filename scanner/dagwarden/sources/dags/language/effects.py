"""What the code of a function changes outside itself, as it is written."""

import ast
from typing import NamedTuple, TypeAlias, cast

from msgspec import Struct

from dagwarden.sources.dags.language.tree import LEAVES
from dagwarden.sources.dags.language.work import charge

Code: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

# Methods of lists, sets and dicts that change them.
_CHANGING = frozenset(
    {
        *("add", "append", "appendleft", "clear", "difference_update", "discard"),
        *("extend", "extendleft", "insert", "intersection_update", "pop", "popitem"),
        *("popleft", "remove", "reverse", "setdefault", "sort"),
        *("symmetric_difference_update", "update", "__delitem__", "__setitem__"),
    }
)


class Call(NamedTuple):
    """A call: of which name, or which attribute of it, and the names that it is given."""

    name: str
    attribute: str
    given: tuple[str, ...]


class Effects(Struct, frozen=True):
    """Names of what a function changes."""

    # what it binds in scopes around it
    bound: frozenset[str]
    # what it changes, of names that it does not bind
    changed: frozenset[str]
    # ... and of the attributes of its first parameter
    own: frozenset[str]
    # whether it changes what it is given
    changes_given: bool
    calls: tuple[Call, ...]
    # its first parameter
    first: str


def effects_of(code: Code) -> Effects:
    """Return what `code` changes, the functions that stand in it included."""
    taken = (*code.args.posonlyargs, *code.args.args)
    first = taken[0].arg if taken else ""
    local: set[str] = set()
    given: set[str] = set()
    bound: set[str] = set()
    calls: set[Call] = set()
    touched: list[ast.expr] = []
    # what local names stand for
    stands_for: dict[str, list[ast.expr]] = {}
    # by hand, as `ast.walk` takes thrice as long
    waiting: list[object] = [code.args, code.body]
    while waiting:
        part = waiting.pop()
        if type(part) is list:
            waiting += cast("list[object]", part)
        elif isinstance(part, ast.Name):
            if not isinstance(part.ctx, ast.Load):
                local.add(part.id)
        elif type(part) not in LEAVES and isinstance(part, ast.AST):
            charge()
            if isinstance(part, ast.arg):
                given.add(part.arg)
            elif isinstance(part, (ast.Global, ast.Nonlocal)):
                bound.update(part.names)
            elif isinstance(part, ast.Call):
                calls.add(_call(part))
                touched += _touched(part)
            elif isinstance(part, ast.Assign):
                for target in part.targets:
                    if isinstance(target, ast.Name):
                        stands_for.setdefault(target.id, []).append(part.value)
            elif isinstance(part, (ast.Attribute, ast.Subscript)):
                touched += [] if isinstance(part.ctx, ast.Load) else [part]
            waiting += vars(part).values()
    local = local | given
    roots = _roots(touched, stands_for)
    return Effects(
        frozenset(bound),
        frozenset(name for name, _ in roots if name not in local),
        frozenset(part for name, part in roots if part and name == first),
        any(name in given for name, _ in roots),
        tuple(sorted(c for c in calls if c.name == first or c.name not in local)),
        first,
    )


def _call(call: ast.Call) -> Call:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    names = tuple(dict.fromkeys(one.id for one in given if isinstance(one, ast.Name)))
    function = call.func
    if isinstance(function, ast.Name):
        return Call(function.id, "", names)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        return Call(function.value.id, function.attr, names)
    return Call("", "", names)


def _touched(call: ast.Call) -> list[ast.expr]:
    """Return what a call changes for certain, if it is of that kind."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in _CHANGING:
        return [call.func.value]
    if isinstance(call.func, ast.Name) and call.func.id in ("setattr", "delattr"):
        if len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            name = str(call.args[1].value)
            return [ast.Attribute(call.args[0], name, ast.Store())]
        return call.args[:1]
    return []


def _roots(
    changed: list[ast.expr], stands_for: dict[str, list[ast.expr]]
) -> set[tuple[str, str]]:
    """Return the names that lead to what is `changed`, and the attributes next to them."""
    found: set[tuple[str, str]] = set()
    waiting = [*changed]
    while waiting:
        one, attribute = waiting.pop(), ""
        while isinstance(one, (ast.Attribute, ast.Subscript)):
            attribute = one.attr if isinstance(one, ast.Attribute) else ""
            one = one.value
        if isinstance(one, ast.Name) and (one.id, attribute) not in found:
            found.add((one.id, attribute))
            waiting += stands_for.get(one.id, ())
    charge(len(found))
    return found
