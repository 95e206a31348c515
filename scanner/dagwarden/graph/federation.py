"""
Federation providers: whose tokens they take, and what a token becomes.

An issuer that signs for all its customers lets in any of them, unless the provider's
condition asks for one (cloud.google.com/iam/docs/
workload-identity-federation-with-deployment-pipelines#conditions).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import FederationProvider, Maybe, Record
from dagwarden.graph.access import Cause, Claimed
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
    from dagwarden.expression.tokens import admits, mapped

    name = provider.name
    if provider.disabled is True:
        return Exchange(refused=f"{name}, or its pool, is disabled")
    if provider.disabled is UNSET:
        return Exchange(unknown=f"whether {name} is disabled")
    if provider.attribute_mapping is None:
        return Exchange(unknown=f"attribute mapping of {name}")
    issuer = claims.get("iss")
    if issuer is not None and provider.issuer not in (issuer, UNSET):
        return Exchange(refused=f"{name} takes no token of {issuer!r:.100}")
    attributes = mapped(dict(provider.attribute_mapping), claims)
    subject = attributes.get("google.subject")
    if not isinstance(subject, str) or not subject:
        return Exchange(refused=f"{name} makes no subject of these claims")
    condition = provider.attribute_condition
    if condition is UNSET:
        return Exchange(unknown=f"attribute condition of {name}")
    admitted = admits(condition, claims, attributes) if condition else True
    if admitted is None:
        return Exchange(unknown=f"condition of {name}")
    if not admitted:
        return Exchange(refused=f"the condition of {name} does not hold")
    pool = provider.pool.removeprefix("//iam.googleapis.com/")
    groups = attributes.get("google.groups")
    return Exchange(
        claimed=Claimed(
            key=f"principal://iam.googleapis.com/{pool}/subject/{subject}",
            groups=frozenset(
                str(item) for item in (groups if isinstance(groups, list) else ())
            ),
            attributes={
                attribute.removeprefix("attribute."): str(value)
                for attribute, value in attributes.items()
                if attribute.startswith("attribute.")
            },
        )
    )
