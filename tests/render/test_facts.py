"""Facts as lines: each field with where it was read, as the published schema says."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec import UNSET

from dagwarden.facts import Dag, Origin, Provenance, Task, Unresolved
from dagwarden.job import Arguments, traced_lines
from dagwarden.render.facts import as_rules_see, schema, with_provenance

DEMO = Path(__file__).parents[2] / "fixtures/demo"
HERE = Origin(source="dags/a.py", line=3)
TASK = Task(
    id="task:prod:dags/a.py:d.t",
    origin=HERE,
    environment="prod",
    dag="dag:prod:dags/a.py:d",
    task_id="t",
    pool="p",
    owner=None,
    connection_parameter="gcp_conn_id",
    unresolved=(
        Unresolved(field="project", reason="variable", symbol="p", default="dev"),
        Unresolved(field="region", reason="environment", symbol="R"),
        Unresolved(field="region", reason="dynamic", symbol="second"),
    ),
    provenance=(
        Provenance(field="owner", source="setting", origin=Origin(source="[x] y")),
        Provenance(field="pool", source="default_args", origin=Origin(source="b.py", line=7)),
        Provenance(field="task_id", source="argument", origin=HERE, confirmed=True),
    ),
)  # fmt: skip


def test_a_field_says_where_it_was_read_or_why_it_is_not_known() -> None:
    line = with_provenance("task", TASK)
    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "kind": "task",
        "id": "task:prod:dags/a.py:d.t",
        "file": "dags/a.py",
        "line": 3,
        "environment": "prod",
        "dag": "dag:prod:dags/a.py:d",
        "task_id": {
            "value": "t",
            "from": "argument",
            "confirmed": True,
            "file": "dags/a.py",
            "line": 3,
        },
        "pool": {"value": "p", "from": "default_args", "file": "b.py", "line": 7},
        "owner": {"value": "airflow", "from": "setting", "symbol": "[x] y"},
        "project": {"unresolved": "variable", "symbol": "p", "default": "dev"},
        "region": {"unresolved": "environment", "symbol": "R"},
        "connection_parameter": "gcp_conn_id",
        "connection_source": None,
        "mapped": False,
        "conditional": False,
        "own_class": None,
        "secrets_known": [],
        "leaked_keys": [],
    }


def test_rules_see_values_alone() -> None:
    line = as_rules_see("task", TASK)
    seen = json.loads(line)
    assert seen["pool"] == "p"
    assert "provenance" not in seen
    assert seen["unresolved"][0] == {
        "field": "project",
        "reason": "variable",
        "symbol": "p",
        "default": "dev",
    }


def test_a_name_that_is_no_text_is_spelled_out() -> None:
    dag = Dag(id="d", origin=Origin(source="d\udcff.py"), environment="prod")
    assert json.loads(with_provenance("dag", dag))["file"] == "d\\udcff.py"


def _validator(kind: str) -> Any:
    whole = schema()
    return jsonschema.Draft202012Validator(
        {"$ref": f"#/$defs/{kind.capitalize()}Line", "$defs": whole["$defs"]}
    )


@pytest.mark.parametrize("kind", ["dag", "task", "call"])
def test_lines_are_as_the_schema_says(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(DEMO)
    lines = traced_lines(Arguments(operator=Path("operator.toml")), kind)
    assert lines.text
    validator = _validator(kind)
    for text in lines.text.splitlines():
        validator.validate(json.loads(text))


def test_the_schema_refuses_a_field_without_a_source() -> None:
    known = json.loads(with_provenance("task", TASK))
    del known["pool"]["from"]
    assert not _validator("task").is_valid(known)
    assert UNSET not in known.values()
