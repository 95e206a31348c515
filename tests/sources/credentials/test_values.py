"""What is a credential, what is none, and that no value survives."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.errors import SourceError
from dagwarden.facts import Call, Facts, Origin, Secret, SecretKind, Unresolved
from dagwarden.sources.credentials import (
    MAX_TEXT,
    Fingerprint,
    may_hold_secret,
    purged,
    secret_in,
    secrets_in,
    setting_without_secrets,
    tainted,
    without_secrets,
)
from dagwarden.sources.credentials.shapes import is_suspect

HERE = Origin(source="here")
KEPT = Fingerprint(b"a key of the operator", True)
BODY = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
PEM = f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----\n"
KEY = {
    "type": "service_account",
    "project_id": "shop",
    "private_key_id": "0a1b2c3d",
    "private_key": PEM,
    "client_email": "etl@shop.iam.gserviceaccount.com",
}
USER = {
    "type": "authorized_user",
    "client_id": "1.apps.googleusercontent.com",
    "client_secret": "d-FL95Q19q7MQmFpd7hHD0Ty",
    "refresh_token": "1//0abcdefghijklmnopqrstuvwxyz0123456789",
}
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/x",
    "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "/var/run/token", "format": {"type": "text"}},
    "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/"
    "projects/-/serviceAccounts/etl@shop.iam.gserviceaccount.com:generateAccessToken",
}
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlX29mX2l0"
B36 = "q7hx2m9vkd4tzb1nw8cfj5rgy3ls6pa0eiou"


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (KEY, "service_account_key"),
        (PEM, "private_key"),
        (PEM.replace("PRIVATE", "RSA PRIVATE"), "private_key"),
        (PEM.replace("\n", "\\n"), "private_key"),
        (f"echo '{PEM}' > key.pem", "private_key"),
        (PEM.encode(), "private_key"),
        (USER, "authorized_user"),
        (f"Bearer {JWT}", "bearer_token"),
        (f"curl -H 'Authorization: Bearer {JWT}' https://x", "bearer_token"),
        ("bearer 7f3c9a1e2b4d", "bearer_token"),
        (JWT, "bearer_token"),
        ("ya29." + B36, "bearer_token"),
        ("Basic " + b64("etl:pw-1"), "password"),
        ("AIza" + B36[:35], "api_key"),
        ("GOCSPX-" + B36[:28], "client_secret"),
        ("1//0" + B36, "authorized_user"),
        ("xoxb-" + "123456789012-" + B36[:24], "bearer_token"),
        ("ghp_" + B36, "bearer_token"),
        ("github_pat_" + B36, "bearer_token"),
        ("glpat-" + B36[:20], "bearer_token"),
        ("https://hooks.slack.com/services/T0AB/B0CD/" + B36, "webhook_url"),
        ("postgresql+psycopg2://etl:pw-1@db/shop", "password"),
        ("redis://:pw-1@cache:6379/0", "password"),
        ("http://https://etl:pw-1@host/", "password"),
        ("https://maps.example.net/api?key=1&api_key=7f3c9a1e2b", "api_key"),
        # none of these is a secret by itself
        (FEDERATED, None),
        ({**KEY, "private_key": "<your key>"}, None),
        ({**KEY, "private_key": PEM.replace(BODY, "...")}, None),
        ({**KEY, "private_key": "{{ var.value.key }}"}, None),
        ({**KEY, "type": "***", "private_key": "***"}, None),
        ({**USER, "client_secret": "***", "refresh_token": "***"}, None),
        ("-----BEGIN PRIVATE KEY-----", None),
        ("Bearer {{ ti.xcom_pull('token') }}", None),
        ("Bearer authentication", None),
        ("Basic authentication", None),
        ("Basic " + b64("etl:${DB_PW}"), None),
        ("Basic " + b64("etl:"), None),
        ("Basic " + b64("no-colon"), None),
        ("https://etl:${DB_PW}@host/", None),
        ("https://etl:{{ var.value.pw }}@host/", None),
        ("https://etl:<password>@host/", None),
        ("https://etl:***@host/", None),
        ("https://host:443/path@v1", None),
        ("0f343b0931126a20f133d67c2b018a3b0f343b0931126a20f133d67c2b018a3b", None),
        ("9b2d7c5e-2f41-4a8e-9d0a-3f5f0a1c7d11", None),
        ("AKIAIOSFODNN7EXAMPLE", None),
        ("AIza" + "EXAMPLE" + B36[:28], None),
        (None, None),
        (True, None),
        (12345678, None),
        ("", None),
        ({}, None),
        ([], None),
    ],
)
def test_a_value_is_told_by_its_structure(
    value: object, kind: SecretKind | None
) -> None:
    assert secret_in("x", value) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("password", "password"),
        ("DB_PASSWORD", "password"),
        ("dbPassword", "password"),
        ("PGPASSWORD", "password"),
        ("MYSQL_PWD", "password"),
        ("DB_PASS", "password"),
        ("password_prod", "password"),
        ("PASSWORD2", "password"),
        ("redis-passphrase", "password"),
        ("token", "bearer_token"),
        ("SLACK_TOKEN", "bearer_token"),
        ("accessToken", "bearer_token"),
        ("Authorization", "bearer_token"),
        ("bearer_auth", "bearer_token"),
        ("auth", None),
        ("aws_session_token", "aws_session_token"),
        ("aws_secret_access_key", "aws_secret_key"),
        ("api_key", "api_key"),
        ("apikey", "api_key"),
        ("X-API-Key", "api_key"),
        ("APIKey", "api_key"),
        ("client_secret", "client_secret"),
        ("oauthClientSecret", "client_secret"),
        ("SECRET", "secret_value"),
        ("secret_key", "secret_value"),
        ("private_key", "secret_value"),
        ("AIRFLOW__CORE__FERNET_KEY", "secret_value"),
        ("credential", "secret_value"),
        ("DB_CREDENTIALS", "secret_value"),
        # whose it is may be said behind
        ("PASSWORD_WAREHOUSE", "password"),
        ("API_KEY_MAPS_EU", "api_key"),
        ("tokenSlack", "bearer_token"),
        ("wifi_psk", "password"),
        ("PASSWORD_HASH_WAREHOUSE", None),
        ("password_kms_prod", None),
        ("token_id_slack", None),
        ("update_password", None),
        # names of names, places and properties
        ("SECRET_NAME", None),
        ("db_secret_id", None),
        ("TOKEN_URL", None),
        ("PASSWORD_FILE", None),
        ("KEY_PATH", None),
        ("key_secret_name", None),
        ("private_key_id", None),
        ("password_hash", None),
        ("max_tokens", None),
        ("next_page_token", None),
        ("image_pull_secret", None),
        ("token_lifetime", None),
        ("secret_version", None),
        ("primary_key", None),
        ("partition_key", None),
        ("author", None),
        ("compass", None),
        ("bypass", None),
        ("", None),
    ],
)
def test_a_plain_value_is_told_by_its_name(name: str, kind: SecretKind | None) -> None:
    assert secret_in(name, "s3cr3t-Vq8!x") == kind


@pytest.mark.parametrize(
    "value",
    [
        "",
        "  ",
        "changeme",
        "CHANGE-ME",
        "change_me_please",
        "xxx",
        "XXXXXXXX",
        "***",
        "<password>",
        "[redacted]",
        "TODO",
        "todo: ask Ann",
        "example",
        "my-example-token-1",
        "your-api-key-here",
        "dummy",
        "password",
        "none",
        "...",
        "{{ var.value.db_password }}",
        "{{ conn.db.password }}x1",
        "${DB_PASSWORD}",
        "$DB_PASSWORD",
        "$(cat /run/secret)",
        "%(password)s",
        "{password}",
        "projects/shop/secrets/db/versions/latest",
        "sm://shop/db",
        "vault:secret/data/db#password",
        "arn:aws:secretsmanager:eu-west-1:1:secret:db",
        "/run/secrets/db",
        "./secrets/db.txt",
        "~/.pgpass",
        "gs://bucket/key.json",
        "C:\\keys\\db.pem",
        "key.json",
        "true",
        "False",
        "12345",
        "1.5",
        "https://login.example.net/token",
        "DB_PASSWORD",
        "db-password",
        "prod_db_password",
        "gAAAAABl0000000000000000000000==",
        "$2b$12$abcdefghijklmnopqrstuv",
        "ENC[AES256_GCM,data:abc,iv:def]",
        "Please enter the password that you were given",
        "$$DB_PASSWORD",
        "(unset)",
        "!",
        "same as above",
        "from-vault",
        "foo-bar-baz",
        "gcp:secretmanager:db",
        "secret/data/db:password",
        "projects/shop",
        "application/json",
        "OAuth2",
        "missing",
        "k8s-secret-name",
        "password_column_name",
        '{"type": "external_account", "audience": "x"}',
    ],
)
@pytest.mark.parametrize("name", ["password", "token", "secret", "api_key"])
def test_what_stands_for_a_secret_is_none(name: str, value: str) -> None:
    assert secret_in(name, value) is None


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        # a secret in Kubernetes or Airflow is often just named
        ("secret", "airflow-db", None),
        ("token", "id_token", None),
        ("credentials", "google", None),
        ("AWS_SECRET_ACCESS_KEY", "secretAccessKey", None),
        ("SOURCE_API_KEY", "ApiKey", None),
        ("COOKIE_NAME_TOKEN", "_token", None),
        ("token", "aGVsbG8gd29ybGQh", "bearer_token"),
        ("token", "jbswydpehpkpxpjbswydpehpkpxp", "bearer_token"),
        ("password", "abc", "password"),
        ("password", "passwords", None),
        ("password", "Leave blank (optional)", None),
        ("password", "T00000000?token=XXXXXXXXXXXX", None),
        ("authorization", "Bearer", None),
        ("password", "MyAmazonPassword1", "password"),
        ("password", "pa$$w0rd", "password"),
        ("secret", "airflow-db-7Hq!", "secret_value"),
        # a password is what people type
        ("password", "airflow", "password"),
        ("password", "correct horse", "password"),
        ("password", "hunter2", "password"),
        ("client_secret", "verysecretthing", "client_secret"),
        # 40 signs of base64 may begin like a path
        ("aws_secret_key", f"/{B36}q7X", "aws_secret_key"),
        ("aws_secret_key", "/run/secrets/aws/etl-loader/secret-key-1", None),
    ],
)
def test_a_name_is_no_secret_but_a_password_is(
    name: str, value: str, kind: SecretKind | None
) -> None:
    assert secret_in(name, value) == kind


ENCODINGS: list[Callable[[str], str]] = [
    str,
    b64,
    quote,
    quote_plus,
    json.dumps,
    lambda text: json.dumps({"inner": text}),
    lambda text: text.replace("\\n", "\n"),
    lambda text: b64(b64(text)),
    lambda text: quote(json.dumps([text])),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    lambda text: base64.encodebytes(text.encode()).decode(),
]


@pytest.mark.parametrize("encode", ENCODINGS)
def test_a_key_file_is_found_in_every_encoding(encode: Callable[[str], str]) -> None:
    plain = secrets_in("k", KEY, HERE, KEPT)[0]
    (found,) = secrets_in("k", encode(json.dumps(KEY)), HERE, KEPT)

    assert found.kind == "service_account_key"
    assert found.identity == "etl@shop.iam.gserviceaccount.com"
    assert found.key_id == "0a1b2c3d"
    assert found.fingerprint == plain.fingerprint is not None


@pytest.mark.parametrize(
    ("name", "text", "doubted"),
    [
        ("location", "europe-west1", False),
        ("sql", "select a from b where token=c", True),
        ("object", "data/2024 a.csv", False),
        ("object", "x" * 23, False),
        ("object", "dG9rZW49VHIwdWI0ZG9yMjIy", True),
        ("password", "x", True),
        ("note", "xoxb-5f2a8c0e91", True),
        ("note", "Basic YTpi", True),
        ("note", "BEARER k4j2h5g7", True),
        ("note", "x://:p4w@h", True),
        ("note", "k%34j2h5g7aa", True),
        ("note", '{"pwd":"k4j2"}', True),
        ("note", "", False),
    ],
)
def test_only_what_may_hold_a_secret_is_looked_into(
    name: str, text: str, doubted: bool
) -> None:
    assert may_hold_secret(name, text) is doubted
    assert doubted or secret_in(name, text) is None


def test_one_key_has_one_fingerprint_however_it_is_written() -> None:
    spellings: list[object] = [KEY, PEM, PEM.replace("\n", "\\n"), {"a": b64(PEM)}]
    prints = {secrets_in("x", value, HERE, KEPT)[0].fingerprint for value in spellings}
    assert len(prints) == 1


def test_decoding_stops_at_its_depth_and_size() -> None:
    text = json.dumps(KEY)
    for _ in range(5):
        text = b64(text)
    assert secrets_in("x", text, HERE, KEPT) == ()
    assert secrets_in("x", b64(" " * MAX_TEXT + json.dumps(KEY)), HERE, KEPT) == ()


def nested(depth: int, inner: object) -> object:
    for _ in range(depth):
        inner = {"a": inner}
    return inner


def test_hostile_nesting_and_size_end() -> None:
    assert secret_in("x", nested(30, KEY)) == "service_account_key"
    assert secret_in("x", nested(3_000, KEY)) is None
    assert secret_in("x", "[" * 100_000) is None
    assert secret_in("x", "-----BEGIN " * 20_000) is None
    assert secret_in("x", "Bearer " * 20_000) is None
    assert secret_in("x", "eyJ" * 100_000) is None
    assert secret_in("x", "://a:" * 50_000) is None
    assert secret_in("password", "a" * 2_000_000) is None


def test_places_name_keys_and_pairs_but_no_positions() -> None:
    value = {
        "container_overrides": [
            {
                "args": ["--token", "x", {"name": 7, "value": "Bearer 1f2e3d4c5b"}],
                "env": [
                    {"name": "DB_PASSWORD", "value": "s3cr3t-1"},
                    {"name": "API_KEY", "value": "{{ var.value.key }}"},
                    {"name": "PLAIN", "value": "s3cr3t-2"},
                    {
                        "name": "FROM_STORE",
                        "value_source": {"secret_key_ref": {"secret": "s3cr3t-3"}},
                    },
                ],
            }
        ],
        "headers": {"Authorization": "Bearer 7f3c9a1e2b4d"},
        JWT: {"password": "s3cr3t-4"},
    }
    found = secrets_in("overrides", value, HERE, KEPT)
    assert [(secret.place, secret.kind) for secret in found] == [
        ("overrides", "bearer_token"),  # the key itself
        ("overrides.(unnamed).password", "password"),
        ("overrides.container_overrides.args.value", "bearer_token"),
        ("overrides.container_overrides.env.DB_PASSWORD", "password"),
        ("overrides.headers.Authorization", "bearer_token"),
    ]


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        (B36[:20], True),
        ("9f8c2b7a4d1e6f3059ab", True),
        ("Harbor!4821Granite", True),
        ("Xq7vT9mKp2LwB4nRc8Zs", True),
        ("tokens-of-slack-2", False),
        ("MyServiceAccount2", False),
        ("acme-prod-3f9a2c", False),
        ("20240131T120000Z", False),
        ("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", False),
        ("a.b!", False),
    ],
)
def test_what_has_the_secret_word_before_others_is_one_where_it_was_drawn(
    value: str, drawn: bool
) -> None:
    assert secret_in("password_warehouse", value) == ("password" if drawn else None)


def test_the_key_of_a_named_secret_is_a_name() -> None:
    key = "Xq7vT9mKp2LwB4nRc8Zs"
    assert secret_in("x", {"secretName": "db", "secretKey": key}) is None
    assert secret_in("x", {"name": "db", "secretKey": key}) == "secret_value"


@pytest.mark.parametrize(
    "value",
    [
        # RFC 7519
        (
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
            "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
        ),
        "Basic YWxhZGRpbjpvcGVuc2VzYW1l",
        "https://language.googleapis.com/?key=AIzaSyDaGmWKa4JsXZ-HjGw7ISLn_3namBGewQe",
    ],
)
def test_what_documentation_shows_is_none(value: str) -> None:
    assert secret_in("authorization", value) is None


def test_the_secret_half_of_an_approle_is_one_and_a_secrets_name_is_none() -> None:
    secret_id = "39af7b4d-19fe-4489-ad58-8657cccf1bfd"
    assert secret_in("x", {"role_id": "etl", "secret_id": secret_id}) == "secret_value"
    assert secret_in("x", {"secret_id": secret_id}) is None


def test_the_same_secret_twice_in_a_place_is_one() -> None:
    pair = {"name": "DB_PASSWORD", "value": "s3cr3t-1"}
    other = {"name": "DB_PASSWORD", "value": "s3cr3t-2"}
    assert len(secrets_in("env", [pair, pair], HERE, KEPT)) == 1
    assert len(secrets_in("env", [pair, other], HERE, KEPT)) == 2


def test_public_parts_are_kept_only_where_they_have_the_shape() -> None:
    odd = {**KEY, "client_email": PEM, "private_key_id": f"x {JWT}"}
    (found,) = secrets_in("k", odd, HERE, KEPT)
    assert (found.identity, found.key_id) == (None, None)


def test_a_fingerprint_depends_on_value_and_key_and_is_kept_on_request() -> None:
    one, other = Fingerprint(b"1", True), Fingerprint(b"2", True)
    mac = one.of("value")
    assert mac is not None
    assert len(mac) == 32
    assert int(mac, 16) >= 0
    assert one.of("value") == Fingerprint(b"1", True).of("value")
    assert one.of("value") != one.of("other")
    assert one.of("value") != other.of("value")
    assert one.of("\ud800") is not None
    assert Fingerprint(b"1", False).of("value") is None


def test_the_fingerprint_key_comes_from_environment_then_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file\n")
    environ = {"DAGWARDEN_FINGERPRINT_KEY": "from the environment"}
    create = Fingerprint.from_environment

    named = create(environ, file)
    assert named.of("v") == Fingerprint(b"from the environment", True).of("v")
    assert create({}, file).of("v") == Fingerprint(b"from the file", True).of("v")
    assert create({"DAGWARDEN_FINGERPRINT_KEY": ""}, None).of("v") is None
    assert create({}, None).of("v") is None
    assert "file" not in repr(create({}, file))


def test_a_bad_key_file_is_an_error_with_its_place(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.write_text(" \n")
    for path in (tmp_path / "missing", tmp_path, empty):
        with pytest.raises(SourceError, match="fingerprint key file") as caught:
            Fingerprint.from_environment({}, path)
        assert caught.value.where == str(path)
        assert caught.value.remedy


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.text(), values)
def test_any_value_is_walked_without_an_error(place: str, value: object) -> None:
    found = secrets_in(place, value, HERE, KEPT)
    assert found == secrets_in(place, value, HERE, KEPT)
    assert secret_in(place, value) in {None, *(secret.kind for secret in found)}


@given(
    # no "tbd" among them, which is a stand-in
    value=st.text("bcdfghjkmnpqrsvwz23456789!", min_size=8, max_size=30).map(
        lambda text: f"Zq7!{text}"
    ),
    encode=st.sampled_from(ENCODINGS),
)
def test_no_value_survives(value: str, encode: Callable[[str], str]) -> None:
    secret_things: list[object] = [
        {"password": value},
        encode(json.dumps({"password": value})),
        [{"name": "DB_PASSWORD", "value": value}],
        {"url": f"https://u:{value}@host/"},
    ]
    for thing in secret_things:
        found: tuple[Secret, ...] = secrets_in("place", thing, HERE, KEPT)
        assert found, thing
        assert value not in repr(found)
        assert quote(value) not in repr(found)
        assert b64(value) not in repr(found)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a plain text, a=b and token=", "a plain text, a=b and token="),
        ("run?page=2&token=Xq7vT9mKp2&x=1", "run?page=2&token=***&x=1"),
        ("it was password=Xq7vT9mKp2, once", "it was password=***, once"),
        ("token={{ var.value.token }}", "token={{ var.value.token }}"),
        ("https://u:Xq7vT9mKp2@h/x", "https://u:***@h/x"),
        ("https://u:Xq7%2FT9mKp2@h/ and b://:Yq7vT9@i", "https://u:***@h/ and b://:***@i"),
        (f"the key AIza{'Xq7vT' * 7} is old", "the key *** is old"),
        ("Authorization: Bearer Xq7vT9mKp2Xq7", "Authorization: Bearer ***"),
        # a connection as a URI, where its id was meant
        ("gcpcloud://?extra__keyfile=Xq7vT9mKp2&project=p", "gcpcloud://?extra__keyfile=***&project=p"),
        ("gcpcloud://?keyfile_dict=%7B%22a%22%3A%20%22Xq7vT9mKp2%22%7D", "gcpcloud://?keyfile_dict=***"),
        ("gcpcloud://?keyfile=/keys/a.json", "gcpcloud://?keyfile=/keys/a.json"),
        ("gcpcloud://?keyfile={{var.value.file}}", "gcpcloud://?keyfile={{var.value.file}}"),
        # with more around it, as in the names of files and keys
        (f"old_ghp_{'Xq7vT9' * 6}_password", "old_***_password"),
        (f"load_AIza{'Xq7vT' * 7}_2024.py", "load_***"),
        (f"/services/T0{'Q7' * 4}/B0{'K9' * 4}/{'Xq7v' * 6}", "/***"),
        # a password in another spelling cannot be cut out: nothing is left
        ("Basic dTpYcTd2VDltS3Ay", "***"),
        ("group:x@y.example of https://h:8080/a@b", "group:x@y.example of https://h:8080/a@b"),
    ],
)  # fmt: skip
def test_texts_lose_their_secrets_and_nothing_else(text: str, clean: str) -> None:
    assert without_secrets(text) == clean


def test_records_are_purged_wherever_a_text_is_and_else_left_as_they_are() -> None:
    secret = "https://u:Xq7vT9mKp2@h/"
    unresolved = Unresolved(field="endpoint", reason="import", symbol=secret)
    call = Call(
        id="call:x",
        origin=Origin(source="a.py", line=1),
        environment="e",
        task="t",
        via="http",
        operation="o",
        unresolved=(unresolved,),
    )
    facts = Facts(calls=(call,))
    assert purged(facts).calls[0].unresolved[0].symbol == "https://u:***@h/"
    assert purged(facts).calls[0].origin is call.origin
    clean = purged(facts)
    assert purged(clean) is clean


@pytest.mark.parametrize("at", [0, 2_400, 4_999])
@pytest.mark.parametrize("text", ["https://u:pass9word@h/", f"Bearer {JWT}", "pw = x"])
def test_of_many_records_only_the_one_with_a_secret_changes(at: int, text: str) -> None:
    many = [Origin(source=f"folder/file-{n}.py", field=str(n)) for n in range(5_000)]
    many[at] = Origin(source=many[at].source, field=text)
    clean = purged(tuple(many))
    assert clean[at].field == without_secrets(text)
    assert all(a is b for a, b in zip(clean, many, strict=True) if b.field != text)
    assert purged(tuple(many[:at])) == tuple(many[:at])


@pytest.mark.parametrize(
    ("text", "suspect"),
    [
        *((hint, True) for hint in ("glpat-", "1//", "=", "eyJ", "Q~", ".atlasv1.")),
        *((scheme, True) for scheme in ("Bearer", "BASIC", "ssws")),
        ("https://u:p@h", True),
        ("\udc80 =", True),
        ("\udc80 https://h", False),
        ("GLPAT-", False),
        ("e-mail@example.com", False),
    ],
)
@pytest.mark.parametrize("words", [0, 40_000])
def test_a_hint_is_found_in_short_and_long_texts(
    words: int, text: str, suspect: bool
) -> None:
    around = "one/two " * (words // 2)
    assert is_suspect(f"{around}{text}{around}") is suspect


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("https://u:Xq7vT9mKp2@h", True),
        ("Bearer Xq7vT9mKp2Zr4kLw", True),
        ("\udc80 token=Xq7vT9mKp2Zr4kLw", True),
        ("\u00e9 https://h/?a=b", False),
        ("https://h", False),
    ],
)
def test_of_many_records_few_are_looked_into_text_by_text(
    text: str, holds: bool
) -> None:
    for _ in range(2):
        assert tainted(Origin(source="a.py", field=f"one/two {text}")) is holds
        is_suspect("one/two " * 60_000)  # from here on there are many


class _Own(str):
    """A text of a kind of its own, which no library can write."""


@pytest.mark.parametrize(("text", "holds"), [("pw = Xq7vT9mKp2", True), ("x", False)])
def test_texts_of_a_kind_of_their_own_are_looked_into(text: str, holds: bool) -> None:
    record = Origin(source="a.py", field=_Own(text))
    assert tainted((Origin(source="b.py"), record)) is holds
    assert tainted(record) is holds


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("core.fernet_key", "Xq7vT9mKp2Zr4kLw", "***"),
        ("database.sql_alchemy_conn", "postgresql://u:Xq7vT9@h/d", "postgresql://u:***@h/d"),
        ("smtp.smtp_password", "wrong-password", "***"),
        ("core.default_timezone", "utc", "utc"),
        ("operators.default_deferrable", "False", "False"),
    ],
)  # fmt: skip
def test_settings_lose_what_their_name_calls_a_secret(
    name: str, value: str, kept: str
) -> None:
    assert setting_without_secrets(name, value) == kept
