"""
Enumerations: their members, made once, when the class is.

Source: the documentation of `enum`. Of members that are texts or numbers, too, it is
known what they equal, and not what their methods give.
"""

from ast import Eq

from dagwarden.sources.dags.language.aliases import UNDECIDED
from dagwarden.sources.dags.language.objects import (
    Class,
    Decorated,
    Function,
    Instance,
    Wrapped,
)
from dagwarden.sources.dags.language.operations import compare
from dagwarden.sources.dags.language.paths import Function as OfLibrary
from dagwarden.sources.dags.language.paths import Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Items,
    Symbol,
    Unknown,
    Value,
)
from dagwarden.sources.dags.language.work import charge

# Methods by which an enumeration decides what its members are.
_DECIDING = ("__new__", "_generate_next_value_", "_missing_", "_ignore_")
_NO_MEMBERS = (Function, Wrapped, Decorated, Class)


def make_members(made: Class) -> None:
    """Make the members of `made`, if it is an enumeration of which all are known."""
    names = [base.name if isinstance(base, Symbol) else "" for base in made.foreign()]
    kinds = [_BASES.get(name) for name in names]
    if not any(name.startswith("enum.") for name in names) or None in kinds:
        return
    kind = next((kind for kind in kinds if kind is not object), object)
    if any(map(made.find, _DECIDING)) or kind is None:
        return
    start = made.find("__init__")
    if start is not None and (kind is not object or not isinstance(start[0], Function)):
        return
    members: dict[str, Instance] = {}
    held: list[Instance] = []
    latest = 0
    for name, value in made.names.items():
        if name.startswith("_") or isinstance(value, _NO_MEMBERS):
            continue
        if _is_auto(value):
            latest += 1
            value = name.lower() if "enum.StrEnum" in names else latest
        if isinstance(value, int):
            latest = max(latest, value)
        if isinstance(value, Unknown) or (
            kind is not object and type(value) is not kind
        ):
            return
        found = _equal(held, value)
        if isinstance(found, Unknown):
            return
        if found is None:
            # an enumeration makes its members once
            found = Instance(made, {"value": value, "name": name})
            found.names |= {"_value_": value, "_name_": name}
            if start is not None and not _begun(found, *start):
                return
            held.append(found)
        members[name] = found
    made.members = members
    made.unsettle()


def _begun(member: Instance, start: Value, owner: Class) -> bool:
    """Call the constructor of a member; say whether its value stays what it was."""
    value = member.names["_value_"]
    whole = isinstance(value, Items) and value.kind == "tuple"
    given = value.items if isinstance(value, Items) and whole else [value]
    if isinstance(start, Function):
        start.bind(member, owner).call(Arguments([*given], {}))
    return member.opaque is None and member.names.get("_value_") is value


def _equal(held: list[Instance], value: Value) -> Instance | Unknown | None:
    """Return the member that has `value`, of which another is only another name."""
    charge(len(held))
    for one in held:
        equal = compare(Eq, one.names["value"], value)
        if equal is not False:
            return one if equal is True else UNDECIDED
    return None


_BASES: dict[str, type] = {
    "builtins.object": object,
    "builtins.int": int,
    "builtins.str": str,
    "enum.Enum": object,
    "enum.IntEnum": int,
    "enum.StrEnum": str,
}


def _is_auto(value: Value) -> bool:
    return isinstance(value, Unknown) and value.symbol == "enum.auto()"


def _unique(_: Reader, given: Arguments) -> Value:
    return given.get("enumeration", 0)


FUNCTIONS: dict[str, OfLibrary] = {"enum.unique": _unique}
