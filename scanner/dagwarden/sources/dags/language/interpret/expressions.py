"""Expressions, and calls of what the language has built in."""

import ast
from collections.abc import Callable
from functools import partial
from typing import ClassVar

from dagwarden.sources.dags.language import containers, missing, operations, scalars
from dagwarden.sources.dags.language.aliases import (
    either,
    give_up,
    join,
    lost,
    things_of,
)
from dagwarden.sources.dags.language.interpret.contexts import Contexts
from dagwarden.sources.dags.language.interpret.loops import Iterating, runs_code
from dagwarden.sources.dags.language.interpret.state import Unnamed
from dagwarden.sources.dags.language.objects import (
    MODULE_NAME,
    UNFOLLOWED,
    Class,
    Function,
    Generated,
    Instance,
    Names,
    Namespace,
    RoundScope,
    Super,
    escape,
)
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Method,
    Once,
    Place,
    Symbol,
    Thing,
    Unknown,
    Unordered,
    Value,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

# Methods of a container that change it, and are not those of an operator or a DAG.
_CHANGING = frozenset({"clear", "pop", "popitem", "setdefault", "update"})

_ITERATORS = frozenset({"enumerate", "iter", "reversed", "zip"})


def _code(text: str) -> ast.FunctionDef:
    (made,) = ast.parse(text).body
    if not isinstance(made, ast.FunctionDef):
        raise TypeError(text)
    return made


# What built-in functions do that call others when they are asked for more.
_MAPPED = _code("def map(f, items):\n for item in items: yield f(item)")

_FILTERED = _code(
    "def filter(f, items):\n for item in items:\n  if f(item): yield item"
)

_FILTERED_BY_TRUTH = _code(
    "def filter(f, items):\n for item in items:\n  if item: yield item"
)

# Built-in functions whose meaning is that of Python's library.
_OF_LIBRARY = frozenset(
    {
        *("bin", "bytes", "callable", "chr", "divmod", "format", "hasattr", "hex"),
        *("isinstance", "issubclass", "max", "min", "oct", "open", "ord", "pow"),
        "dict.fromkeys",
        *("round", "sorted", "type"),
    }
)

# ... and those that are given what to convert from, too.
_CONVERTING = frozenset({"int", "str"})

_SPECIAL: dict[type, str] = {
    ast.Add: "__add__",
    ast.Sub: "__sub__",
    ast.Mult: "__mul__",
    ast.Div: "__truediv__",
    ast.FloorDiv: "__floordiv__",
    ast.Mod: "__mod__",
    ast.Pow: "__pow__",
    ast.BitAnd: "__and__",
    ast.BitOr: "__or__",
    ast.BitXor: "__xor__",
    ast.LShift: "__lshift__",
    ast.RShift: "__rshift__",
}


class Expressions(Contexts):
    """Follows expressions."""

    def _inner(self, node: ast.Starred) -> Value:
        return self.evaluate(node.value)

    def _constant(self, node: ast.Constant) -> Value:
        return operations.as_scalar(node.value)

    def _name(self, node: ast.Name) -> Value:
        names = self.scope.names
        if node.id in names:
            return names[node.id]
        found = self.scope.find(node.id)
        certain = isinstance(found, Unknown) and self._is_certain()
        if certain and missing.is_nowhere(self.module, node.id):
            self.note(node, f"{node.id} is not defined", broken=True)
        return found

    def _attribute(self, node: ast.Attribute) -> Value:
        value = self.evaluate(node.value)
        if isinstance(value, Unknown):
            return value.derived()
        if node.attr == "__dict__" and isinstance(value, Thing):
            return Namespace(value, self._put)
        if isinstance(value, Symbol):
            return self.world.imported(f"{value.name}.{node.attr}")
        if isinstance(value, Thing):
            return value.attribute(node.attr)
        if node.attr == "sort" and isinstance(value, Items):
            return Method("sort", partial(self._sort, value))
        return containers.method(value, node.attr, self.level)

    def _sort(self, container: Items, given: Arguments) -> Value:
        """Carry out `container.sort(...)`, which sorts as `sorted` does."""
        taken = Arguments(
            [container, *given.positional], given.keywords, given.more, given.rest
        )
        ordered = self.world.call(Symbol("builtins.sorted"), taken)
        containers.put_in_order(container, ordered, self.level)
        return None

    def _call(self, node: ast.Call) -> Value:
        function = self.evaluate(node.func)
        return self.call(function, self._arguments(node))

    def _arguments(self, node: ast.Call) -> Arguments:
        positional: list[Value] = []
        more: Unknown | None = None
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                items, why = operations.items_of(self.evaluate(argument.value))
                if more is None:
                    positional += items
                more = either(more, why)
            elif more is None:
                positional.append(self.evaluate(argument))
            else:
                more = lost(more, self.evaluate(argument))
        keywords: Names = {}
        rest: Unknown | None = None
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Entries):
                charge(len(value.items))
                if value.shuffled:
                    keywords = Unordered(keywords)
                keywords |= {k: v for k, v in value.items.items() if isinstance(k, str)}
                rest = either(rest, value.rest)
            else:
                why = why_unknown(value) or Unknown("dynamic", "**")
                rest = either(rest, why)
        return Arguments(positional, keywords, more, rest, node)

    def call(self, function: Value, arguments: Arguments) -> Value:
        """Return what calling `function` gives."""
        if isinstance(function, Symbol):
            name = function.name
            if name.startswith("builtins."):
                return self._builtin(name.removeprefix("builtins."), arguments)
            return self.world.call(function, arguments)
        if isinstance(function, Thing):
            return function.call(arguments)
        if isinstance(function, Unknown):
            if function.parts:
                _called(function, arguments)
            return self.world.call(Unnamed(function), arguments)
        return Unknown("dynamic", "a call")

    def _builtin(self, name: str, arguments: Arguments) -> Value:
        if name in operations.TAKING:
            arguments = operations.asked(arguments)
        given = arguments.positional
        if name in ("globals", "vars", "locals") and not given:
            if name == "globals" or self.scope is self.module.scope:
                return Namespace(self.module, self._put)
            return Unknown("dynamic", f"{name}()")
        if name == "vars" and isinstance(given[0], Thing):
            return Namespace(given[0], self._put)
        if name in ("exec", "eval"):
            return self._executed(name, arguments)
        if name == "type" and len(given) == 3:
            return self._type(*given)
        if name in ("exit", "quit"):
            return operations.EXIT
        if name in _OF_LIBRARY or (name in _CONVERTING and len(given) > 1):
            return self.world.call(Symbol(f"builtins.{name}"), arguments)
        if name == "super":
            return self._super()
        if name == "getattr":
            return self._getattr(arguments)
        if name == "setattr":
            self._put(arguments.get("", 0), arguments.get("", 1), arguments.get("", 2))
            return None
        if name == "delattr":
            self._remove(arguments.get("", 0))
            return None
        if name in ("map", "filter") and len(given) == 2:
            code = _MAPPED if name == "map" else _FILTERED
            code = _FILTERED_BY_TRUTH if given[0] is None else code
            return Generated(Function(self, code, self.module.scope, {}), arguments)
        if "." in name:
            # `dict.update(D)`: a method of what is given first
            escape(*given)
        if name in _ITERATORS and given:
            return Iterating(self, name, arguments)
        if name == "next" and given and isinstance(given[0], Iterating):
            return given[0].first(given[1:])
        if name == "next" and given and isinstance(given[0], Generated):
            return self._next(given[0], given[1:])
        if name == "next" and given and isinstance(given[0], Unknown):
            escape(given[0])
        # the key of a sort, the function of a filter
        passed = (*given, *arguments.keywords.values())
        taken = Once if name in operations.TAKING else ()
        escape(
            *(one for one in passed if runs_code(one) and not isinstance(one, taken))
        )
        if name in ("len", "bool") and given and isinstance(given[0], Instance):
            if name == "bool":
                return truth(given[0])
            held = given[0].as_tuple()
            own = given[0].of.find("__len__") is not None
            return given[0].special("__len__") if own or not held else len(held.items)
        return operations.builtin(name, arguments)

    def _executed(self, name: str, arguments: Arguments) -> Value:
        """Call `exec` or `eval`, whose code is text."""
        self.note(arguments.node, f"what {name}() runs is not read")
        why = Unknown("dynamic", f"{name}()")
        if name == "exec":
            self.module.scope.forget(why)
        return lost(why, *arguments.positional, *arguments.keywords.values())

    def _type(self, name: Value, bases: Value, names: Value) -> Value:
        """Call `type` to make a class."""
        found, more = operations.items_of(bases)
        shown = name if isinstance(name, str) else "type()"
        made = Class(self, shown, self.module, found)
        made.opaque = more
        if isinstance(names, Entries):
            made.names = {k: v for k, v in names.items.items() if isinstance(k, str)}
            made.opaque = made.opaque or names.rest
        else:
            made.opaque = made.opaque or why_unknown(names) or UNFOLLOWED
        return made

    def _super(self) -> Value:
        function = self.frame.function
        if function is None or function.owner is None:
            return Unknown("dynamic", "super()")
        return Super(function.owner, function.bound)

    def _getattr(self, arguments: Arguments) -> Value:
        holder, key = arguments.get("", 0), arguments.get("", 1)
        if isinstance(holder, Thing) and isinstance(key, str):
            default = arguments.positional[2:]
            there = scalars.has_attribute(holder, key) if default else True
            if there is False:
                return default[0]
            found = holder.attribute(key)
            return lost(found, *default) if isinstance(found, Unknown) else found
        why = why_unknown(holder) or Unknown("dynamic", "getattr()")
        return lost(why, *arguments.positional)

    def _elements(self, nodes: list[ast.expr]) -> tuple[list[Value], Unknown | None]:
        items: list[Value] = []
        more: Unknown | None = None
        for node in nodes:
            if isinstance(node, ast.Starred):
                found, why = operations.items_of(self.evaluate(node.value))
            else:
                found, why = [self.evaluate(node)], None
            if more is None:
                items += found
            else:
                more = lost(more, *found)
            more = either(more, why)
        return items, more

    def _list(self, node: ast.List) -> Value:
        return Items("list", *self._elements(node.elts), self.level)

    def _tuple(self, node: ast.Tuple) -> Value:
        return Items("tuple", *self._elements(node.elts), self.level)

    def _set(self, node: ast.Set) -> Value:
        return Items("set", *self._elements(node.elts), self.level)

    def _dict(self, node: ast.Dict) -> Value:
        made = Entries({}, None, self.level)
        made.place = Place(node, self.module.path)
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                operations.update(made, self.evaluate(value), self.level)
            else:
                name = self.evaluate(key)
                operations.assign(made, name, self.evaluate(value), self.level)
        return made

    def _joined_values(self, nodes: list[ast.expr]) -> list[Value]:
        return [self.evaluate(node) for node in nodes]

    def _text(self, node: ast.JoinedStr) -> Value:
        return operations.joined(self._joined_values(node.values))

    def _formatted(self, node: ast.FormattedValue) -> Value:
        spec = self.evaluate(node.format_spec) if node.format_spec else ""
        return operations.formatted(self.evaluate(node.value), node.conversion, spec)

    def _binary(self, node: ast.BinOp) -> Value:
        # a chain of a thousand terms leans to the left
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        value = self.evaluate(spine[-1].left)
        for part in reversed(spine):
            right = self.evaluate(part.right)
            kind = type(part.op)
            if isinstance(value, Instance):
                value = value.special(_SPECIAL.get(kind, "__matmul__"), right)
            elif isinstance(right, Instance):
                name = _SPECIAL.get(kind, "__matmul__")
                value = right.special(f"__r{name.removeprefix('__')}", value)
            elif kind in (ast.RShift, ast.LShift) and not isinstance(value, int):
                back = kind is ast.LShift
                self.world.linked(*((right, value) if back else (value, right)))
                value = right
            else:
                value = operations.binary(kind, value, right)
        return value

    def _unary(self, node: ast.UnaryOp) -> Value:
        return operations.unary(type(node.op), self.evaluate(node.operand))

    def _boolean(self, node: ast.BoolOp) -> Value:
        ends = isinstance(node.op, ast.Or)
        unknown: Unknown | None = None
        value: Value = None
        for part in node.values:
            if unknown is None:
                value = self.evaluate(part)
            else:
                follow = partial(self.evaluate, part)
                value = self._maybe(unknown, follow)
            decided = truth(value)
            if unknown is not None:
                unknown = operations.otherwise(unknown, value)
            elif isinstance(decided, Unknown):
                unknown = lost(decided, value)
            if decided is ends:
                # an unknown part before it may have ended the expression
                break
        if unknown is None:
            return value
        return unknown if ends else unknown.derived()

    def _compare(self, node: ast.Compare) -> Value:
        left = self.evaluate(node.left)
        result: bool | Unknown = True
        for kind, other in zip(node.ops, node.comparators, strict=True):
            if isinstance(result, Unknown):
                right = self._maybe(result, partial(self.evaluate, other))
            else:
                right = self.evaluate(other)
            if left is MODULE_NAME and right == "__main__":
                decided: bool | Unknown = isinstance(kind, ast.NotEq)
            else:
                decided = operations.compare(type(kind), left, right)
            if decided is False:
                return False
            if isinstance(decided, Unknown):
                result = decided
            left = right
        return result

    def _conditional(self, node: ast.IfExp) -> Value:
        decided = truth(self.evaluate(node.test))
        if not isinstance(decided, Unknown):
            taken, left = node.body, node.orelse
            if not decided:
                taken, left = left, taken
            self._skip([left], "in a branch whose condition is never true")
            return self.evaluate(taken)
        body = self._maybe(decided, lambda: self.evaluate(node.body))
        orelse = self._maybe(decided, lambda: self.evaluate(node.orelse))
        return join(body, orelse, decided)

    def _subscript(self, node: ast.Subscript) -> Value:
        value = self.evaluate(node.value)
        key = node.slice
        if isinstance(key, ast.Slice):
            bounds = [
                self.evaluate(part) if part is not None else None
                for part in (key.lower, key.upper, key.step)
            ]
            return operations.sliced(value, *bounds)
        found = self.evaluate(key)
        if isinstance(value, Symbol):
            return self.world.item(value, found)
        return operations.subscript(value, found)

    def _named(self, node: ast.NamedExpr) -> Value:
        value = self.evaluate(node.value)
        if isinstance(self.scope, RoundScope):
            self.scope.home.put(node.target.id, value, self.level)
        else:
            self._store(node.target, value)
        return value

    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = Contexts._EXPRESSIONS | {
        ast.Constant: _constant,
        ast.Name: _name,
        ast.Attribute: _attribute,
        ast.Call: _call,
        ast.Dict: _dict,
        ast.List: _list,
        ast.Tuple: _tuple,
        ast.Set: _set,
        ast.JoinedStr: _text,
        ast.FormattedValue: _formatted,
        ast.BinOp: _binary,
        ast.UnaryOp: _unary,
        ast.BoolOp: _boolean,
        ast.Compare: _compare,
        ast.IfExp: _conditional,
        ast.Subscript: _subscript,
        ast.NamedExpr: _named,
        ast.Starred: _inner,
    }


def _called(function: Unknown, arguments: Arguments) -> None:
    """Forget what `function` may change, a method of one of our containers."""
    called = arguments.node.func if isinstance(arguments.node, ast.Call) else None
    name = called.attr if isinstance(called, ast.Attribute) else ""
    if name not in containers.READING:
        give_up(function, *arguments.positional, *arguments.keywords.values())
        escape(*things_of(function))
    if name in _CHANGING:
        held = (one.leads_to() for one in things_of(function))
        escape(*(value for values in held for value in values))
