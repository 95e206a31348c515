"""What every format owes to hostile text, and the words they share."""

from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.render.sample import AUDITOR, FINDINGS, RESULT

from dagwarden.facts import Origin
from dagwarden.findings import Population, Report
from dagwarden.render import encode, place, shown, total, visible
from dagwarden.render.html import render_html
from dagwarden.render.json import render_json
from dagwarden.render.sarif import render_sarif
from dagwarden.render.text import render_text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain text_1", "plain text_1"),
        ("zażółć 日本", "zażółć 日本"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b2J", r"\x9b2J"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\u202egpj", r"\u202egpj"),
        ("\u2028\u200b\ufeff", r"\u2028\u200b\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\udcff", r"\udcff"),
        ("\0\x7f", r"\x00\x7f"),
    ],
)
def test_what_does_not_print_is_spelled_out(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(st.text(st.characters()))
def test_visible_text_is_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        (Origin(source="dags/a.py", line=3), "dags/a.py:3"),
        (Origin(source="dags/a.py", line=3, field="x"), "dags/a.py:3 (x)"),
        (Origin(source="//x/y", field="iam\x1b"), r"//x/y (iam\x1b)"),
        (Origin(source="A\n"), r"A\n"),
    ],
)
def test_place(origin: Origin, words: str) -> None:
    assert place(origin) == words


def test_an_engineer_is_shown_failures_meant_for_engineers() -> None:
    assert [(f.rule, f.waiver) for f in shown(RESULT)] == [
        ("key-in-connection", None),
        ("task-gets-403", None),
        ("task-gets-403", None),
        ("run-is-unbounded", None),
        ("key-in-connection", "waivers.yaml#1"),
    ]
    assert shown(AUDITOR.result) == FINDINGS


def test_totals_leave_out_rules_that_did_not_run() -> None:
    idle = msgspec.structs.replace(
        RESULT.rules[0], not_run="x", population=Population(discovered=9, failed=9)
    )
    result = msgspec.structs.replace(RESULT, rules=(*RESULT.rules[:2], idle))
    assert total(result) == Population(
        discovered=45,
        excluded=1,
        unreadable=1,
        not_applicable=9,
        passed=25,
        failed=4,
        unknown=4,
        waived=1,
    )


def test_json_of_names_that_are_no_text() -> None:
    value = {"b": ("\udcff",), "a": {"\udc80": 1}, "\udc80": None}
    assert encode(value) == (
        b'{\n  "\\\\udc80": null,\n  "a": {\n    "\\\\udc80": 1\n  },\n'
        b'  "b": [\n    "\\\\udcff"\n  ]\n}\n'
    )


@pytest.mark.parametrize(
    "render",
    [
        partial(render_text, width=80, colour=False, verbose=True),
        render_json,
        render_sarif,
        render_html,
    ],
)
def test_where_parts_are_written_is_told(
    render: Callable[[Report], str | bytes],
) -> None:
    part = Origin(source="dags/parts_of_it.py", line=7)
    finding = msgspec.structs.replace(FINDINGS[0], contributing=(part,))
    result = msgspec.structs.replace(RESULT, findings=(finding,))
    told = render(msgspec.structs.replace(AUDITOR, result=result))
    assert "dags/parts_of_it.py" in (told if isinstance(told, str) else told.decode())
