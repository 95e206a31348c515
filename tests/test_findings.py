"""Reading a saved result: what else it may be."""

import pytest

from dagwarden.errors import SourceError
from dagwarden.findings import RESULT_VERSION, read_report

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
