"""Who can become one of some identities: the control edges, walked from their end."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from dagwarden.facts import Hop, Record
from dagwarden.graph.edges import usable
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import disabled
from dagwarden.graph.reach import (
    PARTS,
    Control,
    Step,
    follows,
    is_pool,
    means,
    node_of,
    step_hops,
)

MOST_TOLD = 200  # identities that become one of them, told per question


class Becoming(Record, frozen=True, kw_only=True):
    """Who becomes one of some identities, each by a shortest chain, nearest first."""

    chains: dict[str, tuple[Hop, ...]]
    complete: bool  # False: there are more than `MOST_TOLD`


class _Way(NamedTuple):
    """The first step of a shortest way to a target."""

    step: Step
    what: str  # behind which the account stands
    after: str  # the node that it leads to


def becoming(
    control: Control,
    targets: AbstractSet[str],
    permission: str,
    known: AbstractSet[str],
) -> Becoming:
    """
    Return who surely becomes a target, with what its use of the permission takes.

    `known` are left out: they hold it themselves. The walk ends with the nearest
    `MOST_TOLD`: what it costs depends on what is near, not on the whole estate.
    """
    level = [
        node_of(gives, key)
        for key in sorted(targets)
        for gives in PARTS
        if usable(gives, permission)
    ]
    ways: dict[str, _Way | None] = dict.fromkeys(level)
    told: list[str] = []
    while level and len(told) <= MOST_TOLD:
        level = sorted(_before(control, level, ways))
        told += (key for key in level if _is_told(control, key, known))
    return Becoming(
        chains={key: tuple(_hops(control, ways, key)) for key in told[:MOST_TOLD]},
        complete=len(told) <= MOST_TOLD,
    )


def _is_told(control: Control, node: str, known: AbstractSet[str]) -> bool:
    gives, key = means(node)
    if gives != "identity" or key in known or is_pool(key):
        return False
    return not disabled(control.estate, Acting(), control.estate.ref(key))


def _before(
    control: Control, level: list[str], ways: dict[str, _Way | None]
) -> Iterator[str]:
    """Yield the nodes before those of a level, each once, and note its way."""
    for after in level:
        gives, account = means(after)
        for key, step, what in control.into(account):
            if step.gives != gives:
                continue
            fresh = [one for one in _holding(control, key, step) if one not in ways]
            if not fresh or not control.lands(key, step, account):
                continue
            for node in fresh:
                if _stays(control, node, step, account, what):
                    ways[node] = _Way(step, what, after)
                    yield node


def _holding(control: Control, key: str, step: Step) -> Iterator[str]:
    """Yield what of an identity is enough for a step of its, any of them."""
    yield key
    if key in control.placed.accounts:
        yield from (
            node_of(gives, key)
            for gives in PARTS
            if gives != "identity" and follows(gives, step)
        )


def _stays(control: Control, node: str, step: Step, account: str, what: str) -> bool:
    """Tell whether nothing that guards takes a step away."""
    if not control.guarded(step):
        return True
    return control.leaves(means(node)[1], step, account, what).held is True


def _hops(control: Control, ways: dict[str, _Way | None], key: str) -> Iterator[Hop]:
    node = key
    while way := ways[node]:
        yield from step_hops(control, node, way.step, way.after, way.what)
        node = way.after
