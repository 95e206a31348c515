"""
Rule files: YAML to `Rule`, with every problem found at once.

Rules are checked against the fact schema; those that are shipped, when the wheel is
built. Own rule directories are foreign input: sizes are bounded, YAML aliases are
refused and symlinks are not followed out of them.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import msgspec
from msgspec import Struct

from dagwarden.errors import RuleError, plainly, shown
from dagwarden.expression import checks
from dagwarden.expression.checks import suggestion
from dagwarden.facts import KINDS, Fact
from dagwarden.policy.document import MAX_DEPTH, BadYaml, Node, plain, read_tree
from dagwarden.policy.evaluate import ALONE, PLACEHOLDER, out_of_bounds
from dagwarden.rule import (
    FAMILIES,
    SEVERITIES,
    Confidence,
    Control,
    Need,
    Parameter,
    Persona,
    Rule,
    Severity,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

MAX_BYTES: Final = 256 * 1024  # of one rule file
MAX_FILES: Final = 1_000  # in one directory of own rules

Expected = Literal["pass", "fail", "not_applicable", "unknown"]


class Example(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subject as a rule would see it, and what the rule shall say of it."""

    name: str
    subject: dict[str, Any]
    expect: Expected


class RuleFile(Struct, frozen=True, kw_only=True):
    """One rule with its examples, as written."""

    rule: Rule
    examples: tuple[Example, ...]
    lines: tuple[int, ...]  # of each example


def shipped_rule_files(*, check: bool = False) -> tuple[RuleFile, ...]:
    """Return the shipped rules with their examples; checked only when asked to."""
    return _load([(_shipped(), "rules", True)], reserved=(), check=check)


def rules_to_ship(folder: "Traversable") -> tuple[Rule, ...]:
    """Return the rules of `folder`, checked as shipped ones; RuleError if one is bad."""
    found = _load([(folder, "rules", True)], reserved=())
    return tuple(rule_file.rule for rule_file in found)


def load_rule_files(
    own: Sequence[Path], shipped: Sequence[Rule] = ()
) -> tuple[RuleFile, ...]:
    """Return the rules of the `own` directories, checked, with their examples."""
    return _load([(folder, str(folder), False) for folder in own], reserved=shipped)


def criteria() -> dict[str, str]:
    """Return the SOC 2 criteria of shipped rules, each with our short paraphrase."""
    entries: dict[str, str] = _soc2()["criteria"]
    return entries


def all_criteria() -> frozenset[str]:
    """Return every SOC 2 criterion and series: what a company may name."""
    series: dict[str, int] = _soc2()["series"]
    return frozenset(series) | {
        f"{name}.{number}"
        for name, count in series.items()
        for number in range(1, count + 1)
    }


def _may_name(shipped: bool) -> frozenset[str]:
    # a shipped rule gives evidence only for what we have words for
    return frozenset(criteria()) if shipped else all_criteria()


def _soc2() -> dict[str, Any]:
    file = _shipped() / "frameworks" / "soc2.yaml"
    entries: dict[str, Any] = plain(read_tree(file.read_bytes()))
    return entries


def _shipped() -> "Traversable":
    from dagwarden.bundle import bundled

    return bundled("rules")


# --------------------------------------------------------------------------- files

_Place = tuple["Traversable", str, bool]  # directory, its name in messages, shipped


def _load(
    places: Sequence[_Place], *, reserved: Sequence[Rule], check: bool = True
) -> tuple[RuleFile, ...]:
    problems: list[str] = []
    found: list[RuleFile] = []
    for folder, name, shipped in places:
        controls = _may_name(shipped) if check else frozenset[str]()
        for file, place, family in _rule_files(folder, name, problems):
            reader = _Reader(place, controls, check)
            rule_file = reader.read(file, family, shipped)
            problems += reader.problems
            if rule_file:
                found.append(rule_file)
    if check:
        problems += _between(found, reserved)
    if problems:
        raise RuleError(tuple(problems))
    return tuple(sorted(found, key=lambda rule_file: rule_file.rule.id))


def _rule_files(
    folder: "Traversable", name: str, problems: list[str]
) -> Iterator[tuple["Traversable", str, str]]:
    """Yield (file, its place in messages, its directory's name), sorted by place."""
    if not folder.is_dir():
        problems.append(f"{name}: is no directory; give the directory of your rules")
        return
    for number, found in enumerate(_yaml_files(folder, folder, name, 0, problems), 1):
        if number > MAX_FILES:
            problems.append(f"{name}: holds more than {MAX_FILES} rule files; split it")
            return
        yield found


def _yaml_files(
    root: "Traversable",
    here: "Traversable",
    place: str,
    depth: int,
    problems: list[str],
) -> Iterator[tuple["Traversable", str, str]]:
    try:
        entries = sorted(here.iterdir(), key=lambda entry: entry.name)
    except OSError as error:
        problems.append(f"{place}: cannot be read: {error.strerror}")
        return
    for entry in entries:
        where = f"{place}/{entry.name}"
        if entry.name.startswith("."):
            continue
        linked = isinstance(entry, Path) and entry.is_symlink()
        if linked and _leads_out(entry, root):
            problems.append(f"{where}: is a symlink out of the rules; copy the file")
        elif entry.is_dir():
            if depth == MAX_DEPTH:
                problems.append(f"{where}: lies too deep; move it up")
            elif not linked and not (depth == 0 and entry.name == "frameworks"):
                yield from _yaml_files(root, entry, where, depth + 1, problems)
        elif entry.name.endswith((".yaml", ".yml")):
            if entry.is_file():  # opening a pipe would wait for ever
                yield entry, where, here.name
            else:
                problems.append(f"{where}: is no regular file; remove it")


def _leads_out(entry: "Traversable", root: "Traversable") -> bool:
    if not isinstance(entry, Path) or not isinstance(root, Path):
        return False  # inside a zip there are no symlinks
    try:
        return not entry.resolve(strict=True).is_relative_to(root.resolve())
    except (OSError, RuntimeError):  # dangling, or a loop
        return True


# ---------------------------------------------------------------------- one rule

REQUIRED: Final[dict[str, Any]] = {
    "id": str,
    "version": str,
    "title": str,
    "severity": Severity,
    "confidence": Confidence,
    "persona": Persona,
    "needs": tuple[Need, ...],
    "subject": str,
    "when": str,
    "assert": str,
    "message": str,
    "what": str,
    "why": str,
    "remediation": str,
    "controls": tuple[Control, ...],
    "examples": tuple[Example, ...],
}
OPTIONAL: Final[dict[str, Any]] = {
    "family": str,
    "cause": tuple[str, ...],
    "evidence": tuple[str, ...],
    "params": dict[str, Parameter],
    "supersedes": tuple[str, ...],
}
_KNOWN = {**REQUIRED, **OPTIONAL}
WORDS_OF: Final[dict[str, tuple[str, ...]]] = {
    "severity": SEVERITIES,
    "confidence": get_args(Confidence),
    "persona": get_args(Persona),
}
_NAME = r"[a-z][a-z0-9]*(-[a-z0-9]+)*"
_VERSION = r"[0-9]+\.[0-9]+\.[0-9]+"
_PARAM_NAME = r"[a-z][a-z0-9_]*"
_FIXES = ("no-", "require-", "must-", "disallow-", "ban-")


class _Reader:
    """Reads one rule file and collects what is wrong with it."""

    def __init__(self, place: str, controls: frozenset[str], check: bool) -> None:
        self.place = place
        self.controls = controls
        self.check = check
        self.problems: list[str] = []

    def problem(self, line: int, what: str) -> None:
        self.problems.append(f"{self.place}:{line}: {what}")

    def read(self, file: "Traversable", family: str, shipped: bool) -> RuleFile | None:
        data = self._bytes(file)
        if data is None:
            return None
        try:
            tree = read_tree(data)
        except BadYaml as error:
            self.problem(error.line, str(error))
            return None
        if not isinstance(tree.value, dict):
            self.problem(tree.line, "is no rule; see `dagwarden rules show` for one")
            return None
        top = tree.value
        values = self._values(top)
        subject = KINDS.get(values.get("subject", ""), ("", None))[1]
        if self.check:
            self._names(top, values, file.name, family, shipped)
            self._parameters(top, values)
            if subject:
                self._against_schema(top, values, subject)
        if self.problems:
            return None
        rule = Rule(
            **{
                "assert_" if name == "assert" else name: values[name]
                for name in _KNOWN
                if name in values and name not in ("examples", "family")
            },
            family=values.get("family", family),
            sha256=hashlib.sha256(data).hexdigest(),
            source=self.place,
            bundled=shipped,
        )
        examples = top["examples"].value
        return RuleFile(
            rule=rule,
            examples=values["examples"],
            lines=tuple(e.line for e in examples) if isinstance(examples, list) else (),
        )

    def _bytes(self, file: "Traversable") -> bytes | None:
        try:
            with file.open("rb") as opened:
                data = opened.read(MAX_BYTES + 1)
        except OSError as error:
            self.problem(1, f"cannot be read: {error.strerror}")
            return None
        if len(data) > MAX_BYTES:
            self.problem(1, f"is larger than {MAX_BYTES // 1024} KB; split the rule")
            return None
        return data

    def _values(self, top: dict[str, Node]) -> dict[str, Any]:
        """Return the fields that have the right type."""
        values: dict[str, Any] = {}
        for name, node in top.items():
            if name not in _KNOWN:
                near = suggestion(name, list(_KNOWN))
                self.problem(node.line, f"a rule has no field {_word(name)}{near}")
            elif (value := self._typed(name, node)) is not None:
                values[name] = value
        missing = [name for name in REQUIRED if name not in top]
        if len(missing) == 1:
            self.problem(1, f"the field {missing[0]} is missing; add it")
        elif missing:
            self.problem(1, f"fields are missing: {', '.join(missing)}; add them")
        return values

    def _typed(self, name: str, node: Node) -> Any:
        before = len(self.problems)
        value = plain(node)
        if name in WORDS_OF and value not in WORDS_OF[name]:
            near = suggestion(str(value), WORDS_OF[name])
            self.problem(node.line, f"there is no {name} {_word(value)}{near}")
        elif name == "needs" and isinstance(node.value, list):
            for item in node.value:
                if item.value not in get_args(Need):
                    near = suggestion(str(item.value), get_args(Need))
                    self.problem(
                        item.line, f"there is no need {_word(item.value)}{near}"
                    )
        elif name in ("controls", "examples") and isinstance(node.value, list):
            record: type[Struct] = Control if name == "controls" else Example
            for item in node.value:
                self._record(item, record, name)
        elif name == "params" and isinstance(node.value, dict):
            for item in node.value.values():
                self._record(item, Parameter, name)
        if len(self.problems) > before:
            return None
        try:
            return msgspec.convert(value, _KNOWN[name])
        except msgspec.ValidationError as error:
            self.problem(node.line, f"{name}: {_in_words(error)}")
            return None

    def _record(self, node: Node, record: type[Struct], name: str) -> None:
        """Check one entry of a list or table of records."""
        if not isinstance(node.value, dict):
            self.problem(node.line, f"{name}: an entry is a table of fields")
            return
        names = record.__struct_fields__
        for key, item in node.value.items():
            if key not in names:
                near = suggestion(key, names)
                self.problem(item.line, f"{name}: there is no field {_word(key)}{near}")
        known = {k: plain(v) for k, v in node.value.items() if k in names}
        try:
            msgspec.convert(known, record)
        except msgspec.ValidationError as error:
            self.problem(node.line, f"{name}: {_in_words(error)}")

    def _names(
        self,
        top: dict[str, Node],
        values: dict[str, Any],
        file_name: str,
        family: str,
        shipped: bool,
    ) -> None:
        """Check what a field may say, beyond its type."""

        def line(name: str) -> int:
            return top[name].line

        if "id" in values:
            name = values["id"]
            if not re.fullmatch(_NAME, name):
                self.problem(line("id"), f"id: {name} is not lower-case-with-dashes")
            if name.startswith(_FIXES):
                self.problem(
                    line("id"), f"id: {name} names a fix; name the flaw, after 'allow'"
                )
            if file_name.rpartition(".")[0] != name:
                self.problem(line("id"), f"id: the file of {name} is {name}.yaml")
        if "version" in values and not re.fullmatch(_VERSION, values["version"]):
            self.problem(line("version"), "version: write three numbers, as 1.0.0")
        given = values.get("family", family)
        if given not in FAMILIES:
            self.problem(
                line("family") if "family" in values else 1,
                f"there is no family {_word(given)} (the directory's name); "
                f"write `family:` with one of {', '.join(FAMILIES)}",
            )
        if "subject" in values and values["subject"] not in KINDS:
            near = suggestion(values["subject"], list(KINDS))
            what = _word(values["subject"])
            self.problem(line("subject"), f"there is no fact {what}{near}")
        if "needs" in values and not values["needs"]:
            self.problem(
                line("needs"), "needs: name at least one of dags, connections, snapshot"
            )
        for name in ("controls", "examples"):
            if shipped and name in values and not values[name]:
                self.problem(line(name), f"{name}: give at least one")
        for number, control in enumerate(values.get("controls", ())):
            if control.soc2 not in self.controls:
                near = suggestion(control.soc2, sorted(self.controls))
                items = top["controls"].value
                at = items[number].line if isinstance(items, list) else 1
                what = _word(control.soc2)
                self.problem(at, f"there is no SOC 2 criterion {what}{near}")

    def _parameters(self, top: dict[str, Node], values: dict[str, Any]) -> None:
        for name, param in values.get("params", {}).items():
            nodes = top["params"].value
            line = nodes[name].line if isinstance(nodes, dict) else 1
            if not re.fullmatch(_PARAM_NAME, name):
                self.problem(line, f"params: {name} is not lower_case_with_underscores")
            bounds = (param.minimum, param.maximum)
            numeric = isinstance(param.default, int | float) and not isinstance(
                param.default, bool
            )
            if not numeric and bounds != (None, None):
                self.problem(line, f"params: {name} is no number and has no bounds")
            elif what := out_of_bounds(param, param.default):
                self.problem(line, f"params: the default of {name} {what}")

    def _against_schema(
        self, top: dict[str, Node], values: dict[str, Any], subject: type[Fact]
    ) -> None:
        params = {name: p.default for name, p in values.get("params", {}).items()}
        where = "true"
        for name in ("when", "assert"):
            if name in values:
                found = checks.check(values[name], subject, params, where=where)
                for what in found:
                    self.problem(top[name].line, f"{name}: {what}")
                where = "true" if found else values[name]
        named = {
            "message": PLACEHOLDER().findall(values.get("message", "")),
            "remediation": [
                found["path"]
                for found in ALONE().finditer(values.get("remediation", ""))
            ],
            "evidence": values.get("evidence", ()),
            "cause": values.get("cause", ()),
        }
        for name, paths in named.items():
            for path in paths:
                if problem := _bad_path(subject, path):
                    self.problem(top[name].line, f"{name}: {problem}")


def _word(value: object) -> str:
    return shown(value).strip("'")


def _bad_path(subject: type[Fact], path: str) -> str | None:
    steps = tuple(path.split("."))
    for length in range(1, len(steps) + 1):
        if checks.type_at(subject, steps[:length]) is None:
            near = suggestion(
                steps[length - 1], checks.fields_of(subject, steps[: length - 1])
            )
            return f"there is no field {path}{near}"
    return None


def _in_words(error: msgspec.ValidationError) -> str:
    """Return msgspec's words without its `$` paths."""
    text = plainly(error).replace("`", "")
    what, _, path = text.partition(" - at $")
    return f"{what} (at {path.lstrip('.')})" if path else what


# kinds whose subjects belong to one task each
# A credential in a file, and what is given it.
_CARRIED = ({"embedded_secret", "task"}, {"embedded_secret", "connection"})
_OF_TASKS = frozenset({"task", "call", "task_identity", "path", "lifetime_chain"})


def _may_meet(kind: str, other: str) -> bool:
    """Tell whether failures on subjects of two kinds can have one cause."""
    pair = {kind, other}
    return kind == other or pair <= _OF_TASKS or pair in _CARRIED


def _between(found: Sequence[RuleFile], reserved: Sequence[Rule]) -> Iterator[str]:
    """Check what rules say of each other."""
    shipped = {rule.id for rule in reserved}
    first: dict[str, Rule] = {}
    for rule in (rule_file.rule for rule_file in found):
        if rule.id in shipped:
            yield f"{rule.source}:1: {rule.id} is a shipped rule; choose another id"
        elif rule.id in first:
            yield f"{rule.source}:1: {rule.id} stands in {first[rule.id].source} too"
        first.setdefault(rule.id, rule)
    known = {**{rule.id: rule for rule in reserved}, **first}
    for rule in first.values():
        for other in rule.supersedes:
            if other not in known:
                near = suggestion(other, list(known))
                yield f"{rule.source}:1: supersedes: there is no rule {other}{near}"
            elif other == rule.id:
                yield f"{rule.source}:1: supersedes: a rule cannot supersede itself"
            elif not _may_meet(known[other].subject, rule.subject):
                yield (
                    f"{rule.source}:1: supersedes: {other} judges another kind of "
                    f"fact ({known[other].subject}); drop it"
                )
