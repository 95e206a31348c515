"""What Airflow gives the templates of one task: the names, and what is known of them."""

from msgspec import UNSET

from dagwarden.patterns import late
from dagwarden.sources.dags.airflow.outside import Fields, Outside
from dagwarden.sources.dags.airflow.templates import (
    AtRunTime,
    evaluated,
    is_template,
    rendered_later,
)
from dagwarden.sources.dags.airflow.world import Literal, Task
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Given,
    Items,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
    cause,
    first_given,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# Names of the context of a run in Airflow 2.11 or 3.3; a DAG's own macros do not
# hide them.
_CONTEXT = frozenset(
    [
        *("asset_state_store", "conf", "conn", "dag", "dag_run"),
        *("data_interval_end", "data_interval_start", "ds", "ds_nodash"),
        *("exception", "execution_date", "expanded_ti_count", "inlet_events"),
        *("inlets", "logical_date", "macros", "map_index_template", "next_ds"),
        *("next_ds_nodash", "next_execution_date", "outlet_events", "outlets"),
        *("params", "partition_date", "partition_key"),
        *("prev_data_interval_end_success", "prev_data_interval_start_success"),
        *("prev_ds", "prev_ds_nodash", "prev_end_date_success"),
        *("prev_execution_date", "prev_execution_date_success"),
        *("prev_start_date_success", "reason", "run_id", "task"),
        *("task_instance", "task_instance_key_str", "task_reschedule_count"),
        *("task_state_store", "templates_dict", "test_mode", "ti", "tomorrow_ds"),
        *("tomorrow_ds_nodash", "triggering_asset_events"),
        *("triggering_dataset_events", "try_number", "ts", "ts_nodash"),
        *("ts_nodash_with_tz", "var", "yesterday_ds", "yesterday_ds_nodash"),
    ]
)
# What Jinja's delimiters are made of, whatever they are set to.
_SPECIAL = late(r"[^\w\s./:@-]")
# What rendering leaves as it is.
_UNTOUCHED = late(r"[^{\n\r]*")
# A value with such an end may be the name of a file that holds the template.
_FILE = late(
    r"\.(?:bash|hql|html|j2|jinja2?|json|md|pig|py|r|sh|sparksql|sql|txt|xml|ya?ml)$"
)
# Operators whose values are no names of files, whatever their end; those of all others
# are not known.
_NO_FILES = late(
    r"^airflow\.providers\.http\.|\.cloud_run\.|\.functions\.|\.BashSensor$"
)
_SSH = "airflow.providers.ssh.operators."


def template_ends(task: Task) -> tuple[str, ...] | Unknown:
    """
    Return how a rendered value ends that is the name of the file with the template.

    Read in the source of Airflow 2.11 and 3.3: a sensor of Bash takes no files.
    """
    own = task.made.find("template_ext") if task.made is not None else None
    if own is not None:
        ends, more = operations.members_of(own[0])
        known = tuple(one for one in ends if isinstance(one, str))
        return known if more is None and len(known) == len(ends) else _ENDS
    operator = task.operator if isinstance(task.operator, str) else ""
    if operator.endswith("BashOperator"):
        return (".sh", ".bash")
    if operator.startswith(_SSH):
        return (".sh",)
    return () if _NO_FILES().search(operator) else _ENDS


_ENDS = Unknown("dynamic", "template_ext")


class Rendering:
    """Renders the arguments of one task, as far as what they say is known."""

    def __init__(self, task: Task, outside: Outside) -> None:
        """Take what decides it from the task and its DAG."""
        self.task = task
        self.outside = outside
        dag = task.dag
        self.unknown = None if dag is not None else task.unresolved_dag
        self.arguments = dag.arguments if dag is not None else Arguments([], {})
        self.native = self._is_native()
        # most texts stay what they are
        own = self._of_dag("jinja_environment_kwargs")
        self.plain = self.native is False and own is None

    def _is_native(self) -> bool | Unknown:
        """Say whether what is rendered becomes a Python value again."""
        name = "render_template_as_native_obj"
        own = self.task.keywords.get(name)
        if own is not None:
            return truth(own)
        if self.unknown is not None:
            return self.unknown
        return truth(self._of_dag(name, False))

    def _of_dag(self, name: str, default: Value = None) -> Value:
        """Return an argument of the DAG."""
        if self.unknown is not None:
            return self.unknown
        return self.arguments.keywords.get(name, self.arguments.rest or default)

    # ---------------------------------------------------------------- what is rendered

    def rendered(self, value: Value) -> Value:
        """Return the value of a templated argument as it is when the task runs."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Text):
            return self._in_part(value)
        if isinstance(value, Literal):
            return value.value
        if isinstance(value, Items):
            charge(len(value.items))
            items = [self.rendered(item) for item in value.items]
            return Items(value.kind, items, value.more)
        if isinstance(value, Entries):
            charge(len(value.items))
            entries = {key: self.rendered(item) for key, item in value.items.items()}
            return Entries(entries, value.rest)
        return value

    def _text(self, text: str) -> Value:
        if not text and self.native is not False:
            # an argument that is empty is left so, an empty text inside one is not
            return Unknown("jinja", "an empty text")
        if self._may_be_file(text):
            return Unknown("jinja", f"template file {text}"[:200])
        if self.plain and _UNTOUCHED().fullmatch(text) is not None:
            return text
        own = self._of_dag("jinja_environment_kwargs")
        if own is not None and _SPECIAL().search(text):
            return why_unknown(own) or Unknown("dynamic", "jinja_environment_kwargs")
        found = evaluated(text, self, native=self.native)
        if isinstance(found, (Unknown, Text)):
            return found
        if isinstance(text, Given):
            # a template that an input gave
            return operations.mark(found, text.why)
        if is_template(text) and first_given(found) is None:
            return operations.mark(found, rendered_later(text))
        return found

    def _in_part(self, text: Text) -> Value:
        """Return a text known in part, each known part rendered for itself."""
        if not any(isinstance(one, str) and is_template(one) for one in text.parts):
            return text
        parts: list[Value] = []
        for part in text.parts:
            if isinstance(part, str) and "{%" in part:
                return text.why
            parts.append(self._text(part) if isinstance(part, str) else part)
        return operations.joined(parts) if self.native is False else text.why

    def _may_be_file(self, text: str) -> bool:
        """Say whether the value may be the name of the file with the template."""
        if "." not in text or "\n" in text or not _FILE().search(text):
            return False
        ends = template_ends(self.task)
        return isinstance(ends, Unknown) or text.endswith(ends)

    # -------------------------------------------------------------- what names mean

    def has_filter(self, name: str) -> bool:
        """Say whether the filter `name` is surely Jinja's own."""
        own = self._of_dag("user_defined_filters")
        if isinstance(own, Entries) and own.rest is None:
            return name not in own.items
        return own is None

    def name(self, name: str) -> Value:
        """Return the value of a name in a template."""
        if name in _CONTEXT:
            return self._of_context(name)
        macros = self._of_dag("user_defined_macros")
        if isinstance(macros, Entries) and (name in macros.items or macros.rest):
            value = macros.get(name)
            if isinstance(value, Thing) and not isinstance(value, Text):
                return AtRunTime(name)
            return value
        why = None if macros is None or isinstance(macros, Entries) else macros
        return (why_unknown(why) if why is not None else None) or AtRunTime(name)

    def _of_context(self, name: str) -> Value:
        task = self.task
        if name == "var":
            return _variables(self.outside)
        if name == "conn":
            return _Connections(self.outside)
        if name == "params":
            return _Params(self)
        dag_id: Value = task.dag.dag_id if task.dag is not None else self.unknown
        known: dict[str, Value] = {"task_id": task.task_id, "dag_id": dag_id}
        if name == "dag":
            known.pop("task_id")
        if name not in ("dag", "task", "ti", "task_instance") or dag_id is None:
            known = {}
        return AtRunTime(name, known)

    def param(self, name: str) -> Value:
        """Return a parameter: whoever starts a run may give another value."""
        why = Unknown("parameter", name)
        for given in (self.task.keywords.get("params"), self._of_dag("params")):
            if isinstance(given, Entries) and name in given.items:
                default = given.items[name]
                return operations.otherwise(
                    why, default if isinstance(default, str) else None
                )
        return why


class Inputs:
    """The names that mean the same in the templates of every task."""

    def __init__(self, outside: Outside) -> None:
        """`outside` gives the variables and connections."""
        self.outside = outside

    def has_filter(self, name: str) -> bool:
        """Return False: a DAG may have its own under any name."""
        return False

    def name(self, name: str) -> Value:
        """Return variables and connections, which no macro hides."""
        if name == "var":
            return _variables(self.outside)
        return _Connections(self.outside) if name == "conn" else AtRunTime(name)


def _variables(outside: Outside) -> Value:
    kinds = {kind: _Accessor(outside, kind) for kind in ("json", "value")}
    return AtRunTime("var", dict[str, Value](kinds))


class _Accessor(AtRunTime):
    """`var.value` and `var.json`."""

    __slots__ = ("as_json", "outside")

    def __init__(self, outside: Outside, kind: str) -> None:
        super().__init__(f"var.{kind}")
        self.outside = outside
        self.as_json = kind == "json"

    def attribute(self, name: str) -> Value:
        """Return a variable."""
        if name == "get":
            return Method(name, self._get)
        return self.outside.variable(name, UNSET, as_json=self.as_json)

    def item(self, key: Value) -> Value:
        """Return a variable."""
        return self._get(Arguments([key], {}))

    def _get(self, given: Arguments) -> Value:
        name = given.get("key", 0)
        default = given.keywords.get("default", given.get("default_var", 1, _REQUIRED))
        if not isinstance(name, str):
            return cause(name) or Unknown("variable", f"{self.name}[...]")
        taken = UNSET if default is _REQUIRED else default
        return self.outside.variable(name, taken, as_json=self.as_json)


_REQUIRED = Unknown("variable", "a default")


class _Connections(AtRunTime):
    """`conn`."""

    __slots__ = ("outside",)

    def __init__(self, outside: Outside) -> None:
        super().__init__("conn")
        self.outside = outside

    def attribute(self, name: str) -> Value:
        """Return a connection."""
        if name == "get":
            return Method(name, self._get)
        return self._found(name, Unknown("connection", name))

    def item(self, key: Value) -> Value:
        """Return a connection."""
        if isinstance(key, str):
            return self._found(str(key), Unknown("connection", str(key)))
        return why_unknown(key) or Unknown("connection", "conn[...]")

    def _get(self, given: Arguments) -> Value:
        # `key` in Airflow 2
        name = given.keywords.get("key", given.get("conn_id", 0))
        if not isinstance(name, str):
            return self.item(name)
        return self._found(str(name), given.get("default_conn", 1))

    def _found(self, name: str, absent: Value) -> Value:
        found = self.outside.connection(name)
        if isinstance(found, Fields):
            return _Connection(found)
        return absent if found is None else found


class _Connection(AtRunTime):
    """One connection."""

    __slots__ = ("fields",)

    def __init__(self, fields: Fields) -> None:
        super().__init__(f"conn.{fields.why.symbol}")
        self.fields = fields

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return self.fields.why

    def truth(self) -> bool | Unknown:
        """Return True: it is there."""
        return True

    def attribute(self, name: str) -> Value:
        """Return a field."""
        return self.fields.get(name)

    def item(self, key: Value) -> Value:
        """Return a field: it has no items."""
        return self.fields.get(str(key)) if isinstance(key, str) else self.fields.why


class _Params(AtRunTime):
    """`params`."""

    __slots__ = ("rendering",)

    def __init__(self, rendering: Rendering) -> None:
        super().__init__("params")
        self.rendering = rendering

    def attribute(self, name: str) -> Value:
        """Return a parameter, or a method of the dict that they are."""
        if name == "get":
            return Method(name, lambda given: self.item(given.get("key", 0)))
        if hasattr(dict, name):
            return AtRunTime(f"params.{name}")
        return self.rendering.param(name)

    def item(self, key: Value) -> Value:
        """Return a parameter."""
        if isinstance(key, str):
            return self.rendering.param(str(key))
        return why_unknown(key) or Unknown("parameter", "params[...]")
