"""What DAG files declare: DAGs, tasks, and what each task is given."""

from collections.abc import Callable

import pytest
from msgspec import UNSET

from dagwarden.facts import Facts, Task

Scan = Callable[..., Facts]

HEADER = """
import os
from datetime import timedelta
from airflow import DAG
from airflow.decorators import dag, task, task_group
from airflow.operators.bash import BashOperator
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator as Run
from airflow.providers.google.cloud.operators.bigquery import BigQueryInsertJobOperator as Query
from airflow.utils.task_group import TaskGroup
"""  # fmt: skip
RUN = "airflow.providers.google.cloud.operators.cloud_run.CloudRunExecuteJobOperator"
BASH = "airflow.providers.standard.operators.bash.BashOperator"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"


def names(facts: Facts) -> list[str]:
    return [fact.id.removeprefix("task:prod:dags/a.py:") for fact in facts.tasks]


def why(task: Task, field: str) -> tuple[str, str]:
    assert getattr(task, field) is UNSET
    return next((u.reason, u.symbol) for u in task.unresolved if u.field == field)


SHAPES: dict[str, tuple[str, list[str]]] = {
    "with": ("with DAG('d'):\n BashOperator(task_id='t')", ["d.t"]),
    "with as": ("with DAG(dag_id='d') as x:\n pass\nBashOperator(task_id='t', dag=x)", ["d.t"]),
    "dag=": ("x = DAG('d')\nBashOperator(task_id='t', dag=x)", ["d.t"]),
    "default_args dag": ("x = DAG('d')\nBashOperator(task_id='t', default_args={'dag': x})", ["d.t"]),
    "add_task": ("x = DAG('d')\nt = BashOperator(task_id='t')\nx.add_task(t)", ["d.t"]),
    "by neighbour": (
        "x = DAG('d')\na = BashOperator(task_id='a', dag=x)\na >> [BashOperator(task_id='b')]",
        ["d.a", "d.b"],
    ),
    "@dag": ("@dag\ndef d():\n BashOperator(task_id='t')\nd()", ["d.t"]),
    "@dag(...)": ("@dag(dag_id='e', schedule=None)\ndef d():\n BashOperator(task_id='t')\nd()", ["e.t"]),
    "@dag never called": ("@dag\ndef d():\n BashOperator(task_id='t')", []),
    "@task": ("with DAG('d'):\n @task\n def f(): ...\n f()\n f()\n f()", ["d.f", "d.f__1", "d.f__2"]),
    "@task(...)": ("with DAG('d'):\n @task(task_id='t')\n def f(): ...\n f() >> f()", ["d.t", "d.t__1"]),
    "override": ("with DAG('d'):\n @task\n def f(): ...\n f.override(task_id='t')()", ["d.t"]),
    "task decorator called": ("def f(): ...\nwith DAG('d'):\n task(f)()", ["d.f"]),
    "loop": ("with DAG('d'):\n for i in range(2): BashOperator(task_id=f't{i}')", ["d.t0", "d.t1"]),
    "comprehension": ("with DAG('d'):\n [BashOperator(task_id=i) for i in 'ab']", ["d.a", "d.b"]),
    "unknown loop": ("from elsewhere import U\nwith DAG('d'):\n for i in U: BashOperator(task_id=i)", ["d.?BashOperator"]),
    "unknown loop of a constant": ("from elsewhere import U\nwith DAG('d'):\n for i in U: BashOperator(task_id='t')", ["d.t"]),
    "both branches": (
        "from elsewhere import U\nwith DAG('d'):\n if U: BashOperator(task_id='a')\n else: BashOperator(task_id='b')",
        ["d.a", "d.b"],
    ),
    "factory": (
        "def f(n):\n with DAG(n) as x:\n  BashOperator(task_id='t')\n return x\nf('d')\nf('e')",
        ["d.t", "e.t"],
    ),
    "globals": ("for n in 'ab':\n x = DAG(n)\n BashOperator(task_id='t', dag=x)\n globals()[n] = x", ["a.t", "b.t"]),
    "unknown dag": ("with DAG(os.getenv('D')):\n BashOperator(task_id='t')", ["?.t"]),
    "group": (
        "with DAG('d'):\n with TaskGroup('g'):\n  with TaskGroup(group_id='h') as h:\n   BashOperator(task_id='t')",
        ["d.g.h.t"],
    ),
    "group without prefix": (
        "with DAG('d'):\n with TaskGroup('g'):\n  with TaskGroup('h', prefix_group_id=False):\n   BashOperator(task_id='t')",
        ["d.t"],
    ),
    "@task_group": (
        "with DAG('d'):\n @task_group\n def g():\n  BashOperator(task_id='t')\n g()\n g()",
        ["d.g.t", "d.g__1.t"],
    ),
    "same id in two branches": (
        "from elsewhere import U\nwith DAG('d'):\n if U:\n  BashOperator(task_id='t')\n else:\n  BashOperator(task_id='t')",
        ["d.t", "d.t#2"],
    ),
    "mapped": ("with DAG('d'):\n BashOperator.partial(task_id='t').expand(env=[{}])", ["d.t"]),
    "unknown operator": ("from U import x\nwith DAG('d'):\n x.y(task_id='t')\n (lambda: U)()(task_id='u')", ["d.t", "d.u"]),
    "subclass": ("class X(BashOperator): pass\nwith DAG('d'):\n X(task_id='t')", ["d.t"]),
    "subclass that names itself": (
        "class X(BashOperator):\n def __init__(self, n, **k):\n  super().__init__(task_id='t-' + n, **k)\nwith DAG('d'):\n X(n='a')",
        ["d.t-a"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "expected"), SHAPES.values(), ids=SHAPES)
def test_tasks_are_found(scan: Scan, program: str, expected: list[str]) -> None:
    facts = scan(HEADER + program)
    assert names(facts) == expected
    assert facts.gaps == ()


def test_an_id_that_is_taken_makes_airflow_refuse_the_file(scan: Scan) -> None:
    twice = "with DAG('d'):\n BashOperator(task_id='t')\n BashOperator(task_id='t')"
    facts = scan(HEADER + twice)
    assert names(facts) == ["d.t", "d.t#2"]
    assert [(gap.reason, gap.detail, gap.incomplete) for gap in facts.gaps] == [
        (
            "malformed",
            "Airflow refuses the file: an id that its DAG has already",
            False,
        )
    ]


@pytest.mark.parametrize(
    "before",
    [
        "with DAG('d'):\n BashOperator(task_id='t')\n try:\n  pass",
        "with DAG('d'):\n try:\n  BashOperator(task_id='t')",
    ],
)
def test_an_id_that_is_taken_makes_no_task_where_that_is_caught(
    scan: Scan, before: str
) -> None:
    caught = "\n  BashOperator(task_id='t', pool='p')\n except Exception:\n  BashOperator(task_id='u')"
    facts = scan(HEADER + before + caught)
    assert names(facts) == ["d.t", "d.u"]
    assert facts.tasks[0].pool == "default_pool"


def test_a_task_where_the_file_may_not_come_is_conditional(scan: Scan) -> None:
    body = "".join(
        f"{around}BashOperator(task_id='{name}')\n"
        for name, around in (
            ("a", " "),
            ("b", " if unknown:\n  "),
            ("c", " else:\n  "),
            ("d", " try:\n  "),
            ("e", " except Exception:\n  "),
            ("f", " for _ in unknown:\n  "),
            ("g", " for _ in [1]:\n  "),
            ("h", " if 1 < 2:\n  "),
        )
    )
    facts = scan(HEADER + "with DAG('d'):\n" + body)
    found = {task.task_id: task.conditional for task in facts.tasks}
    certain = dict.fromkeys("agh", False)
    assert found == {**dict.fromkeys("bcdef", True), **certain}


LEFT_OUT = {
    "no DAG": ("BashOperator(task_id='t')", "belongs to no DAG"),
    "function": ("def f():\n BashOperator(task_id='t')", "in a function not called"),
    "local import": (
        "def f():\n from airflow.operators.empty import EmptyOperator as E\n\n E(task_id='t')",
        "in a function not called",
    ),
    "partial": ("with DAG('d'):\n BashOperator.partial(task_id='t')", "`partial` that is never expanded"),
    "false": ("if False:\n BashOperator(task_id='t')", "in a branch whose condition is never true"),
    "unreached": ("def f():\n return\n BashOperator(task_id='t')\nf()", "in code that is never reached"),
    "empty": ("for x in []:\n BashOperator(task_id='t')", "in a loop over nothing"),
    "an empty list": ("x = [BashOperator(task_id='t') for x in []]", "in a loop over nothing"),
    "an empty dict": ("x = {x: BashOperator(task_id='t') for x in {**{}}}", "in a loop over nothing"),
    "in a task": (
        "with DAG('d'):\n @task\n def f():\n  BashOperator(task_id='t').execute({})",
        "in the code of a task",
    ),
    "lost DAG": (
        "def f():\n x = DAG('d')\n BashOperator(task_id='t', dag=x)\nf()",
        "its DAG is not one Airflow finds",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("program", "reason"), LEFT_OUT.values(), ids=LEFT_OUT)
def test_operators_that_make_no_task_are_accounted_for(
    scan: Scan, program: str, reason: str
) -> None:
    facts = scan(HEADER + program)
    assert facts.tasks == ()
    line = (HEADER + program)[: (HEADER + program).rindex("(task_id")].count("\n") + 1
    assert [
        (e.what, e.reason, e.count) for e in facts.excluded if e.kind == "task"
    ] == [(f"dags/a.py:{line}", reason, 1)]


@pytest.mark.parametrize("left", ["1.5", "2j", "b'x'", "...", "x"])
def test_a_constant_that_is_never_taken_makes_no_task(scan: Scan, left: str) -> None:
    facts = scan(
        f"{HEADER}x = 1 if True else {left}\nwith DAG('d'):\n BashOperator(task_id='t')"
    )
    assert [task.task_id for task in facts.tasks] == ["t"]
    assert [e for e in facts.excluded if e.kind == "task"] == []


def one(scan: Scan, program: str, **given: str) -> Task:
    facts = scan(HEADER + program, **given)
    assert len(facts.tasks) == 1
    return facts.tasks[0]


def test_a_task_as_a_whole(scan: Scan) -> None:
    program = """
with DAG("d", dagrun_timeout=timedelta(hours=1)):
    Run(
        task_id="t", project_id="p", region="r", job_name="j", gcp_conn_id="c",
        impersonation_chain=["a@p", "b@p"], execution_timeout=timedelta(minutes=5),
        retries=2, deferrable=True, timeout_seconds=60,
    )
"""
    task = one(scan, program)
    assert task.origin.source == "dags/a.py"
    assert task.origin.line == (HEADER + program).splitlines().index("    Run(") + 1
    assert task.dag == "dag:prod:dags/a.py:d"
    assert (task.dag_id, task.task_id, task.operator) == ("d", "t", RUN)
    assert (task.connection, task.connection_source) == ("c", "argument")
    assert task.connection_parameter == "gcp_conn_id"
    assert task.impersonation_chain == ("a@p", "b@p")
    assert (task.execution_timeout, task.dagrun_timeout) == (300, 3600)
    assert (task.retries, task.deferrable, task.timeout_seconds) == (2, True, 60)
    assert (task.mapped, task.secrets, task.unresolved) == (False, (), ())


def test_what_is_not_given(scan: Scan) -> None:
    task = one(scan, "with DAG('d'): Run(task_id='t')")
    assert task.connection == "google_cloud_default"
    assert task.connection_source == "operator_default"
    assert task.impersonation_chain is None
    assert (task.execution_timeout, task.dagrun_timeout, task.retries) == (None,) * 3
    assert why(task, "deferrable") == (
        "setting",
        "[operators] default_deferrable of environment prod",
    )


def test_an_operator_without_such_parameters(scan: Scan) -> None:
    task = one(scan, "with DAG('d'): BashOperator(task_id='t')")
    assert task.operator == BASH
    assert (task.connection, task.connection_parameter) == (None, None)
    assert (task.impersonation_chain, task.deferrable) == (None, None)
    assert task.timeout_seconds is None


PRECEDENCE = {
    "argument": ("{'retries': 1}", "{'retries': 2}", "retries=3", 3),
    "argument None": ("{'retries': 1}", "{'retries': 2}", "retries=None", 0),
    "own default_args": ("{'retries': 1}", "{'retries': 2}", "default_args={'retries': 4}", 4),
    "group": ("{'retries': 1}", "{'retries': 2}", "", 2),
    "dag": ("{'retries': 1}", "{}", "", 1),
    "none": ("{}", "{}", "", None),
    "beside the unknown": ("{**U, 'retries': 1}", "{}", "", 1),
}  # fmt: skip


@pytest.mark.parametrize(
    ("outer", "inner", "own", "expected"), PRECEDENCE.values(), ids=PRECEDENCE
)
def test_default_args_precedence(
    scan: Scan, outer: str, inner: str, own: str, expected: int | None
) -> None:
    program = (
        f"with DAG('d', default_args={outer}):\n"
        f" with TaskGroup('g', default_args={inner}):\n"
        f"  Run(task_id='t', {own})"
    )
    assert one(scan, program).retries == expected


@pytest.mark.parametrize(
    ("default_args", "expected"),
    [
        ("os.getenv('E')", ("environment", "E")),
        ("{'retries': 1, **other()}", ("dynamic", "other")),
        ("{'retries': 'two'}", ("dynamic", "a value of retries that Airflow does not take")),
    ],
)  # fmt: skip
def test_default_args_that_are_not_established(
    scan: Scan, default_args: str, expected: tuple[str, str]
) -> None:
    program = f"with DAG('d', default_args={default_args}): Run(task_id='t')"
    assert why(one(scan, program), "retries") == expected


def test_default_args_are_copied_when_the_dag_is_made(scan: Scan) -> None:
    program = "a = {'retries': 1}\nwith DAG('d', default_args=a):\n a['retries'] = 2\n Run(task_id='t')"
    assert one(scan, program).retries == 1


def test_a_connection_from_default_args(scan: Scan) -> None:
    program = "with DAG('d', default_args={'gcp_conn_id': 'c'}): Query(task_id='t')"
    task = one(scan, program)
    assert (task.connection, task.connection_source) == ("c", "default_args")


CHAINS = {
    "one": ("'a@p'", ("a@p",)),
    "joined by a comma": ("'a@p,b@p'", ("a@p,b@p",)),
    "list": ("['a@p', 'b@p']", ("a@p", "b@p")),
    "tuple": ("('a@p',)", ("a@p",)),
    "none": ("None", None),
    "empty": ("''", None),
    "empty list": ("[]", None),
}


@pytest.mark.parametrize(("chain", "expected"), CHAINS.values(), ids=CHAINS)
def test_impersonation_chain(
    scan: Scan, chain: str, expected: tuple[str, ...] | None
) -> None:
    task = one(scan, f"with DAG('d'): Run(task_id='t', impersonation_chain={chain})")
    assert task.impersonation_chain == expected


def test_jinja_is_unresolved_only_where_airflow_renders(scan: Scan) -> None:
    program = (
        "with DAG('d'): Run(task_id='{{ t }}', gcp_conn_id='{{ var.value.c }}',"
        " impersonation_chain=['{{ a }}', 'b@p'])"
    )
    task = one(scan, program)
    assert task.task_id == "{{ t }}"
    assert why(task, "connection") == ("variable", "c")
    assert why(task, "impersonation_chain") == ("jinja", "{{ a }}")


def test_unknown_splat_leaves_what_is_given(scan: Scan) -> None:
    task = one(scan, "with DAG('d'): Run(task_id='t', retries=1, **os.getenv('E'))")
    assert (task.task_id, task.retries) == ("t", 1)
    assert why(task, "connection") == ("environment", "E")


def test_an_operator_outside_the_catalogue(scan: Scan) -> None:
    program = (
        "from corp.ops import BigOperator\nwith DAG('d'): BigOperator(task_id='t')"
    )
    task = one(scan, program)
    assert task.operator == "corp.ops.BigOperator"
    for field in ("connection", "impersonation_chain", "deferrable"):
        assert why(task, field) == ("import", "corp.ops.BigOperator")
    assert task.retries is None


def test_a_subclass_is_followed_into_the_operator(scan: Scan) -> None:
    program = """
class Base(Run):
    def __init__(self, *, env, retries=1, **kwargs):
        super().__init__(project_id=f"p-{env}", retries=retries, **kwargs)
        self.gcp_conn_id = "own"
class X(Base):
    def __init__(self, **kwargs):
        super().__init__(env="prod", **kwargs)
with DAG("d", default_args={"retries": 5}):
    X(task_id="t", job_name="j", region="r")
"""
    facts = scan(HEADER + program)
    task, call = facts.tasks[0], facts.calls[0]
    assert (task.operator, task.connection) == (RUN, "own")
    assert (call.project, call.name) == ("p-prod", "j")
    # `retries` is a parameter of Base, and X does not pass it on
    assert task.retries == 5


def test_a_subclass_whose_constructor_is_not_understood(scan: Scan) -> None:
    program = "class X(Run):\n def __init__(self, **k):\n  U(self)\nwith DAG('d'): X(task_id='t')"
    task = one(scan, program)
    assert task.task_id == "t"
    assert why(task, "connection") == ("dynamic", "a.X")


def test_an_operator_of_the_repository_says_nothing_of_its_connection(
    scan: Scan,
) -> None:
    program = (
        "from airflow.models import BaseOperator\nclass X(BaseOperator):\n"
        " def execute(self, c): ...\nwith DAG('d'): X(task_id='t')"
    )
    assert why(one(scan, program), "connection") == ("dynamic", "a.X")


@pytest.mark.parametrize(
    ("given", "mapped", "connection"),
    [
        ("Run.partial(task_id='t', gcp_conn_id='c').expand(job_name=['a', 'b'])", True, "c"),
        ("Run.partial(task_id='t').expand(gcp_conn_id=['c', 'c'])", True, "c"),
        ("Run.partial(task_id='t').expand_kwargs([{'gcp_conn_id': 'c'}])", True, "c"),
        ("Run.partial(task_id='t').expand(gcp_conn_id=['c', 'e'])", True, UNSET),
        ("Run.partial(task_id='t').expand_kwargs(U)", True, UNSET),
        ("Run(task_id='t', gcp_conn_id='c')", False, "c"),
    ],
)  # fmt: skip
def test_mapped_tasks(
    scan: Scan, given: str, mapped: bool, connection: str | None
) -> None:
    task = one(scan, f"with DAG('d'): {given}")
    assert (task.mapped, task.connection) == (mapped, connection)


def test_secrets_keep_their_place_and_not_their_value(scan: Scan) -> None:
    program = """
PASSWORD = "hunter2" + "hunter2"
with DAG("d"):
    BashOperator(task_id="t", env={"DB_PASSWORD": PASSWORD, "HOST": "h"})
"""
    facts = scan(HEADER + program)
    secrets = facts.tasks[0].secrets
    assert secrets == facts.tasks[0].secrets_known
    assert [(s.kind, s.place) for s in secrets or ()] == [
        ("password", "env.DB_PASSWORD")
    ]
    assert "hunter2" not in repr(facts)


def test_secrets_are_not_established_while_data_is_unknown(scan: Scan) -> None:
    program = "with DAG('d'): BashOperator(task_id='t', env={'DB_PASSWORD': 'hunter2hunter2', 'X': U})"
    task = one(scan, program)
    assert [secret.place for secret in task.secrets_known] == ["env.DB_PASSWORD"]
    assert why(task, "secrets") == ("dynamic", "U")


@pytest.mark.parametrize(
    ("airflow", "given", "expected"),
    [
        ("3.1", "", None),
        ("2.11", "", "1 day, 0:00:00"),
        (None, "", UNSET),
        (None, "schedule=None", None),
        (None, "schedule_interval='@daily'", "@daily"),
        (None, "schedule=timedelta(hours=1)", "1:00:00"),
    ],
)
def test_schedule(
    scan: Scan, airflow: str | None, given: str, expected: str | None
) -> None:
    facts = scan(f"{HEADER}with DAG('d', {given}): pass", airflow=airflow)
    assert facts.dags[0].schedule == expected


def test_parameters_of_a_dag_function_belong_to_the_run(scan: Scan) -> None:
    program = "@dag\ndef d(c='x'):\n Run(task_id='t', gcp_conn_id=c)\nd()"
    assert why(one(scan, program), "connection") == ("parameter", "c")


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", None), (", retries=None", 0), (", retries=3", 3), (", retries='4'", 4)],
)
def test_retries_that_are_given_as_none_are_none(
    scan: Scan, given: str, expected: int | None
) -> None:
    program = f'with DAG("d"):\n    Run(task_id="t"{given})\n'
    assert one(scan, program).retries == expected


@pytest.mark.parametrize(
    ("made", "own"),
    [
        ("Mine(task_id='t')", "a.Mine"),
        ("shared.Deep(task_id='t')", "shared.Deep"),
        ("Mine.partial(task_id='t').expand(x=[1])", "a.Mine"),
        ("BashOperator(task_id='t')", None),
    ],
)
def test_a_task_of_an_own_class_names_it_and_what_it_extends(
    scan: Scan, made: str, own: str | None
) -> None:
    facts = scan(
        "import shared\nfrom airflow import DAG\n"
        "from airflow.operators.bash import BashOperator\n"
        "class Mine(BashOperator):\n pass\n"
        f"with DAG('d'):\n {made}\n",
        dags__shared="from airflow.operators.bash import BashOperator\n"
        "class Base(BashOperator):\n pass\nclass Deep(Base):\n pass\n",
    )
    (task,) = facts.tasks
    assert (task.operator, task.own_class) == (BASH, own)


T = "execution_timeout"
# What Airflow 2.11.2 and 3.3.2 both refuse, with what is told and its line; and what
# looks like it, and one of them takes.
REFUSED: dict[str, tuple[str, int | None]] = {
    f"with DAG('d'):\n BashOperator(task_id='t', {T}=60)": (f"an {T} that is no timedelta", 2),
    f"with DAG('d'):\n BashOperator(task_id='t', {T}=0)": (f"an {T} that is no timedelta", 2),
    f"with DAG('d', default_args={{'{T}': '60'}}):\n BashOperator(task_id='t')": (f"an {T} that is no timedelta", 2),
    f"with DAG('d'):\n @task({T}=60.0)\n def t(): pass\n t()": (f"an {T} that is no timedelta", 4),
    f"with DAG('d'):\n BashOperator.partial(task_id='t', {T}=60).expand(env=[{{}}])": ("", None),
    f"with DAG('d'):\n BashOperator(task_id='t', {T}=None)": ("", None),
    f"with DAG('d'):\n BashOperator(task_id='t', {T}=X)": ("", None),
    f"with DAG('d', default_args={{'{T}': 60}}):\n BashOperator(task_id='t', {T}=None)": ("", None),
    f"with DAG('d'):\n t = BashOperator(task_id='t')\n t.{T} = 60": ("", None),
    f"if X:\n with DAG('d'):\n  BashOperator(task_id='t', {T}=60)": ("", None),
    "with DAG('d', dagrun_timeout=60):\n BashOperator(task_id='t')": ("a dagrun_timeout that is no timedelta", 1),
    "with DAG('d', dagrun_timeout=None):\n BashOperator(task_id='t')": ("", None),
    **{
        f"with DAG('d'):\n BashOperator(task_id='t', {given})": (detail, 2 if detail else None)
        for detail, several in {
            "retries that are no number": ["retries='x'", "retries=[]", "retries={}", "default_args={'retries': 'x'}"],
            "pool_slots that are no number above 0": ["pool_slots='5'", "pool_slots=0", "pool_slots=-1", "pool_slots=None", "pool_slots=[]"],
            "a priority_weight that is no whole number": ["priority_weight='5'", "priority_weight=1.5", "priority_weight={}"],
            "a trigger_rule that there is not": ["trigger_rule='x'", "trigger_rule='ALL_SUCCESS'", "trigger_rule=None", "trigger_rule=5"],
            "": [
                "retries='5'", "retries=-1", "retries=1.5", "retries=None", "retries=X", "retries=f'{X}'", "pool_slots=True", "pool_slots=5",
                "priority_weight=-1", "priority_weight=None", "priority_weight=True", "trigger_rule='always'", "trigger_rule='dummy'",
                "trigger_rule='all_done_min_one_success'", "trigger_rule=X", "**X", "pool_slots=X",
            ],
        }.items()
        for given in several
    },
    **{
        f"with DAG('d'):\n BashOperator(task_id={given})": ("a task_id that no task may have", 2)
        for given in ("'a b'", "'a/b'", "''", "'a:b'", "' a'", "'a' * 251", "5", "None")
    },
    **{
        f"with DAG('d'):\n BashOperator(task_id={given})": ("", None)
        for given in ("'é.a-b_1'", "'a' * 250", "'a\\n'", "X", "f'{X} a'")
    },
    **{
        f"with DAG({given}):\n BashOperator(task_id='t')": ("a dag_id that no DAG may have", 1)
        for given in ("'a b'", "dag_id='a/b'", "''", "'a' * 251", "5", "None")
    },
    **{
        f"with DAG('d', schedule={given}):\n BashOperator(task_id='t')": ("a schedule that there is not", 1)
        for given in (
            "'x'", "''", "'* * * *'", "'61 * * * *'", "'0 24 * * *'", "'0 0 0 * *'", "'0 0 32 * *'", "'0 0 1 13 *'", "'0 0 * * 8'", "'0,60 * * * *'",
            "'1-70 * * * *'", "'70/5 * * * *'", "'*/0 * * * *'", "'* * * * * * * *'", "'@never'", "'@hourly '", "'None'", "5", "0", "1.5", "True",
        )
    },
    **{
        f"with DAG('d', schedule={given}):\n BashOperator(task_id='t')": ("", None)
        for given in (
            "'0 0 * * *'", "'*/5 1,2 1-5 * 1-5'", "'0 0 * * 7'", "'*/90 * * * *'", "'5-1 * * * *'", "' 0 0 * * * '", "'* * * * * *'", "'0 0 * JAN *'",
            "'0 0 L * *'", "'R/5 * * * *'", "'@Daily'", "'@once'", "'@midnight'", "'0 0 31 2 *'", "None", "[]", "X", "f'{X} * * *'", "timedelta(days=1)",
        )
    },
    "with DAG('é.a-b_1'):\n BashOperator(task_id='t')": ("", None),
    "with DAG(X):\n BashOperator(task_id='t')": ("", None),
    "class D(DAG):\n def __init__(self, name): super().__init__(name.replace(' ', '_'))\nwith D('a b'):\n BashOperator(task_id='t')": ("", None),
    "class O(BashOperator):\n def __init__(self, task_id, retries, **k): super().__init__(task_id='t', retries=int(retries[1:]), **k)\nwith DAG('d'):\n O(task_id='a b', retries='x5')": ("", None),
    "def f(i):\n if X:\n  with DAG(i):\n   BashOperator(task_id=i, retries='x')\nf('a b')": ("", None),
    "with DAG('d'):\n BashOperator.partial(task_id='t', retries='x').expand(env=[{}])": ("", None),
    "with DAG('d'), TaskGroup('a.b'):\n BashOperator(task_id='t')": ("a group_id that no task group may have", 1),
    "with DAG('d'), TaskGroup('a' * 201):\n BashOperator(task_id='t')": ("a group_id that no task group may have", 1),
    "with DAG('d'), TaskGroup('a-b'):\n BashOperator(task_id='t')": ("", None),
}  # fmt: skip
ABC = "with DAG('d'):\n" + "".join(
    f" {name} = BashOperator(task_id='{name}')\n" for name in "abc"
)
CYCLE = "tasks that wait for each other"
CYCLES = {
    "a >> b >> a": True,
    "a >> a": True,
    "a >> b << c >> a": False,
    "a << b << a": True,
    "a >> b\n b << a": False,
    "a >> b\n a << b": True,
    "a >> [b, c] >> a": True,
    "a >> [b, c]\n [b, c] << a": False,
    "a.set_downstream(b)\n a.set_upstream(b)": True,
    "a.set_downstream(b)\n b.set_upstream([a])": False,
    "chain(a, [b, c], a)": True,
    "chain(a, b, c)\n a >> c": False,
    "chain([a, b], [b, c])": False,
    "chain(c, b, a)\n a >> c": True,
    "a >> Label('x') >> b\n b >> Label('y') >> c": False,
    "x = Label('x')\n a >> x >> b\n c >> x >> a": False,
    "a >> b\n if X:\n  b >> a": False,
    "a >> b\n for x in X:\n  b >> a": False,
}


def refusals(facts: Facts) -> list[tuple[str, int | None]]:
    start = "Airflow refuses the file: "
    return [
        (gap.detail.removeprefix(start), gap.origin.line)
        for gap in facts.gaps
        if gap.detail.startswith(start)
    ]


@pytest.mark.parametrize(("program", "told"), REFUSED.items())
def test_what_both_airflows_refuse_is_told(
    scan: Scan, program: str, told: tuple[str, int | None]
) -> None:
    head = "from elsewhere import X\n"
    found = refusals(scan(HEADER + head + program))
    lines = len((HEADER + head).splitlines())
    detail, line = told
    assert found == ([] if line is None else [(detail, lines + line)])


@pytest.mark.parametrize(("order", "told"), CYCLES.items(), ids=CYCLES)
def test_tasks_that_wait_for_each_other_are_refused(
    scan: Scan, order: str, told: bool
) -> None:
    head = "from elsewhere import X\nfrom airflow.sdk import Label, chain\n"
    found = refusals(scan(f"{HEADER}{head}{ABC} {order}"))
    assert [detail for detail, _ in found] == [CYCLE] * told
