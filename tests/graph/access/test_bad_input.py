"""Exports that contradict themselves: unknown where it matters, never a wrong answer."""

import json
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tests.graph.access.organisation import AS_OF, CRM, ETL, INVOKE, SERVICE

from dagwarden.facts import Facts
from dagwarden.graph.access import Answer
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

WHO = f"serviceAccount:{ETL}"


def container(kind: str, number: str, parent: str | None, *members: str) -> Any:
    asset: dict[str, Any] = {
        "name": f"{CRM}/{kind}s/{number}",
        "assetType": f"{CRM[2:]}/{kind.capitalize()}",
        "resource": {"data": {"name": f"{kind}s/{number}"}},
        "iamPolicy": {
            "bindings": [{"role": "roles/run.invoker", "members": members}]
            if members
            else []
        },
    }
    if kind == "project":
        asset["resource"]["data"] = {"projectId": "shop", "projectNumber": number}
    if parent:
        asset["resource"]["parent"] = f"{CRM}/{parent}"
    return asset


def service(*members: str, **more: Any) -> Any:
    bindings = [{"role": "roles/run.invoker", "members": members}] if members else []
    return {
        "name": SERVICE,
        "assetType": "run.googleapis.com/Service",
        "resource": {"data": {}},
        "iamPolicy": {"bindings": bindings},
        **more,
    }


SHOP = container("project", "21", "folders/12")
ORG = container("organization", "1", None)


def read(folder: Path, *assets: Any) -> Facts:
    (folder / "a.json").write_text(json.dumps(assets))
    facts = read_snapshots(
        [folder / "a.json"],
        folder,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    return enrich(facts, datetime.fromisoformat(AS_OF))


def ask(folder: Path, *assets: Any) -> Answer:
    return Estate(read(folder, *assets)).access.holds(WHO, INVOKE, SERVICE)


CIRCLE = (
    container("folder", "12", "folders/11"),
    container("folder", "11", "folders/12"),
)
LOST = (container("folder", "12", "folders/99"),)
ALONE = ()


@pytest.mark.parametrize(
    "above", [CIRCLE, LOST, ALONE], ids=["circle", "lost", "alone"]
)
def test_what_is_above_is_unknown_and_said_so(
    tmp_path: Path, above: tuple[Any, ...]
) -> None:
    said = ask(tmp_path, service(), SHOP, *above)
    assert said.held is None
    assert any("ancestors" in cause.symbol for cause in said.causes), said
    assert ask(tmp_path, service(WHO), SHOP, *above).held is True


def test_a_chain_that_is_whole_denies(tmp_path: Path) -> None:
    assert (
        ask(
            tmp_path, service(), SHOP, container("folder", "12", "organizations/1"), ORG
        ).held
        is False
    )


def test_two_assets_of_one_name_that_differ_are_a_gap(tmp_path: Path) -> None:
    folder = container("folder", "12", "organizations/1")
    facts = read(tmp_path, service(WHO), service(), SHOP, folder, ORG)
    (gap,) = facts.gaps
    assert (gap.reason, gap.kinds) == ("conflict", ("binding",))
    assert facts.snapshots[0].layers.allow == "partly"
    # which of them holds is not known: neither what one of them says, nor its silence
    assert Estate(facts).access.holds(WHO, INVOKE, SERVICE).held is None
    other = Estate(facts).access.holds("user:ann@x.example", INVOKE, SERVICE)
    assert other.held is None


@pytest.mark.parametrize("first", ["21", "22"])
@pytest.mark.parametrize(
    "members",
    [("21",), ("22",), ()],  # which of them is the service's project?
)
def test_a_project_of_two_numbers_is_neither_for_sure(
    tmp_path: Path, first: str, members: tuple[str, ...]
) -> None:
    # resource-manager/docs/creating-managing-projects: an id is of one project, for ever
    numbers = sorted(("21", "22"), key=lambda number: number != first)
    shops = [
        container("project", number, "organizations/1", *[WHO][: number in members])
        for number in numbers
    ]
    facts = read(tmp_path, service(), *shops, ORG)
    assert [(gap.reason, gap.kinds) for gap in facts.gaps] == [
        ("conflict", ("resource",))
    ]
    assert facts.snapshots[0].layers.allow == "partly"
    access = Estate(facts).access
    assert access.holds(WHO, INVOKE, SERVICE).held is None
    # by its number each is known, and what its policy says is sure
    for number in numbers:
        place = f"{CRM}/projects/{number}"
        sure = True if number in members else None
        assert access.holds(WHO, INVOKE, place).held is sure


def test_what_both_of_two_policies_grant_is_granted(tmp_path: Path) -> None:
    folder = container("folder", "12", "organizations/1")
    more = service(WHO, "user:ann@x.example")
    assert ask(tmp_path, service(WHO), more, SHOP, folder, ORG).held is True
    later = {**service(), "updateTime": "2026-11-02T00:00:00Z"}
    first = {**service(WHO), "updateTime": "2026-11-01T00:00:00Z"}
    assert ask(tmp_path, later, first, SHOP, folder, ORG).held is False


CUSTOM = "projects/shop/roles/call"
DENY = f"policies/{CRM[2:]}%2Forganizations%2F1/denypolicies/d"
FENCE = "organizations/1/locations/global/principalAccessBoundaryPolicies/b"
BOUND = {
    "name": "organizations/1/locations/global/policyBindings/x",
    "target": {"principalSet": f"{CRM}/projects/21"},
    "policyKind": "PRINCIPAL_ACCESS_BOUNDARY",
    "policy": FENCE,
}


def role(*permissions: str) -> Any:
    return {"name": CUSTOM, "title": "Call", "includedPermissions": permissions}


def denial(permission: str) -> Any:
    rule = {
        "deniedPrincipals": ["principalSet://goog/public:all"],
        "deniedPermissions": [f"run.googleapis.com/{permission}"],
    }
    return {"name": DENY, "rules": [{"denyRule": rule}]}


def boundary(place: str) -> Any:
    rules = [{"resources": [f"{CRM}/{place}"], "effect": "ALLOW"}]
    details = {"rules": rules, "enforcementVersion": "4"}
    return {"name": FENCE, "details": details}


RUN = "run.services.get"  # which boundaries can block
VIEWER = {
    **service(),
    "iamPolicy": {
        "bindings": [{"role": CUSTOM, "members": [WHO]}],
    },
}


@pytest.mark.parametrize(
    ("one", "other", "beside", "each"),
    [
        (role(RUN), role("run.services.list"), (), (True, False)),
        (
            denial("services.get"),
            denial("services.list"),
            (role(RUN),),
            (False, True),
        ),
        (
            boundary("projects/21"),
            boundary("projects/22"),
            (role(RUN), BOUND),
            (True, False),
        ),
        (
            BOUND,
            {**BOUND, "target": {"principalSet": f"{CRM}/projects/22"}},
            (role(RUN), boundary("projects/22")),
            (False, True),
        ),
    ],
    ids=["role", "deny", "boundary", "binding"],
)
def test_of_two_records_that_differ_neither_is_believed(
    tmp_path: Path, one: Any, other: Any, beside: tuple[Any, ...], each: tuple[Any, Any]
) -> None:
    folder = container("folder", "12", "organizations/1")

    def held(*assets: Any) -> bool | None:
        facts = read(tmp_path, VIEWER, SHOP, folder, ORG, *beside, *assets)
        return Estate(facts).access.holds(WHO, RUN, SERVICE).held

    assert (held(one), held(other)) == each
    assert held(one, other) is None
    assert held(other, one) is None
    assert held(one, other, one) is None
    assert held(one, one) is each[0]


def test_a_project_that_moved_while_it_was_read_has_no_known_ancestors(
    tmp_path: Path,
) -> None:
    folder = container("folder", "12", "organizations/1", WHO)
    before = ["projects/21", "folders/12", "organizations/1"]
    after = ["projects/21", "organizations/1"]
    assert ask(tmp_path, service(ancestors=before), SHOP, folder, ORG).held is True
    for shop, api in ((before, after), (after, before)):
        assets = ({**SHOP, "ancestors": shop}, service(ancestors=api), folder, ORG)
        facts = read(tmp_path, *assets)
        assert Estate(facts).access.holds(WHO, INVOKE, SERVICE).held is None
        assert {gap.reason for gap in facts.gaps} == {"conflict"}


def test_a_folder_with_two_parents_inherits_from_neither_for_sure(
    tmp_path: Path,
) -> None:
    other = container("organization", "2", None)
    one, two = (container("folder", "12", f"organizations/{top}") for top in "12")
    top = container("organization", "1", None, WHO)
    assert ask(tmp_path, service(), SHOP, top, other, one).held is True
    assert ask(tmp_path, service(), SHOP, top, other, two).held is False
    assert ask(tmp_path, service(), SHOP, top, other, one, two).held is None
    assert ask(tmp_path, service(), SHOP, top, other, two, one).held is None


def test_more_ancestors_than_there_can_be_are_a_gap(tmp_path: Path) -> None:
    many = ["projects/21", *(f"folders/{number}" for number in range(40))]
    facts = read(tmp_path, service(ancestors=many), SHOP, ORG)
    assert [gap.reason for gap in facts.gaps] == ["malformed"]
    assert Estate(facts).access.holds(WHO, INVOKE, SERVICE).held is None


def test_groups_that_all_hold_each_other_are_walked_once(tmp_path: Path) -> None:
    names = [f"g{number}@x.example" for number in range(150)]
    lists = [
        {
            "groupKey": {"id": name},
            "memberships": [
                {"preferredMemberKey": {"id": other}, "type": "GROUP"}
                for other in names
            ],
        }
        for name in names
    ]
    granted = service(f"group:{names[0]}")
    folder = container("folder", "12", "organizations/1")
    assert ask(tmp_path, granted, SHOP, folder, ORG, *lists).held is False


def test_groups_in_groups_take_no_more_than_they_are_many(tmp_path: Path) -> None:
    names = [f"g{number}@x.example" for number in range(3000)]
    lists = [
        {
            "groupKey": {"id": name},
            "memberships": [{"preferredMemberKey": {"id": inner}, "type": kind}],
        }
        for name, inner, kind in zip(
            names,
            [*names[1:], ETL],
            ["GROUP"] * 2999 + ["SERVICE_ACCOUNT"],
            strict=True,
        )
    ]
    granted = service(f"group:{names[0]}")
    folder = container("folder", "12", "organizations/1")
    access = Estate(read(tmp_path, granted, SHOP, folder, ORG, *lists)).access
    tracemalloc.start()
    said = access.holds(WHO, INVOKE, SERVICE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000  # a list of all groups above each took 36 MB
    assert [one.key for one in said.supports[0].via] == [
        f"group:{name}" for name in reversed(names)
    ]
    assert len(access.membership.groups_of(WHO)) == 3000


def test_a_truncated_policy_leaves_open_what_it_may_have_said(tmp_path: Path) -> None:
    cut = service(assetExceptions=[{"exceptionType": "TRUNCATION"}])
    folder = container("folder", "12", "organizations/1")
    assert ask(tmp_path, cut, SHOP, folder, ORG).held is None


CUT = {"assetExceptions": [{"exceptionType": "TRUNCATION"}]}
AS_ROLE = {
    "name": f"//iam.googleapis.com/{CUSTOM}",
    "assetType": "iam.googleapis.com/Role",
    "resource": {"data": role("run.services.list")},
}
AS_DENIAL = {
    "name": f"//iam.googleapis.com/{DENY}",
    "assetType": "iam.googleapis.com/DenyPolicy",
    "resource": {"data": denial("services.list")},
}


@pytest.mark.parametrize(
    ("asset", "beside", "whole"),
    [(AS_ROLE, (), False), (AS_DENIAL, (role(RUN),), True)],
    ids=["role", "deny"],
)
def test_a_truncated_record_leaves_open_what_it_may_have_said(
    tmp_path: Path, asset: dict[str, Any], beside: tuple[Any, ...], whole: bool
) -> None:
    """assetExceptions: TRUNCATION says that the asset's content was cut short."""
    folder = container("folder", "12", "organizations/1")
    for cut, held in (({}, whole), (CUT, None)):
        facts = read(tmp_path, VIEWER, SHOP, folder, ORG, *beside, {**asset, **cut})
        assert Estate(facts).access.holds(WHO, RUN, SERVICE).held is held


def test_types_that_nobody_knows_change_nothing(tmp_path: Path) -> None:
    folder = container("folder", "12", "organizations/1")
    odd = {"name": "//odd.googleapis.com/x", "assetType": "odd.googleapis.com/Thing",
           "resource": {"data": {"policy": "all"}}}  # fmt: skip
    assert ask(tmp_path, service(WHO), odd, SHOP, folder, ORG).held is True


def test_two_definitions_of_a_predefined_role_are_neither(tmp_path: Path) -> None:
    def role(*permissions: str) -> Any:
        name = "roles/run.invoker"
        return {
            "name": f"//iam.googleapis.com/{name}",
            "assetType": "iam.googleapis.com/Role",
            "resource": {"data": {"name": name, "includedPermissions": permissions}},
        }

    folder = container("folder", "12", "organizations/1")
    around = (service(WHO), SHOP, folder, ORG)
    assert ask(tmp_path, *around, role(INVOKE)).held is True
    # nor does the shipped catalogue know better
    said = ask(tmp_path, *around, role(INVOKE), role())
    assert said.held is None
    assert [one.symbol for one in said.causes] == ["definition of roles/run.invoker"]
