"""
How fast DAG files are read, against `ast.parse` alone over the same files.

    .venv/bin/python bench/read_dags.py FOLDER [ROUNDS]

One worker. FOLDER is for example `tests/system/google` of an unpacked source
distribution of apache-airflow-providers-google.
"""

import ast
import statistics
import sys
import time
import warnings
from pathlib import Path

from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import read_dags


def parse(files: list[Path]) -> float:
    """Return the CPU seconds of parsing `files`."""
    start = time.process_time()
    for file in files:
        ast.parse(file.read_bytes())
    return time.process_time() - start


def read(folder: Path) -> float:
    """Return the CPU seconds of reading the DAGs under `folder`."""
    start = time.process_time()
    read_dags(
        folder,
        "default",
        [folder],
        only=None,
        exclude=(),
        airflow=None,
        fingerprint=Fingerprint(b"bench", keep=False),
    )
    return time.process_time() - start


def main() -> None:
    folder = Path(sys.argv[1]).absolute()
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    files = sorted(folder.rglob("*.py"))
    warnings.simplefilter("ignore")
    parse(files), read(folder)  # warm the file cache
    pairs = [(parse(files), read(folder)) for _ in range(rounds)]
    parsed = statistics.median(pair[0] for pair in pairs)
    taken = statistics.median(pair[1] for pair in pairs)
    print(f"{len(files)} files, {rounds} rounds, one worker, CPU medians")
    print(f"ast.parse  {parsed:7.3f} s   {len(files) / parsed:7.0f} files/s")
    print(f"dagwarden  {taken:7.3f} s   {len(files) / taken:7.0f} files/s")
    print(f"ratio      {statistics.median(b / a for a, b in pairs):7.2f}")


if __name__ == "__main__":
    main()
