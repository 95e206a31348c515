"""
Reading files for several readers: one that they share is read by all of them in a row.

DAGs and credentials are looked for in the same files, and two environments may have the
same DAGs. Read in a row, in one process, a file is parsed once: see `parse`.
"""

import os
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from dagwarden.facts import Facts
from dagwarden.sources.dags.records.outcome import (
    FileReader,
    Outcome,
    Read,
    Reading,
    decoded,
)

if TYPE_CHECKING:
    from dagwarden.sources.dags.cache import Cache

# Fewer files are read before anything that reads them faster is loaded.
MANY = 32
# How many files were read, of how many.
Progress = Callable[[int, int], None]


class Wanted(Struct, frozen=True):
    """
    The files that one reader is to read, with the folders that they were found below.

    `reader` makes it, if there is something to read; `cache` is what earlier runs know.
    """

    reader: Callable[[], FileReader]
    files: Mapping[Path, Path]
    cache: "Cache | None" = None


class Found(Protocol):
    """Files that were found, and what to make of what they come to."""

    @property
    def wanted(self) -> Wanted:
        """The files, and who reads them."""
        ...

    def facts(self, outcomes: dict[Path, Outcome]) -> Facts:
        """Return the facts of files that come to `outcomes`."""
        ...


def facts_of(
    found: Sequence[Found], progress: Progress = lambda done, total: None
) -> list[Facts]:
    """Read all that was `found`, and return the facts of each."""
    outcomes = read_files([one.wanted for one in found], progress)
    return [one.facts(its) for one, its in zip(found, outcomes, strict=True)]


def read_files(
    wanted: Sequence[Wanted], progress: Progress = lambda done, total: None
) -> list[dict[Path, Outcome]]:
    """Return what the files of each of `wanted` come to, in the order they are in."""
    known: list[dict[Path, Outcome | None]] = [
        {
            path: None if one.cache is None else one.cache.known(path, folder)
            for path, folder in one.files.items()
        }
        for one in wanted
    ]
    unknown = [
        (path, number)
        for number, outcomes in enumerate(known)
        for path, outcome in outcomes.items()
        if outcome is None
    ]
    unknown.sort(key=lambda one: os.fspath(one[0]))
    readers = {number: wanted[number].reader() for number in {n for _, n in unknown}}
    readings = [Reading(readers[n], path, wanted[n].files[path]) for path, n in unknown]
    with warnings.catch_warnings():
        # what the compiler says of escapes in scanned code is not about us
        warnings.simplefilter("ignore")
        if len(readings) < MANY and all(one.cache is None for one in wanted):
            for (path, number), one in zip(unknown, readings, strict=True):
                known[number][path] = one.reader.outcome(path, one.folder)
        else:
            caches = [one.cache for one in wanted]
            _read(unknown, readings, known, caches, progress)
    return [
        {path: outcome for path, outcome in outcomes.items() if outcome is not None}
        for outcomes in known
    ]


def _read(
    unknown: Sequence[tuple[Path, int]],
    readings: Sequence[Reading],
    known: Sequence[dict[Path, Outcome | None]],
    caches: Sequence["Cache | None"],
    progress: Progress,
) -> None:
    """Read what no earlier run knows, and keep it for the next."""
    # however this ends, no process is left
    with closing(_each(readings)) as reading:
        for done, (at, read) in enumerate(reading, 1):
            path, number = unknown[at]
            known[number][path] = decoded(read.outcome)
            cache = caches[number]
            if cache is not None:
                cache.keep(path, readings[at].folder, read)
            progress(done, len(readings))
    for cache in caches:
        if cache is not None:
            cache.save()


def _each(readings: Sequence[Reading]) -> Generator[tuple[int, Read], None, None]:
    """Read in several processes where that is faster; yield by number, in any order."""
    if len(readings) < MANY:
        for number, one in enumerate(readings):
            yield number, one.reader.read(one.path, one.folder)
        return
    from dagwarden.sources.dags.workers import read_all

    yield from read_all(readings)
