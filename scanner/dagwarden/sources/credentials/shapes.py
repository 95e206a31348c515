"""
What a text is by its own shape: tokens, keys and URLs, as their issuers document them.

Each shape has a part that says what it is and tells nothing (`ghp_`, `AIza`): that much
of a credential may be shown. None of the patterns can backtrack far.
"""

import re
from collections.abc import Iterator
from typing import cast

from msgspec import Struct

from dagwarden.facts import SecretKind
from dagwarden.patterns import Late, Screen, late
from dagwarden.sources.credentials.decode import SHORTEST_BASE64, unquoted
from dagwarden.sources.credentials.keys import (
    from_base64,
    is_private_der,
    is_whole,
    private_keys,
)
from dagwarden.sources.credentials.names import (
    QUICK_START,
    WORDY,
    is_secrets_name,
    kind_of_named,
)
from dagwarden.sources.credentials.negatives import (
    is_made_up,
    is_placeholder,
    is_published,
    is_quick_start,
    is_template,
)
from dagwarden.sources.credentials.work import charge


class Shaped(Struct, frozen=True):
    """A credential told by its shape; `prefix` is the public part of its type."""

    kind: SecretKind
    value: str
    prefix: str | None = None
    # why it may be none
    doubt: str | None = None


class _Token(Struct, frozen=True):
    """A shape of tokens: one of `hints` is in each; the first group may be shown."""

    hints: tuple[str, ...]
    kind: SecretKind
    pattern: Late


# Units of work for what may be a JWT, and for a parameter of a URL that may be signed.
_WORK_OF_JWT = 15
_WORK_OF_PARAMETER = 10
# Not inside of a word; `_` may join: `old_ghp_..._token`
_BEGIN = r"(?<![A-Za-z0-9])"
_ENDED = r"(?![A-Za-z0-9])"
_END = r"(?![\w-])"
_GITLAB = ("pat", "dt", "rt", "cbt", "ptt", "ft", "soat", "imt", "agent", "oas")
_TOKENS: tuple[_Token, ...] = (
    # Google: API keys, OAuth clients, access tokens, refresh tokens
    _Token(("AIza",), "api_key", late(_BEGIN + rf"(AIza)[\w-]{{35}}{_END}")),
    _Token(
        ("GOCSPX-",), "client_secret", late(_BEGIN + rf"(GOCSPX-)[\w-]{{20,64}}{_END}")
    ),
    _Token(("ya29.",), "bearer_token", late(_BEGIN + r"(ya29\.)[\w.-]{20,2048}")),
    _Token(
        ("1//",), "authorized_user", late(rf"(?<![\w/:.])(1//)[\w-]{{30,512}}{_END}")
    ),
    # LDAP's, and those of mail servers: no digest
    _Token(
        ("{PLAIN}", "{CLEAR"),
        "password",
        late(r"(\{(?:PLAIN|CLEARTEXT|CLEAR)\})(?P<secret>[^\s:\"',;]{4,200})"),
    ),
    # GitHub, GitLab, Atlassian
    _Token(
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
        "bearer_token",
        late(_BEGIN + r"(gh[pousr]_)[A-Za-z0-9]{36,255}" + _ENDED),
    ),
    _Token(
        ("github_pat_",),
        "bearer_token",
        late(_BEGIN + r"(github_pat_)\w{22,255}" + _ENDED),
    ),
    _Token(
        tuple(f"gl{kind}-" for kind in _GITLAB),
        "bearer_token",
        late(_BEGIN + rf"(gl(?:{'|'.join(_GITLAB)})-)[\w.-]{{20,300}}{_END}"),
    ),
    _Token(("ATATT3x",), "bearer_token", late(_BEGIN + r"(ATATT3x)[\w=-]{80,400}")),
    # Slack, Teams, Discord, Telegram
    _Token(
        ("xox",),
        "bearer_token",
        late(_BEGIN + r"(xox[abeprs](?:\.xox[bp])?-)[\w-]{10,256}"),
    ),
    _Token(
        ("xapp-",),
        "bearer_token",
        late(_BEGIN + r"(xapp-)\d-[A-Z0-9]{8,16}-\d+-\w{32,80}"),
    ),
    _Token(
        ("hooks.slack.com/",),
        "webhook_url",
        late(
            _BEGIN
            + r"(hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/]{20,200}",
        ),
    ),
    _Token(
        ("services/T",),
        "webhook_url",
        late(
            r"(?<![\w-])(services/)T[A-Z0-9]{7,12}/B[A-Z0-9]{7,12}/[A-Za-z0-9]{20,30}"
        ),
    ),
    _Token(
        (".webhook.office.com/",),
        "webhook_url",
        late(r"(\.webhook\.office\.com/)webhookb2/[\w@/-]{30,300}"),
    ),
    _Token(
        ("/api/webhooks/",),
        "webhook_url",
        late(_BEGIN + r"(discord(?:app)?\.com/api/webhooks/)\d{15,22}/[\w-]{50,90}"),
    ),
    _Token(
        ("webhooks/",),
        "webhook_url",
        late(r"(?<![\w/.])(webhooks/)\d{17,20}/[\w-]{60,90}" + _END),
    ),
    _Token(
        ("conda",),
        "bearer_token",
        late(r"conda[\w.-]{0,60}(/t/)(?P<secret>[\w-]{20,100})(?=/)"),
    ),
    _Token(
        (":AA",), "bearer_token", late(r"(?<![\w-])\d{8,10}(:AA)[\w-]{33}(?![\w-])")
    ),
    # Amazon, Azure
    _Token(
        ("XIvYXdz",),
        "aws_session_token",
        late(r"(?<![\w/+])(FwoGZXIvYXdz)[\w/+=]{80,2000}"),
    ),
    _Token(
        ("IQoJb3JpZ2lu",),
        "aws_session_token",
        late(r"(?<![\w/+])(IQoJb3JpZ2lu)[\w/+=]{80,2000}"),
    ),
    _Token(
        ("AccountKey=",),
        "secret_value",
        late(_BEGIN + r"(AccountKey=)(?P<secret>[A-Za-z0-9+/]{86}==)"),
    ),
    _Token(
        ("SharedAccessKey=",),
        "secret_value",
        late(_BEGIN + r"(SharedAccessKey=)(?P<secret>[A-Za-z0-9+/]{40,90}={0,2})"),
    ),
    _Token(
        ("sig=",),
        "bearer_token",
        late(
            r"[?&]s(?:v|e|p|r|rt|s)=[^\s\"']{4,600}?[?&](sig=)"
            r"(?P<secret>[\w%+/-]{40,100}={0,2})"
        ),
    ),
    # a URL that is signed opens what it names, until it expires
    _Token(
        ("-Signature=",),
        "bearer_token",
        late(r"[?&](X-(?:Amz|Goog)-Signature=)(?P<secret>[0-9a-f]{64,1024})" + _ENDED),
    ),
    _Token(("Q~",), "client_secret", late(r"(?<![\w.~-])[\w.~]{3}\dQ~[\w.~-]{31,34}")),
    # payment, mail, messages
    _Token(
        ("_live_",),
        "api_key",
        late(_BEGIN + r"([sr]k_live_)[A-Za-z0-9]{16,247}" + _ENDED),
    ),
    _Token(
        ("_test_",),
        "api_key",
        late(_BEGIN + r"([sr]k_test_)[A-Za-z0-9]{16,247}" + _ENDED),
    ),
    _Token(
        ("whsec_",), "secret_value", late(_BEGIN + r"(whsec_)[A-Za-z0-9+/]{24,80}=?")
    ),
    _Token(
        ("SG.",),
        "api_key",
        late(_BEGIN + rf"(SG\.)[\w-]{{16,32}}\.[\w-]{{32,64}}{_END}"),
    ),
    # packages and images
    _Token(("npm_",), "bearer_token", late(_BEGIN + r"(npm_)[A-Za-z0-9]{36}" + _ENDED)),
    _Token(("pypi-",), "bearer_token", late(_BEGIN + r"(pypi-)AgE[\w-]{50,1000}")),
    _Token(
        ("dckr_pat_", "dckr_oat_"),
        "bearer_token",
        late(_BEGIN + rf"(dckr_[po]at_)[\w-]{{20,60}}{_END}"),
    ),
    _Token(
        ("rubygems_",), "api_key", late(_BEGIN + r"(rubygems_)[0-9a-f]{48}" + _ENDED)
    ),
    _Token(("ntn_",), "bearer_token", late(_BEGIN + r"(ntn_)[A-Za-z0-9]{46}" + _ENDED)),
    _Token(
        ("secret_",),
        "bearer_token",
        late(_BEGIN + r"(secret_)[A-Za-z0-9]{43}" + _ENDED),
    ),
    _Token(
        ("xkeysib-",),
        "api_key",
        late(_BEGIN + r"(xkeysib-)[0-9a-f]{64}-\w{16}" + _ENDED),
    ),
    _Token(
        ("_mmk",),
        "api_key",
        late(_BEGIN + r"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}(_mmk)" + _ENDED),
    ),
    _Token(
        ("appid=",),
        "api_key",
        late(
            r"openweathermap\.org/[^\s\"']{1,200}[?&](appid=)(?P<secret>[0-9a-f]{32})"
            + _ENDED
        ),
    ),
    # data and models
    _Token(
        ("dapi",), "bearer_token", late(_BEGIN + r"(dapi)[0-9a-f]{32}(?:-\d)?(?![\w-])")
    ),
    _Token(
        ("dbtc_", "dbtu_"),
        "bearer_token",
        late(_BEGIN + rf"(dbt[cu]_)[\w-]{{30,80}}{_END}"),
    ),
    _Token(
        ("hf_",), "bearer_token", late(_BEGIN + r"(hf_)[A-Za-z0-9]{30,60}" + _ENDED)
    ),
    _Token(("pplx-",), "api_key", late(_BEGIN + r"(pplx-)[A-Za-z0-9]{48}" + _ENDED)),
    _Token(("pnu_",), "api_key", late(_BEGIN + r"(pnu_)[A-Za-z0-9]{36}" + _ENDED)),
    _Token(("sk-ant-",), "api_key", late(_BEGIN + r"(sk-ant-)[\w-]{60,200}")),
    _Token(
        ("T3BlbkFJ",),
        "api_key",
        late(_BEGIN + r"(sk-)(?:[\w]{1,12}-)?[\w-]{16,160}T3BlbkFJ[\w-]+"),
    ),
    # operation
    _Token(("pul-",), "bearer_token", late(_BEGIN + r"(pul-)[0-9a-f]{40}" + _ENDED)),
    _Token(
        ("sntrys_", "sntryu_"),
        "bearer_token",
        late(
            _BEGIN + r"(sntry[su]_)[A-Za-z0-9+/]{40,500}={0,2}(?:_[A-Za-z0-9+/]{43})?"
        ),
    ),
    _Token(
        ("pscale_",),
        "bearer_token",
        late(_BEGIN + r"(pscale_(?:tkn|pw|oauth)_)[\w.=-]{32,64}"),
    ),
    _Token(("hvs.",), "bearer_token", late(_BEGIN + r"(hvs\.)[\w-]{24,400}")),
    _Token(("hvb.",), "bearer_token", late(_BEGIN + r"(hvb\.)[\w-]{24,400}")),
    _Token(
        (".atlasv1.",),
        "bearer_token",
        late(_BEGIN + r"[A-Za-z0-9]{14}(\.atlasv1\.)[\w-]{60,80}"),
    ),
    _Token(
        ("dop_v1_",), "bearer_token", late(_BEGIN + r"(dop_v1_)[0-9a-f]{64}" + _ENDED)
    ),
    _Token(
        ("glsa_",),
        "bearer_token",
        late(_BEGIN + r"(glsa_)[A-Za-z0-9]{32}_[0-9a-f]{8}" + _ENDED),
    ),
    _Token(
        ("glc_",), "bearer_token", late(_BEGIN + r"(glc_)[A-Za-z0-9+/]{32,400}={0,2}")
    ),
    _Token(("NRAK-",), "api_key", late(_BEGIN + r"(NRAK-)[A-Z0-9]{27}" + _ENDED)),
    _Token(
        ("PMAK-",),
        "api_key",
        late(_BEGIN + r"(PMAK-)[0-9a-f]{24}-[0-9a-f]{34}" + _ENDED),
    ),
    _Token(
        ("shpat_", "shpca_", "shppa_", "shpss_"),
        "bearer_token",
        late(_BEGIN + r"(shp(?:at|ca|pa|ss)_)[0-9a-fA-F]{32}" + _ENDED),
    ),
    _Token(
        ("lin_api_",), "api_key", late(_BEGIN + r"(lin_api_)[A-Za-z0-9]{40}" + _ENDED)
    ),
    _Token(
        ("AGE-SECRET",),
        "private_key",
        late(_BEGIN + r"(AGE-SECRET-KEY-1)[A-Z0-9]{58}" + _ENDED),
    ),
)
# A run of characters is gone through once: where in it the header begins is asked then.
_JWT = late(
    r"(?<![\w-])(?P<run>[\w-]{11,8192})\.(?P<claims>eyJ[\w-]{4,16384})\.[\w-]{8,4096}"
)
_JWT_HEADER = late(r"\beyJ[\w-]{8,4096}\Z")
_SCHEMES = late(r"\b(?:bearer|ssws)\s{1,4}(?P<secret>[\w.~+/=:-]{8,16384})", re.I)
# Others stand in a header alone: `Authorization: Token T`, `GenieKey K`, `apikey token=T`.
_OTHER_SCHEMES = late(
    r"\bauthorization[\"'\\]{0,3}\s{0,3}[:=,]\s{0,3}[\"'\\]{0,3}"
    r"(?!aws|basic|bearer|digest|kerberos|negotiate|ntlm|ssws)[a-z][a-z-]{2,20}\s{1,3}(?:token=)?"
    r"[\"']?(?P<secret>[\w.~+/=:-]{16,4096})",
    re.IGNORECASE,
)
_BASIC = late(r"\bbasic\s{1,4}(?P<secret>[A-Za-z0-9+/_-]{4,4096}={0,2})", re.I)
USERINFO = late(
    # github://OWNER:REPOSITORY@REF is no user and password
    r"(?<!github)://[^\s/?#@:'\"]{0,256}:(?P<secret>[^\s/@'\"]{1,512})@"
)
_HOST = late(r"[\w.-]{1,253}")
_BASE64 = late(r"[A-Za-z0-9+/\s]{56,20000}={0,2}\s*")
_ORACLE = late(
    r"(?:\bjdbc:oracle:\w{2,8}:|\b(?:sqlplus|sqlldr|expdp|impdp)\s(?:-\w\s|userid=)?)[\w$#]{1,60}"
    r"/(?P<secret>[^\s@/'\"]{2,64})@"
)
# The public half of a key or account, and what the secret half of it looks like.
_PAIRS: tuple[tuple[Late, Late, SecretKind], ...] = (
    (
        late(r"(?:AKIA|ASIA|GOOG)[A-Z0-9]{12,61}"),
        late(r"[A-Za-z0-9/+]{40}"),
        "aws_secret_key",
    ),
    (late(r"(?:AC|SK)[0-9a-f]{32}"), late(r"[A-Za-z0-9]{32}"), "bearer_token"),
)
_ID_BEGINS = frozenset({"AK", "AS", "GO", "AC", "SK"})
_CONSTANT = late(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")
# Every shape that a shorter text can have, and every encoding, has one of these.
_SPECIAL = late(r"[^\w. /-]|xox|basic|bearer", re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Tell whether `text` is too short and too simple to be a secret by shape."""
    return len(text) < SHORTEST_BASE64 and _SPECIAL().search(text) is None


# How the base64 of a private key's DER begins.
DER = ("MII", "MIG", "MC4CAQ", "MHcCAQ", "MHQCAQ")
# What every text with a credential has somewhere that can be told in a text.
HINTS = (*(h for token in _TOKENS for h in token.hints), "eyJ", "PRIVATE", "PuTTY-User")
_HINTS = (*HINTS, "=", *DER)
_SCHEME_HINTS = ("authorization", "bearer", "basic", "ssws")
ORACLES = ("oracle:", "sqlplus", "sqlldr", "expdp", "impdp")
_LOGINS = "://[^/@]*:[^/@]*@|" + "|".join(ORACLES)
_LOGIN = late(_LOGINS)
# Characters of texts that are searched before RE2 is asked, 25 times as fast.
_MANY = 400_000


def _suspect() -> tuple[str, ...]:
    schemes = rf"(?i:{'|'.join(_SCHEME_HINTS)})"
    return ("|".join((*map(re.escape, _HINTS), schemes, _LOGINS)),)


_SCREEN = Screen(_MANY, _suspect)


def is_suspect(text: str) -> bool:
    """Tell whether `text` may hold a credential by shape or assignment."""
    found = _SCREEN.found(text)
    if found is not None:
        return bool(found)
    return _has_hint(text) or ("@" in text and _LOGIN().search(text) is not None)


def is_surely_none(written: bytes) -> bool:
    """Tell whether no text `is_suspect` of those that stand in `written`, in UTF-8."""
    return _SCREEN.found(written) == []


def _has_hint(text: str) -> bool:
    for hint in _HINTS:
        if hint in text:
            return True
    lowered = text.lower()
    return any(hint in lowered for hint in _SCHEME_HINTS)


def shape(text: str) -> Shaped | None:
    """Return the first credential that `text` has by shape."""
    return next(shapes(text), None)


def _hinted(text: str) -> Iterator[_Token]:
    """Yield the tokens that may be in `text`: most texts have none."""
    for token in _TOKENS:
        # a loop, not any(): this is asked of every text
        for hint in token.hints:
            if hint in text:
                yield token
                break


def shapes(text: str) -> Iterator[Shaped]:
    """Yield the credentials that `text` has by shape."""
    if is_plain(text):
        return
    for key in private_keys(text):
        yield Shaped("private_key", key)
    if text.startswith(DER) and _BASE64().fullmatch(text):
        # without PEM's frame, as Snowflake's connections take it
        data = from_base64(text)
        if data is not None and is_private_der(data) and is_whole(data):
            yield Shaped("private_key", "".join(text.split()))
    if "sig=" in text:  # from each parameter on it is looked for
        charge(_WORK_OF_PARAMETER * text.count("="))
    for token in _hinted(text):
        yield from _tokens(token, text)
    if "eyJ" in text:
        for match in _JWT().finditer(text):
            charge(_WORK_OF_JWT)
            header = _JWT_HEADER().search(match["run"])
            if header and _is_signed(header[0], match["claims"]):
                value = match[0][header.start() :]
                if not is_published(value):
                    yield Shaped("bearer_token", value, "eyJ")
    lowered = text.lower()
    if "bearer" in lowered or "ssws" in lowered:
        for match in _SCHEMES().finditer(text):
            if _is_token(match["secret"]):
                yield Shaped("bearer_token", match["secret"])
    if "authorization" in lowered:
        for match in _OTHER_SCHEMES().finditer(text):
            drawn = any(map(str.isdigit, match["secret"]))
            if drawn and _is_token(match["secret"]):
                yield Shaped("bearer_token", match["secret"])
    if "basic" in lowered:
        for match in _BASIC().finditer(text):
            if (password := _basic_password(match["secret"])) is not None:
                yield Shaped("password", password)
    if "://" in text:
        yield from _passwords(USERINFO(), text)
    if "/" in text and any(one in text for one in ORACLES):
        yield from _passwords(_ORACLE(), text)


def is_key_id(value: object) -> bool:
    """Tell whether `value` is the public half of a key, whose other half is secret."""
    plain = isinstance(value, str) and value[:2] in _ID_BEGINS
    return plain and any(one().fullmatch(cast("str", value)) for one, _, _ in _PAIRS)


def secret_half(public: object, other: object) -> SecretKind | None:
    """Return the kind of `other` where it is the secret to the key id `public`."""
    if not (isinstance(public, str) and isinstance(other, str)):
        return None
    for key_id, secret, kind in _PAIRS:
        if key_id().fullmatch(public) and secret().fullmatch(other):
            return None if is_published(public) or is_published(other) else kind
    return None


def _passwords(pattern: re.Pattern[str], text: str) -> Iterator[Shaped]:
    for match in pattern.finditer(text):
        password = unquoted(match["secret"])
        if not (
            is_placeholder(password)
            or is_template(password)
            or is_secrets_name(password)
        ):
            doubt = QUICK_START if _is_quick_start(match, password) else None
            yield Shaped("password", password, doubt=doubt)


def _is_quick_start(match: re.Match[str], password: str) -> bool:
    """Tell whether a URL is what a composition of containers begins with: user, password and host."""
    user = match[0].rpartition(":")[0].rpartition("/")[2]
    if not (is_quick_start(user) and is_quick_start(password)):
        return False
    host = _HOST().match(match.string, match.end())
    return host is not None and (host[0] == "127.0.0.1" or "." not in host[0])


def _tokens(token: _Token, text: str) -> Iterator[Shaped]:
    for match in token.pattern().finditer(text):
        value = match["secret"] if "secret" in match.re.groupindex else match[0]
        prefix = match[1] if match.re.groups else None
        own = value.removeprefix(prefix or "")
        if not (is_placeholder(own) or is_made_up(own) or is_published(value)):
            yield Shaped(token.kind, value, prefix)


def _is_token(text: str) -> bool:
    """Tell whether what follows "Bearer" is a token, not a word about one."""
    return not (
        is_placeholder(text)
        or is_published(text)
        or WORDY().fullmatch(text)
        or _CONSTANT().fullmatch(text)
        or _JWT().match(text)  # told as what it is
        or kind_of_named("token", text) is None
    )


def _is_signed(header: str, claims: str) -> bool:
    """Tell whether a JWT has a signature, so that it proves something (RFC 7519)."""
    said = _object(header)
    if said is None or _object(claims) is None:
        return False
    algorithm = said.get("alg")
    return isinstance(algorithm, str) and algorithm.lower() != "none"


def _object(encoded: str) -> dict[str, object] | None:
    import json

    try:
        read: object = json.loads(from_base64(encoded) or b"")
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", read) if isinstance(read, dict) else None


def _basic_password(encoded: str) -> str | None:
    data = from_base64(encoded)
    try:
        text = data.decode() if data else ""
    except ValueError:
        return None
    _, colon, password = text.partition(":")
    usable = colon and text.isprintable() and not is_published(password)
    usable = usable and not is_placeholder(password)
    return password if usable and not is_template(password) else None
