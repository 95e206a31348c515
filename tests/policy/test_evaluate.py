"""Judging: verdicts, populations, parameters in force, and words for people."""

from itertools import chain
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.errors import ConfigError, InternalError
from dagwarden.facts import (
    KINDS,
    Excluded,
    Fact,
    Facts,
    Gap,
    Grant,
    IdentityRef,
    Key,
    LifetimeChain,
    Origin,
    Secret,
    Task,
    TaskIdentity,
    Unresolved,
)
from dagwarden.findings import (
    EvidenceItem,
    Missing,
    Outcome,
    Population,
    Verdict,
    Verdicts,
)
from dagwarden.policy.evaluate import (
    Judgement,
    cause_of,
    evidence_of,
    general_remediation,
    judge,
    render_message,
    render_remediation,
)
from dagwarden.rule import Need, Parameter, Rule

HERE = Origin(source="dags/a.py", line=3)
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
    message="{identity} holds {role}",
    what="",
    why="",
    remediation="",
    controls=(),
    source="rules/grants/wide.yaml",
)
ALL: frozenset[Need] = frozenset({"dags", "connections", "snapshot"})


def grant(
    name: str = "g", kind: Any = "user", resource: str = "r", **fields: Any
) -> Grant:
    return Grant(
        id=name,
        origin=HERE,
        identity=IdentityRef(key=f"{kind}:{name}", kind=kind),
        binding="b",
        level="project",
        role="roles/x",
        basic_role=False,
        resource=resource,
        **fields,
    )


def told(judgement: Judgement) -> list[Verdict]:
    ids = [report.id for report in judgement.reports]
    found = chain.from_iterable(judgement.notable.values())
    notable = [verdict for verdict, _ in found]
    return list(Verdicts(ids, judgement.judged, notable))


def verdicts_of(rule: Rule, *subjects: Fact) -> list[Verdict]:
    facts = replace(Facts(), **{KINDS[rule.subject][0]: subjects})
    return told(judge([rule], facts, {}, frozenset(rule.needs)))


def outcomes(rule: Rule, *subjects: Fact) -> dict[str, str]:
    verdicts = verdicts_of(rule, *subjects)
    return {verdict.subject: verdict.outcome.value for verdict in verdicts}


def test_each_subject_gets_its_verdict() -> None:
    assert outcomes(
        RULE,
        grant("a", permissions=("run.routes.invoke",)),
        grant("b", permissions=("run.services.get",)),
        grant("c"),
        grant("d", "group"),
        grant("e", permissions=("run.routes.invoke",)),
    ) == {"a": "fail", "b": "pass", "c": "unknown", "e": "fail"}


def test_a_field_that_is_looked_for_in_lists_tells_only_what_they_hold() -> None:
    listed = replace(
        RULE,
        when='subject.role == "roles/x"',
        assert_="subject.domain in params.ours || subject.domain in params.theirs",
        params={
            "ours": Parameter(default=("a.example",), description=""),
            "theirs": Parameter(default=("b.example",), description=""),
        },
    )
    plain = replace(
        RULE, id="plain", when="true", assert_='subject.domain == "c.example"'
    )
    subjects = (
        *(grant(name, domain=f"{name}.example") for name in ("a", "b", "c", "d")),
        grant("none", domain=None),
        grant("open", domain=UNSET),
    )
    facts = Facts(grants=subjects)
    found = told(judge([listed, plain], facts, {}, ALL))
    said = [
        [v.outcome.value for v in found if v.rule == one] for one in ("wide", "plain")
    ]
    assert said == [
        ["pass", "pass", "fail", "fail", "fail", "unknown"],
        ["fail", "fail", "pass", "fail", "fail", "unknown"],
    ]
    assert outcomes(listed, *subjects) == dict(
        zip([fact.id for fact in subjects], said[0], strict=True)
    )


def test_a_population_that_is_not_known_is_unknown() -> None:
    rule = replace(RULE, when='"run.jobs.run" in subject.permissions', assert_="true")
    assert outcomes(rule, grant()) == {"g": "unknown"}


def test_population_reconciles() -> None:
    facts = Facts(
        grants=(
            grant("a", permissions=("run.routes.invoke",)),
            grant("b", permissions=()),
            grant("c", permissions=()),
            grant("d"),
            grant("e", "group"),
        ),
        excluded=(
            Excluded(kind="grant", what="sys-1", reason="system project", count=7),
            Excluded(kind="task", what="x", reason="y", count=100),
        ),
        gaps=(
            Gap(reason="malformed", origin=HERE, detail="", kinds=("grant", "key")),
            Gap(reason="malformed", origin=HERE, detail="", kinds=("task",)),
        ),
    )
    judgement = judge([RULE], facts, {}, ALL)
    (report,) = judgement.reports
    assert report.population == Population(
        discovered=13,
        excluded=7,
        unreadable=1,
        not_applicable=1,
        passed=2,
        failed=1,
        unknown=1,
    )
    assert report.not_run is None
    assert [(v.subject, v.outcome.value) for v in told(judgement)] == [
        ("a", "fail"),
        ("b", "pass"),
        ("c", "pass"),
        ("d", "unknown"),
    ]


def test_rules_of_one_kind_tell_apart_what_each_of_them_reads() -> None:
    rules = [
        replace(RULE, id="by-role", when="true", assert_='subject.role == "roles/x"'),
        replace(RULE, id="by-place", when="true", assert_='subject.resource == "r"'),
        # reads the whole subject, and so all of its fields
        replace(
            RULE,
            id="by-all",
            when='[subject].exists(one, one.level == "project")',
            assert_="[subject].all(one, one.basic_role)",
        ),
    ]
    facts = Facts(
        grants=(
            grant("a"),
            grant("b", resource="s"),
            replace(grant("c"), role="roles/y", basic_role=True),
            replace(grant("d"), level="folder"),
        )
    )
    judgement = judge(rules, facts, {}, ALL)
    assert [(v.rule, v.subject, v.outcome.value) for v in told(judgement)] == [
        ("by-role", "a", "pass"),
        ("by-role", "b", "pass"),
        ("by-role", "c", "fail"),
        ("by-role", "d", "pass"),
        ("by-place", "a", "pass"),
        ("by-place", "b", "fail"),
        ("by-place", "c", "pass"),
        ("by-place", "d", "pass"),
        ("by-all", "a", "fail"),
        ("by-all", "b", "fail"),
        ("by-all", "c", "pass"),
    ]


@pytest.mark.parametrize(
    ("needs", "given", "words"),
    [
        (("snapshot",), {"dags"}, "no snapshot was given"),
        (("dags", "snapshot"), {"snapshot"}, "no DAG files were given"),
        (
            ("dags", "connections"),
            set[str](),
            "no DAG files were given and no connections were given",
        ),
    ],
)
def test_a_rule_without_its_needs_is_not_run(
    needs: Any, given: Any, words: str
) -> None:
    rule = replace(RULE, needs=needs)
    facts = Facts(grants=(grant("a", permissions=("run.routes.invoke",)),))
    judgement = judge([rule], facts, {}, frozenset(given))
    assert told(judgement) == []
    assert judgement.reports[0].not_run == words
    assert judgement.reports[0].population == Population()


@pytest.mark.parametrize(
    ("need", "kind", "words"),
    [
        ("connections", "connection", "the connections that were given could not be read"),
        ("snapshot", "snapshot", "the snapshot that was given could not be read"),
        ("snapshot", "connection", "no snapshot was given"),
    ],
)  # fmt: skip
def test_what_was_given_and_not_read_was_given(
    need: Any, kind: str, words: str
) -> None:
    gap = Gap(reason="syntax", origin=HERE, detail="is no JSON", kinds=(kind,))
    rule = replace(RULE, needs=(need,))
    judgement = judge([rule], Facts(gaps=(gap,)), {}, frozenset())
    assert judgement.reports[0].not_run == words


# ---------------------------------------------------------------- what is missing


def task_identity(**fields: Any) -> TaskIdentity:
    return TaskIdentity(id="t", origin=HERE, environment="prod", task="t", **fields)


def missing(rule: Rule, subject: Fact) -> list[tuple[str, str]]:
    (verdict,) = verdicts_of(rule, subject)
    assert verdict.outcome is Outcome.UNKNOWN
    return [(m.reason, m.symbol) for m in verdict.missing]


def unresolved(field: str, symbol: str, reason: Any = "jinja") -> Unresolved:
    return Unresolved(field=field, reason=reason, symbol=symbol)


DEFAULT = replace(
    RULE,
    subject="task_identity",
    when="subject.connection != null",
    assert_="!subject.identity.default_compute",
)


def test_unknown_names_what_would_decide_it() -> None:
    subject = task_identity(
        connection="gcp",
        unresolved=(
            unresolved("identity", "runs_as of environment prod", "setting"),
            unresolved("identity", "a template"),
            unresolved("identity", "a template"),
            unresolved("operator", "something else"),
        ),
    )
    assert missing(DEFAULT, subject) == [
        ("jinja", "a template"),
        ("setting", "runs_as of environment prod"),
    ]


def test_a_field_that_is_known_is_not_what_is_missing() -> None:
    subject = task_identity(
        identity=IdentityRef(key="user:a", kind="user"),
        unresolved=(
            unresolved("identity.default_compute", "not absent"),
            unresolved("connection", "the connection"),
        ),
    )
    assert missing(DEFAULT, subject) == [("jinja", "the connection")]


def test_the_reason_of_a_nested_field_is_found() -> None:
    subject = task_identity(
        connection="gcp",
        unresolved=(unresolved("identity.kind", "group:x", "membership"),),
    )
    assert missing(DEFAULT, subject) == [("membership", "group:x")]


def test_without_a_recorded_reason_the_field_is_named() -> None:
    assert missing(DEFAULT, task_identity(connection="gcp")) == [
        ("dynamic", "identity.default_compute of task_identity")
    ]


def test_equal_subjects_keep_their_own_reasons() -> None:
    one = grant("a", unresolved=(unresolved("permissions", "role x"),))
    two = grant("b", unresolved=(unresolved("permissions", "role y"),))
    verdicts = verdicts_of(RULE, one, two)
    assert [v.missing for v in verdicts] == [
        (Missing(reason="jinja", symbol="role x"),),
        (Missing(reason="jinja", symbol="role y"),),
    ]


# --------------------------------------------------------------------- parameters

AGED = replace(
    RULE,
    id="old",
    subject="key",
    when="true",
    assert_="subject.age_days <= params.days && !(subject.account in params.names)",
    params={
        "days": Parameter(default=90.0, description="", minimum=1, maximum=365),
        "names": Parameter(default=(), description=""),
    },
)
OLD = Key(id="k", origin=HERE, account="a@b", key_id="1", age_days=100.0)


@pytest.mark.parametrize(
    ("given", "outcome", "in_force", "overridden"),
    [
        ({}, "fail", {"days": 90.0, "names": ()}, ()),
        ({"days": 100}, "pass", {"days": 100.0, "names": ()}, ("days",)),
        ({"days": 99.5}, "fail", {"days": 99.5, "names": ()}, ("days",)),
        (
            {"names": ("a@b",), "days": 365},
            "fail",
            {"days": 365.0, "names": ("a@b",)},
            ("days", "names"),
        ),
    ],
)
def test_parameters_in_force(
    given: Any, outcome: str, in_force: dict[str, object], overridden: tuple[str, ...]
) -> None:
    judgement = judge([AGED], Facts(keys=(OLD,)), {"old": given}, ALL)
    assert told(judgement)[0].outcome.value == outcome
    assert judgement.reports[0].params == in_force
    assert judgement.reports[0].overridden == overridden


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"odl": {}}, "there is no rule odl; did you mean old?"),
        ({"old": {"day": 3}}, "old has no parameter day; did you mean days?"),
        ({"old": {"days": 0}}, "old.days is below its minimum 1"),
        ({"old": {"days": 366}}, "old.days is above its maximum 365"),
        ({"old": {"days": "90"}}, "old.days is no number"),
        ({"old": {"days": True}}, "old.days is no number"),
        ({"old": {"days": float("nan")}}, "old.days is no finite number"),
        ({"old": {"names": "a@b"}}, "old.names is no list of texts"),
        ({"old": {"names": (1,)}}, "old.names is no list of texts"),
    ],
)
def test_wrong_parameters_are_refused(params: Any, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judge([AGED], Facts(), params, ALL)
    assert problem in str(caught.value)


def test_all_wrong_parameters_are_told_at_once() -> None:
    params: Any = {"old": {"days": 0, "names": 1}, "gone": {}}
    with pytest.raises(ConfigError) as caught:
        judge([AGED], Facts(), params, ALL)
    assert str(caught.value).count("params: ") == 3


def test_a_rule_without_an_answer_is_no_verdict() -> None:
    rule = replace(RULE, when="subject.identity.email.size() > 0")
    with pytest.raises(InternalError) as caught:
        judge([rule], Facts(grants=(grant("grant-7"),)), {}, ALL)
    assert "rule wide has no answer for grant-7: " in str(caught.value)
    assert caught.value.where == "rules/grants/wide.yaml"


def test_a_rule_that_does_not_compile_is_an_internal_error() -> None:
    with pytest.raises(InternalError, match="rule wide does not compile"):
        outcomes(replace(RULE, when="1 +"), grant())


# ----------------------------------------------------------------- words for people

SECRETS = tuple(
    Secret(kind="password", place=place, origin=HERE) for place in ("a", "b", "a")
)
TASK = Task(id="t", origin=HERE, environment="prod", dag="d")


@pytest.mark.parametrize(
    ("message", "subject", "words"),
    [
        ("{role} on {resource}", grant(), "roles/x on r"),
        ("{identity}", grant(), "user:g"),
        (
            "{identity}",
            replace(grant(), identity=IdentityRef(key="user:x", kind="user", email="x")),
            "x",
        ),
        ("{identity.email}", grant(), "not set"),
        ("{permissions}", grant(), "not established"),
        ("{permissions}", grant(permissions=()), "none"),
        ("{permissions}", grant(permissions=("p", "q")), "p, q"),
        (
            "{permissions}",
            grant(permissions=tuple("abcdefg")),
            "a, b, c, and 4 more",
        ),
        ("{conditional} {basic_role}", grant(conditional=True), "yes no"),
        ("{secrets.place}", replace(TASK, secrets=SECRETS), "a, b"),
        ("{secrets.place}", replace(TASK, secrets_known=SECRETS[:1]), "a"),
        ("{secrets.place}", TASK, "not established"),
        (
            "{resource}",
            grant(resource="//run.googleapis.com/projects/p/locations/r/jobs/j"),
            "job j (p, r)",
        ),
        (
            "{resource}",
            grant(resource="//cloudresourcemanager.googleapis.com/projects/12"),
            "projects/12",
        ),
        ("{resource}", grant(resource="https://x.example/a"), "https://x.example/a"),
        ("{secrets.place}", replace(TASK, secrets=()), "none"),
        ("{retries}", replace(TASK, retries=3), "3"),
        (
            "{bound} s, {work} s",
            LifetimeChain(
                id="l",
                origin=HERE,
                environment="e",
                task="t",
                dag="d",
                operation="o",
                bound=3600.0,
                work=0.5678,
            ),
            "3600 s, 0.6 s",
        ),
        ("{task_id}", replace(TASK, task_id="a\x1b[2J\nb\u202e"), "a\ufffd[2J\ufffdb\ufffd"),
        ("{task_id}", replace(TASK, task_id="{dag}"), "{dag}"),
    ],
)  # fmt: skip
def test_message(message: str, subject: Fact, words: str) -> None:
    assert render_message(replace(RULE, message=message), subject) == words


MEND = 'Now:\n\n    {permissions}\n\nElse {role}:\n\n    {{x}} {"a": 1}\n'
GENERAL = 'Now:\n\nElse {role}:\n\n    {{x}} {"a": 1}\n'


@pytest.mark.parametrize(
    ("remediation", "subject", "words"),
    [
        (
            MEND,
            grant(permissions=("gcloud a", "gcloud b")),
            GENERAL.replace("Now:\n", "Now:\n\n    gcloud a\n    gcloud b\n"),
        ),
        (MEND, grant(permissions=()), GENERAL),
        (MEND, grant(), GENERAL),  # not established
        ("{identity.email}\nx\n", grant(), "x\n"),  # not set
        ("{role}", grant(), "roles/x"),
        ("{role}\n", grant(), "roles/x\n"),
        ("{resource}\n", grant(resource="a\nb"), "a\N{REPLACEMENT CHARACTER}b\n"),
        ("{permissions}", grant(permissions=("a",) * 2), "a"),
    ],
)
def test_remediation_mends_the_case_at_hand(
    remediation: str, subject: Fact, words: str
) -> None:
    rule = replace(RULE, remediation=remediation)
    assert render_remediation(rule, subject) == words


RUN = "//run.googleapis.com/projects/p/locations/r/"
CLOUD = "//cloudresourcemanager.googleapis.com/"
COMMANDS = """
gcloud run services x SERVICE --region=REGION --member=MEMBER
gcloud run jobs x JOB --region=REGION --role=ROLE
gcloud projects remove-iam-policy-binding PROJECT --member=serviceAccount:CALLER_SA
gcloud services disable SERVICE.googleapis.com --project=PROJECT
"""


def bound(resource: str, role: str = "X", member: str = "allUsers") -> Grant:
    identity = IdentityRef(key=member, kind="unknown")
    return replace(grant(resource=resource), role=role, identity=identity)


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (bound("x"), {}),
        (
            bound(f"{RUN}services/s-1", "roles/run.invoker"),
            {
                "SERVICE --region=REGION": "s-1 --region=r --project=p",
                "ROLE": "roles/run.invoker",
            },
        ),
        (
            bound(f"{RUN}jobs/j", "organizations/1/roles/a.b", "group:a+b@c.example"),
            {
                "JOB --region=REGION": "j --region=r --project=p",
                "ROLE": "organizations/1/roles/a.b",
                "MEMBER": "group:a+b@c.example",
            },
        ),
        (bound(f"{CLOUD}projects/p-1"), {"binding PROJECT": "binding p-1"}),
        # not where the binding stands
        (bound(f"{CLOUD}folders/1"), {}),
        # what a shell would take for more than a name
        (bound(f"{RUN}services/$(id)", "roles/x;id"), {}),
        (bound(f"{CLOUD}projects/p`id`", member="user:a'@c.example"), {}),
        (bound("x", "roles/x\n", "user:a@c.example\n"), {}),
    ],
)
def test_commands_about_a_grant_say_what_it_stands_on_and_for_whom(
    subject: Fact, said: dict[str, str]
) -> None:
    expected = COMMANDS
    for word, value in said.items():
        expected = expected.replace(word, value)
    rule = replace(RULE, remediation=COMMANDS)
    assert render_remediation(rule, subject) == expected


def test_a_rules_report_has_the_remediation_for_every_case() -> None:
    rule = replace(RULE, remediation=MEND)
    assert general_remediation(rule) == GENERAL
    (report,) = judge([rule], Facts(), {}, ALL).reports
    assert report.remediation == GENERAL


def test_evidence_is_in_the_rules_order_and_longer() -> None:
    rule = replace(RULE, evidence=("role", "permissions", "identity.key"))
    subject = grant(permissions=tuple(f"p{n:02}" for n in range(60)))
    listed = ", ".join([f"p{n:02}" for n in range(50)])
    assert evidence_of(rule, subject) == (
        EvidenceItem(name="role", value="roles/x"),
        EvidenceItem(name="permissions", value=f"{listed}, and 10 more"),
        EvidenceItem(name="identity.key", value="user:g"),
    )


@pytest.mark.parametrize(
    ("cause", "subject", "key"),
    [
        ((), grant("a"), "a"),
        (("binding",), grant("a"), '["b"]'),
        (("binding", "identity.key"), grant("a"), '["b","user:a"]'),
        (("permissions",), grant("a", permissions=("x", "y")), '[["x","y"]]'),
        (("permissions",), grant("a"), "a"),
        (("identity.email",), grant("a"), "[null]"),
    ],
)
def test_cause(cause: tuple[str, ...], subject: Fact, key: str) -> None:
    assert cause_of(replace(RULE, cause=cause), subject) == key


def test_an_unknown_field_never_shares_a_cause() -> None:
    rule = replace(RULE, cause=("permissions",))
    assert grant("a").permissions is UNSET
    assert cause_of(rule, grant("a")) != cause_of(rule, grant("b"))
