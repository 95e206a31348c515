"""
IAM conditions: what a condition says of one request, as far as that can be known.

A condition combines comparisons with `&&`, `||`, `!` and `?:`. Each comparison is
true, false, open (it depends on what is not known) or never grants: an attribute that
the resource's service does not provide is "never interpreted as granting access"
(cloud.google.com/iam/docs/conditions-attribute-reference#inherited-support), negated
or not. That is CEL's own absorption of errors: `never || true` is true, `never ||
false` and `!never` grant nothing. What is known of the attributes is written into a
comparison, and CEL evaluates it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache, lru_cache
from itertools import product
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.expression.extract import extract, is_template
from dagwarden.expression.tree import Node, engine, syntax_tree, walk

MAX_LENGTH: Final = 4_000  # characters of one condition
MAX_DEPTH: Final = 60  # IAM takes twelve logical operators
TAG_FUNCTIONS: Final = frozenset({"hasTagKey", "hasTagKeyId", "matchTag", "matchTagId"})
_TIME = "request.time"
_NAME = "resource.name"
_OPERATORS = {
    f"_{sign}_": sign
    for sign in ("<", "<=", ">", ">=", "==", "!=", "+", "-", "&&", "||")
}
# What may come of a part of a condition; None: it never grants.
Outcomes = frozenset[bool | None]
_OPEN: Outcomes = frozenset({True, False})
_NEVER: Outcomes = frozenset({None})
_TRUE: Outcomes = frozenset({True})


class Request(Struct, frozen=True, kw_only=True):
    """
    What is known of the request that a condition is asked about.

    `known` holds attributes by name (`request.time`, `resource.name`, ...). `lacking`
    are those that the resource's service does not provide, with what they would say.
    `name_begins` is how `resource.name` begins where its end is not known.
    """

    known: Mapping[str, str | datetime]
    lacking: Mapping[str, str] = {}
    name_begins: str | None = None
    # whether a tag function holds; None: not known
    tag: Callable[[str, tuple[str, ...]], bool | None] = lambda name, arguments: None


class Decision(Struct, frozen=True, kw_only=True):
    """Whether a condition holds (None: not known), and what would decide it."""

    holds: bool | None
    # False where a part that never grants decides: no answer for a denial
    provided: bool = True
    open: tuple[str, ...] = ()


class Window(Struct, frozen=True, kw_only=True):
    """The times outside of which a condition never holds; None: no such bound."""

    after: datetime | None = None
    before: datetime | None = None


class Condition:
    """A condition of an IAM policy, compiled."""

    def __init__(self, text: str) -> None:
        """Compile `text`; what IAM would not accept is open in every answer."""
        self._tree = _parsed(text)
        self._never = self._tree is not None and _invalid_time(self._tree)

    def decide(self, request: Request) -> Decision:
        """Return whether the condition holds for a request."""
        if self._tree is None:
            return Decision(holds=None, open=("a condition that is not understood",))
        if self._never:
            # "the condition will never allow access to any resource"
            return Decision(holds=False, provided=False)
        found = _Evaluation(request)
        outcomes = found.outcomes(self._tree)
        if True not in outcomes:
            return Decision(holds=False, provided=None not in outcomes)
        if outcomes <= _TRUE:
            return Decision(holds=True)
        return Decision(holds=None, open=tuple(sorted(found.open)))

    @property
    def understood(self) -> bool:
        """Tell whether the text is a condition at all."""
        return self._tree is not None

    @property
    def window(self) -> Window:
        """The times between which the condition may hold."""
        return Window() if self._tree is None else _window(self._tree)


@cache
def condition(text: str) -> Condition:
    """Return a condition, compiled once however many bindings carry it."""
    return Condition(text)


# ----------------------------------------------------------------------- evaluating


class _Unknown(Exception):
    """A comparison reads what is not known."""


class _Evaluation:
    """One evaluation; `open` gathers what is not known."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.open: set[str] = set()

    def outcomes(self, node: Node) -> Outcomes:
        """Return what may come of a part of the condition."""
        if node.kind == "call" and node.name in ("_&&_", "_||_"):
            left, right = map(self.outcomes, node.operands)
            joined = _both if node.name == "_&&_" else _either
            return frozenset(joined(a, b) for a, b in product(left, right))
        if node.kind == "call" and node.name == "!_":
            inner = self.outcomes(node.operands[0])
            return frozenset(None if one is None else not one for one in inner)
        if node.kind == "call" and node.name == "_?_:_":
            asked, yes, no = map(self.outcomes, node.operands)
            empty: Outcomes = frozenset()
            return empty.union(
                yes if True in asked else empty,
                no if False in asked else empty,
                _NEVER if None in asked else empty,
            )
        return self._comparison(node)

    def _comparison(self, node: Node) -> Outcomes:
        lacking = sorted(set(_attributes(node)) & self._request.lacking.keys())
        if lacking:
            return self._not_provided(node, lacking[0])
        begun = self._begun(node)
        if begun is not None:
            return begun
        try:
            value = _value(_text(self._closed(node)))
        except _Unknown as unknown:
            self.open.add(str(unknown))
            return _OPEN
        if isinstance(value, bool):
            return frozenset({value})
        self.open.add("a comparison that is not understood")
        return _OPEN

    def _not_provided(self, node: Node, attribute: str) -> Outcomes:
        """
        Return what comes of comparing an attribute that is not provided.

        That a guard such as `resource.type != X ||` holds for other types is
        documented; what it says of the very type is not.
        """
        if attribute == _NAME:
            return _NEVER
        literal = _compared(node, attribute)
        if literal is None:
            return _NEVER
        if node.name == "_==_":
            return frozenset({False, None})
        if literal != self._request.lacking[attribute]:
            return frozenset({True})
        self.open.add(f"{attribute}, which its service does not provide")
        return frozenset({True, None})

    def _begun(self, node: Node) -> Outcomes | None:
        """Return what a name of which only the beginning is known tells."""
        begins = self._request.name_begins
        if begins is None or set(_attributes(node)) != {_NAME}:
            return None
        literal = _compared(node, _NAME)
        if literal is not None and not literal.startswith(begins):
            return frozenset({node.name == "_!=_"})
        prefix = _prefix(node)
        if prefix is not None and begins.startswith(prefix):
            return frozenset({True})
        if prefix is not None and not prefix.startswith(begins):
            return frozenset({False})
        self.open.add(_NAME)
        return _OPEN

    def _closed(self, node: Node) -> Node:
        """Write what is known into a comparison; _Unknown where something is not."""
        attribute = _attribute(node)
        if attribute is not None:
            known = self._request.known.get(attribute)
            if known is None:
                raise _Unknown(attribute)
            return _constant(known)
        if node.kind == "name":
            raise _Unknown(node.name)
        if node.kind == "call" and node.name in TAG_FUNCTIONS:
            return Node(node.id, "constant", value=self._tag(node))
        if node.kind == "call" and node.name == "getAttribute":
            raise _Unknown(_literal(node, 1) or "an attribute of the API")
        if node.kind not in ("call", "list", "constant"):
            raise _Unknown("a condition that is not understood")
        closed = Node(
            node.id,
            node.kind,
            node.name,
            node.value,
            tuple(map(self._closed, node.operands)),
            node.member,
        )
        return _extracted(closed)

    def _tag(self, node: Node) -> bool:
        arguments = tuple(_literal(node, at) or "" for at in range(1, 3))
        held = self._request.tag(node.name, tuple(filter(None, arguments)))
        if held is None:
            raise _Unknown(f"tag {arguments[0]} of the resource")
        return held


def _both(a: bool | None, b: bool | None) -> bool | None:
    if a is False or b is False:
        return False
    return None if a is None or b is None else True


def _either(a: bool | None, b: bool | None) -> bool | None:
    if a is True or b is True:
        return True
    return None if a is None or b is None else False


# --------------------------------------------------------------------------- reading


def _attribute(node: Node) -> str | None:
    """Return `resource.name` for that selection."""
    if node.kind != "select" or node.presence_test:
        return None
    owner = node.operands[0]
    if owner.kind == "name":
        return f"{owner.name}.{node.name}"
    above = _attribute(owner)
    return f"{above}.{node.name}" if above else None


def _attributes(node: Node) -> Iterator[str]:
    found = _attribute(node)
    if found is not None:
        yield found
        return
    for operand in node.operands:
        yield from _attributes(operand)


def _compared(node: Node, attribute: str) -> str | None:
    """Return the text to which an attribute is compared by == or !=."""
    if node.kind != "call" or node.name not in ("_==_", "_!=_"):
        return None
    left, right = node.operands
    for one, other in ((left, right), (right, left)):
        if _attribute(one) == attribute and isinstance(other.value, str):
            return other.value
    return None


def _prefix(node: Node) -> str | None:
    """Return x of `resource.name.startsWith(x)`."""
    if node.kind != "call" or node.name != "startsWith":
        return None
    return _literal(node, 1) if _attribute(node.operands[0]) == _NAME else None


def _literal(node: Node, at: int) -> str | None:
    """Return an operand of a call that is a text."""
    value = node.operands[at].value if at < len(node.operands) else None
    return value if isinstance(value, str) else None


def _extracted(node: Node) -> Node:
    """Return what `x.extract(template)` gives, where x is known."""
    if node.kind != "call" or node.name != "extract":
        return node
    text, template = _literal(node, 0), _literal(node, 1)
    if text is None or template is None or not is_template(template):
        raise _Unknown("a condition that is not understood")
    return Node(node.id, "constant", value=extract(text, template))


def _invalid_time(node: Node) -> bool:
    """Tell whether a time or duration is written that is none."""
    return any(
        one.kind == "call"
        and one.name in ("timestamp", "date", "duration")
        and _literal(one, 0) is not None
        and isinstance(_value(_text(one)), str)
        for one in walk(node)
    )


# ------------------------------------------------------------------------------ times


def _window(node: Node) -> Window:
    if node.kind != "call":
        return Window()
    if node.name == "_&&_":
        one, other = map(_window, node.operands)
        return Window(
            after=_latest(one.after, other.after),
            before=_earliest(one.before, other.before),
        )
    if node.name == "_||_":
        one, other = map(_window, node.operands)
        unbound = one.after is None or other.after is None
        after = None if unbound else _earliest(one.after, other.after)
        unbound = one.before is None or other.before is None
        before = None if unbound else _latest(one.before, other.before)
        return Window(after=after, before=before)
    if node.name == "!_":
        inner = node.operands[0]
        opposite = _OPPOSITE.get(inner.name)
        return _bound(opposite, inner) if opposite else Window()
    return _bound(node.name, node)


_OPPOSITE = {"_<_": "_>=_", "_<=_": "_>_", "_>_": "_<=_", "_>=_": "_<_"}
_MIRRORED = {"_<_": "_>_", "_<=_": "_>=_", "_>_": "_<_", "_>=_": "_<=_"}


def _bound(name: str, node: Node) -> Window:
    """Return the window of `request.time < X` and its like."""
    if name not in _OPPOSITE or len(node.operands) != 2:
        return Window()
    left, right = node.operands
    if _attribute(right) == _TIME:
        left, right, name = right, left, _MIRRORED[name]
    if _attribute(left) != _TIME or any(_attributes(right)):
        return Window()
    try:
        moment = _value(_text(right))
    except _Unknown:
        return Window()
    if not isinstance(moment, datetime):
        return Window()
    return Window(before=moment) if "<" in name else Window(after=moment)


def _latest(a: datetime | None, b: datetime | None) -> datetime | None:
    return b if a is None else a if b is None else max(a, b)


def _earliest(a: datetime | None, b: datetime | None) -> datetime | None:
    return b if a is None else a if b is None else min(a, b)


# -------------------------------------------------------------------------------- CEL


def _parsed(text: str) -> Node | None:
    if len(text) > MAX_LENGTH or not text.strip():
        return None
    parts = text.split('"')
    if not _alternates(parts):
        return _tree(text)
    # thousands of conditions differ in names and times alone: CEL reads one for all
    parts[1::2], texts = map(str, range(len(parts) // 2)), parts[1::2]
    tree = _tree('"'.join(parts))
    return None if tree is None else _with_texts(tree, texts)


def _alternates(parts: list[str]) -> bool:
    """
    Tell whether of a text, parted at `"`, every second part is a constant as it stands.

    It has neither escapes nor other quotes, none is empty, and all end on their line.
    """
    return (
        len(parts) % 2 == 1
        and "" not in parts[1:-1]
        and all(part.isprintable() and "\\" not in part for part in parts[1::2])
        and not any("'" in part for part in parts[::2])
    )


def _with_texts(node: Node, texts: list[str]) -> Node:
    """Return the tree of a condition with its own texts for their numbers."""
    if node.kind == "constant" and isinstance(node.value, str):
        return replace(node, value=texts[int(node.value)])
    if not node.operands:
        return node
    operands = tuple(_with_texts(one, texts) for one in node.operands)
    return replace(node, operands=operands)


@lru_cache(maxsize=1 << 10)
def _tree(text: str) -> Node | None:
    try:
        tree = syntax_tree(_vocabulary().compile(text).serialize())
    except Exception:  # CEL raises RuntimeError for everything it finds
        return None
    return None if _deeper(tree, MAX_DEPTH) else tree


def _deeper(node: Node, most: int) -> bool:
    return most == 0 or any(_deeper(one, most - 1) for one in node.operands)


@cache
def _vocabulary() -> Any:
    """Return the environment that knows the names of IAM conditions."""
    cel = engine()
    kinds = cel.Type
    any_, text = kinds.DYN, kinds.STRING

    def function(name: str, result: Any, *arguments: Any, member: bool = True) -> Any:
        overload = cel.Overload(
            id=f"iam_{name}",
            return_type=result,
            parameters=list(arguments),
            is_member=member,
        )
        return cel.FunctionDecl(name, [overload])

    names = ("request", "resource", "principal", "api", "destination", "origin")
    return cel.NewEnv(
        variables=dict.fromkeys(names, any_),
        functions=[
            function("matchTag", kinds.BOOL, any_, text, text),
            function("matchTagId", kinds.BOOL, any_, text, text),
            function("hasTagKey", kinds.BOOL, any_, text),
            function("hasTagKeyId", kinds.BOOL, any_, text),
            function("getAttribute", any_, any_, text, any_),
            function("hasOnly", kinds.BOOL, any_, any_),
            function("extract", text, any_, text),
            function("date", kinds.TIMESTAMP, text, member=False),
        ],
    )


@cache
def _plain() -> Any:
    return engine().NewEnv()


@lru_cache(maxsize=1 << 14)
def _value(text: str) -> object:
    """Return what a closed expression gives; a text where it is an error."""
    try:
        return _plain().compile(text).eval(data={}).value()
    except Exception as error:  # the types do not fit
        return str(error)


def _constant(value: str | datetime) -> Node:
    if isinstance(value, str):
        return Node(0, "constant", value=value)
    moment = value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    argument = Node(0, "constant", value=moment)
    return Node(0, "call", "timestamp", operands=(argument,))


def _text(node: Node) -> str:
    """Return a closed expression as CEL; _Unknown where that is not offered."""
    if node.kind == "constant":
        if not isinstance(node.value, str | bool | int):
            raise _Unknown("a condition that is not understood")
        return json.dumps(node.value)
    parts = list(map(_text, node.operands)) if node.kind in ("call", "list") else []
    if node.kind == "list":
        return f"[{', '.join(parts)}]"
    if node.kind != "call":
        raise _Unknown("a condition that is not understood")
    if node.name in _OPERATORS:
        return f"({parts[0]} {_OPERATORS[node.name]} {parts[1]})"
    if node.name == "@in":
        return f"({parts[0]} in {parts[1]})"
    if node.name == "!_":
        return f"!({parts[0]})"
    if node.name == "_[_]":
        return f"{parts[0]}[{parts[1]}]"
    if node.name == "date":
        day = node.operands[0].value
        return f"timestamp({json.dumps(f'{day}T00:00:00Z')})"
    if not re.fullmatch(r"[A-Za-z]\w*", node.name):
        raise _Unknown("a condition that is not understood")
    if node.member:
        return f"{parts[0]}.{node.name}({', '.join(parts[1:])})"
    return f"{node.name}({', '.join(parts)})"
