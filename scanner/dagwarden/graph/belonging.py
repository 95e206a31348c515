"""
Where identities belong: to which project, and whether to an organisation.

An account is of the project in its e-mail, a federated identity of the project of its
pool. People are told by the domain of their e-mail: an organisation is called after the
primary domain of its Google Workspace (cloud.google.com/resource-manager/reference/rest/
v3/organizations, `displayName`), and may have others that no snapshot names.
"""

from dagwarden.facts import IdentityKind
from dagwarden.graph.access import NO, YES, Cause, Told, open_
from dagwarden.graph.estate import Estate
from dagwarden.graph.hierarchy import project_resource
from dagwarden.graph.principals import kind_of
from dagwarden.patterns import late

_CRM = "//cloudresourcemanager.googleapis.com/"
_ORGANIZATION = f"{_CRM}organizations/"
_PROJECT = "cloudresourcemanager.googleapis.com/Project"
_SET = late(
    r"principalSet://(cloudresourcemanager\.googleapis\.com/"
    r"(?:projects|folders|organizations)/[^/]+)(?:/.*)?"
)
# No Google Workspace can have these: whoever signs up gets an address there.
_EVERYONES = frozenset({"gmail.com", "googlemail.com", "googlegroups.com"})
# Projects that Apps Script makes, which a scan leaves out unless told otherwise.
_SYS = "sys-"
_PEOPLE: frozenset[IdentityKind] = frozenset({"user", "group", "domain"})
_STRANGERS: frozenset[IdentityKind] = frozenset(
    {"all_users", "all_authenticated_users"}
)
# Google's own, and nobody
_NEITHER: frozenset[IdentityKind] = frozenset({"service_agent", "deleted"})


def domain_of(key: str) -> str | None:
    """Return the domain of people; None: the key names no people."""
    if kind_of(key) not in _PEOPLE:
        return None
    return key.partition(":")[2].rpartition("@")[2].lower()


class Belonging:
    """Tells of identities where they belong, each once."""

    def __init__(self, estate: Estate) -> None:
        """Note how much of which organisation was read."""
        self._hierarchy = estate.hierarchy
        self._membership = estate.access.membership
        self._domains = {
            estate.hierarchy.canonical(item.name): item.domain
            for item in estate.facts.resources
            if item.kind == "organization"
        }
        self._workforces = {
            estate.access.membership.pool_name(
                item.pool.removeprefix("//iam.googleapis.com/")
            ): estate.hierarchy.canonical(f"{_CRM}{item.organization}")
            for item in estate.facts.federation_providers
            if item.organization is not None
        }
        self._whole = _whole(estate)
        self._projects: dict[str, str | None] = {}

    def project(self, key: str) -> str | None:
        """Return the project of an account or pool by its resource name."""
        found = self._projects.get(key)
        if found is None and key not in self._projects:
            found = self._projects[key] = self._project(key)
        return found

    def _project(self, key: str) -> str | None:
        kind = kind_of(key)
        if kind == "project_role":
            name = key.partition(":")[2]
            return self._hierarchy.canonical(project_resource(name))
        if kind in ("service_account", "federated"):
            return self._membership.project(key)
        return None

    def outside(self, key: str, organization: str | None, resource: str) -> Told:
        """
        Tell whether an identity is of no part of a resource's organisation.

        It is told the same of all resources of an organisation that is known.
        """
        if organization is None:
            return self._outside_of_none(key, resource)
        return self._told(key, organization)

    def _outside_of_none(self, key: str, resource: str) -> Told:
        """Tell the same where it is not known what organisation a resource is of."""
        lineage = self._hierarchy.lineage(resource)
        if self.project(key) in lineage.names:
            return NO  # of the same project, whatever stands above it
        shown = self._hierarchy.shown(resource)
        other = Cause(reason="layer", symbol=f"organisation of {shown}")
        causes = [
            Cause(reason=one.reason, symbol=one.symbol) for one in lineage.missing
        ]
        return open_(*(causes or [other]))

    def organization(self, resource: str) -> str | None:
        """Return the organisation of a resource; None: it is not known."""
        place = self._hierarchy.canonical(resource)
        top = (place, *self._hierarchy.above(place).names)[-1]
        return top if top.startswith(_ORGANIZATION) else None

    def _told(self, key: str, organization: str) -> Told:
        kind = kind_of(key)
        if kind in _NEITHER:
            return NO
        if kind in _STRANGERS:
            return YES
        if domain := domain_of(key):
            return self._of_domain(domain, organization)
        if project := self.project(key):
            return self._of_container(project, organization)
        if workforce := self._workforces.get(self._membership.pool(key) or ""):
            return NO if workforce == organization else YES
        if found := _SET().fullmatch(key):
            place = self._hierarchy.canonical(f"//{found[1]}")
            return self._of_container(place, organization)
        return open_(Cause(reason="membership", symbol=f"organisation of {key}"))

    def _of_domain(self, domain: str, organization: str) -> Told:
        if domain in _EVERYONES:
            return YES
        if domain == self._domains.get(organization):
            return NO
        shown = self._hierarchy.shown(organization)
        symbol = f"whether {domain} is a domain of {shown}"
        return open_(Cause(reason="membership", symbol=symbol))

    def _of_container(self, name: str, organization: str) -> Told:
        lineage = self._hierarchy.lineage(name)
        if organization in lineage.names:
            return NO
        if lineage.names[-1].startswith(_ORGANIZATION):
            return YES
        project = self._hierarchy.project_id(name.rpartition("/")[2])
        whole = organization in self._whole and not project.startswith(_SYS)
        if whole and self._hierarchy.resource(name) is None:
            return YES
        return open_(
            *(Cause(reason=one.reason, symbol=one.symbol) for one in lineage.missing)
        )


def _whole(estate: Estate) -> frozenset[str]:
    """
    Return the organisations all projects of which were read.

    Only a sealed snapshot says what it was asked for. A project that is left out, could
    not be read, or goes by one name only may be the one that is asked about.
    """
    facts = estate.facts
    snapshot = facts.snapshots[0] if facts.snapshots else None
    if snapshot is None or not isinstance(snapshot.scope, str):
        return frozenset()
    hidden = (
        _PROJECT not in snapshot.asset_types
        or any(gap.incomplete and "resource" in gap.kinds for gap in facts.gaps)
        or any("lifecycle" in one.reason for one in facts.excluded)
        or any(
            item.kind == "project" and not (item.project_id and item.project_number)
            for item in facts.resources
        )
    )
    if hidden:
        return frozenset()
    scopes = snapshot.scope.split(",")
    return frozenset(
        f"//cloudresourcemanager.googleapis.com/{scope}"
        for scope in scopes
        if scope.startswith("organizations/")
    )
