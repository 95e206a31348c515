"""Shell scripts, Dockerfiles, SQL: commands that are given passwords."""

import re
from collections.abc import Iterator

from dagwarden.sources.credentials import found_in, kind_by_name
from dagwarden.sources.embedded.formats.plain import read_comments, read_named, read_pem
from dagwarden.sources.embedded.spots import Spot


def read_shell(text: str) -> Iterator[Spot]:
    """Yield the credentials of a shell script, commented-out commands included."""
    yield from read_comments(text, "#")
    yield from read_pem(text)
    for number, line in _commands(text):
        yield from _command(number, line)


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield each command line with its number; a continued one is one line."""
    number = 1
    whole, started = "", 1
    for line in text.split("\n"):
        if line.endswith("\\"):
            started = started if whole else number
            whole += line[:-1] + " "
        else:
            yield (started, whole + line) if whole else (number, line)
            whole = ""
        number += 1
    if whole:
        yield started, whole


def _command(number: int, line: str) -> Iterator[Spot]:
    if not line.lstrip().startswith("#"):
        yield from (Spot(number, one.found) for one in read_named(line))


def _said(match: re.Match[str]) -> str:
    return match["double"] or match["single"] or match["bare"] or ""


_INSTRUCTION = re.compile(r"\s*(?P<word>[A-Za-z]+)\s+(?P<rest>.*)$", re.DOTALL)
_WORD = (
    r"(?:\"(?P<double>[^\"\n]{1,2000})\"|'(?P<single>[^'\n]{1,2000})'"
    r"|(?P<bare>[^\s\"';|&<>()]{1,2000}))"
)
_PAIR = re.compile(rf"(?P<name>[A-Za-z_][\w.-]{{0,100}})={_WORD}")


def read_dockerfile(text: str) -> Iterator[Spot]:
    """Yield the credentials of ENV, ARG and RUN, commented-out ones included."""
    yield from read_comments(text, "#")
    for number, line in _commands(text):
        match = _INSTRUCTION.match(line)
        if match is None:
            continue
        word, rest = match["word"].upper(), match["rest"]
        if word in {"ENV", "ARG", "LABEL"}:
            pairs = [(one["name"], _said(one)) for one in _PAIR.finditer(rest)]
            if not pairs and word == "ENV":
                name, _, value = rest.strip().partition(" ")
                pairs = [(name, value.strip())]
            for name, value in pairs:
                yield from (Spot(number, found) for found in found_in(name, value))
        else:
            yield from _command(number, line)


_SQL = re.compile(
    r"(?P<name>[A-Za-z_][\w]{0,60})\s*(?:=>?|:=|\s)\s*(?:N|E)?'(?P<value>(?:[^'\n]|''){1,2000})'"
)
_BY = re.compile(
    r"\bIDENTIFIED\s+(?:WITH\s+\w+\s+)?(?:BY|AS)\s+(?:'(?P<single>[^'\n]{1,500})'|\"(?P<double>[^\"\n]{1,500})\"|(?P<bare>[^\s;'\"]{1,500}))",
    re.IGNORECASE,
)


def read_sql(text: str) -> Iterator[Spot]:
    """Yield the passwords that statements set, and what has a credential's shape."""
    yield from read_comments(text, "--")
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > 20_000:
            continue
        for match in _SQL.finditer(line):
            if kind_by_name(match["name"]):
                value = match["value"].replace("''", "'")
                for found in found_in(match["name"], value):
                    yield Spot(number, found)
        for match in _BY.finditer(line):
            if (said := _said(match)).upper() not in {
                "PASSWORD",
                "VALUES",
                "EXTERNALLY",
            }:
                yield from (Spot(number, found) for found in found_in("password", said))
