"""
What organisation policies forbid in the projects that host workloads.

The nearest policy of a constraint decides; one that inherits adds its values to those
above, one that resets means Google's default, which of all these is to forbid nothing
(cloud.google.com/organization-policy/hierarchy-evaluation,
cloud.google.com/organization-policy/reference/org-policy-constraints).
"""

from collections.abc import Callable, Iterable, Iterator

from msgspec import UNSET

from dagwarden.facts import OrgPolicy, ProjectConstraint, Record
from dagwarden.graph.access import (
    NO,
    YES,
    Cause,
    Told,
    any_of,
    distinct,
    open_,
)
from dagwarden.graph.estate import Estate, unresolved
from dagwarden.graph.hierarchy import account_resource, project_resource
from dagwarden.graph.principals import email_of

# Whether what is allowed and denied of a list constraint forbids what matters.
_Forbids = Callable[[frozenset[str], frozenset[str]], bool]


class _Question(Record, frozen=True, kw_only=True):
    """Constraints any of which forbids the same thing."""

    name: str
    yes_or_no: tuple[str, ...]
    lists: tuple[str, ...] = ()
    forbids: _Forbids | None = None


def _only_some(allowed: frozenset[str], denied: frozenset[str]) -> bool:
    return "*" in denied or (bool(allowed) and "*" not in allowed)


def _not_all(allowed: frozenset[str], denied: frozenset[str]) -> bool:
    return not denied.isdisjoint({"*", "all"}) or (
        bool(allowed) and allowed.isdisjoint({"*", "all"})
    )


# Managed constraints stand beside the older ones that they replace. Sources:
# cloud.google.com/organization-policy/restrict-service-accounts,
# cloud.google.com/organization-policy/restrict-domains,
# cloud.google.com/run/docs/securing/ingress
KEYS = "iam.disableServiceAccountKeyCreation"
DOMAINS = "iam.allowedPolicyMemberDomains"
INGRESS = "run.allowedIngress"
ACCOUNTS = "iam.disableServiceAccountCreation"
_NEW_KEYS = _Question(
    name=KEYS, yes_or_no=(KEYS, "iam.managed.disableServiceAccountKeyCreation")
)
_QUESTIONS = (
    _NEW_KEYS,
    _Question(
        name=DOMAINS,
        yes_or_no=("iam.managed.allowedPolicyMembers",),
        lists=(DOMAINS,),
        forbids=_only_some,
    ),
    _Question(name=INGRESS, yes_or_no=(), lists=(INGRESS,), forbids=_not_all),
)
_NEW_ACCOUNTS = _Question(
    name=ACCOUNTS, yes_or_no=(ACCOUNTS, "iam.managed.disableServiceAccountCreation")
)
_PREFIX = "constraints/"
_CUSTOM = f"{_PREFIX}custom."


def derive_constraints(
    estate: Estate, used: Iterable[str]
) -> tuple[ProjectConstraint, ...]:
    """
    Return what is forbidden in every project that hosts a workload.

    `used` are the keys of the accounts that tasks act as: in their projects, too, it
    matters who may make keys.
    """
    policies = _Policies(estate)
    hosting = hosts(estate)
    accounts = frozenset(_projects(estate, used))
    found = (
        one
        for project in hosting | accounts
        for one in policies.facts(
            project,
            _QUESTIONS if project in hosting else [_NEW_KEYS],
        )
    )
    return tuple(sorted(found, key=lambda item: item.id))


def against_new_accounts(estate: Estate, project: str) -> tuple[str, ...]:
    """Return the constraints that surely forbid new accounts in a project, by its name."""
    (told,) = _Policies(estate).facts(project, [_NEW_ACCOUNTS])
    return told.by


def hosts(estate: Estate) -> frozenset[str]:
    """Return the projects of workloads and Composer environments, by resource name."""
    facts = estate.facts
    projects = {run.project for run in facts.cloud_runs}.union(
        environment.project for environment in facts.composer_environments
    )
    return frozenset(
        estate.hierarchy.canonical(project_resource(project)) for project in projects
    )


def _projects(estate: Estate, used: Iterable[str]) -> Iterator[str]:
    for key in used:
        email = email_of(key)
        project = (
            estate.hierarchy.project_of(account_resource(email)) if email else None
        )
        if project is not None and estate.hierarchy.covers(project):
            yield project


class _Policies:
    """The policies of an estate, and what they come to below those that apply."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._own: dict[tuple[str, str], OrgPolicy] = {}
        self._custom: dict[str, list[OrgPolicy]] = {}
        for policy in estate.facts.org_policies:
            place = estate.hierarchy.canonical(policy.resource)
            self._own.setdefault((place, policy.constraint), policy)
            if policy.constraint.startswith(_CUSTOM) and policy.enforced is not False:
                self._custom.setdefault(place, []).append(policy)
        self._places = frozenset(place for place, _ in self._own)
        # by the question and the places with policies: by which ones, and whether
        self._told: dict[tuple[str, tuple[str, ...]], tuple[tuple[str, ...], Told]] = {}

    def facts(
        self, project: str, questions: Iterable[_Question]
    ) -> Iterator[ProjectConstraint]:
        """Yield what is forbidden in a project."""
        hierarchy = self._estate.hierarchy
        lineage, resource = hierarchy.lineage(project), hierarchy.resource(project)
        origin = resource.origin if resource else self._estate.facts.snapshots[0].origin
        shown = hierarchy.project_id(project.rpartition("/")[2])
        # most projects have none of their own
        places = tuple(name for name in lineage.names if name in self._places)
        missing = [
            open_(Cause(reason=one.reason, symbol=one.symbol))
            for one in lineage.missing
        ]
        for question in questions:
            key = question.name, places
            if key not in self._told:
                self._told[key] = self._find(question, places)
            by, told = self._told[key]
            if missing:
                told = any_of((told, *missing))
            yield ProjectConstraint(
                id=f"project_constraint:{project}#{question.name}",
                origin=origin,
                unresolved=unresolved(distinct(told.causes), "forbids"),
                project=shown,
                constraint=question.name,
                forbids=UNSET if told.held is None else told.held,
                by=by,
            )

    def _find(
        self, question: _Question, places: tuple[str, ...]
    ) -> tuple[tuple[str, ...], Told]:
        each = {
            name: _of(self._own, places, name, question)
            for name in (*question.yes_or_no, *question.lists)
        }
        by = tuple(sorted(name for name, told in each.items() if told.held is True))
        return by, any_of((*each.values(), *self._others(places)))

    def _others(self, places: tuple[str, ...]) -> Iterator[Told]:
        """Yield what else may forbid it: custom constraints, and what was not read."""
        for place in places:
            for policy in self._custom.get(place, ()):
                symbol = f"what custom constraint {policy.constraint} forbids"
                yield open_(Cause(reason="layer", symbol=symbol))
        if self._estate.facts.snapshots[0].layers.org_policies != "read":
            symbol = "organisation policies (orgpolicy.googleapis.com/Policy) of the snapshot"
            yield open_(Cause(reason="layer", symbol=symbol))


def _of(
    policies: dict[tuple[str, str], OrgPolicy],
    names: tuple[str, ...],
    constraint: str,
    question: _Question,
) -> Told:
    """Return whether one constraint forbids, as far as policies were read."""
    found = [
        policy
        for name in names
        if (policy := policies.get((name, _PREFIX + constraint))) is not None
    ]
    if not found:
        return NO
    if constraint in question.yes_or_no:
        return _yes_or_no(found[0])
    return _list(found, question.forbids or _only_some)


def _yes_or_no(policy: OrgPolicy) -> Told:
    if policy.reset:
        return NO
    if policy.enforced is UNSET:
        why = [Cause(reason=one.reason, symbol=one.symbol) for one in policy.unresolved]
        return open_(*why)
    return YES if policy.enforced else NO


def _list(found: list[OrgPolicy], forbids: _Forbids) -> Told:
    """Return what the nearest policy, with those that it inherits, forbids."""
    allowed, denied = set[str](), set[str]()
    for policy in found:
        if policy.reset:
            break
        if policy.conditional:
            symbol = f"tags that {policy.constraint} on {policy.resource} asks for"
            return open_(Cause(reason="condition", symbol=symbol))
        allowed.update(map(_plain, policy.allowed))
        denied.update(map(_plain, policy.denied))
        if not policy.inherits:
            return YES if forbids(frozenset(allowed), frozenset(denied)) else NO
    if not allowed:
        # what is above allows everything; what is denied is taken from that
        return YES if forbids(frozenset(), frozenset(denied)) else NO
    if not denied and "*" in allowed:
        return NO
    symbol = f"what {found[0].constraint} on {found[0].resource} inherits"
    return open_(Cause(reason="layer", symbol=symbol))


def _plain(value: str) -> str:
    return value.removeprefix("is:")
