"""Expressions: three-valued, checked against the schema, never fooled by absence."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from dagwarden.expression import UNKNOWN, Expression, ExpressionError, as_data
from dagwarden.expression.checks import MAX_LENGTH, check, may_be_missing
from dagwarden.facts import (
    KINDS,
    ComposerEnvironment,
    Fact,
    Grant,
    IdentityRef,
    Maybe,
    Origin,
    Task,
    Unresolved,
)
from dagwarden.rule import Parsed


class Labelled(Fact, frozen=True, kw_only=True):
    """A fact with what no shipped fact has yet: a map."""

    labels: Maybe[dict[str, str]] = UNSET


JOINED = (
    "subject.impersonation_chain != null"
    ' && subject.impersonation_chain.exists(c, c.contains(","))'
)


@pytest.mark.parametrize(
    ("text", "subject", "answer"),
    [
        ("subject.a == 1", {"a": 1}, True),
        ("subject.a == 1", {"a": 2}, False),
        ("subject.a == 1", {}, UNKNOWN),
        ("subject.a.b == 1", {"a": {}}, UNKNOWN),
        ("subject.a == 1 && subject.b == 2", {"a": 5}, False),
        ("subject.a == 1 && subject.b == 2", {"b": 5}, False),
        ("subject.a == 1 && subject.b == 2", {"a": 1}, UNKNOWN),
        ("subject.a == 1 || subject.b == 2", {"a": 1}, True),
        ("subject.a == 1 || subject.b == 2", {"b": 2}, True),
        ("subject.a == 1 || subject.b == 2", {"a": 5}, UNKNOWN),
        ("subject.a.exists(x, x.k == 1)", {"a": [{}, {"k": 1}]}, True),
        ("subject.a.exists(x, x.k == 1)", {"a": [{}, {"k": 2}]}, UNKNOWN),
        ("subject.a.all(x, x.k == 1)", {"a": [{}, {"k": 2}]}, False),
        ("subject.a.all(x, x.k == 1)", {"a": [{}, {"k": 1}]}, UNKNOWN),
        ("subject.a > 90.0", {"a": 91}, True),
        ("subject.a <= params.limit", {"a": 7.5}, True),
    ],
)
def test_answer(text: str, subject: dict[str, Any], answer: object) -> None:
    assert Expression(text).evaluate(subject, {"limit": 8.0}) is answer
    again = Expression(text, Expression(text).parsed)
    assert again.evaluate(subject, {"limit": 8.0}) is answer


@pytest.mark.parametrize(
    ("text", "subject", "words"),
    [
        ("subject.a > 1.0", {"a": None}, "No matching overloads"),
        ("subject.a / 0 == 1", {"a": 1}, "divide by zero"),
        ("subject.a[3] == 1", {"a": [1]}, "Index error"),
        ("subject.a", {"a": 3}, "3"),
        ("subject.a", {"a": "text"}, "text"),
    ],
)
def test_what_is_no_answer_is_an_error_and_not_unknown(
    text: str, subject: dict[str, Any], words: str
) -> None:
    with pytest.raises(ExpressionError, match=words):
        Expression(text).evaluate(subject, {})


@pytest.mark.parametrize("text", ["1 +", "", "subject.", "(" * 2_000])
def test_what_does_not_compile_says_so(text: str) -> None:
    with pytest.raises(ExpressionError):
        Expression(text)


def test_a_long_loop_ends() -> None:
    text = "subject.a.all(x, subject.a.all(y, subject.a.all(z, z == 1)))"
    with pytest.raises(ExpressionError, match=r"[Bb]udget"):
        Expression(text).evaluate({"a": [1] * 300}, {})


def test_a_tree_of_another_engine_is_made_again() -> None:
    other = Parsed(b"not a tree", ((("a",), ()),))
    assert Expression("subject.a == 1", other).evaluate({"a": 1}, {}) is True


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("true", []),
        ("subject.a == 1", [("a",)]),
        ("subject.b.c == 1 && subject.a in params.x", [("a",), ("b", "c")]),
        ("subject.a.exists(x, x.k == subject.b)", [("a",), ("b",)]),
        ("subject.a ? subject.b : subject.c", [("a",), ("b",), ("c",)]),
        ("[subject.a, 2].size() == subject.b.size()", [("a",), ("b",)]),
        ("!subject.a.startsWith(subject.b)", [("a",), ("b",)]),
    ],
)
def test_reads(text: str, reads: list[tuple[str, ...]]) -> None:
    assert list(Expression(text).reads) == reads


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("subject.a in params.x", ("x",)),
        ("subject.a in params.y || !(subject.a in params.x)", ("x", "y")),
        ("subject.a in params.x && subject.a != null", ()),
        ("subject.a == params.x", ()),
        ('subject.a in ["x"]', ()),
        ("params.x in subject.a", ()),
        ("subject.a in subject.x", ()),
        ('(subject.a + "s") in params.x', ()),
    ],
)
def test_a_field_may_be_looked_for_in_parameters_alone(
    text: str, listed: tuple[str, ...]
) -> None:
    assert Expression(text).reads[("a",)] == listed


def test_long_constants_survive_the_syntax_tree() -> None:
    text = f'subject.a == "{"x" * 300}" || subject.b == "\u00e9\U0001f600"'
    assert list(Expression(text).reads) == [("a",), ("b",)]


def test_a_fact_as_data_lacks_what_is_not_known() -> None:
    grant = Grant(
        id="g",
        origin=Origin(source="a.json"),
        unresolved=(Unresolved(field="permissions", reason="layer", symbol="roles"),),
        identity=IdentityRef(key="user:a@b", kind="user"),
        binding="b",
        resource="r",
        level="project",
        role="roles/x",
        basic_role=False,
        beyond_invoke=("p", "q"),
    )
    assert as_data(grant) == {
        "id": "g",
        "origin": {"source": "a.json", "line": None, "field": None},
        "identity": {
            "key": "user:a@b",
            "kind": "user",
            "email": None,
            "default_compute": False,
        },
        "binding": "b",
        "resource": "r",
        "resource_label": "",
        "level": "project",
        "role": "roles/x",
        "basic_role": False,
        "beyond_invoke": ["p", "q"],
        "deploys_by": [],
        "domain": None,
        "conditional": False,
        "used_by_tasks": False,
        "valid_before": None,
    }
    # of what lies in it, too, only what can be named
    assert as_data(grant, {"identity", "kind", "role", "permissions"}) == {
        "identity": {"kind": "user"},
        "role": "roles/x",
    }


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_fact_can_be_checked(kind: str) -> None:
    assert check("true", KINDS[kind][1], {}) == []
    (problem,) = check("subject.nonsense", KINDS[kind][1], {})
    assert problem.startswith("there is no field nonsense; there is: ")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('"run.jobs.run" in subject.permissions', Grant),
        ('subject.permissions.exists(p, p.startsWith("run."))', Grant),
        ('subject.identity.email != null && subject.identity.email == "a@b"', Grant),
        ("subject.impersonation_chain == null", Task),
        (JOINED, Task),
        ("subject.retries == null || subject.retries > 3", Task),
        ("subject.retries != null && subject.retries > params.n", Task),
        ('subject.secrets.exists(s, s.kind == "password")', Task),
        (
            "subject.dag_writers.all(w, w.identity.key in params.names)",
            ComposerEnvironment,
        ),
        ('subject.role.matches("^roles/run[.]")', Grant),
    ],
)
def test_accepted(text: str, kind: type[Fact]) -> None:
    assert check(text, kind, {"n": 3, "names": ("a",)}) == []


def test_what_another_expression_guards_needs_no_guard() -> None:
    text = "subject.retries > 3"
    assert check(text, Task, {}, where="subject.retries != null") == []
    (problem,) = check(text, Task, {}, where="subject.mapped")
    assert "write `subject.retries != null && ...` before it" in problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('subject.levl == "x"', "there is no field levl; did you mean level?"),
        (
            'subject.identity.kid == "x"',
            "there is no field kid; did you mean kind?",
        ),
        (
            'subject.level == "servise"',
            'subject.level is never "servise"; did you mean service?',
        ),
        (
            'subject.level in ["service", "jobb"]',
            'subject.level is never "jobb"; did you mean job?',
        ),
        (
            'subject.identity.kind != "human"',
            'subject.identity.kind is never "human"; there is: all_authenticated_users,',
        ),
        ("has(subject.permissions)", "has() would make a missing field definite"),
        ("known(subject.role)", "known() does not exist"),
        ("subject.unresolved.size() == 0", "there is no field unresolved"),
        ('subject.permissions == ["a"]', "whole lists, maps and records"),
        ("subject.permissions != subject.beyond_invoke", "whole lists, maps"),
        ("subject.identity == subject.identity", "whole lists, maps and records"),
        ("subject.identity in [subject.identity]", "`in` cannot look for a whole"),
        ('{"a": 1}.a == 1', "a map or message literal has no use here"),
        ("subject.role", "the expression gives a string; make it true or false"),
        ("dyn(subject.role) == 1", "`dyn` is not offered to rules"),
        ("int(subject.role) == 1", "`int` is not offered to rules"),
        ('subject.permissions[0] == "a"', "`[_]` is not offered to rules"),
        ("subject.role.size() / 0 == 1", "`/` is not offered to rules"),
        ('subject.role.matches("[")', "the pattern of matches() is wrong: "),
        ("subject.role.matches(subject.level)", "matches() needs its pattern"),
        ("subject.identity.email.size() > 1", "subject.identity.email may be null"),
        (
            'subject.level == "job" && subject.identity.email.size() > 1',
            "subject.identity.email may be null",
        ),
        (
            '"x" in subject.permissions || subject.identity.email.startsWith("a")',
            "subject.identity.email may be null",
        ),
        ("params.maximum > 1.0", "there is no parameter maximum; did you mean max?"),
        ("params.max > 1", "write whole numbers with a point, as 90.0"),
        ("params.names == params.names", "whole lists, maps and records"),
        ("role == 1", "role is not defined; expressions see subject and params"),
        ("1 +", "at character 4: Syntax error"),
        (
            "subject.permissions.exists(subject, subject == 'a')",
            "subject is taken; name the loop variable otherwise",
        ),
        ("(" * 3_000, "the expression is nested too deeply; split the rule"),
        ("subject" + ".identity" * 100, "the expression is nested too deeply"),
        ("string != dagwarden.Grant", "string is a type, which rules cannot use"),
        (
            "['a']" + ".map(x, x + x + x)" * 3 + ".size() > 0",
            "more than 2 loops, each over what the next makes",
        ),
        ("true" + " " * MAX_LENGTH, "the expression is longer than 4000 characters"),
    ],
)
def test_refused(text: str, problem: str) -> None:
    found = check(text, Grant, {"max": 1.5, "names": ("a",)})
    assert problem in found[0]
    assert len(found) == 1 or "dagwarden.Grant is a type" in found[1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('"k" in subject.labels', "`in` on a map would make a missing key definite"),
        ("subject.labels == subject.labels", "whole lists, maps and records"),
        ('subject.labels["k"] == "v"', "`[_]` is not offered to rules"),
        ("has(subject.labels.k)", "has() would make a missing field definite"),
    ],
)
def test_refused_on_maps(text: str, problem: str) -> None:
    (found,) = check(text, Labelled, {})
    assert problem in found


def test_maps_are_read_by_key() -> None:
    assert check('subject.labels.team == "data"', Labelled, {}) == []
    reads = Expression('subject.labels.team == "data"').reads
    assert list(reads) == [("labels", "team")]


def test_null_within_a_list_needs_a_guard_too() -> None:
    text = 'subject.secrets.exists(s, s.identity.startsWith("a"))'
    (problem,) = check(text, Task, {})
    assert problem.startswith("a field within subject.secrets may be null")
    text = 'subject.secrets.exists(s, s.identity != null && s.identity == "a")'
    assert check(text, Task, {}) == []


def test_every_problem_is_told_at_once() -> None:
    found = check('has(subject.role) || subject.level == "x"', Grant, {})
    assert len(found) == 2
    found = check("subject.a == 1 && subject.b == 1", Grant, {})
    assert [problem.split(";")[0] for problem in found] == [
        "there is no field a",
        "there is no field b",
    ]


@pytest.mark.parametrize(
    ("kind", "path", "missing"),
    [
        ("grant", ("permissions",), True),
        ("grant", ("role",), False),
        ("grant", ("conditional",), False),
        ("task_identity", ("identity", "kind"), True),
        ("grant", ("identity", "email"), False),
        ("snapshot", ("layers", "allow"), False),
        ("connection", ("credential", "path"), True),
        ("reach", ("controls_known",), False),
    ],
)
def test_what_a_fact_may_lack(kind: str, path: tuple[str, ...], missing: bool) -> None:
    assert may_be_missing(KINDS[kind][1], path) is missing


# Expressions over four booleans, as text and as Kleene's three-valued logic.
_NAMES = "abcd"
_expressions = st.recursive(
    st.sampled_from([(f"subject.{n}", n) for n in _NAMES]),
    lambda inner: st.one_of(
        inner.map(lambda x: (f"!({x[0]})", ("not", x[1]))),
        st.tuples(inner, inner).map(
            lambda x: (f"({x[0][0]} && {x[1][0]})", ("and", x[0][1], x[1][1]))
        ),
        st.tuples(inner, inner).map(
            lambda x: (f"({x[0][0]} || {x[1][0]})", ("or", x[0][1], x[1][1]))
        ),
    ),
    max_leaves=8,
)


def kleene(tree: Any, values: dict[str, bool]) -> bool | None:
    if isinstance(tree, str):
        return values.get(tree)
    answers: list[bool | None] = [kleene(part, values) for part in tree[1:]]
    if tree[0] == "not":
        return None if answers[0] is None else not answers[0]
    decisive: bool = tree[0] == "or"
    if decisive in answers:
        return decisive
    return None if None in answers else not decisive


@given(_expressions, st.dictionaries(st.sampled_from(_NAMES), st.booleans()))
def test_answers_are_those_of_three_valued_logic(
    expression: tuple[str, Any], values: dict[str, bool]
) -> None:
    text, tree = expression
    answer = Expression(text).evaluate(values, {})
    assert (None if answer is UNKNOWN else answer) is kleene(tree, values)
