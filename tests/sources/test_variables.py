"""Airflow Variables from every source, and what of them never gets any further."""

import json
import os
from pathlib import Path

import pytest
import yaml
from msgspec import UNSET

from dagwarden.facts import Facts
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.read import MAX_ENTRIES, MAX_VALUE, read_variables
from dagwarden.sources.variables.records import HIDDEN, Entry

ACCOUNT = "etl@shop.iam.gserviceaccount.com"


def read(folder: Path, spec: str, content: str | bytes) -> tuple[Layer[Entry], Facts]:
    data = content.encode() if isinstance(content, str) else content
    (folder / spec.partition(":")[2]).write_bytes(data)
    return read_variables(spec, "prod", folder, {})


EXPORTED: dict[str, tuple[object, Entry]] = {
    "text": ("eu", Entry("eu", UNSET)),
    "text that is JSON": ('{"a": 1}', Entry('{"a": 1}', {"a": 1})),
    "number": (7, Entry("7", 7)),
    "truth": (True, Entry("true", True)),
    "null": (None, Entry("null", None)),
    # its text may have been 1.10
    "decimal": (1.1, Entry(UNSET, 1.1)),
    # ... and an object's may have any layout
    "object": ({"a": ["b"]}, Entry(UNSET, {"a": ["b"]})),
    "described": ({"value": "eu", "description": "where"}, Entry("eu", UNSET)),
    "described object": (
        {"value": {"a": 1}, "description": None},
        Entry(UNSET, {"a": 1}),
    ),
    "described or an object": ({"value": "eu"}, HIDDEN),
    "described or another object": ({"value": "eu", "a": 1}, HIDDEN),
}


@pytest.mark.parametrize(("value", "entry"), EXPORTED.values(), ids=EXPORTED)
def test_an_export_says_the_text_where_that_is_certain(
    tmp_path: Path, value: object, entry: Entry
) -> None:
    layer, facts = read(tmp_path, "export:v.json", json.dumps({"x": value}))
    assert layer == Layer({"x": entry})
    assert facts.gaps == ()
    (file,) = facts.files
    assert (file.path, file.kind) == ("v.json", "variables")


def test_every_source_is_read(tmp_path: Path) -> None:
    entry = Entry("eu", UNSET)
    dotenv = "# c\nexport AIRFLOW_VAR_X='eu'\nAIRFLOW_CONN_X=http://h\nOTHER=1\n"
    astro = {"airflow": {"variables": [{"variable_name": "X", "variable_value": "eu"}]}}
    for spec, content, upper in (
        ("env:.env", dotenv, True),
        ("local:v.json", '{"X": "eu"}', False),
        ("local:v.yaml", "X: eu\n", False),
        ("local:v.env", "X=eu\n", False),
        ("export:v.yaml", "X: eu\n", False),
        ("astro:s.yaml", yaml.safe_dump(astro), False),
    ):
        layer, facts = read(tmp_path, spec, content)
        assert layer == Layer({"X": entry}, upper), spec
        assert facts.gaps == ()
    environ = {"AIRFLOW_VAR_X": "eu", "AIRFLOW_CONN_Y": "http://h", "X": "1"}
    layer, facts = read_variables("env:", "prod", tmp_path, environ)
    assert layer == Layer({"X": entry}, upper=True)
    assert facts.files[0].path == "env:"


@pytest.mark.parametrize(
    ("spec", "content"),
    [
        ("local:v.json", '{"x": 1}'),
        ("local:v.json", '{"x": ["a", "b"]}'),
        ("local:v.yaml", "x: 2020-01-01\n"),
        ("astro:v.yaml", "airflow: {variables: [{variable_name: x}]}"),
        ("astro:v.yaml", "airflow: {variables: [{variable_name: x, variable_value: 1}]}"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_there_and_not_known(
    tmp_path: Path, spec: str, content: str
) -> None:
    layer, facts = read(tmp_path, spec, content)
    assert layer == Layer({"x": HIDDEN})
    assert facts.gaps == ()


@pytest.mark.parametrize("value", ["${HOME}", "a$HOME", '"$(pwd)"', "x-${A}-y"])
def test_what_is_filled_in_later_is_not_known(tmp_path: Path, value: str) -> None:
    layer, _ = read(tmp_path, "env:.env", f"AIRFLOW_VAR_X={value}\n")
    assert layer.entries == {"X": HIDDEN}
    layer, _ = read(tmp_path, "env:.env", "AIRFLOW_VAR_X='${HOME}'\n")
    assert layer.entries == {"X": Entry("${HOME}", UNSET)}


BAD: dict[str, tuple[str, str | bytes, str, str]] = {
    "no JSON": ("export:v.json", '{"x": "hunter2-secret', "syntax", "is no valid JSON"),
    "a list": ("export:v.json", "[1]", "malformed", "no object"),
    "deep": ("export:v.json", '{"x": ' + "[" * 99_999, "too_deep", "too deeply"),
    "long number": ("export:v.json", f'{{"x": {"9" * 5_000}}}', "syntax", "too long"),
    "no UTF-8": ("export:v.json", b'{"x": "\xff"}', "encoding", "not UTF-8"),
    "binary": ("export:v.json", b"\0", "encoding", "NUL"),
    "no YAML": ("local:v.yaml", "a: [", "syntax", "no valid YAML"),
    "alias bomb": (
        "local:v.yaml",
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{c}: &{c} [{','.join([f'*{p}'] * 9)}]\n"
            for p, c in zip("abcdefg", "bcdefgh", strict=True)
        ),
        "too_large",
        "too many values",
    ),
    "no name": ("local:v.yaml", "1: a\nx: b\n", "malformed", "no text"),
    "no line": ("local:v.env", "x=b\nhunter2-secret\n", "syntax", "NAME=value"),
    "no astro file": ("astro:v.yaml", "[]", "malformed", "no list `variables`"),
    "no astro list": ("astro:v.yaml", "airflow: {variables: 1}", "malformed", "no list"),
    "no astro name": ("astro:v.yaml", "airflow: {variables: [1]}", "malformed", "no text"),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "content", "reason", "detail"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_one_gap_and_makes_the_source_partial(
    tmp_path: Path, spec: str, content: str | bytes, reason: str, detail: str
) -> None:
    layer, facts = read(tmp_path, spec, content)
    (gap,) = facts.gaps
    assert gap.reason == reason
    assert detail in gap.detail
    assert "\n" not in gap.detail
    assert "hunter2" not in gap.detail
    assert gap.incomplete
    assert not layer.whole
    # what could be read of it counts
    expected = {"x": Entry("b", UNSET)} if "x" in layer.entries else {}
    assert layer.entries == expected


def test_the_last_of_equal_names_counts_as_in_airflow(tmp_path: Path) -> None:
    layer, facts = read(tmp_path, "export:v.json", '{"x": "a", "x": "b"}')
    assert layer.entries == {"x": Entry("b", UNSET)}
    assert facts.gaps == ()


def test_size_is_bounded(tmp_path: Path) -> None:
    many = {f"x{i}": "a" for i in range(MAX_ENTRIES + 5)}
    layer, facts = read(tmp_path, "export:v.json", json.dumps(many))
    assert len(layer.entries) == MAX_ENTRIES
    assert [gap.reason for gap in facts.gaps] == ["too_large"]
    layer, _ = read(tmp_path, "export:v.json", json.dumps({"x": "a" * (MAX_VALUE + 1)}))
    assert layer.entries == {"x": HIDDEN}
    deep: object = "x"
    for _ in range(70):
        deep = {"a": deep}
    layer, _ = read(tmp_path, "export:v.json", json.dumps({"x": deep}))
    assert layer.entries["x"].text is UNSET


def test_a_folder_or_a_loop_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    _, facts = read_variables("export:folder", "prod", tmp_path, {})
    assert [gap.reason for gap in facts.gaps] == ["unreadable"]
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    _, facts = read_variables("export:loop", "prod", tmp_path, {})
    assert [gap.reason for gap in facts.gaps] == ["unreadable"]


SECRET = "kT9vQ2mZx81LpWc4"
PEM = f"-----BEGIN PRIVATE KEY-----\\n{SECRET * 3}\\n-----END PRIVATE KEY-----\\n"
HELD_BACK: dict[str, tuple[str, object]] = {
    "by Airflow's list": ("my_Password_old", SECRET),
    "however harmless": ("token_url", "https://h.example/token"),
    "3.x only": ("sentry_dsn", SECRET),
    "an account that is none": ("service_account", SECRET),
    "our own names": ("db_pwd", SECRET),
    "by shape": ("x", f"AIza{SECRET * 2}abc"),
    "in a URL": ("x", f"https://u:{SECRET}@h.example/"),
    "a key file": ("x", {"type": "service_account", "private_key": PEM}),
    "a key file's text": ("x", f'{{"type": "service_account", "private_key": "{PEM}"}}'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), HELD_BACK.values(), ids=HELD_BACK)
def test_a_secret_is_dropped_where_it_is_read(
    tmp_path: Path, name: str, value: object
) -> None:
    layer, facts = read(tmp_path, "export:v.json", json.dumps({name: value}))
    assert layer.entries[name].text is UNSET
    assert SECRET not in repr(layer)
    assert SECRET not in repr(facts)


def test_only_the_secrets_of_an_object_are_dropped(tmp_path: Path) -> None:
    value = {
        "region": "eu",
        "password": SECRET,
        "env": [{"name": "DB_PASSWORD", "value": SECRET}, {"name": "A", "value": "b"}],
        "nested": {"api_key": [SECRET], "hook": f"https://u:{SECRET}@h.example/"},
        "service_account": ACCOUNT,
        "service_accounts": [ACCOUNT, SECRET],
    }
    for content in (json.dumps({"x": value}), json.dumps({"x": json.dumps(value)})):
        layer, _ = read(tmp_path, "export:v.json", content)
        assert layer.entries["x"] == Entry(
            UNSET,
            {
                "region": "eu",
                "password": UNSET,
                "env": [
                    {"name": "DB_PASSWORD", "value": UNSET},
                    {"name": "A", "value": "b"},
                ],
                "nested": {"api_key": [UNSET], "hook": UNSET},
                "service_account": ACCOUNT,
                "service_accounts": [ACCOUNT, UNSET],
            },
        )


def test_the_digest_tells_nothing_of_the_values(tmp_path: Path) -> None:
    _, one = read(tmp_path, "export:v.json", '{"x": "pin-1234"}')
    _, other = read(tmp_path, "export:v.json", '{"x": "pin-1235"}')
    assert one.files[0].sha256 == other.files[0].sha256
    _, third = read(tmp_path, "export:v.json", '{"y": "pin-1235"}')
    assert third.files[0].sha256 != other.files[0].sha256
