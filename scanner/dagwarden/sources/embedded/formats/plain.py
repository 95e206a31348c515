"""Text of which nothing is known: what has the shape of a credential."""

import re
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dagwarden.patterns import late
from dagwarden.sources.credentials import (
    Found,
    found_in,
    found_in_text,
    numbered,
    pieces,
)
from dagwarden.sources.credentials.keys import PEM, PUTTY
from dagwarden.sources.credentials.names import WORDY, kind_by_name
from dagwarden.sources.credentials.shapes import shapes
from dagwarden.sources.credentials.work import charge, is_cut, left
from dagwarden.sources.embedded.spots import Spot

# Longer lines are looked into in pieces; no key is longer.
_PIECE = 20_000


# As base64(1) writes a file: lines of one length, the last may be shorter.
_WRAPPED = late(r"\s*(?:[A-Za-z0-9+/]{60,76}\r?\n){4,2000}[A-Za-z0-9+/]{1,76}={0,2}\s*")
WORD_ABOUT = "it may be a word about one"
_BASE64_OF = ("eyJ", "ewo", "ewog", "LS0tLS")  # { and -----


def read_shapes(text: str) -> Iterator[Spot]:
    """
    Yield what has a credential's shape, or is assigned to a name that says so.

    What people write behind a colon may be a word about a password: it is told with
    that doubt.
    """
    if text.lstrip().startswith(_BASE64_OF) and _WRAPPED().fullmatch(text):
        yield from (Spot(1, found) for found in found_in("", text, weak=True))
        return
    for number, line in enumerate(text.split("\n"), 1):
        charge(1 + len(line) // 20)
        if len(line) > _PIECE:
            yield from (Spot(number, found) for found in shaped_in(line))
        elif len(stripped := line.strip()) >= 8:
            for found in found_in("", stripped, weak=True):
                # a block of PEM takes several lines; the key of age(1) is on one
                if found.kind != "private_key" or found.prefix:
                    yield Spot(number, _doubted(found, stripped))
    yield from read_pem(text)


# Of a file that holds nothing but a value.
_ENDINGS = frozenset({"", "key", "pass", "password", "pwd", "secret", "token", "txt"})
LONGEST = 1_000


def read_alone(name: str, text: str) -> Iterator[Spot]:
    """Yield the value that a file is and nothing else, whose name says so: `db_password.txt`."""
    value = text.strip()
    stem, _, ending = name.lstrip(".").partition(".")
    if not value or len(value.split()) > 1 or ending not in _ENDINGS:
        return
    if stem.endswith("passwd") and ":" in value:  # a user, and more of him
        return
    said = stem if ending == "txt" else f"{stem}_{ending}".rstrip("_")
    if kind_by_name(said) is not None:
        line = text.count("\n", 0, text.find(value)) + 1
        for found in found_in(said, value, name=said, weak=True):
            yield Spot(line, found)


def _doubted(found: Found, line: str) -> Found:
    """Return what was found in a line, with a doubt where it is said, and a word."""
    before = line.partition(found.value)[0].rstrip(" \t*_")
    if found.doubt or not (found.place and before.endswith(":")):
        return found
    word = WORDY().fullmatch(found.value) and not any(map(str.isdigit, found.value))
    return replace(found, doubt=WORD_ABOUT) if word else found


def read_pem(text: str) -> Iterator[Spot]:
    """Yield the private keys in `text`, which take several lines."""
    whole: dict[str, Found] = {}
    if '"private_key"' in text:
        # a key file in a here document says whose it is
        files = (one for one in found_in("", text) if one.identity is not None)
        whole = {one.value: one for one in files}
    if "PuTTY-User-Key-File" in text:
        for line, match in numbered(text, PUTTY().finditer(text)):
            yield from (Spot(line, found) for found in found_in("", match[0]))
    # only the block: what stands behind it may say that all of it is URL-encoded
    for line, match in numbered(text, PEM().finditer(text)):
        for found in found_in("", match[0]):
            yield Spot(line, whole.get(found.value, found))


def shaped_in(line: str) -> Iterator[Found]:
    """Yield what has a shape in a line, whatever it is called: nothing is decoded."""
    for piece in pieces(line):
        for shaped in shapes(piece):
            yield Found(shaped.kind, "", shaped.value, doubt=shaped.doubt)


def read_named(text: str) -> Iterator[Spot]:
    """Yield what has a credential's shape, or is assigned to a name that says so."""
    for line, found in found_in_text(text, weak=True):
        yield Spot(line, found)


_SPACES = " \t"
# How a line begins that is commented out by a mark, and the signs that may follow.
_COMMENT: dict[str, tuple[str | tuple[str, ...], str]] = {
    "#": ("#", "#"),
    "//": ("//", "/"),
    "--": ("--", "-"),
    ";": ((";", "#"), ";#"),
}
# Blocks of comments that hold nothing are remembered, up to this length, with the work
# that it took to see that: each file of a repository has the same on top.
_MAX_QUIET = 1_000
_quiet: dict[str, int] = {}


# Lines with their numbers, the first of which is 0.
Lines = Iterable[tuple[int, str]]


def read_comments_behind(lines: Lines) -> Iterator[Spot]:
    """Yield what is in comments that stand behind code of Python."""
    for number, line in lines:
        if said := _said_behind(line):
            for spot in read_named(said[1:] if said[0] in _SPACES else said):
                yield Spot(number + 1, spot.found)


def _said_behind(line: str) -> str:
    """Return the comment behind code, if it has something that may be assigned or said."""
    code, _, said = line.partition("#")
    inner = said.lstrip(_SPACES)
    if inner != said and inner[:1] == "#" and _may_assign(inner):
        return inner[1:]  # commented out, with the comment behind it
    before = code.rstrip(_SPACES)
    behind = before != code and before and not before[-1].isspace()
    return said if behind and _may_assign(said) else ""


def _may_assign(said: str) -> bool:
    return ":" in said or "=" in said


def read_comments(text: str, mark: str) -> Iterator[Spot]:
    """Yield what is in lines that are commented out by `mark`."""
    charge(len(text) // 50)
    yield from read_comments_in(enumerate(text.split("\n")), mark)


def read_comments_in(lines: Lines, mark: str) -> Iterator[Spot]:
    """Yield what is in those of `lines` that are commented out by `mark`."""
    first = 0
    block: list[str] = []
    begins, signs = _COMMENT[mark]
    for line, whole in lines:
        said = whole.lstrip(_SPACES)
        if said.startswith(begins):
            charge(1)
            if line != first + len(block):
                yield from _read_block(block, first)
                first, block = line, []
            block.append(said.lstrip(signs))
    yield from _read_block(block, first)


# As Airflow's own settings show what an option may look like.
_EXAMPLE = "Example:"
_EXAMPLES = late(r"^[ \t]*Example:[^\n]*", re.MULTILINE)


def _read_block(lines: list[str], above: int) -> Iterator[Spot]:
    """Yield what is in lines that follow each other, `above` lines below the top."""
    if not lines:
        return
    text = "\n".join(lines)
    if _EXAMPLE in text:
        for line, match in numbered(text, _EXAMPLES().finditer(text)):
            yield from (Spot(above + line, one) for one in shaped_in(match[0]))
        text = _EXAMPLES().sub("", text)
    if text in _quiet:
        charge(_quiet[text])
        return
    found, units = False, left()
    for spot in read_named(text):
        found = True
        yield Spot(spot.line + above, spot.found)
    if found or is_cut():
        return
    if len(text) <= _MAX_QUIET and len(_quiet) < _MAX_QUIET:
        _quiet[text] = units - left()
