"""
DAGs in zip archives: what Airflow 3.3 made of them, and that facts agree.

What stands beside each archive is what Airflow 3.3.2 made of it.
"""

import io
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import find_dags

Read = Callable[..., Facts]

DAG = """\
from airflow import DAG
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunExecuteJobOperator,
)
with DAG("d", schedule=None) as d:
    CloudRunExecuteJobOperator(
        task_id="t", project_id="p", region="r", job_name="a", gcp_conn_id=CONN
    )
"""
KNOWN = f"CONN = 'own'\n{DAG}"
IMPORTED = f"from conf import CONN\n{DAG}"

# name -> the members, files beside the archive, connections by where the task stands
ARCHIVES: dict[str, tuple[list[tuple[str, str]], dict[str, str], dict[str, str]]] = {
    "at the top": (
        [("a.py", KNOWN), ("other.py", "x = 1"), ("sub/deep.py", KNOWN)],
        {},
        {"dags/x.zip/a.py": "own"},
    ),
    "a module of the archive before one beside it": (
        [("a.py", IMPORTED), ("conf.py", "CONN = 'inner'")],
        {"conf.py": "CONN = 'outer'"},
        {"dags/x.zip/a.py": "inner"},
    ),
    "a module beside the archive": (
        [("a.py", IMPORTED)],
        {"conf.py": "CONN = 'outer'"},
        {"dags/x.zip/a.py": "outer"},
    ),
    "a package before a module": (
        [
            ("a.py", IMPORTED),
            ("conf.py", "CONN = 'module'"),
            ("conf/__init__.py", "CONN = 'package'"),
        ],
        {},
        {"dags/x.zip/a.py": "package"},
    ),
    "a submodule": (
        [
            ("a.py", f"from pk.conf import CONN\n{DAG}"),
            ("pk/__init__.py", ""),
            ("pk/conf.py", "from .more import CONN"),
            ("pk/more.py", "CONN = 'deep'"),
        ],
        {},
        {"dags/x.zip/a.py": "deep"},
    ),
    "the last of two": (
        [("a.py", KNOWN), ("a.py", KNOWN.replace("own", "last"))],
        {},
        {"dags/x.zip/a.py": "last"},
    ),
    "a package at the top": (
        [("__init__.py", KNOWN)],
        {},
        {"dags/x.zip/__init__.py": "own"},
    ),
    "names that lead out": ([("../a.py", KNOWN), ("/b.py", KNOWN)], {}, {}),
    "an .airflowignore inside": (
        [("a.py", KNOWN), (".airflowignore", "a.py")],
        {},
        {"dags/x.zip/a.py": "own"},
    ),
    "an .airflowignore beside it": ([("a.py", KNOWN)], {".airflowignore": "x.*"}, {}),
    "an archive inside": (
        [("a.py", KNOWN), ("b.zip", "PK")],
        {},
        {"dags/x.zip/a.py": "own"},
    ),
}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that packs an archive and reads the folder it is in."""

    def read(
        members: list[tuple[str, str]] | bytes,
        only: list[str] | None = None,
        **files: str,
    ) -> Facts:
        folder = tmp_path / "dags"
        folder.mkdir()
        data = members if isinstance(members, bytes) else packed(members)
        (folder / "x.zip").write_bytes(data)
        for name, text in files.items():
            (folder / name).write_text(text)
        return find_dags(
            tmp_path,
            "prod",
            [Path("dags")],
            only=None if only is None else [Path(name) for name in only],
            exclude=(),
            airflow="3.3",
            fingerprint=Fingerprint(b"key", True),
        ).read()

    return read


def packed(members: list[tuple[str, str]]) -> bytes:
    stream = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(stream, "w") as archive:
        warnings.simplefilter("ignore")
        for name, text in members:
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


@pytest.mark.parametrize("name", ARCHIVES)
def test_tasks_are_what_airflow_made(read: Read, name: str) -> None:
    members, files, expected = ARCHIVES[name]
    facts = read(members, **files)
    assert {t.origin.source: t.connection for t in facts.tasks} == expected
    assert [gap for gap in facts.gaps if gap.reason != "missing"] == []


def test_the_archive_is_the_file_that_was_read(read: Read) -> None:
    data = packed([("a.py", KNOWN), ("conf.py", "")])
    files = read(data).files
    assert [(file.path, file.size) for file in files] == [("dags/x.zip", len(data))]


def test_one_archive_may_be_asked_for(read: Read) -> None:
    facts = read([("a.py", KNOWN)], only=["dags/x.zip"])
    assert [task.connection for task in facts.tasks] == ["own"]


def test_what_is_not_asked_for_is_not_read(read: Read) -> None:
    assert read([("a.py", KNOWN)], only=["dags/b.py"]).tasks == ()


# What is told of an archive, and where.
TOLD: dict[str, tuple[list[tuple[str, str]] | bytes, list[tuple[str, str]]]] = {
    "no archive": (b"PK\3\4 airflow dag", [("dags/x.zip", "malformed")]),
    "not valid Python": (
        [("a.py", "import airflow\ndag = = 1")],
        [("dags/x.zip/a.py", "syntax")],
    ),
    "NUL bytes": ([("a.py", "airflow dag \0")], [("dags/x.zip/a.py", "encoding")]),
    "compiled": ([("a.pyc", "airflow dag")], [("dags/x.zip/a.pyc", "unsupported")]),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_cannot_be_read_is_told(read: Read, name: str) -> None:
    members, expected = TOLD[name]
    facts = read(members)
    assert [(gap.origin.source, gap.reason) for gap in facts.gaps] == expected
    assert facts.tasks == ()


def test_a_secret_of_an_archive_does_not_stay(read: Read) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = KNOWN.replace("gcp_conn_id=CONN", f"overrides={{'token': '{secret}'}}")
    facts = read([("a.py", text)])
    assert facts.tasks[0].secrets not in (UNSET, ())
    assert secret not in repr(facts)


def test_a_secret_that_a_member_is_called_is_not_told(read: Read) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    facts = read([(f"{secret}.pyc", "airflow dag")])
    assert [gap.origin.source for gap in facts.gaps] == ["dags/x.zip/***.pyc"]
    assert secret not in repr(facts)
