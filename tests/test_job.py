"""From the command line to settings: which environment reads which paths."""

from hashlib import sha256
from pathlib import Path

import pytest
from msgspec.structs import replace

from dagwarden.errors import ConfigError, UsageError
from dagwarden.job import Arguments, chosen, moment, perform, prepare, settle
from dagwarden.sources.estate import no_progress

TWO = """
[[environment]]
name = "prod"
dags = ["prod"]
[[environment]]
name = "lab"
dags = ["lab", "extra"]
"""


DEEP = """
[[environment]]
name = "lab"
dags = ["lab", "b/dags"]
[[environment]]
name = "away"
dags = ["../elsewhere"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("prod/team", "lab", "extra", "stray", "b/dags", ".git"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("prod/a.py", "lab/b.py", "stray/c.py"):
        (tmp_path / name).write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("config", "paths", "expected", "only"),
    [
        ("", [], {"default": (".",)}, None),
        ('snapshots = ["iam.ndjson"]', [], {"default": ()}, None),
        ("", ["prod"], {"default": ("prod",)}, None),
        ("", ["prod/a.py"], {"default": (".",)}, ["prod/a.py"]),
        ("", ["prod", "lab/b.py"], {"default": ("prod", "lab/b.py")}, None),
        (TWO, [], {"prod": ("prod",), "lab": ("lab", "extra")}, None),
        (TWO, ["prod"], {"prod": ("prod",)}, None),
        (TWO, ["prod/team"], {"prod": ("prod/team",)}, None),
        (TWO, ["extra", "stray"], {"lab": ("extra",), "default": ("stray",)}, None),
        (TWO, ["prod/a.py"], {"prod": ("prod",)}, ["prod/a.py"]),
        (
            TWO,
            ["."],
            {"prod": ("prod",), "lab": ("lab", "extra"), "default": (".",)},
            None,
        ),
        (DEEP, ["lab", "b"], {"lab": ("lab", "b/dags"), "default": ("b",)}, None),
        (DEEP, ["prod"], {"default": ("prod",)}, None),
        (
            TWO,
            ["prod/a.py", "stray/c.py"],
            {"prod": ("prod",), "default": ("stray/c.py",)},
            ["prod/a.py", "stray/c.py"],
        ),
    ],
)
def test_paths_go_to_the_environment_they_lie_in(
    config: str,
    paths: list[str],
    expected: dict[str, tuple[str, ...]],
    only: list[str] | None,
    folder: Path,
) -> None:
    (folder / "dagwarden.toml").write_text(config)
    settled, restricted = settle(Arguments(paths=tuple(map(Path, paths))))
    assert {item.name: item.dags for item in settled.environments} == expected
    assert restricted == (only and tuple(folder / name for name in only))


def test_the_command_line_is_added_to_the_configuration(folder: Path) -> None:
    (folder / "dagwarden.toml").write_text('ignore = ["audit"]\ngate = "low"')
    (folder / "iam.ndjson").write_text("")
    (folder / "venv/bin").mkdir(parents=True)
    (folder / "venv/bin/python").touch()
    settled, _ = settle(
        Arguments(
            ignore=("evidence",),
            gate="critical",
            snapshots=(Path("iam.ndjson"),),
            connections=("env:",),
            variables=("env:",),
            runs_as="a@p.iam.gserviceaccount.com",
            airflow_python=Path("venv/bin/python"),
        )
    )
    assert settled.ignore == ("audit", "evidence")
    assert (settled.gate, settled.snapshots) == ("critical", ("iam.ndjson",))
    (environment,) = settled.environments
    assert environment.connections == ("env:",)
    assert environment.variables == ("env:",)
    assert environment.runs_as == "a@p.iam.gserviceaccount.com"
    assert environment.airflow_python == str(folder / "venv/bin/python")


@pytest.mark.parametrize(
    ("config", "said", "partial"),
    [
        ("", Arguments(), False),
        ("", Arguments(paths=(Path("prod"),)), False),
        ("", Arguments(paths=(Path("prod/a.py"),)), True),
        (TWO, Arguments(paths=(Path("prod"),)), True),
        (TWO, Arguments(), False),
        ("", Arguments(select=("grants",)), True),
        ("", Arguments(ignore=("grants",)), True),
    ],
)
def test_a_part_of_the_estate_or_of_the_rules_is_known_as_one(
    config: str, said: Arguments, partial: bool, folder: Path
) -> None:
    (folder / "dagwarden.toml").write_text(config)
    assert settle(said)[0].partial is partial


def test_what_steers_a_scan_is_among_its_inputs(folder: Path) -> None:
    (folder / "w.yaml").write_text("waivers: []")
    (folder / "c.yaml").write_text("controls: []")
    (folder / "dagwarden.toml").write_text('waivers = ["w.yaml"]\ncontrols = "c.yaml"')
    result = perform(prepare(Arguments()), no_progress)
    assert {(file.kind, file.path) for file in result.files} >= {
        ("configuration", "dagwarden.toml"),
        ("waivers", "w.yaml"),
        ("controls", "c.yaml"),
    }
    digests = {file.path: file.sha256 for file in result.files}
    assert digests["w.yaml"] == sha256(b"waivers: []").hexdigest()


def test_a_stray_path_needs_the_name_default_free(folder: Path) -> None:
    (folder / "dagwarden.toml").write_text(TWO.replace('"lab"\n', '"default"\n', 1))
    with pytest.raises(UsageError, match="stray lies in no environment"):
        settle(Arguments(paths=(Path("stray"),)))


def test_rules_are_selected_and_ignored_by_id_and_family(folder: Path) -> None:
    ready = prepare(Arguments(select=("grants",), ignore=("public-invoker",)))
    assert {rule.family for rule in ready.rules} == {"grants"}
    assert "public-invoker" not in {rule.id for rule in ready.rules}
    with pytest.raises(UsageError, match="did you mean grants"):
        chosen(ready.rules, replace(ready.config, select=("grant",)))


def test_parameters_of_a_rule_left_out_are_checked_all_the_same(folder: Path) -> None:
    config = folder / "dagwarden.toml"
    config.write_text("[params.stale-user-managed-key]\nmax_age_days = 30")
    assert prepare(Arguments(select=("grants",))).config.params == {}
    config.write_text("[params.stale-user-managed-key]\nmax_age = 30")
    with pytest.raises(ConfigError, match="max_age"):
        prepare(Arguments(select=("grants",)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", "2026-11-22T00:00:00+00:00"),
        ("2026-11-22T06:00:00Z", "2026-11-22T06:00:00+00:00"),
        ("2026-11-22T06:00:00+02:00", "2026-11-22T04:00:00+00:00"),
    ],
)
def test_times_are_read_in_utc(text: str, expected: str) -> None:
    assert moment(text).isoformat() == expected
