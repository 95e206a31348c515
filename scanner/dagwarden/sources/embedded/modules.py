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

# How far modules of one file import each other: in circles, too.
MAX_DEPTH = 5
_WHOLE = -1
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
# Modules that are kept for other files, and their names.
MAX_KEPT = 5_000
MAX_NAMES_KEPT = 200_000
# Names whose places are kept.
MAX_HAVING = 50_000
# What is installed comes first where Airflow looks.
_INSTALLED = frozenset({*sys.stdlib_module_names, "airflow", "google"})
_HELD_ELSEWHERE = ("plugins", "src")
_NOTHING: Mapping[str, Folded] = MappingProxyType({})


class _Module(Struct, frozen=True):
    """What reading one module came to, and what it rests on."""

    # its path, and how far it was followed where that was not to the end
    key: tuple[str, int]
    names: Mapping[str, Folded]
    # itself, and what says that modules are not where they might be
    seen: dict[Seen, None]
    imports: "tuple[_Module, ...]"
    # units that it took, what it imports left aside
    units: int
    # how far the modules below it import each other
    height: int
    # False: what was found may change without `seen` telling
    lasting: bool


class Shelf:
    """What is known of the modules below a root: for one file after the other."""

    def __init__(self, root: Path) -> None:
        """Look below `root`."""
        self.root = root
        # by path and how far modules were followed from there
        self.modules: dict[tuple[str, int], _Module] = {}
        self._names = 0
        # by folder and first part of a name: the places that have it, and what says
        # that the others do not
        self._having: dict[tuple[str, str], tuple[list[str], dict[Seen, None]]] = {}

    def known(self, path: str, depth: int) -> _Module | None:
        """Return what reading a module came to, its imports followed as far as `depth`."""
        whole = self.modules.get((path, _WHOLE))
        if whole is not None and whole.height <= depth:
            return whole
        return self.modules.get((path, depth))

    def keep(self, module: _Module) -> None:
        """Keep what reading a module came to."""
        if len(self.modules) >= MAX_KEPT or self._names > MAX_NAMES_KEPT:
            self.modules.clear()
            self._names = 0
        self.modules[module.key] = module
        self._names += len(module.names)

    def having(self, folder: str, top: str) -> tuple[list[str], dict[Seen, None]]:
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


def _having(places: Iterable[str], top: str) -> tuple[list[str], dict[Seen, None]]:
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
    return found, dict.fromkeys(nothing)


def _nothing(path: str) -> Seen:
    return Seen(os.fsencode(path))


class _Together:
    """What all that one file imports comes to: what was seen, and the units left."""

    def __init__(self) -> None:
        self.seen: dict[Seen, None] = {}
        self.lasting = True
        self.left = MAX_OF_ALL
        self.taken: set[tuple[str, int]] = set()

    def take(self, module: _Module) -> None:
        """Count a module, and those that it imports: each once."""
        waiting = [module]
        while waiting:
            one = waiting.pop()
            if one.key not in self.taken:
                self.taken.add(one.key)
                self.left -= one.units
                self.seen.update(one.seen)
                self.lasting = self.lasting and one.lasting
                waiting += one.imports


class Modules:
    """The modules that one file imports, and what was looked at to find them."""

    def __init__(
        self, shelf: Shelf, path: Path, above: "Modules | None" = None
    ) -> None:
        """Stand for the imports of the file at `path`, which `above` imports."""
        self.shelf = shelf
        self._folder = os.path.dirname(path)
        # what modules and packages at the top were looked for
        self._sought: set[str] = set()
        self._together: _Together = above._together if above else _Together()
        # how far modules are followed from here
        self._depth: int = above._depth - 1 if above else MAX_DEPTH
        # of this file alone
        self._own: dict[Seen, None] = {}
        self._imports: dict[tuple[str, int], _Module] = {}
        # whether all that it imports was followed to the end
        self._whole = True

    @property
    def seen(self) -> tuple[Seen, ...]:
        """All that was looked at."""
        return tuple(self._own | self._together.seen)

    @property
    def lasting(self) -> bool:
        """False: what was found may change without `seen` telling."""
        return self._together.lasting

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
                self._own.update(nothing)
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
            self._own[_nothing(file)] = None

    def _names(self, path: str) -> Mapping[str, Folded]:
        if not self._depth:
            self._whole = False
            return _NOTHING
        if self._together.left < 0:
            return self._nothing_more()
        module = self.shelf.known(path, self._depth - 1) or self._read(path)
        self._together.take(module)
        self._imports[module.key] = module
        self._whole = self._whole and module.key[1] == _WHOLE
        return self._nothing_more() if self._together.left < 0 else module.names

    def _nothing_more(self) -> Mapping[str, Folded]:
        pass_over()
        self._together.lasting = False
        return _NOTHING

    def _read(self, path: str) -> _Module:
        inner = Modules(self.shelf, Path(path), self)
        names: Mapping[str, Folded] = _NOTHING
        seen: dict[Seen, None] = {}
        lasting = True
        # of its own: the file that imports it is searched for as much as any
        with allowance(MAX_WORK) as reading, suppress(TooMuchWork):
            charge(_WORK_OF_MODULE)
            try:
                data, own = look(Path(path), self.shelf.root, MAX_SIZE)
                seen[own] = None
                charge(len(data) // _PARSED)
                tree = parsed(data)
                names = names_of(tree, shown(Path(path), self.shelf.root), inner)
            except Unreadable:
                lasting = False
        imports = tuple(inner._imports.values())
        module = _Module(
            key=(path, _WHOLE if inner._whole else inner._depth),
            names=names,
            seen=seen | inner._own,
            imports=imports,
            units=MAX_WORK - reading.left,
            height=max((one.height + 1 for one in imports), default=0),
            lasting=lasting,
        )
        if self._together.left >= 0:
            # otherwise not all was read that it imports
            self.shelf.keep(module)
        return module
