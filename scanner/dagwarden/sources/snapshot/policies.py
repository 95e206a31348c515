"""What policies say: bindings, audit configurations, constraints, guardrails."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import sha256
from sys import intern
from typing import Literal
from urllib.parse import unquote

from msgspec import UNSET

from dagwarden.facts import (
    AuditConfig,
    Binding,
    BoundaryBinding,
    BoundaryPolicy,
    Condition,
    DenyPolicy,
    DenyRule,
    OrgPolicy,
    Origin,
    Unresolved,
)
from dagwarden.sources.snapshot.members import Named
from dagwarden.sources.snapshot.names import Names, whole
from dagwarden.sources.snapshot.records import (
    Asset,
    AuditLogShape,
    ConditionShape,
    ConstraintShape,
    GuardShape,
    OrgPolicyShape,
    PolicyShape,
)

# google.iam.v1.AuditLogConfig.LogType
_LOG_TYPES: dict[int | float, str] = {1: "ADMIN_READ", 2: "DATA_WRITE", 3: "DATA_READ"}
# google.cloud.orgpolicy.v1.Policy.ListPolicy.AllValues
_ALL_VALUES: dict[int | float, str] = {1: "ALLOW", 2: "DENY"}


def bindings(
    resource: str, policy: PolicyShape, asset: Asset, named: Named
) -> list[Binding]:
    """Return one binding for each role and condition of a policy, which an asset has."""
    found: dict[str, Binding] = {}
    prefix, above = f"binding:{resource}#", _above(asset)
    source, line = asset.source, asset.line
    for number, entry in enumerate(policy.bindings or ()):
        condition = _condition(entry.condition) if entry.condition else None
        key = prefix + entry.role
        if condition:
            digest = sha256(f"{condition.expression}\0{condition.title}".encode())
            key += f"#{digest.hexdigest()[:16]}"
        members: Sequence[str] = entry.members or ()
        if (same := found.get(key)) is None:
            field = _field(above, "bindings", number)
            origin = Origin(source=source, line=line, field=field)
        else:
            origin, members = same.origin, (*same.members, *members)
        keys = named.keys(members, origin)
        found[key] = Binding(
            id=key,
            origin=origin,
            resource=resource,
            role=intern(entry.role),  # of which there are few
            members=keys,
            condition=condition,
            expired=None,  # what a condition says of it is told later
            deleted_members=named.deleted(keys),
        )
    return list(found.values())


def _above(asset: Asset) -> str:
    """Return where an asset's policy stands in it."""
    above = "policy." if asset.searched else "iamPolicy."
    return above if asset.element is None else f"[{asset.element}].{above}"


@lru_cache(maxsize=1 << 10)  # policies have the same fields
def _field(above: str, name: str, number: int) -> str:
    return f"{above}{name}[{number}]"


def _condition(shape: ConditionShape) -> Condition | None:
    if not (shape.expression or shape.title):
        return None
    return Condition(expression=shape.expression or "", title=shape.title or "")


def audit_configs(
    resource: str, policy: PolicyShape, asset: Asset, named: Named
) -> list[AuditConfig]:
    """Return one audit configuration for each service that a policy names."""
    given = policy.auditConfigs or policy.audit_configs
    if not given:  # as nearly all
        return []
    log_types: dict[str, set[str]] = {}
    exempted: dict[str, list[str]] = {}
    origins: dict[str, Origin] = {}
    for number, entry in enumerate(given):
        field = _field(_above(asset), "auditConfigs", number)
        origin = Origin(source=asset.source, line=asset.line, field=field)
        origins.setdefault(entry.service, origin)
        types = log_types.setdefault(entry.service, set())
        members = exempted.setdefault(entry.service, [])
        for log in entry.auditLogConfigs or entry.audit_log_configs or ():
            types.update(_log_type(log))
            members += log.exemptedMembers or log.exempted_members or ()
    return [
        AuditConfig(
            id=f"audit_config:{resource}#{service}",
            origin=origin,
            resource=resource,
            service=service,
            log_types=tuple(sorted(log_types[service])),
            exempted_members=named.keys(exempted[service], origin),
        )
        for service, origin in origins.items()
    ]


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
        inherits=bool(
            values and (values.inheritFromParent or values.inherit_from_parent)
        ),
        reset=bool(shape.restoreDefault or shape.restore_default),
        unresolved=() if boolean else (unresolved,),
    )


_ORG_POLICY = re.compile(
    r"//orgpolicy\.googleapis\.com/(?:v2/)?"
    r"(?P<on>(?:organizations|folders|projects)/[^/]+)/policies/(?P<constraint>[^/]+)"
)


def org_policy_of(
    name: str, shape: OrgPolicyShape, names: Names, origin: Origin
) -> OrgPolicy | None:
    """
    Return an organisation policy of version 2 of that API.

    None: it is only tried out (a dry run), or its name is of another shape.
    """
    found = _ORG_POLICY.fullmatch(name)
    spec = shape.spec
    if found is None or spec is None:
        return None
    resource = names.container(found["on"])
    constraint = f"constraints/{found['constraint']}"
    rules = spec.rules or []
    allowed, denied = set[str](), set[str]()
    for rule in rules:
        allowed.update((rule.values and rule.values.allowedValues) or ())
        denied.update((rule.values and rule.values.deniedValues) or ())
        if rule.allowAll:
            allowed.add("*")
        if rule.denyAll:
            denied.add("*")
    conditional = any(rule.condition is not None for rule in rules)
    said = {bool(rule.enforce) for rule in rules if rule.enforce is not None}
    enforced = said.pop() if len(said) == 1 and not conditional else UNSET
    unresolved = Unresolved(
        field="enforced",
        reason="condition" if conditional else "layer",
        symbol=f"a yes or no of {constraint} on {resource}",
    )
    return OrgPolicy(
        id=f"org_policy:{resource}#{constraint}",
        origin=origin,
        resource=resource,
        constraint=constraint,
        enforced=enforced,
        allowed=tuple(sorted(allowed)),
        denied=tuple(sorted(denied)),
        inherits=bool(spec.inheritFromParent),
        reset=bool(spec.reset),
        conditional=conditional,
        unresolved=() if enforced is not UNSET else (unresolved,),
    )


# ----------------------------------------------------------------------- guardrails

_DENY = re.compile(r"policies/(?P<at>[^/]+)/denypolicies/[^/]+")
_BOUNDARY = re.compile(
    r"(organizations|folders|projects)/[^/]+/locations/[^/]+/"
    r"(?P<kind>principalAccessBoundaryPolicies|policyBindings)/[^/]+"
)


GuardrailKind = Literal["deny", "boundary", "binding"]
KINDS_OF_GUARDRAIL: dict[GuardrailKind, tuple[str, ...]] = {
    "deny": ("deny_policy",),
    "boundary": ("boundary_policy",),
    "binding": ("boundary_binding",),
}


def guardrail_kind(name: str) -> GuardrailKind | None:
    """Return what kind of guardrail a policy's name tells of, if any."""
    if "olic" not in name:  # as in most names
        return None
    name = relative(name)
    if _DENY.fullmatch(name):
        return "deny"
    found = _BOUNDARY.fullmatch(name)
    if found is None:
        return None
    return "binding" if found["kind"] == "policyBindings" else "boundary"


def relative(name: str) -> str:
    """Return a full resource name without its service."""
    return name[2:].partition("/")[2] if name.startswith("//") else name


def deny_policy(shape: GuardShape, names: Names, origin: Origin) -> DenyPolicy:
    """Return a deny policy; one that was only listed has no rules."""
    name = relative(shape.name)
    deny = _DENY.fullmatch(name)
    attached = unquote(deny["at"]).partition("/")[2] if deny else name
    rules = _deny_rules(shape)
    unresolved = Unresolved(
        field="rules", reason="guardrail", symbol=f"rules of deny policy {name}"
    )
    return DenyPolicy(
        id=f"deny_policy:{name}",
        origin=origin,
        name=name,
        resource=names.container(attached),
        rules=UNSET if rules is None else rules,
        unresolved=(unresolved,) if rules is None else (),
    )


def _deny_rules(shape: GuardShape) -> tuple[DenyRule, ...] | None:
    # the API takes no rule without both: what lacks one was cut short
    if shape.rules is None or not all(
        one.denyRule
        and one.denyRule.deniedPrincipals
        and one.denyRule.deniedPermissions
        for one in shape.rules
    ):
        return None
    return tuple(
        DenyRule(
            principals=tuple(rule.deniedPrincipals or ()),
            exception_principals=tuple(rule.exceptionPrincipals or ()),
            permissions=tuple(rule.deniedPermissions or ()),
            exception_permissions=tuple(rule.exceptionPermissions or ()),
            condition=_condition(rule.denialCondition)
            if rule.denialCondition
            else None,
        )
        for one in shape.rules
        if (rule := one.denyRule) is not None
    )


def boundary_policy(shape: GuardShape, names: Names, origin: Origin) -> BoundaryPolicy:
    """Return an access boundary."""
    name = relative(shape.name)
    details = shape.details
    rules = (details.rules if details else None) or []
    listed = [resource for rule in rules for resource in rule.resources or ()]
    known = (
        details is not None
        and details.rules is not None
        and all(rule.effect in _EFFECT_ALLOW for rule in rules)
        and all(map(_LISTABLE.fullmatch, listed))
    )
    resources = {names.resource(resource) for resource in listed}
    version = details.enforcementVersion if details else None
    symbol = f"principal access boundary {name}"
    return BoundaryPolicy(
        id=f"boundary_policy:{name}",
        origin=origin,
        name=name,
        resources=tuple(sorted(resources)) if known else UNSET,
        version=UNSET if version is None else whole(version),
        unresolved=tuple(
            Unresolved(field=field, reason="guardrail", symbol=symbol)
            for field, there in (("resources", known), ("version", version is not None))
            if not there
        ),
    )


# Only these can be listed (google.iam.v3.PrincipalAccessBoundaryPolicyRule.resources).
_LISTABLE = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(organizations|folders|projects)/[^/]+"
)
# name and number of google.iam.v3.PrincipalAccessBoundaryPolicyRule.Effect
_EFFECT_ALLOW = frozenset({"ALLOW", 1, None})
# google.iam.v3.PolicyBinding.PolicyKind; other kinds are of access policies
_BINDS_BOUNDARY = frozenset(
    {"PRINCIPAL_ACCESS_BOUNDARY", "POLICY_KIND_UNSPECIFIED", 1, None}
)


def boundary_binding(
    shape: GuardShape, names: Names, origin: Origin
) -> BoundaryBinding | None:
    """Return the binding of an access boundary; None: it binds another policy."""
    if shape.policyKind not in _BINDS_BOUNDARY or not shape.policy:
        return None
    name = relative(shape.name)
    target = shape.target.principalSet if shape.target else None
    return BoundaryBinding(
        id=f"boundary_binding:{name}",
        origin=origin,
        name=name,
        policy=relative(shape.policy),
        principals=names.resource(f"//{(target or name).removeprefix('//')}"),
        condition=_condition(shape.condition) if shape.condition else None,
    )
