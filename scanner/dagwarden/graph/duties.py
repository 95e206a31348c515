"""
Duties that are to be kept apart: who calls a workload, and who may change it.

Changing one takes a permission to deploy on it and one to act as an account of its
project (cloud.google.com/run/docs/configuring/services/service-identity#required_roles).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

from dagwarden.facts import Binding, IdentityKind, Record, Unresolved
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
_PARTS = tuple(part for part, *_ in _KINDS)
_WANTED = frozenset({ACT_AS, *(name for _, _, *names in _KINDS for name in names)})
_ASKED = _WANTED.union(call for _, call, *_ in _KINDS)
# Members that stand for some identities of a kind, and not for others of it.
_VARYING = ("principalSet:", "project", "deleted:")
# Who is nobody in particular, or Google: what they deploy is not theirs to keep apart.
_NO_ONE: frozenset[IdentityKind] = frozenset(
    {"all_users", "all_authenticated_users", "service_agent", "deleted"}
)
# Whether a role gives, on what condition, and where: all that tells of a binding.
_Stand: TypeAlias = tuple[str, bool | None, str]


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


class _Sort:
    """Of which sort a site is: those of one tell the same of all of a kind."""


class _Who(Record, frozen=True, kw_only=True):
    """What an identity tells by itself, whatever it calls."""

    kind: IdentityKind
    standing: tuple[str, ...]  # members that surely stand for it, of those that deploy
    anywhere: bool  # one of them deploys, or may, by what stands in no project


class _Site(Record, frozen=True, kw_only=True):
    """What is the same for all who call a kind of workload of a project."""

    # who acts as an account of the project need not hold that on the workload
    around: str
    # what may let people deploy there, by member
    within: Mapping[str, Sequence[Binding]]
    sort: _Sort | None  # None: what it tells of one, it may not tell of another
    doubt: tuple[Cause, ...]


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
        # of which the permissions may let someone deploy
        self._roles = frozenset(
            filter(self._lets_deploy, {one.role for one in estate.facts.bindings})
        )
        self._guarded = any(map(estate.access.guarded, sorted(_ASKED)))
        self._at: dict[str, list[Binding]] = defaultdict(list)
        self._below: dict[str, list[Binding]] = defaultdict(list)
        self._alike: set[str] = set()
        for binding in estate.access.open_bindings():
            if binding.role not in self._roles or not any(
                map(self._leaves_open, estate.access.members(binding))
            ):
                continue
            place, *above = self._hierarchy.lineage(binding.resource).names
            self._at[place].append(binding)
            for container in above:
                self._below[container].append(binding)
            if self._is_alike(binding):
                self._alike.add(binding.id)
        # by the project they stand in, then by member; None: in no project
        self._within: dict[str | None, dict[str, list[Binding]]] = {None: {}}
        self._members = set[str]()  # all of theirs
        for binding in estate.facts.bindings:
            if binding.role in self._roles:
                project = self._hierarchy.project_of(binding.resource)
                within = self._within.setdefault(project, {})
                members = estate.access.members(binding)
                self._members.update(members)
                for member in members:
                    within.setdefault(member, []).append(binding)
        self._places: dict[str, _Open] = {}
        self._same: dict[tuple[tuple[str, ...], str | None], _Open] = {}
        self._whos: dict[str, _Who] = {}
        self._sites: dict[str, tuple[str, _Site]] = {}  # by resource
        self._shared: dict[tuple[object, ...], _Site] = {}
        self._sorts: dict[tuple[object, ...], _Sort] = {}
        self._told: dict[tuple[str, str, str], Told] = {}
        # by all else that tells: each kind of those who deploy by no binding of their own
        self._others: dict[tuple[_Sort, str, bool], dict[IdentityKind, Deploys]] = {}
        # with which of its own bindings, by their number, an identity deploys
        self._found: dict[tuple[object, ...], tuple[Deploys, tuple[int, ...]]] = {}

    def _leaves_open(self, member: str) -> bool:
        """Tell whether a member may stand for someone who is not surely one of it."""
        return (
            self._access.membership.unlisted(member)
            or member.startswith(_VARYING)
            or "?uid=" in member
        )

    def _is_alike(self, binding: Binding) -> bool:
        """Tell whether an open binding tells the same of all of a kind, anywhere."""
        return self._always(binding) is not None and not any(
            member.startswith(_VARYING) or "?uid=" in member
            for member in self._access.members(binding)
        )

    def _lets_deploy(self, role: str) -> bool:
        return not _WANTED.isdisjoint(self._access.roles.perhaps(role))

    def deploys(self, keys: Iterable[str], binding: Binding) -> Iterator[Deploys]:
        """Tell of each identity whether it may change what a binding lets it call."""
        found = self._sites.get(binding.resource)
        if found is None:
            found = self._sites[binding.resource] = self._site(binding.resource)
        scope, site = found
        always = self._always(binding)
        others: dict[IdentityKind, Deploys] | None = None
        if always is not None and site.sort is not None:
            others = self._others.setdefault((site.sort, binding.role, always), {})
        for key in keys:
            who = self._who(key)
            if who.kind in _NO_ONE:
                yield _NEVER
                continue
            own = self._own(who, site) if who.standing else ()
            if own or others is None:
                yield self._told_of(key, binding, scope, site, own)
                continue
            told = others.get(who.kind)
            if told is None:
                told = self._decide(key, binding, scope, site, own)
                others[who.kind] = told
            yield told

    def _told_of(
        self,
        key: str,
        binding: Binding,
        scope: str,
        site: _Site,
        own: tuple[Binding, ...],
    ) -> Deploys:
        """Tell the same of one identity, once for all whose own bindings are alike."""
        always = self._always(binding)
        if always is None:
            return self._decide(key, binding, scope, site, own)
        question: tuple[object, ...] = (key, scope, binding.role, always)
        if site.sort is not None and None not in map(self._always, own):
            stands = tuple([self._stand(one, scope, site) for one in own])
            question = (self._who(key).kind, stands, site.sort, binding.role, always)
        known = self._found.get(question)
        if known is not None:
            found, which = known
            return found if not which else _by(own[at] for at in which)
        found = self._decide(key, binding, scope, site, own)
        names = [one.id for one in own]
        if set(names).issuperset(found.by):
            self._found[question] = (found, tuple(map(names.index, found.by)))
        return found

    def _who(self, key: str) -> _Who:
        found = self._whos.get(key)
        if found is None:
            every = self._access.standing_for(key)
            standing = tuple([member for member in every if member in self._members])
            found = self._whos[key] = _Who(
                kind=kind_of(key),
                standing=standing,
                anywhere=not self._within[None].keys().isdisjoint(standing),
            )
        return found

    def _site(self, resource: str) -> tuple[str, _Site]:
        """Return where deploying on a resource is asked about, and what it is told by."""
        scope = self._hierarchy.canonical(resource)
        if scope in self._at or scope in self._below:
            return scope, self._find_site(scope)
        # what is above it, around it, and its kind tell all
        around = self._hierarchy.project_of(scope) or scope
        question = (self._hierarchy.above(scope), around, _where(scope))
        site = self._shared.get(question)
        if site is None:
            site = self._shared[question] = self._find_site(scope)
        return scope, site

    def _find_site(self, scope: str) -> _Site:
        around = self._hierarchy.project_of(scope) or scope
        near, far = self._open(scope), self._open(around)
        doubt = self._access.unread(scope)
        sort = None
        if (
            far.alike
            and not self._guarded
            and around in self._hierarchy.lineage(scope).names
        ):
            question = (_where(scope), near, far, doubt)
            sort = self._sorts.setdefault(question, _Sort())
        within = self._within.get(around, {})
        return _Site(around=around, within=within, sort=sort, doubt=doubt)

    def _stand(self, one: Binding, scope: str, site: _Site) -> _Stand:
        """Return what of a binding tells whether someone deploys at a site by it."""
        always = self._always(one)
        place = self._hierarchy.canonical(one.resource)
        if place in (scope, site.around):
            return one.role, always, "" if place == scope else "around"
        names = self._hierarchy.lineage(place).names
        if scope == site.around:
            beside = site.around in names
        else:
            beside = site.around in names and scope not in names
        if beside and site.around.startswith(_PROJECT):
            inside = _kinds(place) or "run" if place.startswith(_RUN) else "inside"
            return one.role, always, inside
        above = place in self._hierarchy.lineage(scope).names
        return one.role, always, place if above else f"{place} {scope}"

    def _always(self, binding: Binding) -> bool | None:
        """Tell whether a binding grants, whatever the resource; None: it depends."""
        if binding.condition is None:
            return True
        return self._access.conditions.always(binding.condition)

    def _open(self, place: str) -> _Open:
        """Return the bindings of unread groups on a place, above it and below it."""
        found = self._places.get(place)
        if found is None:
            names = self._hierarchy.lineage(place).names
            above = tuple([name for name in names if name in self._at])
            below = place if place in self._below else None
            found = self._same.get((above, below))
            if found is None:
                found = self._same[above, below] = self._find_open(above, below)
            self._places[place] = found
        return found

    def _find_open(self, above: tuple[str, ...], below: str | None) -> _Open:
        each = {one.id: one for name in above for one in self._at[name]}
        if below is not None:
            each.update((one.id, one) for one in self._below[below])
        bindings = tuple([each[name] for name in sorted(each)])
        return _Open(bindings, alike=self._alike.issuperset(each))

    def _own(self, who: _Who, site: _Site) -> tuple[Binding, ...]:
        """Return the bindings by which an identity surely deploys near a place, by id."""
        if site.around.startswith(_PROJECT) and not who.anywhere:
            within = site.within
            found = [one for name in who.standing for one in within.get(name, ())]
        else:
            found = [
                one
                for name in who.standing
                for one in self._access.naming(name)
                if one.role in self._roles
                and self._deeper(site.around, self._hierarchy.canonical(one.resource))
            ]
        if len(found) < 2:  # as of most
            return tuple(found)
        each = {one.id: one for one in found}
        return tuple([each[name] for name in sorted(each)])

    def _decide(
        self,
        key: str,
        binding: Binding,
        scope: str,
        site: _Site,
        own: tuple[Binding, ...],
    ) -> Deploys:
        open_ways: list[Told] = []
        for one in self._candidates(own, scope):
            for told, acting in self._ways(key, binding, scope, one, own):
                if told.held is True:
                    return _by((one, acting))
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
        members = self._access.members(one)
        if key in members or any(name in members for name in self._who(key).standing):
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


def _by(bindings: Iterable[Binding]) -> Deploys:
    """Return that someone deploys by these bindings."""
    return Deploys(held=True, by=tuple(sorted({one.id for one in bindings})))


def _where(scope: str) -> str:
    """Return what of a place tells what deploying there takes: a kind of resource."""
    if scope.startswith(_PROJECT):
        return _PROJECT
    return _kinds(scope) or scope if scope.startswith(_RUN) else scope


def _kinds(place: str) -> str:
    return "".join([part for part in _PARTS if part in place])
