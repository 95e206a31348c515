"""The provider's Cloud Run examples, as released, against the foreign cloud."""

from pathlib import Path

import pytest
from tests.foreign.cloud import JOBS, RUN, SERVICE, Spelling
from tests.foreign.told import told
from tests.foreign.world import (
    AS_OF,
    EXAMPLES,
    JOBS_DAG,
    SERVICE_DAG,
    Judged,
    World,
    changes,
    example,
    rules,
)

from dagwarden.scan import scan

# task -> what it calls, read off the released files by a person
CALLS = {
    **{f"create-job{n}": ("create_job", JOBS[n - 1]) for n in range(1, 6)},
    **{f"execute-job{n}": ("run_job", JOBS[n - 1]) for n in range(1, 6)},
    **{f"delete-job{n}": ("delete_job", JOBS[n - 1]) for n in range(1, 6)},
    "update-job1": ("update_job", JOBS[0]),
    "list-jobs": ("list_job", None),
    "list-jobs-limit": ("list_job", None),
    "create-cloud-run-service": ("create_service", SERVICE),
    "delete-cloud-run-service": ("delete_service", SERVICE),
}
# tasks of operators that reach nothing in Google Cloud by themselves
OTHERS = {
    "assert-created-jobs",
    "assert-executed-jobs",
    "assert-job-updated",
    "assert-jobs",
    "assert-jobs-limit",
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return World().judge(tmp_path_factory.mktemp("sound") / "estate")


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    """Return what is said of the files as released, without a byte changed."""
    world = World()
    world.dags = {name: example(name) for name in (JOBS_DAG, SERVICE_DAG)}
    return world.judge(tmp_path_factory.mktemp("released") / "estate")


def test_these_are_all_the_cloud_run_examples_there_are() -> None:
    found = {path.name for path in EXAMPLES.glob("example_cloud_run*.py")}
    assert found == {JOBS_DAG, SERVICE_DAG}


def test_every_operator_call_is_found(sound: Judged) -> None:
    assert {
        task.task_id: call and (call.operation, call.name or None)
        for task in sound.facts.tasks
        for call in [next((c for c in sound.facts.calls if c.task == task.id), None)]
    } == {**CALLS, **dict.fromkeys(OTHERS)}
    assert sound.facts.gaps == ()


def test_a_name_put_together_from_constants_reaches_the_asset(sound: Judged) -> None:
    reached = {path.task_id: path.target for path in sound.facts.paths}
    for number, name in enumerate(JOBS, start=1):
        assert reached[f"execute-job{number}"] == f"{RUN}/jobs/{name}"
    assert reached["delete-cloud-run-service"] == f"{RUN}/services/{SERVICE}"


def test_in_the_sound_estate_every_run_is_allowed(sound: Judged) -> None:
    assert {
        task_id: path.allowed
        for path in sound.facts.paths
        if str(task_id := path.task_id).startswith("execute")
    } == dict.fromkeys((f"execute-job{n}" for n in range(1, 6)), True)


def test_only_what_is_true_of_the_examples_fails(sound: Judged) -> None:
    failed = {key for key, outcome in sound.outcomes().items() if outcome == "fail"}
    assert failed == {
        # no timeout stands anywhere in them
        *(
            (
                "unbounded-run",
                f"lifetime_chain:prod:dags/{JOBS_DAG}:cloud_run.execute-job{number}",
            )
            for number in range(1, 6)
        ),
    }


def test_what_an_opaque_object_holds_stays_unknown(sound: Judged) -> None:
    # `Job()` and `Service()` are built by code that is not read
    unknown = {
        verdict.subject.rpartition(".")[2]: verdict.missing[0].symbol
        for (rule, _), verdict in sound.verdicts.items()
        if rule == "call-lacks-permission" and verdict.outcome.value == "unknown"
    }
    assert unknown == {
        "create-job1": "google.cloud.run_v2.Job()",
        "create-job3": "google.cloud.run_v2.Job.to_dict()",
        "update-job1": "google.cloud.run_v2.Job()",
        "create-cloud-run-service": "google.cloud.run_v2.Service()",
    }


def test_as_released_every_call_waits_for_the_environment(released: Judged) -> None:
    said = {
        subject.rpartition(".")[2]: (verdict.outcome.value, _inputs(released, subject))
        for (rule, subject), verdict in released.verdicts.items()
        if rule == "call-lacks-permission"
    }
    project, suffix = "SYSTEM_TESTS_GCP_PROJECT", "SYSTEM_TESTS_ENV_ID"
    assert said == {
        task: ("unknown", {project, suffix} if name else {project})
        for task, (_, name) in CALLS.items()
    }


def _inputs(judged: Judged, subject: str) -> set[str]:
    """Return the environment variables that would decide a verdict."""
    verdict = judged.verdicts["call-lacks-permission", subject]
    return {item.symbol for item in verdict.missing if item.reason == "environment"}


@pytest.mark.parametrize("spelling", ["snake_case", "with defaults"])
def test_the_spelling_of_an_export_changes_nothing(
    spelling: Spelling, sound: Judged, tmp_path: Path
) -> None:
    world = World()
    world.spelling = spelling
    judged = world.judge(tmp_path / "estate")
    assert changes(sound, judged) == {}
    assert [path.hops for path in judged.facts.paths] == [
        path.hops for path in sound.facts.paths
    ]


def test_a_search_of_policies_says_the_same_but_for_audit_configurations(
    sound: Judged, tmp_path: Path
) -> None:
    world = World()
    world.spelling = "searched"
    judged = world.judge(tmp_path / "estate")
    services = ("iamcredentials.googleapis.com", "run.googleapis.com")
    subjects = ", ".join(f"audit_log:project#{name}" for name in services)
    why = "audit configurations in the IAM policies of the snapshot"
    assert told(sound, judged) == [
        f"data-access-logs-off: pass > unknown ({why}): {subjects}"
    ]
    said = "policies.ndjson was written by a search without --query"
    assert said in judged.facts.assumptions


def test_the_whole_pipeline_says_the_same(sound: Judged, tmp_path: Path) -> None:
    world = World()
    folder = tmp_path / "estate"
    estate = world.read(folder)
    result = scan(estate, rules(), world.config(folder), as_of=AS_OF)
    assert {
        (verdict.rule, verdict.subject): verdict.outcome.value
        for verdict in result.verdicts
    } == sound.outcomes()
    assert result.gaps == ()


def test_who_deploys_as_someone_unknown_may_mean_any_account_it_controls(
    sound: Judged,
) -> None:
    (reach,) = (
        reach
        for reach in sound.facts.reaches
        if reach.identity.email == "deployer@foreign-data.iam.gserviceaccount.com"
    )
    assert reach.controls_known == ()
    symbols = {item.symbol for item in reach.unresolved if item.field == "controls"}
    assert "google.cloud.run_v2.Service()" in symbols
