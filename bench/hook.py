"""
What the commit hook costs on one changed file, above its bare imports.

    .venv/bin/python bench/hook.py [RUNS]

Runs `dagwarden scan FILE` and `import click, msgspec, cel_expr_python` in turn, each
in a fresh process, and prints medians of CPU and wall time with their difference.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
PYTHON = sys.executable
DAG = ROOT / "fixtures/demo/dags"
BARE = [PYTHON, "-c", "import click, msgspec, cel_expr_python"]


def cost(command: list[str], folder: str) -> tuple[float, float]:
    """Return (CPU, wall) seconds of one run."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    usage = os.wait4(process.pid, 0)[2]
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    changed = min(DAG.rglob("*.py"), key=lambda path: path.stat().st_size)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, changed.name).write_bytes(changed.read_bytes())
        hook = [str(Path(PYTHON).with_name("dagwarden")), "scan", changed.name]
        for command in (BARE, hook):  # warm the file cache
            cost(command, folder)
        pairs = [(cost(BARE, folder), cost(hook, folder)) for _ in range(runs)]
    for number, name in enumerate(("CPU", "wall")):
        bare = statistics.median(pair[0][number] for pair in pairs) * 1000
        full = statistics.median(pair[1][number] for pair in pairs) * 1000
        print(
            f"{name:<5} bare imports {bare:6.1f} ms   hook {full:6.1f} ms   "
            f"above {full - bare:6.1f} ms"
        )


if __name__ == "__main__":
    main()
