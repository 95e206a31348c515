"""
What code may be told of a connection: its fields as Airflow gives them, no secret.

Airflow 2.11 and 3.3 give what is stored, but for what they make of a URI. Where they
differ, or what is stored is not certain, a field is UNSET.
"""

import json
import re
from collections.abc import Mapping
from typing import cast

from msgspec import UNSET

from dagwarden.facts import Maybe
from dagwarden.sources.connections.definition import Definition
from dagwarden.sources.connections.interpret import public
from dagwarden.sources.connections.records import HIDDEN, Entry
from dagwarden.sources.masking import is_masked, without_masked

_MASK = "***"
# The login is half of a key.
_KEYED = frozenset({"aws", "s3"})
_EMAIL = re.compile(r"[\w.+-]{1,100}@[\w.-]{1,150}")
# Names under which a connection often has what proves who asks, beside those that
# `masking` knows; some are names of files, which nobody misses.
_PROVING = re.compile(r"auth|cert|cookie|cred|key|session|sig|webhook", re.IGNORECASE)
# Texts of a machine have such parts, with letters of both kinds and digits in them.
_LONG = re.compile(r"[\w+/=-]{16,}")
_AWS_KEY = re.compile(r"A[KS]IA[A-Z\d]{12}")


def entry_of(given: Definition) -> Entry:
    """Return what code may be told of the connection that `given` defines."""
    if not given.accepted or given.extra is None:
        return HIDDEN
    known = "port" not in given.inexact
    return Entry(
        conn_type=_text(given, "conn_type", given.conn_type) or UNSET,
        host=_text(given, "host", given.host),
        schema=_text(given, "schema", given.schema),
        login=_login(given),
        port=given.port if known else UNSET,
        extra=_extra(given, given.extra),
    )


def _text(given: Definition, field: str, text: str | None) -> Maybe[str | None]:
    if field in given.inexact:
        return UNSET
    if not text:
        return text
    if "$" in text or (field == "host" and {"@", "?"} & set(text)):
        return UNSET
    if public(text) is None or is_masked(field, text):
        return UNSET
    return UNSET if _may_be_secret(given, text) else text


def _login(given: Definition) -> Maybe[str | None]:
    """Return the login where it is but a name: beside a password, or as an e-mail."""
    text = given.login
    alone = text and not given.password and _EMAIL.fullmatch(text) is None
    if alone or (text and given.conn_type in _KEYED):
        return UNSET
    return _text(given, "login", text)


def _extra(
    given: Definition, extra: Mapping[str, object]
) -> Maybe[Mapping[str, object]]:
    if "extra" in given.withheld | given.inexact:
        return UNSET
    return {name: _field(given, name, value) for name, value in extra.items()}


def _field(given: Definition, name: str, value: object) -> object:
    """Return one field of `extra`, or what may be told of it."""
    if _PROVING.search(name) or (given.queried and _is_json(value)):
        return UNSET
    return _told(given, without_masked(name, value))


def _told(given: Definition, value: object) -> object:
    if isinstance(value, Mapping):
        fields = cast("Mapping[str, object]", value)
        return {
            name: UNSET if _PROVING.search(name) else _told(given, item)
            for name, item in fields.items()
        }
    if isinstance(value, list):
        return [_told(given, item) for item in cast("list[object]", value)]
    return UNSET if isinstance(value, str) and _may_be_secret(given, value) else value


def _may_be_secret(given: Definition, text: str) -> bool:
    """Say whether `text` is a mask, repeats the password, or looks like a key."""
    if text == _MASK or _AWS_KEY.search(text):
        return True
    password = given.password or _MASK
    if text == password or (len(password) > 3 and password in text):
        return True
    return any(map(_is_opaque, _LONG.findall(text)))


def _is_opaque(word: str) -> bool:
    mixed = word != word.lower() and word != word.upper()
    return mixed and any(letter.isdigit() for letter in word)


def _is_json(value: object) -> bool:
    """Say whether some versions take a text for what it means as JSON."""
    try:
        return isinstance(value, str) and json.loads(value) is not UNSET
    except (ValueError, RecursionError):
        return False
