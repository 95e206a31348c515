"""
What of a JSON value may be told: what its name, or its shape, says is secret may not.

Airflow's own list of names that it masks decides what a name says, and `credentials`
what a value is.
"""

from collections.abc import Iterator, Mapping
from typing import cast

from msgspec import UNSET

from dagwarden.patterns import late
from dagwarden.sources.credentials import secret_in

# How deep lists and objects may nest; what is deeper is not told.
MAX_NESTING = 60
# Names that Airflow 2.11 or 3.3 masks; part of a name in lower case is enough.
_MASKED = (
    *("access_key", "access_token", "api_key", "apikey", "auth_header"),
    *("authorization", "bearer", "connection_string", "dsn", "keyfile_dict"),
    *("passphrase", "passwd", "password", "private_key", "proxies", "proxy"),
    *("secret", "service_key", "token", "webhook_url"),
)
# Masked too: but who an account is is no secret, and what an estate is asked for.
_ACCOUNT = "service_account"
_EMAIL = late(r"[\w.+-]{1,100}@[\w.-]{1,150}\.gserviceaccount\.com")


def is_masked(name: str, value: object) -> bool:
    """Say whether a value called `name` may not be told."""
    lowered = name.strip().lower()
    if any(word in lowered for word in _MASKED):
        return True
    if _ACCOUNT in lowered:
        return not isinstance(value, str) or _EMAIL().fullmatch(value) is None
    return isinstance(value, str) and secret_in(name, value) is not None


def without_masked(name: str, data: object, depth: int = 0) -> object:
    """Return JSON without what is secret in it; UNSET stands for that."""
    if isinstance(data, list):
        items = cast("list[object]", data)
        if depth >= MAX_NESTING:
            return UNSET
        return [without_masked(name, item, depth + 1) for item in items]
    if depth > MAX_NESTING or is_masked(name, data):
        return UNSET
    if isinstance(data, Mapping):
        if not all(
            isinstance(key, str) for key in cast("Mapping[object, object]", data)
        ):
            return UNSET  # YAML's: JSON has no such keys
        fields = cast("Mapping[str, object]", data)
        return {
            key: without_masked(_name_of(key, fields), item, depth + 1)
            for key, item in fields.items()
        }
    return data


def _name_of(key: str, fields: Mapping[str, object]) -> str:
    """Return what `fields[key]` is called: {"name": N, "value": V} says it itself."""
    named = fields.get("name")
    return named if key == "value" and isinstance(named, str) else key


def has_holes(data: object) -> bool:
    """Say whether something was taken out of `data`."""
    return any(value is UNSET for value in _leaves(data))


def _leaves(data: object) -> Iterator[object]:
    waiting = [data]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            waiting += cast("Mapping[str, object]", one).values()
        elif isinstance(one, list):
            waiting += cast("list[object]", one)
        else:
            yield one
