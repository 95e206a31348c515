"""Reading the operator's registers: YAML files that hold one list of entries."""

from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import fields

from dagwarden.config import unknown_name
from dagwarden.errors import WaiverError, plainly, shown
from dagwarden.facts import Record
from dagwarden.files import read_regular
from dagwarden.policy.document import BadYaml, plain, read_tree

MAX_BYTES = 1_000_000
Entry = TypeVar("Entry", bound=Record)
_Document = dict[str, list[dict[str, object]] | None]


def read_register(path: Path, where: str, key: str, entry: type[Entry]) -> list[Entry]:
    """
    Return the entries under `key` of the YAML file at `path`.

    `where` is the file's name in messages. Raises WaiverError that names the file,
    the entry, the field and what to write.
    """
    document = _load(path, where, key)
    if set(document) - {key}:
        raise WaiverError(
            f"is not a mapping with the one key {key!r}",
            where=where,
            remedy=f"write a list under `{key}:`",
        )
    return [
        _entry(item, f"{where}: entry {number}", entry)
        for number, item in enumerate(document.get(key) or [], 1)
    ]


def _load(path: Path, where: str, key: str) -> _Document:
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise WaiverError(
            f"cannot be read ({error.strerror})",
            where=where,
            remedy=f"check `{key}` in the configuration",
        ) from None
    if len(data) > MAX_BYTES:
        raise WaiverError("is larger than 1 MB", where=where)
    try:
        return msgspec.convert(plain(read_tree(data)), _Document)
    except BadYaml as error:
        raise WaiverError(str(error), where=f"{where}:{error.line}") from None
    except msgspec.ValidationError as error:
        raise WaiverError(
            plainly(error), where=where, remedy=f"write a list under `{key}:`"
        ) from None


def _entry(item: dict[str, object], place: str, entry: type[Entry]) -> Entry:
    names = [field.name for field in fields(entry)]
    required = [field.name for field in fields(entry) if field.required]
    for key in item:
        if key not in names:
            raise WaiverError(
                f"unknown field {shown(key)}",
                where=place,
                remedy=unknown_name(key, names),
            )
    for name in required:
        if item.get(name) in (None, "", []):
            raise WaiverError(
                f"has no {name}",
                where=place,
                remedy="an entry needs " + ", ".join(required),
            )
    try:
        return msgspec.convert(item, entry)
    except msgspec.ValidationError as error:
        day = "date" in str(error)
        remedy = "write a day as 2027-01-31" if day else ""
        raise WaiverError(plainly(error), where=place, remedy=remedy) from None
