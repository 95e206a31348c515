"""Work beside a process: the same result, whatever becomes of the fork."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
from msgspec import UNSET, UnsetType, structs

from dagwarden.graph.build import OfCloud

REPOSITORY = Path(__file__).parent.parent

# Each case is a program of its own: this one may have threads, and is not to be forked.
PROGRAM = """
import os, signal, sys, threading, time
from dagwarden import beside
from dagwarden.facts import Origin

beside.processors = lambda: 2
parent = os.getpid()
HERE = Origin(source="here")
THERE = Origin(source="there", line=7)

def told():
    return (THERE,) if os.getpid() != parent else (HERE,)

def die():
    if os.getpid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    return told()

def leave():
    if os.getpid() != parent:
        os._exit(0)
    return told()

def fail():
    raise ValueError("a defect")

def linger():
    time.sleep(60)
    return told()

def ask(work, **how):
    with beside.beside(work, tuple[Origin, ...], **how) as result:
        return result()

def no_process():
    raise OSError(11, "Resource temporarily unavailable")
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("program", "printed"),
    [
        ("print(ask(told) == (THERE,))", "True"),
        ("print(ask(told, worth=False) == (HERE,))", "True"),
        ("beside.processors = lambda: 1; print(ask(told) == (HERE,))", "True"),
        (
            """
end = threading.Event(); thread = threading.Thread(target=end.wait); thread.start()
print(ask(told) == (HERE,)); end.set(); thread.join()
""",
            "True",
        ),
        ("os.fork = no_process; print(ask(told) == (HERE,))", "True"),
        ("print(ask(die) == (HERE,))", "True"),
        ("print(ask(leave) == (HERE,))", "True"),
        ("print(len(ask(lambda: told() * 100_000)))", "100000"),
        (
            """
try:
    ask(fail)
except ValueError as error:
    print(error)
""",
            "a defect",
        ),
    ],
)
def test_the_result_is_that_of_the_work(program: str, printed: str) -> None:
    assert run(program) == printed


def test_a_fork_that_nobody_waits_for_ends() -> None:
    start = time.monotonic()
    program = """
try:
    with beside.beside(linger, tuple[Origin, ...]) as result:
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("interrupted")
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no child")
"""
    assert run(program) == "interrupted\nno child"
    assert time.monotonic() - start < 30


SCANNED = """
import os, sys
from pathlib import Path
from msgspec.structs import replace
from dagwarden import beside, job
from dagwarden.graph import build, grants
from dagwarden.sources.snapshot import export, parts

beside.processors = lambda: 2
fork, forks = os.fork, []
def counted():
    forks.append(1)
    return fork()
os.fork = counted

def scanned(many):
    export.MANY = parts.MANY = build.MANY = grants.MANY = many
    said = job.Arguments(operator=Path(sys.argv[1]), as_of="2026-11-20", no_cache=True)
    found = job.perform(job.prepare(said), job.no_progress)
    return tuple(found.verdicts), replace(found, verdicts=())

alone = scanned(sys.maxsize)
print(len(forks), scanned(1) == alone, len(forks))
"""


@pytest.mark.parametrize("estate", ["demo", "hostile", "unknowns"])
def test_a_scan_in_two_processes_is_the_same(estate: str) -> None:
    operator = REPOSITORY / "fixtures" / estate / "operator.toml"
    done = subprocess.run(
        [sys.executable, "-c", SCANNED, str(operator)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    # half of the file, the resources in it, what is judged beside the grants, who deploys
    assert (done.stdout, done.stderr) == ("0 True 4\n", "")


READ = """
import sys
from pathlib import Path
from dagwarden import beside
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import export

beside.processors = lambda: 2
fingerprint = Fingerprint(b"k" * 32, keep=True)

def read(many):
    export.MANY = many
    return export.read_export(Path(sys.argv[1]), "assets.ndjson", fingerprint)

alone = read(sys.maxsize)
print(read(1) == alone, len(alone.gaps), len(alone.assets))
"""
HEADER: dict[str, object] = {
    "dagwarden_snapshot": {
        "version": 1,
        "read_time": "2026-11-20T00:00:00Z",
        "scope": "organizations/1",
        "principal": None,
        "layers": {"allow": "read"},
        "asset_types": ["run.googleapis.com/Service"],
    }
}
END = {"dagwarden_end": {"assets": 40}}
MEMBER = {"kind": "admin#directory#member", "email": "a@b.example", "type": "USER"}


def asset(number: int, **more: object) -> dict[str, object]:
    project = f"projects/p{number % 3}"
    name = f"//run.googleapis.com/{project}/locations/l/services/s{number}"
    variable = {"name": "PASSWORD", "value": f"hunter{number}-2Xy!"}
    data = {"template": {"containers": [{"image": "i", "env": [variable]}]}}
    policy = {"bindings": [{"role": "roles/owner", "members": ["user:A@b.example"]}]}
    return {
        "name": name,
        "assetType": "run.googleapis.com/Service",
        "ancestors": [project, "organizations/1"],
        "updateTime": {"seconds": number},
        "iamPolicy": policy,
        "resource": {"parent": "p", "data": data},
        **more,
    }


ASSETS: list[object] = [asset(number) for number in range(40)]


CASES: list[tuple[list[object], int]] = [
    (ASSETS, 0),
    ([HEADER, *ASSETS, END], 0),
    ([HEADER, *ASSETS], 1),
    ([HEADER, *ASSETS[:39], END], 1),
    ([*ASSETS, "no JSON"], 1),
    (["no JSON", *ASSETS], 1),
    ([*ASSETS, "# a comment", *ASSETS], 1),
    ([*ASSETS, "", "{", *ASSETS], 1),
    ([*ASSETS, MEMBER], 0),
    ([*ASSETS, asset(41, resource={"data": 7})], 1),
    ([*ASSETS, asset(41, assetType="other"), asset(1, name="//x")], 0),
    ([*ASSETS, {"resource": "//a", "policy": {}, "assetType": "x"}], 0),
]


@pytest.mark.parametrize(("lines", "gaps"), CASES)
def test_a_file_read_from_two_ends_is_the_same(
    tmp_path: Path, lines: list[object], gaps: int
) -> None:
    file = tmp_path / "assets.ndjson"
    written = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    file.write_text("\n".join(written), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(file)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    count = sum("assetType" in line for line in written)
    assert (done.stdout, done.stderr) == (f"True {gaps} {count}\n", "")


def test_what_a_fork_sends_loses_no_unset_field() -> None:
    # left out as it is sent, such a field is its default where it arrives
    sent = (field.type for field in structs.fields(OfCloud))
    lost = {
        (record.__name__, field.name)
        for kind in sent
        for record in get_args(kind)
        if record is not ...
        for field in structs.fields(record)
        if UnsetType in get_args(field.type) and field.default is not UNSET
    }
    assert lost == set()
