"""Reading the DAG files of a zip archive, as Airflow imports them from it."""

from pathlib import Path

from msgspec.structs import replace

from dagwarden.facts import Gap, SourceFile
from dagwarden.sources.dags.archives import MAX_ARCHIVE, Archive, Refused, unpacked
from dagwarden.sources.dags.file import File, FileReader, Readable
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.records.outcome import Outcome, gap_at, shown
from dagwarden.sources.dags.records.seen import Seen, Unreadable, look


class Reader(FileReader):
    """Reads archives, too."""

    def file(self, path: Path, folder: Path) -> Readable:
        """Return what reads the file or archive at `path`."""
        archive = path.suffix == ".zip"
        return Packed(self, path, folder) if archive else super().file(path, folder)


class Packed:
    """One archive: what it holds, and the modules of it that were parsed."""

    def __init__(self, reader: Reader, path: Path, folder: Path) -> None:
        """Stand for the archive at `path`, which is in the DAG folder `folder`."""
        self.reader = reader
        self.path = path
        self.folder = folder
        self.shown = shown(path, reader.root)
        self.archive = Archive({}, frozenset(), ())
        self.file: SourceFile | None = None
        # empty until the archive was looked at
        self.looked: tuple[Seen, ...] = ()
        self.parsed: dict[str, Source | None] = {}
        self.members: list[_Member] = []

    def seen(self) -> tuple[Seen, ...] | None:
        """Return all that was looked at, None where the outcome does not rest on it."""
        found = dict.fromkeys(self.looked)
        for member in self.members:
            seen = member.seen()
            if seen is None:
                return None
            found |= dict.fromkeys(seen)
        return tuple(found) or None

    def read(self) -> Outcome:
        """Return what the files of the archive tell, without secrets."""
        try:
            data, seen = look(self.path, self.reader.root, MAX_ARCHIVE)
        except Unreadable as error:
            gap = gap_at(self.shown, error.reason, error.detail, line=error.line)
            return Outcome(gaps=(gap,), loaded=False)
        self.looked = (seen,)
        self.file = SourceFile(
            path=self.shown, kind="dag", sha256=seen.digest.hex(), size=len(data)
        )
        self.archive = unpacked(data)
        whole = Outcome(gaps=tuple(map(self._gap, self.archive.refused)), loaded=False)
        for name in self.archive.top():
            member = _Member(self, name)
            self.members.append(member)
            whole = _together(whole, member.read())
        return replace(whole, files=_once(whole.files))

    def _gap(self, refused: Refused) -> Gap:
        source = f"{self.shown}/{refused.member}" if refused.member else self.shown
        return gap_at(source, refused.reason, refused.detail)

    def module(self, member: str, data: bytes) -> Source | None:
        """Return a module of the archive, None where it cannot be parsed."""
        if member not in self.parsed:
            try:
                path = self.path / member
                found = self.reader.source(path, data, self.looked[0], self.path)
            except Unreadable:
                found = None
            self.parsed[member] = found
        return self.parsed[member]


class _Member(File):
    """One module at the top of an archive."""

    def __init__(self, packed: Packed, name: str) -> None:
        super().__init__(packed.reader, packed.path / name, packed.folder)
        self.folders = packed.reader.dag_folders(packed.path, packed.folder)
        self.usual = packed.reader.usual_for(self.folders)
        self.packed = packed
        self.name = name

    def _content(self) -> tuple[bytes, Seen]:
        return self.packed.archive.modules[self.name], self.packed.looked[0]

    def _source(self, data: bytes, seen: Seen) -> Source:
        return self.reader.source(self.path, data, seen, self.packed.path)

    def _record(self, source: Source, data: bytes, seen: Seen) -> None:
        if self.packed.file is not None:
            self.files[self.packed.shown] = self.packed.file

    def _packed(self, name: str) -> Source | None:
        below = name.replace(".", "/")
        for member in (f"{below}/__init__.py", f"{below}.py"):
            data = self.packed.archive.find(member)
            found = None if data is None else self.packed.module(member, data)
            if found is not None:
                self.secrets |= found.secrets
                return replace(found, name=name)
        return None


def _together(one: Outcome, other: Outcome) -> Outcome:
    return Outcome(
        dags=one.dags + other.dags,
        tasks=one.tasks + other.tasks,
        calls=one.calls + other.calls,
        gaps=one.gaps + other.gaps,
        excluded=one.excluded + other.excluded,
        inline_waivers=one.inline_waivers + other.inline_waivers,
        files=one.files + other.files,
        loaded=one.loaded or other.loaded,
    )


def _once(files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
    return tuple({file.path: file for file in files}.values())
