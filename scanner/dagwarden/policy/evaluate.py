"""
Judging: every rule says PASS, FAIL, UNKNOWN or nothing of every fact of its kind.

A rule is evaluated once for each distinct combination of what its expressions ask of
a subject, and its answer is multiplied back to all subjects that share it.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, compress, count
from operator import attrgetter
from typing import Any, TypeAlias, cast

import msgspec
from msgspec import UNSET, Struct

from dagwarden.errors import ConfigError, InternalError
from dagwarden.expression import (
    UNKNOWN,
    Answer,
    Expression,
    ExpressionError,
    Path,
    as_data,
    compile_expression,
)
from dagwarden.facts import (
    CloudRun,
    Connection,
    EmbeddedSecret,
    Fact,
    Facts,
    Grant,
    IdentityRef,
    Record,
    Task,
    Unresolved,
    facts_of,
)
from dagwarden.findings import (
    FAIL,
    EvidenceItem,
    Judged,
    Missing,
    Outcome,
    Population,
    RuleReport,
    Verdict,
)
from dagwarden.patterns import late
from dagwarden.rule import Need, Parameter, Parsed, Rule, Scalar

Value = Scalar | tuple[str, ...]
# By the field that is read: the only texts that make a difference; None: all do.
Reads = Mapping[Path, frozenset[str] | None]


_WORD = late(r"\w+")
_NOT_GIVEN: dict[str, str] = {
    "dags": "no DAG files were given",
    "repository": "no files of a repository were given",
    "connections": "no connections were given",
    "snapshot": "no snapshot was given",
}
# By the kind of fact that a gap lost: nothing came of what was given.
_NOT_READ: dict[str, tuple[str, str]] = {
    "connections": ("connection", "the connections that were given could not be read"),
    "snapshot": ("snapshot", "the snapshot that was given could not be read"),
}


Noted: TypeAlias = tuple[Verdict, Fact]


class Judgement(Record, frozen=True, kw_only=True):
    """
    What the rules said.

    `notable` are, by rule, the verdicts that FAIL or are UNKNOWN, each with its subject,
    in the order of rules, then of facts; `reports` has one entry per rule with its
    population, waivers not yet taken off.
    """

    judged: tuple[Judged, ...]  # one for each kind of fact
    notable: dict[str, Sequence[Noted]]
    reports: tuple[RuleReport, ...]


def judge(
    rules: Sequence[Rule],
    facts: Facts,
    params: Mapping[str, Mapping[str, Value]],
    given: frozenset[Need],
) -> Judgement:
    """
    Judge `facts` by `rules`, with the operator's `params` over the rules' defaults.

    A rule that needs what was not `given` is not run. Raises ConfigError for
    parameters that no rule has or that are out of bounds, and InternalError where a
    rule has no answer for a subject.
    """
    check_params(rules, params)
    in_force = {rule.id: params_of(rule, params.get(rule.id, {})) for rule in rules}
    not_run = {rule.id: _not_run(rule, facts, given) for rule in rules}
    judges = {
        rule.id: _Judge(rule, in_force[rule.id])
        for rule in rules
        if not_run[rule.id] is None and facts_of(facts, rule.subject)
    }
    classed = _all_classed(judges.values(), facts)
    said = {name: one.says(classed[one.rule.subject]) for name, one in judges.items()}
    return Judgement(
        judged=tuple(
            of_kind.judged(
                {
                    name: one.outcomes
                    for name, one in said.items()
                    if judges[name].rule.subject == kind
                }
            )
            for kind, of_kind in classed.items()
        ),
        notable={name: one.notable for name, one in said.items()},
        reports=tuple(
            _report(
                rule,
                in_force[rule.id],
                tuple(sorted(params.get(rule.id, {}))),
                _population(rule, facts, said.get(rule.id))
                if not_run[rule.id] is None
                else Population(),
                not_run[rule.id],
            )
            for rule in rules
        ),
    )


def _lack(need: str, facts: Facts) -> str:
    """Return why what a rule needs is not there."""
    kind, not_read = _NOT_READ.get(need, ("", ""))
    lost = any(kind in gap.kinds for gap in facts.gaps)
    return not_read if lost else _NOT_GIVEN[need]


def _not_run(rule: Rule, facts: Facts, given: frozenset[Need]) -> str | None:
    """Say in words what a rule needs that is not there; None: it runs."""
    lacking = [_lack(need, facts) for need in rule.needs if need not in given]
    return " and ".join(lacking) if lacking else None


class _Said(Record, frozen=True, kw_only=True):
    """What one rule said."""

    outcomes: tuple[Outcome, ...]  # of each class of facts
    count: Counter[Outcome]  # of facts
    notable: tuple[Noted, ...]


class _Classed:
    """Facts of one kind, in classes of those that are alike in what is read of them."""

    def __init__(self, facts: Sequence[Fact], reads: Reads) -> None:
        """Class `facts` by what is read."""
        self.facts = facts
        number: defaultdict[object, int] = defaultdict(count().__next__)
        self.classes = [number[key] for key in _read(reads, facts)]
        # the positions of those of each class
        self.positions: list[list[int]] = [[] for _ in number]
        for position, of in enumerate(self.classes):
            self.positions[of].append(position)
        self.firsts = [facts[positions[0]] for positions in self.positions]

    def count(self, outcomes: Sequence[Outcome]) -> Counter[Outcome]:
        """Return of how many facts a rule says what, given what it says of a class."""
        found: Counter[Outcome] = Counter()
        for outcome, positions in zip(outcomes, self.positions, strict=True):
            found[outcome] += len(positions)
        return found

    def judged(self, outcomes: dict[str, tuple[Outcome, ...]]) -> Judged:
        """Return what rules say; facts that none of them applies to are left out."""
        applies = [
            any(outcome is not Outcome.NOT_APPLICABLE for outcome in of_class)
            for of_class in zip(*outcomes.values(), strict=True)
        ]
        chosen = [applies[of] for of in self.classes]
        return Judged(
            ids=tuple([fact.id for fact in compress(self.facts, chosen)]),
            classes=tuple(compress(self.classes, chosen)),
            outcomes=outcomes,
        )


def _all_classed(judges: Iterable["_Judge"], facts: Facts) -> dict[str, _Classed]:
    """Return the facts that are judged, by kind, classed by all that is read of them."""
    reads: defaultdict[str, dict[Path, frozenset[str] | None]] = defaultdict(dict)
    for judge in judges:
        of_kind = reads[judge.rule.subject]
        for path, texts in judge.reads.items():
            _add(of_kind, path, texts)
    return {kind: _Classed(facts_of(facts, kind), read) for kind, read in reads.items()}


def _add(
    reads: dict[Path, frozenset[str] | None], path: Path, texts: frozenset[str] | None
) -> None:
    """Note that a field is read by one more, who tells these texts apart, or all."""
    known = reads.get(path, texts)
    reads[path] = None if known is None or texts is None else known | texts


class _Judge:
    """One rule, compiled; remembers its answers by what it read."""

    def __init__(self, rule: Rule, params: Mapping[str, Value]) -> None:
        self.rule = rule
        when, assert_ = rule.parsed or (None, None)
        self.when = _compiled(rule, rule.when, when)
        self.assert_ = _compiled(rule, rule.assert_, assert_)
        self.params = {k: _plain(v) for k, v in params.items()}
        self.reads = self._find_reads()
        self.paths = tuple(self.reads)
        # no field is read that these do not name
        self._words = frozenset(_WORD().findall(f"{rule.when} {rule.assert_}"))

    def _find_reads(self) -> Reads:
        """Return what is read, with the texts of the lists that it is looked for in."""
        found: dict[Path, frozenset[str] | None] = {}
        for expression in (self.when, self.assert_):
            for path, names in expression.reads.items():
                _add(found, path, self._texts(names) if names else None)
        return dict(sorted(found.items()))

    def _texts(self, names: Iterable[str]) -> frozenset[str]:
        lists = (cast(list[str], self.params[name]) for name in names)
        return frozenset(chain.from_iterable(lists))

    def says(self, classed: _Classed) -> _Said:
        """Return what the rule says of facts that are classed by all that it reads."""
        outcomes = self._outcomes(classed.firsts)
        return _Said(
            outcomes=outcomes,
            count=classed.count(outcomes),
            notable=tuple(self._notable(classed, outcomes)),
        )

    def _outcomes(self, subjects: Sequence[Fact]) -> tuple[Outcome, ...]:
        """Ask once of all subjects that are alike in what the rule reads."""
        known: dict[object, Outcome] = {}
        keys = _read(self.reads, subjects)
        for key, subject in zip(keys, subjects, strict=True):
            if key not in known:
                known[key] = self._evaluate(subject)
        return tuple([known[key] for key in keys])

    def _notable(
        self, classed: _Classed, outcomes: Sequence[Outcome]
    ) -> Iterator[Noted]:
        """Yield the verdicts on facts of classes that FAIL or are UNKNOWN."""
        rule = self.rule
        positions = (
            classed.positions[of]
            for of, outcome in enumerate(outcomes)
            if outcome is Outcome.FAIL or outcome is Outcome.UNKNOWN
        )
        # those of a class lack the same fields, each for reasons of its own
        absent = [
            _absent(first, self.paths) if outcome is Outcome.UNKNOWN else {}
            for first, outcome in zip(classed.firsts, outcomes, strict=True)
        ]
        known: dict[tuple[int, tuple[Unresolved, ...]], tuple[Missing, ...]] = {}
        for position in sorted(chain.from_iterable(positions)):
            of, subject = classed.classes[position], classed.facts[position]
            outcome = outcomes[of]
            if outcome is FAIL:
                yield Verdict(rule.id, subject.id, outcome), subject
                continue
            # many lack the same for the same reasons
            key = of, subject.unresolved
            if key not in known:
                known[key] = _missing(subject, absent[of], rule.subject)
            yield Verdict(rule.id, subject.id, outcome, known[key]), subject

    def _evaluate(self, subject: Fact) -> Outcome:
        data = as_data(subject, self._words)
        try:
            return outcome_of(self.when, self.assert_, data, self.params)
        except ExpressionError as error:
            raise InternalError(
                f"rule {self.rule.id} has no answer for {subject.id}: {error}",
                where=self.rule.source,
                remedy="mend the rule's expressions, or leave it out with `ignore`",
            ) from None


def outcome_of(
    when: Expression,
    assert_: Expression,
    subject: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Outcome:
    """Return what a rule says of one subject given as plain data."""
    applies = when.evaluate(subject, params)
    if applies is False:
        return Outcome.NOT_APPLICABLE
    if applies is UNKNOWN:
        return Outcome.UNKNOWN
    answer: Answer = assert_.evaluate(subject, params)
    if answer is UNKNOWN:
        return Outcome.UNKNOWN
    return Outcome.PASS if answer else Outcome.FAIL


def _compiled(rule: Rule, text: str, parsed: Parsed | None) -> Expression:
    try:
        return compile_expression(text, parsed)
    except ExpressionError as error:
        raise InternalError(
            f"rule {rule.id} does not compile: {error}",
            where=rule.source,
            remedy="install dagwarden again, or report this",
        ) from None


def _read(reads: Reads, subjects: Sequence[Fact]) -> list[object]:
    """Return what all that is read tells of each subject, to be compared."""
    # a pass over all of them for each field would take twice as long
    plain = [
        path[0] for path, texts in reads.items() if texts is None and len(path) == 1
    ]
    columns = [
        _column(path, texts, subjects)
        for path, texts in reads.items()
        if texts is not None or len(path) != 1
    ]
    if plain:
        columns.append(list(map(attrgetter(*plain), subjects)))
    if len(columns) == 1:
        return columns[0]
    return list(zip(*columns, strict=True)) or [None] * len(subjects)


# Stands for all texts that make no difference.
_OTHER = object()


def _column(
    path: Path, texts: frozenset[str] | None, subjects: Sequence[Fact]
) -> list[object]:
    """Return what lies at a path in each subject, as far as it makes a difference."""
    try:
        found = list(map(attrgetter(".".join(path)), subjects))
    except AttributeError:  # a path that ends early in one of them, or a map
        found = [_value_at(subject, path) for subject in subjects]
    if texts is None:
        return found
    return [
        _OTHER if isinstance(one, str) and one not in texts else one for one in found
    ]


def _value_at(subject: Any, path: Path) -> object:
    """Return what lies at `path`, as far as it is there."""
    for name in path:
        if isinstance(subject, dict):
            return tuple(sorted(cast(dict[str, str], subject).items()))
        if subject is UNSET or subject is None:
            return subject
        subject = getattr(subject, name)
    return subject


def _absent(subject: Fact, paths: Sequence[Path]) -> dict[str, str]:
    """Return the fields over which a subject is UNKNOWN, and a path into each."""
    absent = {
        path[0]: ".".join(path) for path in paths if _value_at(subject, path) is UNSET
    }
    # none: something inside a list
    return absent or {path[0]: ".".join(path) for path in paths}


def _missing(
    subject: Fact, absent: Mapping[str, str], kind: str
) -> tuple[Missing, ...]:
    """Return what would decide an UNKNOWN over `absent` fields, sorted."""
    found = {
        (entry.reason, entry.symbol)
        for entry in subject.unresolved
        if entry.field.partition(".")[0] in absent
    }
    if not found:
        found = {("dynamic", f"{path} of {kind}") for path in absent.values()}
    return tuple([Missing(reason=r, symbol=s) for r, s in sorted(found)])


# -------------------------------------------------------------------- bookkeeping


def _population(rule: Rule, facts: Facts, said: _Said | None) -> Population:
    """Return the account of a rule that ran; it said nothing where it had no facts."""
    count = Counter[Outcome]() if said is None else said.count
    read = len(facts_of(facts, rule.subject))
    excluded = sum(e.count for e in facts.excluded if e.kind == rule.subject)
    unreadable = sum(rule.subject in gap.kinds for gap in facts.gaps)
    return Population(
        discovered=read + excluded + unreadable,
        excluded=excluded,
        unreadable=unreadable,
        not_applicable=count[Outcome.NOT_APPLICABLE],
        passed=count[Outcome.PASS],
        failed=count[Outcome.FAIL],
        unknown=count[Outcome.UNKNOWN],
    )


# What a report says of a rule just as the rule does.
_AS_IN_RULE = tuple(
    name
    for name in RuleReport.__struct_fields__
    if name in Rule.__struct_fields__ and name not in ("params", "remediation")
)


def _report(
    rule: Rule,
    params: dict[str, Value],
    overridden: tuple[str, ...],
    population: Population,
    not_run: str | None,
) -> RuleReport:
    return RuleReport(
        **{name: getattr(rule, name) for name in _AS_IN_RULE},
        remediation=general_remediation(rule),
        params=params,
        overridden=overridden,
        population=population,
        not_run=not_run,
    )


def check_params(
    rules: Sequence[Rule], params: Mapping[str, Mapping[str, Value]]
) -> None:
    """Raise ConfigError for every parameter that no rule has or that is out of bounds."""
    if not params:
        return
    from dagwarden.expression.checks import suggestion

    known = {rule.id: rule for rule in rules}
    problems: list[str] = []
    for rule_id, values in sorted(params.items()):
        rule = known.get(rule_id)
        if rule is None:
            near = suggestion(rule_id, list(known))
            problems.append(f"params: there is no rule {rule_id}{near}")
            continue
        for name, value in sorted(values.items()):
            param = rule.params.get(name)
            if param is None:
                near = suggestion(name, list(rule.params))
                problems.append(f"params: {rule_id} has no parameter {name}{near}")
            elif what := out_of_bounds(param, value):
                problems.append(f"params: {rule_id}.{name} {what}")
    if problems:
        raise ConfigError("; ".join(problems))


def out_of_bounds(param: Parameter, value: object) -> str | None:
    """Say what is wrong with a parameter's value; None when nothing is."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(param.default, float) and number:
        pass  # a whole number is a number too
    elif isinstance(param.default, tuple):
        items = cast(tuple[object, ...], value if isinstance(value, tuple) else (None,))
        if not all(isinstance(item, str) for item in items):
            return "is no list of texts"
    elif type(value) is not type(param.default):
        return f"is no {_KINDS_OF_VALUE[type(param.default)]}"
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return "is no finite number"
        if param.minimum is not None and value < param.minimum:
            return f"is below its minimum {param.minimum:g}"
        if param.maximum is not None and value > param.maximum:
            return f"is above its maximum {param.maximum:g}"
    return None


_KINDS_OF_VALUE = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
}


def params_of(rule: Rule, given: Mapping[str, Value]) -> dict[str, Value]:
    """Return the parameters in force: `given` over the defaults, by name."""
    return {
        name: _typed(param, given.get(name, param.default))
        for name, param in sorted(rule.params.items())
    }


def _typed(param: Parameter, value: Value) -> Value:
    if isinstance(param.default, float) and isinstance(value, int):
        return float(value)
    return value


def _plain(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


# ----------------------------------------------------------------------- in words

PLACEHOLDER = late(r"\{([^{}]*)\}")
# In a remediation only a placeholder with a line of its own is one: within a
# line, braces are JSON, Jinja or an f-string far more often.
ALONE = late(
    r"^(?P<indent> *)\{(?P<path>[a-z][a-z0-9_.]*)\} *(?P<after>\n+|\Z)", re.MULTILINE
)
_SHOWN = 3  # items of a list in a message
_LISTED = 50  # items of a list in evidence
_CLOUD_RUN = late(
    r"//run\.googleapis\.com/projects/([^/]+)/locations/([^/]+)/(service|job)s/([^/]+)"
)
_KEY_ID = late(r"[0-9a-f]{8,64}")
_ACCOUNT = late(
    r"[a-z0-9-]{1,63}@(?P<project>[a-z0-9-]{1,63})\.iam\.gserviceaccount\.com"
)
_NAMES = ("KEY_ID", "ACCOUNT", "PROJECT")
# What commands of the remediations of grants say for what they stand on, and for whom.
_PARTS = late(
    r"\b(?:(?:SERVICE|JOB) --region=REGION|MEMBER|ROLE"
    r"|(?<=projects remove-iam-policy-binding )PROJECT)\b"
)
_ROLE = late(r"(?:(?:projects|organizations)/[\w.:-]+/)?roles/[\w.]+", re.ASCII)
_MEMBER = late(r"(?:serviceAccount|user|group):[\w.+-]+@[\w.-]+", re.ASCII)
_PROJECT = late(r"//cloudresourcemanager\.googleapis\.com/projects/([a-z0-9-]+)")
_OF_RUN = late(
    r"//run\.googleapis\.com/projects/([a-z0-9-]+)/locations/([a-z0-9-]+)"
    r"/(service|job)s/([a-z0-9-]+)"
)
# in a command, not in the name of an account that is only an example
_NAME = late(rf"(?<![\w@])(?:{'|'.join(_NAMES)})\b")
_RESOURCE = late(r"//[a-z]+\.googleapis\.com/")


def render_message(rule: Rule, subject: Fact) -> str:
    """Return the rule's message with the subject's values in it, as one line."""
    text, paths = _pieces(rule.message)
    return text % tuple(
        [_in_words(_values(subject, path), brief=True) for path in paths]
    )


@cache
def _pieces(message: str) -> tuple[str, list[str]]:
    """Return a message as `%` fills it in, and the paths to what it is filled with."""
    pieces = PLACEHOLDER().split(message)
    return _to_fill_in(pieces[::2]), pieces[1::2]


def _to_fill_in(texts: Iterable[str]) -> str:
    """Return `texts` with a place for `%` between each two."""
    return "%s".join([text.replace("%", "%%") for text in texts])


def render_remediation(rule: Rule, subject: Fact) -> str:
    """
    Return the rule's remediation with what mends this subject in it.

    The line of a `{field.path}` that stands alone becomes the field's values, one per
    line and as far indented; where there are none, it and the blank line after it are
    left out.
    """

    def lines(found: re.Match[str]) -> str:
        value = _values(subject, found["path"])
        items = cast(
            tuple[object, ...], value if isinstance(value, tuple) else (value,)
        )
        words = dict.fromkeys(
            found["indent"] + _in_words(item, brief=False)
            for item in items
            if item is not UNSET and item is not None
        )
        return "\n".join(words) + found["after"] if words else ""

    told = rule.remediation
    if "{" in told:
        told = ALONE().sub(lines, told)
    if isinstance(subject, (Grant, CloudRun)):
        return _in_commands(subject, told)
    # most name none, and are told thousands of times
    return _named(subject, told) if any(map(told.__contains__, _NAMES)) else told


def _in_commands(subject: Grant | CloudRun, remediation: str) -> str:
    """
    Return `remediation` with what `subject` stands on, and for whom, in its commands.

    People paste them into a shell: what is no plain name stays a word in capitals.
    """
    text, words = _commands(remediation)
    if not words:
        return remediation
    values = _on(subject.resource)
    if isinstance(subject, Grant):
        if _ROLE().fullmatch(subject.role):
            values["ROLE"] = subject.role
        if _MEMBER().fullmatch(subject.identity.key):
            values["MEMBER"] = subject.identity.key
    return text % tuple([values.get(name, word) for name, word in words])


@cache
def _commands(remediation: str) -> tuple[str, list[tuple[str, str]]]:
    """Return a remediation as `%` fills it in, and with what: names, and words else."""
    found = [*_PARTS().finditer(remediation)]
    ends = [0, *(one.end() for one in found)]
    starts = [*(one.start() for one in found), len(remediation)]
    texts = [remediation[end:start] for end, start in zip(ends, starts, strict=True)]
    return _to_fill_in(texts), [(one[0].partition(" ")[0], one[0]) for one in found]


def _on(resource: str) -> dict[str, str]:
    """Return how commands name the service, job or project that is `resource`."""
    if found := _OF_RUN().fullmatch(resource):
        project, region, kind, name = found.groups()
        return {kind.upper(): f"{name} --region={region} --project={project}"}
    if found := _PROJECT().fullmatch(resource):
        return {"PROJECT": found[1]}
    return {}


def _named(subject: Fact, remediation: str) -> str:
    """Return `remediation` with the key in its commands that `subject` is about."""
    key: Struct = subject
    if isinstance(subject, (Connection, Task)):
        # of several keys, none is meant
        key = subject.leaked_keys[0] if len(subject.leaked_keys) == 1 else subject
    account = getattr(key, "identity", None) or getattr(key, "account", None)
    key_id = getattr(key, "key_id", None)
    values: dict[str, str] = {}
    # whatever was scanned says them, and people paste what they become into a shell
    if isinstance(account, str) and (found := _ACCOUNT().fullmatch(account)):
        values |= {"ACCOUNT": account, "PROJECT": found["project"]}
    if isinstance(key_id, str) and _KEY_ID().fullmatch(key_id):
        values["KEY_ID"] = key_id
    if not values:
        return remediation
    return _NAME().sub(lambda said: values.get(said[0], said[0]), remediation)


def general_remediation(rule: Rule) -> str:
    """Return the rule's remediation without what depends on the subject."""
    # few have a brace, and the pattern looks at every place of a long text
    if "{" not in rule.remediation:
        return rule.remediation
    return ALONE().sub("", rule.remediation) if rule.general is None else rule.general


def evidence_of(rule: Rule, subject: Fact) -> tuple[EvidenceItem, ...]:
    """
    Return the values that the rule names as evidence, in its order.

    That a timeout is not set is evidence; that a password has no issuer's mark is not.
    """
    values = {path: _values(subject, path) for path in rule.evidence}
    sparse = type(subject) is EmbeddedSecret
    return tuple(
        [
            EvidenceItem(name=path, value=_in_words(value, brief=False))
            for path, value in values.items()
            if value is not None or not sparse
        ]
    )


def cause_of(rule: Rule, subject: Fact) -> str:
    """
    Return the key of the subject's cause: subjects that agree in it share a finding.

    Where a field of the cause is not established, nothing says that two subjects
    share it: each is its own.
    """
    values = [_values(subject, path) for path in rule.cause]
    if not values or UNSET in values:
        return subject.id
    return _CAUSES.encode(values).decode()


_CAUSES = msgspec.json.Encoder(order="sorted")
_getter = cache(attrgetter)


def _values(subject: object, path: str) -> object:
    """
    Return what lies at a dotted `path`; of a list, the values of all its elements.

    Where a collection is not wholly known, its known part stands in for it.
    """
    try:
        value: object = _getter(path)(subject)
    except AttributeError:  # it leads through a list, or ends early
        value = None
    if isinstance(value, str):  # as most are
        return value
    name, _, rest = path.partition(".")
    value = getattr(subject, name)
    if value is UNSET:
        value = getattr(subject, f"{name}_known", UNSET) or UNSET
    if not rest or value is UNSET or value is None:
        return value
    if isinstance(value, tuple):
        items = cast(tuple[object, ...], value)
        return tuple(_values(item, rest) for item in items)
    return _values(value, rest)


def _in_words(value: object, *, brief: bool) -> str:
    if isinstance(value, str):  # as most are
        text = _short(value) if brief and value.startswith("//") else value
        return text if text.isprintable() else _printable(text)
    if value is UNSET:
        return "not established"
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{round(value, 1) if brief else value:.15g}"
    if isinstance(value, tuple):
        return _list_in_words(cast(tuple[object, ...], value), brief=brief)
    if isinstance(value, IdentityRef):
        return _printable(value.email or value.key)
    if isinstance(value, Struct):
        return _printable(str(getattr(value, "key", "") or getattr(value, "id", "")))
    return _printable(str(value))


def _short(text: str) -> str:
    """Return a resource's full name as people say it, and all else as it is."""
    if not text.startswith("//"):
        return text
    if found := _CLOUD_RUN().fullmatch(text):
        project, region, kind, name = found.groups()
        return f"{kind} {name} ({project}, {region})"
    return _RESOURCE().sub("", text, count=1)


def _list_in_words(values: tuple[object, ...], *, brief: bool) -> str:
    limit = _SHOWN if brief else _LISTED
    words: list[str] = []
    for value in values:
        word = _in_words(value, brief=brief)
        if word not in words:
            words.append(word)
    if len(words) > limit:
        words = [*words[:limit], f"and {len(words) - limit} more"]
    return ", ".join(words) or "none"


def _printable(text: str) -> str:
    """Return `text` as one line: what a scanned name holds must not move a cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
