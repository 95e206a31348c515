"""What names a Google credential that is kept elsewhere, and what only looks like it."""

import ast

import pytest
from msgspec.structs import astuple

from dagwarden.sources.credentials.references import (
    references_in_python,
    references_in_text,
)

ADC = "GOOGLE_APPLICATION_CREDENTIALS"
ACTIVATE = "activate-service-account"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{ADC}=/keys/a.json", [(1, ADC, "/keys/a.json", False)]),
        (f"x: 1\n{ADC}: keys/a.json", [(2, ADC, "keys/a.json", False)]),
        (f"ENV {ADC} /keys/a", [(1, ADC, "/keys/a", False)]),
        (f'export {ADC}="${{KEY}}"', [(1, ADC, None, False)]),
        (f"- name: {ADC}\n  value: /keys/a", [(2, ADC, "/keys/a", False)]),
        (f'{{"name": "{ADC}", "value": "/a"}}', [(1, ADC, "/a", False)]),
        (f"run --set-env-vars {ADC}=/a,B=c", [(1, ADC, "/a", False)]),
        (f'"environ[\\"{ADC}\\"] = \\"/a\\"\\n"', [(1, ADC, "/a", False)]),
        (
            f"gcloud auth {ACTIVATE} \\\n  --key-file=/k",
            [(2, ACTIVATE, "/k", True)],
        ),
        ("  keyfile: /a/b.json", [(1, "keyfile", "/a/b.json", False)]),
        ("key_secret_name = loader", [(1, "key_secret_name", "loader", True)]),
        # none
        (f"# {ADC}=/keys/a.json", []),
        (f"{ADC}=", []),
        (f'if [ -z "${ADC}" ]; then', []),
        (f"- name: {ADC}\n  valueFrom:\n    path: /x", []),
        ("keyfile: secrets/dbt", []),
        ("gcloud auth login --cred-file=/a.json", []),
    ],
)
def test_settings_and_commands(
    text: str, expected: list[tuple[int, str, str | None, bool]]
) -> None:
    assert [astuple(one) for one in references_in_text(text)] == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (f"os.environ['{ADC}'] = '/a'", [(1, ADC, "/a", False)]),
        (f"os.environ['{ADC}'] = made()", [(1, ADC, None, False)]),
        (f"p = 'a.json'\nsetenv('{ADC}', p)", [(2, ADC, "a.json", False)]),
        (f"run(env={{'{ADC}': '{{{{ x }}}}'}})", [(1, ADC, None, False)]),
        (f"EnvVar(name='{ADC}', value='/a')", [(1, ADC, "/a", False)]),
        (
            "C.from_service_account_file('a.json', scopes=[])",
            [(1, "from_service_account_file", "a.json", True)],
        ),
        (
            "load_credentials_from_file(filename='a')",
            [(1, "load_credentials_from_file", "a", False)],
        ),
        (
            f"run(bash_command='gcloud auth {ACTIVATE} --key-file /k')",
            [(1, ACTIVATE, "/k", True)],
        ),
        (
            "def f(service_account_file='a.json'): ...",
            [(1, "service_account_file", "a.json", True)],
        ),
        # none
        (f"'''Set {ADC}=/a.json first.'''", []),
        (f"# os.environ['{ADC}'] = '/a'\nx = os.environ['{ADC}']", []),
        (f"os.environ['{ADC}'] = ''", []),
        (f"os.environ['{ADC}'] = '{{\"type\": 1}}'", []),
        ("copy(key_path='bucket/folder/object')", []),
        ("C.from_service_account_info(info)", []),
    ],
)
def test_python(code: str, expected: list[tuple[int, str, str | None, bool]]) -> None:
    found = references_in_python(ast.parse(code), code)
    assert [astuple(one) for one in found] == expected
