"""
Comments by which people accept a credential: other tools' markers, and ours.

Another tool is silent about a line with its marker. Here it is a waiver without an
owner: counted and shown. The spellings are those of the tools' own documentation.
"""

import re
from collections.abc import Iterator, Sequence

from dagwarden.facts import EmbeddedSecret, InlineWaiver, Origin
from dagwarden.patterns import late

MAX_TEXT = 500
MAX_LINE = 1_000
_COMMENT = r"(?:#|//|--|;|<!--|/\*)[^\n]*?"
_MARKERS = tuple(
    (name, late(_COMMENT + pattern, re.IGNORECASE))
    for name, pattern in (
        ("gitleaks:allow", r"\bgitleaks:allow\b"),
        ("betterleaks:allow", r"\bbetterleaks:allow\b"),
        ("pragma: allowlist secret", r"\bpragma: ?(?:allow|white)list[ -]secret\b"),
        ("kingfisher:ignore", r"\bkingfisher:ignore\b"),
        ("trufflehog:ignore", r"\btrufflehog:ignore\b"),
        ("noqa: S105", r"\bnoqa:[^#\n]*\bS10[5-7]\b"),
        ("nosec", r"\bnosec\b"),
    )
)
_OURS = late(_COMMENT + r"\bdagwarden:\s*(?P<text>waive\b[^\n]*)")


def waivers_in(
    lines: Sequence[str], facts: Sequence[EmbeddedSecret], *, ours: bool
) -> Iterator[InlineWaiver]:
    """
    Yield the waivers on the lines of `facts`; `ours`: also those of dagwarden.

    Those of a Python file are read as code, whatever holds them: see `sources.dags`.
    """
    for line in sorted({fact.origin.line or 0 for fact in facts}):
        # a comment stands at the end
        text = lines[line - 1][-MAX_LINE:] if 0 < line <= len(lines) else ""
        origin = Origin(source=facts[0].origin.source, line=line)
        for name, pattern in _MARKERS:
            if pattern().search(text):
                yield InlineWaiver(origin=origin, text="", marker=name)
                break
        if ours and (said := _OURS().search(text)):
            yield InlineWaiver(origin=origin, text=said["text"][:MAX_TEXT])
