"""What tasks call on Cloud Run, by operator and over HTTP."""

from collections.abc import Callable

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Call, Facts
from dagwarden.sources.connections.records import Connections, Entry
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.layers import Layer

Scan = Callable[..., Facts]

HEADER = """
import os
from airflow import DAG
from airflow.providers.google.cloud.operators import cloud_run as cr
from airflow.providers.http.operators.http import HttpOperator, SimpleHttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.standard.operators.python import PythonOperator
from requests.auth import HTTPBasicAuth
"""
PLACE = "task_id='t', project_id='p', region='r'"
READ = ("run.jobs.get", "run.jobs.run", "run.operations.get")
OVERRIDDEN = ("run.jobs.get", "run.jobs.runWithOverrides", "run.operations.get")


def call(scan: Scan, made: str) -> Call:
    facts = scan(f"{HEADER}with DAG('d'):\n {made}\n")
    assert [c.id for c in facts.calls] == ["call:prod:dags/a.py:d.t"]
    assert facts.calls[0].task == facts.tasks[0].id
    return facts.calls[0]


def why(found: Call, field: str) -> tuple[str, str]:
    return next((u.reason, u.symbol) for u in found.unresolved if u.field == field)


def test_running_a_job(scan: Scan) -> None:
    found = call(scan, f"cr.CloudRunExecuteJobOperator({PLACE}, job_name='j')")
    assert (found.via, found.operation, found.target_kind) == (
        "operator",
        "run_job",
        "job",
    )
    assert (found.project, found.region, found.name) == ("p", "r", "j")
    assert (found.overrides, found.permissions) == (False, READ)
    assert found.unresolved == ()


OVERRIDES = {
    "None": ("cr.CloudRunExecuteJobOperator({}, overrides=None)", False, READ),
    "empty": ("cr.CloudRunExecuteJobOperator({}, overrides={{}})", UNSET, UNSET),
    "given": ("cr.CloudRunExecuteJobOperator({}, overrides={{'timeout': U}})", True, OVERRIDDEN),
    "expanded": ("cr.CloudRunExecuteJobOperator.partial({}).expand(overrides=U)", True, OVERRIDDEN),
    "unknown": ("cr.CloudRunExecuteJobOperator({}, overrides=os.getenv('E'))", UNSET, UNSET),
}  # fmt: skip


@pytest.mark.parametrize(
    ("made", "overrides", "permissions"), OVERRIDES.values(), ids=OVERRIDES
)
def test_overrides_need_a_permission_of_their_own(
    scan: Scan, made: str, overrides: bool, permissions: tuple[str, ...]
) -> None:
    found = call(scan, made.format(f"{PLACE}, job_name='j'"))
    assert (found.overrides, found.permissions) == (overrides, permissions)


@pytest.mark.parametrize(
    ("made", "operation", "kind", "permissions"),
    [
        ("cr.CloudRunCreateJobOperator({}, job_name='n', job={{}})", "create_job", "job", "run.jobs.create"),
        ("cr.CloudRunUpdateJobOperator({}, job_name='n', job={{}})", "update_job", "job", "run.jobs.update"),
        ("cr.CloudRunDeleteJobOperator({}, job_name='n')", "delete_job", "job", "run.jobs.delete"),
        ("cr.CloudRunCreateServiceOperator({}, service_name='n', service={{}})", "create_service", "service", "run.services.create"),
        ("cr.CloudRunDeleteServiceOperator({}, service_name='n')", "delete_service", "service", "run.services.delete"),
    ],
)  # fmt: skip
def test_other_operations(
    scan: Scan, made: str, operation: str, kind: str, permissions: str
) -> None:
    found = call(scan, made.format(PLACE))
    assert (found.operation, found.target_kind, found.name) == (operation, kind, "n")
    assert isinstance(found.permissions, tuple)
    assert permissions in found.permissions


def test_listing_has_no_one_target(scan: Scan) -> None:
    found = call(scan, f"cr.CloudRunListJobsOperator({PLACE})")
    assert (found.operation, found.name) == ("list_job", UNSET)
    assert why(found, "name") == ("dynamic", "every job of the region")


def test_a_project_that_is_left_to_the_connection(scan: Scan) -> None:
    made = "cr.CloudRunExecuteJobOperator(task_id='t', project_id=None, region='{{ r }}', job_name=os.environ['J'])"
    found = call(scan, made)
    assert found.project is None
    assert why(found, "region") == ("jinja", "{{ r }}")
    assert why(found, "name") == ("environment", "J")


def test_a_subclass_that_executes_otherwise(scan: Scan) -> None:
    facts = scan(
        f"{HEADER}from elsewhere import run\n"
        "class X(cr.CloudRunExecuteJobOperator):\n def execute(self, c): run(self)\n"
        f"with DAG('d'):\n X({PLACE}, job_name='j')\n"
    )
    found = facts.calls[0]
    for field in ("project", "region", "name", "overrides", "permissions"):
        assert getattr(found, field) is UNSET
        assert why(found, field) == ("dynamic", "a.X.execute")


TOKENS = {
    "nothing": ("", None),
    "other headers": ("headers={'Accept': 'x'}", None),
    "bearer": ("headers={'Authorization': 'Bearer abc.def'}", "static_bearer"),
    "serverless": (
        "headers={'x-serverless-authorization': 'bearer abc'}",
        "static_bearer",
    ),
    "basic": ("headers={'authorization': 'Basic YTpi'}", "basic"),
    "basic class": ("auth_type=HTTPBasicAuth", "basic"),
    "jinja": ("headers={'Authorization': 'Bearer {{ ti.xcom_pull() }}'}", UNSET),
    "unknown": ("headers={'Authorization': 'Bearer ' + U}", UNSET),
    "unknown headers": ("headers=U", UNSET),
    "perhaps more headers": ("headers={**U, 'Accept': 'x'}", UNSET),
    "other class": ("auth_type=U", UNSET),
}


@pytest.mark.parametrize(("given", "token"), TOKENS.values(), ids=TOKENS)
@pytest.mark.parametrize(
    "operator", ["HttpOperator", "SimpleHttpOperator", "HttpSensor"]
)
def test_http_token(scan: Scan, operator: str, given: str, token: str | None) -> None:
    found = call(scan, f"{operator}(task_id='t', endpoint='/x', {given})")
    assert (found.via, found.operation, found.endpoint) == (
        "http",
        "invoke_service",
        "/x",
    )
    assert found.permissions == ("run.routes.invoke",)
    assert found.token == token
    assert why(found, "target_kind") == (
        "connection",
        "connection http_default of environment prod",
    )


RUN = Entry("http", "https://x-abc.a.run.app", None, None, None, {})
CONNECTIONS = Connections(
    (
        Layer(
            {
                "run": RUN,
                "bare": replace(RUN, host="x-abc.a.run.app", schema="https"),
                "other": replace(RUN, host="api.example.com"),
                "none": replace(RUN, host=None),
            }
        ),
    )
)
LEADING: dict[str, object] = {
    "'run'": "service",
    "'bare'": "service",
    "'other'": ("layer", "what answers at http://api.example.com"),
    "'none'": ("connection", "connection none of environment prod"),
    "'elsewhere'": ("connection", "connection elsewhere of environment prod"),
    "'{{ var.value.x }}'": ("variable", "x"),
    "os.environ['C']": ("environment", "C"),
}


OPERATOR = "HttpOperator(task_id='t', http_conn_id={})"
HOOK = """PythonOperator(
  task_id='t', python_callable=lambda: HttpHook(http_conn_id={}).run('/x'))"""


@pytest.mark.parametrize(
    ("template", "name", "expected"),
    [
        (template, *one)
        for template in (OPERATOR, HOOK)
        for one in LEADING.items()
        if template is OPERATOR or "{{" not in one[0]  # a hook renders nothing
    ],
)
def test_where_an_http_connection_leads(
    scan: Scan, template: str, name: str, expected: object
) -> None:
    made = template.format(name)
    facts = scan(
        f"{HEADER}with DAG('d'):\n {made}\n", outside=Outside(connections=CONNECTIONS)
    )
    (found,) = facts.calls
    if isinstance(expected, str):
        assert found.target_kind == expected
        read = {one.field: one.source for one in found.provenance}
        assert read["target_kind"] == "connection"
        assert why(found, "name") == (
            "layer",
            "what answers at https://x-abc.a.run.app",
        )
    else:
        assert why(found, "target_kind") == why(found, "name") == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", None),
        ("extra_options={}", None),
        ("extra_options={'verify': False}", False),
        ("extra_options={'verify': True}", True),
        ("extra_options={'verify': '/ca.pem'}", True),
        ("extra_options={'verify': U}", UNSET),
        ("extra_options={**U}", UNSET),
        ("extra_options=U", UNSET),
    ],
)
def test_http_certificate_check(scan: Scan, given: str, expected: bool | None) -> None:
    found = call(scan, f"HttpOperator(task_id='t', {given})")
    assert found.tls_verified == expected
    assert found.endpoint is None


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (
            (
                "from airflow.providers.google.cloud.operators.tasks import CloudTasksTaskCreateOperator as Create\n"
                "with DAG('d'): Create(task_id='t', location='r', queue_name='q', task={'http_request': {'url': 'https://x.a.run.app', 'oidc_token': {'service_account_email': 's@p.iam.gserviceaccount.com'}}})\n"
            ),
            "tasks of Cloud Tasks, Workflows and Cloud Build of environment prod",
        ),
        (
            (
                "from airflow.providers.google.cloud.operators.workflows import WorkflowsCreateExecutionOperator as Create\n"
                "with DAG('d'): Create(task_id='t', location='r', workflow_id='w', execution={})\n"
            ),
            "tasks of Cloud Tasks, Workflows and Cloud Build of environment prod",
        ),
        (
            (
                "from airflow.providers.google.cloud.hooks.tasks import CloudTasksHook\n"
                "@task\ndef t(): CloudTasksHook().create_task('r', 'q', {})\nwith DAG('d'): t()\n"
            ),
            "Python and shell tasks of environment prod",
        ),
        (
            (
                "from airflow.providers.google.cloud.operators.tasks import CloudTasksQueueGetOperator as Get\n"
                "with DAG('d'): Get(task_id='t', location='r', queue_name='q')\n"
            ),
            None,
        ),
    ],
)
def test_what_is_called_on_a_tasks_behalf_is_counted_as_left_out(
    scan: Scan, code: str, what: str | None
) -> None:
    facts = scan(f"from airflow.sdk import DAG, task\n{code}")
    assert facts.calls == ()
    assert [(one.kind, one.what) for one in facts.excluded] == (
        [("path", what)] if what else []
    )
