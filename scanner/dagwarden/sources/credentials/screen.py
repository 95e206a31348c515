"""
Texts that surely hold no credential, told in one pass: nearly all that are looked into.

What is let through is searched; what is not would be searched for nothing. RE2 asks
at once for whatever a credential is told by, in a thirtieth of the time.
"""

import re

from dagwarden.patterns import Screen, late
from dagwarden.sources.credentials.assigned import (
    FEW,
    OPTION_HINTS,
    WORDED_HINTS,
    places_in,
)
from dagwarden.sources.credentials.decode import may_be_encoded
from dagwarden.sources.credentials.names import SAYS
from dagwarden.sources.credentials.shapes import DER, HINTS, ORACLES

# Characters of texts that are searched before RE2 is asked.
_MANY = 50_000
# Longer texts are few.
_LONGEST = 20_000
# How many texts are remembered, up to this length: most are met again.
_MAX_CLEAR = 20_000
_SHORT = 200
# Asked of what is clear otherwise: to count and to look for all else at once takes RE2
# more states than it keeps, and so does a command and what follows it.
_ENCODED = late(r"[A-Za-z0-9_+/\s-]{24,}[=\s]*")
_COMMAND = late("|".join(map(re.escape, OPTION_HINTS)))


def is_clear(text: str) -> bool:
    """
    Tell whether a text surely holds no credential, unless by its name.

    False says nothing. A text that is clear takes no more work to search than its
    length says.
    """
    if text in _clear:
        return True
    if len(text) > _LONGEST or places_in(text) > FEW:
        return False
    if _SCREEN.found(text) != []:
        return False
    if " -" in text and _COMMAND().search(text):
        return False
    if _ENCODED().fullmatch(text) and may_be_encoded(text):
        return False
    if len(text) < _SHORT and len(_clear) < _MAX_CLEAR:
        _clear.add(text)
    return True


_clear: set[str] = set()
_SCREEN = Screen(_MANY, lambda: ("|".join(needed()),))


def needed() -> tuple[str, ...]:
    """
    Return, for each way to tell a credential, what it needs: more is no harm.

    Nothing is counted: RE2 is fast only as long as it can keep all states.
    """
    return (
        # shapes
        *map(re.escape, HINTS),
        rf"^(?:{'|'.join(DER)})",
        r"(?i:authorization|bearer|basic|ssws)[^A-Za-z0-9]",
        r"://[^\s/?#@:'\"]*:[^\s/@'\"]+@",
        *ORACLES,
        # other encodings
        r"^\s*(?:\"|\{\s*[\"}]|\[\s*[\"{\[\]tfnNI0-9-])",
        "private_key",
        "refresh_token",
        "base64",
        "%[0-9A-Fa-f]{2}",
        r":[^\s?]*\?",
        # names that are given a value
        rf"(?i:{SAYS})[^\s=:]*[ \t]*(?:string[ \t]*)?(?:[=:]|\?=|<-)",
        r"(?i:password|passwd|passphrase|secret|token|key)\b[^\n]* is:? \S*\pN",
        # ... or are a method of that name: setPassword("...")
        rf"(?i:{SAYS})\w*\([ \t]*[\"']",
        rf"(?i:{SAYS})[^\"']*[\"'],",
        r"set\s+-[gxUL]",
        rf"\$\{{[^}}]*(?i:{SAYS})",
        rf"-\S*(?i:{SAYS})\S*[ \t]",
        r"(?:config|configure|variables|secret)[^A-Za-z0-9]+(?:set|put)",
        # commands
        r"(?i:by|password|key|token)[^A-Za-z0-9]*'",
        r"(?i:password\s+for)",
        "--from-literal",
        "|".join(map(re.escape, WORDED_HINTS)),
        r"(?s:(?:echo|printf).*\|)",
    )
