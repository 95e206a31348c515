"""Files in a syntax newer than the running Python's; each leaves `x`."""

import ast
from typing import cast

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

from dagwarden.sources.dags.language.newer import in_older_words

pytest.importorskip("tree_sitter_python", reason="not built for this machine")

# name -> the program, and what Python makes of `x`
NEWER: dict[str, tuple[str, object]] = {
    "type alias": ("type X[T] = list[\n T]\nx = 'a'", "a"),
    "type parameters": ("def f[T: int = str, *A, **P](x): return x\nx = f('a')", "a"),
    "of a class": ("class C[T]:\n k = 'a'\nx = C.k", "a"),
    "exceptions": ("try:\n x = 'a'\nexcept KeyError, ValueError:\n raise", "a"),
    "own quotes": ('d = {"a": "b"}\nx = f"{d["a"]}-{d["a"]!r:>5}{{k}}"', "b-  'b'{k}"),
    "width": ('d = {"a": 5}\nx = f"{1:>{d["a"]}}|"', "    1|"),
    "nested": ('d = {"a": "b"}\nx = f"x{f"{d["a"]}"}z"', "xbz"),
    "backslash": ('x = f"{"-".join(["a", "b"])}\\n{"\\t".strip()}"', "a-b\n"),
    "lines": ('x = f"""{\n "1" # one\n}\n{"""a"""}"""', "1\na"),
    "beside a text": ('d = {"a": 1}\nx = ("{}" r"\\d"\n f"{d["a"]}")', "{}\\d1"),
    "raw": ('d = {"a": 1}\nx = rf"\\d{d["a"]}"', "\\d1"),
}


@pytest.mark.parametrize(("program", "expected"), NEWER.values(), ids=NEWER)
def test_read_all_the_same(scan: Scan, program: str, expected: str) -> None:
    facts = scan(f"from airflow import DAG\n{program}\nwith DAG(x) as dag: pass\n")
    # that the text may be no id is another's matter
    assert not [gap for gap in facts.gaps if "dag_id" not in gap.detail]
    dag = facts.dags[0]
    assert dag.dag_id == expected
    assert dag.origin.line == program.count("\n") + 3


@pytest.mark.parametrize(("program", "expected"), NEWER.values(), ids=NEWER)
def test_means_what_python_makes_of_it(program: str, expected: str) -> None:
    older = in_older_words(program.encode())
    names: dict[str, object] = {}
    exec(compile(ast.parse(older or b""), "program", "exec"), names)
    assert names["x"] == expected


def test_a_template_is_not_known(scan: Scan) -> None:
    facts = scan('from airflow import DAG\nwith DAG(t"a{1}"): pass\n')
    assert facts.dags[0].dag_id is UNSET


@pytest.mark.parametrize(
    "program",
    [
        "def f(:",
        "print 'airflow dag'",
        "x = f'{'",
        "x = (1,",
        "class C[",
        "try: pass\nexcept KeyError, ValueError as e: pass",
        'x = f"{' * 50,
    ],
)
def test_what_is_broken_stays_so(scan: Scan, program: str) -> None:
    facts = scan(f"from airflow import DAG\n{program}\n")
    assert [gap.reason for gap in facts.gaps] == ["syntax"]


def test_lines_stay() -> None:
    text = 'type X = (\n int\n)\nx = f"""{\n"""a"""\n}"""\ny = 1\n'
    tree = ast.parse(cast(bytes, in_older_words(text.encode())))
    assert [one.lineno for one in tree.body] == [1, 4, 7]
