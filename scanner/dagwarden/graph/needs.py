"""May the caller? What a call takes, link by link, and what is known of each."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET

from dagwarden.facts import Call, IdentityRef, Maybe, Record
from dagwarden.graph.access import Answer, Cause, Refusal, distinct
from dagwarden.graph.callers import BY_ID, INVOKE_SERVICE, Caller
from dagwarden.graph.estate import NO_SNAPSHOT, Estate, cause, causes_of
from dagwarden.graph.hierarchy import account_resource, project_resource, short
from dagwarden.graph.identities import Acting
from dagwarden.graph.principals import ANYONE, default_compute, email_of
from dagwarden.graph.targets import Target

if TYPE_CHECKING:
    from dagwarden.graph.access.decide import Access

GET_TOKEN = "iam.serviceAccounts.getAccessToken"  # noqa: S105 - a permission
GET_ID_TOKEN = "iam.serviceAccounts.getOpenIdToken"  # noqa: S105 - a permission
DELEGATE = "iam.serviceAccounts.implicitDelegation"
ACT_AS = "iam.serviceAccounts.actAs"
INVOKE = "run.routes.invoke"
# The operator that creates a service reads one that is there already.
# Source: airflow.providers.google.cloud.operators.cloud_run, CloudRunCreateServiceOperator
READ_SERVICE = "run.services.get"


class Need(Record, frozen=True, kw_only=True):
    """A permission that a call takes, and what is known of it being held."""

    permission: str
    account: str | None = None  # e-mail of the account it is needed on, if on one
    holder: str | None = None  # key
    answer: Answer
    resource: str | None = None
    link: bool = False  # of an impersonation chain, not of the call itself

    @property
    def shown(self) -> str:
        """The need as `Path.needs` spells it."""
        return f"{self.permission}@{self.account}" if self.account else self.permission


class Judged(Record, frozen=True, kw_only=True):
    """All that a call takes, in order: the call's own needs, then the links'."""

    needs: tuple[Need, ...] | None  # None: not known what the call takes
    known: tuple[Need, ...] = ()  # those that are known in any case
    why: tuple[Cause, ...] = ()  # what would tell the others
    disabled: str | None = None  # key of an account that gets no token

    @property
    def lacking(self) -> tuple[Need, ...]:
        """The needs that are surely not met."""
        # whatever was granted to a disabled account, it gets no token
        if self.disabled:
            return self.known
        return tuple(need for need in self.known if need.answer.held is False)

    @property
    def doubt(self) -> tuple[Cause, ...]:
        """What keeps it open whether `lacking` is all that is lacking."""
        doubt = [*self.why]
        if not self.disabled:
            for need in self.known:
                doubt.extend(open_causes(need))
        return distinct(doubt)


def judge(estate: Estate, call: Call, caller: Caller, target: Target) -> Judged:
    """Return what a call takes and what is known of each part of it."""
    permissions, why = _permissions(call, target)
    known = tuple(_needs(estate, call, caller, target, permissions or ()))
    return Judged(
        needs=None if permissions is None else known,
        known=known,
        why=why,
        disabled=disabled(estate, caller.acting, caller.identity),
    )


def open_causes(need: Need) -> tuple[Cause, ...]:
    """Return what would decide a need that is not decided."""
    if need.answer.held is not None:
        return ()
    return need.answer.causes or cause("dynamic", need.shown)


def disabled(
    estate: Estate, acting: Acting, identity: Maybe[IdentityRef]
) -> str | None:
    """Return the key of an identity, first or last, that nobody can act as."""
    for ref in (acting.source, identity):
        if ref is not UNSET and estate.off(ref.key):
            return ref.key
    return None


def links(estate: Estate, acting: Acting, last: str) -> tuple[Need, ...]:
    """Return the needs of an impersonation chain that ends with permission `last`."""
    return tuple(
        _impersonation(estate, acting, holder, permission, account)
        for holder, permission, account in _links(acting, last)
    )


def _permissions(
    call: Call, target: Target
) -> tuple[tuple[str, ...] | None, tuple[Cause, ...]]:
    """Return what the call itself takes; None with the reason where unknown."""
    if target.kind == "other":
        return (), ()
    invoking = call.operation == INVOKE_SERVICE
    if invoking and target.kind == "service":
        return (INVOKE,), ()
    if call.permissions is UNSET:
        return None, causes_of(call, "permissions", f"permissions of {call.id}")
    if invoking:
        return None, target.kind_causes
    if call.operation == "create_service" and call.via == "operator" and target.run:
        return (*call.permissions, READ_SERVICE), ()
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
            yield _need(estate, call, caller, target, permission)
    if call.operation != INVOKE_SERVICE:
        yield from links(estate, caller.acting, GET_TOKEN)
    elif caller.token == BY_ID:
        yield from links(estate, caller.acting, GET_ID_TOKEN)


def _need(
    estate: Estate, call: Call, caller: Caller, target: Target, permission: str
) -> Need:
    holder = caller.identity.key if caller.identity is not UNSET else None
    resource, why = _resource(estate, target, permission)
    if not estate.has_snapshot:
        why = (NO_SNAPSHOT,)
    elif resource is not None:
        why = caller.causes if holder is None else ()
        public = _public(estate, caller, permission, resource)
        if public is not None:
            return Need(
                permission=permission,
                holder=ANYONE.key,
                answer=public,
                resource=resource,
            )
    if resource is None and holder is not None and estate.has_snapshot:
        watched = _watched(estate, target, holder, permission)
        if watched is not None:
            return Need(permission=permission, holder=holder, answer=watched)
    if why or resource is None or holder is None:
        return Need(
            permission=permission,
            holder=holder,
            answer=Answer(held=None, causes=why or caller.causes),
        )
    answer = _held(estate.access, holder, permission, resource)
    if permission == INVOKE and caller.meant is not True and answer.held is not False:
        answer = _unmeant(estate, call, caller, resource) or answer
    return Need(permission=permission, holder=holder, answer=answer, resource=resource)


def _unmeant(
    estate: Estate, call: Call, caller: Caller, resource: str
) -> Answer | None:
    """Return the answer for a token of another audience; None: nobody looks at it."""
    if estate.access.holds(ANYONE.key, INVOKE, resource).held:
        return None
    if caller.meant is UNSET:
        return Answer(held=None, causes=caller.meant_causes)
    text = f"its ID token is for {call.audience}, and not for {short(resource)}"
    return Answer(held=False, refusals=(Refusal(text=text, origin=call.origin),))


def _deployment(estate: Estate, call: Call, caller: Caller, target: Target) -> Need:
    """
    Return the need to act as the account that a deployed workload will run as.

    That is the account that the call names, not the one that runs there today.
    """
    holder = caller.identity.key if caller.identity is not UNSET else None
    account, why = _deployed_account(estate, call, target)
    if not estate.has_snapshot:
        why = (NO_SNAPSHOT,)
    if why or account is None or holder is None:
        return Need(
            permission=ACT_AS,
            account=account,
            holder=holder,
            answer=Answer(held=None, causes=why or caller.causes),
        )
    resource = account_resource(account)
    return Need(
        permission=ACT_AS,
        account=account,
        holder=holder,
        answer=estate.access.holds(holder, ACT_AS, resource),
        resource=resource,
    )


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


def _held(access: "Access", holder: str, permission: str, resource: str) -> Answer:
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
    resource = account_resource(email)
    if not estate.has_snapshot:
        answer = Answer(held=None, causes=(NO_SNAPSHOT,))
    elif holder is None:
        answer = Answer(held=None, causes=acting.source_causes)
    else:
        answer = estate.access.holds(holder, permission, resource)
        if permission == DELEGATE and answer.held is False:
            answer = _delegated(estate.access, holder, resource, answer)
    return Need(
        permission=permission,
        account=email,
        holder=holder,
        answer=answer,
        resource=resource,
        link=True,
    )


def _delegated(access: "Access", holder: str, resource: str, denied: Answer) -> Answer:
    """Whether a delegate that may only mint tokens can delegate is not documented."""
    mint = access.holds(holder, GET_TOKEN, resource)
    if mint.held is False:
        return denied
    symbol = f"{DELEGATE} by {GET_TOKEN} on {short(resource)}"
    return Answer(held=None, causes=mint.causes or cause("layer", symbol))
