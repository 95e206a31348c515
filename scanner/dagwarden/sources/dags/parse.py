"""Parsing a file's bytes, within bounds; the parser is the running Python's."""

import ast
import re
import sys
from collections import deque

from dagwarden.facts import GapReason
from dagwarden.sources.dags.records.seen import Unreadable

# Of code: words and punctuation. The parser takes up to a kilobyte for each.
MAX_TOKENS = 250_000
# Of f-strings: the parser of Python 3.11 reads one again for each of its fields.
MAX_FIELD_BYTES = 5_000_000_000
# Bytes that neither limit can be reached with.
_MAX_UNCHECKED = 70_000
# Files whose trees are kept: each is read for DAGs, for credentials and for what it
# refers to, one after the other, and imports some.
_LATELY = 4
_PUNCTUATION = b",.()[]{}:;=+-*/%&|^~<>!@\n"
_F_STRING = rb"[fF][rR]?[\"']|[rR][fF][\"']"


def parsed(data: bytes) -> ast.Module:
    """
    Parse a file's bytes; raise `Unreadable` for whatever the parser refuses.

    Who is given a tree does not change it: others may have the same.
    """
    if len(data) >= _MAX_UNCHECKED:
        return _made(data)
    # compared, which takes a tenth of what their hash does
    for known, tree in _lately:
        if known == data:
            return tree
    tree = _made(data)
    _lately.appendleft((data, tree))
    return tree


_lately: deque[tuple[bytes, ast.Module]] = deque(maxlen=_LATELY)


def _made(data: bytes) -> ast.Module:
    if b"\0" in data:
        raise Unreadable("encoding", "holds NUL bytes")
    _check_size(data)
    try:
        _check_encoding(data)
        return ast.parse(data)
    except SyntaxError as error:
        # hardly any file is in newer words, or broken
        from dagwarden.sources.dags.language.newer import in_older_words

        # text that is not in its encoding is a SyntaxError without a line
        encoding = "codec" in str(error.msg) or "encoding" in str(error.msg)
        older = None if encoding else in_older_words(data)
        if older is not None and (tree := _parsed(older)) is not None:
            return tree
        reason: GapReason = "encoding" if encoding else "syntax"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        detail = (
            "not in the encoding it declares"
            if encoding
            else f"not valid Python {version}{_grammar(error.msg)}"
        )
        raise Unreadable(reason, detail, error.lineno or None) from None
    except (RecursionError, MemoryError):
        raise Unreadable("too_deep", "nested too deeply to parse") from None
    except (ValueError, OverflowError, LookupError):
        raise Unreadable("encoding", "not in the encoding it declares") from None


def _parsed(data: bytes) -> ast.Module | None:
    """Parse what was put in older words; None where the file is simply broken."""
    try:
        return ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _check_size(data: bytes) -> None:
    """Refuse what would take the parser too long, or too much memory."""
    if len(data) < _MAX_UNCHECKED:
        return
    words = len(data.split())
    tokens = words + len(data) - len(data.translate(None, _PUNCTUATION))
    fields = data.count(b"{") * len(data) > MAX_FIELD_BYTES
    if tokens > MAX_TOKENS or (fields and re.search(_F_STRING, data)):
        raise Unreadable("too_large", "holds more code than can be followed")


# What CPython says of a file where that cannot quote it.
_GRAMMAR = "|".join(
    [
        r"'[(\[{]' was never closed",
        r"unmatched '[)\]}]'",
        (
            r"closing parenthesis '[)\]}]' does not match"
            r" opening parenthesis '[(\[{]'( on line \d+)?"
        ),
        (
            r"unterminated (f-|triple-quoted |triple-quoted f-)?string literal"
            r" \(detected at line \d+\)"
        ),
        r"expected ':'",
        r"expected an indented block( after [a-z' ]+ on line \d+)?",
        r"unexpected indent",
        r"unindent does not match any outer indentation level",
        r"inconsistent use of tabs and spaces in indentation",
        r"invalid syntax(\. Perhaps you forgot a comma\?)?",
        r"positional argument follows keyword argument( unpacking)?",
    ]
)


def _grammar(said: str) -> str:
    return f": {said}" if re.fullmatch(_GRAMMAR, said) else ""


def _check_encoding(data: bytes) -> None:
    """
    Raise what Python raises for a file that is not in its encoding.

    The parser itself overlooks that in the bytes of a comment.
    """
    try:
        data.decode()
    except UnicodeDecodeError:
        import io
        import tokenize

        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        data.decode(encoding)
