"""One result against another: what is new, fixed, unchanged or newly unknown."""

from msgspec.structs import replace

from dagwarden.findings import FAIL, UNKNOWN, Difference, Finding, Result


def compare(result: Result, earlier: Result, against: str) -> Result:
    """
    Return `result` with each finding marked new or unchanged, and the difference.

    A failure that was waived earlier and no longer is counts as new. A subject that
    passed or failed and now is unknown counts as newly unknown.
    """
    before = _open(earlier)
    now = _open(result)
    marked = tuple(
        replace(
            finding,
            baseline="unchanged" if finding.fingerprint in before else "new",
        )
        if _is_open(finding)
        else finding
        for finding in result.findings
    )
    return replace(
        result,
        findings=marked,
        difference=Difference(
            against=against,
            new=tuple(sorted(now - before)),
            fixed=tuple(sorted(before - now - _now_unknown(result, earlier))),
            unchanged=tuple(sorted(now & before)),
            newly_unknown=tuple(sorted(_undecided(result) - _undecided(earlier))),
        ),
    )


def _is_open(finding: Finding) -> bool:
    return finding.outcome is FAIL and finding.waiver is None


def _open(result: Result) -> set[str]:
    return {item.fingerprint for item in result.findings if _is_open(item)}


def _undecided(result: Result) -> set[str]:
    """Return `rule subject` for every UNKNOWN verdict: each has its finding."""
    return {
        f"{finding.rule} {subject}"
        for finding in result.findings
        if finding.outcome is UNKNOWN
        for subject in finding.subjects
    }


def _now_unknown(result: Result, earlier: Result) -> set[str]:
    """Return earlier failures of which a subject is now unknown: not fixed."""
    undecided = _undecided(result)
    return {
        finding.fingerprint
        for finding in earlier.findings
        if _is_open(finding)
        and any(
            f"{finding.rule} {subject}" in undecided for subject in finding.subjects
        )
    }
