"""
Paths, and the files of the repository that a DAG file reads.

A path is known as far as it is said: `__file__` begins with the folder that holds the
scanned files where they run, and goes on as in the repository. So what a file reads
beside itself is read; what stands at a path of the Airflow worker is not known, and
nor is what a relative path leads to: where a worker runs is no matter of the files.
A folder holds what it holds in the repository.
"""

import fnmatch
import posixpath
import re
from ast import Div
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Protocol

from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.objects import Finder, Follower, Module
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    TOO_LARGE,
    as_scalar,
    joined,
)
from dagwarden.sources.dags.language.values import (
    ROOT,
    Arguments,
    Entries,
    Given,
    Items,
    Kind,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

_ELSEWHERE = Unknown("unreadable", "a file that is not of the repository")
_NOT_THERE = Unknown("unreadable", "a file that the repository does not hold")
_WRITTEN = Unknown("dynamic", "a file that is written")
_REST = Unknown("dynamic", "the rest of a file")
_PATH = Unknown("dynamic", "a path")
# What Python leaves beside modules.
_MADE = frozenset({"__pycache__", ".git"})
MAX_FOLDERS = 1_000


class Reader(Follower, Protocol):
    """Who follows a file that reads others."""

    # what it may have changed by now: "files", "yaml"
    altered: set[str]
    finder: Finder

    @property
    def module(self) -> Module:
        """The module whose code is being followed."""
        ...

    def awaited(self, value: Value) -> Value:
        """Return what waiting for `value` gives, if the last call made it."""
        ...

    def uncertain(self, follow: Callable[[], Value]) -> Value:
        """Return what `follow` gives, which may not be carried out."""
        ...


class Location(Thing):
    """A path of `pathlib`; `rooted`: it begins with the folder of the repository."""

    __slots__ = ("path", "reader", "rooted")

    def __init__(self, path: PurePosixPath, rooted: bool, reader: Reader) -> None:
        """`path` begins with a slash if it is rooted."""
        self.path = path
        self.rooted = rooted
        self.reader = reader

    def describe(self) -> str:
        """Return what a person would call it."""
        return "a path"

    def text(self) -> Value:
        """Return the path as text."""
        if not self.rooted:
            return as_scalar(str(self.path))
        rest = "" if str(self.path) == "/" else str(self.path)
        return Text((ROOT, rest) if rest else (ROOT,), _PATH)

    def at(self, path: PurePosixPath | str) -> "Location":
        """Return another path with the same beginning."""
        return Location(PurePosixPath(path), self.rooted, self.reader)

    def joined(self, *others: Value) -> Value:
        """Return `self / other / ...`."""
        found = self
        for other in others:
            right = located(other, self.reader)
            if right is None:
                return lost(computed(other) or _PATH)
            if right.rooted or right.path.is_absolute():
                found = right
            else:
                charge(len(found.path.parts))
                found = found.at(found.path / right.path)
        return found

    def binary(self, kind: type, other: Value, *, reflected: bool) -> Value:
        """Return `self / other`, or `other / self`."""
        if kind is not Div:
            return super().binary(kind, other, reflected=reflected)
        if not reflected:
            return self.joined(other)
        left = located(other, self.reader)
        return left.joined(self) if left is not None else _PATH

    def inside(self) -> str | None:
        """Return it relative to the root of the repository; None: it is elsewhere."""
        return _inside(str(self.path)) if self.rooted else None

    def order(self) -> object:
        """Return what sorting compares."""
        return (self.rooted, self.path)

    def attribute(self, name: str) -> Value:
        """Return what programs ask of a path."""
        # the name of the root is not known, and what is above it
        top = self.rooted and len(self.path.parts) < 2
        if name in ("name", "stem", "suffix"):
            known = not top and ".." not in self.path.parts[-1:]
            return str(getattr(self.path, name)) if known else _PATH
        if name == "suffixes" and not top:
            return Items("list", list[Value](self.path.suffixes))
        if name == "parent":
            return _PATH if top else self.at(self.path.parent)
        if name == "parents":
            above = [self.at(one) for one in self.path.parents]
            more = _PATH if self.rooted else None
            return Items("tuple", list[Value](above), more)
        if name == "parts" and not self.rooted:
            return Items("tuple", list[Value](self.path.parts))
        function = _PATH_METHODS.get(name)
        if function is None:
            return Unknown("dynamic", f"Path.{name}")
        return Method(name, lambda given: function(self, given))


def located(value: Value, reader: Reader) -> Location | None:
    """Return the path that `value` is, None if it is not known as one."""
    if isinstance(value, Location):
        return value
    if isinstance(value, str) and not isinstance(value, Given):
        charge(len(value) // 8)
        return Location(PurePosixPath(value), False, reader)
    rest = _below_root(value)
    return None if rest is None else Location(PurePosixPath(rest or "/"), True, reader)


def inside(value: Value, folder: Value = None) -> str | None:
    """
    Return a path relative to the root of the repository; None: it is elsewhere.

    One that does not begin with a slash goes on from `folder`.
    """
    if isinstance(value, str) and not isinstance(value, Given):
        above = None if value.startswith("/") else inside(folder)
        return None if above is None else _inside(f"{above}/{value}")
    if isinstance(value, Location):
        return value.inside() if value.rooted else inside(str(value.path), folder)
    rest = _below_root(value)
    return None if rest is None else _inside(rest)


def rooted(path: str) -> Value:
    """Return the text of a path that is given relative to the root."""
    return _rooted_text(f"/{path}" if path else "")


def _below_root(value: Value) -> str | None:
    """Return what follows the root in a text, None where that is not known."""
    if not isinstance(value, Text) or value.parts[:1] != (ROOT,):
        return None
    if len(value.parts) == 1:
        return ""
    rest = value.parts[1]
    known = isinstance(rest, str) and len(value.parts) == 2 and rest.startswith("/")
    return str(rest) if known else None


def _rooted_text(rest: str) -> Value:
    return Text((ROOT, rest) if rest else (ROOT,), _PATH)


def _inside(path: str) -> str | None:
    """Return `path` without dots, relative to the root; None if it leads out."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == ".." and not kept:
            return None
        if part == "..":
            kept.pop()
        elif part not in ("", "."):
            kept.append(part)
    return "/".join(kept)


# --------------------------------------------------------------------- what is there


def content(value: Value, reader: Reader) -> bytes | Unknown:
    """Return what the file at the path `value` holds."""
    location = located(value, reader)
    path = location.inside() if location is not None else None
    if path is None:
        return _ELSEWHERE if location is not None else lost(computed(value) or _PATH)
    if "files" in reader.altered:
        return _WRITTEN
    charge(100)
    found = reader.finder.content(path)
    if found is None:
        return _NOT_THERE
    charge(len(found) // 16)
    return found


def _listed(location: Location) -> list[tuple[str, bool]] | Unknown:
    """Return the names in a folder, and which are folders."""
    path = location.inside()
    if path is None:
        return _ELSEWHERE
    if "files" in location.reader.altered:
        return _WRITTEN
    charge(100)
    found = location.reader.finder.listed(path)
    if found is None or len(found) > MAX_ITEMS:
        return _NOT_THERE if found is None else TOO_LARGE
    charge(len(found))
    return sorted(one for one in found if one[0] not in _MADE)


def _is_there(location: Location, *, file: bool = True, folder: bool = True) -> Value:
    """Say whether something is there; what the repository lacks may come later."""
    path = location.inside()
    if path is None or "files" in location.reader.altered:
        return _ELSEWHERE if path is None else _WRITTEN
    is_folder = location.reader.finder.listed(path) is not None
    is_file = not is_folder and location.reader.finder.content(path) is not None
    if is_folder or is_file:
        return folder if is_folder else file
    return _NOT_THERE


class OpenFile(Thing):
    """A file that is open for reading; what was read once is not there again."""

    __slots__ = ("data", "level", "reader", "text_of")

    def __init__(self, data: bytes | Unknown, reader: Reader, *, binary: bool) -> None:
        """Hold all of it."""
        self.data: bytes | Unknown = data
        self.reader = reader
        self.level = reader.level
        self.text_of: Callable[[bytes], Value] = as_scalar if binary else decoded

    def describe(self) -> str:
        """Return what a person would call it."""
        return "a file"

    def unknown(self) -> Unknown:
        """Return why what it holds is not known."""
        return self.data if isinstance(self.data, Unknown) else super().unknown()

    def take(self) -> bytes | Unknown:
        """Return what is left of it, and leave nothing."""
        found = self.data if self.reader.level == self.level else _REST
        self.data = found if isinstance(found, Unknown) else _REST
        return found

    def _read(self, given: Arguments) -> Value:
        data = self.take()
        if given.positional or given.keywords or given.more or given.rest:
            return _REST
        return data if isinstance(data, Unknown) else self.text_of(data)

    def each(self) -> Value:
        """Return its lines."""
        text = self._read(Arguments([], {}))
        if not isinstance(text, (str, bytes)):
            return why_unknown(text) or _REST
        charge(len(text) // 8)
        # of what a text's `splitlines` ends lines at, a file knows one
        lines = re.findall("[^\n]*\n|[^\n]+$", text) if isinstance(text, str) else None
        return _REST if lines is None else Items("list", list[Value](lines))

    def attribute(self, name: str) -> Value:
        """Return what programs ask of a file."""
        if name == "read":
            return Method(name, self._read)
        if name == "readlines":
            return Method(name, lambda _: self.each())
        if name == "close":
            return Method(name, lambda _: None)
        self.data = _REST
        return super().attribute(name)

    def escaped(self) -> None:
        """Count it as read."""
        self.data = _REST

    def enter(self) -> Value:
        """Enter it as a context."""
        return self


def decoded(data: bytes) -> Value:
    """Return the text of a file, as reading it in UTF-8 gives it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return Unknown("dynamic", "a file that is not in UTF-8")
    return as_scalar(text.replace("\r\n", "\n").replace("\r", "\n"))


_ENCODINGS = frozenset({None, "utf-8", "utf8", "UTF-8", "UTF8", "utf_8"})


def _opened(value: Value, given: Arguments, first: int, reader: Reader) -> Value:
    """Return what `open` gives; its mode is the argument at `first`."""
    mode = given.get("mode", first, "r")
    encoding = given.get("encoding", first + 2)
    others = given.more or given.rest or len(given.positional) > first + 1
    reading = isinstance(mode, str) and mode in ("r", "rt", "rb")
    if not reading:
        reader.altered.add("files")
    if not reading or others or given.keywords.keys() - {"file", "mode", "encoding"}:
        return OpenFile(_REST, reader, binary=False)
    if isinstance(encoding, (Unknown, Items, Entries, Thing)):
        return OpenFile(_REST, reader, binary=False)
    data = content(value, reader) if encoding in _ENCODINGS else _REST
    return OpenFile(data, reader, binary=mode == "rb")


def opened(reader: Reader, given: Arguments) -> Value:
    """Return what `open(...)` gives."""
    return _opened(given.get("file", 0), given, 1, reader)


# ------------------------------------------------------------------------ pathlib


def _read_text(location: Location, given: Arguments) -> Value:
    encoding = given.get("encoding", 0)
    others = given.more or given.rest or len(given.positional) > 1
    plain = encoding is None or isinstance(encoding, str)
    if others or not plain or encoding not in _ENCODINGS:
        return computed(encoding) or _REST
    data = content(location, location.reader)
    return data if isinstance(data, Unknown) else decoded(data)


def _read_bytes(location: Location, _: Arguments) -> Value:
    data = content(location, location.reader)
    return data if isinstance(data, Unknown) else as_scalar(data)


def _matched(location: Location, given: Arguments, *, below: bool) -> Value:
    pattern = given.get("pattern", 0)
    if not isinstance(pattern, str) or len(given.positional) != 1 or given.keywords:
        return computed(pattern) or _PATH
    parts = [*(["**"] if below else []), *pattern.split("/")]
    found = _glob(location, parts, hidden=True)
    return found if isinstance(found, Unknown) else _folder(found)


def _folder(found: list[Location], kind: Kind = "bag") -> Value:
    return Items(kind, list[Value](found))


def _glob(
    location: Location, parts: list[str], *, hidden: bool
) -> list[Location] | Unknown:
    """Return the paths below `location` that match, part by part."""
    if parts[-1] in ("**", "") or any("**" in p and p != "**" for p in parts):
        return Unknown("dynamic", "glob()")
    found = [location]
    for part in parts:
        step: list[Location] = []
        for place in found:
            one = _step(place, part, last=part is parts[-1], hidden=hidden)
            if isinstance(one, Unknown):
                return one
            step += one
            if len(step) > MAX_ITEMS:
                return TOO_LARGE
        found = step
    # `**` comes to a folder by more ways than one
    return list({str(one.path): one for one in found}.values())


def _step(
    place: Location, part: str, *, last: bool, hidden: bool
) -> list[Location] | Unknown:
    if part == "**":
        return _folders_below(place, hidden=hidden)
    if part in (".", ".."):
        return Unknown("dynamic", "glob()")
    listed = _listed(place)
    if isinstance(listed, Unknown):
        return listed
    if len(part) > 255 or part.count("*") > 8:
        return TOO_LARGE
    charge(10 * len(listed))
    pattern = re.compile(fnmatch.translate(part))
    seen = hidden or part.startswith(".")
    return [
        place.at(place.path / name)
        for name, is_folder in listed
        if (last or is_folder)
        and pattern.match(name)
        and (seen or not name.startswith("."))
    ]


def _folders_below(place: Location, *, hidden: bool) -> list[Location] | Unknown:
    found = [place]
    for one in found:
        listed = _listed(one)
        if isinstance(listed, Unknown) or len(found) > MAX_FOLDERS:
            return listed if isinstance(listed, Unknown) else TOO_LARGE
        found += [
            one.at(one.path / name)
            for name, is_folder in listed
            if is_folder and (hidden or not name.startswith("."))
        ]
    return found


def _iterdir(location: Location, _: Arguments) -> Value:
    listed = _listed(location)
    if isinstance(listed, Unknown):
        return listed
    return _folder([location.at(location.path / name) for name, _ in listed])


def _renamed(name: str) -> Callable[[Location, Arguments], Value]:
    def renamed(location: Location, given: Arguments) -> Value:
        new = given.get(name.removeprefix("with_"), 0)
        top = location.rooted and len(location.path.parts) < 2
        if not isinstance(new, str) or top or len(given.positional) > 1:
            return computed(new) or _PATH
        try:
            return location.at(getattr(location.path, name)(new))
        except ValueError:
            return _PATH

    return renamed


def _relative_to(location: Location, given: Arguments) -> Value:
    base = located(given.get("other", 0), location.reader)
    if base is None or base.rooted is not location.rooted or given.keywords:
        return _PATH
    try:
        return Location(location.path.relative_to(base.path), False, location.reader)
    except ValueError:
        return _PATH


def _resolved(location: Location, _: Arguments) -> Value:
    path = location.inside()
    if path is None:
        return _PATH
    if location.reader.finder.is_link(path):
        return _PATH
    return location.at(f"/{path}")


def _absolute(location: Location, _: Arguments) -> Value:
    return location if location.rooted or location.path.is_absolute() else _PATH


def _changing(location: Location, _: Arguments) -> Value:
    location.reader.altered.add("files")
    return _PATH


_PATH_METHODS: dict[str, Callable[[Location, Arguments], Value]] = {
    "joinpath": lambda one, given: one.joined(*given.positional),
    "resolve": _resolved,
    "absolute": _absolute,
    "expanduser": _absolute,
    "as_posix": lambda one, _: one.text(),
    "__str__": lambda one, _: one.text(),
    "__fspath__": lambda one, _: one.text(),
    "is_absolute": lambda one, _: one.rooted or one.path.is_absolute(),
    "relative_to": _relative_to,
    "with_suffix": _renamed("with_suffix"),
    "with_name": _renamed("with_name"),
    "with_stem": _renamed("with_stem"),
    "exists": lambda one, _: _is_there(one),
    "is_file": lambda one, _: _is_there(one, folder=False),
    "is_dir": lambda one, _: _is_there(one, file=False),
    "read_text": _read_text,
    "read_bytes": _read_bytes,
    "open": lambda one, given: _opened(one, given, 0, one.reader),
    "glob": lambda one, given: _matched(one, given, below=False),
    "rglob": lambda one, given: _matched(one, given, below=True),
    "iterdir": _iterdir,
    **dict.fromkeys(
        ("write_text", "write_bytes", "unlink", "rename", "replace", "touch"), _changing
    ),
    **dict.fromkeys(("mkdir", "rmdir", "symlink_to", "hardlink_to"), _changing),
}


def _path(reader: Reader, given: Arguments) -> Value:
    """Return what `pathlib.Path(...)` gives."""
    if given.more or given.rest:
        return given.more or given.rest
    return Location(PurePosixPath(), False, reader).joined(*given.positional)


# ------------------------------------------------------------------------ os.path


def _join(_: Reader, given: Arguments) -> Value:
    if given.more or given.rest or not given.positional:
        return given.more or given.rest or _PATH
    path, *others = (
        one.text() if isinstance(one, Location) else one for one in given.positional
    )
    for other in others:
        if _below_root(other) is not None or str(other)[:1] == "/":
            path = other
            continue
        end = path.parts[-1] if isinstance(path, Text) and path.parts else path
        if not isinstance(other, str) or not (end is ROOT or isinstance(end, str)):
            return lost(computed(path, other) or _PATH)
        ended = isinstance(end, str) and end[-1:] in ("", "/")
        path = joined([path, "" if ended else "/", other])
    return path


Function = Callable[[Reader, Arguments], Value]


def _on_text(known: Callable[[str], Value], below: Callable[[str], Value]) -> Function:
    """Make a function of a path: of a known text, and of what follows the root."""

    def function(_: Reader, given: Arguments) -> Value:
        value = given.positional[0] if len(given.positional) == 1 else None
        value = value.text() if isinstance(value, Location) else value
        if isinstance(value, str):
            charge(len(value) // 8)
            return known(value)
        rest = _below_root(value)
        if rest is None:
            return lost(computed(value, *given.keywords.values()) or _PATH)
        return below(rest)

    return function


def _pair(made: tuple[Value, Value]) -> Value:
    return Items("tuple", list(made))


def _head(rest: str) -> Value:
    # not even the folder above the root is known by its name
    return _rooted_text(rest[: rest.rfind("/")].rstrip("/")) if rest else _PATH


def _tail(rest: str) -> Value:
    return rest[rest.rfind("/") + 1 :] if rest else _PATH


def _without_extension(rest: str) -> Value:
    base, extension = posixpath.splitext(rest)
    return _pair((_rooted_text(base), extension)) if rest else _PATH


def _normal(rest: str) -> Value:
    path = _inside(rest)
    return _PATH if path is None else _rooted_text(f"/{path}" if path else "")


def _absolute_text(path: str) -> Value:
    return posixpath.normpath(path) if path.startswith("/") else _PATH


def _plain(path: str) -> Value:
    return _PATH if path.startswith("~") or "$" in path else path


def _real(reader: Reader, given: Arguments) -> Value:
    one = located(given.get("filename", 0), reader)
    found = _resolved(one, given) if one is not None else _PATH
    return found.text() if isinstance(found, Location) else found


def _there(name: str) -> Function:
    def there(reader: Reader, given: Arguments) -> Value:
        value = given.positional[0] if given.positional else None
        one = located(value, reader)
        if one is None:
            return lost(computed(value) or _PATH)
        return _is_there(one, file=name != "isdir", folder=name != "isfile")

    return there


def _relative(reader: Reader, given: Arguments) -> Value:
    path, start = (
        located(given.get(n, i), reader) for i, n in enumerate(("path", "start"))
    )
    if path is None or start is None or not (path.rooted and start.rooted):
        return _PATH
    return posixpath.relpath(str(path.path), str(start.path))


def _names(reader: Reader, given: Arguments) -> Value:
    one = located(given.get("path", 0), reader)
    listed = _listed(one) if one is not None else _PATH
    if isinstance(listed, Unknown):
        return listed
    return Items("bag", [name for name, _ in listed])


def _glob_texts(reader: Reader, given: Arguments) -> Value:
    one = located(given.get("pathname", 0), reader)
    recursive = given.keywords.get("recursive", False)
    if (
        one is None
        or not one.rooted
        or given.keywords.keys() - {"pathname", "recursive"}
    ):
        return computed(*given.positional) or _ELSEWHERE
    parts = list(one.path.parts[1:])
    first = next(
        (i for i, part in enumerate(parts) if re.search(r"[*?\[]", part)), None
    )
    if first is None or (recursive is not True and "**" in parts):
        return Unknown("dynamic", "glob()")
    found = _glob(one.at("/" + "/".join(parts[:first])), parts[first:], hidden=False)
    if isinstance(found, Unknown):
        return found
    return Items("bag", [path.text() for path in found])


def _package_files(reader: Reader, given: Arguments) -> Value:
    name = given.get("anchor", 0, given.keywords.get("package"))
    if not isinstance(name, str):
        return computed(name) or _PATH
    source = reader.finder.find(name)
    if source is None:
        return Unknown("import", name)
    return Location(PurePosixPath(f"/{source.path}").parent, True, reader)


def _changes(reader: Reader, given: Arguments) -> Value:
    reader.altered.add("files")
    return lost(_PATH, *given.positional)


_PATHS = ("Path", "PurePath", "PosixPath", "PurePosixPath")
# Functions that may change files.
_CHANGING = (
    *("os.remove", "os.unlink", "os.rename", "os.replace", "os.symlink", "os.link"),
    *("shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move"),
    *("shutil.copytree", "shutil.rmtree", "subprocess.run", "subprocess.call"),
    *(
        "subprocess.check_call",
        "subprocess.check_output",
        "subprocess.Popen",
        "os.system",
    ),
)

FUNCTIONS: dict[str, Function] = {
    **dict.fromkeys((f"pathlib.{name}" for name in _PATHS), _path),
    "builtins.open": opened,
    "io.open": opened,
    "os.path.join": _join,
    "os.path.dirname": _on_text(posixpath.dirname, _head),
    "os.path.basename": _on_text(posixpath.basename, _tail),
    "os.path.split": _on_text(
        lambda path: _pair(posixpath.split(path)),
        lambda rest: _pair((_head(rest), _tail(rest))) if rest else _PATH,
    ),
    "os.path.splitext": _on_text(
        lambda path: _pair(posixpath.splitext(path)), _without_extension
    ),
    "os.path.normpath": _on_text(posixpath.normpath, _normal),
    "os.path.abspath": _on_text(_absolute_text, _normal),
    "os.path.realpath": _real,
    "os.path.expanduser": _on_text(_plain, _rooted_text),
    "os.path.expandvars": _on_text(_plain, _rooted_text),
    "os.path.isabs": _on_text(posixpath.isabs, lambda _: True),
    "os.fspath": _on_text(lambda path: path, _rooted_text),
    "os.path.relpath": _relative,
    "os.path.exists": _there("exists"),
    "os.path.isfile": _there("isfile"),
    "os.path.isdir": _there("isdir"),
    "os.listdir": _names,
    "glob.glob": _glob_texts,
    "glob.iglob": _glob_texts,
    "importlib.resources.files": _package_files,
    **dict.fromkeys(_CHANGING, _changes),
}
