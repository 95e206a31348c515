"""How much of a file is searched: by what it holds, near linear, and told where it ends."""

import gzip
import json
import random
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.sources.embedded.test_hostile import gaps
from tests.sources.embedded.test_places import PASSWORD, found, looked

from dagwarden.sources.credentials import MAX_TEXT, work
from dagwarden.sources.embedded import file

FIRST = f"{PASSWORD}0"
LAST = "z8Wm4qLr"


def lines(of: str) -> Callable[[int], str]:
    return lambda count: "".join(of.format(n=n) + "\n" for n in range(count))


def document(of: Callable[[int], object]) -> Callable[[int], str]:
    return lambda count: json.dumps([of(n) for n in range(count)], indent=1)


def cells(count: int) -> str:
    source = [f"password{n} = 'x{n}'\n" for n in range(count)]
    return json.dumps({"cells": [{"cell_type": "code", "source": source}]}, indent=1)


# What is far longer than people write it, in each format; a number of parts makes it.
LONG = {
    "settings.env": lines("NAME{n}=some value {n}, that is long"),
    "settings.ini": lines("name{n} = some value {n}, that is long"),
    "settings.yaml": lines("name{n}: some value {n}, that is long"),
    "comments.yaml": lines("# name{n}: some value {n}"),
    "settings.toml": lines("name{n} = 'some value {n}, that is long'"),
    "settings.xml": lines("<name>secret{n}</name><value>some value {n}</value>"),
    "main.tf": lines('name{n} = "some value {n}, that is long"'),
    "names.json": document(lambda n: {f"password_{n}": "changeme"}),
    "texts.json": document(lambda n: f"some text {n}, that = long"),
    "code.py": lines("name{n} = call('some text {n}', password=other{n})"),
    "comments.py": lines("# name{n} = 'some value {n}'"),
    "bodies.py": lines("def f{n}(): return 'some text {n}, that is long'"),
    "cells.ipynb": cells,
    "script.sh": lines("export NAME{n}='some value {n}'"),
    "commands.sh": lines("curl -u name:$PASSWORD{n} https://api.example/{n}"),
    "statements.sql": lines("insert into t values ('{n}', 'password {n}')"),
    "Dockerfile": lines("ENV NAME{n}=value{n}"),
    "prose.txt": lines("Some words about {n}, which hold nothing of a secret."),
    "assigned.js": lines("a:b" * 50),
    "fallbacks.sh": lines("${{ab:-" * 50),
    "signed.txt": lines("?sv=a&sig=" * 50),
    "commands.txt": lines("curl -u " * 50),
    "tokens.txt": lines("eyJhbGciOiJ1.eyJhbGciOiJ1." * 50),
    "frames.txt": lines("-----BEGIN PRIVATE KEY-----"),
}


@pytest.mark.parametrize("name", LONG)
def test_four_times_as_much_takes_four_times_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    spent: list[int] = []

    @contextmanager
    def counting(units: int) -> Generator[work.Allowance, None, None]:
        with work.allowance(10**9) as given:
            yield given
            spent.append(10**9 - given.left)

    monkeypatch.setattr(file, "allowance", counting)
    for count in (250, 1_000):
        (tmp_path / name).write_text(LONG[name](count))
        looked(tmp_path)
    assert spent[0] > 250
    assert 3 < spent[1] / spent[0] < 4.7


# The first credential of each is told, the last one is too far down.
CUT = {
    "a.env": (f"PASSWORD={FIRST}\n", "A{n}=b c, {n}\n", f"PASSWORD={LAST}\n"),
    "a.ini": (f"password = {FIRST}\n", "a{n} = b c, {n}\n", f"password = {LAST}\n"),
    "a.yaml": (f"password: {FIRST}\n", "a{n}: b\n", f"secret: {LAST}\n"),
    "a.json": (f'{{"password": "{FIRST}"', ', "a{n}": "b c, {n}"', f',"pw": "{LAST}"}}'),
    "a.py": (f"password = '{FIRST}'\n", "a{n} = f('{n}')\n", f"pw = '{LAST}'\n"),
    "a.tf": (f'password = "{FIRST}"\n', 'a{n} = "b c"\n', f'password = "{LAST}"\n'),
    "a.sh": (f"PASSWORD='{FIRST}'\n", "export A{n}='b c'\n", f"PASSWORD='{LAST}'\n"),
    "a.js": (f"password = '{FIRST}'\n", "let a{n} = 'b c'\n", f"password = '{LAST}'\n"),
    "Dockerfile": (f"ENV PASSWORD={FIRST}\n", "ENV A{n}=b\n", f"ENV PASSWORD={LAST}\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", CUT)
def test_what_was_found_is_told_where_the_search_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    first, between, last = CUT[name]
    filling = "".join(between.replace("{n}", str(n)) for n in range(400))
    (tmp_path / name).write_text(first + filling + last)
    whole = looked(tmp_path)
    assert [one.origin.line for one in found(whole)][:1] == [1]
    assert (len(found(whole)), whole.gaps) == (2, ())
    # a document of YAML is whole before it is searched
    monkeypatch.setattr(file, "MAX_WORK", 5_600 if name == "a.yaml" else 1_200)
    facts = looked(tmp_path)
    assert [one.credential for one in found(facts)] == [found(whole)[0].credential]
    assert [one.origin.line for one in found(facts)] == [1]
    assert gaps(facts) == [(name, "too_large", False)]


@pytest.mark.parametrize("name", ["a.json", "a.py", "a.js"])
def test_names_in_a_long_text_count(tmp_path: Path, name: str) -> None:
    text = f"{'some words; ' * 20_000} password = '{LAST}';"
    content = {"a.py": f"x = {text!r}\n", "a.json": json.dumps({"x": text})}
    (tmp_path / name).write_text(content.get(name, text))
    facts = looked(tmp_path)
    assert [one.secret for one in found(facts)] == ["password"]
    assert facts.gaps == ()


def test_the_values_of_a_long_module_are_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MAX_WORK", 100_000)
    code = "".join(f"f({n}, 'some text, {n}')\n" for n in range(8_000))
    (tmp_path / "a.py").write_text(f"{code}password = '{LAST}'\n")
    facts = looked(tmp_path)
    assert (found(facts), gaps(facts)) == ([], [("a.py", "too_large", False)])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b64encode(("# ü\nset -e\n" * 90_000 + FIRST).encode()).decode(), True),
        (b64encode(gzip.compress(random.Random(1).randbytes(900_000))).decode(), True),
        (json.dumps([FIRST] * 50_000), True),
        ("%7Bname%7D" * 110_000, True),
        (b64encode(b"\x89PNG\r\n\x1a\n" + b"\1\2\3\xff" * 300_000).decode(), False),
        ("some words, and more of them; " * 40_000, False),
    ],
    ids=["base64", "gzip", "json", "url", "image", "words"],
)
def test_what_is_too_long_to_be_decoded_is_told(
    tmp_path: Path, content: str, told: bool
) -> None:
    assert len(content) > MAX_TEXT
    (tmp_path / "a.json").write_text(json.dumps({"blob": content}))
    assert gaps(looked(tmp_path)) == ([("a.json", "too_large", False)] if told else [])
