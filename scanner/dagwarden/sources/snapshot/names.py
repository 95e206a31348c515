"""Names of cloud resources: several spellings, one name each."""

import re
from collections.abc import Iterable
from typing import TypeAlias

from dagwarden.sources.snapshot.records import (
    PROJECT,
    Asset,
    ContainerShape,
    Number,
    ServiceAccountShape,
)

CONTAINERS = "//cloudresourcemanager.googleapis.com/"
_IAM = "//iam.googleapis.com/"
# Of ancestors: more than the ten levels of folders that Google Cloud allows.
MAX_DEPTH = 32

_IN_PROJECT = re.compile(r"//[^/]+/projects/([^/]+)")
_ACCOUNT = re.compile(
    r"(//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/)([^/]+)"
)
_POOL = re.compile(r"//iam\.googleapis\.com/projects/[^/]+/locations/[^/]+/workload")


Conflict: TypeAlias = tuple[str, Asset]  # a project id, and the asset that contradicts


class Names:
    """
    What was learned of project ids, project numbers and service accounts.

    Asset names mix project ids and numbers, and name a service account by its
    unique id where policies name it by e-mail.
    """

    def __init__(self, assets: Iterable[Asset]) -> None:
        """Learn from `assets`."""
        self.numbers: dict[str, str] = {}  # project id -> number
        self.ids: dict[str, str] = {}  # project number -> id
        self._emails: dict[str, str] = {}  # unique id -> e-mail
        self.conflicts: list[Conflict] = []
        self._disputed: list[tuple[str, str]] = []
        # the project that is named, and the container around -> who tells of both first
        guesses: dict[tuple[str, str], Asset] = {}
        for asset in assets:
            data = asset.data
            if type(data) is ServiceAccountShape and data.uniqueId:
                self._emails[data.uniqueId] = data.email.lower()
            if type(data) is ContainerShape and (pair := _declared(asset, data)):
                self._learn(*pair, asset)
            elif asset.ancestors and (project := project_of(asset.name)):
                guesses.setdefault((project, asset.ancestors[0]), asset)
        for (project, above), asset in guesses.items():
            kind, _, number = above.partition("/")
            if kind == "projects" and number.isdecimal() and not project.isdecimal():
                self._learn(project, number, asset)
        for project, number in self._disputed:
            self.numbers.pop(project, None)
            self.ids.pop(number, None)

    def _learn(self, project: str, number: str, asset: Asset) -> None:
        known = self.numbers.setdefault(project, number)
        other = self.ids.setdefault(number, project)
        if known != number or other != project:
            self.conflicts.append((project, asset))
            # of two that differ neither counts, nor what they were thought to go with
            self._disputed += ((project, number), (project, known), (other, number))

    def project_id(self, project: str) -> str:
        """Return the id of a project given by id or number, as far as it is known."""
        return self.ids.get(project, project)

    def container(self, relative: str) -> str:
        """Return the full name of `projects/P`, `folders/N` or `organizations/N`."""
        kind, _, name = relative.partition("/")
        if kind == "projects":
            name = self.numbers.get(name, name)
        return f"{CONTAINERS}{kind}/{name}"

    def resource(self, name: str) -> str:
        """
        Return the one spelling of a full resource name.

        Projects themselves and workload identity pools go by number, everything
        inside a project by project id, service accounts by e-mail.
        """
        match = _IN_PROJECT.match(name)
        if match is None:
            return name
        iam = name.startswith(_IAM)
        by_number = (iam and _POOL.match(name)) or name.startswith(CONTAINERS)
        known = self.numbers if by_number else self.ids
        if other := known.get(match[1]):
            name = name[: match.start(1)] + other + name[match.end(1) :]
        if iam and (account := _ACCOUNT.match(name)) and account[2] in self._emails:
            name = account[1] + self._emails[account[2]] + name[account.end() :]
        return name

    def email(self, unique_id: str) -> str | None:
        """Return the e-mail of a service account."""
        return self._emails.get(unique_id)


def whole(number: Number) -> str:
    """Return a number as its digits; a name stays what it is."""
    return str(int(number)) if isinstance(number, float) else str(number)


def project_of(name: str) -> str | None:
    """Return the project, as spelt, that a full resource name lies in."""
    match = _IN_PROJECT.match(name)
    return match[1] if match else None


def _declared(asset: Asset, data: ContainerShape) -> tuple[str, str] | None:
    """Return (id, number) where a project's own record tells both."""
    if asset.type == PROJECT and data.projectId:
        for number in (data.projectNumber, data.name, asset.name):
            number = whole(number or "").rpartition("/")[2]
            if number.isdecimal():
                return data.projectId, number
    return None
