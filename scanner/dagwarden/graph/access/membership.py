"""
Who stands behind a member: groups, domains, pools, everyone; whether that is someone.

A member that names many covers an identity, does not, or that is not known.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from msgspec import UNSET

from dagwarden.facts import Facts, Group, Record
from dagwarden.graph.access.answers import NO, YES, Cause, Told, open_
from dagwarden.graph.hierarchy import Hierarchy, account_resource, project_resource
from dagwarden.graph.principals import (
    ALL_AUTHENTICATED,
    ALL_USERS,
    email_of,
    key_of,
    kind_of,
)
from dagwarden.patterns import late

BASIC_OF = {
    "projectOwner": "roles/owner",
    "projectEditor": "roles/editor",
    "projectViewer": "roles/viewer",
}
# Who authenticates with Google itself; federated identities do not.
# Source: cloud.google.com/iam/docs/principals-overview#allauthenticatedusers
_AUTHENTICATED = frozenset({"service_account", "service_agent", "user", "group"})
# Who may be in a Google group. No page was found that says whether federated identities
# may: those that a list names are taken to be, and who is in a group not read is open.
_IN_GROUPS = frozenset(
    {"service_account", "service_agent", "user", "group", "federated"}
)
_POOL = late(
    r"principal(?P<set>Set)?://iam\.googleapis\.com/"
    r"(?P<pool>(?:projects/[^/]+/)?locations/[^/]+/"
    r"(?P<kind>workload|workforce)(?:Identity)?Pools/[^/]+)/(?P<rest>.+)"
)
_OF_CONTAINER = late(
    r"principalSet://(?P<place>cloudresourcemanager\.googleapis\.com/"
    r"(?:projects|folders|organizations)/[^/]+)/type/(?P<type>ServiceAccount|ServiceAgent)"
)
_KUBERNETES = late(
    r"serviceAccount:(?P<pool>[^\[\]]+\.svc\.id\.goog)\[(?P<namespace>[^/\]]+)/[^\]]+\]"
)
# What other members begin with; everything else is of a kind that is not documented.
# Source: cloud.google.com/iam/docs/principal-identifiers
_SINGLE = ("user:", "serviceAccount:", "principal://iam.googleapis.com/")
_TRUST_DOMAIN = late(r"principal(?:Set)?://[a-z0-9.-]+\.id\.goog/.+")
_AGENT_PROJECT = late(r"(?:service-)?(\d+)@")


class Claimed(Record, frozen=True, kw_only=True):
    """
    What an external token makes of its bearer, once a provider mapped its claims.

    `key` is its `principal://...`; the attributes are what `principalSet://...` of the
    same pool are matched with.
    """

    key: str
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = {}
    # attributes that the token makes something of, and it is not known what
    open: frozenset[str] = frozenset()


class _Closure(Record, frozen=True, kw_only=True):
    """Everyone surely in a group, and what may add to them."""

    group: str
    members: Mapping[str, Group]  # key -> the nearest group that lists it
    causes: tuple[Cause, ...]

    def via(self, key: str) -> tuple[Group, ...]:
        """Return the groups by which a member is in it, from the inside out."""
        found = [self.members[key]]
        while found[-1].key != self.group:
            found.append(self.members[found[-1].key])
        return tuple(found)


class Membership:
    """Tells who is covered by a member of a policy."""

    def __init__(
        self,
        facts: Facts,
        hierarchy: Hierarchy,
        as_of: datetime | None,
        basic: Callable[[str, str, str], Told],
        claimed: Iterable[Claimed] = (),
    ) -> None:
        """
        Index groups; `basic(key, role, project)` tells who holds a basic role there.

        `claimed` are the federated identities whose tokens are known.
        """
        self._hierarchy = hierarchy
        self._as_of = as_of
        self._basic = basic
        self._claimed = {item.key: item for item in claimed}
        self._groups = {group.key: group for group in facts.groups}
        self._unique_ids = {
            identity.key: identity.unique_id
            for identity in facts.identities
            if identity.unique_id and identity.kind != "deleted"
        }
        self._closures: dict[str, _Closure] = {}
        self._told: dict[tuple[str, str], Told] = {}
        self._listing: dict[str, list[str]] | None = None  # member -> groups
        self._unlisted: dict[str, bool] = {}

    def key(self, member: str) -> str:
        """Return the one key of a member, or of a principal of any policy."""
        key = key_of(member)
        if not key.startswith("serviceAccount:") or "[" in key:
            return key
        account, question, uid = key.removeprefix("serviceAccount:").partition("?uid=")
        if account.isdigit():
            email = self._hierarchy.email(account)
            return f"serviceAccount:{email}" if email else key
        if question and self._unique_ids.get(f"serviceAccount:{account}") == uid:
            return f"serviceAccount:{account}"
        return key

    def groups_of(self, key: str) -> tuple[str, ...]:
        """Return the groups that an identity surely is in, however nested."""
        if not self._groups:
            return ()
        if self._listing is None:
            self._listing = {}
            for name, group in self._groups.items():
                for member in self._current(group):
                    self._listing.setdefault(member, []).append(name)
        found, pending = set[str](), [key]
        while pending:
            for name in self._listing.get(pending.pop(), ()):
                if name not in found:
                    found.add(name)
                    pending.append(name)
        return tuple(name for name in self._groups if name in found) if found else ()

    def members(self, group: str) -> Iterable[str]:
        """Return everyone who is surely in a group."""
        return self._closure(group).members

    def unlisted(self, member: str) -> bool:
        """Tell whether a member stands for others who are not all known."""
        found = self._unlisted.get(member)
        if found is None:
            found = self._unlisted[member] = self._is_unlisted(member)
        return found

    def _is_unlisted(self, member: str) -> bool:
        if member.startswith("group:"):
            return bool(self._closure(member).causes)
        return not member.startswith((*_SINGLE, "all", "deleted:"))

    # ------------------------------------------------------------------- covering

    def covers(self, member: str, key: str) -> Told:
        """Tell whether a member (a key itself) covers an identity."""
        if member in (key, ALL_USERS):
            return YES
        question = (member, key)
        told = self._told.get(question)
        if told is None:
            # a convenience member among those that it stands for ends here
            self._told[question] = open_(_cause(member))
            told = self._told[question] = self._covers(member, key)
        return told

    def _covers(self, member: str, key: str) -> Told:
        if key == ALL_USERS:
            return NO
        prefix, _, rest = member.partition(":")
        kind = kind_of(key)
        if member == ALL_AUTHENTICATED:
            return _authenticated(member, key, kind)
        if prefix == "group":
            return self._in_group(member, key, kind)
        if prefix in ("domain", "customer"):
            # a domain is known by its customer, whose domains and people are not
            return open_(_cause(member)) if kind in ("user", "group", "domain") else NO
        if prefix in BASIC_OF:
            return self._convenience(member, prefix, rest, key)
        if prefix == "deleted":
            return self._deleted(member, key)
        if "?uid=" in member:
            return self._of_unique_id(member, key)
        if found := _OF_CONTAINER().fullmatch(member):
            return self._of_container(member, found, key, kind)
        if prefix == "principalSet":
            return self._in_pool(member, key, kind)
        if kind == "unknown" and ":" not in key:
            return open_(_cause(member))
        return NO if stands_alone(member) else open_(_cause(member))

    def _in_group(self, group: str, key: str, kind: str) -> Told:
        if kind not in _IN_GROUPS and kind != "unknown":
            return NO
        closure = self._closure(group)
        if key in closure.members:
            return Told(held=True, via=closure.via(key))
        return Told(held=None if closure.causes else False, causes=closure.causes)

    def _closure(self, group: str) -> _Closure:
        found = self._closures.get(group)
        if found is None:
            found = self._closures[group] = self._expanded(group)
        return found

    def _expanded(self, start: str) -> _Closure:
        """Walk a group's groups, nearest first; a cycle ends where it began."""
        members: dict[str, Group] = {}
        causes: set[Cause] = set()
        pending = deque[tuple[str, bool]]([(start, True)])
        seen: set[str] = set()
        while pending:
            name, listed = pending.popleft()
            if name in seen:
                continue
            seen.add(name)
            group = self._groups.get(name)
            if group is None:
                if listed:
                    causes.add(_cause(name))
                continue
            causes.update(self._open_members(group))
            for member in self._current(group):
                members.setdefault(member, group)
                if member.startswith("group:") and member not in seen:
                    pending.append((member, not group.transitive))
        return _Closure(group=start, members=members, causes=tuple(sorted(causes)))

    def _current(self, group: Group) -> Iterator[str]:
        known = group.members if group.members is not UNSET else group.members_known
        yield from known
        for one in group.expiring:
            ends = _moment(one.valid_before)
            if ends and self._as_of and self._as_of < ends:
                yield one.key

    def _open_members(self, group: Group) -> Iterator[Cause]:
        if group.members is UNSET:
            reasons = [item for item in group.unresolved if item.field == "members"]
            for item in reasons:
                yield Cause(reason=item.reason, symbol=item.symbol)
            if not reasons:
                yield _cause(group.key)
        for one in group.expiring:
            if self._as_of is None or _moment(one.valid_before) is None:
                yield _cause(group.key)

    def _convenience(self, member: str, prefix: str, project: str, key: str) -> Told:
        """Expand `projectEditor:p`: who holds the basic role on the project."""
        told = self._basic(key, BASIC_OF[prefix], project_resource(project))
        return open_(_cause(member)) if told.held is None else told

    def _deleted(self, member: str, key: str) -> Told:
        """
        Tell whether a deleted member is an identity that is there.

        An account that was made anew has another unique id and is not it; one that
        was undeleted has the same, and its bindings are about to say so.
        """
        account, _, uid = member.removeprefix("deleted:").partition("?uid=")
        same = account.lower() == key.lower() and self._unique_ids.get(key) == uid
        return open_(_cause(member)) if same and uid else NO

    def _of_unique_id(self, member: str, key: str) -> Told:
        """Tell whether an account is the one whose unique id a member gives."""
        account = member.partition("?uid=")[0]
        if account != key:
            return NO
        return NO if key in self._unique_ids else open_(_cause(member))

    # ---------------------------------------------------------------- sets and pools

    def _of_container(
        self, member: str, found: re.Match[str], key: str, kind: str
    ) -> Told:
        """Tell whether an account is of a project, folder or organisation."""
        agent = found["type"] == "ServiceAgent"
        if kind != ("service_agent" if agent else "service_account"):
            # whether a default account counts as an agent is not documented
            return open_(_cause(member)) if kind == "service_agent" else NO
        place = self._hierarchy.canonical(f"//{found['place']}")
        return self.of_container(place, key)

    def of_container(self, place: str, key: str) -> Told:
        """Tell whether the project of an account or pool is, or is below, a place."""
        project = self.project(key)
        if project is None:
            return open_(Cause(reason="layer", symbol=f"project of {key}"))
        lineage = self._hierarchy.lineage(project)
        if place in lineage.names:
            return YES
        return Told(
            held=None if lineage.missing else False,
            causes=tuple(
                Cause(reason=item.reason, symbol=item.symbol)
                for item in lineage.missing
            ),
        )

    def project(self, key: str) -> str | None:
        """Return the project of an account or pool by its resource name."""
        if kind_of(key) == "service_account":  # as most are
            email = email_of(key) or ""
            return self._hierarchy.project_of_account(email)
        if found := _POOL().fullmatch(key):
            parts = found["pool"].split("/")
            name = parts[1] if parts[0] == "projects" else None
        elif found := _KUBERNETES().fullmatch(key):
            name = found["pool"].removesuffix(".svc.id.goog")
        else:
            email = email_of(key) or ""
            if kind_of(key) != "service_agent":
                return self._hierarchy.project_of(account_resource(email))
            agent = _AGENT_PROJECT().match(email)
            name = agent[1] if agent else None
        return self._hierarchy.canonical(project_resource(name)) if name else None

    def _in_pool(self, member: str, key: str, kind: str) -> Told:
        wanted = _POOL().fullmatch(member)
        if wanted is None:  # a set of a kind that is not modelled
            agents = _TRUST_DOMAIN().fullmatch(member) is not None
            other = agents and kind not in ("federated", "unknown")
            return NO if other else open_(_cause(member))
        if kind != "federated":
            return NO
        rest = wanted["rest"]
        pool = self.pool(key)
        if pool is None:
            return open_(_cause(member)) if key.startswith("principalSet://") else NO
        if pool != self.pool_name(wanted["pool"]):
            return NO
        if rest == "*":
            return YES
        if found := _KUBERNETES().fullmatch(key):
            if rest.startswith("namespace/"):
                same = rest == f"namespace/{found['namespace']}"
                return YES if same else NO
            return open_(_cause(member))
        return self._claims(member, rest, key)

    def settled(self, key: str) -> bool:
        """Tell whether sets of a pool may be known to have a federated identity or not."""
        return self.is_claimed(key) or _KUBERNETES().fullmatch(key) is not None

    def is_claimed(self, key: str) -> bool:
        """Tell whether it is known what the token of a federated identity says."""
        return key in self._claimed

    def _claims(self, member: str, rest: str, key: str) -> Told:
        """Match a set with what a token says, where that is known."""
        claimed = self._claimed.get(key)
        what, _, value = rest.partition("/")
        asked = "google.groups" if what == "group" else what
        if claimed is None or asked in claimed.open:
            return open_(_cause(member))
        if what == "group":
            return YES if value in claimed.groups else NO
        if what.startswith("attribute."):
            name = what.removeprefix("attribute.")
            return YES if claimed.attributes.get(name) == value else NO
        return open_(_cause(member))

    def pool(self, key: str) -> str | None:
        """Return the pool of a federated identity, its project by number if known."""
        if found := _POOL().fullmatch(key):
            return self.pool_name(found["pool"])
        if found := _KUBERNETES().fullmatch(key):
            project = found["pool"].removesuffix(".svc.id.goog")
            pools = f"projects/{project}/locations/global/workloadIdentityPools"
            return self.pool_name(f"{pools}/{found['pool']}")
        return None

    def pool_name(self, pool: str) -> str:
        """Return the one name of a pool, its project by number if known."""
        parts = pool.split("/")
        if parts[0] == "projects":
            parts[1] = self._hierarchy.number(parts[1]) or parts[1]
        return "/".join(parts)


def stands_alone(member: str) -> bool:
    """Tell whether a member is one identity and no other, as its spelling tells."""
    return (
        member.startswith(_SINGLE)
        or member in (ALL_USERS, ALL_AUTHENTICATED)
        or (
            member.startswith("principal:")
            and _TRUST_DOMAIN().fullmatch(member) is not None
        )
    )


def _authenticated(member: str, key: str, kind: str) -> Told:
    if kind in _AUTHENTICATED:
        return YES
    agent = key.startswith("principal://") and not key.startswith("principal://iam.")
    return open_(_cause(member)) if kind == "unknown" or agent else NO


def _cause(member: str) -> Cause:
    return Cause(reason="membership", symbol=member)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
