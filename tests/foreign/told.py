"""What is expected, in lines that a person reads: `breaks.txt` and `chains.txt`."""

from pathlib import Path

from tests.foreign import cloud
from tests.foreign.world import JOBS_DAG, SERVICE_DAG, Judged, changes

ACCOUNTS = f"//iam.googleapis.com/projects/{cloud.PROJECT}/serviceAccounts/"
NAMES = {
    f"prod:dags/{JOBS_DAG}:cloud_run.": "",
    f"prod:dags/{SERVICE_DAG}:cloud_run_service.": "",
    **{cloud.job(number): f"job{number}" for number in range(1, 6)},
    **{name: f"job{number}" for number, name in enumerate(cloud.JOBS, start=1)},
    cloud.service(): "service",
    cloud.ON_PROJECT: "project",
    cloud.ON_FOLDER: "folder",
    cloud.ON_ORGANIZATION: "organization",
    ACCOUNTS: "account ",
    "serviceAccount:": "",
    f"@{cloud.PROJECT}.iam.gserviceaccount.com": "",
    cloud.DEFAULT_COMPUTE: "default-compute",
}


def short(text: str) -> str:
    """Return a text with the names of this estate as people would say them."""
    for name, word in NAMES.items():
        text = text.replace(name, word)
    return text


def told(before: Judged, after: Judged) -> list[str]:
    """Return the differences, one line for each rule, change and missing input."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for (rule, subject), (was, now) in changes(before, after).items():
        verdict = after.verdicts.get((rule, subject))
        missing = [item.symbol for item in verdict.missing] if verdict else []
        why = f" ({short('; '.join(missing))})" if missing else ""
        grouped.setdefault((rule, f"{was} > {now}", why), []).append(short(subject))
    return [
        f"{rule}: {change}{why}: {', '.join(sorted(subjects))}"
        for (rule, change, why), subjects in sorted(grouped.items())
    ]


def sections(path: Path) -> list[tuple[str, list[str]]]:
    """Return the sections of a file (`== name`), each with its lines."""
    found: list[tuple[str, list[str]]] = []
    for line in path.read_text().splitlines():
        if line.startswith("== "):
            found.append((line.removeprefix("== "), []))
        elif line and not line.startswith("#"):
            found[-1][1].append(line)
    return found
