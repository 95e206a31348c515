"""From where each known field of a DAG, task and call was read, to the line."""

from collections.abc import Iterable
from typing import get_args

import pytest
from msgspec import UNSET, UnsetType
from msgspec.structs import fields, replace
from tests.sources.dags.conftest import Scan

from dagwarden.facts import KINDS, Provenance, Traced
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.airflow.parameters import SETTINGS
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import Entry, Variables

HEAD = """\
import os
from airflow.sdk import DAG, BaseOperator, TaskGroup, dag, task
from airflow.providers.standard.operators.empty import EmptyOperator as Empty
from shared import ARGUMENTS, Own
"""
# line 1 is the program's own first line
FIRST = HEAD.count("\n")
SHARED = """\
from airflow.sdk import BaseOperator
ARGUMENTS = {
    "owner": "shared",
    "pool": "shared",
}
class Own(BaseOperator):
    def __init__(self, queue=None, owner=None, **kwargs):
        self.extra = 1
        super().__init__(
            queue=queue,
            pool="fixed",
            **kwargs,
        )
        self.owner = owner or "own"
"""

# program -> where its task's pool is read: source, line of the program
POOLS: dict[str, tuple[str, object]] = {
    'with DAG("d"):\n Empty(task_id="t",\n  pool="p")': ("argument", 3),
    'P = {"pool": "p"}\nwith DAG("d"):\n Empty(\n  task_id="t",\n  **P)': ("argument", 5),
    'with DAG("d"):\n Empty.partial(task_id="t",\n  pool="p").expand(doc=["x"])': ("argument", 3),
    'with DAG("d"):\n @task(\n  pool="p")\n def t(): ...\n t()': ("argument", 3),
    'with DAG("d"):\n @task\n def t(): ...\n t.override(pool="p")()': ("argument", 4),
    'with DAG("d"):\n Empty(task_id="t")': ("operator_default", None),
    'with DAG("d"):\n t = Empty(task_id="t", pool="a")\n t.pool = "p"': ("code", 3),
    'A = {\n "pool": "p"}\nwith DAG("d", default_args=A):\n Empty(task_id="t")': ("default_args", 2),
    'with DAG("d",\n  default_args={"retries": 1,\n   "pool": "p"}):\n Empty(task_id="t")': ("default_args", 3),
    'with DAG("d", default_args=dict(\n  pool="p")):\n Empty(task_id="t")': ("default_args", 2),
    'A = {"owner": "o"}\nwith DAG("d", default_args={\n  **A,\n  "pool": "p"}):\n Empty(task_id="t")': ("default_args", 4),
    'A = {"pool": "p"}\nwith DAG("d", default_args={\n  **A,\n  "owner": "o"}):\n Empty(task_id="t")': ("default_args", 3),
    '@dag(default_args={\n "pool": "p"})\ndef d():\n Empty(task_id="t")\nd()': ("default_args", 2),
    # as near as is kept: the dict, which was changed since
    'A = {\n "pool": "a"}\nA["pool"] = "p"\nwith DAG("d", default_args=A):\n Empty(task_id="t")': ("default_args", 1),
    'with DAG("d", default_args={"pool": "a"}):\n'
    ' with TaskGroup("g", default_args={\n   "pool": "p"}):\n  Empty(task_id="t")': ("default_args", 3),
    'with DAG("d"):\n Empty(task_id="t", default_args={\n  "pool": "p"})': ("default_args", 3),
}  # fmt: skip


def read_from(
    provenance: Iterable[Provenance], field: str
) -> tuple[str, object, object]:
    (one,) = [one for one in provenance if one.field == field]
    origin = one.origin
    return one.source, origin and origin.source, origin and origin.line


@pytest.mark.parametrize("program", POOLS)
def test_where_an_argument_is_read(scan: Scan, program: str) -> None:
    (made,) = scan(HEAD + program, dags__shared=SHARED).tasks
    source, line = POOLS[program]
    path = None if line is None else "dags/a.py"
    expected = line + FIRST if isinstance(line, int) else line
    assert read_from(made.provenance, "pool") == (source, path, expected)


def test_default_args_of_another_module_stand_there(scan: Scan) -> None:
    program = 'with DAG("d", default_args=ARGUMENTS):\n Empty(task_id="t")'
    (made,) = scan(HEAD + program, dags__shared=SHARED).tasks
    expected = ("default_args", "dags/shared.py", 4)
    assert read_from(made.provenance, "pool") == expected


# arguments of `Own` -> where pool, owner and queue are read
OWN: dict[str, list[tuple[str, str, int]]] = {
    "queue='q'": [
        ("class", "dags/shared.py", 11),
        ("class", "dags/shared.py", 14),
        ("argument", "dags/a.py", FIRST + 2),
    ],
    "": [
        ("class", "dags/shared.py", 11),
        ("class", "dags/shared.py", 14),
        ("default_args", "dags/a.py", FIRST + 1),
    ],
}


@pytest.mark.parametrize("given", OWN)
def test_a_constructor_of_the_repository_is_told_from_its_call(
    scan: Scan, given: str
) -> None:
    program = (
        f'with DAG("d", default_args={{"queue": "dq"}}):\n Own(task_id="t", {given})\n'
    )
    (made,) = scan(HEAD + program, dags__shared=SHARED).tasks
    assert made.pool == "fixed"
    fields = ("pool", "owner", "queue")
    assert [read_from(made.provenance, field) for field in fields] == OWN[given]


def test_what_the_file_leaves_open_comes_from_settings(scan: Scan) -> None:
    (made,) = scan(HEAD + 'with DAG("d"):\n Empty(task_id="t")').tasks
    fields = ("owner", "queue", "retries", "execution_timeout")
    assert {field: read_from(made.provenance, field) for field in fields} == {
        "owner": ("setting", "[operators] default_owner of environment prod", None),
        "queue": ("setting", "[operators] default_queue of environment prod", None),
        "retries": ("setting", "[core] default_task_retries of environment prod", None),
        "execution_timeout": (
            "setting",
            "[core] default_task_execution_timeout of environment prod",
            None,
        ),
    }


def test_the_settings_are_those_of_the_catalogue() -> None:
    base = catalogue().operator("airflow.sdk.BaseOperator")
    assert base is not None
    found = {name: base.parameters[name].setting for name in SETTINGS}
    spelled = {
        name: setting.removeprefix("[").replace("] ", ".")
        for name, setting in SETTINGS.items()
    }
    assert found == spelled


def test_a_dag_says_where_its_fields_are_read(scan: Scan) -> None:
    program = (
        "from datetime import timedelta\n"
        'd = DAG(\n "d",\n schedule="@daily",\n)\n'
        "d.dagrun_timeout = timedelta(hours=1)\n"
        'Empty(task_id="t", dag=d)\n'
    )
    facts = scan(HEAD + program, dags__shared=SHARED)
    (made,), (task,) = facts.dags, facts.tasks
    assert made.dagrun_timeout == 3600
    expected = {
        "dag_id": ("argument", "dags/a.py", FIRST + 2),
        "dagrun_timeout": ("code", "dags/a.py", FIRST + 6),
    }
    for field, where in expected.items():
        assert read_from(made.provenance, field) == where
        assert read_from(task.provenance, field) == where
    assert read_from(made.provenance, "schedule") == (
        "argument",
        "dags/a.py",
        FIRST + 4,
    )


CALL = """\
import os
from airflow.sdk import DAG
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.http.operators.http import HttpOperator
with DAG("d", default_args={"region": "r"}):
    CloudRunExecuteJobOperator(
        task_id="run",
        project_id="p",
        job_name=os.environ["JOB"],
        overrides={"timeout": "60s"},
    )
    HttpOperator(
        task_id="http",
        endpoint="/x",
        headers={"Authorization": "Bearer abc"},
        extra_options={"verify": False},
    )
"""


def test_a_call_says_where_each_part_is_read(scan: Scan) -> None:
    facts = scan(CALL)
    http, run = sorted(facts.calls, key=lambda call: call.id)
    default = ("operator_default", None, None)
    assert {
        one.field: read_from(run.provenance, one.field) for one in run.provenance
    } == {
        "acts_as": default,
        "audience": default,
        "connection": default,
        "deploys_as": default,
        "endpoint": default,
        "impersonation_chain": default,
        "names_run": ("argument", "dags/a.py", 10),
        "overrides": ("argument", "dags/a.py", 10),
        "overrides_duration": ("argument", "dags/a.py", 10),
        "permissions": default,
        "project": ("argument", "dags/a.py", 8),
        "region": ("default_args", "dags/a.py", 5),
        "target_kind": default,
        "tls_verified": default,
        "token": default,
        "url": default,
    }
    assert {
        one.field: read_from(http.provenance, one.field) for one in http.provenance
    } == {
        "acts_as": default,
        "audience": default,
        "connection": default,
        "deploys_as": default,
        "endpoint": ("argument", "dags/a.py", 14),
        "impersonation_chain": default,
        "names_run": default,
        "overrides": default,
        "overrides_duration": default,
        "permissions": default,
        "tls_verified": ("argument", "dags/a.py", 16),
        "token": ("argument", "dags/a.py", 15),
        "url": default,
    }


PROGRAMS = [CALL, *(HEAD + program for program in POOLS)]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_field_is_known_from_somewhere_or_says_why_not(
    scan: Scan, program: str
) -> None:
    facts = scan(program, dags__shared=SHARED)
    for fact in (*facts.dags, *facts.tasks, *facts.calls):
        told = [one.field for one in fact.provenance]
        assert told == sorted(set(told))
        unknown = {entry.field for entry in fact.unresolved}
        assert not unknown & set(told)
        assert {*unknown, *told} == _maybe(type(fact))


def test_who_does_not_ask_is_told_the_rest_alone(scan: Scan) -> None:
    asked, rest = (scan(CALL, traced=traced) for traced in (True, False))
    for one, other in zip(
        (*asked.dags, *asked.tasks, *asked.calls),
        (*rest.dags, *rest.tasks, *rest.calls),
        strict=True,
    ):
        assert one.provenance
        assert other == replace(one, provenance=())


def _maybe(kind: type[Traced]) -> set[str]:
    """Return the fields that may be unresolved, but for what graph sets."""
    found = {f.name for f in fields(kind) if UnsetType in get_args(f.type)}
    return found - {"connection_defined"}


def test_rules_do_not_see_it() -> None:
    from dagwarden.expression.checks import fields_of

    for kind in ("dag", "task", "call"):
        assert "provenance" not in fields_of(KINDS[kind][1])


def test_what_an_input_gave_comes_from_there(scan: Scan) -> None:
    program = (
        "from airflow.models import Variable\n"
        'with DAG("d", default_args={\n  "owner": Variable.get("o")}):\n'
        ' Empty(task_id="t",\n  pool=f"{Variable.get(\'p\')}-pool")\n'
    )
    entries = {name: Entry(name, UNSET) for name in "op"}
    outside = Outside(Variables((Layer(entries),), False))
    (made,) = scan(HEAD + program, dags__shared=SHARED, outside=outside).tasks
    assert (made.owner, made.pool) == ("o", "p-pool")
    expected = ("variable", "dags/a.py", FIRST + 3)
    assert read_from(made.provenance, "owner") == expected
    assert read_from(made.provenance, "pool") == ("variable", "dags/a.py", FIRST + 5)
