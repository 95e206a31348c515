"""Loops: known rounds one by one, unknown ones for any number of times."""

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, cast

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import either, lost
from dagwarden.sources.dags.language.interpret.branches import QUICK
from dagwarden.sources.dags.language.interpret.functions import (
    FUNCTIONS,
    Functions,
    Stopped,
)
from dagwarden.sources.dags.language.interpret.state import (
    BREAK,
    CONTINUE,
    NEXT,
    RAISE,
    RETURN,
    Block,
    Loop,
)
from dagwarden.sources.dags.language.objects import (
    UNFOLLOWED,
    Context,
    Decorated,
    Follower,
    Function,
    Generated,
    Instance,
    Names,
    escape,
)
from dagwarden.sources.dags.language.tree import LEAVES, parts
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Once,
    Unknown,
    Value,
    View,
    cause,
    truth,
)
from dagwarden.sources.dags.language.work import charge

MAX_ITERATIONS = 1_000

# Rounds of a `while` whose condition is known.
MAX_TURNS = 100


class Iterating(Once):
    """What a built-in function makes that goes through others when it is asked."""

    __slots__ = ("arguments", "level", "name", "reader", "rest", "taken")

    def __init__(self, reader: Follower, name: str, arguments: Arguments) -> None:
        """Wait to be asked for what the function `name` makes of `arguments`."""
        self.reader = reader
        self.name = name
        self.arguments = arguments
        self.level = reader.level
        # how much of it was asked for, one by one
        self.taken = 0
        # why it is not known what it gives from now on
        self.rest: Unknown | None = None

    def describe(self) -> str:
        """Return what a person would call it."""
        return f"{self.name}()"

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        why = self.rest or Unknown("dynamic", self.describe())
        return lost(why, *self.arguments.positional)

    def each(self) -> Value:
        """Return all that is left of it, and leave nothing."""
        if self.rest is not None or self.reader.level != self.level:
            self.escaped()
            return self.unknown()
        self.rest = Unknown("dynamic", f"what is left of {self.describe()}")
        found = operations.builtin(self.name, operations.asked(self.arguments))
        return self._left_of(found) if self.taken else found

    def _left_of(self, found: Value) -> Value:
        if isinstance(found, Items) and not found.shuffled:
            return Items(found.kind, found.items[self.taken :], found.more, found.level)
        return self.unknown()

    def first(self, default: list[Value]) -> Value:
        """Return what comes next, and leave the rest where that is still in its place."""
        places = self.name in ("iter", "enumerate", "zip") and all(
            type(one) is Items and not one.shuffled and one.more is None
            for one in self.arguments.positional
        )
        if not places or self.rest is not None or self.reader.level != self.level:
            return _first_of(self.each(), default)
        # it asks a list for one place after the other, whatever is there by then
        found = self._left_of(operations.builtin(self.name, self.arguments))
        if isinstance(found, Items) and found.items:
            self.taken += 1
            return found.items[0]
        # what came to its end once gives nothing any more
        self.arguments, self.taken = Arguments([Items("list", [])], {}), 0
        return _first_of(found, default)

    def escaped(self) -> None:
        """Count it as asked for, as what it goes through."""
        self.rest = self.rest or UNFOLLOWED
        escape(*(one for one in self.arguments.positional if runs_code(one)))


_GONE = Unknown("dynamic", "what a dict held")


class Watch:
    """What a loop is over, to tell when a round changes what later ones meet."""

    __slots__ = ("backwards", "held", "shown")

    def __init__(self, iterated: Value) -> None:
        """Keep what is there before the first round."""
        sources, self.backwards = [iterated], False
        if isinstance(iterated, Iterating):
            sources = iterated.arguments.positional
            self.backwards = iterated.name == "reversed"
        self.held = [
            (one, list(one.items), one.more)
            for one in sources
            if isinstance(one, Items) and one.kind in ("list", "bag")
        ]
        self.shown = [
            (one.held, list(one.held.items.items()), one.held.rest)
            for one in sources
            if isinstance(one, View) and one.of != "keys"
        ]

    def change(self, position: int) -> Unknown | None:
        """Return why the round `position` is over another item than it was, or None."""
        for entries, pairs, rest in self.shown:
            # a dict that grows or shrinks ends the loop with an error
            size = len(pairs)
            place = size - 1 - position if self.backwards else position
            kept = len(entries.items) == size and entries.rest is rest
            if kept and 0 <= place < size:
                key, item = pairs[place]
                kept = entries.items.get(key, _GONE) is item
            if not kept:
                return lost(Unknown("dynamic", "a loop over what it changes"), entries)
        for one, items, more in self.held:
            size = len(items)
            place = size - 1 - position if self.backwards else position
            kept = len(one.items) == size and one.more is more
            if kept and 0 <= place < size:
                kept = one.items[place] is items[place]
            if not kept:
                why = Unknown("dynamic", "a loop over what it changes")
                return lost(why, *(source for source, _, _ in self.held))
        return None


# What a loop is over as it was when the loop began, or was handed out once.
HANDED_OUT = (Iterating, View)


class Loops(Functions):
    """Follows loops."""

    def _for(self, node: ast.For | ast.AsyncFor) -> int:
        iterated = self.evaluate(node.iter)
        if isinstance(iterated, Instance):
            iterated = iterated.iterated()
        watch = Watch(iterated)
        if isinstance(iterated, HANDED_OUT):
            iterated = operations.all_of(iterated)
        if isinstance(iterated, (Items, Entries)) and iterated.shuffled:
            return self._for_shuffled(node, iterated)
        if isinstance(iterated, Generated) and not _leaves(node.body):
            if self._can_drive(iterated):
                return self._for_generated(node, iterated)
            iterated.escaped()
        items, more = operations.items_of(iterated)
        if not items and not more:
            self._skip(node.body, "in a loop over nothing")
        return self._loop(
            items,
            more,
            lambda value: self._store(node.target, value),
            node.body,
            node.orelse,
            watch,
        )

    def _for_shuffled(self, node: ast.For | ast.AsyncFor, iterated: Value) -> int:
        """Follow a loop whose rounds are in an order that is not known."""
        values, more = operations.members_of(iterated)
        why = lost(more or operations.SHUFFLED, *values)
        if more is not None or len(values) > MAX_ITERATIONS:
            # there may be rounds of any number
            self.repeating += 1
            values = [*values[:MAX_ITERATIONS], why]
        level, left = self.level, self.frame.left
        outermost, self.shuffling = self.shuffling, self.shuffling or self.branches + 1
        self.loops.append(Loop())
        try:
            self._shuffle(node, values, why)
        finally:
            self.loops.pop()
            self.level, self.shuffling = level, outermost
            if values[-1] is why:
                self.repeating -= 1
        if self.frame.left != left:
            # what follows may not happen, until the function ends
            self._enter_branch()
        if node.orelse:
            return self._either(why, [lambda: self._block(node.orelse), lambda: NEXT])
        return NEXT

    def _shuffle(
        self, node: ast.For | ast.AsyncFor, values: list[Value], why: Unknown
    ) -> None:
        """Follow a round for each of `values`, whichever comes first."""
        before, recording, loop = self.scope.names, self.world.recording, self.loops[-1]
        assigned = bound_names([node])
        ends: list[Names] = [before]
        # once for what any round does to what the others begin with, once for good
        for final in (False, True):
            self.world.recording = recording and final
            charge((len(values) + 1) * (1 + len(before) // QUICK))
            start = dict(before)
            _mingle(start, sorted(assigned), ends, why)
            ends = list[Names]()
            for value in values:
                self.scope.names = dict(start)
                self._enter_branch()
                try:
                    self._store(node.target, value)
                    self._block(node.body)
                finally:
                    self.world.recording = recording
                self.world.recording = recording and final
                ends += [self.scope.names, *loop.continues, *loop.breaks]
                loop.continues, loop.breaks = [], []
            assigned |= _changed(before, ends)
        self.world.recording = recording
        self.scope.names = self._joined(ends, why)

    def _while(self, node: ast.While) -> int:
        decided = truth(self.evaluate(node.test))
        if decided is False:
            self._skip(node.body, "in a branch whose condition is never true")
            return self._block(node.orelse)
        return self._rounds_of(lambda: self._turns(node, decided), node.orelse)

    def _turns(self, node: ast.While, decided: bool | Unknown) -> int:
        """Follow the rounds of a `while`, each as long as its condition is known."""
        loop, turns = self.loops[-1], 0
        forever = isinstance(node.test, ast.Constant)
        endless = forever and not _leaves(node.body)
        most = 0 if endless else MAX_TURNS
        while decided is True and turns < most and not self.exhausted:
            turns += 1
            left, held = self._left(), dict(self.scope.names)
            charge(1 + len(held) // QUICK)
            ending = self._block(node.body)
            if ending not in (NEXT, CONTINUE):
                return ending
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            loop.continues = []
            decided = truth(self.evaluate(node.test))
            if self._left() != left + (ending == CONTINUE):
                # it may have ended
                break
            if forever and not _changed(held, [self.scope.names]):
                # only what is not known ends it
                break
        if decided is not False:
            why = decided if isinstance(decided, Unknown) else None
            more = why or Unknown("dynamic", "while")
            self._repeat(more, lambda _: self._tested(node), node.body)
        return NEXT

    def _tested(self, node: ast.While) -> None:
        self.evaluate(node.test)

    def _loop(
        self,
        items: list[Value],
        more: Unknown | None,
        assign: Callable[[Value], None],
        body: list[ast.stmt],
        orelse: list[ast.stmt],
        watch: Watch | None = None,
    ) -> int:
        if len(items) > MAX_ITERATIONS:
            items, more = [], lost(operations.TOO_LARGE, more, *items)
        follow = partial(self._iterate, items, more, assign, body, watch)
        return self._rounds_of(follow, orelse)

    def _rounds_of(self, follow: Block, orelse: list[ast.stmt]) -> int:
        """Follow the rounds of a loop, and what comes after them."""
        level, left = self.level, self.frame.left
        self.loops.append(Loop())
        try:
            ending = follow()
        finally:
            loop = self.loops.pop()
        if ending in (RETURN, RAISE):
            return ending
        self.level = level
        if self.frame.left != left:
            # what follows may not happen, until the function ends
            self._enter_branch()
        if ending == BREAK or not orelse:
            names = [self.scope.names, *loop.breaks]
            self.scope.names = self._joined(names, self.why)
            return NEXT
        if not loop.breaks:
            return self._block(orelse)
        # a loop that was left does not come to its `else`
        broken = [dict(names) for names in loop.breaks]

        def leave() -> int:
            self.scope.names = self._joined(broken, self.why)
            return NEXT

        return self._either(self.why, [lambda: self._block(orelse), leave])

    def _iterate(
        self,
        items: list[Value],
        more: Unknown | None,
        assign: Callable[[Value], None],
        body: list[ast.stmt],
        watch: Watch | None,
    ) -> int:
        changed = None
        for position, item in enumerate(items):
            if self.exhausted:
                more = lost(operations.TOO_LARGE, more, *items[position:])
                break
            changed = watch.change(position) if watch is not None else None
            if changed is not None:
                break
            assign(item)
            ending = self._block(body)
            loop = self.loops[-1]
            if ending not in (NEXT, CONTINUE):
                return ending
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            loop.continues = []
        if watch is not None and items and changed is None:
            changed = watch.change(len(items))
        more = either(changed, more)
        if more is not None:
            self._repeat(more, assign, body)
        return NEXT

    def _bound_in(self, body: list[ast.stmt]) -> list[str]:
        """Return the names that the body of a loop binds; it is looked at once."""
        if id(body) not in self.bound_in:
            self.bound_in[id(body)] = body, sorted(bound_names(body))
        charge()
        return self.bound_in[id(body)][1]

    def _repeat(
        self, why: Unknown, assign: Callable[[Value], None], body: list[ast.stmt]
    ) -> None:
        """Follow `body` for any number of times it may run."""
        before, level, recording = self.scope.names, self.level, self.world.recording
        # copied thrice
        charge(3 + 3 * len(before) // QUICK)
        self._enter_branch()
        assigned = self._bound_in(body)
        self.scope.names = start = dict(before)
        _mingle(start, [name for name in assigned if name in before], [start], why)
        self.scope.names = dict(start)
        # once for what it does to containers made before it, once for good
        self.world.recording = False
        self.repeating += 1
        try:
            if not self.exhausted:
                assign(why)
                self._block(body)
        except RecursionError:
            self.repeating -= 1
            raise
        finally:
            self.world.recording = recording
        # what one round binds, the next begins with
        ends = [start, self.scope.names, *self.loops[-1].continues]
        changed = _changed(start, ends[1:2]).union(assigned)
        charge(len(before))
        _mingle(start, [name for name in sorted(changed) if name in before], ends, why)
        self.scope.names = start
        assign(why)
        loop = self.loops[-1]
        try:
            if self._block(body) == BREAK:
                loop.breaks.append(self.scope.names)
        finally:
            self.repeating -= 1
        ends = [before, self.scope.names, *loop.continues]
        self.scope.names = self._joined([dict(before), *ends[1:]], why)
        loop.continues = []
        self.level = level

    def _yield_from(self, node: ast.YieldFrom) -> Value:
        value = self.evaluate(node.value)
        yields = self.frame.yields
        if yields is not None:
            if isinstance(value, Generated) and self._can_drive(value):
                self._drive(value, yields)
            else:
                self._loop(*operations.items_of(value), yields, [], [], Watch(value))
        return Unknown("dynamic", "yield from")

    def _for_generated(self, node: ast.For | ast.AsyncFor, given: Generated) -> int:
        """Follow a loop over what a generator yields, each round where it yields."""
        rounds = 0

        def follow(value: Value) -> None:
            nonlocal rounds
            rounds += 1
            self.loops.append(Loop())
            try:
                self._store(node.target, value)
                ending = self._block(node.body)
            finally:
                loop = self.loops.pop()
            names = [self.scope.names, *loop.continues]
            self.scope.names = self._joined(names, self.why)
            if ending == RAISE:
                raise Stopped

        self._drive(given, follow)
        if not rounds:
            self._skip(node.body, "in a loop over nothing")
        return self._block(node.orelse)

    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = Functions._STATEMENTS | {
        ast.For: _for,
        ast.AsyncFor: _for,
        ast.While: _while,
    }

    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = (
        Functions._EXPRESSIONS
        | {
            ast.YieldFrom: _yield_from,
        }
    )


def _first_of(iterated: Value, default: list[Value]) -> Value:
    """Return what `next` gives of an iterator over `iterated`."""
    items, more = operations.items_of(iterated)
    if items:
        return items[0]
    if default and more is None:
        return default[0]
    why = cause(iterated) or more or Unknown("dynamic", "next()")
    return lost(why, iterated, *default)


def runs_code(value: Value) -> bool:
    """Say whether who gets `value` may run code of the repository by it."""
    return isinstance(value, (Function, Decorated, Once, Context))


def _mingle(names: Names, assigned: list[str], ends: list[Names], why: Unknown) -> None:
    """Make `assigned` unknown: any may be what any of them is at any of `ends`."""
    charge(len(assigned) * len(ends))
    held = [end[name] for end in ends for name in assigned if name in end]
    unknown = lost(why, *held)
    names |= dict.fromkeys(assigned, unknown)


def bound_names(body: Sequence[ast.stmt]) -> set[str]:
    """Return the names that `body` binds, functions inside it aside."""
    found: set[str] = set()
    waiting: list[object] = list(body)
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            if not isinstance(part.ctx, ast.Load):
                found.add(part.id)
        elif isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(part.name)
        elif isinstance(part, ast.alias):
            found.add((part.asname or part.name).partition(".")[0])
        elif type(part) is list:
            waiting += cast("list[object]", part)
        elif type(part) not in LEAVES and isinstance(part, ast.AST):
            charge()
            waiting += vars(part).values()
    return found


def _changed(before: Names, ends: list[Names]) -> set[str]:
    """Return the names that are another at any of `ends`."""
    return {
        name
        for end in ends
        for name, value in end.items()
        if before.get(name) is not value
    }


def _leaves(body: Sequence[ast.stmt]) -> bool:
    """Say whether `body`, of a loop, may end the loop or the function around it."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        charge()
        node = waiting.pop()
        if isinstance(node, (ast.Break, ast.Return, ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, FUNCTIONS):
            waiting += parts(node)
    return False
