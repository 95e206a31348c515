"""The answer to a question about access, as text."""

import pytest

from dagwarden.answers import Answered, Explanation
from dagwarden.facts import Hop, Origin
from dagwarden.render.explanation import render_explanation

USES = Hop(
    kind="uses_connection",
    source="d.t",
    target="connection c",
    text="uses connection c",
    origin=Origin(source="connections.json", field="c"),
)
HOLDS = Hop(kind="holds", source="roles/r", target="run.jobs.run", text="r holds it")


def said(answer: Answered, *chains: tuple[Hop, ...]) -> Explanation:
    return Explanation(
        principal="user:a\x1b[1m@x.example",
        permission="run.jobs.run",
        resource="//run.googleapis.com/j",
        answer=answer,
        today=answer,
        chains=chains,
        because=("nobody granted it",),
        assumes=("no deny policy applies",),
    )


def test_the_answer_comes_with_its_reason_first_and_then_the_way_there() -> None:
    assert render_explanation(said("denied", (USES,)), colour=False) == (
        "DENIED  user:a\\x1b[1m@x.example\n"
        "  run.jobs.run\n"
        "  on //run.googleapis.com/j\n"
        "\n"
        "because\n"
        "  - nobody granted it\n"
        "\n"
        "how far it gets\n"
        "  1. uses connection c\n"
        "     read in connections.json (c)\n"
        "\n"
        "assuming\n"
        "  - no deny policy applies\n"
    )


@pytest.mark.parametrize(
    ("answer", "chains", "titles"),
    [
        ("allowed", ((USES, HOLDS), (HOLDS,)), ["chain 1 of 2", "chain 2 of 2"]),
        ("unknown", ((USES, HOLDS),), ["chain 1 of 1"]),
        ("unknown", ((USES,),), ["how far it gets"]),
        ("denied", (), []),
    ],
)
def test_only_what_ends_in_the_permission_is_called_a_chain(
    answer: Answered, chains: tuple[tuple[Hop, ...], ...], titles: list[str]
) -> None:
    lines = render_explanation(said(answer, *chains), colour=False).splitlines()
    assert [line for line in lines if line.startswith(("chain", "how"))] == titles
