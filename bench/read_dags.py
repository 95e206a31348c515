"""
How fast DAG files are read, against `ast.parse` alone over the same files.

    .venv/bin/python bench/read_dags.py [FOLDER ...]

One worker, facts only. Without a FOLDER three corpora are read:

- examples: the system tests of five providers (bench/agreement/sources.txt; pip's index
  is needed once), which are DAG files that nobody here wrote;
- distributions: every Python file of those providers, as if a repository held its
  packages in its DAG folder. Most hold no DAG: Airflow would not look into those that
  have not both words, airflow and dag, and nor do we;
- made: 2,000 DAG files of `made.py`;
- sharing: 50 of them that import operators and helpers of one package.

Prints for each, and for all together, how many files there are, how many of them are
followed, what they hold, and the CPU time of both. Both are measured in turn, and the
least of all rounds counts: what else the machine does only adds. Python's collector is
off for both, as it is in the program. Facts do not say from where each field was read:
only `facts --format ndjson` asks for that.

Where the time goes (a sampling profiler, the examples, one worker, in percent of
reading; Python 3.11): following files 30, parsing 18, following the code of tasks 18,
making facts of tasks 12 (of it secrets 6), hiding secrets 6, asking the system for files
3, what was not followed 2. It is flat from there on. Of packages that hold no DAG,
parsing takes nearly three quarters.

On 2026-11-30, two cores with nothing else running: examples 6.4 times `ast.parse`,
distributions 1.5, made 7.9; examples and distributions together, 2,457 files that nobody
here wrote, 1.9; with what is made 3.2, and 3.7 with `sharing`. An earlier tree took 2.9
without `sharing` on that machine, and 2.8 on another: what was followed is freed now.

What is shared costs again in every file that imports it. The examples under one root,
where imports between them resolve, take 6 to 8 times `ast.parse`, and took 80 to 100
before code that surely sends nothing was left alone. `sharing` is the hard case that is
left: helpers that call themselves with arguments that are partly known. It takes a fifth
of what it took before a recursion that is told nothing new was ended at once: 16 ms for
each file where it had been 87 (on one machine, in the same minutes, others at work).
"""

import ast
import gc
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import find_dags

HERE = Path(__file__).parent
sys.path += [str(HERE), str(HERE / "agreement")]  # the benches' own modules

from made import make, make_sharing  # noqa: E402 - after the path
from prepare import sources  # noqa: E402 - after the path

ROUNDS = 5
MADE = 2_000
SHARING = 50


def parse(contents: list[bytes]) -> float:
    """Return the CPU seconds of parsing `contents`."""
    start = time.process_time()
    for content in contents:
        ast.parse(content)
    return time.process_time() - start


def read(folders: list[Path], only: list[Path] | None = None) -> tuple[float, Facts]:
    """Return the CPU seconds of reading DAGs, and the facts; `only`: some files."""
    root = folders[0].parent
    start = time.process_time()
    facts = find_dags(
        root,
        "default",
        folders,
        only=only,
        exclude=(),
        airflow=None,
        fingerprint=Fingerprint(b"bench", keep=False),
    ).read()
    return time.process_time() - start, facts


def parsable(content: bytes) -> bool:
    """Say whether this Python's parser takes `content`."""
    try:
        ast.parse(content)
    except (SyntaxError, ValueError):
        return False
    return True


class Cost(NamedTuple):
    """How many files there are, and the CPU seconds of parsing and of reading them."""

    files: int
    parsed: float
    taken: float


def compare(name: str, folders: list[Path]) -> Cost:
    """Print and return what both cost over the files below `folders`."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    contents = [held for file in files if parsable(held := file.read_bytes())]
    _, facts = read(folders)  # and warm the file cache
    rounds = [(parse(contents), read(folders)[0]) for _ in range(ROUNDS)]
    parsed = min(one for one, _ in rounds)
    taken = min(one for _, one in rounds)
    cost = Cost(len(files), parsed, taken)
    told(name, cost, f"{len(facts.files):>10}{len(facts.tasks):>7}")
    return cost


def alone(folder: Path, file: Path) -> None:
    """Print what reading one file costs, with all that it imports, as the hook does."""
    taken = min(read([folder], [file])[0] for _ in range(ROUNDS))
    print(f"one file of {folder.name}: {1000 * taken:.1f} ms")


def told(name: str, cost: Cost, held: str = " " * 17) -> None:
    """Print a line of the table."""
    each, ratio = cost.files / cost.taken, cost.taken / cost.parsed
    times = f"{cost.parsed:>11.3f}{cost.taken:>11.3f}{each:>9.0f}{ratio:>7.2f}"
    print(f"{name:<14}{cost.files:>6}{held}{times}")


def main() -> None:
    """Measure and print."""
    # one worker: reading takes as many as there are processors to run on
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    warnings.simplefilter("ignore")
    gc.disable()
    print(
        f"{'corpus':<14}{'files':>6}{'followed':>10}{'tasks':>7}"
        f"{'ast.parse':>11}{'dagwarden':>11}{'files/s':>9}{'ratio':>7}"
    )
    given = [Path(name).absolute() for name in sys.argv[1:]]
    if given:
        for folder in given:
            compare(folder.name, [folder])
        return
    work = HERE.parent / ".agreement"
    work.mkdir(exist_ok=True)
    unpacked = sources(work)
    costs = [
        compare("examples", [folder / "tests" / "system" for folder in unpacked]),
        compare("distributions", unpacked),
    ]
    with tempfile.TemporaryDirectory() as name:
        made = Path(name) / "made"
        make(made, MADE)
        costs.append(compare("made", [made]))
        sharing = Path(name) / "sharing"
        make_sharing(sharing, SHARING)
        costs.append(compare("sharing", [sharing]))
        alone(sharing, sharing / "team_1" / "dag_1.py")
    files, parsed, taken = (sum(column) for column in zip(*costs, strict=True))
    told("all", Cost(int(files), parsed, taken))


if __name__ == "__main__":
    main()
