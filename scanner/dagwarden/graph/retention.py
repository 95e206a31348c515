"""
How long it is kept who called what: the sinks that route data access logs, and to where.

A project's `_Default` sink keeps them in its `_Default` bucket, for thirty days unless
that is changed; sinks of its own, and those above that include children, may keep them
elsewhere for longer (cloud.google.com/logging/docs/routing/overview,
cloud.google.com/logging/docs/buckets#custom-retention).
"""

import re
from collections.abc import Iterator

from msgspec import UNSET

from dagwarden.facts import LogBucket, LogRetention, LogSink
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.constraints import hosts
from dagwarden.graph.estate import Estate, causes_of, unresolved
from dagwarden.patterns import late

_LOG = "cloudaudit.googleapis.com/data_access"
_ENCODED = _LOG.replace("/", "%2F")
_BUCKET = late(
    r"logging\.googleapis\.com/"
    r"((?:projects|folders|organizations)/[^/]+/locations/[^/]+/buckets/[^/]+)"
)
# Whatever else a filter may say is not understood.
# Source: cloud.google.com/logging/docs/view/logging-query-language
_TERM = late(
    r"\(*\s*(?P<not>NOT\s+|-)?"
    r"(?:LOG_ID\(\s*\"(?P<id>[^\"]*)\"\s*\)"
    r"|logName\s*(?P<how>[:=])\s*(?P<quote>\"?)(?P<name>[^\"\s()]+)(?P=quote))\s*\)*",
    re.IGNORECASE,
)


def derive_retention(estate: Estate) -> tuple[LogRetention, ...]:
    """Return how long each project that hosts a workload keeps data access logs."""
    sinks: dict[str, list[LogSink]] = {}
    for sink in estate.facts.log_sinks:
        place = estate.hierarchy.canonical(sink.resource)
        sinks.setdefault(place, []).append(sink)
    buckets = {
        estate.hierarchy.canonical(bucket.name): bucket
        for bucket in estate.facts.log_buckets
    }
    found = (_Kept(estate, sinks, buckets, project).fact() for project in hosts(estate))
    return tuple(sorted(found, key=lambda item: item.id))


class _Kept:
    """What becomes of one project's data access logs."""

    def __init__(
        self,
        estate: Estate,
        sinks: dict[str, list[LogSink]],
        buckets: dict[str, LogBucket],
        project: str,
    ) -> None:
        self._estate = estate
        self._buckets = buckets
        self._project = project
        self._lineage = estate.hierarchy.lineage(project)
        self.days = 0.0
        self.exported = False
        self.routed: list[str] = []
        # what may keep them for longer, or elsewhere
        self.longer: list[Cause] = []
        self.elsewhere: list[Cause] = []
        for place in self._lineage.names:
            for sink in sinks.get(place, ()):
                if place == project or sink.include_children:
                    self._follow(sink)
        for cause in self._unread(project in sinks):
            self._doubt(cause)

    def _doubt(self, cause: Cause) -> None:
        self.longer.append(cause)
        self.elsewhere.append(cause)

    def _unread(self, any_sinks: bool) -> Iterator[Cause]:
        if self._estate.facts.snapshots[0].layers.logging != "read":
            symbol = "log sinks and buckets of the snapshot"
            yield Cause(reason="layer", symbol=symbol)
        elif not any_sinks:  # every project has the one that Google made
            symbol = f"log sinks of {self._estate.hierarchy.shown(self._project)}"
            yield Cause(reason="layer", symbol=symbol)
        for missing in self._lineage.missing:
            yield Cause(reason=missing.reason, symbol=missing.symbol)

    def _follow(self, sink: LogSink) -> None:
        """Note what one sink does with the logs."""
        if sink.disabled is True:
            return
        known = sink.disabled is not UNSET and sink.filter is not UNSET
        if not known or sink.destination is UNSET:
            for cause in causes_of(sink, "destination", f"log sink {sink.name}"):
                self._doubt(cause)
            return
        routes = passes(sink.filter or "", self._spellings())
        if routes is False:
            return
        bucket = _BUCKET().fullmatch(sink.destination)
        if routes is None or sink.exclusions:
            cause = Cause(reason="condition", symbol=f"filters of log sink {sink.name}")
            (self.longer if bucket else self.elsewhere).append(cause)
        elif bucket is not None:
            self._keep(sink, bucket[1])
        elif sink.destination.startswith("logging.googleapis.com/"):
            # another project's own sinks route them on
            self._doubt(Cause(reason="layer", symbol=f"sinks of {sink.destination}"))
        else:
            self.exported = True
            self.routed.append(sink.name)

    def _keep(self, sink: LogSink, bucket: str) -> None:
        name = self._estate.hierarchy.canonical(f"//logging.googleapis.com/{bucket}")
        found = self._buckets.get(name)
        if found is None or found.retention_days is UNSET:
            symbol = f"retention of log bucket {bucket}"
            self.longer.append(Cause(reason="layer", symbol=symbol))
            return
        self.days = max(self.days, found.retention_days)
        self.routed.append(sink.name)

    def _spellings(self) -> tuple[str, str]:
        number = self._project.rpartition("/")[2]
        return number, self._estate.hierarchy.project_id(number)

    def fact(self) -> LogRetention:
        """Return what was noted."""
        hierarchy = self._estate.hierarchy
        resource = hierarchy.resource(self._project)
        snapshot = self._estate.facts.snapshots[0]
        longer = distinct(self.longer)
        elsewhere = () if self.exported else distinct(self.elsewhere)
        return LogRetention(
            id=f"log_retention:{self._project}",
            origin=resource.origin if resource else snapshot.origin,
            unresolved=(
                *unresolved(longer, "days"),
                *unresolved(elsewhere, "exported"),
            ),
            project=hierarchy.project_id(self._project.rpartition("/")[2]),
            days=UNSET if longer else self.days,
            at_least_days=self.days,
            exported=UNSET if elsewhere else self.exported,
            sinks=tuple(sorted(self.routed)),
        )


def passes(text: str, projects: tuple[str, ...]) -> bool | None:
    """
    Tell whether a sink's filter lets the data access logs of a project through.

    `projects` are its spellings. None: the filter says more than which logs.
    """
    text = text.strip()
    if not text:
        return True
    parts = re.split(r"\s+(AND|OR)\s+|\n+", text)
    words = set(parts[1::2])  # None: a new line, which means AND
    either = "OR" in words
    told = [_term(one, projects) for one in parts[::2]]
    if None in told or (either and len(words) > 1):
        return None
    return any(told) if either else all(told)


def _term(text: str, projects: tuple[str, ...]) -> bool | None:
    found = _TERM().fullmatch(text)
    if found is None:
        return None
    if found["id"] is not None:
        is_it = found["id"] == _LOG
    else:
        names = [f"projects/{one}/logs/{_ENCODED}" for one in projects]
        same = found["how"] == "="
        is_it = any(
            found["name"] == one if same else found["name"] in one for one in names
        )
    return not is_it if found["not"] else is_it
