"""Conditions of IAM: each case with the documentation that it rests on."""

from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.expression import conditions
from dagwarden.expression.conditions import Condition, Request, Window
from dagwarden.expression.tree import syntax_tree

AS_OF = datetime(2026, 11, 30, 8, 30, tzinfo=UTC)  # a Monday
NAME = "resource.name"
# Cloud Run and IAM are no services of the list of resource attributes.
RUN = Request(
    known={"request.time": AS_OF},
    lacking={
        NAME: "projects/p/locations/r/services/api",
        "resource.type": "run.googleapis.com/Service",
        "resource.service": "run.googleapis.com",
    },
)
BEGINS = "projects/_/buckets/b/objects/"
OBJECT = Request(
    known={
        "request.time": AS_OF,
        "resource.type": "storage.googleapis.com/Object",
        "resource.service": "storage.googleapis.com",
    },
    name_begins=BEGINS,
)
SECRET = Request(known={NAME: "projects/7/secrets/s", "request.time": AS_OF})
ACCOUNT = Request(
    known={
        "principal.type": "iam.googleapis.com/ServiceAccount",
        "principal.subject": "a@p.iam.gserviceaccount.com",
    }
)
SOON, LONG_AGO = (
    'timestamp("2027-01-01T00:00:00Z")',
    'timestamp("2020-01-01T00:00:00Z")',
)
PAST, FUTURE = f"request.time < {LONG_AGO}", f"request.time < {SOON}"
PATH = 'request.path == "/admin"'

# cloud.google.com/iam/docs/conditions-attribute-reference, by heading
CASES: list[tuple[str, Request, str, bool | None]] = [
    # date/time attribute
    ("before", RUN, FUTURE, True),
    ("expired", RUN, PAST, False),
    ("at the very moment", RUN, 'request.time <= timestamp("2026-11-30T08:30:00Z")', True),
    ("in another offset", RUN, 'request.time < timestamp("2026-11-30T09:30:00+02:00")', False),
    ("a date is midnight in UTC", RUN, 'request.time > date("2026-11-30")', True),
    ("tomorrow's date", RUN, 'request.time >= date("2026-12-01")', False),
    ("a duration is added", RUN, f'request.time + duration("2592000s") < {SOON}', True),
    ("an invalid time never allows", RUN, 'request.time < timestamp("soon") || true', False),
    ("an invalid date never allows", RUN, 'request.time < date("2026-13-01")', False),
    ("hour in UTC", RUN, "request.time.getHours() == 8", True),
    ("hour in Berlin", RUN, 'request.time.getHours("Europe/Berlin") == 9', True),
    ("hour by offset", RUN, 'request.time.getHours("-08:00") == 0', True),
    ("minutes", RUN, "request.time.getMinutes() == 30", True),
    ("Monday is 1", RUN, "request.time.getDayOfWeek() == 1", True),
    ("Sunday in Honolulu", RUN, 'request.time.getDayOfWeek("Pacific/Honolulu") == 0', True),
    ("getDate counts from one", RUN, "request.time.getDate() == 30", True),
    ("getDayOfMonth counts from zero", RUN, "request.time.getDayOfMonth() == 29", True),
    ("getDayOfYear counts from zero", RUN, "request.time.getDayOfYear() == 333", True),
    ("months count from zero", RUN, "request.time.getMonth() == 10", True),
    ("full year", RUN, "request.time.getFullYear() > 2025", True),
    ("a zone that is none", RUN, 'request.time.getHours("Mars/Base") == 8', None),
    ("no time is given", Request(known={}), FUTURE, None),
    # support for inherited conditions: attributes that a service does not provide
    ("the name is not provided", RUN, f'{NAME}.startsWith("projects/p")', False),
    ("nor does its negation grant", RUN, f'!{NAME}.startsWith("projects/q")', False),
    ("nor its inequality", RUN, f'{NAME} != "projects/q"', False),
    ("its own type grants nothing", RUN, 'resource.type == "run.googleapis.com/Service"', False),
    ("its own service grants nothing", RUN, 'resource.service == "run.googleapis.com"', False),
    ("a guard for another type holds", RUN,
     f'resource.type != "compute.googleapis.com/Disk" || {NAME}.endsWith("x")', True),
    ("a guard for another service holds", RUN,
     'resource.service != "storage.googleapis.com"', True),
    ("what a guard for its own type says is not documented", RUN,
     'resource.type != "run.googleapis.com/Service"', None),
    ("an alternative still grants", RUN, f'{NAME} == "x" || {FUTURE}', True),
    ("a further demand does not", RUN, f'{NAME} == "x" && {FUTURE}', False),
    # resource.name
    ("a known name", SECRET, f'{NAME} == "projects/7/secrets/s"', True),
    ("extract", SECRET, f'{NAME}.extract("secrets/{{s}}") == "s"', True),
    ("extract up to a suffix", SECRET, f'{NAME}.extract("projects/{{p}}/") == "7"', True),
    ("extract from the start", SECRET, f'{NAME}.extract("{{x}}/secrets") == "projects/7"', True),
    ("extract finds nothing", SECRET, f'{NAME}.extract("zones/{{z}}/") == ""', True),
    ("every object begins so", OBJECT, f'{NAME}.startsWith("projects/_/buckets/b")', True),
    ("some objects begin so", OBJECT, f'{NAME}.startsWith("{BEGINS}dags/")', None),
    ("no object begins so", OBJECT, f'{NAME}.startsWith("projects/_/buckets/c")', False),
    ("no object is the bucket", OBJECT, f'{NAME} == "projects/_/buckets/b"', False),
    ("nor unequal to it", OBJECT, f'{NAME} != "projects/_/buckets/b"', True),
    ("one object may be", OBJECT, f'{NAME} == "{BEGINS}a.py"', None),
    ("how it ends is not known", OBJECT, f'{NAME}.endsWith(".py")', None),
    ("the type is known", OBJECT, 'resource.type == "storage.googleapis.com/Object"', True),
    # request attributes depend on the request
    ("a path", RUN, PATH, None),
    ("a path, expired", RUN, f"{PATH} && {PAST}", False),
    ("expired, a path", RUN, f"{PAST} && {PATH}", False),
    ("a path, or before", RUN, f"{PATH} || {FUTURE}", True),
    ("a path and a name that is not provided", RUN, f'{PATH} && {NAME} == "x"', False),
    ("a path, or such a name", RUN, f'{PATH} || {NAME} == "x"', None),
    ("destination", RUN, "destination.port == 22", None),
    ("access levels", RUN, '"accessPolicies/1/accessLevels/x" in request.auth.access_levels', None),
    ("API attributes", RUN,
     'api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["r"])', None),
    # resource tags, without a snapshot of them
    ("a tag", RUN, 'resource.matchTag("1/env", "prod")', None),
    ("a tag by id, expired", RUN, f'resource.matchTagId("tagKeys/1", "tagValues/2") && {PAST}', False),
    # principal attributes, of bindings of access boundaries
    ("its type", ACCOUNT, 'principal.type == "iam.googleapis.com/ServiceAccount"', True),
    ("one of types", ACCOUNT, 'principal.type in ["iam.googleapis.com/WorkspaceIdentity"]', False),
    ("its subject", ACCOUNT, 'principal.subject.endsWith("@p.iam.gserviceaccount.com")', True),
    ("all but one", ACCOUNT, 'principal.subject != "a@p.iam.gserviceaccount.com"', False),
    # operators
    ("the choice", RUN, f"{FUTURE} ? {PAST} : true", False),
    ("an open choice", RUN, f"{PATH} ? true : {PAST}", None),
    ("constants", RUN, "true", True),
    # what IAM would not accept
    ("no condition", RUN, "", None),
    ("no CEL", RUN, "request.time <", None),
    ("another name", RUN, "c", None),
    ("a loop", RUN, "[1].exists(x, x == 1)", None),
    ("has()", RUN, "has(request.time)", None),
    ("types that do not fit", RUN, 'request.time < "2027"', None),
    ("too nested for a parser", RUN, "(" * 1900 + "true" + ")" * 1900, None),
    ("too long", RUN, " || ".join([FUTURE] * 100), None),
    ("too deep", RUN, f"!({FUTURE} && " * 70 + "true" + ")" * 70, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "text", "holds"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_condition_holds_or_not_or_is_open(
    request_: Request, text: str, holds: bool | None
) -> None:
    decided = Condition(text).decide(request_)
    assert decided.holds is holds
    assert bool(decided.open) is (holds is None)


def test_what_would_decide_is_named() -> None:
    text = f'{PATH} && resource.matchTag("1/env", "prod") && {FUTURE}'
    assert Condition(text).decide(RUN).open == (
        "request.path",
        "tag 1/env of the resource",
    )


@pytest.mark.parametrize("held", [True, False])
def test_a_tag_function_is_asked_with_its_arguments(held: bool) -> None:
    asked: list[tuple[str, tuple[str, ...]]] = []

    def tag(name: str, arguments: tuple[str, ...]) -> bool:
        asked.append((name, arguments))
        return held

    request = Request(known={}, tag=tag)
    text = 'resource.matchTag("1/env", "prod") && resource.hasTagKeyId("tagKeys/3")'
    assert Condition(text).decide(request).holds is held
    assert asked[0] == ("matchTag", ("1/env", "prod"))
    assert held is (("hasTagKeyId", ("tagKeys/3",)) in asked) or len(asked) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('resource.name == "a"', "a"),
        ('resource.name == "b"', "b"),
        ('resource.name in ["c", "b"]', "b"),
        ('"d" + "0" == resource.name', "d0"),
        (r'resource.name == r"a\b"', r"a\b"),
        (r'resource.name == "a\"b"', 'a"b'),
        ('resource.name == """a"b"""', 'a"b'),
        ("""resource.name == '"b"'""", '"b"'),
        ('resource.name == "b" // "a"', "b"),
        ('resource.name == /* "b" */ "a"', None),
        ('resource.name == "a', None),
        ('resource.name == "a" "b"', None),
    ],
)
def test_texts_are_quoted_in_many_ways(text: str, name: str | None) -> None:
    condition = Condition(text)
    assert condition.understood is (name is not None)
    for asked in ("a", "b", "0", "1", *filter(None, [name])):
        said = condition.decide(Request(known={NAME: asked})).holds
        assert said is (None if name is None else asked == name)


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "after", "before"),
    [
        (FUTURE, None, day("2027-01-01")),
        (f"{SOON} > request.time", None, day("2027-01-01")),
        (f"request.time >= {LONG_AGO} && {FUTURE}", day("2020-01-01"), day("2027-01-01")),
        (f"{FUTURE} && {PAST}", None, day("2020-01-01")),
        (f"{FUTURE} || {PAST}", None, day("2027-01-01")),
        (f"{FUTURE} || {PATH}", None, None),
        (f"{FUTURE} && {PATH}", None, day("2027-01-01")),
        (f"!(request.time < {SOON})", day("2027-01-01"), None),
        ('request.time < date("2026-12-01") + duration("86400s")', None, None),
        ('request.time < date("2026-12-01")', None, day("2026-12-01")),
        ("request.time.getHours() < 8", None, None),
        ("request.time <", None, None),
    ],
)  # fmt: skip
def test_the_times_between_which_it_may_hold(
    text: str, after: datetime | None, before: datetime | None
) -> None:
    found = Condition(text).window
    if "duration" in text:
        before = day("2026-12-02")
    assert found == Window(after=after, before=before)


ATOMS = {
    PAST: False,
    FUTURE: True,
    PATH: None,
    f'{NAME} == "x"': "never",
    'resource.matchTag("1/env", "prod")': None,
}
Tree = tuple[object, ...]
TREES = st.recursive(
    st.sampled_from(sorted(ATOMS)).map(lambda atom: ("atom", atom)),
    lambda inner: (
        st.tuples(st.just("not"), inner)
        | st.tuples(st.sampled_from(["and", "or"]), inner, inner)
    ),
    max_leaves=6,
)


def parts_of(tree: Tree) -> list[Tree]:
    return [cast(Tree, part) for part in tree[1:] if isinstance(part, tuple)]


def written(tree: Tree) -> str:
    kind = tree[0]
    if kind == "atom":
        return str(tree[1])
    texts = list(map(written, parts_of(tree)))
    if kind == "not":
        return f"!({texts[0]})"
    return f"({texts[0]}) {'&&' if kind == 'and' else '||'} ({texts[1]})"


def possible(tree: Tree) -> set[object]:
    """Return what may come of a tree: CEL's absorption, for each way to fill it in."""
    kind = tree[0]
    if kind == "atom":
        value = ATOMS[str(tree[1])]
        return {True, False} if value is None else {value}
    sides = list(map(possible, parts_of(tree)))
    if kind == "not":
        return {"never" if one == "never" else not one for one in sides[0]}
    wins = kind == "or"
    found: set[object] = set()
    for one in sides[0]:
        for other in sides[1]:
            pair = {one, other}
            found.add(
                wins if wins in pair else "never" if "never" in pair else not wins
            )
    return found


@given(TREES)
def test_every_combination_follows_the_absorption_of_errors(
    tree: Tree,
) -> None:
    ways = possible(tree)
    expected = True if ways == {True} else False if True not in ways else None
    assert Condition(written(tree)).decide(RUN).holds is expected


# what CEL reads for itself: escapes, other quotes, comments, prefixes
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'resource.name == "x\u0031"', True),
        (r'resource.name == "x\"1"', False),
        (r'resource.name == r"x1"', True),
        (r'resource.name == r"x\u0031"', False),
        ('resource.name == b"x1"', None),
        ('resource.name == """x1"""', True),
        ('resource.name == """""" + "x1"', True),
        ("resource.name == 'x1' && '\"' == '\"'", True),
        ('resource.name == "x1" // is not "x2"', True),
        ('resource.name == "x1" "x2"', None),
        ('resource.name == "x1', None),
        ('resource.name == "x\n1"', None),
        ('"1" == "0"', False),
    ],
)  # fmt: skip
def test_constants_are_what_stands_between_quotes(
    text: str, expected: bool | None
) -> None:
    assert Condition(text).decide(Request(known={NAME: "x1"})).holds is expected


PLAIN = st.text(st.characters(exclude_characters="\"'\\"), max_size=9)


@given(PLAIN, PLAIN, st.booleans())
def test_both_kinds_of_quotes_mean_the_same(one: str, two: str, first: bool) -> None:
    request = Request(known={NAME: one if first else f"{two}0"})
    double, single = (
        Condition(
            f"{NAME} == {quote}{one}{quote} || {NAME}.startsWith({quote}{two}{quote})"
            f" && !({NAME} in [{quote}0{quote}])"
        ).decide(request)
        for quote in ('"', "'")
    )
    assert double == single


def test_conditions_that_differ_in_constants_alone_are_read_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[bytes] = []

    def noted(tree: bytes) -> object:
        read.append(tree)
        return syntax_tree(tree)

    monkeypatch.setattr(conditions, "syntax_tree", noted)
    for number in range(100):
        text = f'{NAME} == "bucket-{number}" && {NAME} != "no such"'
        request = Request(known={NAME: f"bucket-{number}"})
        assert Condition(text).decide(request).holds is True
        assert Condition(text).decide(SECRET).holds is False
    assert len(read) == 1
