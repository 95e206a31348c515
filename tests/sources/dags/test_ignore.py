"""`.airflowignore` as Airflow 2.x and 3.x read it, and never slowly."""

import re
import warnings
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.sources.dags.ignore import (
    Syntax,
    glob_matches,
    is_ignored,
    patterns_in,
    syntax_of,
)
from dagwarden.sources.dags.language.work import TooMuchWork, allowance

TOP = PurePosixPath(".")
# pattern, path, a folder?, does Airflow 3's gitignore syntax match
GLOBS = [
    ("a.py", "a.py", False, True),
    ("a.py", "b/a.py", False, True),
    ("*.py", "b/a.py", False, True),
    ("/a.py", "a.py", False, True),
    ("/a.py", "b/a.py", False, False),
    ("b/a.py", "b/a.py", False, True),
    ("b/a.py", "c/b/a.py", False, False),
    ("b/", "b", True, True),
    ("b/", "b", False, False),
    ("b", "b", True, True),
    ("b/*.py", "b/c/a.py", False, False),
    ("**/a.py", "b/c/a.py", False, True),
    ("**/a.py", "a.py", False, True),
    ("b/**", "b/c/a.py", False, True),
    ("b/**", "b", True, False),
    ("b/**/a.py", "b/a.py", False, True),
    ("b/**/a.py", "b/c/d/a.py", False, True),
    ("a?.py", "ab.py", False, True),
    ("a?.py", "a.py", False, False),
    ("[ab].py", "b.py", False, True),
    ("[!ab].py", "b.py", False, False),
    ("[a-c]x*", "bxyz", False, True),
    (r"\*.py", "*.py", False, True),
    (r"\*.py", "a.py", False, False),
    ("a.p", "a.py", False, False),
    ("*a*b*c", "xaybzc", False, True),
    ("*a*b*c", "xaybz", False, False),
    ("[", "[", False, True),
    ("", "a", False, False),
    ("/", "a", True, False),
]


@pytest.mark.parametrize(("pattern", "path", "folder", "expected"), GLOBS)
def test_gitignore_patterns(
    pattern: str, path: str, folder: bool, expected: bool
) -> None:
    parts = PurePosixPath(path).parts
    assert glob_matches(pattern, parts, folder=folder) is expected


def ignored(text: str, path: str, airflow: str, below: PurePosixPath = TOP) -> bool:
    syntax = syntax_of(airflow)
    assert syntax is not None
    patterns = patterns_in(text, below, syntax)
    return is_ignored(patterns, PurePosixPath(path), syntax, folder=False)


@pytest.mark.parametrize(
    ("text", "path", "airflow", "expected"),
    [
        ("project_a\ntenant_[\\d]", "tenant_1/a.py", "2.11", True),
        ("project_a\ntenant_[\\d]", "x/project_a.py", "2.11", True),
        ("project_a", "x/project_b.py", "2.11", False),
        ("a.py # why\n# b.py", "a.py", "2.11", True),
        ("a.py # why\n# b.py", "b.py", "2.11", False),
        ("*.py\n!keep.py", "keep.py", "3.1", False),
        ("*.py\n!keep.py", "a.py", "3.1", True),
        ("!a.py\na.py", "a.py", "3.1", True),
        ("(", "a.py", "2.11", False),
    ],
)
def test_files_of_patterns(text: str, path: str, airflow: str, expected: bool) -> None:
    assert ignored(text, path, airflow) is expected


def test_a_gitignore_pattern_holds_below_its_file() -> None:
    below = PurePosixPath("b")
    assert ignored("/a.py", "b/a.py", "3.1", below)
    assert not ignored("/a.py", "a.py", "3.1", below)
    assert not ignored("a.py", "c/a.py", "3.1", below)


@pytest.mark.parametrize(
    ("airflow", "syntax"),
    [("1.10", "regexp"), ("2.0", "regexp"), ("2.11.2", "regexp"), ("3.0", "glob"), (None, None)],
)  # fmt: skip
def test_syntax_by_version(airflow: str | None, syntax: str | None) -> None:
    assert syntax_of(airflow) == syntax


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (r"(a)\1", "a construct that is not followed"),
        ("(?=a)b", "a construct that is not followed"),
        ("(?i)a", "a construct that is not followed"),
        ("a{,3}", "a construct that is not followed"),
        ("[[:alpha:]]", "a construct that is not followed"),
        (r"\pL", "a construct that is not followed"),
        (r"\Qa", "a construct that is not followed"),
        (".{300}.{300}", "too large once its repetitions are written out"),
        ("a" * 301, "longer than 300 characters"),
        ("(", "no valid regular expression"),
        ("*.py", "no valid regular expression"),
    ],
)
def test_regular_expressions_that_are_refused(line: str, reason: str) -> None:
    pattern = patterns_in(line, TOP, "regexp")[0]
    assert (pattern.regexp, pattern.refused) == (None, reason)


@pytest.mark.parametrize(
    "line", [r".*/tests?/.*\.py", "[a+*]{1,2}x+", r"\.\*\+a*", "(a+)+b", "(a|a)*b", "(?:a*)*"]
)  # fmt: skip
def test_regular_expressions_that_are_followed(line: str) -> None:
    assert patterns_in(line, TOP, "regexp")[0].refused is None


@given(
    st.text("ab*+?(|){}[]^$.\\wd,-0", max_size=12),
    st.text("ab0-.", min_size=1, max_size=8),
)
def test_regular_expressions_mean_what_python_means_by_them(
    line: str, name: str
) -> None:
    for pattern in patterns_in(line, TOP, "regexp"):
        if pattern.refused is None:
            with warnings.catch_warnings(action="ignore"):
                expected = re.search(line, name) is not None
            path = PurePosixPath(name)
            assert is_ignored([pattern], path, "regexp", folder=False) is expected


@pytest.mark.parametrize(("pattern", "expected"), [(r"\w", False), ("é", True)])
def test_classes_of_letters_match_no_path_beyond_ascii(
    pattern: str, expected: bool
) -> None:
    assert ignored(pattern, "é.py", "2.11") is expected


SLOW = {
    "optional": "a?" * 45 + "a" * 45,
    "alternatives": "(a|a)" * 30 + "b",
    "nested": "(a+)+b",
    "stars": "\n".join(f".*.*.*x{i}" for i in range(1_000)),
    "spaces": " " * 100_000 + "x",
    "spaces and comments": (" " * 100_000 + "x#\n") * 10,
}


@pytest.mark.parametrize("text", SLOW.values(), ids=SLOW)
@pytest.mark.parametrize("syntax", ["regexp", "glob"])
def test_what_backtracks_elsewhere_costs_little(text: str, syntax: Syntax) -> None:
    with allowance(500_000):
        patterns = patterns_in(text, TOP, None)
        path = PurePosixPath("a" * 44 + ".py")
        assert not is_ignored(patterns, path, syntax, folder=False)


def test_matching_is_charged_for() -> None:
    patterns = patterns_in("\n".join(["*a" * 149 + "b"] * 2_000), TOP, "glob")
    with allowance(100_000), pytest.raises(TooMuchWork):
        is_ignored(patterns, PurePosixPath("a" * 240), "glob", folder=False)


def test_lines_past_the_limit_are_told() -> None:
    found = patterns_in("a\n" * 2_000 + "b", TOP, "glob")
    assert (len(found), found[-1].refused) == (2_001, "more than 2,000 lines")
    assert patterns_in("a\n" * 2_000, TOP, "glob")[-1].refused is None


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=8))
def test_wildcards_mean_what_they_say(pattern: str, name: str) -> None:
    as_regexp = pattern.replace("*", ".*").replace("?", ".")
    expected = re.fullmatch(as_regexp, name) is not None
    assert glob_matches(pattern, (name,), folder=False) is expected
