"""Who can become one of some identities: the control edges, walked from their end."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet

from dagwarden.facts import Binding, Hop, Record
from dagwarden.graph.edges import CONTROLLING, usable
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import disabled
from dagwarden.graph.principals import email_of, kind_of
from dagwarden.graph.reach import Control, ControlGraph, leading, role_parent

MOST_ASKED = 200  # identities that may become one of them, asked per question


class Becoming(Record, frozen=True, kw_only=True):
    """Who becomes one of some identities, each by a shortest chain."""

    chains: dict[str, tuple[Hop, ...]]
    complete: bool  # False: there are more than `MOST_ASKED` to ask


def becoming(
    graph: ControlGraph,
    targets: AbstractSet[str],
    permission: str,
    known: AbstractSet[str],
) -> Becoming:
    """
    Return who surely becomes a target, with what its use of the permission takes.

    `known` are left out: they hold it themselves.
    """
    control = graph.control
    asked: list[str] = []
    complete = True
    for key in _candidates(control, targets):
        if key in known or disabled(control.estate, Acting(), control.estate.ref(key)):
            continue
        if len(asked) == MOST_ASKED:
            complete = False
            break
        asked.append(key)
    chains = leading(
        graph,
        asked,
        lambda account, gives: account in targets and usable(gives, permission),
    )
    return Becoming(chains=chains, complete=complete)


def _candidates(control: Control, targets: AbstractSet[str]) -> Iterator[str]:
    """Yield who may have a control edge into a target, nearest first, each once."""
    access = control.estate.access
    seen, level = set[str](targets), sorted(targets)
    while level:
        following: set[str] = set()
        for place in dict.fromkeys(
            place for key in level for place in _places(control, key)
        ):
            for binding in access.bindings_on(place):
                if _controls(control, binding):
                    following.update(_acting(control, binding))
        level = sorted(following - seen)
        seen.update(level)
        yield from level


def _places(control: Control, key: str) -> Iterator[str]:
    """Yield where a right may stand that gives an identity."""
    hierarchy = control.estate.hierarchy
    pool = control.estate.access.membership.pool(key)
    email = email_of(key)
    if pool is not None:
        yield from hierarchy.lineage(f"//iam.googleapis.com/{pool}").names
    elif email is not None and kind_of(key) == "service_account":
        yield from hierarchy.lineage(account_resource(email)).names
    for workload in control.placed.runs.get(key, ()):
        yield from hierarchy.lineage(workload).names
        if bucket := control.bucket(workload):
            yield from hierarchy.lineage(bucket).names


def _controls(control: Control, binding: Binding) -> bool:
    """Tell whether a binding's role may control anyone; a custom one may be changed."""
    held = control.estate.access.roles.surely(binding.role)
    return bool(held & CONTROLLING) or role_parent(binding.role) is not None


def _acting(control: Control, binding: Binding) -> Iterable[str]:
    """Return the identities in a binding that were read, in groups, too."""
    access = control.estate.access
    for member in access.members(binding):
        if member.startswith("group:"):
            yield member
            yield from access.membership.members(member)
        elif kind_of(member) in ("service_account", "user", "federated"):
            yield member
