r"""
Which files `.airflowignore` leaves out.

Airflow 2.x reads the lines as regular expressions searched in the path below the
DAG folder, Airflow 3.x as gitignore patterns (`[core] dag_ignore_file_syntax` has
these defaults). Without a version a file is left out only where both agree.

The patterns are foreign text. Regular expressions are matched by RE2, in time linear
in the path; what RE2 and Python's `re` may read differently is refused, and so is what
RE2 makes a large program of. `\w`, `\d`, `\s` and `\b` know ASCII only, so a pattern
with one of them leaves out no path that has other characters. gitignore patterns are
matched by an algorithm that does not backtrack far. All matching is charged for.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Literal, Protocol

from msgspec import Struct

from dagwarden.patterns import re2
from dagwarden.sources.dags.language.work import charge

MAX_LINES = 2_000
MAX_PATTERN = 300
MAX_PATH = 400
# Instructions of RE2 that one pattern may be.
MAX_PROGRAM = 1_000
# Steps of matching that are one unit of work.
_STEPS = 8
# Units of work that compiling takes for each character, at worst.
_COMPILING = 3
# Escapes that RE2 and `re` agree on, for ASCII.
_ASCII_CLASSES = "bBdDsSwW"
_ANCHORS = frozenset(["^", "$", r"\A", r"\b", r"\B"])
_QUANTIFIERS = frozenset("?*+{")
_ESCAPES = frozenset(_ASCII_CLASSES + "Aafnrtv")

Syntax = Literal["regexp", "glob"]


class Regexp(Protocol):
    """A compiled regular expression of RE2."""

    @property
    def programsize(self) -> int:
        """Its instructions."""
        ...

    def search(self, text: bytes) -> object | None:
        """Return a match anywhere in `text`, or None."""
        ...


class Pattern(Struct, frozen=True):
    """One line of an ignore file; `folder` is where the file stands."""

    text: str
    folder: PurePosixPath
    regexp: Regexp | None
    # why the line is not followed as a regular expression, where it is not
    refused: str | None = None


def syntax_of(airflow: str | None) -> Syntax | None:
    """Return the default syntax of an Airflow version; None if not known."""
    if airflow is None:
        return None
    return "regexp" if airflow.split(".")[0] in ("1", "2") else "glob"


def patterns_in(
    text: str, folder: PurePosixPath, syntax: Syntax | None
) -> list[Pattern]:
    """
    Return the patterns of an ignore file in `folder`, below the DAG folder.

    Past `MAX_LINES` there is one without a text, which says so.
    """
    lines = text.split("\n")
    found: list[Pattern] = []
    for line in map(_without_comment, lines[:MAX_LINES]):
        if line:
            regexp, refused = (None, None) if syntax == "glob" else _compiled(line)
            found.append(Pattern(line, folder, regexp, refused))
    if any(lines[MAX_LINES:]):
        found.append(Pattern("", folder, None, f"more than {MAX_LINES:,} lines"))
    return found


def _without_comment(line: str) -> str:
    """Return `line` without a comment and the space before it."""
    head, mark, _ = line.partition("#")
    return head.rstrip() if mark else line


def _compiled(line: str) -> tuple[Regexp | None, str | None]:
    if len(line) > MAX_PATTERN:
        return None, f"longer than {MAX_PATTERN} characters"
    charge(_COMPILING * len(line))
    if _is_read_differently(line):
        return None, "a construct that is not followed"
    library = re2()
    options = library.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        regexp: Regexp = library.compile(line.encode(), options)
    except (library.error, UnicodeEncodeError):
        return None, "no valid regular expression"
    if regexp.programsize > MAX_PROGRAM:
        return None, "too large once its repetitions are written out"
    return regexp, None


def _is_read_differently(line: str) -> bool:
    """Say whether RE2 may take `line` for something else than Python does."""
    groups = line.count("(?") != line.count("(?:")
    if groups or "{," in line or "[:" in line:
        return True
    tokens = _tokens(line)
    # `[\w-.]`: to Python a range with no end
    if "[" in line and re.search(r"\\[dDsSwW]-", line):
        return True
    # `^*`: Python refuses to repeat what has no length
    if any(a in _ANCHORS and b in _QUANTIFIERS for a, b in pairwise(tokens)):
        return True
    return any(
        escaped.isalnum() and escaped not in _ESCAPES for escaped in _escaped(line)
    )


def _escaped(line: str) -> list[str]:
    return [token[1] for token in _tokens(line) if token[0] == "\\" and token[1:]]


def is_ignored(
    patterns: Sequence[Pattern], path: PurePosixPath, syntax: Syntax, *, folder: bool
) -> bool:
    """Say whether `path`, relative to the DAG folder, is left out by `syntax`."""
    if syntax == "regexp":
        text = str(path)[:MAX_PATH]
        return any(_is_found(pattern, text) for pattern in patterns)
    ignored = False
    for pattern in patterns:
        kept = pattern.text.startswith("!")
        if ignored is kept and _glob_matches(pattern, path, folder=folder):
            ignored = not kept
    return ignored


def _is_found(pattern: Pattern, text: str) -> bool:
    regexp = pattern.regexp
    if regexp is None:
        return False
    charge(1 + regexp.programsize * len(text) // 1_000)
    if not text.isascii() and set(_ASCII_CLASSES) & set(_escaped(pattern.text)):
        return False
    return regexp.search(text.encode("utf-8", "replace")) is not None


def _glob_matches(pattern: Pattern, path: PurePosixPath, *, folder: bool) -> bool:
    below = path.parts
    if pattern.folder.parts:
        if below[: len(pattern.folder.parts)] != pattern.folder.parts:
            return False
        below = below[len(pattern.folder.parts) :]
    return glob_matches(pattern.text.removeprefix("!"), below, folder=folder)


def glob_matches(text: str, parts: Sequence[str], *, folder: bool) -> bool:
    """
    Say whether the gitignore pattern `text` matches the path `parts`.

    A path below a folder that matches does too where the pattern names a path.
    """
    text = text.rstrip(" ")
    if text.endswith("/"):
        if not folder:
            return False
        text = text.rstrip("/")
    if not text or len(text) > MAX_PATTERN:
        return False
    anchored = "/" in text
    wanted = [part for part in text.split("/") if part]
    if not anchored:
        return bool(parts) and _part_matches(wanted[0], parts[-1])
    return _parts_match(wanted, list(parts))


def _parts_match(wanted: list[str], parts: list[str]) -> bool:
    """Match with `**` for any number of parts, by dynamic programming."""
    reachable = {0}
    for position, part in enumerate(wanted):
        if part == "**":
            last = position == len(wanted) - 1
            first = min(reachable, default=len(parts) + 1) + last
            reachable = set(range(first, len(parts) + 1))
        else:
            reachable = {
                at + 1
                for at in reachable
                if at < len(parts) and _part_matches(part, parts[at])
            }
    return len(parts) in reachable


def _part_matches(pattern: str, name: str) -> bool:
    """Match one part of a path; after a star that fails, only that star moves."""
    tokens = _tokens(pattern)
    charge(1 + len(tokens) // _STEPS)
    at = position = 0
    star, resume = -1, 0
    while at < len(name):
        if position < len(tokens) and tokens[position] == "*":
            star, resume = position, at
            position += 1
        elif position < len(tokens) and _token_matches(tokens[position], name[at]):
            position += 1
            at += 1
        elif star >= 0:
            charge(1 + (at - resume) // _STEPS)
            resume += 1
            at, position = resume, star + 1
        else:
            return False
    return set(tokens[position:]) <= {"*"}


def _tokens(pattern: str) -> list[str]:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        end = at + 1
        if pattern[at] == "[":
            close = pattern.find("]", at + 2)
            end = close + 1 if close > 0 else end
        elif pattern[at] == "\\" and at + 1 < len(pattern):
            end = at + 2
        found.append(pattern[at:end])
        at = end
    return found


def _token_matches(token: str, letter: str) -> bool:
    if len(token) == 2 and token[0] == "\\":
        return token[1] == letter
    if len(token) > 2:
        return _in_class(token[1:-1], letter)
    return token in ("?", letter)


def _in_class(text: str, letter: str) -> bool:
    negated = text[0] in "!^"
    text = text[1:] if negated else text
    found = False
    at = 0
    while at < len(text):
        if at + 2 < len(text) and text[at + 1] == "-":
            found = found or text[at] <= letter <= text[at + 2]
            at += 3
        else:
            found = found or text[at] == letter
            at += 1
    return found is not negated
