"""
Deny policies (IAM v2): what they take away, whatever is granted.

A rule denies a permission to a principal when the principal and the permission are
among the denied, neither is among the exceptions, and its condition holds. Rules are
independent: an exception of one says nothing of another. A policy counts for the
project, folder or organisation it is attached to and all below it.
Source: google.iam.v2.DenyRule; cloud.google.com/iam/docs/deny-overview
"""

from collections.abc import Iterable, Iterator

from msgspec import UNSET

from dagwarden.facts import DenyPolicy, DenyRule, Facts
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


class Denials:
    """The deny policies of a snapshot, by where they are attached."""

    def __init__(
        self,
        facts: Facts,
        hierarchy: Hierarchy,
        membership: Membership,
        conditions: Conditions,
    ) -> None:
        """Index the policies by resource."""
        self._hierarchy = hierarchy
        self._membership = membership
        self._conditions = conditions
        self._at: dict[str, list[DenyPolicy]] = {}
        for policy in facts.deny_policies:
            place = hierarchy.canonical(policy.resource)
            self._at.setdefault(place, []).append(policy)

    def touches(self, permission: str) -> bool:
        """Tell whether any policy might deny a permission to someone somewhere."""
        wanted = full(permission)
        every = (policy for policies in self._at.values() for policy in policies)
        return any(self._may_touch(policy, wanted) for policy in every)

    def _may_touch(self, policy: DenyPolicy, permission: str) -> bool:
        if policy.rules is UNSET:
            return True
        rules = (self._permission(rule, permission) for rule in policy.rules)
        return any(told.held is not False for told in rules)

    def refuse(
        self, key: str, permission: str, resource: str, lineage: Lineage
    ) -> tuple[tuple[Refusal, ...], tuple[Cause, ...]]:
        """Return what surely denies a permission, and what may."""
        refusals: list[Refusal] = []
        causes: list[Cause] = []
        for policy, applies in self._policies(lineage):
            told = self._policy(policy, key, full(permission), resource)
            told = all_of((applies, told)) if told.held is not False else told
            causes.extend(told.causes)
            if told.held is True:
                refusals.append(self._refusal(policy, key, permission, resource))
        return tuple(refusals), tuple(causes)

    def everywhere(self, key: str, permission: str, lineage: Lineage) -> bool:
        """Tell whether a permission is surely denied on a resource and all below it."""
        return any(
            rule.condition is None
            and self._rule(rule, policy.name, key, full(permission), "").held is True
            for place in lineage.names
            for policy in self._at.get(place, ())
            if policy.rules is not UNSET
            for rule in policy.rules
        )

    def _policies(self, lineage: Lineage) -> Iterator[tuple[DenyPolicy, Told]]:
        """Yield the policies that count, and those that may: what is above is open."""
        missing = tuple(
            Cause(reason=item.reason, symbol=item.symbol) for item in lineage.missing
        )
        for place, policies in self._at.items():
            if place in lineage.names:
                for policy in policies:
                    yield policy, YES
            elif missing:
                for policy in policies:
                    yield policy, open_(*missing)

    def _policy(
        self, policy: DenyPolicy, key: str, permission: str, resource: str
    ) -> Told:
        if policy.rules is UNSET:
            symbol = f"rules of deny policy {policy.name}"
            return open_(Cause(reason="guardrail", symbol=symbol))
        rules = (
            self._rule(rule, policy.name, key, permission, resource)
            for rule in policy.rules
        )
        return any_of(rules)

    def _rule(
        self, rule: DenyRule, policy: str, key: str, permission: str, resource: str
    ) -> Told:
        return all_of(self._parts(rule, policy, key, permission, resource))

    def _parts(
        self, rule: DenyRule, policy: str, key: str, permission: str, resource: str
    ) -> Iterator[Told]:
        yield self._permission(rule, permission)
        yield self._anyone(rule.principals, key)
        yield not_(self._anyone(rule.exception_principals, key))
        if rule.condition is not None:
            yield self._conditions.denies(rule.condition, resource, policy)

    def _permission(self, rule: DenyRule, permission: str) -> Told:
        denied = any_of(_listed(rule.permissions, permission))
        excepted = any_of(_listed(rule.exception_permissions, permission))
        return all_of((denied, not_(excepted)))

    def _anyone(self, principals: Iterable[str], key: str) -> Told:
        membership = self._membership
        return any_of(membership.covers(membership.key(one), key) for one in principals)

    def _refusal(
        self, policy: DenyPolicy, key: str, permission: str, resource: str
    ) -> Refusal:
        rules = () if policy.rules is UNSET else policy.rules
        number = next(
            index
            for index, rule in enumerate(rules)
            if self._rule(rule, policy.name, key, full(permission), resource).held
        )
        place = self._hierarchy.shown(policy.resource)
        field = f"rules[{number}].denyRule"
        inside = f"{policy.origin.field}." if policy.origin.field else ""
        return Refusal(
            text=f"rule {number + 1} of deny policy {policy.name.rpartition('/')[2]} on "
            f"{place} denies {permission}",
            origin=type(policy.origin)(
                source=policy.origin.source,
                line=policy.origin.line,
                field=inside + field,
            ),
            policy=policy.name,
        )


def _listed(patterns: Iterable[str], permission: str) -> Iterator[Told]:
    for pattern in patterns:
        found = matches(pattern, permission)
        if found is None:
            symbol = f"whether {pattern or 'no permission'} means {permission}"
            yield open_(Cause(reason="guardrail", symbol=symbol))
        else:
            yield YES if found else NO
