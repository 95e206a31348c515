"""
Facts as JSON lines: as rules see them, or each field with where it was read.

The second is for people and programs that ask what is known of a DAG: a field is
`{"value": ..., "from": ...}` or `{"unresolved": ..., "symbol": ...}`.
"""

from functools import cache
from typing import Any, get_args

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from dagwarden.facts import (
    KINDS,
    Fact,
    Facts,
    Origin,
    Provenance,
    ProvenanceSource,
    Reason,
    Traced,
    Unresolved,
)
from dagwarden.render import line

# The kinds that say where each field was read.
TRACED = tuple(name for name, (_, kind) in KINDS.items() if issubclass(kind, Traced))
_APART = frozenset({"origin", "provenance", "unresolved"})
# What a task has where it and the settings say nothing, in Airflow 2.11 and 3.3.
_SHIPPED: dict[str, object] = {"owner": "airflow", "queue": "default", "retries": 0}


def as_rules_see(kind: str, fact: Fact) -> bytes:
    """Return a fact as one line, its fields as an expression sees them."""
    seen: dict[str, object] = msgspec.to_builtins(fact)
    seen.pop("provenance", None)
    return line({"kind": kind, **seen})


def with_provenance(kind: str, fact: Traced) -> bytes:
    """Return a fact as one line, each field with where it was read or why it was not."""
    read = {entry.field: entry for entry in fact.provenance}
    missing = {entry.field: entry for entry in reversed(fact.unresolved)}
    said: dict[str, object] = {"kind": kind, "id": fact.id, **_place(fact.origin)}
    for name in fact.__struct_fields__:
        value = getattr(fact, name)
        if name in said or name in _APART:
            continue
        if name not in _decided(type(fact)):
            said[name] = msgspec.to_builtins(value)
        elif value is not UNSET:
            said[name] = _known(name, value, read.get(name))
        elif name in missing:
            said[name] = _undecided(missing[name])
    return line(said)


def _place(origin: Origin | None) -> dict[str, object]:
    return {} if origin is None else {"file": origin.source, "line": origin.line}


@cache
def _decided(kind: type[Fact]) -> frozenset[str]:
    """Return the fields of which it may not be known what they are."""
    return frozenset(f.name for f in fields(kind) if UnsetType in get_args(f.type))


def _known(name: str, value: object, read: Provenance | None) -> dict[str, object]:
    said: dict[str, object] = {"value": msgspec.to_builtins(value)}
    if read is None:
        return said
    if value is None and read.source == "setting":
        said["value"] = _SHIPPED.get(name)
    said["from"] = read.source
    if read.confirmed:
        said["confirmed"] = True
    if read.source == "setting" and read.origin is not None:
        return said | {"symbol": read.origin.source}
    return said | _place(read.origin)


def _undecided(why: Unresolved) -> dict[str, object]:
    said: dict[str, object] = {"unresolved": why.reason, "symbol": why.symbol}
    return said if why.default is UNSET else said | {"default": why.default}


# --------------------------------------------------------------------------- schema


def schema() -> dict[str, Any]:
    """Return the JSON Schema of facts, and of the lines that `with_provenance` gives."""
    found = msgspec.json.schema(Facts)
    records = found["$defs"]
    records["From"] = {"enum": list(get_args(ProvenanceSource))}
    records["Undecided"] = _object(
        {
            "unresolved": {"enum": list(get_args(Reason))},
            "symbol": {"type": "string"},
            "default": {"type": "string"},
        },
        ["unresolved", "symbol"],
    )
    for name in TRACED:
        record = KINDS[name][1]
        records[f"{record.__name__}Line"] = _line_schema(name, records)
    return found


def _line_schema(name: str, records: dict[str, Any]) -> dict[str, Any]:
    record = KINDS[name][1]
    shapes: dict[str, Any] = {
        "kind": {"const": name},
        "file": {"type": "string"},
        "line": {"type": ["integer", "null"]},
    }
    for field, shape in records[record.__name__]["properties"].items():
        if field in _APART:
            continue
        plain = {key: part for key, part in shape.items() if key != "default"}
        decided = field in _decided(record)
        shapes[field] = _field_schema(plain) if decided else plain
    required = [field for field in shapes if field not in _decided(record)]
    return {
        "title": f"{record.__name__}Line",
        "description": f"A line of `facts --kind {name} --format ndjson`.",
        "type": "object",
        "properties": shapes,
        "required": required,
        "additionalProperties": False,
    }


def _field_schema(value: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a field that is known, or says why it is not."""
    known = {
        "value": value,
        "from": {"$ref": "#/$defs/From"},
        "confirmed": {"const": True},  # by a real Airflow
        "file": {"type": "string"},
        "line": {"type": ["integer", "null"]},
        "symbol": {"type": "string"},  # the setting that it comes from
    }
    return {"anyOf": [_object(known, ["value", "from"]), {"$ref": "#/$defs/Undecided"}]}


def _object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
