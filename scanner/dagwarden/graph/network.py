"""
The part of the estate that matters, as a networkx graph with typed edges.

Nodes are tasks, connections, identities and resources. An edge that makes its source
become its target has `control` set: follow those, and no other, to find what can be
reached through chains. A call never gives the identity that its target runs as.
"""

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import UNSET

from dagwarden.facts import Facts, Grant, Hop, Origin, Path, Reach
from dagwarden.graph.speakers import works

if TYPE_CHECKING:
    from networkx import MultiDiGraph

    Network: TypeAlias = MultiDiGraph[str]

_USERS = "all users of the Workspace"
# Hops by which a task gets to whom it acts as.
_ACTING = frozenset(
    {"task", "uses_connection", "runs_as", "authenticates_as", "impersonates"}
)
_CONTROL = frozenset({"runs_as", "authenticates_as", "impersonates", "can_become"})
_Edge: TypeAlias = tuple[str, str, dict[str, Any]]


def network(facts: Facts) -> "Network":
    """
    Return the graph of derived facts.

    Nodes have `kind` (`environment`, `task`, `connection`, `identity`, `key`, `resource`)
    and `label`; edges `kind`, `control`, `text`, and `origin` and `line` of where that was
    read:

    - the kinds of `Hop` from an environment through a task to whom it acts as, and
      `can_become` for what that identity can become beside; `authenticates_as` from a
      key that works, whoever has it, to its account;
    - `granted`, an identity on a resource, with `role`, `binding` and `used`;
    - `acts_for`, an identity on all users of the Workspace, by domain-wide delegation to
      it or to an account that it can become;
    - `calls`, a task on a resource, with `allowed`, `needs` and `lacks`;
    - `runs_as`, a resource as its account: not `control`, for callers do not get it.

    What is not known is missing: an attribute (whether an impersonation is allowed:
    `control`), or an edge.
    """
    from networkx import MultiDiGraph

    graph: Network = MultiDiGraph()
    edges = {json.dumps(edge, sort_keys=True): edge for edge in _edges(facts)}
    names = {name for source, target, _ in edges.values() for name in (source, target)}
    for name in sorted(names):
        graph.add_node(name, kind=_kind(name), label=_label(name))
    for key in sorted(edges):
        source, target, attributes = edges[key]
        graph.add_edge(source, target, **attributes)
    return graph


def as_graphml(graph: "Network") -> str:
    """Return the graph as GraphML; what XML cannot hold is spelled out."""
    from networkx import generate_graphml

    return "\n".join(generate_graphml(graph)) + "\n"


def as_node_link(graph: "Network") -> str:
    """Return the graph as networkx's node-link JSON."""
    from networkx import node_link_data

    data = node_link_data(graph, edges="edges")
    return json.dumps(data, indent=1, sort_keys=True) + "\n"


def _edges(facts: Facts) -> Iterator[_Edge]:
    judged = {path.task for path in facts.paths}
    for task in facts.task_identities:
        if task.task not in judged:
            yield from _acting(task.hops, task.environment, task.task, None)
    for path in facts.paths:
        yield from _acting(path.hops, path.environment, path.task, path)
        yield from _call(path)
    for reach in facts.reaches:
        yield from _control(reach)
        if reach.delegated:
            text = f"acts as any user for {', '.join(reach.delegated)}"
            origin = reach.origin
            yield _edge(reach.identity.key, _USERS, "acts_for", text, origin, None)
    for grant in facts.grants:
        if grant.used_by_tasks:
            yield _grant(grant)
    yield from _keys(facts)
    met = {path.target for path in facts.paths}
    met.update(name for reach in facts.reaches for name in _runs(reach))
    for run in facts.cloud_runs:
        if run.resource in met and isinstance(run.service_account, str):
            account = f"serviceAccount:{run.service_account}"
            text = f"runs as {run.service_account}"
            yield _edge(run.resource, account, "runs_as", text, run.origin, False)


def _keys(facts: Facts) -> Iterator[_Edge]:
    """Yield who else is an account that tasks act as: whoever has one of its keys."""
    used = {reach.identity.key for reach in facts.reaches}
    as_of = facts.snapshots[0].as_of if facts.snapshots else None
    moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else None
    for key in facts.keys:
        account = f"serviceAccount:{key.account}"
        if account in used and key.user_managed is True and works(key, moment):
            text = f"whoever has key {key.key_id} is {key.account}"
            yield _edge(key.id, account, "authenticates_as", text, key.origin, True)


def _runs(reach: Reach) -> Iterator[str]:
    for controlled in reach.controls_known:
        yield from controlled.runs


def _acting(
    hops: tuple[Hop, ...], environment: str, task: str, path: Path | None
) -> Iterator[_Edge]:
    """Yield the edges to whom a task acts as; names are its environment's."""
    label = next((hop.target for hop in hops if hop.kind == "task"), "")

    def name(text: str) -> str:
        kind, space, rest = text.partition(" ")
        if text == label:
            return task
        if space and kind == "environment":
            return f"environment:{rest}"
        if space and kind == "connection":
            return f"connection:{environment}:{rest}"
        return text

    for hop in hops:
        if hop.kind in _ACTING:
            source, target = name(hop.source), name(hop.target)
            control = hop.kind in _CONTROL
            sure = _allowed(hop, path) if hop.kind == "impersonates" else control
            yield _edge(source, target, hop.kind, hop.text, hop.origin, sure)


def _allowed(hop: Hop, path: Path | None) -> bool | None:
    """Tell whether a call may impersonate; None: not known."""
    account = f"@{hop.target.partition(':')[2]}"
    if path is None:
        return None
    if any(need.endswith(account) for need in path.lacks_known):
        return False
    return True if path.lacks is not UNSET else None


def _control(reach: Reach) -> Iterator[_Edge]:
    for controlled in reach.controls_known:
        for hop in controlled.hops:
            if hop.kind == "can_become":
                yield _edge(
                    hop.source, hop.target, hop.kind, hop.text, hop.origin, True
                )


def _grant(grant: Grant) -> _Edge:
    more: dict[str, str | bool] = {"role": grant.role, "binding": grant.binding}
    if isinstance(grant.used_by_calls, bool):
        more["used"] = grant.used_by_calls
    return _edge(
        grant.identity.key,
        grant.resource,
        "granted",
        f"{grant.role} on {grant.resource_label or grant.resource}",
        grant.origin,
        False,
        more,
    )


def _call(path: Path) -> Iterator[_Edge]:
    if path.target is UNSET:
        return
    known: dict[str, str | bool] = {"operation": path.operation}
    if path.allowed is not UNSET:
        known["allowed"] = path.allowed
    if path.needs is not UNSET:
        known["needs"] = " ".join(path.needs)
    if path.lacks is not UNSET:
        known["lacks"] = " ".join(path.lacks)
    text = f"{path.operation} on {path.target}"
    yield _edge(path.task, path.target, "calls", text, path.origin, False, known)


def _edge(
    source: str,
    target: str,
    kind: str,
    text: str,
    origin: Origin | None,
    control: bool | None,
    more: Mapping[str, str | bool] | None = None,
) -> _Edge:
    attributes: dict[str, Any] = {"kind": kind, "text": _plain(text)}
    if control is not None:
        attributes["control"] = control
    if origin is not None:
        attributes["origin"] = _plain(origin.source)
        if origin.line is not None:
            attributes["line"] = origin.line
    for name, value in (more or {}).items():
        attributes[name] = _plain(value) if isinstance(value, str) else value
    return _plain(source), _plain(target), attributes


def _plain(text: str) -> str:
    """Spell out what does not print: XML holds no control characters."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def _kind(name: str) -> str:
    if name.startswith(("//", "http:", "https:")):
        return "resource"
    kind = name.partition(":")[0]
    named = ("environment", "task", "connection", "key")
    return kind if kind in named else "identity"


def _label(name: str) -> str:
    kind = _kind(name)
    if kind == "identity":
        return name.partition(":")[2] or name
    if kind == "resource":
        return name.rpartition("/")[2] or name
    return name.rpartition(":")[2]
