"""The join over tiny estates: each changes one fact and names what must follow."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.errors import UsageError
from dagwarden.facts import (
    KINDS,
    AirflowEnvironment,
    AirflowSetting,
    AuditConfig,
    Binding,
    Call,
    CloudRun,
    ComposerEnvironment,
    Condition,
    Connection,
    Credential,
    Dag,
    DenyPolicy,
    DenyRule,
    Fact,
    Facts,
    Identity,
    Key,
    Layers,
    LifetimeChain,
    Maybe,
    Origin,
    Path,
    Reach,
    Resource,
    Role,
    Snapshot,
    Task,
    TaskIdentity,
    Unresolved,
    facts_of,
)
from dagwarden.graph.build import derive
from dagwarden.graph.explain import explain, who_can

ODD = "a condition that is not understood"
AS_OF = datetime(2026, 11, 22, tzinfo=UTC)
CRM = "//cloudresourcemanager.googleapis.com/"
ORG, FOLDER, PROJECT = f"{CRM}organizations/1", f"{CRM}folders/2", f"{CRM}projects/1041"
JOB = "//run.googleapis.com/projects/p/locations/r1/jobs/nightly"
SERVICE = "//run.googleapis.com/projects/p/locations/r1/services/api"
COMPOSER = "//composer.googleapis.com/projects/p/locations/r1/environments/prod"
BUCKET = "//storage.googleapis.com/dags-bucket"
ENV_SA = "airflow@p.iam.gserviceaccount.com"
JOB_SA = "job@p.iam.gserviceaccount.com"
TEAM_SA = "team@p.iam.gserviceaccount.com"
URL = "https://api-abc-r1.a.run.app"
EXECUTE = (
    "airflow.providers.google.cloud.operators.cloud_run.CloudRunExecuteJobOperator"
)
NEEDS = ("run.jobs.run", "run.operations.get", "run.jobs.get")


def at(source: str = "assets.ndjson", line: int = 1) -> Origin:
    return Origin(source=source, line=line)


def why(field: str, reason: Any, symbol: str) -> tuple[Unresolved, ...]:
    return (Unresolved(field=field, reason=reason, symbol=symbol),)


def account(email: str) -> str:
    return f"serviceAccount:{email}"


def account_name(email: str) -> str:
    return f"//iam.googleapis.com/projects/p/serviceAccounts/{email}"


def bind(resource: str, role: str, *members: str, condition: str = "") -> Binding:
    return Binding(
        id=f"binding:{resource}#{role}" + (f"#{condition}" if condition else ""),
        origin=at(line=9),
        resource=resource,
        role=role,
        members=members,
        condition=Condition(expression=condition, title="t") if condition else None,
    )


def node(name: str, kind: str, *ancestors: str) -> Resource:
    project = kind == "project"
    return Resource(
        id=f"resource:{name}",
        origin=at(),
        name=name,
        kind=kind,
        ancestors=ancestors,
        project_id="p" if project else None,
        project_number="1041" if project else None,
    )


def identity(email: str, unique_id: str = "") -> Identity:
    return Identity(
        id=f"identity:{account(email)}",
        origin=at(),
        key=account(email),
        kind="service_account",
        email=email,
        unique_id=unique_id or None,
        project="p",
        disabled=False,
    )


TASK = Task(
    id="task:prod:d.py:d.t",
    origin=at("dags/d.py", 7),
    environment="prod",
    dag="dag:prod:d.py:d",
    dag_id="d",
    task_id="t",
    operator=EXECUTE,
    connection="google_cloud_default",
    connection_parameter="gcp_conn_id",
    connection_source="operator_default",
    impersonation_chain=None,
    execution_timeout=None,
    dagrun_timeout=None,
    timeout_seconds=None,
    retries=None,
    deferrable=False,
)
CALL = Call(
    id="call:prod:d.py:d.t",
    origin=at("dags/d.py", 7),
    environment="prod",
    task=TASK.id,
    via="operator",
    operation="run_job",
    target_kind="job",
    project="p",
    region="r1",
    name="nightly",
    overrides=False,
    names_run=False,
    token=None,
    permissions=NEEDS,
    deploys_as=None,
    url=None,
    acts_as="environment",
    connection=None,
    impersonation_chain=None,
)
CONNECTION = Connection(
    id="connection:prod:google_cloud_default",
    origin=at("connections.json"),
    environment="prod",
    conn_id="google_cloud_default",
    conn_type="google_cloud_platform",
    host=None,
    schema=None,
    port=None,
    project=None,
    credential=Credential(kind="ambient"),
    impersonation_chain=None,
    tls_verified=None,
    token="none",
)
ENVIRONMENT = AirflowEnvironment(
    id="environment:prod",
    origin=at("dagwarden.toml"),
    name="prod",
    runs_as=ENV_SA,
    airflow="2.11",
)
SNAPSHOT = Snapshot(
    id="snapshot:organizations/1",
    origin=at(),
    read_time="2026-11-21T12:00:00Z",
    scope="organizations/1",
    principal="auditor@x.example",
    layers=Layers(allow="read", ancestors="read", audit="read"),
    asset_types=(
        "iam.googleapis.com/ServiceAccount",
        "run.googleapis.com/Job",
        "run.googleapis.com/Service",
        "storage.googleapis.com/Bucket",
    ),
)
RUN_JOB = CloudRun(
    id=f"cloud_run:{JOB}",
    origin=at(),
    resource=JOB,
    kind="job",
    project="p",
    region="r1",
    name="nightly",
    service_account=JOB_SA,
    timeout=600.0,
    max_retries=3,
    task_count=1,
    parallelism=None,
)
RUN_SERVICE = CloudRun(
    id=f"cloud_run:{SERVICE}",
    origin=at(),
    resource=SERVICE,
    kind="service",
    project="p",
    region="r1",
    name="api",
    service_account=JOB_SA,
    ingress="all",
    invoker_check_disabled=False,
    urls=(URL,),
    timeout=300.0,
)
RESOURCES = (
    node(ORG, "organization"),
    node(FOLDER, "folder", ORG),
    node(PROJECT, "project", FOLDER, ORG),
    node(BUCKET, "bucket", PROJECT, FOLDER, ORG),
)
ESTATE = Facts(
    environments=(ENVIRONMENT,),
    dags=(
        Dag(
            id="dag:prod:d.py:d",
            origin=at("dags/d.py"),
            environment="prod",
            dag_id="d",
            dagrun_timeout=None,
            schedule=None,
        ),
    ),
    tasks=(TASK,),
    calls=(CALL,),
    connections=(CONNECTION,),
    snapshots=(SNAPSHOT,),
    resources=RESOURCES,
    identities=(identity(ENV_SA, "111"), identity(JOB_SA), identity(TEAM_SA)),
    bindings=(bind(PROJECT, "roles/run.developer", account(ENV_SA)),),
    cloud_runs=(RUN_JOB, RUN_SERVICE),
)
HTTP_TASK = replace(
    TASK,
    operator="airflow.providers.http.operators.http.HttpOperator",
    connection="api",
    connection_parameter="http_conn_id",
)
HTTP_CALL = replace(
    CALL,
    via="http",
    operation="invoke_service",
    target_kind=UNSET,
    endpoint="/run",
    tls_verified=None,
    audience=None,
    unresolved=why("target_kind", "connection", "connection api of environment prod"),
)
HTTP = replace(
    CONNECTION,
    id="connection:prod:api",
    conn_id="api",
    conn_type="http",
    host=URL,
    credential=Credential(kind="none"),
)
WEB = replace(ESTATE, tasks=(HTTP_TASK,), calls=(HTTP_CALL,), connections=(HTTP,))


def with_bindings(facts: Facts, *bindings: Binding) -> Facts:
    return replace(facts, bindings=bindings)


def with_task(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, tasks=(replace(facts.tasks[0], **changes),))


def with_call(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, calls=(replace(facts.calls[0], **changes),))


def with_connection(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, connections=(replace(facts.connections[0], **changes),))


def with_layers(facts: Facts, **changes: Any) -> Facts:
    layers = replace(SNAPSHOT.layers, **changes)
    return replace(facts, snapshots=(replace(SNAPSHOT, layers=layers),))


def path_of(facts: Facts) -> Path:
    (path,) = derive(facts, AS_OF).paths
    return path


def acting(facts: Facts) -> TaskIdentity:
    (found,) = derive(facts, AS_OF).task_identities
    return found


def lifetime(facts: Facts) -> LifetimeChain:
    (found,) = derive(facts, AS_OF).lifetime_chains
    return found


def reach_of(facts: Facts, email: str = ENV_SA) -> Reach:
    return {item.identity.key: item for item in derive(facts, AS_OF).reaches}[
        account(email)
    ]


def causes(fact: Fact, field: str) -> set[tuple[str, str]]:
    return {(u.reason, u.symbol) for u in fact.unresolved if u.field == field}


# --------------------------------------------------------------------------- whole


def test_a_call_that_is_allowed_shows_every_hop_and_where_it_was_read() -> None:
    path = path_of(ESTATE)
    assert path.identity is not UNSET
    assert path.identity.email == ENV_SA
    assert (path.token, path.tls, path.target) == ("access_token", True, JOB)
    assert (path.needs, path.lacks, path.allowed) == (NEEDS, (), True)
    assert [(hop.kind, hop.origin.source if hop.origin else None) for hop in path.hops] == [
        ("task", "dags/d.py"),
        ("uses_connection", "connections.json"),
        ("runs_as", "dagwarden.toml"),
        ("granted", "assets.ndjson"),
        ("inherited", "assets.ndjson"),
        ("holds", "dagwarden role catalogue"),
        ("calls", "dags/d.py"),
    ]  # fmt: skip
    assert path.through == (
        "connection:prod:google_cloud_default",
        "environment:prod",
        f"identity:{account(ENV_SA)}",
        f"grant:{PROJECT}#roles/run.developer@{account(ENV_SA)}",
        f"cloud_run:{JOB}",
    )
    assert path.unresolved == ()


def test_a_call_that_is_denied_names_what_it_lacks() -> None:
    path = path_of(
        with_bindings(ESTATE, bind(JOB, "roles/run.invoker", account(ENV_SA)))
    )
    assert path.lacks == ("run.operations.get", "run.jobs.get")
    assert path.lacks_known == path.lacks
    assert path.allowed is False
    assert path.hops[-1].text.endswith(
        f"is refused: {ENV_SA} lacks run.operations.get, run.jobs.get on job nightly "
        "(p, r1)"
    )


def test_overrides_need_their_own_permission() -> None:
    needs = ("run.jobs.runWithOverrides",)
    facts = with_call(ESTATE, permissions=needs, overrides=True)
    invoker = bind(JOB, "roles/run.invoker", account(ENV_SA))
    assert path_of(with_bindings(facts, invoker)).lacks == needs
    executor = bind(JOB, "roles/run.jobsExecutorWithOverrides", account(ENV_SA))
    assert path_of(with_bindings(facts, executor)).lacks == ()


def test_input_order_does_not_show() -> None:
    backwards = replace(
        ESTATE,
        **{
            name: getattr(ESTATE, name)[::-1]
            for name in ("bindings", "resources", "identities", "cloud_runs")
        },
    )
    one, other = derive(ESTATE, AS_OF), derive(backwards, AS_OF)
    for name in ("paths", "grants", "reaches", "task_identities", "audit_logs"):
        assert getattr(one, name) == getattr(other, name)


def test_every_unset_field_of_a_derived_fact_says_why() -> None:
    empty = Facts(
        environments=(replace(ENVIRONMENT, runs_as=UNSET),),
        tasks=(replace(TASK, connection=UNSET, deferrable=UNSET),),
        calls=(replace(CALL, project=UNSET, permissions=UNSET),),
    )
    estates = [
        ESTATE,
        WEB,
        empty,
        replace(ESTATE, snapshots=()),
        replace(WEB, connections=()),
    ]
    for facts in estates:
        derived = derive(facts, AS_OF)
        for kind in (
            "task_identity",
            "path",
            "grant",
            "reach",
            "lifetime_chain",
            "audit_log",
        ):
            for fact in facts_of(derived, kind):
                unset = {
                    name
                    for name in type(fact).__struct_fields__
                    if getattr(fact, name) is UNSET
                }
                assert unset == {item.field for item in fact.unresolved}, (kind, fact)


# ------------------------------------------------------------------- whom a task is


CHAINED = ("d1@p.iam.gserviceaccount.com", TEAM_SA)


@pytest.mark.parametrize(
    ("facts", "email", "reason"),
    [
        (ESTATE, ENV_SA, None),
        (with_task(ESTATE, impersonation_chain=(TEAM_SA,)), TEAM_SA, None),
        (with_task(ESTATE, impersonation_chain=CHAINED), TEAM_SA, None),
        (with_connection(ESTATE, impersonation_chain=CHAINED), TEAM_SA, None),
        # an empty chain falls back to the connection's
        (
            with_task(
                with_connection(ESTATE, impersonation_chain=CHAINED),
                impersonation_chain=(),
            ),
            TEAM_SA,
            None,
        ),
        (
            with_task(ESTATE, impersonation_chain=("a@x,b@x",)),
            None,
            ("dynamic", 'impersonation_chain "a@x,b@x" of d.t'),
        ),
        (
            with_connection(
                ESTATE, credential=Credential(kind="key_content", identity=TEAM_SA)
            ),
            TEAM_SA,
            None,
        ),
        (
            with_connection(
                ESTATE, credential=Credential(kind="key_file", identity=None)
            ),
            None,
            ("connection", "account behind connection google_cloud_default"),
        ),
        (
            with_connection(ESTATE, credential=Credential(kind="conflicting")),
            None,
            (
                "connection",
                (
                    "a Google credential in connection google_cloud_default "
                    "(it has several, and Airflow refuses them)"
                ),
            ),
        ),
        (
            replace(ESTATE, connections=()),
            None,
            (
                "connection",
                "connection google_cloud_default of environment prod",
            ),
        ),
        (
            replace(ESTATE, environments=()),
            None,
            ("setting", "runs_as of environment prod"),
        ),
        (
            with_task(
                ESTATE,
                impersonation_chain=UNSET,
                unresolved=why("impersonation_chain", "variable", "AIRFLOW_VAR_SA"),
            ),
            None,
            ("variable", "AIRFLOW_VAR_SA"),
        ),
    ],
)
def test_whom_a_task_acts_as(
    facts: Facts, email: str | None, reason: tuple[str, str] | None
) -> None:
    found = acting(facts)
    known = found.identity.email if found.identity is not UNSET else None
    assert known == email
    assert causes(found, "identity") == ({reason} if reason else set())


def test_an_anonymous_connection_is_anyone_whatever_it_impersonates() -> None:
    facts = with_connection(
        ESTATE,
        credential=Credential(kind="anonymous"),
        impersonation_chain=(TEAM_SA,),
    )
    found = acting(facts)
    assert found.identity is not UNSET
    assert found.identity.key == "allUsers"


def test_a_missing_connection_is_undefined_only_where_all_were_declared() -> None:
    facts = replace(ESTATE, connections=())
    assert derive(facts, AS_OF).tasks[0].connection_defined is UNSET
    complete = replace(ENVIRONMENT, connections_complete=True)
    facts = replace(facts, environments=(complete,))
    assert derive(facts, AS_OF).tasks[0].connection_defined is False
    kubernetes = with_task(
        facts,
        connection="kubernetes_default",
        connection_parameter="kubernetes_conn_id",
    )
    assert derive(kubernetes, AS_OF).tasks[0].connection_defined is True
    # nobody acts, even where the operator names a chain
    facts = with_task(facts, impersonation_chain=(TEAM_SA,))
    assert acting(facts).identity is UNSET


def test_a_connection_that_a_hook_names_is_undefined_where_all_were_declared() -> None:
    complete = replace(ENVIRONMENT, connections_complete=True)
    named = CONNECTION.conn_id
    for conn_id, environment, defined in (
        (None, complete, UNSET),  # takes none
        (named, ENVIRONMENT, True),
        ("other", ENVIRONMENT, UNSET),
        ("other", complete, False),
        # the default of Kubernetes' operators is none of a hook in code
        ("kubernetes_default", complete, False),
    ):
        facts = with_call(ESTATE, connection=conn_id, via="code")
        facts = replace(facts, environments=(environment,))
        (call,) = derive(facts, AS_OF).calls
        assert call.connection_defined is defined
    unknown = with_call(
        ESTATE, connection=UNSET, unresolved=why("connection", "variable", "C")
    )
    (call,) = derive(unknown, AS_OF).calls
    assert causes(call, "connection_defined") == {("variable", "C")}


def test_tasks_without_a_google_connection_have_no_google_identity() -> None:
    assert derive(WEB, AS_OF).task_identities == ()
    assert derive(with_task(ESTATE, connection=None), AS_OF).task_identities == ()
    elsewhere = with_task(ESTATE, connection_parameter="google_ads_conn_id")
    assert derive(elsewhere, AS_OF).task_identities == ()
    named = with_task(ESTATE, connection_parameter="bigquery_conn_id")
    assert len(derive(named, AS_OF).task_identities) == 1


@pytest.mark.parametrize("prefix", ["", "//composer.googleapis.com/"])
def test_an_environment_may_be_a_composer_environment(prefix: str) -> None:
    composer = ComposerEnvironment(
        id=f"composer_environment:{COMPOSER}",
        origin=at(),
        resource=COMPOSER,
        project="p",
        service_account=None,
        dag_bucket=None,
    )
    name = prefix + COMPOSER.removeprefix("//composer.googleapis.com/")
    environment = replace(ENVIRONMENT, runs_as=UNSET, composer=name)
    facts = replace(
        ESTATE, environments=(environment,), composer_environments=(composer,)
    )
    found = acting(facts)
    assert found.identity is not UNSET
    assert found.identity.email == "1041-compute@developer.gserviceaccount.com"
    assert found.identity.default_compute
    absent = replace(facts, composer_environments=())
    assert {reason for reason, _ in causes(acting(absent), "identity")} == {"layer"}


# ---------------------------------------------------------------------------- access


def test_an_inherited_role_counts_from_every_level() -> None:
    for place in (PROJECT, FOLDER, ORG, f"{CRM}projects/p"):
        found = path_of(
            with_bindings(ESTATE, bind(place, "roles/run.admin", account(ENV_SA)))
        )
        assert found.lacks == (), place
    elsewhere = bind(f"{CRM}projects/77", "roles/run.admin", account(ENV_SA))
    assert path_of(with_bindings(ESTATE, elsewhere)).lacks == NEEDS


INVOKER = bind(JOB, "roles/run.jobsExecutor", account(ENV_SA))


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (with_bindings(ESTATE, bind(PROJECT, "roles/run.admin", "group:g@x")), ("membership", "group:g@x")),
        (with_bindings(ESTATE, bind(ORG, "projects/p/roles/c", account(ENV_SA))), ("layer", "definition of projects/p/roles/c")),
        (with_bindings(ESTATE, bind(PROJECT, "roles/run.admin", account(ENV_SA), condition="x")), ("condition", f'condition "t" on roles/run.admin at projects/1041 ({ODD})')),
        (with_layers(with_bindings(ESTATE), ancestors="not_given"), ("layer", "ancestors of projects/p")),
        (with_layers(with_bindings(ESTATE), allow="partly"), ("layer", "IAM policies of the snapshot")),
        (replace(with_bindings(ESTATE), resources=()), ("layer", "snapshot of project p")),
        (replace(with_call(with_bindings(ESTATE), permissions=("run.jobs.run",)), snapshots=(replace(SNAPSHOT, asset_types=()),)), ("layer", "asset type run.googleapis.com/Job")),
    ],
)  # fmt: skip
def test_what_could_still_grant_makes_a_denial_unknown(
    facts: Facts, reason: tuple[str, str]
) -> None:
    path = path_of(facts)
    assert path.lacks is UNSET
    assert path.allowed is UNSET
    assert reason in causes(path, "lacks")


def test_a_domain_has_no_service_accounts() -> None:
    facts = with_bindings(ESTATE, bind(PROJECT, "roles/run.admin", "domain:x.example"))
    assert path_of(facts).lacks == NEEDS


def denies(resource: str, *permissions: str, exact: bool = True) -> DenyPolicy:
    rule = DenyRule(
        principals=("principalSet://goog/public:all",), permissions=permissions
    )
    return DenyPolicy(
        id="deny_policy:d",
        origin=at(),
        name="policies/x/denypolicies/d",
        resource=resource,
        rules=(rule,) if exact else UNSET,
    )


RUNS = "run.googleapis.com/jobs.run"


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        (denies(PROJECT, RUNS), False),
        (denies(ORG, "run.googleapis.com/*.*"), False),
        (denies(ORG, "run.googleapis.com/jobs.*"), False),
        (denies(ORG, exact=False), UNSET),
        (denies(f"{CRM}folders/77", RUNS), True),
        (denies(ORG, "storage.googleapis.com/*.*"), True),
        (denies(ORG, "run.googleapis.com/services.*"), True),
    ],
)
def test_a_deny_policy_takes_away_what_it_names(
    policy: DenyPolicy, allowed: object
) -> None:
    path = path_of(with_layers(replace(ESTATE, deny_policies=(policy,)), deny="read"))
    assert path.allowed is allowed
    symbol = f"rules of deny policy {policy.name}"
    assert (("guardrail", symbol) in causes(path, "lacks")) is (allowed is UNSET)


def test_layers_that_nobody_gave_are_assumed_empty_and_said_so() -> None:
    assumed = "no deny policy applies: the snapshot holds no deny layer"
    assert assumed in path_of(ESTATE).assumes
    assert assumed in derive(ESTATE, AS_OF).assumptions
    partly = path_of(with_layers(ESTATE, deny="partly"))
    assert assumed not in partly.assumes
    assert ("layer", "deny policies") in causes(partly, "lacks")


def test_a_disabled_account_is_not_allowed_anything() -> None:
    off = replace(identity(ENV_SA), disabled=True)
    assert path_of(replace(ESTATE, identities=(off,))).allowed is False


def test_a_role_on_the_job_may_or_may_not_cover_its_operations() -> None:
    facts = with_bindings(ESTATE, bind(JOB, "roles/run.developer", account(ENV_SA)))
    path = path_of(facts)
    assert path.lacks is UNSET
    assert path.lacks_known == ()


POOL = "//iam.googleapis.com/projects/1041/locations/global/workloadIdentityPools/q"


def test_a_pool_s_principals_are_no_service_accounts_but_perhaps_each_other() -> None:
    members = f"principalSet:{POOL}/attribute.team/x"
    facts = with_bindings(ESTATE, bind(PROJECT, "roles/run.admin", members))
    assert path_of(facts).lacks == NEEDS
    federated = f"principal:{POOL}/subject/s"
    found = explain(derive(facts, AS_OF), federated, "run.jobs.run", "job nightly")
    assert found.answer == "unknown"
    assert found.because == (f"members not known: {members}",)


@pytest.mark.parametrize(
    ("place", "allowed"), [(PROJECT, True), (FOLDER, UNSET), (None, False)]
)
def test_a_convenience_member_stands_for_the_project_s_own_editors(
    place: str | None, allowed: object
) -> None:
    editors = bind(JOB, "roles/run.jobsExecutor", "projectEditor:p")
    basic = [bind(place, "roles/editor", account(ENV_SA))] if place else []
    role = Role(
        id="role:roles/editor", origin=at(), name="roles/editor", permissions=("a.b.c",)
    )
    facts = with_call(ESTATE, permissions=("run.jobs.run",))
    facts = replace(facts, roles=(role,), bindings=(editors, *basic))
    assert path_of(facts).allowed is allowed


# ---------------------------------------------------------------------- impersonation

TOKEN = "iam.serviceAccounts.getAccessToken"
DELEGATE = "iam.serviceAccounts.implicitDelegation"
CREATOR = "roles/iam.serviceAccountTokenCreator"
IMPERSONATING = with_bindings(
    with_task(ESTATE, impersonation_chain=(TEAM_SA,)),
    bind(PROJECT, "roles/run.developer", account(TEAM_SA)),
)


def test_impersonation_is_a_need_of_its_own() -> None:
    path = path_of(IMPERSONATING)
    assert path.needs == (*NEEDS, f"{TOKEN}@{TEAM_SA}")
    assert path.lacks == (f"{TOKEN}@{TEAM_SA}",)
    may = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA))
    facts = with_bindings(IMPERSONATING, *IMPERSONATING.bindings, may)
    path = path_of(facts)
    assert path.lacks == ()
    assert f"grant:{account_name(TEAM_SA)}#{CREATOR}@{account(ENV_SA)}" in path.through


def test_accounts_are_found_by_their_unique_id() -> None:
    facts = with_bindings(
        replace(IMPERSONATING, identities=(identity(TEAM_SA, "222"),)),
        *IMPERSONATING.bindings,
        bind(account_name("222"), CREATOR, account(ENV_SA)),
    )
    assert path_of(facts).lacks == ()


@pytest.mark.parametrize(
    ("first", "second", "lacks"),
    [
        (CREATOR, CREATOR, ()),
        ("", CREATOR, (f"{DELEGATE}@{CHAINED[0]}",)),
        (CREATOR, "", (f"{TOKEN}@{TEAM_SA}",)),
        (CREATOR, "roles/iam.workloadIdentityUser", ()),
        # may mint tokens, may not delegate: not documented
        ("roles/iam.workloadIdentityUser", CREATOR, None),
    ],
)
def test_every_link_of_a_chain_is_checked(
    first: str, second: str, lacks: tuple[str, ...] | None
) -> None:
    links = [
        bind(account_name(target), role, account(holder))
        for holder, role, target in (
            (ENV_SA, first, CHAINED[0]),
            (CHAINED[0], second, TEAM_SA),
        )
        if role
    ]
    facts = with_bindings(
        with_task(IMPERSONATING, impersonation_chain=CHAINED),
        *IMPERSONATING.bindings,
        *links,
    )
    found = path_of(facts).lacks
    assert (None if found is UNSET else found) == lacks


def test_an_unknown_source_names_the_setting_that_would_tell() -> None:
    path = path_of(replace(IMPERSONATING, environments=()))
    assert path.identity is not UNSET
    assert causes(path, "lacks") == {("setting", "runs_as of environment prod")}


# --------------------------------------------------------------------------- targets


@pytest.mark.parametrize(
    ("changes", "connection", "target"),
    [
        ({}, {}, JOB),
        ({"project": "1041"}, {}, JOB),
        ({"project": None}, {"project": "p"}, JOB),
        ({"project": None}, {"impersonation_chain": (TEAM_SA,)}, JOB),
        ({"project": None}, {}, None),
        ({"name": "other"}, {}, JOB.replace("nightly", "other")),
        ({"region": UNSET, "unresolved": why("region", "jinja", "{{ r }}")}, {}, None),
    ],
)
def test_a_job_is_found_by_project_region_and_name(
    changes: dict[str, Any], connection: dict[str, Any], target: str | None
) -> None:
    path = path_of(with_call(with_connection(ESTATE, **connection), **changes))
    assert (None if path.target is UNSET else path.target) == target


def test_a_job_that_is_not_in_the_snapshot_is_not_judged() -> None:
    path = path_of(with_call(ESTATE, name="other"))
    assert causes(path, "lacks") == {
        ("layer", "job other in the snapshot of project p")
    }
    path = path_of(with_call(ESTATE, project="q"))
    assert causes(path, "lacks") == {("layer", "snapshot of project q")}


def test_creating_a_job_is_asked_of_its_project() -> None:
    facts = with_call(
        ESTATE, name="new", operation="create_job", permissions=("run.jobs.create",)
    )
    assert path_of(facts).lacks == ()
    viewer = bind(PROJECT, "roles/run.viewer", account(ENV_SA))
    assert path_of(with_bindings(facts, viewer)).lacks == ("run.jobs.create",)


# ------------------------------------------------------------------------------ HTTP


@pytest.mark.parametrize(
    ("host", "target"),
    [
        (URL, SERVICE),
        ("https://tag---api-abc-r1.a.run.app", SERVICE),
        ("https://api-1041000.europe-west1.run.app", None),
        ("https://elsewhere-xyz-r1.a.run.app", None),
    ],
)
def test_a_service_is_found_by_its_url(host: str, target: str | None) -> None:
    path = path_of(with_connection(WEB, host=host))
    assert path.target_kind == "service"
    assert path.target == (target or host)
    assert (path.allowed is UNSET) is (target is None)


def test_a_service_is_found_by_the_deterministic_url() -> None:
    name = "//run.googleapis.com/projects/1041000/locations/europe-west1/services/api"
    run = replace(RUN_SERVICE, id=f"cloud_run:{name}", resource=name, urls=())
    facts = replace(WEB, cloud_runs=(run,))
    host = "https://api-1041000.europe-west1.run.app"
    assert path_of(with_connection(facts, host=host)).target == name


def test_a_host_that_is_not_cloud_run_is_told_apart() -> None:
    path = path_of(with_connection(WEB, host="https://hooks.example/T0/SECRET"))
    assert (path.target_kind, path.target) == ("other", "https://hooks.example")
    assert (path.needs, path.lacks) == ((), ())


@pytest.mark.parametrize(
    ("connection", "call", "tls"),
    [
        ({}, {}, True),
        ({"host": URL.replace("https", "http")}, {}, False),
        ({"host": "api-abc-r1.a.run.app"}, {}, False),
        ({"host": "api-abc-r1.a.run.app", "schema": "https"}, {}, True),
        ({"tls_verified": False}, {}, False),
        ({"tls_verified": False}, {"tls_verified": True}, True),
        ({}, {"tls_verified": False}, False),
        ({"tls_verified": UNSET}, {}, UNSET),
        ({"tls_verified": UNSET, "host": URL.replace("https", "http")}, {}, False),
    ],
)
def test_tls_is_https_with_the_certificate_checked(
    connection: dict[str, Any], call: dict[str, Any], tls: object
) -> None:
    assert path_of(with_call(with_connection(WEB, **connection), **call)).tls is tls


PUBLIC = bind(SERVICE, "roles/run.invoker", "allUsers")
MINE = bind(SERVICE, "roles/run.invoker", account(ENV_SA))
OPEN = replace(RUN_SERVICE, invoker_check_disabled=True)


@pytest.mark.parametrize(
    ("facts", "token", "who", "allowed"),
    [
        (with_bindings(WEB, MINE), "id_token", account(ENV_SA), True),
        (with_bindings(WEB), "id_token", account(ENV_SA), False),
        (with_bindings(WEB, MINE), None, "allUsers", False),
        (with_bindings(WEB, MINE), "basic", "allUsers", False),
        (with_bindings(WEB, MINE), "static_bearer", None, None),
        (with_bindings(WEB, MINE), "access_token", None, None),
        (with_bindings(WEB, PUBLIC), None, "allUsers", True),
        (with_bindings(WEB, PUBLIC), "static_bearer", None, True),
        (replace(with_bindings(WEB), cloud_runs=(OPEN,)), None, "allUsers", True),
    ],
)
def test_a_service_asks_for_an_id_token_unless_it_is_public(
    facts: Facts, token: Any, who: str | None, allowed: bool | None
) -> None:
    path = path_of(with_call(facts, token=token))
    assert (path.identity.key if path.identity is not UNSET else None) == who
    assert (None if path.allowed is UNSET else path.allowed) is allowed


@pytest.mark.parametrize(
    ("connection", "call", "token"),
    [
        ("basic", "id_token", UNSET),
        ("basic", "static_bearer", UNSET),
        ("basic", "basic", "basic"),
        ("basic", None, "basic"),
        (None, "id_token", "id_token"),
        (None, None, "none"),
        ("static_bearer", "id_token", "id_token"),
        (UNSET, "id_token", UNSET),
    ],
)
def test_a_connections_login_takes_the_place_of_an_authorization_header(
    connection: Any, call: Any, token: object
) -> None:
    facts = with_call(with_connection(WEB, token=connection), token=call)
    assert path_of(facts).token == token


def test_a_header_counts_only_where_the_connection_was_read() -> None:
    path = path_of(replace(with_call(WEB, token="id_token"), connections=()))
    assert path.token is UNSET


def test_an_unread_invoker_check_leaves_a_denial_open() -> None:
    unread = replace(RUN_SERVICE, invoker_check_disabled=UNSET)
    path = path_of(replace(with_bindings(WEB), cloud_runs=(unread,)))
    assert causes(path, "lacks") == {("layer", "invoker check of service api (p, r1)")}


def test_files_alone_give_identity_token_and_tls() -> None:
    path = path_of(
        replace(ESTATE, snapshots=(), bindings=(), cloud_runs=(), resources=())
    )
    assert path.identity is not UNSET
    assert (path.token, path.tls, path.target) == ("access_token", True, JOB)
    assert causes(path, "lacks") == {("layer", "a snapshot")}
    assert derive(replace(ESTATE, snapshots=()), AS_OF).grants == ()


# ---------------------------------------------------------------------------- grants


def test_grants_are_those_that_call_cloud_run_and_those_of_tasks() -> None:
    facts = with_bindings(
        ESTATE,
        bind(FOLDER, "roles/run.invoker", "user:one@x.example", "allUsers"),
        bind(
            PROJECT, "roles/bigquery.dataViewer", account(ENV_SA), "user:one@x.example"
        ),
        bind(PROJECT, "projects/p/roles/c", "user:two@x.example"),
    )
    grants = {
        (item.identity.key, item.role): item for item in derive(facts, AS_OF).grants
    }
    ann = grants["user:one@x.example", "roles/run.invoker"]
    assert (ann.level, ann.beyond_invoke, ann.used_by_tasks) == ("folder", (), False)
    assert grants["allUsers", "roles/run.invoker"].identity.kind == "all_users"
    mine = grants[account(ENV_SA), "roles/bigquery.dataViewer"]
    assert (mine.permissions, mine.used_by_tasks) == ((), True)
    custom = grants["user:two@x.example", "projects/p/roles/c"]
    assert custom.permissions is UNSET
    assert causes(custom, "beyond_invoke") == {
        ("layer", "definition of projects/p/roles/c")
    }
    assert len(grants) == 4


@pytest.mark.parametrize(
    ("resource", "level"),
    [
        (SERVICE, "service"),
        (JOB, "job"),
        (PROJECT, "project"),
        (FOLDER, "folder"),
        (ORG, "organization"),
        (BUCKET, "other"),
    ],
)
def test_a_grant_tells_its_level(resource: str, level: str) -> None:
    facts = with_bindings(ESTATE, bind(resource, "roles/editor", account(ENV_SA)))
    (grant,) = derive(facts, AS_OF).grants
    assert (grant.level, grant.basic_role) == (level, True)
    assert grant.beyond_invoke is not UNSET
    assert "iam.serviceAccountKeys.create" in grant.beyond_invoke


# ----------------------------------------------------------------------------- reach

OTHER_SA = "other@p.iam.gserviceaccount.com"
OTHER = replace(
    RUN_SERVICE,
    id=f"cloud_run:{SERVICE}2",
    resource=f"{SERVICE}2",
    name="api2",
    service_account=OTHER_SA,
)
LATERAL = replace(ESTATE, cloud_runs=(OTHER,), calls=())


@pytest.mark.parametrize(
    ("bindings", "permission"),
    [
        ((bind(account_name(OTHER_SA), CREATOR, account(ENV_SA)),), TOKEN),
        ((bind(PROJECT, CREATOR, account(ENV_SA)),), TOKEN),
        ((bind(account_name(OTHER_SA), "roles/iam.serviceAccountOpenIdTokenCreator", account(ENV_SA)),), "iam.serviceAccounts.getOpenIdToken"),
        ((bind(ORG, "roles/iam.serviceAccountKeyAdmin", account(ENV_SA)),), "iam.serviceAccountKeys.create"),
        ((bind(PROJECT, "roles/resourcemanager.projectIamAdmin", account(ENV_SA)),), "resourcemanager.projects.setIamPolicy"),
        ((bind(PROJECT, "roles/run.developer", account(ENV_SA)), bind(account_name(OTHER_SA), "roles/iam.serviceAccountUser", account(ENV_SA))), "iam.serviceAccounts.actAs"),
    ],
)  # fmt: skip
def test_what_an_identity_can_become(
    bindings: tuple[Binding, ...], permission: str
) -> None:
    reach = reach_of(with_bindings(LATERAL, *bindings))
    (found,) = reach.controls_known
    assert found.identity.email == OTHER_SA
    assert found.permission == permission
    assert found.runs == (f"{SERVICE}2",)
    assert found.hops[-1].kind == "can_become"
    assert found.hops[-1].target == account(OTHER_SA)
    assert reach.controls == (found,)


@pytest.mark.parametrize(
    "bindings",
    [
        (),
        # calling a service never gives its identity
        (bind(PROJECT, "roles/run.invoker", account(ENV_SA)),),
        # acting as an account takes a permission to deploy besides
        (bind(SERVICE, "roles/run.developer", account(ENV_SA)),),
        # a folder's policy is not the project's
        (bind(PROJECT, "roles/resourcemanager.folderIamAdmin", "user:a@x"),),
        (bind(account_name(TEAM_SA), CREATOR, account(ENV_SA)),),
    ],
)
def test_what_gives_no_control(bindings: tuple[Binding, ...]) -> None:
    reach = reach_of(with_bindings(LATERAL, *bindings))
    assert reach.controls_known == ()
    if not any(item.role == "roles/run.developer" for item in bindings):
        assert reach.controls == ()


def test_control_goes_through_any_number_of_accounts() -> None:
    reach = reach_of(
        with_bindings(
            LATERAL,
            bind(account_name(TEAM_SA), CREATOR, account(ENV_SA)),
            bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA)),
        )
    )
    (found,) = reach.controls_known
    assert [hop.kind for hop in found.hops] == ["granted", "can_become"] * 2


def test_a_token_for_calls_only_leads_no_further() -> None:
    reach = reach_of(
        with_bindings(
            LATERAL,
            bind(account_name(TEAM_SA), "roles/iam.serviceAccountOpenIdTokenCreator", account(ENV_SA)),
            bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA)),
        )
    )  # fmt: skip
    assert reach.controls == ()


def test_a_delegate_passes_on_tokens_and_nothing_else() -> None:
    delegating = Role(
        id="role:projects/p/roles/d",
        origin=at(),
        name="projects/p/roles/d",
        permissions=(DELEGATE,),
        custom=True,
    )
    facts = replace(LATERAL, roles=(delegating,))
    first = bind(account_name(TEAM_SA), delegating.name, account(ENV_SA))
    token = bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA))
    assert len(reach_of(with_bindings(facts, first, token)).controls_known) == 1
    key = bind(
        account_name(OTHER_SA), "roles/iam.serviceAccountKeyAdmin", account(TEAM_SA)
    )
    assert reach_of(with_bindings(facts, first, key)).controls == ()


def test_deploying_counts_in_the_account_s_own_project() -> None:
    elsewhere = f"{CRM}projects/77"
    facts = replace(
        with_bindings(
            LATERAL,
            bind(elsewhere, "roles/run.developer", account(ENV_SA)),
            bind(account_name(OTHER_SA), "roles/iam.serviceAccountUser", account(ENV_SA)),
        ),
        resources=(*RESOURCES, replace(node(elsewhere, "project", ORG), project_id="q", project_number="77")),
    )  # fmt: skip
    reach = reach_of(facts)
    assert reach.controls_known == ()
    symbol = "deployments by other services or projects as accounts of other@p.iam.gserviceaccount.com"
    assert causes(reach, "controls") == {("layer", symbol)}


def test_nobody_becomes_itself() -> None:
    run = replace(OTHER, service_account=ENV_SA)
    itself = bind(account_name(ENV_SA), CREATOR, account(ENV_SA))
    facts = replace(LATERAL, cloud_runs=(run,), bindings=(itself,))
    assert reach_of(facts).controls == ()


def test_an_account_that_can_be_become_is_shown_so_rather_than_its_id_token() -> None:
    facts = with_bindings(
        LATERAL,
        bind(account_name(OTHER_SA), "roles/iam.serviceAccountOpenIdTokenCreator", account(ENV_SA)),
        bind(account_name(TEAM_SA), CREATOR, account(ENV_SA)),
        bind(account_name(OTHER_SA), CREATOR, account(TEAM_SA)),
    )  # fmt: skip
    (found,) = reach_of(facts).controls_known
    assert found.permission == TOKEN


def test_past_the_nearest_fifty_the_list_is_known_in_part() -> None:
    runs = tuple(
        replace(
            OTHER,
            id=f"cloud_run:{SERVICE}{number}",
            resource=f"{SERVICE}{number}",
            service_account=f"sa{number}@p.iam.gserviceaccount.com",
        )
        for number in range(51)
    )
    facts = with_bindings(LATERAL, bind(PROJECT, CREATOR, account(ENV_SA)))
    reach = reach_of(replace(facts, cloud_runs=runs[:50]))
    assert reach.controls is not UNSET
    assert len(reach.controls) == 50
    reach = reach_of(replace(facts, cloud_runs=runs))
    assert causes(reach, "controls") == {("dynamic", "more than 50 accounts")}
    assert len(reach.controls_known) == 50


def test_declared_impersonation_is_use_not_lateral_movement() -> None:
    facts = replace(
        with_task(LATERAL, impersonation_chain=(OTHER_SA,)),
        bindings=(bind(account_name(OTHER_SA), CREATOR, account(ENV_SA)),),
    )
    assert reach_of(facts).controls == ()
    assert {item.identity.email for item in derive(facts, AS_OF).reaches} == {
        ENV_SA,
        OTHER_SA,
    }


UPDATES = replace(CALL, operation="update_job", deploys_as=OTHER_SA)
SECOND = replace(TASK, id="task:prod:e.py:e.t", dag="dag:prod:e.py:e", dag_id="e")
OF_SECOND = replace(UPDATES, id="call:prod:e.py:e.t", task=SECOND.id)


@pytest.mark.parametrize(
    ("tasks", "calls", "becomes"),
    [
        ((TASK,), (UPDATES,), False),
        # another DAG of the same identity was not meant to
        ((TASK, SECOND), (UPDATES,), True),
        ((TASK, SECOND), (UPDATES, OF_SECOND), False),
        ((TASK, SECOND), (UPDATES, replace(OF_SECOND, deploys_as=TEAM_SA)), True),
        # as whom the other deploys may be the same
        ((TASK, SECOND), (UPDATES, replace(OF_SECOND, deploys_as=UNSET)), None),
        ((TASK, SECOND), (replace(UPDATES, deploys_as=UNSET),), True),
    ],
)
def test_deploying_as_an_account_is_use_where_all_dags_of_the_identity_do(
    tasks: tuple[Task, ...], calls: tuple[Call, ...], becomes: bool | None
) -> None:
    facts = replace(
        with_bindings(
            LATERAL,
            bind(PROJECT, "roles/run.developer", account(ENV_SA)),
            bind(account_name(OTHER_SA), USER, account(ENV_SA)),
        ),
        tasks=tasks,
        calls=calls,
    )
    reach = reach_of(facts)
    if becomes is None:
        assert reach.controls is UNSET
        assert reach.controls_known == ()
    else:
        emails = [one.identity.email for one in reach.controls_known]
        assert emails == ([OTHER_SA] if becomes else [])


USER = "roles/iam.serviceAccountUser"


def test_updating_a_job_is_not_running_it_with_overrides() -> None:
    overrides = bind(PROJECT, "roles/run.jobsExecutorWithOverrides", account(ENV_SA))
    facts = replace(ESTATE, bindings=(overrides,))
    assert reach_of(facts).controls_known == ()
    updates = with_call(facts, operation="update_job", deploys_as=TEAM_SA)
    (found,) = reach_of(updates).controls_known
    assert found.permission == "run.jobs.runWithOverrides"


def test_running_ones_own_job_with_overrides_is_use_too() -> None:
    role = "roles/run.jobsExecutorWithOverrides"
    other = replace(
        RUN_JOB, id=f"cloud_run:{JOB}2", resource=f"{JOB}2", service_account=OTHER_SA
    )
    facts = replace(
        ESTATE,
        cloud_runs=(RUN_JOB, other),
        bindings=(bind(PROJECT, role, account(ENV_SA)),),
    )
    (found,) = reach_of(facts).controls_known
    assert found.identity.email == OTHER_SA
    assert found.permission == "run.jobs.runWithOverrides"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (with_bindings(LATERAL, bind(PROJECT, CREATOR, "group:g@x")), ("membership", "group:g@x")),
        (with_bindings(LATERAL, bind(PROJECT, CREATOR, account(ENV_SA), condition="x")), ("condition", f'condition "t" on {CREATOR} at projects/1041 ({ODD})')),
        (with_bindings(LATERAL, bind(PROJECT, "projects/p/roles/c", account(ENV_SA))), ("layer", "definition of projects/p/roles/c")),
        (with_layers(with_bindings(LATERAL), ancestors="not_given"), ("layer", "ancestors of projects/p")),
        (with_bindings(LATERAL, bind(PROJECT, "roles/iam.serviceAccountUser", account(ENV_SA))), ("layer", "deployments by other services or projects as accounts of projects/p")),
        (replace(with_bindings(LATERAL, bind(PROJECT, CREATOR, account(ENV_SA))), deny_policies=(denies(ORG, exact=False),)), ("guardrail", "rules of deny policy policies/x/denypolicies/d")),
    ],
)  # fmt: skip
def test_what_could_add_to_reach_makes_it_unknown(
    facts: Facts, reason: tuple[str, str]
) -> None:
    reach = reach_of(facts)
    assert reach.controls is UNSET
    assert reach.controls_known == ()
    assert reason in causes(reach, "controls")


# ------------------------------------------------------------------------ DAG bucket

COMPOSED = ComposerEnvironment(
    id=f"composer_environment:{COMPOSER}",
    origin=at(),
    resource=COMPOSER,
    project="p",
    service_account=ENV_SA,
    dag_bucket="gs://dags-bucket/dags",
)
WRITER = "roles/storage.objectAdmin"


def writers(facts: Facts) -> ComposerEnvironment:
    facts = replace(facts, composer_environments=(COMPOSED,))
    (found,) = derive(facts, AS_OF).composer_environments
    return found


def test_dag_writers_are_listed_but_the_environment_and_google() -> None:
    found = writers(
        with_bindings(
            ESTATE,
            bind(BUCKET, WRITER, account(ENV_SA), account(TEAM_SA), "projectEditor:p"),
            bind(PROJECT, "roles/storage.objectViewer", "user:reader@x.example"),
            bind(ORG, WRITER, "user:one@x.example", "serviceAccount:service-9@gcp-sa-x.iam.gserviceaccount.com"),
        )
    )  # fmt: skip
    keys = [writer.identity.key for writer in found.dag_writers_known]
    assert keys == ["projectEditor:p", account(TEAM_SA), "user:one@x.example"]
    assert found.dag_writers == found.dag_writers_known
    assert found.dag_writers_known[0].identity.kind == "project_role"


@pytest.mark.parametrize(
    ("facts", "known", "reason"),
    [
        (with_bindings(ESTATE, bind(BUCKET, WRITER, "group:g@x")), 1, ("membership", "group:g@x")),
        (with_bindings(ESTATE, bind(BUCKET, WRITER, "user:a@x", condition="x")), 0, ("condition", f'condition "t" on {WRITER} at bucket dags-bucket ({ODD})')),
        (with_bindings(ESTATE, bind(BUCKET, "projects/p/roles/c", "user:a@x")), 0, ("layer", "definition of projects/p/roles/c")),
        (with_layers(ESTATE, ancestors="not_given"), 0, ("layer", "ancestors of bucket dags-bucket")),
        (replace(ESTATE, resources=RESOURCES[:3], bindings=()), 0, ("layer", "IAM policy of bucket dags-bucket")),
        (replace(ESTATE, snapshots=()), 0, ("layer", "a snapshot")),
    ],
)  # fmt: skip
def test_what_could_add_writers_makes_them_unknown(
    facts: Facts, known: int, reason: tuple[str, str]
) -> None:
    found = writers(facts)
    assert found.dag_writers is UNSET
    assert len(found.dag_writers_known) == known
    assert reason in causes(found, "dag_writers")


def test_who_writes_dags_can_become_the_environment() -> None:
    facts = replace(
        with_task(LATERAL, impersonation_chain=(TEAM_SA,)),
        composer_environments=(COMPOSED,),
        bindings=(bind(BUCKET, WRITER, account(TEAM_SA)),),
    )
    (found,) = reach_of(facts, TEAM_SA).controls_known
    assert (found.identity.email, found.runs) == (ENV_SA, (COMPOSER,))


# ------------------------------------------------------------------------- audit logs


def audit(resource: str, service: str, *types: str) -> AuditConfig:
    return AuditConfig(
        id=f"audit_config:{resource}#{service}",
        origin=at(),
        resource=resource,
        service=service,
        log_types=types,
        exempted_members=("user:x@x",) if service != "allServices" else (),
    )


def test_audit_logs_add_up_over_the_hierarchy() -> None:
    facts = replace(
        ESTATE,
        audit_configs=(
            audit(ORG, "allServices", "DATA_READ"),
            audit(PROJECT, "run.googleapis.com", "DATA_WRITE"),
            audit(f"{CRM}projects/9", "allServices", "ADMIN_READ"),
            audit(PROJECT, "iam.googleapis.com", "ADMIN_READ"),
            # nothing comes of it: the service has no setting of its own
            audit(PROJECT, "iamcredentials.googleapis.com", "DATA_WRITE"),
        ),
    )
    logs = {item.service: item for item in derive(facts, AS_OF).audit_logs}
    assert logs["run.googleapis.com"].log_types == ("DATA_READ", "DATA_WRITE")
    assert logs["run.googleapis.com"].exempted == ("user:x@x",)
    minted = logs["iamcredentials.googleapis.com"].log_types
    assert minted == ("ADMIN_READ", "DATA_READ")


@pytest.mark.parametrize(
    ("service", "types", "logged"),
    [
        ("run.googleapis.com", (), False),
        ("run.googleapis.com", ("DATA_READ",), False),
        ("run.googleapis.com", ("ADMIN_READ", "DATA_WRITE"), False),
        ("run.googleapis.com", ("DATA_READ", "DATA_WRITE"), True),
        ("iamcredentials.googleapis.com", (), False),
        ("iamcredentials.googleapis.com", ("DATA_WRITE",), False),
        ("iamcredentials.googleapis.com", ("ADMIN_READ",), UNSET),
        ("iamcredentials.googleapis.com", ("DATA_READ", "DATA_WRITE"), UNSET),
        ("iamcredentials.googleapis.com", ("ADMIN_READ", "DATA_READ"), True),
    ],
)
def test_uses_are_logged_where_each_kind_of_them_is(
    service: str, types: tuple[str, ...], logged: Maybe[bool]
) -> None:
    facts = replace(ESTATE, audit_configs=(audit(PROJECT, "allServices", *types),))
    found = {item.service: item for item in derive(facts, AS_OF).audit_logs}[service]
    assert found.uses_logged is logged
    either = "whether minting a token is logged as ADMIN_READ or as DATA_READ"
    wanted = {("dynamic", either)} if logged is UNSET else set[tuple[str, str]]()
    assert causes(found, "uses_logged") == wanted
    # what is above may add to it
    unread = with_layers(facts, ancestors="not_given")
    found = {item.service: item for item in derive(unread, AS_OF).audit_logs}[service]
    assert found.uses_logged is UNSET


def test_audit_logs_above_that_were_not_read_could_add() -> None:
    unread = with_layers(ESTATE, audit="not_given")
    assert causes(derive(unread, AS_OF).audit_logs[0], "log_types") == {
        ("layer", "audit configurations in the IAM policies of the snapshot")
    }
    facts = with_layers(ESTATE, ancestors="not_given")
    logs = derive(facts, AS_OF).audit_logs
    assert [item.log_types for item in logs] == [UNSET, UNSET]
    full = audit(PROJECT, "allServices", "ADMIN_READ", "DATA_READ", "DATA_WRITE")
    logs = derive(replace(facts, audit_configs=(full,)), AS_OF).audit_logs
    assert {item.log_types for item in logs} == {
        ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
    }
    assert [item.uses_logged for item in logs] == [True, True]
    assert [item.exempted for item in logs] == [UNSET, UNSET]


# -------------------------------------------------------------------------- lifetimes


def setting(section: str, key: str, value: str) -> AirflowSetting:
    return AirflowSetting(
        id=f"airflow_setting:prod:{section}.{key}",
        origin=at("dagwarden.toml"),
        environment="prod",
        section=section,
        key=key,
        value=value,
    )


def airflow(version: str | None) -> tuple[AirflowEnvironment, ...]:
    return (replace(ENVIRONMENT, airflow=version),)


DEFAULT = ("core", "default_task_execution_timeout")
NO_DEFAULT = (setting(*DEFAULT, ""),)
UNBOUND = ("setting", "[core] default_task_execution_timeout of environment prod")
DEFERS = ("setting", "[operators] default_deferrable of environment prod")
VERSION = ("version", "airflow of environment prod")
MAYBE_DEFERS: dict[str, Any] = {
    "deferrable": UNSET,
    "unresolved": why("deferrable", *DEFERS),
}


@pytest.mark.parametrize(
    ("task", "settings", "version", "bounded", "bound", "reason"),
    [
        ({}, (), "2.11", UNSET, UNSET, UNBOUND),
        ({}, NO_DEFAULT, "2.11", False, None, None),
        ({}, (setting(*DEFAULT, "90"),), "2.11", True, 90.0, None),
        ({"execution_timeout": 60.0}, (), "3.3", True, 60.0, None),
        ({"dagrun_timeout": 99.0}, NO_DEFAULT, "3.3", True, 99.0, None),
        ({"dagrun_timeout": 99.0}, (), "3.3", True, UNSET, UNBOUND),
        ({"dagrun_timeout": 99.0, "execution_timeout": 60.0}, (), "2.11", True, 60.0, None),
        ({"timeout_seconds": 30.0}, NO_DEFAULT, "2.11", True, 30.0, None),
        # deferred: Airflow 2 enforces, 3.3 does not, in between is not established
        ({"execution_timeout": 60.0, "deferrable": True}, (), "2.11", True, 60.0, None),
        ({"execution_timeout": 60.0, "deferrable": True}, (), "3.3", False, None, None),
        ({"execution_timeout": 60.0, "deferrable": True}, (), "3.1", UNSET, UNSET, VERSION),
        ({"execution_timeout": 60.0, "deferrable": True}, (), None, UNSET, UNSET, VERSION),
        ({"execution_timeout": 60.0, "deferrable": True, "dagrun_timeout": 99.0}, (), "3.3", True, 99.0, None),
        ({"timeout_seconds": 30.0, "deferrable": True}, NO_DEFAULT, "3.3", False, None, None),
        ({"execution_timeout": 60.0, **MAYBE_DEFERS}, (), "3.3", UNSET, UNSET, DEFERS),
        ({"execution_timeout": 60.0, **MAYBE_DEFERS}, (), "2.11", True, 60.0, None),
    ],
)  # fmt: skip
def test_what_bounds_a_run(
    task: dict[str, Any],
    settings: tuple[AirflowSetting, ...],
    version: str | None,
    bounded: object,
    bound: object,
    reason: tuple[str, str] | None,
) -> None:
    facts = with_task(ESTATE, **task)
    found = lifetime(
        replace(facts, airflow_settings=settings, environments=airflow(version))
    )
    assert found.bounded is bounded
    assert found.bound == bound
    given = causes(found, "bounded") | causes(found, "bound")
    assert given == ({reason} if reason else set())


@pytest.mark.parametrize(
    ("run", "call", "work"),
    [
        ({}, {}, 2400.0),
        ({"max_retries": 0}, {}, 600.0),
        ({"task_count": 5, "parallelism": 2, "max_retries": 0}, {}, 1800.0),
        ({"task_count": 5, "parallelism": None}, {}, UNSET),
        ({"timeout": UNSET}, {}, UNSET),
        ({}, {"overrides": True}, UNSET),
        ({}, {"name": "other"}, UNSET),
    ],
)
def test_how_long_a_job_may_take(
    run: dict[str, Any], call: dict[str, Any], work: object
) -> None:
    facts = with_call(replace(ESTATE, cloud_runs=(replace(RUN_JOB, **run),)), **call)
    assert lifetime(facts).work == work


def test_a_request_may_take_as_long_as_the_service_lets_it() -> None:
    assert lifetime(WEB).work == 300.0


# -------------------------------------------------------------------------- enriching


@pytest.mark.parametrize(
    ("read", "age"),
    [
        ("2026-11-21T12:00:00Z", 12.0),
        ("2026-11-21T12:00:00.000000999Z", 12.0),
        ("soon", UNSET),
        (UNSET, UNSET),
    ],
)
def test_a_snapshot_ages(read: Any, age: object) -> None:
    facts = replace(ESTATE, snapshots=(replace(SNAPSHOT, read_time=read),))
    (found,) = derive(facts, AS_OF).snapshots
    assert found.age_hours == age
    assert bool(causes(found, "age_hours")) is (age is UNSET)


def test_a_key_ages_in_days() -> None:
    key = Key(
        id=f"key:{ENV_SA}/1",
        origin=at(),
        account=ENV_SA,
        key_id="1",
        valid_after="2026-11-12T00:00:00Z",
        unresolved=why("age_days", "dynamic", "as of"),
    )
    (found,) = derive(replace(ESTATE, keys=(key,)), AS_OF).keys
    assert found.age_days == 10.0
    assert found.unresolved == ()


def test_a_workload_without_account_runs_as_the_default_compute_account() -> None:
    run = replace(RUN_JOB, service_account=None)
    (found,) = derive(replace(ESTATE, cloud_runs=(run,)), AS_OF).cloud_runs
    assert found.service_account == "1041-compute@developer.gserviceaccount.com"
    nowhere = replace(ESTATE, cloud_runs=(run,), resources=())
    (found,) = derive(nowhere, AS_OF).cloud_runs
    assert found.service_account is UNSET
    assert causes(found, "service_account") == {("layer", "number of project p")}


# ------------------------------------------------------------------------- properties

_ROLES = st.sampled_from(
    [
        "roles/run.invoker",
        "roles/run.developer",
        "roles/viewer",
        CREATOR,
        "projects/p/roles/c",
    ]
)
_MEMBERS = st.sampled_from(
    [
        account(ENV_SA),
        account(TEAM_SA),
        "allUsers",
        "group:g@x",
        "user:one@x",
        "projectEditor:p",
    ]
)
_PLACES = st.sampled_from([JOB, SERVICE, PROJECT, FOLDER, ORG, account_name(TEAM_SA)])


@st.composite
def _bindings(draw: st.DrawFn) -> Binding:
    members = draw(st.lists(_MEMBERS, min_size=1, max_size=3, unique=True))
    condition = draw(st.sampled_from(["", "", "x"]))
    return bind(draw(_PLACES), draw(_ROLES), *members, condition=condition)


_ESTATES = st.lists(_bindings(), max_size=6).map(
    lambda found: with_bindings(ESTATE, *found)
)


@given(_ESTATES, _bindings())
def test_a_further_binding_never_takes_away(facts: Facts, more: Binding) -> None:
    before = path_of(facts)
    after = path_of(with_bindings(facts, *facts.bindings, more))
    if before.allowed is True:
        assert after.allowed is True
    if before.allowed is UNSET:
        assert after.allowed is not False
    known = {item.identity.key for item in reach_of(facts).controls_known}
    found = reach_of(with_bindings(facts, *facts.bindings, more)).controls_known
    assert known <= {item.identity.key for item in found}


@given(_ESTATES, st.data())
def test_what_was_not_read_never_turns_a_verdict_over(
    facts: Facts, data: st.DataObject
) -> None:
    """Take away a fact (no binding: its absence is what a policy says)."""
    chosen = data.draw(
        st.sampled_from(
            ["resources", "connections", "environments", "cloud_runs", "roles"]
        )
    )
    kept = [item for item in getattr(facts, chosen) if data.draw(st.booleans())]
    less = replace(facts, **{chosen: tuple(kept)})
    allowed = path_of(facts).allowed
    assert path_of(less).allowed in (allowed, UNSET)


@given(_ESTATES)
def test_access_agrees_with_a_slow_reading_of_the_policies(facts: Facts) -> None:
    """Without groups, conditions and unknown roles the answer is a plain union."""
    plain = [
        item
        for item in facts.bindings
        if item.condition is None
        and not item.role.startswith("projects/")
        and not any(m.startswith(("group:", "project")) for m in item.members)
    ]
    granting = {"roles/run.invoker", "roles/run.developer"}
    expected = any(
        item.role in granting
        and item.resource in (JOB, PROJECT, FOLDER, ORG)
        and ({account(ENV_SA), "allUsers"} & set(item.members))
        for item in plain
    )
    path = path_of(
        with_call(with_bindings(facts, *plain), permissions=("run.jobs.run",))
    )
    assert path.allowed is expected


def test_kinds_that_graph_derives_are_all_filled() -> None:
    derived = derive(replace(ESTATE, composer_environments=(COMPOSED,)), AS_OF)
    for kind in (
        "task_identity",
        "path",
        "grant",
        "reach",
        "lifetime_chain",
        "audit_log",
    ):
        assert facts_of(derived, kind), kind
        assert isinstance(facts_of(derived, kind)[0], KINDS[kind][1])


# ---------------------------------------------------------------------------- explain

INVOKE = "run.routes.invoke"


@pytest.mark.parametrize(
    "resource",
    [
        "service api",
        SERVICE,
        SERVICE.removeprefix("//run.googleapis.com/"),
        "projects/1041/locations/r1/services/api",
    ],
)
@pytest.mark.parametrize("principal", [ENV_SA, account(ENV_SA), ENV_SA.upper(), "d.t"])
def test_explain_takes_names_as_people_write_them(
    principal: str, resource: str
) -> None:
    found = explain(derive(ESTATE, AS_OF), principal, INVOKE, resource)
    assert (found.principal, found.answer) == (account(ENV_SA), "allowed")
    (chain,) = found.chains
    assert [hop.kind for hop in chain][-3:] == ["granted", "inherited", "holds"]
    assert (chain[0].kind == "task") is (principal == "d.t")
    assert found.because == (f"{ENV_SA} holds {INVOKE} on service api (p, r1)",)
    assert "no deny policy applies: the snapshot holds no deny layer" in found.assumes


def test_explain_says_no_only_where_all_was_read() -> None:
    facts = derive(with_bindings(ESTATE), AS_OF)
    found = explain(facts, TEAM_SA, INVOKE, "service api")
    assert (found.answer, found.chains) == ("denied", ())
    group = derive(with_bindings(ESTATE, bind(ORG, "roles/owner", "group:g@x")), AS_OF)
    found = explain(group, TEAM_SA, INVOKE, "service api")
    assert found.answer == "unknown"
    assert found.because == ("members not known: group:g@x",)


def test_explain_shows_the_shortest_of_all_chains_first() -> None:
    facts = with_bindings(
        ESTATE,
        bind(ORG, "roles/run.invoker", account(ENV_SA)),
        bind(SERVICE, "roles/run.invoker", account(ENV_SA)),
    )
    found = explain(derive(facts, AS_OF), ENV_SA, INVOKE, "service api")
    assert [len(chain) for chain in found.chains] == [2, 3]


def test_explain_finds_what_an_identity_may_do_by_becoming_another() -> None:
    facts = with_bindings(
        ESTATE,
        bind(account_name(TEAM_SA), CREATOR, account(ENV_SA)),
        bind(SERVICE, "roles/run.invoker", account(TEAM_SA)),
    )
    found = explain(derive(facts, AS_OF), ENV_SA, INVOKE, "service api")
    assert found.answer == "allowed"
    assert [hop.kind for hop in found.chains[0]] == [
        "granted",
        "can_become",
        "granted",
        "holds",
    ]
    token = bind(
        account_name(TEAM_SA),
        "roles/iam.serviceAccountOpenIdTokenCreator",
        account(ENV_SA),
    )
    runs = bind(JOB, "roles/run.invoker", account(TEAM_SA))
    facts = derive(with_bindings(facts, token, runs, facts.bindings[1]), AS_OF)
    assert explain(facts, ENV_SA, INVOKE, "service api").answer == "allowed"
    # an ID token calls services; it runs no job
    assert explain(facts, ENV_SA, "run.jobs.run", "job nightly").answer == "denied"


def test_explain_names_the_setting_when_a_task_s_identity_is_not_known() -> None:
    facts = derive(replace(ESTATE, environments=()), AS_OF)
    found = explain(facts, "d.t", INVOKE, "service api")
    assert found.answer == "unknown"
    assert found.because == ("not configured: runs_as of environment prod",)


@pytest.mark.parametrize(
    ("principal", "permission", "resource", "said"),
    [
        (ENV_SA, "run.routes.Invoke", "service api", "did you mean run.routes.invoke?"),
        (ENV_SA, INVOKE, "service ap", "did you mean api?"),
        (ENV_SA, INVOKE, "job nobody", "check the name"),
        (ENV_SA, INVOKE, SERVICE + "x", f"did you mean {SERVICE}?"),
        ("d.tt", INVOKE, "service api", "did you mean d.t?"),
        ("nobody", INVOKE, "service api", "write an e-mail or DAG.TASK"),
    ],
)
def test_explain_suggests_for_unknown_names(
    principal: str, permission: str, resource: str, said: str
) -> None:
    with pytest.raises(UsageError) as raised:
        explain(derive(ESTATE, AS_OF), principal, permission, resource)
    assert raised.value.remedy == said


def test_explain_needs_a_snapshot() -> None:
    with pytest.raises(UsageError, match="no snapshot"):
        explain(derive(Facts(), AS_OF), ENV_SA, INVOKE, "service api")


@pytest.mark.parametrize(
    ("spelt", "what"), [("service api", "services"), ("api", "resources")]
)
def test_services_of_one_name_are_told_apart(spelt: str, what: str) -> None:
    def told(*regions: str) -> tuple[str, str]:
        names = [SERVICE.replace("r1", region) for region in regions]
        runs = tuple(
            replace(RUN_SERVICE, id=f"cloud_run:{name}", resource=name)
            for name in names
        )
        facts = derive(replace(ESTATE, cloud_runs=runs), AS_OF)
        with pytest.raises(UsageError) as raised:
            explain(facts, ENV_SA, INVOKE, spelt)
        return raised.value.what, raised.value.remedy

    r1, r2, r3 = (SERVICE.replace("r1", region) for region in ("r1", "r2", "r3"))
    two = (f"2 {what} are named 'api'", f"write one of {r1}, {r2}")
    assert told("r2", "r1") == two
    # one that two exports tell of is one
    assert told("r1", "r2", "r1") == two
    four = (f"4 {what} are named 'api'", f"write one of {r1}, {r2}, {r3}, ...")
    assert told("r4", "r3", "r2", "r1") == four


def test_who_can_lists_holders_and_what_could_add_to_them() -> None:
    facts = with_bindings(
        ESTATE,
        bind(SERVICE, "roles/run.invoker", account(ENV_SA), "group:g@x"),
        bind(ORG, "roles/owner", "user:one@x.example"),
        bind(ORG, "roles/viewer", "user:two@x.example"),
        bind(ORG, "projects/p/roles/c", "user:three@x.example"),
    )
    found = who_can(derive(facts, AS_OF), INVOKE, "service api")
    assert [(item.identity.key, item.answer) for item in found.holders] == [
        ("group:g@x", "allowed"),
        (account(ENV_SA), "allowed"),
        ("user:one@x.example", "allowed"),
        ("user:three@x.example", "unknown"),
    ]
    assert found.holders[1].hops[0].text == (
        "roles/run.invoker granted on service api (p, r1)"
    )
    assert found.unknown == ("members not known: group:g@x",)


@pytest.mark.parametrize(("name", "reads"), [("api", True), ("another", False)])
def test_whoever_creates_a_service_that_is_there_reads_it(
    name: str, reads: bool
) -> None:
    held = Role(
        id="role:projects/p/roles/deploys",
        origin=at(),
        name="projects/p/roles/deploys",
        permissions=("run.services.create",),
        custom=True,
    )
    facts = with_call(
        with_bindings(ESTATE, bind(PROJECT, held.name, account(ENV_SA))),
        operation="create_service",
        target_kind="service",
        name=name,
        permissions=("run.services.create",),
        deploys_as=None,
    )
    path = path_of(replace(facts, roles=(*facts.roles, held)))
    lacks = ("run.services.get",) if reads else ()
    assert (path.lacks_known, path.needs) == (lacks, ("run.services.create", *lacks))
