"""Which data access logs a project writes: its own settings and those above it."""

from collections.abc import Iterator

from msgspec import UNSET

from dagwarden.facts import AuditConfig, AuditLog, Maybe, Resource
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.estate import Estate, unresolved

# Whose settings count: data access of the service that mints tokens is logged as that of
# IAM, and has no setting of its own
# (cloud.google.com/iam/docs/audit-logging/audit-logging-iamcreds).
_SET_BY = {
    "iamcredentials.googleapis.com": ("allServices", "iam.googleapis.com"),
    "run.googleapis.com": ("allServices", "run.googleapis.com"),
}
# What has to be logged, of each service. Minting a token is one of the two, and Google's
# page on it (see above) was read in versions that tell of different ones.
_USES = {
    "iamcredentials.googleapis.com": frozenset({"ADMIN_READ", "DATA_READ"}),
    "run.googleapis.com": frozenset({"DATA_READ", "DATA_WRITE"}),
}
_EITHER = Cause(
    reason="dynamic",
    symbol="whether minting a token is logged as ADMIN_READ or as DATA_READ",
)
ALL_TYPES = ("ADMIN_READ", "DATA_READ", "DATA_WRITE")


def derive_audit_logs(estate: Estate) -> tuple[AuditLog, ...]:
    """Return what every project in scope logs for the services that matter."""
    configs: dict[str, list[AuditConfig]] = {}
    for config in estate.facts.audit_configs:
        name = estate.hierarchy.canonical(config.resource)
        configs.setdefault(name, []).append(config)
    found = (
        _audit_log(estate, configs, resource, service)
        for resource in estate.facts.resources
        if resource.kind == "project" and resource.state in (None, "ACTIVE")
        for service in _SET_BY
    )
    return tuple(sorted(found, key=lambda item: item.id))


def _audit_log(
    estate: Estate,
    configs: dict[str, list[AuditConfig]],
    resource: Resource,
    service: str,
) -> AuditLog:
    names = estate.hierarchy.lineage(resource.name).names
    applying = [
        config
        for name in names
        for config in configs.get(name, ())
        if config.service in _SET_BY[service]
    ]
    types = sorted({item for config in applying for item in config.log_types})
    exempted = sorted({m for config in applying for m in config.exempted_members})
    doubt = distinct(_unread(estate, resource))
    # nothing above can take away what is logged, and there is no fourth type
    complete = set(ALL_TYPES) <= set(types)
    known = not doubt or complete
    logged, open_ones = _uses_logged(service, types, () if complete else doubt)
    project = resource.project_id or resource.project_number or resource.name
    return AuditLog(
        id=f"audit_log:{resource.name}#{service}",
        origin=resource.origin,
        unresolved=(
            *unresolved(() if known else doubt, "log_types"),
            *unresolved(open_ones, "uses_logged"),
            *unresolved(doubt, "exempted"),
        ),
        project=project,
        service=service,
        log_types=tuple(types) if known else UNSET,
        uses_logged=logged,
        exempted=UNSET if doubt else tuple(exempted),
    )


def _uses_logged(
    service: str, types: list[str], doubt: tuple[Cause, ...]
) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    """Tell whether each use of a service is logged, and what would tell."""
    missing = _USES[service].difference(types)
    minting = service == "iamcredentials.googleapis.com"
    if minting and 0 < len(missing) < len(_USES[service]):
        doubt = (*doubt, _EITHER)
    return (UNSET if doubt else not missing), doubt


def _unread(estate: Estate, resource: Resource) -> Iterator[Cause]:
    snapshot = estate.facts.snapshots[0]
    if snapshot.layers.audit != "read":  # a search of policies leaves them out
        symbol = "audit configurations in the IAM policies of the snapshot"
        yield Cause(reason="layer", symbol=symbol)
    for missing in estate.hierarchy.lineage(resource.name).missing:
        yield Cause(reason=missing.reason, symbol=missing.symbol)
