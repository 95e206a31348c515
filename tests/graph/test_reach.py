"""What finding out whom identities can become takes, in calls of functions."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import ESTATE, OTHER, account, at, bind, identity, node

from dagwarden.facts import CloudRun, Facts, Group
from dagwarden.graph.estate import Estate
from dagwarden.graph.reach import Control, derive_reaches, user_of

CRM = "//cloudresourcemanager.googleapis.com"


@contextmanager
def counted() -> Generator[list[int], None, None]:
    """Count the calls of functions, of generators one for each item."""
    before, calls = sys.getprofile(), [0]

    def note(_frame: object, event: str, _argument: object) -> None:
        calls[0] += event == "call"

    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def service(number: int) -> CloudRun:
    name = f"//run.googleapis.com/projects/p{number}/locations/r1/services/s"
    return replace(
        OTHER,
        id=f"cloud_run:{name}",
        resource=name,
        project=f"p{number}",
        service_account=f"sa@p{number}.iam.gserviceaccount.com",
    )


def services(many: int) -> Facts:
    """Return an estate of so many projects, each with a service and its account."""
    runs = tuple(map(service, range(many)))
    projects = (
        node(f"{CRM}/projects/p{number}", "project", f"{CRM}/organizations/1")
        for number in range(many)
    )
    return replace(
        ESTATE,
        resources=(node(f"{CRM}/organizations/1", "organization"), *projects),
        identities=tuple(identity(str(run.service_account)) for run in runs),
        bindings=(),
        cloud_runs=runs,
    )


def public(facts: Facts) -> Facts:
    granted = (
        bind(run.resource, "roles/run.invoker", "allUsers") for run in facts.cloud_runs
    )
    return replace(facts, bindings=tuple(granted))


def without_ancestors(facts: Facts) -> Facts:
    return replace(
        facts,
        resources=tuple(replace(item, ancestors=UNSET) for item in facts.resources),
    )


def taken(facts: Facts) -> int:
    """Return the calls of functions that it takes for all accounts of an estate."""
    estate = Estate(facts)
    estate.index()
    users = [user_of(account(one.email or "")) for one in facts.identities]
    with counted() as calls:
        reaches = derive_reaches(estate, users)
    assert len(reaches) == len(users)
    return calls[0]


def apart(facts: Facts) -> Facts:
    """Let each account be of the project that its service is in."""
    accounts = (
        replace(one, project=run.project)
        for one, run in zip(facts.identities, facts.cloud_runs, strict=True)
    )
    return replace(facts, identities=tuple(accounts))


def with_editors(facts: Facts) -> Facts:
    """Let the editors of each project mint tokens in it; its account is one."""
    minting = (
        bind(
            f"{CRM}/projects/{run.project}",
            "roles/iam.serviceAccountTokenCreator",
            f"projectEditor:{run.project}",
        )
        for run in facts.cloud_runs
    )
    editors = (
        bind(
            f"{CRM}/projects/{run.project}",
            "roles/editor",
            account(str(run.service_account)),
        )
        for run in facts.cloud_runs
    )
    return replace(apart(facts), bindings=(*minting, *editors))


@pytest.mark.parametrize("of", [public, without_ancestors, with_editors])
def test_twice_the_estate_takes_twice_the_work(of: Callable[[Facts], Facts]) -> None:
    taken(of(services(1)))  # loads what is shipped
    small, middle, large = (taken(of(services(many))) for many in (50, 100, 200))
    assert large - middle < 2.2 * (middle - small)


def test_who_reaches_one_project_places_no_other() -> None:
    def alone(many: int) -> int:
        role, who = "roles/iam.serviceAccountTokenCreator", account("u@x.example")
        tokens = bind(f"{CRM}/projects/p0", role, who)
        facts = replace(apart(services(many)), bindings=(tokens,))
        estate = Estate(facts)
        estate.index()
        with counted() as calls:
            (reach,) = derive_reaches(estate, [user_of(who)])
        assert len(reach.controls_known) == 1
        return calls[0]

    alone(1)  # loads what is shipped
    assert (alone(200) - alone(100)) / 100 < 30


def group(key: str, member: str) -> Group:
    return Group(
        id=key, origin=at(), key=key, members=(member,), members_known=(member,)
    )


@pytest.mark.parametrize(
    ("editor", "doubted"),
    [
        (account("u@x.example"), True),
        ("group:all@x.example", True),
        ("group:unlisted@x.example", True),
        (account("v@x.example"), False),
        ("group:few@x.example", False),
    ],
)
def test_an_inherited_basic_role_leaves_open_who_is_an_editor(
    editor: str, doubted: bool
) -> None:
    who, project = account("u@x.example"), f"{CRM}/projects/p0"
    facts = replace(
        apart(services(1)),
        groups=(
            group("group:all@x.example", who),
            group("group:few@x.example", account("v@x.example")),
        ),
        bindings=(
            bind(project, "roles/iam.serviceAccountTokenCreator", "projectEditor:p0"),
            bind(f"{CRM}/organizations/1", "roles/editor", editor),
        ),
    )
    causes = Control(Estate(facts)).doubts(who)
    assert [cause.symbol for cause in causes] == ["projectEditor:p0"] * doubted
