"""The command as people meet it: what goes wrong, said in one line, and the statuses."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dagwarden.cli import output, program

DAGWARDEN = str(Path(sys.executable).with_name("dagwarden"))
FINE = """
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("fine", schedule=None):
    BashOperator(task_id="hello", bash_command="true")
"""


def run(
    folder: Path, *arguments: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [DAGWARDEN, *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **environment},
        text=True,
        capture_output=True,
        check=False,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags/fine.py").write_text(FINE)
    return tmp_path


def test_a_clean_repository_ends_with_0_and_counts_what_was_read(
    folder: Path,
) -> None:
    done = run(folder, "scan", "dags")
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 DAG" in done.stdout
    assert "\x1b" not in done.stdout


def write(path: str, content: str | bytes) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        data = content.encode() if isinstance(content, str) else content
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)

    return make


def nothing(folder: Path) -> None:
    """Leave the folder as it is."""


RULE = """
id: odd
titel: x
"""
WAIVER = "waivers: [{rule: public-invoker, subject: '*', reason: r, expires: 2027-01-01, approver: a}]"


@pytest.mark.parametrize(
    ("make", "arguments", "words"),
    [
        (nothing, "scan nowhere", ["nowhere", "does not exist"]),
        (nothing, "scan dags --snapshot iam.ndjson", ["iam.ndjson", "does not exist"]),
        (nothing, "scan dags --config operator.toml", ["operator.toml"]),
        (
            nothing,
            "scan dags --airflow-python venv/bin/pyhton",
            ["--airflow-python venv/bin/pyhton", "does not exist", "venv/bin/python"],
        ),
        (nothing, "facts dags --airflow-python dags", ["dags: is a folder", "Python"]),
        (nothing, "scan dags --connections conns.json", ["KIND:FILE"]),
        (nothing, "scan dags --conections env:", ["--conections", "--connections"]),
        (nothing, "scna dags", ["scna", "scan"]),
        (nothing, "scan dags --gate severe", ["severe", "critical"]),
        (nothing, "scan dags --select pubic-invoker", ["did you mean public-invoker"]),
        (nothing, "scan dags --as-of yesterday", ["yesterday", "2026-"]),
        (nothing, "scan dags -o report.pdf", [".pdf", ".html"]),
        (nothing, "scan dags --baseline b.json", ["b.json", "No such file"]),
        (nothing, "scan dags --new-since HEAD", ["git knows no revision"]),
        (nothing, "rules show pubic-invoker", ["did you mean public-invoker"]),
        (nothing, "", ["Missing command", "dagwarden --help"]),
        (nothing, "rules", ["Missing command", "rules --help"]),
        (
            nothing,
            "facts dags --kind taks",
            ["did you mean task? known: airflow_setting, "],
        ),
        (
            nothing,
            "facts dags --kind grant --format ndjson",
            ["ndjson does not show", "grant", "call, dag, task"],
        ),
        (write("b.json", "{"), "scan dags --baseline b.json", ["b.json"]),
        (write("b.json", "{}"), "report b.json", ["b.json"]),
        (write("w.yaml", WAIVER), "scan dags --waivers w.yaml", ["w.yaml", "no owner"]),
        (
            write("rules/odd.yaml", RULE),
            "scan dags --rules rules",
            ["odd.yaml:3", "titel", "title"],
        ),
        (
            write("dagwarden.toml", "gaet = 'low'"),
            "scan dags",
            ["dagwarden.toml", "did you mean gate"],
        ),
        (
            write("dagwarden.toml", "[params.public-invoker]\nmax = 1"),
            "scan dags",
            ["public-invoker", "max"],
        ),
    ],
)
def test_a_usage_error_is_one_line_that_says_what_and_where(
    make: Callable[[Path], None], arguments: str, words: list[str], folder: Path
) -> None:
    make(folder)
    done = run(folder, *arguments.split())
    assert done.returncode == 2, done.stderr
    for word in words:
        assert word in done.stderr
    assert "Traceback" not in done.stderr
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    if "--rules" not in arguments:
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        "scan dags --snapshot pipe",
        "scan --config pipe",
        "scan dags --waivers pipe",
        "scan dags --controls pipe",
        "scan dags --baseline pipe",
        "scan dags --fingerprint-key pipe",
        "scan dags --fingerprint-key /dev/zero",
        "scan dags --baseline /dev/zero",
        "report pipe",
        "scan dags -o /proc/report.json",
        "scan dags -o dags/fine.py/report.json",
    ],
)
def test_what_is_no_file_neither_hangs_nor_crashes(
    arguments: str, folder: Path
) -> None:
    os.mkfifo(folder / "pipe")
    done = run(folder, *arguments.split())
    assert done.returncode in (2, 3)
    assert len(done.stderr.splitlines()) <= 1
    assert "defect" not in done.stderr


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "a." * 20_000 + "b = 1"])
def test_a_repositorys_settings_cannot_stall_the_scan(text: str, folder: Path) -> None:
    (folder / "dagwarden.toml").write_text(text)
    done = run(folder, "scan", "dags")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("command", "status", "said"),
    [
        (f"scan dags {form} {redirect}", *told)
        for form in ("", "--format json", "--format sarif", "--format html")
        for redirect, told in (
            (
                ">/dev/full",
                (2, "error: cannot write the output (No space left on device)"),
            ),
            (">&-", (0, "")),
        )
    ]
    + [
        (
            "--help >/dev/full",
            2,
            "error: cannot write the output (No space left on device)",
        )
    ],
)
def test_a_closed_or_full_output_is_said_in_one_line(
    command: str, status: int, said: str, folder: Path
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{DAGWARDEN} {command}"],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr.strip()) == (status, said)


# Each fails where nothing is written, as a defect of ours might.
FAILS = """
import os, sys
from dagwarden import job
def perform(ready, progress):
    {0}
job.perform = perform
sys.argv = ["dagwarden", "scan", "dags"]
from dagwarden.cli import program
program()
"""


@pytest.mark.parametrize(
    ("act", "status", "said"),
    [
        (
            "open('dags/\\x1b[2Jgone')",
            2,
            "dags/\\x1b[2Jgone: cannot be used (No such file or directory)",
        ),
        ("os.stat(b'dags' * 999)", 2, f"{'dags' * 999}: cannot be used"),
        ("os.read(-1, 1)", 4, "internal error: OSError (Bad file descriptor) in <str"),
        ("raise OSError(0, 's3cr3t')", 4, "internal error: OSError in <string>:5"),
        ("raise ValueError('s3cr3t')", 4, "internal error: ValueError in <string>:5"),
    ],
)
def test_what_fails_elsewhere_is_no_error_of_the_output(
    act: str, status: int, said: str, folder: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FAILS.format(act)],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == status
    assert done.stderr.startswith(f"error: {said}")
    assert "s3cr3t" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_path_that_the_system_refuses_is_told(folder: Path) -> None:
    done = run(folder, "scan", "d" * 5_000)
    assert done.returncode == 2
    assert done.stderr.endswith("d: cannot be used (File name too long)\n")


def loop(folder: Path) -> None:
    (folder / "dags/again").symlink_to(folder / "dags", target_is_directory=True)
    (folder / "dags/self.py").symlink_to(folder / "dags/self.py")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "dags/pipe.py")


def empty(folder: Path) -> None:
    (folder / "dags/fine.py").unlink()


def configured(folder: Path) -> None:
    (folder / "operator.toml").write_text(
        'snapshots = ["gone.ndjson"]\n[[environment]]\nname = "p"\ndags = ["dags"]'
    )


@pytest.mark.parametrize(
    "command",
    [
        "scan --config operator.toml",
        "explain --config operator.toml --who-can run.jobs.run projects/p",
        "facts --config operator.toml --kind task",
        "graph --config operator.toml",
        "suggest --config operator.toml",
    ],
)
def test_a_note_says_that_a_snapshot_takes_the_place_of_configured_ones(
    command: str, folder: Path
) -> None:
    note = "note: --snapshot takes the place of the snapshot of operator.toml\n"
    (folder / "iam.ndjson").write_text("")
    configured(folder)
    assert note not in run(folder, *command.split()).stderr
    done = run(folder, *command.split(), "--snapshot", "iam.ndjson")
    assert done.stderr.startswith(note)
    assert "gone.ndjson" not in done.stderr + done.stdout
    (folder / "operator.toml").write_text("snapshots = ['a.ndjson', 'b.ndjson']")
    done = run(folder, *command.split(), "--snapshot", "iam.ndjson")
    assert done.stderr.startswith(note.replace("snapshot of", "2 snapshots of"))
    (folder / "operator.toml").write_text("")
    done = run(folder, *command.split(), "--snapshot", "iam.ndjson")
    assert "note:" not in done.stderr


DEEP = "airflow_dag = " + "(" * 5000 + ")" * 5000
TERMS = 'import airflow\nfrom airflow import DAG\nX = "a"' + ' + "a"' * 3000
BROKEN = (
    '{"name": "//x", "assetType": "run.googleapis.com/Service", "resource": {}}\n'
    '{"name": "//cut", "asset\n'
    '{"name": "//y", "assetType": "storage.googleapis.com/Bucket", "resource": {}}\n'
)


@pytest.mark.parametrize(
    ("make", "arguments", "source", "reason"),
    [
        (
            write("dags/bad.py", "import airflow\nDAG("),
            "scan dags",
            "dags/bad.py",
            "syntax",
        ),
        (
            write("dags/bad.py", b"# airflow DAG \xff\n"),
            "scan dags",
            "dags/bad.py",
            "encoding",
        ),
        (
            write("dags/bad.py", b"import airflow # DAG\0\n"),
            "scan dags",
            "dags/bad.py",
            "",
        ),
        (
            write("dags/bad.py", b"# airflow DAG\n" + b"x = 1\n" * 2_000_000),
            "scan dags",
            "dags/bad.py",
            "too_large",
        ),
        (
            write("dags/bad.py", f"import airflow\n{DEEP}"),
            "scan dags",
            "dags/bad.py",
            "",
        ),
        (loop, "scan dags", "dags/self.py", "unreadable"),
        (pipe, "scan dags", "dags/pipe.py", "unreadable"),
        (empty, "scan dags", "dags", "missing"),
        (
            write("iam.ndjson", BROKEN),
            "scan dags --snapshot iam.ndjson",
            "iam.ndjson",
            "",
        ),
        (write("iam.ndjson", ""), "scan dags --snapshot iam.ndjson", "iam.ndjson", ""),
        (
            write("iam.ndjson", os.urandom(2000)),
            "scan dags --snapshot iam.ndjson",
            "iam.ndjson",
            "",
        ),
        (configured, "scan --config operator.toml", "gone.ndjson", "missing"),
        (
            write("c.json", '{"a": {"conn_type": "http", "extra": "{"}, "b": 7}'),
            "scan dags --connections export:c.json",
            "c.json",
            "",
        ),
    ],
)
def test_what_cannot_be_read_is_a_gap_and_status_3(
    make: Callable[[Path], None],
    arguments: str,
    source: str,
    reason: str,
    folder: Path,
) -> None:
    make(folder)
    done = run(folder, *arguments.split(), "--format", "json")
    assert done.returncode == 3
    assert all(line.startswith("nothing found") for line in done.stderr.splitlines())
    gaps = json.loads(done.stdout)["result"]["gaps"]
    here = [gap for gap in gaps if gap["origin"]["source"] == source]
    assert here, gaps
    assert any(gap["reason"] == reason for gap in here) or not reason
    text = run(folder, *arguments.split())
    assert source in text.stdout
    assert "Traceback" not in text.stdout + text.stderr


QUESTIONS = ["bot@p.example run.jobs.run {}", "--who-can run.jobs.run {}"]


@pytest.mark.parametrize("words", [*QUESTIONS, "--what-can bot@p.example"])
def test_a_question_names_what_could_not_be_read(folder: Path, words: str) -> None:
    there = "//run.googleapis.com/projects/p/locations/r/jobs/j"
    job = {"name": there, "assetType": "run.googleapis.com/Job"}
    write("iam.ndjson", json.dumps({**job, "resource": {"data": {}}}))(folder)
    write("deny.yaml", "kind: DenyPolicy\n")(folder)
    files = ["--snapshot", "iam.ndjson", "--snapshot", "deny.yaml"]
    done = run(folder, "explain", *files, *words.format("j").split())
    assert done.returncode == 3
    where = "could not be read\n  - deny.yaml:1: not_an_asset: JSON, but nothing that docs/snapshot.md lists\n"
    assert done.stdout.endswith(where)


@pytest.mark.parametrize("words", ["suggest --dags dags", "graph dags"])
def test_what_is_made_of_what_was_read_names_what_was_not(
    folder: Path, words: str
) -> None:
    there = "//cloudresourcemanager.googleapis.com/projects/1"
    kind = "cloudresourcemanager.googleapis.com/Project"
    write("iam.ndjson", json.dumps({"name": there, "assetType": kind}))(folder)
    write("dags/whole.py", "from airflow import DAG\nwith DAG('d'):\n pass\n")(folder)
    files = ["--snapshot", "iam.ndjson"]
    done = run(folder, *words.split(), *files)
    assert (done.returncode, done.stderr) == (0, "")
    write("dags/broken.py", "# airflow dag\nx = (\n")(folder)
    done = run(folder, *words.split(), *files)
    assert done.returncode == 3
    assert done.stderr.startswith("not read: dags/broken.py:2: syntax: ")
    assert done.stdout


def test_a_suggestion_without_dags_is_refused(folder: Path) -> None:
    write("iam.ndjson", json.dumps({"name": "//x/y", "assetType": "x/Y"}))(folder)
    done = run(folder, "suggest", "--snapshot", "iam.ndjson")
    assert done.returncode == 2
    assert done.stderr == (
        "error: there is no DAG whose calls could be kept working; "
        "give a folder of DAGs with --dags or --config\n"
    )


@pytest.mark.parametrize("words", QUESTIONS)
def test_a_resource_may_stand_in_what_could_not_be_read(
    folder: Path, words: str
) -> None:
    write("iam.ndjson", b"\x1f\x8b\x08")(folder)
    done = run(
        folder, "explain", "--snapshot", "iam.ndjson", *words.format("orders").split()
    )
    assert done.returncode == 2
    assert (
        "the snapshot holds no resource 'orders' (not read: iam.ndjson: compressed with "
        "gzip; decompress it first)"
    ) in done.stderr


def test_a_long_sum_is_read_like_any_other(folder: Path) -> None:
    write("dags/long.py", TERMS)(folder)
    assert run(folder, "scan", "dags").returncode in (0, 3)


def test_a_crash_of_ours_does_not_show_what_it_was_about(folder: Path) -> None:
    # A secret in an environment variable that a defect might quote.
    done = run(folder, "scan", "dags", AIRFLOW_CONN_X="http://u:hunter2@h")
    assert "hunter2" not in done.stdout + done.stderr


def test_written_files_are_their_owners_only(folder: Path) -> None:
    done = run(folder, "scan", "dags", "-o", "out/report.html", "-o", "out/r.json")
    assert done.returncode == 0
    assert done.stderr == "wrote out/report.html\nwrote out/r.json\n"
    for name in ("report.html", "r.json"):
        assert (folder / "out" / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("text", "status"), [(FINE, 0), (FINE + "def", 3)])
def test_a_saved_result_ends_as_its_scan_did(
    text: str, status: int, folder: Path
) -> None:
    (folder / "dags/fine.py").write_text(text)
    assert run(folder, "scan", "dags", "-o", "r.json").returncode == status
    assert run(folder, "report", "r.json").returncode == status
    assert run(folder, "report", "dags/fine.py").returncode == 2


def test_new_since_a_revision_only_what_is_new_counts(folder: Path) -> None:
    joined = FINE.replace(
        "    BashOperator",
        "    from airflow.providers.google.cloud.operators.cloud_run import *\n"
        "    BashOperator",
    )
    flawed = joined + (
        "    CloudRunListJobsOperator(task_id='l', project_id='p', region='r',\n"
        "        impersonation_chain='a@p.iam.gserviceaccount.com,"
        "b@p.iam.gserviceaccount.com')\n"
    )
    flawed = flawed.replace("import *", "import CloudRunListJobsOperator")
    (folder / "dags/old.py").write_text(flawed)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t.example"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    assert run(folder, "scan", "dags").returncode == 1
    assert run(folder, "scan", "dags", "--new-since", "HEAD").returncode == 0
    (folder / "dags/new.py").write_text(flawed.replace('"fine"', '"new"'))
    done = run(folder, "scan", "dags", "--new-since", "HEAD")
    assert done.returncode == 1


def test_completion_scripts_are_printed(folder: Path) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "_DAGWARDEN_COMPLETE" in run(folder, "completion", shell).stdout


def test_the_program_ends_with_the_status_of_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr("dagwarden.cli.main", lambda: sys.exit(3))
    program()
    assert ended == [3]


INTERRUPTED = """
import sys

class Interrupts:
    def find_spec(self, name, path, target=None):
        if name == WHEN:
            raise KeyboardInterrupt
        return None

sys.meta_path.insert(0, Interrupts())
sys.argv = ["dagwarden", "scan", "dags"]
from dagwarden.__main__ import program
program()
"""


@pytest.mark.parametrize("when", ["typing", "click", "dagwarden.rule", "dagwarden.job"])
def test_who_interrupts_it_is_told_so_however_early(when: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED.replace("WHEN", repr(when))],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.strip() == "error: interrupted"


def test_it_runs_as_a_module_too(folder: Path) -> None:
    command = [sys.executable, "-m", "dagwarden", "scan", "dags"]
    done = subprocess.run(command, cwd=folder, text=True, capture_output=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 DAG, 1 task" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named", "status"),
    [
        ("scan helpers", "helpers", 0),
        ("scan empty", "empty", 3),  # it holds nothing that could have been read
        ("scan /dev/null", "null", 0),
        ("scan helpers/x.py", "x.py", 0),
        ("facts helpers --kind task", "helpers", 0),
        ("facts helpers --format ndjson", "helpers", 0),
    ],
)
def test_who_gets_no_dag_is_told_what_is_looked_for(
    arguments: str, named: str, status: int, folder: Path
) -> None:
    (folder / "empty").mkdir()
    write("helpers/x.py", "x = 1\n")(folder)
    done = run(folder, *arguments.split())
    assert done.returncode == status
    assert f"nothing found: no DAG in {named}; " in done.stderr
    assert "hold the words airflow and dag" in done.stderr


def test_who_asked_for_no_dags_is_not_told_that_there_are_none(folder: Path) -> None:
    write("c.json", '{"a": {"conn_type": "http"}}')(folder)
    done = run(
        folder, "facts", "--kind", "connection", "--connections", "export:c.json"
    )
    assert (done.returncode, done.stderr) == (0, "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, after: float) -> str:
    """Return what is drawn of a reading of 2,000 files that began `after` seconds ago."""
    now = time.monotonic()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(output, "_START", now - after)
    monkeypatch.setattr(output, "_drawn", now - 1)
    for done in (1, 2, 1_000, 2_000):
        output.progress("environment prod", done, 2_000)
    output.progress("judging")
    output.progress("")
    return stream.getvalue().replace("\x1b[2K", "")


def test_a_bar_shows_how_many_files_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = drawn(monkeypatch, Terminal(), after=2).split("\r")
    assert lines == [
        "",
        f"environment prod {' ' * 24} 1/2,000 files",
        f"environment prod {chr(0x2501) * 24} 2,000/2,000 files",
        "judging ...",
        "",
    ]


@pytest.mark.parametrize(
    ("stream", "after"),
    [(Terminal, 0.5), (io.StringIO, 2)],
    ids=["less than a second", "no terminal"],
)
def test_no_bar_is_drawn_where_nobody_waits_or_looks(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], after: float
) -> None:
    assert drawn(monkeypatch, stream(), after) == ""


@pytest.mark.parametrize("options", [[], ["--format", "ndjson"]])
def test_facts_say_what_they_lack_because_it_could_not_be_read(
    options: list[str], folder: Path
) -> None:
    (folder / "dags/broken.py").write_text("from airflow import DAG\nwith DAG('x'\n")
    done = run(folder, "facts", "dags", *options, "--variables", "export:none.json")
    assert done.returncode == 3
    missing, broken = sorted(
        done.stderr.splitlines(), key=lambda line: "none" not in line
    )
    assert missing.startswith("not read: ")
    assert "none.json: missing: " in missing
    assert broken.startswith("not read: dags/broken.py:2: syntax: ")
    assert all(json.loads(line)["kind"] for line in done.stdout.splitlines())


def test_facts_that_leave_something_open_are_all_there(folder: Path) -> None:
    (folder / "dags/.airflowignore").write_text("fin.\n")  # a glob of 3.x: no match
    done = run(folder, "facts", "dags", "--kind", "dag")
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (0, "dag")
    assert done.stderr.startswith("note: dags/fine.py: unsupported: .airflowignore ")


def test_a_wrong_kind_of_fact_lists_all(folder: Path) -> None:
    done = run(folder, "facts", "dags", "--kind", "job")
    assert done.returncode == 2
    assert "; known: airflow_setting, audit_config, audit_log, " in done.stderr
    traced = run(folder, "facts", "dags", "--kind", "job", "--format", "ndjson")
    assert traced.stderr.endswith("; known: call, dag, task\n")


def test_a_file_that_is_no_dag_file_is_named_and_says_why(folder: Path) -> None:
    (folder / "dags/load.py").write_text("import dagfactory\n")
    assert "1 left out" in run(folder, "scan", "dags").stdout
    said = run(folder, "scan", "dags", "-v").stdout
    assert (
        "Left out\n"
        "  has not both words, airflow and dag: Airflow looks for no DAG in it\n"
    ) in said
    assert said.partition("no DAG in it\n")[2].split()[0] == "dags/load.py"


def test_what_verbose_shows_is_in_a_text_file_too(folder: Path) -> None:
    (folder / "dags/load.py").write_text("import dagfactory\n")
    said = run(folder, "scan", "dags", "-v", "-o", "r.txt", "-o", "r.json").stdout
    assert "Left out\n" in said
    assert (folder / "r.txt").read_text() == said
    run(folder, "report", "r.json", "-v", "-o", "again.txt")
    assert (folder / "again.txt").read_text() == said


def test_a_scan_remembers_what_it_read_unless_told_not_to(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cache = tmp_path_factory.mktemp("home")
    scan = ("scan", "dags", "--format", "json", "--as-of", "2026-11-20")
    said = [
        json.loads(run(folder, *scan, *options, XDG_CACHE_HOME=str(cache)).stdout)
        for options in (["--no-cache"], [], [])
    ]
    assert said[0]["result"] == said[1]["result"] == said[2]["result"]
    # beside the key that stores are named with
    names = sorted(path.suffix for path in (cache / "dagwarden").iterdir())
    assert names == ["", ".facts"]
    # the hook reads one file faster than a store
    other = tmp_path_factory.mktemp("home")
    run(folder, "scan", "dags/fine.py", XDG_CACHE_HOME=str(other))
    run(folder, *scan, "--no-cache", XDG_CACHE_HOME=str(other))
    assert list(other.iterdir()) == []
