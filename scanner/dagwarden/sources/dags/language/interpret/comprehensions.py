"""Comprehensions and generator expressions, and all that a generator yields."""

import ast
from collections.abc import Callable
from typing import ClassVar

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import either, join, lost
from dagwarden.sources.dags.language.interpret.loops import (
    HANDED_OUT,
    MAX_ITERATIONS,
    Loops,
    Watch,
)
from dagwarden.sources.dags.language.objects import Function, Generated, RoundScope
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Unknown,
    Value,
    as_key,
    is_key,
    truth,
)
from dagwarden.sources.dags.language.work import charge

# What a generator expression iterates over first: no name that a program can have.
_FIRST = ".0"


class Comprehensions(Loops):
    """Follows comprehensions."""

    def collect(self, generated: Generated) -> Value:
        """Return all that a generator yields, in one container."""
        if not self._can_drive(generated):
            generated.escaped()
            return generated.unknown()
        items: list[Value] = []
        unsure: list[Value] = []
        outside, repeating, scope = self.level, self.repeating, self.scope
        given = generated.arguments.positional[:1]
        first = operations.all_of(given[0]) if generated.expression and given else None
        # how much of it is asked for is another's matter
        self._enter_branch()
        level = generated.level = self.level
        if generated.expression is not None and generated.scope is not None:
            generated.rest = Unknown("dynamic", "what is left of a generator")
            self.scope = generated.scope
            try:
                return self._comprehension(generated.expression, first)
            finally:
                self.scope, self.level = scope, outside

        def take(value: Value) -> None:
            sure = self.level == level and not unsure and self.repeating == repeating
            (items if sure else unsure).append(value)

        self._drive(generated, take)
        self.level = outside
        why = Unknown("dynamic", generated.describe())
        more = lost(why, *unsure) if unsure else None
        return Items("list", items, more, self.level)

    def _comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp,
        first: Value | None = None,
    ) -> Value:
        """Return what the rounds give, the first of them over `first` if given."""
        if first is None:
            first = self.evaluate(node.generators[0].iter)
        found: list[Value] = []
        unsure: list[Value] = []

        def add(sure: bool) -> None:
            value = self.evaluate(node.elt)
            if not self.rehearsing:
                (found if sure else unsure).append(value)

        more, shuffled = self._each(node.generators, first, add)
        if not (found or unsure or more or self.rehearsing):
            self._skip([node.elt], "in a loop over nothing")
        if more is not None:
            more = lost(more, *unsure)
        if isinstance(node, ast.SetComp):
            return Items("set", found, more, self.level)
        return Items("bag" if shuffled else "list", found, more, self.level)

    def _generator(self, node: ast.GeneratorExp) -> Value:
        """Return what yields, when it is asked, what the expression stands for."""
        if id(node) not in self.functions:
            binds = any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))
            self.functions[id(node)] = node, None if binds else _as_function(node)
        function = self.functions[id(node)][1]
        if function is None:
            # what it binds is of the scope around it
            level = self.level
            self._enter_branch()
            found = self._comprehension(node)
            self.level = level
            return found
        made = Function(self, function, self._around(), {})
        first = self.evaluate(node.generators[0].iter)
        return Generated(made, Arguments([first], {}, node=node), node, self.scope)

    def _dict_comprehension(self, node: ast.DictComp) -> Value:
        made = Entries({}, None, self.level)

        def add(sure: bool) -> None:
            key = as_key(self.evaluate(node.key))
            value = self.evaluate(node.value)
            if self.rehearsing:
                return
            if self.shuffled and is_key(key) and key in made.items:
                # it is not known which comes last
                value = join(made.items[key], value, operations.SHUFFLED)
            operations.assign(made, key, value, made.level if sure else self.level)

        first = self.evaluate(node.generators[0].iter)
        more, made.shuffled = self._each(node.generators, first, add)
        if not (made.items or made.rest or more or self.rehearsing):
            self._skip([node.key, node.value], "in a loop over nothing")
        if more is not None:
            made.rest = either(made.rest, more)
        return made

    def _each(
        self,
        generators: list[ast.comprehension],
        first: Value,
        add: Callable[[bool], None],
    ) -> tuple[Unknown | None, bool]:
        """
        Carry out `add` for every round; return why there may be others.

        The outermost rounds are over `first`. `add` is told whether it is sure how many rounds came before. Returned is, too,
        whether the order of the rounds is not known.
        """
        outside, shuffled, rehearsing = self.scope, self.shuffled, self.rehearsing
        self.scope = RoundScope(outside, self._around(), self.level)
        self.shuffled = self.rehearsing = False
        try:
            return self._rounds(generators, add, None, first), self.shuffled
        finally:
            self.scope, self.shuffled = outside, shuffled
            self.rehearsing = rehearsing

    def _rounds(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        before: Unknown | None,
        given: Value | None = None,
    ) -> Unknown | None:
        if not generators:
            add(before is None)
            return before
        first, others = generators[0], generators[1:]
        iterated = self.evaluate(first.iter) if given is None else given
        watch = Watch(iterated)
        if isinstance(iterated, HANDED_OUT):
            iterated = operations.all_of(iterated)
        if isinstance(iterated, (Items, Entries)) and iterated.shuffled:
            return self._rounds_shuffled(generators, add, before, iterated)
        items, more = operations.items_of(iterated)
        if len(items) > MAX_ITERATIONS or self.exhausted:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        changed = None
        for position, item in enumerate(items):
            changed = watch.change(position)
            if changed is not None:
                break
            self.work += 1
            charge()
            self._store(first.target, item)
            passed = self._passes(first)
            if passed is True:
                before = self._rounds(others, add, before)
            elif isinstance(passed, Unknown):
                before = before or passed
                self._once(others, add, passed)
        if items and changed is None:
            changed = watch.change(len(items))
        more = either(changed, more)
        if more is not None:
            self._store(first.target, more)
            self._once(others, add, more)
        return either(before, more)

    def _rounds_shuffled(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        before: Unknown | None,
        iterated: Value,
    ) -> Unknown | None:
        """Follow rounds in an order that is not known, as `_shuffle` does."""
        first, others = generators[0], generators[1:]
        level, recording = self.level, self.world.recording
        rehearsing = self.rehearsing
        items, more = operations.members_of(iterated)
        if len(items) > MAX_ITERATIONS or self.exhausted:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        try:
            for final in (False, True):
                self.world.recording = recording and final
                self.shuffled = True
                why = before
                for item in items:
                    self.work += 1
                    charge()
                    self._enter_branch()
                    self._store(first.target, item)
                    passed = self._passes(first)
                    if passed is not False:
                        why = why or (None if passed is True else passed)
                        self.rehearsing = rehearsing or not final
                        self._rounds(others, add, why)
        finally:
            self.level, self.world.recording = level, recording
            self.rehearsing = rehearsing
        before = why
        if more is not None:
            self._store(first.target, more)
            self._once(others, add, more)
        return either(before, more)

    def _once(
        self,
        generators: list[ast.comprehension],
        add: Callable[[bool], None],
        why: Unknown,
    ) -> None:
        """Follow a round that may not happen, or more than once."""
        level = self.level
        self._enter_branch()
        self.repeating += 1
        try:
            self._rounds(generators, add, why)
        finally:
            self.level = level
            self.repeating -= 1

    def _passes(self, generator: ast.comprehension) -> bool | Unknown:
        for test in generator.ifs:
            decided = truth(self.evaluate(test))
            if decided is not True:
                return decided
        return True

    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = Loops._EXPRESSIONS | {
        ast.ListComp: _comprehension,
        ast.SetComp: _comprehension,
        ast.GeneratorExp: _generator,
        ast.DictComp: _dict_comprehension,
    }


def _as_function(node: ast.GeneratorExp) -> ast.FunctionDef:
    """Return the function that Python makes of a generator expression."""
    body: ast.stmt = ast.Expr(ast.Yield(node.elt))
    first: ast.expr = ast.Name(_FIRST, ast.Load())
    for generator in reversed(node.generators):
        for test in reversed(generator.ifs):
            body = ast.If(test, [body], [])
        outermost = generator is node.generators[0]
        body = ast.For(
            generator.target, first if outermost else generator.iter, [body], []
        )
    taken = ast.arguments([], [ast.arg(_FIRST)], None, [], [], None, [])
    made = ast.FunctionDef("genexpr", taken, [body], [])
    return ast.fix_missing_locations(ast.copy_location(made, node))
