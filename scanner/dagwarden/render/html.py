"""
Control test evidence for an auditor: one HTML file that needs nothing else.

The templates, style and script lie in reports/. Everything a template says is made
here first; the templates only place it. Whatever was scanned reaches the page
through `visible` and autoescape, or as data that the script sets as text.
"""

import gzip
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import islice
from shlex import join
from typing import Any

import jinja2
import msgspec
from markupsafe import Markup

from dagwarden.bundle import bundled
from dagwarden.facts import Hop
from dagwarden.findings import (
    FAIL,
    UNKNOWN,
    ControlReport,
    Finding,
    Population,
    Report,
    Result,
    RuleReport,
    Verdict,
    Waiver,
)
from dagwarden.render import encode, place, total, visible
from dagwarden.render.drawing import draw_chain

DRAWN = 20  # findings whose chain is a picture as well as a list
WRITTEN = 2_000  # findings in the static page
PLACES = 50  # of one finding in the static page

# What the page says of each layer's state.
_LAYERS = {"read": "read", "partly": "read in part", "not_given": "not given"}


def render_html(report: Report) -> str:
    """Return `report` as a page titled control test evidence; needs no network."""
    result = report.result
    style, script = _shipped("report.css"), _shipped("report.js")
    fails = [f for f in result.findings if f.outcome is FAIL]
    undecided = [f for f in result.findings if f.outcome is UNKNOWN]
    waivers = {waiver.id: waiver for waiver in result.waivers}
    findings = [
        _finding(number, finding, waivers)
        for number, finding in enumerate(fails[:WRITTEN], 1)
    ]
    rules = [_rule(rule, findings) for rule in result.rules]
    page = _environment().get_template("report.html.j2")
    return page.render(
        style=Markup(style),  # noqa: S704 -- ours, from reports/
        script=Markup(script),  # noqa: S704 -- ours, from reports/
        csp=_csp(style, script),
        result=result,
        run=report.run,
        command=join(report.run.command),
        total=total(result),
        findings=findings,
        findings_left_out=len(fails) - len(findings),
        undecided=undecided[:WRITTEN],
        undecided_left_out=max(len(undecided) - WRITTEN, 0),
        rules=rules,
        not_run=[rule for rule in rules if rule["report"].not_run is not None],
        controls=[_control(control, rules) for control in result.controls],
        criteria=_criteria(rules),
        unnamed=_unnamed(result, rules),
        layers=_LAYERS,
        unknowns=sorted(
            result.unknowns, key=lambda i: (-i.verdicts, i.reason, i.symbol)
        ),
        incomplete=sum(gap.incomplete for gap in result.gaps),
        verdicts=Markup(_packed(result.verdicts)),  # noqa: S704 -- base64
        verdict_count=len(result.verdicts),
    )


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_shipped),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_printed,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = environment.filters
    filters.update(
        place=place, lines=_lines, paragraphs=_paragraphs, count=_count, utc=_utc
    )
    return environment


def _shipped(name: str) -> str:
    return (bundled("reports") / name).read_text("utf-8")


def _printed(value: object) -> object:
    """Return what `{{ value }}` prints: text made visible, numbers with commas."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, bool) or value is None:
        raise TypeError(f"a template prints {value!r}")
    if isinstance(value, int):
        return f"{value:,}"
    return visible(str(value))


def _csp(style: str, script: str) -> str:
    """Return the policy that lets exactly our style and script work."""

    def source(text: str) -> str:
        return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"

    return (
        f"default-src 'none'; style-src {source(style)}; script-src {source(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _lines(text: str) -> list[str]:
    return text.strip().splitlines()


def _paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def _utc(time: str) -> str:
    """Return an RFC 3339 time in UTC as people write it."""
    return f"{time[:10]} {time[11:-1]} UTC" if time.endswith("Z") else time


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


# ------------------------------------------------------------------------- findings


def _finding(
    number: int, finding: Finding, waivers: dict[str, Waiver]
) -> dict[str, Any]:
    label = f"F-{number}"
    return {
        "label": label,
        "report": finding,
        "hops": finding.hops,
        "drawings": _drawings(label, finding.hops) if number <= DRAWN else (),
        "places": list(
            islice(zip(finding.places, finding.subjects, strict=True), PLACES)
        ),
        "places_left_out": max(len(finding.places) - PLACES, 0),
        "waiver": waivers.get(finding.waiver) if finding.waiver else None,
    }


def _drawings(label: str, hops: Sequence[Hop]) -> tuple[Markup, ...]:
    """Return the chain for a wide page and for a narrow one; the style shows one."""
    if not hops:
        return ()
    title = f"{label}: the chain"
    return tuple(
        Markup(draw_chain(hops, title=title, columns=columns))  # noqa: S704 -- escaped there
        for columns in (3, 1)
    )


# ---------------------------------------------------------------- rules and controls


def _rule(rule: RuleReport, findings: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        "report": rule,
        "population": rule.population,
        "tested": _tested(rule.population),
        "deviations": rule.population.failed + rule.population.waived,
        "applicable": _tested(rule.population) + rule.population.unknown,
        "findings": [
            f["label"]
            for f in findings
            if rule.id in (f["report"].rule, *f["report"].explains)
        ],
        "params": [
            (name, _value(value), name in rule.overridden)
            for name, value in sorted(rule.params.items())
        ],
    }


def _tested(population: Population) -> int:
    """Return how many subjects got a definite verdict."""
    return population.passed + population.failed + population.waived


def _value(value: object) -> str:
    return msgspec.json.encode(value).decode() if value != () else "(empty)"


def _control(control: ControlReport, rules: Sequence[dict[str, Any]]) -> dict[str, Any]:
    known = {rule["report"].id: rule for rule in rules}
    return {
        "report": control,
        "rules": [known[name] for name in control.rules if name in known],
        "absent": [name for name in control.rules if name not in known],
    }


def _criteria(rules: Sequence[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Return (criterion, [(rule, control)]) sorted by criterion and rule."""
    mapped: dict[str, list[Any]] = {}
    for rule in rules:
        for control in rule["report"].controls:
            mapped.setdefault(control.soc2, []).append((rule, control))
    return sorted(mapped.items())


def _unnamed(result: Result, rules: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tests that stand under no control, or, without any, no criterion."""
    named = {name for control in result.controls for name in control.rules}
    return [
        rule
        for rule in rules
        if (
            rule["report"].id not in named
            if result.controls
            else not rule["report"].controls
        )
    ]


# ----------------------------------------------------------------------- population


def _packed(verdicts: Iterable[Verdict]) -> str:
    """
    Return every verdict as columns of numbers, compressed, in base64.

    The page does not grow with them: its script unpacks and shows some at a time.
    """
    told = tuple(verdicts)
    said = list(map(_note, told))
    rules = sorted({verdict.rule for verdict in told})
    subjects = sorted({verdict.subject for verdict in told})
    notes = sorted(set(said))
    columns = {
        "rules": rules,
        "subjects": subjects,
        "notes": [visible(note) for note in notes],
        "rule": _indices(rules, [verdict.rule for verdict in told]),
        "subject": _indices(subjects, [verdict.subject for verdict in told]),
        "note": _indices(notes, said),
        "outcome": "".join(map(_outcome, told)),
    }
    # no time in the header: equal verdicts, equal bytes
    return b64encode(gzip.compress(_compact(columns), 9, mtime=0)).decode()


def _compact(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return encode(value)


def _indices(known: Sequence[str], values: Sequence[str]) -> list[int]:
    index = {name: number for number, name in enumerate(known)}
    return [index[value] for value in values]


def _outcome(verdict: Verdict) -> str:
    """Return p(assed), f(ailed), w(aived) or u(nknown)."""
    return "w" if verdict.waiver is not None else verdict.outcome[0]


def _note(verdict: Verdict) -> str:
    """Return what decides an unknown, or the waiver."""
    if verdict.waiver is not None:
        return verdict.waiver
    if not verdict.missing:  # as nearly all
        return ""
    return ", ".join(f"{one.reason}: {one.symbol}" for one in verdict.missing)
