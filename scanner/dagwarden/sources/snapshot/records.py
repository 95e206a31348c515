"""
The shapes of Cloud Asset Inventory exports, as far as they are modelled.

Field names are the API's own (camelCase). An export from Cloud Storage spells the
outer ones in snake_case; both are accepted everywhere. What is not declared here
is skipped while decoding and never becomes an object. JSON `null` and an absent
field mean the same: not set.
"""

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Raw, Struct, field

from dagwarden.facts import GapReason, LayerState, Origin, SecretKind, ToldBy

ORGANIZATION = "cloudresourcemanager.googleapis.com/Organization"
FOLDER = "cloudresourcemanager.googleapis.com/Folder"
PROJECT = "cloudresourcemanager.googleapis.com/Project"
BUCKET = "storage.googleapis.com/Bucket"
SERVICE_ACCOUNT = "iam.googleapis.com/ServiceAccount"
SERVICE_ACCOUNT_KEY = "iam.googleapis.com/ServiceAccountKey"
ROLE = "iam.googleapis.com/Role"
POOL = "iam.googleapis.com/WorkloadIdentityPool"
PROVIDER = "iam.googleapis.com/WorkloadIdentityPoolProvider"
WORKFORCE_POOL = "iam.googleapis.com/WorkforcePool"
WORKFORCE_PROVIDER = "iam.googleapis.com/WorkforcePoolProvider"
SERVICE = "run.googleapis.com/Service"
JOB = "run.googleapis.com/Job"
COMPOSER = "composer.googleapis.com/Environment"
TAG_KEY = "cloudresourcemanager.googleapis.com/TagKey"
TAG_VALUE = "cloudresourcemanager.googleapis.com/TagValue"
TAG_BINDING = "cloudresourcemanager.googleapis.com/TagBinding"
ORG_POLICY = "orgpolicy.googleapis.com/Policy"
LOG_SINK = "logging.googleapis.com/LogSink"
LOG_BUCKET = "logging.googleapis.com/LogBucket"
SCHEDULE = "cloudscheduler.googleapis.com/Job"
SUBSCRIPTION = "pubsub.googleapis.com/Subscription"
TRIGGER = "eventarc.googleapis.com/Trigger"
WORKFLOW = "workflows.googleapis.com/Workflow"


# Where a resource's data came through a protocol message, 3 is written 3.0 and an
# enum may be its number.
Number: TypeAlias = int | float | str
Enum: TypeAlias = str | int | float


class Shape(Struct, omit_defaults=True, kw_only=True, gc=False):
    """A part of an export; written back it holds only what is modelled."""


# ------------------------------------------------------------------------- policies


class ConditionShape(Shape, kw_only=True):
    """An IAM condition."""

    expression: str | None = None
    title: str | None = None


class BindingShape(Shape, kw_only=True):
    """One entry of `bindings`."""

    role: str = ""
    members: list[str] | None = None
    condition: ConditionShape | None = None


class AuditLogShape(Shape, kw_only=True):
    """One log type of an audit configuration; exports also number the types."""

    logType: Enum | None = None
    log_type: Enum | None = None
    exemptedMembers: list[str] | None = None
    exempted_members: list[str] | None = None


class AuditShape(Shape, kw_only=True):
    """One service of an audit configuration."""

    service: str = ""
    auditLogConfigs: list[AuditLogShape] | None = None
    audit_log_configs: list[AuditLogShape] | None = None


class PolicyShape(Shape, kw_only=True):
    """An allow policy."""

    bindings: list[BindingShape] | None = None
    auditConfigs: list[AuditShape] | None = None
    audit_configs: list[AuditShape] | None = None


class BooleanPolicyShape(Shape, kw_only=True):
    """The boolean form of an organisation policy."""

    enforced: bool | None = None


class ListPolicyShape(Shape, kw_only=True):
    """The list form of an organisation policy."""

    allowedValues: list[str] | None = None
    allowed_values: list[str] | None = None
    deniedValues: list[str] | None = None
    denied_values: list[str] | None = None
    allValues: Enum | None = None
    all_values: Enum | None = None
    inheritFromParent: bool | None = None
    inherit_from_parent: bool | None = None


class PresentShape(Shape, kw_only=True):
    """Something of which only the presence matters."""


class ConstraintShape(Shape, kw_only=True):
    """One organisation policy on a resource (version 1 of that API, as CAI has it)."""

    constraint: str = ""
    booleanPolicy: BooleanPolicyShape | None = None
    boolean_policy: BooleanPolicyShape | None = None
    listPolicy: ListPolicyShape | None = None
    list_policy: ListPolicyShape | None = None
    restoreDefault: PresentShape | None = None
    restore_default: PresentShape | None = None


class ValuesShape(Shape, kw_only=True):
    """The values that a rule of an organisation policy lists."""

    allowedValues: list[str] | None = None
    deniedValues: list[str] | None = None


class ConstraintRuleShape(Shape, kw_only=True):
    """One rule of an organisation policy (version 2)."""

    enforce: bool | None = None
    allowAll: bool | None = None
    denyAll: bool | None = None
    values: ValuesShape | None = None
    condition: ConditionShape | None = None


class ConstraintSpecShape(Shape, kw_only=True):
    """What an organisation policy says (version 2)."""

    rules: list[ConstraintRuleShape] | None = None
    inheritFromParent: bool | None = None
    reset: bool | None = None


class OrgPolicyShape(Shape, kw_only=True):
    """An organisation policy (version 2); without `spec` it is only tried out."""

    name: str = ""  # organizations/1/policies/iam.x
    spec: ConstraintSpecShape | None = None


class DenyRuleShape(Shape, kw_only=True):
    """What a deny rule takes away, and from whom; all in the spelling of version 2."""

    deniedPrincipals: list[str] | None = None
    exceptionPrincipals: list[str] | None = None
    deniedPermissions: list[str] | None = None
    exceptionPermissions: list[str] | None = None
    denialCondition: ConditionShape | None = None


class GuardRuleShape(Shape, kw_only=True):
    """One rule of a deny policy."""

    denyRule: DenyRuleShape | None = None


class BoundaryRuleShape(Shape, kw_only=True):
    """One rule of an access boundary: what its principals are eligible for."""

    resources: list[str] | None = None
    effect: Enum | None = None


class DetailsShape(Shape, kw_only=True):
    """What an access boundary says."""

    rules: list[BoundaryRuleShape] | None = None
    enforcementVersion: Number | None = None


class TargetShape(Shape, kw_only=True):
    """What a boundary's binding is bound to."""

    principalSet: str | None = None


class GuardShape(Shape, kw_only=True):
    """A deny policy, an access boundary, or the binding of one."""

    name: str = ""
    rules: list[GuardRuleShape] | None = None
    details: DetailsShape | None = None
    target: TargetShape | None = None
    policyKind: Enum | None = None
    policy: str | None = None
    condition: ConditionShape | None = None
    deleteTime: str | None = None  # of a deny policy: it is no more
    # what Google says of each
    createTime: str | None = None
    etag: str | None = None
    uid: str | None = None


# ----------------------------------------------------------------------------- tags


class TagKeyShape(Shape, kw_only=True):
    """A tag key."""

    name: str = ""  # tagKeys/1
    namespacedName: str | None = None  # 123/env
    shortName: str | None = None


class TagValueShape(Shape, kw_only=True):
    """A tag value."""

    name: str = ""  # tagValues/2
    parent: str | None = None  # tagKeys/1
    namespacedName: str | None = None  # 123/env/prod
    shortName: str | None = None


class TagBindingShape(Shape, kw_only=True):
    """A tag value on a resource."""

    parent: str | None = None  # full resource name
    tagValue: str | None = None  # tagValues/2
    tagValueNamespacedName: str | None = None  # 123/env/prod


# ------------------------------------------------------------------------ resources


class ParentShape(Shape, kw_only=True):
    """The parent of a project as version 1 of the API spells it."""

    type: str = ""
    id: Number = ""


class ContainerShape(Shape, kw_only=True):
    """An organisation, folder or project (version 1 and 3)."""

    name: str | None = None
    displayName: str | None = None
    projectId: str | None = None
    projectNumber: Number | None = None
    lifecycleState: Enum | None = None
    state: Enum | None = None
    parent: ParentShape | str | None = None


class BucketShape(Shape, kw_only=True):
    """A bucket."""

    projectNumber: Number | None = None


class ServiceAccountShape(Shape, kw_only=True):
    """A service account."""

    email: str = ""
    uniqueId: str | None = None
    projectId: str | None = None
    disabled: bool | None = None


class ServiceAccountKeyShape(Shape, kw_only=True):
    """A service account's key; `name` holds the e-mail, the asset's name does not."""

    name: str = ""
    keyType: Enum | None = None
    validAfterTime: str | None = None
    validBeforeTime: str | None = None
    disabled: bool | None = None


class RoleShape(Shape, kw_only=True):
    """A role definition."""

    name: str = ""
    includedPermissions: list[str] | None = None
    stage: Enum | None = None
    deleted: bool | None = None


class PoolShape(Shape, kw_only=True):
    """A workload identity pool, or one of a workforce, which has a parent."""

    state: Enum | None = None
    disabled: bool | None = None
    parent: str | None = None  # organizations/1


class OidcShape(Shape, kw_only=True):
    """How a provider trusts an OIDC issuer."""

    issuerUri: str | None = None
    allowedAudiences: list[str] | None = None
    clientId: str | None = None  # of a workforce's: the audience of its tokens


class AwsShape(Shape, kw_only=True):
    """How a provider trusts an AWS account."""

    accountId: str | None = None


class ProviderShape(Shape, kw_only=True):
    """A provider of a workload identity pool, or of a workforce's."""

    state: Enum | None = None
    disabled: bool | None = None
    attributeCondition: str | None = None
    attributeMapping: dict[str, str] | None = None
    oidc: OidcShape | None = None
    aws: AwsShape | None = None
    saml: PresentShape | None = None
    x509: PresentShape | None = None
    # of a workforce's: where else groups come from
    scimUsage: Enum | None = None
    extraAttributesOauth2Client: PresentShape | None = None
    extendedAttributesOauth2Client: PresentShape | None = None


class ExclusionShape(Shape, kw_only=True):
    """What a sink leaves out."""

    disabled: bool | None = None


class LogSinkShape(Shape, kw_only=True):
    """Where a container's log entries are routed."""

    destination: str | None = None
    filter: str | None = None
    disabled: bool | None = None
    includeChildren: bool | None = None
    exclusions: list[ExclusionShape] | None = None


class LogBucketShape(Shape, kw_only=True):
    """A bucket of log entries."""

    name: str = ""  # projects/p/locations/global/buckets/_Default
    retentionDays: int | float | None = None
    locked: bool | None = None
    lifecycleState: Enum | None = None


# ------------------------------------------------------------------------ workloads


class SealedSecret(Shape, kw_only=True):
    """A secret as a sealed file tells of it."""

    kind: SecretKind
    place: str
    fingerprint: str | None = None
    identity: str | None = None
    key_id: str | None = None
    told_by: ToldBy = "context"


class Reduced(Shape, kw_only=True, omit_defaults=False):
    """What stands where a value was: the secrets that were in it."""

    dagwarden_secrets: tuple[SealedSecret, ...] = ()


Value: TypeAlias = str | int | float | bool | Reduced | None


class EnvShape(Shape, kw_only=True):
    """One environment variable; its value lives only until it is reduced."""

    name: str = ""
    value: Value = None

    def __repr__(self) -> str:
        """Tell the name, never the value."""
        return f"EnvShape(name={self.name!r})"


class ContainerImageShape(Shape, kw_only=True):
    """One container of a workload."""

    env: list[EnvShape] | None = None
    image: str | None = None


class TaskSpecShape(Shape, kw_only=True):
    """Pod-like part of version 1, and the whole of a version 2 template."""

    containers: list[ContainerImageShape] | None = None
    serviceAccountName: str | None = None
    serviceAccount: str | None = None
    timeoutSeconds: Number | None = None
    timeout: str | None = None
    maxRetries: Number | None = None


class InnerTemplateShape(Shape, kw_only=True):
    """`spec.template.spec.template` of a version 1 job."""

    spec: TaskSpecShape | None = None


class TemplateSpecShape(TaskSpecShape, kw_only=True):
    """`spec.template.spec`: of a service its pod, of a job its execution."""

    taskCount: Number | None = None
    parallelism: Number | None = None
    template: InnerTemplateShape | None = None


class OuterTemplateShape(Shape, kw_only=True):
    """`spec.template` of version 1."""

    spec: TemplateSpecShape | None = None


class SpecShape(Shape, kw_only=True):
    """`spec` of version 1."""

    template: OuterTemplateShape | None = None


class MetadataShape(Shape, kw_only=True):
    """`metadata` of version 1, with the annotations that are modelled."""

    annotations: "AnnotationsShape | None" = None


class AnnotationsShape(Shape, kw_only=True):
    """Annotations: the rest may hold a copy of every value and is never read."""

    ingress: str | None = field(default=None, name="run.googleapis.com/ingress")
    ingress_status: str | None = field(
        default=None, name="run.googleapis.com/ingress-status"
    )
    invoker_iam_disabled: str | bool | None = field(
        default=None, name="run.googleapis.com/invoker-iam-disabled"
    )
    urls: str | None = field(default=None, name="run.googleapis.com/urls")
    custom_audiences: str | None = field(
        default=None, name="run.googleapis.com/custom-audiences"
    )
    default_url_disabled: str | bool | None = field(
        default=None, name="run.googleapis.com/default-url-disabled"
    )
    iap_enabled: str | bool | None = field(
        default=None, name="run.googleapis.com/iap-enabled"
    )


class StatusShape(Shape, kw_only=True):
    """`status` of version 1."""

    url: str | None = None


class TemplateShape(TaskSpecShape, kw_only=True):
    """`template` of version 2: of a service its revision, of a job its execution."""

    taskCount: Number | None = None
    parallelism: Number | None = None
    template: TaskSpecShape | None = None


class CloudRunShape(Shape, kw_only=True):
    """A Cloud Run service or job: version 1 (metadata, spec) or 2 (template)."""

    metadata: MetadataShape | None = None
    spec: SpecShape | None = None
    status: StatusShape | None = None
    template: TemplateShape | None = None
    ingress: Enum | None = None
    invokerIamDisabled: bool | None = None
    sshEnabled: bool | None = None
    defaultUriDisabled: bool | None = None
    iapEnabled: bool | None = None
    uri: str | None = None
    urls: list[str] | None = None
    customAudiences: list[str] | None = None


class NodeConfigShape(Shape, kw_only=True):
    """`config.nodeConfig` of a Composer environment."""

    serviceAccount: str | None = None


class SoftwareConfigShape(Shape, kw_only=True):
    """`config.softwareConfig`; the values live only until they are reduced."""

    imageVersion: str | None = None
    envVariables: dict[str, Value] | None = None
    airflowConfigOverrides: dict[str, Value] | None = None

    def __repr__(self) -> str:
        """Tell the version, never the values."""
        return f"SoftwareConfigShape(imageVersion={self.imageVersion!r})"


class ComposerConfigShape(Shape, kw_only=True):
    """`config` of a Composer environment."""

    nodeConfig: NodeConfigShape | None = None
    softwareConfig: SoftwareConfigShape | None = None
    dagGcsPrefix: str | None = None


class StorageConfigShape(Shape, kw_only=True):
    """`storageConfig` of a Composer environment."""

    bucket: str | None = None


class ComposerShape(Shape, kw_only=True):
    """A Composer environment."""

    state: Enum | None = None
    config: ComposerConfigShape | None = None
    storageConfig: StorageConfigShape | None = None


class TokenShape(Shape, kw_only=True):
    """As which account a request is sent: `oidcToken`, `oauthToken`."""

    serviceAccountEmail: str | None = None


class HttpTargetShape(Shape, kw_only=True):
    """`httpTarget` of a schedule."""

    uri: str | None = None
    oidcToken: TokenShape | None = None
    oauthToken: TokenShape | None = None


class ScheduleShape(Shape, kw_only=True):
    """A job of Cloud Scheduler."""

    state: Enum | None = None
    httpTarget: HttpTargetShape | None = None


class PushConfigShape(Shape, kw_only=True):
    """`pushConfig` of a subscription."""

    pushEndpoint: str | None = None
    oidcToken: TokenShape | None = None


class SubscriptionShape(Shape, kw_only=True):
    """A subscription of Pub/Sub."""

    pushConfig: PushConfigShape | None = None


class RunDestinationShape(Shape, kw_only=True):
    """`destination.cloudRun` of a trigger: a service of the trigger's own project."""

    service: str = ""
    region: str = ""


class DestinationShape(Shape, kw_only=True):
    """`destination` of a trigger."""

    cloudRun: RunDestinationShape | None = None


class TriggerShape(Shape, kw_only=True):
    """A trigger of Eventarc."""

    serviceAccount: str | None = None
    destination: DestinationShape | None = None


class WorkflowShape(Shape, kw_only=True):
    """A workflow."""

    serviceAccount: str | None = None


Data: TypeAlias = (
    ContainerShape
    | BucketShape
    | ServiceAccountShape
    | ServiceAccountKeyShape
    | RoleShape
    | PoolShape
    | ProviderShape
    | CloudRunShape
    | ComposerShape
    | GuardShape
    | TagKeyShape
    | TagValueShape
    | TagBindingShape
    | OrgPolicyShape
    | LogSinkShape
    | LogBucketShape
    | ScheduleShape
    | SubscriptionShape
    | TriggerShape
    | WorkflowShape
)

# What `resource.data` of a type is decoded into: the types that are modelled.
MODELLED: dict[str, type[Data]] = {
    ORGANIZATION: ContainerShape,
    FOLDER: ContainerShape,
    PROJECT: ContainerShape,
    BUCKET: BucketShape,
    SERVICE_ACCOUNT: ServiceAccountShape,
    SERVICE_ACCOUNT_KEY: ServiceAccountKeyShape,
    ROLE: RoleShape,
    POOL: PoolShape,
    PROVIDER: ProviderShape,
    WORKFORCE_POOL: PoolShape,
    WORKFORCE_PROVIDER: ProviderShape,
    SERVICE: CloudRunShape,
    JOB: CloudRunShape,
    COMPOSER: ComposerShape,
    TAG_KEY: TagKeyShape,
    TAG_VALUE: TagValueShape,
    TAG_BINDING: TagBindingShape,
    ORG_POLICY: OrgPolicyShape,
    LOG_SINK: LogSinkShape,
    LOG_BUCKET: LogBucketShape,
    SCHEDULE: ScheduleShape,
    SUBSCRIPTION: SubscriptionShape,
    TRIGGER: TriggerShape,
    WORKFLOW: WorkflowShape,
}


# --------------------------------------------------------------------------- assets


class Timestamp(Shape, kw_only=True):
    """A time as a message's JSON writer leaves it when told nothing."""

    seconds: int = 0
    nanos: int = 0


class PerimeterConfigShape(Shape, kw_only=True):
    """What a service perimeter encloses."""

    resources: list[str] | None = None
    restrictedServices: list[str] | None = None
    restricted_services: list[str] | None = None


class PerimeterShape(Shape, kw_only=True):
    """A perimeter of VPC Service Controls; `status` is what is in force."""

    name: str = ""
    title: str | None = None
    status: PerimeterConfigShape | None = None


class AssetExceptionShape(Shape, kw_only=True):
    """What the inventory says is wrong with an asset."""

    exceptionType: Enum | None = None
    exception_type: Enum | None = None


class ExplanationShape(Shape, kw_only=True):
    """Why a search returned a policy: not empty if it was asked for a part."""

    matchedPermissions: dict[str, Raw] | None = None
    matched_permissions: dict[str, Raw] | None = None


class ResourceShape(Shape, kw_only=True):
    """`resource` of an asset; `data` is decoded once the asset's type is known."""

    parent: str | None = None
    data: Raw = Raw()


class Plain(Shape, kw_only=True, forbid_unknown_fields=True):
    """One element of an export, as nearly all are: with no field that is rare."""

    name: str | None = None
    assetType: str | None = None
    asset_type: str | None = None
    updateTime: str | Timestamp | None = None
    update_time: str | Timestamp | None = None
    ancestors: tuple[str, ...] | None = None
    resource: ResourceShape | None = None
    iamPolicy: PolicyShape | None = None
    iam_policy: PolicyShape | None = None


class Line(Shape, kw_only=True):
    """
    One element of an export, in any spelling; everything is optional.

    `resource` is an object in an export, and the resource's name in the output of
    `gcloud asset search-all-iam-policies`.
    """

    name: str | None = None
    assetType: str | None = None
    asset_type: str | None = None
    updateTime: str | Timestamp | None = None
    update_time: str | Timestamp | None = None
    ancestors: tuple[str, ...] | None = None
    resource: ResourceShape | str | None = None
    iamPolicy: PolicyShape | None = None
    iam_policy: PolicyShape | None = None
    orgPolicy: list[ConstraintShape] | None = None
    org_policy: list[ConstraintShape] | None = None
    assetExceptions: list[AssetExceptionShape] | None = None
    asset_exceptions: list[AssetExceptionShape] | None = None
    # search-all-iam-policies
    policy: PolicyShape | str | None = None
    project: str | None = None
    folders: list[str] | None = None
    organization: str | None = None
    explanation: ExplanationShape | None = None
    # recognised, not modelled
    accessPolicy: Raw = Raw()
    access_policy: Raw = Raw()
    accessLevel: Raw = Raw()
    access_level: Raw = Raw()
    servicePerimeter: Raw = Raw()
    service_perimeter: Raw = Raw()
    # gcloud iam policies
    rules: Raw = Raw()
    policyKind: str | None = None
    # our own sealed file
    dagwarden_snapshot: "Header | None" = None
    dagwarden_gap: "SealedGap | None" = None
    dagwarden_end: "End | None" = None


class Header(Shape, kw_only=True, omit_defaults=False):
    """The first line of a sealed file."""

    version: int
    read_time: str
    scope: str
    principal: str | None
    layers: dict[str, LayerState]
    asset_types: tuple[str, ...]


class SealedGap(Shape, kw_only=True):
    """Something that could not be read while pulling."""

    reason: GapReason
    source: str
    detail: str
    kinds: tuple[str, ...] = ()
    incomplete: bool = True


class End(Shape, kw_only=True):
    """The last line of a sealed file: how many assets stand before it."""

    assets: int


if TYPE_CHECKING:
    Written: TypeAlias = Data | None
else:  # these shapes do not tell themselves apart: who decodes one knows its type
    Written = Raw


class Asset(Struct, kw_only=True, gc=False, omit_defaults=True):
    """One element of an export, its spelling settled and its secrets reduced."""

    name: str
    type: str
    source: str  # the file's path
    line: int
    element: int | None = None  # position in a JSON array
    update_time: str | Timestamp | None = None
    ancestors: tuple[str, ...] | None = None  # relative, nearest first
    parent: str | None = None
    data: Written = None
    policy: PolicyShape | None = None
    constraints: list[ConstraintShape] | None = None
    searched: bool = False  # from search-all-iam-policies
    broken: bool = False  # it has data, which cannot be read

    def origin(self, field: str | None = None) -> Origin:
        """Return where this, or a field of it, stands."""
        if self.element is not None:
            field = f"[{self.element}]" + (f".{field}" if field else "")
        return Origin(source=self.source, line=self.line, field=field)
