"""Texts that are told to be clear at a glance: what a search would find nothing in."""

import base64
import gzip
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dagwarden.sources.credentials import found_in
from dagwarden.sources.credentials.screen import is_clear, needed
from dagwarden.sources.credentials.shapes import is_plain
from dagwarden.sources.credentials.walk import work_of
from dagwarden.sources.credentials.work import allowance

ENOUGH = 1_000_000
# From so many texts on they are judged at all.
for _ in range(5):
    is_clear("page " * 3_900)
RANDOM = "q7Hx2m9vKd4tzB1nw8cFj5rgY3ls6pA0eioU"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlX29mX2l0"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


# What stands in texts around credentials, and in texts without one.
PARTS = [
    *("ghp_", "AIza", "hf_", "1//", "SG.", "eyJ", "glpat-", "npm_", JWT, RANDOM),
    *("password", "apiKey", "TOKEN", "client_secret", "pat", "passed", "monkey"),
    *("=", ":", ": ", " = ", "=>", "==", '":"', "'", '"', "]", "${", "}", ":-", "-"),
    *("--password ", "--", " -p ", " -u a:", "curl", "mysql", "unzip -P ", "zip -P "),
    *(
        "docker login",
        "openssl enc",
        "airflow users create",
        "airflow",
        " set ",
        " put ",
    ),
    *(
        "config",
        "variables",
        "echo ",
        "printf ",
        " | sudo -S",
        "identified by '",
        "by '",
    ),
    *(
        "Bearer ",
        "basic ",
        "ssws\t",
        "https://",
        "://u:",
        "@host",
        "?",
        "&",
        "sqlplus a/",
    ),
    # what people write, and methods, cookies and commands that name nothing
    *("the password of it", " is ", "Tr0ub4dor", "password is: ", " <- ", " ?= "),
    *("setPassword(", '("', "('", "', '", "`", "cookie: ", "Cookie", "session="),
    *("JSESSIONID", "; ", "curl -b ", "--from-literal=", " secret ", "generic"),
    *("echo a:Tr0ub4dor", " | chpasswd", "ConvertTo-SecureString ", "-AsPlainText"),
    *("db2 connect to a user b using ", "rabbitmqctl add_user a ", ".LOGON h/u,"),
    *("net use Z: \\\\a\\b ", "mc alias set a b c ", "quote PASS ", "htpasswd -nb a "),
    *("getConnection(a, b, ", "Credentials(", "SET PASSWORD FOR a = ", "{PLAIN}"),
    *("SECRET_ACCESS_KEY ", "sqlldr a/", "expdp ", "Authorization: Token ", " -P "),
    *("openweathermap.org/?", "appid=", "7z x -p", "bcp a ", "beeline -p ", "vsql -w "),
    b"Tr0ub4dor and more of it".hex(),
    *("jdbc:oracle:thin:a/", "%3A", "%", "{", "[", "{{ ", " }}", '{"', '["', "base64"),
    *("private_key", "-----BEGIN PRIVATE KEY-----", "MII", "Hunter2!x", "secret_id"),
    *(
        b64(b"password=Tr0ub4dor"),
        b64(gzip.compress(b'{"password": "Tr0ub4dor"}', mtime=0)),
    ),
    *(
        " ",
        "\n",
        "\t",
        "\u2003",
        "\x1c",
        "a",
        "the page",
        "projects/p",
        "\u017f",
        "\u212a",
    ),
]


@given(st.lists(st.sampled_from(PARTS), max_size=9).map("".join))
@example("\u2003".join(b64(b"password=Tr0ub4dor and more")))
@example("--api-\u212aey Tr0ub4dor-and-more")
@example(f" secret --from-literal=a={RANDOM}")
@example("password for a='Tr0ub4dor'")
@example("sudo zip -P Tr0ub4dor x.zip # unzip -l")
def test_nothing_is_found_in_what_is_clear(text: str) -> None:
    if len(text) < 4 or is_plain(text) or not is_clear(text):
        return
    with allowance(ENOUGH) as left:
        assert list(found_in("", text, weak=True)) == []
    # beside one unit for a value, whatever it is
    assert ENOUGH - left.left == 1 + work_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "[START howto_operator_create_job]",
        "projects/harbour/locations/europe-west1/jobs/tides",
        "gs://bucket/{{ ds }}/part-*.csv",
        "to you under the Apache License, Version 2.0 (the",
        "SELECT COUNT(*) FROM tides.ports WHERE port = 'north'",
        "Delete the resources for the given project",
        "{{ task_instance.xcom_pull('make')['name'] }}",
        "the key is kept elsewhere, and its password too",
    ],
)
def test_most_texts_are_clear(text: str) -> None:
    assert is_clear(text)


@pytest.mark.parametrize(
    "text",
    [
        f"ghp_{RANDOM}",
        "postgresql://etl:Tr0ub4dor@db/tides",
        "export DB_PASSWORD=Tr0ub4dor",
        b64(b"password=Tr0ub4dor and more"),
        b64(gzip.compress(b'{"password": "Tr0ub4dor"}', mtime=0)),
        "half a character: \ud800",
        "a: b, " * 30,  # so many that looking at each is work
    ],
)
def test_these_are_looked_into(text: str) -> None:
    assert not is_clear(text)


def test_nothing_is_counted_in_what_is_asked_at_once() -> None:
    # RE2 then keeps no state for long, and takes ten times as long for each text
    assert re.findall(r"(?<!\\)\{\d*,\d*\}", "|".join(needed())) == []
