"""What becomes of static facts when a real Airflow is asked, too."""

import zlib
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from textwrap import dedent
from zipfile import ZipFile

import msgspec
import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.sources.dags.airflows import PYTHONS, VERSIONS

from dagwarden.facts import Call, Dag, Facts, Gap, Task, Unresolved
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.dags.real import confirm, live
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import Entry, Variables

SECRET = "hunter2hunter2"
# Told by their names alone, in the file, in a module, and where a task is given it.
WRITTEN, IMPORTED, UNWRITTEN = (f"Zq{token_hex(7)}" for _ in range(3))
# In a package that nobody lists, of a class and of a mapping.
ELSEWHERE, MAPPED = (f"Zq{token_hex(7)}" for _ in range(2))
HEAD = """
import os
from datetime import datetime, timedelta
from airflow import DAG
from airflow.models import Variable
from airflow.models.baseoperator import BaseOperator
START = datetime(2026, 1, 1)
"""
# A stand-in for the Google provider, which is too large for a test's environment.
STAND_IN = """
import sys, types
from airflow.models.baseoperator import BaseOperator
package = "airflow.providers.google.cloud.operators.cloud_run"
class CloudRunExecuteJobOperator(BaseOperator):
    template_fields = ("project_id", "region", "job_name", "overrides")
    def __init__(self, project_id, region, job_name, overrides=None,
                 gcp_conn_id="google_cloud_default", impersonation_chain=None,
                 timeout_seconds=None, deferrable=False, **kwargs):
        super().__init__(**kwargs)
        self.project_id, self.region, self.job_name = project_id, region, job_name
        self.overrides, self.gcp_conn_id = overrides, gcp_conn_id
        self.impersonation_chain = impersonation_chain
        self.timeout_seconds, self.deferrable = timeout_seconds, deferrable
CloudRunExecuteJobOperator.__module__ = package
parts = package.split(".")
for end in range(3, len(parts) + 1):
    module = sys.modules.setdefault(
        ".".join(parts[:end]), types.ModuleType(".".join(parts[:end]))
    )
    module.__path__ = []
module.CloudRunExecuteJobOperator = CloudRunExecuteJobOperator
"""
FILES = {
    "unfollowed": """
        with DAG("unfollowed", schedule=None, start_date=START):
            for name, value in eval("{'x': 3, 'y': 4}").items():
                BaseOperator(task_id=name, retries=value, pool="p" + name)
            BaseOperator(task_id="z", execution_timeout=timedelta(minutes=eval("2")))
            if eval("False"):
                BaseOperator(task_id="never")
        """,
    "told_alike": """
        class Mine(BaseOperator):
            def __init__(self, more, **kwargs):
                super().__init__(**kwargs)
                self.more = more
        with DAG(
            "told_alike", schedule=timedelta(hours=2), start_date=START,
            default_args={"retries": 2, "owner": "team"},
            dagrun_timeout=timedelta(hours=1),
        ):
            BaseOperator(task_id="a", execution_timeout=timedelta(minutes=3))
            BaseOperator(task_id="b", retries=5, queue="q")
            Mine(task_id="c", more=1)
            Mine.partial(task_id="d", pool="slow").expand(more=[1, 2])
        """,
    "asks": """
        with DAG("asks", schedule=None, start_date=START):
            BaseOperator(task_id="a", retries=eval("3"))
            for name in eval("[os.environ.get('ELSEWHERE', 'added')]"):
                BaseOperator(task_id=name, retries=4, pool="p")
            if os.environ.get("ELSEWHERE"):
                BaseOperator(task_id="elsewhere")
            globals()[("BaseOperator")](task_id="found_by_airflow", retries=9)
        """,
    "given": """
        with DAG("given", schedule=None, start_date=START):
            BaseOperator(task_id="a", retries=eval("int(Variable.get('retries', 1))"))
        """,
    "object": """
        with DAG("object", schedule=None, start_date=START):
            held = Variable.get("limits", deserialize_json=True)
            BaseOperator(task_id="a", retries=eval("held['retries']"))
        """,
    "object_as_text": """
        with DAG("object_as_text", schedule=None, start_date=START):
            held = Variable.get("limits")
            BaseOperator(task_id="a", retries=eval("len(held)"))
        """,
    "lacks": """
        with DAG("lacks", schedule=None, start_date=START):
            BaseOperator(task_id="a", retries=int(Variable.get("elsewhere")))
        """,
    "broken": """
        with DAG("broken", schedule=None, start_date=START)
            BaseOperator(task_id="a")
        """,
    "native": """
        with DAG(
            "native", schedule=None, start_date=START,
            render_template_as_native_obj=True,
        ):
            import stand_in
            from airflow.providers.google.cloud.operators.cloud_run import (
                CloudRunExecuteJobOperator,
            )
            CloudRunExecuteJobOperator(
                task_id="a", project_id="{{ none }}", region="r", job_name="{{ 'j' }}",
                overrides="{{ {'timeout': '9s'} }}",
            )
        """,
    "hides": f"""
        import zlib
        PASSWORD = zlib.decompress({zlib.compress(SECRET.encode())!r}).decode()
        with DAG("hides", schedule=None, start_date=START):
            BaseOperator(task_id="a", params={{"password": PASSWORD}})
        """,
    "woven_in": f"""
        import sys
        import zlib
        import stand_in
        sys.path.append(eval("os.path.join(os.path.dirname(__file__), '..', 'lib')"))
        from company.settings import PASSWORDS, Settings
        from airflow.providers.google.cloud.operators.cloud_run import (
            CloudRunExecuteJobOperator,
        )
        from keys import MAPS_API_KEY
        DB_PASSWORD = "{WRITTEN}"
        UNWRITTEN = zlib.decompress({zlib.compress(UNWRITTEN.encode())!r}).decode()
        with DAG("woven_in", schedule=None, start_date=START):
            BaseOperator(task_id=f"read-{{DB_PASSWORD}}", pool=eval("DB_PASSWORD"))
            CloudRunExecuteJobOperator(
                task_id=f"t-{{MAPS_API_KEY}}", project_id=f"p-{{MAPS_API_KEY}}",
                region="r", job_name=eval("f'job-{{MAPS_API_KEY}}'"),
            )
            CloudRunExecuteJobOperator(
                task_id="u", project_id=f"p-{{UNWRITTEN}}", region="r",
                job_name=f"job-{{UNWRITTEN}}", gcp_conn_id=f"c-{{UNWRITTEN}}",
                overrides={{"env": [{{"name": "API_TOKEN", "value": UNWRITTEN}}]}},
            )
            BaseOperator(task_id=f"v-{{Settings.RELAY_TOKEN}}", pool=PASSWORDS["eu"])
        """,
    "refused": f"""
        with DAG("refused", schedule=None, start_date=START):
            BaseOperator(task_id="a")
        raise ValueError("{SECRET}")
        """,
    "ends": """
        with DAG("ends", schedule=None, start_date=START):
            BaseOperator(task_id="a")
        os._exit(1)
        """,
    "calls": """
        import stand_in
        from airflow.providers.google.cloud.operators.cloud_run import (
            CloudRunExecuteJobOperator,
        )
        with DAG("calls", schedule=None, start_date=START):
            CloudRunExecuteJobOperator(
                task_id="a", project_id="p", region="r", job_name=eval("'job'"),
                impersonation_chain=eval("['x@p.example', 'y@p.example']"),
                overrides=eval("{'timeout': '9s'}"), gcp_conn_id=eval("'other'"),
            )
        """,
}


ZIPPED = {
    "sound": """
        from beside import RETRIES
        # by a name: one without is lost where another file of the archive is refused
        with DAG("sound", schedule=None, start_date=START) as dag:
            BaseOperator(task_id="a", retries=RETRIES, pool=eval("'p'"))
        """,
    "refused_in_zip": """
        with DAG("refused_in_zip", schedule=None, start_date=START):
            BaseOperator(task_id="a", pool=eval("1 / 0"))
        """,
}


EVAL = "what eval() runs is not read"


class Both:
    """The facts of all files: as read, and with those of Airflow."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.read = self._facts(None)
        self.joined = self._facts(python)

    def _facts(self, python: Path | None) -> Facts:
        limits = Entry(UNSET, {"retries": 6})  # as an export tells it
        layer = Layer({"retries": Entry("7", 7), "limits": limits})
        return find_dags(
            self.root,
            "prod",
            [Path("dags")],
            only=None,
            exclude=("stand_in.py",),
            airflow="3.1",
            fingerprint=Fingerprint(b"key", keep=True),
            traced=True,
            airflow_python=python,
            outside=Outside(Variables((layer,))),
        ).read()

    def task(self, name: str, facts: Facts | None = None) -> Task:
        held = (facts or self.joined).tasks
        (found,) = (one for one in held if one.id == f"task:prod:{_id(name)}")
        return found

    def gaps(self, file: str) -> list[Gap]:
        held = self.joined.gaps
        return [gap for gap in held if gap.origin.source == f"dags/{file}.py"]

    def names(self, file: str) -> list[str]:
        path = f"dags/{file}.py"
        held = self.joined.tasks
        return sorted(one.id.rpartition(".")[2] for one in held if path in one.id)


def _id(name: str) -> str:
    return f"dags/{name.partition('.')[0]}.py:{name}"


def write(root: Path) -> None:
    (root / "dags").mkdir()
    (root / "dags/stand_in.py").write_text(dedent(STAND_IN))
    (root / "lib/company").mkdir(parents=True)
    (root / "lib/company/settings.py").write_text(
        f'class Settings:\n    RELAY_TOKEN = "{ELSEWHERE}"\nPASSWORDS = {{"eu": "{MAPPED}"}}\n'
    )
    (root / "dags/keys.py").write_text(f'MAPS_API_KEY = "{IMPORTED}"\n')
    for name, text in FILES.items():
        (root / f"dags/{name}.py").write_text(HEAD + dedent(text))
    with ZipFile(root / "dags/packed.zip", "w") as archive:
        archive.writestr("beside.py", "RETRIES = 5\n")
        for name, text in ZIPPED.items():
            archive.writestr(f"{name}.py", HEAD + dedent(text))


@pytest.fixture(scope="module", params=VERSIONS)
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Both:
    root = tmp_path_factory.mktemp("repository")
    write(root)
    return Both(root, PYTHONS[request.param])


def test_what_could_not_be_followed_becomes_known(both: Both) -> None:
    assert both.names("unfollowed") == ["x", "y", "z"]
    x, y = both.task("unfollowed.x"), both.task("unfollowed.y")
    assert (x.retries, y.retries, x.pool, y.pool) == (3, 4, "px", "py")
    assert x.unresolved == y.unresolved == ()
    assert x.dag == "dag:prod:dags/unfollowed.py:unfollowed"
    assert (x.origin.source, x.origin.line) == ("dags/unfollowed.py", 11)
    assert both.task("unfollowed.z", both.read).execution_timeout is UNSET
    z = both.task("unfollowed.z")
    assert z.execution_timeout == 120.0
    sources = {one.field: (one.source, one.confirmed) for one in z.provenance}
    assert sources["execution_timeout"] == ("airflow", False)
    assert sources["operator"] == ("argument", True)


def test_what_airflow_does_not_make_is_left_out_with_the_reason(both: Both) -> None:
    reasons = {
        (one.what, one.reason) for one in both.joined.excluded if one.kind == "task"
    }
    assert reasons == {
        ("dags/unfollowed.py:11", "Airflow shows which tasks it stands for"),
        ("dags/unfollowed.py:14", "Airflow makes no such task"),
    }


def test_what_both_know_is_the_same(both: Both) -> None:
    for name, retries in {"a": 2, "b": 5, "c": 2, "d": 2}.items():
        task = both.task(f"told_alike.{name}")
        read = both.task(f"told_alike.{name}", both.read)
        assert task.retries == retries
        assert replace(task, provenance=()) == replace(read, provenance=())
        unconfirmed = {one.field for one in task.provenance if not one.confirmed}
        # a setting of the real environment decides these
        settings = {"execution_timeout", "queue"}
        assert unconfirmed <= settings
    assert both.gaps("told_alike") == []
    assert not any(gap.reason == "conflict" for gap in both.joined.gaps)


def test_a_file_that_asks_for_its_environment_makes_nothing_known(both: Both) -> None:
    """Where it really runs, what it asks for is something else."""
    a = both.task("asks.a")
    assert a.retries is UNSET
    assert [entry.reason for entry in a.unresolved] == ["dynamic"]
    assert both.task("asks.elsewhere") == both.task("asks.elsewhere", both.read)
    found = both.task("asks.found_by_airflow")
    assert found.retries in (UNSET, 9)
    assert "added" not in both.names("asks")  # the task of its line stands for it


def test_variables_of_the_scan_are_those_that_the_file_finds(both: Both) -> None:
    assert both.task("given.a", both.read).retries is UNSET
    assert both.task("given.a").retries == 7


def test_an_exported_object_is_given_as_what_it_means(both: Both) -> None:
    """Its text is not in an export: who asks for that gets another."""
    assert both.task("object.a", both.read).retries is UNSET
    assert both.task("object.a").retries == 6
    assert [gap.detail for gap in both.gaps("object")] == [EVAL]
    assert both.task("object_as_text.a").retries is UNSET
    assert [gap.detail for gap in both.gaps("object_as_text")] == [EVAL]


def test_a_file_that_lacks_an_input_is_not_called_refused(both: Both) -> None:
    (gap,) = both.gaps("lacks")
    assert (gap.reason, gap.incomplete) == ("unsupported", False)
    assert gap.detail.startswith("this Airflow cannot load the file (")
    assert gap.detail.endswith("what it is not given: variable elsewhere")


def test_a_broken_file_is_told_once(both: Both) -> None:
    (gap,) = both.gaps("broken")
    assert (gap.reason, gap.origin.line) == ("syntax", 9)


def test_what_a_native_template_gives_is_the_same_for_both(both: Both) -> None:
    (call,) = (one for one in both.joined.calls if "native.py" in one.id)
    read = [one for one in both.read.calls if one.id == call.id]
    assert [call.project, call.name] == [read[0].project, read[0].name] == [None, "j"]
    assert both.gaps("native") == []


def test_the_files_of_an_archive_are_asked_about_too(both: Both) -> None:
    path = "dags/packed.zip/sound.py"
    task = f"task:prod:{path}:sound.a"
    (read,) = (one for one in both.read.tasks if one.id == task)
    (told,) = (one for one in both.joined.tasks if one.id == task)
    assert (read.retries, read.pool, told.retries, told.pool) == (5, UNSET, 5, "p")
    assert told.origin == read.origin
    confirmed = {one.field for one in told.provenance if one.confirmed}
    assert {"operator", "retries"} <= confirmed
    gap = both.gaps("packed.zip/refused_in_zip")[0]
    assert gap.detail == (
        "Airflow refuses the file: ZeroDivisionError; run the file with that Python to "
        "see the error"
    )
    assert gap.origin.line == 10
    assert "sound" in {one.dag_id for one in both.joined.dags}
    assert "refused_in_zip" in {one.dag_id for one in both.joined.dags}


def test_a_secret_that_only_airflow_sees_is_told_without_its_value(both: Both) -> None:
    assert both.task("hides.a", both.read).secrets is UNSET
    (secret,) = both.task("hides.a").secrets_known
    assert both.task("hides.a").secrets == (secret,)
    assert (secret.kind, secret.place) == ("password", "params.password")
    assert secret.fingerprint == Fingerprint(b"key", keep=True).of(SECRET)
    assert SECRET not in repr(both.joined)


def test_a_secret_is_kept_out_of_what_airflow_makes_with_it(both: Both) -> None:
    calls = [call for call in both.joined.calls if "woven_in.py" in call.id]
    assert [(call.project, call.name) for call in calls] == [("p-***", "job-***")] * 2
    tasks = [task for task in both.joined.tasks if "woven_in.py" in task.id]
    assert [task.task_id for task in tasks] == ["read-***", "t-***", "u", "v-***"]
    assert tasks[0].pool == tasks[3].pool == "***"
    assert not any(gap.reason == "conflict" for gap in both.gaps("woven_in"))
    shown = repr(both.joined)
    secrets = (WRITTEN, IMPORTED, UNWRITTEN, ELSEWHERE, MAPPED)
    assert not any(one in shown for one in secrets)


def test_a_file_that_airflow_refuses_keeps_what_was_read(both: Both) -> None:
    (gap,) = both.gaps("refused")
    assert (gap.reason, gap.detail) == (
        "malformed",
        "Airflow refuses the file: the file raises here",
    )
    assert (gap.origin.line, gap.incomplete) == (11, False)
    assert both.task("refused.a") == both.task("refused.a", both.read)


def test_a_file_that_airflow_could_not_read_is_a_gap(both: Both) -> None:
    gap = both.gaps("ends")[0]
    assert gap.reason == "timeout"
    assert gap.detail == "Airflow did not read it: the process that read it ended"
    assert gap.incomplete
    assert both.task("ends.a") == both.task("ends.a", both.read)


def test_calls_become_known(both: Both) -> None:
    (call,) = (one for one in both.joined.calls if "calls.py" in one.id)
    task = both.task("calls.a")
    assert call.task == task.id
    assert (call.project, call.region, call.name) == ("p", "r", "job")
    assert (call.overrides, call.overrides_duration) == (True, True)
    assert call.permissions == (
        *("run.jobs.get", "run.jobs.runWithOverrides", "run.operations.get"),
    )
    assert task.connection == "other"
    assert (task.connection_parameter, task.connection_source) == (
        "gcp_conn_id",
        "argument",
    )
    assert task.impersonation_chain == ("x@p.example", "y@p.example")


# ------------------------------------------------- answers that no Airflow here gives

TASK = {
    "task_id": "a",
    "file": None,
    "line": None,
    "class": "airflow.sdk.bases.operator.BaseOperator",
    "bases": ["builtins.object"],
    "own": 0,
    "defines": [],
    "mapped": False,
    "in_mapped_group": False,
    "arguments": {"task_id": "a"},
    "expanded": None,
    "attributes": {},
    "defaults": {"retries": 0},
    "template_fields": [],
}


def answered(
    root: Path, monkeypatch: pytest.MonkeyPatch, task: object, **more: object
) -> Facts:
    """Return the facts of a file of one task, of which Airflow says `task`."""
    write_one(root)
    dag: dict[str, object]
    dag = {"dag_id": "d", "file": None, "line": None, "attributes": {}, "tasks": [task]}
    found = {"errors": [], "asked": [], "dags": [dag], **more}
    answer = msgspec.convert(found, live.Found)
    extraction = live.Extraction("3.3", (), {root / "dags/a.py": answer}, {})
    monkeypatch.setattr(confirm, "extract", constantly(extraction))
    return read(root, Path("/no/python"))


def constantly(extraction: live.Extraction) -> Callable[..., live.Extraction]:
    def extract(*_: object, **__: object) -> live.Extraction:
        return extraction

    return extract


def write_one(root: Path) -> None:
    (root / "dags").mkdir()
    (root / "dags/a.py").write_text(
        HEAD + "with DAG('d', schedule=None):\n    BaseOperator(task_id='a', retries=3)"
    )


def read(root: Path, python: Path) -> Facts:
    return find_dags(
        root,
        "prod",
        [Path("dags")],
        only=None,
        exclude=(),
        airflow="3.1",
        fingerprint=Fingerprint(b"key", keep=True),
        traced=True,
        airflow_python=python,
    ).read()


def given(**arguments: object) -> dict[str, object]:
    return {**TASK, "arguments": {"task_id": "a", **arguments}}


def test_a_contradiction_is_told_and_airflow_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = answered(tmp_path, monkeypatch, given(retries=5))
    assert facts.tasks[0].retries == 5
    (gap,) = (gap for gap in facts.gaps if gap.reason == "conflict")
    assert gap.detail == "retries: reading says 3, Airflow says 5"
    assert (gap.origin.line, gap.kinds, gap.incomplete) == (9, ("task",), False)


def test_a_contradiction_in_a_file_that_asks_is_not_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [{"reason": "setting", "symbol": "[core] x"}]
    facts = answered(tmp_path, monkeypatch, given(retries=5), asked=asked)
    assert facts.tasks[0].retries is UNSET
    assert facts.tasks[0].unresolved[-1] == Unresolved(
        field="retries", reason="setting", symbol="[core] x of environment prod"
    )
    assert [gap.reason for gap in facts.gaps] == ["conflict"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Traceback\n  File \"a.py\", line 1\n    x()\nKeyError: 'k'\n", "KeyError"),
        ('  File "a.py", line 1\nValueError: a\nhunter2Error\n', "ValueError"),
        ('  File "a.py", line 1\n    x\nrequests.ReadTimeout\n', "ReadTimeout"),
        ("ModuleNotFoundError: No module named 'a.b'", "no module named a.b"),
        ("ModuleNotFoundError: No module named 'a b'", "ModuleNotFoundError"),
        ("hunter2hunter2", "an error"),
        ("hunter2 Error: x", "an error"),
        ("", "an error"),
    ],
)
def test_an_error_is_told_by_its_kind_alone(
    text: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [{"text": text, "line": 3}]
    facts = answered(tmp_path, monkeypatch, TASK, errors=errors)
    (gap,) = facts.gaps
    assert gap.detail == (
        f"Airflow refuses the file: {kind}; run the file with that Python to see the "
        "error"
    )


@pytest.mark.parametrize(
    "value",
    [{"__object__": "x.Y\x1b[31m"}, "five", [1], {"a": 1}, 1e300],
)
def test_a_value_that_is_none_makes_nothing_known(
    value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = answered(tmp_path, monkeypatch, given(execution_timeout=value, retries=3))
    assert facts.tasks[0].retries == 3
    assert facts.tasks[0].execution_timeout in (None, UNSET)
    assert "\x1b" not in repr(facts)


@pytest.mark.parametrize("program", ["no/python", "programs/true"])
def test_an_interpreter_that_cannot_be_asked_is_one_gap(
    program: str, tmp_path: Path
) -> None:
    write_one(tmp_path)
    (tmp_path / "programs").symlink_to("/bin")
    facts = read(tmp_path, tmp_path / program)
    (gap,) = facts.gaps
    assert (gap.reason, gap.incomplete) == ("missing", True)
    assert gap.detail == (
        f"{program} does not start, or cannot import Airflow: name the Python of an "
        "Airflow 2.11 or 3 installation"
    )
    assert gap.origin.field == "airflow_python of prod"
    assert facts.tasks[0].retries == 3


def test_what_could_not_be_taken_from_the_files_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one(tmp_path)
    extraction = live.Extraction("3.3", ("network",), {}, {})
    monkeypatch.setattr(confirm, "extract", constantly(extraction))
    facts = read(tmp_path, Path("/no/python"))
    (detail,) = (gap.detail for gap in facts.gaps if not gap.incomplete)
    assert detail == (
        "this system does not let these be taken from DAG files while Airflow loads"
        " them: network"
    )


def test_the_same_question_has_the_same_answer(both: Both) -> None:
    kinds: tuple[type, ...] = (Dag, Task, Call)
    for kind, held in zip(
        kinds, (both.joined.dags, both.joined.tasks, both.joined.calls), strict=True
    ):
        ids = [one.id for one in held]
        assert len(ids) == len(set(ids)), kind
