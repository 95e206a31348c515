"""Grants: identity by binding, for what reaches Cloud Run and what tasks use."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Literal

from msgspec import UNSET

from dagwarden.facts import Binding, Grant, Maybe, Record, Unresolved
from dagwarden.graph.access import Cause
from dagwarden.graph.access.decide import role_cause
from dagwarden.graph.belonging import Belonging, domain_of
from dagwarden.graph.duties import Deploys, Duties
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.paths import grant_id
from dagwarden.graph.principals import kind_of
from dagwarden.graph.roles import BASIC, CALLING, INVOKING, Roles
from dagwarden.graph.usage import Usage

Level = Literal["service", "job", "project", "folder", "organization", "other"]


class _Held(Record, frozen=True, kw_only=True):
    """What a role holds, computed once per role."""

    permissions: tuple[str, ...] | None
    beyond: tuple[str, ...] | None
    reaches: bool  # holds, or may hold, a permission to call Cloud Run
    unresolved: tuple[Unresolved, ...] = ()


class _About(Record, frozen=True, kw_only=True):
    """What a grant says of whom it is given to, computed together."""

    project: Maybe[str | None]
    same_project: Maybe[bool | None]
    outside: Maybe[bool]
    deploys: Maybe[bool]
    deploys_by: tuple[str, ...]
    unresolved: tuple[Unresolved, ...]


def derive_grants(
    estate: Estate, used: frozenset[str], usage: Usage
) -> tuple[Grant, ...]:
    """
    Return the grants of roles that may call Cloud Run, and those of `used` identities.

    `used` are the keys of the identities that tasks act as; `usage` tells on which of
    their grants scanned calls rest.
    """
    held: dict[str, _Held] = {}
    found: list[Grant] = []
    holders = _Holders(estate)
    for binding in estate.facts.bindings:
        role = held.get(binding.role)
        if role is None:
            role = held[binding.role] = _held(estate.roles, binding.role)
        wanted = estate.access.members(binding)
        if not role.reaches:
            if used.isdisjoint(wanted):
                continue
            wanted = tuple(key for key in wanted if key in used)
        found.extend(_grants(estate, holders, binding, role, wanted, used, usage))
    return tuple(sorted(found, key=attrgetter("id")))


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


class _Holders:
    """Tells of those who hold grants what their other grants and names say of them."""

    def __init__(self, estate: Estate) -> None:
        self._hierarchy = estate.hierarchy
        self._belonging = Belonging(estate)
        self._duties = Duties(estate)

    def about(self, key: str, binding: Binding, role: _Held) -> _About:
        outside = self._belonging.outside(key, binding.resource)
        deploys = self._deploys(key, binding, role)
        project, same, causes = self._project(key, binding)
        return _About(
            project=project,
            same_project=same,
            outside=UNSET if outside.held is None else outside.held,
            deploys=UNSET if deploys.held is None else deploys.held,
            deploys_by=deploys.by,
            unresolved=(
                *unresolved(causes, "identity_project", "same_project"),
                *unresolved(outside.causes, "outside"),
                *deploys.why,
            ),
        )

    def _deploys(self, key: str, binding: Binding, role: _Held) -> Deploys:
        if not role.reaches or kind_of(key) in _NO_ONE:
            return Deploys(held=False)
        return self._duties.deploys(key, binding)

    def _project(
        self, key: str, binding: Binding
    ) -> tuple[Maybe[str | None], Maybe[bool | None], tuple[Cause, ...]]:
        project = self._belonging.project(key)
        if project is None:
            if kind_of(key) != "service_account":
                return None, None, ()
            why = Cause(reason="layer", symbol=f"project of {key}")
            return UNSET, UNSET, (why,)
        own = self._hierarchy.project_of(binding.resource)
        name = self._hierarchy.project_id(project.rpartition("/")[2])
        return name, None if own is None else own == project, ()


# Who is nobody in particular, or Google: what they deploy is not theirs to keep apart.
_NO_ONE = frozenset(
    {"all_users", "all_authenticated_users", "service_agent", "deleted"}
)


def _grants(
    estate: Estate,
    holders: _Holders,
    binding: Binding,
    role: _Held,
    members: tuple[str, ...],
    used: frozenset[str],
    usage: Usage,
) -> Iterator[Grant]:
    level = level_of(estate.hierarchy.canonical(binding.resource))
    label = estate.hierarchy.shown(binding.resource)
    why = (*role.unresolved, *_untimed(binding))
    for key in members:
        by_calls, open_ = _used(usage, binding, key) if key in used else (None, ())
        about = holders.about(key, binding, role)
        yield Grant(
            id=grant_id(binding.id, key),
            origin=binding.origin,
            unresolved=(*why, *open_, *about.unresolved),
            identity=estate.ref(key),
            binding=binding.id,
            resource=binding.resource,
            resource_label=label,
            level=level,
            role=binding.role,
            basic_role=binding.role in BASIC,
            permissions=UNSET if role.permissions is None else role.permissions,
            beyond_invoke=UNSET if role.beyond is None else role.beyond,
            conditional=binding.condition is not None,
            valid_before=binding.valid_before,
            used_by_tasks=key in used,
            used_by_calls=by_calls,
            domain=domain_of(key),
            identity_project=about.project,
            same_project=about.same_project,
            outside=about.outside,
            deploys=about.deploys,
            deploys_by=about.deploys_by,
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
