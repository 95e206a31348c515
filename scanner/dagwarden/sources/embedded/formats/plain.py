"""Text of which nothing is known: what has the shape of a credential."""

import re
from collections.abc import Iterator

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
from dagwarden.sources.credentials.names import WORDY
from dagwarden.sources.credentials.shapes import shapes
from dagwarden.sources.credentials.work import charge
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


_COMMENT = {
    "#": late(r"^[ \t]*#+(.*)$", re.MULTILINE),
    "//": late(r"^[ \t]*//+(.*)$", re.MULTILINE),
    "--": late(r"^[ \t]*--+(.*)$", re.MULTILINE),
    ";": late(r"^[ \t]*[;#]+(.*)$", re.MULTILINE),
}


# Behind code, and with something that may be assigned or said.
_BEHIND = late(r"^[^\n#]*\S[ \t]+#[ \t]?(?P<said>[^\n]*[:=][^\n]*)$", re.MULTILINE)


def read_comments_behind(text: str) -> Iterator[Spot]:
    """Yield what is in comments that stand behind code of Python."""
    for number, match in numbered(text, _BEHIND().finditer(text), "said"):
        for spot in read_named(match["said"]):
            yield Spot(number, spot.found)


def read_comments(text: str, mark: str) -> Iterator[Spot]:
    """Yield what is in lines that are commented out by `mark`."""
    first = line = at = 0
    block: list[str] = []
    charge(len(text) // 50)
    for match in _COMMENT[mark]().finditer(text):
        charge(1)
        line += text.count("\n", at, match.start())
        at = match.start()
        if line != first + len(block):
            yield from _read_block(block, first)
            first, block = line, []
        block.append(match[1])
    yield from _read_block(block, first)


def _read_block(lines: list[str], above: int) -> Iterator[Spot]:
    """Yield what is in lines that follow each other, `above` lines below the top."""
    if lines:
        yield from (
            Spot(spot.line + above, spot.found) for spot in read_named("\n".join(lines))
        )
