"""Texts of which parts are known."""

import ast

import pytest
from tests.sources.dags.conftest import NoFiles

from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.language.values import Text, Unknown, Value


def value(expression: str) -> Value:
    world = World(catalogue())
    world.interpreter = Interpreter(world, NoFiles())
    tree = ast.parse(f"import os\nx = os.getenv('X')\nfound = {expression}\n")
    return world.interpreter.follow(Source("a.py", "a", tree, False)).scope.find(
        "found"
    )


def shown(found: Value) -> object:
    """Return the known parts, with `?` for the others."""
    if isinstance(found, Text):
        return "".join(part if isinstance(part, str) else "?" for part in found.parts)
    return "unknown" if isinstance(found, Unknown) else found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("f'https://h/{x}/y'", "https://h/?/y"),
        ("f'{x!s}/y'", "?/y"),
        ("f'{x:>9}/y'", "?/y"),
        ("'a' + x + 'b' + 'c'", "a?bc"),
        ("f'{\"a\" + x}b{1}'", "a?b1"),
        ("str('a' + x)", "a?"),
        ("'a%sb%s' % (x, 1)", "a?b1"),
        ("'a%s' % x", "a?"),
        ("'%s%s' % x", "unknown"),
        ("'%d%s' % (1, x)", "unknown"),
        ("'%(k)s' % {'k': x}", "unknown"),
        ("'%s' % {'k': x}", "unknown"),
        ("'a%%%s' % x", "unknown"),
        ("'{}b{k}'.format(x, k='c')", "?bc"),
        ("'{0}'.format(x)", "unknown"),
        ("'{}'.format(*x)", "unknown"),
        ("'{x.y}'.format(x=x)", "unknown"),
        ("'/'.join(['a', x, 'b'])", "a/?/b"),
        ("'/'.join([*x, 'b'])", "unknown"),
        ("'/'.join({x, 'b'})", "unknown"),
        # what a method makes of it is not known
        ("('a' + x).upper()", "unknown"),
        ("('a' + x)[0]", "unknown"),
        ("('a' + x) * 2", "unknown"),
        ("'a' + x if x else 'b'", "unknown"),
    ],
)
def test_what_is_known_of_a_text(expression: str, expected: object) -> None:
    assert shown(value(expression)) == expected


def test_a_text_has_no_parts_without_end() -> None:
    found: Value = value("'a' + x")
    for _ in range(9):
        found = operations.joined([found, found])
    assert isinstance(found, Text)
    assert len(found.parts) == operations.MAX_PARTS + 2
