"""
What people write for people: runbooks, pages, tables, what a notebook shows.

Beside what has a credential's shape, a password or token that a text names: `Password:
V`, `V` in backticks, a cell beside or below one that says password. Words are none.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dagwarden.sources.credentials import Found, found_in, kind_by_name, numbered
from dagwarden.sources.credentials.names import WORDY, is_drawn, words_of
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import read_shapes
from dagwarden.sources.embedded.spots import Spot

if TYPE_CHECKING:
    import _csv

_SAID = re.compile(
    r"(?P<name>password|passwd|passphrase|passwort|kennwort|token|secret|api[ _-]?key)"
    r"(?:\*\*|__)?[ \t]{0,3}(?:::?|=|\bis\b)(?:\*\*|__)?[ \t]{0,3}"
    r"(?:`(?P<code>[^`\s]{8,200})`|(?P<bare>[^\s`*|<>]{8,200})[ \t]*(?:$|-->|</))",
    re.IGNORECASE | re.MULTILINE,
)
_BEFORE = re.compile(r"[\w -]*\Z")
_CONTEXT = 40
_ROW = re.compile(r"^[ \t]*\|(?P<cells>[^\n]{3,2000})\|[ \t]*$", re.MULTILINE)
_RULE = re.compile(r"[ \t|:-]+")
_HTML_CELLS = re.compile(
    r"<t[dh][^<>]{0,100}>\s{0,40}(?P<name>[^<>\s][^<>\n]{0,60}?)\s{0,40}</t[dh]>\s{0,200}"
    r"<td[^<>]{0,100}>\s{0,40}(?P<value>[^<>\s]{8,200})\s{0,40}</td>"
)
_HTML_ROW = re.compile(
    r"<tr[^<>]{0,200}>(?P<cells>(?:(?!</tr>|<tr)[\s\S]){1,20000})</tr>"
)
_HTML_CELL = re.compile(r"<t[dh][^<>]{0,200}>(?P<cell>[^<>]{0,500})</t[dh]>")
# A row of connections: its type says what its fields are.
_CONNECTIONS = frozenset({"conn_type", "conn_id"})
_SHORTEST = 8
_FEWEST_DRAWN = 12
# Columns of keys, beside those of passwords and secrets.
_COLUMNS = frozenset(
    (*owner.split(), "key")
    for owner in ("access", "api", "encryption", "private", "secret")
) | {("access", "token"), ("api", "token"), ("auth", "token"), ("bearer", "token")}
# As long as MD5, SHA-1 and SHA-256 are.
_DIGEST = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")
MAY_BE_DIGEST = "it may be the digest of one"
# Capitals behind small letters: more than names of classes have.
_FEWEST_HUMPS = 4


def read_prose(text: str) -> Iterator[Spot]:
    """Yield what has a credential's shape, and what a text says is one."""
    yield from read_shapes(text)
    yield from read_said(text)


def read_said(text: str) -> Iterator[Spot]:
    """Yield what a text says is a password or token, in a sentence or a table."""
    charge(len(text) // 10)
    for line, match in numbered(text, _SAID.finditer(text)):
        # "next page token", "DB password": what stands before it counts
        before = _BEFORE.search(text, max(0, match.start() - _CONTEXT), match.start())
        name = (before[0] if before else "") + match["name"]
        yield from _given(line, name, match["code"] or match["bare"])
    for line, match in numbered(text, _HTML_CELLS.finditer(text), "value"):
        yield from _given(line, match["name"], match["value"])
    yield from _in_tables(text)
    yield from _in_html(text)


def _in_html(text: str) -> Iterator[Spot]:
    """Yield what stands below a name that says secret in a table of HTML."""
    heads: list[str] = []
    for row in _HTML_ROW.finditer(text) if "<tr" in text else ():
        charge(5 + len(row[0]) // 20)
        cells = list(_HTML_CELL.finditer(text, row.start(), row.end()))
        if "<td" not in row[0]:
            heads = [cell["cell"].strip() for cell in cells]
            continue
        for name, cell in zip(heads, cells, strict=False):
            if value := cell["cell"].strip():
                line = (
                    text.count("\n", 0, cell.start()) + 1 if kind_by_name(name) else 1
                )
                yield from _given(line, name, value)


def _in_tables(text: str) -> Iterator[Spot]:
    """Yield what stands below a name that says secret in a table of Markdown, or beside it."""
    heads: Sequence[str] = ()
    below = 0
    for line, match in numbered(text, _ROW.finditer(text)):
        charge(5)
        cells = [cell.strip().strip("`*") for cell in match["cells"].split("|")]
        if line != below:
            heads = cells
        elif not _RULE.fullmatch(match["cells"]):
            for name, cell in zip(heads, cells, strict=False):
                yield from _given(line, name, cell)
        yield from _given(line, cells[0], cells[1] if len(cells) > 1 else "")
        below = line + 1


def _given(line: int, name: str, value: str) -> Iterator[Spot]:
    kind = kind_by_name(name) if _is_drawn(value) else None
    # a word with a number behind it is chosen for a password, and drawn for no token
    drawn = len(value) >= _FEWEST_DRAWN and not WORDY().fullmatch(value)
    if kind == "password" or (kind is not None and drawn):
        said = "_".join(re.findall(r"\w+", name))
        for found in found_in(said, value, weak=True):
            yield Spot(line, found)


def _is_drawn(value: str) -> bool:
    """Tell whether a value is no word: it has letters, with digits or humps."""
    if len(value) < _SHORTEST or any(map(str.isspace, value)):
        return False
    humps = sum(a.islower() and b.isupper() for a, b in pairwise(value))
    mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return mixed or humps >= _FEWEST_HUMPS


def read_csv(text: str) -> Iterator[Spot]:
    """Yield what is in columns that are called a password, and in a table of connections."""
    yield from read_shapes(text)
    first = text.partition("\n")[0]
    rows = csv.reader(text.split("\n"), delimiter=max(",;\t|", key=first.count))
    # a field that is longer than anyone wrote ends it
    with suppress(csv.Error):
        yield from _in_columns(next(rows, list[str]()), rows)


def _in_columns(head: list[str], rows: "_csv.Reader") -> Iterator[Spot]:
    names = [name.strip() for name in head]
    connections = not _CONNECTIONS.isdisjoint(names)
    wanted = [
        at
        for at, name in enumerate(names)
        if connections or kind_by_name(name) == "password" or _is_column_of_keys(name)
    ]
    for row in rows if wanted else ():
        charge(2)
        named = {
            names[at]: row[at]
            for at in wanted
            if at < len(row)
            and (connections or is_drawn(row[at]) or not _is_column_of_keys(names[at]))
        }
        for found in found_in("", named, weak=True):
            yield Spot(rows.line_num, _doubted(found))


def _is_column_of_keys(name: str) -> bool:
    """Tell whether a column holds what opens something: `token` is data of its own."""
    said = words_of(name)
    kept = said[-1:] == ("secret",) or said[-2:] in _COLUMNS
    return kept and kind_by_name(name) is not None


def _doubted(found: Found) -> Found:
    """Return what stands in a column, with a doubt where a table of users keeps digests."""
    digest = found.kind == "password" and _DIGEST.fullmatch(found.value)
    return replace(found, doubt=MAY_BE_DIGEST) if digest and not found.doubt else found
