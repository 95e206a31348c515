"""
What Python's built-in functions make of numbers, texts and objects.

Numbers and texts are bounded before they are computed with, as operators are.
"""

import math
from ast import Pow
from collections.abc import Callable
from typing import Any

from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.objects import (
    Class,
    Decorated,
    Function,
    Instance,
    Wrapped,
)
from dagwarden.sources.dags.language.operations import (
    MAX_NUMBER,
    as_scalar,
    binary,
    bytes_method,
    formatted,
    given_of,
    text_method,
)
from dagwarden.sources.dags.language.paths import Function as OfLibrary
from dagwarden.sources.dags.language.paths import Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Symbol,
    Thing,
    Unknown,
    Value,
    is_scalar,
)
from dagwarden.sources.dags.language.work import charge

_ERRORS = (ArithmeticError, ValueError, TypeError)
# Digits after the point, or before it, that a number is rounded to.
MAX_DIGITS = 100


def _failed(name: str, given: Arguments) -> Unknown:
    """Return why the call of `name` is not known."""
    values = given_of(given)
    why = computed(*(one for one in values if one is not None))
    return lost(why or Unknown("dynamic", f"{name}()"), *values)


def _of_scalars(name: str, function: Callable[..., Any]) -> OfLibrary:
    """Make a function of known scalars, which raises for those that Python refuses."""

    def made(_: Reader, given: Arguments) -> Value:
        taken = given.positional
        if given.keywords or given.more or given.rest or not all(map(is_scalar, taken)):
            return _failed(name, given)
        charge(sum(len(one) // 8 for one in taken if isinstance(one, (str, bytes))))
        try:
            found = function(*taken)
        except _ERRORS:
            return _failed(name, given)
        if isinstance(found, tuple):
            return Items("tuple", [as_scalar(one) for one in found])  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return as_scalar(found)

    return made


def _rounded(number: float, digits: int | None = None) -> object:
    if digits is not None and abs(digits) > MAX_DIGITS:
        raise ValueError
    return round(number, digits)


def _integer(text: str, base: int) -> int:
    return int(text, base)


def _pow(_: Reader, given: Arguments) -> Value:
    if len(given.positional) == 2 and not given.keywords and not given.more:
        return binary(Pow, *given.positional)
    bounded = [one for one in given.positional if isinstance(one, int)]
    small = len(bounded) == 3 and all(abs(one) < MAX_NUMBER for one in bounded)
    if not small or given.keywords or given.more:
        return _failed("pow", given)
    try:
        return as_scalar(pow(*bounded))
    except _ERRORS:
        return _failed("pow", given)


def _format(_: Reader, given: Arguments) -> Value:
    spec = given.get("", 1, "")
    if given.more or given.rest or not isinstance(spec, str):
        return _failed("format", given)
    return formatted(given.get("", 0), -1, spec)


def _converted(name: str) -> OfLibrary:
    """Make `str` of bytes, or `bytes` of a text, in a known encoding."""

    def made(_: Reader, given: Arguments) -> Value:
        value, rest = given.get("", 0), given.positional[1:]
        others = Arguments(rest, given.keywords, given.more, given.rest)
        if isinstance(value, bytes) and name == "str":
            return bytes_method(value, "decode", others)
        if isinstance(value, str) and name == "bytes" and (rest or given.keywords):
            return text_method(value, "encode", others)
        return _failed(name, given)

    return made


# ------------------------------------------------------------------------- attributes


def has_attribute(holder: Value, name: Value) -> bool | Unknown:
    """Say whether an object of the repository has an attribute."""
    unknown = Unknown("dynamic", "hasattr()")
    if not isinstance(holder, (Class, Instance)) or not isinstance(name, str):
        return computed(holder, name) or unknown
    of = holder if isinstance(holder, Class) else holder.of
    names = holder.names if isinstance(holder, Instance) else {}
    if (isinstance(holder, Instance) and holder.opaque) or of.hidden():
        return unknown
    if name in names or of.find(name) is not None:
        found = names[name] if name in names else of.find(name)
        value = found[0] if isinstance(found, tuple) else found
        # what a property gives may be that there is none
        return unknown if isinstance(value, (Decorated, Unknown, Wrapped)) else True
    plain = all(
        isinstance(base, Symbol) and base.name in ("builtins.object", "abc.ABC")
        for base in of.foreign()
    )
    if name.startswith("_") or not plain or of.find("__getattr__") is not None:
        return unknown
    return False


def _hasattr(_: Reader, given: Arguments) -> Value:
    return has_attribute(given.get("", 0), given.get("", 1))


def _callable(_: Reader, given: Arguments) -> Value:
    value = given.get("", 0)
    if isinstance(value, (Function, Class)):
        return True
    if isinstance(value, Instance):
        return has_attribute(value.of, "__call__") is True or _failed("callable", given)
    held = is_scalar(value) or isinstance(value, (Items, Entries))
    return False if held else _failed("callable", given)


# ------------------------------------------------------------------------------ kinds

_KINDS: dict[type, str] = {
    **{kind: kind.__name__ for kind in (bool, int, float, str, bytes)},
    type(None): "NoneType",
}


def _type(_: Reader, given: Arguments) -> Value:
    value = given.get("", 0)
    if len(given.positional) != 1 or isinstance(value, (Unknown, Class)):
        return _failed("type", given)
    if isinstance(value, Instance) and value.opaque is None:
        return value.of
    name = _KINDS.get(type(value))
    if type(value) is Items and value.kind != "bag":
        name = value.kind
    elif type(value) is Entries:
        name = "dict"
    if name is None or isinstance(value, Thing):
        return _failed("type", given)
    return Symbol(f"builtins.{name}")


def _issubclass(_: Reader, given: Arguments) -> Value:
    below, above = given.get("", 0), given.get("", 1)
    if not isinstance(below, Class) or not isinstance(above, Class):
        return _failed("issubclass", given)
    if any(base is above for base in below.lineage()):
        return True
    plain = all(
        isinstance(base, Symbol) and base.name in ("builtins.object", "abc.ABC")
        for base in below.foreign()
    )
    hidden = below.hidden() or above.hidden() or any(map(_has_meta, (below, above)))
    return False if plain and not hidden else _failed("issubclass", given)


def _has_meta(made: Class) -> bool:
    # which classes an abstract one counts as below it may be registered
    names = {base.name for base in made.foreign() if isinstance(base, Symbol)}
    return "abc.ABC" in names or made.find("__subclasshook__") is not None


FUNCTIONS: dict[str, OfLibrary] = {
    "builtins.round": _of_scalars("round", _rounded),
    "builtins.divmod": _of_scalars("divmod", divmod),
    "builtins.hex": _of_scalars("hex", hex),
    "builtins.oct": _of_scalars("oct", oct),
    "builtins.bin": _of_scalars("bin", bin),
    "builtins.ord": _of_scalars("ord", ord),
    "builtins.chr": _of_scalars("chr", chr),
    "builtins.pow": _pow,
    "builtins.format": _format,
    "builtins.bytes": _converted("bytes"),
    "builtins.str": _converted("str"),
    "builtins.int": _of_scalars("int", _integer),
    "builtins.hasattr": _hasattr,
    "builtins.callable": _callable,
    "builtins.type": _type,
    "builtins.issubclass": _issubclass,
    "math.ceil": _of_scalars("math.ceil", math.ceil),
    "math.floor": _of_scalars("math.floor", math.floor),
}
