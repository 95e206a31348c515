"""What rules tell people to write passes the rule that told them."""

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from dagwarden.policy.load import shipped_rule_files

RULES = {found.rule.id: found.rule for found in shipped_rule_files()}
HOST = "ledger-123456789012.europe-west1.run.app"
DAG = """
from airflow import DAG
from airflow.providers.http.operators.http import HttpOperator
{imports}
with DAG("d", schedule=None):
    HttpOperator(task_id="t", http_conn_id="name", endpoint="/run", {argument})
"""


def path_fact(folder: Path, dag: str, connection: str) -> Any:
    """The path of the one call in `dag`, with `connection` as NAME."""
    dags = folder / "dags"
    dags.mkdir()
    (dags / "d.py").write_text(dag)
    script = Path(sys.executable).with_name("dagwarden")
    done = subprocess.run(
        [script, "facts", "dags", "--connections", "env:", "--kind", "path"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "AIRFLOW_CONN_NAME": connection},
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    return json.loads(line)


def code_of(rule: str) -> list[str]:
    """The blocks of code in a rule's remediation."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", RULES[rule].remediation, re.M)
    return [textwrap.dedent(block).strip() for block in blocks]


@pytest.mark.parametrize(
    "rule", ["service-call-without-id-token", "static-bearer-token"]
)
def test_the_header_that_is_advised_is_read_as_an_id_token(
    rule: str, tmp_path: Path
) -> None:
    imports, _, argument = code_of(rule)[0].partition("\n\n")
    dag = DAG.format(imports=imports, argument=argument)
    assert "SERVICE_URL" in dag
    path = path_fact(
        tmp_path,
        dag.replace("SERVICE_URL", HOST),
        json.dumps({"conn_type": "http", "host": f"https://{HOST}"}),
    )
    assert (path["token"], path["tls"]) == ("id_token", True)


ADVICE = RULES["unverified-transport"].remediation
URI = "http://LOGIN:PASSWORD@https%3A%2F%2FSERVICE_HOST/"


@pytest.mark.parametrize(
    ("connection", "tls"),
    [
        *((found, True) for found in re.findall(r"CONN_NAME='(.*)'", ADVICE)),
        (URI, True),
        (f"https://LOGIN:PASSWORD@{HOST}:443", False),  # what people write
    ],
)
def test_the_connection_that_is_advised_is_https(
    connection: str, tls: bool, tmp_path: Path
) -> None:
    assert len(re.findall("CONN_NAME=", ADVICE)) == 2
    assert URI in ADVICE
    dag = DAG.format(imports="", argument="")
    path = path_fact(tmp_path, dag, connection.replace("SERVICE_HOST", HOST))
    assert path["tls"] is tls
