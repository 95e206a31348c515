"""The connections of an environment, as whoever reads DAG files asks for them."""

from collections.abc import Mapping

from msgspec import UNSET, Struct

from dagwarden.facts import Maybe
from dagwarden.sources.layers import Layer, find


class Entry(Struct, frozen=True):
    """
    What code gets of one connection; UNSET: not known, or not to be told.

    In `extra`, as in JSON, UNSET stands for what is not told.
    """

    conn_type: Maybe[str]
    host: Maybe[str | None]
    schema: Maybe[str | None]
    login: Maybe[str | None]
    port: Maybe[int | None]
    extra: Maybe[Mapping[str, object]]


HIDDEN = Entry(UNSET, UNSET, UNSET, UNSET, UNSET, UNSET)


class Connections(Struct, frozen=True):
    """
    The connections of an environment, in the order in which Airflow looks for them.

    `complete`: one that is in none of them does not exist.
    """

    layers: tuple[Layer[Entry], ...] = ()
    complete: bool = False

    def find(self, conn_id: str) -> Entry | None:
        """Return what is known of connection `conn_id`; None: there is surely none."""
        found = find(self.layers, conn_id, HIDDEN)
        return HIDDEN if found is None and not self.complete else found
