"""What the sources of an environment define, in the order in which Airflow looks."""

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Layer(Struct, Generic[T], frozen=True):
    """What one source defines; `upper`: it knows names in upper case only."""

    entries: Mapping[str, T]
    upper: bool = False
    # False: it may hold others, which could not be read
    whole: bool = True


def find(layers: Iterable[Layer[T]], name: str, hidden: T) -> T | None:
    """Return the first entry `name`, `hidden` where there may be one, or None."""
    for layer in layers:
        found = layer.entries.get(name.upper() if layer.upper else name)
        if found is not None:
            return found
        if not layer.whole:
            return hidden
    return None
