"""What code is told of connections: what Airflow gives, and no secret."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.sources.connections.read import read_connections
from dagwarden.sources.connections.records import HIDDEN, Connections, Entry
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.layers import Layer

PASSWORD = "brine-otter-4471"
NOTHING: dict[str, object] = {}


def layer_of(
    spec: str, content: str, folder: Path, environ: Mapping[str, str] | None = None
) -> Layer[Entry]:
    if name := spec.partition(":")[2]:
        (folder / name).write_text(content)
    key = Fingerprint(b"key", True)
    return read_connections(spec, "prod", folder, folder, key, environ or {})[0]


def stated(value: str) -> Entry:
    """Return what is told of the connection that an environment variable defines."""
    layer = layer_of("env:", "", Path(), {"AIRFLOW_CONN_X": value})
    assert layer.upper
    return layer.entries["X"]


def written(**fields: object) -> str:
    return json.dumps({"conn_type": "http", **fields})


# As `Connection.from_uri` and `from_json` of Airflow 3.3 give them: type, host, schema,
# login, port, extra_dejson.
KNOWN: dict[str, tuple[str, Entry]] = {
    "URI": (
        "http://user:pw-4471@Host.Example.COM:8443/sch?region=eu",
        Entry("http", "host.example.com", "sch", "user", 8443, {"region": "eu"}),
    ),
    "URI of nothing": ("http://", Entry("http", "", "", None, None, {})),
    "URI with a protocol": (
        "http://user:pw-4471@https%3A%2F%2Fapi.x.app/",
        Entry("http", "https://api.x.app", "", "user", None, {}),
    ),
    "URI with two protocols": (
        "http://https://api.x.app:444/a",
        Entry("http", "https://api.x.app", "a", None, 444, {}),
    ),
    "quoted": (
        "my-type://us%20er:pw-4471@h/a%2Fb?__extra__=%7B%22n%22%3A+1%7D",
        Entry("my_type", "h", "a/b", "us er", None, {"n": 1}),
    ),
    "no login": ("http://:pw-4471@h", Entry("http", "h", "", "", None, {})),
    "postgresql": ("postgresql://h/d", Entry("postgres", "h", "d", None, None, {})),
    "google": (
        "google-cloud-platform://?project=shop&num_retries=x",
        Entry(
            *("google_cloud_platform", "", "", None, None),
            {"project": "shop", "num_retries": "x"},
        ),
    ),
    "JSON": (
        written(host="https://H.run.app", login="u", password="pw-4471", port="443"),
        Entry("http", "https://H.run.app", None, "u", 443, {}),
    ),
    "JSON with empty texts": (
        written(host="", schema="", login="", port=0, extra=""),
        Entry("http", "", "", "", None, {}),
    ),
    "JSON with extra": (
        written(extra={"a": {"b": [1, "x", None]}, "t": True, "f": 0.5}),
        Entry(
            *("http", None, None, None, None),
            {"a": {"b": [1, "x", None]}, "t": True, "f": 0.5},
        ),
    ),
    "JSON with extra as text": (
        written(extra='{"n": 1, "s": "2"}'),
        Entry("http", None, None, None, None, {"n": 1, "s": "2"}),
    ),
    "JSON of another spelling": (
        '{"conn_type": "google-cloud-platform", "description": "d"}',
        Entry("google_cloud_platform", None, None, None, None, {}),
    ),
    "e-mail": (
        "http://etl%40shop.iam.gserviceaccount.com@h",
        Entry("http", "h", "", "etl@shop.iam.gserviceaccount.com", None, {}),
    ),
}


@pytest.mark.parametrize(("value", "entry"), KNOWN.values(), ids=KNOWN)
def test_what_is_told_is_what_airflow_gives(value: str, entry: Entry) -> None:
    assert stated(value) == entry


HALF_KNOWN: dict[str, tuple[str, Entry]] = {
    # Airflow 3.3 makes a number of it in some places, a text in others
    "a number in a query": (
        "http://h?n=1&t=true&s=a",
        Entry("http", "h", "", None, None, {"n": UNSET, "t": UNSET, "s": "a"}),
    ),
    "a number as host": (
        written(host=5, schema=1.5, login=7, password="p"),
        Entry("http", UNSET, UNSET, UNSET, None, {}),
    ),
    "no type": ('{"host": "h"}', Entry(UNSET, "h", None, None, None, {})),
    "a dollar": (written(host="h-${X}"), Entry("http", UNSET, None, None, None, {})),
    "no list of fields": (written(extra="[1]"), HIDDEN),
    "no JSON in extra": (written(extra="x"), HIDDEN),
    "what Airflow refuses": (written(host="h", conn_id="x"), HIDDEN),
    "another spelling of a field": (written(conn_host="h"), HIDDEN),
    "a URI in JSON": ('{"uri": "http://h"}', HIDDEN),
    "no connection": ("nothing", HIDDEN),
}


@pytest.mark.parametrize(("value", "entry"), HALF_KNOWN.values(), ids=HALF_KNOWN)
def test_what_is_not_certain_is_not_told(value: str, entry: Entry) -> None:
    assert stated(value) == entry


SECRET: dict[str, dict[str, object]] = {
    "a login that may be a token": {"login": "kwv5t2"},
    "a login of a key": {"conn_type": "aws", "login": "u", "password": "p"},
    "a login like a key": {"login": "AKIAIOSFODNN7ABCDEFG", "password": "p"},
    "a login like a token": {"login": "kT9vQ2mZx81LpWc4", "password": "p"},
    "the password again": {"login": f"x{PASSWORD}", "password": PASSWORD},
    "a user in the host": {"host": "https://u:pw-4471@h"},
    "a token in the host": {"host": "https://kwv5t2@h"},
    "a webhook": {"host": "https://hooks.slack.com/services/T00000000/B0000000/kT9vQ2mZx81LpWc4"},
    "a query": {"host": "https://h/?token=brine-otter"},
    "a mask": {"host": "***"},
}  # fmt: skip


@pytest.mark.parametrize("fields", SECRET.values(), ids=SECRET)
def test_a_field_that_may_be_a_secret_is_not_told(fields: dict[str, object]) -> None:
    entry = stated(written(**fields))
    (name, _), *_ = [one for one in fields.items() if one[0] in ("login", "host")]
    assert getattr(entry, name) is UNSET
    others = {"host", "login", "schema"} - {name}
    assert {getattr(entry, other) for other in others} == {None}


def test_extras_that_may_be_secrets_are_there_and_not_told() -> None:
    hidden = {
        **dict.fromkeys(("api_key", "Authorization", "X-Auth", "Cookie", "sig"), "kwv5"),
        **{name: {"a": "b"} for name in ("keyfile_dict", "session_kwargs")},
        "again": f"is {PASSWORD}",
        "opaque": "kT9vQ2mZx81LpWc4",
        "dsn_of": f"postgresql://u:{PASSWORD}x@h/d",
        "mask": "***",
    }  # fmt: skip
    extra = {**hidden, "region": "eu", "deep": {"token": "x", "list": ["a", "***"]}}
    told = stated(written(password=PASSWORD, extra=extra)).extra
    assert told == {
        **dict.fromkeys(hidden, UNSET),
        "region": "eu",
        "deep": {"token": UNSET, "list": ["a", UNSET]},
    }


def exported(**fields: object) -> str:
    return json.dumps({"X": {"conn_type": "http", **fields}})


ENTRY = Entry("http", "H.app", None, "u", 1, {"a": "b"})
FIELDS: dict[str, object] = {
    "host": "H.app",
    "login": "u",
    "password": PASSWORD,
    "port": 1,
    "extra": '{"a": "b"}',
}
LISTED = {"id": "1", "conn_id": "X", "get_uri": "http://", "is_encrypted": "True"}
ASTRO = {
    "conn_id": "X",
    "conn_type": "http",
    "conn_host": "H.app",
    "conn_login": "u",
    "conn_password": PASSWORD,
    "conn_port": 1,
    "conn_extra": {"a": "b"},
}


def test_every_source_is_read(tmp_path: Path) -> None:
    line = f"export AIRFLOW_CONN_X='{written(**FIELDS)}'\n"
    rest = {"connection_id": "X", "conn_type": "http", "schema": None, **FIELDS}
    listed = {**LISTED, "conn_type": "http", **FIELDS, "port": "1", "extra": None}
    for spec, content, entry in (
        ("env:.env", line, ENTRY),
        ("export:c.json", exported(**FIELDS), ENTRY),
        ("local:c.json", exported(**FIELDS), ENTRY),
        ("local:c.yaml", yaml.safe_dump({"X": {"conn_type": "http", **FIELDS}}), ENTRY),
        ("astro:a.yaml", yaml.safe_dump({"airflow": {"connections": [ASTRO]}}), ENTRY),
        ("export:l.json", json.dumps([listed]), replace(ENTRY, extra=UNSET)),
        ("export:r.json", json.dumps(rest), ENTRY),
        ("local:c.env", "X=http://h/", Entry("http", "h", "", None, None, {})),
    ):
        layer = layer_of(spec, content, tmp_path)
        assert layer == Layer({"X": entry}, upper=spec.startswith("env:")), spec


def test_a_file_of_facts_says_only_that_there_is_one(tmp_path: Path) -> None:
    fact = {"conn_id": "x", "conn_type": "http", "host": "h"}
    document = {"dagwarden_connections": {"version": 1}, "connections": [fact]}
    layer = layer_of("facts:f.json", json.dumps(document), tmp_path)
    assert layer == Layer({"x": HIDDEN})


def test_an_exported_uri_does_not_say_all(tmp_path: Path) -> None:
    def told(uri: str) -> Entry:
        return layer_of("export:e.env", f"x={uri}\n", tmp_path).entries["x"]

    assert told("http://u:p@h/") == Entry(UNSET, "h", UNSET, "u", None, {})
    assert told("http://H/s") == Entry(UNSET, UNSET, "s", UNSET, None, {})
    assert told("http://https://u:pw@h.App/").host is UNSET
    assert told("http://https://u:pw@h.app/").host == "https://h.app"


def test_an_answer_that_leaves_something_out_leaves_it_open(tmp_path: Path) -> None:
    rest = {"connection_id": "x", "conn_type": "http", "host": "h", "login": None}
    entries = layer_of("export:r.json", json.dumps(rest), tmp_path).entries
    assert entries == {"x": Entry("http", "h", UNSET, None, UNSET, UNSET)}


@pytest.mark.parametrize("value", ["${HOME}", "http://h-$HOME", '"http://$(x)/"'])
def test_what_is_filled_in_later_is_not_told(tmp_path: Path, value: str) -> None:
    layer = layer_of("env:.env", f"AIRFLOW_CONN_X={value}\n", tmp_path)
    assert layer == Layer({"X": HIDDEN}, upper=True)


@pytest.mark.parametrize(
    "content",
    [
        '{"x": "http://h", "y": {"conn_id": "z", "host": "h"}}',
        '{"x": "http://h", "y": {"host": "h", "strange": 1}}',
        '{"x": "http://h", "y": {"extra": "{}", "extra_dejson": {}}}',
        '{"x": "http://h", "y": ["http://h", "http://i"]}',
        '{"x": "http://h", "y": "{}"}',
        '{"x": "http://h", "y": "nothing"}',
        '{"x": "http://h", "y": {"extra": "nothing"}}',
    ],
)
def test_one_entry_that_airflow_refuses_costs_a_local_file(
    tmp_path: Path, content: str
) -> None:
    assert layer_of("local:c.json", content, tmp_path) == Layer({}, whole=False)


def test_a_source_that_is_not_read_whole_may_hold_others(tmp_path: Path) -> None:
    lines = "AIRFLOW_CONN_X=http://h\nAIRFLOW_CONN_x=http://h\n"
    assert layer_of("env:.env", lines, tmp_path).whole
    broken = layer_of("env:.env", f"{lines}broken line\n", tmp_path)
    assert (list(broken.entries), broken.whole) == (["X"], False)
    assert layer_of("export:c.json", "{", tmp_path) == Layer({}, whole=False)
    assert layer_of("export:c.json", '{"x": {"host": []}}', tmp_path) == Layer(
        {"x": HIDDEN}, whole=False
    )


def test_the_first_source_that_has_it_counts() -> None:
    first = Entry("http", "first", None, None, None, {})
    second = replace(first, host="second")
    upper = Layer({"MY_CONN": first}, upper=True)
    both = Connections((upper, Layer({"my_conn": second, "Other": second})))
    assert both.find("my_conn") == first
    assert both.find("My_Conn") == first
    assert both.find("Other") == second
    assert both.find("other") == HIDDEN
    assert replace(both, complete=True).find("other") is None
    unread = Connections((Layer({}, whole=False), upper), complete=True)
    assert unread.find("my_conn") == HIDDEN
