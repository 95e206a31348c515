"""Who else runs the same job as the same identity."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import AS_OF, CALL, ESTATE, TASK, TEAM_SA, causes

from dagwarden.facts import Call, Facts, Path, Task, Unresolved
from dagwarden.graph.build import derive

SECOND = replace(TASK, id="task:prod:e.py:e.u", task_id="u", dag="dag:prod:e.py:e")
AGAIN = replace(CALL, id="call:prod:e.py:e.u", task=SECOND.id)
BY_NAME = Unresolved(field="name", reason="variable", symbol="AIRFLOW_VAR_JOB")


def with_second(task: Task = SECOND, call: Call = AGAIN) -> Facts:
    return replace(ESTATE, tasks=(TASK, task), calls=(CALL, call))


def first(facts: Facts) -> Path:
    paths = {path.task: path for path in derive(facts, AS_OF).paths}
    return paths[TASK.id]


@pytest.mark.parametrize(
    ("facts", "sharing"),
    [
        (ESTATE, ()),
        (with_second(), (SECOND.id,)),
        (with_second(call=replace(AGAIN, name="other")), ()),
        (with_second(task=replace(SECOND, impersonation_chain=(TEAM_SA,))), ()),
        (with_second(call=replace(AGAIN, operation="get_job")), ()),
        # one DAG runs it twice, in one task or in two
        (with_second(task=replace(SECOND, dag=TASK.dag)), ()),
        (replace(ESTATE, calls=(CALL, replace(CALL, id=f"{CALL.id}#2"))), ()),
    ],
)
def test_who_else_runs_a_job(facts: Facts, sharing: tuple[str, ...]) -> None:
    path = first(facts)
    assert (path.sharing, path.sharing_known) == (sharing, sharing)
    assert causes(path, "sharing") == set()


def test_a_call_that_may_go_there_leaves_it_open() -> None:
    facts = with_second(call=replace(AGAIN, name=UNSET, unresolved=(BY_NAME,)))
    path = first(facts)
    assert (path.sharing, path.sharing_known) == (UNSET, ())
    assert causes(path, "sharing") == {("variable", "AIRFLOW_VAR_JOB")}
    third = replace(SECOND, id="task:prod:e.py:e.v", task_id="v")
    more = replace(
        facts,
        tasks=(*facts.tasks, third),
        calls=(*facts.calls, replace(AGAIN, id="call:prod:e.py:e.v", task=third.id)),
    )
    path = first(more)
    assert (path.sharing, path.sharing_known) == (UNSET, (third.id,))


def test_a_call_as_somebody_else_surely_is_none_of_them() -> None:
    elsewhere = replace(SECOND, impersonation_chain=(TEAM_SA,))
    unnamed = replace(AGAIN, name=UNSET, unresolved=(BY_NAME,))
    assert first(with_second(elsewhere, unnamed)).sharing == ()


def test_a_call_that_names_no_job_may_share_with_every_other_dag() -> None:
    call = replace(CALL, name=UNSET, unresolved=(BY_NAME,))
    facts = with_second()
    path = first(replace(facts, calls=(call, AGAIN)))
    assert (path.sharing, path.sharing_known) == (UNSET, ())
    assert causes(path, "sharing") == {("variable", "AIRFLOW_VAR_JOB")}
    # nobody else runs any job
    assert first(replace(ESTATE, calls=(call,))).sharing == ()
