"""
The one room that knows CEL: the expressions of rules, and the conditions of IAM.

`tree` reads syntax trees, `rules` evaluates what rules say, `checks` says what is wrong
with it, `conditions` evaluates what a condition of an IAM policy says.
"""

from dagwarden.expression.rules import (
    HIDDEN,
    UNKNOWN,
    Answer,
    Expression,
    ExpressionError,
    Path,
    Ternary,
    as_data,
    compile_expression,
)

__all__ = [
    "HIDDEN",
    "UNKNOWN",
    "Answer",
    "Expression",
    "ExpressionError",
    "Path",
    "Ternary",
    "as_data",
    "compile_expression",
]
