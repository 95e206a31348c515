"""
Whether what is read statically agrees with what real Airflow makes of the same files.

    .venv/bin/python bench/agreement [VERSION ...]      2.11 and 3.3 by default

Makes an environment for each version (1.5 GB each, once), and a folder of DAG files that
nobody here wrote: the system tests of the Google, HTTP, Amazon, Kubernetes and
OpenLineage providers from their source distributions, and the examples that Airflow
itself ships. Both readings get the same folder and the same (empty) environment. Prints
the table for the documentation, with -v also every difference and the commonest reasons
for what is not resolved; exits with 1 where a known value is not Airflow's.
"""

import sys
from collections import Counter

import prepare
from compare import AGREE, CONTRADICT, UNRESOLVED, Comparison, compare, table
from readings import by_airflow, statically


def main(versions: list[str]) -> int:
    work = prepare.ROOT / ".agreement"
    work.mkdir(exist_ok=True)
    wrong = 0
    for version in versions or list(prepare.VERSIONS):
        python = prepare.interpreter(work, version)
        folder = prepare.dag_folder(work, version)
        static = statically(folder, version)
        files = [f.path for f in static.facts.files if f.kind == "dag"]
        airflow = by_airflow(python, folder, _dag_files(files))
        found = compare(airflow, static)
        wrong += show(airflow.version, len(files), airflow.refused, found)
    return 1 if wrong else 0


def _dag_files(files: list[str]) -> list[str]:
    return [file for file in files if not file.startswith("tests_common/")]


def show(version: str, files: int, refused: dict[str, str], found: Comparison) -> int:
    """Print one comparison; return how many values contradict."""
    print(
        f"\n## Airflow {version}: {files} files, of which it refuses {len(refused)}\n"
    )
    print(
        f"tasks: {found.both} in both, {len(found.static_only)} static only, "
        f"{len(found.airflow_only)} Airflow only\n"
    )
    print("| field | agree | unresolved | contradict | known |")
    print("|---|---:|---:|---:|---:|")
    for field, counted in table(found.fields):
        _row(field, counted)
    _row("all", Counter(one.outcome for one in found.fields))
    free = [one for one in found.fields if not one.reason.startswith("environment")]
    _row("all, no environment variable", Counter(one.outcome for one in free))
    if "-v" in sys.argv:
        details(found)
    return sum(one.outcome == CONTRADICT for one in found.fields)


def _row(name: str, counted: Counter[str]) -> None:
    total = sum(counted.values())
    known = counted[AGREE] / total if total else 0.0
    numbers = " | ".join(str(counted[o]) for o in (AGREE, UNRESOLVED, CONTRADICT))
    print(f"| {name} | {numbers} | {known:.1%} |")


def details(found: Comparison) -> None:
    """Print every contradiction, every task of one side, and the commonest reasons."""
    for one in found.fields:
        if one.outcome == CONTRADICT:
            where = ":".join((*one.seen.name, one.field))
            print(f"contradict {where} Airflow {one.airflow!r} static {one.static!r}")
    for seen in found.airflow_only:
        print("airflow only", *seen.name, seen.task["class"])
    for task in found.static_only:
        print("static only", task.id, task.origin.line)
    reasons = Counter(
        (one.field, one.reason) for one in found.fields if one.outcome == UNRESOLVED
    )
    for (field, reason), count in reasons.most_common(80):
        print(f"{count:6} {field}: {reason}")


if __name__ == "__main__":
    sys.exit(main([name for name in sys.argv[1:] if not name.startswith("-")]))
