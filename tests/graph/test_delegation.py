"""Domain-wide delegation: an account that may act as every user of the Workspace."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CREATOR,
    ENV_SA,
    LATERAL,
    TEAM_SA,
    account,
    account_name,
    at,
    bind,
    causes,
    reach_of,
    with_bindings,
)

from dagwarden.facts import Delegation, Facts
from dagwarden.graph.build import derive
from dagwarden.graph.explain import explain, what_can
from dagwarden.graph.network import network
from dagwarden.render.explanation import render_holdings

GMAIL = "https://www.googleapis.com/auth/gmail.readonly"
CLOUD = "https://www.googleapis.com/auth/cloud-platform"
BECOMES = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA))


def delegated(*scopes: str, to: str | None = ENV_SA) -> Facts:
    one = Delegation(
        id="delegation:1", origin=at(), client_id="1", account=to, scopes=scopes
    )
    return replace(with_bindings(LATERAL, BECOMES), delegations=(one,))


@pytest.mark.parametrize(
    ("facts", "scopes"),
    [
        (delegated(GMAIL), (GMAIL,)),
        (delegated(GMAIL, to=TEAM_SA), (GMAIL,)),  # it can become that one
        (delegated(GMAIL, to="other@p.iam.gserviceaccount.com"), ()),
        (delegated(GMAIL, to=None), ()),
    ],
)
def test_who_acts_as_any_user(facts: Facts, scopes: tuple[str, ...]) -> None:
    reach = reach_of(facts)
    assert reach.delegated == scopes
    # mail gives no account
    assert (reach.controls, causes(reach, "controls")) == ((), set())
    graph: Any = network(derive(facts, AS_OF))
    assert graph.has_edge(account(ENV_SA), "all users of the Workspace") == bool(scopes)


def test_what_users_may_do_in_the_cloud_is_not_known() -> None:
    reach = reach_of(delegated(CLOUD, to=TEAM_SA))
    assert reach.controls is UNSET
    symbol = f"users of the Workspace that {TEAM_SA} acts as"
    assert causes(reach, "controls") == {("membership", symbol)}


@pytest.mark.parametrize(
    ("facts", "answer"),
    [
        (delegated(CLOUD), "unknown"),
        (delegated(CLOUD, to=TEAM_SA), "unknown"),  # whom it becomes does
        (delegated(GMAIL), "denied"),  # mail invokes no service
        (delegated(CLOUD, to=None), "denied"),
    ],
)
def test_a_user_whom_one_acts_as_may_hold_it(facts: Facts, answer: str) -> None:
    # developers.google.com/identity/protocols/oauth2/service-account#delegatingauthority
    said = explain(derive(facts, AS_OF), ENV_SA, "run.routes.invoke", "projects/p")
    assert (said.answer, said.today) == (answer, "denied")
    told = any("users of the Workspace" in line for line in said.because)
    assert told == (answer == "unknown")


def test_what_can_tells_for_what() -> None:
    said = what_can(derive(delegated(GMAIL), AS_OF), ENV_SA)
    assert said.delegated == (GMAIL,)
    told = render_holdings(said, colour=False)
    assert "with a key, or signJwt on itself, any user, for" in told
    assert GMAIL in told
