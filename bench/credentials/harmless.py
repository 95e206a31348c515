"""
What looks like a credential and is none: a remark about any of these is a false alarm.

Values from published documentation are put together here, so that no scanner of this
repository (nor a push protection) takes them for somebody's.
"""

# One case, one line: they are read as a table.
# fmt: off

import hashlib
import json
from collections.abc import Callable

from case import Exam, encoded, indented, literal
from file_cases import code, notebook
from material import HEX
from python_cases import BASH, HTTP, POD, RUN, dag, task

QUIET = 'BashOperator(task_id="run", bash_command="true")'
NAMES = (
    "password", "db_password", "API_KEY", "api_token", "client_secret", "SECRET_KEY",
    "aws_secret_access_key", "auth_token", "passwd", "private_key", "webhook_secret",
)
PLACEHOLDERS = (
    "<your-password>", "<PASSWORD>", "YOUR_API_KEY", "your-api-key-here", "changeme", "CHANGE_ME",
    "REPLACE_ME", "xxxxxxxxxxxxxxxx", "XXXX-XXXX-XXXX", "****************", "********", "...",
    "TODO", "insert-token-here", "[REDACTED]", "<redacted>", "REDACTED", "dummy", "placeholder",
    "not-a-real-password", "__PASSWORD__", "@@DB_PASSWORD@@", "%DB_PASSWORD%", "{password}",
    "my-secret-password", "put your key here", "fake-token-for-tests", "0" * 40, "example", "secret",
    "1234567890abcdef1234567890abcdef", "abcdefghijklmnopqrstuvwxyz123456", "none", "N/A", "",
)


def every_case(e: Exam) -> None:
    """Add the cases of every kind."""
    for kind in (
        _placeholders, _fake_tokens, _templates, _lookups, _stores, _names, _digests, _identifiers,
        _public, _documented, _locks, _data, _files, _code, _commands, _encrypted,
    ):
        kind(e)


def look_alikes(e: Exam) -> None:
    """Add what is sealed, said, shown or selected, and has the form of the above."""
    new = e.new

    def sealed(size: int = 30) -> str:
        return new.random_base64(size)

    for name, text in (
        ("Pulumi.prod.yaml", f"config:\n  acme:dbPassword:\n    secure: v1:{sealed(12)}:{sealed()}\n"), (".travis.yml", f"password:\n  secure: {sealed(256)}\n"), ("renovate.json", json.dumps({"hostRules": [{"encrypted": {"token": sealed(200)}}]})),
        ("application.yml", f"spring:\n  datasource:\n    password: '{{cipher}}{new.text(96, HEX)}'\n"), ("settings.xml", f"<password>{{{sealed(12)}}}</password>\n"), ("ingress.yaml", f"annotations:\n  checksum/secret: {new.text(64, HEX)}\n"),
        ("grants.sql", f"CREATE USER u IDENTIFIED WITH mysql_native_password AS '*{new.text(40, HEX.upper())}';\n"), ("userlist.txt", f'"etl" "md5{new.text(32, HEX)}"\n'), (".htpasswd", f"etl:{{SHA}}{sealed(20)}\n"),
        ("a.yaml", "password: !Ref DbPassword1x\ntoken: !ENV DB_TOKEN_9x\nsecret: !aws_secret vendor-9f\napi_key: !vault a/b#c9d8\n"), ("a.json", '{"//password": "set in CI1", "_password_comment": "rotate2monthly"}'),
        ("airflow.cfg", "[smtp]\n# Example: smtp_password = airflow\n# smtp_password =\n[celery]\nflower_basic_auth =\n"), ("de.json", '{"password": "пароль", "pwd": "Mot de passe", "api_key": "Chave de API"}'),
        ("app.js", "r.password=!!e.password,t.credentials=e.crossOrigin===`a`,pw=class extends A{}\nconst KEY_NAME = `access_token_v2`;\n"), ("a.csv", f"order_key,session_key,token\n{new.text(32, HEX)},{new.text(32, HEX)},{new.uuid()}\n"),
        ("users.csv", f"user,password\na,$2b$12${new.text(53)}\nb,********\n"), ("secrets.csv", "project,secret,version\np1,db-password,3\n"), ("password.txt", "changeme\n"), ("secrets/db_password", "${DB_PASSWORD}\n"), ("token.txt", "see the vault, item dw-1\n"),
        ("kustomization.yaml", "secretGenerator:\n- name: a\n  files:\n  - tls.key=secret/tls1.key\n  literals:\n  - LOG_LEVEL=info2\n  - broker=redis-broker-1\n  - password=$(PW)\n"),
        ("main.tf", 'locals {\n  s = "dw-pw-v2"\n  user = "etl_user1"\n}\nresource "a" "b" {\n  username = local.user\n  secret_name = local.s\n  secret = local.s\n  password = var.pw\n}\n'),
        ("secret.tf", 'resource "kubernetes_secret" "s" {\n  metadata {\n    name = "dw-creds-1"\n  }\n  data = {\n    username = "etl_user1"\n    password = var.pw\n    host = "db.internal1"\n  }\n}\n'),
        ("strings.xml", '<resources><string name="password_hint">At least 8 characters</string><add key="ApiKeyHeader" value="X-Api-Key"/></resources>\n'), ("state.json", '{"cookies": [{"name": "theme", "value": "dark-mode-1234567890"}, {"name": "lang", "value": "en-GB"}]}'),
        ("run.log", "INFO token refreshed in 12ms\nINFO the token is expired2026\nWARN password authentication failed for user etl1\n"), ("tekton.yaml", "params:\n- name: secret-name\n  default: dw-creds-v2\n- name: password\n  default: ''\n"),
        ("a.yaml", "basic_auth: enabled1\ncookie_name: airflow_sess1\nmax_tokens: 4096\n"), ("metadata.json", json.dumps({"ssh-keys": f"etl:{new.public_ssh()}"})),
    ):
        e.harmless("look-alike", {name: text})
    for body in (
        "redis.Redis('h', 6379, 0)", "ftp.login('anonymous', 'me@acme.internal')", "partial(load, 'orders2', 'eu1')", "tokens.append('word1')", "max_tokens = 'a1B2c3D4e5F6g7'", "password_fields = {'prod': 'pw_field1'}",
        "id_password = '#password-input1'\nx_password = '//*[@id=\"pw2\"]'", "Secret('env', 'DB_PASSWORD', secret='airflow-secrets-v2', key='password')", "basic_auth = 'enabled1'", "cookies = {'locale': 'en-GB', 'ab_test': 'variant-b-20261130'}",
        "password = Field(..., min_length=8, alias='pass_word')", "token = Option(None, '--token', envvar='TOKEN')", "session_cookie_name = 'airflow_session2'", "PAIRS = [('password', 'passwd'), ('token', 'access_token2')]",
        "headers = {'WWW-Authenticate': 'Token realm=\"api1\"'}", "doc = 'Authorization: Token YOUR_TOKEN_GOES_HERE'", "url = Template('postgresql://$u:$p@h/d').substitute(u=user, p=secret)", "x = bytes([80, 75, 3, 4])\ny = ''.join(map(str, [1, 2]))",
        f"digest = '{new.text(64, HEX)}'\ntext = '{b'only text, in hexadecimal'.hex()}'", "print('the key is', key)\nraise ValueError('the token is not-valid1')",
    ):
        e.harmless("look-alike in code", {e.dag_file(): task(e, body)})


def _file(e: Exam, name: str, value: str) -> dict[str, str]:
    """Return a file of some form that says `name` is `value`."""
    shown = literal(value)
    return e.pick(
        lambda: {e.dag_file(): dag(e, QUIET, f"{name} = {shown}\n", BASH)},
        lambda: {e.dag_file(): dag(e, f'BashOperator(task_id="run", bash_command="r.sh", env={{"{name}": {shown}}})', "", BASH)},
        lambda: {e.dag_file(): task(e, f"import vendor\n\nvendor.connect({name}={shown})")},
        lambda: {"config/prod.yaml": f"source:\n  {name}: {shown}\n"},
        lambda: {"settings.json": json.dumps({"source": {name: value}}, indent=2)},
        lambda: {".env": f"STAGE=prod\n{name.upper()}={shown}\n"},
        lambda: {"settings.toml": f"[source]\n{name} = {shown}\n"},
        lambda: {"variables.tf": f'variable "{name}" {{\n  default = {shown}\n}}\n'},
        lambda: {"docker-compose.yml": f"services:\n  a:\n    image: a\n    environment:\n      {name.upper()}: {shown}\n"},
    )()


def _placeholders(e: Exam) -> None:
    for value in PLACEHOLDERS:
        e.harmless("placeholder", _file(e, e.pick(*NAMES), value))
    plain = '{"type": "service_account", "project_id": "your-project", "private_key_id": "KEY_ID", "private_key": "-----BEGIN PRIVATE KEY-----\\nYOUR_PRIVATE_KEY\\n-----END PRIVATE KEY-----\\n", "client_email": "SA_NAME@your-project.iam.gserviceaccount.com"}'
    for name in ("service-account.json.example", "keys/sa.json", "dags/config/key.template.json"):
        e.harmless("placeholder, key file", {name: plain})
    e.harmless("placeholder, key file", {e.dag_file(): dag(e, QUIET, f"info = {plain}\n", BASH)})
    e.harmless("placeholder, PEM", {"config.yaml": "key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  ...\n  -----END RSA PRIVATE KEY-----\n"})
    e.harmless("placeholder, PEM", {"README.md": "Paste the key:\n\n    -----BEGIN PRIVATE KEY-----\n    MIIEvQ...snip...\n    -----END PRIVATE KEY-----\n"})
    e.harmless("placeholder, URI", {".env.example": "DATABASE_URL=postgresql://user:password@localhost:5432/db\nFERNET_KEY=\n"})
    e.harmless("placeholder, URI", {"README.md": "Set `AIRFLOW_CONN_DW=postgres://<user>:<password>@<host>/dw`.\n"})
    e.harmless("placeholder, URI", {e.dag_file(): dag(e, QUIET, 'URI = "mysql://USER:PASSWORD@HOST:3306/DB"\n', BASH)})
    e.harmless("placeholder, URI", {"config.yaml": 'url: "redis://:****@redis:6379/0"\n'})
    e.harmless("placeholder, curl", {"README.md": "    curl -u username:password https://api.example.com/v1\n"})
    e.harmless("placeholder, curl", {e.dag_file(): dag(e, 'BashOperator(task_id="c", bash_command="curl -u <user>:<password> https://api.example.com")', "", BASH)})
    e.harmless("placeholder, header", {e.dag_file(): dag(e, 'HttpOperator(task_id="c", endpoint="x", headers={"Authorization": "Bearer <token>"})', "", HTTP)})
    e.harmless("placeholder, header", {"docs/api.md": "    Authorization: Bearer YOUR_ACCESS_TOKEN\n"})
    e.harmless("placeholder, header", {e.dag_file(): dag(e, 'HttpOperator(task_id="c", endpoint="x", headers={"X-API-Key": "your_api_key"})', "", HTTP)})
    e.harmless("placeholder, export", {"variables.json": json.dumps({"vendor_token": "***", "stage": "prod"})})
    e.harmless("placeholder, export", {"connections.json": json.dumps({"dw": {"conn_type": "postgres", "login": "etl", "password": "***", "extra": '{"keyfile_dict": "***"}'}})})
    e.harmless("placeholder, settings", {"airflow_settings.yaml": "airflow:\n  connections:\n    - conn_id:\n      conn_type:\n      conn_host:\n      conn_password:\n      conn_extra:\n        example_extra_field: example-value\n"})
    e.harmless("placeholder, empty", {"airflow.cfg": "[core]\nfernet_key =\n\n[smtp]\n# smtp_password =\nsmtp_user =\n"})
    e.harmless("placeholder, empty", {"values.yaml": 'fernetKey: ~\nwebserverSecretKey: ""\ndata:\n  metadataConnection:\n    pass: null\n'})


def _fake_tokens(e: Exam) -> None:
    for value in (
        "ghp_" + "x" * 36, "AIza" + "X" * 35, "xoxb-your-token-here", "sk_live_" + "X" * 24, "AKIA" + "X" * 16,
        "glpat-" + "x" * 20, "ya29.<access-token>", "GOCSPX-<client-secret>", "hvs." + "X" * 24,
        "https://hooks.slack.com/services/XXX/YYY/ZZZ", "https://hooks.slack.com/services/" + "T00000000/B00000000/" + "X" * 24,
        "dapi" + "0" * 32, "SG.xxxxxxxx.yyyyyyyy", "Basic <base64 of user:password>", "eyJ...", "sk-proj-...",
    ):
        e.harmless("masked token", _file(e, e.pick("token", "key", "TOKEN", "api_key"), value))


def _templates(e: Exam) -> None:
    for value in (
        "{{ var.value.vendor_token }}", "{{ conn.dw.password }}", "{{ var.json.vendor.api_key }}",
        "Bearer {{ ti.xcom_pull(task_ids='login') }}", "{{ params.password }}", "${DB_PASSWORD}", "$DB_PASSWORD",
        "${env:DB_PASSWORD}", "{{ env_var('DB_PASSWORD') }}", "{{ .Values.db.password }}", "${{ secrets.DB_PASSWORD }}",
        "{{ macros.vendor.token() }}", "$(DB_PASSWORD)", "<%= ENV['DB_PASSWORD'] %>", "${var.db_password}", "#{db.password}#",
        "{{ lookup('env', 'DB_PASSWORD') }}", "{{ conn.get('dw').extra_dejson.api_key }}",
    ):
        e.harmless("template", _file(e, e.pick(*NAMES), value))
    e.harmless("template", {"templates/secret.yaml": "apiVersion: v1\nkind: Secret\ndata:\n  password: {{ .Values.password | b64enc | quote }}\n"})
    e.harmless("template", {"profiles.yml": "dw:\n  outputs:\n    prod:\n      type: snowflake\n      password: \"{{ env_var('SNOWFLAKE_PASSWORD') }}\"\n"})
    e.harmless("template, URI", {"airflow.cfg": "[database]\nsql_alchemy_conn = postgresql://${DB_USER}:${DB_PASSWORD}@db/airflow\n"})
    e.harmless("template, URI", {e.dag_file(): task(e, "import os\n\nurl = f\"postgresql://etl:{os.environ['DB_PASSWORD']}@db.internal/dw\"")})
    e.harmless("template, URI", {e.dag_file(): dag(e, 'BashOperator(task_id="p", bash_command="psql postgresql://etl:{{ conn.dw.password }}@db/dw")', "", BASH)})
    e.harmless("template, URI", {"compose.yaml": "services:\n  a:\n    image: a\n    environment:\n      DATABASE_URL: postgresql://etl:${POSTGRES_PASSWORD:?set it}@db/dw\n"})
    e.harmless("template, workflow", {".github/workflows/ci.yml": "jobs:\n  d:\n    env:\n      TOKEN: ${{ secrets.GITHUB_TOKEN }}\n      PASSWORD: ${{ secrets.DB_PASSWORD }}\n"})
    e.harmless("template, format", {e.dag_file(): task(e, 'uri = "mysql://{user}:{password}@{host}/dw".format(**settings)', "from settings_of import settings\n")})
    e.harmless("template, format", {e.dag_file(): task(e, 'uri = "mysql://%s:%s@%s/dw" % (user, password, host)', "from settings_of import host, password, user\n")})


def _lookups(e: Exam) -> None:
    for body in (
        'import os\n\npassword = os.environ["DB_PASSWORD"]', 'import os\n\ntoken = os.getenv("API_TOKEN", "")',
        'import os\n\ntoken = os.getenv("API_TOKEN", None)', 'import os\n\nsecret = os.environ.get("CLIENT_SECRET", "not-set")',
        'from airflow.models import Variable\n\napi_key = Variable.get("vendor_api_key")',
        'from airflow.models import Variable\n\napi_key = Variable.get("vendor_api_key", default_var=None)',
        'from airflow.models import Variable\n\nsecret = Variable.get("vendor", deserialize_json=True)["client_secret"]',
        'from airflow.hooks.base import BaseHook\n\npassword = BaseHook.get_connection("dw").password',
        'from airflow.hooks.base import BaseHook\n\nheaders = {"Authorization": f"Bearer {BaseHook.get_connection(\'api\').password}"}',
        'import os\n\nheaders = {"X-API-Key": os.environ["VENDOR_API_KEY"]}',
        'from google.auth.transport.requests import Request\nfrom google.oauth2 import id_token\n\ntoken = id_token.fetch_id_token(Request(), "https://loader-abc.a.run.app")',
        'import getpass\n\npassword = getpass.getpass("Password: ")', 'import secrets\n\ntoken = secrets.token_urlsafe(32)',
        'from pathlib import Path\n\npassword = Path("/run/secrets/db_password").read_text().strip()',
        'from google.cloud import secretmanager\n\nclient = secretmanager.SecretManagerServiceClient()\npassword = client.access_secret_version(name="projects/p/secrets/db-password/versions/latest").payload.data.decode()',
        'import boto3\n\nsecret = boto3.client("secretsmanager").get_secret_value(SecretId="prod/dw/password")["SecretString"]',
        'import keyring\n\npassword = keyring.get_password("warehouse", "etl")', 'from cryptography.fernet import Fernet\n\nkey = Fernet.generate_key()',
        'import hvac\n\ntoken = hvac.Client().secrets.kv.read_secret_version(path="dw/password")',
        'from decouple import config\n\nSECRET_KEY = config("SECRET_KEY")', 'import os\n\nassert os.environ["TOKEN"], "TOKEN must be set to the vendor\'s token"',
    ):
        e.harmless("lookup", {e.dag_file(): task(e, body)})


def _stores(e: Exam) -> None:
    for name, value in (
        ("password_secret", "projects/data-prod/secrets/db-password/versions/latest"), ("password", "gcp-sm://data-prod/db-password"),
        ("db_password", "sm://data-prod/db-password"), ("secret", "vault:secret/data/dw#password"), ("api_key", "ref+vault://secret/dw/#/api_key"),
        ("password", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/dw-Ab12Cd"), ("client_secret", "aws-sm:prod/vendor/client_secret"),
        ("secret_id", "airflow-connections-dw"), ("password", "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/dw/)"),
        ("token", "op://Data/vendor/token"), ("password_file", "/run/secrets/db_password"),
        ("secret_name", "airflow-variables-vendor-api-token"), ("api_token", "secretref:vendor-token"), ("password", "env:DB_PASSWORD"),
        ("sops_key", "projects/data-prod/locations/global/keyRings/sops/cryptoKeys/sops-key"), ("password", "{{resolve:secretsmanager:dw:SecretString:password}}"),
        ("AIRFLOW__CORE__FERNET_KEY_SECRET", "airflow-fernet-key"), ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_CMD", "cat /run/secrets/sql_alchemy_conn"),
        ("password", "keyvault://prod/dw-password"),
    ):
        e.harmless("secret store", _file(e, name, value))
    e.harmless("secret store", {"values.yaml": "fernetKeySecretName: airflow-fernet-key\nwebserverSecretKeySecretName: airflow-webserver\ndata:\n  metadataSecretName: airflow-metadata\n"})
    e.harmless("secret store", {"k8s/pod.yaml": "env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: dw\n        key: password\n"})
    e.harmless("secret store", {"service.yaml": "spec:\n  containers:\n    - image: a\n      env:\n        - name: API_TOKEN\n          valueFrom:\n            secretKeyRef: {name: vendor-api-token, key: latest}\n"})
    e.harmless("secret store", {e.dag_file(): dag(e, 'KubernetesPodOperator(\n    task_id="run",\n    image="a",\n    secrets=[Secret("env", "DB_PASSWORD", "dw-credentials", "password")],\n)', "", POD + "from airflow.providers.cncf.kubernetes.secret import Secret\n")})
    e.harmless(
        "secret store", {"main.tf": 'resource "google_secret_manager_secret" "dw" {\n  secret_id = "dw-password"\n}\n\ndata "google_secret_manager_secret_version" "dw" {\n  secret = "dw-password"\n}\n\nresource "google_sql_user" "etl" {\n  password = data.google_secret_manager_secret_version.dw.secret_data\n}\n'}
    )
    e.harmless("secret store", {"docker-compose.yml": "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/db_password\n    secrets: [db_password]\nsecrets:\n  db_password:\n    file: ./secrets/db_password.txt\n"})
    e.harmless("secret store", {"airflow.cfg": '[secrets]\nbackend = airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend\nbackend_kwargs = {"connections_prefix": "airflow-connections", "variables_prefix": "airflow-variables", "project_id": "data-prod", "sep": "-"}\n'})
    e.harmless("secret store", {".env": 'AIRFLOW__SECRETS__BACKEND_KWARGS={"connections_path": "connections", "mount_point": "airflow", "url": "https://vault.internal:8200", "auth_type": "kubernetes", "kubernetes_role": "airflow"}\n'})
    e.harmless("secret store", {"cloudbuild.yaml": "availableSecrets:\n  secretManager:\n    - versionName: projects/p/secrets/api-token/versions/3\n      env: API_TOKEN\n"})
    e.harmless("secret store", {"deploy.sh": "gcloud run jobs update loader --set-secrets=DB_PASSWORD=db-password:latest,API_KEY=vendor-key:3\n"})


def _names(e: Exam) -> None:
    for name, value in (
        ("primary_key", "customer_id"), ("partition_key", "event_date"), ("sort_key", "created_at"), ("foreign_key", "orders.customer_id"),
        ("token_url", "https://auth.internal/oauth2/v2/token"), ("token_uri", "https://oauth2.googleapis.com/token"),
        ("password_reset_url", "https://app.internal/password/reset"), ("api_key_header", "X-API-Key"), ("api_key_name", "vendor-prod-key"),
        ("secret_key_field", "client_secret_value"), ("password_field", "user_password"), ("token_type", "bearer"), ("grant_type", "client_credentials"),
        ("auth_type", "service_account"), ("key_column", "order_line_identifier"), ("cache_key", "orders:daily:2026-01-01"),
        ("tokenizer", "sentence-transformers/all-MiniLM-L6-v2"), ("max_tokens", "4096"), ("stop_token", "<|endoftext|>"), ("pad_token", "[PAD]"),
        ("secret_type", "kubernetes.io/dockerconfigjson"), ("credentials_provider", "com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
        ("passenger_name", "travelling companion"), ("compass", "north-north-west"), ("secretary", "Office of the Secretary"), ("passport_country", "Netherlands"),
        ("token_bucket", "gs://data-prod-token-exports"), ("key_ring", "airflow-keyring-europe"), ("password_policy", "minimum-14-characters"),
        ("sensitive_var_conn_names", "password,token,api_key,secret"), ("author", "Data Platform Team"), ("authority", "https://login.microsoftonline.com/common"),
        ("xcom_key", "return_value_of_login_task"), ("secret_scope", "databricks-prod-scope"), ("password_label", "Please enter your password"),
        ("keyboard_layout", "qwerty-international"), ("pass_count", "15"), ("bypass_reason", "approved-by-data-owner"),
    ):
        e.harmless("name of a thing", _file(e, name, value))
    e.harmless("name of a thing", {e.dag_file(): dag(e, 'PythonOperator(task_id="rotate_api_key", python_callable=rotate_password, op_kwargs={"secret_name": "vendor-api-key", "password_length": 32})', "from jobs.rotate import rotate_password\n", "from airflow.operators.python import PythonOperator\n")})
    e.harmless(
        "name of a thing",
        {
            e.dag_file(): dag(
                e,
                'CloudRunExecuteJobOperator(\n    task_id="run",\n    project_id="p",\n    region="r",\n    job_name="token-refresher",\n    overrides={"container_overrides": [{"env": [{"name": "SECRET_NAME", "value": "projects/p/secrets/vendor"}, {"name": "TOKEN_AUDIENCE", "value": "https://api.internal"}]}]},\n)',
                "",
                RUN,
            )
        },
    )


def _digests(e: Exam) -> None:
    def digest(name: str) -> str:
        return hashlib.new(name, e.new.data(20)).hexdigest()

    for name, value in (
        ("sha256", digest("sha256")), ("checksum", digest("sha256")), ("md5", digest("md5")), ("etag", digest("md5")), ("commit", digest("sha1")),
        ("git_sha", digest("sha1")), ("GIT_COMMIT", digest("sha1")), ("image", f"eu.gcr.io/p/loader@sha256:{digest('sha256')}"),
        ("image", f"apache/airflow:2.11.2@sha256:{digest('sha256')}"), ("hash", f"sha512-{e.new.random_base64(64)}"), ("fingerprint", "SHA256:" + e.new.random_base64(32).rstrip("=")),
        ("private_key_id", digest("sha1")), ("thumbprint", digest("sha1").upper()), ("key_hash", digest("sha256")), ("schema_version", digest("md5")[:12]),
        ("dag_hash", digest("md5")), ("content_md5", e.new.random_base64(16)), ("crc32c", e.new.random_base64(4)), ("token_digest", "sha256:" + digest("sha256")),
        ("revision", digest("sha1")), ("ssh_host_fingerprint", ":".join(e.new.text(2, HEX) for _ in range(16))), ("trace_id", digest("md5")), ("cache_key", digest("sha256")),
    ):
        e.harmless("digest", _file(e, name, value))
    e.harmless("digest", {e.dag_file(): dag(e, QUIET, f'EXPECTED = {{\n    "orders.csv": "{digest("sha256")}",\n    "items.csv": "{digest("sha256")}",\n}}\n', BASH)})
    e.harmless("digest", {"SHA256SUMS": "".join(f"{digest('sha256')}  data/part-{n}.parquet\n" for n in range(20))})
    e.harmless("digest", {e.dag_file(): dag(e, f'KubernetesPodOperator(task_id="run", image="eu.gcr.io/p/loader@sha256:{digest("sha256")}")', "", POD)})
    e.harmless("digest", {"scripts/get.sh": f'curl -fsSLo a.tgz https://files.internal/a.tgz\necho "{digest("sha256")}  a.tgz" | sha256sum -c -\n'})
    e.harmless("digest", {".pre-commit-config.yaml": f"repos:\n  - repo: https://github.com/astral-sh/ruff-pre-commit\n    rev: {digest('sha1')}\n    hooks:\n      - id: ruff\n"})
    e.harmless("digest", {".github/workflows/ci.yml": f"jobs:\n  t:\n    steps:\n      - uses: actions/checkout@{digest('sha1')} # v4\n"})


def _identifiers(e: Exam) -> None:
    new = e.new
    for name, value in (
        ("tenant_id", new.uuid()), ("client_id", new.uuid()), ("run_id", new.uuid()), ("correlation_token", new.uuid()), ("role_id", new.uuid()), ("request_key", new.uuid()),
        ("client_id", new.google_client_id()), ("client_email", f"loader@{new.word()}-prod.iam.gserviceaccount.com"), ("project_number", new.text(12, "123456789")),
        ("spreadsheet_id", "1" + new.text(43)), ("folder_id", "1" + new.text(32)), ("dataset", "bigquery-public-data.crypto_ethereum.transactions"),
        ("bucket", f"{new.word()}-prod-composer-{new.text(8, HEX)}"), ("subnet", f"subnet-0{new.text(16, HEX)}"), ("account_id", new.text(12, "123456789")),
        ("aws_access_key_alias", "alias/airflow-prod"), ("kms_key_id", f"arn:aws:kms:eu-west-1:{new.text(12, '123456789')}:key/{new.uuid()}"), ("job_id", f"{new.text(4, '23456789')}-{new.text(30, HEX)}"),
        ("kms_key", "projects/p/locations/eu/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"), ("dag_run_id", "scheduled__2026-01-01T00:00:00+00:00"), ("contract", "0x" + new.text(40, HEX)),
        ("channel", "C0" + new.text(9, "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789")), ("workspace", f"adb-{new.text(16, '123456789')}.7.azuredatabricks.net"), ("http_path", f"/sql/1.0/warehouses/{new.text(16, HEX)}"),
        ("composer_url", f"https://{new.text(32, HEX)}-dot-europe-west1.composer.googleusercontent.com"), ("cluster", f"0712-{new.text(6, '123456789')}-{new.text(8, 'abcdefghijkl0123')}"),
        ("audience", f"//iam.googleapis.com/projects/{new.text(12, '123456789')}/locations/global/workloadIdentityPools/okta/providers/okta"), ("order_token", f"ORD-{new.text(8, '0123456789')}"),
        ("unique_id", new.text(26, "0123456789ABCDEFGHJKMNPQRSTVWXYZ")), ("state_key", f"tfstate/{new.word()}/default.tfstate"), ("isin", "NL0010273215"), ("iban_column", "creditor_iban"),
    ):
        e.harmless("identifier", _file(e, name, value))


def _public(e: Exam) -> None:
    new = e.new
    public, certificate = new.public_pem(), new.certificate()
    e.harmless("public key", {"keys/jwt.pub.pem": public})
    e.harmless("public key", {"config.yaml": f"jwt:\n  public_key: |\n{indented(new.public_pem(), 4)}\n"})
    e.harmless("public key", {e.dag_file(): dag(e, QUIET, f'PUBLIC_KEY = """{public}"""\n', BASH)})
    e.harmless("public key", {e.dag_file(): dag(e, QUIET, f"VERIFY_KEY = {literal(public)}\n", BASH)})
    e.harmless("public key", {"keys/deploy.pub": f"{new.public_ssh()} deploy@etl\n"})
    e.harmless("public key", {"authorized_keys": f"{new.public_ssh()} a@b\n{new.public_ssh()} c@d\n"})
    e.harmless("public key", {"known_hosts": f"sftp.internal {new.public_ssh()}\n"})
    e.harmless("public key", {"main.tf": f'resource "google_compute_project_metadata" "m" {{\n  metadata = {{\n    ssh-keys = "etl:{new.public_ssh()}"\n  }}\n}}\n'})
    e.harmless("public key", {e.dag_file(): dag(e, QUIET, f'EXTRA = {{"host_key": "{new.public_ssh().split()[1]}", "no_host_key_check": "false"}}\n', BASH)})
    e.harmless("certificate", {"certs/ca.pem": certificate})
    e.harmless("certificate", {"certs/chain.crt": new.certificate() + new.certificate()})
    e.harmless("certificate", {"values.yaml": f"ca:\n  bundle: {encoded(certificate)}\n"})
    e.harmless("certificate", {e.dag_file(): dag(e, QUIET, f"CA = {literal(new.certificate())}\n", BASH)})
    e.harmless("certificate request", {"certs/etl.csr": new.request()})
    jwks = {"keys": [{"kty": "RSA", "use": "sig", "kid": new.text(40, HEX), "alg": "RS256", "e": "AQAB", "n": new.random_base64url(256).rstrip("=")}]}
    e.harmless("public key, JWKS", {"config/jwks.json": json.dumps(jwks, indent=2)})
    external = {
        "type": "external_account", "audience": "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws/providers/aws",
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request", "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/loader@p.iam.gserviceaccount.com:generateAccessToken",
        "credential_source": {"environment_id": "aws1", "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"},
    }
    oidc = {**external, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt", "credential_source": {"file": "/var/run/secrets/tokens/gcp-ksa", "format": {"type": "text"}}}
    e.harmless("federation", {"credentials.json": json.dumps(external, indent=2)})
    e.harmless("federation", {"keys/okta.json": json.dumps(oidc)})
    e.harmless("federation", {"connections.json": json.dumps({"gcp": {"conn_type": "google_cloud_platform", "extra": json.dumps({"credential_config_file": json.dumps(oidc)})}})})
    e.harmless("federation", {e.dag_file(): dag(e, QUIET, f"CONFIG = {json.dumps(external)}\n", BASH)})
    e.harmless("federation", {"airflow_settings.yaml": "airflow:\n  connections:\n    - conn_id: gcp\n      conn_type: google_cloud_platform\n      conn_extra:\n        project: data-prod\n        impersonation_chain: loader@data-prod.iam.gserviceaccount.com\n"})
    e.harmless("federation", {".env": "AIRFLOW_CONN_GCP='google-cloud-platform://?project=data-prod&impersonation_chain=loader%40data-prod.iam.gserviceaccount.com'\n"})
    e.harmless("no password", {"connections.json": json.dumps({"dw": {"conn_type": "postgres", "host": "db.internal", "login": "etl", "password": None, "extra": '{"iam": true}'}})})
    e.harmless("no password", {".env": "AIRFLOW_CONN_FS=fs://\nAIRFLOW_CONN_DW=postgres://etl@db.internal:5432/dw\n"})
    e.harmless("no password", {"variables.json": json.dumps({"region": "eu", "batch": {"size": 500, "token_ttl_seconds": 3600, "key": "order_id"}})})


def _documented(e: Exam) -> None:
    """Add values that documentation has published for everybody."""
    jwt_io = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" + ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ" + ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    e.harmless("documented, AWS", {".env": "AWS_ACCESS_KEY_ID=AKIAIOSF" + "ODNN7EXAMPLE\nAWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY\n"})
    e.harmless("documented, AWS", {e.dag_file(): task(e, 'import boto3\n\nboto3.client("s3", aws_access_key_id="AKIAIOSF' + 'ODNN7EXAMPLE", aws_secret_access_key="wJalrXUtnFEMI' + '/K7MDENG/bPxRfiCYEXAMPLEKEY")')})
    e.harmless("documented, jwt.io", {"tests/test_auth.py": f'TOKEN = "{jwt_io}"\n\n\ndef test_it():\n    assert TOKEN\n'})
    e.harmless("documented, jwt.io", {"README.md": f"    Authorization: Bearer {jwt_io}\n"})
    e.harmless("documented, RFC 7617", {"docs/http.md": "    Authorization: Basic QWxhZGRpbjpv" + "cGVuIHNlc2FtZQ==\n"})
    e.harmless("documented, RFC 6749", {"docs/oauth.md": '    {"access_token": "2YotnFZFEjr1' + 'zCsicMWpAA", "token_type": "example", "refresh_token": "tGzv3JOkF0' + 'XG5Qx2TlKWIA"}\n'})
    e.harmless("documented, RFC 6750", {"docs/oauth.md": "    Authorization: Bearer mF_9.B5f" + "-4.1JqM\n"})
    e.harmless("documented, Stripe", {"tests/test_billing.py": 'KEY = "sk_test_4eC39Hq' + 'LyjWDarjtT1zdp7dc"\n'})
    e.harmless("documented, Fernet", {"tests/test_fernet.py": 'KEY = "cw_0x689RpI-jtRR7oE8h' + '_eQsKImvJapLeSbXpwF4e4="\n'})
    e.harmless("documented, Azurite", {"docker-compose.yml": "services:\n  a:\n    image: azurite\n    environment:\n      C: AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsu" + "Fq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==\n"})


def _locks(e: Exam) -> None:
    def sha(size: int = 64) -> str:
        return e.new.text(size, HEX)

    e.harmless("lock file", {"requirements.txt": "".join(f"package-{n}==1.{n} \\\n    --hash=sha256:{sha()} \\\n    --hash=sha256:{sha()}\n" for n in range(12))})
    e.harmless("lock file", {"poetry.lock": "".join(f'[[package]]\nname = "p{n}"\nversion = "1.{n}"\nfiles = [\n    {{file = "p{n}-1.{n}.whl", hash = "sha256:{sha()}"}},\n]\n\n' for n in range(8)) + f'[metadata]\ncontent-hash = "{sha()}"\n'})
    e.harmless("lock file", {"uv.lock": "".join(f'[[package]]\nname = "p{n}"\nsdist = {{ url = "https://files.internal/packages/{sha(2)}/{sha(2)}/{sha(60)}/p-1.tar.gz", hash = "sha256:{sha()}" }}\n\n' for n in range(8))})
    e.harmless("lock file", {"Pipfile.lock": json.dumps({"_meta": {"hash": {"sha256": sha()}}, "default": {"p": {"hashes": [f"sha256:{sha()}", f"sha256:{sha()}"], "version": "==1"}}}, indent=4)})
    e.harmless("lock file", {"package-lock.json": json.dumps({"packages": {f"node_modules/p{n}": {"version": "1.0.0", "integrity": f"sha512-{e.new.random_base64(64)}"} for n in range(10)}}, indent=2)})
    e.harmless("lock file", {"yarn.lock": "".join(f'p{n}@^1:\n  resolved "https://r.internal/p{n}/-/p{n}-1.tgz#{sha(40)}"\n  integrity sha512-{e.new.random_base64(64)}\n\n' for n in range(6))})
    e.harmless("lock file", {"go.sum": "".join(f"example.com/p{n} v1.{n}.0 h1:{e.new.random_base64(32)}\nexample.com/p{n} v1.{n}.0/go.mod h1:{e.new.random_base64(32)}\n" for n in range(6))})
    e.harmless("lock file", {".terraform.lock.hcl": f'provider "registry.terraform.io/hashicorp/google" {{\n  version = "6.0.0"\n  hashes = [\n    "h1:{e.new.random_base64(32)}",\n    "zh:{sha()}",\n  ]\n}}\n'})
    e.harmless("lock file", {"conda-lock.yml": "".join(f"- name: p{n}\n  hash:\n    md5: {sha(32)}\n    sha256: {sha()}\n" for n in range(5))})


def _data(e: Exam) -> None:
    """Add data that is only encoded, long or dense."""
    new = e.new
    png = encoded("\x89PNG") + new.random_base64(900)
    plain = "Orders are loaded once a day from the warehouse and written to the bucket of the team."
    e.harmless("base64 of text", _file(e, "message", encoded(plain)))
    e.harmless("base64 of text", {e.dag_file(): task(e, f'import base64\n\nprint(base64.b64decode("{encoded(plain)}").decode())')})
    e.harmless("base64 of JSON", _file(e, "payload", encoded(json.dumps({"job": "load", "table": "orders", "limit": 500, "key": "order_id"}))))
    e.harmless("base64 of an image", {"report.html": f'<img src="data:image/png;base64,{png}">\n'})
    e.harmless("base64 of an image", {"notebooks/plot.ipynb": notebook(code("df.plot()", {"output_type": "display_data", "metadata": {}, "data": {"image/png": png, "text/plain": ["<Figure size 640x480>"]}}))})
    e.harmless("base64 of SQL", {"config.yaml": f"query: {encoded('select order_id, sum(amount) from orders group by 1')}\n"})
    e.harmless("gzip in base64", _file(e, "blob", "H4sIAAAAAAAA" + new.random_base64(120)))
    e.harmless("protobuf descriptor", {"gen/orders_pb2.py": f"DESCRIPTOR = _pool.AddSerializedFile({new.data(60)!r})\n"})
    e.harmless("notebook", {"explore.ipynb": notebook(code('token = os.environ["TOKEN"]\nlen(token)', {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": ["40"]}}))})
    e.harmless("notebook", {"explore.ipynb": notebook(code("df.head()", {"output_type": "display_data", "metadata": {}, "data": {"text/html": ["<table><tr><td>password_hash_column</td><td>" + new.text(8) + "</td></tr></table>"]}}))})
    e.harmless("notebook", {"explore.ipynb": notebook(*({**code("1 + 1"), "id": new.text(8, HEX)} for _ in range(5)))})
    script = ";".join(f"function {new.text(2)}(t,e){{var n=t.{new.text(1)},r=e.token||n.key;return n.password=r,r}}" for _ in range(60))
    e.harmless("minified script", {"plugins/static/app.min.js": f"!function(){{{script}}}();\n"})
    e.harmless("source map", {"plugins/static/app.js.map": json.dumps({"version": 3, "mappings": ";".join(new.text(40, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(50))})})
    e.harmless("style sheet", {"plugins/static/app.css": "".join(f".c{n}{{color:#{new.text(6, HEX)};background:url(data:font/woff2;base64,{new.random_base64(90)})}}" for n in range(5))})
    e.harmless("long URL", _file(e, "url", f"https://console.cloud.google.com/logs/query;query=resource.type%3D%22cloud_run_job%22%0Aresource.labels.job_name%3D%22loader%22;cursorTimestamp=2026-01-01T00:00:00Z?project={new.word()}-prod"))
    e.harmless("long URL", _file(e, "dashboard", f"https://lookerstudio.internal/reporting/{new.uuid()}/page/p_{new.text(10)}?params=%7B%22df3%22:%22include%25EE%2580%25800%22%7D"))
    e.harmless("long URL", {e.dag_file(): dag(e, QUIET, f'DOCS = "https://docs.internal/{new.text(12)}/how-to-rotate-the-api-key-password-and-token#step-{new.text(3)}"\n', BASH)})
    e.harmless("numbers", {"data/points.json": json.dumps([[round(e.rng.random(), 12) for _ in range(4)] for _ in range(30)])})
    e.harmless("CSV", {"data/orders.csv": "order_id,token,amount\n" + "".join(f"{new.uuid()},{new.text(6, HEX)},{n}\n" for n in range(20))})
    e.harmless("embedding", {"data/vectors.json": json.dumps({"key": "orders", "values": [round(e.rng.uniform(-1, 1), 8) for _ in range(60)]})})
    e.harmless("geometry", {"data/a.json": json.dumps({"polyline": new.text(120, "abcdefghij_`@|}~?"), "key": "route"})})
    e.harmless("translations", {"i18n/de.json": json.dumps({"password": "Passwort", "password.hint": "Mindestens zwölf Zeichen", "api_key": "API-Schlüssel", "secret": "Geheimnis", "token.expired": "Token ist abgelaufen"})})
    e.harmless("translations", {"i18n/nl.yaml": "login:\n  password: Wachtwoord\n  forgot_password: Wachtwoord vergeten?\n  token: Toegangscode invoeren\n"})
    e.harmless("schema", {"schemas/user.json": json.dumps({"type": "object", "properties": {"password": {"type": "string", "minLength": 12}, "api_key": {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"}}, "required": ["password"]})})
    e.harmless("schema", {"dags/sql/users.sql": "CREATE TABLE users (\n  id INT64,\n  password_hash STRING,\n  api_token STRING NOT NULL,\n  secret BYTES\n);\n"})
    e.harmless("schema", {"openapi.yaml": "components:\n  securitySchemes:\n    key:\n      type: apiKey\n      in: header\n      name: X-API-Key\n    oauth:\n      type: oauth2\n      flows:\n        clientCredentials:\n          tokenUrl: https://auth.internal/token\n"})


def _files(e: Exam) -> None:
    e.harmless("schema, terraform", {"variables.tf": 'variable "db_password" {\n  type        = string\n  sensitive   = true\n  description = "Password of the warehouse user, from Secret Manager"\n}\n\noutput "token_endpoint" {\n  value = "https://auth.internal/token"\n}\n'})
    e.harmless("reference, terraform", {"main.tf": 'resource "random_password" "dw" {\n  length = 32\n}\n\nresource "google_sql_user" "etl" {\n  name     = "etl"\n  password = random_password.dw.result\n}\n'})
    e.harmless("reference, terraform", {"main.tf": 'module "airflow" {\n  source     = "./airflow"\n  fernet_key = var.fernet_key\n  secret_key = module.secrets.webserver_secret_key\n  api_token  = local.tokens["prod"]\n}\n'})
    e.harmless(
        "settings",
        {
            "airflow.cfg": "[core]\nexecutor = LocalExecutor\nhide_sensitive_var_conn_fields = True\nsensitive_var_conn_names = token,apikey\n\n[api]\nauth_backends = airflow.api.auth.backend.session\n\n[database]\nsql_alchemy_conn_cmd = gcloud secrets versions access latest --secret=airflow-db\nsql_alchemy_conn = sqlite:////opt/airflow/airflow.db\n"
        },
    )
    e.harmless("settings", {"airflow.cfg": "[core]\nfernet_key_cmd = cat /run/secrets/fernet\n\n[webserver]\nsecret_key_secret = webserver-secret-key\n\n[celery]\nbroker_url = redis://redis:6379/0\nresult_backend_secret = celery-result-backend\n"})
    e.harmless(
        "settings",
        {
            "webserver_config.py": 'import os\n\nAUTH_TYPE = 4\nOAUTH_PROVIDERS = [\n    {\n        "name": "google",\n        "token_key": "access_token",\n        "remote_app": {\n            "client_id": os.environ["CLIENT_ID"],\n            "client_secret": os.environ["CLIENT_SECRET"],\n            "access_token_url": "https://oauth2.googleapis.com/token",\n        },\n    }\n]\n'
        },
    )
    e.harmless(
        "dag-factory",
        {"dags/load.yml": "load:\n  default_args:\n    owner: data\n    start_date: 2026-01-01\n  tasks:\n    run:\n      operator: airflow.operators.bash.BashOperator\n      bash_command: load.sh\n      env:\n        DB_PASSWORD: '{{ conn.dw.password }}'\n        TOKEN_URL: https://auth.internal/token\n"},
    )
    e.harmless("dbt profile", {"profiles.yml": "dw:\n  outputs:\n    prod:\n      type: bigquery\n      method: oauth\n      impersonate_service_account: loader@p.iam.gserviceaccount.com\n"})
    e.harmless("gitignore", {".gitignore": "*.pem\n*.p12\n.env\ncredentials.json\nservice-account*.json\nid_rsa\n"})
    e.harmless("scanner settings", {".gitleaks.toml": "[[rules]]\nid = \"github-pat\"\nregex = '''ghp_[0-9a-zA-Z]{36}'''\nkeywords = [\"ghp_\"]\n"})
    e.harmless("scanner settings", {".secrets.baseline": json.dumps({"version": "1.5.0", "results": {"dags/a.py": [{"type": "Secret Keyword", "hashed_secret": e.new.text(40, HEX), "line_number": 3}]}}, indent=2)})
    e.harmless("documentation", {"docs/connections.md": '# Connections\n\nKeep the password in Secret Manager as `airflow-connections-dw`; the value is\n`{"conn_type": "postgres", "login": "etl", "password": "<password>"}`.\nNever commit an API key: the token belongs into the backend.\n'})
    e.harmless("documentation", {"CHANGELOG.md": "- Password is read from the secrets backend\n- token: refreshed hourly\n- api_key: renamed to vendor_api_key\n"})


def _code(e: Exam) -> None:
    """Add code that speaks of secrets and holds none."""
    for body in (
        'if "-----BEGIN PRIVATE KEY-----" in text:\n    raise ValueError("a key")', 'pattern = r"AKIA[0-9A-Z]{16}"\nimport re\n\nre.search(pattern, "x")',
        'PASSWORD_RE = re.compile(r"password\\s*=\\s*[\'\\"]([^\'\\"]+)")', 'raise ValueError("password must have at least twelve characters")',
        'logger.info("token of %s refreshed", user)', 'password = input("Password: ")', 'token = session.login(user).token',
        'headers = {"Authorization": "Bearer " + token}', 'headers = {"Authorization": f"Bearer {get_token()}"}', 'auth = (user, password)',
        'token = response.json()["access_token"]', 'password = config["warehouse"]["password"]', 'secret = kwargs.pop("client_secret", None)',
        'def connect(user, password=None, token=""):\n    return user', 'password: str = Field(..., description="Password of the warehouse")',
        'parser.add_argument("--password", required=True, help="password of the warehouse user")', 'assert token != "expired-token", "token has expired"',
        'fields = ["password", "api_key", "client_secret", "token"]', 'mask = {"password": "***", "token": "***"}', 'errors = {"invalid_token": "The token is not valid", "bad_password": "Wrong password"}',
        'password_hasher = "argon2id"', 'secret = "".join(random.choices(string.ascii_letters, k=32))', 'token = uuid.uuid4().hex', 'key = f"orders/{ds}/part-{n}.parquet"',
        'password = None', 'ti.xcom_push(key="vendor_token_expiry_time", value=3600)', 'api_key = settings.VENDOR_API_KEY', 'cipher = "ECDHE-RSA-AES256-GCM-SHA384"',
        'url = "https://api.internal/v1/tokens/refresh"', 'scopes = ["https://www.googleapis.com/auth/cloud-platform"]', 'password = password or get_password("warehouse")',
        'alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"', 'secret_path = "/var/run/secrets/kubernetes.io/serviceaccount/token"',
    ):
        e.harmless("code", {e.dag_file(): task(e, body)})


def _commands(e: Exam) -> None:
    commands = (
        'curl -u "$USER:$PASSWORD" https://api.internal', 'PGPASSWORD="$DB_PASSWORD" psql -h db', "curl -H \"Authorization: Bearer $(gcloud auth print-identity-token)\" https://a.run.app",
        "export TOKEN=$(vault kv get -field=token secret/dw)", "export PGPASSWORD=$(gcloud secrets versions access latest --secret=db-password)", 'read -rs PASSWORD && export PASSWORD',
        "docker login -u oauth2accesstoken --password-stdin registry.internal < token.txt", "mysql -u etl -p dw < load.sql", "mysql --defaults-extra-file=/run/secrets/my.cnf dw",
        "kubectl create secret generic dw --from-literal=password=\"$DB_PASSWORD\"", "kubectl create secret generic dw --from-file=password=/run/secrets/pw", "airflow connections add dw --conn-uri \"$DW_URI\"",
        "airflow users create --username admin --password \"${ADMIN_PASSWORD}\" --role Admin", "openssl rand -hex 32 > /tmp/key", "ssh-keygen -t ed25519 -N '' -f key", "sshpass -e sftp etl@sftp.internal",
        "curl -u {{ conn.api.login }}:{{ conn.api.password }} https://api.internal", "curl --netrc-file /run/secrets/netrc https://api.internal", "aws configure set region eu-west-1", "gcloud auth print-access-token | docker login -u oauth2accesstoken --password-stdin eu.gcr.io",
        "git clone https://x-access-token:${GITHUB_TOKEN}@github.com/data/dags.git",
    )
    for command in commands:
        shown: Callable[[], dict[str, str]] = e.pick(lambda c=command: {e.dag_file(): dag(e, f'BashOperator(task_id="r", bash_command={literal(c)})', "", BASH)}, lambda c=command: {"scripts/run.sh": f"#!/bin/bash\nset -e\n{c}\n"})
        e.harmless("command", shown())


def _encrypted(e: Exam) -> None:
    new = e.new
    e.harmless("encrypted, SOPS", {"secrets.enc.yaml": f"db:\n  password: ENC[AES256_GCM,data:{new.random_base64(12)},iv:{new.random_base64(32)},tag:{new.random_base64(16)},type:str]\nsops:\n  kms: []\n  version: 3.9.0\n"})
    e.harmless("encrypted, Ansible", {"group_vars/all.yml": "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n" + "".join(f"  {new.text(80, '3456')}\n" for _ in range(5))})
    # it begins with the length of a key that RSA encrypts: 512 bytes
    sealed = new.random_base64(600, (512).to_bytes(2))
    e.harmless("encrypted, sealed", {"sealed.yaml": f"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: dw\nspec:\n  encryptedData:\n    password: {sealed}\n"})
    e.harmless("encrypted, KMS", {"config.yaml": f"password_ciphertext: CiQA{new.random_base64(60)}\nkms_key: projects/p/locations/global/keyRings/r/cryptoKeys/k\n"})
    e.harmless("encrypted, SOPS", {".env.enc": f"DB_PASSWORD=ENC[AES256_GCM,data:{new.random_base64(12)},iv:{new.random_base64(32)},tag:{new.random_base64(16)},type:str]\n"})
