"""
What is said of DAG files, and of cloud records, that nobody here wrote.

    .venv/bin/python bench/foreign.py [FOLDER [SNAPSHOT ...]]

FOLDER is by default the provider's system tests (`make foreign`); a SNAPSHOT may be a
folder of exports. Prints what was read, what became of every operator call, and every
finding an engineer would see, for a person to judge. Exits with 1 where an operator
call is lost, or where engineers see more than one finding in ten files, credentials
aside.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # the oracle is the tests'

from tests.foreign.oracle import operator_calls  # noqa: E402

from dagwarden.config import Config, Environment  # noqa: E402 - after the path
from dagwarden.facts import Facts  # noqa: E402
from dagwarden.findings import Finding, Result  # noqa: E402
from dagwarden.policy.pack import load_rules  # noqa: E402
from dagwarden.scan import scan  # noqa: E402
from dagwarden.sources.credentials import Fingerprint  # noqa: E402
from dagwarden.sources.estate import read_estate  # noqa: E402

SYSTEM_TESTS = ROOT / ".foreign" / "tests" / "system" / "google"


def main(folder: Path, snapshots: list[Path]) -> int:
    config = Config(
        root=str(folder),
        environments=(Environment(name="prod", dags=(".",), airflow="3.1"),),
        snapshots=tuple(str(path.absolute()) for path in snapshots),
    )
    start = time.perf_counter()
    fingerprint = Fingerprint.from_environment({}, None)
    estate = read_estate(config, fingerprint=fingerprint, environ={})
    read = time.perf_counter()
    result = scan(
        estate, load_rules([]), config, as_of=datetime(2026, 11, 20, tzinfo=UTC)
    )
    print(f"read {read - start:.2f} s   judged {time.perf_counter() - read:.2f} s\n")
    lost = account(estate.facts, folder)
    shown = findings(result, estate.facts)
    return 1 if lost or shown > dag_files(estate.facts) / 10 else 0


def dag_files(facts: Facts) -> int:
    return sum(file.kind == "dag" for file in facts.files)


def account(facts: Facts, folder: Path) -> int:
    """Print what was read; return how many operator calls are not accounted for."""
    calls = operator_calls(folder)
    found = {(task.origin.source, task.origin.line) for task in facts.tasks}
    read = {file.path for file in facts.files}
    named = {item.what for item in facts.excluded}  # tasks by path:line
    lost = {
        (path, line)
        for path, line in calls - found
        if path in read and f"{path}:{line}" not in named
    }
    print(
        f"{dag_files(facts)} DAG files, {len(facts.dags)} DAGs, {len(facts.tasks)} tasks"
    )
    print(f"{len(calls)} operator calls by ast: {len(calls & found)} found,", end=" ")
    print(f"{len(calls - found - lost)} in what was left out or not read,", end=" ")
    print(f"{len(lost)} lost; {len(found - calls)} places only we call tasks")
    _list("lost", (f"{path}:{line}" for path, line in sorted(lost)))
    print(
        f"{len(facts.calls)} Cloud Run calls",
        dict(Counter(c.operation for c in facts.calls)),
    )
    left_out = Counter[tuple[str, str]]()
    for item in facts.excluded:
        left_out[item.kind, item.reason] += item.count
    _list("left out", (f"{n:6} {kind}: {why}" for (kind, why), n in left_out.items()))
    gaps = Counter((gap.reason, gap.origin.source) for gap in facts.gaps)
    _list(
        "gaps", (f"{n:6} {why}: {source}" for (why, source), n in sorted(gaps.items()))
    )
    for snapshot in facts.snapshots:
        print(
            f"snapshot: {snapshot.assets} assets, {snapshot.assets_not_modelled} of types "
            f"not modelled, {len(facts.bindings)} bindings, {snapshot.layers}"
        )
    return len(lost)


def findings(result: Result, facts: Facts) -> int:
    """Print the findings; return how many an engineer sees, credentials aside."""
    failed = [item for item in result.findings if item.outcome.value == "fail"]
    credentials = {rule.id for rule in result.rules if rule.family == "credentials"}
    engineer = [item for item in failed if item.persona == "engineer"]
    aside = [item for item in engineer if item.rule in credentials]
    others = len(engineer) - len(aside)
    print(f"\nengineer: {len(aside)} credentials, {others} others", end=" ")
    print(f"in {dag_files(facts)} files; auditor, beside them:", end=" ")
    print(f"{len(failed) - len(engineer)} fail,", end=" ")
    print(f"{len(result.findings) - len(failed)} unknown")
    for finding in engineer:
        show(finding)
    _list(
        "auditor",
        (
            f"{n:6} {rule} ({outcome})"
            for (rule, outcome), n in sorted(
                Counter(
                    (item.rule, item.outcome.value)
                    for item in result.findings
                    if item not in engineer
                ).items()
            )
        ),
    )
    return others


def show(finding: Finding) -> None:
    places = sorted({f"{place.source}:{place.line}" for place in finding.places})
    print(f"  {finding.severity} {finding.rule}: {finding.message}")
    print(f"    {', '.join(places[:5])}{' ...' if len(places) > 5 else ''}")


def _list(title: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if shown:
        print(f"{title}:")
    for line in shown[:40]:
        print(f"  {line}")
    if len(shown) > 40:
        print(f"  and {len(shown) - 40} more")


if __name__ == "__main__":
    given = [Path(name) for name in sys.argv[1:]]
    files = [
        file
        for path in given[1:]
        for file in (sorted(path.iterdir()) if path.is_dir() else [path])
    ]
    sys.exit(main((given or [SYSTEM_TESTS])[0].absolute(), files))
