"""Field by field: what Airflow says of a task, and what static reading said of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec import UNSET
from readings import Airflow, Seen, Static, path_of

from dagwarden.facts import Call, Task
from dagwarden.sources.dags.airflow.catalogue import Operator, catalogue
from dagwarden.sources.dags.records.make import connection_parameter

AGREE, UNRESOLVED, CONTRADICT = "agree", "unresolved", "contradict"
# Airflow does not say: the operator has no such attribute, or a template is in it
SILENT = object()


class Judged(NamedTuple):
    """One field of one task."""

    seen: Seen
    field: str
    outcome: str
    airflow: Any
    static: Any
    # why it is not known
    reason: str


class Comparison(NamedTuple):
    """All fields of all tasks, and the tasks that only one side has."""

    both: int
    static_only: list[Task]
    airflow_only: list[Seen]
    fields: list[Judged]


def compare(airflow: Airflow, static: Static) -> Comparison:
    """Compare the two readings."""
    named, unnamed = static.named(), static.unnamed()
    both = 0
    alone: list[Seen] = []
    fields: list[Judged] = []
    for seen in airflow.tasks:
        task = named.pop(seen.name, None)
        if task is None:
            task = _at_its_place(seen, unnamed)
        if task is None:
            alone.append(seen)
        else:
            both += 1
        calls = static.calls.get(task.id, []) if task is not None else []
        fields += _judged(seen, task, calls)
    left = [task for task in named.values() if path_of(task) not in airflow.refused]
    return Comparison(both, left, alone, fields)


def _at_its_place(
    seen: Seen, unnamed: dict[tuple[str, str, int], list[Task]]
) -> Task | None:
    """Return a task of unknown name that stands where Airflow's was made."""
    tasks = unnamed.get((seen.path, *seen.place), [])
    if len(tasks) > 1:
        return tasks.pop(0)
    # one that stands in a loop is one fact here, and many tasks in Airflow
    return tasks[0] if tasks else None


# ------------------------------------------------------------------------------ fields


class Asked(NamedTuple):
    """What a field's value is read from."""

    seen: Seen
    operator: Operator | None
    name: str

    def attribute(self, name: str | None) -> Any:
        """Return what Airflow says of an attribute, or of the argument of that name."""
        task = self.seen.task
        if name is None or name in (task["expanded"] or ()):
            return SILENT
        if task["mapped"] and task["expanded"] is not None and _unlisted(task):
            return SILENT
        for held in (task["attributes"], task["arguments"]):
            if name in held:
                return _plain(held[name])
        return SILENT


def _unlisted(task: dict[str, Any]) -> bool:
    """Say whether `expand_kwargs` was used, which may give anything."""
    return not isinstance(task["expanded"], dict) or "__object__" in task["expanded"]


def _plain(value: Any) -> Any:
    """Return a value that has no template in it and is no object."""
    if isinstance(value, str) and "{{" in value:
        return SILENT
    if isinstance(value, dict) and "__object__" in value:
        return SILENT
    if isinstance(value, list) and any(_plain(item) is SILENT for item in value):
        return SILENT
    return value


def _asked(seen: Seen) -> Asked:
    held = catalogue()
    for name in (seen.task["class"], *seen.task["bases"]):
        canonical = held.canonical(name)
        if canonical.endswith("DecoratedOperator"):
            # what a decorator makes is named by the operator that it is, too
            continue
        if (operator := held.operator(canonical)) is not None:
            return Asked(seen, operator, canonical)
    return Asked(seen, None, seen.task["class"])


def _first(asked: Asked, *names: str) -> Any:
    for name in names:
        if (value := asked.attribute(name)) is not SILENT:
            return value
    return SILENT


def _connection(asked: Asked) -> Any:
    return asked.attribute(asked.operator and connection_parameter(asked.operator))


def _impersonation(asked: Asked) -> Any:
    value = asked.attribute(asked.operator and asked.operator.impersonation)
    if value is SILENT or not value:
        return None if value is not SILENT else SILENT
    return [value] if isinstance(value, str) else value


def _job(asked: Asked) -> Any:
    call = asked.operator.call if asked.operator is not None else None
    return asked.attribute(call.name_parameter) if call is not None else SILENT


def _given(name: str) -> Callable[[Asked], Any]:
    return lambda asked: asked.attribute(name)


def _takes(name: str) -> Callable[[Asked], Any]:
    """Return a reader of what only some operators take."""

    def read(asked: Asked) -> Any:
        operator = asked.operator
        taken = operator is not None and name in operator.parameters
        return asked.attribute(name) if taken else SILENT

    return read


def _region(asked: Asked) -> Any:
    return _first(asked, "region", "location") if asked.operator else SILENT


def _dagrun_timeout(asked: Asked) -> Any:
    return asked.seen.dag["attributes"].get("dagrun_timeout", SILENT)


BY_AIRFLOW: dict[str, Callable[[Asked], Any]] = {
    "operator": lambda asked: asked.name,
    "connection": _connection,
    "impersonation_chain": _impersonation,
    "project": _takes("project_id"),
    "region": _region,
    "job": _job,
    "execution_timeout": _given("execution_timeout"),
    "dagrun_timeout": _dagrun_timeout,
    "timeout_seconds": _takes("timeout_seconds"),
    "retries": _given("retries"),
    "deferrable": _takes("deferrable"),
    "pool": _given("pool"),
    "owner": _given("owner"),
}
# What Airflow fills in where nothing is said: the static reading says "not set".
DEFAULTS = {"retries": 0, "pool": "default_pool", "owner": "airflow"}


def _judged(seen: Seen, task: Task | None, calls: list[Call]) -> Iterator[Judged]:
    asked = _asked(seen)
    for field, read in BY_AIRFLOW.items():
        value = read(asked)
        if value is SILENT:
            continue
        static, reason = _static(field, task, calls)
        outcome = UNRESOLVED
        if static is not UNSET:
            same = _same(field, static, value)
            same = same or (field == "operator" and _is_class(static, seen))
            outcome = AGREE if same else CONTRADICT
        yield Judged(seen, field, outcome, value, static, reason)


def _static(field: str, task: Task | None, calls: list[Call]) -> tuple[Any, str]:
    if task is None:
        return UNSET, "task not found"
    fact: Task | Call = task
    if field == "job":
        if not calls:
            return UNSET, "no call"
        fact, field = calls[0], "name"
    value = getattr(fact, field, UNSET)
    reasons = [one for one in fact.unresolved if one.field == field]
    why = f"{reasons[0].reason}: {reasons[0].symbol}" if reasons else "no such field"
    return value, why


def _same(field: str, static: Any, value: Any) -> bool:
    if isinstance(static, tuple):
        static = list(static)
    if static is None and field in DEFAULTS:
        static = DEFAULTS[field]
    return bool(static == value)


def _is_class(static: Any, seen: Seen) -> bool:
    """Say whether the task's class, by any import path, is what was read."""
    return bool(static == catalogue().canonical(seen.task["class"]))


def table(fields: list[Judged]) -> Iterator[tuple[str, Counter[str]]]:
    """Yield each field with its outcomes, counted."""
    for field in BY_AIRFLOW:
        yield field, Counter(one.outcome for one in fields if one.field == field)
