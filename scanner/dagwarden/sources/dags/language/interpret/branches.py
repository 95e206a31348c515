"""Statements that bind, change and choose: assignments, `if`, `match`, and how branches join."""

import ast
from collections.abc import Callable, Iterable
from functools import partial
from itertools import compress, islice
from operator import is_, is_not
from typing import ClassVar

from dagwarden.sources.dags.language import containers, operations, patterns
from dagwarden.sources.dags.language.aliases import (
    UNDECIDED,
    changed,
    either,
    forget,
    give_up,
    join,
    lost,
    things_of,
)
from dagwarden.sources.dags.language.interpret.state import (
    BREAK,
    CONTINUE,
    NEXT,
    RAISE,
    Block,
    State,
)
from dagwarden.sources.dags.language.objects import (
    Class,
    ClassScope,
    Module,
    Names,
    Namespace,
    escape,
)
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Symbol,
    Thing,
    Unknown,
    Value,
    as_key,
    is_key,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# Names that are copied or compared in the time of one unit.
QUICK = 32


class _Evaluated(ast.expr):
    """An expression whose value is known already."""

    def __init__(self, value: Value) -> None:
        """Stand for `value`."""
        super().__init__()
        self.value = value


class Branches(State):
    """Follows statements that bind and choose."""

    def _expression(self, node: ast.Expr) -> int:
        if type(node.value) is ast.Constant:
            return NEXT
        value = self.evaluate(node.value)
        if not isinstance(value, Unknown):
            return NEXT
        ends = value is operations.EXIT or value is self.raised
        return RAISE if ends else NEXT

    def _assert(self, node: ast.Assert) -> int:
        decided = truth(self.evaluate(node.test))
        return RAISE if decided is False else NEXT

    def _assign(self, node: ast.Assign) -> int:
        value = self.evaluate(node.value)
        for target in node.targets:
            self._store(target, value)
        return NEXT

    def _annotated(self, node: ast.AnnAssign) -> int:
        if node.value is not None:
            self._store(node.target, self.evaluate(node.value))
        return NEXT

    def _augmented(self, node: ast.AugAssign) -> int:
        target = self._evaluated_once(node.target)
        old = self.evaluate(target)
        new = self.evaluate(node.value)
        if isinstance(old, Items) and type(node.op) is ast.Add and old.kind == "list":
            items, more = operations.items_of(new)
            operations.extend(old, items, self.level)
            old.more = either(old.more, more)
            return NEXT
        if isinstance(old, Entries) and type(node.op) is ast.BitOr and not old.counts:
            operations.update(old, new, self.level)
            return NEXT
        made = operations.binary(type(node.op), old, new)
        if isinstance(old, Items) and old.kind in ("list", "set"):
            containers.alter(old, made, self.level)
            made = old
        elif not (isinstance(old, Items) and old.kind == "frozenset"):
            self._change(old, new)
        self._store(target, made)
        return NEXT

    def _evaluated_once(self, target: ast.expr) -> ast.expr:
        """Return a target that is read and then stored to, its parts evaluated."""
        if isinstance(target, ast.Attribute):
            held: ast.expr = _Evaluated(self.evaluate(target.value))
            made: ast.expr = ast.Attribute(held, target.attr, ast.Store())
        elif isinstance(target, ast.Subscript):
            held = _Evaluated(self.evaluate(target.value))
            key = target.slice
            if not isinstance(key, ast.Slice):
                key = _Evaluated(self.evaluate(key))
            made = ast.Subscript(held, key, ast.Store())
        else:
            return target
        return ast.copy_location(made, target)

    def _given_value(self, node: _Evaluated) -> Value:
        return node.value

    def _change(self, holder: Value, *values: Value) -> None:
        """Change what is not followed: `holder`, which may hold `values` now."""
        if isinstance(holder, Unknown):
            give_up(holder, *values)
        elif isinstance(holder, (Items, Entries)):
            forget(holder, lost(UNDECIDED, *values))
        elif isinstance(holder, Thing):
            holder.forget(UNDECIDED)

    def _bind(self, name: str, value: Value) -> None:
        home = self.scope.outer.get(name)
        if home is None or home is self.scope:
            self.scope.names[name] = value
        else:
            home.put(name, value, self.level)

    def _store(self, target: ast.expr, value: Value) -> None:
        if isinstance(target, ast.Name):
            self._bind(target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Subscript):
            self._store_item(target, value)
        elif isinstance(target, ast.Attribute):
            holder = self.evaluate(target.value)
            self.target = target
            self._put(holder, target.attr, value)
            self.target = None
        elif isinstance(target, ast.Starred):
            self._store(target.value, value)

    def _put(self, holder: Value, key: Value, value: Value) -> None:
        """Carry out `holder.key = value`."""
        if isinstance(holder, Symbol):
            self.world.patched(holder, key)
        elif isinstance(holder, Module):
            # a name that is made up hides none that is there
            name = key if isinstance(key, str) else "globals()[...]"
            holder.scope.put(name, value, self.level)
        elif isinstance(holder, Thing) and isinstance(key, str):
            holder.store(key, value)
        elif isinstance(holder, Thing):
            holder.forget(lost(why_unknown(key) or UNDECIDED, value))
        else:
            if isinstance(holder, Unknown):
                self._put_somewhere(things_of(holder), key, value)
            self._change(holder, value)

    def _put_somewhere(self, holders: list[Thing], key: Value, value: Value) -> None:
        """Carry out `holder.key = value` for what may be any of `holders`, or none."""
        level = self.level
        self._enter_branch()
        for holder in holders:
            self._put(holder, key, value)
        self.level = level

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        items, more = operations.items_of(value)
        starred = [i for i, t in enumerate(targets) if isinstance(t, ast.Starred)]
        if more is None and starred:
            first = starred[0]
            last = len(items) - (len(targets) - first - 1)
            items[first:last] = [Items("list", items[first:last], level=self.level)]
        if len(items) != len(targets) or (more is not None and starred):
            why = lost(more or Unknown("dynamic", "unpacking"), *items)
            items = [why] * len(targets)
        for target, item in zip(targets, items, strict=True):
            self._store(target, item)

    def _store_item(self, target: ast.Subscript, value: Value) -> None:
        holder = self.evaluate(target.value)
        ranged = isinstance(target.slice, ast.Slice)
        key = None if ranged else self.evaluate(target.slice)
        if isinstance(holder, Entries):
            operations.assign(holder, key, value, self.level)
        elif isinstance(holder, Namespace):
            self._put(holder.holder, key, value)
        elif isinstance(holder, Items) and isinstance(target.slice, ast.Slice):
            self._store_slice(holder, target.slice, value)
        elif isinstance(holder, Items):
            operations.replace_item(holder, key, value, self.level)
        elif isinstance(holder, Symbol):
            self.world.set_item(holder, key)
        else:
            if isinstance(holder, Unknown):
                escape(*(held for one in things_of(holder) for held in one.leads_to()))
            self._change(holder, value)

    def _store_slice(self, holder: Items, target: ast.Slice, value: Value) -> None:
        """Carry out `holder[a:b] = value`."""
        bounds = [
            None if part is None else self.evaluate(part)
            for part in (target.lower, target.upper, target.step)
        ]
        if all(bound is None or isinstance(bound, int) for bound in bounds):
            containers.replace_slice(holder, slice(*bounds), value, self.level)
        else:
            # there may be more of them, or fewer
            forget(holder, lost(UNDECIDED, value))

    def _delete(self, node: ast.Delete) -> int:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.scope.names.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                holder = self.evaluate(target.value)
                if isinstance(holder, Entries):
                    self._delete_key(holder, self.evaluate(target.slice))
                elif isinstance(holder, Items) and isinstance(target.slice, ast.Slice):
                    self._store_slice(holder, target.slice, Items("list", []))
                elif isinstance(holder, Items):
                    key = self.evaluate(target.slice)
                    containers.delete_item(holder, key, self.level)
                else:
                    self._remove(holder)
            elif isinstance(target, ast.Attribute):
                self._remove(self.evaluate(target.value))
        return NEXT

    def _remove(self, holder: Value) -> None:
        if isinstance(holder, Namespace):
            holder = holder.holder
        if isinstance(holder, Thing):
            holder.forget(Unknown("dynamic", "a deletion"))
        else:
            self._change(holder)

    def _delete_key(self, holder: Entries, key: Value) -> None:
        key = as_key(key)
        if is_key(key) and self.level <= holder.level:
            holder.items.pop(key, None)
            changed(holder)
        else:
            forget(holder, UNDECIDED)

    def _global(self, node: ast.Global) -> int:
        for name in node.names:
            self.scope.outer[name] = self.module.scope
        return NEXT

    def _nonlocal(self, node: ast.Nonlocal) -> int:
        for name in node.names:
            scope = self.scope.parent
            while scope is not None and name not in scope.names:
                scope = scope.parent
            if scope is not None:
                self.scope.outer[name] = scope
        return NEXT

    def _break(self, _: ast.Break) -> int:
        if self.loops:
            self.loops[-1].left += 1
        return BREAK

    def _continue(self, _: ast.Continue) -> int:
        if self.loops:
            self.loops[-1].left += 1
        return CONTINUE

    def _raise(self, node: ast.Raise) -> int:
        for part in (node.exc, node.cause):
            raised = None if part is None else self.evaluate(part)
            if isinstance(raised, Class):
                self.call(raised, Arguments([], {}))
        return RAISE

    def _if(self, node: ast.If) -> int:
        decided = truth(self.evaluate(node.test))
        if isinstance(decided, Unknown):
            return self._either(
                decided,
                [lambda: self._block(node.body), lambda: self._block(node.orelse)],
            )
        taken, left = node.body, node.orelse
        if not decided:
            taken, left = left, taken
        if left:
            self._skip(left, "in a branch whose condition is never true")
        return self._block(taken)

    def _either(self, why: Unknown, blocks: Iterable[Block]) -> int:
        """Follow every block from the same start and join where they end."""
        before, level, left = self.scope.names, self.level, self._left()
        ends: dict[int, list[Names]] = {}
        for block in blocks:
            charge(1 + len(before) // QUICK)
            self.scope.names = dict(before)
            self._enter_branch()
            ends.setdefault(block(), []).append(self.scope.names)
            self.level = level
        self.why = why
        if self.loops:
            self.loops[-1].breaks += ends.get(BREAK, ())
            self.loops[-1].continues += ends.get(CONTINUE, ())
        if NEXT not in ends:
            ending = max(ends)
            if ending == RAISE and len(ends) > 1:
                ending = max(end for end in ends if end != RAISE)
            self.scope.names = self._joined(ends[ending], why)
            return ending
        self.scope.names = self._joined(ends[NEXT], why)
        if self._left() != left:
            # what follows may not happen, until the function or loop ends
            self._enter_branch()
        return NEXT

    def _maybe(self, why: Unknown, follow: Callable[[], Value]) -> Value:
        """Evaluate what may not be evaluated."""
        before, level = self.scope.names, self.level
        self.scope.names = dict(before)
        self._enter_branch()
        try:
            return follow()
        finally:
            self.level = level
            self.scope.names = self._joined([dict(before), self.scope.names], why)

    def uncertain(self, follow: Callable[[], Value]) -> Value:
        """Return what `follow` gives, which may not be carried out."""
        return self._maybe(UNDECIDED, follow)

    def _joined(self, ends: list[Names], why: Unknown) -> Names:
        result = ends[0]
        for names in ends[1:]:
            charge(1 + 2 * len(names) // QUICK)
            # what was there before stands first, in the same order
            both = min(len(result), len(names))
            same = [*map(is_, result, names)]
            alike = same.index(False) if False in same else both
            others = map(is_not, result.values(), names.values())
            differing = [*compress(islice(names, alike), others)]
            for name in differing:
                result[name] = join(result[name], names[name], why)
            if alike == len(result) == len(names):
                continue
            added = [*islice(names, alike, None)]
            charge(len(added))
            for name in [*islice(result, alike, None)]:
                if name not in names:
                    result[name] = self._or_outside(name, result[name], why)
            for name in added:
                value = names[name]
                if name not in result:
                    value = self._or_outside(name, value, why)
                elif (held := result[name]) is not value:
                    value = join(held, value, why)
                result[name] = value
        return result

    def _or_outside(self, name: str, value: Value, why: Unknown) -> Value:
        """Return what a name means that may be bound here, and outside if not."""
        if isinstance(self.scope, ClassScope):
            return lost(why, value)
        if self.scope.parent is None and self.scope.means_outside(name):
            return join(value, self.scope.find_outside(name), why)
        return value

    def _match(self, node: ast.Match) -> int:
        subject = self.evaluate(node.subject)
        why = why_unknown(subject) or Unknown("dynamic", "match")
        blocks: list[Block] = []
        for case in node.cases:
            found: Names = {}
            decided = patterns.fits(self, case.pattern, subject, found)
            if decided is False:
                self._skip(case.body, "in a branch whose condition is never true")
                continue
            names = {
                name: found.get(name, lost(why, subject))
                for name in patterns.captured(case.pattern)
            }
            if case.guard is not None:
                decided = self._guard(case.guard, decided, names, why)
                if decided is False:
                    self._skip(case.body, "in a branch whose condition is never true")
                    continue
            blocks.append(partial(self._case, case, names))
            if decided is True:
                return self._either(why, blocks) if blocks[1:] else blocks[0]()
        return self._either(why, [*blocks, lambda: NEXT])

    def _case(self, case: ast.match_case, names: Names) -> int:
        for name, value in names.items():
            self._bind(name, value)
        return self._block(case.body)

    def _guard(
        self, guard: ast.expr, fits: bool | Unknown, names: Names, why: Unknown
    ) -> bool | Unknown:
        """Return whether a case is taken; what it binds stays bound where it is not."""
        if fits is True:
            for name, value in names.items():
                self._bind(name, value)
            return truth(self.evaluate(guard))

        def asked() -> Value:
            for name, value in names.items():
                self._bind(name, value)
            return self.evaluate(guard)

        decided = truth(self._maybe(why, asked))
        return False if decided is False else why

    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = State._STATEMENTS | {
        ast.Expr: _expression,
        ast.Assign: _assign,
        ast.AnnAssign: _annotated,
        ast.AugAssign: _augmented,
        ast.If: _if,
        ast.Break: _break,
        ast.Continue: _continue,
        ast.Raise: _raise,
        ast.Delete: _delete,
        ast.Assert: _assert,
        ast.Global: _global,
        ast.Nonlocal: _nonlocal,
        ast.Match: _match,
    }

    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = State._EXPRESSIONS | {
        _Evaluated: _given_value,
    }
