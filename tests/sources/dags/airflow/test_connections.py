"""What Airflow connections decide in a DAG file, where the scan was given them."""

import pytest
from msgspec import UNSET
from tests.sources.dags.airflow.test_variables import plainly
from tests.sources.dags.conftest import NoFiles, Scan

from dagwarden.facts import Facts
from dagwarden.sources.connections.records import HIDDEN, Connections, Entry
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.language.values import Entries, Given, Items, Unknown, Value
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.layers import Layer

API = Entry(
    *("http", "https://orders-x.a.run.app", "", "robot", 443),
    {
        "region": "europe-west1",
        "deep": {"list": ["a", 2], "on": True, "token": UNSET},
        "hidden": UNSET,
        "none": None,
    },
)
BARE = Entry("generic", None, None, None, None, {})
ENTRIES = {"api": API, "bare": BARE, "hidden": HIDDEN}


def given(*, complete: bool = False) -> Outside:
    return Outside(connections=Connections((Layer(ENTRIES),), complete))


def value_of(code: str, outside: Outside) -> Value:
    """Return what `x` is at the end of a module."""
    world = World(catalogue(), outside)
    interpreter = Interpreter(world, NoFiles())
    world.interpreter = interpreter
    head = (
        "import os\nfrom airflow.hooks.base import BaseHook\n"
        "from airflow.models import Connection\n"
        "from airflow.sdk import Connection as Sdk\nfrom elsewhere import unread\n"
        "c = BaseHook.get_connection('api')\n"
    )
    tree = parsed(f"{head}{code}\n".encode())
    return interpreter.follow(Source("a.py", "a", tree, False)).scope.names["x"]


KNOWN: dict[str, object] = {
    "c.host": "https://orders-x.a.run.app",
    "c.schema": "",
    "c.login": "robot",
    "c.port": 443,
    "c.conn_type": "http",
    "c.extra_dejson['region']": "europe-west1",
    "c.extra_dejson['deep']['list']": ["a", 2],
    "c.extra_dejson.get('region')": "europe-west1",
    "Connection.get_connection_from_secrets('api').host": "https://orders-x.a.run.app",
    "Sdk.get('api').port": 443,
    "BaseHook.get_connection(conn_id='api').login": "robot",
    "f'{c.host}/run'": "https://orders-x.a.run.app/run",
    "c.host.removeprefix('https://')": "orders-x.a.run.app",
    "f'{c.port}'": "443",
    "c.port + 1": 444,
    "c.schema or c.host": "https://orders-x.a.run.app",
    "getattr(c, 'host')": "https://orders-x.a.run.app",
}


@pytest.mark.parametrize(("expression", "value"), KNOWN.items(), ids=KNOWN)
def test_a_field_is_known_and_marked_whatever_is_made_of_it(
    expression: str, value: object
) -> None:
    found = value_of(f"x = {expression}", given())
    assert plainly(found) == value
    for one in found.items if isinstance(found, Items) else [found]:
        assert isinstance(one, Given)
        assert (one.why.reason, one.why.symbol) == ("connection", "api")


PLAIN: dict[str, object] = {
    "c.host == 'x'": False,
    "c.extra_dejson['deep']['on']": True,
    "c.extra_dejson['none']": None,
    "c.extra_dejson.get('absent', 'x')": "x",
    "BaseHook.get_connection('bare').host": None,
    "BaseHook.get_connection('bare').port or 443": 443,
    "1 if BaseHook.get_connection('api') else 2": 1,
    "'hidden' in c.extra_dejson": True,
}


@pytest.mark.parametrize(("expression", "value"), PLAIN.items(), ids=PLAIN)
def test_what_has_no_other_form_has_no_mark(expression: str, value: object) -> None:
    found = value_of(f"x = {expression}", given())
    assert found == value
    assert not isinstance(found, Given)


@pytest.mark.parametrize(
    ("expression", "symbol"),
    [
        ("c.password", "api"),
        ("c.get_password()", "api"),
        ("c.get_uri()", "api"),
        ("c.extra", "api"),
        ("c.as_json()", "api"),
        ("str(c)", "api"),
        ("c.extra_dejson['hidden']", "api"),
        ("c.extra_dejson.get('hidden', 'x')", "api"),
        ("c.extra_dejson['deep']['token']", "api"),
        ("BaseHook.get_connection('hidden').host", "hidden"),
        ("BaseHook.get_connection('absent').host", "absent"),
        ("Connection.get_connection_from_secrets('absent').host", "absent"),
        ("Sdk.get('absent').host", "absent"),
    ],
)
def test_what_is_not_told_names_the_connection(expression: str, symbol: str) -> None:
    for complete in (False, True):
        found = value_of(f"x = {expression}", given(complete=complete))
        assert isinstance(found, Unknown)
        assert (found.reason, found.symbol) == ("connection", symbol)


@pytest.mark.parametrize(
    "code",
    [
        "c.host = 'other'\nx = c.host",
        "c.set_extra('{}')\nx = c.extra_dejson['region']",
        "unread(c)\nx = c.host",
        "c.__dict__['host'] = 'y'\nx = c.host",
        "setattr(c, 'host', 'y')\nx = c.host",
        "if os.environ['A']:\n c.extra = '{}'\nx = c.extra_dejson['region']",
    ],
)
def test_a_connection_that_code_may_have_changed_is_not_known(code: str) -> None:
    assert isinstance(value_of(code, given()), Unknown)


def test_each_connection_and_each_extra_is_the_caller_s_own() -> None:
    code = "c.host = 'y'\nx = BaseHook.get_connection('api').host"
    assert value_of(code, given()) == API.host
    code = "c.extra_dejson['region'] = 'y'\nx = c.extra_dejson['region']"
    assert value_of(code, given()) == "europe-west1"
    code = "e = c.extra_dejson\ne['region'] = 'y'\nx = e"
    found = value_of(code, given())
    assert isinstance(found, Entries)
    assert found.items["region"] == "y"


HEADER = (
    "from airflow import DAG\nfrom airflow.hooks.base import BaseHook\n"
    "from airflow.operators.bash import BashOperator\n"
    "from airflow.providers.google.cloud.operators.cloud_run import"
    " CloudRunExecuteJobOperator\n"
)


def of_template(scan: Scan, template: str, outside: Outside) -> Facts:
    return scan(
        f"{HEADER}with DAG('d'):\n CloudRunExecuteJobOperator(task_id='t',"
        f" project_id='p', region='r', job_name={template!r})\n",
        outside=outside,
    )


TEMPLATES = {
    "{{ conn.api.host }}/x": "https://orders-x.a.run.app/x",
    "{{ conn['api'].login }}": "robot",
    "{{ conn.get('api').port }}": "443",
    "{{ conn.get(conn_id='api').conn_type }}": "http",
    "a{{ conn.api.schema }}": "a",
    "{{ conn.api['login'] }}": "robot",
    "{{ conn.api.extra_dejson.region }}": "europe-west1",
    '{{ conn.api.extra_dejson["region"] }}': "europe-west1",
    "{{ conn.api.extra_dejson.get('region') }}": "europe-west1",
    "{{ conn.api.extra_dejson.absent | default('eu') }}": "eu",
    "{{ conn.bare.host }}": "None",
    "{{ conn.bare.port or 80 }}": "80",
    "{% if conn.api %}y{% endif %}": "y",
}


@pytest.mark.parametrize(("template", "name"), TEMPLATES.items(), ids=TEMPLATES)
def test_a_template_is_known(scan: Scan, template: str, name: str) -> None:
    (call,) = of_template(scan, template, given()).calls
    assert call.name == name
    assert type(call.name) is str


@pytest.mark.parametrize(
    ("template", "symbol"),
    [
        ("{{ conn.api.password }}", "api"),
        ("{{ conn.api.get_password() }}", "api"),
        ("{{ conn.api.get_uri() }}", "api"),
        ("{{ conn.api.extra }}", "api"),
        ("{{ conn.api }}", "api"),
        ("{{ conn.api.extra_dejson.hidden }}", "api"),
        ("{{ conn.hidden.host }}", "hidden"),
        ("{{ conn.absent.host }}", "absent"),
        ("{{ conn.get('absent').host }}", "absent"),
    ],
)
def test_a_template_that_is_not_told_names_the_connection(
    scan: Scan, template: str, symbol: str
) -> None:
    (call,) = of_template(scan, template, given()).calls
    assert call.name is UNSET
    why = {one.field: (one.reason, one.symbol) for one in call.unresolved}
    assert why["name"] == ("connection", symbol)


@pytest.mark.parametrize("absent", ["'x'", "default_conn='x'"])
def test_another_counts_only_where_there_surely_is_none(
    scan: Scan, absent: str
) -> None:
    template = f"{{{{ conn.get('absent', {absent}) }}}}"
    (call,) = of_template(scan, template, given()).calls
    assert call.name is UNSET
    (call,) = of_template(scan, template, given(complete=True)).calls
    assert call.name == "x"


def test_what_a_connection_gave_comes_from_there(scan: Scan) -> None:
    facts = scan(
        f"{HEADER}C = BaseHook.get_connection('api')\nwith DAG('d'):\n"
        " CloudRunExecuteJobOperator(task_id='t', project_id='p', pool=C.login,"
        " region=C.extra_dejson['region'], job_name='{{ conn.api.login }}')\n",
        outside=given(),
    )
    (task,) = facts.tasks
    (call,) = facts.calls
    assert (task.pool, call.region, call.name) == ("robot", "europe-west1", "robot")
    sources = {one.field: one.source for one in (*task.provenance, *call.provenance)}
    assert {sources[name] for name in ("pool", "region", "name")} == {"connection"}


def test_a_request_in_a_task_goes_to_the_host_of_its_connection(scan: Scan) -> None:
    source = (
        "import requests\nfrom airflow.sdk import DAG, BaseHook, task\n"
        "with DAG('d'):\n @task\n def t():\n"
        "  c = BaseHook.get_connection('api')\n"
        "  requests.get(f'{c.host}/run')\n t()\n"
    )
    (call,) = scan(source, outside=given()).calls
    assert call.url == "https://orders-x.a.run.app"


SECRETS = {
    "login": "BaseHook.get_connection('api').login",
    "header": "f'Bearer {BaseHook.get_connection(\"api\").login}'",
    "around": "f'https://u:brine-otter-4471@{BaseHook.get_connection(\"api\").login}/'",
    "format": "'{}:{}'.format('brine-otter-4471', BaseHook.get_connection('api').login)",
    "extra": "BaseHook.get_connection('api').extra_dejson['region']",
}


@pytest.mark.parametrize("made", SECRETS.values(), ids=SECRETS)
def test_giving_connections_changes_nothing_of_what_stands_in_the_file(
    scan: Scan, made: str
) -> None:
    source = (
        f"{HEADER}with DAG('d'):\n BashOperator(task_id='t', bash_command='x',"
        f" env={{'PASSWORD': {made}, 'Authorization': {made}}})\n"
    )
    without, with_them = scan(source), scan(source, outside=given())
    for one, other in zip(without.tasks, with_them.tasks, strict=True):
        assert one.secrets == other.secrets
        assert one.secrets_known == other.secrets_known
