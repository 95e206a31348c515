"""
The search through one typed value: mappings, lists, and texts in texts.

`found_in` is what other readers build on: what it yields still holds the value, so
that equal ones can be told and lines be found, and is made a `Secret` at once, or
dropped. It never leaves `sources`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import cast

from msgspec import Struct

from dagwarden.facts import Origin, Secret, SecretKind, ToldBy
from dagwarden.patterns import Late, late, words
from dagwarden.sources.credentials import work
from dagwarden.sources.credentials.assigned import (
    MAX_ASSIGNING,
    Assigned,
    assigned_in,
    command_in,
    flag_in,
    instead_in,
    parts_of,
    passwords_in,
)
from dagwarden.sources.credentials.connection_fields import (
    bare,
    extra_kinds,
    password_kind,
)
from dagwarden.sources.credentials.decode import begins_encoded, decoded
from dagwarden.sources.credentials.fingerprint import Fingerprint
from dagwarden.sources.credentials.keys import key_of_file
from dagwarden.sources.credentials.names import (
    is_drawn,
    is_path,
    kind_by_name,
    name_within,
    named,
)
from dagwarden.sources.credentials.negatives import (
    is_placeholder,
    is_reference,
    is_sealed,
    is_template,
)
from dagwarden.sources.credentials.proof import told_by
from dagwarden.sources.credentials.screen import is_clear
from dagwarden.sources.credentials.shapes import (
    Shaped,
    is_key_id,
    is_plain,
    secret_half,
    shape,
    shapes,
)
from dagwarden.sources.credentials.shown import without_secrets
from dagwarden.sources.credentials.work import charge, pass_over

# Strings are decoded (JSON, base64, URL-encoding) this often, and up to this size.
MAX_DECODINGS = 4
MAX_TEXT = 1_000_000
# Of containers, decoded ones included.
MAX_NESTING = 40
MAX_VALUES = 200_000
# Of a URL, and of the fields of its query.
MAX_URL = 50_000
MAX_FIELDS = 200
# How many texts without a secret are remembered, up to this length: most are met again.
MAX_HARMLESS = 40_000
_SHORT = 200

# Characters of a text that may hold something, whatever it is called.
_SHORTEST = 4
# Characters of what a connection's type says is a secret: shorter ones stand for one.
_SHORTEST_FIELD = 6
# Of a template in which a value stands for one that is not set.
_LONGEST_TEMPLATE = 2_000
# Units of work for a text; characters, and values in which another is looked for, for one.
_WORK_OF_TEXT = 12
_SEARCHED = 5
_COMPARED = 20

_EMAIL = late(r"[\w.+-]{1,100}@[\w.-]{1,150}")
_KEY_ID = late(r"[\w-]{1,64}")
_QUERY = late(r"^[A-Za-z][\w+.-]{0,40}:(?://)?[^\s?]{0,2048}\?(?P<query>\S+)$")
# By name and text, with the work that it took to see that: what another file was met
# before decides nothing about where the search in this one ends.
_harmless: dict[tuple[str, str], int] = {}


class Found(Struct, frozen=True):
    """A credential in clear, on its way to a `Secret`; `value` is never shown."""

    kind: SecretKind
    place: str
    value: str
    # the public part of the token's type: "ghp_", "AIza"
    prefix: str | None = None
    # why it may be none
    doubt: str | None = None
    # of a service account key: whose it is (public parts of the file)
    identity: str | None = None
    key_id: str | None = None
    # the pattern of an extra that tells it
    pattern: str | None = None

    def __repr__(self) -> str:
        """Return what may be said of it."""
        return f"Found({self.kind!r}, {self.place!r})"

    @property
    def told_by(self) -> ToldBy:
        """What tells that it is a credential."""
        return told_by(self.kind, self.value, self.prefix, self.pattern)

    def secret(self, origin: Origin, fingerprint: Fingerprint) -> Secret:
        """Return what stays of it."""
        return Secret(
            kind=self.kind,
            place=self.place,
            origin=origin,
            fingerprint=fingerprint.of(self.value),
            identity=self.identity,
            key_id=self.key_id,
            told_by=self.told_by,
        )


def found_in(
    place: str, value: object, *, name: str | None = None, weak: bool = False
) -> Iterator[Found]:
    """
    Yield the credentials in `value`, in the order met; equal ones more than once.

    With `weak` also what only may be one, with the doubt that there is.

    `place` says where `value` is; its last dotted part is the value's `name`. Keys
    of mappings and names of {"name": N, "value": V} pairs are added to it,
    positions in lists are not. Looks into at most MAX_VALUES values, MAX_NESTING
    deep, and decodes strings of up to MAX_TEXT characters MAX_DECODINGS times.
    """
    name = place.rpartition(".")[2] if name is None else name
    found = _Walk().value(place, name, value, 0, 0)
    return found if weak else (one for one in found if one.doubt is None)


def secret_in(name: str, value: object) -> SecretKind | None:
    """Return the kind of the first sure secret in `value`, called `name`, or None."""
    found = next(found_in(name, value), None)
    return found.kind if found else None


def secrets_in(
    place: str, value: object, origin: Origin, fingerprint: Fingerprint
) -> tuple[Secret, ...]:
    """Return what `found_in` yields, in order of place, each once."""
    once: dict[tuple[str, str], Found] = {}
    for one in found_in(place, value):
        # what a connection's type says of a field comes before what its name does
        once.setdefault((one.place, one.value), one)
    secrets = (one.secret(origin, fingerprint) for one in once.values())
    found = {
        (secret.place, secret.kind, secret.fingerprint or ""): secret
        for secret in secrets
    }
    return tuple(found[key] for key in sorted(found))


# What Vault calls the secret half of its AppRole; others call a secret's name so.
_APPROLE = "approle_secret"
# Beside the name of a secret, the name of what it holds: {secretName: N, secretKey: K}.
_SECRET_NAMES = ("secretName", "secret_name")
_KEYS_IN_SECRETS = words("key secretKey secret_key")
# What these hold names a secret; it is none.
_POINTERS = words("secretkeyref secretref configmapkeyref valuefrom valuesource")


def _label(key: object) -> str:
    """Return `key` as part of a place, or a stand-in if it is no plain name."""
    text = str(key)[:101] if isinstance(key, str | int) else ""
    plain = 0 < len(text) <= 100 and text.isprintable() and "://" not in text
    return text if plain and without_secrets(text) == text else "(unnamed)"


# What people put into JSON for a comment.
_REMARK = late(r"//|#|[$_]{0,2}comment|_\w{1,60}_comment$")
_NAMES = ("name", "key", "Name", "Key")
_VALUES = frozenset({"value", "Value"})


def _name_in_pair(value: Mapping[object, object]) -> str | None:
    """Return N of {"name": N, "value": V}, as environments and parameters are given."""
    if _VALUES.isdisjoint(value):
        return None
    names = (value[name] for name in _NAMES if name in value)
    return next((name for name in names if isinstance(name, str)), None)


def _below(place: str, key: object) -> str:
    """Return the place of what is called `key` in what is at `place`."""
    if key is None:
        return place
    return f"{place}.{_label(key)}" if place else _label(key)


def may_hold_secret(name: str, value: object) -> bool:
    """Say whether it is worth looking into `value`, called `name`: most are not."""
    if isinstance(value, str):
        return not _is_harmless(name, value)
    return value is not None and not isinstance(value, (int, float))


def _is_harmless(name: str, text: str) -> bool:
    """Say whether a text was found to be harmless, and charge for that all the same."""
    units = _harmless.get((name, text))
    if units is None:
        if kind_by_name(name) is not None:
            return False
        if is_plain(text):
            units = 0
        elif is_clear(text):
            units = work_of(text)
        else:
            return False
        _keep_harmless(name, text, units)
    if units:
        charge(units)
    return True


def _keep_harmless(name: str, text: str, units: int) -> None:
    if len(text) < _SHORT and len(_harmless) < MAX_HARMLESS:
        _harmless[name, text] = units


def work_of(text: str) -> int:
    """Return the units of work to search a text that is not plain, but for what it holds."""
    if len(text) < _SHORTEST:
        return 0
    return _WORK_OF_TEXT + min(len(text), MAX_ASSIGNING) // _SEARCHED


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
            pass_over()
            return
        charge(1)
        if isinstance(value, (bytes, bytearray)):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            yield from self._text(place, name, value, nesting, decodings)
        elif isinstance(value, Mapping):
            mapping = cast("Mapping[object, object]", value)
            yield from self._mapping(place, name, mapping, nesting, decodings)
        elif isinstance(value, (list, tuple, set, frozenset)):
            items = list(cast("list[object]", value))
            yield from self._items(place, name, items, nesting, decodings)

    def _items(
        self, place: str, name: str, items: list[object], nesting: int, decodings: int
    ) -> Iterator[Found]:
        before: object = None
        if len(items) == 2 and isinstance(items[0], str) and kind_by_name(items[0]):
            # ["password", V], unless both are names
            given = f"{items[0]}_given"
            if may_hold_secret(given, items[1]):
                yield from self.value(place, given, items[1], nesting + 1, decodings)
        for item in items:
            flag = flag_in(before)
            own, inner = (flag, _below(place, flag)) if flag else (name, place)
            if is_key_id(before) and (kind := secret_half(before, item)):
                yield Found(kind, place, cast("str", item))
            elif may_hold_secret(own, item):
                yield from self.value(inner, own, item, nesting + 1, decodings)
            before = item
        command = command_in(items)
        for password in passwords_in(command) if command else ():
            if is_one(password):
                yield Found("password", place, password)

    def _mapping(
        self,
        place: str,
        outer: str,
        value: Mapping[object, object],
        nesting: int,
        decodings: int,
    ) -> Iterator[Found]:
        if (found := _key_file(place, value)) is not None:
            yield found
            return
        for key in value:
            # what is called by a token: `tokens: {ghp_...: loader}`
            if isinstance(key, str) and not is_plain(key):
                for token in shapes(key):
                    yield Found(
                        token.kind, place, token.value, token.prefix, token.doubt
                    )
        connection = _connection_type(value)
        if connection is not None:
            yield from _in_connection(place, connection, value)
        pair = _name_in_pair(value)
        key_id = next(filter(is_key_id, value.values()), None)
        kept = any(name in value for name in _SECRET_NAMES)
        for key, item in value.items():
            charge(2)
            called = pair if pair is not None and key in _VALUES else key
            if pair is None and key == "default" and isinstance(value.get("name"), str):
                called = f"{value['name']}_given"
            name = (
                _APPROLE if key == "secret_id" and "role_id" in value else str(called)
            )
            name = name_within(outer, name[:200]) if outer else name[:200]
            if _REMARK().match(name):
                name = ""  # words about what stands beside it
            if not (key_id or may_hold_secret(name, item)):
                continue
            if isinstance(key, str) and (
                key.replace("_", "").lower() in _POINTERS
                or (kept and key in _KEYS_IN_SECRETS)
            ):
                continue
            inner = _below(place, called)
            if (
                key == "auth"
                and isinstance(item, str)
                and (login := shape(f"Basic {item}"))
            ):
                # of a registry in Docker's settings: user and password
                yield Found("password", inner, login.value)
                continue
            if key_id and (kind := secret_half(key_id, item)):
                yield Found(kind, inner, cast("str", item))
                continue
            yield from self.value(inner, name, item, nesting + 1, decodings)

    def _text(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Found]:
        if decodings or len(text) >= _SHORT or is_plain(text):
            yield from self._searched(place, name, text, nesting, decodings)
        elif not _is_harmless(name, text):
            left, found, units = self._left, False, work.left()
            for one in self._searched(place, name, text, nesting, decodings):
                found = True
                yield one
            # what another value was made of counts: that is looked into each time
            alone = self._left == left
            if not found and alone:
                _keep_harmless(name, text, units - work.left())

    def _searched(
        self, place: str, name: str, text: str, nesting: int, decodings: int
    ) -> Iterator[Found]:
        if len(text) < _SHORTEST and not kind_by_name(name):
            return
        if is_plain(text):
            charge(1)
            yield from _by_name(place, name, text)
            return
        charge(work_of(text))
        url = "?" in text and len(text) < MAX_URL and _QUERY().match(text)
        if not url and decodings < MAX_DECODINGS and 12 <= len(text) <= MAX_TEXT:
            found = False
            for inner in decoded(text):
                if inner == text:
                    continue
                for one in self.value(place, name, inner, nesting + 1, decodings + 1):
                    found = True
                    yield one
                # a structure is what it holds: its text is not judged by name
                if found or isinstance(inner, (Mapping, list)):
                    return
        if len(text) > MAX_TEXT and begins_encoded(text):
            pass_over()
        told: list[str] = []
        parts = (
            self._in_query(place, url, nesting, decodings) if url else (),
            _in_text(place, text),
        )
        for one in chain.from_iterable(parts):
            charge(1 + len(told) // _COMPARED)
            if not any(one.value in value for value in told):
                told.append(one.value)
                yield one
        if not told:
            yield from _by_name(place, name, text)

    def _in_query(
        self, place: str, url: re.Match[str], nesting: int, decodings: int
    ) -> Iterator[Found]:
        from urllib.parse import parse_qsl

        try:
            given = parse_qsl(url["query"], max_num_fields=MAX_FIELDS)
        except ValueError:  # more fields than anyone writes
            return
        scheme = url[0].partition(":")[0]
        if scheme not in ("http", "https"):  # of a connection, not of a page
            yield from _in_extra(place, scheme, dict(given))
        for key, part in given:
            inner = _below(place, key)
            yield from self.value(inner, key, part, nesting + 1, decodings + 1)


def _in_text(place: str, text: str) -> Iterator[Found]:
    """Yield what `text` has by shape, and what it calls by a name."""
    if len(text) > MAX_ASSIGNING:
        yield from _in_long_text(place, text)
        return
    given = list(assigned_in(text))
    for told in shapes(text):
        charge(1 + len(given) // _COMPARED)
        name = next((one.name for one in given if told.value in one.value), None)
        yield _shaped(_below(place, name), told)
    yield from _given(place, given, passwords_in(text))


def _in_long_text(place: str, text: str) -> Iterator[Found]:
    """Yield what a text has by shape, and then part by part what it calls by a name."""
    for told in shapes(text):
        yield _shaped(place, told)
    for part in parts_of(text):
        charge(len(part) // _SEARCHED)
        yield from _given(place, assigned_in(part), passwords_in(part))


def _shaped(place: str, told: Shaped) -> Found:
    return Found(told.kind, place, told.value, told.prefix, told.doubt)


def _given(
    place: str, given: Iterable[Assigned], passwords: Iterable[str]
) -> Iterator[Found]:
    for one in given:
        # what has a shape was told by it, maybe as what it holds: "Basic ..."
        if kind_by_name(one.name) is not None and shape(one.value) is None:
            yield from _by_name(_below(place, one.name), one.name, one.value)
    for password in passwords:
        if is_one(password):
            yield Found("password", place, password)


_TYPES = ("conn_type", "connection_type")
_PASSWORDS = ("password", "conn_password")
_LOGINS = ("login", "conn_login")
_EXTRAS = ("extra", "extra_dejson", "conn_extra")


def _connection_type(value: Mapping[object, object]) -> str | None:
    """Return the type of the connection that a mapping defines, if it does."""
    types = (value[name] for name in _TYPES if name in value)
    return next((one for one in types if isinstance(one, str)), None)


def _in_connection(
    place: str, conn_type: str, value: Mapping[object, object]
) -> Iterator[Found]:
    """Yield what the type of a connection says of its fields: no name does."""
    login = next((value[name] for name in _LOGINS if value.get(name)), None)
    kind = password_kind(conn_type, login)
    for name in _PASSWORDS:
        password = value.get(name)
        if kind != "password" and _is_unshaped(password):
            yield Found(kind, _below(place, name), cast("str", password))
    for name in _EXTRAS:
        extra = value.get(name)
        if isinstance(extra, str) and extra.lstrip()[:1] == "{":
            extra = next(decoded(extra), None)
        if isinstance(extra, Mapping):
            inner = cast("Mapping[object, object]", extra)
            yield from _in_extra(_below(place, name), conn_type, inner)


def _in_extra(
    place: str, conn_type: str, extra: Mapping[object, object]
) -> Iterator[Found]:
    """Yield what is a secret in the `extra` of a connection of this type."""
    kinds = extra_kinds(conn_type)
    for name, item in extra.items() if kinds else ():
        kind = kinds.get(bare(conn_type, str(name)[:200]))
        if kind and _is_unshaped(item) and not is_path(cast("str", item)):
            yield Found(kind, _below(place, name), cast("str", item))


def _is_unshaped(value: object) -> bool:
    """Tell whether a field holds a secret that is not told by what it is."""
    return (
        isinstance(value, str)
        and len(value) >= _SHORTEST_FIELD
        and is_one(value)
        and next(found_in("", value), None) is None
    )


def is_one(password: str) -> bool:
    """Tell whether what stands where a password does is one: any text but a stand-in."""
    tests = (is_placeholder, is_template, is_reference, is_sealed)
    return not any(test(password) for test in tests)


def _by_name(place: str, name: str, text: str) -> Iterator[Found]:
    if ("{{" in text or "<%" in text) and len(text) <= _LONGEST_TEMPLATE:
        for given in instead_in(text):
            if (one := named(given.name or name, given.value)) is not None:
                yield Found(one.kind, place, one.value, doubt=one.doubt)
        return
    if (found := named(name, text)) is not None:
        yield Found(found.kind, place, found.value, doubt=found.doubt)


def _key_file(place: str, value: Mapping[object, object]) -> Found | None:
    """Return the secret that `value` is as a whole: a Google credential file."""
    if len(value) == 2 and (found := _kaggle_key(place, value)) is not None:
        return found
    kind = value.get("type")
    key, refresh = value.get("private_key"), value.get("refresh_token")
    email = value.get("client_email")
    whole = kind == "service_account" or (kind is None and email is not None)
    if whole and isinstance(key, str):
        return _service_account_key(place, value, key)
    if kind == "authorized_user" and isinstance(refresh, str):
        if is_placeholder(refresh) or is_template(refresh):
            return None
        return Found("authorized_user", place, refresh)
    return None


def _kaggle_key(place: str, value: Mapping[object, object]) -> Found | None:
    """Return the key of Kaggle's settings: {"username": U, "key": 32 hex digits}."""
    key = value.get("key")
    if "username" in value and isinstance(key, str) and is_drawn(key):
        return Found("api_key", _below(place, "key"), key)
    return None


def _service_account_key(
    place: str, value: Mapping[object, object], key: str
) -> Found | None:
    body = key_of_file(key)
    if body is None:
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
