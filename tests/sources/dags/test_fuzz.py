"""
The reader on DAG files changed at random: no crash, nothing run, nothing lost.

A short pass, the same each time; `bench/fuzz` goes on for as long as it is let.
"""

import ast
import random
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.sources.dags.mutation import is_python, mutated

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.read import find_dags

ROOT = Path(__file__).parents[3]
FOREIGN = ROOT / ".foreign" / "tests" / "system" / "google"
SOURCES = [
    path.read_bytes()
    for folder in (ROOT / "fixtures", FOREIGN / "cloud" / "cloud_run")
    for path in sorted(folder.rglob("*.py"))
    if is_python(path.read_bytes())
]
# What Python tells an audit hook when code does something to the world.
EFFECTS = ("os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.", "ftplib.")
HARMLESS = ("os.listdir", "os.scandir", "os.walk", "os.fwalk")
# Whose code may run: this environment's, and what the library makes of texts.
OURS = (sys.prefix, sys.base_prefix, str(ROOT / "scanner"), "<string>", "<frozen")
_seen: list[str] | None = None


def _audit(event: str, given: tuple[Any, ...]) -> None:
    """Note what code of a scanned file does, or anything that reading must not do."""
    if _seen is None:
        return
    if event == "exec":
        name = getattr(given[0], "co_filename", "")
        if not name.startswith(OURS):
            _seen.append(f"{event} {name}")
    elif event == "open":
        writes = isinstance(given[1], str) and set(given[1]) & set("wax+")
        if writes:
            _seen.append(f"{event} {given[:2]}")
    elif event.startswith(EFFECTS) and event not in HARMLESS:
        _seen.append(event)


sys.addaudithook(_audit)


@contextmanager
def audited() -> Generator[list[str]]:
    """Within it, what must not happen is noted."""
    global _seen
    noted: list[str] = []
    _seen = noted
    try:
        yield noted
    finally:
        _seen = None


def read(folder: Path) -> Facts:
    return find_dags(
        folder,
        "prod",
        [folder],
        only=None,
        exclude=(),
        airflow="3.3",
        fingerprint=Fingerprint(b"key", keep=False),
    ).read()


def lost(folder: Path, facts: Facts) -> set[str]:
    """Return the operator calls that are neither tasks nor named as anything else."""
    unread = {gap.origin.source for gap in facts.gaps if gap.incomplete}
    told = {f"{one.origin.source}:{one.origin.line}" for one in facts.gaps}
    told |= {f"{task.origin.source}:{task.origin.line}" for task in facts.tasks}
    told |= {item.what for item in facts.excluded}
    return {
        f"{path.name}:{line}"
        for path in folder.glob("*.py")
        if path.name not in unread and told.isdisjoint((path.name, "."))
        for line in _operator_calls(ast.parse(path.read_bytes()))
        if f"{path.name}:{line}" not in told
    }


def _operator_calls(tree: ast.Module) -> Iterator[int]:
    """Yield where what is imported from Airflow as an operator is called by name."""
    imported = {
        alias.asname or alias.name: node.lineno
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflow.")
        for alias in node.names
        if alias.name.endswith(("Operator", "Sensor"))
    }
    bound: set[str | None] = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and _binds(n)
    }
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, _NAMED)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    for node in ast.walk(tree):
        name = node.func if isinstance(node, ast.Call) else None
        if not isinstance(name, ast.Name) or name.id in bound:
            continue
        # before its import a name is nothing yet
        if imported.get(name.id, name.lineno) < name.lineno:
            yield name.lineno


_NAMED = (
    *(ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler),
    *(ast.MatchAs, ast.MatchStar),
)


def _binds(name: ast.Name) -> bool:
    return not isinstance(name.ctx, ast.Load)


@pytest.mark.parametrize("seed", range(150))
def test_what_nobody_wrote_is_read_or_told(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    program = mutated(chance, SOURCES)
    (tmp_path / "dag.py").write_bytes(program)
    with audited() as noted:
        facts = read(tmp_path)
    assert noted == []
    assert facts == read(tmp_path)
    assert all("\n" not in gap.detail for gap in facts.gaps)
    try:
        ast.parse(program)
    except (SyntaxError, ValueError):
        assert facts.gaps or facts.excluded
    else:
        assert lost(tmp_path, facts) == set()


def test_a_template_that_is_none_runs_nothing(tmp_path: Path) -> None:
    operator = "airflow.providers.google.cloud.operators.cloud_run"
    (tmp_path / "dag.py").write_text(
        f"from airflow.sdk import DAG\nfrom {operator} import CloudRunExecuteJobOperator\n"
        "with DAG('d'):\n CloudRunExecuteJobOperator(\n"
        "  task_id='t', project_id='p', region='r', job_name='{{ var.value.x %}')"
    )
    with audited() as noted:
        facts = read(tmp_path)
    assert noted == []
    assert [task.task_id for task in facts.tasks] == ["t"]
