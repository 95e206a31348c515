"""What an environment gives its DAGs from outside: Airflow's Variables and settings."""

from collections.abc import Mapping
from typing import NamedTuple, cast

from msgspec import UNSET, UnsetType

from dagwarden.facts import Maybe
from dagwarden.sources.dags import operations
from dagwarden.sources.dags.values import Entries, Items, Scalar, Unknown, Value
from dagwarden.sources.dags.work import charge
from dagwarden.sources.variables.records import Variables


class Outside(NamedTuple):
    """The inputs of a scan that decide what DAG files ask for when they run."""

    variables: Variables = Variables()
    # of the environment's Airflow: ("operators.default_deferrable", "true")
    settings: tuple[tuple[str, str], ...] = ()

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


def _value(found: object, why: Unknown) -> Value:
    """Return JSON as a value; `why` stands for what is hidden in it."""
    charge()
    if isinstance(found, Mapping):
        fields = cast("Mapping[str, object]", found)
        if len(fields) > operations.MAX_ITEMS:
            return why
        entries: dict[Scalar, Value] = {}
        for key, item in fields.items():
            entries[key] = _value(item, Unknown(why.reason, f"{why.symbol}.{key}"))
        return Entries(entries)
    if isinstance(found, list):
        items = cast("list[object]", found)
        if len(items) > operations.MAX_ITEMS:
            return why
        return Items("list", [_value(item, why) for item in items])
    return why if found is UNSET else operations.as_scalar(found)
