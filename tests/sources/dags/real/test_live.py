"""
Scanned code runs under a real Airflow: what it may do, and what becomes of the rest.

All files of a version are read in one go, as in a scan: each would harm the others, or
what runs them, if it could.
"""

import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from textwrap import dedent

import pytest
from tests.sources.dags.airflows import PYTHONS, VERSIONS

from dagwarden.sources.dags.real.live import Extraction, Limits, extract

PLANTED = "planted-token-4711"
HEAD = """
import os, sys, time
from datetime import datetime
from airflow import DAG
from airflow.models.baseoperator import BaseOperator
def make(name):
    with DAG(name, schedule=None, start_date=datetime(2026, 1, 1)) as dag:
        BaseOperator(task_id="t")
    globals()["dag"] = dag
"""
# What a file does, and the status that becomes of it: the ids of its DAGs, the error
# that Airflow shows, or why it was not read.
FILES: dict[str, tuple[str, str | list[str]]] = {
    "exits": ("os._exit(3)", "the process that read it ended"),
    "raises_exit": ("sys.exit(1)", "SystemExit"),
    "crashes": (
        """
        import ctypes
        ctypes.CDLL(None).signal(11, None)  # Airflow 3's handler would go on for ever
        ctypes.string_at(0)
        """,
        "the process that read it ended",
    ),
    "loops": ("while True: pass", "it takes Airflow too long"),
    "hides_from_timeouts": (
        """
        import signal
        for name in (signal.SIGALRM, signal.SIGTERM, signal.SIGINT):
            signal.signal(name, signal.SIG_IGN)
        time.sleep(60)
        """,
        "it takes Airflow too long",
    ),
    "prints": (
        """
        print("{}" * 100_000)
        os.write(1, b"out"); os.write(2, b"err")
        make("prints")
        """,
        ["prints"],
    ),
    "writes_everywhere": (
        """
        for descriptor in range(3, 100):
            try:
                os.write(descriptor, b'{"end": 0, "status": "read", "found": 1}\\n')
            except OSError:
                pass
        """,
        "what came back is no answer",
    ),
    "closes": (
        "os.closerange(0, 256); make('closes')",
        "the process that read it ended",
    ),
    "hungry": ("held = bytearray(40_000_000_000)", "MemoryError"),
    "large": (
        """
        with DAG("large", schedule=None, start_date=datetime(2026, 1, 1)):
            for number in range(200):
                BaseOperator(task_id=f"t{number}")
        """,
        "it gives more than can be taken in",
    ),
    "leaves_processes": (
        """
        for _ in range(5):
            if not os.fork():
                os.setsid()
                time.sleep(60)
        make("leaves_processes")
        """,
        ["leaves_processes"],
    ),
    "kills": (
        """
        import signal
        for process in (os.getppid(), -1):
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass
        make("kills")
        """,
        ["kills"],
    ),
    "connects": (
        """
        import socket
        try:
            socket.create_connection(("127.0.0.1", PORT), 1).send(b"hello")
            make("connected")
        except OSError:
            make("no_network")
        """,
        ["no_network"],
    ),
    "looks_around": (
        """
        from pathlib import Path
        seen = [repr(sorted(os.environ.items()))]
        for place in Path("/proc").glob("[0-9]*/environ"):
            try:
                seen.append(place.read_text(errors="replace"))
            except OSError:
                pass
        make("seen" if any("planted-token" in text for text in seen) else "unseen")
        """,
        ["unseen"],
    ),
    "leaves_files": (
        """
        from pathlib import Path
        left = []
        for place in (Path(__file__).parent, Path("/var/tmp")):
            try:
                (place / "left_by_dag").write_text("x")
                left.append("wrote")
            except OSError:
                pass
        Path.home().joinpath("note").write_text("this is allowed")
        make("wrote" if left else "wrote_nothing")
        """,
        ["wrote_nothing"],
    ),
    "spoils_airflow": (
        """
        import airflow.models.baseoperator, builtins
        builtins.open = None
        DAG.add_task = lambda *given: None
        """,
        [],
    ),
    "calls_itself_otherwise": (
        """
        class Id(str):
            def __str__(self): return "other"
        make(Id("calls_itself_otherwise"))
        """,
        ["calls_itself_otherwise"],
    ),
    "zz_last": ("make('last')", ["last"]),
}


@pytest.fixture(scope="module", params=VERSIONS)
def extraction(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extraction]:
    """What became of all the files under one version of Airflow."""
    folder = tmp_path_factory.mktemp("dags")
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.MonkeyPatch.context() as patch,
    ):
        listener.setblocking(False)
        port = str(listener.getsockname()[1])
        patch.setenv("CLOUD_TOKEN", PLANTED)
        files: list[Path] = []
        for name, (code, _) in FILES.items():
            files.append(folder / f"{name}.py")
            files[-1].write_text(HEAD + dedent(code).replace("PORT", port))
        files.sort()
        before = snapshot(folder)
        limits = Limits(seconds=2, size=200_000)
        homes = tmp_path_factory.mktemp("homes")
        patch.setattr(tempfile, "tempdir", str(homes))
        yield extract(PYTHONS[request.param], files, [folder], limits)
        assert snapshot(folder) == before
        assert list(homes.iterdir()) == []
        assert not [one for one in folders_of_processes() if one.is_relative_to(homes)]
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not list(Path("/var/tmp").glob("left_by_dag"))


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*")}


def folders_of_processes() -> Iterator[Path]:
    for place in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            yield place.readlink()


def namespaces() -> bool:
    """Say whether this system lets an isolated process be made at all."""
    unshare = shutil.which("unshare")
    return bool(unshare) and subprocess.call(["unshare", "-Urnm", "true"]) == 0


def test_what_a_file_does_is_its_own_loss(extraction: Extraction) -> None:
    outcome: dict[str, str | list[str]] = {}
    outcome |= {path.stem: why for path, why in extraction.failed.items()}
    for path, found in extraction.found.items():
        faults = [fault.text.strip().rpartition("\n")[2] for fault in found.errors]
        outcome[path.stem] = (
            faults[0].partition(":")[0] if faults else [d.dag_id for d in found.dags]
        )
    assert outcome == {name: expected for name, (_, expected) in FILES.items()}


# What a file asks for, and how the answer is told: it is another where it really runs.
ASKING: dict[str, tuple[str, str] | None] = {
    "os.environ.get('A')": ("environment", "A"),
    "os.getenv('A', 'x')": ("environment", "A"),
    "'A' in os.environ": ("environment", "A"),
    "dict(os.environ)": ("environment", "os.environ"),
    "Path.home()": ("environment", "HOME"),
    "Variable.get('v', 'x')": ("variable", "v"),
    "connected('c')": ("connection", "c"),
    "conf.get('core', 'parallelism')": ("setting", "[core] parallelism"),
    "conf.getint('core', 'parallelism')": ("setting", "[core] parallelism"),
    "open('/etc/passwd')": ("dynamic", "the file /etc/passwd"),
    "Path('/etc/passwd').read_text()": ("dynamic", "the file /etc/passwd"),
    "os.path.exists('/opt/x.yaml')": ("dynamic", "the file /opt/x.yaml"),
    "Path('/opt/x.yaml').is_file()": ("dynamic", "the file /opt/x.yaml"),
    "os.listdir('/opt')": ("dynamic", "the file /opt"),
    "socket.gethostname()": ("dynamic", "the name of the host"),
    "subprocess.call(['true'])": ("dynamic", "another program"),
    # these are the same there
    "open(__file__)": None,
    "os.path.exists(__file__)": None,
    "list(Path(__file__).parent.iterdir())": None,
    "pendulum.timezone('Europe/Paris')": None,
    "json.dumps({})": None,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_file_asks_for_is_told(version: str, tmp_path: Path) -> None:
    preamble = """
        import json, socket, subprocess, pendulum
        from pathlib import Path
        from airflow.configuration import conf
        from airflow.models import Variable
        def connected(name):
            try:
                from airflow.sdk import BaseHook
            except ImportError:
                from airflow.hooks.base import BaseHook
            try:
                return BaseHook.get_connection(name).host
            except Exception:
                return None
        """
    for number, code in enumerate(ASKING):
        text = HEAD + dedent(preamble) + f"asked = {code}\nmake('d')\n"
        (tmp_path / f"f{number:02}.py").write_text(text)
    files = sorted(tmp_path.iterdir())
    extraction = extract(PYTHONS[version], files, [tmp_path])
    assert extraction.failed == {}
    for (code, expected), file in zip(ASKING.items(), files, strict=True):
        asked = extraction.found[file].asked
        told = {(one.reason, one.symbol) for one in asked}
        assert (expected in told) if expected else not told, (code, told)


def test_all_is_taken_from_scanned_code_where_the_system_allows(
    extraction: Extraction,
) -> None:
    if not namespaces():
        pytest.skip("no user namespaces here")
    assert extraction.lacking == ()


@pytest.mark.airflow
def test_where_the_system_takes_nothing_away_that_is_told_and_files_are_still_apart(
    tmp_path: Path,
) -> None:
    """Here a file can end what runs it: it is started again for those that remain."""
    if not namespaces():
        pytest.skip("cannot forbid namespaces here")
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\nexec unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces"
        f'; exec {PYTHONS["3"]} "$@"\' sh "$@"\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    folder = tmp_path / "dags"
    folder.mkdir()
    for name, code in {
        "a": "make('a')",
        "b": "os.kill(os.getppid(), 9); time.sleep(9)",
        "c": """
            for one in ("/proc/%d/stat" % os.getppid(),):
                os.kill(int(open(one).read().split()[3]), 9)
            time.sleep(9)
            """,
        "d": "make('d')",
    }.items():
        (folder / f"{name}.py").write_text(HEAD + dedent(code))
    files = sorted(folder.iterdir())
    found = extract(python, files, [folder], Limits(seconds=5))
    assert found.lacking == ("network", "files", "processes")
    assert [path.stem for path in found.found] == ["a", "d"]
    assert {path.stem for path in found.failed} == {"b", "c"}


@pytest.mark.airflow
def test_two_scans_at_once_are_nothing_to_each_other(tmp_path: Path) -> None:
    def ask(name: str) -> Extraction:
        folder = tmp_path / name
        folder.mkdir()
        file = folder / "dag.py"
        file.write_text(HEAD + f"make({name!r})\n")
        return extract(PYTHONS["3"], [file], [folder], variables={"name": name})

    with ThreadPoolExecutor() as pool:
        one, other = pool.map(ask, ["one", "other"])
    for name, found in {"one": one, "other": other}.items():
        assert found.failed == {}
        assert [dag.dag_id for dag in found.found[tmp_path / name / "dag.py"].dags] == [
            name
        ]


def test_a_program_that_is_no_airflow_gives_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    for program in (Path("/nowhere/python"), Path("/bin/true"), Path("/bin/cat")):
        found = extract(program, [file], [tmp_path], Limits(start=5))
        assert found == Extraction(None, (), {}, {file: "Airflow did not start"})


def test_time_for_all_is_limited(tmp_path: Path) -> None:
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    file = tmp_path / "a.py"
    found = extract(slow, [file], [tmp_path], Limits(total=0.2))
    assert found.failed == {file: "Airflow did not start"}
