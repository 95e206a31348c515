"""
One seeded break at a time: exactly the expected verdicts change, and no others.

`breaks.txt` has a section for every function of `breaks.py`: a line for each rule,
change and missing input, with the subjects it concerns. Every line was held against
what the break means in Google Cloud and Airflow. Where a verdict changes on purpose,
ask whether it is true before the line is changed: nothing writes this file for you.
"""

import inspect
from pathlib import Path

import pytest
from tests.foreign import breaks
from tests.foreign.told import sections, told
from tests.foreign.world import Judged, World

EXPECTED = Path(__file__).with_name("breaks.txt")
BREAKS = [
    name
    for name, found in vars(breaks).items()
    if inspect.isfunction(found)
    and found.__module__ == breaks.__name__
    and not name.startswith("_")
]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return World().judge(tmp_path_factory.mktemp("sound") / "estate")


def test_every_break_has_a_section_and_there_are_enough_of_them() -> None:
    assert [name for name, _ in sections(EXPECTED)] == BREAKS
    assert len(BREAKS) >= 20


@pytest.mark.parametrize(("name", "expected"), sections(EXPECTED))
def test_a_break_changes_exactly_the_expected_verdicts(
    name: str, expected: list[str], sound: Judged, tmp_path: Path
) -> None:
    world = World()
    getattr(breaks, name)(world)
    assert told(sound, world.judge(tmp_path / "estate")) == expected
