"""A credential is found in every kind of file, at its line; a harmless twin is not."""

import base64
import gzip
import json
import random
import string
import textwrap
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from msgspec import UNSET

from dagwarden.facts import EmbeddedSecret, Facts
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.embedded.join import joined
from dagwarden.sources.embedded.read import find_files

_LETTERS = random.Random(4)
PASSWORD = "".join(_LETTERS.choices(string.ascii_letters + string.digits, k=20)) + "7k"
TOKEN = "ghp_" + "".join(_LETTERS.choices(string.ascii_letters + string.digits, k=36))


def _pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


PEM = _pem()
EC = ec.generate_private_key(ec.SECP256R1())
DER = serialization.Encoding.DER
NO_PASSWORD = serialization.NoEncryption()
KEY_FILE = json.dumps(
    {
        "type": "service_account",
        "project_id": "acme",
        "private_key_id": "0123abcd",
        "private_key": PEM,
        "client_email": "loader@acme.iam.gserviceaccount.com",
    },
    indent=2,
)


def looked(folder: Path, only: list[Path] | None = None) -> Facts:
    facts = find_files(
        folder,
        [folder],
        only=only,
        exclude=(),
        fingerprint=Fingerprint(b"k" * 32, False),
    ).read()
    return joined(facts, keep=False)


def found(facts: Facts) -> list[EmbeddedSecret]:
    return [fact for fact in facts.embedded_secrets if fact.secret is not None]


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# (file, content, kind, line)
CASES: dict[str, tuple[str, str, str, int]] = {
    "env": (".env.prod", f"# ours\nDB_PASSWORD={PASSWORD}\n", "password", 2),
    "env, commented out": ("x.env", f"A=1\n#DB_PASSWORD={PASSWORD}\n", "password", 2),
    "env, a key in several lines": (
        ".env",
        f'A=1\nSSH_KEY="{PEM}"\n',
        "private_key",
        2,
    ),
    "YAML": ("a.yaml", f"db:\n  user: x\n  password: {PASSWORD}\n", "password", 3),
    "YAML, second document": (
        "a.yml",
        f"a: 1\n---\nb:\n- password: '{PASSWORD}'\n",
        "password",
        4,
    ),
    "YAML, commented out": ("a.yml", f"a: 1\n# password: {PASSWORD}\n", "password", 2),
    "YAML, name and value": (
        "values.yaml",
        f"extraEnv:\n- name: DB_PASSWORD\n  value: {PASSWORD}\n",
        "password",
        3,
    ),
    "YAML, in a text": (
        "values.yaml",
        f"extraEnv: |\n  - name: DB_PASSWORD\n    value: {PASSWORD}\n",
        "password",
        3,
    ),
    "YAML, a script": (
        "ci.yml",
        f"steps:\n- run: |\n    set -e\n    export DB_PASSWORD={PASSWORD}\n",
        "password",
        4,
    ),
    "Helm template": (
        "t.yaml",
        f"{{{{ if .Values.x }}}}\ndb:\n  password: {PASSWORD}\n{{{{ end }}}}\n",
        "password",
        3,
    ),
    "Compose, a map": (
        "docker-compose.yml",
        f"services:\n  db:\n    environment:\n      POSTGRES_PASSWORD: {PASSWORD}\n",
        "password",
        4,
    ),
    "Compose, a list": (
        "docker-compose.yml",
        f"services:\n  db:\n    environment:\n    - POSTGRES_PASSWORD={PASSWORD}\n",
        "password",
        4,
    ),
    "Secret, encoded": (
        "secret.yaml",
        f"kind: Secret\ndata:\n  username: eA==\n  broker: {encoded(PASSWORD)}\n",
        "secret_value",
        4,
    ),
    "Secret, in clear": (
        "secret.yaml",
        f"kind: Secret\nstringData:\n  password: {PASSWORD}\n",
        "password",
        3,
    ),
    "JSON": ("a.json", f'{{\n "a": 1,\n "password": "{PASSWORD}"\n}}', "password", 3),
    "JSON, key file": ("sa.json", KEY_FILE, "service_account_key", 5),
    "JSON, in a list": (
        "a.json",
        f'[\n {{"x": 1}},\n {{"password": "{PASSWORD}"}}]',
        "password",
        3,
    ),
    "JSON with comments": (
        "a.json",
        f'{{\n // x\n "password": "{PASSWORD}"\n}}',
        "password",
        3,
    ),
    "variables export": (
        "variables.json",
        json.dumps({"api": json.dumps({"password": PASSWORD})}, indent=1),
        "password",
        2,
    ),
    "connections export": (
        "connections.json",
        json.dumps({"db": {"conn_type": "postgres", "password": PASSWORD}}, indent=1),
        "password",
        4,
    ),
    "airflow.cfg": (
        "airflow.cfg",
        f"[database]\nsql_alchemy_conn = postgresql://a:{PASSWORD}@db/airflow\n",
        "password",
        2,
    ),
    "airflow.cfg, a backend": (
        "airflow.cfg",
        f'[secrets]\nbackend_kwargs = {{"url": "x", "token": "{TOKEN}"}}\n',
        "bearer_token",
        2,
    ),
    "INI, commented out": (
        "a.ini",
        f"[smtp]\n; smtp_password = {PASSWORD}\n",
        "password",
        2,
    ),
    "pypirc": (
        ".pypirc",
        f"[pypi]\nusername = x\npassword = {PASSWORD}\n",
        "password",
        3,
    ),
    "TOML": (
        "pyproject.toml",
        f'[tool.x]\na = 1\n[tool.x.db]\npassword = "{PASSWORD}"\n',
        "password",
        4,
    ),
    "airflow_settings": (
        "airflow_settings.yaml",
        f"airflow:\n connections:\n - conn_id: x\n   x: y\n   conn_password: {PASSWORD}",
        "password",
        5,
    ),
    "shell": ("a.sh", f"#!/bin/sh\nexport DB_PASSWORD='{PASSWORD}'\n", "password", 2),
    "shell, an option": (
        "a.sh",
        f"set -e\nx login --password {PASSWORD}\n",
        "password",
        2,
    ),
    "shell, curl": (
        "a.sh",
        f"\ncurl -s -u robot:{PASSWORD} https://x\n",
        "password",
        2,
    ),
    "shell, by its first line": (
        "deploy",
        f"#!/usr/bin/env bash\nPGPASSWORD={PASSWORD} psql\n",
        "password",
        2,
    ),
    "shell, sshpass": ("a.sh", f"sshpass -p '{PASSWORD}' ssh x\n", "password", 1),
    "Dockerfile": (
        "Dockerfile",
        f"FROM x\nENV A=1 DB_PASSWORD={PASSWORD}\n",
        "password",
        2,
    ),
    "Dockerfile, apart": (
        "Dockerfile",
        f"FROM x\nENV DB_PASSWORD {PASSWORD}\n",
        "password",
        2,
    ),
    "Dockerfile, ARG": (
        "api.Dockerfile",
        f"FROM x\nARG NPM_TOKEN={TOKEN}\n",
        "bearer_token",
        2,
    ),
    "Dockerfile, RUN": (
        "Dockerfile",
        f"FROM x\nRUN a && \\\n  curl -u x:{PASSWORD} https://x\n",
        "password",
        3,
    ),
    "Terraform": (
        "db.tf",
        f'resource "x" "y" {{\n  password = "{PASSWORD}"\n}}\n',
        "password",
        2,
    ),
    "tfvars": ("prod.tfvars", f'a = 1\ndb_password = "{PASSWORD}"\n', "password", 2),
    "Terraform, a variable": (
        "variables.tf",
        f'variable "db_password" {{\n  type = string\n  default = "{PASSWORD}"\n}}\n',
        "password",
        3,
    ),
    "SQL": (
        "a.sql",
        f"select 1;\nCREATE USER x PASSWORD '{PASSWORD}';\n",
        "password",
        2,
    ),
    "SQL, identified": (
        "a.sql",
        f"ALTER USER x IDENTIFIED BY '{PASSWORD}';\n",
        "password",
        1,
    ),
    "netrc": (".netrc", f"machine x\nlogin y\npassword {PASSWORD}\n", "password", 3),
    "pgpass": (".pgpass", f"# x\nhost:5432:db:user:{PASSWORD}\n", "password", 2),
    "npmrc": (
        ".npmrc",
        f"a=b\n//registry.example/:_authToken={TOKEN}\n",
        "bearer_token",
        2,
    ),
    "requirements": (
        "requirements.txt",
        f"--index-url https://u:{PASSWORD}@pip.example/simple\nx==1\n",
        "password",
        1,
    ),
    "PEM": ("id_rsa", PEM, "private_key", 1),
    "PEM below text": ("server.pem", f"subject=x\n{PEM}", "private_key", 2),
    "Python, a constant": (
        "lib.py",
        f"X = 1\nDB_PASSWORD = '{PASSWORD}'\n",
        "password",
        2,
    ),
    "Python, an attribute": (
        "lib.py",
        f"self.password = '{PASSWORD}'\n",
        "password",
        1,
    ),
    "Python, a default": (
        "lib.py",
        f"def f(x, password='{PASSWORD}'):\n    pass\n",
        "password",
        1,
    ),
    "Python, os.getenv": (
        "lib.py",
        f"import os\nx = os.getenv('DB_PASSWORD', '{PASSWORD}')\n",
        "password",
        2,
    ),
    "Python, Variable.get": (
        "lib.py",
        f"x = Variable.get('api_password', default_var='{PASSWORD}')\n",
        "password",
        1,
    ),
    "Python, a dict": (
        "lib.py",
        f"X = {{\n'password': '{PASSWORD}'}}\n",
        "password",
        2,
    ),
    "Python, a sum": (
        "lib.py",
        f"X = {TOKEN[:9]!r} + {TOKEN[9:]!r}\n",
        "bearer_token",
        1,
    ),
    "Python, commented out": (
        "lib.py",
        f"X = 1\n# conn = connect(password='{PASSWORD}')\n",
        "password",
        2,
    ),
    "Python, broken": (
        "lib.py",
        f"def f(:\n  password = '{PASSWORD}'\n",
        "password",
        2,
    ),
    "Terraform, name and value": (
        "main.tf",
        f'env {{\n  name = "DB_PASSWORD"\n  value = "{PASSWORD}"\n}}\n',
        "password",
        3,
    ),
    "XML": (
        "site.xml",
        f"<p>\n<name>db.password</name>\n<value>{PASSWORD}</value>\n</p>\n",
        "password",
        3,
    ),
    "XML, Hadoop": (
        "core-site.xml",
        f"<name>fs.s3a.secret.key</name>\n<value>{PASSWORD}</value>\n",
        "secret_value",
        2,
    ),
    "Docker": (
        "config.json",
        f'{{"auths": {{"x": {{\n"auth": "{encoded("u:" + PASSWORD)}"}}}}}}',
        "password",
        2,
    ),
    "variable with a description": (
        "v.json",
        f'{{"db_password": {{\n"value": "{PASSWORD}", "description": "x"}}}}',
        "password",
        2,
    ),
    "YAML, a key": (
        "a.yaml",
        f"tokens:\n  x: 1\n  {TOKEN}:\n    for: x\n",
        "bearer_token",
        3,
    ),
    "JSON, a key": ("a.json", f'{{"tokens": {{\n"{TOKEN}": "x"}}}}', "bearer_token", 2),
    "TOML, a key": ("a.toml", f'[tokens]\n"{TOKEN}" = "x"\n', "bearer_token", 2),
    "Python, a key": (
        "a.py",
        f"TOKENS = {{\n    {TOKEN!r}: 'x',\n}}\n",
        "bearer_token",
        2,
    ),
    "YAML, an anchor": (
        "a.yaml",
        f"a: &a\n  password: {PASSWORD}\nb: *a\nc:\n  <<: *a\n",
        "password",
        2,
    ),
    "YAML, an anchor that an alias names": (
        "a.yaml",
        f"a: &a {PASSWORD}\nb:\n  password: *a\nc:\n  token: *a\n",
        "password",
        1,
    ),
    "YAML, an anchor of a list": (
        "a.yaml",
        f"a: &a\n- name: DB_PASSWORD\n  value: {PASSWORD}\nb:\n  env: *a\n",
        "password",
        3,
    ),
    "a key file in a setting": (
        "airflow.cfg",
        f'[secrets]\nbackend_kwargs = {{"key": {json.dumps({**json.loads(KEY_FILE), "x": "a%40b"})}}}\n',
        "service_account_key",
        2,
    ),
    "shell, a key file": (
        "a.sh",
        f"cat > k <<E\n{KEY_FILE}\nE\n",
        "service_account_key",
        6,
    ),
    "shell, openssl": (
        "a.sh",
        f"openssl enc -pass pass:{PASSWORD} -in x\n",
        "password",
        1,
    ),
    "text": ("notes.txt", f"hello\nuse {TOKEN} for it\n", "bearer_token", 2),
    "other code": (
        "a.js",
        f'const a = 1;\nconst password = "{PASSWORD}";\n',
        "password",
        2,
    ),
    "Oracle, in one text": (
        "a.py",
        f'import oracledb\nc = oracledb.connect("etl/{PASSWORD}@db:1521/dw")\n',
        "password",
        2,
    ),
    "SSH, by position": (
        "a.py",
        f'client.connect("host", 22, "etl", "{PASSWORD}")\n',
        "password",
        1,
    ),
    "ODBC, in braces": (
        "a.py",
        f'dsn = "DRIVER={{SQL}};UID=etl;PWD={{{PASSWORD}}};SERVER=h"\n',
        "password",
        1,
    ),
    "behind what is not known": (
        "a.py",
        f"from parts import part\nAPI_KEY = part() + '{PASSWORD}'\n",
        "api_key",
        2,
    ),
    "in a text that is filled in": (
        "a.py",
        f"DB_PASSWORD = f'{{part()}}{PASSWORD}'\n",
        "password",
        1,
    ),
    "a field of a namedtuple": (
        "a.py",
        f'Db = namedtuple("Db", "host, password")\ndb = Db("h", "{PASSWORD}")\n',
        "password",
        2,
    ),
    "a field of a NamedTuple": (
        "a.py",
        f'class Db(NamedTuple):\n    host: str\n    password: str\n\ndb = Db("h", "{PASSWORD}")\n',
        "password",
        5,
    ),
    "a field of a dataclass": (
        "a.py",
        f'@dataclass(frozen=True)\nclass Db:\n    host: str\n    password: str\n\ndb = Db("h", "{PASSWORD}")\n',
        "password",
        6,
    ),
    ".netrc, in an image": (
        "Dockerfile",
        f"RUN cat > /home/etl/.netrc <<EOF\nmachine h.example\nlogin etl\npassword {PASSWORD}\nEOF\n",
        "password",
        4,
    ),
    ".netrc, in a script": (
        "a.sh",
        f"echo 'machine h.example login etl password {PASSWORD}' > ~/.netrc\n",
        "password",
        1,
    ),
    "metadata of a notebook": (
        "a.ipynb",
        f'{{"cells": [],\n"metadata": {{"papermill": {{"password": "{PASSWORD}"}}}}}}\n',
        "password",
        2,
    ),
    "prose, in backticks": (
        "a.md",
        f"# Runbook\n- DB password = `{PASSWORD}`\n",
        "password",
        2,
    ),
    "prose, a sentence": (
        "a.md",
        f"The password is `{PASSWORD}`.\n",
        "password",
        1,
    ),
    "prose, bold": ("a.md", f"\n**Password:** {PASSWORD}\n", "password", 2),
    "prose, a table": (
        "a.md",
        f"| user | password |\n|---|---|\n| etl | {PASSWORD} |\n",
        "password",
        3,
    ),
    "prose, a row": (
        "a.md",
        f"| what | value |\n|---|---|\n| password | `{PASSWORD}` |\n",
        "password",
        3,
    ),
    "a page": (
        "a.html",
        f"<table>\n<tr><td>password</td><td>{PASSWORD}</td></tr></table>",
        "password",
        2,
    ),
    "CSV": (
        "conns.csv",
        f"conn_id,login,password\nwh,etl,{PASSWORD}\n",
        "password",
        2,
    ),
    "CSV, quoted": (
        "users.csv",
        f'user;"db_password"\n"a\nb";\netl;"{PASSWORD}"\n',
        "password",
        4,
    ),
    "CSV, a connection": (
        "conns.csv",
        f"conn_id,conn_type,password\nslack,slack,{PASSWORD}\n",
        "bearer_token",
        2,
    ),
    "notebook, a value": (
        "a.ipynb",
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "source": ["x"],
                        "outputs": [
                            {"data": {"application/json": {"db_password": PASSWORD}}}
                        ],
                    }
                ]
            }
        ),
        "password",
        1,
    ),
    "notebook, a page": (
        "a.ipynb",
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "source": ["x"],
                        "outputs": [
                            {
                                "data": {
                                    "text/html": [
                                        f"<td>password</td><td>{PASSWORD}</td>"
                                    ]
                                }
                            }
                        ],
                    }
                ]
            },
            indent=1,
        ),
        "password",
        12,
    ),
    "notebook, words": (
        "a.ipynb",
        json.dumps(
            {
                "cells": [
                    {
                        "cell_type": "markdown",
                        "source": ["# x\n", f"Password: `{PASSWORD}`"],
                    }
                ]
            }
        ),
        "password",
        1,
    ),
    "Terraform, a state": (
        "terraform.tfstate",
        json.dumps(
            {
                "resources": [
                    {
                        "type": "random_password",
                        "instances": [{"attributes": {"result": PASSWORD}}],
                    }
                ]
            },
            indent=1,
        ),
        "password",
        8,
    ),
    "shell, a user of Airflow": (
        "a.sh",
        f"airflow users create -u admin -p {PASSWORD} -r Admin\n",
        "password",
        1,
    ),
    "shell, twine": ("a.sh", f"twine upload -p {PASSWORD} dist/*\n", "password", 1),
    "shell, a line of pgpass": (
        "a.sh",
        f"cat > ~/.pgpass <<EOF\ndb:5432:*:etl:{PASSWORD}\nEOF\n",
        "password",
        2,
    ),
    "PowerShell": ("a.ps1", f'$a = 1\n$Password = "{PASSWORD}"\n', "password", 2),
    "PowerShell, a dollar": (
        "a.ps1",
        f"$Password = '$.{PASSWORD}'\n",
        "password",
        1,
    ),
    "Kubernetes, a list": (
        "a.yaml",
        f"kind: List\nitems:\n- kind: Secret\n  stringData:\n    p: {PASSWORD}\n",
        "secret_value",
        5,
    ),
    "Kubernetes, settings of Docker": (
        "a.yaml",
        "kind: Secret\ndata:\n  .dockerconfigjson: "
        + encoded(
            f'{{"auths": {{"r.example": {{"auth": "{encoded("u:" + PASSWORD)}"}}}}}}'
        )
        + "\n",
        "password",
        3,
    ),
    "kubeconfig": (
        "kubeconfig",
        f"apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: {encoded(PEM)}\n",
        "private_key",
        5,
    ),
    "Helm template, name and value": (
        "t.yaml",
        f"{{{{- if .Values.x }}}}\nenv:\n- name: API_TOKEN\n  value: {PASSWORD}\n- name: {{{{ .x }}}}\n{{{{- end }}}}\n",
        "bearer_token",
        4,
    ),
    "Helm template, a default": (
        "t.yaml",
        f'name: {{{{ .x }}}}\npassword: {{{{ .Values.pw | default "{PASSWORD}" | quote }}}}\n',
        "password",
        2,
    ),
    "profiles of dbt, a default": (
        "profiles.yml",
        f"x:\n  pass: \"{{{{ env_var('DBT_PASSWORD', '{PASSWORD}') }}}}\"\n",
        "password",
        2,
    ),
    "Jinja, a default": (
        "a.j2",
        f"A=1\nDB_PASSWORD={{{{ pw | default('{PASSWORD}') }}}}\n",
        "password",
        2,
    ),
    "CloudFormation, a parameter": (
        "a.yaml",
        f"Parameters:\n  DBPassword:\n    Type: String\n    Default: {PASSWORD}\n",
        "password",
        4,
    ),
    "passwords by whose they are": (
        "a.yaml",
        f"passwords:\n  warehouse: {PASSWORD}\n",
        "password",
        2,
    ),
    "indented options": (
        "my.conf",
        f"db {{\n  password = {PASSWORD}\n  password = ${{?DB_PASSWORD}}\n}}\n",
        "password",
        2,
    ),
    "a directive": ("redis.conf", f"port 1\nrequirepass {PASSWORD}\n", "password", 2),
    "curlrc": (".curlrc", f'silent\nuser = "etl:{PASSWORD}"\n', "password", 2),
    "msmtprc": (".msmtprc", f"account a\npassword {PASSWORD}\n", "password", 2),
    "fish": ("a.fish", f"set -gx API_TOKEN {PASSWORD}\n", "bearer_token", 1),
    "HTTPie": ("a.sh", f"http -a etl:{PASSWORD} https://h\n", "password", 1),
    "SQL, a row": (
        "a.sql",
        (
            "INSERT INTO connection (conn_id, conn_type, password)\nVALUES ('a', 'mysql', NULL),\n"
            f" ('b', 'it''s', '{PASSWORD}');\n"
        ),
        "password",
        3,
    ),
    "SQL, a dump": (
        "a.sql",
        f"COPY public.connection (conn_id, host, password) FROM stdin;\na\t\\N\t{PASSWORD}\n\\.\n",
        "password",
        2,
    ),
    "SQL, a key": (
        "a.sql",
        f"select pgp_sym_decrypt(x, '{PASSWORD}') from t;\n",
        "secret_value",
        1,
    ),
    "SQL, a link": (
        "a.sql",
        f"select * from dblink('host=h password={PASSWORD}', 'select 1');\n",
        "password",
        1,
    ),
    "TypeScript": (
        "a.ts",
        f'const apiToken: string = "{PASSWORD}";\n',
        "bearer_token",
        1,
    ),
    "Scala": ("a.scala", f'x\n.option("password", "{PASSWORD}")\n', "password", 2),
    "a property list": (
        "a.plist",
        f"<dict>\n<key>password</key><string>{PASSWORD}</string></dict>\n",
        "password",
        2,
    ),
    "a table of HTML": (
        "a.html",
        (
            "<tr><th></th><th>user</th><th>password</th></tr>\n"
            f"<tr><th>0</th><td>etl</td><td>{PASSWORD}</td></tr>\n"
        ),
        "password",
        2,
    ),
    "Python, behind code": ("a.py", f"x = 1  # password: {PASSWORD}\n", "password", 1),
    "Python, a cell of Databricks": (
        "a.py",
        f"# Databricks notebook source\n# MAGIC %md\n# MAGIC Password: `{PASSWORD}`\n",
        "password",
        3,
    ),
    "a key of age(1)": (
        "key.txt",
        f"# x\nAGE-SECRET-KEY-1{''.join(_LETTERS.choices('QPZRY9X8GF2TVDW0', k=58))}\n",
        "private_key",
        2,
    ),
    "a key of PuTTY": (
        "a.ppk",
        (
            "PuTTY-User-Key-File-2: ssh-rsa\nEncryption: none\nComment: x\nPublic-Lines: 1\nAAAAB3Nz\n"
            f"Private-Lines: 1\n{encoded(PASSWORD * 2)}\nPrivate-MAC: 00\n"
        ),
        "private_key",
        1,
    ),
    "a key of OpenPGP": (
        "a.asc",
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n"
        + encoded("".join(_LETTERS.choices(string.printable, k=300)))
        + "\n=aJwz\n-----END PGP PRIVATE KEY BLOCK-----\n",
        "private_key",
        1,
    ),
    "a JSON Web Key": (
        "a.jwk",
        f'{{"kty": "oct",\n"k": "{PASSWORD}"}}',
        "private_key",
        2,
    ),
    "a key file in lines of base64": (
        "key.b64",
        "\n".join(textwrap.wrap(encoded(KEY_FILE), 76)) + "\n",
        "service_account_key",
        1,
    ),
    "UTF-16 without its mark": (
        "a.env",
        "".join(f"{sign}\0" for sign in f"DB_PASSWORD={PASSWORD}\n"),
        "password",
        1,
    ),
    # settings of servers and commands
    "flower": (
        "airflow.cfg",
        f"[celery]\nflower_basic_auth = a:{PASSWORD}\n",
        "password",
        2,
    ),
    "passwords of Airflow": (
        "simple_auth_manager_passwords.json.generated",
        f'{{"admin": "{PASSWORD}"}}',
        "password",
        1,
    ),
    "users of PgBouncer": (
        "userlist.txt",
        f'"u" "md5{"0" * 32}"\n"v" "{PASSWORD}"\n',
        "password",
        2,
    ),
    "a token alone": (".vault-token", f"s.{PASSWORD}\n", "bearer_token", 1),
    "ldap.conf": ("ldap.conf", f"base dc=a\nbindpw {PASSWORD}\n", "password", 2),
    "auth.conf of APT": (
        "auth.conf",
        f"machine h login u password {PASSWORD}\n",
        "password",
        1,
    ),
    "Kustomize": (
        "kustomization.yaml",
        f"secretGenerator:\n- name: a\n  literals:\n  - host=redis-broker-1\n  - broker={PASSWORD}\n",
        "secret_value",
        5,
    ),
    "kubectl": (
        "a.sh",
        f"kubectl create secret generic a --from-literal=broker={PASSWORD}\n",
        "secret_value",
        1,
    ),
    "a health check": (
        "compose.yml",
        f'a:\n  test: ["CMD", "mysqladmin", "ping", "-u", "root", "-p{PASSWORD}"]\n',
        "password",
        2,
    ),
    "make, ?=": ("Makefile", f"DB_PASSWORD ?= {PASSWORD}\n", "password", 1),
    "R": ("a.R", f'db_password <- "{PASSWORD}"\n', "password", 1),
    "R Markdown": ("a.Rmd", f'```\ndb_password <- "{PASSWORD}"\n```\n', "password", 2),
    "a method": ("a.java", f'd.setPassword("{PASSWORD}");\n', "password", 1),
    "getConnection": (
        "a.java",
        f'DriverManager.getConnection("jdbc:x", "u", "{PASSWORD}");\n',
        "password",
        1,
    ),
    "sbt": (
        "build.sbt",
        f'credentials += Credentials("r", "h", "u", "{PASSWORD}")\n',
        "password",
        1,
    ),
    "backticks": ("a.js", f"const apiKey = `{PASSWORD}{PASSWORD}`;\n", "api_key", 1),
    "PHP": ("a.php", f"define('DB_PASSWORD', '{PASSWORD}9z');\n", "password", 1),
    "XML, attributes": (
        "web.config",
        f'<add key="ApiKey" value="{PASSWORD}"/>\n',
        "api_key",
        1,
    ),
    "XML, beside": (
        "a.xml",
        f'<Pass encoding="none">{PASSWORD}</Pass>\n',
        "password",
        1,
    ),
    "XML, a name and its value": (
        "a.xml",
        f'<p name="Argument.name">password</p>\n<p name="Argument.value">{PASSWORD}</p>\n',
        "password",
        2,
    ),
    "core-site.xml": (
        "core-site.xml",
        f"<property><name>fs.azure.account.key.a.blob.core.windows.net</name>\n<value>{PASSWORD}</value></property>\n",
        "secret_value",
        2,
    ),
    "SET PASSWORD": (
        "a.sql",
        f"SET PASSWORD FOR 'u'@'%' = PASSWORD('{PASSWORD}');\n",
        "password",
        1,
    ),
    "variables of Airflow": (
        "a.sql",
        f"INSERT INTO variable (key, val)\nVALUES ('region', 'eu1'), ('api_key', '{PASSWORD}');\n",
        "api_key",
        2,
    ),
    "{PLAIN}": (
        ".htpasswd",
        f"a:{{SHA}}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nb:{{PLAIN}}{PASSWORD}\n",
        "password",
        2,
    ),
    "said in a log": (
        "run.log",
        f"INFO the password of etl is {PASSWORD}.\n",
        "password",
        1,
    ),
    "reStructuredText": (
        "a.rst",
        f"Password: ``{PASSWORD}``\n\nPassword: `{PASSWORD}`\n",
        "password",
        3,
    ),
    "HTML, a comment": ("a.html", f"<!-- password: {PASSWORD} -->\n", "password", 1),
    "a cookie": (
        "a.sh",
        f"curl -H 'Cookie: lang=en; JSESSIONID={PASSWORD}' https://a\n",
        "bearer_token",
        1,
    ),
    "a cookie, -b": (
        "a.sh",
        f"curl -b 'session={PASSWORD}' https://a\n",
        "bearer_token",
        1,
    ),
    "cookies of a browser": (
        "state.json",
        f'{{"cookies": [{{"name": "lang", "value": "en"}},\n{{"name": "session", "value": "{PASSWORD}"}}]}}',
        "bearer_token",
        2,
    ),
    "a remark": (
        "a.json",
        f'{{"_comment": "old password = {PASSWORD}"}}',
        "password",
        1,
    ),
    "Kaggle": (
        "kaggle.json",
        f'{{"username": "u",\n"key": "{"4e1c9a7b" * 3}0d5f2a68"}}',
        "api_key",
        2,
    ),
    "hexadecimal": (
        "a.txt",
        f"\n{f'password={PASSWORD}'.encode().hex()}\n",
        "password",
        2,
    ),
    **{
        f"table, {name}": (
            name,
            f"name{sign}api_key\na{sign}{PASSWORD}\n",
            "api_key",
            2,
        )
        for name, sign in (
            ("a.csv", ","),
            ("b.csv", ";"),
            ("a.tsv", "\t"),
            ("a.psv", "|"),
        )
    },
    **{
        f"YAML, {tag}": ("a.yaml", f"a:\n  password: {tag} {PASSWORD}\n", "password", 2)
        for tag in ("!str", "!!str", "!unsafe", "!plain")
    },
    **{
        f"command: {command.split()[0]}": (
            "a.sh",
            f"{command.replace('PW', PASSWORD)}\n",
            "password",
            1,
        )
        for command in (
            "beeline -u jdbc:hive2://h -n u -p PW",
            "bcp d.t out f -S h -U u -P PW",
            "cqlsh h -u u -p PW",
            "vsql -h h -U u -w PW",
            "sqlldr userid=u/PW@db control=a",
            "db2 connect to DB user u using PW",
            ".LOGON h/u,PW;",
            "rabbitmqctl add_user u PW",
            "htpasswd -b -c f u PW",
            "echo 'u:PW' | chpasswd",
            "net use Z: \\\\h\\s PW /user:u",
            "ConvertTo-SecureString 'PW' -AsPlainText -Force",
            "mc alias set a https://h u PW",
            "keytool -list -storepass PW",
            "7z x -pPW a.7z",
            "zip -P PW a.zip b",
            "REDISCLI_AUTH=PW redis-cli ping",
        )
    },
    **{
        f"a value alone: {name}": (name, f"\n{PASSWORD}\n", kind, 2)
        for name, kind in (
            ("db_password", "password"),
            ("db_password.txt", "password"),
            (".vault_pass", "password"),
            (".vault-token", "bearer_token"),
            ("master.key", "secret_value"),
        )
    },
    "JSON by its text": (
        ".dockerconfigjson",
        f'{{"a":\n{{"password": "{PASSWORD}"}}}}',
        "password",
        2,
    ),
    "a signed URL": (
        "a.txt",
        f"https://b.s3.amazonaws.com/x?X-Amz-Expires=60&X-Amz-Signature={'4e1c9a7b' * 8}\n",
        "bearer_token",
        1,
    ),
    "gcloud's own sign": (
        "a.sh",
        f"gcloud run deploy x --set-env-vars=^@^A=b@DB_PASSWORD={PASSWORD}\n",
        "password",
        1,
    ),
    "a parameter": (
        "a.sh",
        f"aws ssm put-parameter --name /a --type SecureString --value '{PASSWORD}'\n",
        "password",
        1,
    ),
    "a token for a user": (
        "a.sh",
        f"curl -u '{PASSWORD}{PASSWORD}:' https://a\n",
        "password",
        1,
    ),
    "JSON in quotes": (
        "a.sh",
        f'bq mk --connection_credential=\'{{"username":"u","password":"{PASSWORD}"}}\'\n',
        "password",
        1,
    ),
    "a default of a parameter": (
        "a.yaml",
        f"params:\n- name: TOKEN\n  default: {'4e1c9a7b' * 4}\n",
        "bearer_token",
        3,
    ),
    "a URL in quotes": (
        "a.sh",
        f'# U="jdbc:postgresql://h/d?user=u&password={PASSWORD}"\n',
        "password",
        1,
    ),
    "not UTF-8": ("notes.txt", f"caf\udce9\nuse {TOKEN}\n", "bearer_token", 2),
}


@pytest.mark.parametrize("case", CASES)
def test_a_credential_is_found_at_its_line(case: str, tmp_path: Path) -> None:
    name, content, kind, line = CASES[case]
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    facts = looked(tmp_path)
    assert [(one.secret, one.origin.line) for one in found(facts)] == [(kind, line)]
    assert facts.gaps == ()
    assert PASSWORD not in repr(facts)
    assert TOKEN not in repr(facts)


HARMLESS = {
    "env": (".env", "DB_PASSWORD=${DB_PASSWORD}\nAPI_TOKEN=changeme\n"),
    "YAML": (
        "a.yaml",
        "password: !vault x\nsecretName: db\ntoken: ${{ secrets.TOKEN }}\n",
    ),
    "manifest": (
        "a.yaml",
        "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: x}\n",
    ),
    "federation": (
        "wif.json",
        '{"type": "external_account", "audience": "//iam.googleapis.com/projects/1"}',
    ),
    "variables of Windows": (
        "a.bat",
        """set PGPASSWORD=%DB_PASSWORD%
psql postgresql://u:%DB_PASSWORD%@h/db
sqlcmd -U sa -P %CAFE_PASSWORD%
curl -u admin:%DB_PASSWORD% https://h.example
""",
    ),
    "what is filled in": (
        "a.py",
        """dsn = "UID=u;PWD={db_password2};" + "PWD={conn.password};" + "PWD={cfg['pw']};"
oracledb.connect("etl/{{ conn.db.password }}@db")
client.connect("host", 22, "etl", "{{ conn.ssh.password }}")
class Db(Base):
    host: str
    password: str
Db("etl-1", "load-2")
""",
    ),
    "parts of what is not known": (
        "a.py",
        """API_KEY = part() + "-customer-2"
DB_PASSWORD = f"{get('db')}-2026-primary"
TOKEN_URL = base + "Xq7vT9mKp2LwR4"
job = part() + "Xq7vT9mKp2LwR4"
""",
    ),
    ".netrc, filled in": ("a.sh", "echo machine h login u password $TOKEN >~/.netrc\n"),
    "what is waited for": ("a.py", "sense(wait_for_token='poke-every-60s')\n"),
    "shell": ("a.sh", 'curl -u "$USER:$PASSWORD" https://x\nx --password "$(cat f)"\n'),
    "prose": (
        "a.md",
        """The password is stored in Secret Manager, the token: see `docs/tokens2.md`.
Password: required
Password: `changeme-123`
- next page token: `abc123def456`
| name | password |
|---|---|
| string | the password of version2 |
| a | {{ conn.db.password }} |
""",
    ),
    "CSV": ("words.csv", "token,lemma,password_hash\nran4x8y2k,run,x\n"),
    "state of Terraform": (
        "a.tfstate",
        """{"resources": [{"type": "random_id", "instances": [
{"attributes": {"result": "Xq7vT9mKp2"}}]}]}""",
    ),
    "shell, ports": ("b.sh", "# pgpass\nssh -L 5432:db:5432 x\nairflow x -p 8080\n"),
    "PowerShell": (
        "a.ps1",
        """$Token = $env:TOKEN
$ApiToken = $config.Token
$Secret = $using:Secret
$Password = Read-Host -AsSecureString
$Password = New-RandomPassword 20
$body = @{ password = $Password; token = $config.Api.Token }
""",
    ),
    "Terraform": (
        "a.tf",
        "password = var.db_password\nx = random_password.db.result\n",
    ),
    "SQL": ("a.sql", "CREATE USER x PASSWORD '{{ conn.db.password }}';\n"),
    "Python": (
        "a.py",
        "PASSWORD = os.environ['X']\nuri = f'postgres://u:{PASSWORD}@h/d'\n",
    ),
    "requirements": ("requirements.txt", "--index-url https://${U}:${P}@x/simple\n"),
    "a list of secrets of Helm": (
        "values.yaml",
        "secret:\n- envName: DB_PASSWORD\n  secretName: db\n  secretKey: password_v2\n",
    ),
    "passwords elsewhere": (
        "a.yaml",
        f"passwords:\n  warehouse: sm://acme/db\n  user: {PASSWORD}\n  bi: etl-bi-main\n",
    ),
    "Ansible": (
        "p.yml",
        (
            "token: \"{{ lookup('hashi_vault', 'secret=a/b:token') }}\"\n"
            "user: {password: '!', update_password: on_create}\n"
        ),
    ),
    "defaults that say nothing": (
        "a.j2",
        "PASSWORD={{ pw | default('changeme') }}\nTOKEN={{ env_var('TOKEN', 'none') }}\n",
    ),
    "directives": ("a.conf", "key_prefix airflow\nauth_basic off;\npassword_file /x\n"),
    "SQL, rows": (
        "b.sql",
        "INSERT INTO connection (conn_id, password) VALUES ('db', NULL), ('x', '');\n",
    ),
    "Scala": ("a.scala", 'f("password", "username")\n'),
    "Python, behind code": ("b.py", "x = 1  # password: see the wiki\n"),
    "certificate": ("a.pem", PEM.replace("PRIVATE KEY", "PUBLIC KEY")),
    # sealed, by the tools that open it
    "sealed parts": (
        "Pulumi.prod.yaml",
        f"config:\n  a:dbPassword:\n    secure: v1:{PASSWORD}\nencrypted:\n  token: {PASSWORD}\n",
    ),
    "sealed, Spring": ("a.yml", f"password: '{{cipher}}{'4e1c9a7b' * 8}'\n"),
    "sealed, Maven": ("settings.xml", "<password>{COQLCE6DU6GtcS5P=}</password>\n"),
    "digests of MySQL": (
        "a.sql",
        f"CREATE USER u IDENTIFIED BY PASSWORD '*{'4E1C9A7B' * 5}';\n",
    ),
    "a digest of a Secret": (
        "i.yaml",
        f"annotations:\n  checksum/secret: {'4e1c9a7b' * 8}\n",
    ),
    "YAML, had from elsewhere": (
        "a.yaml",
        "password: !Ref DbPassword1x\ntoken: !ENV DB_TOKEN_9x\nsecret: !aws_secret vendor-9f\napi_key: !vault a/b#c9d8\n",
    ),
    "remarks": (
        "a.json",
        '{"//password": "set in CI1", "_password_comment": "rotate2monthly"}',
    ),
    "an example of Airflow's": (
        "airflow.cfg",
        "# Example: smtp_password = airflow\n# smtp_password =\n",
    ),
    "digests of users": (".htpasswd", "etl:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="),
    "where one is": ("password.txt", "${DB_PASSWORD}\n"),
    "a public one": ("public.key", f"{PASSWORD}\n"),
    "whose a signature is": (
        "a.sh",
        "x='AWS4-HMAC-SHA256 Credential=a/20260101/us/s3/aws4_request'\n",
    ),
    "parameters": ("a.yaml", "params:\n- name: secret-name\n  default: dw-creds-v2\n"),
    "columns": (
        "a.csv",
        f"token,password_hash,session_key\n9d8ecb44e2c2,{'4e1c9a7b' * 8},{'4e1c9a7b' * 4}\n",
    ),
    "prose, changes": ("CHANGELOG.md", "- api key: renamed2\n- token is now64bytes\n"),
    "translations": (
        "de.json",
        '{"password": "пароль", "pwd": "Mot de passe", "api_key": "Chave de API"}',
    ),
    "code that is packed": (
        "a.js",
        "r.password=!!e.password,t.credentials=e.crossOrigin===`a`,pw=class extends A{}\n",
    ),
    "Terraform, names": (
        "main.tf",
        (
            'locals {\n  s = "db-password"\n  region = "europe-west1-b2"\n}\nresource "a" "b" {\n'
            "  secret = local.s\n  password = var.pw\n  location = local.region\n}\n"
        ),
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_what_only_looks_like_one_is_passed(case: str, tmp_path: Path) -> None:
    name, content = HARMLESS[case]
    (tmp_path / name).write_text(content)
    facts = looked(tmp_path)
    assert found(facts) == []
    assert [one.path for one in facts.embedded_secrets] == [name]


def test_one_credential_in_several_files_is_one(tmp_path: Path) -> None:
    (tmp_path / "a.env").write_text(f"DB_PASSWORD={PASSWORD}\n")
    (tmp_path / "b.yaml").write_text(f"x:\n  password: {PASSWORD}\n")
    (tmp_path / "c.yaml").write_text("x:\n  password: another-9f3Kd8Zq\n")
    one, other, third = found(looked(tmp_path))
    assert one.credential == other.credential == "file:a.env:DB_PASSWORD"
    assert third.credential == third.id == "file:c.yaml:x.password"
    assert {one.fingerprint, other.fingerprint, third.fingerprint} == {None}


def test_a_key_file_says_whose_it_is(tmp_path: Path) -> None:
    (tmp_path / "sa.json").write_text(KEY_FILE)
    [one] = found(looked(tmp_path))
    assert one.identity == "loader@acme.iam.gserviceaccount.com"
    assert one.key_id == "0123abcd"


KEYS = {
    "PKCS #8": EC.private_bytes(DER, serialization.PrivateFormat.PKCS8, NO_PASSWORD),
    "PKCS #8, encrypted": EC.private_bytes(
        DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    ),
    "PKCS #12": pkcs12.serialize_key_and_certificates(
        b"a", EC, None, None, serialization.BestAvailableEncryption(b"x")
    ),
    "Java": b"\xfe\xed\xfe\xed\0\0\0\2" + bytes(range(200)),
    "OpenPGP": b"\x95\x00\x80\x04abcd\x01" + bytes(range(128)),
    "OpenPGP, new": b"\xc5\x80\x04abcd\x16" + bytes(range(128)),
}


@pytest.mark.parametrize("name", ["legacy.bin", "store.db", "a.o", "a.jks", "a"])
@pytest.mark.parametrize("kind", KEYS)
def test_a_key_store_is_told_under_any_name(
    kind: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(KEYS[kind])
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr(name, KEYS[kind])
    facts = looked(tmp_path)
    assert [one.secret for one in found(facts)] == ["private_key"] * 2
    assert len({one.credential for one in found(facts)}) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"SQLite format 3\0" + bytes(200),
        b"\x7fELF" + bytes(200),
        b"0\x82" + bytes(range(200)),  # as a certificate begins
        b"\x95\x00\xff\x04abcd\x01" + bytes(100),  # less than it says
        b"\x84" + bytes(range(200)),  # what OpenPGP encrypted
    ],
)
def test_other_binary_files_are_passed_over(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(data)
    facts = looked(tmp_path)
    assert found(facts) == []
    assert facts.gaps == ()
    assert [(one.reason, one.count) for one in facts.excluded] == [("binary", 1)]


def test_what_a_local_holds_is_told_by_what_it_is_given_to(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(
        f"""
variable "wh" {{
  default = "{PASSWORD}"
}}
locals {{
  a = var.wh
  b = "{PASSWORD}9"
  c = local.d
  d = local.c
}}
resource "google_sql_user" "u" {{
  password = local.a
  url = "postgres://u:${{local.b}}@h/d"
  token = local.c
}}
resource "kubernetes_secret" "s" {{
  data = {{
    username = "etl-1"
    broker = "{PASSWORD}8"
  }}
}}
"""
    )
    told = [(one.secret, one.origin.line, one.place) for one in found(looked(tmp_path))]
    assert sorted(told, key=lambda one: one[1] or 0) == [
        ("password", 3, "wh"),
        ("password", 7, "google_sql_user.u.url"),
        ("secret_value", 19, "kubernetes_secret.s.data.broker.secret"),
    ]


def test_archives_are_opened_once(tmp_path: Path) -> None:
    inner = tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.py", f"password = '{PASSWORD}'")
    with zipfile.ZipFile(tmp_path / "dags.zip", "w") as archive:
        archive.writestr("pkg/conn.py", f"X = 1\npassword = '{PASSWORD}'\n")
        archive.writestr("logo.png", b"\x89PNG\0")
        archive.write(inner, "inner.zip")
    inner.unlink()
    facts = looked(tmp_path)
    [one] = found(facts)
    assert (one.path, one.origin.line) == ("dags.zip/pkg/conn.py", 2)
    assert [(gap.origin.source, gap.reason) for gap in facts.gaps] == [
        ("dags.zip/inner.zip", "unsupported")
    ]
    assert [(one.reason, one.count) for one in facts.excluded] == [("binary", 1)]


def test_packed_files_and_wheels_are_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "etl-1-py3-none-any.whl", "w") as archive:
        archive.writestr("etl/conn.py", f"password = '{PASSWORD}'\n")
        archive.writestr("etl/data.json.gz", b"\x1f\x8b")
    packed = gzip.compress(f"a: 1\npassword: {TOKEN}\n".encode())
    (tmp_path / "conf.yaml.gz").write_bytes(packed)
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    (tmp_path / "a.csv.bz2").write_bytes(b"nothing of the kind")
    facts = looked(tmp_path)
    assert {(one.path, one.origin.line) for one in found(facts)} == {
        ("conf.yaml.gz/conf.yaml", 2),
        ("etl-1-py3-none-any.whl/etl/conn.py", 1),
    }
    assert {(gap.origin.source, gap.reason) for gap in facts.gaps} == {
        ("a.csv.bz2", "malformed"),
        ("bomb.json.gz", "too_large"),
    }
    assert [(one.reason, one.count) for one in facts.excluded] == [("binary", 1)]


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("jobs.jar", "application.properties"),
        ("runbook.docx", "word/document.xml"),
        ("keys.xlsx", "xl/sharedStrings.xml"),
    ],
)
def test_other_files_that_are_zip_archives_are_opened(
    name: str, member: str, tmp_path: Path
) -> None:
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr(member, f"<t>{TOKEN}</t>" if "xml" in member else f"a={TOKEN}")
        archive.writestr("A.class", b"\xca\xfe\xba\xbe")
    facts = looked(tmp_path)
    assert [one.path for one in found(facts)] == [f"{name}/{member}"]
    assert facts.gaps == ()


def test_what_may_be_a_credential_is_not_established(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("\nSECRET_KEY = 'supersecretstuff'\n")

    (fact,) = looked(tmp_path).embedded_secrets
    assert fact.secret is UNSET
    assert fact.doubt == "it may be the name of one"
    assert (fact.origin.source, fact.origin.line) == ("settings.py", 2)
    (why,) = fact.unresolved
    assert (why.field, why.reason) == ("secret", "dynamic")
    assert why.symbol == "what SECRET_KEY is: it may be the name of one"


REFUSED = "it may be one that is meant to be refused"
ABOUT = "it may be a word about one"
QUICK_START = "it may be what a server's first steps show"
# (file, content, what is told of each line: its doubt, None for a sure one)
DOUBTED: dict[str, tuple[str, str, list[tuple[int, str | None]]]] = {
    "examples of a description": (
        "openapi.yaml",
        f"""openapi: 3.1.0
components:
  schemas:
    Login: {{example: {{password: {PASSWORD}}}}}
    Other: {{example: {TOKEN}}}
servers: [{{url: "https://u:{PASSWORD}9@h"}}]
""",
        [(4, "it may be an example of a description"), (5, None), (6, None)],
    ),
    "digests of users": (
        "users.csv",
        f"user,password\na,{'4e1c9a7b' * 4}\nb,{PASSWORD}\n",
        [(2, "it may be the digest of one"), (3, None)],
    ),
    "passwords that a test tries": (
        "test_login.py",
        f"""login(user="a", password="wrong-password")
login("u", password="invalid")
login("u", password="{PASSWORD}")
login("u", password="Invalid-{PASSWORD}")
""",
        [(1, REFUSED), (2, REFUSED), (3, None), (4, None)],
    ),
    "words about one": (
        "a.md",
        f"""Password: rotated
db-password: correct-horse-battery
password: see vault
Password: rotated{PASSWORD}
"password": "rotated"
""",
        [(1, ABOUT), (2, ABOUT), (4, None), (5, None)],
    ),
    "a UUID": (
        "a.py",
        """CACHE_TOKEN = "9d8ecb44-e2c2-4256-8bf3-1b2df1e7d126"
CONSUL_HTTP_TOKEN = "0d8ecb44-e2c2-4256-8bf3-1b2df1e7d127"
""",
        [(1, "it may be an identifier"), (2, None)],
    ),
    "digests of nothing": (
        "a.py",
        """MD5_TOKEN = "d41d8cd98f00b204e9800998ecf8427e"
SHA1_TOKEN = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
EMPTY_TOKEN = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
OTHER_TOKEN = "d41d8cd98f00b204e9800998ecf8427f"
""",
        [(4, None)],
    ),
    "first steps of Airflow": (
        "docker-compose.yml",
        f"""environment:
  A_CONN: postgresql+psycopg2://airflow:airflow@postgres/airflow
  B_CONN: postgresql://postgres:postgres@db.prod.example.net/x
  C_CONN: postgresql://airflow:{PASSWORD}@postgres/airflow
  D: ${{REDIS_PASSWORD:-redis}}
  E: ${{REDIS_PASSWORD:-{PASSWORD}9}}
""",
        [(2, QUICK_START), (3, None), (4, None), (5, QUICK_START), (6, None)],
    ),
}


@pytest.mark.parametrize("case", DOUBTED)
def test_weak_evidence_is_told_as_such(case: str, tmp_path: Path) -> None:
    name, content, told = DOUBTED[case]
    (tmp_path / name).write_text(content)
    facts = found(looked(tmp_path))
    assert [(one.origin.line, one.doubt) for one in facts] == told
    assert all((one.secret is UNSET) is (one.doubt is not None) for one in facts)


TERRAFORM = f"""
provider "google" {{
  credentials_token = "{TOKEN}"
}}
resource "google_sql_user" "app" {{
  name     = "app"
  password = "{PASSWORD}1"
  deletion = jsonencode({{
    a = ["{{", "]"]
  }})
}}
resource "google_cloud_run_v2_service" "orders" {{
  template {{
    containers {{
      args = [
        "--verbose",
      ]
      env {{
        name  = "DB_PASSWORD"
        value = "{PASSWORD}2"
      }}
      labels = {{ }} # }}
      resources {{ limits = {{ cpu = "1" }} }}
    }}
  }}
}}
data "http" "x" {{
  request_headers = {{
    api_token = "{PASSWORD}3"
  }}
}}
module "db" {{
  admin_password = <<-EOT
    {PASSWORD}4
  EOT
}}
variable "root_password" {{
  default = "{PASSWORD}5"
}}
locals {{
  smtp_password = "{PASSWORD}6"
}}
"""


def test_a_place_in_terraform_is_the_resource_s_address(tmp_path: Path) -> None:
    (tmp_path / "main.tf").write_text(TERRAFORM)
    lines = TERRAFORM.split("\n")
    told = {fact.place: fact.origin.line or 0 for fact in found(looked(tmp_path))}
    assert list(told) == [
        "provider.google.credentials_token",
        "google_sql_user.app.password",
        "google_cloud_run_v2_service.orders.template.containers.env.DB_PASSWORD",
        "data.http.x.request_headers.api_token",
        "module.db.admin_password",
        "root_password",
        "smtp_password",
    ]
    values = [TOKEN, *(f"{PASSWORD}{number}" for number in range(1, 7))]
    for line, value in zip(told.values(), values, strict=True):
        assert value in lines[line - 1]


def test_a_file_of_brackets_is_a_file(tmp_path: Path) -> None:
    text = "a = {\n" * 20_000 + f'password = "{PASSWORD}"\n' + "}\n" * 30_000
    (tmp_path / "main.tf").write_text(text)
    (fact,) = found(looked(tmp_path))
    assert (fact.place, fact.origin.line) == ("a." * 20 + "password", 20_001)


ANCHORS = f"""
z_defaults: &defaults
  password: {PASSWORD}1
z_login: &login {PASSWORD}2
a:
  <<: *defaults
b: *defaults
c:
  - *defaults
d_password: *login
"""


def test_the_place_of_what_an_anchor_names_is_its_own(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(ANCHORS)
    told = [(fact.place, fact.origin.line) for fact in found(looked(tmp_path))]
    # that it is a password, only the alias says
    assert told == [("z_defaults.password", 3), ("d_password", 4)]
