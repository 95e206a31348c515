"""
Key files that are no text: PKCS#12, PKCS#8, Java's key stores, OpenPGP's secret keys.

Told by structure (RFC 7292, RFC 5958, RFC 9580 4.2 and 5.5.3, and the magic number of JKS in
OpenJDK's `JavaKeyStore`): what is sealed by a password is a key in clear all the same for who
guesses it, and is told as one.
"""

from collections.abc import Iterator

from dagwarden.sources.credentials import Found

SUFFIXES = (".p12", ".pfx", ".pkcs12", ".jks", ".keystore", ".der", ".key", ".pk8")
_JKS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")
# The versions that a PFX and a PKCS#8 structure begin with.
_PFX, _PKCS8 = b"\x02\x01\x03", (b"\x02\x01\x00", b"\x02\x01\x01")
# The object identifiers of PKCS#7 data, RSA, and keys on elliptic curves.
_PKCS7 = bytes.fromhex("06092a864886f70d0107")
_ALGORITHMS = tuple(
    bytes.fromhex(text)
    for text in (
        "06092a864886f70d0101",
        "06072a8648ce3d0201",
        "06032b6570",
        "06032b656e",
    )
)


# PKCS#8 that is encrypted begins with how: an algorithm of PKCS#5 or PKCS#12.
_SEALED = tuple(
    bytes.fromhex(text) for text in ("06092a864886f70d0105", "060a2a864886f70d010c01")
)
# OpenPGP: packets of a secret key, their versions, and the algorithms that have one.
_SECRET_KEY, _OLD_SECRET_KEY = 0xC5, 0x94
_PGP_VERSIONS = frozenset({3, 4, 5, 6})
_PGP_ALGORITHMS = frozenset({1, 2, 3, 16, 17, 18, 19, 22, 25, 26, 27, 28})
# By these first bytes a file may be one, whatever it is called; bytes that it has at most.
_BEGINS = (
    b"\x30",
    b"\xfe\xed\xfe\xed",
    b"\xce\xce\xce\xce",
    b"\x94",
    b"\x95",
    b"\x96",
    b"\xc5",
)
LARGEST = 200_000
HEAD = 8


def may_be_key(head: bytes) -> bool:
    """Say whether a file that begins so is worth looking into, whatever it is called."""
    return head.startswith(_BEGINS)


def key_in(data: bytes) -> Iterator[Found]:
    """Yield the key that a binary file is, if it is one."""
    if _is_key(data):
        # the value is what tells equal ones: bytes, each as one character
        yield Found("private_key", "file", data.decode("latin-1"))


def _is_key(data: bytes) -> bool:
    if data[:4] in _JKS:
        return True
    if _is_pgp(data):
        return True
    inside = _sequence(data)
    if inside[:1] == b"\x30" and any(one in inside[:16] for one in _SEALED):
        return True
    if inside.startswith(_PFX):
        return _PKCS7 in inside[:60]
    if inside.startswith(_PKCS8):
        head = inside[:40]
        return any(one in head for one in _ALGORITHMS) or _is_rsa(inside)
    return False


def _is_pgp(data: bytes) -> bool:
    """Say whether a packet of a secret key comes first: its head, version and algorithm."""
    if len(data) < 40:
        return False
    if data[0] == _SECRET_KEY:
        head = 2 if data[1] < 192 else 3 if data[1] < 224 else 6
    elif _OLD_SECRET_KEY <= data[0] < _OLD_SECRET_KEY + 3:
        head = (2, 3, 5)[data[0] - _OLD_SECRET_KEY]
        if int.from_bytes(data[1:head]) > len(data) - head:
            return False
    else:
        return False
    version, algorithm = data[head], data[head + 5]
    if version == 3:
        algorithm = data[head + 7]
    return version in _PGP_VERSIONS and algorithm in _PGP_ALGORITHMS


def _is_rsa(inside: bytes) -> bool:
    """Say whether a sequence goes on as PKCS#1 does: with a long odd modulus."""
    return inside[3:5] == b"\x02\x82" and len(inside) > 500


def _sequence(data: bytes) -> bytes:
    """Return what is in the DER sequence that `data` is; empty: it is none."""
    if len(data) < 40 or data[0] != 0x30:
        return b""
    size = data[1]
    if size < 0x80:
        return data[2:] if size + 2 == len(data) else b""
    if size == 0x80:  # of a length that is not said: what Java writes
        return data[2:]
    count = size & 0x7F
    if count > 4:
        return b""
    length = int.from_bytes(data[2 : 2 + count])
    whole = 2 + count + length
    return data[2 + count :] if whole <= len(data) <= whole + 8 else b""
