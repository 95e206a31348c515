"""What is remembered from run to run: nothing that changed, no secret, no harm done."""

import os
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

import dagwarden
from dagwarden.facts import Facts
from dagwarden.sources import stores as keeping
from dagwarden.sources.connections.records import Connections, Entry
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags import file as reading
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.dags.records.outcome import Environment, decoded
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import Entry as Variable
from dagwarden.sources.variables.records import Variables

RUN = "from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator as R\n"
FILES: dict[str, str] = {
    "dags/a.py": f"from airflow import DAG\n{RUN}from names import JOB\nwith DAG('a'): R(task_id='t', job_name=JOB)\n",
    "dags/b.py": f"from airflow import DAG\n{RUN}import pkg.deep as d\nwith DAG('b'): R(task_id='t', region=d.R, overrides={{'env': [{{'name': 'PASSWORD', 'value': 'Xq7vT9mKp2'}}]}})\n",
    "dags/broken.py": "from airflow import DAG\nx = (\n",
    "dags/none.py": "x = 1\n",
    "dags/old/c.py": "from airflow import DAG\nDAG('c')\n",
    "dags/names.py": "from pkg import JOB\n",
    "pkg/__init__.py": "JOB = 'load'\n",
    "pkg/deep.py": "R = 'europe-west1'\n",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of all stores, which is not there yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home/cache"))
    return tmp_path / "home/cache/dagwarden"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "repo", FILES)
    return tmp_path / "repo"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def read(
    root: Path,
    *,
    cached: bool = True,
    environment: str = "prod",
    airflow: str | None = "3.1",
    key: bytes = b"key",
    keep: bool = True,
    outside: Outside | None = None,
) -> Facts:
    return find_dags(
        root,
        environment,
        [root / "dags"],
        only=None,
        exclude=(),
        airflow=airflow,
        fingerprint=Fingerprint(key, keep),
        outside=outside or Outside(),
        cached=cached,
    ).read()


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return a function that returns the files that were read since it was called."""
    read_now: list[str] = []
    before = reading.FileReader.read

    def counting(self: reading.FileReader, path: Path, folder: Path) -> object:
        read_now.append(path.relative_to(self.root).as_posix())
        return before(self, path, folder)

    monkeypatch.setattr(reading.FileReader, "read", counting)

    def told() -> list[str]:
        found = sorted(read_now)
        read_now.clear()
        return found

    return told


Count = Callable[[], list[str]]
EVERY = sorted(name for name in FILES if name.startswith("dags/"))


def test_every_way_of_reading_comes_to_the_same_bytes() -> None:
    # a few files are read without their facts being written: these are of their types
    folder = Path(__file__).parents[3] / "fixtures"
    files = sorted(folder.glob("*/dags/**/*.py"))
    reader = reading.FileReader(
        folder, Environment("prod", None, Fingerprint(b"key", True))
    )
    assert len(files) > 20
    for path in files:
        told = reader.outcome(path, path.parent)
        assert repr(decoded(reader.read(path, path.parent).outcome)) == repr(told)


def test_what_did_not_change_is_not_read_again(root: Path, count: Count) -> None:
    cold = read(root, cached=False)
    count()
    first = read(root)
    assert count() == EVERY
    warm = read(root)
    assert count() == []
    assert repr(cold) == repr(first) == repr(warm)
    assert warm.calls[0].name == "load"
    (secret,) = warm.tasks[1].secrets_known
    assert secret.fingerprint is not None


CHANGES: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a file": (lambda r: (r / "dags/a.py").write_text("import airflow # dag"), ["dags/a.py"]),
    "of the same size": (lambda r: (r / "pkg/__init__.py").write_text("JOB = 'last'\n"), ["dags/a.py", "dags/b.py"]),
    "a module": (lambda r: (r / "pkg/deep.py").write_text("R = 'us'\n"), ["dags/b.py"]),
    "a module gone": (lambda r: (r / "pkg/deep.py").unlink(), ["dags/b.py"]),
    "a package gone": (lambda r: shutil.rmtree(r / "pkg"), ["dags/a.py", "dags/b.py"]),
    "a module hides another": (lambda r: write(r, {"dags/pkg/__init__.py": "JOB = 'hidden'"}), ["dags/a.py", "dags/b.py", "dags/pkg/__init__.py"]),
    "a package hides a module": (lambda r: write(r, {"dags/names/__init__.py": "JOB = 'hidden'"}), ["dags/a.py", "dags/names/__init__.py"]),
    "a folder named like a package": (lambda r: (r / "dags/names").mkdir(), []),
    "a new file": (lambda r: write(r, {"dags/new.py": FILES["dags/a.py"]}), ["dags/new.py"]),
    "a file gone": (lambda r: (r / "dags/a.py").unlink(), []),
    "left out": (lambda r: write(r, {"dags/.airflowignore": "a.py"}), []),
    "touched": (lambda r: (r / "dags/a.py").touch(), []),
    "a link to the same": (lambda r: linked(r, "dags/a.py"), []),
    "a link to outside": (lambda r: linked(r, "../a.py"), ["dags/a.py"]),
}  # fmt: skip


def linked(root: Path, name: str) -> None:
    """Put a link in place of `dags/a.py`, to a copy of it."""
    path = root / "dags/a.py"
    there = root / name if name.startswith("..") else root / "pkg/copy.py"
    there.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(there)


@pytest.mark.parametrize("settled", [True, False], ids=["settled", "racy"])
@pytest.mark.parametrize(("change", "again"), CHANGES.values(), ids=CHANGES)
def test_what_changed_is_read_again_and_what_rests_on_it(
    root: Path,
    count: Count,
    monkeypatch: pytest.MonkeyPatch,
    settled: bool,
    change: Callable[[Path], object],
    again: list[str],
) -> None:
    if settled:
        monkeypatch.setattr("dagwarden.sources.dags.records.seen.SETTLED", -(10**18))
    read(root)
    count()
    change(root)
    warm = read(root)
    assert count() == again
    assert repr(warm) == repr(read(root, cached=False))


TEXTS = ("JOB = 'x'\n", "R = JOB = 1\n", "", "from pkg import *\n", "import airflow # dag\n", "x = (")  # fmt: skip
PATHS = (*FILES, "dags/pkg.py", "dags/names/__init__.py", "plugins/pkg/__init__.py", "src/names.py", "dags/.airflowignore", "pkg/names.py")  # fmt: skip


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.sampled_from(PATHS), st.sampled_from([None, *TEXTS])),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_changes_warm_is_cold(
    root: Path, changes: list[tuple[str, str | None]]
) -> None:
    for name, text in changes:
        if text is None:
            (root / name).unlink(missing_ok=True)
        else:
            write(root, {name: text})
        assert repr(read(root)) == repr(read(root, cached=False))


def variables(text: str) -> Outside:
    return Outside(Variables((Layer({"job": Variable(text, text)}),)))


def connections(host: str, extra: Mapping[str, object]) -> Outside:
    entry = Entry("http", host, None, None, None, extra)
    return Outside(connections=Connections((Layer({"job": entry}),)))


INPUTS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "environment": ({}, {"environment": "test"}),
    "Airflow": ({}, {"airflow": "2.11"}),
    "key": ({"key": b"one"}, {"key": b"two"}),
    "no key": ({}, {"keep": False}),
    "variables": ({"outside": variables("a")}, {"outside": variables("b")}),
    "no variables": ({}, {"outside": variables("a")}),
    "connections": (
        {"outside": connections("a", {})},
        {"outside": connections("b", {})},
    ),
    "extras of connections": (
        {"outside": connections("a", {"b": [1]})},
        {"outside": connections("a", {"b": [UNSET]})},
    ),
    "all connections": (
        {"outside": Outside()},
        {"outside": Outside(connections=Connections(complete=True))},
    ),
}


@pytest.mark.parametrize(("first", "second"), INPUTS.values(), ids=INPUTS)
def test_another_input_is_another_store(
    root: Path,
    place: Path,
    count: Count,
    first: dict[str, object],
    second: dict[str, object],
) -> None:
    for inputs in (first, second):
        read(root, **inputs)  # type: ignore[arg-type]  # a table of keywords
        assert count() == EVERY
    assert len(list(place.glob("*.facts"))) == 2
    for inputs in (first, second):
        read(root, **inputs)  # type: ignore[arg-type]  # a table of keywords
    assert count() == []


def test_without_a_key_the_run_s_own_does_not_matter(root: Path, count: Count) -> None:
    read(root, key=b"random", keep=False)
    count()
    read(root, key=b"another", keep=False)
    assert count() == []


def test_other_code_is_another_store(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    package = tmp_path / "dagwarden"
    (package / "sources").mkdir(parents=True)
    monkeypatch.setattr(dagwarden, "__file__", str(package / "__init__.py"))
    (package / "sources/a.py").write_text("1")
    read(root)
    count()
    read(root)
    assert count() == []
    (package / "sources/a.py").write_text("2")
    read(root)
    assert count() == EVERY


def test_another_release_of_what_is_installed_is_another_store(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Count
) -> None:
    installed = tmp_path / "site/parser-1.0.dist-info"
    installed.mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(installed.parent), *sys.path])
    read(root)
    count()
    installed.rename(installed.with_name("parser-1.1.dist-info"))
    read(root)
    assert count() == EVERY


def store(place: Path) -> Path:
    (found,) = place.glob("*.facts")
    return found


def test_a_store_is_its_owner_s(root: Path, place: Path) -> None:
    place.mkdir(parents=True, mode=0o755)
    place.chmod(0o755)
    read(root)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(store(place).stat().st_mode) == 0o600


def test_a_store_holds_no_secret_and_no_key(root: Path, place: Path) -> None:
    (root / "dags/x=ghp_q7hx2m9vkd4tzb1nw8cfj5rgy3ls6pa0eiou.py").write_text(
        "from airflow import DAG\nDAG('https://u:Xq7vT9mKp2@h')\n"
    )
    (root / "dags/waived.py").write_text(
        "from airflow import DAG\nDAG('x')  # dagwarden: until=Zq5sH3bWm8\n"
    )
    (root / "dags/shell.py").write_text(
        "from airflow import DAG\n"
        "from airflow.providers.standard.operators.bash import BashOperator\n"
        "with DAG('y'): BashOperator(task_id='t', bash_command='./x Kw4nV6cXf9.sh')\n"
    )
    first = read(root, key=b"Zw8rY5nJd4")
    assert repr(read(root, key=b"Zw8rY5nJd4")) == repr(first)
    content = store(place).read_bytes()
    for secret in (
        *(b"Xq7vT9mKp2", b"ghp_0123456789", b"Zw8rY5nJd4"),
        *(b"Zq5sH3bWm8", b"Kw4nV6cXf9"),
    ):
        assert secret not in content


def test_what_a_store_is_called_gives_nothing_away(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()
    for home in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / home))
        read(root)
        place = tmp_path / home / "dagwarden"
        names.add(store(place).name)
        assert stat.S_IMODE((place / "key").stat().st_mode) == 0o600
        assert len((place / "key").read_bytes()) == 32
    assert len(names) == 2


@pytest.mark.parametrize("damaged", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_made_anew(
    root: Path, place: Path, count: Count, damaged: bytes
) -> None:
    read(root)
    (place / "key").write_bytes(damaged)
    count()
    read(root)
    assert count() == EVERY
    read(root)
    assert count() == []


def test_a_store_is_not_written_where_nothing_changed(root: Path, place: Path) -> None:
    read(root)
    before = store(place).stat().st_ino
    read(root)
    assert store(place).stat().st_ino == before


def replaced_by_a_folder(store: Path) -> None:
    store.unlink()
    store.mkdir()


def replaced_by_a_pipe(store: Path) -> None:
    store.unlink()
    os.mkfifo(store)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda store: store.write_bytes(b""),
    "cut": lambda store: store.write_bytes(store.read_bytes()[:-1]),
    "longer": lambda store: store.write_bytes(store.read_bytes() + b"\0"),
    "nonsense": lambda store: store.write_bytes(b"x" * 5_000),
    "gone": lambda store: store.unlink(),
    "a folder": replaced_by_a_folder,
    "a pipe": replaced_by_a_pipe,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_store_is_none(
    root: Path, place: Path, count: Count, damage: Callable[[Path], object]
) -> None:
    cold = read(root)
    damage(store(place))
    count()
    assert repr(read(root)) == repr(cold)
    assert count() == EVERY
    read(root)
    # what is no file is not replaced: it is none of ours
    assert count() == (EVERY if damage is replaced_by_a_folder else [])


def test_no_byte_of_a_store_may_be_another(
    root: Path, place: Path, count: Count
) -> None:
    cold = read(root)
    content = store(place).read_bytes()
    count()
    for at in range(0, len(content), max(len(content) // 40, 1)):
        changed = bytearray(content)
        changed[at] ^= 1
        store(place).write_bytes(changed)
        assert repr(read(root)) == repr(cold)
        assert count() == EVERY


def test_a_store_of_another_name_is_none(root: Path, place: Path, count: Count) -> None:
    read(root)
    content = store(place).read_bytes()
    store(place).unlink()
    read(root, environment="test")
    store(place).write_bytes(content)
    count()
    read(root, environment="test")
    assert count() == EVERY


@pytest.mark.parametrize("where", ["", "relative/cache"])
def test_without_a_folder_of_its_own_it_is_in_the_home_folder(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", where)
    monkeypatch.setenv("HOME", str(tmp_path / "other"))
    read(root)
    assert store(tmp_path / "other/.cache/dagwarden").is_file()


def test_nothing_is_written_below_what_is_scanned(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
    before = sorted(root.rglob("*"))
    assert repr(read(root)) == repr(read(root, cached=False))
    assert sorted(root.rglob("*")) == before
    (root.parent / "link").symlink_to(root)
    monkeypatch.setenv("XDG_CACHE_HOME", str(root.parent / "link"))
    read(root)
    assert sorted(root.rglob("*")) == before


def test_where_nothing_can_be_written_all_is_read(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.parent.mkdir(parents=True)
    place.write_text("a file")
    assert repr(read(root)) == repr(read(root, cached=False))
    place.unlink()

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert repr(read(root)) == repr(read(root, cached=False))
    assert list(place.iterdir()) == []


def test_another_s_folder_is_not_used(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    read(root)
    assert list(place.iterdir()) == []


def test_room_is_made_by_dropping_what_was_not_used_for_longest(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("first", "second", "third")
    stores: dict[str, Path] = {}
    for age, name in enumerate(names):
        read(root, environment=name)
        (stores[name],) = set(place.glob("*.facts")) - set(stores.values())
        os.utime(stores[name], (10**9 + age, 10**9 + age))
    part = place / "0123.part"
    part.write_text("left half written")
    os.utime(part, (10**9, 10**9))
    read(root, environment="first")  # it is used, and so the youngest
    size = stores["first"].stat().st_size
    monkeypatch.setattr(keeping, "MAX_STORES", 3 * size + size // 2)
    read(root, environment="fourth")
    left = set(place.iterdir())
    assert part not in left
    assert place / "key" in left
    assert {name for name, path in stores.items() if path in left} == {"first", "third"}


def test_a_store_that_would_be_too_large_is_not_written(
    root: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "MAX_STORE", 100)
    assert repr(read(root)) == repr(read(root, cached=False))
    assert [path.name for path in place.iterdir()] == ["key"]


def test_what_is_not_there_any_more_is_dropped(root: Path, place: Path) -> None:
    read(root)
    size = store(place).stat().st_size
    (root / "dags/b.py").unlink()
    read(root)
    assert store(place).stat().st_size < size
