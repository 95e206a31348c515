"""
DAG files made up for the benches: as many as asked for, no two alike.

Each is one of the ways DAGs are written, with names, numbers and lengths that depend on
the file's number alone. `make` writes files that stand alone, `make_sharing` those of a
repository that keeps its operators and helpers in a package that all its DAGs import.
"""

from collections.abc import Callable
from pathlib import Path

OPERATORS = (
    ("google.cloud.operators.cloud_run", "CloudRunExecuteJobOperator", "job_name"),
    ("google.cloud.operators.bigquery", "BigQueryCreateEmptyDatasetOperator", "dataset_id"),
    ("google.cloud.operators.gcs", "GCSCreateBucketOperator", "bucket_name"),
    ("http.operators.http", "HttpOperator", "endpoint"),
    ("standard.operators.bash", "BashOperator", "bash_command"),
    ("amazon.aws.operators.s3", "S3CreateBucketOperator", "bucket_name"),
    ("cncf.kubernetes.operators.pod", "KubernetesPodOperator", "image"),
)  # fmt: skip
HEAD = '''"""
### What team {n} loads every night

Owned by data-{team}@example.com; the runbook says what to do when it is late.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta

from airflow.sdk import DAG, Variable, chain, task, task_group
from airflow.providers.{module} import {operator}

PROJECT = os.environ.get("PROJECT_ID", "shop-{team}")
REGION = "europe-west{zone}"
DEFAULT_ARGS = {{
    "owner": "data-{team}",
    "retries": {retries},
    "retry_delay": timedelta(minutes={retries}),
    "email_on_failure": False,
    "gcp_conn_id": "google_{team}",
}}


def told(context: dict) -> None:
    """Say that a task failed."""
    subject = f"{{context['task_instance'].task_id}} failed"
    if context.get("exception") is not None:
        subject = f"{{subject}}: {{context['exception']}}"
    for name in ("run_id", "logical_date", "try_number"):
        print(name, context.get(name))
    print(subject)

'''


def plain(n: int, operator: str, argument: str) -> str:
    tasks = "".join(
        f"""
    step_{i} = {operator}(
        task_id="step_{i}",
        {argument}=f"{{PROJECT}}-thing-{n}-{i}",
        execution_timeout=timedelta(minutes={i + 5}),
        on_failure_callback=told,
    )
"""
        for i in range(3 + n % 9)
    )
    order = " >> ".join(f"step_{i}" for i in range(3 + n % 9))
    return f"""
with DAG(
    dag_id="plain_{n}",
    schedule="{n % 60} {n % 24} * * *",
    start_date=datetime(2026, 1, {1 + n % 28}),
    catchup=False,
    default_args=DEFAULT_ARGS,
    tags=["team-{n % 7}", "nightly"],
):{tasks}
    {order}
"""


def loop(n: int, operator: str, argument: str) -> str:
    tables = {f"table_{n}_{i}": {"columns": i, "size": "XL"} for i in range(4 + n % 12)}
    return f"""
TABLES = {tables!r}

dag = DAG(dag_id="loop_{n}", schedule="@daily", default_args=DEFAULT_ARGS)
before = None
for name, settings in TABLES.items():
    load = {operator}(
        task_id=f"load_{{name}}",
        {argument}="load-{{{{ ds_nodash }}}}-" + name.replace("_", "-"),
        pool="large" if settings["size"] == "XL" else "small",
        dag=dag,
    )
    if before is not None:
        before >> load
    before = load
"""


def factory(n: int, operator: str, argument: str) -> str:
    return f"""
def make(name: str, schedule: str | None = None, **settings: object) -> DAG:
    arguments = {{**DEFAULT_ARGS, **settings}}
    with DAG(f"factory_{n}_{{name}}", schedule=schedule, default_args=arguments) as made:
        steps = [
            {operator}(task_id=f"{{kind}}_{{name}}", {argument}=f"{{kind}}/{{name}}")
            for kind in ("extract", "check", "load")
        ]
        chain(*steps)
    return made


for team, when in (("buy", "@hourly"), ("sell", "@daily"), ("ship", None)):
    globals()[f"dag_{{team}}"] = make(team, when, retries={n % 5})
"""


def taskflow(n: int, operator: str, argument: str) -> str:
    return f"""
with DAG(dag_id="taskflow_{n}", schedule=None, start_date=datetime(2025, 6, 1)) as dag:

    @task(retries={n % 4})
    def extract(day: str) -> list[dict[str, str]]:
        rows = []
        for hour in range(24):
            rows.append({{"day": day, "hour": str(hour), "part": f"{{day}}/{{hour:02d}}"}})
        return [row for row in rows if int(row["hour"]) % 2 == {n % 2}]

    @task.short_circuit
    def enough(rows: list[dict[str, str]]) -> bool:
        return len(rows) > {n % 12}

    @task_group(group_id="loads")
    def loads(rows: list[dict[str, str]]) -> None:
        {operator}(task_id="load", {argument}="{{{{ params.target }}}}")
        {operator}.partial(task_id="each").expand({argument}=rows)

    rows = extract("{{{{ ds }}}}")
    enough(rows) >> loads(rows)
"""


def own(n: int, operator: str, argument: str) -> str:
    return f"""
class Audited({operator}):
    template_fields = (*{operator}.template_fields, "label")

    def __init__(self, *, label: str = "audit-{n}", **kwargs) -> None:
        kwargs.setdefault("{argument}", label)
        super().__init__(**kwargs)
        self.label = label

    def execute(self, context):
        started = datetime.now()
        result = super().execute(context)
        print(self.label, datetime.now() - started)
        return result


with DAG("own_{n}", schedule=timedelta(hours={1 + n % 23}), default_args=DEFAULT_ARGS):
    first = Audited(task_id="first")
    second = Audited(task_id="second", label=Variable.get("label_{n}", "none"))
    first.set_downstream(second)
"""


KINDS: tuple[Callable[[int, str, str], str], ...] = (
    plain,
    loop,
    factory,
    taskflow,
    own,
)


def make(folder: Path, count: int) -> None:
    """Write `count` DAG files into `folder`."""
    for n in range(count):
        module, operator, argument = OPERATORS[n % len(OPERATORS)]
        head = HEAD.format(
            n=n,
            team=n % 37,
            zone=1 + n % 12,
            retries=1 + n % 6,
            module=module,
            operator=operator,
        )
        place = folder / f"team_{n % 37}"
        place.mkdir(parents=True, exist_ok=True)
        body = KINDS[n % len(KINDS)](n, operator, argument)
        (place / f"dag_{n}.py").write_text(head + body)


SHARED = {
    "__init__": "",
    "settings": '''"""What all DAGs agree on."""

import os
from datetime import timedelta

PROJECT = os.environ.get("PROJECT_ID", "shop-data")
SERVICE = "https://loader-abc123-ew.a.run.app"
DEFAULT_ARGS = {"owner": "data", "retries": 2, "retry_delay": timedelta(minutes=5)}


def named(kind, team, day="{{ ds_nodash }}"):
    return "-".join((PROJECT, kind, team, day))


def arguments(team, **more):
    return {**DEFAULT_ARGS, "owner": f"data-{team}", **more}
''',
    "alerts": '''"""Telling people."""

import logging

import requests

log = logging.getLogger(__name__)
ROOM = "https://chat.example.com/rooms/data"


def told(context):
    task = context["task_instance"]
    text = f"{task.task_id} of {context['run_id']} failed: {context.get('exception')}"
    try:
        requests.post(ROOM, json={"text": text}, timeout=10)
    except requests.RequestException:
        log.exception("nobody was told that %s", text)
''',
    "checks": '''"""Comparing what was loaded with what was expected."""

import logging
import re

log = logging.getLogger(__name__)


def alike(expected, found, rules, path=None):
    path = path or []
    if isinstance(expected, dict):
        if not isinstance(found, dict):
            log.error("%s: a dict is expected, not %s", path, type(found).__name__)
            return False
        for key, value in expected.items():
            if key not in found and value is not None:
                log.error("%s: %s is missing", path, key)
                return False
            if not alike(value, found[key], rules, [*path, key]):
                return False
    elif isinstance(expected, list):
        if not isinstance(found, list) or len(expected) != len(found):
            log.error("%s: %d items are expected", path, len(expected))
            return False
        for position, value in enumerate(expected):
            if not alike(value, found[position], rules, [*path, position]):
                return False
    elif isinstance(expected, str) and expected.startswith("~"):
        for rule in rules:
            if rule(found) and re.fullmatch(expected[1:], str(found)):
                return True
        return False
    elif expected != found:
        log.error("%s: %r is expected, not %r", path, expected, found)
        return False
    return True


def flattened(tree, before=()):
    rows = []
    for key, value in tree.items():
        if isinstance(value, dict):
            rows.extend(flattened(value, (*before, key)))
        elif isinstance(value, list):
            for position, one in enumerate(value):
                rows.extend(flattened({str(position): one}, (*before, key)))
        else:
            rows.append((".".join((*before, key)), value))
    return rows
''',
    "operators": '''"""Operators of our own."""

import json
import time

from airflow.providers.http.hooks.http import HttpHook
from airflow.sdk import BaseOperator, Variable

from common.checks import alike, flattened
from common.settings import SERVICE, named


class CheckOperator(BaseOperator):
    template_fields = ("table", "expected")

    def __init__(self, *, table, expected=None, rules=(), tries=3, **kwargs):
        super().__init__(**kwargs)
        self.table = table
        self.expected = expected or {}
        self.rules = rules
        self.tries = tries

    def execute(self, context):
        failures = {}
        for key, template in self.expected.items():
            try:
                self._check(key, template)
            except ValueError as error:
                failures[key] = str(error)
        if failures:
            raise ValueError("; ".join(f"{k}: {v}" for k, v in failures.items()))
        return named("checked", self.table)

    def _check(self, key, template):
        for number in range(self.tries):
            found = Variable.get(f"{self.table}.{key}", deserialize_json=True)
            if isinstance(template, list):
                for expected, one in zip(template, found):
                    if not alike(expected, json.loads(one), self.rules, [number]):
                        raise ValueError(f"{key} is not as expected")
            elif alike(template, found, self.rules):
                return
            time.sleep(2**number)
        raise ValueError(f"{key} is not there")


class LoadOperator(BaseOperator):
    template_fields = ("table",)

    def __init__(self, *, table, conn_id="loader", payload=None, **kwargs):
        super().__init__(**kwargs)
        self.table = table
        self.conn_id = conn_id
        self.payload = payload or {}

    def execute(self, context):
        rows = flattened(self.payload)
        hook = HttpHook(method="POST", http_conn_id=self.conn_id)
        for name, value in rows:
            hook.run(f"/load/{self.table}", json={"name": name, "value": value})
        return {"service": SERVICE, "rows": len(rows)}
''',
}


def sharing(n: int) -> str:
    """Return a DAG file that uses the shared package."""
    tables = [f"table_{n}_{i}" for i in range(2 + n % 5)]
    expected = {"rows": n, "columns": ["id", "day"], "state": "~done|skipped"}
    return f'''"""What team {n % 37} checks and loads."""

from airflow.sdk import DAG, task

from common import alerts, settings
from common.checks import flattened
from common.operators import CheckOperator, LoadOperator

TABLES = {tables!r}

with DAG(
    "sharing_{n}",
    schedule="{n % 60} {n % 24} * * *",
    default_args=settings.arguments("{n % 37}", on_failure_callback=alerts.told),
) as dag:

    @task
    def planned(day):
        return flattened({{"day": day, "of": {{"number": {n}}}}})

    for table in TABLES:
        check = CheckOperator(
            task_id=f"check_{{table}}", table=table, expected={expected!r}
        )
        load = LoadOperator(task_id=f"load_{{table}}", table=table, payload={{"n": {n}}})
        planned("{{{{ ds }}}}") >> check >> load
'''


def make_sharing(folder: Path, count: int) -> None:
    """Write `count` DAG files into `folder`, and the package that they import."""
    package = folder / "common"
    package.mkdir(parents=True)
    for name, text in SHARED.items():
        (package / f"{name}.py").write_text(text)
    for n in range(count):
        place = folder / f"team_{n % 37}"
        place.mkdir(exist_ok=True)
        (place / f"dag_{n}.py").write_text(sharing(n))
