"""Who may write the bucket that a Composer environment takes its DAGs from."""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Binding, ComposerEnvironment, Writer
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.estate import NO_SNAPSHOT, Estate, causes_of, unresolved, without
from dagwarden.graph.hierarchy import short
from dagwarden.graph.placed import bucket_name
from dagwarden.graph.principals import account_key

WRITING = ("storage.objects.create",)


def with_writers(
    estate: Estate, environment: ComposerEnvironment
) -> ComposerEnvironment:
    """Return the environment with the writers of its DAG bucket."""
    bucket = environment.dag_bucket
    entries = without(environment, "dag_writers")
    if not isinstance(bucket, str):
        blame = f"DAG bucket of {short(environment.resource)}"
        why = causes_of(environment, "dag_bucket", blame)
        return replace(
            environment, unresolved=(*entries, *unresolved(why, "dag_writers"))
        )
    known, doubt = _writers(estate, environment, bucket_name(bucket))
    return replace(
        environment,
        dag_writers=UNSET if doubt else known,
        dag_writers_known=known,
        unresolved=(*entries, *unresolved(doubt, "dag_writers")),
    )


def _writers(
    estate: Estate, environment: ComposerEnvironment, bucket: str
) -> tuple[tuple[Writer, ...], tuple[Cause, ...]]:
    access, lineage = estate.access, estate.hierarchy.lineage(bucket)
    own = environment.service_account
    owner = account_key(own) if isinstance(own, str) else ""
    writers: dict[tuple[str, str], Writer] = {}
    doubt = list(_unread(estate, bucket))
    for place in lineage.names:
        for binding in access.bindings_on(place):
            if all(access.roles.holds(binding.role, name) is False for name in WRITING):
                continue
            for key in _members(estate, binding, owner):
                found, causes = _writes(estate, binding, key, bucket)
                doubt.extend(causes)
                if found:
                    writer = _writer(estate, binding, key)
                    writers[writer.identity.key, writer.binding] = writer
            doubt.extend(_populations(estate, binding))
    return tuple(writers[key] for key in sorted(writers)), distinct(doubt)


def _writes(
    estate: Estate, binding: Binding, key: str, bucket: str
) -> tuple[bool, tuple[Cause, ...]]:
    """Tell whether a member writes by a binding, or what would tell."""
    causes: list[Cause] = []
    for name in WRITING:
        told = estate.access.gives(binding, key, name, bucket)
        if told.held is True:
            return True, ()
        causes.extend(told.causes)
    return False, tuple(causes)


def _writer(estate: Estate, binding: Binding, key: str) -> Writer:
    return Writer(
        identity=estate.ref(key),
        role=binding.role,
        binding=binding.id,
        origin=binding.origin,
    )


def _members(estate: Estate, binding: Binding, owner: str) -> Iterator[str]:
    """Yield whom a binding names, groups opened, but the environment's own account."""
    access = estate.access
    named = access.members(binding)
    inside = {
        key
        for member in named
        if member.startswith("group:")
        for key in access.membership.members(member)
    }
    for key in sorted(inside.union(named)):
        kind = estate.ref(key).kind
        if kind == "group" and not access.membership.unlisted(key):
            continue  # its members are told themselves
        if key != owner and kind not in ("service_agent", "deleted"):
            yield key


def _populations(estate: Estate, binding: Binding) -> Iterator[Cause]:
    """Yield the members that stand for people nobody listed."""
    unlisted = estate.access.membership.unlisted
    for key in sorted(estate.access.members(binding)):
        people = estate.ref(key).kind in ("group", "domain")
        if (people or key.startswith(("customer:", "principalSet:"))) and unlisted(key):
            yield Cause(reason="membership", symbol=key)


def _unread(estate: Estate, bucket: str) -> Iterator[Cause]:
    """Yield which policies over the bucket were not read."""
    if not estate.has_snapshot:
        yield NO_SNAPSHOT
        return
    snapshot = estate.facts.snapshots[0]
    if snapshot.layers.allow != "read":
        yield Cause(reason="layer", symbol="IAM policies of the snapshot")
    known = estate.hierarchy.resource(bucket) is not None
    if not known and not estate.access.bindings_on(bucket):
        yield Cause(reason="layer", symbol=f"IAM policy of {short(bucket)}")
    for missing in estate.hierarchy.lineage(bucket).missing:
        yield Cause(reason=missing.reason, symbol=missing.symbol)
