"""Functions, generators and classes of the repository, and calls of them."""

import ast
from collections.abc import Callable
from typing import ClassVar

from msgspec import Struct

from dagwarden.sources.dags.language import enums, fields
from dagwarden.sources.dags.language.aliases import either, held_in, join, lost
from dagwarden.sources.dags.language.interpret.branches import QUICK, Branches
from dagwarden.sources.dags.language.interpret.state import (
    MAX_CALL_DEPTH,
    NEXT,
    RAISE,
    RETURN,
    Calling,
    Frame,
)
from dagwarden.sources.dags.language.objects import (
    UNFOLLOWED,
    Class,
    ClassScope,
    ContextMaker,
    Decorated,
    Function,
    Generated,
    Instance,
    Names,
    Scope,
    Wrapped,
    escape,
)
from dagwarden.sources.dags.language.tree import parts
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Scalar,
    Symbol,
    Text,
    Unknown,
    Unordered,
    Value,
    is_scalar,
)
from dagwarden.sources.dags.language.work import charge

# What a call costs, beside the statements of its code.
_CALL = 4

# Calls of a function around another of the same.
MAX_RECURSION = 2


class Stopped(Exception):
    """Nobody asks a generator for more."""


class _Told(Struct, frozen=True):
    """What an argument tells: `whole` if it is known throughout."""

    kind: object
    known: frozenset[object]
    whole: bool


# Values of an argument that are looked at; one that holds more is known throughout.
_MAX_TOLD = 100

# Decorators that decide what a function is in its class.
_WRAPPING = frozenset(
    {"staticmethod", "classmethod", "property", "functools.cached_property"}
)

# Decorators that leave a function what it is.
_PASSED_OVER = ("typing.no_type_check", "typing.override", "typing.final")

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


class Functions(Branches):
    """Follows functions and classes."""

    def _defaults(self, given: ast.arguments) -> dict[str, Value]:
        positional = [*given.posonlyargs, *given.args]
        first = len(positional) - len(given.defaults)
        found = {
            positional[first + i].arg: self.evaluate(default)
            for i, default in enumerate(given.defaults)
        }
        for parameter, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
            if default is not None:
                found[parameter.arg] = self.evaluate(default)
        return found

    def _around(self) -> Scope:
        """Return the scope that a function made here sees."""
        scope = self.scope
        if isinstance(scope, ClassScope) and scope.parent is not None:
            return scope.parent
        return scope

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        around = self._around()
        made = Function(self, node, around, self._defaults(node.args))
        self.defined[id(node)] = node, around
        value: Value = made
        for decorator in reversed(node.decorator_list):
            value = self._decorated(self.evaluate(decorator), value, decorator)
        self._bind(node.name, value)
        return NEXT

    def _decorated(self, decorator: Value, value: Value, node: ast.expr) -> Value:
        if isinstance(decorator, Symbol) and isinstance(value, Function):
            kind = decorator.name.removeprefix("builtins.")
            if kind in _WRAPPING:
                return Wrapped(kind, value)
            if decorator.name in ("functools.cache", "functools.lru_cache"):
                value.kept = {}
                return value
            if decorator.name in _PASSED_OVER:
                return value
            if decorator.name == "contextlib.contextmanager":
                return ContextMaker(value)
        if isinstance(decorator, Symbol) and decorator.name == "builtins.staticmethod":
            return value
        if isinstance(decorator, Symbol) and decorator.name.startswith("contextlib."):
            return Decorated(self, value, decorator.unknown())
        made = self.call(decorator, Arguments([value], {}, node=node))
        if isinstance(made, Unknown):
            return Decorated(self, value, made)
        return made

    def _lambda(self, node: ast.Lambda) -> Value:
        self.defined[id(node)] = node, self._around()
        return Function(self, node, self._around(), self._defaults(node.args))

    def run(self, function: Function, arguments: Arguments) -> Value:
        """Follow a call of `function`."""
        charge(_CALL)
        node = function.node
        symbol = Unknown("dynamic", f"{function.name}()")
        if (
            self.exhausted
            or self.depth >= MAX_CALL_DEPTH
            or self._comes_back(function, arguments)
            or function.changed
            or (self._is_generator(node) and type(node) is not ast.FunctionDef)
        ):
            given = [*arguments.positional, *arguments.keywords.values()]
            # a work bound is no reason to look at all of it again and again
            if not self.exhausted or id(node) not in self.given_up:
                escape(function, *given)
            return lost(symbol, function.bound, *given)
        if self._is_generator(node):
            return Generated(function, arguments)
        outside = self.scope, self.frame, self.loops, self.level
        scope = Scope(function.scope.module, function.scope, self.level)
        scope.names = self._taken(function, arguments)
        self.scope, self.loops = scope, []
        self.frame = frame = Frame(function, scope)
        self.depth += 1
        self.calling.append(Calling(node, function, arguments))
        self.followed.add(id(node))
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body)
            ending = self._block(node.body)
        finally:
            self.depth -= 1
            self.calling.pop()
            self.scope, self.frame, self.loops, self.level = outside
        returned = frame.returned
        if ending == RAISE and not frame.returns:
            returned = self.raised = Unknown(
                "dynamic", f"{function.name}(), which raises"
            )
        elif ending == NEXT and frame.returns:
            returned = join(returned, None, self.why)
        if isinstance(node, ast.AsyncFunctionDef):
            # it was followed here, and so gives that only where it is awaited here
            self.awaitable = lost(symbol, returned), returned
            return self.awaitable[0]
        return returned

    def awaited(self, value: Value) -> Value:
        """Return what waiting for `value` gives, which was made by the last call."""
        made, returned = self.awaitable
        return returned if value is made else value

    def _comes_back(self, function: Function, arguments: Arguments) -> bool:
        """
        Say whether a call leads back to a function once too often.

        One that is told nothing that a call around it was not told does what that does:
        it is not followed again for every level of a recursion.
        """
        around = [one for one in self.calling if one.node is function.node]
        if not around or len(around) > MAX_RECURSION:
            return bool(around)
        call = Calling(function.node, function, arguments)
        return any(_tells_no_more(call, one) for one in around)

    def _can_drive(self, generated: Generated) -> bool:
        """Say whether what `generated` yields can be followed from here."""
        known = generated.rest is None and generated.level == self.level
        bounded = not self.exhausted and self.depth < MAX_CALL_DEPTH
        around = sum(one.node is generated.function.node for one in self.calling)
        return known and bounded and around <= MAX_RECURSION

    def _drive(self, generated: Generated, follow: Callable[[Value], None]) -> None:
        """
        Follow a generator's code; `follow` is carried out here for what it yields.

        Names that are bound while it is not sure that it comes to that may keep what
        they had. `Stopped`, raised by `follow`, ends it.
        """
        generated.rest = Unknown("dynamic", f"what is left of {generated.describe()}")
        function, node = generated.function, generated.function.node
        outside = self.scope, self.frame, self.loops, self.level
        repeating = self.repeating
        scope = Scope(function.scope.module, function.scope, self.level)
        scope.names = self._taken(function, generated.arguments)

        def yielded(value: Value) -> None:
            inside = self.scope, self.frame, self.loops
            self.scope, self.frame, self.loops = outside[:3]
            before = dict(self.scope.names) if self.level > outside[3] else None
            try:
                follow(value)
                if before is not None:
                    ends = [before, self.scope.names]
                    charge(1 + len(before) // QUICK)
                    self.scope.names = self._joined(ends, self.why)
            finally:
                self.scope, self.frame, self.loops = inside

        self.scope, self.loops = scope, []
        self.frame = frame = Frame(function, scope)
        frame.yields = yielded
        self.depth += 1
        self.calling.append(Calling(node, function, generated.arguments))
        self.followed.add(id(node))
        try:
            if not isinstance(node, ast.Lambda):
                self._block(node.body)
        except Stopped:
            self.repeating = repeating
        finally:
            self.depth -= 1
            self.calling.pop()
            self.scope, self.frame, self.loops, self.level = outside

    def _next(self, generated: Generated, default: list[Value]) -> Value:
        """Return what a generator that was not asked yet yields first."""
        why = Unknown("dynamic", f"next({generated.describe()})")
        level, repeating = self.level, self.repeating
        found: list[Value] = []
        unsure: list[Value] = []

        def take(value: Value) -> None:
            sure = self.level == level and self.repeating == repeating
            (found if sure else unsure).append(value)
            raise Stopped

        if self._can_drive(generated):
            self._drive(generated, take)
            if found:
                return found[0]
            if default and not unsure:
                return default[0]
        # what it yields may be of what it goes through
        escape(generated)
        return lost(why, *generated.arguments.positional, *unsure, *default)

    def _yield(self, node: ast.Yield) -> Value:
        value = self.evaluate(node.value) if node.value is not None else None
        if self.frame.yields is not None:
            self.frame.yields(value)
        # what is sent, where anything is, is another's matter
        return None

    def _is_generator(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    ) -> bool:
        """Say whether calling it gives a generator; its code is looked at once."""
        if id(node) not in self.generators:
            self.generators[id(node)] = _yields(node)
        return self.generators[id(node)]

    def _taken(self, function: Function, arguments: Arguments) -> Names:
        given = function.node.args
        charge(len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs))
        charge(len(arguments.positional) + len(arguments.keywords))
        names: Names = {}
        positional = list(arguments.positional)
        if function.bound is not None:
            positional.insert(0, function.bound)
        keywords = dict(arguments.keywords)
        for place, parameter in enumerate((*given.posonlyargs, *given.args)):
            if positional:
                names[parameter.arg] = positional.pop(0)
                continue
            # a keyword of the same name is another's
            by_place = place < len(given.posonlyargs)
            names[parameter.arg] = self._given(
                function,
                parameter.arg,
                {} if by_place else keywords,
                either(arguments.more, arguments.rest),
            )
        for parameter in given.kwonlyargs:
            names[parameter.arg] = self._given(
                function, parameter.arg, keywords, arguments.rest
            )
        if given.vararg:
            names[given.vararg.arg] = Items("tuple", positional, arguments.more)
        if given.kwarg:
            named: dict[Scalar, Value] = dict(keywords.items())
            made = Entries(named, arguments.rest, self.level)
            made.shuffled = isinstance(arguments.keywords, Unordered)
            names[given.kwarg.arg] = made
        return names

    def _given(
        self, function: Function, name: str, keywords: Names, more: Unknown | None
    ) -> Value:
        if name in keywords:
            return keywords.pop(name)
        default = function.defaults.get(name, Unknown("parameter", name))
        return default if more is None else lost(more, default)

    def _return(self, node: ast.Return) -> int:
        value = self.evaluate(node.value) if node.value is not None else None
        frame = self.frame
        frame.left += 1
        if frame.returns:
            value = join(frame.returned, value, self.why)
        frame.returned, frame.returns = value, True
        return RETURN

    def _class(self, node: ast.ClassDef) -> int:
        bases = [self.evaluate(base) for base in node.bases]
        made = Class(self, node.name, self.module, bases)
        outside = self.scope
        scope = ClassScope(self.module, self._around(), self.level)
        self.scope = scope
        try:
            self._block(node.body)
        finally:
            self.scope = outside
        made.names = scope.names
        given: Names = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value)
            if keyword.arg not in (None, "metaclass"):
                given[str(keyword.arg)] = value
            elif not _is_harmless_metaclass(value):
                made.opaque = Unknown("dynamic", made.describe())
                # it may do anything when it makes the class
                escape(value)
        if any(map(_is_typed_dict, bases)):
            given.pop("total", None)
        if not self._tell_bases(made, given) and given:
            made.opaque = Unknown("dynamic", made.describe())
        for name, one in [*scope.names.items()]:
            if isinstance(one, Instance) and one.of.find("__set_name__") is not None:
                one.special("__set_name__", made, name)
        if bases:
            enums.make_members(made)
        if any(map(fields.is_tuple, bases)):
            fields.make_tuple(made, node)
        value = made
        for decorator in reversed(node.decorator_list):
            found = self.evaluate(decorator)
            options = fields.options_of(found)
            if options is not None:
                fields.make_dataclass(made, node, options)
            elif value is made and isinstance(found, Symbol):
                called = self.call(found, Arguments([made], {}, node=decorator))
                why = called if isinstance(called, Unknown) else UNFOLLOWED
                made.opaque = made.opaque or (None if called is made else why)
            else:
                value = self._decorated(found, value, decorator)
        self._bind(node.name, value)
        return NEXT

    def _tell_bases(self, made: Class, given: Names) -> bool:
        """Call what a base of `made` says to call for every class below it, if any."""
        for base in [*made.lineage()][1:]:
            told = base.names.get("__init_subclass__") if isinstance(base, Class) else 0
            told = told.function if isinstance(told, Wrapped) else told
            if isinstance(told, Function) and isinstance(base, Class):
                told.bind(made, base).call(Arguments([], given))
                return True
        return False

    def construct(self, made: Class, arguments: Arguments) -> Value:
        """Return a new object of a class of the repository."""
        if any(map(_is_typed_dict, made.foreign())) and made.opaque is None:
            return self.call(Symbol("builtins.dict"), arguments)
        if any(not _is_plain(base) for base in made.foreign()):
            found = self.world.construct(made, arguments)
            if found is not None:
                return found
        made.unsettle(all_methods=not all(map(_calls_none, made.foreign())))
        instance = Instance(made, {})
        if instance.opaque is not None:
            given = [*arguments.positional, *arguments.keywords.values()]
            escape(*made.code(unasked=True))
            return lost(instance.opaque, *given, *made.code())
        starter = made.starter()
        if starter is not None and "__init__" in starter.names:
            start = starter.names["__init__"]
            if any(map(fields.is_tuple, made.foreign())):
                # its items are set before, and are not what its class says
                why = Unknown("dynamic", made.describe())
                given = [*arguments.positional, *arguments.keywords.values()]
                return lost(why, *given, *made.code())
            if not isinstance(start, Function):
                given = [*arguments.positional, *arguments.keywords.values()]
                self.call(start, Arguments([instance, *given], {}))
                escape(instance, *given)
            else:
                start.bind(instance, starter).call(arguments)
        elif starter is not None and starter.fields is not None:
            return fields.filled(self, instance, starter, arguments)
        elif made.foreign():
            instance.names = dict(arguments.keywords)
        return instance

    def inherited(self, made: Class, name: str) -> Value:
        """Return the attribute `name` that no class of the repository gives `made`."""
        found = self.world.inherited(made, name)
        return Unknown("dynamic", f"{made.name}.{name}") if found is None else found

    def _await(self, node: ast.Await) -> Value:
        value = self.evaluate(node.value)
        return self.awaited(value) if isinstance(node.value, ast.Call) else value

    _STATEMENTS: ClassVar[dict[type, Callable[..., int]]] = Branches._STATEMENTS | {
        ast.FunctionDef: _function,
        ast.AsyncFunctionDef: _function,
        ast.ClassDef: _class,
        ast.Return: _return,
    }

    _EXPRESSIONS: ClassVar[dict[type, Callable[..., Value]]] = Branches._EXPRESSIONS | {
        ast.Lambda: _lambda,
        ast.Yield: _yield,
        ast.Await: _await,
    }


def _told(value: Value) -> _Told:
    """
    Return what is known in an argument: its kind, and every scalar and thing in it.

    In what order they stand, and how often, is no matter: what grows from call to call
    by what is not known tells nothing new. Nor does a number, which counts the calls.
    """
    kind = _kind_of_value(value)
    known: set[object] = set()
    whole = True
    waiting, looked_at = [value], 0
    while waiting:
        one = waiting.pop()
        looked_at += 1
        if looked_at > _MAX_TOLD:
            return _Told(kind, frozenset([id(value)]), True)
        if isinstance(one, Text):
            waiting += one.parts
            whole = False
        elif isinstance(one, Unknown):
            whole = False
        elif isinstance(one, (Items, Entries)):
            if one is not value:
                known.add(_kind_of_value(one))
            if isinstance(one, Entries):
                waiting += one.items
            waiting += (held for held in held_in(one) if held is not None)
        elif type(one) not in (int, float):
            known.add((type(one), one) if is_scalar(one) else id(one))
    charge(looked_at)
    return _Told(kind, frozenset(known), whole)


def _kind_of_value(value: Value) -> object:
    return value.kind if isinstance(value, Items) else type(value)


def _given_to(calling: Calling) -> list[Value]:
    arguments = calling.arguments
    given = [*arguments.positional, *arguments.keywords.values()]
    return [calling.function.bound, arguments.more, arguments.rest, *given]


def _tells_no_more(call: Calling, before: Calling) -> bool:
    """
    Say whether a call is told nothing that one around it was not told.

    Of each argument the same is known, or nothing at all any more. A call that is told
    all for certain is one of its own.
    """
    values, held = _given_to(call), _given_to(before)
    if len(values) != len(held):
        return False
    certain = True
    for value, around in zip(values, held, strict=True):
        charge()
        if value is around and is_scalar(value):
            continue
        one, other = _told(value), _told(around)
        certain = certain and one.whole
        nothing = not one.whole and not one.known
        alike = one.kind == other.kind or not one.whole
        if not nothing and not (alike and one.known == other.known):
            return False
    return not certain


def _is_plain(base: Value) -> bool:
    return isinstance(base, Symbol) and base.name.partition(".")[0] in (
        "builtins",
        "enum",
        "abc",
        "typing",
    )


def _calls_none(base: Value) -> bool:
    """Say whether a base from outside calls no method that a class overrides."""
    return _is_plain(base) or (
        isinstance(base, Symbol) and base.name.startswith("airflow.")
    )


def _is_typed_dict(base: Value) -> bool:
    names = ("typing.TypedDict", "typing_extensions.TypedDict")
    return isinstance(base, Symbol) and base.name in names


def _is_harmless_metaclass(value: Value) -> bool:
    return isinstance(value, Symbol) and value.name in ("abc.ABCMeta", "enum.EnumMeta")


def _yields(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> bool:
    if isinstance(node, ast.Lambda):
        return False
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        charge()
        child = waiting.pop()
        if isinstance(child, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(child, FUNCTIONS):
            waiting += parts(child)
    return False
