"""
Which files `.airflowignore` leaves out.

Airflow 2.x reads the lines as regular expressions searched in the path below the
DAG folder, Airflow 3.x as gitignore patterns (`[core] dag_ignore_file_syntax` has
these defaults). Without a version a file is left out only where both agree.

The patterns are foreign text: a regular expression that could backtrack for long is
refused (at most three unbounded repetitions, none of a group, no back reference),
and gitignore patterns are matched by an algorithm that does not backtrack far.
"""

import re
import warnings
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

MAX_LINES = 1_000
MAX_PATTERN = 300
MAX_PATH = 400
MAX_REPETITIONS = 3

_COMMENT = re.compile(r"\s*#.*")
Syntax = Literal["regexp", "glob"]


class Pattern(NamedTuple):
    """One line of an ignore file; `folder` is where the file stands."""

    text: str
    folder: PurePosixPath
    regexp: re.Pattern[str] | None
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
    """Return the patterns of an ignore file in `folder`, below the DAG folder."""
    lines = (_COMMENT.sub("", line) for line in text.split("\n")[:MAX_LINES])
    found: list[Pattern] = []
    for line in lines:
        if line:
            regexp, refused = (None, None) if syntax == "glob" else _compiled(line)
            found.append(Pattern(line, folder, regexp, refused))
    return found


def _compiled(line: str) -> tuple[re.Pattern[str] | None, str | None]:
    if len(line) > MAX_PATTERN:
        return None, f"longer than {MAX_PATTERN} characters"
    if _is_slow(line):
        return None, "it could take very long to match"
    try:
        with warnings.catch_warnings():
            # what the compiler finds odd in a foreign pattern is not about us
            warnings.simplefilter("ignore")
            return re.compile(line), None
    except (re.error, RecursionError, OverflowError):
        return None, "no valid regular expression"


_ESCAPED = re.compile(r"\\.", re.DOTALL)
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")


def _is_slow(line: str) -> bool:
    """Say whether matching `line` may take more than polynomial time, or n^3."""
    if re.search(r"\\[1-9]|\(\?[^:]", line):
        return True
    bare = _CLASS.sub("x", _ESCAPED.sub("x", line))
    return bool(re.search(r"\)[*+{]", bare)) or (
        bare.count("*") + bare.count("+") + bare.count("{") > MAX_REPETITIONS
    )


def is_ignored(
    patterns: Sequence[Pattern], path: PurePosixPath, syntax: Syntax, *, folder: bool
) -> bool:
    """Say whether `path`, relative to the DAG folder, is left out by `syntax`."""
    if syntax == "regexp":
        text = str(path)[:MAX_PATH]
        return any(p.regexp is not None and p.regexp.search(text) for p in patterns)
    ignored = False
    for pattern in patterns:
        kept = pattern.text.startswith("!")
        if ignored is kept and _glob_matches(pattern, path, folder=folder):
            ignored = not kept
    return ignored


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
