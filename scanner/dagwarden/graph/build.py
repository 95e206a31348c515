"""The join: facts that sources read become facts that say who can trigger what."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import asdict, replace

from dagwarden.facts import (
    AuditLog,
    CloudRun,
    Connection,
    Facts,
    LogRetention,
    ProjectConstraint,
    Reach,
    Record,
    Task,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.callers import Caller, resolve
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate, causes_of
from dagwarden.graph.hierarchy import Hierarchy
from dagwarden.graph.identities import (
    Acting,
    act,
    takes_google,
    task_identity,
    with_connection,
)
from dagwarden.graph.lifetimes import derive_lifetimes
from dagwarden.graph.needs import GET_TOKEN, links
from dagwarden.graph.paths import derive_paths, linked
from dagwarden.graph.principals import account_key
from dagwarden.graph.targets import Runs, Target

if TYPE_CHECKING:
    from dagwarden.graph.reach import User

# With fewer bindings all of the cloud is derived before a fork is there.
MANY = 10_000

# Ways to become someone that no edge follows yet: a report says so.
NOT_FOLLOWED = (
    (
        "not followed from one identity to another: keys that exist already (who holds "
        "one is not known), virtual machines and clusters that run already, what Google "
        "Workspace lets an account do for its users (scopes that were given are told), "
        "and what Scheduler, Eventarc and Workflows do already"
    ),
    "cluster policies of Airflow change no task after its file was parsed",
)


class Joined(Record, frozen=True, kw_only=True):
    """Facts by name, who every task acts as, and what every call reaches."""

    estate: Estate
    actings: Mapping[str, Acting]  # by the task's id
    resolved: Mapping[str, tuple[Caller, Target]]  # by the call's id


class Begun(Record, frozen=True, kw_only=True):
    """Facts with what follows for tasks and calls; of a cloud there is more to derive."""

    joined: Joined
    facts: Facts
    users: "tuple[User, ...]"  # whom tasks act as

    @property
    def of_cloud(self) -> bool:
        """Whether there is a snapshot."""
        return self.joined.estate.has_snapshot

    @property
    def many(self) -> bool:
        """Whether the rest takes so long that two processes are quicker."""
        return len(self.facts.bindings) >= MANY


class OfCloud(Record, frozen=True, kw_only=True):
    """Facts derived of the cloud alone: beside the grants, which take about as long."""

    reaches: tuple[Reach, ...]
    audit_logs: tuple[AuditLog, ...]
    project_constraints: tuple[ProjectConstraint, ...]
    log_retentions: tuple[LogRetention, ...]


def join(facts: Facts, as_of: datetime) -> Joined:
    """Enrich and join facts as sources read them; `as_of` as for `derive`."""
    hierarchy = Hierarchy(facts)
    facts = enrich(facts, as_of, hierarchy)
    estate = Estate(facts, hierarchy)
    actings = {task.id: act(estate, task) for task in facts.tasks if takes_google(task)}
    resolved = _resolved(estate, Runs(estate), actings)
    return Joined(estate=estate, actings=actings, resolved=resolved)


def begin(facts: Facts, as_of: datetime) -> Begun:
    """
    Join facts, and derive what follows for tasks and calls.

    `as_of` is the time at which ages are told; it must carry a time zone.
    """
    joined = join(facts, as_of)
    estate = joined.estate
    derived = _with_composers(estate, _derived(joined, as_of))
    if not estate.has_snapshot:
        return Begun(joined=joined, facts=derived, users=())
    estate.index()  # in half a second, for this process and its fork
    said = (*derived.assumptions, *estate.access.assumes(), *NOT_FOLLOWED)
    return Begun(
        joined=joined,
        facts=replace(derived, assumptions=tuple(sorted(set(said)))),
        users=tuple(_users(joined)),
    )


def derive(facts: Facts, as_of: datetime) -> Facts:
    """Return the facts with all that follows from joining them; `as_of` as for `begin`."""
    begun = begin(facts, as_of)
    if not begun.of_cloud:
        return begun.facts
    from dagwarden.beside import beside

    with beside(partial(_of_cloud, begun), OfCloud, worth=begun.many) as told:
        derived = replace(with_grants(begun), cloud_runs=_exposed(begun))
        return replace(derived, **asdict(told()))


def with_grants(begun: Begun) -> Facts:
    """Return the facts with the grants."""
    if not begun.of_cloud:
        return begun.facts
    from dagwarden.graph.grants import derive_grants
    from dagwarden.graph.usage import Usage, scanned_calls

    joined = begun.joined
    calls = scanned_calls(joined.estate, joined.resolved)
    usage = Usage(joined.estate, calls, joined.actings)
    used = frozenset(user.key for user in begun.users)
    return replace(begun.facts, grants=derive_grants(joined.estate, used, usage))


def without_grants(begun: Begun) -> Facts:
    """Return the facts with all that follows but the grants."""
    if not begun.of_cloud:
        return begun.facts
    of_cloud = asdict(_of_cloud(begun))
    return replace(begun.facts, cloud_runs=_exposed(begun), **of_cloud)


def _derived(joined: Joined, as_of: datetime) -> Facts:
    """Return the facts with what follows for tasks and calls."""
    estate, actings, resolved = joined.estate, joined.actings, joined.resolved
    targets = {name: target for name, (_, target) in resolved.items()}
    derived = replace(
        estate.facts,
        tasks=tuple(
            with_connection(estate, task, task, task.connection_parameter)
            for task in estate.facts.tasks
        ),
        calls=tuple(
            with_connection(estate, call, estate.tasks[call.task])
            for call in estate.facts.calls
        ),
        task_identities=tuple(
            task_identity(estate.tasks[name], _linked(estate, actings[name]))
            for name in sorted(actings)
        ),
        paths=derive_paths(estate, resolved),
        lifetime_chains=derive_lifetimes(estate, targets),
    )
    return _with_leaks(estate, derived, as_of)


def _with_leaks(estate: Estate, facts: Facts, as_of: datetime) -> Facts:
    """
    Follow the keys that stand in clear into the cloud; few estates have any.

    Of what stands in files it is said, then, how it is ended.
    """
    given: tuple[Connection | Task, ...] = (*facts.connections, *facts.tasks)
    leaks = any(fact.identity for fact in facts.embedded_secrets) or any(
        secret.identity for fact in given for secret in fact.secrets_known
    )
    if leaks:
        from dagwarden.graph.leaked import with_leaks

        facts = with_leaks(estate, facts, as_of)
    if not any(fact.secret for fact in facts.embedded_secrets):
        return facts
    from dagwarden.graph.rotation import in_words

    return replace(facts, embedded_secrets=tuple(map(in_words, facts.embedded_secrets)))


def _joined(task: Task) -> bool:
    """Tell whether the task names a chain that no account bears: it acts as no one."""
    chain = task.impersonation_chain
    return isinstance(chain, tuple) and any("," in account for account in chain)


def _with_composers(estate: Estate, facts: Facts) -> Facts:
    """Say who may write the DAG buckets."""
    if not facts.composer_environments:
        return facts
    # a commit hook has no snapshot, and does not pay for what reads one
    from dagwarden.graph.writers import with_writers

    composers = tuple(
        with_writers(estate, item) for item in facts.composer_environments
    )
    return replace(facts, composer_environments=composers)


def _exposed(begun: Begun) -> tuple[CloudRun, ...]:
    from dagwarden.graph.exposure import with_exposure

    return with_exposure(begun.joined.estate)


def _of_cloud(begun: Begun) -> OfCloud:
    from dagwarden.graph.audit import derive_audit_logs
    from dagwarden.graph.constraints import derive_constraints
    from dagwarden.graph.reach import derive_reaches
    from dagwarden.graph.retention import derive_retention

    estate, users = begun.joined.estate, begun.users
    return OfCloud(
        reaches=derive_reaches(estate, users),
        audit_logs=derive_audit_logs(estate),
        project_constraints=derive_constraints(estate, {user.key for user in users}),
        log_retentions=derive_retention(estate),
    )


def _resolved(
    estate: Estate, runs: Runs, actings: Mapping[str, Acting]
) -> dict[str, tuple[Caller, Target]]:
    """Return who makes every call and what it reaches, by the call's id."""
    return {
        call.id: resolve(estate, runs, task, call, actings.get(task.id))
        for call in estate.facts.calls
        if (task := estate.tasks.get(call.task)) is not None
    }


def _linked(estate: Estate, acting: Acting) -> Acting:
    """Say by which binding each account of a chain is impersonated."""
    if not acting.chain:
        return acting
    needs = links(estate, acting, GET_TOKEN)
    return replace(acting, hops=linked(acting.hops, needs))


def _users(joined: Joined) -> "Iterable[User]":
    """Yield the identities that tasks act as, before and after impersonation."""
    from dagwarden.graph.reach import User

    estate, actings, resolved = joined.estate, joined.actings, joined.resolved
    environments: dict[str, set[str]] = {}
    dags: dict[str, set[str]] = {}
    declared: dict[str, set[str]] = {}
    jobs: dict[str, set[str]] = {}
    undeclared: dict[str, set[Cause]] = {}
    # account -> the DAGs that deploy as it; "": as whom, is not known
    deployed: dict[str, dict[str, set[str]]] = {}
    unsaid: dict[str, set[Cause]] = {}

    def use(task: str, acting: Acting) -> None:
        keys = list(acting.chain)
        if acting.source is not UNSET:
            keys.insert(0, acting.source.key)
        for index, key in enumerate(keys):
            environments.setdefault(key, set()).add(estate.tasks[task].environment)
            dags.setdefault(key, set()).add(estate.tasks[task].dag)
            declared.setdefault(key, set()).update(keys[index + 1 :])
            if acting.identity is UNSET and not _joined(estate.tasks[task]):
                # it acts on as someone who is not known
                undeclared.setdefault(key, set()).update(acting.causes)

    for task, acting in actings.items():
        use(task, acting)
    for call in estate.facts.calls:
        if call.id in resolved:
            caller, target = resolved[call.id]
            use(call.task, caller.acting)
            if caller.identity is UNSET:
                continue
            key = caller.identity.key
            if target.run is not None and call.deploys_as is None:
                name = estate.hierarchy.canonical(target.run.resource)
                jobs.setdefault(key, set()).add(name)
            elif target.name is UNSET and call.operation != "list_jobs":
                undeclared.setdefault(key, set()).update(target.causes)
            if call.deploys_as is not None:
                account, dag = "", estate.tasks[call.task].dag
                if isinstance(call.deploys_as, str):
                    account = account_key(call.deploys_as)
                by = deployed.setdefault(key, {}).setdefault(account, set())
                by.add(dag)
            if call.deploys_as is UNSET:
                symbol = f"account that {call.id} deploys as"
                why = causes_of(call, "deploys_as", symbol)
                unsaid.setdefault(key, set()).update(why)
    for key in sorted(environments):
        if key.startswith("serviceAccount:") or "@" in key:
            # deploying as an account is a declared use of it, by all that act as `key`:
            # what one DAG means to do, the others that share the identity do not
            by_account = deployed.get(key, {})
            unknown = by_account.get("", set())
            if any(dags[key] <= by | unknown for by in by_account.values()):
                undeclared.setdefault(key, set()).update(unsaid.get(key, ()))
            others = declared.get(key, set()).union(
                account
                for account, by in by_account.items()
                if account and dags[key] <= by
            )
            yield User(
                key=key,
                environments=tuple(sorted(environments[key])),
                dags=tuple(sorted(dags[key])),
                declared=frozenset(others),
                jobs=frozenset[str]().union(
                    *(jobs.get(who, ()) for who in (key, *others))
                ),
                undeclared=tuple(
                    sorted(
                        set[Cause]().union(
                            *(undeclared.get(who, ()) for who in (key, *others))
                        )
                    )
                ),
            )
