"""What grants say of those who hold them: where they belong, and what else they may."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CRM,
    ESTATE,
    JOB,
    JOB_SA,
    ORG,
    PROJECT,
    SERVICE,
    SNAPSHOT,
    account,
    account_name,
    bind,
    causes,
    denies,
    with_bindings,
    with_layers,
)
from tests.graph.test_edges import provider

from dagwarden.facts import Binding, Excluded, Facts, Gap, Grant, Group, Origin
from dagwarden.graph.build import derive

INVOKER, DEVELOPER = "roles/run.servicesInvoker", "roles/run.developer"
ACTS = "roles/iam.serviceAccountUser"
CALLER = account("caller@p.iam.gserviceaccount.com")
PARTNER = account("etl@partner.iam.gserviceaccount.com")
POOL = "locations/global/workloadIdentityPools/ci"
SEALED = replace(
    SNAPSHOT,
    asset_types=(*SNAPSHOT.asset_types, "cloudresourcemanager.googleapis.com/Project"),
)


def called(domain: str | None = "acme.example", **changes: Any) -> Facts:
    """Return an estate whose organisation is called after a domain."""
    resources = tuple(
        replace(item, domain=domain) if item.kind == "organization" else item
        for item in ESTATE.resources
    )
    facts = replace(ESTATE, resources=resources, snapshots=(SEALED,))
    return replace(facts, **changes)


def grant_of(facts: Facts, *bindings: Binding) -> Grant:
    """Return the grant of the first member of the first binding."""
    derived = derive(with_bindings(facts, *bindings), AS_OF)
    first = bindings[0]
    (found,) = (
        item
        for item in derived.grants
        if item.binding == first.id and item.identity.key == first.members[0]
    )
    return found


# ------------------------------------------------------------------------- belonging


@pytest.mark.parametrize(
    ("member", "outside"),
    [
        (CALLER, False),
        (PARTNER, True),
        (account("1041-compute@developer.gserviceaccount.com"), False),
        (account("77-compute@developer.gserviceaccount.com"), True),
        ("user:ann@acme.example", False),
        ("group:ops@ACME.example", False),
        ("domain:acme.example", False),
        ("user:ann@gmail.com", True),
        ("group:friends@googlegroups.com", True),
        # a second domain of ours, or somebody else's
        ("user:ann@other.example", None),
        ("user:ann@sub.acme.example", None),
        (f"principal://iam.googleapis.com/projects/1041/{POOL}/subject/x", False),
        (f"principalSet://iam.googleapis.com/projects/77/{POOL}/*", True),
        ("serviceAccount:p.svc.id.goog[ns/ksa]", False),
        ("serviceAccount:partner.svc.id.goog[ns/ksa]", True),
        ("principal://iam.googleapis.com/locations/global/workforcePools/w/subject/x", None),
        (f"principalSet:{CRM}organizations/1/type/ServiceAccount", False),
        (f"principalSet:{CRM}organizations/2/type/ServiceAccount", True),
        (account("service-1041@gcp-sa-pubsub.iam.gserviceaccount.com"), False),
        ("allUsers", True),
    ],
)  # fmt: skip
def test_who_belongs_to_the_organisation(member: str, outside: bool | None) -> None:
    grant = grant_of(called(), bind(SERVICE, INVOKER, member.replace("ACME", "acme")))
    assert grant.outside == (UNSET if outside is None else outside)
    assert bool(causes(grant, "outside")) == (outside is None)


@pytest.mark.parametrize(
    "facts",
    [
        called(snapshots=(SNAPSHOT,)),  # projects were not asked for
        called(snapshots=(replace(SEALED, scope=UNSET),)),  # an export of who knows what
        called(snapshots=(replace(SEALED, scope="folders/2"),)),
        called(gaps=(Gap(reason="malformed", origin=Origin(source="x"), detail="x", kinds=("resource",)),)),
        called(excluded=(Excluded(kind="resource", what="projects/9", reason="lifecycle state DELETE_REQUESTED"),)),
    ],
)  # fmt: skip
def test_a_project_that_may_only_not_have_been_read_is_not_outside(
    facts: Facts,
) -> None:
    grant = grant_of(facts, bind(SERVICE, INVOKER, PARTNER))
    assert (grant.outside, grant.same_project) == (UNSET, False)
    assert causes(grant, "outside") == {("layer", "snapshot of project partner")}


def test_without_the_name_of_the_organisation_no_domain_is_its_own() -> None:
    member = "user:ann@acme.example"
    grant = grant_of(called(domain=None), bind(SERVICE, INVOKER, member))
    assert (grant.outside, grant.domain) == (UNSET, "acme.example")
    assert causes(grant, "outside") == {
        ("membership", "whether acme.example is a domain of organizations/1")
    }


@pytest.mark.parametrize(("member", "outside"), [(CALLER, False), (PARTNER, None)])
def test_an_account_of_the_same_project_is_inside_whatever_is_above(
    member: str, outside: bool | None
) -> None:
    of_project = tuple(
        replace(item, ancestors=()) if item.name == PROJECT else item
        for item in ESTATE.resources
        if item.kind != "organization"
    )
    facts = with_layers(called(resources=of_project), ancestors="not_given")
    grant = grant_of(facts, bind(SERVICE, INVOKER, member))
    assert grant.outside == (UNSET if outside is None else outside)


@pytest.mark.parametrize(
    ("place", "member", "project", "same"),
    [
        (SERVICE, CALLER, "p", True),
        (SERVICE, PARTNER, "partner", False),
        (PROJECT, CALLER, "p", True),
        (ORG, CALLER, "p", None),
        (SERVICE, f"principalSet://iam.googleapis.com/projects/1041/{POOL}/*", "p", True),
        (SERVICE, "user:ann@acme.example", None, None),
    ],
)  # fmt: skip
def test_whose_project_it_is(
    place: str, member: str, project: str | None, same: bool | None
) -> None:
    grant = grant_of(called(), bind(place, INVOKER, member))
    assert (grant.identity_project, grant.same_project) == (project, same)


# ---------------------------------------------------------------------------- duties

CALLS = bind(SERVICE, INVOKER, CALLER)
AS_JOB = bind(account_name(JOB_SA), ACTS, CALLER)


@pytest.mark.parametrize(
    ("calls", "others", "deploys"),
    [
        (CALLS, (), False),
        (CALLS, (bind(PROJECT, DEVELOPER, CALLER), AS_JOB), True),
        (CALLS, (bind(ORG, DEVELOPER, CALLER), bind(ORG, ACTS, CALLER)), True),
        (CALLS, (bind(SERVICE, DEVELOPER, CALLER), AS_JOB), True),
        (bind(ORG, INVOKER, CALLER), (bind(SERVICE, DEVELOPER, CALLER), AS_JOB), True),
        # whoever may act as nobody deploys nothing
        (CALLS, (bind(PROJECT, DEVELOPER, CALLER),), False),
        (CALLS, (AS_JOB,), False),
        # another workload than the one that is called
        (CALLS, (bind(f"{SERVICE}2", DEVELOPER, CALLER), AS_JOB), False),
        (CALLS, (bind(JOB, DEVELOPER, CALLER), AS_JOB), False),
        (bind(JOB, INVOKER, CALLER), (bind(JOB, DEVELOPER, CALLER), AS_JOB), False),
        (bind(JOB, "roles/run.jobsExecutor", CALLER), (bind(JOB, DEVELOPER, CALLER), AS_JOB), True),
        # others of the project are somebody else
        (CALLS, (bind(PROJECT, DEVELOPER, PARTNER), AS_JOB), False),
        (CALLS, (bind(PROJECT, "roles/editor", CALLER),), True),
        (bind(PROJECT, DEVELOPER, "allUsers"), (), False),
        (CALLS, (bind(PROJECT, DEVELOPER, CALLER, condition="request.time < timestamp('2020-01-01T00:00:00Z')"), AS_JOB), False),
        (CALLS, (bind(PROJECT, "roles/custom", CALLER), AS_JOB), None),
        (CALLS, (bind(PROJECT, DEVELOPER, "group:dev@acme.example"), AS_JOB), None),
        (CALLS, (bind(PROJECT, DEVELOPER, "group:dev@acme.example"),), False),
    ],
)  # fmt: skip
def test_who_changes_what_he_calls(
    calls: Binding, others: tuple[Binding, ...], deploys: bool | None
) -> None:
    grant = grant_of(called(), calls, *others)
    assert grant.deploys == (UNSET if deploys is None else deploys)
    assert bool(causes(grant, "deploys")) == (deploys is None)
    assert bool(grant.deploys_by) == (deploys is True)


def test_what_lets_an_identity_deploy_is_named() -> None:
    developer = bind(PROJECT, DEVELOPER, CALLER)
    grant = grant_of(called(), CALLS, developer, AS_JOB)
    assert grant.deploys_by == (developer.id, AS_JOB.id)


def test_a_group_that_was_read_decides() -> None:
    developers = bind(PROJECT, DEVELOPER, "group:dev@acme.example")
    group = Group(
        id="group:dev@acme.example",
        origin=Origin(source="dev.json"),
        key="group:dev@acme.example",
        members=(CALLER,),
    )
    asked = (CALLS, developers, AS_JOB)
    assert grant_of(called(groups=(group,)), *asked).deploys is True
    nobody = replace(group, members=())
    assert grant_of(called(groups=(nobody,)), *asked).deploys is False


def test_a_deny_policy_keeps_duties_apart() -> None:
    asked = (CALLS, bind(PROJECT, DEVELOPER, CALLER), AS_JOB)
    denied = called(
        deny_policies=(denies(ORG, "iam.googleapis.com/serviceAccounts.actAs"),)
    )
    assert grant_of(denied, *asked).deploys is False
    listed = called(deny_policies=(denies(ORG, "x", exact=False),))
    assert grant_of(listed, *asked).deploys is UNSET


def test_what_was_not_read_above_may_let_it_deploy() -> None:
    partly = replace(SEALED, layers=replace(SEALED.layers, allow="partly"))
    grant = grant_of(called(snapshots=(partly,)), CALLS)
    assert grant.deploys is UNSET
    assert causes(grant, "deploys") == {("layer", "IAM policies of the snapshot")}


STAFF = "//iam.googleapis.com/locations/global/workforcePools/staff"


@pytest.mark.parametrize(
    ("organization", "outside"),
    [("organizations/1", False), ("organizations/2", True), (None, None)],
)
def test_a_workforce_is_of_the_organisation_of_its_pool(
    organization: str | None, outside: bool | None
) -> None:
    okta = replace(
        provider(),
        pool=STAFF,
        name=f"{STAFF}/providers/okta",
        organization=organization,
    )
    member = f"principalSet:{STAFF}/group/ops"
    grant = grant_of(
        called(federation_providers=(okta,)), bind(SERVICE, INVOKER, member)
    )
    assert grant.outside == (UNSET if outside is None else outside)


# ------------------------------------------------------------------------ what runs as it

RUNS = ("run.googleapis.com/Job", "run.googleapis.com/Service")
SEEN = replace(SNAPSHOT, asset_types=(*SNAPSHOT.asset_types, *RUNS))
NAMELESS = replace(ESTATE.cloud_runs[0], service_account=None)
OPEN = replace(ESTATE.cloud_runs[0], id="cloud_run:x", service_account=UNSET)
COMPUTE = account("1041-compute@developer.gserviceaccount.com")


@pytest.mark.parametrize(
    ("runs", "types", "who", "found"),
    [
        (ESTATE.cloud_runs, SEEN, account(JOB_SA), True),
        (ESTATE.cloud_runs, SEEN, CALLER, False),
        # run/docs/securing/service-identity: who names no account runs as the default one
        ((NAMELESS,), SEEN, COMPUTE, True),
        # whose account was not read may run as anyone
        ((*ESTATE.cloud_runs, OPEN), SEEN, CALLER, UNSET),
        ((*ESTATE.cloud_runs, OPEN), SEEN, account(JOB_SA), True),
        # and so may workloads that nobody exported
        ((), replace(SEEN, asset_types=RUNS[:1]), CALLER, UNSET),
        ((*ESTATE.cloud_runs, OPEN), SEEN, "user:ann@acme.example", False),
    ],
)
def test_whether_a_workload_runs_as_the_holder(
    runs: Any, types: Any, who: str, found: Any
) -> None:
    facts = replace(ESTATE, cloud_runs=runs, snapshots=(types,))
    said = grant_of(facts, bind(PROJECT, "roles/editor", who))
    assert said.runs_workload == found
    assert bool(causes(said, "runs_workload")) is (found is UNSET)


# ------------------------------------------------------------------- what grants nobody


@pytest.mark.parametrize(
    ("expression", "temporary", "expired"),
    [
        ("", False, None),
        ("request.path == '/x'", False, False),
        ("request.time < timestamp('2020-01-01T00:00:00Z')", True, True),
        ("request.time < timestamp('2099-01-01T00:00:00Z')", True, False),
        ("request.time > timestamp('2020-01-01T00:00:00Z')", True, False),
        ("request.time < timestamp('2020-01-01T00:00:00Z') || true", True, False),
        ("request.time <", True, UNSET),
    ],
)
def test_a_binding_says_whether_it_has_ended(
    expression: str, temporary: bool, expired: Any
) -> None:
    written = bind(PROJECT, INVOKER, CALLER, condition=expression)
    (binding,) = derive(with_bindings(ESTATE, written), AS_OF).bindings
    assert (binding.temporary, binding.expired) == (temporary, expired)
    assert bool(causes(binding, "expired")) is (expired is UNSET)
