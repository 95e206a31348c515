"""What a terminal shows."""

import re
import subprocess
import sys
from textwrap import TextWrapper

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.render.sample import AUDITOR, EMPTY, FINDINGS, REPORT, RESULT
from tests.render.snapshot import FOLDER, assert_same

from dagwarden.facts import Origin
from dagwarden.findings import Finding, MissingInput, Report
from dagwarden.render.text import render_text, wrapped
from dagwarden.rule import Severity


@pytest.mark.parametrize(
    ("name", "report", "width", "colour", "verbose"),
    [
        ("engineer", REPORT, 100, False, False),
        ("colour", REPORT, 100, True, False),
        ("narrow", REPORT, 48, False, False),
        ("auditor", AUDITOR, 100, False, False),
        ("verbose", AUDITOR, 120, False, True),
        ("empty", EMPTY, 100, False, False),
    ],
)
def test_text(
    name: str, report: Report, width: int, colour: bool, verbose: bool
) -> None:
    text = render_text(report, width=width, colour=colour, verbose=verbose)
    assert_same(text.encode(), FOLDER / f"{name}.txt")


@pytest.mark.parametrize("verbose", [False, True])
def test_nothing_scanned_reaches_the_terminal_as_control(verbose: bool) -> None:
    plain = render_text(AUDITOR, width=80, colour=False, verbose=verbose)
    assert [line for line in plain.splitlines() if not line.isprintable()] == []
    painted = render_text(AUDITOR, width=80, colour=True, verbose=verbose)
    ours = re.sub(r"\x1b\[(0|1|2|33|32|36|1;31)m", "", painted)
    assert ours == plain


def test_only_what_may_be_given_is_named_as_what_verdicts_wait_for() -> None:
    own = MissingInput(reason="dynamic", symbol="Own.execute", verdicts=9, rules=())
    given = MissingInput(reason="variable", symbol="REGION", verdicts=1, rules=())
    said = {
        inputs: render_text(
            msgspec.structs.replace(
                REPORT, result=msgspec.structs.replace(RESULT, unknowns=inputs)
            ),
            width=100,
            colour=False,
        )
        for inputs in ((own, given), (own,))
    }
    line = "1 waits for REGION (Airflow Variable that was not given: --variables)."
    assert f"determined; {line}" in " ".join(said[own, given].split())
    assert "determined; --verbose lists what they wait for." in said[(own,)]
    assert not any("Own.execute" in text for text in said.values())


def test_a_repeated_remedy_is_told_once() -> None:
    text = render_text(REPORT, width=100, colour=False)
    assert text.count("gcloud run jobs add-iam-policy-binding") == 1
    assert text.count("fix    as above") == 1


def test_as_above_is_the_remedy_of_the_finding_above() -> None:
    first = REPORT.result.findings[0]
    ways = ["one", "two", "one", "one"]
    findings = tuple(
        replace(
            first,
            remediation=way,
            origin=Origin(source="a.py", line=number),
            chains=0,
            baseline=None,
        )
        for number, way in enumerate(ways, 1)
    )
    report = replace(REPORT, result=replace(REPORT.result, findings=findings))
    told = re.findall(r"fix +(.*)", render_text(report, width=100, colour=False))
    assert told == ["one", "two", "as at a.py:1", "as above"]


def test_the_last_word_of_a_clean_scan_counts_everything() -> None:
    assert render_text(EMPTY, width=100, colour=False).splitlines()[0] == (
        "0 DAGs, 0 tasks, 0 calls; 0 rules run, 0 not run; 0 subjects checked: "
        "0 passed, 0 failed, 0 waived, 0 unknown; 0 not read, 0 left out."
    )


def test_long_lists_are_cut_unless_verbose() -> None:
    many = msgspec.structs.replace(
        AUDITOR,
        result=msgspec.structs.replace(
            AUDITOR.result,
            unknowns=tuple(
                msgspec.structs.replace(RESULT.unknowns[0], symbol=f"V{n}", verdicts=n)
                for n in range(1, 10)
            ),
            gaps=tuple(
                msgspec.structs.replace(RESULT.gaps[0], detail=f"broken {n}")
                for n in range(16)
            ),
        ),
    )
    text = render_text(many, width=100, colour=False)
    assert re.findall(r"V\d", text) == ["V9", "V8", "V7", "V6", "V5"]
    assert "and 4 more inputs (--verbose)" in text
    assert "and 6 more gaps (--verbose)" in text
    told = render_text(many, width=100, colour=False, verbose=True)
    assert re.findall(r"V\d", told) == [f"V{n}" for n in range(9, 0, -1)]
    assert "more gaps" not in told


def numbered(rule: str, count: int) -> list[Finding]:
    """Findings of `rule` that say which they are, with one remedy."""
    first = next(finding for finding in FINDINGS if finding.rule == rule)
    return [
        replace(first, message=f"{rule} no. {n}.", origin=Origin(source=f"{n}.py"))
        for n in range(1, count + 1)
    ]


def told_of(*findings: Finding, verbose: bool = False) -> str:
    result = replace(RESULT, findings=findings, difference=None)
    report = replace(REPORT, result=result)
    return render_text(report, width=100, colour=False, verbose=verbose)


def test_of_each_rule_the_first_ten_are_told_and_all_are_counted() -> None:
    many = numbered("task-gets-403", 1_012)
    few = numbered("run-is-unbounded", 10)
    ordered = (*many[:6], *few, *many[6:])
    text = told_of(*ordered)
    assert re.findall(r"(\S+) no\. (\d+)", text) == [
        *(("task-gets-403", str(n)) for n in range(1, 7)),
        *(("run-is-unbounded", str(n)) for n in range(1, 11)),
        *(("task-gets-403", str(n)) for n in range(7, 11)),
    ]
    assert re.findall(r".* more of .*", text) == [
        "1,002 more of task-gets-403: --verbose shows them all, -o result.json too."
    ]
    table, closing = text.split("\n\n")[-2:]
    assert table == (
        "Findings by rule\n"
        "  task-gets-403     high, 1,012 findings\n"
        "  run-is-unbounded  medium, 10 findings"
    )
    assert closing.endswith("\nNext: dagwarden rules show task-gets-403\n")
    whole = told_of(*ordered, verbose=True)
    assert whole.count(" no. ") == 1_022
    assert " more of " not in whole
    assert "Findings by rule" not in whole


def test_ten_findings_of_a_rule_are_all_told_without_a_table() -> None:
    text = told_of(*numbered("task-gets-403", 10))
    assert text.count(" no. ") == 10
    assert " more of " not in text
    assert "Findings by rule" not in text
    assert "\n1 more of task-gets-403: " in told_of(*numbered("task-gets-403", 11))


def test_unchanged_findings_are_not_counted_among_more() -> None:
    old = [replace(f, baseline="unchanged") for f in numbered("task-gets-403", 20)]
    new = [replace(f, baseline="new") for f in numbered("task-gets-403", 12)]
    result = replace(RESULT, findings=(*old, *new))
    text = render_text(replace(REPORT, result=result), width=100, colour=False)
    assert "\n2 more of task-gets-403: " in text
    assert "  task-gets-403  high, 12 findings\n" in text
    assert "20 unchanged findings not shown: --verbose shows them." in text


def test_gaps_for_one_reason_are_one_line() -> None:
    gap = RESULT.gaps[0]
    places = ("a.py", "b.py", "c.py")
    gaps = tuple(
        msgspec.structs.replace(gap, origin=Origin(source=name)) for name in places
    )
    result = msgspec.structs.replace(EMPTY.result, gaps=gaps)
    report = msgspec.structs.replace(EMPTY, result=result)
    assert "a.py and 2 more  " in render_text(report, width=100, colour=False)
    assert "a.py, b.py, c.py" in render_text(
        report, width=100, colour=False, verbose=True
    )


@pytest.mark.parametrize(
    ("severity", "code"),
    [
        ("critical", "\x1b[1;31mCRITICAL"),
        ("medium", "\x1b[33mMEDIUM"),
        ("info", "\x1b[2mINFO"),
    ],
)
def test_severity_has_a_colour(severity: Severity, code: str) -> None:
    finding = msgspec.structs.replace(FINDINGS[0], severity=severity)
    result = msgspec.structs.replace(RESULT, findings=(finding,), difference=None)
    report = msgspec.structs.replace(REPORT, result=result)
    assert render_text(report, width=80, colour=True).startswith(code)


def test_against_an_earlier_result_only_what_is_new_is_told() -> None:
    first, second = (
        msgspec.structs.replace(finding, baseline=baseline)
        for finding, baseline in zip(FINDINGS[:2], ("unchanged", "new"), strict=True)
    )
    result = msgspec.structs.replace(RESULT, findings=(first, second))
    report = msgspec.structs.replace(REPORT, result=result)
    brief = render_text(report, width=100, colour=False)
    assert f" {second.rule}  new" in brief
    assert f" {first.rule}\n" not in brief
    assert "1 unchanged finding not shown: --verbose shows them." in brief
    assert first.rule in render_text(report, width=100, colour=False, verbose=True)


def test_printing_imports_nothing_heavy() -> None:
    code = (
        "import sys, dagwarden.render.text; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    heavy = {"jinja2", "rich", "click", "networkx", "yaml", "google", "html", "gzip"}
    assert set(done.stdout.split()) & heavy == set()


@pytest.mark.parametrize("verbose", [False, True])
def test_a_line_in_a_loop_is_told_once_with_how_often(verbose: bool) -> None:
    first = FINDINGS[0]
    at = [Origin(source="dags/a.py", line=line) for line in (4, 9, 9, 9, 12)]
    finding = replace(
        first,
        origin=at[0],
        places=tuple(at),
        subjects=tuple(f"task:{number}" for number in range(5)),
        baseline="new",
        contributing=(),
    )
    report = replace(REPORT, result=replace(RESULT, findings=(finding,)))
    text = render_text(report, width=200, colour=False, verbose=verbose)
    assert "  and 4 more tasks: dags/a.py:9 (3), dags/a.py:12\n" in text


@given(st.text("ab-/ "), st.integers(1, 20))
def test_lines_are_broken_as_the_library_would(text: str, width: int) -> None:
    wrapper = TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    # which keeps spaces at the very beginning
    assert wrapped(text, width) == (wrapper.wrap(text.lstrip()) or [""])
