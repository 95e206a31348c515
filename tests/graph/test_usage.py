"""Which grants scanned calls rest on, and when the others are surely not used."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CONNECTION,
    ENV_SA,
    ENVIRONMENT,
    ESTATE,
    JOB,
    PROJECT,
    RUN_JOB,
    SERVICE,
    TASK,
    TEAM_SA,
    URL,
    account,
    account_name,
    at,
    bind,
    causes,
    why,
    with_bindings,
    with_call,
    with_task,
)

from dagwarden.facts import Facts, Gap, Grant, Role, Sender
from dagwarden.graph.build import derive

RUNS = bind(PROJECT, "roles/run.developer", account(ENV_SA))
SPARE = bind(SERVICE, "roles/run.servicesInvoker", account(ENV_SA))
OTHERS = bind(SERVICE, "roles/run.invoker", account(TEAM_SA))
BUCKETS = bind(PROJECT, "roles/storage.admin", account(ENV_SA))
ALONE = replace(ENVIRONMENT, exclusive_accounts=(ENV_SA,))
DECLARED = replace(
    with_bindings(ESTATE, RUNS, SPARE, OTHERS, BUCKETS), environments=(ALONE,)
)
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"
GOOGLE = "airflow.providers.google.cloud"
BIGQUERY = f"{GOOGLE}.operators.bigquery.BigQueryInsertJobOperator"
AIRFLOW = ("dynamic", "what Airflow of environment prod does itself")


def grant(facts: Facts, role: str) -> Grant:
    (found,) = [one for one in derive(facts, AS_OF).grants if one.role == role]
    return found


def beside(facts: Facts, **changes: Any) -> Facts:
    """Add a second task to the estate."""
    task = replace(TASK, id="task:prod:d.py:d.other", task_id="other", **changes)
    return replace(facts, tasks=(*facts.tasks, task))


def test_what_a_call_rests_on_is_used_and_the_rest_is_not() -> None:
    found = {one.role: one.used_by_calls for one in derive(DECLARED, AS_OF).grants}
    assert found == {
        "roles/run.developer": True,
        "roles/run.servicesInvoker": False,
        "roles/storage.admin": UNSET,  # Airflow itself may use it
        "roles/run.invoker": None,  # of an account that no task acts as
    }


@pytest.mark.parametrize(
    ("facts", "cause"),
    [
        (
            replace(DECLARED, environments=(ENVIRONMENT,)),
            ("setting", f"exclusive_accounts with {ENV_SA}"),
        ),
        (
            replace(
                DECLARED,
                gaps=(
                    Gap(
                        reason="syntax",
                        origin=at("dags/x.py"),
                        detail="no Python",
                        kinds=("dag",),
                    ),
                ),
            ),
            ("unreadable", "dags/x.py"),
        ),
        (
            beside(DECLARED, operator=PYTHON, connection=None),
            ("dynamic", "what else d.other does: its code may use any account"),
        ),
        (
            beside(DECLARED, operator=TASK.operator, own_class="lib.Own"),
            ("dynamic", "what else d.other does: its code may use any account"),
        ),
        (
            beside(
                DECLARED,
                connection=UNSET,
                unresolved=why("connection", "import", "lib.conn"),
            ),
            ("import", "lib.conn"),
        ),
        (
            with_call(
                DECLARED, region=UNSET, unresolved=why("region", "environment", "R")
            ),
            ("environment", "R"),
        ),
        (
            replace(
                DECLARED,
                cloud_runs=(replace(RUN_JOB, service_account=ENV_SA),),
            ),
            ("dynamic", f"what {JOB} does as its account"),
        ),
    ],
    ids=["alone", "gap", "code", "own-class", "who", "where", "workload"],
)
def test_a_grant_is_unused_only_where_all_that_acts_was_read(
    facts: Facts, cause: tuple[str, str]
) -> None:
    spare = grant(facts, SPARE.role)
    assert spare.used_by_calls is UNSET
    assert cause in causes(spare, "used_by_calls")


def test_another_service_keeps_open_only_what_is_not_of_cloud_run() -> None:
    facts = beside(DECLARED, operator=BIGQUERY)
    assert grant(facts, SPARE.role).used_by_calls is False
    buckets = grant(facts, BUCKETS.role)
    assert causes(buckets, "used_by_calls") == {
        ("dynamic", "rights that d.other takes"),
        AIRFLOW,
    }


@pytest.mark.parametrize(
    ("permissions", "used"),
    [
        (("run.jobs.run",), False),
        (("run.jobs.run", "secretmanager.versions.access"), UNSET),
        (UNSET, UNSET),
    ],
)
def test_a_custom_role_is_of_cloud_run_where_all_that_it_holds_is(
    permissions: Any, used: Any
) -> None:
    own = Role(
        id="role:projects/p/roles/own",
        origin=at(),
        name="projects/p/roles/own",
        permissions=permissions,
        stage="GA",
        custom=True,
    )
    held = bind(SERVICE, own.name, account(ENV_SA))
    facts = replace(DECLARED, roles=(own,), bindings=(*DECLARED.bindings, held))
    assert grant(facts, own.name).used_by_calls is used


@pytest.mark.parametrize(
    ("operator", "starts"),
    [
        ("operators.tasks.CloudTasksTaskCreateOperator", True),
        ("operators.cloud_build.CloudBuildCreateBuildOperator", True),
        ("operators.kubernetes_engine.GKEStartPodOperator", True),
        ("operators.dataproc.DataprocSubmitJobOperator", True),
        ("operators.vertex_ai.pipeline_job.RunPipelineJobOperator", True),
        ("operators.workflows.WorkflowsCreateExecutionOperator", True),
        ("transfers.http_to_gcs.HttpToGCSOperator", True),
        ("operators.dataproc.DataprocDeleteClusterOperator", False),
        ("operators.workflows.WorkflowsGetExecutionOperator", False),
        ("operators.pubsub.PubSubPublishMessageOperator", False),
        ("operators.dataproc_metastore.DataprocMetastoreCreateServiceOperator", False),
        ("operators.gcs.GCSCreateBucketOperator", False),
        ("sensors.dataproc.DataprocJobSensor", False),
    ],
)
def test_what_a_task_starts_in_another_service_may_act_as_any_account(
    operator: str, *, starts: bool
) -> None:
    facts = beside(DECLARED, operator=f"{GOOGLE}.{operator}", connection=None)
    spare = grant(facts, SPARE.role)
    symbol = "what d.other starts: it may act as any account"
    assert causes(spare, "used_by_calls") == (
        {("dynamic", symbol)} if starts else set()
    )


def test_what_a_task_deploys_uses_the_account_that_it_runs_as() -> None:
    deploys = {
        "operation": "update_job",
        "permissions": ("run.jobs.update", "iam.serviceAccounts.actAs"),
    }
    user = bind(account_name(TEAM_SA), "roles/iam.serviceAccountUser", account(ENV_SA))
    facts = replace(DECLARED, bindings=(*DECLARED.bindings, user))
    own = with_call(facts, **deploys, deploys_as=ENV_SA)
    symbol = "what d.t deploys does as its account"
    assert ("dynamic", symbol) in causes(grant(own, SPARE.role), "used_by_calls")
    other = with_call(facts, **deploys, deploys_as=TEAM_SA)
    assert grant(other, SPARE.role).used_by_calls is False
    lost = with_call(
        facts,
        **deploys,
        deploys_as=UNSET,
        unresolved=why("deploys_as", "variable", "ACCOUNT"),
    )
    assert ("variable", "ACCOUNT") in causes(grant(lost, SPARE.role), "used_by_calls")


def test_reading_the_logs_of_a_job_is_no_need_and_may_be_a_use() -> None:
    """CloudRunExecuteJobOperator, `verbose`: it warns where it may not read them."""
    elsewhere = replace(ALONE, runs_as=TEAM_SA, exclusive_accounts=(ENV_SA,))
    reader = bind(PROJECT, "roles/logging.viewer", account(ENV_SA))
    acting = with_task(
        replace(
            with_bindings(ESTATE, RUNS, BUCKETS, reader), environments=(elsewhere,)
        ),
        impersonation_chain=(ENV_SA,),
    )
    assert grant(acting, BUCKETS.role).used_by_calls is False
    assert causes(grant(acting, reader.role), "used_by_calls") == {
        ("dynamic", "whether d.t is verbose: it reads logs")
    }


@pytest.mark.parametrize(
    "operator",
    [
        "airflow.providers.standard.operators.empty.EmptyOperator",
        "airflow.providers.http.operators.http.HttpOperator",
    ],
)
def test_a_task_that_does_nothing_in_the_cloud_keeps_nothing_open(
    operator: str,
) -> None:
    facts = beside(DECLARED, operator=operator, connection=None)
    assert grant(facts, SPARE.role).used_by_calls is False


def test_an_impersonation_is_used() -> None:
    chain = with_task(DECLARED, impersonation_chain=(TEAM_SA,))
    link = bind(
        f"//iam.googleapis.com/projects/p/serviceAccounts/{TEAM_SA}",
        "roles/iam.serviceAccountTokenCreator",
        account(ENV_SA),
    )
    team = bind(JOB, "roles/run.developer", account(TEAM_SA))
    facts = replace(with_bindings(chain, link, team, SPARE), connections=(CONNECTION,))
    assert grant(facts, link.role).used_by_calls is True
    assert grant(facts, team.role).used_by_calls is True
    assert grant(facts, SPARE.role).used_by_calls is False


# ------------------------------------------------------- what is sent, and by no task

SCHEDULE = Sender(
    id="sender:s",
    origin=at(),
    resource="//cloudscheduler.googleapis.com/projects/p/locations/r1/jobs/s",
    kind="schedule",
    service_account=ENV_SA,
    token="id_token",
    target=URL,
)
DOES = ("dynamic", f"what {SCHEDULE.resource} does as its account")


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        # cloud.google.com/run/docs/triggering/using-scheduler: an ID token, to its URL
        ({}, True),
        ({"target": SERVICE}, True),
        ({"paused": True}, UNSET),
        ({"token": "access_token"}, UNSET),
        ({"target": "https://elsewhere.example"}, UNSET),
        ({"target": None}, UNSET),
        # cloud.google.com/run/docs/execute/jobs-on-schedule: an access token
        ({"target": JOB, "token": "access_token"}, UNSET),
        ({"service_account": TEAM_SA}, False),
    ],
)
def test_a_schedule_rests_on_what_lets_it_call(
    changes: dict[str, Any], used: Any
) -> None:
    sender = replace(SCHEDULE, **changes)
    facts = replace(DECLARED, senders=(sender,))
    found = grant(facts, SPARE.role)
    assert found.used_by_calls is used
    if used is UNSET:
        assert DOES in causes(found, "used_by_calls")


def test_a_schedule_runs_a_job() -> None:
    caller = replace(SCHEDULE, target=JOB, token="access_token")
    spare = bind(PROJECT, "roles/run.jobsExecutor", account(ENV_SA))
    alone = replace(with_bindings(ESTATE, RUNS, spare), environments=(ALONE,))
    for senders, used in (((), False), ((caller,), True)):
        facts = replace(alone, calls=(), senders=senders)
        assert grant(facts, spare.role).used_by_calls is used
