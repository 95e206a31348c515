"""Where accounts stand, asked for from both ends."""

from itertools import permutations
from typing import get_args

import pytest
from msgspec.structs import replace
from tests.graph.test_build import (
    CRM,
    ESTATE,
    RUN_JOB,
    RUN_SERVICE,
    at,
    identity,
    node,
)

from dagwarden.facts import CloudRun, ComposerEnvironment, Identity
from dagwarden.graph.edges import Place
from dagwarden.graph.estate import Estate
from dagwarden.graph.placed import Placed

ORG, FOLDER = f"{CRM}organizations/1", f"{CRM}folders/2"
NUMBERS = {"shop": "11", "lab": "12", "apart": "13"}
PROJECTS = [f"{CRM}projects/{number}" for number in NUMBERS.values()]
REPOSITORY = "//artifactregistry.googleapis.com/projects/13/locations/eu/repositories/r"
PLACES: tuple[Place, ...] = get_args(Place)


def of_project(project: str, name: str, **changes: object) -> Identity:
    email = f"{name}@{project}.iam.gserviceaccount.com"
    return replace(identity(email), **{"project": project, **changes})


def run(like: CloudRun, project: str, name: str, who: Identity) -> CloudRun:
    kind = f"{like.kind}s"
    resource = f"//run.googleapis.com/projects/{project}/locations/r1/{kind}/{name}"
    return replace(
        like,
        id=f"cloud_run:{resource}",
        resource=resource,
        project=project,
        name=name,
        service_account=who.email,
        images=("eu-docker.pkg.dev/apart/r/image:1",),
    )


SHOP, SHOP_TOO = of_project("shop", "b"), of_project("shop", "a")
LAB, OFF = of_project("lab", "lab"), of_project("lab", "off", disabled=True)
COMPUTE = replace(identity("12-compute@developer.gserviceaccount.com"), project=None)
NOWHERE = replace(identity("who@nowhere.example"), project=None)
FACTS = replace(
    ESTATE,
    resources=(
        node(ORG, "organization"),
        node(FOLDER, "folder", ORG),
        *(
            replace(
                node(f"{CRM}projects/{number}", "project", *above),
                project_id=name,
                project_number=number,
            )
            for (name, number), above in zip(
                NUMBERS.items(), ((FOLDER, ORG), (FOLDER, ORG), (ORG,)), strict=True
            )
        ),
    ),
    identities=(SHOP, SHOP_TOO, LAB, OFF, COMPUTE, NOWHERE),
    cloud_runs=(
        run(RUN_SERVICE, "lab", "z", LAB),
        run(RUN_SERVICE, "lab", "y", SHOP),
        run(RUN_JOB, "shop", "x", SHOP),
        replace(run(RUN_JOB, "apart", "w", COMPUTE), ssh_enabled=True),
        run(RUN_JOB, "apart", "v", OFF),
    ),
    composer_environments=(
        ComposerEnvironment(
            id="composer_environment:e",
            origin=at(),
            resource="//composer.googleapis.com/projects/shop/locations/r1/environments/e",
            project="shop",
            service_account=LAB.email,
            dag_bucket="dags",
            airflow="2.11",
        ),
    ),
)
JOINED = Estate(FACTS)


def standing() -> dict[tuple[Place, str], set[tuple[str, str]]]:
    """Return who stands where, told from the accounts' end."""
    placed, found = (
        Placed(JOINED),
        dict[tuple[Place, str], set[tuple[str, str]]](),
    )
    for key in placed.accounts:
        for place, names, what in placed.standing(key):
            for name in names:
                found.setdefault((place, name), set()).add((key, what))
    return found


def test_what_is_found_on_a_resource_is_who_stands_there() -> None:
    expected = standing()
    scopes = {scope for _, scope in expected} | {"//storage.googleapis.com/none"}
    assert {REPOSITORY, ORG, FOLDER, *PROJECTS} < scopes
    for place in PLACES:
        for scope in scopes:
            there = expected.get((place, scope), set())
            assert set(Placed(JOINED).of(place, scope)) == there
            assert Placed(JOINED).gives(place, scope) is bool(there)


@pytest.mark.parametrize("order", [*permutations((ORG, FOLDER, *PROJECTS[:2]))])
def test_what_was_asked_before_changes_no_answer(order: tuple[str, ...]) -> None:
    placed = Placed(JOINED)
    for scope in order:
        for place in PLACES:
            fresh = Placed(JOINED)
            assert placed.gives(place, scope) is bool(fresh.of(place, scope))
            assert placed.of(place, scope) == fresh.of(place, scope)


def test_accounts_come_by_name_and_workloads_as_they_were_read() -> None:
    placed = Placed(JOINED)
    assert [key for key, _ in placed.of("account", ORG)] == sorted(
        (SHOP_TOO.key, SHOP.key, LAB.key, COMPUTE.key)
    )
    names = [what.rpartition("/")[2] for _, what in placed.of("service", FOLDER)]
    assert names == ["z", "y"]
    assert placed.of("job_image", REPOSITORY) == [
        (SHOP.key, "//run.googleapis.com/projects/11/locations/r1/jobs/x"),
        (COMPUTE.key, "//run.googleapis.com/projects/13/locations/r1/jobs/w"),
    ]


def test_an_account_of_no_known_project_stands_by_itself() -> None:
    placed = Placed(JOINED)
    own = "//iam.googleapis.com/projects/-/serviceAccounts/who@nowhere.example"
    assert placed.of("account", own) == [(NOWHERE.key, own)]
    assert placed.project(NOWHERE.key) is None
