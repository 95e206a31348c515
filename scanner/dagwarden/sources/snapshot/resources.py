"""What one resource yields: facts, by its type and by the policies on it."""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import UNSET, UnsetType, structs

from dagwarden.facts import (
    AuditConfig,
    Binding,
    CloudRun,
    ComposerEnvironment,
    Fact,
    FederationProvider,
    Identity,
    Key,
    LogBucket,
    LogSink,
    OrgPolicy,
    Origin,
    Resource,
    Role,
    Sender,
    Unresolved,
)
from dagwarden.sources.snapshot.export import GUARDRAIL
from dagwarden.sources.snapshot.hierarchy import Hierarchy
from dagwarden.sources.snapshot.join import Joined, constraint_of
from dagwarden.sources.snapshot.members import Named, account
from dagwarden.sources.snapshot.names import CONTAINERS, Names
from dagwarden.sources.snapshot.policies import (
    audit_configs,
    bindings,
    boundary_binding,
    boundary_policy,
    deny_policy,
    guardrail_kind,
    org_policy,
    org_policy_of,
    relative,
)
from dagwarden.sources.snapshot.records import (
    BUCKET,
    COMPOSER,
    JOB,
    LOG_BUCKET,
    LOG_SINK,
    ORG_POLICY,
    PROVIDER,
    ROLE,
    SCHEDULE,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_ACCOUNT_KEY,
    SUBSCRIPTION,
    TAG_BINDING,
    TAG_KEY,
    TAG_VALUE,
    TRIGGER,
    WORKFLOW,
    WORKFORCE_PROVIDER,
    CloudRunShape,
    ComposerShape,
    ContainerShape,
    Data,
    GuardShape,
    LogBucketShape,
    LogSinkShape,
    OrgPolicyShape,
    PoolShape,
    ProviderShape,
    RoleShape,
    ServiceAccountKeyShape,
    ServiceAccountShape,
)
from dagwarden.sources.snapshot.senders import sender
from dagwarden.sources.snapshot.workloads import (
    NOT_GIVEN,
    cloud_run,
    composer_environment,
)

_OF_TAGS = frozenset({TAG_BINDING, TAG_KEY, TAG_VALUE})


class Surroundings:
    """What a resource's facts need to know of the others."""

    def __init__(
        self, names: Names, hierarchy: Hierarchy, joined: Mapping[str, Joined]
    ) -> None:
        """Look up in `joined` what a resource refers to."""
        self.names = names
        self.hierarchy = hierarchy
        self._joined = joined

    def pool(self, name: str) -> PoolShape | None:
        """Return the record of a workload identity pool."""
        data = _data(self._joined[name]) if name in self._joined else None
        return data if isinstance(data, PoolShape) else None


def facts_of_record(one: Joined, around: Surroundings) -> list[Fact]:
    """Return the facts that one resource's own records hold, and what constrains it."""
    if one.type in _OF_TAGS:  # `tags` makes facts of them
        return []
    fact = _fact_of_data(one, around)
    found = [] if fact is None else [fact]
    if not one.constraints:  # as of most
        return found
    for constraint, told in sorted(one.constraints.items()):
        shape = constraint_of(told, constraint)
        if shape is not None:
            found.append(org_policy(one.name, shape, told.origin("orgPolicy")))
    return found


def _fact_of_data(one: Joined, around: Surroundings) -> Fact | None:
    name = one.name
    if name.startswith(CONTAINERS):
        return container(name, one.first.origin(), around, _data(one), one.ancestors)
    reader = _READERS.get(one.type)
    return reader(one, around) if reader else None


def of_policy(
    one: Joined, named: Named
) -> tuple[Sequence[Binding], Sequence[AuditConfig]]:
    """Return the facts that one resource's IAM policy holds; note whom it names."""
    asset = one.policy
    if asset is None or asset.policy is None or one.type in _OF_TAGS:
        return (), ()
    return (
        bindings(one.name, asset.policy, asset, named),
        audit_configs(one.name, asset.policy, asset, named),
    )


def _data(one: Joined) -> Data | None:
    return one.data.data if one.data else None


def _origin(one: Joined) -> Origin:
    return one.data.origin("resource.data") if one.data else one.first.origin()


def _missing(one: Joined) -> str | None:
    """Return what would tell the fields of a record; None: it is there, and broken."""
    return None if one.broken else NOT_GIVEN


_CONTAINER_KINDS = {
    "organizations": "organization",
    "folders": "folder",
    "projects": "project",
}


def container(
    name: str,
    origin: Origin,
    around: Surroundings,
    data: Data | None,
    ancestors: tuple[str, ...] | None,
) -> Resource:
    """Return an organisation, folder or project; `data` None: only its name is known."""
    kind, _, number = name.removeprefix(CONTAINERS).partition("/")
    project = kind == "projects"
    by_number = number.isdecimal()
    shape = data if isinstance(data, ContainerShape) else ContainerShape()
    project_id = around.names.ids.get(number) if by_number else number
    return Resource(
        id=name,
        origin=origin,
        name=name,
        kind=_CONTAINER_KINDS.get(kind, kind),
        ancestors=UNSET if ancestors is None else ancestors,
        project_id=project_id if project else None,
        project_number=number if project and by_number else None,
        domain=_domain(shape) if kind == "organizations" else None,
        state=container_state(shape),
        unresolved=_ancestors_unresolved(name, ancestors),
    )


def _domain(organization: ContainerShape) -> str | None:
    """Return the primary domain, after which Google calls an organisation."""
    name = (organization.displayName or "").strip().lower()
    return name if "." in name and " " not in name else None


# names and numbers of google.cloud.resourcemanager.v3 (of projects and folders)
_STATES: dict[str | float, str] = {1: "ACTIVE", 2: "DELETE_REQUESTED"}


def container_state(shape: ContainerShape) -> str | None:
    """Return the lifecycle state of a container; None: it does not say."""
    state = shape.lifecycleState or shape.state
    return state if isinstance(state, str) else _STATES.get(state or 0)


def _ancestors_unresolved(
    name: str, ancestors: tuple[str, ...] | None
) -> tuple[Unresolved, ...]:
    if ancestors is not None:
        return ()
    symbol = f"ancestors of {name}"
    return (Unresolved(field="ancestors", reason="layer", symbol=symbol),)


def _bucket(one: Joined, around: Surroundings) -> Resource:
    project = one.ancestors[0] if one.ancestors else ""
    number = project.removeprefix(f"{CONTAINERS}projects/")
    known = number if number.isdecimal() else None
    return Resource(
        id=one.name,
        origin=_origin(one),
        name=one.name,
        kind="bucket",
        ancestors=UNSET if one.ancestors is None else one.ancestors,
        project_id=around.names.ids.get(number),
        project_number=known,
        unresolved=_ancestors_unresolved(one.name, one.ancestors),
    )


def _service_account(one: Joined, around: Surroundings) -> Identity | None:
    data = _data(one)
    if isinstance(data, ServiceAccountShape) and "@" in data.email:
        return account(
            data.email,
            around.names,
            _origin(one),
            unique_id=data.uniqueId,
            project=data.projectId,
            disabled=bool(data.disabled),
        )
    if one.disputed and "@" in one.name:
        email = one.name.rpartition("/")[2]
        origin = _origin(one)
        return account(
            email, around.names, origin, unique_id=None, project=None, disabled=None
        )
    return None


_KEY = re.compile(r".*/serviceAccounts/(?P<account>[^/]+)/keys/(?P<key>[^/]+)")


def _key(one: Joined, around: Surroundings) -> Key | None:
    data = _data(one)
    shape = data if isinstance(data, ServiceAccountKeyShape) else None
    match = _KEY.fullmatch(one.name)
    by_email = _KEY.fullmatch(shape.name) if shape else None
    if match is None:
        return None
    account = (by_email or match)["account"].lower()
    fields: dict[str, object] = dict.fromkeys(
        ("user_managed", "valid_after", "valid_before", "disabled"), UNSET
    )
    if shape is not None:
        fields = {
            "user_managed": _USER_MANAGED.get(shape.keyType or 0, UNSET),
            "valid_after": shape.validAfterTime or UNSET,
            "valid_before": shape.validBeforeTime or UNSET,
            "disabled": bool(shape.disabled),
        }
    key = Key(
        id=f"key:{account}/{match['key']}",
        origin=_origin(one),
        account=account,
        key_id=match["key"],
        unresolved=tuple(
            Unresolved(
                field=name,
                reason="unreadable" if shape or one.broken else "layer",
                symbol=(
                    f"{name} of key {match['key']}"
                    if shape or one.broken
                    else NOT_GIVEN
                ),
            )
            for name, value in sorted(fields.items())
            if value is UNSET
        ),
    )
    return structs.replace(key, **fields)


# names and numbers of google.iam.admin.v1
_USER_MANAGED: dict[str | float, bool] = {
    "USER_MANAGED": True,
    "SYSTEM_MANAGED": False,
    1: True,
    2: False,
}
_STAGES: dict[str | float, str] = {
    0: "ALPHA",
    1: "BETA",
    2: "GA",
    4: "DEPRECATED",
    5: "DISABLED",
    6: "EAP",
}


def _role(one: Joined, around: Surroundings) -> Role:
    data = _data(one)
    shape = data if isinstance(data, RoleShape) else RoleShape()
    # policies name a role without the service
    name = shape.name or relative(one.name)
    permissions = shape.includedPermissions
    unresolved = Unresolved(
        field="permissions",
        reason="unreadable" if one.broken else "layer",
        symbol=f"the definition of {name}",
    )
    return Role(
        id=f"role:{name}",
        origin=_origin(one),
        name=name,
        permissions=UNSET if permissions is None else tuple(sorted(set(permissions))),
        stage=(
            shape.stage
            if shape.stage is None or isinstance(shape.stage, str)
            else _STAGES.get(shape.stage, str(shape.stage))
        ),
        deleted=bool(shape.deleted),
        custom=not name.startswith("roles/"),
        unresolved=(unresolved,) if permissions is None else (),
    )


_PROVIDER = re.compile(
    r"(?P<pool>.*/(?:workloadIdentity|workforce)Pools/[^/]+)/providers/[^/]+"
)
# DELETED has the number 2 in the API's enums
_OFF: frozenset[str | float] = frozenset({"DELETED", "DISABLED", 2})


def _provider(one: Joined, around: Surroundings) -> FederationProvider | None:
    data = _data(one)
    match = _PROVIDER.fullmatch(one.name)
    if match is None:
        return None
    pool = match["pool"]
    fields: dict[str, object] = dict.fromkeys(
        ("kind", "issuer", "attribute_condition", "disabled", "pool_disabled"), UNSET
    )
    above = around.pool(pool)
    if above is not None:
        fields["pool_disabled"] = _off(above)
    if isinstance(data, ProviderShape):
        fields |= {
            "kind": _provider_kind(data),
            "issuer": data.oidc.issuerUri if data.oidc else None,
            "attribute_condition": data.attributeCondition or None,
            "attribute_mapping": _mapping(data),
            "allowed_audiences": _audiences(data),
            "aws_account": data.aws.accountId if data.aws else None,
            "disabled": _disabled(data, above),
            "groups_elsewhere": _asks_directory(data),
        }
    provider = FederationProvider(
        id=f"federation_provider:{one.name}",
        origin=_origin(one),
        name=one.name,
        pool=pool,
        workforce="/workforcePools/" in pool,
        organization=above.parent if above is not None else None,
        unresolved=tuple(
            Unresolved(
                field=name,
                reason="layer",
                symbol=(f"{name} of {one.name}" if data or one.broken else NOT_GIVEN),
            )
            for name, value in sorted(fields.items())
            if value is UNSET
        ),
    )
    return structs.replace(provider, **fields)


def _audiences(data: ProviderShape) -> tuple[str, ...]:
    if data.oidc is None:
        return ()
    own = (data.oidc.clientId,) if data.oidc.clientId else ()
    return (*(data.oidc.allowedAudiences or ()), *own)


# What holds where a provider of these kinds maps nothing.
# Sources: iam.googleapis.com, REST reference:
# projects.locations.workloadIdentityPools.providers (AWS);
# cloud.google.com/iam/docs/workload-identity-federation-with-x509-certificates
_X509_MAPPING = {"google.subject": "assertion.subject.dn.cn"}
AWS_MAPPING = {
    "google.subject": "assertion.arn",
    "attribute.aws_role": (
        "assertion.arn.contains('assumed-role')"
        " ? assertion.arn.extract('{account_arn}assumed-role/')"
        " + 'assumed-role/'"
        " + assertion.arn.extract('assumed-role/{role_name}/')"
        " : assertion.arn"
    ),
}


def _mapping(data: ProviderShape) -> tuple[tuple[str, str], ...]:
    of_kind = AWS_MAPPING if data.aws else _X509_MAPPING if data.x509 else {}
    return tuple(sorted((data.attributeMapping or of_kind).items()))


def _provider_kind(data: ProviderShape) -> str | UnsetType:
    kinds = {"oidc": data.oidc, "aws": data.aws, "saml": data.saml, "x509": data.x509}
    return next((kind for kind, shape in kinds.items() if shape is not None), UNSET)


def _asks_directory(provider: ProviderShape) -> bool:
    """
    Tell whether groups come from a directory: by SCIM, or asked for by Google itself.

    Sources: iam.googleapis.com, REST reference: locations.workforcePools.providers;
    cloud.google.com/iam/docs/workforce-identity-federation-scim
    """
    return bool(
        provider.scimUsage in _SCIM_GROUPS
        or provider.extraAttributesOauth2Client
        or provider.extendedAttributesOauth2Client
    )


# name and number of google.iam.admin.v1.WorkforcePoolProvider.ScimUsage
_SCIM_GROUPS = frozenset({"ENABLED_FOR_GROUPS", 1})


def _disabled(provider: ProviderShape, pool: PoolShape | None) -> bool | UnsetType:
    if _off(provider) or (pool is not None and _off(pool)):
        return True
    return UNSET if pool is None else False


def _off(shape: ProviderShape | PoolShape) -> bool:
    return bool(shape.disabled) or shape.state in _OFF


def _cloud_run(one: Joined, around: Surroundings) -> CloudRun | None:
    data = _data(one)
    shape = data if isinstance(data, CloudRunShape) else None
    return cloud_run(one.name, shape, _origin(one), _missing(one))


def _composer(one: Joined, around: Surroundings) -> ComposerEnvironment:
    data = _data(one)
    shape = data if isinstance(data, ComposerShape) else None
    return composer_environment(one.name, shape, _origin(one), _missing(one))


def _guardrail(one: Joined, around: Surroundings) -> Fact | None:
    data, origin = _data(one), one.data.origin() if one.data else one.first.origin()
    if not isinstance(data, GuardShape):
        data = GuardShape(name=one.name)
    kind = guardrail_kind(data.name)
    if kind == "deny":
        return None if data.deleteTime else deny_policy(data, around.names, origin)
    if kind == "boundary":
        return boundary_policy(data, around.names, origin)
    return boundary_binding(data, around.names, origin)


def _org_policy(one: Joined, around: Surroundings) -> OrgPolicy | None:
    data = _data(one)
    shape = data if isinstance(data, OrgPolicyShape) else OrgPolicyShape()
    return org_policy_of(one.name, shape, around.names, _origin(one))


_SINK = re.compile(
    r"//logging\.googleapis\.com/(?P<of>(?:projects|folders|organizations)/[^/]+)/sinks/[^/]+"
)


def _log_sink(one: Joined, around: Surroundings) -> LogSink | None:
    data = _data(one)
    match = _SINK.fullmatch(one.name)
    if match is None:  # of a billing account
        return None
    fields: dict[str, object] = dict.fromkeys(
        ("destination", "filter", "disabled"), UNSET
    )
    if isinstance(data, LogSinkShape):
        exclusions = [item for item in data.exclusions or () if not item.disabled]
        fields = {
            "destination": data.destination or UNSET,
            "filter": data.filter or "",
            "disabled": bool(data.disabled),
            "include_children": bool(data.includeChildren),
            "exclusions": len(exclusions),
        }
    sink = LogSink(
        id=f"log_sink:{one.name}",
        origin=_origin(one),
        name=one.name,
        resource=around.names.container(match["of"]),
        unresolved=_unread(one, fields),
    )
    return structs.replace(sink, **fields)


def _log_bucket(one: Joined, around: Surroundings) -> LogBucket | None:
    data = _data(one)
    fields: dict[str, object] = {"retention_days": UNSET}
    if isinstance(data, LogBucketShape):
        if data.lifecycleState in _OFF_BUCKET:
            return None
        days = data.retentionDays
        fields = {
            "retention_days": UNSET if days is None else float(days),
            "locked": bool(data.locked),
        }
    bucket = LogBucket(
        id=f"log_bucket:{one.name}",
        origin=_origin(one),
        name=one.name,
        unresolved=_unread(one, fields),
    )
    return structs.replace(bucket, **fields)


# name and number of google.logging.v2.LifecycleState
_OFF_BUCKET: frozenset[str | float] = frozenset({"DELETE_REQUESTED", 2})


def _unread(one: Joined, fields: Mapping[str, object]) -> tuple[Unresolved, ...]:
    """Return why fields of a record are not known."""
    return tuple(
        Unresolved(
            field=name,
            reason="unreadable" if one.data or one.broken else "layer",
            symbol=f"{name} of {one.name}" if one.data or one.broken else NOT_GIVEN,
        )
        for name, value in sorted(fields.items())
        if value is UNSET
    )


def _sender(one: Joined, around: Surroundings) -> Sender | None:
    return sender(one.name, _data(one), around.names, _origin(one))


_READERS: dict[str, Callable[[Joined, Surroundings], Fact | None]] = {
    BUCKET: _bucket,
    SERVICE_ACCOUNT: _service_account,
    SERVICE_ACCOUNT_KEY: _key,
    ROLE: _role,
    PROVIDER: _provider,
    WORKFORCE_PROVIDER: _provider,
    SERVICE: _cloud_run,
    JOB: _cloud_run,
    COMPOSER: _composer,
    GUARDRAIL: _guardrail,
    ORG_POLICY: _org_policy,
    LOG_SINK: _log_sink,
    LOG_BUCKET: _log_bucket,
    SCHEDULE: _sender,
    SUBSCRIPTION: _sender,
    TRIGGER: _sender,
    WORKFLOW: _sender,
}
