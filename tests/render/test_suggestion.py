"""A suggestion as text."""

from dagwarden.answers import Change, Effect, Loss, Open, Suggestion
from dagwarden.render.suggestion import render_suggestion

SAID = Suggestion(
    asked="DAG d",
    changes=(
        Change(
            kind="act_as",
            because="2 DAGs act as x",
            dag="d",
            tasks=("a", "b"),
            accounts=("mid@p", "own\x1b@p"),
        ),
        Change(
            kind="act_as",
            because="it holds a key",
            connection="c",
            environment="prod",
            accounts=("own@p",),
        ),
    ),
    effects=(
        Effect(
            path="path:1",
            task="d.a",
            environment="prod",
            operation="run_job",
            target="//j",
            before="denied",
            after="allowed",
            identity_before="x",
            identity_after="y",
        ),
    ),
    cut=(Loss(who="task d.a", kind="call", what="run.jobs.run on job j"),),
    broken=("path:2",),
    open=(
        Open(what="role r", because=("undecided: z",)),
        Open(what="role s", because=("undecided: z",)),
    ),
    assumes=("w",),
)


def test_the_text_says_what_to_change_and_what_comes_of_it() -> None:
    assert render_suggestion(SAID, colour=False) == (
        "suggestion for DAG d\n"
        "\n"
        "1. give impersonation_chain=[mid@p, own\\x1b@p] to a, b of DAG d\n"
        "   because 2 DAGs act as x\n"
        "\n"
        "2. let connection c (prod) hold no key, and impersonation_chain own@p\n"
        "   because it holds a key\n"
        "\n"
        "scanned calls, before -> after, everything derived again\n"
        "  DENIED -> ALLOWED  d.a (prod)\n"
        "    as y\n"
        "\n"
        "what is cut\n"
        "  - task d.a no longer holds run.jobs.run on job j\n"
        "\n"
        "what no longer works\n"
        "  - path:2\n"
        "\n"
        "not suggested\n"
        "  - role r\n"
        "  - role s\n"
        "      undecided: z\n"
        "\n"
        "assuming\n"
        "  - w\n"
    )


def test_nothing_to_change_is_said() -> None:
    text = render_suggestion(Suggestion(asked="the estate"), colour=True)
    assert "nothing to change, by what was read" in text
    assert "what no longer works\n  - nothing\n" in text
