"""Reading one file: what was looked at, and that the outcome depends on nothing else."""

import gc
import sys
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec import UNSET, UnsetType

from dagwarden.facts import Call, Dag, Task
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.language import work
from dagwarden.sources.dags.language.objects import Scope
from dagwarden.sources.dags.packed import Reader
from dagwarden.sources.dags.records import outcome
from dagwarden.sources.dags.records.outcome import (
    Environment,
    Outcome,
    Read,
    decoded,
    encoded,
)
from dagwarden.sources.dags.records.seen import Seen, again, look, nothing_at

HEAD = "from airflow import DAG\n"
RUN = "from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator as R\n"
TASK = HEAD + RUN + "with DAG('d'): R(task_id='t', {})\n"


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path, Environment("prod", "3.1", Fingerprint(b"", False)))


def written(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def read(reader: Reader, name: str, folder: str = "dags") -> Read:
    return reader.read(reader.root / name, reader.root / folder)


def looked_at(reader: Reader, read: Read) -> dict[str, bool]:
    """Return each path that was looked at, with whether something was there."""
    assert read.seen is not None
    return {
        str(Path(seen.path.decode()).relative_to(reader.root)): bool(seen.digest)
        for seen in read.seen
    }


def test_all_that_was_looked_at_is_told(reader: Reader) -> None:
    written(
        reader.root,
        dags__a=HEAD + "import both\nimport json, airflow.x\nfrom pkg.sub import x\n",
        dags__both="import pandas",
        pkg__sub="x = 1",
    )
    first, second = (read(reader, "dags/a.py") for _ in range(2))
    assert first == second
    assert looked_at(reader, first) == {
        "dags/a.py": True,
        "dags/both/__init__.py": False,
        "dags/both.py": True,
        # ... in every place, since which comes first is not known
        **{
            f"{at}{name}{end}": False
            for at in ("plugins/", "src/")
            for name in ("both", "pkg/sub")
            for end in ("/__init__.py", ".py")
        },
        "both/__init__.py": False,
        "both.py": False,
        **{f"{at}pandas{end}": False for at in ("dags/", "") for end in ("", ".py")},
        "plugins": False,
        "src": False,
        "dags/pkg/sub/__init__.py": False,
        "dags/pkg/sub.py": False,
        "pkg/sub/__init__.py": False,
        "pkg/sub.py": True,
    }
    assert [file.path for file in decoded(first.outcome).files] == [
        *("dags/a.py", "dags/both.py", "pkg/sub.py")
    ]


def test_a_module_that_is_imported_is_read_as_a_file_like_any_other(
    reader: Reader,
) -> None:
    # what it is called depends on who asks: `team.b` by the DAG folder, not the root
    written(
        reader.root,
        dags__a=HEAD + "from dags.team import b\n",
        dags__team__b=TASK.format("job_name=NAME").replace(
            "with", "from team.names import NAME\nwith"
        ),
        dags__team__names="NAME = 'load'",
    )
    alone = read(reader, "dags/team/b.py")
    read(reader, "dags/a.py")
    assert read(reader, "dags/team/b.py") == alone
    assert [call.name for call in decoded(alone.outcome).calls] == ["load"]


@pytest.mark.parametrize(
    "source",
    [
        "x = " + "+".join(["'airflow dag'"] * 30_000),
        HEAD + "def f(n): return f(n + 1)\nx = " + "(" * 80 + "f(0)" + ")" * 80,
    ],
    ids=["too deep to parse", "deep"],
)
def test_how_deep_the_reader_is_called_decides_nothing(
    reader: Reader, source: str
) -> None:
    written(reader.root, dags__a=source)

    def deep(levels: int) -> Read:
        return deep(levels - 1) if levels else read(reader, "dags/a.py")

    limit = sys.getrecursionlimit()
    assert deep(0) == deep(300) == deep(600)
    assert sys.getrecursionlimit() == limit


@pytest.mark.parametrize(
    ("argument", "retries", "timeout"),
    [
        ("retries=3", 3, None),
        ("retries=True", 1, None),
        ("retries=10**30", "unresolved", None),
        ("timeout_seconds=60", None, 60.0),
        ("timeout_seconds=True", None, 1.0),
        ("timeout_seconds=1e999", None, "unresolved"),
        ("timeout_seconds=10**400", None, "unresolved"),
    ],
)
def test_numbers_are_of_their_field_s_type(
    reader: Reader, argument: str, retries: object, timeout: object
) -> None:
    written(reader.root, dags__a=TASK.format(argument))
    told_to_others = decoded(read(reader, "dags/a.py").outcome)
    assert repr(reader.outcome(reader.root / "dags/a.py", reader.root / "dags")) == (
        repr(told_to_others)
    )
    (task,) = told_to_others.tasks
    told = {one.field for one in task.unresolved}
    found = [
        "unresolved" if name in told else getattr(task, name)
        for name in ("retries", "timeout_seconds")
    ]
    assert [(type(one), one) for one in found] == [
        (type(one), one) for one in (retries, timeout)
    ]


def test_what_no_output_can_hold_is_a_gap(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(reader.root, dags__a=TASK.format(""))

    def fails(told: Outcome) -> object:
        return encoded(told) if told.gaps else "\ud800".encode()

    monkeypatch.setattr("dagwarden.sources.dags.file.encoded", fails)
    here = reader.outcome(reader.root / "dags/a.py", reader.root / "dags")
    for told in (here, decoded(read(reader, "dags/a.py").outcome)):
        assert (told.dags, told.tasks) == ((), ())
        assert [(gap.reason, gap.detail) for gap in told.gaps] == [
            ("unsupported", "holds text or numbers that cannot be written")
        ]


FLEETING = {
    "too deep": "x = " + "+".join(["'airflow dag'"] * 30_000),
    "a link to nothing": None,
}


@pytest.mark.parametrize("source", FLEETING.values(), ids=FLEETING)
def test_what_may_be_another_next_time_rests_on_nothing(
    reader: Reader, source: str | None
) -> None:
    written(reader.root, dags__b="")
    path = reader.root / "dags/a.py"
    path.write_text(source) if source else path.symlink_to("gone")
    found = read(reader, "dags/a.py")
    assert found.seen is None
    assert len(decoded(found.outcome).gaps) == 1


@pytest.mark.parametrize(("by_the_clock", "lasts"), [(False, True), (True, False)])
def test_a_file_that_took_too_long_by_the_clock_is_not_remembered(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, by_the_clock: bool, lasts: bool
) -> None:
    written(reader.root, dags__a=HEAD + "x = ['a', 'b']\n" * 5_000)
    if by_the_clock:
        monkeypatch.setattr(work, "MAX_SECONDS", -1.0)
    else:
        monkeypatch.setattr("dagwarden.sources.dags.file.MAX_UNITS", 10)
    found = read(reader, "dags/a.py")
    assert [gap.reason for gap in decoded(found.outcome).gaps] == ["timeout"]
    assert (found.seen is not None) is lasts


CLASSES = "".join(f"class A{n}:\n    def f(self): pass\n" for n in range(300))
# the function that a call returns holds the names of that call, its own among them
CIRCLE = "def f():\n    def g(): return g\n    return g\nx = f()\n"


@pytest.mark.parametrize(
    ("code", "most", "left"),
    [
        (CLASSES, 1_000_000, False),
        (CLASSES + CIRCLE, 1_000_000, True),
        (CLASSES + CIRCLE, 1, False),
    ],
)
def test_what_following_leaves_is_given_back(
    reader: Reader, monkeypatch: pytest.MonkeyPatch, code: str, most: int, left: bool
) -> None:
    """The program has no collector running."""
    monkeypatch.setattr("dagwarden.sources.dags.file.MAX_LEFT", most)
    code = HEAD + code
    names = [f"dags/{name}.py" for name in "abcd"]
    written(reader.root, **{f"dags__{name}": code for name in "abcd"})
    gc.collect()
    was = gc.isenabled()
    gc.disable()
    try:
        for name in names:
            read(reader, name)
        there = [one for one in gc.get_objects() if type(one) is Scope]
    finally:
        if was:
            gc.enable()
    assert bool(there) is left


def test_a_file_is_the_same_while_it_holds_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    assert again(nothing_at(path), tmp_path) == nothing_at(path)
    path.write_text("x")
    assert again(nothing_at(path), tmp_path) is None
    _, seen = look(path, tmp_path)
    # it was written a moment ago: its times do not tell yet
    assert seen.stamp == ()
    assert again(seen, tmp_path) == seen
    path.write_text("y")
    assert again(seen, tmp_path) is None
    path.unlink()
    assert again(seen, tmp_path) is None


def test_a_file_is_not_read_again_while_its_times_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.py"
    path.write_text("x")
    monkeypatch.setattr("dagwarden.sources.dags.records.seen.SETTLED", -(10**18))
    _, seen = look(path, tmp_path)
    assert len(seen.stamp) == 5
    # only its times are looked at
    assert again(Seen(seen.path, b"other", seen.stamp), tmp_path) is not None
    path.touch()
    assert again(Seen(seen.path, b"other", seen.stamp), tmp_path) is None
    now = again(seen, tmp_path)
    assert now is not None
    assert now.digest == seen.digest
    assert now.stamp != seen.stamp


def test_a_link_is_followed_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dagwarden.sources.dags.records.seen.SETTLED", -(10**18))
    root, outside = tmp_path / "root", tmp_path / "outside.py"
    root.mkdir()
    outside.write_text("x")
    (root / "inside.py").write_text("x")
    link = root / "link.py"
    link.symlink_to("inside.py")
    _, seen = look(link, root)
    assert seen.stamp == ()
    assert again(seen, root) == seen
    link.unlink()
    link.symlink_to(outside)
    assert again(seen, root) is None


def test_what_is_kept_of_an_outcome_is_the_outcome(reader: Reader) -> None:
    written(reader.root, dags__a=TASK.format("retries=2") + "# dagwarden: x\n")
    told = decoded(read(reader, "dags/a.py").outcome)
    assert (len(told.dags), len(told.tasks), len(told.calls)) == (1, 1, 1)
    assert [waiver.text for waiver in told.inline_waivers] == ["x"]
    # what people write freely is not remembered
    assert read(reader, "dags/a.py").seen is None
    again_told = decoded(outcome.encoded(told))
    assert repr(again_told) == repr(told)


def test_what_is_not_known_is_still_not_known_once_it_was_kept() -> None:
    # an unset field is left out where it is written: its default has to be unset
    maybe = [
        (kind.__name__, field.name, field.default)
        for kind in (Dag, Task, Call)
        for field in msgspec.structs.fields(kind)
        if UnsetType in get_args(field.type)
    ]
    assert len(maybe) > 20
    assert {default for _, _, default in maybe} == {UNSET}
