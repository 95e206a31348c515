"""Who can speak for an identity that no binding names: bearers of tokens and keys."""

from datetime import UTC, datetime
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
    URL,
    account,
    at,
)
from tests.graph.test_edges import POOL, provider

from dagwarden.facts import Facts, FederationProvider, Key, Sender
from dagwarden.graph.build import derive
from dagwarden.graph.estate import Estate
from dagwarden.graph.network import network
from dagwarden.graph.speakers import speakers, works
from dagwarden.graph.targets import Runs

ISSUER = "https://ci.acme.example"
MEMBER, SET = f"principal:{POOL}", f"principalSet:{POOL}"
MAPPING = (
    ("attribute.repository", "assertion.repository"),
    ("google.groups", "assertion.teams"),
    ("google.subject", "assertion.sub"),
)


def told(facts: Facts, key: str, resource: str = SERVICE) -> tuple[str, ...]:
    estate = Estate(facts)
    return speakers(estate, Runs(estate), key, resource)


def said(key: str, *providers: FederationProvider, **changes: Any) -> tuple[str, ...]:
    facts = replace(ESTATE, federation_providers=providers, **changes)
    return told(facts, key)


def takes(**changes: Any) -> FederationProvider:
    given = provider(issuer=ISSUER, attribute_condition=None)
    return replace(replace(given, attribute_mapping=MAPPING), **changes)


WHO = f"by provider gh: whoever has a token of {ISSUER}"


@pytest.mark.parametrize(
    ("key", "changes", "line"),
    [
        (f"{SET}/*", {}, WHO),
        (f"{MEMBER}/subject/main", {}, f"{WHO} where assertion.sub is main"),
        (f"{SET}/group/ops", {}, f"{WHO} where assertion.teams holds ops"),
        (f"{SET}/attribute.repository/acme/etl", {}, f"{WHO} where assertion.repository is acme/etl"),
        (f"{SET}/*", {"attribute_condition": "a || b"}, f"{WHO} where (a || b)"),
        (f"{MEMBER}/subject/x", {"attribute_condition": "a"}, f"{WHO} where assertion.sub is x and (a)"),
        (f"{SET}/*", {"attribute_condition": UNSET}, f"{WHO} where what its condition asks for holds"),
        (f"{SET}/attribute.branch/x", {}, "nobody by provider gh, which maps no attribute.branch"),
        (f"{SET}/attribute.branch/x", {"attribute_mapping": None}, f"{WHO} where what it maps to attribute.branch is x"),
        (f"{SET}/*", {"disabled": True}, "nobody by provider gh, which is disabled"),
        (f"{MEMBER}/subject/x", {"kind": "aws", "aws_account": "12"}, "by provider gh: whoever has a session of AWS account 12 where assertion.sub is x"),
        (f"{SET}/*", {"kind": "saml"}, "by provider gh: whoever has an assertion of its SAML identity provider"),
    ],
)  # fmt: skip
def test_a_federated_identity_is_a_set_of_tokens(
    key: str, changes: dict[str, Any], line: str
) -> None:
    found = takes(**changes)
    assert found.name.endswith("/gh")
    assert said(key, found) == (line,)


def test_a_pool_without_a_provider_that_was_read() -> None:
    (line,) = said(f"{SET}/*")
    assert line.endswith("ci was read: whose tokens it takes is not known")
    other = takes(pool=f"{POOL}2", name=f"{POOL}2/providers/gh")
    assert said(f"{SET}/*", other) == (line,)


def test_a_kubernetes_account_is_its_namesakes_in_all_clusters() -> None:
    (line,) = said("serviceAccount:p.svc.id.goog[etl/runner]")
    assert line == (
        "pods that run as account runner of namespace etl, in any cluster whose pool is "
        "p.svc.id.goog"
    )


KEY = Key(
    id=f"key:{ENV_SA}/k1",
    origin=at("assets.ndjson", 3),
    account=ENV_SA,
    key_id="k1",
    user_managed=True,
    valid_after="2025-01-02T00:00:00Z",
    valid_before="2099-01-01T00:00:00Z",
    disabled=False,
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "whoever has key k1, made on 2025-01-02"),
        ({"valid_after": UNSET}, "whoever has key k1"),
        ({"disabled": UNSET}, "whoever has key k1, made on 2025-01-02 (if it works)"),
        ({"disabled": True}, None),
        ({"user_managed": False}, None),
        ({"valid_before": "2025-06-01T00:00:00Z"}, None),
        ({"account": "other@p.iam.gserviceaccount.com"}, None),
    ],
)
def test_whoever_has_a_key_is_its_account(
    changes: dict[str, Any], line: str | None
) -> None:
    facts = derive(replace(ESTATE, keys=(replace(KEY, **changes),)), AS_OF)
    assert told(facts, account(ENV_SA)) == ((line,) if line else ())
    graph: Any = network(facts)
    leads = graph.has_edge(KEY.id, account(ENV_SA))
    assert leads == (line is not None and "if it works" not in line)
    if leads:
        assert graph.nodes[KEY.id]["kind"] == "key"
        (edge,) = graph[KEY.id][account(ENV_SA)].values()
        assert (edge["kind"], edge["control"]) == ("authenticates_as", True)


def test_many_keys_are_counted() -> None:
    keys = tuple(replace(KEY, id=f"{KEY.id}{n}", key_id=f"k{n}") for n in range(13))
    lines = told(derive(replace(ESTATE, keys=keys), AS_OF), account(ENV_SA))
    assert (len(lines), lines[-1]) == (11, "... and 3 more")


def test_a_moment_decides_whether_a_key_works() -> None:
    ends = replace(KEY, valid_before="2026-01-01T00:00:00Z")
    assert works(ends, datetime(2025, 12, 31, tzinfo=UTC)) is True
    assert works(ends, datetime(2026, 1, 1, tzinfo=UTC)) is False
    assert works(ends, None) is None
    assert works(replace(KEY, valid_before="soon"), AS_OF) is None


def test_people_of_a_workforce_are_told_by_their_directory() -> None:
    staff = "//iam.googleapis.com/locations/global/workforcePools/staff"
    okta = takes(pool=staff, name=f"{staff}/providers/okta", workforce=True)
    (line,) = said(f"principalSet:{staff}/group/ops", okta)
    assert line == WHO.replace("gh", "okta") + " where assertion.teams holds ops"


# cloud.google.com/scheduler/docs/http-target-auth
SCHEDULE = Sender(
    id="sender:s",
    origin=at(),
    resource="//cloudscheduler.googleapis.com/projects/p/locations/r/jobs/s",
    kind="schedule",
    service_account=ENV_SA,
    token="id_token",
    target=SERVICE,
)


def test_what_sends_requests_speaks_for_its_account() -> None:
    resting = replace(SCHEDULE, kind="push_subscription", target=None, paused=True)
    which = "projects/p/locations/r/jobs/s"
    assert said(account(ENV_SA), senders=(SCHEDULE, resting)) == (
        f"schedule {which} acts as {ENV_SA} and calls service api (p, r1)",
        f"push subscription {which}, which is paused, acts as {ENV_SA}",
    )
    assert said(account("other@x.example"), senders=(SCHEDULE,)) == ()


@pytest.mark.parametrize(
    ("target", "resource", "listed"),
    [
        (SERVICE, SERVICE, True),
        (SERVICE, PROJECT, True),
        (SERVICE, JOB, False),
        (URL, SERVICE, True),
        (URL, JOB, False),
        (SERVICE.replace("services/api", "services/gone"), SERVICE, False),
        # by which host a load balancer leads where is not read
        ("https://shop.example", SERVICE, True),
        (None, JOB, True),
    ],
)
def test_only_what_may_call_the_resource_is_told(
    target: str | None, resource: str, listed: bool
) -> None:
    facts = replace(ESTATE, senders=(replace(SCHEDULE, target=target),))
    assert bool(told(facts, account(ENV_SA), resource)) is listed
