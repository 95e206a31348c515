"""All of the provider's system tests, read and judged as the commit hook would."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.foreign.oracle import operator_calls
from tests.foreign.world import NO_KEY, SYSTEM_TESTS, rules

from dagwarden.config import Config, Environment
from dagwarden.facts import Facts
from dagwarden.findings import Result
from dagwarden.scan import scan
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.estate import Estate

AS_OF = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def facts() -> Facts:
    assert SYSTEM_TESTS.is_dir(), "no provider examples: run `make foreign`"
    return find_dags(
        SYSTEM_TESTS,
        "prod",
        [SYSTEM_TESTS],
        only=None,
        exclude=(),
        airflow="3.1",
        fingerprint=NO_KEY,
    ).read()


@pytest.fixture(scope="module")
def result(facts: Facts) -> Result:
    config = Config(
        root=str(SYSTEM_TESTS),
        environments=(Environment(name="prod", dags=(".",), airflow="3.1"),),
    )
    given = Estate(facts=facts, given=frozenset({"dags"}))
    return scan(given, rules(), config, as_of=AS_OF)


def test_every_operator_call_is_a_task_and_nothing_else_is(facts: Facts) -> None:
    found = {(task.origin.source, task.origin.line) for task in facts.tasks}
    assert found == operator_calls(SYSTEM_TESTS)


def test_every_file_is_read_or_left_out_for_a_reason(facts: Facts) -> None:
    read = {file.path for file in facts.files if file.kind == "dag"}
    files = {path.relative_to(SYSTEM_TESTS) for path in SYSTEM_TESTS.rglob("*.py")}
    # one folder holds a tool and its own .airflowignore
    ignored = {path for path in files if path.parts[0] == "resources_cleanup"}
    silent = {path for path in files - ignored if path.as_posix() not in read}
    # Airflow 3.3 has seven tasks more in this DAG: a function of the provider makes them
    (gap,) = facts.gaps
    assert (gap.origin.source, gap.origin.line, gap.incomplete) == (
        *("cloud/dataform/example_dataform.py", 138),
        False,
    )
    assert {path for path in silent if not _says_no_dag(path)} == set()
    assert sum(item.count for item in facts.excluded if item.kind == "file") == len(
        silent
    ) + sum(1 for path in ignored if len(path.parts) == 2)


def _says_no_dag(path: Path) -> bool:
    """Tell what Airflow's own safe mode tells of a file: both words are needed."""
    text = (SYSTEM_TESTS / path).read_text().lower()
    return "dag" not in text or "airflow" not in text


def test_an_engineer_is_shown_at_most_one_finding_in_ten_files(
    facts: Facts, result: Result
) -> None:
    shown = [item for item in result.findings if item.persona == "engineer"]
    failed = [item for item in shown if item.outcome.value == "fail"]
    secrets = [item for item in failed if item.rule == "secret-in-task-argument"]
    assert len(failed) - len(secrets) <= len(facts.files) / 10


def test_the_passwords_written_out_in_the_examples_are_found(result: Result) -> None:
    # one value is one finding, and names every task that is given it
    found = [
        {subject.rpartition(".")[2] for subject in finding.subjects}
        for finding in result.findings
        if finding.rule == "secret-in-task-argument" and finding.outcome.value == "fail"
    ]
    mysql, postgres = "create_connection_mysql", "create_connection_postgres"
    numbered = {
        f"{name}{end}" for name in (mysql, postgres) for end in ("", "__1", "__2")
    }
    assert sorted(found, key=sorted) == [
        {"create_cluster"},
        numbered,
        {"create_user"},
        {"setup_mssql"},  # in a command
    ]


def test_only_the_cloud_run_examples_call_cloud_run(facts: Facts) -> None:
    assert {call.origin.source for call in facts.calls} == {
        "cloud/cloud_run/example_cloud_run.py",
        "cloud/cloud_run/example_cloud_run_service.py",
    }
    assert len(facts.calls) == 20
