"""What a name says of the value that it is given to."""

import re
from functools import lru_cache
from typing import cast

from dagwarden.facts import SecretKind
from dagwarden.sources.credentials.negatives import (
    is_placeholder,
    is_reference,
    is_sealed,
    is_template,
)
from dagwarden.sources.credentials.patterns import late, words

_PATH = late(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.\-/\\ ]*$|(?:gs|s3|file|abfss?|hdfs)://"
    r"|[\w.\-/]+\.(?:json|pem|key|p12|pfx|crt|cer|ya?ml|txt|env|jks|ini|cfg|toml)$"
)
_PLAIN = late(r"[+-]?\d+(?:[.,]\d+)*|true|false|yes|no|on|off", re.IGNORECASE)
_URL = late(r"[A-Za-z][\w+.-]{0,40}://\S*$")
_UPPER_NAME = late(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# "airflow-db", "id_token", "Slack token 2": words, not a random mix of cases
WORDY = late(
    r"(?:[A-Z]?[a-z]{1,24}|[A-Z]{1,24})\d{0,2}"
    r"(?:[-_. /:](?:[A-Z]?[a-z]{2,24}|[A-Z]{2,24})\d{0,2}|[-_.]\d{1,4}){0,12}"
)


_WORD = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
# Said after the word that counts: DB_PASSWORD_PROD, token2, secret_value.
_QUALIFIERS = words(
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
_NOT_TOKENS = words(
    "bos continuation cursor eos mask next pad page pull resume special stop sync tls "
    "unk"
)
# These words are as often followed by the name of a secret as by a secret.
_OFTEN_NAMED = words("secret token credential credentials creds key")
_JOINED = {
    "apikey": ("api", "key"),
    "accesstoken": ("access", "token"),
    "authtoken": ("auth", "token"),
    "clientsecret": ("client", "secret"),
    "privatekey": ("private", "key"),
    "secretkey": ("secret", "key"),
}


def words_of(name: str) -> list[str]:
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
    return _kind_by_name(words_of(name))


def _is_name(text: str, words: list[str]) -> bool:
    """Tell whether `text` is what a secret is called, not what it is."""
    if _UPPER_NAME().fullmatch(text):
        return True
    said = words_of(text)
    if said == words or (text.isalpha() and said[-2:] == words[-2:] != words[-1:]):
        return True
    if len(text) > 100 or not WORDY().fullmatch(text.strip("_-")):
        return False
    if words[-1] in _OFTEN_NAMED and words[-2:-1] not in (["client"], ["api"]):
        return True
    return len(said) > 1 and _kind_by_name(said) is not None


def kind_of_named(name: str, text: str) -> SecretKind | None:
    """Return the kind of `text` where `name` says secret and `text` may be one."""
    kind = kind_by_name(name)
    if kind is None:
        return None
    words = words_of(name)
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
