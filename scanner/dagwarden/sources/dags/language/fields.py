"""
What dataclasses and named tuples are made of.

Source: the documentation of `dataclasses` and `typing.NamedTuple`. Only Python's own:
others that are called so convert or check what they are given.
"""

import ast
from keyword import iskeyword

from dagwarden.patterns import late
from dagwarden.sources.dags.language.aliases import lost
from dagwarden.sources.dags.language.objects import Class, Instance, Names
from dagwarden.sources.dags.language.operations import all_of
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Items,
    Symbol,
    Thing,
    Unknown,
    Value,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge


class Field(Thing):
    """What `dataclasses.field` gives, which says how a field begins."""

    __slots__ = ("default", "factory", "init", "keyword")

    def __init__(
        self,
        default: Value,
        factory: Value = None,
        *,
        init: bool = True,
        keyword: bool = False,
    ) -> None:
        """Make the default by `factory`, if given; `keyword`: it has to be named."""
        self.default = default
        self.factory = factory
        self.init = init
        self.keyword = keyword

    def describe(self) -> str:
        """Return what a person would call it."""
        return "dataclasses.field()"

    def begun(self, reader: Reader) -> Value:
        """Return what a field holds that is not given."""
        if self.factory is None:
            return self.default
        return reader.call(self.factory, Arguments([], {}))


class Dataclass(Thing):
    """What `dataclasses.dataclass(...)` gives: the decorator, with its options."""

    __slots__ = ("options",)

    def __init__(self, options: Names) -> None:
        """Keep the options."""
        self.options = options

    def describe(self) -> str:
        """Return what a person would call it."""
        return "dataclasses.dataclass()"


def _field(_: Reader, given: Arguments) -> Value:
    named = given.keywords
    flags = [truth(named.get(name, name == "init")) for name in ("init", "kw_only")]
    known = not given.positional and not given.rest and not given.more
    if not known or not all(isinstance(flag, bool) for flag in flags):
        values = [*given.positional, *named.values()]
        return lost(Unknown("dynamic", "dataclasses.field()"), *values)
    missing = named.get("default", Unknown("parameter", "a field"))
    factory = named.get("default_factory")
    init, keyword = flags[0] is True, flags[1] is True
    return Field(missing, factory, init=init, keyword=keyword)


def _dataclass(_: Reader, given: Arguments) -> Value:
    if given.positional or given.more or given.rest:
        # called on a class, which it changes
        values = [*given.positional, *given.keywords.values()]
        why = Unknown("dynamic", "dataclasses.dataclass()")
        for value in values:
            if isinstance(value, Class):
                value.forget(why)
        return lost(why, *values)
    return Dataclass(given.keywords)


def options_of(decorator: Value) -> Names | None:
    """Return the options of a decorator that makes a dataclass; None: another."""
    if isinstance(decorator, Dataclass):
        return decorator.options
    named = isinstance(decorator, Symbol) and decorator.name == "dataclasses.dataclass"
    return {} if named else None


# What `dataclass` is given that changes neither names nor order of the parameters.
_PLAIN_OPTIONS = frozenset(
    {"eq", "frozen", "order", "repr", "unsafe_hash", "slots", "kw_only"}
)


def make_dataclass(made: Class, node: ast.ClassDef, options: Names) -> None:
    """Let the constructor of `made` take its fields, as `dataclass` does."""
    named = truth(options.get("kw_only", False))
    fields = _names(made, node)
    if options.keys() - _PLAIN_OPTIONS or isinstance(named, Unknown):
        fields = [_NOT_KNOWN]
    _take(made, fields, node, keyword=named is True)
    slots = truth(options.get("slots", False))
    for name in _own(made, node):
        default = made.defaults.get(name)
        default = default.default if isinstance(default, Field) else default
        if slots is not False:
            # the class has a place for it there, whatever the default is
            made.names[name] = Unknown("dynamic", f"{made.name}.{name}")
        elif isinstance(default, Unknown) and default.reason == "parameter":
            made.names.pop(name, None)
        elif name in made.names:
            made.names[name] = default


def make_tuple(made: Class, node: ast.ClassDef) -> None:
    """Let the constructor of a named tuple take its fields."""
    _take(made, _names(made, node), node, keyword=False)


def is_tuple(base: Value) -> bool:
    """Say whether `base` makes named tuples of the classes below it."""
    return isinstance(base, Symbol) and base.name == _NAMED_TUPLE


_NAMED_TUPLE = "typing.NamedTuple"


# Stands in the list of fields where it is not known what the constructor takes.
_NOT_KNOWN = "*"


def _own(made: Class, node: ast.ClassDef) -> list[str]:
    """Return the fields that the class itself names; `*` for what may be another."""
    found: list[str] = []
    charge(len(node.body))
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if _is_of_class(made, item.annotation):
                continue
            plain = not _says_otherwise(item.annotation)
            value = made.names.get(item.target.id)
            told = isinstance(value, Field) or not _may_be_field(item.value)
            found.append(item.target.id if plain and told else _NOT_KNOWN)
    return found


# Annotations that say that a field is none, or how it is taken.
_OTHERWISE = late("ClassVar|InitVar|KW_ONLY")
# What it costs to look through an annotation.
_ANNOTATION = 10


def _says_otherwise(annotation: ast.expr) -> bool:
    if isinstance(annotation, ast.Name):
        return bool(_OTHERWISE().search(annotation.id))
    charge(_ANNOTATION)
    return bool(_OTHERWISE().search(ast.dump(annotation)))


def _is_of_class(made: Class, annotation: ast.expr) -> bool:
    """Say whether the annotation is `ClassVar[...]`."""
    root = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    value: Value = None
    if isinstance(root, ast.Name):
        value = made.module.scope.find(root.id)
    elif isinstance(root, ast.Attribute) and isinstance(root.value, ast.Name):
        held = made.module.scope.find(root.value.id)
        value = held.attribute(root.attr) if isinstance(held, Symbol) else None
    return isinstance(value, Symbol) and value.name == "typing.ClassVar"


def _names(made: Class, node: ast.ClassDef) -> list[str]:
    """Return the fields of `made` and its bases, in the order of the parameters."""
    found: dict[str, None] = {}
    for base in reversed(list(made.lineage())):
        found |= dict.fromkeys((base.fields or ()) if isinstance(base, Class) else ())
    return list(found | dict.fromkeys(_own(made, node)))


def _take(made: Class, fields: list[str], node: ast.ClassDef, *, keyword: bool) -> None:
    """Keep `fields`, with the defaults they have now."""
    made.fields = fields
    for base in reversed(list(made.lineage())):
        if isinstance(base, Class):
            made.defaults |= base.defaults
    for name in _own(made, node):
        found = made.find(name)
        default = Unknown("parameter", name) if found is None else found[0]
        if isinstance(default, Field):
            missing = isinstance(default.default, Unknown) and default.factory is None
            given = Unknown("parameter", name) if missing else default.default
            default = Field(
                given,
                default.factory,
                init=default.init,
                keyword=default.keyword or keyword,
            )
        elif keyword:
            default = Field(default, keyword=True)
        made.defaults[name] = default


def _may_be_field(node: ast.expr | None) -> bool:
    """Say whether a field's default is a call that may leave it out."""
    return isinstance(node, ast.Call) and any(
        one.arg in (None, "init", "kw_only") for one in node.keywords
    )


def filled(
    reader: Reader, instance: Instance, starter: Class, arguments: Arguments
) -> Value:
    """Set the fields of a dataclass or named tuple, as its constructor does."""
    made, fields = instance.of, starter.fields or []
    tuple_below = any(map(is_tuple, made.foreign())) and not any(
        map(is_tuple, starter.bases)
    )
    if _NOT_KNOWN in fields or tuple_below:
        return lost(
            Unknown("dynamic", made.describe()),
            *arguments.positional,
            *arguments.keywords.values(),
            *made.code(),
        )
    position = 0
    for name in fields:
        begins = starter.defaults.get(name, Unknown("parameter", name))
        how = begins if isinstance(begins, Field) else Field(begins)
        if not how.init:
            instance.names[name] = how.begun(reader)
            continue
        place = len(arguments.positional) if how.keyword else position
        position += not how.keyword
        if name in arguments.keywords or place < len(arguments.positional):
            instance.names[name] = arguments.get(name, place)
        else:
            why = arguments.rest if how.keyword else arguments.more or arguments.rest
            begun = how.begun(reader)
            instance.names[name] = begun if why is None else lost(why, begun)
    if made.find("__post_init__") is not None:
        instance.special("__post_init__")
    return instance


def parameters(of: Class) -> list[str]:
    """Return the fields that the constructor of a dataclass takes."""
    return [name for name in of.fields or () if _is_taken(of.defaults.get(name))]


def _is_taken(begins: Value) -> bool:
    return not isinstance(begins, Field) or begins.init


_FIELD_NAMES = late(r"[\s,]+")


def _namedtuple(reader: Reader, given: Arguments) -> Value:
    """Make the class that `collections.namedtuple` gives, of names that are known."""
    name, names = given.get("typename", 0), all_of(given.get("field_names", 1))
    defaults = all_of(given.keywords.get("defaults"))
    found: list[Value] = []
    if isinstance(names, str):
        found += [one for one in _FIELD_NAMES().split(names) if one]
    elif (
        isinstance(names, Items) and names.kind in ("list", "tuple") and not names.more
    ):
        found += names.items
    fields = [one for one in found if isinstance(one, str)]
    last: list[Value] = []
    if isinstance(defaults, Items) and defaults.kind in ("list", "tuple"):
        last += defaults.items
    known = (
        isinstance(name, str)
        and fields
        and len(fields) == len(found) == len(set(fields))
        and all(one.isidentifier() and not iskeyword(one) for one in fields)
        and not any(one.startswith("_") for one in fields)
        and not given.keywords.keys() - {"typename", "field_names", "defaults"}
        and len(given.positional) < 3
        and not (given.more or given.rest)
        and (defaults is None or (bool(last) and why_unknown(defaults) is None))
        and len(last) <= len(fields)
    )
    if not known or not isinstance(name, str):
        why = Unknown("dynamic", "collections.namedtuple()")
        return lost(why, *given.positional, *given.keywords.values())
    made = Class(reader, name, reader.module, [Symbol(_NAMED_TUPLE)])
    made.fields = fields
    if last:
        made.defaults = dict(zip(fields[-len(last) :], last, strict=True))
    return made


class Told(Thing):
    """One field of a dataclass, as `dataclasses.fields` tells of it."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        """`name` is what it is called."""
        self.name = name

    def attribute(self, name: str) -> Value:
        """Return its name."""
        return self.name if name == "name" else super().attribute(name)


def _fields(_: Reader, given: Arguments) -> Value:
    asked = given.get("class_or_instance", 0)
    of = asked.of if isinstance(asked, Instance) else asked
    held = of.starter() if isinstance(of, Class) and of.opaque is None else None
    names = _NOT_KNOWN if held is None or held.fields is None else held.fields
    if _NOT_KNOWN in names or (held is not None and any(map(is_tuple, held.foreign()))):
        return Unknown("dynamic", "dataclasses.fields()")
    return Items("tuple", [Told(name) for name in names])


FUNCTIONS: dict[str, Function] = {
    "dataclasses.fields": _fields,
    "collections.namedtuple": _namedtuple,
    "dataclasses.field": _field,
    "dataclasses.dataclass": _dataclass,
}
