"""
Chains, hop by hop: what leads to what, and the very place where it was read.

`chains.txt` has a section for each chain: a task, or an identity and what it can
become, and the break (or `sound`) under which it is followed.
"""

import json
from pathlib import Path

import pytest
from tests.foreign import breaks, cloud
from tests.foreign.told import sections, short
from tests.foreign.world import Judged, World

from dagwarden.facts import Hop, Origin

EXPECTED = Path(__file__).with_name("chains.txt")
# assets by the words of `chains.txt`
RECORDS = {
    cloud.ON_PROJECT: "project",
    cloud.ON_FOLDER: "folder",
    f"//iam.googleapis.com/{cloud.RELEASER}": "releaser",
    f"//iam.googleapis.com/{breaks.STARTER}": "starter",
    **{cloud.job(number): f"job{number}" for number in range(1, 6)},
    cloud.account(cloud.WORKER): "worker",
    cloud.account(cloud.SITE): "site",
    cloud.account(cloud.OTHER): "other",
}


@pytest.mark.parametrize(("name", "expected"), sections(EXPECTED))
def test_a_chain_names_every_hop_and_where_it_was_read(
    name: str, expected: list[str], tmp_path: Path
) -> None:
    what, broken = name.split()
    world = World()
    if broken != "sound":
        getattr(breaks, broken)(world)
    judged = world.judge(tmp_path / "estate")
    assert [
        f"{hop.kind}: {short(hop.source)} -> {short(hop.target)}"
        f" @ {_place(hop.origin, tmp_path / 'estate', world, what)}"
        for hop in _hops(judged, what)
    ] == expected


def test_control_of_a_folder_gives_all_workloads_below_it_and_no_more(
    tmp_path: Path,
) -> None:
    world = World()
    breaks.may_become_any_account_of_the_folder(world)
    (reach,) = (
        reach
        for reach in world.judge(tmp_path / "estate").facts.reaches
        if reach.identity.email == cloud.SCHEDULER
    )
    assert {item.identity.email: item.runs for item in reach.controls_known} == {
        cloud.SITE: (cloud.service(),),
        cloud.WORKER: tuple(cloud.job(number) for number in range(1, 6)),
    }


def _hops(judged: Judged, what: str) -> tuple[Hop, ...]:
    """Return the chain of a task (`t`), or of one identity to another (`a>b`)."""
    who, _, target = what.partition(">")
    if not target:
        (path,) = (path for path in judged.facts.paths if path.task_id == what)
        return path.hops
    (controlled,) = (
        item
        for reach in judged.facts.reaches
        if short(reach.identity.key) == who
        for item in reach.controls_known
        if short(item.identity.key) == target
    )
    return controlled.hops


def _place(origin: Origin | None, folder: Path, world: World, task: str) -> str:
    assert origin is not None
    if origin.source.startswith("dags/"):
        assert origin.line == world.line(f"    {task.replace('-job', '')} = CloudRun")
        return "DAG"
    field = f" {origin.field}" if origin.field else ""
    if origin.line is None:
        return f"{origin.source}{field}"
    text = (folder / origin.source).read_text().splitlines()[origin.line - 1]
    if origin.source == "connections.json":
        assert f'"{origin.field}"' in text
        return f"{origin.source}{field}"
    return f"{origin.source}[{RECORDS[json.loads(text)['name']]}]{field}"
