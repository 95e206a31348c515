"""
Whom a task acts as: connection, credential, impersonation.

The order is the one that the Google hook of Airflow uses: the operator's chain wins
over the connection's when it is not empty; the last account of a chain is who acts.
"""

from collections.abc import Iterator
from typing import TypeVar

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dagwarden.facts import (
    AirflowEnvironment,
    Call,
    Connection,
    Credential,
    CredentialKind,
    Hop,
    HopKind,
    IdentityRef,
    Maybe,
    Origin,
    Provenance,
    ProvenanceSource,
    Record,
    Task,
    TaskIdentity,
    Unresolved,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.estate import Estate, cause, causes_of, label, unresolved
from dagwarden.graph.principals import ANYONE, account_key, key_of_email

# Parameters for connections to Google Cloud whose names do not say so.
_GOOGLE_PARAMETERS = frozenset({"bigquery_conn_id", "datastore_conn_id"})
# Parameters and their defaults that need not be defined: the hook of Kubernetes then takes
# the credentials of the cluster that it runs in (`KubernetesHook.get_connection`).
_DONE_WITHOUT = frozenset({("kubernetes_conn_id", "kubernetes_default")})
# Credentials that name an account of their own, here or where they point.
_OWN = frozenset(
    {
        "key_file",
        "key_content",
        "key_secret",
        "federation",
        "federation_client",
        "user_refresh_token",
    }
)

# What a connection has in the place of one Google credential, in words.
_NOT_GOOGLE: dict[CredentialKind, str] = {
    "assume_role": "an AWS role",
    "basic": "a login and password",
    "bearer": "a bearer token",
    "conflicting": "several, and Airflow refuses them",
    "none": "none",
    "static_keys": "AWS keys",
}


class Acting(Record, frozen=True, kw_only=True):
    """Whom a task acts as, and by what steps."""

    connection: Connection | None = None
    defined_causes: tuple[Cause, ...] = ()
    credential_kind: Maybe[CredentialKind] = UNSET
    credential_causes: tuple[Cause, ...] = ()
    source: Maybe[IdentityRef] = UNSET  # before impersonation
    source_causes: tuple[Cause, ...] = ()
    chain: tuple[str, ...] = ()  # keys, in the order of impersonation
    identity: Maybe[IdentityRef] = UNSET  # after impersonation
    causes: tuple[Cause, ...] = ()  # why `identity` is UNSET
    hops: tuple[Hop, ...] = ()


class _Source(Record, frozen=True, kw_only=True):
    """How a credential names an identity, before impersonation."""

    identity: Maybe[IdentityRef] = UNSET
    causes: tuple[Cause, ...] = ()
    kind: HopKind = "authenticates_as"
    text: str = ""
    origin: Origin | None = None


def takes_google(task: Task) -> bool:
    """Tell whether the task's connection is one to Google Cloud."""
    if task.connection is None:
        return False
    parameter = task.connection_parameter or ""
    if parameter:
        named = "gcp" in parameter or "google_cloud" in parameter
        return named or parameter in _GOOGLE_PARAMETERS
    operator = task.operator if isinstance(task.operator, str) else ""
    return operator.startswith("airflow.providers.google.")


def act(estate: Estate, task: Task) -> Acting:
    """Resolve the identity of a task whose operator takes a Google connection."""
    start = _task_hop(task)
    conn_id = task.connection
    if not isinstance(conn_id, str):
        why = causes_of(task, "connection", f"connection of {label(task)}")
        found = _impersonate(estate, task, None, _Source(causes=why), (start,))
        return replace(found, defined_causes=why, credential_causes=why)
    environment = estate.environments.get(task.environment)
    connection = estate.connection(task.environment, conn_id)
    hops = (start, _connection_hop(task, conn_id, connection))
    if connection is None:
        return _undefined(estate, task, environment, conn_id, hops)
    source = _source(estate, connection, environment, task.environment)
    found = _impersonate(estate, task, connection, source, hops)
    kind, why = _kind(connection)
    return replace(found, credential_kind=kind, credential_causes=why)


def act_in_code(estate: Estate, task: Task, call: Call) -> Acting:
    """Resolve the identity of a call that a task's code makes, or its own header."""
    start = _task_hop(task)
    chain, why = _chain_in_code(task, call)
    if call.acts_as is UNSET:
        unknown = causes_of(call, "acts_as", f"account of {call.id}")
        return _impersonated(
            estate, None, _Source(causes=unknown), (start,), chain, why
        )
    environment = estate.environments.get(task.environment)
    if call.acts_as == "environment":
        source = _ambient(estate, environment, task.environment)
        return _impersonated(estate, None, source, (start,), chain, why)
    conn_id = call.connection
    if not isinstance(conn_id, str):
        unknown = causes_of(call, "connection", f"connection of {call.id}")
        source = _Source(causes=unknown)
        found = _impersonated(estate, None, source, (start,), chain, why)
        return replace(found, defined_causes=unknown)
    connection = estate.connection(task.environment, conn_id)
    hops = (start, _hook_hop(task, call, conn_id, connection))
    if connection is None:
        symbol = f"connection {conn_id} of environment {task.environment}"
        unknown = cause("connection", symbol)
        source = _Source(causes=unknown)
        found = _impersonated(estate, None, source, hops, chain, why)
        return replace(found, defined_causes=unknown)
    source = _source(estate, connection, environment, task.environment)
    chain, why = _with_inherited(call, connection, chain, why)
    return _impersonated(estate, connection, source, hops, chain, why)


def _chain_in_code(
    task: Task, call: Call
) -> tuple[tuple[str, ...] | UnsetType, tuple[Cause, ...]]:
    chain = call.impersonation_chain
    if chain is UNSET:
        blame = f"impersonation_chain of {call.id}"
        return UNSET, causes_of(call, "impersonation_chain", blame)
    joined = next((item for item in chain or () if "," in item), None)
    if joined is not None:
        why = cause("dynamic", f'impersonation_chain "{joined}" of {label(task)}')
        return UNSET, why
    return chain or (), ()


def _with_inherited(
    call: Call,
    connection: Connection,
    chain: tuple[str, ...] | UnsetType,
    why: tuple[Cause, ...],
) -> tuple[tuple[str, ...] | UnsetType, tuple[Cause, ...]]:
    """Return the chain in force where the connection may have one as well."""
    inherited = connection.impersonation_chain
    blame = f"impersonation_chain of connection {connection.conn_id}"
    if inherited is UNSET:
        return UNSET, causes_of(connection, "impersonation_chain", blame)
    if not inherited or chain is UNSET:
        return chain, why
    if not chain:
        return inherited, ()
    # the hook's replaces it, what code impersonates comes after it
    return UNSET, cause(
        "dynamic", f"whether {call.id} impersonates after its connection"
    )


def _hook_hop(
    task: Task, call: Call, conn_id: str, connection: Connection | None
) -> Hop:
    return Hop(
        kind="uses_connection",
        source=label(task),
        target=f"connection {conn_id}",
        text=f"uses connection {conn_id}, by a hook in its code",
        origin=connection.origin if connection else call.origin,
    )


def task_identity(task: Task, acting: Acting) -> TaskIdentity:
    """Return the fact about whom a task acts as."""
    missing = (
        *_when(task.connection, acting.defined_causes, "connection"),
        *_when(acting.credential_kind, acting.credential_causes, "credential_kind"),
        *_when(acting.identity, acting.causes, "identity"),
        *(
            item
            for item in task.unresolved
            if item.field in ("dag_id", "task_id", "operator")
        ),
    )
    return TaskIdentity(
        id=f"task_identity:{task.id.removeprefix('task:')}",
        origin=task.origin,
        unresolved=missing,
        environment=task.environment,
        task=task.id,
        dag_id=task.dag_id,
        task_id=task.task_id,
        operator=task.operator,
        connection=task.connection,
        credential_kind=acting.credential_kind,
        identity=acting.identity,
        hops=acting.hops,
    )


_Named = TypeVar("_Named", Task, Call)


def with_connection(
    estate: Estate, fact: _Named, task: Task, parameter: str | None = None
) -> _Named:
    """
    Return a task, or a call of it, told whether its connection exists in its environment.

    A connection that was not given is missing only where the environment's list is
    declared complete. One that its hook does without counts as defined.
    """
    conn_id = fact.connection
    if conn_id is None:
        return fact
    if not isinstance(conn_id, str):
        why = causes_of(fact, "connection", f"connection of {label(task)}")
        return _undecided(fact, why)
    connection = estate.connection(fact.environment, conn_id)
    if connection is not None:
        return _decided(fact, True, "connection", connection.origin)
    environment = estate.environments.get(fact.environment)
    if environment is not None and environment.connections_complete:
        if (parameter, conn_id) in _DONE_WITHOUT:
            symbol = f"the hook, which does without {conn_id}"
            return _decided(fact, True, "operator_default", Origin(source=symbol))
        symbol = f"connections_complete of environment {fact.environment}"
        return _decided(fact, False, "setting", Origin(source=symbol))
    name = f"connection {conn_id} of environment {fact.environment}"
    return _undecided(fact, cause("connection", name))


def _decided(
    fact: _Named, defined: bool, source: ProvenanceSource, origin: Origin
) -> _Named:
    read = Provenance(field="connection_defined", source=source, origin=origin)
    provenance = (*fact.provenance, read)
    return replace(fact, connection_defined=defined, provenance=provenance)


def _undecided(fact: _Named, why: tuple[Cause, ...]) -> _Named:
    found = (*fact.unresolved, *unresolved(why, "connection_defined"))
    return replace(fact, unresolved=found)


def _when(
    value: object, causes: tuple[Cause, ...], field: str
) -> tuple[Unresolved, ...]:
    return unresolved(causes, field) if value is UNSET else ()


# ------------------------------------------------------------------------ connection


def _undefined(
    estate: Estate,
    task: Task,
    environment: AirflowEnvironment | None,
    conn_id: str,
    hops: tuple[Hop, ...],
) -> Acting:
    """Resolve a task whose connection was not among those given."""
    complete = environment is not None and environment.connections_complete
    why = cause("connection", f"connection {conn_id} of environment {task.environment}")
    found = _impersonate(estate, task, None, _Source(causes=why), hops)
    if complete:  # Airflow raises AirflowNotFoundException: nobody acts
        found = replace(found, identity=UNSET, causes=why)
    return replace(found, defined_causes=why, credential_causes=why)


def _kind(connection: Connection) -> tuple[Maybe[CredentialKind], tuple[Cause, ...]]:
    credential = connection.credential
    blame = f"credential of connection {connection.conn_id}"
    if credential is UNSET:
        return UNSET, causes_of(connection, "credential", blame)
    if credential.kind is UNSET:
        return UNSET, causes_of(connection, "credential", blame)
    return credential.kind, ()


def _source(
    estate: Estate,
    connection: Connection,
    environment: AirflowEnvironment | None,
    name: str,
) -> _Source:
    """Return the identity of a connection before impersonation."""
    kind, why = _kind(connection)
    if kind is UNSET or connection.credential is UNSET:
        return _Source(causes=why)
    if kind == "ambient":
        return _ambient(estate, environment, name)
    if kind == "anonymous":
        text = f"connection {connection.conn_id} is anonymous"
        return _Source(identity=ANYONE, text=text, origin=connection.origin)
    if kind in _OWN:
        return _own(estate, connection, connection.credential)
    has = _NOT_GOOGLE.get(kind, kind)
    symbol = f"a Google credential in connection {connection.conn_id} (it has {has})"
    return _Source(causes=cause("connection", symbol))


def _own(estate: Estate, connection: Connection, credential: Credential) -> _Source:
    """Return the account that a key or a federation configuration names."""
    email = credential.identity
    if not isinstance(email, str):
        symbol = f"account behind connection {connection.conn_id}"
        if email is None:
            return _Source(causes=cause("connection", symbol))
        return _Source(causes=causes_of(connection, "credential", symbol))
    ref = estate.ref(key_of_email(email))
    text = f"connection {connection.conn_id} authenticates as {email}"
    return _Source(identity=ref, text=text, origin=connection.origin)


def _ambient(
    estate: Estate, environment: AirflowEnvironment | None, name: str
) -> _Source:
    """Return what the environment's tasks run as when nothing else is named."""
    if environment is None:
        return _Source(causes=cause("setting", f"runs_as of environment {name}"))
    runs_as = environment.runs_as
    if runs_as is UNSET:
        why = causes_of(environment, "runs_as", f"runs_as of environment {name}")
        return _Source(causes=why)
    ref = estate.ref(key_of_email(runs_as))
    text = f"tasks of environment {name} run as {runs_as}"
    return _Source(identity=ref, kind="runs_as", text=text, origin=environment.origin)


# --------------------------------------------------------------------- impersonation


def _impersonate(
    estate: Estate,
    task: Task,
    connection: Connection | None,
    source: _Source,
    hops: tuple[Hop, ...],
) -> Acting:
    """Apply the impersonation chain, the operator's before the connection's."""
    chain, origin, why = _chain(task, connection)
    return _impersonated(estate, connection, source, hops, chain, why, origin)


def _impersonated(
    estate: Estate,
    connection: Connection | None,
    source: _Source,
    hops: tuple[Hop, ...],
    chain: tuple[str, ...] | UnsetType,
    why: tuple[Cause, ...],
    origin: Origin | None = None,
) -> Acting:
    """Apply a chain that is known, or not known because of `why`."""
    if source.identity is not UNSET:
        hops = (*hops, _source_hop(hops[-1].target, source, source.identity))
    base = Acting(
        connection=connection,
        source=source.identity,
        source_causes=source.causes,
        hops=hops,
    )
    if chain is UNSET:
        return replace(base, causes=why)
    if not chain or source.identity == ANYONE:  # anonymous: the chain is ignored
        return replace(base, identity=source.identity, causes=source.causes)
    keys = tuple(account_key(item) for item in chain)
    start = source.identity.key if source.identity is not UNSET else hops[-1].target
    return replace(
        base,
        chain=keys,
        identity=estate.ref(keys[-1]),
        hops=(*hops, *_chain_hops(start, keys, origin)),
    )


def _chain(
    task: Task, connection: Connection | None
) -> tuple[tuple[str, ...] | UnsetType, Origin, tuple[Cause, ...]]:
    """Return the chain in force, where it stands, and why it is not known."""
    own = task.impersonation_chain
    if own is UNSET:
        blame = f"impersonation_chain of {label(task)}"
        return UNSET, task.origin, causes_of(task, "impersonation_chain", blame)
    if own:
        joined = next((item for item in own if "," in item), None)
        if joined is not None:  # Airflow does not split it: no such account
            why = cause("dynamic", f'impersonation_chain "{joined}" of {label(task)}')
            return UNSET, task.origin, why
        return own, task.origin, ()
    if connection is None:
        return (), task.origin, ()
    inherited = connection.impersonation_chain
    if inherited is UNSET:
        blame = f"impersonation_chain of connection {connection.conn_id}"
        why = causes_of(connection, "impersonation_chain", blame)
        return UNSET, connection.origin, why
    return inherited or (), connection.origin, ()


# ------------------------------------------------------------------------------ hops


def _task_hop(task: Task) -> Hop:
    name = label(task)
    text = f"task {name} in environment {task.environment}"
    return Hop(
        kind="task",
        source=f"environment {task.environment}",
        target=name,
        text=text,
        origin=task.origin,
    )


# Where the connection's name comes from, in words, but for an argument.
_HOW = {
    "default_args": " (from default_args)",
    "operator_default": " (the operator's default)",
}


def _connection_hop(task: Task, conn_id: str, connection: Connection | None) -> Hop:
    how = _HOW.get(task.connection_source or "", "")
    return Hop(
        kind="uses_connection",
        source=label(task),
        target=f"connection {conn_id}",
        text=f"uses connection {conn_id}{how}",
        origin=connection.origin if connection else task.origin,
    )


def _source_hop(before: str, source: _Source, identity: IdentityRef) -> Hop:
    return Hop(
        kind=source.kind,
        source=before,
        target=identity.key,
        text=source.text,
        origin=source.origin,
    )


def _chain_hops(
    start: str, keys: tuple[str, ...], origin: Origin | None
) -> Iterator[Hop]:
    for before, after in zip((start, *keys[:-1]), keys, strict=True):
        text = f"impersonates {after.partition(':')[2]}"
        yield Hop(
            kind="impersonates", source=before, target=after, text=text, origin=origin
        )
