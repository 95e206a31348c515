"""
From a file's text to its entries: .env files, Airflow's line format, JSON, YAML.

Nothing here knows what a connection or a variable is. Every parser is bounded; what one entry
has wrong does not cost the others.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from dagwarden.patterns import late
from dagwarden.sources.connections.definition import Malformed

if TYPE_CHECKING:
    import yaml

MAX_BYTES = 16_000_000
MAX_NESTING = 60
# YAML nodes with every alias written out: what a walk over the value would meet.
MAX_YAML_NODES = 200_000
# Of one JSON object or list, to be told where they stand.
MAX_LINES = 100_000

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?(?P<name>[^\s=#'\"]+)\s*=[^\S\n]*")
_FILLED_IN = re.compile(r"\$[{\w(]")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_BLANK = late(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()


Format = Literal["json", "yaml", "env"]


def read_bytes(path: Path) -> bytes:
    """Return what a regular file holds; raises Malformed."""
    try:
        if not path.is_file():
            raise Malformed("is no regular file", "unreadable")
        if path.stat().st_size > MAX_BYTES:
            raise Malformed(f"is larger than {MAX_BYTES:,} bytes", "too_large")
        return path.read_bytes()
    except OSError as error:
        why = error.strerror or "I/O error"
        raise Malformed(f"cannot be read ({why})", "unreadable") from None


def decoded(data: bytes) -> str:
    """Return the text that `data` is; raises Malformed."""
    if data.startswith(b"\x1f\x8b"):
        raise Malformed("is compressed with gzip; decompress it first", "encoding")
    if b"\0" in data:
        raise Malformed("is binary: it holds NUL bytes", "encoding")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Malformed("is not UTF-8", "encoding") from None


def format_of(name: str, text: str) -> Format:
    """Return a file's format: by its ending, else by its first character."""
    suffix = name.rpartition(".")[2].lower()
    if suffix in {"yaml", "yml"}:
        return "yaml"
    if suffix == "json" or text.lstrip()[:1] in {"{", "["}:
        return "json"
    return "env"


class Assignment:
    """One `NAME=value` line of a file; its value may be a secret."""

    __slots__ = ("line", "literal", "name", "value")

    def __init__(self, name: str, value: str, line: int, literal: bool) -> None:
        """Hold `value`; `literal` if no `${NAME}` in it is replaced later."""
        self.name = name
        self.value = value
        self.line = line
        self.literal = literal

    @property
    def filled_in(self) -> bool:
        """Whether something else may stand in a part of it when it is read."""
        return not self.literal and _FILLED_IN.search(self.value) is not None


class Lines(NamedTuple):
    """What a line-based file holds."""

    assignments: list[Assignment]
    # lines that are neither assignment nor comment
    broken: list[int]


def read_dotenv(text: str) -> Lines:
    """
    Read a .env file as Docker Compose and python-dotenv do.

    `export` and comments are allowed; 'single quotes' are literal, "double quotes"
    know backslashes; both may span lines. Unquoted values end at ` #`.
    """
    found = Lines([], [])
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        next_at = end + 1
        stripped = text[at:end].strip()
        if stripped and not stripped.startswith("#"):
            match = _ASSIGNMENT.match(text, at, end)
            if match is None:
                found.broken.append(line)
            else:
                start = match.end()
                quote = text[start : start + 1]
                if quote in {"'", '"'} and (close := _closing(text, start)) > 0:
                    inner = text[start + 1 : close]
                    value = inner if quote == "'" else _unescape(inner)
                    newline = text.find("\n", close)
                    next_at = len(text) if newline < 0 else newline + 1
                else:
                    value = re.split(r"\s#", text[start:end], maxsplit=1)[0].strip()
                found.assignments.append(
                    Assignment(match["name"], value, line, quote == "'")
                )
        line += text.count("\n", at, next_at)
        at = next_at
    return found


def _closing(text: str, start: int) -> int:
    """Return where the quote that opens at `start` closes, -1 if it does not."""
    quote = text[start]
    at = start + 1
    while (at := text.find(quote, at)) >= 0:
        before = at - 1
        while quote == '"' and text[before] == "\\":
            before -= 1
        if (at - 1 - before) % 2 == 0:
            return at
        at += 1
    return -1


def _unescape(text: str) -> str:
    return re.sub(
        r"\\([nrt\"\\$])", lambda match: _ESCAPES.get(match[1], match[1]), text
    )


def read_lines(text: str) -> Lines:
    """Read Airflow's own `id=value` files: no quotes, a value is the whole line."""
    found = Lines([], [])
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if equals and name.strip():
            found.assignments.append(Assignment(name.strip(), value, number, True))
        else:
            found.broken.append(number)
    return found


def read_json(text: str) -> object:
    """Return a JSON document; raises Malformed without any of its content."""
    if not text.strip():
        raise Malformed("is empty", "syntax")
    try:
        value: object = json.loads(text)
    except RecursionError:
        raise Malformed("is nested too deeply", "too_deep") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"is no valid JSON (line {error.lineno})", "syntax") from None
    except ValueError:  # a number with too many digits
        raise Malformed("holds a number that is too long", "syntax") from None
    return value


def read_yaml(text: str) -> object:
    """Return a YAML document; raises Malformed without any of its content."""
    import yaml  # slow to import, and rarely needed

    try:
        _check_yaml(text)
        value: object = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" (line {mark.line + 1})" if mark else ""
        raise Malformed(f"is no valid YAML{line}", "syntax") from None
    except (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError):
        # `!!timestamp x`, `!!bool x`: PyYAML trips over what a tag does not fit
        raise Malformed("is no valid YAML", "syntax") from None
    except RecursionError:
        raise Malformed("is nested too deeply", "too_deep") from None
    return value


def _check_yaml(text: str) -> None:
    """
    Refuse depth and aliases that multiply, before anything is built.

    libyaml parses without recursion; building nests C calls, and walking meets
    an aliased node as often as it is named.
    """
    import yaml

    sizes: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, nodes before it
    nodes = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_nodes):
                raise Malformed("holds itself through an alias", "too_deep")
            nodes += sizes.get(event.anchor or "", 1)
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            if anchor is not None:
                sizes[anchor] = nodes - before
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
        if len(open_nodes) > MAX_NESTING:
            raise Malformed("is nested too deeply", "too_deep")
        if nodes > MAX_YAML_NODES:
            raise Malformed("expands to too many values", "too_large")


def entry_lines(
    text: str, form: Literal["json", "yaml"], *path: str
) -> dict[object, int | None]:
    """
    Return the line at which each entry of a document's mapping or list begins.

    `text` is one that `read_json` or `read_yaml` has read. Entries are called by their
    keys there, or their numbers from 0; a mapping's begin at the key. `path` are the
    keys that lead to the mapping or list, from the top. Of equal keys the last counts,
    as it does for the values. What is no mapping and no list has no entries, and of what
    is too large or nested too deeply no line is known.
    """
    try:
        return (_yaml_lines if form == "yaml" else _json_lines)(text, path)
    except (Malformed, RecursionError):
        return {}


def _json_lines(text: str, path: tuple[str, ...]) -> dict[object, int | None]:
    at: int | None = _after_blank(text, 0)
    for key in path:
        at = {name: value for name, _, value in _members(text, at)}.get(key)
    lines: dict[object, int | None] = {}
    line = 1
    before = 0
    for name, start, _ in _members(text, at):
        line += text.count("\n", before, start)
        before = start
        lines[name] = line
    return lines


def _members(text: str, at: int | None) -> Iterator[tuple[object, int, int]]:
    """
    Yield what is in the object or list at `at`: its key or number, where it begins.

    The third is where its value begins: for a list's element the same place.
    """
    opened = "" if at is None else text[at]
    if at is None or opened not in "{[":
        return
    number = 0
    at = _after_blank(text, at + 1)
    while text[at] not in "}]":
        name: object = number
        value = at
        if opened == "{":
            name, end = _DECODER.raw_decode(text, at)
            value = _after_blank(text, _after_blank(text, end) + 1)
        yield name, at, value
        number += 1
        if number > MAX_LINES:
            raise Malformed("holds too many entries", "too_large")
        _, end = _DECODER.raw_decode(text, value)
        at = _after_blank(text, end)
        if text[at] == ",":
            at = _after_blank(text, at + 1)


def _after_blank(text: str, at: int) -> int:
    blank = _BLANK().match(text, at)
    return blank.end() if blank else at


def _yaml_lines(text: str, path: tuple[str, ...]) -> dict[object, int | None]:
    import yaml

    loader = yaml.CSafeLoader(text)
    node = loader.get_single_node()
    for key in path:
        node = {name: value for name, _, value in _pairs(loader, node)}.get(key)
    if isinstance(node, yaml.SequenceNode):
        return {number: _line(item) for number, item in enumerate(node.value)}
    return {name: _line(start) for name, start, _ in _pairs(loader, node)}


def _pairs(
    loader: "yaml.CSafeLoader", node: "yaml.Node | None"
) -> Iterator[tuple[object, "yaml.Node", "yaml.Node"]]:
    """Yield what is in a mapping, what it merges first: each key, and both nodes."""
    import yaml

    if isinstance(node, yaml.MappingNode):
        loader.flatten_mapping(node)
        for start, value in node.value:
            yield loader.construct_object(start), start, value  # pyright: ignore[reportUnknownMemberType]  # its stub says nothing of the node


def _line(node: "yaml.Node") -> int | None:
    return node.start_mark.line + 1 if node.start_mark else None
