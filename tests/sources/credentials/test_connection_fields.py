"""What a connection's type says of its fields counts, wherever one is defined."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dagwarden.facts import Origin, SecretKind
from dagwarden.sources.connections.definition import parse_text
from dagwarden.sources.connections.interpret import connection
from dagwarden.sources.credentials import Fingerprint, found_in
from dagwarden.sources.credentials.connection_fields import extra_kinds, password_kind
from dagwarden.sources.credentials.python import found_in_python
from dagwarden.sources.embedded.read import find_files

KEY = Fingerprint(b"k" * 32, True)
VALUE = "Zk4mPq8vTr2nWs6yHb3jLd5x"
# (type, extra, kind): one per provider that has such a field
EXTRAS: list[tuple[str, str, SecretKind]] = [
    ("azure_data_explorer", "certificate", "private_key"),
    ("discord", "webhook_endpoint", "webhook_url"),
    ("http", "Cookie", "bearer_token"),
    ("msgraph", "certificate_data", "private_key"),
    ("pagerduty", "routing_key", "api_key"),
    ("salesforce", "private_key", "private_key"),
    ("segment", "write_key", "api_key"),
    ("sftp", "private_key", "private_key"),
    ("snowflake", "private_key_content", "private_key"),
    ("snowflake", "extra__snowflake__private_key_content", "private_key"),
    ("ssh", "private_key", "private_key"),
    ("yandexcloud", "oauth", "bearer_token"),
    # their names say it
    ("wasb", "sas_token", "bearer_token"),
    ("wasb", "shared_access_key", "secret_value"),
    ("salesforce", "security_token", "bearer_token"),
    ("google_ads", "developer_token", "bearer_token"),
    ("ssh", "private_key_passphrase", "password"),
    ("weaviate", "token", "bearer_token"),
]
PASSWORDS: list[tuple[str, SecretKind]] = [
    ("aws", "aws_secret_key"),
    ("azure", "client_secret"),
    ("chime", "webhook_url"),
    ("databricks", "bearer_token"),
    ("dbt_cloud", "bearer_token"),
    ("github", "bearer_token"),
    ("openai", "api_key"),
    ("pinecone", "api_key"),
    ("postgres", "password"),
    ("slack", "bearer_token"),
    ("telegram", "bearer_token"),
    ("vault", "bearer_token"),
    ("wasb", "secret_value"),
]

# Where a connection is defined: what is told of it, as (place's last part, kind).
Told = set[tuple[str, str]]


def in_a_mapping(fields: dict[str, Any]) -> Told:
    return {(one.place, one.kind) for one in found_in("", {"c": fields})}


def in_code(fields: dict[str, Any]) -> Told:
    given = ", ".join(f"{name}={value!r}" for name, value in fields.items())
    tree = ast.parse(f"Connection(conn_id='c', {given})")
    return {(one.found.place, one.found.kind) for one in found_in_python(tree)}


def given(fields: dict[str, Any]) -> Told:
    fact = connection(
        parse_text(json.dumps(fields)),
        environment="prod",
        conn_id="c",
        origin=Origin(source="c.json"),
        fingerprint=KEY,
    )
    return {(one.place, one.kind) for one in fact.secrets_known}


def last(told: Told) -> Told:
    return {(place.rpartition(".")[2], kind) for place, kind in told}


@pytest.mark.parametrize("ask", [in_a_mapping, in_code, given])
@pytest.mark.parametrize(("conn_type", "name", "kind"), EXTRAS)
def test_an_extra_is_a_secret_by_the_type(
    conn_type: str, name: str, kind: str, ask: Callable[[dict[str, Any]], Told]
) -> None:
    fields = {"conn_type": conn_type, "extra": {name: VALUE, "timeout": 10}}
    told = last(ask(fields))
    assert (name, kind) in told
    as_text = {**fields, "extra": json.dumps(fields["extra"])}
    assert (name, kind) in last(ask(as_text))


@pytest.mark.parametrize(("conn_type", "kind"), PASSWORDS)
def test_a_password_is_what_its_type_says(conn_type: str, kind: str) -> None:
    fields = {"conn_type": conn_type, "password": VALUE}
    assert given(fields) == in_code(fields) == {("password", kind)}
    assert ("c.password", kind) in in_a_mapping(fields)


def test_with_a_login_it_is_a_password() -> None:
    assert password_kind("databricks", "me") == "password"
    assert password_kind("databricks", None) == "bearer_token"


@pytest.mark.parametrize(
    "value",
    ["{{ var.value.key }}", "***", "changeme", "/keys/id_rsa", "projects/p/secrets/x"],
)
def test_what_stands_for_a_secret_is_none(value: str) -> None:
    for conn_type, name, _ in EXTRAS[:12]:
        fields = {"conn_type": conn_type, "extra": {name: value}}
        assert in_a_mapping(fields) == in_code(fields) == set()


def test_of_another_type_the_same_extra_says_nothing() -> None:
    fields = {"conn_type": "generic", "extra": {"oauth": VALUE, "write_key": VALUE}}
    assert in_a_mapping(fields) == in_code(fields) == given(fields) == set()
    assert extra_kinds("generic") == {}


# (file, content, line, kind)
FILES: dict[str, tuple[str, str, int, str]] = {
    "export": (
        "connections.json",
        json.dumps({"c": {"conn_type": "segment", "extra": {"write_key": VALUE}}}, indent=1),
        5,
        "api_key",
    ),
    "export, JSON in JSON": (
        "connections.json",
        json.dumps(
            {"c": {"conn_type": "segment", "extra": json.dumps({"write_key": VALUE})}},
            indent=1,
        ),
        4,
        "api_key",
    ),
    "REST": (
        "answer.json",
        json.dumps(
            {"connections": [{"connection_type": "slack", "password": VALUE}]}, indent=1
        ),
        5,
        "bearer_token",
    ),
    "Astro": (
        "airflow_settings.yaml",
        f"airflow:\n connections:\n - conn_id: c\n   conn_type: slack\n   conn_password: {VALUE}\n",
        5,
        "bearer_token",
    ),
    "URI": (".env", f"\nAIRFLOW_CONN_C=yandexcloud://?oauth={VALUE}\n", 2, "bearer_token"),
    "JSON in .env": (
        ".env",
        f'A=1\nAIRFLOW_CONN_C=\'{{"conn_type": "pagerduty", "extra": {{"routing_key": "{VALUE}"}}}}\'\n',
        2,
        "api_key",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_in_files_it_is_one_credential_at_its_line(case: str, tmp_path: Path) -> None:
    name, content, line, kind = FILES[case]
    (tmp_path / name).write_text(content)
    facts = (
        find_files(tmp_path, [tmp_path], only=None, exclude=(), fingerprint=KEY)
        .read()
        .embedded_secrets
    )
    assert [(one.secret, one.origin.line) for one in facts] == [(kind, line)]
