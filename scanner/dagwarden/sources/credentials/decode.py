"""What a text holds in another encoding: JSON, base64, URL-encoding."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from codecs import getincrementaldecoder
from collections.abc import Iterator

from dagwarden.patterns import late
from dagwarden.sources.credentials.work import charge

SHORTEST_BASE64 = 24
_BASE64 = late(rf"[A-Za-z0-9+/_-]{{{SHORTEST_BASE64},}}={{0,2}}")


_HEX = late(rf"(?:[0-9a-fA-F]{{2}}){{{SHORTEST_BASE64 // 2},}}")
_LINE_BREAKS = str.maketrans("", "", "\r\n\t")
_RUN = late(r"(?<![\w+/-])[A-Za-z0-9+/_-]{40,100000}={0,2}")
# Characters by which what is too long to be decoded is told.
_HEAD = 400
# As many objects are looked for in one text.
_OBJECTS = 20
# How gzip (RFC 1952) and zlib (RFC 1950) begin, and what opens both.
_COMPRESSED = frozenset({b"\x1f\x8b", b"x\x01", b"x\x9c", b"x\xda"})
_EITHER = 47
_MAX_UNPACKED = 200_000
_PERCENT = late(r"(?:%[0-9A-Fa-f]{2})+")


def unquoted(text: str) -> str:
    """
    Return `text` with its URL-encoding undone.

    What is no UTF-8 stays: %DB_PASSWORD% is a variable of Windows.
    """
    return _PERCENT().sub(_unescaped, text) if "%" in text else text


def _unescaped(match: re.Match[str]) -> str:
    try:
        return bytes.fromhex(match[0].replace("%", "")).decode()
    except ValueError:
        return match[0]


def _objects_in(text: str) -> Iterator[object]:
    """Yield the JSON objects in a text that is more than them: in a command, say."""
    import json

    decoder = json.JSONDecoder(strict=False)
    start = -1
    for _ in range(_OBJECTS):
        start = text.find("{", start + 1)
        if start < 0:
            return
        try:
            found, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        yield found
        start = end


def decoded(text: str) -> Iterator[object]:
    """Yield what `text` holds in another encoding: JSON first, then the others."""
    head = text.lstrip()[:2]
    if head[:1] in {"{", "[", '"'} and head not in {"{{", "{%"}:
        import json

        try:
            # as Airflow reads it, but lenient to line breaks in strings
            yield json.loads(text, strict=False)
        except (ValueError, RecursionError):
            pass
        else:
            return
    if "private_key" in text or "refresh_token" in text:
        yield from _objects_in(text)
        if '\\"' in text:  # as code writes it, in a comment
            yield from _objects_in(text.replace('\\"', '"').replace("\\\\", "\\"))
    if "base64" in text:
        for match in _RUN().finditer(text):  # echo ... | base64 -d; data:...;base64,...
            yield from _from_base64(match[0])
    if _PERCENT().search(text):
        plain = text.replace("+", " ")  # the other spelling of a space; "+" is %2B
        if (inner := unquoted(plain)) != plain:
            yield inner
    joined = "".join(text.split())
    if _HEX().fullmatch(joined) and (told := _from_hex(joined)) is not None:
        yield told
    elif _BASE64().fullmatch(joined):
        yield from _from_base64(joined)


def _from_hex(digits: str) -> str | None:
    """Return the text that hexadecimal digits stand for: a digest is none."""
    binary = bytes.fromhex(digits)
    plain = binary.decode() if binary.isascii() else "\0"
    return plain if plain.translate(_LINE_BREAKS).isprintable() else None


def may_be_encoded(text: str) -> bool:
    """Tell whether the whole of `text` may be another one in Base64, or in hexadecimal."""
    joined = "".join(text.split())
    if _HEX().fullmatch(joined) and _from_hex(joined) is not None:
        return True
    if not _BASE64().fullmatch(joined):
        return False
    binary = _binary(joined)
    if binary is None or binary[:2] in _COMPRESSED:
        return binary is not None
    try:
        binary.decode()
    except ValueError:
        return False
    return True


def begins_encoded(text: str) -> bool:
    """Tell whether a long text begins as one that `decoded` makes something of."""
    head = text[:_HEAD].lstrip()
    if head[:1] in {"{", "["} or _PERCENT().search(head):
        return True
    joined = "".join(head.split())
    even = joined[: len(joined) // 2 * 2]
    if _HEX().fullmatch(even):
        return _from_hex(even) is not None
    whole = len(joined) // 4 * 4
    binary = _binary(joined[:whole]) if _BASE64().fullmatch(joined[:whole]) else None
    if binary is None or binary[:2] in _COMPRESSED:
        return binary is not None
    try:  # its last character may go on
        plain = getincrementaldecoder("utf-8")().decode(binary)
    except ValueError:
        return False
    return plain.translate(_LINE_BREAKS).isprintable()


def _decompressed(data: bytes) -> bytes:
    """Return what gzip or zlib packed, and no more than is looked into; raises ValueError."""
    import zlib

    charge(len(data) // 10)
    try:
        return zlib.decompressobj(wbits=_EITHER).decompress(data, _MAX_UNPACKED)
    except zlib.error:
        raise ValueError from None


def _binary(text: str) -> bytes | None:
    """Return what Base64 in either alphabet stands for, None where it is none."""
    plain = text.rstrip("=")
    padded = plain + "=" * (-len(plain) % 4)
    try:
        return a2b_base64(padded.replace("-", "+").replace("_", "/"))
    except Base64Error:
        return None


def _from_base64(text: str) -> Iterator[str]:
    binary = _binary(text)
    if binary is None:
        return
    try:
        if binary[:2] in _COMPRESSED:
            binary = _decompressed(binary)
        plain = binary.decode()
    except ValueError:
        return
    if plain.translate(_LINE_BREAKS).isprintable():
        yield plain
