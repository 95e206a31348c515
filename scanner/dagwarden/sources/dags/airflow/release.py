"""
What files ask of the release of Airflow that an environment is said to have.

`airflow.__version__`, `packaging.version` and imports of `airflow.sdk`. A release that
is given as "2.11" is any of 2.11.0, 2.11.1 and so on, and no candidate of one: what
those would answer differently is not known.
"""

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from dagwarden.patterns import late
from dagwarden.sources.dags.language.values import (
    Arguments,
    Items,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
)

# Names that `airflow.sdk` has in every release of Airflow 3; Airflow 2 has no such module.
SDK = frozenset(
    {
        *("Asset", "BaseOperator", "Connection", "DAG", "Label", "Param", "TaskGroup"),
        *("Variable", "XComArg", "chain", "chain_linear", "cross_downstream", "dag"),
        *("get_current_context", "setup", "task", "task_group", "teardown"),
    }
)
# A release, or a candidate of one; what else versions may have is not read.
_VERSION = late(r"v?(\d{1,6}(?:\.\d{1,6}){0,3})(\.?(?:dev|a|b|rc)\d{1,6})?")
_UNSAID = Unknown("version", "airflow.__version__")

# A release, to four places; below it are its candidates, above it what is made of it.
_Point: TypeAlias = tuple[tuple[float, ...], int]
_Numbers: TypeAlias = tuple[int, ...]


def _point(numbers: _Numbers, stage: int, filled: float = 0) -> _Point:
    return (*numbers, *[filled] * (4 - len(numbers))), stage


class _Between:
    """Where a version lies; a comparison that this leaves open raises `TypeError`."""

    def __init__(self, low: _Point, high: _Point) -> None:
        self.low = low
        self.high = high

    def is_apart(self, other: "_Between") -> bool:
        """Say whether it is certainly another version."""
        return self.high < other.low or other.high < self.low

    def __lt__(self, other: "_Between") -> bool:
        if self.high < other.low:
            return True
        if self.low >= other.high:
            return False
        raise TypeError("a comparison that is not decided")

    def __gt__(self, other: "_Between") -> bool:
        return other < self

    def __ge__(self, other: "_Between") -> bool:
        return not self < other

    def __le__(self, other: "_Between") -> bool:
        return not other < self


class Release(Text):
    """`airflow.__version__`, of which two or three numbers are known."""

    __slots__ = ("numbers",)

    def __init__(self, given: str) -> None:
        """`given` is "2.11" or "2.11.1"."""
        self.numbers = tuple(map(int, given.split(".")))
        known = given if len(self.numbers) > 2 else f"{given}."
        super().__init__((known, _UNSAID), _UNSAID)

    @property
    def known(self) -> str:
        """What the text begins with."""
        return str(self.parts[0])

    def attribute(self, name: str) -> Value:
        """Return a method of the text."""
        if name == "split":
            return Method(name, self._split)
        if name == "startswith":
            return Method(name, lambda given: self._begins(given.get("", 0)))
        return super().attribute(name)

    def _split(self, given: Arguments) -> Value:
        if given.positional != ["."] or given.keywords or given.more or given.rest:
            return self.why
        # what follows the third number may stand right behind it
        return Items("list", [str(one) for one in self.numbers[:2]], self.why)

    def _begins(self, beginning: Value) -> Value:
        if isinstance(beginning, Items) and beginning.kind == "tuple":
            answers = [self._begins(one) for one in beginning.items]
            if True in answers:
                return True
            decided = beginning.more is None and all(one is False for one in answers)
            return False if decided else self.why
        if not isinstance(beginning, str) or (
            beginning != self.known and beginning.startswith(self.known)
        ):
            return self.why
        return self.known.startswith(beginning)

    def item(self, key: Value) -> Value:
        """Return the character at `key`."""
        known = isinstance(key, int) and 0 <= key < len(self.known)
        return self.known[key] if known and isinstance(key, int) else self.why

    def has(self, module: str, name: str) -> bool | None:
        """Say whether this Airflow has what a file imports; None: that is not known."""
        if module != "airflow.sdk" and not module.startswith("airflow.sdk."):
            return None
        if self.numbers[0] < 3:
            return False
        return True if module == "airflow.sdk" and name in SDK else None


class Version(Thing):
    """`packaging.version.Version`: of Airflow, or one that a file compares it with."""

    __slots__ = ("between", "of")

    def __init__(self, between: _Between, of: Release | None) -> None:
        """`of` is the text that it was made of, if that is Airflow's."""
        self.between = between
        self.of = of

    def describe(self) -> str:
        """Return the class's name."""
        return "packaging.version.Version()"

    def attribute(self, name: str) -> Value:
        """Return the numbers of Airflow's."""
        if self.of is None:
            return super().attribute(name)
        numbers = self.of.numbers
        if name == "release":
            return Items("tuple", [*numbers, *[_UNSAID] * (3 - len(numbers))])
        if name == "base_version":
            return self.of
        known = dict(zip(_PLACES, numbers, strict=False))
        return known.get(name, _UNSAID)

    def order(self) -> object:
        """Return where it lies."""
        return self.between

    def equals(self, other: Value, *, identity: bool) -> bool | Unknown | None:
        """Say whether it is the same version; None: that is not known."""
        if identity or not isinstance(other, Version):
            return None
        return False if self.between.is_apart(other.between) else None


_PLACES: tuple[str, ...] = ("major", "minor", "micro")


def constants(release: Release) -> dict[str, Value]:
    """Return the names that tell the release."""
    return dict.fromkeys(("airflow.__version__", "airflow.version.version"), release)


def handlers() -> dict[str, Callable[[Arguments], Value]]:
    """Return what calling a name that has to do with versions gives."""
    named = ("packaging.version.parse", "packaging.version.Version")
    return dict.fromkeys(named, _version)


def _version(given: Arguments) -> Value:
    text = given.get("version", 0)
    if isinstance(text, Release):
        low = _point(text.numbers, 0)
        whole = len(text.numbers) > 2
        high = _point(text.numbers, 1, 0 if whole else inf)
        return Version(_Between(low, high), text)
    found = _VERSION().fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return Unknown("import", "packaging.version.Version()")
    numbers = tuple(map(int, found[1].split(".")))
    at = _point(numbers, -1 if found[2] else 0)
    return Version(_Between(at, at), None)
