"""
By what a credential is told: what its issuer wrote into it, or what stands around it.

A rule's confidence is what the weakest of its findings deserves; these say of which one
it is certain.
"""

from binascii import crc32

from dagwarden.facts import SecretKind, ToldBy
from dagwarden.patterns import late

# What is parsed: its content is that of a key, whatever it is called.
_PARSED: frozenset[SecretKind] = frozenset({"service_account_key", "private_key"})
# JSON in base64, signed: its header and its claims are decoded.
_DECODED = "eyJ"
# Tokens that end in a checksum of what stands before: "Behind GitHub's new
# authentication token formats" (2021) of GitHub's blog, "npm has a new access token
# format" (2021) of its changelog.
_CHECKED = late(r"(?:gh[pousr]|npm)_(?P<drawn>[A-Za-z0-9]{30})(?P<sum>[A-Za-z0-9]{6})")
_CHECKED_PREFIXES = frozenset({"ghp_", "gho_", "ghu_", "ghs_", "ghr_", "npm_"})
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Of tokens that have no checksum, those whose beginning others' texts may have, too.
_COMMON = frozenset(
    {
        ":AA",
        "1//",
        "SharedAccessKey=",
        "services/",
        "sig=",
        "secret_",
        "/t/",
        "webhooks/",
    }
)
_FINE_GRAINED = late(r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}")


def told_by(
    kind: SecretKind, value: str, prefix: str | None, pattern: str | None
) -> ToldBy:
    """Return what tells that `value` is a credential of this kind."""
    if pattern is not None:
        return "pattern"
    if kind in _PARSED or prefix == _DECODED:
        return "structure"
    if prefix is None:
        return "context"
    if prefix in _CHECKED_PREFIXES:
        return "checksum" if has_checksum(value) else "shape"
    if prefix == "github_pat_" and not _FINE_GRAINED().fullmatch(value):
        return "shape"
    return "shape" if prefix in _COMMON else "prefix"


def has_checksum(token: str) -> bool:
    """Tell whether a token of GitHub or npm ends in the checksum of what it holds."""
    match = _CHECKED().fullmatch(token)
    if match is None:
        return False
    number, digits = crc32(match["drawn"].encode()), ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits.rjust(len(match["sum"]), _DIGITS[0]) == match["sum"]
