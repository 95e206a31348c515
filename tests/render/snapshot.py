"""Outputs as they were approved; DAGWARDEN_UPDATE_SNAPSHOTS=1 writes them anew."""

import os
from pathlib import Path

FOLDER = Path(__file__).parent / "snapshots"
ROOT = Path(__file__).parents[2]


def assert_same(data: bytes, path: Path) -> None:
    if os.environ.get("DAGWARDEN_UPDATE_SNAPSHOTS"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    assert data.decode() == path.read_bytes().decode(), (
        f"{path.name} changed: look at it, then DAGWARDEN_UPDATE_SNAPSHOTS=1"
    )
