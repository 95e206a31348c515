"""
The search through one typed value: mappings, lists, and texts in texts.

`found_in` is what other readers build on: what it yields still holds the value, so
that equal ones can be told and lines be found, and is made a `Secret` at once, or
dropped. It never leaves `sources`.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, cast

from dagwarden.facts import Origin, Secret, SecretKind
from dagwarden.sources.credentials.decode import decoded
from dagwarden.sources.credentials.fingerprint import Fingerprint
from dagwarden.sources.credentials.names import kind_by_name, kind_of_named
from dagwarden.sources.credentials.negatives import is_placeholder, is_template
from dagwarden.sources.credentials.patterns import Late, late, words
from dagwarden.sources.credentials.shapes import PEM, is_plain, pem_body, shape

# Strings are decoded (JSON, base64, URL-encoding) this often, and up to this size.
MAX_DECODINGS = 4
MAX_TEXT = 1_000_000
# Of containers, decoded ones included.
MAX_NESTING = 40
MAX_VALUES = 200_000
# How many texts without a secret are remembered: most are met again.
MAX_HARMLESS = 20_000

_EMAIL = late(r"[\w.+-]{1,100}@[\w.-]{1,150}")
_KEY_ID = late(r"[\w-]{1,64}")
_QUERY = late(r"^[A-Za-z][\w+.-]{0,40}:(?://)?[^\s?]{0,2048}\?(?P<query>\S+)$")
_harmless: set[tuple[str, str]] = set()


class Found(NamedTuple):
    """A credential in clear, on its way to a `Secret`; `value` is never shown."""

    kind: SecretKind
    place: str
    value: str
    identity: str | None = None
    key_id: str | None = None

    def __repr__(self) -> str:
        """Return what may be said of it."""
        return f"Found({self.kind!r}, {self.place!r})"

    def secret(self, origin: Origin, fingerprint: Fingerprint) -> Secret:
        """Return what stays of it."""
        return Secret(
            kind=self.kind,
            place=self.place,
            origin=origin,
            fingerprint=fingerprint.of(self.value),
            identity=self.identity,
            key_id=self.key_id,
        )


def found_in(place: str, value: object) -> Iterator[Found]:
    """
    Yield the credentials in `value`, in the order met; equal ones more than once.

    `place` says where `value` is; its last dotted part is the value's name. Keys
    of mappings and names of {"name": N, "value": V} pairs are added to it,
    positions in lists are not. Looks into at most MAX_VALUES values, MAX_NESTING
    deep, and decodes strings of up to MAX_TEXT characters MAX_DECODINGS times.
    """
    return _Walk().value(place, place.rpartition(".")[2], value, 0, 0)


def secret_in(name: str, value: object) -> SecretKind | None:
    """Return the kind of the first secret in `value`, called `name`, or None."""
    found = next(found_in(name, value), None)
    return found.kind if found else None


def secrets_in(
    place: str, value: object, origin: Origin, fingerprint: Fingerprint
) -> tuple[Secret, ...]:
    """Return the secrets in `value`, in order of place, each once: see `found_in`."""
    found = {
        (secret.place, secret.kind, secret.fingerprint or ""): secret
        for secret in (
            one.secret(origin, fingerprint) for one in found_in(place, value)
        )
    }
    return tuple(found[key] for key in sorted(found))


# What these hold names a secret; it is none.
_POINTERS = words("secretkeyref secretref configmapkeyref valuefrom valuesource")


def _label(key: object) -> str:
    """Return `key` as part of a place, or a stand-in if it is no plain name."""
    text = str(key)[:101] if isinstance(key, str | int) else ""
    plain = 0 < len(text) <= 100 and text.isprintable() and "://" not in text
    return text if plain and shape(text) is None else "(unnamed)"


def may_hold_secret(name: str, value: object) -> bool:
    """Say whether it is worth looking into `value`, called `name`: most are not."""
    if isinstance(value, str):
        return not is_plain(value) or kind_by_name(name) is not None
    return value is not None and not isinstance(value, (int, float))


class _Walk:
    """One search through a value; bounded, whatever the value is."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def value(
        self, place: str, name: str, value: object, nesting: int, decodings: int
    ) -> Iterator[Found]:
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
                    yield from self.value(place, name, item, nesting + 1, decodings)

    def _mapping(
        self, place: str, value: Mapping[object, object], nesting: int, decodings: int
    ) -> Iterator[Found]:
        if (found := _key_file(place, value)) is not None:
            yield found
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
            label = _label(named)
            inner = f"{place}.{label}" if place else label
            yield from self.value(inner, name, item, nesting + 1, decodings)

    def _text(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Found]:
        if decodings or len(text) >= 200:
            yield from self._searched(place, name, text, nesting, decodings)
        elif (name, text) not in _harmless:
            left, found = self._left, False
            for one in self._searched(place, name, text, nesting, decodings):
                found = True
                yield one
            # what another value was made of counts: that is looked into each time
            alone = self._left == left
            if not found and alone and len(_harmless) < MAX_HARMLESS:
                _harmless.add((name, text))

    def _searched(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Found]:
        if len(text) < 4 and not kind_by_name(name):
            return
        if is_plain(text):
            if (kind := kind_of_named(name, text)) is not None:
                yield Found(kind, place, text.strip())
            return
        found = False
        if decodings < MAX_DECODINGS and 12 <= len(text) <= MAX_TEXT:
            for inner in decoded(text):
                if inner == text:
                    continue
                for one in self.value(place, name, inner, nesting + 1, decodings + 1):
                    found = True
                    yield one
                # a structure is what it holds: its text is not judged by name
                if found or isinstance(inner, (Mapping, list)):
                    return
        if (shaped := shape(text[:MAX_TEXT])) is not None:
            kind, value = shaped
            yield Found(kind, place, value)
            return
        if (query := _QUERY().match(text)) is not None and len(text) < 10_000:
            from urllib.parse import parse_qsl

            for key, part in parse_qsl(query["query"], max_num_fields=200):
                inner = f"{place}.{_label(key)}"
                for one in self.value(inner, key, part, nesting + 1, decodings + 1):
                    found = True
                    yield one
        if not found and (kind := kind_of_named(name, text)) is not None:
            yield Found(kind, place, text.strip())


def _key_file(place: str, value: Mapping[object, object]) -> Found | None:
    """Return the secret that `value` is as a whole: a Google credential file."""
    kind = value.get("type")
    key, refresh = value.get("private_key"), value.get("refresh_token")
    if kind == "service_account" and isinstance(key, str):
        return _service_account_key(place, value, key)
    if kind == "authorized_user" and isinstance(refresh, str):
        if is_placeholder(refresh) or is_template(refresh):
            return None
        return Found("authorized_user", place, refresh)
    return None


def _service_account_key(
    place: str, value: Mapping[object, object], key: str
) -> Found | None:
    match = PEM().search(key)
    body = pem_body(match["secret"]) if match else key
    if body is None or is_placeholder(body) or (not match and is_template(body)):
        return None
    email, key_id = value.get("client_email"), value.get("private_key_id")
    return Found(
        kind="service_account_key",
        place=place,
        value=body,
        # hostile content could hide anything here: only what has the shape
        identity=_matching(_EMAIL, email),
        key_id=_matching(_KEY_ID, key_id),
    )


def _matching(pattern: Late, value: object) -> str | None:
    matches = isinstance(value, str) and pattern().fullmatch(value)
    return cast("str", value) if matches else None
