"""What an environment gives its DAGs: Airflow's Variables, settings and connections."""

from collections.abc import Mapping
from typing import cast

from msgspec import UNSET, Struct, UnsetType

from dagwarden.facts import Maybe
from dagwarden.sources.connections.records import HIDDEN, Connections, Entry
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Scalar,
    Unknown,
    Value,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.variables.records import Variables


class Outside(Struct, frozen=True):
    """The inputs of a scan that decide what DAG files ask for when they run."""

    variables: Variables = Variables()
    # of the environment's Airflow: ("operators.default_deferrable", "true")
    settings: tuple[tuple[str, str], ...] = ()
    connections: Connections = Connections()

    def flag(self, setting: str) -> bool | None:
        """Return a boolean setting as Airflow reads it; None where it is not given."""
        word = dict(self.settings).get(setting, "").strip().lower()
        if word in ("true", "t", "1"):
            return True
        return False if word in ("false", "f", "0") else None

    def variable(self, name: str, default: Maybe[Value], *, as_json: bool) -> Value:
        """
        Return variable `name` as its text, or as what that means as JSON.

        `default` is what the program takes where there is none.
        """
        why = Unknown("variable", str(name))
        if isinstance(default, UnsetType):
            without: Unknown = why
            absent: Value = why
        else:
            without, absent = operations.otherwise(why, default), default
        entry = self.variables.find(name)
        if entry is None:
            return absent
        found = entry.data if as_json else entry.text
        if found is UNSET:
            return without
        return operations.spread(_value(found, why), without)

    def connection(self, conn_id: str) -> "Fields | Unknown | None":
        """Return the fields of connection `conn_id`; None: there is surely none."""
        entry = self.connections.find(conn_id)
        why = Unknown("connection", conn_id)
        if entry is None:
            return None
        return why if entry is HIDDEN else Fields(entry, why)


class Fields(Struct, frozen=True):
    """The fields of one connection; `why` stands for what is not known of it."""

    entry: Entry
    why: Unknown

    def get(self, name: str) -> Value:
        """Return a field by the name that code has for it; what it holds is fresh."""
        found = getattr(self.entry, FIELDS.get(name, ""), UNSET)
        return operations.spread(_value(found, self.why), self.why)


# Code that asks for `extra` gets a text, which may hold secrets.
FIELDS = {
    **{name: name for name in ("conn_type", "host", "schema", "login", "port")},
    "extra_dejson": "extra",
}


def _value(found: object, why: Unknown) -> Value:
    """Return JSON as a value; `why` stands for what is hidden in it."""
    charge()
    if isinstance(found, Mapping):
        fields = cast("Mapping[str, object]", found)
        if len(fields) > operations.MAX_ITEMS:
            return why
        entries: dict[Scalar, Value] = {}
        for key, item in fields.items():
            entries[key] = _value(item, _within(why, key))
        return Entries(entries)
    if isinstance(found, list):
        items = cast("list[object]", found)
        if len(items) > operations.MAX_ITEMS:
            return why
        return Items("list", [_value(item, why) for item in items])
    return why if found is UNSET else operations.as_scalar(found)


def _within(why: Unknown, key: str) -> Unknown:
    """Return why `key` of a variable is not known; a connection is named as a whole."""
    if why.reason == "connection":
        return why
    return Unknown(why.reason, f"{why.symbol}.{key}")
