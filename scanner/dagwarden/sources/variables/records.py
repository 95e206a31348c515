"""The Variables of an environment, as whoever reads DAG files asks for them."""

from msgspec import UNSET, Struct

from dagwarden.facts import Maybe
from dagwarden.sources.layers import Layer, find
from dagwarden.sources.masking import has_holes


class Entry(Struct, frozen=True):
    """One variable: its text, and what that is as JSON; UNSET: not known, or hidden."""

    text: Maybe[str]
    data: Maybe[object]


HIDDEN = Entry(UNSET, UNSET)


class Variables(Struct, frozen=True):
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
        """
        Return the variables of which all is known, by name.

        Where what a text means as JSON is known, and the text is not (of an object an
        export does not tell it), it is one that means the same.
        """
        names = {name for layer in self.layers for name in layer.entries}
        found = ((name, _text(self.find(name))) for name in sorted(names))
        return {name: text for name, text in found if text is not None}


def _text(entry: Entry | None) -> str | None:
    if entry is None:
        return None
    if isinstance(entry.text, str):
        return entry.text
    if has_holes(entry.data):
        return None
    import json  # few variables hold documents

    try:
        return json.dumps(entry.data)
    except (TypeError, ValueError, RecursionError):  # YAML's dates: no JSON has any
        return None
