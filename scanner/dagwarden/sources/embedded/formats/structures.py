"""
Values that their place in a document gives a name to, whatever the format is.

JSON Web Keys (RFC 7517, RFC 7518 6.2.2); variables in
Astro's airflow_settings.yaml and in an export with descriptions; `random_password` in a
state of Terraform; parameters of a template of CloudFormation.
"""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from dagwarden.patterns import words
from dagwarden.sources.credentials import Found, found_in
from dagwarden.sources.credentials.negatives import is_published
from dagwarden.sources.embedded.spots import Node, Spot, below, nodes_of

# One of these stands in every document that has such a value.
HINTS = (
    '"kty"',
    "'kty'",
    "kty:",
    "variable_value",
    '"value"',
    "value:",
    '"Default"',
    '"random_password"',
)


def read_structures(document: Node) -> Iterator[Spot]:
    """Yield the credentials that a document names in its own way."""
    for place, node in nodes_of(document):
        if isinstance(node.value, dict):
            yield from _in_mapping(place, node.value)


# What a description of an API or of data has at its top.
_DESCRIPTIONS = ("openapi", "swagger", "asyncapi", "$schema", "connectionSpecification")
_EXAMPLES = words("default example examples x-example x-examples")
MAY_BE_EXAMPLE = "it may be an example of a description"


def described(document: Node, spots: Iterable[Spot]) -> Iterator[Spot]:
    """
    Yield `spots`, with a doubt where a description of an API gives an example.

    What says by itself what it is stays what it is there.
    """
    top = document.value
    description = isinstance(top, dict) and any(one in top for one in _DESCRIPTIONS)
    for spot in spots:
        found = spot.found
        an_example = description and not _EXAMPLES.isdisjoint(found.place.split("."))
        if an_example and found.told_by == "context" and not found.doubt:
            found = replace(found, doubt=MAY_BE_EXAMPLE)
        yield replace(spot, found=found)


def _in_mapping(place: str, mapping: dict[str, Node]) -> Iterator[Spot]:
    name, value = _text(mapping, "variable_name"), mapping.get("variable_value")
    if name is not None and value is not None:
        yield from _named(below(place, name), value)
    if _text(mapping, "kty") in ("EC", "OKP", "RSA", "oct"):
        yield from _key(place, mapping)
    if _text(mapping, "type") == "random_password":  # of a state of Terraform
        for instance in _items(mapping.get("instances")):
            made = _at(_at(instance, "attributes"), "result")
            if made is not None:
                yield from _named(below(place, "password"), made)
    for key, node in mapping.items():
        inner = node.value
        if isinstance(inner, dict) and "value" in inner and "name" not in inner:
            yield from _named(below(place, key), inner["value"])
        if isinstance(inner, dict) and "Type" in inner and "Default" in inner:
            yield from _named(below(place, key), inner["Default"])


def _key(place: str, mapping: dict[str, Node]) -> Iterator[Spot]:
    for part in ("d", "k"):
        text = _text(mapping, part)
        if text is not None and len(text) >= 16 and not is_published(text):
            found = Found("private_key", below(place, part), text)
            yield Spot(mapping[part].line, found)


def _named(place: str, node: Node) -> Iterator[Spot]:
    if isinstance(node.value, str):
        for found in found_in(place, node.value, weak=True):
            yield Spot(node.line, found)


def _items(node: Node | None) -> list[Node]:
    return node.value if node and isinstance(node.value, list) else []


def _at(node: Node | None, key: str) -> Node | None:
    return node.value.get(key) if node and isinstance(node.value, dict) else None


def _text(mapping: dict[str, Node], key: str) -> str | None:
    value = mapping[key].value if key in mapping else None
    return value if isinstance(value, str) else None
