"""What nobody would commit: bounded, told as a gap, and never a crash."""

import base64
import bz2
import gzip
import json
import lzma
import os
import tarfile
import time
import zipfile
from collections.abc import Callable
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest
from tests.sources.embedded.test_places import PASSWORD, TOKEN, found, looked

from dagwarden.facts import Facts
from dagwarden.sources.embedded import archive, file, spots, walk
from dagwarden.sources.embedded.formats import json_text, yaml_text

# Seconds of processor time; all here takes a tenth of it, sanitizers aside.
MAX_SECONDS = 10.0


def bounded(folder: Path) -> Facts:
    started = time.process_time()
    facts = looked(folder)
    assert time.process_time() - started < MAX_SECONDS
    return facts


def gaps(facts: Facts) -> list[tuple[str, str, bool]]:
    return [(gap.origin.source, gap.reason, gap.incomplete) for gap in facts.gaps]


def test_a_file_beyond_the_limit_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_SIZE", 10_000)
    (tmp_path / "a.json").write_text('{"password": "' + "x" * 10_000 + '"}')
    assert gaps(bounded(tmp_path)) == [("a.json", "too_large", False)]


def test_a_notebook_with_images_is_read(tmp_path: Path) -> None:
    image = base64.b64encode(bytes(range(256)) * 30_000).decode()
    output = {"output_type": "display_data", "data": {"image/png": image}}
    cell = {"cell_type": "code", "source": [f"password = '{PASSWORD}'\n"]}
    cells = [{**cell, "outputs": [output]}]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": cells}, indent=1))
    facts = bounded(tmp_path)
    assert [one.place for one in found(facts)] == ["cells.0.source.password"]
    assert facts.gaps == ()


def test_a_folder_that_may_not_be_entered_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "shut").mkdir()
    (tmp_path / "shut/a.yaml").write_text(f"password: {TOKEN}")
    (tmp_path / "shut").chmod(0)
    try:
        facts = looked(tmp_path)
    finally:
        (tmp_path / "shut").chmod(0o755)
    if os.geteuid() == 0:  # root may enter everything
        assert [one.path for one in found(facts)] == ["shut/a.yaml"]
    else:
        assert gaps(facts) == [("shut", "unreadable", True)]


def test_a_zip_bomb_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 3_000_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", b"0\n" * 1_000_000)
        packed.writestr("b.txt", b"0\n" * 1_000_000)
        packed.writestr("c.py", f"password = '{PASSWORD}'")
    facts = bounded(tmp_path)
    assert gaps(facts) == [("a.zip/b.txt", "too_large", False)]
    assert [one.path for one in found(facts)] == ["a.zip/c.py"]


PACKING: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


def packed(how: str, *members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return a tar archive, packed by `how`."""
    written = BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for member, content in members:
            member.size = member.size or len(content)
            tar.addfile(member, BytesIO(content))
    return PACKING[how](written.getvalue())


def member(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    return tarfile.TarInfo(name), content


KEPT = member("conf/.env", f"DB_PASSWORD={PASSWORD}".encode())


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("backup.tar", ""),
        ("backup.tar.gz", "gz"),
        ("Backup.TGZ", "gz"),
        ("backup.tar.bz2", "bz2"),
        ("backup.tar.xz", "xz"),
    ],
)
def test_a_tar_archive_is_looked_into(name: str, how: str, tmp_path: Path) -> None:
    image = member("logo.png", b"\x89PNG\0")
    (tmp_path / name).write_bytes(packed(how, image, KEPT))
    facts = bounded(tmp_path)
    assert [(one.path, one.secret) for one in found(facts)] == [
        (f"{name}/conf/.env", "password")
    ]
    assert gaps(facts) == []
    assert [(one.reason, one.count) for one in facts.excluded] == [("binary", 1)]


def test_one_stream_may_follow_another(tmp_path: Path) -> None:
    whole = packed("", KEPT)
    halves = gzip.compress(whole[:700]) + gzip.compress(whole[700:])
    (tmp_path / "a.tgz").write_bytes(halves)
    assert [one.path for one in found(bounded(tmp_path))] == ["a.tgz/conf/.env"]


@pytest.mark.parametrize("how", ["gz", "bz2", "xz"])
def test_what_a_tar_archive_unpacks_to_is_bounded(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_UNPACKED", 3_000_000)
    bomb = member("bomb.txt", b"0\n" * 2_000_000)
    (tmp_path / "a.tar.gz").write_bytes(packed(how, KEPT, bomb))
    facts = bounded(tmp_path)
    assert gaps(facts) == [
        ("a.tar.gz/bomb.txt", "too_large", False),
        ("a.tar.gz", "too_large", False),
    ]
    assert [one.path for one in found(facts)] == ["a.tar.gz/conf/.env"]


def test_links_and_devices_in_a_tar_archive_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text(f"password = '{PASSWORD}'")
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    for number, kind in enumerate(
        (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    ):
        one = tarfile.TarInfo(f"{number}.py")
        one.type, one.linkname = kind, str(tmp_path / "outside")
        members.append((one, b""))
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.tar").write_bytes(packed("", *members, member("../../x", b"a = 1")))
    facts = bounded(folder)
    assert found(facts) == []
    assert [one.path for one in facts.embedded_secrets] == ["a.tar/../../x"]


def test_members_of_a_tar_archive_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 2)
    (tmp_path / "a.tar").write_bytes(packed("", KEPT, *[member("x", b"a")] * 2))
    facts = bounded(tmp_path)
    assert gaps(facts) == [("a.tar", "too_large", False)]
    assert [one.path for one in found(facts)] == ["a.tar/conf/.env"]


def _long_names(depth: int) -> bytes:
    """Return headers of long names, each of the next."""
    name = tarfile.TarInfo("././@LongLink")
    name.type, name.size = tarfile.GNUTYPE_LONGNAME, 5
    return (name.tobuf(tarfile.GNU_FORMAT) + b"long\0".ljust(512, b"\0")) * depth


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x1f\x8b and nothing",
        b"BZh and nothing",
        b"\xfd7zXZ\0 and nothing",
        b"x" * 5_000,
        packed("", KEPT)[:520],
        packed("gz", KEPT)[:60],
        _long_names(5_000),
    ],
    ids=range(8),
)
def test_a_damaged_tar_archive_is_a_gap(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    told = gaps(bounded(tmp_path))
    assert ("a.tar", "malformed", False) in told
    assert {reason for _, reason, _ in told} == {"malformed"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"PK\x03\x04 and nothing", "malformed"), (b"PK\x03\x04" * 500, "malformed")],
)
def test_a_damaged_archive_is_a_gap(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    assert gaps(bounded(tmp_path)) == [("a.zip", reason, False)]


@pytest.mark.parametrize("how", ["gz", "bz2", "xz"])
def test_a_packed_file_that_was_cut_short_is_a_gap(how: str, tmp_path: Path) -> None:
    digests = (sha256(b"%d" % n).hexdigest() for n in range(40_000))
    lines = "\n".join(digests).encode()
    text = f"password: {TOKEN}\n".encode() + lines
    whole = PACKING[how](text)
    (tmp_path / f"a.yaml.{how}").write_bytes(whole[: len(whole) // 2])
    (tmp_path / f"b.yaml.{how}").write_bytes(whole + bytes(512))
    facts = bounded(tmp_path)
    assert gaps(facts) == [(f"a.yaml.{how}", "malformed", False)]
    paths = [f"{name}.yaml.{how}/{name}.yaml" for name in "ab"]
    assert [one.path for one in found(facts)] == paths


def test_a_gzip_named_as_python_is_a_gap(tmp_path: Path) -> None:
    packed = gzip.compress(f"password = '{PASSWORD}'".encode(), mtime=0)
    (tmp_path / "a.py").write_bytes(packed)
    assert gaps(bounded(tmp_path)) == [("a.py", "encoding", False)]


def test_generated_and_binary_files_are_counted(tmp_path: Path) -> None:
    (tmp_path / "ui").mkdir()
    (tmp_path / "ui/app.min.js").write_text(f"password='{PASSWORD}'")
    (tmp_path / "ui/logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "core").write_bytes(b"\x7fELF\0\0")
    facts = bounded(tmp_path)
    left = {(one.what, one.reason): one.count for one in facts.excluded}
    assert left == {("ui", "generated"): 1, ("ui", "binary"): 1, (".", "binary"): 1}
    assert facts.embedded_secrets == ()


def test_a_line_of_ten_megabytes_is_looked_into_by_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_SIZE", 12_000_000)
    (tmp_path / "a.js").write_text("x = 1; " * 1_500_000 + f"y('{TOKEN}')")
    facts = bounded(tmp_path)
    assert [one.secret for one in found(facts)] == ["bearer_token"]
    assert gaps(facts) == [("a.js", "too_large", False)]


def _encoded(times: int) -> str:
    text = json.dumps({"password": PASSWORD})
    for _ in range(times):
        text = base64.b64encode(text.encode()).decode()
    return text


def test_encodings_are_opened_as_often_as_is_of_use(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(f"blob: {_encoded(2)}\n")
    (tmp_path / "ten.yaml").write_text(f"blob: {_encoded(10)}\n")
    assert [one.path for one in found(bounded(tmp_path))] == ["two.yaml"]


DEEP: dict[str, tuple[str, Callable[[], str], str]] = {
    "JSON": ("a.json", lambda: "[" * 100_000 + "]" * 100_000, "too_deep"),
    "JSON, not much": (
        "a.json",
        lambda: '{"a": ' * (json_text.MAX_DEPTH + 2) + "1" + "}" * 40,
        "too_deep",
    ),
    "YAML, flow": ("a.yaml", lambda: "[" * 50_000 + "]" * 50_000, "too_deep"),
    "YAML, lists": ("a.yaml", lambda: "- " * 5_000 + "x\n", "too_deep"),
    "YAML, aliases": (
        "a.yaml",
        lambda: (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(
                f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
                for before, name in zip("abcdefghi", "bcdefghij", strict=True)
            )
        ),
        "too_large",
    ),
}


@pytest.mark.parametrize("case", DEEP)
def test_what_is_too_deep_or_multiplies_is_a_gap(case: str, tmp_path: Path) -> None:
    name, made, reason = DEEP[case]
    (tmp_path / name).write_text(made())
    assert gaps(bounded(tmp_path)) == [(name, reason, False)]


def test_an_alias_of_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"a: &a\n  b: *a\n  password: {PASSWORD}\n")
    assert [one.origin.line for one in found(bounded(tmp_path))] == [3]
    assert yaml_text.MAX_DEPTH < 40


def test_thousands_of_credentials_are_told_in_time(tmp_path: Path) -> None:
    rows = [{"name": f"n{n}", "password": f"{PASSWORD}{n}"} for n in range(5_000)]
    (tmp_path / "a.json").write_text(json.dumps(rows, indent=1))
    facts = bounded(tmp_path)
    assert len(found(facts)) == spots.MAX_SPOTS
    assert gaps(facts) == [("a.json", "truncated", False)]


def test_links_and_what_is_no_file_are_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside.env"
    outside.write_text(f"DB_PASSWORD={PASSWORD}\n")
    inside = tmp_path / "repository"
    (inside / "dags").mkdir(parents=True)
    (inside / "dags/a.env").write_text("A=1\n")
    (inside / "out.env").symlink_to(outside)
    (inside / "again.env").symlink_to("dags/a.env")
    (inside / "round").symlink_to(inside)
    facts = bounded(inside)
    assert [one.path for one in facts.embedded_secrets] == ["dags/a.env"]
    assert gaps(facts) == [("out.env", "unreadable", False)]
    assert [(one.reason, one.count) for one in facts.excluded] == [
        ("a link: read where it leads to", 2)
    ]


def test_packages_and_caches_are_not_entered(tmp_path: Path) -> None:
    for folder in ("node_modules/x", ".venv/lib", "env/lib", "__pycache__", ".git"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.env").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / "env/pyvenv.cfg").write_text("home = /usr\n")
    facts = bounded(tmp_path)
    assert facts.embedded_secrets == ()
    assert {one.what for one in facts.excluded} == {
        "node_modules",
        ".venv",
        "env",
        "__pycache__",
    }
    assert walk.passed_over("a.env") is None


@pytest.mark.parametrize("content", [b"\xff\xfe\xfd\xfc", b"", b"\n" * 10, b"\xc3\x28"])
@pytest.mark.parametrize(
    "name", ["a.py", "a.json", "a.yaml", ".env", "a.toml", "a.ipynb", "a.tf", "a.xml"]
)
def test_nothing_raises(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert found(bounded(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.pem", "-----BEGIN RSA PRIVATE KEY-----\n" * 60_000),
        ("a.js", "-----BEGIN PRIVATE KEY-----\n" * 60_000),
        ("a.txt", "-eyJ" * 1_000_000),
        ("a.json", json.dumps(["-eyJ" * 240_000] * 4)),
        ("a.xml", "<password>a1b2</password>\n" * 150_000),
        (".netrc", "password x1y2z3\n" * 200_000),
        ("a.ini", f"a{' ' * 990_000}b=\n" * 4),
        ("a.sql", f"a{' ' * 19_000}b\n" * 200),
        ("a.md", "next password: " * 60_000),
        ("b.md", "| password | a1b2c3d4e\n" * 40_000),
        ("a.html", f"<td>{' ' * 900_000}"),
        ("b.html", "<td>password</td><td>" * 40_000),
        ("a.csv", '"' * 900_001),
        ("b.csv", 'password,a\n"' + "x\n" * 400_000),
    ],
    ids=[
        "pem",
        "pem in code",
        "dots of none",
        "in json",
        "elements",
        "logins",
        "ini",
        "sql",
        "words",
        "rows",
        "a cell",
        "cells",
        "quotes",
        "an open quote",
    ],
)
def test_what_repeats_takes_time_by_its_size(
    name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    bounded(tmp_path)


def test_der_that_ends_where_its_version_should_be_is_no_key(tmp_path: Path) -> None:
    der = base64.b64encode(b"\x30\x8c" + b"a" * 12 + b"\x02\x01").decode()
    pem = f"-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n"
    (tmp_path / "a.pem").write_text(pem)
    (tmp_path / "a.json").write_text(json.dumps({"key": pem}))
    assert found(bounded(tmp_path)) == []


def test_a_jwt_is_found_behind_a_dash_and_whole(tmp_path: Path) -> None:
    header, claims = ({"alg": "RS256", "typ": "JWT"}, {"sub": "x"})
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in (header, claims)
    ]
    (tmp_path / "a.txt").write_text(f"x\nkey-{'.'.join(parts)}.{PASSWORD}\n")
    assert [(one.secret, one.origin.line) for one in found(bounded(tmp_path))] == [
        ("bearer_token", 2)
    ]


def test_only_a_line_break_ends_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(f"a\x0cb\x0bc\u2028d\x85\npassword = '{PASSWORD}'\n")
    (tmp_path / ".npmrc").write_text(f"; a\x0cb\n//r.example/:_authToken={TOKEN}\n")
    assert [one.origin.line for one in found(bounded(tmp_path))] == [2, 2]


def test_equal_names_do_not_lift_the_limit(tmp_path: Path) -> None:
    lines = [f"password = '{PASSWORD}{n}'" for n in range(5_000)]
    (tmp_path / "a.js").write_text("\n".join(lines))
    facts = bounded(tmp_path)
    assert len(found(facts)) == spots.MAX_SPOTS
    assert gaps(facts) == [("a.js", "truncated", False)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", "x = '{long}'; token = '{token}'"),
        ("a.sh", "echo '{long}'; export TOKEN={token}"),
        ("a.py", "# {long} {token}"),
        ("a.xml", "<a>{long} {token}</a>"),
        ("a.sql", "INSERT INTO t VALUES ('{long}', '{token}');"),
        ("b.sql", "INSERT INTO t VALUES ('{token}');"),
        ("a.json", '{{"a": "{longer} Authorization: Bearer {token}"}}'),
        ("b.json", '{{"a": "{longest} {token}"}}'),
    ],
    ids=lambda case: case if len(case) < 8 else "",
)
def test_a_credential_far_to_the_right_is_found_once(
    name: str, text: str, tmp_path: Path
) -> None:
    long = {"long": "a " * 17_000, "longer": "a " * 90_000, "longest": "a " * 600_000}
    (tmp_path / name).write_text(text.format(token=TOKEN, **long))
    assert [one.secret for one in found(bounded(tmp_path))] == ["bearer_token"]


def test_a_credential_where_a_long_line_is_cut_is_one(tmp_path: Path) -> None:
    for at in range(19_940, 20_010, 7):
        (tmp_path / f"{at}.js").write_text(f"{'a' * at} '{TOKEN}'{' b' * 9_000}")
    assert {one.credential for one in found(bounded(tmp_path))} == {
        found(bounded(tmp_path))[0].credential
    }


def test_utf_32_is_text(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_bytes(f"DB_PASSWORD={PASSWORD}\n".encode("utf-32"))
    assert [one.place for one in found(bounded(tmp_path))] == ["DB_PASSWORD"]
