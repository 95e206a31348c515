"""Who makes a call: with which identity, by which token, over what."""

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Connection,
    Hop,
    IdentityRef,
    Maybe,
    Record,
    Task,
    Token,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.estate import Estate, cause, causes_of, label
from dagwarden.graph.identities import Acting, act, act_in_code
from dagwarden.graph.principals import ANYONE
from dagwarden.graph.targets import (
    Runs,
    Target,
    http_target,
    named_target,
    takes,
    url_target,
)

BY_ID: Token = "id_token"
INVOKE_SERVICE = "invoke_service"
# Tokens that Cloud Run does not take for a caller's identity.
_UNAUTHENTICATED = frozenset({"none", "basic", "api_key"})


class Caller(Record, frozen=True, kw_only=True):
    """Who makes a call, with which token, over what."""

    acting: Acting
    identity: Maybe[IdentityRef] = UNSET
    causes: tuple[Cause, ...] = ()  # why `identity` is UNSET
    token: Maybe[Token] = UNSET
    token_causes: tuple[Cause, ...] = ()
    tls: Maybe[bool] = UNSET
    tls_causes: tuple[Cause, ...] = ()
    # whether the audience of its ID token is the service that gets it
    meant: Maybe[bool] = True
    meant_causes: tuple[Cause, ...] = ()


def resolve(
    estate: Estate, runs: Runs, task: Task, call: Call, acting: Acting | None
) -> tuple[Caller, Target]:
    """Return who makes a call and what it reaches."""
    caller, target = _resolve(estate, runs, task, call, acting)
    run = target.run
    if caller.token != BY_ID or run is None or call.audience in (None, call.url):
        return caller, target
    if call.audience is UNSET:
        why = causes_of(call, "audience", f"audience of {call.id}")
        return replace(caller, meant=UNSET, meant_causes=why), target
    meant = takes(runs, run, call.audience)
    symbol = f"whether {run.resource} takes tokens for {call.audience}"
    why = cause("dynamic", symbol) if meant is UNSET else ()
    return replace(caller, meant=meant, meant_causes=why), target


def _resolve(
    estate: Estate, runs: Runs, task: Task, call: Call, acting: Acting | None
) -> tuple[Caller, Target]:
    if call.via == "operator":
        acting = acting or act(estate, task)
        caller = Caller(
            acting=acting,
            identity=acting.identity,
            causes=acting.causes,
            token="access_token",  # noqa: S106 - a kind of token
            tls=True,  # Google's client libraries speak nothing else
        )
        blame = acting.defined_causes
        target = named_target(
            estate, runs, call, acting.connection, acting.chain, blame
        )
        return caller, target
    if call.via in ("code", "command"):
        return _by_code(estate, runs, task, call)
    connection, blame = _http_connection(estate, task)
    target = http_target(estate, runs, call, connection, blame)
    return _http_caller(estate, task, call, connection, blame, target), target


# ------------------------------------------------------------------------------ code


def _by_code(
    estate: Estate, runs: Runs, task: Task, call: Call
) -> tuple[Caller, Target]:
    """Return who makes a call in the code of a task, and what it reaches."""
    acting = act_in_code(estate, task, call)
    if call.operation != INVOKE_SERVICE:
        caller = Caller(
            acting=acting,
            identity=acting.identity,
            causes=acting.causes,
            token="access_token",  # noqa: S106 - a kind of token
            tls=True,  # whichever client it is, the API answers to nothing else
        )
        connection, blame = acting.connection, acting.defined_causes
        target = named_target(estate, runs, call, connection, acting.chain, blame)
        return caller, target
    if call.url is not None:
        target = url_target(estate, runs, call)
        token, why = call.token, causes_of(call, "token", f"token of {call.id}")
        found = UNSET if token is UNSET else token or "none"
        tls, tls_why = _tls_in_code(call, target)
        caller = Caller(
            acting=acting,
            token=found,
            token_causes=why if found is UNSET else (),
            tls=tls,
            tls_causes=tls_why,
        )
        return _identified(caller, acting, task), target
    through, blame = _hook_connection(estate, call)
    target = http_target(estate, runs, call, through, blame)
    caller = _http_caller(estate, task, call, through, blame, target)
    return caller, target


def _hook_connection(
    estate: Estate, call: Call
) -> tuple[Connection | None, tuple[Cause, ...]]:
    if not isinstance(call.connection, str):
        return None, causes_of(call, "connection", f"connection of {call.id}")
    found = estate.connection(call.environment, call.connection)
    symbol = f"connection {call.connection} of environment {call.environment}"
    return found, cause("connection", symbol)


def _tls_in_code(call: Call, target: Target) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    if target.https is False or call.tls_verified is False:
        return False, ()
    if target.https is UNSET:
        return UNSET, target.https_causes
    if call.tls_verified is UNSET:
        return UNSET, causes_of(call, "tls_verified", f"verify of {call.id}")
    # every library verifies unless told otherwise
    return True, ()


def _identified(caller: Caller, acting: Acting, task: Task) -> Caller:
    """Say whom a service takes the caller for, by its token."""
    if caller.token == BY_ID:
        return replace(caller, identity=acting.identity, causes=acting.causes)
    anonymous = Acting(connection=acting.connection, hops=acting.hops[:1])
    if caller.token is UNSET:
        return replace(caller, acting=anonymous, causes=caller.token_causes)
    if caller.token in _UNAUTHENTICATED:
        return replace(caller, acting=anonymous, identity=ANYONE)
    symbol = f"account behind the token of {label(task)}"
    return replace(caller, acting=anonymous, causes=cause("connection", symbol))


# ---------------------------------------------------------------------- HTTP callers


def _http_connection(
    estate: Estate, task: Task
) -> tuple[Connection | None, tuple[Cause, ...]]:
    if not isinstance(task.connection, str):
        return None, causes_of(task, "connection", f"connection of {label(task)}")
    found = estate.connection(task.environment, task.connection)
    symbol = f"connection {task.connection} of environment {task.environment}"
    return found, cause("connection", symbol)


def _http_caller(
    estate: Estate,
    task: Task,
    call: Call,
    connection: Connection | None,
    blame: tuple[Cause, ...],
    target: Target,
) -> Caller:
    token, why = _token(call, connection, blame)
    tls, tls_why = _tls(call, connection, blame, target)
    acting = act_in_code(estate, task, call)
    conn_id = task.connection if call.via == "http" else call.connection
    caller = Caller(
        acting=_http_acting(task, acting, conn_id, connection, used=token == BY_ID),
        token=token,
        token_causes=why,
        tls=tls,
        tls_causes=tls_why,
    )
    if token == BY_ID:
        return replace(caller, identity=acting.identity, causes=acting.causes)
    if token is UNSET:
        return replace(caller, causes=why)
    if token in _UNAUTHENTICATED:
        return replace(caller, identity=ANYONE)
    symbol = f"account behind the token of {label(task)}"
    return replace(caller, causes=cause("connection", symbol))


def _http_acting(
    task: Task,
    acting: Acting,
    conn_id: Maybe[str | None],
    connection: Connection | None,
    *,
    used: bool,
) -> Acting:
    """Put the HTTP connection into the chain, and drop an identity that is not used."""
    first, *rest = acting.hops
    hops = [first]
    if isinstance(conn_id, str):
        hops.append(
            Hop(
                kind="uses_connection",
                source=first.target,
                target=f"connection {conn_id}",
                text=f"requests through connection {conn_id}",
                origin=connection.origin if connection else task.origin,
            )
        )
    if used:
        return replace(acting, connection=connection, hops=(*hops, *rest))
    return Acting(connection=connection, hops=tuple(hops))


def _token(
    call: Call, connection: Connection | None, blame: tuple[Cause, ...]
) -> tuple[Maybe[Token], tuple[Cause, ...]]:
    """
    Return how a request authenticates.

    The call's own header counts, unless the connection has a login: Airflow's HTTP
    hook then sets basic authentication on the session, and requests writes that over
    an Authorization header (not over X-Serverless-Authorization).
    """
    if call.token is UNSET:
        return UNSET, causes_of(call, "token", f"token of {call.id}")
    if connection is None:
        return UNSET, blame
    if connection.token is UNSET:
        symbol = f"token of connection {connection.conn_id}"
        return UNSET, causes_of(connection, "token", symbol)
    if call.token is None:
        return connection.token or "none", ()
    if connection.token == "basic" and call.token != "basic":  # noqa: S105 - a kind
        symbol = f"header that the login of connection {connection.conn_id} replaces"
        return UNSET, cause("connection", symbol)
    return call.token, ()


def _tls(
    call: Call,
    connection: Connection | None,
    blame: tuple[Cause, ...],
    target: Target,
) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    """Return whether the request goes over https with the certificate checked."""
    verified, why = _verified(call, connection, blame)
    if target.https is False or verified is False:
        return False, ()
    if target.https is UNSET:
        return UNSET, target.https_causes
    return (UNSET, why) if verified is UNSET else (True, ())


def _verified(
    call: Call, connection: Connection | None, blame: tuple[Cause, ...]
) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    if call.tls_verified is UNSET:
        return UNSET, causes_of(call, "tls_verified", f"verify of {call.id}")
    if call.tls_verified is not None:
        return call.tls_verified, ()
    if connection is None:
        return UNSET, blame
    if connection.tls_verified is UNSET:
        symbol = f"verify of connection {connection.conn_id}"
        return UNSET, causes_of(connection, "tls_verified", symbol)
    # requests verifies unless told otherwise
    return connection.tls_verified is not False, ()
