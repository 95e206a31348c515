"""The estate by name: what the joins look things up in."""

from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from dagwarden.facts import (
    AirflowEnvironment,
    AirflowSetting,
    ComposerEnvironment,
    Connection,
    Dag,
    Fact,
    Facts,
    Identity,
    IdentityRef,
    Reason,
    Task,
    Unresolved,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.hierarchy import Hierarchy
from dagwarden.graph.principals import (
    email_of,
    is_default_compute,
    kind_of,
    ref_of,
)

if TYPE_CHECKING:
    from dagwarden.graph.access.decide import Access
    from dagwarden.graph.access.membership import Claimed
    from dagwarden.graph.roles import Roles

NO_SNAPSHOT = Cause(reason="layer", symbol="a snapshot")


class Estate:
    """Facts indexed for joining; built once, never changed."""

    def __init__(
        self,
        facts: Facts,
        hierarchy: Hierarchy | None = None,
        claimed: "Iterable[Claimed]" = (),
    ) -> None:
        """
        Index the facts by the names that other facts use for them.

        `hierarchy` is that of `facts`, where it was made already; `claimed` are the
        federated identities whose tokens are known.
        """
        self.facts = facts
        self.hierarchy = hierarchy or Hierarchy(facts)
        self.has_snapshot = bool(facts.snapshots)
        self._claimed = claimed
        self._identities = {item.key: item for item in facts.identities}
        self._refs: dict[str, IdentityRef] = {}
        self.tasks: dict[str, Task] = {task.id: task for task in facts.tasks}
        self.dags: dict[str, Dag] = {dag.id: dag for dag in facts.dags}
        self.environments: dict[str, AirflowEnvironment] = {
            item.name: item for item in facts.environments
        }
        self._connections: dict[tuple[str, str], Connection] = {
            (item.environment, item.conn_id): item for item in facts.connections
        }
        self._settings: dict[tuple[str, str, str], AirflowSetting] = {
            (item.environment, item.section, item.key): item
            for item in facts.airflow_settings
        }

    # What only a snapshot can be asked: a scan without one does not load it.

    @cached_property
    def roles(self) -> "Roles":
        """What roles hold."""
        from dagwarden.graph.roles import Roles

        snapshots = self.facts.snapshots
        shipped = not snapshots or snapshots[0].builtin_roles
        return Roles(self.facts.roles, shipped=shipped)

    @cached_property
    def access(self) -> "Access":
        """The answers to who holds a permission on a resource."""
        from dagwarden.graph.access.decide import Access

        return Access(self.facts, self.hierarchy, self.roles, self._claimed)

    def index(self) -> None:
        """Index now what answers are found in, not when one is first asked for."""
        _ = self.access

    def identity(self, key: str) -> Identity | None:
        """Return the fact about an identity, if one was read."""
        return self._identities.get(key)

    def off(self, key: str) -> bool:
        """
        Tell whether nobody can act as an identity: it is disabled, or its pool is.

        "You cannot use a disabled pool to exchange tokens, or use existing tokens to
        access resources" (iam.googleapis.com, REST reference:
        projects.locations.workloadIdentityPools); of a provider only the former holds.
        """
        fact = self.identity(key)
        if fact is not None and fact.disabled is True:
            return True
        if not self._pools_off or kind_of(key) != "federated":
            return False
        return self.access.membership.pool(key) in self._pools_off

    @cached_property
    def _pools_off(self) -> frozenset[str]:
        """The pools that are disabled or deleted."""
        return frozenset(
            self.access.membership.pool_name(name.removeprefix("//iam.googleapis.com/"))
            for name in {
                provider.pool
                for provider in self.facts.federation_providers
                if provider.pool_disabled is True
            }
        )

    def ref(self, key: str) -> IdentityRef:
        """Return the reference to an identity, from its fact where there is one."""
        ref = self._refs.get(key)
        if ref is None:
            ref = self._refs[key] = _ref(key, self.identity(key))
        return ref

    def connection(self, environment: str, conn_id: str) -> Connection | None:
        """Return a connection by its id."""
        return self._connections.get((environment, conn_id))

    def setting(self, environment: str, section: str, key: str) -> str | None:
        """Return the value of an Airflow setting, if it was given."""
        found = self._settings.get((environment, section, key))
        return None if found is None else found.value


def _ref(key: str, identity: Identity | None) -> IdentityRef:
    if identity is None:
        return ref_of(key)
    return IdentityRef(
        key=key,
        kind=identity.kind,
        email=identity.email,
        default_compute=identity.default_compute
        or is_default_compute(email_of(key) or ""),
    )


def composer_of(
    facts: Facts, hierarchy: Hierarchy, name: str
) -> ComposerEnvironment | None:
    """Return the Composer environment of a name, whatever its prefix."""
    wanted = hierarchy.canonical(_composer_name(name))
    for environment in facts.composer_environments:
        if hierarchy.canonical(_composer_name(environment.resource)) == wanted:
            return environment
    return None


def _composer_name(name: str) -> str:
    host = "//composer.googleapis.com/"
    return host + name.removeprefix("composer:").removeprefix(host).lstrip("/")


def causes_of(fact: Fact, field: str, default: str) -> tuple[Cause, ...]:
    """
    Return why a field of a fact is UNSET, in the fact's own words.

    A nested field counts for its parent. `default` names the input to blame where
    the fact says nothing.
    """
    found = [
        Cause(reason=item.reason, symbol=item.symbol)
        for item in fact.unresolved
        if item.field == field or item.field.startswith((f"{field}.", f"{field}["))
    ]
    return tuple(found) or (Cause(reason="dynamic", symbol=default),)


# Many tasks lack the same connection.
@lru_cache(1024)
def unresolved(causes: tuple[Cause, ...], *fields: str) -> tuple[Unresolved, ...]:
    """Return the entries that say why `fields` are UNSET."""
    return tuple(cause.on(field) for field in fields for cause in causes)


def without(fact: Fact, *fields: str) -> tuple[Unresolved, ...]:
    """Return a fact's entries but those for fields that are now known."""
    return tuple(item for item in fact.unresolved if item.field not in fields)


def cause(reason: Reason, symbol: str) -> tuple[Cause, ...]:
    """Return a single cause."""
    return (Cause(reason=reason, symbol=symbol),)


def label(fact: Task) -> str:
    """Return `DAG.TASK`, as far as it is known."""
    dag = fact.dag_id if isinstance(fact.dag_id, str) else "?"
    task = fact.task_id if isinstance(fact.task_id, str) else "?"
    return f"{dag}.{task}"
