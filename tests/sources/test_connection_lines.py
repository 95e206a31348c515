"""The line at which each entry of a document begins: its key, or its element."""

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.facts import Facts, Origin
from dagwarden.sources.connections.formats import (
    MAX_LINES,
    entry_lines,
    read_json,
    read_yaml,
)
from dagwarden.sources.connections.read import read_connections
from dagwarden.sources.credentials import Fingerprint

KEPT = Fingerprint(b"a key of the operator", True)


def facts_of(folder: Path, spec: str, text: str) -> Facts:
    (folder / spec.partition(":")[2]).write_text(text, encoding="utf-8", newline="")
    return read_connections(spec, "prod", folder, folder, KEPT, {})[1]


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ('{"a": 1,\n"b": 2}', (), {"a": 1, "b": 2}),
        ('{"a":{"b":[1,"}"]},"b":{}}', (), {"a": 1, "b": 1}),
        ('{\n"a": {\n"a": {\n"a": 1}},\n"b": "\\"a\\": {"}', (), {"a": 2, "b": 5}),
        (
            '{\n"a\\u0062\\n": 1,\n"\\ud83d\\ude00": 2}',
            (),
            {"ab\n": 2, "\U0001f600": 3},
        ),
        ('{"a": 1,\n"b": 2,\n"a": 3}', (), {"a": 3, "b": 2}),
        ('{\r\n"a"\r\n:\r\n1\r\n,\r\n"b":\t2}\r\n', (), {"a": 2, "b": 6}),
        (
            '\n\n[\n1, {"a":\n2},\n[3], null, -1e5, true\n, ""]',
            (),
            (4, 4, 6, 6, 6, 6, 7),
        ),
        ('{"c": [1],\n"c": [\n{},\n{}]}', ("c",), (3, 4)),
        ('{"a": {"c": 0},\n"b": {"c":\n[\n0]}}', ("b", "c"), (4,)),
        ('{"a": 1}', ("b", "c"), {}),
        ('{"a": 1}', ("a",), {}),
        ("{}", (), {}),
        ("[ ]", (), {}),
        ("7", (), {}),
    ],
)
def test_lines_of_json(
    text: str, path: tuple[str, ...], lines: dict[object, int] | tuple[int, ...]
) -> None:
    read_json(text)
    expected = dict(enumerate(lines)) if isinstance(lines, tuple) else lines
    assert entry_lines(text, "json", *path) == expected


@pytest.mark.parametrize(
    ("text", "path", "lines"),
    [
        ("a: 1\n\n# b: 0\nb:\n  a: 2\n", (), {"a": 1, "b": 4}),
        ("---\na: |\n  b: 1\n  c\nb: 1\na: 2\n", (), {"b": 5, "a": 6}),
        ("a: 1\r\nb: 2\r\n", (), {"a": 1, "b": 2}),
        ("{a: 1,\n 'b''c': {d: 2}, ? e\n : 3}", (), {"a": 1, "b'c": 2, "e": 2}),
        ("yes: 1\n7: 2\n1.0: 3\n", (), {True: 3, 7: 2}),
        # an alias is read where its anchor stands, as is what is merged
        (
            "x: &x\n  h: 1\n  i: 2\n<<: *x\ni: 3\ny: *x\n",
            (),
            {"h": 2, "i": 5, "x": 1, "y": 6},
        ),
        ("a:\n- b: &b\n    - c\n- *b\n", ("a",), (2, 2)),
        ("- a\n-\n  b: 1\n- - c\n", (), (1, 3, 4)),
        ("a:\n  c: [1,\n   2]\n", ("a", "c"), (2, 3)),
        ("a: b\n", ("a", "c"), {}),
        ("", (), {}),
        ("", ("a",), {}),
    ],
)
def test_lines_of_yaml(
    text: str, path: tuple[str, ...], lines: dict[object, int] | tuple[int, ...]
) -> None:
    read_yaml(text)
    expected = dict(enumerate(lines)) if isinstance(lines, tuple) else lines
    assert entry_lines(text, "yaml", *path) == expected


PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(PLAIN, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    VALUES.filter(lambda value: isinstance(value, dict | list)),
    st.sampled_from((None, 0, 1, 4)),
    st.booleans(),
)
def test_entries_stand_where_pretty_printing_puts_them(
    value: dict[str, object] | list[object], indent: int | None, below: bool
) -> None:
    document: object = {"other": value, "a": {"b": value}} if below else value

    def broken(one: object) -> int:
        return json.dumps(one, indent=indent).count("\n")

    each = 0 if indent is None else 1  # whether an entry has a line of its own
    at = 1 + each + (broken(value) + 3 * each if below else 0)
    expected: dict[object, int] = {}
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for name, one in entries:
        expected[name] = at
        at += broken(one) + each
    text = json.dumps(document, indent=indent)
    path = ("a", "b") if below else ()
    assert entry_lines(text, "json", *path) == expected
    assert entry_lines(text, "yaml", *path) == expected


@given(st.dictionaries(PLAIN | st.integers() | st.booleans(), VALUES, max_size=5))
def test_entries_of_yaml_are_called_as_they_are_in_the_document(
    value: dict[object, object],
) -> None:
    text = yaml.dump(value, sort_keys=False)
    assert entry_lines(text, "yaml").keys() == value.keys()


def test_of_too_many_entries_no_line_is_known() -> None:
    most = "[" + "0,\n" * (MAX_LINES - 1) + "0]"
    assert entry_lines(most, "json")[MAX_LINES - 1] == MAX_LINES
    assert entry_lines(f"[0,{most[1:]}", "json") == {}
    assert entry_lines("{" + '"a": 1, ' * MAX_LINES + '"b": []}', "json", "b") == {}


def test_depth_at_the_limit_of_reading_costs_only_the_line(tmp_path: Path) -> None:
    for depth in range(900, 1100):
        text = '{"a": ' + "[" * depth + "]" * depth + "}"
        assert entry_lines(text, "json") in ({"a": 1}, {})
        facts_of(tmp_path, "export:c.json", text)


HTTP = {"conn_type": "http", "host": "h"}
ASTRO = """
airflow:
  pools: []
  connections:
    - conn_id: a
      conn_type: http
    - conn_type: http
    - {conn_id: b,
       conn_type: http}
"""


@pytest.mark.parametrize(
    ("spec", "text", "lines", "gaps"),
    [
        ("export:c.json", json.dumps({"a": HTTP, "b": 7}, indent=1), (2, 6), [6]),
        ("export:c.json", json.dumps({"a": HTTP, "b": HTTP}), (1, 1), []),
        (
            "local:c.json",
            '\ufeff{"a": "http://h",\n"b": ["x://h",\n"y://h"]}',
            (1, 2),
            [],
        ),
        ("local:c.yml", "a: http://h\n\nb:\n  conn_type: http\n", (1, 3), []),
        (
            "export:list.json",
            '[\n{"conn_id": "a"},\n{"conn_type": "http"},\n{\n"conn_id": "b"}]',
            (2, 4),
            [3],
        ),
        (
            "export:api.json",
            '{"total_entries": 2,\n"connections": [{"connection_id": "a"},\n{\n"connection_id": "b"}]}',
            (2, 3),
            [],
        ),
        ("export:api.json", '{\n"conn_type": "http",\n"connection_id": "b"}', (3,), []),
        ("astro:airflow_settings.yaml", ASTRO, (5, 8), [7]),
        ("export:ids.json", '{\n"a": "x://h",\n"http://u:pw-1@h": "x://h"}', (2,), [3]),
    ],
)
def test_a_connection_is_told_with_the_line_of_its_entry(
    spec: str, text: str, lines: tuple[int, ...], gaps: list[int], tmp_path: Path
) -> None:
    facts = facts_of(tmp_path, spec, text)
    source = spec.partition(":")[2]
    assert [connection.origin for connection in facts.connections] == [
        Origin(source=source, line=line, field=connection.conn_id)
        for line, connection in zip(lines, facts.connections, strict=True)
    ]
    assert [gap.origin.line for gap in facts.gaps] == gaps
