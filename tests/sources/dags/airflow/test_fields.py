"""
What a task is given beside its identity: pool, owner, queue, project, region.

What stands beside each program is what Airflow 3.3 made of it, `None` aside: there the
file says nothing and a setting of Airflow does.
"""

import json

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

from dagwarden.facts import Task
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.outside import Outside

HEAD = """\
import os
from airflow.sdk import DAG, BaseOperator, TaskGroup, task
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunExecuteJobOperator as Run,
)
from airflow.providers.google.cloud.operators.bigquery import (
    BigQueryInsertJobOperator as Query,
)
from airflow.providers.google.cloud.operators.gcs import GCSCreateBucketOperator as Bucket
from airflow.providers.google.cloud.operators.compute import (
    ComputeEngineDeleteInstanceTemplateOperator as Template,
    ComputeEngineStartInstanceOperator as Start,
)
from airflow.providers.amazon.aws.operators.s3 import S3CreateBucketOperator as S3
from airflow.providers.standard.operators.empty import EmptyOperator as Empty
class A(BaseOperator):
    pool = "class"
    owner = "class"
    queue = "class"
    def execute(self, context): ...
class Sets(BaseOperator):
    def __init__(self, **kwargs):
        kwargs.setdefault("pool", "sets")
        super().__init__(**kwargs)
class Hands(BaseOperator):
    def __init__(self, pool=None, **kwargs):
        super().__init__(pool=pool, **kwargs)
class Later(BaseOperator):
    def __init__(self, **kwargs):
        self.queue = "before"
        super().__init__(**kwargs)
        self.pool = "later"
class Property(Empty):
    @property
    def pool(self): return "property"
    @pool.setter
    def pool(self, value): ...
DEFAULTS = {"pool": "dp", "owner": "do", "queue": "dq"}
"""

# name -> what stands in the DAG, and the pool, owner and queue of its one task
EVERYWHERE: dict[str, tuple[str, object, object, object]] = {
    "nothing": ('with DAG("d"):\n Empty(task_id="t")', "default_pool", None, None),
    "arguments": (
        ('with DAG("d", default_args=DEFAULTS):\n'
        ' Empty(task_id="t", pool="p", owner="o", queue="q")'),
        "p", "o", "q",
    ),
    "default_args": (
        'with DAG("d", default_args=DEFAULTS):\n Empty(task_id="t")', "dp", "do", "dq",
    ),
    "default_args of a group": (
        ('with DAG("d", default_args=DEFAULTS):\n'
        ' with TaskGroup("g", default_args={"pool": "gp", "owner": None}):\n'
        '  with TaskGroup("h", default_args={"queue": "hq"}):\n   Empty(task_id="t")'),
        # None stays None, whatever the setting is that it would have been
        "gp", UNSET, "hq",
    ),
    "owner None": ('with DAG("d"):\n Empty(task_id="t", owner=None, queue=None)', "default_pool", UNSET, UNSET),
    "default_args of the task": (
        ('with DAG("d", default_args=DEFAULTS):\n'
        ' with TaskGroup("g", default_args={"pool": "gp"}):\n'
        '  Empty(task_id="t", default_args={"pool": "tp"})'),
        "tp", "do", "dq",
    ),
    "pool None": (
        'with DAG("d", default_args=DEFAULTS):\n Empty(task_id="t", pool=None)',
        "default_pool", "do", "dq",
    ),
    "mapped": (
        ('with DAG("d", default_args=DEFAULTS):\n'
        ' Empty.partial(task_id="t", queue="q").expand(doc=["x", "y"])'),
        "dp", "do", "q",
    ),
    "decorated": (
        'with DAG("d", default_args=DEFAULTS):\n @task(pool="p")\n def t(): ...\n t()',
        "p", "do", "dq",
    ),
    "override": (
        'with DAG("d"):\n @task(pool="p")\n def t(): ...\n t.override(pool="o")()',
        "o", None, None,
    ),
    "set later": (
        'with DAG("d"):\n t = Empty(task_id="t")\n t.pool = "later"', "later", None, None,
    ),
    "class attributes": (
        'with DAG("d"):\n A(task_id="t")', "default_pool", None, None,
    ),
    "class attributes and default_args": (
        'with DAG("d", default_args=DEFAULTS):\n A(task_id="t")', "dp", "do", "dq",
    ),
    "constructor sets": (
        'with DAG("d", default_args=DEFAULTS):\n Sets(task_id="t")', "sets", "do", "dq",
    ),
    "constructor hands on": (
        'with DAG("d", default_args=DEFAULTS):\n Hands(task_id="t")', "dp", "do", "dq",
    ),
    "constructor sets attributes": (
        'with DAG("d"):\n Later(task_id="t")', "later", None, None,
    ),
    # what follows is not known, whatever Airflow made of it
    "property": ('with DAG("d"):\n Property(task_id="t")', UNSET, None, None),
    "environment": (
        'with DAG("d"):\n Empty(task_id="t", pool=os.environ["P"], owner=os.getenv("O", "x"))',
        UNSET, UNSET, None,
    ),
    "unknown arguments": (
        'with DAG("d"):\n Empty(task_id="t", queue="q", **unknown)', UNSET, UNSET, "q",
    ),
    "no text": ('with DAG("d"):\n Empty(task_id="t", pool=3, owner=3)', UNSET, UNSET, None),
}  # fmt: skip


def one(scan: Scan, program: str) -> Task:
    (task,) = scan(f"{HEAD}{program}\n").tasks
    return task


@pytest.mark.parametrize("name", EVERYWHERE)
def test_what_every_operator_takes(scan: Scan, name: str) -> None:
    program, *expected = EVERYWHERE[name]
    task = one(scan, program)
    assert [task.pool, task.owner, task.queue] == expected
    told = {entry.field for entry in task.unresolved}
    fields = ("pool", "owner", "queue")
    assert [field in told for field in fields] == [e is UNSET for e in expected]


def test_an_operator_that_is_not_known_may_have_its_own_pool(scan: Scan) -> None:
    program = "from elsewhere import OwnOperator\nwith DAG('d'):\n OwnOperator(task_id='t', queue='q')"
    task = one(scan, program)
    assert [task.pool, task.owner, task.queue] == [UNSET, UNSET, "q"]
    assert {e.symbol for e in task.unresolved if e.field == "pool"} == {
        "elsewhere.OwnOperator"
    }


# operator and its arguments -> project and region
PLACES: dict[str, tuple[object, object]] = {
    "Run(project_id='p', region='r', job_name='j')": ("p", "r"),
    "Run(project_id='{{ var.value.p }}', region='r', job_name='j')": (UNSET, "r"),
    "Run(region='r', job_name='j')": (UNSET, "r"),  # Airflow refuses it
    "Query(configuration={})": (None, None),
    "Query(configuration={}, project_id='p', location='EU')": ("p", "EU"),
    "Bucket(bucket_name='b')": (None, "US"),
    "Bucket(bucket_name='b', location=None)": (None, None),
    "Start(zone='z', resource_id='i')": (None, "z"),
    "Template(resource_id='i')": (None, "global"),
    "S3(bucket_name='b')": (None, None),
    "S3(bucket_name='b', region_name='eu-west-1')": (None, "eu-west-1"),
    "Empty()": (None, None),
    "Unknown(project_id='p')": ("p", UNSET),
}


@pytest.mark.parametrize("call", PLACES)
def test_where_a_task_works(scan: Scan, call: str) -> None:
    made = call.replace("(", "(task_id='t', ")
    program = f"from elsewhere import Unknown\nwith DAG('d'):\n {made}"
    task = one(scan, program)
    assert (task.project, task.region) == PLACES[call]


def test_default_args_say_where_only_where_the_operator_takes_it(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}with DAG('d', default_args={{'project_id': 'p', 'location': 'l'}}):\n"
        " Query(task_id='q', configuration={})\n"
        " Run(task_id='r', region='r', job_name='j')\n"
        " Template(task_id='t', resource_id='i')\n"
        " Empty(task_id='e')\n"
    )
    found = {task.task_id: (task.project, task.region) for task in facts.tasks}
    assert found == {
        "q": ("p", "l"),
        "r": ("p", "r"),
        "t": ("p", "global"),
        "e": (None, None),
    }


def test_no_operator_but_the_base_has_defaults_for_what_every_one_takes() -> None:
    base = "airflow.sdk.BaseOperator"
    everywhere = {"execution_timeout", "owner", "pool", "queue", "retries"}
    for name, _ in map(json.loads, catalogue().rows.splitlines()[:-1]):
        operator = catalogue().operator(name)
        if operator is not None and catalogue().canonical(name) != base:
            assert not everywhere & operator.parameters.keys(), name


# What Airflow's configuration takes for true and for false, and what it refuses.
STATED: dict[str, object] = {
    "True": True,
    " t ": True,
    "1": True,
    "false": False,
    "F": False,
    "0": False,
    "yes": UNSET,
    "": UNSET,
}


@pytest.mark.parametrize(("stated", "expected"), STATED.items(), ids=STATED)
def test_a_default_that_is_a_setting_is_known_where_that_is_stated(
    scan: Scan, stated: str, expected: object
) -> None:
    outside = Outside(settings=(("operators.default_deferrable", stated),))
    facts = scan(HEAD + 'with DAG("d"):\n Run(task_id="t")', outside=outside)
    (task,) = facts.tasks
    assert task.deferrable is expected
    sources = {one.field: one.source for one in task.provenance}
    assert sources.get("deferrable") == (None if expected is UNSET else "setting")
