"""Federation: shared issuers and what pins a tenant, and whom a token becomes."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import ESTATE
from tests.graph.test_edges import POOL, provider

from dagwarden.facts import FederationProvider
from dagwarden.graph.estate import Estate
from dagwarden.graph.federation import bearer, exchange, tenants, with_tenants
from dagwarden.sources.snapshot.resources import AWS_MAPPING

GITHUB = "https://token.actions.githubusercontent.com"
MAPPING = (
    ("attribute.owner", "assertion.repository_owner"),
    ("attribute.repository", "assertion.repository"),
    ("google.groups", "assertion.teams"),
    ("google.subject", "assertion.sub"),
)
CLAIMS = {
    "iss": GITHUB,
    "sub": "repo:acme/etl:ref:refs/heads/main",
    "repository": "acme/etl",
    "repository_owner": "acme",
    "ref": "refs/heads/main",
    "teams": ["data", "ops"],
}


@pytest.mark.parametrize(
    ("issuer", "shared"),
    [
        (GITHUB, True),
        (f"{GITHUB}/", True),
        ("https://gitlab.com", True),
        ("https://app.terraform.io", True),
        # each customer has an issuer of its own
        (f"{GITHUB}/acme", False),
        ("https://oidc.circleci.com/org/1", False),
        ("https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc", False),
        ("https://vstoken.dev.azure.com/1", False),
        ("https://gitlab.acme.example", False),
    ],
)  # fmt: skip
def test_issuers_that_sign_for_strangers(issuer: str, shared: bool) -> None:
    assert (tenants(issuer) is not None) is shared
    assert with_tenants(provider(issuer=issuer)).shared_issuer is shared


@pytest.mark.parametrize(
    ("condition", "pinned"),
    [
        # iam/docs/workload-identity-federation-with-deployment-pipelines#conditions
        (None, False),
        ("assertion.repository_owner == 'acme'", True),
        ("'7' == assertion.repository_owner_id", True),
        ("assertion['repository_owner'] == 'acme'", True),
        ("attribute.owner == 'acme'", True),
        ("assertion.repository in ['acme/a', 'acme/b']", True),
        ("assertion.ref == 'refs/heads/main'", False),
        ("assertion.ref == 'x' && assertion.repository_owner == 'acme'", True),
        ("assertion.ref == 'x' || assertion.repository_owner == 'acme'", UNSET),
        ("assertion.repository_owner == 'a' || assertion.repository_owner == 'b'", True),
        ("assertion.repository_owner != 'evil'", UNSET),
        ("assertion.sub.startsWith('repo:acme/')", True),
        ("assertion.sub.startsWith('repo:')", UNSET),
        # acme-evil begins so as well
        ("assertion.sub.startsWith('repo:acme')", UNSET),
        ("assertion.repository.startsWith('acme/')", True),
        ("assertion.job_workflow_ref == 'acme/x/.github/workflows/y@main'", False),
        ("true", False),
        ("not a condition (", UNSET),
    ],
)  # fmt: skip
def test_a_condition_pins_a_tenant(condition: str | None, pinned: object) -> None:
    one = provider(attribute_condition=condition, attribute_mapping=MAPPING)
    found = with_tenants(one)
    assert found.pinned is pinned
    assert [item.field for item in found.unresolved] == (
        ["pinned"] if pinned is UNSET else []
    )


def test_an_issuer_of_one_s_own_needs_no_condition() -> None:
    found = with_tenants(provider(issuer="https://idp.example"))
    assert (found.shared_issuer, found.pinned) == (False, None)


def test_a_token_becomes_a_subject_with_groups_and_attributes() -> None:
    one = provider(attribute_mapping=MAPPING)
    claimed = exchange(one, CLAIMS).claimed
    assert claimed is not None
    pool = POOL.removeprefix("//iam.googleapis.com/")
    assert claimed.key == (
        f"principal://iam.googleapis.com/{pool}/subject/{CLAIMS['sub']}"
    )
    assert claimed.groups == {"data", "ops"}
    assert claimed.attributes == {"owner": "acme", "repository": "acme/etl"}


SUBJECT = (("google.subject", "assertion.sub"),)


@pytest.mark.parametrize(
    ("changes", "claims", "refused", "unknown"),
    [
        ({"disabled": True}, {}, "disabled", ""),
        ({"disabled": UNSET}, {}, "", "disabled"),
        ({"attribute_mapping": None}, {}, "", "mapping"),
        ({}, {"iss": "https://evil.example"}, "evil.example", ""),
        ({}, {"sub": None}, "no subject", ""),
        ({"attribute_condition": "assertion.repository_owner == 'x'"}, {}, "does not hold", ""),
        ({"attribute_condition": "attribute.owner == 'acme'"}, {}, "", ""),
        ({"attribute_condition": "assertion.nothing == 'x'"}, {}, "", "the condition of {} takes a token without nothing"),
        ({"attribute_condition": "assertion.sub > 3"}, {}, "", "the condition of {} takes these claims"),
        ({"attribute_mapping": (("google.subject", "assertion.name"),)}, {}, "(google.subject) of a token without name", ""),
        ({"attribute_mapping": (("google.subject", "'gl::' + assertion.name"),)}, {}, "(google.subject) of a token without name", ""),
        ({"attribute_mapping": (("google.subject", "assertion['name']"),)}, {}, "(google.subject) of a token without name", ""),
        ({"attribute_mapping": (("google.subject", "assertion.sub + 1"),)}, {}, "(google.subject) of these claims", ""),
        ({"attribute_mapping": (*SUBJECT, ("attribute.x", "assertion.name"))}, {}, "", "takes a token without name, which attribute.x is made of"),
        ({"attribute_mapping": SUBJECT}, {"sub": "s" * 127}, "", ""),
        ({"attribute_mapping": SUBJECT}, {"sub": "é" * 64}, "a subject of 128 bytes; 127 are the most", ""),
        ({"attribute_condition": UNSET}, {}, "", "condition"),
    ],
)  # fmt: skip
def test_a_provider_takes_a_token_or_says_why_not(
    changes: dict[str, Any], claims: dict[str, Any], refused: str, unknown: str
) -> None:
    one = replace(provider(attribute_mapping=MAPPING), **changes)
    said = exchange(one, {**CLAIMS, **claims})
    assert (said.claimed is None) is bool(refused or unknown)
    assert refused in said.refused
    assert bool(said.refused) is bool(refused)
    assert unknown.format(one.name) in said.unknown
    assert bool(said.unknown) is bool(unknown)


OWN = f"{POOL}/providers/gh"


@pytest.mark.parametrize(
    ("allowed", "audience", "taken"),
    [
        ((), None, True),
        ((), OWN, True),
        ((), f"https:{OWN}", True),
        ((), ["x", OWN], True),
        ((), "https://github.com/acme", False),
        (("acme",), "acme", True),
        # its own name counts only where it lists none
        (("acme",), OWN, False),
        ((), 7, False),
    ],
)
def test_a_token_is_for_an_audience(
    allowed: tuple[str, ...], audience: object, taken: bool
) -> None:
    one = provider(attribute_mapping=MAPPING, allowed_audiences=allowed)
    said = exchange(one, {**CLAIMS, "aud": audience})
    assert (said.claimed is not None) is taken
    assert bool(said.refused) is not taken


AWS_ROLE = "assertion.arn.reverse()"  # nobody knows whether Google's CEL has it
SESSION = {
    "arn": "arn:aws:sts::123456789012:assumed-role/etl/i-1",
    "account": "123456789012",
    "userid": "AROA:i-1",
}
OF_AWS = provider(
    kind="aws",
    issuer=None,
    aws_account="123456789012",
    attribute_mapping=(
        ("attribute.account", "assertion.account"),
        ("attribute.aws_role", AWS_ROLE),
        ("google.subject", "assertion.arn"),
    ),
)


def test_a_session_of_aws_becomes_its_arn() -> None:
    said = exchange(OF_AWS, SESSION)
    assert said.claimed is not None
    assert said.claimed.key.endswith(f"/subject/{SESSION['arn']}")
    assert said.claimed.attributes == {"account": "123456789012"}
    assert said.claimed.open == {"attribute.aws_role"}
    other = exchange(OF_AWS, SESSION | {"account": "77"})
    assert other.refused.endswith("takes no session of account '77'")
    # an ARN names its account, whatever stands beside it
    arn = {"arn": "arn:aws:sts::77:assumed-role/etl/i-1"}
    for claims in (arn, SESSION | arn):
        refused = exchange(OF_AWS, claims).refused
        assert refused.endswith("takes no session of account '77'")


@pytest.mark.parametrize(
    ("arn", "role"),
    [
        (SESSION["arn"], "arn:aws:sts::123456789012:assumed-role/etl"),
        ("arn:aws:iam::123456789012:user/ann", "arn:aws:iam::123456789012:user/ann"),
    ],
)
def test_the_role_of_a_session_of_aws_is_what_google_maps_by_default(
    arn: str, role: str
) -> None:
    # iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools.providers
    mapping = {"attribute.aws_role": AWS_MAPPING["attribute.aws_role"]}
    mapping["google.subject"] = "assertion.arn"
    one = replace(OF_AWS, attribute_mapping=tuple(sorted(mapping.items())))
    claimed = exchange(one, SESSION | {"arn": arn}).claimed
    assert claimed is not None
    assert (claimed.attributes, claimed.open) == ({"aws_role": role}, frozenset())


@pytest.mark.parametrize("template", ["'role'", "'{a}{b}'", "assertion.account"])
def test_what_is_no_template_is_not_worked_out(template: str) -> None:
    mapping = (("google.subject", f"assertion.arn.extract({template})"),)
    said = exchange(replace(OF_AWS, attribute_mapping=mapping), SESSION)
    assert (said.claimed, said.refused) == (None, "")
    assert said.unknown.endswith("maps to google.subject")


def test_a_mapping_that_cannot_be_worked_out_is_no_refusal() -> None:
    mapping = (("google.subject", AWS_ROLE),)
    said = exchange(replace(OF_AWS, attribute_mapping=mapping), SESSION)
    assert (said.claimed, said.refused) == (None, "")
    assert said.unknown.endswith("maps to google.subject")


def test_claims_of_aws_are_offered_to_providers_of_aws() -> None:
    facts = replace(ESTATE, federation_providers=(OF_AWS, provider()))
    held = bearer(facts, SESSION)
    assert [found.name for found, _ in held.becomes] == [OF_AWS.name]
    assert (held.refused, held.unknown) == ((), ())
    # a token that says who issued it is none of AWS
    assert bearer(facts, SESSION | {"iss": "https://x"}).becomes == ()


@pytest.mark.parametrize(
    ("rest", "held"),
    [
        ("attribute.account/123456789012", True),
        ("attribute.account/77", False),
        ("attribute.aws_role/etl", None),
    ],
)
def test_an_attribute_that_is_not_worked_out_leaves_its_sets_open(
    rest: str, held: bool | None
) -> None:
    held_by = bearer(replace(ESTATE, federation_providers=(OF_AWS,)), SESSION)
    (claimed,) = held_by.settled
    member = f"principalSet:{POOL}/{rest}"
    membership = Estate(ESTATE, claimed=held_by.settled).access.membership
    assert membership.covers(member, claimed.key).held is held


def test_a_token_of_the_workforce_becomes_a_person() -> None:
    staff = "//iam.googleapis.com/locations/global/workforcePools/staff"
    okta = provider(
        name=f"{staff}/providers/okta",
        pool=staff,
        workforce=True,
        issuer="https://acme.okta.example",
        allowed_audiences=("app-1",),
        attribute_mapping=(("google.subject", "assertion.sub"),),
    )
    claims = {"iss": "https://acme.okta.example", "sub": "ann", "aud": "app-1"}
    said = exchange(okta, claims)
    assert said.claimed is not None
    assert said.claimed.key == f"principal:{staff}/subject/ann"
    assert exchange(okta, claims | {"aud": "app-2"}).claimed is None


def test_groups_that_a_directory_tells_are_open() -> None:
    # cloud.google.com/iam/docs/workforce-identity-federation-scim: with SCIM for groups
    # the mapping of google.groups is ignored
    mapping = (
        ("google.groups", "assertion.groups"),
        ("google.subject", "assertion.sub"),
    )
    claims = {**CLAIMS, "groups": ["devs"]}
    for elsewhere in (False, True):
        one = provider(attribute_mapping=mapping, groups_elsewhere=elsewhere)
        claimed = exchange(one, claims).claimed
        assert claimed is not None
        assert claimed.open == ({"google.groups"} if elsewhere else frozenset())


@pytest.mark.parametrize(
    ("text", "subject"), [("Ann@X.Example", "ann@x.example"), ("ÄB", "Äb")]
)
def test_a_mapping_may_write_letters_small(text: str, subject: str) -> None:
    # cloud.google.com/gemini/enterprise/docs/configure-identity-provider
    mapping = (("google.subject", "assertion.email.lowerAscii()"),)
    said = exchange(provider(attribute_mapping=mapping), {**CLAIMS, "email": text})
    assert said.claimed is not None
    assert said.claimed.key.endswith(f"/subject/{subject}")


# cloud.google.com/iam/docs/workload-identity-federation-with-other-providers (SAML) and
# -with-x509-certificates: what mappings call the parts of both
ASSERTION: dict[str, Any] = {"subject": "ann", "attributes": {"team": ["ops", "devs"]}}
CERTIFICATE: dict[str, Any] = {
    "subject": {"dn": {"cn": "robot", "o": "acme"}},
    "san": {"uri": "spiffe://acme/robot"},
}
OF_SAML = provider(
    kind="saml",
    issuer=None,
    attribute_condition="'devs' in assertion.attributes['team']",
    attribute_mapping=(
        ("attribute.team", "assertion.attributes['team'][0]"),
        ("google.subject", "assertion.subject"),
    ),
)
OF_X509 = provider(
    name=f"{OF_AWS.pool}/providers/x509",
    kind="x509",
    issuer=None,
    attribute_condition="assertion.san.uri == 'spiffe://acme/robot'",
    attribute_mapping=(
        ("attribute.team", "assertion.subject.dn.o"),
        ("google.subject", "assertion.subject.dn.cn"),
    ),
)


@pytest.mark.parametrize(
    ("one", "claims", "subject", "team"),
    [(OF_SAML, ASSERTION, "ann", "ops"), (OF_X509, CERTIFICATE, "robot", "acme")],
    ids=["saml", "x509"],
)
def test_an_assertion_and_a_certificate_are_offered_to_providers_of_their_kind(
    one: FederationProvider, claims: dict[str, Any], subject: str, team: str
) -> None:
    facts = replace(ESTATE, federation_providers=(OF_SAML, OF_X509, OF_AWS, provider()))
    held = bearer(facts, claims)
    assert (held.refused, held.unknown) == ((), ())
    ((by, claimed),) = held.becomes
    assert by.name == one.name
    assert claimed.key.endswith(f"/subject/{subject}")
    assert claimed.attributes == {"team": team}
    # a token that says who issued it is neither
    assert bearer(facts, {**claims, "iss": "https://x"}).becomes == ()
    # one of several may not know who signed; what refuses does so whoever that was
    shut = replace(one, name=f"{one.pool}/providers/shut", attribute_condition="false")
    held = bearer(replace(facts, federation_providers=(one, shut)), claims)
    assert (held.becomes, len(held.refused)) == ((), 1)
    (unknown,) = held.unknown
    assert unknown.endswith(f"of {one.name} knows who signed")


def test_without_a_provider_of_its_kind_it_is_said_which_is_meant() -> None:
    facts = replace(ESTATE, federation_providers=(provider(),))
    for claims, kind in ((ASSERTION, "SAML"), (CERTIFICATE, "X.509")):
        assert bearer(facts, claims).unknown == (
            f"a provider that takes tokens of {kind}",
        )
