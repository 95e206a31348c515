"""
Access: does an identity hold a permission on a resource, and what proves it.

`decide` asks allow policies, then what takes away: `deny` and `boundary`. They ask
`membership` who stands behind a member, and `conditions` whether one holds, which asks
`tags`. `answers` is what all of them say.
"""

from dagwarden.graph.access.answers import (
    NO,
    YES,
    Answer,
    Cause,
    Refusal,
    Support,
    Told,
    all_of,
    any_of,
    distinct,
    open_,
)
from dagwarden.graph.access.decide import Access, role_cause
from dagwarden.graph.access.membership import Claimed

__all__ = [
    "NO",
    "YES",
    "Access",
    "Answer",
    "Cause",
    "Claimed",
    "Refusal",
    "Support",
    "Told",
    "all_of",
    "any_of",
    "distinct",
    "open_",
    "role_cause",
]
