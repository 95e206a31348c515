"""The way in: every file of a repository, looked into for credentials in clear."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path

from msgspec.structs import replace

from dagwarden.facts import Excluded, Facts
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.records.outcome import Environment, Outcome, decoded
from dagwarden.sources.embedded.file import Reader
from dagwarden.sources.embedded.walk import Walk

# Fewer files are read before anything that reads them faster is loaded.
MANY = 32
Progress = Callable[[int, int], None]


def read_embedded(
    root: Path,
    places: Sequence[Path],
    *,
    only: Sequence[Path] | None,
    exclude: Sequence[str],
    inputs: Sequence[str] = (),
    fingerprint: Fingerprint,
    kingfisher: bool = False,
    cached: bool = False,
    progress: Progress = lambda done, total: None,
) -> Facts:
    """
    Return the credentials in the files below `places`, and which files hold none.

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
    outcomes = outcomes_of(
        reader,
        walk.found,
        Environment("", detectors[0] if detectors else None, fingerprint),
        cached=cached,
        progress=progress,
    )
    walked = purged(Outcome(gaps=tuple(walk.gaps), excluded=walk.excluded()))
    return replace(_joined([walked, *outcomes]), detectors=detectors)


def _absolute(root: Path, paths: Iterable[Path | str]) -> list[Path]:
    return sorted({Path(os.path.normpath(root / path)) for path in paths})


def outcomes_of(
    reader: Reader,
    files: dict[Path, Path],
    given: Environment,
    *,
    cached: bool,
    progress: Progress,
) -> list[Outcome]:
    """Look into `files`, each with the folder that it was found below."""
    with warnings.catch_warnings():
        # what the compiler says of escapes in scanned code is not about us
        warnings.simplefilter("ignore")
        if len(files) < MANY:
            return [reader.outcome(path, folder) for path, folder in files.items()]
        return _of_many(reader, files, given, cached=cached, progress=progress)


def _of_many(
    reader: Reader,
    files: dict[Path, Path],
    given: Environment,
    *,
    cached: bool,
    progress: Progress,
) -> list[Outcome]:
    from dagwarden.sources.dags.cache import cache_for
    from dagwarden.sources.dags.workers import read_all

    cache = cache_for(reader.root, given, ()) if cached else None
    known = {
        path: None if cache is None else cache.known(path, folder)
        for path, folder in files.items()
    }
    unknown = [(path, files[path]) for path in files if known[path] is None]
    with closing(read_all(reader, unknown)) as reading:
        for done, (path, read) in enumerate(reading, 1):
            known[path] = decoded(read.outcome)
            if cache is not None:
                cache.keep(path, files[path], read)
            progress(done, len(unknown))
    if cache is not None:
        cache.save()
    return [outcome for outcome in known.values() if outcome is not None]


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
