"""
Credentials in what git keeps of a repository: every commit that a ref leads to.

Each content is looked into once, as the file it was, by what looks into files. A value
that stands in a file today keeps its finding and gains its commits; one that only the
history holds is told at the last commit that holds it.
"""

import os
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple, TypeAlias

from msgspec.structs import replace

from dagwarden.facts import (
    HISTORY,
    SHORT_ID,
    Commits,
    EmbeddedSecret,
    Excluded,
    Facts,
    Gap,
    GapReason,
    InlineWaiver,
    merge,
)
from dagwarden.files import read_regular
from dagwarden.repository import MAX_ENTRIES, Objects, digest, objects_of
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.records.outcome import Outcome, shown
from dagwarden.sources.dags.together import Progress, Wanted, read_files
from dagwarden.sources.embedded.file import MAX_SIZE, Reader
from dagwarden.sources.embedded.walk import KIND, gap_at, passed_over_at

MAX_COMMITS = 100_000
MAX_BLOBS = 100_000
MAX_BYTES = 2_000_000_000
SECONDS = 600
# As many lie unpacked at a time.
_BATCH = 2_000
_BATCH_BYTES = 100_000_000
_MAX_NAME = 100


class _Place(NamedTuple):
    """Where a content stood: the newest commit that brought it, and its path."""

    commit: str
    path: str


# A file, by its path and its content.
_File: TypeAlias = tuple[str, str]


class _Span(NamedTuple):
    """The commits in which the same files hold credentials, by their order."""

    first: int
    last: int
    commits: int


class _Held(NamedTuple):
    """The commits that hold a credential, by their order, and its file in the last."""

    first: int
    last: int
    commits: int
    file: _File


def with_history(
    tree: Facts,
    root: Path,
    places: Sequence[Path],
    *,
    exclude: Sequence[str],
    fingerprint: Fingerprint,
    kingfisher: bool = False,
    cached: bool = False,
    progress: Progress = lambda done, total: None,
) -> Facts:
    """
    Return `tree`, what the files hold, with what the history of `places` holds.

    `exclude` holds gitignore patterns relative to `root`. What was not looked at is a
    gap. Contents are written to a folder that only this user may open, while they are
    looked into.
    """
    reader = Reader(root, fingerprint.of_run())
    if kingfisher:
        from dagwarden.sources.embedded.kingfisher import loaded

        reader.kingfisher = loaded(root, cached=cached)
    tops: dict[Path | None, list[Path]] = {}
    for place in places:
        here = place.absolute()
        with objects_of(here) as objects:
            tops.setdefault(objects.top if objects else None, []).append(here)
    for top, below in tops.items():
        with objects_of(top or root) as objects:
            if top is None or objects is None:
                detail = "is in no git repository that can be read: no history"
                gap = gap_at(
                    shown(below[0], root.absolute()), "missing", detail, incomplete=True
                )
                tree = merge(tree, Facts(gaps=(purged(gap),)))
                continue
            history = _History(objects, root.absolute(), below, exclude)
            tree = history.added_to(tree, reader, progress)
    return tree


class _History:
    """What one repository holds, below `places`."""

    def __init__(
        self,
        objects: Objects,
        root: Path,
        places: Sequence[Path],
        exclude: Sequence[str],
    ) -> None:
        self.objects = objects
        self.root = root
        self.places = [str(place) for place in places]
        self.exclude = exclude
        self.gaps: list[Gap] = []
        self.left_out: Counter[str] = Counter()
        self.blobs: dict[str, _Place] = {}
        # what each content came to
        self.facts: dict[str, list[EmbeddedSecret]] = defaultdict(list)
        self.waivers: dict[str, list[InlineWaiver]] = defaultdict(list)
        self.told: list[EmbeddedSecret] = []
        self.accepted: list[InlineWaiver] = []
        self._reasons: dict[str, str | None] = {}
        self._until = time.monotonic() + SECONDS

    def added_to(
        self,
        tree: Facts,
        reader: Reader,
        progress: Progress,
    ) -> Facts:
        """Return `tree` with what the history holds."""
        commits = self._commits()
        self.blobs = self._blobs(commits)
        loose = self._without_commit()
        self.blobs = {**loose, **self.blobs}
        self._submodules()
        clean = self._unchanged(self.blobs.keys())
        looked_into = set(clean.values())
        asked = self._bounded([one for one in self.blobs if one not in looked_into])
        self.look_into(asked, reader, progress)
        values = self.values_of(tree, clean)
        order = list(reversed(commits))
        spans, in_head = self.spans(order, values)
        told = _told(spans, values)
        now = {value for _, blob in in_head for value in values[blob]}
        commits_of = {
            value: _commits(
                order[one.first][0], order[one.last][0], one.commits, value in now
            )
            for value, one in told.items()
        }
        known = {fact.credential for fact in tree.embedded_secrets}
        for value, commits_here in commits_of.items():
            if value not in known:
                path, blob = told[value].file
                self._tell(value, blob, _Place(commits_here.last, path), commits_here)
                known.add(value)
        for blob, place in loose.items():
            for value in dict.fromkeys(fact.credential for fact in self.facts[blob]):
                if value and value not in known:
                    self._tell(value, blob, place, None)
                    known.add(value)
        self._tell_harmless()
        return merge(
            replace(
                tree,
                embedded_secrets=tuple(
                    replace(fact, commits=commits_of[fact.credential])
                    if fact.credential in commits_of
                    else fact
                    for fact in tree.embedded_secrets
                ),
            ),
            self._facts(),
        )

    def _facts(self) -> Facts:
        return Facts(
            embedded_secrets=purged(tuple(self.told)),
            gaps=purged(tuple(self.gaps)),
            excluded=tuple(
                Excluded(kind=KIND, what=HISTORY, reason=reason, count=count)
                for reason, count in sorted(self.left_out.items())
            ),
            inline_waivers=purged(tuple(self.accepted)),
        )

    def _tell(
        self, value: str, blob: str, where: _Place, commits: Commits | None
    ) -> None:
        """Tell of a credential that no file holds today, at its last commit."""
        fact = next(one for one in self.facts[blob] if one.credential == value)
        _, _, place = fact.id.partition(fact.path)
        at = self._at(where.commit, where.path, _member(fact.path))
        for waiver in self.waivers[blob]:
            if waiver.origin == replace(fact.origin, field=None):
                origin = replace(waiver.origin, source=at)
                self.accepted.append(replace(waiver, origin=origin))
        self.told.append(
            replace(
                fact,
                id=f"history:{at}{place}",
                origin=replace(fact.origin, source=at),
                path=at,
                commits=commits,
            )
        )

    def _tell_harmless(self) -> None:
        for blob, facts in self.facts.items():
            for fact in facts:
                if fact.secret is None:
                    at = self._named(blob, _member(fact.path))
                    origin = replace(fact.origin, source=at)
                    self.told.append(
                        replace(fact, id=f"history:{at}", origin=origin, path=at)
                    )

    def _gap(self, reason: GapReason, detail: str, *, incomplete: bool = True) -> None:
        self.gaps.append(gap_at(HISTORY, reason, detail, incomplete=incomplete))

    def _commits(self) -> list[tuple[str, str | None]]:
        if self.objects.shallow:
            detail = "a shallow clone: older commits are not here"
            self._gap("missing", f"{detail}; git fetch --unshallow brings them")
        commits = self.objects.commits(MAX_COMMITS + 1)
        if commits is None:
            self._gap("unreadable", "git cannot say what its commits are")
            return []
        if len(commits) > MAX_COMMITS:
            detail = f"commits before the newest {MAX_COMMITS:,} are not looked at"
            self._gap("too_large", detail)
        return commits[:MAX_COMMITS]

    def _blobs(self, commits: Sequence[tuple[str, str | None]]) -> dict[str, _Place]:
        """Return every content of a file that is asked for, the newest first."""
        found: dict[str, _Place] = {}
        told = 0
        for commit, changes in self.objects.changes(commits):
            told += 1
            for change in changes:
                if change.new is None or not self._below(change.path):
                    continue
                reason = self._why_not(change.path)
                if reason is not None:
                    self.left_out[reason] += 1
                else:
                    found.setdefault(change.new, _Place(commit, change.path))
        if told < len(commits):
            detail = f"git cannot say what {len(commits) - told:,} commits changed"
            self._gap("unreadable", detail)
        return found

    def _without_commit(self) -> dict[str, _Place]:
        """
        Return what a tag or another ref leads to, not by a commit.

        Its place is the object's id and the ref, with the path in it where it is a tree.
        """
        loose = self.objects.without_commit()
        if loose is None:
            self._gap("unreadable", "git cannot say what its refs lead to")
        found: dict[str, _Place] = {}
        for one in loose or ():
            if str(self.objects.top) not in self.places:
                self.left_out["at no path: a ref leads to it, not by a commit"] += 1
                continue
            files = {"": one.identifier}
            if one.is_tree:
                files = self.objects.blobs(one.identifier)
                if len(files) >= MAX_ENTRIES:
                    self._gap("too_large", f"{one.ref} leads to too many files")
            for path, blob in files.items():
                reason = self._why_not(path or one.ref)
                if reason is not None:
                    self.left_out[reason] += 1
                else:
                    name = f"{one.ref}/{path}" if path else one.ref
                    found.setdefault(blob, _Place(one.identifier, name))
        return found

    def _submodules(self) -> None:
        """Say that the history of another repository is not looked into."""
        head = self.objects.commit("HEAD")
        paths = self.objects.submodules(head) if head is not None else []
        if count := sum(map(self._below, paths)):
            detail = f"{count:,} submodules: each has a history of its own"
            self._gap(
                "missing", f"{detail}, which is not looked into", incomplete=False
            )

    def _below(self, path: str) -> bool:
        whole = f"{self.objects.top}/{path}"
        return any(whole == one or whole.startswith(f"{one}/") for one in self.places)

    def _why_not(self, path: str) -> str | None:
        if path not in self._reasons:
            self._reasons[path] = passed_over_at(self._shown(path), self.exclude)
        return self._reasons[path]

    def _shown(self, path: str) -> str:
        return shown(self.objects.top / path, self.root)

    def _unchanged(self, blobs: Set[str]) -> dict[str, str]:
        """Return the files of HEAD that lie as it has them: the scan looks into them."""
        head = self.objects.commit("HEAD")
        files = self.objects.blobs(head) if head is not None else {}
        return {
            path: identifier
            for path, identifier in files.items()
            if identifier in blobs
            and self._below(path)
            and self._why_not(path) is None
            and self._holds(path, identifier)
        }

    def _holds(self, path: str, identifier: str) -> bool:
        try:
            data = read_regular(self.objects.top / path, MAX_SIZE)
        except (OSError, ValueError):
            return False
        return digest(data) == identifier

    def _bounded(self, blobs: Sequence[str]) -> list[tuple[str, int]]:
        """Return those that are looked into, with their sizes; the rest are gaps."""
        sizes = self.objects.sizes(blobs)
        kept: list[tuple[str, int]] = []
        total = large = late = 0
        for one in blobs:
            size = sizes.get(one, 0)
            if size > MAX_SIZE:
                large += 1
            elif len(kept) >= MAX_BLOBS or total + size > MAX_BYTES:
                late += one in sizes
            elif one in sizes:
                total += size
                kept.append((one, size))
        if lost := len(blobs) - len(sizes):
            self._gap("missing", f"{lost:,} contents of files are not in this clone")
        if large:
            limit = f"{MAX_SIZE // 1_000_000} MB"
            detail = f"{large:,} contents of more than {limit} are not looked into"
            self._gap("too_large", detail, incomplete=False)
        self._not_looked_at(late)
        return kept

    def _not_looked_at(self, count: int) -> None:
        if count:
            detail = f"{count:,} contents of files, the oldest, are not looked into"
            self._gap("too_large", f"{detail}: there are too many")

    def look_into(
        self,
        blobs: Sequence[tuple[str, int]],
        reader: Reader,
        progress: Progress,
    ) -> None:
        """Look into each content under the name that it had."""
        done = 0
        for batch in _batches(blobs):
            if time.monotonic() > self._until:
                break
            before = done

            def tell(part: int, _: int, before: int = before) -> None:
                progress(before + part, len(blobs))

            with tempfile.TemporaryDirectory(prefix="dagwarden-") as name:
                folder = Path(name)
                files = self._written(batch, folder)
                reader.root = folder
                (outcomes,) = read_files([Wanted(lambda: reader, files)], tell)
                for outcome in outcomes.values():
                    self._take(purged(outcome), batch)
            done += len(batch)
            progress(done, len(blobs))
        if done < len(blobs):
            detail = f"{len(blobs) - done:,} contents of files, the oldest, are not"
            self._gap("timeout", f"{detail} looked into: it took too long")

    def _written(self, batch: Sequence[str], folder: Path) -> dict[Path, Path]:
        files: dict[Path, Path] = {}
        contents = self.objects.contents(batch)
        lost = 0
        for number, (one, data) in enumerate(zip(batch, contents, strict=True)):
            if data is None:
                lost += 1
                continue
            target = folder / str(number) / _name(self.blobs[one].path)
            target.parent.mkdir()
            target.write_bytes(data)
            files[target] = folder
        if lost:
            self._gap("unreadable", f"git cannot read {lost:,} contents of files")
        return files

    def _take(self, outcome: Outcome, batch: Sequence[str]) -> None:
        """Keep what a content came to, as of its commit and its path."""

        def placed(source: str) -> str:
            number, _, rest = source.partition("/")
            return self._named(batch[int(number)], rest.partition("/")[2])

        self.gaps += (
            replace(gap, origin=replace(gap.origin, source=placed(gap.origin.source)))
            for gap in outcome.gaps
        )
        for one in outcome.excluded:
            self.left_out[one.reason] += one.count
        for fact in outcome.embedded_secrets:
            number = int(fact.path.partition("/")[0])
            self.facts[batch[number]].append(fact)
        for waiver in outcome.inline_waivers:
            number = int(waiver.origin.source.partition("/")[0])
            self.waivers[batch[number]].append(waiver)

    def _named(self, blob: str, member: str = "") -> str:
        place = self.blobs[blob]
        return self._at(place.commit, place.path, member)

    def _at(self, commit: str, path: str, member: str) -> str:
        inner = f"/{member}" if member else ""
        return f"{commit[:SHORT_ID]}:{self._shown(path)}{inner}"

    def values_of(self, tree: Facts, clean: Mapping[str, str]) -> dict[str, set[str]]:
        """Return the credentials of each content that holds any."""
        shown_as = {self._shown(path): one for path, one in clean.items()}
        values: dict[str, set[str]] = defaultdict(set)
        for fact in tree.embedded_secrets:
            for path in _with_parents(fact.path) if fact.credential else ():
                if path in shown_as:
                    values[shown_as[path]].add(fact.credential)
        for blob, facts in self.facts.items():
            for fact in facts:
                if fact.credential:
                    values[blob].add(fact.credential)
        return values

    def spans(
        self, order: Sequence[tuple[str, str | None]], blobs: Collection[str]
    ) -> tuple[dict[frozenset[_File], _Span], frozenset[_File]]:
        """
        Return which commits have which files of these contents, and what HEAD has.

        A commit has what its first parent has, but for what it changed.
        """
        if not blobs:
            return {}, frozenset()
        parents = dict(order)
        held: dict[str, frozenset[_File]] = {}
        found: dict[frozenset[_File], _Span] = {}
        for number, (commit, changes) in enumerate(self.objects.changes(order)):
            files = held.get(parents[commit] or "", frozenset())
            gone = {(one.path, one.old or "") for one in changes} & files
            come = {
                (one.path, one.new)
                for one in changes
                if one.new is not None
                and one.new in blobs
                and self._below(one.path)
                and self._why_not(one.path) is None
            }
            if gone or come:
                files = (files - gone) | come
            held[commit] = files
            if files:
                span = found.get(files, _Span(number, number, 0))
                found[files] = _Span(span.first, number, span.commits + 1)
        head = self.objects.commit("HEAD") or ""
        return found, held.get(head, frozenset())


def _told(
    spans: Mapping[frozenset[_File], _Span], values: Mapping[str, set[str]]
) -> dict[str, _Held]:
    """Return of each credential what commits hold it, and the file in the last."""
    found: dict[str, _Held] = {}
    for files, span in sorted(spans.items(), key=lambda item: item[1].last):
        first_file: dict[str, _File] = {}
        for file in sorted(files, reverse=True):
            first_file.update(dict.fromkeys(values[file[1]], file))
        for value, file in first_file.items():
            known = found.get(value, _Held(span.first, 0, 0, file))
            first = min(known.first, span.first)
            found[value] = _Held(first, span.last, known.commits + span.commits, file)
    return found


def _commits(first: str, last: str, count: int, in_head: bool) -> Commits:
    ids = " to ".join(dict.fromkeys((first[:SHORT_ID], last[:SHORT_ID])))
    held = f"{count:,} commit holds it" if count == 1 else f"{count:,} commits hold it"
    head = "HEAD still does" if in_head else "HEAD does not"
    return Commits(
        first=first,
        last=last,
        count=count,
        in_head=in_head,
        told=f"In the git history {held} ({ids}); {head}.",
    )


def _batches(blobs: Sequence[tuple[str, int]]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for one, length in blobs:
        if batch and (len(batch) >= _BATCH or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += length
    if batch:
        yield batch


def _name(path: str) -> str:
    """Return what a file of this path may be called: its kind is told by its end."""
    name = path.rpartition("/")[2]
    if len(os.fsencode(name)) > _MAX_NAME:
        name = os.fsdecode(os.fsencode(name)[-_MAX_NAME:])
    return name if name not in ("", ".", "..") else "file"


def _member(path: str) -> str:
    """Return what a fact is about of a content: a member of an archive, or nothing."""
    return "/".join(path.split("/")[2:])


def _with_parents(path: str) -> Iterator[str]:
    """Yield a path and what it lies in: a member's archive is a file."""
    while path:
        yield path
        path = path.rpartition("/")[0]
