"""
One call of the package `dag-factory`: from configurations in YAML to DAGs.

A configuration is merged with its defaults as the package does it; then every DAG,
group and task is made by calling what the configuration names, with the arguments
that it gives. So facts come out as they do of Python, and stand where the YAML does.
"""

import ast
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from dagwarden.sources.dags.airflow.configurations import Configuration, Refused
from dagwarden.sources.dags.airflow.configured import Maker, Release, why_not
from dagwarden.sources.dags.airflow.world import Dag, World
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.objects import Module, Namespace, Scope, Source
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Unknown,
    Value,
    same,
)
from dagwarden.sources.dags.language.work import charge

# An argument that is not given.
MISSING = Unknown("dynamic", "an argument that is not given")
NOT_READ = "a configuration of dag-factory that is not known is not read"

_SUFFIXES = (".yaml", ".yml")
_DEFAULTS = ("defaults.yml", "defaults.yaml")
# Keys at the top of a configuration that are no DAGs.
_NO_DAGS = ("default", "task_groups")


class Building:
    """One call of the package: from configurations to DAGs."""

    def __init__(self, world: World, given: Arguments, release: Release) -> None:
        """Stand for the call that was `given` these arguments."""
        self.maker = Maker(world, given.node, release)
        self.interpreter = world.interpreter
        self.finder = world.interpreter.finder
        target = given.get("globals_dict", 0, given.keywords.get("globals"))
        holder = target.holder if isinstance(target, Namespace) else None
        # where Airflow finds the DAGs
        self.module = holder if isinstance(holder, Module) else None
        # the folder where defaults are looked for, and defaults that are given
        self.root: str | Unknown = self.finder.dags
        self.default: Value = None

    def unread(self, detail: str) -> None:
        """Tell of what is not read, at the call of the package."""
        self.maker.unread(detail, self.maker.node)

    def defaults(self, place: Value) -> None:
        """Look for defaults at `place`, if it is given."""
        if place is not MISSING:
            found = self.maker.path(place)
            self.root = found if found is not None else why_not(place)

    # ----------------------------------------------------------------- configurations

    def one(self, file: Value, held: Value) -> None:
        """Make the DAGs of one configuration: a file, or a dictionary."""
        if isinstance(held, Entries):
            made = Configuration("")
            made.value = made.copied(held)
            self._build("", lambda: made, broken=True)
            return
        path = self.maker.path(file) if file is not None else None
        if path is None:
            self.unread(NOT_READ)
            return
        self._build_file(path, broken=True)

    def folder(self, place: Value, suffix: Value) -> None:
        """Make the DAGs of all configurations in a folder."""
        path = self.finder.dags if place is MISSING else self.maker.path(place)
        suffixes = list(_SUFFIXES)
        if isinstance(suffix, Items) and not suffix.more:
            suffixes = [one for one in suffix.items if isinstance(one, str)]
        elif suffix is not None:
            path = None
        if path is None:
            self.unread(NOT_READ)
            return
        for found in self._files(path):
            if found.endswith(tuple(suffixes)):
                self._build_file(found, broken=False)

    def _files(self, path: str) -> Iterator[str]:
        waiting = [path]
        while waiting:
            folder = waiting.pop(0)
            listed = self.finder.listed(folder)
            if listed is None:
                self.unread("a folder of configurations is not read")
                continue
            charge(10 * len(listed))
            if (".airflowignore", False) in listed:
                detail = "which files .airflowignore keeps from dag-factory is not read"
                self.unread(detail)
            for name, is_folder in sorted(listed):
                inside = str(PurePosixPath(folder, name))
                if is_folder:
                    waiting.append(inside)
                else:
                    yield inside

    def _build_file(self, path: str, *, broken: bool) -> None:
        def load() -> Configuration:
            data = self.finder.content(path)
            if data is None:
                raise Refused("no such file, or none that is read")
            return Configuration(path).loaded(data, self.maker.typed)

        self._build(path, load, broken=broken)

    def _build(
        self, path: str, load: Callable[[], Configuration], *, broken: bool
    ) -> None:
        """Make the DAGs of one configuration, or of none where one is refused."""
        made: list[Dag] = []
        with self._at(path):
            try:
                self.maker.configuration = load()
                for name, config in self._dags():
                    made.append(self.maker.dag(name, config))
                for dag in made:
                    self._register(dag)
            except Refused as why:
                self._refuse(why, made, broken=broken)

    def _refuse(self, why: Refused, made: list[Dag], *, broken: bool) -> None:
        for dag in made:
            dag.exposed = False
        if PurePosixPath(self.interpreter.module.path).name in _DEFAULTS:
            return  # it lies among configurations, and is none
        detail = f"dag-factory makes nothing of it: {why.detail}"
        place = ast.Pass(lineno=why.line, col_offset=0)
        self.interpreter.note(place, detail, broken=broken)

    @contextmanager
    def _at(self, path: str) -> Generator[None, None, None]:
        """Stand in the configuration, so that what is made is found there."""
        interpreter = self.interpreter
        outside = interpreter.scope
        if path:
            source = Source(path, "a configuration", ast.Module([], []), package=False)
            module = Module(source, interpreter.import_repository)
            interpreter.scope = Scope(module, None, interpreter.level)
        try:
            yield
        finally:
            interpreter.scope = outside

    # ------------------------------------------------------------------------ defaults

    def _given_defaults(self) -> Entries:
        """Return the defaults that stand in no configuration of DAGs."""
        if self.default is not None:
            copied = self.maker.configuration.copied(self.default)
            return copied if isinstance(copied, Entries) else _all_unknown(self.default)
        if isinstance(self.root, Unknown):
            return _all_unknown(self.root)
        old = self._defaults_in([self.root], _DEFAULTS[:1])
        old = Entries({k: v for k, v in old.items.items() if k == "default_args"})
        if self.maker.release == "old":
            return old
        new = self._defaults_in(self._folders(self.root), _DEFAULTS)
        return new if self.maker.release == "new" else _agreed(old, new)

    def _folders(self, root: str) -> list[str]:
        """Return the folders of defaults, the nearest last."""
        path = self.maker.configuration.path
        if not path:
            return [root]
        above = [str(one) for one in PurePosixPath(path).parents]
        if root in above:
            return above[above.index(root) :: -1]
        return [root, above[0]]

    def _defaults_in(self, folders: list[str], names: tuple[str, ...]) -> Entries:
        made = Entries({})
        arguments = Entries({})
        for folder in folders:
            found = self._default_file(folder, names)
            if found is None:
                continue
            inner = found.items.get("default_args")
            if isinstance(inner, Entries):
                arguments.items |= inner.items
                arguments.rest = arguments.rest or inner.rest
            made.items |= found.items
            made.rest = made.rest or found.rest
        if arguments.items or arguments.rest:
            made.items["default_args"] = arguments
        return made

    def _default_file(self, folder: str, names: tuple[str, ...]) -> Entries | None:
        for name in names:
            path = str(PurePosixPath(folder, name))
            data = self.finder.content(path)
            if data is not None:
                loaded = Configuration(path).loaded(data, self.maker.typed)
                if not isinstance(loaded.value, Entries):
                    raise Refused(f"{name} is no mapping")
                return loaded.value
        return None

    # ----------------------------------------------------------------------------- DAGs

    def _dags(self) -> list[tuple[str, Entries]]:
        """Return the DAGs by their ids, merged with all defaults."""
        whole = self.maker.configuration.value
        if not isinstance(whole, Entries):
            raise Refused("it is no mapping")
        if whole.rest is not None:
            self.maker.unread("which DAGs there are is not known")
        given = self._given_defaults()
        default = whole.items.get("default")
        common = Entries({}) if default is None else default
        if not isinstance(common, Entries):
            raise Refused("its default is no mapping")
        self._default_arguments(common, given)
        return [
            (name, self._merged(config, common, given))
            for name, config in self._written(whole)
        ]

    def _written(self, whole: Entries) -> list[tuple[str, Entries]]:
        """Return the DAGs as they are written; where one is none, all are refused."""
        found: list[tuple[str, Entries]] = []
        for name, config in whole.items.items():
            if name in _NO_DAGS:
                continue
            if not isinstance(config, Entries) or not isinstance(name, str):
                line = self.maker.configuration.line_of(whole, name)
                raise Refused("a DAG that is no mapping with a name", line or 1)
            found.append((name, config))
        return found

    def _merged(self, config: Entries, common: Entries, given: Entries) -> Entries:
        configuration = self.maker.configuration
        merged = configuration.duplicate(config)
        for key, value in given.items.items():
            if key != "default_args" and key not in merged.items:
                merged.items[key] = configuration.copied(value)
        merged.rest = merged.rest or given.rest
        configuration.merged(merged, configuration.duplicate(common))
        return merged

    def _default_arguments(self, common: Entries, given: Entries) -> None:
        """Put the `default_args` of `given` below those of `common`."""
        outer = given.items.get("default_args")
        if outer is None and given.rest is None:
            return
        inner = common.items.get("default_args", Entries({}))
        below = (
            outer if isinstance(outer, Entries) else _all_unknown(outer or given.rest)
        )
        if isinstance(inner, Entries):
            held = below.items | inner.items
            common.items["default_args"] = Entries(held, below.rest or inner.rest)

    def _register(self, dag: Dag) -> None:
        """Make it a name of the module: of two DAGs of one id the first is lost."""
        if self.module is not None and isinstance(dag.dag_id, str):
            self.module.scope.put(dag.dag_id, dag, self.interpreter.level)


def _all_unknown(value: Value) -> Entries:
    return Entries({}, why_not(value))


def _agreed(old: Entries, new: Entries) -> Entries:
    """Return what two releases agree on."""
    made = Entries({}, old.rest or new.rest)
    for key in old.items | new.items:
        before, now = old.items.get(key), new.items.get(key)
        if isinstance(before, Entries) and isinstance(now, Entries):
            made.items[key] = _agreed(before, now)
        elif key in old.items and key in new.items and same(before, now):
            made.items[key] = now
        else:
            why = Unknown("version", "the defaults of dag-factory")
            made.items[key] = lost(why, before, now)
    return made
