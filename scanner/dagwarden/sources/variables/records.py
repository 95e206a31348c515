"""The Variables of an environment, as whoever reads DAG files asks for them."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET

from dagwarden.facts import Maybe


class Entry(NamedTuple):
    """One variable: its text, and what that is as JSON; UNSET: not known, or hidden."""

    text: Maybe[str]
    data: Maybe[object]


HIDDEN = Entry(UNSET, UNSET)


class Layer(NamedTuple):
    """The variables of one source; `upper`: it knows names in upper case only."""

    entries: Mapping[str, Entry]
    upper: bool = False
    # False: it may hold others, which could not be read
    whole: bool = True


class Variables(NamedTuple):
    """
    The variables of an environment, in the order in which Airflow looks for them.

    `complete`: one that is in none of them does not exist.
    """

    layers: tuple[Layer, ...] = ()
    complete: bool = False

    def find(self, name: str) -> Entry | None:
        """Return what is known of variable `name`; None: there is surely none."""
        for layer in self.layers:
            found = layer.entries.get(name.upper() if layer.upper else name)
            if found is not None:
                return found
            if not layer.whole:
                return HIDDEN
        return None if self.complete else HIDDEN

    def texts(self) -> dict[str, str]:
        """Return the variables of which all is known, by name."""
        names = {name for layer in self.layers for name in layer.entries}
        found = ((name, self.find(name)) for name in sorted(names))
        return {
            name: entry.text
            for name, entry in found
            if entry is not None and isinstance(entry.text, str)
        }
