"""
Names that a module certainly does not have: Python ends there with an error.

Certain is only what nothing in the file could bind, by whatever means.
"""

import ast
import builtins
import posixpath
from typing import cast

from dagwarden.sources.dags.language.objects import Finder, Module
from dagwarden.sources.dags.language.tree import LEAVES
from dagwarden.sources.dags.language.work import charge

# What may bind names that are not written as such.
_BINDING = frozenset(
    {
        *("__dict__", "__getattr__", "builtins", "eval", "exec", "execfile", "gettext"),
        *("get_ipython", "globals", "import_module", "importlib", "inspect", "locals"),
        *("modules", "setattr", "update_globals", "vars", "_getframe"),
    }
)
_BUILTINS = frozenset(dir(builtins))


def is_nowhere(module: Module, name: str) -> bool:
    """Say whether nothing in the module could bind `name`."""
    known = module.scope.star is None and bool(module.path)
    if not known or name in _BUILTINS or name.startswith("__"):
        return False
    if module.binds is None:
        module.binds = _bindable(module.tree)
    return _ANY not in module.binds and name not in module.binds


# Stands for every name.
_ANY = "*"


def _bindable(tree: ast.Module) -> frozenset[str]:
    """Return all names that the code of a module could bind; `*` for any."""
    found: set[str] = set()
    waiting: list[object] = [tree]
    while waiting:
        part = waiting.pop()
        if type(part) is list:
            waiting += cast("list[object]", part)
        elif isinstance(part, ast.AST):
            charge()
            found |= _bound_by(part)
            if _ANY in found:
                break
            if type(part) not in LEAVES:
                waiting += vars(part).values()
    return frozenset(found)


_NONE = frozenset[str]()
_ALL = frozenset({_ANY})


def _bound_by(node: ast.AST) -> frozenset[str]:
    if isinstance(node, ast.Name):
        if node.id in _BINDING:
            return _ALL
        return _NONE if isinstance(node.ctx, ast.Load) else frozenset({node.id})
    if isinstance(node, ast.Attribute):
        return _ALL if node.attr in _BINDING else _NONE
    if isinstance(node, ast.alias):
        parts = node.name.split(".")
        if not _BINDING.isdisjoint(parts):
            return _ALL
        return frozenset({*parts, node.asname or parts[0]})
    # functions and classes, handlers, patterns, `global`
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return frozenset(node.names)
    name = getattr(node, "rest" if isinstance(node, ast.MatchMapping) else "name", None)
    return frozenset({name}) if isinstance(name, str) else _NONE


def is_no_file(finder: Finder, module: Module, name: str) -> bool:
    """Say whether no file beside the module could be its submodule `name`."""
    if not module.package:
        return True
    listed = finder.listed(posixpath.dirname(module.path) or ".")
    if listed is None:
        return False
    return all(entry.partition(".")[0] != name for entry, _ in listed)
