"""The report as JSON, and its published schema."""

import json
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec.structs import replace
from tests.render.sample import AUDITOR, EMPTY, FINDINGS, REPORT
from tests.render.snapshot import FOLDER, ROOT, assert_same

from dagwarden.findings import Judged, Outcome, Report, Verdict, Verdicts, read_report
from dagwarden.render import encode
from dagwarden.render.json import json_parts, render_json, result_schema

REPORTS = pytest.mark.parametrize("report", [REPORT, AUDITOR, EMPTY])


def test_json() -> None:
    assert_same(render_json(REPORT), FOLDER / "result.json")


def test_the_published_schema_is_this_one() -> None:
    assert_same(result_schema(), ROOT / "docs" / "schema" / "result.schema.json")


@REPORTS
def test_json_fits_its_schema(report: Report) -> None:
    validator: Any = jsonschema.Draft202012Validator(json.loads(result_schema()))
    validator.check_schema(validator.schema)
    assert list(validator.iter_errors(json.loads(render_json(report)))) == []


def test_schema_refuses_what_is_no_report() -> None:
    validator: Any = jsonschema.Draft202012Validator(json.loads(result_schema()))
    broken = json.loads(render_json(REPORT))
    broken["result"]["findings"][0]["outcome"] = "maybe"
    assert [error.json_path for error in validator.iter_errors(broken)] == [
        "$.result.findings[0].outcome"
    ]


@REPORTS
def test_json_is_the_same_in_parts(report: Report) -> None:
    many = tuple(
        msgspec.structs.replace(FINDINGS[0], message=f"{number} \udcff")
        for number in range(1_234)
    )
    result = msgspec.structs.replace(report.result, findings=many)
    for one in (report, msgspec.structs.replace(report, result=result)):
        parts = list(json_parts(one))
        assert b"".join(parts) == encode(one)
        assert max(map(len, parts)) < 1_000 * len(encode(FINDINGS[0]))


def test_verdicts_are_written_as_if_each_stood_in_a_list() -> None:
    """More than are encoded at a time, and none."""
    for size in (0, 1_234):
        judged = Judged(
            ids=tuple(f"s:{number}" for number in range(size)),
            classes=tuple(number % 3 for number in range(size)),
            outcomes={"r": (Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE)},
        )
        failed = [Verdict("r", one, Outcome.FAIL) for one in judged.ids[1::3]]
        verdicts = Verdicts(["r"], [judged], failed)
        assert len(verdicts) == len(tuple(verdicts)) == -(-size * 2 // 3)
        lazy, plain = (
            replace(REPORT, result=replace(REPORT.result, verdicts=one))
            for one in (verdicts, tuple(verdicts))
        )
        assert render_json(lazy) == encode(plain)
        assert read_report(render_json(lazy)) == plain


@REPORTS
def test_json_is_read_back(report: Report) -> None:
    assert read_report(render_json(report)) == report


def test_a_path_that_is_no_text_is_spelled_out() -> None:
    finding = msgspec.structs.replace(FINDINGS[0], message="dags/\udcff.py")
    result = msgspec.structs.replace(REPORT.result, findings=(finding,))
    report = msgspec.structs.replace(REPORT, result=result)
    again = read_report(render_json(report))
    assert again.result.findings[0].message == r"dags/\udcff.py"
