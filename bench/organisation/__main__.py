"""
How a large organisation is scanned: time and memory from a tenth of one to ten.

    .venv/bin/python bench/organisation FOLDER [SCALE ...] [--cartography PYTHON]

Makes an organisation of each SCALE (0.1 and 1 unless said) below FOLDER, where it is not
there yet (scale 10 takes 900 MB), and runs a whole `dagwarden scan` of it three times, as
a process of its own: of the middle one seconds of the clock and of all processors, and the
most memory that one process held. Then the questions of `questions.py`, with a first and a
second load of the snapshot; with them, a plain networkx graph of the same export, and,
where PYTHON has it installed, the evaluation of Cartography (without its database). Alone
on the machine, please: what others do shows in all of it.

On two processors, with nothing else running (Python 3.11, 2026-11-30); up to three
processes of ours count together under processors, and work at a time:

    scale       input     clock   processors   memory
    0.1          9 MB    0.78 s       0.95 s    83 MB
    1           92 MB    5.12 s       7.39 s   392 MB
    10         920 MB   64.76 s      88.29 s  3501 MB

A dozen scans at scale 1 took 4.8 to 5.5 s that day; on one processor alone one takes 5.8 s.
From 0.1 to 10 the input grows a hundredfold, the clock 83 times, processors 93, memory 42.
From 1 to 10 processors take twelve times as long: look-ups by name come from a memory that
no cache holds, and the system hands out pages, copied after each fork, more slowly.

    1                         load     explain     longest       reach         who     memory
    dagwarden, first       3.172 s     0.001 s     0.087 s     0.003 s     0.187 s     429 MB
    dagwarden, again       1.479 s     0.000 s     0.069 s     0.002 s     0.180 s     359 MB
    networkx               1.393 s                             0.001 s                 300 MB
    cartography 0.143.0    0.352 s                                         0.003 s     332 MB

    10
    dagwarden, first      34.801 s     0.001 s     1.460 s     0.024 s     0.469 s    3870 MB
    dagwarden, again      14.003 s     0.001 s     1.521 s     0.025 s     0.444 s    3097 MB
    networkx              16.489 s                             0.031 s                2657 MB

The longest is the first question: it places what identities can come to.
networkx is asked less (roles by
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
    """Measure a whole scan: the middle of three, by the clock."""
    config = str(made / "dagwarden.toml")
    asked = ("scan", "--config", config, "--as-of", AS_OF, "--no-cache")
    return sorted(run(folder, *asked) for _ in range(3))[1]


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
