"""The record of a rule: what a rule file holds, after it was checked."""

from typing import Literal

from msgspec import field

from dagwarden.facts import Record

Severity = Literal["info", "low", "medium", "high", "critical"]
Confidence = Literal["certain", "likely"]
# engineer: shown to whoever edits the file at hand; auditor: shown on request
Persona = Literal["engineer", "auditor"]
# what a rule must have been given before it says anything
Need = Literal["dags", "repository", "connections", "snapshot"]
Scalar = str | int | float | bool

SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")

FAMILIES = (
    "credentials",
    "identity",
    "invocation",
    "grants",
    "access",
    "keys",
    "lateral",
    "lifetimes",
    "audit",
    "evidence",
)


class Control(Record, frozen=True, kw_only=True):
    """Which criterion a rule gives evidence for, why, and what it leaves open."""

    soc2: str
    because: str
    does_not_cover: str


class Parameter(Record, frozen=True, kw_only=True):
    """A value an operator may set, with its type given by `default` and bounds."""

    default: Scalar | tuple[str, ...]
    description: str
    minimum: float | None = None
    maximum: float | None = None


class Parsed(Record, frozen=True):
    """An expression after it was parsed: what judging need not work out again."""

    tree: bytes  # its syntax tree as CEL serialises it
    # paths of the subject's fields, sorted; with each, the parameters in whose lists it
    # is looked for, where that is all that is asked of it
    reads: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


class Rule(Record, frozen=True, kw_only=True):
    """
    One rule.

    `when` chooses the population among the facts of kind `subject`, `assert_` is the
    test; both are CEL over `subject` and `params`. `cause` lists fields of the
    subject: verdicts that agree in them have one cause and make one finding; empty:
    every subject is its own cause. `supersedes` names rules whose finding on the same
    subject is not shown when this rule fails on it.
    """

    id: str
    version: str
    title: str
    family: str
    severity: Severity
    confidence: Confidence
    persona: Persona
    needs: tuple[Need, ...]
    subject: str
    when: str
    assert_: str
    message: str  # "{field.path}" names a field of the subject
    what: str  # what it does
    why: str  # why it matters
    remediation: str  # how to fix it
    controls: tuple[Control, ...]
    cause: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    params: dict[str, Parameter] = field(default_factory=dict[str, Parameter])
    supersedes: tuple[str, ...] = ()
    # sha256 of the rule file's bytes, and where it lies (bundle-relative or a path)
    sha256: str = ""
    source: str = ""
    # True: shipped with dagwarden
    bundled: bool = True
    # `when` and `assert_`; None: nobody parsed them yet
    parsed: tuple[Parsed, Parsed] | None = None
    # `remediation` without what depends on the subject; None: nobody left that out yet
    general: str | None = None
