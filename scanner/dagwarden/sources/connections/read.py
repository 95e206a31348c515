"""
Where connections are defined: opens each source and reports what it could not read.

A source that is not there is an error: the operator named it. A source, or an
entry of one, that cannot be read is a gap; an entry with an id is a connection all
the same, of which nothing else is known, because Airflow knows the id too.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast
from urllib.parse import unquote

from dagwarden.config import relative
from dagwarden.errors import SourceError
from dagwarden.facts import Connection, Facts, Gap, Origin, SourceFile
from dagwarden.sources.connections.definition import (
    FIELDS,
    Definition,
    Malformed,
    parse_mapping,
    parse_text,
)
from dagwarden.sources.connections.facts_file import (
    read_connection_facts,
    write_connection_facts,
)
from dagwarden.sources.connections.formats import (
    Assignment,
    decoded,
    entry_lines,
    format_of,
    read_bytes,
    read_dotenv,
    read_json,
    read_lines,
    read_yaml,
)
from dagwarden.sources.connections.interpret import connection, public, unreadable
from dagwarden.sources.connections.records import HIDDEN, Entry
from dagwarden.sources.connections.values import entry_of
from dagwarden.sources.credentials import Fingerprint, secrets_in
from dagwarden.sources.layers import Layer

# Characters of one URI or JSON text.
MAX_VALUE = 1_000_000
# Entries of one source.
MAX_ENTRIES = 5_000
# Gaps of one source; what is past them is one more.
MAX_GAPS = 1_000
_PREFIX = "AIRFLOW_CONN_"
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w{0,100})\}?")
# One of them, or Airflow refuses the entry.
_TWICE = {"extra", "extra_dejson"}
_MAX_ID = 250  # characters: Airflow's own limit

# By the keys that lead to a mapping or list, the lines of what is in it.
_Lines = Callable[..., Mapping[object, int | None]]


def read_connections(
    spec: str,
    environment: str,
    base: Path,
    root: Path,
    fingerprint: Fingerprint,
    environ: Mapping[str, str],
) -> tuple[Layer[Entry], Facts]:
    """
    Return what code is told of the connections that `spec` names, and their facts.

    The facts are those of `environment`, with gaps and the file.

    `spec` is `env:` (`environ` itself), `env:FILE` (a .env file), `export:FILE`
    (`airflow connections export`, `connections list -o json` or the REST API's
    answer), `local:FILE` (a local secrets backend's), `astro:FILE`
    (airflow_settings.yaml) or `facts:FILE`. FILE is relative to `base`; origins are
    relative to `root`. Where one source defines an id twice, the last wins, as it
    does in Airflow. Raises SourceError: an unknown kind, a file that does not
    exist, or a facts file that is none.
    """
    kind, colon, name = spec.partition(":")
    if not colon or kind not in {"env", "export", "local", "astro", "facts"}:
        raise SourceError(
            "connections are given as env:, env:FILE, export:FILE, local:FILE, "
            "astro:FILE or facts:FILE",
            where=f"connections of environment {environment}",
            remedy="write one of these in front of the file's name",
        )
    if not name:
        if kind != "env":
            raise SourceError(
                f"`{kind}:` names no file",
                where=f"connections of environment {environment}",
                remedy=f"write {kind}:FILE",
            )
        collected = _Collected(environment, "env:", kind, fingerprint)
        collected.process_environment(environ)
        return collected.layer(), collected.facts(0)
    path = base / name
    source = relative(path, root)
    if not path.exists():
        raise SourceError(
            f"does not exist (connections of environment {environment}: {spec})",
            where=source,
            remedy="correct the setting, or create the file",
        )
    collected = _Collected(environment, source, kind, fingerprint)
    try:
        data = read_bytes(path)
        if kind == "facts":
            collected.own(data)
            facts = collected.facts(len(data), hashlib.sha256(data).hexdigest())
            return collected.layer(), facts
        collected.file(path.name, decoded(data))
    except Malformed as problem:
        collected.gap(problem, Origin(source=source))
        return collected.layer(), collected.unread()
    return collected.layer(), collected.facts(len(data))


class _Collected:
    """The connections of one source, as they are found."""

    def __init__(
        self, environment: str, source: str, kind: str, fingerprint: Fingerprint
    ) -> None:
        self._environment = environment
        self._source = source
        self._kind = kind
        self._fingerprint = fingerprint
        self._found: dict[str, Connection] = {}
        self._told: dict[str, Entry] = {}
        # whether Airflow refuses the whole file
        self._refused = False
        self._gaps: list[Gap] = []
        self._entries = 0

    # ------------------------------------------------------------------- results

    def layer(self) -> Layer[Entry]:
        """Return what code is told of what was found."""
        upper = self._kind == "env"
        if self._refused or any(gap.reason == "conflict" for gap in self._gaps):
            return Layer({}, upper, whole=False)
        whole = not any(gap.incomplete for gap in self._gaps)
        return Layer(self._told, upper, whole)

    def facts(self, size: int, sha256: str | None = None) -> Facts:
        """
        Return what was found, and the file it was found in.

        Its digest is that of the connections without secrets: the digest of a file
        with a short password in it would let anyone try passwords against it.
        """
        connections = tuple(self._found[key] for key in sorted(self._found))
        digest = hashlib.sha256(write_connection_facts(connections)).hexdigest()
        file = SourceFile(
            path=self._source, kind="connections", sha256=sha256 or digest, size=size
        )
        return Facts(connections=connections, gaps=tuple(self._gaps), files=(file,))

    def unread(self) -> Facts:
        """Return the gaps of a source of which nothing could be read."""
        return Facts(gaps=tuple(self._gaps))

    def gap(
        self,
        problem: Malformed,
        origin: Origin,
        what: str = "",
        *,
        incomplete: bool = True,
    ) -> None:
        if len(self._gaps) > MAX_GAPS:
            return
        if len(self._gaps) == MAX_GAPS:
            problem, what = Malformed("has more faults than are listed"), ""
            origin, incomplete = Origin(source=self._source), True
        detail = f"{what} {problem.detail}" if what else problem.detail
        self._gaps.append(
            Gap(
                reason=problem.reason,
                origin=origin,
                detail=detail,
                kinds=("connection",),
                incomplete=incomplete,
            )
        )

    # ------------------------------------------------------------------- sources

    def process_environment(self, environ: Mapping[str, str]) -> None:
        for name in sorted(environ):
            if name.startswith(_PREFIX):
                self._variable(name, environ[name], Origin(source=name))

    def own(self, data: bytes) -> None:
        """Take the connections of a facts file."""
        for fact in read_connection_facts(
            data, environment=self._environment, source=self._source
        ):
            self._found[fact.id] = fact
            # it is without logins, and hosts have one form
            self._told[fact.conn_id] = HIDDEN

    def file(self, name: str, text: str) -> None:
        """Take the connections in the `text` of a file; raises Malformed."""
        if self._kind == "env":
            lines = read_dotenv(text)
            for item in lines.assignments:
                if item.name.startswith(_PREFIX):
                    self._dotenv(item)
            self._broken(lines.broken)
        elif self._kind == "astro":
            self._astro(read_yaml(text), partial(entry_lines, text, "yaml"))
        elif (form := format_of(name, text)) == "env":
            lines = read_lines(text)
            for item in lines.assignments:
                origin = Origin(source=self._source, line=item.line)
                # an id with the prefix is someone's .env file given as an export
                self._entry(item.name.removeprefix(_PREFIX), item.value, origin)
            self._broken(lines.broken)
        else:
            document = read_yaml(text) if form == "yaml" else read_json(text)
            self._document(document, partial(entry_lines, text, form))

    def _broken(self, numbers: list[int]) -> None:
        if numbers:
            origin = Origin(source=self._source, line=numbers[0])
            more = f" (and {len(numbers) - 1} more lines)" if numbers[1:] else ""
            problem = Malformed(f"is no NAME=value, nor a comment{more}", "syntax")
            self.gap(problem, origin, "the line")

    def _dotenv(self, item: Assignment) -> None:
        origin = Origin(source=self._source, line=item.line, field=item.name[:_MAX_ID])
        self._variable(item.name, item.value, origin, literal=item.literal)
        if item.filled_in:
            self._told[item.name.removeprefix(_PREFIX)] = HIDDEN

    def _variable(
        self, name: str, value: str, origin: Origin, *, literal: bool = True
    ) -> None:
        """Take `AIRFLOW_CONN_ID=value`; Airflow looks for ids in upper case."""
        conn_id = name.removeprefix(_PREFIX)
        if conn_id != conn_id.upper():
            problem = Malformed("is not in upper case: Airflow never looks it up")
            self.gap(problem, origin, "the variable's name", incomplete=False)
            return
        variable = _VARIABLE.fullmatch(value.strip())
        if variable and not literal:
            fact = unreadable(
                self._environment, conn_id.lower(), origin, "environment", variable[1]
            )
            self._take(fact, HIDDEN)
            return
        self._entry(conn_id.lower(), value, origin)

    def _astro(self, document: object, lines: _Lines) -> None:
        """Take `airflow: {connections: [{conn_id, conn_type, conn_host, ...}]}`."""
        airflow = _mapping(document).get("airflow")
        entries = _mapping(airflow).get("connections") if airflow else None
        if not isinstance(document, Mapping) or not isinstance(
            entries, list | type(None)
        ):
            raise Malformed("has no list `connections` under `airflow`")
        listed = cast("list[object] | None", entries) or []
        self._listed(listed, lines("airflow", "connections"))

    def _document(self, document: object, lines: _Lines) -> None:
        """Take what a JSON or YAML file holds, by its shape."""
        if document is None:
            return
        if isinstance(document, list):
            self._listed(cast("list[object]", document), lines())
            return
        if not isinstance(document, Mapping):
            raise Malformed("holds no connections: neither an object nor a list")
        entries = cast("Mapping[object, object]", document)
        listed = entries.get("connections")
        if isinstance(listed, list) and "total_entries" in entries:
            of_entries = lines("connections")
            self._listed(cast("list[object]", listed), of_entries, api=True)
            total = entries["total_entries"]
            if isinstance(total, int) and total > len(cast("list[object]", listed)):
                problem = Malformed(
                    f"is one page of the API's answer: {total} connections exist",
                    "truncated",
                )
                self.gap(problem, Origin(source=self._source))
            return
        of_entries = lines()
        if "connection_id" in entries:
            line = of_entries.get("connection_id")
            self._listed([entries], {0: line}, api=True)
            return
        for conn_id, value in entries.items():
            if self._entries > MAX_ENTRIES:
                return
            if isinstance(value, list):
                # 2.x allowed several values; the last is what a lookup returns
                values = cast("list[object]", value)
                self._refused = self._refused or len(values) > 1
                value = next(reversed(values), None)
            text = str(conn_id)
            self._entry(text, value, self._origin(of_entries.get(conn_id), text))

    def _listed(
        self,
        entries: Iterable[object],
        lines: Mapping[object, int | None],
        *,
        api: bool = False,
    ) -> None:
        for number, entry in enumerate(entries):
            if self._entries > MAX_ENTRIES:
                return
            fields = _mapping(entry)
            conn_id = fields.get("connection_id" if api else "conn_id")
            line = lines.get(number)
            if not isinstance(conn_id, str | int):
                if self._is_full():
                    return
                origin = Origin(source=self._source, line=line, field=f"[{number}]")
                self.gap(Malformed("has no connection id"), origin, "an entry")
                continue
            text = str(conn_id)
            self._entry(text, entry, self._origin(line, text), api=api)

    def _origin(self, line: int | None, conn_id: str) -> Origin:
        field = public(conn_id[:_MAX_ID])
        return Origin(source=self._source, line=line, field=field)

    # --------------------------------------------------------------------- entry

    def _is_full(self) -> bool:
        """Count one entry more, and say whether it is one too many."""
        self._entries += 1
        if self._entries == MAX_ENTRIES + 1:
            problem = Malformed(
                f"holds more than {MAX_ENTRIES:,} connections", "too_large"
            )
            self.gap(problem, Origin(source=self._source))
        return self._entries > MAX_ENTRIES

    def _entry(
        self, conn_id: str, value: object, origin: Origin, *, api: bool = False
    ) -> None:
        if self._is_full():
            return
        if len(conn_id) > _MAX_ID or public(conn_id) is None:
            problem = Malformed("has an id that is no connection id")
            origin = Origin(source=self._source, line=origin.line)
            self.gap(problem, origin, "an entry")
            return
        entry = HIDDEN
        try:
            given = _definition(conn_id, value, api=api)
            fact = connection(
                given,
                environment=self._environment,
                conn_id=conn_id,
                origin=origin,
                fingerprint=self._fingerprint,
            )
            entry = entry_of(self._as_airflow(given, value))
        except Malformed as problem:
            self.gap(problem, origin, f"connection {conn_id}")
            fact = unreadable(
                self._environment,
                conn_id,
                origin,
                "unreadable",
                f"connection {conn_id}",
                secrets_in(
                    "uri" if isinstance(value, str) else "",
                    value,
                    origin,
                    self._fingerprint,
                ),
            )
        self._take(fact, entry)

    def _take(self, fact: Connection, entry: Entry) -> None:
        self._found[fact.id] = fact
        name = fact.conn_id.upper() if self._kind == "env" else fact.conn_id
        if self._kind == "local" and (entry is HIDDEN or name in self._told):
            self._refused = True  # one such entry, and none can be looked up
        self._told[name] = entry

    def _as_airflow(self, given: Definition, value: object) -> Definition:
        """Return what `value` defines, with what Airflow makes of it where it stands."""
        if isinstance(value, str):
            text = value.strip().startswith("{")
            if self._kind == "local" and text:
                return replace(given, accepted=False)
            if self._kind == "export" and not text:
                return replace(given, inexact=given.inexact | _lost(given, value))
            return given
        fields = _mapping(value)
        names = fields.keys()
        if self._kind == "local":
            allowed = names <= FIELDS | {"conn_id", "extra_dejson"}
            return replace(given, accepted=allowed and not names >= _TWICE)
        if self._kind == "astro":  # it hands on what is not empty
            return replace(given, inexact=given.inexact | _empty(given))
        if "get_uri" in names:
            # `connections list` makes texts of all that is in `extra`
            return replace(given, inexact=given.inexact - {"port"} | {"extra"})
        return given


def _lost(given: Definition, uri: str) -> frozenset[str]:
    """Return the fields of which an exported URI does not tell what they were."""
    fields = {"host": given.host, "schema": given.schema, "login": given.login}
    lost = {name for name, text in fields.items() if not text} | {"conn_type"}
    place = unquote(uri.partition("?")[0].rpartition("@")[2]).rpartition("://")[2]
    if not place.startswith((given.host or "").rpartition("://")[2]):
        lost.add("host")  # it has capitals in Airflow's database
    return frozenset(lost)


def _empty(given: Definition) -> frozenset[str]:
    fields = {"host": given.host, "schema": given.schema, "login": given.login}
    return frozenset(name for name, text in fields.items() if text == "")


def _definition(conn_id: str, value: object, *, api: bool) -> Definition:
    if isinstance(value, str):
        if len(value) > MAX_VALUE:
            raise Malformed(f"is longer than {MAX_VALUE:,} characters", "too_large")
        return parse_text(value)
    if not isinstance(value, Mapping):
        raise Malformed("is neither a URI nor an object")
    fields = cast("Mapping[str, object]", value)
    own = fields.get("conn_id")
    if own is not None and str(own) != conn_id:
        raise Malformed("has another conn_id inside", "conflict")
    return parse_mapping(fields, redacted=api, whole=not api)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
