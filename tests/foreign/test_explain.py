"""`explain` and the verdicts are two ways to one answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import UNSET
from tests.foreign import breaks, cloud
from tests.foreign.test_breaks import BREAKS
from tests.foreign.told import short
from tests.foreign.world import World

from dagwarden.facts import Facts
from dagwarden.facts import Path as CallPath
from dagwarden.graph.explain import explain
from dagwarden.job import Arguments, derived, prepare

JOB = f"job job1 ({cloud.PROJECT}, {cloud.REGION})"
RUN_IT = f"run.jobs.run on {JOB}"


@pytest.mark.parametrize(
    ("broken", "answer", "because"),
    [
        (None, "allowed", f"scheduler holds {RUN_IT}"),
        (
            breaks.wrong_account,
            "denied",
            (
                f"no policy that was read gives scheduler {RUN_IT}; "
                f"scheduler has {cloud.WATCHER} on projects/{cloud.PROJECT}, which "
                "does not hold run.jobs.run"
            ),
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
    assert (told.answer, short("; ".join(told.because))) == (answer, because)
    (path,) = (path for path in facts.paths if path.task_id == "execute-job1")
    words = {True: "allowed", False: "denied", UNSET: "unknown"}
    assert words[path.allowed] == answer


# ---------------------------------------------------------------- every need of a call

FIXTURES = Path(__file__).parents[2] / "fixtures"
ESTATES = sorted(
    path.parent.name
    for path in FIXTURES.glob("*/operator.toml")
    if (path.parent / "dags").is_dir()
)
# estates and breaks with which every call is unknown, or not judged
NOTHING_KNOWN = {
    *("broken", "declared", "hostile", "unknowns"),
    *("deny_policy", "policies_not_exported"),
}
ACT_AS = "iam.serviceAccounts.actAs"


def questions(path: CallPath) -> Iterator[tuple[str, str, str]]:
    """
    Yield permission, target and the answer that the path's verdict has for them.

    What a call takes cannot be used where a link before it is missing.
    """
    needs = path.needs if path.needs is not UNSET else ()
    links = [name for name in needs if "@" in name and not name.startswith(ACT_AS)]
    for need in needs:
        before = links[: links.index(need)] if need in links else links
        permission, _, account = need.partition("@")
        target = account or (path.target if path.target is not UNSET else "")
        if permission.endswith((".create", ".list")):
            target = target.removeprefix("//run.googleapis.com/").split("/locations")[0]
        if not target:  # named by a template
            continue
        if not {need, *before}.isdisjoint(path.lacks_known):
            yield permission, target, "denied"
        elif path.lacks is not UNSET:
            yield permission, target, "allowed"


def answers(facts: Facts) -> tuple[list[str], list[str]]:
    """Return what paths say and what `explain` says, a line for each need."""
    judged: list[str] = []
    told: list[str] = []
    for path in facts.paths:
        for permission, target, answer in questions(path):
            found = explain(facts, path.task, permission, target)
            judged.append(f"{path.task} {permission} on {target}: {answer}")
            told.append(f"{path.task} {permission} on {target}: {found.answer}")
    return judged, told


@pytest.mark.parametrize("name", BREAKS)
def test_explain_agrees_with_every_verdict_on_a_call(name: str, tmp_path: Path) -> None:
    world = World()
    getattr(breaks, name)(world)
    judged, told = answers(world.judge(tmp_path / "estate").facts)
    assert told == judged
    assert judged or name in NOTHING_KNOWN


@pytest.mark.parametrize("name", ESTATES)
def test_explain_agrees_in_the_invented_companies(name: str) -> None:
    operator = FIXTURES / name / "operator.toml"
    said = Arguments(operator=operator, as_of="2026-11-20T06:00:00Z")
    judged, told = answers(derived(prepare(said)))
    assert told == judged
    assert judged or name in NOTHING_KNOWN
