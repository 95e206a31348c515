"""Which permissions a role holds: read definitions first, then the shipped facts."""

from collections.abc import Iterable
from functools import cached_property, lru_cache
from pathlib import Path

import msgspec

from dagwarden.facts import Origin, Record, Role

_DATA = Path(__file__).with_name("roles.json")
BASIC = frozenset({"roles/owner", "roles/editor", "roles/viewer"})
# What calling Cloud Run takes, watching the call included.
CALLING = frozenset(
    {
        "run.executions.cancel",
        "run.executions.get",
        "run.instances.invoke",
        "run.jobs.get",
        "run.jobs.run",
        "run.jobs.runWithOverrides",
        "run.operations.get",
        "run.routes.invoke",
    }
)
_WATCHED = frozenset({"composer", "iam", "resourcemanager", "run", "storage"})
# Stands in a role's name where a policy was read in a version without conditions.
_HIDDEN_CONDITION = "_withcond_"
INVOKING = frozenset({"run.routes.invoke", "run.jobs.run", "run.jobs.runWithOverrides"})


class Catalogue(Record, frozen=True, kw_only=True):
    """The shipped facts about predefined roles (`roles.json`)."""

    about: str
    provenance: str
    as_of: str  # date; what a role held then
    without: frozenset[str]  # roles known to hold none of the modelled permissions
    permissions: dict[str, frozenset[str]]  # permission -> roles that hold it
    # permission -> some roles that hold it: of the others it tells nothing
    known: dict[str, frozenset[str]]
    roles: dict[str, frozenset[str]]  # role -> modelled permissions it holds


class _Shipped(Record, frozen=True, kw_only=True):
    about: str
    provenance: str
    as_of: str
    without: str
    permissions: dict[str, str]
    known: dict[str, str]


@lru_cache(maxsize=1)
def catalogue() -> Catalogue:
    """Return the shipped catalogue."""
    shipped = msgspec.json.decode(_DATA.read_bytes(), type=_Shipped)
    permissions, known = (
        {
            name: frozenset(f"roles/{role}" for role in roles.split())
            for name, roles in table.items()
        }
        for table in (shipped.permissions, shipped.known)
    )
    held: dict[str, set[str]] = {}
    for permission, roles in permissions.items():
        for role in roles:
            held.setdefault(role, set()).add(permission)
    return Catalogue(
        about=shipped.about,
        provenance=shipped.provenance,
        as_of=shipped.as_of,
        without=frozenset(f"roles/{role}" for role in shipped.without.split()),
        permissions=permissions,
        known=known,
        roles={role: frozenset(names) for role, names in held.items()},
    )


class Roles:
    """Role definitions: those that were read, then the catalogue."""

    def __init__(self, read: Iterable[Role], *, shipped: bool = True) -> None:
        """Index the role facts by name; without `shipped` the catalogue tells nothing."""
        self.shipped = shipped
        self._read = {role.name: role for role in read}
        self._perhaps: dict[str, frozenset[str]] = {}
        self._sure: dict[str, frozenset[str]] = {}
        self._held: dict[str, frozenset[str] | None] = {}
        self._told: dict[tuple[str, str], bool | None] = {}
        self._full: dict[str, frozenset[str] | None] = {}
        self._spellings: dict[str, _Spelling] = {}

    @cached_property
    def catalogue(self) -> Catalogue:
        """The shipped catalogue; a scan without a snapshot never asks for it."""
        return catalogue()

    def holds(self, role: str, permission: str) -> bool | None:
        """Tell whether the role holds the permission; None: not established."""
        question = (role, permission)
        if question not in self._told:  # asked of many bindings
            self._told[question] = self._holds(role, permission)
        return self._told[question]

    def _holds(self, role: str, permission: str) -> bool | None:
        full = self._definition(role)
        if full is not None:
            if permission in full and "*" not in permission:
                return True
            return None if self._spelling(role, full).perhaps(permission) else False
        if _HIDDEN_CONDITION in role:
            return None
        read = self._read.get(role)
        if read is not None and (read.custom or _disputed(read)):
            return None
        return self._shipped(role, permission)

    def modelled(self, role: str) -> frozenset[str] | None:
        """Return the modelled permissions the role holds; None: not established."""
        if role not in self._held:
            self._held[role] = self._modelled(role)
        return self._held[role]

    def surely(self, role: str) -> frozenset[str]:
        """Return the modelled permissions that the role is known to hold."""
        if role not in self._sure:
            shipped = self.catalogue
            self._sure[role] = frozenset(
                name
                for name in (*shipped.permissions, *shipped.known)
                if self.holds(role, name) is True
            )
        return self._sure[role]

    def perhaps(self, role: str) -> frozenset[str]:
        """Return the modelled permissions that the role holds or may hold."""
        if role not in self._perhaps:
            shipped, older = self.catalogue, self._is_older(role)
            open_ones = {*shipped.permissions, *(() if older else shipped.known)}
            self._perhaps[role] = frozenset(
                name
                for name in (*shipped.permissions, *shipped.known)
                if (held := self.holds(role, name))
                or (held is None and name in open_ones)
            )
        return self._perhaps[role]

    def defined(self, role: str) -> frozenset[str] | None:
        """Return all permissions of a role whose definition was read."""
        return self._definition(role)

    def origin(self, role: str) -> Origin:
        """Say where the role's definition was read."""
        if self._definition(role) is not None:
            return self._read[role].origin
        return Origin(source="dagwarden role catalogue", field=role)

    def knows(self, permission: str) -> bool:
        """Tell whether a permission of this name exists, as far as was read."""
        shipped = self.catalogue
        listed = permission in shipped.permissions or permission in shipped.known
        return listed or any(permission in _names(role) for role in self._read.values())

    def deleted(self, role: str) -> bool:
        """Tell whether a role is known to be deleted: it cannot be changed."""
        read = self._read.get(role)
        return read is not None and read.deleted

    def stopped(self, role: str, permission: str) -> str | None:
        """Say why a role gives nobody the permission that its definition lists."""
        read = self._read.get(role)
        if read is None or permission not in _names(read):
            return None
        return "deleted" if read.deleted else _STOPPED.get(str(read.stage))

    def _definition(self, role: str) -> frozenset[str] | None:
        if role not in self._full:
            self._full[role] = _definition(self._read.get(role))
        return self._full[role]

    def _spelling(self, role: str, names: frozenset[str]) -> "_Spelling":
        found = self._spellings.get(role)
        if found is None:
            found = self._spellings[role] = _Spelling.of(names)
        return found

    def _shipped(self, role: str, permission: str) -> bool | None:
        if not self.shipped or not role.startswith("roles/"):
            return None
        if role in self.catalogue.known.get(permission, ()):
            return True
        holders = self.catalogue.permissions.get(permission)
        if holders is None:
            return None
        if role in holders:
            return True
        return False if self._listed(role, permission) else None

    def _is_older(self, role: str) -> bool:
        """Tell whether what some roles are known to hold would be known of a role."""
        listed = role in self.catalogue.roles or role in self.catalogue.without
        other = role.removeprefix("roles/").partition(".")[0] not in _WATCHED
        predefined = role.startswith("roles/") and self._definition(role) is None
        return self.shipped and predefined and (listed or other)

    def _listed(self, role: str, permission: str) -> bool:
        """
        Tell whether the catalogue's silence on a role means "does not hold it".

        It is complete at its date; a role it never heard of may be newer, and a
        newer role would hold permissions of its own service first. That is watched
        for the services that decide verdicts, whose older roles are in `without`.
        """
        if role in self.catalogue.roles or role in self.catalogue.without:
            return True
        service, dot, _ = role.removeprefix("roles/").partition(".")
        own = permission.partition(".")[0]
        return bool(dot) and (service != own or own not in _WATCHED)

    def _modelled(self, role: str) -> frozenset[str] | None:
        answers = {name: self.holds(role, name) for name in self.catalogue.permissions}
        if None in answers.values():
            return None
        return frozenset(name for name, held in answers.items() if held)


_STOPPED = {"DISABLED": "disabled"}
# google.iam.admin.v1.Role.RoleLaunchStage; what else would stand there is not known
_STAGES = frozenset({None, "ALPHA", "BETA", "GA", "DEPRECATED", "EAP", *_STOPPED})


def _names(role: Role) -> tuple[str, ...]:
    return role.permissions if isinstance(role.permissions, tuple) else ()


class _Spelling(Record, frozen=True, kw_only=True):
    """How a definition spells its permissions, in lower case."""

    names: frozenset[str]
    beginnings: tuple[str, ...]  # what stands before a wildcard

    @classmethod
    def of(cls, names: Iterable[str]) -> "_Spelling":
        """Return how these are spelled."""
        lowered = frozenset([name.lower() for name in names])
        beginnings = [name.partition("*")[0] for name in lowered if "*" in name]
        return cls(names=lowered, beginnings=tuple(beginnings))

    def perhaps(self, permission: str) -> bool:
        """
        Tell whether a definition may mean a permission, which it does not name.

        It names one in another case, or many by a wildcard: no role is accepted with such.
        """
        lowered = permission.lower()
        return lowered in self.names or lowered.startswith(self.beginnings)


def _disputed(role: Role) -> bool:
    """Tell whether a definition was read that nobody can follow."""
    unreadable = any(one.reason == "unreadable" for one in role.unresolved)
    return unreadable or role.stage not in _STAGES


def _definition(role: Role | None) -> frozenset[str] | None:
    if role is None:
        return None
    if role.deleted or role.stage in _STOPPED:  # it grants nothing until that ends
        return frozenset()
    if not isinstance(role.permissions, tuple) or _disputed(role):
        return None
    return frozenset(role.permissions)
