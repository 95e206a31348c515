"""Questions about an estate: who can and why, its graph, its facts, better grants."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dagwarden.cli.options import PATH, arguments, estate_options
from dagwarden.cli.output import INCOMPLETE, colour, progress, write
from dagwarden.errors import UsageError

if TYPE_CHECKING:
    from dagwarden.answers import Explanation, Holders, Holdings
    from dagwarden.job import Lines


@click.command()
@click.argument("words", nargs=-1, metavar="PRINCIPAL PERMISSION RESOURCE")
@click.option("--who-can", is_flag=True, help="PERMISSION RESOURCE: who holds it.")
@click.option("--what-can", is_flag=True, help="PRINCIPAL: what it holds.")
@click.option("--dags", "paths", multiple=True, type=PATH, help="DAG files or folders.")
@click.option(
    "--claims",
    type=PATH,
    metavar="FILE",
    help="Payload of an external token, as JSON: its bearer is the PRINCIPAL `token`.",
)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json", "svg"]), default="text"
)
@estate_options
def explain(
    words: tuple[str, ...], who_can: bool, what_can: bool, format_: str, **said: Any
) -> int:
    """
    Explain why a principal can use a permission on a resource, hop by hop.

    \b
    dagwarden explain --config operator.toml nightly.run_job run.jobs.run load
    dagwarden explain --dags dags/ --snapshot iam.ndjson nightly.run_job run.jobs.run load
    dagwarden explain --snapshot iam.ndjson sa@p.example run.routes.invoke SERVICE
    dagwarden explain --snapshot iam.ndjson --who-can run.routes.invoke SERVICE
    dagwarden explain --snapshot iam.ndjson --what-can sa@p.example
    dagwarden explain --snapshot iam.ndjson --claims ci.json token run.jobs.run load

    PRINCIPAL is an e-mail, an IAM member, DAG.TASK or `token`; RESOURCE a full or relative
    resource name, the name of a service or job, or the URL of a service.

    Exit status: 0 answered, 2 usage error, 3 something could not be read (said with the
    answer).
    """
    from dagwarden import job

    question = (who_can, what_can, len(words))
    if question not in ((False, False, 3), (True, False, 2), (False, True, 1)):
        raise UsageError(
            "a question is PRINCIPAL PERMISSION RESOURCE, --who-can PERMISSION "
            "RESOURCE, or --what-can PRINCIPAL"
        )
    asked = arguments(said)
    answer: Explanation | Holders | Holdings
    if who_can:
        answer = job.ask_who_can(asked, words[0], words[1], progress)
    elif what_can:
        answer = job.ask_what_can(asked, words[0], progress)
    else:
        answer = job.ask(asked, words[0], words[1], words[2], progress)
    progress("")
    click.echo(_answered(answer, format_, " ".join(words)), nl=False)
    return INCOMPLETE if answer.unread else 0


def _answered(
    answer: "Explanation | Holders | Holdings", format_: str, title: str
) -> str:
    if format_ == "json":
        from dagwarden import job

        return job.as_json(answer)
    if format_ == "svg":
        from dagwarden.render.drawing import draw_answer

        return draw_answer(
            answer.chains,
            question=title,
            answer=answer.answer,
            because=answer.because,
        )
    from dagwarden.render.explanation import render_answer

    return render_answer(answer, colour=colour())


@click.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["json", "graphml"]),
    default="json",
    help="networkx's node-link JSON (default), or GraphML.",
)
@click.option("-o", "--output", type=PATH, help="Write here, not to the terminal.")
@estate_options
def graph(format_: str, output: Path | None, **said: Any) -> int:
    """
    Export tasks, whom they act as and what these reach as a graph.

    \b
    dagwarden graph --config operator.toml -o estate.json
    dagwarden graph dags/ --snapshot iam.ndjson --format graphml -o estate.graphml

    What nodes and edges hold: docs/python.md.

    Exit status: 0 all was read, 2 usage error, 3 something could not be read: `not read:`
    on standard error.
    """
    from dagwarden import job

    return _put(job.graph_text(arguments(said), format_), output)


@click.command()
@click.option("--identity", metavar="ACCOUNT", help="Only for this account's calls.")
@click.option("--dag", metavar="DAG_ID", help="Only for whom this DAG's tasks act as.")
@click.option("--dags", "paths", multiple=True, type=PATH, help="DAG files or folders.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "terraform"]),
    default="text",
)
@estate_options
def suggest(identity: str | None, dag: str | None, format_: str, **said: Any) -> int:
    """
    Suggest the smallest set of grants that keeps every scanned call working.

    \b
    dagwarden suggest --config operator.toml
    dagwarden suggest --config operator.toml --dag nightly
    dagwarden suggest --config operator.toml --identity sa@p.example --format terraform

    The changes are applied to what was read, everything is derived again, and what
    that does not confirm is not suggested. Nothing in the cloud is changed. A grant is
    taken back only from accounts that `exclusive_accounts` of an environment names.

    Exit status: 0 all was read, 2 usage error, 3 something could not be read: `not read:`
    on standard error.
    """
    from dagwarden import job

    found, gaps = job.suggestion(arguments(said), identity, dag, progress)
    progress("")
    if format_ == "json":
        text = job.as_json(found)
    elif format_ == "terraform":
        from dagwarden.render.terraform import render_terraform

        text = render_terraform(found)
    else:
        from dagwarden.render.suggestion import render_suggestion

        text = render_suggestion(found, colour=colour())
    return _put(job.Lines(text=text, gaps=gaps), None)


@click.command()
@click.argument("paths", nargs=-1, type=PATH)
@click.option(
    "--kind",
    metavar="KIND",
    help="Only this kind of fact: task, call, path, connection, ...; a wrong one "
    "lists all.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["rules", "ndjson"]),
    default="rules",
    help="What rules see, or of each field of a dag, task or call from where it is known.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of all facts.")
@click.option("-o", "--output", type=PATH, help="Write here, not to the terminal.")
@estate_options
def facts(
    kind: str | None, form: str, schema: bool, output: Path | None, **said: Any
) -> int:
    """
    Print the facts that rules see, one JSON object a line.

    \b
    dagwarden facts dags/ --kind task
    dagwarden facts dags/ --kind task --format ndjson
    dagwarden facts --kind connection --connections export:export.json -o FILE
    dagwarden facts --schema

    A file written with `--kind connection -o FILE` holds no secret and no
    fingerprint: a team can commit it, and scan with `--connections facts:FILE`.

    Exit status: 0 all was read, 2 usage error, 3 something could not be read: `not read:`
    on standard error. A `note:` there tells of what was read and is not sure.
    """
    from dagwarden import job

    if schema:
        lines = job.Lines(text=job.facts_schema(), gaps=())
    elif form == "ndjson":
        lines = job.traced_lines(arguments(said), kind)
    elif kind == "connection" and output is not None:
        lines = job.connection_facts(arguments(said))
    else:
        lines = job.facts_lines(arguments(said), kind)
    return _put(lines, output)


def _put(lines: "Lines", output: Path | None) -> int:
    """Write what was asked for; say on standard error what could not be read for it."""
    from dagwarden.render import unread

    if output is None:
        click.echo(lines.text, nl=False)
    else:
        write(output, lines.text)
    for gap in lines.gaps:
        told = "not read" if gap.incomplete else "note"
        click.echo(f"{told}: {unread(gap)}", err=True)
    if lines.nothing:
        click.echo(lines.nothing, err=True)
    return INCOMPLETE if any(gap.incomplete for gap in lines.gaps) else 0
