"""
Where accounts stand: by every resource on which a permission gives them.

What stands below a container is found when someone asks for it, so a large estate
costs one entry per account, workload and policy.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Literal, TypeAlias

from msgspec import UNSET

from dagwarden.facts import CloudRun, ComposerEnvironment
from dagwarden.graph.access import Cause
from dagwarden.graph.edges import Place
from dagwarden.graph.estate import Estate
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.new_keys import NewKeys
from dagwarden.graph.principals import account_key, email_of, is_build_default

# What a lever is held on: guardrails, disabled accounts.
Lifted: TypeAlias = Literal["deny", "boundary", "org_policy", "disabled"]
_Stands: TypeAlias = tuple[int, str, str]  # order, account, resource
# place, the names on which a permission gives it, as what it is shown
_Standing: TypeAlias = tuple[Place, tuple[str, ...], str]
_PROJECT = "//cloudresourcemanager.googleapis.com/projects/"
_FOLDER = "//cloudresourcemanager.googleapis.com/folders/"
_ORGANIZATION = "//cloudresourcemanager.googleapis.com/organizations/"
# What an account has in what contains it.
_CONTAINERS: tuple[tuple[Place, str], ...] = (
    ("build_account", _PROJECT),
    ("account_project", _PROJECT),
    ("folder_policy", _FOLDER),
    ("organization_policy", _ORGANIZATION),
)
_PROJECT_OF_POOL = re.compile(
    r"(projects/[^/]+)/locations/[^/]+/workloadIdentityPools/"
)
_PKG_DEV = re.compile(
    r"(?P<location>[a-z0-9-]+)-docker\.pkg\.dev/(?P<project>[^/]+)/(?P<repository>[^/]+)/.+"
)
_GCR = re.compile(
    r"(?P<host>(?:(?P<location>us|eu|asia)\.)?gcr\.io)"
    r"/(?P<project>(?:[^/]*\.[^/]*/)?[^/]+)/.+"
)
_LOCATIONS = {"eu": "europe", "asia": "asia", "us": "us", None: "us"}


def bucket_name(bucket: str) -> str:
    """Return the resource name of a bucket given as `gs://b/dags`, or bare."""
    bare = bucket.removeprefix("//storage.googleapis.com/").removeprefix("gs://")
    return f"//storage.googleapis.com/{bare.partition('/')[0]}"


def repository_of(image: str) -> str | None:
    """
    Return the repository of an image that is named by a tag, which may be moved.

    None: it is named by its digest, or lies outside of Artifact Registry. What was in
    Container Registry lies in repositories that are called like its hosts
    (cloud.google.com/artifact-registry/docs/transition/setup-gcr-repo).
    """
    if "@sha256:" in image:
        return None
    if found := _PKG_DEV.fullmatch(image):
        project, location = found["project"], found["location"]
        repository = found["repository"]
    elif found := _GCR.fullmatch(image):
        project, location = found["project"], _LOCATIONS[found["location"]]
        repository = found["host"]
    else:
        return None
    return (
        f"//artifactregistry.googleapis.com/projects/{project.replace('/', ':')}"
        f"/locations/{location}/repositories/{repository}"
    )


def _has(account: str, place: Place) -> bool:
    """Tell whether an account is of those that have a place: not all run builds."""
    return place != "build_account" or is_build_default(email_of(account) or "")


def _pools(estate: Estate) -> dict[str, list[str]]:
    """Return the members of policies that are of a workload identity pool, by pool."""
    found: dict[str, list[str]] = {}
    for key in estate.access.named():
        if key.startswith(("principal://iam.", "principalSet://iam.")):
            pool = estate.access.membership.pool(key)
            if pool is not None:
                found.setdefault(pool, []).append(key)
    return found


class Placed:
    """Accounts, and what may be lifted, by every resource that gives them."""

    def __init__(self, estate: Estate) -> None:
        """Index accounts, workloads, pools and guardrails under what is above them."""
        self._estate = estate
        # by place and resource: what stands there, and below which containers, in order
        self._own: dict[Place | Lifted, dict[str, list[_Stands]]] = {}
        self._below: dict[Place | Lifted, dict[tuple[str, ...], list[_Stands]]] = {}
        self._under: dict[Place | Lifted, dict[str, list[list[_Stands]]]] = {}
        self._at: dict[tuple[Place | Lifted, str], list[tuple[str, str]]] = {}
        self._order = count()
        self.runs: dict[str, list[str]] = {}  # account -> workloads
        self.projects: dict[str, str | None] = {}  # account -> its project
        self.missing: dict[str, tuple[Cause, ...]] = {}  # policies above, not read
        self._new_keys = NewKeys(estate)
        self._banned: dict[str, bool | None] = {}
        self._composers = {
            one.resource: one for one in estate.facts.composer_environments
        }
        self._disabled = {
            item.key for item in estate.facts.identities if item.disabled is True
        }
        self.pools = _pools(estate)  # pool -> keys of it that policies name
        self._pool_places: dict[str, _Standing] = {}
        # key of a pool -> the pool, as who forges its tokens is called
        self.pool_of = {
            key: f"pool {pool}" for pool, keys in self.pools.items() for key in keys
        }
        self._place_workloads()
        self._place_accounts()
        self._place_pools()
        self._place_guardrails()

    @property
    def lifted(self) -> bool:
        """Tell whether there is anything that a lever lifts."""
        kinds: tuple[Lifted, ...] = ("deny", "boundary", "org_policy", "disabled")
        return any(kind in self._own for kind in kinds)

    def of(self, place: Place | Lifted, scope: str) -> list[tuple[str, str]]:
        """
        Return (account, resource behind which it stands) under a scope.

        Of policies that may be lifted: (the resource they stand on, their name).
        """
        found = self._at.get((place, scope))
        if found is None:
            found = self._at[place, scope] = self._find(place, scope)
        return found

    def standing(self, account: str) -> Iterator[_Standing]:
        """
        Yield where an account, or a pool, stands: what `of` finds, from its other end.

        Of each the place, the resources on which a permission gives it, nearest first,
        and that behind which it stands.
        """
        if account in self._pool_places:
            yield self._pool_places[account]
        if account not in self.projects:
            return
        lineage, access = self._estate.hierarchy.lineage, self._estate.access
        names = lineage(account_resource(email_of(account) or account)).names
        for place, start in self._account_places(names[1:]):
            if _has(account, place):
                yield place, names[start:], names[0]
        for workload in self.runs.get(account, ()):
            run, environment = access.run(workload), self._composers.get(workload)
            for place, at, what in (
                *(self._run_places(run) if run else ()),
                *(self._composer_places(environment) if environment else ()),
            ):
                yield place, lineage(at).names, what

    def _find(self, place: Place | Lifted, scope: str) -> list[tuple[str, str]]:
        stands = list(self._own.get(place, {}).get(scope, ()))
        for inside in self._containing(place).get(scope, ()):
            stands += inside
        return [(key, what) for _, key, what in sorted(stands)]

    def _containing(self, place: Place | Lifted) -> dict[str, list[list[_Stands]]]:
        """Return what stands somewhere below each container."""
        found = self._under.get(place)
        if found is None:
            found = self._under[place] = {}
            for above, inside in self._below.get(place, {}).items():
                for container in above:
                    found.setdefault(container, []).append(inside)
        return found

    def _accounts(self) -> Iterator[str]:
        for identity in self._estate.facts.identities:
            if identity.kind == "service_account":
                yield identity.key

    def _put(
        self, place: Place | Lifted, names: tuple[str, ...], key: str, what: str
    ) -> None:
        """
        Note what stands at the first of `names`, below all the others.

        Many have the same above them: what is below a container is found when asked.
        """
        stands = (next(self._order), key, what)
        own = self._own.setdefault(place, {})
        own.setdefault(names[0], []).append(stands)
        self._put_below(place, names[1:], [stands])

    # ---------------------------------------------------------------------- accounts

    def _place_accounts(self) -> None:
        """Place accounts by what is above them, which those of a project share."""
        lineage = self._estate.hierarchy.lineage
        beside: dict[tuple[str, ...], list[_Stands]] = {}
        for key in sorted({*self._accounts(), *self.runs} - self._disabled):
            resource = account_resource(email_of(key) or key)
            found = lineage(resource)
            if found.missing and key in self.runs:
                self.missing[key] = tuple(
                    Cause(reason=item.reason, symbol=item.symbol)
                    for item in found.missing
                )
            stands = (next(self._order), key, resource)
            beside.setdefault(found.names[1:], []).append(stands)
        for above, accounts in beside.items():
            self._place_beside(above, accounts)

    def _place_beside(self, above: tuple[str, ...], accounts: list[_Stands]) -> None:
        """Place the accounts that have the same above them."""
        project = next((name for name in above if name.startswith(_PROJECT)), None)
        self.projects.update((key, project) for _, key, _ in accounts)
        for place, start in self._account_places(above):
            there = [one for one in accounts if _has(one[1], place)]
            if not there:
                continue
            own = self._own.setdefault(place, {})
            if start:
                own.setdefault(above[start - 1], []).extend(there)
            else:
                for stands in there:
                    own.setdefault(stands[2], []).append(stands)
            self._put_below(place, above[start:], there)

    def _account_places(self, above: tuple[str, ...]) -> Iterator[tuple[Place, int]]:
        """Yield what an account has, by what is above it, and from where on: 0, itself."""
        project = next((name for name in above if name.startswith(_PROJECT)), None)
        yield "account", 0
        banned = self._keys_banned(project)
        if not banned:
            yield "key_account" if banned is False else "key_account_unread", 0
        for place, prefix in _CONTAINERS:
            first = (i for i, name in enumerate(above) if name.startswith(prefix))
            if (start := next(first, None)) is not None:
                yield place, start + 1

    def _put_below(
        self, place: Place | Lifted, above: tuple[str, ...], stands: list[_Stands]
    ) -> None:
        if above:
            below = self._below.setdefault(place, {})
            below.setdefault(above, []).extend(stands)

    def _keys_banned(self, project: str | None) -> bool | None:
        """Tell whether organisation policies forbid all new keys in a project."""
        if project is None or not self._new_keys:
            return False
        if project not in self._banned:
            self._banned[project] = self._new_keys.forbidden(project)
        return self._banned[project]

    # --------------------------------------------------------------------- workloads

    def _runs_as(self, account: object, resource: str) -> str | None:
        """Return the key of the account that a workload runs as, if it gets tokens."""
        if not isinstance(account, str):
            return None
        key = account_key(account)
        if key in self._disabled:
            return None
        self.runs.setdefault(key, []).append(resource)
        return key

    def _place_workloads(self) -> None:
        lineage = self._estate.hierarchy.lineage
        for run in self._estate.facts.cloud_runs:
            key = self._runs_as(run.service_account, run.resource)
            for place, at, what in self._run_places(run) if key else ():
                self._put(place, lineage(at).names, key or "", what)
        for environment in self._estate.facts.composer_environments:
            key = self._runs_as(environment.service_account, environment.resource)
            for place, at, what in self._composer_places(environment) if key else ():
                self._put(place, lineage(at).names, key or "", what)

    def _run_places(self, run: CloudRun) -> Iterator[tuple[Place, str, str]]:
        """Yield where a Cloud Run workload gives its account, and as what it is shown."""
        name, job = self._estate.hierarchy.canonical(run.resource), run.kind == "job"
        yield "job" if job else "service", name, name
        if run.ssh_enabled is not False:
            yield "shell" if run.ssh_enabled else "workload", name, name
        for image in run.images or ():
            repository = repository_of(image)
            if repository is not None:
                yield "job_image" if job else "service_image", repository, name

    def _composer_places(
        self, environment: ComposerEnvironment
    ) -> Iterator[tuple[Place, str, str]]:
        name = self._estate.hierarchy.canonical(environment.resource)
        yield "environment", name, name
        if isinstance(environment.dag_bucket, str):
            bucket = bucket_name(environment.dag_bucket)
            yield "dag_bucket", bucket, environment.resource

    # ------------------------------------------------------------- pools and guardrails

    def _place_pools(self) -> None:
        """Note the pools whose principals anyone who adds a provider can be."""
        membership = self._estate.access.membership
        states: dict[str, bool | None] = dict.fromkeys(self.pools)
        for provider in self._estate.facts.federation_providers:
            name = membership.pool_name(
                provider.pool.removeprefix("//iam.googleapis.com/")
            )
            if provider.pool_disabled is not UNSET:
                states[name] = provider.pool_disabled
        for name, disabled in sorted(states.items()):
            found = _PROJECT_OF_POOL.match(name)
            if found is None or disabled or name.endswith(".svc.id.goog"):
                continue  # Google itself is the provider of a cluster's pool
            project = self._estate.hierarchy.canonical(
                f"//cloudresourcemanager.googleapis.com/{found[1]}"
            )
            resource = f"//iam.googleapis.com/{name}"
            names = (resource, *self._estate.hierarchy.lineage(project).names)
            place: Place = "pool" if disabled is False else "pool_unread"
            self._pool_places[f"pool {name}"] = (place, names, resource)
            self._put(place, names, f"pool {name}", resource)

    def _place_guardrails(self) -> None:
        lineage, facts = self._estate.hierarchy.lineage, self._estate.facts
        for deny in facts.deny_policies:
            names = lineage(deny.resource).names
            self._put("deny", names, names[0], deny.name)
        for boundary in facts.boundary_policies:
            place = "/".join(
                boundary.name.removeprefix("//iam.googleapis.com/").split("/")[:2]
            )
            names = lineage(place).names
            self._put("boundary", names, names[0], boundary.name)
        for policy in facts.org_policies:
            if policy.enforced is True or policy.allowed or policy.denied:
                names = lineage(policy.resource).names
                self._put("org_policy", names, names[0], policy.constraint)
        for key in sorted(self._disabled):
            resource = account_resource(email_of(key) or key)
            self._put("disabled", lineage(resource).names, key, resource)
