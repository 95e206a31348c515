"""All that several exports say of one resource, joined on its name."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from msgspec import Struct

from dagwarden.facts import Gap
from dagwarden.sources.snapshot.hierarchy import Hierarchy
from dagwarden.sources.snapshot.names import Names
from dagwarden.sources.snapshot.records import (
    Asset,
    ConstraintShape,
    GuardShape,
    Timestamp,
)


class Joined(Struct, kw_only=True, gc=False):
    """Everything the exports say of one resource."""

    name: str
    type: str
    first: Asset
    data: Asset | None = None
    policy: Asset | None = None
    constraints: dict[str, Asset]
    ancestors: tuple[str, ...] | None = None  # full names, nearest first
    broken: bool = False  # there was data, and it could not be read


def join(
    assets: Iterable[Asset], names: Names, hierarchy: Hierarchy
) -> tuple[dict[str, Joined], list[Gap]]:
    """Return the resources in `assets` by name, and where records contradict."""
    joined: dict[str, Joined] = {}
    gaps: list[Gap] = []
    for asset in assets:
        name = names.resource(asset.name)
        one = joined.get(name)
        if one is None:
            one = joined[name] = Joined(
                name=name, type=asset.type, first=asset, constraints={}
            )
        if asset.data is not None:
            one.data, gap = _believed(one.data, asset, _data, name, "resource")
            gaps += gap
        one.broken = one.broken or asset.broken
        if asset.policy is not None:
            one.policy, gap = _believed(one.policy, asset, _policy, name, "binding")
            gaps += gap
        for shape in asset.constraints or ():
            constraint = shape.constraint
            one.constraints[constraint], gap = _believed(
                one.constraints.get(constraint),
                asset,
                partial(constraint_of, constraint=constraint),
                f"{constraint} on {name}",
                "org_policy",
            )
            gaps += gap
        if one.ancestors is None:
            one.ancestors = hierarchy.of(asset, name)
    return joined, gaps


def _believed(
    known: Asset | None,
    new: Asset,
    content: Callable[[Asset], object],
    name: str,
    kind: str,
) -> tuple[Asset, tuple[Gap, ...]]:
    """Return which of two records to believe; two that differ are a gap."""
    if known is None or _bare(known):
        return new, ()
    if _bare(new):
        return known, ()
    if content(known) == content(new):
        # of equal ones, an export says more than a search
        better = known.searched and not new.searched
        return (new if better else known), ()
    before, after = _time(known), _time(new)
    if before is None or after is None or before == after:
        verdict, chosen, decided = "which of them holds is not known", known, False
    else:
        verdict, decided = "the later one is used", True
        chosen = new if after > before else known
    gap = Gap(
        reason="conflict",
        origin=new.origin(),
        detail=f"{name} was read twice, with differing content: {verdict}",
        kinds=(kind,),
        incomplete=not decided,
    )
    return chosen, (gap,)


def _bare(asset: Asset) -> bool:
    """Tell whether a policy was only listed: a list of deny policies has no rules."""
    data = asset.data
    return isinstance(data, GuardShape) and not (
        data.rules or data.details or data.target
    )


def _data(asset: Asset) -> object:
    return asset.data


def _policy(asset: Asset) -> object:
    """Return what a policy grants, whatever the order it is written in."""
    entries = (asset.policy.bindings if asset.policy else None) or ()
    granted = set[tuple[str, str, str]]()
    for entry in entries:
        condition = entry.condition.expression if entry.condition else None
        for member in entry.members or ():
            granted.add((entry.role, condition or "", member))
    return granted


def constraint_of(asset: Asset, constraint: str) -> ConstraintShape | None:
    """Return what an asset's record says of one constraint."""
    for shape in asset.constraints or ():
        if shape.constraint == constraint:
            return shape
    return None


def _time(asset: Asset) -> tuple[float, int] | None:
    """Return when the inventory last saw the asset change, for comparison."""
    given = asset.update_time
    if isinstance(given, Timestamp):
        return given.seconds, given.nanos
    try:
        return (datetime.fromisoformat(given).timestamp(), 0) if given else None
    except (ValueError, OverflowError):
        return None
