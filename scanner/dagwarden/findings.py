"""
What a scan ends with: verdicts, findings, and the account of everything.

`Result` depends only on inputs, rules, parameters, fingerprint key and --as-of.
`Run` is the envelope: who, when, where, with what arguments.
"""

# Hundreds of fields: a commit hook need not evaluate what they are annotated with.
from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from dagwarden.errors import SourceError, plainly, shown
from dagwarden.facts import (
    Excluded,
    Gap,
    Hop,
    Origin,
    Record,
    SourceFile,
)
from dagwarden.rule import Control, Scalar, Severity

RESULT_VERSION = "dagwarden.result/1"


class Outcome(StrEnum):
    """What a rule says of one subject."""

    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


# To look a member up in its enumeration is a call in Python 3.11: too slow for each of many.
PASS, FAIL = Outcome.PASS, Outcome.FAIL
UNKNOWN, NOT_APPLICABLE = Outcome.UNKNOWN, Outcome.NOT_APPLICABLE


class Missing(Record, frozen=True, kw_only=True):
    """One input that would decide UNKNOWN verdicts."""

    reason: str  # a facts.Reason
    symbol: str


class Verdict(Struct, frozen=True, gc=False):
    """One rule's word on one subject; there may be a million, so no collector looks."""

    rule: str
    subject: str  # the fact's id
    outcome: Outcome
    missing: tuple[Missing, ...] = ()
    # set on FAIL: the waiver's or accepted gap's id in `Result.waivers`
    waiver: str | None = None


class Judged(Record, frozen=True, kw_only=True):
    """
    The facts of one kind that rules apply to, and what these say of them.

    A rule says the same of all that are alike in what rules read, the facts of a class.
    """

    ids: tuple[str, ...]
    classes: tuple[int, ...]  # of each fact the number of its class
    outcomes: dict[str, tuple[Outcome, ...]]  # by rule, of each class


class Verdicts:
    """
    Every verdict, in the order of rules, then of facts, without NOT_APPLICABLE.

    There may be a million, nearly all of them PASS: those are made as one goes by.
    """

    def __init__(
        self, rules: Iterable[str], judged: Iterable[Judged], notable: Sequence[Verdict]
    ) -> None:
        """`notable` are those that FAIL or are UNKNOWN, in their order."""
        self._rules = tuple(rules)
        self._judged = tuple(judged)
        self._notable = notable

    def __iter__(self) -> Iterator[Verdict]:
        """Yield each."""
        by_rule = {rule: one for one in self._judged for rule in one.outcomes}
        notable = iter(self._notable)
        for rule in filter(by_rule.__contains__, self._rules):
            judged = by_rule[rule]
            outcomes = judged.outcomes[rule]
            for subject, of in zip(judged.ids, judged.classes, strict=True):
                outcome = outcomes[of]
                if outcome is PASS:
                    yield Verdict(rule, subject, outcome)
                elif outcome is not NOT_APPLICABLE:
                    yield next(notable)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._notable) + sum(map(_passed, self._judged))

    def __contains__(self, verdict: object) -> bool:
        """Tell whether `verdict` is among them."""
        return any(one == verdict for one in self)


def _passed(judged: Judged) -> int:
    """Return the number of verdicts that are PASS."""
    sizes = Counter(judged.classes)
    return sum(
        sizes[of]
        for outcomes in judged.outcomes.values()
        for of, outcome in enumerate(outcomes)
        if outcome is PASS
    )


class Population(Record, frozen=True, kw_only=True):
    """
    A rule's account: `discovered` is the sum of all the others.

    `unreadable` counts gaps that may hold subjects of the rule's kind.
    """

    discovered: int = 0
    excluded: int = 0
    unreadable: int = 0
    not_applicable: int = 0
    passed: int = 0
    failed: int = 0
    unknown: int = 0
    waived: int = 0


class RuleReport(Record, frozen=True, kw_only=True):
    """One rule in this scan."""

    id: str
    version: str
    sha256: str
    title: str
    family: str
    severity: Severity
    confidence: str
    persona: str
    subject: str
    when: str
    assert_: str
    what: str
    why: str
    remediation: str
    controls: tuple[Control, ...]
    bundled: bool
    params: dict[str, Scalar | tuple[str, ...]]  # the values in force
    overridden: tuple[str, ...]  # names in `params` that the operator set
    population: Population
    not_run: str | None = None  # why it said nothing: "no snapshot was given"


class EvidenceItem(Record, frozen=True, kw_only=True):
    """One named value that a finding rests on."""

    name: str
    value: str


class Finding(Record, frozen=True, kw_only=True):
    """
    One cause that makes one rule fail (or, for auditors, stay UNKNOWN).

    `fingerprint` names the cause over runs: it holds no line number.
    """

    fingerprint: str
    rule: str
    severity: Severity
    confidence: str
    persona: str
    outcome: Outcome  # FAIL or UNKNOWN
    title: str
    message: str
    remediation: str
    origin: Origin  # the first place to look
    subjects: tuple[str, ...]  # ids, sorted
    places: tuple[Origin, ...]  # one per subject, same order
    # where else parts are written of what `subjects` hold
    contributing: tuple[Origin, ...] = ()
    evidence: tuple[EvidenceItem, ...] = ()
    hops: tuple[Hop, ...] = ()  # the chain of the first subject
    assumes: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()
    # how many calls' chains go through what this finding would change
    chains: int = 0
    # rules whose failures this one explains: their own findings are not shown
    explains: tuple[str, ...] = ()
    # the waiver that covers every subject, if one does
    waiver: str | None = None
    # against --baseline or --new-since: "new", "unchanged"; None: no comparison
    baseline: str | None = None


class WaiverStatus(StrEnum):
    """What became of a waiver."""

    USED = "used"
    UNUSED = "unused"
    EXPIRED = "expired"
    UNAPPROVED = "unapproved"  # no approver where one is required; not applied
    REFUSED = "refused"  # the repository may not loosen (trust_repository is off)
    MALFORMED = "malformed"


class Waiver(Record, frozen=True, kw_only=True):
    """
    An accepted FAIL, or (kind `gap`) an accepted UNKNOWN.

    `subject` is a subject id pattern with `*`, or a fingerprint; "" matches the
    subjects read at `origin` (inline).
    """

    id: str
    kind: str  # "waiver", "gap", "false_positive"
    rule: str
    subject: str
    owner: str
    approver: str
    reason: str
    expires: str  # RFC 3339 date, inclusive
    origin: Origin
    inline: bool
    status: WaiverStatus
    matched: int = 0
    note: str = ""


class MissingInput(Record, frozen=True, kw_only=True):
    """One input, and what giving it would decide."""

    reason: str
    symbol: str
    verdicts: int
    rules: tuple[str, ...]


class Scope(Record, frozen=True, kw_only=True):
    """A cloud project, folder or organisation, in or out of scope, and why."""

    name: str
    label: str
    in_scope: bool
    reason: str


class EnvironmentReport(Record, frozen=True, kw_only=True):
    """An Airflow environment of the estate, as examined."""

    name: str
    runs_as: str  # words: an e-mail, "not established: ..."
    airflow: str
    dags: int
    tasks: int
    connections: int
    connections_complete: bool


class ControlReport(Record, frozen=True, kw_only=True):
    """One control of the company's own register."""

    id: str
    wording: str
    owner: str
    criteria: tuple[str, ...]
    rules: tuple[str, ...]


class SnapshotReport(Record, frozen=True, kw_only=True):
    """One snapshot, as examined."""

    scope: str
    read_time: str
    principal: str
    age_hours: float | None
    layers: dict[str, str]
    assets: int
    assets_not_modelled: int


class Difference(Record, frozen=True, kw_only=True):
    """Against an earlier result: fingerprints by what became of them."""

    against: str
    new: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    newly_unknown: tuple[str, ...] = ()


class FilesReport(Record, frozen=True, kw_only=True):
    """
    The files of the repository: `discovered` is the sum of all the others.

    A member of an archive counts as a file, a folder that was passed over as one.
    """

    discovered: int
    excluded: int
    unreadable: int
    looked_into: int


class Result(Record, frozen=True, kw_only=True):
    """Everything a scan found; the same input gives the same bytes."""

    version: str
    estate: str
    as_of: str
    gate: Severity
    strict: bool
    persona: str
    counts: dict[str, int]  # facts by kind
    environments: tuple[EnvironmentReport, ...] = ()
    scopes: tuple[Scope, ...] = ()
    snapshots: tuple[SnapshotReport, ...] = ()
    controls: tuple[ControlReport, ...] = ()
    rules: tuple[RuleReport, ...] = ()
    findings: tuple[Finding, ...] = ()  # FAILs first, most urgent first; all personas
    verdicts: Collection[Verdict] = ()  # without NOT_APPLICABLE
    unknowns: tuple[MissingInput, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    gaps: tuple[Gap, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    assumptions: tuple[str, ...] = ()
    # what looked for credentials, extras with their version
    detectors: tuple[str, ...] = ("dagwarden",)
    # the files that they looked into; None: none were given
    searched: FilesReport | None = None
    # what the scanned repository asked for: applied (tightening, or trusted) or not
    repository_requests: tuple[str, ...] = ()
    files: tuple[SourceFile, ...] = ()
    difference: Difference | None = None


class Run(Record, frozen=True, kw_only=True):
    """The envelope of one run; outside every comparison."""

    tool_version: str
    rule_pack: str  # digest over the rules in force
    started: str
    ended: str
    command: tuple[str, ...]
    python: str
    user: str
    host: str
    git_commit: str | None = None
    git_dirty: bool | None = None


class Report(Record, frozen=True, kw_only=True):
    """What `--format json` prints and `dagwarden report` reads."""

    result: Result
    run: Run


class _ResultVersion(Struct):
    version: str


class _ReportVersion(Struct):
    result: _ResultVersion


def read_report(data: bytes, where: str = "") -> Report:
    """
    Return the report that `--format json` wrote; `where` names it in errors.

    Raises SourceError where it is something else, or of another version.
    """
    remedy = "give the file that `dagwarden scan --format json` wrote"
    try:
        version = json.decode(data, type=_ReportVersion).result.version
        if version != RESULT_VERSION:
            raise SourceError(
                f"a result of version {shown(version)}, this is {RESULT_VERSION}",
                where=where,
                remedy="scan again, or use the dagwarden that wrote it",
            )
        report = json.decode(data, type=Report)
    except ValidationError as error:
        raise SourceError(
            f"not a dagwarden result: {plainly(error)}", where=where, remedy=remedy
        ) from None
    except (DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SourceError(f"not JSON: {error}", where=where, remedy=remedy) from None
    # nothing of a result changes
    verdicts = tuple(report.result.verdicts)
    return replace(report, result=replace(report.result, verdicts=verdicts))
