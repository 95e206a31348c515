"""What people write in a question: tasks, principals, permissions, resources."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from itertools import chain

from msgspec import UNSET

from dagwarden.errors import UsageError
from dagwarden.facts import CloudRun, Facts, Task
from dagwarden.graph.access.membership import Claimed
from dagwarden.graph.access.permissions import of_role
from dagwarden.graph.estate import Estate, label
from dagwarden.graph.hierarchy import Hierarchy, account_resource
from dagwarden.graph.needs import READ_SERVICE
from dagwarden.graph.principals import kind_of
from dagwarden.graph.targets import Runs, host_of
from dagwarden.patterns import late

# The principal that is the bearer of the token whose claims were given.
BEARER = "token"
# How alike a name has to be to one that is known to be taken for it, misspelt.
_SLIP = 0.9


def asked_estate(
    facts: Facts, hierarchy: Hierarchy | None, claimed: Iterable[Claimed]
) -> Estate:
    """
    Return the facts, joined for questions; UsageError without a snapshot.

    `hierarchy` is that of the facts, where it was made already; `claimed` are the
    federated identities whose tokens are known.
    """
    if not facts.snapshots:
        raise UsageError(
            "there is no snapshot to explain", remedy="give one with --snapshot"
        )
    return Estate(facts, hierarchy, claimed)


def permission_named(estate: Estate, text: str) -> str:
    """
    Return a permission as roles spell it, given so or as deny policies do.

    A few are spelt with their service in roles, too. Raises UsageError for one that no
    role and no call is known to name.
    """
    known = "/" not in text or estate.roles.knows(text)
    permission = text if known else of_role(text)
    _check_permission(estate, permission)
    return permission


def _check_permission(estate: Estate, permission: str) -> None:
    """Raise UsageError for a permission that no role and no call is known to name."""
    if (
        permission == READ_SERVICE
        or estate.roles.knows(permission)
        or any(
            call.permissions is not UNSET and permission in call.permissions
            for call in estate.facts.calls
        )
    ):
        return
    known = estate.roles.catalogue.permissions
    lowered = {name.lower(): name for name in known}
    # `run.services.delete` exists as `run.services.update` does: no slip of the pen
    close = get_close_matches(permission.lower(), lowered, n=1, cutoff=_SLIP)
    if close:
        raise UsageError(
            f"no permission {permission!r} is known",
            remedy=f"did you mean {lowered[close[0]]}?",
        )
    raise UsageError(
        f"{permission!r} is not in the shipped catalogue, which tells of {len(known)} "
        "permissions by which roles they are held",
        remedy="with --snapshot, give what `gcloud iam roles describe ROLE "
        "--format=json` prints of each role in question",
    )


def task_named(estate: Estate, text: str) -> Task | None:
    """Return the task of an id or of `DAG.TASK`."""
    if text in estate.tasks:
        return estate.tasks[text]
    found = [task for task in estate.facts.tasks if label(task) == text]
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} tasks are named {text!r}",
            remedy=one_of(task.id for task in found),
        )
    return found[0] if found else None


def principal_named(estate: Estate, text: str) -> str:
    """Return the key of a principal that is no task."""
    account = f"serviceAccount:{text}" if text.isdigit() else text
    key = estate.access.membership.key(account)
    group = f"group:{text.lower()}"
    if "@" in text and ":" not in text and not _named(estate, key):
        key = group if _named(estate, group) else key
    if "@" in key or key.startswith(("all", "principal", "domain:")):
        return key
    if kind_of(key) == "federated":  # a Kubernetes account has no @
        return key
    if "." in text and not _dags_read(estate.facts):
        raise UsageError(
            f"{text!r} looks like DAG.TASK, and no DAG files were read",
            remedy="give the folder with --config or name an account",
        )
    if text == BEARER:
        raise UsageError(
            f"{text!r} asks about whom the claims of a token name, and none were given",
            remedy="give the payload of the token with --claims",
        )
    tasks = sorted({label(task) for task in estate.facts.tasks})
    raise UsageError(
        f"{text!r} is no e-mail, IAM member or task",
        remedy=_suggest(text, tasks, "write an e-mail or DAG.TASK"),
    )


def _named(estate: Estate, key: str) -> bool:
    """Tell whether anything that was read is, or speaks of, an identity."""
    access = estate.access
    return bool(
        estate.identity(key)
        or access.naming(key)
        or any(one.key == key for one in estate.facts.groups)
        or any(True for _ in access.membership.groups_of(key))
    )


def unheard_of(estate: Estate, key: str) -> str | None:
    """Say of an identity that nothing that was read names it, and who may be meant."""
    if kind_of(key) == "federated":
        return _unheard_pool(estate, key)
    if kind_of(key) not in _BY_MAIL or _named(estate, key):
        return None
    known = {
        *(item.key for item in estate.facts.identities),
        *(item.key for item in estate.facts.groups),
        *(name for name in estate.access.named() if kind_of(name) in _BY_MAIL),
    }
    mail = key.partition(":")[2]
    local, _, domain = mail.partition("@")
    same = sorted(name for name in known if name.partition(":")[2] == mail)
    # of a domain the first parts tell who is who
    beside = {
        name.partition(":")[2].partition("@")[0]: name
        for name in sorted(known)
        if name.endswith(f"@{domain}")
    }
    close = same or [
        *(beside[one] for one in get_close_matches(local, beside, n=1, cutoff=_NEAR)),
        *get_close_matches(key, sorted(known), n=1, cutoff=_CLOSE),
    ]
    return _unheard(mail, close)


def _unheard(name: str, close: Sequence[str]) -> str:
    meant = f"did you mean {close[0]}?" if close else "check the spelling"
    return f"nothing that was read names {name}: {meant}"


def _unheard_pool(estate: Estate, key: str) -> str | None:
    """Say of a federated identity that nothing that was read names its pool."""
    pool, known = estate.access.membership.pool(key), _pools(estate)
    if pool is None or pool in known:
        return None
    # all but the last part is alike for most
    last = {name.rpartition("/")[2]: name for name in sorted(known)}
    near = get_close_matches(pool.rpartition("/")[2], last, n=1, cutoff=_NEAR)
    return _unheard(pool, [last[one] for one in near])


def _pools(estate: Estate) -> frozenset[str]:
    """Return the pools that providers, members or policies name."""
    facts = estate.facts
    rules = [rule for policy in facts.deny_policies for rule in policy.rules or ()]
    keys = chain(
        estate.access.named(),
        (item.key for item in facts.identities),
        (key for group in facts.groups for key in group.members_known),
        (one.key for group in facts.groups for one in group.expiring),
        (
            name
            for one in rules
            for name in (*one.principals, *one.exception_principals)
        ),
        (f"principalSet:{provider.pool}/*" for provider in facts.federation_providers),
        (f"principalSet:{bound.principals}/*" for bound in facts.boundary_bindings),
    )
    return frozenset(filter(None, map(estate.access.membership.pool, keys)))


_BY_MAIL = frozenset({"user", "group", "service_account", "service_agent"})
_NEAR = 0.75  # of first parts
_CLOSE = 0.9  # of whole e-mails, which have long parts in common


def _dags_read(facts: Facts) -> bool:
    return bool(facts.tasks) or any(file.kind == "dag" for file in facts.files)


def resource_named(estate: Estate, text: str) -> str:
    """Return the full resource name that a spelling stands for."""
    kind, _, name = text.strip().partition(" ")
    if kind in ("service", "job") and name:
        return _run_by_name(estate, kind, name.strip())
    for candidate in _candidates(text.strip()):
        canonical = estate.hierarchy.canonical(candidate)
        if estate.hierarchy.resource(canonical) or estate.access.run(canonical):
            return canonical
        if canonical in _environments(estate):
            return canonical
        if _is_account(estate, candidate) or estate.access.bindings_on(canonical):
            return canonical
        if _OTHER().match(canonical) and _in_a_project(estate, canonical):
            return canonical
    if "://" in text and (run := _at_url(estate, text.strip())):
        return estate.hierarchy.canonical(run.resource)
    runs = estate.facts.cloud_runs
    named = {run.resource for run in runs if run.name == text.strip()}
    if len(named) > 1:
        raise UsageError(
            f"{len(named)} resources are named {text.strip()!r}", remedy=one_of(named)
        )
    if named:
        return estate.hierarchy.canonical(named.pop())
    shown = estate.hierarchy.shown
    known = [run.name for run in runs]
    known += [run.resource for run in runs]
    known += [item.resource for item in estate.facts.composer_environments]
    for item in estate.facts.resources:
        known += (item.name, shown(item.name))
    raise UsageError(
        f"the snapshot holds no resource {text!r}{_unread(estate)}{_left_out(estate, text)}",
        remedy=_suggest(text, known, "write its full resource name"),
    )


# What no snapshot lists: it may be there, and inherits from its project all the same.
_OTHER = late(
    r"//(?!(?:run|iam|storage|cloudresourcemanager|composer)\.)[a-z.]+/projects/[^/]+/.+"
    r"|//iam\.googleapis\.com/projects/[^/]+/(?!serviceAccounts/).+"
)


def _in_a_project(estate: Estate, name: str) -> bool:
    project = estate.hierarchy.project_of(name)
    return project is not None and estate.hierarchy.resource(project) is not None


def _at_url(estate: Estate, url: str) -> CloudRun | None:
    """Return the service that answers at a URL."""
    return Runs(estate).by_host(host_of(url))


def _environments(estate: Estate) -> frozenset[str]:
    return frozenset(
        estate.hierarchy.canonical(item.resource)
        for item in estate.facts.composer_environments
    )


def check_kind(estate: Estate, permission: str, resource: str) -> None:
    """Raise UsageError for a permission on jobs that is asked of a service, or so."""
    if kind := other_kind(estate, permission, resource):
        shown = estate.hierarchy.shown(resource)
        raise UsageError(
            f"{permission} is used on a {kind}, and {shown} is none",
            remedy=f"name a {kind}",
        )


def other_kind(estate: Estate, permission: str, resource: str) -> str | None:
    """Return on what a permission is used, where a service or job is not of that kind."""
    run = estate.access.run(resource)
    kind = _KINDS.get(".".join(permission.split(".")[:2]))
    return kind if run is not None and run.kind != kind else None


# Source: cloud.google.com/iam/docs/permissions-reference
_KINDS = {
    "run.executions": "job",
    "run.jobs": "job",
    "run.revisions": "service",
    "run.routes": "service",
    "run.services": "service",
}


def _candidates(text: str) -> Iterator[str]:
    if text.startswith("//"):
        yield text
    elif "@" in text:
        yield account_resource(text.rpartition("/")[2].removeprefix("serviceAccount:"))
    elif "/locations/" in text:
        yield f"//run.googleapis.com/{text}"
        yield f"//composer.googleapis.com/{text}"
    elif text.startswith("gs://"):
        yield f"//storage.googleapis.com/{text.removeprefix('gs://').partition('/')[0]}"
    else:
        yield text


def _is_account(estate: Estate, name: str) -> bool:
    key = f"serviceAccount:{name.rpartition('/')[2]}"
    return estate.identity(key) is not None


def _run_by_name(estate: Estate, kind: str, name: str) -> str:
    runs = [run for run in estate.facts.cloud_runs if run.kind == kind]
    found = {run.resource for run in runs if run.name == name}
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} {kind}s are named {name!r}", remedy=one_of(found)
        )
    if found:
        return estate.hierarchy.canonical(found.pop())
    raise UsageError(
        f"the snapshot holds no {kind} {name!r}{_unread(estate)}{_left_out(estate, name)}",
        remedy=_suggest(name, [run.name for run in runs], "check the name"),
    )


def _unread(estate: Estate) -> str:
    """Say which files could hold what is not there, and could not be read."""
    gaps = (gap for gap in estate.facts.gaps if gap.incomplete)
    files = {
        gap.origin.source: gap.detail
        for gap in gaps
        if not _RESOURCES.isdisjoint(gap.kinds)
    }
    said = "; ".join(f"{file}: {why}" for file, why in sorted(files.items())[:_FILES])
    return f" (not read: {said})" if said else ""


def _left_out(estate: Estate, text: str) -> str:
    """Say which projects were left out with all in them, those that `text` names first."""
    found = {
        (one.what, one.reason)
        for one in estate.facts.excluded
        if one.kind in _RESOURCES
    }
    first = sorted(found, key=lambda one: (one[0] not in text, one))[:_FILES]
    said = "; ".join(f"{what}: {why}" for what, why in first)
    return f" (left out: {said})" if said else ""


_RESOURCES = frozenset({"resource", "cloud_run"})
_FILES = 3


def one_of(names: Iterable[str]) -> str:
    """Return what to do where several are meant: write one of their full names."""
    found = sorted(names)
    more = ", ..." if len(found) > _SHOWN else ""
    return f"write one of {', '.join(found[:_SHOWN])}{more}"


_SHOWN = 3


def _suggest(text: str, known: Iterable[str], otherwise: str) -> str:
    close = get_close_matches(text, sorted(set(known)), n=1, cutoff=0.5)
    return f"did you mean {close[0]}?" if close else otherwise
