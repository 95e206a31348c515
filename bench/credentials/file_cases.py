"""Credentials in everything of a repository that is no Python: by place, in its form."""

# One case, one line: they are read as a table.
# fmt: off

import base64
import json
from urllib.parse import quote

from case import CLOSE, OPEN, Exam, clean, encoded, indented, literal, mark, url_encoded
from python_cases import BASH, dag, marked_info


def every_place(e: Exam) -> None:
    """Add the cases of every place."""
    for place in (
        _dotenv, _compose, _helm, _kubernetes, _airflow_cfg, _airflow_settings, _exports, _json,
        _key_files, _yaml, _dag_factory, _ini, _toml, _shell, _terraform, _notebooks, _comments,
        _archives, _backends, _beside,
    ):
        place(e)


def servers(e: Exam) -> None:
    """Add settings of servers and tools, commands, tables, and files that are nothing else."""
    new = e.new

    def hide(shape: str, name: str, text: str) -> None:
        kind = "opaque token" if "OPAQUE" in text or "DRAWN" in text else "password"
        password = f"{new.text(14)}{new.rng.randint(2, 9)}"
        e.hide(shape, kind, {name: text.replace("PW", mark(password)).replace("OPAQUE", mark(new.opaque())).replace("DRAWN", mark(new.hex_key()))})

    for name, text in (
        ("airflow.cfg", "[celery]\nflower_basic_auth = admin:PW\n"), (".env", "AIRFLOW__CELERY__FLOWER_BASIC_AUTH=admin:PW\n"), ("simple_auth_manager_passwords.json.generated", '{"admin": "PW"}'),
        ("userlist.txt", '"etl" "PW"\n'), (".htpasswd", "etl:{PLAIN}PW\n"), ("users.ldif", "dn: uid=etl,dc=acme\nuserPassword: {CLEARTEXT}PW\n"), ("ldap.conf", "bindpw PW\n"),
        ("auth.conf", "machine pypi.internal login etl password PW\n"), ("client.properties", 'sasl.jaas.config=org.x.PlainLoginModule required username="u" password="PW";\n'),
        ("kustomization.yaml", "secretGenerator:\n- name: db\n  literals:\n  - broker=PW\n"), ("compose.yml", 'services:\n  db:\n    healthcheck:\n      test: ["CMD", "mysqladmin", "ping", "-u", "root", "-pPW"]\n'),
        ("web.config", '<add key="DbPassword" value="PW"/>\n'), ("plan.jmx", '<p name="Argument.name">password</p><p name="Argument.value">PW</p>\n'), ("sitemanager.xml", '<Pass encoding="none">PW</Pass>\n'),
        ("build.sbt", 'credentials += Credentials("r", "h", "etl", "PW")\n'), ("A.java", 'ds.setPassword("PW");\n'), ("B.java", 'DriverManager.getConnection("jdbc:x", "etl", "PW");\n'),
        ("load.R", 'db_password <- "PW"\n'), ("report.Rmd", '```{r}\ndb_password <- "PW"\n```\n'), ("Makefile", "DB_PASSWORD ?= PW\n"), ("Dockerfile", "FROM a\nRUN echo 'root:PW' | chpasswd\n"),
        ("grants.sql", "SET PASSWORD FOR 'etl'@'%' = PASSWORD('PW');\n"), ("config.yaml", "db:\n  password: !str PW\n"), ("group_vars/all.yml", "db_password: !unsafe PW\n"), ("config.yml", "a: {b: {password: PW}}\n"),
        ("main.tf", 'locals {\n  x = "PW"\n}\nresource "google_sql_user" "u" {\n  password = local.x\n}\n'),
        ("main.tf", 'variable "wh" {\n  default = "PW"\n}\nlocals {\n  y = var.wh\n}\nresource "a" "u" {\n  url = "postgres://u:${local.y}@db.internal/x"\n}\n'),
        ("main.tf", 'resource "kubernetes_secret" "s" {\n  data = {\n    broker = "PW"\n  }\n}\n'), ("helm.tf", 'resource "helm_release" "x" {\n  set_sensitive {\n    name  = "broker.conn"\n    value = "PW"\n  }\n}\n'),
        ("run.log", "INFO password: PW\n"), ("notes.rst", "Password: `PW`\n"), ("page.html", "<!-- password: PW -->\n"), ("settings.json", '{"_comment": "old password = PW"}'),
        ("secrets/db_password", "PW\n"), ("secrets/db_password.txt", "PW"), (".vault_pass", "PW\n"), ("users.tsv", "user\tpassword\na\tPW\n"),
    ):
        hide("server's settings", name, text)
    for name, text in (
        (".vault-token", "OPAQUE\n"), ("config/master.key", "DRAWN\n"), ("kaggle.json", '{"username": "etl", "key": "DRAWN"}'), ("keys.csv", "vendor,api_key\nacme,OPAQUE\n"), ("keys.psv", "vendor|client_secret\nacme|OPAQUE\n"),
        ("variables.sql", "INSERT INTO variable (key, val) VALUES ('region', 'eu'), ('api_key', 'OPAQUE');\n"), ("state.json", '{"cookies": [{"name": "session", "value": "OPAQUE"}]}'),
        ("app.js", "const apiKey = `DRAWN`;\n"), ("index.php", "<?php define('API_TOKEN', 'DRAWN');\n"), ("task.yaml", "params:\n- name: API_TOKEN\n  default: DRAWN\n"),
    ):
        hide("server's settings", name, text)
    for command in (
        "beeline -u jdbc:hive2://h:10000 -n etl -p PW", "bcp dw.dbo.t out f -S h -U etl -P PW", "cqlsh h -u etl -p PW", "vsql -h h -U etl -w PW", "sqlldr userid=etl/PW@dw control=a.ctl", "expdp etl/PW@dw dumpfile=a",
        "db2 connect to DW user etl using PW", "rabbitmqctl add_user etl PW", "htpasswd -b -c .htpasswd etl PW", "keytool -list -keystore a.jks -storepass PW", "7z x -pPW a.7z", "zip -P PW a.zip b", "mc alias set s3 https://s3.internal etl PW",
        "REDISCLI_AUTH=PW redis-cli ping", "aws ssm put-parameter --name /db/pw --type SecureString --value 'PW'", "az keyvault secret set --vault-name v --name dw --value 'PW'",
        "kubectl create secret generic dw --from-literal=broker='PW'", "gcloud run deploy x --set-env-vars=^@^A=b@DB_PASSWORD=PW", "ftp -n h <<EOF\nquote USER etl\nquote PASS PW\nEOF", "curl -H 'Authorization: Token DRAWN' https://api.internal",
        "curl -b 'session=OPAQUE' https://api.internal", "curl -H 'Cookie: JSESSIONID=DRAWN' https://api.internal", "curl -u 'DRAWN:' https://api.internal",
    ):
        hide("command", "scripts/load.sh", f"#!/bin/bash\nset -e\n{command}\n")
    for name in ("keys/legacy.bin", "store.db", "client.o"):
        e.hide("key store by another name", "PKCS #12", {name: new.p12()})


def _uri(e: Exam, scheme: str = "postgresql+psycopg2") -> str:
    password = quote(e.new.password(), safe="")
    return f"{scheme}://{e.user()}:{mark(password)}@{e.host()}:5432/{e.new.word()}"


def _key_json(e: Exam, indent: int | None = None) -> str:
    """Return a service account's key file, marked: all of it is the credential."""
    return mark(json.dumps(e.new.service_account_info(), indent=indent))


def _dotenv(e: Exam) -> None:
    new = e.new

    def hide(kind: str, line: str) -> None:
        name = e.pick(".env", ".env.prod", "config/.env", "prod.env", ".env.local")
        text = f"AIRFLOW_UID=50000\nSTAGE=prod\n{line}\nREGION=europe-west1\n"
        e.hide(".env", kind, {name: text})

    head, quotes = e.pick("", "export "), e.pick("", '"', "'")
    hide("password", f"{head}POSTGRES_PASSWORD={quotes}{mark(new.password())}{quotes}")
    hide("password", f"SMTP_PASS = '{mark(new.password())}'  # mail")
    hide("Fernet key", f"AIRFLOW__CORE__FERNET_KEY={mark(new.fernet())}")
    hide("webserver secret key", f"AIRFLOW__WEBSERVER__SECRET_KEY={mark(new.hex_key())}")
    hide("database URI", f"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN={_uri(e)}")
    hide("Airflow URI", f"AIRFLOW_CONN_GCP='google-cloud-platform://?keyfile_dict={mark(url_encoded(new.service_account_key()))}'")
    hide("Airflow URI", f"AIRFLOW_CONN_GCP=google-cloud-platform://?extra__google_cloud_platform__keyfile_dict={mark(url_encoded(new.service_account_key()))}&extra__google_cloud_platform__project=p")
    inner = json.dumps({"conn_type": "google_cloud_platform", "extra": {"keyfile_dict": json.loads(new.service_account_key())}})
    hide("service account key", f"AIRFLOW_CONN_GCP='{mark(inner)}'")
    hide("bearer header", f"AIRFLOW_CONN_API='http://https%3A%2F%2Fapi.internal/?Authorization={mark(url_encoded(new.bearer()))}'")
    hide("opaque token", f"AIRFLOW_VAR_VENDOR_TOKEN={mark(new.opaque())}")
    hide("service account key", f"AIRFLOW_VAR_GCP='{mark(new.service_account_key())}'")
    hide("service account key, base64", f"GCP_SA_B64={mark(encoded(new.service_account_key()))}")
    hide("AWS secret key", f"AWS_ACCESS_KEY_ID={mark(new.aws_id())}\nAWS_SECRET_ACCESS_KEY={mark(new.aws_secret())}")
    hide("Slack webhook", f"SLACK_URL={mark(new.slack_webhook())}")
    hide("PEM, RSA", 'PRIVATE_KEY="' + mark(new.pem_rsa().strip().replace("\n", "\\n")) + '"')
    hide("Stripe key", f"BILLING={mark(new.stripe())}")
    hide("simple auth", f"_AIRFLOW_WWW_USER_USERNAME=admin\n_AIRFLOW_WWW_USER_PASSWORD={mark(new.password())}")


def _compose(e: Exam) -> None:
    new = e.new

    def hide(kind: str, lines: str) -> None:
        name = e.pick("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "docker/docker-compose.override.yml")
        e.hide("docker compose", kind, {name: lines})

    service = "services:\n  scheduler:\n    image: apache/airflow:2.11.2\n"
    hide("password", f"services:\n  postgres:\n    image: postgres:16\n    environment:\n      POSTGRES_USER: {e.user()}\n      POSTGRES_PASSWORD: {mark(new.password())}\n")
    hide("Fernet key", f"x-airflow-common: &common\n  image: apache/airflow:2.11.2\n  environment:\n    AIRFLOW__CORE__FERNET_KEY: '{mark(new.fernet())}'\n\nservices:\n  scheduler:\n    <<: *common\n")
    hide("database URI", f"{service}    environment:\n      - STAGE=prod\n      - AIRFLOW__DATABASE__SQL_ALCHEMY_CONN={_uri(e)}\n")
    hide("password", f'{service}    environment:\n      - "SMTP_PASSWORD={mark(new.password())}"\n')
    hide("password", f'{service}    command: >\n      bash -c "airflow users create --username admin --password {mark(new.password())}\n      --role Admin --email a@b.internal"\n')
    hide("GitHub token", f"{service}    build:\n      context: .\n      args:\n        TOKEN: {mark(new.github())}\n")
    hide("password", f"services:\n  redis:\n    image: redis:7\n    command: redis-server --requirepass {mark(new.password())}\n")
    hide("Airflow URI", f"{service}    environment:\n      AIRFLOW_CONN_DW: {_uri(e, 'postgres')}\n")


def _helm(e: Exam) -> None:
    new = e.new

    def hide(kind: str, text: str) -> None:
        name = e.pick("values.yaml", "helm/values-prod.yaml", "charts/airflow/values.yaml", "deploy/airflow-values.yml")
        e.hide("Helm values", kind, {name: text})

    hide("Fernet key", f"executor: KubernetesExecutor\nfernetKey: {mark(new.fernet())}\n")
    hide("webserver secret key", f'webserverSecretKey: "{mark(new.hex_key())}"\nimages:\n  airflow:\n    tag: 2.11.2\n')
    hide("password", f"data:\n  metadataConnection:\n    user: {e.user()}\n    pass: {mark(new.password())}\n    host: {e.host()}\n")
    hide("password", f"env:\n  - name: STAGE\n    value: prod\n  - name: DB_PASSWORD\n    value: {mark(new.password())}\n")
    hide("opaque token", f'extraEnv: |\n  - name: API_TOKEN\n    value: "{mark(new.opaque())}"\n')
    hide("password", f"webserver:\n  defaultUser:\n    enabled: true\n    username: admin\n    password: {mark(new.password())}\n")
    hide("service account key", f"extraSecrets:\n  gcp:\n    stringData: |\n      AIRFLOW_CONN_GCP: '{_key_json(e)}'\n")
    hide("database URI", f"config:\n  database:\n    sql_alchemy_conn: {_uri(e)}\n")
    hide("PEM, OpenSSH", f"dags:\n  gitSync:\n    enabled: true\nextraSecrets:\n  ssh:\n    data: |\n      gitSshKey: {mark(encoded(new.pem_openssh()))}\n")
    hide("password", f"postgresql:\n  auth:\n    postgresPassword: '{mark(new.password())}'\nredis:\n  enabled: true\n")


def _kubernetes(e: Exam) -> None:
    new = e.new
    head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: dw\ntype: Opaque\n"

    def hide(kind: str, text: str) -> None:
        e.hide("Kubernetes manifest", kind, {e.pick("k8s/secret.yaml", "deploy/secrets.yml", "manifests/dw.yaml"): text})

    hide("password, base64", f"{head}data:\n  username: {encoded(e.user())}\n  password: {mark(encoded(new.password()))}\n")
    hide("password", f"{head}stringData:\n  password: {mark(new.password())}\n")
    hide("service account key, base64", f"{head}data:\n  key.json: {mark(encoded(new.service_account_key()))}\n")
    hide("service account key", f"{head}stringData:\n  key.json: |\n{indented(_key_json(e, 2), 4)}\n")
    pod = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: worker\nspec:\n  containers:\n    - name: base\n      image: loader:1\n      env:\n"
    hide("opaque token", f"{pod}        - name: API_TOKEN\n          value: {mark(new.opaque())}\n")
    service = "apiVersion: run.googleapis.com/v1\nkind: Job\nmetadata:\n  name: loader\nspec:\n  template:\n    spec:\n      template:\n        spec:\n          containers:\n            - image: eu.gcr.io/p/loader\n              env:\n"
    hide("password", f"{service}                - name: DB_PASSWORD\n                  value: {mark(new.password())}\n")


def _airflow_cfg(e: Exam) -> None:
    new = e.new

    def hide(kind: str, text: str) -> None:
        e.hide("airflow.cfg", kind, {e.pick("airflow.cfg", "config/airflow.cfg", "airflow/airflow.cfg"): text})

    hide("database URI", f"[core]\nexecutor = CeleryExecutor\n\n[database]\nsql_alchemy_conn = {_uri(e)}\n".replace("%", "%%"))
    hide("Fernet key", f"[core]\nload_examples = False\nfernet_key = {mark(new.fernet())}\n")
    hide("webserver secret key", f"[webserver]\nexpose_config = False\nsecret_key = {mark(new.text(32))}\n")
    hide("password", f"[smtp]\nsmtp_host = mail.internal\nsmtp_user = {e.user()}\nsmtp_password = {mark(new.password())}\n")
    hide("broker URL", f"[celery]\nbroker_url = redis://:{mark(new.text(16))}@{e.host()}:6379/0\n")
    hide("result backend", f"[celery]\nresult_backend = db+postgresql://{e.user()}:{mark(new.text(16))}@{e.host()}/airflow\n")
    hide("JWT secret", f"[api_auth]\njwt_secret = {mark(new.random_base64(16))}\n")
    hide("service account key", f'[secrets]\nbackend = airflow.providers.google.cloud.secrets.secret_manager.CloudSecretManagerBackend\nbackend_kwargs = {{"gcp_keyfile_dict": {_key_json(e)}}}\n')
    hide("Sentry DSN with a secret", f"[sentry]\nsentry_on = True\nsentry_dsn = https://{new.text(32, '0123456789abcdef')}:{mark(new.text(32, '0123456789abcdef'))}@sentry.internal/4\n")


def _airflow_settings(e: Exam) -> None:
    new = e.new

    def hide(kind: str, lines: str) -> None:
        e.hide("airflow_settings.yaml", kind, {"airflow_settings.yaml": f"airflow:\n{lines}"})

    head = "  connections:\n    - conn_id: dw\n      conn_type: postgres\n"
    hide("password", f"{head}      conn_host: {e.host()}\n      conn_login: {e.user()}\n      conn_password: {mark(new.password())}\n      conn_port: 5432\n")
    gcp = "  connections:\n    - conn_id: gcp\n      conn_type: google_cloud_platform\n"
    hide("service account key", f"{gcp}      conn_extra:\n        keyfile_dict: '{_key_json(e)}'\n")
    hide("service account key", f"{gcp}      conn_extra: '{json.dumps({'keyfile_dict': mark(new.service_account_key())}, ensure_ascii=False)}'\n")
    hide("service account key, legacy name", f"{gcp}      conn_extra:\n        extra__google_cloud_platform__keyfile_dict: '{_key_json(e)}'\n")
    hide("Airflow URI", f"  connections:\n    - conn_id: dw\n      conn_uri: {_uri(e, 'postgres')}\n")
    hide("opaque token", f"  variables:\n    - variable_name: vendor_token\n      variable_value: {mark(new.opaque())}\n")
    hide("JSON variable", f'  variables:\n    - variable_name: vendor\n      variable_value: \'{{"url": "https://api.internal", "client_secret": "{mark(new.opaque())}"}}\'\n')
    hide("AWS secret key", f"  connections:\n    - conn_id: s3\n      conn_type: aws\n      conn_login: {mark(new.aws_id())}\n      conn_password: {mark(new.aws_secret())}\n")


def _exports(e: Exam) -> None:
    new = e.new
    variables = e.pick("variables.json", "config/variables.json", "airflow_variables_prod.json")

    def hide(shape: str, kind: str, name: str, held: object, indent: int | None = 2) -> None:
        e.hide(shape, kind, {name: json.dumps(held, indent=indent, ensure_ascii=False)})

    shape = "Airflow variables export"
    hide(shape, "opaque token", variables, {"region": "eu", "vendor_api_token": mark(new.opaque())})
    hide(shape, "password in JSON text", variables, {"dw": json.dumps({"host": e.host(), "password": mark(new.password())}, ensure_ascii=False)})
    hide(shape, "service account key", variables, {"stage": "prod", "gcp_sa": mark(new.service_account_key())})
    hide(shape, "service account key, nested", variables, {"gcp": {"project": "p", "keyfile": marked_info(e)}})
    hide(shape, "Slack webhook", variables, {"alerts": mark(new.slack_webhook()), "stage": "prod"}, None)
    hide(shape, "service account key, base64", variables, {"gcp_b64": mark(encoded(new.service_account_key()))})
    hide(shape, "value and description", variables, {"smtp_password": {"value": mark(new.password()), "description": "mail relay"}})
    shape, name = ("Airflow connections export", e.pick("connections.json", "config/connections.json"))
    hide(shape, "password", name, {"dw": {"conn_type": "postgres", "host": e.host(), "login": e.user(), "password": mark(new.password()), "schema": "dw", "port": 5432, "extra": ""}})
    hide(shape, "service account key", name, {"gcp": {"conn_type": "google_cloud_platform", "login": None, "password": None, "extra": json.dumps({"keyfile_dict": mark(new.service_account_key())}, ensure_ascii=False)}})
    hide(shape, "Airflow URI", name, {"dw": _uri(e, "postgres"), "files": "fs://"})
    hide(shape, "bearer header", name, {"api": {"conn_type": "http", "host": "https://api.internal", "extra": json.dumps({"Authorization": mark(new.bearer())}, ensure_ascii=False)}})
    hide(shape, "key in credential_config_file", name, {"gcp": {"conn_type": "google_cloud_platform", "extra": json.dumps({"credential_config_file": mark(new.service_account_key())}, ensure_ascii=False)}})
    local = f"dw:\n  conn_type: mysql\n  host: {e.host()}\n  login: {e.user()}\n  password: {mark(new.password())}\n"
    e.hide("local backend file", "password", {"secrets/connections.yaml": local})
    e.hide("local backend file", "Airflow URI", {"secrets/connections.yml": f"dw: {_uri(e, 'mysql')}\n"})
    e.hide("local backend file", "opaque token", {"secrets/variables.yaml": f"stage: prod\nvendor_token: {mark(new.opaque())}\n"})
    ads = f"developer_token: {new.text(22)}\n      client_secret: {new.google_oauth_secret()}\n      refresh_token: {new.google_refresh_token()}"
    e.hide("local backend file", "OAuth refresh token", {"secrets/connections.yaml": f"ads:\n  conn_type: google_ads\n  extra:\n    google_ads_client:\n      {mark(ads)}\n"})


def _json(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, held: object) -> None:
        e.hide("JSON", kind, {name: json.dumps(held, indent=e.pick(2, 4, None), ensure_ascii=False)})

    config = e.pick("config/settings.json", "conf.json", "dags/config/source.json")
    hide("password", config, {"source": {"host": e.host(), "user": e.user(), "password": mark(new.password())}})
    hide("database URI", config, {"url": _uri(e)})
    hide("name and value", config, {"env": [{"name": "STAGE", "value": "p"}, {"name": "API_KEY", "value": mark(new.hex_key())}]})
    hide("key and value", config, {"tags": [{"key": "db_password", "value": mark(new.password())}]})
    hide("Google API key", config, {"maps": mark(new.google_api_key())})
    hide("nested twice", config, {"a": json.dumps({"b": json.dumps({"token": mark(new.github())}, ensure_ascii=False)}, ensure_ascii=False)})
    hide("minified, PEM", config, {"id": 3, "signer": mark(new.pem_rsa())})
    hide("docker auth", e.pick(".dockerconfigjson", "docker/config.json"), {"auths": {"registry.internal": {"auth": mark(encoded(f"{e.user()}:{new.password()}"))}}})
    hide("Cloud Run overrides", "dags/overrides.json", {"containerOverrides": [{"env": [{"name": "DB_PASSWORD", "value": mark(new.password())}]}]})
    hide("OAuth client file", "client_secret.json", {"installed": {"client_id": new.google_client_id(), "project_id": "p", "client_secret": mark(new.google_oauth_secret()), "redirect_uris": ["http://localhost"]}})
    hide("authorized_user", e.pick("application_default_credentials.json", "adc.json"), {"type": "authorized_user", "client_id": new.google_client_id(), "client_secret": mark(new.google_oauth_secret()), "refresh_token": mark(new.google_refresh_token())})
    hide("private JWK", "keys/jwk.json", {"kty": "EC", "crv": "P-256", "x": new.random_base64url(32)[:43], "y": new.random_base64url(32)[:43], "d": mark(new.random_base64url(32)[:43])})
    hide("Terraform state", "terraform.tfstate", {"version": 4, "resources": [{"type": "google_service_account_key", "instances": [{"attributes": {"private_key": mark(encoded(new.service_account_key()))}}]}]})


def _key_files(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, held: str | bytes) -> None:
        e.hide("key file", kind, {name: held})

    hide("service account key", e.pick("keys/sa.json", "dags/service-account.json"), _key_json(e, 2))
    hide("service account key, one line", e.pick("credentials.json", "gcp.json"), _key_json(e))
    hide("service account key, odd name", e.pick("dags/data/loader.dat", "conf/k", "include/gcp.key"), _key_json(e, 2))
    hide("PEM, RSA", e.pick("id_rsa", "keys/deploy.pem"), mark(new.pem_rsa().strip()) + "\n")
    hide("PEM, PKCS #8", e.pick("snowflake.p8", "certs/tls.key"), mark(new.pem().strip()) + "\n")
    hide("PEM, EC", "certs/ec.pem", mark(new.pem_ec().strip()) + "\n")
    hide("PEM, OpenSSH", e.pick("id_ed25519", "ssh/deploy_key"), mark(new.pem_openssh().strip()) + "\n")
    hide("PEM after a certificate", "certs/bundle.pem", new.certificate() + mark(new.pem().strip()) + "\n")
    hide("PEM, Windows line ends", "certs/win.pem", mark(new.pem().strip()).replace("\n", "\r\n") + "\r\n")
    hide("PKCS #12", e.pick("keys/legacy.p12", "certs/client.p12"), new.p12())
    hide("PKCS #12", "certs/client.pfx", new.p12())
    hide("service account key, base64", e.pick("key.b64", "keys/sa.json.b64"), mark(encoded(new.service_account_key())) + "\n")


def _yaml(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, text: str) -> None:
        e.hide("YAML", kind, {name: text})

    config = e.pick("config/prod.yaml", "conf.yml", "dags/configs/source.yaml")
    hide("password", config, f"source:\n  host: {e.host()}\n  user: {e.user()}\n  password: {mark(new.password())}\n")
    hide("password, quoted", config, f'source: {{host: h, user: u, db_password: "{mark(new.password())}"}}\n')
    hide("password, tagged", config, f"source:\n  password: !!str {mark(new.password())}\n")
    hide("PEM, block", config, f"signer:\n  key: |\n{indented(mark(new.pem_rsa().strip()), 4)}\n")
    hide("service account key, folded", config, f"gcp:\n  keyfile: >-\n    {_key_json(e)}\n")
    hide("second document", config, f"---\nstage: dev\n---\nstage: prod\napi_key: {mark(new.hex_key())}\n")
    hide("anchor", config, f"defaults: &d\n  client_secret: {mark(new.opaque())}\nprod:\n  <<: *d\n")
    hide("list of names and values", config, f"variables:\n  - key: WAREHOUSE_PASSWORD\n    value: {mark(new.password())}\n")
    hide("database URI", config, f"urls:\n  - https://api.internal\n  - {_uri(e, 'mysql')}\n")
    hide("dbt profile", e.pick("profiles.yml", "dbt/profiles.yml"), f"dw:\n  target: prod\n  outputs:\n    prod:\n      type: snowflake\n      account: xy12345\n      user: {e.user()}\n      password: {mark(new.password())}\n")
    key = new.service_account_info()
    hide(
        "dbt profile, keyfile_json",
        "dbt/profiles.yml",
        f"dw:\n  outputs:\n    prod:\n      type: bigquery\n      method: service-account-json\n      keyfile_json:\n        type: {OPEN}service_account\n        project_id: {key['project_id']}\n        private_key: {literal(key['private_key'])}\n        client_email: {key['client_email']}{CLOSE}\n",
    )
    hide("Cloud Build", "cloudbuild.yaml", f"steps:\n  - name: gcr.io/cloud-builders/gcloud\n    args: [run, deploy, loader]\n    env:\n      - 'API_TOKEN={mark(new.opaque())}'\n")
    hide("workflow", ".github/workflows/deploy.yml", f"on: push\njobs:\n  deploy:\n    runs-on: ubuntu-latest\n    env:\n      ASTRO_API_TOKEN: {mark(new.jwt())}\n    steps:\n      - run: astro deploy\n")
    hide("Ansible", "ansible/group_vars/all.yml", f"airflow_db_password: {mark(new.password())}\nairflow_version: 2.11.2\n")


def _dag_factory(e: Exam) -> None:
    new = e.new
    loader = "from pathlib import Path\n\nfrom airflow import DAG\nfrom dagfactory import load_yaml_dags\n\nload_yaml_dags(globals_dict=globals(), dags_folder=str(Path(__file__).parent))\n"

    def hide(kind: str, task: str) -> None:
        head = f"{e.dag_id()}:\n  default_args:\n    owner: data\n    start_date: 2026-01-01\n  schedule: '@daily'\n"
        name = e.pick("dags/load.yml", "dags/configs/orders.yaml", "dags/orders.yaml")
        e.hide("dag-factory", kind, {name: f"{head}{task}", "dags/loader.py": loader})

    tasks = "  tasks:\n    run:\n"
    hide("password", f"{tasks}      operator: airflow.operators.bash.BashOperator\n      bash_command: load.sh\n      env:\n        DB_PASSWORD: {mark(new.password())}\n")
    hide("curl -u", f'{tasks}      operator: airflow.operators.bash.BashOperator\n      bash_command: "curl -u {e.user()}:{mark(new.password())} https://api.internal"\n')
    hide("bearer header", f"{tasks}      operator: airflow.providers.http.operators.http.HttpOperator\n      endpoint: run\n      headers:\n        Authorization: {mark(new.bearer())}\n")
    hide(
        "Cloud Run overrides",
        f"{tasks}      operator: airflow.providers.google.cloud.operators.cloud_run.CloudRunExecuteJobOperator\n      project_id: p\n      region: r\n      job_name: j\n      overrides:\n        container_overrides:\n          - env:\n              - name: API_TOKEN\n                value: {mark(new.opaque())}\n",
    )
    hide("op_kwargs", f"{tasks}      operator: airflow.operators.python.PythonOperator\n      python_callable_name: main\n      op_kwargs:\n        client_secret: '{mark(new.opaque())}'\n")
    hide("list of tasks", f"  tasks:\n    - task_id: run\n      operator: airflow.operators.bash.BashOperator\n      bash_command: PGPASSWORD={mark(new.password())} psql -c 'select 1'\n")
    other = f"dags:\n  - id: {e.dag_id()}\n    tasks:\n      - id: run\n        operator: HttpOperator\n        params:\n          api_key: {mark(new.hex_key())}\n"
    e.hide("YAML pipelines", "API key, hexadecimal", {"pipelines/orders.yaml": other})
    e.hide("YAML pipelines", "service account key", {"dags/pipelines.yml": f"pipelines:\n  - name: orders\n    credentials: '{_key_json(e)}'\n"})


def _ini(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, text: str) -> None:
        e.hide("INI", kind, {name: text})

    hide("password", e.pick("config.ini", "conf/db.cfg"), f"[warehouse]\nhost = {e.host()}\nuser = {e.user()}\npassword = {mark(new.password())}\n")
    hide("API key", "settings.ini", f"[vendor]\nurl: https://api.internal\napi_key: {mark(new.hex_key())}\n")
    hide("AWS credentials file", e.pick(".aws/credentials", "aws/credentials"), f"[default]\naws_access_key_id = {mark(new.aws_id())}\naws_secret_access_key = {mark(new.aws_secret())}\n")
    hide("boto", e.pick(".boto", "boto.cfg"), f"[Credentials]\ngs_access_key_id = {mark(new.hmac_id())}\ngs_secret_access_key = {mark(new.hmac_secret())}\n")
    hide("odbc.ini", "odbc.ini", f"[dw]\nDriver = PostgreSQL\nServername = {e.host()}\nUID = {e.user()}\nPWD = {mark(new.password())}\n")
    hide("my.cnf", e.pick(".my.cnf", "my.cnf"), f"[client]\nuser={e.user()}\npassword={mark(new.password())}\n")
    hide("pypirc", ".pypirc", f"[pypi]\nusername = __token__\npassword = {mark(new.pypi())}\n")
    hide("pip.conf", "pip.conf", f"[global]\nindex-url = https://{e.user()}:{mark(new.text(18))}@pypi.internal/simple\n")
    hide("database URI", "alembic.ini", f"[alembic]\nscript_location = migrations\nsqlalchemy.url = {_uri(e)}\n")


def _toml(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, text: str) -> None:
        e.hide("TOML", kind, {name: text})

    hide("password", e.pick("config.toml", "settings.toml"), f'[warehouse]\nhost = "{e.host()}"\npassword = "{mark(new.password())}"\n')
    hide("inline table", "config/app.toml", f'vendor = {{ url = "https://api.internal", client_secret = "{mark(new.opaque())}" }}\n')
    hide("PEM", ".streamlit/secrets.toml", f"[gcp]\ntype = 'service_account'\nprivate_key = '''\n{mark(new.pem().strip())}\n'''\n")
    hide("service account key", "secrets.toml", "[gcp_service_account]\n" + "".join(f"{k} = {literal(v)}\n" for k, v in marked_info(e).items()))
    hide("index in pyproject", "pyproject.toml", f'[project]\nname = "dags"\n\n[[tool.uv.index]]\nname = "internal"\nurl = "https://{e.user()}:{mark(new.text(20))}@pypi.internal/simple"\n')
    hide("array", "pipelines.toml", f'[[env]]\nname = "STAGE"\nvalue = "prod"\n\n[[env]]\nname = "DB_PASSWORD"\nvalue = "{mark(new.password())}"\n')


def _shell(e: Exam) -> None:
    new = e.new

    def hide(kind: str, line: str) -> None:
        name = e.pick("scripts/deploy.sh", "entrypoint.sh", "bin/run.sh", "scripts/bootstrap")
        head = e.pick("#!/bin/bash\nset -euo pipefail\n\n", "#!/usr/bin/env bash\n\n", "#!/bin/sh\nset -e\n")
        e.hide("shell", kind, {name: f"{head}{line}\necho done\n"})

    hide("export", f'export DB_PASSWORD="{mark(new.password())}"')
    hide("assignment", f"API_TOKEN='{mark(new.opaque())}'\ncurl -H \"Authorization: Bearer $API_TOKEN\" https://api.internal")
    hide("default of a parameter", f'PGPASSWORD="${{PGPASSWORD:-{mark(new.password())}}}" psql -h {e.host()}')
    hide("curl -u", f"curl -s -u {e.user()}:{mark(new.password())} https://api.internal/run")
    hide("curl -H", f'curl \\\n  -X POST \\\n  -H "Authorization: {mark(new.bearer())}" \\\n  https://loader.a.run.app')
    hide("airflow connections add", f"airflow connections add dw --conn-type postgres --conn-host {e.host()} --conn-login {e.user()} --conn-password '{mark(new.password())}'")
    hide("airflow connections add, URI", f"airflow connections add dw --conn-uri '{_uri(e, 'postgres')}'")
    hide("airflow connections add, extra", f"airflow connections add gcp --conn-type google_cloud_platform --conn-extra '{{\"keyfile_dict\": {_key_json(e)}}}'")
    hide("airflow variables set", f"airflow variables set vendor_api_token {mark(new.opaque())}")
    hide("airflow users create", f"airflow users create --username admin --role Admin \\\n  --password {mark(new.password())} \\\n  --email a@b.internal --firstname a --lastname b")
    hide("kubectl", f"kubectl create secret generic dw --from-literal=password={mark(new.password())}")
    hide("gcloud", f"gcloud run jobs update loader --region europe-west1 --set-env-vars STAGE=prod,DB_PASSWORD={mark(new.text(16))}")
    hide("here document", f"cat > /tmp/key.json <<EOF\n{_key_json(e, 2)}\nEOF")
    hide("openssl", f"openssl enc -d -aes-256-cbc -in k.enc -out k.json -pass pass:{mark(new.password())}")
    hide("secret by a pipe", f"echo -n '{mark(new.password())}' | gcloud secrets create db-password --data-file=-")
    e.hide("Dockerfile", "environment", {"Dockerfile": f"FROM apache/airflow:2.11.2\nENV STAGE=prod \\\n    DB_PASSWORD={mark(new.password())}\n"})
    e.hide("Dockerfile", "GitHub token", {"Dockerfile": f"FROM apache/airflow:3.3.2\nARG TOKEN={mark(new.github_fine())}\nRUN pip install git+https://$TOKEN@github.com/data/lib.git\n"})
    e.hide("Makefile", "password", {"Makefile": f"export DB_PASSWORD := {mark(new.password())}\n\nrun:\n\tdocker compose up\n"})


def _terraform(e: Exam) -> None:
    new = e.new

    def hide(kind: str, name: str, text: str) -> None:
        e.hide("Terraform", kind, {name: text})

    hide("default", "variables.tf", f'variable "db_password" {{\n  type    = string\n  default = "{mark(new.password())}"\n}}\n')
    hide("tfvars", e.pick("terraform.tfvars", "prod.auto.tfvars"), f'region      = "europe-west1"\ndb_password = "{mark(new.password())}"\n')
    hide("Cloud Run environment", "main.tf", f'resource "google_cloud_run_v2_job" "loader" {{\n  template {{\n    template {{\n      containers {{\n        env {{\n          name  = "DB_PASSWORD"\n          value = "{mark(new.password())}"\n        }}\n      }}\n    }}\n  }}\n}}\n')
    hide("provider", "providers.tf", f'provider "aws" {{\n  access_key = "{mark(new.aws_id())}"\n  secret_key = "{mark(new.aws_secret())}"\n}}\n')
    hide("Secret Manager version", "secrets.tf", f'resource "google_secret_manager_secret_version" "dw" {{\n  secret      = google_secret_manager_secret.dw.id\n  secret_data = "{mark(new.opaque())}"\n}}\n')
    hide("Composer environment", "composer.tf", f'resource "google_composer_environment" "prod" {{\n  config {{\n    software_config {{\n      env_variables = {{\n        API_TOKEN = "{mark(new.opaque())}"\n      }}\n    }}\n  }}\n}}\n')
    hide("Composer settings", "composer.tf", f'resource "google_composer_environment" "prod" {{\n  config {{\n    software_config {{\n      airflow_config_overrides = {{\n        core-fernet_key = "{mark(new.fernet())}"\n      }}\n    }}\n  }}\n}}\n')
    hide("here document", "key.tf", f"locals {{\n  credentials = <<-EOT\n{indented(_key_json(e, 2), 4)}\n  EOT\n}}\n")
    hide("database user", "sql.tf", f'resource "google_sql_user" "etl" {{\n  name     = "{e.user()}"\n  instance = google_sql_database_instance.dw.name\n  password = "{mark(new.password())}"\n}}\n')
    hide("tfvars in JSON", "prod.tfvars.json", json.dumps({"region": "eu", "api_token": mark(new.opaque())}, indent=2, ensure_ascii=False))


def notebook(*cells: dict[str, object], indent: int | None = 1) -> str:
    """Return a notebook of `cells`."""
    held = {"cells": cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(held, indent=indent, ensure_ascii=False)


def code(source: str, *outputs: dict[str, object]) -> dict[str, object]:
    lines = source.splitlines(keepends=True)
    return {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": list(outputs), "source": lines}


def _notebooks(e: Exam) -> None:
    new = e.new

    def hide(kind: str, *cells: dict[str, object]) -> None:
        name = e.pick("notebooks/explore.ipynb", "analysis.ipynb", "dags/notebooks/report.ipynb")
        first: dict[str, object] = {"cell_type": "markdown", "metadata": {}, "source": ["# Orders\n"]}
        e.hide("notebook", kind, {name: notebook(first, *cells, indent=e.pick(1, 1, 2))})

    def stdout(*lines: str) -> dict[str, object]:
        return {"name": "stdout", "output_type": "stream", "text": [f"{line}\n" for line in lines]}

    hide("source, token", code(f'import os\ntoken = "{mark(new.github())}"\nprint(1)'))
    hide("source, password", code(f'conn = connect(host="{e.host()}", password="{mark(new.password())}")'))
    hide("source, two lines", code('token = (\n    "' + OPEN + (t := new.stripe())[:40] + '"\n    "' + t[40:] + CLOSE + '"\n)'))
    hide("source, magic", code(f"%env DB_PASSWORD={mark(new.password())}"))
    hide("source, shell", code(f"!curl -u {e.user()}:{mark(new.password())} https://api.internal"))
    hide("source, URI", code(f"%sql {_uri(e, 'postgresql')}"))
    hide("source, key file", code(f"info = {_key_json(e)}"))
    hide("output, stream", code("!env | sort", stdout("STAGE=prod", f"AWS_SECRET_ACCESS_KEY={mark(new.aws_secret())}")))
    hide("output, token", code("!gcloud auth print-access-token", stdout(mark(new.google_access_token()))))
    hide("output, result", code("headers", {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": {"text/plain": [f"{{'Authorization': '{mark(new.bearer())}'}}"]}}))
    hide("output, HTML", code("df.head()", {"output_type": "display_data", "metadata": {}, "data": {"text/html": [f"<table><tr><td>token</td><td>{mark(new.slack_bot())}</td></tr></table>"]}}))
    hide("output, traceback", code("engine.connect()", {"output_type": "error", "ename": "OperationalError", "evalue": "could not connect", "traceback": [f"\u001b[0;31mOperationalError\u001b[0m: {_uri(e, 'postgresql')} refused"]}))
    hide("Markdown", {"cell_type": "markdown", "metadata": {}, "source": ["Log in with:\n", f"password = {mark(new.password())}\n"]})


def _comments(e: Exam) -> None:
    new = e.new
    e.hide("comment, YAML", "password", {"config/prod.yaml": f"source:\n  # password: {mark(new.password())}\n  password_from: vault\n"})
    e.hide("comment, .env", "password", {".env": f"STAGE=prod\n#DB_PASSWORD={mark(new.password())}\n"})
    e.hide("comment, shell", "GitHub token", {"deploy.sh": f"#!/bin/bash\n# export GH={mark(new.github())}\necho done\n"})
    e.hide("comment, shell", "curl -u", {"deploy.sh": f"#!/bin/bash\n# curl -u {e.user()}:{mark(new.password())} https://api.internal\necho done\n"})
    e.hide("comment, INI", "password", {"airflow.cfg": f"[smtp]\nsmtp_host = mail.internal\n# smtp_password = {mark(new.password())}\n"})
    e.hide("comment, Terraform", "password", {"prod.tfvars": f'region = "eu"\n# db_password = "{mark(new.password())}"\n'})
    e.hide("comment, TOML", "opaque token", {"settings.toml": f'[vendor]\n# api_token = "{mark(new.opaque())}"\n'})
    e.hide("comment, Python", "service account key", {e.dag_file(): dag(e, 'BashOperator(task_id="run", bash_command="true")', "# KEY = " + _key_json(e) + "\n", BASH)})
    e.hide("comment, Python", "curl -u", {e.dag_file(): dag(e, f'# BashOperator(task_id="old", bash_command="curl -u {e.user()}:{mark(new.password())} https://api.internal")\nBashOperator(task_id="run", bash_command="true")', "", BASH)})
    lines = new.pem_rsa().strip().splitlines()
    lines[0], lines[-1] = OPEN + lines[0], lines[-1] + CLOSE
    block = "".join(f"# {line}\n" for line in lines)
    e.hide("comment, Python", "PEM, RSA", {e.dag_file(): dag(e, 'BashOperator(task_id="run", bash_command="true")', block, BASH)})
    e.hide("comment, Python", "keyword", {e.dag_file(): dag(e, f'BashOperator(\n    task_id="run",\n    bash_command="true",\n    # env={{"DB_PASSWORD": "{mark(new.password())}"}},\n)', "", BASH)})


def _archives(e: Exam) -> None:
    """Add archives; in one member is a credential."""
    new = e.new

    def hide(kind: str, member: str, files: dict[str, str]) -> None:
        name = e.pick("dags/packed.zip", "bundle.zip", "dags/loader.zip")
        e.hide_in_archive("zip", kind, name, files, member)

    task = f'BashOperator(task_id="run", bash_command="load.sh", env={{"DB_PASSWORD": "{mark(new.password())}"}})'
    hide("password in a DAG", "load.py", {"load.py": dag(e, task, "", BASH)})
    task = f'BashOperator(task_id="run", bash_command="load.sh", env={{"GH": "{mark(new.github())}"}})'
    hide("token in a DAG", "load.py", {"load.py": dag(e, task, "", BASH)})
    task = 'BashOperator(task_id="run", bash_command="load.sh", env={"API_TOKEN": TOKEN})'
    hide("imported constant", "shared/settings.py", {"load.py": dag(e, task, "from shared.settings import TOKEN\n", BASH), "shared/__init__.py": "", "shared/settings.py": f'TOKEN = "{mark(new.opaque())}"\n'})
    plain = dag(e, 'BashOperator(task_id="run", bash_command="true")', "", BASH)
    hide("key file", "keys/sa.json", {"load.py": plain, "keys/sa.json": _key_json(e, 2)})
    hide("YAML", "config.yaml", {"load.py": plain, "config.yaml": f"db:\n  password: {mark(new.password())}\n"})


def _backends(e: Exam) -> None:
    new = e.new
    kwargs = "AIRFLOW__SECRETS__BACKEND_KWARGS"
    vault = f'{{"url": "https://vault.internal", "token": "{mark(new.vault())}", "mount_point": "airflow"}}'
    approle = f'{{"url": "https://vault.internal", "auth_type": "approle", "role_id": "{new.uuid()}", "secret_id": "{mark(new.uuid())}"}}'
    e.hide("backend_kwargs", "Vault token", {".env": f"{kwargs}='{vault}'\n"})
    e.hide("backend_kwargs", "Vault secret_id", {".env.prod": f"{kwargs}={approle}\n"})
    again = f'{{"url": "https://vault.internal", "token": "{mark(new.vault())}"}}'
    e.hide("backend_kwargs", "Vault token", {"airflow.cfg": f"[secrets]\nbackend = airflow.providers.hashicorp.secrets.vault.VaultBackend\nbackend_kwargs = {again}\n"})
    aws = f'{{"connections_prefix": "airflow/connections", "aws_access_key_id": "{mark(new.aws_id())}", "aws_secret_access_key": "{mark(new.aws_secret())}"}}'
    e.hide("backend_kwargs", "AWS secret key", {"values.yaml": f"config:\n  secrets:\n    backend: airflow.providers.amazon.aws.secrets.secrets_manager.SecretsManagerBackend\n    backend_kwargs: '{aws}'\n"})
    e.hide("backend_kwargs", "service account key", {"docker-compose.yml": f'services:\n  scheduler:\n    image: apache/airflow:2.11.2\n    environment:\n      {kwargs}: \'{{"project_id": "p", "gcp_keyfile_dict": {_key_json(e)}}}\'\n'})
    azure = f'{{"vault_url": "https://v.vault.azure.net", "tenant_id": "{new.uuid()}", "client_id": "{new.uuid()}", "client_secret": "{mark(new.text(3) + "8Q~" + new.text(34))}"}}'
    e.hide("backend_kwargs", "Azure client secret", {"composer.tf": f"locals {{\n  kwargs = <<EOT\n{azure}\nEOT\n}}\n"})


def _beside(e: Exam) -> None:
    """Add what stands beside DAGs in many repositories."""
    new = e.new
    e.hide("SQL file", "password", {"dags/sql/grant.sql": f"CREATE USER {e.user()} WITH PASSWORD '{mark(new.password())}';\n"})
    e.hide("SQL file", "AWS secret key", {"dags/sql/copy.sql": f"COPY INTO orders FROM 's3://lake/' CREDENTIALS=(AWS_KEY_ID='{mark(new.aws_id())}' AWS_SECRET_KEY='{mark(new.aws_secret())}');\n"})
    e.hide("properties", "password", {"spark/job.properties": f"jdbc.user={e.user()}\njdbc.password={mark(new.password())}\n"})
    e.hide("XML", "AWS secret key", {"conf/core-site.xml": f"<configuration>\n  <property>\n    <name>fs.s3a.secret.key</name>\n    <value>{mark(new.aws_secret())}</value>\n  </property>\n</configuration>\n"})
    e.hide("Markdown", "GitHub token", {"README.md": f"# Orders\n\nDeploy with `GH={mark(new.github())} make deploy`.\n"})
    e.hide("text", "password", {"notes.txt": f"warehouse login\nuser: {e.user()}\npassword: {mark(new.password())}\n"})
    e.hide("netrc", "password", {".netrc": f"machine api.internal\nlogin {e.user()}\npassword {mark(new.password())}\n"})
    e.hide("pgpass", "password", {".pgpass": f"{e.host()}:5432:dw:{e.user()}:{mark(new.password())}\n"})
    e.hide("npmrc", "npm token", {".npmrc": f"//registry.internal/:_authToken={mark(new.npm())}\n"})
    e.hide("requirements", "password", {"requirements.txt": f"--extra-index-url https://{e.user()}:{mark(new.text(20))}@pypi.internal/simple\napache-airflow==2.11.2\n"})
    e.hide("git settings", "GitHub token", {".gitmodules": f'[submodule "lib"]\n\tpath = lib\n\turl = https://x-access-token:{mark(new.github())}@github.com/data/lib.git\n'})
    curled = base64.b64encode(clean(_key_json(e)).encode()).decode()
    wrapped = "\n".join(curled[at : at + 76] for at in range(0, len(curled), 76))
    e.hide("base64 of several lines", "service account key", {"deploy.yaml": f"key: |\n{indented(mark(wrapped), 2)}\n"})
