"""Why may A use P on R, and who else may."""

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from dagwarden.errors import UsageError
from dagwarden.facts import Facts, Hop, IdentityRef
from dagwarden.findings import Answered, Explanation, Holder, Holders
from dagwarden.graph.access import Access, Answer, Cause, distinct
from dagwarden.graph.estate import Estate, label
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.identities import act
from dagwarden.graph.paths import chosen, grant_hops
from dagwarden.graph.principals import key_of
from dagwarden.graph.reach import Control, ControlGraph, User, reached

_WORDS: dict[bool | None, Answered] = {
    True: "allowed",
    False: "denied",
    None: "unknown",
}
_CHAINS = 20  # shown per answer


def explain(
    facts: Facts, principal: str, permission: str, resource: str
) -> Explanation:
    """
    Answer whether a principal may use a permission on a resource, and why.

    `facts` are derived facts. `principal` is an e-mail, an IAM member, or a task as
    `DAG.TASK`; `resource` a full name, a relative one (`projects/p`), `service NAME`,
    `job NAME`, or a name that one service or job alone bears. Raises UsageError for
    names that nothing in the facts bears.
    """
    estate = _estate(facts)
    _known_permission(estate, permission)
    name = _resource(estate, resource)
    key, before, causes = _principal(estate, principal)
    if key is None:
        why = tuple(_say(cause) for cause in causes)
        return Explanation(
            principal=principal,
            permission=permission,
            resource=name,
            answer="unknown",
            because=why,
        )
    identity = estate.access.identity(key)
    if identity is not None and identity.disabled is True:
        return Explanation(
            principal=key,
            permission=permission,
            resource=name,
            answer="denied",
            because=(f"{identity.email or key} is disabled: it gets no token",),
            assumes=estate.access.assumes(),
        )
    direct = estate.access.holds(key, permission, name)
    chains = [*_direct(estate.access, key, permission, name, direct)]
    held = direct.held
    if held is not True:
        through, doubt = _through(estate, key, permission, name)
        chains.extend(through)
        held = True if through else None if doubt and held is False else held
        causes = distinct((*direct.causes, *doubt))
    chains.sort(key=len)
    shown = estate.hierarchy.shown(name)
    return Explanation(
        principal=key,
        permission=permission,
        resource=name,
        answer=_WORDS[held],
        chains=tuple((*before, *chain) for chain in chains[:_CHAINS]),
        because=tuple(_because(key, permission, shown, held, causes)),
        assumes=estate.access.assumes(),
    )


def who_can(facts: Facts, permission: str, resource: str) -> Holders:
    """
    Return every identity that a binding gives the permission on the resource.

    Groups and other populations are listed as written. Raises UsageError as
    `explain` does.
    """
    estate = _estate(facts)
    _known_permission(estate, permission)
    name = _resource(estate, resource)
    access = estate.access
    keys = {
        key
        for place in estate.hierarchy.lineage(name).names
        for binding in access.bindings_on(place)
        if access.roles.holds(binding.role, permission) is not False
        for key in access.members(binding)
    }
    if permission == "run.routes.invoke":
        keys.add("allUsers")
    found = [_holder(access, key, permission, name) for key in sorted(keys)]
    listed = [holder for holder in found if holder.answer != "denied"]
    listed.sort(
        key=lambda holder: (holder.answer, len(holder.hops), holder.identity.key)
    )
    nobody = access.holds("user:nobody@invalid", permission, name)
    return Holders(
        permission=permission,
        resource=name,
        holders=tuple(listed),
        unknown=tuple(_say(cause) for cause in nobody.causes),
        assumes=access.assumes(),
    )


def _holder(access: Access, key: str, permission: str, resource: str) -> Holder:
    answer = access.holds(key, permission, resource)
    held, causes = answer.held, answer.causes
    hops: tuple[Hop, ...] = ()
    if answer.supports:
        support = chosen(answer)
        hops = tuple(grant_hops(access, key, permission, resource, support))
    return Holder(
        identity=access.ref(key),
        answer=_WORDS[held],
        hops=hops,
        because=tuple(_say(cause) for cause in causes),
    )


# ---------------------------------------------------------------------------- chains


def _direct(
    access: Access, key: str, permission: str, resource: str, answer: Answer
) -> Iterator[tuple[Hop, ...]]:
    ordered = sorted(
        answer.supports,
        key=lambda item: (item.inherited, item.binding.id if item.binding else ""),
    )
    for support in ordered:
        yield tuple(grant_hops(access, key, permission, resource, support))


def _through(
    estate: Estate, key: str, permission: str, resource: str
) -> tuple[list[tuple[Hop, ...]], tuple[Cause, ...]]:
    """Return chains by which the identity first becomes one that holds it."""
    control = Control(estate)
    graph = ControlGraph(control, [key])
    alone = User(
        key=key, environments=(), dags=(), declared=frozenset(), jobs=frozenset()
    )
    access = estate.access

    def holds(account: str, invokes: bool) -> bool:
        usable = not invokes or permission == "run.routes.invoke"
        return usable and access.holds(account, permission, resource).held is True

    found = reached(graph, alone, holds)
    chains: list[tuple[Hop, ...]] = []
    for account, hops in found.chains.items():
        answer = access.holds(account, permission, resource)
        first = next(_direct(access, account, permission, resource, answer))
        chains.append((*hops, *first))
    doubt: list[Cause] = [*control.populations()]
    for account in found.visited:
        doubt.extend(control.doubts(account))
        doubt.extend(access.holds(account, permission, resource).causes)
    return chains, distinct(doubt)


def _because(
    key: str,
    permission: str,
    resource: str,
    held: bool | None,
    causes: Iterable[Cause],
) -> Iterator[str]:
    who = key.partition(":")[2] or key
    if held is True:
        yield f"{who} holds {permission} on {resource}"
    elif held is False:
        yield f"no policy that was read gives {who} {permission} on {resource}"
    else:
        yield from (_say(cause) for cause in causes)


def _say(cause: Cause) -> str:
    words = {
        "layer": "not read",
        "membership": "members not known",
        "condition": "not evaluated",
        "guardrail": "not evaluated",
        "setting": "not configured",
        "connection": "not given",
    }
    return f"{words.get(cause.reason, 'not established')}: {cause.symbol}"


# ----------------------------------------------------------------------------- names


def _estate(facts: Facts) -> Estate:
    if not facts.snapshots:
        raise UsageError(
            "there is no snapshot to explain", remedy="give one with --snapshot"
        )
    return Estate(facts)


def _known_permission(estate: Estate, permission: str) -> None:
    if estate.roles.knows(permission):
        return
    known = estate.roles.catalogue.permissions
    lowered = {name.lower(): name for name in known}
    close = get_close_matches(permission.lower(), lowered, n=1)
    remedy = f"did you mean {lowered[close[0]]}?" if close else "see roles in the docs"
    raise UsageError(f"no permission {permission!r} is known", remedy=remedy)


def _principal(
    estate: Estate, text: str
) -> tuple[str | None, tuple[Hop, ...], tuple[Cause, ...]]:
    """Return the key of a principal, and the hops of a task before it."""
    for task in estate.facts.tasks:
        if text in (task.id, label(task)):
            acting = act(estate, task)
            key = (
                acting.identity.key
                if isinstance(acting.identity, IdentityRef)
                else None
            )
            return key, acting.hops, acting.causes
    key = key_of(text)
    if "@" in key or key.startswith(("all", "principal", "domain:")):
        return key, (), ()
    tasks = sorted({label(task) for task in estate.facts.tasks})
    raise UsageError(
        f"{text!r} is no e-mail, IAM member or task",
        remedy=_suggest(text, tasks, "write an e-mail or DAG.TASK"),
    )


def _resource(estate: Estate, text: str) -> str:
    """Return the full resource name that a spelling stands for."""
    kind, _, name = text.strip().partition(" ")
    if kind in ("service", "job") and name:
        return _run_by_name(estate, kind, name.strip())
    for candidate in _candidates(text.strip()):
        canonical = estate.hierarchy.canonical(candidate)
        if estate.hierarchy.resource(canonical) or estate.access.run(canonical):
            return canonical
        if _is_account(estate, candidate) or estate.access.bindings_on(canonical):
            return canonical
    named = [run for run in estate.facts.cloud_runs if run.name == text.strip()]
    if len(named) == 1:
        return estate.hierarchy.canonical(named[0].resource)
    known = [*(run.resource for run in estate.facts.cloud_runs)]
    known += [item.name for item in estate.facts.resources]
    raise UsageError(
        f"the snapshot holds no resource {text!r}",
        remedy=_suggest(text, known, "write its full resource name"),
    )


def _candidates(text: str) -> Iterator[str]:
    if text.startswith("//"):
        yield text
    elif "@" in text:
        yield account_resource(text.rpartition("/")[2].removeprefix("serviceAccount:"))
    elif "/locations/" in text:
        yield f"//run.googleapis.com/{text}"
        yield f"//composer.googleapis.com/{text}"
    elif text.startswith("gs://"):
        yield f"//storage.googleapis.com/{text.removeprefix('gs://').partition('/')[0]}"
    else:
        yield text


def _is_account(estate: Estate, name: str) -> bool:
    key = f"serviceAccount:{name.rpartition('/')[2]}"
    return estate.access.identity(key) is not None


def _run_by_name(estate: Estate, kind: str, name: str) -> str:
    runs = [run for run in estate.facts.cloud_runs if run.kind == kind]
    found = sorted({run.resource for run in runs if run.name == name})
    if len(found) == 1:
        return estate.hierarchy.canonical(found[0])
    if found:
        raise UsageError(
            f"{len(found)} {kind}s are named {name!r}", remedy=f"write {found[0]}"
        )
    raise UsageError(
        f"the snapshot holds no {kind} {name!r}",
        remedy=_suggest(name, [run.name for run in runs], "check the name"),
    )


def _suggest(text: str, known: Iterable[str], otherwise: str) -> str:
    close = get_close_matches(text, sorted(set(known)), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else otherwise
