"""
What Airflow makes of the Jinja templates in a task's arguments; nothing is rendered.

Jinja's own parser says what a template means, and what it means is worked out on
abstract values: what is known of the names in it decides what is known of the result.
This module knows Jinja; what the names mean is given as values, by `context`.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from dagwarden.sources.dags.language import containers, operations
from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Given,
    Items,
    Text,
    Thing,
    Unknown,
    Value,
    bare,
    first_given,
    is_scalar,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

if TYPE_CHECKING:
    from jinja2 import Environment, nodes

# Airflow keeps Jinja's own delimiters.
_OPENING = ("{{", "{%", "{#")
MAX_SHOWN = 120
# Characters of a template, and of a text that may be Python.
MAX_TEMPLATE = 50_000
MAX_NATIVE = 5_000
# How deep expressions and blocks may nest.
MAX_DEPTH = 60


class Names(Protocol):
    """What the names in a template mean."""

    def name(self, name: str) -> Value:
        """Return the value of a name."""
        ...

    def has_filter(self, name: str) -> bool:
        """Say whether the filter `name` is surely Jinja's own."""
        ...


def is_template(text: str) -> bool:
    """Say whether rendering may change `text`."""
    return any(mark in text for mark in _OPENING)


def rendered_later(text: str) -> Unknown:
    """Return why the value of a template is not known; the template is shown."""
    shown = " ".join(text.split())
    return Unknown("jinja", shown[:MAX_SHOWN])


class AtRunTime(Thing):
    """What only a run of the task decides; `known` are attributes that are known."""

    __slots__ = ("known", "name")

    def __init__(self, name: str, known: Mapping[str, Value] | None = None) -> None:
        """`name` is the expression that gives it."""
        self.name = name
        self.known = known or {}

    def describe(self) -> str:
        """Return the expression."""
        return self.name

    def unknown(self) -> Unknown:
        """Return why it is not known."""
        return rendered_later(f"{{{{ {self.name} }}}}")

    def truth(self) -> bool | Unknown:
        """Return why it is not known."""
        return self.unknown()

    def attribute(self, name: str) -> Value:
        """Return an attribute."""
        if name in self.known:
            return self.known[name]
        return AtRunTime(f"{self.name}.{name}")

    def item(self, key: Value) -> Value:
        """Return an item, which may as well be an attribute."""
        if isinstance(key, str) and key in self.known:
            return self.known[key]
        return AtRunTime(f"{self.name}[{key!r}]" if is_scalar(key) else self.name)

    def call(self, arguments: Arguments) -> Value:
        """Return what a call gives."""
        given = [_shown(value) for value in arguments.positional]
        given += [f"{key}={_shown(value)}" for key, value in arguments.keywords.items()]
        return AtRunTime(f"{self.name}({', '.join(given)})")


def _shown(value: Value) -> str:
    if isinstance(value, AtRunTime):
        return value.name
    return repr(bare(value))[:MAX_SHOWN] if is_scalar(value) else "..."


def evaluated(text: str, names: Names, *, native: bool | Unknown = False) -> Value:
    """
    Return what rendering `text` gives, where `names` says what its names mean.

    `native`: a result that reads as a Python literal is that literal
    (`render_template_as_native_obj`).
    """
    later = rendered_later(text)
    if len(text) > MAX_TEMPLATE:
        return later
    if not is_template(text):
        written = _normalized(text)
        return _finished([written] if written else [], native, later)
    charge(len(text))
    template = _parsed(str(text))
    if template is None:
        return later
    try:
        parts = _Evaluation(names, later).body(template.body, 0)
    except _NotFollowed:
        return later
    return _finished(parts, native, later)


def _normalized(text: str) -> str:
    """Return text outside of tags as Jinja's lexer gives it."""
    if "\n" not in text and "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    found = lines.removesuffix("\n")
    if isinstance(text, Given):
        return cast("str", operations.mark(found, text.why))
    return found


@cache
def _environment() -> "Environment":
    from jinja2 import Environment  # most files need no Jinja

    return Environment(autoescape=False, extensions=["jinja2.ext.do"])  # noqa: S701  # it renders nothing, and Airflow escapes nothing


@lru_cache(maxsize=256)
def _parsed(text: str) -> "nodes.Template | None":
    """Return a template's tree, None where Jinja refuses it."""
    from jinja2 import TemplateError
    from jinja2.parser import Parser

    try:
        # the environment's own `parse` runs code that it makes, to tell of an error
        return Parser(_environment(), text).parse()
    except (TemplateError, RecursionError, ValueError, OverflowError):
        return None


def _finished(parts: list[Value], native: bool | Unknown, later: Unknown) -> Value:
    """Return the parts of a template's output as one value."""
    if native is False:
        return operations.joined([_as_text(part, later) for part in parts])
    if len(parts) == 1 and not isinstance(parts[0], str):
        # in a text environment it would be its text
        return parts[0] if native is True else later
    if not parts:
        return None if native is True else later
    text = operations.joined([_as_text(part, later) for part in parts])
    if not isinstance(text, str):
        return text
    found = operations.marked(lambda now: _literal(now[0], later), [text])
    if isinstance(native, Unknown) and not (isinstance(found, str) and found == text):
        return native
    return found


def _literal(text: Value, later: Unknown) -> Value:
    """Return what a text is that Jinja reads as a Python literal where it can."""
    if not isinstance(text, str) or len(text) > MAX_NATIVE:
        return text if isinstance(text, Unknown) else later
    charge(len(text))
    try:
        found: object = ast.literal_eval(ast.parse(text, mode="eval"))
    except (ValueError, SyntaxError, MemoryError):
        return text
    except (RecursionError, TypeError):
        return later
    return _from_python(found, later)


def _from_python(found: object, later: Unknown) -> Value:
    charge()
    if isinstance(found, (list, tuple)):
        items = cast("Sequence[object]", found)
        made: list[Value] = [_from_python(item, later) for item in items]
        return Items("list" if isinstance(items, list) else "tuple", made)
    if isinstance(found, dict):
        fields = cast("dict[object, object]", found)
        if not all(isinstance(key, (str, int)) for key in fields):
            return later
        return Entries(
            {cast("str", key): _from_python(v, later) for key, v in fields.items()}
        )
    plain = found is None or isinstance(found, (str, bool, int, float, bytes))
    return operations.as_scalar(found) if plain else later


def _as_text(part: Value, later: Unknown) -> Value:
    """Return the text of one part of the output."""
    if isinstance(part, (str, Text)):
        return part
    why = why_unknown(part)
    if why is not None:
        return why
    if part is None or isinstance(part, (bool, int, float)):
        return operations.builtin("str", Arguments([part], {}))
    return later


# Expressions whose value is that of what they name, not one made of it.
_SAME = frozenset({"Call", "Name"})


class _NotFollowed(Exception):
    """A template does what is not worked out here."""


class _Undefined(Thing):
    """What is not there: Airflow fails where such a value is used."""

    __slots__ = ("later",)

    def __init__(self, later: Unknown) -> None:
        """`later` is why nothing is known of the result."""
        self.later = later

    def unknown(self) -> Unknown:
        """Return why nothing is known of it."""
        return self.later

    def truth(self) -> bool | Unknown:
        """Nothing is known of it."""
        return self.later

    def attribute(self, name: str) -> Value:
        """Nothing is known of it."""
        return self.later

    def call(self, arguments: Arguments) -> Value:
        """Nothing is known of that."""
        return self.later


class _Evaluation:
    """One template being worked out."""

    def __init__(self, names: Names, later: Unknown) -> None:
        self.names = names
        self.later = later
        # what `set` bound
        self.bound: dict[str, Value] = {}
        self.depth = 0

    # ------------------------------------------------------------------ statements

    def body(self, body: "list[nodes.Node]", depth: int) -> list[Value]:
        """Return the parts of what a template's statements write."""
        if depth > MAX_DEPTH:
            raise _NotFollowed
        parts: list[Value] = []
        for node in body:
            charge()
            kind = type(node).__name__
            if kind == "Output":
                for one in cast("nodes.Output", node).nodes:
                    parts.append(self.written(one))  # noqa: PERF401  # in order
            elif kind == "If":
                parts += self.conditional(cast("nodes.If", node), depth)
            elif kind == "Assign":
                self.assign(cast("nodes.Assign", node))
            elif kind == "For" and not _binds(node):
                parts.append(self.later)
            else:
                raise _NotFollowed
        return parts

    def written(self, node: "nodes.Node") -> Value:
        if type(node).__name__ == "TemplateData":
            return cast("nodes.TemplateData", node).data
        return self.value(cast("nodes.Expr", node))

    def conditional(self, node: "nodes.If", depth: int) -> list[Value]:
        branches: list[tuple[nodes.Node | None, list[nodes.Node]]] = [
            (node.test, node.body),
            *((one.test, one.body) for one in node.elif_),
            (None, node.else_),
        ]
        for test, body in branches:
            decided = (
                True if test is None else truth(self.value(cast("nodes.Expr", test)))
            )
            if isinstance(decided, Unknown):
                if _binds(node):
                    raise _NotFollowed
                return [decided.derived()]
            if decided:
                return self.body(body, depth + 1)
        return []

    def assign(self, node: "nodes.Assign") -> None:
        target: nodes.Node = node.target
        if type(target).__name__ != "Name":
            raise _NotFollowed
        self.bound[cast("nodes.Name", target).name] = self.value(
            cast("nodes.Expr", node.node)
        )

    # ----------------------------------------------------------------- expressions

    def value(self, node: "nodes.Expr") -> Value:
        """Return the value of an expression."""
        charge()
        handler = _EXPRESSIONS.get(type(node).__name__)
        if handler is None:
            return self.later
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _NotFollowed
        try:
            found = handler(self, node)
        finally:
            self.depth -= 1
        if isinstance(found, Unknown) and type(node).__name__ not in _SAME:
            return found.derived()
        return found

    def constant(self, node: "nodes.Const") -> Value:
        found: object = node.value
        plain = found is None or isinstance(found, (str, bool, int, float))
        return operations.as_scalar(found) if plain else self.later

    def named(self, node: "nodes.Name") -> Value:
        return (
            self.bound[node.name]
            if node.name in self.bound
            else self.names.name(node.name)
        )

    def attribute(self, node: "nodes.Getattr") -> Value:
        return self.attribute_of(self.value(node.node), node.attr)

    def attribute_of(self, holder: Value, name: str) -> Value:
        if isinstance(holder, Unknown):
            return holder
        if name.startswith("_"):
            return self.later
        if isinstance(holder, Entries):
            # a dict's methods hide its keys
            return self.later if hasattr(dict, name) else self.entry_of(holder, name)
        if isinstance(holder, Thing) and not isinstance(holder, Text):
            return holder.attribute(name)
        return why_unknown(holder) or self.later

    def entry_of(self, holder: Entries, key: Value) -> Value:
        if is_scalar(key) and key not in holder.items and holder.rest is None:
            return _Undefined(self.later)
        return operations.subscript(holder, key)

    def item_of(self, node: "nodes.Getitem") -> Value:
        holder = self.value(node.node)
        if type(node.arg).__name__ == "Slice":
            part = cast("nodes.Slice", node.arg)
            bounds = [
                None if bound is None else self.value(bound)
                for bound in (part.start, part.stop, part.step)
            ]
            return operations.sliced(holder, *bounds)
        key = self.value(node.arg)
        if isinstance(holder, Entries):
            if isinstance(key, str) and key not in holder.items and hasattr(dict, key):
                return self.later
            return self.entry_of(holder, key)
        if isinstance(holder, Thing) and not isinstance(holder, Text):
            return holder.item(key)
        return operations.subscript(holder, key)

    def call(self, node: "nodes.Call") -> Value:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return self.later
        given = Arguments(
            [self.value(argument) for argument in node.args],
            {pair.key: self.value(pair.value) for pair in node.kwargs},
        )
        if type(node.node).__name__ != "Getattr":
            function = self.value(node.node)
            return (
                function.call(given) if isinstance(function, AtRunTime) else self.later
            )
        asked = cast("nodes.Getattr", node.node)
        holder, name = self.value(asked.node), asked.attr
        if isinstance(holder, Unknown):
            return holder.derived()
        if isinstance(holder, str) and name not in ("format", "format_map"):
            return _called(containers.method(holder, name, 0), given)
        if isinstance(holder, Entries) and name == "get":
            return _called(containers.method(holder, name, 0), given)
        if isinstance(holder, AtRunTime):
            return _called(holder.attribute(name), given)
        # it may change what it is called on
        raise _NotFollowed

    def concatenated(self, node: "nodes.Concat") -> Value:
        parts = [_as_text(self.value(one), self.later) for one in node.nodes]
        return operations.joined(parts)

    def binary(self, node: "nodes.BinExpr") -> Value:
        if any(one.name in _ESCAPING for one in _filters(node)):
            # what these give escapes what it is added to
            return self.later
        left, right = self.value(node.left), self.value(node.right)
        for one in (left, right):
            if isinstance(one, Thing) and not isinstance(one, Text):
                return why_unknown(one) or self.later
        return operations.binary(_OPERATORS[type(node).__name__], left, right)

    def unary(self, node: "nodes.UnaryExpr") -> Value:
        return operations.unary(_OPERATORS[type(node).__name__], self.value(node.node))

    def both(self, node: "nodes.And") -> Value:
        return self.either(node, ends=False)

    def one_of(self, node: "nodes.Or") -> Value:
        return self.either(node, ends=True)

    def either(self, node: "nodes.BinExpr", *, ends: bool) -> Value:
        left = self.value(node.left)
        decided = truth(left)
        if isinstance(decided, Unknown):
            return lost(decided, left, self.value(node.right))
        return left if decided is ends else self.value(node.right)

    def compare(self, node: "nodes.Compare") -> Value:
        left = self.value(node.expr)
        for operand in node.ops:
            right = self.value(operand.expr)
            for one in (left, right):
                if isinstance(one, Thing):
                    return why_unknown(one) or self.later
            decided = operations.compare(_COMPARISONS[operand.op], left, right)
            if decided is not True:
                return decided
            left = right
        return True

    def chosen(self, node: "nodes.CondExpr") -> Value:
        decided = truth(self.value(node.test))
        other = node.expr2
        if isinstance(decided, Unknown):
            return decided
        if decided:
            return self.value(node.expr1)
        return _Undefined(self.later) if other is None else self.value(other)

    def list_of(self, node: "nodes.List") -> Value:
        return Items("list", [self.value(one) for one in node.items])

    def tuple_of(self, node: "nodes.Tuple") -> Value:
        return Items("tuple", [self.value(one) for one in node.items])

    def dict_of(self, node: "nodes.Dict") -> Value:
        made = Entries({})
        for pair in node.items:
            operations.assign(made, self.value(pair.key), self.value(pair.value), 0)
        return made

    def filtered(self, node: "nodes.Filter") -> Value:
        handler = _FILTERS.get(node.name)
        asked = node.node
        if asked is None or node.dyn_args is not None or node.dyn_kwargs is not None:
            return self.later
        if handler is None or not self.names.has_filter(node.name):
            why = why_unknown(self.value(asked))
            return why or self.later
        pairs = cast("list[nodes.Keyword]", node.kwargs)
        given = Arguments(
            [self.value(argument) for argument in node.args],
            {pair.key: self.value(pair.value) for pair in pairs},
        )
        return handler(self.value(asked), given, self.later)

    def tested(self, node: "nodes.Test") -> Value:
        value = self.value(node.node)
        if node.name == "defined":
            known = is_scalar(value) or isinstance(value, (Items, Entries))
            return True if known else why_unknown(value) or self.later
        if node.name == "none" and is_scalar(value):
            return value is None
        return why_unknown(value) or self.later


def _called(method: Value, given: Arguments) -> Value:
    return method.call(given) if isinstance(method, Thing) else method


def _binds(node: "nodes.Node") -> bool:
    """Say whether a block may bind a name, or change a value."""
    kinds = ("Assign", "AssignBlock", "Call", "ExprStmt", "Include", "Import", "Macro")
    return any(type(one).__name__ in kinds for one in _walk(node))


def _filters(node: "nodes.Node") -> "list[nodes.Filter]":
    return [
        cast("nodes.Filter", one)
        for one in _walk(node)
        if type(one).__name__ == "Filter"
    ]


def _walk(node: "nodes.Node") -> "list[nodes.Node]":
    found: list[nodes.Node] = []
    waiting: list[nodes.Node] = [node]
    while waiting:
        charge()
        one = waiting.pop()
        found.append(one)
        waiting += one.iter_child_nodes()
    return found


# What gives text that escapes other text (`markupsafe.Markup`).
_ESCAPING = frozenset({"tojson", "e", "escape", "safe", "urlize", "forceescape"})
_OPERATORS: dict[str, type] = {
    "Add": ast.Add,
    "Sub": ast.Sub,
    "Mul": ast.Mult,
    "Div": ast.Div,
    "FloorDiv": ast.FloorDiv,
    "Mod": ast.Mod,
    "Pow": ast.Pow,
    "Neg": ast.USub,
    "Pos": ast.UAdd,
    "Not": ast.Not,
}
_COMPARISONS: dict[str, type] = {
    "eq": ast.Eq,
    "ne": ast.NotEq,
    "gt": ast.Gt,
    "gteq": ast.GtE,
    "lt": ast.Lt,
    "lteq": ast.LtE,
    "in": ast.In,
    "notin": ast.NotIn,
}
_EXPRESSIONS: dict[str, Callable[..., Value]] = {
    "Const": _Evaluation.constant,
    "TemplateData": _Evaluation.written,
    "Name": _Evaluation.named,
    "Getattr": _Evaluation.attribute,
    "Getitem": _Evaluation.item_of,
    "Call": _Evaluation.call,
    "Concat": _Evaluation.concatenated,
    **dict.fromkeys(
        ("Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"), _Evaluation.binary
    ),
    **dict.fromkeys(("Neg", "Pos", "Not"), _Evaluation.unary),
    "And": _Evaluation.both,
    "Or": _Evaluation.one_of,
    "Compare": _Evaluation.compare,
    "CondExpr": _Evaluation.chosen,
    "List": _Evaluation.list_of,
    "Tuple": _Evaluation.tuple_of,
    "Dict": _Evaluation.dict_of,
    "Filter": _Evaluation.filtered,
    "Test": _Evaluation.tested,
}


# --------------------------------------------------------------------------- filters


def _default(value: Value, given: Arguments, later: Unknown) -> Value:
    instead = given.get("default_value", 0, "")
    falsy = truth(given.get("boolean", 1, False))
    if isinstance(value, _Undefined):
        return instead
    if isinstance(falsy, Unknown):
        return falsy
    if not falsy:
        return value
    decided = truth(value)
    if isinstance(decided, Unknown):
        return lost(decided, value, instead)
    return value if decided else instead


def _by_method(name: str) -> Callable[[Value, Arguments, Unknown], Value]:
    def change(value: Value, given: Arguments, later: Unknown) -> Value:
        text = _as_text(value, later)
        if not isinstance(text, str):
            return why_unknown(text) or later
        return _called(containers.method(text, name, 0), given)

    return change


def _replaced(value: Value, given: Arguments, later: Unknown) -> Value:
    old = _as_text(given.get("old", 0, later), later)
    new = _as_text(given.get("new", 1, later), later)
    count = given.get("count", 2, None)
    arguments = Arguments([old, new] if count is None else [old, new, count], {})
    return _by_method("replace")(value, arguments, later)


def _trimmed(value: Value, given: Arguments, later: Unknown) -> Value:
    chars = given.get("chars", 0, None)
    return _by_method("strip")(value, Arguments([chars], {}), later)


def _joined(value: Value, given: Arguments, later: Unknown) -> Value:
    between = _as_text(given.get("d", 0, ""), later)
    if given.get("attribute", 1, None) is not None or not isinstance(between, str):
        return why_unknown(between) or later
    items, more = operations.items_of(value)
    texts = Items("list", [_as_text(item, later) for item in items], more)
    return _called(containers.method(between, "join", 0), Arguments([texts], {}))


def _as_string(value: Value, given: Arguments, later: Unknown) -> Value:
    return _as_text(value, later)


def _as_integer(value: Value, given: Arguments, later: Unknown) -> Value:
    instead = given.get("default", 0, 0)
    why = computed(value, instead)
    if why is not None or given.get("base", 1, 10) != 10 or not is_scalar(value):
        return why or later
    return operations.marked(
        lambda now: _integer(now[0], now[1], later), [value, instead]
    )


def _integer(value: Value, instead: Value, later: Unknown) -> Value:
    if isinstance(value, Unknown):
        return value
    if isinstance(value, str) and len(value) > operations.MAX_WIDTH:
        return later
    number = cast("Any", value)
    try:
        return operations.as_scalar(int(number))
    except (TypeError, ValueError):
        pass
    except OverflowError:
        return later
    try:
        return operations.as_scalar(int(float(number)))
    except (TypeError, ValueError, OverflowError):
        return instead


def _as_json(value: Value, given: Arguments, later: Unknown) -> Value:
    import json

    why = why_unknown(value)
    if why is not None or given.positional or given.keywords:
        return why or later
    try:
        text = json.dumps(operations.as_python(value), sort_keys=True)
    except (TypeError, ValueError, RecursionError):
        return later
    for letter, code in (("<", "3c"), (">", "3e"), ("&", "26"), ("'", "27")):
        text = text.replace(letter, f"\\u00{code}")
    found = operations.as_scalar(text)
    mark = first_given(value)
    return found if mark is None else operations.mark(found, lost(mark, value))


_FILTERS: dict[str, Callable[[Value, Arguments, Unknown], Value]] = {
    "default": _default,
    "d": _default,
    "lower": _by_method("lower"),
    "upper": _by_method("upper"),
    "trim": _trimmed,
    "replace": _replaced,
    "join": _joined,
    "string": _as_string,
    "int": _as_integer,
    "tojson": _as_json,
}
