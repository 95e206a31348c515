"""Members of policies: one key for each, and what its spelling tells of it."""

import re
from collections.abc import Sequence
from functools import lru_cache

from dagwarden.facts import Identity, IdentityKind, Origin, Unresolved
from dagwarden.sources.snapshot.names import Names

_DEFAULT_COMPUTE = re.compile(r"\d+-compute@developer\.gserviceaccount\.com")
_OF_PROJECT = re.compile(r"[^@]+@(?P<project>[^@]+)\.iam\.gserviceaccount\.com")
_APP_ENGINE = re.compile(r"(?P<project>[^@]+)@appspot\.gserviceaccount\.com")
_KUBERNETES = re.compile(r"[^\[\]@]+\.svc\.id\.goog\[[^\[\]]*\]")
_FEDERATED = re.compile(
    r"principal(Set)?://iam\.googleapis\.com/"
    r"(projects/[^/]+/locations/[^/]+/workloadIdentityPools"
    r"|locations/[^/]+/workforcePools)/.+"
)

# Domains of Google's service agents that do not say so by `gcp-sa-`: project ids are
# unique, so nobody else can hold an account in them. An agent missing here is judged
# as any other account, which is stricter.
# Source: cloud.google.com/iam/docs/service-agents
_AGENT_DOMAINS = frozenset(
    f"{name}.iam.gserviceaccount.com"
    for name in (
        "bigquery-encryption",
        "cloud-filer",
        "cloud-ml.google.com",
        "cloud-redis",
        "cloud-tpu",
        "cloudcomposer-accounts",
        "compute-system",
        "container-analysis",
        "container-engine-robot",
        "containerregistry",
        "dataflow-service-producer-prod",
        "dataproc-accounts",
        "endpoints-portal",
        "firebase-rules",
        "gae-api-prod.google.com",
        "gcf-admin-robot",
        "gs-project-accounts",
        "serverless-robot-prod",
        "service-networking",
        "storage-transfer-service",
    )
) | {"cloudservices.gserviceaccount.com", "system.gserviceaccount.com"}
_AGENT_DOMAIN = re.compile(r"gcp-sa-[a-z0-9-]+\.iam\.gserviceaccount\.com")

_KINDS: dict[str, IdentityKind] = {
    "user": "user",
    "group": "group",
    "domain": "domain",
    "projectOwner": "project_role",
    "projectEditor": "project_role",
    "projectViewer": "project_role",
}
_EVERYONE: dict[str, IdentityKind] = {
    "allUsers": "all_users",
    "allAuthenticatedUsers": "all_authenticated_users",
}
_WITH_EMAIL = frozenset({"user", "group", "domain", "serviceAccount"})


class _Keys(dict[str, str]):
    """The key of each member, worked out when it is first met."""

    def __missing__(self, member: str) -> str:
        key = _key(member)
        # the same members stand in many policies: one object for each
        key = self[member] = member if key == member else key
        return key


class Named:
    """The members that policies name: one key for each, and where it first stands."""

    def __init__(self) -> None:
        """Begin with none."""
        self.first: dict[str, Origin] = {}
        self._keys = _Keys()
        self._deleted: set[str] = set()

    def keys(self, members: Sequence[str], origin: Origin) -> tuple[str, ...]:
        """Return the keys of the members that are named at a place, in order."""
        keys = self._keys
        known = len(keys)
        if len(members) == 1:  # as of many
            found: tuple[str, ...] = (keys[members[0]],)
        else:
            found = tuple(sorted(set(map(keys.__getitem__, members))))
        if len(keys) != known:  # there is one that was not met before
            for key in found:
                self.first.setdefault(key, origin)
            self._deleted.update([key for key in found if key.startswith("deleted:")])
        return found

    def deleted(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of `keys` whose members were deleted: of most estates, none."""
        if not self._deleted or self._deleted.isdisjoint(keys):
            return ()
        return tuple([key for key in keys if key in self._deleted])


def _key(member: str) -> str:
    """Return the one key of a member: as written, e-mails in lower case."""
    prefix, colon, rest = member.partition(":")
    if prefix == "deleted":
        return f"deleted:{_key(rest)}"
    if prefix in _WITH_EMAIL and not _KUBERNETES.fullmatch(rest):
        email, question, query = rest.partition("?")
        return f"{prefix}{colon}{email.lower()}{question}{query}"
    return member


def account_kind(email: str) -> IdentityKind:
    """Return whether a service account's e-mail is a Google-managed agent's."""
    return _kind_in(email.partition("@")[2])


@lru_cache(maxsize=1 << 14)  # those of a project share it
def _kind_in(domain: str) -> IdentityKind:
    agent = domain in _AGENT_DOMAINS or _AGENT_DOMAIN.fullmatch(domain)
    return "service_agent" if agent else "service_account"


def account_project(email: str, names: Names) -> str | None:
    """Return the project that a service account's e-mail names, by id if known."""
    if match := _OF_PROJECT.fullmatch(email):
        return _project(match["project"])
    if match := _APP_ENGINE.fullmatch(email):
        return _project(match["project"])
    if _DEFAULT_COMPUTE.fullmatch(email):
        return names.project_id(email.partition("-")[0])
    return None


def _project(domain: str) -> str:
    # the project `example.com:p` has accounts in `p.example.com`
    name, dot, organisation = domain.partition(".")
    return f"{organisation}:{name}" if dot else domain


def account(
    email: str,
    names: Names,
    origin: Origin,
    *,
    unique_id: str | None,
    project: str | None,
    disabled: bool | None,
) -> Identity:
    """Return a service account's identity; `disabled` None: not established."""
    email = email.lower()
    key = f"serviceAccount:{email}"
    kind = account_kind(email)
    project = project or (
        account_project(email, names) if kind == "service_account" else None
    )
    compute = _DEFAULT_COMPUTE.fullmatch(email) is not None
    if disabled is None:
        return Identity(
            id=f"identity:{key}",
            origin=origin,
            key=key,
            kind=kind,
            email=email,
            unique_id=unique_id,
            project=project,
            default_compute=compute,
            unresolved=(_state(key),),
        )
    return Identity(
        id=f"identity:{key}",
        origin=origin,
        key=key,
        kind=kind,
        email=email,
        unique_id=unique_id,
        project=project,
        default_compute=compute,
        disabled=disabled,
    )


def identity_of(key: str, names: Names, origin: Origin) -> Identity:
    """Return what a member's key alone tells of it."""
    if key in _EVERYONE:
        return Identity(
            id=f"identity:{key}",
            origin=origin,
            key=key,
            kind=_EVERYONE[key],
            disabled=False,
        )
    prefix, _, rest = key.partition(":")
    if prefix == "serviceAccount" and not _KUBERNETES.fullmatch(rest):
        return account(rest, names, origin, unique_id=None, project=None, disabled=None)
    unique_id = None
    email = None
    project = None
    if known := _KINDS.get(prefix):
        kind = known
        email = rest if kind in ("user", "group") else None
        project = names.project_id(rest) if kind == "project_role" else None
    elif prefix == "deleted":
        email, _, query = rest.partition(":")[2].partition("?")
        unique_id = query.removeprefix("uid=") or None
        email = email if "@" in email else None
        kind = "deleted"
    elif prefix == "serviceAccount" or _FEDERATED.fullmatch(key):
        kind = "federated"
    else:
        kind = "unknown"
    return Identity(
        id=f"identity:{key}",
        origin=origin,
        key=key,
        kind=kind,
        email=email,
        unique_id=unique_id,
        project=project,
        unresolved=(_state(key),),
    )


def _state(key: str) -> Unresolved:
    return Unresolved(
        field="disabled", reason="layer", symbol=f"the account record of {key}"
    )
