"""
The one room that knows CEL: the expressions of rules, and the conditions of IAM.

`tree` reads syntax trees, `rules` checks and evaluates what rules say, `conditions`
evaluates what a condition of an IAM policy says.
"""

from dagwarden.expression.rules import (
    HIDDEN,
    MAX_LENGTH,
    MISSING,
    UNKNOWN,
    Answer,
    Expression,
    ExpressionError,
    Path,
    Ternary,
    as_data,
    check,
    compile_expression,
    fields_of,
    literal_values,
    may_be_missing,
    split_optional,
    suggestion,
    type_at,
)

__all__ = [
    "HIDDEN",
    "MAX_LENGTH",
    "MISSING",
    "UNKNOWN",
    "Answer",
    "Expression",
    "ExpressionError",
    "Path",
    "Ternary",
    "as_data",
    "check",
    "compile_expression",
    "fields_of",
    "literal_values",
    "may_be_missing",
    "split_optional",
    "suggestion",
    "type_at",
]
