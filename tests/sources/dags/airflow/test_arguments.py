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
        ("expand(overrides=[{'args': []}, os.getenv('E')])", [], UNSET),
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
    ("given", "names"),
    [
        ("'{{ run_id }}'", True),
        ("'--run={{ dag_run.run_id }}'", True),
        ("'{{ti.run_id}}/x'", True),
        ("'{{ ts }}'", True),
        ("'{{ ts_nodash_with_tz }}'", True),
        ("'{{ data_interval_start.isoformat() }}'", True),
        ("'{{ logical_date }}'", True),
        ("'nightly'", False),
        ("'{{ var.value.x }}'", False),
        ("'{{ dag.dag_id }}'", False),
        ("'{{ var.value.x }}-{{ ts }}'", True),
        ("f\"{os.getenv('E')}-{{{{ run_id }}}}\"", True),
        ("'{% if a %}{{ ts }}{% endif %}'", UNSET),
        # a day may hold many runs, and a part of a time as well
        ("'{{ ds }}'", UNSET),
        ("'{{ ts[:10] }}'", UNSET),
        ("'{{ logical_date.year }}'", UNSET),
        ("'{{ dag_run.conf.x }}'", UNSET),
        ("'{{ params.x }}'", UNSET),
        ("os.getenv('E')", UNSET),
        ("make()", UNSET),
        ("make(), '{{ ts }}'", True),
    ],
)
def test_what_a_job_is_given_may_name_the_run(
    scan: Scan, given: str, names: object
) -> None:
    overrides = f"{{'container_overrides': [{{'args': [{given}]}}]}}"
    facts = scan(
        f"{HEADER}with DAG('d'):\n CloudRunExecuteJobOperator(task_id='t',"
        f" project_id='p', region='r', job_name='j', overrides={overrides})\n"
    )
    assert [call.names_run for call in facts.calls] == [names]


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        ("", False),
        ("overrides=None", False),
        ("overrides=make()", UNSET),
        ("overrides={'a': '{{ ts }}', **make()}", UNSET),
        ("overrides={'a': 'b', **make()}", UNSET),
    ],
)
def test_a_job_that_is_given_nothing_is_told_no_run(
    scan: Scan, overrides: str, names: object
) -> None:
    facts = scan(
        f"{HEADER}with DAG('d'):\n CloudRunExecuteJobOperator(task_id='t',"
        f" project_id='p', region='r', job_name='j', {overrides})\n"
    )
    assert [call.names_run for call in facts.calls] == [names]


@pytest.mark.parametrize(
    ("made", "secrets"),
    [
        ("json.dumps({'day': '{{ ds }}'})", []),
        ("json.dumps({'password': 'brine-otter-4471'}, sort_keys=True)", ["data.password"]),
        ("json.dumps(obj=[{'a': (1, None)}])", []),
        ("json.dumps({'day': os.getenv('DAY')})", []),
        ("json.dumps({'day': os.getenv('DAY'), 'password': 'brine-otter-4471'})", UNSET),
        ("json.dumps({'day': os.getenv('DAY'), 'data': elsewhere})", UNSET),
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
        ("os.getenv('TOKEN')", UNSET, []),
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


OUTSIDE: dict[str, tuple[str, object]] = {
    "environment": ("os.environ['X']", []),
    "environment in an f-string": ("f'-{os.getenv(\"X\")}-'", []),
    "variable": ("Variable.get('X')", []),
    "variable's part": ("Variable.get('X', deserialize_json=True)['password']", []),
    "connection": ("BaseHook.get_connection('X').password", []),
    "template": ("'{{ var.value.x }}'", []),
    "run's parameter": ("given", []),
    "harmless default": ("os.getenv('X', 'none')", []),
    "default": ("os.getenv('X', 'brine-otter-4471')", ["env.PASSWORD"]),
    "environ's default": ("os.environ.get('X', 'brine-otter-4471')", ["env.PASSWORD"]),
    "variable's default": ("Variable.get('X', 'brine-otter-4471')", ["env.PASSWORD"]),
    "default_var": ("Variable.get('X', default_var='brine-otter-4471')", ["env.PASSWORD"]),
    "default by name": ("Variable.get('X', default='brine-otter-4471')", ["env.PASSWORD"]),
    "run's default": ("defaulted", ["env.PASSWORD"]),
    "or": ("os.getenv('X') or 'brine-otter-4471'", ["env.PASSWORD"]),
    "bytes": ("os.environ.get('X', b'brine-otter-4471')", ["env.PASSWORD"]),
    "text around": ("f'https://{U}:brine-otter-4471@h/{os.getenv(\"X\")}'", ["env.PASSWORD"]),
    "text around, from outside": (
        "f'https://u:{os.getenv(\"X\", \"brine-otter-4471\")}@h'",
        ["env.PASSWORD"],
    ),
    "sum": ("'https://u:brine-otter-4471@' + os.getenv('X')", ["env.PASSWORD"]),
    # what may be a secret in clear, or not
    "conditional": ("os.getenv('X') if U else 'brine-otter-4471'", UNSET),
    "condition from outside": ("'brine-otter-4471' if os.getenv('X') else 'a-b'", UNSET),
    "choice from outside": ("{'a': 'brine-otter-4471'}[os.getenv('X')]", UNSET),
    "formatted": ("'{}:{}'.format('brine-otter-4471', os.getenv('X'))", UNSET),
    "percent": ("'%s:brine-otter-4471' % os.getenv('X')", UNSET),
    "replaced": ("os.getenv('X').replace('a', 'brine-otter-4471')", UNSET),
    "joined": ("'-'.join(['brine-otter-4471', os.getenv('X')])", UNSET),
    "part's default": ("Variable.get('X').get('k', 'brine-otter-4471')", UNSET),
    "import": ("elsewhere.SECRET", UNSET),
    "import beside": ("f'{os.getenv(\"X\")}{elsewhere.SECRET}'", UNSET),
    "import or": ("os.getenv('X') or elsewhere.SECRET", UNSET),
}  # fmt: skip


@pytest.mark.parametrize(("given", "secrets"), OUTSIDE.values(), ids=OUTSIDE)
def test_what_comes_from_outside_stands_in_no_file(
    scan: Scan, given: str, secrets: object
) -> None:
    facts = scan(
        "import os\nimport elsewhere\nfrom airflow.sdk import BaseHook, Variable, dag\n"
        "from airflow.providers.standard.operators.bash import BashOperator\n"
        "U, E = os.getenv('U'), os.getenv\n"
        "@dag\ndef d(given='', defaulted='brine-otter-4471'):\n"
        f" BashOperator(task_id='t', bash_command='', env={{'PASSWORD': {given}}})\nd()\n"
    )
    (task,) = facts.tasks
    found = task.secrets
    assert (UNSET if found is UNSET else [secret.place for secret in found]) == secrets
    assert [u.field for u in task.unresolved] == ["secrets"] * (found is UNSET)
    assert "brine" not in repr(facts)


@pytest.mark.parametrize(
    ("given", "secrets", "known"),
    [
        ("{'env': {'DB_PASSWORD': 'brine-otter-4471'}}", ["default_args.env.DB_PASSWORD"], 1),
        ("{'env': {'HOST': 'h'}}", [], 0),
        ("{'env': {'DB_PASSWORD': os.getenv('X')}}", [], 0),
        ("{'env': make()}", UNSET, 0),
        # Airflow hands it on if the operator's constructor names it
        ("{'password': 'brine-otter-4471'}", UNSET, 0),
        ("{'owner': 'a', 'retries': 2}", [], 0),
    ],
)  # fmt: skip
def test_default_args_are_arguments_of_the_tasks_that_take_them(
    scan: Scan, given: str, secrets: object, known: int
) -> None:
    facts = scan(
        "import os\nfrom airflow import DAG\nfrom elsewhere import make\n"
        "from airflow.providers.standard.operators.bash import BashOperator\n"
        f"with DAG('d', default_args={given}):\n"
        " BashOperator(task_id='t', bash_command='')\n"
        " BashOperator(task_id='own', bash_command='', env={}, password='')\n"
    )
    task, own = facts.tasks
    found = task.secrets
    assert (UNSET if found is UNSET else [secret.place for secret in found]) == secrets
    assert len(task.secrets_known) == known
    assert (own.secrets, own.secrets_known) == ((), ())
    assert "brine" not in repr(facts)
