"""Whether what a job is given names the run of the DAG that starts it."""

import re
from collections.abc import Iterator

from dagwarden.patterns import late
from dagwarden.sources.dags.airflow.templates import is_template, rendered_later
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Text,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# What is another for each run of a DAG. A date alone is not: a DAG may run every hour.
# Source: airflow.apache.org/docs/apache-airflow/stable/templates-ref.html
_OF_A_RUN = late(
    r"(?:(?:dag_run|ti|task_instance)\.)?(?:run_id|logical_date|execution_date)"
    r"(?:\.isoformat\(\))?"
    r"|ts(?:_nodash(?:_with_tz)?)?"
    r"|data_interval_(?:start|end)(?:\.isoformat\(\))?"
)
# What is the same for all runs.
_OF_ALL = late(r"(?:dag\.dag_id|task\.task_id|(?:var|conn)\.[\w.]+)")
_TAG = late(r"\{\{[-+]?\s*(.*?)\s*[-+]?\}\}", re.DOTALL)


def names_run(value: Value) -> bool | Unknown:
    """
    Say whether an argument as written holds anything that names a run of the DAG.

    A template that holds the name as it is names the run; what is made of it may be less.
    """
    doubt: Unknown | None = None
    for leaf in _leaves(value):
        told = _named(leaf) if isinstance(leaf, str) else why_unknown(leaf)
        if told is True:
            return True
        if isinstance(told, Unknown):
            doubt = doubt or told
    return False if doubt is None else doubt


def _leaves(value: Value) -> Iterator[Value]:
    """Yield what is in a value that is no container."""
    waiting: list[Value] = [value]
    while waiting:
        charge()
        one = waiting.pop()
        if isinstance(one, Items):
            waiting += [*one.items, *([] if one.more is None else [one.more])]
        elif isinstance(one, Entries):
            rest = [] if one.rest is None else [one.rest]
            waiting += [*one.items.values(), *rest]
        elif isinstance(one, Text):
            waiting += one.parts
        else:
            yield one


def _named(text: str) -> bool | Unknown:
    """Say whether a text, once rendered, names the run."""
    if not is_template(text):
        return False
    said: list[str] = _TAG().findall(text)
    if "{%" in text or "{#" in text or not said:
        return rendered_later(text)
    if any(_OF_A_RUN().fullmatch(one) for one in said):
        return True
    same = all(_OF_ALL().fullmatch(one) for one in said)
    return False if same else rendered_later(text)
