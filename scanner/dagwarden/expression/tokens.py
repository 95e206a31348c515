"""
Attribute mappings and conditions of federation providers: what they make of a token.

A provider's CEL sees `assertion` (the token's claims), and its condition `google` and
`attribute` as well (cloud.google.com/iam/docs/workload-identity-federation#mapping).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from string import ascii_uppercase
from typing import Any, Final, NamedTuple, cast

import msgspec

from dagwarden.expression.extract import extract, is_template
from dagwarden.expression.tree import Node, engine, syntax_tree

MAX_LENGTH: Final = 4_096  # characters; the API's own limit for a condition
MAX_DEPTH: Final = 60
# What evaluating an expression may come to: a bound of the characters that it makes, or
# looks at. A provider is part of what is scanned, and its loops may be built to explode.
MAX_WORK: Final = 200_000_000


def pins(
    condition: str, mapping: Mapping[str, str], claims: frozenset[str]
) -> bool | None:
    """
    Tell whether a condition lets in only tokens that name a tenant; None: not known.

    `claims` say who the tenant is. True: one of them is compared with a text (by ==,
    `in` a list, or a prefix of some length). False: none is mentioned.
    """
    tree = _parsed(condition)
    if tree is None:
        return None
    if any(_pinned(part, mapping, claims) for part in _all_of(tree)):
        return True
    return None if _mentions(tree, mapping, claims) else False


class Failed(NamedTuple):
    """An expression that fails on a token: for want of a claim, or as its values are."""

    claim: str | None

    def __str__(self) -> str:
        """Say on what it fails."""
        return f"a token without {self.claim}" if self.claim else "these claims"


class Mapped(NamedTuple):
    """What a mapping makes of a token's claims, by attribute."""

    values: dict[str, object]
    failed: dict[str, Failed]


def mapped(mapping: Mapping[str, str], claims: Mapping[str, Any]) -> Mapped:
    """Return what a mapping makes of a token's claims; null is nothing."""
    found = Mapped({}, {})
    for attribute, expression in mapping.items():
        value = _value(expression, {"assertion": dict(claims)})
        if isinstance(value, Failed):
            found.failed[attribute] = value
        elif value is not None:
            found.values[attribute] = value
    return found


def understood(expression: str, claims: Mapping[str, Any]) -> bool:
    """
    Tell whether an expression of a mapping can be worked out on a token's claims.

    One that calls what only Google's own CEL has cannot, but for `extract` and
    `lowerAscii`, nor one that would take too much: it is not known what it makes of a token, which is not to say
    that it fails.
    """
    return _workable(expression, {"assertion": dict(claims)})


def admits(
    condition: str, claims: Mapping[str, Any], attributes: Mapping[str, object]
) -> bool | Failed | None:
    """Tell whether a condition lets a token in; None: it is not understood."""
    own = {"subject": attributes.get("google.subject", "")}
    own["groups"] = attributes.get("google.groups", [])
    prefix = "attribute."
    custom = {
        name.removeprefix(prefix): value
        for name, value in attributes.items()
        if name.startswith(prefix)
    }
    data = {"assertion": dict(claims), "google": own, "attribute": custom}
    value = _value(condition, data)
    return value if isinstance(value, bool | Failed) else None


_GIVEN = ("assertion", "google", "attribute")


@cache
def _vocabulary() -> Any:
    cel = engine()
    text = cel.Type.STRING
    part = cel.Overload("string_extract", text, [text, text], True, extract)
    lower = cel.Overload("string_lower_ascii", text, [text], True, _lower_ascii)
    return cel.NewEnv(
        variables=dict.fromkeys(_GIVEN, cel.Type.DYN),
        functions=[
            cel.FunctionDecl("extract", [part]),
            cel.FunctionDecl("lowerAscii", [lower]),
        ],
    )


_LOWER = {ord(letter): letter.lower() for letter in ascii_uppercase}


def _lower_ascii(text: str) -> str:
    """
    Return a text with its ASCII letters in lower case.

    Source: cloud.google.com/gemini/enterprise/docs/configure-identity-provider, whose
    mappings call it
    """
    return text.translate(_LOWER)


def _parsed(text: str) -> Node | None:
    if len(text) > MAX_LENGTH or not text.strip():
        return None
    try:
        tree = syntax_tree(_vocabulary().compile(text).serialize())
    except Exception:  # CEL raises RuntimeError for everything it finds
        return None
    return None if _deeper(tree, MAX_DEPTH) else tree


def _workable(text: str, data: dict[str, Any]) -> bool:
    tree = _parsed(text)
    if tree is None:
        return False
    encode = msgspec.json.encode
    sizes = {
        f"{name}.{field}": len(encode(value))
        for name, fields in data.items()
        for field, value in fields.items()
    }
    return _work(tree, len(encode(data)), sizes) <= MAX_WORK


def _work(node: Node, size: int, sizes: Mapping[str, int]) -> int:
    """
    Return a bound of what evaluating a node makes or looks at, in characters.

    `size` is that of all that it is given; `sizes` are those of its parts, and of what
    loops go through: neither its elements nor how many they are is more.
    """
    if node.kind == "constant":
        return len(node.value) + 1 if isinstance(node.value, str) else 1
    if node.kind == "name":
        return sizes.get(node.name, size)
    if node.kind == "select" and node.operands[0].kind == "name":
        return sizes.get(f"{node.operands[0].name}.{node.name}", size)
    # what is inside of a message is not in the tree; a loop may call its variable so
    if node.kind == "struct" or (node.kind == "loop" and node.name in _GIVEN):
        return MAX_WORK + 1
    if node.kind == "loop":
        through, *steps = node.operands
        many = _work(through, size, sizes)
        inside = {**sizes, node.name: many}
        return many * (1 + sum(_work(one, size, inside) for one in steps))
    if node.kind == "call" and node.name == "extract":
        template = node.operands[1].value if len(node.operands) == 2 else None
        if not is_template(template):  # it is not known what that does
            return MAX_WORK + 1
    return 1 + sum(_work(one, size, sizes) for one in node.operands)


def _value(text: str, data: dict[str, Any]) -> object:
    if not _workable(text, data):
        return None
    try:
        result = _vocabulary().compile(text).eval(data=data)
        value: Any = result.value()
    except Exception:  # CEL raises RuntimeError for everything it finds
        return Failed(None)
    if result.type() == engine().Type.ERROR:  # then the value is CEL's message
        return Failed(_claim(value))
    if isinstance(value, list):  # its elements come wrapped
        elements = cast("Iterable[Any]", value)
        return [one.value() if hasattr(one, "value") else one for one in elements]
    return value


_NO_KEY = re.compile(r'Key not found in map : "(\w{1,100})"')


def _claim(message: object) -> str | None:
    """Return the claim that a token lacks; the message may hold others of its claims."""
    found = _NO_KEY.search(str(message))
    return found[1] if found else None


def _deeper(node: Node, most: int) -> bool:
    return most == 0 or any(_deeper(one, most - 1) for one in node.operands)


def _all_of(node: Node) -> Iterator[Node]:
    """Yield what has to hold, each part of a chain of `&&`."""
    if node.kind == "call" and node.name == "_&&_":
        for one in node.operands:
            yield from _all_of(one)
    else:
        yield node


def _pinned(node: Node, mapping: Mapping[str, str], claims: frozenset[str]) -> bool:
    """Tell whether a comparison holds for texts of its own choice alone."""
    if node.kind == "call" and node.name == "_||_":  # either way it is pinned
        return all(_pinned(one, mapping, claims) for one in node.operands)
    if node.kind == "call" and node.name == "_&&_":
        return any(_pinned(one, mapping, claims) for one in node.operands)
    if node.kind != "call" or len(node.operands) != 2:
        return False
    left, right = node.operands
    if node.name == "_==_":
        return any(
            _is_tenant(one, mapping, claims) and _text(other)
            for one, other in ((left, right), (right, left))
        )
    if node.name == "@in" and right.kind == "list" and right.operands:
        listed = all(map(_text, right.operands))
        return listed and _is_tenant(left, mapping, claims)
    if node.name == "startsWith" and _is_tenant(left, mapping, claims):
        return _whole(right.value)
    return False


def _whole(prefix: object) -> bool:
    """
    Tell whether a prefix names a tenant and ends where its name does.

    `repo:` begins every subject of GitHub, `repo:acme` those of `acme-evil` as well.
    """
    if not isinstance(prefix, str) or not prefix.endswith((":", "/")):
        return False
    name = prefix.rstrip(":/")
    return bool(name) and (":" in name or ":" not in prefix)


def _text(node: Node) -> bool:
    return isinstance(node.value, str) and bool(node.value)


def _is_tenant(node: Node, mapping: Mapping[str, str], claims: frozenset[str]) -> bool:
    """Tell whether an expression is one of the claims, mapped or not."""
    if node.kind == "call" and node.name == "_[_]" and len(node.operands) == 2:
        owner, field = node.operands
        return owner.name == "assertion" and field.value in claims
    if node.kind != "select" or not node.operands:
        return False
    owner = node.operands[0]
    if owner.kind != "name":
        return False
    if owner.name == "assertion":
        return node.name in claims
    source = mapping.get(f"{owner.name}.{node.name}")
    tree = _parsed(source) if source else None
    return tree is not None and _is_tenant(tree, {}, claims)


def _mentions(node: Node, mapping: Mapping[str, str], claims: frozenset[str]) -> bool:
    if node.kind in ("select", "call") and _is_tenant(node, mapping, claims):
        return True
    owner = node.operands[0] if node.operands else None
    if node.kind == "select" and owner and owner.name in ("attribute", "google"):
        return True  # what it is mapped from may be a part of one
    return any(_mentions(one, mapping, claims) for one in node.operands)
