"""A marker of another tool waives, without an owner and in sight."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.sources.embedded.test_places import PASSWORD

DAGWARDEN = str(Path(sys.executable).with_name("dagwarden"))
MARKERS = {
    "gitleaks:allow": f"password: {PASSWORD}  # gitleaks:allow",
    "pragma: allowlist secret": f"password: {PASSWORD}  # pragma: allowlist secret",
    "kingfisher:ignore": f"password: {PASSWORD}  # kingfisher:ignore",
    "trufflehog:ignore": f"password: {PASSWORD}  # trufflehog:ignore",
    "nosec": f"password: {PASSWORD}  # nosec B105",
    "noqa: S105": f"password: {PASSWORD}  # noqa: E501, S105",
}


def scanned(folder: Path, *options: str) -> tuple[int, dict[str, list[dict[str, Any]]]]:
    done = subprocess.run(
        [DAGWARDEN, "scan", ".", "--format", "json", "--no-cache", *options],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)["result"]


@pytest.mark.parametrize("marker", MARKERS)
def test_a_marker_is_a_waiver_without_owner(marker: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MARKERS[marker] + "\n")
    (tmp_path / "b.py").write_text("")
    status, result = scanned(tmp_path)
    [waiver] = result["waivers"]
    assert (status, waiver["status"], waiver["owner"]) == (0, "used", "")
    assert waiver["reason"] == f"marked {marker}"
    [finding] = [one for one in result["findings"] if one["outcome"] == "fail"]
    assert finding["waiver"] == waiver["id"]


def test_where_the_repository_is_not_trusted_it_does_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(MARKERS["nosec"] + "\n")
    (tmp_path / "b.py").write_text("")
    operator = tmp_path / "operator.toml"
    operator.write_text('[[environment]]\nname = "x"\ndags = ["."]\n')
    status, result = scanned(tmp_path, "--config", "operator.toml")
    assert (status, [one["status"] for one in result["waivers"]]) == (1, ["refused"])


def test_our_own_waiver_counts_in_any_file(tmp_path: Path) -> None:
    said = "dagwarden: waive secret-in-repository until=2099-01-01 owner=@x -- test"
    (tmp_path / "a.yaml").write_text(f"password: {PASSWORD}  # {said}\n")
    (tmp_path / "b.py").write_text("")
    status, result = scanned(tmp_path)
    assert (status, [one["owner"] for one in result["waivers"]]) == (0, ["@x"])


WAIVE = "# dagwarden: waive secret-in-repository until={} -- a test"
MODULES = {
    "at its end": 'PASSWORD = "{password}"  {waiver}\n',
    "above it": '{waiver}\nPASSWORD = "{password}"\n',
    "within": 'S = dict(\n    url="x",\n    password="{password}",  {waiver}\n)\n',
    "no Python": 'PASSWORD = "{password}"  {waiver}\nprint "x"\n',
}
DAG = "from airflow import DAG\ndag = DAG('d')\n"


@pytest.mark.parametrize("before", ["", DAG])
@pytest.mark.parametrize("module", MODULES)
def test_our_own_waiver_counts_once_in_any_python_file(
    module: str, before: str, tmp_path: Path
) -> None:
    waiver = WAIVE.format("2099-01-01 owner=@x")
    text = before + MODULES[module].format(password=PASSWORD, waiver=waiver)
    (tmp_path / "settings.py").write_text(text)
    _, result = scanned(tmp_path)
    assert [(one["status"], one["owner"]) for one in result["waivers"]] == [
        ("used", "@x")
    ]
    [finding] = [one for one in result["findings"] if one["outcome"] == "fail"]
    assert finding["waiver"] == result["waivers"][0]["id"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2020-01-01 owner=@x", "expired on 2020-01-01"),
        ("2099-01-01", "has no owner="),
    ],
)
def test_a_waiver_in_python_that_does_not_apply_is_told(
    said: str, told: str, tmp_path: Path
) -> None:
    text = f'PASSWORD = "{PASSWORD}"  {WAIVE.format(said)}\n'
    (tmp_path / "settings.py").write_text(text)
    done = subprocess.run(
        [DAGWARDEN, "scan", ".", "--no-cache"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if told in line]
    assert len(lines) == 1
    assert "settings.py:1" in lines[0]


def test_what_a_waiver_says_is_not_remembered(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    for number in range(40):
        (folder / f"m{number}.py").write_text("x = 1\n")
    said = WAIVE.format("2099-01-01 owner=@x")
    (folder / "settings.py").write_text(f"x = 1  {said} sentinel-of-it\n")
    done = subprocess.run(
        [DAGWARDEN, "scan", "."],
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "settings.py:1" in done.stdout
    stored = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert stored
    assert [path for path in stored if b"sentinel-of-it" in path.read_bytes()] == []
