"""
YAML that people write to steer a scan, read within bounds: rules, waivers, controls.

No anchors, aliases, merges or tags, no second document, no deep nesting: each could
hang or crash a loader, or hide what a reviewer reads.
"""

import re
from typing import Any, Final

from msgspec import Struct

from dagwarden.errors import shown

MAX_DEPTH: Final = 20  # of nesting


class Node(Struct):
    """A YAML value that remembers its line."""

    line: int
    value: "str | int | float | bool | list[Node] | dict[str, Node] | None"


class BadYaml(Exception):
    """The text is no YAML that is accepted here; `line` counts from 1."""

    def __init__(self, what: str, line: int) -> None:
        """Say `what` is wrong on which `line`."""
        super().__init__(what)
        self.line = line


_INT = r"[-+]?[0-9]{1,18}"
_FLOAT = r"[-+]?[0-9]{1,18}\.[0-9]{0,18}([eE][-+]?[0-9]{1,2})?"
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def read_tree(data: bytes) -> Node:
    """
    Return the one document in `data`.

    Read from the parser's events, because only they bound depth and aliases before
    anything is built, and know every line. Scalars follow YAML 1.2: `no` is text.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root = Node(1, None)
    stack: list[Node] = []
    keys: list[Node | None] = []  # of each mapping on the stack, the key at hand
    documents = 0
    try:
        for event in yaml.parse(data, Loader=loader):
            line = event.start_mark.line + 1 if event.start_mark else 1
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise BadYaml("anchors and aliases are not allowed; repeat it", line)
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise BadYaml(
                        "it holds more than one document; split the file", line
                    )
            elif isinstance(event, yaml.CollectionEndEvent):
                stack.pop()
                keys.pop()
            elif isinstance(event, yaml.ScalarEvent):
                node = Node(line, _scalar(event.value, quoted=not event.implicit[0]))
                if stack and isinstance(stack[-1].value, dict) and keys[-1] is None:
                    if event.value in stack[-1].value:
                        raise BadYaml(f"{shown(event.value)} is given twice", line)
                    keys[-1] = Node(line, event.value)
                else:
                    root = _attach(node, stack, keys, root)
            elif isinstance(event, yaml.CollectionStartEvent):
                if len(stack) >= MAX_DEPTH:
                    raise BadYaml("is nested too deeply", line)
                mapping = isinstance(event, yaml.MappingStartEvent)
                node = Node(line, {} if mapping else [])
                root = _attach(node, stack, keys, root)
                stack.append(node)
                keys.append(None)
    except yaml.YAMLError as error:
        what = getattr(error, "problem", None) or "it cannot be read as text"
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise BadYaml(f"is no YAML: {what}", line) from None
    return root


def _attach(node: Node, stack: list[Node], keys: list[Node | None], root: Node) -> Node:
    if not stack:
        return node
    parent = stack[-1].value
    if isinstance(parent, list):
        parent.append(node)
    elif isinstance(parent, dict):
        key = keys[-1]
        if key is None:
            raise BadYaml("a key has to be a plain word", node.line)
        node.line = key.line  # a block below its key is sought at the key
        parent[str(key.value)] = node
        keys[-1] = None
    return root


def _scalar(text: str, *, quoted: bool) -> str | int | float | bool | None:
    if quoted:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if re.fullmatch(_INT, text):
        return int(text)
    return float(text) if re.fullmatch(_FLOAT, text) else text


def plain(node: Node) -> Any:
    """Return a tree's values without their lines."""
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    if isinstance(node.value, dict):
        return {key: plain(item) for key, item in node.value.items()}
    return node.value
