"""
Duties that are to be kept apart: who calls a workload, and who may change it.

Changing one takes a permission to deploy on it and one to act as an account of its
project (cloud.google.com/run/docs/configuring/services/service-identity#required_roles).
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from dagwarden.facts import Binding, Record
from dagwarden.graph.access import NO, Cause, Told, all_of, any_of, distinct
from dagwarden.graph.estate import Estate
from dagwarden.graph.needs import ACT_AS
from dagwarden.graph.principals import kind_of

_CONTAINER = "//cloudresourcemanager.googleapis.com/"
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
    """Whether someone may change what he calls; `by`: the bindings that let him."""

    held: bool | None
    by: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


class _Open:
    """Bindings of unread groups that may let people deploy at a place."""

    def __init__(self, bindings: tuple[Binding, ...], *, alike: bool) -> None:
        self.bindings = bindings
        self.alike = alike  # they tell the same of all of a kind, wherever it is asked


class _Own:
    """Bindings by which an identity surely deploys, by where they stand."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.at: dict[str, list[Binding]] = defaultdict(list)
        self.within: dict[str, list[Binding]] = defaultdict(list)  # by project


class Duties:
    """
    Tells whether those who may call workloads may change them, too.

    Who deploys by no binding of their own are told together: an organisation has many
    who may call, and many groups that were not read.
    """

    def __init__(self, estate: Estate) -> None:
        """Note the bindings that may let people of unread groups deploy."""
        self._access = estate.access
        self._hierarchy = estate.hierarchy
        self._roles: dict[str, bool] = {}  # whether what a role holds lets deploy
        self._guarded = any(map(estate.access.guarded, sorted(_ASKED)))
        self._at: dict[str, list[Binding]] = defaultdict(list)
        self._below: dict[str, list[Binding]] = defaultdict(list)
        self._alike: set[str] = set()  # tell the same of all of a kind, anywhere
        for binding in filter(self._may_deploy, estate.access.open_bindings()):
            place, *above = self._hierarchy.lineage(binding.resource).names
            self._at[place].append(binding)
            for container in above:
                self._below[container].append(binding)
            if _is_alike(binding, estate.access.members(binding)):
                self._alike.add(binding.id)
        self._places: dict[str, _Open] = {}
        self._same: dict[tuple[str, ...], _Open] = {}
        self._owned: dict[str, _Own] = {}
        self._unread: dict[str, tuple[Cause, ...]] = {}
        self._told: dict[tuple[str, str, str], Told] = {}
        self._found: dict[tuple[object, ...], Deploys] = {}

    def _may_deploy(self, binding: Binding) -> bool:
        may = self._roles.get(binding.role)
        if may is None:
            held = self._access.roles.perhaps(binding.role)
            may = self._roles[binding.role] = not _WANTED.isdisjoint(held)
        return may

    def deploys(self, key: str, binding: Binding) -> Deploys:
        """Tell whether an identity may change a workload that a binding lets it call."""
        scope = self._hierarchy.canonical(binding.resource)
        # who acts as an account of the project need not hold that on the workload
        around = self._hierarchy.project_of(scope) or scope
        own, near, far = self._own(key, around), self._open(scope), self._open(around)
        question: tuple[object, ...] = (key, binding.role, scope)
        if not own and far.alike and not self._guarded:
            where = next((part for part, *_ in _KINDS if part in scope), "")
            where = where if scope.startswith(_RUN) and where else scope
            question = (kind_of(key), binding.role, where, near, far)
        question = (*question, self._doubt(scope))
        found = None if binding.condition else self._found.get(question)
        if found is None:
            found = self._decide(key, binding, scope)
            if not binding.condition:
                self._found[question] = found
        return found

    def _doubt(self, scope: str) -> tuple[Cause, ...]:
        found = self._unread.get(scope)
        if found is None:
            found = self._unread[scope] = self._access.unread(scope)
        return found

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
            own = self._owned[key] = _Own()
            for one in filter(self._may_deploy, self._access.bindings_of(key)):
                name = self._hierarchy.canonical(one.resource)
                own.names.add(one.id)
                own.at[name].append(one)
                own.within[self._hierarchy.project_of(name) or ""].append(one)
        if not own.names:
            return ()
        near = [
            one
            for name in self._hierarchy.lineage(place).names
            for one in own.at.get(name, ())
        ]
        near += own.within.get(place, ())
        if place.startswith(_CONTAINER) and "/projects/" not in place:
            near += (
                one
                for name, there in own.at.items()
                if place in self._hierarchy.lineage(name).names
                for one in there
            )
        return tuple(near)

    def _candidates(self, key: str, place: str) -> tuple[Binding, ...]:
        """Return the bindings near a place by which an identity deploys, or may."""
        own, may = self._own(key, place), self._open(place).bindings
        if not own:
            return may
        each = {one.id: one for one in (*own, *may)}
        return tuple(each[name] for name in sorted(each))

    def _decide(self, key: str, binding: Binding, scope: str) -> Deploys:
        open_ways: list[Told] = []
        for one in self._candidates(key, scope):
            for told, acting in self._ways(key, binding, scope, one):
                if told.held is True:
                    return Deploys(held=True, by=tuple(sorted({one.id, acting.id})))
                open_ways.append(told)
        causes = distinct((*any_of(open_ways).causes, *self._doubt(scope)))
        return Deploys(held=None if causes else False, causes=causes)

    def _gives(self, one: Binding, key: str, permission: str, place: str) -> Told:
        """Tell whether a binding gives a permission: once for all alike in it."""
        if self._guarded or one.condition is not None:
            return self._access.gives(one, key, permission, place)
        if key in self._access.members(one) or one.id in self._owned[key].names:
            question = (one.role, "", permission)
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
    ) -> Iterator[tuple[Told, Binding]]:
        """Yield whether one binding lets the identity deploy, with each that lets it act."""
        place = self._deeper(scope, self._hierarchy.canonical(deploying.resource))
        if place is None or not place.startswith((_RUN, _CONTAINER)):
            return
        changes = self._changes(key, calling, deploying, place)
        if changes.held is False:
            return
        project = self._hierarchy.project_of(place) or place
        for one in self._candidates(key, project):
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


def _is_alike(binding: Binding, members: Sequence[str]) -> bool:
    return binding.condition is None and not any(
        member.startswith(_VARYING) or "?uid=" in member for member in members
    )
