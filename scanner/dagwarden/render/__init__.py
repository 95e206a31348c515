"""
Reports turned into outputs, one module per format; judges nothing.

`text` for a terminal, `json` for machines, `sarif` for code hosts, `html` for
auditors; `drawing` draws a chain as SVG. The formats never import each other: what
each of them owes to hostile names, and the few words they share, stands here.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Literal, cast

import msgspec

from dagwarden.facts import Gap, Origin
from dagwarden.findings import FAIL, Finding, Population, Result, Verdicts


def visible(text: str) -> str:
    r"""
    Return `text` on one line, everything that does not print spelled out.

    Escape sequences, line breaks, direction overrides, invisible and unassigned
    characters become `\x1b`, `\n`, `\u202e`: a name cannot move the cursor, start a
    line of its own or change how its neighbours read.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )


def place(origin: Origin) -> str:
    """Return where something was read: `path:line`, and the field where one is."""
    where = visible(origin.source)
    if origin.line is not None:
        where += f":{origin.line}"
    return f"{where} ({visible(origin.field)})" if origin.field else where


def link(origin: Origin) -> str:
    """Return `path:line`, which terminals and editors make clickable."""
    if origin.line is None:
        return place(origin)
    return f"{visible(origin.source)}:{origin.line}"


def unread(gap: Gap) -> str:
    """Return on one line what could not be read, and why."""
    return f"{link(gap.origin)}: {gap.reason}: {visible(gap.detail)}"


def shown(result: Result) -> tuple[Finding, ...]:
    """
    Return the findings that the result's persona is shown, in order.

    An engineer is shown what fails and can be mended in the file at hand (waived
    findings included: a format marks or drops them), an auditor everything.
    """
    if result.persona == "auditor":
        return result.findings
    return tuple(
        finding
        for finding in result.findings
        if finding.outcome is FAIL and finding.persona == "engineer"
    )


def total(result: Result) -> Population:
    """Return the populations of all rules that ran, added up."""
    ran = [rule.population for rule in result.rules if rule.not_run is None]
    return Population(
        **{
            name: sum(getattr(population, name) for population in ran)
            for name in Population.__struct_fields__
        }
    )


def encode(value: object) -> bytes:
    """
    Return `value` as indented JSON with sorted keys; equal values, equal bytes.

    A file name may hold bytes that are no Unicode text; they are spelled out.
    """
    return msgspec.json.format(_encoded(value, "sorted"), indent=2) + b"\n"


_TOGETHER = 500  # members of a list that are encoded at a time


def encoded_in_parts(value: object) -> Iterator[bytes]:
    """Yield what `encode` returns, in parts: of large lists never all at a time."""
    yield from _parts(value, b"")
    yield b"\n"


def _parts(value: object, margin: bytes) -> Iterator[bytes]:
    inner = margin + b"  "
    if isinstance(value, msgspec.Struct):
        named = {
            field.encode_name: getattr(value, field.name)
            for field in msgspec.structs.fields(value)
        }
        before = b"{\n"
        for name, one in sorted(named.items()):
            if one is not msgspec.UNSET:
                yield before + inner + _encoded(name, None) + b": "
                yield from _parts(one, inner)
                before = b",\n"
        yield b"\n" + margin + b"}"
    elif isinstance(value, (tuple, Verdicts)):
        members, before = iter(cast("Iterable[object]", value)), b"["
        while some := tuple(islice(members, _TOGETHER)):
            # without the brackets, and what stands before the last of them
            yield before + _indented(some, margin)[1 : -len(b"\n" + margin + b"]")]
            before = b","
        yield b"[]" if before == b"[" else b"\n" + margin + b"]"
    else:
        yield _indented(value, margin)


def _indented(value: object, margin: bytes) -> bytes:
    # what stands in lists is indented as deep as they are
    depth = len(margin) // 2
    for _ in range(depth):
        value = [value]
    text = msgspec.json.format(_encoded(value, "sorted"), indent=2)
    # a line before it and one after it for each, as far to the right
    return text[depth * (depth + 3) : len(text) - depth * (depth + 1)]


def line(value: object) -> bytes:
    """Return `value` as JSON on one line, its keys in their order."""
    return _encoded(value, None) + b"\n"


def _encoded(value: object, order: Literal["sorted"] | None) -> bytes:
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(_text(msgspec.to_builtins(value)), order=order)


def _text(value: object) -> object:
    """Return builtins with every string in them made encodable."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return {_text(key): _text(item) for key, item in entries.items()}
    if isinstance(value, list | tuple):
        items = cast("Sequence[object]", value)
        return [_text(item) for item in items]
    return value
