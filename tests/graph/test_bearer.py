"""Questions about whoever holds an external token, by what its claims say."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ESTATE,
    JOB_SA,
    PROJECT,
    account,
    account_name,
    at,
    bind,
)
from tests.graph.test_edges import MEMBERS, POOL, USER, provider
from tests.graph.test_federation import CLAIMS, MAPPING

from dagwarden.errors import UsageError
from dagwarden.facts import BoundaryBinding, DenyPolicy, DenyRule, Facts, Gap
from dagwarden.graph.enrich import enrich
from dagwarden.graph.explain import Asked, explain, what_can, who_can

KEY = f"principal:{POOL}/subject/{CLAIMS['sub']}"
RUN = "run.jobs.run"
GH = provider(attribute_mapping=MAPPING)
OTHER_CLAIMS = {**CLAIMS, "repository": "acme/web"}


def estate(*providers: Any, **changes: Any) -> Facts:
    """An estate whose job's account those of one repository can become, and run jobs."""
    bindings = (
        bind(account_name(JOB_SA), USER, MEMBERS),
        bind(PROJECT, "roles/run.invoker", account(JOB_SA)),
    )
    return replace(
        ESTATE, bindings=bindings, federation_providers=providers or (GH,), **changes
    )


def asked(facts: Facts, claims: dict[str, Any] = CLAIMS) -> Asked:
    return Asked(enrich(facts, AS_OF), claims)


@pytest.mark.parametrize("who", ["token", KEY])
def test_claims_decide_who_is_in_a_set(who: str) -> None:
    said = explain(asked(estate()), who, RUN, "job nightly")
    assert said.answer == "allowed"
    kinds = [hop.kind for hop in said.chains[0]]
    assert kinds[:1] == (["authenticates_as"] if who == "token" else ["granted"])
    assert "can_become" in kinds
    assert explain(asked(estate(), OTHER_CLAIMS), who, RUN, "job nightly").answer == (
        "denied"
    )
    # what a token says is not known of a subject alone
    bare = Asked(enrich(estate(), AS_OF))
    assert explain(bare, KEY, RUN, "job nightly").answer == "unknown"


GAP = Gap(reason="malformed", origin=at(), detail="x", kinds=("federation_provider",))
OF_OTHERS = replace(GH, issuer="https://idp.example")


@pytest.mark.parametrize(
    ("facts", "answer", "because"),
    [
        (estate(replace(GH, disabled=True)), "denied", "disabled"),
        (estate(replace(GH, disabled=UNSET)), "unknown", "whether"),
        (estate(replace(GH, issuer=UNSET)), "unknown", "issuer of"),
        (estate(replace(GH, disabled=True), gaps=(GAP,)), "unknown", "could not be read"),
        # it may be one of a project that was not read
        (estate(OF_OTHERS), "unknown", "a provider that takes tokens of"),
    ],
)  # fmt: skip
def test_a_token_that_nobody_takes_becomes_nobody(
    facts: Facts, answer: str, because: str
) -> None:
    said = explain(asked(facts), "token", RUN, "job nightly")
    assert (said.answer, said.principal) == (answer, "token")
    assert any(because in line for line in said.because)
    with pytest.raises(UsageError, match="no provider is known to take the token"):
        what_can(asked(facts), "token")


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({"pool_disabled": True, "disabled": True}, "denied"),
        ({"pool_disabled": False}, "allowed"),
        # tokens that were issued before are taken until they end
        ({"pool_disabled": False, "disabled": True}, "allowed"),
    ],
)
def test_nobody_is_in_a_pool_that_is_disabled(
    changes: dict[str, Any], answer: str
) -> None:
    """REST reference of pools: a disabled one takes no tokens, and none that it gave."""
    direct = bind(PROJECT, "roles/run.invoker", KEY)
    becomes = bind(account_name(JOB_SA), USER, KEY)
    runs = bind(PROJECT, "roles/run.invoker", account(JOB_SA))
    for bindings in ((direct,), (becomes, runs)):
        facts = replace(estate(replace(GH, **changes)), bindings=bindings)
        asks = Asked(enrich(facts, AS_OF))
        assert explain(asks, KEY, RUN, "job nightly").answer == answer
        held = who_can(asks, RUN, "job nightly")
        sure = {one.identity.key: one.answer for one in (*held.holders, *held.through)}
        # one that holds it to no use is listed as such
        assert sure.get(KEY, "denied") == answer
        assert bool(what_can(asks, KEY).holdings) is (answer == "allowed")


@pytest.mark.parametrize(
    ("attribute", "made_of", "member"),
    [
        ("attribute.repository", "1", "attribute.repository/1"),
        ("attribute.repository", "true", "attribute.repository/true"),
        ("attribute.repository", "[assertion.repository]", "attribute.repository/x"),
        ("google.groups", "[1]", "group/1"),
        ("google.groups", "assertion.repository", f"group/{CLAIMS['repository']}"),
    ],
)
def test_what_is_no_text_is_nobody_s_attribute_for_sure(
    attribute: str, made_of: str, member: str
) -> None:
    """The REST reference of providers: an attribute is a string, groups a list of them."""
    mapping = tuple((name, how) for name, how in MAPPING if name != attribute)
    gh = replace(GH, attribute_mapping=(*mapping, (attribute, made_of)))
    own = bind(PROJECT, "roles/run.invoker", f"principalSet:{POOL}/{member}")
    facts = replace(estate(gh), bindings=(own,))
    said = explain(asked(facts), "token", RUN, "job nightly")
    assert said.answer == "unknown"


def test_two_providers_that_map_differently_leave_open_who_is_in_a_set() -> None:
    renamed = tuple(
        (name, "assertion.ref" if name == "attribute.repository" else how)
        for name, how in MAPPING
    )
    second = replace(GH, id="2", name=f"{POOL}/providers/2", attribute_mapping=renamed)
    said = explain(asked(estate(GH, second)), "token", RUN, "job nightly")
    assert said.answer == "unknown"


def test_what_the_bearer_of_a_token_holds_and_who_it_is_among() -> None:
    said = what_can(asked(estate()), "token")
    assert [one.email for one in said.becomes] == [JOB_SA]
    own = bind(PROJECT, "roles/run.invoker", MEMBERS)
    facts = replace(estate(), bindings=(own,))
    held = who_can(asked(facts), RUN, "job nightly")
    assert {(one.identity.key, one.answer) for one in held.holders} >= {
        (said.principal, "allowed")
    }


# ------------------------------------------------------------- pools that nothing names

STAFF = "locations/global/workforcePools/staff"
PERSON = "principal://iam.googleapis.com/{}/subject/ann"
NOTHING = "nothing that was read names "


def of_pool(facts: Facts, pool: str) -> tuple[str, str]:
    """Return the answer about a person of a pool, and the last line that tells why."""
    said = explain(Asked(enrich(facts, AS_OF)), PERSON.format(pool), RUN, "job nightly")
    lines = what_can(Asked(enrich(facts, AS_OF)), PERSON.format(pool)).assumes
    last = said.because[-1]
    assert (last in lines) == last.startswith(NOTHING)
    return said.answer, last


STAFF_PROVIDER = provider(pool=f"//iam.googleapis.com/{STAFF}", workforce=True)


def test_a_pool_that_nothing_names_is_told_with_the_one_that_may_be_meant() -> None:
    facts = estate(GH, STAFF_PROVIDER)
    missing = f"{NOTHING}{STAFF}f: did you mean {STAFF}?"
    assert of_pool(facts, f"{STAFF}f") == ("denied", missing)
    other = STAFF.replace("staff", "customers")
    line = f"{NOTHING}{other}: check the spelling"
    assert of_pool(facts, other) == ("denied", line)


@pytest.mark.parametrize(
    "named",
    [
        {"federation_providers": (STAFF_PROVIDER,)},
        {
            "bindings": (
                bind(
                    PROJECT, "roles/viewer", PERSON.format(STAFF).replace("ann", "bob")
                ),
            )
        },
        {
            "deny_policies": (
                DenyPolicy(
                    id="deny_policy:d",
                    origin=at(),
                    name="d",
                    resource=PROJECT,
                    rules=(
                        DenyRule(
                            principals=("principalSet://goog/public:all",),
                            exception_principals=(
                                f"principalSet://iam.googleapis.com/{STAFF}/*",
                            ),
                            permissions=("run.googleapis.com/services.delete",),
                        ),
                    ),
                ),
            )
        },
        {
            "boundary_bindings": (
                BoundaryBinding(
                    id="boundary_binding:b",
                    origin=at(),
                    name="b",
                    policy="p",
                    principals=f"//iam.googleapis.com/{STAFF}",
                ),
            )
        },
    ],
    ids=["provider", "member", "deny", "boundary"],
)
def test_a_pool_that_anything_names_is_not_told(named: dict[str, Any]) -> None:
    facts = replace(estate(), **named)
    said = explain(
        Asked(enrich(facts, AS_OF)), PERSON.format(STAFF), RUN, "job nightly"
    )
    assert said.answer != "allowed"
    assert not any(line.startswith(NOTHING) for line in said.because)
    misspelt = explain(
        Asked(enrich(facts, AS_OF)), PERSON.format(STAFF + "f"), RUN, "job nightly"
    )
    assert misspelt.because[-1] == f"{NOTHING}{STAFF}f: did you mean {STAFF}?"


def test_the_bearer_of_a_token_needs_its_claims() -> None:
    bare = Asked(enrich(estate(), AS_OF))
    for ask in (
        lambda: explain(bare, "token", RUN, "job nightly"),
        lambda: what_can(bare, "token"),
    ):
        with pytest.raises(UsageError, match="the claims of a token") as raised:
            ask()
        assert raised.value.remedy == "give the payload of the token with --claims"
