"""Where data access logs go, and for how long: sinks, filters, buckets, what is above."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ESTATE,
    FOLDER,
    ORG,
    PROJECT,
    at,
    causes,
    with_layers,
)

from dagwarden.facts import Facts, LogBucket, LogRetention, LogSink
from dagwarden.graph.build import derive
from dagwarden.graph.retention import passes

READ = with_layers(ESTATE, logging="read")
OWN = "projects/p/locations/global/buckets/_Default"
CENTRAL = "projects/9/locations/eu/buckets/audit"
# what Google gives every project's _Default sink
DEFAULT = " AND ".join(
    f'NOT LOG_ID("{name}")'
    for name in (
        "cloudaudit.googleapis.com/activity",
        "externalaudit.googleapis.com/activity",
        "cloudaudit.googleapis.com/system_event",
        "externalaudit.googleapis.com/system_event",
        "cloudaudit.googleapis.com/access_transparency",
        "externalaudit.googleapis.com/access_transparency",
    )
)
ACCESS = 'LOG_ID("cloudaudit.googleapis.com/data_access")'


def sink(place: str, destination: str, **changes: Any) -> LogSink:
    name = f"//logging.googleapis.com/{place.split('/', 3)[3]}/sinks/s"
    found = LogSink(
        id=f"log_sink:{name}",
        origin=at(),
        name=name,
        resource=place,
        destination=destination,
        filter="",
        disabled=False,
    )
    return replace(found, **changes)


def bucket(name: str, days: Any) -> LogBucket:
    full = f"//logging.googleapis.com/{name}"
    return LogBucket(
        id=f"log_bucket:{full}", origin=at(), name=full, retention_days=days
    )


def to(name: str) -> str:
    return f"logging.googleapis.com/{name}"


DEFAULT_SINK = sink(PROJECT, to(OWN), filter=DEFAULT)
ABOVE = sink(ORG, to(CENTRAL), include_children=True)
ARCHIVE = sink(FOLDER, "storage.googleapis.com/archive", include_children=True)
BUCKETS = (bucket(OWN, 30.0), bucket(CENTRAL, 400.0))


def kept(*sinks: LogSink, facts: Facts = READ, buckets: Any = BUCKETS) -> LogRetention:
    derived = derive(replace(facts, log_sinks=sinks, log_buckets=buckets), AS_OF)
    (found,) = derived.log_retentions
    assert found.project == "p"
    return found


@pytest.mark.parametrize(
    ("sinks", "days", "exported"),
    [
        ((DEFAULT_SINK,), 30.0, False),
        ((replace(DEFAULT_SINK, disabled=True),), 0.0, False),
        ((DEFAULT_SINK, ABOVE), 400.0, False),
        ((DEFAULT_SINK, replace(ABOVE, include_children=False)), 30.0, False),
        ((DEFAULT_SINK, replace(ABOVE, filter=ACCESS)), 400.0, False),
        ((DEFAULT_SINK, replace(ABOVE, filter='LOG_ID("syslog")')), 30.0, False),
        ((DEFAULT_SINK, replace(ABOVE, filter="severity>=ERROR")), UNSET, False),
        ((DEFAULT_SINK, replace(ABOVE, exclusions=1)), UNSET, False),
        ((DEFAULT_SINK, ARCHIVE), 30.0, True),
        ((DEFAULT_SINK, replace(ARCHIVE, filter="severity>=ERROR")), 30.0, UNSET),
        ((DEFAULT_SINK, replace(ARCHIVE, destination="logging.googleapis.com/projects/9")), UNSET, UNSET),
        ((DEFAULT_SINK, replace(ARCHIVE, destination=UNSET)), UNSET, UNSET),
        ((replace(DEFAULT_SINK, destination=to("projects/p/locations/eu/buckets/x")),), UNSET, False),
        # every project has one: none was read
        ((ARCHIVE,), UNSET, True),
        ((), UNSET, UNSET),
    ],
)  # fmt: skip
def test_where_logs_go(sinks: tuple[LogSink, ...], days: Any, exported: Any) -> None:
    found = kept(*sinks)
    assert (found.days, found.exported) == (days, exported)
    assert bool(causes(found, "days")) == (days is UNSET)
    assert bool(causes(found, "exported")) == (exported is UNSET)


def test_a_layer_that_was_not_read_leaves_open_what_else_keeps_them() -> None:
    facts = with_layers(ESTATE, logging="partly")
    found = kept(DEFAULT_SINK, facts=facts)
    assert (found.days, found.exported, found.at_least_days) == (UNSET, UNSET, 30.0)
    assert causes(found, "days") == {("layer", "log sinks and buckets of the snapshot")}
    assert kept(DEFAULT_SINK, ARCHIVE, facts=facts).exported is True


def test_a_bucket_that_does_not_say_how_long_it_keeps() -> None:
    found = kept(DEFAULT_SINK, buckets=(bucket(OWN, UNSET),))
    assert causes(found, "days") == {("layer", f"retention of log bucket {OWN}")}


@pytest.mark.parametrize(
    ("text", "through"),
    [
        ("", True),
        (DEFAULT, True),
        (DEFAULT.replace(" AND ", "\n"), True),
        (ACCESS, True),
        (f"({ACCESS})", True),
        (f'LOG_ID("syslog") OR ({ACCESS})', True),
        ('LOG_ID("syslog") OR LOG_ID("stdout")', False),
        (f"NOT {ACCESS}", False),
        (f"-{ACCESS}", False),
        (f'NOT LOG_ID("syslog") AND NOT {ACCESS}', False),
        ('logName:"cloudaudit.googleapis.com"', True),
        ("logName:cloudaudit.googleapis.com", True),
        ('logName:"/logs/cloudaudit.googleapis.com%2Factivity"', False),
        ('logName="projects/p/logs/cloudaudit.googleapis.com%2Fdata_access"', True),
        ('logName = "projects/7/logs/cloudaudit.googleapis.com%2Fdata_access"', True),
        ('logName="projects/q/logs/cloudaudit.googleapis.com%2Fdata_access"', False),
        # more than which logs
        (f"{ACCESS} AND severity>=ERROR", None),
        (f'{ACCESS} OR LOG_ID("a") AND LOG_ID("b")', None),
        (f"NOT ({ACCESS} OR severity=INFO)", None),
        (f'NOT (LOG_ID("a") OR {ACCESS})', None),
        ('protoPayload.serviceName="run.googleapis.com"', None),
        ("((((", None),
    ],
)
def test_what_a_filter_lets_through(text: str, through: bool | None) -> None:
    assert passes(text, ("7", "p")) is through
