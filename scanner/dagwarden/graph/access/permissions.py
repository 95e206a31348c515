"""Permissions: the spelling of roles, and that of deny policies and boundaries."""

# Services whose permissions are not called after their host.
# Source: cloud.google.com/iam/docs/deny-permissions-support
_HOSTS = {"resourcemanager": "cloudresourcemanager.googleapis.com"}


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


def matches(pattern: str, permission: str) -> bool | None:
    """
    Compare a full permission to a pattern: `svc/res.verb`, `svc/res.*`, `svc/*.*`.

    Permissions are case-sensitive, so one that differs in case alone would not be
    accepted: what it stands for is not known (None).
    """
    if _covers(pattern, permission):
        return True
    return None if _covers(pattern.lower(), permission.lower()) else False


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
