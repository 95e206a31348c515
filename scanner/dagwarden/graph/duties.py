"""
Duties that are to be kept apart: who calls a workload, and who may change it.

Changing one takes a permission to deploy on it and one to act as an account of its
project (cloud.google.com/run/docs/configuring/services/service-identity#required_roles).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from dagwarden.facts import Binding, Record, Unresolved
from dagwarden.graph.access import NO, Cause, Told, all_of, any_of, distinct
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.needs import ACT_AS
from dagwarden.graph.principals import kind_of

_CONTAINER = "//cloudresourcemanager.googleapis.com/"
_PROJECT = f"{_CONTAINER}projects/"
_RUN = "//run.googleapis.com/"
# What calls a kind of workload, what changes one, and what makes one.
_KINDS = (
    ("/services/", "run.routes.invoke", "run.services.update", "run.services.create"),
    ("/jobs/", "run.jobs.run", "run.jobs.update", "run.jobs.create"),
)
_WANTED = frozenset({ACT_AS, *(name for _, _, *names in _KINDS for name in names)})
_ASKED = _WANTED.union(call for _, call, *_ in _KINDS)
# Members that stand for some identities of a kind, and not for others of it.
_VARYING = ("principalSet:", "project", "deleted:")


class Deploys(Record, frozen=True, kw_only=True):
    """
    Whether someone may change what he calls; `by`: the bindings that let him.

    `why` says what would tell, where that is not known.
    """

    held: bool | None
    by: tuple[str, ...] = ()
    why: tuple[Unresolved, ...] = ()


_NEVER = Deploys(held=False)


class _Open:
    """Bindings of unread groups that may let people deploy at a place."""

    def __init__(self, bindings: tuple[Binding, ...], *, alike: bool) -> None:
        self.bindings = bindings
        self.alike = alike  # they tell the same of all of a kind, wherever it is asked


class _Site(Record, frozen=True, kw_only=True):
    """What is the same for all who call what a binding stands on."""

    scope: str
    where: str  # the kind of a workload, or the scope
    # who acts as an account of the project need not hold that on the workload
    around: str
    near: _Open
    far: _Open
    alike: bool  # it tells the same of all of a kind who have none of their own
    doubt: tuple[Cause, ...]


class _Own:
    """Bindings by which an identity surely deploys, by where they stand."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.within: dict[str, list[Binding]] = defaultdict(list)  # by project
        self.elsewhere: list[Binding] = []


class Duties:
    """
    Tells whether those who may call workloads may change them, too.

    Who deploys by no binding of their own are told together: an organisation has many
    who may call, and many groups that were not read.
    """

    def __init__(self, estate: Estate) -> None:
        """Note the bindings that may let people deploy."""
        self._access = estate.access
        self._hierarchy = estate.hierarchy
        self._roles: dict[str, bool] = {}  # whether what a role holds lets deploy
        self._guarded = any(map(estate.access.guarded, sorted(_ASKED)))
        self._at: dict[str, list[Binding]] = defaultdict(list)
        self._below: dict[str, list[Binding]] = defaultdict(list)
        self._alike: set[str] = set()
        for binding in filter(self._may_deploy, estate.access.open_bindings()):
            place, *above = self._hierarchy.lineage(binding.resource).names
            self._at[place].append(binding)
            for container in above:
                self._below[container].append(binding)
            if self._is_alike(binding):
                self._alike.add(binding.id)
        self._of: dict[str, list[Binding]] = defaultdict(list)  # by member
        for binding in filter(self._may_deploy, estate.facts.bindings):
            for member in estate.access.members(binding):
                self._of[member].append(binding)
        self._places: dict[str, _Open] = {}
        self._same: dict[tuple[str, ...], _Open] = {}
        self._owned: dict[str, _Own] = {}
        self._sites: dict[str, _Site] = {}
        self._told: dict[tuple[str, str, str], Told] = {}
        self._found: dict[tuple[object, ...], Deploys] = {}

    def _is_alike(self, binding: Binding) -> bool:
        """Tell whether an open binding tells the same of all of a kind, anywhere."""
        return self._always(binding) is not None and not any(
            member.startswith(_VARYING) or "?uid=" in member
            for member in self._access.members(binding)
        )

    def _may_deploy(self, binding: Binding) -> bool:
        may = self._roles.get(binding.role)
        if may is None:
            held = self._access.roles.perhaps(binding.role)
            may = self._roles[binding.role] = not _WANTED.isdisjoint(held)
        return may

    def deploys(self, key: str, binding: Binding) -> Deploys:
        """Tell whether an identity may change a workload that a binding lets it call."""
        site = self._sites.get(binding.resource)
        if site is None:
            site = self._sites[binding.resource] = self._site(binding.resource)
        own = self._own(key, site.around)
        question: tuple[object, ...] = (key, site.scope)
        if site.alike and (not own or None not in map(self._always, own)):
            names = tuple(sorted(one.id for one in own))
            where = site.scope if own else site.where
            question = (kind_of(key), names, where, site.near, site.far)
        always = self._always(binding)
        question = (*question, binding.role, always, site.doubt)
        found = None if always is None else self._found.get(question)
        if found is None:
            found = self._decide(key, binding, site, own)
            self._found[question] = found
        return found

    def _site(self, resource: str) -> _Site:
        scope = self._hierarchy.canonical(resource)
        around = self._hierarchy.project_of(scope) or scope
        far = self._open(around)
        return _Site(
            scope=scope,
            where=_where(scope),
            around=around,
            near=self._open(scope),
            far=far,
            alike=far.alike and not self._guarded,
            doubt=self._access.unread(scope),
        )

    def _always(self, binding: Binding) -> bool | None:
        """Tell whether a binding grants, whatever the resource; None: it depends."""
        if binding.condition is None:
            return True
        return self._access.conditions.always(binding.condition)

    def _open(self, place: str) -> _Open:
        """Return the bindings of unread groups on a place, above it and below it."""
        found = self._places.get(place)
        if found is None:
            above = self._hierarchy.lineage(place).names
            each = {one.id: one for name in above for one in self._at.get(name, ())}
            each.update((one.id, one) for one in self._below.get(place, ()))
            names = tuple(sorted(each))
            found = self._same.get(names)
            if found is None:
                bindings = tuple(each[name] for name in names)
                alike = self._alike.issuperset(names)
                found = self._same[names] = _Open(bindings, alike=alike)
            self._places[place] = found
        return found

    def _own(self, key: str, place: str) -> tuple[Binding, ...]:
        """Return the bindings by which an identity surely deploys near a place."""
        own = self._owned.get(key)
        if own is None:
            own = self._owned[key] = self._find_own(key)
        if not own.names:
            return ()
        if not own.elsewhere and place.startswith(_PROJECT):
            return tuple(own.within.get(place, ()))
        others = chain(own.elsewhere, *own.within.values())
        return tuple(
            one
            for one in others
            if self._deeper(place, self._hierarchy.canonical(one.resource)) is not None
        )

    def _find_own(self, key: str) -> _Own:
        own = _Own()
        standing = self._access.standing_for(key)
        for one in chain.from_iterable(self._of.get(member, ()) for member in standing):
            own.names.add(one.id)
            project = self._hierarchy.project_of(one.resource)
            (own.within[project] if project else own.elsewhere).append(one)
        return own

    def _decide(
        self, key: str, binding: Binding, site: _Site, own: tuple[Binding, ...]
    ) -> Deploys:
        open_ways: list[Told] = []
        for one in self._candidates(own, site.scope):
            for told, acting in self._ways(key, binding, site.scope, one, own):
                if told.held is True:
                    return Deploys(held=True, by=tuple(sorted({one.id, acting.id})))
                open_ways.append(told)
        causes = distinct((*any_of(open_ways).causes, *site.doubt))
        if not causes:
            return _NEVER
        return Deploys(held=None, why=unresolved(causes, "deploys"))

    def _candidates(self, own: tuple[Binding, ...], place: str) -> Iterable[Binding]:
        """Return the bindings near a place by which an identity deploys, or may."""
        may = self._open(place).bindings
        if not own:
            return may
        each = {one.id: one for one in (*own, *may)}
        return [each[name] for name in sorted(each)]

    def _gives(self, one: Binding, key: str, permission: str, place: str) -> Told:
        """Tell whether a binding gives a permission: once for all alike in it."""
        if permission not in self._access.roles.perhaps(one.role):
            return NO
        if self._guarded or self._always(one) is None:
            return self._access.gives(one, key, permission, place)
        if key in self._access.members(one) or one.id in self._owned[key].names:
            named = one.role if one.condition is None else one.id
            question = (named, "", permission)
        elif one.id in self._alike:
            question = (one.id, kind_of(key), permission)
        else:
            return self._access.gives(one, key, permission, place)
        told = self._told.get(question)
        if told is None:
            told = self._access.gives(one, key, permission, place)
            self._told[question] = told
        return told

    def _ways(
        self,
        key: str,
        calling: Binding,
        scope: str,
        deploying: Binding,
        own: tuple[Binding, ...],
    ) -> Iterator[tuple[Told, Binding]]:
        """Yield whether one binding lets the identity deploy, with each that lets it act."""
        place = self._deeper(scope, self._hierarchy.canonical(deploying.resource))
        if place is None or not place.startswith((_RUN, _CONTAINER)):
            return
        changes = self._changes(key, calling, deploying, place)
        if changes.held is False:
            return
        project = self._hierarchy.project_of(place) or place
        for one in self._candidates(own, project):
            account = self._deeper(project, self._hierarchy.canonical(one.resource))
            if account is not None:
                acts = self._gives(one, key, ACT_AS, account)
                yield all_of((changes, acts)), one

    def _changes(
        self, key: str, calling: Binding, deploying: Binding, place: str
    ) -> Told:
        """Tell whether the identity calls and changes workloads of one kind at a place."""
        gives = self._gives
        ways: list[Told] = []
        for part, call, update, create in _KINDS:
            if place.startswith(_RUN) and part not in place:
                continue
            calls = gives(calling, key, call, place)
            if calls.held is False:
                continue
            # on a workload itself there is nothing to create
            names = (update,) if place.startswith(_RUN) else (update, create)
            changes = any_of(gives(deploying, key, name, place) for name in names)
            ways.append(all_of((calls, changes)))
        return any_of(ways) if ways else NO

    def _deeper(self, one: str, other: str) -> str | None:
        """Return the lower of two places, one of which lies in the other."""
        if other in self._hierarchy.lineage(one).names:
            return one
        return other if one in self._hierarchy.lineage(other).names else None


def _where(scope: str) -> str:
    """Return what of a place tells what deploying there takes: the kind of a workload."""
    kinds = (part for part, *_ in _KINDS if part in scope)
    return next(kinds, scope) if scope.startswith(_RUN) else scope
