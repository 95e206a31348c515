"""One credential of all its places: by fingerprints that mean nothing after a run."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Connection,
    EmbeddedSecret,
    Facts,
    InlineWaiver,
    KeyReference,
    Secret,
    Task,
)

F = TypeVar("F", Task, Connection)


def joined(facts: Facts, *, keep: bool) -> Facts:
    """
    Say of each credential where it stands first, and to what it is given.

    Fingerprints stay only where the operator gave a key: `keep`.
    """
    first: dict[str, str] = {}
    carriers: dict[str, set[str]] = {}
    for value, carrier in _carriers(facts):
        carriers.setdefault(value, set()).add(carrier)
    told: list[EmbeddedSecret] = []
    met: set[tuple[str, int | None, str]] = set()
    holding = {fact.path for fact in facts.embedded_secrets if fact.credential}
    for fact in sorted(facts.embedded_secrets, key=_order):
        value = fact.credential
        if not value and fact.path in holding:
            continue
        # what a file holds may be told by others that import it, too
        at = fact.origin.source, fact.origin.line, value
        if value and at in met:
            continue
        met.add(at)
        if not value:
            told.append(fact)
            continue
        told.append(
            replace(
                fact,
                credential=first.setdefault(value, fact.id),
                carriers=tuple(sorted(carriers.get(value, ()))),
                fingerprint=value if keep else None,
            )
        )
    facts = replace(
        facts,
        embedded_secrets=tuple(told),
        key_references=_references(facts),
        inline_waivers=tuple(_waivers(facts.inline_waivers)),
    )
    return facts if keep else _without_fingerprints(facts)


def _waivers(every: Iterable[InlineWaiver]) -> Iterator[InlineWaiver]:
    """
    Yield each comment once, however many read its file.

    A DAG file is read as such, which tells the task that a comment covers, and is looked
    into for credentials, which tells their line.
    """
    read: dict[tuple[str, int, str], InlineWaiver] = {}
    for one in every:
        if one.comment is None:
            yield one
            continue
        key = one.origin.source, one.comment, one.text
        first = read.setdefault(key, one)
        if one.origin != first.origin:
            read[key] = replace(first, credentials=one.origin.line)
    yield from read.values()


def _references(facts: Facts) -> tuple[KeyReference, ...]:
    """Return what files name, but for what is known as a connection's credential."""
    told = {connection.origin.source for connection in facts.connections}
    return tuple(one for one in facts.key_references if one.path not in told)


def _order(fact: EmbeddedSecret) -> tuple[str, int, str]:
    return fact.origin.source, fact.origin.line or 0, fact.id


def _carriers(facts: Facts) -> Iterator[tuple[str, str]]:
    """
    Yield the fingerprint of each secret that a task or connection is given.

    Its finding is not shown beside those of its secrets, so it counts only where all of
    them stand in files of the repository.
    """
    here = {fact.credential for fact in facts.embedded_secrets}
    carrying: tuple[Task | Connection, ...] = (*facts.connections, *facts.tasks)
    for fact in carrying:
        values = _values(fact)
        if here.issuperset(values):
            yield from ((value, fact.id) for value in values)


def _values(fact: Task | Connection) -> list[str]:
    every = fact.secrets_known if fact.secrets is UNSET else fact.secrets
    return [one.fingerprint for one in every if one.fingerprint is not None]


def _without_fingerprints(facts: Facts) -> Facts:
    """Drop what tells equal values in this run only."""
    return replace(
        facts,
        tasks=tuple(map(_bare, facts.tasks)),
        connections=tuple(map(_bare, facts.connections)),
    )


def _bare(fact: F) -> F:
    if not _values(fact):
        return fact
    changed: dict[str, object] = {"secrets_known": _dropped(fact.secrets_known)}
    if fact.secrets is not UNSET:
        changed["secrets"] = _dropped(fact.secrets)
    return replace(fact, **changed)


def _dropped(secrets: tuple[Secret, ...]) -> tuple[Secret, ...]:
    bare = (replace(one, fingerprint=None) for one in secrets)
    return tuple(dict.fromkeys(bare))
