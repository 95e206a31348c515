"""What organisation policies forbid: the nearest decides, and what was not read may."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ESTATE,
    FOLDER,
    ORG,
    PROJECT,
    at,
    causes,
    with_layers,
)

from dagwarden.facts import Facts, OrgPolicy, ProjectConstraint, Unresolved
from dagwarden.graph.build import derive

KEYS, MANAGED = (
    "iam.disableServiceAccountKeyCreation",
    "iam.managed.disableServiceAccountKeyCreation",
)
DOMAINS, MEMBERS = "iam.allowedPolicyMemberDomains", "iam.managed.allowedPolicyMembers"
INGRESS = "run.allowedIngress"
READ = with_layers(ESTATE, org_policies="read")


def policy(place: str, constraint: str, **changes: Any) -> OrgPolicy:
    name = f"constraints/{constraint}"
    found = OrgPolicy(
        id=f"org_policy:{place}#{name}", origin=at(), resource=place, constraint=name
    )
    if "enforced" not in changes:
        why = Unresolved(field="enforced", reason="condition", symbol="a tag")
        changes["unresolved"] = (why,)
    return replace(found, **changes)


def told(question: str, *policies: OrgPolicy, facts: Facts = READ) -> ProjectConstraint:
    derived = derive(replace(facts, org_policies=policies), AS_OF)
    (found,) = (
        item for item in derived.project_constraints if item.constraint == question
    )
    assert found.project == "p"
    return found


def some(
    place: str, *allowed: str, constraint: str = DOMAINS, **more: Any
) -> OrgPolicy:
    return policy(place, constraint, allowed=allowed, **more)


@pytest.mark.parametrize(
    ("question", "policies", "forbids"),
    [
        (KEYS, (), False),
        (KEYS, (policy(ORG, KEYS, enforced=True),), True),
        (KEYS, (policy(ORG, MANAGED, enforced=True),), True),
        (KEYS, (policy(PROJECT, KEYS, enforced=False), policy(ORG, KEYS, enforced=True)), False),
        # one that is lifted leaves the other in force
        (KEYS, (policy(PROJECT, KEYS, enforced=False), policy(ORG, MANAGED, enforced=True)), True),
        (KEYS, (policy(FOLDER, KEYS, reset=True), policy(ORG, KEYS, enforced=True)), False),
        (KEYS, (policy(ORG, MANAGED, conditional=True),), None),
        (KEYS, (policy(ORG, "iam.disableServiceAccountKeyUpload", enforced=True),), False),
        (KEYS, (policy(ORG, "custom.noKeys", enforced=True),), None),
        (KEYS, (policy(ORG, "custom.noKeys", enforced=False),), False),
        (DOMAINS, (some(ORG, "C01"),), True),
        (DOMAINS, (some(ORG, "*"),), False),
        (DOMAINS, (policy(ORG, DOMAINS, denied=("*",)),), True),
        (DOMAINS, (policy(ORG, DOMAINS, denied=("C02",)),), False),
        (DOMAINS, (some(PROJECT, "*"), some(ORG, "C01")), False),
        (DOMAINS, (some(PROJECT, "C02", inherits=True), some(ORG, "C01")), True),
        (DOMAINS, (some(PROJECT, "C02", inherits=True),), None),
        (DOMAINS, (policy(PROJECT, DOMAINS, reset=True), some(ORG, "C01")), False),
        (DOMAINS, (some(ORG, "C01", conditional=True),), None),
        (DOMAINS, (policy(ORG, MEMBERS, enforced=True),), True),
        (INGRESS, (some(ORG, "is:internal", constraint=INGRESS),), True),
        (INGRESS, (some(ORG, "internal", "is:all", constraint=INGRESS),), False),
        (INGRESS, (policy(ORG, INGRESS, denied=("all",)),), True),
        (INGRESS, (policy(ORG, INGRESS, denied=("internal",)),), False),
        (INGRESS, (some(PROJECT, "all", constraint=INGRESS, inherits=True), some(ORG, "internal", constraint=INGRESS)), False),
        (INGRESS, (policy(PROJECT, INGRESS, denied=("all",), inherits=True),), True),
    ],
)  # fmt: skip
def test_what_policies_forbid(
    question: str, policies: tuple[OrgPolicy, ...], forbids: bool | None
) -> None:
    found = told(question, *policies)
    assert found.forbids == (UNSET if forbids is None else forbids)
    assert bool(causes(found, "forbids")) == (forbids is None)


def test_a_layer_that_was_not_read_is_no_absent_policy() -> None:
    for state in ("not_given", "partly"):
        facts = with_layers(ESTATE, org_policies=state)
        found = told(KEYS, facts=facts)
        assert causes(found, "forbids") == {
            (
                "layer",
                "organisation policies (orgpolicy.googleapis.com/Policy) of the snapshot",
            )
        }
        enforced = told(KEYS, policy(ORG, KEYS, enforced=True), facts=facts)
        assert (enforced.forbids, enforced.by) == (True, (KEYS,))


def test_what_is_above_and_was_not_read_may_forbid() -> None:
    resources = tuple(
        replace(item, ancestors=UNSET) if item.name == PROJECT else item
        for item in READ.resources
    )
    found = told(KEYS, facts=replace(READ, resources=resources))
    assert causes(found, "forbids") == {("layer", "ancestors of projects/p")}


def test_projects_that_only_hold_accounts_of_tasks_are_asked_for_keys() -> None:
    facts = replace(READ, cloud_runs=(), composer_environments=())
    derived = derive(facts, AS_OF)
    assert [item.constraint for item in derived.project_constraints] == [KEYS]
