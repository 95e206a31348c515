"""Exports that contradict themselves: unknown where it matters, never a wrong answer."""

import json
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
    # which of them holds is not known; what a policy says is believed, its silence not
    other = Estate(facts).access.holds("user:ann@x.example", INVOKE, SERVICE)
    assert other.held is None


def test_a_truncated_policy_leaves_open_what_it_may_have_said(tmp_path: Path) -> None:
    cut = service(assetExceptions=[{"exceptionType": "TRUNCATION"}])
    folder = container("folder", "12", "organizations/1")
    assert ask(tmp_path, cut, SHOP, folder, ORG).held is None


def test_types_that_nobody_knows_change_nothing(tmp_path: Path) -> None:
    folder = container("folder", "12", "organizations/1")
    odd = {"name": "//odd.googleapis.com/x", "assetType": "odd.googleapis.com/Thing",
           "resource": {"data": {"policy": "all"}}}  # fmt: skip
    assert ask(tmp_path, service(WHO), odd, SHOP, folder, ORG).held is True
