"""Reading folders: what is read, left out and not readable, and that nothing raises."""

import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from dagwarden.facts import Facts, Gap
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.dags.records import seen

Scan = Callable[..., Facts]

DAG = "from airflow import DAG\nwith DAG('d'):\n pass\n"
KINDS = ("dag", "task", "call")


def read_bytes(root: Path, content: bytes, name: str = "a.py") -> Facts:
    (root / name).write_bytes(content)
    return read_folder(root)


def read_folder(root: Path, folder: str = ".") -> Facts:
    return find_dags(
        root,
        "prod",
        [Path(folder)],
        only=None,
        exclude=(),
        airflow="3.1",
        fingerprint=Fingerprint(b"", False),
    ).read()


def gaps(facts: Facts) -> list[tuple[str, str, int | None, str]]:
    assert all(gap.kinds == KINDS for gap in facts.gaps)
    return [
        (gap.reason, gap.origin.source, gap.origin.line, gap.detail)
        for gap in facts.gaps
    ]


HEAD = b"# airflow dag\n"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
UNREADABLE = {
    "syntax": (HEAD + b"x = \n", ("syntax", "a.py", 2, f"not valid Python {VERSION}: invalid syntax")),
    "unfinished text": (HEAD + b"'''", ("syntax", "a.py", 2, f"not valid Python {VERSION}: unterminated triple-quoted string literal (detected at line 2)")),
    "not UTF-8": (HEAD + b"x = '\xe9'", ("encoding", "a.py", None, "not in the encoding it declares")),
    "unknown encoding": (b"# coding: nonsense\n" + HEAD, ("encoding", "a.py", None, "not in the encoding it declares")),
    "NUL": (HEAD + b"x = '\0'", ("encoding", "a.py", None, "holds NUL bytes")),
    "enormous": (HEAD + b"#" * 5_000_001, ("too_large", "a.py", None, "larger than 5 MB")),
    "deep": (HEAD + b"x = " + b"+".join([b"'a'"] * 30_000), ("too_deep", "a.py", None, "nested too deeply to parse")),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), UNREADABLE.values(), ids=UNREADABLE)
def test_a_file_that_cannot_be_read_is_a_gap(
    tmp_path: Path, content: bytes, expected: tuple[str, str, int | None, str]
) -> None:
    facts = read_bytes(tmp_path, content)
    assert gaps(facts) == [expected]
    assert facts.gaps[0].incomplete
    assert facts.files == ()


@pytest.mark.parametrize(
    "content",
    [b"\xef\xbb\xbf" + DAG.encode(), b"# coding: latin-1\n# \xe9\n" + DAG.encode()],
    ids=["BOM", "latin-1"],
)
def test_declared_encodings_are_read(tmp_path: Path, content: bytes) -> None:
    facts = read_bytes(tmp_path, content)
    assert [dag.dag_id for dag in facts.dags] == ["d"]
    assert facts.gaps == ()
    assert [(f.path, f.kind, f.size) for f in facts.files] == [
        ("a.py", "dag", len(content))
    ]


def test_what_is_too_deep_to_follow_leaves_the_rest(tmp_path: Path) -> None:
    deep = "x = a" + ".b()" * 450 + "\n"
    facts = read_bytes(tmp_path, (deep + DAG).encode())
    assert gaps(facts) == [("too_deep", "a.py", 1, "nested too deeply to follow")]
    assert [dag.dag_id for dag in facts.dags] == ["d"]


def test_a_missing_and_an_empty_folder(tmp_path: Path) -> None:
    facts = read_folder(tmp_path, "dags")
    assert gaps(facts) == [("missing", "dags", None, "no such file or folder")]
    (tmp_path / "dags").mkdir()
    facts = read_folder(tmp_path, "dags")
    assert gaps(facts) == [("missing", "dags", None, "holds no Python file to read")]


def test_links(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "dags").mkdir(parents=True)
    (tmp_path / "secret.py").write_text(DAG)
    (root / "dags" / "loop").symlink_to(root / "dags")
    (root / "dags" / "out").symlink_to(tmp_path)
    (root / "dags" / "out.py").symlink_to(tmp_path / "secret.py")
    (root / "dags" / "broken.py").symlink_to(root / "nowhere")
    facts = read_folder(root, "dags")
    assert facts.dags == ()
    assert gaps(facts) == [
        ("unreadable", "dags/broken.py", None, "no regular file, or a link that leads nowhere"),
        ("unreadable", "dags/loop", None, "a link leads to a folder that was read already"),
        ("unreadable", "dags/out", None, "a link leads out of the scanned root"),
        ("unreadable", "dags/out.py", None, "a link leads out of the scanned root"),
    ]  # fmt: skip


def test_a_virtual_environment_is_left_out_whatever_it_is_called(
    tmp_path: Path,
) -> None:
    packages = tmp_path / "env3" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "example.py").write_text(DAG)
    (tmp_path / "env3" / "lib64").symlink_to("lib")
    (tmp_path / "a.py").write_text(DAG)
    assert len(read_folder(tmp_path).dags) == 2
    (tmp_path / "env3" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    facts = read_folder(tmp_path)
    assert [dag.origin.source for dag in facts.dags] == ["a.py"]
    assert facts.gaps == ()
    assert [(e.kind, e.what, e.reason) for e in facts.excluded] == [
        ("folder", "env3", "holds installed packages")
    ]
    # whoever names one asks for what is in it
    assert len(read_folder(tmp_path, "env3").dags) == 1


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(DAG)
    (tmp_path / "a.py").chmod(0)
    facts = read_folder(tmp_path)
    if os.geteuid() == 0:  # root may read everything
        assert [dag.dag_id for dag in facts.dags] == ["d"]
    else:
        assert gaps(facts) == [
            ("unreadable", "a.py", None, "cannot read the file: permission denied")
        ]


def test_a_file_name_that_is_not_unicode(tmp_path: Path) -> None:
    os.close(os.open(bytes(tmp_path) + b"/\xff.py", os.O_CREAT))
    Path(os.fsdecode(bytes(tmp_path) + b"/\xff.py")).write_text(DAG)
    facts = read_folder(tmp_path)
    assert [dag.origin.source for dag in facts.dags] == ["\\udcff.py"]
    msgspec.json.encode(facts)


def test_files_without_the_words_are_named_and_not_parsed(scan: Scan) -> None:
    facts = scan(DAG, dags__lib="syntax error", dags__lib2="dag = 1")
    assert [(e.kind, e.what) for e in facts.excluded] == [
        ("file", "dags/lib.py"),
        ("file", "dags/lib2.py"),
    ]
    assert [f.path for f in facts.files] == ["dags/a.py"]
    assert facts.gaps == ()


def test_an_imported_module_is_an_input_too(scan: Scan) -> None:
    facts = scan(
        DAG.replace("'d'", "X").replace("with", "from lib import X\nwith"),
        dags__lib="X = 'd'",
    )
    assert [f.path for f in facts.files] == ["dags/a.py", "dags/lib.py"]
    assert [dag.dag_id for dag in facts.dags] == ["d"]


def test_an_imported_module_that_cannot_be_read(scan: Scan) -> None:
    facts = scan(
        DAG.replace("'d'", "X").replace("with", "from lib import X\nwith"),
        dags__lib="X = (",
    )
    dag = facts.dags[0]
    assert [(u.reason, u.symbol) for u in dag.unresolved] == [("import", "lib.X")]


def test_only_the_files_asked_for_are_read(scan: Scan) -> None:
    files = {"dags__one": DAG, "dags__b__two": DAG, "other": DAG}
    facts = scan(only=["dags/b/two.py", "other.py", "README.md"], **files)
    assert [dag.origin.source for dag in facts.dags] == ["dags/b/two.py"]
    assert facts.gaps == ()
    facts = scan(only=["dags/gone.py"], **files)
    assert gaps(facts) == [("missing", "dags/gone.py", None, "no such file or folder")]
    assert scan(only=[], **files).gaps == ()


def test_exclusions_are_counted(scan: Scan) -> None:
    files = {"dags__one": DAG, "dags__b__two": DAG, "dags__c__one": DAG}
    facts = scan(exclude=("one.py", "dags/b/"), **files)
    assert facts.dags == ()
    assert [(e.kind, e.what, e.reason) for e in facts.excluded] == [
        ("file", "dags/c/one.py", "excluded by 'one.py'"),
        ("file", "dags/one.py", "excluded by 'one.py'"),
        ("folder", "dags/b", "excluded by 'dags/b/'"),
    ]


@pytest.mark.parametrize(
    ("airflow", "read", "gap"),
    [
        ("2.11", ["dags/b.py"], None),
        ("3.1", ["dags/a.py", "dags/b.py"], None),
        (None, ["dags/a.py", "dags/b.py"], "dags/a.py"),
    ],
)
def test_airflowignore_depends_on_the_version(
    scan: Scan, tmp_path: Path, airflow: str | None, read: list[str], gap: str | None
) -> None:
    scan()
    (tmp_path / "repo/dags/.airflowignore").write_text("# none\n^a.*y$\nboth.py\n")
    facts = scan(airflow=airflow, dags__a=DAG, dags__b=DAG, dags__both=DAG)
    assert [dag.origin.source for dag in facts.dags] == read
    assert ("file", "dags/both.py") in {(e.kind, e.what) for e in facts.excluded}
    assert [(g.origin.source, g.incomplete) for g in facts.gaps] == (
        [(gap, False)] if gap else []
    )


def test_the_same_dags_whatever_the_order(scan: Scan) -> None:
    files = {f"dags__{name}": DAG for name in "cab"}
    facts = scan(**files)
    assert [dag.id for dag in facts.dags] == [
        f"dag:prod:dags/{name}.py:d" for name in "abc"
    ]
    assert scan(**files) == facts


HOSTILE = {
    "nested loops": "".join(" " * i + f"for i{i} in U:\n" for i in range(18)) + " " * 18 + "x=1",
    "counted loops": "".join(" " * i + f"for i{i} in range(999):\n" for i in range(18)) + " " * 18 + "x=1",
    "calls that multiply": "".join(f"def f{i}(): return f{i + 1}() or f{i + 1}()\n" for i in range(50)) + "f0()",
    "recursion": "def f(n): return f(n + 1) + f(n + 2)\nf(0)",
    "itself": "d = {}\nd['d'] = d\nl = []\nl.append(l)\nx = DAG('a', default_args=d)\nif U:\n d['q'] = l\ny = d == d",
    "sharing": "x = ['a']\n" + "x = [x, x]\n" * 200 + "d = DAG('a', default_args={'a': x})\nif U:\n y = x\nelse:\n y = [x]",
    "doubling": "x = 'a'\n" + "x = x + x\n" * 200,
    "power": "x = 9**9**9**9\ny = 1 << 10**9\nz = 'a' * 10**10\nw = [0] * 10**9",
    "widths": "x = '%999999999d' % 1\ny = f'{1:999999999}'\nz = '{:>999999999}'.format(1)\nw = '%*d' % (10**9, 1)\nv = '{:{}}'.format(1, 10**9)",
    "replace": "x = 'a' * 99999\ny = x.replace('a', x)\nz = ','.join([x] * 4999)",
    "comprehension": "x = [a for a in range(99) for b in range(99) for c in range(99)]",
    "itself a base": "class A(A): pass\nA.x",
    "globals": "globals()['a'] = globals()\nglobals()[U] = 1\ndel globals()['a']",
    "imports itself": "import a\nfrom a import *\ntry:\n from . import *\n from ..... import x\nexcept ImportError: pass",
    "half a character": "with DAG('\\ud800'): pass",
    "numbers": "x = int('1' * 5000)\ny = int(float('inf'))\nz = float('1e999')",
    "wrong types": "from airflow.operators.bash import BashOperator\nwith DAG(5):\n BashOperator(task_id=5, default_args=7, retries='x', execution_timeout=3)\n BashOperator()",
}  # fmt: skip


WRONG_TYPES = {
    "a dag_id that no DAG may have",
    "a task_id that no task may have",
    "an execution_timeout that is no timedelta",
    "retries that are no number",
}


@pytest.mark.parametrize("program", HOSTILE.values(), ids=HOSTILE)
def test_hostile_programs_end_soon_and_can_be_written(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setattr(
        "dagwarden.sources.dags.language.interpret.state.MAX_WORK", 3_000
    )
    facts = scan(f"from airflow import DAG\nfrom elsewhere import U\n{program}\n")
    told = {gap.detail.removeprefix("Airflow refuses the file: ") for gap in facts.gaps}
    assert told == (WRONG_TYPES if "execution_timeout" in program else set())
    assert [file.path for file in facts.files] == ["dags/a.py"]
    assert msgspec.json.decode(msgspec.json.encode(facts), type=Facts) == facts


SAMPLE = '''
import os
from datetime import timedelta
from airflow import DAG
from airflow.decorators import task, task_group
from airflow.operators.bash import BashOperator
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator

PROJECT = os.environ.get("PROJECT", "p")
ARGS = {"retries": 2, **{"owner": "x"}}

class Mine(CloudRunExecuteJobOperator):
    def __init__(self, *, env, **kwargs):
        super().__init__(project_id=f"p-{env}", region="r", **kwargs)

def build(name, **kwargs):
    with DAG(name, default_args=ARGS, dagrun_timeout=timedelta(hours=1)) as dag:
        first = Mine(task_id="first", env="prod", job_name="j", **kwargs)
        for index, label in enumerate(["a", "b"]):
            first >> BashOperator(task_id=f"{label}_{index}", bash_command="true")
        @task(retries=1)
        def count(number):
            return [number for _ in range(3)]
        @task_group
        def group():
            count.partial().expand(number=[1, 2])
        group()
    return dag

for name in ("one", "two"):
    globals()[name] = build(name, gcp_conn_id="c")
try:
    import extra
except ImportError:
    extra = None
if extra and PROJECT == "p":
    dag = DAG("three", default_args={"retries": 1})
    while True:
        BashOperator.partial(task_id="m", dag=dag).expand(bash_command=["a"])
'''  # fmt: skip
WORDS = ["None", "U", "[]", "{}", "0", "(1,)", "lambda: 0", "dag", "{**U}", "self"]


def mutated(seed: int) -> str:
    """Return SAMPLE with lines swapped, lost, repeated, cut and words exchanged."""
    rng = random.Random(seed)
    lines = list[str](SAMPLE.split("\n"))
    for _ in range(rng.randint(1, 2)):
        at, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                lines[at], lines[other] = lines[other], lines[at]
            case 1:
                lines[at : at + 1] = []
            case 2:
                lines.insert(at, lines[other])
            case 3:
                lines = lines[: max(at, 8)]
            case _:
                lines[at] = re.sub(
                    r'"[^"]*"|\b[a-z]+\b',
                    lambda m: m[0] if rng.random() < 0.7 else rng.choice(WORDS),
                    lines[at],
                )
    return "\n".join(lines)


def test_odd_files_never_raise(tmp_path: Path) -> None:
    parsed = 0
    for seed in range(300):
        facts = read_bytes(tmp_path, mutated(seed).encode())
        assert {gap.reason for gap in facts.gaps} <= {"syntax", "malformed"}
        assert len(facts.files) + len(facts.gaps) + len(facts.excluded) > 0
        assert len({fact.id for fact in facts.tasks}) == len(facts.tasks)
        assert {task.dag for task in facts.tasks} <= {dag.id for dag in facts.dags}
        parsed += bool(facts.tasks)
    assert parsed > 60


def test_the_sample_itself(tmp_path: Path) -> None:
    facts = read_bytes(tmp_path, SAMPLE.encode())
    assert [task.id.removeprefix("task:prod:a.py:") for task in facts.tasks] == [
        *("one.first", "two.first", "one.a_0", "one.b_1", "two.a_0", "two.b_1"),
        *("one.group.count", "two.group.count", "three.m"),
    ]
    assert [(call.project, call.name) for call in facts.calls] == [("p-prod", "j")] * 2


def test_no_absolute_path_and_no_content_is_in_a_gap(tmp_path: Path) -> None:
    facts = read_bytes(tmp_path, HEAD + b"password = 'hunter2' = \n")
    assert "hunter2" not in repr(facts)
    assert str(tmp_path) not in repr(facts)


def test_limits_are_as_documented() -> None:
    assert seen.MAX_SIZE == 5_000_000


LOADED = """\
from airflow import DAG
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from common.constants import PROJECT
with DAG("d"):
    CloudRunExecuteJobOperator(task_id="t", project_id=PROJECT, region="r", job_name="j")
"""
HELD = "PROJECT = 'p'"
OTHER = "PROJECT = 'other'"
# what is asked for, what the files are, the project
NOBODY_SAID: dict[str, tuple[str, dict[str, str], str | UnsetType]] = {
    "beside": (".", {"dags/common/constants.py": HELD}, "p"),
    "of a checkout": ("dags", {"dags/common/constants.py": HELD, "dags/.git": ""}, "p"),
    "one file": ("dags/x.py", {"dags/common/constants.py": HELD}, "p"),
    "deeper": ("dags/team/a/x.py", {"dags/common/constants.py": HELD}, "p"),
    "of the root": (".", {"common/constants.py": HELD}, "p"),
    "the same twice": (".", {"common/constants.py": HELD, "dags/common/constants.py": HELD}, "p"),
    "two that differ": (".", {"common/constants.py": OTHER, "dags/common/constants.py": HELD}, UNSET),
    "in a folder aside": (".", {"lab/common/constants.py": HELD}, UNSET),
    "a folder that is named": ("dags", {"dags/team/common/constants.py": HELD, "dags/team/x.py": LOADED}, UNSET),
    "too deep": (f"{'d/' * 20}x.py", {f"{'d/' * 20}common/constants.py": HELD}, UNSET),
    "its own name": ("dags/common/constants.py", {"dags/common/constants.py": LOADED + HELD}, UNSET),
}  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "files", "project"), NOBODY_SAID.values(), ids=NOBODY_SAID
)
def test_where_nobody_named_a_dag_folder_it_is_one_around_the_file(
    tmp_path: Path, asked: str, files: dict[str, str], project: str | UnsetType
) -> None:
    at = asked if asked.endswith(".py") else "dags/x.py"
    for name, text in {at: LOADED, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    facts = find_dags(
        tmp_path,
        "default",
        [Path(asked)],
        only=None,
        exclude=(),
        airflow="3.1",
        fingerprint=Fingerprint(b"", False),
        guessed=True,
    ).read()
    assert {task.project for task in facts.tasks} == {project}


# where modules lie, and what they are there
HOMES: dict[str, tuple[dict[str, str], str | UnsetType]] = {
    "of the checkout": ({".git/HEAD": "", "common/constants.py": HELD}, "p"),
    "its plugins": ({".git/HEAD": "", "plugins/common/constants.py": HELD}, "p"),
    "its src": ({".git/HEAD": "", "src/common/constants.py": HELD}, "p"),
    "plugins of Airflow's home": ({"plugins/common/constants.py": HELD}, "p"),
    "no checkout": ({"common/constants.py": HELD}, UNSET),
    "two that differ": (
        {".git/HEAD": "", "src/common/constants.py": OTHER, "plugins/common/constants.py": HELD},
        UNSET,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("files", "project"), HOMES.values(), ids=HOMES)
@pytest.mark.parametrize("root", ["etc", "."])
def test_a_configuration_that_lies_elsewhere_loses_no_module(
    tmp_path: Path, root: str, files: dict[str, str], project: str | UnsetType
) -> None:
    for name, text in {"dags/x.py": LOADED, **files}.items():
        path = tmp_path / "home" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "etc").mkdir()
    facts = read_folder(tmp_path / root, str(tmp_path / "home/dags"))
    assert {task.project for task in facts.tasks} == {project}


def test_what_lies_in_another_environment_is_read_there_only(tmp_path: Path) -> None:
    for name in ("a.py", "dags/b.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(DAG)

    def sources(folder: str) -> tuple[list[str], tuple[Gap, ...]]:
        facts = find_dags(
            tmp_path,
            "default",
            [Path(folder)],
            only=None,
            exclude=(),
            airflow="3.1",
            fingerprint=Fingerprint(b"", False),
            others=[Path("dags")],
        ).read()
        return [dag.origin.source for dag in facts.dags], facts.gaps

    assert sources(".") == (["a.py"], ())
    (tmp_path / "a.py").unlink()
    # nothing is left to read, which is no fault
    assert sources(".") == ([], ())


def test_a_pipe_beside_a_configuration_holds_up_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "dags.yaml").write_text("d: {}")
    (tmp_path / "load.py").write_text(
        "# airflow\nimport dagfactory\ndagfactory.load_yaml_dags(globals())\n"
    )
    facts = find_dags(
        tmp_path,
        "default",
        [tmp_path],
        only=[Path("dags.yaml")],
        exclude=(),
        airflow="3.1",
        fingerprint=Fingerprint(b"", False),
    ).read()
    # it was looked into for what loads the configuration, which the other does
    assert [file.path for file in facts.files if file.kind == "dag"] == ["load.py"]


CALLED = """
from airflow import DAG
from airflow.providers.http.operators.http import HttpOperator
from keys import API_KEY
import requests
PASSWORD = "Yr8wU0nLq3Mx"
with DAG("d"):
    HttpOperator(task_id=f"t_{PASSWORD}", http_conn_id="c", endpoint=f"v1/{API_KEY}/rows")
"""


def test_what_is_made_with_a_constant_that_is_a_secret_does_not_hold_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "keys.py").write_text('API_KEY = "Xq7vT9mKp2Lw"\n')
    facts = read_bytes(tmp_path, CALLED.encode())
    (call,) = facts.calls
    assert call.endpoint == "v1/***/rows"
    assert facts.tasks[0].task_id == "t_***"
    assert "Xq7vT9mKp2Lw" not in repr(facts)
    assert "Yr8wU0nLq3Mx" not in repr(facts)
