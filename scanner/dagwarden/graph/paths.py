"""One call of one task, with all that lies between: who calls what, and may they."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Connection,
    Hop,
    IdentityRef,
    Maybe,
    Origin,
    Path,
    Record,
    Task,
    Token,
    Unresolved,
)
from dagwarden.graph.access import Access, Answer, Cause, Support, distinct
from dagwarden.graph.edges import ACT_AS
from dagwarden.graph.estate import (
    NO_SNAPSHOT,
    Estate,
    cause,
    causes_of,
    label,
    unresolved,
)
from dagwarden.graph.hierarchy import account_resource, project_resource, short
from dagwarden.graph.identities import Acting, act, act_ambient
from dagwarden.graph.principals import ANYONE, default_compute, email_of
from dagwarden.graph.targets import Runs, Target, http_target, named_target

GET_TOKEN = "iam.serviceAccounts.getAccessToken"  # noqa: S105 - a permission
GET_ID_TOKEN = "iam.serviceAccounts.getOpenIdToken"  # noqa: S105 - a permission
DELEGATE = "iam.serviceAccounts.implicitDelegation"
INVOKE = "run.routes.invoke"
BY_ID: Token = "id_token"
# What an operator asks for beside the call itself, to follow it to its end.
_WATCHING = frozenset({"run.executions.get", "run.jobs.get", "run.operations.get"})
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


class Need(Record, frozen=True, kw_only=True):
    """A permission that a call takes, and what is known of it being held."""

    shown: str  # as in `Path.needs`
    holder: str | None = None  # key
    answer: Answer
    resource: str | None = None


def derive_paths(
    estate: Estate, resolved: Mapping[str, tuple[Caller, Target]]
) -> tuple[Path, ...]:
    """Return the path of every call, given who makes it and what it reaches."""
    found = (
        _path(estate, estate.tasks[call.task], call, *resolved[call.id])
        for call in estate.facts.calls
        if call.id in resolved
    )
    return tuple(sorted(found, key=lambda path: path.id))


def _path(
    estate: Estate, task: Task, call: Call, caller: Caller, target: Target
) -> Path:
    permissions, why = _permissions(call, target)
    needs = tuple(_needs(estate, call, caller, target, permissions or ()))
    needs, lacking, doubt = _judge(needs, why)
    # whatever was granted to a disabled account, it gets no token
    if _disabled(estate, caller.identity):
        lacking, doubt = tuple(need.shown for need in needs), why
    other = target.kind == "other"
    allowed = _allowed(lacking, doubt, other)
    causes: dict[str, tuple[Cause, ...]] = {
        "identity": caller.causes,
        "target_kind": target.kind_causes,
        "target": target.causes,
        "token": caller.token_causes,
        "tls": caller.tls_causes,
        "needs": why,
        "lacks": doubt,
        "allowed": doubt or cause("dynamic", "a server that is not Cloud Run"),
    }
    path = Path(
        id=f"path:{call.id.removeprefix('call:')}",
        origin=call.origin,
        environment=call.environment,
        task=task.id,
        operation=call.operation,
        via=call.via,
        dag_id=task.dag_id,
        task_id=task.task_id,
        operator=task.operator,
        connection=task.connection,
        identity=caller.identity,
        target_kind=target.kind,
        target=target.name,
        token=caller.token,
        tls=caller.tls,
        needs=UNSET if permissions is None else tuple(need.shown for need in needs),
        lacks=UNSET if doubt else lacking,
        lacks_known=lacking,
        allowed=allowed,
        hops=_hops(estate, task, call, caller, target, needs),
        through=_through(task, call, caller, target, needs),
        assumes=_assumes(estate, target, needs),
    )
    return _explained(path, task, causes)


def _explained(path: Path, task: Task, causes: dict[str, tuple[Cause, ...]]) -> Path:
    """Add the entries that say why the UNSET fields are UNSET."""
    entries: list[Unresolved] = []
    for field in ("dag_id", "task_id", "operator", "connection"):
        if getattr(path, field) is UNSET:
            why = causes_of(task, field, f"{field} of {label(task)}")
            entries.extend(unresolved(why, field))
    for field, why in causes.items():
        if getattr(path, field) is UNSET:
            entries.extend(unresolved(why, field))
    return replace(path, unresolved=tuple(entries))


def resolve(
    estate: Estate, runs: Runs, task: Task, call: Call, acting: Acting | None
) -> tuple[Caller, Target]:
    """Return who makes a call and what it reaches."""
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
    connection, blame = _http_connection(estate, task)
    target = http_target(estate, runs, call, connection, blame)
    return _http_caller(estate, task, call, connection, blame, target), target


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
    acting = act_ambient(estate, task)
    caller = Caller(
        acting=_http_acting(task, acting, connection, ambient=token == BY_ID),
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
    task: Task, acting: Acting, connection: Connection | None, *, ambient: bool
) -> Acting:
    """Put the HTTP connection into the chain, and drop an identity that is not used."""
    first, *rest = acting.hops
    hops = [first]
    if isinstance(task.connection, str):
        hops.append(
            Hop(
                kind="uses_connection",
                source=first.target,
                target=f"connection {task.connection}",
                text=f"requests through connection {task.connection}",
                origin=connection.origin if connection else task.origin,
            )
        )
    if ambient:
        return replace(acting, connection=connection, hops=(*hops, *rest))
    return Acting(connection=connection, hops=tuple(hops))


def _token(
    call: Call, connection: Connection | None, blame: tuple[Cause, ...]
) -> tuple[Maybe[Token], tuple[Cause, ...]]:
    """Return how a request authenticates: as the call says, else the connection."""
    if call.token is UNSET:
        return UNSET, causes_of(call, "token", f"token of {call.id}")
    if call.token is not None:
        return call.token, ()
    if connection is None:
        return UNSET, blame
    if connection.token is UNSET:
        symbol = f"token of connection {connection.conn_id}"
        return UNSET, causes_of(connection, "token", symbol)
    return connection.token or "none", ()


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


# --------------------------------------------------------------------- may the caller


def _permissions(
    call: Call, target: Target
) -> tuple[tuple[str, ...] | None, tuple[Cause, ...]]:
    """Return what the call itself takes; None with the reason where unknown."""
    if target.kind == "other":
        return (), ()
    if call.via == "http" and target.kind == "service":
        return (INVOKE,), ()
    if call.permissions is UNSET:
        return None, causes_of(call, "permissions", f"permissions of {call.id}")
    if call.via == "http":
        return None, target.kind_causes
    return call.permissions, ()


def _needs(
    estate: Estate,
    call: Call,
    caller: Caller,
    target: Target,
    permissions: tuple[str, ...],
) -> Iterator[Need]:
    if target.kind == "other":
        return
    for permission in permissions:
        if permission == ACT_AS:
            yield _deployment(estate, call, caller, target)
        else:
            yield _need(estate, caller, target, permission)
    links = _links(caller.acting, GET_ID_TOKEN if call.via == "http" else GET_TOKEN)
    if call.via == "operator" or caller.token == BY_ID:
        for holder, permission, account in links:
            yield _impersonation(estate, caller.acting, holder, permission, account)


def _need(estate: Estate, caller: Caller, target: Target, permission: str) -> Need:
    holder = caller.identity.key if caller.identity is not UNSET else None
    resource, why = _resource(estate, target, permission)
    if not estate.has_snapshot:
        why = (NO_SNAPSHOT,)
    elif resource is not None:
        why = caller.causes if holder is None else ()
        public = _public(estate, caller, permission, resource)
        if public is not None:
            return Need(
                shown=permission, holder=ANYONE.key, answer=public, resource=resource
            )
    if resource is None and holder is not None and estate.has_snapshot:
        watched = _watched(estate, target, holder, permission)
        if watched is not None:
            return Need(shown=permission, holder=holder, answer=watched)
    if why or resource is None or holder is None:
        return Need(
            shown=permission,
            holder=holder,
            answer=Answer(held=None, causes=why or caller.causes),
        )
    answer = _held(estate.access, holder, permission, resource)
    return Need(shown=permission, holder=holder, answer=answer, resource=resource)


def _deployment(estate: Estate, call: Call, caller: Caller, target: Target) -> Need:
    """
    Return the need to act as the account that a deployed workload will run as.

    That is the account that the call names, not the one that runs there today.
    """
    holder = caller.identity.key if caller.identity is not UNSET else None
    account, why = _deployed_account(estate, call, target)
    shown = ACT_AS if account is None else f"{ACT_AS}@{account}"
    if not estate.has_snapshot:
        why = (NO_SNAPSHOT,)
    if why or account is None or holder is None:
        causes = why or caller.causes
        return Need(shown=shown, holder=holder, answer=Answer(held=None, causes=causes))
    resource = account_resource(account)
    answer = estate.access.holds(holder, ACT_AS, resource)
    return Need(shown=shown, holder=holder, answer=answer, resource=resource)


def _deployed_account(
    estate: Estate, call: Call, target: Target
) -> tuple[str | None, tuple[Cause, ...]]:
    if call.deploys_as is UNSET:
        symbol = f"service account of the {call.target_kind} in {call.id}"
        return None, causes_of(call, "deploys_as", symbol)
    if call.deploys_as is not None:
        return call.deploys_as, ()
    if target.project is None:
        return None, target.causes or target.kind_causes
    number = estate.hierarchy.number(target.project)
    if number is None:
        return None, cause("layer", f"number of project {target.project}")
    return default_compute(number), ()


def _public(
    estate: Estate, caller: Caller, permission: str, resource: str
) -> Answer | None:
    """Return the answer for a service that lets everyone in, whoever calls."""
    if permission != INVOKE or caller.identity is not UNSET:
        return None
    answer = estate.access.holds(ANYONE.key, permission, resource)
    return answer if answer.held else None


def _held(access: Access, holder: str, permission: str, resource: str) -> Answer:
    """Ask for a permission, minding that operations belong to the project."""
    if not permission.startswith("run.operations."):
        return access.holds(holder, permission, resource)
    project = access.hierarchy.project_of(resource) or resource
    above = access.holds(holder, permission, project)
    if above.held is not False or not access.holds(holder, permission, resource).held:
        return above
    # the documentation leaves open whether a role on the job covers its operations
    symbol = f"{permission} by a role on {short(resource)}"
    return Answer(held=None, causes=cause("layer", symbol))


def _resource(
    estate: Estate, target: Target, permission: str
) -> tuple[str | None, tuple[Cause, ...]]:
    """Return on what resource a call needs a permission, or why that is unknown."""
    if permission.endswith((".create", ".list")) and target.project is not None:
        project = target.project
        if estate.hierarchy.covers(project):
            return project_resource(project), ()
        shown = estate.hierarchy.project_id(project)
        return None, cause("layer", f"snapshot of project {shown}")
    if target.run is None:
        return None, target.causes or target.kind_causes
    return target.run.resource, ()


def _watched(
    estate: Estate, target: Target, holder: str, permission: str
) -> Answer | None:
    """Return the answer for an operation on what the snapshot does not hold (yet)."""
    project = target.project
    if not permission.startswith("run.operations.") or project is None:
        return None
    if not estate.hierarchy.covers(project):
        return None
    answer = estate.access.holds(holder, permission, project_resource(project))
    return answer if answer.held else None


def _links(acting: Acting, last: str) -> Iterator[tuple[str | None, str, str]]:
    """
    Yield holder, permission and account of every link of an impersonation chain.

    All delegates go into one request: each account but the last before the target
    needs implicitDelegation on the next, the last one the token itself.
    """
    holder = acting.source.key if acting.source is not UNSET else None
    for index, account in enumerate(acting.chain):
        final = index == len(acting.chain) - 1
        yield holder, last if final else DELEGATE, account
        holder = account


def _impersonation(
    estate: Estate, acting: Acting, holder: str | None, permission: str, account: str
) -> Need:
    email = email_of(account) or account
    shown = f"{permission}@{email}"
    if not estate.has_snapshot:
        return Need(shown=shown, answer=Answer(held=None, causes=(NO_SNAPSHOT,)))
    if holder is None:
        causes = acting.source_causes
        return Need(shown=shown, answer=Answer(held=None, causes=causes))
    resource = account_resource(email)
    answer = estate.access.holds(holder, permission, resource)
    if permission == DELEGATE and answer.held is False:
        answer = _delegated(estate.access, holder, resource, answer)
    return Need(shown=shown, holder=holder, answer=answer, resource=resource)


def _delegated(access: Access, holder: str, resource: str, denied: Answer) -> Answer:
    """Whether a delegate that may only mint tokens can delegate is not documented."""
    mint = access.holds(holder, GET_TOKEN, resource)
    if mint.held is False:
        return denied
    symbol = f"{DELEGATE} by {GET_TOKEN} on {short(resource)}"
    return Answer(held=None, causes=mint.causes or cause("layer", symbol))


def _judge(
    needs: tuple[Need, ...], why: tuple[Cause, ...]
) -> tuple[tuple[Need, ...], tuple[str, ...], tuple[Cause, ...]]:
    """Return the needs, those surely lacking, and what keeps others unknown."""
    lacking = tuple(need.shown for need in needs if need.answer.held is False)
    doubt = [*why]
    for need in needs:
        if need.answer.held is None:
            doubt.extend(need.answer.causes)
            if not need.answer.causes:
                doubt.extend(cause("dynamic", need.shown))
    return needs, lacking, distinct(doubt)


def _allowed(
    lacking: tuple[str, ...], doubt: tuple[Cause, ...], other: bool
) -> Maybe[bool]:
    if other:
        return UNSET
    if lacking:
        return False
    return UNSET if doubt else True


def _disabled(estate: Estate, identity: Maybe[IdentityRef]) -> bool:
    """Tell whether the account is known to be disabled: it gets no token."""
    if identity is UNSET:
        return False
    fact = estate.access.identity(identity.key)
    return fact is not None and fact.disabled is True


# ------------------------------------------------------------------------ the chain


def _hops(
    estate: Estate,
    task: Task,
    call: Call,
    caller: Caller,
    target: Target,
    needs: tuple[Need, ...],
) -> tuple[Hop, ...]:
    hops = list(caller.acting.hops)
    if caller.identity == ANYONE:
        hops.append(
            Hop(
                kind="authenticates_as",
                source=hops[-1].target,
                target=ANYONE.key,
                text="sends no token that Cloud Run takes: anyone",
                origin=call.origin,
            )
        )
    primary = _primary(needs)
    if primary is not None and primary.resource and primary.answer.supports:
        support = chosen(primary.answer)
        permission = primary.shown.partition("@")[0]
        hops.extend(
            grant_hops(
                estate.access,
                primary.holder or "",
                permission,
                primary.resource,
                support,
            )
        )
    hops.append(_call_hop(estate, task, call, caller, target, needs))
    return tuple(hops)


def _primary(needs: tuple[Need, ...]) -> Need | None:
    """Return the need that the call is about: what is done, not what watches it."""
    return next(
        (
            need
            for need in needs
            if need.shown.startswith("run.") and need.shown not in _WATCHING
        ),
        None,
    )


def _call_hop(
    estate: Estate,
    task: Task,
    call: Call,
    caller: Caller,
    target: Target,
    needs: tuple[Need, ...],
) -> Hop:
    who = caller.identity.key if caller.identity is not UNSET else label(task)
    shown = target.name if target.name is not UNSET else "a target not established"
    text = f"calls {short(shown)} ({call.operation})"
    lacking = [need.shown for need in needs if need.answer.held is False]
    if _disabled(estate, caller.identity):
        text += f", and is disabled ({who})"
    elif lacking:
        text += f", and lacks {', '.join(lacking)}"
    return Hop(kind="calls", source=who, target=shown, text=text, origin=call.origin)


def chosen(answer: Answer) -> Support:
    """Return the support to show: the nearest to the resource first."""
    return min(
        answer.supports,
        key=lambda item: (item.inherited, item.binding.id if item.binding else ""),
    )


def grant_hops(
    access: Access, key: str, permission: str, resource: str, support: Support
) -> Iterator[Hop]:
    """Yield the hops from an identity to the resource by one binding."""
    binding = support.binding
    if binding is None:
        text = f"the invoker check of {access.hierarchy.shown(resource)} is off: anyone may call"
        yield Hop(
            kind="holds",
            source=key,
            target=permission,
            text=text,
            origin=support.origin,
        )
        return
    if support.member != key:
        yield Hop(
            kind="member_of",
            source=key,
            target=support.member,
            text=f"is covered by {support.member}",
            origin=binding.origin,
        )
    place = access.hierarchy.shown(binding.resource)
    yield Hop(
        kind="granted",
        source=support.member,
        target=binding.role,
        text=f"{binding.role} granted on {place}",
        origin=binding.origin,
    )
    if support.inherited:
        yield Hop(
            kind="inherited",
            source=binding.resource,
            target=resource,
            text=f"{access.hierarchy.shown(resource)} inherits from {place}",
            origin=_read_at(access, resource),
        )
    yield Hop(
        kind="holds",
        source=binding.role,
        target=permission,
        text=f"{binding.role} holds {permission}",
        origin=access.roles.origin(binding.role),
    )


def _read_at(access: Access, resource: str) -> Origin | None:
    """Return where a resource, and so what lies above it, was read."""
    project = access.hierarchy.project_of(resource) or resource
    fact = (
        access.hierarchy.resource(resource)
        or access.run(resource)
        or access.hierarchy.resource(project)
    )
    return fact.origin if fact else None


def grant_id(binding_id: str, key: str) -> str:
    """Return the id of the grant of a binding to an identity."""
    return f"grant:{binding_id.removeprefix('binding:')}@{key}"


def _through(
    task: Task, call: Call, caller: Caller, target: Target, needs: tuple[Need, ...]
) -> tuple[str, ...]:
    acting = caller.acting
    ids: list[str] = []
    if isinstance(task.connection, str):
        ids.append(f"connection:{call.environment}:{task.connection}")
    if any(hop.kind == "runs_as" for hop in acting.hops):
        ids.append(f"environment:{call.environment}")
    if acting.source is not UNSET:
        ids.append(f"identity:{acting.source.key}")
    ids.extend(f"identity:{key}" for key in acting.chain)
    if caller.identity is not UNSET:
        ids.append(f"identity:{caller.identity.key}")
    ids.extend(
        grant_id(support.binding.id, support.member)
        for need in needs
        if need.answer.supports and (support := chosen(need.answer)).binding
    )
    if target.run is not None:
        ids.append(target.run.id)
    return tuple(dict.fromkeys(ids))


def _assumes(
    estate: Estate, target: Target, needs: tuple[Need, ...]
) -> tuple[str, ...]:
    if not estate.has_snapshot or not needs:
        return ()
    said = list(estate.access.assumes())
    run = target.run
    if run is not None and run.kind == "service" and run.ingress != "all":
        said.append("the request comes from where the service's ingress lets it in")
    return tuple(sorted(said))
