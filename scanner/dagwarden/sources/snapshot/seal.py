"""The sealed file of `dagwarden snapshot`: only what is modelled, no secret value."""

import msgspec

from dagwarden.facts import GapReason, LayerState
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot.export import SEALED_VERSION
from dagwarden.sources.snapshot.records import (
    MODELLED,
    End,
    Header,
    Line,
    ResourceShape,
    SealedGap,
)
from dagwarden.sources.snapshot.reduce import reduce


def header_line(
    *,
    read_time: str,
    scope: str,
    principal: str | None,
    layers: dict[str, LayerState],
    asset_types: tuple[str, ...],
) -> bytes:
    """Return the first line: what follows was read of `scope` at `read_time`."""
    header = Header(
        version=SEALED_VERSION,
        read_time=read_time,
        scope=scope,
        principal=principal,
        layers=layers,
        asset_types=asset_types,
    )
    return _line({"dagwarden_snapshot": header})


def asset_line(text: bytes, fingerprint: Fingerprint) -> bytes | None:
    """
    Return one asset, given as JSON, as a line of a sealed file.

    Everything that is not modelled is left out, and environment values are reduced.
    None: nothing of the asset is modelled.
    """
    line = msgspec.json.decode(text, type=Line)
    kind = line.assetType or line.asset_type or ""
    content: dict[str, object] = {}
    resource = line.resource if isinstance(line.resource, ResourceShape) else None
    if resource is not None and kind in MODELLED and bytes(resource.data):
        data = msgspec.json.decode(resource.data, type=MODELLED[kind])
        reduce(data, fingerprint)
        content["resource"] = {"parent": resource.parent, "data": data}
    if line.iamPolicy is not None:
        content["iamPolicy"] = line.iamPolicy
    if line.orgPolicy:
        content["orgPolicy"] = line.orgPolicy
    if not content:
        return None
    asset = {"name": line.name, "assetType": kind, "updateTime": line.updateTime}
    return _line({**asset, "ancestors": line.ancestors, **content})


def gap_line(
    reason: GapReason,
    source: str,
    detail: str,
    kinds: tuple[str, ...],
    *,
    incomplete: bool = True,
) -> bytes:
    """Return a line that tells of something that could not be read."""
    gap = SealedGap(
        reason=reason, source=source, detail=detail, kinds=kinds, incomplete=incomplete
    )
    return _line({"dagwarden_gap": gap})


def end_line(assets: int) -> bytes:
    """Return the last line: without it, the file was cut short."""
    return _line({"dagwarden_end": End(assets=assets)})


def _line(value: dict[str, object]) -> bytes:
    return msgspec.json.encode(value) + b"\n"
