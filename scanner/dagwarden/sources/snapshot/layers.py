"""How much of the cloud's policy a snapshot holds."""

from collections.abc import Iterable, Mapping, Sequence

from dagwarden.facts import Gap, Layers, LayerState
from dagwarden.sources.snapshot.export import GUARDRAIL, Export
from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.names import CONTAINERS
from dagwarden.sources.snapshot.policies import guardrail_kind
from dagwarden.sources.snapshot.records import (
    BUCKET,
    COMPOSER,
    FOLDER,
    JOB,
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
    lost = {kind for gap in gaps if gap.incomplete for kind in gap.kinds}
    inheriting = [one for one in joined.values() if one.type in _INHERITING]
    with_policy = [one.policy for one in joined.values() if one.policy]
    exported = [policy for policy in with_policy if not policy.searched]
    above = _all_above_read(inheriting, joined)
    queried = any(export.queried for export in exports)
    whole = above and not queried
    guarded = {
        guardrail_kind(one.name) for one in joined.values() if one.type == GUARDRAIL
    }
    deny, boundary = _sealed(exports, "deny"), _sealed(exports, "boundary")
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
        deny="partly" if "deny" in guarded and deny == "not_given" else deny,
        boundary=(
            "partly" if "boundary" in guarded and boundary == "not_given" else boundary
        ),
    )


def _state(given: Sequence[object], whole: bool) -> LayerState:
    if not given:
        return "not_given"
    return "read" if whole else "partly"


def _sealed(exports: Sequence[Export], layer: str) -> LayerState:
    """Return what the sealed files say of a layer; they have to agree."""
    said = {e.header.layers.get(layer) if e.header else None for e in exports}
    if said == {"read"}:
        return "read"
    return "partly" if said & {"read", "partly"} else "not_given"


def _all_above_read(inheriting: Iterable[Joined], joined: Mapping[str, Joined]) -> bool:
    """
    Return whether the policies above every resource can have been read.

    A container without a policy of its own may stand between; the topmost has one.
    """
    chains = {
        (one.name, *(one.ancestors or ()))
        if one.name.startswith(CONTAINERS)
        else one.ancestors or ()
        for one in inheriting
    }
    containers = {name for chain in chains for name in chain}
    tops = {chain[-1] for chain in chains if chain}
    if any(name not in joined for name in containers):
        return False
    return all(joined[top].policy is not None for top in tops)
