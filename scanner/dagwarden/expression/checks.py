"""
What an expression of a rule may not be: wrong in its types, or definite by mistake.

A commit hook runs rules that were checked when they were packed, and loads none of this.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
from msgspec import Struct

from dagwarden.expression.rules import (
    HIDDEN,
    Expression,
    ExpressionError,
    Path,
    plain_environment,
    subject_path,
)
from dagwarden.expression.tree import (
    Node,
    TypeName,
    engine,
    node_types,
    syntax_tree,
    walk,
)

if TYPE_CHECKING:
    from google.protobuf.descriptor_pool import DescriptorPool
    from msgspec.inspect import Field, StructType, Type

MAX_LENGTH: Final = 4_000  # characters of one expression
MAX_LOOPS: Final = 2  # one over what the other makes: texts grow with each
_ALLOWED = {
    "_&&_",
    "_||_",
    "!_",
    "_?_:_",
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "_+_",
    "_-_",
    "_*_",
    "-_",
    "@in",
    "@not_strictly_false",
    "size",
    "startsWith",
    "endsWith",
    "contains",
    "matches",
}
_COMPOSITE = {"list", "map", "message"}


def check(
    text: str,
    subject: type[Struct],
    params: Mapping[str, object],
    *,
    where: str = "true",
) -> list[str]:
    """
    Return everything wrong with an expression over one kind of subject.

    `params` gives each parameter's default, whose type is the parameter's type;
    `where` is an expression that holds for whatever this one is asked of. Each
    problem is one line that says what is wrong and what to write instead.
    """
    if len(text) > MAX_LENGTH:
        return [
            f"the expression is longer than {MAX_LENGTH} characters; split the rule"
        ]
    try:
        compiled = _typed_environment(subject, params).compile(text)
    except Exception as error:  # CEL raises RuntimeError for everything it finds
        return _explained(str(error), subject, params)
    problems: list[str] = []
    if compiled.return_type().name() != "BOOL":
        kind = compiled.return_type().name().lower()
        problems.append(f"the expression gives a {kind}; make it true or false")
    types = node_types(compiled.serialize())
    for node in walk(syntax_tree(compiled.serialize())):
        problems += _forbidden(node, types)
        problems += _misspelt_literal(node, subject)
    return problems or _null_errors(text, subject, params, where)


def _forbidden(node: Node, types: Mapping[int, TypeName]) -> Iterator[str]:
    if node.kind == "select" and node.presence_test:
        yield "has() would make a missing field definite; compare the field instead"
    if node.kind == "name" and types.get(node.id) == "type":
        yield f"{node.name} is a type, which rules cannot use; compare values"
    if node.kind == "struct":
        yield "a map or message literal has no use here; compare single fields"
    if node.kind == "loop" and node.name in ("subject", "params"):
        yield f"{node.name} is taken; name the loop variable otherwise"
    if _loops(node) == MAX_LOOPS + 1:  # said once of a chain
        yield f"more than {MAX_LOOPS} loops, each over what the next makes; use fewer"
    if node.kind != "call":
        return
    kinds = [types.get(operand.id, "dyn") for operand in node.operands]
    if node.name in ("_==_", "_!=_"):
        # Two lists or records may differ only in what is not known yet.
        composite = _COMPOSITE.intersection(kinds) or kinds == ["dyn", "dyn"]
        if composite and "null" not in kinds:
            yield "whole lists, maps and records cannot be compared; compare fields"
    elif node.name == "@in":
        if kinds[1] == "map":
            yield "`in` on a map would make a missing key definite; compare its value"
        if kinds[0] in _COMPOSITE:
            yield "`in` cannot look for a whole list or record; use exists()"
    elif node.name == "matches":
        yield from _bad_pattern(node.operands[1])
    elif node.name not in _ALLOWED:
        name = node.name.strip("_")
        yield (
            f"`{name}` is not offered to rules; use comparisons, in, size, exists, "
            "all, filter, map, startsWith, endsWith, contains, matches"
        )


def _loops(node: Node) -> int:
    """Return how many loops go each over what the next makes, which is ever more."""
    if node.kind != "loop":
        return 0
    return 1 + max(map(_loops, walk(node.operands[0])))


def _bad_pattern(node: Node) -> Iterator[str]:
    if not isinstance(node.value, str):
        yield "matches() needs its pattern written out as a constant"
        return
    try:
        literal = msgspec.json.encode("").decode()
        pattern = msgspec.json.encode(node.value).decode()
        Expression(f"{literal}.matches({pattern})").evaluate({}, {})
    except ExpressionError as error:
        yield f"the pattern of matches() is wrong: {_first_line(str(error))}"


def _misspelt_literal(node: Node, subject: type[Struct]) -> Iterator[str]:
    """Find comparisons of a field with a string that it can never be."""
    if node.kind != "call" or node.name not in ("_==_", "_!=_", "@in"):
        return
    for field, other in (node.operands, node.operands[::-1]):
        path = subject_path(field)
        values = literal_values(subject, path) if path else None
        if values is None:
            continue
        for constant in walk(other):
            if isinstance(constant.value, str) and constant.value not in values:
                yield (
                    f"subject.{'.'.join(path or ())} is never "
                    f'"{constant.value}"{suggestion(constant.value, values)}'
                )


_MAX_TRIES = 200


def _null_errors(
    text: str, subject: type[Struct], params: Mapping[str, object], where: str
) -> list[str]:
    """
    Find fields that may be null and are used as if they never were.

    Tried with the one field null and every combination of a few values of all others,
    for an error hides behind what is decided before it.
    """
    compiled, condition = Expression(text), Expression(where)
    paths = sorted({*compiled.reads, *condition.reads})
    constants = _constants(text) + _constants(where)
    kinds = {path: found.type for path in paths if (found := type_at(subject, path))}
    plain = {
        name: list(cast(tuple[str, ...], value)) if isinstance(value, tuple) else value
        for name, value in params.items()
    }
    problems: list[str] = []
    for path in compiled.reads:
        nulls = _nulls(kinds[path]) if path in kinds else None
        if nulls is None:
            continue
        others = [other for other in kinds if other != path]
        samples = [_samples(kinds[other], constants) for other in others]
        for values in islice(product(*samples), _MAX_TRIES):
            data = _nested({**dict(zip(others, values, strict=True)), path: nulls[0]})
            try:
                if condition.evaluate(data, plain) is not False:
                    compiled.evaluate(data, plain)
            except ExpressionError:
                problems.append(_guard(subject, path))
                break
    return problems


def _guard(subject: type[Struct], path: Path) -> str:
    name = "subject." + ".".join(path)
    if not _nullable(subject, path):
        return f"a field within {name} may be null; compare it with null before its use"
    return (
        f"{name} may be null, for which this has no answer; "
        f"write `{name} != null && ...` before it"
    )


def _constants(text: str) -> list[str]:
    tree = syntax_tree(plain_environment().compile(text).serialize())
    return [node.value for node in walk(tree) if isinstance(node.value, str)]


def _nulls(found: "Type") -> tuple[object] | None:
    """Return, as the one item, a value in which all that may be null is."""
    from msgspec import inspect

    found, optional = split_optional(found)
    if optional:
        return (None,)
    if isinstance(found, inspect.VarTupleType):
        inner = _nulls(found.item_type)
        return ([inner[0]],) if inner else None
    if not isinstance(found, inspect.StructType):
        return None
    fields = {f.name: _nulls(f.type) for f in found.fields if f.name not in HIDDEN}
    nulls = {name: value[0] for name, value in fields.items() if value}
    return (nulls,) if nulls else None


def _samples(found: "Type", constants: Sequence[str]) -> list[object]:
    """Return a few values of a type, those that an expression names among them."""
    from msgspec import inspect

    found, _ = split_optional(found)
    if isinstance(found, inspect.BoolType):
        return [True, False]
    if isinstance(found, inspect.IntType | inspect.FloatType):
        return [0, 10**9]
    if isinstance(found, inspect.StrType | inspect.LiteralType):
        return [*dict.fromkeys(constants), "", MISSING]
    if isinstance(found, inspect.VarTupleType):
        strings = isinstance(found.item_type, inspect.StrType)
        return [list(dict.fromkeys(constants)) if strings else [], []]
    return [MISSING]


MISSING: Final = object()


def _nested(values: Mapping[Path, object]) -> dict[str, Any]:
    """Return {("a", "b"): 1} as {"a": {"b": 1}}, without what is MISSING."""
    data: dict[str, Any] = {}
    for path, value in values.items():
        if value is MISSING:
            continue
        here = data
        for name in path[:-1]:
            inner = here.setdefault(name, {})
            here = cast(dict[str, Any], inner if isinstance(inner, dict) else {})
        here.setdefault(path[-1], value)
    return data


# CEL's own words -> ours.
_NO_FIELD = r"undefined field '(\w+)' not found in struct 'dagwarden\.(\w+)'"
_NO_NAME = r"undeclared reference to '([^']*)'"
_NO_OVERLOAD = r"found no matching overload for '(\S+)' applied to '(.*)'"


def _explained(
    error: str, subject: type[Struct], params: Mapping[str, object]
) -> list[str]:
    if "recursion" in error:
        return ["the expression is nested too deeply; split the rule"]
    lines = [line for line in error.splitlines() if "ERROR: " in line]
    problems: list[str] = []
    for line in lines or [error]:
        what = _first_line(line)
        if found := re.search(_NO_FIELD, line):
            names = _message_fields(subject, found[2])
            what = f"there is no field {found[1]}{suggestion(found[1], names)}"
        elif found := re.search(_NO_NAME, line):
            what = _undeclared(found[1], params)
        elif found := re.search(_NO_OVERLOAD, line):
            what = f"{found[1].strip('_')} does not take ({found[2]})"
            if "double" in found[2] and "int" in found[2]:
                what += "; write whole numbers with a point, as 90.0"
        if what not in problems:
            problems.append(what)
    return problems


def _undeclared(name: str, params: Mapping[str, object]) -> str:
    root, _, rest = name.partition(".")
    if root == "params":
        return f"there is no parameter {rest}{suggestion(rest, list(params))}"
    if root == "known":
        return "known() does not exist: a missing field makes the verdict UNKNOWN"
    return f"{name} is not defined; expressions see subject and params"


def _first_line(error: str) -> str:
    text = error.splitlines()[0].removeprefix("INVALID_ARGUMENT: ")
    return re.sub(r"^ERROR: <input>:\d+:(\d+): ", r"at character \1: ", text)


def suggestion(name: str, names: Sequence[str]) -> str:
    """Return "; did you mean X?" for the name closest to `name`, else what exists."""
    from difflib import get_close_matches

    if close := get_close_matches(name, names, n=1):
        return f"; did you mean {close[0]}?"
    return f"; there is: {', '.join(sorted(names)) or 'none'}"


# -------------------------------------------------------------------------- schema
#
# Facts described as protobuf messages, so that CEL's type checker knows their fields.


def _inspected(subject: type[Struct]) -> "StructType":
    from msgspec import inspect

    return _struct_type(inspect.type_info(subject))


def _struct_type(found: "Type") -> "StructType":
    from msgspec import inspect

    if not isinstance(found, inspect.StructType):
        raise TypeError(f"not a record: {found}")
    return found


def split_optional(found: "Type") -> tuple["Type", bool]:
    """Return a type without None, and whether None was part of it."""
    from msgspec import inspect

    if not isinstance(found, inspect.UnionType):
        return found, False
    rest = [t for t in found.types if not isinstance(t, inspect.NoneType)]
    if len(rest) != 1:
        raise TypeError(f"a fact's field has one type or None: {found}")
    return rest[0], len(rest) < len(found.types)


def type_at(subject: type[Struct], path: Path) -> "Field | None":
    """Return the field that `path` leads to, through lists too; None if there is none."""
    from msgspec import inspect

    here: Type = _inspected(subject)
    field: Field | None = None
    for name in path:
        here, _ = split_optional(here)
        if isinstance(here, inspect.VarTupleType):
            here, _ = split_optional(here.item_type)
        if not isinstance(here, inspect.StructType) or name in HIDDEN:
            return None
        field = next((f for f in here.fields if f.name == name), None)
        if field is None:
            return None
        here = field.type
    return field


def fields_of(subject: type[Struct], path: Path = ()) -> list[str]:
    """Return the names of the fields below `path`, for suggestions."""
    from msgspec import inspect

    here: Type = _inspected(subject)
    if path:
        field = type_at(subject, path)
        if field is None:
            return []
        here, _ = split_optional(field.type)
        if isinstance(here, inspect.VarTupleType):
            here, _ = split_optional(here.item_type)
    if not isinstance(here, inspect.StructType):
        return []
    return [f.name for f in here.fields if f.name not in HIDDEN]


def literal_values(subject: type[Struct], path: Path) -> list[str] | None:
    """Return the strings that a field is confined to; None where it is not."""
    from msgspec import inspect

    field = type_at(subject, path)
    if field is None:
        return None
    found, _ = split_optional(field.type)
    if isinstance(found, inspect.VarTupleType):
        found = found.item_type
    if not isinstance(found, inspect.LiteralType):
        return None
    return [str(value) for value in found.values]


def _nullable(subject: type[Struct], path: Path) -> bool:
    field = type_at(subject, path)
    return field is not None and split_optional(field.type)[1]


def may_be_missing(subject: type[Struct], path: Path) -> bool:
    """Say whether a fact may lack the field at `path`, or one on the way to it."""
    return any(
        field is not None and not field.required and _is_unset(field)
        for field in (type_at(subject, path[: n + 1]) for n in range(len(path)))
    )


def _is_unset(field: "Field") -> bool:
    # msgspec's description leaves UNSET out: an optional field without a default.
    return field.default is msgspec.NODEFAULT and (
        field.default_factory is msgspec.NODEFAULT
    )


def _message_fields(subject: type[Struct], message: str) -> list[str]:
    found = _messages(_inspected(subject))
    if message not in found:
        return []
    return [f.name for f in found[message].fields if f.name not in HIDDEN]


def _messages(root: "StructType") -> dict[str, "StructType"]:
    """Return every record type within `root`, by name."""
    from msgspec import inspect

    found: dict[str, StructType] = {}
    pending: list[Type] = [root]
    while pending:
        here, _ = split_optional(pending.pop())
        if isinstance(here, inspect.VarTupleType):
            pending.append(here.item_type)
        elif isinstance(here, inspect.StructType) and here.cls.__name__ not in found:
            found[here.cls.__name__] = here
            pending += [f.type for f in here.fields if f.name not in HIDDEN]
    return found


def _typed_environment(subject: type[Struct], params: Mapping[str, object]) -> Any:
    """Return the environment in which an expression's types are checked."""
    cel = engine()
    variables = {f"params.{name}": _param_type(v) for name, v in params.items()}
    return cel.NewEnv(
        descriptor_pool=_descriptor_pool(subject),
        variables={"subject": cel.Type(f"dagwarden.{subject.__name__}"), **variables},
    )


def _param_type(default: object) -> Any:
    kinds = engine().Type
    if isinstance(default, bool):
        return kinds.BOOL
    if isinstance(default, int):
        return kinds.INT
    if isinstance(default, float):
        return kinds.DOUBLE
    return kinds.STRING if isinstance(default, str) else kinds.List(kinds.STRING)


@cache
def _descriptor_pool(subject: type[Struct]) -> "DescriptorPool":
    from google.protobuf import descriptor_pb2, struct_pb2, wrappers_pb2
    from google.protobuf.descriptor_pool import DescriptorPool

    pool = DescriptorPool()
    file = descriptor_pb2.FileDescriptorProto(
        name="dagwarden.proto", package="dagwarden", syntax="proto3"
    )
    for known in (struct_pb2, wrappers_pb2):
        pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        file.dependency.append(known.DESCRIPTOR.name)
    for name, record in _messages(_inspected(subject)).items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(record.fields, 1):
            if field.name not in HIDDEN:
                _describe(message, field, number)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def _describe(message: Any, record_field: "Field", number: int) -> None:
    """Add a field to the protobuf `message`, typed as CEL shall check it."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto as Proto
    from msgspec import inspect

    field = message.field.add(name=record_field.name, number=number)
    found, optional = split_optional(record_field.type)
    field.label = Proto.LABEL_OPTIONAL
    if isinstance(found, inspect.VarTupleType):
        if optional:
            # CEL has no nullable list; Value is checked as "any type".
            field.type, field.type_name = Proto.TYPE_MESSAGE, ".google.protobuf.Value"
            return
        field.label = Proto.LABEL_REPEATED
        found, _ = split_optional(found.item_type)
    if isinstance(found, inspect.DictType):
        words = [word.capitalize() for word in record_field.name.split("_")]
        entry = message.nested_type.add(name="".join([*words, "Entry"]))
        entry.options.map_entry = True
        for name, at in (("key", 1), ("value", 2)):
            entry.field.add(
                name=name, number=at, type=Proto.TYPE_STRING, label=Proto.LABEL_OPTIONAL
            )
        field.label, field.type = Proto.LABEL_REPEATED, Proto.TYPE_MESSAGE
        field.type_name = f".dagwarden.{message.name}.{entry.name}"
        return
    if isinstance(found, inspect.StructType):
        field.type = Proto.TYPE_MESSAGE
        field.type_name = f".dagwarden.{found.cls.__name__}"
        return
    for kind, proto, wrapper in (
        (inspect.StrType, Proto.TYPE_STRING, "StringValue"),
        (inspect.LiteralType, Proto.TYPE_STRING, "StringValue"),
        (inspect.BoolType, Proto.TYPE_BOOL, "BoolValue"),
        (inspect.IntType, Proto.TYPE_INT64, "Int64Value"),
        (inspect.FloatType, Proto.TYPE_DOUBLE, "DoubleValue"),
    ):
        if isinstance(found, kind):
            field.type = Proto.TYPE_MESSAGE if optional else proto
            if optional:
                field.type_name = f".google.protobuf.{wrapper}"
            return
    raise TypeError(f"rules cannot see a field of type {found}")
