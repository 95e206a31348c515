"""What a name says of the value that it is given to."""

import re
from functools import lru_cache
from itertools import pairwise

from msgspec import Struct

from dagwarden.facts import SecretKind
from dagwarden.patterns import late, words
from dagwarden.sources.credentials.negatives import (
    is_in_rows,
    is_made_up,
    is_placeholder,
    is_published,
    is_quick_start,
    is_reference,
    is_refused,
    is_sealed,
    is_template,
)
from dagwarden.sources.credentials.work import charge


class Named(Struct, frozen=True):
    """What is a secret by its name; `doubt` says why it may be none."""

    kind: SecretKind
    # the part of a text that it is
    value: str
    doubt: str | None = None


_PATH = late(
    r"(?:~|\.{1,2}|[A-Za-z]:)?[/\\][\w.\-/\\ ]*$|(?:gs|s3|file|abfss?|hdfs)://"
    r"|@?[\w.\-/]+\.(?:json|pem|key|p12|pfx|crt|cer|ya?ml|txt|env|jks|ini|cfg|toml)$"
)
_PLAIN = late(r"[+-]?\d+(?:[.,]\d+)*|true|false|yes|no|on|off", re.IGNORECASE)
_URL = late(r"[A-Za-z][\w+.-]{0,40}://\S*$")
# "get_token()", "os.environ['X']", "Optional[str]", "typing.Any"
_CODE = late(
    r"(?:application|multipart|text)/[\w.+-]+|"
    r"[A-Za-z_][\w.]*(?:\(.*\)|\[.*\])|(?:os|self|cls|conf|config|typing)\.[\w.]+"
    # what finds an element of a page
    r"|//?[\w*]+\[.*\]|[#.][a-z]+(?:[-_][a-z]+)+\d{0,2}"
    # commands of PowerShell: Read-Host, New-RandomPassword
    r"|(?:Convert(?:To|From)?|Get|Import|Invoke|Join|New|Read|Select|Unprotect)-[A-Z][A-Za-z]{2,60}"
)
_EMAIL = late(r"[\w.+-]{1,100}@[\w-]{1,100}(?:\.[\w-]{1,60}){1,6}")
# The public half of key pairs of Amazon and of Cloud Storage's HMAC keys
_ACCESS_ID = late(r"(?:AKIA|ASIA|AROA|AIDA|GOOG)[A-Z0-9]{12,61}")
_UPPER_NAME = late(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
# "airflow-db", "id_token", "Slack token 2": words, not a random mix of cases
WORDY = late(
    r"(?:[A-Z]?[a-z]{1,24}|[A-Z]{1,24})\d{0,2}"
    r"(?:[-_. /:](?:[A-Z]?[a-z]{2,24}|[A-Z]{2,24})\d{0,2}|[-_.]v?\d{1,4}){0,12}"
)
_WORD = late(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRETS = words("credential credentials key secret token")
# Said after the word that counts: DB_PASSWORD_PROD, token2, secret_value.
_QUALIFIERS = words(
    "b64 base base64 bytes clear cleartext current default dev development json local new old "
    "plain plaintext preprod primary prod production qa raw secondary stage staging stg str "
    "string test text uat val value var"
)
_PASSWORDS = ("password", "passwd", "passphrase", "passcode", "passwort", "kennwort")
_PASS = words(
    "pass pw pwd pswd pswrd psw passwrd passwords senha contrasena dbpass dbpwd dbpw userpass "
    "requirepass masterauth userpwd adminpass adminpwd rootpass sshpass smtppass ftppass mypass pgpass pgpwd "
    "adminpw bindpw ldappw mailpw mysqlpw psk rootpw smtppw userpw keypass storepass destkeypass deststorepass "
    "srckeypass srcstorepass truststorepass"
)
_KEY_OWNERS: dict[str, SecretKind] = {
    "access": "secret_value",
    "account": "secret_value",
    "admin": "api_key",
    "api": "api_key",
    "app": "api_key",
    "application": "api_key",
    "auth": "secret_value",
    "cipher": "secret_value",
    "crypto": "secret_value",
    "decryption": "secret_value",
    "deploy": "secret_value",
    "encryption": "secret_value",
    "fernet": "secret_value",
    "function": "api_key",
    "functions": "api_key",
    "hmac": "secret_value",
    "jwt": "secret_value",
    "license": "secret_value",
    "master": "secret_value",
    "preshared": "secret_value",
    "private": "secret_value",
    "rapidapi": "api_key",
    "secret": "secret_value",
    "service": "secret_value",
    "session": "secret_value",
    "shared": "secret_value",
    "signing": "secret_value",
    "ssh": "secret_value",
    "storage": "secret_value",
    "subscription": "api_key",
    "webhook": "secret_value",
}
# `page_token`, `eos_token`, `image_pull_secret`: positions, vocabulary and names
_NOT_TOKENS = words(
    "begin bos client_request cls continuation correlation csrf cursor end eos for idempotency mask next num order pad "
    "page pull request resume sep special start stop sync tls trace tracking unk"
)
# What Hadoop and Spark call the key of an Azure storage account: its host follows.
_STORAGE_KEY = ("fs.azure.account.key.", "spark.hadoop.fs.azure.account.key.")
# What a UUID tells apart: `cache_token`, `job_token`.
_MARKED = words(
    "batch build cache dedup deduplication event job lock message operation run session task upload version"
)
_UUID = late(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NAME_OF_ONE = "it may be the name of one"
REFUSED = "it may be one that is meant to be refused"
QUICK_START = "it may be what a server's first steps show"
_NOT_IN_CLEAR = words(
    "checksum crypted encrypted hashed masked obfuscated salted sealed sha256"
)
# What is below these stands in clear nowhere: `encryptedData`, `secure`.
_SEALED_PARTS = _NOT_IN_CLEAR | {"secure"}
_SEALED_DATA = ("encrypted", "data")
_COOKIES = words("cookie cookies jsessionid phpsessid")
# Cookies that a server knows somebody by.
_SESSION = late(r"sess|(?:^|[_.-])sid$|^auth|remember|jwt|token", re.IGNORECASE)
_FEWEST_OF_SESSION = 16
_HUMPS = 6
# In a Secret, too, these say who and where.
_BESIDE = words(
    "ca.crt cert database db dbname email endpoint host hostname login name namespace port region schema tls.crt type uri "
    "url user username"
)
# `basic_auth`, `basic.auth.user.info`: a user and a password in one text.
_PAIRED = frozenset({("basic", "auth"), ("http", "auth"), ("user", "info")})
_PAIR = late(r"[\w.@+-]{1,100}:(?P<secret>\S{4,200})")
# `on_pass`, `first_pass`: what passes is no password.
_PASSING = words(
    "all band by did first high is last logical low multi next on one post pre second single "
    "test third two"
)
# What people are asked or told: forgot_password is a text on a page.
_ASKED = words("confirm enter forget forgot invalid missing no reset show update wrong")
# Who gives personal access tokens, which are called PAT.
_PAT_OWNERS = words(
    "github gitlab git azure ado devops databricks personal snowflake gh gl"
)
# Units of work, for all that a value may be in place of a secret.
_WORK_OF_VALUE = 8
# What a token or key can be: some signs, and more than a few letters and digits.
_TOKEN = late(r"(?:[A-Za-z]{3,10} )?[\w.~+/=:|$@!-]{6,}")
_FEWEST = 6
# Nobody types that much of a row for a password.
_LONG = 16
_TICKET = late(r"[A-Z]{2,6}[-_]\d{2,12}")
# A JWT that anyone can make: its header begins {"alg":"none"
_UNSIGNED = "eyJhbGciOiJub25lI"
# What is said of tests, too: "all checks pass".
_OFTEN_VERBS = (("pass",), ("pw",))
# These words are as often followed by the name of a secret as by a secret.
# A secret's name may end so: password_column_name
_ENDS_OF_NAMES = words("col column field id name ref")
_OFTEN_NAMED = words("secret token credential credentials creds key")
_JOINING = ("token", "secret", "key")
_JOINED = words(
    "access account api app auth bearer client consumer encryption fernet id jwt master "
    "oauth private refresh secret service session shared signing ssh user webhook"
)
_SHORTEST_DOUBTED = 8
# Said after these, most words say whose it is: PASSWORD_WAREHOUSE, API_KEY_MAPS ...
_OF_SOMETHING = words(
    "key keys passphrase passwd password passwords passwort pwd secret secrets token tokens"
)
_MOST_OF_SOMETHING = 3
# Several that open something, not several words of a text: VALID_TOKENS, max_tokens.
_OF_SEVERAL = words(
    "access allowed api app auth bearer client known refresh service valid webhook"
)
# What a mapping of secrets is called, by whose they are: PASSWORDS = {"dev": ...}
_HELD = {
    **dict.fromkeys(
        ("pass", "password", "passwords", "passwd", "pwd", "pw"), "password"
    ),
    "secrets": "secret",
    "tokens": "token",
    "keys": "key",
}
_NOT_HELD = words(
    "account ciphertext client email encrypted from hash identity integrity login place resolved rev revision secure "
    "sig signature user"
)
# `passwords of prod`, in {"prod": ...}: whose it is says no more of it
_STAGES = words(
    "default dev development local preprod prod production qa stage staging stg test uat"
)
# Who gives keys that are called by them alone: PAGERDUTY_KEY.
_SERVICES = words(
    "airtable algolia anthropic bugsnag cohere datadog deepl gemini geocoder geocoding groq hubspot intercom mailchimp "
    "mailgun mailjet maps mistral newrelic newsapi openai openweather opsgenie pagerduty pinecone postmark quandl "
    "rollbar sendgrid shopify stripe tiingo twilio weather zendesk"
)
# ... and these that it is something else.
_ABOUT = words(
    "address age alg algo algorithm alias arg argument arn at attempt attempts attribute audience backend begin bucket cert change changed char "
    "check checksum cipher ciphertext claim class cls cmd col column columns command complexity config contract count created date days "
    "delimiter desc description digest dir directory duration enabled enc encoder encoding endpoint engine entry env envvar error etag event exp "
    "expiration expires expiry ext extension factory field fields file filename fingerprint flag folder format func "
    "function gen generator getter group handler hash hasher header headers help hint history host id identifier ids idx image "
    "index info input issuer key keyring keys kid kind kms label last len length level lifetime limit list location "
    "lookup manager map mapper mask max md5 message meta metadata method min mode model module msg name names namespace nonce num "
    "number option options owner page param parameter params path pattern placeholder plugin policy port position prefix project prompt property "
    "provider query rate ref reference regex region regexp required reset resource retries ring role rotation rule salt schema "
    "scope scopes script sep separator sha sha1 sha256 sha512 size source spec state status storage store strategy suffix "
    "symbol table tag target template thumbprint time timeout timestamp title topic ttl txt type uid uri url usage "
    "username uuid valid validation validator version view"
)
# Longer runs of letters and digits show whether they were drawn at random.
_RUN = late(r"[A-Za-z0-9]{12,}")
_NUMBERED = late(r"\d{2,}$")
_MARKS = late(r"(?=.*[A-Za-z])(?=.*\d)(?=.*[!%^*+#$~])[!-~]{8,64}")
_TURNS_TO_DIGITS = 4


@lru_cache(4096)
def words_of(name: str) -> tuple[str, ...]:
    """Return the words of `name` that count, in lower case."""
    found: list[str] = []
    for word in _WORD().findall(name[-200:]):
        found.extend(_parts(word.lower()))
    while len(found) > 1 and (found[-1] in _QUALIFIERS or found[-1].isdigit()):
        last = found.pop()
        if len(found) > 1 and found[-1] == "of" and last in _STAGES:
            found.pop()
    if "pass" in found[:-1]:  # PassWord
        at = found.index("pass")
        if (joined := f"pass{found[at + 1]}") in _PASSWORDS:
            found[at : at + 2] = [joined]
    return tuple(found)


def _parts(word: str) -> tuple[str, ...]:
    """Return "apikey" as its two words."""
    for last in _JOINING:
        if word.endswith(last) and word[: -len(last)] in _JOINED:
            return word[: -len(last)], last
    return (word,)


def _kind_by_words(said: tuple[str, ...]) -> SecretKind | None:
    """Return the kind of secret that a name's words promise."""
    if not said:
        return None
    last, before = said[-1], said[-2] if len(said) > 1 else ""
    if before in _NOT_IN_CLEAR or before in _ASKED:
        return None
    if _is_paired(said) or said[-2:] in (("rediscli", "auth"), ("de", "passe")):
        return "password"
    if last == "pass" and before in _PASSING:
        return None
    if last in _COOKIES:
        return "bearer_token"
    if last.endswith(_PASSWORDS) or last in _PASS:
        return "password"
    if last in {"authorization", "bearer"} or (last == "auth" and before == "bearer"):
        return "bearer_token"
    if before in _NOT_TOKENS:
        return None
    if last == "token":
        aws = "aws" in said and before in {"session", "security"}
        return "aws_session_token" if aws else "bearer_token"
    if last == "pat" and before in _PAT_OWNERS:
        return "bearer_token"
    if last == "secret":
        return "client_secret" if before == "client" else "secret_value"
    if said[-2:] == ("ssh", "keys"):  # what a machine knows people by: public ones
        return None
    if last in {"key", "keys"} and before in _KEY_OWNERS:
        aws = said[-3:] in (("secret", "access", "key"), ("aws", "secret", "key"))
        return "aws_secret_key" if aws else _KEY_OWNERS[before]
    if last in {"credential", "credentials", "creds"}:
        return "secret_value"
    return None


def _is_paired(said: tuple[str, ...]) -> bool:
    """Tell whether a name promises a user and a password in one text."""
    return said[-2:] in _PAIRED and (said[-1] == "auth" or "basic" in said)


def _kind_of_something(said: tuple[str, ...]) -> SecretKind | None:
    """
    Return the kind that a name's words promise before they say whose it is.

    So do several of a kind: VALID_TOKENS.
    """
    if said[-1] in ("tokens", "secrets") and not _OF_SEVERAL.isdisjoint(said[-2:-1]):
        return _kind_by_words((*said[:-1], said[-1][:-1]))
    if said[-1:] == ("key",) and not _SERVICES.isdisjoint(said[-2:-1]):
        return "api_key"
    for end in range(len(said) - 1, max(len(said) - 1 - _MOST_OF_SOMETHING, 0), -1):
        if said[end] in _ABOUT or said[end] in _NOT_IN_CLEAR or said[end].isdigit():
            return None
        last = said[end - 1]
        if last in _OF_SOMETHING:
            kind = _kind_by_words((*said[: end - 1], _HELD.get(last, last)))
            if kind is not None:
                return kind
    return None


def name_within(name: str, key: str) -> str:
    """Return what a value is called that a mapping called `name` has under `key`."""
    said = words_of(name)
    if said and said[-1] in _HELD and kind_by_name(key) is None:
        own = words_of(key)
        return key if own and own[-1] in _NOT_HELD else f"{name} of {key}"
    if said and said[-1] in _COOKIES and kind_by_name(key) is None:
        return f"{key} cookie" if _is_session(key) else key
    if said and (said[-1] in _SEALED_PARTS or said[-2:] == _SEALED_DATA):
        return f"{key} encrypted"
    return key


def is_drawn(text: str) -> bool:
    """Tell whether `text` was drawn at random, by how often its kind of sign changes."""
    if WORDY().fullmatch(text) or _UUID().fullmatch(text):
        return False
    if _MARKS().fullmatch(text):
        return True
    for run in _RUN().findall(text):
        pairs = list(pairwise(run))
        to_digits = sum(one.isdigit() != other.isdigit() for one, other in pairs)
        cases = sum(one.isupper() != other.isupper() for one, other in pairs)
        if to_digits >= _TURNS_TO_DIGITS or (
            to_digits and (to_digits + cases) * 2 >= len(run)
        ):
            return True
    return False


# One of these is in every name that says secret: most names have none.
SAYS = "auth|bearer|contrasena|cookie|cred|kennwort|key|pass|pat|phpsessid|psk|psw|pw|secret|senha|jsessionid|token"
SAID = late(SAYS, re.IGNORECASE)


@lru_cache(4096)
def kind_by_name(name: str) -> SecretKind | None:
    """Return the kind of secret that a value called `name` would be, if any."""
    if SAID().search(name) is None:
        return None
    if name.startswith(_STORAGE_KEY):
        return "secret_value"
    said = words_of(name)
    return _kind_by_words(said) or _kind_of_something(said)


def _is_name(text: str, said: tuple[str, ...]) -> bool:
    """Tell whether `text` is what a secret is called, not what it is."""
    if _UPPER_NAME().fullmatch(text):
        return True
    told = words_of(text) if len(text) <= 200 else ()
    if told == said and not _NUMBERED().search(text):  # Password123 is none
        return True
    if text.isalpha() and told[-2:] == said[-2:] != said[-1:]:
        return True
    named = not _ENDS_OF_NAMES.isdisjoint(told[-1:])
    if named and _tells_of_secret(told[:-1]):
        return True
    if len(text) > 100 or not WORDY().fullmatch(text.strip("_-")):
        return False
    if said[-1] in _OFTEN_NAMED and said[-2:-1] not in (("client",), ("api",)):
        return True
    if said[-1] in told and said[-1] in _OFTEN_NAMED:  # client_secret_post
        return True
    return len(told) > 1 and _kind_by_words(told) is not None


def _tells_of_secret(told: tuple[str, ...]) -> bool:
    return any(word.endswith(_PASSWORDS) or word in _SECRETS for word in told)


def is_path(text: str) -> bool:
    """Tell whether `text` is the name of a file or folder."""
    return _PATH().match(text) is not None


def is_secrets_name(text: str) -> bool:
    """Tell whether `text` is words that promise a secret: what one is called."""
    return WORDY().fullmatch(text) is not None and (
        len(words_of(text)) > 1 and kind_by_name(text) is not None
    )


def named(name: str, text: str) -> Named | None:
    """Return what of `text` is a secret, where `name` says so and it may be one."""
    kind = kind_by_name(name)
    if kind is None:
        return None
    charge(_WORK_OF_VALUE + len(text) // 20)
    said = words_of(name)  # not empty: a word of it says the kind
    value = _held_in(said, text.strip())
    if not value or _is_none(kind, said, value):
        return None
    if not _is_name(value, said):
        return Named(kind, value, _doubt(value, said))
    return Named(kind, value, NAME_OF_ONE) if _may_be(value, said) else None


def _held_in(said: tuple[str, ...], text: str) -> str:
    """Return what is secret of a text of which a name tells the form; "" for nothing."""
    if _is_paired(said):
        pair = _PAIR().fullmatch(text)
        return "" if pair is None else pair["secret"]
    return _session_in(said, text) if said[-1] in _COOKIES else text


def _is_none(kind: SecretKind, said: tuple[str, ...], value: str) -> bool:
    """Tell whether `value`, whose name says secret, is something else."""
    spoken = value.count(" ") > 3 or (
        " " in value and ("password" in value.lower() or said[-1:] in _OFTEN_VERBS)
    )
    return bool(
        spoken
        or is_placeholder(value)
        or is_template(value)
        or is_reference(value)
        or (is_path(value) and not _is_aws_secret(kind, value))
        or is_sealed(value)
        or is_published(value)
        or _PLAIN().fullmatch(value)
        or _URL().match(value)
        or _CODE().fullmatch(value)
        or _ACCESS_ID().fullmatch(value)
        or (len(value) >= _LONG and is_in_rows(value))
        # words of a language that is written otherwise
        or not (value.isascii() or any(map(str.isdigit, value)))
        or (kind != "password" and not _is_token(kind, value))
        or (_kind_by_words(said) is None and not is_drawn(value))
    )


def _is_session(name: str) -> bool:
    """Tell whether a cookie of this name is what somebody is known by."""
    return _SESSION().search(name) is not None


def _session_in(said: tuple[str, ...], value: str) -> str:
    """Return what a server knows somebody by, of one cookie or several; "" for nothing."""
    pairs = [one.strip().partition("=") for one in value.split(";")]
    held = [given for name, is_given, given in pairs if is_given and _is_session(name)]
    if len(said) > 1 or "=" not in value:
        held.append(value)
    for one in held:
        humps = sum(a.islower() != b.islower() for a, b in pairwise(one))
        mixed = any(map(str.isdigit, one)) or humps >= _HUMPS
        if mixed and len(one) >= _FEWEST_OF_SESSION and not WORDY().fullmatch(one):
            return one
    return ""


def is_kept_beside(name: str) -> bool:
    """Tell whether what is called so stands in the clear beside secrets: a user, a host."""
    return name.lower() in _BESIDE


def _is_aws_secret(kind: SecretKind, value: str) -> bool:
    """Tell whether `value` is one, for all that it begins like a path: /qLTz..."""
    return kind == "aws_secret_key" and len(value) == 40 and is_drawn(value)


def _doubt(value: str, said: tuple[str, ...]) -> str | None:
    """Return why `value` may open nothing, None where nothing says so."""
    if is_refused(value):
        return REFUSED
    if is_quick_start(value) and any(map(is_quick_start, said)):
        return QUICK_START
    if said[-2:-1] and said[-2] in _MARKED and _UUID().fullmatch(value):
        return "it may be an identifier"
    return None


def _is_token(kind: SecretKind, value: str) -> bool:
    """Tell whether `value` has what tokens and keys have, which nobody types."""
    if sum(map(str.isalnum, value)) < _FEWEST or is_made_up(value):
        return False
    if _EMAIL().fullmatch(value) or _TICKET().fullmatch(value):
        return False
    if value.startswith(_UNSIGNED) or not value.isascii():
        return False
    if kind == "bearer_token":
        return _TOKEN().fullmatch(value) is not None
    return " " not in value


def _may_be(value: str, said: tuple[str, ...]) -> bool:
    """Tell whether `value`, one word, may be what another word for secret is."""
    odd = value.isalnum() and len(value) >= _SHORTEST_DOUBTED and len(said) > 1
    return odd and said[-1:] in (("key",), ("secret",)) and not kind_by_name(value)


def kind_of_named(name: str, text: str) -> SecretKind | None:
    """Return the kind of `text` where `name` says secret and `text` surely is one."""
    found = named(name, text)
    return None if found is None or found.doubt else found.kind
