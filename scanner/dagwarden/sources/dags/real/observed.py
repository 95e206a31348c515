"""
From what Airflow made of a file to the facts that rules see.

Airflow's objects take the place of those that static reading makes; what becomes of
them is the same. A value that holds where nothing is given is left to the catalogue:
it may come from a setting, and this Airflow has not the settings of the real one.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

from dagwarden.sources.dags.airflow import world as airflow
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.language.objects import Class
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Unknown,
    Value,
)
from dagwarden.sources.dags.real.live import Found, FoundDag, FoundTask
from dagwarden.sources.dags.records.make import Facts, facts_of_file
from dagwarden.sources.dags.records.outcome import Environment

_OBJECT = "__object__"
# Seconds, where a constructor takes a duration.
_DURATIONS = frozenset(
    {"dagrun_timeout", "execution_timeout", "retry_delay", "max_retry_delay"}
)
# What a task is made in, not what it is given.
_SURROUNDING = frozenset({"dag", "task_group", "default_args", "task_id"})
# Who a task is, also where its operator is not in the catalogue.
_IDENTITY = ("gcp_conn_id", "google_cloud_conn_id", "impersonation_chain")
# `partial` fills in what else the constructor would.
_FILLED_IN = {"pool": "default_pool"}
# What of a DAG decides how the templates of its tasks are rendered.
_RENDERING = (
    *("jinja_environment_kwargs", "render_template_as_native_obj"),
    *("user_defined_filters", "user_defined_macros"),
)
# Timetables that a text or a duration stands for; 2.11 has a text for all others too.
_PLAIN_TIMETABLES = re.compile(
    r"\.(Cron(DataInterval|Trigger)|Delta(DataInterval|Trigger)|Once|Null|Continuous)"
    r"Timetable$"
)
Shown = Callable[[Path], str]
Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def observed(found: Found, path: str, shown: Shown, environment: Environment) -> Facts:
    """Return the facts of the DAG file `path`; `shown` is how results show a path."""
    world = airflow.World(catalogue())
    for one in found.dags:
        dag = _Dag(world, one, _site(one, path, shown))
        world.dags.append(dag)
        for task in one.tasks:
            world.tasks.append(_task(world, dag, task, _site(task, path, shown)))
    return facts_of_file(world, path, environment)


def _site(made: FoundDag | FoundTask, path: str, shown: Shown) -> airflow.Site:
    if made.file is None or made.line is None:
        return airflow.Site(path, 1, 1)
    return airflow.Site(shown(Path(made.file)), made.line, made.line)


class _Dag(airflow.Dag):
    """A DAG that Airflow made."""

    __slots__ = ()

    def __init__(
        self, world: airflow.World, found: FoundDag, site: airflow.Site
    ) -> None:
        self.world = world
        self.site = site
        self.level = 0
        self.made = None
        held = found.attributes
        keywords: dict[str, Value] = {
            "default_args": value_of(held.get("default_args")),
            "dagrun_timeout": _duration(held.get("dagrun_timeout")),
            "schedule": _schedule(held),
        }
        keywords |= {
            name: value_of(held[name])
            for name in _RENDERING
            if held.get(name) is not None
        }
        self.take(found.dag_id, Arguments([], keywords))
        self.certain_ids = set()
        self.task_ids = set()
        self.groups = set()
        self.exposed = True


def _schedule(held: dict[str, Any]) -> Value:
    if not _PLAIN_TIMETABLES.search(_object(held.get("timetable")) or ""):
        return Unknown("dynamic", "a schedule that is no text")
    return _duration(held.get("schedule", held.get("schedule_interval")))


class _Class(Class):
    """A class of the user's own, as far as it decides what a task is."""

    __slots__ = ("found",)

    def __init__(self, found: FoundTask) -> None:
        self.found = found
        self.name = found.made_of

    def describe(self) -> str:
        """Return the class's name; its module's is Airflow's invention."""
        return _plainly(self.name.rpartition(".")[2])

    def find(self, name: str) -> tuple[Value, Class] | None:
        """Return a name that the class or an own base defines."""
        if name == "template_fields":
            return Items("tuple", list[Value](self.found.template_fields)), self
        if name not in self.found.defines:
            return None
        return Unknown("dynamic", f"{self.describe()}.{_plainly(name)}"), self


def _task(
    world: airflow.World, dag: _Dag, found: FoundTask, site: airflow.Site
) -> airflow.Task:
    task = airflow.Task(world, _operator(world, found), site)
    task.dag = dag
    task.task_id = found.task_id
    task.made = _Class(found) if found.own else None
    task.mapped = found.mapped or found.in_mapped_group
    task.certain = True
    defaults = dag.default_args
    task.defaults = (defaults,)
    inherited = found.attributes.keys() & defaults.items.keys()
    task.keywords = {
        name: value
        for name, value in _given(world, task, found)
        if name not in inherited or value != defaults.items[name]
    }
    if found.mapped:
        _expand(task, found.expanded)
    return task


def _operator(world: airflow.World, found: FoundTask) -> str | Unknown:
    """Return the nearest class that is a library's, under today's name."""
    for name in (found.made_of, *found.bases)[found.own :]:
        canonical = world.catalogue.canonical(name)
        if not name.rpartition(".")[2].startswith(("_", "Decorated")):
            return canonical
    return Unknown("dynamic", "a task of no class")


def _given(
    world: airflow.World, task: airflow.Task, found: FoundTask
) -> Iterator[tuple[str, Value]]:
    """Yield what the task was given: by its call, or by code that set it later."""
    known = world.operator(task.operator) if isinstance(task.operator, str) else None
    wanted = set(_IDENTITY) if known is None else set(known.varies)
    for name in sorted({*found.arguments, *found.attributes} - _SURROUNDING):
        argument = found.arguments.get(name)
        value = found.attributes.get(name, argument)
        if _object(value) and name in found.arguments:
            value = argument
        usual = found.defaults.get(name)
        if name in found.arguments and not found.mapped:
            taken = True
        elif name in found.arguments or name in found.defaults:
            taken = value not in (usual, _FILLED_IN.get(name, usual))
        else:
            taken = False
        if taken or (name in wanted and name in found.attributes):
            yield name, _value(name, value)


def _expand(task: airflow.Task, expanded: Any) -> None:
    value = value_of(expanded)
    if isinstance(value, Entries):
        for name, each in value.items.items():
            if isinstance(name, str):
                task.expanded[name] = Unknown(
                    "dynamic", f"expand({_plainly(name)}=...)"
                )
                task.offered[name] = each
        task.expanded_rest = value.rest
        return
    task.expanded_rest = Unknown("dynamic", "expand_kwargs()")
    for each in value.items if isinstance(value, Items) else ():
        names = each.items if isinstance(each, Entries) else {}
        task.offered |= {
            name: Items("list", [item])
            for name, item in names.items()
            if isinstance(name, str)
        }


# ----------------------------------------------------------------------------- values


def _value(name: str, value: Any) -> Value:
    return _duration(value) if name in _DURATIONS else value_of(value)


def _duration(value: Any) -> Value:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return timedelta(seconds=value)
        except OverflowError:
            return Unknown("dynamic", "a duration without end")
    return value_of(value)


def _object(value: Json) -> str | None:
    """Return the name of an object's class, None for a plain value."""
    name = value.get(_OBJECT) if isinstance(value, dict) else None
    return name if isinstance(name, str) else None


def value_of(value: Json) -> Value:
    """Return a value of the extractor's JSON; an object is unknown."""
    if name := _object(value):
        return Unknown("dynamic", f"an object of {_plainly(name)}")
    if isinstance(value, dict):
        return Entries({key: value_of(item) for key, item in value.items()})
    if isinstance(value, list):
        return Items("list", [value_of(item) for item in value])
    return value


def _plainly(name: str) -> str:
    """Return a name that scanned code made up, fit to be shown."""
    return re.sub(r"[^\w.]", "", name)[:100]
