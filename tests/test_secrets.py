"""
A secret enters and never leaves: planted in every reader's input, found nowhere.

Every secret is made for the run, so none is in the repository. The whole command
runs over them, with a fingerprint key and without; all it prints and writes, what it
leaves in temporary folders included, is searched for every spelling of each.
"""

import base64
import gzip
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import cast

import pytest
from tests.leaks import Planted, Search, noise, spellings
from tests.leaky_estate import Estate
from tests.sources.cloud_server import listening

DAGWARDEN = str(Path(sys.executable).with_name("dagwarden"))
KEY = "a key for fingerprints, of this test only"
CONFIG = ("--config", "operator.toml", "--as-of", "2026-11-20")
SCAN = ("scan", *CONFIG)
EVERYTHING = ("--persona", "auditor", "--strict")
REGISTERS = ("--waivers", "waivers.yaml", "--controls", "controls.yaml")
HISTORY = [f"out/history.{end}" for end in ("json", "html", "sarif", "txt")]
RESULTS = [f"out/report.{end}" for end in ("json", "html", "sarif", "txt")]

# A defect of ours, whose message quotes what was being read.
DEFECT = """
import dagwarden.sources.dags.read as read

def fails(*arguments, **named):
    text = open("c/.env.prod").read()
    raise RuntimeError(text)

read.find_dags = fails
"""


class Run:
    """Everything that came out of one command line."""

    def __init__(self, arguments: tuple[str, ...], status: int, printed: bytes) -> None:
        self.arguments = arguments
        self.status = status
        self.printed = printed


class Outcome:
    """All runs over one estate, and every file they left."""

    def __init__(self, estate: Estate, key: str | None) -> None:
        self.estate = estate
        self.folder = estate.folder
        self.runs: list[Run] = []
        self._cache = self.folder.with_name(f"{self.folder.name}-cache")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            # below what is scanned nothing is remembered
            "XDG_CACHE_HOME": str(self._cache),
            "PYTHONDONTWRITEBYTECODE": "1",
            **estate.environment,
        }
        if key is not None:
            self.environment["DAGWARDEN_FINGERPRINT_KEY"] = key
        for name in ("home", "tmp", "out"):
            (self.folder / name).mkdir()
        self.before = set(self._files())

    def run(self, *arguments: str, **environment: str) -> Run:
        done = subprocess.run(
            [DAGWARDEN, *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            timeout=120,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        run = Run(arguments, done.returncode, done.stdout + done.stderr)
        self.runs.append(run)
        return run

    def _files(self) -> Iterator[Path]:
        return (
            path
            for path in self.folder.rglob("*")
            if path.is_file() and ".git" not in path.parts
        )

    def remembered(self) -> Iterator[Path]:
        return (path for path in self._cache.rglob("*") if path.is_file())

    def outputs(self) -> Iterator[tuple[str, bytes]]:
        """Yield everything that came out, with what it is called."""
        for run in self.runs:
            yield " ".join(run.arguments), run.printed
        for path in self.remembered():
            content = path.read_bytes()
            yield path.name, content
            with suppress(zlib.error):  # a store of a snapshot, behind its sum
                yield f"{path.name}, packed", zlib.decompress(content[32:])
        for path in sorted(set(self._files()) - self.before):
            name = path.relative_to(self.folder).as_posix()
            content = path.read_bytes()
            yield name, content
            for number, packed in enumerate(_packed(content)):
                yield f"{name}, packed data {number}", packed


def _packed(content: bytes) -> Iterator[bytes]:
    """Yield what is compressed and encoded inside a document."""
    for text in re.findall(rb"[A-Za-z0-9+/]{200,}={0,2}", content):
        try:
            data = base64.b64decode(text)
        except ValueError:
            continue
        for unpack in (gzip.decompress, zlib.decompress):
            try:
                yield unpack(data)
            except (OSError, EOFError, zlib.error):
                yield data


def _everything(outcome: Outcome) -> None:
    """Run every command, over everything it reads."""
    estate, run = outcome.estate, outcome.run
    output = [word for name in RESULTS for word in ("-o", name)]
    run(*SCAN, *EVERYTHING, *REGISTERS, "-v", *output)
    for format_ in ("text", "json", "sarif", "html"):
        run(*SCAN, "--format", format_)
    run(*SCAN, *EVERYTHING, "-v", "--format", "text", "--new-since", "HEAD~1")
    run(*SCAN, "--baseline", "out/report.json", "-o", "out/compared.json")
    past = [word for name in HISTORY for word in ("-o", name)]
    run(*SCAN, *EVERYTHING, "--history", "-v", *past)
    run("scan", *CONFIG, "dags/calls.py", "dags/broken.py", "dags/waived.py", "-v")
    run("scan", "--snapshot", "assets.json", "--snapshot", "broken.json", "-v")
    run("scan", "--snapshot", "sealed.ndjson", "-v")
    kingfisher = ("--kingfisher",)
    for more in (
        (),
        kingfisher,
        (*kingfisher, "--no-cache"),
        (*kingfisher, "--history"),
    ):
        name = "-".join(("out/kinds", *(word.strip("-") for word in more)))
        run(
            *("scan", "kinds", *EVERYTHING, "-v", *more),
            *("-o", f"{name}.json", "-o", f"{name}.html", "-o", f"{name}.sarif"),
        )
        if "--history" not in more:
            run("facts", "kinds", *more)
    run("facts", *CONFIG)
    run("facts", *CONFIG, "--format", "ndjson")
    run("facts", "dags/variables.py", "--format", "ndjson")
    run("facts", *CONFIG, "--kind", "connection", "-o", "out/connections.json")
    run("scan", "dags", "--connections", "facts:out/connections.json")
    for name in ("secret", "kind", "type", "field", "broken"):
        run("scan", "dags", "--connections", f"facts:c/facts-{name}.json")
    run("scan", "dags", "--variables", "export:c/broken-variables.json")
    run("facts", "dags/variables.py", "--variables", "export:c/variables.json")
    for source in ("export:c/all.json", "env:c/.env.prod", "export:c/rest.json"):
        run("facts", "dags/connections.py", "--connections", source)
    for question in (
        ("calls.headers", "run.routes.invoke", "service orders"),
        ("calls.overrides", "run.jobs.runWithOverrides", "load"),
        ("--who-can", "run.routes.invoke", "service orders"),
    ):
        run("explain", *CONFIG, *question)
        run("explain", *CONFIG, *question, "--format", "json")
    # what earlier scans wrote, read as any other file
    run("scan", "out", *EVERYTHING, "-v", "-o", "out/of-reports.json")
    run("report", "out/report.json", "-v")
    run("report", "out/report.json", "-o", "out/again.html", "-o", "out/again.sarif")
    run("diff", "out/report.json", "out/compared.json")
    run("diff", "out/report.json", "out/compared.json", "--format", "json")
    for path in sorted((outcome.folder / "bad").iterdir()):
        name, kind = f"bad/{path.name}", path.stem.partition("-")[0]
        if path.suffix == ".toml":
            run("scan", "--config", name)
        elif kind == "result":
            run("report", name)
            run("diff", name, "out/report.json")
            run(*SCAN, "--baseline", name)
        else:
            run("scan", "dags", f"--{kind}{'s' * (kind != 'result')}", name)
    for folder in ("rules-bad", "rules-broken", "rules-tag", "rules-schema"):
        run("rules", "test", folder)
        run("scan", "dags", "--rules", folder)
    with listening(estate.cloud()) as server:
        # a proxy of this machine must not come between
        run(
            *("snapshot", "--scope", "organizations/9", "-o", "out/pulled.ndjson"),
            *("--local-server", server),
        )
    run("scan", "dags", "--snapshot", "out/pulled.ndjson", "-o", "out/pulled.json")
    planted = estate.planted
    for arguments in (
        ("--gate", planted.token("argument: gate")),
        ("--select", planted.token("argument: select")),
        ("--connections", f"http://u:{planted.plain('argument: connections')}@h"),
        ("--connections", f"env:http://u:{planted.plain('argument: env')}@h"),
        ("--variables", planted.plain("argument: variables")),
        ("--as-of", planted.token("argument: as-of")),
        ("--runs-as", planted.token("argument: runs-as")),
        ("--token", planted.token("argument: unknown option")),
        (f"--token={planted.plain('argument: unknown option with value')}",),
        ("--new-since", planted.token("argument: revision")),
    ):
        run("scan", "dags", *arguments, "-o", "out/said.json", "-o", "out/said.html")
    outcome.folder.joinpath("patched").mkdir()
    patch = outcome.folder / "patched/sitecustomize.py"
    patch.write_text(DEFECT)
    crashed = run(*SCAN, PYTHONPATH=str(patch.parent))
    assert crashed.status == 4
    shutil.rmtree(patch.parent)


def _ran(folder: Path, key: str | None) -> Outcome:
    estate = Estate(folder)
    estate.commit()
    outcome = Outcome(estate, key)
    _everything(outcome)
    return outcome


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Outcome]]:
    # a hundred commands for each: side by side
    keys = {"key": KEY, "no key": None}
    with ThreadPoolExecutor() as pool:
        ran = {
            name: pool.submit(_ran, tmp_path_factory.mktemp("leaky"), key)
            for name, key in keys.items()
        }
        yield {name: outcome.result() for name, outcome in ran.items()}


@pytest.fixture(scope="module", params=["key", "no key"])
def outcome(request: pytest.FixtureRequest, outcomes: dict[str, Outcome]) -> Outcome:
    name: str = request.param
    return outcomes[name]


def test_no_output_holds_a_secret(outcome: Outcome) -> None:
    search = Search(outcome.estate.planted)
    leaks = {
        f"{name}: {leak}"
        for name, content in outcome.outputs()
        for leak in search.found(content)
    }
    assert sorted(leaks) == []


def test_every_command_ran_and_none_crashed(outcome: Outcome) -> None:
    crashed = [run.arguments for run in outcome.runs if run.status not in range(4)]
    assert crashed == [SCAN]  # the one that was made to
    traced = [run for run in outcome.runs if b"Traceback" in run.printed]
    assert [(run.arguments, run.printed[-2000:]) for run in traced] == []
    for name in RESULTS:
        assert (outcome.folder / name).stat().st_size > 10_000


def test_what_only_the_history_holds_is_told_with_its_commit(outcome: Outcome) -> None:
    report = json.loads((outcome.folder / "out/history.json").read_text())
    past = [
        finding["places"][0]["source"]
        for finding in report["result"]["findings"]
        if any(one.startswith("history:") for one in finding["subjects"])
    ]
    git = ("git", "rev-parse", "--short=12", "HEAD~1")
    done = subprocess.run(git, cwd=outcome.folder, capture_output=True, check=True)
    first = done.stdout.decode().strip()
    assert f"{first}:dags/calls.py" in past
    assert f"{first}:kinds/gone.env" in past
    assert {one.partition(":")[2] for one in past} >= {"refs/tags/kept.env"}
    report = json.loads(
        (outcome.folder / "out/kinds-kingfisher-history.json").read_text()
    )
    sources = {
        place["source"]
        for finding in report["result"]["findings"]
        for place in finding["places"]
    }
    assert f"{first}:kinds/gone.env" in sources
    assert len(report["result"]["detectors"]) == 2


def test_nothing_is_left_in_temporary_folders(outcome: Outcome) -> None:
    left = [*(outcome.folder / "tmp").rglob("*"), *(outcome.folder / "home").rglob("*")]
    assert left == []


def test_what_is_remembered_is_searched_too(outcome: Outcome) -> None:
    stores = list(outcome.remembered())
    assert len(stores) > 1
    assert {path.suffix or path.name for path in stores} == {".facts", "key", ".vscdb"}
    names = {name for name, _ in outcome.outputs()}
    assert names >= {path.name for path in stores}


def test_a_credential_is_found_in_every_kind_of_file(outcome: Outcome) -> None:
    for name in ("kinds", "kinds-kingfisher", "kinds-kingfisher-no-cache"):
        result = json.loads((outcome.folder / f"out/{name}.json").read_bytes())[
            "result"
        ]
        told = {
            place["source"].removeprefix("kinds/").removesuffix("/a.env")
            for finding in result["findings"]
            for place in finding["places"]
            if finding["outcome"] == "fail"
        }
        there = {path.name for path in (outcome.folder / "kinds").iterdir()}
        assert there - told <= {"made.py"}
        assert len(result["detectors"]) == (1 if name == "kinds" else 2)


def _secrets(value: object) -> Iterator[dict[str, object]]:
    """Yield every record of a secret in a JSON value."""
    if isinstance(value, dict):
        record = cast("dict[str, object]", value)
        if {"kind", "place", "fingerprint"} <= record.keys():
            if record["kind"] != "embedded_secret":
                yield record
            elif record.get("secret"):  # a file without any has no fingerprint
                yield {**record, "kind": record["secret"]}
        for item in record.values():
            yield from _secrets(item)
    elif isinstance(value, list):
        for item in cast("list[object]", value):
            yield from _secrets(item)


def _told(outcome: Outcome) -> list[dict[str, object]]:
    facts = next(run for run in outcome.runs if run.arguments == ("facts", *CONFIG))
    return [
        secret
        for line in facts.printed.splitlines()
        if not line.startswith((b"not read: ", b"note: "))
        for secret in _secrets(json.loads(line))
    ]


def test_secrets_are_found_and_their_fingerprints_kept_only_with_a_key(
    outcome: Outcome,
) -> None:
    told = _told(outcome)
    kinds = {str(secret["kind"]) for secret in told}
    assert kinds >= {
        *("service_account_key", "authorized_user", "client_secret", "password"),
        *("bearer_token", "api_key", "aws_secret_key", "aws_session_token"),
        *("webhook_url", "secret_value"),
    }
    kept = {secret["fingerprint"] is not None for secret in told}
    assert kept == {"DAGWARDEN_FINGERPRINT_KEY" in outcome.environment}


def test_equal_secrets_have_equal_fingerprints_wherever_they_are(
    outcome: Outcome,
) -> None:
    if "DAGWARDEN_FINGERPRINT_KEY" not in outcome.environment:
        assert {secret["fingerprint"] for secret in _told(outcome)} == {None}
        return
    shared = json.loads(outcome.estate.shared_key)["private_key"]
    body = "".join(shared.splitlines()[1:-1])
    places = {
        secret["place"]
        for secret in _told(outcome)
        if secret["fingerprint"] == _fingerprint(body)
    }
    assert places >= {
        "overrides.container_overrides.env.KEY",
        "overrides.container_overrides.env.ENCODED",
        "overrides.container_overrides.env.IN_URL",
        "overrides.container_overrides.env.IN_JSON.a",
        "extra.extra__google_cloud_platform__keyfile_dict",
        "env.SHARED",
    }
    same = {
        secret["place"]
        for secret in _told(outcome)
        if secret["fingerprint"] == _fingerprint(outcome.estate.shared_password)
    }
    assert same >= {
        "overrides.container_overrides.env.DB_PASSWORD",
        "env.SHARED_PASSWORD",
        "password",
    }


def _fingerprint(value: str) -> str:
    return hmac.new(KEY.encode(), value.encode(), "sha256").hexdigest()[:32]


def test_without_a_key_nothing_of_a_run_s_own_key_is_told(
    tmp_path: Path, outcome: Outcome
) -> None:
    # two runs make two keys: what came from them would differ
    first, second = (
        outcome.run(*SCAN, "--format", "json", TZ=zone) for zone in ("UTC", "UTC")
    )
    results = [json.loads(_document(run.printed))["result"] for run in (first, second)]
    assert results[0] == results[1]


def _document(printed: bytes) -> bytes:
    return printed[printed.index(b"{") :]


@pytest.mark.parametrize("size", [0, 1, 2])
def test_the_search_finds_every_spelling(size: int) -> None:
    planted = Planted()
    planted.password("a password")
    planted.plain("letters")
    planted.short("a short one")
    planted.private_key("a key")
    token = planted.token("a token")
    search = Search(planted)
    assert search.found(noise().encode()) == set()
    for place, part in planted.parts.items():
        for name, text in spellings(part):
            for encoding in ("latin-1", "utf-8"):
                try:
                    content = (noise(50 + size) + text + noise(50)).encode(encoding)
                except UnicodeEncodeError:
                    continue
                assert search.found(content), (place, name)
        for shift in range(3):
            # as it would stand in the middle of something longer
            whole = f"{'x' * (shift + size)}{part} and more".encode()
            for packed in (base64.b64encode(whole), base64.urlsafe_b64encode(whole)):
                assert search.found(packed), (place, shift)
    assert search.found(token[-11:].encode()) == set()


def test_the_search_finds_a_piece_of_a_long_secret() -> None:
    planted = Planted()
    pem = planted.private_key("a key").splitlines()
    assert Search(planted).found(pem[5][20:32].encode()) == {"a key (raw)"}
