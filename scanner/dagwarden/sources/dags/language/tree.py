"""The parts of a syntax tree that hold code."""

import ast
from typing import cast

# What stands below a node and has no parts; most of all there is.
LEAVES = frozenset(
    {ast.Name, ast.Constant, ast.Load, ast.Store, ast.Del, str, int, bool, type(None)}
)


def parts(node: ast.AST) -> list[ast.AST]:
    """Return what stands right below a node that is no leaf, leaves aside."""
    found: list[ast.AST] = []
    for part in vars(node).values():
        if type(part) is list:
            several = cast("list[ast.AST]", part)
            found += [one for one in several if type(one) not in LEAVES]
        elif type(part) not in LEAVES:
            found.append(part)
    return found
