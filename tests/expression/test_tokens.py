"""What providers make of tokens: what it may cost, and what is left open then."""

import pytest

from dagwarden.expression.tokens import admits, mapped, understood

CLAIMS = {"sub": "run", "groups": ["ops", "dev"], "big": "a" * 40_000}
TENFOLD = ".map(x, x + x + x + x + x + x + x + x + x + x)"
ALL = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9].all"


@pytest.mark.parametrize(
    "expression",
    [
        "'ops' in assertion.groups",
        "['ops', 'sec'].exists(g, g == 'ops')",
        "[assertion.sub].map(s, s + '/x')[0] == 'run/x'",
        "assertion.big.matches('(a+)+$')",
    ],
)
def test_what_costs_little_is_worked_out(expression: str) -> None:
    assert understood(expression, CLAIMS)
    assert admits(expression, CLAIMS, {}) is True


@pytest.mark.parametrize(
    "expression",
    [
        # a text that becomes ten times as long nine times
        f"['{'a' * 30}']{TENFOLD * 9}.size() > 0",
        f"{ALL}(a, {ALL}(b, {ALL}(c, {ALL}(d, {ALL}(e, {ALL}(f, {ALL}(g, a + b + c >= 0)))))))",
        "assertion.big.split('').all(a, assertion.big.split('').all(b, a == b))",
        "[assertion.big].all(a, [assertion.big].all(b, a + b != ''))",
        "[{'sub': assertion.sub}].all(assertion, assertion.sub != '')",
        "{'a': 'b'}.a == 'b'",
    ],
)
def test_what_might_explode_is_not_worked_out_and_left_open(expression: str) -> None:
    assert not understood(expression, CLAIMS)
    assert admits(expression, CLAIMS, {}) is None
    assert mapped({"attribute.x": expression}, CLAIMS) == ({}, {})
