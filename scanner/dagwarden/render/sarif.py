"""
SARIF 2.1.0 (OASIS), for code hosts and editors.

Fingerprints hold no line number. What was waived is there as suppressed, what could
not be determined as open, what was not read as a notification of the tool.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from dagwarden.facts import Gap, Hop, Origin, in_history
from dagwarden.findings import FAIL, Finding, Report, Result, RuleReport, Waiver
from dagwarden.render import encode, place, shown, visible
from dagwarden.rule import Severity

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
    "sarif-schema-2.1.0.json"
)
_ROOT = "SRCROOT"  # what every relative address stands on: the root of the scan

_LEVELS: dict[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
# GitHub's bands: over 9.0 critical, from 7.0 high, from 4.0 medium, below low.
_SCORES: dict[Severity, str] = {
    "critical": "9.5",
    "high": "8.0",
    "medium": "5.5",
    "low": "2.5",
    "info": "0.1",
}
_PRECISION = {"certain": "very-high", "likely": "medium"}

_Json = dict[str, Any]


def render_sarif(report: Report) -> bytes:
    """Return `report` as one SARIF run: what its persona is shown, and waivers."""
    result = report.result
    where = _Places(result)
    rules = {rule.id: number for number, rule in enumerate(result.rules)}
    waivers = {waiver.id: waiver for waiver in result.waivers}
    run: _Json = {
        "tool": {
            "driver": {
                "name": "dagwarden",
                "version": report.run.tool_version,
                "semanticVersion": report.run.tool_version,
                "rules": [_rule(rule) for rule in result.rules],
            }
        },
        "automationDetails": {"id": f"dagwarden/{visible(result.estate)}/"},
        "originalUriBaseIds": {
            _ROOT: {"description": {"text": "The root of the scan."}}
        },
        "invocations": [_invocation(report, where, rules)],
        "artifacts": [
            {
                "location": _address(file.path),
                "length": file.size,
                "hashes": {"sha-256": file.sha256},
            }
            for file in result.files
        ],
        "results": [
            _result(finding, where, rules, waivers) for finding in shown(result)
        ],
        "properties": {
            "asOf": result.as_of,
            "resultVersion": result.version,
            "rulePack": report.run.rule_pack,
            "gitCommit": report.run.git_commit,
        },
    }
    return encode({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


# ---------------------------------------------------------------------------- rules


def _rule(rule: RuleReport) -> _Json:
    criteria = sorted({control.soc2 for control in rule.controls})
    return {
        "id": rule.id,
        "shortDescription": {"text": _plain(rule.title)},
        "fullDescription": {"text": _plain(" ".join(rule.what.split()))},
        "help": {"text": _help(rule, ""), "markdown": _help(rule, "## ")},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", rule.family, *(f"SOC2/{name}" for name in criteria)],
            "security-severity": _SCORES[rule.severity],
            "precision": _PRECISION[rule.confidence],
            "version": rule.version,
            "sha256": rule.sha256,
        },
    }


def _help(rule: RuleReport, heading: str) -> str:
    """Return the rule's page; a shipped or the operator's own text, so not escaped."""
    parts = [
        f"{heading}What it does\n\n{rule.what.strip()}",
        f"{heading}Why it matters\n\n{rule.why.strip()}",
        f"{heading}How to fix it\n\n{_fenced(rule.remediation, heading)}",
        *(
            f"{heading}SOC 2 {control.soc2}\n\nEvidence because "
            f"{control.because.rstrip('.')}. Does not cover "
            f"{control.does_not_cover.rstrip('.')}."
            for control in rule.controls
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _fenced(text: str, heading: str) -> str:
    return f"```text\n{text.strip()}\n```" if heading else text.strip()


# -------------------------------------------------------------------------- results


class _Places:
    """Turns origins into locations; knows which names are files."""

    def __init__(self, result: Result) -> None:
        self.files = {file.path for file in result.files}
        snapshots = [file.path for file in result.files if file.kind == "snapshot"]
        # Code hosts want a file for every result. What was read in the cloud was
        # read in the snapshot; which one is known where there is one.
        self.snapshot = snapshots[0] if len(snapshots) == 1 else None

    def location(self, origin: Origin) -> _Json:
        """Return a physical location for a file, else a logical one."""
        if origin.source not in self.files and (past := in_history(origin.source)):
            return _past_location(*past, origin.line)
        if self.is_file(origin):
            physical = {"artifactLocation": _address(origin.source)}
            if origin.line is not None:
                physical["region"] = {"startLine": origin.line}
            return {"physicalLocation": physical}
        location: _Json = {
            "logicalLocations": [
                {
                    "fullyQualifiedName": visible(origin.source),
                    "name": visible(origin.source.rpartition("/")[2]),
                    "kind": "resource",
                }
            ]
        }
        if origin.source.startswith("//") and self.snapshot is not None:
            location["physicalLocation"] = {"artifactLocation": _address(self.snapshot)}
        return location

    def is_file(self, origin: Origin) -> bool:
        """Tell whether `origin` is a file; else a cloud asset or a variable."""
        if origin.source.startswith("//"):
            return False
        return (
            origin.line is not None
            or origin.source in self.files
            or "/" in origin.source
        )

    def said(self, origin: Origin, words: str) -> _Json:
        """Return the location with a message."""
        return {**self.location(origin), "message": {"text": _plain(words)}}


def _result(
    finding: Finding,
    where: _Places,
    rules: Mapping[str, int],
    waivers: Mapping[str, Waiver],
) -> _Json:
    failed = finding.outcome is FAIL
    made: _Json = {
        "ruleId": finding.rule,
        "ruleIndex": rules[finding.rule],
        "kind": "fail" if failed else "open",
        # the standard: a result that is no failure has no level
        "level": _LEVELS[finding.severity] if failed else "none",
        "message": {"text": _plain(_message(finding))},
        "locations": [where.location(finding.origin)],
        "partialFingerprints": {"dagwarden/v1": finding.fingerprint},
        "suppressions": _suppressions(finding, waivers),
        "properties": {
            "chains": finding.chains,
            "confidence": finding.confidence,
            "persona": finding.persona,
            "severity": finding.severity,
            "subjects": len(finding.subjects),
        },
    }
    others = [
        where.said(origin, subject)
        for origin, subject in zip(finding.places, finding.subjects, strict=True)
        if origin != finding.origin
    ]
    others += [where.said(origin, "a part of it") for origin in finding.contributing]
    if others:
        made["relatedLocations"] = [
            {"id": number, **location} for number, location in enumerate(others, 1)
        ]
    if finding.hops:
        made["codeFlows"] = [_flow(finding.hops, where)]
    if finding.baseline in ("new", "unchanged"):
        made["baselineState"] = finding.baseline
    return made


def _message(finding: Finding) -> str:
    if not finding.missing:
        return finding.message
    needs = "; ".join(f"{one.reason}: {one.symbol}" for one in finding.missing)
    return f"{finding.message} (would be decided by {needs})"


def _flow(hops: Sequence[Hop], where: _Places) -> _Json:
    steps = [
        where.said(hop.origin, hop.text)
        if hop.origin
        else {"message": {"text": _plain(hop.text)}}
        for hop in hops
    ]
    return {"threadFlows": [{"locations": [{"location": step} for step in steps]}]}


def _suppressions(finding: Finding, waivers: Mapping[str, Waiver]) -> list[_Json]:
    """Return the waiver as a suppression; an empty list says: none, and looked."""
    waiver = waivers.get(finding.waiver) if finding.waiver is not None else None
    if waiver is None:
        return []
    return [
        {
            "kind": "inSource" if waiver.inline else "external",
            "status": "accepted",
            "justification": visible(
                f"{waiver.reason} (owner {waiver.owner}, approved by "
                f"{waiver.approver or 'nobody'}, until {waiver.expires})"
            ),
        }
    ]


# ----------------------------------------------------------------------- invocation


def _invocation(report: Report, where: _Places, rules: Mapping[str, int]) -> _Json:
    result = report.result
    return {
        "startTimeUtc": report.run.started,
        "endTimeUtc": report.run.ended,
        "arguments": list(report.run.command[1:]),
        # it ended in order, but what it was given was not all read
        "executionSuccessful": not any(gap.incomplete for gap in result.gaps),
        "toolExecutionNotifications": [_gap(gap, where) for gap in result.gaps],
        "toolConfigurationNotifications": [
            {
                "level": "note",
                "associatedRule": {"id": rule.id, "index": rules[rule.id]},
                "message": {"text": _plain(f"not run: {rule.not_run}")},
            }
            for rule in result.rules
            if rule.not_run is not None
        ],
    }


def _gap(gap: Gap, where: _Places) -> _Json:
    words = f"{place(gap.origin)}: {gap.reason}: {gap.detail}"
    return {
        "level": "warning" if gap.incomplete else "note",
        "descriptor": {"id": f"gap/{gap.reason}"},
        "locations": [where.location(gap.origin)],
        "message": {"text": _plain(words)},
    }


# --------------------------------------------------------------------------- pieces


def _address(path: str) -> _Json:
    # a path is UTF-8, or bytes that Python kept as surrogates
    return {"uri": quote(path.encode(errors="surrogateescape")), "uriBaseId": _ROOT}


def _past_location(commit: str, path: str, line: int | None) -> _Json:
    """
    Return the location of what only the git history has: its path, with the commit.

    `versionControlProvenance` would ask for the repository's address, which a scan
    that reads no setting of the repository does not know.
    """
    words = f"as of commit {commit}: git show {commit}:{visible(path)}"
    if not path:  # of a message: it is in no file
        words = f"git show {commit}"
    address = {
        **_address(path or ".git"),
        "description": {"text": _plain(words)},
        "properties": {"gitCommit": commit},
    }
    physical: _Json = {"artifactLocation": address}
    if path and line is not None:
        physical["region"] = {"startLine": line}
    return {"physicalLocation": physical}


def _plain(text: str) -> str:
    """Return `text` for a message; in SARIF, `[words](address)` would be a link."""
    return visible(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
