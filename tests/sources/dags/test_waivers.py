"""Where an inline comment counts."""

from collections.abc import Callable

import pytest

from dagwarden.facts import Facts

Scan = Callable[..., Facts]

PROGRAM = """\
from airflow import DAG
from airflow.operators.bash import BashOperator as B
with DAG(  # dagwarden: waive header
    "d",  # dagwarden: waive in-header
):
    a = B(
        task_id="a",
        bash_command="x",  # dagwarden: waive in-call
    )  # dagwarden: waive end
    # dagwarden: waive above

    # another comment
    b = [
        B(task_id="b", bash_command="# dagwarden: waive string"),
        B(task_id="c", bash_command="x"),  #dagwarden:   waive second
    ]  # dagwarden: waive list
    # dagwarden : waive nothing
# dagwarden: waive last
"""


def test_each_comment_covers_its_call_or_statement(scan: Scan) -> None:
    facts = scan(PROGRAM)
    lines = {task.task_id: task.origin.line for task in facts.tasks}
    assert lines == {"a": 6, "b": 14, "c": 15}
    found = [(w.origin.source, w.origin.line, w.text) for w in facts.inline_waivers]
    assert found == [
        ("dags/a.py", 3, "waive header"),
        ("dags/a.py", 3, "waive in-header"),
        ("dags/a.py", 6, "waive in-call"),
        ("dags/a.py", 6, "waive end"),
        ("dags/a.py", 13, "waive above"),
        ("dags/a.py", 15, "waive second"),
        ("dags/a.py", 13, "waive list"),
        ("dags/a.py", 19, "waive last"),
    ]


@pytest.mark.parametrize("length", [500, 600])
def test_long_comments_are_cut(scan: Scan, length: int) -> None:
    facts = scan(f"# airflow dag\nx = 1  # dagwarden: {'a' * length}\n")
    assert [len(w.text) for w in facts.inline_waivers] == [500]
