"""What is asked of many texts at once."""

import sys

import pytest

from dagwarden.patterns import Screen


def test_texts_are_asked_for_every_pattern_once_there_are_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "re2", raising=False)
    screen = Screen(100, lambda: ("a+b", "c"))
    assert screen.found("aab c") is None
    assert screen.found("aab c") is None  # 110 characters, with what a text counts as
    assert screen.found("aab c") == [0, 1]
    assert screen.found("c") == [1]
    assert screen.found("d") == []
    # it is loaded: another need not wait for that
    assert Screen(100, lambda: ("c",)).found("c") == [0]


def test_what_is_no_text_in_utf_8_is_not_known() -> None:
    screen = Screen(0, lambda: ("a",))
    assert screen.found("a \ud800") is None
    assert screen.found("\u00e9a") == [0]
