"""
Functions of Python's library as Python code that means the same, which is followed.

So it comes out right what is asked for when, and what a function that is passed does.
"""

import ast
from functools import cache

from dagwarden.sources.dags.language import objects
from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.objects import Names, Scope, escape
from dagwarden.sources.dags.language.operations import given_of
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Method,
    Once,
    Unknown,
    Value,
)

_ITERTOOLS = """
def chain(*iterables):
    for one in iterables:
        for item in one: yield item
def from_iterable(iterables):
    for one in iterables:
        for item in one: yield item
def starmap(function, iterable):
    for item in iterable: yield function(*item)
def filterfalse(function, iterable):
    for item in iterable:
        if not function(item): yield item
def dropwhile(function, iterable):
    dropping = True
    for item in iterable:
        dropping = dropping and function(item)
        if not dropping: yield item
"""
# These ask for all they are given at once: of what is handed out once, nothing is known.
_OF_LISTS = """
def repeat(object, times):
    for _ in range(times): yield object
def islice(iterable, *bounds):
    items = list(iterable)
    if len(bounds) == 1: items = items[:bounds[0]]
    elif len(bounds) == 2: items = items[bounds[0]:bounds[1]]
    else: items = items[bounds[0]:bounds[1]:bounds[2]]
    for item in items: yield item
def zip_longest(*iterables, fillvalue=None):
    lists = [list(one) for one in iterables]
    for place in range(max([len(one) for one in lists], default=0)):
        yield tuple([one[place] if place < len(one) else fillvalue for one in lists])
def accumulate(iterable, func=None, initial=None):
    items = list(iterable)
    if initial is not None: items.insert(0, initial)
    total = None
    for place, item in enumerate(items):
        if not place: total = item
        elif func is None: total = total + item
        else: total = func(total, item)
        yield total
def pairwise(iterable):
    items = list(iterable)
    for pair in zip(items, items[1:]): yield pair
def batched(iterable, n):
    items = list(iterable)
    for start in range(0, len(items), n): yield tuple(items[start:start + n])
def compress(data, selectors):
    for item, taken in zip(data, selectors):
        if taken: yield item
def takewhile(function, iterable):
    taking = True
    for item in list(iterable):
        taking = taking and function(item)
        if taking: yield item
def groupby(iterable, key=None):
    groups = []
    for item in list(iterable):
        found = item if key is None else key(item)
        if not groups or groups[-1][0] != found: groups.append((found, []))
        groups[-1][1].append(item)
    for found, items in groups:
        group = iter(items)
        yield found, group
        list(group)
"""
_BUILTINS = """
def fromkeys(iterable, value=None):
    return {key: value for key in iterable}
"""


@cache
def _code(text: str) -> dict[str, ast.FunctionDef]:
    """Parse it when one of its functions is called."""
    body = ast.parse(text).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _functions(text: str, prefix: str, *, lists: bool = False) -> dict[str, Function]:
    """Make the functions that `text` defines; their defaults are all None."""
    heads = [line for line in text.splitlines() if line.startswith("def ")]
    names = [head[len("def ") :].partition("(")[0] for head in heads]
    return {f"{prefix}.{name}": _followed(text, name, lists=lists) for name in names}


def _followed(text: str, name: str, *, lists: bool) -> Function:
    def made(reader: Reader, given: Arguments) -> Value:
        node = _code(text)[name]
        taken = node.args.args
        required = len(taken) - len(node.args.defaults)
        handed_out = any(isinstance(one, Once) for one in given.positional)
        unknown = given.more or given.rest or len(given.positional) < required
        if unknown or (lists and handed_out):
            escape(*given.positional, *given.keywords.values())
            why = computed(*(v for v in given_of(given) if v is not None))
            return lost(why or Unknown("dynamic", f"{name}()"), *given_of(given))
        optional = (*taken[required:], *node.args.kwonlyargs)
        defaults: Names = dict.fromkeys(one.arg for one in optional)
        scope = Scope(reader.module, None, reader.level)
        return objects.Function(reader, node, scope, defaults).call(given)

    return made


def _kept(_: Reader, given: Arguments) -> Value:
    """Return the decorator that `lru_cache(...)` gives, or what it makes of a function."""
    size = given.get("maxsize", 0, 128)
    if isinstance(size, objects.Function) and len(given.positional) == 1:
        return keep(size)
    # a function that is asked for more than it keeps is followed again
    large = size is None or (isinstance(size, int) and size >= MIN_KEPT)
    if not large or given.more or given.rest:
        return Unknown("import", "functools.lru_cache()")

    def decorate(taken: Arguments) -> Value:
        function = taken.get("", 0)
        if isinstance(function, objects.Function):
            return keep(function)
        return lost(Unknown("import", "functools.lru_cache()"), function)

    return Method("lru_cache", decorate)


# Results that a cache has to keep to count as one that keeps all.
MIN_KEPT = 64


def keep(function: objects.Function) -> Value:
    """Let `function` keep what it gave for what it was given."""
    function.kept = {}
    return function


FUNCTIONS: dict[str, Function] = {
    **_functions(_ITERTOOLS, "itertools"),
    **_functions(_OF_LISTS, "itertools", lists=True),
    **_functions(_BUILTINS, "builtins.dict"),
    "functools.lru_cache": _kept,
    "functools.cache": _kept,
}
FUNCTIONS["itertools.chain.from_iterable"] = FUNCTIONS.pop("itertools.from_iterable")
