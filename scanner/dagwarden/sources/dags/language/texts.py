"""
What Python's library makes of known texts: patterns, templates, URLs, commands.

A pattern is tried only where the worst it could take is bounded: hostile ones take
exponential time.
"""

import binascii
import re
import warnings
from collections.abc import Callable
from typing import TypeAlias, cast
from urllib import parse

from dagwarden.patterns import late
from dagwarden.sources.dags.language.aliases import computed, lost
from dagwarden.sources.dags.language.objects import escape
from dagwarden.sources.dags.language.operations import (
    MAX_ITEMS,
    MAX_TEXT,
    TOO_LARGE,
    as_scalar,
    exact,
    given_of,
    items_of,
)
from dagwarden.sources.dags.language.paths import Function, Reader
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Method,
    Scalar,
    Thing,
    Unknown,
    Value,
    is_scalar,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge

_ERRORS = (ArithmeticError, ValueError, TypeError, LookupError, binascii.Error)


def failed(name: str, given: Arguments) -> Unknown:
    """Return why the call of `name` is not known."""
    values = given_of(given)
    why = computed(*(one for one in values if one is not None))
    return lost(why or Unknown("dynamic", f"{name}()"), *values)


Texts: TypeAlias = Callable[..., object]


def _made(value: object) -> Value:
    """Return what a function gave, lists and tuples of texts too."""
    if isinstance(value, (list, tuple)):
        held = cast("list[object] | tuple[object, ...]", value)
        if len(held) > MAX_ITEMS:
            return TOO_LARGE
        charge(4 * len(held))
        return Items(
            "list" if isinstance(value, list) else "tuple", [*map(_made, held)]
        )
    return as_scalar(value)


def _of_known(name: str, function: Texts, *taken: str) -> Function:
    """Make a function of known scalars, which may be given by the names in `taken`."""

    def made(_: Reader, given: Arguments) -> Value:
        values = [*given.positional, *given.keywords.values()]
        named = given.keywords.keys() - set(taken) or given.more or given.rest
        if named or not values or not all(map(is_scalar, values)):
            return failed(name, given)
        size = sum(len(one) for one in values if isinstance(one, (str, bytes)))
        if size > MAX_TEXT:
            return TOO_LARGE
        charge(1 + size // 4)
        try:
            return _made(function(*given.positional, **given.keywords))
        except _ERRORS:
            return failed(name, given)

    return made


# --------------------------------------------------------------------------- patterns

# Steps that a search may take at most, and steps that cost as much as one value.
MAX_STEPS = 1_000_000
_STEPS = 100
_REPEATED = late(r"\)[*+?{]|\\[1-9]|\(\?[^:P]|\(\?P[^<]")


def _steps(pattern: str, text: str) -> int | None:
    """Return how many steps a search takes at worst; None: there is no bound."""
    if _REPEATED().search(pattern) or len(pattern) > MAX_ITEMS:
        return None
    loops = sum(map(pattern.count, "*+{"))
    choices = sum(map(pattern.count, "|?"))
    if loops > 8 or choices > 16:
        return None
    steps: int = (len(text) + 2) ** (loops + 1) * 2**choices
    return steps


def _pattern(value: Value, text: str, flags: Value) -> "re.Pattern[str] | None":
    """Return a pattern that is safe to try on `text`."""
    if isinstance(value, Pattern) and flags == 0:
        pattern, flags = value.pattern, value.flags
    elif isinstance(value, str):
        pattern = value
    else:
        return None
    steps = _steps(pattern, text)
    if steps is None or steps > MAX_STEPS or not isinstance(flags, int):
        return None
    charge(len(pattern) // 2 + steps // _STEPS + 1)
    with warnings.catch_warnings():
        # what a later Python takes for another pattern
        warnings.simplefilter("error")
        try:
            return re.compile(pattern, flags)
        except (re.error, ValueError, RecursionError, OverflowError, Warning):
            return None


def _searching(name: str) -> Function:
    def search(_: Reader, given: Arguments) -> Value:
        text = given.get("string", 1)
        known = given.keywords.keys() <= {"pattern", "string", "flags"}
        if not isinstance(text, str) or not known or given.more or given.rest:
            return failed(f"re.{name}", given)
        pattern = _pattern(given.get("pattern", 0), text, given.get("flags", 2, 0))
        if pattern is None or len(given.positional) > 3:
            return failed(f"re.{name}", given)
        found: object = getattr(pattern, name)(text)
        if isinstance(found, re.Match):
            return Match(cast("re.Match[str]", found))
        return _made(found)

    return search


def _sub(_: Reader, given: Arguments) -> Value:
    text, by = given.get("string", 2), given.get("repl", 1)
    count = given.get("count", 3, 0)
    known = given.keywords.keys() <= {"pattern", "repl", "string", "count", "flags"}
    both = isinstance(text, str) and isinstance(by, str) and isinstance(count, int)
    if not both or not known or given.more or given.rest:
        # a function may be called for what is found
        escape(by)
        return failed("re.sub", given)
    text, by = cast("str", text), cast("str", by)
    pattern = _pattern(given.get("pattern", 0), text, given.get("flags", 4, 0))
    if pattern is None or (len(text) + 1) * (len(by) + len(text) + 1) > MAX_TEXT * 10:
        return failed("re.sub", given)
    charge((len(text) + 1) * (len(by) + 1) // 32)
    try:
        return as_scalar(pattern.sub(by, text, count=cast("int", count)))
    except (re.error, *_ERRORS):
        return failed("re.sub", given)


def _split(_: Reader, given: Arguments) -> Value:
    text, most = given.get("string", 1), given.get("maxsplit", 2, 0)
    known = given.keywords.keys() <= {"pattern", "string", "maxsplit", "flags"}
    if not isinstance(text, str) or not isinstance(most, int) or not known:
        return failed("re.split", given)
    pattern = _pattern(given.get("pattern", 0), text, given.get("flags", 3, 0))
    if pattern is None or given.more or given.rest:
        return failed("re.split", given)
    return _made(pattern.split(text, maxsplit=most))


def _compiled(_: Reader, given: Arguments) -> Value:
    pattern, flags = given.get("pattern", 0), given.get("flags", 1, 0)
    known = isinstance(pattern, str) and isinstance(flags, int)
    if not known or given.more or given.rest:
        return failed("re.compile", given)
    return Pattern(cast("str", pattern), cast("int", flags))


class Pattern(Thing):
    """A compiled pattern."""

    __slots__ = ("flags", "pattern")

    def __init__(self, pattern: str, flags: int) -> None:
        """Keep the text of the pattern."""
        self.pattern = pattern
        self.flags = flags

    def describe(self) -> str:
        """Return what a person would call it."""
        return "re.compile()"

    def unknown(self) -> Unknown:
        """Return that it stands in Python's library."""
        return Unknown("import", "re.compile()")

    def attribute(self, name: str) -> Value:
        """Return a method."""
        if name == "pattern":
            return self.pattern
        function = FUNCTIONS.get(f"re.{name}")
        if function is None or name in ("compile", "escape"):
            return super().attribute(name)

        def call(given: Arguments) -> Value:
            beyond = {"sub": 3, "split": 2}.get(name, 1)
            if len(given.positional) > beyond or "flags" in given.keywords:
                # where to begin, where to end
                return failed(f"re.{name}", given)
            taken = Arguments(
                [self, *given.positional], given.keywords, given.more, given.rest
            )
            return function(_NOBODY, taken)

        return Method(name, call)


# Functions of texts alone ask nothing of who follows the file.
_NOBODY = cast("Reader", None)


class Match(Thing):
    """What a search found."""

    __slots__ = ("found",)

    def __init__(self, found: "re.Match[str]") -> None:
        """Keep what was found."""
        self.found = found

    def describe(self) -> str:
        """Return what a person would call it."""
        return "re.match()"

    def attribute(self, name: str) -> Value:
        """Return a method that tells what was found."""
        if name in ("group", "groups", "start", "end", "span"):
            return Method(name, lambda given: self._told(name, given))
        if name == "groupdict":
            found: dict[Scalar, Value] = {}
            for key, text in self.found.groupdict().items():
                found[key] = as_scalar(text)
            return Method(name, lambda _: Entries(dict(found)))
        return super().attribute(name)

    def _told(self, name: str, given: Arguments) -> Value:
        if given.keywords or given.more or given.rest:
            return failed(name, given)
        try:
            told: object = getattr(self.found, name)(*map(exact, given.positional))
        except (*_ERRORS, AttributeError):
            return failed(name, given)
        return _made(told)

    def item(self, key: Value) -> Value:
        """Return a group."""
        return self._told("group", Arguments([key], {}))


# -------------------------------------------------------------------------- templates


class Template(Thing):
    """A `string.Template`."""

    __slots__ = ("template",)

    def __init__(self, template: str) -> None:
        """Keep its text."""
        self.template = template

    def describe(self) -> str:
        """Return what a person would call it."""
        return "string.Template()"

    def attribute(self, name: str) -> Value:
        """Return a method."""
        if name == "template":
            return self.template
        if name in ("substitute", "safe_substitute"):
            return Method(name, lambda given: self._filled(name, given))
        return super().attribute(name)

    def _filled(self, name: str, given: Arguments) -> Value:
        held: dict[str, object] = {}
        for one in (*given.positional, Entries(dict(given.keywords.items()))):
            if not isinstance(one, Entries) or why_unknown(one) is not None:
                return failed(name, given)
            for key, value in one.items.items():
                if not isinstance(key, str) or not is_scalar(value):
                    return failed(name, given)
                held[key] = value
        charge(len(held) + len(self.template) // 8)
        longest = max((len(str(value)) for value in held.values()), default=0)
        if self.template.count("$") * longest > MAX_TEXT or given.more or given.rest:
            return failed(name, given)
        try:
            # few files need it, and it compiles a pattern
            from string import Template as Made

            fill = getattr(Made(self.template), name)
            return as_scalar(fill(held))
        except _ERRORS:
            return failed(name, given)


def _template(_: Reader, given: Arguments) -> Value:
    text = given.get("template", 0)
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        return failed("string.Template", given)
    return Template(text)


# ------------------------------------------------------------------------------- URLs

_PARTS = ("scheme", "netloc", "path", "params", "query", "fragment")
_READ = (*_PARTS, "hostname", "port", "username", "password")


class Address(Thing):
    """What `urlparse` and `urlsplit` give: the parts of a URL."""

    __slots__ = ("parts",)

    def __init__(self, parts: "parse.ParseResult | parse.SplitResult") -> None:
        """Keep the parts."""
        self.parts = parts

    def describe(self) -> str:
        """Return what a person would call it."""
        return "urlparse()"

    def each(self) -> Value:
        """Return the parts in their order."""
        return _made(tuple(self.parts))

    def item(self, key: Value) -> Value:
        """Return a part by its place."""
        known = isinstance(key, int) and -len(self.parts) <= key < len(self.parts)
        return _made(self.parts[cast("int", key)]) if known else super().item(key)

    def attribute(self, name: str) -> Value:
        """Return a part, or a method."""
        if name == "geturl":
            return Method(name, lambda _: as_scalar(self.parts.geturl()))
        if name == "_replace":
            return Method(name, self._replaced)
        if name not in _READ:
            return super().attribute(name)
        try:
            return as_scalar(getattr(self.parts, name))
        except (ValueError, AttributeError):
            return Unknown("dynamic", f"urlparse().{name}")

    def _replaced(self, given: Arguments) -> Value:
        texts = {k: v for k, v in given.keywords.items() if isinstance(v, str)}
        if len(texts) < len(given.keywords) or given.positional or given.rest:
            return failed("_replace", given)
        try:
            return Address(self.parts._replace(**texts))
        except _ERRORS:
            return failed("_replace", given)


def _parsed(
    name: str, function: "Callable[[str], parse.ParseResult | parse.SplitResult]"
) -> Function:
    def made(_: Reader, given: Arguments) -> Value:
        text = given.positional[0] if len(given.positional) == 1 else None
        if not isinstance(text, str) or given.keywords or len(text) > MAX_TEXT:
            return failed(name, given)
        charge(1 + len(text) // 4)
        try:
            return Address(function(text))
        except ValueError:
            return failed(name, given)

    return made


# --------------------------------------------------------------------------- commands


def _command(_: Reader, given: Arguments) -> Value:
    words, more = items_of(given.get("split_command", 0))
    texts = [word for word in words if isinstance(word, str)]
    if more or len(texts) < len(words) or given.keywords:
        return failed("shlex.join", given)
    charge(len(words) + sum(map(len, texts)) // 8)
    from shlex import join  # with a pattern of its own, too

    return as_scalar(join(texts))


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def _decoded(text: str | bytes) -> bytes:
    from base64 import b64decode

    return b64decode(text)


def _decoded_url(text: str | bytes) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(text)


def _words(text: str | None, comments: bool = False, posix: bool = True) -> list[str]:
    if text is None:
        # it would be read from standard input
        raise TypeError
    from shlex import split

    return split(text, comments, posix)


FUNCTIONS: dict[str, Function] = {
    **{f"re.{name}": _searching(name) for name in ("match", "search", "fullmatch")},
    "re.findall": _searching("findall"),
    "re.sub": _sub,
    "re.split": _split,
    "re.compile": _compiled,
    "re.escape": _of_known("re.escape", re.escape, "pattern"),
    "string.Template": _template,
    "urllib.parse.urljoin": _of_known("urljoin", parse.urljoin),
    "urllib.parse.unquote": _of_known("unquote", parse.unquote),
    "urllib.parse.urlparse": _parsed("urlparse", parse.urlparse),
    "urllib.parse.urlsplit": _parsed("urlsplit", parse.urlsplit),
    "base64.b64decode": _of_known("b64decode", _decoded),
    "base64.urlsafe_b64decode": _of_known("urlsafe_b64decode", _decoded_url),
    "shlex.quote": _of_known("shlex.quote", _quoted),
    "shlex.split": _of_known("shlex.split", _words, "comments", "posix"),
    "shlex.join": _command,
}
