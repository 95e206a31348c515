"""A snapshot is remembered while it is the same, read in the same way, and whole."""

import os
import secrets
import zlib
from pathlib import Path

import msgspec
import pytest

from dagwarden.config import Config
from dagwarden.facts import Facts
from dagwarden.sources import stores
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.estate import read_estate
from dagwarden.sources.snapshot import earlier as remembering

FIXTURES = Path(__file__).parents[3] / "fixtures"
KEPT = Fingerprint(b"of the operator", True)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all stores, which is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remembering, "SMALL", 0)
    return tmp_path / "cache/dagwarden"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with the demo's assets in it."""
    root = tmp_path / "estate"
    (root / "exports").mkdir(parents=True)
    assets = (FIXTURES / "demo/assets.ndjson").read_text(encoding="utf-8")
    (root / "exports/assets.ndjson").write_text(assets, encoding="utf-8")
    return root


def read(
    root: Path,
    *names: str,
    cached: bool = True,
    include_sys: bool = False,
    fingerprint: Fingerprint = KEPT,
) -> Facts:
    config = Config(
        root=str(root),
        snapshots=names or ("exports/assets.ndjson",),
        include_sys_projects=include_sys,
    )
    return read_estate(config, fingerprint=fingerprint, environ={}, cached=cached).facts


def kept(place: Path) -> list[Path]:
    return list(place.glob("*.facts"))


def count(place: Path) -> int:
    return len(kept(place))


@pytest.mark.parametrize(
    "estate", sorted(path.parent.name for path in FIXTURES.glob("*/assets.ndjson"))
)
def test_what_is_remembered_is_what_was_read(estate: str, place: Path) -> None:
    root, name = FIXTURES / estate, "assets.ndjson"
    plain = read(root, name, cached=False)
    assert count(place) == 0
    first, again = read(root, name), read(root, name)
    assert count(place) == 1
    assert plain == first == again
    assert msgspec.json.encode(plain) == msgspec.json.encode(again)


def test_a_store_is_used_and_only_for_the_same_bytes(root: Path, place: Path) -> None:
    read(root)
    (key,) = kept(place)
    written = key.stat().st_mtime_ns
    os.utime(key, (10**9, 10**9))
    read(root)
    assert key.stat().st_mtime_ns >= written  # it was used, not made anew
    assert count(place) == 1
    file = root / "exports/assets.ndjson"
    file.write_bytes(file.read_bytes() + b"# a remark\n")
    assert read(root).gaps[-1].detail == "a comment, not an asset"
    assert count(place) == 2


def test_what_decides_how_it_is_read_makes_another_store(
    root: Path, place: Path
) -> None:
    read(root)
    read(root, include_sys=True)
    read(root, fingerprint=Fingerprint(b"another", True))
    read(root, fingerprint=Fingerprint(b"of this run", False))
    read(root, "exports")  # the same files
    assert count(place) == 4
    read(root, fingerprint=Fingerprint(b"of the next run", False))
    assert count(place) == 4
    (root / "exports/notes.md").write_text("passed over")
    assert read(root, "exports").excluded[0].what == "exports/notes.md"
    assert count(place) == 5


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 64])
def test_a_damaged_store_costs_time_and_changes_nothing(
    root: Path, place: Path, damage: bytes
) -> None:
    whole = read(root)
    (store,) = kept(place)
    store.write_bytes(damage)
    assert read(root) == whole
    assert store.stat().st_size > 1_000


def test_what_changes_while_it_is_read_is_not_kept(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def otherwise(path: Path) -> str:
        return "0" * 64

    monkeypatch.setattr(remembering, "_sha256", otherwise)
    read(root)
    assert count(place) == 0


def test_what_is_too_large_is_not_kept(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MAX_STORE", 100)
    assert read(root) == read(root, cached=False)
    assert count(place) == 0


def test_small_files_are_read_as_fast(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembering, "SMALL", 10**6)
    read(root)
    assert count(place) == 0


def test_no_secret_is_in_a_store(root: Path, place: Path) -> None:
    secret = f"{secrets.token_hex(12)}Aa1"
    run = "//run.googleapis.com/projects/p/locations/r/services/s"
    service = {
        "name": run,
        "assetType": "run.googleapis.com/Service",
        "resource": {
            "data": {
                "urls": [f"https://u:{secret}@h.example/"],
                "template": {
                    "containers": [{"env": [{"name": "TOKEN", "value": secret}]}]
                },
            }
        },
    }
    (root / "one.json").write_bytes(msgspec.json.encode(service))
    found = read(root, "one.json").cloud_runs[0]
    assert found.urls == ("https://u:***@h.example/",)
    assert found.secrets_known or found.secrets
    (store,) = kept(place)
    content = zlib.decompress(store.read_bytes()[32:])  # behind its sum
    assert b"https://u:***@h.example/" in content
    assert secret.encode() not in content
