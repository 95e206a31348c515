"""
Files in a syntax newer than that of the running Python.

What is newer is put in older words before the file is parsed: what stands on which
line stays there. A file that is valid after that is read like any other; a file that
is simply broken is not mended. Put in older words are type parameters and aliases,
f-strings that hold their own quotes, exceptions without parentheses, and t-strings,
whose value is then not known.
"""

import ast
from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

MAX_SIZE = 500_000
# How deeply f-strings are looked into.
MAX_DEPTH = 8


class Node(Protocol):
    """A node of tree-sitter's tree, as far as it is looked at."""

    @property
    def type(self) -> str:
        """Its kind, by the grammar's name."""
        ...

    @property
    def children(self) -> "Sequence[Node]":
        """The nodes inside of it, in order."""
        ...

    @property
    def parent(self) -> "Node | None":
        """The node around it."""
        ...

    @property
    def start_byte(self) -> int:
        """Where it begins."""
        ...

    @property
    def end_byte(self) -> int:
        """Where it ends."""
        ...

    @property
    def is_error(self) -> bool:
        """Whether it is what no rule of the grammar covers."""
        ...

    @property
    def is_missing(self) -> bool:
        """Whether the grammar demands it and the file lacks it."""
        ...

    def child_by_field_name(self, name: str) -> "Node | None":
        """Return the first node under a name of the grammar."""
        ...

    def children_by_field_name(self, name: str) -> "Sequence[Node]":
        """Return all nodes under a name of the grammar."""
        ...


# Any constant whose value nothing is known of.
_UNKNOWN = "..."


def in_older_words(data: bytes) -> bytes | None:
    """Return `data` without newer syntax; None where that cannot be done."""
    if len(data) > MAX_SIZE:
        return None
    try:
        # ten milliseconds that only a file which cannot be parsed costs
        parser, grammar = map(import_module, ("tree_sitter", "tree_sitter_python"))
    except ImportError:
        # there are machines that it is not built for: the file stays a gap
        return None
    language = parser.Language(grammar.language())
    root: Node = parser.Parser(language).parse(data).root_node
    try:
        return _Rewriting(data).whole(root)
    except (_Broken, SyntaxError, ValueError, RecursionError):
        return None


class _Broken(Exception):
    """The file is not in the syntax of any Python that is known of."""


class _Rewriting:
    """The changes to one file: what replaces which bytes."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def text(self, node: Node) -> str:
        return self.data[node.start_byte : node.end_byte].decode()

    def whole(self, root: Node) -> bytes:
        made, end = bytearray(), 0
        for start, stop, text in sorted(self.changes(root, 0)):
            made += self.data[end:start] + text.encode()
            end = stop
        return bytes(made + self.data[end:])

    def changes(self, root: Node, depth: int) -> Iterator[tuple[int, int, str]]:
        """Yield what is to be replaced below `root`, nothing inside of another."""
        waiting = [root]
        while waiting:
            node = waiting.pop()
            if node.type == "type_parameter" and _declares(node):
                yield node.start_byte, node.end_byte, _blank(self.text(node))
            elif node.type == "type_alias_statement":
                yield node.start_byte, node.end_byte, self._alias(node)
            elif node.type in ("string", "concatenated_string"):
                text = self._string(node, depth)
                if text is not None:
                    yield node.start_byte, node.end_byte, text
            elif node.is_error or node.is_missing:
                raise _Broken
            else:
                yield from _parentheses(node)
                waiting += node.children

    def _alias(self, node: Node) -> str:
        left = node.child_by_field_name("left")
        while left is not None and left.type != "identifier":
            left = left.children[0] if left.children else None
        if left is None:
            raise _Broken
        return self._padded(node, f"{self.text(left)} = ({_UNKNOWN}", ")")

    def _padded(self, node: Node, text: str, end: str) -> str:
        """Return `text` and `end`, on as many lines as `node` stands on."""
        lines = self.text(node).count("\n") - text.count("\n")
        return text + "\n" * lines + end

    # ---------------------------------------------------------------------- strings

    def _string(self, node: Node, depth: int) -> str | None:
        """Return what replaces a string, None if it may stay."""
        text = self.text(node)
        whole = node.type == "concatenated_string"
        parts = [part for part in (node.children if whole else [node]) if part.children]
        starts = [self.text(part.children[0]).lower() for part in parts]
        if any("t" in start for start in starts):
            return self._padded(node, f"({_UNKNOWN}", ")")
        if not any("f" in start for start in starts) or _is_valid(text):
            return None
        if depth > MAX_DEPTH:
            raise _Broken
        template: list[str] = []
        values: list[str] = []
        for part in parts:
            self._format(part, template, values, depth)
        call = f"({''.join(template)!r}.format({''.join(values)}"
        return self._padded(node, call, "))")

    def _format(
        self, node: Node, template: list[str], values: list[str], depth: int
    ) -> None:
        """Add the fields of one string to what `str.format` is given."""
        if node.type != "string" or node.children[-1].type != "string_end":
            raise _Broken
        start, end = self.text(node.children[0]), self.text(node.children[-1])
        is_format = "f" in start.lower()
        quote = start.translate(str.maketrans("", "", "fF"))
        at = node.children[0].end_byte
        for child in (*node.children[1:-1], node.children[-1]):
            if child.type not in ("interpolation", "string_end"):
                continue
            plain = self.data[at : child.start_byte].decode()
            if is_format:
                plain = plain.replace("{{", "{").replace("}}", "}")
            literal = ast.literal_eval(f"{quote}{plain}{end}")
            if not isinstance(literal, str):
                raise _Broken
            template.append(literal.replace("{", "{{").replace("}", "}}"))
            if child.type == "interpolation":
                template.append(self._field(child, values, depth))
            at = child.end_byte

    def _field(self, node: Node, values: list[str], depth: int) -> str:
        """Return a replacement field, and add what stands in it to `values`."""
        value = node.child_by_field_name("expression")
        if value is None or any(child.type == "=" for child in node.children):
            raise _Broken
        values.append(f"({self._expression(value, depth)}), ")
        conversion = node.child_by_field_name("type_conversion")
        spec = node.child_by_field_name("format_specifier")
        shown = self.text(conversion) if conversion is not None else ""
        if spec is None:
            return f"{{{shown}}}"
        text, at = "", spec.start_byte
        for child in spec.children:
            if child.type in ("format_expression", "interpolation"):
                text += self.data[at : child.start_byte].decode()
                text += self._field(child, values, depth)
                at = child.end_byte
        return f"{{{shown}{text}{self.data[at : spec.end_byte].decode()}}}"

    def _expression(self, node: Node, depth: int) -> str:
        made, end = "", node.start_byte
        for start, stop, text in sorted(self.changes(node, depth + 1)):
            made += self.data[end:start].decode() + text
            end = stop
        return made + self.data[end : node.end_byte].decode()


def _declares(node: Node) -> bool:
    """Say whether a list of type parameters is that of a class or function."""
    above = node.parent
    return above is not None and above.type in (
        "class_definition",
        "function_definition",
    )


def _parentheses(node: Node) -> Iterator[tuple[int, int, str]]:
    """Yield the parentheses around exceptions that stand without."""
    if node.type != "except_clause":
        return
    named = node.children_by_field_name("value")
    if len(named) > 1:
        yield named[0].start_byte, named[0].start_byte, "("
        yield named[-1].end_byte, named[-1].end_byte, ")"


def _blank(text: str) -> str:
    return "".join(one if one == "\n" else " " for one in text)


def _is_valid(text: str) -> bool:
    try:
        ast.parse(f"({text}\n)", mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
