"""
What an identity can become, through any chain of control edges.

Only the part of the estate that matters becomes a graph: it grows from the
identities that tasks use. A binding high in the hierarchy is one node that many
holders share, so the graph stays linear in bindings and accounts.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, cast

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
from dagwarden.graph.access import (
    Cause,
    condition_cause,
    distinct,
    role_cause,
    touches,
)
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
from dagwarden.graph.hierarchy import account_resource, short
from dagwarden.graph.principals import account_key, email_of

if TYPE_CHECKING:
    from networkx import DiGraph

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


class _Step(Record, frozen=True, kw_only=True):
    """A permission held on a scope, by one binding."""

    edge: Edge
    permission: str
    scope: str
    binding: Binding
    deploys: Binding | None = None  # the other half of deploying as an account


class Placed:
    """Accounts by every resource on which a permission gives them."""

    def __init__(self, estate: Estate) -> None:
        """Index accounts, workloads and environments under all that is above them."""
        self._estate = estate
        self._at: dict[Place, dict[str, list[tuple[str, str]]]] = {}
        self.runs: dict[str, list[str]] = {}  # account -> workloads
        self.projects: dict[str, str | None] = {}  # account -> its project
        self._place_workloads()
        for key in sorted({*self._accounts(), *self.runs}):
            self._place_account(key)

    def of(self, place: Place, scope: str) -> list[tuple[str, str]]:
        """Return (account, resource behind which it stands) under a scope."""
        return self._at.get(place, {}).get(scope, [])

    def _accounts(self) -> Iterator[str]:
        for identity in self._estate.facts.identities:
            if identity.kind == "service_account":
                yield identity.key

    def _put(self, place: Place, names: Iterable[str], key: str, what: str) -> None:
        index = self._at.setdefault(place, {})
        for name in names:
            index.setdefault(name, []).append((key, what))

    def _place_account(self, key: str) -> None:
        hierarchy = self._estate.hierarchy
        resource = account_resource(email_of(key) or key)
        names = hierarchy.lineage(resource).names
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
        self._steps: dict[str, tuple[_Step, ...]] = {}
        self._doubts: dict[str, tuple[Cause, ...]] = {}
        self._open: tuple[tuple[Cause, frozenset[str] | None], ...] | None = None

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
            held = access.roles.surely(binding.role)
            for permission in sorted(held & CONTROLLING):
                for edge in BY_PERMISSION.get(permission, ()):
                    if edge.certain and not self._guarded(permission):
                        yield self._step(edge, permission, binding)
        yield from self._deployments(sure)

    def _plain(self, binding: Binding) -> bool:
        return binding.condition is None

    def _guarded(self, permission: str) -> bool:
        """Tell whether any deny policy or boundary may take the permission away."""
        layers = self.estate.facts.snapshots[0].layers
        if "partly" in (layers.deny, layers.boundary):
            return True
        return any(touches(item, permission) for item in self.estate.facts.guardrails)

    def _step(self, edge: Edge, permission: str, binding: Binding) -> _Step:
        scope = self.estate.hierarchy.canonical(binding.resource)
        return _Step(edge=edge, permission=permission, scope=scope, binding=binding)

    def _deployments(self, sure: list[Binding]) -> Iterator[_Step]:
        """Yield what actAs gives together with a permission to deploy code."""
        roles = self.estate.access.roles
        acts = [item for item in sure if ACT_AS in roles.surely(item.role)]
        deploys = [
            (item, permission)
            for item in sure
            for permission in DEPLOY
            if permission in roles.surely(item.role) and not self._guarded(permission)
        ]
        if not deploys or self._guarded(ACT_AS):
            return
        for act in acts:
            yield _Step(
                edge=_DEPLOY_EDGE,
                permission=ACT_AS,
                scope=self.estate.hierarchy.canonical(act.resource),
                binding=act,
                deploys=deploys[0][0],
            )

    def deployable(self, key: str) -> frozenset[str]:
        """Return the scopes in which an identity surely may deploy code."""
        access, hierarchy = self.estate.access, self.estate.hierarchy
        scopes: set[str] = set()
        for binding in access.bindings_of(key):
            held = access.roles.surely(binding.role)
            if self._plain(binding) and any(
                name in held and not self._guarded(name) for name in DEPLOY
            ):
                scope = hierarchy.canonical(binding.resource)
                scopes.add(
                    hierarchy.project_of(scope) or scope
                    if scope.startswith("//run.")
                    else scope
                )
        return frozenset(scopes)

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
            for guardrail in self.estate.facts.guardrails:
                if any(touches(guardrail, name) for name in unsure):
                    yield Cause(reason="guardrail", symbol=guardrail.name)

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
                )
        return tuple(sorted(found))


_DEPLOY_EDGE = Edge(
    kind="CAN_DEPLOY_AS",
    permissions=(ACT_AS,),
    place="account",
    text="deploys code that runs as",
    source="cloud.google.com/iam/docs/service-account-permissions",
)


# --------------------------------------------------------------------------- the graph


def control_graph(control: Control, roots: Iterable[str]) -> "DiGraph[str]":
    """
    Return the graph of what the roots can become.

    Nodes are identity keys and, between them, `EDGE SCOPE` nodes shared by all who
    hold that edge on that scope. Every edge into such a node carries its `_Step`.
    """
    from networkx import DiGraph

    graph: DiGraph[str] = DiGraph()
    owned = frozenset(roots)
    frontier = sorted(owned)
    graph.add_nodes_from(frontier)
    seen = set(frontier)
    while frontier:
        node = frontier.pop()
        for step, hub in _hubs(control, node, node in owned):
            fresh = hub not in graph
            graph.add_edge(node, hub, step=step)
            if fresh:
                for account, what in _targets(control, node, step):
                    target = _target_node(step.edge, account)
                    graph.add_edge(hub, target, what=what)
                    if target not in seen and not target.startswith("invoke "):
                        seen.add(target)
                        frontier.append(target)
    return graph


def _hubs(control: Control, node: str, owned: bool) -> Iterator[tuple[_Step, str]]:
    delegate = node.startswith("delegate ")
    key = node.removeprefix("delegate ")
    for step in control.steps(key):
        if delegate and step.edge.kind not in PASSED_ON:
            continue
        shared = step.deploys is None and not (
            owned and step.edge.kind == "CAN_RUN_WITH_OVERRIDES"
        )
        who = "" if shared else f" by {key}"
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


def reached(
    control: Control,
    graph: "DiGraph[str]",
    user: User,
) -> dict[str, tuple[Hop, ...]]:
    """Return the accounts an identity can become, each with a shortest chain."""
    from networkx import bfs_predecessors

    before = dict(bfs_predecessors(_without_own_jobs(graph, user), user.key))
    chains: dict[str, tuple[Hop, ...]] = {}
    for node in before:
        account = node.removeprefix("invoke ")
        identity = "@" in node and " " not in account
        if identity and account not in chains and account != user.key:
            full = account if account in before else node
            chains[account] = tuple(_chain(control, graph, before, full, user.key))
    return chains


def _without_own_jobs(graph: "DiGraph[str]", user: User) -> "DiGraph[str]":
    """Leave out the control that running its own jobs with overrides gives."""
    from networkx import restricted_view

    own = [
        (hub, account)
        for key in (user.key, *sorted(user.declared))
        if key in graph
        for hub in graph[key]
        if hub.startswith("CAN_RUN_WITH_OVERRIDES")
        for account, data in graph[hub].items()
        if data["what"] in user.jobs
    ]
    # a view of a directed graph is one, which its stubs do not say
    return cast("DiGraph[str]", restricted_view(graph, [], own)) if own else graph


def _chain(
    control: Control,
    graph: "DiGraph[str]",
    before: Mapping[str, str],
    node: str,
    start: str,
) -> Iterator[Hop]:
    """Yield the hops from the start to a node, in order."""
    nodes = [node]
    while nodes[-1] != start:
        nodes.append(before[nodes[-1]])
    nodes.reverse()
    for holder, hub, target in zip(nodes[::2], nodes[1::2], nodes[2::2], strict=False):
        step: _Step = graph[holder][hub]["step"]
        yield from step_hops(control, holder, step, target, graph[hub][target]["what"])


def step_hops(
    control: Control, holder: str, step: _Step, target: str, what: str
) -> Iterator[Hop]:
    """Yield the hops of one control edge: the grant, and what it makes possible."""
    who, account = holder.rpartition(" ")[2], target.rpartition(" ")[2]
    binding = step.binding
    yield Hop(
        kind="granted",
        source=who,
        target=binding.role,
        text=f"{binding.role} granted on {short(binding.resource)}",
        origin=binding.origin,
    )
    if step.deploys is not None and step.deploys is not binding:
        yield Hop(
            kind="granted",
            source=who,
            target=step.deploys.role,
            text=f"{step.deploys.role} granted on {short(step.deploys.resource)}",
            origin=step.deploys.origin,
        )
    behind = (
        "" if what == account_resource(email_of(account) or "") else f" ({short(what)})"
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
    graph = control_graph(control, (user.key for user in users))
    populations = control.populations()
    return tuple(_reach(control, graph, user, populations) for user in users)


def _reach(
    control: Control,
    graph: "DiGraph[str]",
    user: User,
    populations: tuple[Cause, ...],
) -> Reach:
    estate, runs = control.estate, control.placed.runs
    chains = reached(control, graph, user)
    excluded = {user.key, *user.declared}
    controls = tuple(
        Controlled(
            identity=estate.access.ref(account),
            permission=chains[account][-1].text.rpartition(": ")[2],
            runs=tuple(sorted(runs[account])),
            hops=chains[account],
        )
        for account in sorted(chains)
        if account in runs and account not in excluded
    )
    left = set(runs) - excluded - {item.identity.key for item in controls}
    doubt = _doubt(control, user, chains, populations, left)
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
    user: User,
    chains: Mapping[str, tuple[Hop, ...]],
    populations: tuple[Cause, ...],
    left: set[str],
) -> tuple[Cause, ...]:
    """Return what could add to the accounts that an identity controls."""
    found: list[Cause] = list(_unresolved_workloads(control.estate))
    if not left and not found:
        return ()
    found.extend(populations)
    for key in (user.key, *chains):
        found.extend(control.doubts(key))
        found.extend(_uncertain(control, key, left))
    found.extend(_unread(control, left))
    return distinct(found)


def _uncertain(control: Control, key: str, left: set[str]) -> Iterator[Cause]:
    """Yield permissions whose effect depends on what is not read yet."""
    access = control.estate.access
    for binding in access.bindings_of(key):
        scope = control.estate.hierarchy.canonical(binding.resource)
        held = access.roles.surely(binding.role)
        # elsewhere than in the account's project, or through a virtual machine
        if ACT_AS in held and _any(control, "account", scope, left):
            symbol = f"deployments as accounts of {short(scope)}"
            yield Cause(reason="layer", symbol=symbol)
        for permission in sorted(held & BY_PERMISSION.keys()):
            for edge in BY_PERMISSION[permission]:
                if not edge.certain and _any(control, edge.place, scope, left):
                    symbol = f"ssh to workloads in {short(scope)}"
                    yield Cause(reason="layer", symbol=symbol)


def _any(control: Control, place: Place, scope: str, left: set[str]) -> bool:
    return any(account in left for account, _ in control.placed.of(place, scope))


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


def _unread(control: Control, left: set[str]) -> Iterator[Cause]:
    """Yield which policies that could give further control were not read."""
    snapshot = control.estate.facts.snapshots[0]
    if snapshot.layers.allow != "read":
        yield Cause(reason="layer", symbol="IAM policies of the snapshot")
    if "iam.googleapis.com/ServiceAccount" not in snapshot.asset_types:
        symbol = "asset type iam.googleapis.com/ServiceAccount"
        yield Cause(reason="layer", symbol=symbol)
    for key in sorted(left):
        resource = account_resource(email_of(key) or key)
        for missing in control.estate.hierarchy.lineage(resource).missing:
            yield Cause(reason=missing.reason, symbol=missing.symbol)
