"""What the import contracts in pyproject.toml cannot say."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = Path(__file__).parents[1] / "scanner" / "dagwarden"

# A name that says nothing collects everything.
FORBIDDEN = {"base", "common", "core", "helpers", "manager", "utils"}

# What the commit hook must not pay for, and what only an extra installs.
HEAVY = {"airflow", "google", "grpc", "jinja2", "networkx", "rich", "yaml"}

# Of those, CEL itself imports this.
COMES_WITH_CEL = ("google.protobuf", "google._upb")
# Formats of files in which credentials are looked for, but Python and plain text.
FORMATS = {
    path.stem
    for path in (PACKAGE / "sources/embedded/formats").glob("[a-z]*.py")
    if path.stem not in ("plain", "python")
}
# What a scan of one file by installed rules has no use for: each costs milliseconds.
UNUSED = {
    *("difflib", "importlib.resources", "random", "shutil", "tempfile", "tomllib"),
    *("base64", "csv", "graphlib", "html", "json", "shlex", "signal", "string"),
    *("subprocess", "xml", "zipfile", "zlib"),
    *("dagwarden.answers", "dagwarden.beside", "dagwarden.bundle"),
    "dagwarden.envelope",
    *("dagwarden.history", "dagwarden.repository"),
    *("dagwarden.cli.questions", "dagwarden.cli.rules", "dagwarden.cli.saved"),
    *("dagwarden.expression.conditions", "dagwarden.expression.tokens"),
    # what only a snapshot can be asked
    *("dagwarden.graph.access.conditions", "dagwarden.graph.access.decide"),
    "dagwarden.graph.access.membership",
    *("dagwarden.graph.audit", "dagwarden.graph.cures", "dagwarden.graph.edges"),
    *("dagwarden.graph.explain", "dagwarden.graph.federation"),
    *("dagwarden.graph.leaked", "dagwarden.graph.reach", "dagwarden.graph.roles"),
    *("dagwarden.policy.compare", "dagwarden.policy.controls"),
    *("dagwarden.policy.examples", "dagwarden.policy.load"),
    "dagwarden.policy.register",
    *("dagwarden.render.html", "dagwarden.render.json", "dagwarden.render.sarif"),
    *("dagwarden.sources.cloud", "dagwarden.sources.connections.read"),
    # archives, what reads many files, and what dag-factory makes of YAML
    *("dagwarden.sources.dags.archives", "dagwarden.sources.dags.cache"),
    *("dagwarden.sources.dags.packed", "dagwarden.sources.dags.workers"),
    *("dagwarden.sources.dags.airflow.building", "dagwarden.sources.dags.real"),
    "dagwarden.sources.dags.airflow.configured",
    "dagwarden.sources.dags.airflow.configurations",
    "dagwarden.sources.dags.language.newer",
    # formats that the file does not have
    *(f"dagwarden.sources.embedded.formats.{name}" for name in FORMATS),
    *("dagwarden.sources.embedded.archive", "dagwarden.sources.embedded.history"),
    *("dagwarden.sources.snapshot", "dagwarden.sources.stores"),
    "dagwarden.sources.variables.read",
}
SCAN = """
import re
import sys

compiled, compile = [], re.compile

def noted(*given):
    caller = sys._getframe(1)
    if caller.f_code.co_name == "<module>":
        compiled.append(caller.f_globals["__name__"])
    return compile(*given)

re.compile = noted
sys.path.insert(0, {wheel!r})
sys.argv = ["dagwarden", "scan", "dag.py"]
import dagwarden.cli
try:
    dagwarden.cli.main()
except SystemExit as ended:
    assert ended.code == 0, ended.code
assert dagwarden.__file__.startswith({wheel!r})
print("compiled", *(name for name in compiled if name.startswith("dagwarden.")))
print("loaded", *sys.modules)
"""
DAG = """
from datetime import timedelta
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("fine", schedule=None, dagrun_timeout=timedelta(hours=1)):
    BashOperator(task_id="hello", bash_command="true")
"""


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


def test_the_installed_hook_loads_what_it_uses_and_no_more(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
    subprocess.run([*build, str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    (packed,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "wheel")
    (tmp_path / "dag.py").write_text(DAG)
    code = SCAN.format(wheel=str(tmp_path / "wheel"))
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.stderr == ""
    said, _, last = done.stdout.rpartition("compiled")
    assert "1 DAG, 1 task" in said
    compiled, _, last = last.partition("loaded")
    # `patterns.late` is for them: each costs 0.1 ms, and few are needed
    assert compiled.split() == []
    loaded = set(last.split())
    assert "dagwarden.sources.dags.read" in loaded
    assert loaded & UNUSED == set()
    heavy = {name for name in loaded if name.partition(".")[0] in HEAVY} - {"google"}
    assert {name for name in heavy if not name.startswith(COMES_WITH_CEL)} == set()


def test_networkx_is_loaded_for_who_asks_for_the_graph_alone() -> None:
    code = (
        "import sys, dagwarden.cli\n"
        "sys.argv = ['dagwarden', 'scan', '--config', 'fixtures/demo/operator.toml']\n"
        "try:\n    dagwarden.cli.main()\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT
    )
    loaded = set(done.stdout.rpartition("loaded")[2].split())
    assert "dagwarden.graph.reach" in loaded
    assert "networkx" not in loaded
