"""Reading the DAG folders of one environment; nothing in them is run or imported."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Dag,
    Excluded,
    Facts,
    Gap,
    GapReason,
    Task,
)
from dagwarden.files import read_regular
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.ignore import (
    Pattern,
    Syntax,
    glob_matches,
    is_ignored,
    patterns_in,
    syntax_of,
)
from dagwarden.sources.dags.language.work import TooMuchWork, allowance, left
from dagwarden.sources.dags.records.outcome import (
    HELD_ELSEWHERE,
    Environment,
    FileReader,
    Outcome,
    gap_at,
    shown,
)
from dagwarden.sources.dags.records.seen import MAX_SIZE, is_outside, why
from dagwarden.sources.dags.together import Wanted, facts_of

# Units of work for matching what all ignore files hold.
MAX_MATCHING = 1_500_000
# What every path adds to them: large repositories are none the worse.
MATCHING_OF_PATH = 200
MAX_FOLDERS = 100_000
IGNORE_FILE = ".airflowignore"
_NOTHING = Outside()
T = TypeVar("T")
# What Airflow looks for DAGs in.
_READ = (".py", ".zip")
# Configurations of dag-factory, and what a DAG file that loads them holds.
_CONFIGURATIONS = (".yaml", ".yml")
_LOADING = b"dagfactory"
# Folders of packages, which a search for DAGs would only be lost in.
_PACKAGES = frozenset({".venv", "node_modules"})


class DagFiles(Struct, frozen=True):
    """The DAG files of one environment: found, and what to make of what they come to."""

    wanted: Wanted
    walk: "_Walk"
    given: Environment
    # those that were asked for; None: all
    asked: set[Path] | None
    airflow_python: Path | None

    def read(self) -> Facts:
        """Read these files alone."""
        return facts_of([self])[0]

    def facts(self, outcomes: dict[Path, Outcome]) -> Facts:
        """Return the facts of the files, which come to `outcomes`."""
        walk = self.walk
        for path in walk.loaders & outcomes.keys():
            asked = set(map(walk.shown, self.asked or ()))
            outcomes[path] = _of(outcomes[path], asked)
        facts = _joined(walk.outcome(), *outcomes.values())
        if self.airflow_python is None:
            return facts
        from dagwarden.sources.dags.real.confirm import Asking, confirmed, givable

        variables = self.given.outside.variables
        asking = Asking(
            python=self.airflow_python,
            root=walk.root,
            files={
                path: walk.found[path]
                for path, one in outcomes.items()
                if one.loaded and path not in walk.loaders
            },
            environment=self.given,
            variables=variables,
            given=givable(variables),
            shown=walk.shown,
        )
        return purged(_in_order(confirmed(facts, asking)))


def find_dags(
    root: Path,
    environment: str,
    folders: Sequence[Path],
    *,
    only: Sequence[Path] | None,
    exclude: Sequence[str],
    airflow: str | None,
    fingerprint: Fingerprint,
    airflow_python: Path | None = None,
    outside: Outside = _NOTHING,
    traced: bool = False,
    cached: bool = False,
    guessed: bool = False,
    others: Sequence[Path] = (),
) -> DagFiles:
    """
    Find the DAG files below `folders`; their facts are without secrets.

    `only` limits it to these files (modules they import are still followed; of YAML
    among them the DAGs are read that dag-factory makes of it), `exclude` holds gitignore patterns relative to `root`, `airflow` is the version
    if known, `outside` what the environment gives DAG files when they run. A file
    that cannot be read is a gap; whatever a file holds, this raises nothing. With
    `airflow_python` the files are run, too: by the Airflow of that interpreter, whose
    facts replace or confirm the others. `traced`: they say from where each of their
    fields was read. `cached` takes from an earlier run what came of
    files that did not change, nor anything that they rest on. `guessed`: nobody said
    that `folders` are DAG folders; a whole repository need not be one. `others` are
    folders below them that are read for another environment.
    """
    root = root.absolute()
    walk = _Walk(root, airflow, environment, exclude)
    walk.others = {_absolute(root, folder) for folder in others}
    walk.guessed = guessed
    asked = None if only is None else {_absolute(root, path) for path in only}
    for folder in sorted({_absolute(root, folder) for folder in folders}):
        walk.folder(folder, asked)
    places = set(walk.found.values())
    given = Environment(
        environment,
        airflow,
        fingerprint,
        outside,
        traced,
        undivided=tuple(sorted(filter(_is_checkout(root), places if guessed else ()))),
        beside=_beside(root, sorted(places)),
    )
    cache = None
    if cached:
        from dagwarden.sources.dags.cache import cache_for

        cache = cache_for(root, given, sorted(set(walk.found.values())))

    def reader() -> FileReader:
        if any(path.suffix == ".zip" for path in walk.found):
            from dagwarden.sources.dags.packed import Reader

            return Reader(root, given)
        from dagwarden.sources.dags import file  # the interpreter

        return file.FileReader(root, given)

    wanted = Wanted(reader, walk.found, cache)
    return DagFiles(wanted, walk, given, asked, airflow_python)


def _joined(*outcomes: Outcome) -> Facts:
    """Return what files come to, one after the other, and the walk to them."""
    excluded: dict[tuple[str, str, str], int] = {}
    for outcome in outcomes:
        for one in outcome.excluded:
            key = one.kind, one.what, one.reason
            excluded[key] = excluded.get(key, 0) + one.count
    files = {file.path: file for outcome in outcomes for file in outcome.files}
    facts = Facts(
        dags=tuple(dag for outcome in outcomes for dag in outcome.dags),
        tasks=tuple(task for outcome in outcomes for task in outcome.tasks),
        calls=tuple(call for outcome in outcomes for call in outcome.calls),
        # a gap in a module is met again by every file that imports it
        gaps=tuple({gap: None for outcome in outcomes for gap in outcome.gaps}),
        excluded=tuple(
            Excluded(kind=kind, what=what, reason=reason, count=count)
            for (kind, what, reason), count in sorted(excluded.items())
        ),
        inline_waivers=tuple(
            waiver for outcome in outcomes for waiver in outcome.inline_waivers
        ),
        files=purged(tuple(files[path] for path in sorted(files))),
    )
    return _in_order(facts)


def _of(outcome: Outcome, paths: set[str]) -> Outcome:
    """Return what an outcome tells of these files, and what could not be read."""
    tasks = tuple(task for task in outcome.tasks if task.origin.source in paths)
    kept = {task.id for task in tasks}
    return replace(
        outcome,
        dags=tuple(dag for dag in outcome.dags if dag.origin.source in paths),
        tasks=tasks,
        calls=tuple(call for call in outcome.calls if call.task in kept),
    )


def _is_checkout(root: Path) -> Callable[[Path], bool]:
    """Return what says whether a folder holds whatever a repository holds."""
    return lambda folder: folder == root or os.path.exists(folder / ".git")


def _beside(root: Path, folders: Sequence[Path]) -> tuple[Path, ...]:
    """
    Return where modules of DAG folders may lie, beside these and those of the root.

    An operator's configuration lies elsewhere than the repository does: it is the
    checkout around each, as far as `root`. Where Airflow has no checkout, as in a bucket of
    Composer, its home has `plugins` beside the DAG folder.
    """
    found: dict[Path, None] = {}
    for folder in folders:
        if folder == root:
            continue
        found[folder.parent / "plugins"] = None
        for place in (folder, *folder.parents):
            if place == root:
                break
            if (place / ".git").exists():
                found |= dict.fromkeys((place, *(place / at for at in HELD_ELSEWHERE)))
                break
    return tuple(found)


def _absolute(root: Path, path: Path) -> Path:
    return Path(os.path.normpath(root / path))


class _Walked(Struct, frozen=True):
    """A folder on the way down, with the patterns in force there."""

    path: Path
    real: str  # where it lies, whatever links led there
    patterns: tuple[Pattern, ...] = ()


# What a folder holds under one name: whether it is a folder, and whether a link.
_Listed = tuple[str, bool, bool]
# By this a virtual environment is told, whatever it is called.
_VENV: _Listed = ("pyvenv.cfg", False, False)


class _Walk:
    """Finds the DAG files of one environment, and tells what is left out."""

    def __init__(
        self, root: Path, airflow: str | None, environment: str, exclude: Sequence[str]
    ) -> None:
        self.root = root
        self.environment = environment
        self.exclude = exclude
        self.syntax: Syntax | None = syntax_of(airflow)
        # each with the DAG folder that it is in
        self.found: dict[Path, Path] = {}
        # those of them that were not asked for, but load a configuration that was
        self.loaders: set[Path] = set()
        self.gaps: list[Gap] = []
        self.excluded: list[Excluded] = []
        self.matching = MAX_MATCHING
        # folders that another environment is read from
        self.others: set[Path] = set()
        # whether what is walked need not be a DAG folder
        self.guessed = False

    def outcome(self) -> Outcome:
        """Return what the walk came to, without secrets."""
        return purged(Outcome(gaps=tuple(self.gaps), excluded=tuple(self.excluded)))

    def shown(self, path: Path) -> str:
        return shown(path, self.root)

    def gap(
        self, reason: GapReason, path: Path, detail: str, *, incomplete: bool = True
    ) -> None:
        gap = gap_at(self.shown(path), reason, detail, incomplete=incomplete)
        self.gaps.append(gap)

    def leave_out(self, kind: str, what: str, reason: str) -> None:
        self.excluded.append(Excluded(kind=kind, what=what, reason=reason))

    def folder(self, folder: Path, wanted: set[Path] | None) -> None:
        """Find the DAG files below one DAG folder."""
        if not folder.exists():
            self.gap("missing", folder, "no such file or folder")
            return
        if folder.is_file():
            # what else a commit hook is given is looked into for credentials only
            if folder.name.endswith(_READ) and (wanted is None or folder in wanted):
                whole = self.guessed and self.root in folder.parents
                self.found.setdefault(folder, self.root if whole else folder.parent)
            return
        files = 0
        configured = _configured(folder, wanted)
        for path in self._walk(folder, wanted, loaders=bool(configured)):
            files += 1
            self.found.setdefault(path, folder)
        if not self.loaders:
            for path in configured:
                self.leave_out("file", self.shown(path), "no DAG file loads it")
        apart = any(folder in other.parents for other in self.others)
        if wanted is None and not files and not apart:
            self.gap("missing", folder, "holds no Python file to read")
        for path in sorted(wanted or ()):
            if folder in path.parents and not path.exists():
                self.gap("missing", path, "no such file or folder")

    def _walk(
        self, folder: Path, wanted: set[Path] | None, *, loaders: bool
    ) -> Iterator[Path]:
        """
        Yield the Python files and archives below `folder` that are not left out.

        `loaders`: those that load configurations, too, wanted or not.
        """
        around = None
        if wanted is not None and not loaders:
            around = {parent for path in wanted for parent in path.parents}
        waiting = [_Walked(folder, os.path.realpath(folder))]
        visited: set[str] = set()
        while waiting:
            walked = waiting.pop()
            if not self._enter(walked, visited):
                continue
            listed = self._listed(walked.path)
            if walked.path != folder and _VENV in listed:
                shown = self.shown(walked.path)
                self.leave_out("folder", shown, "holds installed packages")
                continue
            patterns = walked.patterns
            if any(name == IGNORE_FILE for name, _, _ in listed):
                patterns = (*patterns, *self._patterns(walked.path, folder))
            below: list[_Walked] = []
            for name, is_folder, is_link in listed:
                if not is_folder and not name.endswith(_READ):
                    continue
                path = walked.path / name
                if is_folder:
                    needed = around is None or path in around
                    needed = needed and path not in self.others
                    if needed and self._kept(path, folder, patterns, is_folder=True):
                        # asked of the system, it costs a look at each folder above
                        real = os.path.join(walked.real, name)
                        real = os.path.realpath(path) if is_link else real
                        below.append(_Walked(path, real, patterns))
                elif (
                    wanted is None or path in wanted or (loaders and _loads(path))
                ) and self._kept(path, folder, patterns, is_folder=False):
                    if wanted is not None and path not in wanted:
                        self.loaders.add(path)
                    yield path
            waiting.extend(reversed(below))

    def _enter(self, walked: _Walked, visited: set[str]) -> bool:
        """Say whether to read a folder: not twice, and not outside the root."""
        path = walked.path
        if walked.real in visited or len(visited) > MAX_FOLDERS:
            detail = "a link leads to a folder that was read already"
            self.gap("unreadable", path, detail)
            return False
        visited.add(walked.real)
        if path.is_symlink() and is_outside(path, self.root):
            self.gap("unreadable", path, "a link leads out of the scanned root")
            return False
        return True

    def _listed(self, path: Path) -> list[_Listed]:
        try:
            with os.scandir(path) as entries:
                found = sorted(map(_entry, entries))
        except OSError as error:
            self.gap("unreadable", path, f"cannot list the folder: {why(error)}")
            return []
        for name, is_folder, _ in found:
            if is_folder and name in _PACKAGES:
                shown = self.shown(path / name)
                self.leave_out("folder", shown, "holds installed packages")
        hidden = {"__pycache__", ".git", *_PACKAGES}
        return [one for one in found if one[0] not in hidden]

    def _patterns(self, path: Path, folder: Path) -> list[Pattern]:
        file = path / IGNORE_FILE
        try:
            if not file.is_file():
                return []
            text = file.read_bytes()[:MAX_SIZE].decode("utf-8", "replace")
        except OSError as error:
            self.gap("unreadable", file, f"cannot read the file: {why(error)}")
            return []
        below = PurePosixPath(path.relative_to(folder).as_posix())
        found = self._within(file, lambda: patterns_in(text, below, self.syntax))
        for pattern in found or ():
            # what is no regular expression may well be meant as a glob
            if pattern.refused and (self.syntax == "regexp" or not pattern.text):
                detail = f"a pattern is not followed: {pattern.refused}"
                self.gap("malformed", file, detail, incomplete=False)
        return found or []

    def _within(self, path: Path, match: Callable[[], T]) -> T | None:
        """Return what `match` gives, None where there is no time left for it."""
        if self.matching > 0:
            self.matching += MATCHING_OF_PATH
            try:
                with allowance(self.matching):
                    found = match()
                    self.matching = left()
                    return found
            except TooMuchWork:
                self.matching = 0
                detail = f"the patterns of {IGNORE_FILE} take too long to match"
                self.gap(
                    "timeout", path, f"{detail}: from here on they are passed over"
                )
        return None

    def _kept(
        self,
        path: Path,
        folder: Path,
        patterns: Sequence[Pattern],
        *,
        is_folder: bool,
    ) -> bool:
        parts = PurePosixPath(self.shown(path)).parts if self.exclude else ()
        for pattern in self.exclude:
            if glob_matches(pattern, parts, folder=is_folder):
                kind = "folder" if is_folder else "file"
                self.leave_out(kind, self.shown(path), f"excluded by {pattern!r}")
                return False
        if not patterns:
            return True
        below = PurePosixPath(path.relative_to(folder).as_posix())
        answers = self._within(
            path,
            lambda: (
                is_ignored(patterns, below, "regexp", folder=is_folder),
                is_ignored(patterns, below, "glob", folder=is_folder),
            ),
        )
        if answers is None:
            return True
        as_regexp, as_glob = answers
        if self.syntax is None and as_regexp is not as_glob:
            detail = (
                f"{IGNORE_FILE} leaves it out in one major version of Airflow only;"
                f" set airflow of environment {self.environment}"
            )
            self.gap("unsupported", path, detail, incomplete=False)
            return True
        ignored = as_glob if self.syntax == "glob" else as_regexp
        if ignored:
            kind = "folder" if is_folder else "file"
            self.leave_out(kind, self.shown(path), f"left out by {IGNORE_FILE}")
        return not ignored


def _configured(folder: Path, wanted: set[Path] | None) -> list[Path]:
    """Return the configurations below `folder` that are asked for."""
    return sorted(
        path
        for path in wanted or ()
        if path.suffix in _CONFIGURATIONS and folder in path.parents and path.is_file()
    )


def _loads(path: Path) -> bool:
    """Say whether a file may load configurations of dag-factory."""
    try:
        return _LOADING in read_regular(path, MAX_SIZE)
    except OSError:
        return False


def _entry(entry: os.DirEntry[str]) -> _Listed:
    try:
        is_folder = entry.is_dir()
    except OSError:  # a link to itself; told when it is read as a file
        is_folder = False
    return entry.name, is_folder, entry.is_symlink()


def _in_order(facts: Facts) -> Facts:
    return replace(
        facts,
        dags=tuple(sorted(facts.dags, key=_order)),
        tasks=tuple(sorted(facts.tasks, key=_order)),
        calls=tuple(sorted(facts.calls, key=_order)),
        gaps=tuple(sorted(facts.gaps, key=_gap_order)),
    )


def _order(fact: Dag | Task | Call) -> tuple[str, int, str]:
    return fact.origin.source, fact.origin.line or 0, fact.id


def _gap_order(gap: Gap) -> tuple[str, int, str, str]:
    return gap.origin.source, gap.origin.line or 0, gap.detail, gap.reason
