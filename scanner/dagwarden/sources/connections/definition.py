"""
One connection as Airflow's own parser reads it: a URI, or JSON.

Established by running and reading Airflow 2.11.2 and 3.3.2. Where versions differ
(3.3's core decodes JSON in a URI's query, its task SDK and 2.11 do not), the
strings are kept and marked, so that `interpret` answers what holds in all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dagwarden.facts import GapReason

# What REST and exports call the fields; the first name present counts.
_SPELLINGS = {
    "conn_type": ("conn_type", "connection_type"),
    "host": ("host", "conn_host"),
    "schema": ("schema", "conn_schema"),
    "login": ("login", "conn_login"),
    "password": ("password", "conn_password"),
    "port": ("port", "conn_port"),
    "extra": ("extra", "extra_dejson", "conn_extra"),
}
# What the JSON of a connection may hold.
FIELDS = frozenset({*_SPELLINGS, "description"})
# `get_uri` repeats all the others
_NAMES = {"get_uri", *(name for names in _SPELLINGS.values() for name in names)}


class Malformed(Exception):
    """An entry is no connection; `detail` never quotes it."""

    def __init__(self, detail: str, reason: GapReason = "malformed") -> None:
        """Say in `detail` what is wrong, without any of the content."""
        super().__init__(detail)
        self.detail = detail
        self.reason: GapReason = reason


# repr=False: it holds every secret of the connection
@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Definition:
    """A connection's fields; values are still in clear, so it never leaves here."""

    conn_type: str = ""
    host: str | None = None
    schema: str | None = None
    login: str | None = None
    password: str | None = None
    port: int | None = None
    # None: there is one and it cannot be read; then `extra_text` is what it is
    extra: Mapping[str, object] | None
    extra_text: str = ""
    # what is there beside the fields; Airflow refuses it or shows it only
    rest: Mapping[str, object] = field(default_factory=dict[str, object])
    # from a URI's query: strings, which some versions decode as JSON
    queried: bool = False
    # an API's answer: "***" stands for what it hides
    redacted: bool = False
    # fields that the source does not give at all
    withheld: frozenset[str] = frozenset()
    # fields that Airflow may give in another form than they have here
    inexact: frozenset[str] = frozenset()
    # False: Airflow refuses the entry as it stands
    accepted: bool = True


def parse_text(text: str) -> Definition:
    """
    Return what an `AIRFLOW_CONN_` variable or a secrets backend's text defines.

    Raises Malformed.
    """
    stripped = text.strip()
    if not stripped:
        raise Malformed("is empty")
    if stripped[:1] in {"'", '"'} and stripped[:1] == stripped[-1:]:
        hint = "Airflow takes them for a part of it, env:FILE takes them off"
        raise Malformed(f"is in quotes: {hint}")
    if not stripped.startswith("{"):
        return parse_uri(stripped)
    try:
        value: object = json.loads(stripped)
    except RecursionError:
        raise Malformed("is nested too deeply", "too_deep") from None
    except ValueError:
        raise Malformed("starts like JSON and is not valid JSON") from None
    fields = cast("Mapping[str, object]", value)
    # Airflow brings these two into form itself
    given = parse_mapping(fields)
    inexact = given.inexact - {"conn_type", "port"}
    return replace(given, inexact=inexact, accepted=fields.keys() <= FIELDS)


def parse_uri(uri: str) -> Definition:
    """
    Return what a connection URI defines; raises Malformed.

    Two `://` mean a host with its own protocol: `http://https://u:p@host/`, which
    `airflow connections export` itself writes, has the host `https://host`.
    """
    protocols = uri.count("://")
    query_protocols = uri.partition("?")[2].count("://")
    if protocols > 2:
        # Airflow refuses these; the query's must be URL-encoded
        hint = "; URL-encode its query" if query_protocols else ""
        raise Malformed(f"has more than two `://`, which Airflow refuses{hint}")
    try:
        scheme = urlsplit(uri).scheme
        if not scheme or "://" not in uri:
            raise Malformed("has no connection type: neither `type://` nor JSON")
        protocol = None
        rest = uri.replace(f"{scheme}://", "" if protocols == 2 else "//")
        if protocols == 2:
            before = rest.split("://", 1)[0]
            if "@" in before or ":" in before:
                raise Malformed("has a `://` that is not URL-encoded")
        parts = urlsplit(rest)
        protocol = parts.scheme if protocols == 2 else None
        host, port = _hostname(parts), parts.port
    except ValueError:
        raise Malformed("is no valid URI (host or port)") from None
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    extra, extra_text, queried = _query_extra(query)
    return Definition(
        conn_type=_conn_type(scheme),
        host=f"{protocol}://{host}" if host and protocol else host,
        schema=unquote(parts.path[1:]),
        login=unquote(parts.username) if parts.username else parts.username,
        password=unquote(parts.password) if parts.password else None,
        port=port,
        extra=extra,
        extra_text=extra_text,
        queried=queried,
    )


def _query_extra(
    query: Mapping[str, str],
) -> tuple[Mapping[str, object] | None, str, bool]:
    if "__extra__" not in query:
        return query, "", True
    extra, text = parse_extra(query["__extra__"])
    return extra, text, False


def _hostname(parts: SplitResult) -> str:
    """Return the host in lower case; as written with a path or `${NAME}` in it."""
    host = unquote(parts.hostname or "")
    if not {"/", "$"} & set(host):
        return host
    return unquote(parts.netloc.rpartition("@")[2].split(":", 1)[0])


def _conn_type(written: str) -> str:
    return "postgres" if written == "postgresql" else written.replace("-", "_")


def parse_mapping(
    value: Mapping[str, object], *, redacted: bool = False, whole: bool = True
) -> Definition:
    """
    Return what an object with a connection's fields defines; raises Malformed.

    `redacted`: an API's answer. `whole` false: fields that are not there are
    withheld, not unset (REST leaves out what it does not tell).
    """
    if value.get("conn_uri"):
        return parse_text(str(value["conn_uri"]))
    fields = {
        key: next((value[name] for name in names if name in value), None)
        for key, names in _SPELLINGS.items()
    }
    given = {
        key for key, names in _SPELLINGS.items() if any(name in value for name in names)
    }
    missing = frozenset[str]() if whole else frozenset(_SPELLINGS.keys() - given)
    extra, extra_text = parse_extra(fields["extra"])
    conn_type = fields["conn_type"]
    return Definition(
        conn_type=_conn_type(conn_type) if isinstance(conn_type, str) else "",
        host=_text(fields["host"], "host"),
        schema=_text(fields["schema"], "schema"),
        login=_text(fields["login"], "login"),
        password=_text(fields["password"], "password"),
        port=_port(fields["port"]),
        extra=extra,
        extra_text=extra_text,
        rest={name: item for name, item in value.items() if name not in _NAMES},
        redacted=redacted,
        withheld=frozenset({"password", "extra"} & missing),
        inexact=_inexact(fields) | missing,
    )


def _inexact(fields: Mapping[str, object]) -> frozenset[str]:
    """Return the fields that a `Definition` holds in another form than they have."""
    texts = ("conn_type", "host", "schema", "login")
    found = {name for name in texts if not isinstance(fields[name], str | None)}
    conn_type, port = fields["conn_type"], fields["port"]
    if isinstance(conn_type, str) and _conn_type(conn_type) != conn_type:
        found.add("conn_type")
    if port is not None and (not isinstance(port, int) or port == 0):
        found.add("port")
    return frozenset(found)


def parse_extra(value: object) -> tuple[Mapping[str, object] | None, str]:
    """Return an `extra` as a mapping, or None and its text if it cannot be read."""
    if value is None or value == "":
        return {}, ""
    if isinstance(value, str):
        try:
            parsed: object = json.loads(value)
        except (ValueError, RecursionError):
            return None, value
        if not isinstance(parsed, dict):  # encoded twice, or no object
            return None, parsed if isinstance(parsed, str) else value
        value = cast("dict[str, object]", parsed)
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return {str(key): item for key, item in mapping.items()}, ""
    return None, ""


def _text(value: object, field: str) -> str | None:
    """Return a field as text; YAML may have made a number of it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"its {field} is no text")
    return str(value)


def _port(value: object) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, int | str) and not isinstance(value, bool):
        try:
            return int(value) or None
        except ValueError:
            pass
    raise Malformed("its port is no number")
