"""How long a call may run, and what bounds it."""

import math
import re
from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from dagwarden.facts import (
    Call,
    CloudRun,
    LifetimeChain,
    Maybe,
    Task,
)
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.estate import (
    NO_SNAPSHOT,
    Estate,
    cause,
    causes_of,
    label,
    unresolved,
)
from dagwarden.graph.targets import Target

RUN_JOB = "run_job"

# A limit: seconds, None (no limit), or UNSET with the causes.
_Limit = tuple[float | UnsetType | None, tuple[Cause, ...]]


def derive_lifetimes(
    estate: Estate, targets: Mapping[str, Target]
) -> tuple[LifetimeChain, ...]:
    """
    Return the lifetime of every call by which an operator runs a job or asks a service.

    Code in a task decides itself whether it waits for what it calls.
    """
    found = (
        _chain(estate, task, call, target)
        for call in estate.facts.calls
        if call.via in ("operator", "http")
        and (call.operation == RUN_JOB or call.via == "http")
        and (task := estate.tasks.get(call.task)) is not None
        and (target := targets.get(call.id, Target())).kind != "other"
    )
    return tuple(sorted(found, key=lambda item: item.id))


def _chain(estate: Estate, task: Task, call: Call, target: Target) -> LifetimeChain:
    deferrable, deferrable_why = _deferrable(task)
    limits = (
        _run_limit(estate, task),
        _task_limit(estate, task, deferrable, deferrable_why),
        _poll_limit(task, call, deferrable, deferrable_why),
    )
    bounded, bound, why = _bound(limits)
    work, work_why = _work(estate, task, call, target)
    entries = (
        *unresolved(deferrable_why, "deferrable"),
        *unresolved(_own(task, "timeout_seconds"), "timeout_seconds"),
        *unresolved(why if bounded is UNSET else (), "bounded"),
        *unresolved(why if bound is UNSET else (), "bound"),
        *unresolved(work_why, "work"),
        *unresolved(_own(task, "dag_id"), "dag_id"),
        *unresolved(_own(task, "task_id"), "task_id"),
    )
    return LifetimeChain(
        id=f"lifetime_chain:{call.id.removeprefix('call:')}",
        origin=call.origin,
        unresolved=entries,
        environment=call.environment,
        task=task.id,
        dag=task.dag,
        operation=call.operation,
        dag_id=task.dag_id,
        task_id=task.task_id,
        deferrable=deferrable,
        timeout_seconds=task.timeout_seconds,
        bounded=bounded,
        bound=bound,
        work=work,
    )


def _own(task: Task, field: str) -> tuple[Cause, ...]:
    if getattr(task, field) is not UNSET:
        return ()
    return causes_of(task, field, f"{field} of {label(task)}")


def _bound(
    limits: tuple[_Limit, ...],
) -> tuple[Maybe[bool], Maybe[float | None], tuple[Cause, ...]]:
    """Return whether anything bounds the run, and the least that does."""
    why = distinct(
        item for value, causes in limits if value is UNSET for item in causes
    )
    known = [value for value, _ in limits if isinstance(value, (int, float))]
    if known:
        return True, UNSET if why else min(known), why
    return (UNSET, UNSET, why) if why else (False, None, ())


# ---------------------------------------------------------------------------- limits


def _deferrable(task: Task) -> tuple[Maybe[bool], tuple[Cause, ...]]:
    """Return whether the task defers."""
    if task.deferrable is not UNSET:
        return task.deferrable is True, ()
    return UNSET, causes_of(task, "deferrable", f"deferrable of {label(task)}")


def _run_limit(estate: Estate, task: Task) -> _Limit:
    """Return the DAG run's limit: the scheduler enforces it, deferred or not."""
    if task.dagrun_timeout is not UNSET:
        return task.dagrun_timeout, ()
    dag = estate.dags.get(task.dag)
    if dag is not None and dag.dagrun_timeout is not UNSET:
        return dag.dagrun_timeout, ()
    return UNSET, causes_of(task, "dagrun_timeout", f"dagrun_timeout of {label(task)}")


def _task_limit(
    estate: Estate,
    task: Task,
    deferrable: Maybe[bool],
    why: tuple[Cause, ...],
) -> _Limit:
    """Return the task's execution timeout where it holds."""
    limit, causes = _execution_timeout(estate, task)
    if limit is None or deferrable is False:
        return limit, causes
    enforced, version_why = _enforced_while_deferred(estate, task.environment)
    if enforced is True:
        return limit, causes
    if deferrable is True and enforced is False:
        return None, ()
    return UNSET, distinct((*causes, *why, *version_why))


def _execution_timeout(estate: Estate, task: Task) -> _Limit:
    if task.execution_timeout is UNSET:
        return UNSET, _own(task, "execution_timeout")
    if task.execution_timeout is not None:
        return task.execution_timeout, ()
    key = "default_task_execution_timeout"
    value = estate.setting(task.environment, "core", key)
    symbol = f"[core] {key} of environment {task.environment}"
    if value is None:
        return UNSET, cause("setting", symbol)
    if not value.strip():
        return None, ()
    try:
        seconds = float(value)
    except ValueError:
        return UNSET, cause("setting", symbol)
    usable = math.isfinite(seconds) and seconds > 0
    return (seconds, ()) if usable else (UNSET, cause("setting", symbol))


def _enforced_while_deferred(
    estate: Estate, environment: str
) -> tuple[bool | None, tuple[Cause, ...]]:
    """
    Tell whether Airflow enforces execution_timeout on a deferred task.

    Seen when run: 2.11.2 does, 3.3.2 does not. In between it is not established.
    """
    fact = estate.environments.get(environment)
    said = fact.airflow if fact else None
    version = re.match(r"(\d+)(?:\.(\d+))?", said) if said else None
    if version is not None:
        major, minor = int(version[1]), int(version[2] or 0)
        if major == 2:
            return True, ()
        if (major, minor) >= (3, 3):
            return False, ()
    return None, cause("version", f"airflow of environment {environment}")


def _poll_limit(
    task: Task, call: Call, deferrable: Maybe[bool], why: tuple[Cause, ...]
) -> _Limit:
    """Return the operator's own limit; it is dropped when the task defers."""
    if call.operation != RUN_JOB or deferrable is True:
        return None, ()
    if task.timeout_seconds is UNSET:
        return UNSET, _own(task, "timeout_seconds")
    if task.timeout_seconds is None or deferrable is False:
        return task.timeout_seconds, ()
    return UNSET, why


# ------------------------------------------------------------------------------ work


def _work(
    estate: Estate, task: Task, call: Call, target: Target
) -> tuple[Maybe[float | None], tuple[Cause, ...]]:
    """Return the longest that the Cloud Run side may take, in seconds."""
    if not estate.has_snapshot:
        return UNSET, (NO_SNAPSHOT,)
    run = target.run
    if run is None:
        unknown = target.causes or target.kind_causes
        return UNSET, unknown or cause("dynamic", f"target of {label(task)}")
    if run.kind == "service":
        return run.timeout, _missing(run, "timeout")
    # what an override sets is not read yet, only whether it could matter
    if call.overrides is not False and call.overrides_duration is not False:
        blame = f"overrides of {label(task)}"
        return UNSET, causes_of(call, "overrides_duration", blame)
    return _job_work(run)


def _missing(run: CloudRun, field: str) -> tuple[Cause, ...]:
    if getattr(run, field) is not UNSET:
        return ()
    return causes_of(run, field, f"{field} of {run.kind} {run.name}")


def _job_work(run: CloudRun) -> tuple[Maybe[float | None], tuple[Cause, ...]]:
    """Return timeout x attempts x rounds of a job."""
    fields = ("timeout", "max_retries", "task_count")
    why = distinct(item for field in fields for item in _missing(run, field))
    if run.timeout is UNSET or run.max_retries is UNSET or run.task_count is UNSET:
        return UNSET, why
    rounds = 1
    if run.task_count > 1:
        if not run.parallelism:  # as many at once as the region has room for
            blame = f"parallelism of job {run.name}"
            return UNSET, causes_of(run, "parallelism", blame)
        rounds = math.ceil(run.task_count / run.parallelism)
    return run.timeout * (run.max_retries + 1) * rounds, ()
