"""
Does an identity hold a permission on a resource? Yes, no, or what would tell.

Allow policies add up over a resource and everything above it; nothing below takes
away. What is not evaluated yet (conditions, deny policies, access boundaries) and
what was not read (groups, ancestors, role definitions) makes the answers it could
change unknown, and no others.
"""

import re
from collections.abc import Iterable, Iterator

from msgspec import UNSET

from dagwarden.facts import (
    Binding,
    CloudRun,
    Facts,
    Guardrail,
    Identity,
    IdentityRef,
    Origin,
    Reason,
    Record,
    Unresolved,
)
from dagwarden.graph.hierarchy import Hierarchy, Lineage, project_resource, short
from dagwarden.graph.principals import (
    ALL_AUTHENTICATED,
    ALL_USERS,
    key_of,
    kind_of,
    ref_of,
)
from dagwarden.graph.roles import Roles

_MANY = 20  # missing inputs named per answer
_AUTHENTICATED = frozenset({"service_account", "service_agent", "user"})
_CONVENIENCE = {
    "projectOwner": "roles/owner",
    "projectEditor": "roles/editor",
    "projectViewer": "roles/viewer",
}
# Resources whose own policy counts only if their kind was read at all.
_TYPES = tuple(
    (re.compile(pattern), asset_type)
    for pattern, asset_type in (
        (r"//run\.googleapis\.com/.*/services/", "run.googleapis.com/Service"),
        (r"//run\.googleapis\.com/.*/jobs/", "run.googleapis.com/Job"),
        (
            r"//iam\.googleapis\.com/.*/serviceAccounts/",
            "iam.googleapis.com/ServiceAccount",
        ),
        (r"//storage\.googleapis\.com/", "storage.googleapis.com/Bucket"),
    )
)
# May hold a member through a population that is not listed.
_POPULATIONS = ("group:", "principalSet:", "customer:")


class Cause(Record, frozen=True, kw_only=True, order=True):
    """What keeps an answer from being known."""

    reason: Reason
    symbol: str

    def on(self, field: str) -> Unresolved:
        """Return the cause as the reason why `field` is UNSET."""
        return Unresolved(field=field, reason=self.reason, symbol=self.symbol)


class Support(Record, frozen=True, kw_only=True):
    """One binding that gives a permission; None: the invoker check is off."""

    binding: Binding | None
    member: str  # the key by which the identity is in it
    inherited: bool  # granted above the resource
    origin: Origin


class Answer(Record, frozen=True, kw_only=True):
    """Whether a permission is held; `causes` are what would decide an unknown."""

    held: bool | None
    supports: tuple[Support, ...] = ()
    causes: tuple[Cause, ...] = ()


class Access:
    """The allow policies of one snapshot, indexed by resource and by member."""

    def __init__(self, facts: Facts, hierarchy: Hierarchy, roles: Roles) -> None:
        """Index bindings; linear in their members."""
        self.hierarchy = hierarchy
        self.roles = roles
        self._layers = facts.snapshots[0].layers if facts.snapshots else None
        self._asset_types = frozenset(
            facts.snapshots[0].asset_types if facts.snapshots else ()
        )
        self._on: dict[str, list[Binding]] = {}
        self._of: dict[str, list[Binding]] = {}
        self._open: list[Binding] = []  # with members that stand for others
        self._members: dict[int, frozenset[str]] = {}  # by the record's identity
        self._keys: dict[str, str] = {}
        self._many: set[str] = set()  # keys that stand for others
        for binding in facts.bindings:
            self._add(binding)
        self._identities = {item.key: item for item in facts.identities}
        self._refs: dict[str, IdentityRef] = {}
        self._runs = {
            hierarchy.canonical(run.resource): run for run in facts.cloud_runs
        }
        self._guardrails = facts.guardrails
        self._answers: dict[tuple[str, str, str], Answer] = {}

    def _add(self, binding: Binding) -> None:
        keys = frozenset(map(self._key, binding.members))
        self._members[id(binding)] = keys
        place = self.hierarchy.canonical(binding.resource)
        self._on.setdefault(place, []).append(binding)
        for key in keys:
            self._of.setdefault(key, []).append(binding)
        if not keys.isdisjoint(self._many):
            self._open.append(binding)

    def _key(self, member: str) -> str:
        key = self._keys.get(member)
        if key is None:
            key = self._keys[member] = key_of(member)
            if key.startswith((*_POPULATIONS, "domain:", "project")):
                self._many.add(key)
        return key

    # ------------------------------------------------------------------- lookups

    def ref(self, key: str) -> IdentityRef:
        """Return the reference to an identity, from its fact where there is one."""
        ref = self._refs.get(key)
        if ref is None:
            ref = self._refs[key] = _ref(key, self._identities.get(key))
        return ref

    def identity(self, key: str) -> Identity | None:
        """Return the fact about an identity, if one was read."""
        return self._identities.get(key)

    def members(self, binding: Binding) -> frozenset[str]:
        """Return the keys of a binding's members."""
        return self._members[id(binding)]

    def bindings_on(self, resource: str) -> list[Binding]:
        """Return the bindings written on a resource itself."""
        return self._on.get(self.hierarchy.canonical(resource), [])

    def bindings_of(self, key: str) -> Iterator[Binding]:
        """Return the bindings that surely have an identity as a member."""
        for member in dict.fromkeys((key, *_everyone(key))):
            yield from self._of.get(member, ())

    def open_bindings(self) -> list[Binding]:
        """Return the bindings of members that stand for others (groups, ...)."""
        return self._open

    def run(self, resource: str) -> CloudRun | None:
        """Return the Cloud Run fact of a resource."""
        return self._runs.get(self.hierarchy.canonical(resource))

    # ------------------------------------------------------------------- answers

    def holds(self, key: str, permission: str, resource: str) -> Answer:
        """Answer whether the identity holds the permission on the resource."""
        resource = self.hierarchy.canonical(resource)
        question = (key, permission, resource)
        answer = self._answers.get(question)
        if answer is None:
            answer = self._answers[question] = self._decide(*question)
        return answer

    def _decide(self, key: str, permission: str, resource: str) -> Answer:
        lineage = self.hierarchy.lineage(resource)
        opened, doubt = self._unchecked(permission, resource)
        if opened is not None:
            return Answer(held=True, supports=(opened,))
        supports: list[Support] = []
        for place in lineage.names:
            for binding in self._on.get(place, ()):
                verdict = self._grants(binding, key, permission)
                if verdict is True:
                    supports.append(self._support(binding, key, place != resource))
                elif verdict is not False:
                    doubt.extend(verdict)
        if supports:
            return self._guarded(permission, lineage, tuple(supports))
        doubt.extend(self._unread(lineage))
        doubt.extend(self._type_unread(resource))
        return Answer(held=None if doubt else False, causes=distinct(doubt))

    def _unchecked(
        self, permission: str, resource: str
    ) -> tuple[Support | None, list[Cause]]:
        """Return whether a service lets everyone in, whatever its policy says."""
        run = self._runs.get(resource)
        if run is None or run.kind != "service" or permission != "run.routes.invoke":
            return None, []
        if run.invoker_check_disabled is True:
            origin = Origin(source=run.resource, field="invokerIamDisabled")
            return (
                Support(binding=None, member=ALL_USERS, inherited=False, origin=origin),
                [],
            )
        if run.invoker_check_disabled is UNSET:
            symbol = f"invoker check of {short(run.resource)}"
            return None, [Cause(reason="layer", symbol=symbol)]
        return None, []

    def _grants(
        self, binding: Binding, key: str, permission: str
    ) -> bool | list[Cause]:
        """Return True, False, or what would decide whether a binding grants."""
        causes: list[Cause] = []
        held = self.roles.holds(binding.role, permission)
        if held is False:
            return False
        member = self._is_member(binding, key)
        if member is False:
            return False
        if held is None:
            causes.append(role_cause(binding.role))
        if member is not True:
            causes.extend(member)
        if binding.condition is not None:
            causes.append(condition_cause(binding))
        return causes or True

    def _is_member(self, binding: Binding, key: str) -> bool | list[Cause]:
        keys = self._members[id(binding)]
        if key in keys or any(every in keys for every in _everyone(key)):
            return True
        causes: list[Cause] = []
        for member in sorted(keys & self._many):
            verdict = self._stands_for(member, key)
            if verdict is True:
                return True
            if verdict is not False:
                causes.append(verdict)
        return causes or False

    def _stands_for(self, member: str, key: str) -> bool | Cause:
        """Tell whether a member that names many covers the identity."""
        prefix, _, rest = member.partition(":")
        if key in (ALL_USERS, ALL_AUTHENTICATED):
            return False
        if prefix in _CONVENIENCE:
            return self._convenience(_CONVENIENCE[prefix], rest, key, member)
        if member.startswith(_POPULATIONS):
            if "workloadIdentityPools/" in rest or "workforcePools/" in rest:
                federated = kind_of(key) == "federated"
                return _membership(member) if federated else False
            return _membership(member)
        # a Workspace domain's members are its people; service accounts are not
        if prefix == "domain" and kind_of(key) in ("user", "group"):
            return _membership(member)
        return False

    def _convenience(
        self, role: str, project: str, key: str, member: str
    ) -> bool | Cause:
        """Expand `projectEditor:p`: who holds the basic role on the project."""
        name = self.hierarchy.canonical(project_resource(project))
        lineage = self.hierarchy.lineage(name)
        doubt = bool(tuple(self._unread(lineage)))
        for place in lineage.names:
            for binding in self._on.get(place, ()):
                if binding.role != role:
                    continue
                verdict = self._is_member(binding, key)
                # whether a role inherited by the project counts is not documented
                if verdict is True and place == name and binding.condition is None:
                    return True
                doubt = doubt or verdict is not False
        return _membership(member) if doubt else False

    def _support(self, binding: Binding, key: str, inherited: bool) -> Support:
        keys = self._members[id(binding)]
        direct = [item for item in (key, *_everyone(key)) if item in keys]
        return Support(
            binding=binding,
            member=direct[0] if direct else key,
            inherited=inherited,
            origin=binding.origin,
        )

    def _guarded(
        self, permission: str, lineage: Lineage, supports: tuple[Support, ...]
    ) -> Answer:
        causes = list(self._guards(permission, lineage))
        if causes:
            return Answer(held=None, supports=supports, causes=distinct(causes))
        return Answer(held=True, supports=supports)

    def _guards(self, permission: str, lineage: Lineage) -> Iterator[Cause]:
        """Yield what might take a granted permission away."""
        for guardrail in self._guardrails:
            if touches(guardrail, permission) and self._applies(guardrail, lineage):
                yield Cause(reason="guardrail", symbol=guardrail.name)
        yield from self.unread_guards()

    def unread_guards(self) -> Iterator[Cause]:
        """Yield the layers that may take permissions away and were read in part."""
        if self._layers and self._layers.deny == "partly":
            yield Cause(reason="layer", symbol="deny policies")
        if self._layers and self._layers.boundary == "partly":
            yield Cause(reason="layer", symbol="principal access boundaries")

    def _applies(self, guardrail: Guardrail, lineage: Lineage) -> bool:
        # a boundary follows the principal, wherever the resource is
        if guardrail.kind == "boundary" or lineage.missing:
            return True
        return self.hierarchy.canonical(guardrail.resource) in lineage.names

    def _unread(self, lineage: Lineage) -> Iterable[Cause]:
        """Return what could still grant, for all that was read."""
        state = self._layers.allow if self._layers else "not_given"
        if state != "read":
            yield Cause(reason="layer", symbol="IAM policies of the snapshot")
        for missing in lineage.missing:
            yield Cause(reason=missing.reason, symbol=missing.symbol)

    def _type_unread(self, resource: str) -> Iterator[Cause]:
        """Yield the asset type of a resource if none of its kind was read."""
        for pattern, asset_type in _TYPES:
            if pattern.match(resource) and asset_type not in self._asset_types:
                yield Cause(reason="layer", symbol=f"asset type {asset_type}")

    def assumes(self) -> tuple[str, ...]:
        """Say on what assumptions the answers of this snapshot rest."""
        return assumptions(self._layers, self.roles)


def assumptions(layers: object, roles: Roles) -> tuple[str, ...]:
    """Say which layers are taken to be empty because nobody gave them."""
    date = roles.catalogue.as_of
    said = [f"predefined roles that were not read hold what they held on {date}"]
    if getattr(layers, "deny", "not_given") == "not_given":
        said.append("no deny policy applies: the snapshot holds no deny layer")
    if getattr(layers, "boundary", "not_given") == "not_given":
        said.append(
            "no principal access boundary applies: the snapshot holds no such layer"
        )
    return tuple(sorted(said))


def touches(guardrail: Guardrail, permission: str) -> bool:
    """Tell whether a guardrail may touch a permission; its wildcards included."""
    if guardrail.permissions is UNSET:
        return True
    return any(_covers(pattern, permission) for pattern in guardrail.permissions)


def _covers(pattern: str, permission: str) -> bool:
    """Compare `run.googleapis.com/routes.invoke`, `.../*.*` to `run.routes.invoke`."""
    service, slash, rest = pattern.partition("/")
    own, _, name = permission.partition(".")
    if slash:
        if service.removesuffix(".googleapis.com") != own:
            return False
        pattern, permission = rest, name
    if pattern in ("*", "*.*"):
        return True
    stem = pattern.removesuffix("*")
    return permission.startswith(stem) if stem != pattern else permission == pattern


def role_cause(role: str) -> Cause:
    """Return the cause of an unknown role definition."""
    return Cause(reason="layer", symbol=f"definition of {role}")


def condition_cause(binding: Binding) -> Cause:
    """Return the cause of an IAM condition."""
    title = binding.condition.title if binding.condition else ""
    named = f'condition "{title}"' if title else "condition"
    return Cause(
        reason="condition",
        symbol=f"{named} on {binding.role} at {short(binding.resource)}",
    )


def distinct(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return causes sorted, once each, as many as anyone would read."""
    return tuple(sorted(set(causes))[:_MANY])


def _everyone(key: str) -> tuple[str, ...]:
    """Return the members that stand for everyone, as far as they cover the key."""
    if kind_of(key) in _AUTHENTICATED or key == ALL_AUTHENTICATED:
        return (ALL_AUTHENTICATED, ALL_USERS)
    return (ALL_USERS,)


def _membership(member: str) -> Cause:
    return Cause(reason="membership", symbol=member)


def _ref(key: str, identity: Identity | None) -> IdentityRef:
    if identity is None:
        return ref_of(key)
    return IdentityRef(
        key=key,
        kind=identity.kind,
        email=identity.email,
        default_compute=identity.default_compute or ref_of(key).default_compute,
    )
