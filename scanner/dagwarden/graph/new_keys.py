"""
Whether organisation policies forbid new keys of service accounts, whatever IAM says.

The permission to create keys also uploads public ones, which a constraint of its own
forbids: who may still upload has a key all the same
(cloud.google.com/organization-policy/restrict-service-accounts).
"""

from collections.abc import Iterator
from typing import Literal

from msgspec import UNSET

from dagwarden.facts import OrgPolicy
from dagwarden.graph.estate import Estate

CREATE_KEY = "iam.serviceAccountKeys.create"
Way = Literal["creating", "uploading"]
_FORBIDS: dict[Way, tuple[str, str]] = {
    "creating": (
        "constraints/iam.disableServiceAccountKeyCreation",
        "constraints/iam.managed.disableServiceAccountKeyCreation",
    ),
    "uploading": (
        "constraints/iam.disableServiceAccountKeyUpload",
        "constraints/iam.managed.disableServiceAccountKeyUpload",
    ),
}


class NewKeys:
    """The policies of a snapshot that forbid new keys, by where they stand."""

    def __init__(self, estate: Estate) -> None:
        """Index the policies by resource and constraint."""
        self._lineage = estate.hierarchy.lineage
        wanted = {name for names in _FORBIDS.values() for name in names}
        self._policies = {
            (estate.hierarchy.canonical(policy.resource), policy.constraint): policy
            for policy in estate.facts.org_policies
            if policy.constraint in wanted
        }

    def __bool__(self) -> bool:
        """Tell whether any policy speaks of keys."""
        return bool(self._policies)

    def forbidden(self, resource: str) -> bool | None:
        """Tell whether no key can be added to accounts there, in either way."""
        told = [self.forbids(way, resource)[0] for way in _FORBIDS]
        return False if False in told else None if None in told else True

    def forbids(self, way: Way, resource: str) -> tuple[bool | None, str]:
        """Tell whether a way to a key is forbidden there, and by which constraint."""
        names = self._lineage(resource).names
        told = {name: self._enforced(names, name) for name in _FORBIDS[way]}
        for answer in (True, None):
            for constraint, said in told.items():
                if said is answer:
                    return answer, constraint
        return False, ""

    def _enforced(self, names: tuple[str, ...], constraint: str) -> bool | None:
        """Return what the nearest policy of a boolean constraint says."""
        found: Iterator[OrgPolicy] = (
            self._policies[name, constraint]
            for name in names
            if (name, constraint) in self._policies
        )
        nearest = next(found, None)
        # a reset is to Google's default, which forbids nothing
        if nearest is None or nearest.reset:
            return False
        return None if nearest.enforced is UNSET else nearest.enforced

    def said_of(self, resource: str) -> Iterator[str]:
        """Say which policies block the permission to create keys on a resource."""
        for way in _FORBIDS:
            held, constraint = self.forbids(way, resource)
            if held is not False:
                blocks = "blocks" if held else "may block"
                yield f"organisation policy {constraint} {blocks} {way} keys there"
