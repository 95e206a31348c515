"""
Whether credentials are found where DAG repositories hide them, and nothing else is.

    .venv/bin/python bench/credentials [--seed N] [-v] [--keep FOLDER] [TOOL ...]

Makes a set of small repositories, half with one credential and half with what only looks
like one, from a seed: key material, names, files and wordings are drawn afresh, nothing
of it is committed. 20261130 is the set to work with; every other seed is held out: a
detector that was fitted to the first does worse on the next. Then every scanner reads
the set as one estate: dagwarden without and with its extra, Kingfisher, betterleaks and
detect-secrets, in environments of their own (120 MB, once).

A credential is found where a scanner points at its file and a line of what the author
wrote, give or take one. A false alarm is any remark about a repository without one; an
UNKNOWN of dagwarden is neither, and counted apart. *Stray* are remarks about a repository
with a credential that point elsewhere. Beside it: remarks about the system tests of the
Google provider (`make foreign`), which hold none but passwords of their own throw-away
databases, and the files/s for several copies of them, start-up aside; `-v` prints every
miss, false alarm and stray remark.

Seed 20261130, two cores with nothing else running, on 2026-11-30 (536 credentials, 439
harmless). The day's machine slowed down by some 10 to 15 % since its first figures, 492
files/s for dagwarden as it was in the morning.

| scanner | found | recall | false alarms | precision | UNKNOWN | stray | s (CPU s) | start-up s | Google's tests | files/s |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
| dagwarden | 536 | 1.000 | 0 | 1.000 | 0, 3 | 0 | 0.9 (1.4) | 0.12 | 5 | 592 |
| dagwarden + kingfisher | 536 | 1.000 | 0 | 1.000 | 0, 3 | 0 | 5.0 (5.9) | 4.01 | 5 | 487 |
| kingfisher 1.5.0 | 163 | 0.304 | 6 | 0.964 | 0, 0 | 1 | 0.8 (0.7) | 0.41 | 0 | 8065 |
| betterleaks 2.0.0 | 283 | 0.528 | 38 | 0.882 | 0, 0 | 4 | 1.0 (1.6) | 0.12 | 15 | 4792 |
| detect-secrets 1.5.0 | 259 | 0.483 | 100 | 0.721 | 0, 0 | 2 | 2.0 (3.3) | 0.19 | 30 | 66 |
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import file_cases
import harmless
import msgspec
import python_cases
from case import MEMBER, Case, Exam, write
from tools import ROOT, Found, Taken, Tool, take, tools

SEED = 20261130
FOREIGN = ROOT / ".foreign" / "tests" / "system" / "google"


class Marked(msgspec.Struct, frozen=True):
    """One scanner's paper: the cases by what became of them."""

    found: list[Case]
    missed: list[Case]
    unknown: list[Case]  # credentials that it said it could not tell
    alarms: list[Case]
    doubts: list[Case]  # harmless ones that it said it could not tell
    stray: list[tuple[Case, Found]]
    again: list[Case]  # of those found: told by more than one remark

    @property
    def recall(self) -> float:
        return len(self.found) / (
            len(self.found) + len(self.missed) + len(self.unknown)
        )

    @property
    def precision(self) -> float:
        return len(self.found) / max(len(self.found) + len(self.alarms), 1)


def main(arguments: argparse.Namespace) -> int:
    cases = make(arguments.seed)
    work = ROOT / ".credentials"
    work.mkdir(exist_ok=True)
    hidden = sum(case.label is not None for case in cases)
    print(
        f"seed {arguments.seed}: {hidden} credentials, {len(cases) - hidden} harmless\n"
    )
    print(
        "| scanner | found | recall | false alarms | precision | UNKNOWN | stray | s (CPU s) | start-up s | Google's tests: remarks | files/s |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.keep or Path(made) / "exam"
        folder.mkdir(parents=True)  # a new one: what lies there would be read, too
        write(cases, folder)
        for tool in tools(work):
            if not arguments.tools or tool.name in arguments.tools:
                taken = take(tool, folder)
                marked = judge(cases, taken.found)
                show(tool, marked, taken, Path(made))
                if arguments.verbose:
                    details(marked)
    return 0


def make(seed: int) -> list[Case]:
    """Return the set of one seed."""
    exam = Exam(seed)
    python_cases.every_way(exam)
    python_cases.calls(exam)
    file_cases.every_place(exam)
    harmless.every_case(exam)
    python_cases.libraries(exam)
    file_cases.servers(exam)
    harmless.look_alikes(exam)
    return exam.cases


def judge(cases: list[Case], found: list[Found]) -> Marked:
    """Return what became of every case."""
    marked = Marked([], [], [], [], [], [], [])
    by_folder: dict[str, list[Found]] = {}
    for one in found:
        by_folder.setdefault(one.path.split("/")[0], []).append(one)
    for case in cases:
        told = by_folder.get(case.folder, [])
        if case.label is None:
            if any(one.sure for one in told):
                marked.alarms.append(case)
            elif told:
                marked.doubts.append(case)
            continue
        at = [one for one in told if points_at(case, one)]
        sure = any(one.sure for one in at)
        (marked.found if sure else marked.unknown if at else marked.missed).append(case)
        if sum(one.sure for one in at) > 1:
            marked.again.append(case)
        marked.stray.extend((case, one) for one in told if one.sure and one not in at)
    return marked


def points_at(case: Case, one: Found) -> bool:
    """Return whether a remark points at the credential of `case`."""
    label = case.label
    if label is None:
        return False
    path = one.path.removeprefix(f"{case.folder}/")
    if path == label.file.split(MEMBER)[0] and MEMBER in label.file:
        return True  # the archive as a whole
    same = path.replace(MEMBER, "/") == label.file.replace(MEMBER, "/")
    return same and label.first - 1 <= one.line <= label.last + 1


def show(tool: Tool, marked: Marked, taken: Taken, work: Path) -> None:
    """Print one line of the table."""
    empty, foreign = work / "empty", work / f"foreign-{tool.copies}"
    empty.mkdir(exist_ok=True)
    (empty / "dag.py").write_text("from airflow import DAG\n")
    if not foreign.exists():
        for number in range(tool.copies):
            shutil.copytree(FOREIGN, foreign / f"copy{number}")
    start, read = take(tool, empty), take(tool, foreign)
    remarks = {(one.path, one.line) for one in read.found if one.sure}
    files = sum(1 for _ in foreign.rglob("*.py"))
    print(
        f"| {tool.name} | {len(marked.found)} | {marked.recall:.3f} | {len(marked.alarms)} "
        f"| {marked.precision:.3f} | {len(marked.unknown)}, {len(marked.doubts)} | {len(marked.stray)} "
        f"| {taken.seconds:.1f} ({taken.cpu:.1f}) | {start.seconds:.2f} | {len(remarks) // tool.copies} "
        f"| {files / max(read.seconds - start.seconds, 0.001):.0f} |",
        flush=True,
    )


def details(marked: Marked) -> None:
    """Print every case that went wrong, and how many of each kind."""
    for title, listed in (
        ("missed", marked.missed), ("unknown", marked.unknown), ("false alarm", marked.alarms), ("doubt", marked.doubts),
    ):  # fmt: skip
        for case in listed:
            where = f"{case.label.file}:{case.label.first}" if case.label else ""
            print(f"{title}: {case.id} {case.folder}/{where or ' '.join(case.files)}")
    for case, one in marked.stray:
        print(f"stray: {case.id} {one.path}:{one.line}")
    print("told more than once:", len(marked.again))
    for case in marked.again:
        print(f"again: {case.id}")
    shapes = Counter(case.shape.split(",")[0] for case in marked.missed)
    print(
        "missed by shape:",
        ", ".join(f"{shape} {n}" for shape, n in shapes.most_common()),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tools", nargs="*", metavar="TOOL", help="only these scanners")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--keep", type=Path, help="write the set here, and leave it")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="what went wrong, case by case"
    )
    sys.exit(main(parser.parse_args()))
