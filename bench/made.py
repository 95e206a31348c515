"""
DAG files made up for the benches: as many as asked for, no two alike.

Each is one of the ways DAGs are written, with names, numbers and lengths that depend on
the file's number alone.
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
