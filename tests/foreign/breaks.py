"""Seeded breaks: each changes one thing in a sound estate."""

import base64
import json
from collections.abc import Callable

from google.cloud import iam_v2
from tests.foreign.cloud import (
    ACCOUNT_USER,
    DEFAULT_COMPUTE,
    EXECUTOR,
    EXECUTOR_WITH_OVERRIDES,
    NUMBER,
    ON_FOLDER,
    ON_ORGANIZATION,
    ON_PROJECT,
    OTHER,
    POOL,
    PROJECT,
    RELEASER,
    SCHEDULER,
    SITE,
    TOKEN_CREATOR,
    WATCHER,
    WORKER,
    account,
    cloud_run_job,
    cloud_run_service,
    job,
    key,
    member,
    role,
    service,
)
from tests.foreign.world import World, google

Break = Callable[[World], None]
STARTER = f"projects/{PROJECT}/roles/jobStarter"


# ------------------------------------------------------------- who is granted what


def _regrant(world: World, number: int, role_: str, *members: str) -> None:
    world.cloud.revoke(
        job(number), EXECUTOR_WITH_OVERRIDES if number == 3 else EXECUTOR
    )
    world.cloud.grant(job(number), role_, *members)


def role_moved_to_the_project(world: World) -> None:
    world.cloud.grant(ON_PROJECT, EXECUTOR, *world.cloud.revoke(job(1), EXECUTOR))


def role_moved_to_the_folder(world: World) -> None:
    world.cloud.grant(ON_FOLDER, EXECUTOR, *world.cloud.revoke(job(1), EXECUTOR))


def role_moved_to_the_organization(world: World) -> None:
    world.cloud.grant(ON_ORGANIZATION, EXECUTOR, *world.cloud.revoke(job(1), EXECUTOR))


def granted_to_everyone(world: World) -> None:
    _regrant(world, 1, EXECUTOR, "allUsers")


def granted_to_everyone_with_an_account(world: World) -> None:
    _regrant(world, 1, EXECUTOR, "allAuthenticatedUsers")


def developer_instead(world: World) -> None:
    _regrant(world, 1, "roles/run.developer", member(SCHEDULER))


def editor_on_the_project_instead(world: World) -> None:
    world.cloud.grant(ON_PROJECT, "roles/editor", *world.cloud.revoke(job(1), EXECUTOR))


def custom_role_with_the_permission(world: World) -> None:
    role(world.cloud, STARTER, "run.jobs.run")
    _regrant(world, 1, STARTER, member(SCHEDULER))


def custom_role_without_the_permission(world: World) -> None:
    role(world.cloud, STARTER, "run.jobs.get", "run.executions.cancel")
    _regrant(world, 1, STARTER, member(SCHEDULER))


def custom_role_not_in_the_snapshot(world: World) -> None:
    _regrant(world, 1, STARTER, member(SCHEDULER))


def predefined_role_nobody_knows(world: World) -> None:
    _regrant(world, 1, "roles/run.jobsStarter", member(SCHEDULER))


def services_invoker_instead(world: World) -> None:
    _regrant(world, 1, "roles/run.servicesInvoker", member(SCHEDULER))


def wrong_account(world: World) -> None:
    _regrant(world, 1, EXECUTOR, member(OTHER))


def wrong_account_of_the_same_name(world: World) -> None:
    elsewhere = SCHEDULER.replace(PROJECT, "foreign-test")
    _regrant(world, 1, EXECUTOR, member(elsewhere))


def account_deleted_and_made_again(world: World) -> None:
    gone = f"deleted:serviceAccount:{SCHEDULER}?uid=100000000000000000099"
    _regrant(world, 1, EXECUTOR, gone)


def override_permission_missing(world: World) -> None:
    _regrant(world, 3, EXECUTOR, member(SCHEDULER))


def overrides_added_to_a_task(world: World) -> None:
    world.argument(1, 'overrides={"task_count": 2}')


def granted_to_a_group(world: World) -> None:
    _regrant(world, 1, EXECUTOR, "group:schedulers@foreign.example")


def granted_under_a_condition(world: World) -> None:
    world.cloud.revoke(job(1), EXECUTOR)
    expression = 'request.time < timestamp("2026-12-01T00:00:00Z")'
    world.cloud.grant(job(1), EXECUTOR, member(SCHEDULER), condition=expression)


def deny_policy(world: World) -> None:
    attached = f"cloudresourcemanager.googleapis.com%2Fprojects%2F{NUMBER}"
    world.cloud.deny.append(
        iam_v2.Policy(
            name=f"policies/{attached}/denypolicies/no-runs",
            rules=[
                iam_v2.PolicyRule(
                    deny_rule=iam_v2.DenyRule(
                        denied_principals=["principalSet://goog/public:all"],
                        denied_permissions=["run.googleapis.com/jobs.run"],
                    )
                )
            ],
        )
    )


def deny_policy_among_all_there_are(world: World) -> None:
    deny_policy(world)
    _sealed(world, "2026-11-20T01:00:00Z", deny="read")


def watching_not_granted(world: World) -> None:
    world.cloud.revoke(ON_PROJECT, WATCHER)


def deploying_as_the_worker_not_granted(world: World) -> None:
    world.cloud.revoke(account(WORKER), ACCOUNT_USER)


def deployment_names_no_account(world: World) -> None:
    world.replace(f'"service_account": "{WORKER}"', '"service_account": ""')


def creating_not_granted(world: World) -> None:
    role(world.cloud, RELEASER, "run.jobs.list", "run.operations.get")


def account_disabled(world: World) -> None:
    world.cloud.data[account(SCHEDULER)].disabled = True


# -------------------------------------------------------------- what the cloud holds


def job_in_another_region(world: World) -> None:
    elsewhere = job(1).replace("europe-west1", "us-central1")
    world.cloud.add(elsewhere, "run.googleapis.com/Job", cloud_run_job(1))
    world.cloud.grant(elsewhere, EXECUTOR, member(SCHEDULER))
    world.cloud.remove(job(1))


def job_in_another_project(world: World) -> None:
    world.argument(1, 'project_id="far-away"')


def policy_cut_short(world: World) -> None:
    wrong_account(world)
    world.cloud.truncated.add(job(1))


def policies_not_exported(world: World) -> None:
    world.cloud.policies.clear()


def nothing_says_what_is_above(world: World) -> None:
    wrong_account(world)
    for name in (ON_FOLDER, ON_ORGANIZATION):
        world.cloud.remove(name)
    del world.cloud.data[ON_PROJECT]["parent"]
    world.cloud.ancestors = dict.fromkeys(world.cloud.ancestors, ())


def organization_policy_not_read(world: World) -> None:
    wrong_account(world)
    del world.cloud.policies[ON_ORGANIZATION]


def invoker_check_disabled(world: World) -> None:
    world.cloud.data[service()] = cloud_run_service(checked=False)


def plain_secret_in_a_job(world: World) -> None:
    env = {"REGION": "eu", "DB_PASSWORD": "kX9-plum-tractor-41"}
    world.cloud.data[job(1)] = cloud_run_job(1, env=env)


def old_key(world: World) -> None:
    world.cloud.data[f"{account(OTHER)}/keys/0a1b2c3d"] = key("2024-01-01T00:00:00Z")


def provider_takes_every_token(world: World) -> None:
    name = f"//iam.googleapis.com/{POOL}/providers/forge"
    del world.cloud.data[name]["attributeCondition"]


def audit_configuration_removed(world: World) -> None:
    del world.cloud.policies[ON_ORGANIZATION].audit_configs[:]


def google_agent_may_call(world: World) -> None:
    agent = f"service-{NUMBER}@serverless-robot-prod.iam.gserviceaccount.com"
    world.cloud.grant(ON_PROJECT, "roles/run.serviceAgent", member(agent))


def _sealed(world: World, read_time: str, **layers: str) -> None:
    world.cloud.header = {
        "version": 1,
        "read_time": read_time,
        "scope": "organizations/770011002200",
        "principal": "auditor@foreign.example",
        "layers": layers,
        "asset_types": [],
    }


def sealed_last_night(world: World) -> None:
    _sealed(world, "2026-11-20T01:00:00Z")


def sealed_last_week(world: World) -> None:
    _sealed(world, "2026-11-13T01:00:00Z")


# --------------------------------------------------------------------- who tasks are


def runs_as_not_known(world: World) -> None:
    world.runs_as = "unknown"


def runs_as_the_default_account(world: World) -> None:
    world.runs_as = DEFAULT_COMPUTE


def runs_as_another_account(world: World) -> None:
    world.runs_as = OTHER


def connection_missing(world: World) -> None:
    del world.connections["google_cloud_default"]


def connection_perhaps_missing(world: World) -> None:
    del world.connections["google_cloud_default"]
    world.complete = False


def connection_holds_a_key(world: World) -> None:
    world.connections["google_cloud_default"] = google(
        keyfile_dict=json.dumps(
            {
                "type": "service_account",
                "client_email": SCHEDULER,
                "private_key_id": "feedbeef",
                "private_key": "-----BEGIN PRIVATE KEY-----\n"
                + base64.b64encode(bytes(range(256)) * 4).decode()
                + "\n-----END PRIVATE KEY-----\n",
            }
        )
    )


def connection_impersonates(world: World) -> None:
    world.connections["google_cloud_default"] = google(impersonation_chain=OTHER)


def _as_other(world: World, chain: str) -> None:
    world.argument(1, f"impersonation_chain={chain}")
    _regrant(world, 1, EXECUTOR, member(OTHER))
    world.cloud.grant(ON_PROJECT, WATCHER, member(OTHER))


def impersonation_granted(world: World) -> None:
    _as_other(world, f'"{OTHER}"')
    world.cloud.grant(account(OTHER), TOKEN_CREATOR, member(SCHEDULER))


def impersonation_not_granted(world: World) -> None:
    _as_other(world, f'"{OTHER}"')


def impersonation_by_a_delegate(world: World) -> None:
    _as_other(world, f'["{SITE}", "{OTHER}"]')
    world.cloud.grant(account(SITE), TOKEN_CREATOR, member(SCHEDULER))
    world.cloud.grant(account(OTHER), TOKEN_CREATOR, member(SITE))


def impersonation_chain_joined_by_commas(world: World) -> None:
    _as_other(world, f'"{SITE},{OTHER}"')
    world.cloud.grant(account(SITE), TOKEN_CREATOR, member(SCHEDULER))
    world.cloud.grant(account(OTHER), TOKEN_CREATOR, member(SITE))


def can_become_the_service(world: World) -> None:
    world.cloud.grant(account(SITE), TOKEN_CREATOR, member(SCHEDULER))


def may_become_any_account_of_the_folder(world: World) -> None:
    world.cloud.grant(ON_FOLDER, TOKEN_CREATOR, member(SCHEDULER))


# ------------------------------------------------------------------ what the DAG says


def job_named_by_a_template(world: World) -> None:
    world.argument(1, 'job_name="{{ var.value.job }}"')


def project_by_number(world: World) -> None:
    world.replace(f'PROJECT_ID = "{PROJECT}"', f'PROJECT_ID = "{NUMBER}"')


def _import_timedelta(world: World) -> None:
    line = "from datetime import datetime"
    world.replace(line, f"{line}, timedelta")


def job_outlives_its_task(world: World) -> None:
    world.argument(1, "execution_timeout=timedelta(minutes=10)")
    _import_timedelta(world)


def job_ends_before_its_task(world: World) -> None:
    job_outlives_its_task(world)
    world.cloud.data[job(1)] = cloud_run_job(1, minutes=4)


def timeout_of_a_deferrable_task(world: World) -> None:
    world.argument(2, "timeout_seconds=900")


def run_bounded(world: World) -> None:
    bound = "    catchup=False,\n    dagrun_timeout=timedelta(hours=1),\n"
    world.replace("    catchup=False,\n", bound)
    _import_timedelta(world)


def secret_in_overrides(world: World) -> None:
    world.replace(
        '"env": [{"name": "ENV_VAR", "value": "value"}]',
        '"env": [{"name": "DB_PASSWORD", "value": "kX9-plum-tractor-41"}]',
    )
