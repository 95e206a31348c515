"""What a call lacks, in words, and the narrowest commands that would mend it."""

import re
from collections.abc import Iterable

from dagwarden.facts import Record
from dagwarden.graph.estate import Estate
from dagwarden.graph.hierarchy import account_resource
from dagwarden.graph.needs import Judged, Need
from dagwarden.graph.principals import ANYONE, email_of, kind_of
from dagwarden.graph.roles import Roles

# Few modelled permissions, but more beside them, or meant for others: federated
# principals, and readers of deployed source code.
_NOT_NARROW = frozenset({"roles/iam.workloadIdentityUser", "roles/run.sourceViewer"})
_RUN = re.compile(
    r"//run\.googleapis\.com/projects/([^/]+)/locations/([^/]+)/(job|service)s/([^/]+)"
)
_PROJECT = re.compile(r"//cloudresourcemanager\.googleapis\.com/projects/([^/]+)")
_ABOVE = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(folder|organization)s/(\d+)"
)
_ACCOUNT = re.compile(r"//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/([^/]+)")
# A command is pasted into a shell: names of anything else than these are left out.
_PLAIN = re.compile(r"(?:--[a-z]+=)?[A-Za-z0-9][A-Za-z0-9._:@/+-]*")
_WITH_MEMBERS = frozenset({"service_account", "service_agent", "user", "federated"})


class Cure(Record, frozen=True, kw_only=True):
    """One role, given to one member in one place."""

    member: str
    place: str  # canonical resource name
    role: str


def lacks_words(estate: Estate, judged: Judged) -> tuple[str, ...]:
    """Say who lacks what on what: a phrase for each pair, in the order of needs."""
    if judged.disabled:
        return (f"account {_who(judged.disabled)} is disabled",)
    lacking: dict[tuple[str, str], list[str]] = {}
    denied: list[str] = []
    for need in judged.lacking:
        if need.answer.refusals:
            why = "; ".join(one.text for one in need.answer.refusals)
            denied.append(f"{_who(need.holder or '')} is refused: {why}")
            continue
        where = need.account or estate.hierarchy.shown(need.resource or "")
        lacking.setdefault((_who(need.holder or ""), where), []).append(need.permission)
    lacks = tuple(
        f"{who} lacks {', '.join(permissions)}" + (f" on {where}" if where else "")
        for (who, where), permissions in lacking.items()
    )
    return (*lacks, *dict.fromkeys(denied))


def _who(key: str) -> str:
    if key == ANYONE.key:
        return "a request without a token that Cloud Run takes (allUsers)"
    return email_of(key) or key


def cures(estate: Estate, judged: Judged) -> tuple[str, ...]:
    """
    Return commands that grant just what is lacking, by the narrowest known roles.

    None where a name is not known or not fit for a command line, and none that would
    open a service to everyone: a request without a token should send one.
    """
    if judged.disabled:
        email = email_of(judged.disabled) or ""
        command = _command("iam service-accounts enable", email, *_in(estate, email))
        return (command,) if command else ()
    wanted = smallest(estate, judged.lacking)
    commands = (granting(estate, cure) for cure in wanted)
    return tuple(command for command in commands if command)


def smallest(estate: Estate, needs: Iterable[Need]) -> dict[Cure, set[str]]:
    """
    Return the fewest of the narrowest grants that meet all needs, and what each gives.

    A need without a resource, or for which no narrow role is known, has none.
    """
    wanted: dict[Cure, set[str]] = {}
    for need in needs:
        cure = _cure(estate, need)
        if cure is not None:
            wanted.setdefault(cure, set()).add(need.permission)
    of: dict[str, list[Cure]] = {}
    for cure in wanted:
        of.setdefault(cure.member, []).append(cure)
    for cure in tuple(wanted):
        others = [other for other in of[cure.member] if other != cure]
        if all(_covered(estate, cure, name, others) for name in wanted[cure]):
            del wanted[cure]
            of[cure.member].remove(cure)
    return wanted


def _cure(estate: Estate, need: Need) -> Cure | None:
    if need.resource is None or need.holder is None or need.answer.refusals:
        return None  # no grant mends what is denied
    role = narrowest(estate.roles, need.permission)
    if role is None or kind_of(need.holder) not in _WITH_MEMBERS:
        return None
    place = estate.hierarchy.canonical(need.resource)
    if need.permission.startswith("run.operations."):  # they belong to the project
        place = estate.hierarchy.project_of(place) or place
    return Cure(member=need.holder, place=place, role=role)


def narrowest(roles: Roles, permission: str) -> str | None:
    """Return the service's own role that holds a permission and the least beside it."""
    service = permission.partition(".")[0]
    shipped = roles.catalogue
    holding = {**shipped.known, **shipped.permissions}.get(permission, frozenset())
    # `known` tells of some roles only: it must not make those the wider ones
    found = [
        (len(shipped.permissions.keys() & roles.surely(role)), role)
        for role in holding
        if role.startswith(f"roles/{service}.")
        and not role.endswith(".serviceAgent")
        and role not in _NOT_NARROW
        and roles.holds(role, permission)
    ]
    return min(found)[1] if found else None


def _covered(estate: Estate, cure: Cure, permission: str, others: list[Cure]) -> bool:
    """Tell whether another grant of the same list gives a permission already."""
    above = estate.hierarchy.lineage(cure.place).names
    return any(
        other.place in above and estate.roles.holds(other.role, permission)
        for other in others
    )


def granting(estate: Estate, cure: Cure) -> str | None:
    """Return the command that makes a grant; None: a name is not fit for one."""
    return _policy(estate, cure, "add-iam-policy-binding")


def revoking(estate: Estate, cure: Cure) -> str | None:
    """Return the command that takes a grant back, as `granting` makes it."""
    return _policy(estate, cure, "remove-iam-policy-binding")


def creating(email: str) -> str | None:
    """Return the command that makes a service account."""
    name, _, domain = email.partition("@")
    project = domain.removesuffix(".iam.gserviceaccount.com")
    return _command("iam service-accounts create", name, f"--project={project}")


def _policy(estate: Estate, cure: Cure, verb: str) -> str | None:
    who = [f"--member={cure.member}", f"--role={cure.role}"]
    # where a policy holds a condition, gcloud asks which is meant, and refuses in scripts
    if any(one.condition is not None for one in estate.access.bindings_on(cure.place)):
        who.append("--condition=None")
    if found := _RUN.fullmatch(cure.place):
        project, region, kind, name = found.groups()
        return _command(
            f"run {kind}s {verb}",
            name,
            f"--region={region}",
            f"--project={estate.hierarchy.project_id(project)}",
            *who,
        )
    if found := _PROJECT.fullmatch(cure.place):
        project = estate.hierarchy.project_id(found[1])
        return _command(f"projects {verb}", project, *who)
    if found := _ABOVE.fullmatch(cure.place):
        above = {"folder": "resource-manager folders", "organization": "organizations"}
        return _command(f"{above[found[1]]} {verb}", found[2], *who)
    if found := _ACCOUNT.fullmatch(cure.place):
        what = f"iam service-accounts {verb}"
        return _command(what, found[1], *_in(estate, found[1]), *who)
    return None


def _in(estate: Estate, email: str) -> tuple[str, ...]:
    """Return the flag that names an account's project, where that is known."""
    place = estate.hierarchy.project_of(account_resource(email))
    if place is None:
        return ()
    return (f"--project={estate.hierarchy.project_id(place.rpartition('/')[2])}",)


def _command(verb: str, *words: str) -> str | None:
    plain = all(_PLAIN.fullmatch(word) for word in words)
    return " ".join(("gcloud", verb, *words)) if plain else None
