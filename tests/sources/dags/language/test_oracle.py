"""Small programs, each run by Python: what is known of `x` must be what Python has."""

import pytest
from tests.sources.dags.language.test_soundness import agrees, followed

from dagwarden.sources.dags.language.values import Value, why_unknown


def real(program: str) -> object:
    names: dict[str, object] = {"ask": lambda: True}
    exec(compile(program, "program", "exec"), names)
    return names["x"]


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
