"""Values that are imported from other files of the repository."""

from pathlib import Path

import pytest

from dagwarden.facts import EmbeddedSecret
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.embedded.join import joined
from dagwarden.sources.embedded.read import find_files

VALUE = "tundra-velvet-88-mast"
FIRST, SECOND = "J4hG9sD6fP0yTuV8", "qweRtY12uiOpAs"

Place = tuple[str, int | None]


def told(folder: Path, files: dict[str, str]) -> list[EmbeddedSecret]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    facts = find_files(
        folder, [folder], only=None, exclude=(), fingerprint=Fingerprint(b"k", False)
    ).read()
    found = joined(facts, keep=False).embedded_secrets
    clear = {fact.path for fact in found if fact.secret is None}
    assert not clear & {fact.path for fact in found if fact.secret is not None}
    return [fact for fact in found if fact.secret is not None]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (
            {"a.py": f"X = '{VALUE}'", "b.py": "from a import X\nf(password=X)"},
            [("a.py", 1)],
        ),
        (
            {
                "dags/a.py": f"class K:\n    x = '{VALUE}'",
                "dags/t/b.py": "from a import K as L\npassword = L.x",
            },
            [("dags/a.py", 2)],
        ),
        (
            {"p/a.py": f"X = '{VALUE}'", "p/b.py": "from . import a\npassword = a.X"},
            [("p/a.py", 1)],
        ),
        (
            {
                "plugins/p/__init__.py": "from p.deep import *",
                "plugins/p/deep.py": f"X = '{VALUE}'",
                "dags/b.py": "import p\npassword = p.X",
            },
            [("plugins/p/deep.py", 1)],
        ),
        # the file itself tells of it, too: once
        (
            {
                "a.py": f"password = '{VALUE}'",
                "b.py": "import a\npassword = a.password",
            },
            [("a.py", 1)],
        ),
        # none is surely meant
        (
            {
                "a.py": f"X = '{VALUE}'",
                "dags/a.py": "X = None",
                "dags/b.py": "from a import X\npassword = X",
            },
            [],
        ),
        (
            {"json.py": f"X = '{VALUE}'", "b.py": "from json import X\npassword = X"},
            [],
        ),
    ],
)
def test_it_is_told_where_it_is_written(
    tmp_path: Path, files: dict[str, str], expected: list[Place]
) -> None:
    found = told(tmp_path, files)
    assert [(fact.path, fact.origin.line) for fact in found] == expected


def test_other_places_that_contribute_are_told(tmp_path: Path) -> None:
    use = f"import a\n\ntoken = a.FIRST + '{SECOND}'"
    (fact,) = told(tmp_path, {"a.py": f"FIRST = '{FIRST}'", "b.py": use})
    assert (fact.path, fact.origin.line) == ("a.py", 1)
    assert [(one.source, one.line) for one in fact.contributing] == [("b.py", 3)]


@pytest.mark.parametrize(
    "files",
    [
        {"a.py": "from b import *\nX = Y", "b.py": "from a import *\nY = X"},
        {f"m{n}.py": f"from m{n + 1} import *" for n in range(40)},
        {"a.py": "from a import X\npassword = X"},
        {"a.py": "from ......... import x\nfrom x.y.z.w import *\nimport b.\n"},
        {"a.py": "from b import X\n", "b.py": "X = (\n"},
        {"a.py": "from b import X\npassword = X", "b.py/c": ""},
    ],
)
def test_what_leads_nowhere_is_left(tmp_path: Path, files: dict[str, str]) -> None:
    assert told(tmp_path, files) == []


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    (tmp_path / "out.py").write_text(f"X = '{VALUE}'")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked.py").symlink_to(tmp_path / "out.py")
    code = "from ..out import X\nfrom linked import X as Y\npassword = X\ntoken = Y"
    assert told(root, {"a.py": code}) == []
