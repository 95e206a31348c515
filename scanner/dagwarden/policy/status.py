"""The exit status of a scan."""

from dagwarden.findings import FAIL, UNKNOWN, Finding, Result
from dagwarden.rule import SEVERITIES, Severity

CLEAN = 0
FINDINGS = 1
INCOMPLETE = 3


def exit_status(result: Result) -> int:
    """
    Return 0 clean, 1 findings at or above the gate, 3 incomplete.

    Incomplete wins: something that was to be read could not be, or, when strict, a
    verdict at or above the gate is UNKNOWN and not accepted.
    """
    if any(gap.incomplete for gap in result.gaps):
        return INCOMPLETE
    if result.strict and any(_undecided(item, result) for item in result.findings):
        return INCOMPLETE
    return FINDINGS if any(gates(item, result) for item in result.findings) else CLEAN


def gates(finding: Finding, result: Result) -> bool:
    """Tell whether `finding` alone makes the scan fail."""
    return (
        finding.outcome is FAIL
        and finding.waiver is None
        and finding.baseline != "unchanged"
        and finding.persona in (result.persona, "engineer")
        and _reaches(finding.severity, result.gate)
    )


def _undecided(finding: Finding, result: Result) -> bool:
    return (
        finding.outcome is UNKNOWN
        and finding.waiver is None
        and _reaches(finding.severity, result.gate)
    )


def _reaches(severity: Severity, gate: Severity) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(gate)
