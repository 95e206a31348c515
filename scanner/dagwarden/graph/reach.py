"""
What an identity can become, through any chain of control edges.

Only the part of the estate that matters becomes a graph: it grows from the
identities that tasks use. A binding high in the hierarchy is one node that many
holders share, so the graph stays linear in bindings and accounts.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import TypeAlias

from msgspec import UNSET

from dagwarden.facts import (
    Binding,
    CloudRun,
    ComposerEnvironment,
    Controlled,
    Hop,
    Reach,
    Record,
)
from dagwarden.graph.access import Cause, distinct, role_cause
from dagwarden.graph.access.conditions import condition_cause
from dagwarden.graph.edges import (
    ACT_AS,
    BY_PERMISSION,
    CONTROLLING,
    DEPLOY,
    PASSED_ON,
    Edge,
    Place,
)
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.principals import account_key, email_of

MOST = 50  # accounts listed per identity
_PROJECT = "//cloudresourcemanager.googleapis.com/projects/"
_FOLDER = "//cloudresourcemanager.googleapis.com/folders/"
_ORGANIZATION = "//cloudresourcemanager.googleapis.com/organizations/"


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


class _Step(Record, frozen=True, kw_only=True):
    """A permission held on a scope, by one binding."""

    edge: Edge
    permission: str
    scope: str
    binding: Binding
    deploys: Binding | None = None  # the other half of deploying as an account


_Stands: TypeAlias = tuple[int, str, str]  # order, account, resource


class Placed:
    """Accounts by every resource on which a permission gives them."""

    def __init__(self, estate: Estate) -> None:
        """Index accounts, workloads and environments under all that is above them."""
        self._estate = estate
        # by place and resource: what stands there, and below which containers, in order
        self._own: dict[Place, dict[str, list[_Stands]]] = {}
        self._below: dict[Place, dict[tuple[str, ...], list[_Stands]]] = {}
        self._under: dict[Place, dict[str, list[list[_Stands]]]] = {}
        self._at: dict[tuple[Place, str], list[tuple[str, str]]] = {}
        self._order = count()
        self.runs: dict[str, list[str]] = {}  # account -> workloads
        self.projects: dict[str, str | None] = {}  # account -> its project
        self.missing: dict[str, tuple[Cause, ...]] = {}  # policies above, not read
        self._place_workloads()
        for key in sorted({*self._accounts(), *self.runs}):
            self._place_account(key)

    def of(self, place: Place, scope: str) -> list[tuple[str, str]]:
        """Return (account, resource behind which it stands) under a scope."""
        found = self._at.get((place, scope))
        if found is None:
            found = self._at[place, scope] = self._find(place, scope)
        return found

    def _find(self, place: Place, scope: str) -> list[tuple[str, str]]:
        stands = list(self._own.get(place, {}).get(scope, ()))
        for inside in self._containing(place).get(scope, ()):
            stands += inside
        return [(key, what) for _, key, what in sorted(stands)]

    def _containing(self, place: Place) -> dict[str, list[list[_Stands]]]:
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

    def _put(self, place: Place, names: tuple[str, ...], key: str, what: str) -> None:
        """
        Note what stands at the first of `names`, below all the others.

        Many have the same above them: what is below a container is found when asked.
        """
        stands = (next(self._order), key, what)
        own = self._own.setdefault(place, {})
        own.setdefault(names[0], []).append(stands)
        if len(names) > 1:
            below = self._below.setdefault(place, {})
            below.setdefault(names[1:], []).append(stands)

    def _place_account(self, key: str) -> None:
        hierarchy = self._estate.hierarchy
        resource = account_resource(email_of(key) or key)
        lineage = hierarchy.lineage(resource)
        names = lineage.names
        if lineage.missing and key in self.runs:
            self.missing[key] = tuple(
                Cause(reason=item.reason, symbol=item.symbol)
                for item in lineage.missing
            )
        self.projects[key] = hierarchy.project_of(resource)
        self._put("account", names, key, resource)
        above: tuple[tuple[Place, str], ...] = (
            ("project_policy", _PROJECT),
            ("folder_policy", _FOLDER),
            ("organization_policy", _ORGANIZATION),
        )
        for place, prefix in above:
            start = next(
                (i for i, name in enumerate(names) if name.startswith(prefix)), None
            )
            if start is not None:
                self._put(place, names[start:], key, resource)

    def _place_workloads(self) -> None:
        hierarchy = self._estate.hierarchy
        for run in self._estate.facts.cloud_runs:
            if not isinstance(run.service_account, str):
                continue
            key = account_key(run.service_account)
            name = hierarchy.canonical(run.resource)
            self.runs.setdefault(key, []).append(run.resource)
            names = hierarchy.lineage(name).names
            self._put("workload", names, key, name)
            if run.kind == "job":
                self._put("job", names, key, name)
        for environment in self._estate.facts.composer_environments:
            if not isinstance(environment.service_account, str):
                continue
            key = account_key(environment.service_account)
            name = hierarchy.canonical(environment.resource)
            self.runs.setdefault(key, []).append(environment.resource)
            self._put("environment", hierarchy.lineage(name).names, key, name)
            if isinstance(environment.dag_bucket, str):
                bucket = bucket_name(environment.dag_bucket)
                names = hierarchy.lineage(bucket).names
                self._put("dag_bucket", names, key, environment.resource)


def bucket_name(bucket: str) -> str:
    """Return the resource name of a bucket given as `gs://b/dags`, or bare."""
    bare = bucket.removeprefix("//storage.googleapis.com/").removeprefix("gs://")
    return f"//storage.googleapis.com/{bare.partition('/')[0]}"


class Control:
    """Control edges out of identities, found on demand."""

    def __init__(self, estate: Estate) -> None:
        """Prepare the indexes over the estate."""
        self.estate = estate
        self.placed = Placed(estate)
        self.unresolved_workloads = tuple(set(_unresolved_workloads(estate)))
        guarded = {name for name in (*CONTROLLING, *DEPLOY) if self._guarded(name)}
        self._controlling = CONTROLLING - guarded
        self._deploying = frozenset(DEPLOY) - guarded
        self._steps: dict[str, tuple[_Step, ...]] = {}
        self._doubts: dict[str, tuple[Cause, ...]] = {}
        self._populations: tuple[Cause, ...] | None = None
        self._deployable: dict[str, frozenset[str]] = {}
        self._deployers: dict[frozenset[str], int] = {}

    # --------------------------------------------------------------- sure edges

    def steps(self, key: str) -> tuple[_Step, ...]:
        """Return the control permissions that an identity surely holds."""
        found = self._steps.get(key)
        if found is None:
            found = self._steps[key] = tuple(self._find_steps(key))
        return found

    def _find_steps(self, key: str) -> Iterator[_Step]:
        access = self.estate.access
        sure = [item for item in access.bindings_of(key) if self._plain(item)]
        sure.sort(key=lambda item: item.id)
        for binding in sure:
            held = access.roles.surely(binding.role) & self._controlling
            for permission in sorted(held):
                for edge in BY_PERMISSION.get(permission, ()):
                    if edge.certain:
                        yield self._step(edge, permission, binding)
        yield from self._deployments(sure)

    def _plain(self, binding: Binding) -> bool:
        return binding.condition is None

    def _guarded(self, permission: str) -> bool:
        """Tell whether any deny policy or boundary may take the permission away."""
        return self.estate.access.guarded(permission)

    def _step(self, edge: Edge, permission: str, binding: Binding) -> _Step:
        scope = self.estate.hierarchy.canonical(binding.resource)
        return _Step(edge=edge, permission=permission, scope=scope, binding=binding)

    def _deployments(self, sure: list[Binding]) -> Iterator[_Step]:
        """Yield what actAs gives together with a permission to deploy code."""
        roles = self.estate.access.roles
        if ACT_AS not in self._controlling:
            return
        acts = [item for item in sure if ACT_AS in roles.surely(item.role)]
        deploys = [item for item in sure if roles.surely(item.role) & self._deploying]
        if not deploys:
            return
        for act in acts:
            yield _Step(
                edge=_DEPLOY_EDGE,
                permission=ACT_AS,
                scope=self.estate.hierarchy.canonical(act.resource),
                binding=act,
                deploys=deploys[0],
            )

    def deployable(self, key: str) -> frozenset[str]:
        """Return the scopes in which an identity surely may deploy code."""
        found = self._deployable.get(key)
        if found is None:
            found = self._deployable[key] = frozenset(self._find_deployable(key))
        return found

    def deployer(self, key: str) -> int:
        """Return a number that all who may deploy in the same scopes share."""
        return self._deployers.setdefault(self.deployable(key), len(self._deployers))

    def _find_deployable(self, key: str) -> Iterator[str]:
        access, hierarchy = self.estate.access, self.estate.hierarchy
        for binding in access.bindings_of(key):
            held = access.roles.surely(binding.role) & self._deploying
            if held and self._plain(binding):
                scope = hierarchy.canonical(binding.resource)
                run = scope.startswith("//run.googleapis.com/")
                yield (hierarchy.project_of(scope) or scope) if run else scope

    # ---------------------------------------------------------------- uncertainty

    def doubts(self, key: str) -> tuple[Cause, ...]:
        """Return what could give the identity further control, by its bindings."""
        found = self._doubts.get(key)
        if found is None:
            found = self._doubts[key] = distinct(self._find_doubts(key))
        return found

    def _find_doubts(self, key: str) -> Iterator[Cause]:
        access = self.estate.access
        for binding in access.bindings_of(key):
            unsure = access.roles.perhaps(binding.role) & CONTROLLING
            if not self._could_matter(binding, unsure):
                continue
            if binding.condition is not None:
                yield condition_cause(binding)
            if access.roles.modelled(binding.role) is None:
                yield role_cause(binding.role)
            for name in sorted(unsure):
                if access.guarded(name):
                    symbol = f"what is denied of {name}"
                    yield Cause(reason="guardrail", symbol=symbol)

    def _could_matter(self, binding: Binding, permissions: Iterable[str]) -> bool:
        """Tell whether permissions on a binding's resource give any account."""
        scope = self.estate.hierarchy.canonical(binding.resource)
        for permission in permissions:
            if permission == ACT_AS and self.placed.of("account", scope):
                return True
            for edge in BY_PERMISSION.get(permission, ()):
                if edge.certain and self.placed.of(edge.place, scope):
                    return True
        return False

    def populations(self) -> tuple[Cause, ...]:
        """Return the groups whose members could control accounts."""
        if self._populations is None:
            self._populations = self._find_populations()
        return self._populations

    def _find_populations(self) -> tuple[Cause, ...]:
        access = self.estate.access
        found: set[Cause] = set()
        for binding in access.open_bindings():
            held = access.roles.perhaps(binding.role) & CONTROLLING
            if held and self._could_matter(binding, held):
                found.update(
                    Cause(reason="membership", symbol=member)
                    for member in access.members(binding)
                    if member.startswith(
                        ("group:", "customer:", "principalSet://cloud")
                    )
                    and access.membership.unlisted(member)
                )
        return distinct(found)


_DEPLOY_EDGE = Edge(
    kind="CAN_DEPLOY_AS",
    permissions=(ACT_AS,),
    place="account",
    text="deploys code that runs as",
    source="cloud.google.com/iam/docs/service-account-permissions",
)


# --------------------------------------------------------------------------- the graph


class ControlGraph:
    """
    The graph of what identities can become, grown where someone walks.

    Nodes are identity keys and, between them, `EDGE PERMISSION SCOPE` nodes shared by
    all who hold that edge on that scope. An edge into such a node carries its `_Step`,
    one out of it the resource behind which the account stands.
    """

    def __init__(self, control: Control, roots: Iterable[str]) -> None:
        """Start from the identities to walk from."""
        from networkx import DiGraph

        self.control = control
        self.graph: DiGraph[str] = DiGraph()
        self._roots = frozenset(roots)
        self._grown: set[str] = set()

    def after(self, node: str) -> Iterable[str]:
        """Return the nodes after an identity or a shared node."""
        if node not in self._grown:
            self._grown.add(node)
            self.graph.add_node(node)
            if "@" in node and " //" not in node and not node.startswith("invoke "):
                self._grow(node)
        return self.graph[node]

    def _grow(self, node: str) -> None:
        for step, hub in _hubs(self.control, node, node in self._roots):
            fresh = hub not in self.graph
            self.graph.add_edge(node, hub, step=step)
            if fresh:
                for account, what in _targets(self.control, node, step):
                    target = _target_node(step.edge, account)
                    self.graph.add_edge(hub, target, what=what)


def _hubs(control: Control, node: str, owned: bool) -> Iterator[tuple[_Step, str]]:
    delegate = node.startswith("delegate ")
    key = node.removeprefix("delegate ")
    for step in control.steps(key):
        if delegate and step.edge.kind not in PASSED_ON:
            continue
        who = ""
        if owned and step.edge.kind == "CAN_RUN_WITH_OVERRIDES":
            who = f" by {key}"
        elif step.deploys is not None:
            who = f" by deployers {control.deployer(key)}"
        yield step, f"{step.edge.kind} {step.permission} {step.scope}{who}"


def _targets(control: Control, node: str, step: _Step) -> Iterator[tuple[str, str]]:
    found = control.placed.of(step.edge.place, step.scope)
    if step.deploys is None:
        yield from found
        return
    scopes = control.deployable(node)
    hierarchy = control.estate.hierarchy
    for account, what in found:
        project = control.placed.projects.get(account)
        if project is not None and hierarchy.within(project, scopes):
            yield account, what


def _target_node(edge: Edge, account: str) -> str:
    if edge.gives == "invocation":
        return f"invoke {account}"
    return f"delegate {account}" if edge.gives == "delegation" else account


class Reached(Record, frozen=True, kw_only=True):
    """What a walk along control edges found."""

    chains: dict[str, tuple[Hop, ...]]  # account -> a shortest chain; nearest first
    visited: tuple[str, ...]  # every identity that can be become on the way
    complete: bool  # False: there are more than `MOST`


def reached(
    graph: ControlGraph, user: User, wanted: Callable[[str, bool], bool]
) -> Reached:
    """
    Return the wanted accounts that an identity can become, nearest first.

    `wanted(account, invokes)` chooses; `invokes` tells that only calls to services
    can be made as the account. The walk ends past the nearest `MOST`: nothing new is
    learnt there, and an estate where all reaches all has no end.
    """
    before: dict[str, str] = {}
    found: dict[str, str] = {}  # account -> the node by which it is reached
    visited = [user.key]
    complete = True
    for parent, node in _walk(graph, user):
        before[node] = parent
        account = node.removeprefix("invoke ")
        if " " in account:
            continue
        invokes = node != account
        if not invokes:
            visited.append(node)
        if not wanted(account, invokes):
            continue
        if account not in found and len(found) == MOST:
            complete = False
            break
        if account not in found or not invokes:
            found[account] = node
    chains = _chains(graph, before, found, user.key)
    return Reached(chains=chains, visited=tuple(visited), complete=complete)


def _walk(graph: ControlGraph, user: User) -> Iterator[tuple[str, str]]:
    """
    Yield the edges of a breadth-first walk, each node once.

    The control that running its own jobs with overrides gives is left out: tasks use
    it on purpose, as itself or as an account they impersonate on purpose.
    """
    whom = {user.key, *user.declared}
    seen, queue = {user.key}, deque([user.key])
    while queue:
        node = queue.popleft()
        own = (
            node.startswith("CAN_RUN_WITH_OVERRIDES")
            and node.rpartition(" by ")[2] in whom
        )
        for after in graph.after(node):
            if after in seen or (own and _what(graph, node, after) in user.jobs):
                continue
            seen.add(after)
            queue.append(after)
            yield node, after


def _what(graph: ControlGraph, hub: str, node: str) -> str:
    what: str = graph.graph[hub][node]["what"]
    return what


def _chains(
    graph: ControlGraph,
    before: Mapping[str, str],
    found: Mapping[str, str],
    start: str,
) -> dict[str, tuple[Hop, ...]]:
    return {
        account: tuple(_chain(graph, before, node, start))
        for account, node in found.items()
    }


def _chain(
    graph: ControlGraph, before: Mapping[str, str], node: str, start: str
) -> Iterator[Hop]:
    """Yield the hops from the start to a node, in order."""
    nodes = [node]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    nodes.reverse()
    for holder, hub, target in zip(nodes[::2], nodes[1::2], nodes[2::2], strict=False):
        step: _Step = graph.graph[holder][hub]["step"]
        yield from step_hops(
            graph.control.estate.hierarchy.shown,
            holder,
            step,
            target,
            _what(graph, hub, target),
        )


def step_hops(
    shown: Callable[[str], str], holder: str, step: _Step, target: str, what: str
) -> Iterator[Hop]:
    """Yield the hops of one control edge: the grant, and what it makes possible."""
    who, account = holder.rpartition(" ")[2], target.rpartition(" ")[2]
    binding = step.binding
    yield Hop(
        kind="granted",
        source=who,
        target=binding.role,
        text=f"{binding.role} granted on {shown(binding.resource)}",
        origin=binding.origin,
    )
    if step.deploys is not None and step.deploys is not binding:
        yield Hop(
            kind="granted",
            source=who,
            target=step.deploys.role,
            text=f"{step.deploys.role} granted on {shown(step.deploys.resource)}",
            origin=step.deploys.origin,
        )
    behind = (
        "" if what == account_resource(email_of(account) or "") else f" ({shown(what)})"
    )
    yield Hop(
        kind="can_become",
        source=who,
        target=account,
        text=f"{step.edge.text} {email_of(account)}{behind}: {step.permission}",
        origin=binding.origin,
    )


# ------------------------------------------------------------------------------ facts


def derive_reaches(estate: Estate, users: Iterable[User]) -> tuple[Reach, ...]:
    """Return what each identity that tasks use can become."""
    users = sorted(users, key=lambda user: user.key)
    control = Control(estate)
    graph = ControlGraph(control, (user.key for user in users))
    populations = control.populations()
    return tuple(_reach(graph, user, populations) for user in users)


def _reach(graph: ControlGraph, user: User, populations: tuple[Cause, ...]) -> Reach:
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
            identity=estate.access.ref(account),
            permission=found.chains[account][-1].text.rpartition(": ")[2],
            runs=tuple(sorted(runs[account])),
            hops=found.chains[account],
        )
        for account in sorted(found.chains)
    )
    settled = excluded.union(found.chains)
    doubt = _doubt(control, found, populations, settled)
    if controls and user.undeclared:  # one of them may be what a task declares
        controls, doubt = (), distinct((*user.undeclared, *doubt))
    return Reach(
        id=f"reach:{user.key}",
        origin=estate.facts.snapshots[0].origin,
        unresolved=unresolved(doubt, "controls"),
        identity=estate.access.ref(user.key),
        environments=user.environments,
        dags=user.dags,
        controls=UNSET if doubt else controls,
        controls_known=controls,
    )


def _doubt(
    control: Control,
    found: Reached,
    populations: tuple[Cause, ...],
    settled: set[str],
) -> tuple[Cause, ...]:
    """Return what could add to the accounts that an identity controls."""
    if not found.complete:
        return (Cause(reason="dynamic", symbol=f"more than {MOST} accounts"),)
    causes = list(control.unresolved_workloads)
    if not causes and settled >= control.placed.runs.keys():
        return ()
    causes.extend(populations)
    for key in found.visited:
        causes.extend(control.doubts(key))
        causes.extend(_uncertain(control, key, settled))
    causes.extend(_unread(control, settled))
    return distinct(causes)


def _uncertain(control: Control, key: str, settled: set[str]) -> Iterator[Cause]:
    """Yield permissions whose effect depends on what is not read yet."""
    access = control.estate.access
    for binding in access.bindings_of(key):
        scope = control.estate.hierarchy.canonical(binding.resource)
        held = access.roles.surely(binding.role)
        # elsewhere than in the account's project, or through a virtual machine
        if ACT_AS in held and _more(control, "account", scope, settled):
            symbol = (
                f"deployments as accounts of {control.estate.hierarchy.shown(scope)}"
            )
            guards = tuple(access.unread_guards())
            yield from guards or (Cause(reason="layer", symbol=symbol),)
        for permission in sorted(held & BY_PERMISSION.keys()):
            for edge in BY_PERMISSION[permission]:
                if not edge.certain and _more(control, edge.place, scope, settled):
                    symbol = (
                        f"ssh to workloads in {control.estate.hierarchy.shown(scope)}"
                    )
                    yield Cause(reason="layer", symbol=symbol)


def _more(control: Control, place: Place, scope: str, settled: set[str]) -> bool:
    """Tell whether a scope holds workloads' accounts that are not settled yet."""
    return any(
        account not in settled and account in control.placed.runs
        for account, _ in control.placed.of(place, scope)
    )


def _unresolved_workloads(estate: Estate) -> Iterator[Cause]:
    """Yield why it is not known as what a workload runs."""
    workloads: tuple[CloudRun | ComposerEnvironment, ...] = (
        *estate.facts.cloud_runs,
        *estate.facts.composer_environments,
    )
    for fact in workloads:
        if fact.service_account is UNSET:
            for item in fact.unresolved:
                if item.field == "service_account":
                    yield Cause(reason=item.reason, symbol=item.symbol)


def _unread(control: Control, settled: set[str]) -> Iterator[Cause]:
    """Yield which policies that could give further control were not read."""
    snapshot = control.estate.facts.snapshots[0]
    if snapshot.layers.allow != "read":
        yield Cause(reason="layer", symbol="IAM policies of the snapshot")
    if "iam.googleapis.com/ServiceAccount" not in snapshot.asset_types:
        symbol = "asset type iam.googleapis.com/ServiceAccount"
        yield Cause(reason="layer", symbol=symbol)
    for key, causes in control.placed.missing.items():
        if key not in settled:
            yield from causes
