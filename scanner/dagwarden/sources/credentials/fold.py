"""
What expressions of Python come to that only join, fill in and decode what is written.

Nothing is run. What is not known stands as Jinja would have it, `{{ }}`, so that a text
with such a part is taken for the template that it is.
"""

import ast
import re
from binascii import b2a_base64
from codecs import encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import cast
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from msgspec import Struct

from dagwarden.patterns import late, words
from dagwarden.sources.credentials.keys import from_base64
from dagwarden.sources.credentials.work import charge

MAX_DEPTH = 40
# Of a text, and of one that is put into another.
MAX_LENGTH = 200_000
MAX_FILLED = 20_000
# Of the terms of a sum and the items of a container, those inside included.
MAX_PARTS = 5_000
# Of the texts that a value is made of, and the places to fill in one.
MAX_LEAVES = 200
# Characters that are put together for one unit of work.
_SHORT = 500
# Characters that there may be.
_CODES = 0x110000
_BYTES = 0x100
HOLE = "{{ }}"
# Operators that make a text, or a container, of two.
JOINING = frozenset({ast.Add, ast.BitOr, ast.Mod, ast.Mult})
# So much of a value tells it from what else is written on the lines of a text.
_BEGINNING = 12


class Leaf(Struct, frozen=True):
    """A text as it is written, and its lines."""

    text: str
    line: int
    last_line: int
    # the file of the repository that it is imported from; "": the one that is read
    source: str = ""

    def line_of(self, value: str, lines: Sequence[str]) -> int:
        """Return the line on which `value` begins, as far as `lines` tell it."""
        if self.source:  # they are of another file
            return self.line
        written = lines[self.line - 1 : self.last_line]
        begins = value[:_BEGINNING]
        for number, line in enumerate(written, self.line):
            if begins and begins in line:
                return number
        return self.line


class Folded(Struct, frozen=True):
    """What an expression comes to, what is written for it, and how much that is."""

    value: object
    leaves: tuple[Leaf, ...] = ()
    size: int = 1


class _Unknown:
    """What is not known; one value stands for all."""


UNKNOWN = _Unknown()
_NOT_KNOWN = Folded(UNKNOWN)
Names = Mapping[str, Folded]
_WIDE = late(r"%[^%a-zA-Z]*(?:\d{4}|\*)")
_CONVERSION = late(
    r"%(?:\((?P<name>\w+)\))?[-+#0 ]*\d{0,3}(?:\.\d{1,3})?(?P<kind>[sdirfx%])"
)
_DOLLAR = late(r"\$\{?(?P<name>[A-Za-z_]\w{0,60})\}?")
_FIELD = late(r"\{\{|\}\}|\{(?P<name>\w*)(?P<rest>[^{}]{0,40})\}")


def fold(node: ast.expr, names: Names, depth: int = 0) -> Folded:
    """Return what `node` comes to where `names` have their values."""
    if isinstance(node, ast.Name):  # the most of all
        return names.get(node.id, _NOT_KNOWN)
    folder = _FOLDERS.get(type(node))
    if folder is None or depth > MAX_DEPTH:
        return _NOT_KNOWN
    charge(1)
    folded = folder(node, names, depth + 1)
    value = folded.value
    if isinstance(value, str) and len(value) > _SHORT:
        charge(len(value) // _SHORT)
    return folded


def _as_dict(value: object) -> dict[object, object] | None:
    return cast("dict[object, object]", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[object] | None:
    """Return the items of a list or tuple, None for anything else."""
    if not isinstance(value, (list, tuple)):
        return None
    return list(cast("list[object]", value))


def is_known(folded: Folded) -> bool:
    """Say whether anything is known of a value."""
    return folded.value is not UNKNOWN


def _constant(node: ast.Constant, names: Names, depth: int) -> Folded:
    value = node.value
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else value.decode("utf-8", "replace")
        last = node.end_lineno or node.lineno
        return Folded(value, (Leaf(text, node.lineno, last),))
    return Folded(value) if isinstance(value, (int, float, type(None))) else _NOT_KNOWN


def _attribute(node: ast.Attribute, names: Names, depth: int) -> Folded:
    parts = [node.attr]
    inner = node.value
    while isinstance(inner, ast.Attribute):
        parts.append(inner.attr)
        inner = inner.value
    if not isinstance(inner, ast.Name):
        return _NOT_KNOWN
    return names.get(".".join([inner.id, *reversed(parts)]), _NOT_KNOWN)


def _text(value: object) -> str:
    """Return `value` as it stands in a text that it is put into."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value if len(value) <= MAX_FILLED else HOLE
    return repr(value) if isinstance(value, (bool, float)) else _number(value)


def _number(value: object) -> str:
    small = isinstance(value, int) and abs(value) < 10**40
    return str(value) if small else HOLE


def _leaves(parts: Iterable[Folded]) -> tuple[Leaf, ...]:
    several = [part.leaves for part in parts if part.leaves]
    if len(several) < 2:
        return several[0][:MAX_LEAVES] if several else ()
    return tuple(dict.fromkeys(chain.from_iterable(several)))[:MAX_LEAVES]


def _joined_text(node: ast.JoinedStr, names: Names, depth: int) -> Folded:
    parts: list[Folded] = []
    for part in node.values[:MAX_PARTS]:
        inner = part.value if isinstance(part, ast.FormattedValue) else part
        folded = fold(inner, names, depth)
        if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
            folded = Folded(UNKNOWN)
        parts.append(folded)
    return _sum(parts)


def _sum(parts: list[Folded]) -> Folded:
    leaves = _leaves(parts)
    length = 0
    texts: list[str] = []
    for part in parts:
        text = _text(part.value)
        length += len(text)
        if length > MAX_LENGTH:
            return _NOT_KNOWN
        texts.append(text)
    return Folded("".join(texts), leaves) if leaves else _NOT_KNOWN


def _operation(node: ast.BinOp, names: Names, depth: int) -> Folded:
    if type(node.op) not in JOINING:  # most set the order of tasks
        return _NOT_KNOWN
    if isinstance(node.op, ast.Add):
        return _added(node, names, depth)
    left = fold(node.left, names, depth)
    right = fold(node.right, names, depth)
    leaves = _leaves((left, right))
    if isinstance(node.op, ast.Mod) and isinstance(left.value, str):
        return Folded(_filled(left.value, right.value), leaves)
    if isinstance(node.op, ast.Mult):
        text, count = left.value, right.value
        usable = isinstance(text, str) and isinstance(count, int)
        if usable and len(cast("str", text)) * cast("int", count) <= MAX_LENGTH:
            return Folded(cast("str", text) * cast("int", count), leaves)
    first, second = _as_dict(left.value), _as_dict(right.value)
    if isinstance(node.op, ast.BitOr) and first is not None:
        return _bounded({**first, **(second or {})}, (left, right))
    return _NOT_KNOWN


def _added(node: ast.BinOp, names: Names, depth: int) -> Folded:
    """Return a sum, whose terms may be thousands: each is the left of the next."""
    terms: list[ast.expr] = []
    inner: ast.expr = node
    while isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.Add):
        terms.append(inner.right)
        inner = inner.left
    terms.append(inner)
    parts = [fold(term, names, depth) for term in reversed(terms[-MAX_PARTS:])]
    if all(isinstance(part.value, (list, tuple)) for part in parts):
        items = [item for part in parts for item in as_list(part.value) or ()]
        return _bounded(items, parts)
    if any(isinstance(part.value, (int, float, list, dict)) for part in parts):
        return _NOT_KNOWN
    return _sum(parts)


def _bounded(value: object, parts: Iterable[Folded]) -> Folded:
    """Return a container of `parts`, unless it stands for more than anyone wrote."""
    parts = tuple(parts)
    size = 1 + sum(part.size for part in parts)
    return Folded(value, _leaves(parts), size) if size <= MAX_PARTS else _NOT_KNOWN


def _arguments(values: object) -> tuple[object, ...]:
    """Return what `%` is given: the items of a tuple, or one thing."""
    return (
        cast("tuple[object, ...]", values) if isinstance(values, tuple) else (values,)
    )


def _filled(template: str, values: object) -> object:
    """Return `template % values`, what is not known left open."""
    if _WIDE().search(template) or template.count("%") > MAX_LEAVES:
        return UNKNOWN
    known = _as_dict(values) or {}
    waiting = iter(_arguments(values))

    def fill(match: re.Match[str]) -> str:
        if match["kind"] == "%":
            return "%"
        if match["name"]:
            return _text(known.get(match["name"], UNKNOWN))
        return _text(next(waiting, UNKNOWN))

    return _CONVERSION().sub(fill, template)


def _formatted(template: str, given: list[object], named: dict[str, object]) -> object:
    if template.count("{") > MAX_LEAVES:
        return UNKNOWN
    waiting = iter(given)

    def fill(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        name = match["name"]
        if match["rest"]:
            return HOLE
        if not name:
            return _text(next(waiting, UNKNOWN))
        if name.isdigit():
            return _text(given[int(name)] if int(name) < len(given) else UNKNOWN)
        return _text(named.get(name, UNKNOWN))

    return _FIELD().sub(fill, template)


def _items(node: ast.List | ast.Tuple | ast.Set, names: Names, depth: int) -> Folded:
    parts = [fold(item, names, depth) for item in node.elts[:MAX_PARTS]]
    values = [part.value for part in parts]
    return _bounded(tuple(values) if isinstance(node, ast.Tuple) else values, parts)


def _mapping(node: ast.Dict, names: Names, depth: int) -> Folded:
    made: dict[object, object] = {}
    parts: list[Folded] = []
    for key, item in zip(node.keys[:MAX_PARTS], node.values, strict=False):
        value = fold(item, names, depth)
        parts.append(value)
        if key is None:
            made |= _as_dict(value.value) or {}
        else:
            named = fold(key, names, depth).value
            if isinstance(named, (str, int)):
                made[named] = value.value
    return _bounded(made, parts)


def _subscript(node: ast.Subscript, names: Names, depth: int) -> Folded:
    whole = fold(node.value, names, depth)
    if isinstance(node.slice, ast.Slice):
        return _slice(whole, node.slice, names, depth)
    key = fold(node.slice, names, depth).value
    value: object = UNKNOWN
    held, items = _as_dict(whole.value), as_list(whole.value)
    if held is not None and isinstance(key, (str, int)):
        value = held.get(key, UNKNOWN)
    elif items is not None and isinstance(key, int):
        value = items[key] if -len(items) <= key < len(items) else UNKNOWN
    if isinstance(value, str):
        own = tuple(leaf for leaf in whole.leaves if leaf.text == value)
        return Folded(value, own or whole.leaves)
    return Folded(value, whole.leaves)


def _slice(whole: Folded, part: ast.Slice, names: Names, depth: int) -> Folded:
    bounds: list[int | None] = []
    for bound in (part.lower, part.upper, part.step):
        value = None if bound is None else fold(bound, names, depth).value
        if not isinstance(value, (int, type(None))):
            return _NOT_KNOWN
        bounds.append(value)
    if not isinstance(whole.value, (str, bytes)) or bounds[2] == 0:
        return _NOT_KNOWN
    return Folded(whole.value[slice(*bounds)], whole.leaves)


def _negative(node: ast.UnaryOp, names: Names, depth: int) -> Folded:
    value = fold(node.operand, names, depth).value
    usable = isinstance(node.op, ast.USub) and isinstance(value, int)
    return Folded(-cast("int", value)) if usable else _NOT_KNOWN


def _decode_base64(value: object) -> object:
    data = from_base64("".join(_text(value).split()))
    if data is None:
        return UNKNOWN
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _decode_as(alphabet: str) -> Callable[[object], object]:
    def decoded(value: object) -> object:
        import base64

        decode: Callable[[str], bytes] = getattr(base64, alphabet)
        try:
            return decode(_text(value)).decode()
        except ValueError:  # another alphabet, or no text
            return UNKNOWN

    return decoded


def _from_json(value: object) -> object:
    import json

    try:
        return json.loads(_text(value)[:MAX_LENGTH], strict=False)
    except (ValueError, RecursionError):
        return UNKNOWN


def _encode_base64(value: object) -> object:
    text = value if isinstance(value, (str, bytes)) else None
    if text is None:
        return UNKNOWN
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    return b2a_base64(data, newline=False).decode()


def _from_hex(value: object) -> object:
    try:
        return bytes.fromhex(_text(value)).decode("utf-8", "replace")
    except ValueError:
        return UNKNOWN


def _same(value: object) -> object:
    return value


def _backwards(value: object) -> object:
    items = as_list(value)
    return value[::-1] if isinstance(value, str) else items[::-1] if items else UNKNOWN


def _bytes_of(value: object) -> object:
    """Return the text that a list of numbers is, or what is one already."""
    numbers = as_list(value)
    if numbers is None:
        return value
    small = [one for one in numbers if isinstance(one, int) and 0 <= one < _BYTES]
    whole = len(small) == len(numbers)
    return bytes(small).decode("utf-8", "replace") if whole else UNKNOWN


def _dict_of(value: object) -> object:
    """Return the mapping that a list of pairs is, or what is one already."""
    pairs = [as_list(one) for one in as_list(value) or ()]
    if not pairs or any(one is None or len(one) != 2 for one in pairs):
        return value
    return {str(one[0]): one[1] for one in pairs if one}


# Functions of one argument, by the last part of their name.
_FUNCTIONS: dict[str, Callable[[object], object]] = {
    "a2b_base64": _decode_base64,
    "b64decode": _decode_base64,
    "a85decode": _decode_as("a85decode"),
    "b32decode": _decode_as("b32decode"),
    "b85decode": _decode_as("b85decode"),
    "standard_b64decode": _decode_base64,
    "urlsafe_b64decode": _decode_base64,
    "decodebytes": _decode_base64,
    "b64encode": _encode_base64,
    "urlsafe_b64encode": _encode_base64,
    "bytearray": _bytes_of,
    "bytes": _bytes_of,
    "dedent": _same,
    "dict": _dict_of,
    "dumps": _same,
    "fromhex": _from_hex,
    "unhexlify": _from_hex,
    "list": _same,
    "loads": _from_json,
    "reversed": _backwards,
    "quote": lambda value: quote(_text(value)),
    "quote_plus": lambda value: quote_plus(_text(value)),
    "str": _same,
    "tuple": _same,
    "unquote": lambda value: unquote(_text(value)),
    "unquote_plus": lambda value: unquote_plus(_text(value)),
}
_OF_LISTS = frozenset({_same, _backwards, _bytes_of, _dict_of})
# Methods of a text, without arguments that matter.
_METHODS: dict[str, Callable[[str], str]] = {
    "decode": str,
    "encode": str,
    "lower": str.lower,
    "lstrip": str.lstrip,
    "rstrip": str.rstrip,
    "strip": str.strip,
    "swapcase": str.swapcase,
    "upper": str.upper,
}
# Methods of a text, and functions, with arguments that matter.
_WITH_ARGUMENTS = words(
    "format format_map join replace split substitute safe_substitute"
)
FOLDED_CALLS = frozenset({*_FUNCTIONS, *_METHODS, *_WITH_ARGUMENTS, "map", "zip"})


def called(node: ast.Call) -> str:
    """Return the last part of the name of what is called, "" for what has none."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _call(node: ast.Call, names: Names, depth: int) -> Folded:
    name = called(node)
    function = node.func
    if name not in FOLDED_CALLS:
        alone = isinstance(function, ast.Name) and not node.args and not node.keywords
        return names.get(result_of(name), _NOT_KNOWN) if alone else _NOT_KNOWN
    if name == "decode" and _is_rotated(node, names, depth):
        first = fold(node.args[0], names, depth)
        return Folded(encode(_text(first.value), "rot13"), first.leaves)
    if name in _FUNCTIONS and (node.args or node.keywords):
        if name == "dict" and node.keywords and not node.args:
            return _keywords(node.keywords, names, depth)
        first = fold(node.args[0], names, depth) if node.args else _NOT_KNOWN
        if not is_known(first):
            return _NOT_KNOWN
        function_of_it = _FUNCTIONS[name]
        if function_of_it not in _OF_LISTS and HOLE in _text(first.value):
            return _NOT_KNOWN  # what is not known could not be told any more
        leaves = first.leaves
        if not leaves and name.startswith("byte") and as_list(first.value):
            leaves = (Leaf("", node.lineno, node.end_lineno or node.lineno),)
        return Folded(function_of_it(first.value), leaves)
    if name in ("map", "zip"):
        return _together(name, node, names, depth)
    if not isinstance(function, ast.Attribute):
        return _NOT_KNOWN
    if name.endswith("substitute"):
        return _substituted(function.value, node, names, depth)
    whole = fold(function.value, names, depth)
    if not isinstance(whole.value, (str, bytes)):
        return _NOT_KNOWN
    text = _text(whole.value)
    if name in _METHODS:
        made = text if node.args and "strip" in name else _METHODS[name](text)
        return Folded(made, whole.leaves)
    return _with_arguments(name, text, whole.leaves, node, names, depth)


def _together(name: str, node: ast.Call, names: Names, depth: int) -> Folded:
    """Return the pairs of zip(A, B), the characters of map(chr, N)."""
    if len(node.args) != 2 or node.keywords:
        return _NOT_KNOWN
    second = fold(node.args[1], names, depth)
    items = as_list(second.value)
    if items is None:
        return _NOT_KNOWN
    if name == "zip":
        first = fold(node.args[0], names, depth)
        firsts = as_list(first.value)
        if firsts is None:
            return _NOT_KNOWN
        return _bounded(list(zip(firsts, items, strict=False)), (first, second))
    of_chr = isinstance(node.args[0], ast.Name) and node.args[0].id == "chr"
    return _as_characters(items, node) if of_chr else _NOT_KNOWN


def _substituted(
    template: ast.expr, node: ast.Call, names: Names, depth: int
) -> Folded:
    """Return Template(T).substitute(NAME=V)."""
    if isinstance(template, ast.Call) and called(template) == "Template":
        template = template.args[0] if template.args else template
    whole = fold(template, names, depth)
    text = _text(whole.value)
    if not isinstance(whole.value, str) or text.count("$") > MAX_LEAVES:
        return _NOT_KNOWN
    given = {k.arg: fold(k.value, names, depth) for k in node.keywords if k.arg}

    def fill(match: re.Match[str]) -> str:
        own = given.get(match["name"])
        return HOLE if own is None else _text(own.value)

    return Folded(_DOLLAR().sub(fill, text), (*whole.leaves, *_leaves(given.values())))


def result_of(name: str) -> str:
    """Return what the result is called of a function without parameters."""
    return f"{name}()"


def _is_rotated(node: ast.Call, names: Names, depth: int) -> bool:
    """Tell whether this is codecs.decode(X, "rot13") of a known text."""
    if len(node.args) != 2 or not isinstance(node.args[1], ast.Constant):
        return False
    rotated = str(node.args[1].value).replace("-", "").replace("_", "") == "rot13"
    return rotated and isinstance(fold(node.args[0], names, depth).value, str)


def _characters(
    node: ast.GeneratorExp | ast.ListComp, names: Names, depth: int
) -> Folded:
    """Return the characters of `chr(N) for N in [...]`."""
    (loop, *others), made = node.generators, node.elt
    if others or loop.ifs or not isinstance(made, ast.Call) or called(made) != "chr":
        return _NOT_KNOWN
    given = made.args[0] if len(made.args) == 1 else None
    codes = as_list(fold(loop.iter, names, depth).value)
    if not isinstance(given, ast.Name) or not isinstance(loop.target, ast.Name):
        return _NOT_KNOWN
    if codes is None or given.id != loop.target.id:
        return _NOT_KNOWN
    return _as_characters(codes, node)


def _as_characters(codes: list[object], node: ast.expr) -> Folded:
    texts = [chr(one) for one in codes if isinstance(one, int) and 0 <= one < _CODES]
    if len(texts) != len(codes):
        return _NOT_KNOWN
    written = Leaf("", node.lineno, node.end_lineno or node.lineno)
    return Folded(texts, (written,), len(texts))


def _with_arguments(
    name: str,
    text: str,
    own: tuple[Leaf, ...],
    node: ast.Call,
    names: Names,
    depth: int,
) -> Folded:
    given = list(_given(node.args[:MAX_PARTS], names, depth))
    if name == "join":
        joined = as_list(given[0].value) if len(given) == 1 else None
        if joined is None:
            return _NOT_KNOWN
        items = [_text(item) for item in joined]
        if sum(map(len, items)) + len(items) * len(text) > MAX_LENGTH:
            return _NOT_KNOWN
        return Folded(text.join(items), (*own, *given[0].leaves))
    if name == "split":
        if given:
            return _NOT_KNOWN
        return Folded([*text.split()][:MAX_PARTS], own)
    if name == "replace":
        values = [one.value for one in given]
        if len(values) != 2 or not all(isinstance(one, str) for one in values):
            return _NOT_KNOWN
        old, new = cast("list[str]", values)
        if not old or text.count(old) * len(new) > MAX_LENGTH:
            return _NOT_KNOWN
        return Folded(text.replace(old, new), own)
    named = {k.arg: fold(k.value, names, depth) for k in node.keywords if k.arg}
    values_by_name: dict[str, object] = {key: one.value for key, one in named.items()}
    if name == "format_map":
        held = _as_dict(given[0].value) if given else None
        values_by_name |= {str(key): one for key, one in (held or {}).items()}
    made = _formatted(text, [one.value for one in given], values_by_name)
    return Folded(made, (*own, *_leaves((*given, *named.values()))))


def _given(nodes: list[ast.expr], names: Names, depth: int) -> Iterator[Folded]:
    """Yield positional arguments; those in a list that is spread, one by one."""
    for node in nodes:
        if not isinstance(node, ast.Starred):
            yield fold(node, names, depth)
            continue
        folded = fold(node.value, names, depth)
        leaves = folded.leaves
        for item in as_list(folded.value) or (UNKNOWN,):
            yield Folded(item, leaves)
            leaves = ()


def _keywords(given: list[ast.keyword], names: Names, depth: int) -> Folded:
    parts = {k.arg: fold(k.value, names, depth) for k in given if k.arg}
    made = {name: part.value for name, part in parts.items()}
    return _bounded(made, parts.values())


_FOLDERS: dict[type[ast.expr], Callable[..., Folded]] = {
    ast.Attribute: _attribute,
    ast.BinOp: _operation,
    ast.Call: _call,
    ast.Constant: _constant,
    ast.GeneratorExp: _characters,
    ast.ListComp: _characters,
    ast.Dict: _mapping,
    ast.JoinedStr: _joined_text,
    ast.List: _items,
    ast.Set: _items,
    ast.Subscript: _subscript,
    ast.Tuple: _items,
    ast.UnaryOp: _negative,
}
