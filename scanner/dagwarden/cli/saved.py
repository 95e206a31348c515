"""Saved results: rendered again, and compared."""

from pathlib import Path

import click

from dagwarden.cli.options import PATH
from dagwarden.cli.output import colour, format_of, rendered, say, write_parts


@click.command()
@click.argument("result", type=PATH)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=PATH,
    help="Write this file; .html, .json, .sarif or .txt says the format.",
)
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Every finding, place and chain; what was left out.",
)
def report(result: Path, outputs: tuple[Path, ...], verbose: bool) -> int:
    """
    Render a saved JSON result again, without scanning.

    \b
    dagwarden report result.json -o report.html

    Exit status, that of the saved scan: 0 clean, 1 findings at or above the gate, 3
    something could not be read (or, with --strict, decided). 2 usage error, or RESULT
    is none.
    """
    from dagwarden import job
    from dagwarden.policy.status import exit_status

    saved = job.read_result(result)
    for output in outputs:
        write_parts(output, rendered(saved, format_of(output), verbose=verbose))
    if not outputs:
        say(rendered(saved, "text", verbose=verbose))
    return exit_status(saved.result)


@click.command()
@click.argument("earlier", type=PATH)
@click.argument("later", type=PATH)
@click.option(
    "--format", "format_", type=click.Choice(["text", "json"]), default="text"
)
def diff(earlier: Path, later: Path, format_: str) -> int:
    """
    Compare two saved results: what is new, fixed, unchanged, newly unknown.

    \b
    dagwarden diff monday.json tuesday.json

    Exit status 1 when something at or above the gate is new, 3 when something could
    not be read for LATER.
    """
    from dagwarden import job
    from dagwarden.policy.compare import compare
    from dagwarden.policy.status import exit_status
    from dagwarden.render.difference import render_difference

    before, after = job.read_result(earlier), job.read_result(later)
    result = compare(after.result, before.result, earlier.name)
    click.echo(render_difference(result, before.result, format_, colour=colour()))
    return exit_status(result)
