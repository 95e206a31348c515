"""
What DAGs, task groups, operators and decorators mean when a file is followed.

The same in Airflow 2.x and 3.x unless said otherwise. Import paths old and new are
one name: the catalogue's. Sources of the naming rules: `TaskGroup.child_id`,
`get_unique_task_id` and `BaseOperatorMeta._apply_defaults` of Airflow 2.11 and 3.3.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from msgspec import UNSET, Struct

from dagwarden.facts import Origin
from dagwarden.patterns import late
from dagwarden.sources.dags.airflow import refused, release
from dagwarden.sources.dags.airflow.catalogue import Catalogue, Operator
from dagwarden.sources.dags.airflow.outside import FIELDS, Fields, Outside
from dagwarden.sources.dags.language import (
    collected,
    dates,
    documents,
    enums,
    fields,
    operations,
    paths,
    scalars,
    standard,
    texts,
    written,
)
from dagwarden.sources.dags.language.aliases import UNDECIDED, join, lost
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.interpret.state import Unnamed, Unread
from dagwarden.sources.dags.language.objects import (
    MODULE_NAME,
    Class,
    Context,
    Decorated,
    Function,
    Instance,
    Module,
    Namespace,
    SearchPlace,
    Wrapped,
    bound,
    escape,
)
from dagwarden.sources.dags.language.paths import OpenFile
from dagwarden.sources.dags.language.values import (
    OUTSIDE,
    Arguments,
    Changeable,
    Entries,
    Given,
    Items,
    Method,
    Once,
    Place,
    Symbol,
    Text,
    Thing,
    Unknown,
    Value,
    View,
    bare,
    cause,
    copied,
    first_given,
    is_scalar,
    same,
    shallow,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.dags.outgoing import meaning
from dagwarden.sources.dags.outgoing.clients import Clients

CONSTANTS: dict[str, Value] = {
    "typing.TYPE_CHECKING": False,
    "os.sep": "/",
    "os.path.sep": "/",
}
# Python's own library, and what reads configuration.
LIBRARY = (
    dates.FUNCTIONS
    | collected.FUNCTIONS
    | paths.FUNCTIONS
    | documents.FUNCTIONS
    | standard.FUNCTIONS
    | scalars.FUNCTIONS
    | enums.FUNCTIONS
    | fields.FUNCTIONS
    | texts.FUNCTIONS
    | written.FUNCTIONS
)

Keywords = dict[str, Value]
_NOTHING = Outside()
# Stands for a default that is not given.
_REQUIRED = Unknown("variable", "a default")

_OPERATOR_NAME = late(r"(Operator|Sensor)(Async)?$")
_IN_A_LOOP = Unknown("dynamic", "a name that depends on how often a loop runs")


class Site(Struct, frozen=True, order=True):
    """Where a call stands."""

    path: str
    line: int
    end: int


class Dag(Thing):
    """A DAG."""

    __slots__ = (
        "arguments",
        "assigned",
        "branch_ids",
        "certain_ids",
        "dag_id",
        "default_args",
        "exposed",
        "groups",
        "level",
        "made",
        "place",
        "site",
        "task_ids",
        "world",
    )
    shared = True

    def __init__(self, world: "World", dag_id: Value, arguments: Arguments) -> None:
        """`arguments` are those of `DAG(...)` or `@dag(...)`."""
        self.world = world
        self.site = world.site(arguments)
        self.level = world.interpreter.level
        # the class of the repository that it was made of
        self.made: Class | None = None
        self.take(dag_id, arguments)
        # ids of tasks that are there whatever the undecided branches do
        self.certain_ids: set[str] = set()
        # ... and of others, with the undecided branch that they were made in
        self.branch_ids: dict[str, int] = {}
        self.task_ids: set[str] = set()
        self.groups: set[str] = set()
        # whether Airflow finds it: used as a context, or in a name of the module;
        # one made in an undecided branch may be
        self.exposed = world.interpreter.level > 0

    def take(self, dag_id: Value, given: Arguments) -> None:
        """Take the constructor's arguments."""
        self.dag_id = dag_id
        keywords = dict(given.keywords)
        rest = given.rest
        if len(given.positional) > 2:
            # Airflow 2 takes them so; which is which further on is not always the same
            keywords["schedule"] = given.positional[2]
            later = Unknown("version", "arguments of a DAG without their names")
            rest = rest or (later if len(given.positional) > 3 else None)
        self.arguments = Arguments([], keywords, given.more, rest, given.node)
        self.place = self.world.place(given)
        # what was set later, and where
        self.assigned: dict[str, Place | None] = {}
        self.default_args = _default_args(given, self.place)

    def _construct(self, given: Arguments) -> Value:
        missing = given.rest or given.more or Unknown("dynamic", "dag_id")
        self.take(given.get("dag_id", 0, missing), given)
        return None

    def store(self, name: str, value: Value) -> None:
        """Set an attribute: it changes what the constructor was given."""
        if name == "schedule":
            # without effect in Airflow 2, refused by 3
            value = Unknown("version", "the schedule of a DAG that is set later")
        keywords = self.arguments.keywords
        if self.world.interpreter.level > self.level:
            old = self.dag_id if name == "dag_id" else keywords.get(name, UNDECIDED)
            value = join(old, value, UNDECIDED)
        if name == "dag_id":
            self.dag_id = value
        else:
            keywords[name] = value
        self.assigned[name] = self.world.assignment()
        if name == "default_args":
            self.default_args = _default_args(self.arguments, self.assigned[name])

    def leads_to(self) -> Iterable[Value]:
        """Return what its operators are given."""
        return (self.default_args,)

    def forget(self, why: Unknown) -> None:
        """Anything of it may have changed."""
        self.dag_id = lost(why, self.dag_id)
        self.default_args = Entries({}, why)
        keywords: Keywords = {}
        for name, value in self.arguments.keywords.items():
            keywords[name] = lost(why, value)
        self.arguments = Arguments([], keywords, None, why, self.arguments.node)

    def tasks(self) -> Items:
        """Return its tasks; a set where it is not certain which there are."""
        held = [task for task in self.world.tasks if task.dag is self]
        if all(task.certain for task in held) and self.world.recording:
            return Items("list", list[Value](held))
        return Items("set", list[Value](held), UNDECIDED)

    def one(self, name: Value) -> Value:
        """Return the task `name`; if it is not known which, forget all of them."""
        held = [t for t in self.tasks().items if isinstance(t, Task)]
        found = [task for task in held if task.task_id == name]
        if len(found) == 1 and isinstance(name, str):
            return found[0]
        why = Unknown("dynamic", "a task that is looked up")
        for task in held:
            task.forget(why)
        return why

    def remove(self, name: Value) -> None:
        """Take a task out."""
        found = self.one(name)
        if isinstance(found, Task) and not self.world.interpreter.level:
            found.removed = True
        else:
            self.world.interpreter.note(self.arguments.node, _TAKEN_OUT)

    def attribute(self, name: str) -> Value:
        """Return what DAG files ask of a DAG."""
        if name == "super().__init__":
            return Method(name, self._construct)
        if name == "super().__enter__":
            return Method(name, lambda _: self._enter())
        if name == "super().__exit__":
            return Method(name, lambda _: self.world.leave(self))
        if name == "tasks":
            return self.tasks()
        if name in ("task_dict", "_task_dict"):
            return TaskDict(self)
        if name == "get_task":
            return Method(name, lambda given: self.one(given.get("task_id", 0)))
        if name == "_remove_task":
            return Method(name, lambda given: self.remove(given.get("task_id", 0)))
        if name in ("partial_subset", "sub_dag", "filter_task_group"):
            return Method(name, self._subset)
        if self.made is not None and (found := self.made.find(name)):
            value, owner = found
            return value.bind(self, owner) if isinstance(value, Function) else value
        if name == "dag_id":
            return self.dag_id
        if name == "default_args":
            return self.default_args
        if name == "task":
            return TaskDecorator(self.world, "python", Arguments([], {}), self)
        if name in ("add_task", "add_tasks"):
            return Method(name, self._add)
        if name in _BY_HAND:
            return self.world.by_hand(self, name)
        if name == "task_group":
            return _root_group(self)
        why = Unknown("dynamic", f"dag.{name}")
        return lost(why, self.arguments.keywords.get(name))

    def _subset(self, arguments: Arguments) -> Value:
        self.world.interpreter.note(arguments.node, _TAKEN_OUT)
        return Unknown("dynamic", "a part of a DAG")

    def _add(self, arguments: Arguments) -> Value:
        given = arguments.get("task", 0, arguments.keywords.get("tasks"))
        self.world.assign(_tasks(given), self)
        return None

    def enter(self) -> Value:
        """Become the DAG of what is made inside, as its own class does that."""
        own = None if self.made is None else self.made.find("__enter__")
        return self._enter() if own is None else self._by_class(own)

    def _by_class(self, own: tuple[Value, Class]) -> Value:
        method, owner = own
        if not isinstance(method, Function):
            return why_unknown(method) or Unknown("dynamic", "__enter__")
        given: list[Value] = [None] * (len(method.parameters()) - 1)
        made = method.bind(self, owner)
        return self.world.interpreter.call(made, Arguments(given, {}))

    def _enter(self) -> Value:
        registered = truth(self.arguments.keywords.get("auto_register", True))
        self.exposed = self.exposed or registered is not False
        self.world.contexts.append(self)
        return self

    def exit(self) -> None:
        """End the context, as its own class does that."""
        own = None if self.made is None else self.made.find("__exit__")
        if own is None:
            self.world.leave(self)
        else:
            self._by_class(own)


# What enters and leaves a context where no `with` does.
_BY_HAND = ("__enter__", "__exit__")
# Where a DAG may hold fewer tasks than were made in it.
_TAKEN_OUT = "tasks are taken out of a DAG: which remain is not read"


class TaskDict(Thing):
    """The `task_dict` of a DAG."""

    __slots__ = ("dag",)

    def __init__(self, dag: Dag) -> None:
        """Show the tasks of `dag` by their ids."""
        self.dag = dag

    def item(self, key: Value) -> Value:
        """Return one task."""
        return self.dag.one(key)

    def attribute(self, name: str) -> Value:
        """Return a method of the dict that it is."""
        return Method(name, lambda given: self._method(name, given))

    def _method(self, name: str, given: Arguments) -> Value:
        if name == "values":
            return self.dag.tasks()
        if name == "items":
            tasks = self.dag.tasks()
            held = [one for one in tasks.items if isinstance(one, Task)]
            pairs = [Items("tuple", [one.task_id, one]) for one in held]
            return Items("list", list[Value](pairs), tasks.more)
        if name == "get":
            return self.dag.one(given.get("", 0))
        if name == "pop":
            self.dag.remove(given.get("", 0))
        elif name not in ("keys", "copy", "__len__", "__contains__"):
            self.forget(UNDECIDED)
        return Unknown("dynamic", f"task_dict.{name}()")

    def forget(self, why: Unknown) -> None:
        """Note that some of the tasks may be gone."""
        self.dag.world.interpreter.note(self.dag.arguments.node, _TAKEN_OUT)


# What `partial` fills in of `default_args`, or with the default of every operator.
_PARTIAL = frozenset({"execution_timeout", "owner", "pool", "queue", "retries"})


def _default_args(arguments: Arguments, place: Place | None) -> Entries:
    """Return a copy of `default_args`, as the constructors make one."""
    given = copied(arguments.keywords.get("default_args"))
    if isinstance(given, Entries):
        given.place = given.place or place
        return given
    if given is None and "default_args" not in arguments.keywords:
        return Entries({}, arguments.rest)
    return Entries({}, why_unknown(given))


class Group(Thing):
    """A task group."""

    __slots__ = (
        "dag",
        "default_args",
        "group_id",
        "made",
        "mapped",
        "parent",
        "prefix",
        "world",
    )
    shared = True

    def __init__(
        self,
        world: "World",
        group_id: Value,
        arguments: Arguments,
        *,
        suffix: bool = False,
    ) -> None:
        """`suffix`: a name that is taken gets a number, as for `@task_group`."""
        self.world = world
        self.mapped = False
        # the class of the repository that it was made of
        self.made: Class | None = None
        self.take(group_id, arguments, suffix=suffix)

    def take(
        self, group_id: Value, arguments: Arguments, *, suffix: bool = False
    ) -> None:
        """Take the constructor's arguments."""
        world = self.world
        dag, parent = world.current()
        given = arguments.keywords.get("dag")
        self.dag: Dag | Unknown | None = given if isinstance(given, Dag) else dag
        outer = arguments.keywords.get("parent_group")
        self.parent: Group | None = outer if isinstance(outer, Group) else parent
        self.prefix = truth(arguments.keywords.get("prefix_group_id", True))
        self.default_args = _default_args(arguments, world.place(arguments))
        self.group_id = self._full(group_id)
        asked = truth(arguments.keywords.get("add_suffix_on_collision", suffix))
        if asked and isinstance(self.dag, Dag) and isinstance(self.group_id, str):
            interpreter = world.interpreter
            shuffled = self.dag.level < interpreter.shuffling
            if not (isinstance(asked, Unknown) or interpreter.repeating or shuffled):
                self.group_id = _numbered(self.group_id, self.dag.groups)
            elif self.group_id in self.dag.groups or interpreter.repeating or shuffled:
                self.group_id = _IN_A_LOOP
        elif isinstance(self.dag, Dag) and isinstance(self.group_id, str):
            world.taken(self.dag, f"group {self.group_id}", world.site(arguments))
        named = isinstance(self.group_id, str) and world.recording
        if named and isinstance(self.dag, Dag):
            self.dag.groups.add(str(self.group_id))

    def _full(self, group_id: Value) -> Value:
        return self.parent.child(group_id) if self.parent else group_id

    def child(self, name: Value) -> Value:
        """Return the full id of a task or group inside."""
        if self.prefix is False or self.group_id is None:
            return name
        if isinstance(self.prefix, Unknown):
            return self.prefix
        parts = [self.group_id, ".", name]
        return operations.joined([_as_text(part) for part in parts])

    def lineage(self) -> Iterator["Group"]:
        """Return it and the groups around it."""
        group: Group | None = self
        while group is not None:
            yield group
            group = group.parent

    def attribute(self, name: str) -> Value:
        """Return what DAG files ask of a task group."""
        if name == "super().__init__":
            return Method(name, self._construct)
        if self.made is not None and (found := self.made.find(name)):
            value, owner = found
            return value.bind(self, owner) if isinstance(value, Function) else value
        if name == "default_args":
            return self.default_args
        if name in _BY_HAND:
            return self.world.by_hand(self, name)
        return self.group_id if name == "group_id" else super().attribute(name)

    def _construct(self, given: Arguments) -> Value:
        missing = given.rest or given.more or Unknown("dynamic", "group_id")
        self.take(given.get("group_id", 0, missing), given)
        return None

    def leads_to(self) -> Iterable[Value]:
        """Return what its operators are given."""
        return (self.default_args,)

    def forget(self, why: Unknown) -> None:
        """Anything of it may have changed."""
        self.group_id = lost(why, self.group_id)
        self.default_args = Entries({}, why)

    def store(self, name: str, value: Value) -> None:
        """Set an attribute: what is made of it later is not known."""
        if name in ("group_id", "default_args", "prefix_group_id", "_group_id"):
            self.forget(Unknown("dynamic", "a task group that is changed"))

    def enter(self) -> Value:
        """Become the group of what is made inside."""
        self.world.contexts.append(self)
        return self

    def exit(self) -> None:
        """End the context."""
        self.world.leave(self)


def _root_group(dag: Dag) -> Group:
    """Return the group without a name that holds all of a DAG."""
    group = Group(dag.world, None, Arguments([], {"dag": dag}))
    group.parent = None
    group.group_id = None
    return group


def _as_text(value: Value) -> Value:
    if isinstance(value, str):
        return value
    return why_unknown(value) or Unknown("dynamic", "a name that is no text")


def _numbered(name: str, taken: set[str]) -> str:
    """Return `name`, with `__N` added as Airflow does when it is taken."""
    if name not in taken:
        return name
    charge(len(taken) // 4)
    stem = re.split(r"__\d+$", name)[0]
    pattern = re.compile(rf"{re.escape(stem)}__(\d+)")
    numbers = [int(m[1]) for one in taken if (m := pattern.fullmatch(one))]
    return f"{stem}__{max(numbers, default=0) + 1}"


class Task(Thing):
    """An operator object: one task, or several where it is mapped."""

    __slots__ = (
        "added",
        "assigned",
        "attributes",
        "certain",
        "constructed",
        "dag",
        "defaults",
        "expanded",
        "expanded_rest",
        "function",
        "given",
        "group",
        "initialised",
        "keywords",
        "made",
        "mapped",
        "offered",
        "operator",
        "own",
        "passed",
        "places",
        "removed",
        "rest",
        "site",
        "task_id",
        "unresolved_dag",
        "world",
    )
    shared = True

    def __init__(self, world: "World", operator: str | Unknown, site: Site) -> None:
        """Make it without arguments; `operator` is the class's qualified name."""
        self.world = world
        self.operator = operator
        self.site = site
        self.keywords: Keywords = {}
        self.rest: Unknown | None = None
        # what `expand` gives, and why it may give more
        self.expanded: Keywords = {}
        self.expanded_rest: Unknown | None = None
        # ... and all that it was given, for every task of the expansion
        self.offered: Keywords = {}
        self.mapped = False
        # arguments of a decorated function: data, not parameters of the operator
        self.passed: list[Value] = []
        # the function that was decorated, and what it is called with
        self.function: Value = None
        self.given: Arguments | None = None
        # the class of the repository it was made of
        self.made: Class | None = None
        self.initialised = True
        self.attributes: Keywords = {}
        self.dag: Dag | None = None
        self.unresolved_dag: Unknown | None = None
        self.group: Group | None = None
        self.task_id: Value = Unknown("dynamic", "task_id")
        # the `default_args` when it was made, the nearest first
        self.defaults: tuple[Entries, ...] = ()
        # whether it is made whatever the undecided branches do
        self.certain = False
        self.removed = False
        self.added = False
        # the calls that gave it arguments, in their order
        self.places: list[Place] = []
        # what was set later, and where
        self.assigned: dict[str, Place | None] = {}
        # ... but for what its own constructor set
        self.own: set[str] = set()
        # what a constructor of the repository was called with
        self.constructed: Arguments | None = None

    def describe(self) -> str:
        """Return the operator's name."""
        return self.operator if isinstance(self.operator, str) else "a task"

    def take(self, arguments: Arguments, place: Place | None = None) -> None:
        """Take the constructor's arguments; `place` if it is not where we are."""
        place = place or self.world.place(arguments)
        if place is not None:
            self.places.append(place)
        self.keywords |= arguments.keywords
        self.rest = self.rest or arguments.rest
        self.initialised = True

    def attribute(self, name: str) -> Value:
        """Return what DAG files and subclasses ask of a task."""
        if name == "super().__init__":
            return Method(name, lambda arguments: self.take(arguments))
        if name == "output":
            return self
        if name in ("as_setup", "as_teardown"):
            return Method(name, lambda _: self)
        if name == "task_id":
            return self.task_id
        if name == "dag":
            return self.dag
        if name in ("set_upstream", "set_downstream"):
            up = name == "set_upstream"
            return Method(name, lambda given: self._beside(given, up=up))
        found = self.attributes.get(name, self.keywords.get(name))
        if found is not None:
            return found
        why = Unknown("dynamic", f"{self.describe().rpartition('.')[2]}.{name}")
        return why if self.made is None else self._of_class(name, why)

    def prepared(self, constructor: Value) -> Value:
        """Let `default_args` fill in a constructor's parameters, as Airflow does."""
        if not isinstance(constructor, Function):
            return constructor
        start = constructor

        def call(arguments: Arguments) -> Value:
            return start.call(self.world.with_defaults(self, start, arguments))

        return Method("__init__", call)

    def _of_class(self, name: str, why: Unknown) -> Value:
        if self.made is None or self.made.find(name) is None:
            return why
        return bound(self.made, self, name)

    def _beside(self, arguments: Arguments, *, up: bool) -> Value:
        for other in arguments.positional:
            self.world.linked(*((other, self) if up else (self, other)))
        return None

    def store(self, name: str, value: Value) -> None:
        """Set an attribute: after the constructor it changes the argument."""
        if name == "dag":
            self.world.assign([self], value)
            return
        if name == "task_id":
            self.task_id = Unknown("dynamic", "a task_id that is set later")
            return
        if self.world.interpreter.level:
            old = self.keywords.get(name, UNDECIDED)
            value = join(old, value, UNDECIDED)
        self.attributes[name] = value
        if self.initialised:
            self.keywords[name] = value
            self.assigned[name] = self.world.assignment()
            if self.added:
                self.own.discard(name)
            else:
                self.own.add(name)

    def leads_to(self) -> Iterable[Value]:
        """Return what it is given."""
        return self.keywords.values()

    def forget(self, why: Unknown) -> None:
        """Any argument may have changed."""
        self.attributes = {k: lost(why, v) for k, v in self.attributes.items()}
        self.keywords = {k: lost(why, v) for k, v in self.keywords.items()}
        self.expanded = {k: lost(why, v) for k, v in self.expanded.items()}
        self.rest = self.rest or why

    def item(self, key: Value) -> Value:
        """Return a part of what the task returns at run time."""
        return TaskOutput(self, key)

    def enter(self) -> Value:
        """Enter a setup task as a context."""
        return self


class Label(Thing):
    """A label on an edge: `a >> Label("x") >> b`."""

    __slots__ = ("beside",)

    def __init__(self) -> None:
        """Stand beside no task yet."""
        self.beside: list[Task] = []


class TaskOutput(Thing):
    """A part of what a task returns at run time."""

    __slots__ = ("key", "task")

    def __init__(self, task: Task, key: Value) -> None:
        """`key` is what it is asked for by."""
        self.task = task
        self.key = key

    def unknown(self) -> Unknown:
        """Only a run of the task gives it."""
        name = self.task.describe().rpartition(".")[2]
        return Unknown("dynamic", f"{name} output")

    def attribute(self, name: str) -> Value:
        """Nothing is known of it."""
        return self.unknown()

    def item(self, key: Value) -> Value:
        """Nothing is known of a part of a part."""
        return self.unknown()


class ExitStack(Thing):
    """`contextlib.ExitStack()`: contexts that are entered one by one, and left together."""

    __slots__ = ("entered", "world")

    def __init__(self, world: "World") -> None:
        """Begin with no context."""
        self.world = world
        self.entered: list[Thing] = []

    def attribute(self, name: str) -> Value:
        """Return what enters a context, or leaves all."""
        if name == "enter_context":
            return Method(name, lambda given: self._enter(given))
        if name == "close":
            return Method(name, lambda _: self.exit())
        if name == "push":
            return Method(name, self._push)
        return super().attribute(name)

    def _enter(self, given: Arguments) -> Value:
        context = given.get("cm", 0)
        value: Value = why_unknown(context)
        if isinstance(context, Thing):
            self.entered.append(context)
            value = context.enter()
        if isinstance(context, Context):
            # its code up to where it yields is not followed: that may be any group
            outer = Group(self.world, _IN_CODE, Arguments([], {}, None, _IN_CODE))
            self.entered.append(outer)
            outer.enter()
        return value

    def _push(self, given: Arguments) -> Value:
        context = given.get("exit", 0)
        if isinstance(context, Thing):
            self.entered.append(context)
        return context

    def enter(self) -> Value:
        """Enter it as a context."""
        return self

    def exit(self) -> None:
        """Leave the contexts, the last first."""
        while self.entered:
            self.entered.pop().exit()


class NoContext(Thing):
    """`contextlib.nullcontext(value)`."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        """`value` is what `as` binds."""
        self.value = value

    def enter(self) -> Value:
        """Return its value."""
        return self.value


class Closing(NoContext):
    """`contextlib.closing(value)`."""

    __slots__ = ("world",)

    def __init__(self, world: "World", value: Value) -> None:
        """`value` is what `as` binds, and what is closed."""
        super().__init__(value)
        self.world = world

    def exit(self) -> None:
        """Close it."""
        if isinstance(self.value, Thing):
            close = self.value.attribute("close")
            self.world.interpreter.call(close, Arguments([], {}))


_SEVERAL = Unknown("dynamic", "a context that is one of several")
_IN_CODE = Unknown("dynamic", "a context whose code is not followed")


class Partial(Thing):
    """`Operator.partial(...)` or a decorated function's, before `expand`."""

    __slots__ = ("expand", "used", "world")

    def __init__(
        self, world: "World", expand: Callable[[Arguments, Keywords | None], Value]
    ) -> None:
        """`expand` makes the task; without keywords it was `expand_kwargs`."""
        self.world = world
        self.expand = expand
        self.used = False

    def attribute(self, name: str) -> Value:
        """Return `expand` and `expand_kwargs`."""
        if name == "expand":
            return Method(name, lambda given: self.expand(given, given.keywords))
        if name == "expand_kwargs":
            return Method(name, lambda given: self.expand(given, None))
        return super().attribute(name)


class Literal(Thing):
    """`literal(value)`: Airflow takes the value as it is, template marks and all."""

    __slots__ = ("value",)

    def __init__(self, value: Value) -> None:
        """Wrap `value`."""
        self.value = value


class TaskDecorator(Thing):
    """`@task(...)`, `@task.KIND(...)`: waits for the function."""

    __slots__ = ("arguments", "dag", "kind", "world")

    def __init__(
        self, world: "World", kind: str, arguments: Arguments, dag: Dag | None = None
    ) -> None:
        """`kind` is the decorator's name after `task.`."""
        self.world = world
        self.kind = kind
        self.arguments = arguments
        self.dag = dag

    def call(self, arguments: Arguments) -> Value:
        """Decorate a function."""
        if arguments.positional and isinstance(arguments.positional[0], Thing):
            function = arguments.positional[0]
            return TaskFactory(
                self.world, self.kind, function, self.arguments, self.dag
            )
        return TaskDecorator(self.world, self.kind, arguments, self.dag)


class TaskFactory(Thing):
    """A function under `@task`: every call makes a task."""

    __slots__ = ("arguments", "dag", "function", "kind", "world")

    def __init__(
        self,
        world: "World",
        kind: str,
        function: Thing,
        arguments: Arguments,
        dag: Dag | None = None,
    ) -> None:
        """`arguments` are the decorator's."""
        self.world = world
        self.kind = kind
        self.function = function
        self.arguments = arguments
        self.dag = dag
        if isinstance(function, Function):
            world.task_functions.add(id(function.node))

    def attribute(self, name: str) -> Value:
        """Return `override`, `partial`, `expand` and the function itself."""
        if name == "override":
            return Method(name, self._override)
        if name == "partial":
            return Method(name, self._partial)
        if name == "expand":
            return Method(name, lambda given: self._make(given, given.keywords))
        if name == "expand_kwargs":
            return Method(name, lambda given: self._make(given, {}))
        if name == "function":
            return self.function
        return super().attribute(name)

    def _override(self, given: Arguments) -> Value:
        keywords = self.arguments.keywords | given.keywords
        rest = self.arguments.rest or given.rest
        made = Arguments([], keywords, None, rest, self.arguments.node)
        return TaskFactory(self.world, self.kind, self.function, made, self.dag)

    def _partial(self, first: Arguments) -> Value:
        def expand(given: Arguments, keywords: Keywords | None) -> Value:
            whole = Arguments(
                [*first.positional, *first.keywords.values(), *given.positional],
                given.keywords,
                node=given.node,
            )
            task = self._make(whole, keywords or {})
            if isinstance(task, Task):
                task.given = _called_with(given, keywords or {}, first)
            return task

        return Partial(self.world, expand)

    def call(self, arguments: Arguments) -> Value:
        """Make a task."""
        return self._make(arguments, None)

    def _make(self, given: Arguments, expanded: Keywords | None) -> Value:
        world = self.world
        canonical = world.catalogue.decorated(self.kind)
        operator = canonical or Unknown("import", f"@task.{self.kind}")
        task = Task(world, operator, world.site(given))
        task.take(self.arguments, self._place())
        task.mapped = expanded is not None
        task.passed = [*given.positional, *given.keywords.values()]
        task.function, task.given = self.function, _called_with(given, expanded)
        name = self.arguments.keywords.get("task_id")
        if name is None:
            name = _name_of(self.function)
        if self.dag is not None:
            task.dag = self.dag
        world.add(task, name, unique=True)
        return task

    def _place(self) -> Place | None:
        """Return the decorator's place, which is the function's."""
        node, function = self.arguments.node, self.function
        if node is None or not isinstance(function, Function):
            return None
        module = function.scope.module
        return None if module is None else Place(node, module.path)


def _name_of(function: Value) -> Value:
    """Return the `__name__` of a function; of one under decorators its own."""
    if isinstance(function, Function):
        return function.named
    described = function.describe() if isinstance(function, Thing) else ""
    return described.rpartition(".")[2]


def _called_with(
    given: Arguments, expanded: Keywords | None, first: Arguments | None = None
) -> Arguments:
    """Return what a decorated function is called with in every task of its own."""
    if expanded is None:
        return given
    mapped = {name: _common(value, name) for name, value in given.keywords.items()}
    rest = given.rest
    if given.positional:  # expand_kwargs
        mapped, rest = {}, Unknown("dynamic", "expand_kwargs()")
    if first is None:
        return Arguments([], mapped, None, rest, given.node)
    return Arguments(
        first.positional,
        first.keywords | mapped,
        first.more,
        rest or first.rest,
        given.node,
    )


class GroupDecorator(Thing):
    """`@task_group(...)`: waits for the function."""

    __slots__ = ("arguments", "world")

    def __init__(self, world: "World", arguments: Arguments) -> None:
        """`arguments` are the decorator's."""
        self.world = world
        self.arguments = arguments

    def call(self, arguments: Arguments) -> Value:
        """Decorate a function."""
        function = arguments.get("", 0)
        if isinstance(function, Function):
            return GroupFactory(self.world, function, self.arguments)
        return Unknown("dynamic", "@task_group")


class GroupFactory(Thing):
    """A function under `@task_group`: every call makes a group and what is in it."""

    __slots__ = ("arguments", "function", "world")

    def __init__(
        self, world: "World", function: Function, arguments: Arguments
    ) -> None:
        """`arguments` are the decorator's."""
        self.world = world
        self.function = function
        self.arguments = arguments

    def attribute(self, name: str) -> Value:
        """Return `override`, `partial` and `expand`."""
        if name == "override":
            return Method(name, self._override)
        if name == "partial":
            return Method(name, self._partial)
        if name in ("expand", "expand_kwargs"):
            return Method(name, lambda given: self._expand(Arguments([], {}), given))
        return super().attribute(name)

    def _override(self, given: Arguments) -> Value:
        keywords = self.arguments.keywords | given.keywords
        rest = self.arguments.rest or given.rest
        made = Arguments([], keywords, None, rest, self.arguments.node)
        return GroupFactory(self.world, self.function, made)

    def _partial(self, first: Arguments) -> Value:
        return Partial(self.world, lambda given, _: self._expand(first, given))

    def _expand(self, first: Arguments, given: Arguments) -> Value:
        mapped: Keywords = {
            name: Unknown("dynamic", f"expand({name}=...)") for name in given.keywords
        }
        rest = Unknown("dynamic", "expand_kwargs()") if given.positional else None
        keywords = first.keywords | mapped
        arguments = Arguments(first.positional, keywords, None, rest, given.node)
        return self._make(arguments, mapped=True)

    def call(self, arguments: Arguments) -> Value:
        """Make a group and follow the function inside it."""
        return self._make(arguments, mapped=False)

    def _make(self, arguments: Arguments, *, mapped: bool) -> Value:
        name = self.arguments.keywords.get("group_id")
        if name is None:
            name = self.arguments.rest or self.function.named
        if refused.is_no_group_id(name):
            detail = "a group_id that no task group may have"
            self.world.refused(self.arguments.node, detail)
        group = Group(self.world, name, self.arguments, suffix=True)
        group.mapped = mapped
        group.enter()
        try:
            return self.function.call(arguments)
        finally:
            group.exit()


class DagFactory(Thing):
    """A function under `@dag`: calling it makes the DAG."""

    __slots__ = ("arguments", "function", "world")

    def __init__(
        self, world: "World", function: Function, arguments: Arguments
    ) -> None:
        """`arguments` are the decorator's."""
        self.world = world
        self.function = function
        self.arguments = arguments

    def call(self, arguments: Arguments) -> Value:
        """Make the DAG; its function's parameters are the run's, not the file's."""
        dag_id = self.arguments.get("dag_id", 0)
        by_name = "dag_id" in self.arguments.keywords
        if not dag_id or (
            is_scalar(dag_id) and not (by_name or isinstance(dag_id, str))
        ):
            # Airflow 3 takes only a text by its place
            dag_id = self.arguments.rest or self.function.named
        self.world.check_dag(self.arguments, dag_id)
        dag = Dag(self.world, dag_id, self.arguments)
        self.world.register(dag)
        parameters: Keywords = {
            name: operations.otherwise(
                Unknown("parameter", name), self.function.defaults.get(name)
            )
            for name in self.function.parameters()
        }
        dag.enter()
        try:
            self.function.call(Arguments([], parameters))
        finally:
            dag.exit()
        return dag


# What gives a connection; catalogued names lead here.
_CONNECTING = (
    "airflow.sdk.BaseHook.get_connection",
    "airflow.sdk.Connection.get",
    "airflow.sdk.Connection.get_connection_from_secrets",
)
# Attributes of a connection that change nothing of it.
_READING = late(r"conn_id$|description$|extra|get_|password$|as_json$|to_dict$")


class Connected(Changeable):
    """A connection that code got, as far as the scan was given it."""

    __slots__ = ("changed", "fields")

    def __init__(self, fields: Fields) -> None:
        """`fields` are as they are given."""
        self.fields = fields
        # what a field may be since code changed one
        self.changed: Unknown | None = None

    def describe(self) -> str:
        """Return what a person would call it."""
        return f"connection {self.fields.why.symbol}"

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return self.changed or self.fields.why

    def attribute(self, name: str) -> Value:
        """Return a field; what else it has may change it."""
        if self.changed is None and name not in FIELDS and not _READING().match(name):
            self.forget(UNDECIDED)
        return self.changed or self.fields.get(name)

    def store(self, name: str, value: Value) -> None:
        """Set an attribute, from which others may follow."""
        self.changed = lost(self.unknown(), value)

    def forget(self, why: Unknown) -> None:
        """Any field may be another."""
        self.changed = lost(self.unknown(), why)


class World:
    """What the names of Airflow and of Python's library mean in one DAG file."""

    def __init__(
        self,
        catalogue: Catalogue,
        outside: Outside = _NOTHING,
        airflow: str | None = None,
    ) -> None:
        """
        Start with no DAG; `interpreter` is set by whoever follows the file.

        `airflow` is the release that the environment is said to have.
        """
        self.catalogue = catalogue
        self.outside = outside
        self.recording = True
        self.contexts: list[Dag | Group] = []
        self.dags: list[Dag] = []
        self.tasks: list[Task] = []
        # operator calls that were followed, whether or not they made a task
        self.seen: set[tuple[str, int, int]] = set()
        self.task_functions: set[int] = set()
        self.partials: list[tuple[Partial, Site]] = []
        self.interpreter: Interpreter
        # operators whose class the file changes
        self.changed: set[str] = set()
        # what each task certainly waits for
        self.waiting: dict[Task, list[Task]] = {}
        # names already told of in `unread`
        self.told: set[tuple[str, str]] = set()
        self.clients = Clients(self)
        self.release = None if airflow is None else release.Release(airflow)
        told = {} if self.release is None else release.constants(self.release)
        self.symbols: dict[str, Value] = told
        self.handlers: dict[str, Callable[[Arguments], Value]] = {
            "airflow.sdk.DAG": self._dag,
            "airflow.sdk.dag": self._dag_decorator,
            "airflow.sdk.TaskGroup": self._group,
            "airflow.sdk.task_group": self._group_decorator,
            "airflow.sdk.Variable.get": self._variable,
            **dict.fromkeys(_CONNECTING, self._connection),
            "airflow.sdk.setup": self._marked,
            "airflow.sdk.teardown": self._marked,
            "airflow.sdk.task.run_if": lambda _: Method("run_if", _same_function),
            "airflow.sdk.task.skip_if": lambda _: Method("skip_if", _same_function),
            "airflow.sdk.Label": lambda _: Label(),
            "airflow.sdk.EdgeModifier": lambda _: Label(),
            "airflow.sdk.chain": self._chain,
            "airflow.sdk.chain_linear": self._chain,
            "airflow.sdk.cross_downstream": self._chain,
            "os.getenv": _environment,
            "os.environ.get": _environment,
            "datetime.timedelta": operations.duration,
            "pendulum.duration": operations.duration,
            "airflow.utils.decorators.apply_defaults": _same_function,
            **(release.handlers() if self.release else {}),
            **dict.fromkeys(_LITERAL, lambda given: Literal(given.get("value", 0))),
            "contextlib.ExitStack": lambda _: ExitStack(self),
            "contextlib.nullcontext": lambda given: NoContext(
                given.get("enter_result", 0)
            ),
            "contextlib.closing": lambda given: Closing(self, given.get("thing", 0)),
            "types.MappingProxyType": _same_function,
            "types.SimpleNamespace": self._namespace,
            "copy.deepcopy": lambda given: copied(given.get("x", 0)),
            "copy.copy": lambda given: shallow(given.get("x", 0)),
            "typing.cast": lambda given: given.get("val", 1),
            "functools.wraps": _named_as,
            "functools.update_wrapper": _renamed,
            "functools.partial": self._bound,
            "tenacity.retry": _undecorated,
            "backoff.on_exception": _undecorated,
            "backoff.on_predicate": _undecorated,
            "json.dumps": _json_text,
            "sys.path.append": lambda given: self._search(given.get("", 0), "last"),
            "sys.path.insert": lambda given: self._search(given.get("", 1), "first"),
            "sys.exit": lambda _: operations.EXIT,
            "os._exit": lambda _: operations.EXIT,
        }

    # ----------------------------------------------------------------- the protocol

    def has(self, module: str, name: str) -> bool | None:
        """Say whether `module` from outside has `name`; None: that is not known."""
        return None if self.release is None else self.release.has(module, name)

    def imported(self, name: str) -> Value:
        """Return what the dotted `name` stands for."""
        if name not in self.symbols:
            known = name in CONSTANTS
            self.symbols[name] = (
                CONSTANTS[name] if known else Symbol(self.catalogue.canonical(name))
            )
            if name.startswith("builtins.") and name.endswith(".__name__"):
                self.symbols[name] = name.split(".")[-2]
        return self.symbols[name]

    def call(self, symbol: Symbol, arguments: Arguments) -> Value:
        """Return what calling `symbol` gives."""
        name = symbol.name
        handler = self.handlers.get(name)
        if handler is not None:
            return handler(arguments)
        known = meaning(name)
        if name in LIBRARY:
            found = self._library(LIBRARY[name], arguments)
            # a program that is started may change files, and send something
            return found if known is None else known(self.clients, name, arguments)
        if isinstance(symbol, Unnamed):
            return self._unnamed(symbol, arguments)
        if known is not None:
            return known(self.clients, name, arguments)
        if name.startswith("sys.path."):
            self.interpreter.finder.search(None, "first")
        if name == "airflow.sdk.task" or name.startswith("airflow.sdk.task."):
            kind = name.removeprefix("airflow.sdk.task").removeprefix(".") or "python"
            return TaskDecorator(self, kind, Arguments([], {})).call(arguments)
        if self.is_operator(name, arguments):
            return self._operator(name, arguments)
        owner, _, method = name.rpartition(".")
        if method == "partial" and self.is_operator(owner, arguments):
            return self._operator_partial(owner, arguments)
        if method == "__init__" and arguments.positional:
            instance = arguments.positional[0]
            if isinstance(instance, Task):
                instance.take(arguments)
                return None
        if "task_id" in arguments.keywords and not name.startswith("airflow."):
            why = Unknown("import", f"{name}()")
            return self._unnamed(Unnamed(why), arguments)
        self._elsewhere(name, arguments)
        return Unknown("import", f"{name}()")

    def _library(self, function: paths.Function, arguments: Arguments) -> Value:
        """Call a function of Python's library, of which an input may give a part."""
        values = [*arguments.positional, *arguments.keywords.values()]
        marks = [value.why for value in values if isinstance(value, Given)]
        if not marks:
            return function(self.interpreter, arguments)
        plain = Arguments(
            [bare(value) for value in arguments.positional],
            {name: bare(v) for name, v in arguments.keywords.items()},
            arguments.more,
            arguments.rest,
            arguments.node,
        )
        found = function(self.interpreter, plain)
        thing = isinstance(found, Thing) and not isinstance(found, Text)
        return marks[0] if thing else operations.mark(found, marks[0])

    def _elsewhere(self, name: str, arguments: Arguments) -> None:
        """Call what is not in the repository and makes no task that is known of."""
        self.clients.called(name)
        given = [*arguments.positional, *arguments.keywords.values()]
        passed = (Function, Decorated, OpenFile, Once)
        if not name.startswith("airflow."):
            escape(*(one for one in given if isinstance(one, passed)))
        if name.startswith(_CHANGING):
            escape(*given)
        parts = name.replace("()", "").split(".")
        if not parts[0] or (parts[0] in _HARMLESS and not _may_make_tasks(parts)):
            return
        if not parts[-1][:1].isupper():
            held = (Items, Entries, Changeable, View, Unknown)
            escape(*(one for one in given if isinstance(one, held)))
        about_dags = any(map(_is_about_dags, given)) or _DAG_NAME().search(parts[-1])
        if self.current()[0] is not None or about_dags:
            key = self.interpreter.module.path, name
            if key not in self.told:
                self.told.add(key)
                detail = f"what {name.replace('()', '')} makes is not read"
                self.interpreter.note(arguments.node, detail)

    def set_item(self, symbol: Symbol, key: Value) -> None:
        """Note that `symbol[key]` is set, of what stands outside the repository."""
        if symbol.name == "os.environ":
            self.clients.set_variable(key)
        if symbol.name == "sys.path":
            self.interpreter.finder.search(None, "first")

    def _search(self, value: Value, place: SearchPlace) -> Value:
        """Look for modules in another folder, too."""
        found = paths.located(value, self.interpreter)
        path = None if found is None else found.inside()
        if path is None and place == "last":
            return None
        undecided = self.interpreter.level or self.interpreter.repeating
        self.interpreter.finder.search(path, "anywhere" if undecided else place)
        return None

    def patched(self, symbol: Symbol, attribute: Value) -> None:
        """Note that `attribute` of what stands outside the repository is set."""
        if symbol.name == "sys" and attribute == "path":
            self.interpreter.finder.search(None, "first")
        if isinstance(attribute, str) and not _DECIDING().match(attribute):
            # an object's own attributes are before its class's
            return
        if self.is_operator(symbol.name, Arguments([], {})):
            self.changed.add(self._canonical(symbol.name))

    def item(self, symbol: Symbol, key: Value) -> Value:
        """Return `symbol[key]`."""
        if symbol.name == "os.environ":
            return _environment(Arguments([key], {}))
        if symbol.name == "sys.modules" and key is MODULE_NAME:
            return self.interpreter.module
        if symbol.name.startswith(("typing.", "builtins.")):
            return symbol
        return symbol.unknown()

    def construct(self, made: Class, arguments: Arguments) -> Value | None:
        """Return an object of a class with bases from outside."""
        for base in made.foreign():
            name = base.name if isinstance(base, Symbol) else ""
            if name == "airflow.sdk.DAG":
                return self._own_dag(made, arguments)
            if name == "airflow.sdk.TaskGroup":
                return self._own_group(made, arguments)
        operator: str | Unknown | None = self._operator_of(made)
        if operator is None and "task_id" in arguments.keywords:
            whys = (why_unknown(base) for base in made.foreign())
            operator = next((w for w in whys if w), Unknown("import", made.name))
        return None if operator is None else self._subclass(made, operator, arguments)

    def inherited(self, made: Class, name: str) -> Value | None:
        """Return what a class has from a base outside; None: it is not known."""
        operator = self._operator_of(made) if name == "partial" else None
        if operator is None:
            return None
        return Method(name, lambda one: self._subclass_partial(made, operator, one))

    def _operator_of(self, made: Class) -> str | None:
        """Return the operator that a class of the repository is one of."""
        for base in made.foreign():
            name = base.name if isinstance(base, Symbol) else ""
            if name and self.is_operator(name, Arguments([], {})):
                return self._canonical(name)
        return None

    def linked(self, left: Value, right: Value) -> None:
        """Note `left >> right`: a task without a DAG joins its neighbour's."""
        tasks = [*_tasks(left), *_tasks(right)]
        groups = [one.dag for one in (left, right) if isinstance(one, Group)]
        dags = [task.dag for task in tasks if task.dag is not None]
        dags += [dag for dag in groups if isinstance(dag, Dag)]
        dag = next(iter(dags), None)
        if dag is not None:
            self.assign([task for task in tasks if task.dag is None], dag)
        for one in (left, right):
            if isinstance(one, Label):
                one.beside = tasks
        self._ordered(left, right)

    def _ordered(self, left: Value, right: Value) -> None:
        """Note which tasks certainly wait for which; of labels and groups it is not."""
        if self.level or self.interpreter.repeating or not self.recording:
            return
        if isinstance(left, Label) or isinstance(right, Label):
            return
        # a class of the repository may make something else of it
        first, then = (
            [one for one in _tasks(value) if one.certain and one.made is None]
            for value in (left, right)
        )
        charge(len(first) * len(then))
        for task in then:
            self.waiting.setdefault(task, []).extend(first)

    # -------------------------------------------------------------------- contexts

    @property
    def level(self) -> int:
        """The number of the undecided branch that is followed."""
        return self.interpreter.level

    def content(self, path: str) -> bytes | None:
        """Return what a file of the repository holds, by its path below the root."""
        return self.interpreter.finder.content(path)

    def origin(self, arguments: Arguments) -> Origin:
        """Return where the call with `arguments` stands, as facts say it."""
        site = self.site(arguments)
        return Origin(source=site.path, line=site.line)

    def site(self, arguments: Arguments) -> Site:
        """Return where the call with `arguments` stands."""
        node = arguments.node
        line = getattr(node, "lineno", 1)
        end = getattr(node, "end_lineno", None) or line
        return Site(self.interpreter.module.path, line, end)

    def place(self, arguments: Arguments) -> Place | None:
        """Return the call that `arguments` were given in, if it is written."""
        if arguments.node is None:
            return None
        return Place(arguments.node, self.interpreter.module.path)

    def assignment(self) -> Place | None:
        """Return the assignment that sets an attribute now."""
        target = self.interpreter.target
        if target is None:
            return None
        return Place(target, self.interpreter.module.path)

    def note(self, arguments: Arguments) -> None:
        """Note that an operator's call was followed."""
        node = arguments.node
        if isinstance(node, ast.Call):
            path = self.interpreter.module.path
            self.seen.add((path, node.lineno, node.col_offset))

    def current(self) -> tuple[Dag | None, Group | None]:
        """Return the innermost DAG and the innermost group, whosever that is."""
        dag: Dag | None = None
        group: Group | None = None
        for context in self.contexts:
            if isinstance(context, Dag):
                dag = context
            else:
                group = context
        return dag, group

    def leave(self, context: Dag | Group) -> None:
        """End `context` and whatever was left open inside it."""
        for position in range(len(self.contexts) - 1, -1, -1):
            if self.contexts[position] is context:
                del self.contexts[position:]
                return

    def one_of(self, contexts: list[Thing]) -> Thing | None:
        """Return what stands for a context that is one of several; None: it is none."""
        dags = [one for one in contexts if isinstance(one, Dag)]
        if not dags and not any(isinstance(one, Group) for one in contexts):
            return None
        group = Group(self, _SEVERAL, Arguments([], {}, None, _SEVERAL))
        for dag in dags:
            dag.exposed = True
            group.dag = _SEVERAL
        return group

    def by_hand(self, context: Dag | Group, name: str) -> Value:
        """Return what enters or leaves a context without `with`."""

        def enter(_: Arguments) -> Value:
            if self.interpreter.level:
                # whether it is entered is not known to what comes after
                context.forget(Unknown("dynamic", "a context that may be entered"))
            return context.enter()

        def leave(_: Arguments) -> Value:
            context.exit()
            return None

        return Method(name, enter if name == "__enter__" else leave)

    def register(self, dag: Dag) -> None:
        """Add a DAG to those of the file."""
        if self.recording:
            self.dags.append(dag)

    def assign(self, tasks: Sequence[Value], dag: Value) -> None:
        """Put tasks that have none into `dag`."""
        for task in tasks:
            if isinstance(task, Task) and task.dag is None:
                if isinstance(dag, Dag):
                    task.dag = dag
                    task.unresolved_dag = None
                    if isinstance(task.task_id, str) and self.recording:
                        dag.task_ids.add(task.task_id)
                else:
                    task.unresolved_dag = why_unknown(dag)

    def add(self, task: Task, name: Value, *, unique: bool = False) -> None:
        """Put a new task into its DAG and group, under `name`."""
        dag, group = self.current()
        given = task.keywords.get("dag")
        if given is None and "dag" not in task.keywords:
            given = self._default(task, group, dag, "dag")
        if isinstance(given, Dag):
            dag = given
        elif given is not None and why_unknown(given):
            task.unresolved_dag = why_unknown(given)
        chosen = task.keywords.get("task_group")
        if isinstance(chosen, Group):
            group = chosen
        if group is not None and isinstance(group.dag, Dag) and dag is None:
            # whether a group's DAG becomes the task's is not the same everywhere
            task.unresolved_dag = Unknown("version", "the DAG of a task group")
        if group is not None and isinstance(group.dag, Unknown):
            dag, task.unresolved_dag = None, group.dag
        task.dag, task.group = task.dag or dag, group
        task.added = True
        task.certain = not (self.interpreter.level or self.interpreter.repeating)
        unknown = task.unresolved_dag if task.dag is None else None
        given_by = default_args_of(task, group, task.dag)
        defaults = [one for one in given_by if one.items or one.rest]
        if unknown is not None:
            defaults.append(Entries({}, unknown))
        charge(sum(len(d.items) for d in defaults))
        task.defaults = tuple(d.duplicate(0) for d in defaults)
        if isinstance(task.operator, str) and task.operator in self.changed:
            task.forget(Unknown("dynamic", f"{task.describe()}, which is changed"))
        self._own_properties(task)
        full = group.child(name) if group is not None else name
        self._check_arguments(task, full)
        if unique and task.dag is not None:
            shuffled = task.dag.level < self.interpreter.shuffling
            if not self.recording or self.interpreter.repeating or shuffled:
                full = _IN_A_LOOP
            elif isinstance(full, str):
                full = _numbered(full, task.dag.task_ids)
        task.task_id = full
        if self.recording:
            self.tasks.append(task)
            if task.dag is not None and isinstance(full, str):
                task.dag.task_ids.add(full)
                task.removed = self._is_refused(task.dag, full)
                self.taken(task.dag, full, task.site)

    def _is_refused(self, dag: Dag, name: str) -> bool:
        """
        Say whether Airflow raises instead of making a task in an undecided branch.

        `DuplicateTaskIdFound` of `TaskGroup.add`: the code may go on where it is caught.
        """
        level = self.interpreter.level
        if not level or self.interpreter.repeating:
            return False
        before = 0 if name in dag.certain_ids else dag.branch_ids.get(name)
        dag.branch_ids.setdefault(name, level)
        return before in (0, level)

    def _check_arguments(self, task: Task, task_id: Value) -> None:
        """Tell of arguments that every operator refuses, 2.11 and 3.3."""
        known = isinstance(task.operator, str) and self.operator(task.operator)
        if task.mapped or not (known and task.certain and self.recording):
            return
        if refused.is_no_id(task_id):
            self._refused_at(task.site, "a task_id that no task may have")
        for name, (is_refused, detail) in refused.ARGUMENTS.items():
            if name in task.assigned:
                continue
            given: Value = None
            if name in task.keywords or task.rest:
                given = task.keywords.get(name, task.rest)
            else:
                for defaults in task.defaults:
                    if name in defaults.items or defaults.rest:
                        given = defaults.get(name)
                        break
                else:
                    continue
            if is_refused(given):
                self._refused_at(task.site, detail)

    def _refused_at(self, site: Site, detail: str) -> None:
        unread = Unread(site.path, site.line, detail, broken=True)
        self.interpreter.unread[unread] = None

    def taken(self, dag: Dag, name: str, site: Site) -> None:
        """Take an id, certainly; where it is taken, Airflow refuses the file."""
        uncertain = self.interpreter.level or self.interpreter.repeating
        if uncertain or dag.level or not self.recording:
            return
        if name in dag.certain_ids:
            detail = "an id that its DAG has already"
            unread = Unread(site.path, site.line, detail, broken=True)
            self.interpreter.unread[unread] = None
        dag.certain_ids.add(name)

    def _own_properties(self, task: Task) -> None:
        """Forget the arguments that the task's own class makes something else of."""
        if task.made is None:
            return
        if why := task.made.hidden():
            task.forget(why)
        for name in task.keywords:
            found = task.made.find(name)
            if found is not None and isinstance(
                found[0], (Wrapped, Decorated, Unknown)
            ):
                why = Unknown("dynamic", f"{task.made.describe()}.{name}")
                task.keywords[name] = lost(why, task.keywords[name])

    def _default(
        self, task: Task, group: Group | None, dag: Dag | None, name: str
    ) -> Value:
        for given in default_args_of(task, group, dag):
            if name in given.items:
                return given.items[name]
        return None

    # ------------------------------------------------------------------- operators

    def operator(self, name: str) -> Operator | None:
        """Return what the catalogue says of an operator."""
        return self.catalogue.operator(name)

    def _canonical(self, name: str) -> str:
        return self.catalogue.canonical(name)

    def is_operator(self, name: str, arguments: Arguments) -> bool:
        """Say whether calling `name` makes a task."""
        if self.operator(name) is not None:
            return True
        last = name.rpartition(".")[2]
        if not last[:1].isupper() or name.startswith("builtins."):
            return False
        return bool(_OPERATOR_NAME().search(last)) or "task_id" in arguments.keywords

    def _operator(self, name: str, arguments: Arguments) -> Value:
        self.note(arguments)
        self._by_name(arguments)
        task = Task(self, self._canonical(name), self.site(arguments))
        task.take(arguments)
        self.add(task, self._task_id(arguments))
        return task

    def _task_id(self, arguments: Arguments) -> Value:
        missing = arguments.rest or Unknown("dynamic", "task_id")
        return arguments.keywords.get("task_id", missing)

    def _unnamed(self, symbol: Unnamed, arguments: Arguments) -> Value:
        """Call something unknown: with a task id, it can only be an operator."""
        if "task_id" not in arguments.keywords:
            if symbol.why.reason == "import":
                self._elsewhere(symbol.why.symbol, arguments)
            else:
                self.clients.called_unknown(symbol.why, arguments)
                given = [*arguments.positional, *arguments.keywords.values()]
                held: tuple[type, ...] = (Changeable,)
                if symbol.why.reason not in OUTSIDE:
                    # it may be any function
                    held = (*held, Items, Entries, View, Unknown, Function, Once)
                escape(*(one for one in given if isinstance(one, held)))
            return lost(symbol.why, *arguments.positional, *arguments.keywords.values())
        self.note(arguments)
        task = Task(self, symbol.why, self.site(arguments))
        task.take(arguments)
        self.add(task, self._task_id(arguments))
        return task

    def _operator_partial(self, name: str, first: Arguments) -> Value:
        def make(given: Expansion) -> Task:
            task = Task(self, self._canonical(name), self.site(first))
            task.take(first)
            task.expanded = given.common
            task.expanded_rest = given.rest
            return task

        return self._expanding(first, make)

    def _subclass_partial(
        self, made: Class, operator: str | Unknown, first: Arguments
    ) -> Value:
        """Return `partial` of a class of the repository: `expand` calls it."""

        def make(given: Expansion) -> Task:
            keywords = first.keywords | given.common
            rest = first.rest or given.rest
            node = first.node
            arguments = Arguments(first.positional, keywords, first.more, rest, node)
            task = self._constructed(made, operator, arguments)
            # `partial` gives these to the constructor, whatever the file says
            why = Unknown("dynamic", f"what {made.name} makes of a mapped task")
            for name in _PARTIAL.intersection(task.keywords) - keywords.keys():
                task.keywords[name] = lost(why, task.keywords[name])
            return task

        return self._expanding(first, make)

    def _expanding(
        self, first: Arguments, make: "Callable[[Expansion], Task]"
    ) -> Partial:
        self.note(first)

        def expand(given: Arguments, keywords: Keywords | None) -> Value:
            partial.used = True
            expansion = _expansion(given, keywords)
            task = make(expansion)
            task.mapped = True
            task.offered = expansion.offered
            if place := self.place(given):
                task.places.append(place)
            self.add(task, task.keywords.get("task_id", self._task_id(first)))
            return task

        partial = Partial(self, expand)
        if self.recording:
            self.partials.append((partial, self.site(first)))
        return partial

    def _subclass(
        self, made: Class, operator: str | Unknown, arguments: Arguments
    ) -> Value:
        """Make a task of a class of the repository."""
        self.note(arguments)
        self._by_name(arguments)
        task = self._constructed(made, operator, arguments)
        self.add(task, task.keywords.get("task_id", self._task_id(arguments)))
        return task

    def _constructed(
        self, made: Class, operator: str | Unknown, arguments: Arguments
    ) -> Task:
        """Return an object of a class of the repository, as its constructor made it."""
        task = Task(self, operator, self.site(arguments))
        task.made = made
        start = made.find("__init__")
        if start is None or not isinstance(start[0], Function):
            task.take(arguments)
            return task
        if start[1] is not made and not any(
            map(self._may_be_operator, start[1].foreign())
        ):
            detail = "an operator whose constructor is that of no operator"
            self.refused(arguments.node, detail)
        if not start[0].takes("dag") and self._has_dag(arguments):
            detail = "an operator whose constructor does not take its DAG"
            self.refused(arguments.node, detail)
        task.initialised = False
        if "default_args" in arguments.keywords:
            task.keywords["default_args"] = arguments.keywords["default_args"]
        constructor = task.prepared(start[0].bind(task, start[1]))
        task.constructed = arguments
        if place := self.place(arguments):
            task.places.append(place)
        self.interpreter.call(constructor, arguments)
        if not task.initialised:
            task.initialised = True
            task.keywords |= {
                key: value
                for key, value in arguments.keywords.items()
                if key in ("task_id", "dag", "task_group")
            }
            task.rest = Unknown("dynamic", made.describe())
        return task

    def _may_be_operator(self, base: Value) -> bool:
        if isinstance(base, Symbol) and not isinstance(base, Unnamed):
            return self.is_operator(base.name, Arguments([], {}))
        return True

    def _has_dag(self, arguments: Arguments) -> bool:
        return self.current()[0] is not None or "dag" in arguments.keywords

    def _by_name(self, arguments: Arguments) -> None:
        """Tell of an operator's arguments that are not given by name."""
        if arguments.positional:
            detail = "an operator is given an argument without its name"
            self.refused(arguments.node, detail)

    def refused(self, node: ast.AST | None, detail: str) -> None:
        """Note why Airflow refuses the file, if this certainly happens."""
        if not (self.interpreter.level or self.interpreter.repeating):
            self.interpreter.note(node, detail, broken=True)

    def with_defaults(
        self, task: Task, start: Function, arguments: Arguments
    ) -> Arguments:
        """Fill in what `default_args` give a constructor's own parameters."""
        dag, group = self.current()
        given = arguments.keywords.get("dag")
        dag = given if isinstance(given, Dag) else dag
        keywords = dict(arguments.keywords)
        for name in start.parameters()[1:]:
            if name in keywords or arguments.rest:
                continue
            for defaults in default_args_of(task, group, dag):
                if name in defaults.items or defaults.rest:
                    keywords[name] = defaults.get(name)
                    break
        return Arguments(
            arguments.positional,
            keywords,
            arguments.more,
            arguments.rest,
            arguments.node,
        )

    # ------------------------------------------------------------ DAGs and groups

    def _dag(self, arguments: Arguments) -> Value:
        self.check_dag(arguments, arguments.get("dag_id", 0, UNDECIDED))
        return self._new_dag(arguments)

    def check_dag(self, arguments: Arguments, dag_id: Value) -> None:
        """Tell of arguments that both 2.11 and 3.3 refuse."""
        if refused.is_no_id(dag_id):
            self.refused(arguments.node, "a dag_id that no DAG may have")
        if refused.is_no_schedule(arguments.keywords.get("schedule")):
            self.refused(arguments.node, "a schedule that there is not")
        if refused.is_no_duration(arguments.keywords.get("dagrun_timeout")):
            detail = "a dagrun_timeout that is no timedelta"
            self.refused(arguments.node, detail)

    def _new_dag(self, arguments: Arguments) -> Value:
        missing = arguments.rest or Unknown("dynamic", "dag_id")
        dag = Dag(self, arguments.get("dag_id", 0, missing), arguments)
        self.register(dag)
        return dag

    def _own_dag(self, made: Class, arguments: Arguments) -> Value:
        """Make a DAG of a class of the repository, following its constructor."""
        start = made.find("__init__")
        # what it is given is its constructor's, and may become something else
        dag = self._new_dag(arguments)
        if not isinstance(dag, Dag):
            return dag
        dag.made = made
        why = made.hidden()
        ways = (made.find(name) for name in ("__enter__", "__exit__"))
        odd = any(way and not isinstance(way[0], Function) for way in ways)
        if odd or made.find("add_task"):
            why = why or Unknown("dynamic", made.describe())
        if start is not None:
            not_called = Unknown("dynamic", made.describe())
            dag.take(not_called, Arguments([], {}, None, not_called, arguments.node))
            if isinstance(start[0], Function):
                self.interpreter.call(start[0].bind(dag, start[1]), arguments)
        if why is not None:
            dag.forget(why)
        return dag

    def _own_group(self, made: Class, arguments: Arguments) -> Value:
        """Make a group of a class of the repository, following its constructor."""
        start = made.find("__init__")
        if start is None or not isinstance(start[0], Function):
            return self._group(arguments)
        not_called = Unknown("dynamic", made.describe())
        group = Group(self, not_called, Arguments([], {}, None, not_called))
        group.made = made
        self.interpreter.call(start[0].bind(group, start[1]), arguments)
        return group

    def _marked(self, arguments: Arguments) -> Value:
        """Decorate with `@setup` or `@teardown`: a plain function becomes a task."""
        under = arguments.get("", 0)
        if isinstance(under, Function):
            return TaskFactory(self, "python", under, Arguments([], {}))
        if arguments.positional:
            return under
        return Method("teardown", self._marked)

    def _dag_decorator(self, arguments: Arguments) -> Value:
        first = arguments.get("", 0)
        if isinstance(first, Function):
            return DagFactory(self, first, Arguments([], {}, node=arguments.node))

        def decorate(given: Arguments) -> Value:
            function = given.get("", 0)
            if isinstance(function, Function):
                return DagFactory(self, function, arguments)
            return Unknown("dynamic", "@dag")

        return Method("dag", decorate)

    def _group(self, arguments: Arguments) -> Value:
        if refused.is_no_group_id(arguments.get("group_id", 0)):
            self.refused(arguments.node, "a group_id that no task group may have")
        return Group(self, arguments.get("group_id", 0), arguments)

    def _group_decorator(self, arguments: Arguments) -> Value:
        first = arguments.get("", 0)
        if isinstance(first, Function):
            return GroupFactory(self, first, Arguments([], {}, node=arguments.node))
        return GroupDecorator(self, arguments)

    def _chain(self, arguments: Arguments) -> Value:
        given = arguments.positional
        self.linked(Items("list", given), None)
        for left, right in pairwise(given):
            # of two lists each waits for its own, or for all
            if not (isinstance(left, Items) and isinstance(right, Items)):
                self._ordered(left, right)
        return None

    def _variable(self, given: Arguments) -> Value:
        name = given.get("key", 0)
        # `default_var` in Airflow 2, `default` in 3
        default = given.keywords.get("default_var", given.get("default", 1, _REQUIRED))
        as_json = truth(given.get("deserialize_json", 2, False))
        why = given.more or given.rest
        why = why or (as_json if isinstance(as_json, Unknown) else None)
        if why is None and isinstance(name, str):
            taken = UNSET if default is _REQUIRED else default
            return self.outside.variable(name, taken, as_json=as_json is True)
        unnamed = cause(name) or Unknown("variable", "Variable.get()")
        if isinstance(name, str):
            unnamed = Unknown("variable", str(name))
        return operations.otherwise(unnamed, default)

    def _connection(self, given: Arguments) -> Value:
        name = given.get("conn_id", 0)
        if not isinstance(name, str):
            return cause(name) or Unknown("connection", "BaseHook.get_connection()")
        found = self.outside.connection(str(name))
        if isinstance(found, Fields):
            return Connected(found)
        return found or Unknown("connection", str(name))

    def _namespace(self, given: Arguments) -> Value:
        if given.positional or given.more or given.rest:
            return Unknown("import", "types.SimpleNamespace()")
        plain = [Symbol("builtins.object")]
        name, module = "SimpleNamespace", self.interpreter.module
        made = Class(self.interpreter, name, module, list[Value](plain))
        return Instance(made, dict(given.keywords))

    def _bound(self, first: Arguments) -> Value:
        function = first.get("func", 0)

        def call(given: Arguments) -> Value:
            return self.interpreter.call(
                function,
                Arguments(
                    [*first.positional[1:], *given.positional],
                    first.keywords | given.keywords,
                    first.more or given.more,
                    first.rest or given.rest,
                    given.node,
                ),
            )

        return Method("partial", call)


def default_args_of(
    task: Task, group: Group | None, dag: Dag | None
) -> Iterator[Entries]:
    """Return the `default_args` that a task sees, the nearest first."""
    if "default_args" in task.keywords:
        own = task.keywords["default_args"]
        if isinstance(own, Entries):
            yield own
        elif own is not None:
            yield Entries({}, why_unknown(own))
    if group is not None:
        for one in group.lineage():
            yield one.default_args
    if dag is not None:
        yield dag.default_args


# Packages whose functions make no task and change nothing that they are given.
_HARMLESS = sys.stdlib_module_names | {
    *("aiohttp", "airflow", "boto3", "botocore", "builtins", "dateutil", "google"),
    *("googleapiclient", "httpx", "jinja2", "kubernetes", "numpy", "packaging"),
    *("pandas", "pendulum", "pydantic", "pytest", "pytz", "requests", "sqlalchemy"),
    *("tenacity", "tests", "tests_common", "yaml"),
}
# Functions of Python's library that change what they are given.
_CHANGING = (
    *("operator.setitem", "operator.delitem", "operator.i", "operator.method"),
    *("heapq.", "random.shuffle", "bisect.insort"),
)
# Attributes of an operator's class that decide what its tasks are or do.
_DECIDING = late("__|execute|template_(fields|ext)$")
_DAG_NAME = late(r"(^|_)dags?(_|$)|D(ag|AG)")


def _may_make_tasks(parts: list[str]) -> bool:
    """Say whether it is a function of a provider: some make tasks for the caller."""
    return parts[:2] == ["airflow", "providers"] and "".join(parts).islower()


def _is_about_dags(value: Value) -> bool:
    """Say whether who gets `value` may make or change a DAG by it."""
    if isinstance(value, Namespace):
        return isinstance(value.holder, Module)
    return isinstance(value, (Dag, Group, Task))


def _same_function(arguments: Arguments) -> Value:
    """Decorate a function that stays what it is."""
    return arguments.get("", 0)


def _tasks(value: Value) -> list[Task]:
    if isinstance(value, Task):
        return [value]
    if isinstance(value, Label):
        return value.beside
    if isinstance(value, Items):
        charge(len(value.items))
        charge(sum(len(i.items) for i in value.items if isinstance(i, Items)))
        nested = [
            i for item in value.items if isinstance(item, Items) for i in item.items
        ]
        return [one for one in (*value.items, *nested) if isinstance(one, Task)]
    return []


def _common(value: Value, name: str) -> Value:
    """Return what is the same in every task of an expansion."""
    if isinstance(value, Items) and value.items and not value.more:
        first = value.items[0]
        if all(same(first, item) for item in value.items):
            return first
    return Unknown("dynamic", f"expand({name}=...)")


class Expansion(Struct, frozen=True):
    """What `expand` gives to the tasks of an expansion."""

    # what is the same in every task, or why it is not known
    common: Keywords
    # why there may be more
    rest: Unknown | None
    # all of it, for every task
    offered: Keywords


def _expansion(given: Arguments, keywords: Keywords | None) -> Expansion:
    """`keywords`: those of `expand`; without, it was `expand_kwargs`."""
    if keywords is None:
        return _expanded_rows(given.get("kwargs", 0))
    common = {key: _common(value, key) for key, value in keywords.items()}
    return Expansion(common, given.rest, dict(keywords))


def _expanded_rows(value: Value) -> Expansion:
    rows = value.items if isinstance(value, Items) and not value.more else []
    charge(sum(len(row.items) for row in rows if isinstance(row, Entries)))
    known = [row for row in rows if isinstance(row, Entries) and not row.rest]
    if not rows or len(known) != len(rows):
        return Expansion({}, Unknown("dynamic", "expand_kwargs()"), {})
    names = {key for row in known for key in row.items if isinstance(key, str)}
    common: Keywords = {}
    offered: Keywords = {}
    for name in sorted(names):
        column = [row.items[name] for row in known if name in row.items]
        whole = Items("list", column) if len(column) == len(known) else None
        common[name] = _common(whole, name)
        offered[name] = Items("list", column)
    return Expansion(common, None, offered)


# What wraps a value that is not rendered: 3.x, 2.11.
_LITERAL = (
    "airflow.sdk.literal",
    "airflow.template.templater.literal",
    "airflow.utils.template.literal",
    "airflow.template.templater.LiteralValue",
)


def _json_text(arguments: Arguments) -> Value:
    """Return `json.dumps(...)`, which request bodies are commonly made by."""
    import json  # most files have no such call, and a commit hook counts it

    value = arguments.get("obj", 0)
    layout: dict[str, Any] = {
        key: item for key, item in arguments.keywords.items() if key != "obj"
    }
    why = why_unknown(value) or arguments.more or arguments.rest
    if why:
        return lost(why, value)
    if not all(is_scalar(item) and item in (True, False) for item in layout.values()):
        return Unknown("dynamic", "json.dumps()")
    try:
        text = operations.as_scalar(json.dumps(operations.as_python(value), **layout))
        given = first_given(value)
        return text if given is None else operations.mark(text, lost(given, value))
    except (TypeError, ValueError, RecursionError):
        return Unknown("dynamic", "json.dumps()")


def _named_as(wrapped: Arguments) -> Value:
    """Return a decorator that gives a function the name of another."""

    def decorate(given: Arguments) -> Value:
        return _renamed(Arguments([*given.positional, *wrapped.positional], {}))

    return Method("wraps", decorate)


def _renamed(given: Arguments) -> Value:
    function, other = given.get("wrapper", 0), given.get("wrapped", 1)
    if isinstance(function, Function):
        function.named = Unknown("dynamic", "functools.wraps()")
        if isinstance(other, Thing):
            function.named = other.attribute("__name__")
    return function


def _undecorated(arguments: Arguments) -> Value:
    """Return a decorator that leaves its function what it is, or that function."""
    function = arguments.get("", 0)
    if isinstance(function, Function):
        return function
    return Method("retry", lambda given: given.get("", 0))


def _environment(arguments: Arguments) -> Value:
    name = arguments.get("key", 0)
    why = cause(name) or Unknown("environment", "os.environ")
    if isinstance(name, str):
        why = Unknown("environment", str(name))
    return operations.otherwise(why, arguments.get("default", 1))
