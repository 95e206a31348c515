"""Python's meaning: each program leaves `x`, seen through a DAG's id."""

from collections.abc import Callable

import pytest
from msgspec import UNSET

from dagwarden.facts import Facts

Scan = Callable[..., Facts]

HEADER = "import os\nfrom airflow import DAG\nfrom airflow.models import Variable\n"


def value_of(scan: Scan, program: str, **files: str) -> object:
    """Return x as a string, or (reason, symbol)."""
    facts = scan(f"{HEADER}{program}\nwith DAG(x): pass\n", **files)
    # that the text may be no id is another's matter
    assert not [gap for gap in facts.gaps if "dag_id" not in gap.detail]
    dag = facts.dags[0]
    if dag.dag_id is UNSET:
        why = next(u for u in dag.unresolved if u.field == "dag_id")
        return why.reason, why.symbol
    return dag.dag_id


KNOWN = {
    "literal": ("x = 'a'", "a"),
    "implicit concatenation": ("x = 'a' 'b'", "ab"),
    "sum": ("p = 'a'\nx = p + '-' + p", "a-a"),
    "f-string": ("p, n = 'a', 3\nx = f'{p}-{n:03d}-{p!r}'", "a-003-'a'"),
    "percent": ("x = '%s-%02d' % ('a', 7)", "a-07"),
    "percent dict": ("x = '%(k)s' % {'k': 'a'}", "a"),
    "digits in a format": ("x = 'v20240101-%s' % 'a'", "v20240101-a"),
    "format": ("x = '{}-{k}'.format('a', k='b')", "a-b"),
    "join": ("x = '-'.join(['a', 'b'])", "a-b"),
    "methods": ("x = ' Ab '.strip().lower().replace('b', 'c')", "ac"),
    "unpacking": ("(x, _), *r = ('a', 1), 2, 3", "a"),
    "starred": ("*_, x = 'a', 'b'", "b"),
    "augmented": ("x = 'a'\nx += 'b'", "ab"),
    "annotated": ("x: str = 'a'", "a"),
    "walrus": ("(y := 'a')\nx = y", "a"),
    "dict": ("d = {'k': {'l': 'a'}}\nx = d['k']['l']", "a"),
    "dict beside the unknown": ("d = {'k': 'a', 'l': os.getenv('L')}\nx = d['k']", "a"),
    "dict after an unknown splat": ("from elsewhere import U\nd = {**U, 'k': 'a'}\nx = d['k']", "a"),
    "dict update": ("d = {}\nd.update(k='a')\nx = d.get('k')", "a"),
    "dict or": ("d = {'k': 'b'} | {'k': 'a'}\nx = d['k']", "a"),
    "setdefault": ("d = {}\nx = d.setdefault('k', 'a')", "a"),
    "slice": ("x = 'abcd'[1:3]", "bc"),
    "negative index": ("x = ['a', 'b'][-1]", "b"),
    "conditional": ("x = 'a' if 1 < 2 <= 2 else 'b'", "a"),
    "branch": ("if 'a' in ['a']:\n x = 'a'\nelse:\n x = 'b'", "a"),
    "or": ("x = '' or 'a'", "a"),
    "branches agree": ("from elsewhere import U\nif U:\n x = 'a'\nelse:\n x = 'a'", "a"),
    "raising branch": ("from elsewhere import U\nx = 'a'\nif U:\n x = 'b'\n raise ValueError", "a"),
    "loop": ("x = ''\nfor i, c in enumerate('ab'):\n x += f'{i}{c}'", "0a1b"),
    "loop with break": ("for x in ['a', 'b']:\n break", "a"),
    "items": ("x = ''\nfor k, v in {'a': 1}.items():\n x += f'{k}{v}'", "a1"),
    "zip and range": ("x = ''\nfor a, b in zip(range(2), 'ab'):\n x += b", "ab"),
    "comprehension": ("x = '-'.join([c for c in 'abc' if c != 'b'])", "a-c"),
    "dict comprehension": ("x = {k: k + 'b' for k in ['a']}['a']", "ab"),
    "function": ("def f(a, b='b', *c, **d): return a + b + d['e']\nx = f('a', e='e')", "abe"),
    "closure": ("def f(a):\n def g(): return a\n return g\nx = f('a')()", "a"),
    "lambda": ("x = (lambda a: a + 'b')('a')", "ab"),
    "global": ("def f():\n global x\n x = 'a'\nf()", "a"),
    "class attribute": ("class C:\n K = 'a'\nx = C.K", "a"),
    "instance": ("class C:\n def __init__(s, k): s.k = k\n def f(s): return s.k\nx = C('a').f()", "a"),
    "inherited": ("class B:\n K = 'a'\nclass C(B): pass\nx = C().K", "a"),
    "enum": ("from enum import Enum\nclass E(Enum):\n K = 'a'\nx = E.K.value", "a"),
    "dataclass": (
        "from dataclasses import dataclass\n@dataclass\nclass C:\n a: str\n b: str = 'b'\nc = C('a')\nx = c.a + c.b",
        "ab",
    ),
    "match": ("match 'k':\n case 'k': x = 'a'\n case _: x = 'b'", "a"),
    "type checking": ("from typing import TYPE_CHECKING\nx = 'a'\nif TYPE_CHECKING: x = 'b'", "a"),
    "not main": ("x = 'a'\nif __name__ == '__main__':\n x = 'b'", "a"),
    "handled": ("try:\n x = 'a'\nexcept ValueError:\n raise", "a"),
    "aliasing": ("a = {'k': 'b'}\nb = a\nb['k'] = 'a'\nx = a['k']", "a"),
    "getattr": ("class C:\n K = 'a'\nx = getattr(C, 'K')", "a"),
    "next of several bases": (
        "class A:\n def __init__(s):\n  s.k = 'b'\n  super().__init__()\nclass B:\n def __init__(s): s.k = 'a'\nclass C(A, B): pass\nx = C().k",
        "a",
    ),
    "diamond": (
        "class A: k = 'b'\nclass B(A): pass\nclass C(A): k = 'a'\nclass D(B, C): pass\nx = D.k",
        "a",
    ),
    "sorted by a key": ("x = '-'.join(sorted(['bb', 'a'], key=len))", "a-bb"),
    "generator": ("def g():\n for c in 'ab': yield c\nx = '-'.join(g())", "a-b"),
    "joined": ("x = '-'.join(c for c in 'abc' if c != 'b')", "a-c"),
    "pairs": ("x = dict((c, c) for c in 'ab')['a']", "a"),
    "generator in a loop": ("def g():\n yield 'b'\n yield 'a'\nfor x in g(): pass", "a"),
    "context": (
        "from contextlib import contextmanager\n@contextmanager\ndef c(v):\n yield v\nwith c('a') as x: pass",
        "a",
    ),
    "default": (
        "from collections import defaultdict\nd = defaultdict(list)\nd['k'].append('a')\nx = d['k'][0]",
        "a",
    ),
    "replaced": (
        "from dataclasses import dataclass, replace\n@dataclass\nclass C:\n k: str\nx = replace(C('b'), k='a').k",
        "a",
    ),
    "as a dict": (
        "from dataclasses import asdict, dataclass\n@dataclass\nclass C:\n k: str\nx = asdict(C('a'))['k']",
        "a",
    ),
    "products": ("from itertools import product\nx = '-'.join(a + b for a, b in product('a', 'bc'))", "ab-ac"),
    "dedented": ("import textwrap\nx = textwrap.dedent('  a')", "a"),
    "quoted": ("from urllib.parse import urlencode\nx = urlencode({'k': 'a b'})", "k=a+b"),
    "instance of": ("x = 'a' if isinstance({}, dict) else 'b'", "a"),
    "set in order": ("x = '-'.join(sorted({'b', 'a'}))", "a-b"),
    "same in every round": ("for i in {'a', 'b'}:\n x = 'c'", "c"),
    "made of a set": ("d = {i: i + 'x' for i in {'a', 'b'}}\nx = d['a']", "ax"),
    "sets are equal": ("x = 'a' if {'a', 'b'} == {'b', 'a'} else 'b'", "a"),
    "partial": ("from functools import partial\nx = partial(lambda a, b: a + b, 'a')('b')", "ab"),
    "changed where the loop stands": ("l = ['b', 'c']\nfor i, c in enumerate(l): l[i] = c + 'x'\nx = '-'.join(l)", "bx-cx"),
    "below a class": ("class B:\n def __init_subclass__(cls): x.append('a')\nx = []\nclass C(B): pass\nx = x[0]", "a"),
    "long sum": (f"x = {'+'.join(['chr'] + ['0'] * 3)}\nx = {'+'.join(['str()'] * 500)} + 'a'", "a"),
}  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), KNOWN.values(), ids=KNOWN)
def test_established(scan: Scan, program: str, expected: str) -> None:
    assert value_of(scan, program) == expected


UNKNOWN = {
    "environment": ("x = os.environ.get('E', 'a')", ("environment", "E")),
    "getenv": ("x = os.getenv('E')", ("environment", "E")),
    "environ item": ("x = os.environ['E']", ("environment", "E")),
    "environment inside": ("x = f'a-{os.getenv(\"E\")}'", ("environment", "E")),
    "or a default": ("x = os.getenv('E') or 'a'", ("environment", "E")),
    "variable": ("x = Variable.get('V', 'a')", ("variable", "V")),
    "import": ("from other import x", ("import", "other.x")),
    "star import": ("from other import *", ("import", "other.*")),
    "branches differ": (
        "if os.getenv('E') == 'p':\n x = 'a'\nelse:\n x = 'b'",
        ("environment", "E"),
    ),
    "changed in a branch": ("x = 'a'\nif os.getenv('E'):\n x = 'b'", ("environment", "E")),
    "conditional": ("x = 'a' if os.getenv('E') else 'b'", ("environment", "E")),
    "changed in a loop": ("x = 'a'\nfor i in os.getenv('E'):\n x = 'b'", ("environment", "E")),
    "loop that may break": (
        "for x in ['a', 'b']:\n if os.getenv('E'): break",
        ("environment", "E"),
    ),
    "while": ("x = 'a'\nwhile os.getenv('E'):\n x = 'b'", ("environment", "E")),
    "dict changed in a branch": (
        "d = {'k': 'a'}\nif os.getenv('E'):\n d['k'] = 'b'\nx = d['k']",
        ("dynamic", "a change that may not happen"),
    ),
    "list changed in a loop": (
        "d = ['a']\nfor i in os.getenv('E'):\n d.insert(0, 'b')\nx = d[0]",
        ("dynamic", "a change that may not happen"),
    ),
    "dict escaping from a branch": (
        "from elsewhere import U, V\nif U:\n d = {'k': 'a'}\nelse:\n d = {'k': 'a'}\nif V:\n d['k'] = 'b'\nx = d['k']",
        ("dynamic", "a change that may not happen"),
    ),
    "unknown splat after": (
        "x = {'k': 'a', **os.getenv('E')}['k']",
        ("environment", "E"),
    ),
    "early return": (
        "def f():\n if os.getenv('E'): return 'a'\n return 'b'\nx = f()",
        ("environment", "E"),
    ),
    "parameter": ("def f(a):\n return a\nx = f()", ("parameter", "a")),
    "module name": ("x = __name__", ("dynamic", "__name__")),
    "exception": (
        "try:\n x = g()\nexcept ValueError:\n x = 'b'",
        ("dynamic", "g"),
    ),
    "set order": ("x = ''.join({'a', 'b'})", ("dynamic", "the order of a set")),
    "item of a set": ("x = list({'a', 'b'})[0]", ("dynamic", "the order of a set")),
    "last of a set": ("for x in {'a', 'b'}: pass", ("dynamic", "the order of a set")),
    "counted over a set": (
        "n = 'a'\nfor i in {1, 2}:\n x = n\n n = n + 'b'",
        ("dynamic", "the order of a set"),
    ),
    "after a return in a loop": (
        "d = {'k': 'a'}\ndef f():\n for i in [1]:\n  if os.getenv('E'): return\n d['k'] = 'b'\nf()\nx = d['k']",
        ("dynamic", "a change that may not happen"),
    ),
    "too large": ("x = 'a' * 10**9", ("dynamic", "a value too large to follow")),
    "width": ("x = '%999999999d' % 1", ("dynamic", "a formatted text")),
}  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), UNKNOWN.values(), ids=UNKNOWN)
def test_not_established(scan: Scan, program: str, expected: tuple[str, str]) -> None:
    assert value_of(scan, program) == expected


LOOP = ("dynamic", "a loop over what it changes")
CHANGED = ("dynamic", "a change that may not happen")
LIST = "a = ['a', 'b']\n"
LOOPS = {
    "put into the list": ("for i in a:\n if len(a) < 4: a.append(i)\nx = ''.join(a)", CHANGED),
    "another item": ("for x in a: a[1] = 'c'", LOOP),
    "counted": ("for i, x in enumerate(a): a[1] = 'c'", LOOP),
    "in pairs": ("for x, _ in zip(a, 'ab'): a[1] = 'c'", LOOP),
    "from the end": ("for x in reversed(a): a[0] = 'c'", LOOP),
    "in a comprehension": ("x = [a.append('c') or i for i in a if len(a) < 9][1]", LOOP),
    "yielded": ("def g(): yield from a\nfor x in g(): a[1] = 'c'", LOOP),
    "names in no order": ("def f(**k): return list(k)[0]\nx = f(**{i: 1 for i in {'a', 'b'}})", ("dynamic", "the order of a set")),
    "a dict of names in no order": ("x = list(dict(**{i: 1 for i in {'a', 'b'}}))[0]", ("dynamic", "the order of a set")),
    "a part": ("a[int(os.getenv('E')):] = ['c']\nx = str(len(a))", CHANGED),
}  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), LOOPS.values(), ids=LOOPS)
def test_what_changes_while_it_is_read_is_not_established(
    scan: Scan, program: str, expected: tuple[str, str]
) -> None:
    assert value_of(scan, LIST + program) == expected


ELSE = "A, B = {'k': 'a'}, {'k': 'a'}\nE = os.getenv('E')\n"
ALIASES = {
    "dict": ("x = A if E else B\nx['k'] = 'b'\nx = A['k']", CHANGED),
    "the other dict": ("x = A if E else B\nx['k'] = 'b'\nx = B['k']", CHANGED),
    "the dict itself": ("y = A if E else B\ny['k'] = 'b'\nx = y['k']", "b"),
    "a third dict": ("C = {'k': 'c'}\ny = A if E else B\ny['k'] = 'b'\nx = C['k']", "c"),
    "seen from the parts": ("y = A if E else B\nA['k'] = 'b'\nx = y['k']", CHANGED),
    "seen from another": (
        "y, z = A if E else B, A if E else B\ny['k'] = 'b'\nx = z['k']",
        CHANGED,
    ),
    "read only": ("y = A if E else B\nx = y['k'] + A['k'] + B['k']", "aaa"),
    "a copy": ("y = dict(A if E else B)\ny['k'] = 'b'\nx = A['k']", "a"),
    "branches": ("if E:\n y = A\nelse:\n y = B\ny.update(k='b')\nx = A['k']", CHANGED),
    "list": ("L, M = ['a'], ['b']\ny = L if E else M\ny[0] = 'b'\nx = L[0]", CHANGED),
    "appended": ("L, M = ['a'], ['b']\n(L if E else M).append('c')\nx = M[-1]", CHANGED),
    "nested": (
        "C, D = {'n': A}, {'n': B}\ny = C if E else D\ny['n']['k'] = 'b'\nx = A['k']",
        CHANGED,
    ),
    "held by both": (
        "C, D = {'n': A}, {'n': A}\ny = C if E else D\ny['n']['k'] = 'b'\nx = A['k']",
        "b",
    ),
    "put into it": (
        "y = A if E else B\ny['n'] = C = {'k': 'c'}\nA['n']['k'] = 'b'\nx = C['k']",
        CHANGED,
    ),
    "function argument": (
        "def f(y): y['k'] = 'b'\nf(A if E else B)\nx = B['k']",
        CHANGED,
    ),
    "returned": (
        "def f():\n if E: return A\n return B\nf()['k'] = 'b'\nx = A['k']",
        CHANGED,
    ),
    "loop over both": ("for y in [A, B]: y['k'] = 'b'\nx = A['k']", "b"),
    "loop over either": (
        "for y in [A if E else B]: y['k'] = 'b'\nx = A['k']",
        CHANGED,
    ),
    "loop over some": (
        "for y in ([A] if E else [A, B]): y['k'] = 'b'\nx = B['k']",
        CHANGED,
    ),
    "the next round": (
        "y = {}\nfor _ in E:\n y['k'] = 'b'\n y = A\nx = A['k']",
        CHANGED,
    ),
    "attribute": (
        ("class C:\n def __init__(self): self.y = A if E else B\n"
        "C().y['k'] = 'b'\nx = A['k']"),
        CHANGED,
    ),
    "a dict or None": ("y = A if E else None\ny['k'] = 'b'\nx = A['k']", CHANGED),
    "a dict or elsewhere": ("y = E and A\ny.update(k='b')\nx = A['k']", CHANGED),
    "asked for": ("D = {'p': A}\nD[E]['k'] = 'b'\nx = A['k']", CHANGED),
    "deleted": ("y = A if E else B\ndel y['k']\nx = A['k']", CHANGED),
    "one of many": (
        "Z = [dict(k='a') for _ in range(40)]\nZ[E]['k'] = 'b'\nx = Z[7]['k']",
        CHANGED,
    ),
    "bound many times": (
        ("y = A\nfor i in range(40):\n if os.getenv('F'): y = {'k': str(i)}\n"
        "y['k'] = 'b'\nx = A['k']"),
        CHANGED,
    ),
    "given with others": (
        "def f(*y, **z): z['m']['k'] = 'b'\nf(*E, m=A if E else B)\nx = A['k']",
        CHANGED,
    ),
    "after what is not known": ("x = (E.split() + ['b'])[0]", ("environment", "E")),
}  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), ALIASES.values(), ids=ALIASES)
def test_a_change_is_seen_by_every_name(
    scan: Scan, program: str, expected: object
) -> None:
    assert value_of(scan, ELSE + program) == expected


@pytest.mark.parametrize(
    ("program", "files"),
    [
        ("from conf import X as x", {"dags__conf": "X = 'a'"}),
        ("import conf.b\nx = conf.b.X", {"dags__conf__b": "X = 'a'", "dags__conf____init__": ""}),
        ("from conf.b import X as x", {"dags__conf__b": "from .c import X", "dags__conf__c": "X = 'a'"}),
        ("from dags.conf import x", {"dags__conf": "x = 'a'"}),
        ("from lib import x", {"plugins__lib": "from os import path\nx = 'a'"}),
        ("from conf import *", {"dags__conf": "x = 'a'"}),
        ("from conf import f\nx = f('a')", {"dags__conf": "Y = ''\ndef f(v): return v + Y"}),
        ("from conf import x", {"dags__conf": "import conf2\nx = 'a'", "dags__conf2": "import conf"}),
        ("try:\n from airflow.sdk import a as x\nexcept ImportError:\n x = None\nx = 'a'", {}),
    ],
)  # fmt: skip
def test_constants_of_the_repository_are_imported(
    scan: Scan, program: str, files: dict[str, str]
) -> None:
    assert value_of(scan, program, **files) == "a"


def test_a_change_to_an_imported_value_stays_in_its_file(scan: Scan) -> None:
    program = "from airflow import DAG\nimport conf\n{}\nwith DAG(conf.D['k']): pass\n"
    facts = scan(
        dags__conf="D = {'k': 'a'}",
        dags__one=program.format("conf.D['k'] = 'b'"),
        dags__two=program.format(""),
    )
    assert [dag.dag_id for dag in facts.dags] == ["b", "a"]
