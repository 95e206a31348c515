"""From what a followed file made to the facts that rules see."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import TypeVar, cast

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple, replace

from dagwarden.facts import (
    ConnectionSource,
    Dag,
    Excluded,
    Maybe,
    Origin,
    Record,
    Secret,
    Task,
    Unresolved,
)
from dagwarden.patterns import late
from dagwarden.sources.credentials import (
    may_hold_secret,
    secret_in,
    secrets_in,
)
from dagwarden.sources.dags.airflow import provenance
from dagwarden.sources.dags.airflow import world as airflow
from dagwarden.sources.dags.airflow.catalogue import Operator, Parameter
from dagwarden.sources.dags.airflow.parameters import Parameters, not_taken, undecided
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.aliases import held_in
from dagwarden.sources.dags.language.interpret.state import Unread
from dagwarden.sources.dags.language.values import (
    OUTSIDE,
    Entries,
    Given,
    Items,
    Text,
    Thing,
    Unknown,
    Value,
    bare,
    is_scalar,
    plain,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.dags.outgoing.requests import MINTED
from dagwarden.sources.dags.records.outcome import Environment


class Facts(Struct, frozen=True):
    """The facts of one file."""

    dags: list[Dag]
    tasks: list[Task]
    # the arguments of each task
    given: list[Parameters]
    excluded: list[Excluded]


def facts_of_file(world: World, path: str, environment: Environment) -> Facts:
    """Return the facts of the DAG file `path`."""
    made = _Making(world, path, environment)
    _tell_of_namesakes(world)
    _tell_of_cycles(world)
    for dag in world.dags:
        made.dag(dag)
    for task in world.tasks:
        made.task(task)
    for partial, site in world.partials:
        if not partial.used:
            made.leave_out(site, "`partial` that is never expanded")
    found = made.facts
    return replace(found, dags=bare_facts(found.dags), tasks=bare_facts(found.tasks))


R = TypeVar("R", bound=Record)


def bare_facts(facts: list[R]) -> list[R]:
    """Return facts that hold plain values only: the marks of inputs end here."""
    return [_plainly(fact) for fact in facts]


# What bears no mark; records are made of what bears none.
_UNMARKED = frozenset({str, type(None), UnsetType, bool, float, int, Origin})


def _plainly(fact: R) -> R:
    changes: dict[str, object] = {}
    for name, value in zip(fact.__struct_fields__, astuple(fact), strict=True):
        if type(value) in _UNMARKED:
            continue
        if isinstance(value, Given):
            changes[name] = bare(value)
        elif isinstance(value, tuple):
            items = cast("tuple[object, ...]", value)
            records = bool(items) and isinstance(items[0], Record)
            if not records and any(isinstance(item, Given) for item in items):
                changes[name] = tuple(
                    bare(item) if isinstance(item, Given) else item for item in items
                )
    return replace(fact, **changes) if changes else fact


def _tell_of_namesakes(world: World) -> None:
    """Note DAGs of one id: Airflow keeps one, and which is not known."""
    seen: set[str] = set()
    for dag in world.dags:
        if dag.exposed and not dag.level and isinstance(dag.dag_id, str):
            if dag.dag_id in seen:
                site = dag.site
                detail = (
                    "a dag_id that another DAG of the file has: one of them is lost"
                )
                world.interpreter.unread[Unread(site.path, site.line, detail)] = None
            seen.add(dag.dag_id)


def _tell_of_cycles(world: World) -> None:
    """Note tasks that wait for each other: Airflow takes no such DAG, 2.11 and 3.3."""
    waiting = {
        task: [one for one in before if not one.removed]
        for task, before in world.waiting.items()
        if not task.removed and task.dag is not None and task.dag.exposed
    }
    made = {task: number for number, task in enumerate(world.tasks)}
    if all(_made_before(task, before, made) for task, before in waiting.items()):
        return  # as in most files
    from graphlib import CycleError, TopologicalSorter

    order = TopologicalSorter(waiting)
    try:
        order.prepare()
    except CycleError as error:
        cycle = cast("list[airflow.Task]", error.args[1])
        site = min(task.site for task in cycle)
        detail = "tasks that wait for each other"
        unread = Unread(site.path, site.line, detail, broken=True)
        world.interpreter.unread[unread] = None


def _made_before(
    task: airflow.Task, before: list[airflow.Task], made: dict[airflow.Task, int]
) -> bool:
    """Tell whether a task was made after all that it waits for."""
    number = made.get(task, 0)
    return all(made.get(one, number) < number for one in before)


class _Making:
    """Makes facts one by one, with ids that are unique in the file."""

    def __init__(self, world: World, path: str, environment: Environment) -> None:
        self.world = world
        self.path = path
        self.environment = environment
        self.facts = Facts([], [], [], [])
        self.ids: dict[str, int] = {}
        self.dag_ids: dict[int, str] = {}
        self.declared: dict[int, dict[str, provenance.Read]] = {}
        self.unknown_dag = ""

    def _unique(self, name: str) -> str:
        number = self.ids.get(name, 0) + 1
        self.ids[name] = number
        return name if number == 1 else f"{name}#{number}"

    def leave_out(self, site: airflow.Site, reason: str) -> None:
        """Account for an operator call that makes no task."""
        what = f"{site.path}:{site.line}"
        self.facts.excluded.append(Excluded(kind="task", what=what, reason=reason))

    # ------------------------------------------------------------------------ DAGs

    def dag(self, dag: airflow.Dag) -> None:
        if not dag.exposed:
            what = f"{dag.site.path}:{dag.site.line}"
            reason = "no name of the file holds it, so Airflow does not find it"
            self.facts.excluded.append(Excluded(kind="dag", what=what, reason=reason))
            return
        unresolved: list[Unresolved] = []
        dag_id = _text(dag.dag_id, "dag_id", unresolved)
        name = dag_id if isinstance(dag_id, str) else "?"
        identifier = self._unique(f"dag:{self.environment.name}:{self.path}:{name}")
        self.dag_ids[id(dag)] = identifier
        made = Dag(
            id=identifier,
            origin=Origin(source=dag.site.path, line=dag.site.line),
            environment=self.environment.name,
            dag_id=dag_id,
            dagrun_timeout=_dagrun_timeout(dag, unresolved),
            schedule=self._schedule(dag, unresolved),
            unresolved=tuple(unresolved),
            provenance=(
                provenance.traced(_dag_reads(dag), unresolved)
                if self.environment.traced
                else ()
            ),
        )
        self.facts.dags.append(made)

    def _schedule(
        self, dag: airflow.Dag, unresolved: list[Unresolved]
    ) -> Maybe[str | None]:
        given = dag.arguments.keywords
        for name in _SCHEDULES:
            if name in given:
                return _schedule(given[name], unresolved)
        why = dag.arguments.rest
        if "timetable" in given or why:
            return _unset(
                "schedule", why or Unknown("dynamic", "timetable"), unresolved
            )
        version = self.environment.airflow
        if version is None:
            symbol = f"airflow of environment {self.environment.name}"
            return _unset("schedule", Unknown("version", symbol), unresolved)
        return None if int(version.partition(".")[0]) > 2 else "1 day, 0:00:00"

    def _dag_of(self, task: airflow.Task) -> tuple[str, Maybe[str]] | None:
        """Return the id of the task's DAG fact and its dag_id."""
        if task.dag is not None:
            if id(task.dag) not in self.dag_ids:
                return None
            dag_id = task.dag.dag_id
            return self.dag_ids[id(task.dag)], dag_id if isinstance(
                dag_id, str
            ) else UNSET
        if task.unresolved_dag is None:
            return None
        if not self.unknown_dag:
            self.unknown_dag = self._placeholder(task, task.unresolved_dag)
        return self.unknown_dag, UNSET

    def _placeholder(self, task: airflow.Task, why: Unknown) -> str:
        identifier = self._unique(f"dag:{self.environment.name}:{self.path}:?")
        unresolved = tuple(
            Unresolved(field=field, reason=why.reason, symbol=why.symbol)
            for field in ("dag_id", "dagrun_timeout", "schedule")
        )
        made = Dag(
            id=identifier,
            origin=Origin(source=task.site.path, line=task.site.line),
            environment=self.environment.name,
            unresolved=unresolved,
        )
        self.facts.dags.append(made)
        return identifier

    # ----------------------------------------------------------------------- tasks

    def task(self, task: airflow.Task) -> None:
        charge(_FACT)
        home = self._dag_of(task)
        if task.removed:
            self.leave_out(task.site, "taken out of its DAG again")
            return
        if home is None:
            lost = task.dag is not None
            reason = "its DAG is not one Airflow finds" if lost else "belongs to no DAG"
            self.leave_out(task.site, reason)
            return
        dag, dag_id = home
        given = Parameters(self.world, task, self.environment.name)
        task_id = given.text("task_id", task.task_id)
        name = f"{dag.partition(':')[2]}.{self._task_name(task, task_id)}"
        identifier = self._unique(f"task:{name}")
        origin = Origin(source=task.site.path, line=task.site.line)
        connection, parameter, source = _connection(given)
        secrets, known = self._secrets(given, origin)
        if dag_id is UNSET:
            why = task.unresolved_dag or why_unknown(task.dag.dag_id if task.dag else 0)
            given.unset("dag_id", why or not_taken("dag_id"))
        made = Task(
            id=identifier,
            origin=origin,
            environment=self.environment.name,
            dag=dag,
            dag_id=dag_id,
            task_id=task_id,
            operator=given.text("operator", task.operator),
            own_class=None if task.made is None else task.made.describe(),
            connection=connection,
            connection_parameter=parameter,
            connection_source=source,
            impersonation_chain=_impersonation_chain(given),
            execution_timeout=_execution_timeout(given),
            dagrun_timeout=self._run_timeout(given),
            timeout_seconds=_timeout_seconds(given),
            retries=_retries(given),
            deferrable=_deferrable(given),
            pool=_pool(given),
            owner=_of_base(given, "owner"),
            queue=_of_base(given, "queue"),
            project=_place(given, "project", _PROJECTS),
            region=_place(given, "region", _REGIONS),
            mapped=task.mapped or _in_mapped_group(task),
            conditional=not task.certain,
            secrets=secrets,
            secrets_known=known,
            unresolved=tuple(given.unresolved),
            provenance=(
                provenance.traced(self._reads(given), given.unresolved)
                if self.environment.traced
                else ()
            ),
        )
        self.facts.tasks.append(made)
        self.facts.given.append(given)

    def _reads(self, given: Parameters) -> dict[str, provenance.Read]:
        """Return from where each field of a task is read."""
        unknown = {entry.field for entry in given.unresolved}
        called = provenance.called(given.task)
        reads = {"operator": called, "secrets": called, "task_id": called}
        if "task_id" in given.task.keywords:
            reads["task_id"] = given.read("task_id")
        reads |= {name: given.read(name) for name in _ARGUMENTS if name not in unknown}
        if given.task.dag is not None:
            reads |= self._declared(given.task.dag)
        return dict(sorted((reads | given.reads(given.noted)).items()))

    def _declared(self, dag: airflow.Dag) -> dict[str, provenance.Read]:
        """Return from where the tasks of a DAG have what is the DAG's."""
        if id(dag) not in self.declared:
            reads = {name: provenance.declared(dag, name) for name in _DAG_ARGUMENTS}
            self.declared[id(dag)] = reads
        return self.declared[id(dag)]

    def _task_name(self, task: airflow.Task, task_id: Maybe[str]) -> str:
        if isinstance(task_id, str):
            return task_id
        operator = task.operator if isinstance(task.operator, str) else "?"
        return f"?{operator.rpartition('.')[2]}"

    def _run_timeout(self, given: Parameters) -> Maybe[float | None]:
        if given.task.dag is not None:
            return _dagrun_timeout(given.task.dag, given.unresolved)
        why = given.task.unresolved_dag or not_taken("dag")
        return given.unset("dagrun_timeout", why)

    def _secrets(
        self, given: Parameters, origin: Origin
    ) -> tuple[Maybe[tuple[Secret, ...]], tuple[Secret, ...]]:
        found: list[Secret] = []
        why = given.task.rest or given.task.expanded_rest
        for name, value in _data(given.task):
            found += self._secrets_at(name or "op_args", value, origin)
            if name in _REVEALING:
                why = why or _doubt(name, value)
        for name, value in given.defaulted():
            place = f"default_args.{name}"
            inherited = self._secrets_at(place, value, origin)
            if not inherited and name not in _REVEALING:
                continue
            if given.takes(name):
                found += inherited
                if name in _REVEALING:
                    why = why or _doubt(name, value)
            elif inherited:
                # it is handed to the task if the operator has such a parameter
                why = why or Unknown("dynamic", place)
        known = tuple(dict.fromkeys(found))
        if why is None:
            return known, known
        return given.unset("secrets", why), known

    def _secrets_at(
        self, place: str, value: Value, origin: Origin
    ) -> tuple[Secret, ...]:
        if isinstance(value, (Text, Given)):
            value = value.why
        if isinstance(value, Unknown):
            if value.written is None:
                return ()
            value = value.written.items[0]
        if isinstance(value, str):
            charge()
            if not may_hold_secret(place.rpartition(".")[2], value):
                return ()
        elif not isinstance(value, (Items, Entries, bytes)):
            return ()
        field = Origin(source=origin.source, line=origin.line, field=place)
        return secrets_in(place, plain(value), field, self.environment.fingerprint)


# What it costs to make a fact of a task, in units of work.
_FACT = 40

# Arguments that carry data to where a secret is used: while one of these is not
# known, it is not known whether the task holds a secret.
_REVEALING = {
    *("auth", "bash_command", "body", "config", "container_overrides", "data"),
    *("env", "env_vars", "environment", "extra_options", "headers", "job"),
    *("op_kwargs", "overrides", "params", "request_kwargs", "service"),
}
# Arguments of every operator, none of which is data.
_PLAIN = {
    *("dag", "default_args", "depends_on_past", "execution_timeout", "owner"),
    *("gcp_conn_id", "http_conn_id", "on_failure_callback", "pool", "project_id"),
    *("python_callable", "queue", "region", "retries", "retry_delay", "start_date"),
    *("task_group", "task_id", "trigger_rule"),
}


def _doubt(name: str, value: Value) -> Unknown | None:
    """
    Return why a secret in argument `name` may be unseen, or None.

    What is given when the task runs (from the environment, a variable, a template, a
    token that is minted) does not stand in the file.
    """
    waiting: list[tuple[str, Value]] = [(name, value)]
    seen: set[int] = set()
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, (Thing, Given)):
            value = value.unknown()
        if isinstance(value, Unknown):
            if value.symbol in MINTED:
                continue
            if value.reason not in OUTSIDE:
                return value
            if any(_holds_secret(name, part) for part in value.parts):
                return value
            waiting += [(name, part) for part in value.parts]
        elif isinstance(value, (Items, Entries)) and id(value) not in seen:
            seen.add(id(value))
            if len(seen) > _MAX_DOUBTED:
                return Unknown("dynamic", "a value too large to follow")
            if isinstance(value, Entries):
                waiting += [(str(key), item) for key, item in value.items.items()]
                waiting.append((name, value.rest))
            else:
                waiting += [(name, item) for item in (*value.items, value.more)]
    return None


_MAX_DOUBTED = 2_000


def _holds_secret(name: str, part: Items | Entries) -> bool:
    """Say whether a value called `name` that may be in `part` may be a secret."""
    held = [item for item in held_in(part) if type(item) in (str, bytes)]
    return bool(secret_in(name, plain(part)) or secret_in(name, held))


def _data(task: airflow.Task) -> Iterator[tuple[str, Value]]:
    for source in (task.keywords, task.expanded | task.offered):
        for name, value in source.items():
            if name not in _PLAIN:
                yield name, value
    for value in task.passed:
        yield "", value


def _in_mapped_group(task: airflow.Task) -> bool:
    return task.group is not None and any(one.mapped for one in task.group.lineage())


# Fields of a task that are arguments under their own name.
_ARGUMENTS = (
    *("execution_timeout", "timeout_seconds", "retries", "deferrable"),
    *("pool", "owner", "queue"),
)
_DAG_ARGUMENTS = ("dag_id", "dagrun_timeout")
_SCHEDULES = ("schedule", "schedule_interval")


def _dag_reads(dag: airflow.Dag) -> dict[str, provenance.Read]:
    reads = {name: provenance.declared(dag, name) for name in _DAG_ARGUMENTS}
    given = dag.arguments.keywords
    name = next((n for n in _SCHEDULES if n in given), "schedule")
    return reads | {"schedule": provenance.declared(dag, name)}


def _unset(field: str, why: Unknown, unresolved: list[Unresolved]) -> UnsetType:
    unresolved.append(Unresolved(field=field, reason=why.reason, symbol=why.symbol))
    return UNSET


def _text(value: Value, field: str, unresolved: list[Unresolved]) -> Maybe[str]:
    if isinstance(value, str):
        return value
    unresolved.append(undecided(field, value))
    return UNSET


def _schedule(value: Value, unresolved: list[Unresolved]) -> Maybe[str | None]:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, timedelta):
        return str(value)
    why = why_unknown(value) or Unknown("dynamic", "a schedule that is no text")
    unresolved.append(undecided("schedule", why))
    return UNSET


def _seconds(
    field: str, value: Value, unresolved: list[Unresolved]
) -> Maybe[float | None]:
    if value is None:
        return None
    if isinstance(value, timedelta):
        return value.total_seconds()
    return _unset(field, why_unknown(value) or not_taken(field), unresolved)


def _dagrun_timeout(
    dag: airflow.Dag, unresolved: list[Unresolved]
) -> Maybe[float | None]:
    given = dag.arguments
    value = given.keywords.get("dagrun_timeout", given.rest)
    return _seconds("dagrun_timeout", value, unresolved)


def _execution_timeout(given: Parameters) -> Maybe[float | None]:
    value = given.value("execution_timeout")
    return _seconds("execution_timeout", value, given.unresolved)


# What Airflow makes a number of.
_DIGITS = late("[0-9]{1,9}")

# What JSON readers take for the number that it is.
_MAX_NUMBER = 2**53


def _retries(given: Parameters) -> Maybe[int | None]:
    value = given.value("retries")
    if value is None:
        # given as None it is none, in Airflow 2.11 and 3.3; not given, a setting holds
        return None if given.given("retries") is None else 0
    if isinstance(value, int) and abs(value) < _MAX_NUMBER:
        return int(value)  # True is 1
    if isinstance(value, str) and _DIGITS().fullmatch(value):
        return int(value)
    return given.unset("retries", why_unknown(value) or not_taken("retries"))


def _timeout_seconds(given: Parameters) -> Maybe[float | None]:
    if given.foreign is not None:
        return given.unset("timeout_seconds", given.foreign)
    if not _has(given.operator, "timeout_seconds"):
        return None
    value = given.value("timeout_seconds")
    if value is None:
        return None
    if isinstance(value, (int, float)) and abs(value) < _MAX_NUMBER:
        return float(value)
    return given.unset(
        "timeout_seconds", why_unknown(value) or not_taken("timeout_seconds")
    )


def _deferrable(given: Parameters) -> Maybe[bool | None]:
    found = given.given("deferrable")
    why = given.foreign
    if why is not None and (found is None or found.source != "argument"):
        return given.unset("deferrable", why)
    parameter = given.operator.deferrable if given.operator is not None else None
    if parameter is None and why is None:
        return None
    if found is not None:
        value = given.rendered("deferrable", found.value)
        if isinstance(value, bool):
            return value
        return given.unset("deferrable", why_unknown(value) or not_taken("deferrable"))
    if parameter is not None and isinstance(parameter.default, bool):
        return parameter.default
    if parameter is not None and parameter.setting is not None:
        stated = given.outside.flag(parameter.setting)
        if stated is not None:
            given.noted["deferrable"] = provenance.Read("setting")
            return stated
    absent = parameter or Parameter(unknown=True)
    return given.unset("deferrable", given.absent("deferrable", "deferrable", absent))


def _of_base(given: Parameters, field: str) -> Maybe[str | None]:
    """Return a text that every operator takes; None where a setting of Airflow holds."""
    why = _own_attribute(given, field)
    found = given.given(field)
    if found is None:
        why = why or given.unread
    if why is not None:
        return given.unset(field, why)
    if found is None:
        return None
    if found.value is None and field != "pool":
        # which stays None, whatever the setting
        return given.unset(field, not_taken(field))
    value = given.rendered(field, found.value)
    return None if value is None else given.text(field, value)


def _pool(given: Parameters) -> Maybe[str]:
    pool = _of_base(given, "pool")
    return DEFAULT_POOL if pool is None else pool


# Airflow's name for it, in every version; no setting changes it.
DEFAULT_POOL = "default_pool"


def _own_attribute(given: Parameters, name: str) -> Unknown | None:
    """
    Return why an argument may not be what the task has, or None.

    A class of the repository may have made something else of the attribute; a plain
    class attribute is hidden by what the constructor sets.
    """
    made = given.task.made
    found = made.find(name) if made is not None else None
    if found is None or is_scalar(found[0]):
        return None
    return Unknown("dynamic", f"{found[1].describe()}.{name}")


# Spellings of one thing: what is given comes first, then the order here.
_PROJECTS = ("project_id",)
_REGIONS = ("region_name", "region", "location", "zone")


def _place(
    given: Parameters, field: str, spellings: tuple[str, ...]
) -> Maybe[str | None]:
    """Return what the operator is told of where it works."""
    foreign = given.foreign
    names = [name for name in spellings if foreign or _has(given.operator, name)]
    for name in names:
        found = None if _fixed(given.operator, name) else given.given(name)
        if found is None or (foreign and found.source != "argument"):
            continue
        given.noted[field] = name
        value = given.rendered(name, found.value)
        return None if value is None else given.text(field, value)
    given.noted[field] = provenance.USUAL
    if foreign is not None:
        return given.unset(field, foreign)
    if given.operator is None or not names:
        return None
    return _usual(given, field, names[0])


def _usual(given: Parameters, field: str, name: str) -> Maybe[str | None]:
    """Return the operator's own default of the parameter `name`."""
    operator = given.operator
    parameter = operator.parameters[name] if operator else Parameter(unknown=True)
    if operator is not None and name in operator.varies:
        why = Unknown("version", f"default {name} of {given.task.operator}")
        return given.unset(field, why)
    default = parameter.default
    if isinstance(default, str) or parameter == Parameter():
        return default if isinstance(default, str) else None
    return given.unset(field, given.absent(field, name, parameter))


def _fixed(operator: Operator | None, name: str) -> bool:
    return operator is not None and (
        name in operator.parameters and operator.parameters[name].fixed
    )


def _has(operator: Operator | None, name: str) -> bool:
    return operator is not None and name in operator.parameters


# Who the task is, for operators that are not in the catalogue.
_GOOGLE = ("gcp_conn_id", "google_cloud_conn_id")


def connection_parameter(operator: Operator) -> str | None:
    """Return the parameter whose connection says who a task is."""
    if operator.identity is not None:
        return operator.identity
    if "http_conn_id" in operator.connections:
        return "http_conn_id"
    return next(iter(sorted(operator.connections)), None)


def _connection(
    given: Parameters,
) -> tuple[Maybe[str | None], str | None, ConnectionSource | None]:
    given.noted["connection"] = provenance.USUAL
    why = given.foreign
    if why is not None or given.operator is None:
        for name in _GOOGLE:
            if name in given.task.keywords:
                given.noted["connection"] = name
                value = given.rendered(name, given.task.keywords[name])
                return given.text("connection", value), name, "argument"
        return given.unset("connection", why or not_taken("operator")), None, None
    operator = given.operator
    name_or_none = connection_parameter(operator)
    if name_or_none is None:
        own = given.task.made is not None and given.task.made.find("execute")
        if own and given.task.made is not None:
            why = Unknown("dynamic", given.task.made.describe())
            return given.unset("connection", why), None, None
        return None, None, None
    name = name_or_none
    for spelling in (name, *_old_spellings(operator, name)):
        found = given.given(spelling)
        if found is not None:
            given.noted["connection"] = spelling
            value = given.rendered(spelling, found.value)
            return given.text("connection", value), name, found.source
    parameter = operator.connections[name]
    if name in operator.varies:
        why = Unknown("version", f"default {name} of {given.task.operator}")
        return given.unset("connection", why), name, "operator_default"
    if isinstance(parameter.default, str):
        return parameter.default, name, "operator_default"
    if name != operator.identity and parameter == Parameter():
        # it works without one: through a hook that it is given, or none
        return None, name, "operator_default"
    why = given.absent("connection", name, parameter)
    return given.unset("connection", why), name, "operator_default"


def _old_spellings(operator: Operator, name: str) -> Iterable[str]:
    renamed: Mapping[str, str] = operator.renamed
    return (old for old, new in sorted(renamed.items()) if new == name)


def _impersonation_chain(given: Parameters) -> Maybe[tuple[str, ...] | None]:
    field = "impersonation_chain"
    why = given.foreign
    name = given.operator.impersonation if given.operator is not None else None
    if why is not None:
        name = field
        if field not in given.task.keywords:
            return given.unset(field, why)
    given.noted[field] = provenance.USUAL if name is None else name
    if name is None:
        return None
    value = given.value(name)
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return (value,)
    unknown = why_unknown(value)
    if unknown is None and isinstance(value, Items):
        chain = tuple(item for item in value.items if isinstance(item, str))
        if len(chain) == len(value.items):
            return chain or None
    given.unresolved.append(undecided(field, unknown or value))
    return UNSET
