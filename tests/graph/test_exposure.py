"""
How open a service is: four facts and what follows from them together.

run/docs/securing/ingress, run/docs/securing/managing-access#invoker_check,
run/docs/securing/disable-default-url, run/docs/securing/identity-aware-proxy-cloud-run
"""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace
from tests.graph.test_build import (
    AS_OF,
    ESTATE,
    FOLDER,
    PROJECT,
    RUN_SERVICE,
    SERVICE,
    bind,
    causes,
    denies,
    with_bindings,
    with_layers,
)

from dagwarden.facts import CloudRun, Facts
from dagwarden.graph.build import derive

OPEN = replace(RUN_SERVICE, default_url_disabled=False, iap_enabled=False)
EVERYONE = bind(SERVICE, "roles/run.invoker", "allUsers")
ABOVE = bind(FOLDER, "roles/run.servicesInvoker", "allUsers")
BALANCERS = ("layer", "load balancers in front of service api (p, r1)")


def told(facts: Facts, **changes: Any) -> CloudRun:
    service = replace(OPEN, **changes)
    (found,) = derive(replace(facts, cloud_runs=(service,)), AS_OF).cloud_runs
    return found


@pytest.mark.parametrize(
    ("binding", "changes", "bound", "public"),
    [
        (EVERYONE, {}, True, True),
        (ABOVE, {}, True, True),
        (None, {}, False, False),
        (None, {"invoker_check_disabled": True}, False, True),
        (EVERYONE, {"ingress": "internal"}, True, False),
        (bind(SERVICE, "roles/run.viewer", "allUsers"), {}, False, False),
        (bind(SERVICE, "roles/run.invoker", "allAuthenticatedUsers"), {}, False, False),
        (bind(PROJECT, "roles/run.jobsExecutor", "allUsers"), {}, False, False),
        # a way that no snapshot tells
        (EVERYONE, {"ingress": "internal_and_cloud_load_balancing"}, True, UNSET),
        (EVERYONE, {"default_url_disabled": True}, True, UNSET),
        (EVERYONE, {"iap_enabled": True}, True, UNSET),
        (None, {"default_url_disabled": True}, False, False),
        (EVERYONE, {"iap_enabled": UNSET}, True, UNSET),
        (EVERYONE, {"iap_enabled": UNSET, "ingress": "internal"}, True, False),
    ],
)  # fmt: skip
def test_what_lets_anyone_in(
    binding: Any, changes: dict[str, Any], bound: bool, public: object
) -> None:
    facts = with_bindings(ESTATE, *([binding] if binding else []))
    found = told(facts, **changes)
    assert (found.public_binding, found.public) == (bound, public)
    fields = [item.field for item in found.unresolved]
    assert fields == (["public"] if public is UNSET else [])


def test_what_would_decide_is_named() -> None:
    facts = with_bindings(ESTATE, EVERYONE)
    behind = told(facts, ingress="internal_and_cloud_load_balancing")
    assert causes(behind, "public") == {BALANCERS}
    guarded = told(facts, iap_enabled=True)
    assert causes(guarded, "public") == {
        ("layer", "whom IAP lets in to service api (p, r1)")
    }


def test_a_role_that_was_not_read_may_let_everyone_in() -> None:
    facts = with_bindings(ESTATE, bind(SERVICE, "projects/p/roles/c", "allUsers"))
    found = told(facts)
    assert (found.public_binding, found.public) == (UNSET, UNSET)
    assert causes(found, "public") == {("layer", "definition of projects/p/roles/c")}


def test_policies_above_that_were_not_read_may_too() -> None:
    found = told(with_layers(with_bindings(ESTATE), ancestors="not_given"))
    assert found.public is UNSET
    assert causes(found, "public_binding") == {("layer", "ancestors of projects/p")}


def test_a_job_is_asked_by_its_api_alone() -> None:
    (job,) = derive(
        replace(ESTATE, cloud_runs=(ESTATE.cloud_runs[0],)), AS_OF
    ).cloud_runs
    assert (job.public_binding, job.public) == (UNSET, UNSET)
    assert "public" not in {item.field for item in job.unresolved}


def test_a_deny_policy_shuts_everyone_out() -> None:
    facts = with_bindings(ESTATE, EVERYONE)
    denied = replace(
        facts, deny_policies=(denies(PROJECT, "run.googleapis.com/routes.invoke"),)
    )
    assert told(denied).public is not True
