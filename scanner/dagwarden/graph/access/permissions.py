"""Permissions: the spelling of roles, and that of deny policies and boundaries."""

from dagwarden.patterns import late

# Services whose permissions are not called after their host.
# Source: cloud.google.com/iam/docs/deny-permissions-support
_HOSTS = {"resourcemanager": "cloudresourcemanager.googleapis.com"}
# Source: cloud.google.com/iam/docs/deny-permissions-support
_FORM = late(r"[a-z0-9.-]*/(?:\*|\w+)\.(?:\*|\w+)")
_HOST = late(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")


def host_of(permission: str) -> str:
    """Return the host of the service that a role's permission belongs to."""
    service, slash, _ = permission.partition("/")
    if slash:  # `iam.googleapis.com/workloadIdentityPools.create`
        return service
    service = permission.partition(".")[0]
    return _HOSTS.get(service, f"{service}.googleapis.com")


def full(permission: str) -> str:
    """Return `run.googleapis.com/routes.invoke` for `run.routes.invoke`."""
    if "/" in permission:
        return permission
    return f"{host_of(permission)}/{permission.partition('.')[2]}"


def of_role(permission: str) -> str:
    """Return `run.routes.invoke` for `run.googleapis.com/routes.invoke`."""
    host, _, rest = permission.partition("/")
    services = {known: service for service, known in _HOSTS.items()}
    return f"{services.get(host, host.removesuffix('.googleapis.com'))}.{rest}"


def matches(pattern: str, permission: str) -> bool | None:
    """
    Compare a full permission to a pattern: `svc/res.verb`, `svc/res.*`, `svc/*.*`.

    Permissions are case-sensitive, so one that differs in case alone would not be
    accepted, nor one of another form: what these stand for is not known (None).
    """
    if _covers(pattern, permission):
        return True
    if _covers(pattern.lower(), permission.lower()):
        return None
    if _FORM().fullmatch(pattern) or _of_another(pattern, permission):
        return False
    return None


def _of_another(pattern: str, permission: str) -> bool:
    """Tell whether a pattern of any form names another service than a permission is of."""
    host, slash, _ = pattern.partition("/")
    named = bool(slash) and _HOST().fullmatch(host) is not None
    return named and host != permission.partition("/")[0]


def _covers(pattern: str, permission: str) -> bool:
    host, _, rest = pattern.partition("/")
    own, _, name = permission.partition("/")
    if host != own:
        return False
    if rest == "*":
        return True
    kind, _, verb = rest.rpartition(".")
    own_kind, _, own_verb = name.rpartition(".")
    return kind in ("*", own_kind) and verb in ("*", own_verb)
