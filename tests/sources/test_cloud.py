"""A live pull, with the real clients against a local server; no cloud is needed."""

import os
import stat
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import grpc
import msgspec
import pytest
from google.cloud import iam_admin_v1 as iam
from google.cloud.asset_v1 import Asset, Resource
from google.iam.v1.policy_pb2 import (  # type: ignore[import-untyped]  # no types
    Binding,
    Policy,
)
from tests.sources.cloud_server import READ_TIME, Cloud, serving

from dagwarden.errors import DagwardenError, SourceError, UsageError
from dagwarden.facts import Facts, Gap, Origin
from dagwarden.sources import cloud as live
from dagwarden.sources.cloud import Pulled, pull
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

SECRET = "hunter2-but-much-longer-9Xq"
OTHER_VALUE = "an ordinary value of no secret"
KEY = Fingerprint(b"a key", True)

CRM = "cloudresourcemanager.googleapis.com"
ORGANIZATION = "//cloudresourcemanager.googleapis.com/organizations/9"
PROJECT = "//cloudresourcemanager.googleapis.com/projects/71"
SERVICE = "//run.googleapis.com/projects/shop/locations/europe-west1/services/orders"
ABOVE = ["projects/71", "organizations/9"]
EMAIL = "etl@shop.iam.gserviceaccount.com"


def shop() -> Cloud:
    """Return a small organisation: one project, one service, one account."""
    return Cloud(
        assets={
            "RESOURCE": [
                Asset(
                    name=ORGANIZATION,
                    asset_type=f"{CRM}/Organization",
                    resource=Resource(data={"name": "organizations/9"}),
                    ancestors=["organizations/9"],
                ),
                Asset(
                    name=PROJECT,
                    asset_type=f"{CRM}/Project",
                    resource=Resource(
                        data={
                            "projectId": "shop",
                            "projectNumber": "71",
                            "lifecycleState": "ACTIVE",
                        }
                    ),
                    ancestors=ABOVE,
                ),
                Asset(
                    name=SERVICE,
                    asset_type="run.googleapis.com/Service",
                    resource=Resource(
                        data={
                            "metadata": {
                                "annotations": {
                                    "run.googleapis.com/ingress": "internal",
                                    "last-applied": f'{{"value": "{SECRET}"}}',
                                }
                            },
                            "spec": {
                                "template": {
                                    "spec": {
                                        "serviceAccountName": EMAIL,
                                        "timeoutSeconds": 30,
                                        "containers": [
                                            {
                                                "args": [f"--token={SECRET}"],
                                                "env": [
                                                    {
                                                        "name": "DB_PASSWORD",
                                                        "value": SECRET,
                                                    },
                                                    {
                                                        "name": "GREETING",
                                                        "value": OTHER_VALUE,
                                                    },
                                                ],
                                            }
                                        ],
                                    }
                                }
                            },
                        }
                    ),
                    ancestors=ABOVE,
                ),
                Asset(
                    name="//iam.googleapis.com/projects/shop/roles/caller",
                    asset_type="iam.googleapis.com/Role",
                    resource=Resource(
                        data={
                            "name": "projects/shop/roles/caller",
                            "includedPermissions": ["run.routes.invoke"],
                        }
                    ),
                    ancestors=ABOVE,
                ),
            ],
            "IAM_POLICY": [
                _policy(ORGANIZATION, "Organization", "roles/viewer", "user:a@x.test"),
                _policy(
                    PROJECT,
                    "Project",
                    "roles/run.invoker",
                    f"serviceAccount:{EMAIL}",
                    ABOVE,
                ),
                _policy(
                    SERVICE,
                    "run.googleapis.com/Service",
                    "projects/shop/roles/caller",
                    "allUsers",
                    ABOVE,
                ),
            ],
        },
        accounts={
            "shop": [
                iam.ServiceAccount(email=EMAIL, unique_id="1001", project_id="shop"),
                iam.ServiceAccount(
                    email="old@shop.iam.gserviceaccount.com",
                    unique_id="1002",
                    project_id="shop",
                    disabled=True,
                ),
                iam.ServiceAccount(
                    email="third@shop.iam.gserviceaccount.com",
                    unique_id="1003",
                    project_id="shop",
                ),
            ]
        },
        keys={
            EMAIL: [
                iam.ServiceAccountKey(
                    name=f"projects/shop/serviceAccounts/{EMAIL}/keys/k1",
                    key_type=iam.ListServiceAccountKeysRequest.KeyType.USER_MANAGED,
                    valid_after_time=datetime(2024, 1, 2, tzinfo=UTC),
                    valid_before_time=datetime(9999, 12, 31, tzinfo=UTC),
                ),
                iam.ServiceAccountKey(
                    name=f"projects/shop/serviceAccounts/{EMAIL}/keys/google",
                    key_type=iam.ListServiceAccountKeysRequest.KeyType.SYSTEM_MANAGED,
                ),
            ]
        },
        roles={
            "roles/run.invoker": iam.Role(
                name="roles/run.invoker",
                included_permissions=["run.routes.invoke", "run.jobs.run"],
                stage=iam.Role.RoleLaunchStage.GA,
            ),
            "roles/viewer": iam.Role(
                name="roles/viewer", included_permissions=["run.services.get"]
            ),
        },
    )


def _policy(
    name: str, kind: str, role: str, member: str, above: list[str] | None = None
) -> Asset:
    return Asset(
        name=name,
        asset_type=kind if "/" in kind else f"{CRM}/{kind}",
        iam_policy=Policy(bindings=[Binding(role=role, members=[member])]),
        ancestors=above or ["organizations/9"],
    )


@pytest.fixture
def cloud() -> Cloud:
    return shop()


@pytest.fixture
def channel(cloud: Cloud) -> Generator[grpc.Channel]:
    with serving(cloud) as found:
        yield found


def read(path: Path) -> Facts:
    return read_snapshots(
        [path], path.parent, include_sys_projects=False, fingerprint=KEY
    )


def pulled(channel: grpc.Channel, output: Path) -> Pulled:
    return pull("organizations/9", output, fingerprint=KEY, channel=channel)


def test_what_is_pulled_is_read_back(channel: grpc.Channel, tmp_path: Path) -> None:
    output = tmp_path / "snapshot.json"

    assert pulled(channel, output) == Pulled(assets=13, gaps=())

    facts = read(output)
    (snapshot,) = facts.snapshots
    assert facts.gaps == ()
    assert snapshot.id == "snapshot:organizations/9"
    assert snapshot.read_time == "2026-11-20T03:00:00Z"
    assert snapshot.layers.allow == "read"
    assert snapshot.layers.ancestors == "read"
    assert snapshot.assets == 13
    assert [(r.id, r.permissions) for r in facts.roles] == [
        ("role:projects/shop/roles/caller", ("run.routes.invoke",)),
        ("role:roles/run.invoker", ("run.jobs.run", "run.routes.invoke")),
        ("role:roles/viewer", ("run.services.get",)),
    ]
    assert [(k.id, k.valid_after, k.user_managed) for k in facts.keys] == [
        (f"key:{EMAIL}/k1", "2024-01-02T00:00:00Z", True)
    ]
    accounts = [i for i in facts.identities if i.kind == "service_account"]
    assert [(i.email, i.unique_id, i.disabled) for i in accounts] == [
        (EMAIL, "1001", False),
        ("old@shop.iam.gserviceaccount.com", "1002", True),
        ("third@shop.iam.gserviceaccount.com", "1003", False),
    ]
    (service,) = facts.cloud_runs
    assert (service.resource, service.ingress) == (SERVICE, "internal")
    assert (service.service_account, service.timeout) == (EMAIL, 30.0)
    assert [b.resource for b in facts.bindings] == [ORGANIZATION, PROJECT, SERVICE]


def test_secrets_are_reduced_before_anything_is_written(
    channel: grpc.Channel, tmp_path: Path
) -> None:
    output = tmp_path / "snapshot.json"
    pulled(channel, output)

    written = output.read_text()
    assert SECRET not in written
    assert OTHER_VALUE not in written
    assert '"GREETING"' in written

    (service,) = read(output).cloud_runs
    assert isinstance(service.secrets, tuple)
    assert [(s.place, s.kind, s.fingerprint) for s in service.secrets] == [
        ("env.DB_PASSWORD", "password", KEY.of(SECRET))
    ]


def test_every_page_is_read_at_one_moment(
    cloud: Cloud, channel: grpc.Channel, tmp_path: Path
) -> None:
    pulled(channel, tmp_path / "s")
    tokens = [request[1:] for request in cloud.requests if request[2]]
    assert tokens == [
        ("RESOURCE", "2"),
        ("IAM_POLICY", "2"),
        ("projects/shop", "2"),
    ]
    assert cloud.read_times[0] is None
    assert set(cloud.read_times[2:]) == {READ_TIME}
    assert "run.googleapis.com/Job" in cloud.types["RESOURCE"]


@pytest.mark.parametrize(
    "code", [grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE]
)
@pytest.mark.parametrize(
    "asked",
    [
        ("ListAssets", "IAM_POLICY"),
        ("ListServiceAccounts", "projects/shop"),
        ("ListServiceAccountKeys", f"projects/-/serviceAccounts/{EMAIL}"),
        ("GetRole", "roles/run.invoker"),
    ],
)
def test_a_full_quota_is_waited_for(
    cloud: Cloud,
    channel: grpc.Channel,
    tmp_path: Path,
    asked: tuple[str, str],
    code: grpc.StatusCode,
) -> None:
    cloud.refusals[asked] = [code]
    assert pulled(channel, tmp_path / "s") == Pulled(assets=13, gaps=())
    assert sum(request[:2] == asked for request in cloud.requests) > 1


DENIED = [grpc.StatusCode.PERMISSION_DENIED, None]


@pytest.mark.parametrize(
    ("asked", "source", "detail", "kinds"),
    [
        (
            ("ListAssets", "IAM_POLICY"),
            "IAM_POLICY of organizations/9",
            "PERMISSION_DENIED (it needs cloudasset.assets.listIamPolicy)",
            ("audit_config", "binding"),
        ),
        (
            ("ListAssets", "ORG_POLICY"),
            "ORG_POLICY of organizations/9",
            "PERMISSION_DENIED (it needs cloudasset.assets.listOrgPolicy)",
            ("org_policy",),
        ),
        (
            ("ListAssets", "RESOURCE of orgpolicy.googleapis.com"),
            "CONSTRAINTS of organizations/9",
            "PERMISSION_DENIED (it needs cloudasset.assets.listResource)",
            ("org_policy",),
        ),
        (
            ("ListAssets", "RESOURCE of logging.googleapis.com"),
            "LOGGING of organizations/9",
            "PERMISSION_DENIED (it needs cloudasset.assets.listResource)",
            ("log_bucket", "log_sink"),
        ),
        (
            (
                "ListAssets",
                "RESOURCE of eventarc.googleapis.com and pubsub.googleapis.com and workflows.googleapis.com",
            ),
            "SENDERS of organizations/9",
            "PERMISSION_DENIED (it needs cloudasset.assets.listResource)",
            ("sender",),
        ),
        (
            ("ListServiceAccounts", "projects/shop"),
            "service accounts of projects/shop",
            "PERMISSION_DENIED (it needs iam.serviceAccounts.list)",
            ("identity", "key"),
        ),
        (
            ("ListServiceAccountKeys", f"projects/-/serviceAccounts/{EMAIL}"),
            f"keys of {EMAIL}",
            "PERMISSION_DENIED (it needs iam.serviceAccountKeys.list)",
            ("key",),
        ),
        (
            ("GetRole", "roles/viewer"),
            "role roles/viewer",
            "PERMISSION_DENIED (it needs iam.roles.get)",
            ("role",),
        ),
    ],
)
def test_what_is_refused_is_a_gap_in_the_file(
    cloud: Cloud,
    channel: grpc.Channel,
    tmp_path: Path,
    asked: tuple[str, str],
    source: str,
    detail: str,
    kinds: tuple[str, ...],
) -> None:
    cloud.refusals[asked] = list(DENIED)
    output = tmp_path / "snapshot.json"
    gap = Gap(
        reason="unreadable", origin=Origin(source=source), detail=detail, kinds=kinds
    )
    assert pulled(channel, output).gaps == (gap,)
    assert read(output).gaps == (gap,)
    assert "SENTINEL-SERVER-TEXT" not in output.read_text()


def test_a_service_that_stays_down_is_a_gap(
    cloud: Cloud,
    channel: grpc.Channel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "TIMEOUT", 0.1)  # of the tries together, ten times that
    cloud.refusals[("GetRole", "roles/viewer")] = [grpc.StatusCode.UNAVAILABLE, None]
    (gap,) = pulled(channel, tmp_path / "s").gaps
    assert (gap.origin.source, gap.detail) == (
        "role roles/viewer",
        "UNAVAILABLE (it needs iam.roles.get)",
    )


def test_policies_cut_off_between_pages_are_partly_read(
    cloud: Cloud, channel: grpc.Channel, tmp_path: Path
) -> None:
    cloud.page = 1
    answer = cloud.list_assets

    def denied_after_the_first(request: object) -> object:
        if cloud.requests.count(("ListAssets", "IAM_POLICY", "")):
            cloud.refusals[("ListAssets", "IAM_POLICY")] = list(DENIED)
        return answer(request)  # type: ignore[arg-type]

    cloud.list_assets = denied_after_the_first  # type: ignore[method-assign, assignment]
    with serving(cloud) as cut:
        pulled(cut, tmp_path / "s")
    facts = read(tmp_path / "s")
    assert [b.role for b in facts.bindings] == ["roles/viewer"]
    assert facts.snapshots[0].layers.allow == "partly"
    assert facts.snapshots[0].layers.audit == "partly"


def test_nothing_readable_leaves_no_file(
    cloud: Cloud, channel: grpc.Channel, tmp_path: Path
) -> None:
    for content in ("RESOURCE", "IAM_POLICY", "ORG_POLICY"):
        cloud.refusals[("ListAssets", content)] = list(DENIED)
    with pytest.raises(SourceError) as caught:
        pulled(channel, tmp_path / "s")
    assert str(caught.value) == (
        "organizations/9: nothing can be read: PERMISSION_DENIED (it needs "
        "cloudasset.assets.listResource); check the scope, and that the caller holds "
        "cloudasset.assets.listResource there"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_its_owners_alone(channel: grpc.Channel, tmp_path: Path) -> None:
    output = tmp_path / "snapshot.json"
    output.write_text("older")
    output.chmod(0o644)
    pulled(channel, output)
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["snapshot.json"]


def test_an_interrupted_pull_leaves_the_older_file(
    cloud: Cloud, channel: grpc.Channel, tmp_path: Path
) -> None:
    output = tmp_path / "snapshot.json"
    output.write_text("older")

    def interrupt(part: str, count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull(
            "organizations/9",
            output,
            fingerprint=KEY,
            channel=channel,
            progress=interrupt,
        )
    assert output.read_text() == "older"
    assert os.listdir(tmp_path) == ["snapshot.json"]


def test_progress_tells_each_part(channel: grpc.Channel, tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    pull(
        "organizations/9",
        tmp_path / "s",
        fingerprint=KEY,
        channel=channel,
        progress=lambda part, count: told.append((part, count)),
    )
    assert told == [
        ("RESOURCE", 2),
        ("RESOURCE", 4),
        ("IAM_POLICY", 2),
        ("IAM_POLICY", 3),
        ("ORG_POLICY", 0),
        ("CONSTRAINTS", 0),
        ("LOGGING", 0),
        ("SENDERS", 0),
        ("service accounts", 1),
        ("roles", 2),
    ]


@pytest.mark.parametrize(
    "scope",
    ["", "organizations/acme", "shop", "projects/", "folders/1/2", "projects/A"],
)
def test_a_scope_is_checked_first(scope: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        pull(scope, tmp_path / "s", fingerprint=KEY)
    assert caught.value.remedy == (
        "give organizations/NUMBER, folders/NUMBER or projects/ID"
    )


@contextmanager
def token_server(asked: list[str]) -> Generator[str]:
    """Serve an endpoint that gives no token; yield its address."""

    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.send_response(400)
            self.end_headers()
            self.wfile.write(b'{"error": "invalid_grant"}')

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/token"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("given", ["absent", "revoked"])
def test_credentials_that_do_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    file = tmp_path / "credentials.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    asked: list[str] = []
    with token_server(asked) as address:
        if given == "revoked":
            fields = {
                "type": "authorized_user",
                "client_id": "i",
                "client_secret": "s",
                "refresh_token": "t",
                "token_uri": address,
            }
            file.write_bytes(msgspec.json.encode(fields))
            monkeypatch.setattr(
                "google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", address
            )
        with pytest.raises(UsageError) as caught:
            pull("organizations/9", tmp_path / "s", fingerprint=KEY)
    assert str(caught.value) == (
        "snapshot: no Google credentials that work; run `gcloud auth "
        "application-default login`, or run where a service account is attached"
    )
    assert asked == (["/token"] if given == "revoked" else [])
    assert not (tmp_path / "s").exists()


def test_an_unwritable_place_is_told(channel: grpc.Channel, tmp_path: Path) -> None:
    with pytest.raises(DagwardenError) as caught:
        pulled(channel, tmp_path / "absent" / "snapshot.json")
    assert str(caught.value) == (
        "snapshot.json: cannot be written: No such file or directory; "
        "name a file in a directory that you may write to"
    )


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['google.cloud.asset_v1'] = None\n"
        "from pathlib import Path\n"
        "from dagwarden.errors import UsageError\n"
        "from dagwarden.sources.cloud import pull\n"
        "from dagwarden.sources.credentials import Fingerprint\n"
        "try: pull('projects/x', Path('s'), fingerprint=Fingerprint(b'', False))\n"
        "except UsageError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == (
        "snapshot: Google's client libraries are not installed; "
        "pip install 'dagwarden[gcp]'\n"
    )


def test_importing_it_imports_no_client() -> None:
    code = (
        "import sys, dagwarden.sources.cloud\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('google', 'grpc')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout == "[]\n"


def test_a_sealed_file_is_one_line_for_each_asset(
    channel: grpc.Channel, tmp_path: Path
) -> None:
    output = tmp_path / "snapshot.json"
    pulled(channel, output)
    lines = [msgspec.json.decode(line) for line in output.read_bytes().splitlines()]
    assert lines[0]["dagwarden_snapshot"]["scope"] == "organizations/9"
    assert lines[0]["dagwarden_snapshot"]["version"] == 1
    assert lines[-1] == {"dagwarden_end": {"assets": 13}}
    assert all({"name", "assetType"} <= line.keys() for line in lines[1:-1])
