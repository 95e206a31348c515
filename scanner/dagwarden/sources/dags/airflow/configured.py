"""
The DAGs, groups and tasks of a configuration of dag-factory.

Each is made by calling what the configuration names, as Python code would.
"""

import ast
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import Literal

from msgspec import UNSET

from dagwarden.patterns import late
from dagwarden.sources.dags.airflow.configurations import Configuration, Refused
from dagwarden.sources.dags.airflow.world import Dag, TaskFactory, World
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.objects import Function, Module
from dagwarden.sources.dags.language.paths import located
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Place,
    Symbol,
    Thing,
    Unknown,
    Value,
    why_unknown,
)

Release = Literal["old", "new"] | None
Keywords = dict[str, Value]

# What the package needs of a task, and no operator gets.
_OWN = ("operator", "dependencies", "task_group_name", "parent_group_name")
_CHECKS = late("(response|success|failure)_check_(name|file|lambda)")
# Where the images of Airflow, Astro and Composer have the folder of DAGs.
_DEPLOYED = (
    "/opt/airflow/dags/",
    "/usr/local/airflow/dags/",
    "/home/airflow/gcs/dags/",
)
_XCOM = late(r"\.output|XcomArg|^\+\w*(\[.*\])?$", re.DOTALL)


class Maker:
    """Makes what the configurations of one call of the package say."""

    def __init__(self, world: World, node: ast.AST | None, release: Release) -> None:
        """`node` is the call; `release` which releases it can be of."""
        self.world = world
        self.interpreter = world.interpreter
        self.finder = world.interpreter.finder
        self.node = node
        self.release = release
        self.configuration = Configuration("")

    def unread(self, detail: str, node: ast.AST | None = None) -> None:
        """Tell of what is not read."""
        self.interpreter.note(node, detail)

    def path(self, value: Value) -> str | None:
        """Return a path relative to the root of the repository."""
        if isinstance(value, str):
            for deployed in _DEPLOYED:
                if value.startswith(deployed):
                    below = PurePosixPath(
                        self.finder.dags, value.removeprefix(deployed)
                    )
                    return None if ".." in below.parts else str(below)
            return None
        found = located(value, self.interpreter)
        return None if found is None else found.inside()

    def _call(self, function: Value, keywords: Keywords, value: Value = None) -> Value:
        """Call `function` with what the configuration gives it."""
        node = self.node
        if self.configuration.path:
            node = self._written(keywords, value)
        return self.interpreter.call(function, Arguments([], keywords, node=node))

    def _written(self, keywords: Keywords, value: Value) -> ast.Call:
        """Return what stands for the call, at the lines of the configuration."""
        line = self.configuration.line(value)
        given: list[ast.keyword] = []
        for name in keywords:
            at = self.configuration.line_of(value, name)
            if at is not None:
                given.append(ast.keyword(name, ast.Name(name, lineno=at), lineno=at))
        function = ast.Name("dag_factory", lineno=line)
        return ast.Call(function, [], given, lineno=line, col_offset=0, end_lineno=line)

    def imported(self, name: Value) -> Value:
        """Return what a dotted name stands for."""
        if not isinstance(name, str) or "." not in name:
            return why_not(name)
        holder, _, last = name.rpartition(".")
        found = self.interpreter.import_repository(holder)
        if isinstance(found, Thing):
            return found.attribute(last)
        return self.world.imported(name) if found is None else found

    def typed(self, kind: str, given: list[Value], named: Entries) -> Value:
        """Return the object that `__type__` asks for."""
        keywords = {k: v for k, v in named.items.items() if isinstance(k, str)}
        function = self.imported(kind)
        return self.interpreter.call(
            function, Arguments(given, keywords, None, named.rest, self.node)
        )

    def dag(self, name: str, config: Entries) -> Dag:
        """Make the DAG that `config` says, defaults included."""
        keywords: Keywords = {"dag_id": name, **self._schedule(config)}
        timeout = self._run_timeout(config)
        if timeout is not None or config.rest is not None:
            keywords["dagrun_timeout"] = timeout
        arguments = config.items.get("default_args")
        keywords["default_args"] = Entries({}) if arguments is None else arguments
        self._place(arguments)
        if config.rest is not None:
            keywords = {k: lost(config.rest, v) for k, v in keywords.items()}
            keywords["dag_id"] = name
        if "params" in config.items:
            keywords["params"] = config.items["params"]
        dag = self._call(self.world.imported("airflow.sdk.DAG"), keywords, config)
        if not isinstance(dag, Dag):
            raise self.configuration.refused("no DAG comes of it", config)
        groups = self._groups(config, dag)
        self._tasks(config, dag, groups)
        return dag

    def _place(self, arguments: Value) -> None:
        """Note where `default_args` are written, if all of them are in one file."""
        if not isinstance(arguments, Entries) or not self.configuration.path:
            return
        given: dict[ast.expr | None, ast.expr] = {}
        for key in arguments.items:
            line = self.configuration.line_of(arguments, key)
            if line is None or not isinstance(key, str):
                return
            given[ast.Constant(key, lineno=line)] = ast.Name("given", lineno=line)
        written = ast.Dict(list(given), list(given.values()))
        written.lineno = self.configuration.line(arguments)
        arguments.place = Place(written, self.configuration.path)

    def _schedule(self, config: Entries) -> Keywords:
        if config.items.get("timetable"):
            return {"timetable": config.items["timetable"]}
        if config.items.get("schedule_interval") is not None:
            if self.release == "new":
                raise self.configuration.refused(
                    "schedule_interval, which it takes no longer", config
                )
            interval = config.items["schedule_interval"]
            return {"schedule": None if interval == "None" else interval}
        schedule = config.items.get("schedule")
        if schedule is None:
            told = "schedule_interval" in config.items
            return {"schedule": None} if told else {}
        if isinstance(schedule, str):
            if schedule.strip().lower() == "none":
                return {"schedule": None}
            if self.release == "old":
                # in Airflow 2 it took every letter of it for a data set
                return {"schedule": Unknown("version", "schedule of dag-factory")}
        return {"schedule": schedule}

    def _run_timeout(self, config: Entries) -> Value:
        seconds = config.items.get("dagrun_timeout_sec")
        if seconds is not None and self.release != "new":
            if self.release is None:
                return Unknown("version", "dagrun_timeout_sec of dag-factory")
            return _seconds(seconds)
        return config.items.get("dagrun_timeout")

    def _named(self, value: Value, key: str) -> dict[str, Entries]:
        """Return tasks or groups by their names, however they are written."""
        if value is None:
            return {}
        if not isinstance(value, (Entries, Items)):
            raise Refused("tasks or groups that are no mapping")
        why = value.rest if isinstance(value, Entries) else value.more
        if why is not None:
            self.unread("which tasks there are is not known")
        found: dict[str, Entries] = {}
        for name, held in self._pairs(value, key):
            if not isinstance(name, str) or name in found:
                detail = f"a {key} that is missing or there twice"
                raise self.configuration.refused(detail, held)
            if not isinstance(held, Entries):
                detail = f"what is no mapping, for a {key}"
                raise self.configuration.refused(detail, value)
            found[name] = held
        return found

    def _pairs(self, value: Entries | Items, key: str) -> list[tuple[Value, Value]]:
        if isinstance(value, Entries):
            return list(value.items.items())
        pairs: list[tuple[Value, Value]] = []
        for one in value.items:
            if not isinstance(one, Entries):
                raise self.configuration.refused(f"a mapping without {key}", value)
            pairs.append((one.items.pop(key, None), one))
        return pairs

    def _groups(self, config: Entries, dag: Dag) -> dict[str, Value]:
        named = self._named(config.items.get("task_groups"), "group_name")
        made: dict[str, Value] = {}

        def make(name: str, inside: tuple[str, ...]) -> Value:
            if name in made:
                return made[name]
            if name in inside or name not in named:
                raise Refused("task groups that hold each other, or are not there")
            held = named[name]
            parent = held.items.get("parent_group_name")
            keywords = _keywords(held, _OWN)
            if parent:
                if not isinstance(parent, str):
                    raise Refused("a parent_group_name that is no text")
                keywords["parent_group"] = make(parent, (*inside, name))
            keywords |= {"group_id": name, "dag": dag}
            made[name] = self._call(
                self.world.imported("airflow.sdk.TaskGroup"), keywords, held
            )
            return made[name]

        for name in named:
            make(name, ())
        config.items["task_groups"] = Entries(dict(named.items()))
        return made

    # ---------------------------------------------------------------------------- tasks

    def _tasks(self, config: Entries, dag: Dag, groups: dict[str, Value]) -> None:
        named = self._named(config.items.get("tasks"), "task_id")
        self._check_order(named, groups)
        for name, held in named.items():
            keywords = _keywords(held, _OWN)
            keywords |= {"task_id": name, "dag": dag}
            group = held.items.get("task_group_name")
            if groups and group:
                if not isinstance(group, str) or group not in groups:
                    raise self.configuration.refused(
                        "a task group that is not there", held
                    )
                keywords["task_group"] = groups[group]
            self._adjust(keywords)
            if "operator" in held.items:
                self._operator(held, keywords)
            elif "decorator" in held.items:
                self._decorated(held, keywords)
            else:
                raise self.configuration.refused(
                    "a task with neither operator nor decorator", held
                )

    def _check_order(self, named: dict[str, Entries], groups: dict[str, Value]) -> None:
        """Refuse tasks that wait for each other, or for what is not there."""
        order: TopologicalSorter[str] = TopologicalSorter()
        for name, held in named.items():
            before = held.items.get("dependencies")
            if not isinstance(before, Items):
                continue
            for one in before.items:
                if isinstance(one, str) and one in named:
                    order.add(name, one)
                elif isinstance(one, str) and one not in groups:
                    raise self.configuration.refused(
                        "a task waits for one that is not there", held
                    )
        try:
            order.prepare()
        except CycleError:
            raise Refused("tasks that wait for each other") from None

    def _adjust(self, keywords: Keywords) -> None:
        """Make of a task's parameters what the operator gets."""
        for name in [one for one in keywords if _CHECKS().fullmatch(one)]:
            del keywords[name]
        for name in ("execution_timeout", "sla", "execution_delta"):
            seconds = keywords.pop(f"{name}_secs", None)
            if seconds is not None:
                keywords[name] = _seconds(seconds)
        variables = keywords.pop("variables_as_arguments", None)
        for one in variables.items if isinstance(variables, Items) else ():
            held = one.items if isinstance(one, Entries) else {}
            variable, attribute = held.get("variable"), held.get("attribute")
            if isinstance(attribute, str):
                self._from_variable(keywords, attribute, variable)
        self._callable(keywords)

    def _from_variable(
        self, keywords: Keywords, attribute: str, variable: Value
    ) -> None:
        """Give an argument the text of a variable, if there is one of that name."""
        found: Value = Unknown("variable", "Variable.get()")
        if isinstance(variable, str):
            found = self.world.outside.variable(variable, UNSET, as_json=False)
            if self.world.outside.variables.find(variable) is None:
                return
        if isinstance(found, Unknown):
            found = lost(found, keywords.get(attribute))
        keywords[attribute] = found

    def _callable(self, keywords: Keywords) -> None:
        """Find the function of a task."""
        name = keywords.pop("python_callable_name", None)
        file = keywords.pop("python_callable_file", None)
        given = keywords.get("python_callable")
        if isinstance(given, str):
            keywords["python_callable"] = self.imported(given)
        elif name and file and not given:
            keywords["python_callable"] = self._function_of(file, name)

    def _function_of(self, file: Value, name: Value) -> Value:
        path = self.path(file)
        why = Unknown("import", name if isinstance(name, str) else "python_callable")
        if path is None or not isinstance(name, str) or not path.endswith(".py"):
            return why
        if self.finder.content(path) is None:
            raise Refused("a python_callable_file that is not there")
        below = PurePosixPath(path)
        for top in (PurePosixPath(self.finder.dags), PurePosixPath()):
            if below.is_relative_to(top):
                module = ".".join(below.relative_to(top).with_suffix("").parts)
                found = self.interpreter.import_repository(module)
                if isinstance(found, Module) and found.path == path:
                    return found.attribute(name)
        return why

    def _operator(self, held: Entries, keywords: Keywords) -> None:
        operator = self.imported(held.items["operator"])
        expanded = keywords.pop("expand", None)
        partial = keywords.pop("partial", None)
        if isinstance(partial, Entries):
            keywords |= _keywords(partial, ())
        if expanded is None and partial is None:
            self._call(operator, keywords, held)
            return
        if isinstance(operator, Thing):
            operator = operator.attribute("partial")
        made = self._call(operator, keywords, held)
        self._expand(made, expanded, held)

    def _expand(self, made: Value, expanded: Value, held: Entries) -> None:
        if not isinstance(expanded, Entries):
            raise self.configuration.refused("an expand that is no mapping", held)
        keywords = {k: _later(v) for k, v in _keywords(expanded, ()).items()}
        if isinstance(made, Thing):
            self._call(made.attribute("expand"), keywords, held)

    def _decorated(self, held: Entries, keywords: Keywords) -> None:
        """Make a task of a decorator such as `airflow.decorators.task`."""
        decorator = self.imported(keywords.pop("decorator"))
        function = keywords.pop("python_callable", Unknown("import", "python_callable"))
        name = decorator.name if isinstance(decorator, Symbol) else ""
        kind = name.removeprefix("airflow.sdk.task").removeprefix(".") or "python"
        expanded, partial = keywords.pop("expand", None), keywords.pop("partial", None)
        passed: Keywords = {}
        rest: Unknown | None = None
        if isinstance(function, Function):
            taken = function.parameters()
            passed = {n: _later(keywords.pop(n)) for n in taken if n in keywords}
        else:
            # which arguments are the function's is not known
            rest = why_not(function)
            kept = ("task_id", "dag", "task_group")
            keywords = {n: v for n, v in keywords.items() if n in kept}
        under = function if isinstance(function, Thing) else Symbol("python_callable")
        if not name.startswith("airflow.sdk.task"):
            self._call(why_not(decorator), {**keywords, **passed}, held)
            return
        given = Arguments([], keywords, None, rest)
        factory = TaskFactory(self.world, kind, under, given)
        if not isinstance(expanded, Entries):
            self._call(factory, passed, held)
            return
        made: Value = factory
        if isinstance(partial, Entries):
            first = factory.attribute("partial")
            made = self._call(first, _keywords(partial, ()), held)
        self._expand(made, expanded, held)


def _later(value: Value) -> Value:
    """Return what a task hands on when it runs, if the text stands for that."""
    if isinstance(value, str) and _XCOM().search(value):
        return Unknown("dynamic", "what another task returns")
    return value


def _keywords(held: Entries, without: tuple[str, ...]) -> Keywords:
    return {
        key: value
        for key, value in held.items.items()
        if isinstance(key, str) and key not in without
    }


def why_not(value: Value) -> Unknown:
    """Return why what the package is given is not known."""
    return why_unknown(value) or Unknown("dynamic", "dag-factory")


def _seconds(value: Value) -> Value:
    return operations.duration(Arguments([], {"seconds": value}))
