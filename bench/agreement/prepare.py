"""The environments and the DAG files of the bench: made once, in a folder of its own."""

import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSIONS = {"2.11": "airflow2.txt", "3.3": "airflow3.txt"}
# Providers' system tests: {distribution: the folder of them}
SYSTEM_TESTS = "tests/system"
# DAG files that an installed Airflow carries, by the folder they are read in
EXAMPLES = {
    "examples": "airflow/example_dags",
    "examples_standard": "airflow/providers/standard/example_dags",
}


def interpreter(work: Path, version: str) -> Path:
    """Return the Python of one Airflow; make its environment if need be."""
    locked = HERE / VERSIONS[version]
    folder = work / f"airflow-{version}"
    made = folder / "made"
    if not made.exists() or made.read_bytes() != locked.read_bytes():
        print(f"making an environment with Airflow {version} (1.5 GB)", flush=True)
        uv = str(Path(sys.executable).with_name("uv"))
        _run(uv, "venv", "--quiet", "--clear", "--python", "3.11", str(folder))
        where = ["--python", str(folder), "--require-hashes"]
        _run(uv, "pip", "sync", "--quiet", *where, str(locked))
        made.write_bytes(locked.read_bytes())
    return folder / "bin" / "python"


def dag_folder(work: Path, version: str) -> Path:
    """Return a folder of DAG files; both readings of `version` get the same."""
    folder = work / f"dags-{version}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE / "stand_in", folder)
    for source in sources(work):
        tests = source / SYSTEM_TESTS
        shutil.copytree(tests, folder / "system", dirs_exist_ok=True)
    (folder / "system" / "__init__.py").touch()
    installed = work / f"airflow-{version}" / "lib"
    for name, place in EXAMPLES.items():
        for found in sorted(installed.glob(f"python*/site-packages/{place}")):
            shutil.copytree(found, folder / name)
    return folder


def sources(work: Path) -> list[Path]:
    """Return the unpacked source distributions."""
    listed = HERE / "sources.txt"
    folder = work / "sources"
    made = folder / "made"
    if not made.exists() or made.read_bytes() != listed.read_bytes():
        shutil.rmtree(folder, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        how = ["--disable-pip-version-check", "--no-build-isolation"]
        where = ["--require-hashes", "--dest", str(folder), "-r", str(listed)]
        _run(*pip, *how, *where)
        for archive in sorted(folder.glob("*.tar.gz")):
            with tarfile.open(archive) as held:
                held.extractall(folder, filter="data")
        made.write_bytes(listed.read_bytes())
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
