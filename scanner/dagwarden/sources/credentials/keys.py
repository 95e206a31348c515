"""
Private keys: PEM blocks and their content, told by parsing.

What a block is called does not decide: its content has to be the DER of a private key
(RFC 5208 PKCS #8, RFC 8017 PKCS #1, RFC 5915), OpenSSH's own format, an OpenPGP packet
(RFC 9580) or a PKCS #12 store (RFC 7292). Public keys and certificates begin with
another element.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator

from dagwarden.patterns import late
from dagwarden.sources.credentials.negatives import is_made_up, is_placeholder

# PEM as written in files, in JSON strings and in query strings ("+" for a space).
PEM = late(
    r"-----BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,3}PRIVATE[ +]KEY(?:[ +]BLOCK)?-----"
    r"(?P<secret>(?:[^-]|-(?!-)){0,20000})"
)
# RFC 1421 headers of an encrypted key, and those of OpenPGP's armor.
_HEADER = late(r"(?:Proc-Type|DEK-Info|Version|Comment|Hash|Charset):[^\n\\]*")
# The checksum at the end of OpenPGP's armor (RFC 9580, 6.1).
_CHECKSUM = late(r"\n=[A-Za-z0-9+/]{4}\s*\Z")
_LINE_BREAKS = late(r"\\[nrt]|\s|\\")
# What PuTTY writes: lines of base64, as many as it says.
PUTTY = late(
    r"PuTTY-User-Key-File-[23]:[^\n]{1,100}\n(?:[^\n]{0,200}\n){1,60}?Private-Lines: \d+\s*\n"
    r"(?P<secret>(?:[A-Za-z0-9+/=]{4,80}\r?\n){1,100})"
)
_SMALLEST = 24
# From how many characters on a word for a stand-in is one by chance.
_DRAWN = 100
_OPENSSH = b"openssh-key-v1\0"


def private_keys(text: str) -> Iterator[str]:
    """
    Yield the private keys that stand in `text` as PEM, without their line breaks.

    Stand-ins are none. Keys that a passphrase encrypts are: that it is kept better than
    they are, nothing says.
    """
    if "PuTTY-User-Key-File" in text:
        for match in PUTTY().finditer(text):
            if (body := _body(match["secret"])) is not None:
                yield body
    if "PRIVATE" not in text:
        return
    for match in PEM().finditer(text):
        if (key := _key_in(match[0], match["secret"])) is not None:
            yield key


def key_of_file(text: str) -> str | None:
    """
    Return what a Google key file holds as `private_key`, unless it is a stand-in.

    The file says what it is: its content is not parsed.
    """
    match = PEM().search(text)
    body = _body(match["secret"] if match else text)
    return body if body and from_base64(body.replace(" ", "+")) else None


def _key_in(block: str, content: str) -> str | None:
    body = _body(content)
    if body is None:
        return None
    data = from_base64(body.replace(" ", "+"))
    if data is None:
        return None
    opaque = "PGP" in block or "ENCRYPTED" in block or data.startswith(_OPENSSH)
    return body if opaque or is_private_der(data) else None


def _body(content: str) -> str | None:
    """Return a PEM block's content without line breaks, None for a stand-in."""
    lines = _CHECKSUM().sub("", content.replace("\\n", "\n"))
    body = _LINE_BREAKS().sub("", _HEADER().sub("", lines))
    if len(body) < _SMALLEST or (len(body) < _DRAWN and is_placeholder(body)):
        return None
    return None if is_made_up(body) else body


def from_base64(text: str) -> bytes | None:
    """Return what base64 `text` holds, also where its end is missing."""
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    if not re.fullmatch(r"[A-Za-z0-9+/]+", plain):
        return None
    plain = plain[:-1] if len(plain) % 4 == 1 else plain
    try:
        return a2b_base64(plain + "=" * (-len(plain) % 4))
    except Base64Error:  # pragma: no cover - the alphabet and the length are right
        return None


def is_whole(data: bytes) -> bool:
    """Tell whether a sequence in DER is as long as it says."""
    first = _first_element(data)
    length = int.from_bytes(data[2:first], "big") if first > 2 else data[1]
    return len(data) - first == length


def _first_element(data: bytes) -> int:
    """Return where the first element of a sequence begins (X.690, 8.1.3)."""
    return 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)


def is_private_der(data: bytes) -> bool:
    """
    Tell whether `data` begins as the DER of a private key, or of a key store.

    All begin with a sequence whose first element is a version: 0 or 1, 3 of a store. A
    certificate begins with another sequence, a public key with an algorithm or a large
    number.
    """
    if len(data) < 16 or data[0] != 0x30:
        return False
    first = _first_element(data)
    head = data[first : first + 3]
    return head in (b"\x02\x01\x00", b"\x02\x01\x01", b"\x02\x01\x03")
