"""`dagwarden snapshot`: the state of a cloud, read once."""

import os
from pathlib import Path

import click

from dagwarden.cli.options import PATH
from dagwarden.cli.output import INCOMPLETE, progress


@click.command()
@click.option("--scope", required=True, help="organizations/N, folders/N, projects/ID")
@click.option("-o", "--output", required=True, type=PATH, help="File to write.")
@click.option("--fingerprint-key", type=PATH, help="File with the fingerprint key.")
@click.option("--local-server", metavar="HOST:PORT", hidden=True)  # for tests
def snapshot(
    scope: str, output: Path, fingerprint_key: Path | None, local_server: str | None
) -> int:
    """
    Read resources, IAM and organisation policies from Google Cloud into one file.

    \b
    dagwarden snapshot --scope projects/acme-data -o iam.ndjson

    Needs `pip install 'dagwarden[gcp]'` and application default credentials with
    read access (docs/snapshot.md). Secrets in assets are reduced before writing.
    Exit status 3 when a part could not be read; the file says which.
    """
    from dagwarden.sources.cloud import local_channel, pull
    from dagwarden.sources.credentials import Fingerprint

    pulled = pull(
        scope,
        output,
        fingerprint=Fingerprint.from_environment(os.environ, fingerprint_key),
        channel=local_channel(local_server) if local_server else None,
        progress=lambda part, count: progress(f"{part}: {count}"),
    )
    progress("")
    for gap in pulled.gaps:
        click.echo(f"not read: {gap.origin.source}: {gap.detail}", err=True)
    click.echo(f"wrote {output}: {pulled.assets} assets, {len(pulled.gaps)} gaps")
    return INCOMPLETE if pulled.gaps else 0
