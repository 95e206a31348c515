"""The real Airflows that tests ask: of both major versions."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PYTHONS = {
    "3": ROOT / ".venv-airflow/bin/python",
    "2.11": ROOT / ".venv-airflow2/bin/python",
}
VERSIONS = [
    pytest.param("3", marks=pytest.mark.airflow),
    pytest.param(
        "2.11",
        marks=[
            pytest.mark.airflow,
            pytest.mark.skipif(
                sys.version_info >= (3, 13),
                reason="Airflow 2.11 needs Python below 3.13",
            ),
        ],
    ),
]
