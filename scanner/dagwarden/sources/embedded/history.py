"""
Credentials in what git keeps of a repository: every commit that a ref leads to.

Each content is looked into once, in memory, as the file it was, by what looks into
files; messages of commits and tags are, too. A value that stands in a file today keeps
its finding and gains its commits; one that only the history holds is told at the last
commit that holds it.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

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
    message_of,
)
from dagwarden.files import read_regular
from dagwarden.repository import MAX_ENTRIES, Objects, digest, objects_of
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.records.outcome import Outcome, shown
from dagwarden.sources.dags.together import Progress, Wanted, read_files
from dagwarden.sources.embedded.file import MAX_SIZE, MAX_WORK, Contents
from dagwarden.sources.embedded.walk import KIND, gap_at, passed_over_at

MAX_COMMITS = 100_000
MAX_CONTENTS = 100_000
MAX_BYTES = 2_000_000_000
# Units of work for all contents together, see MAX_WORK: those of one file.
MAX_UNITS = 1_000_000_000
# As many are held at a time.
_BATCH = 500
_BATCH_BYTES = 25_000_000
# What is looked into at a time.
_What: TypeAlias = Literal["contents of files", "messages"]
# A message is a text that people write.
_MESSAGE = "message.md"


class _Place(NamedTuple):
    """
    Where a content stood: the newest commit that brought it, and its path.

    Of a message it is the commit, or the tag and its ref.
    """

    commit: str
    path: str
    message: Literal["commit", "tag"] | None = None


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
    gap.
    """
    reader = Contents({}, fingerprint.of_run())
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
        self.stood: dict[str, _Place] = {}
        # what each content came to
        self.facts: dict[str, list[EmbeddedSecret]] = defaultdict(list)
        self.waivers: dict[str, list[InlineWaiver]] = defaultdict(list)
        self.told: list[EmbeddedSecret] = []
        self.accepted: list[InlineWaiver] = []
        self._reasons: dict[str, str | None] = {}
        self._left = MAX_UNITS

    def added_to(
        self,
        tree: Facts,
        reader: Contents,
        progress: Progress,
    ) -> Facts:
        """Return `tree` with what the history holds."""
        commits = self._commits()
        blobs = self._blobs(commits)
        blobs = {**self._without_commit(), **blobs}
        messages = self._messages(commits)
        self.stood = {**blobs, **messages}
        self._submodules()
        clean = self._unchanged(blobs.keys())
        looked_into = set(clean.values())
        asked = [one for one in blobs if one not in looked_into]
        self.look_into("contents of files", asked, reader, progress)
        self.look_into("messages", list(messages), reader, progress)
        values = self.values_of(tree, clean)
        order = list(reversed(commits))
        spans, in_head = self.spans(order, values)
        told = _told(spans, values)
        said = _said(order, values)
        now = {value for _, blob in in_head for value in values[blob]}
        commits_of = {
            value: _commits(
                order, told.get(value), said.get(value, ()), in_head=value in now
            )
            for value in dict.fromkeys((*told, *said))
        }
        known = {fact.credential for fact in tree.embedded_secrets}
        for value, where in commits_of.items():
            if value in known:
                continue
            known.add(value)
            if value in told:
                path, blob = told[value].file
                self._tell(value, blob, _Place(where.last, path), where)
            else:
                self._tell(value, where.last, self.stood[where.last], where)
        self._tell_loose(known)
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
        at = self._at(where, _member(fact.path))
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

    def _tell_loose(self, known: set[str]) -> None:
        """Tell of credentials that are not `known`: no commit has them."""
        for blob, facts in self.facts.items():
            for value in dict.fromkeys(fact.credential for fact in facts):
                if value and value not in known:
                    known.add(value)
                    self._tell(value, blob, self.stood[blob], None)

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

    def _messages(self, commits: Sequence[tuple[str, str | None]]) -> dict[str, _Place]:
        """Return the messages of commits, the newest first, and of tags."""
        tags = self.objects.tags()
        if tags is None:
            self._gap("unreadable", "git cannot say what its tags are")
        found = {one: _Place(one, "", "commit") for one, _ in commits}
        found |= {one: _Place(one, ref, "tag") for one, ref in (tags or {}).items()}
        if str(self.objects.top) not in self.places:
            self.left_out["at no path: a message of a commit or tag"] += len(found)
            return {}
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

    def look_into(
        self, what: _What, asked: Sequence[str], reader: Contents, progress: Progress
    ) -> None:
        """Look into each content under the name that it had, the newest first."""
        contents = self._bounded(what, asked)
        done = 0
        # what a batch may take is left
        while done < len(contents) and (most := self._left // MAX_WORK):
            batch = _batch(contents[done : done + min(_BATCH, most)])
            reader.contents = self._read(what, batch)

            def tell(part: int, _: int, before: int = done) -> None:
                progress(before + part, len(contents))

            files = dict.fromkeys(reader.contents, Path())
            (outcomes,) = read_files([Wanted(lambda: reader, files)], tell)
            for outcome in outcomes.values():
                self._left -= outcome.work
                self._take(purged(outcome), batch)
            done += len(batch)
            progress(done, len(contents))
        if late := len(contents) - done:
            detail = f"{late:,} {what}, the oldest, are not looked into"
            self._gap("too_large", f"{detail}: it would take too long")

    def _bounded(self, what: _What, asked: Sequence[str]) -> list[tuple[str, int]]:
        """Return those that are looked into, with their sizes; the rest are gaps."""
        sizes = self.objects.sizes(asked)
        kept: list[tuple[str, int]] = []
        total = large = late = 0
        for one in asked:
            size = sizes.get(one, 0)
            if size > MAX_SIZE:
                large += 1
            elif len(kept) >= MAX_CONTENTS or total + size > MAX_BYTES:
                late += one in sizes
            elif one in sizes:
                total += size
                kept.append((one, size))
        if lost := len(asked) - len(sizes):
            self._gap("missing", f"{lost:,} {what} are not in this clone")
        if large:
            limit = f"{MAX_SIZE // 1_000_000} MB"
            detail = f"{large:,} {what} of more than {limit} are not looked into"
            self._gap("too_large", detail, incomplete=False)
        if late:
            detail = f"{late:,} {what}, the oldest, are not looked into"
            self._gap("too_large", f"{detail}: there are too many")
        return kept

    def _read(self, what: _What, batch: Sequence[str]) -> dict[Path, bytes]:
        """Return what each is, by its number in the batch and its name."""
        read: dict[Path, bytes] = {}
        contents = self.objects.contents(batch)
        for number, (one, data) in enumerate(zip(batch, contents, strict=True)):
            if data is None:
                continue
            place = self.stood[one]
            if place.message:  # behind the head of the commit or tag
                read[Path(str(number), _MESSAGE)] = data.partition(b"\n\n")[2]
            else:
                read[Path(str(number), place.path.rpartition("/")[2])] = data
        if lost := len(batch) - len(read):
            self._gap("unreadable", f"git cannot read {lost:,} {what}")
        return read

    def _take(self, outcome: Outcome, batch: Sequence[str]) -> None:
        """Keep what a content came to, as of its commit and its path."""

        def placed(source: str) -> str:
            number, _, member = source.partition("/")
            return self._named(batch[int(number)], member)

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
        return self._at(self.stood[blob], member)

    def _at(self, place: _Place, member: str) -> str:
        if place.message:
            ref = place.path.encode("utf-8", "backslashreplace").decode()
            return message_of(place.message, place.commit, ref)
        inner = f"/{member}" if member else ""
        return f"{place.commit[:SHORT_ID]}:{self._shown(place.path)}{inner}"

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


def _said(
    order: Sequence[tuple[str, str | None]], values: Mapping[str, set[str]]
) -> dict[str, list[int]]:
    """Return of each credential the commits whose messages hold it, by their order."""
    found: dict[str, list[int]] = {}
    for number, (commit, _) in enumerate(order):
        for value in sorted(values.get(commit, ())):
            found.setdefault(value, []).append(number)
    return found


def _commits(
    order: Sequence[tuple[str, str | None]],
    held: _Held | None,
    said: Sequence[int],
    *,
    in_head: bool,
) -> Commits:
    """Tell which commits hold a credential in their files, or say it in a message."""
    told: list[str] = []
    first = last = count = 0
    if said:
        first, last, count = said[0], said[-1], len(said)
        messages = "the message of 1 commit holds"
        if count > 1:
            messages = f"the messages of {count:,} commits hold"
        told.append(f"{messages} it ({_ids(order, first, last)})")
    if held is not None:
        first, last, count = held.first, held.last, held.commits
        files = f"{count:,} commit holds" if count == 1 else f"{count:,} commits hold"
        head = "HEAD still does" if in_head else "HEAD does not"
        told.insert(0, f"{files} it ({_ids(order, first, last)}); {head}")
    return Commits(
        first=order[first][0],
        last=order[last][0],
        count=count,
        in_head=in_head,
        told=f"In the git history {'; '.join(told)}.",
    )


def _ids(order: Sequence[tuple[str, str | None]], *numbers: int) -> str:
    return " to ".join(dict.fromkeys(order[one][0][:SHORT_ID] for one in numbers))


def _batch(contents: Sequence[tuple[str, int]]) -> list[str]:
    """Return the first ones, as many as are held at a time."""
    batch: list[str] = []
    size = 0
    for one, length in contents:
        size += length
        if batch and size > _BATCH_BYTES:
            break
        batch.append(one)
    return batch


def _member(path: str) -> str:
    """Return what a fact is about of a content: a member of an archive, or nothing."""
    return path.partition("/")[2]


def _with_parents(path: str) -> Iterator[str]:
    """Yield a path and what it lies in: a member's archive is a file."""
    while path:
        yield path
        path = path.rpartition("/")[0]
