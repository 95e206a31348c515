"""
What the commit hook costs on one changed file of a repository of a thousand, above the
imports it cannot avoid.

    .venv/bin/python bench/hook.py [RUNS]

Builds the wheel, installs it with its dependencies into an environment of its own
(pip's index is needed; rules come compiled there, as for a user), and runs in turn,
each in a fresh process:

- bare: `import click, msgspec` and CEL's module;
- CEL: the same, and CEL's first environment, which imports protobuf;
- the hook: `dagwarden scan FILE`, installed, and from the checkout, which parses YAML.

Prints medians and minima of CPU time (user + system) and of wall time. Where valgrind
is installed also the instructions, which do not depend on what else the machine does.

Goal: 60 ms of CPU above the bare imports. On 2026-11-30, Python 3.11, in millions of
instructions: bare 201, CEL 258, hook 444. With nothing else running: 56.1 ms above them
by medians, 52.8 by minima (bare 51.0 and 48.5, the hook 107.1 and 101.3), and later that day,
on a slower machine, 64.8 (bare 57.3, the hook 122.1). The bare
programs end as Python does, the hook at once: to their instructions that adds some 24
million, which are no import. The largest parts above bare are CEL's environment (57), the reader
of DAGs (75), facts (14), the search for credentials (20), pathlib (14) and OpenSSL (10,
for hashlib); to load a module at all takes 0.25, and there are 135.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.append(str(Path(__file__).parent))  # the benches' own modules

from made import make  # noqa: E402 - after the path

OTHERS = 999
CHANGED = ROOT / "fixtures/demo/dags/prod/address_check.py"
BARE = "import click, msgspec; from cel_expr_python import cel"
CEL = f"{BARE}; cel.NewEnv(variables={{'subject': cel.Type.DYN}})"


class Cost(NamedTuple):
    """Seconds of one run."""

    cpu: float
    wall: float


def cost(command: list[str], folder: Path) -> Cost:
    """Return what one run of `command` costs."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    usage = os.wait4(process.pid, 0)[2]
    wall = time.perf_counter() - start
    return Cost(usage.ru_utime + usage.ru_stime, wall)


def instructions(command: list[str], folder: Path) -> str:
    """Return the instructions of one run, in millions, where valgrind is there."""
    if shutil.which("valgrind") is None:
        return "-"
    counting = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    done = subprocess.run(
        [*counting, "--cachegrind-out-file=/dev/null", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    return f"{int(found[1].replace(',', '')) / 1e6:.0f}" if found else "-"


def installed(folder: Path) -> Path:
    """Return the programs of a new environment that holds the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, str(folder)], cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "venv", with_pip=True, symlinks=True)
    programs = folder / "venv" / "bin"
    install = [str(programs / "pip"), "install", "--quiet", str(wheel)]
    # without compiled modules every run would compile them
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(install, check=True, env=environment)
    return programs


def main() -> None:
    """Measure and print."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        programs = installed(folder)
        make(folder / "repository", OTHERS)
        (folder / "repository" / CHANGED.name).write_bytes(CHANGED.read_bytes())
        checkout = Path(sys.executable).with_name("dagwarden")
        commands = {
            "bare imports": [str(programs / "python"), "-c", BARE],
            "with CEL's environment": [str(programs / "python"), "-c", CEL],
            "hook, installed": [str(programs / "dagwarden"), "scan", CHANGED.name],
            "hook, checkout": [str(checkout), "scan", CHANGED.name],
        }
        there = folder / "repository"
        for command in commands.values():  # warm the file cache
            cost(command, there)
        rounds = [
            {what: cost(command, there) for what, command in commands.items()}
            for _ in range(runs)
        ]
        bare = statistics.median(found["bare imports"].cpu for found in rounds)
        print(f"{'ms, median (minimum)':<24}{'CPU':>16}{'wall':>16}{'above bare':>12}")
        for what, command in commands.items():
            cpu = [found[what].cpu * 1000 for found in rounds]
            wall = [found[what].wall * 1000 for found in rounds]
            middle = statistics.median(cpu)
            print(
                f"{what:<24}{middle:>8.1f} ({min(cpu):5.1f})"
                f"{statistics.median(wall):>8.1f} ({min(wall):5.1f})"
                f"{middle - bare * 1000:>12.1f}"
                f"   {instructions(command, there)} M instructions"
            )


if __name__ == "__main__":
    main()
