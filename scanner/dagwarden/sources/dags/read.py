"""Reading the DAG folders of one environment; nothing in them is run or imported."""

import ast
import hashlib
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Dag,
    Excluded,
    Facts,
    Gap,
    GapReason,
    InlineWaiver,
    Origin,
    SourceFile,
    Task,
)
from dagwarden.files import read_regular
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags import airflow as meaning
from dagwarden.sources.dags import assets
from dagwarden.sources.dags.bodies import Bodies
from dagwarden.sources.dags.calls import calls_of_file
from dagwarden.sources.dags.catalogue import catalogue
from dagwarden.sources.dags.ignore import (
    Pattern,
    Syntax,
    glob_matches,
    is_ignored,
    patterns_in,
    syntax_of,
)
from dagwarden.sources.dags.interpret import Interpreter
from dagwarden.sources.dags.objects import Source
from dagwarden.sources.dags.outside import Outside
from dagwarden.sources.dags.records import Environment, bare_facts, facts_of_file
from dagwarden.sources.dags.unfollowed import left_out
from dagwarden.sources.dags.waivers import inline_waivers
from dagwarden.sources.dags.work import MAX_UNITS, TooMuchWork, allowance, left

MAX_SIZE = 5_000_000
# Of code: words and punctuation. The parser takes up to a kilobyte for each.
MAX_TOKENS = 250_000
# Of f-strings: the parser of Python 3.11 reads one again for each of its fields.
MAX_FIELD_BYTES = 5_000_000_000
# Bytes of source whose trees are kept for whoever imports them.
MAX_KEPT = 5_000_000
# Units of work for matching what all ignore files hold.
MAX_MATCHING = 1_500_000
# What every path adds to them: large repositories are none the worse.
MATCHING_OF_PATH = 200
MAX_FOLDERS = 100_000
MAX_TEMPLATE = 100_000
IGNORE_FILE = ".airflowignore"
# The kinds of facts that an unread file may have held.
KINDS = ("dag", "task", "call")
# A gap in a module is met again by every file that imports it.
_LOOKED_BACK = 100
_NOTHING = Outside()
T = TypeVar("T")
_HELD_ELSEWHERE = ("plugins", "src")
# Folders of packages, which a search for DAGs would only be lost in.
_PACKAGES = frozenset({".venv", "node_modules"})


# Bytes that neither limit can be reached with.
_MAX_UNCHECKED = 70_000
_PUNCTUATION = b",.()[]{}:;=+-*/%&|^~<>!@\n"
_F_STRING = re.compile(rb"[fF][rR]?[\"']|[rR][fF][\"']")


class Unreadable(Exception):
    """A file cannot be read as Python."""

    def __init__(self, reason: GapReason, detail: str, line: int | None = None) -> None:
        """Say why in one line that quotes nothing of the file."""
        super().__init__(detail)
        self.reason: GapReason = reason
        self.detail = detail
        self.line = line


def read_dags(
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
) -> Facts:
    """
    Return the DAGs, tasks and calls of the files below `folders`.

    `only` limits it to these files (modules they import are still followed),
    `exclude` holds gitignore patterns relative to `root`, `airflow` is the version
    if known, `outside` what the environment gives DAG files when they run. A file
    that cannot be read is a gap; whatever a file holds, this raises nothing. With
    `airflow_python` the files are run, too: by the Airflow of that interpreter, whose
    facts replace or confirm the others.
    """
    around = Environment(environment, airflow, fingerprint, outside)
    reading = _Reading(root.absolute(), around, exclude)
    wanted = None if only is None else {_absolute(reading.root, p) for p in only}
    with warnings.catch_warnings():
        # what the compiler says of escapes in scanned code is not about us
        warnings.simplefilter("ignore")
        for folder in sorted({_absolute(reading.root, folder) for folder in folders}):
            reading.folder(folder, wanted)
    facts = reading.facts()
    if airflow_python is None:
        return facts
    from dagwarden.sources.dags.confirm import Asking, confirmed

    asking = Asking(
        python=airflow_python,
        root=reading.root,
        files=reading.asked_of_airflow,
        environment=reading.environment,
        variables=outside.variables,
        shown=reading.shown,
    )
    return _in_order(confirmed(facts, asking))


def _absolute(root: Path, path: Path) -> Path:
    return Path(os.path.normpath(root / path))


class _Walked(NamedTuple):
    """A folder on the way down, with the patterns in force there."""

    path: Path
    patterns: tuple[Pattern, ...]


class _Reading:
    """One reading of one environment's folders."""

    def __init__(
        self, root: Path, environment: Environment, exclude: Sequence[str]
    ) -> None:
        self.root = root
        # what paths below the root begin with
        self.prefix = os.path.join(root, "")
        self.environment = environment
        self.exclude = exclude
        self.syntax: Syntax | None = syntax_of(environment.airflow)
        self.modules: dict[Path, Source | None] = {}
        # folders that modules are imported from, beside the DAG folder
        self.places = (root, *(root / held for held in _HELD_ELSEWHERE))
        # by DAG folder: packages that are none of the repository's
        self.foreign: dict[Path, set[str]] = {}
        self.gaps: list[Gap] = []
        self.excluded: dict[tuple[str, str, str], int] = {}
        self.dags: list[Dag] = []
        self.tasks: list[Task] = []
        self.calls: list[Call] = []
        self.waivers: list[InlineWaiver] = []
        self.files: dict[str, SourceFile] = {}
        self.done: set[Path] = set()
        # the DAG files that Airflow would load, with the DAG folder of each
        self.asked_of_airflow: dict[Path, Path] = {}
        self.kept = 0
        self.matching = MAX_MATCHING

    def facts(self) -> Facts:
        excluded = (
            Excluded(kind=kind, what=what, reason=reason, count=count)
            for (kind, what, reason), count in sorted(self.excluded.items())
        )
        facts = Facts(
            dags=tuple(self.dags),
            tasks=tuple(self.tasks),
            calls=tuple(self.calls),
            gaps=tuple(self.gaps),
            excluded=tuple(excluded),
            inline_waivers=tuple(self.waivers),
            files=tuple(self.files[path] for path in sorted(self.files)),
        )
        return _in_order(facts)

    # ----------------------------------------------------------------------- paths

    def shown(self, path: Path) -> str:
        """Return `path` as results show it: posix, relative to the root."""
        text = str(path)
        if text.startswith(self.prefix):
            text = text[len(self.prefix) :]
        else:
            text = Path(os.path.relpath(path, self.root)).as_posix()
        return text.encode("utf-8", "backslashreplace").decode()

    def gap(
        self,
        reason: GapReason,
        path: Path,
        detail: str,
        *,
        line: int | None = None,
        incomplete: bool = True,
    ) -> None:
        origin = Origin(source=self.shown(path), line=line)
        made = Gap(
            reason=reason,
            origin=origin,
            detail=detail,
            kinds=KINDS,
            incomplete=incomplete,
        )
        if made not in self.gaps[-_LOOKED_BACK:]:
            self.gaps.append(made)

    def leave_out(self, kind: str, what: str, reason: str) -> None:
        key = kind, what, reason
        self.excluded[key] = self.excluded.get(key, 0) + 1

    # --------------------------------------------------------------------- folders

    def folder(self, folder: Path, wanted: set[Path] | None) -> None:
        """Read the DAG files below one DAG folder."""
        if not folder.exists():
            self.gap("missing", folder, "no such file or folder")
            return
        if folder.is_file():
            if wanted is None or folder in wanted:
                self.file(folder, folder.parent)
            return
        files = 0
        for path in self._walk(folder, wanted):
            files += 1
            self.file(path, folder)
        if wanted is None and not files:
            self.gap("missing", folder, "holds no Python file to read")
        for path in sorted(wanted or ()):
            if folder in path.parents and not path.exists():
                self.gap("missing", path, "no such file or folder")

    def _walk(self, folder: Path, wanted: set[Path] | None) -> Iterator[Path]:
        """Yield the Python files below `folder` that are not left out."""
        around = None if wanted is None else {p for w in wanted for p in w.parents}
        waiting = [_Walked(folder, ())]
        visited: set[str] = set()
        while waiting:
            walked = waiting.pop()
            if not self._enter(walked.path, visited):
                continue
            patterns = (*walked.patterns, *self._patterns(walked.path, folder))
            below: list[_Walked] = []
            for name, is_folder in self._listed(walked.path):
                path = walked.path / name
                if is_folder:
                    needed = around is None or path in around
                    if needed and self._kept(path, folder, patterns, is_folder=True):
                        below.append(_Walked(path, patterns))
                elif name.endswith(".py") and (wanted is None or path in wanted):
                    if self._kept(path, folder, patterns, is_folder=False):
                        yield path
                elif name.endswith(".zip") and wanted is None:
                    detail = "DAGs packed in a zip archive are not read"
                    self.gap("unsupported", path, detail)
            waiting.extend(reversed(below))

    def _enter(self, path: Path, visited: set[str]) -> bool:
        """Say whether to read a folder: not twice, and not outside the root."""
        real = os.path.realpath(path)
        if real in visited or len(visited) > MAX_FOLDERS:
            detail = "a link leads to a folder that was read already"
            self.gap("unreadable", path, detail)
            return False
        visited.add(real)
        if path.is_symlink() and self._is_outside(path):
            self.gap("unreadable", path, "a link leads out of the scanned root")
            return False
        return True

    def _is_outside(self, link: Path) -> bool:
        root = os.path.realpath(self.root)
        return os.path.commonpath([os.path.realpath(link), root]) != root

    def _listed(self, path: Path) -> list[tuple[str, bool]]:
        try:
            with os.scandir(path) as entries:
                found = [(entry.name, _is_folder(entry)) for entry in entries]
        except OSError as error:
            self.gap("unreadable", path, f"cannot list the folder: {_why(error)}")
            return []
        for name, is_folder in sorted(found):
            if is_folder and name in _PACKAGES:
                shown = self.shown(path / name)
                self.leave_out("folder", shown, "holds installed packages")
        hidden = {"__pycache__", ".git", *_PACKAGES}
        return sorted(item for item in found if item[0] not in hidden)

    def _patterns(self, path: Path, folder: Path) -> list[Pattern]:
        file = path / IGNORE_FILE
        try:
            if not file.is_file():
                return []
            text = file.read_bytes()[:MAX_SIZE].decode("utf-8", "replace")
        except OSError as error:
            self.gap("unreadable", file, f"cannot read the file: {_why(error)}")
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
                f" set airflow of environment {self.environment.name}"
            )
            self.gap("unsupported", path, detail, incomplete=False)
            return True
        ignored = as_glob if self.syntax == "glob" else as_regexp
        if ignored:
            kind = "folder" if is_folder else "file"
            self.leave_out(kind, self.shown(path), f"left out by {IGNORE_FILE}")
        return not ignored

    # ----------------------------------------------------------------------- files

    def file(self, path: Path, folder: Path) -> None:
        """Read one Python file as Airflow would look for DAGs in it."""
        if path in self.done:
            return
        self.done.add(path)
        try:
            data = self._content(path)
            if not _may_hold_dags(data):
                shown = self.shown(folder)
                self.leave_out("file", shown, "has not both words, airflow and dag")
                return
            self.asked_of_airflow[path] = folder
            source = self._source(path, data, folder)
        except Unreadable as error:
            self.gap(error.reason, path, error.detail, line=error.line)
            return
        try:
            with allowance(MAX_UNITS):
                self._follow(source, data, folder)
        except TooMuchWork:
            # what was found so far may be wrong: it is a gap like a file not read
            self.gap("timeout", path, "takes too long to follow")
        except (RecursionError, MemoryError):
            self.gap("too_deep", path, "nested too deeply to follow")
        if self.kept > MAX_KEPT:
            self.modules.clear()
            self.kept = 0

    def _content(self, path: Path) -> bytes:
        try:
            if not path.is_file():
                detail = "no regular file, or a link that leads nowhere"
                raise Unreadable("unreadable", detail)
            if path.is_symlink() and self._is_outside(path):
                detail = "a link leads out of the scanned root"
                raise Unreadable("unreadable", detail)
            data = read_regular(path, MAX_SIZE)
        except OSError as error:
            detail = f"cannot read the file: {_why(error)}"
            raise Unreadable("unreadable", detail) from None
        if len(data) > MAX_SIZE:
            raise Unreadable("too_large", f"larger than {MAX_SIZE // 1_000_000} MB")
        return data

    def _source(self, path: Path, data: bytes, folder: Path) -> Source:
        known = self.modules.get(path)
        if known is not None:
            return known
        tree = parsed(data)
        shown = self.shown(path)
        digest = hashlib.sha256(data).hexdigest()
        self.files[shown] = SourceFile(
            path=shown, kind="dag", sha256=digest, size=len(data)
        )
        name, package = _module_name(path, folder)
        return Source(shown, name, tree, package)

    def _follow(self, source: Source, data: bytes, folder: Path) -> None:
        world = meaning.World(catalogue(), self.environment.outside)
        world.handlers |= assets.handlers(world)
        interpreter = Interpreter(world, _Finder(self, folder))
        world.interpreter = interpreter
        module = interpreter.follow(source)
        for value in module.scope.names.values():
            if isinstance(value, meaning.Dag):
                value.exposed = True
        made = facts_of_file(world, source.path, self.environment)
        excluded = (*made.excluded, *left_out(interpreter, world, source))
        self.dags += made.dags
        self.tasks += made.tasks
        bodies = Bodies(
            world, interpreter, module, self.environment.name, self.template
        )
        calls = calls_of_file(made.tasks, made.given, bodies)
        self.calls += bare_facts(calls.calls)
        for one in (*excluded, *calls.excluded):
            self.leave_out(one.kind, one.what, one.reason)
        for unread in interpreter.unread:
            reason: GapReason = "malformed" if unread.broken else "unsupported"
            detail = f"Airflow refuses the file: {unread.detail}"
            self.gap(
                reason,
                self.root / unread.path,
                detail if unread.broken else unread.detail,
                line=unread.line,
                incomplete=False,
            )
        for path, line in interpreter.too_deep:
            where = self.root / path
            self.gap("too_deep", where, "nested too deeply to follow", line=line)
        if b"dagwarden:" in data:
            sites = [t.site for t in world.tasks if t.site.path == source.path]
            self.waivers += inline_waivers(source, data, sites)
        interpreter.let_go()

    def template(self, path: str, name: str) -> str | None:
        """Return the text of the template file `name` beside the DAG file `path`."""
        file = _absolute(self.root, (self.root / path).parent / name)
        try:
            if self.root not in file.parents:
                return None
            data = self._content(file)
            return data.decode() if len(data) <= MAX_TEMPLATE else None
        except (Unreadable, OSError, ValueError):
            return None

    def module(self, name: str, folder: Path) -> Source | None:
        """Return a module of the repository, parsed; None if there is none."""
        for place in (folder, *self.places):
            path = place.joinpath(*name.split("."))
            for file in (path / "__init__.py", path.with_name(f"{path.name}.py")):
                found = self._module_at(file, place)
                if found is not None:
                    return found._replace(name=name)
        return None

    def has(self, top: str, folder: Path) -> bool:
        """Say whether `top` may be a module or package of the repository."""
        names = top, f"{top}.py"
        places = (folder, *self.places)
        return any(
            os.path.exists(os.path.join(place, name))
            for place in places
            for name in names
        )

    def _module_at(self, path: Path, place: Path) -> Source | None:
        if path not in self.modules:
            self.modules[path] = None
            try:
                if path.is_file():
                    data = self._content(path)
                    self.modules[path] = self._source(path, data, place)
                    self.kept += len(data)
            except (Unreadable, OSError, ValueError):
                # named as a gap when it is read as a file of its own; a name
                # imported from it stays unresolved
                return None
        return self.modules[path]


class _Finder:
    """Finds the modules that the files of one DAG folder can import."""

    def __init__(self, reading: _Reading, folder: Path) -> None:
        self.reading = reading
        self.folder = folder
        # packages that are none of the repository's
        self.foreign = reading.foreign.setdefault(folder, {"", "airflow"})

    def find(self, name: str) -> Source | None:
        top = name.partition(".")[0]
        if top in self.foreign:
            return None
        if top in sys.stdlib_module_names or not self.reading.has(top, self.folder):
            self.foreign.add(top)
            return None
        return self.reading.module(name, self.folder)


def parsed(data: bytes) -> ast.Module:
    """Parse a file's bytes; raise `Unreadable` for whatever the parser refuses."""
    if b"\0" in data:
        raise Unreadable("encoding", "holds NUL bytes")
    _check_size(data)
    try:
        _check_encoding(data)
        return ast.parse(data)
    except SyntaxError as error:
        # text that is not in its encoding is a SyntaxError without a line
        encoding = "codec" in str(error.msg) or "encoding" in str(error.msg)
        reason: GapReason = "encoding" if encoding else "syntax"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        detail = (
            "not in the encoding it declares"
            if encoding
            else f"not valid Python {version}{_grammar(error.msg)}"
        )
        raise Unreadable(reason, detail, error.lineno or None) from None
    except (RecursionError, MemoryError):
        raise Unreadable("too_deep", "nested too deeply to parse") from None
    except (ValueError, OverflowError, LookupError):
        raise Unreadable("encoding", "not in the encoding it declares") from None


def _check_size(data: bytes) -> None:
    """Refuse what would take the parser too long, or too much memory."""
    if len(data) < _MAX_UNCHECKED:
        return
    words = len(data.split())
    tokens = words + len(data) - len(data.translate(None, _PUNCTUATION))
    fields = data.count(b"{") * len(data) > MAX_FIELD_BYTES
    if tokens > MAX_TOKENS or (fields and _F_STRING.search(data)):
        raise Unreadable("too_large", "holds more code than can be followed")


# What CPython says of a file where that cannot quote it.
_GRAMMAR = "|".join(
    [
        r"'[(\[{]' was never closed",
        r"unmatched '[)\]}]'",
        (
            r"closing parenthesis '[)\]}]' does not match"
            r" opening parenthesis '[(\[{]'( on line \d+)?"
        ),
        (
            r"unterminated (f-|triple-quoted |triple-quoted f-)?string literal"
            r" \(detected at line \d+\)"
        ),
        r"expected ':'",
        r"expected an indented block( after [a-z' ]+ on line \d+)?",
        r"unexpected indent",
        r"unindent does not match any outer indentation level",
        r"inconsistent use of tabs and spaces in indentation",
        r"invalid syntax(\. Perhaps you forgot a comma\?)?",
        r"positional argument follows keyword argument( unpacking)?",
    ]
)


def _grammar(said: str) -> str:
    return f": {said}" if re.fullmatch(_GRAMMAR, said) else ""


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself; told when it is read as a file
        return False


def _check_encoding(data: bytes) -> None:
    """
    Raise what Python raises for a file that is not in its encoding.

    The parser itself overlooks that in the bytes of a comment.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)


def _may_hold_dags(data: bytes) -> bool:
    """Say whether Airflow would look into the file (its safe mode, 2.x and 3.x)."""
    lowered = data.lower()
    return b"airflow" in lowered and (b"dag" in lowered or b"asset" in lowered)


def _module_name(path: Path, folder: Path) -> tuple[str, bool]:
    parts = list(path.relative_to(folder).with_suffix("").parts)
    package = parts[-1] == "__init__"
    if package:
        parts.pop()
    return ".".join(parts) or "__init__", package


def _why(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()


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


def _gap_order(gap: Gap) -> tuple[str, int, str]:
    return gap.origin.source, gap.origin.line or 0, gap.detail
