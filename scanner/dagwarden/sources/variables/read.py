"""
Airflow Variables: what the sources of one environment say, secrets taken out.

A variable whose name, or whose value, says secret is known to be there, and that is
all: its value is dropped where it is read. Airflow's own list of names that it masks
decides what a name says, and `credentials` what a value is.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from msgspec import UNSET

from dagwarden.config import relative
from dagwarden.facts import Facts, Gap, Maybe, Origin, SourceFile
from dagwarden.sources.connections.definition import Malformed
from dagwarden.sources.connections.formats import (
    decoded,
    format_of,
    read_bytes,
    read_dotenv,
    read_json,
    read_lines,
    read_yaml,
)
from dagwarden.sources.layers import Layer
from dagwarden.sources.masking import has_holes, is_masked, without_masked
from dagwarden.sources.variables.records import HIDDEN, Entry

# Characters of one value: more than any fact holds.
MAX_VALUE = 100_000
# Variables of one source.
MAX_ENTRIES = 5_000
_PREFIX = "AIRFLOW_VAR_"


def read_variables(
    spec: str, environment: str, root: Path, environ: Mapping[str, str]
) -> tuple[Layer[Entry], Facts]:
    """
    Return the variables that `spec` names, and the file and gaps as facts.

    `spec` is `env:` (`environ` itself), `env:FILE` (a .env file), `export:FILE`
    (`airflow variables export`), `local:FILE` (a local secrets backend's) or
    `astro:FILE` (airflow_settings.yaml); FILE exists and is relative to `root`. Where
    one source defines a variable twice, the last counts, as it does in Airflow.
    """
    kind, _, name = spec.partition(":")
    if not name:
        found = _Collected("env:")
        found.environment(environ.items())
        return found.layer(upper=True), found.facts(0)
    path = root / name
    found = _Collected(relative(path, root))
    try:
        data = read_bytes(path)
        found.file(kind, path.name, decoded(data))
    except Malformed as problem:
        found.gap(problem, f"variables of environment {environment}: the file")
        return found.layer(upper=kind == "env"), Facts(gaps=tuple(found.gaps))
    return found.layer(upper=kind == "env"), found.facts(len(data))


class _Collected:
    """The variables of one source, as they are found."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.entries: dict[str, Entry] = {}
        self.gaps: list[Gap] = []

    def layer(self, *, upper: bool) -> Layer[Entry]:
        return Layer(self.entries, upper, not self.gaps)

    def facts(self, size: int) -> Facts:
        """
        Return the file that was read, and what of it was not.

        Its digest is that of the names: one of a file with a short password in it
        would let anyone try passwords against it.
        """
        names = "\n".join(sorted(self.entries)).encode("utf-8", "surrogatepass")
        digest = hashlib.sha256(names).hexdigest()
        file = SourceFile(path=self.source, kind="variables", sha256=digest, size=size)
        return Facts(gaps=tuple(self.gaps), files=(file,))

    def gap(self, problem: Malformed, what: str, line: int | None = None) -> None:
        self.gaps.append(
            Gap(
                reason=problem.reason,
                origin=Origin(source=self.source, line=line),
                detail=f"{what} {problem.detail}",
            )
        )

    # ------------------------------------------------------------------- sources

    def file(self, kind: str, name: str, text: str) -> None:
        """Take the variables in the `text` of a file; raises Malformed."""
        form = format_of(name, text)
        if kind == "env":
            lines = read_dotenv(text)
            self.environment(
                (item.name, UNSET if item.filled_in else item.value)
                for item in lines.assignments
            )
            self._broken(lines.broken)
        elif kind == "astro":
            self._astro(read_yaml(text))
        elif form == "env":
            lines = read_lines(text)
            for item in lines.assignments:
                self._take(item.name, item.value)
            self._broken(lines.broken)
        else:
            document = read_yaml(text) if form == "yaml" else read_json(text)
            if not isinstance(document, Mapping):
                raise Malformed("holds no variables: no object")
            for key, value in cast("Mapping[object, object]", document).items():
                self._take(key, _exported(value) if kind == "export" else value)

    def environment(self, assignments: Iterable[tuple[str, Maybe[str]]]) -> None:
        """Take `AIRFLOW_VAR_NAME=value`; Airflow looks for names in upper case."""
        for name, value in assignments:
            if name.startswith(_PREFIX):
                self._take(name.removeprefix(_PREFIX), value)

    def _broken(self, numbers: list[int]) -> None:
        if numbers:
            more = f" (and {len(numbers) - 1} more lines)" if numbers[1:] else ""
            problem = Malformed(f"is no NAME=value, nor a comment{more}", "syntax")
            self.gap(problem, "the line", numbers[0])

    def _astro(self, document: object) -> None:
        """Take `airflow: {variables: [{variable_name, variable_value}]}`."""
        airflow = _mapping(document).get("airflow")
        listed = _mapping(airflow).get("variables")
        if not isinstance(document, Mapping) or not isinstance(
            listed, list | type(None)
        ):
            raise Malformed("has no list `variables` under `airflow`")
        for item in cast("list[object] | None", listed) or []:
            fields = _mapping(item)
            self._take(fields.get("variable_name"), fields.get("variable_value"))

    # --------------------------------------------------------------------- entry

    def _take(self, name: object, value: object) -> None:
        """Take one variable; what is no text, and what says secret, is not known."""
        if len(self.entries) >= MAX_ENTRIES and name not in self.entries:
            if len(self.gaps) == 0 or self.gaps[-1].reason != "too_large":
                problem = Malformed(f"holds more than {MAX_ENTRIES:,}", "too_large")
                self.gap(problem, "the file")
        elif not isinstance(name, str) or not name:
            self.gap(Malformed("has a name that is no text"), "a variable")
        elif isinstance(value, Entry):
            self.entries[name] = _without_secrets(name, value)
        elif isinstance(value, str):
            self.entries[name] = _without_secrets(name, Entry(value, _parsed(value)))
        else:
            self.entries[name] = HIDDEN


def _exported(value: object) -> object:
    """
    Return the variable that `airflow variables export` wrote as `value`.

    It writes what a text means as JSON, and a text that means nothing as it is: of an
    object's or a decimal's text only the meaning is left ("1.10" became 1.1).
    """
    if isinstance(value, Mapping):
        fields = cast("Mapping[object, object]", value)
        if set(fields) == {"value", "description"}:
            return _exported_value(fields["value"])
        if "value" in fields:
            # versions disagree whether that is the variable or its description's
            return HIDDEN
        return _exported_value(fields)
    return _exported_value(value)


def _exported_value(value: object) -> object:
    if isinstance(value, str):
        return value
    exact = value is None or isinstance(value, bool | int)
    return Entry(json.dumps(value) if exact else UNSET, value)


def _parsed(text: str) -> Maybe[object]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return UNSET
    return value


def _without_secrets(name: str, entry: Entry) -> Entry:
    """Return `entry` without what is secret, or too large to use."""
    text, data = entry.text, entry.data
    cleaned = without_masked(name, data)
    too_large = isinstance(text, str) and len(text) > MAX_VALUE
    if too_large or is_masked(name, text) or (data is not UNSET and has_holes(cleaned)):
        text = UNSET
    return Entry(text, cleaned)


def _mapping(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}
