"""
What an identity can become, through any chain of control edges.

Only the part of the estate that matters becomes a graph: it grows from the
identities that tasks use. A binding high in the hierarchy is one node that many
holders share, so the graph stays linear in bindings and accounts.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Binding,
    CloudRun,
    ComposerEnvironment,
    Controlled,
    Hop,
    Lever,
    Reach,
    Record,
)
from dagwarden.graph.access import (
    YES,
    Cause,
    Told,
    all_of,
    any_of,
    distinct,
    open_,
)
from dagwarden.graph.access.conditions import condition_cause
from dagwarden.graph.access.decide import role_cause
from dagwarden.graph.access.membership import BASIC_OF
from dagwarden.graph.edges import (
    BY_PERMISSION,
    CONTROLLING,
    DEPLOY_EDGE,
    DEPLOYING,
    DEPLOYMENTS,
    EDGES,
    LEVERING,
    LEVERS,
    OF_JOBS,
    PASSED_ON,
    ROLE_EDGES,
    SETS_JOB,
    SETS_SERVICE,
    UPDATE_ROLE,
    Deployment,
    Edge,
    Gives,
    LeverRow,
    Place,
    of_places,
)
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.hierarchy import account_resource, project_resource, short
from dagwarden.graph.needs import ACT_AS
from dagwarden.graph.paths import grant_hop
from dagwarden.graph.placed import Placed, bucket_name
from dagwarden.graph.principals import account_key, email_of, kind_of

# For which a user's token does all in Google Cloud that the user may.
_OF_CLOUD = frozenset(
    {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/iam",
    }
)
# What of a workload lets control it, or what its account gives.
_CONTROLS_RUN: Mapping[str, frozenset[str]] = {
    "job": of_places("job", "workload", "shell"),
    "service": of_places("service", "workload", "shell"),
}
_CONTROLS_ENVIRONMENT = of_places("environment")
_CONTROLS_DAGS = of_places("dag_bucket")
_BUCKETS = "//storage.googleapis.com/"
MOST = 50  # accounts listed per identity
# All permissions that this room asks about.
_SET = {SETS_SERVICE: "service", SETS_JOB: "job"}
_JOBS = "/jobs/"  # in the name of a job of Cloud Run
_ASKED = CONTROLLING | DEPLOYING | LEVERING
_LIFTING = tuple(row for row in LEVERS if not row.depends)
# Of the edges, those that take what no snapshot tells.
_DEPENDING = {
    permission: depending
    for permission, edges in BY_PERMISSION.items()
    if (depending := tuple(edge for edge in edges if edge.depends))
}
# What a permission may give of whom: on which place, how much of him, by what kind of
# edge, and what its role holds beside. Whoever acts as an account may deploy somewhere.
_MAY_GIVE: Mapping[str, tuple[Edge, ...]] = {
    **BY_PERMISSION,
    ACT_AS: (DEPLOY_EDGE,),
    UPDATE_ROLE: ROLE_EDGES,
}
# Where a permission is asked for, of places that are something else.
_CRM = "//cloudresourcemanager.googleapis.com"
_CONTAINERS: Mapping[Place, str] = {
    "account_project": f"{_CRM}/projects/",
    "folder_policy": f"{_CRM}/folders/",
    "organization_policy": f"{_CRM}/organizations/",
    "pool_project": f"{_CRM}/projects/",
    "pool_folder": f"{_CRM}/folders/",
    "pool_organization": f"{_CRM}/organizations/",
}
# Members as which nobody acts but Google, or nobody at all.
_OF_GOOGLE = frozenset({"service_agent", "deleted"})
# Members that stand for others, of whom a list may tell.
_POPULATIONS = ("group:", "customer:", "principalSet://cloud")
_TOLD_APART = (*_POPULATIONS, "principalSet://iam.")
# Facts that stand in someone's way, by what a lever lifts, and how people call them.
_GUARDRAILS: Mapping[str, tuple[str, str]] = {
    "deny": ("deny_policy", "deny policies"),
    "boundary": ("boundary_policy", "access boundaries"),
    "org_policy": ("org_policy", "organisation policies"),
    "disabled": ("identity", "disabled accounts"),
}


class User(Record, frozen=True, kw_only=True):
    """How tasks use an identity."""

    key: str
    environments: tuple[str, ...]
    dags: tuple[str, ...]
    declared: frozenset[str]  # accounts that its tasks impersonate on purpose
    # canonical names of the jobs that its tasks run, as itself or as `declared`
    jobs: frozenset[str]
    # what keeps `declared` and `jobs` from being all that its tasks mean to use
    undeclared: tuple[Cause, ...] = ()


class Step(Record, frozen=True, kw_only=True):
    """A permission held on a scope, by one binding."""

    edge: Edge
    permission: str
    scope: str
    binding: Binding
    deployment: Deployment | None = None  # what else deploying as an account takes
    beside: Binding | None = None  # gives the right to change the binding's role
    by: str = ""  # who has that right, where it is another

    @property
    def gives(self) -> Gives:
        """What it gives of an account."""
        return self.deployment.gives if self.deployment else self.edge.gives

    @property
    def permissions(self) -> tuple[str, ...]:
        """All that it takes."""
        others = self.deployment.permissions if self.deployment else ()
        return (self.permission, *self.edge.beside, *others)

    @property
    def text(self) -> str:
        """How people call it."""
        return self.deployment.text if self.deployment else self.edge.text


class Changing(Record, frozen=True, kw_only=True):
    """What an identity has to do with custom roles, by its bindings."""

    updates: list[Binding]  # let it change roles
    held: list[Binding]  # give it some
    perhaps: list[Binding]  # ... if their conditions hold


NOTHING = Changing(updates=[], held=[], perhaps=[])


class Control:
    """Control edges out of identities, found on demand."""

    def __init__(self, estate: Estate) -> None:
        """Prepare the indexes over the estate."""
        self.estate = estate
        self.placed = Placed(estate)
        self.unresolved_workloads = distinct(_unresolved_workloads(estate))
        # what deny policies and boundaries may take away from someone somewhere
        self._guarded = frozenset(
            name
            for name in (*CONTROLLING, *DEPLOYING, *LEVERING)
            if estate.access.guarded(name)
        )
        self._delegated = {
            account_key(item.account): item.scopes
            for item in estate.facts.delegations
            if item.account is not None
        }
        self._buckets = {
            item.resource: bucket_name(item.dag_bucket)
            for item in estate.facts.composer_environments
            if isinstance(item.dag_bucket, str)
        }
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._naming: dict[str, list[Binding]] = {}
        self._useful: dict[tuple[str, str], bool] = {}  # by role and kind of resource
        self._steps: dict[str, tuple[Step, ...]] = {}
        self._steps_on: dict[str, dict[Place, list[tuple[str, Step]]]] = {}
        self._doubts: dict[str, tuple[Cause, ...]] = {}
        self._changing: dict[str, Changing] = {}
        self._populations: tuple[Cause, ...] | None = None
        self._deployable: dict[str, dict[str, frozenset[str]]] = {}
        self._deployers: dict[frozenset[tuple[str, frozenset[str]]], int] = {}

    def bucket(self, environment: str) -> str | None:
        """Return the resource name of the bucket that holds an environment's DAGs."""
        return self._buckets.get(environment)

    def bindings(self, key: str) -> tuple[Binding, ...]:
        """Return the bindings of an identity, or of all in a pool, that are of use here."""
        found = self._bindings.get(key)
        if found is None:
            each = {item.id: item for item in self._find_bindings(key)}
            found = self._bindings[key] = tuple(each[name] for name in sorted(each))
        return found

    def _of_use(self, binding: Binding) -> bool:
        """Tell whether a binding may come to control anything: most let people look on."""
        if binding.condition is not None:  # which may be lifted
            return True
        kind = _kind_of_run(binding.resource)
        use = self._useful.get((binding.role, kind))
        if use is None:
            roles = self.estate.access.roles
            held = roles.perhaps(binding.role) | roles.surely(binding.role)
            asked = _asked_on(kind, held & _ASKED)
            use = role_parent(binding.role) is not None or bool(asked)
            self._useful[binding.role, kind] = use
        return use

    def naming(self, member: str) -> list[Binding]:
        """Return the bindings that name a member and are of use: all others share them."""
        found = self._naming.get(member)
        if found is None:
            named = self.estate.access.naming(member)
            found = self._naming[member] = list(filter(self._of_use, named))
        return found

    def _find_bindings(self, key: str) -> Iterator[Binding]:
        access = self.estate.access
        if is_pool(key):
            for member in self.placed.pools.get(key.removeprefix("pool "), ()):
                yield from self.naming(member)
            return
        for member in access.standing_for(key):
            yield from self.naming(member)
        if kind_of(key) == "federated":
            settled = access.membership.settled(key)
            sets = self._sets_over(key) if settled else self._wholes_over(key)
            for binding in filter(self._of_use, sets):
                if access.is_member(binding, key).held is True:
                    yield binding

    def _wholes_over(self, key: str) -> list[Binding]:
        """
        Return of `_sets_over` what may surely have an identity of unknown attributes.

        A pool may have a binding for each of many repositories.
        """
        pool = self.estate.access.membership.pool(key)
        return [*self._wholes.get(pool, ()), *self._sets.get(None, ())]

    @cached_property
    def _wholes(self) -> Mapping[str | None, list[Binding]]:
        """Return the bindings of whole pools, by pool."""
        members = self.estate.access.members
        return {
            pool: [one for one in sets if any(m.endswith("/*") for m in members(one))]
            for pool, sets in self._sets.items()
        }

    def _sets_over(self, key: str) -> list[Binding]:
        """Return the bindings that may have a federated identity among others."""
        pool = self.estate.access.membership.pool(key)
        names = self._sets if pool is None else (pool, None)
        each = {one.id: one for name in names for one in self._sets.get(name, ())}
        return list(each.values())

    @cached_property
    def _sets(self) -> Mapping[str | None, list[Binding]]:
        """Return the bindings of many by the pool they are of; None: no pool tells."""
        access, found = self.estate.access, dict[str | None, dict[str, Binding]]()
        for binding in access.open_bindings():
            for member in access.members(binding):
                # of whom no federated identity is one
                if member.startswith(("group:", "domain:", "customer:")):
                    continue
                if access.membership.unlisted(member):
                    pool = access.membership.pool(member)
                    found.setdefault(pool, {})[binding.id] = binding
        return {pool: list(each.values()) for pool, each in found.items()}

    # --------------------------------------------------------------- sure edges

    def steps(self, key: str) -> tuple[Step, ...]:
        """Return the control permissions that an identity holds, if for some accounts alone."""
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = tuple(self._find_steps(key))
        return found

    def _find_steps(self, key: str) -> Iterator[Step]:
        sure = [item for item in self.bindings(key) if self._always(item)]
        yield from self._role_changes(sure, sure)
        # who forges one principal after another changes a role as one, and uses it as
        # another; what he has at once, he has as each of them
        if not is_pool(key):
            some = [one for one in self.bindings(key) if self._always(one) is not False]
            for binding in some:
                yield from self._alone(binding)
            yield from self._deployments(key, some)

    def _alone(self, binding: Binding) -> Iterator[Step]:
        """Yield what a binding gives whoever is in it, whatever else he has."""
        held = self._held(binding) & CONTROLLING
        for permission in sorted(held):
            for edge in BY_PERMISSION.get(permission, ()):
                if not edge.depends and held.issuperset(edge.beside):
                    yield self._step(edge, permission, binding)

    def steps_on(self, resource: str) -> Mapping[Place, list[tuple[str, Step]]]:
        """Return who holds which control permissions by a resource's policy, as `steps` do."""
        found = self._steps_on.get(resource)
        if found is None:
            found = self._steps_on[resource] = {}
            for binding in self.estate.access.bindings_on(resource):
                for key, step in self._find_steps_by(binding):
                    found.setdefault(step.edge.place, []).append((key, step))
        return found

    def _find_steps_by(self, binding: Binding) -> Iterator[tuple[str, Step]]:
        alone = tuple(self._alone(binding))
        acts = ACT_AS in self.estate.access.roles.surely(binding.role)
        changes = role_parent(binding.role) is not None
        always = self._always(binding)
        if not (alone or acts or changes) or always is False:
            return
        covered = self._covered(binding)
        for key in covered:
            for step in alone:
                yield key, step
            if acts:
                for step in self._deployments(key, [binding]):
                    yield key, step
        for key in self._with_pools(covered) if changes and always else ():
            sure = [item for item in self.bindings(key) if self._always(item)]
            for step in self._role_changes([binding], sure):
                yield key, step

    def _with_pools(self, keys: Iterable[str]) -> Iterable[str]:
        """Return keys, and the pools that they are of, each once."""
        pools = (self.placed.pool_of.get(key, key) for key in keys)
        return dict.fromkeys((*keys, *pools))

    def into(self, account: str) -> Iterator[tuple[str, Step, str]]:
        """
        Yield who becomes an account, or gets what of it, by which step.

        With the resource behind which it stands. Left to ask is whether it deploys
        there, `lands`, and what guards leave of it, `leaves`.
        """
        for place, names, what in self.placed.standing(account):
            for name in names:
                for key, step in self.steps_on(name).get(place, ()):
                    yield key, step, what

    def _covered(self, binding: Binding) -> Iterable[str]:
        """Return who surely is in a binding, as far as he was named anywhere."""
        membership = self.estate.access.membership
        found: dict[str, None] = {}
        for member in self.estate.access.members(binding):
            kind = kind_of(member)
            if kind not in _OF_GOOGLE:
                found[member] = None
            if kind == "group":
                found.update(dict.fromkeys(membership.members(member)))
            elif kind == "federated" and (pool := membership.pool(member)):
                for one in self.placed.pools.get(pool, ()):
                    if membership.covers(member, one).held is True:
                        found[one] = None
        return found

    def _held(self, binding: Binding) -> frozenset[str]:
        """Return what a binding surely gives of all that is asked about."""
        held = self.estate.access.roles.surely(binding.role) & _ASKED
        return _asked_on(_kind_of_run(binding.resource), held)

    def _always(self, binding: Binding) -> bool | None:
        """Tell whether a binding grants, whatever the resource; None: it depends."""
        if binding.condition is None:
            return True
        return self.estate.access.conditions.always(binding.condition)

    def depends(self, step: Step) -> bool:
        """Tell whether the condition of a step's binding holds for some accounts alone."""
        return self._always(step.binding) is None

    # -------------------------------------------------------------- what takes away

    def guarded(self, step: Step) -> bool:
        """Tell whether a step is taken away from some, or for some accounts."""
        if self.depends(step):
            return True
        if step.beside is not None:  # what is added to a role may be denied as well
            return bool(self._guarded)
        used = step.deployment.grants if step.deployment else ()
        names = (*step.permissions, *step.edge.grants, *used)
        return not self._guarded.isdisjoint(names)

    def leaves(self, key: str, step: Step, account: str, what: str) -> Told:
        """Tell whether nothing takes away what makes a step to an account."""
        place = self._checked_on(step.edge.place, account, what)
        if step.beside is not None:
            parent = role_parent(step.binding.role) or place
            added = (
                self._left(key, name, place)
                for edge in EDGES
                if edge.place == step.edge.place and not edge.depends
                for name in edge.permissions
            )
            changes = self._left(step.by or key, UPDATE_ROLE, parent)
            return all_of((changes, any_of(added)))
        names = (step.permission, *step.edge.beside)
        parts = [self._left(key, name, place) for name in names]
        parts.extend(self._given(step.binding, name, place) for name in names)
        if step.deployment is not None:
            project = self.placed.project(account) or place
            deploys = (*step.deployment.permissions, *step.deployment.grants)
            parts.extend(self._left(key, name, project) for name in deploys)
        if step.edge.grants:
            parts.append(self._used(key, step.edge, account, place))
        return all_of(parts)

    def _used(self, key: str, edge: Edge, account: str, place: str) -> Told:
        """
        Tell whether an identity can use what it may grant itself.

        Where all of that is taken away, there may be other ways, or others to grant it.
        """
        email = email_of(account)
        if email is not None and edge.grants[0].startswith("iam.serviceAccounts."):
            place = account_resource(email)
        for name in edge.grants:
            if self._left(key, name, place).held is True:
                return YES
        symbol = f"what else {edge.permissions[0]} gives on {short(place)}"
        return open_(Cause(reason="guardrail", symbol=symbol))

    def _given(self, binding: Binding, permission: str, resource: str) -> Told:
        """Tell whether a binding's condition lets it give a permission on a resource."""
        if self._always(binding):
            return YES
        place = self.estate.hierarchy.canonical(resource)
        return self.estate.access.conditions.grants(binding, permission, place)

    def _left(self, key: str, permission: str, resource: str) -> Told:
        if permission not in self._guarded:
            return YES
        if is_pool(key):  # whoever is in it, by a name of his own choice
            guards = " and ".join(self.estate.access.guards(permission))
            symbol = f"what {guards} leave of {permission}"
            return open_(Cause(reason="guardrail", symbol=symbol))
        return self.estate.access.leaves(key, permission, resource)

    def _checked_on(self, place: Place, account: str, what: str) -> str:
        """Return the resource on which a permission is asked for."""
        if place == "dag_bucket":
            return self._buckets.get(what, what)
        prefix = _CONTAINERS.get(place)
        if prefix is None:
            return what
        above = self.estate.hierarchy.lineage(what).names
        return next((name for name in above if name.startswith(prefix)), what)

    def _step(self, edge: Edge, permission: str, binding: Binding) -> Step:
        scope = self.estate.hierarchy.canonical(binding.resource)
        return Step(edge=edge, permission=permission, scope=scope, binding=binding)

    def _deployments(self, key: str, given: list[Binding]) -> Iterator[Step]:
        """Yield what actAs gives together with permissions to deploy code."""
        roles, deployable = self.estate.access.roles, self.deployable(key)
        rows = [
            row
            for row in DEPLOYMENTS
            if not row.depends and deployable.keys() >= set(row.permissions)
        ]
        for act in given if rows else ():
            if ACT_AS in roles.surely(act.role):
                scope = self.estate.hierarchy.canonical(act.resource)
                for row in rows:
                    yield Step(
                        edge=DEPLOY_EDGE,
                        permission=ACT_AS,
                        scope=scope,
                        binding=act,
                        deployment=row,
                    )

    def deployable(self, key: str) -> dict[str, frozenset[str]]:
        """Return the scopes in which an identity surely has what deploying takes."""
        found = self._deployable.get(key)
        if found is None:
            scopes: dict[str, set[str]] = {}
            for permission, scope, _ in self._find_deployable(key):
                scopes.setdefault(permission, set()).add(scope)
            found = self._deployable[key] = {
                permission: frozenset(names) for permission, names in scopes.items()
            }
        return found

    def deployer(self, key: str) -> int:
        """Return a number that all who may deploy in the same scopes share."""
        scopes = frozenset(self.deployable(key).items())
        return self._deployers.setdefault(scopes, len(self._deployers))

    def deploying(
        self, key: str, deployment: Deployment, account: str
    ) -> Iterator[tuple[str, Binding]]:
        """Yield by which binding an identity has each permission of a deployment."""
        project = self.placed.project(account)
        place = project and self._deploys_in(key, project, deployment)
        wanted = list(deployment.permissions)
        for permission, scope, binding in self._find_deployable(key):
            within = place and self.estate.hierarchy.within(place, (scope,))
            if within and permission in wanted:
                wanted.remove(permission)
                yield permission, binding

    def _find_deployable(self, key: str) -> Iterator[tuple[str, str, Binding]]:
        hierarchy = self.estate.hierarchy
        for binding in self.bindings(key):
            held = self._held(binding) & DEPLOYING
            if held and self._always(binding):
                scope = hierarchy.canonical(binding.resource)
                if scope.startswith("//run.googleapis.com/"):
                    # a new revision may run as any account of the project; but a job is
                    # only run by who may run that one
                    held = frozenset(n for n in held if not n.endswith(".create"))
                    if _JOBS not in scope:
                        scope = hierarchy.project_of(scope) or scope
                for permission in sorted(held):
                    yield permission, scope, binding

    def _deploys_in(self, key: str, project: str, deployment: Deployment) -> str | None:
        """Return what an identity surely may do all of a deployment on, if anything."""
        deployable, hierarchy = self.deployable(key), self.estate.hierarchy
        kinds = {_SET[name] for name in deployment.permissions if name in _SET}
        if any((project, kind) not in self._there for kind in kinds):
            return None
        scopes = [deployable.get(name, ()) for name in deployment.permissions]
        if all(hierarchy.within(project, each) for each in scopes):
            return project
        if any(name.endswith(".create") for name in deployment.permissions):
            return None  # what is new is none of the jobs that are there
        jobs = {name for each in scopes for name in each if _JOBS in name}
        for job in sorted(jobs):
            able = all(hierarchy.within(job, each) for each in scopes)
            if able and hierarchy.project_of(job) == project:
                return job
        return None

    @cached_property
    def _there(self) -> frozenset[tuple[str, str]]:
        """Return in which projects there is a service, or a job, that policies let update."""
        canonical = self.estate.hierarchy.canonical
        there = {(run.project, run.kind) for run in self.estate.facts.cloud_runs}
        return frozenset(
            (canonical(project_resource(project)), kind) for project, kind in there
        )

    def _role_changes(
        self, given: list[Binding], sure: list[Binding]
    ) -> Iterator[Step]:
        """Yield what may be added to the custom roles that bindings give."""
        roles, hierarchy = self.estate.access.roles, self.estate.hierarchy
        updates = [item for item in sure if UPDATE_ROLE in roles.surely(item.role)]
        for held in given if updates else ():
            parent = role_parent(held.role)
            if parent is None or roles.deleted(held.role):
                continue
            above = hierarchy.lineage(parent).names
            by = (one for one in updates if hierarchy.canonical(one.resource) in above)
            if beside := next(by, None):
                for edge in ROLE_EDGES:
                    step = self._step(edge, UPDATE_ROLE, held)
                    yield replace(step, beside=beside)

    @property
    def custom_roles(self) -> bool:
        """Tell whether any binding gives a custom role."""
        return bool(self._defining)

    @cached_property
    def _defining(self) -> Mapping[str, frozenset[str]]:
        """Return where roles that bindings give are defined, by each resource above."""
        roles = {binding.role for binding in self.estate.facts.bindings}
        found: dict[str, set[str]] = {}
        for parent in {one for role in roles if (one := role_parent(role))}:
            for name in self.estate.hierarchy.lineage(parent).names:
                found.setdefault(name, set()).add(parent)
        return {name: frozenset(parents) for name, parents in found.items()}

    def _may_change(self, key: str, binding: Binding) -> bool:
        """Tell whether a right to change roles is one to change any that someone has."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        return any(
            self._left(key, UPDATE_ROLE, parent).held is not False
            for parent in self._defining.get(scope, ())
        )

    def changing(self, key: str) -> "Changing":
        """Return by what an identity changes custom roles, and which it has."""
        found = self._changing.get(key)
        if found is None:
            found = self._changing[key] = self._find_changing(key)
        return found

    def _find_changing(self, key: str) -> "Changing":
        if not self.custom_roles:
            return NOTHING
        roles = self.estate.access.roles
        updates: list[Binding] = []
        held: list[Binding] = []
        perhaps: list[Binding] = []
        for binding in self.bindings(key):
            parent = role_parent(binding.role)
            if parent is None and UPDATE_ROLE not in roles.surely(binding.role):
                continue
            always = self._always(binding)
            updating = always and UPDATE_ROLE in roles.surely(binding.role)
            if updating and self._may_change(key, binding):
                updates.append(binding)
            if always is not False and parent and not roles.deleted(binding.role):
                (held if always else perhaps).append(binding)
        if not (updates or held or perhaps):
            return NOTHING
        return Changing(updates=updates, held=held, perhaps=perhaps)

    def changes(self, update: Binding, held: Binding) -> bool:
        """Tell whether one binding lets change the custom role that another gives."""
        hierarchy, parent = self.estate.hierarchy, role_parent(held.role)
        scope = hierarchy.canonical(update.resource)
        return parent is not None and scope in hierarchy.lineage(parent).names

    def changed(self, held: Binding, update: Binding, by: str) -> Iterator[Step]:
        """Yield what a custom role gives once it is changed, by another."""
        for edge in ROLE_EDGES:
            yield replace(self._step(edge, UPDATE_ROLE, held), beside=update, by=by)

    def delegated(self, key: str) -> tuple[str, ...]:
        """
        Return the scopes for which an account acts as any user of the Workspace.

        Source: developers.google.com/identity/protocols/oauth2/service-account
        """
        return self._delegated.get(key, ())

    def users(self, key: str) -> Iterator[Cause]:
        """Yield that an account acts as users, in the cloud: what they hold is open."""
        if not _OF_CLOUD.isdisjoint(self.delegated(key)):
            symbol = f"users of the Workspace that {email_of(key)} acts as"
            yield Cause(reason="membership", symbol=symbol)

    # ---------------------------------------------------------------------- levers

    @cached_property
    def liftable(self) -> bool:
        """Tell whether anything that was read stands in anyone's way."""
        facts = self.estate.facts
        return self.placed.lifted or any(map(_asks_for_a_tag, facts.bindings))

    def levers(self, key: str) -> Iterator[tuple[LeverRow, str, str, Binding]]:
        """Yield what an identity surely may undo: by which permission, what, how."""
        roles, hierarchy = self.estate.access.roles, self.estate.hierarchy
        for binding in self.bindings(key):
            held = roles.surely(binding.role) & LEVERING
            if not held or not self._always(binding):
                continue
            scope = hierarchy.canonical(binding.resource)
            for row in _LIFTING:
                for permission in sorted(held.intersection(row.permissions)):
                    for what, place in self._lifted(row, scope, key):
                        if self._left(key, permission, place).held is True:
                            yield row, permission, what, binding

    def _lifted(self, row: LeverRow, scope: str, key: str) -> Iterator[tuple[str, str]]:
        """Yield what may be lifted, and where it stands."""
        if row.lifts == "disabled":
            for account, what in self.placed.of(row.lifts, scope):
                yield email_of(account) or what, what
            return
        if row.lifts != "condition":
            for place, what in self.placed.of(row.lifts, scope):
                yield what, place
            return
        for binding in self.bindings(key):
            unmet = _asks_for_a_tag(binding) and not self._always(binding)
            if unmet and self.estate.hierarchy.within(binding.resource, (scope,)):
                yield binding.id, binding.resource

    # ---------------------------------------------------------------- uncertainty

    def doubts(self, key: str) -> tuple[Cause, ...]:
        """Return what could give the identity further control, by its bindings."""
        found = self._doubts.get(key)
        if found is None:
            found = self._doubts[key] = distinct(self._find_doubts(key))
        return found

    def _find_doubts(self, key: str) -> Iterator[Cause]:
        access = self.estate.access
        for binding in self.bindings(key):
            if self._always(binding) is not False:
                # what the steps ask of each account is no doubt about all of them
                asked = frozenset[str]() if is_pool(key) else self._held(binding)
                yield from self._doubts_of(binding, CONTROLLING, asked - {UPDATE_ROLE})
        if kind_of(key) == "federated":
            for binding in self._sets_over(key):
                told = access.is_member(binding, key)
                unsure = access.roles.perhaps(binding.role) & CONTROLLING
                if told.held is None and self._could_matter(binding, unsure):
                    yield from told.causes
        if not is_pool(key):
            unclear = self._unclear
            whose = (None, key.lower(), *access.standing_for(key))
            for member in dict.fromkeys(
                m for one in whose for m in unclear.get(one, ())
            ):
                yield from access.membership.covers(member, key).causes

    @cached_property
    def _unclear(self) -> Mapping[str | None, list[str]]:
        """
        Return the members who may be someone else and could control accounts.

        They are people of a domain, accounts that were deleted, who has a basic role, and
        members of a kind that is not documented: all that neither `populations` nor sets
        of pools tell. Each stands under the keys and groups that it may have; None: under
        anyone's.
        """
        found = dict[str | None, list[str]]()
        for member in sorted(self.estate.access.many):
            if not member.startswith(_TOLD_APART) and self._controls(member):
                for one in self._may_have(member):
                    found.setdefault(one, []).append(member)
        return found

    def _may_have(self, member: str) -> Iterable[str | None]:
        """Return who alone may be among those that a member stands for; None: anyone."""
        if member.startswith("deleted:") or "?uid=" in member:
            return [member.removeprefix("deleted:").partition("?uid=")[0].lower()]
        kind, _, name = member.partition(":")
        access, project = self.estate.access, project_resource(name)
        if kind not in BASIC_OF or access.unread(project):
            return [None]
        # there may be such members for each of thousands of projects
        named = {
            one
            for place in self.estate.hierarchy.lineage(project).names
            for binding in access.bindings_on(place)
            if binding.role == BASIC_OF[kind]
            for one in access.members(binding)
        }
        listed = (
            one not in access.many
            or (one.startswith("group:") and not access.membership.unlisted(one))
            for one in named
        )
        return named if all(listed) else [None]

    def _controls(self, member: str) -> bool:
        """Tell whether whoever is a member could control an account."""
        roles = self.estate.access.roles
        return any(
            self._could_matter(binding, roles.perhaps(binding.role) & CONTROLLING)
            for binding in self.estate.access.naming(member)
        )

    def lever_doubts(self, key: str) -> Iterator[Cause]:
        """Yield what could let the identity lift more, by its bindings."""
        for binding in self.bindings(key):
            if self._always(binding) is not False:
                yield from self._doubts_of(binding, LEVERING)
                held = self.estate.access.roles.surely(binding.role) & LEVERING
                for row in LEVERS if held else ():
                    able = held.intersection(row.permissions)
                    if able and row.lifts in self.unread:
                        yield self.unread[row.lifts]
                    if row.depends:
                        yield from self._undecided_lever(key, row, binding, able)
                    else:
                        yield from self._guard_of(key, row, binding, able)

    def _guard_of(
        self, key: str, row: LeverRow, binding: Binding, able: Iterable[str]
    ) -> Iterator[Cause]:
        """Yield what keeps open whether something that may be lifted is guarded."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        for permission in self._guarded.intersection(able):
            for _, place in self._lifted(row, scope, key):
                yield from self._left(key, permission, place).causes

    def _undecided_lever(
        self, key: str, row: LeverRow, binding: Binding, able: Iterable[str]
    ) -> Iterator[Cause]:
        """Yield what would tell whether a permission is enough to lift something."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        for permission in able:
            for _, place in self._lifted(row, scope, key):
                if self._left(key, permission, place).held is not False:
                    symbol = f"{row.depends} {self.estate.hierarchy.shown(place)}"
                    yield Cause(reason="layer", symbol=symbol)

    @cached_property
    def unread(self) -> Mapping[str, Cause]:
        """Return what could not be read of what levers lift: there may be more."""
        gaps = self.estate.facts.gaps
        return {
            lifts: Cause(reason="unreadable", symbol=f"{words} of the snapshot")
            for lifts, (kind, words) in _GUARDRAILS.items()
            if any(gap.incomplete and kind in gap.kinds for gap in gaps)
        }

    def _doubts_of(
        self,
        binding: Binding,
        permissions: frozenset[str],
        asked: frozenset[str] = frozenset(),
    ) -> Iterator[Cause]:
        """Yield what leaves permissions open: a condition, but of what is asked; a role."""
        access = self.estate.access
        depends = self._always(binding) is None
        unread = access.roles.modelled(binding.role) is None
        if not (depends or unread):
            return
        unsure = access.roles.perhaps(binding.role) & permissions
        if depends and self._could_matter(binding, unsure - asked):
            yield condition_cause(binding)
        if unread and self._could_matter(binding, unsure):
            yield role_cause(binding.role)

    def _could_matter(self, binding: Binding, permissions: Iterable[str]) -> bool:
        """Tell whether permissions on a binding's resource give any account."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        for permission in permissions:
            if permission == ACT_AS and self.placed.gives("account", scope):
                return True
            if permission == UPDATE_ROLE and scope in self._defining:
                return True
            for edge in BY_PERMISSION.get(permission, ()):
                if not edge.depends and self.placed.gives(edge.place, scope):
                    return True
            for row in LEVERS if permission in LEVERING else ():
                if permission in row.permissions and row.lifts != "condition":  # noqa: SIM102 -- narrows the type
                    if self.placed.gives(row.lifts, scope):
                        return True
        return False

    def uncertain(self, key: str, matters: Callable[[str], bool]) -> Iterator[Cause]:
        """
        Yield permissions whose effect on accounts that matter is not read.

        `matters` tells of a node: a part of an account may be of no use.
        """
        access, shown = self.estate.access, self.estate.hierarchy.shown
        for binding in self.bindings(key):
            if self._always(binding) is False:
                continue
            scope = self.estate.hierarchy.canonical(binding.resource)
            held = self._held(binding)
            if ACT_AS in held and self._any(DEPLOY_EDGE, binding, matters, key, ACT_AS):
                guards = tuple(access.unread_guards())
                yield from guards or self._undecided_deployments(key, scope)
            for permission in sorted(held & _DEPENDING.keys()):
                for edge in _DEPENDING[permission]:
                    if self._any(edge, binding, matters, key, permission):
                        symbol = f"{edge.depends} {shown(scope)}"
                        yield Cause(reason="layer", symbol=symbol)
        for step in self.steps(key):
            if self.guarded(step):
                for account, what in self.targets(key, step):
                    if matters(node_of(step.gives, account)):
                        yield from self.leaves(key, step, account, what).causes

    def unread_workloads(self, key: str) -> Iterator[Cause]:
        """
        Yield which workloads an identity may control that run as nobody knows whom.

        Of each of its bindings the first: one is enough to leave open whom it becomes.
        """
        within, perhaps = self.estate.hierarchy.within, self.estate.access.roles.perhaps
        for binding in self.bindings(key) if self._unread_workloads else ():
            if self._always(binding) is False:
                continue
            scope = self.estate.hierarchy.canonical(binding.resource)
            may, of_bucket = perhaps(binding.role), scope.startswith(_BUCKETS)
            for place, permissions, cause in self._unread_workloads:
                there = of_bucket if place == _BUCKETS else within(place, (scope,))
                if there and not permissions.isdisjoint(may):
                    yield cause
                    break

    @cached_property
    def _unread_workloads(self) -> list[tuple[str, frozenset[str], Cause]]:
        """Return where workloads are whose account was not read, and what controls them."""
        facts, found = self.estate.facts, list[tuple[str, frozenset[str], Cause]]()
        for run in facts.cloud_runs:
            for cause in _unread_account(run):
                found.append((run.resource, _CONTROLS_RUN[run.kind], cause))
        for environment in facts.composer_environments:
            place = environment.resource
            bucket, causes = self._buckets.get(place), [*_unread_account(environment)]
            for cause in causes:
                found.append((place, _CONTROLS_ENVIRONMENT, cause))
            if bucket is None and not environment.deleting:
                symbol = f"DAG bucket of {short(place)}"
                causes.append(Cause(reason="layer", symbol=symbol))
            for cause in causes:  # where the bucket is not known, it may be any
                for at in (bucket,) if bucket else (place, _BUCKETS):
                    found.append((at, _CONTROLS_DAGS, cause))
        return found

    def _undecided_deployments(self, key: str, scope: str) -> Iterator[Cause]:
        """Yield what would tell whether actAs on a scope is enough to deploy."""
        shown, deployable = self.estate.hierarchy.shown, self.deployable(key)
        accounts = (account for account, _ in self.placed.of("account", scope))
        projects = {self.placed.project(account) for account in accounts}
        rows = [row for row in DEPLOYMENTS if deployable.keys() >= set(row.permissions)]
        for project in sorted(filter(None, projects)) if rows else ():
            able = [row for row in rows if self._deploys_in(key, project, row)]
            if all(row.depends for row in able):  # else it deploys there for sure
                for row in able:
                    symbol = f"{row.depends} {shown(project)}"
                    yield Cause(reason="layer", symbol=symbol)
        # the account of one project may be attached to what runs in another
        symbol = (
            f"deployments by other services or projects as accounts of {shown(scope)}"
        )
        yield Cause(reason="layer", symbol=symbol)

    def targets(self, key: str, step: Step) -> Iterator[tuple[str, str]]:
        """Yield (account, resource behind which it stands) of a step, unguarded."""
        found = self.placed.of(step.edge.place, step.scope)
        if step.deployment is None:
            yield from found
            return
        for account, what in found:
            if self.lands(key, step, account):
                yield account, what

    def lands(self, key: str, step: Step, account: str) -> bool:
        """Tell whether an identity deploys in the project of an account, if it must."""
        if step.deployment is None:
            return True
        project = self.placed.project(account)
        return bool(project and self._deploys_in(key, project, step.deployment))

    def perhaps(
        self, node: str, *, changed: bool
    ) -> Iterator[tuple[Gives, Place, str]]:
        """
        Yield what one may come to of all that stands at which places, on which scopes.

        By steps that are sure and that are not; what guards take away is left in.
        `changed`: someone he works with may change custom roles.
        """
        gives, key = means(node)
        if gives == "invocation":
            return
        for binding in self.bindings(key):
            if self._always(binding) is False:
                continue
            held = self.estate.access.roles.perhaps(binding.role) & CONTROLLING
            held = _asked_on(_kind_of_run(binding.resource), held)
            edges = [
                edge
                for name in held & _MAY_GIVE.keys()
                for edge in _MAY_GIVE[name]
                if held.issuperset(edge.beside) and _passes(gives, edge.kind, name)
            ]
            if changed and role_parent(binding.role) is not None:
                edges += ROLE_EDGES
            scope = self.estate.hierarchy.canonical(binding.resource)
            for edge in edges:
                yield edge.gives, edge.place, scope

    def _any(
        self,
        edge: Edge,
        binding: Binding,
        matters: Callable[[str], bool],
        key: str,
        permission: str,
    ) -> bool:
        """Tell whether a permission may give any account that matters."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        return any(
            self._given(binding, permission, checked).held is not False
            and self._left(key, permission, checked).held is not False
            for account, what in self.placed.of(edge.place, scope)
            if matters(node_of(edge.gives, account))
            for checked in (self._checked_on(edge.place, account, what),)
        )

    def populations(self) -> tuple[Cause, ...]:
        """Return the groups whose members could control accounts."""
        if self._populations is None:
            self._populations = self._find_populations()
        return self._populations

    def _find_populations(self) -> tuple[Cause, ...]:
        access = self.estate.access
        return distinct(
            Cause(reason="membership", symbol=member)
            for member in access.many
            if member.startswith(_POPULATIONS)
            and access.membership.unlisted(member)
            and self._controls(member)
        )


def _kind_of_run(resource: str) -> str:
    """Return of which kind a resource of Cloud Run is, as permissions say it; "": none."""
    if not resource.startswith("//run.googleapis.com/"):
        return ""
    return resource.split("/")[-2].lower()


def _asked_on(kind: str, permissions: frozenset[str]) -> frozenset[str]:
    """Leave out what is never asked for on a kind of Cloud Run: of jobs on services."""
    if not kind:
        return permissions
    return frozenset(
        name
        for name in permissions
        if not name.startswith("run.") or name.startswith(f"run.{kind}.")
    )


def role_parent(role: str) -> str | None:
    """Return the project or organisation that a custom role is defined in."""
    parts = role.split("/")
    custom = len(parts) == 4 and parts[0] in ("projects", "organizations")
    return "/".join(parts[:2]) if custom else None


def _asks_for_a_tag(binding: Binding) -> bool:
    text = binding.condition.expression if binding.condition else ""
    return "matchTag" in text or "hasTagKey" in text


# --------------------------------------------------------------------------- the graph

# How a node says that only a part of an account is got.
_PREFIXES: dict[Gives, str] = {
    "identity": "",
    "api": "api ",
    "invocation": "invoke ",
    "delegation": "delegate ",
    "storage": "storage ",
}
_MEANS: dict[str, Gives] = {
    prefix.strip(): gives for gives, prefix in _PREFIXES.items() if prefix
}
# What may be got of an account.
PARTS: tuple[Gives, ...] = ("identity", "api", "storage", "invocation", "delegation")
# What shows more of an account comes before what shows less.
_RANK: tuple[Gives, ...] = ("identity", "api", "storage", "invocation")


def node_of(gives: Gives, account: str) -> str:
    """Return the node of what is got of an account."""
    return f"{_PREFIXES[gives]}{account}"


def means(node: str) -> tuple[Gives, str]:
    """Return how much of an account a node is, and the account; a pool is its own."""
    first, _, rest = node.partition(" ")
    gives = _MEANS.get(first)
    return (gives, rest) if gives else ("identity", node)


def is_pool(key: str) -> bool:
    """Tell whether a key is a pool: all principals of it that policies name."""
    return key.startswith("pool ")


def leads_on(node: str) -> bool:
    """Tell whether a node is no identity: one that many share, or a pool."""
    return _is_hub(node) or is_pool(means(node)[1])


def _is_hub(node: str) -> bool:
    return node.startswith("CAN_")  # as every kind of edge


class ControlGraph:
    """
    The graph of what identities can become, grown where someone walks.

    Nodes are identity keys (`api KEY` where only access tokens are got, and so on)
    and, between them, `EDGE PERMISSION GIVES PLACE SCOPE` nodes shared by all who hold that
    edge on that scope. An edge into such a node carries its `Step`, one out of it the
    resource behind which the account stands.
    """

    def __init__(self, control: Control, roots: Iterable[str]) -> None:
        """Start from the identities to walk from."""
        self.control = control
        self._roots = frozenset(roots)
        # identity -> the shared nodes after it, by which step; once it is grown
        self.steps: dict[str, dict[str, Step]] = {}
        # shared node -> the identities after it, behind what each of them stands
        self.behind: dict[str, dict[str, str]] = {}
        # of steps that take two: the step, and the node of the other
        self.crossed: dict[tuple[str, str], tuple[Step, str]] = {}

    def after(self, node: str) -> Iterable[str]:
        """Return the nodes after an identity or a shared node."""
        if _is_hub(node):
            return self.behind[node]
        if node not in self.steps:
            self._grow(node)
        return self.steps[node]

    def _grow(self, node: str) -> None:
        after = self.steps[node] = {}
        for step, hub in self._hubs(node):
            after[hub] = step
            if hub not in self.behind:
                self.behind[hub] = {
                    node_of(step.gives, account): what
                    for account, what in self._targets(node, step)
                }

    def _hubs(self, node: str) -> Iterator[tuple[Step, str]]:
        gives, key = means(node)
        for step in self.control.steps(key):
            if not follows(gives, step):
                continue
            who = ""
            if key in self._roots and step.edge.kind in OF_JOBS:
                who = f" by {key}"
            elif step.deployment is not None:
                row = "+".join(step.deployment.permissions)
                who = f" {row} by deployers {self.control.deployer(key)}"
            elif step.beside is not None:
                who = f" as {step.binding.role}"
            if self.control.guarded(step):  # others may not be stopped, or elsewhere
                who = f" of {key}{who}"
            if self.control.depends(step):  # nor elsewhere by another condition
                who = f" by {step.binding.id}{who}"
            place = f"{step.gives} {step.edge.place} {step.scope}"
            yield step, f"{step.edge.kind} {step.permission} {place}{who}"

    def cross(
        self, node: str, step: Step, other: str
    ) -> tuple[str | None, list[Cause]]:
        """
        Add a step that an identity takes with the help of another.

        Returns its shared node, None if it leads nowhere, and what keeps that open.
        """
        key, causes = means(node)[1], list[Cause]()
        who = f"as {step.binding.role} of {key} by {step.by}"
        place = f"{step.gives} {step.edge.place} {step.scope}"
        hub = f"{step.edge.kind} {step.permission} {place} {who}"
        guarded = self.control.guarded(step)
        targets: dict[str, str] = {}
        for account, what in self.control.targets(key, step):
            left = self.control.leaves(key, step, account, what) if guarded else YES
            causes.extend(left.causes)
            if left.held is True:
                targets[node_of(step.gives, account)] = what
        if not targets:
            return None, causes
        self.crossed[node, hub] = step, other
        self.behind[hub] = targets
        return hub, causes

    def _targets(self, node: str, step: Step) -> Iterator[tuple[str, str]]:
        control, key = self.control, means(node)[1]
        guarded = control.guarded(step)
        for account, what in control.targets(key, step):
            if not guarded or control.leaves(key, step, account, what).held is True:
                yield account, what


def follows(gives: Gives, step: Step) -> bool:
    """Tell whether a step can be taken with what is got of an account."""
    return _passes(gives, step.edge.kind, step.permission)


def _passes(gives: Gives, kind: str, permission: str) -> bool:
    if gives == "invocation":
        return False
    if gives == "delegation":
        return kind in PASSED_ON
    if gives == "storage":
        return permission.startswith("storage.objects.")
    return True


class Leading:
    """
    Tells which accounts may lead to what matters, by steps that are sure and that are not.

    Whom one perhaps becomes is of no use himself where he only becomes another who is.
    """

    def __init__(
        self,
        control: Control,
        visited: Mapping[str, str],
        matters: Callable[[Gives, str], bool],
    ) -> None:
        """Ask for those whom one becomes beside `visited`, whom he surely is."""
        self._control, self._matters = control, matters
        self._changed = any(control.changing(key).updates for key in visited)
        # nodes that lead to nothing, or to nothing new
        wholly = (key for key, node in visited.items() if node == key)
        self._vain = {node_of(gives, key) for key in wholly for gives in PARTS}
        self._found: dict[str, bool] = {}

    def __call__(self, node: str) -> bool:
        """Tell whether it may be of use to be an account, or to get a part of it."""
        if node not in self._found:
            self._found[node] = node not in self._vain and self._leads(node)
        return self._found[node]

    def _leads(self, start: str) -> bool:
        seen, queue = {start}, deque([start])
        hubs: set[tuple[Gives, Place, str]] = set()
        while queue:
            node = queue.popleft()
            gives, key = means(node)
            if gives != "delegation" and not is_pool(key) and self._matters(gives, key):
                return True
            for hub in self._control.perhaps(node, changed=self._changed):
                if hub in hubs:
                    continue
                hubs.add(hub)
                part, place, scope = hub
                nodes = {
                    node_of(part, one)
                    for one, _ in self._control.placed.of(place, scope)
                }
                queue.extend(sorted(nodes - seen - self._vain))
                seen |= nodes
        self._vain |= seen
        return False


class Reached(Record, frozen=True, kw_only=True):
    """What a walk along control edges found."""

    chains: dict[str, tuple[Hop, ...]]  # account -> a shortest chain; nearest first
    gives: dict[str, Gives]  # account -> how much of it
    visited: dict[str, str]  # every identity on the way, and its node
    before: dict[str, str]  # node -> the one before it
    pools: tuple[str, ...]  # every pool on the way
    complete: bool  # False: there are more than `MOST`
    open: tuple[
        Cause, ...
    ] = ()  # what could add to it, of custom roles that it changes


def reached(
    graph: ControlGraph, user: User, wanted: Callable[[str, Gives], bool]
) -> Reached:
    """
    Return the wanted accounts that an identity can become, nearest first.

    `wanted(account, gives)` chooses; `gives` tells how much of the account is got. The
    walk ends past the nearest `MOST`: nothing new is learnt there, and an estate where
    all reaches all has no end.
    """
    before: dict[str, str] = {}
    found: dict[str, str] = {}  # account -> the node by which it is reached
    visited = {user.key: user.key}
    pools: list[str] = []
    complete = True
    changes = _Changes(graph)
    for parent, node in _walk(graph, user, changes):
        before[node] = parent
        if _is_hub(node):
            continue
        gives, account = means(node)
        if is_pool(account):
            pools.append(account)
            continue
        if gives in ("identity", "api"):
            visited.setdefault(account, node)
        if gives == "delegation" or not wanted(account, gives):
            continue
        if account not in found and len(found) == MOST:
            complete = False
            break
        if account not in found or _more(gives, means(found[account])[0]):
            found[account] = node
    chains = {
        account: tuple(chain(graph, before, node, user.key))
        for account, node in found.items()
    }
    return Reached(
        chains=chains,
        gives={account: means(node)[0] for account, node in found.items()},
        visited=visited,
        before=before,
        pools=tuple(pools),
        complete=complete,
        open=distinct(changes.open),
    )


def doubted(control: Control, found: Reached) -> Iterator[str]:
    """
    Yield by whose bindings there may be more.

    Of a pool, all together: who forges its principals chooses the groups and attributes
    that are not known of the others.
    """
    of = control.placed.pool_of
    yield from (key for key in found.visited if of.get(key) not in found.pools)
    yield from found.pools


def user_of(key: str) -> User:
    """Return an identity as its own user, whom no task's declarations excuse."""
    return User(
        key=key, environments=(), dags=(), declared=frozenset(), jobs=frozenset()
    )


def _more(gives: Gives, than: Gives) -> bool:
    return _RANK.index(gives) < _RANK.index(than)


class _Changes:
    """
    Custom roles that a walk comes to change as one identity, and to hold as another.

    One of both alone gives nothing, so it is no edge: it depends on the walk.
    """

    def __init__(self, graph: ControlGraph) -> None:
        self._graph = graph
        # by the resource on which roles may be changed, what lets whom change them
        self._updates: dict[str, list[tuple[str, Binding]]] = defaultdict(list)
        # by each resource from which a role may be changed, who has it
        self._held: dict[str, list[tuple[str, Binding]]] = defaultdict(list)
        self._done: set[tuple[str, str]] = set()
        self.open: list[Cause] = []

    def met(self, node: str) -> Iterator[tuple[str, str]]:
        """Yield the steps, as identity and shared node, that an identity makes possible."""
        gives, key = means(node)
        if gives not in ("identity", "api") or _is_hub(node) or is_pool(key):
            return
        control = self._graph.control
        found, hierarchy = control.changing(key), control.estate.hierarchy
        for update in found.updates:
            scope = hierarchy.canonical(update.resource)
            self._updates[scope].append((node, update))
            for holder, binding in self._held.get(scope, ()):
                yield from self._pair(holder, binding, node, update)
        for binding in (*found.held, *found.perhaps):
            for name in hierarchy.lineage(role_parent(binding.role) or "").names:
                self._held[name].append((node, binding))
                for changer, update in self._updates.get(name, ()):
                    yield from self._pair(node, binding, changer, update)

    def _pair(
        self, node: str, binding: Binding, changer: str, update: Binding
    ) -> Iterator[tuple[str, str]]:
        """Yield what one gets by a custom role that another changes, or that he may."""
        if (node, binding.id) in self._done:
            return
        control, key, by = self._graph.control, means(node)[1], means(changer)[1]
        if binding in control.changing(key).perhaps:
            self._done.add((node, binding.id))
            self.open.append(condition_cause(binding))
            return
        if key == by:  # a step of its own
            return
        before = len(self.open)
        for step in control.changed(binding, update, by):
            hub, causes = self._graph.cross(node, step, changer)
            self.open += causes
            if hub is not None:
                yield node, hub
        if len(self.open) == before:  # else another may surely change it
            self._done.add((node, binding.id))


def _walk(
    graph: ControlGraph, user: User, changes: _Changes
) -> Iterator[tuple[str, str]]:
    """
    Yield the edges of a breadth-first walk, each node once.

    The control that running its own jobs with overrides gives is left out: tasks use
    it on purpose, as itself or as an account they impersonate on purpose.
    """
    whom = {user.key, *user.declared}
    seen, queue = {user.key}, deque([user.key])
    while queue:
        node = queue.popleft()
        own = node.partition(" ")[0] in OF_JOBS and node.rpartition(" by ")[2] in whom
        for after in graph.after(node):
            if after in seen or (own and graph.behind[node][after] in user.jobs):
                continue
            seen.add(after)
            queue.append(after)
            yield node, after
        for holder, after in changes.met(node):
            if after not in seen:
                seen.add(after)
                queue.append(after)
                yield holder, after


def chain(
    graph: ControlGraph, before: Mapping[str, str], node: str, start: str
) -> Iterator[Hop]:
    """Yield the hops from the start to a node, in order."""
    nodes = [node]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    nodes.reverse()
    # every second one is shared
    for holder, hub, target in zip(nodes[::2], nodes[1::2], nodes[2::2], strict=False):
        crossed = graph.crossed.get((holder, hub))
        step = crossed[0] if crossed else graph.steps[holder][hub]
        if crossed and crossed[1] not in nodes:
            yield from chain(graph, before, crossed[1], start)
        what = graph.behind[hub][target]
        yield from step_hops(graph.control, holder, step, target, what)


def step_hops(
    control: Control, holder: str, step: Step, target: str, what: str
) -> Iterator[Hop]:
    """Yield the hops of one control edge: the grants, and what they make possible."""
    shown = control.estate.hierarchy.shown
    who, account = means(holder)[1], means(target)[1]
    grants = [step.binding]
    if step.beside is not None and step.by:
        yield grant_hop(step.by, step.beside, shown(step.beside.resource))
    elif step.beside is not None:
        grants.append(step.beside)
    if step.deployment is not None:
        found = control.deploying(who, step.deployment, account)
        grants.extend(binding for _, binding in found)
    for binding in {item.id: item for item in grants}.values():
        yield grant_hop(who, binding, shown(binding.resource))
    named = email_of(account) or account
    own = what in (account_resource(named), f"//iam.googleapis.com/{account[5:]}")
    behind = "" if own else f" ({shown(what)})"
    besides = ""
    if step.deployment is not None:
        besides = f", by {' and '.join(step.deployment.permissions)}"
    yield Hop(
        kind="can_become",
        source=who,
        target=account,
        text=f"{step.text} {named}{behind}{besides}: {step.permission}",
        origin=step.binding.origin,
    )


# ------------------------------------------------------------------------------ facts


def derive_reaches(estate: Estate, users: Iterable[User]) -> tuple[Reach, ...]:
    """Return what each identity that tasks use can become."""
    users = sorted(users, key=lambda user: user.key)
    control = Control(estate)
    graph = ControlGraph(control, (user.key for user in users))
    return tuple(_reach(graph, user) for user in users)


def _reach(graph: ControlGraph, user: User) -> Reach:
    control = graph.control
    estate, runs = control.estate, control.placed.runs
    excluded = {user.key, *user.declared}
    found = reached(
        graph,
        user,
        lambda account, _: account in runs and account not in excluded,
    )
    controls = tuple(
        Controlled(
            identity=estate.ref(account),
            permission=found.chains[account][-1].text.rpartition(": ")[2],
            gives=_shown(found.gives[account]),
            runs=tuple(sorted(runs[account])),
            hops=found.chains[account],
        )
        for account in sorted(found.chains)
    )
    settled = excluded.union(found.chains)
    doubt = _doubt(control, found, settled)
    levers = tuple(_levers(graph, found, user.key))
    open_ends = _lever_doubt(control, found)
    if controls and user.undeclared:  # one of them may be what a task declares
        controls, doubt = (), distinct((*user.undeclared, *doubt))
    return Reach(
        id=f"reach:{user.key}",
        origin=estate.facts.snapshots[0].origin,
        unresolved=(*unresolved(doubt, "controls"), *unresolved(open_ends, "levers")),
        identity=estate.ref(user.key),
        environments=user.environments,
        dags=user.dags,
        controls=UNSET if doubt else controls,
        controls_known=controls,
        delegated=tuple(
            sorted({scope for key in found.visited for scope in control.delegated(key)})
        ),
        levers=UNSET if open_ends else levers,
        levers_known=levers,
    )


def _shown(gives: Gives) -> Literal["identity", "api", "invocation", "storage"]:
    return "identity" if gives == "delegation" else gives


def _levers(graph: ControlGraph, found: Reached, start: str) -> Iterator[Lever]:
    """Yield what stands in the way and can be removed, each once, nearest first."""
    control = graph.control
    shown, seen = control.estate.hierarchy.shown, set[tuple[str, str]]()
    for key, node in found.visited.items():
        for row, permission, what, binding in control.levers(key):
            if (row.kind, what) in seen:
                continue
            if len(seen) == MOST:
                return
            seen.add((row.kind, what))
            place = shown(binding.resource)
            yield Lever(
                kind=row.kind,
                identity=control.estate.ref(key),
                permission=permission,
                what=what,
                hops=(
                    *chain(graph, found.before, node, start),
                    grant_hop(key, binding, place),
                    Hop(
                        kind="holds",
                        source=binding.role,
                        target=what,
                        text=f"{row.text} {what}: {permission}",
                        origin=binding.origin,
                    ),
                ),
            )


def _lever_doubt(control: Control, found: Reached) -> tuple[Cause, ...]:
    """Return what could add to what an identity can lift."""
    if not found.complete:
        return (Cause(reason="dynamic", symbol=f"more than {MOST} accounts"),)
    if not (control.liftable or control.unread):
        return ()
    causes = list(control.populations())
    for key in doubted(control, found):
        causes.extend(control.doubts(key))
    for key in (*found.visited, *found.pools):
        causes.extend(control.lever_doubts(key))
        causes.extend(control.uncertain(key, lambda _: True))
    causes.extend(found.open)
    causes.extend(_unread(control))
    return distinct(causes)


def _doubt(control: Control, found: Reached, settled: set[str]) -> tuple[Cause, ...]:
    """Return what could add to the accounts that an identity controls."""
    if not found.complete:
        return (Cause(reason="dynamic", symbol=f"more than {MOST} accounts"),)
    causes = [*control.unresolved_workloads, *found.open]
    if not causes and settled >= control.placed.runs.keys():
        return ()
    causes.extend(control.populations())
    for key in doubted(control, found):
        causes.extend(control.doubts(key))
    runs = control.placed.runs
    leading = Leading(
        control,
        found.visited,
        lambda _, account: account in runs and account not in settled,
    )
    for key in (*found.visited, *found.pools):
        causes.extend(control.users(key))
        causes.extend(control.uncertain(key, leading))
    causes.extend(_unread(control))
    causes.extend(control.placed.missing_but(settled))
    return distinct(causes)


def _unresolved_workloads(estate: Estate) -> Iterator[Cause]:
    """Yield why it is not known as what workloads run."""
    workloads: tuple[CloudRun | ComposerEnvironment, ...] = (
        *estate.facts.cloud_runs,
        *estate.facts.composer_environments,
    )
    for fact in workloads:
        yield from _unread_account(fact)


def _unread_account(fact: CloudRun | ComposerEnvironment) -> Iterator[Cause]:
    """Yield why it is not known as what a workload runs."""
    for item in fact.unresolved if fact.service_account is UNSET else ():
        if item.field == "service_account":
            yield Cause(reason=item.reason, symbol=item.symbol)


def _unread(control: Control) -> Iterator[Cause]:
    """Yield which policies that could give further control were not read."""
    snapshot = control.estate.facts.snapshots[0]
    if snapshot.layers.allow != "read":
        yield Cause(reason="layer", symbol="IAM policies of the snapshot")
    if "iam.googleapis.com/ServiceAccount" not in snapshot.asset_types:
        symbol = "asset type iam.googleapis.com/ServiceAccount"
        yield Cause(reason="layer", symbol=symbol)
