"""
Does an identity hold a permission on a resource? Yes, no, or what would tell.

Allow policies add up over a resource and everything above it; nothing below takes
away. A deny policy, or boundaries that do not list the resource, take away whatever
is granted; that either does so is enough, so their order does not matter
(cloud.google.com/iam/docs/policy-types#evaluation). What was not read (groups,
ancestors, role definitions, tags) makes the answers it could change unknown, and no
others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING

from msgspec import UNSET

from dagwarden.facts import (
    Binding,
    CloudRun,
    Facts,
    Origin,
    Record,
)
from dagwarden.graph.access.answers import (
    MANY,
    NO,
    YES,
    Answer,
    Cause,
    Refusal,
    Support,
    Told,
    all_of,
    any_of,
    distinct,
    open_,
)
from dagwarden.graph.access.membership import Claimed, Membership, stands_alone
from dagwarden.graph.hierarchy import Hierarchy, Lineage, short
from dagwarden.graph.principals import (
    ALL_AUTHENTICATED,
    ALL_USERS,
    kind_of,
)
from dagwarden.graph.roles import Roles
from dagwarden.patterns import late

if TYPE_CHECKING:
    from dagwarden.graph.access.boundary import Boundaries
    from dagwarden.graph.access.conditions import Conditions
    from dagwarden.graph.access.deny import Denials

# Members that stand for everyone who authenticates.
_AUTHENTICATED = frozenset({"service_account", "service_agent", "user", "group"})
# Resources whose own policy counts only if their kind was read at all.
_TYPES = tuple(
    (late(pattern), asset_type)
    for pattern, asset_type in (
        (r"//run\.googleapis\.com/.*/services/", "run.googleapis.com/Service"),
        (r"//run\.googleapis\.com/.*/jobs/", "run.googleapis.com/Job"),
        (
            r"//iam\.googleapis\.com/.*/serviceAccounts/",
            "iam.googleapis.com/ServiceAccount",
        ),
        (r"//storage\.googleapis\.com/", "storage.googleapis.com/Bucket"),
    )
)
# What is there of other kinds, or of pools, and has no policy, no snapshot lists.
_MODELLED = late(
    r"//(?:run|storage|cloudresourcemanager|composer)\.googleapis\.com/"
    r"|//iam\.googleapis\.com/.*/serviceAccounts/"
)
_NAMED = 3  # files that a cause names
# What takes away what is granted, as answers name it.
_DENY, _BOUNDARY = "deny policies", "principal access boundaries"


class _Fold(Record, frozen=True, kw_only=True):
    """
    Of the bindings on a place what is the same for all of a pool, and what is not.

    A pool may have thousands of principals and of sets, of which nobody knows who is
    in which.
    """

    alone: list[Binding]  # to be asked of each
    naming: dict[str, list[Binding]]  # member -> the others that name it
    # what would tell of the sets, and by which bindings
    open_ones: list[tuple[Cause, set[str]]]

    def of(self, key: str) -> tuple[list[Binding], list[Cause]]:
        """Return the bindings to ask of an identity, and what the others leave open."""
        everyone = (*_everyone(key), key)
        named = (one for member in everyone for one in self.naming.get(member, ()))
        own = {one.id: one for one in named}  # one may name it and everyone
        causes = (cause for cause, by in self.open_ones if not by <= own.keys())
        return [*self.alone, *own.values()], list(islice(causes, MANY))


class Access:
    """The policies of one snapshot, indexed by resource and by member."""

    def __init__(
        self,
        facts: Facts,
        hierarchy: Hierarchy,
        roles: Roles,
        claimed: Iterable[Claimed] = (),
    ) -> None:
        """
        Index bindings; linear in their members.

        `claimed` are the federated identities whose tokens are known.
        """
        self.hierarchy = hierarchy
        self.roles = roles
        snapshot = facts.snapshots[0] if facts.snapshots else None
        self._facts = facts
        self._layers = snapshot.layers if snapshot else None
        self._asset_types = frozenset(snapshot.asset_types if snapshot else ())
        self.as_of = _moment(snapshot.as_of) if snapshot else None
        self.membership = Membership(facts, hierarchy, self.as_of, self._basic, claimed)
        self._on: dict[str, list[Binding]] = defaultdict(list)
        self._of: dict[str, list[Binding]] = defaultdict(list)
        # by the record's identity, where members are not written as their keys
        self._members: dict[int, tuple[str, ...]] = {}
        self._index(facts.bindings)
        # keys that stand, or may stand, for others, and the bindings that have any
        self._many = {
            key for key in self._of if not stands_alone(key) or "?uid=" in key
        }
        opening = {id(one) for key in self._many for one in self._of[key]}
        self._open = [one for one in facts.bindings if id(one) in opening]
        self._runs = {
            hierarchy.canonical(run.resource): run for run in facts.cloud_runs
        }
        self._answers: dict[tuple[str, str, str], Answer] = {}
        self._guards: dict[str, tuple[str, ...]] = {}
        self._givers: dict[tuple[str, str], list[Binding]] = {}
        self._folds: dict[tuple[str | None, str, str, str], _Fold] = {}

    def _index(self, bindings: Iterable[Binding]) -> None:
        """Index bindings by place and member: a large organisation has many of both."""
        canonical, on, of = self.hierarchy.canonical, self._on, self._of
        written = set[str]().union(*[one.members for one in bindings])
        each = ((member, self.membership.key(member)) for member in written)
        respelled = {member: key for member, key in each if key != member}
        place, here = "", list[Binding]()
        for binding in bindings:
            members = binding.members
            if respelled and not respelled.keys().isdisjoint(members):
                keys = [respelled.get(member, member) for member in members]
                members = self._members[id(binding)] = tuple(dict.fromkeys(keys))
            if binding.resource != place:  # those of one resource stand together
                place = binding.resource
                here = on[canonical(place)]
            here.append(binding)
            for key in members:
                of[key].append(binding)

    # What only some snapshots need: a scan without one does not load it.

    @cached_property
    def conditions(self) -> "Conditions":
        """The evaluation of conditions."""
        from dagwarden.graph.access.conditions import Conditions
        from dagwarden.graph.access.tags import Tags

        tags = Tags(self._facts, self.hierarchy)
        return Conditions(self.as_of, tags, self.hierarchy)

    @cached_property
    def _denials(self) -> "Denials | None":
        if not self._facts.deny_policies:
            return None
        from dagwarden.graph.access.deny import Denials

        return Denials(self._facts, self.hierarchy, self.membership, self.conditions)

    @cached_property
    def _boundaries(self) -> "Boundaries | None":
        if not (self._facts.boundary_policies or self._facts.boundary_bindings):
            return None
        from dagwarden.graph.access.boundary import Boundaries

        return Boundaries(self._facts, self.hierarchy, self.membership, self.conditions)

    # ------------------------------------------------------------------- lookups

    def members(self, binding: Binding) -> tuple[str, ...]:
        """Return the keys of a binding's members, each once."""
        return self._members.get(id(binding), binding.members)

    def bindings_on(self, resource: str) -> list[Binding]:
        """Return the bindings written on a resource itself."""
        return self._on.get(self.hierarchy.canonical(resource), [])

    def bindings_of(self, key: str) -> Iterator[Binding]:
        """Return the bindings that surely have an identity as a member."""
        for member in self.standing_for(key):
            yield from self._of.get(member, ())

    def standing_for(self, key: str) -> Iterable[str]:
        """Return the members that surely stand for an identity: its groups, everyone."""
        members = (key, *self.membership.groups_of(key), *_everyone(key))
        return dict.fromkeys(members)

    def named(self) -> Iterable[str]:
        """Return the keys of all members of all bindings, each once."""
        return self._of.keys()

    @property
    def many(self) -> AbstractSet[str]:
        """Return the members that stand, or may stand, for others than their own key."""
        return self._many

    def naming(self, key: str) -> Sequence[Binding]:
        """Return the bindings that name a key itself."""
        return self._of.get(key, ())

    def open_bindings(self) -> list[Binding]:
        """Return the bindings of members that stand for others (groups, ...)."""
        return self._open

    def run(self, resource: str) -> CloudRun | None:
        """Return the Cloud Run fact of a resource."""
        return self._runs.get(self.hierarchy.canonical(resource))

    # ------------------------------------------------------------------- answers

    def holds(self, key: str, permission: str, resource: str) -> Answer:
        """Answer whether the identity holds the permission on the resource."""
        key = self.membership.key(key)
        resource = self.hierarchy.canonical(resource)
        question = (key, permission, resource)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = self._decide(*question)
        return answer

    def _decide(self, key: str, permission: str, resource: str) -> Answer:
        opened, doubt = self._unchecked(permission, resource)
        if opened is not None:
            return Answer(held=True, supports=(opened,))
        answer = self._allowed(key, permission, resource, doubt)
        if answer.held is False:
            return answer
        return self._guarded(key, permission, resource, answer)

    def _allowed(
        self, key: str, permission: str, resource: str, doubt: list[Cause]
    ) -> Answer:
        """Return what allow policies alone say."""
        lineage = self.hierarchy.lineage(resource)
        supports: list[Support] = []
        for place in lineage.names:
            giving = self._giving(place, permission)
            if giving and self._is_any_of_a_pool(key):
                fold = self._fold(place, permission, resource, key)
                giving, causes = fold.of(key)
                doubt.extend(causes)
            for binding in giving:
                told = self._grants(binding, key, permission, resource)
                if told.held is True:
                    inherited = place != resource
                    supports.append(self._support(binding, key, inherited, told))
                doubt.extend(told.causes)
        if supports:
            return Answer(held=True, supports=tuple(supports))
        doubt.extend(self._unread(lineage))
        doubt.extend(self._type_unread(resource))
        return Answer(held=None if doubt else False, causes=distinct(doubt))

    def _giving(self, place: str, permission: str) -> list[Binding]:
        """Return the bindings on a place whose role holds a permission, or may."""
        found = self._givers.get((place, permission))
        if found is None:
            found = self._givers[place, permission] = [
                binding
                for binding in self._on.get(place, ())
                if self.roles.holds(binding.role, permission) is not False
            ]
        return found

    def _is_any_of_a_pool(self, key: str) -> bool:
        """Tell whether all that is known of an identity is its pool, and its name."""
        federated = kind_of(key) == "federated"
        return federated and not self.membership.settled(key)

    def _fold(self, place: str, permission: str, resource: str, key: str) -> "_Fold":
        """Return what is the same for all of a pool of whom no more is known."""
        question = (self.membership.pool(key), permission, resource, place)
        found = self._folds.get(question)
        if found is None:
            found = self._folds[question] = self._find_fold(*question)
        return found

    def _find_fold(
        self, pool: str | None, permission: str, resource: str, place: str
    ) -> "_Fold":
        alone: list[Binding] = []
        naming: dict[str, list[Binding]] = defaultdict(list)
        open_ones: dict[Cause, set[str]] = defaultdict(set)
        anyone = f"principal://iam.googleapis.com/{pool}/subject/"
        for binding in self._giving(place, permission):
            members = self.members(binding)
            many = self._many.intersection(members)
            if pool is None or not all(map(_part_of_a_pool, many)):
                alone.append(binding)
                continue
            for member in members:
                naming[member].append(binding)
            if many:
                told = self._grants(binding, anyone, permission, resource)
                for cause in told.causes:
                    open_ones[cause].add(binding.id)
        return _Fold(alone=alone, naming=naming, open_ones=sorted(open_ones.items()))

    def _unchecked(
        self, permission: str, resource: str
    ) -> tuple[Support | None, list[Cause]]:
        """Return whether a service lets everyone in, whatever its policy says."""
        run = self._runs.get(resource)
        if run is None or run.kind != "service" or permission != "run.routes.invoke":
            return None, []
        if run.invoker_check_disabled is True:
            origin = Origin(source=run.resource, field="invokerIamDisabled")
            return (
                Support(binding=None, member=ALL_USERS, inherited=False, origin=origin),
                [],
            )
        if run.invoker_check_disabled is UNSET:
            symbol = f"invoker check of {short(run.resource)}"
            return None, [Cause(reason="layer", symbol=symbol)]
        return None, []

    def _grants(
        self, binding: Binding, key: str, permission: str, resource: str
    ) -> Told:
        """Tell whether a binding grants: its role, its members, its condition."""
        member = self.is_member(binding, key)
        if member.held is False:  # as of most
            return NO
        return all_of(self._demands(binding, member, permission, resource))

    def gives(self, binding: Binding, key: str, permission: str, resource: str) -> Told:
        """Tell whether one binding gives a permission that nothing takes away."""
        key = self.membership.key(key)
        resource = self.hierarchy.canonical(resource)
        told = self._grants(binding, key, permission, resource)
        if told.held is False:
            return told
        refusals, causes = self._refused(key, permission, resource)
        if refusals:
            return NO
        return Told(
            held=None if causes or told.held is None else True,
            causes=(*told.causes, *causes),
        )

    def nowhere(self, binding: Binding, key: str, permission: str) -> bool:
        """
        Tell whether a binding that gives nothing on its own resource gives nothing below.

        Below, a condition or deny rule may find other tags, and a boundary its
        resources.
        """
        if binding.condition is not None:
            always = self.conditions.always(binding.condition)
            if always is not True:
                return always is False
        key, place = (
            self.membership.key(key),
            self.hierarchy.canonical(binding.resource),
        )
        if self.is_member(binding, key).held is False:
            return True
        lineage = self.hierarchy.lineage(place)
        if self._denials and self._denials.everywhere(key, permission, lineage):
            return True
        return self._boundaries is None or not self._boundaries.lets(key, place)

    def _demands(
        self, binding: Binding, member: Told, permission: str, resource: str
    ) -> Iterator[Told]:
        held = self.roles.holds(binding.role, permission)
        yield open_(role_cause(binding.role)) if held is None else _told(held)
        yield member
        if binding.condition is not None:
            yield self.conditions.grants(binding, permission, resource)

    def is_member(self, binding: Binding, key: str) -> Told:
        """Tell whether a binding's members cover an identity."""
        keys = self.members(binding)
        if key in keys or ALL_USERS in keys:
            return YES
        if ALL_AUTHENTICATED in keys and ALL_AUTHENTICATED in _everyone(key):
            return YES
        many = self._many.intersection(keys)
        if not many:
            return NO
        return any_of(self.membership.covers(one, key) for one in sorted(many))

    def _basic(self, key: str, role: str, project: str) -> Told:
        """Tell who holds a basic role on a project: `projectEditor:p` means them."""
        name = self.hierarchy.canonical(project)
        lineage = self.hierarchy.lineage(name)
        symbol = f"who has {role} on {short(name)}"
        unknown = open_(Cause(reason="membership", symbol=symbol))
        doubt = bool(tuple(self._unread(lineage)))
        for place in lineage.names:
            for binding in self._on.get(place, ()):
                if binding.role != role:
                    continue
                told = self.is_member(binding, key)
                # whether a role inherited by the project counts is not documented
                if told.held and place == name and binding.condition is None:
                    return YES
                doubt = doubt or told.held is not False
        return unknown if doubt else NO

    def _support(
        self, binding: Binding, key: str, inherited: bool, told: Told
    ) -> Support:
        keys = self.members(binding)
        direct = [item for item in (key, *_everyone(key)) if item in keys]
        member = direct[0] if direct else told.via[-1].key if told.via else key
        if not direct and not told.via:
            covers = self.membership.covers
            many = sorted(self._many.intersection(keys))
            member = next((one for one in many if covers(one, key).held), key)
        return Support(
            binding=binding,
            member=member,
            inherited=inherited,
            origin=binding.origin,
            via=() if direct else told.via,
        )

    # ---------------------------------------------------------------------- guardrails

    def _guarded(
        self, key: str, permission: str, resource: str, answer: Answer
    ) -> Answer:
        """Return an answer of allow policies, as deny policies and boundaries leave it."""
        refusals, perhaps = self._refused(key, permission, resource)
        if refusals:
            return Answer(held=False, supports=answer.supports, refusals=refusals)
        causes = distinct((*answer.causes, *perhaps))
        held = True if answer.held and not causes else None
        return Answer(held=held, supports=answer.supports, causes=causes)

    def leaves(self, key: str, permission: str, resource: str) -> Told:
        """Tell whether nothing takes a permission away, if it is granted."""
        key = self.membership.key(key)
        refusals, causes = self._refused(
            key, permission, self.hierarchy.canonical(resource)
        )
        if refusals:
            return NO
        return open_(*causes) if causes else YES

    def _refused(
        self, key: str, permission: str, resource: str
    ) -> tuple[tuple[Refusal, ...], list[Cause]]:
        lineage = self.hierarchy.lineage(resource)
        refusals: list[Refusal] = []
        causes: list[Cause] = [*self.unread_guards()]
        if self._denials is not None:
            found, open_ones = self._denials.refuse(key, permission, resource, lineage)
            refusals.extend(found)
            causes.extend(open_ones)
        if self._boundaries is not None:
            found, open_ones = self._boundaries.refuse(key, permission, lineage)
            refusals.extend(found)
            causes.extend(open_ones)
        return tuple(refusals), causes

    def guarded(self, permission: str) -> bool:
        """Tell whether anything might take a permission away from someone somewhere."""
        return bool(self.guards(permission))

    def guards(self, permission: str) -> tuple[str, ...]:
        """Name what might take a permission away from someone somewhere."""
        found = self._guards.get(permission)
        if found is None:
            found = self._guards[permission] = tuple(self._find_guards(permission))
        return found

    def _find_guards(self, permission: str) -> Iterator[str]:
        unread = {cause.symbol for cause in self.unread_guards()}
        layers = ((_DENY, self._denials), (_BOUNDARY, self._boundaries))
        for symbol, read in layers:
            if symbol in unread or (read is not None and read.touches(permission)):
                yield symbol

    def unread_guards(self) -> Iterator[Cause]:
        """Yield the layers that may take permissions away and were read in part."""
        yield from self._partly

    @cached_property
    def _partly(self) -> tuple[Cause, ...]:
        layers = self._layers
        found: list[Cause] = []
        if layers and layers.deny == "partly":
            found.append(self._lost("deny policies", "deny_policy"))
        if layers and layers.boundary == "partly":
            kinds = ("boundary_policy", "boundary_binding")
            found.append(self._lost("principal access boundaries", *kinds))
        return tuple(found)

    def _lost(self, what: str, *kinds: str) -> Cause:
        """Return the cause of a layer that was read in part, with the files that tell."""
        files = sorted(
            {
                gap.origin.source
                for gap in self._facts.gaps
                if gap.incomplete and not set(kinds).isdisjoint(gap.kinds)
            }
        )
        named = f" (in {', '.join(files[:_NAMED])})" if files else ""
        return Cause(reason="layer", symbol=what + named)

    def unread(self, resource: str) -> tuple[Cause, ...]:
        """Return what could still grant on a resource, for all that was read."""
        return distinct(self._unread(self.hierarchy.lineage(resource)))

    def _unread(self, lineage: Lineage) -> Iterable[Cause]:
        """Return what could still grant, for all that was read."""
        state = self._layers.allow if self._layers else "not_given"
        if state != "read":
            yield Cause(reason="layer", symbol="IAM policies of the snapshot")
        for missing in lineage.missing:
            yield Cause(reason=missing.reason, symbol=missing.symbol)

    def _type_unread(self, resource: str) -> Iterator[Cause]:
        """Yield the asset type of a resource if none of its kind was read."""
        for pattern, asset_type in _TYPES:
            if pattern().match(resource) and asset_type not in self._asset_types:
                yield Cause(reason="layer", symbol=f"asset type {asset_type}")
        if not _MODELLED().match(resource) and resource not in self._on:
            symbol = f"IAM policy of {short(resource)} itself"
            yield Cause(reason="layer", symbol=symbol)

    def assumes(self) -> tuple[str, ...]:
        """Say on what assumptions the answers of this snapshot rest."""
        said: list[str] = []
        if self.roles.shipped:
            date = self.roles.catalogue.as_of
            said.append(
                f"predefined roles that were not read hold what they held on {date}"
            )
        layers = self._layers
        deny = layers.deny if layers else "not_given"
        boundary = layers.boundary if layers else "not_given"
        if deny == "not_given":
            said.append("no deny policy applies: the snapshot holds no deny layer")
        elif self._facts.deny_policies:
            count = len(self._facts.deny_policies)
            those = "one that was" if count == 1 else f"{count} that were"
            said.append(f"no deny policy applies but the {those} read")
        if boundary == "not_given":
            said.append(
                "no principal access boundary applies: the snapshot holds no such layer"
            )
        elif self._facts.boundary_bindings:
            count = len(self._facts.boundary_bindings)
            those = "one binding" if count == 1 else f"{count} bindings"
            said.append(f"no access boundary is bound but by the {those} read")
        if count := len(self._facts.service_perimeters):
            those = "one is" if count == 1 else f"{count} are"
            said.append(f"service perimeters block nothing: {those} not evaluated")
        if layers and layers.tags == "read":
            said.append("resources have no tags but those that were read")
        if self.as_of is not None and self._conditional:
            said.append(f"conditions are asked at {self.as_of.isoformat()}")
        return tuple(sorted(said))

    @cached_property
    def _conditional(self) -> bool:
        return any(binding.condition for binding in self._facts.bindings)


def role_cause(role: str) -> Cause:
    """Return the cause of an unknown role definition."""
    return Cause(reason="layer", symbol=f"definition of {role}")


def _part_of_a_pool(member: str) -> bool:
    """Tell whether a member is some of a pool: by a group or an attribute."""
    if not member.startswith("principalSet://iam."):
        return False
    return "/group/" in member or "/attribute." in member


def _told(held: bool) -> Told:
    return YES if held else NO


def _moment(text: object) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _everyone(key: str) -> tuple[str, ...]:
    """Return the members that stand for everyone, as far as they cover the key."""
    if kind_of(key) in _AUTHENTICATED or key == ALL_AUTHENTICATED:
        return (ALL_AUTHENTICATED, ALL_USERS)
    return (ALL_USERS,)
