"""What a refused call lacks, in words, and the commands that would mend it."""

from typing import Any

import pytest
from msgspec.structs import replace
from tests.graph.test_build import (
    CREATOR,
    DELEGATE,
    ENV_SA,
    ESTATE,
    FOLDER,
    IMPERSONATING,
    JOB,
    PROJECT,
    RUN_JOB,
    SERVICE,
    TEAM_SA,
    TOKEN,
    WEB,
    account,
    account_name,
    bind,
    identity,
    path_of,
    with_bindings,
    with_call,
    with_task,
)

from dagwarden.facts import Facts, Role
from dagwarden.graph.cures import narrowest
from dagwarden.graph.roles import Roles

ON_JOB = "job nightly (p, r1)"
TO_JOB = "gcloud run jobs add-iam-policy-binding nightly --region=r1 --project=p"
TO_SERVICE = "gcloud run services add-iam-policy-binding api --region=r1 --project=p"
TO_PROJECT = "gcloud projects add-iam-policy-binding p"
TO_TEAM = (
    f"gcloud iam service-accounts add-iam-policy-binding {TEAM_SA} --project=p "
    f"--member={account(ENV_SA)}"
)
WHO = f"--member={account(ENV_SA)}"
RUNS = bind(PROJECT, "roles/run.jobsExecutor", account(ENV_SA))
BY_ID = with_call(with_bindings(WEB), token="id_token")
CHAIN = ("mid@p.iam.gserviceaccount.com", TEAM_SA)
OFF = replace(identity(ENV_SA), disabled=True)


def lacking(*permissions: str, **changes: Any) -> Facts:
    return with_call(with_bindings(ESTATE), permissions=permissions, **changes)


@pytest.mark.parametrize(
    ("facts", "words", "cures"),
    [
        (ESTATE, (), ()),
        (
            with_bindings(ESTATE, RUNS),
            (f"{ENV_SA} lacks run.operations.get, run.jobs.get on {ON_JOB}",),
            # reading operations is of the project, and reads the job there too
            (f"{TO_PROJECT} {WHO} --role=roles/run.viewer",),
        ),
        (
            lacking("run.jobs.run", "run.jobs.get"),
            (f"{ENV_SA} lacks run.jobs.run, run.jobs.get on {ON_JOB}",),
            (
                f"{TO_JOB} {WHO} --role=roles/run.jobsExecutor",
                f"{TO_JOB} {WHO} --role=roles/run.viewer",
            ),
        ),
        (
            lacking("run.jobs.run", "run.jobs.runWithOverrides"),
            (f"{ENV_SA} lacks run.jobs.run, run.jobs.runWithOverrides on {ON_JOB}",),
            (f"{TO_JOB} {WHO} --role=roles/run.jobsExecutorWithOverrides",),
        ),
        (
            lacking("run.jobs.create", "iam.serviceAccounts.actAs", deploys_as=TEAM_SA),
            (
                f"{ENV_SA} lacks run.jobs.create on projects/p",
                f"{ENV_SA} lacks iam.serviceAccounts.actAs on {TEAM_SA}",
            ),
            (
                f"{TO_PROJECT} {WHO} --role=roles/run.developer",
                f"{TO_TEAM} --role=roles/iam.serviceAccountUser",
            ),
        ),
        # nothing that is modelled holds it: no command, and still said
        (
            lacking("run.jobs.undelete"),
            (f"{ENV_SA} lacks run.jobs.undelete on {ON_JOB}",),
            (),
        ),
        (
            BY_ID,
            (f"{ENV_SA} lacks run.routes.invoke on service api (p, r1)",),
            (f"{TO_SERVICE} {WHO} --role=roles/run.servicesInvoker",),
        ),
        # a service is not opened to everyone because a task forgot its token
        (
            with_bindings(WEB),
            (
                (
                    "a request without a token that Cloud Run takes (allUsers) lacks "
                    "run.routes.invoke on service api (p, r1)"
                ),
            ),
            (),
        ),
        (
            IMPERSONATING,
            (f"{ENV_SA} lacks {TOKEN} on {TEAM_SA}",),
            (f"{TO_TEAM} --role={CREATOR}",),
        ),
        (
            with_task(IMPERSONATING, impersonation_chain=CHAIN),
            (
                f"{ENV_SA} lacks {DELEGATE} on {CHAIN[0]}",
                f"{CHAIN[0]} lacks {TOKEN} on {TEAM_SA}",
            ),
            (
                f"{TO_TEAM.replace(TEAM_SA, CHAIN[0])} --role={CREATOR}",
                f"{TO_TEAM.replace(ENV_SA, CHAIN[0])} --role={CREATOR}",
            ),
        ),
        (
            replace(ESTATE, identities=(OFF,)),
            (f"account {ENV_SA} is disabled",),
            (f"gcloud iam service-accounts enable {ENV_SA} --project=p",),
        ),
        # whom a disabled account may impersonate does not matter
        (
            replace(
                with_bindings(
                    IMPERSONATING,
                    *IMPERSONATING.bindings,
                    bind(account_name(TEAM_SA), CREATOR, account(ENV_SA)),
                ),
                identities=(OFF,),
            ),
            (f"account {ENV_SA} is disabled",),
            (f"gcloud iam service-accounts enable {ENV_SA} --project=p",),
        ),
    ],
)
def test_what_is_lacking_is_said_of_whom_it_concerns(
    facts: Facts, words: tuple[str, ...], cures: tuple[str, ...]
) -> None:
    path = path_of(facts)
    assert path.lacks_words == words
    assert path.cures == cures
    assert bool(path.lacks_known) is bool(words)
    assert path.hops[-1].text.endswith("; ".join(words))


@pytest.mark.parametrize("name", ["x;reboot", "-rf", "$(id)", "a b", "x`id`", "é"])
def test_no_command_holds_a_name_that_a_shell_would_read(name: str) -> None:
    resource = JOB.replace("nightly", name)
    run = replace(RUN_JOB, id=f"cloud_run:{resource}", resource=resource, name=name)
    facts = with_call(with_bindings(ESTATE), name=name, permissions=("run.jobs.run",))
    path = path_of(replace(facts, cloud_runs=(run,)))
    assert path.lacks == ("run.jobs.run",)
    assert path.cures == ()


@pytest.mark.parametrize(
    ("permission", "role"),
    [
        ("run.jobs.run", "roles/run.jobsExecutor"),
        ("run.jobs.runWithOverrides", "roles/run.jobsExecutorWithOverrides"),
        ("run.executions.cancel", "roles/run.jobsExecutor"),
        ("run.jobs.get", "roles/run.viewer"),
        ("run.executions.get", "roles/run.viewer"),
        ("run.operations.get", "roles/run.viewer"),
        ("run.routes.invoke", "roles/run.servicesInvoker"),
        ("run.services.update", "roles/run.developer"),
        # cloud.google.com/run/docs/reference/iam/roles
        ("run.services.get", "roles/run.viewer"),
        ("run.services.delete", "roles/run.developer"),
        ("run.jobs.list", "roles/run.viewer"),
        ("run.jobs.delete", "roles/run.developer"),
        (TOKEN, CREATOR),
        (DELEGATE, CREATOR),
        (
            "iam.serviceAccounts.getOpenIdToken",
            "roles/iam.serviceAccountOpenIdTokenCreator",
        ),
        ("iam.serviceAccounts.actAs", "roles/iam.serviceAccountUser"),
        ("no.such.permission", None),
    ],
)
def test_the_narrowest_role_is_the_service_s_own(
    permission: str, role: str | None
) -> None:
    assert narrowest(Roles(()), permission) == role


def test_a_role_as_it_was_read_comes_before_the_catalogue() -> None:
    name = "roles/run.jobsExecutor"
    changed = Role(id=f"role:{name}", origin=RUNS.origin, name=name, permissions=())
    assert narrowest(Roles((changed,)), "run.jobs.run") == "roles/run.invoker"


# ------------------------------------------------------------------ the links, in hops


def test_a_policy_with_conditions_is_told_that_a_grant_has_none() -> None:
    """gcloud asks, and refuses in scripts, where it is not said."""
    timed = bind(PROJECT, "roles/viewer", "user:a@x.example", condition="c")
    path = path_of(with_bindings(lacking("run.jobs.run", "run.operations.get"), timed))
    assert path.cures == (
        f"{TO_JOB} {WHO} --role=roles/run.jobsExecutor",
        f"{TO_PROJECT} {WHO} --role=roles/run.viewer --condition=None",
    )


GRANTED = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA))
INHERITED = bind(FOLDER, CREATOR, account(ENV_SA))
CONDITIONAL = bind(account_name(TEAM_SA), CREATOR, account(ENV_SA), condition="c")
DEVELOPS = IMPERSONATING.bindings


@pytest.mark.parametrize(
    ("bindings", "text", "source"),
    [
        ((GRANTED,), f"impersonates {TEAM_SA} by {CREATOR}", "assets.ndjson"),
        ((INHERITED,), f"impersonates {TEAM_SA} by {CREATOR}", "assets.ndjson"),
        ((CONDITIONAL,), f"impersonates {TEAM_SA}", "dags/d.py"),
        (
            (),
            f"may not impersonate {TEAM_SA}: lacks {TOKEN} on it",
            "dags/d.py",
        ),
    ],
)
def test_an_impersonation_names_the_binding_that_lets_it(
    bindings: tuple[Any, ...], text: str, source: str
) -> None:
    (hop,) = (
        hop
        for hop in path_of(with_bindings(IMPERSONATING, *DEVELOPS, *bindings)).hops
        if hop.kind == "impersonates"
    )
    assert hop.origin is not None
    assert (hop.text, hop.origin.source) == (text, source)


def test_the_service_is_the_same_under_its_project_s_number() -> None:
    numbered = SERVICE.replace("projects/p/", "projects/1041/")
    run = replace(WEB.cloud_runs[1], id=f"cloud_run:{numbered}", resource=numbered)
    path = path_of(replace(BY_ID, cloud_runs=(run,)))
    assert path.cures == (f"{TO_SERVICE} {WHO} --role=roles/run.servicesInvoker",)
