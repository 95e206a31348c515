"""What a zip archive holds, and that a hostile one costs no more than allowed."""

import io
import zipfile
from collections.abc import Iterable

import pytest

from dagwarden.sources.dags import archives
from dagwarden.sources.dags.archives import Refused, unpacked


def packed(*members: tuple[str, str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, text in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            archive.writestr(info, text)
    return stream.getvalue()


def names(found: Iterable[Refused]) -> list[tuple[str, str]]:
    return [(one.member, one.reason) for one in found]


def test_modules_are_read_and_the_top_ones_told_apart() -> None:
    archive = unpacked(packed(("b.py", "1"), ("a/c.py", "2"), ("notes.txt", "3")))
    assert archive.modules == {"b.py": b"1", "a/c.py": b"2"}
    assert archive.top() == ["b.py"]
    assert archive.refused == ()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_last_of_one_name_counts() -> None:
    archive = unpacked(packed(("a.py", "1"), ("a.py", "2")))
    assert archive.modules == {"a.py": b"2"}


@pytest.mark.parametrize(
    "name", ["../a.py", "/a.py", "./a.py", "a/../b.py", "a//b.py", "a\\b.py"]
)
def test_a_name_that_no_import_leads_to_is_passed_over(name: str) -> None:
    assert unpacked(packed((name, "1"))).modules == {}


def test_a_folder_on_the_way_has_to_be_a_package() -> None:
    archive = unpacked(
        packed(
            ("a/b.py", "1"),
            ("c/__init__.py", ""),
            ("c/d.py", "2"),
            ("e/", ""),
            ("e/f.py", "3"),
        )
    )
    found = [archive.find(path) for path in ("a/b.py", "c/d.py", "e/f.py", "g.py")]
    assert found == [None, b"2", b"3", None]


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_what_python_cannot_import_is_refused(method: int) -> None:
    archive = unpacked(packed(("a.py", "1"), method=method))
    assert (archive.modules, names(archive.refused)) == ({}, [("a.py", "malformed")])


@pytest.mark.parametrize(
    ("name", "reason"),
    [("a.pyc", "unsupported"), ("b/a.pyc", "unsupported"), ("a.b.py", "malformed")],
)
def test_what_is_no_module_that_is_read_is_refused(name: str, reason: str) -> None:
    archive = unpacked(packed((name, "1")))
    assert (archive.modules, names(archive.refused)) == ({}, [(name, reason)])


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(packed(("a.py", "1"), method=zipfile.ZIP_STORED))
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + offset] |= 1
    assert names(unpacked(bytes(data)).refused) == [("a.py", "unreadable")]


def test_a_damaged_member_is_refused() -> None:
    data = packed(("a.py", "x = 1"), method=zipfile.ZIP_STORED)
    archive = unpacked(data.replace(b"x = 1", b"x = 2"))
    assert names(archive.refused) == [("a.py", "malformed")]


@pytest.mark.parametrize(
    "data", [b"", b"PK\3\4 no archive", packed(("a.py", "1"))[:40]]
)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert names(unpacked(data).refused) == [("", "malformed")]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MODULE", 1_000)
    archive = unpacked(packed(("a.py", "#" * 1_000_000), ("b.py", "1")))
    assert archive.modules == {"b.py": b"1"}
    assert names(archive.refused) == [("a.py", "too_large")]


def test_all_modules_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_UNPACKED", 1_500)
    archive = unpacked(packed(*((f"{name}.py", "#" * 1_000) for name in "abc")))
    assert list(archive.modules) == ["a.py"]
    assert names(archive.refused) == [("b.py", "too_large"), ("c.py", "too_large")]


def test_too_many_members_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    archive = unpacked(packed(*((f"{name}.py", "1") for name in "abc")))
    assert (archive.modules, names(archive.refused)) == ({}, [("", "too_large")])
