"""Grants: identity by binding, for what reaches Cloud Run and what tasks use."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import partial
from operator import attrgetter
from typing import Literal

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.beside import beside
from dagwarden.facts import Binding, Grant, IdentityRef, Maybe, Record, Unresolved
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.access.decide import role_cause
from dagwarden.graph.belonging import Belonging, domain_of
from dagwarden.graph.duties import Deploys, Duties
from dagwarden.graph.estate import Estate, causes_of, unresolved
from dagwarden.graph.paths import grant_id
from dagwarden.graph.principals import ANYONE, account_key, kind_of
from dagwarden.graph.roles import BASIC, CALLING, INVOKING, Roles
from dagwarden.graph.usage import Usage

# With fewer bindings all is told before a fork is there.
MANY = 5_000
_DEPLOYING = tuple[tuple[int, Deploys], ...]
Level = Literal["service", "job", "project", "folder", "organization", "other"]


class _Held(Record, frozen=True, kw_only=True):
    """What a role holds, computed once per role."""

    permissions: tuple[str, ...] | None
    beyond: tuple[str, ...] | None
    reaches: bool  # holds, or may hold, a permission to call Cloud Run
    unresolved: tuple[Unresolved, ...] = ()


class _Holder(Record, frozen=True, kw_only=True):
    """What an identity tells of all its grants in one organisation."""

    identity: IdentityRef
    domain: str | None
    project: str | None  # by its resource name
    project_id: Maybe[str | None]
    runs_workload: Maybe[bool]
    outside: Maybe[bool]
    unresolved: tuple[Unresolved, ...] = ()


class _Place(Record, frozen=True, kw_only=True):
    """What a resource tells of all grants on it."""

    resource: str
    label: str
    level: Level
    project: str | None
    organization: str | None
    # of grants in its organisation, as far as they were told
    holders: dict[str, _Holder]


class _Granted(Record, frozen=True, kw_only=True):
    """A binding with those of its members who have grants of it."""

    binding: Binding
    role: _Held
    members: tuple[str, ...]


def derive_grants(
    estate: Estate, used: frozenset[str], usage: Usage
) -> tuple[Grant, ...]:
    """
    Return the grants of roles that may call Cloud Run, and those of `used` identities.

    `used` are the keys of the identities that tasks act as; `usage` tells on which of
    their grants scanned calls rest.
    """
    granted = tuple(_granted(estate, used))
    deploying = partial(_deploying, estate, granted)
    with beside(deploying, _DEPLOYING, worth=len(granted) >= MANY) as told:
        found = list(_grants(estate, granted, used, usage))
        for number, deploys in told():
            found[number] = _with_duties(found[number], deploys)
    return tuple(sorted(found, key=attrgetter("id")))


def _granted(estate: Estate, used: frozenset[str]) -> Iterator[_Granted]:
    access = estate.access
    held: dict[str, _Held] = {}
    of_used = {id(one) for key in used for one in access.naming(key)}
    for binding in estate.facts.bindings:
        role = held.get(binding.role)
        if role is None:
            role = held[binding.role] = _held(estate.roles, binding.role)
        if role.reaches:
            members = access.members(binding)
        elif id(binding) in of_used:
            members = tuple([key for key in access.members(binding) if key in used])
        else:
            continue
        yield _Granted(binding=binding, role=role, members=members)


def _deploying(
    estate: Estate, granted: Iterable[_Granted]
) -> tuple[tuple[int, Deploys], ...]:
    """Return who may change what he calls, or perhaps may, by the number of his grant."""
    duties = Duties(estate)
    found: list[tuple[int, Deploys]] = []
    first = 0
    for one in granted:
        if one.role.reaches:
            each = enumerate(duties.deploys(one.members, one.binding), first)
            found += [told for told in each if told[1].held is not False]
        first += len(one.members)
    return tuple(found)


def _with_duties(grant: Grant, told: Deploys) -> Grant:
    return replace(
        grant,
        deploys=UNSET if told.held is None else told.held,
        deploys_by=told.by,
        unresolved=(*grant.unresolved, *told.why),
    )


def _held(roles: Roles, role: str) -> _Held:
    reaches = any(roles.holds(role, name) is not False for name in INVOKING)
    modelled = roles.modelled(role)
    if modelled is None:
        cause = role_cause(role)
        entries = (cause.on("permissions"), cause.on("beyond_invoke"))
        return _Held(permissions=None, beyond=None, reaches=reaches, unresolved=entries)
    return _Held(
        permissions=tuple(sorted(modelled)),
        beyond=tuple(sorted(modelled - CALLING)),
        reaches=reaches,
    )


class _Known:
    """Tells of those who hold grants, and of what grants stand on, each once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._belonging = Belonging(estate)
        self._holders: dict[str, dict[str, _Holder]] = defaultdict(dict)
        self._runs, self._runs_unread = _workloads(estate)

    def place(self, resource: str) -> _Place:
        hierarchy = self._estate.hierarchy
        organization = self._belonging.organization(resource)
        return _Place(
            resource=resource,
            label=hierarchy.shown(resource),
            level=level_of(hierarchy.canonical(resource)),
            project=hierarchy.project_of(resource),
            organization=organization,
            holders={} if organization is None else self._holders[organization],
        )

    def holder(self, key: str, place: _Place) -> _Holder:
        found = place.holders.get(key)
        if found is None:
            found = place.holders[key] = self._holder(key, place)
        return found

    def _holder(self, key: str, place: _Place) -> _Holder:
        kind = kind_of(key)
        project = self._belonging.project(key)
        project_id: Maybe[str | None] = None
        causes: tuple[Cause, ...] = ()
        if project is not None:
            name = project.rpartition("/")[2]
            project_id = self._estate.hierarchy.project_id(name)
        elif kind == "service_account":
            project_id = UNSET
            causes = (Cause(reason="layer", symbol=f"project of {key}"),)
        runs: Maybe[bool] = key in self._runs
        unread: tuple[Cause, ...] = ()
        if not runs and kind == "service_account" and self._runs_unread:
            runs, unread = UNSET, self._runs_unread
        outside = self._belonging.outside(key, place.organization, place.resource)
        return _Holder(
            identity=self._estate.ref(key),
            domain=domain_of(key),
            project=project,
            project_id=project_id,
            runs_workload=runs,
            outside=UNSET if outside.held is None else outside.held,
            unresolved=(
                *unresolved(causes, "identity_project", "same_project"),
                *unresolved(unread, "runs_workload"),
                *unresolved(outside.causes, "outside"),
            ),
        )


def _workloads(estate: Estate) -> tuple[frozenset[str], tuple[Cause, ...]]:
    """Return whom Cloud Run workloads run as, and why these may not be all."""
    runs, snapshots = estate.facts.cloud_runs, estate.facts.snapshots
    types = frozenset(snapshots[0].asset_types) if snapshots else frozenset[str]()
    why = [
        Cause(reason="layer", symbol=f"asset type {name}")
        for name in sorted(_WORKLOADS - types)
    ]
    accounts: set[str] = set()
    for run in runs:
        if isinstance(run.service_account, str):
            accounts.add(account_key(run.service_account))
        elif run.service_account is UNSET:
            blame = f"account of {run.resource}"
            why.extend(causes_of(run, "service_account", blame))
    return frozenset(accounts), distinct(why)


_WORKLOADS = frozenset({"run.googleapis.com/Service", "run.googleapis.com/Job"})


def _same_project(holder: _Holder, place: _Place) -> Maybe[bool | None]:
    if holder.project_id is UNSET:
        return UNSET
    if holder.project is None or place.project is None:
        return None
    return holder.project == place.project


def _grants(
    estate: Estate, granted: Iterable[_Granted], used: frozenset[str], usage: Usage
) -> Iterator[Grant]:
    """Yield the grants of bindings, as if nobody deployed what he calls."""
    known = _Known(estate)
    place: _Place | None = None
    for one in granted:
        binding, role = one.binding, one.role
        if place is None or place.resource != binding.resource:
            place = known.place(binding.resource)  # those of one stand together
        common = _common(binding, role, place)
        why = (*role.unresolved, *_untimed(binding))
        for key in one.members:
            by_tasks = key in used
            by_calls, open_ = _used(usage, binding, key) if by_tasks else (None, ())
            who = known.holder(key, place)
            yield replace(
                common,
                id=common.id + key,
                unresolved=(*why, *open_, *who.unresolved),
                identity=who.identity,
                used_by_tasks=by_tasks,
                runs_workload=who.runs_workload,
                used_by_calls=by_calls,
                domain=who.domain,
                identity_project=who.project_id,
                same_project=_same_project(who, place),
                outside=who.outside,
            )


def _common(binding: Binding, role: _Held, place: _Place) -> Grant:
    """
    Return what all grants of a binding have in common, as one of anyone.

    To replace the rest takes a sixth of the time of making a record of so many fields.
    """
    return Grant(
        id=grant_id(binding.id, ""),
        origin=binding.origin,
        identity=ANYONE,
        binding=binding.id,
        resource=binding.resource,
        resource_label=place.label,
        level=place.level,
        role=binding.role,
        basic_role=binding.role in BASIC,
        permissions=UNSET if role.permissions is None else role.permissions,
        beyond_invoke=UNSET if role.beyond is None else role.beyond,
        conditional=binding.condition is not None,
        valid_before=binding.valid_before,
        deploys=False,
    )


def _used(
    usage: Usage, binding: Binding, key: str
) -> tuple[Maybe[bool], tuple[Unresolved, ...]]:
    used = usage.used(binding, key)
    why = usage.why(binding, key) if used is UNSET else ()
    return used, unresolved(why, "used_by_calls")


def _untimed(binding: Binding) -> tuple[Unresolved, ...]:
    if not binding.unresolved:
        return ()
    return tuple(item for item in binding.unresolved if item.field == "valid_before")


def level_of(resource: str) -> Level:
    """Return the level of the hierarchy on which a binding stands."""
    service, _, path = resource.removeprefix("//").partition("/")
    parts = path.split("/")
    if service == "cloudresourcemanager.googleapis.com":
        levels: dict[str, Level] = {
            "projects": "project",
            "folders": "folder",
            "organizations": "organization",
        }
        return levels.get(parts[0], "other")
    if service == "run.googleapis.com" and len(parts) == 6:
        kinds: dict[str, Level] = {"services": "service", "jobs": "job"}
        return kinds.get(parts[4], "other")
    return "other"
