"""Groups: their members, from what every file says of them."""

from collections.abc import Collection, Iterable, Mapping

from msgspec import UNSET, Struct

from dagwarden.facts import Expiring, Gap, Group, Origin, Unresolved
from dagwarden.sources.snapshot.given import Member, Members


class Found(Struct, kw_only=True):
    """The groups, and members of which is not known of what."""

    groups: list[Group]
    gaps: list[Gap]


class _Gathered(Struct, kw_only=True):
    origin: Origin
    members: list[Member]
    whole: bool = True


def groups_of(files: Iterable[Members], named: Collection[str]) -> Found:
    """
    Return the groups of several files.

    `named` are the keys that policies name: they tell a group's e-mail from a
    person's where a list of members does not.
    """
    files = tuple(files)
    emails = {name: email for one in files for name, email in one.emails.items()}
    gathered: dict[str, _Gathered] = {}
    gaps: list[Gap] = []
    for file in files:
        _gather(file, emails, gathered, gaps)
    known = {*emails.values(), *gathered}
    known.update([key[6:] for key in named if key[:6] == "group:"])
    people = {key[5:] for key in named if key[:5] == "user:"}
    groups = [
        _group(email, one, known, people) for email, one in sorted(gathered.items())
    ]
    return Found(groups=groups, gaps=gaps)


def _gather(
    file: Members,
    emails: Mapping[str, str],
    gathered: dict[str, _Gathered],
    gaps: list[Gap],
) -> None:
    for email in file.lists:
        _entry(email, file, gathered)
    homeless: set[str] = set()
    for member in file.members:
        owner = emails.get(member.group or "") or member.listed
        if owner is not None:
            _entry(owner, file, gathered).members.append(member)
        elif (member.group or "") not in homeless:
            homeless.add(member.group or "")
            gaps.append(_without_group(member))


def _entry(email: str, file: Members, gathered: dict[str, _Gathered]) -> _Gathered:
    found = gathered.get(email)
    if found is None:
        origin = file.origins.get(email) or Origin(source=file.source)
        found = gathered[email] = _Gathered(origin=origin, members=[])
    found.whole = found.whole and file.whole
    return found


def _without_group(member: Member) -> Gap:
    of = f"of {member.group}, whose e-mail is not given" if member.group else ""
    detail = f"members {of or 'of a group that is not named'}"
    return Gap(
        reason="unsupported",
        origin=member.origin,
        detail=f"{detail}: name the file EMAIL.json, or give `gcloud identity groups "
        "describe` too",
        kinds=("group",),
    )


def _group(
    email: str, one: _Gathered, groups: Collection[str], people: Collection[str]
) -> Group:
    members: set[str] = set()
    expiring: set[tuple[str, str]] = set()
    unsure: list[str] = [] if one.whole else [f"all members of {email}"]
    for member in one.members:
        key, doubt = _key(member, groups, people)
        if doubt:
            unsure.append(doubt)
        if key and member.expires:
            expiring.add((key, member.expires))
        elif key:
            members.add(key)
    known = tuple(sorted(members))
    return Group(
        id=f"group:{email}",
        origin=one.origin,
        key=f"group:{email}",
        members=UNSET if unsure else known,
        members_known=known,
        expiring=tuple(
            Expiring(key=key, valid_before=until)
            for key, until in sorted(expiring)
            if key not in members
        ),
        transitive=bool(one.members) and all(m.transitive for m in one.members),
        unresolved=tuple(
            Unresolved(field="members", reason="membership", symbol=symbol)
            for symbol in sorted(set(unsure))
        ),
    )


def _key(
    member: Member, groups: Collection[str], people: Collection[str]
) -> tuple[str | None, str | None]:
    """Return a member's key, and what would tell what it is."""
    if member.kind == "everyone":
        return None, "the members of a whole domain"
    if member.email.startswith("principalSet:"):
        return None, f"who is of {member.email}"
    if member.email.startswith("principal:"):
        return member.email, None
    if member.kind is not None:
        return f"{member.kind}:{member.email}", None
    if member.email in groups:
        return f"group:{member.email}", None
    if member.email in people:
        return f"user:{member.email}", None
    # were it a group, nobody would hold the key of a person of that name
    return f"user:{member.email}", f"whether {member.email} is a group"
