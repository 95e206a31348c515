"""What finding out whom identities can become takes, in calls of functions."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import ESTATE, OTHER, account, bind, identity, node

from dagwarden.facts import CloudRun, Facts
from dagwarden.graph.estate import Estate
from dagwarden.graph.reach import derive_reaches, user_of

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


@pytest.mark.parametrize("of", [public, without_ancestors])
def test_twice_the_estate_takes_twice_the_work(of: Callable[[Facts], Facts]) -> None:
    taken(of(services(1)))  # loads what is shipped
    small, middle, large = (taken(of(services(many))) for many in (50, 100, 200))
    assert large - middle < 2.2 * (middle - small)


def test_who_reaches_one_project_places_no_other() -> None:
    def alone(many: int) -> int:
        role, who = "roles/iam.serviceAccountTokenCreator", account("u@x.example")
        tokens = bind(f"{CRM}/projects/p0", role, who)
        facts = services(many)
        accounts = (
            replace(one, project=run.project)
            for one, run in zip(facts.identities, facts.cloud_runs, strict=True)
        )
        facts = replace(facts, identities=tuple(accounts), bindings=(tokens,))
        estate = Estate(facts)
        estate.index()
        with counted() as calls:
            (reach,) = derive_reaches(estate, [user_of(who)])
        assert len(reach.controls_known) == 1
        return calls[0]

    alone(1)  # loads what is shipped
    assert (alone(200) - alone(100)) / 100 < 30
