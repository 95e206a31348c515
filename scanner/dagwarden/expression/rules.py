"""
The expressions of rules: compiled and evaluated.

An expression sees `subject` (a fact as plain data, in which whatever could not be
established is missing) and `params`. Its answer is three-valued: True, False, or
`UNKNOWN` where a missing field decides. Everything that would turn a missing field
into a definite answer is refused by `checks`, so reading one more fact can only turn
UNKNOWN into an answer and never turns an answer round.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from enum import Enum
from functools import cache, cached_property
from typing import Any, Final, Literal, cast

from msgspec import UNSET, Struct

from dagwarden.expression.tree import Node, engine, syntax_tree, tree_alone
from dagwarden.rule import Parsed


class Ternary(Enum):
    """The third truth value."""

    UNKNOWN = "unknown"


# The fields of a fact that are not for rules: asking why something is unknown would
# give a definite answer that changes once it is known.
HIDDEN: Final = frozenset({"provenance", "unresolved"})

UNKNOWN: Final = Ternary.UNKNOWN
Answer = bool | Literal[Ternary.UNKNOWN]
Path = tuple[str, ...]


class ExpressionError(Exception):
    """An expression cannot be compiled, or its evaluation failed for good."""


class Expression:
    """A compiled expression."""

    def __init__(self, text: str, parsed: Parsed | None = None) -> None:
        """
        Compile `text` without checking types; ExpressionError where it cannot.

        `parsed` is that of an earlier `Expression` of the same text. Its tree is a
        serialised google.api.expr.CheckedExpr that has the tree alone. With it nothing
        is parsed.
        """
        self.text = text
        if parsed is None:
            self._compiled = _compiled(text)
            tree = tree_alone(self._compiled.serialize())
            parsed = Parsed(tree, _reads(syntax_tree(tree)))
        self.parsed = parsed

    def evaluate(self, subject: Mapping[str, Any], params: Mapping[str, Any]) -> Answer:
        """Return the answer for one subject; ExpressionError where there is none."""
        # No Activation is reused: its arena grows with every evaluation.
        data = {"subject": subject, "params": params}
        try:
            value = self._compiled.eval(data=data).value()
        except RuntimeError as error:  # the budget of loops is used up
            raise ExpressionError(str(error)) from None
        if isinstance(value, bool):
            return value
        # An error is returned as its text; a missing key is the one that means unknown.
        if isinstance(value, str) and value.startswith("NOT_FOUND"):
            return UNKNOWN
        raise ExpressionError(str(value))

    @cached_property
    def _compiled(self) -> Any:
        try:
            return plain_environment().deserialize(self.parsed.tree)
        except RuntimeError:  # another release of the engine made it
            return _compiled(self.text)

    @property
    def reads(self) -> Mapping[Path, tuple[str, ...]]:
        """
        The fields of the subject that the answer depends on, sorted.

        With each, the parameters in whose lists it is looked for, where nothing else is
        asked of it: which text it is, then, matters only where a list has it.
        """
        return dict(self.parsed.reads)


def as_data(value: Any, fields: Container[str] | None = None) -> Any:
    """
    Return a fact as an expression sees it; `fields` are those that it may name, if said.

    They are those of what lies in the fact, too: rules know fields by their names alone.
    UNSET and hidden fields are missing, and tuples are lists: CEL knows no others.
    """
    if isinstance(value, Struct):
        return {
            name: as_data(item, fields)
            for name in value.__struct_fields__
            if (fields is None or name in fields)
            and name not in HIDDEN
            and (item := getattr(value, name)) is not UNSET
        }
    if isinstance(value, tuple | list):
        items = cast(Sequence[Any], value)
        # a role's permissions are thousands of texts
        return [item if type(item) is str else as_data(item, fields) for item in items]
    if isinstance(value, dict):
        table = cast(dict[str, Any], value)
        return {key: as_data(item, fields) for key, item in table.items()}
    return value


@cache
def compile_expression(text: str, parsed: Parsed | None = None) -> Expression:
    """Return `text` compiled, from what was `parsed` where there is that."""
    return Expression(text, parsed)


def _compiled(text: str) -> Any:
    try:
        return plain_environment().compile(text)
    except Exception as error:
        raise ExpressionError(str(error)) from None


@cache
def plain_environment() -> Any:
    """Return the environment in which plain data is judged, without types."""
    cel = engine()
    return cel.NewEnv(variables={"subject": cel.Type.DYN, "params": cel.Type.DYN})


def subject_path(node: Node) -> Path | None:
    """Return ("a", "b") for `subject.a.b`, else None."""
    if node.kind == "name":
        return () if node.name == "subject" else None
    if node.kind != "select":
        return None
    path = subject_path(node.operands[0])
    return None if path is None else (*path, node.name)


def _reads(tree: Node) -> tuple[tuple[Path, tuple[str, ...]], ...]:
    """Return what an expression reads, as `Parsed` has it."""
    uses: dict[Path, set[str]] = {}
    for path, listed in _uses(tree):
        uses.setdefault(path, set()).add(listed)
    return tuple(
        (path, () if "" in listed else tuple(sorted(listed)))
        for path, listed in sorted(uses.items())
    )


def _uses(node: Node) -> Iterator[tuple[Path, str]]:
    """Yield each use of a field, and the parameter in whose list it is looked for."""
    path = subject_path(node)
    if path is not None:
        yield path, ""
        return
    if node.kind == "call" and node.name == "@in":
        what, where = node.operands
        path, listed = subject_path(what), _parameter(where)
        if path is not None and listed:
            yield path, listed
            return
    for operand in node.operands:
        yield from _uses(operand)


def _parameter(node: Node) -> str:
    """Return "a" for `params.a`, else nothing."""
    if node.kind != "select":
        return ""
    return node.name if node.operands[0].name == "params" else ""
