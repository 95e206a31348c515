"""Grants: identity by binding, for what reaches Cloud Run and what tasks use."""

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
from dagwarden.graph.principals import account_key, kind_of
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
    """What an identity tells by itself, whatever it was granted."""

    identity: IdentityRef
    domain: str | None
    project: str | None  # by its resource name
    project_id: Maybe[str | None]
    runs_workload: Maybe[bool]
    unresolved: tuple[Unresolved, ...] = ()


class _Place(Record, frozen=True, kw_only=True):
    """What a resource tells of all grants on it."""

    label: str
    level: Level
    project: str | None


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
        known = _Known(estate)
        found = [grant for one in granted for grant in _grants(known, one, used, usage)]
        for number, deploys in told():
            found[number] = _with_duties(found[number], deploys)
    return tuple(sorted(found, key=attrgetter("id")))


def _granted(estate: Estate, used: frozenset[str]) -> Iterator[_Granted]:
    held: dict[str, _Held] = {}
    for binding in estate.facts.bindings:
        role = held.get(binding.role)
        if role is None:
            role = held[binding.role] = _held(estate.roles, binding.role)
        members = estate.access.members(binding)
        if not role.reaches:
            if used.isdisjoint(members):
                continue
            members = tuple(key for key in members if key in used)
        yield _Granted(binding=binding, role=role, members=members)


def _deploying(
    estate: Estate, granted: Iterable[_Granted]
) -> tuple[tuple[int, Deploys], ...]:
    """Return who may change what he calls, or perhaps may, by the number of his grant."""
    duties = Duties(estate)
    each = ((one, key) for one in granted for key in one.members)
    return tuple(
        (number, told)
        for number, (one, key) in enumerate(each)
        if one.role.reaches and kind_of(key) not in _NO_ONE
        if (told := duties.deploys(key, one.binding)).held is not False
    )


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
        self.belonging = Belonging(estate)
        self._estate = estate
        self._holders: dict[str, _Holder] = {}
        self._places: dict[str, _Place] = {}
        self._runs, self._runs_unread = _workloads(estate)

    def holder(self, key: str) -> _Holder:
        found = self._holders.get(key)
        if found is None:
            found = self._holders[key] = self._holder(key)
        return found

    def place(self, resource: str) -> _Place:
        found = self._places.get(resource)
        if found is None:
            hierarchy = self._estate.hierarchy
            found = self._places[resource] = _Place(
                label=hierarchy.shown(resource),
                level=level_of(hierarchy.canonical(resource)),
                project=hierarchy.project_of(resource),
            )
        return found

    def _holder(self, key: str) -> _Holder:
        kind = kind_of(key)
        project = self.belonging.project(key)
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
        return _Holder(
            identity=self._estate.ref(key),
            domain=domain_of(key),
            project=project,
            project_id=project_id,
            runs_workload=runs,
            unresolved=(
                *unresolved(causes, "identity_project", "same_project"),
                *unresolved(unread, "runs_workload"),
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


# Who is nobody in particular, or Google: what they deploy is not theirs to keep apart.
_NO_ONE = frozenset(
    {"all_users", "all_authenticated_users", "service_agent", "deleted"}
)


def _same_project(holder: _Holder, place: _Place) -> Maybe[bool | None]:
    if holder.project_id is UNSET:
        return UNSET
    if holder.project is None or place.project is None:
        return None
    return holder.project == place.project


def _grants(
    known: _Known, granted: _Granted, used: frozenset[str], usage: Usage
) -> Iterator[Grant]:
    """Yield the grants of a binding, as if nobody deployed what he calls."""
    binding, role, members = granted.binding, granted.role, granted.members
    place = known.place(binding.resource)
    why = (*role.unresolved, *_untimed(binding))
    permissions = UNSET if role.permissions is None else role.permissions
    beyond = UNSET if role.beyond is None else role.beyond
    basic = binding.role in BASIC
    outsiders = known.belonging.outside(members, binding.resource)
    for key, outside in zip(members, outsiders, strict=True):
        by_calls, open_ = _used(usage, binding, key) if key in used else (None, ())
        who = known.holder(key)
        yield Grant(
            id=grant_id(binding.id, key),
            origin=binding.origin,
            unresolved=(
                *why,
                *open_,
                *who.unresolved,
                *(unresolved(outside.causes, "outside") if outside.causes else ()),
            ),
            identity=who.identity,
            binding=binding.id,
            resource=binding.resource,
            resource_label=place.label,
            level=place.level,
            role=binding.role,
            basic_role=basic,
            permissions=permissions,
            beyond_invoke=beyond,
            conditional=binding.condition is not None,
            valid_before=binding.valid_before,
            used_by_tasks=key in used,
            runs_workload=who.runs_workload,
            used_by_calls=by_calls,
            domain=who.domain,
            identity_project=who.project_id,
            same_project=_same_project(who, place),
            outside=UNSET if outside.held is None else outside.held,
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
