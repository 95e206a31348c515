"""DAG files changed at random, so that a reader meets what nobody wrote on purpose."""

import ast
import copy
import random
from collections.abc import Sequence
from typing import Any, cast

# Bytes that parsers stumble over.
_ODD = (b"\0", b"\xff", b"\xef\xbb\xbf", b"\\", b"'''", b"f'{", b"\t", b"\r", b"}" * 9)
# Values where a reader may have counted on others.
_VALUES = (
    "None", "''", "'{{ x }}'", "'{'", "b'x'", "0", "-1", "10**30", "1e308", "True",
    "[]", "{}", "()", "...", "lambda *a, **k: a", "[[]] * 3", "{**{}}", "x",
    "dag", "[*range(9)]", "(yield)", "f'{x!r:>{9}}'", "x[x]", "x.x.x", "x(x)(x)",
    "[x for x in x if x]", "{x: x for x in x}", "globals()", "type('x', (), {})",
    "open(__file__).read()", "__import__('os')", "not x", "x if x else x", "(x := 1)",
)  # fmt: skip
# Statements to put code in, or beside it; `pass` stands for the code.
_AROUND = (
    "for x in range(3):\n    pass",
    "for x in x:\n    pass",
    "while x:\n    pass",
    "if x:\n    pass",
    "if x:\n    pass\nelse:\n    x = 1",
    "try:\n    pass\nexcept Exception as x:\n    raise",
    "try:\n    pass\nfinally:\n    x = 1",
    "with x as x:\n    pass",
    "def x(*x, **y):\n    pass\nx(x)",
    "class x(x):\n    pass",
    "async def x():\n    pass",
    "def x():\n    yield\n    pass\nlist(x())",
    "match x:\n    case {'x': x}:\n        pass\n    case _:\n        x = 1",
)


def is_python(data: bytes) -> bool:
    """Say whether `data` is a program with at least one statement."""
    try:
        return bool(ast.parse(data).body)
    except (SyntaxError, ValueError):
        return False


def mutated(chance: random.Random, sources: Sequence[bytes]) -> bytes:
    """Return one of `sources` after a few random changes to its tree, then its bytes."""
    data = chance.choice(sources)
    if chance.random() < 0.85:
        data = in_tree(chance, data, sources)
    if chance.random() < 0.2:
        data = _in_bytes(chance, data)
    return data


def in_tree(chance: random.Random, data: bytes, sources: Sequence[bytes]) -> bytes:
    """Change the tree of a file, with parts of others; as it was if that fails."""
    try:
        tree = ast.parse(data)
        for _ in range(chance.randint(1, 6)):
            chance.choice(_CHANGES)(chance, tree, sources)
        return ast.unparse(ast.fix_missing_locations(tree)).encode()
    except (SyntaxError, ValueError, TypeError, AttributeError, IndexError):
        # not every tree that can be made is one of Python's
        return data


def _in_bytes(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.randint(1, 4)):
        start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + chance.choice((1, 8, 200)))
        put = chance.choice((b"", data[start:end] * 2, chance.choice(_ODD)))
        data = data[:start] + put + data[end:]
    return data


def _expressions(tree: ast.AST) -> list[tuple[ast.AST, str, int | None]]:
    """Return every place in `tree` that holds an expression."""
    places: list[tuple[ast.AST, str, int | None]] = []
    for node in ast.walk(tree):
        for name, held in ast.iter_fields(node):
            if isinstance(held, list):
                many = cast("list[object]", held)
                places += [(node, name, i) for i, one in enumerate(many) if _may(one)]
            elif _may(held):
                places.append((node, name, None))
    return places


def _may(held: object) -> bool:
    """Say whether another expression may stand here: it is not bound to."""
    bound = isinstance(getattr(held, "ctx", None), (ast.Store, ast.Del))
    return isinstance(held, ast.expr) and not bound


def _held(place: tuple[ast.AST, str, int | None]) -> ast.expr:
    node, name, position = place
    found: Any = getattr(node, name)
    held: ast.expr = found if position is None else found[position]
    return held


def _put(place: tuple[ast.AST, str, int | None], value: ast.expr) -> None:
    node, name, position = place
    if position is None:
        setattr(node, name, value)
    else:
        getattr(node, name)[position] = value


def _blocks(tree: ast.AST) -> list[list[ast.stmt]]:
    """Return every list of statements in `tree`."""
    return [
        held
        for node in ast.walk(tree)
        for _, held in ast.iter_fields(node)
        if isinstance(held, list) and held and isinstance(held[0], ast.stmt)
    ]


def _swap_values(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    places = _expressions(tree)
    one, other = chance.choice(places), chance.choice(places)
    first, second = _held(one), copy.deepcopy(_held(other))
    _put(other, copy.deepcopy(first))
    _put(one, second)


def _odd_value(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    value = ast.parse(chance.choice(_VALUES), mode="eval").body
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)] or ["x"]
    for node in ast.walk(value):
        if isinstance(node, ast.Name) and node.id == "x":
            node.id = chance.choice(names)
    _put(chance.choice(_expressions(tree)), value)


def _foreign_value(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    other = ast.parse(chance.choice(sources))
    _put(chance.choice(_expressions(tree)), _held(chance.choice(_expressions(other))))


def _move_statement(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    blocks = _blocks(tree)
    taken = chance.choice(blocks)
    statement = taken[chance.randrange(len(taken))]
    if chance.random() < 0.5 and len(taken) > 1:
        taken.remove(statement)
    into = chance.choice(blocks)
    into.insert(chance.randrange(len(into) + 1), copy.deepcopy(statement))


def _foreign_statement(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    statement = chance.choice(chance.choice(_blocks(ast.parse(chance.choice(sources)))))
    into = chance.choice(_blocks(tree))
    into.insert(chance.randrange(len(into) + 1), statement)


def _surround(
    chance: random.Random, tree: ast.Module, sources: Sequence[bytes]
) -> None:
    around = ast.parse(chance.choice(_AROUND))
    block = chance.choice(_blocks(tree))
    start = chance.randrange(len(block))
    end = min(len(block), start + chance.randint(1, 3))
    inner = chance.choice(_blocks(around)[1:])
    inner[:] = block[start:end]
    names = [n.id for n in ast.walk(tree) if isinstance(n, ast.Name)] or ["x"]
    for node in ast.walk(around):
        if isinstance(node, ast.Name) and node.id == "x":
            node.id = chance.choice(names)
    block[start:end] = around.body


_CHANGES = (
    *(_swap_values, _odd_value, _foreign_value),
    *(_move_statement, _foreign_statement, _surround),
)
