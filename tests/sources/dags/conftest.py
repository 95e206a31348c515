"""Reading DAG files that a test writes."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from dagwarden.facts import Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.language.objects import SearchPlace, Source
from dagwarden.sources.dags.read import find_dags

NOTHING = Outside()
Scan = Callable[..., Facts]


class NoFiles:
    """A repository without modules and files."""

    dags = "dags"

    def find(self, name: str) -> Source | None:
        return None

    def search(self, path: str | None, place: SearchPlace) -> None:
        pass

    def content(self, path: str) -> bytes | None:
        return None

    def listed(self, path: str) -> list[tuple[str, bool]] | None:
        return None

    def is_link(self, path: str) -> bool:
        return False


def _path(name: str) -> str:
    """Return the path that `dags__conf____init__` stands for."""
    stem = name.removesuffix("____init__").replace("__", "/")
    return f"{stem}/__init__.py" if name.endswith("____init__") else f"{stem}.py"


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Return a function that writes files and reads them as environment `prod`."""

    def read(
        source: str = "",
        *,
        only: list[str] | None = None,
        exclude: tuple[str, ...] = (),
        airflow: str | None = "3.1",
        folder: str = "dags",
        outside: Outside = NOTHING,
        traced: bool = True,
        **files: str,
    ) -> Facts:
        root = tmp_path / "repo"
        written = {_path(name): text for name, text in files.items()}
        if source:
            written["dags/a.py"] = source
        for name, text in written.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))
        (root / folder).mkdir(parents=True, exist_ok=True)
        return find_dags(
            root,
            "prod",
            [Path(folder)],
            only=None if only is None else [Path(name) for name in only],
            exclude=exclude,
            airflow=airflow,
            fingerprint=Fingerprint(b"key", True),
            traced=traced,
            outside=outside,
        ).read()

    return read
