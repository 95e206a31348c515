"""The nightly DAG of the documentation, run by a real Airflow beside dagwarden."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sources.cloud_server import listening
from tests.sources.test_cloud import shop

ROOT = Path(__file__).parents[1]
AIRFLOWS = {"3": ROOT / ".venv-airflow", "2.11": ROOT / ".venv-airflow2"}
DAGWARDEN = Path(sys.executable).with_name("dagwarden")

# The program that the DAG calls: dagwarden itself, told where the local server is.
PROGRAM = """#!/bin/sh
case "$1" in
  snapshot) exec {dagwarden} "$@" --local-server {server} ;;
  *) exec {dagwarden} "$@" ;;
esac
"""


def airflow(
    place: Path, folder: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    program = place / "bin/airflow"
    return subprocess.run(
        [str(program), *arguments],
        cwd=folder,
        env={
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "docs/airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            **environment,
        },
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )


@pytest.mark.airflow
@pytest.mark.parametrize("version", AIRFLOWS)
def test_the_nightly_dag_takes_a_snapshot_scans_publishes_and_says_the_verdict(
    version: str, tmp_path: Path
) -> None:
    """The shop lets everyone in: nights that judge it fail, and publish all the same."""
    place = AIRFLOWS[version]
    if version == "2.11" and sys.version_info >= (3, 13):
        pytest.skip("Airflow 2.11 needs Python below 3.13")
    prepare(tmp_path)
    assert airflow(place, tmp_path, "db", "migrate").returncode == 0
    with listening(shop()) as server:
        calm = night(place, tmp_path, server, "2026-11-19", 'select = ["identity"]')
        flawed = night(place, tmp_path, server, "2026-11-20", "")
    assert calm.returncode == 0, calm.stdout[-3000:] + calm.stderr[-3000:]
    assert flawed.returncode == 1
    assert "dagwarden ended with findings at the gate" in flawed.stdout + flawed.stderr
    for day in ("2026-11-19", "2026-11-20"):
        published = tmp_path / "evidence" / day
        names = sorted(path.name for path in published.iterdir())
        assert names == ["report.html", "result.json"]
        assert "Nightly" in (published / "report.html").read_text()
    result = json.loads((published / "result.json").read_text())["result"]
    assert "public-invoker" in {finding["rule"] for finding in result["findings"]}
    assert result["counts"]["cloud_run"] == 1
    assert result["counts"]["dag"] == 1


def prepare(folder: Path) -> None:
    (folder / "dags").mkdir()
    (folder / "dags/fine.py").write_text(
        "from airflow import DAG\n"
        "from airflow.operators.bash import BashOperator\n"
        "with DAG('fine', schedule=None):\n"
        "    BashOperator(task_id='hello', bash_command='true')\n"
    )


def night(
    place: Path, folder: Path, server: str, day: str, setting: str
) -> "subprocess.CompletedProcess[str]":
    """Run the DAG for `day` with one more `setting` of the operator."""
    program = folder / "dagwarden"
    program.write_text(PROGRAM.format(dagwarden=DAGWARDEN, server=server))
    program.chmod(0o755)
    config = folder / "operator.toml"
    config.write_text(
        f'estate = "Nightly"\nsnapshots = ["iam.ndjson"]\n{setting}\n'
        '[[environment]]\nname = "prod"\ndags = ["dags"]\n'
    )
    return airflow(
        place,
        folder,
        *("dags", "test", "dagwarden_nightly", day),
        DAGWARDEN=str(program),
        DAGWARDEN_CONFIG=str(config),
        DAGWARDEN_SCOPE="organizations/9",
        DAGWARDEN_SNAPSHOT=str(folder / "iam.ndjson"),
        DAGWARDEN_EVIDENCE=(folder / "evidence").as_uri(),
    )
