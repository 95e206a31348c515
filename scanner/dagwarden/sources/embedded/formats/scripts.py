"""Shell scripts, Dockerfiles, SQL: commands that are given passwords."""

import re
from collections.abc import Iterator

from dagwarden.sources.credentials import (
    Found,
    found_in,
    found_in_text,
    kind_by_name,
    numbered,
    pieces,
)
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import read_comments, read_pem, shaped_in
from dagwarden.sources.embedded.spots import Spot

# A line that is written to a .pgpass file: host:port:database:user:password
_PGPASS = re.compile(
    r"(?:^|[\s'\"])[\w.*${}-]{1,100}:(?:\d{2,5}|\*):[\w.*${}-]{1,100}:[\w.*${}-]{1,100}"
    r":(?P<secret>[^\s'\":]{2,200})",
    re.MULTILINE,
)


# An entry that is written to a .netrc file.
_NETRC = re.compile(
    r"\bmachine\s{1,9}\S{1,200}\s{1,9}login\s{1,9}\S{1,200}\s{1,9}password\s{1,9}"
    r"(?P<secret>[^\s'\"\\]{2,200})"
)


# What a script tells ftp(1) in a here document.
_FTP = re.compile(r"^[ \t]*user[ \t]+\S{1,100}[ \t]+(?P<secret>\S{2,200})[ \t]*$", re.M)


def _in_files(text: str) -> Iterator[Spot]:
    """Yield the passwords of the .pgpass and .netrc files that a script writes."""
    files = (("pgpass", _PGPASS), ("machine", _NETRC), ("ftp -", _FTP))
    for hint, pattern in files:
        if hint in text:
            for number, match in numbered(text, pattern.finditer(text), "secret"):
                for found in found_in("password", match["secret"], weak=True):
                    yield Spot(number, found)


def read_shell(text: str) -> Iterator[Spot]:
    """Yield the credentials of a shell script, commented-out commands included."""
    yield from read_comments(text, "#")
    yield from read_pem(text)
    yield from _in_files(text)
    for number, line in _commands(text):
        yield from _command(number, line)


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Yield each command with the number of its first line; it may take several."""
    started, parts = 1, list[str]()
    for number, line in enumerate(text.split("\n"), 1):
        charge(3)
        if not parts:
            started = number
        parts.append(line)
        if not line.endswith("\\"):
            yield started, "\n".join(parts)
            parts = []
    if parts:
        yield started, "\n".join(parts)


def _command(number: int, command: str) -> Iterator[Spot]:
    if command.lstrip().startswith("#"):
        return
    whole = command.replace("\\\n", " ")
    for _, found in found_in_text(whole, weak=True):
        yield Spot(number + _line_in(command, found.value), found)


def _line_in(command: str, value: str) -> int:
    """Return how many lines below the first of a command `value` stands."""
    at = command.find(value)
    return command.count("\n", 0, at) if at > 0 else 0


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
    yield from _in_files(text)
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
                for found in found_in(name, value, weak=True):
                    yield Spot(number + _line_in(line, found.value), found)
        else:
            yield from _command(number, line)


_SQL = re.compile(
    r"(?P<name>[A-Za-z_][\w]{0,60})\s{0,50}(?:=>?|:=|\s)\s{0,50}(?:N|E)?'(?P<value>(?:[^'\n]|''){1,2000})'"
)
_BY = re.compile(
    r"\bIDENTIFIED\s{1,50}(?:WITH\s{1,50}\w+\s{1,50})?(?:BY|AS)\s{1,50}(?:'(?P<single>[^'\n]{1,500})'|\"(?P<double>[^\"\n]{1,500})\"|(?P<bare>[^\s;'\"]{1,500}))",
    re.IGNORECASE,
)


# Rows that are put into columns with names, and tables that pg_dump(1) writes.
_INSERT = re.compile(
    r"\bINSERT\s{1,9}INTO\s{1,9}[\w.\"`]{1,200}\s{0,9}\((?P<names>[^()]{1,2000})\)\s{0,9}VALUES\s{0,9}",
    re.IGNORECASE,
)
_ROW = re.compile(r"\((?P<row>(?:[^()']|'(?:[^']|'')*'){1,20000})\)\s{0,9},?\s{0,9}")
_FIELD = re.compile(
    r"\s*(?:N|E)?(?:'(?P<text>(?:[^']|'')*)'|(?P<other>[^,']*))\s*(?:,|$)"
)
_COPY = re.compile(
    r"^COPY\s+[\w.\"]{1,200}\s+\((?P<names>[^()]{1,2000})\)\s+FROM\s+stdin;\n(?P<rows>(?:(?!\\\.)[^\n]*\n){1,100000})",
    re.IGNORECASE | re.MULTILINE,
)
# What encrypts with what stands second.
_SET = re.compile(
    r"\bSET\s{1,9}PASSWORD\s{1,9}FOR\s{1,9}\S{1,200}\s{0,9}=\s{0,9}(?:PASSWORD\s{0,9}\()?\s{0,9}'(?P<secret>[^'\n]{2,200})'",
    re.IGNORECASE,
)
_SEALING = re.compile(
    r"\b(?:pgp_sym_(?:de|en)crypt|aes_(?:de|en)crypt|hmac)(?:_bytea)?\s{0,9}\([^()']{1,200},\s{0,9}'(?P<key>[^'\n]{6,300})'",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"'(?P<text>[^'\n]{1,2000}=[^'\n]{1,2000})'")


def _columns(names: str) -> list[str]:
    return [name.strip().strip('"`') for name in names.split(",")]


def _rows(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows that are written out in a text, with their lines."""
    for line, match in numbered(text, _INSERT.finditer(text)):
        names, at = _columns(match["names"]), match.end()
        while row := _ROW.match(text, at):
            charge(5 + len(row["row"]) // 5)
            fields = [
                (one["text"] or "").replace("''", "'")
                for one in _FIELD.finditer(row["row"])
            ]
            yield (
                line + text.count("\n", match.start(), at),
                dict(zip(names, fields, strict=False)),
            )
            at = row.end()
    for line, match in numbered(text, _COPY.finditer(text)):
        names = _columns(match["names"])
        for below, row in enumerate(match["rows"].split("\n"), 1):
            charge(5 + len(row) // 5)
            fields = ["" if one == "\\N" else one for one in row.split("\t")]
            yield line + below, dict(zip(names, fields, strict=False))


def _paired(row: dict[str, str]) -> dict[str, str]:
    """Return a row of names and values, `key` and `val` of Airflow's variables, as a pair."""
    if row.keys() >= {"key", "val"}:
        return {**row, "value": row["val"]}
    return row


def read_sql(text: str) -> Iterator[Spot]:
    """Yield the passwords that statements set, and what has a credential's shape."""
    yield from read_comments(text, "--")
    for number, row in _rows(text):
        for found in found_in("", _paired(row), weak=True):
            yield Spot(number, found)
    for number, line in enumerate(text.split("\n"), 1):
        for piece in pieces(line):
            charge(5 + len(piece) // 5)
            yield from (Spot(number, found) for found in _in_statement(piece))


def _in_statement(text: str) -> Iterator[Found]:
    for match in _SQL.finditer(text):
        if kind_by_name(match["name"]):
            yield from found_in(
                match["name"], match["value"].replace("''", "'"), weak=True
            )
    for match in _BY.finditer(text):
        if (said := _said(match)).upper() not in {"PASSWORD", "VALUES", "EXTERNALLY"}:
            yield from found_in("password", said, weak=True)
    for match in _SET.finditer(text):
        yield from found_in("password", match["secret"], weak=True)
    for match in _SEALING.finditer(text):
        yield from found_in("encryption_key", match["key"], weak=True)
    for match in _LITERAL.finditer(text):  # 'host=h password=...', as dblink takes it
        yield from found_in("", match["text"], weak=True)
    yield from shaped_in(text)
