"""The way in: every file of a repository, looked into for credentials in clear."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Excluded, Facts
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.records.outcome import Environment, Outcome
from dagwarden.sources.dags.together import MANY, Wanted, facts_of
from dagwarden.sources.embedded.file import Reader
from dagwarden.sources.embedded.walk import Walk


class RepositoryFiles(Struct, frozen=True):
    """The files of repositories: found, and what to make of what they come to."""

    wanted: Wanted
    walk: Walk
    detectors: tuple[str, ...]

    def read(self) -> Facts:
        """Read these files alone."""
        return facts_of([self])[0]

    def facts(self, outcomes: dict[Path, Outcome]) -> Facts:
        """Return the facts of the files, which come to `outcomes`."""
        walk = self.walk
        walked = purged(Outcome(gaps=tuple(walk.gaps), excluded=walk.excluded()))
        facts = _joined([walked, *outcomes.values()])
        return replace(facts, detectors=self.detectors)


def find_files(
    root: Path,
    places: Sequence[Path],
    *,
    only: Sequence[Path] | None,
    exclude: Sequence[str],
    inputs: Sequence[str] = (),
    fingerprint: Fingerprint,
    kingfisher: bool = False,
    cached: bool = False,
) -> RepositoryFiles:
    """
    Find the files below `places` that may hold credentials.

    With `only` just these files are looked into. `exclude` holds gitignore patterns
    relative to `root`, `inputs` are files that the scan reads as something else. What
    is passed over is counted, what cannot be read a gap; whatever a file holds, this
    raises nothing. `kingfisher` adds the patterns of the extra; raises ConfigError
    where it is missing. `cached` takes from an earlier run that a file that did not
    change holds nothing. Equal values have equal `credential`s, which mean nothing
    after this run: see `join`.
    """
    root = root.absolute()
    walk = Walk(root, exclude, frozenset(_absolute(root, inputs)))
    if only is None:
        for place in _absolute(root, places):
            walk.below(place)
    else:
        walk.files(_absolute(root, only))
    reader = Reader(root, fingerprint.of_run())
    detectors: tuple[str, ...] = ()
    if kingfisher:
        from dagwarden.sources.embedded.kingfisher import loaded, version

        detectors = (version(),)
        reader.kingfisher = loaded(root, cached=cached)
    cache = None  # fewer files are read before a store of earlier runs is
    if cached and len(walk.found) >= MANY:
        from dagwarden.sources.dags.cache import cache_for

        given = Environment("", detectors[0] if detectors else None, fingerprint)
        cache = cache_for(root, given, ())
    return RepositoryFiles(Wanted(lambda: reader, walk.found, cache), walk, detectors)


def _absolute(root: Path, paths: Iterable[Path | str]) -> list[Path]:
    return sorted({Path(os.path.normpath(root / path)) for path in paths})


def _joined(outcomes: Sequence[Outcome]) -> Facts:
    left_out: dict[tuple[str, str], int] = {}
    for outcome in outcomes:
        for one in outcome.excluded:
            key = one.what, one.reason
            left_out[key] = left_out.get(key, 0) + one.count
    return Facts(
        embedded_secrets=tuple(
            fact for outcome in outcomes for fact in outcome.embedded_secrets
        ),
        key_references=tuple(
            fact for outcome in outcomes for fact in outcome.key_references
        ),
        gaps=tuple(gap for outcome in outcomes for gap in outcome.gaps),
        excluded=tuple(
            Excluded(kind="embedded_secret", what=what, reason=reason, count=count)
            for (what, reason), count in sorted(left_out.items())
        ),
        inline_waivers=tuple(
            waiver for outcome in outcomes for waiver in outcome.inline_waivers
        ),
        files=tuple(file for outcome in outcomes for file in outcome.files),
    )
