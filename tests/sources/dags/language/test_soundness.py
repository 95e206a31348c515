"""
What the reader calls known is what Python computes, whatever the unknown turns out.

Random small programs ask questions whose answers the reader cannot see. Python runs
each under many answers: a value that the reader calls known must be the same in all.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import permutations
from typing import cast

import pytest
from tests.sources.dags.conftest import NoFiles

from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.dates import Moment
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Finder, Instance, Source
from dagwarden.sources.dags.language.values import Entries, Items, Thing, Unknown, Value
from dagwarden.sources.dags.parse import parsed

ROUNDS = 12
NAMES = ("a", "b", "c")


class Program:
    """Writes a random program; `ask()` is true or false, `some()` a list, as asked."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.lines: list[str] = []
        self.functions = 0

    def value(self, depth: int = 0) -> str:
        pick = self.rng.choice
        if depth > 2:
            return pick(["1", "'k'", "None", *NAMES])
        inner = [self.value(depth + 1) for _ in range(2)]
        return pick(
            [
                "0",
                "2",
                "'k'",
                "'l'",
                *NAMES,
                f"[{inner[0]}, {inner[1]}]",
                f"({inner[0]},)",
                f"{{'k': {inner[0]}, 'l': {inner[1]}}}",
                f"{{'k': {inner[0]}, **{inner[1]}}}",
                f"({inner[0]} if {self.test()} else {inner[1]})",
                f"({inner[0]} or {inner[1]})",
                f"({inner[0]} and {inner[1]})",
                f"({inner[0]} == {inner[1]})",
                f"({inner[0]} in [{inner[1]}])",
                f"(not {inner[0]})",
                f"('%s-' % ({inner[0]},))",
                f"({inner[0]} + {inner[1]})",
                f"(d.get('k', {inner[0]}))",
                f"(d.setdefault('m', {inner[0]}))",
                f"(d.pop('k', {inner[0]}))",
                "d['k']",
                "e[0]",
                "e[-1]",
                "len(e)",
                "list(d)",
                "[i for i in e]",
                "[i for i in [1, 2, 3] if i != 2]",
                f"[{inner[0]} for i in some()]",
                "str(len(d))",
                "sorted(['b', 'a'])",
                "'-'.join(['a', 'b'])",
            ]
        )

    def test(self) -> str:
        return self.rng.choice(
            ["ask()", "ask()", "a", "a == b", "'k' in d", "True", "e"]
        )

    def block(self, indent: str, depth: int, kind: str) -> None:
        for _ in range(self.rng.randint(1, 3)):
            self.statement(indent, depth, kind)

    def statement(self, indent: str, depth: int, kind: str) -> None:
        add = self.lines.append
        choice = self.rng.randrange(21 if depth < 3 else 9)
        name, value = self.rng.choice(NAMES), self.value()
        below = indent + " "
        if choice < 3:
            add(f"{indent}{name} = {value}")
        elif choice == 3:
            add(f"{indent}{name} = {self.rng.choice('de')}")
        elif choice == 4:
            add(
                f"{indent}{self.rng.choice(['d', 'd', name])}[{self.value(2)}] = {value}"
            )
        elif choice == 5:
            changes = [
                "e.append({})",
                "e.insert(0, {})",
                "d.update(k={})",
                "e.extend([{}])",
            ]
            add(indent + self.rng.choice(changes).format(value))
        elif choice == 6:
            add(f"{indent}{name} {self.rng.choice(['+=', '|='])} {value}")
        elif choice == 7:
            add(
                indent
                + self.rng.choice(
                    ["d = {}", "e = []", "del d['k']", "d = {'k': 1}", "e = [a]"]
                )
            )
        elif choice == 8:
            leave = {"loop": ["break", "continue"], "function": ["return a"]}.get(kind)
            add(indent + (self.rng.choice(leave) if leave and depth else f"{name} = 1"))
        elif choice < 14:
            add(f"{indent}if {self.test()}:")
            self.block(below, depth + 1, kind)
            if self.rng.random() < 0.6:
                add(f"{indent}else:")
                self.block(below, depth + 1, kind)
        elif choice < 17:
            over = self.rng.choice(
                ["some()", "some()", "[1, 2]", "list(e)", "list(d)", "list(d.items())"]
            )
            add(f"{indent}for {name} in {over}:")
            self.block(below, depth + 1, "loop")
        elif choice == 17:
            add(f"{indent}try:")
            self.block(below, depth + 1, kind)
            add(
                f"{indent}except {self.rng.choice(['KeyError', 'Exception', 'ImportError'])}:"
            )
            self.block(below, depth + 1, kind)
        else:
            self.function(indent, depth)

    def function(self, indent: str, depth: int) -> None:
        if kind_is_nested(indent):
            self.lines.append(f"{indent}a = b")
            return
        self.functions += 1
        made = f"f{self.functions}"
        self.lines.append(f"{indent}def {made}(a, b=b):")
        self.lines.append(f"{indent} c = 0")
        self.block(indent + " ", depth + 1, "function")
        self.lines.append(f"{indent}c = {made}({self.value()})")

    def text(self) -> str:
        self.lines = ["a, b, c, d, e = 1, 'k', None, {'k': 1}, ['k']"]
        for _ in range(self.rng.randint(3, 9)):
            self.statement("", 0, "module")
        return "\n".join(self.lines)


class Aliasing(Program):
    """Writes a program in which names are one of several containers, and change them."""

    def value(self, depth: int = 0) -> str:
        pick = self.rng.choice
        name, other = pick("abcde"), pick("abcde")
        if depth > 1:
            return pick(["1", "'k'", name])
        return pick(
            [
                name,
                f"{name} if {self.test()} else {other}",
                f"({name} if ask() else {other})",
                f"({name} if ask() else None)",
                f"({name} or {other})",
                f"(ask() and {name})",
                f"{{'k': {name}, 'l': {other}}}",
                f"[{name}, {other}]",
                f"{name}['k']",
                f"{name}.get('k', {other})",
                f"{name}.setdefault('k', {other})",
                f"[{name}, {other}][ask()]",
                f"[{name}, {other}][-1]",
                f"{{**{name}, 'k': {other}}}",
                f"list({name})",
                f"[i for i in {name} if ask()]",
                f"[i for _ in some() for i in {name}]",
                f"{name}[:1]",
                f"{name}[:len(some())]",
                f"dict({name})",
                f"dict({name}).pop(some()[0], {other})",
                f"{name}[some()[0]]",
                f"{name} + [{other}]",
                f"change({name}, {other})",
                f"give({name})",
                f"(lambda i: i)({name})",
                f"max([{name}, {other}], key=len)",
            ]
        )

    def statement(self, indent: str, depth: int, kind: str) -> None:
        add = self.lines.append
        pick = self.rng.choice
        name, other, below = pick("abcde"), pick("abcde"), indent + " "
        changes = [
            f"{name}['k'] = {self.value()}",
            f"{name}['l'] = {self.rng.randrange(9)}",
            f"{name}['k']['l'] = {self.rng.randrange(9)}",
            f"{name}[0] = {self.value()}",
            f"{name}[-1] = {self.value()}",
            f"{name}[0]['l'] = {self.rng.randrange(9)}",
            f"{name}[some()[0]] = {self.value()}",
            f"{name}.append({self.value()})",
            f"{name}.insert(0, {self.value()})",
            f"{name}.reverse()",
            f"{name}.extend({other})",
            f"{name}.update(k={self.value()})",
            f"{name}.update({other})",
            f"{name}.clear()",
            f"{name}.pop('l')",
            f"{name} += [{self.value()}]",
            f"{name} *= 2",
            f"{name} |= {{'m': {self.value()}}}",
            f"del {name}['l']",
            f"del {name}[0]",
            f"change({name}, {self.value()})",
        ]
        choice = self.rng.randrange(12 if depth < 2 else 8)
        if choice < 3:
            add(f"{indent}{name} = {self.value()}")
        elif choice < 8:
            add(
                indent
                + (
                    pick(["break", "continue"])
                    if kind == "loop" and self.rng.random() < 0.1
                    else pick(changes)
                )
            )
        elif choice < 10:
            add(f"{indent}if {self.test()}:")
            self.block(below, depth + 1, kind)
            if self.rng.random() < 0.4:
                add(f"{indent}else:")
                self.block(below, depth + 1, kind)
        else:
            over = pick(
                [
                    f"[{name}, {other}]",
                    "some()",
                    f"list({name})",
                    f"list({name}.values())",
                ]
            )
            add(f"{indent}for {pick('abc')} in {over}:")
            self.block(below, depth + 1, "loop")

    def text(self) -> str:
        self.lines = [
            "def change(x, y):",
            f" x[{self.rng.choice(['0', repr('k'), repr('l')])}] = y",
            " return x",
            "def give(x, kept={'k': {}}):",
            " if ask():",
            "  return x",
            " kept['l'] = 2",
            " return kept",
            "a, b, c = {'k': {'l': 1}, 'l': 0}, {'k': {'l': 1}, 'l': 0}, {'l': 1}",
            "d, e = [{'l': 3}, 'k'], [{'l': 3}, a]",
        ]
        for _ in range(self.rng.randint(3, 8)):
            self.statement("", 0, "module")
        return "\n".join(self.lines)


class Ordering(Program):
    """Writes a program that meets values in an order that only Python decides."""

    def value(self, depth: int = 0) -> str:
        pick = self.rng.choice
        name = pick("abcde")
        if depth > 1:
            return pick(["1", "'k'", "2", name])
        inner, other = self.value(depth + 1), self.value(depth + 1)
        return pick(
            [
                name,
                "set(['k', 'l', 'm'])",
                "set([1, 2])",
                f"set([{inner}, {other}])",
                f"list({name})",
                f"tuple({name})",
                f"sorted({name})",
                f"[i for i in {name}]",
                f"[(i, {inner}) for i in set(['k', 'l'])]",
                f"[(i, j) for i in {name} for j in set([1, 2])]",
                f"[i for i in {name} if i != 'k']",
                f"{{i: {inner} for i in set(['k', 'l'])}}",
                f"{{1: i for i in {name}}}",
                "[(len(e), e.append(i), i) for i in set([1, 2])]",
                f"{name} == {other}",
                f"{inner} in {name}",
                f"len({name})",
                f"max({name})",
                f"sum({name})",
                f"any({name})",
                f"list(enumerate({name}))",
                f"list(zip({name}, {other}))",
                f"list(reversed({name}))",
                f"{name}[0]",
                f"{name}[:1]",
                f"{name} + {other}",
                f"{name} + [{inner}]",
                f"list({name}.items())",
                f"list({name}.values())",
                f"dict({name})",
                f"{{**{name}, 'x': {inner}}}",
                f"'-'.join({name})",
                f"'k'.startswith(tuple({name}))",
                f"(ask() and {name})",
                "tick()",
            ]
        )

    def statement(self, indent: str, depth: int, kind: str) -> None:
        add = self.lines.append
        pick = self.rng.choice
        name, other, below = pick("abcde"), pick("abcde"), indent + " "
        changes = [
            f"{name} = {self.value()}",
            f"{name} = {self.value()}",
            f"{name}.append({self.value()})",
            f"{name}.add({self.value()})",
            f"{name}.extend({other})",
            f"{name}.update({other})",
            f"{name}[{self.value(2)}] = {self.value()}",
            f"{name}[0] = {self.value()}",
            f"{name} += {self.value()}",
            f"{name}.sort()",
            f"{name}.pop()",
            f"{name}, *{other} = {self.value()}",
            "tick()",
        ]
        choice = self.rng.randrange(10 if depth < 2 else 6)
        if choice < 6:
            leave = {"loop": ["break", "continue"], "function": ["return a"]}.get(kind)
            if leave and any(line.startswith("def f") for line in self.lines[-9:]):
                leave = [*leave, *(["return a"] if indent else [])]
            add(
                indent
                + (pick(leave) if leave and self.rng.random() < 0.15 else pick(changes))
            )
        elif choice == 6:
            add(f"{indent}if {pick(['ask()', f'{name} == {other}', name])}:")
            self.block(below, depth + 1, kind)
        elif choice < 9:
            add(f"{indent}for {name} in {pick([self.value(), 'set([1, 2, 3])'])}:")
            self.block(below, depth + 1, "loop")
            if self.rng.random() < 0.2:
                add(f"{indent}else:")
                self.block(below, depth + 1, kind)
        else:
            self.function(indent, depth)

    def text(self) -> str:
        self.lines = [
            "n = 0",
            "def tick():",
            " global n",
            " n = n + 1",
            " return n",
            "a, b, c = set(['k', 'l']), ['k'], {'k': 1}",
            "d, e = 'k', []",
        ]
        for _ in range(12):
            before = list(self.lines)
            self.statement("", 0, "module")
            if all(run("\n".join(self.lines), answer) is None for answer in range(3)):
                self.lines = before
        return "\n".join(self.lines)


class Yielding(Program):
    """
    Writes a program with generators, met in loops, calls and contexts.

    What a loop is over is a copy: a program that adds to it would never end.
    """

    def value(self, depth: int = 0) -> str:
        pick = self.rng.choice
        name, other = pick("abcde"), pick("abcde")
        if depth > 1:
            return pick(["1", "'k'", "2", name, name])
        inner = self.value(depth + 1)
        return pick(
            [
                name,
                f"[{inner}]",
                f"{{'k': {inner}}}",
                f"list(g({inner}))",
                f"[i for i in g({inner})]",
                f"g({inner})",
                f"(i for i in list({name}))",
                f"list((i, {other}) for i in list({name}))",
                f"tuple({name})",
                f"list({name})",
                f"any(tick() for i in {name})",
                f"any(i == {inner} for i in {name})",
                "sum(tick() for i in [1, 2])",
                f"next(g({inner}), {other})",
                f"(ask() and {name})",
                "sorted(j for j in set(['k', 'l']) if ask())",
                "sorted(j for j in set(['k', 'l']))",
                f"{name} + {other}",
                f"{name}['k']",
                f"len({name})",
                f"sorted({name}, key=lambda i: i != {inner})",
                f"sorted({name}, key=lambda i: tick(), reverse=True)",
                f"max({name}, key=lambda i: i == {inner}, default={other})",
                f"map(lambda i: ({other}, tick()), list({name}))",
                f"list(map(str, {name}))",
                f"list(filter(None, {name}))",
                f"filter(lambda i: i not in e, list({name}))",
                f"reduce(lambda i, j: [i, j, tick()], {name}, {inner})",
                f"list(product({name}, [1, {other}]))",
                f"list(combinations({name}, 2))",
                f"isinstance({name}, (list, str))",
                f"isinstance({inner}, dict)",
                f"m[{inner}]",
                f"m[{pick(['1', repr('k')])}].append({other})",
                "dict(m)",
                f"(next(map(tick, [])) if ask() else {name})",
                "tick()",
            ]
        )

    def statement(self, indent: str, depth: int, kind: str) -> None:
        add = self.lines.append
        pick = self.rng.choice
        name, other, below = pick("abcde"), pick("abcde"), indent + " "
        choice = self.rng.randrange(12 if depth < 2 else 6)
        if choice < 6:
            leave = {"loop": ["break", "continue"]}.get(kind, [])
            changes = [
                f"{name} = {self.value()}",
                f"{name} = {self.value()}",
                f"{name}.append({self.value()})",
                f"{name}['k'] = {self.value()}",
                f"{name} += {self.value()}",
                f"{name}, {other} = {self.value()}",
                "tick()",
            ]
            if leave and self.rng.random() < 0.15:
                changes = leave
            add(indent + pick(changes))
        elif choice == 6:
            add(f"{indent}if {pick(['ask()', f'{name} == {other}', name])}:")
            self.block(below, depth + 1, kind)
        elif choice < 10:
            over = pick(["g({})", "g({})", "list({})"]).format(self.value(1))
            add(f"{indent}for {name} in {over}:")
            self.block(below, depth + 1, "loop")
            if self.rng.random() < 0.2:
                add(f"{indent}else:")
                self.block(below, depth + 1, kind)
        else:
            add(f"{indent}with context({self.value()}) as {name}:")
            self.block(below, depth + 1, "with")

    def generator(self, indent: str, depth: int) -> None:
        pick = self.rng.choice
        for _ in range(self.rng.randint(1, 3)):
            choice = self.rng.randrange(8)
            if choice < 3:
                self.lines.append(f"{indent}yield {pick(['x', 'n', 'e', 'c', '[x]'])}")
            elif choice == 3:
                change = pick(["e.append(n)", "c['k'] = n", "tick()", "x = n"])
                self.lines.append(indent + change)
            elif choice == 4 and depth < 2:
                self.lines.append(f"{indent}if {pick(['ask()', 'x', 'n == 2'])}:")
                self.generator(indent + " ", depth + 1)
            elif choice == 5 and depth < 2:
                over = pick(["list(e)", "x", "[1, 2]", "some()", "set([1, 2])"])
                self.lines.append(f"{indent}for x in {over}:")
                self.generator(indent + " ", depth + 1)
            elif choice == 6:
                self.lines.append(
                    f"{indent}yield from {pick(['[x, n]', 'list(e)', 'h()'])}"
                )
            else:
                self.lines.append(f"{indent}if ask(): return")

    def text(self) -> str:
        self.lines = [
            "from collections import defaultdict",
            "from contextlib import contextmanager",
            "from functools import reduce",
            "from itertools import combinations, product",
            "m = defaultdict(list)",
            "n = 0",
            "def tick():",
            " global n",
            " n = n + 1",
            " return n",
            "a, b, c = [1], ['k'], {'k': 1}",
            "d, e = 'k', []",
            "def h():",
            " yield n",
            " yield tick()",
            "def g(x):",
        ]
        self.generator(" ", 0)
        self.lines += [
            " yield 3",
            "@contextmanager",
            "def context(x):",
            f" {self.rng.choice(['tick()', 'e.append(1)', 'if ask(): tick()'])}",
            f" {self.rng.choice(['if True:', 'try:', 'with given():'])}",
            f"  yield {self.rng.choice(['x', 'c', 'n'])}",
        ]
        if self.lines[-2] == " try:":
            self.lines.append(" finally: e.append(2)")
        self.lines.append(" tick()")
        for _ in range(12):
            before = list(self.lines)
            self.statement("", 0, "module")
            if all(run("\n".join(self.lines), answer) is None for answer in range(3)):
                self.lines = before
        return "\n".join(self.lines)


class Shuffled(set[object]):
    """A set that is iterated over in another order every time."""

    rng = random.Random(0)

    def __iter__(self) -> Iterator[object]:
        items = list(super().__iter__())
        self.rng.shuffle(items)
        return iter(items)


def kind_is_nested(indent: str) -> bool:
    return len(indent) > 0


def followed(
    text: str, files: Finder | None = None, path: str = "a.py"
) -> dict[str, Value]:
    world = World(catalogue())
    interpreter = Interpreter(world, files or NoFiles())
    world.interpreter = interpreter
    tree = parsed(f"from elsewhere import ask, some, given\n{text}".encode())
    return interpreter.follow(Source(path, "a", tree, False)).scope.names


def run(text: str, seed: int) -> dict[str, object] | None:
    """Return the names after running, None if the program fails."""
    rng = random.Random(seed)
    answers: dict[str, Callable[[], object]] = {
        "ask": lambda: rng.random() < (0.5, 0.1, 0.9)[seed % 3],
        "some": lambda: [rng.choice([0, "k", "z"]) for _ in range(rng.randrange(3))],
    }
    Shuffled.rng.seed(seed)
    names: dict[str, object] = {**answers, "set": Shuffled, "given": nullcontext}
    try:
        exec(compile(text, "program", "exec"), names)
    except Exception:
        return None
    return names


_SETS = (set, frozenset, Shuffled)


def agrees(value: Value, real: object, depth: int = 0) -> bool:
    """Say whether `real` is one of the values that `value` stands for."""
    if isinstance(value, Moment):
        return type(value.value) is type(real) and value.value == real
    if isinstance(value, (Unknown, Thing)) or depth > 8:
        return True
    if isinstance(value, Items):
        if value.kind == "bag":
            return isinstance(real, (list, tuple)) and agrees_in_some_order(
                value, cast(Sequence[object], real), depth
            )
        sets = {"set": set, "frozenset": frozenset}
        if value.kind in sets:
            inside = list(cast("set[object]", real)) if type(real) in _SETS else []
            kind = sets[value.kind]
            return isinstance(real, kind) and agrees_in_some_order(value, inside, depth)
        if not isinstance(real, (list, tuple)):
            return False
        size = len(cast(Sequence[object], real))
        if type(cast(object, real)).__name__ != value.kind or size < len(value.items):
            return False
        if not value.more and size != len(value.items):
            return False
        pairs = zip(value.items, cast(Sequence[object], real), strict=False)
        return all(agrees(one, other, depth + 1) for one, other in pairs)
    if isinstance(value, Entries):
        if not isinstance(real, dict):
            return False
        held = cast(Mapping[object, object], real)
        items = {as_real(key, held): item for key, item in value.items.items()}
        known = {k: v for k, v in items.items() if not isinstance(v, Unknown)}
        if not value.rest and not held.keys() <= items.keys():
            return False
        return all(
            k in held and agrees(v, held[k], depth + 1) for k, v in known.items()
        )
    return type(value) is type(real) and value == real


def as_real(key: Value, held: Mapping[object, object]) -> object:
    """Return the key that Python has in place of a tuple or a member."""
    if isinstance(key, Items):
        parts = [as_real(part, held) for part in key.items]
        return tuple(parts)
    if isinstance(key, Instance):
        names = (one for one in held if getattr(one, "name", None) == key.names["name"])
        return next(names, key)
    return key


def agrees_in_some_order(value: Items, real: Sequence[object], depth: int) -> bool:
    if len(value.items) > len(real) or len(real) > 5:
        # a set holds what is equal once
        return value.kind in ("set", "frozenset") or len(real) > 5
    if value.more is None and len(value.items) < len(real):
        return False
    return any(
        all(agrees(i, j, depth + 2) for i, j in zip(value.items, order, strict=False))
        for order in permutations(real, len(value.items))
    )


@pytest.mark.parametrize(
    ("kind", "start", "least"),
    [
        *((Program, start, 300) for start in (*range(0, 500, 100), 2950, 3000)),
        *((Aliasing, start, 100) for start in (*range(0, 300, 100), 6200, 6400)),
        *((Ordering, start, 100) for start in range(0, 300, 100)),
        *((Yielding, start, 100) for start in range(0, 200, 100)),
    ],
)
def test_known_is_true(kind: type[Program], start: int, least: int) -> None:
    known = 0
    for seed in range(start, start + 100):
        text = kind(seed).text()
        names = followed(text)
        for answer in range(ROUNDS):
            real = run(text, answer)
            for name in "abcde" if real else "":
                assert real is not None
                value = names[name]
                known += not isinstance(value, Unknown)
                shown = f"{text}\n# {name} is {real[name]!r} with answers {answer}"
                assert agrees(value, real[name]), f"seed {seed}:\n{shown}"
    assert known > least
