"""What a file that is named as a credential holds decides, where it is here."""

from pathlib import Path

import pytest
from msgspec import UNSET

from dagwarden.facts import KeyReference
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.embedded.read import find_files

FEDERATION = '{"type": "external_account"}'
IN_CLEAR = '{"type": "service_account"}'


def named(root: Path) -> list[KeyReference]:
    facts = find_files(
        root, [root], only=None, exclude=(), fingerprint=Fingerprint(b"k", False)
    ).read()
    return list(facts.key_references)


@pytest.mark.parametrize(
    ("target", "files", "expected"),
    [
        ("sa.json", {"a/sa.json": FEDERATION}, "external_account"),
        ("a/sa.json", {"a/sa.json": FEDERATION}, "external_account"),
        ("sa.json", {"sa.json": IN_CLEAR}, "service_account_key"),
        # another file of that name stands where the program may run as well
        ("sa.json", {"sa.json": IN_CLEAR, "a/sa.json": FEDERATION}, UNSET),
        ("sa.json", {"sa.json": "[]", "a/sa.json": FEDERATION}, UNSET),
        ("/a/sa.json", {"a/sa.json": FEDERATION}, UNSET),
        ("../../sa.json", {"sa.json": FEDERATION}, UNSET),
        ("sa.json", {}, UNSET),
    ],
)
def test_a_file_of_the_repository_says_what_it_is(
    tmp_path: Path, target: str, files: dict[str, str], expected: object
) -> None:
    (tmp_path / "a").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    setting = f"GOOGLE_APPLICATION_CREDENTIALS={target}\n"
    (tmp_path / "a" / "prod.env").write_text(setting)
    (fact,) = named(tmp_path)
    assert fact.holds == expected
    assert (fact.path, fact.target) == ("a/prod.env", target)
    assert bool(fact.unresolved) == (expected is UNSET)


def test_a_call_that_takes_nothing_else_is_a_key_unless_the_file_is_none(
    tmp_path: Path,
) -> None:
    code = "a = C.from_service_account_file(x)\nb = C.from_service_account_file('f')\n"
    (tmp_path / "load.py").write_text(code)
    (tmp_path / "f").write_text(FEDERATION)
    assert [(fact.origin.line, fact.holds) for fact in named(tmp_path)] == [
        (1, "service_account_key"),
        (2, "external_account"),
    ]


def test_a_link_out_of_the_repository_is_not_followed(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "sa.json").write_text(FEDERATION)
    (root / "sa.json").symlink_to(tmp_path / "sa.json")
    (root / ".env").write_text("GOOGLE_APPLICATION_CREDENTIALS=sa.json\n")
    assert [fact.holds for fact in named(root)] == [UNSET]
