"""Small programs, each run by Python: what is known of `x` must be what Python has."""

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sources.dags.language.test_soundness import agrees, followed

from dagwarden.sources.dags.language.values import Value, why_unknown


def real(program: str) -> object:
    return real_names(program)["x"]


def known(program: str) -> Value:
    return followed(program)["x"]


# A dict's views show what it holds when they are asked.
VIEWS = [
    "d = {'a': 1}; k = d.keys(); d['b'] = 2; x = list(k), len(k), 'b' in k",
    "d = {'a': 1}; k = d.values(); d['b'] = 2; x = list(k)",
    "d = {'a': 1}; k = d.items(); d['b'] = 2; x = [(i, j) for i, j in k]",
    "d = {'a': 1}; k = d.keys(); d = {'c': 1}; x = list(k)",
    "d = {'a': 1, 'b': 2}\nfor k, v in d.items():\n d[k] = v + 1\nx = d",
    "d = {'a': 1, 'b': 2}; x = dict(zip(d.values(), d.keys())), list(reversed(d.items()))",
    "d = {'a': 1, 'b': 2}; a, b = d.values(); x = a, b, [*d.keys()], max(d.values())",
    "s = {1}; s.update([2], [3]); x = sorted(s)",
]
# ... so a later round meets what an earlier one changed.
CHANGED = [
    "d = {'a': 1, 'b': 2}; x = []\nfor v in d.values():\n x.append(v); d['b'] = 9",
    "d = {'a': 1, 'b': 2}\nfor k, v in d.items():\n d['b'] = 5; x = v",
    "d = {'a': 1, 'b': 2}; x = [(v, d.update(b=9)) for v in d.values()]",
]
# What is gone through once, under whatever name; what code that is not followed had.
GONE = [
    "g = (i for i in [1, 2])\ny = g if ask() else None\nlist(y)\nx = list(g)",
    "g = iter([1, 2])\ny = [g, g][ask()]\nfor i in y: pass\nx = list(g)",
    "g = (i for i in [1, 2])\ny = g if ask() else None\nnext(y)\nx = list(g)",
    "g = (i for i in [1, 2])\ny = 1 in g\nx = list(g)",
    "def m(): d['k'] = 2\nf = {True: m}.get(ask())\nd = {'k': 1}\nf()\nx = d",
    "class C:\n def f(s): s.k = 2\nc = C()\nc.k = 1\nf = c.f if ask() else 0\nf()\nx = c.k",
]


@pytest.mark.parametrize("program", VIEWS)
def test_what_python_computes_is_known(program: str) -> None:
    value = known(program)
    assert why_unknown(value) is None
    assert agrees(value, real(program))


@pytest.mark.parametrize("program", [*CHANGED, *GONE])
def test_what_may_be_another_is_not_known(program: str) -> None:
    assert agrees(known(program), real(program))


def test_the_order_of_a_set_is_not_known_after_what_combines_it() -> None:
    program = "from itertools import product\nx = list(product({1, 2}, [1]))"
    assert getattr(known(program), "kind", None) == "bag"


# ------------------------------------------------- what methods and operators compute

COMPUTED = [
    "l = [3, 1, 2]; l.sort(reverse=True); l.insert(1, 9); l.remove(1); m = l; m.reverse(); x = l",
    "l = ['bb', 'a']; l.sort(key=len); x = l, l.index('bb'), l.count('a'), l.pop(), l.pop(0), l",
    "l = [1, 2, 3, 4]; del l[0]; l[1:] = [5]; m = l.copy(); l.clear(); l *= 2; x = l, m, 2 * m",
    "l = [1, 2]; m = l; l *= 2; m.append(3); x = l, m",
    "d = {'a': 1, 'b': 2}; y = d.popitem(); d.update([('c', 3)], e=4); x = y, d; d.clear()",
    "s = {1, 2}; t = s; s |= {3}; s -= {1}; s.discard(7); s.remove(2); x = s, t, s.pop()",
    "s = frozenset([1]); t = s; s |= {2}; x = s, t",
    "x = {1, 2} & {2}, {1} | {2}, {1, 2} ^ {2, 3}, {1, 2} - {1}, {1} <= {1, 2}, {1} < {1}",
    "s = {1, 2}; x = s.union([3], [4]), s.intersection((2,)), s.difference({1}), s.isdisjoint({3})",
    "d = {'a': 1, 'b': 2}; x = d.keys() & {'a'}, d.keys() - {'a'}, d.keys() == {'b', 'a'}",
    "x = [1] < [1, 2], (1, 'b') > (1, 'a'), [2] >= [1, 5], {1} == frozenset([1])",
    "x = 'a'.rjust(3, '-'), 'a'.center(4), 'a\\tb'.expandtabs(4), 'aba'.rindex('a'), 'a'.isascii()",
    "x = 'é'.encode(), 'é'.encode('utf8').decode('utf-8'), b'a'.hex(), 'ab'.translate({97: 'x', 98: None})",
    "x = '{a}{b[k]}'.format(a=1, b={'k': 2}), '{a}'.format_map({'a': 1}), '%s' % [1, 'a'], f'{(1, {2: 3})!r:>9}'",
    "x = round(2.567, 1), divmod(7, 2), pow(2, 5, 7), hex(255), ord('a'), chr(98), int('ff', 16), int()",
    "x = format(3.14159, '.2f'), str(b'a', 'utf-8'), bytes('a', 'utf-8'), float(), bool()",
    "class C:\n a = 1\nx = hasattr(C, 'a'), hasattr(C(), 'b'), getattr(C(), 'b', [5]), getattr(C, 'a', 2)",
    "class A: pass\nclass B(A): pass\nx = type(B()).__name__, issubclass(B, A), issubclass(A, B), callable(A), callable(1)",
    "x = type(1) is int, type('') == str, type([]).__name__, type(None).__name__, int.__name__",
    "class A: pass\nx = A.__name__, A().__class__.__name__, (lambda: 1).__name__",
    "import functools\ndef d(f):\n @functools.wraps(f)\n def w(): return f()\n return w\n@d\ndef f(): return 1\nx = f.__name__, f()",
    "x = str([1, 'a']), repr({'a': (1,)}), str({1}), str(()), ascii(['é'])",
]
# Enumerations, `while`, classes and objects.
OBJECTS = [
    "from enum import Enum\nclass E(Enum):\n A = 'a'\n B = 'b'\n def f(self): return self.value\nx = E.A.value, E.A.name, E('b').name, E['A'].value, [e.value for e in E], E.A == E.A, E.A is E.A, E.A == E.B, E.A in (E.A,), len(E), E.A.f(), str(E.A), f'{E.B}', E.A != E.B, {e.name: e.value for e in E}, list(E)[1].name",
    "from enum import Enum, auto\nclass E(Enum):\n A = auto()\n B = auto()\nx = E.A.value, E.B.value, E(2).name",
    "from enum import Enum\nclass E(str, Enum):\n A = 'a'\nx = E.A.value, E.A == 'a'",
    "from enum import Enum\nclass E(Enum):\n A = 1\n B = True\nx = E.B.name",
    "class A: pass\nclass B: pass\nx = type(A()) is A, type(A()) == A, A is B, A == B, type(A()) is not B, A() == A(), A in [B, A]",
    "class A:\n def __str__(s): return 'q'\na = A()\nx = str(a), f'{a}', a == a, a is a, a is A()",
    "i = 0; x = []\nwhile i < 3:\n x.append(i); i += 1",
    "i = 0\nwhile True:\n i += 1\n if i == 5: break\nx = i",
    "i = 0; x = []\nwhile i < 5:\n i += 1\n if i == 2: continue\n x.append(i)\nelse: x.append('e')",
    "l = [1,2,3]; x = []\nwhile l: x.append(l.pop())",
    "def f(n):\n while n:\n  n -= 1\n  if n == 2: return 'two'\n return n\nx = f(5), f(1)",
    "from enum import Enum, unique\n@unique\nclass E(str, Enum):\n A = 'a'\n B = 'b'\nx = E.A.value, E.A == 'a', 'a' == E.A, E.A == 'b', E('b').name, E.A == E.A, E.A is E.A",
    "from enum import Enum\nclass E(Enum):\n A = 'a'\n T = ('x', 1)\n C = 'a'\nx = E.C.name, E.A == 'a', E.T.value, [i.name for i in E], E.A in ['a'], E.C is E.A",
]
# ... but what it is not known of.
NOT_COMPUTED = [
    "class A:\n def __eq__(s, o): return False\na = A()\nx = a == a",
    "from dataclasses import dataclass\n@dataclass\nclass A: a: int\nx = A(1) == A(1), A(1) is A(1)",
    "i = 0; x = []\nwhile True:\n i += 1\n if ask(): break\nx = i",
    "i = 0; x = 0\nwhile i < 3:\n i += 1\n if ask(): continue\n x += 1",
    "i = 0; x = 0\nwhile i < 3:\n i += 1\n try:\n  if ask(): break\n except ValueError: pass\n x += 1",
    "from enum import Enum\nclass E(Enum):\n A = ask()\n B = True\nx = E.B.name",
    "i = 0\nwhile i < 3:\n i += 1\n if i == 2 and ask(): i = 9\nx = i",
    "l = [1]\nwhile ask() and len(l) < 4: l.append(2)\nx = l",
    "l = [1, 2]; m = l if ask() else [3]; m.sort(reverse=True); x = l",
    "l = [2, 1]\nif ask(): l.sort()\nx = l",
    "s = {1, 2}; t = s if ask() else {3}; t |= {4}; x = s",
    "l = [1, 2]\nfor i in l:\n if i == 1: l.remove(i)\n x = i",
    "from collections import OrderedDict\nx = str(OrderedDict(a=1))",
    "x = '{0.__init__}'.format(1)[:5]",
    "x = {1} & {True}",
    "class C:\n @property\n def a(s): raise AttributeError\nx = hasattr(C(), 'a')",
    "class C:\n def __getattr__(s, n): return 1\nx = hasattr(C(), 'a'), getattr(C(), 'a', 2)",
    "def f(): pass\nif ask(): f.__name__ = 'g'\nx = f.__name__",
    "x = str(set([1, 2]))",
    "l = []; f = l.append if ask() else print; f(1); x = l",
    "l = []; f = [print, l.append][ask()]; list(map(f, [1])); x = l",
    "d = {}; f = d.update if ask() else print; sorted(['k'], key=lambda k: f(k=1)); x = d",
    "l = []; {1: l.append}.get(ask())(1); x = l",
    "from functools import partial\nl = []; f = l.append if ask() else print; partial(f, 1)(); x = l",
]


@pytest.mark.parametrize("program", [*COMPUTED, *OBJECTS])
def test_what_methods_compute_is_known(program: str) -> None:
    value = known(program)
    assert why_unknown(value) is None
    assert agrees(value, real(program))


@pytest.mark.parametrize("program", NOT_COMPUTED)
def test_what_is_not_certain_is_not_known(program: str) -> None:
    assert agrees(known(program), real(program))


TEXTS = ("''", "'a'", "'ab-c'", "'B a'", "'{}'", "'%s'")
NUMBERS = ("0", "1", "2", "-1", "7", "True", "1.5")
SHOWN = st.sampled_from(["a", "b", "c", "d", "e"])


@st.composite
def expressions(draw: st.DrawFn, depth: int = 0) -> str:
    """Write an expression over the names a (a text), b (a number), c, d and e."""
    if depth > 2:
        return draw(st.sampled_from([*TEXTS, *NUMBERS, "a", "b", "c", "d", "e"]))
    one, two = draw(expressions(depth + 1)), draw(expressions(depth + 1))
    template = draw(st.sampled_from(TEMPLATES))
    return template.format(one, two)


TEMPLATES = [
    *(
        "{0}",
        "({0} + {1})",
        "({0} * {1})",
        "({0} - {1})",
        "({0} % {1})",
        "({0} // {1})",
    ),
    *("({0} | {1})", "({0} & {1})", "({0} ^ {1})", "({0} < {1})", "({0} == {1})"),
    *("({0} in {1})", "({0} and {1})", "({0} or {1})", "(not {0})", "({0} <= {1})"),
    *("[{0}, {1}]", "({0}, {1})", "{{{0}, {1}}}", "{{{0}: {1}}}", "[*{0}]", "{0}[{1}]"),
    *("{0}[:{1}]", "{0}[::-1]", "str({0})", "repr({0})", "len({0})", "sorted({0})"),
    *("list({0})", "tuple({0})", "set({0})", "frozenset({0})", "bool({0})", "int({0})"),
    *("dict([({0}, {1})])", "list({0}.items())", "{0}.keys()", "{0}.get({1})"),
    *("{0}.union({1})", "{0}.difference({1})", "{0}.issubset({1})", "{0}.copy()"),
    *("{0}.index({1})", "{0}.count({1})", "{0}.upper()", "{0}.split({1})"),
    *("{0}.join([str(i) for i in {1}])", "{0}.rjust({1})", "{0}.partition({1})"),
    *("{0}.replace({1}, 'z')", "{0}.format({1})", "'%s|%r' % ({0}, {1})"),
    *("f'{{{0}}}{{{1}!r}}'", "max({0}, {1})", "min({0})", "sum({0})", "abs({0})"),
    *(
        "any({0})",
        "all({0})",
        "[i for i in {0} if i != {1}]",
        "{{i: {1} for i in {0}}}",
    ),
    *("list(zip({0}, {1}))", "list(enumerate({0}))", "list(reversed({0}))"),
    *(
        "list(map(str, {0}))",
        "list(range({0}))",
        "{0}.encode()",
        "isinstance({0}, str)",
    ),
    *("(lambda i: i)({0})", "({0} if {1} else {0})", "next(iter({0}))"),
]
CHANGES = [
    *("{0} = {1}", "{0}.append({1})", "{0}.extend({1})", "{0}.insert({1}, 0)"),
    *("{0}.pop()", "{0}.pop({1})", "{0}.remove({1})", "{0}.reverse()", "{0}.sort()"),
    *("{0}.clear()", "del {0}[{1}]", "{0}[{1}] = 5", "{0}[1:] = {1}", "del {0}[:1]"),
    *("{0}.update({1})", "{0}.setdefault({1}, 3)", "{0}.popitem()", "{0}.add({1})"),
    *("{0}.discard({1})", "{0} += {1}", "{0} *= 2", "{0} |= {1}", "{0} -= {1}"),
    *("{0} &= {1}", "{0} = {0}.keys()", "{0} = {0}.values()"),
    "\nfor i in {0}:\n {0}.append(1) if len({0}) < 9 else None",
    "\nfor i, j in {0}.items():\n {0}[i] = {1}",
]


@st.composite
def programs(draw: st.DrawFn) -> str:
    lines = ["a, b, c, d, e = 'ab', 2, [1, 'a'], {'k': 1, 'l': [2]}, {1, 2}"]
    for _ in range(draw(st.integers(1, 6))):
        change = draw(st.sampled_from(CHANGES))
        lines.append(change.format(draw(SHOWN), draw(expressions(1))))
    return "\n".join(lines)


def begun(program: str) -> tuple[str, dict[str, object]]:
    """Return a program as far as it goes without an error, and its names at that end."""
    lines = program.split("\n")
    with warnings.catch_warnings():
        # what a syntax is warned of is no matter here
        warnings.simplefilter("ignore")
        for end in range(len(lines), 1, -1):
            text = "\n".join(lines[:end])
            names: dict[str, object] = {}
            try:
                exec(compile(text, "program", "exec"), names)
            except Exception:
                continue
            return text, names
    return lines[0], real_names(lines[0])


def real_names(program: str) -> dict[str, object]:
    names: dict[str, object] = {"ask": lambda: True}
    exec(compile(program, "program", "exec"), names)
    return names


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_any_program_has_what_python_computes(program: str) -> None:
    text, names = begun(program)
    found = followed(text)
    for name in "abcde":
        assert agrees(found[name], names[name]), f"{text}\n# {name}: {names[name]!r}"
