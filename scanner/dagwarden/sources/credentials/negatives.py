"""What stands where a secret could, and is none: placeholders, templates, references."""

import re

from dagwarden.sources.credentials.patterns import late, words

_PLACEHOLDERS = words(
    "bar basic bearer change_me changeit changeme dummy empty example fake fixme foo "
    "hidden insert n/a na nil none null omitted pass passwd password passwords placeholder redacted "
    "removed replace_me replaceme required sample secret tbd todo token undefined unset "
    "unused xxx your_password yourpassword"
)
# A word of these anywhere: someone is meant to put the value there.
_STAND_IN = late(
    r"change[-_ ]?(?:me|it)|x{5}|optional|replace[-_ ]?me|example|placeholder|redacted"
    r"|(?:^|[^a-z])(?:your|todo|fixme|dummy|insert|enter)(?:[^a-z]|$)",
    re.IGNORECASE,
)
_MARKED = late(r"<[^<>]*>|\[[^\[\]]*\]|(.)\1{2,}|\*+|\.{2,}|-+|…")
_TEMPLATE = late(
    r"\{\{|\{%|\$\{|\$\(|%\(\w+\)[sd]|^\$\w+$|(?:^|\s)%[sr]$|\{\w*\}$|<\w[\w -]*>"
)
_REFERENCE = late(
    r"projects/[^/]+/(?:locations/[^/]+/)?secrets/"
    r"|(?:sm|gsm|gcp-?sm|vault|berglas|op|akv|ssm|secretsmanager|doppler|keyring"
    r"|secret|secretref|env|file|awssm|awsps|azurekv)(?:://|:(?=[^:\s]))"
    r"|arn:aws|@microsoft\.keyvault\(|ref\+\w+://|secret_ref|!vault",
    re.IGNORECASE,
)
# Not in clear: digests and ciphertext (Fernet, SOPS, ansible-vault).
_SEALED = late(
    r"\$(?:2[abxy]|5|6|argon2\w*|y)\$|pbkdf2|scrypt:|\{?ssha|sha\d{1,3}[:$-]"
    r"|gAAAA|ENC\[|\$ANSIBLE_VAULT",
    re.IGNORECASE,
)


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
