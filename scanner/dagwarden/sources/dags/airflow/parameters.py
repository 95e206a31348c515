"""The arguments of a task as its operator will see them."""

from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import UNSET, Struct, UnsetType

from dagwarden.facts import ConnectionSource, Maybe, Unresolved
from dagwarden.sources.credentials import secret_in, without_secrets
from dagwarden.sources.dags.airflow import provenance
from dagwarden.sources.dags.airflow.catalogue import Parameter
from dagwarden.sources.dags.airflow.context import Rendering
from dagwarden.sources.dags.airflow.provenance import Read
from dagwarden.sources.dags.airflow.templates import is_template
from dagwarden.sources.dags.airflow.world import Task, World
from dagwarden.sources.dags.language.objects import Instance
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Scalar,
    Unknown,
    Value,
    is_scalar,
    why_unknown,
)


class Found(Struct, frozen=True):
    """One argument of a task, and who gave it."""

    value: Value
    source: ConnectionSource
    # the `default_args` that hold it
    held: Entries | None = None


class Parameters:
    """The arguments of one task as its operator will see them."""

    def __init__(self, world: World, task: Task, environment: str) -> None:
        """Look `task` up in the catalogue."""
        self.task = task
        self.environment = environment
        name = task.operator
        self.operator = world.operator(name) if isinstance(name, str) else None
        self.unresolved: list[Unresolved] = []
        # where each field is from: the argument of that name, or what else says it
        self.noted: dict[str, str | Read] = {}
        self.own_fields = _template_fields(task)
        self.outside = world.outside
        self.rendering: Rendering | None = None
        # the arguments that it is given; None where it may be given any
        self.names = _names(task)
        self.unread = self._unread()
        self.foreign = self._foreign()

    def _unread(self) -> Unknown | None:
        """Return why the operator's class is not known, or None."""
        operator = self.task.operator
        if isinstance(operator, Unknown):
            return operator
        if self.operator is None or self.operator.incomplete:
            return Unknown("import", operator)
        return None

    def _foreign(self) -> Unknown | None:
        """Return why nothing is known of the operator's own parameters, or None."""
        made = self.task.made
        if self.unread is None and made is not None and self.task.operator in _ROOTS:
            return Unknown("dynamic", made.describe())
        return self.unread

    def given(self, name: str) -> Found | None:
        """Return the argument `name`; None if the operator's default holds."""
        if self.names is not None and name not in self.names:
            return None
        task = self.task
        if name in task.expanded:
            return Found(task.expanded[name], "argument")
        if name in task.keywords:
            return Found(task.keywords[name], "argument")
        why = task.expanded_rest or task.rest
        if why:
            return Found(why, "argument")
        for defaults in task.defaults:
            if name in defaults.items:
                return Found(defaults.items[name], "default_args", defaults)
            if defaults.rest:
                return Found(defaults.rest, "default_args", defaults)
        return None

    def read(self, name: str) -> Read:
        """Return from where the argument `name` comes, whose value is known."""
        found = self.given(name)
        if found is None:
            return _usual(name, self.environment)
        if found.held is None:
            read = provenance.argument(self.task, name)
        else:
            read = provenance.default_argument(self.task, found.held, name)
        return provenance.by_input(read, self.rendered(name, found.value))

    def reads(self, noted: Mapping[str, str | Read]) -> dict[str, Read]:
        """Return from where each field comes, of which an argument's name is `noted`."""
        return {
            field: self.read(name) if isinstance(name, str) else name
            for field, name in noted.items()
        }

    def defaulted(self) -> Iterator[tuple[str, Value]]:
        """Yield what `default_args` hold for this task and it does not give itself."""
        task = self.task
        names = {name for one in task.defaults for name in one.items}
        for name in sorted(name for name in names if isinstance(name, str)):
            found = self.given(name)
            if found is not None and found.source == "default_args":
                yield name, found.value

    def takes(self, name: str) -> bool:
        """Say whether the operator is known to have the parameter `name`."""
        operator = self.operator
        if operator is None:
            return False
        return name in operator.parameters or name in (operator.template_fields or ())

    def value(self, name: str) -> Value:
        """Return the value of an argument, unknown where it is a template."""
        found = self.given(name)
        return None if found is None else self.rendered(name, found.value)

    def rendered(self, name: str, value: Value) -> Value:
        """Return `value` as it is when the task runs."""
        value = value.plain() if isinstance(value, Instance) else value
        if is_scalar(value) and not isinstance(value, str):
            return value
        if not self.is_templated(name):
            return value
        if self.rendering is None:
            self.rendering = Rendering(self.task, self.outside)
        return self.rendering.rendered(value)

    def is_templated(self, name: str) -> bool:
        """Say whether Airflow renders the argument; True when not known."""
        if self.own_fields is not None:
            return name in self.own_fields
        if self.operator is None or self.operator.template_fields is None:
            return True
        return name in self.operator.template_fields

    def unset(self, field: str, why: Unknown) -> UnsetType:
        """Note why `field` is not known."""
        entry = Unresolved(field=field, reason=why.reason, symbol=why.symbol)
        self.unresolved.append(entry)
        return UNSET

    def text(self, field: str, value: Value) -> Maybe[str]:
        """Return a text."""
        if isinstance(value, str):
            return value
        self.unresolved.append(undecided(field, value))
        return UNSET

    def absent(self, field: str, name: str, parameter: Parameter) -> Unknown:
        """Return why the default of `name` is not known."""
        if parameter.setting:
            section, _, key = parameter.setting.rpartition(".")
            symbol = f"[{section}] {key} of environment {self.environment}"
            return Unknown("setting", symbol)
        return Unknown("dynamic", f"the default of {name}")


# What every operator takes, and the setting of Airflow that holds where none is given.
SETTINGS = {
    "execution_timeout": "[core] default_task_execution_timeout",
    "owner": "[operators] default_owner",
    "queue": "[operators] default_queue",
    "retries": "[core] default_task_retries",
}


@lru_cache(maxsize=64)
def _usual(name: str, environment: str) -> Read:
    """Return from where an argument comes that is not given."""
    if name not in SETTINGS:
        return provenance.USUAL
    return Read("setting", f"{SETTINGS[name]} of environment {environment}")


# Operators that a class of the repository makes something of its own from.
_ROOTS = frozenset({"airflow.sdk.BaseOperator", "airflow.sdk.BaseSensorOperator"})


def _names(task: Task) -> set[Scalar] | None:
    if task.expanded_rest or task.rest:
        return None
    names: set[Scalar] = {*task.keywords, *task.expanded}
    for defaults in task.defaults:
        if defaults.rest:
            return None
        names.update(defaults.items)
    return names


def undecided(field: str, value: Value) -> Unresolved:
    """Return why a value, which would be `field` itself, is not known."""
    why = why_unknown(value) or not_taken(field)
    default: Maybe[str] = UNSET
    if why.reason in _ASKED_FOR and why.default is not None:
        default = _tellable(why.default, field, why.symbol)
    return Unresolved(
        field=field, reason=why.reason, symbol=why.symbol, default=default
    )


# Reasons of what a program asks for, and has something in place of.
_ASKED_FOR = frozenset({"environment", "variable"})


@lru_cache(maxsize=1024)
def _tellable(text: str, *names: str) -> Maybe[str]:
    """Return a text that stands under `names`, unless it may hold a secret."""
    hidden = is_template(text) or without_secrets(text) != text
    return UNSET if hidden or any(secret_in(n, text) for n in names) else text


def not_taken(field: str) -> Unknown:
    """Return why a known value of `field` says nothing."""
    return Unknown("dynamic", f"a value of {field} that Airflow does not take")


def _template_fields(task: Task) -> set[str] | None:
    """Return the template fields that a class of the repository sets, if it does."""
    found = task.made.find("template_fields") if task.made is not None else None
    if found is None or not isinstance(found[0], Items) or found[0].more:
        return None
    names = {item for item in found[0].items if isinstance(item, str)}
    return names if len(names) == len(found[0].items) else None
