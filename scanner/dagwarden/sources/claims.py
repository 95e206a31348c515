"""The claims of an external token: what its payload says, never the token itself."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from dagwarden.errors import UsageError
from dagwarden.files import read_regular

# Bytes; the security token service takes no longer tokens than some 12,000.
MAX_CLAIMS = 65_536
_REMEDY = "give the payload of the token as a JSON object with iss and sub, or arn and account of AWS"


def read_claims(path: Path) -> Mapping[str, object]:
    """
    Read claims from a JSON object; raises UsageError, which quotes none of it.

    Who signed a token decides which providers take it, so `iss` has to be there; of a
    session of AWS, `arn` and `account`.
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
    # what AWS says of a session (GetCallerIdentity) is no token, and has no issuer
    told = (claims.get("arn"), claims.get("account"))
    of_aws = "iss" not in claims and all(isinstance(item, str) for item in told)
    if not of_aws and not isinstance(claims.get("iss"), str):
        raise UsageError("names no issuer (iss)", where=where, remedy=_REMEDY)
    return claims
