"""
What a Python module means, on abstract values and without running it.

Statements are followed in order. Where a condition is not known, all branches are
followed and what they disagree on is unknown. Where something cannot be followed,
its result is unknown. Work, depth and size are bounded.

This package knows the language. What names from outside the repository mean is
asked of a `World`; where modules of the repository are found, of a `Finder`.

Each module adds what it follows to the one before, from where following stands to all
of the language: `state`, `branches`, `functions`, `loops`, `comprehensions`,
`contexts`, `expressions`, and here modules and their imports.
"""

import ast
import sys
from collections.abc import Callable
from typing import ClassVar

from dagwarden.sources.dags.language import missing, operations
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.interpret.expressions import Expressions
from dagwarden.sources.dags.language.interpret.loops import bound_names
from dagwarden.sources.dags.language.interpret.state import (
    MAX_CALL_DEPTH,
    NEXT,
    RAISE,
    Frame,
)
from dagwarden.sources.dags.language.objects import Module, Source
from dagwarden.sources.dags.language.values import Thing, Unknown, Value, why_unknown
from dagwarden.sources.dags.language.work import charge

MAX_IMPORTS = 200


class Interpreter(Expressions):
    """Follows one file and what it imports."""

    def follow(self, source: Source) -> Module:
        """Follow a module from its first line to its last."""
        module = Module(source, self.import_repository)
        module.scope.level = self.level
        self.main = self.main or module
        if module is not self.main or _may_import(source.name):
            self.modules[source.name] = module
        outside = self.scope, self.frame, self.loops, self.level
        self.scope = module.scope
        self.frame = Frame(None, self.scope)
        self.loops = []
        try:
            for position, statement in enumerate(source.tree.body):
                if self._guarded(module, statement) == RAISE:
                    self.note(statement, "the file raises here", broken=True)
                    rest = source.tree.body[position + 1 :]
                    self._skip(rest, "in code that is never reached")
                    break
        finally:
            self.scope, self.frame, self.loops, self.level = outside
        return module

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
            for name in bound_names([statement]):
                module.scope.names[name] = lost(why, module.scope.names.get(name))
        return NEXT

    def import_repository(self, name: str) -> Value | None:
        """Import a module of the repository; None if it has none of that name."""
        if name in self.modules:
            return self.modules[name]
        if self.exhausted or len(self.modules) > MAX_IMPORTS:
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
        return NEXT

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
            return NEXT
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
        return NEXT

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

    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = Expressions._STATEMENTS | {
        ast.Import: _import,
        ast.ImportFrom: _import_from,
    }


def _may_import(name: str) -> bool:
    """Say whether the file of that name is what is imported by the name."""
    top = name.partition(".")[0]
    return top != "airflow" and top not in sys.stdlib_module_names
