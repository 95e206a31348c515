"""By what a credential is told: certain is what no other text has."""

import random
import string
from zlib import crc32

import pytest

from dagwarden.facts import CERTAIN, SecretKind, ToldBy
from dagwarden.sources.credentials.proof import has_checksum, told_by
from dagwarden.sources.credentials.shapes import shapes

_DRAW = random.Random(11)
_WORD = string.ascii_letters + string.digits
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase


def drawn(length: int, letters: str = _WORD) -> str:
    return "".join(_DRAW.choices(letters, k=length))


def with_checksum(prefix: str, body: str) -> str:
    number = crc32(body.encode())
    digits = [_DIGITS[number // len(_DIGITS) ** place % 62] for place in range(6)]
    return prefix + body + "".join(reversed(digits))


def test_the_checksum_of_a_published_token_is_right() -> None:
    # expired and revoked, published by its owner to show the checksum
    body = "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"
    assert has_checksum(f"ghp_{body}0mLq17")
    assert not has_checksum(f"ghp_{body}0mLq18")
    assert not has_checksum(f"ghp_{body[::-1]}0mLq17")


def test_a_short_checksum_is_filled_up() -> None:
    bodies = (f"{number:030}" for number in range(10_000))
    tokens = [with_checksum("ghs_", one) for one in bodies]
    filled = [one for one in tokens if one[-6] == "0"]
    assert filled
    assert all(map(has_checksum, tokens))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (with_checksum("ghp_", drawn(30)), "checksum"),
        (with_checksum("npm_", drawn(30)), "checksum"),
        ("ghp_" + drawn(36), "shape"),
        ("ghs_" + drawn(120), "shape"),
        ("github_pat_" + drawn(22) + "_" + drawn(59), "prefix"),
        ("github_pat_" + drawn(60), "shape"),
        ("sk_live_" + drawn(24), "prefix"),
        ("xoxb-" + drawn(12, string.digits) + "-" + drawn(24), "prefix"),
        ("AIza" + drawn(35), "prefix"),
        (drawn(9, "123456789") + ":AA" + drawn(33), "shape"),
        ("postgres://loader:" + drawn(20) + "@db/prod", "context"),
        ("Bearer " + drawn(40), "context"),
    ],
)
def test_what_tells_a_token(text: str, expected: ToldBy) -> None:
    (one,) = shapes(text)
    assert told_by(one.kind, one.value, one.prefix, None) == expected


@pytest.mark.parametrize(
    ("kind", "prefix", "pattern", "expected"),
    [
        ("service_account_key", None, None, "structure"),
        ("private_key", None, None, "structure"),
        ("bearer_token", "eyJ", None, "structure"),
        ("provider_token", None, "veles.secrets/sendgrid", "pattern"),
        ("password", None, None, "context"),
    ],
)
def test_what_tells_another(
    kind: SecretKind, prefix: str | None, pattern: str | None, expected: ToldBy
) -> None:
    assert told_by(kind, "x", prefix, pattern) == expected


def test_what_is_certain() -> None:
    assert {"checksum", "prefix", "structure"} == CERTAIN
