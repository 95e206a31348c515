"""The Python API on a whole invented company."""

from pathlib import Path

import pytest

from dagwarden import ask, job
from dagwarden.answers import Effect, Suggestion
from dagwarden.errors import UsageError

ESTATE = Path(__file__).parents[1] / "fixtures/spare"
LOADER = "loader@lantern-data.iam.gserviceaccount.com"
AS_OF = "2026-11-20T06:00:00Z"


def test_the_questions_of_the_command_line_are_answered() -> None:
    estate = ask.load(config=ESTATE / "operator.toml", as_of=AS_OF)
    answer = estate.explain("shelves.count", "run.jobs.run", "job count")
    assert answer.answer == "allowed"
    holders = estate.who_can("run.routes.invoke", "service tills")
    assert [holder.identity.email for holder in holders.holders] == [LOADER]
    assert "roles/run.developer" in {
        holding.role for holding in estate.what_can(LOADER).holdings
    }
    taken = {one.role for one in estate.suggest().changes if one.kind == "revoke"}
    assert taken == {"roles/run.developer", "roles/run.servicesInvoker"}
    graph = estate.graph()
    graph.clear()  # it is the caller's own
    assert f"serviceAccount:{LOADER}" in estate.graph()
    assert estate.facts.gaps == ()
    assert estate.graphml().startswith("<graphml")
    assert '"directed": true' in estate.graph_json()


def test_a_question_says_what_it_is_at() -> None:
    said = job.Arguments(operator=ESTATE / "operator.toml", as_of=AS_OF)
    stages: list[str] = []

    def progress(stage: str, done: int = 0, total: int = 0) -> None:
        if not total:
            stages.append(stage)

    job.ask(said, LOADER, "run.jobs.run", "job count", progress)
    assert stages[-2:] == ["snapshot", "asking"]
    for asked in (
        job.ask_who_can(said, "run.jobs.run", "job count", progress),
        job.ask_what_can(said, LOADER, progress),
    ):
        assert asked.answer == "allowed"
        assert stages[-1] == "asking"
    job.suggestion(said, None, None, progress)
    assert stages[-2:] == ["snapshot", "suggesting"]


def test_files_alone_are_enough_to_load() -> None:
    estate = ask.load([ESTATE / "dags"], runs_as=LOADER, as_of=AS_OF)
    assert {dag.dag_id for dag in estate.facts.dags} == {"prices", "shelves"}
    one = ask.load(str(ESTATE / "dags"), connections="env:", runs_as=LOADER)
    assert one.facts.dags == estate.facts.dags
    with pytest.raises(UsageError, match="no snapshot"):
        estate.what_can(LOADER)


def test_the_bearer_of_a_token_is_asked_about(tmp_path: Path) -> None:
    demo = ESTATE.parent / "demo"
    estate = ask.load(
        snapshots=[demo / "assets.ndjson"], claims=demo / "claims.json", as_of=AS_OF
    )
    holdings = estate.what_can("token").holdings
    assert [(held.role, held.answer) for held in holdings] == [
        ("roles/run.invoker", "allowed"),
        # of groups whose members were not read
        ("roles/resourcemanager.folderViewer", "unknown"),
        ("roles/logging.viewer", "unknown"),
        ("roles/resourcemanager.organizationAdmin", "unknown"),
    ]
    assert "services/label-printer" in holdings[0].resource
    wrong = tmp_path / "claims.json"
    wrong.write_text("a.b.c")
    with pytest.raises(UsageError, match="is no JSON object"):
        ask.load(snapshots=[demo / "assets.ndjson"], claims=wrong)


def test_what_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        ask.load([tmp_path / "nothing"])


def test_a_file_name_that_is_no_text_is_spelled_out_in_json() -> None:
    effect = Effect(
        path="path:prod:d\udc80.py:d.t",
        task="d.t",
        environment="prod",
        operation="run_job",
        target="//j",
        before="denied",
        after="allowed",
    )
    text = job.as_json(Suggestion(asked="the estate", effects=(effect,)))
    assert '"path": "path:prod:d\\\\udc80.py:d.t"' in text
