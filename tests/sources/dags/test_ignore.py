"""`.airflowignore` as Airflow 2.x and 3.x read it, and never slowly."""

import re
import time
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.sources.dags.ignore import (
    glob_matches,
    is_ignored,
    patterns_in,
    syntax_of,
)

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
        ("(a+)+b", "it could take very long to match"),
        ("(a|a)*b", "it could take very long to match"),
        ("(?:a*)*", "it could take very long to match"),
        (r"(a)\1", "it could take very long to match"),
        ("a*a*a*a*b", "it could take very long to match"),
        ("(?=a)b", "it could take very long to match"),
        ("a" * 301, "longer than 300 characters"),
        ("(", "no valid regular expression"),
        ("*.py", "no valid regular expression"),
    ],
)
def test_regular_expressions_that_are_refused(line: str, reason: str) -> None:
    pattern = patterns_in(line, TOP, "regexp")[0]
    assert (pattern.regexp, pattern.refused) == (None, reason)


@pytest.mark.parametrize("line", [r".*/tests?/.*\.py", "[a+*]{1,2}x+", r"\.\*\+a*"])
def test_regular_expressions_that_are_followed(line: str) -> None:
    assert patterns_in(line, TOP, "regexp")[0].refused is None


@given(st.text("ab*+?(|){}[]^$.\\1,-", max_size=40))
def test_no_pattern_is_slow(line: str) -> None:
    path = PurePosixPath("ab" * 100 + "c")
    start = time.process_time()
    for syntax in ("regexp", "glob"):
        is_ignored(patterns_in(line, TOP, None), path, syntax, folder=False)
    assert time.process_time() - start < 2


@given(st.text("ab*?", min_size=1, max_size=8), st.text("ab", min_size=1, max_size=8))
def test_wildcards_mean_what_they_say(pattern: str, name: str) -> None:
    as_regexp = pattern.replace("*", ".*").replace("?", ".")
    expected = re.fullmatch(as_regexp, name) is not None
    assert glob_matches(pattern, (name,), folder=False) is expected
