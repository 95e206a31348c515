"""Who else gets there: by becoming someone who holds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    BUCKET,
    CREATOR,
    CRM,
    ENV_SA,
    ESTATE,
    FOLDER,
    JOB,
    JOB_SA,
    ORG,
    PROJECT,
    TEAM_SA,
    account,
    account_name,
    at,
    bind,
    denies,
    identity,
    node,
    with_bindings,
)

from dagwarden.answers import Holders
from dagwarden.facts import (
    Binding,
    BoundaryBinding,
    BoundaryPolicy,
    ComposerEnvironment,
    DenyPolicy,
    DenyRule,
    Facts,
    FederationProvider,
    Group,
    Hop,
    Role,
)
from dagwarden.graph import becoming
from dagwarden.graph.build import derive
from dagwarden.graph.edges import usable
from dagwarden.graph.estate import Estate
from dagwarden.graph.explain import explain, what_can, who_can
from dagwarden.graph.reach import Control, ControlGraph, means

ANN, BOB = "user:ann@x.example", "user:bob@x.example"
HOLDS = bind(PROJECT, "roles/run.invoker", account(JOB_SA))
TO_HOLDER = bind(account_name(JOB_SA), CREATOR, account(TEAM_SA))


def asked(*bindings: Binding, **changes: object) -> Holders:
    facts = replace(
        with_bindings(ESTATE, HOLDS, *bindings),
        identities=(identity(JOB_SA), identity(TEAM_SA), identity(ENV_SA)),
    )
    facts = replace(facts, **changes)
    return who_can(derive(facts, AS_OF), "run.jobs.run", "job nightly")


def others(said: Holders) -> list[tuple[str, str, int]]:
    return [(one.identity.key, one.because[0], len(one.hops)) for one in said.through]


def test_whoever_becomes_a_holder_is_told_by_the_nearest_way() -> None:
    far = bind(FOLDER, "roles/iam.serviceAccountKeyAdmin", ANN)
    said = asked(TO_HOLDER, bind(account_name(TEAM_SA), CREATOR, BOB), far)
    assert [one.identity.key for one in said.holders] == [account(JOB_SA)]
    becomes = f"can become {JOB_SA}"
    assert others(said) == [
        (account(TEAM_SA), becomes, 2),
        (ANN, becomes, 2),
        (BOB, becomes, 4),  # by the account between
    ]
    assert said.through[2].hops[0].text == f"{CREATOR} granted on {TEAM_SA}"


def test_members_of_a_group_are_told_beside_it() -> None:
    group = Group(
        id="group:g@x.example",
        origin=at(),
        key="group:g@x.example",
        members=(ANN,),
        members_known=(ANN,),
    )
    said = asked(
        bind(account_name(JOB_SA), CREATOR, "group:g@x.example"), groups=(group,)
    )
    assert [key for key, _, _ in others(said)] == ["group:g@x.example", ANN]


def test_what_is_denied_conditional_or_of_no_use_is_not_told() -> None:
    by_id_token = bind(
        account_name(JOB_SA), "roles/iam.serviceAccountOpenIdTokenCreator", ANN
    )
    assert others(asked(by_id_token)) == []  # an API takes no identity token
    maybe = bind(account_name(JOB_SA), CREATOR, ANN, condition="x")
    assert others(asked(maybe)) == []
    off = replace(identity(TEAM_SA), disabled=True)
    assert others(asked(TO_HOLDER, identities=(identity(JOB_SA), off))) == []


@pytest.mark.parametrize("holder", [account(TEAM_SA), ANN])
def test_a_holder_is_not_told_twice(holder: str) -> None:
    own = bind(PROJECT, "roles/run.invoker", holder)
    assert others(asked(own, bind(account_name(JOB_SA), CREATOR, holder))) == []


def test_more_than_are_asked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(becoming, "MOST_TOLD", 1)
    said = asked(bind(account_name(JOB_SA), CREATOR, ANN, BOB))
    assert [key for key, _, _ in others(said)] == [ANN]
    assert "others can become one of these" in said.unknown[-1]


def test_whom_everyone_becomes_is_told_as_written() -> None:
    said = asked(bind(account_name(JOB_SA), CREATOR, "allAuthenticatedUsers"))
    assert others(said) == [("allAuthenticatedUsers", f"can become {JOB_SA}", 2)]


POOL = "//iam.googleapis.com/projects/1041/locations/global/workloadIdentityPools/ci"
SUBJECT = f"principal:{POOL}/subject/main"
BRANCH = f"principalSet:{POOL}/attribute.branch/main"
GROUP = "group:g@x.example"
EMAILS = (JOB_SA, TEAM_SA, ENV_SA)
WHO = (*map(account, EMAILS), ANN, GROUP, BOB, SUBJECT, BRANCH)
CUSTOM = "projects/p/roles/custom"
COMPOSER = ComposerEnvironment(
    id="composer:prod",
    origin=at(),
    resource="//composer.googleapis.com/projects/p/locations/r1/environments/prod",
    project="p",
    service_account=ENV_SA,
    dag_bucket="gs://dags-bucket/dags",
)
PROVIDER = FederationProvider(
    id="federation_provider:github",
    origin=at(),
    pool=POOL,
    name="github",
    pool_disabled=False,
)

# ------------------------------------------------------------------ principals of a pool

BOUNDARY = "organizations/1/locations/global/principalAccessBoundaryPolicies/b"
READS = "secretmanager.versions.access"
ELSEWHERE, SECOND = f"{CRM}projects/2082", f"{CRM}folders/22"
POOL_ADMIN = "roles/iam.workloadIdentityPoolAdmin"


def of_a_pool(
    *members: str, by: str = ANN, disabled: bool | None = False, **changes: object
) -> Facts:
    """Return an estate where `members` of a pool hold a role, and `by` forges them."""
    providers = () if disabled is None else (replace(PROVIDER, pool_disabled=disabled),)
    facts = with_bindings(
        ESTATE,
        bind(PROJECT, "roles/run.invoker", *members),
        bind(PROJECT, POOL_ADMIN, by),
    )
    return derive(replace(facts, federation_providers=providers, **changes), AS_OF)


@pytest.mark.parametrize("member", [SUBJECT, BRANCH, f"principalSet:{POOL}/*"])
def test_whoever_changes_a_provider_has_what_its_pool_holds(member: str) -> None:
    # iam/docs/manage-workload-identity-pools-providers: who creates or updates a provider
    # says which issuer is believed, and what of its tokens becomes subject and attributes
    facts = of_a_pool(member)
    said = explain(facts, ANN, "run.jobs.run", "job nightly")
    assert said.answer == "allowed"
    assert said.because == (f"ann@x.example can become {member}: the chain says how",)
    assert [(hop.kind, hop.source, hop.target) for hop in said.chains[0][1:3]] == [
        ("can_become", ANN, member),
        ("granted", member, "roles/run.invoker"),
    ]
    through = who_can(facts, "run.jobs.run", "job nightly").through
    assert [(one.identity.key, one.because[0]) for one in through] == [
        (ANN, f"can become {member}")
    ]
    assert through[0].hops == said.chains[0][:2]
    assert member in {one.key for one in what_can(facts, ANN).becomes}


def test_a_forged_principal_is_refused_what_it_is_refused_itself() -> None:
    # get-id-token: Google signs identity tokens for accounts only
    facts = of_a_pool(SUBJECT)
    assert explain(facts, ANN, "run.routes.invoke", "service api").answer == "denied"
    rule = DenyRule(principals=(SUBJECT,), permissions=("run.googleapis.com/jobs.run",))
    denied = replace(denies(PROJECT), rules=(rule,))
    facts = of_a_pool(SUBJECT, deny_policies=(denied,))
    assert explain(facts, ANN, "run.jobs.run", "job nightly").answer == "denied"


def test_a_disabled_pool_takes_no_forged_token_and_an_unread_one_may() -> None:
    off, unread = of_a_pool(SUBJECT, disabled=True), of_a_pool(SUBJECT, disabled=None)
    assert explain(off, ANN, "run.jobs.run", "job nightly").answer == "denied"
    said = explain(unread, ANN, "run.jobs.run", "job nightly")
    assert said.answer == "unknown"
    assert said.because == (
        "not read: whether pools are disabled, and which providers they may have, in projects/p",
    )


def test_a_forged_principal_gives_itself_a_permission() -> None:
    admin = bind(PROJECT, "roles/resourcemanager.projectIamAdmin", SUBJECT)
    facts = with_bindings(ESTATE, admin, bind(PROJECT, POOL_ADMIN, ANN))
    facts = derive(replace(facts, federation_providers=(PROVIDER,)), AS_OF)
    said = explain(facts, ANN, READS, PROJECT)
    assert said.answer == "allowed"
    assert said.because == (f"ann@x.example can become {SUBJECT}: the chain says how",)


@pytest.mark.parametrize(
    ("role", "place", "disabled", "denied", "answer"),
    [
        ("roles/resourcemanager.projectIamAdmin", ELSEWHERE, False, (), "allowed"),
        ("roles/resourcemanager.projectIamAdmin", ELSEWHERE, True, (), "denied"),
        ("roles/resourcemanager.projectIamAdmin", ELSEWHERE, None, (), "unknown"),
        ("roles/resourcemanager.folderAdmin", SECOND, False, (), "allowed"),
        ("roles/iam.securityReviewer", ELSEWHERE, False, (), "denied"),
        # there may be other ways to use what it gives itself
        ("roles/resourcemanager.projectIamAdmin", ELSEWHERE, False, ("create",), "unknown"),
    ],
)  # fmt: skip
def test_who_sets_a_policy_above_a_pool_lets_himself_change_it(
    role: str, place: str, disabled: bool | None, denied: tuple[str, ...], answer: str
) -> None:
    # iam/docs/granting-changing-revoking-access
    pool = POOL.replace("1041", "2082")
    project = replace(
        node(ELSEWHERE, "project", SECOND, ORG), project_id="q", project_number="2082"
    )
    facts = with_bindings(
        ESTATE,
        bind(JOB, "roles/run.invoker", f"principal:{pool}/subject/main"),
        bind(place, role, ANN),
    )
    one = replace(PROVIDER, pool=pool, pool_disabled=disabled is True)
    names = [f"iam.googleapis.com/workloadIdentityPoolProviders.{v}" for v in denied]
    facts = replace(
        facts,
        resources=(*facts.resources, project, node(SECOND, "folder", ORG)),
        federation_providers=() if disabled is None else (one,),
        deny_policies=(denies(ORG, *names),) if names else (),
    )
    said = explain(derive(facts, AS_OF), ANN, "run.jobs.run", "job nightly")
    assert said.answer == answer


OTHER = f"principal:{POOL}/subject/other"
GROUPED = f"principalSet:{POOL}/group/devs"
EVERYONE = f"principalSet:{POOL}/*"
USER, DEPLOYER = "roles/iam.serviceAccountUser", "roles/workflows.editor"


@pytest.mark.parametrize(
    ("acts", "deploys", "answer"),
    [
        (SUBJECT, SUBJECT, "allowed"),
        (EVERYONE, SUBJECT, "allowed"),  # of whom everyone in the pool is one
        (SUBJECT, OTHER, "unknown"),  # no token is of two subjects
        (SUBJECT, GROUPED, "unknown"),  # one may be, of a group besides
    ],
)
def test_who_forges_principals_deploys_as_each_by_itself(
    acts: str, deploys: str, answer: str
) -> None:
    # workflows/docs/authentication: it takes both, and a token is of one
    # subject (iam/docs/workload-identity-federation#mapping)
    facts = with_bindings(
        ESTATE,
        HOLDS,
        bind(account_name(JOB_SA), USER, acts),
        bind(PROJECT, DEPLOYER, deploys),
        bind(PROJECT, POOL_ADMIN, ANN),
    )
    facts = replace(
        facts,
        federation_providers=(PROVIDER,),
        identities=(identity(JOB_SA),),
        bindings=(
            *facts.bindings,
            bind(PROJECT, "roles/secretmanager.secretAccessor", account(JOB_SA)),
        ),
    )
    facts = derive(facts, AS_OF)
    said = explain(facts, ANN, READS, PROJECT)
    assert said.answer == answer


@pytest.mark.parametrize(
    ("principals", "resource", "answer"),
    [
        (POOL, PROJECT, "allowed"),  # eligible there
        (POOL, f"{ORG}2", "denied"),
        (f"{POOL}2", f"{ORG}2", "allowed"),  # a boundary of others
    ],
)
def test_a_boundary_is_asked_of_each_principal(
    principals: str, resource: str, answer: str
) -> None:
    # iam/docs/principal-access-boundary-policies: a binding is to a pool, and version 3
    # blocks permissions on accounts
    policy = BoundaryPolicy(
        id="b", origin=at(), name=BOUNDARY, resources=(resource,), version="3"
    )
    bound = BoundaryBinding(
        id="bb",
        origin=at(),
        name="organizations/1/locations/global/policyBindings/bb",
        policy=BOUNDARY,
        principals=principals,
    )
    facts = with_bindings(
        ESTATE,
        bind(PROJECT, "roles/secretmanager.secretAccessor", account(JOB_SA)),
        bind(account_name(JOB_SA), CREATOR, SUBJECT),
        bind(PROJECT, POOL_ADMIN, ANN),
    )
    facts = replace(
        facts,
        federation_providers=(PROVIDER,),
        identities=(identity(JOB_SA),),
        boundary_policies=(policy,),
        boundary_bindings=(bound,),
    )
    facts = derive(facts, AS_OF)
    assert explain(facts, ANN, READS, PROJECT).answer == answer


# ------------------------------------------------- the same as walking from each of them


def _granted(place: str, role: str, members: list[str], condition: str) -> Binding:
    return bind(place, role, *members, condition=condition)


def _denied(place: str, who: str, what: str) -> DenyPolicy:
    rule = DenyRule(principals=(who,), permissions=(f"iam.googleapis.com/{what}",))
    return replace(denies(place), rules=(rule,))


BINDINGS = st.builds(
    _granted,
    st.sampled_from([*map(account_name, EMAILS), BUCKET, JOB, PROJECT, FOLDER, ORG]),
    st.sampled_from(
        [
            CREATOR,
    CRM,
            "roles/iam.serviceAccountUser",
            "roles/iam.serviceAccountOpenIdTokenCreator",
            "roles/iam.workloadIdentityPoolAdmin",
            "roles/iam.roleAdmin",
            "roles/resourcemanager.projectIamAdmin",
            "roles/resourcemanager.folderAdmin",
            "roles/run.developer",
            "roles/run.admin",
            "roles/storage.objectUser",
            "roles/composer.admin",
            CUSTOM,
        ]
    ),
    st.lists(st.sampled_from(WHO), min_size=1, max_size=2, unique=True),
    st.sampled_from(["", "", "", "x"]),
)  # fmt: skip
PERMISSIONS = st.sampled_from(
    [
        "iam.serviceAccounts.implicitDelegation",
        "iam.serviceAccounts.getOpenIdToken",
        "iam.serviceAccounts.signJwt",
        "storage.hmacKeys.create",
        "run.jobs.runWithOverrides",
    ]
)
DENIALS = st.none() | st.builds(
    _denied,
    st.sampled_from([PROJECT, FOLDER]),
    st.sampled_from(["principal://goog/subject/ann@x.example", "principalSet://goog/public:all"]),
    st.sampled_from(["serviceAccounts.getAccessToken", "serviceAccounts.actAs"]),
)  # fmt: skip


@given(
    st.lists(BINDINGS, min_size=1, max_size=6, unique_by=lambda one: one.id),
    st.lists(PERMISSIONS, unique=True),
    DENIALS,
    st.sampled_from(["run.jobs.run", "run.routes.invoke", "storage.objects.get"]),
    st.sampled_from([account(JOB_SA), SUBJECT]),
)
def test_it_is_the_same_as_walking_from_everyone(
    bindings: list[Binding],
    custom: list[str],
    denial: DenyPolicy | None,
    permission: str,
    target: str,
) -> None:
    facts = replace(
        with_bindings(ESTATE, *bindings),
        groups=(
            Group(
                id=GROUP, origin=at(), key=GROUP, members=(BOB,), members_known=(BOB,)
            ),
        ),
        roles=(
            Role(
                id=f"role:{CUSTOM}",
                origin=at(),
                name=CUSTOM,
                permissions=tuple(custom),
                custom=True,
            ),
        ),
        deny_policies=(denial,) if denial else (),
        composer_environments=(COMPOSER,),
        federation_providers=(PROVIDER,),
    )
    control = Control(Estate(facts))
    found = becoming.becoming(control, {target}, permission, {target})
    walked = {
        key: _distance(control, key, target, permission) for key in WHO if key != target
    }
    assert {key: _steps(chain) for key, chain in found.chains.items()} == {
        key: steps for key, steps in walked.items() if steps
    }


def _distance(control: Control, key: str, target: str, permission: str) -> int:
    """Return how many steps forward lead to a target; 0: none."""
    graph = ControlGraph(control, [key])
    seen, level, steps = {key}, [key], 0
    while level:
        for here in level:
            gives, one = means(here)
            if one == target and usable(gives, permission):
                return steps // 2
        after = {one for here in level for one in graph.after(here)} - seen
        seen |= after
        level, steps = sorted(after), steps + 1
    return 0


def _steps(chain: tuple[Hop, ...]) -> int:
    return sum(hop.kind == "can_become" for hop in chain)
