"""Credentials in lines of text: by shape, and by the name they are assigned to."""

import pytest

from dagwarden.facts import SecretKind
from dagwarden.sources.credentials import found_in_text

B36 = "q7hx2m9vkd4tzb1nw8cfj5rgy3ls6pa0eiou"
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
Told = tuple[int, SecretKind, str]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("# password = 'Vq8!xk2p'", [(1, "password", "password")]),
        ("a\nDB_PASSWORD=Vq8!xk2p\n", [(2, "password", "DB_PASSWORD")]),
        ("  password: Vq8!xk2p", [(1, "password", "password")]),
        ('"api_key": "7f3c9a1e2b"', [(1, "api_key", "api_key")]),
        (f"see ghp_{B36}", [(1, "bearer_token", "")]),
        (f"x = 'ghp_{B36}'\ny = 'ghp_{B36}'", [(1, "bearer_token", "x"), (2, "bearer_token", "y")]),
        (
            f"#\n-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----",
            [(2, "private_key", "")],
        ),
        ("PW=${DB_PASSWORD:-Vq8!xk2p}", [(1, "password", "DB_PASSWORD")]),
        ("echo -n 'Vq8!xk2p' | gcloud secrets create db --data-file=-", [(1, "password", "")]),
        ("redis-server --requirepass Vq8!xk2p", [(1, "password", "requirepass")]),
        ("password=${DB_PASSWORD:-}", []),
        ("password = os.environ['DB_PASSWORD']", []),
        ("password = config.db.password", []),
        ("password: <password>", []),
        ("the password is secret", []),
        ("password={{ conn.db.password }}", []),
        ("", []),
    ],
)  # fmt: skip
def test_lines_are_looked_into(text: str, told: list[Told]) -> None:
    found = [(line, one.kind, one.place) for line, one in found_in_text(text)]
    assert found == told


def test_what_is_found_does_not_show_itself() -> None:
    ((_, found),) = found_in_text("password = 'Vq8!xk2p'")
    assert found.value == "Vq8!xk2p"
    assert "Vq8" not in f"{found!r} {found}"


@pytest.mark.parametrize(
    "text",
    ["a=" * 500_000, "-----BEGIN " * 50_000, "x" * 10_000_000, "password: " * 100_000],
)
def test_hostile_text_ends(text: str) -> None:
    assert list(found_in_text(text)) == []
