"""
Operator calls as `ast` alone sees them: by how their names end.

It shares nothing with the reader of DAGs, and knows less: no import, no value, no
control flow. What it finds, the reader has to find, or to say why not.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

CLASSES = ("Operator", "OperatorAsync", "Sensor", "SensorAsync")
MAPPING = ("expand", "partial")
Place = tuple[str, int]  # path below the root, line


def operator_calls(root: Path) -> set[Place]:
    """Return where operators are called, decorated functions included."""
    return {
        (path.relative_to(root).as_posix(), line)
        for path in sorted(root.rglob("*.py"))
        for line in _lines(ast.parse(path.read_bytes()))
    }


def _lines(tree: ast.AST) -> Iterator[int]:
    decorated = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(map(_task, node.decorator_list))
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in MAPPING:
                function = function.value
            bare = isinstance(function, ast.Name) and function.id in decorated
            if bare or _last(function).endswith(CLASSES):
                yield node.lineno


def _task(decorator: ast.expr) -> bool:
    """Tell `@task`, `@task(...)` and `@task.kind(...)`."""
    if isinstance(decorator, ast.Call):
        decorator = decorator.func
    while isinstance(decorator, ast.Attribute):
        decorator = decorator.value
    return isinstance(decorator, ast.Name) and decorator.id == "task"


def _last(function: ast.expr) -> str:
    if isinstance(function, ast.Name):
        return function.id
    return function.attr if isinstance(function, ast.Attribute) else ""
