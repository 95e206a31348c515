"""Configuration files: what is read, refused, and left to whom."""

from pathlib import Path

import pytest

from dagwarden.config import Config, Environment, load_config, relative
from dagwarden.errors import ConfigError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def repository(folder: Path, text: str) -> Path:
    (folder / ".git").mkdir(parents=True)
    write(folder / "dagwarden.toml", text)
    return folder


def test_without_any_file_the_defaults_hold_and_the_repository_is_trusted(
    tmp_path: Path,
) -> None:
    (tmp_path / ".git").mkdir()
    assert load_config(None, [], tmp_path) == Config(root=str(tmp_path))
    assert Config().trust_repository


def test_the_repositorys_file_is_found_from_a_folder_below(tmp_path: Path) -> None:
    repository(tmp_path, 'gate = "low"\nexclude = ["legacy/*"]')
    below = tmp_path / "dags" / "team"
    below.mkdir(parents=True)
    config = load_config(None, [], below)
    assert (config.gate, config.exclude, config.root) == (
        "low",
        ("legacy/*",),
        str(tmp_path),
    )


@pytest.mark.parametrize(
    "account",
    [
        "unknown",
        "etl@acme-data.iam.gserviceaccount.com",
        "123-compute@developer.gserviceaccount.com",
        "composer:projects/p/locations/l/environments/e",
        "composer://composer.googleapis.com/projects/p/locations/l/environments/e",
    ],
)
def test_what_tasks_may_run_as(account: str, tmp_path: Path) -> None:
    path = write(
        tmp_path / "operator.toml", f"[[environment]]\nname='a'\nruns_as='{account}'"
    )
    assert load_config(path, [], tmp_path).environments[0].runs_as == account


def test_the_search_ends_at_the_repositorys_root(tmp_path: Path) -> None:
    write(tmp_path / "dagwarden.toml", 'gate = "low"')
    inner = tmp_path / "checkout"
    (inner / ".git").mkdir(parents=True)
    assert load_config(None, [], inner).gate == "high"


def test_pyproject_counts_only_with_our_table(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    pyproject = write(tmp_path / "pyproject.toml", '[project]\nname = "x"')
    assert load_config(None, [], tmp_path).files == ()
    pyproject.write_text('# [tool.dagwarden]\n[project]\nname = "x"')
    assert load_config(None, [], tmp_path).gate == "high"
    pyproject.write_text('[tool.dagwarden]\ngate = "medium"')
    assert load_config(None, [], tmp_path).gate == "medium"


def test_an_environment_is_read_whole(tmp_path: Path) -> None:
    path = write(
        tmp_path / "operator.toml",
        """
        [[environment]]
        name = "prod"
        dags = ["dags"]
        runs_as = "etl@acme-data.iam.gserviceaccount.com"
        airflow = "2.11"
        connections = ["env:.env", "export:connections.json"]
        connections_complete = true
        exclusive_accounts = ["etl@acme-data.iam.gserviceaccount.com"]
        variables = ["export:variables.json", "env:"]
        variables_complete = true
        [environment.airflow_settings]
        "core.default_task_execution_timeout" = ""
        [params.stale-user-managed-key]
        max_age_days = 30
        """,
    )
    config = load_config(path, [], tmp_path)
    assert config.environments == (
        Environment(
            name="prod",
            dags=("dags",),
            runs_as="etl@acme-data.iam.gserviceaccount.com",
            airflow="2.11",
            connections=("env:.env", "export:connections.json"),
            connections_complete=True,
            exclusive_accounts=("etl@acme-data.iam.gserviceaccount.com",),
            variables=("export:variables.json", "env:"),
            variables_complete=True,
            airflow_settings={"core.default_task_execution_timeout": ""},
        ),
    )
    assert config.params == {"stale-user-managed-key": {"max_age_days": 30}}
    assert not config.trust_repository


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("gat = 'low'", "unknown key 'gat'; did you mean gate?"),
        (
            "[[environment]]\nname = 'a'\nrun_as = 'x'",
            "unknown key 'run_as' in environment[0]; did you mean runs_as?",
        ),
        (
            "[[environment]]\nname = 'a'\nexclusive_accounts = ['etl']",
            "environment a: exclusive_accounts: 'etl' names no account; write service",
        ),
        ("gate = 'severe'", "gate: Invalid enum value 'severe'; use one of info, low"),
        (
            "strict = 'yes'",
            "strict: Expected `bool`, got `str`; write true or false, without quotes",
        ),
        (
            "snapshots = 'iam.ndjson'",
            'snapshots: Expected `array`, got `str`; write a list: snapshots = ["..."]',
        ),
        (
            "[environment]\nname = 'a'",
            "environment: Expected `array`, got `object`; write [[environment]]",
        ),
        (
            "[[environment]]\nname = 'a'\nairflow = 2.11",
            "environment[0].airflow: Expected `str | null`, got `float`; write it in quotes",
        ),
        (
            "[[environment]]\nname = 'a'\ndags = 'dags/'",
            'environment[0].dags: Expected `array`, got `str`; write a list: dags = ["..."]',
        ),
        ("[[environment]]\ndags = []", "Object missing required field `name`"),
        (
            "[[environment]]\nname = 'a'\n[[environment]]\nname = 'a'",
            "environment 'a' is declared twice",
        ),
        (
            "[[environment]]\nname = 'a'\nconnections = ['conns.json']",
            "write KIND:FILE with KIND one of env, export, astro, local, facts",
        ),
        (
            "[[environment]]\nname = 'a'\nairflow_settings = {parallelism = '1'}",
            "no rule asks for 'parallelism'; known: core.default_task_execution",
        ),
        (
            "[[environment]]\nname = 'a'\nrun_as = 'x'",
            "did you mean runs_as?",
        ),
        (
            "[[environment]]\nname = 'a'\nruns_as = 'etl'",
            "runs_as = 'etl' names no account; write a service account's e-mail",
        ),
        (
            "[[environment]]\nname = 'a'\nairflow = 'newest'",
            "airflow = 'newest' is no version",
        ),
        (
            "[[environment]]\nname = 'a'\nconnections = ['evn:.env']",
            "connections: 'evn' is no kind of source",
        ),
        (
            "[[environment]]\nname = 'a'\nvariables = ['facts:v.json']",
            "variables: 'facts' is no kind of source; write KIND:FILE with KIND one of env",
        ),
        (
            "[[environment]]\nname = 'a'\nvariables = ['export:']",
            "variables: `export:` names no file",
        ),
        ("gate = ", "is not valid TOML"),
    ],
)
def test_a_wrong_file_says_where_and_what_to_do(
    text: str, line: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "operator.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_config(path, [], tmp_path)
    assert line in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = 1\n" * 200_000])
def test_what_is_no_configuration_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "operator.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load_config(path, [], tmp_path)


@pytest.mark.parametrize(
    ("asked", "said", "applied"),
    [
        ('gate = "low"', "gate = low: applied, it is stricter", True),
        ('gate = "critical"', "gate = critical: not applied, it is looser", False),
        ("strict = true", "strict = true: applied, it is stricter", True),
        (
            'ignore = ["public-invoker"]',
            "ignore = public-invoker: not applied (trust_repository is off)",
            False,
        ),
        (
            'waivers = ["w.yaml"]',
            "waivers = w.yaml: not applied (trust_repository is off)",
            False,
        ),
        (
            "trust_repository = true",
            "trust_repository: not applied, the operator's configuration decides it",
            False,
        ),
    ],
)
def test_beside_an_operators_file_a_repository_only_tightens(
    asked: str, said: str, applied: bool, tmp_path: Path
) -> None:
    repository(tmp_path / "repo", asked)
    operator = write(
        tmp_path / "operator.toml", '[[environment]]\nname = "p"\ndags = ["repo"]'
    )
    config = load_config(operator, [], tmp_path)
    assert config.repository_requests == (f"repo/dagwarden.toml: {said}",)
    changed = (config.gate, config.strict, config.ignore, config.waivers) != (
        "high",
        False,
        (),
        (),
    )
    assert changed is applied
    assert not config.trust_repository


def test_a_trusted_repository_may_loosen_and_its_paths_follow_it(
    tmp_path: Path,
) -> None:
    repository(tmp_path / "repo", 'ignore = ["audit"]\nwaivers = ["w.yaml"]')
    operator = write(
        tmp_path / "operator.toml",
        'trust_repository = true\n[[environment]]\nname = "p"\ndags = ["repo"]',
    )
    config = load_config(operator, [], tmp_path)
    assert (config.ignore, config.waivers) == (("audit",), ("repo/w.yaml",))
    assert len(config.repository_requests) == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [("dags/a.py", "dags/a.py"), ("../other/a.py", "../other/a.py"), (".", ".")],
)
def test_paths_are_relative_to_the_root(
    path: str, expected: str, tmp_path: Path
) -> None:
    assert relative(tmp_path / path, tmp_path) == expected


PROGRAM = '[[environment]]\nname = "a"\nairflow_python = "venv/bin/python"\n'


def test_an_operator_may_name_a_program_to_run(tmp_path: Path) -> None:
    """Where it lies does not depend on what state of the repository is scanned."""
    path = write(tmp_path / "operator.toml", PROGRAM)
    (environment,) = load_config(path, [], tmp_path).environments
    assert environment.airflow_python == str(tmp_path / "venv/bin/python")
    absolute = PROGRAM.replace("venv/bin", "/opt/bin")
    path = write(tmp_path / "operator.toml", absolute)
    (environment,) = load_config(path, [], tmp_path).environments
    assert environment.airflow_python == "/opt/bin/python"


def test_a_repository_may_not_name_a_program_to_run(tmp_path: Path) -> None:
    """Also where it is trusted with all else: running code is another matter."""
    config = load_config(None, [], repository(tmp_path, PROGRAM))
    assert [environment.airflow_python for environment in config.environments] == [None]
    assert config.repository_requests == (
        "dagwarden.toml: decides all, no operator's configuration was given",
        (
            "dagwarden.toml: airflow_python of environment a: not applied, only"
            " --airflow-python or --config may name a program to run"
        ),
    )


def test_beside_an_operators_file_a_repositorys_program_is_not_run(
    tmp_path: Path,
) -> None:
    operator = write(
        tmp_path / "operator.toml",
        'trust_repository = true\n[[environment]]\nname = "a"\ndags = ["repo"]',
    )
    repository(tmp_path / "repo", PROGRAM)
    config = load_config(operator, [], tmp_path)
    assert [environment.airflow_python for environment in config.environments] == [None]
    assert config.repository_requests == (
        (
            "repo/dagwarden.toml: environment: not applied, the operator's"
            " configuration decides it"
        ),
    )
