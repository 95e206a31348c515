"""
`text.extract(template)`, which Google adds to CEL.

Source: cloud.google.com/iam/docs/conditions-attribute-reference#extract; mappings of
federation providers have it as well.
"""

import re

_TEMPLATE = re.compile(r"([^{}]*)\{[^{}]*\}([^{}]*)")


def is_template(template: object) -> bool:
    """Tell whether a text has one place in braces, before and after which is text."""
    return isinstance(template, str) and _TEMPLATE.fullmatch(template) is not None


def extract(text: str, template: str) -> str:
    """
    Return what stands at the template's place, "" where the rest is not found.

    It begins after the first of what stands before, and ends before the first of what
    follows, or with the text. Raises ValueError for what is no template.
    """
    parts = _TEMPLATE.fullmatch(template)
    if parts is None:
        raise ValueError("no template of one place in braces")
    start, end = text.find(parts[1]), len(text)
    if start >= 0 and parts[2]:
        end = text.find(parts[2], start + len(parts[1]))
    found = start >= 0 and end >= 0
    return text[start + len(parts[1]) : end] if found else ""
