"""
What modules of the repository give to whoever imports them: names and their values.

A module is looked for where Airflow would, in the order in which that does: in the
folder of the file and those above it (one of them is the DAG folder), in `plugins` and
`src`. Where two of these have it, which is meant depends on where it runs: none is taken.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from msgspec import Struct

from dagwarden.sources.credentials.fold import Folded
from dagwarden.sources.credentials.python import names_of
from dagwarden.sources.credentials.work import (
    TooMuchWork,
    allowance,
    charge,
    pass_over,
)
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.outcome import shown
from dagwarden.sources.dags.records.seen import Seen, Unreadable, look

# How far modules of one file import each other.
MAX_DEPTH = 5
# Bytes of a module; a longer one holds data.
MAX_SIZE = 500_000
# Units of work for the names of one, and of all that one file imports. What is known of a
# module costs what reading it did: which file comes first decides nothing.
MAX_WORK = 500_000
MAX_OF_ALL = 2_000_000
# For looking at a module; bytes that are parsed for one.
_WORK_OF_MODULE = 1_000
_PARSED = 4
# Folders above a file that are looked into.
MAX_ABOVE = 8
# Modules whose names are kept for other files.
MAX_KEPT = 500
# Names whose places are kept.
MAX_HAVING = 50_000
# What is installed comes first where Airflow looks.
_INSTALLED = frozenset({*sys.stdlib_module_names, "airflow", "google"})
_HELD_ELSEWHERE = ("plugins", "src")
_NOTHING: Mapping[str, Folded] = MappingProxyType({})


class _Module(Struct, frozen=True):
    """The names of a module, and all that was looked at for them."""

    names: Mapping[str, Folded] = _NOTHING
    seen: tuple[Seen, ...] = ()
    # what that took, with the modules that it imports, and how far these import others
    units: int = 0
    height: int = 0


class Shelf:
    """What is known of the modules below a root: for one file after the other."""

    def __init__(self, root: Path) -> None:
        """Look below `root`."""
        self.root = root
        self.modules: dict[str, _Module] = {}
        # by folder and first part of a name: the places that have it, and what says
        # that the others do not
        self._having: dict[tuple[str, str], tuple[list[str], tuple[Seen, ...]]] = {}

    def having(self, folder: str, top: str) -> tuple[list[str], tuple[Seen, ...]]:
        """Return where `top` may be found for a file in `folder`, and where it is not."""
        known = self._having.get((folder, top))
        if known is None:
            if len(self._having) > MAX_HAVING:
                self._having.clear()
            known = self._having[folder, top] = _having(self._places(folder), top)
        return known

    def _places(self, folder: str) -> Iterator[str]:
        root = str(self.root)
        for _ in range(MAX_ABOVE):
            if not is_below(folder, root):
                break
            yield folder
            folder = os.path.dirname(folder)
        yield from (os.path.join(root, held) for held in _HELD_ELSEWHERE)


def is_below(path: str, root: str) -> bool:
    """Say whether `path` is `root`, or in it."""
    return path == root or path.startswith(os.path.join(root, ""))


def _having(places: Iterable[str], top: str) -> tuple[list[str], tuple[Seen, ...]]:
    found: list[str] = []
    nothing: list[Seen] = []
    for place in places:
        path = os.path.join(place, top)
        if os.path.exists(path) or os.path.exists(f"{path}.py"):
            found.append(place)
        elif os.path.exists(place):
            nothing += (_nothing(path), _nothing(f"{path}.py"))
        else:
            nothing.append(_nothing(place))
    return found, tuple(nothing)


def _nothing(path: str) -> Seen:
    return Seen(os.fsencode(path))


class Modules:
    """The modules that one file imports, and what was looked at to find them."""

    def __init__(
        self, shelf: Shelf, path: Path, above: "Modules | None" = None
    ) -> None:
        """Stand for the imports of the file at `path`, which `above` imports."""
        self.shelf = shelf
        self._folder = str(path.parent)
        # what modules and packages at the top were looked for
        self._sought: set[str] = set()
        self.seen: dict[Seen, None] = {}
        # False: what was found may change without `seen` telling
        self.lasting = True
        # False: another file may get more of the same module
        self.whole = True
        self._depth: int = above._depth + 1 if above else 0
        self._reading: tuple[str, ...] = (*(above._reading if above else ()), str(path))
        # how far modules below import each other, and the units that are left for all
        self._height = 0
        self._left: list[int] = above._left if above else [MAX_OF_ALL]

    def names_in(self, name: str, level: int) -> Mapping[str, Folded]:
        """Return the names of the module `name`, relative by `level` folders."""
        top = name.partition(".")[0]
        if (not level and top in _INSTALLED) or "/" in name or "\0" in name:
            return _NOTHING
        if level:
            places = self._above(level)
        else:
            places, nothing = self.shelf.having(self._folder, top)
            if top not in self._sought:
                self._sought.add(top)
                self.seen |= dict.fromkeys(nothing)
        found = [path for place in places for path in self._at(place, name)]
        return self._names(found[0]) if len(set(found)) == 1 else _NOTHING

    def is_foreign(self, name: str, level: int) -> bool:
        """Tell whether the repository has no package or module that `name` begins with."""
        if level:
            return False
        top = name.partition(".")[0]
        return top in _INSTALLED or not self.shelf.having(self._folder, top)[0]

    def _above(self, level: int) -> list[str]:
        folder = self._folder
        for _ in range(min(level - 1, MAX_ABOVE)):
            folder = os.path.dirname(folder)
        inside = level <= MAX_ABOVE and is_below(folder, str(self.shelf.root))
        return [folder] if inside else []

    def _at(self, place: str, name: str) -> Iterator[str]:
        path = os.path.join(place, *name.split(".")).rstrip("/")
        candidates = [os.path.join(path, "__init__.py")]
        if name:
            candidates.append(f"{path}.py")
        for file in candidates:
            if os.path.exists(file):
                yield file
                return
            self.seen[_nothing(file)] = None

    def _names(self, path: str) -> Mapping[str, Folded]:
        if path in self._reading or self._depth >= MAX_DEPTH or self._left[0] < 0:
            self.whole = self.lasting = False
            return _NOTHING
        known = self.shelf.modules.get(path)
        if known is None or self._depth + known.height >= MAX_DEPTH:
            known = self._read(path)
        else:
            self._left[0] -= known.units
        self._height = max(self._height, known.height + 1)
        if self._left[0] < 0:
            pass_over()
            self.whole = self.lasting = False
            return _NOTHING
        self.seen |= dict.fromkeys(known.seen)
        return known.names

    def _read(self, path: str) -> _Module:
        inner = Modules(self.shelf, Path(path), self)
        before = self._left[0]
        given = min(MAX_WORK, before)
        names: Mapping[str, Folded] = _NOTHING
        try:
            data, seen = look(Path(path), self.shelf.root, MAX_SIZE)
            # of its own: the file that imports it is searched for as much as any
            with allowance(given) as reading, suppress(TooMuchWork):
                charge(_WORK_OF_MODULE + len(data) // _PARSED)
                tree = parsed(data)
                names = names_of(tree, shown(Path(path), self.shelf.root), inner)
        except Unreadable:
            self._left[0] -= _WORK_OF_MODULE
            self.lasting = False
            return _Module()
        self._left[0] -= given - reading.left
        units = before - self._left[0]
        module = _Module(names, (seen, *inner.seen), units, inner._height)
        if inner.whole and inner.lasting:
            if len(self.shelf.modules) >= MAX_KEPT:
                self.shelf.modules.clear()
            self.shelf.modules[path] = module
        else:
            self.whole = self.lasting = False
        return module
