"""What a text is by its own shape: tokens, keys and URLs, as their issuers document them."""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64

from dagwarden.facts import SecretKind
from dagwarden.sources.credentials.decode import SHORTEST_BASE64, unquoted
from dagwarden.sources.credentials.names import WORDY
from dagwarden.sources.credentials.negatives import is_placeholder, is_template
from dagwarden.sources.credentials.patterns import Late, late

# PEM as written in files, in JSON strings and in query strings ("+" for a space).
PEM = late(
    r"-----BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,3}PRIVATE[ +]KEY-----"
    r"(?P<secret>[^-]{0,20000})"
)
# Shapes that their issuers document; one alternative each, none can backtrack far.
_SHAPES: tuple[tuple[str, SecretKind, Late], ...] = (
    ("AIza", "api_key", late(r"\bAIza[\w-]{35}(?![\w-])")),
    ("GOCSPX-", "client_secret", late(r"\bGOCSPX-[\w-]{20,64}(?![\w-])")),
    ("ya29.", "bearer_token", late(r"\bya29\.[\w.-]{20,2048}")),
    ("1//", "authorized_user", late(r"(?<![\w/])1//[\w-]{30,512}(?![\w-])")),
    (
        "eyJ",
        "bearer_token",
        late(r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{4,16384}\.[\w-]{8,4096}"),
    ),
    ("xox", "bearer_token", late(r"\bxox[abeprs]-[\w-]{10,256}")),
    ("gh", "bearer_token", late(r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b")),
    ("github_pat_", "bearer_token", late(r"\bgithub_pat_\w{22,255}\b")),
    ("glpat-", "bearer_token", late(r"\bglpat-[\w-]{20,64}(?![\w-])")),
    (
        "hooks.slack.com/",
        "webhook_url",
        late(r"\bhooks\.slack\.com/(?:services|workflows)/[\w/]{20,200}"),
    ),
    (
        ".webhook.office.com/",
        "webhook_url",
        late(r"\.webhook\.office\.com/webhookb2/[\w@/-]{30,300}"),
    ),
)
_BEARER = late(r"\bbearer\s{1,4}(?P<secret>[\w.~+/=:-]{8,16384})", re.IGNORECASE)
_BASIC = late(r"\bbasic\s{1,4}(?P<secret>[A-Za-z0-9+/_-]{4,4096}={0,2})", re.I)
USERINFO = late(r"://[^\s/?#@:'\"]{0,256}:(?P<secret>[^\s/@'\"]{1,512})@")


# Every shape above that a shorter text can have, and every encoding, has one of these.
_SPECIAL = late(r"[^\w. /-]|xox|basic|bearer", re.IGNORECASE)


def is_plain(text: str) -> bool:
    """Tell whether `text` is too short and too simple to be a secret by shape."""
    return len(text) < SHORTEST_BASE64 and _SPECIAL().search(text) is None


def shape(text: str) -> tuple[SecretKind, str] | None:
    """Return the kind and value of the first credential that `text` has by shape."""
    if is_plain(text):
        return None
    for match in PEM().finditer(text) if "PRIVATE" in text else ():
        if (key := pem_body(match["secret"])) is not None:
            return "private_key", key
    for hint, kind, pattern in _SHAPES:
        if hint in text:
            for match in pattern().finditer(text):
                if not is_placeholder(match[0]):
                    return kind, match[0]
    lowered = text.lower() if len(text) < 100_000 else ""
    if "bearer" in lowered:
        for match in _BEARER().finditer(text):
            token = match["secret"]
            if not (is_placeholder(token) or WORDY().fullmatch(token)):
                return "bearer_token", token
    if "basic" in lowered:
        for match in _BASIC().finditer(text):
            if (password := _basic_password(match["secret"])) is not None:
                return "password", password
    if "://" in text:
        for match in USERINFO().finditer(text):
            password = unquoted(match["secret"])
            if not (is_placeholder(password) or is_template(password)):
                return "password", password
    return None


def pem_body(text: str) -> str | None:
    """Return a PEM block's content without line breaks, None for a stand-in."""
    body = re.sub(r"\\[nr]|\s", "", text)
    return None if len(body) < 8 or is_placeholder(body) else body


def _basic_password(encoded: str) -> str | None:
    try:
        text = a2b_base64(encoded + "=" * (-len(encoded) % 4)).decode()
    except (Base64Error, ValueError):
        return None
    _, colon, password = text.partition(":")
    usable = colon and text.isprintable() and not is_placeholder(password)
    return password if usable and not is_template(password) else None
