"""What a service account's key opens that stands in clear: the chain goes on from it."""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Connection,
    EmbeddedSecret,
    Facts,
    Hop,
    Key,
    KeyState,
    LeakedKey,
    Maybe,
    Origin,
    Secret,
    Task,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.estate import NO_SNAPSHOT, Estate, unresolved
from dagwarden.graph.paths import chosen, grant_hops
from dagwarden.graph.principals import account_key

KEY_ASSET = "iam.googleapis.com/ServiceAccountKey"
# What everyone may call, the key does not open.
EVERYONE = frozenset({"allUsers", "allAuthenticatedUsers"})
MOST = 50  # resources told of one account
_PERMISSION = {"service": "run.routes.invoke", "job": "run.jobs.run"}
_STATES: dict[KeyState, str] = {
    "active": "it is active",
    "disabled": "it is disabled, and opens nothing until it is enabled again",
    "expired": "it has expired, and opens nothing",
    "absent": "it is not among the keys of that account, and opens nothing",
    "account_disabled": "its account is disabled, and it opens nothing until that is enabled again",
}


T = TypeVar("T", Task, Connection)


def with_leaks(estate: Estate, facts: Facts, as_of: datetime) -> Facts:
    """Return `facts` with what the keys that stand in clear open, and whether they work."""
    leaks = _Leaks(estate, as_of)
    return replace(
        facts,
        embedded_secrets=tuple(map(leaks.in_file, facts.embedded_secrets)),
        connections=tuple(map(leaks.given, facts.connections)),
        tasks=tuple(map(leaks.given, facts.tasks)),
    )


class _Opened(NamedTuple):
    """What the snapshot says of a key, and why it does not say more."""

    state: Maybe[KeyState]
    causes: tuple[Cause, ...]
    calls: tuple[str, ...]
    becomes: tuple[str, ...]
    hops: tuple[Hop, ...]


class _Leaks:
    """The keys that were read, and what each account that lost one can do."""

    def __init__(self, estate: Estate, as_of: datetime) -> None:
        self.estate = estate
        self.as_of = as_of
        self.keys = {(key.account, key.key_id): key for key in estate.facts.keys}
        self.lost = any("key" in gap.kinds for gap in estate.facts.gaps)
        self.opened: dict[str, tuple[tuple[str, ...], tuple[Hop, ...]]] = {}
        self.becoming: dict[str, dict[str, tuple[Hop, ...]]] = {}

    def in_file(self, fact: EmbeddedSecret) -> EmbeddedSecret:
        """Say of a key in a file whether it works and what it opens."""
        if fact.secret != "service_account_key" or fact.identity is None:  # noqa: S105 -- a kind
            return fact
        opened = self._key(fact.identity, fact.key_id, fact.path, fact.origin)
        account = fact.identity.lower()
        why = (*fact.unresolved, *unresolved(opened.causes, "key_state"))
        fact = replace(fact, key_state=opened.state, hops=opened.hops, unresolved=why)
        if opened.state not in ("active", UNSET):
            return fact
        # what is granted where nobody looked is not known of anyone
        more = (Cause(reason="layer", symbol=f"what else {account} may do"),)
        return replace(
            fact,
            may_call=UNSET,
            may_call_known=opened.calls,
            may_become=UNSET,
            may_become_known=opened.becomes,
            unresolved=(*why, *unresolved(more, "may_call", "may_become")),
        )

    def given(self, fact: T) -> T:
        """Say the same of the keys that a task or connection is given."""
        leaked = tuple(
            self._leaked(fact, secret)
            for secret in fact.secrets_known
            if secret.kind == "service_account_key" and secret.identity is not None
        )
        return replace(fact, leaked_keys=leaked) if leaked else fact

    def _leaked(self, fact: Task | Connection, secret: Secret) -> LeakedKey:
        identity = secret.identity or ""
        carrier = (
            f"connection {fact.conn_id}"
            if isinstance(fact, Connection)
            else f"task {fact.task_id or fact.id}"
        )
        opened = self._key(identity, secret.key_id, carrier, secret.origin)
        return LeakedKey(
            place=secret.place,
            identity=identity,
            key_id=secret.key_id,
            key_state=opened.state,
            may_call_known=opened.calls,
            may_become_known=opened.becomes,
            hops=opened.hops,
        )

    def _key(
        self, identity: str, key_id: str | None, where: str, origin: Origin
    ) -> _Opened:
        """Return what is known of a key of `identity` that stands at `where`."""
        account, key = identity.lower(), account_key(identity)
        state, causes = self._state(account, key_id)
        said = "whether it works is not known"
        if state is not UNSET:
            said = f"the snapshot says: {_STATES[state]}"
        name = f"key {key_id or 'without id'}"
        stands = Hop(
            kind="authenticates_as",
            source=f"{name} in {where}",
            target=key,
            text=f"{name} in {where} is one of {account}; {said}",
            origin=origin,
        )
        if state not in ("active", UNSET) or not self.estate.has_snapshot:
            return _Opened(state, causes, (), (), (stands,))
        calls, hops = self._opens(key)
        becomes = self._becomes(key)
        if not hops and becomes:
            nearest = next(iter(becomes))
            # what the chain ends at is what whoever has the key may call
            calls, further = self._opens(nearest)
            hops = (*becomes[nearest], *further)
        return _Opened(state, causes, calls, tuple(sorted(becomes)), (stands, *hops))

    def _state(
        self, account: str, key_id: str | None
    ) -> tuple[Maybe[KeyState], tuple[Cause, ...]]:
        """Return what the snapshot says of a key, or why it does not say."""
        facts = self.estate.facts
        if not facts.snapshots:
            return UNSET, (NO_SNAPSHOT,)
        owner = self.estate.identity(account_key(account))
        if owner is not None and owner.disabled is True:
            return "account_disabled", ()
        unread = (Cause(reason="layer", symbol=f"the keys of {account}"),)
        key = self.keys.get((account, key_id or ""))
        if key is not None:
            return self._state_of(key)
        read = any(KEY_ASSET in one.asset_types for one in facts.snapshots)
        if key_id is None or not read or owner is None or self.lost:
            return UNSET, unread
        return "absent", ()

    def _state_of(self, key: Key) -> tuple[Maybe[KeyState], tuple[Cause, ...]]:
        if key.disabled is True:
            return "disabled", ()
        why = (Cause(reason="layer", symbol=f"the state of key {key.key_id}"),)
        if key.disabled is UNSET or key.valid_before is UNSET:
            return UNSET, why
        try:
            until = datetime.fromisoformat(key.valid_before)
        except ValueError:
            return UNSET, why
        if until.tzinfo is None:
            return UNSET, why
        return ("expired" if until <= self.as_of else "active"), ()

    def _opens(self, key: str) -> tuple[tuple[str, ...], tuple[Hop, ...]]:
        """Return what an account surely may call, and the chain to the first of it."""
        if key not in self.opened:
            self.opened[key] = self._find(key)
        return self.opened[key]

    def _find(self, key: str) -> tuple[tuple[str, ...], tuple[Hop, ...]]:
        found: list[str] = []
        hops: tuple[Hop, ...] = ()
        for resource, permission in self._resources():
            answer = self.estate.access.holds(key, permission, resource)
            own = tuple(
                one
                for one in answer.supports
                if one.binding is not None and one.member not in EVERYONE
            )
            if answer.held is not True or not own:
                continue
            answer = replace(answer, supports=own)
            if not found:
                hops = (
                    *grant_hops(
                        self.estate.access, key, permission, resource, chosen(answer)
                    ),
                    Hop(
                        kind="calls",
                        source=permission,
                        target=resource,
                        text=f"may call {self.estate.hierarchy.shown(resource)}",
                    ),
                )
            found.append(resource)
            if len(found) == MOST:
                break
        return tuple(found), hops

    def _resources(self) -> Iterator[tuple[str, str]]:
        for run in sorted(self.estate.facts.cloud_runs, key=lambda one: one.resource):
            yield run.resource, _PERMISSION[run.kind]

    def _becomes(self, key: str) -> dict[str, tuple[Hop, ...]]:
        """Return the accounts that an account can become, nearest first."""
        if key not in self.becoming:
            # only where a key was found: it loads the library of graphs
            from dagwarden.graph.reach import Control, ControlGraph, User, reached

            user = User(
                key=key,
                environments=(),
                dags=(),
                declared=frozenset(),
                jobs=frozenset(),
            )
            graph = ControlGraph(Control(self.estate), [key])
            self.becoming[key] = reached(
                graph, user, lambda account, invokes: True
            ).chains
        return self.becoming[key]
