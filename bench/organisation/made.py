"""
A large organisation made up for the bench: its cloud as exports, and DAGs that use it.

Scale 1 has the shape of a real one: 2,000 projects in folders of three levels, 20,000
service accounts, 16,000 Cloud Run services and 4,000 jobs, 120,000 bindings with
360,000 members, in 75 MB. Everything depends on the scale alone: same scale, same
bytes. It is written line by line, so that any scale fits in memory.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ORGANIZATION = "700100200300"
DOMAIN = "fathom.example"
AS_OF = "2026-11-20"
PROJECTS = 2_000  # at scale 1, as all that follows
FOLDERS = 200
GROUPS = 1_200
PEOPLE = 6_000
ROLES = 200
DAGS = 100  # of four tasks each
PER_PROJECT = 10  # service accounts; Cloud Run services and jobs
JOBS_FROM = 8  # the first so many workloads of a project are services
BUCKETS = 2

REGIONS = ("europe-west1", "europe-west4", "us-central1", "asia-northeast1")
NOUNS = [
    "orders",
    "billing",
    "routing",
    "ledger",
    "parcels",
    "search",
    "mail",
    "stock",
    "forecast",
    "labels",
]
# Who a project's policy names, role by role: agents of Google's, groups, accounts.
AGENTS = (
    ("roles/editor", "{n}@cloudservices.gserviceaccount.com"),
    ("roles/run.serviceAgent", "service-{n}@serverless-robot-prod.iam.gserviceaccount.com"),
    ("roles/compute.serviceAgent", "service-{n}@compute-system.iam.gserviceaccount.com"),
    ("roles/pubsub.serviceAgent", "service-{n}@gcp-sa-pubsub.iam.gserviceaccount.com"),
    ("roles/cloudbuild.serviceAgent", "service-{n}@gcp-sa-cloudbuild.iam.gserviceaccount.com"),
    ("roles/eventarc.serviceAgent", "service-{n}@gcp-sa-eventarc.iam.gserviceaccount.com"),
)  # fmt: skip
TO_GROUPS = (
    "roles/viewer", "roles/run.viewer", "roles/logging.viewer", "roles/monitoring.viewer",
    "roles/bigquery.dataViewer", "roles/cloudsql.viewer", "roles/run.developer",
    "roles/storage.objectViewer", "roles/secretmanager.viewer", "roles/cloudbuild.builds.viewer",
)  # fmt: skip
TO_ACCOUNTS = (
    "roles/logging.logWriter", "roles/monitoring.metricWriter", "roles/cloudtrace.agent",
    "roles/pubsub.publisher", "roles/pubsub.subscriber", "roles/cloudsql.client",
    "roles/bigquery.jobUser", "roles/bigquery.dataEditor", "roles/datastore.user",
    "roles/secretmanager.secretAccessor", "roles/storage.objectUser",
    "roles/artifactregistry.reader",
)  # fmt: skip


class Organisation:
    """Names of all there is, by number; what is drawn at random, from one seed."""

    def __init__(self, scale: float) -> None:
        self.random = random.Random(f"organisation {scale}")
        self.projects = max(4, round(PROJECTS * scale))
        self.folders = max(4, round(FOLDERS * scale))
        self.groups = max(4, round(GROUPS * scale))
        self.people = max(8, round(PEOPLE * scale))
        self.roles = max(1, round(ROLES * scale))
        self.dags = max(2, round(DAGS * scale))

    # ----------------------------------------------------------------- names

    def project(self, n: int) -> str:
        return f"ff-{NOUNS[n % len(NOUNS)]}-{n:05}"

    def number(self, n: int) -> str:
        return str(410_000_000_000 + n)

    def account(self, n: int, k: int) -> str:
        """Return the e-mail of a project's account; the last is the default one."""
        if k == PER_PROJECT - 1:
            return f"{self.number(n)}-compute@developer.gserviceaccount.com"
        return f"{NOUNS[k]}-{k}@{self.project(n)}.iam.gserviceaccount.com"

    def unique(self, n: int, k: int) -> str:
        return str(100_000_000_000_000_000_000 + n * PER_PROJECT + k)

    def group(self, n: int) -> str:
        return f"team-{n % self.groups:05}@{DOMAIN}"

    def person(self, n: int) -> str:
        return f"person-{n % self.people:05}@{DOMAIN}"

    def region(self, n: int) -> str:
        return REGIONS[n % len(REGIONS)]

    def workload(self, n: int, k: int) -> str:
        kind = "services" if k < JOBS_FROM else "jobs"
        name = f"{NOUNS[k]}-{'api' if k < JOBS_FROM else 'batch'}"
        return f"projects/{self.project(n)}/locations/{self.region(n)}/{kind}/{name}"

    def url(self, n: int, k: int) -> str:
        return f"https://{NOUNS[k]}-api-{self.number(n)}.{self.region(n)}.run.app"

    def bucket(self, n: int, k: int) -> str:
        return f"{self.project(n)}-{('raw', 'dags')[k]}"

    # ------------------------------------------------------------- hierarchy

    def folder_chain(self, folder: int) -> tuple[str, ...]:
        """Return a folder and those above it, nearest first: three levels at most."""
        chain = [folder]
        while folder >= 8:  # of the first 40, eight are at the top, the others below
            folder = folder // 5 if folder < 40 else 8 + (folder // 5 - 8) % 32
            chain.append(folder)
        ids = (f"folders/{880_000_000_000 + item}" for item in chain)
        return (*ids, f"organizations/{ORGANIZATION}")

    def above(self, n: int) -> tuple[str, ...]:
        """Return a project and what lies above it."""
        return (f"projects/{self.number(n)}", *self.folder_chain(n % self.folders))

    # --------------------------------------------------------------- members

    def member(self) -> str:
        """Return anyone: a group mostly, an account of another project, a person."""
        draw = self.random.random()
        if draw < 0.5:
            return f"group:{self.group(self.random.randrange(self.groups))}"
        if draw < 0.85:
            return f"serviceAccount:{self.anyone()}"
        return f"user:{self.person(self.random.randrange(self.people))}"

    def anyone(self) -> str:
        where = self.random.randrange(self.projects)
        return self.account(where, self.random.randrange(PER_PROJECT))

    def some(self, most: int) -> list[str]:
        return [self.member() for _ in range(self.random.randint(1, most))]


def binding(role: str, members: list[str], condition: str = "") -> dict[str, Any]:
    """Return one entry of a policy; members each once, in order."""
    entry: dict[str, Any] = {"members": sorted(set(members)), "role": role}
    if condition:
        entry["condition"] = {"title": "made up", "expression": condition}
    return entry


# ------------------------------------------------------------------------ the lines


def assets(org: Organisation) -> Iterator[dict[str, Any]]:
    """Yield every asset: resources and policies each on a line of their own."""
    yield from _top(org)
    for n in range(org.folders):
        yield from _folder(org, n)
    for n in range(org.roles):
        yield _custom_role(org, n)
    for n in range(org.projects):
        yield from _project(org, n)


def _asset(
    asset_name: str, asset_type: str, above: tuple[str, ...], /, **data: Any
) -> dict[str, Any]:
    resource = {
        "version": "v1",
        "discoveryName": asset_type.rpartition("/")[2],
        "parent": f"//cloudresourcemanager.googleapis.com/{above[0]}" if above else "",
        "data": data,
    }
    return {
        "name": asset_name,
        "assetType": asset_type,
        "updateTime": "2026-11-19T22:14:03.512Z",
        "resource": resource,
        "ancestors": list(above),
    }


def _policy(
    name: str, kind: str, above: tuple[str, ...], bindings: list[dict[str, Any]]
) -> dict[str, Any]:
    conditional = any("condition" in entry for entry in bindings)
    return {
        "name": name,
        "assetType": kind,
        "updateTime": "2026-11-19T22:14:03.512Z",
        "iamPolicy": {
            "version": 3 if conditional else 1,
            "etag": "BwYm4vZ1s0Q=",
            "bindings": bindings,
        },
        "ancestors": list(above),
    }


def _top(org: Organisation) -> Iterator[dict[str, Any]]:
    above = (f"organizations/{ORGANIZATION}",)
    name = f"//cloudresourcemanager.googleapis.com/{above[0]}"
    kind = "cloudresourcemanager.googleapis.com/Organization"
    yield _asset(
        name, kind, above[1:], name=above[0], displayName=DOMAIN, state="ACTIVE"
    ) | {"ancestors": list(above)}
    policy = _policy(
        name,
        kind,
        above,
        [
            binding(
                "roles/resourcemanager.organizationAdmin", [f"group:admins@{DOMAIN}"]
            ),
            binding("roles/iam.securityReviewer", [f"group:audit@{DOMAIN}"]),
            binding("roles/browser", [f"domain:{DOMAIN}"]),
        ],
    )
    logged = [{"logType": "DATA_READ"}, {"logType": "DATA_WRITE"}]
    audited = [{"service": "allServices", "auditLogConfigs": logged}]
    policy["iamPolicy"]["auditConfigs"] = audited
    yield policy


def _folder(org: Organisation, n: int) -> Iterator[dict[str, Any]]:
    chain = org.folder_chain(n)
    name = f"//cloudresourcemanager.googleapis.com/{chain[0]}"
    kind = "cloudresourcemanager.googleapis.com/Folder"
    yield _asset(
        name, kind, chain[1:],
        name=chain[0], displayName=f"Area {n}", parent=chain[1], state="ACTIVE",
    ) | {"ancestors": list(chain)}  # fmt: skip
    pipeline = org.account(n % org.projects, 0)
    entries = [
        binding("roles/resourcemanager.folderViewer", org.some(3)),
        binding("roles/run.viewer", org.some(4)),
        binding("roles/logging.viewer", org.some(2)),
    ]
    if n % 10 == 3:  # what deploys a whole area
        entries.append(binding("roles/run.admin", [f"serviceAccount:{pipeline}"]))
        entries.append(
            binding("roles/iam.serviceAccountUser", [f"serviceAccount:{pipeline}"])
        )
    yield _policy(name, kind, chain, entries)


def _custom_role(org: Organisation, n: int) -> dict[str, Any]:
    project = org.project(n % org.projects)
    name = f"projects/{project}/roles/team{n}"
    permissions = [
        "run.jobs.get", "run.executions.get", "run.operations.get", "logging.logEntries.list",
        "bigquery.tables.get", "bigquery.tables.getData", "storage.objects.get",
    ][: 3 + n % 5]  # fmt: skip
    return _asset(
        f"//iam.googleapis.com/{name}",
        "iam.googleapis.com/Role",
        org.above(n % org.projects),
        name=name, title=f"Team {n}", stage="GA", etag="BwYm4vZ1s0Q=",
        includedPermissions=[*permissions, *(("run.jobs.run",) if n % 9 == 0 else ())],
    )  # fmt: skip


def _project(org: Organisation, n: int) -> Iterator[dict[str, Any]]:
    above = org.above(n)
    name = f"//cloudresourcemanager.googleapis.com/{above[0]}"
    kind = "cloudresourcemanager.googleapis.com/Project"
    yield _asset(
        name, kind, above[1:],
        projectId=org.project(n), projectNumber=org.number(n), name=org.project(n),
        lifecycleState="ACTIVE", createTime="2023-04-11T08:02:11.117Z",
        labels={"cost-centre": str(4000 + n % 90), "stage": "prod" if n % 3 else "dev"},
        parent={"type": "folder", "id": above[1].rpartition("/")[2]},
    ) | {"ancestors": list(above)}  # fmt: skip
    yield _policy(name, kind, above, list(_project_bindings(org, n)))
    if n % 100 == 7:
        yield _deny(org, n)
    if n % 40 == 5:
        yield from _federation(org, n)
    for k in range(PER_PROJECT):
        yield from _account(org, n, k)
    for k in range(PER_PROJECT):
        yield from _workload(org, n, k)
    for k in range(BUCKETS):
        yield from _bucket(org, n, k)
    if n % 100 == 0:
        yield _composer(org, n)


def _project_bindings(org: Organisation, n: int) -> Iterator[dict[str, Any]]:
    number, draw = org.number(n), org.random
    for role, agent in AGENTS:
        members = [f"serviceAccount:{agent.format(n=number)}"]
        if role == "roles/editor" and n % 4 == 0:
            members.append(f"serviceAccount:{org.account(n, PER_PROJECT - 1)}")
        yield binding(role, members)
    yield binding("roles/owner", [f"group:{org.group(n)}"])
    for role in TO_GROUPS:
        yield binding(role, org.some(7))
    for role in TO_ACCOUNTS:
        count = draw.randint(2, 8)
        members = [
            f"serviceAccount:{org.account(n, draw.randrange(PER_PROJECT))}"
            for _ in range(count)
        ]
        yield binding(role, members)
    until = f'request.time < timestamp("2026-{1 + n % 12:02}-28T00:00:00Z")'
    yield binding("roles/run.developer", org.some(2), until)
    if n % 20 == 0:  # granted above the service
        yield binding("roles/run.invoker", [f"serviceAccount:{org.anyone()}"])
    if n % 50 == 1:  # one account that becomes any other of the project
        yield binding(
            "roles/iam.serviceAccountTokenCreator",
            [f"serviceAccount:{org.account(n, 1)}"],
        )
    if n < org.roles:
        yield binding(f"projects/{org.project(n)}/roles/team{n}", org.some(3))


def _account(org: Organisation, n: int, k: int) -> Iterator[dict[str, Any]]:
    above, project, email = org.above(n), org.project(n), org.account(n, k)
    unique = org.unique(n, k)
    name = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{unique}"
    kind = "iam.googleapis.com/ServiceAccount"
    yield _asset(
        name, kind, above,
        name=f"projects/{project}/serviceAccounts/{email}", projectId=project,
        uniqueId=unique, email=email, displayName=f"{NOUNS[k]} {n}",
        etag="MDEwMjE5MjA=", oauth2ClientId=unique, **({"disabled": True} if unique.endswith("77") else {}),
    )  # fmt: skip
    entries = [binding("roles/iam.serviceAccountUser", org.some(3))] if k < 4 else []
    if k == 2:  # a chain: each project's third account becomes that of the next
        holder = org.account((n - 1) % org.projects, 2) if n % 7 else org.anyone()
        entries.append(
            binding(
                "roles/iam.serviceAccountTokenCreator", [f"serviceAccount:{holder}"]
            )
        )
    if k == 4:
        pool = f"{project}.svc.id.goog[{NOUNS[k]}/runner]"
        entries.append(
            binding("roles/iam.workloadIdentityUser", [f"serviceAccount:{pool}"])
        )
    if k == 5 and n % 40 == 5:
        pool = f"projects/{org.number(n)}/locations/global/workloadIdentityPools/ci"
        repository = (
            f"principalSet://iam.googleapis.com/{pool}/attribute.repository/fathom/{n}"
        )
        entries.append(binding("roles/iam.workloadIdentityUser", [repository]))
    if k == 6 and n % (org.projects // org.dags) == 0:  # what DAGs impersonate
        airflow = [f"serviceAccount:{composer_account(org, 0)}"]
        entries.append(binding("roles/iam.serviceAccountTokenCreator", airflow))
    if entries:
        yield _policy(name, kind, above, entries)
    if k == 3:
        key = f"{n:08x}{'9b41d7e0c25f48a3b6d1f07c8e93a254'}"
        yield _asset(
            f"{name}/keys/{key}", "iam.googleapis.com/ServiceAccountKey", above,
            name=f"projects/{project}/serviceAccounts/{email}/keys/{key}",
            keyType="USER_MANAGED" if n % 3 == 0 else "SYSTEM_MANAGED",
            keyOrigin="GOOGLE_PROVIDED", keyAlgorithm="KEY_ALG_RSA_2048",
            validAfterTime=f"202{4 + n % 3}-03-04T09:12:44Z",
            validBeforeTime="9999-12-31T23:59:59Z",
        )  # fmt: skip


def _workload(org: Organisation, n: int, k: int) -> Iterator[dict[str, Any]]:
    job = k >= JOBS_FROM
    kind = f"run.googleapis.com/{'Job' if job else 'Service'}"
    name = f"//run.googleapis.com/{org.workload(n, k)}"
    above = org.above(n)
    data = _job(org, n, k) if job else _service(org, n, k)
    yield _asset(name, kind, above, **data)
    draw = org.random
    callers = [
        f"serviceAccount:{org.account(n, draw.randrange(PER_PROJECT))}"
        for _ in range(draw.randint(2, 5))
    ]
    if job:
        callers.append(f"serviceAccount:{org.account(n, 6)}")
        entries = [binding("roles/run.jobsExecutor", callers)]
    else:
        if n % 25 == 0 and k == 0:
            callers.append("allUsers")
        entries = [binding("roles/run.invoker", [*callers, org.member()])]
    if k % 2:
        entries.append(binding("roles/run.viewer", org.some(3)))
    yield _policy(name, kind, above, entries)


def _container(org: Organisation, n: int, k: int) -> dict[str, Any]:
    names = ("PROJECT", "STAGE", "LOG_LEVEL", "CACHE_URL")
    env: list[dict[str, Any]] = [
        {"name": name, "value": f"{name.lower()}-{n % 97}"} for name in names
    ]
    env.append(
        {
            "name": "DB_PASSWORD",
            "valueFrom": {"secretKeyRef": {"key": "latest", "name": f"db-{n % 50}"}},
        }
    )
    if n % 200 == 9 and k == 0:  # a secret in clear, made here and now
        env.append(
            {"name": "API_TOKEN", "value": f"{org.random.getrandbits(160):040x}"}
        )
    project = org.project(n)
    return {
        "image": f"europe-docker.pkg.dev/{project}/apps/{NOUNS[k]}:{n % 90}",
        "env": env,
        "resources": {"limits": {"cpu": "1000m", "memory": "512Mi"}},
    }


def _metadata(org: Organisation, n: int, k: int) -> dict[str, Any]:
    name = org.workload(n, k).rpartition("/")[2]
    return {
        "name": name,
        "namespace": org.number(n),
        "generation": 7,
        "creationTimestamp": "2025-02-11T10:22:31.512Z",
        "labels": {
            "cloud.googleapis.com/location": org.region(n),
            "team": NOUNS[n % 10],
        },
        "annotations": {
            "run.googleapis.com/ingress": "all" if k % 3 else "internal",
            "run.googleapis.com/ingress-status": "all" if k % 3 else "internal",
            "serving.knative.dev/lastModifier": org.account(n, 0),
        },
    }


def _service(org: Organisation, n: int, k: int) -> dict[str, Any]:
    spec = {
        "containerConcurrency": 80,
        "timeoutSeconds": 300,
        "serviceAccountName": org.account(n, k if k < 7 else PER_PROJECT - 1),
        "containers": [_container(org, n, k)],
    }
    ready = [{"type": "Ready", "status": "True"}]
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": _metadata(org, n, k),
        "spec": {
            "template": {"spec": spec},
            "traffic": [{"percent": 100, "latestRevision": True}],
        },
        "status": {"observedGeneration": 7, "conditions": ready, "url": org.url(n, k)},
    }


def _job(org: Organisation, n: int, k: int) -> dict[str, Any]:
    task = {
        "maxRetries": 1,
        "timeoutSeconds": "3600",
        "serviceAccountName": org.account(n, k - 1),
        "containers": [_container(org, n, k)],
    }
    execution = {"taskCount": 1, "template": {"spec": task}}
    return {
        "apiVersion": "run.googleapis.com/v1",
        "kind": "Job",
        "metadata": _metadata(org, n, k),
        "spec": {"template": {"spec": execution}},
    }


def _bucket(org: Organisation, n: int, k: int) -> Iterator[dict[str, Any]]:
    bucket, above = org.bucket(n, k), org.above(n)
    name, kind = f"//storage.googleapis.com/{bucket}", "storage.googleapis.com/Bucket"
    yield _asset(
        name, kind, above,
        id=bucket, name=bucket, kind="storage#bucket", location="EUROPE-WEST1",
        projectNumber=org.number(n), storageClass="STANDARD", etag="CAI=",
        iamConfiguration={"uniformBucketLevelAccess": {"enabled": True}},
    )  # fmt: skip
    project = org.project(n)
    entries = [
        binding("roles/storage.legacyBucketOwner", [f"projectEditor:{project}", f"projectOwner:{project}"]),
        binding("roles/storage.legacyBucketReader", [f"projectViewer:{project}"]),
        binding("roles/storage.objectViewer", org.some(6)),
    ]  # fmt: skip
    if k == 1:
        inside = f'resource.name.startsWith("projects/_/buckets/{bucket}/objects/in/")'
        entries.append(binding("roles/storage.objectCreator", org.some(3), inside))
    yield _policy(name, kind, above, entries)


def _federation(org: Organisation, n: int) -> Iterator[dict[str, Any]]:
    pool = f"projects/{org.number(n)}/locations/global/workloadIdentityPools/ci"
    yield _asset(
        f"//iam.googleapis.com/{pool}", "iam.googleapis.com/WorkloadIdentityPool",
        org.above(n), name=pool, state="ACTIVE", mode="FEDERATION_ONLY",
    )  # fmt: skip
    yield _asset(
        f"//iam.googleapis.com/{pool}/providers/github",
        "iam.googleapis.com/WorkloadIdentityPoolProvider", org.above(n),
        name=f"{pool}/providers/github", state="ACTIVE",
        oidc={"issuerUri": "https://token.actions.githubusercontent.com"},
        attributeMapping={
            "google.subject": "assertion.sub",
            "attribute.repository": "assertion.repository",
        },
        attributeCondition="assertion.repository_owner == 'fathom'",
    )  # fmt: skip


def _deny(org: Organisation, n: int) -> dict[str, Any]:
    """Return a deny policy as `gcloud iam policies get` prints it."""
    attached = f"cloudresourcemanager.googleapis.com%2Fprojects%2F{org.number(n)}"
    return {
        "name": f"policies/{attached}/denypolicies/no-deletion",
        "kind": "DenyPolicy",
        "rules": [
            {
                "denyRule": {
                    "deniedPrincipals": ["principalSet://goog/public:all"],
                    "exceptionPrincipals": [
                        f"principalSet://goog/group/admins@{DOMAIN}"
                    ],
                    "deniedPermissions": [
                        "cloudresourcemanager.googleapis.com/projects.delete",
                        "run.googleapis.com/services.delete",
                    ],
                }
            }
        ],
    }


# ---------------------------------------------------------------------------- Airflow


def composer_account(org: Organisation, n: int) -> str:
    """Return the account of a project's Composer environment."""
    return org.account(n, 1)


def composer_name(org: Organisation, n: int) -> str:
    return f"projects/{org.project(n)}/locations/{org.region(n)}/environments/prod"


def _composer(org: Organisation, n: int) -> dict[str, Any]:
    name, bucket = composer_name(org, n), org.bucket(n, 1)
    config = {
        "dagGcsPrefix": f"gs://{bucket}/dags",
        "nodeConfig": {"serviceAccount": composer_account(org, n)},
        "softwareConfig": {
            "imageVersion": "composer-3-airflow-2.11.1-build.4",
            "envVariables": {"REGION": org.region(n)},
        },
    }
    return _asset(
        f"//composer.googleapis.com/{name}", "composer.googleapis.com/Environment",
        org.above(n), name=name, state="RUNNING", config=config,
        storageConfig={"bucket": bucket},
    )  # fmt: skip


_DAG = '''"""What area {n} runs every night."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.http.operators.http import HttpOperator

with DAG("area_{n}", start_date=datetime(2026, 1, 1), schedule="@daily") as dag:
    load = CloudRunExecuteJobOperator(
        task_id="load", project_id="{project}", region="{region}", job_name="{job}",
        impersonation_chain="{runner}", execution_timeout=timedelta(hours=2),
    )
    join = CloudRunExecuteJobOperator(
        task_id="join", project_id="{project}", region="{region}", job_name="{other}",
        overrides={{"container_overrides": [{{"args": ["--day", "{{{{ ds }}}}"]}}]}},
    )
    check = CloudRunExecuteJobOperator(
        task_id="check", project_id="{next}", region="{next_region}", job_name="{job}",
        gcp_conn_id="google_{n}",
    )
    tell = HttpOperator(task_id="tell", http_conn_id="tell_{n}", endpoint="/done")
    load >> join >> check >> tell
'''


def dag(org: Organisation, d: int) -> tuple[str, str]:
    """Return the file name and text of one DAG."""
    n, following = _of_dag(org, d)
    text = _DAG.format(
        n=d,
        project=org.project(n),
        region=org.region(n),
        job=org.workload(n, 8).rpartition("/")[2],
        other=org.workload(n, 9).rpartition("/")[2],
        runner=org.account(n, 6),
        next=org.project(following),
        next_region=org.region(following),
    )
    return f"area_{d:04}.py", text


def connections(org: Organisation) -> dict[str, dict[str, Any]]:
    """Return the connections as `airflow connections export` writes them."""
    blank = dict.fromkeys(("description", "login", "password", "schema", "port"))
    found = {
        "google_cloud_default": blank
        | {"conn_type": "google_cloud_platform", "host": None, "extra": None}
    }
    for d in range(org.dags):
        n, following = _of_dag(org, d)
        extra = {"project": org.project(n), "impersonation_chain": org.account(n, 2)}
        found[f"google_{d}"] = blank | {
            "conn_type": "google_cloud_platform",
            "host": None,
            "extra": json.dumps(extra),
        }
        found[f"tell_{d}"] = blank | {
            "conn_type": "http",
            "host": org.url(following, d % JOBS_FROM),
            "extra": None,
        }
    return found


def _of_dag(org: Organisation, d: int) -> tuple[int, int]:
    """Return the project that a DAG works for, and another it calls."""
    n = d * (org.projects // org.dags)
    return n, (n + 1) % org.projects


def memberships(org: Organisation) -> Iterator[dict[str, Any]]:
    """Yield the members of every group as Cloud Identity lists them; some nest."""
    for n in range(org.groups):
        members = [
            {"preferredMemberKey": {"id": org.person(n * 7 + k * 13)}, "type": "USER"}
            for k in range(8)
        ]
        if n % 3 == 0 and n:
            inner = {"preferredMemberKey": {"id": org.group(n // 2)}, "type": "GROUP"}
            members.append(inner)
        if n % 50 == 4:
            account = {"id": org.account(n % org.projects, 1)}
            members.append({"preferredMemberKey": account, "type": "SERVICE_ACCOUNT"})
        roles = [{"name": "MEMBER"}]
        listed = [member | {"roles": roles} for member in members]
        yield {"groupKey": {"id": org.group(n)}, "memberships": listed}


_CONFIG = """estate = "Fathom Freight, scale {scale}"
snapshots = ["assets.ndjson", "memberships.ndjson"]

[[environment]]
name = "prod"
dags = ["dags"]
runs_as = "composer:{composer}"
airflow = "2.11"
connections = ["export:connections.json"]
connections_complete = true
"""


def _write(file: Path, lines: Iterator[dict[str, Any]]) -> None:
    encode = json.JSONEncoder(separators=(",", ":")).encode
    with file.open("w", encoding="utf-8") as stream:
        for line in lines:
            stream.write(encode(line) + "\n")


def make(folder: Path, scale: float) -> None:
    """Write an organisation of this scale into `folder`."""
    org = Organisation(scale)
    (folder / "dags").mkdir(parents=True, exist_ok=True)
    _write(folder / "assets.ndjson", assets(org))
    _write(folder / "memberships.ndjson", memberships(org))
    for number in range(org.dags):
        name, text = dag(org, number)
        (folder / "dags" / name).write_text(text, encoding="utf-8")
    exported = json.dumps(connections(org), indent=1)
    (folder / "connections.json").write_text(exported, encoding="utf-8")
    config = _CONFIG.format(scale=f"{scale:g}", composer=composer_name(org, 0))
    (folder / "dagwarden.toml").write_text(config, encoding="utf-8")
