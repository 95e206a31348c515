"""
A local server that speaks the protocols of Cloud Asset Inventory and IAM.

The messages and the framing are those of Google's own clients; what it answers is
given by each test. Nothing here stands in for a client: those are the real ones.
"""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

import grpc
from google.cloud import iam_admin_v1 as iam
from google.cloud.asset_v1 import (
    Asset,
    ContentType,
    ListAssetsRequest,
    ListAssetsResponse,
)

T = TypeVar("T")

READ_TIME = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


class Refusal(Exception):
    """What the server answers instead: a status."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass
class Cloud:
    """What the server knows, what it was asked, and what it refuses."""

    assets: dict[str, list[Asset]] = field(
        default_factory=dict[str, list[Asset]]
    )  # by content type
    accounts: dict[str, list[iam.ServiceAccount]] = field(
        default_factory=dict[str, list[iam.ServiceAccount]]
    )
    keys: dict[str, list[iam.ServiceAccountKey]] = field(
        default_factory=dict[str, list[iam.ServiceAccountKey]]
    )
    roles: dict[str, iam.Role] = field(default_factory=dict[str, iam.Role])
    page: int = 2
    # (method, subject) -> statuses to answer with, first to last, then normally;
    # one that ends in None answers the last status for ever
    refusals: dict[tuple[str, str], list[grpc.StatusCode | None]] = field(
        default_factory=dict[tuple[str, str], list[grpc.StatusCode | None]]
    )
    requests: list[tuple[str, str, str]] = field(
        default_factory=list[tuple[str, str, str]]
    )
    read_times: list[datetime | None] = field(default_factory=list[datetime | None])
    types: dict[str, tuple[str, ...]] = field(
        default_factory=dict[str, tuple[str, ...]]
    )

    def list_assets(self, request: ListAssetsRequest) -> ListAssetsResponse:
        content = ContentType(request.content_type).name
        types = tuple(request.asset_types)
        # what is asked for in a request of its own is told apart
        of = {kind.partition("/")[0] for kind in types}
        alone = (
            content == "RESOURCE" and "cloudresourcemanager.googleapis.com" not in of
        )
        subject = f"{content} of {' and '.join(sorted(of))}" if alone else content
        self._asked("ListAssets", subject, request.page_token)
        self.read_times.append(cast("datetime | None", request.read_time))
        self.types[subject] = types
        known = [one for one in self.assets.get(content, []) if one.asset_type in types]
        assets, token = self._paged(known, request.page_token)
        return ListAssetsResponse(
            assets=assets, next_page_token=token, read_time=READ_TIME
        )

    def list_service_accounts(
        self, request: iam.ListServiceAccountsRequest
    ) -> iam.ListServiceAccountsResponse:
        self._asked("ListServiceAccounts", request.name, request.page_token)
        accounts = self.accounts.get(request.name.removeprefix("projects/"), [])
        found, token = self._paged(accounts, request.page_token)
        return iam.ListServiceAccountsResponse(accounts=found, next_page_token=token)

    def list_service_account_keys(
        self, request: iam.ListServiceAccountKeysRequest
    ) -> iam.ListServiceAccountKeysResponse:
        self._asked("ListServiceAccountKeys", request.name, "")
        email = request.name.rpartition("/")[2]
        kinds = {kind.name for kind in request.key_types}
        found = [key for key in self.keys.get(email, []) if kinds & {key.key_type.name}]
        return iam.ListServiceAccountKeysResponse(keys=found)

    def get_role(self, request: iam.GetRoleRequest) -> iam.Role:
        self._asked("GetRole", request.name, "")
        if request.name not in self.roles:
            raise Refusal(grpc.StatusCode.NOT_FOUND)
        return self.roles[request.name]

    def _asked(self, method: str, subject: str, token: str) -> None:
        self.requests.append((method, subject, token))
        waiting = self.refusals.get((method, subject))
        if waiting:
            code = waiting[0] if waiting[-1] is None else waiting.pop(0)
            if code is not None:
                raise Refusal(code)

    def _paged(self, items: list[T], token: str) -> tuple[list[T], str]:
        start = int(token or 0)
        end = start + self.page
        return items[start:end], str(end) if end < len(items) else ""


@contextmanager
def serving(cloud: Cloud) -> Generator[grpc.Channel]:
    """Serve `cloud` on a free port of this machine; yield a channel to it."""
    with listening(cloud) as address, grpc.insecure_channel(address) as channel:
        yield channel


@contextmanager
def listening(cloud: Cloud) -> Generator[str]:
    """Serve `cloud` on a free port of this machine; yield its address."""
    server = grpc.server(ThreadPoolExecutor(4))
    methods = {
        "google.cloud.asset.v1.AssetService": {
            "ListAssets": _handler(
                cloud.list_assets, ListAssetsRequest, ListAssetsResponse
            )
        },
        "google.iam.admin.v1.IAM": {
            "ListServiceAccounts": _handler(
                cloud.list_service_accounts,
                iam.ListServiceAccountsRequest,
                iam.ListServiceAccountsResponse,
            ),
            "ListServiceAccountKeys": _handler(
                cloud.list_service_account_keys,
                iam.ListServiceAccountKeysRequest,
                iam.ListServiceAccountKeysResponse,
            ),
            "GetRole": _handler(cloud.get_role, iam.GetRoleRequest, iam.Role),
        },
    }
    for service, handlers in methods.items():
        handler = grpc.method_handlers_generic_handler(service, handlers)
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def _handler(
    answer: Callable[[Any], Any], request: Any, response: Any
) -> "grpc.RpcMethodHandler[Any, Any]":
    def served(asked: Any, context: grpc.ServicerContext) -> Any:
        try:
            return answer(asked)
        except Refusal as refusal:
            context.abort(refusal.code, "SENTINEL-SERVER-TEXT")

    return grpc.unary_unary_rpc_method_handler(
        served,
        request_deserializer=request.deserialize,
        response_serializer=response.serialize,
    )
