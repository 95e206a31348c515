"""Why may A use P on R, and who else may."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.answers import Answered, Explanation, Holder, Holders, Holding, Holdings
from dagwarden.errors import UsageError
from dagwarden.facts import (
    Binding,
    Call,
    Facts,
    Gap,
    Hop,
    IdentityRef,
    Maybe,
    Reason,
    Record,
    Task,
)
from dagwarden.graph.access import Answer, Cause, Refusal, distinct, open_
from dagwarden.graph.access.decide import Access, role_cause
from dagwarden.graph.access.permissions import host_of
from dagwarden.graph.becoming import MOST_TOLD, becoming
from dagwarden.graph.callers import resolve
from dagwarden.graph.edges import Gives, usable
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate
from dagwarden.graph.federation import Bearer, bearer
from dagwarden.graph.granting import (
    Helping,
    added,
    direct_chains,
    given_another,
    given_itself,
    who_gives_himself,
)
from dagwarden.graph.hierarchy import Hierarchy, account_resource
from dagwarden.graph.identities import act
from dagwarden.graph.needs import GET_TOKEN, Need, disabled, judge, links, open_causes
from dagwarden.graph.new_keys import CREATE_KEY, NewKeys
from dagwarden.graph.paths import (
    caller_hops,
    chosen,
    grant_hops,
    linked,
    refusal_hops,
)
from dagwarden.graph.principals import email_of, kind_of
from dagwarden.graph.reach import (
    Control,
    ControlGraph,
    Leading,
    chain,
    doubted,
    leads_on,
    means,
    reached,
    user_of,
)
from dagwarden.graph.speakers import speakers
from dagwarden.graph.spellings import (
    BEARER,
    asked_estate,
    check_kind,
    one_of,
    other_kind,
    permission_named,
    principal_named,
    resource_named,
    task_named,
    unheard_of,
)
from dagwarden.graph.targets import Runs
from dagwarden.graph.usable import called, told_disabled, why_nobody, why_unusable

_WORDS: dict[bool | None, Answered] = {
    True: "allowed",
    False: "denied",
    None: "unknown",
}
_CHAINS = 20  # shown per answer
_NEAR = 10  # roles that are not enough, shown per answer


class Asked:
    """An estate to which questions are asked: joined and indexed once."""

    def __init__(
        self,
        facts: Facts,
        claims: Mapping[str, object] | None = None,
        hierarchy: Hierarchy | None = None,
    ) -> None:
        """
        Join enriched facts; UsageError where no snapshot is among them.

        With the claims of an external token, questions may ask of its bearer: `token`.
        `hierarchy` is that of the facts, where it was made already.
        """
        self.bearer = None if claims is None else bearer(facts, claims)
        claimed = self.bearer.settled if self.bearer else ()
        self.estate = asked_estate(facts, hierarchy, claimed)

    @classmethod
    def of(
        cls,
        read: Facts,
        as_of: datetime,
        claims: Mapping[str, object] | None = None,
    ) -> "Asked":
        """Enrich and join facts as sources read them; `as_of` as for `build.begin`."""
        hierarchy = Hierarchy(read)
        return cls(enrich(read, as_of, hierarchy), claims, hierarchy)

    @cached_property
    def unread(self) -> tuple[Gap, ...]:
        """What was given and could not be read."""
        return tuple(gap for gap in self.estate.facts.gaps if gap.incomplete)

    @cached_property
    def runs(self) -> Runs:
        """What answers at a host."""
        return Runs(self.estate)

    @cached_property
    def control(self) -> Control:
        """Who can become whom."""
        return Control(self.estate)


def explain(
    facts: Facts | Asked, principal: str, permission: str, resource: str
) -> Explanation:
    """
    Answer whether a principal may use a permission on a resource, and why.

    `facts` are enriched facts; where more questions follow, as `Asked`. `principal` is an e-mail, an IAM member, or a task as
    `DAG.TASK`; `resource` a full name, a relative one (`projects/p`), `service NAME`,
    `job NAME`, or a name that one service or job alone bears. `token` is the bearer of
    the token whose claims were given. What a task's own call
    takes is answered as its `Path` is judged, impersonations included. Raises
    UsageError for names that nothing in the facts bears.
    """
    asked = facts if isinstance(facts, Asked) else Asked(facts)
    said = _explained(asked, principal, permission, resource)
    return replace(said, unread=asked.unread)


def _explained(
    asked: Asked, principal: str, permission: str, resource: str
) -> Explanation:
    estate = asked.estate
    permission = permission_named(estate, permission)
    if principal == BEARER and asked.bearer is not None:
        name = resource_named(estate, resource)
        check_kind(estate, permission, name)
        return _of_bearer(asked, asked.bearer, permission, name)
    task = task_named(estate, principal)
    if task is None:
        name = resource_named(estate, resource)
        check_kind(estate, permission, name)
        key = principal_named(estate, principal)
        said = _of_identity(asked, key, permission, name)
        unheard = unheard_of(estate, key) if said.answer != "allowed" else None
        return replace(said, because=(*said.because, unheard)) if unheard else said
    uses = _uses(estate, task)
    needed = (_needed(estate, use, resource) for use in uses)
    name = next(filter(None, needed), None) or resource_named(estate, resource)
    check_kind(estate, permission, name)
    own = (use for use in uses if _own_need(estate, use, permission, name))
    use = next(own, uses[0])
    said = _of_task(asked, use, permission, name)
    return replace(said, principal=principal) if not said.principal else said


def who_can(facts: Facts | Asked, permission: str, resource: str) -> Holders:
    """
    Return every identity that a binding gives the permission on the resource.

    Groups are listed with those of their members that were read, other populations
    as written. Who can become one of them is told apart, by the way there. Raises UsageError as `explain` does.
    """
    asked = facts if isinstance(facts, Asked) else Asked(facts)
    estate = asked.estate
    permission = permission_named(estate, permission)
    name = resource_named(estate, resource)
    check_kind(estate, permission, name)
    access = estate.access
    keys = {
        key
        for place in estate.hierarchy.lineage(name).names
        for binding in access.bindings_on(place)
        if access.roles.holds(binding.role, permission) is not False
        for member in access.members(binding)
        for key in (member, *_inside(access, member))
    }
    if permission == "run.routes.invoke":
        keys.add("allUsers")
    if asked.bearer is not None:
        keys.update(claimed.key for _, claimed in asked.bearer.becomes)
    found = [_holder(asked, key, permission, name) for key in sorted(keys)]
    # who holds it to no use is listed, and why; who is refused is not
    latent = {key for key in keys if why_unusable(estate, key, permission)}
    listed = [
        holder
        for holder in found
        if holder.answer != "denied" or (holder.hops and holder.identity.key in latent)
    ]
    listed.sort(
        key=lambda holder: (holder.answer, len(holder.hops), holder.identity.key)
    )
    nobody = access.holds("user:nobody@invalid", permission, name)
    held = [holder for holder in listed if holder.answer == "allowed"]
    unknown = tuple(_say(cause) for cause in nobody.causes)
    stopped = (
        _lifting(asked, holder, permission, name)
        for holder in found
        if holder.answer == "denied" and holder.identity.key not in latent
    )
    through, told_all = _others(asked, permission, held)
    if not told_all:
        unknown += (f"more than {MOST_TOLD} others can become one of these",)
    selves, told_all = _selves(asked, permission, name, held)
    if not told_all:
        unknown += (f"more than {MOST_TOLD} others can come to give it to themselves",)
    shown, answer = (
        estate.hierarchy.shown(name),
        _any((one.answer for one in listed), nobody.causes),
    )
    return Holders(
        permission=permission,
        resource=name,
        answer=answer,
        chains=tuple(holder.hops for holder in held[:_CHAINS]),
        because=unknown
        if answer == "unknown"
        else (f"{len(held)} identities hold {permission} on {shown}",),
        holders=tuple(listed),
        through=through,
        selves=selves,
        stopped=tuple(filter(None, stopped)),
        unknown=unknown,
        assumes=(*access.assumes(), *_of_one(asked, permission)),
        unread=asked.unread,
    )


def _of_one(asked: Asked, permission: str) -> Iterator[str]:
    """Say what takes two of those whom one is: it is found of each alone."""
    control = asked.control
    if (
        control.custom_roles
        or control.placed.pools
        or asked.estate.access.guarded(permission)
    ):
        yield (
            "nobody sets a policy or changes a role as one identity for another that he "
            "is: ask of each"
        )


def _lifting(
    asked: Asked, holder: Holder, permission: str, resource: str
) -> Holder | None:
    """Return one who would hold a permission, where he can lift all that stops him."""
    if not holder.hops:  # no binding gives it
        return None
    key = holder.identity.key
    refusals = asked.estate.access.holds(key, permission, resource).refusals
    lifts = tuple(_liftable(asked, key, refusals))
    if not lifts or len(lifts) < len({one.policy for one in refusals}):
        return None
    return replace(holder, because=(*holder.because, *lifts))


def _selves(
    asked: Asked, permission: str, resource: str, held: list[Holder]
) -> tuple[tuple[Holder, ...], bool]:
    """Return who can give himself a permission, or become one who can, and whether all."""
    keys = frozenset(holder.identity.key for holder in held)
    found = who_gives_himself(asked.control, permission, resource, keys)
    targets = frozenset(key for key in found if kind_of(key) in _BECOME)
    # a policy is set, and a role changed, with an access token
    others = becoming(asked.control, targets, GET_TOKEN, keys.union(found))
    ways = {
        **{key: (hops, "can give it to itself") for key, hops in found.items()},
        **{
            key: (
                (*hops, *found[hops[-1].target]),
                f"can become {called(hops[-1].target)}, which can give it to itself",
            )
            for key, hops in others.chains.items()
        },
    }
    holders = (
        Holder(
            identity=asked.estate.ref(key), answer="allowed", hops=hops, because=(why,)
        )
        for key, (hops, why) in ways.items()
    )
    ordered = sorted(holders, key=lambda one: (len(one.hops), one.identity.key))
    told_all = others.complete and len(ordered) <= MOST_TOLD
    return tuple(ordered[:MOST_TOLD]), told_all


def _others(
    asked: Asked, permission: str, holders: list[Holder]
) -> tuple[tuple[Holder, ...], bool]:
    """Return who can become a holder, by which chain, and whether these are all."""
    keys = frozenset(holder.identity.key for holder in holders)
    targets = frozenset(key for key in keys if kind_of(key) in _BECOME)
    if not targets:
        return (), True
    found = becoming(asked.control, targets, permission, keys)
    others = (
        Holder(
            identity=asked.estate.ref(key),
            answer="allowed",
            hops=chain,
            because=(f"can become {called(chain[-1].target)}",),
        )
        for key, chain in found.chains.items()
    )
    ordered = sorted(others, key=lambda one: (len(one.hops), one.identity.key))
    return tuple(ordered), found.complete


_BECOME = frozenset({"service_account", "federated"})  # whom another can become


def _inside(access: Access, member: str) -> Iterable[str]:
    group = member.startswith("group:")
    return access.membership.members(member) if group else ()


def _any(parts: Iterable[Answered], causes: Iterable[object] = ()) -> Answered:
    answers = set(parts)
    if "allowed" in answers:
        return "allowed"
    return "unknown" if "unknown" in answers or any(True for _ in causes) else "denied"


def what_can(facts: Facts | Asked, principal: str) -> Holdings:
    """
    Return what every binding gives an identity, and whom it can become.

    Of a predefined role that was not read, the permissions that dagwarden models are
    told. Raises UsageError for a name that is no identity.
    """
    asked = facts if isinstance(facts, Asked) else Asked(facts)
    estate, access = asked.estate, asked.estate.access
    if principal == BEARER and asked.bearer is not None:
        principal = _one(asked.bearer)
    if task := task_named(estate, principal):
        raise _no_account(estate, task, principal)
    key = access.membership.key(principal_named(estate, principal))
    bindings = [*access.bindings_of(key), *access.open_bindings()]
    if gone := why_nobody(estate, key):
        bindings = []
    distinct_ones = {binding.id: binding for binding in bindings}.values()
    found = [
        holding
        for binding in distinct_ones
        for holding in _holdings(estate, key, binding)
    ]
    found.sort(key=lambda one: (one.answer, len(one.hops), one.resource, one.role))
    becomes = _becomes(asked, key) if bindings else {}
    unheard = unheard_of(estate, key)
    chains = [one.hops for one in found if one.answer == "allowed"]
    return Holdings(
        principal=key,
        answer=_any(one.answer for one in found),
        chains=tuple(sorted((*chains, *becomes.values()), key=len)[:_CHAINS]),
        because=tuple(
            dict.fromkeys(
                line for one in found if one.answer == "unknown" for line in one.because
            )
        )
        or (
            (gone or f"no binding that was read gives {called(key)} anything",)
            if not found
            else ()
        ),
        holdings=tuple(found),
        becomes=tuple(estate.ref(account) for account in sorted(becomes)),
        delegated=asked.control.delegated(key),
        assumes=(
            *access.assumes(),
            *_unread_record(estate, key),
            *((unheard,) if unheard else ()),
        ),
        unread=asked.unread,
    )


def _no_account(estate: Estate, task: Task, principal: str) -> UsageError:
    """Say that accounts hold what tasks use, and as which one a task acts."""
    acting = [use.identity for use in _uses(estate, task)]
    keys = {one.key for one in acting if one is not UNSET}
    known = len(keys) == 1 and UNSET not in acting
    account = called(keys.pop()) if known else "the account that it acts as"
    return UsageError(
        f"{principal!r} is a task, and --what-can asks about an account",
        remedy=f"write {account}",
    )


def _holdings(estate: Estate, key: str, binding: Binding) -> Iterator[Holding]:
    """Yield what a binding gives, what it may give, and what is taken away."""
    access = estate.access
    place = estate.hierarchy.canonical(binding.resource)
    told: dict[_Alike, list[str]] = {}
    causes: dict[_Alike, list[Cause]] = {}
    member = access.is_member(binding, key)
    if member.held is False:
        return
    names = estate.roles.defined(binding.role)
    partly = names is None and estate.roles.shipped
    for name in sorted(names or estate.roles.surely(binding.role)):
        if other_kind(estate, name, place):
            continue
        part = access.gives(binding, key, name, place)
        useless = None
        if part.held is not False:
            useless = why_unusable(estate, key, name, place)
        elif _holds_others(place) and not access.nowhere(binding, key, name):
            symbol = f"what {binding.role} gives below {estate.hierarchy.shown(place)}"
            part = open_(Cause(reason="guardrail", symbol=symbol))
        alike = (False, useless) if useless else (part.held, None)
        told.setdefault(alike, []).append(name)
        causes.setdefault(alike, []).extend(() if useless else part.causes)
    if names is None and not told:
        told[None, None], causes[None, None] = [], [role_cause(binding.role)]
    for (held, useless), permissions in told.items():
        found = causes[held, useless]
        one = _holding(estate, key, binding, permissions, held, found)
        because = (useless,) if useless else one.because
        yield replace(one, because=because, partly=partly)


# by what permissions of a binding are told together: whether held, and why to no use
_Alike = tuple[bool | None, str | None]


def _holds_others(place: str) -> bool:
    """Tell whether a resource is one that others inherit from."""
    return place.startswith(_CONTAINERS)


def _holding(
    estate: Estate,
    key: str,
    binding: Binding,
    permissions: list[str],
    held: bool | None,
    causes: list[Cause],
) -> Holding:
    access = estate.access
    hops: tuple[Hop, ...] = ()
    because = [_say(cause) for cause in distinct(causes)]
    if permissions:
        first = permissions[0]
        answer = access.holds(key, first, binding.resource)
        own = [one for one in answer.supports if one.binding is binding]
        if own:
            said = grant_hops(access, key, first, binding.resource, own[0])
            denied = refusal_hops(answer, first, binding.resource)
            hops = (*said, *(() if held else denied))
        if held is False:
            because = [one.text for one in answer.refusals] or [
                _unmet(estate, binding, key, permissions[0], binding.resource)
                or "it does not grant this here"
            ]
    return Holding(
        resource=estate.hierarchy.canonical(binding.resource),
        role=binding.role,
        answer=_WORDS[held],
        permissions=tuple(permissions),
        hops=hops,
        because=tuple(because),
    )


_CONTAINERS = ("//cloudresourcemanager.googleapis.com/", "//storage.googleapis.com/")


def _becomes(asked: Asked, key: str) -> dict[str, tuple[Hop, ...]]:
    """Return the accounts that an identity can become, each by a shortest chain."""
    graph = ControlGraph(asked.control, [key])
    return reached(graph, user_of(key), lambda account, invokes: True).chains


def _holder(asked: Asked, key: str, permission: str, resource: str) -> Holder:
    estate, access = asked.estate, asked.estate.access
    answer = access.holds(key, permission, resource)
    held, causes = answer.held, answer.causes
    useless = (
        why_unusable(estate, key, permission, resource) if held is not False else None
    )
    if useless:
        held = False
    hops: tuple[Hop, ...] = ()
    if answer.supports:
        support = chosen(answer)
        hops = (
            *grant_hops(access, key, permission, resource, support),
            *refusal_hops(answer, permission, resource),
        )
    return Holder(
        identity=estate.ref(key),
        answer=_WORDS[held],
        hops=hops,
        because=(
            *(one.text for one in answer.refusals),
            *(_say(cause) for cause in (() if useless else causes)),
            *((useless,) if useless else ()),
            *(speakers(estate, asked.runs, key, resource) if held is not False else ()),
        ),
    )


# ------------------------------------------------------------------------ a principal


def _unread_record(estate: Estate, key: str) -> Iterator[str]:
    """Say of an account that was not read, or is told two things of, what is assumed."""
    fact = estate.identity(key)
    if kind_of(key) == "service_account" and (fact is None or fact.disabled is UNSET):
        yield f"{email_of(key) or key} is not disabled: its record was not read"


def _of_identity(asked: Asked, key: str, permission: str, resource: str) -> Explanation:
    """Answer for an identity itself, and for whom it can become."""
    estate = asked.estate
    said = Explanation(
        principal=key,
        permission=permission,
        resource=resource,
        answer="unknown",
        today="unknown",
        assumes=(*estate.access.assumes(), *_unread_record(estate, key)),
    )
    if gone := why_nobody(estate, key):
        return replace(said, answer="denied", today="denied", because=(gone,))
    direct = estate.access.holds(key, permission, resource)
    chains = [*direct_chains(estate.access, key, permission, resource, direct)]
    useless = None
    if direct.held is not False:
        useless = why_unusable(estate, key, permission, resource)
    held, causes = direct.held, direct.causes
    if useless:
        held, causes = False, ()
    said = replace(said, today=_WORDS[held])
    if held is not True:
        through, doubt = _through(asked, key, permission, resource)
        if through:
            first = min(through, key=len)
            return replace(
                said,
                answer="allowed",
                chains=tuple(sorted(through, key=len)[:_CHAINS]),
                because=(_first_becomes(key, permission, first),),
            )
        held = None if doubt and held is False else held
        causes = distinct((*causes, *doubt))
    chains.sort(key=len)
    if useless:
        lines = (useless, *map(_say, causes))
        return replace(
            said, answer=_WORDS[held], chains=tuple(chains[:_CHAINS]), because=lines
        )
    return replace(
        said,
        answer=_WORDS[held],
        chains=tuple(chains[:_CHAINS]),
        because=tuple(
            _because(
                asked,
                key,
                permission,
                resource,
                replace(direct, held=held, causes=causes),
            )
        ),
    )


# --------------------------------------------------------------- the bearer of a token


def _of_bearer(
    asked: Asked, held: Bearer, permission: str, resource: str
) -> Explanation:
    """Answer for whoever holds a token: for all that it becomes."""
    told: list[Explanation] = []
    # providers of one pool may make the same of it
    first = {one[1].key: one for one in reversed(held.becomes)}
    for provider, claimed in first.values():
        said = _of_identity(asked, claimed.key, permission, resource)
        hop = Hop(
            kind="authenticates_as",
            source=BEARER,
            target=claimed.key,
            text=f"{provider.name} takes the token: {claimed.key}",
            origin=provider.origin,
        )
        chains = tuple((hop, *chain) for chain in said.chains or ((),))
        told.append(replace(said, chains=chains))
    unknown = tuple(f"not known: {what}" for what in held.unknown)
    answer = _any((said.answer for said in told), unknown)
    because = [line for said in told if said.answer == answer for line in said.because]
    if answer != "allowed":
        because += (*unknown, *held.refused)
    shown = [chain for said in told if said.answer == answer for chain in said.chains]
    return Explanation(
        principal=told[0].principal if len(told) == 1 else BEARER,
        permission=permission,
        resource=resource,
        answer=answer,
        today=_any((said.today for said in told), unknown),
        chains=tuple(sorted(shown, key=len)[:_CHAINS]),
        because=tuple(dict.fromkeys(because)),
        assumes=(*asked.estate.access.assumes(), _SIGNED),
    )


_SIGNED = (
    "the token is signed by its issuer, in time and for the provider's audience; "
    "no pool but those that were read takes it"
)


def _one(held: Bearer) -> str:
    """Return whom a token becomes; UsageError where that is nobody, or several."""
    keys = sorted({claimed.key for _, claimed in held.becomes})
    if len(keys) == 1:
        return keys[0]
    if keys:
        raise UsageError(
            f"the token becomes {len(keys)} principals", remedy=one_of(keys)
        )
    why = "; ".join((*held.unknown, *held.refused))
    raise UsageError(
        f"no provider is known to take the token ({why})",
        remedy="check its claims, and that the snapshot holds the pool's providers",
    )


# ----------------------------------------------------------------------------- a task


class _Use(Record, frozen=True, kw_only=True):
    """A task as the principal of a question: its call, its identity, its links."""

    hops: tuple[Hop, ...]
    identity: Maybe[IdentityRef]
    causes: tuple[Cause, ...]  # why `identity` is UNSET
    disabled: str | None
    needs: tuple[Need, ...]  # of its call, links included
    target: Maybe[str] = UNSET  # what it calls

    @property
    def links(self) -> tuple[Need, ...]:
        """The impersonations by which the task becomes its identity."""
        return tuple(need for need in self.needs if need.link)


def _uses(estate: Estate, task: Task) -> list[_Use]:
    """Return how a task acts in each of its calls; without one, by its operator."""
    calls = [call for call in estate.facts.calls if call.task == task.id]
    uses = [_use(estate, task, call) for call in calls]
    return uses or [_use(estate, task, None)]


def _use(estate: Estate, task: Task, call: Call | None) -> _Use:
    if call is None:
        acting = act(estate, task)
        needs = links(estate, acting, GET_TOKEN)
        return _Use(
            hops=linked(acting.hops, needs),
            identity=acting.identity,
            causes=acting.causes,
            disabled=disabled(estate, acting, acting.identity),
            needs=needs,
        )
    caller, target = resolve(estate, Runs(estate), task, call, None)
    judged = judge(estate, call, caller, target)
    return _Use(
        hops=caller_hops(call, caller, judged),
        identity=caller.identity,
        causes=caller.causes,
        disabled=judged.disabled,
        needs=judged.known,
        target=target.name,
    )


def _of_task(asked: Asked, use: _Use, permission: str, resource: str) -> Explanation:
    """
    Answer for a task: what its own call takes is told as its path tells it.

    Whatever the identity of a task may do, the task cannot where it cannot become
    that identity.
    """
    estate = asked.estate
    key = use.identity.key if use.identity is not UNSET else ""
    said = Explanation(
        principal=key,
        permission=permission,
        resource=resource,
        answer="unknown",
        today="unknown",
        assumes=estate.access.assumes(),
    )
    if use.disabled:
        said = replace(said, because=(told_disabled(use.disabled),))
        return replace(said, answer="denied", today="denied", chains=(use.hops,))
    own = _own_need(estate, use, permission, resource)
    if own is not None:
        said = _of_need(asked, use.hops, said, own)
    elif key:
        said = _of_identity(asked, key, permission, resource)
        chains = tuple((*use.hops, *chain) for chain in said.chains)
        said = replace(said, chains=chains)
    else:
        because = tuple(_say(cause) for cause in use.causes)
        said = replace(said, because=because)
    before = use.links
    if own is not None and own.link:  # later links do not matter to it
        before = before[: before.index(own)]
    # an answer that no grant is behind shows how far the task gets
    said = replace(said, chains=said.chains or (use.hops,))
    return _after_links(estate, said, before)


def _needed(estate: Estate, use: _Use, text: str) -> str | None:
    """Return the account of that e-mail if the task's call takes something on it."""
    accounts = {need.account for need in use.needs if need.account}
    if text not in accounts:
        return None
    return estate.hierarchy.canonical(account_resource(text))


def _own_need(estate: Estate, use: _Use, permission: str, resource: str) -> Need | None:
    """Return the need of the task's own call that a question is about."""
    canonical = estate.hierarchy.canonical
    for need in use.needs:
        place = account_resource(need.account) if need.account else need.resource
        if place is None and use.target is not UNSET:
            place = use.target
        if need.permission == permission and place and canonical(place) == resource:
            return need
    return None


def _of_need(
    asked: Asked, hops: tuple[Hop, ...], said: Explanation, need: Need
) -> Explanation:
    """Answer by what is known of a need."""
    holder = need.holder or ""
    chains = direct_chains(
        asked.estate.access, holder, said.permission, said.resource, need.answer
    )
    because = _because(
        asked,
        holder,
        said.permission,
        said.resource,
        replace(need.answer, causes=open_causes(need)),
    )
    return replace(
        said,
        principal=holder if need.link else said.principal or holder,
        answer=_WORDS[need.answer.held],
        today=_WORDS[need.answer.held],
        chains=tuple((*_up_to(hops, holder), *chain) for chain in chains)[:_CHAINS],
        because=tuple(because),
    )


def _up_to(hops: tuple[Hop, ...], key: str) -> tuple[Hop, ...]:
    """Return the hops that lead to an identity; all, if none leads there."""
    for index, hop in enumerate(hops):
        if hop.target == key:
            return hops[: index + 1]
    return hops


def _after_links(
    estate: Estate, said: Explanation, before: tuple[Need, ...]
) -> Explanation:
    """Return the answer, given that the task must first become its identity."""
    refused = [link for link in before if link.answer.held is False]
    if refused:
        because = [line for link in refused for line in _refusal(estate, link)]
        if said.answer == "denied":
            because.extend(said.because)
        return replace(said, answer="denied", today="denied", because=tuple(because))
    doubt = distinct(cause for link in before for cause in open_causes(link))
    if not doubt or said.answer == "denied":
        return said
    lines = tuple(_say(cause) for cause in doubt)
    if said.answer == "unknown":
        lines = tuple(dict.fromkeys((*lines, *said.because)))
    today: Answered = "denied" if said.today == "denied" else "unknown"
    return replace(said, answer="unknown", today=today, because=lines)


def _refusal(estate: Estate, link: Need) -> Iterator[str]:
    """Say which impersonation is refused, and what its account has instead."""
    holder, resource = link.holder or "", link.resource or ""
    who = called(holder)
    yield (
        f"{who} may not impersonate {link.account}: "
        f"{who} lacks {link.permission} on {link.account}"
    )
    yield from _near(estate, holder, link.permission, resource)


# ---------------------------------------------------------------------------- chains


def _through(
    asked: Asked, key: str, permission: str, resource: str
) -> tuple[list[tuple[Hop, ...]], tuple[Cause, ...]]:
    """Return chains by which the identity first becomes one that holds it."""
    control, estate = asked.control, asked.estate
    graph = ControlGraph(control, [key])
    alone = user_of(key)
    access = estate.access

    policies = [
        binding
        for place in estate.hierarchy.lineage(resource).names
        for binding in access.bindings_on(place)
    ]
    named = {
        one
        for binding in policies
        for member in access.members(binding)
        for one in (member, *_inside(access, member))
    }

    def useful(account: str) -> bool:
        """Tell whether it is of use to be an account; most of a pool hold nothing here."""
        if kind_of(account) != "federated":
            return True
        return account in named and not why_unusable(estate, account, permission)

    given: dict[str, tuple[list[tuple[Hop, ...]], list[Cause]]] = {}

    def gives_itself(account: str) -> list[tuple[Hop, ...]]:
        if account not in given:
            given[account] = given_itself(estate, account, permission, resource)
        return given[account][0]

    def gets(account: str, gives: Gives) -> bool:
        if not usable(gives, permission) or not useful(account):
            return False
        if access.holds(account, permission, resource).held is True:
            return True
        # a policy is set with an access token
        return gives in ("identity", "api") and bool(gives_itself(account))

    found = reached(graph, alone, gets)
    chains = gives_itself(key)[:]
    for account, hops in found.chains.items():
        answer = access.holds(account, permission, resource)
        ways = direct_chains(access, account, permission, resource, answer)
        if answer.held is not True:
            ways = iter(gives_itself(account))
        chains.append((*hops, *next(ways)))
    doubt = [cause for _, causes in given.values() for cause in causes]

    def way(node: str) -> tuple[Hop, ...]:
        return tuple(chain(graph, found.before, node, key))

    by_roles, open_ones = added(control, found.visited, way, permission, resource)
    chains.extend(by_roles)
    nodes = (key, *(node for node in found.before if not leads_on(node)))
    if not chains:
        chains, more = given_another(
            control, found.visited, nodes, way, permission, resource
        )
        doubt.extend(more)
    doubt.extend(open_ones)
    doubt.extend((*found.open, *control.populations()))
    for account in doubted(control, found):
        doubt.extend(control.doubts(account))
    # of some only identity tokens, or what Cloud Storage takes, are got
    got = (means(node) for node in nodes)
    partly = (account for gives, account in got if usable(gives, permission))
    for account in filter(useful, dict.fromkeys((*found.visited, *partly))):
        doubt.extend(access.holds(account, permission, resource).causes)
    helps = Helping(control, found.visited, permission, resource)
    leading = Leading(control, found.visited, helps)
    for account in (*found.visited, *found.pools):
        doubt.extend(control.users(account))
        doubt.extend(control.unread_workloads(account))
        doubt.extend(control.uncertain(account, leading))
    return chains, distinct(doubt)


def _because(
    asked: Asked,
    key: str,
    permission: str,
    resource: str,
    answer: Answer,
) -> Iterator[str]:
    estate = asked.estate
    who, shown = called(key), estate.hierarchy.shown(resource)
    if answer.held is True:
        yield f"{who} holds {permission} on {shown}"
        if permission == CREATE_KEY:
            yield from NewKeys(estate).said_of(resource)
        yield from speakers(estate, asked.runs, key, resource)
    elif answer.refusals and answer.held is False:
        yield from (refusal.text for refusal in answer.refusals)
        yield from _liftable(asked, key, answer.refusals)
    elif answer.held is False:
        yield f"no policy that was read gives {who} {permission} on {shown}"
        yield from _near(estate, key, permission, resource)
    else:
        for refusal in answer.refusals:
            yield f"by itself it is refused: {refusal.text}"
        yield from _liftable(asked, key, answer.refusals)
        yield from (_say(cause) for cause in answer.causes)


def _liftable(asked: Asked, key: str, refusals: Iterable[Refusal]) -> Iterator[str]:
    """Say which of the policies that stop an identity it can change itself."""
    policies = dict.fromkeys(one.policy for one in refusals if one.policy)
    ways = asked.control.levers(key) if policies else ()
    by = {what: (row, permission, binding) for row, permission, what, binding in ways}
    for policy in filter(by.__contains__, policies):
        row, permission, binding = by[policy]
        name, place = policy.rpartition("/")[2], asked.estate.hierarchy.shown
        yield (
            f"{called(key)} can lift that itself: it {row.text} {name}, by {permission} "
            f"({binding.role} on {place(binding.resource)})"
        )


def _first_becomes(key: str, permission: str, chain: tuple[Hop, ...]) -> str:
    """Say by what an identity gets to what it does not hold itself."""
    became = next((hop.target for hop in chain if hop.kind == "can_become"), None)
    if became:
        return f"{called(key)} can become {called(became)}: the chain says how"
    return (
        f"{called(key)} does not hold {permission} today, and can give it to itself: the "
        "chain says how"
    )


def _near(estate: Estate, key: str, permission: str, resource: str) -> Iterator[str]:
    """Say what the identity was given there, nearest first, that is not enough."""
    names = estate.hierarchy.lineage(resource).names
    places = {name: height for height, name in enumerate(names)}
    found = {
        (places[place], binding.role)
        for binding in estate.access.bindings_of(key)
        if (place := estate.hierarchy.canonical(binding.resource)) in places
        and estate.roles.holds(binding.role, permission) is False
    }
    for height, role in sorted(found)[:_NEAR]:
        place = estate.hierarchy.shown(names[height])
        if stopped := estate.roles.stopped(role, permission):
            yield f"{called(key)} has {role} on {place}: the role is {stopped}, and gives nothing"
            continue
        yield f"{called(key)} has {role} on {place}, which does not hold {permission}"
    for binding in estate.access.bindings_of(key):
        there = estate.hierarchy.canonical(binding.resource) in places
        held = there and estate.roles.holds(binding.role, permission)
        if held and (unmet := _unmet(estate, binding, key, permission, resource)):
            yield unmet


def _unmet(
    estate: Estate, binding: Binding, key: str, permission: str, resource: str
) -> str | None:
    """Say of which binding the condition does not hold, and why, or when it did."""
    if binding.condition is None:
        return None
    place = estate.hierarchy.shown(binding.resource)
    title = f' "{binding.condition.title}"' if binding.condition.title else ""
    said = f"{called(key)} has {binding.role} on {place}, whose condition{title} does not hold"
    as_of, ended = estate.access.as_of, binding.valid_before
    if isinstance(ended, str) and as_of and datetime.fromisoformat(ended) <= as_of:
        return f"{said}: it ended at {ended}"
    absent = estate.access.conditions.absent(binding.condition, permission, resource)
    if absent:
        service = host_of(permission)
        return f"{said}: {service} gives conditions no {' and no '.join(absent)}"
    return said


def _say(cause: Cause) -> str:
    words: dict[Reason, str] = {
        "jinja": "rendered only when the task runs",
        "environment": "environment variable not given",
        "variable": "Airflow Variable not given",
        "parameter": "given only when the code runs",
        "import": "from a module that was not read",
        "dynamic": "not established",
        "unreadable": "could not be read",
        "setting": "not configured",
        "connection": "not given",
        "layer": "not read",
        "condition": "not decided",
        "guardrail": "not decided",
        "membership": "members not known",
        "version": "depends on a version that is not given",
    }
    return f"{words[cause.reason]}: {cause.symbol}"
