"""The nightly DAG of the documentation, run by a real Airflow beside dagwarden."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AIRFLOW = ROOT / ".venv-airflow/bin/airflow"
DAGWARDEN = Path(sys.executable).with_name("dagwarden")
DAY = "2026-11-20"

# The program that the DAG calls: dagwarden itself, told where the local server is.
PROGRAM = """#!/bin/sh
case "$1" in
  snapshot) exec {dagwarden} "$@" --local-server {server} ;;
  *) exec {dagwarden} "$@" ;;
esac
"""


def airflow(
    folder: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(AIRFLOW), *arguments],
        cwd=folder,
        env={
            "PATH": f"{AIRFLOW.parent}{os.pathsep}{os.environ['PATH']}",
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
def test_the_nightly_dag_takes_a_snapshot_scans_and_publishes(
    tmp_path: Path, cloud_server: str
) -> None:
    program = tmp_path / "dagwarden"
    program.write_text(PROGRAM.format(dagwarden=DAGWARDEN, server=cloud_server))
    program.chmod(0o755)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/fine.py").write_text(
        "from airflow import DAG\n"
        "from airflow.operators.bash import BashOperator\n"
        "with DAG('fine', schedule=None):\n"
        "    BashOperator(task_id='hello', bash_command='true')\n"
    )
    config = tmp_path / "operator.toml"
    config.write_text(
        'estate = "Nightly"\nsnapshots = ["iam.ndjson"]\ngate = "critical"\n'
        '[[environment]]\nname = "prod"\ndags = ["dags"]\n'
    )
    assert airflow(tmp_path, "db", "migrate").returncode == 0
    done = airflow(
        tmp_path,
        *("dags", "test", "dagwarden_nightly", DAY),
        DAGWARDEN=str(program),
        DAGWARDEN_CONFIG=str(config),
        DAGWARDEN_SCOPE="organizations/1",
        DAGWARDEN_SNAPSHOT=str(tmp_path / "iam.ndjson"),
        DAGWARDEN_EVIDENCE=(tmp_path / "evidence").as_uri(),
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    published = tmp_path / "evidence" / DAY
    assert sorted(path.name for path in published.iterdir()) == [
        "report.html",
        "result.json",
    ]
    assert "Nightly" in (published / "report.html").read_text()
