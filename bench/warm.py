"""
How fast DAG files are read again, against `ruff check --no-cache` over the same files.

    .venv/bin/python bench/warm.py FOLDER [ROUNDS]

FOLDER holds 2,000 files or more, for example unpacked source distributions of Airflow's
providers. Four ways in turn, each round: cold in one process, cold in as many as there
are processors, warm (nothing changed), and ruff, a process of its own. All in seconds
of the clock, the least of all rounds; the cache lies in a temporary folder. Warm once
more as a process, imports and all, as ruff is one.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags import together
from dagwarden.sources.dags.read import find_dags

RUFF = Path(sys.executable).with_name("ruff")
ALONE = """
import sys
from pathlib import Path
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import find_dags
folder = Path(sys.argv[1])
find_dags(folder, "default", [folder], only=None, exclude=(), airflow=None,
          fingerprint=Fingerprint(b"bench", keep=False), cached=True).read()
"""


def read(folder: Path, *, cached: bool) -> Facts:
    """Return the facts of the DAG files below `folder`."""
    return find_dags(
        folder,
        "default",
        [folder],
        only=None,
        exclude=(),
        airflow=None,
        fingerprint=Fingerprint(b"bench", keep=False),
        cached=cached,
    ).read()


def in_one_process(folder: Path) -> Facts:
    """Read `folder` as if there were one processor."""
    with patch.object(together, "MANY", sys.maxsize):
        return read(folder, cached=False)


def run(*command: str) -> None:
    """Run a program and say nothing of what it says."""
    subprocess.run(command, capture_output=True, check=False)


def seconds(act: Callable[[], object]) -> float:
    """Return what `act` takes, by the clock."""
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def main() -> None:
    """Measure and print."""
    folder = Path(sys.argv[1]).absolute()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as cache:
        os.environ["XDG_CACHE_HOME"] = cache
        assert read(folder, cached=True) == in_one_process(folder)
        time.sleep(2)  # what was changed a moment ago is looked into again
        assert read(folder, cached=True) == read(folder, cached=True)
        ways: dict[str, Callable[[], object]] = {
            "cold, one process": lambda: in_one_process(folder),
            "cold, all processors": lambda: read(folder, cached=False),
            "warm": lambda: read(folder, cached=True),
            "warm, as a process": lambda: run(sys.executable, "-c", ALONE, str(folder)),
            "ruff check --no-cache": lambda: run(
                *(str(RUFF), "check", "--no-cache", "--isolated", str(folder))
            ),
        }
        found = {way: [] for way in ways}
        for _ in range(rounds):
            for way, act in ways.items():
                found[way].append(seconds(act))
    files = sum(1 for _ in folder.rglob("*.py"))
    least = {way: min(times) for way, times in found.items()}
    ruff = least["ruff check --no-cache"]
    print(f"{files} files, {rounds} rounds, {os.cpu_count()} processors")
    for way, taken in least.items():
        each = f"{taken:8.3f} s {files / taken:8.0f} files/s {taken / ruff:7.2f} x ruff"
        print(f"{way:<24}{each}")


if __name__ == "__main__":
    main()
