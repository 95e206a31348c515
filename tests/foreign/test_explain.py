"""`explain` and the verdicts are two ways to one answer."""

from pathlib import Path

import pytest
from msgspec import UNSET
from tests.foreign import breaks, cloud
from tests.foreign.told import short
from tests.foreign.world import World

from dagwarden.graph.explain import explain

JOB = f"job job1 ({cloud.PROJECT}, {cloud.REGION})"
RUN_IT = f"run.jobs.run on {JOB}"


@pytest.mark.parametrize(
    ("broken", "answer", "because"),
    [
        (None, "allowed", f"scheduler holds {RUN_IT}"),
        (
            breaks.wrong_account,
            "denied",
            f"no policy that was read gives scheduler {RUN_IT}",
        ),
        (
            breaks.account_disabled,
            "denied",
            "scheduler is disabled: it gets no token",
        ),
        (
            breaks.granted_to_a_group,
            "unknown",
            "members not known: group:schedulers@foreign.example",
        ),
        (
            breaks.granted_under_a_condition,
            "unknown",
            f'not evaluated: condition "office hours" on {cloud.EXECUTOR} at {JOB}',
        ),
        (
            breaks.custom_role_not_in_the_snapshot,
            "unknown",
            f"not read: definition of {breaks.STARTER}",
        ),
        (
            breaks.runs_as_not_known,
            "unknown",
            "not configured: runs_as of environment prod",
        ),
        (
            breaks.connection_perhaps_missing,
            "unknown",
            "not given: connection google_cloud_default of environment prod",
        ),
    ],
)
def test_a_task_is_explained_as_it_is_judged(
    broken: breaks.Break | None, answer: str, because: str, tmp_path: Path
) -> None:
    world = World()
    if broken:
        broken(world)
    facts = world.judge(tmp_path / "estate").facts
    told = explain(facts, "cloud_run.execute-job1", "run.jobs.run", cloud.job(1))
    assert (told.answer, [short(text) for text in told.because]) == (answer, [because])
    (path,) = (path for path in facts.paths if path.task_id == "execute-job1")
    words = {True: "allowed", False: "denied", UNSET: "unknown"}
    assert words[path.allowed] == answer
