"""`dagwarden scan`: the main job."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from dagwarden.cli.options import PATH, arguments, estate_options
from dagwarden.cli.output import (
    FORMATS,
    format_of,
    progress,
    rendered,
    say,
    write_parts,
)
from dagwarden.rule import SEVERITIES


@click.command()
@click.argument("paths", nargs=-1, type=PATH)
@estate_options
@click.option("--select", multiple=True, metavar="RULE", help="Only these rules.")
@click.option("--ignore", multiple=True, metavar="RULE", help="Not these rules.")
@click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own rules.")
@click.option("--waivers", multiple=True, type=PATH, help="Waiver register (YAML).")
@click.option("--controls", type=PATH, help="Control register (YAML).")
@click.option(
    "--gate",
    type=click.Choice(SEVERITIES),
    help="Fail at findings of this severity or above (default: high).",
)
@click.option("--strict", is_flag=True, help="Exit 3 on UNKNOWN at the gate.")
@click.option(
    "--persona",
    type=click.Choice(["engineer", "auditor"]),
    help="engineer: wrong and mendable here (default); auditor: everything.",
)
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write this file; .html, .json, .sarif or .txt says the format.",
)
@click.option(
    "--baseline", type=PATH, help="Earlier JSON result: only what is new fails."
)
@click.option(
    "--new-since", metavar="REV", help="Git revision: only what is new fails."
)
@click.option(
    "--history",
    is_flag=True,
    help="Look for credentials in every commit that git holds, too.",
)
@click.option("--fingerprint-key", type=PATH, help="File with the fingerprint key.")
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Every finding, place and chain; what was left out.",
)
def scan(format_: str, outputs: tuple[Path, ...], verbose: bool, **said: Any) -> int:
    """
    Scan DAG files and, where given, connections and a cloud snapshot.

    \b
    dagwarden scan dags/
    dagwarden scan dags/ --connections env:.env --snapshot iam.ndjson -o report.html
    dagwarden scan --config operator.toml --persona auditor --strict

    Exit status: 0 clean, 1 findings at or above the gate, 2 usage error, 3 something
    could not be read (or, with --strict, decided).
    """
    from dagwarden import job
    from dagwarden.policy.status import exit_status

    started = datetime.now(UTC)
    formats = [format_of(output) for output in outputs]
    given = arguments(said)
    ready = job.prepare(given)
    result = job.perform(ready, progress)
    result = job.compared(result, given, ready)
    report = (
        job.report(result, ready, sys.argv[1:], started)
        if outputs or format_ != "text"
        else job.bare(result)
    )
    for output, format_of_file in zip(outputs, formats, strict=True):
        write_parts(output, rendered(report, format_of_file, verbose=verbose))
    progress("")
    say(rendered(report, format_, verbose=verbose))
    for output in outputs:
        click.echo(f"wrote {output}", err=True)
    if nothing := job.nothing_found(ready, result.counts.get("dag", 0)):
        click.echo(nothing, err=True)
    return exit_status(report.result)
