"""
What resources come to, in two parts: what their records say, and what their policies do.

Of many resources, the records are read beside this process. The policies stay in it:
their members and roles are few texts that many bindings share, which they would not
when they came from a fork.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from dagwarden.beside import beside
from dagwarden.facts import (
    KINDS,
    AuditConfig,
    Binding,
    Excluded,
    Fact,
    Facts,
    Identity,
    Origin,
    Record,
)
from dagwarden.sources.credentials import tainted
from dagwarden.sources.snapshot.exclusions import Exclusions
from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.members import identity_of
from dagwarden.sources.snapshot.resources import (
    Surroundings,
    facts_of_policy,
    facts_of_record,
)

# Fewer have come to facts before a fork of this process is there.
MANY = 5_000
_OF_RECORD = {record: (kind, field) for kind, (field, record) in KINDS.items()}


class Part(Record, frozen=True, kw_only=True):
    """What some resources come to, in their order."""

    facts: Facts
    named: tuple[Identity, ...]  # what the names of their policies' members tell
    excluded: tuple[Excluded, ...]
    tainted: bool  # what people write freely holds a secret somewhere


def parts_of(
    joined: Mapping[str, Joined], around: Surroundings, exclusions: Exclusions
) -> tuple[Part, ...]:
    """Return what all resources come to: by their records, then by their policies."""
    part = partial(_part, tuple(joined.values()), around, exclusions)
    worth = len(joined) >= MANY
    with beside(partial(part, facts_of_record), Part, worth=worth) as records:
        policies = part(facts_of_policy)
        return records(), policies


def _part(
    resources: Sequence[Joined],
    around: Surroundings,
    exclusions: Exclusions,
    facts_of: Callable[[Joined, Surroundings], Iterator[Fact]],
) -> Part:
    found: dict[str, list[Fact]] = defaultdict(list)
    members: dict[str, Origin] = {}
    left_out = Counter[tuple[str, str, str]]()
    for one in resources:
        reason = exclusions.reason(one)
        for fact in facts_of(one, around):
            kind, field = _OF_RECORD[type(fact)]
            if reason:
                left_out[kind, *reason] += 1
                continue
            found[field].append(fact)
            if isinstance(fact, Binding | AuditConfig):
                for member in _members(fact):
                    members.setdefault(member, fact.origin)
    by_kind = {field: tuple(of_kind) for field, of_kind in found.items()}
    facts = replace(Facts(), **by_kind)
    return Part(
        facts=facts,
        named=tuple(
            identity_of(member, around.names, origin)
            for member, origin in members.items()
        ),
        excluded=tuple(
            Excluded(kind=kind, what=what, reason=why, count=count)
            for (kind, what, why), count in left_out.items()
        ),
        tainted=tainted(tuple(_written(facts))),
    )


def all_of(facts: Facts) -> Iterator[Fact]:
    """Yield all facts that a part holds."""
    for field, _ in KINDS.values():
        yield from getattr(facts, field)


def _members(fact: Binding | AuditConfig) -> tuple[str, ...]:
    return fact.members if isinstance(fact, Binding) else fact.exempted_members


def _written(facts: Facts) -> Iterator[Fact]:
    """Yield what people write freely; names and members in a cloud have one form."""
    yield from facts.cloud_runs
    yield from facts.federation_providers
    yield from (binding for binding in facts.bindings if binding.condition)
