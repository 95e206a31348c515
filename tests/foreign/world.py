"""The examples as a user's fork of them, in the cloud of `cloud.py`, judged."""

import json
import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.foreign.cloud import (
    DEPLOYER,
    NUMBER,
    PROJECT,
    SCHEDULER,
    WORKER,
    Cloud,
    Spelling,
    baseline,
)

from dagwarden.config import Config, Environment
from dagwarden.facts import KINDS, Facts, facts_of
from dagwarden.findings import Verdict, Verdicts
from dagwarden.graph.build import derive
from dagwarden.policy.evaluate import judge
from dagwarden.policy.pack import load_rules
from dagwarden.rule import Rule
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.estate import Estate, read_estate

# made by `make foreign` (and so by `make test`) from the provider's own release
SYSTEM_TESTS = Path(__file__).parents[2] / ".foreign" / "tests" / "system" / "google"
EXAMPLES = SYSTEM_TESTS / "cloud" / "cloud_run"
JOBS_DAG = "example_cloud_run.py"
SERVICE_DAG = "example_cloud_run_service.py"
AS_OF = datetime(2026, 11, 20, 6, tzinfo=UTC)

# What a fork does first: its own names in the place of the system tests' variables ...
LITERALS = {
    'os.environ.get("SYSTEM_TESTS_ENV_ID", "default")': '"default"',
    'os.environ.get("SYSTEM_TESTS_GCP_PROJECT", "default")': f'"{PROJECT}"',
}
# ... and next, an identity of its own for what is not a run.
RELEASES = re.compile(r"(CloudRun(?:Create|Update|Delete|List)\w+Operator\()\n")
AS_DEPLOYER = '\\1\n        gcp_conn_id="deployer",\n'

# The account that the example leaves to Cloud Run's default.
NAMELESS = '"encryption_key": "",'
NAMED = f'{NAMELESS}\n                "service_account": "{WORKER}",'

FEDERATED = {
    "type": "external_account",
    "audience": f"//iam.googleapis.com/projects/{NUMBER}/locations/global/"
    "workloadIdentityPools/build/providers/forge",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "/var/run/token"},
    "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/"
    f"projects/-/serviceAccounts/{DEPLOYER}:generateAccessToken",
}


class Judged(NamedTuple):
    """What was known and what was said of it."""

    facts: Facts
    verdicts: dict[tuple[str, str], Verdict]  # by (rule, subject)

    def subjects(self) -> set[str]:
        return {fact.id for kind in KINDS for fact in facts_of(self.facts, kind)}

    def outcomes(self) -> dict[tuple[str, str], str]:
        return {key: verdict.outcome.value for key, verdict in self.verdicts.items()}


class World:
    """One estate, to be changed in place before it is judged."""

    def __init__(self) -> None:
        self.cloud: Cloud = baseline()
        self.dags = {name: fork(example(name)) for name in (JOBS_DAG, SERVICE_DAG)}
        self.connections: dict[str, dict[str, Any]] = {
            "google_cloud_default": google(),
            "deployer": google(credential_config_file=json.dumps(FEDERATED)),
        }
        self.runs_as = SCHEDULER
        self.settings = {
            "operators.default_deferrable": "False",
            "core.default_task_execution_timeout": "",
        }
        self.complete = True
        self.spelling: Spelling = "camelCase"

    def replace(self, old: str, new: str, dag: str = JOBS_DAG) -> None:
        """Replace the one place in a DAG file that reads `old`."""
        assert self.dags[dag].count(old) == 1, f"{self.dags[dag].count(old)} x {old!r}"
        self.dags[dag] = self.dags[dag].replace(old, new)

    def argument(self, number: int, text: str) -> None:
        """Give task `execute-job<number>` an argument, or another value for one."""
        before, start, after = self.dags[JOBS_DAG].partition(f"execute{number} = ")
        call, end, rest = after.partition("    )\n")
        given = re.compile(rf"        {text.partition('=')[0]}=.*,\n")
        call = given.sub("", call) + f"        {text},\n"
        self.dags[JOBS_DAG] = before + start + call + end + rest

    def line(self, text: str, dag: str = JOBS_DAG) -> int:
        """Return the number of the one line of a DAG file that holds `text`."""
        lines = self.dags[dag].splitlines()
        (found,) = (n for n, line in enumerate(lines, start=1) if text in line)
        return found

    def judge(self, folder: Path) -> Judged:
        """Write everything below `folder`, read it, derive and judge."""
        estate = self.read(folder)
        facts = derive(estate.facts, AS_OF)
        said = judge(rules(), facts, {}, estate.given)
        verdicts = Verdicts(
            [report.id for report in said.reports],
            said.judged,
            [verdict for found in said.notable.values() for verdict, _ in found],
        )
        return Judged(facts, {(item.rule, item.subject): item for item in verdicts})

    def read(self, folder: Path) -> Estate:
        (folder / "dags").mkdir(parents=True)
        for name, text in self.dags.items():
            (folder / "dags" / name).write_text(text)
        exported = json.dumps(self.connections)
        (folder / "connections.json").write_text(exported)
        self.cloud.write(folder, self.spelling)
        return read_estate(self.config(folder), fingerprint=NO_KEY, environ={})

    def config(self, folder: Path) -> Config:
        return Config(
            root=str(folder),
            environments=(
                Environment(
                    name="prod",
                    dags=("dags",),
                    runs_as=self.runs_as,
                    airflow="3.1",
                    connections=("export:connections.json",),
                    connections_complete=self.complete,
                    airflow_settings=self.settings,
                ),
            ),
            snapshots=("resources.ndjson", "policies.ndjson"),
        )


NO_KEY = Fingerprint.from_environment({}, None)


@cache
def rules() -> tuple[Rule, ...]:
    return load_rules([])


@cache
def example(name: str) -> str:
    """Return the source of one of the provider's examples, as released."""
    assert EXAMPLES.is_dir(), "no provider examples: run `make foreign`"
    return (EXAMPLES / name).read_text()


def fork(text: str) -> str:
    """Return an example with a fork's own names, and releases by the deployer."""
    for environment, literal in LITERALS.items():
        assert text.count(environment) == 1
        text = text.replace(environment, literal)
    text = text.replace(NAMELESS, NAMED)
    return RELEASES.sub(AS_DEPLOYER, text)


def google(**extra: object) -> dict[str, Any]:
    """Return a Google connection as `airflow connections export` writes it."""
    blank: dict[str, Any] = dict.fromkeys(
        ("description", "host", "login", "password", "schema", "port")
    )
    return blank | {"conn_type": "google_cloud_platform", "extra": json.dumps(extra)}


def changes(before: Judged, after: Judged) -> dict[tuple[str, str], tuple[str, str]]:
    """
    Return the verdicts that differ; `-`: the rule does not apply, or no such subject.

    That something passes which is new, or is gone, is no difference.
    """
    was, now = before.outcomes(), after.outcomes()
    there = before.subjects() & after.subjects()
    return {
        key: pair
        for key in sorted({*was, *now})
        if was.get(key) != now.get(key)
        for pair in [(was.get(key, "-"), now.get(key, "-"))]
        if key[1] in there or set(pair) != {"-", "pass"}
    }
