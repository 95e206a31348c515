"""What changed between two results, in words."""

import json

import msgspec
from tests.render.sample import RESULT

from dagwarden.render.difference import render_difference


def said(format_: str = "text") -> str:
    return render_difference(RESULT, RESULT, format_, colour=False)


def test_the_difference_names_what_is_new_and_counts_the_rest() -> None:
    lines = said().splitlines()
    assert lines[0] == "new"
    assert (
        "1 new, 1 fixed, 2 unchanged, 0 newly unknown, against git:origin/main" in lines
    )


def test_what_the_later_result_could_not_read_is_said_last() -> None:
    count = sum(gap.incomplete for gap in RESULT.gaps)
    assert count > 0
    last = said().splitlines()[-1]
    assert last == f"{count} not read: what the later result does not hold may be there"
    whole = msgspec.structs.replace(RESULT, gaps=())
    text = render_difference(whole, RESULT, "text", colour=False)
    assert "not read" not in text


def test_programs_get_the_keys() -> None:
    assert set(json.loads(said("json"))) >= {"new", "fixed", "unchanged"}
