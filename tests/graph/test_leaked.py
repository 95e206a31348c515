"""A service account's key in a file: whose it is, whether it works, what it opens."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ENV_SA,
    ESTATE,
    JOB,
    PROJECT,
    SERVICE,
    SNAPSHOT,
    TEAM_SA,
    account,
    account_name,
    at,
    bind,
    why,
)

from dagwarden.facts import (
    Connection,
    EmbeddedSecret,
    Facts,
    Gap,
    Key,
    LeakedKey,
    Secret,
    Task,
)
from dagwarden.graph.build import derive
from dagwarden.graph.rotation import in_words

NAME = "0123456789abcdef0123456789abcdef01234567"
SECRET = EmbeddedSecret(
    id="file:key.json:text",
    origin=at("key.json", 1),
    path="key.json",
    secret="service_account_key",
    place="text",
    credential="file:key.json:text",
    identity=TEAM_SA,
    key_id=NAME,
)
KEY = Key(
    id=f"key:{TEAM_SA}/{NAME}",
    origin=at(line=5),
    account=TEAM_SA,
    key_id=NAME,
    user_managed=True,
    valid_after="2026-01-01T00:00:00Z",
    valid_before="9999-12-31T23:59:59Z",
    disabled=False,
)
WITH_KEYS = replace(
    SNAPSHOT,
    asset_types=(*SNAPSHOT.asset_types, "iam.googleapis.com/ServiceAccountKey"),
)
INVOKES = bind(SERVICE, "roles/run.invoker", account(TEAM_SA))
MAY_BECOME = bind(
    account_name(ENV_SA), "roles/iam.serviceAccountTokenCreator", account(TEAM_SA)
)


def leaked(*keys: Key, **changes: Any) -> EmbeddedSecret:
    facts = replace(
        ESTATE,
        embedded_secrets=(SECRET,),
        keys=keys,
        **{"snapshots": (WITH_KEYS,), **changes},
    )
    (fact,) = derive(facts, AS_OF).embedded_secrets
    return fact


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "active"),
        ({"disabled": True}, "disabled"),
        ({"valid_before": "2026-11-21T00:00:00Z"}, "expired"),
        ({"valid_before": "2026-11-23T00:00:00Z"}, "active"),
        ({"key_id": "another"}, "absent"),
        ({"disabled": UNSET, "unresolved": why("disabled", "layer", "x")}, UNSET),
        ({"valid_before": "soon"}, UNSET),
    ],
)
def test_the_snapshot_says_whether_the_key_works(
    changes: dict[str, Any], state: object
) -> None:
    fact = leaked(replace(KEY, **changes))
    assert fact.key_state == state
    told = {item.field for item in fact.unresolved}
    more = {"may_call", "may_become"} if state in ("active", UNSET) else set[str]()
    assert told == more | ({"key_state"} if state is UNSET else set())


@pytest.mark.parametrize(
    ("changes", "means", "chain"),
    [
        ({}, "is that account, from anywhere", "it is active"),
        (
            {"disabled": True},
            "opens nothing while it is disabled",
            "opens nothing until",
        ),
        ({"valid_before": "2026-11-21T00:00:00Z"}, "opens nothing", "opens nothing"),
        ({"key_id": "another"}, "opens nothing", "opens nothing"),
    ],
)
def test_of_a_dead_key_nobody_is_told_that_it_opens_something(
    changes: dict[str, Any], means: str, chain: str
) -> None:
    fact = in_words(leaked(replace(KEY, **changes), bindings=(INVOKES,)))
    assert fact.words is not None
    assert means in fact.words.means
    assert chain in fact.hops[0].text
    dead = fact.key_state != "active"
    assert ("from anywhere" in fact.words.means) != dead
    assert (len(fact.hops) == 1, fact.may_call_known == ()) == (dead, dead)


def test_keys_that_were_not_read_are_not_absent() -> None:
    assert leaked(snapshots=(SNAPSHOT,)).key_state is UNSET
    assert leaked(identities=()).key_state is UNSET
    gap = Gap(reason="malformed", origin=at(), detail="x", kinds=("key",))
    assert leaked(gaps=(gap,)).key_state is UNSET
    assert leaked(snapshots=(), bindings=()).key_state is UNSET
    assert leaked().key_state == "absent"


def test_a_disabled_account_s_key_does_not_work() -> None:
    accounts = tuple(
        replace(one, disabled=one.email == TEAM_SA) for one in ESTATE.identities
    )
    fact = leaked(KEY, identities=accounts, bindings=(INVOKES,))
    assert (fact.key_state, fact.may_call_known) == ("account_disabled", ())


def test_the_chain_goes_on_into_the_cloud() -> None:
    fact = leaked(KEY, bindings=(INVOKES,))
    assert fact.may_call_known == (SERVICE,)
    assert [(hop.kind, hop.target) for hop in fact.hops] == [
        ("authenticates_as", account(TEAM_SA)),
        ("granted", "roles/run.invoker"),
        ("holds", "run.routes.invoke"),
        ("calls", SERVICE),
    ]
    assert fact.hops[0].text.endswith("the snapshot says: it is active")


def test_the_chain_goes_over_an_account_that_it_can_become() -> None:
    developer = bind(PROJECT, "roles/run.developer", account(ENV_SA))
    fact = leaked(KEY, bindings=(MAY_BECOME, developer))
    assert fact.may_call_known == (JOB, SERVICE)
    assert account(ENV_SA) in fact.may_become_known
    kinds = [hop.kind for hop in fact.hops]
    assert kinds[:3] == ["authenticates_as", "granted", "can_become"]
    assert (kinds[-1], fact.hops[-1].target) == ("calls", JOB)


def test_what_everyone_may_call_the_key_does_not_open() -> None:
    fact = leaked(KEY, bindings=(bind(SERVICE, "roles/run.invoker", "allUsers"),))
    assert (fact.may_call, fact.may_call_known, len(fact.hops)) == (UNSET, (), 1)


@pytest.mark.parametrize("change", [{"disabled": True}, {"key_id": "another"}])
def test_a_key_that_does_not_work_opens_nothing(change: dict[str, Any]) -> None:
    fact = leaked(replace(KEY, **change), bindings=(INVOKES,))
    assert (fact.may_call, fact.may_become, len(fact.hops)) == ((), (), 1)


def test_without_a_snapshot_the_chain_ends_at_the_account() -> None:
    fact = leaked(snapshots=(), bindings=())
    (hop,) = fact.hops
    assert hop.target == account(TEAM_SA)
    assert hop.text.endswith("whether it works is not known")


def test_other_secrets_have_no_chain() -> None:
    password = replace(SECRET, secret="password", identity=None, key_id=None)
    facts = Facts(embedded_secrets=(password, SECRET))
    first, second = derive(facts, AS_OF).embedded_secrets
    assert replace(first, words=None) == password
    assert len(second.hops) == 1


# ------------------------------------------------- keys that no file of ours holds


GIVEN = Secret(
    kind="service_account_key",
    place="extra.keyfile_dict",
    origin=at("env:", 1),
    identity=TEAM_SA.upper(),
    key_id=NAME,
)
CONNECTION = Connection(
    id="connection:prod:gcp",
    origin=at("env:"),
    environment="prod",
    conn_id="gcp",
    secrets_known=(
        Secret(kind="password", place="password", origin=at("env:")),
        GIVEN,
    ),
)


def given(*keys: Key, **changes: Any) -> LeakedKey:
    facts = replace(
        ESTATE,
        connections=(*ESTATE.connections, CONNECTION),
        keys=keys,
        **{"snapshots": (WITH_KEYS,), **changes},
    )
    *_, fact = derive(facts, AS_OF).connections
    (leaked,) = fact.leaked_keys
    return leaked


def test_a_key_that_only_a_connection_holds_has_the_same_chain() -> None:
    found = given(KEY, bindings=(INVOKES,))
    assert (found.place, found.identity, found.key_id) == (
        "extra.keyfile_dict",
        TEAM_SA.upper(),
        NAME,
    )
    assert (found.key_state, found.may_call_known) == ("active", (SERVICE,))
    assert [(hop.kind, hop.target) for hop in found.hops] == [
        ("authenticates_as", account(TEAM_SA)),
        ("granted", "roles/run.invoker"),
        ("holds", "run.routes.invoke"),
        ("calls", SERVICE),
    ]
    assert found.hops[0].text == (
        f"key {NAME} in connection gcp is one of {TEAM_SA}; the snapshot says: it is active"
    )


def test_a_dead_key_of_a_connection_opens_nothing() -> None:
    found = given(replace(KEY, disabled=True), bindings=(INVOKES,))
    assert (found.key_state, found.may_call_known, len(found.hops)) == (
        "disabled",
        (),
        1,
    )
    assert given(snapshots=(), bindings=()).key_state is UNSET


def test_a_key_in_a_task_s_arguments_has_the_same_chain() -> None:
    (first, *rest) = ESTATE.tasks
    task: Task = replace(first, secrets_known=(replace(GIVEN, place="env.KEY"),))
    facts = replace(
        ESTATE,
        tasks=(task, *rest),
        keys=(KEY,),
        snapshots=(WITH_KEYS,),
        bindings=(MAY_BECOME,),
    )
    found = derive(facts, AS_OF).tasks[0].leaked_keys
    assert [(one.place, one.may_become_known) for one in found] == [
        ("env.KEY", (account(ENV_SA),))
    ]
    assert [one.leaked_keys for one in derive(facts, AS_OF).tasks[1:]] == [()] * len(
        rest
    )
