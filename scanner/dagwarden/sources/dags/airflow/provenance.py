"""From where what is known of a task or DAG was read."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Origin, Provenance, ProvenanceSource, Unresolved
from dagwarden.sources.dags.airflow.world import Dag, Task
from dagwarden.sources.dags.language.values import (
    Entries,
    Given,
    Items,
    Place,
    Value,
    first_given,
)


class Read(Struct, frozen=True):
    """The source of a value, and where it stands: a file, or what else has a name."""

    source: ProvenanceSource
    path: str = ""
    line: int = 0


USUAL = Read("operator_default")


def traced(
    reads: Mapping[str, Read], unresolved: Iterable[Unresolved]
) -> tuple[Provenance, ...]:
    """Return the provenance of the fields in `reads`, but for what is unresolved."""
    unknown = {entry.field for entry in unresolved}
    return tuple([_record(f, read) for f, read in reads.items() if f not in unknown])


@lru_cache(maxsize=1_024)  # the tasks of a file have most of it in common
def _record(field: str, read: Read) -> Provenance:
    origin = Origin(source=read.path, line=read.line or None) if read.path else None
    return Provenance(field=field, source=read.source, origin=origin)


# What is known by an input of the scan, by the reason it is unresolved without that.
_INPUTS: dict[str, ProvenanceSource] = {
    "connection": "connection",
    "jinja": "template",
    "variable": "variable",
}


def by_input(read: Read, value: Value) -> Read:
    """Return `read`, or the input of the scan that gave the value which stands there."""
    if not isinstance(value, (Given, Items, Entries)):
        return read
    why = first_given(value)
    if why is None:
        return read
    return replace(read, source=_INPUTS.get(why.reason, read.source))


def argument(task: Task, name: str) -> Read:
    """Return from where the argument `name`, which the task was given, comes."""
    if name in task.assigned:
        return _assigned(task, name)
    if task.constructed is not None and name in task.keywords:
        return _constructed(task, task.constructed.keywords, name)
    return _written("argument", reversed(task.places), name) or called(task)


def called(made: Task | Dag) -> Read:
    """Return the call that made a task or DAG."""
    return Read("argument", made.site.path, made.site.line)


def default_argument(task: Task, held: Entries, name: str) -> Read:
    """Return from where `name` comes, which is in the `default_args` `held`."""
    if held.place is None:
        return Read("default_args", task.site.path, task.site.line)
    node, path = held.place.node, held.place.path
    if isinstance(node, ast.Call):
        # the call that was given them: they may be written there
        given = next((k for k in node.keywords if k.arg == "default_args"), None)
        node = node if given is None else given.value
    line = _line(node, name, held.items.get(name))
    return Read("default_args", path, _first_line(node) if line is None else line)


def declared(dag: Dag, name: str) -> Read:
    """Return from where the DAG's argument `name` comes."""
    value = dag.dag_id if name == "dag_id" else dag.arguments.keywords.get(name)
    return by_input(_declared(dag, name), value)


def _declared(dag: Dag, name: str) -> Read:
    if place := dag.assigned.get(name):
        return Read("code", place.path, _first_line(place.node))
    if name != "dag_id" and name not in dag.arguments.keywords:
        return USUAL
    found = _written("argument", [dag.place] if dag.place else (), name)
    return found or called(dag)


def _assigned(task: Task, name: str) -> Read:
    place = task.assigned[name]
    source: ProvenanceSource = "class" if name in task.own else "code"
    if place is None:
        return Read(source, task.site.path, task.site.line)
    return Read(source, place.path, _first_line(place.node))


def _first_line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def _constructed(task: Task, given: dict[str, Value], name: str) -> Read:
    """Return from where an argument comes that a class of the repository hands on."""
    outer, inner = task.places[:1], task.places[1:]
    value = task.keywords[name]
    own = _written("class", reversed(inner), name)
    if own is not None and _is_constant(inner, name):
        return own
    if name in given and given[name] is value:
        found = _written("argument", outer, name)
        return found or called(task)
    for held in task.defaults:
        if held.items.get(name) is value:
            return default_argument(task, held, name)
    return own or Read("class", task.site.path, task.site.line)


def _is_constant(places: Iterable[Place], name: str) -> bool:
    """Say whether a call among `places` gives `name` a value of its own."""
    return any(
        keyword.arg == name and isinstance(keyword.value, ast.Constant)
        for place in places
        for keyword in _keywords(place.node)
    )


def _keywords(node: ast.AST) -> list[ast.keyword]:
    return node.keywords if isinstance(node, ast.Call) else []


def _written(
    source: ProvenanceSource, places: Iterable[Place], name: str
) -> Read | None:
    """Return where the first call that names `name`, or may hold it, does so."""
    may_hold: Read | None = None
    for place in places:
        for keyword in _keywords(place.node):
            if keyword.arg == name:
                return Read(source, place.path, keyword.lineno)
            if keyword.arg is None and may_hold is None:
                may_hold = Read(source, place.path, keyword.value.lineno)
    return may_hold


def _line(node: ast.AST, name: str, value: Value) -> int | None:
    """Return the line where a dict that is written at `node` gives `name`."""
    may_hold: int | None = None
    for key, written in reversed(list(_pairs(node))):
        if key == name and not _differs(written, value):
            return written.lineno
        if key is None and may_hold is None:
            may_hold = written.lineno
    return may_hold


def _pairs(node: ast.AST) -> Iterator[tuple[object, ast.expr]]:
    """Yield what a dict is made of; None for the key of another that it takes in."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            yield key.value if isinstance(key, ast.Constant) else key, value
    for keyword in _keywords(node):
        yield keyword.arg, keyword.value


def _differs(written: ast.expr, value: Value) -> bool:
    """Say whether the dict was certainly changed after it was written."""
    return isinstance(written, ast.Constant) and written.value != value
