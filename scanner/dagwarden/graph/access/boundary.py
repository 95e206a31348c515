"""
Principal access boundaries (IAM v3): for which resources a principal is eligible.

Without a boundary a principal is eligible for everything. Subject to some, it is
eligible for the union of what they list, and everything below; elsewhere they block
the permissions of their enforcement version.
Source: cloud.google.com/iam/docs/principal-access-boundary-policies
"""

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET

from dagwarden.facts import BoundaryBinding, BoundaryPolicy, Facts, Record
from dagwarden.graph.access.answers import (
    NO,
    YES,
    Cause,
    Refusal,
    Told,
    all_of,
    any_of,
    not_,
    open_,
)
from dagwarden.graph.access.conditions import Conditions
from dagwarden.graph.access.membership import Membership
from dagwarden.graph.access.permissions import full, matches
from dagwarden.graph.hierarchy import Hierarchy, Lineage
from dagwarden.graph.principals import ALL_AUTHENTICATED, ALL_USERS, kind_of
from dagwarden.patterns import late

_NUMBER = late(r"[1-9][0-9]{0,8}")
_DATA = Path(__file__).with_name("boundaries.json")
_CONTAINERS = "//cloudresourcemanager.googleapis.com/"
_POOLS = "//iam.googleapis.com/"
Kind = Literal["user", "service_account", "workforce", "workload", "other"]


class _Listed(Record, frozen=True, kw_only=True):
    blocks: tuple[str, ...]
    excepted: tuple[str, ...] = msgspec.field(default=(), name="except")


class _Versions(Record, frozen=True, kw_only=True):
    """What enforcement versions block (`boundaries.json`)."""

    about: str
    provenance: str
    as_of: str
    least_default: str  # documentation has named this one, and later ones, as default
    absent: frozenset[str]
    versions: dict[str, dict[str, _Listed]]


@cache
def _documented() -> _Versions:
    return msgspec.json.decode(_DATA.read_bytes(), type=_Versions)


def blocks(version: str, permission: str) -> bool | None:
    """
    Tell whether boundaries of a version can block a permission in its full spelling.

    None where documentation does not tell: a version it does not list blocks what the
    listed ones before it do, and what else is not known. `latest` and a version that
    is not given are some version.
    """
    documented = _documented()
    host, _, name = permission.partition("/")
    newest = max(map(int, documented.versions))
    if _NUMBER().fullmatch(version):
        upto, exact = min(int(version), newest), int(version) <= newest
    else:
        upto = int(documented.least_default) if version == "latest" else 1
        exact = False
    for number in range(1, upto + 1):
        listed = documented.versions[str(number)].get(host)
        if listed and _is_listed(listed, name):
            return True
    if not exact:
        return None
    known = host in documented.absent or any(
        host in services for services in documented.versions.values()
    )
    return False if known else None


def _is_listed(listed: _Listed, name: str) -> bool:
    blocked = any(matches(f"/{one}", f"/{name}") for one in listed.blocks)
    return blocked and not any(
        matches(f"/{one}", f"/{name}") for one in listed.excepted
    )


class _Standing(Record, frozen=True, kw_only=True):
    """One boundary as it concerns one question."""

    policy: BoundaryPolicy | None  # None: bound, and not given
    name: str
    subject: Told  # the principal is subject to it
    blocks: Told  # it can block the permission
    includes: Told  # the resource is among what it lists


class Boundaries:
    """The access boundaries of a snapshot and the sets they are bound to."""

    def __init__(
        self,
        facts: Facts,
        hierarchy: Hierarchy,
        membership: Membership,
        conditions: Conditions,
    ) -> None:
        """Index the policies by name."""
        self._hierarchy = hierarchy
        self._membership = membership
        self._conditions = conditions
        self._policies = {policy.name: policy for policy in facts.boundary_policies}
        self._bindings: dict[str, list[BoundaryBinding]] = {}
        for binding in facts.boundary_bindings:
            self._bindings.setdefault(binding.policy, []).append(binding)
        # workforce pools -> the organisations that they are of
        self._owners = {
            one.pool: one.organization
            for one in facts.federation_providers
            if one.organization is not None
        }
        # boundaries without any binding: to whom they are bound was not given
        self._unbound = bool(facts.boundary_policies) and not facts.boundary_bindings

    def touches(self, permission: str) -> bool:
        """Tell whether any boundary might block a permission for someone somewhere."""
        names = self._policies if self._unbound else self._bindings
        return any(
            self._blocks(name, full(permission)).held is not False for name in names
        )

    def refuse(
        self, key: str, permission: str, lineage: Lineage
    ) -> tuple[tuple[Refusal, ...], tuple[Cause, ...]]:
        """Return what surely keeps a principal from a resource, and what may."""
        if key in (ALL_USERS, ALL_AUTHENTICATED):  # anyone, so someone who is not bound
            return (), ()
        names = sorted(self._policies) if self._unbound else sorted(self._bindings)
        every = (self._standing(one, key, full(permission), lineage) for one in names)
        standings = [one for one in every if one.subject.held is not False]
        blocked = self._blocked(standings)
        if blocked.held is True:
            return tuple(self._refusals(standings, permission, lineage)), ()
        return (), blocked.causes

    def lets(self, key: str, place: str) -> bool:
        """Tell whether anything below a place may be listed for a principal."""
        within = self._hierarchy.within
        return any(
            policy.resources is UNSET
            or any(within(one, (place,)) for one in policy.resources)
            for name, bindings in self._bindings.items()
            if any(self._subject(one, key).held is not False for one in bindings)
            and (policy := self._policies.get(name)) is not None
        )

    @staticmethod
    def _blocked(standings: list[_Standing]) -> Told:
        """
        Tell whether boundaries block.

        Two pages of the documentation differ where versions do: whether a boundary
        that cannot block the permission still makes its resources eligible
        (principal-access-boundary-policies#interactions) or is not relevant at all
        (policy-types#evaluation). Where that decides, it is not known.
        """
        block = any_of(all_of((one.subject, one.blocks)) for one in standings)
        eligible = any_of(all_of((one.subject, one.includes)) for one in standings)
        relevant = any_of(
            all_of((one.subject, one.blocks, one.includes)) for one in standings
        )
        surely = all_of((block, not_(eligible)))
        perhaps = all_of((block, not_(relevant)))
        if surely.held is True or perhaps.held is False:
            return surely if surely.held else NO
        if surely.held is False:
            return perhaps if perhaps.held is None else open_(_VERSIONS_DIFFER)
        return surely

    def _standing(
        self, name: str, key: str, permission: str, lineage: Lineage
    ) -> _Standing:
        policy = self._policies.get(name)
        if self._unbound:
            symbol = f"to whom boundary {name} is bound"
            subject = open_(Cause(reason="guardrail", symbol=symbol))
        else:
            subject = any_of(self._subject(one, key) for one in self._bindings[name])
        return _Standing(
            policy=policy,
            name=name,
            subject=subject,
            blocks=self._blocks(name, permission),
            includes=self._includes(policy, name, lineage),
        )

    def _blocks(self, name: str, permission: str) -> Told:
        policy = self._policies.get(name)
        version = policy.version if policy else UNSET
        found = blocks("" if version is UNSET else version, permission)
        if found is None:
            shown = f"version {version}" if isinstance(version, str) else "the version"
            symbol = f"{permission} in {shown} of boundary {name}"
            return open_(Cause(reason="version", symbol=symbol))
        return YES if found else NO

    def _includes(
        self, policy: BoundaryPolicy | None, name: str, lineage: Lineage
    ) -> Told:
        if policy is None or policy.resources is UNSET:
            symbol = f"resources of boundary {name}"
            return open_(Cause(reason="guardrail", symbol=symbol))
        listed = {self._hierarchy.canonical(one) for one in policy.resources}
        if not listed.isdisjoint(lineage.names):
            return YES
        return Told(
            held=None if lineage.missing else False,
            causes=tuple(
                Cause(reason=item.reason, symbol=item.symbol)
                for item in lineage.missing
            ),
        )

    # ---------------------------------------------------------------------- subjects

    def _subject(self, binding: BoundaryBinding, key: str) -> Told:
        return all_of(self._bound(binding, key))

    def _bound(self, binding: BoundaryBinding, key: str) -> Iterator[Told]:
        kind = self._kind(key)
        yield self._in_set(binding.principals, key, kind)
        if binding.condition is not None:
            name = f"binding {binding.name.rpartition('/')[2]}"
            yield self._conditions.binds(binding.condition, key, kind, name)

    def _kind(self, key: str) -> Kind:
        pool = self._membership.pool(key)
        if pool is not None:
            return "workforce" if "/workforcePools/" in f"/{pool}" else "workload"
        kind = kind_of(key)
        if kind == "service_account":
            return "service_account"
        return "user" if kind == "user" else "other"

    def _in_set(self, principals: str, key: str, kind: Kind) -> Told:
        """Tell whether a principal is in the set that a boundary is bound to."""
        unknown = open_(Cause(reason="membership", symbol=principals))
        if key.startswith("group:"):
            return self._all_in_set(principals, key, unknown)
        if kind == "other":  # a service agent: of whom it speaks is open
            return unknown
        if principals.startswith(_POOLS):
            return self._in_pool(principals.removeprefix(_POOLS), key, kind, unknown)
        if not principals.startswith(_CONTAINERS):
            return unknown
        organization = principals.startswith(f"{_CONTAINERS}organizations/")
        if kind in ("user", "workforce"):
            return self._of_organization(principals, key) if organization else NO
        return self._membership.of_container(self._hierarchy.canonical(principals), key)

    def _of_organization(self, principals: str, key: str) -> Told:
        """
        Tell whether a person is in the set of an organisation: of its workforce's pools.

        Which domains are its own is not read.
        """
        own = self._owners.get(f"{_POOLS}{self._membership.pool(key)}")
        if own is None:
            return open_(Cause(reason="membership", symbol=principals))
        return YES if f"{_CONTAINERS}{own}" == principals else NO

    def _all_in_set(self, principals: str, group: str, unknown: Told) -> Told:
        """Tell whether all members of a group are in a set; some: not known."""
        members = [
            one
            for one in self._membership.members(group)
            if not one.startswith("group:")
        ]
        told = {self._in_set(principals, one, self._kind(one)).held for one in members}
        if len(told) != 1 or None in told or self._membership.unlisted(group):
            return unknown
        return YES if told == {True} else NO

    def _in_pool(self, name: str, key: str, kind: Kind, unknown: Told) -> Told:
        if name.startswith("locations/global/workspace/"):
            return unknown if kind == "user" else NO
        if "Pools/" not in name:
            return unknown
        wanted = self._membership.pool(f"principalSet://iam.googleapis.com/{name}/*")
        return YES if self._membership.pool(key) == wanted else NO

    # ------------------------------------------------------------------------- proof

    def _refusals(
        self, standings: Iterable[_Standing], permission: str, lineage: Lineage
    ) -> Iterator[Refusal]:
        place = self._hierarchy.shown(lineage.names[0])
        for one in standings:
            if one.policy and one.subject.held and one.blocks.held:
                short = one.name.rpartition("/")[2]
                yield Refusal(
                    text=f"principal access boundary {short} does not list {place}, "
                    f"and blocks {permission}",
                    origin=one.policy.origin,
                    policy=one.name,
                )


_VERSIONS_DIFFER = Cause(
    reason="version",
    symbol="whether a boundary counts whose version cannot block the permission",
)
