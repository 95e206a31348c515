"""Exports serialised from the message classes of Google's own clients."""

# Those are typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

import json
from pathlib import Path
from typing import Any

import pytest
from google.cloud import iam_admin_v1 as iam
from google.cloud import run_v2
from google.cloud.asset_v1 import Asset, Resource
from google.iam.v1.policy_pb2 import (  # type: ignore[import-untyped]  # no types
    AuditConfig,
    AuditLogConfig,
    Binding,
    Policy,
)
from google.protobuf.duration_pb2 import Duration
from google.type.expr_pb2 import Expr  # type: ignore[import-untyped]  # no types

from dagwarden.facts import Condition, Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

KEY = Fingerprint(b"a key", True)
SECRET = "hunter2-but-much-longer-9Xq"
EMAIL = "etl@shop.iam.gserviceaccount.com"
RUN = "//run.googleapis.com/projects/shop/locations/europe-west1"

SERVICE = run_v2.Service(
    ingress=run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY,
    invoker_iam_disabled=True,
    urls=["https://orders.run.app"],
    custom_audiences=["aud"],
    template=run_v2.RevisionTemplate(
        service_account=EMAIL,
        timeout=Duration(seconds=90, nanos=500_000_000),
        containers=[
            run_v2.Container(env=[run_v2.EnvVar(name="DB_PASSWORD", value=SECRET)])
        ],
    ),
)
JOB = run_v2.Job(
    template=run_v2.ExecutionTemplate(
        task_count=3,
        parallelism=2,
        template=run_v2.TaskTemplate(
            service_account=EMAIL, timeout=Duration(seconds=1800), max_retries=0
        ),
    )
)
ACCOUNT = iam.ServiceAccount(
    email=EMAIL, unique_id="1001", project_id="shop", disabled=True
)
ACCOUNT_KEY = iam.ServiceAccountKey(
    name=f"projects/shop/serviceAccounts/{EMAIL}/keys/k",
    key_type=iam.ListServiceAccountKeysRequest.KeyType.USER_MANAGED,
)
ROLE = iam.Role(
    name="projects/shop/roles/caller",
    included_permissions=["run.routes.invoke"],
    stage=iam.Role.RoleLaunchStage.BETA,
)
POLICY = Policy(
    bindings=[
        Binding(
            role="roles/run.invoker",
            members=[f"serviceAccount:{EMAIL}"],
            condition=Expr(title="t", expression="request.time.getHours() < 6"),
        )
    ],
    audit_configs=[
        AuditConfig(
            service="run.googleapis.com",
            audit_log_configs=[AuditLogConfig(log_type="DATA_READ")],
        )
    ],
)

IAM = "//iam.googleapis.com/projects/shop"
DATA: list[tuple[str, str, Any]] = [
    (f"{RUN}/services/orders", "run.googleapis.com/Service", SERVICE),
    (f"{RUN}/jobs/load", "run.googleapis.com/Job", JOB),
    (
        f"{IAM}/serviceAccounts/1001",
        "iam.googleapis.com/ServiceAccount",
        ACCOUNT,
    ),
    (
        f"{IAM}/serviceAccounts/1001/keys/k",
        "iam.googleapis.com/ServiceAccountKey",
        ACCOUNT_KEY,
    ),
    (f"{IAM}/roles/caller", "iam.googleapis.com/Role", ROLE),
]

# How a message becomes JSON: by default with every unset field and enums by number.
WAYS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "names": {"use_integers_for_enums": False},
    "sparse": {"always_print_fields_with_no_presence": False},
}


def exported(tmp_path: Path, way: dict[str, Any], *, outer_snake: bool) -> Facts:
    lines: list[str] = []
    spelling: dict[str, Any] = {**way, "preserving_proto_field_name": outer_snake}
    for name, kind, message in DATA:
        data = json.loads(type(message).to_json(message, **way))
        lines.append(_line(name, kind, spelling, resource=Resource(data=data)))
    service = f"{RUN}/services/orders"
    kind = "run.googleapis.com/Service"
    lines.append(_line(service, kind, spelling, iam_policy=POLICY))
    path = tmp_path / "export.json"
    path.write_text("\n".join(lines))
    return read_snapshots([path], tmp_path, include_sys_projects=False, fingerprint=KEY)


def _line(name: str, kind: str, spelling: dict[str, Any], **content: Any) -> str:
    asset = Asset(
        name=name,
        asset_type=kind,
        ancestors=["projects/71", "organizations/9"],
        **content,
    )
    return json.dumps(json.loads(Asset.to_json(asset, **spelling)))


@pytest.mark.parametrize("outer_snake", [False, True], ids=["camel", "snake"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_messages_are_read_however_they_were_written(
    tmp_path: Path, way: dict[str, Any], outer_snake: bool
) -> None:
    facts = exported(tmp_path, way, outer_snake=outer_snake)
    assert facts.gaps == ()

    job, service = facts.cloud_runs
    assert (service.ingress, service.invoker_check_disabled) == ("internal", True)
    assert (service.service_account, service.timeout) == (EMAIL, 90.5)
    assert service.urls == ("https://orders.run.app",)
    assert service.custom_audiences == ("aud",)
    assert isinstance(service.secrets, tuple)
    assert [s.place for s in service.secrets] == ["env.DB_PASSWORD"]
    assert (job.service_account, job.timeout, job.max_retries) == (EMAIL, 1800.0, 0)
    assert (job.task_count, job.parallelism) == (3, 2)

    (account,) = facts.identities
    assert (account.email, account.unique_id, account.disabled) == (EMAIL, "1001", True)
    (key,) = facts.keys
    assert (key.account, key.user_managed) == (EMAIL, True)
    (role,) = facts.roles
    assert (role.permissions, role.stage) == (("run.routes.invoke",), "BETA")
    (binding,) = facts.bindings
    assert binding.condition == Condition(
        expression="request.time.getHours() < 6", title="t"
    )
    (audit,) = facts.audit_configs
    assert (audit.service, audit.log_types) == ("run.googleapis.com", ("DATA_READ",))
    assert SECRET not in repr(facts)
