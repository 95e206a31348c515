"""
What an asset export does not carry, in the shapes of Google's APIs and gcloud.

Role definitions, deny policies, access boundaries and their bindings, groups and their
members, tags, schedules, push subscriptions: one object, an array as `gcloud ... list --format=json` prints it, or a
response of the API with its list inside. They are recognised by content, never by the
file's name, but for one thing: a list of members does not say of which group it is, so
it counts for the group after which its file is named (`eng@example.com.json`), unless
it says so itself.
"""

import re
from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec
from msgspec import Raw, Struct

from dagwarden.facts import Delegation, Origin
from dagwarden.sources.snapshot.elements import Element
from dagwarden.sources.snapshot.records import (
    ROLE,
    SCHEDULE,
    SUBSCRIPTION,
    TAG_BINDING,
    TAG_KEY,
    TAG_VALUE,
    WORKFORCE_POOL,
    WORKFORCE_PROVIDER,
    Data,
    PoolShape,
    ProviderShape,
    RoleShape,
    ScheduleShape,
    Shape,
    SubscriptionShape,
    TagBindingShape,
    TagKeyShape,
    TagValueShape,
)

MemberKind: TypeAlias = Literal["user", "group", "serviceAccount", "everyone"] | None


class EntityKey(Shape, kw_only=True):
    """The e-mail of a group or member."""

    id: str = ""


class ExpiryShape(Shape, kw_only=True):
    """When a membership ends."""

    expireTime: str | None = None


class MembershipRoleShape(Shape, kw_only=True):
    """A role in a group; every role makes a member."""

    expiryDetail: ExpiryShape | None = None


class MembershipShape(Shape, kw_only=True):
    """
    A member of a group.

    As groups.memberships.list of Cloud Identity has it, as its
    searchTransitiveMemberships (keys in a list), and as members.list of the Directory.
    """

    name: str | None = None  # groups/X/memberships/Y
    preferredMemberKey: EntityKey | list[EntityKey] | None = None
    memberKey: EntityKey | None = None
    type: str | None = None
    roles: list[MembershipRoleShape] | None = None
    # transitive: users/123, groups/X
    member: str | None = None
    relationType: str | None = None
    # of the Directory
    kind: str | None = None
    email: str | None = None


class DelegationShape(Shape, kw_only=True):
    """
    A client with domain-wide delegation.

    No API lists them: the Admin console does, under Security, API controls.
    """

    clientId: str = ""
    scopes: list[str] | None = None


class GroupShape(Shape, kw_only=True):
    """A group of Cloud Identity."""

    name: str = ""  # groups/X
    groupKey: EntityKey | None = None


class Wrapper(Shape, kw_only=True):
    """A response of an API: one of these lists, and whether there are more pages."""

    policies: list[Raw] | None = None
    principalAccessBoundaryPolicies: list[Raw] | None = None
    policyBindings: list[Raw] | None = None
    roles: list[Raw] | None = None
    groups: list[Raw] | None = None
    memberships: list[Raw] | None = None
    members: list[Raw] | None = None
    tagKeys: list[Raw] | None = None
    tagValues: list[Raw] | None = None
    tagBindings: list[Raw] | None = None
    results: list[Raw] | None = None
    assets: list[Raw] | None = None
    domainWideDelegations: list[Raw] | None = None
    jobs: list[Raw] | None = None
    subscriptions: list[Raw] | None = None
    nextPageToken: str | None = None
    # what a list of members may say of its group
    name: str | None = None
    groupKey: EntityKey | None = None

    def lists(self) -> Iterator[list[Raw]]:
        """Yield the lists that are there."""
        for name in _LISTS:
            found: list[Raw] | None = getattr(self, name)
            if found is not None:
                yield found


_LISTS = (
    "policies",
    "principalAccessBoundaryPolicies",
    "policyBindings",
    "roles",
    "groups",
    "memberships",
    "members",
    "tagKeys",
    "tagValues",
    "tagBindings",
    "results",
    "assets",
    "domainWideDelegations",
    "jobs",
    "subscriptions",
)


class Named(Shape, kw_only=True):
    """By what an object is recognised."""

    name: str | None = None
    kind: str | None = None
    member: str | None = None
    relationType: str | None = None
    preferredMemberKey: Raw = Raw()
    groupKey: Raw = Raw()
    tagValue: str | None = None
    namespacedTagValue: str | None = None
    clientId: str | None = None
    scopes: Raw = Raw()
    bindings: Raw = Raw()
    schedule: Raw = Raw()


class Member(Struct, frozen=True, kw_only=True, gc=False):
    """A member of a group, before it is known what its e-mail stands for."""

    group: str | None  # groups/X
    listed: str | None  # the e-mail of the group whose list it stands in
    email: str
    kind: MemberKind
    expires: str | None
    transitive: bool
    origin: Origin


class Members(Struct, kw_only=True, gc=False):
    """What one file says of groups."""

    source: str
    listed: str | None = None  # whose list is being read
    lists: set[str]  # e-mails of the groups whose lists were read
    members: list[Member]
    emails: dict[str, str]  # groups/X -> e-mail
    origins: dict[str, Origin]  # e-mail -> where the group stands
    whole: bool = True


Taken: TypeAlias = tuple[str, str, Data]  # a name, an asset type, its data

_decode_wrapper = msgspec.json.Decoder(Wrapper).decode
_decode_named = msgspec.json.Decoder(Named).decode
_decode_member = msgspec.json.Decoder(MembershipShape).decode
_decode_delegation = msgspec.json.Decoder(DelegationShape).decode
_decode_group = msgspec.json.Decoder(GroupShape).decode
_ROLE_NAME = re.compile(r"((organizations|projects)/[^/]+/)?roles/[^/]+")
_SHAPES: tuple[tuple[str, str, type[Data]], ...] = (
    (_ROLE_NAME.pattern, ROLE, RoleShape),
    (r"locations/[^/]+/workforcePools/[^/]+", WORKFORCE_POOL, PoolShape),
    (
        r"locations/[^/]+/workforcePools/[^/]+/providers/[^/]+",
        WORKFORCE_PROVIDER,
        ProviderShape,
    ),
    (r"tagKeys/[^/]+", TAG_KEY, TagKeyShape),
    (r"tagValues/[^/]+", TAG_VALUE, TagValueShape),
    (r"tagBindings/.+", TAG_BINDING, TagBindingShape),
    (r"projects/[^/]+/locations/[^/]+/jobs/[^/]+", SCHEDULE, ScheduleShape),
    (r"projects/[^/]+/subscriptions/[^/]+", SUBSCRIPTION, SubscriptionShape),
)
_GROUP_FILE = re.compile(
    r"(?P<email>[^@/]+@[^@/]+\.[^@/]+?)\.(json|jsonl|ndjson|ya?ml)"
)


def group_of_file(path: str) -> str | None:
    """Return the group after which a file is named."""
    found = _GROUP_FILE.fullmatch(path.rpartition("/")[2])
    return found["email"].lower() if found else None


def wrapped(element: Element) -> Wrapper | None:
    """Return the response of an API that an element is; None: it is something else."""
    try:
        found = _decode_wrapper(element.text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return found if any(True for _ in found.lists()) else None


def recognised(element: Element) -> Named | None:
    """Return by what an element may be recognised."""
    try:
        return _decode_named(element.text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def is_member(named: Named) -> bool:
    """Tell whether an object is a member of a group."""
    if named.kind == "admin#directory#member" or named.relationType:
        return True
    listed = named.name is None or "/memberships/" in named.name
    return listed and bool(bytes(named.preferredMemberKey))


def is_group(named: Named) -> bool:
    """Tell whether an object is a group of Cloud Identity."""
    return bool(bytes(named.groupKey)) and (named.name or "").startswith("groups/")


def is_delegation(named: Named) -> bool:
    """Tell whether an object is a client with domain-wide delegation."""
    return bool(named.clientId) and bool(bytes(named.scopes))


def take_delegation(element: Element, origin: Origin) -> Delegation:
    """Return a client with domain-wide delegation, before its account is known."""
    shape = _decode_delegation(element.text)
    return Delegation(
        id=f"delegation:{shape.clientId}",
        origin=origin,
        client_id=shape.clientId,
        scopes=tuple(sorted(set(shape.scopes or ()))),
    )


def is_bare_policy(named: Named) -> bool:
    """Tell whether an object is an allow policy that does not say of which resource."""
    return named.name is None and bytes(named.bindings).startswith(b"[")


def is_effective_tag(named: Named) -> bool:
    """Tell whether an object is a tag that does not say of which resource."""
    return named.namespacedTagValue is not None


def as_asset(named: Named, element: Element) -> Taken | None:
    """Return what is told by its name; msgspec's errors where it is misshapen."""
    for pattern, kind, shape in _SHAPES:
        if named.name and re.fullmatch(pattern, named.name):
            if kind == SCHEDULE and not bytes(named.schedule):
                return None  # jobs of Cloud Run are called like that, too
            host = kind.partition("/")[0]
            data = msgspec.json.decode(element.text, type=shape)
            return f"//{host}/{named.name}", kind, data
    return None


def take_member(element: Element, listed: str | None, origin: Origin) -> Member | None:
    """
    Return a member; None where it has no e-mail (a device, a shared drive).

    `listed` is the group whose list it stands in, if the list says so.
    """
    shape = _decode_member(element.text)
    key = shape.preferredMemberKey or shape.memberKey
    keys = key if isinstance(key, list) else [key] if key else []
    email = next((one.id for one in keys if one.id), shape.email) or ""
    kind = _kind(shape, email)
    if not email and kind != "everyone":
        return None
    group = (shape.name or "").partition("/memberships/")[0] or None
    ends = [
        role.expiryDetail.expireTime if role.expiryDetail else None
        for role in shape.roles or ()
    ]
    return Member(
        group=group if group and group.startswith("groups/") else None,
        listed=listed,
        # the subject in a principal's name is told apart by case
        email=email if email.startswith("principal") else email.lower(),
        kind=kind,
        expires=None if None in ends else max(filter(None, ends), default=None),
        transitive=shape.relationType is not None,
        origin=origin,
    )


def take_group(element: Element) -> tuple[str, str] | None:
    """Return a group's resource name and e-mail."""
    shape = _decode_group(element.text)
    email = shape.groupKey.id if shape.groupKey else ""
    return (shape.name, email.lower()) if "@" in email else None


_KINDS: dict[str, MemberKind] = {
    "GROUP": "group",
    "SERVICE_ACCOUNT": "serviceAccount",
    "CUSTOMER": "everyone",
}


def _kind(shape: MembershipShape, email: str) -> MemberKind:
    """Return what a member is; None: its e-mail may be a user's or a group's."""
    if email.lower().endswith(".gserviceaccount.com"):
        return "serviceAccount"
    if (shape.member or "").startswith("groups/"):
        return "group"
    if (shape.member or "").startswith("users/") or shape.type == "USER":
        return "user"
    return _KINDS.get(shape.type or "")
