"""
One credential of every shape in every place: an estate that is made when it is asked for.

    .venv/bin/python -m tests.every_place FOLDER

writes it, prints what a scan of FOLDER has to tell, and leaves the rest to
`dagwarden scan FOLDER --history`. Nothing of it is committed, and no value opens
anything: each is drawn for the run.
"""

import base64
import json
import random
import string
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

# Stands before what is told of, and is taken out: no text has it otherwise.
HERE = "\ue000"
HISTORY = "git history"
_LETTERS = string.ascii_letters + string.digits
_WEB = _LETTERS + "-_"


class Credential(NamedTuple):
    """A credential, what its owners call it, and the kind that is told of it."""

    name: str
    text: str
    kind: str

    @property
    def variable(self) -> str:
        """The name as a language takes it."""
        return self.name.replace("-", "_")

    @property
    def literal(self) -> str:
        """The text as Python, JSON, YAML, TOML and Terraform write it."""
        return json.dumps(self.text)


class Told(NamedTuple):
    """What a scan tells of a credential: its file, line and kind."""

    file: str
    line: int
    kind: str


# -- shapes ------------------------------------------------------------------------------


class Maker:
    """Draws credentials from one generator."""

    def __init__(self, draw: random.Random) -> None:
        """Draw from `draw`."""
        self.draw = draw

    def of(self, length: int, letters: str = _LETTERS) -> str:
        """Return so many letters; the first and last are none that a pattern ends at."""
        inner = "".join(self.draw.choices(letters, k=length - 2))
        return self.draw.choice(_LETTERS) + inner + self.draw.choice(_LETTERS)

    def base64(self, size: int) -> str:
        """Return so many random bytes in base64."""
        return base64.b64encode(self.draw.randbytes(size)).decode()

    def key_file(self) -> str:
        """Return a service account's key file."""
        project = f"shop-{self.of(6, string.ascii_lowercase).lower()}"
        return json.dumps(
            {
                "type": "service_account",
                "project_id": project,
                "private_key_id": self.of(40, "0123456789abcdef"),
                "private_key": pem(_rsa(), PrivateFormat.PKCS8),
                "client_email": f"loader@{project}.iam.gserviceaccount.com",
                "token_uri": "https://oauth2.googleapis.com/token",
            }
        )

    def user_file(self) -> str:
        """Return a user's credential file."""
        return json.dumps(
            {
                "type": "authorized_user",
                "client_id": "764086051850.apps.googleusercontent.com",
                "refresh_token": f"1//0{self.of(60, _WEB)}",
            }
        )

    def token(self) -> str:
        """Return a signed JSON Web Token."""
        parts = ({"alg": "HS256", "typ": "JWT"}, {"sub": self.of(24)})
        said = ".".join(_url(json.dumps(part).encode()) for part in parts)
        return f"{said}.{_url(self.draw.randbytes(32))}"


def _url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


_Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)


def _ec() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: _Key, form: PrivateFormat, passphrase: bytes = b"") -> str:
    """Return a key in PEM, encrypted where there is a passphrase."""
    how = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    return key.private_bytes(serialization.Encoding.PEM, form, how).decode().strip()


Shape = Callable[[Maker], Credential]


def _shape(name: str, kind: str, text: Callable[[Maker], str]) -> Shape:
    return lambda make: Credential(name, text(make), kind)


# By name; what is called VALUE is told by its shape alone.
SHAPES: dict[str, Shape] = {
    "service account key": _shape("VALUE", "service_account_key", Maker.key_file),
    "PEM, PKCS 8": _shape("VALUE", "private_key", lambda m: pem(_rsa(), PrivateFormat.PKCS8)),
    "PEM, RSA": _shape("VALUE", "private_key", lambda m: pem(_rsa(), PrivateFormat.TraditionalOpenSSL)),
    "PEM, EC": _shape("VALUE", "private_key", lambda m: pem(_ec(), PrivateFormat.TraditionalOpenSSL)),
    "PEM, OpenSSH": _shape("VALUE", "private_key", lambda m: pem(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH)),
    "PEM, encrypted": _shape("VALUE", "private_key", lambda m: pem(_ec(), PrivateFormat.PKCS8, b"passphrase")),
    "PEM, EC, encrypted": _shape("VALUE", "private_key", lambda m: pem(_ec(), PrivateFormat.TraditionalOpenSSL, b"passphrase")),
    "Google API key": _shape("VALUE", "api_key", lambda m: "AIzaSy" + m.of(33, _WEB)),
    "OAuth client secret": _shape("VALUE", "client_secret", lambda m: "GOCSPX-" + m.of(28, _WEB)),
    "access token": _shape("VALUE", "bearer_token", lambda m: "ya29.a0" + m.of(160, _WEB)),
    "refresh token": _shape("VALUE", "authorized_user", lambda m: "1//0" + m.of(90, _WEB)),
    "user's credential file": _shape("VALUE", "authorized_user", Maker.user_file),
    "HMAC key": _shape("GCS_HMAC_SECRET", "secret_value", lambda m: m.base64(30)),
    "JWT": _shape("VALUE", "bearer_token", Maker.token),
    "GitHub": _shape("VALUE", "bearer_token", lambda m: "ghp_" + m.of(36)),
    "GitHub, fine-grained": _shape("VALUE", "bearer_token", lambda m: f"github_pat_11{m.of(20)}_{m.of(59)}"),
    "Slack": _shape("VALUE", "bearer_token", lambda m: f"xoxb-{m.of(12, '123456789')}-{m.of(24)}"),
    "Slack webhook": _shape("VALUE", "webhook_url", lambda m: f"https://hooks.slack.com/services/T{m.of(9)}/B{m.of(9)}/{m.of(24)}"),
    "AWS": _shape("AWS_SECRET_ACCESS_KEY", "aws_secret_key", lambda m: m.base64(30)),
    "Stripe": _shape("VALUE", "api_key", lambda m: "sk_live_51" + m.of(97)),
    "Fernet": _shape("FERNET_KEY", "secret_value", lambda m: base64.urlsafe_b64encode(m.draw.randbytes(32)).decode()),
    "Airflow URI": _shape("AIRFLOW_CONN_API", "password", lambda m: f"http://loader:{m.of(18)}@https%3A%2F%2Fapi.internal/"),
    "Airflow URI, key": _shape("AIRFLOW_CONN_GCP", "service_account_key", lambda m: f"google-cloud-platform://?keyfile_dict={quote(m.key_file(), safe='')}"),
    "database URI": _shape("VALUE", "password", lambda m: f"postgresql+psycopg2://loader:{m.of(18)}@db.internal:5432/dw"),
    "Authorization header": _shape("Authorization", "bearer_token", lambda m: "Bearer " + m.of(40)),
    "Authorization header, basic": _shape("Authorization", "password", lambda m: "Basic " + base64.b64encode(f"loader:{m.of(18)}".encode()).decode()),
    "API key header": _shape("X-Api-Key", "api_key", lambda m: m.of(32, "0123456789abcdef")),
    "password": _shape("DB_PASSWORD", "password", lambda m: m.of(20)),
    "curl -u": _shape("VALUE", "password", lambda m: f"curl -fsS -u loader:{m.of(18)} https://api.internal/run"),
    "PGPASSWORD=": _shape("VALUE", "password", lambda m: f"PGPASSWORD={m.of(18)} psql -h db.internal -f load.sql"),
}  # fmt: skip


# -- places ------------------------------------------------------------------------------

# The files of a place by path, HERE in one of them; `ARCHIVE!MEMBER` is packed.
Files = dict[str, str]
Place = Callable[[Credential], Files]


def _filled(text: str, one: Credential) -> str:
    """Return `text` with what it names of a credential."""
    third = max(len(one.text) // 3, 1)
    values = {
        "(name)": one.variable,
        "(Name)": one.name,
        "(key)": one.variable.lower(),
        "(text)": one.literal,
        "(first)": json.dumps(one.text[:third]),
        "(second)": json.dumps(one.text[third : 2 * third]),
        "(rest)": json.dumps(one.text[third:]),
        "(third)": json.dumps(one.text[2 * third :]),
        "(base64)": json.dumps(base64.b64encode(one.text.encode()).decode()),
        "(plain)": one.text,
        "(here)": HERE,
    }
    for name, value in values.items():
        # a text of several lines goes on as its first line begins
        before = text.partition(name)[0].rpartition("\n")[2]
        margin = " " * (len(before) - len(before.lstrip(" ")))
        text = text.replace(name, value.replace("\n", f"\n{margin}"))
    return text


def _in(path: str, text: str, **others: str) -> Place:
    """Return the place that a line of a file is; `others` lie beside it."""

    def place(one: Credential) -> Files:
        beside = {name.replace("_", "."): held for name, held in others.items()}
        return {
            name: _filled(held, one) for name, held in {path: text, **beside}.items()
        }

    return place


def _python(line: str) -> Place:
    return _in("loader.py", f"import os\n{line}\n")


def _json(path: str, held: Callable[[str, Credential], object]) -> Place:
    """Return the place in a JSON document; `held` is given the text that is marked."""

    def place(one: Credential) -> Files:
        value = held(HERE + one.text, one)
        return {path: json.dumps(value, indent=1, ensure_ascii=False)}

    return place


def _further(text: str) -> str:
    """Return a text as a setting has it: further lines are indented."""
    return text.replace("\n", "\n    ")


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _notebook(source: str, output: str) -> Files:
    said = {"output_type": "stream", "name": "stdout", "text": _lines(output)}
    nothing: dict[str, object] = {}
    code = {"cell_type": "code", "metadata": nothing, "execution_count": 1}
    cells = [{**code, "source": _lines(source), "outputs": [said]}]
    whole = {"cells": cells, "metadata": nothing, "nbformat": 4, "nbformat_minor": 5}
    return {"look.ipynb": json.dumps(whole, indent=1, ensure_ascii=False)}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


_DAG = """\
from airflow import DAG
from airflow.operators.bash import BashOperator
with DAG("load", schedule=None):
    BashOperator(task_id="run", bash_command="load.sh",
        (here)env={"(name)": (text)})
"""
_DAG_FACTORY = """\
load:
  default_args: {owner: data, start_date: 2026-01-01}
  schedule: '@daily'
  tasks:
    run:
      operator: airflow.operators.bash.BashOperator
      bash_command: load.sh
      env:
        (here)(name): (text)
"""
_FACTORY = """\
from pathlib import Path
from airflow import DAG
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))
"""

PLACES: dict[str, Place] = {
    "Python": _python("(here)(name) = (text)"),
    "Python, concatenated": _python("(here)(name) = (first) + (rest)"),
    "Python, f-string": _python("FIRST = (first)\n(here)REST = (rest)\n(name) = f'{FIRST}{REST}'"),
    "Python, joined": _python("(here)(name) = ''.join([(first), (second), (third)])"),
    "Python, base64": _python("import base64\n(here)(name) = base64.b64decode((base64)).decode()"),
    "Python, imported": _in("loader.py", "from settings import (name)\nconnect((key)=(name))\n", settings_py="A = 1\n(here)(name) = (text)\n"),
    "Python, keyword": _python("connect(\n    host='db',\n    (here)(key)=(text),\n)"),
    "Python, dictionary key": _python("X = {\n    'host': 'db',\n    (here)'(Name)': (text),\n}"),
    "Python, name and value": _python("X = [{'name': 'STAGE', 'value': 'prod'},\n    (here){'name': '(Name)', 'value': (text)}]"),
    "Python, os.getenv": _python("(here)x = os.getenv('(name)', (text))"),
    "Python, Variable.get": _python("from airflow.models import Variable\n(here)x = Variable.get('(key)', default_var=(text))"),
    "Python, Variable.set": _python("from airflow.models import Variable\n(here)Variable.set('(key)', (text))"),
    "Python, Connection": _python("from airflow.models import Connection\nConnection(conn_id='c', conn_type='generic',\n    (here)extra={'(Name)': (text)})"),
    "Python, task": _in("load.py", _DAG),
    "commented out": _python("# of the old warehouse:\n(here)# (name) = (text)"),
    "YAML": _in("conf.yaml", "source:\n  host: db\n  (here)(Name): (text)\n"),
    "YAML, name and value": _in("conf.yaml", "env:\n- name: (Name)\n  (here)value: (text)\n"),
    "dag-factory": _in("load.yml", _DAG_FACTORY, factory_py=_FACTORY),
    "YAML, a text of several lines": _in("conf.yaml", "source:\n  (Name): |\n    (here)(plain)\n"),
    ".env": _in(".env", "STAGE=prod\n(here)(name)='(plain)'\n"),
    "JSON": _json("conf.json", lambda text, one: {"source": {"host": "db", one.name: text}}),
    "JSON, name and value": _json("conf.json", lambda text, one: {"env": [{"name": one.name, "value": text}]}),
    "INI": lambda one: {"conf.ini": f"[source]\nhost = db\n{HERE}{one.variable} = {_further(one.text)}\n"},
    "TOML": _in("conf.toml", "[source]\nhost = 'db'\n(here)(name) = (text)\n"),
    "airflow.cfg": lambda one: {"airflow.cfg": f"[core]\nexecutor = LocalExecutor\n{HERE}{one.variable} = {_further(one.text.replace('%', '%%'))}\n"},
    "airflow_settings.yaml, variable": _in("airflow_settings.yaml", "airflow:\n  variables:\n    - variable_name: (Name)\n      (here)variable_value: (text)\n"),
    "airflow_settings.yaml, connection": _in("airflow_settings.yaml", "airflow:\n  connections:\n    - conn_id: c\n      conn_type: generic\n      conn_extra:\n        (here)(Name): (text)\n"),
    "docker-compose, a map": _in("docker-compose.yaml", "services:\n  worker:\n    environment:\n      STAGE: prod\n      (here)(name): (text)\n"),
    "docker-compose, a list": lambda one: {"docker-compose.yaml": f"services:\n  worker:\n    environment:\n      - STAGE=prod\n      {HERE}- {json.dumps(f'{one.variable}={one.text}')}\n"},
    "Helm values": _in("values.yaml", "executor: LocalExecutor\nenv:\n  - name: (Name)\n    (here)value: (text)\n"),
    "Helm values, in a text": _in("values.yaml", "extraEnv: |\n  - name: (Name)\n    (here)value: (text)\n"),
    "Kubernetes Secret": _in("secret.yaml", "apiVersion: v1\nkind: Secret\ndata:\n  (here)(Name): (base64)\n"),
    "shell": _in("run.sh", "#!/bin/sh\nset -e\n(here)export (name)='(plain)'\n"),
    "Terraform": _in("main.tf", 'resource "google_composer_environment" "prod" {\n  env_variables = {\n    (here)(name) = (text)\n  }\n}\n'),
    "notebook, source": lambda one: _notebook(_filled("import os\n(here)(name) = (text)\n", one), ""),
    "notebook, output": lambda one: _notebook("!env\n", _filled("STAGE=prod\n(here)(name)=(plain)\n", one)),
    "zipped DAG": _in("dags.zip!load.py", _DAG),
    "variables export": _json("variables.json", lambda text, one: {"stage": "prod", one.name: text}),
    "variables export, in JSON": _json("variables.json", lambda text, one: {"stage": "prod", "source": _quoted({one.name: text})}),
    "connections export": _json("connections.json", lambda text, one: {"c": {"conn_type": "generic", "host": "h", "extra": _quoted({one.name: text})}}),
    "backend_kwargs": lambda one: {"airflow.cfg": f"[secrets]\n{HERE}backend_kwargs = {_quoted({'url': 'https://vault.internal', one.name: one.text})}\n"},
    HISTORY: _in("conf.yaml", "source:\n  (here)(Name): (text)\n"),
}  # fmt: skip

# -- files that are the credential -----------------------------------------------------------


def _key_files(make: Maker) -> Iterator[tuple[str, bytes, int, str]]:
    """Yield files that are keys: name, content, line and kind."""
    info = json.loads(make.key_file())
    yield "key.json", json.dumps(info, indent=2).encode(), 5, "service_account_key"
    user = json.loads(make.user_file())
    yield "user.json", json.dumps(user, indent=2).encode(), 4, "authorized_user"
    for name, shape in SHAPES.items():
        if name.startswith("PEM"):
            key = shape(make)
            yield f"{name.replace(', ', '-')}.pem", key.text.encode(), 1, key.kind
    locked = serialization.BestAvailableEncryption(b"notasecret")
    store = pkcs12.serialize_key_and_certificates(b"k", _rsa(), None, None, locked)
    yield "key.p12", store, 1, "private_key"


# -- the estate --------------------------------------------------------------------------


def planted(folder: Path, draw: random.Random) -> set[Told]:
    """
    Write every shape into every place below `folder`, a git repository then.

    Returns what a scan of it, with its history, has to tell; `COMMIT:` stands for the
    first commit.
    """
    make = Maker(draw)
    told: set[Told] = set()
    for place, write in PLACES.items():
        for shape, made in SHAPES.items():
            one = made(make)
            told |= set(
                _written(folder, f"{_plain(place)}/{_plain(shape)}", write, one)
            )
    for name, data, line, kind in _key_files(make):
        path = folder / "key-files" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        told.add(Told(f"key-files/{name}", line, kind))
    _commit(folder)
    past = _plain(HISTORY)
    return {
        one._replace(file=f"COMMIT:{one.file}") if one.file.startswith(past) else one
        for one in told
    }


def _plain(name: str) -> str:
    words = "".join(sign if sign.isalnum() else " " for sign in name.lower())
    return "-".join(words.split())


def _written(folder: Path, below: str, place: Place, one: Credential) -> Iterator[Told]:
    packed: dict[str, dict[str, str]] = {}
    for name, text in place(one).items():
        if HERE in text:
            line = text.partition(HERE)[0].count("\n") + 1
            yield Told(f"{below}/{name.replace('!', '/')}", line, one.kind)
        text = text.replace(HERE, "")
        archive, inside, member = name.partition("!")
        if inside:
            packed.setdefault(archive, {})[member] = text
            continue
        path = folder / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for archive, members in packed.items():
        (folder / below).mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(folder / below / archive, "w") as target:
            for member, text in members.items():
                target.writestr(member, text)


def _commit(folder: Path) -> None:
    git = (
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@t.example",
        "-c",
        "core.safecrlf=false",
    )
    for command in (
        ("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "all of it"),
        ("rm", "-q", "-r", _plain(HISTORY)), ("commit", "-q", "-m", "taken out"),
    ):  # fmt: skip
        subprocess.run([*git, *command], cwd=folder, check=True)


def main(folder: Path) -> None:
    """Write an estate, and print what a scan has to tell of it."""
    folder.mkdir(parents=True)
    for file, line, kind in sorted(planted(folder, random.SystemRandom())):
        sys.stdout.write(f"{file}:{line}: {kind}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
