"""The code that findings give as a replacement, run by a real Airflow as it stands."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from tests.sources.dags.airflows import PYTHONS, VERSIONS

from dagwarden.facts import SecretKind
from dagwarden.policy.load import shipped_rule_files

PAGE = Path(__file__).parents[1] / "docs/credentials-rotation.md"
SNIPPETS = re.findall(
    r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
)
# The token of the third is minted by Google, which no test asks.
RUN = ("orders", "report")


@pytest.mark.parametrize("version", VERSIONS)
def test_the_replacements_run(version: str, tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    for number, text in enumerate(SNIPPETS):
        (dags / f"snippet_{number}.py").write_text(text)
    program = PYTHONS[version].with_name("airflow")

    def airflow(*arguments: str) -> str:
        done = subprocess.run(
            [str(program), *arguments],
            cwd=tmp_path,
            env={
                "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(tmp_path),
                "AIRFLOW_HOME": str(tmp_path / "airflow"),
                "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                # nothing but this run knows it
                "AIRFLOW_CONN_ORDERS_DB": "postgresql://u:of-seventeen-sign@h/d",
            },
            text=True,
            capture_output=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout + done.stderr

    airflow("db", "migrate")
    assert "No data found" in airflow("dags", "list-import-errors")
    for name in RUN:
        said = airflow("dags", "test", name, "2026-01-02")
        assert "of-seventeen-sign" not in said
    assert len(SNIPPETS) == len(RUN) + 1
    airflow("rotate-fernet-key")


def test_every_kind_that_is_told_has_its_steps() -> None:
    headings = " ".join(re.findall(r"^### (.*)$", PAGE.read_text(), re.MULTILINE))
    assert [kind for kind in get_args(SecretKind) if kind not in headings] == []


def test_every_finding_of_a_secret_says_where_its_steps_are() -> None:
    every = {found.rule.id: found.rule for found in shipped_rule_files()}
    of_secrets = [
        *(rule for rule in every.values() if rule.family == "credentials"),
        *(every[name] for name in ("static-bearer-token", "stale-user-managed-key")),
        *(rule for rule in every.values() if rule.id.startswith("long-lived-key-")),
    ]
    assert len(of_secrets) == 12
    without = [
        rule.id
        for rule in of_secrets
        if f"docs/{PAGE.name}\n(dagwarden rules show {rule.id} prints it)."
        not in rule.remediation
    ]
    assert without == []


def test_an_installed_dagwarden_prints_the_steps() -> None:
    program = Path(sys.executable).with_name("dagwarden")
    done = subprocess.run(
        [program, "rules", "show", "secret-in-repository"],
        text=True,
        capture_output=True,
        check=True,
    )
    assert done.stdout.endswith("\n" + PAGE.read_text())
    # what depends on a finding stands in findings
    assert "{words.steps}" not in done.stdout
