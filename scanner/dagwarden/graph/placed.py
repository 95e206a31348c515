"""
Where accounts stand: by every resource on which a permission gives them.

A project's accounts and workloads are placed when someone asks for what stands below it
or one of them: those whom tasks act as come to few of the projects of a large estate.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from itertools import count, islice
from typing import Literal, TypeAlias

from msgspec import UNSET

from dagwarden.facts import CloudRun, ComposerEnvironment, Record
from dagwarden.graph.access import Cause
from dagwarden.graph.access.answers import MANY
from dagwarden.graph.edges import Place
from dagwarden.graph.estate import Estate
from dagwarden.graph.hierarchy import Lineage, account_resource, project_resource
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
# Where accounts and workloads stand by what is above them, and by no other resource.
_IN_PROJECTS: frozenset[Place | Lifted] = frozenset(
    {
        *("account", "key_account", "key_account_unread"),
        *(place for place, _ in _CONTAINERS),
        *("job", "service", "shell", "workload"),
    }
)
_IMAGES: frozenset[Place | Lifted] = frozenset({"job_image", "service_image"})
# The same of pools, known not to be disabled or not.
_ABOVE_POOLS: tuple[tuple[Place, Place, str], ...] = (
    ("pool_project", "pool_unread_project", _PROJECT),
    ("pool_folder", "pool_unread_folder", _FOLDER),
    ("pool_organization", "pool_unread_organization", _ORGANIZATION),
)
_PROJECT_OF_POOL = re.compile(
    r"(projects/[^/]+)/locations/[^/]+/workloadIdentityPools/"
)
# cloud.google.com/iam/docs/manage-workload-identity-pools-providers#restrict
_OF_PROVIDERS = frozenset(
    {
        "constraints/iam.workloadIdentityPoolProviders",
        "constraints/iam.workloadIdentityPoolAwsAccounts",
    }
)
_STAFF = "locations/global/workforcePools/"
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


def _resource_of(account: str) -> str:
    return account_resource(email_of(account) or account)


def _project_in(above: tuple[str, ...]) -> str | None:
    return next((name for name in above if name.startswith(_PROJECT)), None)


def _has(account: str, place: Place) -> bool:
    """Tell whether an account is of those that have a place: not all run builds."""
    return place != "build_account" or is_build_default(email_of(account) or "")


def _pools(estate: Estate) -> dict[str, list[str]]:
    """Return whom policies and groups name that is of an identity pool, by pool."""
    found: dict[str, list[str]] = {}
    grouped = (
        key
        for group in estate.facts.groups
        for key in (group.members or group.members_known)
        if key.startswith("principal:")
    )
    for key in dict.fromkeys((*estate.access.named(), *grouped)):
        of_a_pool = key.startswith(("principal://iam.", "principalSet://iam."))
        if of_a_pool or ".svc.id.goog[" in key:  # as pods are spelt, too
            pool = estate.access.membership.pool(key)
            if pool is not None:
                found.setdefault(pool, []).append(key)
    return found


class _Index:
    """What stands on which resource, by place; many have the same above them."""

    def __init__(self) -> None:
        # by place: what stands at a resource, and below which containers
        self._own: dict[Place | Lifted, dict[str, list[_Stands]]] = {}
        self._below: dict[Place | Lifted, dict[tuple[str, ...], list[_Stands]]] = {}
        self._under: dict[tuple[Place | Lifted, str], list[list[_Stands]]] = {}

    def has(self, place: Place | Lifted) -> bool:
        """Tell whether anything stands there at all."""
        return place in self._own

    def holds(self, place: Place | Lifted, scope: str) -> bool:
        """Tell whether anything stands at a resource or below it."""
        own = self._own.get(place, {})
        return scope in own or (place, scope) in self._under

    def put(
        self,
        place: Place | Lifted,
        at: str,
        above: tuple[str, ...],
        *stands: _Stands,
    ) -> None:
        """Note what stands at a resource, below all that is above it."""
        own = self._own.setdefault(place, {})
        own.setdefault(at, []).extend(stands)
        self.put_below(place, above, stands)

    def put_each(
        self, place: Place, above: tuple[str, ...], stands: Iterable[_Stands]
    ) -> None:
        """Note what stands each at a resource of its own, all below the same."""
        own = self._own.setdefault(place, {})
        for one in stands:
            own.setdefault(one[2], []).append(one)
        self.put_below(place, above, stands)

    def put_below(
        self, place: Place | Lifted, above: tuple[str, ...], stands: Iterable[_Stands]
    ) -> None:
        """Note what stands below containers."""
        below = self._below.setdefault(place, {})
        if above not in below:
            inside = below[above] = []
            for container in above:
                self._under.setdefault((place, container), []).append(inside)
        below[above].extend(stands)

    def find(self, place: Place | Lifted, scope: str) -> list[tuple[str, str]]:
        """Return what stands at a resource or below it."""
        stands = list(self._own.get(place, {}).get(scope, ()))
        for inside in self._under.get((place, scope), ()):
            stands += inside
        return [(key, what) for _, key, what in sorted(stands)]


class _Site(Record, frozen=True, kw_only=True):
    """What there is in a project: it is placed when someone asks what stands there."""

    accounts: list[str]
    workloads: list[tuple[int, str, CloudRun]]  # order, account, what runs as it


class Placed:
    """Accounts, and what may be lifted, by every resource that gives them."""

    def __init__(self, estate: Estate) -> None:
        """Tell which accounts there are; where they stand is found when asked."""
        self._estate = estate
        self._at: dict[tuple[Place | Lifted, str], list[tuple[str, str]]] = {}
        self._new_keys = NewKeys(estate)
        self._banned: dict[str, bool | None] = {}
        identities, composers = (
            estate.facts.identities,
            estate.facts.composer_environments,
        )
        self._disabled = {item.key for item in identities if item.disabled is True}
        self._composers = {one.resource: one for one in composers}
        self._hosting = [
            (key, run) for run in estate.facts.cloud_runs if (key := self._runs_as(run))
        ]
        self.runs: dict[str, list[str]] = {}  # account -> workloads
        for key, run in self._hosting:
            self.runs.setdefault(key, []).append(run.resource)
        for composer in composers:
            if key := self._runs_as(composer):
                self.runs.setdefault(key, []).append(composer.resource)
        named = (item.key for item in identities if item.kind == "service_account")
        self.accounts = frozenset((*named, *self.runs)) - self._disabled
        self.pools = _pools(estate)  # pool -> keys of it that policies name
        # key of a pool -> the pool, as who forges its tokens is called
        self.pool_of = {
            key: f"pool {pool}" for pool, keys in self.pools.items() for key in keys
        }
        self._projects: dict[str, str | None] = {}
        self._inside = _Index()  # accounts and workloads of `_placed` projects
        self._placed: set[str | None] = set()

    @property
    def lifted(self) -> bool:
        """Tell whether there is anything that a lever lifts."""
        kinds: tuple[Lifted, ...] = ("deny", "boundary", "org_policy", "disabled")
        return any(map(self._others.has, kinds))

    def of(self, place: Place | Lifted, scope: str) -> list[tuple[str, str]]:
        """
        Return (account, resource behind which it stands) under a scope.

        Of policies that may be lifted: (the resource they stand on, their name).
        """
        found = self._at.get((place, scope))
        if found is None:
            index = self._index_of(place)
            if index is self._inside:
                for project in self._projects_of(scope):
                    self._place(project)
            found = self._at[place, scope] = index.find(place, scope)
        return found

    def gives(self, place: Place | Lifted, scope: str) -> bool:
        """Tell whether `of` finds anything: of a container one project is enough."""
        index = self._index_of(place)
        if index is self._inside:
            for project in self._projects_of(scope):
                self._place(project)
                if index.holds(place, scope):
                    return True
        return index.holds(place, scope)

    def standing(self, account: str) -> Iterator[_Standing]:
        """
        Yield where an account, a pool, or a principal of one stands.

        It is what `of` finds, from its other end.

        Of each the place, the resources on which a permission gives it, nearest first,
        and that behind which it stands.
        """
        yield from self._pool_places.get(self.pool_of.get(account, account), ())
        if account not in self.accounts:
            return
        lineage, access = self._estate.hierarchy.lineage, self._estate.access
        names = lineage(_resource_of(account)).names
        for place, start in self._account_places(names[1:]):
            if _has(account, place):
                yield place, names[start:], names[0]
        for workload in self.runs.get(account, ()):
            run, environment = access.run(workload), self._composers.get(workload)
            for place, at, what in (
                *(self._run_places(run) if run else ()),
                *(self._image_places(run) if run else ()),
                *(self._composer_places(environment) if environment else ()),
            ):
                yield place, lineage(at).names, what

    def project(self, account: str) -> str | None:
        """Return the project of an account that is placed."""
        if account not in self._projects:
            above = self._above(account).names if account in self.accounts else ()
            self._projects[account] = _project_in(above)
        return self._projects[account]

    def missing_but(self, settled: AbstractSet[str]) -> Iterator[Cause]:
        """
        Return which policies above the accounts of workloads were not read.

        Those of `settled` accounts do not count. As many as are named of them, the first
        in order: this is asked per user, and a large estate may lack thousands.
        """
        lacking = (
            cause
            for cause, accounts in self._missing
            if any(account not in settled for account in accounts)
        )
        return islice(lacking, MANY)

    @cached_property
    def _missing(self) -> list[tuple[Cause, list[str]]]:
        """The policies that were not read, and the accounts of workloads below."""
        found: dict[Cause, list[str]] = {}
        for project, site in self._sites.items():
            missing = self._estate.hierarchy.lineage(project).missing if project else ()
            for key in site.accounts if missing or not project else ():
                if key in self.runs:
                    for one in self._above(key).missing:
                        cause = Cause(reason=one.reason, symbol=one.symbol)
                        found.setdefault(cause, []).append(key)
        return sorted(found.items())

    def _above(self, account: str) -> Lineage:
        return self._estate.hierarchy.above(_resource_of(account))

    def _index_of(self, place: Place | Lifted) -> _Index:
        """Return the index of what stands at a place."""
        if place in _IN_PROJECTS:
            return self._inside
        return self._images if place in _IMAGES else self._others

    def _projects_of(self, scope: str) -> Iterable[str | None]:
        """Return the projects that are a scope, lie below it, or hold it."""
        below = self._projects_below.get(scope)
        return below or (self._estate.hierarchy.project_of(scope),)

    @cached_property
    def _sites(self) -> Mapping[str | None, _Site]:
        """Return what there is in each project; None: it is not known in which."""
        found: defaultdict[str | None, _Site] = defaultdict(
            lambda: _Site(accounts=[], workloads=[])
        )
        hierarchy, identity = self._estate.hierarchy, self._estate.identity

        @cache
        def named(project: str) -> str:
            return hierarchy.canonical(project_resource(project))

        for order, (key, run) in enumerate(self._hosting):
            found[named(run.project)].workloads.append((order, key, run))
        for key in self.accounts:
            fact = identity(key)
            project = (
                named(fact.project)
                if fact and fact.project
                else hierarchy.project_of_account(email_of(key) or key)
            )
            found[project].accounts.append(key)
        return dict(found)

    @cached_property
    def _projects_below(self) -> Mapping[str, list[str]]:
        """Return the projects with anything in them below every container, or at it."""
        found: dict[str, list[str]] = {}
        for project in filter(None, self._sites):
            for name in self._estate.hierarchy.lineage(project).names:
                found.setdefault(name, []).append(project)
        return found

    def _place(self, project: str | None) -> None:
        """Place what there is in a project, where that is not done yet."""
        site = self._sites.get(project)
        if site is None or project in self._placed:
            return
        self._placed.add(project)
        above = self._estate.hierarchy.lineage(project).names if project else ()
        self._place_workloads(site, above)
        if site.accounts:
            self._place_accounts(site, above)

    def _place_workloads(self, site: _Site, above: tuple[str, ...]) -> None:
        places: dict[Place, list[_Stands]] = {}
        for order, key, run in site.workloads:
            for place, _, what in self._run_places(run):
                places.setdefault(place, []).append((order, key, what))
        for place, there in places.items():
            self._inside.put_each(place, above, there)

    def _place_accounts(self, site: _Site, above: tuple[str, ...]) -> None:
        accounts = [(0, key, _resource_of(key)) for key in site.accounts]
        for place, start in self._account_places(above):
            there = [one for one in accounts if _has(one[1], place)]
            if there and start:
                self._inside.put(place, above[start - 1], above[start:], *there)
            elif there:
                self._inside.put_each(place, above, there)

    @cached_property
    def _images(self) -> _Index:
        """Return where images are that workloads take, wherever those run."""
        index, hierarchy = _Index(), self._estate.hierarchy
        for order, (key, run) in enumerate(self._hosting):
            for place, repository, what in self._image_places(run):
                at, *above = hierarchy.lineage(repository).names
                index.put(place, at, tuple(above), (order, key, what))
        return index

    @cached_property
    def _others(self) -> _Index:
        """Return where all else stands, of which there are few."""
        index, order = _Index(), count()
        lineage = self._estate.hierarchy.lineage
        for composer in self._estate.facts.composer_environments:
            if key := self._runs_as(composer):
                for place, on, what in self._composer_places(composer):
                    at, *above = lineage(on).names
                    index.put(place, at, tuple(above), (next(order), key, what))
        for pool, places in self._pool_places.items():
            keys = tuple(self._in_pool(pool))
            for place, names, resource in places:
                stands = [(next(order), key, resource) for key in keys]
                index.put(place, names[0], names[1:], *stands)
        for kind, on, key, what in self._guardrails():
            at, *above = lineage(on).names
            index.put(kind, at, tuple(above), (next(order), key or at, what))
        return index

    # ---------------------------------------------------------------------- accounts

    def _account_places(self, above: tuple[str, ...]) -> Iterator[tuple[Place, int]]:
        """Yield what an account has, by what is above it, and from where on: 0, itself."""
        yield "account", 0
        banned = self._keys_banned(_project_in(above))
        if not banned:
            yield "key_account" if banned is False else "key_account_unread", 0
        for place, prefix in _CONTAINERS:
            first = (i for i, name in enumerate(above) if name.startswith(prefix))
            if (start := next(first, None)) is not None:
                yield place, start + 1

    def _keys_banned(self, project: str | None) -> bool | None:
        """Tell whether organisation policies forbid all new keys in a project."""
        if project is None or not self._new_keys:
            return False
        if project not in self._banned:
            self._banned[project] = self._new_keys.forbidden(project)
        return self._banned[project]

    # --------------------------------------------------------------------- workloads

    def _runs_as(self, workload: CloudRun | ComposerEnvironment) -> str | None:
        """Return the key of the account that a workload runs as, if it gets tokens."""
        account = workload.service_account
        if not isinstance(account, str):
            return None
        key = account_key(account)
        return None if key in self._disabled else key

    def _run_places(self, run: CloudRun) -> Iterator[tuple[Place, str, str]]:
        """Yield where a Cloud Run workload gives its account, and as what it is shown."""
        name = self._estate.hierarchy.canonical(run.resource)
        yield "job" if run.kind == "job" else "service", name, name
        if run.ssh_enabled is not False:
            yield "shell" if run.ssh_enabled else "workload", name, name

    def _image_places(self, run: CloudRun) -> Iterator[tuple[Place, str, str]]:
        """Yield where the images lie that a Cloud Run workload takes."""
        name = self._estate.hierarchy.canonical(run.resource)
        place: Place = "job_image" if run.kind == "job" else "service_image"
        for image in run.images or ():
            repository = repository_of(image)
            if repository is not None:
                yield place, repository, name

    def _composer_places(
        self, environment: ComposerEnvironment
    ) -> Iterator[tuple[Place, str, str]]:
        if environment.deleting:
            return
        name = self._estate.hierarchy.canonical(environment.resource)
        yield "environment", name, name
        if isinstance(environment.dag_bucket, str):
            bucket = bucket_name(environment.dag_bucket)
            yield "dag_bucket", bucket, environment.resource

    # ------------------------------------------------------------- pools and guardrails

    @cached_property
    def _pool_places(self) -> dict[str, tuple[_Standing, ...]]:
        """Return where pools stand whose principals who adds a provider can be."""
        return {
            f"pool {name}": tuple(self._places_of_pool(name, disabled))
            for name, disabled in sorted(self._pool_states().items())
        }

    def _in_pool(self, pool: str) -> Iterator[str]:
        """Yield a pool itself and, each, the principals of it that policies name."""
        yield pool
        yield from self.pools.get(pool.removeprefix("pool "), ())

    def _pool_states(self) -> dict[str, bool | None]:
        """Return which pools are disabled; None: that was not read."""
        membership = self._estate.access.membership
        states: dict[str, bool | None] = dict.fromkeys(self.pools)
        for provider in self._estate.facts.federation_providers:
            name = membership.pool_name(
                provider.pool.removeprefix("//iam.googleapis.com/")
            )
            if provider.pool_disabled is not UNSET:
                states[name] = provider.pool_disabled
        return states

    def _places_of_pool(self, name: str, disabled: bool | None) -> Iterator[_Standing]:
        if name.startswith(_STAFF):
            yield from self._places_of_staff(name, disabled)
            return
        found = _PROJECT_OF_POOL.match(name)
        if found is None or disabled:
            return
        project = self._estate.hierarchy.canonical(
            f"//cloudresourcemanager.googleapis.com/{found[1]}"
        )
        resource = f"//iam.googleapis.com/{name}"
        if name.endswith(".svc.id.goog"):  # Google itself is its only provider
            yield "pods", self._estate.hierarchy.lineage(project).names, resource
            return
        names = (resource, *self._estate.hierarchy.lineage(project).names)
        known = disabled is False and self._limiting.isdisjoint(names)
        yield "pool" if known else "pool_unread", names, resource
        for place, unread, prefix in _ABOVE_POOLS:
            first = (i for i, above in enumerate(names) if above.startswith(prefix))
            if (start := next(first, None)) is not None:
                yield place if known else unread, names[start:], resource

    @cached_property
    def _limiting(self) -> frozenset[str]:
        """Return where organisation policies say which providers a pool may have."""
        canonical = self._estate.hierarchy.canonical
        return frozenset(
            canonical(policy.resource)
            for policy in self._estate.facts.org_policies
            if policy.constraint in _OF_PROVIDERS and not policy.reset
        )

    def _places_of_staff(self, name: str, disabled: bool | None) -> Iterator[_Standing]:
        """Yield where a workforce's pool stands; of which organisation may be open."""
        if disabled:
            return
        facts, resource = self._estate.facts, f"//iam.googleapis.com/{name}"
        of = {
            one.organization
            for one in facts.federation_providers
            if one.pool == resource
        }
        own = next(iter(of)) if len(of) == 1 else None
        above = (
            (self._estate.hierarchy.canonical(own),)
            if own
            else tuple(
                one.name for one in facts.resources if one.kind == "organization"
            )
        )
        known = own is not None and disabled is False
        yield "staff" if known else "staff_unread", (resource, *above), resource
        if above:
            place: Place = (
                "staff_organization" if known else "staff_unread_organization"
            )
            yield place, above, resource

    def _guardrails(self) -> Iterator[tuple[Lifted, str, str | None, str]]:
        """Yield what may be lifted: on what it stands, whom it is of, as what it is shown."""
        facts = self._estate.facts
        for deny in facts.deny_policies:
            yield "deny", deny.resource, None, deny.name
        for boundary in facts.boundary_policies:
            name = boundary.name.removeprefix("//iam.googleapis.com/")
            yield "boundary", "/".join(name.split("/")[:2]), None, boundary.name
        for policy in facts.org_policies:
            if policy.enforced is True or policy.allowed or policy.denied:
                yield "org_policy", policy.resource, None, policy.constraint
        for key in sorted(self._disabled):
            yield "disabled", _resource_of(key), key, _resource_of(key)
