"""What stands where a secret could, and is none: placeholders, templates, references."""

import re
from itertools import pairwise

from dagwarden.patterns import late, words

_PLACEHOLDERS = words(
    "absent aws4_hmac_sha256 bar basic bearer bool boolean change_me changeit changeme dummy empty env example fake fixme "
    "foo foobar hidden insert int integer kerberos latest missing mysecret negotiate n/a na nil none null oauth oauth2 omitted optional pass passwort kennwort wachtwoord pwd pw "
    "passwd password passwords placeholder redacted removed replace_me replaceme required sample "
    "anonymous anonymous@ contraseña parola haslo lösenord salasana jelszó secretbytes secretstr self sensitive secret secrets str string tbd test tiger todo token tokens undefined unknown unset unused "
    "value xxx your_password yourpassword"
)
# A word of these anywhere: someone is meant to put the value there.
_STAND_IN = late(
    r"change[-_ ]?(?:me|it)|x{5}|x{3,4}[-_/]x{3,4}|optional|replace[-_ ]?(?:me|with|this)|example"
    r"|place[-_ ]?holder|deadbeef|redacted|not[-_ ]?(?:a|set|real|used|needed|required|configured)(?:[^a-z]|$)|\.{3}"
    r"|^(?:same[-_ ]as|(?:kept|stored)[-_ ]in|(?:ask|see) |(?:aws|from|in|key)[-_ ](?:the[-_ ])?vault$)|^(?:mot de|palavra) ?passe$|^foo[-_ ]?ba[rz]"
    r"|(?:^|[^a-z])(?:your|todo|tbd|fixme|dummy|insert|enter|sample|fake|mock(?:ed)?)"
    r"(?:[^a-z]|$)"
    r"|^(?:my|some|the|any|a|test|foo)[-_ ]?(?:super[-_ ]?)?(?:pass(?:word|wd)?|secret|token"
    r"|(?:api|access|secret|private)?[-_ ]?key)(?:[-_ ](?:here|value|\d))?$",
    re.IGNORECASE,
)
_MARKED = late(
    r"<[^<>]*>|\[[^\[\]]*\]|\([a-z ]+\)|[^\w\s]{1,3}|(.)\1{2,}|\W?\*+|\.{2,}|-+|_+|#+|…"
)
_TEMPLATE = late(
    r"\{\{|\{%|\$\{|\$\(|%\(\w+\)[sd]|^\${1,2}(?:[A-Z_][A-Z0-9_]*|[a-z_]+)$"
    # PowerShell: $env:TOKEN, $using:token, $config.Api.Token; PHP: $this->token
    r"|^\$(?:env|global|local|private|script|using|variable):\w+$"
    r"|^\$[A-Za-z_]{2,40}\d{0,2}(?:(?:\.|->)[A-Za-z_]{2,60}\d{0,2}){1,6}$"
    r"|(?:^|\s)%[sr]$|\{\w*\}$|<\w[\w -]*>|^%\w+%$|^@{1,3}\w+@{1,3}$|^__\w+__$|^#\{|^`.*`$"
)
_REFERENCE = late(
    r"(?:folders|organizations|projects)/[^/]+(?:/\w+(?:/|$)|$)|[A-Za-z][\w-]{0,100}:(?:latest|\d{1,4})$"
    r"|(?:sm|gsm|gcp-?sm|vault|berglas|op|akv|ssm|secretsmanager|doppler|keyring"
    r"|secret|secretref|env|file|awssm|awsps|azurekv|keyvault|infisical|bws|kms"
    r"|aws|azure|bitwarden|gcp|lastpass|sops)"
    r"(?:://|:(?=[^:\s]))"
    # whose a signature of AWS is
    r"|\S{1,200}/aws4_request"
    # a field of what Vault has at a path: secret/data/db:password
    r"|[a-z][\w-]*(?:/[a-z][\w-]*)+:[a-z_]+$"
    r"|arn:aws|@microsoft\.keyvault\(|ref\+\w+://|secret_ref|!vault|!secret|!env|!ref",
    re.IGNORECASE,
)
# Not in clear: digests and ciphertext (Fernet, SOPS, ansible-vault, sealed secrets).
_SEALED = late(
    r"\$(?:1|2[abxy]|5|6|7|argon2\w*|y|scrypt)\$|pbkdf2|scrypt:|\{?ssha|\{(?:md5|sha)"
    r"|sha\d{1,3}[:$-]|SCRAM-SHA|md5[0-9a-f]{32}$|\*[0-9A-F]{40}$"
    # Spring's configuration, Maven's settings
    r"|\{cipher\}|\{[A-Za-z0-9+/]{11,}={0,2}\}$"
    r"|gAAAA|ENC\[|ENC\(|\$ANSIBLE_VAULT|vault:v\d+:|kms:|AQICAH|Ag[A-Z][\w+/]{200}",
    re.IGNORECASE,
)
# Values that documentation publishes, and that open nothing: keys with this word in them
# (AWS), the test keys in the reference of Stripe's API, the token that jwt.io shows.
_PUBLISHED = late(
    r"EXAMPLE|[sr]k_test_(?:4eC39HqLyjWD|BQokikJOvBiI)"
    # {"sub":"1234567890","name":"John Doe"
    r"|\.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lI"
    # RFC 7617, RFC 6749, RFC 6750
    r"|QWxhZGRpbjpvcGVuIHNlc2FtZQ|YWxhZGRpbjpvcGVuc2VzYW1l|^open ?sesame$|2YotnFZFEjr1zCsicMWpAA"
    r"|tGzv3JOkF0XG5Qx2TlKWIA|gX1fBat3bV|7Fjfp0ZBr1KtDRbnfVdmIw|mF_9\.B5f-4\.1JqM"
    # RFC 7519, with and without its line breaks; RFC 7515 and 7517
    r"|\.eyJpc3MiOiJqb2UiL(?:A0KICJleHAi|CJleHAiOjEzMDA4MTkz)|AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ"
    # Google's, of a key in a URL; Twitter's, of OAuth 1
    r"|AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe|^370773112-GmHxMAgYyLbNEtIKZeRNFsMK"
    # digests of nothing: MD5, SHA-1, SHA-256
    r"|^d41d8cd98f00b204e9800998ecf8427e$|^da39a3ee5e6b4b0d3255bfef95601890afd80709$"
    r"|^e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855$"
    # the account that every Azurite has
    r"|Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
    # ... and every emulator of Cosmos DB
    r"|C2y6yDjf5/R\+ob0N8A7Cgv30VRDJIWEHLM\+4QDU5DE2nQ9nDuVTqobD4b8mGGy"
)
# What tests give to be refused: wrong-password, invalid, bad_token
_REFUSED = late(
    r"(?:an?[-_ ])?(?:bad|expired|incorrect|invalid|revoked|wrong)"
    r"(?:[-_ ]?(?:api|access|db|user))?"
    r"(?:[-_ ]?(?:credentials?|creds|key|one|pass(?:phrase|wd|word)?|pw|pwd|secret|token|value))?\d?",
    re.IGNORECASE,
)
# What images of servers are set up with, and their documentation shows: as their name.
_QUICK_START = words(
    "admin airflow celery elastic guest mariadb minio minioadmin mongo mysql postgres rabbitmq redis root"
)
_ROW = 5
_FEWEST_SIGNS = 5
_LONG = 12


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


def is_published(text: str) -> bool:
    """Tell whether `text` is a value that its issuer's documentation shows."""
    return _PUBLISHED().search(text) is not None


def is_refused(text: str) -> bool:
    """Tell whether `text` says that it is a wrong password: what tests try."""
    return len(text) <= 60 and _REFUSED().fullmatch(text) is not None


def is_quick_start(text: str) -> bool:
    """Tell whether `text` is a server's name, which its first steps use as a password."""
    return text in _QUICK_START


def is_made_up(text: str) -> bool:
    """
    Tell whether the random part of a token is not random: few signs, or rows of them.

    `abcdefgh12345678` is; that half of what was drawn at random stands in rows does
    not happen.
    """
    if len(set(text)) < min(_FEWEST_SIGNS, len(text)):
        return True
    if len(text) >= _LONG and any(
        text.count(sign) * 2 > len(text) for sign in text[-3:]
    ):
        return True
    return is_in_rows(text)


def is_in_rows(text: str) -> bool:
    """Tell whether half of `text` or more stands in rows: abcdefgh, 12345678."""
    in_rows, row = 0, 1
    for before, sign in pairwise(f"{text}\0"):
        if ord(sign) - ord(before) == 1:
            row += 1
            continue
        in_rows += row if row >= _ROW else 0
        row = 1
    return in_rows * 2 >= len(text) > 0
