"""What commands write: reports in their formats, files, progress on a terminal."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dagwarden.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dagwarden.findings import Report

    # for machines: in bytes, whatever the terminal's encoding
    Parts = Iterable[str | bytes]

INCOMPLETE = 3
FORMATS = ("text", "json", "sarif", "html")
_SUFFIXES = {".txt": "text", ".json": "json", ".sarif": "sarif", ".html": "html"}


def rendered(report: "Report", format_: str, *, verbose: bool = False) -> "Parts":
    """Return `report` in one of `FORMATS`, in parts where it may be large."""
    if format_ == "json":
        from dagwarden.render.json import json_parts

        return json_parts(report)
    if format_ == "sarif":
        from dagwarden.render.sarif import render_sarif

        return (render_sarif(report),)
    if format_ == "html":
        from dagwarden.render.html import render_html

        return (render_html(report),)
    from dagwarden.render.text import render_text

    return (render_text(report, width=_width(), colour=colour(), verbose=verbose),)


def _width() -> int:
    """Return the columns to write in; `shutil` would import archives for that."""
    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 100
    except (OSError, ValueError, AttributeError):  # no terminal, or closed
        return 100


_START = time.monotonic()


_BAR = 24
_drawn = 0.0


def progress(stage: str, done: int = 0, total: int = 0) -> None:
    """Say on a terminal what a scan is at, once it has taken a second."""
    global _drawn
    now = time.monotonic()
    if not (sys.stderr and sys.stderr.isatty()) or now - _START < 1:
        return
    if 0 < done < total and now - _drawn < 0.1:
        return
    _drawn = now
    text = stage and f"{stage} ..."
    if total:
        full = _BAR * done // total
        bar = "\u2501" * full + " " * (_BAR - full)
        text = f"{stage} {bar} {done:,}/{total:,} files"
    click.echo(f"\r\x1b[2K{text}", nl=False, err=True)


def colour() -> bool:
    """Tell whether to write in colour."""
    terminal = sys.stdout is not None and sys.stdout.isatty()
    return terminal and "NO_COLOR" not in os.environ


def say(parts: "Parts") -> None:
    """Write to standard output."""
    for part in parts:
        click.echo(part, nl=False)


def write(path: Path, content: str) -> None:
    """Write `content` whole, readable by its owner only."""
    write_parts(path, (content,))


def write_parts(path: Path, parts: "Parts") -> None:
    """Write a file whole, part by part, readable by its owner only."""
    import tempfile  # with it come random numbers and archives: not for a hook

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for part in parts:
                    file.write(part.encode() if isinstance(part, str) else part)
            os.replace(name, path)
        except BaseException:  # whatever stops it, nothing half written stays
            os.unlink(name)
            raise
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})",
            where=str(path),
            remedy="name a file in a folder that you may write to",
        ) from None


def format_of(path: Path) -> str:
    """Return the format that the ending of `path` says; raises UsageError for others."""
    if path.suffix not in _SUFFIXES:
        raise UsageError(
            f"{path}: the ending {path.suffix!r} says no format",
            remedy="use " + ", ".join(_SUFFIXES),
        )
    return _SUFFIXES[path.suffix]
