"""A rule's own examples: checked, run, and worth something."""

from typing import Any

import pytest
from msgspec.structs import replace

from dagwarden.facts import KINDS
from dagwarden.policy.examples import run_examples, schema_problems, with_defaults
from dagwarden.policy.load import Example, RuleFile
from dagwarden.rule import Rule

RULE = Rule(
    id="wide",
    version="1.0.0",
    title="Wide",
    family="grants",
    severity="high",
    confidence="certain",
    persona="engineer",
    needs=("snapshot",),
    subject="grant",
    when='subject.identity.kind == "user"',
    assert_='!("run.routes.invoke" in subject.permissions)',
    message="",
    what="",
    why="",
    remediation="",
    controls=(),
    source="w.yaml",
)
USER = {"identity": {"kind": "user"}}
GOOD = {
    "narrow": ({**USER, "permissions": ["run.services.get"]}, "pass"),
    "wide": ({**USER, "permissions": ["run.routes.invoke"]}, "fail"),
    "group": (
        {"identity": {"kind": "group"}, "permissions": ["run.routes.invoke"]},
        "not_applicable",
    ),
    "unread": (USER, "unknown"),
}


def problems(examples: dict[str, Any], rule: Rule = RULE) -> list[str]:
    made = tuple(
        Example(name=name, subject=subject, expect=expect)
        for name, (subject, expect) in examples.items()
    )
    found = RuleFile(rule=rule, examples=made, lines=tuple(range(10, 10 + len(made))))
    (result,) = run_examples([found])
    assert (result.rule, result.examples) == (rule.id, len(made))
    return list(result.problems)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_good_examples() -> None:
    assert problems(GOOD) == []


def test_a_wrong_verdict() -> None:
    examples = {**GOOD, "wrong": (USER, "pass")}
    assert problems(examples) == ["w.yaml:14: example wrong: expected pass, is unknown"]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("narrow", "w.yaml:10: no example expects pass; add one"),
        ("wide", "w.yaml:10: no example expects fail; add one"),
        ("group", "w.yaml:10: no example expects not_applicable; add one"),
        ("unread", "w.yaml:10: no example expects unknown; add one"),
    ],
)
def test_every_verdict_has_to_be_shown(name: str, problem: str) -> None:
    assert problem in problems(without(name))


def test_what_cannot_be_missing_needs_no_unknown_example() -> None:
    rule = replace(RULE, assert_="!subject.basic_role")
    examples = {
        "narrow": ({**USER, "basic_role": False}, "pass"),
        "wide": ({**USER, "basic_role": True}, "fail"),
        "group": (
            {"identity": {"kind": "group"}, "basic_role": True},
            "not_applicable",
        ),
    }
    assert problems(examples, rule) == []


@pytest.mark.parametrize(
    ("examples", "mutant"),
    [
        (without("wide"), "`assert` is true"),
        (without("narrow"), "`assert` is false"),
        (without("group"), "`when` is true"),
    ],
)
def test_a_mutant_that_survives_is_told(examples: dict[str, Any], mutant: str) -> None:
    told = f"w.yaml:10: the examples do not notice when {mutant}; add one that does"
    # an unknown example notices a constant assert, so it has to go as well
    examples.pop("unread")
    assert told in problems(examples)


def test_not_applicable_for_another_reason_does_not_prove_when() -> None:
    # `when` as true gives the same verdict: UNKNOWN would be, so this one proves it
    unproved = {**GOOD, "group": ({"identity": {"kind": "group"}}, "not_applicable")}
    assert problems(unproved) == []


def test_passing_on_a_known_part_alone_is_told() -> None:
    rule = replace(
        RULE, subject="task", when="true", assert_="subject.secrets_known.size() == 0"
    )
    examples: dict[str, Any] = {
        "none": ({"secrets": []}, "pass"),
        "one": (
            {
                "secrets": [{"kind": "password"}],
                "secrets_known": [{"kind": "password"}],
            },
            "fail",
        ),
    }
    (problem,) = problems(examples, rule)
    assert problem == (
        "w.yaml:11: example one: pass while only part of secrets is known turns into "
        "fail; let secrets decide too"
    )


@pytest.mark.parametrize(
    ("kind", "subject", "problem"),
    [
        ("grant", {"levl": "x"}, "there is no field levl; did you mean level?"),
        ("grant", {"identity": {"kid": 1}}, "there is no field identity.kid; did you"),
        ("grant", {"identity": "x"}, "identity is a table of fields"),
        (
            "grant",
            {"level": "servise"},
            "level is never servise; did you mean service?",
        ),
        ("grant", {"role": 3}, "role is text"),
        ("grant", {"role": None}, "role is text"),
        ("grant", {"basic_role": 1}, "basic_role is true or false"),
        ("grant", {"permissions": "x"}, "permissions is a list"),
        ("grant", {"permissions": [1]}, "permissions[0] is text"),
        ("grant", {"unresolved": []}, "there is no field unresolved"),
        ("key", {"age_days": "9"}, "age_days is a number"),
        ("key", {"age_days": True}, "age_days is a number"),
        ("task", {"retries": 1.5}, "retries is a whole number"),
        (
            "task",
            {"secrets": [{"kind": "pasword"}]},
            "secrets[0].kind is never pasword",
        ),
    ],
)
def test_a_subject_outside_the_schema(
    kind: str, subject: dict[str, Any], problem: str
) -> None:
    (found,) = schema_problems(KINDS[kind][1], subject)
    assert problem in found


@pytest.mark.parametrize(
    ("kind", "subject"),
    [
        ("grant", {}),
        ("key", {"age_days": 9}),
        ("task", {"retries": None, "impersonation_chain": ["a"]}),
        ("task", {"impersonation_chain": None}),
        ("snapshot", {"layers": {"allow": "read"}}),
    ],
)
def test_a_subject_within_the_schema(kind: str, subject: dict[str, Any]) -> None:
    assert schema_problems(KINDS[kind][1], subject) == []


def test_a_problem_with_the_schema_stops_the_run() -> None:
    assert problems({**GOOD, "typo": ({"levl": "x"}, "pass")}) == [
        "w.yaml:14: example typo: there is no field levl; did you mean level?"
    ]


def test_what_every_fact_has_is_filled_in() -> None:
    assert with_defaults(KINDS["grant"][1], {"identity": {"kind": "user"}}) == {
        "identity": {"kind": "user", "email": None, "default_compute": False},
        "resource_label": "",
        "deploys_by": [],
        "domain": None,
        "conditional": False,
        "used_by_tasks": False,
        "valid_before": None,
    }
    layers = with_defaults(KINDS["snapshot"][1], {})["layers"]
    assert layers["allow"] == "not_given"
    assert with_defaults(KINDS["task"][1], {})["secrets_known"] == []
