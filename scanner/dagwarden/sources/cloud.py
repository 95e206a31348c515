"""
Live reading of Google Cloud, into the sealed file that `snapshot` reads.

The only module that imports Google's clients, and only while it reads. Resources
and policies come from Cloud Asset Inventory; service accounts, their keys and the
definitions of roles from IAM. What the caller may not read is a gap in the file.
"""

# Google's clients are typed in part only.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import os
import re
import tempfile
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeVar

import msgspec

from dagwarden.errors import SourceError, UsageError
from dagwarden.facts import Gap, Origin, Record
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot.records import (
    BUCKET,
    FOLDER,
    JOB,
    LOG_BUCKET,
    LOG_SINK,
    MODELLED,
    ORG_POLICY,
    ORGANIZATION,
    PROJECT,
    ROLE,
    SCHEDULE,
    SERVICE,
    SERVICE_ACCOUNT,
    SERVICE_ACCOUNT_KEY,
    SUBSCRIPTION,
    TRIGGER,
    WORKFLOW,
    WORKFORCE_POOL,
    WORKFORCE_PROVIDER,
    ContainerShape,
    Line,
    ResourceShape,
)
from dagwarden.sources.snapshot.seal import (
    asset_line,
    end_line,
    gap_line,
    header_line,
)

if TYPE_CHECKING:
    import grpc
    from google.api_core.exceptions import GoogleAPIError
    from google.api_core.retry import Retry
    from google.cloud.asset_v1 import Asset, AssetServiceClient
    from google.cloud.iam_admin_v1 import IAMClient

SCOPE = re.compile(r"(organizations|folders)/\d+|projects/[a-z0-9.:-]+")
PAGE = 1000
# Of one request, in seconds; a request is tried again for ten times as long.
TIMEOUT = 60.0
# IAM answers one project, account or role at a time.
WORKERS = 8

# Asked for by themselves: where one is refused, the others are still read.
_CONSTRAINT_TYPES = (ORG_POLICY,)
_LOGGING_TYPES = (LOG_BUCKET, LOG_SINK)
_SENDER_TYPES = (SUBSCRIPTION, TRIGGER, WORKFLOW)
_OWN_TYPES = frozenset({*_CONSTRAINT_TYPES, *_LOGGING_TYPES, *_SENDER_TYPES})
# Not asked for: the inventory is not documented to hold them. gcloud lists them.
_ELSEWHERE = frozenset({SCHEDULE, WORKFORCE_POOL, WORKFORCE_PROVIDER})
# Service accounts and their keys come from IAM, which knows them first.
_RESOURCE_TYPES = tuple(
    sorted(
        MODELLED.keys()
        - {SERVICE_ACCOUNT, SERVICE_ACCOUNT_KEY}
        - _OWN_TYPES
        - _ELSEWHERE
    )
)
_POLICY_TYPES = (BUCKET, FOLDER, JOB, ORGANIZATION, PROJECT, SERVICE, SERVICE_ACCOUNT)
_CONTAINER_TYPES = (FOLDER, ORGANIZATION, PROJECT)

T = TypeVar("T")
Progress = Callable[[str, int], None]


class Pulled(Record, frozen=True, kw_only=True):
    """What a sealed file holds: how many assets, and what could not be read."""

    assets: int
    gaps: tuple[Gap, ...]


class _Project(msgspec.Struct, frozen=True):
    """A project whose service accounts are to be listed; what lies above it."""

    number: str
    above: tuple[str, ...]


def pull(
    scope: str,
    output: Path,
    *,
    fingerprint: Fingerprint,
    channel: "grpc.Channel | None" = None,
    progress: Progress = lambda part, count: None,
) -> Pulled:
    """
    Read `scope` and write the sealed file `output`, for its owner only.

    `channel` carries the requests of both services; None: Google's own endpoints,
    with application default credentials. The file appears when it is complete.
    Raises UsageError (a bad scope, no client libraries, no credentials, `output`
    not writable) and SourceError (nothing of `scope` can be read).
    """
    if not SCOPE.fullmatch(scope):
        raise UsageError(
            "not a scope",
            where=scope,
            remedy="give organizations/NUMBER, folders/NUMBER or projects/ID",
        )
    assets, iam, principal = _clients(channel)
    with _written_whole(output) as file:
        return _Pull(scope, file, fingerprint, assets, iam, progress).run(principal)


def local_channel(address: str) -> "grpc.Channel":
    """Return a plain channel to a server on this machine that speaks the protocols."""
    import grpc

    return grpc.insecure_channel(address)


def _clients(
    channel: "grpc.Channel | None",
) -> "tuple[AssetServiceClient, IAMClient, str | None]":
    """Return clients of both services, and whom they act as if that is known."""
    try:
        import google.auth
        from google.auth.exceptions import GoogleAuthError
        from google.auth.transport.requests import Request
        from google.cloud.asset_v1 import AssetServiceClient
        from google.cloud.asset_v1.services.asset_service.transports import (
            AssetServiceGrpcTransport,
        )
        from google.cloud.iam_admin_v1 import IAMClient
        from google.cloud.iam_admin_v1.services.iam.transports import IAMGrpcTransport
    except ImportError:
        raise UsageError(
            "Google's client libraries are not installed",
            where="snapshot",
            remedy="pip install 'dagwarden[gcp]'",
        ) from None
    if channel is not None:
        return (
            AssetServiceClient(transport=AssetServiceGrpcTransport(channel=channel)),
            IAMClient(transport=IAMGrpcTransport(channel=channel)),
            None,
        )
    try:
        credentials, _ = google.auth.default(
            scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )
        # Now, not with the first request: there a refusal looks like a service that
        # is down, and would be tried again for minutes. It also makes the metadata
        # server tell the account's e-mail.
        credentials.refresh(Request())  # type: ignore[no-untyped-call]  # theirs
    except GoogleAuthError:
        raise UsageError(
            "no Google credentials that work",
            where="snapshot",
            remedy="run `gcloud auth application-default login`, or run where a "
            "service account is attached",
        ) from None
    email = getattr(credentials, "service_account_email", None)
    principal = email if isinstance(email, str) and "@" in email else None
    return (
        AssetServiceClient(credentials=credentials),
        IAMClient(credentials=credentials),
        principal,
    )


@contextmanager
def _written_whole(output: Path) -> Generator[BinaryIO]:
    """Yield a file that becomes `output` once it is complete, readable by its owner."""
    try:
        # made with mode 0600
        handle, name = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
    except OSError as error:
        raise _not_writable(output, error) from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.replace(name, output)
    except OSError as error:
        raise _not_writable(output, error) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _not_writable(output: Path, error: OSError) -> UsageError:
    return UsageError(
        f"cannot be written: {error.strerror}",
        where=output.name,
        remedy="name a file in a directory that you may write to",
    )


def _retry() -> "Retry":
    """Return when to ask again; the clients' own rule gives up on a full quota."""
    from google.api_core import exceptions
    from google.api_core.retry import Retry, if_exception_type

    return Retry(
        predicate=if_exception_type(
            exceptions.Aborted,
            exceptions.DeadlineExceeded,
            exceptions.InternalServerError,
            exceptions.ResourceExhausted,
            exceptions.ServiceUnavailable,
        ),
        initial=0.5,
        maximum=30.0,
        multiplier=2.0,
        timeout=10 * TIMEOUT,
    )


class _Pull:
    """One pull: the clients, the file, and what is counted on the way."""

    def __init__(
        self,
        scope: str,
        file: BinaryIO,
        fingerprint: Fingerprint,
        assets: "AssetServiceClient",
        iam: "IAMClient",
        progress: Progress,
    ) -> None:
        self._scope = scope
        self._file = file
        self._fingerprint = fingerprint
        self._asset_client = assets
        self._iam_client = iam
        self._progress = progress
        self._retry = _retry()
        self._read_time: datetime | None = None
        self._count = 0
        self._gaps: list[Gap] = []
        self._projects: dict[str, _Project] = {}
        self._roles_used = set[str]()
        self._roles_read = set[str]()

    def run(self, principal: str | None) -> Pulled:
        """Read every part in turn; what is refused is noted and the rest goes on."""
        failures = [
            self._list_assets("RESOURCE", _RESOURCE_TYPES, principal),
            self._list_assets("IAM_POLICY", _POLICY_TYPES, principal),
            self._list_assets("ORG_POLICY", _CONTAINER_TYPES, principal),
        ]
        if all(failures):
            raise SourceError(
                f"nothing can be read: {failures[0]}",
                where=self._scope,
                remedy="check the scope, and that the caller holds "
                f"{_NEEDS['RESOURCE'][0]} there",
            )
        self._list_assets("CONSTRAINTS", _CONSTRAINT_TYPES, principal)
        self._list_assets("LOGGING", _LOGGING_TYPES, principal)
        self._list_assets("SENDERS", _SENDER_TYPES, principal)
        self._each(
            "service accounts",
            sorted(self._projects.items()),
            self._accounts_and_keys,
        )
        self._each("roles", sorted(self._roles_used - self._roles_read), self._role)
        self._file.write(end_line(self._count))
        return Pulled(assets=self._count, gaps=tuple(self._gaps))

    # --------------------------------------------------------------- asset inventory

    def _list_assets(
        self, content: str, types: tuple[str, ...], principal: str | None
    ) -> str | None:
        """Write every asset of one part; return why that failed, if it did."""
        from google.api_core.exceptions import GoogleAPIError
        from google.cloud.asset_v1 import ContentType, ListAssetsRequest

        contents = {
            "RESOURCE": ContentType.RESOURCE,
            "IAM_POLICY": ContentType.IAM_POLICY,
            "ORG_POLICY": ContentType.ORG_POLICY,
            "CONSTRAINTS": ContentType.RESOURCE,
            "LOGGING": ContentType.RESOURCE,
            "SENDERS": ContentType.RESOURCE,
        }
        request = ListAssetsRequest(
            parent=self._scope,
            content_type=contents[content],
            asset_types=types,
            page_size=PAGE,
            # the parts are to be of one moment
            read_time=self._read_time or None,
        )
        count = 0
        try:
            pages = self._asset_client.list_assets(
                request=request, retry=self._retry, timeout=TIMEOUT
            ).pages
            for page in pages:
                if self._read_time is None:
                    self._begin(page.read_time, principal)
                for asset in page.assets:
                    self._write_asset(asset)
                count += len(page.assets)
                self._progress(content, count)
        except GoogleAPIError as error:
            if self._read_time is None:
                self._begin(None, principal)
            permission, kinds = _NEEDS[content]
            why = f"{_status(error)} (it needs {permission})"
            self._gap(f"{content} of {self._scope}", why, kinds)
            return why
        return None

    def _begin(self, read_time: object, principal: str | None) -> None:
        # the wrapper of a message makes datetimes of its timestamps
        moment = read_time if isinstance(read_time, datetime) else datetime.now(UTC)
        self._read_time = moment
        header = header_line(
            read_time=_timestamp(moment) or "",
            scope=self._scope,
            principal=principal,
            layers={
                "allow": "read",
                "ancestors": "read",
                "audit": "read",
                "tags": "read",
            },
            asset_types=tuple(sorted({*MODELLED, *_POLICY_TYPES} - _ELSEWHERE)),
        )
        self._file.write(header)

    def _write_asset(self, asset: "Asset") -> None:
        from google.protobuf.json_format import MessageToJson

        text = MessageToJson(type(asset).pb(asset), indent=None).encode()
        self._learn(text)
        self._write(text)

    def _write(self, text: bytes) -> None:
        line = asset_line(text, self._fingerprint)
        if line is not None:
            self._file.write(line)
            self._count += 1

    def _learn(self, text: bytes) -> None:
        """Note which projects there are, which roles are granted, which were read."""
        line = msgspec.json.decode(text, type=Line)
        if line.iamPolicy:
            self._roles_used.update(b.role for b in line.iamPolicy.bindings or ())
        if not isinstance(line.resource, ResourceShape):
            return
        if line.assetType == ROLE and line.name:
            self._roles_read.add(line.name.removeprefix("//iam.googleapis.com/"))
        elif line.assetType == PROJECT and bytes(line.resource.data):
            data = msgspec.json.decode(line.resource.data, type=ContainerShape)
            state = data.lifecycleState or data.state
            if data.projectId and state == "ACTIVE":
                number = (line.name or "").rpartition("/")[2]
                above = [a for a in line.ancestors or () if a != f"projects/{number}"]
                self._projects[data.projectId] = _Project(number, tuple(above))

    # --------------------------------------------------------------------------- IAM

    def _each(
        self, part: str, items: "list[T]", read: "Callable[[T], _Answers]"
    ) -> None:
        """Ask IAM about each of `items`, several at once, and write in their order."""
        with ThreadPoolExecutor(WORKERS) as workers:
            for count, answers in enumerate(workers.map(read, items), start=1):
                for text in answers.assets:
                    self._write(text)
                for source, why, kinds in answers.refused:
                    self._gap(source, why, kinds)
                if count % 100 == 0 or count == len(items):
                    self._progress(part, count)

    def _accounts_and_keys(self, item: "tuple[str, _Project]") -> "_Answers":
        """Return a project's service accounts, and the keys their users made."""
        from google.api_core.exceptions import GoogleAPIError

        project_id, project = item
        answers = _Answers(assets=[], refused=[])
        try:
            accounts = list(
                self._iam_client.list_service_accounts(
                    request={"name": f"projects/{project_id}", "page_size": 100},
                    retry=self._retry,
                    timeout=TIMEOUT,
                )
            )
        except GoogleAPIError as error:
            why = f"{_status(error)} (it needs iam.serviceAccounts.list)"
            source = f"service accounts of projects/{project_id}"
            answers.refused.append((source, why, ("identity", "key")))
            return answers
        ancestors = [f"projects/{project.number}", *project.above]
        for account in accounts:
            name = f"projects/{project_id}/serviceAccounts/{account.unique_id}"
            data = {
                "email": account.email,
                "uniqueId": account.unique_id,
                "projectId": account.project_id,
                "disabled": account.disabled,
            }
            answers.assets.append(_asset(name, SERVICE_ACCOUNT, data, ancestors))
            self._keys(account.email, name, ancestors, answers)
        return answers

    def _keys(
        self, email: str, account: str, ancestors: list[str], answers: "_Answers"
    ) -> None:
        from google.api_core.exceptions import GoogleAPIError
        from google.cloud.iam_admin_v1 import ListServiceAccountKeysRequest

        try:
            response = self._iam_client.list_service_account_keys(
                request=ListServiceAccountKeysRequest(
                    name=f"projects/-/serviceAccounts/{email}",
                    key_types=[ListServiceAccountKeysRequest.KeyType.USER_MANAGED],
                ),
                retry=self._retry,
                timeout=TIMEOUT,
            )
        except GoogleAPIError as error:
            why = f"{_status(error)} (it needs iam.serviceAccountKeys.list)"
            answers.refused.append((f"keys of {email}", why, ("key",)))
            return
        for key in response.keys:
            data = {
                "name": key.name,
                "keyType": "USER_MANAGED",
                "validAfterTime": _timestamp(key.valid_after_time),
                "validBeforeTime": _timestamp(key.valid_before_time),
                "disabled": key.disabled,
            }
            name = f"{account}/keys/{key.name.rpartition('/')[2]}"
            answers.assets.append(_asset(name, SERVICE_ACCOUNT_KEY, data, ancestors))

    def _role(self, name: str) -> "_Answers":
        """Return the definition of a role that a policy grants."""
        from google.api_core.exceptions import GoogleAPIError

        answers = _Answers(assets=[], refused=[])
        try:
            role = self._iam_client.get_role(
                request={"name": name}, retry=self._retry, timeout=TIMEOUT
            )
        except GoogleAPIError as error:
            why = f"{_status(error)} (it needs iam.roles.get)"
            answers.refused.append((f"role {name}", why, ("role",)))
            return answers
        data = {
            "name": role.name,
            "includedPermissions": list(role.included_permissions),
            "stage": role.stage.name,
            "deleted": role.deleted,
        }
        answers.assets.append(_asset(role.name, ROLE, data, []))
        return answers

    def _gap(self, source: str, why: str, kinds: tuple[str, ...]) -> None:
        gap = Gap(
            reason="unreadable", origin=Origin(source=source), detail=why, kinds=kinds
        )
        self._gaps.append(gap)
        self._file.write(gap_line(gap.reason, source, why, kinds))


class _Answers(msgspec.Struct):
    """What IAM said of one item: assets as JSON, and what it refused, and why."""

    assets: list[bytes]
    refused: list[tuple[str, str, tuple[str, ...]]]


# What each part needs, and the kinds of facts that are missing without it.
_NEEDS = {
    "RESOURCE": (
        "cloudasset.assets.listResource",
        (
            "cloud_run",
            "composer_environment",
            "federation_provider",
            "identity",
            "key",
            "resource",
            "role",
        ),
    ),
    "IAM_POLICY": ("cloudasset.assets.listIamPolicy", ("audit_config", "binding")),
    "ORG_POLICY": ("cloudasset.assets.listOrgPolicy", ("org_policy",)),
    "CONSTRAINTS": ("cloudasset.assets.listResource", ("org_policy",)),
    "LOGGING": ("cloudasset.assets.listResource", ("log_bucket", "log_sink")),
    "SENDERS": ("cloudasset.assets.listResource", ("sender",)),
}


def _status(error: "GoogleAPIError") -> str:
    """Return the status that a request ended with, never what the server wrote."""
    # after the last try the error wraps the status of that try
    last = getattr(error, "cause", None) or error
    code = getattr(last, "grpc_status_code", None)
    return str(code.name) if code is not None else type(last).__name__


def _timestamp(time: object) -> str | None:
    if not isinstance(time, datetime):
        return None
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _asset(
    name: str, kind: str, data: Mapping[str, object], ancestors: list[str]
) -> bytes:
    """Return what IAM told as the inventory would spell it."""
    return msgspec.json.encode(
        {
            "name": f"//iam.googleapis.com/{name}",
            "assetType": kind,
            "ancestors": ancestors,
            "resource": {"data": data},
        }
    )
