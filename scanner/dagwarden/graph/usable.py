"""Whether an identity can use what it holds: who it is, and which token it gets."""

from dagwarden.graph.edges import by_id_token
from dagwarden.graph.estate import Estate
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import disabled
from dagwarden.graph.principals import ANYONE, kind_of


def why_nobody(estate: Estate, key: str) -> str | None:
    """Say of an identity that nobody can be that it is disabled, or was deleted."""
    if disabled(estate, Acting(), estate.ref(key)):
        return told_disabled(key)
    if kind_of(key) == "deleted":
        return f"{called(key)} was deleted: nobody is it, unless it is restored"
    return None


def why_unusable(
    estate: Estate, key: str, permission: str, resource: str | None = None
) -> str | None:
    """
    Say why an identity cannot use a permission that it holds, or may hold, on a resource.

    What a federated identity gets for its token is an access token. A service takes
    identity tokens, which Google signs for accounts only
    (cloud.google.com/docs/authentication/get-id-token), unless it lets everyone in.
    """
    if gone := why_nobody(estate, key):
        return gone
    if kind_of(key) != "federated" or not by_id_token(permission):
        return None
    if resource and _lets_anyone(estate, key, permission, resource):
        return None
    return (
        f"{called(key)} has no identity token of its own, and the call takes one: it has "
        "to become a service account that holds the permission, and ask for its token "
        "(iam.serviceAccounts.getOpenIdToken)"
    )


def _lets_anyone(estate: Estate, key: str, permission: str, resource: str) -> bool:
    supports = estate.access.holds(key, permission, resource).supports
    return any(one.member == ANYONE.key for one in supports)


def called(key: str) -> str:
    """Return an identity as people call it."""
    if key.startswith("principal"):  # `principal://...`: no e-mail to tell it by
        return key
    return key.partition(":")[2] or key


def told_disabled(key: str) -> str:
    """Say that an identity is disabled."""
    if kind_of(key) == "federated":
        return f"the pool of {called(key)} is disabled or deleted: it takes no token"
    return f"{called(key)} is disabled: it gets no token"
