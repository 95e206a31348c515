"""Values that are imported from other files of the repository."""

from pathlib import Path

import pytest

from dagwarden.facts import EmbeddedSecret
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.records.outcome import decoded
from dagwarden.sources.embedded import modules
from dagwarden.sources.embedded.file import Reader
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


def chain(length: int) -> dict[str, str]:
    files = {
        f"m{number}.py": f"from m{number + 1} import X" for number in range(length)
    }
    return {**files, f"m{length}.py": f"X = '{VALUE}'"}


@pytest.mark.parametrize("length", [0, 3, 4, 5, 8])
def test_how_far_modules_are_followed_does_not_depend_on_who_came_first(
    tmp_path: Path, length: int
) -> None:
    def places(order: list[str]) -> set[str]:
        reader = Reader(tmp_path, Fingerprint(b"k", False))
        found = [
            (name, fact.secret, fact.path)
            for name in order
            for fact in reader.outcome(tmp_path / name, tmp_path).embedded_secrets
        ]
        return set(map(repr, found))

    files = chain(length)
    files |= {"z.py": "from m0 import X\npassword = X"}
    files |= {f"y{n}.py": f"from m{n} import X" for n in range(length + 1)}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    names = sorted(files)
    assert places(names) == places(names[::-1])
    assert ("'z.py', 'password'" in "".join(places(names))) == (length < 5)


def test_modules_of_one_file_take_so_much_together_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        names = "".join(f"N{n} = 'x{n}'\n" for n in range(60))
        (tmp_path / f"m{number:02}.py").write_text(f"{names}X = '{VALUE}{number}'\n")
    imports = "".join(
        f"from m{n:02} import X as X{n}\nf(password=X{n})\n" for n in range(40)
    )
    for name in ("a.py", "b.py"):
        (tmp_path / name).write_text(imports)

    def told_of(most: int, names: tuple[str, ...]) -> list[tuple[int, list[str]]]:
        monkeypatch.setattr(modules, "MAX_OF_ALL", most)
        reader = Reader(tmp_path, Fingerprint(b"k", False))
        outcomes = [reader.outcome(tmp_path / name, tmp_path) for name in names]
        return [
            (
                sum(one.secret is not None for one in outcome.embedded_secrets),
                [gap.reason for gap in outcome.gaps],
            )
            for outcome in outcomes
        ]

    assert told_of(2_000_000, ("a.py",)) == [(40, [])]
    first, second = told_of(20_000, ("a.py", "b.py"))
    # what the first has read costs the second as much
    assert first == second
    assert 0 < first[0] < 40
    assert first[1] == ["too_large"]


@pytest.mark.parametrize("backwards", [False, True])
def test_modules_in_a_circle_are_read_as_far_as_others(
    tmp_path: Path, backwards: bool
) -> None:
    files = {
        "a.py": f"from c import Y\nX = '{VALUE}'",
        "b.py": "from a import X, Y\npassword = Y\nX = X",
        "c.py": "from b import X\nY = X",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    reader = Reader(tmp_path, Fingerprint(b"k", False))
    found = [
        (name, fact.secret, fact.path, fact.place)
        for name in sorted(files, reverse=backwards)
        for fact in reader.outcome(tmp_path / name, tmp_path).embedded_secrets
        if fact.secret is not None
    ]
    assert found == [("b.py", "password", "a.py", "password")]


def test_a_package_whose_modules_all_import_each_other_is_looked_into_whole(
    tmp_path: Path,
) -> None:
    count = 30
    imports = "".join(f"from m{n} import X as X{n}\n" for n in range(count))
    for number in range(count):
        (tmp_path / f"m{number}.py").write_text(f"{imports}X = 'x{number}'\n")
    reader = Reader(tmp_path, Fingerprint(b"k", False))
    for number in range(count):
        read = reader.read(tmp_path / f"m{number}.py", tmp_path)
        assert not decoded(read.outcome).gaps
        assert read.seen is not None
        assert len(read.seen) >= count
    # each as often as it may be followed, not as often as ways lead to it
    assert len(reader.shelf.modules) <= count * modules.MAX_DEPTH
