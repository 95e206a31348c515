"""What reading one file comes to: bytes that mean the same wherever they were made."""

import os
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from dagwarden.facts import (
    Call,
    Dag,
    EmbeddedSecret,
    Excluded,
    Gap,
    GapReason,
    InlineWaiver,
    KeyReference,
    Origin,
    Record,
    SourceFile,
    Task,
)
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.records.seen import Seen

# The kinds of facts that an unread file may have held.
KINDS = ("dag", "task", "call")
# Where a repository, and Airflow's home, keep what DAG files import.
HELD_ELSEWHERE = ("plugins", "src")
# How a gap begins where Airflow takes nothing of a file, or would not.
REFUSES = "Airflow refuses the file: "


class Environment(Struct, frozen=True):
    """What a fact needs to know of its environment."""

    name: str
    airflow: str | None
    fingerprint: Fingerprint
    outside: Outside = Outside()
    # whether facts say from where each of their fields was read
    traced: bool = False
    # folders that DAG files were found in and that need not be their DAG folder
    undivided: tuple[Path, ...] = ()
    # folders that modules are imported from, beside the DAG folder and those of the root
    beside: tuple[Path, ...] = ()


class Outcome(Record, frozen=True, kw_only=True, array_like=True):
    """The facts of one file, and the gaps of reading it."""

    dags: tuple[Dag, ...] = ()
    tasks: tuple[Task, ...] = ()
    calls: tuple[Call, ...] = ()
    gaps: tuple[Gap, ...] = ()
    excluded: tuple[Excluded, ...] = ()
    inline_waivers: tuple[InlineWaiver, ...] = ()
    # the file and the modules that it imports
    files: tuple[SourceFile, ...] = ()
    # whether Airflow would load it
    loaded: bool = True
    embedded_secrets: tuple[EmbeddedSecret, ...] = ()
    key_references: tuple[KeyReference, ...] = ()
    # units that looking into it took, where a bound counts them
    work: int = 0


class Read(msgspec.Struct, frozen=True, array_like=True):
    """
    One file, read: an `Outcome`, encoded, and all that was looked at for it.

    `seen` is None where reading the same again may come to something else.
    """

    outcome: msgspec.Raw
    seen: tuple[Seen, ...] | None


class FileReader(Protocol):
    """Reads one file after the other, each with the folder that it was found below."""

    def read(self, path: Path, folder: Path) -> Read:
        """Return what a file comes to, for other processes and other runs."""
        ...

    def outcome(self, path: Path, folder: Path) -> Outcome:
        """Return what a file comes to, for here and now."""
        ...

    def lost(self, path: Path, folder: Path) -> Read:
        """Return what a file comes to that ended the process that was to read it."""
        ...


class Reading(Struct, frozen=True):
    """One file for one reader."""

    reader: FileReader
    path: Path
    folder: Path


# Made when first needed: a commit hook keeps nothing.
@cache
def _decoder() -> "msgspec.msgpack.Decoder[Outcome]":
    return msgspec.msgpack.Decoder(Outcome)


# What of an outcome can be told in no output: halves of characters, numbers too large.
UNTELLABLE = (ValueError, OverflowError)


def encoded(outcome: Outcome) -> msgspec.Raw:
    """Return `outcome` as bytes; raises `UNTELLABLE`."""
    return msgspec.Raw(msgspec.msgpack.encode(outcome))


def decoded(outcome: msgspec.Raw) -> Outcome:
    """Return what `encoded` was given, numbers of the type that their field has."""
    return _decoder().decode(outcome)


def shown(path: Path, root: Path) -> str:
    """Return `path` as results show it: posix, relative to the root."""
    text, prefix = str(path), os.path.join(root, "")
    if text.startswith(prefix):
        text = text[len(prefix) :]
    else:
        text = Path(os.path.relpath(path, root)).as_posix()
    return text.encode("utf-8", "backslashreplace").decode()


def gap_at(
    source: str,
    reason: GapReason,
    detail: str,
    *,
    line: int | None = None,
    incomplete: bool = True,
) -> Gap:
    """Return the gap of DAGs that are not read, or not whole, without secrets."""
    return purged(
        Gap(
            reason=reason,
            origin=Origin(source=source, line=line),
            detail=detail,
            kinds=KINDS,
            incomplete=incomplete,
        )
    )
