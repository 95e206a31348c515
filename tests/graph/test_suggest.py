"""The cure: each estate lacks or holds one thing, and says what must be suggested."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    CALL,
    CONNECTION,
    ENV_SA,
    ENVIRONMENT,
    ESTATE,
    JOB,
    PROJECT,
    RUN_JOB,
    SERVICE,
    TASK,
    TEAM_SA,
    URL,
    account,
    account_name,
    at,
    bind,
    denies,
    why,
    with_bindings,
    with_call,
    with_connection,
    with_layers,
    with_task,
)
from tests.graph.test_usage import SCHEDULE

from dagwarden.answers import Open, Suggestion
from dagwarden.errors import UsageError
from dagwarden.facts import (
    AirflowEnvironment,
    Credential,
    Facts,
    Group,
    Identity,
    Key,
    OrgPolicy,
)
from dagwarden.graph.suggest import Scope, suggest

FIRST = account(ENV_SA)
MEMBER = f"--member={account(ENV_SA)}"
RUN_IT = (
    "gcloud run jobs {verb}-iam-policy-binding nightly --region=r1 --project=p "
    f"{MEMBER} --role=roles/run.jobsExecutor"
)
WATCH = f"gcloud projects add-iam-policy-binding p {MEMBER} --role=roles/run.viewer"
FROM_API = "gcloud run services remove-iam-policy-binding api --region=r1 --project=p"
MINT = (
    "gcloud iam service-accounts add-iam-policy-binding {account} --project=p "
    f"{MEMBER} --role=roles/iam.serviceAccountTokenCreator"
)
SHOWN = ("deriving everything again showed calls that would be refused",)
WIDE = bind(PROJECT, "roles/run.developer", account(ENV_SA))
SPARE = bind(SERVICE, "roles/run.servicesInvoker", account(ENV_SA))
ALONE = replace(ENVIRONMENT, exclusive_accounts=(ENV_SA, TEAM_SA))
DECLARED = replace(with_bindings(ESTATE, WIDE, SPARE), environments=(ALONE,))
MINTS = bind(
    account_name(TEAM_SA), "roles/iam.serviceAccountTokenCreator", account(ENV_SA)
)


def asked(facts: Facts, **scope: Any) -> Suggestion:
    return suggest(facts, AS_OF, Scope(**scope))


def commands(said: Suggestion) -> list[str | None]:
    return [one.command for one in said.changes if one.kind != "act_as"]


def answers(said: Suggestion) -> list[tuple[str, str]]:
    return [(one.before, one.after) for one in said.effects]


def test_what_is_lacking_is_granted_and_the_call_is_seen_to_work() -> None:
    said = asked(with_bindings(ESTATE))
    assert commands(said) == [RUN_IT.format(verb="add"), WATCH]
    assert answers(said) == [("denied", "allowed")]
    assert (said.cut, said.broken) == ((), ())


def test_an_account_that_no_snapshot_shows_is_assumed() -> None:
    """iam/docs/granting-changing-revoking-access: a member that is not there is refused."""
    told = f"{ENV_SA} is there: the snapshot does not show it"
    there = Identity(
        id=f"identity:{FIRST}", origin=at(), key=FIRST, kind="service_account"
    )
    shown = asked(replace(with_bindings(ESTATE), identities=(there,)))
    assert told not in shown.assumes
    hidden = asked(replace(with_bindings(ESTATE), identities=()))
    assert told in hidden.assumes


def test_a_wide_grant_gives_way_to_narrow_ones_where_nothing_else_uses_it() -> None:
    said = asked(DECLARED)
    assert commands(said) == [
        RUN_IT.format(verb="add"),
        WATCH,
        f"gcloud projects remove-iam-policy-binding p {MEMBER} --role=roles/run.developer",
        f"{FROM_API} {MEMBER} --role=roles/run.servicesInvoker",
    ]
    assert answers(said) == [("allowed", "allowed")]
    assert said.broken == ()
    assert [(one.kind, one.what) for one in said.cut if one.kind != "control"] == [
        ("grant", "roles/run.developer on projects/p"),
        ("grant", "roles/run.servicesInvoker on service api (p, r1)"),
        ("call", "run.jobs.runWithOverrides on job nightly (p, r1)"),
        ("call", "run.routes.invoke on service api (p, r1)"),
    ]
    assert said.open == ()


def test_nothing_is_granted_for_a_call_that_no_grant_mends() -> None:
    """deny-overview: what a deny policy denies is denied whatever is granted."""
    denied = denies(PROJECT, "run.googleapis.com/jobs.run")
    said = asked(replace(with_bindings(ESTATE), deny_policies=(denied,)))
    assert said.changes == ()
    assert answers(said) == [("denied", "denied")]
    ((task, because),) = ((one.what, one.because) for one in said.open)
    assert task == "task d.t"
    assert because == (
        f"{ENV_SA} is refused: rule 1 of deny policy d on projects/p denies run.jobs.run",
    )
    # what it rests on beside is not taken back: the policy may go
    kept = asked(replace(DECLARED, deny_policies=(denied,)))
    assert [one.command for one in kept.changes] == [
        f"{FROM_API} {MEMBER} --role=roles/run.servicesInvoker"
    ]


def test_not_declared_takes_nothing_back_and_says_what_would() -> None:
    said = asked(replace(DECLARED, environments=(ENVIRONMENT,)))
    assert said.changes == ()
    assert {one.what for one in said.open} == {
        f"roles/run.developer of {ENV_SA} on projects/p",
        f"roles/run.servicesInvoker of {ENV_SA} on service api (p, r1)",
    }
    assert {one.because for one in said.open} == {
        (f"undecided: exclusive_accounts does not name {ENV_SA}",)
    }


@pytest.mark.parametrize("environment", [ALONE, ENVIRONMENT])
def test_what_a_schedule_calls_with_is_kept_because_it_is_used(
    environment: AirflowEnvironment,
) -> None:
    facts = replace(DECLARED, senders=(SCHEDULE,), environments=(environment,))
    said = asked(facts)
    spare = f"roles/run.servicesInvoker of {ENV_SA} on service api (p, r1)"
    because = {one.what: one.because for one in said.open}
    assert because[spare] == (f"kept: {SCHEDULE.resource} uses it",)
    # one that is paused may be all that uses it, and that is left open
    paused = replace(facts, senders=(replace(SCHEDULE, paused=True),))
    (why, *_) = next(one.because for one in asked(paused).open if one.what == spare)
    assert why.startswith("undecided: ")


def test_what_is_as_narrow_as_can_be_is_left_alone() -> None:
    narrow = (
        bind(JOB, "roles/run.jobsExecutor", account(ENV_SA)),
        bind(PROJECT, "roles/run.viewer", account(ENV_SA)),
    )
    said = asked(with_bindings(DECLARED, *narrow))
    assert (said.changes, said.open, answers(said)) == (
        (),
        (),
        [("allowed", "allowed")],
    )


def test_what_many_can_no_longer_call_is_counted() -> None:
    runs = tuple(
        replace(
            RUN_JOB, id=f"cloud_run:{JOB}{n}", resource=f"{JOB}{n}", name=f"j{n:02}"
        )
        for n in range(10, 22)
    )
    said = asked(replace(DECLARED, cloud_runs=(*DECLARED.cloud_runs, *runs)))
    assert [one.what for one in said.cut if one.kind == "call"] == [
        (
            "run.jobs.runWithOverrides on 13 jobs or services, job nightly (p, r1) among "
            "them"
        ),
        "run.jobs.run on 12 jobs or services, job nightly10 (p, r1) among them",
        "run.routes.invoke on service api (p, r1)",
    ]


def test_a_right_under_a_condition_is_neither_widened_nor_taken() -> None:
    timed = bind(
        PROJECT,
        "roles/run.developer",
        account(ENV_SA),
        condition='request.time < timestamp("2027-01-01T00:00:00Z")',
    )
    assert asked(with_bindings(DECLARED, timed)).changes == ()


@pytest.mark.parametrize(
    ("role", "member", "before", "said"),
    [
        ("roles/run.developer", FIRST, "2020-01-01", True),
        ("roles/run.developer", FIRST, "2099-01-01", False),
        ("roles/run.developer", account(TEAM_SA), "2020-01-01", False),
        ("roles/run.viewer", FIRST, "2020-01-01", False),
    ],
)
def test_what_ended_is_told_where_it_is_granted_again(
    role: str, member: str, before: str, said: bool
) -> None:
    # cloud.google.com/iam/docs/configuring-temporary-access
    timed = bind(
        PROJECT,
        role,
        member,
        condition=f'request.time < timestamp("{before}T00:00:00Z")',
    )
    ended = (
        "; what gave it ended (roles/run.developer on projects/p at "
        "2020-01-01T00:00:00Z), and this has no end: set one if it is to be for a time "
        "again"
    )
    changes = asked(with_bindings(ESTATE, timed)).changes
    runs = [one.because for one in changes if one.role == "roles/run.jobsExecutor"]
    lasts = before > "2026"
    assert runs == (
        [] if lasts and member == FIRST else [f"calls take run.jobs.run{ended * said}"]
    )


def test_a_call_that_is_not_known_keeps_every_grant() -> None:
    facts = with_call(DECLARED, name=UNSET, unresolved=why("name", "variable", "JOB"))
    said = asked(facts)
    assert said.changes == ()
    assert answers(said) == [("unknown", "unknown")]


def shared(facts: Facts) -> Facts:
    """Let a second DAG make the same call."""
    task = replace(
        TASK, id="task:prod:e.py:e_2.t", dag="dag:prod:e.py:e_2", dag_id="e_2"
    )
    call = replace(CALL, id="call:prod:e.py:e_2.t", task=task.id)
    return replace(facts, tasks=(*facts.tasks, task), calls=(*facts.calls, call))


def test_dags_that_share_an_account_get_their_own() -> None:
    facts = shared(with_task(with_bindings(ESTATE, WIDE), impersonation_chain=None))
    said = asked(facts, dag="e_2")
    made = "dag-e-2@p.iam.gserviceaccount.com"
    assert commands(said) == [
        "gcloud iam service-accounts create dag-e-2 --project=p",
        RUN_IT.format(verb="add").replace(ENV_SA, made),
        WATCH.replace(ENV_SA, made),
        MINT.format(account=made),
    ]
    (told,) = [one for one in said.changes if one.kind == "act_as"]
    assert (told.dag, told.tasks, told.accounts) == ("e_2", ("t",), (made,))
    (effect,) = said.effects
    assert (effect.before, effect.after) == ("allowed", "allowed")
    assert (effect.identity_before, effect.identity_after) == (
        account(ENV_SA),
        account(made),
    )
    assert ("task e_2.t", "call") in {(one.who, one.kind) for one in said.cut}


def test_an_account_that_is_there_already_is_not_taken_over() -> None:
    facts = shared(with_bindings(ESTATE, WIDE))
    made = "dag-e-2@p.iam.gserviceaccount.com"
    taken = replace(
        facts.identities[0], id=f"identity:{account(made)}", key=account(made)
    )
    said = asked(replace(facts, identities=(*facts.identities, taken)), dag="e_2")
    (create, *_) = said.changes
    (email,) = create.accounts
    assert email != made
    assert email.startswith("dag-e-2-")


@pytest.mark.parametrize(
    "constraint",
    ["iam.disableServiceAccountCreation", "iam.managed.disableServiceAccountCreation"],
)
def test_no_account_is_made_where_an_organisation_policy_forbids_it(
    constraint: str,
) -> None:
    """organization-policy/restrict-service-accounts"""
    forbids = OrgPolicy(
        id=f"org_policy:{PROJECT}#{constraint}",
        origin=at(),
        resource=PROJECT,
        constraint=f"constraints/{constraint}",
        enforced=True,
    )
    facts = shared(with_bindings(ESTATE, WIDE))
    said = asked(replace(facts, org_policies=(forbids,)), dag="e_2")
    assert said.changes == ()
    assert (
        Open(
            what="DAG e_2",
            because=(
                (
                    f"it shares {ENV_SA} with 1 more; an organisation policy forbids new "
                    f"accounts ({constraint})"
                ),
            ),
        )
        in said.open
    )


def test_a_call_that_no_account_of_its_own_can_make_keeps_no_other_from_its_grant() -> (
    None
):
    facts = shared(with_bindings(ESTATE, bind(JOB, "roles/run.jobsExecutor", FIRST)))
    # new accounts would have to be impersonated
    denied = denies(PROJECT, "iam.googleapis.com/serviceAccounts.getAccessToken")
    kept = bind(PROJECT, "roles/run.viewer", FIRST)
    first, second = facts.calls
    other = replace(
        second,
        name="api",
        target_kind="service",
        operation="update_service",
        permissions=("run.services.update",),
    )
    facts = with_bindings(
        replace(facts, calls=(first, other), deny_policies=(denied,)),
        *facts.bindings,
        kept,
    )
    said = asked(facts)
    assert commands(said) == [
        f"{FROM_API.replace('remove', 'add')} {MEMBER} --role=roles/run.developer"
    ]
    assert answers(said) == [("allowed", "allowed"), ("denied", "allowed")]
    assert said.broken == ()
    assert [one.what for one in said.open if one.because == SHOWN] == [
        "an account of its own for task d.t (prod)",
        "an account of its own for task e_2.t (prod)",
    ]


def test_a_call_that_nothing_mends_gives_up_no_account_of_another() -> None:
    """A request without a token has no account that could be another."""
    facts = shared(with_task(with_bindings(ESTATE, WIDE), impersonation_chain=None))
    bare = replace(
        CALL,
        id="call:prod:d.py:d.bare",
        task="task:prod:d.py:d.bare",
        via="code",
        operation="invoke_service",
        target_kind="service",
        url=URL,
        endpoint="/",
        token="none",
        permissions=("run.routes.invoke",),
    )
    task = replace(TASK, id=bare.task, task_id="bare")
    said = asked(replace(facts, tasks=(*facts.tasks, task), calls=(*facts.calls, bare)))
    assert ("denied", "denied") in answers(said)
    assert [one.tasks for one in said.changes if one.tasks] == [("t",), ("t",)]
    assert SHOWN not in {one.because for one in said.open}


def test_a_key_gives_way_to_impersonation() -> None:
    facts = with_connection(
        with_bindings(
            ESTATE,
            bind(JOB, "roles/run.developer", account(TEAM_SA)),
            bind(PROJECT, "roles/run.viewer", account(TEAM_SA)),
        ),
        credential=Credential(kind="key_content", identity=TEAM_SA),
    )
    key = Key(id=f"key:{TEAM_SA}/k1", origin=at(), account=TEAM_SA, key_id="k1")
    said = asked(replace(facts, keys=(key,)))
    assert [(one.kind, one.connection, one.accounts) for one in said.changes] == [
        ("grant", "", ()),
        ("act_as", CONNECTION.conn_id, (TEAM_SA,)),
    ]
    assert said.changes[0].command == MINT.format(account=TEAM_SA)
    assert answers(said) == [("allowed", "allowed")]
    assert f"key k1 of {TEAM_SA}" in {one.what for one in said.open}


def test_a_connection_without_its_key_still_serves_what_else_uses_it() -> None:
    """A query through the connection is no call to Cloud Run, and would be refused."""
    keyed = with_connection(
        with_task(
            with_bindings(ESTATE, bind(PROJECT, "roles/run.developer", FIRST)),
            impersonation_chain=(ENV_SA,),
        ),
        credential=Credential(kind="key_content", identity=TEAM_SA),
    )
    query = replace(
        TASK,
        id="task:prod:d.py:d.query",
        task_id="query",
        operator="airflow.providers.google.cloud.operators.bigquery.BigQueryInsertJobOperator",
    )
    mint = MINT.format(account=TEAM_SA)
    assert mint not in commands(asked(keyed))
    facts = replace(keyed, tasks=(*keyed.tasks, query))
    said = asked(facts)
    assert mint in commands(said)
    assert [one.connection for one in said.changes if one.connection] == [
        CONNECTION.conn_id
    ]
    # where nobody can be let mint its tokens, the key stays
    denied = denies(PROJECT, "iam.googleapis.com/serviceAccounts.getAccessToken")
    kept = asked(replace(facts, deny_policies=(denied,)))
    assert all(one.connection == "" for one in kept.changes)


def test_a_right_that_a_group_has_beside_is_not_given_again() -> None:
    group = "group:g@x.example"
    inside = Group(id=group, origin=at(), key=group, members=(FIRST,))
    facts = replace(
        with_bindings(DECLARED, bind(PROJECT, "roles/run.developer", group)),
        groups=(inside,),
    )
    said = asked(facts)
    assert said.changes == ()
    assert answers(said) == [("allowed", "allowed")]


def test_beside_a_wide_grant_that_stays_nothing_narrower_is_given() -> None:
    # Airflow itself may rest on it, for what is not of Cloud Run
    said = asked(
        replace(
            with_bindings(ESTATE, bind(PROJECT, "roles/editor", FIRST)),
            environments=(ALONE,),
        )
    )
    assert said.changes == ()
    assert {one.what for one in said.open} == {
        f"roles/editor of {ENV_SA} on projects/p"
    }


def test_what_is_mended_in_part_says_what_is_left_undecided() -> None:
    watches = ("run.jobs.run", "run.operations.get")
    facts = with_call(
        with_bindings(ESTATE, bind(JOB, "roles/run.viewer", FIRST)), permissions=watches
    )
    said = asked(facts)
    assert answers(said) == [("denied", "unknown")]
    left = "undecided: run.operations.get by a role on job nightly (p, r1)"
    assert {one.what: one.because for one in said.open}["task d.t"] == (left,)


def test_a_key_stays_where_nothing_tells_who_would_impersonate() -> None:
    facts = with_connection(
        replace(
            with_bindings(
                ESTATE, bind(PROJECT, "roles/run.developer", account(TEAM_SA))
            ),
            environments=(
                replace(
                    ENVIRONMENT,
                    runs_as=UNSET,
                    unresolved=why("runs_as", "setting", "runs_as of environment prod"),
                ),
            ),
        ),
        credential=Credential(kind="key_content", identity=TEAM_SA),
    )
    said = asked(facts)
    assert said.changes == ()
    (left, *_) = said.open
    assert left.what == "connection google_cloud_default of environment prod"
    assert "runs_as of environment prod" in left.because[0]


def test_a_name_that_is_not_fit_for_a_command_line_is_left_out_and_said() -> None:
    odd = bind(f"{PROJECT}/x y", "roles/run.viewer", account(ENV_SA))
    said = asked(replace(DECLARED, bindings=(*DECLARED.bindings, odd)))
    assert all(
        one.place is None or "x y" not in one.place.resource for one in said.changes
    )
    assert any("not fit for a command line" in one.because[0] for one in said.open)


def test_scopes_that_name_nothing_are_refused() -> None:
    for scope in ({"dag": "nope"}, {"identity": "nobody@p.example"}):
        with pytest.raises(UsageError, match="no scanned call to Cloud Run is of"):
            asked(ESTATE, **scope)
    with pytest.raises(UsageError, match="no snapshot"):
        asked(replace(ESTATE, snapshots=()))


def test_the_same_facts_in_another_order_suggest_the_same() -> None:
    facts = shared(with_bindings(DECLARED, WIDE, SPARE, MINTS))
    turned = replace(
        facts,
        bindings=facts.bindings[::-1],
        tasks=facts.tasks[::-1],
        calls=facts.calls[::-1],
        identities=facts.identities[::-1],
    )
    assert asked(facts) == asked(turned)


def test_what_a_part_of_the_policies_may_hide_is_not_counted_on() -> None:
    said = asked(with_layers(shared(DECLARED), allow="partly"))
    made = [one.dag for one in said.changes if one.kind == "create"]
    assert made == ["d", "e_2"]
    assert answers(said) == [("allowed", "allowed")] * 2
    assert said.broken == ()


def test_what_deriving_again_does_not_confirm_is_not_suggested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # a plan that forgets what it grants: taking back alone would break the call
    def forgets(*_: object) -> None:
        return None

    monkeypatch.setattr("dagwarden.graph.plans.granting", forgets)
    said = asked(DECLARED)
    assert said.changes == ()
    assert answers(said) == [("allowed", "allowed")]
    assert "grants that no scanned call needs" in {one.what for one in said.open}
