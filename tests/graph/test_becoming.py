"""Who else gets there: by becoming someone who holds it."""

import pytest
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CREATOR,
    ENV_SA,
    ESTATE,
    FOLDER,
    JOB_SA,
    PROJECT,
    TEAM_SA,
    account,
    account_name,
    at,
    bind,
    identity,
    with_bindings,
)

from dagwarden.facts import Binding, Group
from dagwarden.findings import Holders
from dagwarden.graph import becoming
from dagwarden.graph.build import derive
from dagwarden.graph.explain import who_can

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
    monkeypatch.setattr(becoming, "MOST_ASKED", 1)
    said = asked(bind(account_name(JOB_SA), CREATOR, ANN, BOB))
    assert [key for key, _, _ in others(said)] == [ANN]
    assert "others may become one of these" in said.unknown[-1]
