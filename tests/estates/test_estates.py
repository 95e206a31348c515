"""
The installed command over whole invented companies.

`fixtures/<estate>/README.md` says what is planted where, `expected.json` what every
rule has to say about it. After a change that is meant:

    .venv/bin/python -m pytest tests/estates --update-expected

and read every line of the difference: it is written by the tool that is tested.
"""

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures"
ESTATES = tuple(sorted(path.name for path in FIXTURES.iterdir() if path.is_dir()))
COMMAND = Path(sys.executable).parent / "dagwarden"
AS_OF = "2026-11-20T06:00:00Z"


class Answer(NamedTuple):
    """How one run ended, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(self.out)["result"]
        return result


def scan(
    estate: Path, *arguments: str, cwd: Path | None = None, **environ: str
) -> Answer:
    """Scan by the estate's operator's configuration, from inside the estate."""
    ended = subprocess.run(
        [
            *(COMMAND, "scan", "--as-of", AS_OF),
            *("--config", estate / "operator.toml" if cwd else "operator.toml"),
            *arguments,
        ],
        cwd=cwd or estate,
        # nothing of this machine's own settings reaches the scan
        env={"PATH": os.environ["PATH"], "HOME": os.devnull, **environ},
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Answer(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


@cache
def answer(estate: str) -> Answer:
    return scan(FIXTURES / estate, "--format", "json")


def summary(given: Answer) -> dict[str, Any]:
    """Reduce a run to what an estate's author can say beforehand."""
    result = given.result
    verdicts: dict[str, dict[str, Any]] = {"fail": {}, "unknown": {}, "pass": {}}
    for verdict in sorted(
        result["verdicts"], key=lambda item: (item["rule"], item["subject"])
    ):
        of_rule = verdicts[verdict["outcome"]].setdefault(verdict["rule"], {})
        of_rule[verdict["subject"]] = sorted(
            f"{item['reason']}: {item['symbol']}" for item in verdict["missing"]
        )
    return {
        "exit": given.status,
        "fail": {rule: list(found) for rule, found in verdicts["fail"].items()},
        "unknown": verdicts["unknown"],
        "pass": {rule: list(found) for rule, found in verdicts["pass"].items()},
        "not_run": {
            rule["id"]: rule["not_run"] for rule in result["rules"] if rule["not_run"]
        },
        "gaps": sorted(told(gap) for gap in result["gaps"]),
        "excluded": sorted(
            f"{item['kind']} {item['what']}: {item['reason']}"
            for item in result["excluded"]
        ),
        "waivers": sorted(
            f"{item['id']} {item['status']}: {item['note']}"
            for item in result["waivers"]
        ),
    }


def told(gap: dict[str, Any]) -> str:
    line = gap["origin"]["line"]
    place = gap["origin"]["source"] + (f":{line}" if line else "")
    return f"{place} {gap['reason']}" + ("" if gap["incomplete"] else " (harmless)")


# ------------------------------------------------------------------------- verdicts


@pytest.mark.parametrize("estate", ESTATES)
def test_every_verdict_is_the_expected_one(
    estate: str, request: pytest.FixtureRequest
) -> None:
    expected = FIXTURES / estate / "expected.json"
    found = summary(answer(estate))
    if request.config.getoption("--update-expected", default=False):
        text = json.dumps(found, indent=1, sort_keys=True, ensure_ascii=True)
        expected.write_text(text + "\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


# What it speaks of is undecided: it never fails.
DOUBTS = "possible-secret-in-repository"


def test_every_rule_is_seen_to_fail_and_to_pass() -> None:
    rules = {rule["id"] for rule in answer("demo").result["rules"]}
    for outcome, others in (("fail", {DOUBTS}), ("pass", set[str]())):
        seen = {rule for name in ESTATES for rule in summary(answer(name))[outcome]}
        assert rules - seen == others, f"never seen to {outcome}"


def test_in_the_sound_estate_nothing_fails_and_nothing_is_unknown() -> None:
    found = summary(answer("sound"))
    assert (found["fail"], found["unknown"], found["gaps"]) == ({}, {}, [])
    assert scan(FIXTURES / "sound", "--strict", "--persona", "auditor").status == 0


def test_what_cannot_be_decided_never_fails() -> None:
    found = summary(answer("unknowns"))
    assert found["fail"] == {}
    assert all(why for rule in found["unknown"].values() for why in rule.values())


def test_what_cannot_be_decided_fails_only_a_strict_scan() -> None:
    assert answer("unknowns").status == 0
    assert scan(FIXTURES / "unknowns", "--strict").status == 3


def test_what_cannot_be_read_has_its_own_exit_status() -> None:
    assert answer("broken").status == 3
    assert all(not summary(answer(name))["gaps"] for name in ("demo", "sound"))


def test_the_list_of_estates_says_how_each_scan_ends() -> None:
    text = (FIXTURES / "README.md").read_text(encoding="utf-8")
    said = re.findall(r"^\| ([a-z]+) \|[^|]+\| (\d) \|$", text, re.MULTILINE)
    ended = [(estate, str(answer(estate).status)) for estate in ESTATES]
    assert sorted(said) == ended
    assert f"--as-of {AS_OF}`" in text


@pytest.mark.parametrize("estate", ESTATES)
def test_what_the_readme_says_is_planted_is_found(estate: str) -> None:
    """Rows of the README's table are: what | where | `rule` | `outcome`."""
    rows = re.findall(
        r"^\|[^|]+\|[^|]+\| `([a-z-]+)` \| ([a-z]+) \|$",
        (FIXTURES / estate / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    found = summary(answer(estate))
    assert [row for row in rows if row[0] not in found[row[1]]] == []
    listed = {row for row in rows if row[1] == "fail"}
    assert {rule for rule, _ in listed} == set(found["fail"])


# ---------------------------------------------------------------------- determinism


@pytest.mark.parametrize("estate", ESTATES)
def test_the_same_input_gives_the_same_bytes(estate: str, tmp_path: Path) -> None:
    again = scan(
        *(FIXTURES / estate, "--format", "json"),
        cwd=tmp_path,
        PYTHONHASHSEED="4711",
        LC_ALL="C",
        TZ="Pacific/Auckland",
    )
    assert result_bytes(again) == result_bytes(answer(estate))


def result_bytes(given: Answer) -> str:
    """Return the report as printed, up to the run's envelope."""
    before, run, envelope = given.out.partition('"run"')
    assert run
    assert '"result"' not in envelope
    return before


# ------------------------------------------------------------------------- bad input

MARKUP = re.compile(r"<(script>alert|img src=x|svg onload|iframe src=)", re.IGNORECASE)
CONTROLS = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]"
)


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    given = scan(
        FIXTURES / "hostile", "--persona", "auditor", "--verbose", "-o", str(page)
    )
    assert (CONTROLS.findall(given.out), given.status) == ([], 3)
    assert MARKUP.findall(page.read_text(encoding="utf-8")) == []
    assert "{{ 7*7 }}" in page.read_text(encoding="utf-8")


PLANTED = (
    "brine-otter-4471-mast",
    "hl1.kestrel9f27c04be15d83a6",
    "hlp-7d1f0c93b8e64a52af71c0de",
    "hostile.kestrel9f27c04be15d83a6",
    "mast-brine-2209-otter",
    "mooring-line-58-oak",
    "never-reported-11",
    "quay-side-9-lanterns",
    "AjdkYWd3YXJkZW4gZml4dHVyZSBsaW5l",  # the private keys' first lines
    "AmRkYWd3YXJkZW4gZml4dHVyZSwgdXBs",
)


def test_what_is_planted_is_in_the_fixtures() -> None:
    read = "".join(
        path.read_text(encoding="utf-8")
        for name in ("demo", "hostile")
        for path in (FIXTURES / name).rglob("*")
        if path.is_file()
    )
    assert [value for value in PLANTED if value not in read] == []


@pytest.mark.parametrize("form", ["text", "json", "sarif", "html"])
@pytest.mark.parametrize("estate", ["demo", "hostile"])
def test_no_secret_leaves(estate: str, form: str) -> None:
    given = scan(
        *(FIXTURES / estate, "--format", form, "--persona", "auditor", "--verbose"),
        DAGWARDEN_FINGERPRINT_KEY="a key of the estates' tests",
    )
    assert given.out
    assert [value for value in PLANTED if value in given.out + given.err] == []


def test_what_cannot_be_committed_is_a_gap_too(tmp_path: Path) -> None:
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "round").symlink_to(dags)
    (dags / "self.py").symlink_to("self.py")
    (dags / "nowhere.py").symlink_to("no-such-file.py")
    (dags / "enormous.py").write_bytes(b"from airflow import DAG\n" + b"#" * 40_000_000)
    deep = "from airflow import DAG\nx = " + "(" * 50_000 + ")" * 50_000
    (dags / "deep.py").write_text(deep)
    (dags / "fine.py").write_text(
        "from airflow import DAG\ndag = DAG('fine', schedule=None)\n"
    )
    (tmp_path / "iam.ndjson").write_text('{"name": ' + "[" * 100_000 + "\n")
    (tmp_path / "connections.json").write_text('{"c": ' * 20_000)
    (tmp_path / "operator.toml").write_text(
        'snapshots = ["iam.ndjson"]\n'
        "[[environment]]\n"
        'name = "prod"\n'
        'dags = ["dags"]\n'
        'connections = ["export:connections.json"]\n'
    )
    given = scan(tmp_path, "--format", "json")
    assert (given.status, "Traceback" in given.err) == (3, False)
    gaps = {told(gap) for gap in given.result["gaps"]}
    assert gaps == {
        "connections.json too_deep",
        "dags/deep.py:2 syntax",
        "dags/enormous.py too_large",
        "dags/enormous.py too_large (harmless)",
        "dags/nowhere.py unreadable",
        "dags/round unreadable",
        "dags/self.py unreadable",
        "iam.ndjson:1 malformed",
    }
    assert given.result["counts"]["dag"] == 1
