"""
Questions in Python: the same that `dagwarden explain` and `suggest` answer.

    from dagwarden import ask

    estate = ask.load(config="operator.toml")
    estate.explain("nightly.run_job", "run.jobs.run", "job load").answer
    graph = estate.graph()  # a networkx MultiDiGraph

Everything is read once, when it is loaded; nothing is executed, and no connection is
opened. Records are frozen msgspec structs of `dagwarden.findings` and
`dagwarden.facts`. Errors are `dagwarden.errors.DagwardenError`, a line each.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dagwarden import job
from dagwarden.answers import Explanation, Holders, Holdings, Suggestion
from dagwarden.facts import Facts
from dagwarden.sources.estate import no_progress

if TYPE_CHECKING:
    from dagwarden.graph.explain import Asked
    from dagwarden.graph.network import Network


def load(
    dags: str | Path | Iterable[str | Path] = (),
    *,
    config: str | Path | None = None,
    snapshots: str | Path | Iterable[str | Path] = (),
    connections: str | Iterable[str] = (),
    runs_as: str | None = None,
    as_of: str | None = None,
    claims: str | Path | None = None,
) -> "Estate":
    """
    Read an estate, as the options of the same names on the command line do.

    `dags` are files or folders, `snapshots` Cloud Asset exports or snapshots of
    dagwarden, `connections` are `KIND:FILE` (one or several of each), `as_of` is an ISO 8601 time (default: now),
    `claims` is the payload of an external token, whose bearer is the principal `token`.
    Raises UsageError for what does not exist or is spelt wrong. What could not be read
    stands in `Estate.facts.gaps`.
    """
    said = job.Arguments(
        paths=tuple(map(Path, _several(dags))),
        operator=Path(config) if config is not None else None,
        snapshots=tuple(map(Path, _several(snapshots))),
        connections=(
            (connections,) if isinstance(connections, str) else tuple(connections)
        ),
        runs_as=runs_as,
        as_of=as_of,
        claims=Path(claims) if claims is not None else None,
    )
    token = job.claims_of(said)
    ready = job.prepare(said)
    return Estate(job.read(ready, no_progress).facts, ready.as_of, token)


def _several(paths: str | Path | Iterable[str | Path]) -> Iterable[str | Path]:
    """Return `paths`, or the one path that they are: a text is no list of letters."""
    return (paths,) if isinstance(paths, str | Path) else paths


class Estate:
    """An estate that was read; it is joined when the first question needs it."""

    def __init__(
        self,
        read: Facts,
        as_of: datetime,
        claims: Mapping[str, object] | None = None,
    ) -> None:
        """Take facts as sources read them, and the time that answers are about."""
        self._read = read
        self._claims = claims
        self.as_of = as_of

    @cached_property
    def facts(self) -> Facts:
        """All facts, those included that follow from others: what rules see."""
        from dagwarden.graph.build import derive

        return derive(self._read, self.as_of)

    @cached_property
    def _asked(self) -> "Asked":
        from dagwarden.graph.explain import Asked

        return Asked.of(self._read, self.as_of, self._claims)

    def explain(self, principal: str, permission: str, resource: str) -> Explanation:
        """
        Answer whether a principal may use a permission on a resource, and why.

        `principal` is an e-mail, an IAM member or `DAG.TASK`; `resource` a full or
        relative name, `service NAME`, `job NAME`, or a name that one of them bears.
        Raises UsageError without a snapshot, and for names that nothing bears.
        """
        from dagwarden.graph.explain import explain

        return explain(self._asked, principal, permission, resource)

    def who_can(self, permission: str, resource: str) -> Holders:
        """Answer who holds a permission on a resource; raises as `explain` does."""
        from dagwarden.graph.explain import who_can

        return who_can(self._asked, permission, resource)

    def what_can(self, principal: str) -> Holdings:
        """Answer what a principal holds, and whom it can become; raises as `explain`."""
        from dagwarden.graph.explain import what_can

        return what_can(self._asked, principal)

    def suggest(
        self, *, identity: str | None = None, dag: str | None = None
    ) -> Suggestion:
        """
        Return the smallest set of grants that keeps every scanned call working.

        For one account or one DAG, or for the estate. Raises UsageError without a
        snapshot, and where no scanned call is of that account or DAG.
        """
        from dagwarden.graph.suggest import Scope, suggest

        return suggest(self._read, self.as_of, Scope(identity=identity, dag=dag))

    def graph(self) -> "Network":
        """
        Return tasks, whom they act as, and what these reach as a networkx graph.

        What nodes and edges hold is said in `dagwarden.graph.network.network`. Each
        call returns a graph of its own: change it as you like.
        """
        from dagwarden.graph.network import network

        return network(self.facts)

    def graphml(self) -> str:
        """Return `graph` as GraphML."""
        from dagwarden.graph.network import as_graphml, network

        return as_graphml(network(self.facts))

    def graph_json(self) -> str:
        """Return `graph` as networkx's node-link JSON."""
        from dagwarden.graph.network import as_node_link, network

        return as_node_link(network(self.facts))
