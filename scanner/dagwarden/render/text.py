"""
What a person reads in a terminal: what to fix first, and how.

Plain strings and a handful of ANSI codes: the commit hook prints this, so nothing
heavy is imported.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from dagwarden.facts import Excluded, Gap, Hop, Origin
from dagwarden.findings import (
    FAIL,
    Finding,
    MissingInput,
    Report,
    Result,
    Waiver,
    WaiverStatus,
)
from dagwarden.render import link, place, shown, total, visible
from dagwarden.rule import Severity

_RESET = "\x1b[0m"
_CODES = {
    "bold": "\x1b[1m",
    "dim": "\x1b[2m",
    "red": "\x1b[1;31m",
    "yellow": "\x1b[33m",
    "green": "\x1b[32m",
    "cyan": "\x1b[36m",
}
_SEVERITY_COLOUR: dict[Severity, str] = {
    "critical": "red",
    "high": "red",
    "medium": "yellow",
    "low": "cyan",
    "info": "dim",
}
# How much of each list is printed, of findings for each rule; `verbose` prints all.
_FINDINGS, _PLACES, _FIX_LINES, _INPUTS, _GAPS = 10, 3, 6, 5, 10

# What to give so that UNKNOWN becomes a verdict, by facts.Reason.
_GIVE = {
    "jinja": "rendered when the task runs",
    "environment": "environment variable of the Airflow process",
    "variable": "Airflow Variable that was not given: --variables",
    "parameter": "parameter of a function or DAG",
    "import": "name from a module outside the repository",
    "dynamic": "code that static reading cannot follow",
    "unreadable": "not read, or does not say",
    "setting": "setting of this scan or of Airflow",
    "connection": "connection that was not given: --connections",
    "layer": "layer of the snapshot, not given or partly",
    "condition": "IAM condition that depends on what is not known",
    "guardrail": "deny policy or access boundary, not known in full",
    "membership": "members of a group or domain",
    "version": "depends on a version that is not established",
}
# Those of them that an input of a scan may decide; `docs/seeing.md` says which.
_GIVEN = frozenset(
    {
        "connection",
        "layer",
        "membership",
        "setting",
        "unreadable",
        "variable",
        "version",
    }
)


def render_text(
    report: Report, *, width: int, colour: bool, verbose: bool = False
) -> str:
    """
    Return `report` for a terminal of `width` columns, ending in one summary line.

    `colour` adds ANSI codes; whatever was scanned never does. `verbose` prints every
    list whole and every chain.
    """
    page = _Page(max(width, 40), colour, verbose)
    result = report.result
    told = page.told(result)
    sections = [
        *page.findings(told),
        page.unknowns(result),
        page.not_run(result),
        page.gaps(result.gaps),
        page.left_out(result.excluded),
        page.waivers(result.waivers),
        page.requests(result),
        page.rules(told),
        page.closing(result),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def _open(result: Result) -> tuple[Finding, ...]:
    """Return what is worth mending now: what the persona is shown and is not waived."""
    return tuple(
        finding
        for finding in shown(result)
        if finding.outcome is FAIL and finding.waiver is None
    )


# Findings about a call or an identity show its chain; others lie on one.
_CHAINED = ("path:", "reach:", "task_identity:")


class _Page:
    """The terminal that is written for: its width, colour and patience."""

    def __init__(self, width: int, colour: bool, verbose: bool) -> None:
        self.width = width
        self.colour = colour
        self.verbose = verbose
        # remedies that were printed, each with the place of its finding
        self.given: dict[str, str] = {}
        self.last = ""  # what the finding above is to be mended by

    # ------------------------------------------------------------------- sections

    def told(self, result: Result) -> tuple[Finding, ...]:
        """Return the findings to tell; against an earlier result, what is new."""
        found = _open(result)
        if result.difference is None or self.verbose:
            return found
        return tuple(item for item in found if item.baseline != "unchanged")

    def findings(self, told: Sequence[Finding]) -> Iterator[list[str]]:
        """Tell the first findings of each rule, and how many more there are."""
        left, seen = _beyond(told), Counter[str]()
        for finding in told:
            rule = finding.rule
            seen[rule] += 1
            if self.verbose or seen[rule] <= _FINDINGS:
                yield self.finding(finding)
            elif seen[rule] == _FINDINGS + 1:
                yield self.wrap(
                    f"{left[rule]:,} more of {rule}: --verbose shows them all, "
                    "-o result.json too."
                )

    def rules(self, told: Sequence[Finding]) -> list[str]:
        """Count the findings of each rule, where not all were told."""
        if self.verbose or not _beyond(told):
            return []
        counts = Counter((finding.rule, finding.severity) for finding in told)
        return [
            self.paint("Findings by rule", "bold"),
            *self.table(
                (rule, f"{severity}, {_count(count, 'finding')}")
                for (rule, severity), count in counts.items()
            ),
        ]

    def finding(self, finding: Finding) -> list[str]:
        """Tell one finding: the place, what is wrong, the chain, the fix."""
        severity = self.paint(
            finding.severity.upper(), _SEVERITY_COLOUR[finding.severity]
        )
        marks = [
            *(["new"] if finding.baseline == "new" else []),
            *(["likely"] if finding.confidence != "certain" else []),
            *([_cuts(finding.chains)] if finding.chains > 1 else []),
        ]
        head = f"{severity} {self.paint(visible(finding.rule), 'bold')}"
        if marks:
            head += self.paint("  " + ", ".join(marks), "dim")
        return [
            head,
            f"  {self.paint(link(finding.origin), 'cyan')}",
            *self.wrap(finding.message, "  "),
            *(self.chain(finding.hops) if self.chained(finding) else ()),
            *self.fix(finding),
            *self.parts(finding),
            *self.further(finding),
        ]

    def chained(self, finding: Finding) -> bool:
        """Tell whether to print the chain: where it is what the finding is about."""
        if self.verbose or finding.subjects[0].startswith(_CHAINED):
            return True
        # the chain of a leaked key begins with it
        return bool(finding.hops) and finding.hops[0].kind == "authenticates_as"

    def chain(self, hops: Sequence[Hop]) -> Iterator[str]:
        """Tell each hop in words, and where it was read."""
        for number, hop in enumerate(hops):
            arrow = "chain " if number == 0 else "   -> "
            where = f"  [{_near(hop.origin)}]" if hop.origin else ""
            first, *rest = self.wrap(hop.text + where, "         ")
            yield f"  {self.paint(arrow, 'dim')} {first.lstrip()}"
            yield from rest

    def fix(self, finding: Finding) -> Iterator[str]:
        """Give the first lines of the remedy, as written; once."""
        remediation = finding.remediation
        above, self.last = self.last, remediation
        if remediation in self.given:
            same = "above" if remediation == above else f"at {self.given[remediation]}"
            yield f"  {self.paint('fix   ', 'green')} as {same}"
            return
        self.given[remediation] = link(finding.origin)
        lines = remediation.strip().splitlines()
        kept = lines if self.verbose else lines[:_FIX_LINES]
        for number, line in enumerate(kept):
            label = self.paint("fix   ", "green") if number == 0 else "      "
            yield f"  {label} {visible(line)}"
        if len(kept) < len(lines):
            yield "         ..."

    def further(self, finding: Finding) -> list[str]:
        """List the other places of the same cause."""
        others = [where for where in finding.places if where != finding.origin]
        if not others:
            return []
        # a line in a loop is the place of several subjects
        told = [
            f"{link(where)} ({count:,})" if count > 1 else link(where)
            for where, count in Counter(others).items()
        ]
        kept = told if self.verbose else told[:_PLACES]
        more = ", ..." if len(kept) < len(told) else ""
        noun = _noun(finding.subjects[0].partition(":")[0])
        head = (
            f"and {_count(len(others), 'more ' + noun)}"
            if len(others) < len(finding.places)
            else _count(len(others), noun)
        )
        return self.wrap(f"{head}: {', '.join(kept)}{more}", "  ")

    def parts(self, finding: Finding) -> list[str]:
        """List where else parts are written of what was found."""
        if not finding.contributing:
            return []
        kept = finding.contributing if self.verbose else finding.contributing[:_PLACES]
        more = ", ..." if len(kept) < len(finding.contributing) else ""
        return self.wrap(f"parts of it: {', '.join(map(link, kept))}{more}", "  ")

    def unknowns(self, result: Result) -> list[str]:
        """Rank the inputs that would decide most; one line for an engineer."""
        inputs = sorted(
            result.unknowns, key=lambda i: (-i.verdicts, i.reason, i.symbol)
        )
        if not inputs:
            return []
        if result.persona == "engineer" and not self.verbose:
            unknown = _count(total(result).unknown, "verdict")
            first = next((i for i in inputs if i.reason in _GIVEN), None)
            what = "--verbose lists what they wait for"
            if first is not None:
                wait = "waits" if first.verdicts == 1 else "wait"
                what = f"{first.verdicts:,} {wait} for {_input(first)}"
            return self.wrap(f"{unknown} could not be determined; {what}.")
        kept = inputs if self.verbose else inputs[:_INPUTS]
        return [
            self.paint("Not determined: what would decide it", "bold"),
            *self.table((_count(i.verdicts, "verdict"), _input(i)) for i in kept),
            *_left_out(len(inputs) - len(kept), "input"),
        ]

    def not_run(self, result: Result) -> list[str]:
        """List rules that said nothing, by the reason; one line for an engineer."""
        reasons: dict[str, list[str]] = {}
        for rule in result.rules:
            if rule.not_run is not None:
                reasons.setdefault(rule.not_run, []).append(rule.id)
        if not reasons:
            return []
        if result.persona == "engineer" and not self.verbose:
            whys = ", ".join(f"{why} ({len(ids)})" for why, ids in reasons.items())
            idle = sum(map(len, reasons.values()))
            return self.wrap(f"{_count(idle, 'rule')} not run: {whys}.")
        return [
            self.paint("Rules not run", "bold"),
            *self.table(
                (f"{reason} ({len(ids)})", ", ".join(ids))
                for reason, ids in reasons.items()
            ),
        ]

    def gaps(self, gaps: Sequence[Gap]) -> list[str]:
        """List what was asked for and could not be read, one line for one reason."""
        places: dict[tuple[bool, str], list[str]] = {}
        for gap in gaps:
            why = not gap.incomplete, f"{gap.reason}: {gap.detail}"
            places.setdefault(why, []).append(link(gap.origin))
        if not places:
            return []
        ordered = sorted(places.items(), key=lambda item: item[0][0])
        kept = ordered if self.verbose else ordered[:_GAPS]
        left = sum(len(links) for _, links in ordered[len(kept) :])
        return [
            self.paint("Not read", "bold"),
            *self.table((self.few(links), why) for (_, why), links in kept),
            *_left_out(left, "gap"),
        ]

    def left_out(self, excluded: Sequence[Excluded]) -> list[str]:
        """List what the summary only counts as left out, by the reason; if verbose."""
        reasons: dict[str, list[str]] = {}
        for one in excluded:
            many = f" ({one.count:,})" if one.count > 1 else ""
            reasons.setdefault(one.reason, []).append(f"{visible(one.what)}{many}")
        if not (self.verbose and reasons):
            return []
        return [
            self.paint("Left out", "bold"),
            *self.table((reason, ", ".join(what)) for reason, what in reasons.items()),
        ]

    def few(self, links: Sequence[str]) -> str:
        """Return the first of `links` and how many more there are; all if verbose."""
        if self.verbose or len(links) == 1:
            return ", ".join(links)
        return f"{links[0]} and {len(links) - 1} more"

    def waivers(self, waivers: Sequence[Waiver]) -> list[str]:
        """List waivers that do nothing, or no longer."""
        idle = [w for w in waivers if w.status is not WaiverStatus.USED]
        if not idle:
            return []
        return [
            self.paint("Waivers that need attention", "bold"),
            *self.table((link(waiver.origin), _waiver(waiver)) for waiver in idle),
        ]

    def requests(self, result: Result) -> list[str]:
        """List what the repository asked for; for an engineer, what it did not get."""
        brief = result.persona == "engineer" and not self.verbose
        asked = [
            request
            for request in result.repository_requests
            if not brief or "not applied" in request
        ]
        if not asked:
            return []
        return [
            self.paint("Asked for by the scanned repository", "bold"),
            *(line for request in asked for line in self.wrap(request, "  ")),
        ]

    def closing(self, result: Result) -> list[str]:
        """Count everything in one line, and say what to type next."""
        told, found = self.told(result), _open(result)
        lines = [self.paint(_summary(result), "red" if told else "bold")]
        if result.difference is not None:
            lines.append(_difference(result))
        if self.verbose or len(result.detectors) > 1:
            by = " and ".join(map(visible, result.detectors))
            lines.append(f"Credentials were looked for by {by}.")
        failing = [f for f in result.findings if f.outcome is FAIL]
        hidden = sum(f.waiver is None for f in failing) - len(found)
        folded = len(found) - len(told)
        if folded:
            count = _count(folded, "unchanged finding")
            lines.append(f"{count} not shown: --verbose shows them.")
        if hidden:
            lines.append(
                f"{_count(hidden, 'more finding')} for auditors: "
                "--persona auditor shows them."
            )
        lines.append(f"Next: {_next(told, hidden)}")
        return lines

    # --------------------------------------------------------------------- pieces

    def paint(self, text: str, style: str) -> str:
        """Return `text` in colour, where colour is wanted."""
        return f"{_CODES[style]}{text}{_RESET}" if self.colour else text

    def wrap(self, text: str, indent: str = "") -> list[str]:
        """Return `text`, made visible, in lines that fit."""
        room = self.width - len(indent)
        return [indent + line for line in wrapped(visible(text), room)]

    def table(self, rows: Iterable[tuple[str, str]]) -> Iterator[str]:
        """Set two columns; the second goes below where the first is long."""
        cells = [(visible(left), right) for left, right in rows]
        column = min(max((len(left) for left, _ in cells), default=0), self.width // 2)
        for left, right in cells:
            lines = self.wrap(right, " " * (column + 4))
            if len(left) > column:
                yield f"  {left}"
                yield from lines
            else:
                yield f"  {left:<{column}}  {lines[0].lstrip()}"
                yield from lines[1:]


def wrapped(text: str, width: int) -> list[str]:
    """
    Return `text` in lines of `width`, broken at spaces alone; one at least.

    A path or a command is never broken: it could no longer be clicked or pasted. The
    library's `textwrap` says the same, and takes thirty times as long.
    """
    lines: list[str] = []
    rest = text.strip(" ")
    while len(rest) > width:
        end = rest.rfind(" ", 0, width + 1)
        if end < 0:
            end = rest.find(" ", width)
        if end < 0:
            break
        lines.append(rest[:end].rstrip(" "))
        rest = rest[end:].lstrip(" ")
    return [*lines, rest]


def _beyond(told: Sequence[Finding]) -> dict[str, int]:
    """Return the rules that found more than is told of one, each with how many more."""
    counts = Counter(finding.rule for finding in told)
    return {
        rule: count - _FINDINGS for rule, count in counts.items() if count > _FINDINGS
    }


def _near(origin: Origin) -> str:
    """Return where a hop was read, a cloud asset by the end of its long name."""
    if not origin.source.startswith("//"):
        return link(origin) if origin.line else place(origin)
    name = visible("/".join(origin.source.split("/")[-2:]))
    return f"{name} ({visible(origin.field)})" if origin.field else name


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _noun(kind: str) -> str:
    """Return what people call one subject of a fact kind."""
    tasks = {"path", "task_identity", "lifetime_chain", "call"}
    return "task" if kind in tasks else kind.replace("_", " ")


def _cuts(chains: int) -> str:
    return f"one change for {_count(chains, 'chain')}"


def _input(missing: MissingInput) -> str:
    words = _GIVE.get(missing.reason, missing.reason)
    return f"{visible(missing.symbol)} ({words})"


def _left_out(number: int, noun: str) -> list[str]:
    return [f"  and {_count(number, 'more ' + noun)} (--verbose)"] if number else []


def _waiver(waiver: Waiver) -> str:
    why = {
        WaiverStatus.EXPIRED: "not applied",
        WaiverStatus.UNUSED: "unused"
        if waiver.note
        else "covers nothing any more: remove it",
        WaiverStatus.UNAPPROVED: "not applied",
        WaiverStatus.REFUSED: "not applied",
        WaiverStatus.MALFORMED: "not applied",
        WaiverStatus.USED: "",
    }[waiver.status]
    return f"{waiver.rule}: {why}" + (f": {waiver.note}" if waiver.note else "")


def _summary(result: Result) -> str:
    ran = sum(rule.not_run is None for rule in result.rules)
    idle = len(result.rules) - ran
    counts = total(result)
    checked = counts.passed + counts.failed + counts.waived + counts.unknown
    excluded = sum(item.count for item in result.excluded)
    read = ", ".join(
        _count(result.counts.get(kind, 0), kind if kind != "dag" else "DAG")
        for kind in ("dag", "task", "call")
    )
    missed = sum(gap.incomplete for gap in result.gaps)
    return (
        f"{read}; {_count(ran, 'rule')} run, {idle} not run; "
        f"{_count(checked, 'subject')} checked: {counts.passed:,} passed, "
        f"{counts.failed:,} failed, {counts.waived:,} waived, "
        f"{counts.unknown:,} unknown; {missed:,} not read, {excluded:,} left out."
        f"{_searched(result)}"
    )


def _searched(result: Result) -> str:
    files = result.searched
    if files is None:
        return ""
    count = _count(files.discovered, "file")
    return f" Credentials were looked for in {files.looked_into:,} of {count}."


def _difference(result: Result) -> str:
    change = result.difference
    assert change is not None  # noqa: S101 -- the caller looked
    return (
        f"Against {visible(change.against)}: {len(change.new)} new, "
        f"{len(change.fixed)} fixed, {len(change.unchanged)} unchanged, "
        f"{len(change.newly_unknown)} newly unknown."
    )


def _next(told: Sequence[Finding], hidden: int) -> str:
    if told:
        return f"dagwarden rules show {visible(told[0].rule)}"
    if hidden:
        return "dagwarden scan --persona auditor"
    return "dagwarden scan -o report.html, for the whole account"
