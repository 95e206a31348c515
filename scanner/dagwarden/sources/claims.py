"""The claims of an external token: what its payload says, never the token itself."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dagwarden.errors import UsageError
from dagwarden.files import read_regular

# Bytes; the security token service takes no longer tokens than some 12,000.
MAX_CLAIMS = 65_536
_REMEDY = (
    "give the payload of the token as a JSON object with iss and sub, arn and account "
    "of AWS, subject and attributes of SAML, or the subject of a certificate"
)


def read_claims(path: Path) -> Mapping[str, object]:
    """
    Read claims from a JSON object; raises UsageError, which quotes none of it.

    Who signed a token decides which providers take it, so `iss` has to be there. What
    AWS says of a session has `arn` and `account`, an assertion of SAML a `subject` and
    `attributes`, an X.509 certificate a `subject` with a `dn`.
    """
    where = f"--claims {path}"
    try:
        data = read_regular(path, MAX_CLAIMS)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise UsageError(what, where=where, remedy=_REMEDY) from None
    if len(data) > MAX_CLAIMS:
        what = f"is longer than {MAX_CLAIMS} bytes"
        raise UsageError(what, where=where, remedy=_REMEDY)
    try:
        claims = msgspec.json.decode(data, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError("is no JSON object", where=where, remedy=_REMEDY) from None
    if not isinstance(claims.get("iss"), str) and not _without_issuer(claims):
        raise UsageError("names no issuer (iss)", where=where, remedy=_REMEDY)
    return claims


def _without_issuer(claims: Mapping[str, object]) -> bool:
    """Tell whether claims are of what is no token, and names no issuer."""
    if "iss" in claims:
        return False
    subject = claims.get("subject")
    of_aws = isinstance(claims.get("arn"), str) and isinstance(
        claims.get("account"), str
    )
    of_saml = isinstance(subject, str) and isinstance(claims.get("attributes"), dict)
    of_certificate = isinstance(subject, dict) and "dn" in subject
    return of_aws or of_saml or of_certificate
