"""What the import contracts in pyproject.toml cannot say."""

import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "scanner" / "dagwarden"

# A name that says nothing collects everything.
FORBIDDEN = {"base", "common", "core", "helpers", "manager", "utils"}

# What the commit hook must not pay for, and what only an extra installs.
HEAVY = {"airflow", "google", "grpc", "jinja2", "networkx", "rich", "yaml"}


def test_no_module_is_named_after_nothing() -> None:
    named = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*")
        if path.stem in FORBIDDEN
    }
    assert named == set()


def test_every_folder_is_a_package() -> None:
    # import-linter does not look into a folder without __init__.py.
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert {f.name for f in folders if not (f / "__init__.py").is_file()} == set()


def test_importing_the_command_imports_nothing_heavy() -> None:
    code = (
        "import sys, dagwarden.cli; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr == ""
    loaded = set(done.stdout.split())
    assert "dagwarden" in loaded
    assert loaded & HEAVY == set()
