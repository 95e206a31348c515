"""
Changes that leave each identity what its scanned calls take, applied to the facts.

Each step takes a plan and returns it with more changes, and the facts as they would
then be read. Nothing here says that a change is right: `suggest` derives again.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.answers import Change, Open, ResourceParts
from dagwarden.facts import Binding, Credential, Facts, Identity, Origin, Record, Task
from dagwarden.graph.access import Cause
from dagwarden.graph.build import join
from dagwarden.graph.constraints import against_new_accounts
from dagwarden.graph.cures import Cure, creating, granting, revoking, smallest
from dagwarden.graph.estate import Estate
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import GET_TOKEN, Need, links
from dagwarden.graph.principals import account_key, email_of, kind_of
from dagwarden.graph.usage import Scanned, Usage, keys_of, runs_code, scanned_calls

_KEYS = frozenset({"key_file", "key_content", "key_secret"})
_ACCOUNT_ID = re.compile(r"[a-z][a-z0-9-]{4,28}[a-z0-9]")
# ids under a domain (`example.com:p`) make e-mails of another shape
_PROJECT_ID = re.compile(r"[a-z][a-z0-9-]*")
_RUN = re.compile(
    r"//run\.googleapis\.com/projects/([^/]+)/locations/([^/]+)/(job|service)s/([^/]+)"
)
_CONTAINER = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(project|folder|organization)s/([^/]+)"
)
_ACCOUNT = re.compile(r"//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/([^/]+)")
_PLANNED = Origin(source="a suggestion of dagwarden")


class World:
    """Facts, joined, with all that the scanned calls take."""

    def __init__(self, facts: Facts, as_of: datetime) -> None:
        """Join facts as sources read them."""
        joined = join(facts, as_of)
        self.as_of = as_of
        self.facts = facts
        self.estate: Estate = joined.estate
        self.actings = joined.actings
        self.calls = scanned_calls(self.estate, joined.resolved)
        self.usage = Usage(self.estate, self.calls, self.actings)


class Plan(Record, frozen=True, kw_only=True):
    """Facts with changes applied, the changes, and what was left out and why."""

    facts: Facts
    changes: tuple[Change, ...] = ()
    open: tuple[Open, ...] = ()


def holders(calls: Iterable[Scanned]) -> frozenset[str]:
    """Return the service accounts that calls act as, before and after impersonation."""
    keys = {
        need.holder
        for call in calls
        for need in call.judged.known
        if need.holder is not None
    }
    for call in calls:
        keys.update(keys_of(call.caller.acting))
    return frozenset(key for key in keys if kind_of(key) == "service_account")


# ----------------------------------------------------------------------------- keys


def without_keys(world: World, plan: Plan, chosen: frozenset[str]) -> Plan:
    """Let connections impersonate the account that they hold a key of."""
    connections = {item.id: item for item in plan.facts.connections}
    changes: list[Change] = []
    left: list[Open] = []
    for call in world.calls:
        connection, account = _key_of(call)
        if call.call.id not in chosen or connection is None or account is None:
            continue
        if connections[connection].credential == Credential(kind="ambient"):
            continue
        found = connections[connection]
        what = f"connection {found.conn_id} of environment {found.environment}"
        environment = world.estate.environments.get(found.environment)
        runs_as = environment.runs_as if environment is not None else UNSET
        if runs_as is UNSET:
            because = (
                f"a key of {email_of(account)}: impersonation or federation would take "
                f"its place; runs_as of environment {found.environment} would tell how"
            )
            left.append(Open(what=what, because=(because,)))
            continue
        chain = found.impersonation_chain
        if chain is UNSET:
            because = "it holds a key, and whom it impersonates is not known"
            left.append(Open(what=what, because=(because,)))
            continue
        accounts = (email_of(account) or "", *(chain or ()))
        if account_key(runs_as) == account:
            accounts = chain or ()
        connections[connection] = replace(
            found,
            credential=Credential(kind="ambient"),
            impersonation_chain=accounts or None,
            secrets=(),
            secrets_known=(),
        )
        changes.append(
            Change(
                kind="act_as",
                connection=found.conn_id,
                environment=found.environment,
                accounts=accounts,
                because=f"it holds a key of {email_of(account)}",
            )
        )
        left.extend(_keys_left(plan.facts, email_of(account) or ""))
    facts = replace(plan.facts, connections=tuple(connections.values()))
    return Plan(
        facts=facts,
        changes=(*plan.changes, *changes),
        open=(*plan.open, *dict.fromkeys(left)),
    )


def connection_needs(world: World, plan: Plan) -> Iterator[Need]:
    """
    Yield what connections take that hold no key any more, where others may use them.

    The scanned calls take it themselves; a task that does something else with such a
    connection would be refused, and nothing else would say so.
    """
    estate = world.estate
    calling = {call.task.id for call in world.calls}
    for change in plan.changes:
        environment = estate.environments.get(change.environment)
        if not change.connection or environment is None or environment.runs_as is UNSET:
            continue
        used = any(
            task.environment == change.environment
            and (
                runs_code(task)
                or (
                    task.id not in calling
                    and (
                        task.connection is UNSET or task.connection == change.connection
                    )
                )
            )
            for task in estate.facts.tasks
        )
        if used:
            acting = Acting(
                source=estate.ref(account_key(environment.runs_as)),
                chain=tuple(map(account_key, change.accounts)),
            )
            yield from links(estate, acting, GET_TOKEN)


def _keys_left(facts: Facts, email: str) -> Iterator[Open]:
    for key in facts.keys:
        if key.account == email and key.user_managed is not False:
            because = "delete it once no connection and nothing else holds it"
            yield Open(what=f"key {key.key_id} of {email}", because=(because,))


def _key_of(call: Scanned) -> tuple[str | None, str | None]:
    """Return the connection whose key a call uses, by id, and the key's account."""
    acting = call.caller.acting
    connection = acting.connection
    if connection is None or connection.credential is UNSET:
        return None, None
    if connection.credential.kind not in _KEYS or acting.source is UNSET:
        return None, None
    own = acting.source.kind == "service_account"
    return (connection.id, acting.source.key) if own else (None, None)


# --------------------------------------------------------------------- own accounts


def own_accounts(world: World, plan: Plan, chosen: frozenset[str]) -> Plan:
    """Give each DAG an account of its own where several make calls as one."""
    dags: dict[str, set[str]] = {}
    for name, acting in world.actings.items():
        if acting.identity is not UNSET:
            dag = world.estate.tasks[name].dag
            dags.setdefault(acting.identity.key, set()).add(dag)
    for call in world.calls:
        if call.caller.identity is not UNSET:
            dags.setdefault(call.caller.identity.key, set()).add(call.task.dag)
    moving: dict[tuple[str, str], list[Scanned]] = {}
    for call in world.calls:
        identity = call.caller.identity
        if identity is UNSET or call.call.id not in chosen:
            continue
        if len(dags[identity.key]) > 1 and identity.kind == "service_account":
            moving.setdefault((call.task.dag, identity.key), []).append(call)
    taken = {item.key for item in plan.facts.identities}
    for (_, key), calls in sorted(moving.items()):
        plan = _own_account(world, plan, key, calls, dags[key], taken)
    return plan


def _own_account(
    world: World,
    plan: Plan,
    key: str,
    calls: list[Scanned],
    dags: set[str],
    taken: set[str],
) -> Plan:
    """Move the calls of one DAG from a shared account to a new one."""
    dag_id = calls[0].task.dag_id
    shared = email_of(key) or key
    email = _new_email(world.estate, shared, calls[0].task, taken)
    name = dag_id if isinstance(dag_id, str) else calls[0].task.dag
    movable = [call for call in calls if _movable(call)]
    against = _against(world.estate, shared)
    if email is None or not movable or against:
        reason = (
            f"an organisation policy forbids new accounts ({', '.join(against)})"
            if against
            else "no name for an account of its own can be made"
            if email is None
            else "its calls are not made by operators that impersonate, or what they "
            "take is not known"
        )
        why = (f"it shares {shared} with {len(dags) - 1} more; {reason}",)
        return replace(plan, open=(*plan.open, Open(what=f"DAG {name}", because=why)))
    taken.add(account_key(email))
    moved = {call.task.id: (*_before(call), email) for call in movable}
    tasks = tuple(
        replace(task, impersonation_chain=moved[task.id]) if task.id in moved else task
        for task in plan.facts.tasks
    )
    because = f"{len(dags)} DAGs act as {shared}"
    changes = [
        Change(
            kind="create",
            because=because,
            dag=name,
            accounts=(email,),
            place=place_of(world.estate, account_resource(email)),
            command=creating(email),
        )
    ]
    for chain in dict.fromkeys(moved.values()):
        ids = sorted({_task(call) for call in movable if moved[call.task.id] == chain})
        changes.append(
            Change(
                kind="act_as",
                because=because,
                dag=name,
                environment=calls[0].task.environment,
                tasks=tuple(ids),
                accounts=chain,
            )
        )
    facts = replace(
        plan.facts,
        tasks=tasks,
        identities=(*plan.facts.identities, _account(email)),
    )
    return replace(plan, facts=facts, changes=(*plan.changes, *changes))


def _against(estate: Estate, shared: str) -> tuple[str, ...]:
    """Return the constraints that forbid another account beside a shared one."""
    project = estate.hierarchy.project_of(account_resource(shared))
    return against_new_accounts(estate, project) if project is not None else ()


def _task(call: Scanned) -> str:
    return call.task.task_id if isinstance(call.task.task_id, str) else call.task.id


def _movable(call: Scanned) -> bool:
    """
    Tell whether a call can be made as another account, with the same outcome.

    The task's `impersonation_chain` must decide, and all that the call takes be known.
    """
    own, judged = call.task.impersonation_chain, call.judged
    known = judged.needs is not None and all(map(_decided, judged.known))
    return call.call.via == "operator" and own is not UNSET and known


def _before(call: Scanned) -> tuple[str, ...]:
    """Return the delegates before the last account of a call's chain."""
    return tuple(email_of(key) or key for key in call.caller.acting.chain[:-1])


def _new_email(estate: Estate, shared: str, task: Task, taken: set[str]) -> str | None:
    """Return the e-mail of an account for a DAG, in the project of the shared one."""
    place = estate.hierarchy.project_of(account_resource(shared))
    project = estate.hierarchy.project_id(place.rpartition("/")[2]) if place else ""
    dag_id = task.dag_id
    if not isinstance(dag_id, str) or not _PROJECT_ID.fullmatch(project):
        return None
    digest = sha256(f"{task.environment}/{task.dag}".encode()).hexdigest()[:6]
    plain = re.sub(r"[^a-z0-9]+", "-", dag_id.lower()).strip("-")
    for name in (f"dag-{plain}", f"dag-{plain[:19].strip('-')}-{digest}"):
        email = f"{name}@{project}.iam.gserviceaccount.com"
        free = account_key(email) not in taken
        if _ACCOUNT_ID.fullmatch(name) and free:
            return email
    return None


def _account(email: str) -> Identity:
    key = account_key(email)
    return Identity(
        id=f"identity:{key}",
        origin=_PLANNED,
        key=key,
        kind="service_account",
        email=email,
        project=email.partition("@")[2].removesuffix(".iam.gserviceaccount.com"),
        disabled=False,
    )


# --------------------------------------------------------------------------- grants


class _Standing(Record, frozen=True, kw_only=True):
    """A binding of a holder: it stays, or could go."""

    binding: Binding
    holder: str


def with_grants(
    world: World,
    plan: Plan,
    keys: frozenset[str],
    *,
    removing: bool,
    hopeless: frozenset[str] = frozenset(),
) -> Plan:
    """
    Grant just what the calls of `keys` take, and take back the rest where it is sure.

    Nothing is granted for the calls of `hopeless` (by id), which no grant mends.
    A grant is taken back only where `usage` knows that nothing but scanned calls acts
    as its holder. Others are told as open.
    """
    estate = world.estate
    shared = tuple(connection_needs(world, plan))
    needs = [need for call in world.calls for need in call.judged.known]
    needs.extend(shared)
    # a new account has nothing yet, however much of the policies was read
    new = {
        account_key(change.accounts[-1])
        for change in plan.changes
        if change.kind == "create"
    }

    def fresh(need: Need) -> bool:
        return not new.isdisjoint(_keys_in(need))

    own = [
        need
        for call in world.calls
        if call.call.id not in hopeless
        for need in call.judged.known
        if need.holder in keys and (_decided(need) or fresh(need))
    ]
    own.extend(filter(_decided, shared))
    of: dict[str, list[Need]] = {}  # by holder
    for need in own:
        of.setdefault(need.holder or "", []).append(need)
    # a right that only lasts for a time, or under a condition, is not made permanent
    wanted = {
        cure: _given(estate, of[cure.member], cure)
        for cure in smallest(estate, own)
        if not _conditional(estate, of[cure.member], cure)
    }
    stays, missing = _standing(estate, wanted)
    changes: list[Change] = []
    for cure in missing:
        met = [need for need in of[cure.member] if _meets(estate, cure, need)]
        refused = any(need.answer.held is False or fresh(need) for need in met)
        # beside a grant that stays, a narrower one cuts nothing
        if refused or (removing and not all(_stays(world, need) for need in met)):
            changes.append(_grant(estate, cure, wanted[cure]))
    going, left = _going(world, keys, stays, _unmet(estate, needs, wanted))
    if removing:
        changes.extend(_revoke(estate, one) for one in going)
    gone = (
        {(one.binding.id, one.holder) for one in going}
        if removing
        else set[tuple[str, str]]()
    )
    facts = _rebound(plan.facts, estate, changes, gone)
    shown = [change for change in changes if change.command is not None]
    unfit = [
        Open(
            what=f"{change.kind} {change.role} on {change.place.label}",
            because=("a name in it is not fit for a command line",),
        )
        for change in changes
        if change.command is None and change.place is not None
    ]
    return Plan(
        facts=facts,
        changes=(*plan.changes, *shown),
        open=(*plan.open, *left, *unfit),
    )


def _keys_in(need: Need) -> frozenset[str]:
    """Return who needs it, and on which account if on one."""
    account = {account_key(need.account)} if need.account else set[str]()
    return frozenset({need.holder or ""} | account)


def _decided(need: Need) -> bool:
    return need.answer.held is not None


def _conditional(estate: Estate, needs: Iterable[Need], cure: Cure) -> bool:
    """Tell whether what a grant would give is held already, only under conditions."""
    met = [need for need in needs if _meets(estate, cure, need)]
    return all(need.answer.held and _by_condition(need) for need in met)


def _given(estate: Estate, needs: Iterable[Need], cure: Cure) -> frozenset[str]:
    """Return what of the needs a grant gives."""
    return frozenset(need.permission for need in needs if _meets(estate, cure, need))


def _meets(estate: Estate, cure: Cure, need: Need) -> bool:
    return (
        need.holder == cure.member
        and estate.roles.holds(cure.role, need.permission) is True
        and cure.place in estate.hierarchy.lineage(need.resource or "").names
    )


def _unmet(
    estate: Estate, needs: Iterable[Need], wanted: Iterable[Cure]
) -> Iterator[Need]:
    """Yield the needs that rest on what is there, whatever is granted."""
    of: dict[str, list[Cure]] = {}
    for cure in wanted:
        of.setdefault(cure.member, []).append(cure)
    for need in needs:
        granted = of.get(need.holder or "", ())
        if not _decided(need) or not any(_meets(estate, one, need) for one in granted):
            yield need


def _standing(
    estate: Estate, wanted: Mapping[Cure, frozenset[str]]
) -> tuple[frozenset[tuple[str, str]], list[Cure]]:
    """Return the grants, by binding and member, that are as narrow already; the rest."""
    stays: set[tuple[str, str]] = set()
    missing: list[Cure] = []
    together: dict[tuple[str, str], set[str]] = {}
    for cure in wanted:
        at = together.setdefault((cure.member, cure.place), set())
        at.update(estate.roles.surely(cure.role))
    for cure in wanted:
        least = together[cure.member, cure.place]
        fit = [
            binding
            for binding in estate.access.bindings_on(cure.place)
            if binding.condition is None
            and cure.member in estate.access.members(binding)
            and (held := estate.roles.modelled(binding.role)) is not None
            and wanted[cure] <= held <= least
        ]
        if fit:
            best = min(fit, key=lambda one: (one.role != cure.role, one.id))
            stays.add((best.id, cure.member))
        else:
            missing.append(cure)
    return frozenset(stays), missing


def _going(
    world: World,
    keys: frozenset[str],
    stays: frozenset[tuple[str, str]],
    unmet: Iterable[Need],
) -> tuple[list[_Standing], list[Open]]:
    """Return the grants that can go, and those of which that is not known."""
    estate = world.estate
    undecided = {
        (support.binding.id, support.member)
        for need in unmet
        for support in need.answer.supports
        if support.binding is not None
    }
    going: list[_Standing] = []
    left: list[Open] = []
    for binding in sorted(estate.facts.bindings, key=lambda one: one.id):
        for key in sorted(keys.intersection(estate.access.members(binding))):
            at = (binding.id, key)
            if at in stays or at in undecided or binding.condition is not None:
                continue
            doubts = world.usage.doubts(key, binding.role)
            if not doubts:
                going.append(_Standing(binding=binding, holder=key))
            elif estate.roles.perhaps(binding.role):
                place = estate.hierarchy.shown(binding.resource)
                what = f"{binding.role} of {email_of(key) or key} on {place}"
                sending = world.usage.sending(binding, key)
                kept = tuple(f"kept: {one} uses it" for one in sending)
                left.append(Open(what=what, because=kept or _words(doubts)))
    return going, left


def _by_condition(need: Need) -> bool:
    supports = need.answer.supports
    return bool(supports) and all(
        one.binding is not None and one.binding.condition for one in supports
    )


def _stays(world: World, need: Need) -> bool:
    """Tell whether a grant that gives what is needed surely cannot be taken back."""
    return any(
        one.binding is not None
        and one.binding.condition is None
        # a group has it, or everyone; or something else may rest on it
        and (
            one.member != need.holder
            or bool(world.usage.doubts(one.member, one.binding.role))
        )
        for one in need.answer.supports
    )


def _words(causes: tuple[Cause, ...]) -> tuple[str, ...]:
    return tuple(_decides(one) for one in causes)


def _decides(cause: Cause) -> str:
    if cause.reason == "setting":
        account = cause.symbol.rpartition(" ")[2]
        return f"undecided: exclusive_accounts does not name {account}"
    return f"undecided: {cause.symbol}"


def _grant(estate: Estate, cure: Cure, given: frozenset[str]) -> Change:
    return Change(
        kind="grant",
        because=f"calls take {', '.join(sorted(given))}{_ended(estate, cure, given)}",
        place=place_of(estate, cure.place),
        role=cure.role,
        member=cure.member,
        command=granting(estate, cure),
    )


def _ended(estate: Estate, cure: Cure, given: frozenset[str]) -> str:
    """Say which grants gave it for a time: what is suggested has no end."""
    access, shown = estate.access, estate.hierarchy.shown
    ended = [
        f"{binding.role} on {shown(binding.resource)} at {binding.valid_before}"
        for place in estate.hierarchy.lineage(cure.place).names
        for binding in access.bindings_on(place)
        if binding.expired is True
        and access.is_member(binding, cure.member).held
        and any(estate.roles.holds(binding.role, name) for name in given)
    ]
    if not ended:
        return ""
    return f"; what gave it ended ({', '.join(ended)}), and this has no end: set one if it is to be for a time again"


def _revoke(estate: Estate, standing: _Standing) -> Change:
    binding = standing.binding
    place = estate.hierarchy.canonical(binding.resource)
    cure = Cure(member=standing.holder, place=place, role=binding.role)
    return Change(
        kind="revoke",
        because="no scanned call needs it",
        place=place_of(estate, place),
        role=binding.role,
        member=standing.holder,
        command=revoking(estate, cure),
    )


def _rebound(
    facts: Facts,
    estate: Estate,
    changes: Iterable[Change],
    gone: set[tuple[str, str]],
) -> Facts:
    """Return the facts with bindings made and members taken out."""
    changes = list(changes)
    fit = {
        (change.place.resource, change.role, change.member)
        for change in changes
        if change.kind == "revoke" and change.command is not None and change.place
    }

    def kept(binding: Binding) -> Binding:
        place = estate.hierarchy.canonical(binding.resource)
        lost = {
            key
            for key in estate.access.members(binding)
            if (binding.id, key) in gone and (place, binding.role, key) in fit
        }
        if not lost:
            return binding
        members = tuple(
            member
            for member in binding.members
            if estate.access.membership.key(member) not in lost
        )
        return replace(binding, members=members)

    new = tuple(
        Binding(
            id=f"binding:{change.place.resource}#{change.role}#suggested:{change.member}",
            origin=_PLANNED,
            resource=change.place.resource,
            role=change.role,
            members=(change.member,),
        )
        for change in changes
        if change.kind == "grant" and change.command is not None and change.place
    )
    bindings = [kept(binding) for binding in facts.bindings]
    return replace(facts, bindings=(*(one for one in bindings if one.members), *new))


def place_of(estate: Estate, resource: str) -> ResourceParts:
    """Return the parts of a resource name that commands take."""
    shown = estate.hierarchy.shown(resource)
    if found := _RUN.fullmatch(resource):
        project, region, kind, name = found.groups()
        return ResourceParts(
            kind="job" if kind == "job" else "service",
            resource=resource,
            label=shown,
            project=estate.hierarchy.project_id(project),
            region=region,
            name=name,
        )
    if found := _ACCOUNT.fullmatch(resource):
        place = estate.hierarchy.project_of(resource)
        number = place.rpartition("/")[2] if place else ""
        return ResourceParts(
            kind="account",
            resource=resource,
            label=found[1],
            project=estate.hierarchy.project_id(number) if number else "",
            name=found[1],
        )
    if found := _CONTAINER.fullmatch(resource):
        if found[1] == "project":
            project = estate.hierarchy.project_id(found[2])
            return ResourceParts(
                kind="project", resource=resource, label=shown, project=project
            )
        return ResourceParts(
            kind="folder" if found[1] == "folder" else "organization",
            resource=resource,
            label=shown,
            name=found[2],
        )
    return ResourceParts(kind="other", resource=resource, label=shown)
