"""
Access: does an identity hold a permission on a resource, and what proves it.

`decide` asks allow policies, then what takes away: `deny` and `boundary`. They ask
`membership` who stands behind a member, and `conditions` whether one holds, which asks
`tags`. `answers` is what all of them say, and all that a scan without a snapshot loads.
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

__all__ = [
    "NO",
    "YES",
    "Answer",
    "Cause",
    "Refusal",
    "Support",
    "Told",
    "all_of",
    "any_of",
    "distinct",
    "open_",
]
