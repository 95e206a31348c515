"""One result against another, and the exit status that follows."""

import pytest
from msgspec.structs import replace

from dagwarden.facts import Gap, Origin
from dagwarden.findings import Difference, Finding, Missing, Outcome, Result, Verdict
from dagwarden.policy.compare import compare
from dagwarden.policy.status import exit_status
from dagwarden.rule import Severity


def finding(
    name: str,
    outcome: Outcome = Outcome.FAIL,
    severity: Severity = "high",
    persona: str = "engineer",
    waiver: str | None = None,
) -> Finding:
    return Finding(
        fingerprint=name,
        rule="r",
        severity=severity,
        confidence="certain",
        persona=persona,
        outcome=outcome,
        title="t",
        message="m",
        remediation="f",
        origin=Origin(source="dags/d.py"),
        subjects=(f"s:{name}",),
        places=(Origin(source="dags/d.py"),),
        waiver=waiver,
    )


def result(*findings: Finding, **changes: object) -> Result:
    plain = Result(
        version="v",
        estate="e",
        as_of="2026-11-22T00:00:00Z",
        gate="high",
        strict=False,
        persona="engineer",
        counts={},
        findings=findings,
        verdicts=tuple(
            Verdict(
                item.rule,
                item.subjects[0],
                item.outcome,
                (Missing(reason="jinja", symbol="x"),)
                if item.outcome is Outcome.UNKNOWN
                else (),
            )
            for item in findings
        ),
    )
    return replace(plain, **changes)


def test_new_fixed_unchanged_and_newly_unknown_are_told_apart() -> None:
    earlier = result(
        finding("kept"),
        finding("mended"),
        finding("blurred"),
        finding("excused", waiver="w"),
    )
    later = result(
        finding("kept"),
        finding("fresh"),
        finding("blurred", Outcome.UNKNOWN),
        finding("excused"),
    )
    compared = compare(later, earlier, "monday.json")
    assert compared.difference == Difference(
        against="monday.json",
        new=("excused", "fresh"),
        fixed=("mended",),
        unchanged=("kept",),
        newly_unknown=("r s:blurred",),
    )
    assert {item.fingerprint: item.baseline for item in compared.findings} == {
        "kept": "unchanged",
        "fresh": "new",
        "blurred": None,
        "excused": "new",
    }


GAP = Gap(reason="syntax", origin=Origin(source="a.py"), detail="")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (result(), 0),
        (result(finding("a")), 1),
        (result(finding("a", severity="critical")), 1),
        (result(finding("a", severity="medium")), 0),
        (result(finding("a", severity="medium"), gate="medium"), 1),
        (result(finding("a", waiver="w")), 0),
        (result(finding("a", persona="auditor")), 0),
        (result(finding("a", persona="auditor"), persona="auditor"), 1),
        (result(replace(finding("a"), baseline="unchanged")), 0),
        (result(replace(finding("a"), baseline="new")), 1),
        (result(finding("a", Outcome.UNKNOWN)), 0),
        (result(finding("a", Outcome.UNKNOWN), strict=True), 3),
        (result(finding("a", Outcome.UNKNOWN, waiver="w"), strict=True), 0),
        (result(finding("a", Outcome.UNKNOWN, severity="low"), strict=True), 0),
        (result(gaps=(GAP,)), 3),
        (result(finding("a"), gaps=(GAP,)), 3),
        (result(gaps=(replace(GAP, incomplete=False),)), 0),
    ],
)
def test_the_exit_status(given: Result, status: int) -> None:
    assert exit_status(given) == status
