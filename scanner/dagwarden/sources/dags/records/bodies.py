"""
The code of tasks, followed as it would run: what it sends, and what it returns.

A task's code runs in a process of its own, after the file was read again. So it sees
the file's names as they are in the end, and what it changes is not seen by others: to
be sure of that, its changes count as changes that may not have happened.
"""

import posixpath
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Origin
from dagwarden.patterns import late
from dagwarden.sources.dags.airflow.context import Inputs, template_ends
from dagwarden.sources.dags.airflow.parameters import Parameters
from dagwarden.sources.dags.airflow.templates import (
    evaluated,
    is_template,
    rendered_later,
)
from dagwarden.sources.dags.airflow.world import Task, TaskOutput, World
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import UNDECIDED, join
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Function, Module, Wrapped
from dagwarden.sources.dags.language.paths import located
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Method,
    Scalar,
    Text,
    Thing,
    Unknown,
    Value,
    copied,
    is_scalar,
)
from dagwarden.sources.dags.language.work import TooMuchWork, allowance, charge, left
from dagwarden.sources.dags.outgoing.requests import Outgoing, State, TokenText

if TYPE_CHECKING:
    from dagwarden.sources.dags.records.silent import Silence

PYTHON = (
    "airflow.providers.standard.operators.python.",
    "airflow.providers.standard.sensors.python.",
)
BASH = (
    "airflow.providers.standard.operators.bash.",
    "airflow.providers.standard.sensors.bash.",
)
SSH = "airflow.providers.ssh.operators."
_ELSEWHERE = Unknown("dynamic", "the account of the place where the task's code runs")
_NOT_FOLLOWED = Unknown("dynamic", "code that is not followed")
_CONTEXT = Unknown("parameter", "the context of the task")
_OUTPUT = Unknown("dynamic", "the output of a task")
# Names that Airflow gives values to where a function has them as parameters.
_CONTEXT_NAMES = {
    *("conf", "dag", "dag_run", "data_interval_end", "data_interval_start", "ds"),
    *("ds_nodash", "exception", "execution_date", "expanded_ti_count", "inlet_events"),
    *("inlets", "logical_date", "macros", "map_index_template", "next_ds"),
    *("next_ds_nodash", "next_execution_date", "outlet_events", "outlets", "params"),
    *("prev_data_interval_end_success", "prev_data_interval_start_success"),
    *("prev_ds", "prev_ds_nodash", "prev_end_date_success", "prev_execution_date"),
    *("prev_execution_date_success", "prev_start_date_success", "run_id", "start_date"),
    *("task", "task_instance", "task_instance_key_str", "task_reschedule_count"),
    *("templates_dict", "test_mode", "ti", "tomorrow_ds", "tomorrow_ds_nodash"),
    *("triggering_asset_events", "triggering_dataset_events", "try_number", "ts"),
    *("ts_nodash", "ts_nodash_with_tz", "value", "var", "yesterday_ds"),
    "yesterday_ds_nodash",
}
# Methods of an operator that run its task.
_RUNNING = ("pre_execute", "execute", "poke", "execute_complete")
# Units for the code of one task: each has as much as there is for all of them, but
# no more than is good for a scan, and no less than honest code takes.
MOST_UNITS = 100_000
LEAST_UNITS = 20_000
MAX_NESTED = 20

ReadText = Callable[[str, str], tuple[str, str] | None]


class Followed(Struct, frozen=True):
    """What was read in the code of a task."""

    sent: list[Outgoing]
    # why there may be more that it sends
    missed: Unknown | None
    returned: Value
    # what the task pushes for others, by key
    pushed: dict[str, Value]
    # a class of the repository: its attributes when its base's own method ran
    base: Entries | None = None


NOTHING = Followed([], None, _OUTPUT, {})
NOT_READ = replace(NOTHING, missed=_NOT_FOLLOWED)


class Bodies:
    """The code of the tasks of one file."""

    def __init__(
        self,
        world: World,
        interpreter: Interpreter,
        module: Module,
        environment: str,
        read_text: ReadText,
    ) -> None:
        """`read_text(folder, name)` gives path and text of the file `name` in `folder`."""
        self.world = world
        self.interpreter = interpreter
        self.module = module
        self.environment = environment
        self.read_text = read_text
        self.inputs = Inputs(world.outside)
        self.read: dict[int, Followed] = {}
        # tasks of which nothing is asked but what they send, and which send nothing
        self.silent: set[int] = set()
        self.pushed: dict[str, Value] = {}
        self.base: Entries | None = None
        # units left for the code of all tasks, and the tasks that it has to do for
        self.left = left()
        self.waiting = 0
        # tasks whose code takes more than one may take, and the functions of them
        self.cut_short: list[Task] = []
        # tasks whose command names a file that is not there
        self.without_script: list[Task] = []
        self.too_long: set[int] = set()

    def of(self, task: Task) -> Followed:
        """Return what the code of `task` sends and returns."""
        if id(task) not in self.read:
            # what comes back to itself, or ends because it is too much
            self.read[id(task)] = NOT_READ
            self.read[id(task)] = self._of(task)
        return self.read[id(task)]

    def sent_by(self, task: Task) -> Followed:
        """Return what the code of `task` sends; the rest counts where it is asked for."""
        return NOTHING if id(task) in self.silent else self.of(task)

    def read_all(self, tasks: Iterable[tuple[Task, bool]]) -> None:
        """
        Follow the code of `tasks` with the work that is left for the file.

        With each stands whether only what it sends is asked for: code that sends nothing
        is then followed when others ask for its output, or not at all.
        """
        waiting = list(tasks)
        for done, (task, only_sent) in enumerate(waiting):
            self.waiting = len(waiting) - done
            if only_sent and self._is_silent(task):
                self.silent.add(id(task))
            else:
                self.of(task)

    @cached_property
    def silence(self) -> "Silence":
        """What tells code that surely sends nothing; many files have none at all."""
        from dagwarden.sources.dags.records.silent import Silence

        return Silence(self.world, self.interpreter)

    def _is_silent(self, task: Task) -> bool:
        """Say whether code surely sends nothing; where that takes too long, it may."""
        try:
            with self._taking(MOST_UNITS):
                return self.silence.of(task)
        except TooMuchWork as error:
            if error.by_the_clock:  # no two readings would end alike
                raise
            return False

    @contextmanager
    def _taking(self, units: int) -> Generator[None, None, None]:
        """Allow `units` of what is left for all tasks, or that if it is less."""
        units = min(units, self.left)
        self.left -= units
        with allowance(units):
            try:
                yield
            finally:
                self.left += left()

    def _of(self, task: Task) -> Followed:
        code = self._code_of(task)
        if code is None:
            return NOTHING
        node = id(getattr(task.function, "node", task.made or task))
        share = max(self.left // max(self.waiting, 1), LEAST_UNITS)
        try:
            if node in self.too_long:
                raise TooMuchWork
            with self._taking(min(share, MOST_UNITS)):
                return self._followed(task, *code)
        except TooMuchWork as error:
            if error.by_the_clock:
                raise
            self.too_long.add(node)
            self.cut_short.append(task)
            return NOT_READ

    def _code_of(self, task: Task) -> tuple[Callable[[], Value], Unknown | None] | None:
        """Return what follows the code of `task`, and as whom it runs elsewhere."""
        name = task.operator if isinstance(task.operator, str) else ""
        if task.made is not None and any(map(task.made.find, _RUNNING)):
            return lambda: self._operated(task), None
        if task.function is not None:
            own = (
                name.startswith((*PYTHON, *BASH)) or name == "airflow.sdk.BaseOperator"
            )
            return lambda: self._decorated(task, name), None if own else _ELSEWHERE
        if name.startswith(PYTHON):
            return lambda: self._called(task), None
        if name.startswith(BASH):
            return lambda: self._command(task, "bash_command"), None
        if name.startswith(SSH):
            return lambda: self._command(task, "command"), _ELSEWHERE
        return None

    # ------------------------------------------------------------------- following

    def _followed(
        self, task: Task, run: Callable[[], Value], account: Unknown | None
    ) -> Followed:
        """Carry `run` out apart from the file, and return what was seen."""
        world, interpreter, clients = self.world, self.interpreter, self.world.clients
        kept = interpreter.aside(self.module)
        before = world.recording, world.contexts, clients.sent, clients.missed
        outer = clients.account, self.pushed, self.base
        world.recording, world.contexts = False, []
        sent: list[Outgoing] = []
        clients.sent, clients.missed = sent, None
        clients.account = account or clients.account
        self.pushed, self.base = {}, None
        returned: Value = _OUTPUT
        try:
            returned = run()
        except RecursionError:
            clients.miss(Unknown("dynamic", "code nested too deeply"))
        finally:
            if interpreter.given_up or interpreter.unread or interpreter.exhausted:
                clients.miss(_NOT_FOLLOWED)
            missed, pushed, base = clients.missed, self.pushed, self.base
            interpreter.restore(kept)
            world.recording, world.contexts, clients.sent, clients.missed = before
            clients.account, self.pushed, self.base = outer
        return Followed(sent, missed, returned, pushed, base)

    def _call(
        self, function: Value, positional: list[Value], given: Arguments
    ) -> Value:
        """Call a task's function as Airflow does: with the context, where it asks."""
        keywords = dict(given.keywords)
        rest = given.rest
        if isinstance(function, Function):
            names = function.parameters()
            taken = set(names[: len(positional)]) | keywords.keys()
            missing = given.rest or given.more
            for name in names:
                if name in taken:
                    continue
                default = function.defaults.get(name, Unknown("parameter", name))
                keywords[name] = self._context(name) or missing or default
            if function.node.args.kwarg is not None:
                keywords |= {
                    "ti": TaskInstance(self),
                    "task_instance": TaskInstance(self),
                }
                rest = rest or _CONTEXT
        node = getattr(function, "node", None)
        return self.interpreter.call(
            function, Arguments(positional, keywords, given.more, rest, node)
        )

    def _context(self, name: str) -> Value:
        if name in ("ti", "task_instance"):
            return TaskInstance(self)
        return Unknown("parameter", name) if name in _CONTEXT_NAMES else None

    def _decorated(self, task: Task, operator: str) -> Value:
        given = task.given or Arguments([], {}, _NOT_FOLLOWED, _NOT_FOLLOWED)
        positional = [self.arrived(value) for value in given.positional]
        keywords = {name: self.arrived(v) for name, v in given.keywords.items()}
        made = Arguments([], keywords, given.more, given.rest, given.node)
        returned = self._call(task.function, positional, made)
        if not operator.startswith(BASH):
            return returned
        return self._script(task, returned)

    def _called(self, task: Task) -> Value:
        given = Parameters(self.world, task, self.environment)
        function = given.value("python_callable")
        args, kwargs = (self.arrived(given.value(n)) for n in ("op_args", "op_kwargs"))
        positional, more = ([], None) if args is None else operations.items_of(args)
        keywords: dict[str, Value] = {}
        rest: Unknown | None = None
        if isinstance(kwargs, Entries):
            keywords = {k: v for k, v in kwargs.items.items() if isinstance(k, str)}
            rest = kwargs.rest
        elif kwargs is not None:
            rest = _NOT_FOLLOWED
        return self._call(function, positional, Arguments([], keywords, more, rest))

    def _operated(self, task: Task) -> Value:
        """Run an operator of the repository."""
        running = Running(self, task)
        instance = TaskInstance(self)
        context: dict[Scalar, Value] = {"ti": instance, "task_instance": instance}
        returned: Value = _OUTPUT
        for name in _RUNNING:
            found = task.made.find(name) if task.made is not None else None
            if found is None:
                continue
            method, owner = found
            if isinstance(method, Wrapped):
                method = method.function
            if not isinstance(method, Function):
                self.world.clients.miss(_NOT_FOLLOWED)
                continue
            given = Entries(dict(context), _CONTEXT)
            arguments = Arguments([given], {}, node=method.node)
            if name == "execute_complete":
                arguments = Arguments([given, _CONTEXT], {}, node=method.node)
            result = self.interpreter.call(method.bind(running, owner), arguments)
            returned = result if name == "execute" else returned
        replaced = (
            any(task.made.find(n) for n in ("execute", "poke")) if task.made else 0
        )
        if not replaced:
            # only what comes before or after the base's own method is its own
            running.run_base()
        return returned

    # --------------------------------------------------------------------- commands

    def _command(self, task: Task, name: str) -> Value:
        given = Parameters(self.world, task, self.environment)
        found = given.given(name)
        environment = given.given("env")
        command = found.value if found is not None else _NOT_FOLLOWED
        own = self.arrived(environment.value) if environment is not None else None
        folder = given.given("cwd")
        where = self.arrived(folder.value) if folder is not None else None
        return self._script(task, command, own, where)

    def _script(
        self,
        task: Task,
        command: Value,
        environment: Value = None,
        folder: Value = None,
    ) -> Value:
        site = task.site
        origin = Origin(source=site.path, line=site.line)
        if _is_template_file(command, template_ends(task)):
            found = self._template(task, command) if isinstance(command, str) else None
            path, text = found or (site.path, Unknown("unreadable", "a template file"))
            origin = Origin(source=path, line=1)
            command = text
        clients = self.world.clients
        from dagwarden.sources.dags.outgoing.commands import (
            Shell,  # most hooks need none
        )

        here = not str(task.operator).startswith(SSH)
        shell = Shell(State(clients, clients.ambient(), origin), here=here)
        if isinstance(environment, Unknown):
            clients.account = clients.account or environment
        shell.environment(environment, folder)
        output = shell.script(self.arrived(command))
        # the last line is what other tasks get: of a token that is all there is
        return output if isinstance(output, TokenText) else _OUTPUT

    def _template(self, task: Task, name: str) -> tuple[str, str] | None:
        """
        Return path and text of the file that holds a template.

        It is looked for as Jinja does: first where the file with the DAG is, then in
        the DAG's `template_searchpath`; `..` leads nowhere.
        """
        folders: list[str | None] = [posixpath.dirname(self.module.path)]
        if task.dag is None or task.dag.arguments.rest or task.dag.made is not None:
            folders.append(None)
        else:
            given = task.dag.arguments.keywords.get("template_searchpath")
            places, more = [given], None
            if isinstance(given, Items):
                places, more = operations.members_of(given)
            for place in places if given is not None else ():
                found = located(place, self.interpreter)
                folders.append(None if found is None else found.inside())
            folders += [None] if more is not None else []
        for folder in folders:
            if folder is None:
                return None
            inside = ".." not in name.split("/")
            held = self.read_text(folder, name.lstrip("/")) if inside else None
            if held is not None:
                return held
        self.without_script.append(task)
        return None

    # ----------------------------------------------------------- what comes to a task

    def arrived(self, value: Value, depth: int = 0) -> Value:
        """Return an argument as it is when the task runs: rendered, outputs fetched."""
        charge()
        if isinstance(value, str):
            return self._rendered(value) if is_template(value) else value
        if isinstance(value, Task):
            return self.output(value)
        if isinstance(value, TaskOutput):
            return operations.subscript(self.output(value.task), value.key)
        if isinstance(value, Text):
            parts = [self.arrived(part, depth + 1) for part in value.parts]
            textual = all(isinstance(part, (str, Unknown, Thing)) for part in parts)
            return operations.joined(parts) if textual else value.why
        if depth > MAX_NESTED:
            return operations.TOO_LARGE
        if isinstance(value, Items):
            items = [self.arrived(item, depth + 1) for item in value.items]
            return Items(value.kind, items, value.more, self.interpreter.level)
        if isinstance(value, Entries):
            made = {k: self.arrived(v, depth + 1) for k, v in value.items.items()}
            return Entries(made, value.rest, self.interpreter.level)
        return value

    def _rendered(self, text: str) -> Value:
        """Return a template as a text of which the parts between fields are known."""
        charge(len(text) // 16)
        end = _STATEMENT().search(text)
        known = text[: end.start()] if end is not None else text
        parts: list[Value] = []
        at = 0
        while (start := known.find("{{", at)) >= 0:
            stop = known.find("}}", start)
            if stop < 0:
                return rendered_later(text)
            parts += [known[at:start], self._field(known[start : stop + 2])]
            at = stop + 2
        parts.append(known[at:])
        if end is not None:
            parts.append(rendered_later(text[end.start() :]))
        return operations.joined(parts)

    def _field(self, field: str) -> Value:
        pulled = _PULL().fullmatch(field)
        if pulled is None:
            if "var" not in field:
                # Jinja's parser takes long to load, and most fields are dates
                return rendered_later(field)
            given = evaluated(field, self.inputs)
            textual = isinstance(given, (str, Unknown, Text))
            return given if textual else rendered_later(field)
        found = self.pulled(pulled[2], pulled[4] or "return_value")
        if isinstance(found, (str, Text)):
            return found
        return rendered_later(field)

    def pulled(self, task_id: str, key: str = "return_value") -> Value:
        """Return what the task `task_id` of the file leaves under `key`."""
        found = [task for task in self.world.tasks if task.task_id == task_id]
        if len(found) != 1:
            return Unknown("dynamic", f"the output of {task_id}")
        if key == "return_value":
            return self.output(found[0])
        if found[0].mapped:
            return _OUTPUT
        return copied(self.of(found[0]).pushed.get(key, _OUTPUT))

    def output(self, task: Task) -> Value:
        """Return what a task returns, as it comes to others."""
        name = task.operator if isinstance(task.operator, str) else "a task"
        unknown = Unknown("dynamic", f"{name.rpartition('.')[2]} output")
        if task.mapped:
            return unknown
        found = copied(self.of(task).returned)
        plain = is_scalar(found) or isinstance(found, (Text, Items, Entries))
        return found if plain and found is not None else unknown


def _is_template_file(command: Value, ends: tuple[str, ...] | Unknown) -> bool:
    """Say whether a command is the name of the file with it, or may be."""
    if isinstance(command, Text):
        # as far as its end is known
        command = command.parts[-1]
    if not isinstance(command, str):
        return False
    if isinstance(ends, Unknown):
        return _EXTENSION().search(command) is not None
    return command.endswith(ends)


# How the name of a file may end.
_EXTENSION = late(r"\.\w+$")
# What begins a statement or comment of a template.
_STATEMENT = late(r"\{[%#]")
_PULL = late(
    r"\{\{-?\s*(?:ti|task_instance)\.xcom_pull\(\s*(?:task_ids\s*=\s*)?"
    r"(\[?\s*)[\"']([\w.-]+)[\"']\s*\]?\s*"
    r"(,\s*key\s*=\s*[\"']([\w.-]+)[\"']\s*)?,?\s*\)\s*-?\}\}"
)


class TaskInstance(Thing):
    """The run of a task, as its own code sees it."""

    __slots__ = ("bodies",)

    def __init__(self, bodies: Bodies) -> None:
        """`bodies` knows what other tasks leave."""
        self.bodies = bodies

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return _CONTEXT

    def attribute(self, name: str) -> Value:
        """Return how values are passed between tasks."""
        if name == "xcom_pull":
            return Method(name, self._pull)
        if name == "xcom_push":
            return Method(name, self._push)
        return Unknown("parameter", f"ti.{name}")

    def _pull(self, given: Arguments) -> Value:
        task_ids = given.get("task_ids", 0)
        key = given.keywords.get("key", "return_value")
        other = given.keywords.keys() - {"task_ids", "key"} or len(given.positional) > 1
        if isinstance(task_ids, str) and isinstance(key, str) and not other:
            return self.bodies.pulled(task_ids, key)
        return Unknown("parameter", "the output of a task")

    def _push(self, given: Arguments) -> Value:
        key, value = given.get("key", 0), given.get("value", 1)
        pushed = self.bodies.pushed
        if isinstance(key, str):
            before = pushed.get(key, value)
            pushed[key] = value if before is value else join(before, value, UNDECIDED)
        return None


class Running(Thing):
    """An operator of the repository while its task runs: `self`."""

    __slots__ = ("bodies", "level", "names", "task")

    def __init__(self, bodies: Bodies, task: Task) -> None:
        """Begin with what the constructor left."""
        self.bodies = bodies
        self.task = task
        self.level = bodies.interpreter.level
        # what the running code sets
        self.names: dict[str, Value] = {}

    def describe(self) -> str:
        """Return the operator's name."""
        return self.task.describe()

    def attribute(self, name: str) -> Value:
        """Return an attribute: its own, the class's, or the argument of that name."""
        if name.startswith("super()."):
            method = name.removeprefix("super().")
            if method in _RUNNING:
                return Method(name, lambda _: self.run_base())
            return Unknown("dynamic", f"{self.describe()}.{method}")
        if name in self.names:
            return self.names[name]
        made = self.task.made
        found = made.find(name) if made is not None else None
        if found is not None and isinstance(found[0], Function):
            return found[0].bind(self, found[1])
        if found is not None and isinstance(found[0], Wrapped):
            wrapped = found[0]
            if wrapped.kind == "property":
                getter = wrapped.function.bind(self, found[1])
                return self.bodies.interpreter.call(getter, Arguments([], {}))
            return wrapped.function
        if name in ("log", "logger"):
            return Unknown("import", "logging.getLogger()")
        if name in ("xcom_push", "xcom_pull"):
            return Unknown("parameter", f"self.{name}")
        return self.bodies.arrived(self.task.attribute(name))

    def store(self, name: str, value: Value) -> None:
        """Set an attribute; in an undecided branch it may not happen."""
        if self.bodies.interpreter.level > self.level:
            value = join(self.attribute(name), value, UNDECIDED)
        self.names[name] = value

    def forget(self, why: Unknown) -> None:
        """Any attribute may be another."""
        for name in (*self.task.keywords, *self.task.attributes, *self.names):
            self.names[name] = why

    def run_base(self) -> Value:
        """Run the method that the class replaces."""
        names = Entries(dict[Scalar, Value](self.names.items()))
        before = self.bodies.base
        if before is not None:
            found = join(copied(before), names, UNDECIDED)
            names = found if isinstance(found, Entries) else Entries({}, UNDECIDED)
        self.bodies.base = names
        return _OUTPUT
