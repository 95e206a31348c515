"""Claims of a token: read, or refused in one line that quotes none of them."""

from pathlib import Path

import pytest

from dagwarden.errors import UsageError
from dagwarden.sources.claims import MAX_CLAIMS, read_claims


def test_claims_are_a_json_object(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text('{"iss": "https://idp.example", "groups": ["a"]}')
    assert read_claims(path) == {"iss": "https://idp.example", "groups": ["a"]}


def test_a_session_of_aws_has_no_issuer(tmp_path: Path) -> None:
    path = tmp_path / "claims.json"
    path.write_text('{"arn": "arn:aws:sts::1:assumed-role/r/i", "account": "1"}')
    assert read_claims(path)["account"] == "1"


@pytest.mark.parametrize(
    "text",
    [
        '{"subject": "ann", "attributes": {"team": ["ops"]}}',
        '{"subject": {"dn": {"cn": "robot"}}, "san": {"uri": "spiffe://x"}}',
    ],
)
def test_neither_has_an_assertion_of_saml_nor_a_certificate(
    text: str, tmp_path: Path
) -> None:
    path = tmp_path / "claims.json"
    path.write_text(text)
    assert "subject" in read_claims(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        (b"header.payload.signature", "is no JSON object"),
        (b'["iss"]', "is no JSON object"),
        (b'{"iss": "\xff"}', "is no JSON object"),
        (b'{"iss": ' + b"[" * 30_000, "is no JSON object"),
        (b'{"sub": "header.payload.signature"}', "names no issuer (iss)"),
        (b'{"iss": 7}', "names no issuer (iss)"),
        (b'{"arn": "arn:aws:sts::1:assumed-role/r/i"}', "names no issuer (iss)"),
        (b'{"arn": "a", "account": 1}', "names no issuer (iss)"),
        (b'{"subject": "ann"}', "names no issuer (iss)"),
        (b'{"subject": {}}', "names no issuer (iss)"),
        (b'{"subject": "ann", "attributes": {}, "iss": 1}', "names no issuer (iss)"),
        (b'{"iss": "x"}' + b" " * MAX_CLAIMS, f"is longer than {MAX_CLAIMS} bytes"),
    ],
)
def test_what_are_no_claims_is_refused_in_one_line(
    content: bytes | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "claims.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read_claims(path)
    line = str(caught.value)
    assert line.startswith(f"--claims {path}: {said}")
    assert "\n" not in line
    assert "header.payload" not in line
