"""The arguments that several commands take."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from dagwarden.job import Arguments

PATH = click.Path(path_type=Path)

Function = TypeVar("Function", bound=Callable[..., Any])

ESTATE_OPTIONS = (
    click.option(
        "--config",
        "operator",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="The operator's configuration; a repository's own then may only tighten.",
    ),
    click.option(
        "--snapshot",
        "snapshots",
        multiple=True,
        type=PATH,
        help="Cloud Asset export, `dagwarden snapshot` file, what gcloud lists of "
        "policies, roles, groups and tags, or a folder of them; repeatable. In place of "
        "the configured ones.",
    ),
    click.option(
        "--connections",
        multiple=True,
        metavar="KIND:FILE",
        help="Connections: env:, env:FILE, export:FILE, local:FILE, astro:FILE or "
        "facts:FILE; repeatable. They count before the configured ones, which stay.",
    ),
    click.option(
        "--variables",
        multiple=True,
        metavar="KIND:FILE",
        help="Airflow Variables: env:, env:FILE, export:FILE, local:FILE or "
        "astro:FILE; repeatable. They count before the configured ones, which stay.",
    ),
    click.option(
        "--runs-as",
        metavar="ACCOUNT",
        help="Service account that tasks run as when they name no identity.",
    ),
    click.option(
        "--airflow-python",
        type=PATH,
        help="Python of an Airflow installation: runs the DAG files, isolated, for "
        "what reading cannot follow.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="GLOB", help="DAG files to leave out."
    ),
    click.option(
        "--include-sys-projects",
        is_flag=True,
        help="Read the sys-* projects that Apps Script makes, too.",
    ),
    click.option(
        "--no-builtin-roles",
        is_flag=True,
        help="Know no role but those that a snapshot defines.",
    ),
    click.option(
        "--kingfisher",
        is_flag=True,
        help="Look for credentials by Kingfisher's patterns, too (the extra of its name).",
    ),
    click.option(
        "--as-of",
        metavar="TIME",
        help="Judge ages and conditions at this time, not now.",
    ),
    click.option(
        "--no-cache",
        is_flag=True,
        help="Read every file again, and remember nothing for the next run.",
    ),
)


def estate_options(function: Function) -> Function:
    """Add the options that say what the estate is."""
    for option in reversed(ESTATE_OPTIONS):
        function = option(function)
    return function


def arguments(said: dict[str, Any]) -> "Arguments":
    """Return what the command line said; tell which settings it takes the place of."""
    from dagwarden import job

    given = job.Arguments(**said)
    if note := job.displaced(given):
        click.echo(f"note: {note}", err=True)
    return given
