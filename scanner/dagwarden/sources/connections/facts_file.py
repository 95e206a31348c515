"""
Connections without secrets, in a file that may be committed beside the DAGs.

It holds what a scan would know of each connection, except the fingerprints, the
environment's name (the reader's configuration gives it) and where it was read.
"""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
from msgspec.structs import replace

from dagwarden.errors import SourceError, plainly, shown
from dagwarden.facts import Connection, Origin, Record, Secret
from dagwarden.sources.credentials import Fingerprint, secrets_in

VERSION = 1
# Set by the reader and by graph; origins would name files that the reader does not have.
_NOT_WRITTEN = ("id", "environment", "origin", "leaked_keys")
_REMEDY = "write it again with `dagwarden facts --kind connection`"


class _Header(Record, frozen=True, kw_only=True):
    version: int


class _File(Record, frozen=True, kw_only=True):
    dagwarden_connections: _Header
    connections: tuple[dict[str, object], ...]


def write_connection_facts(connections: Sequence[Connection]) -> bytes:
    """Return the file's bytes: JSON, sorted by connection id, without secrets."""
    entries = [
        _written(connection)
        for connection in sorted(connections, key=lambda connection: connection.id)
    ]
    document = {"dagwarden_connections": {"version": VERSION}, "connections": entries}
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def read_connection_facts(
    data: bytes, *, environment: str, source: str
) -> tuple[Connection, ...]:
    """
    Return the connections of a facts file, as those of `environment`.

    Raises SourceError: it is our own format, so what does not fit is a mistake
    that a gap would hide.
    """
    try:
        document = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise SourceError(
            "is no connection facts file", where=source, remedy=_REMEDY
        ) from None
    version = document.dagwarden_connections.version
    if version != VERSION:
        raise SourceError(
            f"is a connection facts file of version {version}, not {VERSION}",
            where=source,
            remedy=_REMEDY,
        )
    return tuple(
        _read(entry, number, environment, source)
        for number, entry in enumerate(document.connections)
    )


def _written(connection: Connection) -> dict[str, object]:
    clean = replace(
        connection,
        secrets_known=_without_fingerprints(connection.secrets_known),
        secrets=connection.secrets
        if isinstance(connection.secrets, msgspec.UnsetType)
        else _without_fingerprints(connection.secrets),
    )
    entry = cast("dict[str, object]", msgspec.to_builtins(clean))
    for name in ("secrets", "secrets_known"):
        for secret in cast("list[dict[str, object]]", entry.get(name, [])):
            del secret["origin"], secret["fingerprint"]
    return {name: entry[name] for name in entry if name not in _NOT_WRITTEN}


def _without_fingerprints(secrets: tuple[Secret, ...]) -> tuple[Secret, ...]:
    return tuple(replace(secret, fingerprint=None) for secret in secrets)


def _read(
    entry: Mapping[str, object], number: int, environment: str, source: str
) -> Connection:
    place = f"connections[{number}]"
    conn_id = str(entry.get("conn_id", ""))
    if secrets_in("", entry, Origin(source=source), Fingerprint(b"", False)):
        raise SourceError(
            f"{place} holds a secret in clear", where=source, remedy=_REMEDY
        )
    origin = {"source": source, "line": None, "field": conn_id[:250]}
    full: dict[str, object] = dict(entry)
    for name in ("secrets", "secrets_known"):
        if isinstance(entry.get(name), list):
            full[name] = [
                {**cast("dict[str, object]", secret), "origin": origin}
                if isinstance(secret, dict)
                else secret
                for secret in cast("list[object]", entry[name])
            ]
    full["id"] = f"connection:{environment}:{conn_id}"
    full["environment"] = environment
    full["origin"] = origin
    try:
        fact = msgspec.convert(full, Connection)
    except msgspec.ValidationError as error:
        what = f"{place}: {plainly(error)}"
        raise SourceError(what, where=source, remedy=_REMEDY) from None
    unknown = _unknown({**full, **_planted(entry)}, msgspec.to_builtins(fact), place)
    if unknown is not None:
        raise SourceError(
            f"unknown field {unknown}", where=source, remedy=_REMEDY
        ) from None
    return fact


def _planted(entry: Mapping[str, object]) -> dict[str, object]:
    """Return fields that the file must not set, under a name nothing knows."""
    return {f"{name} (set)": None for name in _NOT_WRITTEN if name in entry}


def _unknown(raw: object, known: object, place: str) -> str | None:
    """Return the place of the first field in `raw` that `known` does not have."""
    if isinstance(raw, dict) and isinstance(known, dict):
        theirs = cast("dict[str, object]", raw)
        ours = cast("dict[str, object]", known)
        for name in sorted(theirs):
            where = f"{place}.{name[:60]}"
            if name not in ours:
                return f"{place}.{shown(name)}".replace("'", "")
            if (found := _unknown(theirs[name], ours[name], where)) is not None:
                return found
    elif isinstance(raw, list) and isinstance(known, list | tuple):
        pairs = zip(cast("list[object]", raw), cast("list[object]", known), strict=True)
        for number, (theirs_item, ours_item) in enumerate(pairs):
            found = _unknown(theirs_item, ours_item, f"{place}[{number}]")
            if found is not None:
                return found
    return None
