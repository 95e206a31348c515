"""
How a shell splits a script into commands and words, as far as it can be told.

What is not known in a script stands in it as one piece. A word may hold variables and
commands whose output it takes; whoever carries the script out fills them in.
"""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from dagwarden.patterns import late
from dagwarden.sources.dags.language.values import (
    Text,
    Thing,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge


class Variable(NamedTuple):
    """`$NAME` in a word."""

    name: str


class Output(NamedTuple):
    """`$(...)` in a word: what the script inside writes."""

    script: "tuple[Atom, ...]"


# A character, or a piece of text that is not known.
Atom: TypeAlias = str | Unknown | Thing
Node: TypeAlias = str | Unknown | Thing | Variable | Output


class Word(NamedTuple):
    """One word: its nodes, and whether any of it stands in quotes."""

    nodes: tuple[Node, ...]
    quoted: bool

    @property
    def plain(self) -> str | None:
        """The word where it is written out, and not in quotes."""
        one = self.nodes[0] if len(self.nodes) == 1 else None
        return one if isinstance(one, str) and not self.quoted else None


# `;`, `&&`, `||`, `|`, `&`, `(`, `)` and a new line, which is `;` too.
Operator = str
Token: TypeAlias = Word | Operator

_NAME = late(r"[A-Za-z_]\w*")
_SPECIAL = "?#@*$!-0123456789"
_OPERATORS = (";;&", ";;", ";&", "&&", "||", "|&", ";", "|", "&", "(", ")")


def atoms_of(text: Value) -> tuple[Atom, ...]:
    """Return the characters of `text`, what is not known as one each."""
    found: list[Atom] = []
    for part in text.parts if isinstance(text, Text) else (text,):
        if isinstance(part, str):
            charge(len(part))
            found += part
        else:
            found.append(why_unknown(part) or Unknown("dynamic", "a command"))
            if isinstance(part, Thing):
                found[-1] = part
    return tuple(found)


def tokens_of(atoms: tuple[Atom, ...]) -> list[Token]:
    """Split a script into words and operators."""
    charge(2 * len(atoms))
    return _Lexer(atoms).tokens()


class _Lexer:
    """Goes through a script once."""

    def __init__(self, atoms: tuple[Atom, ...]) -> None:
        self.atoms = atoms
        self.at = 0
        self.found: list[Token] = []
        self.nodes: list[Node] = []
        self.quoted = False
        self.started = False
        # the next word is where something is read from or written to
        self.redirected = False
        self.heredocs: list[str] = []

    def tokens(self) -> list[Token]:
        while self.at < len(self.atoms):
            self._step()
        self._end_word()
        return self.found

    def _peek(self, offset: int = 0) -> Atom:
        at = self.at + offset
        return self.atoms[at] if at < len(self.atoms) else ""

    def _text(self, size: int) -> str:
        found = self.atoms[self.at : self.at + size]
        return "".join(one if isinstance(one, str) else "\0" for one in found)

    def _add(self, node: Node) -> None:
        self.started = True
        self.nodes.append(node)

    def _end_word(self) -> None:
        if self.started:
            if self.heredocs and self.heredocs[-1] == "":
                named = "".join(n for n in self.nodes if isinstance(n, str))
                self.heredocs[-1] = named or "\0"
            elif not self.redirected:
                self.found.append(Word(tuple(_merged(self.nodes)), self.quoted))
            self.redirected = False
        self.nodes, self.quoted, self.started = [], False, False

    def _step(self) -> None:
        one = self._peek()
        if not isinstance(one, str):
            self._add(one)
            self.at += 1
        elif one == "\\":
            following = self._peek(1)
            if following != "\n":
                self._add(following)
                self.quoted = True
            self.at += 2
        elif one == "'":
            self._single()
        elif one == '"':
            self._double()
        elif one in "$`":
            self._expansion()
        elif one == "#" and not self.started:
            while self.at < len(self.atoms) and self._peek() != "\n":
                self.at += 1
        elif one in " \t\r":
            self._end_word()
            self.at += 1
        elif one == "\n":
            self._end_word()
            self.found.append(";")
            self.at += 1
            self._skip_heredocs()
        elif one in "<>" or self._text(2) == "&>":
            self._redirection()
        elif one in ";&|()":
            self._end_word()
            size = next(len(op) for op in _OPERATORS if self._text(len(op)) == op)
            self.found.append(self._text(size))
            self.at += size
        else:
            self._add(one)
            self.at += 1

    def _single(self) -> None:
        self.quoted = self.started = True
        self.at += 1
        while self.at < len(self.atoms) and (one := self._peek()) != "'":
            self._add(one)
            self.at += 1
        self.at += 1

    def _double(self) -> None:
        self.quoted = self.started = True
        self.at += 1
        while self.at < len(self.atoms) and (one := self._peek()) != '"':
            if one == "\\" and (after := self._peek(1)) in ("$", "`", '"', "\\", "\n"):
                if after != "\n":
                    self._add(after)
                self.at += 2
            elif isinstance(one, str) and one in "$`":
                self._expansion()
            else:
                self._add(one)
                self.at += 1
        self.at += 1

    def _expansion(self) -> None:
        """Read what begins with `$` or a backquote."""
        if self._peek() == "`":
            end = self.at + 1
            while end < len(self.atoms) and self.atoms[end] != "`":
                end += 1
            self._add(Output(self.atoms[self.at + 1 : end]))
            self.at = end + 1
        elif self._text(3) == "$((":
            end = self._closing(self.at + 2)
            self._add(Unknown("dynamic", "$((...))"))
            self.at = end + 1
        elif self._text(2) == "$(":
            end = self._closing(self.at + 2)
            self._add(Output(self.atoms[self.at + 2 : end]))
            self.at = end + 1
        elif self._text(2) == "${":
            self._braces()
        else:
            self._name()

    def _closing(self, start: int) -> int:
        """Return where the parenthesis ends that was opened before `start`."""
        depth, at, quote = 1, start, ""
        while at < len(self.atoms):
            one = self.atoms[at]
            if one == "\\" and quote != "'":
                at += 1
            elif quote:
                quote = "" if one == quote else quote
            elif one in ("'", '"'):
                quote = str(one)
            elif one == "(":
                depth += 1
            elif one == ")":
                depth -= 1
                if not depth:
                    return at
            at += 1
        return at

    def _braces(self) -> None:
        end, depth = self.at + 2, 1
        while end < len(self.atoms):
            depth += {"{": 1, "}": -1}.get(str(self.atoms[end]), 0)
            if not depth:
                break
            end += 1
        inner = self.atoms[self.at + 2 : end]
        text = "".join(one if isinstance(one, str) else "\0" for one in inner)
        self.at = end + 1
        name = _NAME().match(text)
        if name is not None and name[0] == text:
            self._add(Variable(text))
        else:
            shown = name[0] if name is not None else "${...}"
            self._add(Unknown("environment", shown))

    def _name(self) -> None:
        self.at += 1
        text = ""
        while isinstance(one := self._peek(), str) and _NAME().fullmatch(text + one):
            if not one:
                break
            text += one
            self.at += 1
        one = self._peek()
        if text:
            self._add(Variable(text))
        elif isinstance(one, str) and one and one in _SPECIAL:
            self._add(Variable(one))
            self.at += 1
        else:
            self._add("$")

    def _redirection(self) -> None:
        alone = "".join(one if isinstance(one, str) else "?" for one in self.nodes)
        if alone.isdigit() and not self.quoted:
            self.nodes, self.started = [], False
        self._end_word()
        if self._text(2) in ("<(", ">("):
            end = self._closing(self.at + 2)
            self._add(Output(self.atoms[self.at + 2 : end]))
            self.at = end + 1
            return
        here = self._text(2) == "<<" and self._text(3) != "<<<"
        while isinstance(one := self._peek(), str) and one and one in "<>&|-":
            if one == "-" and not here:
                break
            self.at += 1
        if here:
            self.heredocs.append("")
            while self._peek() in (" ", "\t"):
                self.at += 1
        else:
            self.redirected = True

    def _skip_heredocs(self) -> None:
        for name in self.heredocs:
            while self.at < len(self.atoms):
                line = self._line()
                if line.strip("\t ") == name:
                    break
        self.heredocs = []

    def _line(self) -> str:
        start = self.at
        while self.at < len(self.atoms) and self.atoms[self.at] != "\n":
            self.at += 1
        line = self.atoms[start : self.at]
        self.at += 1
        return "".join(one if isinstance(one, str) else "\0" for one in line)


def _merged(nodes: list[Node]) -> Iterator[Node]:
    """Return `nodes` with characters that stand side by side as one text."""
    text: list[str] = []
    for node in nodes:
        if isinstance(node, str):
            text.append(node)
            continue
        if text:
            yield "".join(text)
            text = []
        yield node
    if text or not nodes:
        yield "".join(text)
