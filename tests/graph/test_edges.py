"""
Becoming someone: a small case per kind of edge, with the documentation it rests on.

In every case `ENV_SA` asks whom it can become; `OTHER_SA` runs what there is to get.
"""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    BUCKET,
    COMPOSED,
    CREATOR,
    CRM,
    ENV_SA,
    ESTATE,
    FOLDER,
    JOB,
    JOB_SA,
    LATERAL,
    ORG,
    OTHER,
    OTHER_SA,
    PROJECT,
    RUN_JOB,
    SERVICE,
    TEAM_SA,
    account,
    account_name,
    at,
    bind,
    causes,
    denies,
    identity,
    reach_of,
    with_bindings,
)

from dagwarden.facts import (
    Binding,
    BoundaryBinding,
    BoundaryPolicy,
    Controlled,
    Facts,
    FederationProvider,
    Gap,
    OrgPolicy,
    Reach,
    Role,
)
from dagwarden.graph.edges import (
    DEPLOYMENTS,
    EDGES,
    LEVERS,
    ROLE_EDGES,
    Row,
    usable,
)
from dagwarden.graph.needs import ACT_AS
from dagwarden.graph.placed import repository_of

POOL = "//iam.googleapis.com/projects/1041/locations/global/workloadIdentityPools/ci"
MEMBERS = f"principalSet:{POOL}/attribute.repository/acme/etl"
SUBJECT = f"principal:{POOL}/subject/acme"
IMAGE = "europe-docker.pkg.dev/p/images/etl"
REPOSITORY = (
    "//artifactregistry.googleapis.com/projects/p/locations/europe/repositories/images"
)


def role(*permissions: str, name: str = "projects/p/roles/c") -> Role:
    return Role(
        id=f"role:{name}",
        origin=at(),
        name=name,
        permissions=permissions,
        custom=True,
    )


def holding(place: str, *permissions: str, facts: Facts = LATERAL) -> Facts:
    """Return an estate where the environment's account holds just these on a place."""
    held = role(*permissions)
    return replace(
        facts,
        roles=(*facts.roles, held),
        bindings=(bind(place, held.name, account(ENV_SA)),),
    )


def more(facts: Facts, *bindings: Binding) -> Facts:
    return replace(facts, bindings=(*facts.bindings, *bindings))


def the_other(reach: Reach) -> Controlled:
    (found,) = reach.controls_known
    assert found.identity.email == OTHER_SA
    return found


def says(*permissions: str, place: str = PROJECT, **changes: Any) -> Reach:
    return reach_of(replace(holding(place, *permissions), **changes))


OTHER_JOB = replace(
    RUN_JOB, id=f"cloud_run:{JOB}2", resource=f"{JOB}2", service_account=OTHER_SA
)
IN_JOB = (OTHER_JOB,)
COMPOSED_BY_OTHER = (replace(COMPOSED, service_account=OTHER_SA),)
BY_COMPOSER: dict[str, Any] = {
    "composer_environments": COMPOSED_BY_OTHER,
    "cloud_runs": (),
}


def test_every_row_says_what_it_rests_on() -> None:
    rows: tuple[Row, ...] = (*EDGES, *DEPLOYMENTS, *ROLE_EDGES, *LEVERS)
    for row in rows:
        assert row.permissions
        assert row.text
        assert row.source.startswith("cloud.google.com/")


@pytest.mark.parametrize(
    ("permission", "place", "gives", "changes"),
    [
        # iam/docs/service-account-permissions: access tokens are for Google APIs
        ("iam.serviceAccounts.getAccessToken", account_name(OTHER_SA), "api", {}),
        ("iam.serviceAccounts.getOpenIdToken", account_name(OTHER_SA), "invocation", {}),
        # developers.google.com/identity/protocols/oauth2/service-account: either token
        ("iam.serviceAccounts.signBlob", account_name(OTHER_SA), "identity", {}),
        ("iam.serviceAccounts.signJwt", account_name(OTHER_SA), "identity", {}),
        ("iam.serviceAccountKeys.create", PROJECT, "identity", {}),
        ("iam.serviceAccounts.setIamPolicy", PROJECT, "identity", {}),
        ("resourcemanager.projects.setIamPolicy", PROJECT, "identity", {}),
        ("resourcemanager.projects.setIamPolicy", ORG, "identity", {}),
        ("resourcemanager.folders.setIamPolicy", FOLDER, "identity", {}),
        ("resourcemanager.organizations.setIamPolicy", ORG, "identity", {}),
        # storage/docs/authentication/hmackeys: for requests to Cloud Storage
        ("storage.hmacKeys.create", PROJECT, "storage", {}),
        # run/docs/execute/jobs#override-job-configuration
        ("run.jobs.runWithOverrides", PROJECT, "identity", {"cloud_runs": IN_JOB}),
        ("run.jobs.setIamPolicy", f"{JOB}2", "identity", {"cloud_runs": IN_JOB}),
        # sdk/gcloud/reference/beta/run/services/ssh: an interactive shell session
        ("run.services.sshRoot", f"{SERVICE}2", "identity",
         {"cloud_runs": (replace(OTHER, ssh_enabled=True),)}),
        # composer/docs/concepts/access-control
        ("composer.environments.executeAirflowCommand", PROJECT, "identity", BY_COMPOSER),
        ("composer.environments.update", PROJECT, "identity", BY_COMPOSER),
        ("storage.objects.create", BUCKET, "identity", BY_COMPOSER),
        ("storage.buckets.setIamPolicy", BUCKET, "identity", BY_COMPOSER),
    ],
)  # fmt: skip
def test_one_permission_that_gives_an_account(
    permission: str, place: str, gives: str, changes: dict[str, Any]
) -> None:
    reach = says(permission, place=place, **changes)
    found = the_other(reach)
    assert (found.permission, found.gives) == (permission, gives)
    assert reach.controls == (found,)


@pytest.mark.parametrize(
    ("permission", "place", "changes"),
    [
        # on what lies below the account, or beside it
        ("resourcemanager.folders.setIamPolicy", PROJECT, {}),
        ("resourcemanager.projects.setIamPolicy", account_name(OTHER_SA), {}),
        ("storage.hmacKeys.create", account_name(OTHER_SA), {}),
        # storage/docs/access-control/iam-permissions: it updates metadata, and no content
        ("storage.objects.update", BUCKET, BY_COMPOSER),
        # a service that does not let anyone in
        ("run.services.sshRoot", f"{SERVICE}2",
         {"cloud_runs": (replace(OTHER, ssh_enabled=False),)}),
        # a job runs with the arguments it has: its caller never gets its identity
        ("run.jobs.run", PROJECT, {"cloud_runs": IN_JOB}),
        ("run.routes.invoke", PROJECT, {}),
        # an image that is named by its digest is the same for ever
        ("artifactregistry.repositories.uploadArtifacts", PROJECT,
         {"cloud_runs": (replace(OTHER_JOB, images=(f"{IMAGE}@sha256:{'0' * 64}",)),)}),
    ],
)  # fmt: skip
def test_what_gives_nobody(
    permission: str, place: str, changes: dict[str, Any]
) -> None:
    assert says(permission, place=place, **changes).controls == ()


@pytest.mark.parametrize(
    ("permission", "place", "changes", "symbol"),
    [
        ("run.services.sshRoot", PROJECT, {}, "ssh to workloads in projects/p"),
        ("run.services.sshRead", PROJECT, {}, "ssh to workloads in projects/p"),
        ("run.services.setIamPolicy", PROJECT, {}, "ssh to workloads in projects/p"),
        # composer/docs/concepts/access-control: triggers runs, with parameters
        ("composer.dags.execute", PROJECT, BY_COMPOSER,
         "what DAGs do with the parameters of a run in projects/p"),
        # run/docs/managing/jobs: a tag is resolved at every execution; who may move
        # it, and whether someone executes the job, is not read
        ("artifactregistry.repositories.uploadArtifacts", REPOSITORY,
         {"cloud_runs": (replace(OTHER_JOB, images=(f"{IMAGE}:latest",)),)},
         "who runs the jobs of images in projects/p/locations/europe/repositories/images"),
        ("artifactregistry.repositories.uploadArtifacts", PROJECT,
         {"cloud_runs": (replace(OTHER, images=(f"{IMAGE}:v1",)),)},
         "who deploys the services of images in projects/p"),
    ],
)  # fmt: skip
def test_what_is_not_certain_is_unknown_and_says_why(
    permission: str, place: str, changes: dict[str, Any], symbol: str
) -> None:
    reach = says(permission, place=place, **changes)
    assert reach.controls is UNSET
    assert reach.controls_known == ()
    assert causes(reach, "controls") == {("layer", symbol)}


# ---------------------------------------------------------------------- deployments


@pytest.mark.parametrize(
    ("permissions", "gives"),
    [
        (row.permissions, row.gives)
        for row in DEPLOYMENTS
        if not row.depends and "run.jobs" not in row.permissions[0]
    ]
    # run/docs/create-jobs: made, and then run
    + [(("run.jobs.create", "run.jobs.run"), "identity")],
)
def test_deploying_takes_act_as_and_all_of_a_row(
    permissions: tuple[str, ...], gives: str
) -> None:
    found = the_other(says(ACT_AS, *permissions))
    assert (found.permission, found.gives) == (ACT_AS, gives)
    assert found.hops[-1].text.endswith(f"by {' and '.join(permissions)}: {ACT_AS}")
    # without actAs it is nothing at all
    assert says(*permissions).controls_known == ()


@pytest.mark.parametrize("row", [row for row in DEPLOYMENTS if row.depends])
def test_a_deployment_that_takes_more_than_is_read_is_unknown(row: Any) -> None:
    reach = says(ACT_AS, *row.permissions)
    assert reach.controls_known == ()
    assert reach.controls is UNSET


(VIRTUAL,) = (
    row.permissions for row in DEPLOYMENTS if "compute.disks.create" in row.permissions
)


@pytest.mark.parametrize(
    "name", ["compute.instanceAdmin", "compute.instanceAdmin.v1", "compute.admin"]
)
def test_who_administers_virtual_machines_starts_one_as_the_account(name: str) -> None:
    starts = bind(PROJECT, f"roles/{name}", account(ENV_SA))
    acts = bind(PROJECT, "roles/iam.serviceAccountUser", account(ENV_SA))
    found = the_other(reach_of(with_bindings(LATERAL, starts, acts)))
    assert (found.permission, found.gives) == (ACT_AS, "identity")
    assert found.hops[-1].text.startswith(f"starts virtual machines as {OTHER_SA}")
    # without a disk and a network there is none
    reach = says(ACT_AS, *(one for one in VIRTUAL if one.startswith("compute.inst")))
    assert (reach.controls_known, reach.controls) == ((), UNSET)


def test_act_as_alone_and_beside_a_right_to_deploy_are_told_apart() -> None:
    elsewhere = "deployments by other services or projects as accounts of projects/p"
    symbols = {item.symbol for item in says(ACT_AS).unresolved}
    assert symbols == {elsewhere}
    beside = says(ACT_AS, "compute.instances.setMetadata")
    symbols = {item.symbol for item in beside.unresolved}
    assert symbols == {elsewhere, "virtual machines in projects/p"}


def test_the_halves_of_a_deployment_may_come_from_two_bindings() -> None:
    deploys = bind(FOLDER, "roles/run.developer", account(ENV_SA))
    facts = more(holding(account_name(OTHER_SA), ACT_AS), deploys)
    found = the_other(reach_of(facts))
    assert [hop.kind for hop in found.hops] == ["granted", "granted", "can_become"]
    assert found.hops[1].text == "roles/run.developer granted on folders/2"


def test_creating_is_checked_on_the_project_and_not_on_a_service() -> None:
    acts = holding(account_name(OTHER_SA), ACT_AS)
    creates = role("run.services.create", name="projects/p/roles/d")
    on = bind(f"{SERVICE}2", creates.name, account(ENV_SA))
    facts = more(replace(acts, roles=(*acts.roles, creates)), on)
    assert reach_of(facts).controls_known == ()


@pytest.mark.parametrize(
    ("place", "deploys"), [(f"{JOB}2", True), (f"{SERVICE}2", False)]
)
def test_jobs_are_run_by_their_own_policy_and_by_none_of_a_service(
    place: str, deploys: bool
) -> None:
    # run/docs/reference/iam/roles: an invoker of either holds run.jobs.run
    updates = holding(PROJECT, ACT_AS, "run.jobs.update")
    reach = reach_of(more(updates, bind(place, "roles/run.invoker", account(ENV_SA))))
    assert bool(reach.controls_known) == deploys
    assert (reach.controls is UNSET) != deploys


@pytest.mark.parametrize(
    ("verb", "changed", "run", "deploys"),
    [
        ("update", f"{JOB}2", f"{JOB}2", True),
        ("update", f"{JOB}2", PROJECT, True),
        ("update", PROJECT, f"{JOB}2", True),
        ("update", f"{JOB}2", f"{JOB}3", False),
        ("create", PROJECT, PROJECT, True),
        # a new job is none of those that may be run
        ("create", PROJECT, f"{JOB}2", False),
    ],
)
def test_the_job_that_is_changed_has_to_be_the_one_that_may_be_run(
    verb: str, changed: str, run: str, deploys: bool
) -> None:
    acts = holding(account_name(OTHER_SA), ACT_AS)
    changes = role(f"run.jobs.{verb}", name="projects/p/roles/d")
    facts = more(
        replace(acts, roles=(*acts.roles, changes)),
        bind(changed, changes.name, account(ENV_SA)),
        bind(run, "roles/run.invoker", account(ENV_SA)),
    )
    reach = reach_of(facts)
    assert [found.hops[-1].kind for found in reach.controls_known] == (
        ["can_become"] if deploys else []
    )
    assert (reach.controls is UNSET) != deploys
    if not deploys:
        assert "who runs jobs in projects/p" in {one.symbol for one in reach.unresolved}


@pytest.mark.parametrize(
    ("permission", "gives"),
    [("run.services.sshRoot", True), ("run.jobs.sshRoot", False)],
)
def test_a_shell_in_a_service_takes_the_permission_of_services(
    permission: str, gives: bool
) -> None:
    facts = replace(LATERAL, cloud_runs=(replace(OTHER, ssh_enabled=True),))
    reach = reach_of(holding(OTHER.resource, permission, facts=facts))
    assert bool(reach.controls_known) == gives


# -------------------------------------------------------------------- kinds of tokens


@pytest.mark.parametrize(
    ("gives", "permission", "expected"),
    [
        ("identity", "run.routes.invoke", True),
        ("identity", "run.jobs.run", True),
        ("api", "run.routes.invoke", False),
        ("api", "run.jobs.run", True),
        ("invocation", "run.routes.invoke", True),
        ("invocation", "run.jobs.run", False),
        ("invocation", "storage.objects.create", False),
        ("storage", "storage.objects.create", True),
        ("storage", "run.jobs.run", False),
    ],
)
def test_id_tokens_invoke_services_and_access_tokens_call_apis(
    gives: Any, permission: str, expected: bool
) -> None:
    assert usable(gives, permission) is expected


def test_access_and_identity_tokens_together_are_all_of_an_account() -> None:
    both = says(
        "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.getOpenIdToken"
    )
    assert the_other(both).gives == "identity"


def test_an_access_token_goes_on_to_what_the_account_may_become() -> None:
    first = holding(account_name(TEAM_SA), "iam.serviceAccounts.getAccessToken")
    facts = more(first, bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA)))
    assert the_other(reach_of(facts)).gives == "identity"


@pytest.mark.parametrize(
    ("permission", "gives"),
    [
        ("iam.serviceAccounts.getAccessToken", "api"),
        ("iam.serviceAccounts.getOpenIdToken", "invocation"),
        ("iam.serviceAccounts.signBlob", "identity"),
        ("iam.serviceAccounts.signJwt", "identity"),
        ("iam.serviceAccountKeys.create", None),
        (ACT_AS, None),
    ],
)
def test_what_a_delegate_passes_on(permission: str, gives: str | None) -> None:
    # google.iam.credentials.v1: `delegates` of each of its four methods
    delegate = role("iam.serviceAccounts.implicitDelegation", name="projects/p/roles/d")
    last = role(permission, "run.services.create")
    facts = replace(
        LATERAL,
        roles=(delegate, last),
        bindings=(
            bind(account_name(TEAM_SA), delegate.name, account(ENV_SA)),
            bind(PROJECT, last.name, account(TEAM_SA)),
        ),
    )
    reach = reach_of(facts)
    assert [item.gives for item in reach.controls_known] == ([gives] if gives else [])


def test_hmac_keys_write_the_dags_that_their_account_may_write() -> None:
    keys = holding(PROJECT, "storage.hmacKeys.create", facts=ESTATE)
    other = "dags@q.iam.gserviceaccount.com"
    composed = replace(COMPOSED, service_account=other)
    writes = bind(BUCKET, "roles/storage.objectAdmin", account(TEAM_SA))
    facts = replace(more(keys, writes), composer_environments=(composed,), calls=())
    found = {item.identity.email: item for item in reach_of(facts).controls_known}
    assert found[other].gives == "identity"
    assert found[JOB_SA].gives == "storage"


# --------------------------------------------------------------------- custom roles


def test_whoever_changes_a_custom_role_gets_what_it_is_held_on() -> None:
    changes = bind(PROJECT, "roles/iam.roleAdmin", account(ENV_SA))
    held = holding(account_name(OTHER_SA), "iam.serviceAccounts.get")
    found = the_other(reach_of(more(held, changes)))
    assert found.permission == "iam.roles.update"
    # a role of another project, or of one's own that is not custom, does not change
    elsewhere = bind(f"{CRM}projects/77", "roles/iam.roleAdmin", account(ENV_SA))
    assert reach_of(more(held, elsewhere)).controls_known == ()
    predefined = bind(PROJECT, "roles/iam.serviceAccountViewer", account(ENV_SA))
    assert reach_of(with_bindings(LATERAL, predefined, changes)).controls == ()


# ----------------------------------------------------------------------- federation


def provider(**changes: Any) -> FederationProvider:
    made = FederationProvider(
        id=f"federation_provider:{POOL}/providers/gh",
        origin=at(),
        name=f"{POOL}/providers/gh",
        pool=POOL,
        kind="oidc",
        issuer="https://token.actions.githubusercontent.com",
        attribute_condition=None,
        disabled=False,
        pool_disabled=False,
    )
    return replace(made, **changes)


USER = "roles/iam.workloadIdentityUser"
FORGES = "iam.googleapis.com/workloadIdentityPoolProviders.update"


@pytest.mark.parametrize("member", [MEMBERS, SUBJECT, f"principalSet:{POOL}/*"])
def test_whoever_changes_a_provider_is_everyone_in_its_pool(member: str) -> None:
    facts = replace(
        more(holding(PROJECT, FORGES), bind(account_name(OTHER_SA), USER, member)),
        federation_providers=(provider(),),
    )
    found = the_other(reach_of(facts))
    assert found.gives == "identity"
    texts = [hop.text for hop in found.hops if hop.kind == "can_become"]
    assert texts[0].startswith(f"lets an issuer of its own speak for {member} (")


def test_a_disabled_pool_takes_no_token_and_an_unread_one_may() -> None:
    facts = more(holding(PROJECT, FORGES), bind(account_name(OTHER_SA), USER, SUBJECT))
    off = replace(facts, federation_providers=(provider(pool_disabled=True),))
    assert reach_of(off).controls == ()
    reach = reach_of(facts)
    assert reach.controls_known == ()
    assert causes(reach, "controls") == {
        (
            "layer",
            "whether pools are disabled, and which providers they may have, in projects/p",
        )
    }


# ---------------------------------------------------------------- what stands in the way


def test_nobody_becomes_a_disabled_account_but_some_may_enable_it() -> None:
    # iam/docs/service-accounts-disable-enable: it cannot authenticate
    off = replace(identity(OTHER_SA), disabled=True)
    facts = holding(
        PROJECT, "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.enable"
    )
    reach = reach_of(replace(facts, identities=(off,)))
    assert reach.controls == ()
    (lever,) = reach.levers_known
    assert (lever.kind, lever.what) == ("CAN_REVIVE", OTHER_SA)


NONE: set[tuple[str, str]] = set()
UPLOAD = "constraints/iam.disableServiceAccountKeyUpload"


def org_policy(enforced: Any, place: str = ORG, name: str = "") -> OrgPolicy:
    constraint = name or "constraints/iam.disableServiceAccountKeyCreation"
    return OrgPolicy(
        id=f"org_policy:{place}#{constraint}",
        origin=at(),
        resource=place,
        constraint=constraint,
        enforced=enforced,
    )


@pytest.mark.parametrize(
    ("policies", "known", "symbols"),
    [
        ((org_policy(True), org_policy(True, name=UPLOAD)), 0, NONE),
        # the permission uploads keys as well as it creates them
        ((org_policy(True),), 1, NONE),
        ((org_policy(True, name=UPLOAD),), 1, NONE),
        ((org_policy(True), org_policy(True, name=UPLOAD.replace("iam.", "iam.managed."))), 0, NONE),
        # the nearest counts
        ((org_policy(True), org_policy(False, PROJECT), org_policy(True, name=UPLOAD)), 1, NONE),
        ((org_policy(False), org_policy(True, PROJECT), org_policy(True, name=UPLOAD)), 0, NONE),
        ((org_policy(UNSET), org_policy(False, name=UPLOAD)), 1, NONE),
        ((org_policy(UNSET), org_policy(True, name=UPLOAD)), 0, {("layer", "organisation policies on keys in projects/p")}),
    ],
)  # fmt: skip
def test_an_organisation_policy_forbids_keys(
    policies: tuple[OrgPolicy, ...], known: int, symbols: set[tuple[str, str]]
) -> None:
    facts = holding(PROJECT, "iam.serviceAccountKeys.create")
    reach = reach_of(replace(facts, org_policies=policies))
    assert len(reach.controls_known) == known
    assert causes(reach, "controls") == symbols


FENCE = (
    BoundaryPolicy(
        id="b",
        origin=at(),
        name="organizations/1/locations/global/principalAccessBoundaryPolicies/b",
        resources=(ORG,),
        version="1",
    ),
)


@pytest.mark.parametrize(
    ("permission", "place", "changes", "what"),
    [
        ("iam.denypolicies.update", ORG, {"deny_policies": (denies(FOLDER, "x.example/y.z"),)}, ("CAN_LIFT_GUARDRAIL", denies(FOLDER, "x.example/y.z").name)),
        # iam/docs/principal-access-boundary-policies-edit, ...-remove
        ("iam.principalaccessboundarypolicies.update", ORG, {"boundary_policies": FENCE}, ("CAN_LIFT_GUARDRAIL", FENCE[0].name)),
        ("iam.principalaccessboundarypolicies.delete", ORG, {"boundary_policies": FENCE}, ("CAN_LIFT_GUARDRAIL", FENCE[0].name)),
        ("orgpolicy.policy.set", ORG, {"org_policies": (org_policy(True),)},
         ("CAN_LIFT_ORG_POLICY", "constraints/iam.disableServiceAccountKeyCreation")),
    ],
)  # fmt: skip
def test_what_an_identity_can_lift(
    permission: str, place: str, changes: dict[str, Any], what: tuple[str, str]
) -> None:
    reach = says(permission, place=place, **changes)
    assert [(one.kind, one.what) for one in reach.levers_known] == [what]
    assert reach.levers_known[0].permission == permission
    # not from below
    assert says(permission, place=f"{SERVICE}2", **changes).levers_known == ()


def test_unbinding_a_boundary_takes_a_permission_on_whom_it_binds_too() -> None:
    # iam/docs/principal-access-boundary-policies-remove: deletePolicyBinding
    unbinds = "iam.principalaccessboundarypolicies.unbind"
    facts = replace(holding(ORG, unbinds), boundary_policies=FENCE)
    reach = reach_of(facts)
    assert (reach.levers, reach.levers_known) == (UNSET, ())
    symbol = "who deletes bindings of access boundaries in organizations/1"
    assert causes(reach, "levers") == {("layer", symbol)}
    # nothing is bound that could be unbound
    assert reach_of(replace(facts, boundary_policies=())).levers == ()


@pytest.mark.parametrize(
    ("permission", "kind", "incomplete", "symbols"),
    [
        ("orgpolicy.policy.set", "org_policy", True, {("unreadable", "organisation policies of the snapshot")}),
        ("iam.denypolicies.update", "deny_policy", True, {("unreadable", "deny policies of the snapshot")}),
        # what it may not lift can be as unread as it likes
        ("orgpolicy.policy.set", "deny_policy", True, NONE),
        ("orgpolicy.policy.set", "org_policy", False, NONE),
    ],
)  # fmt: skip
def test_a_guardrail_that_could_not_be_read_may_be_lifted(
    permission: str, kind: str, incomplete: bool, symbols: set[tuple[str, str]]
) -> None:
    gap = Gap(
        reason="malformed",
        origin=at(),
        detail="x",
        kinds=(kind,),
        incomplete=incomplete,
    )
    facts = replace(holding(ORG, permission), gaps=(gap,))
    reach = reach_of(facts)
    assert reach.levers_known == ()
    assert causes(reach, "levers") == symbols


def test_what_an_account_can_lift_is_found_through_it() -> None:
    lifts = bind(ORG, "roles/iam.denyAdmin", account(TEAM_SA))
    becomes = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA))
    facts = replace(
        with_bindings(LATERAL, becomes, lifts),
        deny_policies=(denies(ORG, "x.example/y.z"),),
    )
    (lever,) = reach_of(facts).levers_known
    assert lever.identity.email == TEAM_SA
    assert [hop.kind for hop in lever.hops] == [
        "granted",
        "can_become",
        "granted",
        "holds",
    ]


def test_a_tag_that_one_may_attach_satisfies_a_condition() -> None:
    asks = bind(
        PROJECT, CREATOR, account(ENV_SA), condition="resource.matchTag('1/env', 'dev')"
    )
    facts = more(holding(PROJECT, "resourcemanager.tagValueBindings.create"), asks)
    reach = reach_of(facts)
    assert reach.controls is UNSET
    (lever,) = reach.levers_known
    assert (lever.kind, lever.what) == ("CAN_SATISFY_CONDITION", asks.id)


def test_a_condition_that_time_alone_decides_is_decided() -> None:
    before = "request.time < timestamp('2026-01-01T00:00:00Z')"
    after = "request.time > timestamp('2026-01-01T00:00:00Z')"
    over = bind(PROJECT, CREATOR, account(ENV_SA), condition=before)
    assert reach_of(with_bindings(LATERAL, over)).controls == ()
    begun = bind(PROJECT, CREATOR, account(ENV_SA), condition=after)
    assert the_other(reach_of(with_bindings(LATERAL, begun))).gives == "identity"


@pytest.mark.parametrize(
    ("image", "project", "repository"),
    [
        ("europe-docker.pkg.dev/p/r/i", "p", "europe/repositories/r"),
        ("europe-west1-docker.pkg.dev/p/r/a/b:tag", "p", "europe-west1/repositories/r"),
        ("gcr.io/p/i:tag", "p", "us/repositories/gcr.io"),
        ("eu.gcr.io/p/i", "p", "europe/repositories/eu.gcr.io"),
        ("gcr.io/example.com/p/i", "example.com:p", "us/repositories/gcr.io"),
        (f"gcr.io/p/i@sha256:{'0' * 64}", None, ""),
        ("docker.io/library/python:3", None, ""),
        ("python", None, ""),
    ],
)
def test_the_repository_of_an_image_by_tag(
    image: str, project: str | None, repository: str
) -> None:
    expected = (
        f"//artifactregistry.googleapis.com/projects/{project}/locations/{repository}"
    )
    assert repository_of(image) == (expected if project else None)


BUILDS = "1041-compute@developer.gserviceaccount.com"
LEGACY = "1041@cloudbuild.gserviceaccount.com"
OF_ANOTHER = "77-compute@developer.gserviceaccount.com"


@pytest.mark.parametrize(
    ("email", "place", "may"),
    [
        (BUILDS, PROJECT, True),
        (LEGACY, PROJECT, True),
        (LEGACY, ORG, True),
        (OTHER_SA, PROJECT, False),
        (OF_ANOTHER, PROJECT, False),
    ],
)
def test_builds_that_name_no_account_run_as_a_default_one(
    email: str, place: str, may: bool
) -> None:
    runs = (replace(OTHER, service_account=email),)
    reach = says("cloudbuild.builds.create", place=place, cloud_runs=runs)
    assert reach.controls_known == ()
    shown = "projects/p" if place == PROJECT else "organizations/1"
    symbol = ("layer", f"which account builds run as in {shown}")
    assert (symbol in causes(reach, "controls")) == may


# ------------------------------------------------------- what takes an edge away again

IAM_V2 = "iam.googleapis.com/serviceAccounts"
BOUNDARY = "organizations/1/locations/global/principalAccessBoundaryPolicies/b"


def denying(place: str, *permissions: str, **changes: Any) -> dict[str, Any]:
    """Return a deny policy for everyone, but for what is changed of its rule."""
    policy = denies(place, *permissions)
    rules = policy.rules
    assert rules is not UNSET
    return {"deny_policies": (replace(policy, rules=(replace(rules[0], **changes),)),)}


def of_boundary(version: str, *resources: str) -> dict[str, Any]:
    policy = BoundaryPolicy(
        id="b", origin=at(), name=BOUNDARY, resources=resources, version=version
    )
    binding = BoundaryBinding(
        id="bb",
        origin=at(),
        name="organizations/1/locations/global/policyBindings/bb",
        policy=BOUNDARY,
        principals=ORG,
    )
    return {"boundary_policies": (policy,), "boundary_bindings": (binding,)}


TOKENS, SIGNS = "iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signJwt"
DEPLOYS = ("run.services.create", ACT_AS)
AS_ENV = f"principal://iam.googleapis.com/projects/-/serviceAccounts/{ENV_SA}"


@pytest.mark.parametrize(
    ("permissions", "guard", "becomes"),
    [
        ((SIGNS,), {}, True),
        ((SIGNS,), denying(ORG, f"{IAM_V2}.*"), False),
        ((SIGNS,), denying(ORG, f"{IAM_V2}.getAccessToken"), True),
        ((TOKENS, SIGNS), denying(ORG, f"{IAM_V2}.getAccessToken"), True),
        ((SIGNS,), denying(ORG, f"{IAM_V2}.*", exception_principals=(AS_ENV,)), True),
        ((SIGNS,), denying(ORG, f"{IAM_V2}.*", principals=("principal://goog/subject/a@b",)), True),
        ((SIGNS,), denying(f"{CRM}folders/77", f"{IAM_V2}.*"), True),
        ((SIGNS,), denying(ORG, f"{IAM_V2}.*", principals=("principalSet://goog/group/g@x",)), None),
        ((SIGNS,), {"deny_policies": (denies(ORG, exact=False),)}, None),
        (DEPLOYS, denying(ORG, f"{IAM_V2}.actAs"), False),
        (DEPLOYS, denying(PROJECT, "run.googleapis.com/services.create"), None),
        (DEPLOYS, denying(f"{CRM}folders/77", f"{IAM_V2}.actAs"), True),
        (("resourcemanager.projects.setIamPolicy",), denying(PROJECT, "cloudresourcemanager.googleapis.com/projects.setIamPolicy"), False),
        # deny-overview: what one grants oneself is denied all the same
        (("iam.serviceAccounts.setIamPolicy",), denying(ORG, f"{IAM_V2}.getAccessToken", f"{IAM_V2}.signBlob", f"{IAM_V2}.signJwt"), None),
        (("iam.serviceAccounts.setIamPolicy",), denying(ORG, f"{IAM_V2}.getAccessToken", f"{IAM_V2}.signJwt"), True),
        (("resourcemanager.projects.setIamPolicy",), denying(ORG, f"{IAM_V2}.*"), None),
        (("resourcemanager.projects.setIamPolicy",), denying(ORG, f"{IAM_V2}.*", exception_principals=(AS_ENV,)), True),
        (("resourcemanager.projects.setIamPolicy",), denying(f"{CRM}folders/77", f"{IAM_V2}.*"), True),
        ((SIGNS,), of_boundary("4", ORG), True),
        ((SIGNS,), of_boundary("4", f"{CRM}projects/77"), False),
        ((SIGNS,), of_boundary("1", f"{CRM}projects/77"), True),  # it covers no such permission
    ],
)  # fmt: skip
def test_what_is_denied_gives_nobody(
    permissions: tuple[str, ...], guard: dict[str, Any], becomes: bool | None
) -> None:
    reach = says(*permissions, **guard)
    assert bool(reach.controls_known) == (becomes is True)
    if becomes is True:
        assert [one.identity.email for one in reach.controls_known] == [OTHER_SA]
    elif becomes is False:
        assert (reach.controls, causes(reach, "controls")) == ((), set())
    else:
        assert reach.controls is UNSET


def test_what_stays_of_an_account_is_told() -> None:
    """Without its identity tokens an account still calls APIs."""
    reach = says(
        TOKENS,
        "iam.serviceAccounts.getOpenIdToken",
        **denying(ORG, f"{IAM_V2}.getOpenIdToken"),
    )
    assert the_other(reach).gives == "api"


def test_one_that_is_denied_does_not_stop_another() -> None:
    """A policy that denies one holder leaves the same grant to the next in the chain."""
    facts = more(
        holding(PROJECT, SIGNS),
        bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA)),
    )
    denied = replace(
        facts,
        **denying(ORG, f"{IAM_V2}.*", principals=(AS_ENV,)),
    )
    assert reach_of(denied).controls == ()
    others = replace(
        facts,
        **denying(
            ORG, f"{IAM_V2}.*", principals=(f"{AS_ENV[: -len(ENV_SA)]}{TEAM_SA}",)
        ),
    )
    assert the_other(reach_of(others)).permission == SIGNS


def test_a_role_that_may_be_changed_gives_only_what_is_not_denied() -> None:
    held = role("iam.roles.update")
    facts = replace(
        LATERAL,
        roles=(*LATERAL.roles, held),
        bindings=(bind(PROJECT, held.name, account(ENV_SA)),),
    )
    assert the_other(reach_of(facts)).permission == "iam.roles.update"
    assert (
        reach_of(
            replace(facts, **denying(ORG, "iam.googleapis.com/roles.update"))
        ).controls
        == ()
    )


def test_a_guardrail_may_guard_itself() -> None:
    lifts = "iam.denypolicies.update"
    guard = denying(ORG, "iam.googleapis.com/denypolicies.*")
    reach = says(lifts, place=ORG, **guard)
    assert (reach.levers, causes(reach, "levers")) == ((), set())
    elsewhere = denying(f"{CRM}folders/77", "iam.googleapis.com/denypolicies.*")
    reach = says(lifts, place=ORG, **elsewhere)
    # the policy stands on a folder that the snapshot does not hold
    assert reach.levers_known == ()
