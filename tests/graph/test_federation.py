"""Federation: shared issuers and what pins a tenant, and whom a token becomes."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import ESTATE
from tests.graph.test_edges import POOL, provider

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


AWS_ROLE = "assertion.arn.lowerAscii()"  # nobody knows whether Google's CEL has it
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
