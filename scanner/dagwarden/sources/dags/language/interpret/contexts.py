"""`try` and `with`: code that an exception may end early."""

import ast
from collections.abc import Callable
from typing import ClassVar

from dagwarden.sources.dags.language.aliases import join, things_of
from dagwarden.sources.dags.language.interpret.branches import QUICK
from dagwarden.sources.dags.language.interpret.comprehensions import Comprehensions
from dagwarden.sources.dags.language.interpret.functions import Stopped
from dagwarden.sources.dags.language.interpret.state import BREAK, CONTINUE, NEXT, RAISE
from dagwarden.sources.dags.language.objects import (
    Context,
    Decorated,
    Generated,
    Instance,
    Names,
)
from dagwarden.sources.dags.language.values import (
    Symbol,
    Thing,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

_IMPORT_ERRORS = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")

# Contexts of which it is not known what becomes of an exception in them.
_KEPT = (Unknown, Symbol, Instance, Context, Decorated)


class Contexts(Comprehensions):
    """Follows `try` and `with`."""

    def _try(self, node: ast.Try | ast.TryStar) -> int:
        imported = self._imported(node)
        if imported is not None:
            ending = self._block(imported)
            final = self._block(node.finalbody)
            return final if final != NEXT else ending
        charge(1 + len(self.scope.names) // QUICK)
        before, level, left = dict(self.scope.names), self.level, self._left()
        if node.handlers:
            # an exception may come before any of its changes
            self._enter_branch()
        ending = self._block(node.body)
        self.level = level
        if ending == NEXT:
            ending = self._block(node.orelse)
        if node.handlers:
            ending = self._handlers(node, before, ending)
        if node.handlers and self._left() != left:
            # what follows may not happen, until the function or loop ends
            self._enter_branch()
        final = self._block(node.finalbody)
        return final if final != NEXT else ending

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
            charge(1 + len(before) // QUICK)
            self.scope.names = self._joined([dict(before), after], why)
            self._enter_branch()
            if handler.name:
                self.scope.names[handler.name] = why
            ends.setdefault(self._block(handler.body), []).append(self.scope.names)
            self.level = level
        if self.loops:
            self.loops[-1].breaks += ends.get(BREAK, ())
            self.loops[-1].continues += ends.get(CONTINUE, ())
        if importing and ending == NEXT and NEXT in ends:
            self.scope.names = _fallbacks(ends[NEXT], why)
            return NEXT
        chosen = NEXT if NEXT in ends else ending
        charge(1 + sum(map(len, ends[chosen])) // QUICK)
        self.scope.names = self._joined([dict(n) for n in ends[chosen]], why)
        return chosen

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
                raise Stopped
            if item.optional_vars is not None:
                self._store(item.optional_vars, value)
            endings.append(self._within(others, body))

        self._drive(generated, follow)
        return endings[0] if endings else RAISE

    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = (
        Comprehensions._STATEMENTS
        | {
            ast.With: _with,
            ast.AsyncWith: _with,
            ast.Try: _try,
            ast.TryStar: _try,
        }
    )


def _swallows(context: Value) -> bool:
    """Say whether an exception may end in the context."""
    why = context if isinstance(context, Unknown) else None
    if isinstance(context, Instance):
        return context.of.find("__exit__") is not None
    return why is not None and why.symbol in ("contextlib.suppress()", "suppress()")


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


def _forks(node: ast.AST) -> bool:
    """Say whether a generator may not come to its `yield`, or more than once."""
    return any(
        any(isinstance(inner, ast.Yield) for inner in ast.walk(child))
        for child in ast.walk(node)
        if isinstance(child, (ast.If, ast.For, ast.While, ast.Match, ast.IfExp))
    )
