"""
The cure: the smallest set of grants that keeps every scanned call working.

Changes are planned on what was read (`plans`), applied to it, and everything is derived
again. What that does not confirm is not suggested.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TypeAlias

from msgspec import UNSET

from dagwarden.answers import Answered, Effect, Loss, Open, Suggestion
from dagwarden.errors import UsageError
from dagwarden.facts import Facts, Path, Record
from dagwarden.graph.build import derive
from dagwarden.graph.plans import (
    Plan,
    World,
    connection_needs,
    holders,
    own_accounts,
    with_grants,
    without_keys,
)
from dagwarden.graph.principals import account_key, email_of, key_of, kind_of
from dagwarden.graph.usage import Scanned

_CALLING = {
    "service": ("run.routes.invoke",),
    "job": ("run.jobs.run", "run.jobs.runWithOverrides"),
}
_MANY = 10  # more services or jobs than these are counted, not named
_Reaches: TypeAlias = tuple[dict[str, set[str]], dict[str, set[str]]]
_ORDER = {"create": 0, "grant": 1, "act_as": 2, "revoke": 3}
_ANSWERS: dict[object, Answered] = {True: "allowed", False: "denied"}


class Scope(Record, frozen=True, kw_only=True):
    """What a suggestion is for; neither: the estate."""

    identity: str | None = None
    dag: str | None = None


def suggest(facts: Facts, as_of: datetime, scope: Scope) -> Suggestion:
    """
    Return what to change so that tasks hold what their calls take, and no more.

    `facts` are those that sources read. Raises UsageError without a snapshot, and for
    an identity or a DAG that no scanned call has.
    """
    if not facts.snapshots:
        raise UsageError(
            "there is no snapshot to improve on", remedy="give one with --snapshot"
        )
    world = World(facts, as_of)
    chosen = _chosen(world, scope)
    before = derive(facts, as_of)
    tried = _try(world, before, chosen, scope, moved=chosen)
    wanted = tried.moves
    if tried.moves and (tried.broken or tried.refused):
        # what no other account may do is left to this one, and keeps no DAG from its own
        left = chosen - set(map(_call_of, (*tried.broken, *tried.refused)))
        tried = _try(world, before, chosen, scope, moved=left)
    if tried.broken and tried.moves:
        tried = _try(world, before, chosen, scope, moved=frozenset())
    confirmed, after, broken = tried.plan, tried.after, tried.broken
    if broken:
        confirmed = Plan(facts=facts, open=confirmed.open)
        after = derive(facts, as_of)
        broken = _broken(before, after)
    effects = tuple(_effects(before, after, chosen))
    open_ = [*confirmed.open, *_not_mended(effects, tried.refused, after)]
    why = ("deriving everything again showed calls that would be refused",)
    given_up = wanted - frozenset(_moves(confirmed))
    open_.extend(Open(what=move, because=why) for move in sorted(given_up))
    if not tried.wholly:
        open_.append(Open(what="grants that no scanned call needs", because=why))
    return Suggestion(
        asked=_asked(scope),
        changes=tuple(sorted(confirmed.changes, key=lambda one: _ORDER[one.kind])),
        effects=effects,
        cut=tuple(
            _cut(
                world,
                World(confirmed.facts, as_of),
                confirmed,
                effects,
                (_controls(before), _controls(after)),
            )
        ),
        broken=broken,
        open=tuple(dict.fromkeys(open_)),
        assumes=tuple(sorted({*world.estate.access.assumes(), *_assumes(confirmed)})),
    )


class _Tried(Record, frozen=True, kw_only=True):
    """What planning came to, derived again."""

    plan: Plan
    after: Facts
    broken: tuple[str, ...]
    refused: dict[str, tuple[str, ...]]
    moves: frozenset[str]  # which tasks and connections act as another, in words
    wholly: bool  # whether grants that nothing needs are taken back


def _try(
    world: World,
    before: Facts,
    chosen: frozenset[str],
    scope: Scope,
    *,
    moved: frozenset[str],
) -> _Tried:
    """Plan, with grants taken back or else without, and derive everything again."""
    as_of = world.as_of
    plan = without_keys(world, Plan(facts=world.facts), moved)
    plan = own_accounts(World(plan.facts, as_of), plan, moved)
    then = World(plan.facts, as_of)
    keys = _holders(world, then, chosen, scope)
    planned = with_grants(then, plan, keys, removing=True)
    refused = _refused(before, derive(planned.facts, as_of))
    hopeless = frozenset(map(_call_of, refused))
    for removing in (True, False):
        planned = with_grants(then, plan, keys, removing=removing, hopeless=hopeless)
        after = derive(planned.facts, as_of)
        broken = (*_broken(before, after), *_shut(planned, as_of))
        if not broken:
            break
    return _Tried(
        plan=planned,
        after=after,
        broken=broken,
        refused=refused,
        moves=frozenset(_moves(planned)),
        wholly=removing,
    )


def _moves(plan: Plan) -> Iterator[str]:
    """Say which tasks get an account of their own, and which connections lose a key."""
    for change in plan.changes:
        if change.connection:
            yield f"connection {change.connection} ({change.environment}) without a key"
        for task in change.tasks:
            where = f"{change.dag}.{task} ({change.environment})"
            yield f"an account of its own for task {where}"


def _shut(plan: Plan, as_of: datetime) -> Iterator[str]:
    """Yield whom connections could not become that hold no key any more."""
    if any(change.connection for change in plan.changes):
        for need in connection_needs(World(plan.facts, as_of), plan):
            if need.answer.held is False:
                yield f"{email_of(need.holder or '')} as {need.account}"


def _call_of(path: str) -> str:
    return f"call:{path.removeprefix('path:')}"


def _assumes(plan: Plan) -> Iterator[str]:
    if any(change.kind == "create" for change in plan.changes):
        yield (
            "DAGs keep to their own accounts: code in one environment may still "
            "impersonate all that its account may"
        )
    # a grant to, or on, an account that is not there fails
    there = {item.key for item in plan.facts.identities}
    for change in plan.changes:
        if change.kind != "grant" or change.place is None:
            continue
        on = (
            {account_key(change.place.name)}
            if change.place.kind == "account"
            else set[str]()
        )
        for key in sorted({change.member, *on} - there):
            if kind_of(key) == "service_account":
                yield f"{email_of(key)} is there: the snapshot does not show it"


def _asked(scope: Scope) -> str:
    if scope.dag is not None:
        return f"DAG {scope.dag}"
    return key_of(scope.identity) if scope.identity is not None else "the estate"


def _chosen(world: World, scope: Scope) -> frozenset[str]:
    """Return the calls that a suggestion is for, by id."""
    wanted = key_of(scope.identity) if scope.identity is not None else None
    found = [
        call
        for call in world.calls
        if call.target.kind != "other"
        and (scope.dag is None or call.task.dag_id == scope.dag)
        and (wanted is None or wanted in _acts_as(call))
    ]
    if not found and (scope.dag is not None or wanted is not None):
        raise UsageError(
            f"no scanned call to Cloud Run is of {_asked(scope)}",
            remedy="see `dagwarden facts --kind path` for those there are",
        )
    return frozenset(call.call.id for call in found)


def _acts_as(call: Scanned) -> frozenset[str]:
    identity = call.caller.identity
    final = {identity.key} if identity is not UNSET else set[str]()
    return holders([call]) | final


def _holders(
    before: World, after: World, chosen: frozenset[str], scope: Scope
) -> frozenset[str]:
    """Return whose grants are weighed: an identity asked for, and what it becomes."""
    was = holders(call for call in before.calls if call.call.id in chosen)
    now = holders(call for call in after.calls if call.call.id in chosen)
    if scope.identity is None:
        return was | now
    return (now - was) | {key_of(scope.identity)}


# ------------------------------------------------------------------------ comparison


def _refused(before: Facts, after: Facts) -> dict[str, tuple[str, ...]]:
    """Return the paths that were not allowed and no grant mends, and why not."""
    was = {path.id for path in before.paths if path.allowed is True}
    return {
        path.id: path.lacks_words
        for path in after.paths
        if path.allowed is False and path.id not in was
    }


def _broken(before: Facts, after: Facts) -> tuple[str, ...]:
    """Return the paths, of all tasks, that were allowed, or may have been, and are not."""
    now = {path.id: path.allowed for path in after.paths}
    return tuple(
        path.id
        for path in before.paths
        if (path.allowed is True and now[path.id] is not True)
        or (path.allowed is UNSET and now[path.id] is False)
    )


def _effects(before: Facts, after: Facts, chosen: frozenset[str]) -> Iterator[Effect]:
    now = {path.id: path for path in after.paths}
    for path in before.paths:
        if _call_of(path.id) not in chosen:
            continue
        then = now[path.id]
        yield Effect(
            path=path.id,
            task=f"{_text(path.dag_id)}.{_text(path.task_id)}",
            environment=path.environment,
            operation=path.operation,
            target=_text(path.target),
            before=_ANSWERS.get(path.allowed, "unknown"),
            after=_ANSWERS.get(then.allowed, "unknown"),
            identity_before=_identity(path),
            identity_after=_identity(then),
            lacks=then.lacks_words,
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else "?"


def _identity(path: Path) -> str:
    return path.identity.key if path.identity is not UNSET else ""


def _not_mended(
    effects: Iterable[Effect], refused: Mapping[str, tuple[str, ...]], after: Facts
) -> Iterator[Open]:
    now = {path.id: path for path in after.paths}
    for effect in effects:
        if (effect.before, effect.after) == ("denied", "unknown"):
            open_ = (
                one for one in now[effect.path].unresolved if one.field == "allowed"
            )
            why = tuple(f"undecided: {one.symbol}" for one in open_)
            yield Open(what=f"task {effect.task}", because=why)
        if effect.after == "denied":
            why = refused.get(effect.path, effect.lacks)
            yield Open(what=f"task {effect.task}", because=why)


def _cut(
    then: World, now: World, plan: Plan, effects: Iterable[Effect], reaches: _Reaches
) -> Iterator[Loss]:
    """Yield what is lost: grants, calls of an identity or a task, accounts."""
    taken = [change for change in plan.changes if change.kind == "revoke"]
    for change in taken:
        where = change.place.label if change.place is not None else ""
        what = f"{change.role} on {where}"
        yield Loss(who=change.member, kind="grant", what=what)
    calls = _Calls(then, now)
    for key in sorted({change.member for change in taken}):
        yield from calls.lost(key, key, key)
    for effect in effects:
        was, new = effect.identity_before, effect.identity_after
        if was and new and was != new:
            yield from calls.lost(f"task {effect.task}", was, new)
    before, after = reaches
    for key in sorted(before.keys() & after.keys()):
        for lost in sorted(before[key] - after[key]):
            yield Loss(who=key, kind="control", what=email_of(lost) or lost)


class _Calls:
    """What identities may call before and after the changes."""

    def __init__(self, then: World, now: World) -> None:
        self._then = then
        self._now = now.estate.access
        self._before: dict[str, list[tuple[str, str]]] = {}
        self._lost: dict[tuple[str, str], tuple[str, ...]] = {}

    def lost(self, who: str, was: str, new: str) -> Iterator[Loss]:
        """Yield what `was` might call and `new` surely may not."""
        lost = self._lost.get((was, new))
        if lost is None:
            lost = self._lost[was, new] = tuple(self._words(was, new))
        for what in lost:
            yield Loss(who=who, kind="call", what=what)

    def _words(self, was: str, new: str) -> Iterator[str]:
        places: dict[str, list[str]] = {}
        for permission, resource in self._held(was):
            if self._now.holds(new, permission, resource).held is False:
                places.setdefault(permission, []).append(resource)
        for permission, found in places.items():
            shown = [self._then.estate.hierarchy.shown(one) for one in found[:_MANY]]
            if len(found) > _MANY:
                yield f"{permission} on {len(found)} jobs or services, {shown[0]} among them"
            else:
                yield from (f"{permission} on {one}" for one in shown)

    def _held(self, key: str) -> list[tuple[str, str]]:
        found = self._before.get(key)
        if found is None:
            estate = self._then.estate
            found = self._before[key] = [
                (permission, run.resource)
                for run in sorted(estate.facts.cloud_runs, key=lambda one: one.resource)
                for permission in _CALLING[run.kind]
                if estate.access.holds(key, permission, run.resource).held
            ]
        return found


def _controls(facts: Facts) -> dict[str, set[str]]:
    return {
        reach.identity.key: {one.identity.key for one in reach.controls_known}
        for reach in facts.reaches
    }
