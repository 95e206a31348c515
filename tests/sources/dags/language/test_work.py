"""What one hostile file may cost: it ends as a gap, after the same work everywhere."""

from collections.abc import Callable
from itertools import count

import pytest

from dagwarden.facts import Facts
from dagwarden.sources.dags.language import work
from dagwarden.sources.dags.language.work import TooMuchWork, allowance, charge, left
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.seen import Unreadable

Scan = Callable[..., Facts]
HEAD = "from airflow.sdk import DAG, task\nd = DAG('d')\n"


def numbered(text: str, times: int) -> str:
    return "".join(text.replace("#", str(number)) for number in range(times))


# Each takes seconds, or memory without end, where only statements are counted.
HOSTILE = {
    "membership": "x = list(range(5000))\n" + "y = 6000 in x\n" * 2_000,
    "membership of lists": "x = [[i] for i in range(900)] * 5\n" + "y = [9999] in x\n" * 2_000,
    "join": "x = ['a'] * 5000\n" + "y = ''.join(x)\n" * 2_000,
    "sorted": "x = list(range(5000))\n" + "y = sorted(x)\n" * 2_000,
    "joins of scopes": numbered("n# = 1\n", 5_000) + "if u:\n v = 1\n" * 1_000,
    "exceptions": numbered("n# = 1\n", 5_000) + "try:\n f()\nexcept E:\n pass\n" * 500,
    "one id": "with d:\n" + " @task\n def f(): pass\n f()\n" * 6_000,
    "large literal": "x = {" + numbered("#: 1, ", 20_000) + "}\n",
    "defaults": "def f(" + numbered("a#=1, ", 5_000) + "): pass\n" + "f()\n" * 2_000,
    "copies of texts": "x = 'a' * 100000\n" + numbered("y# = x + ''\n", 2_000),
    "slices of texts": "x = 'a' * 100000\n" + numbered("y# = x[1:]\n", 2_000),
    "links": "x = [d] * 5000\n" + "x >> x\n" * 2_000,
    "skipped code": "def f():\n return 1\n" + " x = 1\n" * 5_000 + "f()\n" * 2_000,
    "tasks of a loop": "from airflow.providers.standard.operators.bash import BashOperator\n"
    "for i in range(100):\n for j in range(100):\n  BashOperator(task_id=f'{i}.{j}', dag=d)\n",
    "shared data": "from airflow.providers.standard.operators.bash import BashOperator\n"
    "e = {f'k{i}': 'v' for i in range(900)}\nwith d:\n"
    + numbered(" BashOperator(task_id='t#', env=e)\n", 1_000),
    "a hundred factories of what is not known": numbered(
        "def f#(n):\n for k in n:\n  globals()['f' + str(# + 1)](k)\n", 100
    ) + "import os\nf0(os.environ)\n",
    "a dict of a million": "x = {}\nfor i in range(1000):\n for j in range(1000):\n  x[i, j] = 'a' * 900\n",
    "loops in loops": "import os\n" + "".join(f"{' ' * n}for a{n} in os.environ:\n" for n in range(18)) + " " * 18 + "x = 1\n",
    "branches in branches": "import os\nx = []\n" + numbered("if os.environ:\n x = [*x, #]\nelse:\n x = [x, x]\n", 900),
    "bases of bases": "class C0: pass\n" + "".join(f"class C{n}(C{n - 1}): pass\n" for n in range(1, 2_000)),
    "lambdas as defaults": "f = lambda: 0\n" + "f = lambda g=f: [g(), g()]\n" * 60 + "x = f()\n",
    "its own arguments twice": "def f(*a): return f(*a, *a)\n" + "f(*range(900))\n" * 400,
    "members of enumerations": "from enum import Enum\nclass E(Enum):\n" + numbered(" A# = #\n", 2_000) + "x = [E(i) for i in range(900)]\n" * 20,
    "methods that change all": "class A:\n def __eq__(s, o):\n" + numbered("  n#['k'] = 1\n", 2_000) + "for i in range(999):\n for j in range(99): A()\n",
    "names in globals": "for i in range(999):\n for j in range(99): globals().update({f'y{i}{j}': [i] * 900})\n",
}  # fmt: skip


@pytest.mark.parametrize("program", HOSTILE.values(), ids=HOSTILE)
def test_work_that_multiplies_ends_as_a_gap(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("dagwarden.sources.dags.file.MAX_UNITS", 500_000)
    facts = scan(dags__a=HEAD + program, dags__b=HEAD)
    (gap,) = facts.gaps
    assert (gap.reason, gap.origin.source) == ("timeout", "dags/a.py")
    assert (gap.detail, gap.incomplete) == ("takes too long to follow", True)
    # nothing that was found in it stays, and the next file is read
    assert [dag.origin.source for dag in facts.dags] == ["dags/b.py"]
    assert facts.tasks == ()


def test_a_large_honest_file_is_followed(scan: Scan) -> None:
    body = numbered(
        "@task\ndef f#(a=1):\n    return [a, '#']\nwith d:\n    f#()\n", 1_000
    )
    facts = scan(HEAD + body)
    assert facts.gaps == ()
    assert len(facts.tasks) == 1_000


# What is bounded by how large a value may be, or how often a loop is gone through: the
# file is followed all the same, and nothing of it takes long.
BOUNDED = {
    "rounds": "x = 0\nfor i in range(1000000):\n x += i\nwhile x < 10**9:\n x += 1\n",
    "rounds in rounds": "".join(f"{' ' * n}for a{n} in range(900):\n" for n in range(6)) + " " * 6 + "x = 1\n",
    "texts": "x = 'a'\n" + "x += x\n" * 100 + "y = 'a'\n" + "y = f'{y}{y}'\n" * 100,
    "texts known in part": "import os\nx = os.environ['A']\n" + "x = f'{x}-{x}'\n" * 100,
    "lists": "x = [1]\n" + "x += x\n" * 100 + "y = [1]\n" + "y = [y, y]\n" * 100 + "z = str(y), y == [y]\n",
    "numbers": "x = 9**9**9**9\ny = 2**2000000\nz = 1 << 10**9\nw = " + "9" * 4_000 + "\n" + "w *= w\n" * 99,
    "widths": "x = f'{1:>999999999}'\ny = '{:>99999999}'.format(1)\nz = '%99999999d' % 1\n",
    "patterns": "import re\nx = re.match('(a+)+$', 'a' * 50 + 'b')\ny = re.findall('(.*)*', 'a' * 9000)\n",
    "closures": "def f(g): return lambda x: g(g(x))\nh = lambda x: x\n" + "h = f(h)\n" * 60 + "h(1)\n",
    "attributes that ask for each other": "class C:\n @property\n def p(s): return s.q + s.q\n @property\n def q(s): return s.p + s.p\nC().p\n",
    "operators that ask for each other": "class C:\n def __add__(s, o): return (s + o) + (o + s)\nC() + C()\n",
    "permutations": "from itertools import permutations as p\n" + "x = list(p(range(9), 4))\n" * 900,
    "every task before every other": "from airflow.sdk import cross_downstream\nfrom airflow.providers.standard.operators.bash import BashOperator\n"
    "t = [BashOperator(task_id=f't{i}', bash_command='a', dag=d) for i in range(900)]\ncross_downstream(t, t)\n",
    "dicts of dicts": "import copy\nx = {}\n" + "x = {'a': x, 'b': x}\n" * 200 + "y = copy.deepcopy(x)\n" * 40,
    "a long text": "x = '" + "a" * 4_900_000 + "'\n",
}  # fmt: skip


@pytest.mark.parametrize("program", BOUNDED.values(), ids=BOUNDED)
def test_work_that_is_bounded_by_its_kind_takes_little(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr("dagwarden.sources.dags.file.MAX_UNITS", 400_000)
    facts = scan(HEAD + program)
    assert [dag.dag_id for dag in facts.dags] == ["d"]
    assert facts.gaps == ()


@pytest.mark.parametrize(
    "program",
    ["x = [" + "1, " * 130_000 + "]", "a\n" * 130_000, "x = f'" + "{d}" * 60_000 + "'"],
    ids=["literal", "statements", "f-string"],
)
def test_the_parser_is_not_given_what_it_cannot_hold(program: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parsed(program.encode())
    assert caught.value.reason == "too_large"


def test_an_allowance_is_taken_from_to_its_end() -> None:
    with allowance(10):
        charge(9)
        charge()
        assert left() == 0
        with pytest.raises(TooMuchWork):
            charge()


def test_an_allowance_ends_with_its_block() -> None:
    with allowance(5):
        with allowance(100_000):
            charge(90_000)
        charge(5)
    charge(10**12)


def test_the_clock_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = count(0, 6)
    monkeypatch.setattr(work, "process_time", lambda: float(next(seconds)))
    with allowance(1_000_000):
        # it looks after ten thousand units, at 0, and after as many again and again
        for _ in range(30_002):
            charge()
        with pytest.raises(TooMuchWork):
            charge()
