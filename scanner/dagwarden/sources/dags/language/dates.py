"""
Dates, as far as they depend on nothing but what the file says.

Not known are what asks a clock, the zone or the language of the machine (`now`,
`timestamp`, names of months), and dates of other libraries, which are written otherwise.
"""

from ast import Add, Sub
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dagwarden.patterns import late
from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.operations import as_scalar, given_of
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Method,
    Symbol,
    Thing,
    Unknown,
    Value,
    is_scalar,
)

_ERRORS = (ArithmeticError, ValueError, TypeError)
_UTC = frozenset({"datetime.timezone.utc", "datetime.UTC"})
# Text of these is the same on every machine; years from 1000 on have four digits there.
_SAME_EVERYWHERE = late(r"(?:[^%]|%[YmdHMSfjyuVGwUW%])*")
_FIRST_YEAR = 1_000
# What all versions of Python read alike.
_ISO = late(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d)?")
_PARTS = frozenset(
    {"year", "month", "day", "hour", "minute", "second", "microsecond", "fold"}
)
# Methods that give the same wherever they are called.
_SURE = frozenset(
    {"date", "isoformat", "isoweekday", "replace", "toordinal", "weekday"}
)


class Moment(Thing):
    """A date, or a date with a time, in no zone or in UTC."""

    __slots__ = ("value",)

    def __init__(self, value: date) -> None:
        """Hold it as Python does."""
        self.value = value

    def describe(self) -> str:
        """Return the name of its class."""
        return f"datetime.{type(self.value).__name__}"

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return Unknown("import", f"{self.describe()}()")

    def attribute(self, name: str) -> Value:
        """Return a part of it, or a method."""
        if name in _PARTS and hasattr(self.value, name):
            return as_scalar(getattr(self.value, name))
        if name == "strftime":
            return Method(name, lambda given: self._written(name, given))
        if name in _SURE and hasattr(self.value, name):
            return Method(name, lambda given: self._called(name, given))
        return super().attribute(name)

    def _called(self, name: str, given: Arguments) -> Value:
        arguments = _plain(given)
        if arguments is None:
            return _unknown(f"{self.describe()}.{name}", given)
        try:
            return _value(getattr(self.value, name)(*arguments[0], **arguments[1]))
        except _ERRORS:
            return _unknown(f"{self.describe()}.{name}", given)

    def _written(self, name: str, given: Arguments) -> Value:
        how = given.get("format", 0)
        known = len(given.positional) + len(given.keywords) == 1
        made = self.formatted(how) if isinstance(how, str) and known else None
        return made or _unknown(f"{self.describe()}.{name}", given)

    def formatted(self, spec: str) -> Value:
        """Return it as text, as `strftime` writes it."""
        if not _SAME_EVERYWHERE().fullmatch(spec) or self.value.year < _FIRST_YEAR:
            return Unknown("dynamic", f"{self.describe()}.strftime()")
        return as_scalar(self.value.strftime(spec))

    def text(self) -> Value:
        """Return what `str` makes of it."""
        return str(self.value)

    def order(self) -> object:
        """Return what sorting compares."""
        return self.value

    def equals(self, other: Value, *, identity: bool) -> bool | Unknown | None:
        """Say whether it is the same date; which object it is is no matter."""
        if identity or not (isinstance(other, Moment) or is_scalar(other)):
            return None
        return isinstance(other, Moment) and self.value == other.value

    def binary(self, kind: type, other: Value, *, reflected: bool) -> Value:
        """Return what adding or subtracting gives."""
        right: object = other.value if isinstance(other, Moment) else other
        if kind not in (Add, Sub) or not isinstance(right, (date, timedelta)):
            return lost(computed(other) or self.unknown(), other)
        left: Any = self.value
        if reflected:
            left, right = right, left
        try:
            return _value(left + right if kind is Add else left - right)
        except _ERRORS:
            return Unknown("dynamic", "an expression that fails")


def _value(found: object) -> Value:
    return Moment(found) if isinstance(found, date) else as_scalar(found)


def _unknown(name: str, given: Arguments) -> Unknown:
    why = computed(*(one for one in given_of(given) if one is not None))
    return lost(why or Unknown("dynamic", f"{name}()"), *given_of(given))


def _plain(given: Arguments) -> tuple[list[Any], dict[str, Any]] | None:
    """Return known arguments as Python takes them; None: one is not known."""
    if given.more is not None or given.rest is not None:
        return None
    values = [*given.positional, *given.keywords.values()]
    if not all(is_scalar(one) or _is_utc(one) for one in values):
        return None
    named = {name: _zone(value) for name, value in given.keywords.items()}
    return [_zone(value) for value in given.positional], named


def _is_utc(value: Value) -> bool:
    return isinstance(value, Symbol) and value.name in _UTC


def _zone(value: Value) -> object:
    return UTC if _is_utc(value) else value


def _made(name: str, make: Callable[..., date]) -> Function:
    """Make a function that gives a date for known arguments."""

    def made(_: Reader, given: Arguments) -> Value:
        arguments = _plain(given)
        # what the name of a class stands for outside is told as such
        why = Unknown("import", f"{name}()")
        if arguments is None:
            return lost(why, *given_of(given))
        try:
            return _value(make(*arguments[0], **arguments[1]))
        except _ERRORS:
            return lost(why, *given_of(given))

    return made


def _from_iso(kind: type[date]) -> Callable[..., date]:
    def read(text: str) -> date:
        if not _ISO().fullmatch(text):
            raise ValueError
        return kind.fromisoformat(text)

    return read


def _parsed(text: str, how: str) -> datetime:
    if not _SAME_EVERYWHERE().fullmatch(how):
        raise ValueError
    return datetime.strptime(text, how)  # noqa: DTZ007 - as the program has it: without a zone


FUNCTIONS: dict[str, Function] = {
    "datetime.datetime": _made("datetime.datetime", datetime),
    "datetime.date": _made("datetime.date", date),
    "datetime.datetime.fromisoformat": _made(
        "datetime.datetime.fromisoformat", _from_iso(datetime)
    ),
    "datetime.date.fromisoformat": _made(
        "datetime.date.fromisoformat", _from_iso(date)
    ),
    "datetime.datetime.strptime": _made("datetime.datetime.strptime", _parsed),
}
