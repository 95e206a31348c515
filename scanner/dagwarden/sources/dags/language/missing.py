"""
Names that a module certainly does not have: Python ends there with an error.

Certain is only what nothing in the file could bind, by whatever means.
"""

import ast
import builtins
import posixpath

from dagwarden.sources.dags.language.objects import Finder, Module
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
    return not any(_may_bind(node, name) for node in ast.walk(module.tree))


def _may_bind(node: ast.AST, name: str) -> bool:
    charge()
    if isinstance(node, ast.Name):
        bound = not isinstance(node.ctx, ast.Load) and node.id == name
        return bound or node.id in _BINDING
    if isinstance(node, ast.Attribute):
        return node.attr in _BINDING
    if isinstance(node, ast.alias):
        shown = node.asname or node.name.partition(".")[0]
        binds = shown in (name, "*") or name in node.name.split(".")
        return binds or bool(_BINDING.intersection(node.name.split(".")))
    # functions and classes, arguments, handlers, patterns, `global`
    if isinstance(node, (ast.Global, ast.Nonlocal)):
        return name in node.names
    if isinstance(node, ast.MatchMapping):
        return node.rest == name
    return getattr(node, "name", None) == name


def is_no_file(finder: Finder, module: Module, name: str) -> bool:
    """Say whether no file beside the module could be its submodule `name`."""
    if not module.package:
        return True
    listed = finder.listed(posixpath.dirname(module.path) or ".")
    if listed is None:
        return False
    return all(entry.partition(".")[0] != name for entry, _ in listed)
