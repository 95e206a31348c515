"""All that several exports say of one resource, joined on its name."""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Gap
from dagwarden.sources.snapshot.export import GUARDRAIL, kinds_of
from dagwarden.sources.snapshot.hierarchy import Hierarchy
from dagwarden.sources.snapshot.names import Names
from dagwarden.sources.snapshot.policies import KINDS_OF_GUARDRAIL, guardrail_kind
from dagwarden.sources.snapshot.records import (
    Asset,
    BindingShape,
    ConstraintShape,
    GuardShape,
    PolicyShape,
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
    # there was data, and what it says is not known: it could not be read, or two
    # records differ and neither is the later
    broken: bool = False
    disputed: bool = False


def join(
    assets: Iterable[Asset], names: Names, hierarchy: Hierarchy
) -> tuple[dict[str, Joined], list[Gap]]:
    """Return the resources in `assets` by name, and where records contradict."""
    joined: dict[str, Joined] = {}
    gaps: list[Gap] = []
    # as an export names it -> the resource: records and policies repeat the name
    known: dict[str, Joined] = {}
    for asset in assets:
        one = known.get(asset.name)
        if one is None:
            one = known[asset.name] = _resource(
                joined, names.resource(asset.name), asset
            )
        name = one.name
        if asset.data is not None and not one.disputed:
            if one.data is None:
                one.data = asset
            else:
                one.data, gap = _believed(one.data, asset, _data, name, _kinds(asset))
                gaps += gap
                one.disputed = one.data is None
                one.broken = one.broken or one.disputed
        if asset.broken:
            one.broken = True
        if asset.policy is not None:
            if (before := one.policy) is None:
                one.policy = asset
            else:
                one.policy, gap = _believed(before, asset, _policy, name, ("binding",))
                gaps += gap
                one.policy = one.policy or _agreed(before, asset)
        for shape in asset.constraints or ():
            constraint = shape.constraint
            told, gap = _believed(
                one.constraints.get(constraint),
                asset,
                partial(constraint_of, constraint=constraint),
                f"{constraint} on {name}",
                ("org_policy",),
            )
            gaps += gap
            one.constraints[constraint] = told or _silent(asset, constraint)
        if one.ancestors is None:
            one.ancestors = hierarchy.of(asset, name)
    return joined, gaps


def _resource(joined: dict[str, Joined], name: str, asset: Asset) -> Joined:
    """Return what is joined under a name, where need be as `asset` begins it."""
    one = joined.get(name)
    if one is None:
        one = joined[name] = Joined(
            name=name, type=asset.type, first=asset, constraints={}
        )
    return one


def _believed(
    known: Asset | None,
    new: Asset,
    content: Callable[[Asset], object],
    name: str,
    kinds: tuple[str, ...],
) -> tuple[Asset | None, tuple[Gap, ...]]:
    """
    Return which of two records to believe; two that differ are a gap.

    None: they differ, and neither is known to be the later.
    """
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
        verdict, chosen = "which of them holds is not known", None
    else:
        verdict = "the later one is used"
        chosen = new if after > before else known
    gap = Gap(
        reason="conflict",
        origin=new.origin(),
        detail=f"{name} was read twice, with differing content: {verdict}",
        kinds=kinds,
        incomplete=chosen is None,
    )
    return chosen, (gap,)


def _bare(asset: Asset) -> bool:
    """Tell whether a policy was only listed: a list of deny policies has no rules."""
    data = asset.data
    return isinstance(data, GuardShape) and not (
        data.rules or data.details or data.target
    )


def _kinds(asset: Asset) -> tuple[str, ...]:
    """Return the kinds of facts that come of an asset's data."""
    if asset.type == GUARDRAIL and (kind := guardrail_kind(asset.name)):
        return KINDS_OF_GUARDRAIL[kind]
    return kinds_of(asset.type, False, False)


def _agreed(known: Asset, new: Asset) -> Asset:
    """Return a policy with what both records of it grant, where `known` has it."""
    both = _policy(known) & _policy(new)
    policy = known.policy or PolicyShape()
    agreed = [
        replace(
            entry,
            members=[
                member
                for member in entry.members or ()
                if _granted(entry, member) in both
            ],
        )
        for entry in policy.bindings or ()
    ]
    return replace(known, policy=replace(policy, bindings=agreed))


def _silent(asset: Asset, constraint: str) -> Asset:
    """Return a record that says of a constraint only that it is set."""
    return replace(asset, constraints=[ConstraintShape(constraint=constraint)])


def _data(asset: Asset) -> object:
    return asset.data


def _policy(asset: Asset) -> set[tuple[str, str, str]]:
    """Return what a policy grants, whatever the order it is written in."""
    entries = (asset.policy.bindings if asset.policy else None) or ()
    return {
        _granted(entry, member) for entry in entries for member in entry.members or ()
    }


def _granted(entry: BindingShape, member: str) -> tuple[str, str, str]:
    condition = entry.condition.expression if entry.condition else None
    return entry.role, condition or "", member


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
