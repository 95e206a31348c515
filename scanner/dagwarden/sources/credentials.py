"""
Which values are credentials in clear, and what may be said of them.

A value enters here and leaves as its kind, its place and a fingerprint. What a
value *is* decides before what it is *called*: a key file is one under any name,
also inside a string, base64 or URL-encoding. Only then do names that say secret
count, and then a placeholder, a template, a reference to a secret store and the
name of a secret are none.

Imported by the commit hook: what decodes is imported where something is encoded.
"""

import os
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import TypeVar, cast

from msgspec import Struct, UnsetType
from msgspec.structs import astuple, replace

from dagwarden.errors import SourceError
from dagwarden.facts import Origin, Secret, SecretKind
from dagwarden.files import read_regular

# Strings are decoded (JSON, base64, URL-encoding) this often, and up to this size.
MAX_DECODINGS = 4
MAX_TEXT = 1_000_000
# Of containers, decoded ones included.
MAX_NESTING = 40
MAX_VALUES = 200_000


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


# --------------------------------------------------------------------- fingerprints


class Fingerprint:
    """
    Turns values into fingerprints: equal values get equal ones, under one key.

    With `keep` false every fingerprint is None: the key was made for this run
    only, so nothing could be compared with it later.
    """

    __slots__ = ("_keep", "_key")

    def __init__(self, key: bytes, keep: bool) -> None:
        """Fingerprint with `key`; return fingerprints only if `keep`."""
        self._key = key
        self._keep = keep

    def of(self, value: str) -> str | None:
        """Return 32 hex digits of the HMAC-SHA256 of `value`, or None."""
        if not self._keep:
            return None
        import hmac  # OpenSSL takes milliseconds to load

        data = value.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, "sha256").hexdigest()[:32]

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], key_file: Path | None
    ) -> "Fingerprint":
        """
        Take the key from DAGWARDEN_FINGERPRINT_KEY, else from `key_file`.

        Without either the key is random and nothing is kept. Raises SourceError
        where the file cannot be read or is empty.
        """
        if given := environ.get("DAGWARDEN_FINGERPRINT_KEY", "").strip():
            return cls(given.encode("utf-8", "surrogateescape"), True)
        if key_file is None:
            return cls(os.urandom(32), False)
        try:
            key = read_regular(key_file, MAX_TEXT).strip()
        except OSError as error:
            raise SourceError(
                f"the fingerprint key file cannot be read ({error.strerror})",
                where=str(key_file),
                remedy="give the path of a file with a long random line",
            ) from None
        if not key:
            raise SourceError(
                "the fingerprint key file is empty",
                where=str(key_file),
                remedy="write a long random line into it",
            )
        return cls(key, True)


# --------------------------------------------------------------- what a value looks like

# Compiled when first needed: most texts of a commit hook meet few of them.
Late = Callable[[], re.Pattern[str]]


def _late(pattern: str, flags: int = 0) -> Late:
    return cache(lambda: re.compile(pattern, flags))


# PEM as written in files, in JSON strings and in query strings ("+" for a space).
_PEM = _late(
    r"-----BEGIN[ +](?:[A-Z0-9]{1,12}[ +]){0,3}PRIVATE[ +]KEY-----"
    r"(?P<secret>[^-]{0,20000})"
)
# Shapes that their issuers document; one alternative each, none can backtrack far.
_SHAPES: tuple[tuple[str, SecretKind, Late], ...] = (
    ("AIza", "api_key", _late(r"\bAIza[\w-]{35}(?![\w-])")),
    ("GOCSPX-", "client_secret", _late(r"\bGOCSPX-[\w-]{20,64}(?![\w-])")),
    ("ya29.", "bearer_token", _late(r"\bya29\.[\w.-]{20,2048}")),
    ("1//", "authorized_user", _late(r"(?<![\w/])1//[\w-]{30,512}(?![\w-])")),
    (
        "eyJ",
        "bearer_token",
        _late(r"\beyJ[\w-]{8,4096}\.eyJ[\w-]{4,16384}\.[\w-]{8,4096}"),
    ),
    ("xox", "bearer_token", _late(r"\bxox[abeprs]-[\w-]{10,256}")),
    ("gh", "bearer_token", _late(r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b")),
    ("github_pat_", "bearer_token", _late(r"\bgithub_pat_\w{22,255}\b")),
    ("glpat-", "bearer_token", _late(r"\bglpat-[\w-]{20,64}(?![\w-])")),
    (
        "hooks.slack.com/",
        "webhook_url",
        _late(r"\bhooks\.slack\.com/(?:services|workflows)/[\w/]{20,200}"),
    ),
    (
        ".webhook.office.com/",
        "webhook_url",
        _late(r"\.webhook\.office\.com/webhookb2/[\w@/-]{30,300}"),
    ),
)
_BEARER = _late(r"\bbearer\s{1,4}(?P<secret>[\w.~+/=:-]{8,16384})", re.IGNORECASE)
_BASIC = _late(r"\bbasic\s{1,4}(?P<secret>[A-Za-z0-9+/_-]{4,4096}={0,2})", re.I)
_USERINFO = _late(r"://[^\s/?#@:'\"]{0,256}:(?P<secret>[^\s/@'\"]{1,512})@")
_QUERY = _late(r"^[A-Za-z][\w+.-]{0,40}:(?://)?[^\s?]{0,2048}\?(?P<query>\S+)$")
_SHORTEST_BASE64 = 24
_BASE64 = _late(rf"[A-Za-z0-9+/_-]{{{_SHORTEST_BASE64},}}={{0,2}}")
# Every shape above that a shorter text can have, and every encoding, has one of these.
_SPECIAL = _late(r"[^\w. /-]|xox|basic|bearer", re.IGNORECASE)
_LINE_BREAKS = str.maketrans("", "", "\r\n\t")
_PERCENT = _late(r"%[0-9A-Fa-f]{2}")
_EMAIL = _late(r"[\w.+-]{1,100}@[\w.-]{1,150}")
_KEY_ID = _late(r"[\w-]{1,64}")

# ------------------------------------------------------------- what is no secret value

_PLACEHOLDERS = _set_of(
    "bar basic bearer change_me changeit changeme dummy empty example fake fixme foo "
    "hidden insert n/a na nil none null omitted pass passwd password passwords placeholder redacted "
    "removed replace_me replaceme required sample secret tbd todo token undefined unset "
    "unused xxx your_password yourpassword"
)
# A word of these anywhere: someone is meant to put the value there.
_STAND_IN = _late(
    r"change[-_ ]?(?:me|it)|x{5}|optional|replace[-_ ]?me|example|placeholder|redacted"
    r"|(?:^|[^a-z])(?:your|todo|fixme|dummy|insert|enter)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_MARKED = _late(r"<[^<>]*>|\[[^\[\]]*\]|(.)\1{2,}|\*+|\.{2,}|-+|…")
_TEMPLATE = _late(
    r"\{\{|\{%|\$\{|\$\(|%\(\w+\)[sd]|^\$\w+$|(?:^|\s)%[sr]$|\{\w*\}$|<\w[\w -]*>"
)
_REFERENCE = _late(
    r"projects/[^/]+/(?:locations/[^/]+/)?secrets/"
    r"|(?:sm|gsm|gcp-?sm|vault|berglas|op|akv|ssm|secretsmanager|doppler|keyring"
    r"|secret|secretref|env|file|awssm|awsps|azurekv)(?:://|:(?=[^:\s]))"
    r"|arn:aws|@microsoft\.keyvault\(|ref\+\w+://|secret_ref|!vault",
    re.IGNORECASE,
)
# Not in clear: digests and ciphertext (Fernet, SOPS, ansible-vault).
_SEALED = _late(
    r"\$(?:2[abxy]|5|6|argon2\w*|y)\$|pbkdf2|scrypt:|\{?ssha|sha\d{1,3}[:$-]"
    r"|gAAAA|ENC\[|\$ANSIBLE_VAULT",
    re.IGNORECASE,
)
_PATH = _late(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.\-/\\ ]*$|(?:gs|s3|file|abfss?|hdfs)://"
    r"|[\w.\-/]+\.(?:json|pem|key|p12|pfx|crt|cer|ya?ml|txt|env|jks|ini|cfg|toml)$"
)
_PLAIN = _late(r"[+-]?\d+(?:[.,]\d+)*|true|false|yes|no|on|off", re.IGNORECASE)
_URL = _late(r"[A-Za-z][\w+.-]{0,40}://\S*$")
_UPPER_NAME = _late(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# "airflow-db", "id_token", "Slack token 2": words, not a random mix of cases
_WORDY = _late(
    r"(?:[A-Z]?[a-z]{1,24}|[A-Z]{1,24})\d{0,2}"
    r"(?:[-_. /:](?:[A-Z]?[a-z]{2,24}|[A-Z]{2,24})\d{0,2}|[-_.]\d{1,4}){0,12}"
)

# -------------------------------------------------------------- what a name says

_WORD = _late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Said after the word that counts: DB_PASSWORD_PROD, token2, secret_value.
_QUALIFIERS = _set_of(
    "b64 base base64 current default dev development json old new plain plaintext "
    "preprod primary prod production qa raw secondary stage staging stg str string "
    "test text uat val value"
)
_PASSWORDS = ("password", "passwd", "passphrase", "passcode")
_KEY_OWNERS = {
    "api": "api_key",
    "access": "secret_value",
    "account": "secret_value",
    "encryption": "secret_value",
    "fernet": "secret_value",
    "hmac": "secret_value",
    "master": "secret_value",
    "private": "secret_value",
    "secret": "secret_value",
    "service": "secret_value",
    "signing": "secret_value",
    "ssh": "secret_value",
}
# `page_token`, `eos_token`, `image_pull_secret`: positions, vocabulary and names
_NOT_TOKENS = _set_of(
    "bos continuation cursor eos mask next pad page pull resume special stop sync tls "
    "unk"
)
# These words are as often followed by the name of a secret as by a secret.
_OFTEN_NAMED = _set_of("secret token credential credentials creds key")
_JOINED = {
    "apikey": ("api", "key"),
    "accesstoken": ("access", "token"),
    "authtoken": ("auth", "token"),
    "clientsecret": ("client", "secret"),
    "privatekey": ("private", "key"),
    "secretkey": ("secret", "key"),
}


def _words(name: str) -> list[str]:
    """Return the words of `name` that count, in lower case."""
    found: list[str] = []
    for word in _WORD().findall(name[-200:]):
        found.extend(_JOINED.get(word.lower(), (word.lower(),)))
    while len(found) > 1 and (found[-1] in _QUALIFIERS or found[-1].isdigit()):
        found.pop()
    return found


def _kind_by_name(words: list[str]) -> SecretKind | None:
    """Return the kind of secret that a name's `words` promise."""
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith(_PASSWORDS) or last in {"pwd", "pass"}:
        return "password"
    if last == "authorization" or (last == "auth" and before == "bearer"):
        return "bearer_token"
    if before in _NOT_TOKENS:
        return None
    if last == "token":
        aws = "aws" in words and before in {"session", "security"}
        return "aws_session_token" if aws else "bearer_token"
    if last == "secret":
        return "client_secret" if before == "client" else "secret_value"
    if last == "key" and before in _KEY_OWNERS:
        if words[-3:] == ["secret", "access", "key"] or words[-3:] == [
            "aws",
            "secret",
            "key",
        ]:
            return "aws_secret_key"
        return cast("SecretKind", _KEY_OWNERS[before])
    if last in {"credential", "credentials", "creds"}:
        return "secret_value"
    return None


@lru_cache(4096)
def kind_by_name(name: str) -> SecretKind | None:
    """Return the kind of secret that a value called `name` would be, if any."""
    return _kind_by_name(_words(name))


def is_template(text: str) -> bool:
    """Tell whether `text` is filled in elsewhere: Jinja, ${VAR}, %(name)s."""
    return _TEMPLATE().search(text) is not None


def is_placeholder(text: str) -> bool:
    """Tell whether `text` only stands for a value: changeme, xxx, ***, <...>."""
    short = text.strip().lower()
    return (
        not short
        or short in _PLACEHOLDERS
        or short.replace("-", "_") in _PLACEHOLDERS
        or _MARKED().fullmatch(short) is not None
        or (len(short) <= 200 and _STAND_IN().search(short) is not None)
    )


def is_reference(text: str) -> bool:
    """Tell whether `text` names a secret in a secret store."""
    return _REFERENCE().match(text) is not None


def is_sealed(text: str) -> bool:
    """Tell whether `text` is a digest or ciphertext: no secret in clear."""
    return _SEALED().match(text) is not None


def _is_name(text: str, words: list[str]) -> bool:
    """Tell whether `text` is what a secret is called, not what it is."""
    if _UPPER_NAME().fullmatch(text):
        return True
    said = _words(text)
    if said == words or (text.isalpha() and said[-2:] == words[-2:] != words[-1:]):
        return True
    if len(text) > 100 or not _WORDY().fullmatch(text.strip("_-")):
        return False
    if words[-1] in _OFTEN_NAMED and words[-2:-1] not in (["client"], ["api"]):
        return True
    return len(said) > 1 and _kind_by_name(said) is not None


def _by_name(name: str, text: str) -> SecretKind | None:
    """Return the kind of `text` where `name` says secret and `text` may be one."""
    kind = kind_by_name(name)
    if kind is None:
        return None
    words = _words(name)
    value = text.strip()
    spoken = value.count(" ") > 3 or (" " in value and "password" in value.lower())
    if (
        spoken
        or is_placeholder(value)
        or is_template(value)
        or is_reference(value)
        or _PATH().match(value)
        or is_sealed(value)
        or _PLAIN().fullmatch(value)
        or _URL().match(value)
        or _is_name(value, words)
    ):
        return None
    return kind


# -------------------------------------------------------------------- texts to show

HIDDEN = "***"
# What every text with a recognisable secret has somewhere; most texts have none.
_SUSPECT = _late(
    r"AIza|GOCSPX-|ya29\.|1//|eyJ|xox|gh[pousr]_|github_pat_|glpat-"
    r"|hooks\.slack|webhook\.office|PRIVATE|bearer|basic|://[^/@]*:[^/@]*@|=",
    re.IGNORECASE,
)
_ASSIGNED = _late(
    r"(?P<name>[A-Za-z][\w.-]{0,60})(?P<is>\s?=\s?)(?P<value>[^\s&=#'\",;]{4,2000})"
)


# Texts that were found to have nothing of a secret: most facts repeat them.
MAX_HARMLESS = 20_000
_harmless: set[str] = set()
# The same of texts under a name, which says more.
_harmless_named: set[tuple[str, str]] = set()


def without_secrets(text: str) -> str:
    """
    Return `text`, "***" in place of each secret that can be told from other words.

    For what people and machines name or explain: ids, URLs, reasons. A secret is
    told by its shape or by the name it is assigned to (`token=...`).
    """
    if text in _harmless:
        return text
    if _SUSPECT().search(text) is None:
        if len(text) < 200 and len(_harmless) < MAX_HARMLESS:
            _harmless.add(text)
        return text
    for _ in range(20):
        if (found := _shape(text)) is None:
            break
        shorter = _USERINFO().sub(_hidden, text.replace(found[1], HIDDEN))
        if shorter == text:  # it is there in another spelling
            return HIDDEN
        text = shorter
    return _ASSIGNED().sub(_assigned, text)


def _hidden(match: re.Match[str]) -> str:
    start, end = match.start("secret") - match.start(), match.end("secret")
    return f"{match[0][:start]}{HIDDEN}{match[0][end - match.start() :]}"


def _assigned(match: re.Match[str]) -> str:
    if _by_name(match["name"], _unquoted(match["value"])) is None:
        return match[0]
    return f"{match['name']}{match['is']}{HIDDEN}"


def setting_without_secrets(name: str, value: str) -> str:
    """Return `value`, or "***" where its name says secret."""
    return HIDDEN if _by_name(name, value) else without_secrets(value)


R = TypeVar("R")


_NO_TEXT = frozenset({type(None), bool, int, float, UnsetType})


def purged(value: R) -> R:
    """Return a record, or a collection of such, whose texts hold no secret."""
    return _cleaned(value) if _is_tainted(value) else value


def _is_tainted(whole: object) -> bool:
    """Say whether a text in `whole` holds a secret: looked at first, as few do."""
    waiting: list[tuple[object, ...]] = [(whole,)]
    # records that many others share
    known: set[int] = set()
    while waiting:
        for item in waiting.pop():
            if isinstance(item, str):
                if item not in _harmless and without_secrets(item) != item:
                    return True
            elif type(item) in _NO_TEXT:
                continue
            elif isinstance(item, Struct):
                if id(item) not in known:
                    known.add(id(item))
                    waiting.append(astuple(item))
            elif isinstance(item, tuple):
                waiting.append(cast("tuple[object, ...]", item))
    return False


def _cleaned(value: R) -> R:
    if isinstance(value, str):
        return cast("R", without_secrets(value))
    if isinstance(value, Struct):
        changes: dict[str, object] = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if type(old) not in _NO_TEXT and (clean := _cleaned(old)) is not old:
                changes[name] = clean
        return cast("R", replace(value, **changes)) if changes else value
    if isinstance(value, tuple):
        return cast("R", _cleaned_items(cast("tuple[object, ...]", value)))
    return value


def _cleaned_items(items: tuple[object, ...]) -> tuple[object, ...]:
    cleaned = tuple([_cleaned(item) for item in items])
    same = all(a is b for a, b in zip(items, cleaned, strict=True))
    return items if same else cleaned


# -------------------------------------------------------------------------- the walk


def secret_in(name: str, value: object) -> SecretKind | None:
    """Return the kind of the first secret in `value`, called `name`, or None."""
    found = next(_Walk(Origin(source=""), _NO_FINGERPRINT).named(name, value), None)
    return found.kind if found else None


def secrets_in(
    place: str, value: object, origin: Origin, fingerprint: Fingerprint
) -> tuple[Secret, ...]:
    """
    Return the secrets in `value`, in order of place, each once.

    `place` says where `value` is; its last dotted part is the value's name. Keys
    of mappings and names of {"name": N, "value": V} pairs are added to it,
    positions in lists are not. Looks into at most MAX_VALUES values, MAX_NESTING
    deep, and decodes strings of up to MAX_TEXT characters MAX_DECODINGS times.
    """
    found = {
        (secret.place, secret.kind, secret.fingerprint or ""): secret
        for secret in _Walk(origin, fingerprint).named(place, value)
    }
    return tuple(found[key] for key in sorted(found))


_NO_FINGERPRINT = Fingerprint(b"", False)

# What these hold names a secret; it is none.
_POINTERS = _set_of("secretkeyref secretref configmapkeyref valuefrom valuesource")


def _label(key: object) -> str:
    """Return `key` as part of a place, or a stand-in if it is no plain name."""
    text = str(key)[:101] if isinstance(key, str | int) else ""
    plain = 0 < len(text) <= 100 and text.isprintable() and "://" not in text
    return text if plain and _shape(text) is None else "(unnamed)"


def may_hold_secret(name: str, value: object) -> bool:
    """Say whether it is worth looking into `value`, called `name`: most are not."""
    if isinstance(value, str):
        return not _is_plain(value) or kind_by_name(name) is not None
    return value is not None and not isinstance(value, (int, float))


def _is_plain(text: str) -> bool:
    """Tell whether `text` is too short and too simple to be a secret by shape."""
    return len(text) < _SHORTEST_BASE64 and _SPECIAL().search(text) is None


def _shape(text: str) -> tuple[SecretKind, str] | None:
    """Return the kind and value of the first credential that `text` has by shape."""
    if _is_plain(text):
        return None
    for match in _PEM().finditer(text) if "PRIVATE" in text else ():
        if (key := _pem_body(match["secret"])) is not None:
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
            if not (is_placeholder(token) or _WORDY().fullmatch(token)):
                return "bearer_token", token
    if "basic" in lowered:
        for match in _BASIC().finditer(text):
            if (password := _basic_password(match["secret"])) is not None:
                return "password", password
    if "://" in text:
        for match in _USERINFO().finditer(text):
            password = _unquoted(match["secret"])
            if not (is_placeholder(password) or is_template(password)):
                return "password", password
    return None


def _unquoted(text: str) -> str:
    from urllib.parse import unquote

    return unquote(text) if "%" in text else text


def _pem_body(text: str) -> str | None:
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


def _decoded(text: str) -> Iterator[object]:
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
    if _PERCENT().search(text):
        yield _unquoted(
            text.replace("+", " ")
        )  # both spellings of a space; "+" itself is %2B
    joined = "".join(text.split())
    if _BASE64().fullmatch(joined):
        padded = joined.rstrip("=") + "=" * (-len(joined.rstrip("=")) % 4)
        try:
            binary = a2b_base64(padded.replace("-", "+").replace("_", "/"))
            plain = binary.decode()
        except (Base64Error, ValueError):
            return
        if plain.translate(_LINE_BREAKS).isprintable():
            yield plain


class _Walk:
    """One search through a value; bounded, whatever the value is."""

    __slots__ = ("_fingerprint", "_left", "_origin")

    def __init__(self, origin: Origin, fingerprint: Fingerprint) -> None:
        self._origin = origin
        self._fingerprint = fingerprint
        self._left = MAX_VALUES

    def named(self, place: str, value: object) -> Iterator[Secret]:
        """Yield the secrets in `value`, whose name is the end of `place`."""
        return self._value(place, place.rpartition(".")[2], value, 0, 0)

    def _value(
        self, place: str, name: str, value: object, nesting: int, decodings: int
    ) -> Iterator[Secret]:
        self._left -= 1
        if self._left < 0 or nesting > MAX_NESTING:
            return
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            yield from self._text(place, name, value, nesting, decodings)
        elif isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            yield from self._mapping(place, mapping, nesting, decodings)
        elif isinstance(value, (list, tuple, set, frozenset)):
            for item in cast("list[object]", value):
                if may_hold_secret(name, item):
                    yield from self._value(place, name, item, nesting + 1, decodings)

    def _mapping(
        self, place: str, value: Mapping[object, object], nesting: int, decodings: int
    ) -> Iterator[Secret]:
        if (secret := self._key_file(place, value)) is not None:
            yield secret
            return
        pair = value.get("name")
        paired = isinstance(pair, str) and "value" in value
        for key, item in value.items():
            named = cast("str", pair) if paired and key == "value" else key
            name = str(named)[:200]
            if not may_hold_secret(name, item):
                continue
            if isinstance(key, str) and key.replace("_", "").lower() in _POINTERS:
                continue
            yield from self._value(
                f"{place}.{_label(named)}" if place else _label(named),
                name,
                item,
                nesting + 1,
                decodings,
            )

    def _key_file(self, place: str, value: Mapping[object, object]) -> Secret | None:
        """Return the secret that `value` is as a whole: a Google credential file."""
        kind = value.get("type")
        key, refresh = value.get("private_key"), value.get("refresh_token")
        if kind == "service_account" and isinstance(key, str):
            return self._service_account_key(place, value, key)
        if kind == "authorized_user" and isinstance(refresh, str):
            if is_placeholder(refresh) or is_template(refresh):
                return None
            return self._secret(place, "authorized_user", refresh)
        return None

    def _service_account_key(
        self, place: str, value: Mapping[object, object], key: str
    ) -> Secret | None:
        match = _PEM().search(key)
        body = _pem_body(match["secret"]) if match else key
        if body is None or is_placeholder(body) or (not match and is_template(body)):
            return None
        email, key_id = value.get("client_email"), value.get("private_key_id")
        return Secret(
            kind="service_account_key",
            place=place,
            origin=self._origin,
            fingerprint=self._fingerprint.of(body),
            # hostile content could hide anything here: only what has the shape
            identity=_matching(_EMAIL, email),
            key_id=_matching(_KEY_ID, key_id),
        )

    def _text(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Secret]:
        if decodings or len(text) >= 200:
            yield from self._searched(place, name, text, nesting, decodings)
        elif (name, text) not in _harmless_named:
            left, found = self._left, False
            for secret in self._searched(place, name, text, nesting, decodings):
                found = True
                yield secret
            # what another value was made of counts: that is looked into each time
            alone = self._left == left
            if not found and alone and len(_harmless_named) < MAX_HARMLESS:
                _harmless_named.add((name, text))

    def _searched(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Secret]:
        if len(text) < 4 and not kind_by_name(name):
            return
        if _is_plain(text):
            if (kind := _by_name(name, text)) is not None:
                yield self._secret(place, kind, text.strip())
            return
        found = False
        if decodings < MAX_DECODINGS and 12 <= len(text) <= MAX_TEXT:
            for inner in _decoded(text):
                if inner == text:
                    continue
                for secret in self._value(
                    place, name, inner, nesting + 1, decodings + 1
                ):
                    found = True
                    yield secret
                # a structure is what it holds: its text is not judged by name
                if found or isinstance(inner, (Mapping, list)):
                    return
        if (shape := _shape(text[:MAX_TEXT])) is not None:
            yield self._secret(place, *shape)
            return
        if (query := _QUERY().match(text)) is not None and len(text) < 10_000:
            from urllib.parse import parse_qsl

            for key, value in parse_qsl(query["query"], max_num_fields=200):
                for secret in self._value(
                    f"{place}.{_label(key)}", key, value, nesting + 1, decodings + 1
                ):
                    found = True
                    yield secret
        if not found and (kind := _by_name(name, text)) is not None:
            yield self._secret(place, kind, text.strip())

    def _secret(self, place: str, kind: SecretKind, value: str) -> Secret:
        return Secret(
            kind=kind,
            place=place,
            origin=self._origin,
            fingerprint=self._fingerprint.of(value),
        )


def _matching(pattern: Late, value: object) -> str | None:
    matches = isinstance(value, str) and pattern().fullmatch(value)
    return cast("str", value) if matches else None
