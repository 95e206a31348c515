"""
How one identity becomes another: every kind of control edge, in one table.

A control edge is transitive: its holder becomes the target. Calling a service or
running a job as it stands is not among them: a caller never gets the identity that
a workload runs as.

`EDGES` are one permission each; `DEPLOYMENTS` take actAs on the account and, in its
project, all of their permissions; `LEVERS` give nobody's identity, but undo what
stands in the way of one.
"""

from typing import Literal

from dagwarden.facts import LeverKind, Record
from dagwarden.graph.needs import ACT_AS

# What a permission is held on, to give the account behind it:
Place = Literal[
    "account",  # the service account, or anything above it
    "key_account",  # such an account, where organisation policies forbid not all new keys
    "key_account_unread",  # ... and where one may
    "account_project",  # the account's project, or above
    "folder_policy",  # a folder above the account, or above that
    "organization_policy",  # the organisation
    "job",  # a Cloud Run job that runs as the account, or above
    "workload",  # a Cloud Run service or job that runs as it, or above
    "shell",  # such a workload, known to let people in by ssh
    "service",  # a Cloud Run service that runs as it, or above
    "environment",  # a Composer environment that runs as it, or above
    "dag_bucket",  # the bucket of such an environment, or above
    "job_image",  # the repository of an image that a job takes by a tag, or above
    "service_image",  # the same of a service
    "build_account",  # the project of an account that builds may run as, or above
    "pool",  # a workload identity pool, or above
    "pool_project",  # the project of such a pool, or above
    "pool_folder",  # a folder above it, or above that
    "pool_organization",  # the organisation
    "pool_unread",  # a pool that may be disabled, and the same of it
    "pool_unread_project",
    "pool_unread_folder",
    "pool_unread_organization",
    "pods",  # the project of a pool of Kubernetes, or above
    "staff",  # a workforce's pool, or its organisation
    "staff_organization",  # the organisation of such a pool
    "staff_unread",  # a pool that may be disabled, or of another, and the same of it
    "staff_unread_organization",
]
Gives = Literal[
    "identity",  # the holder can do all that the account can
    "api",  # an access token: all calls to Google APIs, and none to a service
    "invocation",  # an identity token: only calls to services in the account's name
    "delegation",  # tokens of accounts that the account may mint tokens of
    "storage",  # what the account may do in Cloud Storage
]


class Row(Record, frozen=True, kw_only=True):
    """What all rows of the tables say."""

    permissions: tuple[str, ...]
    text: str
    source: str  # documentation that says so


class Edge(Row, frozen=True, kw_only=True):
    """One kind of control edge: any of `permissions` on `place`."""

    kind: str
    place: Place
    gives: Gives = "identity"
    beside: tuple[str, ...] = ()  # what its role has to hold as well
    # of a right to grant: what its holder would use then, any of it
    grants: tuple[str, ...] = ()
    # what the effect depends on and no snapshot tells; empty: it is certain
    depends: str = ""


class Deployment(Row, frozen=True, kw_only=True):
    """
    What makes code run, or calls be made, as an account that one may act as.

    It takes all of `permissions`, in the account's project.
    """

    gives: Gives = "identity"
    depends: str = ""  # as of Edge
    grants: tuple[str, ...] = ()  # of a right to grant: all that its holder uses then


class LeverRow(Row, frozen=True, kw_only=True):
    """One way to undo what stands in the way: any of `permissions` on or above it."""

    kind: LeverKind
    lifts: Literal["deny", "boundary", "org_policy", "disabled", "condition"]
    depends: str = ""  # as of Edge


_IAM = "cloud.google.com/iam/docs/service-account-permissions"
_SHORT_LIVED = "cloud.google.com/iam/docs/create-short-lived-credentials-delegated"
_GRANTING = "cloud.google.com/iam/docs/granting-changing-revoking-access"
_COMPOSER = "cloud.google.com/composer/docs/concepts/access-control"
_SSH = "cloud.google.com/sdk/gcloud/reference/beta/run/services/ssh"
_ROLES = "cloud.google.com/iam/docs/creating-custom-roles"
_FORGES = "iam.googleapis.com/workloadIdentityPoolProviders.create"
_MAY_BE_OFF = "whether pools are disabled, and which providers they may have, in"
_ABOVE_POOLS: tuple[tuple[str, Place, str], ...] = (
    ("projects", "pool_project", ""),
    ("projects", "pool_unread_project", _MAY_BE_OFF),
    ("folders", "pool_folder", ""),
    ("folders", "pool_unread_folder", _MAY_BE_OFF),
    ("organizations", "pool_organization", ""),
    ("organizations", "pool_unread_organization", _MAY_BE_OFF),
)
_STAFF_FORGES = "iam.googleapis.com/workforcePoolProviders.create"
_STAFF = "cloud.google.com/iam/docs/manage-workforce-identity-pools-providers"
_STAFF_OPEN = "workforce pools in"
_SETS_STAFF = "iam.googleapis.com/workforcePools.setIamPolicy"
_SETS_ORGANIZATION = "resourcemanager.organizations.setIamPolicy"
_STAFF_PLACES: tuple[tuple[str, Place, str], ...] = (
    (_SETS_STAFF, "staff", ""),
    (_SETS_STAFF, "staff_unread", _STAFF_OPEN),
    (_SETS_ORGANIZATION, "staff_organization", ""),
    (_SETS_ORGANIZATION, "staff_unread_organization", _STAFF_OPEN),
)
_SPEAKING = (
    "iam.serviceAccounts.getAccessToken",
    "iam.serviceAccounts.signBlob",
    "iam.serviceAccounts.signJwt",
)

EDGES: tuple[Edge, ...] = (
    Edge(
        kind="CAN_MINT_ACCESS_TOKEN",
        permissions=("iam.serviceAccounts.getAccessToken",),
        beside=("iam.serviceAccounts.getOpenIdToken",),
        place="account",
        text="mints access tokens of",
        source=_IAM,
    ),
    Edge(
        kind="CAN_MINT_ACCESS_TOKEN",
        permissions=("iam.serviceAccounts.getAccessToken",),
        place="account",
        gives="api",
        text="mints access tokens of",
        source=_IAM,
    ),
    Edge(
        # a signed assertion is exchanged for a token of either kind:
        # developers.google.com/identity/protocols/oauth2/service-account
        kind="CAN_SIGN_AS",
        permissions=("iam.serviceAccounts.signBlob", "iam.serviceAccounts.signJwt"),
        place="account",
        text="signs, and so gets tokens, as",
        source=_IAM,
    ),
    Edge(
        kind="CAN_CREATE_KEY",
        permissions=("iam.serviceAccountKeys.create",),
        place="key_account",
        text="adds keys to",
        source=_IAM,
    ),
    Edge(
        kind="CAN_CREATE_KEY",
        permissions=("iam.serviceAccountKeys.create",),
        place="key_account_unread",
        depends="organisation policies on keys in",
        text="adds keys to",
        source=_IAM,
    ),
    Edge(
        kind="CAN_CREATE_HMAC",
        permissions=("storage.hmacKeys.create",),
        place="account_project",
        gives="storage",
        text="creates HMAC keys, for Cloud Storage, of",
        source="cloud.google.com/storage/docs/authentication/hmackeys",
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("iam.serviceAccounts.setIamPolicy",),
        grants=_SPEAKING,
        place="account",
        text="gives itself any role on",
        source=_IAM,
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.projects.setIamPolicy",),
        grants=_SPEAKING,
        place="account_project",
        text="gives itself any role in the project of",
        source=_GRANTING,
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.folders.setIamPolicy",),
        grants=_SPEAKING,
        place="folder_policy",
        text="gives itself any role in the folder of",
        source=_GRANTING,
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("resourcemanager.organizations.setIamPolicy",),
        grants=_SPEAKING,
        place="organization_policy",
        text="gives itself any role in the organisation of",
        source=_GRANTING,
    ),
    Edge(
        kind="CAN_DELEGATE",
        permissions=("iam.serviceAccounts.implicitDelegation",),
        place="account",
        gives="delegation",
        text="uses as a delegate",
        source=_SHORT_LIVED,
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
        kind="CAN_FORGE_FEDERATION",
        permissions=(
            "iam.googleapis.com/workloadIdentityPoolProviders.create",
            "iam.googleapis.com/workloadIdentityPoolProviders.update",
        ),
        place="pool",
        text="lets an issuer of its own speak for",
        source="cloud.google.com/iam/docs/manage-workload-identity-pools-providers",
    ),
    Edge(
        kind="CAN_FORGE_FEDERATION",
        permissions=(
            "iam.googleapis.com/workloadIdentityPoolProviders.create",
            "iam.googleapis.com/workloadIdentityPoolProviders.update",
        ),
        place="pool_unread",
        depends=_MAY_BE_OFF,
        text="lets an issuer of its own speak for",
        source="cloud.google.com/iam/docs/manage-workload-identity-pools-providers",
    ),
    *(
        Edge(
            kind="CAN_GRANT",
            permissions=(f"resourcemanager.{kind}.setIamPolicy",),
            grants=(_FORGES,),
            place=place,
            depends=depends,
            text="gives itself the right to let an issuer of its own speak for",
            source=_GRANTING,
        )
        for kind, place, depends in _ABOVE_POOLS
    ),
    Edge(
        # a pod runs as the account of its namespace that it names
        kind="CAN_EXECUTE_AS",
        permissions=("container.pods.create", "container.pods.exec"),
        place="pods",
        depends="clusters of Kubernetes in",
        text="runs pods as",
        source="cloud.google.com/kubernetes-engine/docs/concepts/workload-identity",
    ),
    Edge(
        # a job runs as its cluster does; who sends it need not act as that account
        kind="CAN_EXECUTE_AS",
        permissions=("dataproc.jobs.create",),
        place="account_project",
        depends="Dataproc clusters in",
        text="sends jobs to a cluster that runs as",
        source="cloud.google.com/dataproc/docs/concepts/configuring-clusters/service-accounts",
    ),
    # cloud.google.com/iam/docs/configuring-workforce-identity-federation: who may, and that
    # a pool may be left to others by a policy of its own
    *(
        Edge(
            kind="CAN_FORGE_FEDERATION",
            permissions=(
                _STAFF_FORGES,
                "iam.googleapis.com/workforcePoolProviders.update",
            ),
            place=place,
            depends=depends,
            text="lets an issuer of its own speak for",
            source=_STAFF,
        )
        for _, place, depends in _STAFF_PLACES[:2]
    ),
    *(
        Edge(
            kind="CAN_GRANT",
            permissions=(permission,),
            grants=(_STAFF_FORGES,),
            place=place,
            depends=depends,
            text="gives itself the right to let an issuer of its own speak for",
            source=_STAFF,
        )
        for permission, place, depends in _STAFF_PLACES
    ),
    Edge(
        kind="CAN_RUN_WITH_OVERRIDES",
        permissions=("run.jobs.runWithOverrides",),
        place="job",
        text="runs its own arguments in a job that runs as",
        source="cloud.google.com/run/docs/execute/jobs#override-job-configuration",
    ),
    Edge(
        kind="CAN_GRANT_RUN",
        permissions=("run.jobs.setIamPolicy",),
        grants=("run.jobs.runWithOverrides",),
        place="job",
        text="gives itself a run with its own arguments of a job that runs as",
        source="cloud.google.com/run/docs/securing/managing-access",
    ),
    Edge(
        kind="CAN_SHELL",
        permissions=("run.services.sshRoot", "run.jobs.sshRoot"),
        place="shell",
        text="opens a shell in a workload that runs as",
        source=_SSH,
    ),
    Edge(
        kind="CAN_SHELL",
        permissions=(
            "run.services.sshRoot",
            "run.services.sshRead",
            "run.jobs.sshRoot",
        ),
        place="workload",
        depends="ssh to workloads in",
        text="opens a shell in a workload that runs as",
        source=_SSH,
    ),
    Edge(
        kind="CAN_GRANT_SHELL",
        permissions=("run.services.setIamPolicy",),
        place="service",
        depends="ssh to workloads in",
        text="gives itself a shell in a service that runs as",
        source="cloud.google.com/run/docs/securing/managing-access",
    ),
    Edge(
        # a tag is resolved when a job is executed
        kind="CAN_POISON_IMAGE",
        permissions=("artifactregistry.repositories.uploadArtifacts",),
        place="job_image",
        depends="who runs the jobs of images in",
        text="overwrites the image of a job that runs as",
        source="cloud.google.com/run/docs/managing/jobs#image-digest",
    ),
    Edge(
        # ... and when a service is deployed, not later
        kind="CAN_POISON_IMAGE",
        permissions=("artifactregistry.repositories.uploadArtifacts",),
        place="service_image",
        depends="who deploys the services of images in",
        text="overwrites the image of a service that runs as",
        source="cloud.google.com/run/docs/deploying",
    ),
    Edge(
        # a build that names no account: the older default or that of Compute Engine,
        # by the project's settings; `builds.create` with actAs is among the deployments
        kind="CAN_BUILD_AS",
        permissions=("cloudbuild.builds.create",),
        place="build_account",
        depends="which account builds run as in",
        text="runs builds as",
        source="cloud.google.com/build/docs/cloud-build-service-account",
    ),
    Edge(
        kind="CAN_EXECUTE_AS",
        permissions=(
            "composer.environments.executeAirflowCommand",
            "composer.environments.update",
        ),
        place="environment",
        text="runs commands in a Composer environment that runs as",
        source=_COMPOSER,
    ),
    Edge(
        kind="CAN_EXECUTE_AS",
        permissions=("composer.dags.execute",),
        place="environment",
        depends="what DAGs do with the parameters of a run in",
        text="runs DAGs of a Composer environment that runs as",
        source=_COMPOSER,
    ),
    Edge(
        kind="CAN_EXECUTE_AS",
        # objects.update changes metadata, and no content
        permissions=("storage.objects.create",),
        place="dag_bucket",
        text="writes DAGs of a Composer environment that runs as",
        source="cloud.google.com/storage/docs/access-control/iam-json",
    ),
    Edge(
        kind="CAN_GRANT",
        permissions=("storage.buckets.setIamPolicy",),
        grants=("storage.objects.create",),
        place="dag_bucket",
        text="gives itself the DAGs of a Composer environment that runs as",
        source="cloud.google.com/storage/docs/access-control/using-iam-permissions",
    ),
)

# Deploying code as an account takes `ACT_AS` on the account ...
# ... and one of these in the account's project. What is edited has to be there, which of
# what is no workload of Cloud Run no snapshot tells. Read again on 2026-11-30 were the
# pages on Cloud Run, builds, Scheduler, Tasks, Pub/Sub, Workflows, Dataproc, Dataflow.
_RUN = "cloud.google.com/run/docs/configuring/services/service-identity"
_VM = (
    "cloud.google.com/compute/docs/access/create-enable-service-accounts-for-instances"
)
_CALLS = "makes calls of its own as"
SETS_SERVICE, SETS_JOB = "run.services.setIamPolicy", "run.jobs.setIamPolicy"
DEPLOYMENTS: tuple[Deployment, ...] = (
    *(
        Deployment(
            permissions=(f"run.{kind}.{verb}",),
            text=f"deploys code, as a Cloud Run {name}, that runs as",
            source=_RUN,
        )
        for kind, name in (("services", "service"), ("workerpools", "worker pool"))
        for verb in ("create", "update")
    ),
    # who sets the policy of one that is there lets himself update it
    *(
        Deployment(
            permissions=(sets,),
            grants=grants,
            text=f"lets itself deploy code, as a Cloud Run {name}, that runs as",
            source="cloud.google.com/run/docs/securing/managing-access",
        )
        for name, sets, grants in (
            ("service", SETS_SERVICE, ("run.services.update",)),
            ("job", SETS_JOB, ("run.jobs.update", "run.jobs.run")),
        )
    ),
    Deployment(
        permissions=("run.instances.create",),
        text="deploys code, as a Cloud Run instance, that runs as",
        source="cloud.google.com/run/docs/configuring/instances/service-identity",
    ),
    *(
        Deployment(
            permissions=(f"run.jobs.{verb}", "run.jobs.run"),
            text="deploys code, as a Cloud Run job, that runs as",
            source="cloud.google.com/run/docs/create-jobs#required_roles",
        )
        for verb in ("create", "update")
    ),
    *(
        Deployment(
            permissions=(f"run.jobs.{verb}",),
            depends="who runs jobs in",
            text="deploys code, as a Cloud Run job, that runs as",
            source="cloud.google.com/run/docs/create-jobs#required_roles",
        )
        for verb in ("create", "update")
    ),
    *(
        Deployment(
            permissions=(f"cloudfunctions.functions.{verb}",),
            depends=depends,
            text="deploys code, as a function, that runs as",
            source="cloud.google.com/functions/docs/reference/iam/roles#additional-configuration",
        )
        for verb, depends in (("create", ""), ("update", "functions in"))
    ),
    Deployment(
        permissions=("cloudbuild.builds.create",),
        text="runs builds as",
        source="cloud.google.com/build/docs/securing-builds/configure-user-specified-service-accounts",
    ),
    Deployment(
        permissions=("composer.environments.create",),
        text="makes a Composer environment that runs as",
        source=_COMPOSER,
    ),
    *(
        Deployment(
            permissions=(
                f"workflows.workflows.{verb}",
                "workflows.executions.create",
            ),
            depends=depends,
            text="runs workflows of its own as",
            source="cloud.google.com/workflows/docs/authentication",
        )
        for verb, depends in (("create", ""), ("update", "workflows in"))
    ),
    *(
        Deployment(
            permissions=(f"workflows.workflows.{verb}",),
            depends="who executes workflows in",
            text="makes workflows that run as",
            source="cloud.google.com/workflows/docs/authentication",
        )
        for verb in ("create", "update")
    ),
    # to a Google API with an access token, to anything else with an identity token
    *(
        Deployment(
            permissions=(f"cloudscheduler.jobs.{verb}",),
            depends=depends,
            text=_CALLS,
            source="cloud.google.com/scheduler/docs/http-target-auth",
        )
        for verb, depends in (("create", ""), ("update", "schedules in"))
    ),
    Deployment(
        permissions=("cloudtasks.tasks.create", "cloudtasks.queues.create"),
        text=_CALLS,
        source="cloud.google.com/tasks/docs/reference/rest/v2/OidcToken",
    ),
    Deployment(
        permissions=("cloudtasks.tasks.create",),
        depends="queues in",
        text=_CALLS,
        source="cloud.google.com/tasks/docs/reference/rest/v2/OidcToken",
    ),
    # a push subscription sends identity tokens, of any audience, wherever it is told; to
    # make one takes pubsub.topics.attachSubscription, too, on a topic in any project
    *(
        Deployment(
            permissions=(f"pubsub.subscriptions.{verb}",),
            gives="invocation",
            depends=depends,
            text="has identity tokens sent to itself of",
            source="cloud.google.com/pubsub/docs/create-push-subscription",
        )
        for verb, depends in (
            ("create", "topics for subscriptions in"),
            ("update", "push subscriptions in"),
        )
    ),
    Deployment(
        permissions=("eventarc.triggers.create",),
        gives="invocation",
        depends="whether the account may receive events in",
        text="has events delivered to services as",
        source="cloud.google.com/eventarc/docs/all-roles-permissions",
    ),
    # a disk and a network besides, of which the catalogue knows who surely has them
    Deployment(
        permissions=(
            "compute.instances.create",
            "compute.instances.setMetadata",
            "compute.instances.setServiceAccount",
            "compute.disks.create",
            "compute.subnetworks.use",
        ),
        text="starts virtual machines as",
        source="cloud.google.com/compute/docs/access/iam#the_serviceaccountuser_role",
    ),
    Deployment(
        permissions=("compute.instances.create", "compute.instances.setServiceAccount"),
        depends="disks and networks for virtual machines in",
        text="starts virtual machines as",
        source=_VM,
    ),
    *(
        Deployment(
            permissions=(name,),
            depends="virtual machines in",
            text="enters virtual machines that run as",
            source="cloud.google.com/compute/docs/connect/add-ssh-keys",
        )
        for name in (
            "compute.instances.setMetadata",
            "compute.projects.setCommonInstanceMetadata",
        )
    ),
    # their workers start only where the account has the worker's role
    Deployment(
        permissions=("dataflow.jobs.create",),
        depends="whether the account is a Dataflow worker in",
        text="runs pipelines as",
        source="cloud.google.com/dataflow/docs/concepts/security-and-permissions",
    ),
    Deployment(
        permissions=("dataproc.clusters.create",),
        depends="whether the account is a Dataproc worker in",
        text="starts clusters that run as",
        source="cloud.google.com/dataproc/docs/concepts/configuring-clusters/service-accounts",
    ),
    Deployment(
        permissions=("notebooks.instances.create",),
        depends="disks and networks for virtual machines in",
        text="starts notebooks that run as",
        source="cloud.google.com/vertex-ai/docs/workbench/instances/create",
    ),
)
DEPLOY_EDGE = Edge(
    kind="CAN_DEPLOY_AS",
    permissions=(ACT_AS,),
    place="account",
    text="deploys code that runs as",
    source=_IAM,
)

# Whoever may change a custom role adds to it what it likes, wherever it holds the role.
UPDATE_ROLE = "iam.roles.update"
_ADDED: tuple[tuple[Place, str], ...] = (
    ("account", "adds what it likes to a role that it holds on"),
    ("job", "adds overrides to a role that it holds on a job that runs as"),
    ("environment", "adds commands to a role that it holds on an environment of"),
    ("dag_bucket", "adds writing to a role that it holds on the DAGs of"),
    ("pool", "adds providers of pools to a role that it holds where they are:"),
)
ROLE_EDGES: tuple[Edge, ...] = tuple(
    Edge(
        kind="CAN_CHANGE_ROLE",
        permissions=(UPDATE_ROLE,),
        place=place,
        text=text,
        source=_ROLES,
    )
    for place, text in _ADDED
)

LEVERS: tuple[LeverRow, ...] = (
    LeverRow(
        kind="CAN_LIFT_GUARDRAIL",
        permissions=("iam.denypolicies.update", "iam.denypolicies.delete"),
        lifts="deny",
        text="changes deny policy",
        source="cloud.google.com/iam/docs/deny-access#required-roles",
    ),
    LeverRow(
        kind="CAN_LIFT_GUARDRAIL",
        permissions=(
            "iam.principalaccessboundarypolicies.delete",
            "iam.principalaccessboundarypolicies.update",
        ),
        lifts="boundary",
        text="changes access boundary",
        source="cloud.google.com/iam/docs/principal-access-boundary-policies-edit",
    ),
    LeverRow(
        # to delete a binding takes deletePolicyBinding on whom it binds, too
        kind="CAN_LIFT_GUARDRAIL",
        permissions=("iam.principalaccessboundarypolicies.unbind",),
        lifts="boundary",
        depends="who deletes bindings of access boundaries in",
        text="unbinds access boundary",
        source="cloud.google.com/iam/docs/principal-access-boundary-policies-remove",
    ),
    LeverRow(
        kind="CAN_LIFT_ORG_POLICY",
        permissions=("orgpolicy.policy.set",),
        lifts="org_policy",
        text="changes organisation policy",
        source="cloud.google.com/resource-manager/docs/organization-policy/using-constraints",
    ),
    LeverRow(
        kind="CAN_REVIVE",
        permissions=("iam.serviceAccounts.enable", "iam.serviceAccounts.undelete"),
        lifts="disabled",
        text="enables disabled account",
        source="cloud.google.com/iam/docs/service-accounts-disable-enable",
    ),
    LeverRow(
        kind="CAN_SATISFY_CONDITION",
        permissions=("resourcemanager.tagValueBindings.create",),
        lifts="condition",
        text="attaches the tag that is asked for by",
        source="cloud.google.com/iam/docs/tags-access-control",
    ),
)

BY_PERMISSION: dict[str, tuple[Edge, ...]] = {
    permission: tuple(edge for edge in EDGES if permission in edge.permissions)
    for permission in sorted({name for edge in EDGES for name in edge.permissions})
}


def of_places(*places: Place) -> frozenset[str]:
    """Return the permissions that give an account on any of some places."""
    return frozenset(
        name for edge in EDGES if edge.place in places for name in edge.permissions
    )


DEPLOYING = frozenset(name for row in DEPLOYMENTS for name in row.permissions)
LEVERING = frozenset(name for row in LEVERS for name in row.permissions)
CONTROLLING = frozenset(BY_PERMISSION) | {ACT_AS, UPDATE_ROLE}
# What can be asked for in the name of the last account of a chain of delegates.
# Source: google.iam.credentials.v1, `delegates` of all four methods
PASSED_ON = frozenset(
    {"CAN_MINT_ACCESS_TOKEN", "CAN_MINT_ID_TOKEN", "CAN_SIGN_AS", "CAN_DELEGATE"}
)
# What tasks use on purpose with the jobs that they run.
OF_JOBS = frozenset({"CAN_RUN_WITH_OVERRIDES", "CAN_GRANT_RUN"})

# What takes an identity token, and no access token.
# Source: cloud.google.com/run/docs/authenticating/service-to-service,
# cloud.google.com/functions/docs/securing/authenticating,
# cloud.google.com/iap/docs/authentication-howto
_BY_ID_TOKEN = frozenset(
    {
        "cloudfunctions.functions.invoke",
        "iap.webServiceVersions.accessViaIAP",
        "run.routes.invoke",
    }
)


def by_id_token(permission: str) -> bool:
    """Tell whether what takes the permission asks for an identity token."""
    return permission in _BY_ID_TOKEN


def usable(gives: Gives, permission: str) -> bool:
    """Tell whether a permission can be used with what an edge gives of its holder."""
    if gives == "identity":
        return True
    if by_id_token(permission):
        return gives == "invocation"
    if gives == "storage":
        return permission.startswith("storage.objects.")
    return gives == "api"
