"""Code that may make DAGs or tasks and is not followed is told, and only such code."""

from pathlib import Path

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

HEAD = """\
import json, logging, os, sys
from datetime import datetime
from airflow.sdk import DAG, Variable, chain
from airflow.operators.bash import BashOperator
import company
from company.dags import load_yaml_dags
from company.tools import *
"""
# name -> the program, and what is told of it
TOLD: dict[str, tuple[str, list[str]]] = {
    "exec": ("exec(U)", ["unsupported: what exec() runs is not read"]),
    "eval": ("x = eval('1')", ["unsupported: what eval() runs is not read"]),
    "a factory that gets the globals": (
        "company.Factory(U).make(globals())",
        ["unsupported: what company.Factory makes is not read"],
    ),
    "a function named for DAGs": (
        "x = load_yaml_dags(folder='x')",
        ["unsupported: what company.dags.load_yaml_dags makes is not read"],
    ),
    "a function that gets a DAG": (
        "d = DAG('d')\ncompany.watch(d)",
        ["unsupported: what company.watch makes is not read"],
    ),
    "a function inside a DAG": (
        "with DAG('d'):\n company.a()\n company.a()\n",
        ["unsupported: what company.a makes is not read"],
    ),
    "a function of a provider inside a DAG": (
        ("from airflow.providers.google.cloud.utils.dataform import make_flow\n"
        "with DAG('d'):\n make_flow(project_id='p')"),
        [
            ("unsupported: what airflow.providers.google.cloud.utils.dataform.make_flow"
            " makes is not read")
        ],
    ),
    "a class of a provider inside a DAG": (
        ("from airflow.providers.google.cloud.hooks.gcs import GCSHook\n"
        "with DAG('d'):\n GCSHook().list('b')"),
        [],
    ),
    "a name imported with a star": (
        "with DAG('d'):\n make_tasks()",
        ["unsupported: what company.tools.* makes is not read"],
    ),
    "tasks in a generator": (
        "def g():\n yield BashOperator(task_id='t')\nwith DAG('d'):\n next(g() if json.it else g())",
        [
            ("unsupported: what is made in code that is called and not followed"
            " is missing")
        ],
    ),
    "a file that raises": (
        "d = DAG('d')\nraise ValueError",
        ["malformed: Airflow refuses the file: the file raises here"],
    ),
    "a file that leaves": (
        "d = DAG('d')\nsys.exit()",
        ["malformed: Airflow refuses the file: the file raises here"],
    ),
    "a file that may leave": ("if U:\n sys.exit()\nd = DAG('d')", []),
    "an exception that is caught": ("try:\n raise ValueError\nexcept ValueError: pass", []),
    "a function outside a DAG": ("x = company.settings()\nd = DAG('d')", []),
    "Python's library in a DAG": (
        "with DAG('d'):\n json.loads('1')\n logging.info(1)\n os.path.join('a')\n datetime(2024, 1, 1)",
        [],
    ),
    "Airflow's helpers in a DAG": (
        "with DAG('d'):\n a, b = [BashOperator(task_id=i) for i in 'ab']\n chain(a, b)\n Variable.get('x')",
        [],
    ),
    "a function that makes tasks and is not called": (
        "def f():\n yield BashOperator(task_id='t')",
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOLD)
def test_what_is_not_followed_is_told(scan: Scan, name: str) -> None:
    program, told = TOLD[name]
    facts = scan(HEAD + program)
    assert [f"{gap.reason}: {gap.detail}" for gap in facts.gaps] == told
    assert not any(gap.incomplete for gap in facts.gaps)
    assert {gap.kinds for gap in facts.gaps} <= {("dag", "task", "call")}
    assert all(gap.origin.line for gap in facts.gaps)


def test_an_archive_that_cannot_be_read_is_told(scan: Scan, tmp_path: Path) -> None:
    packed = tmp_path / "repo" / "dags" / "packed.zip"
    packed.parent.mkdir(parents=True)
    packed.write_bytes(b"PK")
    (gap,) = scan("from airflow import DAG\nd = DAG('d')").gaps
    assert (gap.reason, gap.origin.source) == ("malformed", "dags/packed.zip")
    assert gap.incomplete


@pytest.mark.parametrize("folder", [".venv", "node_modules"])
def test_folders_of_packages_are_left_out_and_counted(scan: Scan, folder: str) -> None:
    program = "from airflow import DAG\nd = DAG('d')"
    facts = scan(**{f"dags__{folder}__a": program, "dags__b": program})
    assert [dag.origin.source for dag in facts.dags] == ["dags/b.py"]
    assert [(e.kind, e.what, e.reason) for e in facts.excluded] == [
        ("folder", f"dags/{folder}", "holds installed packages")
    ]


@pytest.mark.parametrize(
    ("attribute", "retries"),
    [("__init__", UNSET), ("execute", UNSET), ("operator_extra_links", 2)],
)
def test_tasks_of_an_operator_that_the_file_changes_are_not_known(
    scan: Scan, attribute: str, retries: object
) -> None:
    changed = f"BashOperator.{attribute} = lambda *a: 0\n"
    made = "with DAG('d'):\n BashOperator(task_id='t', retries=2)"
    (task,) = scan(HEAD + changed + made).tasks
    assert (task.task_id, task.retries) == ("t", retries)


def test_an_operator_in_an_annotation_is_left_out(scan: Scan) -> None:
    facts = scan(
        HEAD + "def f(x: BashOperator(task_id='a')) -> BashOperator(task_id='b'):\n"
        " return 1\nf(1)\nwith DAG('d'):\n BashOperator(task_id='t')"
    )
    assert [task.task_id for task in facts.tasks] == ["t"]
    left = [(one.reason, one.count) for one in facts.excluded if one.kind == "task"]
    assert left == [("in an annotation", 2)]


def test_what_is_called_in_code_that_is_not_called_may_be_of_a_module_not_met_before(
    scan: Scan,
) -> None:
    code = "def f():\n pkg.sub.g()\n BashOperator(task_id='a')"
    facts = scan(
        dags__a=f"{HEAD}import pkg\n{code}\nd = DAG('d')",
        dags__pkg____init__="",
        dags__pkg__sub="def g():\n pass\n",
    )
    assert [dag.dag_id for dag in facts.dags] == ["d"]
    left = [(one.reason, one.count) for one in facts.excluded if one.kind == "task"]
    assert left == [("in a function not called", 1)]
