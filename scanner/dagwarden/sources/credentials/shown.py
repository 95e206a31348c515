"""Texts and records to show: the secrets in them are taken out."""

import re
from collections.abc import Callable
from typing import TypeVar, cast

import msgspec
from msgspec import Struct, UnsetType
from msgspec.structs import astuple, replace

from dagwarden.patterns import late
from dagwarden.sources.credentials.decode import unquoted
from dagwarden.sources.credentials.names import NAME_OF_ONE, is_path, named
from dagwarden.sources.credentials.negatives import is_template
from dagwarden.sources.credentials.shapes import (
    USERINFO,
    is_surely_none,
    is_suspect,
    shape,
)

HIDDEN = "***"
# Between texts that are looked at together: no credential goes across it.
_APART = "\n/\n"
# How many texts are looked at together.
_TOGETHER = 2_000
# How many records are: in what many are when written, a length may stand that looks
# like a part of a secret (of 61 characters, "=").
_AT_ONCE = 10
_ASSIGNED = late(
    r"(?P<name>[A-Za-z][\w.-]{0,60})(?P<is>\s?=\s?)(?P<value>[^\s&=#'\",;]{4,2000})"
)


# What looks like a token of JSON, signed or not, whole or cut: to show less than what is
# told as a credential costs nothing.
_JSON_TOKEN = late(r"\beyJ[\w-]{6,}(?:\.[\w-]+){0,2}")
# Tokens of one length, with more behind them, as in the name of a file.
_LONGER_TOKEN = late(
    r"(?:AIza|GOCSPX-|SG\.|gl[a-z]{2,5}-|dckr_[po]at_|dapi)(?=[\w-]{0,40}\d)[\w.-]{20,}"
)

_KEY_FILES = ("keyfile", "keyfile_dict")
# Texts that were found to have nothing of a secret: most facts repeat them.
MAX_HARMLESS = 20_000
_harmless: set[str] = set()


def without_secrets(text: str) -> str:
    """
    Return `text`, "***" in place of each secret that can be told from other words.

    For what people and machines name or explain: ids, URLs, reasons. A secret is
    told by its shape or by the name it is assigned to (`token=...`).
    """
    if text in _harmless:
        return text
    if not is_suspect(text):
        if len(text) < 200 and len(_harmless) < MAX_HARMLESS:
            _harmless.add(text)
        return text
    text = _LONGER_TOKEN().sub(HIDDEN, _JSON_TOKEN().sub(HIDDEN, text))
    for _ in range(20):
        if (found := shape(text)) is None:
            break
        shorter = USERINFO().sub(_hidden, text.replace(found.value, HIDDEN))
        if shorter == text:  # it is there in another spelling
            return HIDDEN
        text = shorter
    return _ASSIGNED().sub(_assigned, text)


def _hidden(match: re.Match[str]) -> str:
    start, end = match.start("secret") - match.start(), match.end("secret")
    return f"{match[0][:start]}{HIDDEN}{match[0][end - match.start() :]}"


def _assigned(match: re.Match[str]) -> str:
    if not _is_secret(match["name"], unquoted(match["value"])):
        return match[0]
    return f"{match['name']}{match['is']}{HIDDEN}"


def _is_secret(name: str, value: str) -> bool:
    """Tell whether `value` is hidden: also where it may open nothing, but for names."""
    if name.lower().endswith(_KEY_FILES):  # of a connection, where a key may stand
        return not (is_path(value) or is_template(value))
    found = named(name, value)
    return found is not None and found.doubt != NAME_OF_ONE


def setting_without_secrets(name: str, value: str) -> str:
    """Return `value`, or "***" where its name says secret."""
    return HIDDEN if _is_secret(name, value) else without_secrets(value)


R = TypeVar("R")


_NO_TEXT = frozenset({type(None), bool, int, float, UnsetType})


def purged(value: R) -> R:
    """Return a record, or a collection of such, whose texts hold no secret."""
    if not tainted(value):
        return value
    if isinstance(value, tuple):  # mostly few of many
        items = cast("tuple[object, ...]", value)
        return cast("R", tuple([purged(item) for item in items]))
    return cleaned(value, without_secrets)


def tainted(whole: object) -> bool:
    """
    Say whether a text in a record, or a collection of such, holds a secret.

    Many are looked at together; where something is suspect, text by text.
    """
    if not isinstance(whole, tuple):
        return not _is_clear(whole) and _holds_secret((whole,))
    items = cast("tuple[object, ...]", whole)
    return any(
        not _is_clear(some) and _holds_secret(some)
        for some in (
            items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE)
        )
    )


def _holds_secret(items: tuple[object, ...]) -> bool:
    waiting: list[tuple[object, ...]] = [items]
    texts: set[str] = set()
    # records that many others share
    known: set[int] = set()
    while waiting:
        for item in waiting.pop():
            kind = type(item)
            if kind is str:  # first of all: most are
                texts.add(cast(str, item))
            elif not item or kind in _NO_TEXT:
                continue
            elif isinstance(item, str):
                texts.add(item)
            elif isinstance(item, Struct):
                if id(item) not in known:
                    known.add(id(item))
                    waiting.append(astuple(item))
            elif isinstance(item, tuple):
                waiting.append(cast("tuple[object, ...]", item))
        if len(texts) > _TOGETHER:
            if _hold_secrets(texts):
                return True
            texts.clear()
    return _hold_secrets(texts)


def _is_clear(records: object) -> bool:
    """Tell whether records surely hold no secret, by what they are when written."""
    try:
        return is_surely_none(msgspec.msgpack.encode(records))
    except (ValueError, OverflowError, TypeError):  # texts, numbers of another kind
        return False


def _hold_secrets(texts: set[str]) -> bool:
    unsure = texts - _harmless
    if not is_suspect(_APART.join(unsure)):
        return False
    return any(without_secrets(text) != text for text in unsure)


def cleaned(value: R, clean: Callable[[str], str]) -> R:
    """Return a record, or a collection of such, with each text as `clean` makes it."""
    if isinstance(value, str):
        return cast("R", clean(value))
    if isinstance(value, Struct):
        changes: dict[str, object] = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            if type(old) not in _NO_TEXT and (new := cleaned(old, clean)) is not old:
                changes[name] = new
        return cast("R", replace(value, **changes)) if changes else value
    if isinstance(value, tuple):
        return cast("R", _cleaned_items(cast("tuple[object, ...]", value), clean))
    return value


def _cleaned_items(
    items: tuple[object, ...], clean: Callable[[str], str]
) -> tuple[object, ...]:
    new = tuple([cleaned(item, clean) for item in items])
    same = all(a is b for a, b in zip(items, new, strict=True))
    return items if same else new
