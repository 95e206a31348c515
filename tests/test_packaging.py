"""What ships in the wheel is what stands in the checkout, and works alone."""

import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import dagwarden
from dagwarden import bundle

ROOT = Path(__file__).parents[1]
PACKED = ["rules", "reports"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("dist"))


def build(target: str, out: Path, source: Path = ROOT) -> Path:
    run("hatchling", "build", "-t", target, "-d", str(out), cwd=source)
    (built,) = out.iterdir()
    return built


def run(module: str, *args: str, cwd: Path = ROOT) -> None:
    command = [sys.executable, "-m", module, *args]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("kind", PACKED)
def test_wheel_carries_every_file_of(kind: str, wheel: Path) -> None:
    prefix = f"dagwarden/_bundle/{kind}/"
    shipped = {n.removeprefix(prefix) for n in names(wheel) if n.startswith(prefix)}
    assert shipped == files(ROOT / kind)


def test_wheel_carries_the_page_that_findings_name(wheel: Path) -> None:
    page = "dagwarden/_bundle/docs/credentials-rotation.md"
    assert [name for name in names(wheel) if "/docs/" in name] == [page]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(page) == (ROOT / "docs" / Path(page).name).read_bytes()


def test_wheel_carries_the_package_and_no_other(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in names(wheel)}
    assert tops == {"dagwarden", f"dagwarden-{dagwarden.__version__}.dist-info"}
    assert files(ROOT / "scanner" / "dagwarden") <= {
        name.removeprefix("dagwarden/") for name in names(wheel)
    }


@pytest.mark.parametrize("kind", PACKED)
def test_data_folders_hold_no_python(kind: str) -> None:
    assert [name for name in files(ROOT / kind) if name.endswith(".py")] == []


def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build("sdist", tmp_path / "sdist")
    # As a command: extractall's `filter` came with 3.11.4, and Debian has 3.11.2.
    run("tarfile", "--extract", str(sdist), str(tmp_path / "src"))
    (source,) = (tmp_path / "src").iterdir()
    rebuilt = build("wheel", tmp_path / "again", source)
    assert rebuilt.read_bytes() == wheel.read_bytes()


def test_installed_wheel_finds_its_own_data(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    run("uv", "pip", "install", "--offline", "--no-deps", "-p", python, str(wheel))
    code = "from dagwarden.bundle import bundled; print(bundled({!r}))"
    for kind in PACKED:
        found = subprocess.run(
            [python, "-I", "-c", code.format(kind)], capture_output=True, text=True
        )
        assert found.stderr == ""
        folder = Path(found.stdout.strip())
        assert folder.is_relative_to(tmp_path / "venv")
        assert files(folder) == files(ROOT / kind)


def test_checkout_uses_its_own_folders() -> None:
    assert bundle.bundled("rules") == ROOT / "rules"
    assert bundle.bundled("reports") == ROOT / "reports"


def test_without_its_data_the_installation_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bundle, "_CHECKOUT", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"installed without its rules/ files"):
        bundle.bundled("rules")


@pytest.mark.parametrize("lock", ["airflow", "dev", "run", "uv"])
def test_every_requirement_is_pinned_by_hash(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    joined = text.replace("\\\n", " ")
    lines = [n for n in joined.splitlines() if n and not n.lstrip().startswith("#")]
    assert [
        n
        for n in lines
        if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", n)
    ] == []
    assert "://" not in text


def test_run_lock_is_part_of_the_dev_lock() -> None:
    def pins(lock: str) -> set[str]:
        text = (ROOT / "requirements" / f"{lock}.txt").read_text()
        return set(re.findall(r"^[\w.-]+==[^\s;]+", text, re.MULTILINE))

    assert pins("uv") | pins("run") <= pins("dev")
