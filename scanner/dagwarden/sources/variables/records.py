"""The Variables of an environment, as whoever reads DAG files asks for them."""

from typing import NamedTuple

from msgspec import UNSET

from dagwarden.facts import Maybe
from dagwarden.sources.layers import Layer, find


class Entry(NamedTuple):
    """One variable: its text, and what that is as JSON; UNSET: not known, or hidden."""

    text: Maybe[str]
    data: Maybe[object]


HIDDEN = Entry(UNSET, UNSET)


class Variables(NamedTuple):
    """
    The variables of an environment, in the order in which Airflow looks for them.

    `complete`: one that is in none of them does not exist.
    """

    layers: tuple[Layer[Entry], ...] = ()
    complete: bool = False

    def find(self, name: str) -> Entry | None:
        """Return what is known of variable `name`; None: there is surely none."""
        found = find(self.layers, name, HIDDEN)
        return HIDDEN if found is None and not self.complete else found

    def texts(self) -> dict[str, str]:
        """Return the variables of which all is known, by name."""
        names = {name for layer in self.layers for name in layer.entries}
        found = ((name, self.find(name)) for name in sorted(names))
        return {
            name: entry.text
            for name, entry in found
            if entry is not None and isinstance(entry.text, str)
        }
