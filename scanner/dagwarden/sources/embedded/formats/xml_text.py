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
    r"<(?P<name>[\w.-]{1,100})(?:\s[^<>]{1,200})?>(?P<value>[^<>\n]{4,2000})</(?P=name)>"
)


# A pair of which each has a name of its own, as JMeter writes them; an element whose
# attribute names what it holds; an element with both in attributes.
_PAIR = re.compile(
    r"=\"[\w.]{0,60}name\">\s*(?P<name>[^<>\s]{1,100})\s*</\w{1,60}>\s{0,200}"
    r"<\w{1,60}\s[\w.]{1,20}=\"[\w.]{0,60}value\">(?P<value>[^<>\n]{4,2000})<"
)
_NAMED = re.compile(
    r"<\w{1,60}\s(?:[\w:]{1,40}=\"[^\"<>]{0,200}\"\s){0,3}(?:key|name)=\"(?P<name>[^\"<>]{1,200})\""
    r"(?:\s+value=\"(?P<held>[^\"<>]{4,2000})\"|[^<>]{0,200}>\s*(?P<value>[^<>\n]{4,2000}))"
)


def read_xml(text: str) -> Iterator[Spot]:
    """Yield the credentials of elements, properties and attributes."""
    for pattern in (_PROPERTY, _PLIST, _ELEMENT, _PAIR, _NAMED):
        charge(len(text) // 20)
        for line, match in numbered(text, pattern.finditer(text), "name"):
            charge(3)
            below = text.count("\n", match.start("name"), match.end())
            # Hadoop's names: fs.s3a.secret.key
            place, value = match["name"].replace(".", "_"), match["value"]
            value = value or match.groupdict().get("held") or ""
            for found in found_in(place, value.strip(), name=match["name"], weak=True):
                yield Spot(line + below, found)
    yield from read_named(text)
