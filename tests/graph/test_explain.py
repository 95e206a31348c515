"""Why may a task do what it does, and why not: the answers in a person's words."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CREATOR,
    DELEGATE,
    ENV_SA,
    ESTATE,
    FOLDER,
    HTTP,
    IMPERSONATING,
    JOB_SA,
    ODD,
    ORG,
    PROJECT,
    PUBLIC,
    RUNS,
    SERVICE,
    TEAM_SA,
    TOKEN,
    URL,
    WEB,
    account,
    account_name,
    at,
    bind,
    denies,
    identity,
    why,
    with_bindings,
    with_call,
    with_connection,
    with_layers,
    with_task,
)
from tests.graph.test_edges import org_policy

from dagwarden.answers import Explanation
from dagwarden.errors import UsageError
from dagwarden.facts import (
    Binding,
    ComposerEnvironment,
    DenyRule,
    Excluded,
    Facts,
    Group,
    Hop,
    Origin,
    Role,
    SourceFile,
)
from dagwarden.graph.build import derive
from dagwarden.graph.explain import explain, what_can, who_can
from dagwarden.graph.new_keys import CREATE_KEY

RUN, INVOKE = "run.jobs.run", "run.routes.invoke"
BOB = "user:bob@x.example"
ON_JOB, ON_SERVICE = "job nightly (p, r1)", "service api (p, r1)"
DEVELOPS = IMPERSONATING.bindings[0]
MAY = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA))
MAY_PERHAPS = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA), condition="c")
NO_LINK = f"{ENV_SA} may not impersonate {TEAM_SA}: {ENV_SA} lacks {TOKEN} on {TEAM_SA}"


def of(facts: Facts, permission: str, resource: str, who: str = "d.t") -> Explanation:
    return explain(derive(facts, AS_OF), who, permission, resource)


def texts(said: Explanation) -> list[str]:
    (chain,) = said.chains
    return [hop.text for hop in chain]


def links(said: Explanation) -> list[Hop]:
    return [hop for hop in said.chains[0] if hop.kind == "impersonates"]


# ------------------------------------------------------------------- what is assumed


def test_that_an_account_is_not_disabled_is_assumed_where_its_record_was_not_read() -> (
    None
):
    assumed = f"{TEAM_SA} is not disabled: its record was not read"
    (record,) = (one for one in ESTATE.identities if one.email == TEAM_SA)
    for disabled, says in ((False, False), (UNSET, True)):
        facts = replace(ESTATE, identities=(replace(record, disabled=disabled),))
        said = of(facts, RUN, "job nightly", TEAM_SA)
        held = what_can(derive(facts, AS_OF), TEAM_SA)
        assert (assumed in said.assumes, assumed in held.assumes) == (says, says)


# ------------------------------------------------------------------------ impersonation


def test_a_refused_impersonation_denies_what_its_account_holds() -> None:
    said = of(IMPERSONATING, RUN, "job nightly")
    assert (said.principal, said.answer) == (account(TEAM_SA), "denied")
    assert said.because == (NO_LINK,)
    (link,) = links(said)
    assert link.text == f"may not impersonate {TEAM_SA}: lacks {TOKEN} on it"
    # the account itself may
    assert of(IMPERSONATING, RUN, "job nightly", TEAM_SA).answer == "allowed"


def test_it_denies_what_the_task_does_not_call_too() -> None:
    said = of(IMPERSONATING, INVOKE, "service api")
    assert (said.answer, said.because) == ("denied", (NO_LINK,))


def test_a_granted_impersonation_is_a_hop_with_its_binding() -> None:
    said = of(with_bindings(IMPERSONATING, DEVELOPS, MAY), RUN, "job nightly")
    assert said.answer == "allowed"
    (link,) = links(said)
    assert (link.text, link.origin) == (
        f"impersonates {TEAM_SA} by {CREATOR}",
        MAY.origin,
    )


@pytest.mark.parametrize(
    ("permission", "resource"), [(RUN, "job nightly"), (INVOKE, "service api")]
)
def test_an_impersonation_that_is_not_decided_leaves_the_answer_open(
    permission: str, resource: str
) -> None:
    facts = with_bindings(IMPERSONATING, DEVELOPS, MAY_PERHAPS)
    said = of(facts, permission, resource)
    assert said.answer == "unknown"
    why = f'condition "t" on {CREATOR} at {TEAM_SA} ({ODD})'
    assert said.because == (f"not decided: {why}",)
    # what the account does not hold is no open question
    nothing = with_bindings(IMPERSONATING, MAY_PERHAPS)
    assert of(nothing, permission, resource).answer == "denied"


@pytest.mark.parametrize(
    ("permission", "account_", "holder", "answer"),
    [
        (DELEGATE, JOB_SA, ENV_SA, "allowed"),
        (TOKEN, TEAM_SA, JOB_SA, "denied"),
    ],
)
def test_a_link_is_asked_of_the_account_before_it(
    permission: str, account_: str, holder: str, answer: str
) -> None:
    facts = with_bindings(
        with_task(IMPERSONATING, impersonation_chain=(JOB_SA, TEAM_SA)),
        DEVELOPS,
        bind(account_name(JOB_SA), CREATOR, account(ENV_SA)),
    )
    said = of(facts, permission, account_)
    assert (said.principal, said.answer) == (account(holder), answer)


def test_an_account_that_the_snapshot_does_not_hold_can_be_asked_about() -> None:
    said = of(replace(IMPERSONATING, identities=()), TOKEN, TEAM_SA)
    assert (said.principal, said.answer) == (account(ENV_SA), "denied")
    assert said.because == (
        f"no policy that was read gives {ENV_SA} {TOKEN} on {TEAM_SA}",
    )


def test_a_disabled_account_impersonates_nobody() -> None:
    off = (replace(identity(ENV_SA), disabled=True),)
    facts = replace(with_bindings(IMPERSONATING, DEVELOPS, MAY), identities=off)
    said = of(facts, RUN, "job nightly")
    assert said.answer == "denied"
    assert said.because == (f"{ENV_SA} is disabled: it gets no token",)


# --------------------------------------------------------------------------------- HTTP


def test_a_request_without_a_token_is_anyone_s() -> None:
    said = of(with_bindings(WEB), INVOKE, "service api")
    assert (said.principal, said.answer) == ("allUsers", "denied")
    assert said.because == (
        f"no policy that was read gives allUsers {INVOKE} on {ON_SERVICE}",
    )
    assert texts(said)[1:] == [
        "requests through connection api",
        "sends no token that Cloud Run takes: anyone",
    ]
    public = of(with_bindings(WEB, PUBLIC), INVOKE, "service api")
    assert public.answer == "allowed"
    # it is nobody for any other question either
    job = with_bindings(WEB, bind(PROJECT, "roles/run.admin", account(ENV_SA)))
    assert of(job, RUN, "job nightly").answer == "denied"


def test_a_request_by_an_identity_token_is_the_environment_s() -> None:
    facts = with_bindings(WEB, bind(SERVICE, "roles/run.invoker", account(ENV_SA)))
    said = of(with_call(facts, token="id_token"), INVOKE, "service api")
    assert (said.principal, said.answer) == (account(ENV_SA), "allowed")
    assert texts(said)[-3:] == [
        f"tasks of environment prod run as {ENV_SA}",
        f"roles/run.invoker granted on {ON_SERVICE}",
        f"roles/run.invoker holds {INVOKE}",
    ]


@pytest.mark.parametrize("token", ["static_bearer", "access_token"])
def test_whose_a_static_token_is_stays_unknown(token: str) -> None:
    said = of(with_call(with_bindings(WEB), token=token), INVOKE, "service api")
    assert (said.principal, said.answer) == ("d.t", "unknown")
    assert said.because == ("not given: account behind the token of d.t",)


def test_a_token_that_is_not_known_says_what_would_tell() -> None:
    facts = with_connection(
        with_bindings(WEB), token=UNSET, unresolved=why("token", "environment", "API")
    )
    assert facts.connections[0].conn_id == HTTP.conn_id
    said = of(facts, INVOKE, "service api")
    assert said.answer == "unknown"
    assert said.because == ("environment variable not given: API",)


# ------------------------------------------------------------------------- near misses


def test_a_denial_says_what_is_near_and_not_enough() -> None:
    facts = with_bindings(
        ESTATE,
        bind(FOLDER, "roles/run.servicesInvoker", account(ENV_SA)),
        bind(PROJECT, "roles/run.viewer", account(ENV_SA), account(TEAM_SA)),
        bind(SERVICE, "roles/run.admin", account(ENV_SA)),
        bind(PROJECT, "roles/storage.admin", account(TEAM_SA)),
    )
    for who in ("d.t", ENV_SA):
        assert of(facts, RUN, "job nightly", who).because == (
            f"no policy that was read gives {ENV_SA} {RUN} on {ON_JOB}",
            f"{ENV_SA} has roles/run.viewer on projects/p, which does not hold {RUN}",
            (
                f"{ENV_SA} has roles/run.servicesInvoker on folders/2, which does not hold "
                f"{RUN}"
            ),
        )


def test_what_is_near_a_refused_impersonation_is_said_too() -> None:
    user = "roles/iam.serviceAccountUser"
    near = bind(account_name(TEAM_SA), user, account(ENV_SA))
    said = of(with_bindings(IMPERSONATING, DEVELOPS, near), RUN, "job nightly")
    assert said.because == (
        NO_LINK,
        f"{ENV_SA} has {user} on {TEAM_SA}, which does not hold {TOKEN}",
    )


# ------------------------------------------------------------------------------- names


def test_a_permission_that_a_call_takes_is_known() -> None:
    facts = with_call(ESTATE, permissions=("run.jobs.undelete",))
    said = of(facts, "run.jobs.undelete", "job nightly")
    assert said.because == ("not read: definition of roles/run.developer",)


def test_without_dag_files_a_task_s_name_is_told_from_a_wrong_one() -> None:
    cloud = replace(ESTATE, dags=(), tasks=(), calls=())
    with pytest.raises(UsageError, match="no DAG files were read") as raised:
        of(cloud, RUN, "job nightly")
    assert raised.value.remedy == "give the folder with --config or name an account"
    with pytest.raises(UsageError, match="is no e-mail"):
        of(cloud, RUN, "job nightly", "nobody")
    file = SourceFile(path="dags/d.py", kind="dag", sha256="", size=0)
    with pytest.raises(UsageError, match="is no e-mail"):
        of(replace(cloud, files=(file,)), RUN, "job nightly")


def test_tasks_of_one_name_in_two_environments_are_told_apart() -> None:
    twin = replace(ESTATE.tasks[0], id="task:dev:d.py:d.t", environment="dev")
    facts = replace(ESTATE, tasks=(*ESTATE.tasks, twin))
    with pytest.raises(UsageError, match="2 tasks are named") as raised:
        of(facts, RUN, "job nightly")
    ids = "task:dev:d.py:d.t, task:prod:d.py:d.t"
    assert raised.value.remedy == f"write one of {ids}"
    said = of(facts, RUN, "job nightly", ESTATE.tasks[0].id)
    assert (said.principal, said.answer) == (account(ENV_SA), "allowed")


# ------------------------------------------------------- groups, denials, and all of it


def in_group(*members: str) -> Facts:
    group = Group(
        id="group:g@x.example",
        origin=at("g@x.example.json"),
        key="group:g@x.example",
        members=members,
        members_known=members,
    )
    granted = bind(PROJECT, "roles/run.invoker", "group:g@x.example")
    return replace(with_bindings(ESTATE, granted), groups=(group,))


def denied(facts: Facts) -> Facts:
    return with_layers(
        replace(facts, deny_policies=(denies(PROJECT, RUNS),)), deny="read"
    )


def test_a_group_is_a_hop_with_where_its_members_were_read() -> None:
    said = of(in_group("user:ann@x.example"), RUN, "job nightly", "ann@x.example")
    assert said.answer == "allowed"
    first, second, *_ = said.chains[0]
    assert (first.kind, first.text) == ("member_of", "is a member of group:g@x.example")
    assert first.origin == at("g@x.example.json")
    assert (second.kind, second.source) == ("granted", "group:g@x.example")


def test_a_denial_ends_the_chain_and_is_the_reason() -> None:
    facts = denied(in_group("user:ann@x.example"))
    said = of(facts, RUN, "job nightly", "ann@x.example")
    rule = "rule 1 of deny policy d on projects/p denies run.jobs.run"
    assert (said.answer, said.because) == ("denied", (rule,))
    assert (said.chains[0][-1].kind, said.chains[0][-1].text) == ("denied", rule)
    assert said.chains[0][-1].origin == Origin(
        source="assets.ndjson", line=1, field="rules[0].denyRule"
    )


def test_a_refusal_is_told_where_becoming_someone_else_is_not_decided() -> None:
    facts = denied(
        with_bindings(
            ESTATE,
            bind(PROJECT, "roles/run.invoker", account(ENV_SA), account(JOB_SA)),
            bind(
                PROJECT,
                "roles/iam.serviceAccountTokenCreator",
                account(ENV_SA),
                condition='request.path == "/x"',
            ),
        )
    )
    # of all, nobody else whom it may become holds it
    facts = replace(facts, identities=(identity(ENV_SA), identity(JOB_SA)))
    assert of(facts, RUN, "job nightly", ENV_SA).answer == "denied"
    (policy,) = facts.deny_policies
    rule = DenyRule(principals=(account(ENV_SA),), permissions=(RUNS,))
    facts = replace(facts, deny_policies=(replace(policy, rules=(rule,)),))
    said = of(facts, RUN, "job nightly", ENV_SA)
    assert said.answer == "unknown"
    assert said.because[0].startswith("by itself it is refused: rule 1 of deny policy")


def test_a_task_s_path_tells_a_denial_and_no_grant_that_would_mend_it() -> None:
    path = derive(denied(ESTATE), AS_OF).paths[0]
    rule = "rule 1 of deny policy d on projects/p denies run.jobs.run"
    assert path.allowed is False
    assert path.lacks_words == (f"{ENV_SA} is refused: {rule}",)
    assert path.cures == ()


def test_a_task_that_can_lift_what_denies_its_call_is_told() -> None:
    # cloud.google.com/iam/docs/deny-access#required-roles
    may = bind(ORG, "roles/iam.denyAdmin", account(ENV_SA))
    said = of(denied(with_bindings(ESTATE, *ESTATE.bindings, may)), RUN, "job nightly")
    rule, lifts = said.because
    assert said.answer == "denied"
    assert rule == "rule 1 of deny policy d on projects/p denies run.jobs.run"
    assert lifts == (
        f"{ENV_SA} can lift that itself: it changes deny policy d, by "
        "iam.denypolicies.update (roles/iam.denyAdmin on organizations/1)"
    )


def test_an_ended_condition_is_told_with_its_end() -> None:
    ended = 'request.time < timestamp("2020-01-01T00:00:00Z")'
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/run.invoker", account(ENV_SA), condition=ended)
    )
    said = of(facts, RUN, "job nightly", ENV_SA)
    assert said.answer == "denied"
    assert said.because[-1] == (
        f"{ENV_SA} has roles/run.invoker on projects/p, "
        'whose condition "t" does not hold: it ended at 2020-01-01T00:00:00Z'
    )
    (binding,) = derive(facts, AS_OF).bindings
    assert (binding.valid_after, binding.valid_before) == (None, "2020-01-01T00:00:00Z")


def test_a_grant_is_told_with_its_condition() -> None:
    until = 'request.time  <\n timestamp("2099-01-01T00:00:00Z")'
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/run.invoker", account(ENV_SA), condition=until)
    )
    told = (
        'roles/run.invoker granted on projects/p, on condition "t": '
        'request.time < timestamp("2099-01-01T00:00:00Z")'
    )
    said = of(facts, RUN, "job nightly", ENV_SA)
    assert (said.answer, texts(said)[0]) == ("allowed", told)
    (holder,) = who_can(derive(facts, AS_OF), RUN, "job nightly").holders
    assert holder.hops[0].text == told


def test_a_long_condition_is_cut() -> None:
    long = " && ".join(['request.time < timestamp("2099-01-01T00:00:00Z")'] * 20)
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/run.invoker", account(ENV_SA), condition=long)
    )
    shown = texts(of(facts, RUN, "job nightly", ENV_SA))[0].partition('"t": ')[2]
    assert (len(shown), shown[-1]) == (300, "…")


def test_a_condition_on_what_cloud_run_does_not_tell_says_so() -> None:
    named = 'resource.name.startsWith("projects/p/")'
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/run.invoker", account(ENV_SA), condition=named)
    )
    said = of(facts, RUN, "job nightly", ENV_SA)
    assert said.answer == "denied"
    assert said.because[-1] == (
        f"{ENV_SA} has roles/run.invoker on projects/p, whose condition "
        '"t" does not hold: run.googleapis.com gives conditions no resource.name'
    )


@pytest.mark.parametrize(
    ("stage", "deleted", "state"),
    [("DISABLED", False, "disabled"), ("GA", True, "deleted")],
)
def test_a_denial_says_that_a_role_is_stopped(
    stage: str, deleted: bool, state: str
) -> None:
    caller = Role(
        id="role:projects/p/roles/caller",
        origin=at(),
        name="projects/p/roles/caller",
        permissions=(RUN,),
        stage=stage,
        deleted=deleted,
        custom=True,
    )
    facts = with_bindings(ESTATE, bind(PROJECT, caller.name, account(ENV_SA)))
    said = of(replace(facts, roles=(caller,)), RUN, "job nightly", ENV_SA)
    place = f"{caller.name} on projects/p"
    assert said.answer == "denied"
    assert said.because[-1] == (
        f"{ENV_SA} has {place}: the role is {state}, and gives nothing"
    )


@pytest.mark.parametrize(
    ("permission", "said"),
    [
        ("run.job.run", "no permission 'run.job.run' is known; did you mean"),
        ("run.revisions.delete", "'run.revisions.delete' is not in the shipped"),
        ("storage.objects.get", "'storage.objects.get' is not in the shipped"),
    ],
)
def test_a_permission_that_is_not_shipped_is_not_misspelt(
    permission: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        of(ESTATE, permission, "service api", ENV_SA)
    assert str(caught.value).startswith(said)
    # ... and a definition makes it known, even one that grants nothing
    for stage in ("GA", "DISABLED"):
        role = Role(
            id="role:projects/p/roles/r",
            origin=at(),
            name="projects/p/roles/r",
            permissions=("run.revisions.delete",),
            stage=stage,
            custom=True,
        )
        facts = with_bindings(ESTATE, bind(PROJECT, role.name, account(ENV_SA)))
        facts = replace(facts, roles=(role,))
        held = of(facts, "run.revisions.delete", "service api", ENV_SA)
        assert held.answer == ("allowed" if stage == "GA" else "denied")


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("nightli", "did you mean nightly?"),
        ("projects/q", "did you mean projects/p?"),
        (
            "service api",
            "run.jobs.run is used on a job, and service api (p, r1) is none",
        ),
    ],
)
def test_a_resource_that_is_not_meant_is_said(resource: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        of(ESTATE, RUN, resource, ENV_SA)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("spelt", "meant"),
    [
        # cloud.google.com/iam/docs/deny-permissions-support
        ("run.googleapis.com/jobs.run", RUN),
        ("run.googleapis.com/routes.invoke", INVOKE),
        ("iam.googleapis.com/roles.update", "iam.roles.update"),
        (
            "cloudresourcemanager.googleapis.com/projects.setIamPolicy",
            "resourcemanager.projects.setIamPolicy",
        ),
        # of these roles themselves have the service
        (
            "iam.googleapis.com/workloadIdentityPoolProviders.update",
            "iam.googleapis.com/workloadIdentityPoolProviders.update",
        ),
    ],
)
def test_a_permission_may_be_spelt_as_deny_policies_do(spelt: str, meant: str) -> None:
    said = of(ESTATE, spelt, "projects/p", ENV_SA)
    assert said == of(ESTATE, meant, "projects/p", ENV_SA)
    assert said.permission == meant
    assert who_can(derive(ESTATE, AS_OF), spelt, "projects/p").permission == meant


def test_what_was_left_out_is_said_of_a_resource_that_is_not_there() -> None:
    # of a project that is being deleted, and of those that Apps Script makes
    gone = Excluded(kind="cloud_run", what="projects/9", reason="lifecycle state X")
    made = Excluded(kind="resource", what="projects/a", reason="made by Apps Script")
    dags = Excluded(kind="dag", what="old/*", reason="excluded")
    facts = replace(ESTATE, excluded=(made, dags, gone))
    with pytest.raises(UsageError) as caught:
        of(facts, INVOKE, "//run.googleapis.com/projects/9/locations/r/services/x")
    assert str(caught.value).startswith(
        "the snapshot holds no resource "
        "'//run.googleapis.com/projects/9/locations/r/services/x' (left out: "
        "projects/9: lifecycle state X; projects/a: made by Apps Script)"
    )


TOPIC = "//pubsub.googleapis.com/projects/p/topics/t"
POOL_NAME = "//iam.googleapis.com/projects/p/locations/global/workloadIdentityPools/ci"


@pytest.mark.parametrize("resource", [TOPIC, POOL_NAME])
def test_what_no_snapshot_lists_inherits_and_may_have_a_policy_of_its_own(
    resource: str,
) -> None:
    # cloud.google.com/iam/docs/resource-hierarchy-access-control
    attach = "iam.serviceAccounts.actAs"
    deployer = bind(PROJECT, "roles/iam.serviceAccountUser", account(ENV_SA))
    said = of(with_bindings(ESTATE, deployer), attach, resource, ENV_SA)
    assert said.answer == "allowed"
    said = of(with_bindings(ESTATE), attach, resource, ENV_SA)
    assert said.answer == "unknown"
    assert any(line.endswith(" itself") for line in said.because), said.because
    # of what is listed, and not there, nothing is assumed
    with pytest.raises(UsageError, match="the snapshot holds no resource"):
        of(
            ESTATE,
            INVOKE,
            "//run.googleapis.com/projects/p/locations/r1/services/x",
            ENV_SA,
        )
    with pytest.raises(UsageError, match="the snapshot holds no resource"):
        of(ESTATE, attach, resource.replace("projects/p", "projects/q"), ENV_SA)


@pytest.mark.parametrize(
    "url", [URL, f"{URL}/run?day=1", "https://blue---api-abc-r1.a.run.app"]
)
def test_a_service_may_be_named_by_its_url(url: str) -> None:
    said = of(ESTATE, INVOKE, url, ENV_SA)
    assert said == of(ESTATE, INVOKE, "service api", ENV_SA)
    with pytest.raises(UsageError, match="the snapshot holds no resource"):
        of(ESTATE, INVOKE, "https://other-abc-r1.a.run.app", ENV_SA)


def test_a_composer_environment_can_be_asked_about() -> None:
    name = "//composer.googleapis.com/projects/p/locations/r1/environments/etl"
    command = "composer.environments.executeAirflowCommand"
    environment = ComposerEnvironment(
        id=f"composer_environment:{name}", origin=at(), resource=name, project="p"
    )
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/composer.admin", account(ENV_SA))
    )
    facts = replace(facts, composer_environments=(environment,))
    for spelling in (name, "projects/p/locations/r1/environments/etl"):
        said = of(facts, command, spelling, ENV_SA)
        assert (said.answer, said.resource) == (
            "allowed",
            name.replace("projects/p/", "projects/1041/"),
        )
    assert of(facts, command, name, JOB_SA).answer == "denied"


def test_who_can_opens_the_groups_that_were_read() -> None:
    facts = derive(in_group("user:ann@x.example"), AS_OF)
    said = who_can(facts, RUN, "job nightly")
    assert said.answer == "allowed"
    assert [holder.identity.key for holder in said.holders] == [
        "group:g@x.example",
        "user:ann@x.example",
    ]
    assert said.chains == tuple(holder.hops for holder in said.holders)


def test_what_can_tells_each_binding_and_whom_it_becomes() -> None:
    facts = with_bindings(
        ESTATE,
        bind(PROJECT, "roles/run.invoker", account(ENV_SA)),
        bind(account_name(JOB_SA), CREATOR, account(ENV_SA)),
        bind(PROJECT, "projects/p/roles/unread", account(ENV_SA)),
    )
    facts = replace(facts, identities=(identity(ENV_SA), identity(JOB_SA)))
    said = what_can(derive(facts, AS_OF), ENV_SA)
    assert (said.principal, said.answer) == (account(ENV_SA), "allowed")
    assert [(one.role, one.answer) for one in said.holdings] == [
        ("roles/run.invoker", "allowed"),
        (CREATOR, "allowed"),
        ("projects/p/roles/unread", "unknown"),
    ]
    assert said.holdings[0].permissions == (
        "run.instances.invoke",
        "run.jobs.run",
        "run.routes.invoke",
    )
    # of a role that was not read, only what the catalogue models is told
    assert [one.partly for one in said.holdings] == [True, True, True]
    assert [one.email for one in said.becomes] == [JOB_SA]
    assert said.because == ("not read: definition of projects/p/roles/unread",)
    assert [len(chain) for chain in said.chains] == sorted(map(len, said.chains))


def test_what_is_denied_is_told_as_such() -> None:
    said = what_can(
        derive(denied(in_group("user:ann@x.example")), AS_OF), "ann@x.example"
    )
    told = {one.answer: one.permissions for one in said.holdings}
    assert told == {
        "allowed": ("run.instances.invoke", "run.routes.invoke"),
        "denied": ("run.jobs.run",),
    }


POOL = "principal://iam.googleapis.com/projects/1041/locations/global/workloadIdentityPools/ci"


@pytest.mark.parametrize(
    ("who", "permission", "without"),
    [
        (f"{POOL}/subject/x", "run.routes.invoke", True),
        ("serviceAccount:p.svc.id.goog[ns/ksa]", "run.routes.invoke", True),
        # an API takes the access token that it has
        (f"{POOL}/subject/x", "run.jobs.run", False),
        (account(ENV_SA), "run.routes.invoke", False),
    ],
)
def test_a_federated_identity_has_no_identity_token(
    who: str, permission: str, without: bool
) -> None:
    facts = with_bindings(ESTATE, bind(PROJECT, "roles/run.invoker", who))
    where = "service api" if permission == INVOKE else "job nightly"
    said = of(facts, permission, where, who)
    assert said.answer == ("denied" if without else "allowed")
    holders = who_can(derive(facts, AS_OF), permission, where).holders
    listed = {holder.identity.key: holder for holder in holders}
    assert listed[who].answer == said.answer
    told = [line for line in said.because if "no identity token of its own" in line]
    assert bool(told) == without
    (holder,) = who_can(derive(facts, AS_OF), permission, where).holders
    assert (told[0] in holder.because) if without else (told == [])
    held = what_can(derive(facts, AS_OF), who).holdings
    (holding,) = (one for one in held if permission in one.permissions)
    assert holding.answer == said.answer
    assert (told[0] in holding.because) if without else (told == [])


def test_what_can_agrees_where_a_service_lets_everyone_in() -> None:
    who = f"{POOL}/subject/x"
    mine = bind(SERVICE, "roles/run.invoker", who)
    open_to_all = bind(SERVICE, "roles/run.servicesInvoker", "allUsers")
    for bindings, answer in (((mine,), "denied"), ((mine, open_to_all), "allowed")):
        facts = with_bindings(ESTATE, *bindings)
        assert of(facts, INVOKE, "service api", who).answer == answer
        held = what_can(derive(facts, AS_OF), who).holdings
        assert {one.answer for one in held if INVOKE in one.permissions} == {answer}


def test_what_can_lists_nothing_that_is_no_question() -> None:
    facts = with_bindings(ESTATE, bind(SERVICE, "roles/run.invoker", account(ENV_SA)))
    (holding,) = what_can(derive(facts, AS_OF), ENV_SA).holdings
    assert holding.permissions == ("run.instances.invoke", "run.routes.invoke")
    with pytest.raises(UsageError, match="is used on a job"):
        of(facts, RUN, "service api", account(ENV_SA))


def test_what_can_asks_about_the_account_of_a_task() -> None:
    facts = with_task(ESTATE, impersonation_chain=(TEAM_SA,))
    with pytest.raises(UsageError) as caught:
        what_can(derive(facts, AS_OF), "d.t")
    assert str(caught.value) == (
        f"'d.t' is a task, and --what-can asks about an account; write {TEAM_SA}"
    )
    unknown = with_task(ESTATE, impersonation_chain=UNSET)
    with pytest.raises(UsageError, match="write the account that it acts as"):
        what_can(derive(unknown, AS_OF), "d.t")


def test_what_can_says_that_nothing_names_an_account() -> None:
    facts = replace(ESTATE, identities=(identity(ENV_SA),))
    said = what_can(derive(facts, AS_OF), f"x{ENV_SA}")
    line = f"nothing that was read names x{ENV_SA}: did you mean {account(ENV_SA)}?"
    assert said.assumes[-1] == line
    assert line not in what_can(derive(facts, AS_OF), ENV_SA).assumes


def test_what_nobody_is_granted() -> None:
    said = what_can(derive(ESTATE, AS_OF), "nobody@x.example")
    assert said.answer == "denied"
    assert said.because == ("no binding that was read gives nobody@x.example anything",)


def test_without_the_shipped_roles_only_read_definitions_count() -> None:
    (snapshot,) = ESTATE.snapshots
    bare = replace(ESTATE, snapshots=(replace(snapshot, builtin_roles=False),))
    assert of(ESTATE, RUN, "job nightly", ENV_SA).answer == "allowed"
    said = of(bare, RUN, "job nightly", ENV_SA)
    assert said.answer == "unknown"
    assert not any("predefined roles" in one for one in said.assumes)


# ------------------------------------------------------------------- organisation policies

CREATION = "constraints/iam.disableServiceAccountKeyCreation"
UPLOAD = "constraints/iam.disableServiceAccountKeyUpload"


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        ((), ()),
        ((CREATION,), (f"organisation policy {CREATION} blocks creating keys there",)),
        (
            (UPLOAD, CREATION),
            (
                f"organisation policy {CREATION} blocks creating keys there",
                f"organisation policy {UPLOAD} blocks uploading keys there",
            ),
        ),
    ],
)
def test_an_answer_about_keys_tells_what_an_organisation_policy_blocks(
    policies: tuple[str, ...], said: tuple[str, ...]
) -> None:
    keys = bind(PROJECT, "roles/iam.serviceAccountKeyAdmin", account(ENV_SA))
    facts = replace(
        with_bindings(ESTATE, keys),
        org_policies=tuple(org_policy(True, name=name) for name in policies),
    )
    found = of(facts, CREATE_KEY, TEAM_SA, ENV_SA)
    assert found.answer == "allowed"
    assert found.because == (f"{ENV_SA} holds {CREATE_KEY} on {TEAM_SA}", *said)


# ------------------------------------------------------- who holds it, and cannot use it

GONE = "deleted:user:gone@x.example?uid=123"


def test_nobody_is_a_deleted_or_a_disabled_account() -> None:
    off = replace(identity(TEAM_SA), disabled=True)
    facts = with_bindings(
        ESTATE, bind(PROJECT, "roles/run.invoker", GONE, account(TEAM_SA))
    )
    facts = replace(facts, identities=(off,))
    why = {
        GONE: "user:gone@x.example?uid=123 was deleted: nobody is it, unless it is restored",
        account(TEAM_SA): f"{TEAM_SA} is disabled: it gets no token",
    }
    holders = who_can(derive(facts, AS_OF), INVOKE, "service api").holders
    listed = {one.identity.key: (one.answer, one.because) for one in holders}
    for who, reason in why.items():
        said = of(facts, INVOKE, "service api", who)
        assert (said.answer, said.because) == ("denied", (reason,))
        assert listed[who] == ("denied", (reason,))
        assert what_can(derive(facts, AS_OF), who).because == (reason,)


def test_a_service_that_lets_everyone_in_asks_a_federated_identity_for_nothing() -> (
    None
):
    facts = with_bindings(ESTATE, bind(SERVICE, "roles/run.invoker", "allUsers"))
    assert of(facts, INVOKE, "service api", f"{POOL}/subject/x").answer == "allowed"


# ---------------------------------------------------------------- what it can give itself

ANN = "user:ann@x.example"
ACCESS = "secretmanager.versions.access"


@pytest.mark.parametrize(
    ("role", "place", "permission", "resource", "sets"),
    [
        ("roles/resourcemanager.organizationAdmin", ORG, "run.instances.create", PROJECT,
         "resourcemanager.projects.setIamPolicy"),
        ("roles/resourcemanager.projectIamAdmin", PROJECT, ACCESS, PROJECT,
         "resourcemanager.projects.setIamPolicy"),
        ("roles/run.admin", SERVICE, "run.services.sshRoot", "service api", None),
        ("roles/iam.serviceAccountAdmin", account_name(TEAM_SA), TOKEN, TEAM_SA, None),
    ],
)  # fmt: skip
def test_who_sets_a_policy_can_give_itself_a_permission(
    role: str, place: str, permission: str, resource: str, sets: str | None
) -> None:
    facts = with_bindings(ESTATE, bind(place, role, ANN))
    said = of(facts, permission, resource, ANN)
    assert said.answer == "allowed"
    if sets is None:
        return
    (line,) = said.because
    assert line.startswith(f"ann@x.example does not hold {permission} today, and can ")
    assert said.today == "denied"
    last = said.chains[0][-1]
    assert last.text.startswith(f"gives itself a role that holds {permission} on ")
    assert said.chains[0][0].text.startswith(f"{role} granted on ")
    # who holds it today is another question
    keys = [
        holder.identity.key
        for holder in who_can(derive(facts, AS_OF), permission, resource).holders
    ]
    assert ANN not in keys


def test_who_can_come_to_hold_it_is_told_from_who_holds_it_today() -> None:
    gets = bind(account_name(TEAM_SA), CREATOR, ANN)
    holds = bind(PROJECT, "roles/run.invoker", account(TEAM_SA))

    def asked(*bindings: Binding, who: str = ANN) -> tuple[str, str]:
        said = of(with_bindings(ESTATE, *bindings), RUN, "job nightly", who)
        return said.answer, said.today

    assert asked(gets, holds) == ("allowed", "denied")
    assert asked(gets, holds, who=TEAM_SA) == ("allowed", "allowed")
    assert asked() == ("denied", "denied")
    # of its own there is a condition that is not decided
    own = bind(PROJECT, "roles/run.invoker", ANN, condition=ODD)
    assert asked(own) == ("unknown", "unknown")
    assert asked(own, gets, holds) == ("allowed", "unknown")
    # whom it becomes may hold it, and not by itself
    perhaps = bind(PROJECT, "roles/run.invoker", account(TEAM_SA), condition=ODD)
    assert asked(gets, perhaps) == ("unknown", "denied")


def test_what_a_task_holds_today_is_what_its_call_gets() -> None:
    said = of(with_bindings(IMPERSONATING, DEVELOPS, MAY), RUN, "job nightly")
    assert (said.answer, said.today) == ("allowed", "allowed")
    said = of(with_bindings(IMPERSONATING, DEVELOPS, MAY_PERHAPS), RUN, "job nightly")
    assert (said.answer, said.today) == ("unknown", "unknown")
    said = of(IMPERSONATING, RUN, "job nightly")
    assert (said.answer, said.today) == ("denied", "denied")


def test_whom_one_becomes_gives_itself_a_permission() -> None:
    """By what one gets of an account that may set the policy."""
    admin = bind(PROJECT, "roles/resourcemanager.projectIamAdmin", account(TEAM_SA))

    def asked(role: str) -> Explanation:
        facts = with_bindings(ESTATE, admin, bind(account_name(TEAM_SA), role, ANN))
        return of(facts, ACCESS, PROJECT, ANN)

    said = asked(CREATOR)
    assert said.answer == "allowed"
    assert said.because == (f"ann@x.example can become {TEAM_SA}: the chain says how",)
    assert [hop.kind for hop in said.chains[0]][1] == "can_become"
    assert said.chains[0][-1].text.startswith("gives itself a role that holds ")
    # a policy is not set with an identity token
    assert asked("roles/iam.serviceAccountOpenIdTokenCreator").answer == "denied"


def test_who_can_tells_who_can_give_it_to_himself_and_who_becomes_one_who_can() -> None:
    # iam/docs/granting-changing-revoking-access
    admin = bind(PROJECT, "roles/resourcemanager.projectIamAdmin", account(TEAM_SA))
    held = bind(PROJECT, "roles/owner", BOB)
    facts = with_bindings(
        ESTATE, admin, held, bind(account_name(TEAM_SA), CREATOR, ANN)
    )
    said = who_can(derive(facts, AS_OF), INVOKE, "service api")
    assert [(one.identity.key, one.because) for one in said.selves] == [
        (account(TEAM_SA), ("can give it to itself",)),
        (ANN, (f"can become {TEAM_SA}, which can give it to itself",)),
    ]
    assert said.selves[1].hops[-1].text == (
        f"gives itself a role that holds {INVOKE} on projects/p: "
        "resourcemanager.projects.setIamPolicy"
    )
    # who holds it is told once
    assert BOB in {one.identity.key for one in said.holders}


def test_who_can_tells_who_adds_it_to_a_role_of_his() -> None:
    # iam/docs/creating-custom-roles#editing-custom-role
    mine = Role(
        id="role:projects/p/roles/r",
        origin=at(),
        name="projects/p/roles/r",
        permissions=("run.routes.get",),
        custom=True,
    )
    has, changes = (
        bind(PROJECT, mine.name, ANN),
        bind(PROJECT, "roles/iam.roleAdmin", ANN),
    )
    facts = replace(with_bindings(ESTATE, has, changes), roles=(mine,))
    said = who_can(derive(facts, AS_OF), INVOKE, "service api")
    assert [one.identity.key for one in said.selves] == [ANN]
    assert [hop.text for hop in said.selves[0].hops] == [
        "roles/iam.roleAdmin granted on projects/p",
        f"adds {INVOKE} to {mine.name}: iam.roles.update",
        f"{mine.name} granted on projects/p",
    ]
    assert (
        "nobody sets a policy or changes a role as one identity for another that he is: "
        "ask of each"
    ) in said.assumes


def test_what_is_denied_nobody_gives_itself() -> None:
    admin = bind(PROJECT, "roles/resourcemanager.projectIamAdmin", ANN)
    denied = denies(PROJECT, "secretmanager.googleapis.com/versions.access")
    facts = replace(with_bindings(ESTATE, admin), deny_policies=(denied,))
    assert of(facts, ACCESS, PROJECT, ANN).answer == "denied"


def test_a_condition_on_setting_policies_leaves_it_open() -> None:
    admin = bind(PROJECT, "roles/resourcemanager.projectIamAdmin", ANN, condition=ODD)
    said = of(with_bindings(ESTATE, admin), ACCESS, PROJECT, ANN)
    assert said.answer == "unknown"


# ------------------------------------------------------------- names that nothing bears


def test_the_e_mail_of_a_group_that_was_read_is_the_group() -> None:
    key = "group:eng@x.example"
    eng = Group(id=key, origin=at(), key=key, members=(ANN,), members_known=(ANN,))
    facts = with_bindings(ESTATE, bind(PROJECT, "roles/run.invoker", key))
    facts = replace(facts, groups=(eng,))
    said = of(facts, INVOKE, "service api", "Eng@x.example")
    assert (said.principal, said.answer) == (key, "allowed")
    # a prefix says what is meant
    assert of(facts, INVOKE, "service api", "user:eng@x.example").answer == "denied"


@pytest.mark.parametrize(
    ("who", "line"),
    [
        (f"serviceAccount:x{ENV_SA}", f"did you mean {account(ENV_SA)}?"),
        (f"user:{ENV_SA}", f"did you mean {account(ENV_SA)}?"),
        ("zoe@elsewhere.test", "check the spelling"),
    ],
)
def test_what_is_not_allowed_to_whom_nothing_names_says_so(who: str, line: str) -> None:
    facts = replace(with_bindings(ESTATE), identities=(identity(ENV_SA),))
    said = of(facts, INVOKE, "service api", who)
    shown = who.rpartition(":")[2]
    assert said.answer == "denied"
    assert said.because[-1] == f"nothing that was read names {shown}: {line}"
    # nor what is left open by somebody of whom nothing is known
    crowd = bind(PROJECT, "roles/run.invoker", "group:crowd@x.example")
    said = of(with_bindings(facts, crowd), INVOKE, "service api", who)
    assert said.answer == "unknown"
    assert said.because[-1] == f"nothing that was read names {shown}: {line}"
    # who is named, if only by another binding, is not asked to be another
    named = with_bindings(facts, bind(PROJECT, "roles/viewer", account(TEAM_SA)))
    lines = of(named, INVOKE, "service api", account(TEAM_SA)).because
    assert not any(one.startswith("nothing that was read names") for one in lines)
