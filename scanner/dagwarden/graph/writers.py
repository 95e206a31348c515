"""Who may write the bucket that a Composer environment takes its DAGs from."""

from collections.abc import Iterator

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Binding, ComposerEnvironment, Writer
from dagwarden.graph.access import Cause, condition_cause, distinct, role_cause, touches
from dagwarden.graph.enrich import without
from dagwarden.graph.estate import NO_SNAPSHOT, Estate, causes_of, unresolved
from dagwarden.graph.hierarchy import short
from dagwarden.graph.principals import account_key
from dagwarden.graph.reach import bucket_name

WRITING = ("storage.objects.create", "storage.objects.update")


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
            held = [access.roles.holds(binding.role, name) for name in WRITING]
            causes = list(_causes(estate, binding, held))
            doubt.extend(causes)
            if True in held and binding.condition is None:
                for writer in _members(estate, binding, owner):
                    writers[writer.identity.key, writer.binding] = writer
                doubt.extend(_populations(estate, binding))
    return tuple(writers[key] for key in sorted(writers)), distinct(doubt)


def _causes(
    estate: Estate, binding: Binding, held: list[bool | None]
) -> Iterator[Cause]:
    """Yield why it is not known whether a binding lets its members write."""
    if not any(answer is not False for answer in held):
        return
    if True not in held:
        yield role_cause(binding.role)
    if binding.condition is not None:
        yield condition_cause(binding)
    for guardrail in estate.facts.guardrails:
        if any(touches(guardrail, name) for name in WRITING):
            yield Cause(reason="guardrail", symbol=guardrail.name)


def _members(estate: Estate, binding: Binding, owner: str) -> Iterator[Writer]:
    """Yield the members that a binding names, but the environment's own account."""
    for key in sorted(estate.access.members(binding)):
        identity = estate.access.ref(key)
        if key != owner and identity.kind not in ("service_agent", "deleted"):
            yield Writer(
                identity=identity,
                role=binding.role,
                binding=binding.id,
                origin=binding.origin,
            )


def _populations(estate: Estate, binding: Binding) -> Iterator[Cause]:
    """Yield the members that stand for people nobody listed."""
    for key in sorted(estate.access.members(binding)):
        if estate.access.ref(key).kind in ("group", "domain") or key.startswith(
            ("customer:", "principalSet:")
        ):
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
