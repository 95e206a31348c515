"""An estate with a fresh secret in every place that a reader of ours looks at."""

import base64
import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import yaml
from google.cloud.asset_v1 import Asset, Resource
from tests.leaks import Planted
from tests.sources.cloud_server import Cloud
from tests.sources.test_cloud import shop

from dagwarden.findings import RESULT_VERSION

PROJECT = "//cloudresourcemanager.googleapis.com/projects/71"
RUN = "//run.googleapis.com/projects/shop/locations/europe-west1"


class Estate:
    """The folder, what its process environment holds, and what was planted."""

    def __init__(self, folder: Path) -> None:
        """Write the whole estate into `folder`."""
        self.folder = folder
        self.planted = Planted()
        # one key file in many spellings: its fingerprint has to be the same
        self.shared_key = self.planted.key_file("the shared key file")
        self.shared_password = self.planted.password("the shared password")
        self._dags()
        self._variables()
        self._connections()
        self._asking()
        self.environment = self._environment()
        self._assets()
        self._configuration()
        self._broken()
        self._files()

    def write(self, path: str, content: str | bytes) -> None:
        """Write one file of the estate."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        target.write_bytes(data)

    # ------------------------------------------------------------------------- DAGs

    def _dags(self) -> None:
        p = self.planted
        self.write(
            "dags/calls.py",
            f'''
"""A module's text: {p.plain("module docstring")}"""
# a comment: {p.plain("comment")}
import json, os
from airflow import DAG
from airflow.models import Connection, Variable
from airflow.providers.google.cloud.operators.cloud_run import (
    CloudRunCreateJobOperator, CloudRunExecuteJobOperator)
from airflow.providers.http.operators.http import HttpOperator
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from nowhere import helper, endpoint_of
from settings import SHARED, headers_of

PASSWORD = {p.password("module constant")!r}
KEY = {self.shared_key!r}
URL = f"https://user:{{PASSWORD}}@hidden.example/"
MADE = Connection(conn_id="made", conn_type="http",
                  password={p.password("Connection(password)")!r},
                  extra=json.dumps({{"token": {p.plain("Connection(extra)")!r}}}))
os.environ["AIRFLOW_CONN_MADE"] = {"http://u:" + p.plain("os.environ") + "@h.example/"!r}

default_args = {{"owner": "x", "headers": {{"X-Api-Key": {p.api_key("default_args")!r}}},
                "password": {p.plain("default_args password")!r}}}

with DAG("calls", schedule=None, default_args=default_args,
         params={{"token": {p.token("DAG params")!r}}},
         doc_md={("see " + p.webhook("doc_md"))!r}) as dag:
    HttpOperator(task_id="headers", http_conn_id="service", endpoint="run",
        headers={{"Authorization": "Bearer {p.token("header")}"}},
        data={{"password": {p.password("body")!r}}})
    HttpOperator(task_id="query", http_conn_id="service",
        endpoint="run?name=x&token={p.plain("endpoint query")}&page=1")
    HttpOperator(task_id="userinfo",  http_conn_id="service",
        endpoint="https://robot:{p.plain("endpoint userinfo")}@run.example/x")
    HttpOperator(task_id="hook", http_conn_id="service",
        endpoint={p.webhook("endpoint webhook")!r})
    HttpOperator(task_id="url", http_conn_id="http://u:{p.plain("connection id")}@h/",
        endpoint="run")
    HttpOperator(task_id="f_string", http_conn_id=helper(f"{p.plain("f-string")}"),
        endpoint=f"run?key={p.plain("f-string query")}&x={{helper('{p.plain("call argument")}')}}",
        headers=headers_of({p.plain("unknown call")!r}))
    HttpOperator(task_id="concatenated", http_conn_id="service",
        endpoint="run?token=" + {p.plain("concatenation")!r} + endpoint_of(1),
        headers={{"Authorization": "Basic " + {base64.b64encode(("u:" + p.plain("basic header")).encode()).decode()!r}}})
    HttpOperator(task_id="subscript", http_conn_id={{"a": 1}}[{p.token("subscript")!r}],
        endpoint={{{p.plain("dict key")!r}: helper()}}["a"],
        headers={{"Authorization": {p.plain("header without scheme")!r}}})
    HttpOperator(task_id="environ", http_conn_id=os.environ["{p.api_key("environ name")}"],
        endpoint=Variable.get("https://u:{p.plain("variable name")}@h"))
    HttpOperator(task_id="default", http_conn_id="service",
        endpoint=os.environ.get("ENDPOINT", "run?token={p.plain("default of environ")}"),
        headers={{"X-Token": "{{{{ var.value.x }}}} {p.token("template")}"}})
    CloudRunExecuteJobOperator(task_id="overrides", project_id="shop",
        region="europe-west1", job_name="load",
        overrides={{"container_overrides": [{{"name": "a",
            "args": ["--password={p.plain("override argument")}"],
            "env": [{{"name": "DB_PASSWORD", "value": {self.shared_password!r}}},
                    {{"name": "KEY", "value": KEY}},
                    {{"name": "ENCODED", "value": {base64.b64encode(self.shared_key.encode()).decode()!r}}},
                    {{"name": "IN_URL", "value": {quote(self.shared_key, safe="")!r}}},
                    {{"name": "IN_JSON", "value": {json.dumps({"a": self.shared_key})!r}}},
                    {{"name": "SHORT_PASSWORD", "value": {p.short("short override")!r}}}]}}]}})
    CloudRunCreateJobOperator(task_id="create", project_id="shop",
        region="europe-west1", job_name={p.api_key("job name")!r},
        job={{"template": {{"template": {{"containers": [{{"env": [
            {{"name": "API_TOKEN", "value": {p.plain("created job")!r}}}]}}]}}}}}})
    BashOperator(task_id="bash", bash_command="curl -u u:{p.plain("bash userinfo")} "
        "-H 'Authorization: Bearer {p.token("bash header")}' https://h.example",
        env={{"AWS_SECRET_ACCESS_KEY": {p.aws_key("bash env")!r}}})
    PythonOperator(task_id="python", python_callable=helper,
        op_kwargs={{"client_secret": {p.client_secret("op_kwargs")!r}}},
        env_vars={{"TOKEN": {p.plain("env_vars")!r}}})
    BashOperator.partial(task_id="mapped", bash_command="x").expand(
        env=[{{"DB_PASSWORD": {p.plain("mapped")!r}}}])
    BashOperator(task_id={p.token("task id")!r}, bash_command="x")

def never_called():
    HttpOperator(task_id="dead", http_conn_id="x", endpoint={p.plain("dead code")!r})
''',
        )
        self.write(
            "dags/settings.py",
            f"""
SHARED = {p.plain("imported constant")!r}
def headers_of(x):
    return {{"X-Api-Key": {p.plain("imported function")!r}, "x": missing(x)}}
""",
        )
        self.write("dags/broken.py", f"PASSWORD = {p.plain('broken file')!r}\ndef (:\n")
        self.write(
            "dags/unclosed.py", f'PASSWORD = """{p.password("unclosed string")}\n'
        )
        self.write("dags/bytes.py", f"P = '{p.plain('bad bytes')}'".encode() + b"\xff")
        self.write("dags/nul.py", f"P = '{p.plain('NUL bytes')}'\0")
        self.write("dags/deep.py", f"P = {'(' * 400}'{p.plain('deep')}'{')' * 400}")
        self.write(
            "dags/codec.py", f"# coding: {p.plain('codec')}\nfrom airflow import DAG\n"
        )
        self.write("dags/.airflowignore", f"[{p.plain('.airflowignore')}\n")
        comment = (
            "# dagwarden: waive secret-in-task-argument until=2027-01-31 owner=@team"
        )
        self.write(
            "dags/waived.py",
            f"""
from airflow import DAG
from airflow.operators.bash import BashOperator
with DAG("waived", schedule="@once {p.token("schedule")}"):
    BashOperator(task_id="a", bash_command="x",  {comment} -- the token {p.token("waiver's reason")} is old
        env={{"PASSWORD": {p.plain("waived")!r}}})
    BashOperator(task_id="b", bash_command="x",  {comment} -- password={p.plain("waiver's reason by name")}
        env={{"PASSWORD": {p.plain("waived too")!r}}})
    BashOperator(task_id="c", bash_command="x")  # dagwarden: {p.token("no waiver")}
    BashOperator(task_id="d", bash_command="x")  {comment} password={p.plain("waiver's field")} -- r
    BashOperator(task_id="e", bash_command="x")  # dagwarden: waive x owner={p.token("waiver's owner")} until={p.plain("waiver's date")} -- r
""",
        )

    # -------------------------------------------------------------------- variables

    def _variables(self) -> None:
        """Write variables that say secret, and DAGs that show what they give."""
        p = self.planted

        def many(place: str) -> dict[str, object]:
            return {
                "api_token": p.plain(f"variable {place}: by name"),
                "shaped": p.api_key(f"variable {place}: by shape"),
                "url": f"https://u:{p.plain(f'variable {place}: URL')}@h.example/",
                "key_file": p.key_file(f"variable {place}: key file"),
                "settings": {
                    "password": p.plain(f"variable {place}: inside"),
                    "deep": [
                        {"name": "DB_PASSWORD", "value": p.plain(f"{place} pair")}
                    ],
                    "region": "europe-west1",
                },
                "hook": p.webhook(f"variable {place}: webhook"),
                # nothing says secret, and no fact asks for it
                "unasked": p.plain(f"variable {place}: not asked for"),
            }

        self.write("c/variables.json", json.dumps(many("export")))
        self.write("c/variables.yaml", yaml.safe_dump(many("local")))
        lines = "".join(
            f"AIRFLOW_VAR_{name.upper()}='{value}'\n"
            for name, value in many(".env").items()
            if isinstance(value, str)
        )
        self.write("c/.env.variables", f"{lines}{p.plain('variables: no line')}\n")
        self.write("c/broken-variables.json", f'{{"a": "{p.plain("variables: JSON")}')
        get = "Variable.get({!r}, deserialize_json={})".format
        shown = [
            *(get(name, False) for name in ("api_token", "shaped", "url", "key_file", "hook")),
            *(f"{get('settings', True)}{key}" for key in ("['password']", "['deep'][0]['value']")),
            get("settings", False),
            *(f"'{{{{ var.value.{name} }}}}'" for name in ("api_token", "url", "shaped")),
            "'{{ var.json.settings.password }}'",
            "'{{ var.json.settings }}'",
        ]  # fmt: skip
        tasks = "".join(
            f"""
    CloudRunExecuteJobOperator(task_id="v{number}", project_id="shop",
        region={value}, job_name=f"j-{{{value}}}", gcp_conn_id={value},
        impersonation_chain=[{value}])
    HttpOperator(task_id="h{number}", http_conn_id="service",
        endpoint="run/" + {value}, headers={{"Authorization": {value},
        "X-Unasked": Variable.get("unasked")}})
"""
            for number, value in enumerate(shown)
        )
        self.write(
            "dags/variables.py",
            f"""
from airflow import DAG
from airflow.models import Variable
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.http.operators.http import HttpOperator
with DAG("variables", schedule=None):
{tasks}""",
        )

    def _asking(self) -> None:
        """Write DAGs that show whatever they are given of connections."""
        names = ("host", "login", "schema", "port", "conn_type", "password", "extra")
        asked = [*names, "get_password()", "get_uri()", "extra_dejson"]
        extras = [
            *(
                "keyfile_dict",
                "Authorization",
                "aws_session_token",
                "token",
                "password",
            ),
            *("extra__google_cloud_platform__keyfile_dict", "impersonation_chain"),
            *("project", "key_path", "key_secret_name", "scope"),
        ]
        asked += [f"extra_dejson[{name!r}]" for name in extras]
        asked += [f"extra_dejson.get({name!r})" for name in extras[:5]]
        holders = ("google", "service", "aws", "user", "shared", "odd", "chain", "text")
        shown = [
            *(f"C({name!r}).{field}" for name in holders for field in asked),
            *(
                f'"{{{{ conn.{name}.{field} }}}}"'
                for name in holders
                for field in asked
            ),
            *(f'"{{{{ conn.get({name!r}).login }}}}"' for name in holders),
        ]
        tasks = "".join(
            f"""
    CloudRunExecuteJobOperator(task_id="c{number}", project_id="shop",
        region={value}, job_name={value}, gcp_conn_id={value}, pool={value},
        impersonation_chain=[{value}])
"""
            for number, value in enumerate(shown)
        )
        self.write(
            "dags/connections.py",
            f"""
import requests
from airflow import DAG
from airflow.hooks.base import BaseHook
from airflow.models import Connection
from airflow.decorators import task
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
C = BaseHook.get_connection
@task
def fetch():
    c = Connection.get_connection_from_secrets("service")
    requests.get(f"{{c.host}}/{{c.login}}/{{c.password}}", auth=(c.login, c.password),
        headers=c.extra_dejson)
    requests.post(f"https://{{c.login}}:{{c.password}}@x.a.run.app", headers={{
        "Authorization": "Bearer " + c.extra_dejson["Authorization"]}})
with DAG("connections", schedule=C("service").host):
    fetch()
{tasks}""",
        )

    # ------------------------------------------------------------------ connections

    def _connections(self) -> None:
        p = self.planted

        def uri(place: str) -> str:
            password = quote(p.password(f"{place}: URI"), safe="")
            return f"http://user:{password}@service.example/?token={p.plain(f'{place}: query')}"

        def google(place: str) -> dict[str, object]:
            extra = {"keyfile_dict": p.key_file(f"{place}: keyfile_dict")}
            return {
                "conn_type": "google_cloud_platform",
                "password": p.password(f"{place}: password"),
                "extra": json.dumps(extra),
            }

        def many(place: str) -> dict[str, Any]:
            """Return connections of every kind, well formed and broken."""
            return {
                "google": google(f"{place} google"),
                "service": {
                    "conn_type": "http",
                    "host": f"https://u:{p.plain(f'{place}: host')}@service.example",
                    "login": f"user:{p.token(f'{place}: login')}",
                    "schema": p.token(f"{place}: schema"),
                    "password": self.shared_password,
                    "extra": {"Authorization": f"Bearer {p.token(f'{place}: header')}"},
                },
                "aws": {
                    "conn_type": "aws",
                    "login": "AKIAABCDEFGHIJKLMNOP",
                    "password": p.aws_key(f"{place}: aws"),
                    "extra": {"aws_session_token": p.plain(f"{place}: session")},
                },
                "user": {
                    "conn_type": "google_cloud_platform",
                    "extra": {"keyfile_dict": p.refresh_token(f"{place}: refresh")},
                },
                "shared": {
                    "conn_type": "google_cloud_platform",
                    "extra": {
                        "extra__google_cloud_platform__keyfile_dict": self.shared_key
                    },
                },
                "bad_extra": {
                    "conn_type": "google_cloud_platform",
                    "extra": f'{{"password": "{p.plain(f"{place}: bad extra")}"',
                },
                "bad_port": {
                    "conn_type": "http",
                    "port": p.plain(f"{place}: port"),
                    "password": p.plain(f"{place}: beside bad port"),
                },
                "unknown": {"conn_type": "http", "pasword": p.plain(f"{place}: typo")},
                "odd": {"conn_type": p.token(f"{place}: conn_type")},
                "chain": {
                    "conn_type": "google_cloud_platform",
                    "extra": {
                        "impersonation_chain": p.token(f"{place}: chain"),
                        "project": p.token(f"{place}: project"),
                        "key_path": f"https://u:{p.plain(f'{place}: key_path')}@h/k",
                        "key_secret_name": p.token(f"{place}: key_secret_name"),
                        "scope": p.token(f"{place}: scope"),
                        "num_retries": p.plain(f"{place}: retries"),
                    },
                },
                "text": uri(f"{place} text"),
                "empty": [],
                "a number": 5,
                f"http://u:{p.plain(f'{place}: id')}@h": {"conn_type": "http"},
            }

        def records(place: str) -> list[tuple[str, dict[str, Any]]]:
            return [
                (name, cast("dict[str, Any]", value))
                for name, value in many(place).items()
                if isinstance(value, dict)
            ]

        def lines(place: str, prefix: str = "", quote_: str = "") -> str:
            found = [f"# {p.plain(f'{place} comment')}"]
            for name, value in many(place).items():
                if isinstance(value, str | dict):
                    text = value if isinstance(value, str) else json.dumps(value)
                    name = name.upper() if prefix else name
                    found.append(f"{prefix}{name}={quote_}{text}{quote_}")
            found.append(f"{prefix}BAD=://{p.plain(f'{place} bad URI')}")
            found.append(f"{prefix}BAD2=a://b://c://{p.plain(f'{place} bad URI 2')}")
            found.append(f"{prefix}BAD3={{{p.plain(f'{place} bad JSON')}")
            found.append(f"{prefix}BAD4=http://h:{p.plain(f'{place} bad port')}/")
            found.append(p.plain(f"{place} no line"))
            return "\n".join(found) + "\n"

        self.write("c/all.json", json.dumps(many("JSON export")))
        self.write(
            "c/all.yaml", yaml.safe_dump(many("YAML export"), allow_unicode=True)
        )
        self.write("c/all.env", lines("env export"))
        self.write("c/.env.prod", lines(".env", "export AIRFLOW_CONN_", "'"))
        self.write("c/local.json", json.dumps(many("local JSON")))
        self.write("c/local.yaml", yaml.safe_dump(many("local YAML")))
        self.write("c/local.env", lines("local env"))
        astro: list[dict[str, Any]] = [
            {
                "conn_id": name,
                **{
                    field if field == "conn_type" else f"conn_{field}": item
                    for field, item in value.items()
                },
            }
            for name, value in records("astro")
        ]
        astro_file: dict[str, Any] = {
            "airflow": {
                "connections": [*astro, p.plain("astro entry")],
                "variables": [
                    {
                        "variable_name": "x",
                        "variable_value": p.plain("astro variable"),
                    }
                ],
                "pools": p.plain("astro pools"),
            }
        }
        self.write("c/airflow_settings.yaml", yaml.safe_dump(astro_file))
        api = [{"connection_id": name, **value} for name, value in records("REST")]
        self.write("c/rest.json", json.dumps({"connections": api, "total_entries": 99}))
        for kind, text in {
            "broken.json": f'{{"a": {{"password": "{p.plain("broken JSON")}" ',
            "broken.yaml": f"a: {{password: {p.plain('broken YAML')}\nb: ]",
            "tag.yaml": f"a: !{p.plain('YAML tag')} x",
            "alias.yaml": f"a: *{p.plain('YAML alias')}",
            "number.yaml": f"a: !!int {p.plain('YAML int')}",
            "time.yaml": f"a: !!timestamp {p.plain('YAML time')}",
        }.items():
            self.write(f"c/{kind}", text)
        facts = {"dagwarden_connections": {"version": 1}}
        good = {"conn_id": "x", "conn_type": "http"}
        for name, entry in {
            "secret": {**good, "host": p.token("facts file: secret")},
            "kind": {**good, "credential": {"kind": p.plain("facts file: kind")}},
            "type": {**good, "port": p.plain("facts file: type")},
            "field": {**good, p.plain("facts file: field"): 1},
        }.items():
            self.write(
                f"c/facts-{name}.json", json.dumps({**facts, "connections": [entry]})
            )
        self.write("c/facts-broken.json", "{" + p.plain("facts file: broken"))

    def _environment(self) -> dict[str, str]:
        """Return what the process environment holds."""
        p = self.planted
        password = quote(p.password("environment: URI"), safe="")
        return {
            "AIRFLOW_CONN_FROM_ENVIRONMENT": f"http://u:{password}@h.example",
            "AIRFLOW_CONN_FROM_JSON": json.dumps(
                {"conn_type": "http", "password": p.plain("environment: JSON")}
            ),
            "AIRFLOW_CONN_BROKEN": '{"password": "' + p.plain("environment: broken"),
            "AIRFLOW_CONN_lower": p.plain("environment: lower case"),
            "AIRFLOW_VAR_X": p.plain("environment: variable"),
            "MY_PASSWORD": p.plain("environment: other"),
        }

    # ----------------------------------------------------------------------- assets

    def _assets(self) -> None:
        p = self.planted

        def env(place: str) -> list[dict[str, object]]:
            return [
                {"name": "DB_PASSWORD", "value": p.password(f"{place} env")},
                {"name": "GREETING", "value": p.plain(f"{place} env, plain name")},
                {"name": "KEY", "value": p.key_file(f"{place} env key")},
                {"name": "SHARED", "value": self.shared_key},
                {
                    "name": "AS_BASE64",
                    "value": base64.b64encode(
                        p.key_file(f"{place} env base64").encode()
                    ).decode(),
                },
                {"name": p.token(f"{place} env name"), "value": "x"},
                {"name": "BROKEN_TOKEN", "value": {"a": p.plain(f"{place} env map")}},
            ]

        def container(place: str) -> dict[str, object]:
            return {
                "image": f"https://u:{p.plain(f'{place} image')}@r/x",
                "args": [f"--token={p.plain(f'{place} args')}"],
                "command": [p.plain(f"{place} command")],
                "env": env(place),
            }

        annotations = {
            "last-applied": p.plain("annotation"),
            "run.googleapis.com/ingress": p.plain("annotation: ingress"),
            "run.googleapis.com/urls": f'["https://u:{p.plain("annotation: url")}@h",',
        }
        v1 = {
            "metadata": {"annotations": annotations, "labels": {"a": p.plain("label")}},
            "spec": {"template": {"spec": {"containers": [container("service v1")]}}},
            "status": {"url": "https://orders-x.a.run.app"},
        }
        v2 = {
            "template": {
                "containers": [container("service v2")],
                "timeout": p.plain("timeout"),
            },
            "uri": f"https://u:{p.plain('uri userinfo')}@h?token={p.plain('uri query')}",
            "customAudiences": [f"https://u:{p.plain('audience')}@h"],
            "annotations": {"x": p.plain("v2 annotation")},
        }
        job = {"template": {"template": {"containers": [container("job v2")]}}}
        composer = {
            "name": "projects/shop/locations/europe-west1/environments/prod",
            "config": {
                "softwareConfig": {
                    "imageVersion": f"composer-2-airflow-2.10.5 {p.plain('image')}",
                    "envVariables": {
                        "DB_PASSWORD": p.password("composer env"),
                        "SHARED_PASSWORD": self.shared_password,
                        "OTHER": p.plain("composer env, plain name"),
                    },
                    "airflowConfigOverrides": {
                        "core-fernet_key": p.plain("composer override"),
                        "core-sql_alchemy_conn": "postgresql://u:"
                        f"{p.plain('composer override URI')}@h/d",
                    },
                    "pypiPackages": {"x": f"@https://u:{p.plain('pypi')}@h"},
                },
                "nodeConfig": {"serviceAccount": "etl@shop.iam.gserviceaccount.com"},
                "dagGcsPrefix": "gs://dags-bucket/dags",
            },
        }
        above = ["projects/71"]

        def asset(name: str, kind: str, data: object) -> dict[str, object]:
            resource = {"data": data, "version": "v1"}
            return {
                "name": name,
                "assetType": kind,
                "resource": resource,
                "ancestors": above,
            }

        project = {
            "projectId": "shop",
            "projectNumber": "71",
            "labels": {"x": p.plain("project label")},
        }
        condition = {
            "expression": f"request.host == '{p.token('condition')}'",
            "title": p.token("condition title"),
            "description": p.plain("condition description"),
        }
        policy = {
            "bindings": [
                {
                    "role": "roles/run.invoker",
                    "members": ["allUsers"],
                    "condition": condition,
                }
            ]
        }
        assets: list[dict[str, Any]] = [
            asset(PROJECT, "cloudresourcemanager.googleapis.com/Project", project),
            asset(f"{RUN}/services/orders", "run.googleapis.com/Service", v1),
            asset(f"{RUN}/services/second", "run.googleapis.com/Service", v2),
            asset(f"{RUN}/jobs/load", "run.googleapis.com/Job", job),
            asset(
                "//composer.googleapis.com/projects/shop/locations/europe-west1/environments/prod",
                "composer.googleapis.com/Environment",
                composer,
            ),
            {"name": PROJECT, "assetType": "cloudresourcemanager.googleapis.com/Project", "iamPolicy": policy, "ancestors": above},
            asset("//sqladmin.googleapis.com/projects/shop/instances/x", "sqladmin.googleapis.com/Instance", {"rootPassword": p.plain("unmodelled asset")}),
            asset(f"{RUN}/services/third", "run.googleapis.com/Service", {"template": {"containers": p.plain("malformed containers")}}),
            asset(f"{RUN}/services/fourth", "run.googleapis.com/Service", p.plain("malformed data")),
            {"name": p.token("asset name"), "assetType": p.token("asset type"), "resource": {}},
            {"name": PROJECT, "assetType": "cloudresourcemanager.googleapis.com/Project", "iamPolicy": p.plain("malformed policy")},
            asset("//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/p/providers/x", "iam.googleapis.com/WorkloadIdentityPoolProvider", {"name": "projects/71/locations/global/workloadIdentityPools/p/providers/x", "oidc": {"issuerUri": f"https://u:{p.plain('issuer')}@h", "jwksJson": p.plain("jwks")}}),
        ]  # fmt: skip
        assets.append(
            asset("//logging.googleapis.com/projects/shop/sinks/x", "logging.googleapis.com/LogSink", {"name": "x", "destination": "storage.googleapis.com/b", "filter": f'textPayload:"{p.token("log sink filter")}"'})
        )  # fmt: skip
        rows = [json.dumps(one) for one in assets]
        rows[3:3] = [
            f'{{"name": "{p.plain("broken line")}',
            json.dumps(p.plain("a text for a line")),
            p.plain("no JSON"),
            json.dumps({"error": p.plain("error line")}),
        ]
        self.write("assets.ndjson", "\n".join(rows) + "\n")
        self.write("assets.json", json.dumps([*assets[:2], p.plain("array entry")]))
        self.write("broken.json", "[" + json.dumps(assets[0]) + p.plain("broken array"))
        sealed = {"dagwarden_snapshot": {"version": p.plain("sealed header")}}
        self.write("sealed.ndjson", json.dumps(sealed) + "\n")

    def cloud(self) -> Cloud:
        """Return what a local server answers to a pull."""
        p = self.planted
        cloud = shop()
        env = [
            {"name": "DB_PASSWORD", "value": p.password("pull: env")},
            {"name": "X", "value": p.plain("pull: env, plain name")},
        ]
        data = {
            "metadata": {"annotations": {"x": p.plain("pull: annotation")}},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [{"env": env, "args": [p.plain("pull: args")]}]
                    }
                }
            },
        }
        cloud.assets["RESOURCE"].append(
            Asset(
                name=f"{RUN}/services/pulled",
                asset_type="run.googleapis.com/Service",
                resource=Resource(data=data),
                ancestors=["projects/71", "organizations/9"],
            )
        )
        return cloud

    # ---------------------------------------------------------------- configuration

    def _configuration(self) -> None:
        p = self.planted
        sources = [
            "env:",
            "env:c/.env.prod",
            *(f"export:c/all.{end}" for end in ("json", "yaml", "env")),
            "export:c/rest.json",
            *(f"local:c/local.{end}" for end in ("json", "yaml", "env")),
            "astro:c/airflow_settings.yaml",
            *(f"export:c/broken.{end}" for end in ("json", "yaml")),
            *(f"local:c/{name}.yaml" for name in ("tag", "alias", "number", "time")),
        ]
        variables = [
            "export:c/variables.json",
            "local:c/variables.yaml",
            "env:c/.env.variables",
            "astro:c/airflow_settings.yaml",
            "export:c/broken-variables.json",
            "env:",
        ]
        # a folder apart: the repository's own file must not count as the operator's
        self.write(
            "operator.toml",
            f"""
# {p.plain("configuration comment")}
estate = "Leaky"
snapshots = ["assets.ndjson"]
exclude = ["/out/"]
[[environment]]
name = "prod"
dags = ["dags"]
airflow = "2.11"
runs_as = "composer:projects/shop/locations/europe-west1/environments/prod"
connections = {json.dumps(sources[:2])}
variables = {json.dumps(variables)}
variables_complete = true
[environment.airflow_settings]
"core.default_task_execution_timeout" = "{p.token("airflow_settings by shape")}"
"operators.default_deferrable" = "postgresql://u:{p.plain("airflow_settings URI")}@h/d"
"""
            # one environment each: where ids repeat, the first source hides the rest
            + "".join(
                f'[[environment]]\nname = "e{number}"\nconnections = ["{source}"]\n'
                for number, source in enumerate(sources[2:])
            ),
        )
        waiver = {
            "rule": "secret-in-task-argument",
            "subject": "*",
            "owner": "a@x.example",
            "approver": "b@x.example",
            "reason": f"the token {p.token('register: reason')} is old",
            "expires": "2027-01-01",
        }
        control = {"id": "C1", "owner": "x", "wording": f"see {p.token('wording')}"}
        self.write(
            "waivers.yaml",
            f"waivers: [{json.dumps(waiver).replace(chr(34) + '2027-01-01' + chr(34), '2027-01-01')}]",
        )
        self.write("controls.yaml", f"controls: [{json.dumps(control)}]")

    # ------------------------------------------------------------ what is refused

    def _files(self) -> None:
        """Write one file of every kind that is looked into, a credential in each."""
        p = self.planted
        cell = {
            "cell_type": "code",
            "source": [f"token = {p.token('notebook source')!r}\n"],
            "outputs": [
                {"output_type": "stream", "text": [p.api_key("notebook output")]}
            ],
        }
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.env", f"DB_PASSWORD={p.plain('zip member')}\n")
        texts: dict[str, str | bytes] = {
            "Dockerfile": f"FROM x\nENV DB_PASSWORD={p.plain('Dockerfile')}\n",
            "a.env": f"DB_PASSWORD={p.plain('.env')}\n",
            "a.ini": f"[x]\npassword = {p.plain('INI')}\n",
            "a.ipynb": json.dumps({"cells": [cell], "nbformat": 4}),
            "a.js": f'const apiKey = "{p.api_key("JavaScript")}";\n',
            "a.json": json.dumps({"db": {"password": p.plain("JSON")}}),
            "a.pem": p.private_key("PEM"),
            "a.py": f"x = 1\n# password = {p.plain('commented out')!r}\n",
            "a.sh": f"export DB_PASSWORD={p.plain('shell')}\n",
            "a.sql": f"ALTER USER u PASSWORD '{p.plain('SQL')}';\n",
            "a.tf": f'variable "db_password" {{ default = "{p.plain("Terraform")}" }}\n',
            "a.toml": f'password = "{p.plain("TOML file")}"\n',
            "a.txt": f"see {p.webhook('text')}\n",
            "a.xml": f"<a><password>{p.plain('XML')}</password></a>\n",
            "a.yaml": f"db:\n  password: {p.plain('YAML')}\n",
            "a.zip": packed.getvalue(),
            ".netrc": f"machine h login u password {p.plain('netrc')}\n",
            ".npmrc": f"//r.example/:_authToken={p.plain('npmrc')}\n",
            ".pgpass": f"h:5432:d:u:{p.plain('pgpass')}\n",
            "key.json": p.key_file("a key file"),
            "keys.json": json.dumps({"owners": {p.token("JSON key"): "x"}}),
            "keys.yaml": f"owners:\n  {p.token('YAML key')}:\n    name: x\n",
            "made.py": f"a = {p.token('joined')!r}\nkey = 'sendgrid ' + a\n",
        }
        for name, content in texts.items():
            self.write(f"kinds/{name}", content)

    def _broken(self) -> None:
        p = self.planted
        toml: dict[str, str | bytes] = {
            "syntax": f'password = "{p.plain("TOML syntax")}',
            "type": f'strict = "{p.plain("TOML type")}"',
            "enum": f'gate = "{p.plain("TOML enum")}"',
            "unknown": f'pasword = "{p.plain("TOML unknown key")}"',
            "twice": f'gate = "high"\ngate = "{p.plain("TOML twice")}"',
            "table": f'environment = "{p.plain("TOML table")}"',
            "source": f'[[environment]]\nname = "x"\nconnections = ["http://u:{p.plain("TOML source")}@h"]',
            "variables": f'[[environment]]\nname = "x"\nvariables = ["{p.token("TOML variables")}"]',
            "runs_as": f'[[environment]]\nname = "x"\ndags = ["dags"]\nruns_as = "{p.token("TOML runs_as")}"',
            "setting": f'[[environment]]\nname = "x"\nairflow_settings = {{"core.fernet_key" = "{p.plain("TOML setting")}"}}',
            "key": f'[[environment]]\nname = "x"\nairflow_settings = {{"{p.token("TOML key")}" = ""}}',
            "airflow": f'[[environment]]\nname = "x"\nairflow = "{p.plain("TOML airflow")}"',
            "params": f'[params.stale-snapshot]\nmax_age_hours = "{p.plain("TOML params")}"',
            "select": f'select = ["{p.token("TOML select")}"]',
            "bytes": f'gate = "{p.plain("TOML bytes")}\xff"'.encode("latin-1"),
        }
        for name, text in toml.items():
            self.write(f"bad/{name}.toml", text)
        entry = {"rule": "public-invoker", "subject": "*", "owner": "a", "reason": "r"}
        expires = {"expires": "2027-01-01"}
        registers: dict[str, object] = {
            "rule": {**entry, **expires, "rule": p.token("waiver: rule")},
            "expires": {**entry, "expires": p.plain("waiver: expires")},
            "kind": {**entry, **expires, "kind": p.plain("waiver: kind")},
            "field": {**entry, **expires, p.token("waiver: field"): 1},
            "list": {**entry, **expires, "owner": [p.plain("waiver: list")]},
        }
        for name, value in registers.items():
            self.write(f"bad/waiver-{name}.yaml", yaml.safe_dump({"waivers": [value]}))
        texts = {
            "syntax": f"waivers: [{p.plain('waiver: syntax')}: [}}",
            "tag": f"waivers: !{p.plain('waiver: tag')} x",
            "alias": f"waivers: *{p.plain('waiver: alias')}",
            "integer": f"waivers: [{{rule: !!int {p.plain('waiver: integer')}}}]",
            "text": f"waivers: {p.plain('waiver: text')}",
            "top": p.plain("waiver: top"),
            "key": f"{p.token('waiver: key')}: []",
        }
        for name, text in texts.items():
            self.write(f"bad/waiver-{name}.yaml", text)
        control = {"id": "C", "owner": "x", "wording": "w"}
        for name, value in {
            "rule": {**control, "rules": [p.token("control: rule")]},
            "type": {**control, "criteria": p.plain("control: type")},
        }.items():
            self.write(
                f"bad/control-{name}.yaml", yaml.safe_dump({"controls": [value]})
            )
        rule: dict[str, object] = {
            "id": "odd",
            "severity": p.plain("rule: severity"),
            "confidence": "certain",
            "subject": p.token("rule: subject"),
            "needs": [p.plain("rule: need")],
            "when": f"subject.password == '{p.plain('rule: when')}'",
            "version": p.plain("rule: version"),
            "persona": "engineer",
            "title": ["x", p.plain("rule: title")],
            "params": {"a": {"default": {"x": p.plain("rule: params")}}},
            "controls": [{"soc2": p.token("rule: control"), "because": 5}],
            "secret_thing": p.plain("rule: unknown field"),
        }
        self.write("rules-bad/grants/odd.yaml", yaml.safe_dump(rule))
        self.write(
            "rules-broken/grants/odd.yaml", f"id: {{{p.plain('rule: syntax')}\n]"
        )
        self.write("rules-tag/grants/odd.yaml", f"id: *{p.plain('rule: alias')}\n")
        schema: dict[str, Any] = {**rule, "subject": "grant", "severity": "high", "needs": ["snapshot"],
                  "version": "1.0.0", "title": "x", "params": {}, "controls": [],
                  "assert": f"subject.role == {p.plain('rule: name in assert')!r}",
                  "when": f"subject.role.matches('[{p.token('rule: pattern')}')",
                  "message": "m {" + p.token("rule: placeholder") + "}",
                  "what": "x", "why": "x", "remediation": "x", "examples": []}  # fmt: skip
        del schema["secret_thing"]
        self.write("rules-schema/grants/odd.yaml", yaml.safe_dump(schema))
        results = {
            "syntax": '{"result": "' + p.plain("result: syntax"),
            "version": json.dumps({"result": {"version": p.token("result: version")}}),
            "type": json.dumps({"result": {"version": [p.plain("result: type")]}}),
            "text": p.plain("result: text"),
            "enum": json.dumps(
                {"result": {"version": RESULT_VERSION, "gate": p.plain("result: enum")}}
            ),
        }
        for name, text in results.items():
            self.write(f"bad/result-{name}.json", text)

    def commit(self) -> None:
        """Make the folder a git repository with two commits; the first leaks more."""
        calls = self.folder / "dags/calls.py"
        now = calls.read_text()
        older = now.replace(
            'task_id="bash"',
            f'task_id="older", env={{"PASSWORD": {self.planted.plain("older commit")!r}}}',
        )
        calls.write_text(older)
        gone = self.folder / "kinds/gone.env"
        gone.write_text(f"API_TOKEN={self.planted.api_key('a deleted file')}\n")
        git = ("git", "-c", "user.name=t", "-c", "user.email=t@t.example")
        for command in (("init", "-q"), ("add", "-A"), ("commit", "-q", "-m", "a")):
            subprocess.run([*git, *command], cwd=self.folder, check=True)
        calls.write_text(now)
        gone.unlink()
        for command in (("add", "-A"), ("commit", "-q", "-m", "b")):
            subprocess.run([*git, *command], cwd=self.folder, check=True)
        secret = f"DB_PASSWORD={self.planted.plain('what only a tag leads to')}\n"
        kept = subprocess.run(
            [*git, "hash-object", "-w", "--stdin"],
            cwd=self.folder,
            input=secret.encode(),
            capture_output=True,
            check=True,
        )
        tag = (*git, "tag", "kept.env", kept.stdout.decode().strip())
        subprocess.run(tag, cwd=self.folder, check=True)
