"""
What resources come to: what their records say, and what their policies do.

Of many resources, the records are read beside this process. The policies stay in it:
their members and roles are few texts that many bindings share, which they would not
when they came from a fork.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter, eq
from typing import TypeVar

from msgspec.structs import replace

from dagwarden.beside import beside
from dagwarden.facts import (
    KINDS,
    AuditConfig,
    Binding,
    Excluded,
    Fact,
    Facts,
    Record,
)
from dagwarden.sources.credentials import tainted
from dagwarden.sources.snapshot.exclusions import Exclusions, Why
from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.members import Named, identity_of
from dagwarden.sources.snapshot.resources import (
    Surroundings,
    facts_of_record,
    of_policy,
)

# Fewer have come to facts before a fork of this process is there.
MANY = 5_000
_OF_RECORD = {record: (kind, field) for kind, (field, record) in KINDS.items()}
_ID = attrgetter("id")
F = TypeVar("F", bound=Fact)


class Part(Record, frozen=True, kw_only=True):
    """What resources come to, each kind of facts in order of id."""

    facts: Facts
    excluded: tuple[Excluded, ...]
    tainted: bool  # what people write freely holds a secret somewhere


def facts_of(
    joined: Mapping[str, Joined], around: Surroundings, exclusions: Exclusions
) -> Part:
    """Return what all resources come to."""
    kept, left_out = exclusions.split(joined.values())
    of_records = partial(_of_records, kept, left_out, around)
    with beside(of_records, Part, worth=len(joined) >= MANY) as told:
        named = Named()
        policies = _of_policies(kept, left_out, named)
        records = told()
    # their own records say more of accounts than that a policy names them
    known = {identity.key for identity in records.facts.identities}
    others = [
        identity_of(key, around.names, origin)
        for key, origin in named.first.items()
        if key not in known
    ]
    return Part(
        facts=replace(
            records.facts,
            bindings=policies.facts.bindings,
            audit_configs=policies.facts.audit_configs,
            identities=in_order((*records.facts.identities, *others)),
        ),
        excluded=(*records.excluded, *policies.excluded),
        tainted=records.tainted or policies.tainted,
    )


def in_order(facts: Iterable[F]) -> tuple[F, ...]:
    """Return facts in order of id, each id once: the first of it."""
    ordered = sorted(facts, key=_ID)
    ids = list(map(_ID, ordered))
    if any(map(eq, ids, ids[1:])):  # hardly ever
        return tuple(next(same) for _, same in groupby(ordered, _ID))
    return tuple(ordered)


def _of_records(
    kept: Sequence[Joined],
    left_out: Iterable[tuple[Joined, Why]],
    around: Surroundings,
) -> Part:
    found: dict[type[Fact], list[Fact]] = defaultdict(list)
    for one in kept:
        for fact in facts_of_record(one, around):
            found[type(fact)].append(fact)
    facts = replace(
        Facts(), **{_OF_RECORD[kind][1]: in_order(of) for kind, of in found.items()}
    )
    excluded = [(why, facts_of_record(one, around)) for one, why in left_out]
    return Part(
        facts=facts,
        excluded=_counted(excluded),
        tainted=tainted((*facts.cloud_runs, *facts.federation_providers)),
    )


def _of_policies(
    kept: Sequence[Joined], left_out: Iterable[tuple[Joined, Why]], named: Named
) -> Part:
    bindings: list[Binding] = []
    audit_configs: list[AuditConfig] = []
    for one in kept:
        granted, audited = of_policy(one, named)
        bindings += granted
        audit_configs += audited
    excluded: list[tuple[Why, Sequence[Fact]]] = []
    for one, why in left_out:  # whom these name is nobody's concern
        granted, audited = of_policy(one, Named())
        excluded.append((why, (*granted, *audited)))
    # with what people write freely; names and members in a cloud have one form
    free = [binding for binding in bindings if binding.condition]
    written = {text for one in free for text in (one.condition, one.id, one.members)}
    return Part(
        facts=Facts(bindings=in_order(bindings), audit_configs=in_order(audit_configs)),
        excluded=_counted(excluded),
        tainted=tainted(tuple(written)),
    )


def _counted(excluded: Iterable[tuple[Why, Sequence[Fact]]]) -> tuple[Excluded, ...]:
    counts = Counter(
        (_OF_RECORD[type(fact)][0], *why) for why, facts in excluded for fact in facts
    )
    return tuple(
        Excluded(kind=kind, what=what, reason=reason, count=count)
        for (kind, what, reason), count in counts.items()
    )
