"""
A rule's own examples, run: `dagwarden rules test`.

An example's subject is what a rule would see: a field that is left out is unknown,
unless every fact has it by default. Examples that would not notice a broken rule are
a failure too: some verdict has to change when `assert` becomes a constant, or when
`when` lets everything in.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Struct

from dagwarden.expression import (
    HIDDEN,
    Expression,
    ExpressionError,
    as_data,
    checks,
    compile_expression,
)
from dagwarden.expression.checks import suggestion
from dagwarden.facts import KINDS, Fact, Record
from dagwarden.findings import Outcome
from dagwarden.policy.evaluate import outcome_of, params_of
from dagwarden.policy.load import Example, RuleFile
from dagwarden.rule import Rule

if TYPE_CHECKING:
    from msgspec.inspect import Type


class ExamplesResult(Record, frozen=True, kw_only=True):
    """How one rule's examples came out; `problems` is empty when all is well."""

    rule: str
    examples: int
    problems: tuple[str, ...]  # each `file:line: what`


def run_examples(rule_files: Sequence[RuleFile]) -> tuple[ExamplesResult, ...]:
    """Run the examples of each rule, and of its mutants, in the order given."""
    return tuple(
        ExamplesResult(
            rule=found.rule.id,
            examples=len(found.examples),
            problems=tuple(_problems(found)),
        )
        for found in rule_files
    )


def _problems(found: RuleFile) -> Iterator[str]:
    rule, kind = found.rule, KINDS[found.rule.subject][1]
    at_rule = f"{rule.source}:{found.lines[0] if found.lines else 1}"
    wrong = False
    for example, line in zip(found.examples, found.lines, strict=True):
        for what in schema_problems(kind, example.subject):
            wrong = True
            yield f"{rule.source}:{line}: example {example.name}: {what}"
    if wrong:
        return
    verdicts: list[str] = []
    for example, line in zip(found.examples, found.lines, strict=True):
        verdict = _verdict(rule, example, rule.when, rule.assert_)
        verdicts.append(verdict)
        if verdict != example.expect:
            yield (
                f"{rule.source}:{line}: example {example.name}: "
                f"expected {example.expect}, is {verdict}"
            )
        for what in _turned(rule, example, verdict):
            yield f"{rule.source}:{line}: example {example.name}: {what}"
    for expected in _wanted(rule, kind):
        if expected not in {example.expect for example in found.examples}:
            yield f"{at_rule}: no example expects {expected}; add one"
    for mutant, when, assert_ in _mutants(rule):
        if verdicts == [_verdict(rule, e, when, assert_) for e in found.examples]:
            yield (
                f"{at_rule}: the examples do not notice when {mutant}; add one that does"
            )


def _wanted(rule: Rule, kind: type[Fact]) -> Iterator[str]:
    """Yield the verdicts that the rule's examples have to show."""
    yield "pass"
    yield "fail"
    if rule.when.strip() not in ("true", "false"):
        yield "not_applicable"
    reads = {
        *compile_expression(rule.when).reads,
        *compile_expression(rule.assert_).reads,
    }
    if any(checks.may_be_missing(kind, path) for path in reads):
        yield "unknown"


def _turned(rule: Rule, example: Example, verdict: str) -> Iterator[str]:
    """
    Find what turns the example's verdict when less of a collection is known.

    The known part of a collection is the one thing that a rule sees growing; a rule
    that passes on it alone would fail once the rest is read.
    """
    for name, items in example.subject.items():
        known = f"{name}_known"
        if known not in KINDS[rule.subject][1].__struct_fields__:
            continue
        rest = {k: v for k, v in example.subject.items() if k not in (name, known)}
        for size in range(len(items) + 1):
            less = Example(
                name=example.name,
                subject={**rest, known: items[:size]},
                expect=example.expect,
            )
            before = _verdict(rule, less, rule.when, rule.assert_)
            if before not in ("unknown", verdict):
                yield (
                    f"{before} while only part of {name} is known turns into {verdict}; "
                    f"let {name} decide too"
                )
                return


def _mutants(rule: Rule) -> Iterator[tuple[str, str, str]]:
    for constant in ("true", "false"):
        yield f"`assert` is {constant}", rule.when, constant
    if rule.when.strip() not in ("true", "false"):
        yield "`when` is true", "true", rule.assert_


def _verdict(rule: Rule, example: Example, when: str, assert_: str) -> str:
    kind = KINDS[rule.subject][1]
    subject = with_defaults(kind, example.subject)
    params = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in params_of(rule, {}).items()
    }
    try:
        outcome: Outcome = outcome_of(
            Expression(when), Expression(assert_), subject, params
        )
    except ExpressionError as error:
        return f"no answer ({error})"
    return outcome.value


# ------------------------------------------------------------------ partial subjects


def schema_problems(kind: type[Struct], subject: Mapping[str, Any]) -> list[str]:
    """Return where a partial `subject` departs from the schema of its kind."""
    from msgspec import inspect

    return list(_departures(inspect.type_info(kind), dict(subject), ""))


def _departures(expected: "Type", value: object, path: str) -> Iterator[str]:
    from msgspec import inspect

    expected, optional = checks.split_optional(expected)
    if value is None and optional:
        return
    if isinstance(expected, inspect.StructType) and isinstance(value, dict):
        table = cast(dict[str, object], value)
        fields = {f.name: f for f in expected.fields if f.name not in HIDDEN}
        for name, item in table.items():
            where = f"{path}.{name}" if path else name
            if name not in fields:
                yield f"there is no field {where}{suggestion(name, list(fields))}"
            else:
                yield from _departures(fields[name].type, item, where)
    elif isinstance(expected, inspect.VarTupleType) and isinstance(value, list):
        for number, item in enumerate(cast(list[object], value)):
            yield from _departures(expected.item_type, item, f"{path}[{number}]")
    else:
        yield from _wrong_type(expected, value, path)


def _wrong_type(expected: "Type", value: object, path: str) -> Iterator[str]:
    from msgspec import inspect

    plain: dict[type[Type], tuple[type, str]] = {
        inspect.StrType: (str, "text"),
        inspect.BoolType: (bool, "true or false"),
        inspect.IntType: (int, "a whole number"),
        inspect.FloatType: (float, "a number"),
        inspect.StructType: (dict, "a table of fields"),
        inspect.VarTupleType: (list, "a list"),
        inspect.DictType: (dict, "a table"),
    }
    if isinstance(expected, inspect.LiteralType):
        if value not in expected.values:
            values = [str(v) for v in expected.values]
            yield f"{path} is never {value}{suggestion(str(value), values)}"
        return
    kind, words = plain[type(expected)]
    fits = isinstance(value, (int, float) if kind is float else kind)
    if not fits or (isinstance(value, bool) and kind is not bool):
        yield f"{path} is {words}"


def with_defaults(kind: type[Struct], subject: Mapping[str, Any]) -> dict[str, Any]:
    """Return a partial subject with the defaults that every fact of its kind has."""
    from msgspec import inspect

    filled: dict[str, Any] = _filled(inspect.type_info(kind), dict(subject))
    return filled


def _filled(expected: "Type", value: Any) -> Any:
    from msgspec import inspect

    expected, _ = checks.split_optional(expected)
    if isinstance(expected, inspect.VarTupleType) and isinstance(value, list):
        items = cast(Sequence[Any], value)
        return [_filled(expected.item_type, item) for item in items]
    if not isinstance(expected, inspect.StructType) or not isinstance(value, dict):
        return cast(object, value)
    filled: dict[str, Any] = {}
    for field in expected.fields:
        if field.name in value:
            filled[field.name] = _filled(field.type, value[field.name])
        elif field.default is not msgspec.NODEFAULT and field.name not in (HIDDEN):
            filled[field.name] = as_data(field.default)
    return filled
