"""
CEL's syntax trees.

cel-expr-python gives the checked tree only as a serialised google.api.expr
CheckedExpr in an Any. The numbers below are the field numbers of
cel/expr/checked.proto and cel/expr/syntax.proto.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

from msgspec import Struct


@cache
def engine() -> Any:
    """Return the CEL engine; importing it costs what a hook may not need."""
    # The package has type stubs and lacks the marker that says so.
    from cel_expr_python import (  # type: ignore[import-untyped]
        cel,  # pyright: ignore[reportMissingTypeStubs]
    )

    return cel


class Node(Struct, frozen=True):
    """
    A node of the syntax tree.

    `name` is an identifier, a selected field or a function; `value` a constant.
    """

    id: int
    kind: Literal["constant", "name", "select", "call", "list", "struct", "loop"]
    name: str = ""
    value: object = None
    operands: tuple["Node", ...] = ()
    member: bool = False  # a call written `x.f()`: the first operand is x
    presence_test: bool = False  # has()


TypeName = str  # "string", "wrapper", "list", "map", "message", "dyn", "null", ...

_PRIMITIVES = {1: "bool", 2: "int", 3: "uint", 4: "double", 5: "string", 6: "bytes"}
_TYPES = {1: "dyn", 2: "null", 6: "list", 7: "map", 9: "message", 11: "type"}


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (field number, value) of a protobuf message: varints and byte strings."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
        else:
            size = 8 if kind == 1 else 4
            if kind == 2:
                size, at = _varint(data, at)
            yield number, data[at : at + size]
            at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at `at`, and where what follows begins."""
    byte = data[at]
    if byte < 0x80:  # nearly all are that small
        return byte, at + 1
    result = shift = 0
    while byte >= 0x80:
        result |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        byte = data[at]
    return result | byte << shift, at + 1


def _fields(data: int | bytes) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    if isinstance(data, bytes):
        for number, value in _wire(data):
            found.setdefault(number, []).append(value)
    return found


def _delimited(number: int, data: bytes) -> bytes:
    """Return a field of a protobuf message that holds bytes."""
    size, head = len(data), bytearray([number << 3 | 2])
    while size >= 0x80:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([*head, size]) + data


def tree_alone(serialized: bytes) -> bytes:
    """
    Return a serialised expression without types, references and positions.

    Evaluation asks for none of them, and they have no order that lasts: the same
    expression shall come to the same bytes.
    """
    whole = _fields(serialized)
    tree = _fields(whole[2][0])[4][0]
    return _delimited(1, whole[1][0]) + _delimited(2, _delimited(4, tree))


def syntax_tree(serialized: bytes) -> Node:
    """Return the tree of a serialised expression."""
    checked = _fields(_fields(serialized)[2][0])
    return _node(checked[4][0])


def node_types(serialized: bytes) -> dict[int, TypeName]:
    """Return the type of each node of a serialised expression, by the node's id."""
    checked = _fields(_fields(serialized)[2][0])
    entries = [_fields(entry) for entry in checked.get(3, [])]
    return {entry[1][0]: _type_name(entry[2][0]) for entry in entries}


def _type_name(data: bytes) -> TypeName:
    ((number, value), *_) = _wire(data)
    if number == 3 and isinstance(value, int):
        return _PRIMITIVES.get(value, "other")
    return "wrapper" if number == 4 else _TYPES.get(number, "other")


def _node(data: bytes) -> Node:
    fields = _fields(data)
    node_id = fields.get(2, [0])[0]
    if 4 in fields:
        return Node(node_id, "name", _text(_fields(fields[4][0]), 1))
    if 5 in fields:
        select = _fields(fields[5][0])
        return Node(
            node_id,
            "select",
            _text(select, 2),
            operands=(_node(select[1][0]),),
            presence_test=bool(select.get(3, [0])[0]),
        )
    if 6 in fields:
        call = _fields(fields[6][0])
        operands = [*call.get(1, []), *call.get(3, [])]
        return Node(
            node_id,
            "call",
            _text(call, 2),
            operands=tuple(map(_node, operands)),
            member=1 in call,
        )
    if 7 in fields:
        items = _fields(fields[7][0]).get(1, [])
        return Node(node_id, "list", operands=tuple(map(_node, items)))
    if 8 in fields:
        return Node(node_id, "struct")
    if 9 in fields:
        loop = _fields(fields[9][0])
        parts = [loop[number][0] for number in (2, 4, 5, 6, 7) if number in loop]
        return Node(node_id, "loop", _text(loop, 1), operands=tuple(map(_node, parts)))
    return Node(node_id, "constant", value=_constant(_fields(fields[3][0])))


def _constant(fields: dict[int, list[Any]]) -> object:
    """Return a string, whole number or truth value; None for any other constant."""
    if 6 in fields:
        return _text(fields, 6)
    if 2 in fields:
        return bool(fields[2][0])
    if 3 in fields:
        number: int = fields[3][0]
        return number - (1 << 64) if number >= 1 << 63 else number
    return None


def _text(fields: dict[int, list[Any]], number: int) -> str:
    value: bytes = fields.get(number, [b""])[0]
    return value.decode()


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and all below it."""
    yield node
    for operand in node.operands:
        yield from walk(operand)
