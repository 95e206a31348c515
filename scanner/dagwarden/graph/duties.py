"""
Duties that are to be kept apart: who calls a workload, and who may change it.

Changing one takes a permission to deploy on it and one to act as an account of its
project (cloud.google.com/run/docs/configuring/services/service-identity#required_roles).
"""

from collections.abc import Iterable, Iterator

from dagwarden.facts import Binding, Record
from dagwarden.graph.access import NO, Cause, Told, all_of, any_of, distinct
from dagwarden.graph.estate import Estate
from dagwarden.graph.needs import ACT_AS

_CONTAINER = "//cloudresourcemanager.googleapis.com/"
_RUN = "//run.googleapis.com/"
# What calls a kind of workload, what changes one, and what makes one.
_KINDS = (
    ("/services/", "run.routes.invoke", "run.services.update", "run.services.create"),
    ("/jobs/", "run.jobs.run", "run.jobs.update", "run.jobs.create"),
)
_WANTED = frozenset({ACT_AS, *(name for _, _, *names in _KINDS for name in names)})


class Deploys(Record, frozen=True, kw_only=True):
    """Whether someone may change what he calls; `by`: the bindings that let him."""

    held: bool | None
    by: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()


class Duties:
    """Tells whether those who may call workloads may change them, too."""

    def __init__(self, estate: Estate) -> None:
        """Note the bindings that may let people of unread groups deploy."""
        self._access = estate.access
        self._hierarchy = estate.hierarchy
        self._open = [
            binding
            for binding in estate.access.open_bindings()
            if self._may_deploy(binding)
        ]
        self._candidates: dict[str, tuple[Binding, ...]] = {}
        self._found: dict[tuple[str, str, str], Deploys] = {}

    def _may_deploy(self, binding: Binding) -> bool:
        return not _WANTED.isdisjoint(self._access.roles.perhaps(binding.role))

    def deploys(self, key: str, binding: Binding) -> Deploys:
        """Tell whether an identity may change a workload that a binding lets it call."""
        candidates = self._of(key)
        scope = self._hierarchy.canonical(binding.resource)
        if not candidates:
            doubt = self._access.unread(scope)
            return Deploys(held=None if doubt else False, causes=doubt)
        question = (key, binding.role, scope)
        found = None if binding.condition else self._found.get(question)
        if found is None:
            found = self._decide(key, binding, scope, candidates)
            if not binding.condition:
                self._found[question] = found
        return found

    def _of(self, key: str) -> tuple[Binding, ...]:
        """Return the bindings by which an identity deploys, or may."""
        found = self._candidates.get(key)
        if found is None:
            access = self._access
            sure = filter(self._may_deploy, access.bindings_of(key))
            may = (one for one in self._open if access.is_member(one, key).held is None)
            each = {one.id: one for one in (*sure, *may)}
            found = self._candidates[key] = tuple(each[name] for name in sorted(each))
        return found

    def _decide(
        self, key: str, binding: Binding, scope: str, candidates: tuple[Binding, ...]
    ) -> Deploys:
        open_ways: list[Told] = []
        for one in candidates:
            for told, acting in self._ways(key, binding, scope, one, candidates):
                if told.held is True:
                    return Deploys(held=True, by=tuple(sorted({one.id, acting.id})))
                open_ways.append(told)
        causes = distinct((*any_of(open_ways).causes, *self._access.unread(scope)))
        return Deploys(held=None if causes else False, causes=causes)

    def _ways(
        self,
        key: str,
        calling: Binding,
        scope: str,
        deploying: Binding,
        candidates: Iterable[Binding],
    ) -> Iterator[tuple[Told, Binding]]:
        """Yield whether one binding lets the identity deploy, with each that lets it act."""
        place = self._deeper(scope, self._hierarchy.canonical(deploying.resource))
        if place is None or not place.startswith((_RUN, _CONTAINER)):
            return
        changes = self._changes(key, calling, deploying, place)
        if changes.held is False:
            return
        project = self._hierarchy.project_of(place) or place
        for one in candidates:
            account = self._deeper(project, self._hierarchy.canonical(one.resource))
            if account is not None:
                acts = self._access.gives(one, key, ACT_AS, account)
                yield all_of((changes, acts)), one

    def _changes(
        self, key: str, calling: Binding, deploying: Binding, place: str
    ) -> Told:
        """Tell whether the identity calls and changes workloads of one kind at a place."""
        gives = self._access.gives
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
