"""What is told to be refused is what both real Airflows refuse."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.sources.dags.airflows import PYTHONS, VERSIONS
from tests.sources.dags.conftest import Scan

HEAD = """
from datetime import datetime, timedelta
try:
    from airflow.sdk import DAG, TaskGroup, dag, task, task_group
    from airflow.providers.standard.operators.bash import BashOperator
except ImportError:
    from airflow import DAG
    from airflow.decorators import dag, task, task_group
    from airflow.operators.bash import BashOperator
    from airflow.utils.task_group import TaskGroup
"""
VALUES = ("'x'", "'5'", "5", "-1", "0", "1.5", "None", "[]", "{}", "True", "False")
ARGUMENTS = ("execution_timeout", "pool_slots", "priority_weight", "retries", "trigger_rule")  # fmt: skip
RULES = ("all_success", "always", "dummy", "none_failed_or_skipped", "one_done", "ALL_DONE", "all_done_min_one_success", "never")  # fmt: skip
IDS = ("'a b'", "'a/b'", "''", "'a:b'", "' a'", "'a' * 251", "'a' * 250", "'a.b'", "'é'", "5", "None")  # fmt: skip
GROUP_IDS = ("'a.b'", "'a b'", "'a' * 201", "'a' * 200", "'a-b'", "''", "5")
SCHEDULES = (
    "x", "", "* * * *", "61 * * * *", "0 24 * * *", "0 0 0 * *", "0 0 32 * *", "0 0 1 13 *", "0 0 1 0 *", "0 0 * * 8", "0,60 * * * *", "1-70 * * * *",
    "70/5 * * * *", "*/0 * * * *", "*/00 * * * *", "* * * * * * * *", "@never", "@hourly ", "None", "@reboot", "@Daily", "@midnight", "0 0 * * 7", "*/90 * * * *",
    "5-1 * * * *", " 0 0 * * * ", "* * * * * *", "* * * * * * *", "0 0 * JAN *", "0 0 L * *", "R/5 * * * *", "0 0 31 2 *", "00 007 * * *", "0 0 */40 * *", "5-05/1 * * * *",
)  # fmt: skip


def task(given: str) -> str:
    return f"with DAG('d', schedule=None) as d:\n BashOperator(bash_command='x', {given})\n"


def of_dag(given: str) -> str:
    start = "start_date=datetime(2026, 1, 1)"
    return f"with DAG({given}, {start}) as d:\n BashOperator(task_id='t', bash_command='x')\n"


def decorated(given: str, function: str = "", group: str = "") -> str:
    return (
        f"@dag({given})\ndef f():\n @task({function})\n def t(): ...\n"
        f" @task_group({group})\n def g(): t()\n g()\nd = f()\n"
    )


START = "start_date=datetime(2026, 1, 1), schedule"
PROGRAMS = [
    *(decorated(f"{START}={value!r}") for value in SCHEDULES),
    *(decorated(f"{START}={value}") for value in VALUES),
    *(decorated(f"{START}=None, dagrun_timeout={value}") for value in VALUES),
    *(decorated(f"{value}, {START}=None") for value in IDS),
    *(decorated(f"dag_id={value}, {START}=None") for value in IDS),
    *(decorated(f"{START}=None", f"task_id={value}") for value in IDS),
    *(decorated(f"{START}=None", "", f"group_id={value}") for value in GROUP_IDS),
    *(
        decorated(f"{START}=None", f"{name}={value}")
        for name in ARGUMENTS
        for value in VALUES
    ),
    *(
        decorated(f"{START}=None", "", f"default_args={{'{name}': {value}}}")
        for name in ARGUMENTS
        for value in VALUES
    ),
    *(
        decorated(f"{START}=None").replace("g(): t()", f"g(): t.override({given})()")
        for given in ("task_id='a b'", "retries='x'", "trigger_rule='never'")
    ),
    decorated(f"{START}=None").replace(" g()\nd", " g.override(group_id='a b')()\nd"),
    *(task(f"task_id='t', {name}={value}") for name in ARGUMENTS for value in VALUES),
    *(task(f"task_id='t', trigger_rule='{rule}'") for rule in RULES),
    *(task(f"task_id={value}") for value in IDS),
    *(of_dag(f"{value}, schedule=None") for value in IDS),
    *(of_dag(f"'d', schedule={value!r}") for value in SCHEDULES),
    *(of_dag(f"'d', schedule={value}") for value in VALUES),
    *(
        f"with DAG('d', schedule=None) as d, TaskGroup({value}):\n"
        " BashOperator(task_id='t', bash_command='x')\n"
        for value in GROUP_IDS
    ),
]
# Says of each program whether it raises, or what it makes is not valid.
RUN = f"""
import json, sys
HEAD = {HEAD!r}
refused = []
for program in json.load(sys.stdin):
    names = {{}}
    try:
        exec(HEAD + program, names)
        names["d"].validate()
    except Exception:
        refused.append(program)
print("told", json.dumps(refused))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_told_to_be_refused_is_refused(
    scan: Scan, tmp_path: Path, version: str
) -> None:
    told = [
        program
        for program in PROGRAMS
        if any("refuses" in gap.detail for gap in scan(HEAD + program).gaps)
    ]
    made = subprocess.run(
        [str(PYTHONS[version]), "-W", "ignore", "-c", RUN],
        input=json.dumps(told),
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(x for x in made.stdout.splitlines() if x.startswith("told "))
    assert json.loads(line.removeprefix("told ")) == told
    assert len(told) > 220
