"""Grants: identity by binding, for what reaches Cloud Run and what tasks use."""

from collections.abc import Iterator
from operator import attrgetter
from typing import Literal

from msgspec import UNSET

from dagwarden.facts import Binding, Grant, Maybe, Record, Unresolved
from dagwarden.graph.access import role_cause
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.paths import grant_id
from dagwarden.graph.roles import BASIC, CALLING, INVOKING, Roles
from dagwarden.graph.usage import Usage

Level = Literal["service", "job", "project", "folder", "organization", "other"]


class _Held(Record, frozen=True, kw_only=True):
    """What a role holds, computed once per role."""

    permissions: tuple[str, ...] | None
    beyond: tuple[str, ...] | None
    reaches: bool  # holds, or may hold, a permission to call Cloud Run
    unresolved: tuple[Unresolved, ...] = ()


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
    for binding in estate.facts.bindings:
        role = held.get(binding.role)
        if role is None:
            role = held[binding.role] = _held(estate.roles, binding.role)
        wanted = estate.access.members(binding)
        if not role.reaches:
            if used.isdisjoint(wanted):
                continue
            wanted = tuple(key for key in wanted if key in used)
        found.extend(_grants(estate, binding, role, wanted, used, usage))
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


def _grants(
    estate: Estate,
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
        yield Grant(
            id=grant_id(binding.id, key),
            origin=binding.origin,
            unresolved=(*why, *open_) if open_ else why,
            identity=estate.access.ref(key),
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
