"""
Who holds no permission today, and can come to: by setting a policy, or changing a role.

Of one identity, and of all that policies above a resource name.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import structs

from dagwarden.facts import Binding, Hop
from dagwarden.graph.access import NO, Answer, Cause, Told, all_of
from dagwarden.graph.access.decide import Access
from dagwarden.graph.edges import UPDATE_ROLE, Gives, usable
from dagwarden.graph.estate import Estate
from dagwarden.graph.paths import chosen, grant_hop, grant_hops, refusal_hops
from dagwarden.graph.reach import Control, means, role_parent
from dagwarden.graph.usable import called, why_nobody, why_unusable

Chain = tuple[Hop, ...]

# What sets the policy of what, by the beginning of its name.
# Source: cloud.google.com/iam/docs/permissions-reference
_SETS_POLICY = (
    (re.compile(r"//cloudresourcemanager\.googleapis\.com/(\w+)/[^/]+"), "resourcemanager.{}.setIamPolicy"),
    (re.compile(r"//run\.googleapis\.com/.*/(services|jobs)/[^/]+"), "run.{}.setIamPolicy"),
    (re.compile(r"//iam\.googleapis\.com/.*/(serviceAccounts)/[^/]+"), "iam.{}.setIamPolicy"),
    (re.compile(r"//storage\.googleapis\.com/()[^/]+"), "storage.buckets.setIamPolicy"),
)  # fmt: skip


def sets_policy(resource: str) -> str | None:
    """Return the permission to set a resource's policy, of what is modelled."""
    for pattern, permission in _SETS_POLICY:
        if found := pattern.fullmatch(resource):
            return permission.format(found[1])
    return None


def direct_chains(
    access: Access, key: str, permission: str, resource: str, answer: Answer
) -> Iterator[tuple[Hop, ...]]:
    """Yield the chain of each grant of an answer, those on the resource itself first."""
    ordered = sorted(
        answer.supports,
        key=lambda item: (item.inherited, item.binding.id if item.binding else ""),
    )
    for support in ordered:
        yield (
            *grant_hops(access, key, permission, resource, support),
            *refusal_hops(answer, permission, resource),
        )


def given_itself(
    estate: Estate, key: str, permission: str, resource: str
) -> tuple[list[tuple[Hop, ...]], list[Cause]]:
    """
    Return how an identity may give itself a permission, and what would tell.

    By the policy of the resource or of what is above it. What a deny policy or a
    boundary takes away it does not get by a grant.
    """
    access = estate.access
    left = access.leaves(key, permission, resource)
    if left.held is False or why_nobody(estate, key):
        return [], []
    useless = why_unusable(estate, key, permission)
    chains: list[tuple[Hop, ...]] = []
    doubt: list[Cause] = []
    for place in estate.hierarchy.lineage(resource).names:
        sets = sets_policy(place)
        if sets is None:
            continue
        answer = access.holds(key, sets, place)
        if answer.held is not True or left.held is not True:
            if answer.held is not False:
                doubt.extend((*answer.causes, *left.causes))
            continue
        shown = estate.hierarchy.shown(place)
        if useless:  # to itself; the organisation's policies may let it let everyone in
            symbol = f"whom {sets} on {shown} may let in"
            doubt.append(Cause(reason="guardrail", symbol=symbol))
            continue
        gives = Hop(
            kind="holds",
            source=key,
            target=resource,
            text=f"gives itself a role that holds {permission} on {shown}: {sets}",
            origin=chosen(answer).origin,
        )
        chains.append((*next(direct_chains(access, key, sets, place, answer)), gives))
    return chains, doubt


def given_another(
    control: Control,
    visited: Mapping[str, str],
    nodes: Iterable[str],
    way: Callable[[str], Chain],
    permission: str,
    resource: str,
) -> tuple[list[Chain], list[Cause]]:
    """
    Return how one whom someone is gives a permission to another whom he is; and doubt.

    `nodes` are all that he gets, of whomever; `visited` those as whom he calls APIs,
    each with its node; `way` is how he gets there.
    """
    estate, access = control.estate, control.estate.access
    setters, doubt = _setters(control, visited, way, resource)
    for before, hop in setters:
        for node in nodes:
            _, key = means(node)
            if not usable(means(node)[0], permission) or key == hop.source:
                continue
            if why_unusable(estate, key, permission):
                continue
            left = access.leaves(key, permission, resource)
            doubt.extend(left.causes)
            if left.held is True:
                text = f"gives {called(key)} a role that holds {permission}{hop.text}"
                gives = structs.replace(hop, target=resource, text=text)
                return [(*before, gives, *way(node))], []
    return [], doubt


def _setters(
    control: Control,
    visited: Mapping[str, str],
    way: Callable[[str], Chain],
    resource: str,
) -> tuple[list[tuple[Chain, Hop]], list[Cause]]:
    """Return who sets a policy on a resource or above it, as the hops that lead there."""
    estate, access = control.estate, control.estate.access
    found: list[tuple[Chain, Hop]] = []
    doubt: list[Cause] = []
    for place in estate.hierarchy.lineage(resource).names:
        sets = sets_policy(place)
        if sets is None:
            continue
        on = f" on {estate.hierarchy.shown(place)}: {sets}"
        for key, node in visited.items():
            answer = access.holds(key, sets, place)
            doubt.extend(answer.causes)
            if answer.held is True:
                chain = next(direct_chains(access, key, sets, place, answer))
                origin = chosen(answer).origin
                hop = Hop(kind="holds", source=key, target="", text=on, origin=origin)
                found.append(((*way(node), *chain), hop))
                break
        else:
            chains, causes = added(control, visited, way, sets, place)
            doubt.extend(causes)
            for chain in chains[:1]:
                hop = structs.replace(chain[-1], kind="holds", text=on)
                found.append((chain, hop))
    return found, doubt


class Helping:
    """Tells of whom it may help to be one, to come to hold a permission."""

    def __init__(
        self,
        control: Control,
        visited: Iterable[str],
        permission: str,
        resource: str,
    ) -> None:
        """Ask for someone who surely is `visited`, and none of them holds it."""
        self._access = control.estate.access
        self._permission, self._resource = permission, resource
        names = control.estate.hierarchy.lineage(resource).names
        named = ((sets_policy(place), place) for place in names)
        self._sets = [(sets, place) for sets, place in named if sets is not None]
        self._custom = {one.id: one for one in _custom(control.estate, resource)}
        self._control, visited = control, tuple(visited)
        # one of them may give it to another, and change his roles
        self._given = any(map(self._may_set, visited))
        self._changed = any(control.changing(key).updates for key in visited)

    def __call__(self, gives: Gives, key: str) -> bool:
        """Tell whether what one gets of an identity may help."""
        calls = gives in ("identity", "api")
        if calls and (self._may_set(key) or self._may_change(key)):
            return True
        if not usable(gives, self._permission):
            return False
        access, question = self._access, (key, self._permission, self._resource)
        if access.holds(*question).held is not False:
            return True
        given = self._given or (self._changed and self._has_custom(key))
        return given and access.leaves(*question).held is not False

    def _may_set(self, key: str) -> bool:
        return any(
            self._access.holds(key, sets, place).held is not False
            for sets, place in self._sets
        )

    def _has_custom(self, key: str) -> bool:
        return any(one.id in self._custom for one in self._control.bindings(key))

    def _may_change(self, key: str) -> bool:
        roles, control = self._control.estate.roles, self._control
        return bool(self._custom) and any(
            control.changes(update, held)
            for update in control.bindings(key)
            if UPDATE_ROLE in roles.perhaps(update.role)
            for held in self._custom.values()
        )


# ----------------------------------------------------------------------- changing roles


def added(
    control: Control,
    visited: Mapping[str, str],
    way: Callable[[str], Chain],
    permission: str,
    resource: str,
) -> tuple[list[Chain], list[Cause]]:
    """
    Return how a permission is added to a custom role, and had by that; and what may be.

    `visited` are those whom someone is or can become, each with its node, and `way` is
    how he gets there. One of them changes the role, and another, or the same, has it.
    """
    chains: list[Chain] = []
    doubt: list[Cause] = []
    for binding in _custom(control.estate, resource):
        changers = [
            (key, node, update)
            for key, node in visited.items()
            for update in control.changing(key).updates
            if control.changes(update, binding)
        ]
        for holder, node in _holders(control, visited, binding) if changers else ():
            if not usable(means(node)[0], permission):
                continue
            for changer, other, update in changers:
                left = _adds(control, changer, holder, binding, permission, resource)
                doubt.extend(left.causes)
                if left.held is True:
                    before = () if other == node else way(other)
                    adds = _addition(control, changer, update, binding, permission)
                    shown = control.estate.hierarchy.shown(binding.resource)
                    has = grant_hop(holder, binding, shown)
                    chains.append((*before, *adds, *way(node), has))
                    break
    return chains, doubt


def _custom(estate: Estate, resource: str) -> Iterator[Binding]:
    """Yield the bindings of custom roles on a resource and above it."""
    for place in estate.hierarchy.lineage(resource).names:
        for binding in estate.access.bindings_on(place):
            custom = role_parent(binding.role) is not None
            if custom and not estate.roles.deleted(binding.role):
                yield binding


def _holders(
    control: Control, keys: Mapping[str, str], binding: Binding
) -> Iterator[tuple[str, str]]:
    for key, node in keys.items():
        changing = control.changing(key)
        if binding in changing.held or binding in changing.perhaps:
            yield key, node


def _adds(
    control: Control,
    changer: str,
    holder: str,
    binding: Binding,
    permission: str,
    resource: str,
) -> Told:
    """Tell whether one who changes a binding's role gives its holder a permission."""
    estate, access = control.estate, control.estate.access
    if why_unusable(estate, holder, permission):
        return NO
    parent = estate.hierarchy.canonical(role_parent(binding.role) or "")
    return all_of(
        (
            access.leaves(holder, permission, resource),
            access.leaves(changer, UPDATE_ROLE, parent),
            access.conditions.grants(binding, permission, resource),
        )
    )


def _addition(
    control: Control, changer: str, update: Binding, binding: Binding, permission: str
) -> Chain:
    hierarchy = control.estate.hierarchy
    return (
        grant_hop(changer, update, hierarchy.shown(update.resource)),
        Hop(
            kind="holds",
            source=changer,
            target=binding.role,
            text=f"adds {permission} to {binding.role}: {UPDATE_ROLE}",
            origin=update.origin,
        ),
    )


# ------------------------------------------------------------------------ of everyone


def who_gives_himself(
    control: Control, permission: str, resource: str, known: Iterable[str]
) -> dict[str, Chain]:
    """
    Return who surely can give himself a permission, each by a shortest chain.

    Of those that policies of the resource and above it name; `known` hold it already.
    """
    estate, access = control.estate, control.estate.access
    left_out, found = frozenset(known), dict[str, Chain]()
    for key in sorted(_setting(estate, resource) - left_out):
        if why_nobody(estate, key):
            continue
        chains, _ = given_itself(estate, key, permission, resource)
        if not chains and access.leaves(key, permission, resource).held is True:
            chains, _ = added(control, {key: key}, lambda _: (), permission, resource)
        if chains:
            found[key] = min(chains, key=len)
    return found


def _setting(estate: Estate, resource: str) -> frozenset[str]:
    """Return who may have what sets a policy on a resource or above it, or a custom role."""
    access, names = estate.access, estate.hierarchy.lineage(resource).names
    sets = {one for one in map(sets_policy, names) if one is not None}
    found: set[str] = set()
    for place in names:
        for binding in access.bindings_on(place):
            perhaps = access.roles.perhaps(binding.role)
            if role_parent(binding.role) or not sets.isdisjoint(perhaps):
                for member in access.members(binding):
                    found.add(member)
                    if member.startswith("group:"):
                        found.update(access.membership.members(member))
    return frozenset(found)
