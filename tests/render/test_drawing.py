"""Chains as pictures."""

from xml.etree import ElementTree

import pytest
from tests.render.sample import CHAIN, ESCAPES, FINDINGS, HOSTILE, SCRIPT
from tests.render.snapshot import FOLDER, assert_same

from dagwarden.facts import Hop
from dagwarden.render.drawing import draw_answer, draw_chain

SVG = "{http://www.w3.org/2000/svg}"


def words(drawing: str, name: str) -> list[str]:
    tree = ElementTree.fromstring(drawing)
    return [
        text.text or "" for text in tree.iter(f"{SVG}text") if text.get("class") == name
    ]


def test_chain() -> None:
    assert_same(
        draw_chain(CHAIN, title="F-2: the chain").encode(), FOLDER / "chain.svg"
    )


def test_a_chain_says_every_node_and_link() -> None:
    drawing = draw_chain(CHAIN, title="x")
    assert words(drawing, "kind") == [
        "DAG",
        "Task",
        "Connection",
        "Service account",
        "Service account",
        "Binding on project 123456789012",
        "Cloud Run job",
        "",
    ]
    assert words(drawing, "name") == [
        "invoice",
        "invoice.run_invoice",
        "gcp_billing",
        "composer-worker@acme-prod.",
        "iam.gserviceaccount.com",
        "etl@acme-prod.iam.",
        "gserviceaccount.com",
        "roles/run.invoker",
        "nightly-invoice",
        "run.jobs.runWithOverrides",
    ]
    assert words(drawing, "word") == [
        "holds",
        "uses",
        "authenticates as",
        "impersonates",
        "is granted",
        "inherited by",
        "calls",
    ]


@pytest.mark.parametrize(
    ("columns", "size"), [(3, ("810", "292")), (1, ("210", "852")), (9, ("2310", "68"))]
)
def test_a_chain_wraps(columns: int, size: tuple[str, str]) -> None:
    tree = ElementTree.fromstring(draw_chain(CHAIN, title="x", columns=columns))
    assert (tree.get("width"), tree.get("height")) == size


def test_hops_that_do_not_meet_have_no_arrow_between() -> None:
    hops = (
        Hop(kind="granted", source="a", target="b", text="t"),
        Hop(kind="calls", source="c", target="d", text="t"),
    )
    assert words(draw_chain(hops, title="x"), "name") == ["a", "b", "c", "d"]
    assert words(draw_chain(hops, title="x"), "word") == ["is granted", "calls"]


def test_it_is_told_to_those_who_do_not_see_it() -> None:
    tree = ElementTree.fromstring(draw_chain(CHAIN[:2], title="F-2\x1b"))
    assert tree.get("role") == "img"
    (title, told) = (tree.find(f"{SVG}title"), tree.find(f"{SVG}desc"))
    assert title is not None
    assert told is not None
    assert tree.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert title.text == r"F-2\x1b"
    assert told.text == f"1. {CHAIN[0].text}. 2. {CHAIN[1].text}."


@pytest.mark.parametrize("columns", [1, 3])
def test_hostile_names_are_text(columns: int) -> None:
    drawing = draw_chain(FINDINGS[2].hops, title=SCRIPT, columns=columns)
    tags = {
        element.tag.removeprefix(SVG)
        for element in ElementTree.fromstring(drawing).iter()
    }
    assert tags == {"svg", "title", "desc", "g", "rect", "text", "path"}
    assert drawing.isprintable()
    assert ESCAPES not in drawing


@pytest.mark.parametrize(
    "node", [*HOSTILE, "", ":", "identity:", "//", "//a/b", "task:x"]
)
def test_any_id_can_be_drawn(node: str) -> None:
    hop = Hop(kind="calls", source=node, target=f"identity:{node}", text=node)
    assert ElementTree.fromstring(draw_chain((hop,), title=node)).get("role") == "img"


def granted(who: str, role: str, place: str) -> Hop:
    return Hop(
        kind="granted",
        source=who,
        target=role,
        text=f'{role} granted on {place}, on condition "t": a',
    )


WAY = (
    granted("user:a@x", "roles/act", "projects/p"),
    granted("user:a@x", "roles/deploy", "folders/1"),
    Hop(kind="can_become", source="user:a@x", target="serviceAccount:b@p", text="t"),
    granted("serviceAccount:b@p", "roles/run.invoker", "projects/p"),
    Hop(
        kind="inherited", source="//crm/projects/1", target="//run/services/s", text="t"
    ),
    Hop(kind="holds", source="roles/run.invoker", target="run.routes.invoke", text="t"),
)


def test_a_chain_of_an_answer_is_in_one_piece_and_says_where_roles_are_granted() -> (
    None
):
    drawing = draw_answer((WAY,), question="q", answer="allowed")
    assert words(drawing, "word") == [
        *("is granted", "and is granted", "so can become"),
        *("is granted", "inherited by", "gives"),
    ]
    assert [word for word in words(drawing, "kind") if word] == [
        *("Role on projects/p", "Role on folders/1", "Role on projects/p", "Service"),
    ]
    assert words(drawing, "name")[1:3] == ["roles/act", "roles/deploy"]


def test_an_answer_without_a_chain_says_its_verdict_and_why() -> None:
    why = [f"reason {n} {SCRIPT}" for n in range(20)] + ["x" * 400]
    drawing = draw_answer((), question=f"who {SCRIPT}", answer="denied", because=why)
    assert words(drawing, "answer") == ["DENIED"]
    assert words(drawing, "question") == [f"who {SCRIPT}"]
    assert words(drawing, "because") == [*why[:12], "and 9 more reasons"]
    tree = ElementTree.fromstring(drawing)
    assert (tree.get("width"), tree.get("height")) == ("1150", str(66 + 13 * 17))
    (line,) = words(
        draw_answer((), question="q", answer="x", because=["a b"]), "because"
    )
    assert line == "a b"
