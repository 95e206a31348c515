"""Reading one DAG file, with the modules that it imports."""

import gc
import os
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from inspect import currentframe
from itertools import chain
from pathlib import Path
from typing import Protocol

from msgspec import UNSET, Raw, Struct
from msgspec.structs import replace

from dagwarden.facts import Excluded, Gap, GapReason, InlineWaiver, SourceFile
from dagwarden.sources.credentials import purged
from dagwarden.sources.credentials.written import without, written_secrets
from dagwarden.sources.dags.airflow import assets, dag_factory
from dagwarden.sources.dags.airflow import world as meaning
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import SearchPlace, Source
from dagwarden.sources.dags.language.work import MAX_UNITS, TooMuchWork, allowance
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.bodies import Bodies
from dagwarden.sources.dags.records.calls import calls_of_file
from dagwarden.sources.dags.records.make import bare_facts, facts_of_file
from dagwarden.sources.dags.records.outcome import (
    HELD_ELSEWHERE,
    REFUSES,
    UNTELLABLE,
    Environment,
    Outcome,
    Read,
    encoded,
    gap_at,
    shown,
)
from dagwarden.sources.dags.records.seen import (
    Seen,
    Unreadable,
    look,
    look_into,
    nothing_at,
)
from dagwarden.sources.dags.unfollowed import left_out
from dagwarden.sources.dags.waivers import inline_waivers

# Bytes of source whose trees are kept for whoever imports them.
MAX_KEPT = 5_000_000
# Objects that following files leaves, many in circles, before those are looked for: the
# program has no collector running, and a file that imports a library leaves 100 MB.
MAX_LEFT = 500_000
# Calls in each other; how many fit into the stack of a thread is known.
MAX_FRAMES = 900
MAX_TEMPLATE = 100_000
# Folders around a file that are looked into for what it imports.
MAX_AROUND = 20


@contextmanager
def _frames(count: int) -> Generator[None, None, None]:
    """Allow `count` calls in each other, however deep this one is: the same anywhere."""
    before = sys.getrecursionlimit()
    depth, frame = 0, currentframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    sys.setrecursionlimit(depth + count)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class _Module(Struct, frozen=True):
    """What was found where a module may be."""

    source: Source | None
    file: SourceFile | None
    # None: what is there could not be read
    seen: Seen | None


class Found(Struct, frozen=True):
    """A module that was found."""

    source: Source
    file: SourceFile
    seen: Seen


class _Search(Struct, frozen=True):
    """The modules of one name in several places, and all that was looked at."""

    found: list[Found]
    looked: dict[Seen | None, None]


class Readable(Protocol):
    """What may hold DAGs, on the way to facts."""

    shown: str

    def read(self) -> Outcome:
        """Return what it tells, without secrets."""
        ...

    def seen(self) -> tuple[Seen, ...] | None:
        """Return all that was looked at, None where the outcome does not rest on it."""
        ...


class FileReader:
    """Reads the files of one environment, one after the other."""

    def __init__(self, root: Path, environment: Environment) -> None:
        """Read below `root`; the trees of imported modules are kept."""
        self.root = root
        self.environment = environment
        self.modules: dict[Path, _Module] = {}
        # by what may be the DAG folder: what is found in the usual places
        self.usual: dict[tuple[Path, ...], _Usual] = {}
        # folders that modules are imported from, beside the DAG folder
        held = (root / name for name in HELD_ELSEWHERE)
        self.places = (root, *held, *environment.beside)
        self.kept = 0
        # by the folder of a file: those around it that may be its DAG folder
        self.around: dict[str, tuple[Path, ...]] = {}

    def read(self, path: Path, folder: Path) -> Read:
        """Read one Python file, for other processes and other runs."""
        file = self.file(path, folder)
        outcome, content = self._told(file)
        return Read(content, self._lasting(outcome, file))

    def outcome(self, path: Path, folder: Path) -> Outcome:
        """Read one Python file, for here and now."""
        return self._told(self.file(path, folder))[0]

    def _told(self, file: "Readable") -> tuple[Outcome, Raw]:
        """Return what a file comes to, if it can be written, and how it is."""
        outcome = self._followed(file)
        try:
            return outcome, encoded(outcome)
        except UNTELLABLE:
            detail = "holds text or numbers that cannot be written"
            gap = gap_at(file.shown, "unsupported", detail)
            outcome = Outcome(gaps=(gap,))
            return outcome, encoded(outcome)

    def _lasting(self, outcome: Outcome, file: "Readable") -> tuple[Seen, ...] | None:
        """Return all that an outcome rests on, None where it is of this run only."""
        if not self.environment.fingerprint.kept:
            every = (task.secrets_known or task.secrets for task in outcome.tasks)
            known = (secrets for secrets in every if secrets is not UNSET)
            if any(one.fingerprint is not None for one in chain(*known)):
                return None
        return file.seen()

    def _followed(self, file: "Readable") -> Outcome:
        """Read one Python file as Airflow would look for DAGs in it."""
        with _frames(MAX_FRAMES):
            outcome = file.read()
        if self.kept > MAX_KEPT:
            self.modules.clear()
            self.usual.clear()
            self.kept = 0
        if gc.get_count()[0] > MAX_LEFT:
            gc.collect(0)  # of those since the last time only
        return outcome

    def lost(self, path: Path, folder: Path) -> Read:
        """Return what a file comes to that ended the process that was to read it."""
        file = File(self, path, folder)
        return Read(
            encoded(file.unread("unreadable", "reading it ends the process")), None
        )

    def file(self, path: Path, folder: Path) -> "Readable":
        """Return what reads the file at `path`."""
        return File(self, path, folder)

    def dag_folders(self, path: Path, folder: Path) -> tuple[Path, ...]:
        """
        Return what may be the DAG folder of the file at `path`, found below `folder`.

        Where nobody said which it is, it is any folder that the file is in.
        """
        if folder not in self.environment.undivided:
            return (folder,)
        beside = os.path.dirname(path)
        if beside not in self.around:
            places = [place for place in path.parents if _is_at(place, self.root)]
            self.around[beside] = tuple(places)
        around = self.around[beside]
        return around if len(around) <= MAX_AROUND else (folder,)

    def usual_for(self, folders: tuple[Path, ...]) -> "_Usual":
        """Return where files look for modules, one of `folders` being the DAG folder."""
        if folders not in self.usual:
            self.usual[folders] = _Usual(self, (*folders, *self.places))
        return self.usual[folders]

    def search(self, name: str, places: Iterable[Path]) -> _Search:
        """Look for the module `name` below `places`."""
        search = _Search([], {})
        for place in places:
            path = place.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                at = self._module_at(file, place)
                search.looked[at.seen] = None
                if at.source and at.file and at.seen:
                    search.found.append(Found(at.source, at.file, at.seen))
                    break
        return search

    def _module_at(self, path: Path, place: Path) -> _Module:
        """Return what is found where a module below `place` may be."""
        if path not in self.modules:
            self.modules[path] = self._look(path, place)
        return self.modules[path]

    def _look(self, path: Path, place: Path) -> _Module:
        seen = None
        try:
            if not path.is_file():
                return _Module(None, None, nothing_at(path))
            data, seen = look(path, self.root)
            self.kept += len(data)
            source = self.source(path, data, seen, place)
        except (Unreadable, OSError, ValueError):
            # named as a gap when it is read as a file of its own; a name imported
            # from it stays unresolved
            return _Module(None, None, seen)
        return _Module(source, source_file(source, data, seen), seen)

    def source(self, path: Path, data: bytes, seen: Seen, place: Path) -> Source:
        """Return a file as a module below `place`; raises `Unreadable`."""
        known = self.modules.get(path)
        if known is not None and known.source is not None and known.seen == seen:
            tree, secrets = known.source.tree, known.source.secrets
        else:
            tree, secrets = parsed(data), written_secrets(data.decode(errors="replace"))
        name, package = _module_name(path, place)
        return Source(shown(path, self.root), name, tree, package, secrets)


class _Usual:
    """Where modules are imported from, and what was found there."""

    def __init__(self, reader: FileReader, places: Iterable[Path]) -> None:
        self.reader = reader
        self.places = tuple(dict.fromkeys(places))
        # by name
        self.found: dict[str, _Search] = {}
        self.nothing: dict[str, dict[Seen | None, None]] = {}

    def search(self, name: str) -> _Search:
        """Look for the module `name`."""
        if name not in self.found:
            self.found[name] = self.reader.search(name, self.places)
        return self.found[name]

    def nothing_called(self, top: str) -> dict[Seen | None, None]:
        """Return what says that `top` is no module or package here; empty: it may be."""
        if top not in self.nothing:
            self.nothing[top] = dict.fromkeys(self._nothing_called(top))
        return self.nothing[top]

    def _nothing_called(self, top: str) -> list[Seen]:
        nothing: list[Seen] = []
        for place in map(str, self.places):
            path = os.path.join(place, top)
            if os.path.exists(path) or os.path.exists(f"{path}.py"):
                return []
            paths = (path, f"{path}.py") if os.path.isdir(place) else (place,)
            nothing += [Seen(os.fsencode(one)) for one in paths]
        return nothing


def _is_at(path: Path, root: Path) -> bool:
    return path == root or root in path.parents


class File:
    """
    One file on the way to its facts, and what was looked at for them.

    It finds what the file imports, for the interpreter.
    """

    def __init__(self, reader: FileReader, path: Path, folder: Path) -> None:
        """Stand for the file at `path`, which is in the DAG folder `folder`."""
        self.reader = reader
        self.path = path
        self.folder = folder
        self.folders = reader.dag_folders(path, folder)
        self.usual = reader.usual_for(self.folders)
        self.shown = shown(path, reader.root)
        self.looked: dict[Seen | None, None] = {}
        self.files: dict[str, SourceFile] = {}
        # what these write out as secrets
        self.secrets: frozenset[str] = frozenset()
        # whether reading the same again comes to the same
        self.lasting = True
        # where the code looks for modules, too: before all others, after, or anywhere
        self.searched: dict[SearchPlace, list[Path]] = {
            "first": [],
            "anywhere": [],
            "last": [],
        }
        self.lost = False

    def seen(self) -> tuple[Seen, ...] | None:
        """Return all that was looked at, None where the outcome does not rest on it."""
        if not self.lasting:
            return None
        seen = tuple(one for one in self.looked if one is not None)
        return seen if len(seen) == len(self.looked) else None

    def read(self) -> Outcome:
        """Return what the file tells, without secrets."""
        outcome = without(purged(self._outcome()), self.secrets)
        # by its path a file is told from the next: purged once all are known
        return replace(outcome, files=tuple(self.files.values()))

    def _outcome(self) -> Outcome:
        try:
            data, seen = self._content()
            self.looked[seen] = None
            if not _may_hold_dags(data):
                return self._without_dags()
            source = self._source(data, seen)
        except Unreadable as error:
            return self.unread(error.reason, error.detail, error.line)
        self._record(source, data, seen)
        self.secrets |= source.secrets
        try:
            with allowance(MAX_UNITS):
                return self._follow(source, data)
        except TooMuchWork as error:
            self.lasting = not error.by_the_clock
            # what was found so far may be wrong: it is a gap like a file not read
            return self.unread("timeout", "takes too long to follow")
        except (RecursionError, MemoryError):
            return self.unread("too_deep", "nested too deeply to follow")

    def _content(self) -> tuple[bytes, Seen]:
        return look(self.path, self.reader.root)

    def _source(self, data: bytes, seen: Seen) -> Source:
        return self.reader.source(self.path, data, seen, self.folder)

    def _record(self, source: Source, data: bytes, seen: Seen) -> None:
        self.files[source.path] = source_file(source, data, seen)

    def unread(
        self, reason: GapReason, detail: str, line: int | None = None
    ) -> Outcome:
        """Return that nothing is known of the file, and why."""
        # how deep is too deep, and what the system refuses, may be another next time
        self.lasting = self.lasting and reason not in ("too_deep", "unreadable")
        gap = gap_at(self.shown, reason, detail, line=line)
        return Outcome(gaps=(gap,), loaded=bool(self.looked))

    def _without_dags(self) -> Outcome:
        reason = "has not both words, airflow and dag: Airflow looks for no DAG in it"
        left = Excluded(kind="file", what=self.shown, reason=reason)
        return Outcome(excluded=(left,), loaded=False)

    def _follow(self, source: Source, data: bytes) -> Outcome:
        environment = self.reader.environment
        world = meaning.World(catalogue(), environment.outside, environment.airflow)
        world.handlers |= {**assets.handlers(world), **dag_factory.handlers(world)}
        interpreter = Interpreter(world, self)
        world.interpreter = interpreter
        module = interpreter.follow(source)
        for value in module.scope.names.values():
            if isinstance(value, meaning.Dag):
                value.exposed = True
        made = facts_of_file(world, source.path, environment)
        excluded = (*made.excluded, *left_out(interpreter, world, source))
        name = environment.name
        bodies = Bodies(world, interpreter, module, name, self.template)
        calls = calls_of_file(made.tasks, made.given, bodies)
        waivers: list[InlineWaiver] = []
        if b"dagwarden:" in data:
            # what people wrote there is judged, and then forgotten: it may hold anything
            self.lasting = False
            sites = [t.site for t in world.tasks if t.site.path == source.path]
            waivers = inline_waivers(source, data, sites)
        outcome = Outcome(
            dags=tuple(made.dags),
            tasks=tuple(made.tasks),
            calls=tuple(bare_facts(calls.calls)),
            gaps=(
                *self._gaps(interpreter),
                *_cut_short(bodies.cut_short),
                *map(_without_script, bodies.without_script),
            ),
            excluded=(*excluded, *calls.excluded),
            inline_waivers=tuple(waivers),
        )
        interpreter.let_go()
        return outcome

    def _gaps(self, interpreter: Interpreter) -> Iterator[Gap]:
        for unread in interpreter.unread:
            reason: GapReason = "malformed" if unread.broken else "unsupported"
            detail = f"{REFUSES}{unread.detail}"
            yield gap_at(
                unread.path,
                reason,
                detail if unread.broken else unread.detail,
                line=unread.line,
                incomplete=False,
            )
        for path, line in interpreter.too_deep:
            self.lasting = False
            yield gap_at(path, "too_deep", "nested too deeply to follow", line=line)

    def template(self, folder: str, name: str) -> tuple[str, str] | None:
        """Return path and text of the template `name` in a folder below the root."""
        root = self.reader.root
        file = Path(os.path.normpath(root / folder / name))
        held = self._held(file) if root in file.parents else None
        if held is None or len(held[0]) > MAX_TEMPLATE:
            return None
        try:
            return shown(file, root), held[0].decode()
        except UnicodeDecodeError:
            return None

    def _held(self, path: Path) -> tuple[bytes, Seen] | None:
        """Return what a file of the repository holds, None where it cannot be read."""
        try:
            data, seen = look(path, self.reader.root)
        except (Unreadable, ValueError):
            # where there is no file its name is a mere text, which may hold a secret
            self.lasting = False
            return None
        self.looked[seen] = None
        return data, seen

    @property
    def dags(self) -> str:
        """The DAG folder, relative to the root."""
        return shown(self.folder, self.reader.root)

    def content(self, path: str) -> bytes | None:
        """Return what a configuration file of the repository holds."""
        held = None if self.is_link(path) else self._held(self.reader.root / path)
        if held is None:
            return None
        data, seen = held
        digest, size = seen.digest.hex(), len(data)
        made = SourceFile(path=path, kind="config", sha256=digest, size=size)
        self.files.setdefault(path, made)
        return data

    def listed(self, path: str) -> list[tuple[str, bool]] | None:
        """Return the names in a folder of the repository, and which are folders."""
        if self.is_link(path):
            return None
        try:
            names, seen = look_into(self.reader.root / path)
        except (OSError, ValueError):
            # a file, or nothing: it may be a folder the next time
            self._held(self.reader.root / path)
            return None
        self.looked[seen] = None
        return names

    def is_link(self, path: str) -> bool:
        """Say whether a link stands at the path, or on the way to it."""
        whole = os.path.join(os.path.realpath(self.reader.root), path)
        try:
            linked = os.path.realpath(whole) != os.path.normpath(whole)
        except (OSError, ValueError):
            linked = True
        self.lasting = self.lasting and not linked
        return linked

    def find(self, name: str) -> Source | None:
        """Return a module of the repository, parsed; None if there is none."""
        top = name.partition(".")[0]
        if not top or top == "airflow" or top in sys.stdlib_module_names:
            return None
        if self.lost:
            return None
        for place in self.searched["first"]:
            if first := self._modules_below([place], name):
                return self._taken(first[0], name)
        packed = self._packed(name)
        if packed is not None:
            return packed
        nothing = self.usual.nothing_called(top)
        self.looked.update(nothing)
        several: list[Found] = []
        if not nothing:
            usual = self.usual.search(name)
            self.looked.update(usual.looked)
            several += self._others(usual.found)
        several += self._modules_below(self.searched["anywhere"], name)
        if any(one.seen.digest != several[0].seen.digest for one in several):
            # which place comes first is not the same everywhere
            return None
        found = several or self._modules_below(self.searched["last"], name)
        return self._taken(found[0], name) if found else None

    def _others(self, found: list[Found]) -> list[Found]:
        """Leave out the file itself, unless its folder is known as the DAG folder."""
        # redis.py imports the package of that name
        if self.folders == (self.folder,):
            return found
        return [one for one in found if one.source.path != self.shown]

    def _modules_below(self, places: Sequence[Path], name: str) -> list[Found]:
        if not places:
            return []
        search = self.reader.search(name, places)
        self.looked.update(search.looked)
        return search.found

    def _taken(self, found: Found, name: str) -> Source:
        self.files[found.source.path] = found.file
        self.secrets |= found.source.secrets
        return replace(found.source, name=name)

    def _packed(self, name: str) -> Source | None:
        """Return a module of the archive that the file is in."""
        return None

    def search(self, path: str | None, place: SearchPlace) -> None:
        """Look for modules in another folder, too; None: one that is not known."""
        if path is None:
            self.lost = True
        else:
            folders = self.searched[place]
            folders.insert(
                len(folders) if place == "last" else 0, self.reader.root / path
            )


def _cut_short(tasks: Iterable[meaning.Task]) -> Iterator[Gap]:
    """Tell of tasks whose code takes too long to follow, once for each place."""
    places: dict[tuple[str, int], list[meaning.Task]] = {}
    for task in tasks:
        places.setdefault((task.site.path, task.site.line), []).append(task)
    for (path, line), found in places.items():
        first = found[0].task_id
        name = f"the task {first}" if isinstance(first, str) else "a task"
        more = f" and {len(found) - 1} more" if found[1:] else ""
        detail = f"the code of {name}{more} takes too long to follow"
        yield gap_at(path, "timeout", detail, line=line)


def _without_script(task: meaning.Task) -> Gap:
    """Tell of a task whose command ends like the name of a file that is not there."""
    name = f"the task {task.task_id}" if isinstance(task.task_id, str) else "a task"
    detail = f"the script that the command of {name} names is not there"
    path, line = task.site.path, task.site.line
    return gap_at(path, "missing", detail, line=line, incomplete=False)


def source_file(source: Source, data: bytes, seen: Seen) -> SourceFile:
    """Return the record of a file that was read."""
    return SourceFile(
        path=source.path, kind="dag", sha256=seen.digest.hex(), size=len(data)
    )


def _may_hold_dags(data: bytes) -> bool:
    """Say whether Airflow would look into the file (its safe mode, 2.x and 3.x)."""
    lowered = data.lower()
    return b"airflow" in lowered and (b"dag" in lowered or b"asset" in lowered)


def _module_name(path: Path, folder: Path) -> tuple[str, bool]:
    # many files are read: texts, because paths are slow
    below, whole = os.path.join(folder, ""), str(path)
    if not whole.startswith(below):
        raise ValueError("a module outside the folder that it is looked for in")
    parts = whole[len(below) :].removesuffix(".py").split(os.sep)
    package = parts[-1] == "__init__"
    if package:
        parts.pop()
    return ".".join(parts) or "__init__", package
