"""
How one identity becomes another: every kind of control edge, in one table.

A control edge is transitive: its holder becomes the target. Calling a service or
running a job as it stands is not among them: a caller never gets the identity that
a workload runs as.
"""

from typing import Literal

from dagwarden.facts import Record

# What a permission is held on, to give the account behind it:
Place = Literal[
    "account",  # the service account, or anything above it
    "project_policy",  # the account's project, or above
    "folder_policy",  # a folder above the account, or above that
    "organization_policy",  # the organisation
    "job",  # a Cloud Run job that runs as the account, or above
    "workload",  # a Cloud Run service or job that runs as it, or above
    "environment",  # a Composer environment that runs as it, or above
    "dag_bucket",  # the bucket of such an environment, or above
]
Gives = Literal[
    "identity",  # the holder can do all that the account can
    "invocation",  # only calls to services in the account's name
    "delegation",  # tokens of accounts that the account may mint tokens of
]


class Edge(Record, frozen=True, kw_only=True):
    """One kind of control edge: any of `permissions` on `place`."""

    kind: str
    permissions: tuple[str, ...]
    place: Place
    gives: Gives = "identity"
    # False: the effect depends on a setting that is not read yet
    certain: bool = True
    text: str
    source: str  # documentation that says so


_IAM = "cloud.google.com/iam/docs/service-account-permissions"

EDGES: tuple[Edge, ...] = (
    Edge(
        kind="CAN_MINT_ACCESS_TOKEN",
        permissions=("iam.serviceAccounts.getAccessToken",),
        place="account",
        text="mints access tokens of",
        source=_IAM,
    ),
    Edge(
        kind="CAN_SIGN_AS",
        permissions=("iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"),
        place="account",
        text="signs, and so gets tokens, as",
        source=_IAM,
    ),
    Edge(
        kind="CAN_CREATE_KEY",
        permissions=("iam.serviceAccountKeys.create",),
        place="account",
        text="creates keys of",
        source=_IAM,
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("iam.serviceAccounts.setIamPolicy",),
        place="account",
        text="gives itself any role on",
        source=_IAM,
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.projects.setIamPolicy",),
        place="project_policy",
        text="gives itself any role in the project of",
        source="cloud.google.com/iam/docs/granting-changing-revoking-access",
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.folders.setIamPolicy",),
        place="folder_policy",
        text="gives itself any role in the folder of",
        source="cloud.google.com/iam/docs/granting-changing-revoking-access",
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.organizations.setIamPolicy",),
        place="organization_policy",
        text="gives itself any role in the organisation of",
        source="cloud.google.com/iam/docs/granting-changing-revoking-access",
    ),
    Edge(
        kind="CAN_DELEGATE",
        permissions=("iam.serviceAccounts.implicitDelegation",),
        place="account",
        gives="delegation",
        text="uses as a delegate",
        source="cloud.google.com/iam/docs/create-short-lived-credentials-delegated",
    ),
    Edge(
        kind="CAN_MINT_ID_TOKEN",
        permissions=("iam.serviceAccounts.getOpenIdToken",),
        place="account",
        gives="invocation",
        text="mints identity tokens of",
        source=_IAM,
    ),
    Edge(
        kind="CAN_RUN_WITH_OVERRIDES",
        permissions=("run.jobs.runWithOverrides",),
        place="job",
        text="runs its own arguments in a job that runs as",
        source="cloud.google.com/run/docs/execute/jobs#override-job-configuration",
    ),
    Edge(
        kind="CAN_SHELL",
        permissions=("run.services.sshRoot", "run.jobs.sshRoot"),
        place="workload",
        certain=False,
        text="opens a shell in a workload that runs as",
        source="cloud.google.com/run/docs/securing/ssh",
    ),
    Edge(
        kind="CAN_EXECUTE_AS",
        permissions=(
            "composer.environments.executeAirflowCommand",
            "composer.environments.update",
        ),
        place="environment",
        text="runs commands in a Composer environment that runs as",
        source="cloud.google.com/composer/docs/concepts/access-control",
    ),
    Edge(
        kind="CAN_EXECUTE_AS",
        permissions=("storage.objects.create", "storage.objects.update"),
        place="dag_bucket",
        text="writes DAGs of a Composer environment that runs as",
        source="cloud.google.com/composer/docs/concepts/access-control",
    ),
)

# Deploying code as an account takes two permissions: this one on the account ...
ACT_AS = "iam.serviceAccounts.actAs"
# ... and one of these in the account's project. Virtual machines and data pipelines
# take more than one permission besides; they are not counted.
DEPLOY = (
    "run.services.create",
    "run.services.update",
    "run.jobs.create",
    "run.jobs.update",
    "run.workerpools.create",
    "run.workerpools.update",
    "cloudfunctions.functions.create",
    "cloudfunctions.functions.update",
    "cloudbuild.builds.create",
    "composer.environments.create",
    "workflows.workflows.create",
    "workflows.workflows.update",
)

BY_PERMISSION: dict[str, tuple[Edge, ...]] = {
    permission: tuple(edge for edge in EDGES if permission in edge.permissions)
    for permission in sorted({name for edge in EDGES for name in edge.permissions})
}
CONTROLLING = frozenset(BY_PERMISSION) | {ACT_AS}
# What a delegate passes on: tokens, and further delegation.
PASSED_ON = frozenset({"CAN_MINT_ACCESS_TOKEN", "CAN_DELEGATE"})
