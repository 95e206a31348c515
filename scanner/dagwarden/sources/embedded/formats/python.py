"""Python: what is written in code, and code that is commented out."""

from collections.abc import Iterator

from dagwarden.sources.credentials.python import Finder, found_in_python
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.seen import Unreadable
from dagwarden.sources.embedded.formats.plain import read_comments
from dagwarden.sources.embedded.spots import Spot, Unparsable


def read_python(text: str, finder: Finder | None = None) -> Iterator[Spot]:
    """Yield the credentials of a module; raises Unparsable."""
    try:
        tree = parsed(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        raise Unparsable from None
    lines = text.split("\n")
    for one in found_in_python(tree, lines, weak=True, finder=finder):
        yield Spot(one.line, one.found, one.source, one.others)
    yield from read_comments(text, "#")
