"""Two readings of one folder of DAG files: Airflow's own, and the static one."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dagwarden.facts import Call, Facts, Task
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.dags.real import extractor


class Seen(NamedTuple):
    """One task as Airflow made it, and where."""

    path: str
    dag_id: str
    dag: dict[str, Any]
    task: dict[str, Any]

    @property
    def name(self) -> tuple[str, str, str]:
        return self.path, self.dag_id, self.task["task_id"]

    @property
    def place(self) -> tuple[str, int]:
        return self.task["file"] or "", self.task["line"] or 0


class Airflow(NamedTuple):
    """What Airflow made of a folder."""

    version: str
    tasks: list[Seen]
    # path -> why Airflow refuses the file
    refused: dict[str, str]


def by_airflow(python: Path, folder: Path, files: list[str]) -> Airflow:
    """Let a real Airflow read `files`, paths below `folder`."""
    with tempfile.TemporaryDirectory() as home:
        request = {
            "files": [str(folder / file) for file in files],
            "path": [str(folder)],
            "home": home,
            "seconds": 120,
            "variables": {},
            "memory": 4e9,
            "size": 5e7,
        }
        lines = list(_answers(python, request, home))
    tasks: list[Seen] = []
    refused: dict[str, str] = {}
    for line in lines:
        if "end" not in line:
            continue
        path = files[line["end"]]
        found = line["found"] or {"errors": [{"text": line["status"]}], "dags": []}
        for error in found["errors"]:
            refused[path] = error["text"].strip().splitlines()[-1][:100]
        for dag in found["dags"]:
            for task in dag["tasks"]:
                if task["file"]:
                    task["file"] = os.path.relpath(task["file"], folder)
                tasks.append(Seen(path, dag["dag_id"], dag, task))
    return Airflow(lines[0]["airflow"], tasks, refused)


def _answers(
    python: Path, request: dict[str, Any], home: str
) -> Iterator[dict[str, Any]]:
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [str(python), "-I", "-B", extractor.__file__, str(writer)],
        stdin=subprocess.PIPE,
        pass_fds=[writer],
        env={"PATH": os.environ["PATH"], "HOME": home},
    )
    os.close(writer)
    if child.stdin is not None:
        child.stdin.write(json.dumps(request).encode())
        child.stdin.close()
    with os.fdopen(reader, "rb") as answers:
        yield from map(json.loads, answers)
    child.wait()


class Static(NamedTuple):
    """What was read without running anything."""

    facts: Facts
    calls: dict[str, list[Call]]

    def named(self) -> dict[tuple[str, str, str], Task]:
        """Return the tasks whose ids are known."""
        return {
            (path_of(task), task.dag_id, task.task_id): task
            for task in self.facts.tasks
            if isinstance(task.dag_id, str) and isinstance(task.task_id, str)
        }

    def unnamed(self) -> dict[tuple[str, str, int], list[Task]]:
        """Return the other tasks, by file and place."""
        found: dict[tuple[str, str, int], list[Task]] = {}
        for task in self.facts.tasks:
            if not (isinstance(task.dag_id, str) and isinstance(task.task_id, str)):
                place = path_of(task), task.origin.source, task.origin.line or 0
                found.setdefault(place, []).append(task)
        return found


def path_of(task: Task) -> str:
    """Return the DAG file, which the origin may not be: ids begin with it."""
    return task.dag.split(":", 3)[2]


def statically(folder: Path, version: str) -> Static:
    """Read the DAGs of `folder` without running them."""
    facts = find_dags(
        folder,
        "agreement",
        [folder],
        only=None,
        exclude=("tests_common/",),
        airflow=version,
        fingerprint=Fingerprint(b"agreement", keep=False),
        # the other reading has Airflow's own defaults for all settings
        outside=Outside(settings=(("operators.default_deferrable", "False"),)),
    ).read()
    calls: dict[str, list[Call]] = {}
    for call in facts.calls:
        calls.setdefault(call.task, []).append(call)
    return Static(facts, calls)
