"""A marker of another tool waives, without an owner and in sight."""

import json
import subprocess
import sys
from pathlib import Path

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


def scanned(folder: Path, *options: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
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
