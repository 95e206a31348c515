"""
A cloud told in the message classes of Google's client libraries.

Nothing here spells a field by hand that a message class can spell: services and
jobs are Cloud Run v2 messages, accounts, keys and roles are IAM's, policies are
`google.iam.v1`, and every line of an export is a Cloud Asset message written as JSON
by the libraries themselves. Organisation, folder, project and provider have no
message class among the installed ones: their records are those of the REST API.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, cast

from google.cloud import asset_v1, iam_admin_v1, iam_v2, run_v2

# the package ships no types
from google.iam.v1 import (  # type: ignore[import-untyped]
    policy_pb2,  # pyright: ignore[reportMissingTypeStubs]
)
from google.protobuf import duration_pb2, json_format, timestamp_pb2

ORGANIZATION = "organizations/770011002200"
FOLDER = "folders/550022003300"
PROJECT = "foreign-data"
NUMBER = "880033440055"
REGION = "europe-west1"
CHAIN = (f"projects/{NUMBER}", FOLDER, ORGANIZATION)

CONTAINERS = "//cloudresourcemanager.googleapis.com/"
ON_ORGANIZATION = f"{CONTAINERS}{ORGANIZATION}"
ON_FOLDER = f"{CONTAINERS}{FOLDER}"
ON_PROJECT = f"{CONTAINERS}projects/{NUMBER}"

JOBS = tuple(f"cloudrun-system-test-job{number}-default" for number in range(1, 6))
SERVICE = "cloudrun-service-default"
RUN = f"//run.googleapis.com/projects/{PROJECT}/locations/{REGION}"

SCHEDULER = f"scheduler@{PROJECT}.iam.gserviceaccount.com"
DEPLOYER = f"deployer@{PROJECT}.iam.gserviceaccount.com"
WORKER = f"worker@{PROJECT}.iam.gserviceaccount.com"
SITE = f"site@{PROJECT}.iam.gserviceaccount.com"
OTHER = f"other@{PROJECT}.iam.gserviceaccount.com"
DEFAULT_COMPUTE = f"{NUMBER}-compute@developer.gserviceaccount.com"
# asset names hold an account's unique id, policies its e-mail
UNIQUE = {
    SCHEDULER: "100000000000000000011",
    DEPLOYER: "100000000000000000022",
    WORKER: "100000000000000000033",
    SITE: "100000000000000000044",
    OTHER: "100000000000000000055",
}

EXECUTOR = "roles/run.jobsExecutor"
EXECUTOR_WITH_OVERRIDES = "roles/run.jobsExecutorWithOverrides"
ACCOUNT_USER = "roles/iam.serviceAccountUser"
TOKEN_CREATOR = "roles/iam.serviceAccountTokenCreator"
WATCHER = f"projects/{PROJECT}/roles/cloudRunWatcher"
RELEASER = f"projects/{PROJECT}/roles/cloudRunReleaser"
POOL = f"projects/{NUMBER}/locations/global/workloadIdentityPools/build"

Policy: Any = policy_pb2.Policy
AuditLogConfig: Any = policy_pb2.AuditLogConfig
Spelling = Literal["camelCase", "snake_case", "with defaults", "searched"]


def job(number: int) -> str:
    """Return the asset name of the job that task `execute-job<number>` runs."""
    return f"{RUN}/jobs/{JOBS[number - 1]}"


def service() -> str:
    return f"{RUN}/services/{SERVICE}"


def account(email: str) -> str:
    """Return the asset name of a service account: by unique id, as CAI has it."""
    return f"//iam.googleapis.com/projects/{PROJECT}/serviceAccounts/{UNIQUE[email]}"


def member(email: str) -> str:
    return f"serviceAccount:{email}"


class Cloud:
    """Resources and allow policies by asset name; breaks change them in place."""

    def __init__(self) -> None:
        self.types: dict[str, str] = {}
        self.data: dict[str, Any] = {}  # messages, and REST records of the containers
        self.policies: dict[str, Any] = {}
        self.ancestors: dict[str, tuple[str, ...]] = {}
        self.deny: list[iam_v2.Policy] = []
        self.truncated: set[str] = set()
        self.header: dict[str, Any] | None = None

    def add(
        self, name: str, kind: str, data: Any, ancestors: tuple[str, ...] = CHAIN
    ) -> None:
        self.types[name] = kind
        self.data[name] = data
        self.ancestors[name] = ancestors

    def remove(self, name: str) -> None:
        del self.types[name], self.data[name]
        self.policies.pop(name, None)

    def grant(
        self, name: str, role: str, *members: str, condition: str | None = None
    ) -> None:
        policy = self.policies.setdefault(name, Policy(version=3))
        binding = policy.bindings.add(role=role, members=members)
        if condition is not None:
            binding.condition.title = "office hours"
            binding.condition.expression = condition

    def revoke(self, name: str, role: str) -> tuple[str, ...]:
        """Take every binding of a role off a resource; return who was in them."""
        policy = self.policies[name]
        kept = [item for item in policy.bindings if item.role != role]
        gone = [item for item in policy.bindings if item.role == role]
        assert gone, f"no {role} on {name}"
        del policy.bindings[:]
        policy.bindings.extend(kept)
        return tuple(member for item in gone for member in item.members)

    def log(self, name: str, service: str, *types: str) -> None:
        config = self.policies[name].audit_configs.add(service=service)
        for kind in types:
            config.audit_log_configs.add(log_type=AuditLogConfig.LogType.Value(kind))

    # ----------------------------------------------------------------- exports

    def write(self, folder: Path, spelling: Spelling = "camelCase") -> None:
        """Write RESOURCE and IAM_POLICY lines, each content type to its own file."""
        resources = [
            asset_v1.Asset(
                name=name,
                asset_type=self.types[name],
                ancestors=self.ancestors[name],
                resource=asset_v1.Resource(
                    version="v1", data=_plain(data, spelling), location=REGION
                ),
            )
            for name, data in self.data.items()
        ]
        policies = [
            asset_v1.Asset(
                name=name,
                asset_type=self.types[name],
                ancestors=self.ancestors[name],
                iam_policy=policy,
            )
            for name, policy in self.policies.items()
        ]
        lines = [_line(asset, spelling) for asset in resources]
        if self.header is not None:
            end = {"dagwarden_end": {"assets": len(lines)}}
            lines = [{"dagwarden_snapshot": self.header}, *lines, end]
        _dump(folder / "resources.ndjson", lines)
        if spelling == "searched":
            self._write_search(folder)
            return
        lines = [_line(asset, spelling) for asset in policies]
        for line in lines:
            if line["name"] in self.truncated:
                line["assetExceptions"] = [{"exceptionType": "TRUNCATION"}]
        lines += [_json(item) for item in self.deny]
        if self.header is not None:
            end = {"dagwarden_end": {"assets": len(lines)}}
            lines = [{"dagwarden_snapshot": self.header}, *lines, end]
        _dump(folder / "policies.ndjson", lines)

    def _write_search(self, folder: Path) -> None:
        """Write the policies as `search-all-iam-policies --format=json` does."""
        found = [
            asset_v1.IamPolicySearchResult(
                resource=name,
                asset_type=self.types[name],
                project="".join(
                    item for item in self.ancestors[name] if item.startswith("projects")
                ),
                folders=[
                    item for item in self.ancestors[name] if item.startswith("folders")
                ],
                organization=self.ancestors[name][-1],
                policy=policy,
            )
            for name, policy in self.policies.items()
        ]
        text = json.dumps([_json(item) for item in found], indent=2)
        (folder / "policies.ndjson").write_text(text)


def _plain(data: Any, spelling: Spelling) -> dict[str, Any]:
    """Return a message as the REST API tells it, or a record that already is so."""
    if isinstance(data, dict):
        return cast("dict[str, Any]", data)
    printed = spelling == "with defaults"
    return _json(data, always_print_fields_with_no_presence=printed)


def _line(asset: asset_v1.Asset, spelling: Spelling) -> dict[str, Any]:
    return _json(
        asset,
        preserving_proto_field_name=spelling == "snake_case",
        always_print_fields_with_no_presence=spelling == "with defaults",
    )


def _json(message: Any, **options: Any) -> dict[str, Any]:
    text = json_format.MessageToJson(_pb(type(message), message), **options)
    told: dict[str, Any] = json.loads(text)
    return told


def _pb(kind: Any, message: Any) -> Any:
    return kind.pb(message)


def _dump(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


# ------------------------------------------------------------------------- baseline


def baseline() -> Cloud:
    """Return a cloud in which every call of the examples is allowed, narrowly."""
    cloud = Cloud()
    _containers(cloud)
    for email in UNIQUE:
        cloud.add(
            account(email),
            "iam.googleapis.com/ServiceAccount",
            iam_admin_v1.ServiceAccount(
                name=f"projects/{PROJECT}/serviceAccounts/{email}",
                project_id=PROJECT,
                unique_id=UNIQUE[email],
                email=email,
            ),
        )
    cloud.add(
        f"{account(OTHER)}/keys/0a1b2c3d",
        "iam.googleapis.com/ServiceAccountKey",
        key(valid_after="2026-10-20T00:00:00Z"),
    )
    cloud.add(
        f"//iam.googleapis.com/{POOL}",
        "iam.googleapis.com/WorkloadIdentityPool",
        {"name": POOL, "state": "ACTIVE"},
    )
    cloud.add(
        f"//iam.googleapis.com/{POOL}/providers/forge",
        "iam.googleapis.com/WorkloadIdentityPoolProvider",
        {
            "name": f"{POOL}/providers/forge",
            "state": "ACTIVE",
            "oidc": {"issuerUri": "https://token.forge.example"},
            "attributeCondition": "assertion.repository_owner_id == '4711'",
        },
    )
    role(cloud, WATCHER, "run.jobs.get", "run.operations.get")
    role(
        cloud,
        RELEASER,
        *(f"run.jobs.{verb}" for verb in ("create", "delete", "get", "list", "update")),
        *(f"run.services.{verb}" for verb in ("create", "delete", "get", "update")),
        "run.operations.get",
    )
    for number in range(1, 6):
        cloud.add(job(number), "run.googleapis.com/Job", cloud_run_job(number))
        narrow = EXECUTOR_WITH_OVERRIDES if number == 3 else EXECUTOR
        cloud.grant(job(number), narrow, member(SCHEDULER))
    cloud.add(service(), "run.googleapis.com/Service", cloud_run_service())
    cloud.grant(ON_PROJECT, WATCHER, member(SCHEDULER))
    cloud.grant(ON_PROJECT, RELEASER, member(DEPLOYER))
    cloud.grant(account(WORKER), ACCOUNT_USER, member(DEPLOYER))
    cloud.grant(account(SITE), ACCOUNT_USER, member(DEPLOYER))
    return cloud


def _containers(cloud: Cloud) -> None:
    kinds = "cloudresourcemanager.googleapis.com/"
    cloud.add(
        ON_ORGANIZATION,
        f"{kinds}Organization",
        {"name": ORGANIZATION, "displayName": "foreign.example", "state": "ACTIVE"},
        (ORGANIZATION,),
    )
    cloud.add(
        ON_FOLDER,
        f"{kinds}Folder",
        {"name": FOLDER, "parent": ORGANIZATION, "state": "ACTIVE"},
        (FOLDER, ORGANIZATION),
    )
    cloud.add(
        ON_PROJECT,
        f"{kinds}Project",
        {
            "projectId": PROJECT,
            "projectNumber": NUMBER,
            "lifecycleState": "ACTIVE",
            "parent": {"type": "folder", "id": FOLDER.rpartition("/")[2]},
        },
    )
    cloud.grant(
        ON_ORGANIZATION, "roles/resourcemanager.organizationViewer", "user:a@b.example"
    )
    cloud.log(ON_ORGANIZATION, "run.googleapis.com", "DATA_READ", "DATA_WRITE")
    # minting of tokens, too
    cloud.log(ON_ORGANIZATION, "iam.googleapis.com", "ADMIN_READ", "DATA_READ")


def role(cloud: Cloud, name: str, *permissions: str) -> None:
    """Define a custom role, or define it anew."""
    cloud.add(
        f"//iam.googleapis.com/{name}",
        "iam.googleapis.com/Role",
        iam_admin_v1.Role(
            name=name,
            title=name.rpartition("/")[2],
            included_permissions=permissions,
            stage=iam_admin_v1.Role.RoleLaunchStage.GA,
        ),
    )


def key(valid_after: str) -> iam_admin_v1.ServiceAccountKey:
    """Return a key that a user made; its name has the e-mail, the asset's has not."""
    began, ends = timestamp_pb2.Timestamp(), timestamp_pb2.Timestamp()
    began.FromJsonString(valid_after)
    ends.FromJsonString("9999-12-31T23:59:59Z")
    return iam_admin_v1.ServiceAccountKey(
        name=f"projects/{PROJECT}/serviceAccounts/{OTHER}/keys/0a1b2c3d",
        key_type=iam_admin_v1.ListServiceAccountKeysRequest.KeyType.USER_MANAGED,
        key_origin=iam_admin_v1.ServiceAccountKeyOrigin.GOOGLE_PROVIDED,
        valid_after_time=began,
        valid_before_time=ends,
    )


def cloud_run_job(
    number: int,
    *,
    runs_as: str = WORKER,
    minutes: int = 10,
    retries: int = 1,
    env: Mapping[str, str] | None = None,
) -> run_v2.Job:
    image = "us-docker.pkg.dev/cloudrun/container/job:latest"
    container = run_v2.Container(
        image=image,
        env=[run_v2.EnvVar(name=k, value=v) for k, v in (env or {}).items()],
    )
    return run_v2.Job(
        name=job(number).removeprefix("//run.googleapis.com/"),
        template=run_v2.ExecutionTemplate(
            parallelism=1,
            task_count=1,
            template=run_v2.TaskTemplate(
                containers=[container],
                service_account=runs_as,
                timeout=duration_pb2.Duration(seconds=60 * minutes),
                max_retries=retries,
            ),
        ),
    )


def cloud_run_service(*, checked: bool = True) -> run_v2.Service:
    url = f"https://{SERVICE}-{NUMBER}.{REGION}.run.app"
    return run_v2.Service(
        name=service().removeprefix("//run.googleapis.com/"),
        ingress=run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY,
        invoker_iam_disabled=not checked,
        uri=url,
        urls=[url],
        template=run_v2.RevisionTemplate(
            service_account=SITE,
            timeout=duration_pb2.Duration(seconds=300),
            containers=[
                run_v2.Container(
                    image="us-docker.pkg.dev/cloudrun/container/placeholder:latest"
                )
            ],
        ),
    )
