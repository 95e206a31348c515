"""Python: what is written in code, and code that is commented out."""

from collections.abc import Iterator

from dagwarden.sources.credentials.python import Finder, found_in_python
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.seen import Unreadable
from dagwarden.sources.embedded.formats.plain import (
    read_comments_behind,
    read_comments_in,
    read_named,
)
from dagwarden.sources.embedded.spots import Spot, Unparsable

# A notebook of Databricks, kept as code: its other cells are comments.
_NOTEBOOK = "# Databricks notebook source"
_MAGIC = "# MAGIC"


def read_python(text: str, finder: Finder | None = None) -> Iterator[Spot]:
    """Yield the credentials of a module; raises Unparsable."""
    try:
        tree = parsed(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        raise Unparsable from None
    lines = text.split("\n")
    for one in found_in_python(tree, lines, weak=True, finder=finder):
        yield Spot(one.line, one.found, one.source, one.others)
    charge(len(text) // 50)
    commented = [(number, line) for number, line in enumerate(lines) if "#" in line]
    yield from read_comments_in(commented, "#")
    if text.startswith(_NOTEBOOK):
        yield from _magic(text)
    yield from read_comments_behind(commented)


def _magic(text: str) -> Iterator[Spot]:
    """Yield what cells in other languages hold; each line stays where it is."""
    from dagwarden.sources.embedded.formats.prose import read_said

    lines = (
        line.removeprefix(_MAGIC).strip() if line.startswith(_MAGIC) else ""
        for line in text.split("\n")
    )
    cells = "\n".join(lines)
    yield from read_named(cells)
    yield from read_said(cells)
