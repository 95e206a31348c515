"""Credentials in Python: every way to write a value, and every call that takes one."""

# One case, one line: they are read as a table.
# fmt: off

import json
from collections.abc import Callable
from urllib.parse import quote

import msgspec
from case import (
    CLOSE,
    OPEN,
    Exam,
    encoded,
    halves,
    indented,
    literal,
    mark,
    url_encoded,
)


class Secret(msgspec.Struct, frozen=True):
    """One credential and the names that its owners would give it."""

    kind: str
    value: str
    names: tuple[str, ...]


Kind = Callable[[Exam], Secret]


def kinds() -> list[Kind]:
    """Return every kind of credential that is one text."""

    def of(kind: str, make: Callable[[Exam], str], *names: str) -> Kind:
        return lambda e: Secret(kind, make(e), names)

    token = ("token", "auth_token", "TOKEN", "value", "credentials", "access")
    return [
        of("service account key", lambda e: e.new.service_account_key(), "KEYFILE", "sa_info", "GCP_CREDS", "keyfile_dict", "payload"),
        of("password", lambda e: e.new.password(), "DB_PASSWORD", "password", "pg_passwd", "sftp_pwd", "WAREHOUSE_PASS"),
        of("PEM, RSA", lambda e: e.new.pem_rsa(), "SIGNING_KEY", "rsa", "KEY", "pkey"),
        of("Google API key", lambda e: e.new.google_api_key(), "MAPS_KEY", "key", "GEOCODER", "developerKey"),
        of("database URI", _database_uri, "SQLALCHEMY_URI", "dsn", "url", "CONN_STR", "warehouse"),
        of("GitHub token", lambda e: e.new.github(), "GH", *token),
        of("password", lambda e: e.new.password(), "smtp_password", "SNOWFLAKE_PASSWORD", "passwd", "ftp_password"),
        of("Airflow URI", _airflow_uri, "AIRFLOW_CONN_WAREHOUSE", "CONN", "uri"),
        of("AWS secret key", lambda e: e.new.aws_secret(), "AWS_SECRET_ACCESS_KEY", "aws_secret_key", "s3_secret", "secret_access_key"),
        of("Slack token", lambda e: e.new.slack_bot(), "SLACK", *token),
        of("JWT", lambda e: e.new.jwt(), "SESSION", *token),
        of("Fernet key", lambda e: e.new.fernet(), "FERNET_KEY", "fernet_key", "AIRFLOW__CORE__FERNET_KEY"),
        of("OAuth client secret", lambda e: e.new.google_oauth_secret(), "CLIENT_SECRET", "oauth", "client_secret"),
        of("API key, hexadecimal", lambda e: e.new.hex_key(), "API_KEY", "datadog_api_key", "x_api_key", "WEATHER_API_KEY"),
        of("Stripe key", lambda e: e.new.stripe(), "STRIPE", "billing", "api_key"),
        of("Slack webhook", lambda e: e.new.slack_webhook(), "ALERT_URL", "hook", "webhook", "NOTIFY"),
        of("OAuth refresh token", lambda e: e.new.google_refresh_token(), "REFRESH", "refresh_token", "ads_token"),
        of("PEM, PKCS #8", lambda e: e.new.pem(), "PRIVATE_KEY", "private_key", "SNOWFLAKE_KEY", "p8"),
        of("basic header", lambda e: e.new.basic(), "AUTHORIZATION", "auth_header", "Authorization"),
        of("GCS HMAC secret", lambda e: e.new.hmac_secret(), "HMAC_SECRET", "gcs_hmac_secret", "storage_secret_key"),
        of("OAuth access token", lambda e: e.new.google_access_token(), *token),
        of("GitLab token", lambda e: e.new.gitlab(), "GITLAB", *token),
        of("bearer header", lambda e: e.new.bearer(), "AUTHORIZATION", "auth_header", "Authorization"),
        of("PEM, EC", lambda e: e.new.pem_ec(), "ES256", "signer", "KEY"),
        of("opaque token", lambda e: e.new.opaque(), "API_TOKEN", "auth_token", "ACCESS_TOKEN", "service_token"),
        of("Azure connection string", lambda e: e.new.azure_storage(), "BLOB", "storage", "AZURE_CONN"),
        of("SendGrid key", lambda e: e.new.sendgrid(), "MAILER", "sendgrid", "KEY"),
        of("Airflow connection JSON", _airflow_json, "AIRFLOW_CONN_VENDOR", "conn", "definition"),
        of("GitHub fine-grained token", lambda e: e.new.github_fine(), "GH", *token),
        of("client secret, opaque", lambda e: e.new.opaque(), "OIDC_CLIENT_SECRET", "client_secret", "app_secret", "webhook_secret"),
        of("Databricks token", lambda e: e.new.databricks(), "DATABRICKS", *token),
        of("PEM, OpenSSH", lambda e: e.new.pem_openssh(), "ID", "ssh_key", "deploy"),
        of("LLM provider key", lambda e: e.pick(e.new.openai, e.new.anthropic)(), "LLM", "key", "api_key"),
        of("npm or PyPI token", lambda e: e.pick(e.new.npm, e.new.pypi)(), "PUBLISH", *token),
        of("Hugging Face token", lambda e: e.new.hugging_face(), "HF", *token),
        of("Vault token", lambda e: e.new.vault(), "VAULT", *token),
    ]


def _database_uri(e: Exam) -> str:
    password, host = quote(e.new.password(), safe=""), e.host()
    return e.pick(
        f"postgresql+psycopg2://{e.user()}:{password}@{host}:5432/warehouse",
        f"mysql://{e.user()}:{password}@{host}/orders",
        f"mongodb+srv://{e.user()}:{password}@{e.new.word()}.k2x9a.mongodb.net/app?retryWrites=true",
        f"redis://:{password}@{host}:6379/0",
        f"amqp://{e.user()}:{password}@{host}:5672//",
        f"snowflake://{e.user()}:{password}@xy12345.eu-west-1/RAW/PUBLIC?warehouse=WH",
        f"jdbc:postgresql://{host}:5432/dw?user={e.user()}&password={password}",
        f"Driver={{ODBC Driver 18 for SQL Server}};Server={host};Database=dw;UID={e.user()};PWD={password};Encrypt=yes",
    )


def _airflow_uri(e: Exam) -> str:
    return e.pick(
        f"google-cloud-platform://?keyfile_dict={url_encoded(e.new.service_account_key())}&project={e.new.word()}-prod",
        "google-cloud-platform://?extra__google_cloud_platform__keyfile_dict=" + url_encoded(e.new.service_account_key()),
        f"http://{e.user()}:{url_encoded(e.new.password())}@https%3A%2F%2F{e.new.word()}.internal/",
        f"aws://{e.new.aws_id()}:{url_encoded(e.new.aws_secret())}@/?region_name=eu-west-1",
        f"http://https%3A%2F%2Fapi.{e.new.word()}.internal/?Authorization={url_encoded(e.new.bearer())}",
    )


def _airflow_json(e: Exam) -> str:
    return json.dumps(
        e.pick(
            {"conn_type": "postgres", "host": e.host(), "login": e.user(), "password": e.new.password()},
            {"conn_type": "google_cloud_platform", "extra": json.dumps({"keyfile_dict": e.new.service_account_key()})},
            {"conn_type": "http", "host": f"https://{e.host()}", "extra": {"Authorization": e.new.bearer()}},
            {"conn_type": "aws", "extra": {"aws_access_key_id": e.new.aws_id(), "aws_secret_access_key": e.new.aws_secret()}},
        )
    )


class Written(msgspec.Struct, frozen=True):
    """How a value is written: statements before, and the expression that has it."""

    expression: str
    before: str = ""
    beside: dict[str, str] = {}  # modules beside the DAG


Way = Callable[[Exam, str, str], Written]


def ways() -> dict[str, Way]:
    """Return every way to write a text in Python, by its name."""

    def plain(_e: Exam, _name: str, value: str) -> Written:
        return Written(literal(mark(value)))

    def constant(e: Exam, name: str, value: str) -> Written:
        note = e.pick("", ": str", ": Final[str]")
        head = "from typing import Final\n\n" if "Final" in note else ""
        return Written(name, f"{head}{name}{note} = {literal(mark(value))}\n")

    def plus(e: Exam, name: str, value: str) -> Written:
        a, b, c = halves(e.rng, value, 3)
        if e.pick(True, False):
            return Written(f"{literal(a)} + {literal(b)} + {literal(c)}")
        return Written("HEAD + MIDDLE + TAIL", f"HEAD = {literal(a)}\nMIDDLE = {literal(b)}\nTAIL = {literal(c)}\n")

    def augmented(e: Exam, name: str, value: str) -> Written:
        a, b = halves(e.rng, value)
        return Written(name, f"{name} = {literal(a)}\n{name} += {literal(b)}\n")

    def f_string(e: Exam, name: str, value: str) -> Written:
        a, b = halves(e.rng, value)
        doubled = literal(b.replace("{", "{{").replace("}", "}}"))
        if e.pick(True, False) and doubled.count('"') == 2:
            return Written(f'f"{{_FIRST}}{doubled[1:]}', f"_FIRST = {literal(a)}\n")
        before = f"_FIRST = {literal(a)}\n_REST = {literal(b)}\n"
        return Written(e.pick('f"{_FIRST}{_REST}"', "f'{_FIRST!s}{_REST}'"), before)

    def join(e: Exam, name: str, value: str) -> Written:
        parts = halves(e.rng, value, e.pick(3, 4))
        listed = ", ".join(literal(part) for part in parts)
        if e.pick(True, False):
            return Written(f'"".join([{listed}])')
        return Written('"".join(PARTS)', f"PARTS = ({listed})\n")

    def percent(e: Exam, name: str, value: str) -> Written:
        a, b = halves(e.rng, value)
        return Written(e.pick(f'"%s%s" % ({literal(a)}, {literal(b)})', f'"%(a)s%(b)s" % {{"a": {literal(a)}, "b": {literal(b)}}}'))

    def formatted(e: Exam, name: str, value: str) -> Written:
        a, b = halves(e.rng, value)
        return Written(e.pick(f'"{{}}{{}}".format({literal(a)}, {literal(b)})', f'"{{head}}{{tail}}".format(head={literal(a)}, tail={literal(b)})', f'"{{0}}{{1}}".format(*[{literal(a)}, {literal(b)}])'))

    def implicit(e: Exam, name: str, value: str) -> Written:
        a, b, c = halves(e.rng, value, 3)
        return Written(name, f"{name} = (\n    {literal(a)}\n    {literal(b)}\n    {literal(c)}\n)\n")

    def triple(_e: Exam, name: str, value: str) -> Written:
        quotes = "'''"
        return Written(name, f"{name} = r{quotes}{mark(value.strip())}{quotes}\n")

    def replaced(e: Exam, name: str, value: str) -> Written:
        cut = len(value) // 2
        text = f"{OPEN}{value[:cut]}~~{value[cut:]}{CLOSE}"
        return Written(f'{literal(text)}.replace("~~", "")')

    def backwards(_e: Exam, name: str, value: str) -> Written:
        return Written(f"{literal(mark(value[::-1]))}[::-1]")

    def base64_decoded(e: Exam, name: str, value: str) -> Written:
        text = encoded(value)
        call = e.pick("base64.b64decode", "base64.standard_b64decode")
        return Written(f"{call}({literal(mark(text))}).decode({e.pick('', repr('utf-8'))})", "import base64\n")

    def base64_constant(e: Exam, name: str, value: str) -> Written:
        return Written(f"{name}_B64", f"{name}_B64 = {literal(mark(encoded(value)))}\n")

    def base64_twice(_e: Exam, name: str, value: str) -> Written:
        text = encoded(encoded(value))
        return Written(f"b64decode(b64decode({literal(mark(text))})).decode()", "from base64 import b64decode\n")

    def quoted(_e: Exam, name: str, value: str) -> Written:
        return Written(f"unquote({literal(mark(url_encoded(value)))})", "from urllib.parse import unquote\n")

    def hexadecimal(_e: Exam, name: str, value: str) -> Written:
        return Written(f"bytes.fromhex({literal(mark(value.encode().hex()))}).decode()")

    def of_json(e: Exam, name: str, value: str) -> Written:
        inner = f'{{"{name}": {literal(mark(value))}}}'
        return Written(f'json.loads({literal(inner)})["{name}"]', "import json\n")

    def json_twice(_e: Exam, name: str, value: str) -> Written:
        inner = f'{{"{name}": {literal(mark(value))}}}'
        outer = f'{{"settings": {literal(inner)}}}'
        return Written(f'json.loads(json.loads(SETTINGS)["settings"])["{name}"]', f"import json\n\nSETTINGS = {literal(outer)}\n")

    def in_dict(e: Exam, name: str, value: str) -> Written:
        get = e.pick(f'CONFIG["{name}"]', f'CONFIG.get("{name}")', f'CONFIG.get("{name}", "")')
        return Written(get, f'CONFIG = {{"retries": 3, "{name}": {literal(mark(value))}, "region": "eu"}}\n')

    def in_nested_dict(_e: Exam, name: str, value: str) -> Written:
        return Written(f'SETTINGS["prod"]["{name}"]', f'SETTINGS = {{\n    "dev": {{}},\n    "prod": {{\n        "{name}": {literal(mark(value))},\n    }},\n}}\n')

    def dict_call(_e: Exam, name: str, value: str) -> Written:
        return Written(f'options["{name}"]', f"options = dict(timeout=30, {name}={literal(mark(value))})\n")

    def in_class(e: Exam, name: str, value: str) -> Written:
        kind = e.pick("class Settings:", "@dataclass(frozen=True)\nclass Settings:")
        head = "from dataclasses import dataclass\n\n\n" if kind.startswith("@") else ""
        return Written(f"Settings.{name}", f"{head}{kind}\n    timeout: int = 30\n    {name}: str = {literal(mark(value))}\n")

    def of_enum(_e: Exam, name: str, value: str) -> Written:
        return Written(f"Keys.{name}.value", f"from enum import Enum\n\n\nclass Keys(Enum):\n    {name} = {literal(mark(value))}\n")

    def of_environment(e: Exam, name: str, value: str) -> Written:
        shown = name.upper()
        return Written(e.pick(f'os.getenv("{shown}", {literal(mark(value))})', f'os.environ.get("{shown}", {literal(mark(value))})', f'os.environ.get("{shown}") or {literal(mark(value))}', f'os.getenv("{shown}", default={literal(mark(value))})'), "import os\n")

    def of_variable(e: Exam, name: str, value: str) -> Written:
        where, word = e.pick(("airflow.models", "default_var"), ("airflow.sdk", "default"))
        return Written(f'Variable.get("{name.lower()}", {word}={literal(mark(value))})', f"from {where} import Variable\n")

    def unpacked(_e: Exam, name: str, value: str) -> Written:
        return Written(name, f'region, {name} = "eu-west-1", {literal(mark(value))}\n')

    def returned(_e: Exam, name: str, value: str) -> Written:
        return Written(f"read_{name.lower()}()", f"def read_{name.lower()}():\n    return {literal(mark(value))}\n")

    def parameter(_e: Exam, name: str, value: str) -> Written:
        return Written(f"settings()[{name!r}]", f'def settings({name}={literal(mark(value))}, retries=3):\n    return {{"retries": retries, "{name}": {name}}}\n')

    def conditional(_e: Exam, name: str, value: str) -> Written:
        return Written(name, f'import os\n\nif os.environ.get("STAGE") == "prod":\n    {name} = {literal(mark(value))}\nelse:\n    {name} = ""\n')

    def sibling(e: Exam, name: str, value: str) -> Written:
        # {here} is the folder's package, known when the case is written
        module = e.pick("settings", "config", "constants", "common")
        expression, line = e.pick((name, f"from HERE.{module} import {name}\n"), (f"{module}.{name}", f"from HERE import {module}\n"), ("ALIAS", f"from HERE.{module} import {name} as ALIAS\n"))
        return Written(expression, line, {f"{module}.py": f'REGION = "europe-west1"\n{name} = {literal(mark(value))}\n'})

    def sibling_dict(e: Exam, name: str, value: str) -> Written:
        text = f'SETTINGS = {{\n    "region": "europe-west1",\n    "{name}": {literal(mark(value))},\n}}\n'
        return Written(f'SETTINGS["{name}"]', "from HERE.shared import SETTINGS\n", {"shared.py": text})

    def sibling_half(e: Exam, name: str, value: str) -> Written:
        a, b = halves(e.rng, value)
        parts = f"FIRST = {literal(a)}\nSECOND = {literal(b)}\n"
        return Written("FIRST + SECOND", "from HERE.parts import FIRST, SECOND\n", {"parts.py": parts})

    def commented(e: Exam, name: str, value: str) -> Written:
        text = literal(mark(value))
        note = e.pick(f"# {name} = {text}", f"#{name}={text}", f"# old: {name} = {text}", f'# d["{name}"] = {text}')
        return Written(name, f'import os\n\n{note}\n{name} = os.environ["{name.upper()}"]\n')

    def commented_block(_e: Exam, name: str, value: str) -> Written:
        return Written(f'os.environ["{name.upper()}"]', f'import os\n\n"""\nbefore the move to the secrets backend:\n\n{name} = {literal(mark(value))}\n"""\n')

    return {
        "literal": plain,
        "constant": constant,
        "+": plus,
        "+=": augmented,
        "f-string": f_string,
        "join": join,
        "%": percent,
        "format": formatted,
        "implicit concatenation": implicit,
        "triple quotes": triple,
        "replace": replaced,
        "backwards": backwards,
        "base64 decoded": base64_decoded,
        "base64 constant": base64_constant,
        "base64 twice": base64_twice,
        "unquote": quoted,
        "hexadecimal": hexadecimal,
        "JSON": of_json,
        "JSON in JSON": json_twice,
        "dict": in_dict,
        "nested dict": in_nested_dict,
        "dict()": dict_call,
        "class attribute": in_class,
        "enum": of_enum,
        "environment default": of_environment,
        "Variable.get default": of_variable,
        "unpacking": unpacked,
        "return": returned,
        "parameter default": parameter,
        "one branch": conditional,
        "imported constant": sibling,
        "imported dict": sibling_dict,
        "imported halves": sibling_half,
        "comment": commented,
        "comment block": commented_block,
    }


# -- where the value goes ---------------------------------------------------------------


def dag(e: Exam, tasks: str, before: str = "", imports: str = "") -> str:
    """Return a DAG file: `tasks` stand in it, `before` and `imports` above it."""
    dag_id, tag = e.dag_id(), e.new.word()
    schedule = e.pick('"@daily"', '"0 4 * * *"', "None", '"@hourly"')
    first = e.pick(f'"""Loads {tag} into the warehouse."""\n\n', f"# {tag}: owned by the data platform\n", "")
    head = f"{first}from datetime import datetime\n\n"
    rest = f'    start_date=datetime(2026, 1, 1),\n    schedule={schedule},\n    catchup=False,\n    tags=["{tag}"],\n'
    if e.rng.random() < 0.3:
        where = e.pick("airflow.decorators", "airflow.sdk")
        return (
            f"{head}from {where} import dag\n{imports}\n{before}\n\n@dag(\n{rest})\n"
            f"def {dag_id}():\n{indented(tasks, 4)}\n\n\n{dag_id}()\n"
        )
    return (
        f"{head}from airflow import DAG\n{imports}\n{before}\n\n"
        f'with DAG(\n    "{dag_id}",\n{rest}):\n{indented(tasks, 4)}\n'
    )


def task(e: Exam, body: str, before: str = "", imports: str = "") -> str:
    """Return a DAG file with one Python task that does `body`."""
    name = e.pick("load", "extract", "publish", "notify", "sync")
    if e.pick(True, False):
        code = f"@task\ndef {name}():\n{indented(body, 4)}\n\n{name}()"
        return dag(e, code, before, f"from airflow.decorators import task\n{imports}")
    above = f"{before}\n\ndef {name}(**context):\n{indented(body, 4)}\n"
    code = f'PythonOperator(task_id="{name}", python_callable={name})'
    where = e.pick("airflow.operators.python", "airflow.providers.standard.operators.python")
    return dag(e, code, above, f"from {where} import PythonOperator\n{imports}")


BASH = "from airflow.operators.bash import BashOperator\n"
RUN = "from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator\n"
POD = "from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator\n"
HTTP = "from airflow.providers.http.operators.http import HttpOperator\n"
PYTHON = "from airflow.operators.python import PythonOperator\n"


def used(e: Exam, name: str, written: Written) -> str:
    """Return a DAG file that hands what was written to something."""
    value, before = written.expression, written.before

    def bash() -> str:
        code = f'BashOperator(\n    task_id="run",\n    bash_command="python /opt/run.py",\n    env={{"{name}": {value}}},\n)'
        return dag(e, code, before, BASH)

    def op_kwargs() -> str:
        code = f'PythonOperator(task_id="run", python_callable=main, op_kwargs={{"table": "orders", "{name}": {value}}})'
        return dag(e, code, f"{before}\nfrom jobs.main import main\n", PYTHON)

    def overrides() -> str:
        code = (
            'CloudRunExecuteJobOperator(\n    task_id="run",\n    project_id="data-prod",\n    region="europe-west1",\n'
            '    job_name="loader",\n    overrides={\n        "container_overrides": [\n'
            f'            {{"env": [{{"name": "STAGE", "value": "prod"}}, {{"name": "{name.upper()}", "value": {value}}}]}},\n'
            "        ]\n    },\n)"
        )
        return dag(e, code, before, RUN)

    def pod() -> str:
        code = f'KubernetesPodOperator(\n    task_id="run",\n    name="run",\n    image="eu.gcr.io/data-prod/loader:4.2",\n    env_vars={{"{name.upper()}": {value}}},\n)'
        return dag(e, code, before, POD)

    def call() -> str:
        client = e.pick("Client", "connect", "Warehouse.open", "make_session")
        body = f'import vendor\n\nclient = vendor.{client}(host="api.internal", {name}={value})\nclient.run()'
        return task(e, body, before)

    def params() -> str:
        code = f'BashOperator(task_id="run", bash_command="run.sh", params={{"{name}": {value}}})'
        return dag(e, code, before, BASH)

    def module() -> str:
        above = f"{before}\nimport vendor\n\nCLIENT = vendor.Client({name}={value})\n"
        return dag(e, 'BashOperator(task_id="run", bash_command="true")', above, BASH)

    return e.pick(bash, op_kwargs, overrides, pod, call, params, module)()


# Ways that keep no line for a text of several lines, or too deep for a whole key
SHORT = frozenset({"backwards", "hexadecimal", "base64 twice"})


def every_way(e: Exam, per_way: int = 3) -> None:
    """Add cases: each way of writing with a few kinds, each kind several times."""
    every = kinds()
    e.rng.shuffle(every)
    at = 0
    for shape, way in ways().items():
        for _ in range(2 if shape in SHORT else per_way):
            secret = every[at % len(every)](e)
            at += 1
            name = e.pick(*secret.names)
            written = way(e, name, secret.value)
            file = e.dag_file() if not written.beside else f"{e.dag_id()}.py"
            files = {file: used(e, name, written), **written.beside}
            e.hide(f"python, {shape}", secret.kind, files)


# -- calls that take a credential -------------------------------------------------------


def calls(e: Exam) -> None:
    """Add cases: what Airflow and the clients of services are given in code."""
    new, m = e.new, mark

    def hide(shape: str, kind: str, text: str) -> None:
        e.hide(f"python, {shape}", kind, {e.dag_file(): text})

    def pw() -> str:
        return literal(m(new.password()))

    # Airflow's own
    where = e.pick("airflow.models", "airflow.sdk")
    variable = f"from {where} import Variable\n"
    hide("Variable.set", "opaque token", task(e, f'Variable.set("vendor_api_token", {literal(m(new.opaque()))})', imports=variable))
    hide("Variable.set", "password", task(e, f'Variable.set(key="db_password", value={pw()})', imports=variable))
    hide("Variable.set", "service account key", task(e, f'Variable.set("gcp_sa", {literal(m(new.service_account_key()))})', imports=variable))
    hide("Variable.setdefault", "API key, hexadecimal", task(e, f'Variable.setdefault("maps_api_key", {literal(m(new.hex_key()))})', imports=variable))
    connection = "from airflow.models import Connection\nfrom airflow.settings import Session\n"
    hide("Connection()", "password", task(e, f'session = Session()\nsession.add(\n    Connection(\n        conn_id="dw",\n        conn_type="postgres",\n        host="{e.host()}",\n        login="{e.user()}",\n        password={pw()},\n    )\n)\nsession.commit()', imports=connection))
    hide("Connection(uri=)", "Airflow URI", task(e, f'Session().add(Connection(conn_id="dw", uri={literal(m(_airflow_uri(e)))}))', imports=connection))
    hide("Connection(uri=)", "database URI", task(e, f'Session().add(Connection("dw", uri={literal(m(_postgres(e)))}))', imports=connection))
    info = new.service_account_key()
    hide("Connection(extra=)", "service account key", task(e, f'import json\n\nConnection(\n    conn_id="gcp",\n    conn_type="google_cloud_platform",\n    extra=json.dumps({{"keyfile_dict": {literal(m(info))}, "project": "p"}}),\n)', imports=connection))
    hide("Connection(extra=)", "AWS secret key", task(e, f'Connection(\n    conn_id="s3",\n    conn_type="aws",\n    extra={{"aws_access_key_id": "{m(new.aws_id())}", "aws_secret_access_key": "{m(new.aws_secret())}"}},\n)', imports=connection))
    hide("Connection(extra=)", "bearer header", task(e, f'c = Connection(conn_id="api", conn_type="http")\nc.set_extra(json.dumps({{"Authorization": "{m(new.bearer())}"}}))', imports=connection, before="import json\n"))
    hide("Connection attribute", "password", task(e, f'c = Connection(conn_id="dw")\nc.host = "{e.host()}"\n{e.pick(f"c.set_password({pw()})", f"c.password = {pw()}")}', imports=connection))
    hide("os.environ, AIRFLOW_CONN", "Airflow URI", dag(e, 'BashOperator(task_id="run", bash_command="true")', f'import os\n\nos.environ["AIRFLOW_CONN_DW"] = {literal(m(_airflow_uri(e)))}\n', BASH))
    hide("os.environ.setdefault", "Fernet key", dag(e, 'BashOperator(task_id="run", bash_command="true")', f'import os\n\nos.environ.setdefault("AIRFLOW__CORE__FERNET_KEY", "{m(new.fernet())}")\n', BASH))
    hide("os.environ.update", "password", dag(e, 'BashOperator(task_id="run", bash_command="true")', f'import os\n\nos.environ.update({{"STAGE": "prod", "PGPASSWORD": {pw()}}})\n', BASH))
    hide("default_args", "password", dag(e, 'BashOperator(task_id="run", bash_command="true")', f'default_args = {{"owner": "data", "params": {{"smtp_password": {pw()}}}}}\n', BASH))
    hide("TriggerDagRunOperator conf", "opaque token", dag(e, f'TriggerDagRunOperator(\n    task_id="t",\n    trigger_dag_id="load",\n    conf={{"table": "a", "access_token": "{m(new.opaque())}"}},\n)', imports="from airflow.operators.trigger_dagrun import TriggerDagRunOperator\n"))
    hide("HttpOperator headers", "bearer header", dag(e, f'HttpOperator(\n    task_id="call",\n    endpoint="run",\n    headers={{"Content-Type": "application/json", "Authorization": "{m(new.bearer())}"}},\n)', imports=HTTP))
    hide("HttpOperator headers", "API key header", dag(e, f'HttpOperator(\n    task_id="call",\n    endpoint="run",\n    headers={{"{e.pick("X-API-Key", "x-api-key", "Ocp-Apim-Subscription-Key", "X-Auth-Token")}": "{m(new.hex_key())}"}},\n)', imports=HTTP))
    hide("HttpOperator data", "password", dag(e, f'HttpOperator(\n    task_id="login",\n    endpoint="login",\n    data=json.dumps({{"username": "{e.user()}", "password": {pw()}}}),\n)', before="import json\n", imports=HTTP))
    hide("HttpOperator data, JSON text", "password", dag(e, f'HttpOperator(task_id="login", endpoint="login", data=\'{{"user": "{e.user()}", "password": "{m(new.password())}"}}\')', imports=HTTP))
    hide("HttpOperator endpoint", "API key in URL", dag(e, f'HttpOperator(task_id="get", endpoint="v1/report?{e.pick("api_key", "apikey", "access_token")}={m(new.hex_key())}&day={{{{ ds }}}}")', imports=HTTP))
    hide("SlackWebhookOperator", "Slack webhook", dag(e, f'SlackWebhookOperator(task_id="tell", webhook_token="{m(new.slack_webhook())}", message="done")', imports="from airflow.contrib.operators.slack_webhook_operator import SlackWebhookOperator\n"))
    hide("KubernetesPodOperator, V1EnvVar", "password", dag(e, f'KubernetesPodOperator(\n    task_id="run",\n    image="loader:1",\n    env_vars=[k8s.V1EnvVar(name="DB_PASSWORD", value={pw()})],\n)', imports=POD + "from kubernetes.client import models as k8s\n"))
    hide(
        "EcsRunTaskOperator overrides",
        "opaque token",
        dag(
            e,
            f'EcsRunTaskOperator(\n    task_id="run",\n    cluster="c",\n    task_definition="t",\n    overrides={{"containerOverrides": [{{"name": "c", "environment": [{{"name": "API_TOKEN", "value": "{m(new.opaque())}"}}]}}]}},\n)',
            imports="from airflow.providers.amazon.aws.operators.ecs import EcsRunTaskOperator\n",
        ),
    )
    hide("DockerOperator environment", "database URI", dag(e, f'DockerOperator(task_id="run", image="loader", environment={{"DATABASE_URL": "{m(_postgres(e))}"}})', imports="from airflow.providers.docker.operators.docker import DockerOperator\n"))
    hide(
        "Databricks conf",
        "Azure storage key",
        dag(e, f'DatabricksSubmitRunOperator(\n    task_id="run",\n    json={{"new_cluster": {{"spark_conf": {{"fs.azure.account.key.lake.dfs.core.windows.net": "{m(new.random_base64(64))}"}}}}}},\n)', imports="from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator\n"),
    )
    hide("Spark conf", "AWS secret key", dag(e, f'SparkSubmitOperator(\n    task_id="run",\n    application="a.py",\n    conf={{"spark.hadoop.fs.s3a.secret.key": "{m(new.aws_secret())}"}},\n)', imports="from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator\n"))
    hide(
        "COPY in SQL",
        "AWS secret key",
        dag(
            e,
            f'SQLExecuteQueryOperator(\n    task_id="copy",\n    conn_id="dw",\n    sql="""\n    COPY orders FROM \'s3://lake/orders\'\n    CREDENTIALS \'aws_access_key_id={m(new.aws_id())};aws_secret_access_key={m(new.aws_secret())}\'\n    """,\n)',
            imports="from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator\n",
        ),
    )
    hide("CREATE USER in SQL", "password", dag(e, f'SQLExecuteQueryOperator(\n    task_id="grant",\n    conn_id="dw",\n    sql="CREATE USER {e.user()} {e.pick("WITH PASSWORD", "IDENTIFIED BY")} \'{m(new.password())}\'",\n)', imports="from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator\n"))
    hide("operator of one's own", "client secret, opaque", dag(e, f'VendorOperator(task_id="v", client_id="loader", client_secret="{m(new.opaque())}")', imports="from plugins.vendor import VendorOperator\n"))
    hide("partial().expand()", "password", dag(e, f'CloudRunExecuteJobOperator.partial(task_id="run", project_id="p", region="r", job_name="j").expand(\n    overrides=[\n        {{"container_overrides": [{{"env": [{{"name": "DB_PASSWORD", "value": {pw()}}}]}}]}},\n    ]\n)', imports=RUN))

    # the clients of services
    hide("psycopg2.connect", "password", task(e, f'import psycopg2\n\nconn = psycopg2.connect(host="{e.host()}", user="{e.user()}", password={pw()})'))
    hide("psycopg2.connect, text", "password", task(e, f'import psycopg2\n\nconn = psycopg2.connect("host={e.host()} user={e.user()} password={m(new.password())} dbname=dw")'))
    hide("create_engine", "database URI", task(e, f'from sqlalchemy import create_engine\n\nengine = create_engine("{m(_postgres(e))}", pool_pre_ping=True)'))
    hide("create_engine, f-string", "password", task(e, f'from sqlalchemy import create_engine\n\nuser, secret = "{e.user()}", {literal(m(new.text(14)))}\nengine = create_engine(f"postgresql://{{user}}:{{secret}}@{e.host()}/dw")'))
    hide("URL.create", "password", task(e, f'from sqlalchemy.engine import URL\n\nurl = URL.create("mssql+pyodbc", username="{e.user()}", password={pw()}, host="{e.host()}")'))
    hide("snowflake connect", "password", task(e, f'import snowflake.connector as sf\n\nsf.connect(\n    account="xy12345",\n    user="{e.user()}",\n    password={pw()},\n)'))
    hide("smtplib login", "password", task(e, f'import smtplib\n\nserver = smtplib.SMTP("mail.internal", 587)\nserver.login("{e.user()}@mail.internal", {pw()})'))
    hide("paramiko connect", "password", task(e, f'import paramiko\n\nssh = paramiko.SSHClient()\nssh.connect("{e.host()}", username="{e.user()}", password={pw()})'))
    hide("ftplib", "password", task(e, f'from ftplib import FTP\n\nftp = FTP("{e.host()}", "{e.user()}", {pw()})', imports=""))
    hide("requests auth", "password", task(e, f'import requests\n\nrequests.get("https://api.internal/v1", auth=("{e.user()}", {pw()}), timeout=10)'))
    hide("HTTPBasicAuth", "password", task(e, f'from requests.auth import HTTPBasicAuth\nimport requests\n\nrequests.get("https://api.internal", auth=HTTPBasicAuth("{e.user()}", {pw()}))'))
    hide("requests headers", "bearer header", task(e, f'import requests\n\ntoken = "{m(new.opaque())}"\nrequests.post("https://loader-abc.a.run.app/run", headers={{"Authorization": f"Bearer {{token}}"}}, timeout=60)'))
    hide("requests headers", "JWT", task(e, f'import requests\n\nrequests.post("https://api.internal/run", headers={{"authorization": "Bearer " + "{m(new.jwt())}"}}, timeout=60)'))
    hide("session headers", "opaque token", task(e, f'import requests\n\ns = requests.Session()\ns.headers["{e.pick("Authorization", "PRIVATE-TOKEN", "X-Auth-Token", "Api-Key")}"] = "{m(new.opaque())}"'))
    hide("requests params", "Google API key", task(e, f'import requests\n\nrequests.get("https://maps.googleapis.com/maps/api/geocode/json", params={{"address": "x", "key": "{m(new.google_api_key())}"}})'))
    hide("URL with a key", "Google API key", task(e, f'import requests\n\nrequests.get("https://maps.googleapis.com/maps/api/geocode/json?address=x&key={m(new.google_api_key())}")'))
    hide("URL with a password", "password", task(e, f'import requests\n\nrequests.get("https://{e.user()}:{m(quote(new.password(), safe=""))}@api.internal/export.csv")'))
    hide("service_account info", "service account key", task(e, "from google.oauth2 import service_account\n\n" + _info_dict(e) + "\ncreds = service_account.Credentials.from_service_account_info(info)"))
    hide("service_account info, parts", "service account key", task(e, _info_parts(e)))
    hide(
        "OAuth credentials",
        "OAuth refresh token",
        task(e, f'from google.oauth2.credentials import Credentials\n\nCredentials(\n    None,\n    refresh_token="{m(new.google_refresh_token())}",\n    client_id="{new.google_client_id()}",\n    client_secret="{m(new.google_oauth_secret())}",\n    token_uri="https://oauth2.googleapis.com/token",\n)'),
    )
    hide("OAuth credentials", "OAuth access token", task(e, f'from google.oauth2.credentials import Credentials\n\ncreds = Credentials(token="{m(new.google_access_token())}")'))
    hide("boto3 client", "AWS secret key", task(e, f'import boto3\n\nboto3.client("s3", aws_access_key_id="{m(new.aws_id())}", aws_secret_access_key="{m(new.aws_secret())}")'))
    hide("boto3 client, positional", "AWS secret key", task(e, f'import boto3\n\nsession = boto3.Session("{m(new.aws_id())}", "{m(new.aws_secret())}")'))
    hide("boto3 client, GCS", "GCS HMAC secret", task(e, f'import boto3\n\nboto3.client(\n    "s3",\n    endpoint_url="https://storage.googleapis.com",\n    aws_access_key_id="{m(new.hmac_id())}",\n    aws_secret_access_key="{m(new.hmac_secret())}",\n)'))
    hide("Fernet()", "Fernet key", task(e, f'from cryptography.fernet import Fernet\n\nbox = Fernet({e.pick("b", "")}"{m(new.fernet())}")'))
    hide("jwt.encode", "signing secret", task(e, f'import jwt\n\ntoken = jwt.encode({{"sub": "etl"}}, "{m(new.opaque())}", algorithm="HS256")'))
    hide("hmac.new", "signing secret", task(e, f'import hashlib\nimport hmac\n\nwebhook_secret = b"{m(new.opaque())}"\nsign = hmac.new(webhook_secret, b"body", hashlib.sha256)'))
    hide("ClientSecretCredential", "client secret, opaque", task(e, f'from azure.identity import ClientSecretCredential\n\nClientSecretCredential(\n    tenant_id="{new.uuid()}",\n    client_id="{new.uuid()}",\n    client_secret="{m(new.text(3) + "8Q~" + new.text(34))}",\n)'))
    hide("SecretStr", "password", dag(e, 'BashOperator(task_id="run", bash_command="true")', f"from pydantic import SecretStr\n\nDB_PASSWORD = SecretStr({pw()})\n", BASH))
    hide("argparse default", "password", dag(e, 'BashOperator(task_id="run", bash_command="true")', f'import argparse\n\nparser = argparse.ArgumentParser()\nparser.add_argument("--password", default={pw()})\n', BASH))
    hide("setattr", "password", task(e, f'settings = Settings()\nsetattr(settings, "db_password", {pw()})', before="class Settings:\n    pass\n"))
    hide("keywords from a dict", "password", task(e, f'import pymysql\n\nargs = {{"host": "{e.host()}", "user": "{e.user()}", "passwd": {pw()}}}\npymysql.connect(**args)'))
    hide("lookup by environment", "opaque token", dag(e, 'BashOperator(task_id="run", bash_command="run.sh", env={"API_TOKEN": TOKENS["prod"]})', f'TOKENS = {{\n    "dev": "",\n    "prod": "{m(new.opaque())}",\n}}\n', BASH))
    hide("DAGs in a loop", "password", dag(e, 'for name, password in SOURCES:\n    BashOperator(task_id=name, bash_command="load.sh", env={"PASSWORD": password})', f'SOURCES = [("orders", {literal(m(new.password()))}), ("items", {pw()})]\n', BASH))
    hide("default_args, pod", "PEM, RSA", dag(e, 'KubernetesPodOperator(task_id="run", image="i", env_vars={"SSH_KEY": KEY})', f'KEY = """{m(new.pem_rsa())}"""\n', POD))
    hide("PEM in a list of lines", "PEM, PKCS #8", dag(e, 'KubernetesPodOperator(task_id="run", image="i", env_vars={"KEY": KEY})', _pem_lines(e), POD))
    hide("git clone in hook", "GitHub token", task(e, f'from git import Repo\n\nRepo.clone_from("https://x-access-token:{m(new.github())}@github.com/data/dags.git", "/tmp/dags")'))

    # commands
    def command(shape: str, kind: str, text: str) -> None:
        quotes = "'''" if text.endswith('"') else '"""'
        text = text.replace("\\", "\\\\")
        code = f'BashOperator(\n    task_id="run",\n    bash_command={quotes}{text}{quotes},\n)'
        hide(f"bash, {shape}", kind, dag(e, code, imports=BASH))

    secret = new.password
    command("curl -u", "password", f"curl -fsS -u {e.user()}:{m(secret())} https://api.internal/run")
    command("curl --user", "password", f"curl --user '{e.user()}:{m(secret())}' -X POST https://api.internal/run")
    command("curl -H", "bearer header", f"curl -X POST -H 'Authorization: {m(new.bearer())}' https://loader-x.a.run.app/run")
    command("curl -H, API key", "API key header", f'curl -H "X-API-Key: {m(new.hex_key())}" https://api.internal/v2')
    command("PGPASSWORD", "password", f"PGPASSWORD={m(secret())} psql -h {e.host()} -U {e.user()} -c 'select 1'")
    command("export", "password", f"export MYSQL_PWD='{m(secret())}' && mysql -h {e.host()} dw < load.sql")
    command("mysql -p", "password", f"mysql -h {e.host()} -u {e.user()} -p{m(secret())} dw -e 'select 1'")
    command("mysql --password=", "password", f"mysqldump --user={e.user()} --password={m(secret())} dw > /tmp/d.sql")
    command("sshpass", "password", f"sshpass -p '{m(secret())}' sftp {e.user()}@{e.host()}:/in/a.csv /tmp")
    command("psql URI", "database URI", f"psql {m(_postgres(e))} -f load.sql")
    command("docker login", "password", f"docker login -u {e.user()} -p {m(secret())} registry.internal")
    command("aws configure", "AWS secret key", f"aws configure set aws_secret_access_key {m(new.aws_secret())} && aws s3 ls")
    command("environment of one command", "AWS secret key", f"AWS_ACCESS_KEY_ID={m(new.aws_id())} AWS_SECRET_ACCESS_KEY={m(new.aws_secret())} aws s3 sync a b")
    command("wget", "password", f"wget --http-user={e.user()} --http-password={m(secret())} https://files.internal/a.zip")
    command("git clone", "GitLab token", f"git clone https://oauth2:{m(new.gitlab())}@gitlab.internal/data/dags.git")
    command("vault", "Vault token", f"VAULT_TOKEN={m(new.vault())} vault kv get secret/dw")
    command("kinit", "password", f"echo '{m(secret())}' | kinit {e.user()}@CORP.INTERNAL")
    command("here document", "service account key", f"cat > /tmp/key.json <<'EOF'\n{m(new.service_account_key())}\nEOF\ngcloud auth activate-service-account --key-file /tmp/key.json")
    command("echo | base64 -d", "service account key", f"echo {m(encoded(new.service_account_key()))} | base64 -d > /tmp/key.json")
    command("pip index", "password", f"pip install --index-url https://{e.user()}:{m(new.text(18))}@pypi.internal/simple loader")
    command("snowsql", "password", f"SNOWSQL_PWD={m(secret())} snowsql -a xy12345 -u {e.user()} -q 'select 1'")
    command("gcloud token", "OAuth access token", f"gcloud run jobs execute loader --access-token-file <(echo {m(new.google_access_token())})")
    hide("subprocess list", "password", task(e, f'import subprocess\n\nsubprocess.run(["mysql", "-u", "{e.user()}", "--password={m(secret())}", "dw"], check=True)'))
    hide("subprocess, curl", "password", task(e, f'import subprocess\n\nsubprocess.run(["curl", "-u", "{e.user()}:{m(secret())}", "https://api.internal"], check=True)'))
    hide("SSHOperator", "password", dag(e, f'SSHOperator(task_id="s", ssh_conn_id="edge", command="PGPASSWORD={m(secret())} psql -c \'select 1\'")', imports="from airflow.providers.ssh.operators.ssh import SSHOperator\n"))


def libraries(e: Exam) -> None:
    """Add what libraries take by position, what declares a value, and ways to make one."""
    new = e.new

    def hide(shape: str, kind: str, code: str) -> None:
        text = code.replace("PW", mark(new.password())).replace("DRAWN", mark(new.hex_key())).replace("OPAQUE", mark(new.opaque()))
        e.hide(shape, kind, {e.dag_file(): task(e, text)})

    for code in (
        'redis.Redis("HOST", 6379, 0, "PW")', 'pymssql.connect("HOST", "etl", "PW", "dw")', 'pika.PlainCredentials("etl", "PW")',
        'client.username_pw_set("etl", "PW")', 'ldap3.Connection(server, "cn=etl", "PW")', 'conn.simple_bind_s("cn=etl,dc=acme", "PW")',
        'jaydebeapi.connect("com.acme.Driver", "jdbc:acme://HOST", ["etl", "PW"], "acme.jar")', 'trino.auth.BasicAuthentication("etl", "PW")',
        'InfluxDBClient("HOST", 8086, "etl", "PW", "metrics")', 'jenkins.Jenkins("https://ci.internal", "etl", "PW")', 'TSC.TableauAuth("etl", "PW")',
        'urllib3.make_headers(basic_auth="etl:PW")', 'opener.add_password(None, "https://api.internal", "etl", "PW")', 'pysftp.Connection("HOST", "etl", None, "PW")',
        'conf.set("smtp", "smtp_password", "PW")', 'archive.setpassword(b"PW")', 'passwords.append("PW")', 'dict(zip(["user", "password"], ["etl", "PW"]))',
    ):
        hide("argument by position", "password", code.replace("HOST", e.host()))
    for code in (
        'OAuth1("abc", "OPAQUE", "def", "ghi")', 'SpotifyClientCredentials("abc", "DRAWN")', 'ctx.acquire_token_with_client_credentials("https://r", "abc", "OPAQUE")',
        'minio.Minio("s3.internal:9000", "etl", "OPAQUE")', 'gitlab.Gitlab("https://gitlab.internal", "OPAQUE")', 'URLSafeTimedSerializer("OPAQUE")',
        'AES.new(b"DRAWN", AES.MODE_ECB)', 'jwt.encode({}, key="OPAQUE", algorithm="HS256")', 'client.auth.approle.login(role_id="abc", secret_id="DRAWN")',
        'wandb.login(key="DRAWN")', 'request.add_header("X-Api-Key", "DRAWN")', 'headers = {"Authorization": "GenieKey DRAWN"}', 'headers = {"Authorization": f"Token {\'DRAWN\'}"}',
        'session.cookies.set("sessionid", "OPAQUE")', 'requests.get("https://api.internal", cookies={"JSESSIONID": "DRAWN"})', 'headers = {"Cookie": "lang=en; session=OPAQUE; theme=dark"}',
        'VALID_TOKENS = {"OPAQUE"}', 'PAGERDUTY_KEY = "DRAWN"', 'API_KEYS = ["OPAQUE"]',
    ):
        hide("argument by position", "opaque token", code)
    for code in (
        'class Settings(BaseSettings):\n    db_password: str = Field("PW", env="DB_PASSWORD")', '@dataclass\nclass Settings:\n    password: str = field(default="PW")',
        '@dataclass\nclass Settings:\n    password: str = field(default_factory=lambda: "PW")', 'params = {"password": Param("PW", type="string")}',
        'password = Variable.get("warehouse", default_var="PW")', 'DB_PASSWORD = {"prod": "PW", "dev": ""}', 'DB_PASSWORD = {"prod": "PW", "dev": ""}[stage]',
        'KEY = "password"\nsettings[KEY] = "PW"', 'LOGIN = ("etl", "PW")\nrequests.get("https://api.internal", auth=LOGIN)', 'def connect(user, password): ...\n\npartial(connect, "etl", "PW")',
        'url = Template("postgresql://etl:$p@db.internal/dw").substitute(p="PW")', 'url = "postgresql://etl:{p}@db.internal/dw".format_map({"p": "PW"})',
        'print("the password of etl is PW")', 'passwort = mot_de_passe = "PW"', 'conf_vars({("smtp", "smtp_password"): "PW"})',
    ):
        hide("declared", "password", code.replace("PW", mark(f"{new.text(15)}7")))
    token = new.github()
    for way, code in (
        ("reversed", f'x = "".join(reversed("{mark(token[::-1])}"))'), ("cut", f'x = "".join("{OPEN}{token[:20]} {token[20:]}{CLOSE}".split())'),
        ("numbers", f"x = bytes({OPEN}{list(token.encode())}{CLOSE}).decode()"), ("map", f"x = ''.join(map(chr, {OPEN}{list(token.encode())}{CLOSE}))"),
        ("hexadecimal", f'x = "{mark(token.encode().hex())}"'),
    ):
        e.hide(way, "GitHub token", {e.dag_file(): task(e, code)})


def _postgres(e: Exam) -> str:
    return f"postgresql://{e.user()}:{quote(e.new.password(), safe='')}@{e.host()}:5432/{e.new.word()}"


def marked_info(e: Exam) -> dict[str, str]:
    """Return a service account's key file as a mapping: all of it is the credential."""
    info = e.new.service_account_info()
    first, last = next(iter(info)), next(reversed(info))
    return {**info, first: OPEN + info[first], last: info[last] + CLOSE}


def _info_dict(e: Exam) -> str:
    lines = (f"    {literal(key)}: {literal(value)},\n" for key, value in marked_info(e).items())
    return "info = {\n" + "".join(lines) + "}"


def _info_parts(e: Exam) -> str:
    """Return code that keeps the key apart from the rest of the file."""
    info = e.new.service_account_info()
    key = info.pop("private_key")
    return f"pk = {literal(mark(key))}\ninfo = {json.dumps(info)}\ninfo['private_key'] = pk"


def _pem_lines(e: Exam) -> str:
    lines = e.new.pem().strip().splitlines()
    lines[0], lines[-1] = OPEN + lines[0], lines[-1] + CLOSE
    listed = "".join(f"    {literal(line)},\n" for line in lines)
    return f'KEY = "\\n".join([\n{listed}])\n'
