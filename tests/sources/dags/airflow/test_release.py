"""What a file asks of Airflow's release: as Airflow answers, where it is given."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.sources.dags.airflows import PYTHONS, VERSIONS
from tests.sources.dags.conftest import NoFiles
from tests.sources.dags.language.test_soundness import agrees

from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.release import SDK
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.language.values import Value, why_unknown
from dagwarden.sources.dags.parse import parsed

HEAD = """\
import airflow, airflow.version
from airflow import __version__
from packaging import version
from packaging.version import Version, parse
def numbers():
    v = Version(__version__)
    return v.major, v.minor, v.micro
"""
# what both releases answer for certain, given as "2.11" and "3.3"
DECIDED = [
    "airflow.__version__.startswith('2')",
    "__version__.startswith('2.')",
    "__version__.startswith(('1.', '2.11.'))",
    "airflow.version.version.startswith('3.')",
    "__version__[0] == '2'",
    "int(__version__[0]) >= 3",
    "__version__.split('.')[0]",
    "int(__version__.split('.')[0]) > 2",
    "int(__version__.split('.')[1])",
    "__version__ >= '3'",
    "__version__ < '2.9'",
    "'2.2' < __version__",
    "Version(__version__) >= Version('3.0.0')",
    "parse(__version__) < parse('3')",
    "version.parse(airflow.__version__) >= version.parse('2.11.0')",
    "version.parse(airflow.__version__) > version.parse('2.4.0')",
    "Version(__version__) >= Version('3.0.0b1')",
    "Version('2.11.0rc1') < Version(__version__)",
    "Version(__version__) == Version('2.10.5')",
    "Version(__version__) != Version('3.0.0')",
    "Version(__version__).major",
    "Version(__version__).minor >= 3",
    "list(Version(__version__).release[:2])",
    "Version(__version__).release >= (3, 0)",
    "Version(Version(__version__).base_version) >= Version('3.0.0.dev0')",
    "numbers() >= (3, 0, 0)",
    "numbers() < (2, 8, 1)",
    "numbers()[0] == 2",
]
# ... and what depends on the third number, or on what is not read
OPEN = [
    "__version__",
    "__version__[-1]",
    "__version__[5:]",
    "__version__.split('.')[2]",
    "len(__version__.split('.'))",
    "__version__.startswith(('3.3.2', '2.11.2'))",
    "__version__ > ('2.11.1' if numbers() < (3,) else '3.3.1')",
    "Version(__version__) > Version('2.11.1' if numbers() < (3,) else '3.3.1')",
    "Version(__version__) == Version('2.11.2' if numbers() < (3,) else '3.3.2')",
    "numbers() >= ((2, 11, 1) if numbers() < (3,) else (3, 3, 1))",
    "Version(__version__).micro",
    "Version(__version__) in [Version('2.11.2'), Version('3.3.2')]",
    "Version(__version__).is_prerelease",
    "Version('1!2.0') > Version(__version__)",
]
IMPORTS = {
    "a handler": (
        "try: from airflow.sdk import dag\nexcept ImportError: x = 2\nelse: x = 3"
    ),
    "all names": (
        f"try:\n from airflow.sdk import {', '.join(sorted(SDK))}\n x = 3\n"
        "except ImportError: x = 2"
    ),
    "another": (
        "try:\n from airflow.sdk import DAG, task\n x = 3\nexcept ImportError: x = 2"
    ),
    "of several": (
        "x = 3\ntry: from airflow.sdk import Variable\n"
        "except (ModuleNotFoundError, KeyError): x = 2\nfinally: y = x"
    ),
}


def followed(program: str, airflow: str | None) -> Value:
    world = World(catalogue(), airflow=airflow)
    world.interpreter = Interpreter(world, NoFiles())
    tree = parsed((HEAD + program).encode())
    return world.interpreter.follow(Source("a.py", "a", tree, False)).scope.names["x"]


ANSWER = """
import json, sys
for program in json.load(sys.stdin):
    names = {}
    exec(program, names)
    print("told", json.dumps(names["x"]))
"""
PROGRAMS = [*(f"x = {one}" for one in (*DECIDED, *OPEN)), *IMPORTS.values()]
RELEASES = {"2.11": "2.11", "3": "3.3"}


@pytest.mark.parametrize("major", VERSIONS)
def test_what_is_decided_is_what_airflow_answers(major: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PYTHONS[major]), "-W", "ignore", "-c", ANSWER],
        input=json.dumps([HEAD + one for one in PROGRAMS]),
        env={"AIRFLOW_HOME": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [one[5:] for one in done.stdout.splitlines() if one.startswith("told ")]
    for program, answer in zip(PROGRAMS, map(json.loads, told), strict=True):
        value = followed(program, RELEASES[major])
        assert (program, agrees(value, answer)) == (program, True)


@pytest.mark.parametrize("release", RELEASES.values())
def test_it_is_decided_where_the_release_is_given_and_only_there(release: str) -> None:
    for program in (*(f"x = {one}" for one in DECIDED), *IMPORTS.values()):
        assert (program, why_unknown(followed(program, release))) == (program, None)
        assert why_unknown(followed(program, None)) is not None
    for one in OPEN:
        assert why_unknown(followed(f"x = {one}", release)) is not None


@pytest.mark.parametrize(
    ("program", "release", "answer"),
    [
        ("Version(__version__) >= Version('2.11.1')", "2.11.1", True),
        ("Version(__version__) > Version('2.11.0')", "2.11.1", True),
        ("Version(__version__) >= Version('2.11.2')", "2.11.1", False),
        # builds of others have a version of their own: 2.11.1+other
        ("Version(__version__) > Version('2.11.1')", "2.11.1", None),
        ("Version(__version__) == Version('2.11.1')", "2.11.1", None),
        ("Version(__version__) > Version('2.11')", "2.11", None),
        ("__version__ == '2.11.1'", "2.11.1", None),
        ("Version(__version__).micro", "2.11.1", 1),
        ("__version__.startswith('2.11.1')", "2.11.1", True),
        ("__version__.startswith('2.11.12')", "2.11.1", None),
        ("__version__ >= '2.11'", "2.11", True),
        ("__version__ >= '2.11.0'", "2.11", None),
        ("numbers() > (2, 11)", "2.11", None),
    ],
)
def test_a_release_is_what_it_is_given_as(
    program: str, release: str, answer: object
) -> None:
    value = followed(f"x = {program}", release)
    assert value == answer if answer is not None else why_unknown(value) is not None


def test_imports_that_are_not_of_airflow_are_followed_both_ways() -> None:
    for imported, release in (
        ("from airflow.sdk import Nothing", "3.3"),
        ("from airflow.sdk.definitions.dag import DAG", "3.3"),
        ("from elsewhere import DAG", "2.11"),
        ("from .sdk import DAG", "2.11"),
    ):
        program = f"try: {imported}\nexcept ImportError: x = 2\nelse: x = 3"
        assert why_unknown(followed(program, release)) is not None
    program = "try: from airflow.sdk import DAG\nexcept KeyError: x = 2\nelse: x = 3"
    assert followed(program, "2.11") != 2
