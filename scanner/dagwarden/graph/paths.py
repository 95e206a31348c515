"""One call of one task, with all that lies between."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Binding,
    Call,
    Condition,
    Hop,
    Maybe,
    Origin,
    Path,
    Task,
    Unresolved,
)
from dagwarden.graph.access import Answer, Cause, Support
from dagwarden.graph.callers import Caller
from dagwarden.graph.estate import Estate, cause, causes_of, label, unresolved
from dagwarden.graph.hierarchy import short
from dagwarden.graph.needs import Judged, Need, judge
from dagwarden.graph.principals import ANYONE, email_of
from dagwarden.graph.sharing import RUN_JOB, with_sharing
from dagwarden.graph.targets import Target

if TYPE_CHECKING:
    from dagwarden.graph.access.decide import Access

_LONG = 300  # letters of a condition that a chain shows
# What an operator asks for beside the call itself, to follow it to its end.
_WATCHING = frozenset({"run.executions.get", "run.jobs.get", "run.operations.get"})


def derive_paths(
    estate: Estate, resolved: Mapping[str, tuple[Caller, Target]]
) -> tuple[Path, ...]:
    """Return the path of every call, given who makes it and what it reaches."""
    found = (
        _path(estate, estate.tasks[call.task], call, *resolved[call.id])
        for call in estate.facts.calls
        if call.id in resolved
    )
    paths = tuple(sorted(found, key=lambda path: path.id))
    if not any(path.operation == RUN_JOB for path in paths):
        return paths
    return with_sharing(paths, {key: task.dag for key, task in estate.tasks.items()})


def _path(
    estate: Estate, task: Task, call: Call, caller: Caller, target: Target
) -> Path:
    judged = judge(estate, call, caller, target)
    needs, doubt = judged.known, judged.doubt
    said, cures = _said(estate, judged)
    shown = tuple(need.shown for need in judged.lacking)
    causes: dict[str, tuple[Cause, ...]] = {
        "identity": caller.causes,
        "target_kind": target.kind_causes,
        "target": target.causes,
        "token": caller.token_causes,
        "tls": caller.tls_causes,
        "needs": judged.why,
        "names_run": causes_of(call, "names_run", f"what {label(task)} gives its job"),
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
        connection=_holder(task, call).connection,
        identity=caller.identity,
        target_kind=target.kind,
        target=target.name,
        token=caller.token,
        tls=caller.tls,
        names_run=call.names_run,
        sharing=() if call.operation != RUN_JOB else UNSET,
        needs=UNSET if judged.needs is None else tuple(need.shown for need in needs),
        lacks=UNSET if doubt else shown,
        lacks_known=shown,
        lacks_words=said,
        cures=cures,
        allowed=_allowed(judged, other=target.kind == "other"),
        hops=_hops(estate, task, call, caller, target, judged, said),
        through=_through(task, call, caller, target, needs),
        assumes=_assumes(estate, target, needs),
    )
    holder = _holder(task, call)
    if holder.connection is UNSET:
        symbol = f"connection of {label(task)}"
        causes["connection"] = causes_of(holder, "connection", symbol)
    return _explained(path, task, causes)


def _holder(task: Task, call: Call) -> Task | Call:
    """Return which of the two says through what connection the call goes."""
    return call if call.via in ("code", "command") else task


def _explained(path: Path, task: Task, causes: dict[str, tuple[Cause, ...]]) -> Path:
    """Add the entries that say why the UNSET fields are UNSET."""
    entries: list[Unresolved] = []
    for field in ("dag_id", "task_id", "operator"):
        if getattr(path, field) is UNSET:
            why = causes_of(task, field, f"{field} of {label(task)}")
            entries.extend(unresolved(why, field))
    for field, why in causes.items():
        if getattr(path, field) is UNSET:
            entries.extend(unresolved(why, field))
    return replace(path, unresolved=tuple(entries))


def _said(estate: Estate, judged: Judged) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what is lacking in words, and the commands that would mend it."""
    if not judged.lacking:
        return (), ()
    # most calls lack nothing, and a commit hook never knows
    from dagwarden.graph.cures import cures, lacks_words

    return lacks_words(estate, judged), cures(estate, judged)


def _allowed(judged: Judged, *, other: bool) -> Maybe[bool]:
    if other:
        return UNSET
    if judged.lacking:
        return False
    return UNSET if judged.doubt else True


# ------------------------------------------------------------------------ the chain


def _hops(
    estate: Estate,
    task: Task,
    call: Call,
    caller: Caller,
    target: Target,
    judged: Judged,
    said: tuple[str, ...],
) -> tuple[Hop, ...]:
    hops = list(caller_hops(call, caller, judged))
    primary = _primary(judged.known)
    if primary is not None and primary.resource and primary.answer.supports:
        support = chosen(primary.answer)
        hops.extend(
            grant_hops(
                estate.access,
                primary.holder or "",
                primary.permission,
                primary.resource,
                support,
            )
        )
        hops.extend(refusal_hops(primary.answer, primary.permission, primary.resource))
    hops.append(_call_hop(task, call, caller, target, said))
    return tuple(hops)


def caller_hops(call: Call, caller: Caller, judged: Judged) -> tuple[Hop, ...]:
    """Return the hops from a task to whom its call is made as, each link judged."""
    needs = tuple(need for need in judged.known if need.link)
    hops = linked(caller.acting.hops, needs)
    if caller.identity != ANYONE:
        return hops
    nobody = Hop(
        kind="authenticates_as",
        source=hops[-1].target,
        target=ANYONE.key,
        text="sends no token that Cloud Run takes: anyone",
        origin=call.origin,
    )
    return (*hops, nobody)


def linked(hops: tuple[Hop, ...], links: tuple[Need, ...]) -> tuple[Hop, ...]:
    """Return hops whose impersonations say by which binding, or that they fail."""
    by_account = {(need.holder, need.account): need for need in links}
    return tuple(
        _judged_hop(hop, by_account.get((hop.source, email_of(hop.target))))
        if hop.kind == "impersonates"
        else hop
        for hop in hops
    )


def _judged_hop(hop: Hop, link: Need | None) -> Hop:
    if link is None:
        return hop
    if link.answer.held is False:
        text = f"may not impersonate {link.account}: lacks {link.permission} on it"
        return replace(hop, text=text)
    if not link.answer.supports:
        return hop
    binding = chosen(link.answer).binding
    if binding is None:
        return hop
    perhaps = "" if link.answer.held else ", unless something takes that away"
    text = f"{hop.text} by {binding.role}{perhaps}"
    return replace(hop, text=text, origin=binding.origin)


def _primary(needs: tuple[Need, ...]) -> Need | None:
    """Return the need that the call is about: what is done, not what watches it."""
    return next(
        (
            need
            for need in needs
            if need.permission.startswith("run.") and need.permission not in _WATCHING
        ),
        None,
    )


def _call_hop(
    task: Task, call: Call, caller: Caller, target: Target, said: tuple[str, ...]
) -> Hop:
    who = caller.identity.key if caller.identity is not UNSET else label(task)
    shown = target.name if target.name is not UNSET else "a target not established"
    text = f"calls {short(shown)} ({call.operation})"
    if said:
        text += f", and is refused: {'; '.join(said)}"
    return Hop(kind="calls", source=who, target=shown, text=text, origin=call.origin)


def chosen(answer: Answer) -> Support:
    """Return the support to show: the nearest to the resource first."""
    return min(
        answer.supports,
        key=lambda item: (item.inherited, item.binding.id if item.binding else ""),
    )


def grant_hops(
    access: "Access", key: str, permission: str, resource: str, support: Support
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
    yield from _memberships(key, support)
    if support.member != key and not support.via:
        yield Hop(
            kind="member_of",
            source=key,
            target=support.member,
            text=f"is covered by {support.member}",
            origin=binding.origin,
        )
    place = access.hierarchy.shown(binding.resource)
    yield grant_hop(support.member, binding, place)
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


def grant_hop(member: str, binding: Binding, place: str) -> Hop:
    """Return the hop of one binding, with what it is granted on condition of."""
    on = f", on {_stated(binding.condition)}" if binding.condition else ""
    return Hop(
        kind="granted",
        source=member,
        target=binding.role,
        text=f"{binding.role} granted on {place}{on}",
        origin=binding.origin,
    )


def _stated(condition: Condition) -> str:
    """Return a condition as people tell it: its title, and what it asks."""
    title = f' "{condition.title}"' if condition.title else ""
    text = " ".join(condition.expression.split())
    shown = text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
    return f"condition{title}: {shown}"


def _memberships(key: str, support: Support) -> Iterator[Hop]:
    """Yield the groups by which an identity is a member, from the inside out."""
    source = key
    for group in support.via:
        yield Hop(
            kind="member_of",
            source=source,
            target=group.key,
            text=f"is a member of {group.key}",
            origin=group.origin,
        )
        source = group.key


def refusal_hops(answer: Answer, permission: str, resource: str) -> Iterator[Hop]:
    """Yield what takes a granted permission away."""
    for refusal in answer.refusals:
        yield Hop(
            kind="denied",
            source=permission,
            target=resource,
            text=refusal.text,
            origin=refusal.origin,
        )


def _read_at(access: "Access", resource: str) -> Origin | None:
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
    connection = _holder(task, call).connection
    if isinstance(connection, str):
        ids.append(f"connection:{call.environment}:{connection}")
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
