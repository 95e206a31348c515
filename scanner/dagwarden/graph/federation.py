"""
Federation providers: whose tokens they take, and what a token becomes.

An issuer that signs for all its customers lets in any of them, unless the provider's
condition asks for one (cloud.google.com/iam/docs/
workload-identity-federation-with-deployment-pipelines#conditions).
"""

from collections.abc import Mapping
from typing import Any, cast

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Facts, FederationProvider, Maybe, Record
from dagwarden.graph.access import Cause
from dagwarden.graph.access.membership import Claimed
from dagwarden.graph.estate import unresolved, without

# Issuers that sign for all their customers, and the claims that say for which. The
# issuers of Bitbucket, CircleCI, Azure DevOps and Entra are each customer's own.
# Sources: docs.github.com/actions/reference/openid-connect-reference,
# docs.gitlab.com/ci/secrets/id_token_authentication,
# developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials,
# buildkite.com/docs/pipelines/security/oidc, vercel.com/docs/oidc/reference
SHARED_ISSUERS: Mapping[str, frozenset[str]] = {
    "https://token.actions.githubusercontent.com": frozenset(
        {
            *("repository_owner", "repository_owner_id", "repository"),
            *("repository_id", "enterprise", "enterprise_id", "sub"),
            "workflow_ref",
        }
    ),
    "https://gitlab.com": frozenset(
        {"namespace_id", "namespace_path", "project_id", "project_path", "sub"}
    ),
    "https://app.terraform.io": frozenset(
        {
            *("terraform_organization_id", "terraform_organization_name"),
            *("terraform_workspace_id", "terraform_project_id", "sub"),
        }
    ),
    "https://agent.buildkite.com": frozenset(
        {"organization_id", "organization_slug", "pipeline_id", "sub"}
    ),
    "https://oidc.vercel.com": frozenset({"owner", "owner_id", "project_id", "sub"}),
    "https://accounts.google.com": frozenset({"hd", "email", "sub"}),
    "https://oidc.codefresh.io": frozenset({"account_id", "account_name", "sub"}),
}


def tenants(issuer: str) -> frozenset[str] | None:
    """Return the claims that tell the customers of an issuer; None: it has one."""
    return SHARED_ISSUERS.get(issuer.strip().rstrip("/").lower())


def with_tenants(provider: FederationProvider) -> FederationProvider:
    """Return a provider, told whether its issuer is shared and its condition pins one."""
    shared = _shared(provider)
    if shared is not True or not isinstance(provider.issuer, str):
        return replace(provider, shared_issuer=shared, pinned=None)
    condition = provider.attribute_condition
    entries = without(provider, "pinned")
    if condition is UNSET:
        symbol = f"attribute_condition of {provider.name}"
        why = (Cause(reason="layer", symbol=symbol),)
        entries = (*entries, *unresolved(why, "pinned"))
        return replace(provider, shared_issuer=True, unresolved=entries)
    pinned: bool | None = False
    if condition:
        from dagwarden.expression.tokens import pins

        claims = tenants(provider.issuer) or frozenset()
        pinned = pins(condition, dict(provider.attribute_mapping or ()), claims)
    if pinned is None:
        symbol = f"whom the condition of {provider.name} lets in"
        why = (Cause(reason="condition", symbol=symbol),)
        entries = (*entries, *unresolved(why, "pinned"))
    return replace(
        provider,
        shared_issuer=True,
        pinned=UNSET if pinned is None else pinned,
        unresolved=entries,
    )


def _shared(provider: FederationProvider) -> Maybe[bool]:
    if provider.kind is UNSET or provider.issuer is UNSET:
        return UNSET
    return provider.issuer is not None and tenants(provider.issuer) is not None


# Bytes of a subject (iam.googleapis.com, REST reference:
# projects.locations.workloadIdentityPools.providers, attributeMapping).
MAX_SUBJECT = 127


class Bearer(Record, frozen=True, kw_only=True):
    """Whoever holds a token: whom it becomes, and by which provider."""

    becomes: tuple[tuple[FederationProvider, Claimed], ...] = ()
    refused: tuple[str, ...] = ()  # why those of its issuer do not take it
    unknown: tuple[str, ...] = ()  # what would tell whether it becomes others

    @property
    def settled(self) -> tuple[Claimed, ...]:
        """Whom it becomes, without those whom two providers give other attributes."""
        told: dict[str, list[Claimed]] = {}
        for _, claimed in self.becomes:
            same = told.setdefault(claimed.key, [])
            if claimed not in same:
                same.append(claimed)
        return tuple(same[0] for same in told.values() if len(same) == 1)


def bearer(facts: Facts, claims: Mapping[str, Any]) -> Bearer:
    """Return whom a token becomes by any of the providers that were read."""
    issuer = claims.get("iss")
    kind = _kind(claims)
    asked = [
        item
        for item in facts.federation_providers
        if item.issuer in (issuer, UNSET) and item.kind in (kind, UNSET)
    ]
    told = [(item, exchange(item, claims)) for item in asked]
    if kind in _SIGNERS and len(asked) > 1:
        told = [(item, _of_some_signer(item, said, kind)) for item, said in told]
    unknown = [said.unknown for _, said in told if said.unknown]
    if not asked:
        whose = f"{issuer!r:.100}" if kind == "oidc" else _WHOSE[kind]
        unknown.append(f"a provider that takes tokens of {whose}")
    if any(gap.incomplete and _KIND in gap.kinds for gap in facts.gaps):
        unknown.append("federation providers that could not be read")
    return Bearer(
        becomes=tuple((item, said.claimed) for item, said in told if said.claimed),
        refused=tuple(said.refused for _, said in told if said.refused),
        unknown=tuple(unknown),
    )


_WHOSE: Mapping[str, str] = {"aws": "AWS", "saml": "SAML", "x509": "X.509"}
# Kinds of which claims do not say who signed, and what a provider knows him by.
_SIGNERS: Mapping[str, str] = {"saml": "metadata", "x509": "trust store"}


def _kind(claims: Mapping[str, Any]) -> str:
    """
    Return of which kind of provider claims are.

    Of OpenID Connect tokens say who issued them. AWS says `arn`, `account` and `userid`
    of a session (docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html).
    The subject of an assertion of SAML is a text (cloud.google.com/iam/docs/
    workload-identity-federation-with-other-providers), that of an X.509 certificate has
    names (workload-identity-federation-with-x509-certificates, there).
    """
    if "iss" in claims:
        return "oidc"
    if isinstance(claims.get("arn"), str):
        return "aws"
    return "x509" if isinstance(claims.get("subject"), dict) else "saml"


def _of_some_signer(
    provider: FederationProvider, said: "Exchange", kind: str
) -> "Exchange":
    """Return what comes of claims that one of several providers takes, by who signed."""
    if said.claimed is None:
        return said
    what = f"whether the {_SIGNERS[kind]} of {provider.name} knows who signed"
    return Exchange(unknown=what)


def _aws_accounts(claims: Mapping[str, Any]) -> tuple[object, ...]:
    """Return the account that AWS says a session is of, and that of its ARN."""
    if _kind(claims) != "aws":
        return ()
    arn = str(claims["arn"]).split(":")
    said = (claims.get("account"), arn[4] if len(arn) > 4 else None)
    return tuple(one for one in said if one)


_KIND = "federation_provider"


class Exchange(Record, frozen=True, kw_only=True):
    """What comes of offering a token to a provider: someone, or why not."""

    claimed: Claimed | None = None
    refused: str = ""  # for sure, and why
    unknown: str = ""  # what would tell


def exchange(provider: FederationProvider, claims: Mapping[str, Any]) -> Exchange:
    """
    Return whom a token with these claims becomes in the provider's pool.

    Whether its signature is good, and it is in time, is taken for granted.
    """
    from dagwarden.expression.tokens import Failed, admits, mapped, understood

    name = provider.name
    issuer = claims.get("iss")
    for account in _aws_accounts(claims):
        if provider.aws_account != account:
            said = f"{name} takes no session of account {account!r:.40}"
            return Exchange(refused=said)
    if issuer is not None and provider.issuer not in (issuer, UNSET):
        return Exchange(refused=f"{name} takes no token of {issuer!r:.100}")
    if provider.disabled is True:
        return Exchange(refused=f"{name}, or its pool, is disabled or deleted")
    if not _meant_for(provider, claims.get("aud")):
        return Exchange(refused=f"{name} takes no token for its audience (aud)")
    if provider.issuer is UNSET:
        return Exchange(unknown=f"issuer of {name}")
    if provider.disabled is UNSET:
        return Exchange(unknown=f"whether {name} is disabled")
    if provider.attribute_mapping is None:
        return Exchange(unknown=f"attribute mapping of {name}")
    attributes, failed = mapped(dict(provider.attribute_mapping), claims)
    unclear = frozenset(
        attribute
        for attribute, expression in provider.attribute_mapping
        if not understood(expression, claims)
    )
    if "google.subject" in unclear:
        return Exchange(unknown=f"what {name} maps to google.subject")
    subject = attributes.get("google.subject")
    if not isinstance(subject, str) or not subject:
        of = failed.get("google.subject", "these claims")
        return Exchange(refused=f"{name} makes no subject (google.subject) of {of}")
    if (size := len(subject.encode(errors="replace"))) > MAX_SUBJECT:
        said = f"{name} makes a subject of {size} bytes; {MAX_SUBJECT} are the most"
        return Exchange(refused=said)
    condition = provider.attribute_condition
    if condition is UNSET:
        return Exchange(unknown=f"attribute condition of {name}")
    admitted = admits(condition, claims, attributes) if condition else True
    if admitted is None:
        return Exchange(unknown=f"condition of {name}")
    if isinstance(admitted, Failed):
        return Exchange(unknown=f"whether the condition of {name} takes {admitted}")
    if not admitted:
        return Exchange(refused=f"the condition of {name} does not hold")
    # whether the exchange is refused or the attribute left out is not documented
    lacking = next((one for one in sorted(failed) if one not in unclear), None)
    if lacking:
        said = f"whether {name} takes {failed[lacking]}, which {lacking} is made of"
        return Exchange(unknown=said)
    pool = provider.pool.removeprefix("//iam.googleapis.com/")
    groups = frozenset(
        one for one in _listed(attributes.get("google.groups")) if isinstance(one, str)
    )
    elsewhere = {"google.groups"} if provider.groups_elsewhere else set[str]()
    return Exchange(
        claimed=Claimed(
            key=f"principal://iam.googleapis.com/{pool}/subject/{subject}",
            groups=groups,
            attributes={
                attribute.removeprefix("attribute."): value
                for attribute, value in attributes.items()
                if attribute.startswith("attribute.") and isinstance(value, str)
            },
            open=unclear | _of_other_kinds(attributes) | elsewhere,
        )
    )


def _of_other_kinds(attributes: Mapping[str, object]) -> frozenset[str]:
    """
    Return the attributes that are no text, and groups that are no list of texts.

    What comes of them is not documented: an attribute is a string, groups are a list of
    them (iam.googleapis.com, REST reference:
    projects.locations.workloadIdentityPools.providers, attributeMapping).
    """
    return frozenset(
        name for name, value in attributes.items() if not _documented(name, value)
    )


def _documented(attribute: str, value: object) -> bool:
    if attribute != "google.groups":
        return isinstance(value, str)
    texts = all(isinstance(one, str) for one in _listed(value))
    return isinstance(value, list) and texts


def _meant_for(provider: FederationProvider, audience: object) -> bool:
    """
    Tell whether a provider may take a token for an audience; without one, it may.

    Where it lists none, its own name is meant, with or without https
    (iam.googleapis.com, REST reference: projects.locations.workloadIdentityPools.providers, Oidc).
    """
    if audience is None:
        return True
    own = f"//iam.googleapis.com/{provider.name.removeprefix('//iam.googleapis.com/')}"
    taken = provider.allowed_audiences or (own, f"https:{own}")
    given = _listed(audience) or [audience]
    return any(item in taken for item in given)


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []
