"""Patterns of the extra, beside ours: each credential once, and ours names it."""

import base64
import os
import secrets
import string
from pathlib import Path

import pytest

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.embedded.kingfisher import version
from dagwarden.sources.embedded.read import find_files

KEY = Fingerprint(b"a key for tests", True)


@pytest.fixture(autouse=True)
def folder_of_stores(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    # the compiled patterns are the same for all tests of a process
    folder = tmp_path_factory.getbasetemp() / "stores"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    return folder / "dagwarden"


def drawn(count: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(secrets.choice(signs) for _ in range(count))


def looked_into(root: Path, *, kingfisher: bool = True) -> Facts:
    return find_files(
        root,
        [root],
        only=None,
        exclude=(),
        fingerprint=KEY,
        kingfisher=kingfisher,
        cached=True,
    ).read()


def told(facts: Facts) -> list[tuple[object, ...]]:
    return [
        (fact.path, fact.origin.line, fact.secret, fact.pattern)
        for fact in facts.embedded_secrets
        if fact.secret is not None
    ]


def airtable() -> str:
    """Return a token that no pattern of ours knows."""
    return f"pat{drawn(14)}.{secrets.token_hex(32)}"


def test_a_provider_s_token_is_told_that_ours_does_not_know(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text(f"mail\nuse {airtable()} for it\n")
    assert told(looked_into(tmp_path)) == [
        (
            "notes.txt",
            2,
            "provider_token",
            "betterleaks.airtable-personnal-access-token",
        )
    ]
    assert told(looked_into(tmp_path, kingfisher=False)) == []


def test_what_both_find_is_one_credential_and_ours_names_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"A=1\nAIRTABLE_API_KEY={airtable()}\n")
    (tmp_path / "a.sh").write_text(f"export GH=ghp_{drawn(36)}\n")
    with_it, without = (
        looked_into(tmp_path, kingfisher=flag) for flag in (True, False)
    )
    assert told(with_it) == told(without)
    assert [one[3] for one in told(with_it)] == [None, None]


def test_a_token_that_code_makes_of_parts_is_told_where_most_is_written(
    tmp_path: Path,
) -> None:
    head, _, tail = airtable().rpartition(".")
    lines = ['part = "."', f'head = "{head}"', f'base = head + part + "{tail}"']
    (tmp_path / "dag.py").write_text("\n".join(lines))
    assert (
        "dag.py",
        3,
        "provider_token",
        "betterleaks.airtable-personnal-access-token",
    ) in told(looked_into(tmp_path))


@pytest.mark.parametrize(
    "value",
    [
        "SG.xxxxxxxxxxxxxxxxxxxxxx.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "{{ var.value.sendgrid_key }}",
        "${SENDGRID_API_KEY}",
        "sm://project/sendgrid-api-key",
        "SG.your_api_key_goes_here.your_api_key_goes_here_and_nowhere_else_at",
    ],
)
def test_what_we_know_to_be_none_is_none(tmp_path: Path, value: str) -> None:
    (tmp_path / "settings.yaml").write_text(f"sendgrid_api_key: {value}\n")
    assert told(looked_into(tmp_path)) == []


def test_a_digest_is_no_token(tmp_path: Path) -> None:
    digest = secrets.token_hex(16)
    (tmp_path / "f.txt").write_text(f"datadog package md5 checksum: {digest}\n")
    assert told(looked_into(tmp_path)) == []


def test_markers_of_other_tools_do_not_make_it_silent(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(f"{airtable()}  # kingfisher:ignore\n")
    assert len(told(looked_into(tmp_path))) == 1


def test_what_is_encoded_is_looked_into(tmp_path: Path) -> None:
    encoded = base64.b64encode(f"key={airtable()};".encode()).decode()
    (tmp_path / "a.txt").write_text(f"\n\n{encoded}\n")
    assert [(one[1], one[2]) for one in told(looked_into(tmp_path))] == [
        (3, "provider_token")
    ]


def test_who_looked_is_told(tmp_path: Path) -> None:
    assert looked_into(tmp_path).detectors == (version(),)
    assert looked_into(tmp_path, kingfisher=False).detectors == ()


def test_patterns_are_kept_in_our_own_folder_for_its_owner(
    tmp_path: Path, folder_of_stores: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    (tmp_path / "a.txt").write_text("nothing\n")
    looked_into(tmp_path)
    assert list(home.iterdir()) == []
    (store,) = (folder_of_stores / "kingfisher").iterdir()
    assert store.stat().st_mode & 0o077 == 0
    assert store.parent.stat().st_mode & 0o077 == 0


def test_workers_and_what_is_remembered_tell_the_same(tmp_path: Path) -> None:
    tokens = [airtable() for _ in range(40)]
    for number, token in enumerate(tokens):
        text = f"{token}\n" if number % 4 == 0 else "harmless\n"
        (tmp_path / f"f{number:02}.txt").write_text(text)
    # without it, the same files are remembered as harmless
    assert told(looked_into(tmp_path, kingfisher=False)) == []
    first, again = looked_into(tmp_path), looked_into(tmp_path)
    assert len(told(first)) == 10
    assert told(again) == told(first)
    assert {fact.fingerprint for fact in first.embedded_secrets} == {None}


def test_no_thread_is_left_that_a_fork_would_miss(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(airtable())
    before = len(os.listdir("/proc/self/task"))
    looked_into(tmp_path)
    assert len(os.listdir("/proc/self/task")) == before
