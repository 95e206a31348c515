"""YAML: dag-factory, settings, Compose files, values of charts, manifests."""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dagwarden.patterns import words
from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.names import is_kept_beside
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import read_comments, read_named
from dagwarden.sources.embedded.formats.structures import described, read_structures
from dagwarden.sources.embedded.spots import (
    Node,
    Partly,
    Spot,
    Unparsable,
    below,
    nodes_of,
    spots_in,
)

if TYPE_CHECKING:
    import yaml

MAX_DEPTH = 38
# Values with every alias written out.
MAX_VALUES = 190_000

# Units of work: libyaml's event, made an object of Python's, and its node.
_WORK_OF_EVENT = 6

_LIKE_YAML = re.compile(r"^\s*(?:- )?[\w.-]+:(?:\s|$)", re.MULTILINE)


def read_yaml(text: str) -> Iterator[Spot]:
    """Yield the credentials of YAML documents; raises Unparsable and Partly."""
    yield from read_comments(text, "#")
    for document in _documents(text):
        inside: set[tuple[int, str]] = set()
        for place, node in _blocks(document):
            for spot in _block(place, node):
                inside.add((node.line, spot.found.value))
                yield spot
        for spot in _own(document, list(_read(document))):
            # the line inside of a text says more than that at which it begins
            if (spot.line, spot.found.value) not in inside:
                yield spot


def _own(document: Node, spots: list[Spot]) -> Iterator[Spot]:
    """Leave out what is told by an alias, where it is told at its anchor's own place."""
    aliases = frozenset(_aliases(document))
    through = [aliases and _is_through(aliases, spot.found.place) for spot in spots]
    own = {
        (spot.line, spot.found.value)
        for spot, by_alias in zip(spots, through, strict=True)
        if not by_alias
    }
    for spot, by_alias in zip(spots, through, strict=True):
        if not by_alias or (spot.line, spot.found.value) not in own:
            yield spot


def _aliases(document: Node) -> Iterator[str]:
    """Yield the places of aliases: an anchor comes before them."""
    waiting = [("", document)]
    met: set[int] = set()
    while waiting:
        place, node = waiting.pop()
        if id(node) in met:
            yield place
            continue
        met.add(id(node))
        waiting += reversed(list(node.parts(place)))


def _is_through(aliases: frozenset[str], place: str) -> bool:
    """Tell whether a place is one of an alias, or below one."""
    parts = place.split(".")
    return any(".".join(parts[:end]) in aliases for end in range(1, len(parts) + 1))


def _blocks(document: Node) -> Iterator[tuple[str, Node]]:
    """Yield the texts of several lines: scripts, files, YAML in YAML."""
    for place, node in nodes_of(document):
        if isinstance(node.value, str) and "\n" in node.value.strip():
            yield place, node


def _block(place: str, node: Node) -> Iterator[Spot]:
    text = str(node.value)
    found: Iterable[Spot] = read_named(text)
    if _LIKE_YAML.search(text):
        try:
            documents = _documents(text)
        except (Unparsable, Partly):
            documents = []
        if any(not isinstance(one.value, str) for one in documents):
            found = (spot for document in documents for spot in _read(document))
    for spot in found:
        inner = replace(spot.found, place=below(place, spot.found.place))
        yield Spot(node.line + (spot.line - 1) * node.as_written, inner)


def _read(document: Node) -> Iterator[Spot]:
    top = document.value
    if isinstance(top, dict) and _said(top, "kind") == "List" and "items" in top:
        listed = top["items"].value
        for node in listed if isinstance(listed, list) else ():
            yield from _read(node)
        return
    if isinstance(top, dict) and "secretGenerator" in top:  # of Kustomize
        yield from _generated(top["secretGenerator"])
    if isinstance(top, dict) and _said(top, "kind") == "Secret":
        for part in ("data", "stringData"):
            if part in top:
                yield from _manifest(part, top[part])
        top = {key: node for key, node in top.items() if key != "data"}
        document = Node(document.line, top)
    for place, node in nodes_of(document):
        if isinstance(node.value, list):
            # Compose gives an environment as `NAME=value`, too
            yield from _settings(place, node.value)
    yield from described(
        document, [*read_structures(document), *spots_in("", document)]
    )


def _said(mapping: dict[str, Node], key: str) -> str | None:
    value = mapping[key].value if key in mapping else None
    return value if isinstance(value, str) else None


def _manifest(part: str, values: Node) -> Iterator[Spot]:
    """Yield what a Secret of Kubernetes holds; in `data` it is encoded."""
    if not isinstance(values.value, dict):
        return
    for key, node in values.value.items():
        if not isinstance(node.value, str):
            continue
        text = node.value if part == "stringData" else _decoded(node.value)
        place = below(part, key)
        found = list(found_in(place, text, weak=True))
        if not found and not is_kept_beside(key):
            # whatever it is called, it is kept as a secret
            found = [
                replace(one, place=place)
                for one in found_in(f"{place}.secret", text, weak=True)
            ]
        yield from (Spot(node.line, one) for one in found)


def _generated(generators: Node) -> Iterator[Spot]:
    """Yield what Kustomize puts into Secrets: `literals: [NAME=VALUE]`."""
    for place, node in nodes_of(generators):
        if place != "literals" or not isinstance(node.value, str):
            continue
        name, _, value = node.value.partition("=")
        if not is_kept_beside(name):
            secret = f"{name}.secret"
            for found in found_in(below(place, name), value, name=secret, weak=True):
                yield Spot(node.line, found)


def _decoded(text: str) -> str:
    try:
        return b64decode("".join(text.split()), validate=True).decode()
    except (Base64Error, ValueError):
        return text


def _settings(place: str, entries: list[Node]) -> Iterator[Spot]:
    for node in entries:
        if not isinstance(node.value, str):
            continue
        name, equals, value = node.value.partition("=")
        name = name.lstrip("-")
        if equals and name.replace("_", "a").replace("-", "a").isalnum():
            yield from (
                Spot(node.line, found)
                for found in found_in(below(place, name), value, weak=True)
            )


def _documents(text: str) -> list[Node]:
    """Return the documents of a file, with lines; nothing nests in building them."""
    import yaml  # slow to import

    text = _with_signs(text)
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            charge(_WORK_OF_EVENT)
            builder.take(event)
    except (yaml.YAMLError, ValueError):
        # what a template has on lines of its own makes the YAML, and is none
        plain = _DIRECTIVE.sub("", text)
        if plain != text:
            return _documents(plain)
        raise Unparsable from None
    return builder.documents


# In YAML the braces of a template begin a mapping; these signs are for nobody's use
# (Unicode, 23.5).
_OPENED, _CLOSED = "\ue000", "\ue001"


def _with_signs(text: str) -> str:
    """Return `text` with its templates in these signs; `{a: {b: c}}` is none."""
    parts: list[str] = []
    at = 0
    while (start := text.find("{{", at)) >= 0:
        end = text.find("}}", start + 2)
        if end < 0:
            break
        parts += (text[at:start], _OPENED, text[start + 2 : end], _CLOSED)
        at = end + 2
    return "".join((*parts, text[at:]))


_DIRECTIVE = re.compile(rf"^[ \t]*{_OPENED}[^\n]*{_CLOSED}[ \t]*$", re.MULTILINE)


# Words of tags that say where a value is had from: `!Ref`, `!aws_secret`, `!ENV`.
_HAD_FROM = words(
    "att base cipher condition env environ environment field file find from get gpg if import include join jinja keyring kms "
    "lookup map output param parameter path pkcs ref reference resolve secret secrets select sm sops ssm stack store "
    "sub template transform var variable vault"
)


def _stands_for_another(tag: str) -> bool:
    """Tell whether what a tag of an application stands before is no value in clear."""
    said = re.findall(r"[A-Z]?[a-z]+|[A-Z]+", tag) if tag.startswith("!") else []
    return any(one.lower() in _HAD_FROM for one in said)


class _Builder:
    """Makes nodes of what libyaml meets, one after the other."""

    def __init__(self) -> None:
        self.documents: list[Node] = []
        self.waiting: list[tuple[Node, str | None, int]] = []
        self.keys: list[str | None] = []
        self.anchors: dict[str, Node] = {}
        self.sizes: dict[str, int] = {}
        self.values = 0

    def take(self, event: "yaml.Event") -> None:
        import yaml

        if isinstance(event, yaml.ScalarEvent):
            self._grow(1)
            # a number is what it is written as; `!Ref x`, `!vault x` stand for another
            local = event.tag is not None and _stands_for_another(event.tag)
            text = f"{{{{ {event.value} }}}}" if local else event.value
            if _OPENED in text:
                text = text.replace(_OPENED, "{{").replace(_CLOSED, "}}")
            node = self._node(event, text)
            if event.style in ("|", ">"):
                # such a text begins below its name
                node.line += 1
                node.as_written = True
            self._add(node, event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            name = event.anchor or ""
            self._grow(self.sizes.get(name) or 1)
            known = self.anchors.get(name)
            # what holds itself is not met again
            inside = any(node is known for node, _, _ in self.waiting)
            usable = known is not None and not inside
            self._add(known if usable and known else self._node(event, ""), None)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._grow(1)
            mapping = isinstance(event, yaml.MappingStartEvent)
            node = self._node(event, {} if mapping else [])
            self._add(node, event.anchor)
            self.waiting.append((node, event.anchor, self.values))
            self.keys.append(None)
            if len(self.waiting) > MAX_DEPTH:
                raise Partly("too_deep", f"nested more than {MAX_DEPTH} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            _, anchor, before = self.waiting.pop()
            self.keys.pop()
            if anchor is not None:
                self.sizes[anchor] = self.values - before + 1

    def _grow(self, values: int) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            raise Partly("too_large", f"holds more than {MAX_VALUES:,} values")

    def _node(
        self, event: "yaml.NodeEvent", value: str | list[Node] | dict[str, Node]
    ) -> Node:
        mark = event.start_mark
        return Node(mark.line + 1 if mark else 1, value)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self.anchors[anchor] = node
        if not self.waiting:
            self.documents.append(node)
            return
        around = self.waiting[-1][0].value
        if isinstance(around, list):
            around.append(node)
        elif isinstance(around, dict):
            key = self.keys[-1]
            if key is None:
                key = node.value if isinstance(node.value, str) else "?"
                self.keys[-1] = key
                self.waiting[-1][0].keep(key, node.line)
            else:
                around[key] = node
                self.keys[-1] = None
