"""
The nightly compliance job: snapshot, scan, publish. Airflow 2.11 and 3.x.

dagwarden lives in an environment of its own and is called as a program, so that
nothing of it mixes with Airflow's packages. Set on the workers:

    DAGWARDEN           the program, e.g. /opt/dagwarden/bin/dagwarden
    DAGWARDEN_CONFIG    the operator's configuration (its `snapshots` names the file
                        that DAGWARDEN_SNAPSHOT says)
    DAGWARDEN_SCOPE     what to snapshot: organizations/N, folders/N, projects/ID
    DAGWARDEN_SNAPSHOT  where the snapshot goes; on a path all workers share
    DAGWARDEN_EVIDENCE  where reports are kept: a folder, or gs://bucket/prefix
"""

import os
import subprocess
from datetime import datetime, timedelta

try:
    from airflow.sdk import ObjectStoragePath, dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task
    from airflow.io.path import ObjectStoragePath

CLEAN, FINDINGS, INCOMPLETE = 0, 1, 3


def run(*arguments: str) -> int:
    """Run dagwarden; a usage error or a crash fails the task, findings do not yet."""
    command = [os.environ["DAGWARDEN"], *arguments]
    status = subprocess.run(command, check=False).returncode
    if status not in (CLEAN, FINDINGS, INCOMPLETE):
        raise RuntimeError(f"dagwarden {arguments[0]} ended with status {status}")
    return status


@dag(
    schedule="0 3 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=2),
    tags=["compliance"],
)
def dagwarden_nightly():
    @task(retries=2, execution_timeout=timedelta(hours=1))
    def snapshot() -> str:
        """Read tonight's IAM. A part that could not be read is told by the scan."""
        path = os.environ["DAGWARDEN_SNAPSHOT"]
        run("snapshot", "--scope", os.environ["DAGWARDEN_SCOPE"], "-o", path)
        return path

    @task(execution_timeout=timedelta(minutes=30))
    def scan(snapshot: str, ds: str | None = None) -> int:
        """Scan against `snapshot`, and keep the evidence under the day's name."""
        folder = os.path.dirname(snapshot)
        status = run(
            *("scan", "--config", os.environ["DAGWARDEN_CONFIG"]),
            *("--persona", "auditor"),
            *("-o", f"{folder}/report.html", "-o", f"{folder}/result.json"),
        )
        evidence = ObjectStoragePath(os.environ["DAGWARDEN_EVIDENCE"])
        evidence /= ds or "manual"
        evidence.mkdir(parents=True, exist_ok=True)
        for name in ("report.html", "result.json"):
            with open(f"{folder}/{name}", "rb") as file:
                (evidence / name).write_bytes(file.read())
        return status

    @task
    def verdict(status: int) -> None:
        """Fail when there are findings or gaps, so that Airflow's alerts speak up."""
        if status != CLEAN:
            what = "findings at the gate" if status == FINDINGS else "gaps"
            raise RuntimeError(f"dagwarden ended with {what}: read the report")

    verdict(scan(snapshot()))


dagwarden_nightly()
