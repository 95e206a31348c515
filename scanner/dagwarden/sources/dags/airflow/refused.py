"""
Values for which Airflow refuses a file: those that 2.11.2 and 3.3.2 both refuse.

Each was tried in both. Of what only one of them refuses nothing is said, and nor of what
a plugin may add.
"""

import re
from collections.abc import Callable

from dagwarden.patterns import late
from dagwarden.sources.dags.language.values import Entries, Given, Items, Value

_CONTAINERS = (Items, Entries)
_TASK_ID = late(r"[\w.-]+\n?")
_GROUP_ID = late(r"[\w-]+\n?")
MAX_ID = 250
MAX_GROUP_ID = 200
# Those of both versions, and what is left of earlier ones.
_TRIGGER_RULES = frozenset(
    {
        *("all_done", "all_done_min_one_success", "all_done_setup_success"),
        *("all_failed", "all_skipped", "all_success", "always", "dummy"),
        *("none_failed", "none_failed_min_one_success", "none_failed_or_skipped"),
        *("none_skipped", "one_done", "one_failed", "one_success"),
    }
)


def is_no_duration(value: Value) -> bool:
    """Say whether no timeout may be this."""
    return type(value) in (int, float, str, bool) or isinstance(value, _CONTAINERS)


def _no_number(value: Value) -> bool:
    if type(value) is not str:
        return isinstance(value, _CONTAINERS)
    try:
        int(value)
    except ValueError:
        return True
    return False


def _no_slots(value: Value) -> bool:
    if type(value) in (int, bool):
        return isinstance(value, int) and value < 1
    other = value is None or type(value) in (str, float)
    return other or isinstance(value, _CONTAINERS)


def _no_weight(value: Value) -> bool:
    return type(value) in (str, float) or isinstance(value, _CONTAINERS)


def _no_rule(value: Value) -> bool:
    if type(value) is str:
        return value not in _TRIGGER_RULES
    other = value is None or type(value) in (int, float, bool)
    return other or isinstance(value, _CONTAINERS)


# Argument of a task -> whether a value of it is refused, and what is told then.
ARGUMENTS: dict[str, tuple[Callable[[Value], bool], str]] = {
    "execution_timeout": (is_no_duration, "an execution_timeout that is no timedelta"),
    "retries": (_no_number, "retries that are no number"),
    "pool_slots": (_no_slots, "pool_slots that are no number above 0"),
    "priority_weight": (_no_weight, "a priority_weight that is no whole number"),
    "trigger_rule": (_no_rule, "a trigger_rule that there is not"),
}


# What a schedule may be called, in any case.
_PRESETS = frozenset(
    {
        *("@annually", "@continuous", "@daily", "@hourly", "@midnight", "@monthly"),
        *("@once", "@quarterly", "@weekly", "@yearly"),
    }
)
# Fields of cron that say all by numbers, and how low and high these may be.
_NUMBERS = late(r"(?:\*|(\d{1,4})(?:-(\d{1,4}))?)(?:/(\d{1,4}))?")
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def is_no_schedule(value: Value) -> bool:
    """Say whether no DAG may have this schedule."""
    if not isinstance(value, str) or isinstance(value, Given):
        return type(value) in (int, float, bool)
    fields = value.split()
    if value.lower() in _PRESETS:
        return False
    if not 5 <= len(fields) <= 7:
        return True
    pairs = zip(fields, _BOUNDS, strict=False)
    return len(fields) == 5 and any(
        _is_out_of(field, *bounds) for field, bounds in pairs
    )


def _is_out_of(field: str, low: int, high: int) -> bool:
    for part in field.split(","):
        found = _NUMBERS().fullmatch(part)
        if found is None:
            # names of days and the like: whether those are taken is not said
            continue
        ends = [int(end) for end in found.group(1, 2) if end is not None]
        if any(not low <= end <= high for end in ends) or found[3] in ("0", "00"):
            return True
    return False


def is_no_id(value: Value) -> bool:
    """Say whether no DAG and no task may have this id."""
    return _is_no_key(value, _TASK_ID(), MAX_ID) or value is None


def is_no_group_id(value: Value) -> bool:
    """Say whether no task group may have this id."""
    return _is_no_key(value, _GROUP_ID(), MAX_GROUP_ID)


def _is_no_key(value: Value, pattern: re.Pattern[str], longest: int) -> bool:
    if isinstance(value, str) and not isinstance(value, Given):
        return len(value) > longest or pattern.fullmatch(value) is None
    return type(value) in (int, float, bool)
