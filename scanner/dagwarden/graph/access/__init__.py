"""
Access: does an identity hold a permission on a resource, and what proves it.

`decide` asks allow policies, then what takes away: `deny` and `boundary`. They ask
`membership` who stands behind a member, and `conditions` whether one holds, which asks
`tags`. `answers` is what all of them say.
"""

from dagwarden.graph.access.answers import (
    Answer,
    Cause,
    Refusal,
    Support,
    Told,
    distinct,
)
from dagwarden.graph.access.decide import Access, role_cause
from dagwarden.graph.access.membership import Claimed

__all__ = [
    "Access",
    "Answer",
    "Cause",
    "Claimed",
    "Refusal",
    "Support",
    "Told",
    "distinct",
    "role_cause",
]
