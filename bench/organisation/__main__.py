"""
How a large organisation is scanned: time and memory from a tenth of one to ten.

    .venv/bin/python bench/organisation FOLDER [SCALE ...] [--cartography PYTHON]

Makes an organisation of each SCALE (0.1 and 1 unless said) below FOLDER, where it is not
there yet (scale 10 takes 900 MB), and runs a whole `dagwarden scan` of it as a process of
its own: seconds of the clock and of all processors, and the most memory that one process
held. Then the questions of `questions.py`, with a first and a second load of the snapshot;
with them, a plain networkx graph of the same export, and, where PYTHON has it installed,
the evaluation of Cartography (without its database). Alone on the machine, please: what
others do shows in all of it.

On two processors, with nothing else running (Python 3.11, 2026-11-30); up to three
processes of ours count together under processors, and work at a time:

    scale       input     clock   processors   memory
    0.1          9 MB    0.88 s       1.17 s    91 MB
    1           92 MB    6.91 s      10.59 s   471 MB
    10         920 MB   82.93 s     127.02 s  4237 MB

Ten times the input takes twelve times as long: our own code 11.1 times (9.5 and 105 s), the
system 18.7 times (1.2 and 22 s), which copies pages of larger processes after each fork.

    1                         load     explain     longest       reach         who     memory
    dagwarden, first       4.524 s     0.001 s     0.011 s     0.004 s     0.178 s     473 MB
    dagwarden, again       1.851 s     0.001 s     0.017 s     0.004 s     0.189 s     407 MB
    networkx               1.598 s                             0.002 s                 300 MB
    cartography 0.143.0    0.471 s                                         0.004 s     332 MB

    10
    dagwarden, first      48.810 s     0.001 s     0.785 s     0.039 s     0.366 s    4010 MB
    dagwarden, again      19.780 s     0.001 s     0.857 s     0.038 s     0.350 s    3096 MB

Cartography was measured earlier, beside other work. networkx is asked less (roles by
name; no conditions, groups or deny policies, no chains to show). Cartography answers for
one project at a time, knows no groups, and shows no chains; the rest of it needs a Neo4j.
Nothing else was found that answers offline from an export: gcp-iam-analyzer compares
roles, gcp_scanner and Prowler ask Google, Forseti needs Python 2, policyuniverse is about
AWS.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from made import AS_OF, make

DAGWARDEN = Path(sys.executable).with_name("dagwarden")


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of an installed program: its modules are compiled."""
    environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    return environ


def run(folder: Path, *arguments: str) -> tuple[float, float, float]:
    """Run dagwarden; return seconds of the clock, of processors, and megabytes."""
    command = [str(DAGWARDEN), *arguments]
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: {process.returncode}\n{said}")
    return taken, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def organisation(folder: Path, scale: str) -> Path:
    """Return the folder of an organisation, made if it is not there."""
    made = folder / scale
    if not (made / "dagwarden.toml").exists():
        make(made, float(scale))
    return made


def scan(folder: Path, made: Path) -> tuple[float, float, float]:
    """Measure a whole scan."""
    config = str(made / "dagwarden.toml")
    return run(folder, "scan", "--config", config, "--as-of", AS_OF, "--no-cache")


def ask(folder: Path, made: Path, whom: str, python: str) -> dict[str, float]:
    """Put the questions to one of them, in a process of its own."""
    here = Path(__file__).parent
    scanner = here.parent.parent / "scanner"
    environ = environment(folder) | {"XDG_CACHE_HOME": str(folder / "cache")}
    if whom == "cartography":  # it brings neither our code nor what that needs
        path = [str(scanner), *(one for one in sys.path if "site-packages" in one)]
        environ["PYTHONPATH"] = os.pathsep.join(path)
    command = [python, "-W", "ignore", str(here / "questions.py"), whom, str(made)]
    done = subprocess.run(
        command, env=environ, check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def questions(folder: Path, made: Path, python: str | None) -> None:
    """Print what loading and asking takes, in one run for all."""
    asked = [
        ("dagwarden, first", "dagwarden", sys.executable),
        ("dagwarden, again", "dagwarden", sys.executable),
        ("networkx", "networkx", sys.executable),
        *([("cartography", "cartography", python)] if python else []),
    ]
    names = ("load", "explain", "longest", "reach", "who")
    print(f"\n{made.name:<18}" + "".join(f"{name:>12}" for name in (*names, "memory")))
    for label, whom, which in asked:
        found = ask(folder, made, whom, which)
        cells = (f"{found[n]:10.3f} s" if n in found else " " * 12 for n in names)
        print(f"{label:<18}{''.join(cells)}{found['memory']:9.0f} MB", flush=True)


def main() -> None:
    """Measure and print."""
    said = argparse.ArgumentParser(description=__doc__)
    said.add_argument("folder", type=Path)
    said.add_argument("scale", nargs="*", default=["0.1", "1"])
    said.add_argument("--cartography", metavar="PYTHON")
    arguments = said.parse_args()
    folder: Path = arguments.folder.absolute()
    scales: list[str] = arguments.scale
    smallest = organisation(folder, min(scales, key=float))
    scan(folder, smallest)  # compiles the modules
    print(f"{'scale':<8}{'input':>9}{'clock':>10}{'processors':>13}{'memory':>9}")
    for scale in scales:
        made = organisation(folder, scale)
        size = (made / "assets.ndjson").stat().st_size / 1e6
        clock, cpu, memory = scan(folder, made)
        print(
            f"{scale:<8}{size:6.0f} MB{clock:8.2f} s{cpu:11.2f} s{memory:6.0f} MB",
            flush=True,
        )
    for scale in scales:
        questions(folder, organisation(folder, scale), arguments.cartography)


if __name__ == "__main__":
    main()
