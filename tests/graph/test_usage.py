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
    account,
    at,
    bind,
    causes,
    why,
    with_bindings,
    with_call,
    with_task,
)

from dagwarden.facts import Facts, Gap, Grant
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
BIGQUERY = "airflow.providers.google.cloud.operators.bigquery.BigQueryInsertJobOperator"


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
        "roles/storage.admin": False,
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
        ("dynamic", "rights that d.other takes")
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
