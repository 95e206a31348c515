"""What policies say: bindings, audit configurations, constraints, guardrails."""

import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Literal
from urllib.parse import unquote

from msgspec import UNSET

from dagwarden.facts import (
    AuditConfig,
    Binding,
    Condition,
    Guardrail,
    OrgPolicy,
    Origin,
    Unresolved,
)
from dagwarden.sources.snapshot.members import member_key
from dagwarden.sources.snapshot.names import CONTAINERS, Names
from dagwarden.sources.snapshot.records import (
    AuditLogShape,
    ConditionShape,
    ConstraintShape,
    GuardShape,
    PolicyShape,
)

# A place inside an asset: from a field's path to an origin.
Place = Callable[[str], Origin]

# google.iam.v1.AuditLogConfig.LogType
_LOG_TYPES: dict[int | float, str] = {1: "ADMIN_READ", 2: "DATA_WRITE", 3: "DATA_READ"}
# google.cloud.orgpolicy.v1.Policy.ListPolicy.AllValues
_ALL_VALUES: dict[int | float, str] = {1: "ALLOW", 2: "DENY"}


def bindings(resource: str, policy: PolicyShape, place: Place) -> tuple[Binding, ...]:
    """Return one binding for each role and condition of a policy."""
    found: dict[str, Binding] = {}
    prefix = f"binding:{resource}#"
    for number, entry in enumerate(policy.bindings or ()):
        condition = _condition(entry.condition) if entry.condition else None
        key = f"{prefix}{entry.role}"
        if condition:
            digest = sha256(f"{condition.expression}\0{condition.title}".encode())
            key += f"#{digest.hexdigest()[:16]}"
        members = set(map(member_key, entry.members or ()))
        if key in found:
            members.update(found[key].members)
            origin = found[key].origin
        else:
            origin = place(f"bindings[{number}]")
        found[key] = Binding(
            id=key,
            origin=origin,
            resource=resource,
            role=entry.role,
            members=tuple(sorted(members)),
            condition=condition,
        )
    return tuple(found.values())


def _condition(shape: ConditionShape) -> Condition | None:
    if not (shape.expression or shape.title):
        return None
    return Condition(expression=shape.expression or "", title=shape.title or "")


def audit_configs(
    resource: str, policy: PolicyShape, place: Place
) -> tuple[AuditConfig, ...]:
    """Return one audit configuration for each service that a policy names."""
    log_types: dict[str, set[str]] = {}
    exempted: dict[str, set[str]] = {}
    origins: dict[str, Origin] = {}
    for number, entry in enumerate(policy.auditConfigs or policy.audit_configs or ()):
        origins.setdefault(entry.service, place(f"auditConfigs[{number}]"))
        types = log_types.setdefault(entry.service, set())
        members = exempted.setdefault(entry.service, set())
        for log in entry.auditLogConfigs or entry.audit_log_configs or ():
            types.update(_log_type(log))
            given = log.exemptedMembers or log.exempted_members or ()
            members.update(member_key(member) for member in given)
    return tuple(
        AuditConfig(
            id=f"audit_config:{resource}#{service}",
            origin=origins[service],
            resource=resource,
            service=service,
            log_types=tuple(sorted(log_types[service])),
            exempted_members=tuple(sorted(exempted[service])),
        )
        for service in origins
    )


def _log_type(log: AuditLogShape) -> Iterator[str]:
    given = log.logType if log.logType is not None else log.log_type
    if not isinstance(given, str):
        given = _LOG_TYPES.get(given or 0)
    if given and given != "LOG_TYPE_UNSPECIFIED":
        yield given


def org_policy(resource: str, shape: ConstraintShape, origin: Origin) -> OrgPolicy:
    """Return an organisation policy as set on one resource."""
    boolean = shape.booleanPolicy or shape.boolean_policy
    values = shape.listPolicy or shape.list_policy
    allowed, denied = set[str](), set[str]()
    if values:
        allowed.update(values.allowedValues or values.allowed_values or ())
        denied.update(values.deniedValues or values.denied_values or ())
        every = values.allValues if values.allValues is not None else values.all_values
        every = every if isinstance(every, str) else _ALL_VALUES.get(every or 0)
        if every in ("ALLOW", "DENY"):
            (allowed if every == "ALLOW" else denied).add("*")
    unresolved = Unresolved(
        field="enforced",
        reason="layer",
        symbol=f"a yes or no of {shape.constraint} on {resource}",
    )
    return OrgPolicy(
        id=f"org_policy:{resource}#{shape.constraint}",
        origin=origin,
        resource=resource,
        constraint=shape.constraint,
        enforced=bool(boolean.enforced) if boolean else UNSET,
        allowed=tuple(sorted(allowed)),
        denied=tuple(sorted(denied)),
        unresolved=() if boolean else (unresolved,),
    )


# ----------------------------------------------------------------------- guardrails

_DENY = re.compile(r"policies/(?P<at>[^/]+)/denypolicies/[^/]+")
_BOUNDARY = re.compile(
    r"(?P<at>(organizations|folders|projects)/[^/]+)/locations/[^/]+/"
    r"(principalAccessBoundaryPolicies|policyBindings)/[^/]+"
)


def guardrail_kind(name: str) -> Literal["deny", "boundary"] | None:
    """Return what kind of guardrail a policy's name tells of, if any."""
    if "olic" not in name:  # as in most names
        return None
    name = relative(name)
    if _DENY.fullmatch(name):
        return "deny"
    return "boundary" if _BOUNDARY.fullmatch(name) else None


def relative(name: str) -> str:
    """Return a full resource name without its service."""
    return name[2:].partition("/")[2] if name.startswith("//") else name


def guardrail(shape: GuardShape, names: Names, origin: Origin) -> Guardrail:
    """Return a deny policy, boundary or boundary's binding that is present."""
    name = relative(shape.name)
    if deny := _DENY.fullmatch(name):
        attached = unquote(deny["at"]).partition("/")[2]
        permissions = _denied(shape)
        unresolved = Unresolved(
            field="permissions", reason="guardrail", symbol=f"deny policy {name}"
        )
        return Guardrail(
            id=f"guardrail:{name}",
            origin=origin,
            name=name,
            kind="deny",
            resource=names.container(attached),
            permissions=UNSET if permissions is None else permissions,
            unresolved=(unresolved,) if permissions is None else (),
        )
    boundary = _BOUNDARY.fullmatch(name)
    resource = names.container(boundary["at"]) if boundary else name
    if shape.target and shape.target.principalSet:
        target = shape.target.principalSet
        resource = (
            names.resource(target)
            if target.startswith(CONTAINERS)
            else f"//{target.removeprefix('//')}"
        )
    return Guardrail(
        id=f"guardrail:{name}",
        origin=origin,
        name=name,
        kind="boundary",
        resource=resource,
        unresolved=(
            Unresolved(
                field="permissions",
                reason="guardrail",
                symbol=f"principal access boundary {name}",
            ),
        ),
    )


def _denied(shape: GuardShape) -> tuple[str, ...] | None:
    """Return the permissions a deny policy names; None: a wildcard, or not given."""
    if shape.rules is None:
        return None
    found = set[str]()
    for rule in shape.rules:
        if rule.denyRule is None or rule.denyRule.deniedPermissions is None:
            return None
        for permission in rule.denyRule.deniedPermissions:
            service, _, rest = permission.partition(".googleapis.com/")
            if "*" in permission or not rest:
                return None
            # the same permission in an allow policy: `run.routes.invoke`
            found.add(f"{service}.{rest}")
    return tuple(sorted(found))
