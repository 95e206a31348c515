"""Reading in several processes: the same facts, whatever becomes of the processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dagwarden import beside
from dagwarden.sources.dags import workers

FILES = 80
DAG = "from airflow import DAG\nfrom common import NAME\ndag = DAG(NAME + '-{0}')  # dagwarden: allow x{0}\n"

# Each case is a program of its own: this one may have threads, and is not to be forked.
PROGRAM = """
import os, signal, sys, threading, time
from multiprocessing import get_context
from pathlib import Path
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags import file, read, together, workers

root = Path(sys.argv[1])
parent = os.getpid()
before = file.FileReader.read
workers.processors = lambda: 3

def facts(many=32):
    together.MANY = many
    return repr(read.find_dags(root, "prod", [root], only=None, exclude=(),
        airflow="3.1", fingerprint=Fingerprint(b"", False)).read())

def instead(act):
    def reads(self, path, folder):
        if os.getpid() != parent:
            act(path)
        return before(self, path, folder)
    file.FileReader.read = reads

def die(path):
    os.kill(os.getpid(), signal.SIGKILL)

alone = facts(sys.maxsize)
pids = root.parent / "pids"
pids.mkdir()
noted = lambda path: (pids / str(os.getpid())).touch()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    root.mkdir()
    (root / "common.py").write_text("NAME = 'd'\n")
    (root / "unread.py").write_text("from airflow import DAG\nx = (\n")
    for number in range(FILES):
        (root / f"d{number:02}.py").write_text(DAG.format(number))
    return root


def run(root: Path, program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + program, str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


SAME = {
    "three processes": (
        "instead(noted); assert facts() == alone; print(len(os.listdir(pids)))",
        "3",
    ),
    "few files": (
        "instead(noted); assert facts(1000) == alone; print(len(os.listdir(pids)))",
        "0",
    ),
    "a thread": (
        """
instead(noted)
end = threading.Event(); thread = threading.Thread(target=end.wait); thread.start()
assert facts() == alone
end.set(); thread.join(); print(len(os.listdir(pids)))
""",
        "0",
    ),
    "a daemon of multiprocessing": (
        """
def daemon():
    global parent
    parent = os.getpid()
    instead(noted); assert facts() == alone
process = get_context("fork").Process(target=daemon, daemon=True)
process.start(); process.join(); print(process.exitcode, len(os.listdir(pids)))
""",
        "0 3",
    ),
    "no process is to be had": (
        """
def fork(): raise OSError(11, "Resource temporarily unavailable")
os.fork = fork
assert facts() == alone; print("read")
""",
        "read",
    ),
    "one process is to be had": (
        """
fork = os.fork
def once():
    if os.listdir(pids): raise OSError(11, "Resource temporarily unavailable")
    noted(0); return fork()
os.fork = once
assert facts() == alone; print("read")
""",
        "read",
    ),
    "one dies, of what is over the next time": (
        """
def once(path):
    if path.name == "d40.py" and not (pids / "died").exists():
        (pids / "died").touch(); die(path)
instead(once); assert facts() == alone; print(os.listdir(pids))
""",
        "['died']",
    ),
    "each dies after a file": (
        """
def each(path):
    if (pids / str(os.getpid())).exists(): die(path)
    noted(path)
instead(each); assert facts() == alone; print(len(os.listdir(pids)) > 80)
""",
        "True",
    ),
    "each dies before it has a file": (
        """
fork = os.fork
def gone():
    process = fork()
    if not process: os.kill(os.getpid(), signal.SIGKILL)
    noted(0); return process
os.fork = gone
assert facts() == alone; print(len(os.listdir(pids)))
""",
        "1",
    ),
    "some have nothing left to read": (
        """
workers.processors = lambda: 40
workers.MIN_FILES = 1
instead(noted); assert facts() == alone; print(len(os.listdir(pids)) <= 6)
""",
        "True",
    ),
    "more than a pipe takes": (
        """
workers._IN_A_ROW, workers._MAX_ROWS = 1, 7
instead(noted); assert facts() == alone; print("read")
""",
        "read",
    ),
    "one says less than it meant to": (
        """
def cut(path):
    if path.name == "d40.py" and not (pids / "cut").exists():
        (pids / "cut").touch()
        for one in range(3, 40):
            try: os.write(one, b"\\0\\0\\1\\0half")
            except OSError: pass
        die(path)
instead(cut); assert facts() == alone; print("read")
""",
        "read",
    ),
}


@pytest.mark.parametrize(("program", "printed"), SAME.values(), ids=SAME)
def test_facts_are_the_same_bytes(root: Path, program: str, printed: str) -> None:
    assert run(root, program).strip() == printed


def test_a_file_that_kills_whoever_reads_it_is_a_gap_and_no_other_is(
    root: Path,
) -> None:
    killers = """
instead(lambda path: die(path) if path.name in ("d07.py", "d08.py", "d55.py") else None)
found = facts()
read.find_dags(root, "prod", [root], only=None, exclude=(), airflow="3.1",
    fingerprint=Fingerprint(b"", False)).read()
for number in range(80):
    name = f"d{number:02}.py"
    dag, gap = (f"dag:prod:{name}:d-{number}" in found,
        f"Gap(reason='unreadable', origin=Origin(source='{name}'" in found)
    if not dag or gap:
        print(name, dag, gap)
print(found.count("reading it ends the process"))
"""
    assert run(root, killers).splitlines() == [
        *("d07.py False True", "d08.py False True", "d55.py False True"),
        "3",
    ]


def test_all_readers_of_a_file_are_in_one_process(root: Path) -> None:
    (root / "a.json").write_text("{}")  # of one reader: the others come in pairs
    program = """
from dagwarden.sources.embedded import file as looking
from dagwarden.sources.embedded.read import find_files

who = root.parent / "who"
who.mkdir()
def noting(read):
    def reads(self, path, folder):
        (who / f"{path.name} {os.getpid()}").touch()
        return read(self, path, folder)
    return reads
file.FileReader.read = noting(before)
looking.Reader.read = noting(looking.Reader.read)
key = Fingerprint(b"", False)
together.MANY = 32
together.facts_of([
    read.find_dags(root, "prod", [root], only=None, exclude=(), airflow=None, fingerprint=key),
    find_files(root, [root], only=None, exclude=(), fingerprint=key),
])
print(len(os.listdir(who)), len({name.split()[1] for name in os.listdir(who)}) > 1)
"""
    assert run(root, program) == f"{FILES + 3} True\n"


def test_a_defect_is_met_where_it_can_be_told(root: Path) -> None:
    defect = """
def fails(self, path, folder):
    if path.name == "d40.py": raise ZeroDivisionError("quotes a secret")
    return before(self, path, folder)
file.FileReader.read = fails
try: facts()
except ZeroDivisionError: print("told")
"""
    assert run(root, defect) == "told\n"


# Workers read nothing before they may: however slow the machine is, none is done early.
# What nobody ends goes on after a while.
HELD = """
def held(path):
    noted(path)
    until = time.monotonic() + 60
    while not (root.parent / "go").exists() and time.monotonic() < until:
        time.sleep(0.02)
instead(held)
try: facts(); print("done", flush=True)
except KeyboardInterrupt: print("interrupted", flush=True)
"""


def _group_is_empty(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _wait_until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happens() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert happens()


@pytest.mark.parametrize(
    ("number", "to_all", "printed"),
    [
        (signal.SIGINT, False, "interrupted\n"),
        (signal.SIGINT, True, "interrupted\n"),
        (signal.SIGTERM, False, ""),
        (signal.SIGKILL, False, ""),
    ],
    ids=["interrupted", "interrupted at a terminal", "ended", "killed"],
)
def test_no_process_is_left(
    root: Path, number: signal.Signals, to_all: bool, printed: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM + HELD, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pids = root.parent / "pids"
    _wait_until(lambda: pids.exists() and len(os.listdir(pids)) == 3)
    (os.killpg if to_all else os.kill)(process.pid, number)
    # it is the parent that tells: its workers still wait
    assert process.wait(timeout=30) == (0 if printed else -number)
    # a worker whose parent is gone ends after a row
    (root.parent / "go").touch()
    assert process.communicate(timeout=30) == (printed, "")
    _wait_until(lambda: _group_is_empty(process.pid))


@pytest.mark.parametrize(
    ("there", "quota", "count"),
    [
        (8, "max 100000", 8),
        (8, "250000 100000", 3),
        (8, "50000 100000", 1),
        (2, "800000 100000", 2),
        (8, None, 8),
        (8, "nonsense", 8),
    ],
)
def test_a_container_s_share_of_the_processors_counts(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    there: int,
    quota: str | None,
    count: int,
) -> None:
    limit = tmp_path / "cpu.max"
    if quota is not None:
        limit.write_text(quota)
    monkeypatch.setattr(beside, "CPU_LIMIT", limit)

    def processors(process: int) -> set[int]:
        return set(range(there))

    def threads(folder: str) -> list[str]:
        return ["1"]

    monkeypatch.setattr(os, "sched_getaffinity", processors)
    monkeypatch.setattr(os, "listdir", threads)
    assert workers.workers_for(10_000) == count
    assert workers.workers_for(3) == 1
