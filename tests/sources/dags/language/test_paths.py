"""
Files of the repository that a DAG file reads: each program leaves `x`.

Python runs the same program: what is known must be what it computes, for a
repository that is deployed anywhere.
"""

import ast
import json
import sys
from hashlib import sha256
from pathlib import Path
from time import process_time

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import NoFiles, Scan
from tests.sources.dags.language.test_soundness import agrees, followed

from dagwarden.facts import SourceFile
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.language.values import why_unknown

HEADER = """\
import glob, json, os, os.path, tomllib, yaml
from pathlib import Path
from importlib import resources
HERE = Path(__file__).parent
"""
CONFIG = """\
id: x
none:
on: yes
base: &base {retries: 2, owner: a}
derived: {<<: *base, owner: b}
both: {<<: [{k: 1, l: 1}, {k: 2, m: 2}], k: 3}
same: *base
octal: 010
minutes: 1:30
quoted: "yes"
long: >
  folded
  text
"""
FILES = {
    "dags/conf/a.yaml": CONFIG,
    "dags/conf/b.yml": "id: y\n---\nid: z\n",
    "dags/conf/c.json": '{"id": "j", "list": [1, 2.5, null, true]}',
    "dags/conf/d.toml": 'id = "t"\n[sub]\nn = 1\n',
    "dags/conf/lines.txt": "one\r\ntwo\nthree",
    "dags/conf/deep/e.yaml": "id: e",
    "dags/pack/__init__.py": "",
    "dags/pack/f.yaml": "id: f",
    "shared/g.yaml": "id: g",
}

# programs whose `x` is known
KNOWN = {
    "name": "x = os.path.basename(__file__)",
    "stem": "x = Path(__file__).stem",
    "without extension": "x = os.path.splitext(os.path.basename(__file__))[0]",
    "folder's name": "x = Path(__file__).resolve().parent.name",
    "suffixes": "x = (HERE / 'a.tar.gz').suffixes",
    "open": "with open(os.path.join(os.path.dirname(__file__), 'conf', 'a.yaml')) as f:\n x = yaml.safe_load(f)",
    "not as a context": "x = json.load(open(HERE / 'conf' / 'c.json'))",
    "read": "f = open(os.path.dirname(os.path.abspath(__file__)) + '/conf/c.json')\nx = json.loads(f.read())",
    "f-string": "x = open(f'{HERE}/conf/lines.txt').read()",
    "lines": "x = open(HERE / 'conf/lines.txt').readlines()",
    "loop over lines": "x = ''\nfor line in open(HERE / 'conf/lines.txt'):\n x += line.strip()",
    "read_text": "x = yaml.safe_load((HERE / 'conf' / 'a.yaml').read_text(encoding='utf-8'))",
    "merged": "x = yaml.safe_load((HERE / 'conf/a.yaml').open())['derived']",
    "named twice": "x = yaml.safe_load((HERE / 'conf/a.yaml').open())\nx['same']['retries'] = 3\nx = x['base']",
    "loader": "x = yaml.load((HERE / 'conf/a.yaml').open(), Loader=yaml.CSafeLoader)",
    "documents": "x = [d['id'] for d in yaml.safe_load_all((HERE / 'conf/b.yml').open())]",
    "toml": "with open(HERE / 'conf/d.toml', 'rb') as f:\n x = tomllib.load(f)",
    "above the folder": "x = yaml.safe_load((HERE / '..' / 'shared/g.yaml').read_text())",
    "parents": "x = yaml.safe_load((Path(__file__).parents[1] / 'shared/g.yaml').read_text())",
    "sorted": "x = [p.name for p in sorted((HERE / 'conf').glob('*.y*ml'))]",
    "below": "x = sorted(p.stem for p in HERE.rglob('*.yaml'))",
    "listed": "x = sorted(f for f in os.listdir(HERE / 'conf') if f.endswith('.json'))",
    "glob": "x = [os.path.basename(f) for f in sorted(glob.glob(os.path.join(HERE, 'conf', '*.json')))]",
    "glob below": "x = len(glob.glob(f'{HERE}/**/*.yaml', recursive=True))",
    "counted": "x = len(list((HERE / 'conf').iterdir()))",
    "keyed": "x = {p.stem: yaml.safe_load(p.read_text())['id'] for p in HERE.glob('conf/*.yaml')}['a']",
    "relative": "x = str((HERE / 'conf/a.yaml').relative_to(HERE))",
    "another suffix": "x = yaml.safe_load(Path(__file__).with_name('conf').joinpath('c').with_suffix('.json').read_text())",
    "there": "x = (HERE / 'conf/a.yaml').exists() and os.path.isdir(HERE / 'conf')",
    "a folder is no file": "x = os.path.isfile(HERE / 'conf')",
    "package": "x = yaml.safe_load(resources.files('pack').joinpath('f.yaml').read_text())",
    "plain paths": "x = [Path('/a/b.c').stem, os.path.join('a', '/b', 'c'), os.path.normpath('/a/../b'), str(Path('a//b/./c'))]",
    "one of a shuffled": "x = {yaml.safe_load(p.read_text())['id'] for p in HERE.glob('pack/*.yaml')}",
}

# programs whose `x` is not: what decides it
UNKNOWN = {
    "the folder": ("x = str(HERE)", "a path"),
    "name of the root": ("x = HERE.parent.name", "a path"),
    "above the root": ("x = open(HERE / '../../out.txt').read()", "a file that is not of the repository"),
    "worker's folder": ("x = open('conf/lines.txt').read()", "a file that is not of the repository"),
    "worker's path": ("x = open('/opt/airflow/dags/conf/lines.txt').read()", "a file that is not of the repository"),
    "worker's home": ("x = open(os.environ['AIRFLOW_HOME'] + '/a').read()", "AIRFLOW_HOME"),
    "joined to a variable": ("x = open(os.path.join(os.getenv('H'), 'a')).read()", "H"),
    "not there": ("x = (HERE / 'none.txt').read_text()", "a file that the repository does not hold"),
    "may come": ("x = 'a' if (HERE / 'none.txt').exists() else 'b'", "a file that the repository does not hold"),
    "a folder with links": ("x = sorted(os.listdir(HERE))[0]", "a file that the repository does not hold"),
    "a link": ("x = (HERE / 'link.txt').read_text()", "a file that the repository does not hold"),
    "through a link": ("x = (HERE / 'linked/lines.txt').read_text()", "a file that the repository does not hold"),
    "read twice": ("f = open(HERE / 'conf/lines.txt')\nf.read()\nx = f.read()", "the rest of a file"),
    "read elsewhere": ("import other\nf = open(HERE / 'conf/lines.txt')\nother.f(f)\nx = f.read()", "the rest of a file"),
    "read in a branch": (
        "f = open(HERE / 'conf/lines.txt')\nif os.getenv('E'): f.read()\nx = f.read()",
        "the rest of a file",
    ),
    "written": ("(HERE / 'conf/lines.txt').write_text('a')\nx = (HERE / 'conf/lines.txt').read_text()", "a file that is written"),
    "opened to write": ("open('x', 'w').write('a')\nx = (HERE / 'conf/lines.txt').read_text()", "a file that is written"),
    "first of a folder": ("x = next(iter((HERE / 'conf').glob('*.y*ml'))).name", "a path"),
    "last of a folder": ("for p in (HERE / 'conf').iterdir(): x = p.name", "the order of a set"),
    "a date": ("x = yaml.safe_load('d: 2024-01-01')['d']", "a date"),
    "own tag": ("x = yaml.load('d: !env HOME', Loader=yaml.SafeLoader)['d']", "a value with a tag of its own"),
    "own loader": ("class L(yaml.SafeLoader): pass\nx = yaml.load('a', Loader=L)", "a loader of its own"),
    "changed loader": ("yaml.SafeLoader.add_constructor('tag:yaml.org,2002:str', f)\nx = yaml.safe_load('a')", "a loader that is changed"),
    "malformed": ("x = yaml.safe_load('a: [')", "a file that cannot be loaded"),
    "holds itself": ("x = yaml.safe_load('&a [*a]')[0]", "a value that holds itself"),
    "nested": ("x = yaml.safe_load('[' * 1000)", "a file that is nested too deeply"),
}  # fmt: skip


def write(root: Path) -> None:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


class Folder(NoFiles):
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, name: str) -> Source | None:
        path = f"dags/{name}/__init__.py"
        tree = ast.Module([], [])
        known = (self.root / path).exists()
        return Source(path, name, tree, True) if known else None

    def content(self, path: str) -> bytes | None:
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def listed(self, path: str) -> list[tuple[str, bool]] | None:
        folder = self.root / path
        if not folder.is_dir():
            return None
        return [(one.name, one.is_dir()) for one in folder.iterdir()]


# programs leave files open
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("program", KNOWN.values(), ids=KNOWN)
def test_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    write(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "dags"), *sys.path])
    monkeypatch.delitem(sys.modules, "pack", raising=False)
    real: dict[str, object] = {"__file__": str(tmp_path / "dags/a.py")}
    text = f"{HEADER}{program}"
    exec(compile(text, "a.py", "exec"), real)
    value = followed(text, Folder(tmp_path), "dags/a.py")["x"]
    assert why_unknown(value) is None
    assert agrees(value, real["x"])


@pytest.mark.parametrize(("program", "symbol"), UNKNOWN.values(), ids=UNKNOWN)
def test_unknown(scan: Scan, tmp_path: Path, program: str, symbol: str) -> None:
    write(tmp_path / "repo")
    (tmp_path / "repo/dags/link.txt").symlink_to(tmp_path / "repo/dags/conf/lines.txt")
    (tmp_path / "repo/dags/linked").symlink_to(tmp_path / "repo/dags/conf")
    facts = scan(f"{HEADER}from airflow import DAG\n{program}\nwith DAG(x): pass\n")
    dag = facts.dags[0]
    assert dag.dag_id is UNSET
    why = next(u for u in dag.unresolved if u.field == "dag_id")
    assert why.symbol == symbol


def test_what_was_read(scan: Scan, tmp_path: Path) -> None:
    write(tmp_path / "repo")
    facts = scan(
        f"{HEADER}from airflow import DAG\nx = yaml.safe_load((HERE / 'conf/a.yaml').read_text())\n"
        "with DAG(x['id']): pass\n"
    )
    assert facts.dags[0].dag_id == "x"
    digest = sha256(CONFIG.encode()).hexdigest()
    assert (
        SourceFile(
            path="dags/conf/a.yaml", kind="config", sha256=digest, size=len(CONFIG)
        )
        in facts.files
    )


def test_a_secret_in_a_file_is_one(scan: Scan, tmp_path: Path) -> None:
    write(tmp_path / "repo")
    secret = "ghp_" + "aB3" * 12
    (tmp_path / "repo/dags/s.json").write_text(json.dumps({"TOKEN": secret}))
    facts = scan(f"""
{HEADER}
from airflow import DAG
from airflow.providers.standard.operators.bash import BashOperator
with DAG("d"):
    BashOperator(task_id="t", bash_command="a", env=json.load(open(HERE / "s.json")))
""")
    assert isinstance(facts.tasks[0].secrets, tuple)
    assert len(facts.tasks[0].secrets) == 1
    assert secret not in repr(facts)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "[" * 100_000,
        "\n".join(
            [
                "a0: &a0 {k: 1}",
                *(
                    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}"
                    for i in range(1, 60)
                ),
            ]
        ),
        "\n".join(
            [
                "a0: &a0 [k]",
                *(
                    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]"
                    for i in range(1, 60)
                ),
            ]
        ),
        "[" + "a, " * 300_000 + "]",
        "? " * 5_000,
        "- " * 50_000,
    ],
    ids=["nested", "merged", "named", "long", "keys", "lists"],
)
def test_hostile(scan: Scan, tmp_path: Path, text: str) -> None:
    write(tmp_path / "repo")
    (tmp_path / "repo/dags/bad.yaml").write_text(text)
    start = process_time()
    scan(
        f"{HEADER}from airflow import DAG\nx = yaml.safe_load((HERE / 'bad.yaml').open())\n"
        "with DAG(str(x)): pass\n"
    )
    assert process_time() - start < 5
