"""Connections in every format, as Airflow reads them, and without their secrets."""

import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlencode

import msgspec
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.errors import SourceError
from dagwarden.facts import Connection, Credential, Facts, Origin, Secret, Unresolved
from dagwarden.sources.connections.definition import parse_text
from dagwarden.sources.connections.facts_file import (
    read_connection_facts,
    write_connection_facts,
)
from dagwarden.sources.connections.read import read_connections
from dagwarden.sources.credentials import Fingerprint

KEPT = Fingerprint(b"a key of the operator", True)
EMAIL = "etl@shop.iam.gserviceaccount.com"
OTHER = "run@shop.iam.gserviceaccount.com"
PEM = (
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n"
    "-----END PRIVATE KEY-----\n"
)
KEY = {
    "type": "service_account",
    "project_id": "shop",
    "private_key_id": "0a1b2c3d",
    "private_key": PEM,
    "client_email": EMAIL,
}
URL = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
FEDERATED = {
    "type": "external_account",
    "audience": "//iam.googleapis.com/projects/1/locations/global/x",
    "token_url": "https://sts.googleapis.com/v1/token",
    "credential_source": {"file": "/var/run/token"},
}
USER = {
    "type": "authorized_user",
    "client_secret": "d-FL95Q19q7MQmFpd7hHD0Ty",
    "refresh_token": "1//0abcdefghijklmnopqrstuvwxyz0123456789",
}
GOOGLE = "google_cloud_platform"
LONG = "extra__google_cloud_platform__"


def from_environment(environ: Mapping[str, str]) -> Facts:
    here = Path()
    return read_connections("env:", "prod", here, here, KEPT, environ)[1]


def one(value: str) -> Connection:
    """Return the connection of one AIRFLOW_CONN_ variable."""
    (found,) = from_environment({"AIRFLOW_CONN_X": value}).connections
    assert found.id == "connection:prod:x"
    assert found.origin == Origin(source="AIRFLOW_CONN_X")
    return found


def google(extra: object, **fields: object) -> Connection:
    return one(json.dumps({"conn_type": GOOGLE, "extra": extra, **fields}))


def kinds(connection: Connection) -> list[tuple[str, str]]:
    assert connection.secrets == connection.secrets_known
    return [(secret.place, secret.kind) for secret in connection.secrets_known]


def credential(connection: Connection) -> Credential:
    assert isinstance(connection.credential, Credential)
    return connection.credential


def file_facts(folder: Path, spec: str, text: str | bytes) -> Facts:
    path = folder / spec.partition(":")[2]
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_connections(spec, "prod", folder, folder, KEPT, {})[1]


def ids(facts: Facts) -> list[str]:
    return [connection.conn_id for connection in facts.connections]


# ------------------------------------------------------------------- URI and JSON


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://host", ("http", "host", "http", None, "none")),
        ("http://host/", ("http", "host", "http", None, "none")),
        ("http://u:pw-1@host:8080/", ("http", "host", "http", 8080, "basic")),
        ("http://u@host/https", ("http", "host", "https", None, "basic")),
        ("http://:pw-1@host/", ("http", "host", "http", None, "none")),
        ("http://HOST/", ("http", "host", "http", None, "none")),
        # the scheme names the type, so this one calls plain http
        ("https://host:443/", ("https", "host", "http", 443, "none")),
        ("https://host:443/https", ("https", "host", "https", 443, "none")),
        # a host that holds its protocol, encoded and as export writes it
        ("http://https%3A%2F%2Fhost/", ("http", "host", "https", None, "none")),
        ("http://u:pw-1@https%3A%2F%2Fhost/", ("http", "host", "https", None, "basic")),
        ("http://https://u:pw-1@host/", ("http", "host", "https", None, "basic")),
        ("http://https://host:8443/x", ("http", "host", "https", 8443, "none")),
        ("postgresql://u:pw-1@db/shop", ("postgres", "db", "shop", None, None)),
        ("my-type://h/s", ("my_type", "h", "s", None, None)),
        ("google-cloud-platform://", (GOOGLE, None, None, None, None)),
        ("google-cloud-platform:///?project=p", (GOOGLE, None, None, None, None)),
    ],
)
def test_a_uri_is_read_as_airflow_reads_it(
    uri: str, expected: tuple[str, str | None, str | None, int | None, str | None]
) -> None:
    found = one(uri)
    fields = (found.conn_type, found.host, found.schema, found.port, found.token)
    assert fields == expected
    assert found.unresolved == ()


def test_a_uri_decodes_login_password_and_query() -> None:
    found = one("http://u%40x:p%2Fw%3A1@host/?X-Api-Key=a7f3%2F7c9e")
    assert kinds(found) == [("extra.X-Api-Key", "api_key"), ("password", "password")]
    prints = [secret.fingerprint for secret in found.secrets_known]
    assert prints == [KEPT.of("a7f3/7c9e"), KEPT.of("p/w:1")]


def test_nested_extra_in_a_uri() -> None:
    extra = json.dumps({"keyfile_dict": KEY, "impersonation_chain": [EMAIL, OTHER]})
    found = one(f"google-cloud-platform://?__extra__={quote(extra)}")
    assert credential(found) == Credential(kind="key_content", identity=EMAIL)
    assert found.impersonation_chain == (EMAIL, OTHER)
    assert kinds(found) == [("extra.keyfile_dict", "service_account_key")]


@pytest.mark.parametrize(
    "uri",
    [
        "host-only",
        "://host",
        "http://host:port/",
        "http://[::1/",
        "http://u:pw-1@https://host/",
        "a://b://c://d",
    ],
)
def test_a_broken_uri_is_a_gap_and_the_id_is_still_known(uri: str) -> None:
    facts = from_environment({"AIRFLOW_CONN_X": uri, "AIRFLOW_CONN_Y": "http://y"})
    broken, whole = facts.connections
    assert (broken.conn_id, whole.conn_id) == ("x", "y")
    assert broken.credential is broken.host is broken.secrets is UNSET
    assert {entry.reason for entry in broken.unresolved} == {"unreadable"}
    (gap,) = facts.gaps
    assert (gap.reason, gap.origin.source) == ("malformed", "AIRFLOW_CONN_X")
    assert gap.incomplete
    assert gap.kinds == ("connection",)
    assert uri not in gap.detail


def test_a_broken_definition_still_shows_its_secrets() -> None:
    assert [s.kind for s in one("http://u:pw-1@host:x/").secrets_known] == ["password"]
    text = f'{{"conn_type": "http", "password": "{PEM}'
    assert [s.kind for s in one(text).secrets_known] == ["private_key"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "malformed"),
        ("", "malformed"),
        ('{"a":' * 50_000, "too_deep"),
        ('{"conn_type": "http", "port": "x"}', "malformed"),
        ('{"conn_type": "http", "host": ["x"]}', "malformed"),
        ('{"conn_type": "http", "port": true}', "malformed"),
    ],
)
def test_broken_json_is_a_gap(text: str, reason: str) -> None:
    (gap,) = from_environment({"AIRFLOW_CONN_X": text}).gaps
    assert gap.reason == reason


def test_json_fields_and_both_spellings_of_extra() -> None:
    fields = {"host": "h", "schema": "https", "login": "u", "password": "pw-1"}
    extra = {"Authorization": "x", "verify": False}
    for value in (extra, json.dumps(extra)):
        text = json.dumps(
            {"conn_type": "http", **fields, "port": "443", "extra": value}
        )
        found = one(text)
        assert (found.host, found.schema, found.port) == ("h", "https", 443)
        assert found.token == "basic"
        assert found.tls_verified is False


@pytest.mark.parametrize("extra", ["{not json", "[1]", '"text"', "gAAAAABlx", 7, ["a"]])
def test_an_extra_that_cannot_be_read_leaves_its_fields_unresolved(
    extra: object,
) -> None:
    found = one(
        json.dumps({"conn_type": GOOGLE, "password": "pw-1", "extra": extra}),
    )
    assert found.credential is found.secrets is found.impersonation_chain is UNSET
    assert [s.place for s in found.secrets_known] == ["password"]
    why = {entry.field: (entry.reason, entry.symbol) for entry in found.unresolved}
    assert why["credential"] == ("unreadable", "extra of connection x")
    assert why["secrets"] == ("unreadable", "extra of connection x")


# ------------------------------------------------------------------------- Google


def config(**more: object) -> dict[str, object]:
    return {**FEDERATED, **more}


IMPERSONATES = {
    "service_account_impersonation_url": f"{URL}{EMAIL}:generateAccessToken"
}


@pytest.mark.parametrize(
    ("extra", "kind", "identity", "path"),
    [
        ({}, "ambient", None, None),
        ({"project": "shop", "num_retries": 5, "scope": "x"}, "ambient", None, None),
        ({"is_anonymous": True}, "anonymous", None, None),
        ({"is_anonymous": False}, "ambient", None, None),
        ({"key_path": "/k.json"}, "key_file", UNSET, "/k.json"),
        ({"key_secret_name": "etl-key"}, "key_secret", UNSET, "etl-key"),
        ({"keyfile_dict": KEY}, "key_content", EMAIL, None),
        ({"keyfile_dict": json.dumps(KEY)}, "key_content", EMAIL, None),
        ({"keyfile_dict": "{}"}, "key_content", UNSET, None),
        ({"keyfile_dict": ""}, "ambient", None, None),
        ({"keyfile_dict": {}}, "ambient", None, None),
        ({"credential_config_file": "/c.json"}, UNSET, UNSET, "/c.json"),
        ({"credential_config_file": FEDERATED}, "federation", None, None),
        ({"credential_config_file": json.dumps(FEDERATED)}, "federation", None, None),
        ({"credential_config_file": config(**IMPERSONATES)}, "federation", EMAIL, None),
        ({"credential_config_file": KEY}, "key_content", EMAIL, None),
        ({"credential_config_file": json.dumps(KEY)}, "key_content", EMAIL, None),
        ({"credential_config_file": USER}, "user_refresh_token", UNSET, None),
        (
            {"credential_config_file": {**USER, "account": "owner@shop.example"}},
            "user_refresh_token",
            "owner@shop.example",
            None,
        ),
        (
            {
                "credential_config_file": {
                    "type": "impersonated_service_account",
                    "source_credentials": USER,
                    **IMPERSONATES,
                }
            },
            "user_refresh_token",
            EMAIL,
            None,
        ),
        (
            {
                "credential_config_file": {
                    "type": "impersonated_service_account",
                    "source_credentials": KEY,
                }
            },
            "key_content",
            EMAIL,
            None,
        ),
        (
            {
                "credential_config_file": {
                    "type": "impersonated_service_account",
                    "source_credentials": {**KEY, "client_email": OTHER},
                    **IMPERSONATES,
                }
            },
            "key_content",
            EMAIL,
            None,
        ),
        ({"credential_config_file": {"type": "new"}}, UNSET, UNSET, None),
        (
            {"idp_issuer_url": "https://idp", "credential_config_file": FEDERATED},
            "federation_client",
            None,
            None,
        ),
        (
            {
                "idp_issuer_url": "https://idp",
                "credential_config_file": config(**IMPERSONATES),
            },
            "federation_client",
            EMAIL,
            None,
        ),
        # a key path is looked at before the identity provider
        (
            {"idp_issuer_url": "https://idp", "key_path": "/k.json"},
            "key_file",
            UNSET,
            "/k.json",
        ),
        ({"key_path": "/k.json", "keyfile_dict": KEY}, "conflicting", None, None),
        ({"is_anonymous": True, "key_path": "/k.json"}, "conflicting", None, None),
        (
            {"key_secret_name": "s", "credential_config_file": FEDERATED},
            "conflicting",
            None,
            None,
        ),
        # the long spelling, and a short one that hides it, even empty
        ({f"{LONG}key_path": "/k.json"}, "key_file", UNSET, "/k.json"),
        ({"key_path": "", f"{LONG}key_path": "/k.json"}, "ambient", None, None),
        ({"key_path": None, f"{LONG}key_path": "/k.json"}, "ambient", None, None),
        (
            {"key_path": "/a.json", f"{LONG}key_path": "/b.json"},
            "key_file",
            UNSET,
            "/a.json",
        ),
        ({f"{LONG}keyfile_dict": json.dumps(KEY)}, "key_content", EMAIL, None),
        (
            {"key_path": "/a.json", f"{LONG}keyfile_dict": json.dumps(KEY)},
            "conflicting",
            None,
            None,
        ),
    ],
)
def test_google_credentials_in_the_order_of_the_hook(
    extra: dict[str, object],
    kind: str | msgspec.UnsetType,
    identity: str | msgspec.UnsetType | None,
    path: str | None,
) -> None:
    found = google(extra)
    got = credential(found)
    assert (got.kind, got.identity, got.path) == (kind, identity, path)
    fields = {entry.field for entry in found.unresolved}
    assert ("credential.kind" in fields) == (kind is UNSET)
    assert fields != set() or identity is not UNSET


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        (None, None),
        ("", None),
        ([], None),
        (EMAIL, (EMAIL,)),
        (f"{EMAIL},{OTHER}", (EMAIL, OTHER)),
        (f" {EMAIL} , {OTHER} ", (EMAIL, OTHER)),
        ([EMAIL, OTHER], (EMAIL, OTHER)),
        ([f"{EMAIL},{OTHER}"], (f"{EMAIL},{OTHER}",)),
    ],
)
def test_the_chain_of_a_connection_is_split_on_commas(
    chain: object, expected: tuple[str, ...] | None
) -> None:
    assert google({"impersonation_chain": chain}).impersonation_chain == expected
    long = google({f"{LONG}impersonation_chain": chain})
    assert long.impersonation_chain == expected


def test_google_fields_decide_whatever_the_type_says() -> None:
    for conn_type in ("gcpspanner", "gcpbigquery", "generic", ""):
        found = one(json.dumps({"conn_type": conn_type, "extra": {"key_path": "/k"}}))
        assert credential(found).kind == "key_file"
    assert credential(one("generic://")).kind == "none"
    assert credential(one("gcpcloudsql://")).kind == "ambient"


@pytest.mark.parametrize(
    ("query", "field", "symbol"),
    [
        ({"is_anonymous": "false"}, "credential", "Airflow version of prod"),
        ({"verify": "false"}, "tls_verified", "Airflow version of prod"),
        (
            {"impersonation_chain": json.dumps([EMAIL, OTHER])},
            "impersonation_chain",
            "Airflow version of prod",
        ),
    ],
)
def test_what_versions_read_differently_is_unknown(
    query: dict[str, str], field: str, symbol: str
) -> None:
    found = one(f"google-cloud-platform://?{urlencode(query)}")
    assert getattr(found, field) is UNSET
    assert found.unresolved == (
        Unresolved(field=field, reason="version", symbol=symbol),
    )


@pytest.mark.parametrize(
    "extra",
    [
        {"keyfile_dict": json.dumps(KEY), "project": "shop", "num_retries": "3"},
        {"is_anonymous": "true", "project": "123"},
        {"credential_config_file": json.dumps(FEDERATED)},
        {"impersonation_chain": f"{EMAIL},{OTHER}", "quota_project_id": "q"},
        {"verify": "true", "timeout": "10", "key_path": "/k.json"},
    ],
)
def test_decoded_and_plain_query_values_are_the_same_facts(
    extra: dict[str, str],
) -> None:
    def decoded(text: str) -> object:
        try:
            value: object = json.loads(text)
        except ValueError:
            return text
        return value

    plain = one(f"google-cloud-platform://?{urlencode(extra)}")
    newer = google({name: decoded(value) for name, value in extra.items()})
    assert plain == newer


# ------------------------------------------------------------------ HTTP, AWS, others


def http(extra: dict[str, object], **fields: object) -> Connection:
    return one(json.dumps({"conn_type": "http", "extra": extra, **fields}))


@pytest.mark.parametrize(
    ("host", "schema", "expected"),
    [
        ("host", None, ("host", "http")),
        ("host", "https", ("host", "https")),
        ("https://host", None, ("host", "https")),
        # the scheme in the host wins over the field
        ("http://host", "https", ("host", "http")),
        ("HTTPS://host/base/", None, ("host/base", "https")),
        ("https://u:pw-1@host/base?x=1#y", None, ("host/base", "https")),
        (None, None, (None, "http")),
    ],
)
def test_where_an_http_connection_leads(
    host: str | None, schema: str | None, expected: tuple[str | None, str]
) -> None:
    found = http({}, host=host, schema=schema)
    assert (found.host, found.schema) == expected


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, None),
        ({"verify": True}, True),
        ({"verify": False}, False),
        ({"verify_ssl": False}, False),
        ({"verify": True, "verify_ssl": False}, True),
        ({"verify": "/etc/ca.pem"}, True),
        ({"verify": None}, None),
    ],
)
def test_whether_tls_is_verified(
    extra: dict[str, object], expected: bool | None
) -> None:
    assert http(extra).tls_verified is expected


@pytest.mark.parametrize(
    ("extra", "login", "token", "kind"),
    [
        ({}, None, "none", "none"),
        ({}, "u", "basic", "basic"),
        ({"Authorization": "Bearer abc-123-def"}, None, "static_bearer", "bearer"),
        ({"authorization": "Bearer ${TOKEN}"}, None, "static_bearer", "bearer"),
        ({"X-Serverless-Authorization": "Bearer a"}, None, "static_bearer", "bearer"),
        ({"Authorization": "Basic dTpwdy0x"}, None, "basic", "basic"),
        # requests lets the login overwrite the header
        ({"Authorization": "Bearer abc-123-def"}, "u", "basic", "basic"),
        ({"X-API-Key": "7f3c9a1e2b"}, None, "api_key", "bearer"),
        ({"timeout": 10, "proxy": "x", "Accept": "*/*"}, None, "none", "none"),
        ({"Authorization": ""}, None, "none", "none"),
    ],
)
def test_how_an_http_connection_authenticates(
    extra: dict[str, object], login: str | None, token: str, kind: str
) -> None:
    found = http(extra, login=login)
    assert (found.token, credential(found).kind) == (token, kind)


@pytest.mark.parametrize(
    ("fields", "kind", "path", "secrets"),
    [
        ({}, "ambient", None, []),
        ({"login": "AKIA"}, "ambient", None, []),
        (
            {"login": "AKIA", "password": "wJalrXUtnFEMI/K7"},
            "static_keys",
            None,
            [("password", "aws_secret_key")],
        ),
        (
            {"extra": {"aws_access_key_id": "A", "aws_secret_access_key": "wJalrXU7"}},
            "static_keys",
            None,
            [("extra.aws_secret_access_key", "aws_secret_key")],
        ),
        (
            {
                "extra": {
                    "session_kwargs": {
                        "aws_access_key_id": "A",
                        "aws_secret_access_key": "wJalrXU7",
                        "aws_session_token": "FwoGZXIvYXdzE7",
                    }
                }
            },
            "static_keys",
            None,
            [
                ("extra.session_kwargs.aws_secret_access_key", "aws_secret_key"),
                ("extra.session_kwargs.aws_session_token", "aws_session_token"),
            ],
        ),
        (
            {"extra": {"role_arn": "arn:aws:iam::1:role/r"}},
            "assume_role",
            "arn:aws:iam::1:role/r",
            [],
        ),
        (
            {
                "login": "AKIA",
                "password": "wJalrXUtnFEMI/K7",
                "extra": {"role_arn": "arn:aws:iam::1:role/r"},
            },
            "static_keys",
            "arn:aws:iam::1:role/r",
            [("password", "aws_secret_key")],
        ),
    ],
)
def test_aws_credentials(
    fields: dict[str, object],
    kind: str,
    path: str | None,
    secrets: list[tuple[str, str]],
) -> None:
    found = one(json.dumps({"conn_type": "aws", **fields}))
    assert (credential(found).kind, credential(found).path) == (kind, path)
    assert kinds(found) == secrets


def test_secrets_in_every_field() -> None:
    text = json.dumps(
        {
            "conn_type": "slackwebhook",
            "description": "the token is ghp_q7hx2m9vkd4tzb1nw8cfj5rgy3ls6pa0eiou",
            "host": "https://hooks.slack.com/services/T0AB/B0CD/q7hx2m9vkd4tzb1nw8cf",
            "login": json.dumps(KEY),
            "password": "1234",
            "extra": {
                "headers": {"Authorization": "Bearer 7f3c9a1e2b4d"},
                f"{LONG}keyfile_dict": json.dumps(KEY),
                "client_id": "me",
                "client_secret": "7f3c9a1e2b4d",
            },
            "uri": "http://u:pw-1@host",
            "get_uri": "http://u:pw-1@host",
        }
    )
    found = one(text)
    assert kinds(found) == [
        ("description.the_token", "bearer_token"),
        ("extra.client_secret", "client_secret"),
        (f"extra.{LONG}keyfile_dict", "service_account_key"),
        ("extra.headers.Authorization", "bearer_token"),
        ("host", "webhook_url"),
        ("login", "service_account_key"),
        ("password", "webhook_url"),
        ("uri", "password"),
    ]
    assert found.host == "hooks.slack.com"


@pytest.mark.parametrize(
    "password",
    ["***", "", "changeme", "${PW}", "{{ pw }}", "vault:db#pw", "gAAAAABlxyz"],
)
def test_a_password_that_is_none(password: str) -> None:
    found = one(json.dumps({"conn_type": "ftp", "login": "u", "password": password}))
    assert kinds(found) == []


def test_the_host_of_another_type_keeps_its_scheme_but_no_user() -> None:
    text = json.dumps({"conn_type": "fs", "host": "s3://u:pw-1@bucket/a/b?x=1"})
    assert one(text).host == "s3://bucket/a/b"


def test_an_extra_that_is_a_list_is_searched_for_secrets() -> None:
    found = one(json.dumps({"conn_type": "x", "extra": '["redis://:pw-1@h"]'}))
    assert [s.place for s in found.secrets_known] == ["extra"]


def test_a_definition_in_an_error_shows_nothing() -> None:
    assert "pw-1" not in repr(parse_text("http://u:pw-1@host/"))


@pytest.mark.parametrize(
    ("extra", "symbol"),
    [
        ({"key_path": "/k.json"}, "key file /k.json"),
        ({"key_secret_name": "etl-key"}, "secret etl-key"),
        ({"keyfile_dict": "{}"}, "credential content of connection x"),
    ],
)
def test_what_would_tell_whose_a_key_is(extra: dict[str, str], symbol: str) -> None:
    assert google(extra).unresolved == (
        Unresolved(field="credential.identity", reason="unreadable", symbol=symbol),
    )


@pytest.mark.parametrize("password", ["1234", "pa$word", "hunter.key", "/x", "a b"])
def test_any_other_text_is_a_password(password: str) -> None:
    found = one(json.dumps({"conn_type": "ftp", "login": "u", "password": password}))
    assert found.secrets_known[0].fingerprint == KEPT.of(password)


def test_a_field_that_the_shell_fills_in_is_unresolved() -> None:
    found = one("http://${RUN_HOST}/https")
    assert found.host is UNSET
    assert found.unresolved == (
        Unresolved(field="host", reason="environment", symbol="RUN_HOST"),
    )


# ------------------------------------------------------------------------- formats


def test_a_dotenv_file(tmp_path: Path) -> None:
    key = json.dumps({"conn_type": GOOGLE, "extra": {"keyfile_dict": KEY}})
    facts = file_facts(
        tmp_path,
        "env:.env.prod",
        "\ufeff# AIRFLOW_CONN_NOT=http://not\n"
        "OTHER=1\r\n"
        "export AIRFLOW_CONN_A='http://a/#not a comment'\n"
        'AIRFLOW_CONN_B = "http://u:p\\"w1@b/" # a comment\n'
        "AIRFLOW_CONN_C=http://c/ # a comment\n"
        f"AIRFLOW_CONN_D='{json.dumps(json.loads(key), indent=1)}'\n"
        "AIRFLOW_CONN_E=${E_URI}\n"
        "AIRFLOW_CONN_F=\n"
        "this is no assignment\n"
        "AIRFLOW_CONN_G='http://never closed\n"
        "AIRFLOW_CONN_C=http://later\n"
        "AIRFLOW_CONN_lower=http://x\n",
    )
    found = {connection.conn_id: connection for connection in facts.connections}
    assert sorted(found) == ["a", "b", "c", "d", "e", "f", "g"]
    assert found["a"].host == "a"
    assert found["a"].origin == Origin(
        source=".env.prod", line=3, field="AIRFLOW_CONN_A"
    )
    assert found["b"].secrets_known[0].fingerprint == KEPT.of('p"w1')
    assert found["c"].host == "later"  # as in a shell, the last one counts
    assert credential(found["d"]).identity == EMAIL
    assert found["e"].unresolved[0].reason == "environment"
    assert found["e"].unresolved[0].symbol == "E_URI"
    gaps = [(gap.reason, gap.origin.line, gap.incomplete) for gap in facts.gaps]
    # D's value spans lines, so what follows it is counted from its end
    after = 6 + len(json.dumps(json.loads(key), indent=1).splitlines())
    assert gaps == [
        ("malformed", after + 1, True),  # F is empty
        ("malformed", after + 3, True),  # G: the quote is taken as part of it
        ("malformed", after + 5, False),
        ("syntax", after + 2, True),
    ]


EXPORTED: dict[str, dict[str, object]] = {
    "gcp": {
        "conn_type": GOOGLE,
        "description": None,
        "login": None,
        "password": None,
        "host": None,
        "port": None,
        "schema": None,
        "extra": json.dumps({"keyfile_dict": json.dumps(KEY)}),
    },
    "run": {"conn_type": "http", "host": "https://h", "port": 443, "extra": None},
}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", json.dumps(EXPORTED)),
        ("c", json.dumps(EXPORTED)),
        ("c.yaml", yaml.dump(EXPORTED)),
        ("c.yml", yaml.dump(EXPORTED)),
        (
            "c.env",
            "gcp=google-cloud-platform://?keyfile_dict="
            + quote(json.dumps(KEY))
            + "\nrun=http://https://h:443\n",
        ),
        (
            "c.env",
            f"gcp={json.dumps(EXPORTED['gcp'])}\nrun={json.dumps(EXPORTED['run'])}",
        ),
        (
            "list.json",  # airflow connections list -o json
            json.dumps([{"conn_id": name, **EXPORTED[name]} for name in EXPORTED]),
        ),
    ],
)
@pytest.mark.parametrize("kind", ["export", "local"])
def test_one_export_in_every_format(
    kind: str, name: str, text: str, tmp_path: Path
) -> None:
    facts = file_facts(tmp_path, f"{kind}:{name}", text)
    assert facts.gaps == ()
    gcp, run = facts.connections
    assert (gcp.conn_id, run.conn_id) == ("gcp", "run")
    assert credential(gcp) == Credential(kind="key_content", identity=EMAIL)
    assert kinds(gcp) == [("extra.keyfile_dict", "service_account_key")]
    assert (run.host, run.schema, run.port) == ("h", "https", 443)
    (file,) = facts.files
    assert (file.path, file.kind, file.size) == (name, "connections", len(text))


def test_a_local_backend_knows_uris_objects_lists_and_extra_dejson(
    tmp_path: Path,
) -> None:
    value = {
        "a": "http://a",
        "b": {"conn_type": GOOGLE, "extra_dejson": {"key_path": "/k.json"}},
        "c": ["http://first", "http://last"],
        "d": {"conn_id": "d", "conn_type": "http", "host": "d", "password": 12345},
        "e": {"conn_id": "other", "conn_type": "http"},
        "f": 7,
    }
    for name, text in (("l.json", json.dumps(value)), ("l.yaml", yaml.dump(value))):
        facts = file_facts(tmp_path, f"local:{name}", text)
        found = {connection.conn_id: connection for connection in facts.connections}
        assert sorted(found) == ["a", "b", "c", "d", "e", "f"]
        assert credential(found["b"]).path == "/k.json"
        line = text.count("\n", 0, text.index("b")) + 1
        assert found["b"].origin == Origin(source=name, line=line, field="b")
        assert found["c"].host == "last"
        assert kinds(found["d"]) == [("password", "password")]
        assert [(gap.reason, gap.origin.field) for gap in facts.gaps] == [
            ("conflict", "e"),
            ("malformed", "f"),
        ]


def test_astro_settings(tmp_path: Path) -> None:
    text = """
airflow:
  connections:
    - conn_id: run
      conn_type: http
      conn_host: https://run
      conn_login: u
      conn_password: pw-1
      conn_port: 443
      conn_extra:
        verify: false
    - conn_id: gcp
      conn_type: google_cloud_platform
      conn_extra: '{"key_path": "/k.json"}'
    - conn_id: db
      conn_uri: postgres://u:pw-1@db/shop
    - conn_id:
      conn_type:
  pools: []
  variables: []
"""
    facts = file_facts(tmp_path, "astro:airflow_settings.yaml", text)
    db, gcp, run = facts.connections
    assert (db.host, kinds(db)) == ("db", [("password", "password")])
    assert credential(gcp).path == "/k.json"
    assert (run.host, run.port, run.tls_verified) == ("run", 443, False)
    (gap,) = facts.gaps
    assert gap.detail == "an entry has no connection id"
    for other in ("airflow:\n  connections:\n", "airflow: {pools: []}"):
        assert file_facts(tmp_path, "astro:a.yaml", other).gaps == ()
    for wrong in ("[1]", "airflow: {connections: 1}", "text"):
        (gap,) = file_facts(tmp_path, "astro:a.yaml", wrong).gaps
        assert gap.reason == "malformed"


def test_an_api_answer_proves_presence_by_its_masks(tmp_path: Path) -> None:
    masked = {"type": "***", "private_key": "***", "client_email": "***"}
    document = {
        "total_entries": 9,
        "connections": [
            {
                "connection_id": "key",
                "conn_type": GOOGLE,
                "password": None,
                "extra": json.dumps({"keyfile_dict": masked, "project": "shop"}),
            },
            {
                "connection_id": "named",
                "conn_type": GOOGLE,
                "password": None,
                "extra": json.dumps({"key_secret_name": "***"}),
            },
            {
                "connection_id": "run",
                "conn_type": "http",
                "host": "h",
                "password": "***",
                "extra": json.dumps({"Authorization": "***"}),
            },
            {
                "connection_id": "odd",
                "conn_type": "http",
                "password": "",
                "extra": json.dumps({"connection_string": "***"}),
            },
            {"connection_id": "bare", "conn_type": "aws", "login": "AKIA"},
            {"connection_id": "keys", "conn_type": "aws", "login": "A", "extra": "{}"},
            {
                "connection_id": "nested",
                "conn_type": "http",
                "password": None,
                "extra": json.dumps({"headers": {"Authorization": "***"}}),
            },
            # not masked by any version: text under a name that says nothing
            {
                "connection_id": "text",
                "conn_type": GOOGLE,
                "password": None,
                "extra": json.dumps({"credential_config_file": json.dumps(KEY)}),
            },
        ],
    }
    facts = file_facts(tmp_path, "export:rest.json", json.dumps(document))
    found = {connection.conn_id: connection for connection in facts.connections}
    assert credential(found["key"]).kind == "key_content"
    assert credential(found["key"]).identity is UNSET
    assert kinds(found["key"]) == [("extra.keyfile_dict", "service_account_key")]
    assert found["key"].project == "shop"
    assert credential(found["named"]) == Credential(kind="key_secret")
    assert kinds(found["named"]) == []
    assert kinds(found["run"]) == [
        ("extra.Authorization", "bearer_token"),
        ("password", "password"),
    ]
    assert found["run"].token is found["run"].credential is UNSET
    assert found["odd"].secrets is UNSET
    assert found["bare"].secrets is found["bare"].credential is UNSET
    assert kinds(found["text"]) == [
        ("extra.credential_config_file", "service_account_key")
    ]
    assert found["keys"].credential is found["keys"].secrets is UNSET
    assert kinds(found["nested"]) == [("extra.headers.Authorization", "bearer_token")]
    (gap,) = facts.gaps
    assert gap.reason == "truncated"
    document["total_entries"] = 8
    assert file_facts(tmp_path, "export:rest.json", json.dumps(document)).gaps == ()


def test_a_single_api_answer(tmp_path: Path) -> None:
    entry = {"connection_id": "x", "conn_type": "http", "host": "h", "extra": None}
    facts = file_facts(tmp_path, "export:one.json", json.dumps(entry))
    assert ids(facts) == ["x"]


# ------------------------------------------------------------------------- bad input


def test_the_process_environment_alone_is_read_for_connections() -> None:
    facts = from_environment({"PATH": "/bin", "AIRFLOW_CONN_MY_DB": "http://x"})
    assert ids(facts) == ["my_db"]
    assert from_environment({}).connections == ()
    assert [file.path for file in from_environment({}).files] == ["env:"]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("connections.json", "env:FILE"),
        ("vault:x", "env:FILE"),
        ("export:", "names no file"),
        ("export:missing.json", "does not exist"),
        ("env:.env", "does not exist"),
        ("facts:missing.json", "does not exist"),
    ],
)
def test_a_source_that_is_not_there_is_an_error(
    spec: str, says: str, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        read_connections(spec, "prod", tmp_path, tmp_path, KEPT, {})
    assert "prod" in str(caught.value)
    assert caught.value.remedy


def bomb() -> str:
    lines = ["a0: &a0 {conn_type: http}"]
    for level in range(1, 12):
        inner = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{inner}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("c.json", b"{", "syntax"),
        ("c.json", b'{"a": ' + b"1" * 5000 + b"}", "syntax"),
        ("c.json", b"[" * 200_000, "too_deep"),
        ("c.json", b"7", "malformed"),
        ("c.yaml", b"a: [", "syntax"),
        ("c.yaml", b"a: !!python/object/apply:os.system [x]", "syntax"),
        ("c.yaml", b"[" * 5_000, "too_deep"),
        ("c.yaml", b"a: &a [*a]", "too_deep"),
        ("c.yaml", b"a: *missing", "syntax"),
        ("c.yaml", bomb().encode(), "too_large"),
        ("c.yaml", b"{[a]: b}", "syntax"),
        ("c.yaml", b"a: 2026-99-99", "syntax"),
        ("c.env", b"A=\xff\xfe", "encoding"),
        ("c.env", b"A=http://x\0", "encoding"),
        ("c.env", b" " * 16_000_001, "too_large"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_gap(
    name: str, data: bytes, reason: str, tmp_path: Path
) -> None:
    facts = file_facts(tmp_path, f"export:{name}", data)
    (gap,) = facts.gaps
    assert (gap.reason, gap.origin) == (reason, Origin(source=name))
    assert gap.incomplete
    assert (facts.connections, facts.files) == ((), ())


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (gzip.compress(b"{}", mtime=0), "is compressed with gzip; decompress it first"),
        (b"\n", "is empty"),
    ],
)
def test_a_file_of_another_kind_is_told_as_what_it_is(
    data: bytes, detail: str, tmp_path: Path
) -> None:
    (gap,) = file_facts(tmp_path, "export:c.json", data).gaps
    assert gap.detail.endswith(detail)


def test_a_folder_and_a_link_to_itself_are_gaps(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    _, facts = read_connections("env:folder", "prod", tmp_path, tmp_path, KEPT, {})
    assert [gap.reason for gap in facts.gaps] == ["unreadable"]
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(SourceError):
        read_connections("env:loop", "prod", tmp_path, tmp_path, KEPT, {})


def test_empty_files_hold_no_connections(tmp_path: Path) -> None:
    for spec in ("env:a.env", "export:a.env", "export:a.yaml", "local:a.yaml"):
        facts = file_facts(tmp_path, spec, "")
        assert (facts.connections, facts.gaps) == ((), ())


def test_one_bad_entry_does_not_cost_the_others(tmp_path: Path) -> None:
    text = f"a=http://a\nno equals sign\nb=http://{PEM[:20]}:x\n\n# c\nc=http://c\n"
    facts = file_facts(tmp_path, "export:c.env", text)
    assert ids(facts) == ["a", "b", "c"]
    assert [gap.origin.line for gap in facts.gaps] == [3, 2]


def test_an_env_file_given_as_an_export_is_told_to_be_one(tmp_path: Path) -> None:
    facts = file_facts(tmp_path, "export:c.env", "AIRFLOW_CONN_A='http://a'\n")
    assert [gap.detail for gap in facts.gaps] == [
        (
            "connection A is in quotes: Airflow takes them for a part of it, "
            "env:FILE takes them off"
        )
    ]
    assert file_facts(tmp_path, "env:c.env", "AIRFLOW_CONN_A='http://a'\n").gaps == ()


def test_an_id_that_is_none_is_a_gap(tmp_path: Path) -> None:
    long, secret = "x" * 251, "http://u:pw-1@host"
    text = json.dumps({"ok": "http://a", long: "http://a", secret: "http://b"})
    facts = file_facts(tmp_path, "export:c.json", text)
    assert ids(facts) == ["ok"]
    assert len(facts.gaps) == 2
    assert "pw-1" not in repr(facts)


# ------------------------------------------------------------------------- no secrets

PLANTED = "Zq7!planted-value"


@pytest.mark.parametrize(
    "value",
    [
        f"http://u:{quote(PLANTED)}@host/?Authorization=Bearer%20{quote(PLANTED)}",
        f"http://u:{PLANTED}@host:bad/",
        f"{{broken {PLANTED}",
        json.dumps({"conn_type": "http", "host": f"https://u:{PLANTED}@h"}),
        json.dumps({"conn_type": "http", "schema": f"x://u:{PLANTED}@h"}),
        json.dumps({"conn_type": "http", "port": PLANTED}),
        json.dumps({"conn_type": "http", "extra": f"broken {PLANTED}"}),
        json.dumps({"conn_type": GOOGLE, "extra": {"password": PLANTED}}),
        json.dumps({"conn_type": GOOGLE, "extra": {"key_path": f"x://u:{PLANTED}@h"}}),
        json.dumps(
            {"conn_type": GOOGLE, "extra": {"project": f"x://u:{PLANTED}@h"}},
        ),
        json.dumps(
            {
                "conn_type": GOOGLE,
                "extra": {"impersonation_chain": f"x://u:{PLANTED}@h"},
            }
        ),
        json.dumps(
            {"conn_type": GOOGLE, "extra": {"keyfile_dict": {**KEY, "x": PLANTED}}}
        ),
        json.dumps({"conn_type": "aws", "login": "A", "password": PLANTED}),
        json.dumps({"conn_type": f"x://u:{PLANTED}@h"}),
        json.dumps({"conn_type": "http", "extra": {f"x://u:{PLANTED}@h": 1}}),
    ],
)
def test_no_value_of_a_connection_survives(value: str, tmp_path: Path) -> None:
    facts = from_environment({"AIRFLOW_CONN_X": value})
    assert len(facts.connections) == 1
    for spelling in (PLANTED, quote(PLANTED), "MIIEvQIBADANBgkq"):
        assert spelling not in repr(facts)
        assert spelling not in write_connection_facts(facts.connections).decode()


# ------------------------------------------------------------------------ facts file

text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
secret_facts = st.builds(
    Secret,
    kind=st.sampled_from(["password", "service_account_key", "client_secret"]),
    place=text,
    origin=st.builds(Origin, source=text),
    fingerprint=st.none() | text,
    identity=st.none() | text,
    key_id=st.none() | text,
)
unset = st.just(UNSET)
connections = st.builds(
    Connection,
    id=st.just(""),
    origin=st.builds(Origin, source=text, line=st.none() | st.integers(1)),
    unresolved=st.lists(
        st.builds(Unresolved, field=text, reason=st.just("version"), symbol=text),
        max_size=2,
    ).map(tuple),
    environment=st.just("prod"),
    conn_id=text,
    conn_type=unset | text,
    host=unset | st.none() | text,
    schema=unset | st.none() | text,
    port=unset | st.none() | st.integers(0, 65535),
    project=unset | st.none() | text,
    credential=unset
    | st.builds(
        Credential,
        kind=unset | st.sampled_from(["ambient", "key_content"]),
        identity=unset | st.none() | text,
        path=st.none() | text,
    ),
    impersonation_chain=unset | st.none() | st.lists(text, max_size=2).map(tuple),
    tls_verified=unset | st.none() | st.booleans(),
    token=unset | st.none() | st.just("basic"),
    secrets=unset | st.lists(secret_facts, max_size=2).map(tuple),
    secrets_known=st.lists(secret_facts, max_size=2).map(tuple),
)


# whose key it is may look drawn at random
DRAWN = Secret(kind="password", place="", origin=Origin(source=""), identity="000012A%")
ODD = Connection(
    id="",
    origin=Origin(source=""),
    environment="prod",
    conn_id="c",
    secrets=(DRAWN, DRAWN),
)


@given(st.lists(connections, max_size=3, unique_by=lambda fact: fact.conn_id))
@example([ODD])
def test_the_facts_file_holds_all_but_fingerprints_and_origins(
    facts: list[Connection],
) -> None:
    facts = [replace(fact, id=f"connection:prod:{fact.conn_id}") for fact in facts]
    data = write_connection_facts(facts)
    again = read_connection_facts(data, environment="prod", source="f.json")

    def plain(fact: Connection) -> Connection:
        origin = Origin(source="f.json", field=fact.conn_id)

        def bare(secrets: tuple[Secret, ...]) -> tuple[Secret, ...]:
            return tuple(replace(s, fingerprint=None, origin=origin) for s in secrets)

        secrets = fact.secrets
        return replace(
            fact,
            origin=origin,
            secrets=UNSET if isinstance(secrets, msgspec.UnsetType) else bare(secrets),
            secrets_known=bare(fact.secrets_known),
        )

    assert list(again) == [plain(fact) for fact in sorted(facts, key=lambda f: f.id)]
    assert data == write_connection_facts(list(reversed(facts)))
    assert data == write_connection_facts(again)


def test_a_facts_file_is_read_for_the_environment_that_names_it(
    tmp_path: Path,
) -> None:
    facts = from_environment({"AIRFLOW_CONN_X": "http://u:pw-1@host/"})
    data = write_connection_facts(facts.connections)
    (tmp_path / "f.json").write_bytes(data)
    _, read = read_connections("facts:f.json", "test", tmp_path, tmp_path, KEPT, {})
    (found,) = read.connections
    assert (found.id, found.environment) == ("connection:test:x", "test")
    assert found.origin == Origin(source="f.json", field="x")
    assert found.host == "host"
    assert (KEPT.of("pw-1") or "") not in data.decode()
    (file,) = read.files
    assert file.size == len(data)
    assert file.sha256 == hashlib.sha256(data).hexdigest()


def test_the_digest_of_a_file_with_secrets_is_not_its_own(tmp_path: Path) -> None:
    data = b"x=http://u:pw-1@host/"
    (file,) = file_facts(tmp_path, "export:c.env", data).files
    assert file.sha256 != hashlib.sha256(data).hexdigest()
    other = file_facts(tmp_path, "export:c.env", data.replace(b"pw-1", b"pw-2"))
    assert other.files == (file,)
    moved = file_facts(tmp_path, "export:c.env", data.replace(b"host", b"tsoh"))
    assert moved.files[0].sha256 != file.sha256


def planted(path: str, value: object) -> bytes:
    """Return a facts file with one value set or replaced at `path`."""
    facts = from_environment({"AIRFLOW_CONN_X": "google-cloud-platform://u:pw-1@h"})
    document = json.loads(write_connection_facts(facts.connections))
    at = document
    *parents, last = path.split(".")
    for name in parents:
        at = at[int(name)] if name.isdigit() else at[name]
    at[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (planted("connections.0.surprise", 1), r"connections\[0\].surprise"),
        (planted("connections.0.credential.extra", 1), r"\[0\].credential.extra"),
        (
            planted("connections.0.secrets_known.0.value", "x"),
            r"\[0\].secrets_known\[0\].value",
        ),
        (planted("connections.0.environment", "prod"), "environment"),
        (planted("connections.0.port", "443"), r"connections\[0\]: .*port"),
        (planted("connections.0.conn_id", None), r"connections\[0\]: .*conn_id"),
        (planted("connections.0.host", "x://u:pw-1@h"), "holds a secret in clear"),
        (planted("dagwarden_connections.version", 2), "version 2"),
        (b"{}", "no connection facts file"),
        (b"[]", "no connection facts file"),
        (b"\xff", "no connection facts file"),
        (b"[" * 100_000, "no connection facts file"),
        (json.dumps(EXPORTED).encode(), "no connection facts file"),
    ],
)
def test_a_facts_file_that_is_not_ours_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        read_connection_facts(data, environment="prod", source="f.json")
    assert caught.value.where == "f.json"
    assert "dagwarden facts" in caught.value.remedy
    assert "pw-1" not in str(caught.value)


# ------------------------------------------------------------------------ hostile


def test_a_source_of_too_many_connections_is_a_gap(tmp_path: Path) -> None:
    lines = "".join(f"AIRFLOW_CONN_C{i}=http://u:p@h{i}\n" for i in range(5_002))
    facts = file_facts(tmp_path, "env:a.env", lines)
    assert len(facts.connections) == 5_000
    (gap,) = facts.gaps
    assert (gap.reason, gap.detail, gap.incomplete) == (
        "too_large",
        "holds more than 5,000 connections",
        True,
    )


@pytest.mark.parametrize("entry", [{"conn_id": "c", "conn_type": "http"}, 0])
def test_a_list_of_too_many_is_not_gone_through(tmp_path: Path, entry: object) -> None:
    last = {"conn_id": "last", "conn_type": "http"}
    text = json.dumps([*([entry] * 5_001), last])
    facts = file_facts(tmp_path, "export:a.json", text)
    assert "last" not in ids(facts)
    assert all(gap.incomplete for gap in facts.gaps)
    assert facts.gaps


def test_a_value_that_is_too_long_is_a_gap(tmp_path: Path) -> None:
    text = "AIRFLOW_CONN_X=http://h/?" + "a=%25&" * 170_000 + "\n"
    facts = file_facts(tmp_path, "env:a.env", text)
    assert ids(facts) == ["x"]
    assert facts.connections[0].host is UNSET
    (gap,) = facts.gaps
    assert (gap.reason, gap.detail) == (
        "too_large",
        "connection x is longer than 1,000,000 characters",
    )


def test_faults_without_end_are_listed_to_an_end(tmp_path: Path) -> None:
    facts = file_facts(tmp_path, "local:a.json", json.dumps([{}] * 1_500))
    assert len(facts.gaps) == 1_001
    assert facts.gaps[0].detail == "an entry has no connection id"
    assert facts.gaps[-1].detail == "has more faults than are listed"


YAML_BOMBS = {
    "merges": "a0: &a0 {k: v}\n"
    + "".join(
        f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}\n"
        for i in range(1, 10)
    ),
    "aliases": "a0: &a0 [x]\n"
    + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
    ),
    "depth": "[" * 30_000,
    "closed depth": "[" * 30_000 + "]" * 30_000,
    "mappings": "{a: " * 30_000,
}


@pytest.mark.parametrize("text", YAML_BOMBS.values(), ids=YAML_BOMBS)
@pytest.mark.parametrize("spec", ["astro:a.yaml", "local:a.yaml", "export:a.yaml"])
def test_yaml_that_explodes_is_a_gap(text: str, spec: str, tmp_path: Path) -> None:
    facts = file_facts(tmp_path, spec, text)
    assert facts.connections == ()
    assert [gap.reason for gap in facts.gaps] in (["too_large"], ["too_deep"])
