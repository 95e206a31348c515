"""
What Airflow 3.3 made of programs that use its own means, and that facts agree.

DAG contexts, `default_args`, groups, mapping, decorators, assets, operator classes and
imports: what stands beside each program is what Airflow 3.3.2 made of it, with no
setting of its own. Airflow 2.11.2 makes the same of those that it can read.
"""

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

from dagwarden.facts import Facts, Task

HEAD = """\
from datetime import timedelta
from airflow import DAG
from airflow.sdk import (
    Asset, AssetAlias, AssetWatcher, BaseOperator, Label, TaskGroup,
    asset, chain, dag, setup, task, task_group, teardown,
)
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunExecuteJobOperator,
)
def R(t, **k):
    given = {"project_id": "p", "region": "r", "job_name": "a", **k}
    return CloudRunExecuteJobOperator(task_id=t, **given)
"""

# connection, retries, execution timeout and whether it is mapped; "?": no plain value
Made = tuple[str | None, int | None, float | None, bool]
# schedule and timeout of the runs
Runs = tuple[str | None, float | None]
# name -> the program, other modules, its tasks and its DAGs
PROGRAMS: dict[str, tuple[str, dict[str, str], dict[str, Made], dict[str, Runs]]] = {
    "da dag": (
        r"""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 2, "execution_timeout": timedelta(seconds=5), "pool": "pp"}) as d:
    R("t")
    R("u", gcp_conn_id="y", retries=0)
""",
        {},
        {'d.t': ('x', 2, 5.0, False), 'd.u': ('y', 0, 5.0, False)},
        {'d': (None, None)},
    ),
    "da group": (
        r"""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 2}) as d:
    with TaskGroup("g", default_args={"gcp_conn_id": "y"}):
        R("t")
        with TaskGroup("h", default_args={"retries": 7}):
            R("t")
        with TaskGroup("i", default_args={"retries": 7, "gcp_conn_id": "z"}, prefix_group_id=False):
            R("v")
    R("t")
""",
        {},
        {'d.g.t': ('y', 2, None, False), 'd.g.h.t': ('y', 7, None, False), 'd.v': ('z', 7, None, False), 'd.t': ('x', 2, None, False)},
        {'d': (None, None)},
    ),
    "da own": (
        r"""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 2}) as d:
    R("t", default_args={"retries": 4})
    R("u", default_args={"gcp_conn_id": "q", "retries": 4}, retries=5)
""",
        {},
        {'d.t': ('x', 4, None, False), 'd.u': ('q', 5, None, False)},
        {'d': (None, None)},
    ),
    "da own group": (
        r"""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x"}) as d:
    with TaskGroup("g", default_args={"gcp_conn_id": "y", "retries": 3}):
        R("t", default_args={"retries": 4})
""",
        {},
        {'d.g.t': ('y', 4, None, False)},
        {'d': (None, None)},
    ),
    "da dag.task_group none": (
        r"""
d = DAG("d", schedule=None, default_args={"gcp_conn_id": "x"})
with TaskGroup("g", dag=d, default_args={"retries": 3}) as g:
    R("t", dag=d)
R("u", dag=d, task_group=g)
""",
        {},
        {'d.g.t': ('x', 3, None, False), 'd.g.u': ('x', 3, None, False)},
        {'d': (None, None)},
    ),
    "group dag param": (
        r"""
d = DAG("d", schedule=None, default_args={"gcp_conn_id": "x"})
g = TaskGroup("g", dag=d, default_args={"retries": 3})
R("u", dag=d, task_group=g)
""",
        {},
        {'d.g.u': ('x', 3, None, False)},
        {'d': (None, None)},
    ),
    "da mutate after": (
        r"""
args = {"gcp_conn_id": "x"}
with DAG("d", schedule=None, default_args=args) as d:
    args["gcp_conn_id"] = "y"
    R("t")
d.default_args["gcp_conn_id"] = "z"
R("u", dag=d)
d.default_args.update(retries=9)
R("v", dag=d)
""",
        {},
        {'d.t': ('x', 0, None, False), 'd.u': ('z', 0, None, False), 'd.v': ('z', 9, None, False)},
        {'d': (None, None)},
    ),
    "da group mutate": (
        r"""
args = {"gcp_conn_id": "x"}
with DAG("d", schedule=None) as d:
    with TaskGroup("g", default_args=args) as g:
        args["gcp_conn_id"] = "y"
        R("t")
        g.default_args["gcp_conn_id"] = "z"
        R("u")
""",
        {},
        {'d.g.t': ('x', 0, None, False), 'd.g.u': ('z', 0, None, False)},
        {'d': (None, None)},
    ),
    "da nested mutable": (
        r"""
sub = {"retries": 1, "params": {}}
with DAG("d", schedule=None, default_args=sub) as d:
    R("t")
    sub["retries"] = 5
    R("u")
""",
        {},
        {'d.t': ('google_cloud_default', 1, None, False), 'd.u': ('google_cloud_default', 1, None, False)},
        {'d': (None, None)},
    ),
    "with as comma": (
        r"""
with DAG("d", schedule=None) as d, TaskGroup("g") as g:
    R("t")
""",
        {},
        {'d.g.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "two dags": (
        r"""
with DAG("d", schedule=None) as d:
    R("t")
    with DAG("e", schedule="@daily") as e:
        R("t")
    R("u")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False), 'd.u': ('google_cloud_default', 0, None, False), 'e.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None), 'e': ('@daily', None)},
    ),
    "dag explicit wins": (
        r"""
e = DAG("e", schedule=None)
with DAG("d", schedule=None) as d:
    R("t", dag=e)
    R("u")
""",
        {},
        {'d.u': ('google_cloud_default', 0, None, False), 'e.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "overwritten name": (
        r"""
for i in ["a", "b"]:
    with DAG(f"d_{i}", schedule=None) as d:
        R("t")
""",
        {},
        {'d_b.t': ('google_cloud_default', 0, None, False), 'd_a.t': ('google_cloud_default', 0, None, False)},
        {'d_b': (None, None), 'd_a': (None, None)},
    ),
    "overwritten no ctx": (
        r"""
for i in ["a", "b"]:
    d = DAG(f"d_{i}", schedule=None)
    R("t", dag=d)
""",
        {},
        {'d_b.t': ('google_cloud_default', 0, None, False)},
        {'d_b': (None, None)},
    ),
    "globals loop": (
        r"""
def mk(n):
    d = DAG(f"d_{n}", schedule=None)
    R("t", dag=d)
    return d
for n in ["a", "b"]:
    globals()[f"x_{n}"] = mk(n)
""",
        {},
        {'d_b.t': ('google_cloud_default', 0, None, False), 'd_a.t': ('google_cloud_default', 0, None, False)},
        {'d_b': (None, None), 'd_a': (None, None)},
    ),
    "list of dags": (
        r"""
def mk(n):
    d = DAG(f"d_{n}", schedule=None)
    R("t", dag=d)
    return d
dags = [mk(n) for n in ["a", "b"]]
""",
        {},
        {},
        {},
    ),
    "ctx in function no return": (
        r"""
def mk(n):
    with DAG(f"d_{n}", schedule=None):
        R("t")
mk("a")
""",
        {},
        {'d_a.t': ('google_cloud_default', 0, None, False)},
        {'d_a': (None, None)},
    ),
    "dag deco": (
        r"""
@dag(schedule="@hourly", default_args={"gcp_conn_id": "x"}, dagrun_timeout=timedelta(hours=1))
def pipe():
    R("t")
pipe()
""",
        {},
        {'pipe.t': ('x', 0, None, False)},
        {'pipe': ('@hourly', 3600.0)},
    ),
    "dag deco bare": (
        r"""
@dag
def pipe():
    R("t")
pipe()
""",
        {},
        {'pipe.t': ('google_cloud_default', 0, None, False)},
        {'pipe': (None, None)},
    ),
    "dag deco id": (
        r"""
@dag("named", schedule=None)
def pipe(conn="c"):
    R("t", gcp_conn_id=conn)
d = pipe()
""",
        {},
        {'named.t': ('?', 0, None, False)},
        {'named': (None, None)},
    ),
    "dag deco args": (
        r"""
@dag(schedule=None)
def pipe(conn="c", n=3):
    R("t", gcp_conn_id=conn)
    R("u" )
pipe(conn="zz")
""",
        {},
        {'pipe.t': ('?', 0, None, False), 'pipe.u': ('google_cloud_default', 0, None, False)},
        {'pipe': (None, None)},
    ),
    "dag deco not called": (
        r"""
@dag(schedule=None)
def pipe():
    R("t")
""",
        {},
        {},
        {},
    ),
    "dag deco factory": (
        r"""
def mk(name, conn):
    @dag(dag_id=name, schedule=None, default_args={"gcp_conn_id": conn})
    def pipe():
        R("t")
    return pipe()
a = mk("da", "x")
for n in ["b", "c"]:
    mk(f"d{n}", n)
""",
        {},
        {'dc.t': ('c', 0, None, False), 'db.t': ('b', 0, None, False), 'da.t': ('x', 0, None, False)},
        {'dc': (None, None), 'db': (None, None), 'da': (None, None)},
    ),
    "dag deco nested task": (
        r"""
@dag(schedule=None, default_args={"retries": 3})
def pipe():
    @task
    def f(x): return x
    @task(retries=1, task_id="named")
    def g(x): return x
    f(1); f(2); g(f(3))
pipe()
""",
        {},
        {'pipe.f': (None, 3, None, False), 'pipe.f__1': (None, 3, None, False), 'pipe.f__2': (None, 3, None, False), 'pipe.named': (None, 1, None, False)},
        {'pipe': (None, None)},
    ),
    "task override": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 3}) as d:
    @task(retries=1)
    def f(x): return x
    f(1)
    f.override(task_id="o", retries=9)(1)
    f.override(task_id="o")(1)
    f.override(pool="q").override(retries=4)(2)
""",
        {},
        {'d.f': (None, 1, None, False), 'd.o': (None, 9, None, False), 'd.o__1': (None, 1, None, False), 'd.f__1': (None, 4, None, False)},
        {'d': (None, None)},
    ),
    "task kinds": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 3}) as d:
    @task.bash
    def b(): return "echo"
    @task.bash(task_id="bb", retries=0)
    def b2(): return "echo"
    @task.branch
    def br(): return "b"
    @task.short_circuit
    def sc(): return True
    @task.virtualenv(requirements=["x"])
    def v(): pass
    @task.branch_virtualenv(requirements=["x"])
    def bv(): return "b"
    @task.external_python(python="/bin/python")
    def ep(): pass
    @task.branch_external_python(python="/bin/python")
    def bep(): pass
    @task.sensor(timeout=7, mode="reschedule", poke_interval=3)
    def sn(): return True
    @task.kubernetes(image="i", kubernetes_conn_id="k")
    def k8(): pass
    @task.docker(image="i")
    def dk(): pass
    @task.python
    def py(): pass
    b(); b2(); br(); sc(); v(); bv(); ep(); bep(); sn(); k8(); dk(); py()
""",
        {},
        {'d.b': (None, 3, None, False), 'd.bb': (None, 0, None, False), 'd.br': (None, 3, None, False), 'd.sc': (None, 3, None, False), 'd.v': (None, 3, None, False), 'd.bv': (None, 3, None, False), 'd.ep': (None, 3, None, False), 'd.bep': (None, 3, None, False), 'd.sn': (None, 3, None, False), 'd.k8': ('k', 3, None, False), 'd.dk': (None, 3, None, False), 'd.py': (None, 3, None, False)},
        {'d': (None, None)},
    ),
    "run_if": (
        r"""
with DAG("d", schedule=None) as d:
    @task.run_if(lambda c: True)
    @task.bash(retries=4)
    def b(): return "echo"
    @task.skip_if(lambda c: True)
    @task(retries=5)
    def c(): return "echo"
    b(); c()
""",
        {},
        {'d.b': (None, 4, None, False), 'd.c': (None, 5, None, False)},
        {'d': (None, None)},
    ),
    "setup teardown": (
        r"""
with DAG("d", schedule=None) as d:
    @setup
    def s(): pass
    @teardown
    def t(): pass
    @task
    def w(): pass
    s() >> w() >> t()
    R("x").as_setup() >> R("y") >> R("z").as_teardown(setups="x" and R("xx").as_setup())
""",
        {},
        {'d.s': (None, 0, None, False), 'd.w': (None, 0, None, False), 'd.t': (None, 0, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False), 'd.z': ('google_cloud_default', 0, None, False), 'd.xx': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "setup with task": (
        r"""
with DAG("d", schedule=None) as d:
    @setup
    @task(retries=4)
    def s(): pass
    @teardown(on_failure_fail_dagrun=True)
    @task(retries=5, task_id="tt")
    def t(): pass
    s() >> t()
""",
        {},
        {'d.s': (None, 4, None, False), 'd.tt': (None, 5, None, False)},
        {'d': (None, None)},
    ),
    "setup ctx": (
        r"""
with DAG("d", schedule=None) as d:
    with R("z").as_teardown(setups=R("x")) as c:
        R("y")
        c.add_task(R("w"))
""",
        {},
        {'d.z': ('google_cloud_default', 0, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False), 'd.w': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "partial expand": (
        r"""
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 2}) as d:
    CloudRunExecuteJobOperator.partial(task_id="t", project_id="p", region="r", job_name="a").expand(overrides=[{}, {}])
    CloudRunExecuteJobOperator.partial(task_id="u", project_id="p", region="r", gcp_conn_id="z", retries=5).expand(job_name=["a", "b"])
    CloudRunExecuteJobOperator.partial(task_id="v", project_id="p", region="r").expand_kwargs([{"job_name": "a"}, {"job_name": "a", "gcp_conn_id": "q"}])
""",
        {},
        {'d.t': ('x', 2, None, True), 'd.u': ('z', 5, None, True), 'd.v': ('x', 2, None, True)},
        {'d': (None, None)},
    ),
    "task expand": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 2}) as d:
    @task(retries=8)
    def f(x, y=1): return x
    f.expand(x=[1, 2])
    f.partial(y=2).expand(x=[1])
    f.override(task_id="o").partial(y=2).expand(x=[1])
    f.expand_kwargs([{"x": 1}])
""",
        {},
        {'d.f': (None, 8, None, True), 'd.f__1': (None, 8, None, True), 'd.o': (None, 8, None, True), 'd.f__2': (None, 8, None, True)},
        {'d': (None, None)},
    ),
    "group expand": (
        r"""
with DAG("d", schedule=None) as d:
    @task_group
    def g(x):
        R("t", job_name=x)
        R("u")
    g.expand(x=["a", "b"])
    g.partial().expand(x=["a", "b"])
""",
        {},
        {'d.g.t': ('google_cloud_default', 0, None, True), 'd.g.u': ('google_cloud_default', 0, None, True), 'd.g__1.t': ('google_cloud_default', 0, None, True), 'd.g__1.u': ('google_cloud_default', 0, None, True)},
        {'d': (None, None)},
    ),
    "task_group deco": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 2}) as d:
    @task_group(default_args={"retries": 5}, group_id="gg")
    def g(x):
        R("t", job_name=x)
    g("a"); g("b")
    g.override(group_id="o")("c")
    @task_group(prefix_group_id=False)
    def h():
        R("t")
    h()
    @task_group("pos")
    def k():
        R("t")
    k()
""",
        {},
        {'d.gg.t': ('google_cloud_default', 5, None, False), 'd.gg__1.t': ('google_cloud_default', 5, None, False), 'd.o.t': ('google_cloud_default', 5, None, False), 'd.t': ('google_cloud_default', 2, None, False), 'd.k.t': ('google_cloud_default', 2, None, False)},
        {'d': (None, None)},
    ),
    "chain labels": (
        r"""
from airflow.sdk import chain_linear, cross_downstream
with DAG("d", schedule=None) as d:
    a = R("a"); b = R("b"); c = R("c")
    a >> Label("x") >> b
    chain(a, Label("y"), [b, c])
    chain_linear([a], [b, c])
    cross_downstream([a], [b])
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.b': ('google_cloud_default', 0, None, False), 'd.c': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "late via chain": (
        r"""
d = DAG("d", schedule=None)
a = R("a", dag=d); b = R("b"); c = R("c"); e = R("e")
chain(a, b)
b >> [c]
c.set_downstream(e)
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.b': ('google_cloud_default', 0, None, False), 'd.c': ('google_cloud_default', 0, None, False), 'd.e': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "label attach": (
        r"""
d = DAG("d", schedule=None)
a = R("a", dag=d); b = R("b")
a >> Label("x") >> b
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.b': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "legacy aliases": (
        r"""
from airflow.models import DAG as D2
from airflow.models.dag import DAG as D3
from airflow.models.baseoperator import chain as ch
from airflow.decorators import dag as dg, task as tk, task_group as tgg
from airflow.utils.task_group import TaskGroup as TG
from airflow.models.baseoperator import BaseOperator as BO
from airflow.models import Variable, BaseOperator as BO2
with D2("d", schedule=None) as d:
    with TG("g"):
        R("t")
    @tk
    def f(): pass
    f()
with D3("e", schedule=None) as e:
    ch(R("a"), R("b"))
class My(BO2):
    def execute(self, context): pass
with DAG("f", schedule=None) as f2:
    My(task_id="m", retries=3)
""",
        {},
        {'e.a': ('google_cloud_default', 0, None, False), 'e.b': ('google_cloud_default', 0, None, False), 'f.m': (None, 3, None, False), 'd.g.t': ('google_cloud_default', 0, None, False), 'd.f': (None, 0, None, False)},
        {'e': (None, None), 'f': (None, None), 'd': (None, None)},
    ),
    "asset deco": (
        r"""
@asset(schedule="@daily")
def raw():
    return 1
@asset(schedule=raw, name="named", uri="s3://x/y")
def other(raw):
    return 2
@asset.multi(schedule=None, outlets=[Asset("q"), Asset("z")])
def multi():
    return 3
""",
        {},
        {'multi.multi': (None, 0, None, False), 'named.other': (None, 0, None, False), 'raw.raw': (None, 0, None, False)},
        {'multi': (None, None), 'named': ('?', None), 'raw': ('@daily', None)},
    ),
    "asset schedule": (
        r"""
a = Asset("s3://b/c")
with DAG("d", schedule=[a]) as d:
    R("t", outlets=[a])
with DAG("e", schedule=(a | Asset("x"))) as e:
    R("t", inlets=[a])
with DAG("f", schedule=a) as f2:
    R("t")
""",
        {},
        {'e.t': ('google_cloud_default', 0, None, False), 'f.t': ('google_cloud_default', 0, None, False), 'd.t': ('google_cloud_default', 0, None, False)},
        {'e': ('?', None), 'f': ('?', None), 'd': ('?', None)},
    ),
    "sched forms": (
        r"""
from airflow.timetables.trigger import CronTriggerTimetable
DAG("a", schedule="@once")
x = DAG("b", schedule=timedelta(hours=3))
y = DAG("c", schedule="0 1 * * *")
z = DAG("dd")
w = DAG("e", schedule=CronTriggerTimetable("0 1 * * *", timezone="UTC"))
v = DAG(dag_id="f", schedule=None, dagrun_timeout=timedelta(minutes=90))
""",
        {},
        {},
        {'f': (None, 5400.0), 'b': ('3:00:00', None), 'c': ('0 1 * * *', None), 'e': ('?', None), 'dd': (None, None)},
    ),
    "sub class attr": (
        r"""
class My(CloudRunExecuteJobOperator):
    template_fields = ("job_name",)
    gcp_conn_id = "cls"
    pool = "clspool"
    def __init__(self, *, job, **k):
        super().__init__(project_id="p", region="r", job_name=f"job-{job}", **k)
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x"}) as d:
    My(task_id="t", job="a")
    My(task_id="u", job="a", gcp_conn_id="y")
""",
        {},
        {'d.t': ('x', 0, None, False), 'd.u': ('y', 0, None, False)},
        {'d': (None, None)},
    ),
    "sub defaults": (
        r"""
class My(CloudRunExecuteJobOperator):
    def __init__(self, job_name="dflt", gcp_conn_id="mine", retries=7, **k):
        super().__init__(project_id="p", region="r", job_name=job_name, gcp_conn_id=gcp_conn_id, retries=retries, **k)
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x"}) as d:
    My(task_id="t")
    My(task_id="u", gcp_conn_id="y", retries=1)
with DAG("e", schedule=None) as e:
    My(task_id="t")
""",
        {},
        {'d.t': ('x', 7, None, False), 'd.u': ('y', 1, None, False), 'e.t': ('mine', 7, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "sub after super": (
        r"""
class My(CloudRunExecuteJobOperator):
    def __init__(self, **k):
        super().__init__(project_id="p", region="r", job_name="a", **k)
        self.gcp_conn_id = "after"
        self.retries = 5
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x"}) as d:
    My(task_id="t")
""",
        {},
        {'d.t': ('after', 5, None, False)},
        {'d': (None, None)},
    ),
    "sub before super": (
        r"""
class My(CloudRunExecuteJobOperator):
    def __init__(self, **k):
        self.gcp_conn_id = "before"
        super().__init__(project_id="p", region="r", job_name="a", **k)
with DAG("d", schedule=None) as d:
    My(task_id="t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "mixin": (
        r"""
class Mix:
    def __init__(self, **k):
        k.setdefault("gcp_conn_id", "mix")
        super().__init__(**k)
class My(Mix, CloudRunExecuteJobOperator):
    pass
class My2(Mix, CloudRunExecuteJobOperator):
    def __init__(self, **k):
        super().__init__(retries=4, **k)
with DAG("d", schedule=None) as d:
    My(task_id="t", project_id="p", region="r", job_name="a")
    My2(task_id="u", project_id="p", region="r", job_name="a")
""",
        {},
        {},
        {},
    ),
    "mixin attr": (
        r"""
class Mix:
    conn = "mixconn"
    def prefix(self, x): return f"{self.conn}-{x}"
class My(Mix, CloudRunExecuteJobOperator):
    def __init__(self, job, **k):
        super().__init__(project_id="p", region="r", job_name=self.prefix(job), gcp_conn_id=self.conn, **k)
with DAG("d", schedule=None) as d:
    My(task_id="t", job="a")
""",
        {},
        {'d.t': ('mixconn', 0, None, False)},
        {'d': (None, None)},
    ),
    "two level": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *, team, gcp_conn_id="a_default", **k):
        super().__init__(gcp_conn_id=gcp_conn_id, project_id=team, region="r", **k)
class B(A):
    def __init__(self, **k):
        super().__init__(team="tt", job_name="bj", **k)
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 2}) as d:
    B(task_id="t")
    A(task_id="u", team="z", job_name="j")
with DAG("e", schedule=None) as e:
    B(task_id="t")
""",
        {},
        {'e.t': ('a_default', 0, None, False), 'd.t': ('x', 2, None, False), 'd.u': ('x', 2, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "super explicit": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *args, **k):
        CloudRunExecuteJobOperator.__init__(self, *args, gcp_conn_id="e", **k)
class B(CloudRunExecuteJobOperator):
    def __init__(self, *args, **k):
        super(B, self).__init__(*args, gcp_conn_id="e2", **k)
with DAG("d", schedule=None) as d:
    A(task_id="t", project_id="p", region="r", job_name="a")
    B(task_id="u", project_id="p", region="r", job_name="a")
""",
        {},
        {'d.t': ('e', 0, None, False), 'd.u': ('e2', 0, None, False)},
        {'d': (None, None)},
    ),
    "sub partial": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *, job_name="dj", gcp_conn_id="dc", **k):
        super().__init__(job_name=job_name, gcp_conn_id=gcp_conn_id, project_id="p", region="r", **k)
with DAG("d", schedule=None, default_args={"retries": 3}) as d:
    A.partial(task_id="t").expand(job_name=["a", "b"])
    A.partial(task_id="u", gcp_conn_id="z").expand(job_name=["a", "b"])
""",
        {},
        {'d.t': ('dc', 3, None, True), 'd.u': ('z', 3, None, True)},
        {'d': (None, None)},
    ),
    "classmethod build": (
        r"""
class A(CloudRunExecuteJobOperator):
    @classmethod
    def make(cls, name):
        return cls(task_id=name, project_id="p", region="r", job_name="a", gcp_conn_id="m")
with DAG("d", schedule=None) as d:
    A.make("t")
""",
        {},
        {'d.t': ('m', 0, None, False)},
        {'d': (None, None)},
    ),
    "functools partial": (
        r"""
from functools import partial
J = partial(CloudRunExecuteJobOperator, project_id="p", region="r", gcp_conn_id="fp")
with DAG("d", schedule=None) as d:
    J(task_id="t", job_name="a")
    J(task_id="u", job_name="a", gcp_conn_id="z")
""",
        {},
        {'d.t': ('fp', 0, None, False), 'd.u': ('z', 0, None, False)},
        {'d': (None, None)},
    ),
    "own base op": (
        r"""
class Op(BaseOperator):
    def __init__(self, gcp_conn_id="own", **k):
        super().__init__(**k)
        self.gcp_conn_id = gcp_conn_id
    def execute(self, context): pass
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x", "retries": 1}) as d:
    Op(task_id="t")
    Op(task_id="u", gcp_conn_id="y", retries=2)
""",
        {},
        {'d.t': ('x', 1, None, False), 'd.u': ('y', 2, None, False)},
        {'d': (None, None)},
    ),
    "dag subclass default": (
        r"""
class D(DAG):
    pass
with D("d", schedule=None, default_args={"retries": 4}) as d:
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 4, None, False)},
        {'d': (None, None)},
    ),
    "dag args positional": (
        r"""
d = DAG("d", default_args={"retries": 4}, schedule=None)
R("t", dag=d)
d.dagrun_timeout = timedelta(hours=2)
""",
        {},
        {'d.t': ('google_cloud_default', 4, None, False)},
        {'d': (None, 7200.0)},
    ),
    "group into group param": (
        r"""
with DAG("d", schedule=None) as d:
    with TaskGroup("g") as g:
        pass
    h = TaskGroup("h", parent_group=g)
    R("t", task_group=h)
    R("u", task_group=g)
    R("v", task_group=None)
    with g:
        R("w")
        R("x", task_group=d.task_group)
""",
        {},
        {'d.g.h.t': ('google_cloud_default', 0, None, False), 'd.g.u': ('google_cloud_default', 0, None, False), 'd.v': ('google_cloud_default', 0, None, False), 'd.g.w': ('google_cloud_default', 0, None, False), 'd.x': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "group suffix": (
        r"""
with DAG("d", schedule=None) as d:
    for i in range(2):
        @task_group
        def g():
            R("t")
        g()
    @task
    def f(): pass
    for i in range(3): f()
    with TaskGroup("gg"):
        f(); f()
""",
        {},
        {'d.g.t': ('google_cloud_default', 0, None, False), 'd.g__1.t': ('google_cloud_default', 0, None, False), 'd.f': (None, 0, None, False), 'd.f__1': (None, 0, None, False), 'd.f__2': (None, 0, None, False), 'd.gg.f': (None, 0, None, False), 'd.gg.f__1': (None, 0, None, False)},
        {'d': (None, None)},
    ),
    "operator_extra in default": (
        r"""
with DAG("d", schedule=None, default_args=dict(project_id="dp", region="dr", job_name="dj")) as d:
    CloudRunExecuteJobOperator(task_id="t")
    CloudRunExecuteJobOperator(task_id="u", job_name="j2")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False), 'd.u': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "sensor defaults": (
        r"""
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.http.sensors.http import HttpSensor
with DAG("d", schedule=None, default_args={"timeout": 33, "mode": "reschedule"}) as d:
    PythonSensor(task_id="t", python_callable=print)
    HttpSensor(task_id="h", endpoint="/x", timeout=5, poke_interval=2)
""",
        {},
        {'d.t': (None, 0, None, False), 'd.h': ('http_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "retries str": (
        r"""
with DAG("d", schedule=None, default_args={"retries": "3"}) as d:
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 3, None, False)},
        {'d': (None, None)},
    ),
    "dag.add_task": (
        r"""
d = DAG("d", schedule=None)
d.add_tasks([R("t"), R("u")])
R("v").dag = d
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False), 'd.u': ('google_cloud_default', 0, None, False), 'd.v': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "set dag later ctx": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 3}) as d:
    t = R("t")
t.retries = 9
t.gcp_conn_id = "zz"
t.execution_timeout = timedelta(seconds=9)
""",
        {},
        {'d.t': ('zz', 9, 9.0, False)},
        {'d': (None, None)},
    ),
    "xcomargs": (
        r"""
with DAG("d", schedule=None) as d:
    @task
    def f(): return {"a": 1}
    x = f()
    R("t", overrides=x["a"]) >> R("u", job_name=x)
    x.map(lambda v: v)
    @task
    def g(v): pass
    g.expand(v=x)
    R("w").output.operator.retries
""",
        {},
        {'d.f': (None, 0, None, False), 'd.t': ('google_cloud_default', 0, None, False), 'd.u': ('google_cloud_default', 0, None, False), 'd.g': (None, 0, None, True), 'd.w': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "override conn deco": (
        r"""
with DAG("d", schedule=None) as d:
    @task.kubernetes(image="x", retries=3)
    def k(): pass
    k.override(task_id="z", kubernetes_conn_id="kk")()
""",
        {},
        {'d.z': ('kk', 3, None, False)},
        {'d': (None, None)},
    ),
    "cross dag group": (
        r"""
e = DAG("e", schedule=None)
with DAG("d", schedule=None) as d:
    with TaskGroup("g"):
        R("t", dag=e)
        R("u")
""",
        {},
        {'d.g.u': ('google_cloud_default', 0, None, False), 'e.g.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "dag in group": (
        r"""
with DAG("d", schedule=None) as d:
    with TaskGroup("g"):
        with DAG("e", schedule=None) as e:
            R("t")
        R("u")
""",
        {},
        {'e.g.t': ('google_cloud_default', 0, None, False), 'd.g.u': ('google_cloud_default', 0, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "group of other dag": (
        r"""
e = DAG("e", schedule=None, default_args={"retries": 2})
g = TaskGroup("g", dag=e, default_args={"gcp_conn_id": "gg"})
with DAG("d", schedule=None, default_args={"retries": 1}) as d:
    with g:
        R("t")
    R("u")
""",
        {},
        {'d.g.t': ('gg', 1, None, False), 'd.u': ('google_cloud_default', 1, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "mixin2": (
        r"""
class Mix:
    def __init__(self, **k):
        k.setdefault("gcp_conn_id", "mix")
        super().__init__(**k)
class My2(Mix, CloudRunExecuteJobOperator):
    def __init__(self, **k):
        super().__init__(retries=4, **k)
with DAG("d", schedule=None, default_args={"gcp_conn_id": "x"}) as d:
    My2(task_id="u", project_id="p", region="r", job_name="a")
with DAG("e", schedule=None) as e:
    My2(task_id="u", project_id="p", region="r", job_name="a")
""",
        {},
        {'d.u': ('mix', 4, None, False), 'e.u': ('mix', 4, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "mixin last": (
        r"""
class Mix:
    def hello(self): return 1
    gcp_conn_id = "mixattr"
class My(CloudRunExecuteJobOperator, Mix):
    pass
with DAG("d", schedule=None) as d:
    My(task_id="u", project_id="p", region="r", job_name="a")
""",
        {},
        {'d.u': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "kwonly from default_args": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *, team, env="dev", **k):
        super().__init__(project_id=f"{team}-{env}", region="r", job_name=f"{team}-{env}", **k)
with DAG("d", schedule=None, default_args={"team": "dt", "env": "prod"}) as d:
    A(task_id="u")
    A(task_id="v", env="qa")
""",
        {},
        {'d.u': ('google_cloud_default', 0, None, False), 'd.v': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "kwargs pop": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, **kwargs):
        team = kwargs.pop("team", "nobody")
        kwargs["job_name"] = f"{team}-job"
        kwargs.setdefault("region", "r")
        super().__init__(project_id="p", **kwargs)
with DAG("d", schedule=None, default_args={"team": "dt", "region": "dr"}) as d:
    A(task_id="u")
    A(task_id="v", team="qa")
""",
        {},
        {'d.u': ('google_cloud_default', 0, None, False), 'd.v': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "kwargs get retries": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, **kwargs):
        kwargs["retries"] = kwargs.get("retries", 5)
        super().__init__(project_id="p", region="r", job_name="j", **kwargs)
with DAG("d", schedule=None, default_args={"retries": 1}) as d:
    A(task_id="u")
    A(task_id="v", retries=2)
with DAG("e", schedule=None) as e:
    A(task_id="u")
""",
        {},
        {'d.u': ('google_cloud_default', 5, None, False), 'd.v': ('google_cloud_default', 2, None, False), 'e.u': ('google_cloud_default', 5, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "sub taskid made": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, job, **kwargs):
        super().__init__(task_id=f"run_{job}", project_id="p", region="r", job_name=job, **kwargs)
with DAG("d", schedule=None) as d:
    A("a")
    with TaskGroup("g"):
        A(job="b")
""",
        {},
        {},
        {},
    ),
    "import root pkg": (
        r"""
from dags.common import CONN
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=CONN)
""",
        {'dags__common': "CONN='c'\n"},
        {'d.t': ('c', 0, None, False)},
        {'d': (None, None)},
    ),
    "import in folder": (
        r"""
from common import CONN
from sub.deep import X
import sub.deep as sd
from sub import deep
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=CONN, job_name=X)
    R('u', gcp_conn_id=sd.Y, job_name=deep.X)
""",
        {'dags__common': "CONN='c'\n", 'dags__sub__deep': "X='xx'\nfrom .other import Y\n", 'dags__sub__other': "Y='yy'\n"},
        {'d.t': ('c', 0, None, False), 'd.u': ('yy', 0, None, False)},
        {'d': (None, None)},
    ),
    "namespace implicit": (
        r"""
import ns.a.b
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=ns.a.b.C)
""",
        {'dags__ns__a__b': "C='c'\n"},
        {'d.t': ('c', 0, None, False)},
        {'d': (None, None)},
    ),
    "plugins import": (
        r"""
from my_ops.run import MyOp
with DAG('d', schedule=None) as d:
    MyOp(task_id='t')
""",
        {'plugins__my_ops__run': "from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator\nclass MyOp(CloudRunExecuteJobOperator):\n    def __init__(self, **k):\n        super().__init__(project_id='p', region='r', job_name='pj', gcp_conn_id='pc', **k)\n", 'plugins__my_ops____init__': ''},
        {'d.t': ('pc', 0, None, False)},
        {'d': (None, None)},
    ),
    "include astro": (
        r"""
from include.conf import C
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=C)
""",
        {'include__conf': "C='inc'\n"},
        {'d.t': ('inc', 0, None, False)},
        {'d': (None, None)},
    ),
    "pkg init effects": (
        r"""
import pk.b
from pk import NAME
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=pk.b.C, job_name=NAME)
""",
        {'dags__pk____init__': "from pk.b import C as NAME\nimport pk.b\npk.b.C='changed'\n", 'dags__pk__b': "C='orig'\n"},
        {'d.t': ('changed', 0, None, False)},
        {'d': (None, None)},
    ),
    "factory in other": (
        r"""
from other import mk
for n in ['a','b']:
    globals()[n] = mk(n)
""",
        {'dags__other': "HEAD\ndef mk(n):\n    with DAG(f'd_{n}', schedule=None) as dd:\n        R('x')\n    return dd\n"},
        {'d_b.x': ('google_cloud_default', 0, None, False), 'd_a.x': ('google_cloud_default', 0, None, False)},
        {'d_b': (None, None), 'd_a': (None, None)},
    ),
    "dag class factory": (
        r"""
class Fac:
    registry = {}
    def __init__(self, name, **defaults):
        self.name = name
        self.defaults = defaults
    def build(self):
        dag = DAG(self.name, schedule=None, default_args=self.defaults)
        with dag:
            self.tasks()
        return dag
    def tasks(self):
        R("t")
class Sub(Fac):
    def tasks(self):
        super().tasks()
        R("u", job_name=self.name)
x = Fac("a", gcp_conn_id="ca").build()
y = Sub("b", retries=3).build()
""",
        {},
        {'a.t': ('ca', 0, None, False), 'b.t': ('google_cloud_default', 3, None, False), 'b.u': ('google_cloud_default', 3, None, False)},
        {'a': (None, None), 'b': (None, None)},
    ),
    "sensor sub": (
        r"""
from airflow.sdk.bases.sensor import BaseSensorOperator
class S(BaseSensorOperator):
    def __init__(self, what, **k):
        super().__init__(poke_interval=5, timeout=60, mode="reschedule", **k)
        self.what = what
    def poke(self, context): return True
with DAG("d", schedule=None, default_args={"retries": 2, "execution_timeout": timedelta(hours=1)}) as d:
    S(task_id="s", what=1)
""",
        {},
        {'d.s': (None, 2, 3600.0, False)},
        {'d': (None, None)},
    ),
    "default_args in with dag twice": (
        r"""
base = {"owner": "me", "retries": 1}
with DAG("a", schedule=None, default_args={**base, "retries": 2}) as a: R("t")
with DAG("b", schedule=None, default_args=base | {"gcp_conn_id": "q"}) as b: R("t")
with DAG("c", schedule=None, default_args=dict(base, retries=9)) as c: R("t")
""",
        {},
        {'b.t': ('q', 1, None, False), 'c.t': ('google_cloud_default', 9, None, False), 'a.t': ('google_cloud_default', 2, None, False)},
        {'b': (None, None), 'c': (None, None), 'a': (None, None)},
    ),
    "dag ctx reenter": (
        r"""
d = DAG("d", schedule=None)
with d:
    a = R("a")
with d:
    b = R("b")
    a >> b
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.b': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "task decorator outside dag": (
        r"""
@task(retries=2)
def f(): pass
with DAG("d", schedule=None) as d:
    f()
    f.override(retries=7)()
with DAG("e", schedule=None) as e:
    f()
""",
        {},
        {'e.f': (None, 2, None, False), 'd.f': (None, 2, None, False), 'd.f__1': (None, 7, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "task function called within": (
        r"""
@task
def f(x): pass
@task_group(group_id="g")
def g():
    return f(1)
@dag(schedule=None)
def pipe():
    a = f(2)
    b = g()
    a >> b
    f.expand(x=[1, 2]) >> R("t")
pipe()
""",
        {},
        {'pipe.f': (None, 0, None, False), 'pipe.g.f': (None, 0, None, False), 'pipe.f__1': (None, 0, None, True), 'pipe.t': ('google_cloud_default', 0, None, False)},
        {'pipe': (None, None)},
    ),
    "expand group nested": (
        r"""
with DAG("d", schedule=None) as d:
    with TaskGroup("g", default_args={"retries": 4, "gcp_conn_id": "k"}):
        CloudRunExecuteJobOperator.partial(task_id="t", project_id="p", region="r", job_name="a").expand(overrides=[1, 2])
        CloudRunExecuteJobOperator.partial(task_id="u", project_id="p", region="r", job_name="a", default_args={"retries": 9}).expand(overrides=[1, 2])
""",
        {},
        {'d.g.t': ('k', 4, None, True), 'd.g.u': ('k', 9, None, True)},
        {'d': (None, None)},
    ),
    "partial stored": (
        r"""
with DAG("d", schedule=None) as d:
    P1 = CloudRunExecuteJobOperator.partial(task_id="t", project_id="p", region="r", job_name="a")
    m = P1.expand(overrides=[{}])
    m >> R("z")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, True), 'd.z': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "dup expand": (
        r"""
with DAG("d", schedule=None, default_args={"execution_timeout": timedelta(seconds=3)}) as d:
    CloudRunExecuteJobOperator.partial(task_id="t", project_id="p", region="r", retries=2, deferrable=True).expand(job_name=["a", "a"])
""",
        {},
        {'d.t': ('google_cloud_default', 2, 3.0, True)},
        {'d': (None, None)},
    ),
    "trigger late default_args": (
        r"""
d = DAG("d", schedule=None)
d.default_args = {"retries": 5}
with d:
    R("t")
d.default_args["retries"] = 8
with d:
    R("u")
""",
        {},
        {'d.t': ('google_cloud_default', 5, None, False), 'd.u': ('google_cloud_default', 8, None, False)},
        {'d': (None, None)},
    ),
    "clear default timeouts": (
        r"""
with DAG("d", schedule=None, dagrun_timeout=None, default_args={"execution_timeout": 30}) as d:
    pass
""",
        {},
        {},
        {'d': (None, None)},
    ),
    "mapped task group args": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 1}) as d:
    @task_group(group_id="g", default_args={"retries": 5})
    def tg(job, conn="c0"):
        R("t", job_name=job, gcp_conn_id=conn)
    tg.partial(conn="cc").expand(job=["a", "b"])
    tg.expand_kwargs([{"job": "a"}, {"job": "b"}])
""",
        {},
        {'d.g.t': ('cc', 5, None, True), 'd.g__1.t': ('?', 5, None, True)},
        {'d': (None, None)},
    ),
    "edge ops": (
        r"""
with DAG("d", schedule=None) as d:
    a = R("a")
    a >> [R("b"), R("c")] >> R("e")
    a << R("f")
    a.set_upstream([R("g")])
    [R("h"), R("i")] >> a
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.b': ('google_cloud_default', 0, None, False), 'd.c': ('google_cloud_default', 0, None, False), 'd.e': ('google_cloud_default', 0, None, False), 'd.f': ('google_cloud_default', 0, None, False), 'd.g': ('google_cloud_default', 0, None, False), 'd.h': ('google_cloud_default', 0, None, False), 'd.i': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "teardown arg": (
        r"""
with DAG("d", schedule=None) as d:
    @task
    def s(): pass
    @task
    def t(): pass
    x = s().as_setup()
    y = t().as_teardown(setups=x)
    with y:
        R("w", retries=3)
""",
        {},
        {'d.s': (None, 0, None, False), 'd.t': (None, 0, None, False), 'd.w': ('google_cloud_default', 3, None, False)},
        {'d': (None, None)},
    ),
    "task.sensor etc attr": (
        r"""
import airflow.sdk as sdk
with sdk.DAG("d", schedule=None) as d:
    @sdk.task.branch(task_id="q")
    def b(): pass
    b()
    sdk.chain(R("t"))
""",
        {},
        {'d.q': (None, 0, None, False), 'd.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "airflow module attr": (
        r"""
import airflow
import airflow.models
with airflow.DAG("d", schedule=None) as d:
    R("t")
with airflow.models.DAG("e", schedule=None) as e:
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False), 'e.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None), 'e': (None, None)},
    ),
    "dag in class attr": (
        r"""
class H:
    dag = DAG("d", schedule=None)
R("t", dag=H.dag)
""",
        {},
        {},
        {},
    ),
    "dag in dict and name": (
        r"""
D = {n: DAG(n, schedule=None) for n in ("a", "b")}
for n, x in D.items():
    R("t", dag=x)
a = D["a"]
""",
        {},
        {'b.t': ('google_cloud_default', 0, None, False), 'a.t': ('google_cloud_default', 0, None, False)},
        {'b': (None, None), 'a': (None, None)},
    ),
    "del dag": (
        r"""
with DAG("d", schedule=None) as d:
    R("t")
e = DAG("e", schedule=None)
R("t", dag=e)
del e, d
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "auto_register": (
        r"""
with DAG("d", schedule=None, auto_register=False) as d:
    R("t")
with DAG("e", schedule=None, auto_register=False):
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "dag same id twice": (
        r"""
with DAG("d", schedule=None) as d:
    R("t")
with DAG("d", schedule=None) as e:
    R("u")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "private name": (
        r"""
_d = DAG("d", schedule=None)
R("t", dag=_d)
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "asset 2": (
        r"""
@asset(schedule="@daily", dag_id="did", name="nm")
def raw():
    return 1
@asset(schedule=None)
@task.bash(retries=4, task_id="bb")
def other():
    return "x"
@asset.multi(schedule=None, outlets=[Asset("q"), Asset("z")], dag_id="mm")
def multi():
    return 3
with DAG("d", schedule=raw) as d:
    R("t")
from airflow.sdk import asset as A2
import airflow.sdk as sdk
@sdk.asset(schedule=None)
def third(): pass
@A2(schedule=other)
def fourth(context, other): pass
""",
        {},
        {'other.bb': (None, 4, None, False), 'did.raw': (None, 0, None, False), 'third.third': (None, 0, None, False), 'mm.multi': (None, 0, None, False), 'd.t': ('google_cloud_default', 0, None, False), 'fourth.fourth': (None, 0, None, False)},
        {'other': (None, None), 'did': ('@daily', None), 'third': (None, None), 'mm': (None, None), 'd': ('?', None), 'fourth': ('?', None)},
    ),
    "asset nested": (
        r"""
def mk():
    @asset(schedule=None)
    def inner(): pass
    return inner
x = mk()
""",
        {},
        {},
        {},
    ),
    "asset loop": (
        r"""
for i in range(2):
    @asset(schedule=None, name=f"n{i}")
    def f(): pass
""",
        {},
        {'n0.f': (None, 0, None, False), 'n1.f': (None, 0, None, False)},
        {'n0': (None, None), 'n1': (None, None)},
    ),
    "asset dup": (
        r"""
for i in range(2):
    @asset(schedule=None)
    def f(): pass
""",
        {},
        {'f.f': (None, 0, None, False)},
        {'f': (None, None)},
    ),
    "asset inside dag": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 4}) as d:
    with TaskGroup("g"):
        @asset(schedule=None)
        def f(): pass
    R("t")
""",
        {},
        {'f.g.f': (None, 0, None, False), 'd.t': ('google_cloud_default', 4, None, False)},
        {'f': (None, None), 'd': (None, None)},
    ),
    "asset watcher": (
        r"""
w = Asset("q", watchers=[])
@task(outlets=[w, AssetAlias("al")])
def f(): pass
with DAG("d", schedule=[w]) as d:
    f()
with DAG("e", schedule=(w & Asset("r")) | AssetAlias("x")) as e:
    f.override(inlets=[w])()
""",
        {},
        {'d.f': (None, 0, None, False), 'e.f': (None, 0, None, False)},
        {'d': ('?', None), 'e': ('?', None)},
    ),
    "ns 2": (
        r"""
import ns.a.b as q, ns.c
from ns.a import b
from ns import c
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=q.C, job_name=b.C)
    R('u', gcp_conn_id=ns.c.D, job_name=c.D)
    R('v', gcp_conn_id=ns.a.b.C)
""",
        {'dags__ns__a__b': "C='c'\n", 'dags__ns__c': "D='d'\n"},
        {'d.t': ('c', 0, None, False), 'd.u': ('d', 0, None, False), 'd.v': ('c', 0, None, False)},
        {'d': (None, None)},
    ),
    "empty init": (
        r"""
import pk.sub
import pk
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=pk.sub.C)
""",
        {'dags__pk____init__': '', 'dags__pk__sub': "C='c'\n"},
        {'d.t': ('c', 0, None, False)},
        {'d': (None, None)},
    ),
    "teardown forms": (
        r"""
with DAG("d", schedule=None) as d:
    with TaskGroup("g"):
        @setup
        def s(): pass
        @teardown
        def t(): pass
        a = s()
        b = t.override(retries=2)()
        with a >> b:
            R("w")
    @teardown(on_failure_fail_dagrun=True)
    def tt(): pass
    tt()
    R("x").as_teardown(setups=[R("y"), R("z")])
""",
        {},
        {'d.g.s': (None, 0, None, False), 'd.g.t': (None, 2, None, False), 'd.g.w': ('google_cloud_default', 0, None, False), 'd.tt': (None, 0, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False), 'd.z': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "with list ctx": (
        r"""
with DAG("d", schedule=None) as d:
    @task_group(group_id="g", default_args={"retries": 2}, prefix_group_id=False)
    def g(n):
        with TaskGroup("h", prefix_group_id=True):
            R(f"t_{n}")
    for n in ("a", "b"):
        g.override(group_id=f"g_{n}", prefix_group_id=True)(n)
""",
        {},
        {'d.g_a.h.t_a': ('google_cloud_default', 2, None, False), 'd.g_b.h.t_b': ('google_cloud_default', 2, None, False)},
        {'d': (None, None)},
    ),
    "deep group default": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 1, "pool": "a"}) as d:
    with TaskGroup("g", default_args={"retries": 2, "pool": "b"}):
        with TaskGroup("h", default_args={"pool": "c"}):
            R("t")
            R("u", default_args={"retries": 9})
            with TaskGroup("i", default_args={"retries": None}):
                R("v")
""",
        {},
        {'d.g.h.t': ('google_cloud_default', 2, None, False), 'd.g.h.u': ('google_cloud_default', 9, None, False), 'd.g.h.i.v': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "subclass group default": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *, conn="cdef", **k):
        super().__init__(project_id="p", region="r", job_name="j", gcp_conn_id=conn, **k)
with DAG("d", schedule=None, default_args={"conn": "dconn"}) as d:
    with TaskGroup("g", default_args={"conn": "gconn"}):
        A(task_id="t")
    A(task_id="u")
    A(task_id="v", default_args={"conn": "own"})
""",
        {},
        {'d.g.t': ('gconn', 0, None, False), 'd.u': ('dconn', 0, None, False), 'd.v': ('own', 0, None, False)},
        {'d': (None, None)},
    ),
    "subclass partial2": (
        r"""
class A(CloudRunExecuteJobOperator):
    template_fields = (*CloudRunExecuteJobOperator.template_fields, "x")
    def __init__(self, *, x, conn="cdef", **k):
        super().__init__(project_id="p", region="r", job_name=f"j-{conn}", gcp_conn_id=conn, **k)
        self.x = x
with DAG("d", schedule=None, default_args={"conn": "dconn", "retries": 3}) as d:
    A.partial(task_id="t").expand(x=[1, 2])
    A.partial(task_id="u", conn="q", retries=1).expand_kwargs([{"x": 1}, {"x": 2}])
class B(A): pass
with DAG("e", schedule=None) as e:
    with TaskGroup("g"):
        B.partial(task_id="t", execution_timeout=timedelta(seconds=4)).expand(x=[1])
""",
        {},
        {'e.g.t': ('cdef', 0, 4.0, True), 'd.t': ('dconn', 3, None, True), 'd.u': ('q', 1, None, True)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "op as class attr": (
        r"""
class Jobs:
    op = CloudRunExecuteJobOperator
    common = dict(project_id="p", region="r")
    def run(self, n): return self.op(task_id=n, job_name=n, **self.common)
with DAG("d", schedule=None) as d:
    Jobs().run("t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "loop over config": (
        r"""
CONFIG = {"a": {"conn": "ca", "retries": 1}, "b": {"conn": "cb"}}
def build(name, cfg):
    with DAG(f"d_{name}", schedule=cfg.get("schedule"), default_args={"retries": cfg.get("retries", 2)}) as dag:
        prev = None
        for n in ["x", "y"]:
            t = R(n, gcp_conn_id=cfg["conn"])
            if prev: prev >> t
            prev = t
        return dag
for k, v in CONFIG.items():
    globals()[f"dag_{k}"] = build(k, v)
""",
        {},
        {'d_a.x': ('ca', 1, None, False), 'd_a.y': ('ca', 1, None, False), 'd_b.x': ('cb', 2, None, False), 'd_b.y': ('cb', 2, None, False)},
        {'d_a': (None, None), 'd_b': (None, None)},
    ),
    "k8s docker ops": (
        r"""
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
with DAG("d", schedule=None, default_args={"kubernetes_conn_id": "kk"}) as d:
    KubernetesPodOperator(task_id="t", image="x")
    KubernetesPodOperator.partial(task_id="u", image="x").expand(cmds=[["a"], ["b"]])
""",
        {},
        {'d.t': ('kk', 0, None, False), 'd.u': ('kk', 0, None, True)},
        {'d': (None, None)},
    ),
    "shared default args pop": (
        r"""
base = {"retries": 1, "gcp_conn_id": "q"}
d = DAG("d", schedule=None, default_args=base)
base.pop("retries")
e = DAG("e", schedule=None, default_args=base)
R("t", dag=d); R("t", dag=e)
""",
        {},
        {'e.t': ('q', 0, None, False), 'd.t': ('q', 1, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "override dag in task deco": (
        r"""
d = DAG("d", schedule=None, default_args={"retries": 4})
@task(dag=d, retries=2)
def f(): pass
f()
@task(dag=d)
def g(): pass
g()
""",
        {},
        {'d.f': (None, 2, None, False), 'd.g': (None, 4, None, False)},
        {'d': (None, None)},
    ),
    "dag in deco default_args": (
        r"""
@dag(dag_id="dd", schedule=None, default_args={"retries": 2})
def f():
    @task(execution_timeout=timedelta(seconds=8))
    def a(): pass
    with TaskGroup("g", default_args={"retries": 3}):
        a()
        a()
f()
f2 = f
""",
        {},
        {'dd.g.a': (None, 3, 8.0, False), 'dd.g.a__1': (None, 3, 8.0, False)},
        {'dd': (None, None)},
    ),
    "task in func called twice": (
        r"""
def add(prefix):
    @task(task_id=f"{prefix}_x")
    def x(): pass
    return x()
with DAG("d", schedule=None) as d:
    add("a") >> add("b")
""",
        {},
        {'d.a_x': (None, 0, None, False), 'd.b_x': (None, 0, None, False)},
        {'d': (None, None)},
    ),
    "dynamic task decorator by kind": (
        r"""
with DAG("d", schedule=None) as d:
    @task(multiple_outputs=True, retries=2)
    def f() -> dict: return {"a": 1}
    @task.branch(retries=3)
    def br(): return "x"
    r = f()
    br() >> [R("x", job_name=r["a"]), R("y")]
    @task.short_circuit(ignore_downstream_trigger_rules=False)
    def sc(): pass
    sc()
""",
        {},
        {'d.f': (None, 2, None, False), 'd.br': (None, 3, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False), 'd.sc': (None, 0, None, False)},
        {'d': (None, None)},
    ),
    "group none default_args": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 2}) as d:
    with TaskGroup("g", default_args={}):
        R("t")
""",
        {},
        {'d.g.t': ('google_cloud_default', 2, None, False)},
        {'d': (None, None)},
    ),
    "task in nested func context": (
        r"""
def section(n):
    with TaskGroup(f"s_{n}") as g:
        R("a") >> R("b")
    return g
with DAG("d", schedule=None) as d:
    section("x") >> section("y")
""",
        {},
        {'d.s_x.a': ('google_cloud_default', 0, None, False), 'd.s_x.b': ('google_cloud_default', 0, None, False), 'd.s_y.a': ('google_cloud_default', 0, None, False), 'd.s_y.b': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "group returned >> ": (
        r"""
with DAG("d", schedule=None) as d:
    start = R("start")
    with TaskGroup("g") as g:
        R("a")
    start >> g >> R("end")
""",
        {},
        {'d.start': ('google_cloud_default', 0, None, False), 'd.g.a': ('google_cloud_default', 0, None, False), 'd.end': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "late group link no dag": (
        r"""
d = DAG("d", schedule=None)
with d:
    with TaskGroup("g") as g:
        R("a")
x = R("x")
g >> x
""",
        {},
        {'d.g.a': ('google_cloud_default', 0, None, False), 'd.x': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "set_upstream none": (
        r"""
d = DAG("d", schedule=None)
a = R("a", dag=d)
x = R("x")
x.set_upstream(a)
y = R("y")
y << x
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "xcomarg link": (
        r"""
d = DAG("d", schedule=None)
with d:
    @task
    def f(): pass
    t = f()
x = R("x")
t >> x
y = R("y")
t.set_downstream(y)
""",
        {},
        {'d.f': (None, 0, None, False), 'd.x': ('google_cloud_default', 0, None, False), 'd.y': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "output link": (
        r"""
with DAG("d", schedule=None) as d:
    a = R("a")
x = R("x")
a.output >> x
""",
        {},
        {'d.a': ('google_cloud_default', 0, None, False), 'd.x': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "task decorator on method": (
        r"""
class J:
    conn = "c"
    def make(self):
        @task(task_id="m", retries=4)
        def f(): pass
        return f()
with DAG("d", schedule=None) as d:
    J().make()
""",
        {},
        {'d.m': (None, 4, None, False)},
        {'d': (None, None)},
    ),
    "staticmethod task": (
        r"""
class J:
    @staticmethod
    @task
    def f(): pass
with DAG("d", schedule=None) as d:
    J.f()
""",
        {},
        {'d.f': (None, 0, None, False)},
        {'d': (None, None)},
    ),
    "partial task expand zip": (
        r"""
with DAG("d", schedule=None, default_args={"retries": 1, "execution_timeout": timedelta(seconds=2)}) as d:
    @task
    def a(): return [1, 2]
    @task(max_active_tis_per_dag=1, retries=6)
    def b(x, y): pass
    b.partial(y=1).expand(x=a())
    b.expand(x=a().zip(a()), y=[1])
    b.expand_kwargs(a().map(lambda v: {"x": v, "y": 1}))
""",
        {},
        {'d.a': (None, 1, 2.0, False), 'd.b': (None, 6, 2.0, True), 'd.a__1': (None, 1, 2.0, False), 'd.a__2': (None, 1, 2.0, False), 'd.b__1': (None, 6, 2.0, True), 'd.a__3': (None, 1, 2.0, False), 'd.b__2': (None, 6, 2.0, True)},
        {'d': (None, None)},
    ),
    "default_args callable": (
        r"""
def da(team, **k):
    return {"gcp_conn_id": team, "retries": 1, **k}
with DAG("d", schedule=None, default_args=da("t1", retries=5)) as d:
    R("t")
""",
        {},
        {'d.t': ('t1', 5, None, False)},
        {'d': (None, None)},
    ),
    "dag kw only": (
        r"""
d = DAG(dag_id="d", description="x", schedule="@once", catchup=False, tags=["a"])
R("t", dag=d)
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': ('@once', None)},
    ),
    "group kw": (
        r"""
with DAG("d", schedule=None) as d:
    with TaskGroup(group_id="g", tooltip="t", prefix_group_id=False, default_args={"retries": 3}) as g:
        R("t")
        with TaskGroup(group_id="h"):
            R("u")
""",
        {},
        {'d.t': ('google_cloud_default', 3, None, False), 'd.h.u': ('google_cloud_default', 3, None, False)},
        {'d': (None, None)},
    ),
    "op renamed import": (
        r"""
from airflow.providers.google.cloud.operators import cloud_run as cr
import airflow.providers.google.cloud.operators.cloud_run as cr2
with DAG("d", schedule=None) as d:
    cr.CloudRunExecuteJobOperator(task_id="t", project_id="p", region="r", job_name="a")
    cr2.CloudRunExecuteJobOperator(task_id="u", project_id="p", region="r", job_name="a", retries=2)
    OPS = {"job": cr.CloudRunExecuteJobOperator}
    OPS["job"](task_id="v", project_id="p", region="r", job_name="a")
    getattr(cr, "CloudRunExecuteJobOperator")(task_id="w", project_id="p", region="r", job_name="a")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False), 'd.u': ('google_cloud_default', 2, None, False), 'd.v': ('google_cloud_default', 0, None, False), 'd.w': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "chained override expand": (
        r"""
with DAG("d", schedule=None) as d:
    @task(retries=1)
    def f(x): pass
    f.override(task_id="a", retries=3).expand(x=[1])
    f.override(retries=4).partial().expand(x=[1])
""",
        {},
        {'d.a': (None, 3, None, True), 'd.f': (None, 4, None, True)},
        {'d': (None, None)},
    ),
    "exec timeout kinds": (
        r"""
from datetime import timedelta as td
import datetime
with DAG("d", schedule=None, dagrun_timeout=td(days=1, seconds=3), default_args={"execution_timeout": datetime.timedelta(hours=1.5)}) as d:
    R("t")
    R("u", execution_timeout=td(minutes=2) * 2)
    R("v", execution_timeout=None)
""",
        {},
        {'d.t': ('google_cloud_default', 0, 5400.0, False), 'd.u': ('google_cloud_default', 0, 240.0, False), 'd.v': ('google_cloud_default', 0, None, False)},
        {'d': (None, 86403.0)},
    ),
    "sub with class default_args": (
        r"""
class A(CloudRunExecuteJobOperator):
    DEFAULTS = {"project_id": "p", "region": "r"}
    def __init__(self, *, name, **k):
        merged = {**self.DEFAULTS, **k}
        super().__init__(task_id=f"run_{name}", job_name=name, **merged)
with DAG("d", schedule=None, default_args={"retries": 2}) as d:
    A(name="x")
    A(name="y", region="z", retries=0)
""",
        {},
        {'d.run_x': ('google_cloud_default', 2, None, False), 'd.run_y': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "sub kwargs task_id": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, task_id, gcp_conn_id="zz", **k):
        super().__init__(task_id=f"x_{task_id}", gcp_conn_id=gcp_conn_id, **k)
with DAG("d", schedule=None) as d:
    A(task_id="t", project_id="p", region="r", job_name="a")
""",
        {},
        {'d.x_t': ('zz', 0, None, False)},
        {'d': (None, None)},
    ),
    "sub args varargs": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *args, job, **kwargs):
        super().__init__(*args, job_name=job, **kwargs)
        self.execution_timeout = timedelta(seconds=9)
with DAG("d", schedule=None, default_args={"project_id": "dp", "region": "dr"}) as d:
    A(task_id="t", job="z")
""",
        {},
        {'d.t': ('google_cloud_default', 0, 9.0, False)},
        {'d': (None, None)},
    ),
    "sub super after if": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, *, env="prod", **kwargs):
        if env == "prod":
            kwargs.setdefault("gcp_conn_id", "prod_conn")
        else:
            kwargs.setdefault("gcp_conn_id", "dev_conn")
        super().__init__(project_id="p", region="r", job_name="a", **kwargs)
with DAG("d", schedule=None) as d:
    A(task_id="t"); A(task_id="u", env="dev")
with DAG("e", schedule=None, default_args={"env": "dev", "gcp_conn_id": "dd"}) as e:
    A(task_id="t")
""",
        {},
        {'e.t': ('dev_conn', 0, None, False), 'd.t': ('prod_conn', 0, None, False), 'd.u': ('dev_conn', 0, None, False)},
        {'e': (None, None), 'd': (None, None)},
    ),
    "property conn": (
        r"""
class A(CloudRunExecuteJobOperator):
    def __init__(self, team, **k):
        self.team = team
        super().__init__(project_id="p", region="r", job_name="a", gcp_conn_id=self.conn, **k)
    @property
    def conn(self): return f"{self.team}_conn"
with DAG("d", schedule=None) as d:
    A(task_id="t", team="x")
""",
        {},
        {'d.t': ('x_conn', 0, None, False)},
        {'d': (None, None)},
    ),
    "pre_execute etc": (
        r"""
with DAG("d", schedule=None, default_args={"on_failure_callback": print, "email": "x@y.z", "depends_on_past": True}) as d:
    R("t", trigger_rule="all_done", weight_rule="absolute", priority_weight=3, doc_md="x", executor_config={"a": 1}, params={"a": 1}, inlets=[Asset("a")], queue="q", pool_slots=2)
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "dag factories via lambda": (
        r"""
mk = lambda n: DAG(n, schedule=None)
a = mk("a")
with mk("b") as b:
    R("t")
R("t", dag=a)
""",
        {},
        {'a.t': ('google_cloud_default', 0, None, False), 'b.t': ('google_cloud_default', 0, None, False)},
        {'a': (None, None), 'b': (None, None)},
    ),
    "conditional def": (
        r"""
try:
    from airflow.sdk import dag as dg
except ImportError:
    from airflow.decorators import dag as dg
@dg(schedule=None)
def x():
    R("t")
x()
""",
        {},
        {'x.t': ('google_cloud_default', 0, None, False)},
        {'x': (None, None)},
    ),
    "airflow version check": (
        r"""
import airflow
from packaging.version import Version
if Version(airflow.__version__) >= Version("3.0"):
    from airflow.sdk import DAG as D
else:
    from airflow.models import DAG as D
with D("d", schedule=None) as d:
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "type checking": (
        r"""
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from nothing import X
with DAG("d", schedule=None) as d:
    R("t")
""",
        {},
        {'d.t': ('google_cloud_default', 0, None, False)},
        {'d': (None, None)},
    ),
    "dags list star": (
        r"""
from other import *
with DAG("d", schedule=None) as d:
    R("t", gcp_conn_id=CONN)
""",
        {'dags__other': "CONN='oc'\n_private='x'\n"},
        {'d.t': ('oc', 0, None, False)},
        {'d': (None, None)},
    ),
    "syspath append": (
        r"""
import sys, os
sys.path.append(os.path.join(os.path.dirname(__file__), "lib"))
from conf import C
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=C)
""",
        {'dags__lib__conf': "C='libc'\n"},
        {'d.t': ('libc', 0, None, False)},
        {'d': (None, None)},
    ),
    "syspath insert shadow": (
        r"""
import sys, os
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
from conf import C
with DAG('d', schedule=None) as d:
    R('t', gcp_conn_id=C)
""",
        {'dags__lib__conf': "C='libc'\n", 'dags__conf': "C='dagsc'\n"},
        {'d.t': ('libc', 0, None, False)},
        {'d': (None, None)},
    ),
}  # fmt: skip

# Whose connection is not known: the operator's code may use any, or is not read.
UNREAD = {
    *("task kinds", "partial expand", "legacy aliases", "sensor sub"),
}
# What Airflow refuses, or keeps only a part of: told, and not decided.
TOLD = {"asset dup", "asset nested", "dag same id twice", "mixin", "sub taskid made"}


def said_of(task: Task) -> tuple[object, ...]:
    """Return what is known of a task, in the order of the table."""
    chosen = task.connection, task.retries or 0, task.execution_timeout, task.mapped
    return tuple("?" if one is UNSET else one for one in chosen)


def facts_of(scan: Scan, name: str) -> Facts:
    program, modules, _, _ = PROGRAMS[name]
    more = {path: text.replace("HEAD\n", HEAD) for path, text in modules.items()}
    return scan(f"{HEAD}{program}", airflow="3.3", **more)


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - TOLD))
def test_tasks_are_what_airflow_made(scan: Scan, name: str) -> None:
    facts = facts_of(scan, name)
    said = {f"{task.dag_id}.{task.task_id}": said_of(task) for task in facts.tasks}
    made: dict[str, tuple[object, ...]] = {**PROGRAMS[name][2]}
    if name in UNREAD:
        differ = [key for key in made if said[key] != made[key]]
        assert [said[key] for key in differ] == [
            ("?", *made[key][1:]) for key in differ
        ]
        assert len(differ) == 1
        del said[differ[0]], made[differ[0]]
    assert said == made
    assert facts.gaps == ()


@pytest.mark.parametrize("name", sorted(PROGRAMS.keys() - TOLD))
def test_dags_are_what_airflow_made(scan: Scan, name: str) -> None:
    said: dict[str, tuple[object, ...]] = {
        str(dag.dag_id): (
            "?" if dag.schedule is UNSET else dag.schedule,
            dag.dagrun_timeout,
        )
        for dag in facts_of(scan, name).dags
    }
    assert said == PROGRAMS[name][3]


@pytest.mark.parametrize("name", sorted(TOLD))
def test_what_airflow_refuses_is_told(scan: Scan, name: str) -> None:
    facts = facts_of(scan, name)
    assert [gap.origin.source for gap in facts.gaps] == ["dags/a.py"]
    assert [gap.incomplete for gap in facts.gaps] == [False]


# Whether a group's DAG becomes the task's is not the same in all releases.
LOOSE = {
    "an argument": """
e = DAG("e", schedule=None)
R("t", task_group=TaskGroup("g", dag=e))
""",
    "a context": """
e = DAG("e", schedule=None)
with TaskGroup("g", dag=e):
    R("t")
""",
}


@pytest.mark.parametrize("program", LOOSE.values(), ids=LOOSE)
def test_a_group_gives_no_dag(scan: Scan, program: str) -> None:
    facts = scan(f"{HEAD}{program}")
    assert [(task.dag_id, task.task_id) for task in facts.tasks] == [(UNSET, "g.t")]


def test_a_module_in_two_places_is_neither(scan: Scan) -> None:
    program = f"{HEAD}from conf import C\nwith DAG('d', schedule=None):\n    R('t', gcp_conn_id=C)\n"
    facts = scan(program, dags__conf="C = 'a'\n", plugins__conf="C = 'b'\n")
    assert [task.connection for task in facts.tasks] == [UNSET]


def test_a_module_that_is_the_same_in_two_places_is_known(scan: Scan) -> None:
    program = f"{HEAD}from conf import C\nwith DAG('d', schedule=None):\n    R('t', gcp_conn_id=C)\n"
    facts = scan(program, dags__conf="C = 'a'\n", plugins__conf="C = 'a'\n")
    assert [task.connection for task in facts.tasks] == ["a"]


REFUSED = {
    "a relative import": ("from .conf import C\nd = DAG('d', schedule=None)", 1),
    "of a module": ("from . import conf\nd = DAG('d', schedule=None)", 1),
    "a constructor that does not take the DAG": (
        """
class Run(CloudRunExecuteJobOperator):
    def __init__(self, task_id):
        super().__init__(task_id=task_id, project_id="p", region="r", job_name="a")
with DAG("d", schedule=None):
    Run(task_id="t")
""",
        1,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_airflow_refuse_a_file_is_told(scan: Scan, name: str) -> None:
    program, count = REFUSED[name]
    facts = scan(f"{HEAD}{program}", dags__conf="C = 1\n")
    assert [gap.reason for gap in facts.gaps] == ["malformed"] * count


def test_what_a_relative_import_binds_in_a_dag_file_is_not_known(scan: Scan) -> None:
    program = f"""{HEAD}
try:
    from .conf import C
except ImportError:
    from conf import C
with DAG("d", schedule=None):
    R("t", gcp_conn_id=C)
"""
    facts = scan(program, dags__conf="C = 'a'\n")
    assert facts.gaps == ()
    assert [task.connection for task in facts.tasks] in ([UNSET], ["a"])


IN_LIB = "C = 'lib'\n"
BESIDE = "C = 'beside'\n"
SEARCHES = {
    "first": ("sys.path.insert(0, LIB)", "lib", "lib"),
    "last": ("sys.path.append(LIB)", "beside", "lib"),
    "perhaps": ("if LIB not in sys.path: sys.path.insert(0, LIB)", UNSET, "lib"),
    "unknown": ("sys.path.insert(0, os.environ['X'])", UNSET, UNSET),
    "unknown last": ("sys.path.append(os.environ['X'])", "beside", UNSET),
    "set": ("sys.path = [LIB]", UNSET, UNSET),
    "taken away": ("sys.path.pop()", UNSET, UNSET),
    "set in part": ("sys.path[0:0] = [LIB]", UNSET, UNSET),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_where_modules_are_looked_for_may_be_changed(scan: Scan, name: str) -> None:
    change, with_both, with_one = SEARCHES[name]
    program = f"""{HEAD}
import os, sys
LIB = os.path.join(os.path.dirname(__file__), "lib")
{change}
from conf import C
from other import D
with DAG("d", schedule=None):
    R("t", gcp_conn_id=C)
    R("u", gcp_conn_id=D)
"""
    facts = scan(
        program,
        dags__lib__conf=IN_LIB,
        dags__conf=BESIDE,
        dags__lib__other="D = 'lib'\n",
    )
    found = [task.connection for task in facts.tasks]
    assert found == [with_both, with_one]


POSITIONAL = {
    "the schedule": ("DAG('d', 'about', '@daily')", "@daily", None),
    "and more": ("DAG('d', 'about', '@daily', None)", "@daily", UNSET),
    "set later": ("DAG('d', schedule=None)\nd.schedule = '@daily'", UNSET, None),
}


@pytest.mark.parametrize("name", POSITIONAL)
def test_what_the_major_versions_take_differently(scan: Scan, name: str) -> None:
    program, schedule, timeout = POSITIONAL[name]
    (dag,) = scan(f"from airflow import DAG\nd = {program}\n", airflow="2.11").dags
    assert (dag.schedule, dag.dagrun_timeout) == (schedule, timeout)
