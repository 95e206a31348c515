"""The resource hierarchy: one name for every resource, and what lies above it."""

import re
from collections.abc import Iterable

from msgspec import UNSET

from dagwarden.facts import Facts, Record, Resource, Unresolved
from dagwarden.graph.principals import project_of_account
from dagwarden.patterns import late

_PROJECTS = "//cloudresourcemanager.googleapis.com/projects/"
_ORGANIZATIONS = "//cloudresourcemanager.googleapis.com/organizations/"
_PROJECT_PART = late(r"^(//[^/]+/)projects/([^/]+)")
_ACCOUNT = late(r"^//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/([^/]+)$")
_BUCKET = late(r"^//storage\.googleapis\.com/(?:projects/_/buckets/)?([^/]+)$")


class Lineage(Record, frozen=True, kw_only=True):
    """A resource and all above it, nearest first; `missing` if that is not all."""

    names: tuple[str, ...]
    missing: tuple[Unresolved, ...] = ()


def account_resource(email: str) -> str:
    """Return the canonical resource name of a service account."""
    return f"//iam.googleapis.com/projects/-/serviceAccounts/{email.lower()}"


def project_resource(project: str) -> str:
    """Return the resource name of a project given by id or number."""
    return f"{_PROJECTS}{project.removeprefix('projects/')}"


class Hierarchy:
    """Names and containment, from what a snapshot says of both."""

    def __init__(self, facts: Facts) -> None:
        """Index resources, projects and service accounts."""
        self._numbers: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        for resource in facts.resources:
            if resource.project_id and resource.project_number:
                self._numbers[resource.project_id] = resource.project_number
                self._ids[resource.project_number] = resource.project_id
        self._emails = {
            identity.unique_id: identity.email
            for identity in facts.identities
            if identity.unique_id and identity.email
        }
        self._account_projects = {
            identity.email: identity.project
            for identity in facts.identities
            if identity.email and identity.project
        }
        self._canonical: dict[str, str] = {}
        self._project_names: dict[str, str] = {}
        self._resources = {self.canonical(item.name): item for item in facts.resources}
        # what the assets themselves say of the project of a bucket
        self._owners = {
            bucket: environment.project
            for environment in facts.composer_environments
            if (bucket := _bucket_of(environment.dag_bucket))
        }
        snapshot = facts.snapshots[0] if facts.snapshots else None
        self._layers = snapshot.layers if snapshot else None
        self._lineages: dict[str, Lineage] = {}
        self._projects: dict[str, str | None] = {}

    def number(self, project: str) -> str | None:
        """Return a project's number, given its id or number, if the snapshot tells."""
        project = project.removeprefix("projects/")
        return project if project.isdigit() else self._numbers.get(project)

    def project_id(self, project: str) -> str:
        """Return a project's id where it is known, else the given spelling."""
        project = project.removeprefix("projects/")
        return self._ids.get(project, project)

    def email(self, unique_id: str) -> str | None:
        """Return the e-mail of a service account given by its unique id."""
        return self._emails.get(unique_id)

    def shown(self, name: str) -> str:
        """Return a resource name as people say it, its project by id if known."""
        part = _PROJECT_PART().match(name)
        if part is not None:
            project = self.project_id(part[2])
            name = f"{part[1]}projects/{project}{name[part.end() :]}"
        return short(name)

    def canonical(self, name: str) -> str:
        """
        Return the one name of a resource.

        Projects go by number where it is known, service accounts by e-mail, buckets
        without their project.
        """
        found = self._canonical.get(name)
        if found is None:
            found = self._canonical[name] = self._canonicalise(name)
        return found

    def resource(self, name: str) -> Resource | None:
        """Return the fact about a resource, if one was read."""
        return self._resources.get(self.canonical(name))

    def project_of(self, name: str) -> str | None:
        """Return the canonical resource name of the project that holds a resource."""
        found = self._projects.get(name)
        if found is None and name not in self._projects:
            found = self._projects[name] = self._project_of(self.canonical(name))
        return found

    def _project_of(self, name: str) -> str | None:
        if name.startswith(_PROJECTS):
            return name
        if name.startswith("//iam.") and (found := _ACCOUNT().match(name)):
            return self._project_of_account(found[1])
        if (part := _PROJECT_PART().match(name)) and part[2] not in ("-", "_"):
            return self._project(part[2])
        return self._project_above(name)

    def covers(self, project: str) -> bool:
        """Tell whether the snapshot holds a project (given by id, number or name)."""
        return self.resource(project_resource(project.rpartition("/")[2])) is not None

    def lineage(self, name: str) -> Lineage:
        """Return a resource and everything whose policy it inherits."""
        found = self._lineages.get(name)
        if found is None:
            place = self.canonical(name)
            found = self._lineages.get(place) or self._climb(place)
            self._lineages[place] = self._lineages[name] = found
        return found

    def above(self, name: str) -> Lineage:
        """Return all above a resource of a canonical name, which many of them share."""
        stated = self._stated(name)
        if stated is not None:
            return Lineage(names=stated, missing=self._unread(name, stated))
        if not name.startswith(_PROJECTS) and (project := self.project_of(name)):
            return self.lineage(project)
        return Lineage(names=(), missing=self._end(name))

    def within(self, name: str, scopes: Iterable[str]) -> bool:
        """Tell whether a resource is, or lies below, one of the canonical scopes."""
        return not set(self.lineage(name).names).isdisjoint(scopes)

    def _spelling(self, project: str) -> str:
        project = project.removeprefix("projects/")
        return self._numbers.get(project, project)

    def _canonicalise(self, name: str) -> str:
        if not name.startswith("//"):
            name = _full_name(name)
        if name.startswith("//iam.") and (found := _ACCOUNT().match(name)):
            account = found[1]
            return account_resource(self._emails.get(account, account))
        if name.startswith("//storage.") and (found := _BUCKET().match(name)):
            return f"//storage.googleapis.com/{found[1]}"
        part = _PROJECT_PART().match(name)
        # as most are spelled already
        if part is None or (project := self._spelling(part[2])) == part[2]:
            return name
        return f"{part[1]}projects/{project}{name[part.end() :]}"

    def project_of_account(self, email: str) -> str | None:
        """Return the canonical resource name of the project that an account is of."""
        if "/" in email:  # whatever that is
            return self.project_of(account_resource(email))
        return self._project_of_account(self._emails.get(email, email).lower())

    def _project_of_account(self, email: str) -> str | None:
        project = self._account_projects.get(email) or project_of_account(email)
        return None if project is None else self._project(project)

    def _project(self, project: str) -> str:
        """Return the canonical resource name of a project given by id or number."""
        found = self._project_names.get(project)
        if found is None:
            found = self.canonical(project_resource(project))
            self._project_names[project] = found
        return found

    def _project_above(self, name: str) -> str | None:
        above = self._stated(name) or ()
        for parent in above:
            if parent.startswith(_PROJECTS):
                return parent
        owner = self._owners.get(name)
        return None if owner is None else self._project(owner)

    def _stated(self, name: str) -> tuple[str, ...] | None:
        """Return the ancestors that the snapshot states for this very resource."""
        resource = self._resources.get(name)
        if resource is None or resource.ancestors is UNSET:
            return None
        above = tuple(self.canonical(item) for item in resource.ancestors)
        return above[1:] if above[:1] == (name,) else above

    def _climb(self, name: str) -> Lineage:
        above = self.above(name)
        return Lineage(names=(name, *above.names), missing=above.missing)

    def _end(self, name: str) -> tuple[Unresolved, ...]:
        """Return what is missing where nothing is stated above a resource."""
        if name in self._resources:
            return () if name.startswith(_ORGANIZATIONS) else (self._gap(name),)
        if name.startswith(_PROJECTS):
            symbol = f"snapshot of project {self.project_id(name.rpartition('/')[2])}"
            return (Unresolved(field="ancestors", reason="layer", symbol=symbol),)
        return (self._gap(name),)

    def _gap(self, name: str) -> Unresolved:
        symbol = f"ancestors of {self.shown(name)}"
        return Unresolved(field="ancestors", reason="layer", symbol=symbol)

    def _unread(self, name: str, above: tuple[str, ...]) -> tuple[Unresolved, ...]:
        """Return what is missing of the policies above a resource."""
        state = self._layers.ancestors if self._layers else "not_given"
        if state == "read" or not above:
            return ()
        if state == "not_given":
            return (self._gap(name),)
        return tuple(
            Unresolved(
                field="ancestors",
                reason="layer",
                symbol=f"IAM policy of {self.shown(item)}",
            )
            for item in above
            if item not in self._resources
        )


def short(name: str) -> str:
    """Return a resource name as people say it: `projects/p`, `service s in p`."""
    tail = name.split("/", 3)[-1] if name.startswith("//") else name
    parts = tail.split("/")
    if name.startswith("//run.googleapis.com/") and len(parts) == 6:
        return f"{parts[4][:-1]} {parts[5]} ({parts[1]}, {parts[3]})"
    if name.startswith("//iam.googleapis.com/"):
        return parts[-1]
    if name.startswith("//storage.googleapis.com/"):
        return f"bucket {tail}"
    return tail


def _full_name(name: str) -> str:
    """Complete a relative name (`projects/p`, `folders/1`) of the hierarchy."""
    if re.fullmatch(r"(projects|folders|organizations)/[^/]+", name):
        return f"//cloudresourcemanager.googleapis.com/{name}"
    return name


def _bucket_of(bucket: object) -> str | None:
    if not isinstance(bucket, str) or not bucket:
        return None
    name = bucket.removeprefix("gs://").partition("/")[0]
    return f"//storage.googleapis.com/{name}"
