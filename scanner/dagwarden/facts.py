"""
The vocabulary: what sources read, graph joins, rules judge.

Every record is frozen. A field typed `Maybe[...]` that could not be established
is UNSET: it is missing from what a rule sees, and an entry in `unresolved` says
why and names what would decide it. `None` means "established: not set".
A collection of which only part is known is UNSET under its own name; the known
part stands under `<name>_known`.

All times are RFC 3339 strings in UTC, all durations seconds, all paths posix and
relative to the root of the scan. Tuples are sorted unless their order has a
meaning of its own (chains, hops).
"""

# Hundreds of fields: a commit hook need not evaluate what they are annotated with.
from __future__ import annotations

from itertools import chain
from typing import Literal, TypeAlias, TypeVar, dataclass_transform

from msgspec import UNSET, Struct, UnsetType, field

T = TypeVar("T")
Maybe: TypeAlias = T | UnsetType


# Subclasses inherit `frozen` at run time (not `kw_only`: each has to say it); this
# tells the type checkers so.
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
class Record(Struct, frozen=True, kw_only=True, omit_defaults=False, gc=False):
    """A frozen value."""


# --------------------------------------------------------------------------- where


class Origin(Record, frozen=True, kw_only=True):
    """
    Where something was read.

    `source` is a file's path, an environment variable's name or a cloud asset's
    full resource name; `line` counts from 1; `field` is a path inside the source.
    """

    source: str
    line: int | None = None
    field: str | None = None


Reason = Literal[
    "jinja",  # a template that Airflow renders at run time
    "environment",  # an environment variable of the Airflow process
    "variable",  # an Airflow Variable
    "parameter",  # a function or DAG parameter
    "import",  # a name from a module that is not in the repository
    "dynamic",  # code whose value static reading does not establish
    "unreadable",  # it is there, and could not be read
    "setting",  # an operator's setting (configuration of this scan or of Airflow)
    "connection",  # a connection that was not given
    "layer",  # a layer of the snapshot that was not given, or partly
    "condition",  # an IAM condition
    "guardrail",  # a deny policy or principal access boundary, and what it leaves open
    "membership",  # a group's or domain's members
    "version",  # depends on a version that is not established
]


class Unresolved(Record, frozen=True, kw_only=True):
    """
    Why `field` of a record is UNSET.

    `symbol` names, in the user's words, the one input that would decide it:
    `AIRFLOW_VAR_X`, `runs_as of environment prod`, `group:x@y.example`. UNKNOWN
    verdicts are grouped by (reason, symbol). `default` is what the program takes where
    that input is not given: not what it is, and not said where it may be a secret.
    """

    field: str
    reason: Reason
    symbol: str
    default: Maybe[str] = UNSET


ProvenanceSource = Literal[
    "argument",  # the call that made it: its keywords, and the class it calls
    "default_args",  # of the DAG, a task group or the task
    "operator_default",  # what the operator does where nothing is said
    "class",  # a class of the repository: its constructor, or what it sets
    "variable",  # an Airflow Variable that was given to the scan
    "connection",  # a connection that was given to the scan
    "setting",  # a setting of Airflow, which holds where the file says nothing
    "template",  # a template, all parts of which are known
    "code",  # a statement that sets an attribute; the body of a task
    "command",  # a shell command
    "airflow",  # Airflow itself, asked with `--airflow-python`
]


class Provenance(Record, frozen=True, kw_only=True):
    """
    From where the known `field` of a record is known.

    `origin` is the line of the expression that gave it, as near as that is kept; None
    where it stands in no file of the scan. `confirmed`: it was read, and Airflow, asked
    with `--airflow-python`, says the same.
    """

    field: str
    source: ProvenanceSource
    origin: Origin | None = None
    confirmed: bool = False


GapReason = Literal[
    "missing",  # the path does not exist
    "unreadable",  # permission denied, I/O error, symlink loop
    "syntax",  # not parsable as what it claims to be
    "encoding",
    "too_large",
    "too_deep",
    "timeout",
    "not_an_asset",  # a line of an export that is no asset
    "malformed",  # parsable, but not of the documented shape
    "truncated",  # the source itself says it is incomplete
    "conflict",  # two records that exclude each other
    "unsupported",  # recognised, not modelled, and it could matter
]


class Gap(Record, frozen=True, kw_only=True):
    """
    Something the scan was asked to read and could not.

    `kinds` are the fact kinds that may be missing because of it; `detail` is one
    line for people and never quotes the content (it may be a secret).
    """

    reason: GapReason
    origin: Origin
    detail: str
    kinds: tuple[str, ...] = ()
    # False for what a user may well expect to be passed over; True: exit status 3
    incomplete: bool = True


class Excluded(Record, frozen=True, kw_only=True):
    """Things left out of the scan on purpose, counted by kind."""

    kind: str
    what: str  # the path, project or pattern
    reason: str
    count: int = 1


class Fact(Record, frozen=True, kw_only=True):
    """
    A record that rules can judge.

    `id` is stable over runs and edits: it holds no line number.
    """

    id: str
    origin: Origin
    unresolved: tuple[Unresolved, ...] = ()


class Traced(Fact, frozen=True, kw_only=True):
    """A fact that says of each known field where it was read. Rules do not see that."""

    provenance: tuple[Provenance, ...] = ()


# ------------------------------------------------------------------------- secrets

SecretKind = Literal[
    "service_account_key",  # a Google key file's content
    "private_key",  # PEM without the rest of a key file
    "authorized_user",  # a Google refresh token file's content
    "client_secret",
    "password",
    "bearer_token",
    "api_key",
    "aws_secret_key",
    "aws_session_token",
    "webhook_url",
    "secret_value",  # a plain value under a name that says secret
    "provider_token",  # what a pattern of the extra tells; `pattern` says which
]


# By what a credential is told: the checksum in it, what its issuer documents that such
# tokens begin with, what it parses as; its shape, which other texts may have; a pattern
# of the extra; what stands around it: a name, a URL, the type of a connection.
ToldBy = Literal["checksum", "prefix", "structure", "shape", "pattern", "context"]
# Of these, what no other text has.
CERTAIN: frozenset[ToldBy] = frozenset({"checksum", "prefix", "structure"})


class Secret(Record, frozen=True, kw_only=True):
    """A credential that stands in clear: its kind and place, never its value."""

    kind: SecretKind
    place: str  # "extra.keyfile_dict", "headers.Authorization", "env.DB_PASSWORD"
    origin: Origin
    # HMAC of the value; None where the operator gave no fingerprint key
    fingerprint: str | None = None
    # of a service account key: whose it is (public parts of the file)
    identity: str | None = None
    key_id: str | None = None
    told_by: ToldBy = "context"


HopKind = Literal[
    "task",
    "uses_connection",
    "runs_as",  # ambient: the environment's identity
    "authenticates_as",  # a key, a federation: the connection's own identity
    "impersonates",
    "can_become",  # a control edge
    "member_of",
    "granted",  # a role by a binding
    "inherited",  # down the hierarchy
    "holds",  # the permission in the role
    "denied",  # by a deny policy, or outside of an access boundary
    "calls",  # the Cloud Run resource
]


class Hop(Record, frozen=True, kw_only=True):
    """One step of a chain; `text` says it in words, `origin` where it was read."""

    kind: HopKind
    source: str
    target: str
    text: str
    origin: Origin | None = None


KeyState = Literal["active", "disabled", "expired", "absent", "account_disabled"]


class LeakedKey(Record, frozen=True, kw_only=True):
    """A service account's key in a task's arguments or a connection: what it opens."""

    place: str  # as of Secret
    identity: str
    key_id: str | None = None
    # what the snapshot says of it; UNSET: nothing
    key_state: Maybe[KeyState] = UNSET
    # resource names of what its account surely may call, and keys of the accounts that
    # it surely can become; none where the key is dead
    may_call_known: tuple[str, ...] = ()
    may_become_known: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()


class Commits(Record, frozen=True, kw_only=True):
    """
    The commits whose files hold a value: ids of the first and the last of them.

    Where no file of a commit does, these are the commits whose messages hold it.
    """

    first: str
    last: str
    count: int
    in_head: bool
    # the same in words, for a remediation
    told: str = ""


class InWords(Record, frozen=True, kw_only=True):
    """What people are told of a credential in a file."""

    what: str  # its kind, and the place where that says more
    means: str  # "has it": what whoever has a copy of the repository is or may do
    steps: tuple[str, ...]  # how it is ended, line by line; commands are indented


class EmbeddedSecret(Fact, frozen=True, kw_only=True):
    """
    A credential in clear in a file of the repository, or that a file holds none.

    Every file that was looked into has at least one of these: of one that holds no
    credential, `secret` is None. A member of an archive is a file, too. What only the
    git history holds has the path `COMMIT:PATH`, at the last commit that holds it.
    id: `file:PATH:PLACE`, with a number from the second there on; of a file
    without any, `file:PATH`; `history:` in place of `file:` where no file holds it now
    """

    path: str
    # of what kind it is; UNSET: whether it is one is not established
    secret: Maybe[SecretKind | None] = UNSET
    # why it may be none; `secret` is UNSET then
    doubt: str | None = None
    # None: whether it is a credential is not established, or there is none
    told_by: ToldBy | None = None
    place: str = ""  # "services.db.environment.DB_PASSWORD", "line"
    # what its issuer documents that such tokens begin with: "ghp_", "AIza"
    prefix: str | None = None
    # where other parts of it are written; `origin` is where most of it is
    contributing: tuple[Origin, ...] = ()
    # the id of the first place of the same value: facts that agree are one credential
    credential: str = ""
    # the tasks and connections that are given the same value, by their ids
    carriers: tuple[str, ...] = ()
    # as of Secret
    fingerprint: str | None = None
    identity: str | None = None
    key_id: str | None = None
    # the provider's pattern of the extra that tells it: "veles.secrets/sendgrid"
    pattern: str | None = None
    # of a service account key, set by graph: what the snapshot says of it, ...
    key_state: Maybe[KeyState | None] = None
    # ... resource names of what its account may call, or the nearest that it can become
    # (UNSET: not all is known), ...
    may_call: Maybe[tuple[str, ...]] = ()
    may_call_known: tuple[str, ...] = ()
    # ... and keys of the accounts that it can become; none where the key is dead
    may_become: Maybe[tuple[str, ...]] = ()
    may_become_known: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    # None: the history was not looked into, or no commit holds it
    commits: Commits | None = None
    # set by graph; None: whether it is a credential is not established
    words: InWords | None = None


# What a Google credential file says it is ("type", AIP-4110 and google-auth).
CredentialFile = Literal[
    "service_account_key",
    "authorized_user",
    "external_account",
    "external_account_authorized_user",
    "impersonated_service_account",
]


class KeyReference(Fact, frozen=True, kw_only=True):
    """
    Where a file of the repository names a Google credential that is kept elsewhere.

    id: `key_reference:PATH:PLACE`, with a number from the second there on
    """

    path: str
    place: str  # "GOOGLE_APPLICATION_CREDENTIALS", "from_service_account_file"
    # a path or a secret's name, as written; None: made when it runs
    target: str | None = None
    # what that is; UNSET: nothing here tells
    holds: Maybe[CredentialFile] = UNSET


# ------------------------------------------------------------ Airflow: environments


class AirflowSetting(Fact, frozen=True, kw_only=True):
    """
    One setting of an Airflow environment, given by the operator.

    id: `airflow_setting:ENV:SECTION.KEY`
    """

    environment: str
    section: str
    key: str
    value: str


class AirflowEnvironment(Fact, frozen=True, kw_only=True):
    """
    One Airflow deployment: what its tasks run as when they name no identity.

    id: `environment:NAME`
    """

    name: str
    # the account that tasks run as; UNSET when not established
    runs_as: Maybe[str] = UNSET
    # the Composer environment's resource name, when `runs_as` names one
    composer: str | None = None
    airflow: str | None = None  # "2.11", "3.1"; None: not given
    connections_complete: bool = False
    # e-mails of accounts that nothing but this environment's tasks uses, as declared
    exclusive_accounts: tuple[str, ...] = ()


class Dag(Traced, frozen=True, kw_only=True):
    """
    One DAG.

    id: `dag:ENV:PATH:DAG_ID`
    """

    environment: str
    dag_id: Maybe[str] = UNSET
    dagrun_timeout: Maybe[float | None] = UNSET
    schedule: Maybe[str | None] = UNSET


ConnectionSource = Literal["argument", "default_args", "operator_default"]


class Task(Traced, frozen=True, kw_only=True):
    """
    One operator call, TaskFlow task or sensor.

    id: `task:ENV:PATH:DAG_ID.TASK_ID`
    """

    environment: str
    dag: str  # id of the Dag fact
    dag_id: Maybe[str] = UNSET
    task_id: Maybe[str] = UNSET
    operator: Maybe[str] = UNSET  # qualified name as in the newest provider
    # the class of the repository that it is made of, which extends `operator`, by the
    # name of its module; None: the operator itself is called
    own_class: str | None = None
    # the connection that says who the task is; None: the operator takes none
    connection: Maybe[str | None] = UNSET
    connection_parameter: str | None = None
    connection_source: ConnectionSource | None = None
    # whether that connection exists in the environment; set by graph
    connection_defined: Maybe[bool] = UNSET
    # as given to the operator: "a,b" is one element (Airflow does not split it)
    impersonation_chain: Maybe[tuple[str, ...] | None] = UNSET
    execution_timeout: Maybe[float | None] = UNSET
    dagrun_timeout: Maybe[float | None] = UNSET
    timeout_seconds: Maybe[float | None] = UNSET
    retries: Maybe[int | None] = UNSET
    deferrable: Maybe[bool | None] = UNSET
    pool: Maybe[str] = UNSET
    # None: the file says nothing, and a setting of Airflow's section [operators] does
    owner: Maybe[str | None] = UNSET
    queue: Maybe[str | None] = UNSET
    # what the operator is given; None: it takes none, or leaves it to the connection
    project: Maybe[str | None] = UNSET
    region: Maybe[str | None] = UNSET  # or its location, or its zone
    mapped: bool = False
    # whether it is made where the file may not come, or any number of times: in a
    # branch whose condition is not known, a body that may raise, an unknown loop
    conditional: bool = False
    secrets: Maybe[tuple[Secret, ...]] = UNSET
    secrets_known: tuple[Secret, ...] = ()
    # of the service account keys among them; set by graph
    leaked_keys: tuple[LeakedKey, ...] = ()


TargetKind = Literal["service", "job", "other"]
Token = Literal["access_token", "id_token", "static_bearer", "basic", "api_key", "none"]


# operator: Cloud Run's own operators; http: those that send a request; code: Python
# in the task's code; command: a shell's
Via = Literal["operator", "http", "code", "command"]


class Call(Traced, frozen=True, kw_only=True):
    """
    A task's call that reaches, or may reach, Cloud Run.

    As the DAG file says it; where the connection matters (HTTP), `graph` completes
    it in the `Path`. `origin` is the operator's, or the line of the code that calls.
    id: `call:` + the task's id after `task:`, with a number from a task's second on
    """

    environment: str
    task: str  # id of the Task fact
    via: Via
    operation: str  # "run_job", "invoke_service", "create_service", ...
    target_kind: Maybe[TargetKind] = UNSET
    project: Maybe[str | None] = UNSET  # None: the connection's project
    region: Maybe[str] = UNSET
    name: Maybe[str] = UNSET
    # HTTP: the endpoint as written; joined to the connection's host by graph. Of a
    # request in code: the path of a URL on run.app; of others it may be a secret
    endpoint: Maybe[str | None] = UNSET
    # a request in code: scheme and host of its URL; None: it has none of its own
    url: Maybe[str | None] = UNSET
    overrides: Maybe[bool] = UNSET
    # whether overrides change the timeout or the number of tasks
    overrides_duration: Maybe[bool] = UNSET
    # whether what a job is given names the run of the DAG; None: it runs no job
    names_run: Maybe[bool | None] = UNSET
    # how the call itself says it authenticates; None: leaves it to the connection
    token: Maybe[Token | None] = UNSET
    audience: Maybe[str | None] = UNSET
    # whose credential it is, before impersonation; an operator's is its connection's
    acts_as: Maybe[Literal["connection", "environment"]] = UNSET
    # in code: the connection of its hook, and whom it impersonates
    connection: Maybe[str | None] = UNSET
    # whether that connection exists in the environment; set by graph
    connection_defined: Maybe[bool] = UNSET
    impersonation_chain: Maybe[tuple[str, ...] | None] = UNSET
    tls_verified: Maybe[bool | None] = UNSET  # None: leaves it to the connection
    permissions: Maybe[tuple[str, ...]] = UNSET
    # what a deploying call has its workload run as; None: names none, or deploys nothing
    deploys_as: Maybe[str | None] = UNSET


# -------------------------------------------------------------- Airflow: connections

CredentialKind = Literal[
    "ambient",  # application default credentials: the environment's identity
    "key_file",  # key_path: a file outside the connection
    "key_content",  # keyfile_dict and its other spellings
    "key_secret",  # key_secret_name: a key kept in Secret Manager
    "federation",  # external_account configuration
    "federation_client",  # identity provider with client id and secret
    "user_refresh_token",
    "anonymous",
    "conflicting",  # Airflow refuses it: more than one of the above
    "basic",  # login and password
    "bearer",
    "static_keys",  # AWS access keys
    "assume_role",
    "none",
]


class Credential(Record, frozen=True, kw_only=True):
    """How a connection proves who it is, before any impersonation."""

    kind: Maybe[CredentialKind] = UNSET
    identity: Maybe[str | None] = UNSET  # the account's e-mail, where it says so
    path: str | None = None  # key_path, key_secret_name, role_arn: a reference


class Connection(Fact, frozen=True, kw_only=True):
    """
    One Airflow connection.

    id: `connection:ENV:CONN_ID`
    """

    environment: str
    conn_id: str
    conn_type: Maybe[str] = UNSET
    host: Maybe[str | None] = UNSET  # never holds user or password
    schema: Maybe[str | None] = UNSET
    port: Maybe[int | None] = UNSET
    project: Maybe[str | None] = UNSET
    credential: Maybe[Credential] = UNSET
    impersonation_chain: Maybe[tuple[str, ...] | None] = UNSET
    tls_verified: Maybe[bool | None] = UNSET
    # how an HTTP connection authenticates, extras read as headers included
    token: Maybe[Token | None] = UNSET
    secrets: Maybe[tuple[Secret, ...]] = UNSET
    secrets_known: tuple[Secret, ...] = ()
    # of the service account keys among them; set by graph
    leaked_keys: tuple[LeakedKey, ...] = ()


# ---------------------------------------------------------------------------- cloud

LayerState = Literal["read", "partly", "not_given"]
LAYERS = (
    *("allow", "deny", "boundary", "memberships", "ancestors", "tags", "audit"),
    *("org_policies", "logging"),
)


class Layers(Record, frozen=True, kw_only=True):
    """Which layers of the cloud's policy a snapshot holds."""

    allow: LayerState = "not_given"
    deny: LayerState = "not_given"
    boundary: LayerState = "not_given"
    memberships: LayerState = "not_given"
    ancestors: LayerState = "not_given"
    tags: LayerState = "not_given"
    # audit configurations: a search over policies does not return them
    audit: LayerState = "not_given"
    # organisation policies, those of managed and custom constraints among them
    org_policies: LayerState = "not_given"
    # where log entries are routed and kept
    logging: LayerState = "not_given"


class Snapshot(Fact, frozen=True, kw_only=True):
    """
    What the cloud said at one time.

    id: `snapshot:SCOPE` (`snapshot:` when the scope is not stated)
    """

    read_time: Maybe[str] = UNSET
    scope: Maybe[str] = UNSET
    principal: Maybe[str] = UNSET  # who read it
    as_of: Maybe[str] = UNSET  # the moment that answers are about; set by graph
    age_hours: Maybe[float] = UNSET  # at --as-of; set by graph
    layers: Layers = Layers()
    asset_types: tuple[str, ...] = ()
    # whether roles that were not read are those of the shipped catalogue
    builtin_roles: bool = True
    # how many assets were read, and how many of types that are not modelled
    assets: int = 0
    assets_not_modelled: int = 0


class Resource(Fact, frozen=True, kw_only=True):
    """
    A node of the resource hierarchy: organisation, folder, project, bucket, ...

    id: the full resource name, projects always by number where it is known.
    """

    name: str  # full resource name, as first read
    kind: str  # "organization", "folder", "project", "bucket", or the asset type
    # full resource names, nearest first; UNSET: not given
    ancestors: Maybe[tuple[str, ...]] = UNSET
    project_id: str | None = None
    project_number: str | None = None
    # of an organisation: the primary domain of its Google Workspace; None: not read
    domain: str | None = None
    state: str | None = None


IdentityKind = Literal[
    "service_account",
    "service_agent",  # Google-managed
    "user",
    "group",
    "domain",
    "federated",
    "all_users",
    "all_authenticated_users",
    "project_role",  # projectOwner:, projectEditor:, projectViewer:
    "deleted",
    "unknown",
]


class Identity(Fact, frozen=True, kw_only=True):
    """
    Anything that can act.

    id: `identity:KEY`, where KEY is the IAM member spelling, e-mails in lower case
    (`serviceAccount:x@p.iam.gserviceaccount.com`, `user:a@b`, `allUsers`).
    """

    key: str
    kind: IdentityKind
    email: str | None = None
    unique_id: str | None = None
    project: str | None = None
    disabled: Maybe[bool] = UNSET
    default_compute: bool = False


class IdentityRef(Record, frozen=True, kw_only=True):
    """The parts of an identity that rules ask for, inside other facts."""

    key: str
    kind: IdentityKind
    email: str | None = None
    default_compute: bool = False


class Key(Fact, frozen=True, kw_only=True):
    """
    A service account's key.

    id: `key:EMAIL/KEY_ID`
    """

    account: str  # e-mail
    key_id: str
    user_managed: Maybe[bool] = UNSET
    valid_after: Maybe[str] = UNSET
    valid_before: Maybe[str] = UNSET
    disabled: Maybe[bool] = UNSET
    age_days: Maybe[float] = UNSET  # at --as-of; set by graph


class Role(Fact, frozen=True, kw_only=True):
    """
    A role definition.

    id: `role:NAME`
    """

    name: str
    permissions: Maybe[tuple[str, ...]] = UNSET
    stage: str | None = None
    deleted: bool = False
    custom: bool = False


class Condition(Record, frozen=True, kw_only=True):
    """An IAM condition as written."""

    expression: str
    title: str = ""


class Binding(Fact, frozen=True, kw_only=True):
    """
    One role, its members and condition on one resource, as written.

    id: `binding:RESOURCE#ROLE` and, with a condition, `#` + a digest of it
    """

    resource: str
    role: str
    members: tuple[str, ...]
    condition: Condition | None = None
    # between which times its condition may hold; None: no such bound; set by graph
    valid_after: Maybe[str | None] = None
    valid_before: Maybe[str | None] = None
    # whether its condition asks for the time, and has ended at `--as-of` (None: there is
    # no condition); set by graph
    temporary: bool = False
    expired: Maybe[bool | None] = UNSET
    # those of the members that were deleted
    deleted_members: tuple[str, ...] = ()


class FederationProvider(Fact, frozen=True, kw_only=True):
    """
    A provider of a workload identity pool, or of a workforce's.

    id: `federation_provider:NAME`
    """

    name: str
    pool: str
    kind: Maybe[Literal["oidc", "aws", "saml", "x509"]] = UNSET
    issuer: Maybe[str | None] = UNSET
    attribute_condition: Maybe[str | None] = UNSET
    # (attribute, expression) pairs; None: none was read
    attribute_mapping: tuple[tuple[str, str], ...] | None = None
    allowed_audiences: tuple[str, ...] = ()
    aws_account: str | None = None
    workforce: bool = False  # its tokens are of people, by the company's own directory
    organization: str | None = None  # of a workforce's pool: organizations/NUMBER
    # a directory tells the groups of its people, whatever their tokens say
    groups_elsewhere: bool = False
    # whether the issuer signs for customers that are strangers to each other, and
    # whether the condition then asks for one of them (None: no need); set by graph
    shared_issuer: Maybe[bool] = UNSET
    pinned: Maybe[bool | None] = UNSET
    # the provider, or its pool, is disabled or deleted
    disabled: Maybe[bool] = UNSET
    pool_disabled: Maybe[bool] = UNSET


class CloudRun(Fact, frozen=True, kw_only=True):
    """
    A Cloud Run service or job.

    id: `cloud_run:RESOURCE_NAME`
    """

    resource: str  # //run.googleapis.com/projects/P/locations/R/services|jobs/N
    kind: Literal["service", "job"]
    project: str
    region: str
    name: str
    # e-mail; None: the default compute account (resolved by graph)
    service_account: Maybe[str | None] = UNSET
    ingress: Maybe[Literal["all", "internal", "internal_and_cloud_load_balancing"]] = (
        UNSET
    )
    invoker_check_disabled: Maybe[bool] = UNSET
    default_url_disabled: Maybe[bool] = UNSET
    iap_enabled: Maybe[bool] = UNSET
    # of a service: whether a binding lets everyone invoke it, and whether anyone on
    # the internet gets an answer, all that stands in the way considered; set by graph
    public_binding: Maybe[bool] = UNSET
    public: Maybe[bool] = UNSET
    # container images as written; None: not read
    images: tuple[str, ...] | None = None
    ssh_enabled: bool | None = None  # None: it does not say
    urls: tuple[str, ...] = ()
    custom_audiences: tuple[str, ...] = ()
    timeout: Maybe[float] = UNSET  # per request, or per attempt of a job's task
    max_retries: Maybe[int] = UNSET
    task_count: Maybe[int] = UNSET
    parallelism: Maybe[int | None] = UNSET
    secrets: Maybe[tuple[Secret, ...]] = UNSET
    secrets_known: tuple[Secret, ...] = ()


class Writer(Record, frozen=True, kw_only=True):
    """Who may write a DAG bucket, and by which binding."""

    identity: IdentityRef
    role: str
    binding: str
    origin: Origin


class ComposerEnvironment(Fact, frozen=True, kw_only=True):
    """
    A Composer environment.

    id: `composer_environment:RESOURCE_NAME`
    """

    resource: str
    project: str
    # e-mail; None: the default compute account (resolved by graph)
    service_account: Maybe[str | None] = UNSET
    dag_bucket: Maybe[str | None] = UNSET
    airflow: Maybe[str] = UNSET
    deleting: bool = False  # nothing can be run in it any more
    secrets: Maybe[tuple[Secret, ...]] = UNSET
    secrets_known: tuple[Secret, ...] = ()
    # who may write the DAG bucket; set by graph
    dag_writers: Maybe[tuple[Writer, ...]] = UNSET
    dag_writers_known: tuple[Writer, ...] = ()


SenderKind = Literal["schedule", "event_trigger", "push_subscription", "workflow"]


class Sender(Fact, frozen=True, kw_only=True):
    """
    What sends requests as an account by itself: no task starts it.

    id: `sender:RESOURCE_NAME`
    """

    resource: str
    kind: SenderKind
    service_account: str  # e-mail
    token: Token  # of the account, that goes with its requests
    # full name of the service or job, or scheme and host; None: it does not say
    target: str | None = None
    paused: bool = False


class AuditConfig(Fact, frozen=True, kw_only=True):
    """
    An audit configuration as written on one resource.

    id: `audit_config:RESOURCE#SERVICE`
    """

    resource: str
    service: str  # "allServices", "run.googleapis.com"
    log_types: tuple[str, ...]
    exempted_members: tuple[str, ...] = ()


class OrgPolicy(Fact, frozen=True, kw_only=True):
    """
    An organisation policy as written on one resource.

    id: `org_policy:RESOURCE#CONSTRAINT`
    """

    resource: str
    constraint: str  # "constraints/iam.allowedPolicyMemberDomains"
    enforced: Maybe[bool] = UNSET
    allowed: tuple[str, ...] = ()  # "*": all values
    denied: tuple[str, ...] = ()
    inherits: bool = False  # values of policies above are added to its own
    reset: bool = False  # it sets back what Google's default is, whatever is above
    conditional: bool = False  # some of it holds for some tags only


class LogSink(Fact, frozen=True, kw_only=True):
    """
    Where log entries of a container are routed.

    id: `log_sink:NAME`
    """

    name: str
    resource: str  # the project, folder or organisation it is of
    destination: Maybe[str] = UNSET  # "logging.googleapis.com/projects/p/..."
    filter: Maybe[str] = UNSET  # empty: all entries
    disabled: Maybe[bool] = UNSET
    include_children: bool = False  # entries of all below, too
    exclusions: int = 0  # those in force


class LogBucket(Fact, frozen=True, kw_only=True):
    """
    A bucket of log entries.

    id: `log_bucket:NAME`
    """

    name: str  # full resource name
    retention_days: Maybe[float] = UNSET
    locked: bool = False  # nobody can shorten the retention or delete it


class ServicePerimeter(Fact, frozen=True, kw_only=True):
    """
    A perimeter of VPC Service Controls; what it blocks is not evaluated.

    id: `service_perimeter:NAME`
    """

    name: str
    title: str = ""
    resources: tuple[str, ...] = ()  # `projects/NUMBER`, as written
    services: tuple[str, ...] = ()  # those it restricts


class DenyRule(Record, frozen=True, kw_only=True):
    """
    One rule of a deny policy, as written.

    Principals and permissions are in the spelling of deny policies
    (`principal://goog/subject/a@b`, `run.googleapis.com/routes.invoke`).
    """

    principals: tuple[str, ...] = ()
    exception_principals: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    exception_permissions: tuple[str, ...] = ()
    condition: Condition | None = None


class DenyPolicy(Fact, frozen=True, kw_only=True):
    """
    A deny policy (IAM v2).

    id: `deny_policy:NAME`
    """

    name: str
    resource: str  # the project, folder or organisation it is attached to
    rules: Maybe[tuple[DenyRule, ...]] = UNSET  # in the policy's order


class BoundaryPolicy(Fact, frozen=True, kw_only=True):
    """
    A principal access boundary (IAM v3): what its principals may be eligible for.

    id: `boundary_policy:NAME`
    """

    name: str
    resources: Maybe[tuple[str, ...]] = UNSET  # full resource names
    version: Maybe[str] = UNSET  # of its enforcement: "1", "4", "latest"


class BoundaryBinding(Fact, frozen=True, kw_only=True):
    """
    The binding of a principal access boundary to a set of principals (IAM v3).

    id: `boundary_binding:NAME`
    """

    name: str
    policy: str  # the boundary's name
    # full resource name of the set: a project, folder, organisation, pool, workspace
    principals: str
    condition: Condition | None = None


class Expiring(Record, frozen=True, kw_only=True):
    """A member of a group until a moment."""

    key: str
    valid_before: str


class Group(Fact, frozen=True, kw_only=True):
    """
    The members of a Google group.

    id: `group:EMAIL`
    """

    key: str  # `group:EMAIL`, as identities are spelt
    # keys of its members; groups among them have members of their own
    members: Maybe[tuple[str, ...]] = UNSET
    members_known: tuple[str, ...] = ()
    expiring: tuple[Expiring, ...] = ()  # not among the others
    transitive: bool = False  # members of its member groups are among its own


class Delegation(Fact, frozen=True, kw_only=True):
    """
    A client that may act as every user of the Google Workspace (domain-wide delegation).

    id: `delegation:CLIENT_ID`
    """

    client_id: str  # of a service account: its unique id
    account: str | None = None  # the account's e-mail; None: none with that id was read
    scopes: tuple[str, ...] = ()  # of OAuth: for what


class Tag(Record, frozen=True, kw_only=True):
    """A tag by its permanent ids and its names, as far as both were given."""

    key_id: Maybe[str] = UNSET  # `tagKeys/1`
    key: Maybe[str] = UNSET  # namespaced: `123/env`
    value_id: Maybe[str] = UNSET  # `tagValues/2`
    value: Maybe[str] = UNSET  # short name: `prod`


class ResourceTags(Fact, frozen=True, kw_only=True):
    """
    The tags of one resource.

    id: `resource_tags:RESOURCE`
    """

    resource: str
    tags: tuple[Tag, ...] = ()
    inherited: bool = False  # those it inherits are among them


# -------------------------------------------------------------------------- derived


class TaskIdentity(Fact, frozen=True, kw_only=True):
    """
    Whom a task acts as, for every task whose operator takes a Google connection.

    id: `task_identity:` + the task's id after `task:`
    """

    environment: str
    task: str
    dag_id: Maybe[str] = UNSET
    task_id: Maybe[str] = UNSET
    operator: Maybe[str] = UNSET
    connection: Maybe[str | None] = UNSET
    credential_kind: Maybe[CredentialKind] = UNSET
    identity: Maybe[IdentityRef] = UNSET  # after impersonation
    hops: tuple[Hop, ...] = ()


class Path(Fact, frozen=True, kw_only=True):
    """
    One call of one task, with all that lies between.

    Exists for every `Call` whose target is, or may be, Cloud Run.
    id: `path:` + the call's id after `call:`
    """

    environment: str
    task: str
    operation: str
    via: Via
    dag_id: Maybe[str] = UNSET
    task_id: Maybe[str] = UNSET
    operator: Maybe[str] = UNSET
    connection: Maybe[str | None] = UNSET
    identity: Maybe[IdentityRef] = UNSET
    target_kind: Maybe[TargetKind] = UNSET
    target: Maybe[str] = UNSET  # full resource name, or the URL where no asset fits
    token: Maybe[Token] = UNSET
    tls: Maybe[bool] = UNSET  # https, and the certificate is checked
    # whether what a job is given names the run of the DAG; None: it runs no job
    names_run: Maybe[bool | None] = UNSET
    # ids of tasks of other DAGs that run the same job as the same identity
    sharing: Maybe[tuple[str, ...]] = UNSET
    sharing_known: tuple[str, ...] = ()
    needs: Maybe[tuple[str, ...]] = UNSET  # permissions
    lacks: Maybe[tuple[str, ...]] = UNSET  # of `needs`, by all that was read
    lacks_known: tuple[str, ...] = ()
    # `lacks_known` for people: who lacks what on what, a line for each pair
    lacks_words: tuple[str, ...] = ()
    # commands that would grant just that, where all names are known
    cures: tuple[str, ...] = ()
    allowed: Maybe[bool] = UNSET
    hops: tuple[Hop, ...] = ()
    # ids of the facts this path goes through: connection, identity, grants, target
    through: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()


class Grant(Fact, frozen=True, kw_only=True):
    """
    Identity x binding, never expanded by inheritance.

    Exists for bindings whose role holds (or may hold) a permission that reaches
    Cloud Run, and for every binding of an identity that tasks use.
    id: `grant:` + the binding's id after `binding:` + `@` + the identity's key
    """

    identity: IdentityRef
    binding: str
    resource: str
    # as people say it, the project by its id where that is known
    resource_label: str = ""
    level: Literal["service", "job", "project", "folder", "organization", "other"]
    role: str
    basic_role: bool
    # the modelled permissions that the role holds
    permissions: Maybe[tuple[str, ...]] = UNSET
    # modelled permissions other than calling Cloud Run that the role holds
    beyond_invoke: Maybe[tuple[str, ...]] = UNSET
    conditional: bool = False
    # the binding's; None: no such bound
    valid_before: Maybe[str | None] = None
    used_by_tasks: bool = False
    # whether a Cloud Run service or job runs as the identity
    runs_workload: Maybe[bool] = UNSET
    # whether a scanned call, or what a sender sends, rests on it; False: surely none does,
    # and nothing else that acts as the identity was left out; None: no task acts as it
    used_by_calls: Maybe[bool | None] = UNSET
    # of people: the domain of their e-mail, in lower case
    domain: str | None = None
    # the project that an account or pool is of, by its id where that is known; None:
    # people, Google's agents and whoever else is of none
    identity_project: Maybe[str | None] = UNSET
    # whether that is the project of what the grant stands on; None: one of them is of none
    same_project: Maybe[bool | None] = UNSET
    # whether the identity belongs to no part of the resource's organisation
    outside: Maybe[bool] = UNSET
    # of a grant that lets its identity call Cloud Run: whether the identity may change
    # what it calls, by any binding on it or above; False: it lets it call nothing
    deploys: Maybe[bool] = UNSET
    deploys_by: tuple[str, ...] = ()  # the bindings that let it


class Controlled(Record, frozen=True, kw_only=True):
    """An identity that another can become, what runs as it, and how."""

    identity: IdentityRef
    permission: str
    # all of it, its access tokens (no service takes them), its identity tokens (only
    # services do), or what it may do in Cloud Storage
    gives: Literal["identity", "api", "invocation", "storage"] = "identity"
    runs: tuple[str, ...]  # resource names of workloads that run as it
    hops: tuple[Hop, ...]


LeverKind = Literal[
    "CAN_LIFT_GUARDRAIL",  # a deny policy or principal access boundary
    "CAN_LIFT_ORG_POLICY",
    "CAN_REVIVE",  # a disabled account
    "CAN_SATISFY_CONDITION",  # of a binding that asks for a tag
]


class Lever(Record, frozen=True, kw_only=True):
    """
    Something in the way of an identity that it can remove.

    `identity` is who holds the permission: the identity itself, or one it can become.
    """

    kind: LeverKind
    identity: IdentityRef
    permission: str
    what: str  # the policy, constraint, account or binding
    hops: tuple[Hop, ...]


class Reach(Fact, frozen=True, kw_only=True):
    """
    What an identity that tasks use can become through any chain.

    id: `reach:KEY`
    """

    identity: IdentityRef
    environments: tuple[str, ...]
    dags: tuple[str, ...]
    controls: Maybe[tuple[Controlled, ...]] = UNSET
    controls_known: tuple[Controlled, ...] = ()
    # scopes for which it, or an account it can become, acts as any user of the Workspace,
    # once it signs as itself: with a key, or by signJwt on itself
    delegated: tuple[str, ...] = ()
    levers: Maybe[tuple[Lever, ...]] = UNSET
    levers_known: tuple[Lever, ...] = ()


class LifetimeChain(Fact, frozen=True, kw_only=True):
    """
    How long a call may run, and what bounds it.

    id: `lifetime_chain:` + the call's id after `call:`
    """

    environment: str
    task: str
    dag: str
    operation: str
    dag_id: Maybe[str] = UNSET
    task_id: Maybe[str] = UNSET
    deferrable: Maybe[bool] = UNSET
    timeout_seconds: Maybe[float | None] = UNSET
    bounded: Maybe[bool] = UNSET
    bound: Maybe[float | None] = UNSET  # seconds; None: nothing bounds it
    # longest that the Cloud Run execution may take, all attempts; None: no such end
    work: Maybe[float | None] = UNSET


class AuditLog(Fact, frozen=True, kw_only=True):
    """
    Which data access logs one project writes for one service.

    `uses_logged` tells whether they hold each use that matters: of Cloud Run reads and
    writes, of `iamcredentials.googleapis.com` the minting of tokens.
    id: `audit_log:PROJECT#SERVICE`
    """

    project: str
    service: str
    log_types: Maybe[tuple[str, ...]] = UNSET
    uses_logged: Maybe[bool] = UNSET
    exempted: Maybe[tuple[str, ...]] = UNSET


class ProjectConstraint(Fact, frozen=True, kw_only=True):
    """
    Whether organisation policies forbid something in one project.

    `constraint` is `iam.disableServiceAccountKeyCreation` (new keys),
    `iam.allowedPolicyMemberDomains` (members from elsewhere) or `run.allowedIngress`
    (services open to the internet), whichever constraint forbids it. Exists for projects
    with a workload or Composer environment, and of the first kind for those whose
    accounts tasks act as.
    id: `project_constraint:PROJECT#CONSTRAINT`
    """

    project: str
    constraint: str
    forbids: Maybe[bool] = UNSET
    by: tuple[str, ...] = ()  # the constraints that do, managed ones among them


class LogRetention(Fact, frozen=True, kw_only=True):
    """
    How long a project that hosts a workload keeps its data access logs, if it writes any.

    id: `log_retention:PROJECT`
    """

    project: str
    # the longest that a log bucket keeps them; 0: none gets them
    days: Maybe[float] = UNSET
    at_least_days: float = 0.0  # by the log buckets that surely get them
    # whether they go somewhere else, too; how long they are kept there is not told
    exported: Maybe[bool] = UNSET
    sinks: tuple[str, ...] = ()  # those that surely route them


# ------------------------------------------------------------------ inline and files


class InlineWaiver(Record, frozen=True, kw_only=True):
    """A waiver written as a comment in a scanned file, as read; judged by policy."""

    origin: Origin
    text: str  # what follows `dagwarden:`, at most 500 characters
    # a comment by which another tool is told to be silent: `gitleaks:allow`
    marker: str = ""
    # the line it is written on; None: that of `origin`
    comment: int | None = None
    # the line of the credentials it covers, where that is not the one of `origin`
    credentials: int | None = None


class SourceFile(Record, frozen=True, kw_only=True):
    """An input that was read: for the manifest and the reconciliation."""

    path: str
    kind: str  # "dag", "connections", "snapshot", ...
    sha256: str
    size: int


class Facts(Record, frozen=True, kw_only=True):
    """
    Everything known, by kind. Sources return one each; they are merged.

    The attribute names are the kinds in the plural; `KINDS` maps between them.
    """

    airflow_settings: tuple[AirflowSetting, ...] = ()
    environments: tuple[AirflowEnvironment, ...] = ()
    dags: tuple[Dag, ...] = ()
    tasks: tuple[Task, ...] = ()
    calls: tuple[Call, ...] = ()
    connections: tuple[Connection, ...] = ()
    embedded_secrets: tuple[EmbeddedSecret, ...] = ()
    key_references: tuple[KeyReference, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    resources: tuple[Resource, ...] = ()
    identities: tuple[Identity, ...] = ()
    keys: tuple[Key, ...] = ()
    roles: tuple[Role, ...] = ()
    bindings: tuple[Binding, ...] = ()
    federation_providers: tuple[FederationProvider, ...] = ()
    cloud_runs: tuple[CloudRun, ...] = ()
    composer_environments: tuple[ComposerEnvironment, ...] = ()
    audit_configs: tuple[AuditConfig, ...] = ()
    org_policies: tuple[OrgPolicy, ...] = ()
    log_sinks: tuple[LogSink, ...] = ()
    log_buckets: tuple[LogBucket, ...] = ()
    senders: tuple[Sender, ...] = ()
    service_perimeters: tuple[ServicePerimeter, ...] = ()
    deny_policies: tuple[DenyPolicy, ...] = ()
    boundary_policies: tuple[BoundaryPolicy, ...] = ()
    boundary_bindings: tuple[BoundaryBinding, ...] = ()
    groups: tuple[Group, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    resource_tags: tuple[ResourceTags, ...] = ()
    # derived by graph
    task_identities: tuple[TaskIdentity, ...] = ()
    paths: tuple[Path, ...] = ()
    grants: tuple[Grant, ...] = ()
    reaches: tuple[Reach, ...] = ()
    lifetime_chains: tuple[LifetimeChain, ...] = ()
    audit_logs: tuple[AuditLog, ...] = ()
    project_constraints: tuple[ProjectConstraint, ...] = ()
    log_retentions: tuple[LogRetention, ...] = ()
    # beside the facts
    gaps: tuple[Gap, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    inline_waivers: tuple[InlineWaiver, ...] = ()
    files: tuple[SourceFile, ...] = ()
    assumptions: tuple[str, ...] = ()
    # what looked for credentials beside dagwarden itself, with its version
    detectors: tuple[str, ...] = ()


# kind -> (attribute of Facts, record); the kinds that rules may name as `subject`
KINDS: dict[str, tuple[str, type[Fact]]] = {
    "airflow_setting": ("airflow_settings", AirflowSetting),
    "environment": ("environments", AirflowEnvironment),
    "dag": ("dags", Dag),
    "task": ("tasks", Task),
    "call": ("calls", Call),
    "connection": ("connections", Connection),
    "embedded_secret": ("embedded_secrets", EmbeddedSecret),
    "key_reference": ("key_references", KeyReference),
    "snapshot": ("snapshots", Snapshot),
    "resource": ("resources", Resource),
    "identity": ("identities", Identity),
    "key": ("keys", Key),
    "role": ("roles", Role),
    "binding": ("bindings", Binding),
    "federation_provider": ("federation_providers", FederationProvider),
    "cloud_run": ("cloud_runs", CloudRun),
    "composer_environment": ("composer_environments", ComposerEnvironment),
    "audit_config": ("audit_configs", AuditConfig),
    "org_policy": ("org_policies", OrgPolicy),
    "log_sink": ("log_sinks", LogSink),
    "log_bucket": ("log_buckets", LogBucket),
    "sender": ("senders", Sender),
    "service_perimeter": ("service_perimeters", ServicePerimeter),
    "deny_policy": ("deny_policies", DenyPolicy),
    "boundary_policy": ("boundary_policies", BoundaryPolicy),
    "boundary_binding": ("boundary_bindings", BoundaryBinding),
    "group": ("groups", Group),
    "delegation": ("delegations", Delegation),
    "resource_tags": ("resource_tags", ResourceTags),
    "task_identity": ("task_identities", TaskIdentity),
    "path": ("paths", Path),
    "grant": ("grants", Grant),
    "reach": ("reaches", Reach),
    "lifetime_chain": ("lifetime_chains", LifetimeChain),
    "audit_log": ("audit_logs", AuditLog),
    "project_constraint": ("project_constraints", ProjectConstraint),
    "log_retention": ("log_retentions", LogRetention),
}


def merge(*parts: Facts) -> Facts:
    """Return the union of `parts`, each collection in the order given."""
    return Facts(
        **{
            name: tuple(chain.from_iterable(getattr(part, name) for part in parts))
            for name in Facts.__struct_fields__
        }
    )


# What a gap or an exclusion of the git history as a whole is about.
HISTORY = "git history"
# Of a commit's id, as people are shown it.
SHORT_ID = 12


def message_of(kind: Literal["commit", "tag"], identifier: str, ref: str = "") -> str:
    """Return what the message of a commit, or of the tag that `ref` leads to, is called."""
    words = f"message of {kind} {identifier[:SHORT_ID]}"
    return f"{words} {ref}" if ref else words


_MESSAGES = (message_of("commit", ""), message_of("tag", ""))


def in_history(source: str) -> tuple[str, str] | None:
    """
    Return (commit, path) of an origin that only the git history has.

    Of a message, the path is "".
    """
    commit, _, path = source.partition(":")
    said = source.startswith(_MESSAGES)
    if said:
        commit, path = source.split(" ")[3], ""
    short = len(commit) == SHORT_ID and set(commit) <= set("0123456789abcdef")
    return (commit, path) if short and (path or said) else None


def facts_of(facts: Facts, kind: str) -> tuple[Fact, ...]:
    """Return the facts of one kind (a key of `KINDS`)."""
    found: tuple[Fact, ...] = getattr(facts, KINDS[kind][0])
    return found
