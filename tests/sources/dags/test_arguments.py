"""What tasks are given: item by item of a mapped one, bodies, headers."""

from collections.abc import Callable

import pytest
from msgspec import UNSET

from dagwarden.facts import Facts

Scan = Callable[..., Facts]

HEADER = """
import os
from airflow import DAG
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
MANY = CloudRunExecuteJobOperator.partial(task_id='t', project_id='p', region='r', job_name='j')
ENV = [{"env": [{"name": "DB_PASSWORD", "value": "brine-otter-4471"}]}]
"""
SECRET = ["overrides.container_overrides.env.DB_PASSWORD"]


@pytest.mark.parametrize(
    ("expanded", "secrets", "duration"),
    [
        ("expand(overrides=[{'args': [c]} for c in 'ab'])", [], False),
        ("expand(overrides=[{'args': ['{{ ds }}']}, {'container_overrides': ENV}])", SECRET, False),
        ("expand_kwargs([{'overrides': {'container_overrides': ENV}}, {'overrides': {}}])", SECRET, False),
        ("expand(overrides=[{'args': []}, {'timeout': '60s'}])", [], True),
        ("expand(overrides=[{'args': []}, {'task_count': 2}])", [], True),
        ("expand(overrides=[{'args': []}, os.getenv('E')])", UNSET, UNSET),
        ("expand(overrides={'timeout': '60s'})", [], UNSET),
        ("expand(overrides=make())", UNSET, UNSET),
        ("expand_kwargs(make())", UNSET, UNSET),
    ],
)  # fmt: skip
def test_overrides_of_every_item_count(
    scan: Scan, expanded: str, secrets: object, duration: object
) -> None:
    facts = scan(f"{HEADER}with DAG('d'):\n MANY.{expanded}\n")
    (task,), (call,) = facts.tasks, facts.calls
    found = task.secrets
    places = UNSET if found is UNSET else [secret.place for secret in found]
    assert places == secrets
    assert call.overrides_duration == duration


@pytest.mark.parametrize(
    ("overrides", "duration"),
    [
        ("None", False),
        ("{'container_overrides': ENV}", False),
        ("{'timeout': '{{ t }}'}", True),
        ("os.getenv('E')", UNSET),
        ("{**make(), 'x': 1}", UNSET),
    ],
)
def test_overrides_may_say_how_long_a_job_runs(
    scan: Scan, overrides: str, duration: object
) -> None:
    task = f"MANY.operator(overrides={overrides})".replace("MANY.operator", "Run")
    facts = scan(
        f"{HEADER}def Run(**more):\n"
        " return CloudRunExecuteJobOperator(task_id='t', project_id='p', region='r',"
        f" job_name='j', **more)\nwith DAG('d'):\n {task}\n"
    )
    assert [call.overrides_duration for call in facts.calls] == [duration]


@pytest.mark.parametrize(
    ("made", "secrets"),
    [
        ("json.dumps({'day': '{{ ds }}'})", []),
        ("json.dumps({'password': 'brine-otter-4471'}, sort_keys=True)", ["data.password"]),
        ("json.dumps(obj=[{'a': (1, None)}])", []),
        ("json.dumps({'day': os.getenv('DAY')})", UNSET),
        ("json.dumps({1, 2})", UNSET),
        ("json.dumps({}, indent=10**9)", UNSET),
        ("json.dumps({}, default=str)", UNSET),
    ],
)  # fmt: skip
def test_a_body_made_by_json_dumps_is_searched(
    scan: Scan, made: str, secrets: object
) -> None:
    facts = scan(
        "import json, os\nfrom airflow import DAG\n"
        "from airflow.providers.http.operators.http import HttpOperator\n"
        f"with DAG('d'):\n HttpOperator(task_id='t', data={made})\n"
    )
    found = facts.tasks[0].secrets
    assert (UNSET if found is UNSET else [secret.place for secret in found]) == secrets


@pytest.mark.parametrize(
    ("header", "token", "secrets"),
    [
        ("f'Bearer {id_token.fetch_id_token(None, URL)}'", "id_token", []),
        ("'Bearer ' + mint(URL)", "id_token", []),
        ("f'Bearer {other(URL)}'", UNSET, UNSET),
        ("os.getenv('TOKEN')", UNSET, UNSET),
    ],
)
def test_an_id_token_is_known_by_what_mints_it(
    scan: Scan, header: str, token: object, secrets: object
) -> None:
    facts = scan(
        "import os\nfrom airflow import DAG\n"
        "from airflow.providers.http.operators.http import HttpOperator\n"
        "from google.oauth2 import id_token\n"
        "from elsewhere import other\n"
        "URL = 'https://s.a.run.app'\n"
        "def mint(audience):\n return id_token.fetch_id_token(None, audience)\n"
        f"with DAG('d'):\n HttpOperator(task_id='t', headers={{'Authorization': {header}}})\n"
    )
    assert facts.calls[0].token == token
    found = facts.tasks[0].secrets
    assert (UNSET if found is UNSET else list(found)) == secrets
