"""XML, as text: settings of Hadoop, Maven and others. No entity is ever expanded."""

import re
from collections.abc import Iterator

from dagwarden.sources.credentials import found_in, numbered
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import read_named
from dagwarden.sources.embedded.spots import Spot

_PROPERTY = re.compile(
    r"<name>\s*(?P<name>[^<>\s]{1,200})\s*</name>\s*<value>(?P<value>[^<>]{1,2000})</value>"
)
# A property list of Apple's.
_PLIST = re.compile(
    r"<key>\s*(?P<name>[^<>\s]{1,200})\s*</key>\s*<string>(?P<value>[^<>]{1,2000})</string>"
)
_ELEMENT = re.compile(
    r"<(?P<name>[\w.-]{1,100})>(?P<value>[^<>\n]{4,2000})</(?P=name)>"
)


def read_xml(text: str) -> Iterator[Spot]:
    """Yield the credentials of elements, properties and attributes."""
    for pattern in (_PROPERTY, _PLIST, _ELEMENT):
        charge(len(text) // 20)
        for line, match in numbered(text, pattern.finditer(text), "value"):
            charge(3)
            # Hadoop's names: fs.s3a.secret.key
            name = match["name"].replace(".", "_")
            for found in found_in(name, match["value"].strip(), weak=True):
                yield Spot(line, found)
    yield from read_named(text)
