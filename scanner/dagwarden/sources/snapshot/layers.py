"""How much of the cloud's policy a snapshot holds."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import asdict, replace

from dagwarden.facts import Gap, Layers, LayerState
from dagwarden.sources.snapshot.export import Export
from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.names import CONTAINERS
from dagwarden.sources.snapshot.records import (
    BUCKET,
    COMPOSER,
    FOLDER,
    JOB,
    LOG_BUCKET,
    LOG_SINK,
    ORG_POLICY,
    ORGANIZATION,
    PROJECT,
    SERVICE,
    SERVICE_ACCOUNT,
)

# Types whose ancestors decide what is granted on them.
_INHERITING = frozenset(
    {BUCKET, COMPOSER, FOLDER, JOB, ORGANIZATION, PROJECT, SERVICE, SERVICE_ACCOUNT}
)


def layers_of(
    exports: Sequence[Export], joined: Mapping[str, Joined], gaps: Iterable[Gap]
) -> Layers:
    """
    Return which layers were read.

    Policies inherit: a policy that was not read on anything above a resource of
    interest leaves the layer partly read, whatever else was.
    """
    gaps = tuple(gaps)
    lost = {kind for gap in gaps if gap.incomplete for kind in gap.kinds}
    # of two records that differ neither counts; a policy of which that is so is there,
    # and open
    disputed = {
        kind
        for gap in gaps
        if gap.incomplete and gap.reason == "conflict"
        for kind in gap.kinds
    }
    inheriting = [one for one in joined.values() if one.type in _INHERITING]
    with_policy = [one.policy for one in joined.values() if one.policy]
    exported = [policy for policy in with_policy if not policy.searched]
    chains = _chains(inheriting)
    above = _all_above_read(chains, joined)
    queried = any(export.queried for export in exports)
    whole = above and not queried
    types = frozenset(kind for export in exports for kind in export.types)
    within = _organization_read(chains, joined)
    return Layers(
        allow=_state(with_policy, whole and "binding" not in lost),
        audit=_state(
            exported,
            whole and "audit_config" not in lost and len(exported) == len(with_policy),
        ),
        ancestors=_state(
            [one for one in inheriting if one.ancestors is not None],
            all(one.ancestors is not None for one in inheriting),
        ),
        deny=_given(exports, "deny", ("deny_policy",)),
        boundary=_less(
            _given(exports, "boundary", ("boundary_policy", "boundary_binding")),
            "boundary_binding" not in disputed,
        ),
        memberships=_given(exports, "memberships", ("group",)),
        org_policies=_typed(types, {ORG_POLICY}, within and "org_policy" not in lost),
        logging=_typed(
            types, {LOG_SINK, LOG_BUCKET}, within and not lost & _OF_LOGGING
        ),
        tags=_less(  # what is inherited is whole only with all that is above
            _given(exports, "tags", ("resource_tags",)),
            above and "resource_tags" not in disputed,
        ),
    )


def unsure(layers: Layers) -> Layers:
    """
    Return the layers of a snapshot that does not tell which project is which.

    What was read of one of them may be of another: in none of them is all known of any.
    """
    read = [name for name, state in asdict(layers).items() if state == "read"]
    return replace(layers, **dict.fromkeys(read, "partly"))


def _state(given: Sequence[object], whole: bool) -> LayerState:
    if not given:
        return "not_given"
    return "read" if whole else "partly"


def _given(exports: Sequence[Export], layer: str, kinds: Sequence[str]) -> LayerState:
    """
    Return what the files say of a layer that an asset export does not carry.

    A sealed file says it itself. Of other files, what was given counts as all there
    is, which answers then say; part of it, where a file that gives it has gaps, or a
    file yielded nothing.
    """
    said = {e.header.layers.get(layer, "not_given") for e in exports if e.header}
    givers = [export for export in exports if export.gives.intersection(kinds)]
    # a file that gives another layer says nothing of this one
    about = [e for e in exports if e.header or e in givers or not e.gives]
    if said == {"read"} and not givers:
        return "read" if all(export.header for export in about) else "partly"
    if said & {"read", "partly"} and said != {"read"}:
        return "partly"
    # any layer may have stood in a file of which nothing could be read
    silent = [e for e in exports if not e.count and not e.header]
    lost = any(
        gap.incomplete and not set(kinds).isdisjoint(gap.kinds)
        for export in (*givers, *silent)
        for gap in export.gaps
    )
    if lost:
        return "partly"
    return "read" if givers else "not_given"


_OF_LOGGING = frozenset({"log_sink", "log_bucket"})


def _typed(types: frozenset[str], wanted: set[str], whole: bool) -> LayerState:
    """Return the state of a layer that assets of certain types make up."""
    if not wanted & types:
        return "not_given"
    return "read" if whole and wanted <= types else "partly"


def _chains(inheriting: Iterable[Joined]) -> set[tuple[str, ...]]:
    """Return the chains of containers that policies on resources are inherited from."""
    return {
        (one.name, *(one.ancestors or ()))
        if one.name.startswith(CONTAINERS)
        else one.ancestors or ()
        for one in inheriting
    } - {()}


def _organization_read(
    chains: Iterable[tuple[str, ...]], joined: Mapping[str, Joined]
) -> bool:
    """
    Return whether resources were read of all that is below the organisations.

    An export of a project or folder names what is above it, and holds no record of it.
    """
    tops = {chain[-1] for chain in chains}
    return bool(tops) and all(
        top in joined and joined[top].data is not None for top in tops
    )


def _less(state: LayerState, whole: bool) -> LayerState:
    """Return the state of a layer of which something is missing, unless it is whole."""
    return "partly" if state == "read" and not whole else state


def _all_above_read(
    chains: Iterable[tuple[str, ...]], joined: Mapping[str, Joined]
) -> bool:
    """
    Return whether the policies above every resource can have been read.

    A container without a policy of its own may stand between; the topmost has one.
    """
    containers = {name for chain in chains for name in chain}
    tops = {chain[-1] for chain in chains}
    if any(name not in joined for name in containers):
        return False
    return all(joined[top].policy is not None for top in tops)
