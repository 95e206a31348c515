"""Who else gets there: by becoming someone who holds it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    BUCKET,
    CREATOR,
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
    with_bindings,
)

from dagwarden.answers import Holders
from dagwarden.facts import (
    Binding,
    ComposerEnvironment,
    DenyPolicy,
    DenyRule,
    FederationProvider,
    Group,
    Hop,
    Role,
)
from dagwarden.graph import becoming
from dagwarden.graph.build import derive
from dagwarden.graph.edges import usable
from dagwarden.graph.estate import Estate
from dagwarden.graph.explain import who_can
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


# ------------------------------------------------- the same as walking from each of them

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
)
def test_it_is_the_same_as_walking_from_everyone(
    bindings: list[Binding],
    custom: list[str],
    denial: DenyPolicy | None,
    permission: str,
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
    target = account(JOB_SA)
    found = becoming.becoming(control, {target}, permission, {target})
    walked = {key: _distance(control, key, target, permission) for key in WHO[1:]}
    assert {key: _steps(chain) for key, chain in found.chains.items()} == {
        key: steps for key, steps in walked.items() if steps
    }


def _distance(control: Control, key: str, target: str, permission: str) -> int:
    """Return how many steps forward lead to a target; 0: none."""
    graph = ControlGraph(control, [key])
    seen, level, steps = {key}, [key], 0
    while level:
        for node in level:
            gives, one = means(node)
            if one == target and usable(gives, permission):
                return steps // 2
        after = {one for node in level for one in graph.after(node)} - seen
        seen |= after
        level, steps = sorted(after), steps + 1
    return 0


def _steps(chain: tuple[Hop, ...]) -> int:
    return sum(hop.kind == "can_become" for hop in chain)
