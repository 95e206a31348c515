"""The shipped rules: named, mapped, proved by their own examples, never too sure."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import inspect

from dagwarden.expression import HIDDEN, Expression, checks
from dagwarden.facts import KINDS
from dagwarden.findings import Outcome
from dagwarden.policy.evaluate import outcome_of, params_of
from dagwarden.policy.examples import run_examples
from dagwarden.policy.load import RuleFile, criteria, shipped_rule_files
from dagwarden.rule import FAMILIES

# Held beside the rules on purpose: whoever changes what a rule gives evidence for
# says so twice.
CRITERIA = {
    "access-logs-kept-briefly": {"CC7.2", "CC7.3"},
    "basic-role-on-task-identity": {"CC6.3"},
    "basic-role-on-workload-identity": {"CC6.1", "CC6.3"},
    "binding-that-grants-nobody": {"CC6.2", "CC6.3"},
    "call-lacks-permission": {"CC6.3", "A1.2"},
    "caller-can-deploy": {"CC6.3", "CC8.1"},
    "comma-joined-impersonation-chain": {"A1.2"},
    "cross-project-invoker": {"CC6.3"},
    "dag-bucket-writable-by-others": {"CC6.8", "CC8.1"},
    "data-access-logs-off": {"CC7.2"},
    "dead-invoker-binding": {"CC6.3"},
    "default-compute-identity": {"CC6.1", "CC6.3"},
    "external-invoker": {"CC6.6"},
    "google-agent-can-invoke": {"CC6.3"},
    "grant-unused-by-scanned-tasks": {"CC6.3"},
    "incomplete-snapshot": {"CC4.1"},
    "ingress-unrestricted": {"CC6.6"},
    "invoker-check-disabled": {"CC6.1"},
    "invoker-granted-above-service": {"CC6.3"},
    "job-outlives-its-task": {"A1.2"},
    "key-creation-unrestricted": {"CC6.1"},
    "key-file-content-in-connection": {"CC6.1"},
    "key-in-repository": {"CC6.1"},
    "plain-secret-in-cloud-run-environment": {"CC6.1"},
    "plain-secret-in-composer-environment": {"CC6.1"},
    "member-domains-unrestricted": {"CC6.6"},
    "provider-without-attribute-condition": {"CC6.6"},
    "public-invoker": {"CC6.3", "CC6.6"},
    "role-broader-than-invoke": {"CC6.3"},
    "long-lived-key-behind-connection": {"CC6.1"},
    "long-lived-key-named-in-repository": {"CC6.1"},
    "possible-secret-in-repository": {"CC6.1"},
    "secret-in-repository": {"CC6.1"},
    "secret-in-task-argument": {"CC6.1"},
    "service-call-without-id-token": {"CC6.1"},
    "service-open-to-the-internet": {"CC6.6"},
    "shared-issuer-without-tenant": {"CC6.6"},
    "stale-snapshot": {"CC4.1"},
    "stale-user-managed-key": {"CC6.1", "CC6.2"},
    "static-bearer-token": {"CC6.1"},
    "static-secret-in-connection": {"CC6.1"},
    "task-identity-controls-another-workload": {"CC6.3"},
    "task-identity-lifts-guardrail": {"CC6.3"},
    "timeout-ignored-when-deferrable": {"A1.2"},
    "unbounded-run": {"A1.2"},
    "undefined-connection": {"CC6.1", "A1.2"},
    "undefined-connection-in-code": {"CC6.1", "A1.2"},
    "untraceable-execution": {"CC7.2"},
    "unverified-transport": {"CC6.7"},
}

FILES = shipped_rule_files(check=True)
each_rule = pytest.mark.parametrize("found", FILES, ids=lambda found: found.rule.id)


def test_rules_give_evidence_for_the_criteria_that_are_expected() -> None:
    mapped = {f.rule.id: {c.soc2 for c in f.rule.controls} for f in FILES}
    assert mapped == CRITERIA


def test_every_criterion_has_a_short_paraphrase() -> None:
    texts = criteria()
    assert {name for names in CRITERIA.values() for name in names} <= set(texts)
    assert [name for name, text in texts.items() if not 10 <= len(text) <= 100] == []


def test_every_family_has_a_rule() -> None:
    assert {found.rule.family for found in FILES} == set(FAMILIES)


@each_rule
def test_the_file_is_named_by_family_and_id(found: RuleFile) -> None:
    rule = found.rule
    assert rule.source == f"rules/{rule.family}/{rule.id}.yaml"
    assert not re.match(r"(no|require|must|disallow|ban|use|enforce)-", rule.id)


@each_rule
def test_examples_pass_and_notice_a_broken_rule(found: RuleFile) -> None:
    (result,) = run_examples([found])
    assert result.problems == ()


@each_rule
def test_texts_say_something_and_stay_short(found: RuleFile) -> None:
    rule = found.rule
    assert len(rule.title) <= 70
    assert not rule.title.endswith(".")
    assert len(rule.message) <= 240
    for text in (rule.what, rule.why):
        assert text.endswith(".")
        assert 40 <= len(text) <= 500
    assert len(rule.remediation) >= 80
    assert rule.evidence
    for control in rule.controls:
        assert len(control.because) >= 20
        assert len(control.does_not_cover) >= 15


@each_rule
def test_whoever_needs_the_cloud_says_so(found: RuleFile) -> None:
    cloud = {"grant", "cloud_run", "composer_environment", "key", "reach", "snapshot"}
    cloud |= {"federation_provider", "audit_log", "project_constraint", "log_retention"}
    assert ("snapshot" in found.rule.needs) or found.rule.subject not in cloud


# ------------------------------------------------ reading more never turns a verdict


UNREAD = {*HIDDEN, "origin", "hops", "id"}  # by any shipped rule


def subjects(
    kind: inspect.Type, names: frozenset[str] | None = None
) -> st.SearchStrategy[Any]:
    """Any value of a schema type, nothing missing; `names`: only these fields."""
    kind, optional = checks.split_optional(kind)
    found: st.SearchStrategy[Any]
    if isinstance(kind, inspect.StructType):
        found = st.fixed_dictionaries(
            {
                field.name: subjects(field.type)
                for field in kind.fields
                if (field.name in names if names else field.name not in UNREAD)
            }
        )
    elif isinstance(kind, inspect.VarTupleType):
        found = st.lists(subjects(kind.item_type), max_size=2)
    elif isinstance(kind, inspect.LiteralType):
        found = st.sampled_from([str(value) for value in kind.values])
    elif isinstance(kind, inspect.BoolType):
        found = st.booleans()
    elif isinstance(kind, inspect.FloatType):
        found = st.sampled_from([0.0, 26.0, 90.0, 1e6])
    elif isinstance(kind, inspect.IntType):
        found = st.sampled_from([0, 1, 1000])
    else:
        words = ["", "a", "a,b", "run.routes.invoke", "run.jobs.run", "DATA_READ"]
        words += ["DATA_WRITE", "run.googleapis.com", "x.CloudRunExecuteJobOperator"]
        found = st.sampled_from(words)
    return st.none() | found if optional else found


def without(kind: inspect.Type, value: Any, draw: Any) -> Any:
    """Return `value` with some of the fields left out that a fact may lack."""
    kind, _ = checks.split_optional(kind)
    if isinstance(kind, inspect.VarTupleType) and value is not None:
        return [without(kind.item_type, item, draw) for item in value]
    if not isinstance(kind, inspect.StructType) or value is None:
        return value
    kept: dict[str, Any] = {}
    for field in kind.fields:
        if field.name not in value:
            continue
        unset = not field.required and field.default is msgspec.NODEFAULT
        if not (unset and draw(st.booleans())):
            kept[field.name] = without(field.type, value[field.name], draw)
    return kept


@each_rule
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_one_more_known_fact_turns_no_verdict(found: RuleFile, data: Any) -> None:
    rule = found.rule
    kind = inspect.type_info(KINDS[rule.subject][1])
    when, assert_ = Expression(rule.when), Expression(rule.assert_)
    names = frozenset(path[0] for path in (*when.reads, *assert_.reads))
    names |= {name.removesuffix("_known") for name in names}
    whole = data.draw(subjects(kind, names))
    # what is known of a collection is part of it
    for name in list(whole):
        if f"{name}_known" in whole:
            whole[f"{name}_known"] = whole[name]
    part = without(kind, whole, data.draw)
    for name in list(whole):
        if f"{name}_known" in whole:
            size = data.draw(st.integers(0, len(whole[name])))
            part[f"{name}_known"] = part[f"{name}_known"][:size]
    params = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in params_of(rule, {}).items()
    }
    before = outcome_of(when, assert_, part, params)
    after = outcome_of(when, assert_, whole, params)
    assert before in (Outcome.UNKNOWN, after)
    assert after is not Outcome.UNKNOWN
