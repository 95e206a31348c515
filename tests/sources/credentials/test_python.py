"""Credentials in Python: every shape and way to write it, and what only looks like one."""

import ast
import base64
import gzip
import json
import random
import string
import zlib
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from dagwarden.facts import SecretKind
from dagwarden.sources.credentials.python import found_in_python

RANDOM = random.Random(5)
HEX = "0123456789abcdef"
PLAIN = NoEncryption()
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def drawn(length: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(RANDOM.choice(signs) for _ in range(length))


def token(
    prefix: str, length: int, signs: str = string.ascii_letters + string.digits
) -> str:
    return prefix + drawn(length, signs)


def pem(
    key: Key,
    form: PrivateFormat = PrivateFormat.PKCS8,
    encryption: KeySerializationEncryption = PLAIN,
) -> str:
    return key.private_bytes(Encoding.PEM, form, encryption).decode()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def jwt(header: dict[str, object], claims: dict[str, object]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims))
    encoded = (base64.urlsafe_b64encode(p).decode().rstrip("=") for p in parts)
    return f"{'.'.join(encoded)}.{drawn(43)}"


RSA = rsa.generate_private_key(65537, 2048)
PKCS8 = pem(RSA)
PKCS1 = pem(RSA, PrivateFormat.TraditionalOpenSSL)
EC_KEY = pem(ec.generate_private_key(ec.SECP256R1()), PrivateFormat.TraditionalOpenSSL)
ED25519 = pem(ed25519.Ed25519PrivateKey.generate())
OPENSSH = pem(ed25519.Ed25519PrivateKey.generate(), PrivateFormat.OpenSSH)
ENCRYPTED = pem(RSA, encryption=BestAvailableEncryption(b"x"))
PUBLIC = (
    RSA.public_key()
    .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    .decode()
)
DER = base64.b64encode(
    RSA.private_bytes(Encoding.DER, PrivateFormat.PKCS8, PLAIN)
).decode()
PUBLIC_DER = base64.b64encode(
    RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
KEY_FILE: dict[str, str] = {
    "type": "service_account",
    "project_id": "shop",
    "private_key_id": drawn(40, HEX),
    "private_key": PKCS8,
    "client_email": "etl@shop.iam.gserviceaccount.com",
    "client_id": drawn(21, string.digits),
}
PASSWORD = f"{drawn(6)}!{drawn(6)}"

# What it is called here, the code, what is found, and where.
# PW and DRAWN stand for what is drawn.
TYPICAL: list[tuple[str, str, SecretKind, str]] = [
    # what a field, an option or a parameter is at first
    ("Field", "class A(B):\n  password: str = Field('PW', env='X')", "password", "password"),
    ("Param", "D(params={'password': Param('PW', type='string')})", "password", "password"),
    ("field", "class A:\n  password: str = field(default='PW')", "password", "password"),
    ("field, made", "class A:\n  password: str = field(default_factory=lambda: 'PW')", "password", "password"),
    ("attrs", "class A:\n  api_key = attr.ib(default='DRAWN')", "api_key", "api_key"),
    ("looked up", "db_password = Variable.get('x', default_var='PW')", "password", "db_password"),
    # keys and pairs
    ("a key by its name", "K = 'password'\nc[K] = 'PW'", "password", "password"),
    ("zip", "c = dict(zip(['user', 'password'], ['u', 'PW']))", "password", "c.password"),
    ("a pair by its name", "A = ('u', 'PW')\nget(url, auth=A)", "password", "password"),
    ("by stage", "DB_PASSWORD = {'prod': 'PW', 'dev': ''}", "password", "DB_PASSWORD of prod"),
    ("added", "passwords.append('PW')", "password", "passwords"),
    ("several", "VALID_TOKENS = {'DRAWN'}", "bearer_token", "VALID_TOKENS"),
    # texts that are made of others
    ("Template", "u = Template('pg://u:$p@h/d').substitute(p='PW')", "password", "u"),
    ("format_map", "u = 'pg://u:{p}@h/d'.format_map({'p': 'PW'})", "password", "u"),
    # by position
    ("Redis", "Redis('h', 6379, 0, 'PW')", "password", "password"),
    ("pymssql", "pymssql.connect('h', 'u', 'PW', 'd')", "password", "password"),
    ("jaydebeapi", "jaydebeapi.connect('c', 'jdbc:x', ['u', 'PW'], 'j')", "password", "password"),
    ("bind", "l.simple_bind_s('cn=a', 'PW')", "password", "password"),
    ("ldap3", "ldap3.Connection(s, 'cn=a', 'PW')", "password", "password"),
    ("OAuth 1", "OAuth1('a', 'DRAWN', 'b')", "client_secret", "client_secret"),
    ("partial", "def f(user, password): ...\npartial(f, 'u', 'PW')", "password", "password"),
    ("AppRole", "login(role_id='a', secret_id='DRAWN')", "secret_value", "approle_secret"),
    ("AES", "AES.new(b'DRAWN', AES.MODE_ECB)", "secret_value", "cipher_key"),
    ("JWT, by name", "jwt.encode({}, key='DRAWN', algorithm='HS256')", "secret_value", "signing_key"),
    ("setter", "z.setpassword(b'PW')", "password", "setpassword"),
    ("header", "r.add_header('X-Api-Key', 'DRAWN')", "api_key", "X-Api-Key"),
    ("headers of others", "h = {'Authorization': 'GenieKey DRAWN'}", "bearer_token", "Authorization"),
    ("user and password in one", "make_headers(basic_auth='u:PW')", "password", "basic_auth"),
    # who is known by a cookie
    ("cookie", "h = {'Cookie': 'lang=en; session=DRAWN'}", "bearer_token", "Cookie"),
    ("cookies", "get(u, cookies={'sid': 'DRAWN'})", "bearer_token", "sid cookie"),
    ("cookies, set", "s.cookies.set('session', 'DRAWN')", "bearer_token", "session cookie"),
    # what people write
    ("said", "print('the password of etl is PW')", "password", "the_password"),
    ("names of others", "PassWord = 'PW'", "password", "PassWord"),
    ("names of others, French", "mot_de_passe = 'PW'", "password", "mot_de_passe"),
    ("a vendor's", "PAGERDUTY_KEY = 'DRAWN'", "api_key", "PAGERDUTY_KEY"),
    ("of a login", "wandb.login(key='DRAWN')", "api_key", "api_key"),
    ("Minio", "Minio('h', 'a', 'DRAWN')", "secret_value", "secret_key"),
    ("chosen", "x = DB_PASSWORD = {'prod': 'PW', 'dev': ''}[stage]", "password", "DB_PASSWORD of prod"),
    ("got", "PASSWORD = {'prod': 'PW'}.get(stage)", "password", "PASSWORD of prod"),
    ("a key of two", "conf_vars({('smtp', 'smtp_password'): 'PW'})", "password", "smtp_password"),
    ("inside of a function", "def f():\n  def g(user, password): ...\n  g('u', 'PW')", "password", "password"),
    ("a weak one", "connect(password='Password123')", "password", "password"),
]  # fmt: skip
WRITTEN: list[tuple[str, str, SecretKind, str]] = [
    (
        "gzip in base64",
        f"x={base64.b64encode(gzip.compress(json.dumps(KEY_FILE).encode(), mtime=0)).decode()!r}",
        "service_account_key",
        "x",
    ),
    (
        "zlib in base64",
        f"x={base64.b64encode(zlib.compress(json.dumps(KEY_FILE).encode())).decode()!r}",
        "service_account_key",
        "x",
    ),
    (
        "connect",
        f"pymysql.connect('db', 'etl', {PASSWORD!r}, 'crm')",
        "password",
        "password",
    ),
    (
        "connect to Oracle",
        f"oracledb.connect('etl', {PASSWORD!r}, 'db')",
        "password",
        "password",
    ),
    (
        "a connection by position",
        f"Connection('dw', 'mysql', None, 'h', 'etl', {PASSWORD!r})",
        "password",
        "password",
    ),
    (
        "arguments of a task",
        f"def f(user, password): pass\nT(python_callable=f, op_args=['etl', {PASSWORD!r}])",
        "password",
        "password",
    ),
    ("hmac", f"hmac.new({PASSWORD!r}.encode(), x)", "secret_value", "hmac_key"),
    ("URL.create", f"URL.create('mysql', 'etl', {PASSWORD!r})", "password", "password"),
    (
        "base32",
        f"A_TOKEN = base64.b32decode({base64.b32encode(PASSWORD.encode()).decode()!r})",
        "bearer_token",
        "A_TOKEN",
    ),
    (
        "base85",
        f"A_TOKEN = base64.b85decode({base64.b85encode(PASSWORD.encode()).decode()!r})",
        "bearer_token",
        "A_TOKEN",
    ),
    (
        "passwords by whose they are",
        f"PASSWORDS = {{'dev': {PASSWORD!r}, 'user': 'x'}}",
        "password",
        "PASSWORDS of dev",
    ),
    ("ftp", f"ftplib.FTP('h', 'u', {PASSWORD!r})", "password", "password"),
    ("smtp", f"smtp.login('a@x', {PASSWORD!r})", "password", "password"),
    ("auth", f"requests.get(u, auth=('u', {PASSWORD!r}))", "password", "password"),
    ("basic auth", f"HTTPBasicAuth('u', {PASSWORD!r})", "password", "password"),
    (
        "what a function comes to",
        f"def x():\n  y = {PASSWORD!r}\n  return {PASSWORD!r}\nA_PASSWORD = x()",
        "password",
        "A_PASSWORD",
    ),
    (
        "what a function returns",
        f"def part():\n  return {PASSWORD[:6]!r}\nX_PASSWORD = part() + {PASSWORD[6:]!r}",
        "password",
        "X_PASSWORD",
    ),
    (
        "rot13",
        f"A_PASSWORD = codecs.decode({PASSWORD!r}, 'rot13')",
        "password",
        "A_PASSWORD",
    ),
    (
        "characters",
        f"A_PASSWORD = ''.join(chr(c) for c in {[ord(c) for c in PASSWORD]})",
        "password",
        "A_PASSWORD",
    ),
    (
        "characters in a list",
        f"A_PASSWORD = ''.join([chr(c) for c in {tuple(map(ord, PASSWORD))}])",
        "password",
        "A_PASSWORD",
    ),
    ("sa dict", f"x = {KEY_FILE!r}", "service_account_key", "x"),
    ("sa json", f"x = {json.dumps(KEY_FILE)!r}", "service_account_key", "x"),
    ("sa b64", f"x={b64(json.dumps(KEY_FILE))!r}", "service_account_key", "x"),
    ("sa url", f"x={quote(json.dumps(KEY_FILE))!r}", "service_account_key", "x"),
    (
        "sa quote_plus",
        f"x={quote_plus(json.dumps(KEY_FILE))!r}",
        "service_account_key",
        "x",
    ),
    (
        "sa no type",
        f"x={ {k: v for k, v in KEY_FILE.items() if k != 'type'}!r}",
        "service_account_key",
        "x",
    ),
    ("pk only", f"x={ {'private_key': PKCS8}!r}", "private_key", "x.private_key"),
    (
        "conn uri keyfile",
        f"x={'google-cloud-platform://?extra__google_cloud_platform__keyfile_dict=' + quote_plus(json.dumps(KEY_FILE))!r}",
        "service_account_key",
        "x.extra__google_cloud_platform__keyfile_dict",
    ),
    (
        "conn uri extra",
        f"x={'google-cloud-platform://?__extra__=' + quote_plus(json.dumps({'keyfile_dict': json.dumps(KEY_FILE)}))!r}",
        "service_account_key",
        "x.__extra__.keyfile_dict",
    ),
    (
        "legacy",
        f"x={ {'extra__google_cloud_platform__keyfile_dict': json.dumps(KEY_FILE)}!r}",
        "service_account_key",
        "extra__google_cloud_platform__keyfile_dict",
    ),
    (
        "conn json",
        f"x={json.dumps({'conn_type': 'google_cloud_platform', 'extra': json.dumps({'extra__google_cloud_platform__keyfile_dict': json.dumps(KEY_FILE)})})!r}",
        "service_account_key",
        "x.extra.extra__google_cloud_platform__keyfile_dict",
    ),
    ("p8", f"x={PKCS8!r}", "private_key", "x"),
    ("p1", f"x={PKCS1!r}", "private_key", "x"),
    ("ec", f"x={EC_KEY!r}", "private_key", "x"),
    ("ed", f"x={ED25519!r}", "private_key", "x"),
    ("openssh", f"x={OPENSSH!r}", "private_key", "x"),
    ("enc", f"x={ENCRYPTED!r}", "private_key", "x"),
    ("pem triple", f'x="""{PKCS8}"""', "private_key", "x"),
    ("pem b64", f"x={b64(PKCS8)!r}", "private_key", "x"),
    ("pem escaped", "x=" + repr(PKCS8.replace("\n", "\\n")), "private_key", "x"),
    ("der", f"x={DER!r}", "private_key", "x"),
    (
        "der sf",
        f"c=dict(private_key_content={DER!r})",
        "private_key",
        "c.private_key_content",
    ),
    (
        "pem lines",
        'x = "\\n".join([' + ",".join(repr(line) for line in PKCS8.splitlines()) + "])",
        "private_key",
        "x",
    ),
    (
        "pem concat",
        "x = (" + " ".join(repr(line + "\n") for line in PKCS8.splitlines()) + ")",
        "private_key",
        "x",
    ),
    (
        "pem plus",
        "x = " + "+".join(repr(line + "\n") for line in PKCS8.splitlines()),
        "private_key",
        "x",
    ),
    ("aiza", f"x={token('AIza', 35)!r}", "api_key", "x"),
    ("gocspx", f"x={token('GOCSPX-', 28)!r}", "client_secret", "x"),
    ("ya29", f"x={token('ya29.', 120)!r}", "bearer_token", "x"),
    ("1//", f"x={token('1//0', 80)!r}", "authorized_user", "x"),
    (
        "hmac",
        f'x=dict(access_key="GOOG1{drawn(57, string.ascii_uppercase + string.digits)}", secret={drawn(40, string.ascii_letters + string.digits + "+/")!r})',
        "aws_secret_key",
        "x.secret",
    ),
    (
        "jwt",
        f"x={jwt({'alg': 'HS256', 'typ': 'JWT'}, {'sub': 'a', 'exp': 1})!r}",
        "bearer_token",
        "x",
    ),
    ("ghp", f"x={token('ghp_', 36)!r}", "bearer_token", "x"),
    ("pat", f"x={'github_pat_' + drawn(22) + '_' + drawn(59)!r}", "bearer_token", "x"),
    ("glpat", f"x={token('glpat-', 20)!r}", "bearer_token", "x"),
    (
        "slack",
        f"x={'xoxb-' + drawn(12, string.digits) + '-' + drawn(13, string.digits) + '-' + drawn(24)!r}",
        "bearer_token",
        "x",
    ),
    (
        "slackhook",
        f"x={'https://hooks.slack.com/services/T' + drawn(9, string.ascii_uppercase) + '/B' + drawn(9, string.ascii_uppercase) + '/' + drawn(24)!r}",
        "webhook_url",
        "x",
    ),
    (
        "aws",
        f'aws_access_key_id="AKIA{drawn(16, string.ascii_uppercase + "234567")}"\naws_secret_access_key={drawn(40, string.ascii_letters + string.digits + "/+")!r}',
        "aws_secret_key",
        "aws_secret_access_key",
    ),
    (
        "aws pair",
        f"x={ {'key': 'AKIA' + drawn(16, string.ascii_uppercase + '234567'), 'secret': drawn(40)}!r}",
        "aws_secret_key",
        "x.secret",
    ),
    (
        "aws login",
        f'Connection(conn_id="a",conn_type="aws",login="AKIA{drawn(16, string.ascii_uppercase)}",password={drawn(40)!r})',
        "aws_secret_key",
        "password",
    ),
    (
        "aws boto",
        f'boto3.Session("AKIA{drawn(16, string.ascii_uppercase)}", {drawn(40)!r})',
        "aws_secret_key",
        "",
    ),
    ("stripe", f"x={token('sk_live_', 24)!r}", "api_key", "x"),
    ("rk", f"x={token('rk_live_', 24)!r}", "api_key", "x"),
    ("sendgrid", f"x={'SG.' + drawn(22) + '.' + drawn(43)!r}", "api_key", "x"),
    ("twilio", f"auth_token={drawn(32, HEX)!r}", "bearer_token", "auth_token"),
    (
        "twilio client",
        f'Client("AC{drawn(32, HEX)}", {drawn(32, HEX)!r})',
        "bearer_token",
        "",
    ),
    ("npm", f"x={token('npm_', 36)!r}", "bearer_token", "x"),
    ("pypi", f"x={'pypi-AgEIcHlwaS5vcmc' + drawn(100)!r}", "bearer_token", "x"),
    (
        "azure",
        f"x={'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=' + base64.b64encode(RANDOM.randbytes(64)).decode() + ';EndpointSuffix=core.windows.net'!r}",
        "secret_value",
        "x.AccountKey",
    ),
    (
        "sas",
        f"x={'https://a.blob.core.windows.net/c?sv=2022-11-02&ss=b&srt=sco&sp=rl&se=2026-01-01T00:00:00Z&sig=' + quote(base64.b64encode(RANDOM.randbytes(32)).decode(), safe='')!r}",
        "bearer_token",
        "x",
    ),
    (
        "sas token",
        f"sas_token={'?sv=2022-11-02&se=2026&sig=' + quote(base64.b64encode(RANDOM.randbytes(32)).decode(), safe='')!r}",
        "bearer_token",
        "sas_token.sig",
    ),
    (
        "sbus",
        f"x={'Endpoint=sb://n.servicebus.windows.net/;SharedAccessKeyName=Root;SharedAccessKey=' + base64.b64encode(RANDOM.randbytes(32)).decode()!r}",
        "secret_value",
        "x.SharedAccessKey",
    ),
    ("dapi", f"x={token('dapi', 32, HEX)!r}", "bearer_token", "x"),
    ("snowflake uri", f'x="snowflake://etl:{drawn(12)}@acc/db"', "password", "x"),
    ("pg", f'x="postgresql+psycopg2://u:{drawn(12)}@h/db"', "password", "x"),
    ("mongo", f'x="mongodb+srv://u:{drawn(12)}@h/db"', "password", "x"),
    ("amqp", f'x="amqp://u:{drawn(12)}@h:5672/"', "password", "x"),
    (
        "jdbc",
        f'x="jdbc:postgresql://h/d?user=u&password={drawn(12)}"',
        "password",
        "x.password",
    ),
    (
        "mssql jdbc",
        f'x="jdbc:sqlserver://h:1433;databaseName=d;user=sa;password={PASSWORD}"',
        "password",
        "x.password",
    ),
    (
        "odbc",
        f'x="Driver={{ODBC}};Server=s;Uid=u;Pwd={PASSWORD};"',
        "password",
        "x.Pwd",
    ),
    (
        "dsn",
        f'x="host=h dbname=d user=u password={drawn(12)}"',
        "password",
        "x.password",
    ),
    (
        "oracle jdbc",
        f'x="jdbc:oracle:thin:scott/{drawn(10)}@h:1521/x"',
        "password",
        "x.jdbc",
    ),
    (
        "fernet",
        f"fernet_key={base64.urlsafe_b64encode(RANDOM.randbytes(32)).decode()!r}",
        "secret_value",
        "fernet_key",
    ),
    (
        "Fernet()",
        f"f=Fernet({base64.urlsafe_b64encode(RANDOM.randbytes(32)).decode()!r})",
        "secret_value",
        "fernet_key",
    ),
    (
        "Fernet(b)",
        f"f=Fernet({base64.urlsafe_b64encode(RANDOM.randbytes(32))!r})",
        "secret_value",
        "fernet_key",
    ),
    (
        "AIRFLOW fernet",
        f'os.environ["AIRFLOW__CORE__FERNET_KEY"]={base64.urlsafe_b64encode(RANDOM.randbytes(32)).decode()!r}',
        "secret_value",
        "AIRFLOW__CORE__FERNET_KEY",
    ),
    (
        "AIRFLOW secret",
        f"env={ {'AIRFLOW__WEBSERVER__SECRET_KEY': drawn(32)}!r}",
        "secret_value",
        "AIRFLOW__WEBSERVER__SECRET_KEY",
    ),
    (
        "AIRFLOW_CONN uri",
        f'os.environ["AIRFLOW_CONN_DB"]="postgres://u:{drawn(10)}@h/d"',
        "password",
        "AIRFLOW_CONN_DB",
    ),
    (
        "AIRFLOW_CONN json",
        f'os.environ["AIRFLOW_CONN_DB"]={json.dumps({"conn_type": "postgres", "login": "u", "password": drawn(10)})!r}',
        "password",
        "AIRFLOW_CONN_DB.password",
    ),
    (
        "bearer",
        f"h={ {'Authorization': 'Bearer ' + drawn(40)}!r}",
        "bearer_token",
        "Authorization",
    ),
    (
        "bearer f",
        f'T={drawn(40)!r}\nh={{"Authorization": f"Bearer {{T}}"}}',
        "bearer_token",
        "Authorization",
    ),
    (
        "basic",
        f"h={ {'Authorization': 'Basic ' + b64('u:' + PASSWORD)}!r}",
        "password",
        "Authorization",
    ),
    (
        "token hdr",
        f"h={ {'Authorization': 'Token ' + drawn(40, HEX)}!r}",
        "bearer_token",
        "Authorization",
    ),
    ("x-api-key", f"h={ {'X-API-Key': drawn(32)}!r}", "api_key", "X-API-Key"),
    ("x-goog", f"h={ {'x-goog-api-key': drawn(39)}!r}", "api_key", "x-goog-api-key"),
    (
        "ssws",
        f"h={ {'Authorization': 'SSWS 00' + drawn(40)}!r}",
        "bearer_token",
        "Authorization",
    ),
    (
        "overrides",
        f"o={ {'container_overrides': [{'env': [{'name': 'DB_PASSWORD', 'value': PASSWORD}]}]}!r}",
        "password",
        "DB_PASSWORD",
    ),
    (
        "k8s",
        f'e=[V1EnvVar(name="DB_PASSWORD",value={PASSWORD!r})]',
        "password",
        "DB_PASSWORD",
    ),
    (
        "k8s2",
        f'e=[k8s.V1EnvVar("API_TOKEN",{drawn(30)!r})]',
        "bearer_token",
        "API_TOKEN",
    ),
    ("kw", f"f(password={PASSWORD!r})", "password", "password"),
    ("kw pw", f"f(db_password={PASSWORD!r})", "password", "db_password"),
    ("kw secret", f"f(client_secret={drawn(30)!r})", "client_secret", "client_secret"),
    ("dict key", f"d={ {'api_key': drawn(32, HEX)}!r}", "api_key", "api_key"),
    ("getenv", f'p=os.getenv("DB_PASSWORD",{PASSWORD!r})', "password", "DB_PASSWORD"),
    (
        "environ.get",
        f'p=os.environ.get("DB_PASSWORD",{PASSWORD!r})',
        "password",
        "DB_PASSWORD",
    ),
    (
        "Variable.get",
        f'p=Variable.get("db_password",default_var={PASSWORD!r})',
        "password",
        "db_password",
    ),
    (
        "Variable.get3",
        f'p=Variable.get("api_token",default={drawn(32)!r})',
        "bearer_token",
        "api_token",
    ),
    (
        "Variable.set",
        f'Variable.set("db_password",{PASSWORD!r})',
        "password",
        "db_password",
    ),
    (
        "Variable.set kw",
        f'Variable.set(key="db_password",value={PASSWORD!r})',
        "password",
        "db_password",
    ),
    ("getenv or", f'password=os.getenv("X") or {PASSWORD!r}', "password", "password"),
    ("ifexp", f"password={PASSWORD!r} if dev else None", "password", "password"),
    (
        "Connection",
        f'Connection(conn_id="x",conn_type="postgres",login="u",password={PASSWORD!r})',
        "password",
        "password",
    ),
    (
        "Connection uri",
        f'Connection(uri="postgres://u:{drawn(10)}@h")',
        "password",
        "uri",
    ),
    (
        "Connection extra",
        f"Connection(extra={ {'token': drawn(36)}!r})",
        "bearer_token",
        "extra.token",
    ),
    (
        "conn extra json",
        f"Connection(extra={json.dumps({'aws_secret_access_key': drawn(40)})!r})",
        "aws_secret_key",
        "extra.aws_secret_access_key",
    ),
    ("curl -u", f'c="curl -u admin:{PASSWORD} https://x"', "password", "c"),
    (
        "curl -H",
        f"c=\"curl -H 'Authorization: Bearer {drawn(40)}' https://x\"",
        "bearer_token",
        "c",
    ),
    (
        "curl key",
        f"c=\"curl -H 'X-Api-Key: {drawn(32)}' https://x\"",
        "api_key",
        "c.X-Api-Key",
    ),
    ("curl --user", f'c="curl -s --user admin:{drawn(10)} https://x"', "password", "c"),
    ("pgp", f'c="PGPASSWORD={drawn(10)} psql -h x"', "password", "c.PGPASSWORD"),
    ("mysql -p", f'c="mysql -u root -p{drawn(10)} db"', "password", "c"),
    ("mysql --password", f'c="mysql --password={drawn(10)}"', "password", "c.password"),
    ("sshpass", f'c="sshpass -p {drawn(10)} ssh u@h"', "password", "c"),
    ("export", f'c="export API_TOKEN={drawn(30)}; run"', "bearer_token", "c.API_TOKEN"),
    ("docker", f'c="docker login -u x -p {drawn(20)} reg"', "password", "c"),
    ("redis", f'c="redis-cli -h x -a {drawn(12)} ping"', "password", "c"),
    ("flag", f'c="tool --api-key {drawn(32)} run"', "api_key", "c.api-key"),
    ("flag list", f'a=["--password", {PASSWORD!r}]', "password", "password"),
    ("flag list eq", f'a=["--token={drawn(30)}"]', "bearer_token", "a.token"),
    ("concat", f'k="AIza"+{drawn(35)!r}', "api_key", "k"),
    ("fstr", f'P="ghp_"\nk=f"{{P}}{drawn(36)}"', "bearer_token", "k"),
    ("join", f'k="".join(["glpat-",{drawn(10)!r},{drawn(10)!r}])', "bearer_token", "k"),
    ("percent", f'k="%s%s"%("xoxb-12345678901-",{drawn(24)!r})', "bearer_token", "k"),
    ("format", f'k="{{}}{{}}".format("sk_live_",{drawn(24)!r})', "api_key", "k"),
    ("implicit", f'k="AIza" {drawn(35)!r}', "api_key", "k"),
    (
        "b64 call",
        f"k=base64.b64decode({b64('password=' + PASSWORD)!r}).decode()",
        "password",
        "k.password",
    ),
    (
        "b64 named",
        f"password=base64.b64decode({b64(PASSWORD)!r})",
        "password",
        "password",
    ),
    ("reverse", f"k={('ghp_' + drawn(36))[::-1]!r}[::-1]", "bearer_token", "k"),
    (
        "hex",
        f"password=bytes.fromhex({PASSWORD.encode().hex()!r}).decode()",
        "password",
        "password",
    ),
    ("aug", f'k="ghp_"\nk+={drawn(36)!r}', "bearer_token", "k"),
    ("const dict", f'C={ {"pw": PASSWORD}!r}\nf(password=C["pw"])', "password", "pw"),
    ("class const", f"class C:\n  PW={PASSWORD!r}\nf(password=C.PW)", "password", "PW"),
    (
        "uri f",
        f'PW={PASSWORD!r}\nx=f"postgresql://u:{{PASSWORD}}@h/db"',
        "password",
        "PW",
    ),
    ("uri f 2", f'A={drawn(12)!r}\nx="postgresql://u:%s@h/db"%A', "password", "x"),
    ("local", f"def f():\n  password={PASSWORD!r}\n  return 1", "password", "password"),
    ("default arg", f"def f(password={PASSWORD!r}): pass", "password", "password"),
    (
        "return",
        f"def get_password():\n  return {PASSWORD!r}",
        "password",
        "get_password",
    ),
    ("compare", f"if password=={PASSWORD!r}: pass", "password", "password"),
    (
        "self",
        f"class A:\n  def __init__(self):\n    self.token={drawn(40)!r}",
        "bearer_token",
        "token",
    ),
    (
        "self later",
        f"class A:\n  def __init__(self):\n    self.x={PASSWORD!r}\n  def g(self):\n    connect(password=self.x)",
        "password",
        "password",
    ),
    (
        "positional",
        f'def conn(host, password): pass\nconn("h",{PASSWORD!r})',
        "password",
        "password",
    ),
    ("auth tuple", f'requests.get(u, auth=("u",{PASSWORD!r}))', "password", "password"),
    ("HTTPBasicAuth", f'HTTPBasicAuth("u",{PASSWORD!r})', "password", "password"),
    ("smtp", f's.login("u",{PASSWORD!r})', "password", "password"),
    ("tuple assign", f'user,password="u",{PASSWORD!r}', "password", "password"),
    ("walrus", f"if (password:={PASSWORD!r}): pass", "password", "password"),
    ("set_item", f'c["db"]["password"]={PASSWORD!r}', "password", "password"),
    (
        "update",
        f"os.environ.update(DB_PASSWORD={PASSWORD!r})",
        "password",
        "DB_PASSWORD",
    ),
    ("set-cookie", f"api_key: str = {drawn(32)!r}", "api_key", "api_key"),
    ("lambda", f"f=lambda password={PASSWORD!r}: 1", "password", "password"),
    ("docstr", f'"""token = {"ghp_" + drawn(36)}"""', "bearer_token", "token"),
    (
        "add_argument",
        f'p.add_argument("--password",default={PASSWORD!r})',
        "password",
        "--password",
    ),
    (
        "nested json",
        f"x={json.dumps({'a': json.dumps({'b': json.dumps({'password': PASSWORD})})})!r}",
        "password",
        "x.a.b.password",
    ),
    ("query", f'u="https://x/y?api_key={drawn(32)}"', "api_key", "u.api_key"),
    (
        "webhook teams",
        f'x="https://acme.webhook.office.com/webhookb2/{drawn(36, HEX)}@{drawn(36, HEX)}/IncomingWebhook/{drawn(32, HEX)}/{drawn(36, HEX)}"',
        "webhook_url",
        "x",
    ),
    (
        "yaml in str",
        f'x="""\ndb:\n  password: {drawn(12)}\n"""',
        "password",
        "x.password",
    ),
    ("bytes", f"token=b{drawn(40)!r}", "bearer_token", "token"),
    (
        "django",
        f'SECRET_KEY="django-insecure-{drawn(20)}#({drawn(20)}"',
        "secret_value",
        "SECRET_KEY",
    ),
    ("secret wordish", f"SECRET_KEY={drawn(24)!r}", "secret_value", "SECRET_KEY"),
    ("hunter", 'password="hunter2"', "password", "password"),
    (
        "airflow cfg",
        f'conf.set("core","fernet_key",{base64.urlsafe_b64encode(RANDOM.randbytes(32)).decode()!r})',
        "secret_value",
        "fernet_key",
    ),
    (
        "pymysql",
        f'pymysql.connect(host="h",user="u",passwd={PASSWORD!r})',
        "password",
        "passwd",
    ),
    (
        "azure sp",
        f'ClientSecretCredential("t","c",{drawn(34)!r})',
        "client_secret",
        "client_secret",
    ),
    ("set op", f"x=set_password({PASSWORD!r})", "password", "set_password"),
    (
        "gpg",
        'x="""-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n'
        + drawn(64)
        + "\n"
        + drawn(64)
        + '\n-----END PGP PRIVATE KEY BLOCK-----"""',
        "private_key",
        "x",
    ),
    (
        "proxy",
        f"proxies={ {'https': 'http://u:' + drawn(10) + '@proxy:8080'}!r}",
        "password",
        "https",
    ),
    (
        "git url",
        f'x="https://oauth2:{drawn(20)}@gitlab.example.com/a.git"',
        "password",
        "x",
    ),
    (
        "backend kwargs",
        f"env={ {'AIRFLOW__SECRETS__BACKEND_KWARGS': json.dumps({'token': drawn(30), 'url': 'http://vault'})}!r}",
        "bearer_token",
        "AIRFLOW__SECRETS__BACKEND_KWARGS.token",
    ),
    (
        "uuid key",
        'api_key="9b2d7c5e-2f41-4a8e-9d0a-3f5f0a1c7d11"',
        "api_key",
        "api_key",
    ),
    (
        "env secret arg",
        'c="gcloud run deploy x --set-env-vars=DB_PASSWORD=' + drawn(10) + ',A=b"',
        "password",
        "c.DB_PASSWORD",
    ),
    (
        "env secret arg2",
        'c="docker run -e DB_PASSWORD=' + drawn(10) + ' img"',
        "password",
        "c.DB_PASSWORD",
    ),
    *(
        (called, code.replace("PW", PASSWORD).replace("DRAWN", drawn(32, HEX)), kind, place)
        for called, code, kind, place in TYPICAL
    ),
    ("backwards", f"x = ''.join(reversed({('ghp_' + drawn(36))[::-1]!r}))", "bearer_token", ""),
    ("cut", f"x = ''.join('ghp_{drawn(20)} {drawn(16)}'.split())", "bearer_token", "x"),
    ("numbers", f"x = bytes({list(f'ghp_{drawn(36)}'.encode())}).decode()", "bearer_token", "x"),
    ("characters, by map", f"x = ''.join(map(chr, {list(f'ghp_{drawn(36)}'.encode())}))", "bearer_token", "x"),
    ("hexadecimal", f"x = {f'ghp_{drawn(36)}'.encode().hex()!r}", "bearer_token", "x"),
]  # fmt: skip


HARMLESS: list[tuple[str, str]] = [
    ("placeholder", 'password="changeme"'),
    ("angle", 'password="<password>"'),
    ("your", 'api_key="your-api-key-here"'),
    ("xxx", 'token="xxxxxxxx"'),
    ("jinja", 'password="{{ var.value.pw }}"'),
    ("conn", 'password="{{ conn.db.password }}"'),
    ("env", 'password=os.environ["PW"]'),
    ("getenv", 'password=os.getenv("PW","")'),
    ("var", 'Variable.get("db_password")'),
    ("sm", 'password="projects/x/secrets/y/versions/1"'),
    ("sm2", 'password="sm://x/y"'),
    ("vault", 'password="vault:secret/x#y"'),
    ("arn", 'password="arn:aws:secretsmanager:eu:1:secret:x"'),
    (
        "secretref",
        'e={"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"name":"db","key":"password"}}}',
    ),
    ("secret name", 'f(secret_name="db-password")'),
    (
        "k8s Secret",
        'Secret(deploy_type="env",deploy_target="DB_PASSWORD",secret="airflow-secrets",key="db_password")',
    ),
    ("field", 'f(password_field="pw")'),
    ("sha", f'digest="{drawn(64, HEX)}"'),
    ("git sha", f'rev="{drawn(40, HEX)}"'),
    ("uuid", 'id="9b2d7c5e-2f41-4a8e-9d0a-3f5f0a1c7d11"'),
    ("image", f'image="gcr.io/x@sha256:{drawn(64, HEX)}"'),
    ("pub", f"x={PUBLIC!r}"),
    ("pubder", f"x={PUBLIC_DER!r}"),
    (
        "aws example",
        'aws_access_key_id="AKIAIOSFODNN7EXAMPLE"\naws_secret_access_key="wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
    ),
    (
        "jwtio",
        'x="eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"',
    ),
    ("jwt none", f"x={jwt({'alg': 'none'}, {'sub': 'a'})!r}"),
    ("stripe doc", 'x="sk_test_4eC39HqLyjWDarjtT1zdp7dc"'),
    (
        "ext account",
        'x={"type":"external_account","audience":"//iam.googleapis.com/x","subject_token_type":"urn:ietf:params:oauth:token-type:jwt","token_url":"https://sts.googleapis.com/v1/token","credential_source":{"file":"/var/run/token"}}',
    ),
    (
        "sa fake",
        "x="
        + repr(
            {
                **KEY_FILE,
                "private_key": "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----\n",
            }
        ),
    ),
    ("path", 'x={"key_path":"/etc/key.json"}'),
    ("url", 'token_url="https://x/token"'),
    ("page", 'next_page_token="abcdefgh1234"'),
    ("uri tmpl", 'x="postgres://u:{{ var.value.pw }}@h"'),
    ("uri env", "x=f\"postgres://u:{os.environ['PW']}@h\""),
    ("uri ph", 'x="postgres://user:password@host/db"'),
    ("format ph", 'x="postgres://{}:{}@h".format(a,b)'),
    ("percent ph", 'x="postgres://%s:%s@h" % (a,b)'),
    ("bearer f", 'h={"Authorization": f"Bearer {token}"}'),
    ("bearer tmpl", 'h={"Authorization":"Bearer {{ ti.xcom_pull() }}"}'),
    ("name const", 'PASSWORD_KEY="db_password"'),
    ("env name", 'f(password_env="DB_PASSWORD")'),
    ("token name", 'API_TOKEN="API_TOKEN"'),
    ("bcrypt", 'password="$2b$12$abcdefghijklmnopqrstuv"'),
    ("fernet ct", 'password="gAAAAABl' + drawn(60) + '"'),
    ("hash", f'password_hash="{drawn(64, HEX)}"'),
    ("gcs", 'x="gs://bucket/secret/key.json"'),
    ("sched", 'schedule="0 0 * * *"'),
    ("sql", 'sql="select token, password from users where id = 1"'),
    ("sql2", 'sql="ALTER USER x IDENTIFIED BY :password"'),
    ("doc", '"""Set password to the value of the secret. token: the API token"""'),
    (
        "doc2",
        '"""\n:param password: Optional password\n:param token: Jira token used\n"""',
    ),
    ("curl var", 'c="curl -u $USER:$PASS https://x"'),
    ("curl var2", 'c="curl -H \\"Authorization: Bearer $TOKEN\\" https://x"'),
    (
        "gcloud tok",
        'c="curl -H \\"Authorization: Bearer $(gcloud auth print-identity-token)\\" https://x"',
    ),
    ("mysql -p", 'c="mysql -u root -p db"'),
    ("docker p", 'c="docker run -p 8080:80 img"'),
    ("mkdir", 'c="mkdir -p /tmp/x && tar -xzf a.tgz"'),
    ("ssh", 'c="ssh -p 2222 u@h"'),
    ("k get", 'x=d["password"]'),
    ("arg", "f(password=password)"),
    ("self", "f(password=self.password)"),
    ("type", 'password: str = ""'),
    ("empty", 'password=""'),
    ("none", "password=None"),
    ("bool", "use_password=True"),
    (
        "cert",
        'x="-----BEGIN CERTIFICATE-----\\nMIID'
        + drawn(60)
        + '\\n-----END CERTIFICATE-----"',
    ),
    ("project id", 'project_id="my-project-123456"'),
    (
        "akia only",
        f'aws_access_key_id="AKIA{drawn(16, string.ascii_uppercase + "234567")}"',
    ),
    ("masked", 'password="********"'),
    ("mask", 'h={"Authorization":"***"}'),
    ("enc", 'password="ENC[AES256_GCM,data:x]"'),
    ("cookie", 'COOKIE_NAME_TOKEN="_token"'),
    ("client id", 'client_id="1234-abc.apps.googleusercontent.com"'),
    ("sops", 'x="ENC[AES256_GCM,data:' + drawn(30) + ',type:str]"'),
    ("csp", 'h={"Content-Security-Policy":"default-src self"}'),
    ("xcom key", 'ti.xcom_pull(key="token", task_ids="login")'),
    ("xcom push", 'ti.xcom_push(key="access_token", value=token)'),
    ("secret ids", 'secret_id="db-password"'),
    ("lookup", 'hook.get_connection("db").password'),
    ("dollar", 'password="${DB_PASSWORD}"'),
    ("dollar2", 'x="postgres://u:${DB_PASSWORD}@h"'),
    ("anon", 'x="https://anonymous:@h"'),
    ("email", 'email="a:b@example.com"'),
    ("oauth scope", 'scope="https://www.googleapis.com/auth/cloud-platform"'),
    ("tok type", 'subject_token_type="urn:ietf:params:oauth:token-type:jwt"'),
    ("aiza doc", 'key="AIzaSyABCDEFGHIJKLMNOPQRSTUVWXYZ1234567"'),
    ("ghp xxx", 't="ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"'),
    (
        "hook ph",
        'x="https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX"',
    ),
    ("entropy", f'x="{base64.b64encode(RANDOM.randbytes(48)).decode()}"'),
    ("nonce", f'etag="{drawn(32)}"'),
    ("version secret", 'secret_version="latest"'),
    ("test", 'assert login("user", "password")'),
    ("gett", 'd.get("token", None)'),
    ("sub", 're.sub("password", "***", x)'),
    ("splits", 'x.split("token=")'),
    ("print", 'print("password:", x)'),
    ("log", 'log.info("token: %s", t)'),
    ("err", 'raise ValueError("password must be set: use --password")'),
    (
        "help",
        'p.add_argument("--password", help="The database password", default=None)',
    ),
    ("choices", 'p.add_argument("--token", metavar="TOKEN")'),
    ("ws", 'api_key="api_key"'),
    ("name pair", 'e={"name":"DB_PASSWORD","value":"{{ var.value.x }}"}'),
    ("name pair2", 'e={"name":"SECRET_NAME","value":"db-password"}'),
    ("tokenizer", 'tokenizer="bert-base-uncased"'),
    ("max", 'max_tokens="4096"'),
    ("pk", 'primary_key="order_id"'),
    ("sort", 'sort_key="created_at"'),
    ("key", 'key="data/2024/file.csv"'),
    ("fk", 'foreign_key="users.id"'),
    ("encrypted", 'encrypted_password="AQICAHh' + drawn(80) + '"'),
    ("cmek", 'kms_key="projects/p/locations/l/keyRings/r/cryptoKeys/k"'),
    ("kmsenc", 'encryption_key="projects/p/locations/l/keyRings/r/cryptoKeys/k"'),
    ("config ref", 'x={"password":{"secret":"db"}}'),
    ("secrets list", 'secrets=["db-password","api-token"]'),
    (
        "k8s env_from",
        'env_from=[V1EnvFromSource(secret_ref=V1SecretEnvSource(name="db-secrets"))]',
    ),
    ("set secrets", 'c="gcloud run deploy x --set-secrets=DB_PASSWORD=db-pass:latest"'),
    (
        "update secrets",
        'c="gcloud run jobs update j --update-secrets=DB_PASSWORD=db-password:1"',
    ),
    ("airflow var tmpl", "x=\"{{ var.value.get('token') }}\""),
    ("login role", 'login="airflow"'),
    (
        "a function of nothing known",
        "def part(): return x()\nA_PASSWORD = part() + 'Xq7vT9m'",
    ),
    (
        "a function with parameters",
        "def part(a): return 'Xq7!' + a\nA_PASSWORD = part() + 'T9m'",
    ),
    (
        "characters of others",
        "A_PASSWORD = ''.join(chr(c + k) for c in [81, 100, 116, 69])",
    ),
    ("no characters", "A_PASSWORD = ''.join(chr(c) for c in [81, -1, 1114112, 'x'])"),
    (
        "bytes in base64",
        f"x={base64.b64encode(gzip.compress(RANDOM.randbytes(48), mtime=0)).decode()!r}",
    ),
    (
        "no gzip",
        f"x={base64.b64encode(b'x' + bytes([0x9C]) + RANDOM.randbytes(48)).decode()!r}",
    ),
    ("mask behind a colon", 'password=":****"'),
    ("compared with a word", 'user_pass == "git"'),
    ("prose", 'x="use the --password options instead of it"'),
    ("no base32", "A_TOKEN = base64.b32decode('Xq7vT9mKp2Lw0189')"),
    (
        "secrets by name",
        "SECRETS = {'dev': 'etl-db-main', 'rev': '9f8c2b7a4d1e6f3059ab'}",
    ),
    ("arguments of nobody", "T(python_callable=f, op_args=['etl', 'Xq7vT9mKp2Lw'])"),
    ("pass kw", 'on_pass="continue"'),
    ("secret_cmd", 'sql_alchemy_conn_secret="airflow-db-conn"'),
    # who is let in without being known, and what finds an element of a page
    ("anonymous", "FTP('h', 'anonymous', 'me@acme.io')\nf.login('anonymous', 'guest')"),
    ("selectors", "id_password = '#password-input1'\nx_password = '//*[@id=\"pw2\"]'"),
    (
        "a Secret of Kubernetes",
        "Secret('env', 'A', secret='airflow-secrets-v2', key='x')",
    ),
    ("kinds of it", "class A(Enum):\n  CLIENT_SECRET = 'client_secret_post'"),
    (
        "cookies",
        "H = {'Cookie': 'lang=en-GB; theme=dark-20261130'}\nsession_cookie = 'airflow_session2'",
    ),
    ("said", "print('the token is expired (401)', 'the password is not-valid1')"),
    ("several words", "max_tokens = 'a1B2c3D4e5F6g7'\nTOKENS = ['Xq7vT9mKp2Lw']"),
    (
        "in other languages",
        "LABELS = {'password': 'пароль', 'api_key': 'Chave de API', 'pwd': 'Mot de passe'}",
    ),
    ("public keys", "metadata = {'ssh-keys': 'etl:Xq7vT9mKp2Lw'}"),
    ("pairs of words", "basic_auth = 'enabled1'\nhttp_auth = 'user:password'"),
]


@pytest.mark.parametrize(
    ("code", "kind", "place"),
    [pytest.param(*rest, id=called) for called, *rest in WRITTEN],
)
def test_a_credential_is_found_however_it_is_written(
    code: str, kind: SecretKind, place: str
) -> None:
    found = [one.found for one in found_in_python(ast.parse(code))]
    assert [(one.kind, one.place) for one in found] == [(kind, place)]


@pytest.mark.parametrize(
    "code", [pytest.param(code, id=called) for called, code in HARMLESS]
)
def test_what_only_looks_like_one_is_none(code: str) -> None:
    assert found_in_python(ast.parse(code), weak=True) == []


@pytest.mark.parametrize(
    ("code", "line", "others"),
    [
        ("\n\npassword = 'Xq7!vT9m'", 3, ()),
        (f"A = 'ghp_'\nB = {drawn(36)!r}\nC = A + B", 2, (1,)),
        (f"A = {drawn(12)!r}\nurl = f'postgres://u:{{A}}@h/d'", 1, ()),
        ("A = 'Xq7!vT9m'\n\nf(password=A)", 1, ()),
        (f'x = """ # a script\nexport A_TOKEN={drawn(20)}\n"""', 2, ()),
        (f"x = ('AIza'\n  {drawn(35)!r})", 1, ()),
        (f"x = ''.join([\n'glpat-',\n{drawn(12)!r},\n{drawn(10)!r}])", 3, (2, 4)),
        ("def f(\n  a,\n  password='Xq7!vT9m',\n): ...", 3, ()),
        ("x = {\n'a': 1,\n'password': 'Xq7!vT9m'}", 3, ()),
    ],
)
def test_the_line_is_where_it_is_written(
    code: str, line: int, others: tuple[int, ...]
) -> None:
    (found,) = found_in_python(ast.parse(code), code.splitlines())
    assert (found.line, [line for _, line in found.others]) == (line, list(others))


def test_one_that_is_used_under_several_names_is_one() -> None:
    code = "A = 'Xq7!vT9m'\nf(password=A)\ng(db_password=A, token=A)"
    assert [one.line for one in found_in_python(ast.parse(code))] == [1]


def test_what_may_be_one_is_told_on_request() -> None:
    tree = ast.parse("SECRET_KEY = 'supersecretstuff'")
    assert found_in_python(tree) == []
    (weak,) = found_in_python(tree, weak=True)
    assert weak.found.doubt == "it may be the name of one"


@pytest.mark.parametrize(
    "code",
    [
        "x = " + "+".join(["'a'"] * 800),
        "x = 'a'\n" + "x = x + x\n" * 200,
        "x = ['a']\n" + "x = x + x\n" * 200,
        "x = ['a']\n" + "x = [x, x]\n" * 60 + "f(password=x)\n" * 50,
        "x = 'a' * 10**9",
        "x = '%1000000000d' % 1",
        "x = '{:1000000000}'.format('a')",
        "x = ('a' * 20000,) * 5000\ny = ''.join(x)",
        "x = 'a' * 20000\n" + "y = x.replace('a', x)\n" * 20,
        "x = '" + "%s" * 5_000 + "' % 'a'",
        "x = '" + "-----BEGIN PRIVATE KEY-----" * 2_000 + "'",
        "x = '" + "password=" * 20_000 + "'",
        "x = '" + "curl -u " * 20_000 + "'",
        "x = '" + '{"private_key":' * 20_000 + "'",
        "x = '" + "a://b:" * 20_000 + "'",
        "x = " + "(" * 90 + "'a'" + ")" * 90,
        "x = " + "[" * 90 + "'a'" + "]" * 90,
    ],
)
def test_hostile_code_ends(code: str) -> None:
    found_in_python(ast.parse(code), weak=True)


@pytest.mark.parametrize(
    "code",
    ["encode('x')", "decode(1)", "(a or b)('x')", "encode()()", "a[0].decode('x')"],
)
def test_a_function_called_as_a_method_of_jwt_raises_nothing(code: str) -> None:
    assert found_in_python(ast.parse(code)) == []
