"""What code writes out as a secret, and that nothing told of the code holds it."""

import pytest

from dagwarden.facts import Origin
from dagwarden.sources.credentials.written import (
    MANY,
    MAX_WRITTEN,
    without,
    written_secrets,
)

SECRET = "Xq7vT9mKp2Lw"


@pytest.mark.parametrize(
    ("code", "written"),
    [
        (f'API_KEY = "{SECRET}"', [SECRET]),
        (f"api_token: str = '{SECRET}'", [SECRET]),
        (f'{{"password": "{SECRET}"}}', [SECRET]),
        (f'os.getenv("DB_PASSWORD", "{SECRET}")', [SECRET]),
        (f'os.environ["DB_PASSWORD"] = "{SECRET}"', [SECRET]),
        (f'PASSWORD = (\n    "{SECRET}"\n)', [SECRET]),
        (f'SECRET_KEY = b"{SECRET}"', [SECRET]),
        (f'print "the password", "{SECRET}"', [SECRET]),
        ('PASSWORD\u2003=\x1c\n "Xq\u0663vTmKp"', ["Xq\u0663vTmKp"]),
        (f'\u00e4_pa\u017fsword\u00e4_token : "list[str]" = "{SECRET}"', []),
        (f'job_name = "{SECRET}"', []),
        # a word would be taken out of words that have nothing to do with it
        ('PASSWORD = "load-orders-2"', []),
        ('API_KEY_NAME = "maps2key9"', []),
        ('TOKEN_URL = "https://login.example/oauth2/token"', []),
        ('password = "{{ conn.dw2.password }}"', []),
    ],
)
def test_what_a_name_says_is_secret_is_one(code: str, written: list[str]) -> None:
    assert list(written_secrets(code)) == written
    written_secrets("#" * MANY)
    # of many files it is asked first whether they have any such name
    assert list(written_secrets(code)) == written


def test_no_more_are_kept_than_a_file_has_reason_to_have() -> None:
    code = "".join(f"password = '{SECRET}{n}'\n" for n in range(MAX_WRITTEN + 9))
    assert len(written_secrets(code)) == MAX_WRITTEN


def test_a_record_loses_them_in_whatever_case() -> None:
    record = (
        Origin(source="a.py", field=f"v1/{SECRET}9/rows"),
        Origin(source="b.py", field=f"https://{SECRET.lower()}.example"),
        Origin(source="c.py", field="rows"),
    )
    clean = without(record, frozenset({SECRET, f"{SECRET}9"}))
    assert [one.field for one in clean] == [
        "v1/***/rows",
        "https://***.example",
        "rows",
    ]
    assert clean[2] is record[2]
    assert without(record, frozenset()) is record
