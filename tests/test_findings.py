"""Verdicts on all subjects, and reading a saved result: what else it may be."""

import pytest

from dagwarden.errors import SourceError
from dagwarden.findings import (
    RESULT_VERSION,
    Judged,
    Outcome,
    Verdict,
    Verdicts,
    read_report,
)

PASS, FAIL, UNKNOWN = Outcome.PASS, Outcome.FAIL, Outcome.UNKNOWN
NOT_APPLICABLE = Outcome.NOT_APPLICABLE

REMEDY = "give the file that `dagwarden scan --format json` wrote"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON: Input data was truncated"),
        (b"{,", "not JSON: JSON is malformed: "),
        (b'{"result":{"version":"\xff"}}', "not JSON: "),
        (b'{"z":' + b"[" * 100_000, "not JSON: maximum recursion depth"),
        (b"[]", "not a dagwarden result: Expected `object`, got `array`"),
        (b'{"result":{}}', "not a dagwarden result: Object missing required field"),
        (
            b'{"result":{"version":"%s"}}' % RESULT_VERSION.encode(),
            "not a dagwarden result: Object missing required field `estate`",
        ),
    ],
)
def test_what_is_no_result(data: bytes, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read_report(data, "old.json")
    assert str(caught.value).startswith(f"old.json: {says}")
    assert str(caught.value).endswith(f"; {REMEDY}")


def test_another_version_says_both() -> None:
    with pytest.raises(SourceError) as caught:
        read_report(b'{"result":{"version":"dagwarden.result/0\\n"}}', "old.json")
    assert str(caught.value) == (
        "old.json: a result of version of 19 characters, this is "
        f"{RESULT_VERSION}; scan again, or use the dagwarden that wrote it"
    )


def test_verdicts_are_told_in_the_order_of_rules_then_of_facts() -> None:
    notable = (
        Verdict("third", "b", FAIL),
        Verdict("first", "e", FAIL, waiver="w"),
        Verdict("second", "f", UNKNOWN),
    )
    found = Verdicts(
        ("third", "not-run", "first", "second"),
        (
            Judged(
                ids=("d", "e", "f"),
                classes=(1, 0, 2),
                outcomes={
                    "first": (FAIL, PASS, NOT_APPLICABLE),
                    "second": (PASS, NOT_APPLICABLE, UNKNOWN),
                },
            ),
            Judged(
                ids=("a", "b", "c"), classes=(0, 1, 0), outcomes={"third": (PASS, FAIL)}
            ),
        ),
        notable,
    )
    assert list(found) == [
        Verdict("third", "a", PASS),
        notable[0],
        Verdict("third", "c", PASS),
        Verdict("first", "d", PASS),
        notable[1],
        Verdict("second", "e", PASS),
        notable[2],
    ]
    assert len(found) == 7
    assert notable[2] in found
    assert Verdict("second", "d", PASS) not in found
    assert list(found) == list(found)  # as often as one likes
