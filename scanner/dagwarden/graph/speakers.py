"""
Who can speak for an identity without any binding: in words, for no policy names them.

Behind a member of a workload identity pool are all tokens that a provider makes it of
(cloud.google.com/iam/docs/workload-identity-federation#mapping); behind an account, whoever
has a copy of one of its keys (cloud.google.com/iam/docs/keys-create-delete), and what
sends requests as it (cloud.google.com/scheduler/docs/http-target-auth and its like).
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET

from dagwarden.facts import FederationProvider, Key, Sender
from dagwarden.graph.estate import Estate
from dagwarden.graph.principals import account_key, email_of
from dagwarden.graph.targets import RUN, Runs, host_of
from dagwarden.patterns import late

_MEMBER = late(
    r"principal(?:Set)?://iam\.googleapis\.com/.+?Pools/[^/]+/"
    r"(?:(?P<all>\*)|(?P<what>subject|group|attribute\.[^/]+)/(?P<value>.+))"
)
_KUBERNETES = late(
    r"serviceAccount:(?P<pool>[^\[]+)\[(?P<namespace>[^/]+)/(?P<name>[^\]]+)\]"
)
_ATTRIBUTES = {"subject": "google.subject", "group": "google.groups"}
MOST = 10  # said of one identity


def speakers(estate: Estate, runs: Runs, key: str, resource: str) -> tuple[str, ...]:
    """Return who can speak for an identity to a resource, a line each; few can."""
    if found := _KUBERNETES().fullmatch(key):
        return (_pods(found["pool"], found["namespace"], found["name"]),)
    said = [
        *_federated(estate, key),
        *_of_keys(estate, key),
        *_senders(estate, runs, key, resource),
    ]
    if len(said) > MOST:
        said[MOST:] = [f"... and {len(said) - MOST} more"]
    return tuple(said)


def _pods(pool: str, namespace: str, name: str) -> str:
    return (
        f"pods that run as account {name} of namespace {namespace}, in any cluster whose "
        f"pool is {pool}"
    )


# ------------------------------------------------------------------------- federation


def _federated(estate: Estate, key: str) -> Iterator[str]:
    """Yield the sets of tokens that a member of a pool stands for, by provider."""
    found = _MEMBER().fullmatch(key)
    membership = estate.access.membership
    pool = membership.pool(key) if found else None
    if found is None or pool is None or membership.is_claimed(key):
        return
    asked = [
        provider
        for provider in estate.facts.federation_providers
        if membership.pool_name(provider.pool.removeprefix("//iam.googleapis.com/"))
        == pool
    ]
    if not asked:
        yield f"no provider of {pool} was read: whose tokens it takes is not known"
    for provider in asked:
        yield _tokens(provider, found["what"], found["value"])


def _tokens(provider: FederationProvider, what: str | None, value: str | None) -> str:
    """Return which tokens of a provider make a member of its pool."""
    name = provider.name.rpartition("/")[2]
    if provider.disabled is True:
        return f"nobody by provider {name}, which is disabled"
    who = f"by provider {name}: whoever has {_issued(provider)}"
    asked = (
        [f"({provider.attribute_condition})"] if provider.attribute_condition else []
    )
    if provider.attribute_condition is UNSET:
        asked = ["what its condition asks for holds"]
    if what is None:
        return " where ".join((who, *asked))
    attribute = _ATTRIBUTES.get(what, what)
    mapping = provider.attribute_mapping
    expression = dict(mapping or ()).get(attribute)
    if mapping is None:
        expression = f"what it maps to {attribute}"
    elif expression is None:
        return f"nobody by provider {name}, which maps no {attribute}"
    verb = "holds" if what == "group" else "is"
    return f"{who} where {' and '.join((f'{expression} {verb} {value}', *asked))}"


def _issued(provider: FederationProvider) -> str:
    """Return what a provider takes, in words."""
    if provider.kind == "aws":
        return f"a session of AWS account {provider.aws_account or '?'}"
    if provider.kind == "saml":
        return "an assertion of its SAML identity provider"
    if provider.kind == "x509":
        return "a certificate of its trust store"
    issuer = provider.issuer if isinstance(provider.issuer, str) else "its issuer"
    return f"a token of {issuer}"


# ------------------------------------------------------------------------------- keys


def _of_keys(estate: Estate, key: str) -> Iterator[str]:
    """Yield the keys by which whoever has them is an account."""
    email = email_of(key)
    if email is None or not key.startswith("serviceAccount:"):
        return
    for one in estate.facts.keys:
        if one.account == email and one.user_managed is not False:
            live = works(one, estate.access.as_of)
            if live is not False:
                since = f", made on {one.valid_after[:10]}" if one.valid_after else ""
                may = "" if live and one.user_managed else " (if it works)"
                yield f"whoever has key {one.key_id}{since}{may}"


def works(key: Key, as_of: datetime | None) -> bool | None:
    """Tell whether a key can be used at a moment; None: it does not say."""
    if key.disabled is True:
        return False
    if key.disabled is UNSET or key.valid_before is UNSET or as_of is None:
        return None
    try:
        until = datetime.fromisoformat(key.valid_before)
    except ValueError:
        return None
    return None if until.tzinfo is None else as_of < until


# ---------------------------------------------------------------------------- senders


def _senders(estate: Estate, runs: Runs, key: str, resource: str) -> Iterator[str]:
    """Yield what acts as an account, and calls a resource or may do so."""
    shown = estate.hierarchy.shown
    scope = estate.hierarchy.canonical(resource)
    for one in estate.facts.senders:
        if account_key(one.service_account) != key:
            continue
        target = _called(runs, one)
        if target is None or estate.hierarchy.within(target, (scope,)):
            kind = one.kind.replace("_", " ")
            paused = ", which is paused," if one.paused else ""
            calls = f" and calls {shown(one.target)}" if one.target else ""
            yield f"{kind} {shown(one.resource)}{paused} acts as {email_of(key)}{calls}"


def _called(runs: Runs, sender: Sender) -> str | None:
    """Return which service or job is called; None: one may be, which is not known."""
    target = sender.target or ""
    if target.startswith(RUN):
        return target
    run = runs.by_host(host_of(target))
    return run.resource if run else None
