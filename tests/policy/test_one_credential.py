"""One credential, one decision: what a waiver covers of the rules that tell of it."""

import json
from datetime import date
from pathlib import Path

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.sources.embedded.test_marks import scanned
from tests.sources.embedded.test_places import KEY_FILE

from dagwarden.facts import EmbeddedSecret, Facts, Origin, Secret, Task, ToldBy
from dagwarden.findings import Waiver, WaiverStatus
from dagwarden.policy.conclude import Conclusion, conclude
from dagwarden.policy.evaluate import judge
from dagwarden.policy.pack import load_rules

IN_FILE, IN_TASK = "secret-in-repository", "secret-in-task-argument"
TODAY = date(2026, 11, 22)
RULES = tuple(rule for rule in load_rules() if rule.id in (IN_FILE, IN_TASK))


def task(name: str, line: int) -> Task:
    at = Origin(source="dags/load.py", line=line)
    secret = Secret(kind="password", place="env.DB_PASSWORD", origin=at)
    return Task(
        id=f"task:prod:dags/load.py:load.{name}",
        origin=at,
        environment="prod",
        dag="dag:prod:dags/load.py:load",
        dag_id="load",
        task_id=name,
        operator="BashOperator",
        secrets=(secret,),
        secrets_known=(secret,),
    )


FIRST, SECOND = task("first", 5), task("second", 9)


def place(source: str, line: int, *carriers: Task) -> EmbeddedSecret:
    return EmbeddedSecret(
        id=f"file:{source}:{line}",
        origin=Origin(source=source, line=line),
        path=source,
        secret="password",
        place="PASSWORD",
        credential="file:dags/load.py:3",
        carriers=tuple(carrier.id for carrier in carriers),
    )


HERE, ELSEWHERE = ("dags/load.py", 3), ("conf/.env", 1)


def concluded(
    places: list[tuple[str, int]], tasks: tuple[Task, ...], *waived: tuple[str, str]
) -> Conclusion:
    facts = Facts(
        tasks=tasks,
        embedded_secrets=tuple(place(*one, *tasks) for one in places),
    )
    waiver = Waiver(
        id="",
        kind="waiver",
        rule="",
        subject="",
        owner="@a",
        approver="@b",
        reason="r",
        expires="2026-12-31",
        origin=Origin(source="w"),
        inline=False,
        status=WaiverStatus.UNUSED,
    )
    register = [
        replace(waiver, id=f"w{number}", rule=rule, subject=subject)
        for number, (rule, subject) in enumerate(waived)
    ]
    return conclude(
        judge(RULES, facts, {}, frozenset({"dags", "repository"})),
        RULES,
        facts,
        register,
        as_of=TODAY,
        approvers=(),
        trusted=True,
    )


def told(result: Conclusion) -> list[tuple[str, str, int]]:
    """Return the rule, the waiver and the number of subjects of each finding."""
    return sorted(
        (one.rule, one.waiver or "open", len(one.subjects)) for one in result.findings
    )


@pytest.mark.parametrize(
    ("told_by", "expected"),
    [
        ("checksum", "certain"),
        ("prefix", "certain"),
        ("structure", "certain"),
        ("shape", "likely"),
        ("pattern", "likely"),
        ("context", "likely"),
        (None, "likely"),
    ],
)
def test_a_finding_is_certain_where_the_credential_itself_says_so(
    told_by: ToldBy | None, expected: str
) -> None:
    held = replace(place(*HERE), told_by=told_by)
    facts = Facts(embedded_secrets=(held, replace(held, id="file:b", told_by=None)))
    verdicts = judge(RULES, facts, {}, frozenset({"repository"}))
    (finding,) = conclude(
        verdicts, RULES, facts, (), as_of=TODAY, approvers=(), trusted=True
    ).findings
    assert finding.confidence == expected


@pytest.mark.parametrize(
    ("told_by", "expected"), [("prefix", "certain"), ("context", "likely")]
)
def test_so_is_one_of_what_a_task_is_given(told_by: ToldBy, expected: str) -> None:
    secrets = (replace(FIRST.secrets_known[0], told_by=told_by),)
    given = replace(FIRST, secrets=secrets, secrets_known=secrets)
    # what is known of them counts where not all are
    for one in (given, replace(given, secrets=UNSET)):
        facts = Facts(tasks=(one,))
        verdicts = judge(RULES, facts, {}, frozenset({"dags"}))
        (finding,) = conclude(
            verdicts, RULES, facts, (), as_of=TODAY, approvers=(), trusted=True
        ).findings
        assert (finding.rule, finding.confidence) == (IN_TASK, expected)


def test_what_is_given_to_several_tasks_is_one_finding() -> None:
    assert told(concluded([HERE], (FIRST, SECOND))) == [(IN_FILE, "open", 1)]


@pytest.mark.parametrize(
    ("places", "tasks", "waived", "expected"),
    [
        # the task's waiver covers where the value stands in the task's file ...
        ([HERE], (FIRST,), (IN_TASK, FIRST.id), [(IN_FILE, "w0", 1), (IN_TASK, "w0", 1)]),
        # ... and no other file
        (
            [HERE, ELSEWHERE], (FIRST,), (IN_TASK, FIRST.id),
            [(IN_FILE, "open", 1), (IN_FILE, "w0", 1)],
        ),
        # that of the value covers the tasks that are given it ...
        (
            [HERE], (FIRST, SECOND), (IN_FILE, "file:dags/*"),
            [(IN_FILE, "w0", 1), (IN_TASK, "w0", 2)],
        ),
        # ... where it is accepted at each of its places
        (
            [HERE, ELSEWHERE], (FIRST,), (IN_FILE, "file:conf/*"),
            [(IN_FILE, "open", 1), (IN_FILE, "w0", 1)],
        ),
        ([ELSEWHERE], (FIRST,), (IN_TASK, FIRST.id), [(IN_FILE, "open", 1)]),
    ],
)  # fmt: skip
def test_one_waiver_is_enough(
    places: list[tuple[str, int]],
    tasks: tuple[Task, ...],
    waived: tuple[str, str],
    expected: list[tuple[str, str, int]],
) -> None:
    result = concluded(places, tasks, waived)
    assert told(result) == expected
    (waiver,) = result.waivers
    assert waiver.status is WaiverStatus.USED


def test_findings_alike_are_told_in_the_order_of_their_places() -> None:
    places = [("b.env", 10), ("a.env", 2), ("b.env", 9), ("a.env", 11)]
    facts = Facts(
        embedded_secrets=tuple(
            replace(place(*one), credential=str(one)) for one in places
        )
    )
    result = conclude(
        judge(RULES, facts, {}, frozenset({"repository"})),
        RULES,
        facts,
        (),
        as_of=TODAY,
        approvers=(),
        trusted=True,
    )
    told = [(one.origin.source, one.origin.line) for one in result.findings]
    assert told == sorted(places)


def test_another_secret_of_the_task_is_not_accepted_with_the_first() -> None:
    other = replace(place("dags/load.py", 4, FIRST), credential="file:dags/load.py:4")
    facts = Facts(
        tasks=(FIRST,), embedded_secrets=(place("dags/load.py", 3, FIRST), other)
    )
    judgement = judge(RULES, facts, {}, frozenset({"dags", "repository"}))
    waived = concluded([HERE], (FIRST,), (IN_FILE, "file:dags/load.py:3")).waivers
    result = conclude(
        judgement,
        RULES,
        facts,
        [replace(one, status=WaiverStatus.UNUSED, matched=0) for one in waived],
        as_of=TODAY,
        approvers=(),
        trusted=True,
    )
    assert told(result) == [(IN_FILE, "open", 1), (IN_FILE, "w0", 1)]


@pytest.mark.parametrize(
    ("export", "places"),
    [
        (
            "config/connections.json",
            [("config/connections.json", 5), ("config/loader.json", 5)],
        ),
        ("../connections.json", [("config/loader.json", 5)]),
    ],
)
def test_a_key_that_a_connection_is_given_too_is_told_at_all_its_places(
    export: str, places: list[tuple[str, int]], tmp_path: Path
) -> None:
    folder = tmp_path / "repository"
    (folder / "config").mkdir(parents=True)
    (folder / "dags.py").write_text("")
    (folder / "config/loader.json").write_text(KEY_FILE)
    extra = {"keyfile_dict": KEY_FILE}
    given = {"gcp": {"conn_type": "google_cloud_platform", "extra": extra}}
    (folder / export).write_text(json.dumps(given, indent=1))
    _, result = scanned(folder, "--connections", f"export:{export}")
    [finding] = [one for one in result["findings"] if one["outcome"] == "fail"]
    assert finding["rule"] == "key-in-repository"
    assert finding["explains"] == ["key-file-content-in-connection"]
    told = [(one["source"], one["line"]) for one in finding["places"]]
    assert told == places
    evidence = {one["name"]: one["value"] for one in finding["evidence"]}
    assert evidence["carriers"] == "connection:default:gcp"
    assert "service-accounts keys disable" in finding["remediation"]
