"""What follows for a fact from others: ages, default accounts, who an environment is."""

from datetime import UTC, datetime

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    AirflowEnvironment,
    Binding,
    CloudRun,
    ComposerEnvironment,
    Facts,
    FederationProvider,
    Key,
    Maybe,
    Snapshot,
    Unresolved,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.estate import (
    cause,
    causes_of,
    composer_of,
    unresolved,
    without,
)
from dagwarden.graph.hierarchy import Hierarchy
from dagwarden.graph.principals import default_compute


def enrich(facts: Facts, as_of: datetime, hierarchy: Hierarchy | None = None) -> Facts:
    """
    Return the facts with everything filled in that follows from others.

    `hierarchy` is that of `facts`, where it was made already; it holds for the result.
    """
    hierarchy = hierarchy or Hierarchy(facts)
    facts = replace(
        facts,
        snapshots=tuple(_aged_snapshot(item, as_of) for item in facts.snapshots),
        bindings=_told(facts.bindings, as_of),
        keys=tuple(_aged_key(item, as_of) for item in facts.keys),
        cloud_runs=tuple(
            _with_run_account(item, hierarchy) for item in facts.cloud_runs
        ),
        federation_providers=_with_tenants(facts.federation_providers),
        composer_environments=tuple(
            _with_composer_account(item, hierarchy)
            for item in facts.composer_environments
        ),
    )
    environments = tuple(
        _with_runs_as(item, facts, hierarchy) for item in facts.environments
    )
    return replace(facts, environments=environments)


def _with_tenants(
    providers: tuple[FederationProvider, ...],
) -> tuple[FederationProvider, ...]:
    """Say whose tokens federation providers take; only a snapshot has any."""
    if not providers:
        return providers
    from dagwarden.graph.federation import with_tenants

    return tuple(map(with_tenants, providers))


def _told(bindings: tuple[Binding, ...], as_of: datetime) -> tuple[Binding, ...]:
    """Say what conditions say of the time: few have any."""
    return tuple(
        [
            _timed(binding, as_of)
            if binding.condition is not None or binding.expired is UNSET
            else binding
            for binding in bindings
        ]
    )


def _timed(binding: Binding, as_of: datetime) -> Binding:
    """Say between which times a conditional binding may grant, and whether it ended."""
    if binding.condition is None:
        return replace(binding, expired=None)
    from dagwarden.expression.conditions import condition

    expression = binding.condition.expression
    read = condition(expression)
    temporary = "request.time" in expression
    if not read.understood:
        fields = ("expired", "valid_after", "valid_before")
        why = cause("condition", f"{expression!r:.100}")
        return replace(
            binding,
            temporary=temporary,
            expired=UNSET,
            valid_after=UNSET,
            valid_before=UNSET,
            unresolved=unresolved(why, *fields),
        )
    window = read.window
    return replace(
        binding,
        temporary=temporary,
        expired=window.before is not None and window.before < as_of,
        valid_after=_written(window.after),
        valid_before=_written(window.before),
    )


def _written(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _age(text: Maybe[str], as_of: datetime) -> float | None:
    """Return the seconds from an RFC 3339 time to `as_of`; None: no such time."""
    if text is UNSET:
        return None
    try:
        then = datetime.fromisoformat(text)
    except ValueError:
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=as_of.tzinfo)
    return (as_of - then).total_seconds()


def _aged_snapshot(snapshot: Snapshot, as_of: datetime) -> Snapshot:
    snapshot = replace(snapshot, as_of=_written(as_of) or UNSET)
    age = _age(snapshot.read_time, as_of)
    if age is None:
        why = causes_of(snapshot, "read_time", "read time of the snapshot")
        entries = (*without(snapshot, "age_hours"), *unresolved(why, "age_hours"))
        return replace(snapshot, age_hours=UNSET, unresolved=entries)
    entries = without(snapshot, "age_hours")
    return replace(snapshot, age_hours=round(age / 3600, 4), unresolved=entries)


def _aged_key(key: Key, as_of: datetime) -> Key:
    age = _age(key.valid_after, as_of)
    if age is None:
        why = causes_of(key, "valid_after", f"creation time of key {key.key_id}")
        entries = (*without(key, "age_days"), *unresolved(why, "age_days"))
        return replace(key, age_days=UNSET, unresolved=entries)
    return replace(
        key, age_days=round(age / 86400, 4), unresolved=without(key, "age_days")
    )


def _account(
    workload: CloudRun | ComposerEnvironment, hierarchy: Hierarchy
) -> tuple[Maybe[str | None], tuple[Unresolved, ...]]:
    """Return the account of a workload, the default one where it names none."""
    if workload.service_account is not None:
        return workload.service_account, workload.unresolved
    known = without(workload, "service_account")
    number = hierarchy.number(workload.project)
    if number is not None:
        return default_compute(number), known
    missing = cause("layer", f"number of project {workload.project}")
    return UNSET, (*known, *unresolved(missing, "service_account"))


def _with_run_account(run: CloudRun, hierarchy: Hierarchy) -> CloudRun:
    if run.service_account is not None:
        return run
    account, entries = _account(run, hierarchy)
    return replace(run, service_account=account, unresolved=entries)


def _with_composer_account(
    environment: ComposerEnvironment, hierarchy: Hierarchy
) -> ComposerEnvironment:
    account, entries = _account(environment, hierarchy)
    return replace(environment, service_account=account, unresolved=entries)


def _with_runs_as(
    environment: AirflowEnvironment, facts: Facts, hierarchy: Hierarchy
) -> AirflowEnvironment:
    """Fill in the account of an environment that is a Composer environment."""
    name = _composer(environment)
    if name is None:
        return environment
    entries = without(environment, "runs_as")
    found = composer_of(facts, hierarchy, name)
    if found is not None and isinstance(found.service_account, str):
        account = found.service_account
        return replace(environment, runs_as=account, unresolved=entries)
    why = _why(found, name, snapshot=bool(facts.snapshots))
    entries = (*entries, *unresolved(why, "runs_as"))
    return replace(environment, runs_as=UNSET, unresolved=entries)


def _composer(environment: AirflowEnvironment) -> str | None:
    if environment.composer:
        return environment.composer
    runs_as = environment.runs_as
    if isinstance(runs_as, str) and runs_as.startswith("composer:"):
        return runs_as.removeprefix("composer:")
    return None


def _why(
    found: ComposerEnvironment | None, name: str, *, snapshot: bool
) -> tuple[Cause, ...]:
    if found is not None:
        return causes_of(found, "service_account", f"account of {name}")
    return cause("layer", f"Composer environment {name}" if snapshot else "a snapshot")
