"""
The secrets that code writes out under a name that says so, to be kept out of what it makes.

What is told of a DAG (a path, an id, a host) may be made with a constant that only its
name gives away: `requests.get(f"{HOST}/v1/{API_KEY}/rows")`.
"""

import re
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice

from dagwarden.patterns import SPACE, Screen, late
from dagwarden.sources.credentials.names import SAID, SAYS, WORDY, kind_of_named
from dagwarden.sources.credentials.shown import HIDDEN, R, cleaned
from dagwarden.sources.credentials.walk import found_in

# Of one file.
MAX_WRITTEN = 200
_MATCHES = 2_000
# A text with a digit; one pattern for each quote is searched faster than one for both.
_TEXTS = (
    late(r"\"(?=[^\"'\s]{0,40}\d)(?P<value>[^\"'\s\\{}<>]{8,300})\""),
    late(r"'(?=[^\"'\s]{0,40}\d)(?P<value>[^\"'\s\\{}<>]{8,300})'"),
)
# What stands before it: NAME = , "name": , name: str = , get("NAME",
_NAME = late(
    r"(?P<name>[A-Za-z_]\w{0,60})[\"'\])]{0,3}\s{0,4}(?::\s{0,4}[\w.\[\]|]{1,40}\s{0,4})?"
    r"[=:,(\s]{1,8}[rbuf]?$"
)
_BEFORE = 120
# Characters; shorter ones are parts of what is no secret.
_SHORTEST = 8
# Characters of files that are searched before RE2 is asked for any such name.
MANY = 200_000
_SPACE = rf"[{SPACE}]*"
# What both patterns need; what is not ASCII may be a letter.
_NEEDED = (
    rf"(?i:{SAYS})[\w\x{{80}}-\x{{10ffff}}]*[\"'\])]*{_SPACE}(?::{_SPACE}[\w.\[\]|\x{{80}}-\x{{10ffff}}]+)?"
    rf"[=:,({SPACE}]+[rbuf]?[\"'][^\"'\n]*\pN"
)
_SCREEN = Screen(MANY, lambda: (_NEEDED,))


def written_secrets(text: str) -> frozenset[str]:
    """Return what a Python file writes out as secrets, but for words."""
    if _SCREEN.found(text) == []:
        return frozenset()
    return frozenset(islice(_written(text), MAX_WRITTEN))


def _written(text: str) -> Iterator[str]:
    for pattern in _TEXTS:
        for match in islice(pattern().finditer(text), _MATCHES):
            start = match.start()
            begin = max(0, start - _BEFORE)
            if SAID().search(text, begin, start) is None:  # nor does a name there
                continue
            before = _NAME().search(text, begin, start)
            value = match["value"]
            if (
                before is not None
                and kind_of_named(before["name"], value) is not None
                # a word would be taken out of words
                and not WORDY().fullmatch(value)
            ):
                yield value


def told_secrets(values: Iterable[object]) -> frozenset[str]:
    """Return what is a secret of that which code was given, but for words."""
    found = (one.value for held in values for one in found_in("", held))
    surely = (one for one in found if len(one) >= _SHORTEST)
    return frozenset(
        islice((one for one in surely if not WORDY().fullmatch(one)), MAX_WRITTEN)
    )


def without(record: R, secrets: frozenset[str]) -> R:
    """Return a record whose texts hold none of `secrets`, in whatever case."""
    if not secrets:
        return record
    longest = sorted(secrets, key=lambda one: (-len(one), one))
    pattern = re.compile("|".join(map(re.escape, longest)), re.IGNORECASE)
    return cleaned(record, partial(pattern.sub, HIDDEN))
