"""
DAGs that the package `dag-factory` makes of YAML, before its release 1.0 and since.

`building` makes them; most files call no such package, and do not load it.
What the releases make different things of is not known, unless the way the package
is called tells which it is.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.values import (
    Arguments,
    Method,
    Thing,
    Value,
)

if TYPE_CHECKING:
    from dagwarden.sources.dags.airflow.configured import Release

# Arguments that only the releases since 1.0 take.
_NEW = (
    *("config_filepath", "config_dict", "defaults_config_path"),
    "defaults_config_dict",
)


def handlers(world: World) -> Mapping[str, Callable[[Arguments], Value]]:
    """Return what calling the package means."""

    def load(given: Arguments) -> Value:
        _load(world, given)
        return None

    def factory(given: Arguments) -> Value:
        return Factory(world, given)

    return {
        f"{place}.{name}": function
        for place in ("dagfactory", "dagfactory.dagfactory")
        for name, function in (("load_yaml_dags", load), ("DagFactory", factory))
    }


class Factory(Thing):
    """A `DagFactory` of the releases before 1.0."""

    __slots__ = ("given", "world")

    def __init__(self, world: World, given: Arguments) -> None:
        """`given` are the constructor's arguments."""
        self.world = world
        self.given = given

    def attribute(self, name: str) -> Value:
        """Return the methods that make DAGs."""
        if name == "generate_dags":
            return Method(name, self._generate)
        if name == "clean_dags":
            return Method(name, lambda _: None)
        return super().attribute(name)

    def _generate(self, given: Arguments) -> Value:
        from dagwarden.sources.dags.airflow.building import MISSING, Building

        building = Building(self.world, given, "old")
        building.defaults(self.given.get("default_args_config_path", 2, MISSING))
        building.default = self.given.get("default_args_config_dict", 3)
        building.one(self.given.get("config_filepath", 0), self.given.get("config", 1))
        return None


def _load(world: World, given: Arguments) -> None:
    """Carry out `load_yaml_dags(...)`."""
    from dagwarden.sources.dags.airflow.building import MISSING, NOT_READ, Building

    named = given.keywords
    release: Release = "new" if any(name in named for name in _NEW) else None
    if "default_args_config_path" in named:
        release = "old"
    building = Building(world, given, release)
    if given.rest or given.more or len(given.positional) > 2:
        building.unread(NOT_READ)
        return
    place = named.get("defaults_config_path", MISSING)
    building.defaults(named.get("default_args_config_path", place))
    building.default = named.get("defaults_config_dict")
    file, held = named.get("config_filepath"), named.get("config_dict")
    if file is not None or held is not None:
        building.one(file, held)
    else:
        building.folder(given.get("dags_folder", 1, MISSING), named.get("suffix"))
