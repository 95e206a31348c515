"""
Which values are credentials in clear, and what may be said of them.

A value enters here and leaves as its kind, its place and a fingerprint. What a
value *is* decides before what it is *called*: a key file is one under any name,
also inside a string, base64 or URL-encoding. Only then do names that say secret
count, and then a placeholder, a template, a reference to a secret store and the
name of a secret are none.

Ways in: `secrets_in` and `found_in` look into one typed value under its name,
`found_in_text` into text without a format, line by line, and `python.found_in_python`
into the tree of a Python file, following what is written there with `fold`.

`keys` tells private keys by parsing them, `shapes` what a text is by its structure,
`assigned` what settings and commands in a text call by a name, `names` what a name
promises, `negatives` what stands for a secret and is none, `decode` opens encodings,
`walk` goes through a value and `text` through lines, `references` finds what names a key
that is kept elsewhere, `shown` takes secrets out of what people read, `fingerprint` lets
equal ones be told.

Imported by the commit hook: what decodes is imported where something is encoded.
"""

from dagwarden.sources.credentials.fingerprint import Fingerprint
from dagwarden.sources.credentials.names import kind_by_name
from dagwarden.sources.credentials.negatives import (
    is_placeholder,
    is_reference,
    is_sealed,
    is_template,
)
from dagwarden.sources.credentials.shown import (
    purged,
    setting_without_secrets,
    tainted,
    without_secrets,
)
from dagwarden.sources.credentials.text import found_in_text, numbered, pieces
from dagwarden.sources.credentials.walk import (
    MAX_TEXT,
    Found,
    found_in,
    may_hold_secret,
    secret_in,
    secrets_in,
)

__all__ = [
    "MAX_TEXT",
    "Fingerprint",
    "Found",
    "found_in",
    "found_in_text",
    "is_placeholder",
    "is_reference",
    "is_sealed",
    "is_template",
    "kind_by_name",
    "may_hold_secret",
    "numbered",
    "pieces",
    "purged",
    "secret_in",
    "secrets_in",
    "setting_without_secrets",
    "tainted",
    "without_secrets",
]
