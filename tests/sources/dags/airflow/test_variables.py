"""What Airflow Variables decide in a DAG file, where the scan was given them."""

import json
from collections.abc import Mapping

import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import NoFiles, Scan

from dagwarden.facts import Unresolved
from dagwarden.sources.dags.airflow.catalogue import catalogue
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.airflow.world import World
from dagwarden.sources.dags.language.interpret import Interpreter
from dagwarden.sources.dags.language.objects import Source
from dagwarden.sources.dags.language.values import (
    Entries,
    Given,
    Items,
    Text,
    Unknown,
    Value,
)
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import HIDDEN, Entry, Variables

TEXTS = {
    "env": "prod",
    "Mixed": "case",
    "number": "7",
    "cfg": '{"region": "europe-west1", "retries": 3, "deep": {"list": ["a", "b"]},'
    ' "on": true, "none": null, "share": 0.5}',
    "words": "a,b",
    "path": "gs://bucket/dir",
}


def given(texts: Mapping[str, str] = TEXTS, *, complete: bool = False) -> Outside:
    def entry(text: str) -> Entry:
        try:
            return Entry(text, json.loads(text))
        except ValueError:
            return Entry(text, UNSET)

    entries = {name: entry(text) for name, text in texts.items()}
    entries["hidden"] = HIDDEN
    entries["partly"] = Entry(UNSET, {"user": "x", "password": UNSET})
    return Outside(Variables((Layer(entries),), complete))


def value_of(expression: str, outside: Outside) -> Value:
    """Return what `expression` is at the end of a module."""
    world = World(catalogue(), outside)
    interpreter = Interpreter(world, NoFiles())
    world.interpreter = interpreter
    head = (
        "import json, os\nfrom datetime import timedelta\n"
        "from airflow.models import Variable\n"
    )
    tree = parsed(f"{head}x = {expression}\n".encode())
    return interpreter.follow(Source("a.py", "a", tree, False)).scope.names["x"]


def plainly(value: Value) -> object:
    if isinstance(value, Items):
        found = [plainly(item) for item in value.items]
        return tuple(found) if value.kind == "tuple" else found
    if isinstance(value, Entries):
        return {key: plainly(item) for key, item in value.items.items()}
    return value


KNOWN: dict[str, object] = {
    "Variable.get('env')": "prod",
    "Variable.get(key='env')": "prod",
    "Variable.get('env', 'dev')": "prod",
    "Variable.get('env', default_var='dev')": "prod",
    "Variable.get('env', default='dev')": "prod",
    "Variable.get('number')": "7",
    "Variable.get('number', deserialize_json=True)": 7,
    "Variable.get('cfg', deserialize_json=True)['region']": "europe-west1",
    "Variable.get('cfg', None, True)['deep']['list']": ["a", "b"],
    "Variable.get('cfg', deserialize_json=True).get('retries')": 3,
    "Variable.get('cfg', deserialize_json=True)['share']": 0.5,
    "f'x-{Variable.get(\"env\")}-y'": "x-prod-y",
    "f'{Variable.get(\"env\")!r}'": "'prod'",
    "f'{Variable.get(\"env\"):>6}'": "  prod",
    "f'{int(Variable.get(\"number\"))}'": "7",
    "'x' + Variable.get('env')": "xprod",
    "Variable.get('env') + 'x'": "prodx",
    "'%s-%s' % (Variable.get('env'), 1)": "prod-1",
    "'%s' % Variable.get('env')": "prod",
    "'%(a)s' % {'a': Variable.get('env')}": "prod",
    "'{}-{b}'.format(Variable.get('env'), b=1)": "prod-1",
    "'-'.join(['a', Variable.get('env')])": "a-prod",
    "Variable.get('env').upper()": "PROD",
    "Variable.get('env').replace('p', 'b')": "brod",
    "'a.b'.replace('.', Variable.get('env'))": "aprodb",
    "Variable.get('words').split(',')": ["a", "b"],
    "Variable.get('path')[5:11]": "bucket",
    "Variable.get('env')[0]": "p",
    "int(Variable.get('number')) * 2": 14,
    "-int(Variable.get('number'))": -7,
    "float(Variable.get('number'))": 7.0,
    "len(Variable.get('env'))": 4,
    "[c for c in Variable.get('words')]": ["a", ",", "b"],
    "json.dumps({'a': Variable.get('env')})": '{"a": "prod"}',
    "{'a': 1, Variable.get('env'): 2}['prod']": 2,
    "Variable.get('env') or 'x'": "prod",
}  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), KNOWN.items(), ids=KNOWN)
def test_a_variable_is_known_and_marked_whatever_is_made_of_it(
    expression: str, value: object
) -> None:
    found = value_of(expression, given())
    assert plainly(found) == value
    if expression.startswith("{"):
        return  # chosen by a variable, and written in the file
    for one in found.items if isinstance(found, Items) else [found]:
        assert isinstance(one, Given)
        assert (one.why.reason, one.why.symbol.partition(".")[0]) in {
            ("variable", name) for name in TEXTS
        }


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("Variable.get('env') == 'prod'", True),
        ("'pro' in Variable.get('env')", True),
        ("1 if Variable.get('env') == 'dev' else 2", 2),
        ("Variable.get('env').startswith('p')", True),
        ("Variable.get('cfg', deserialize_json=True)['on']", True),
        ("Variable.get('cfg', deserialize_json=True)['none']", None),
    ],
)
def test_true_false_and_none_have_no_mark(expression: str, value: object) -> None:
    found = value_of(expression, given())
    assert found is value


@pytest.mark.parametrize(
    ("expression", "symbol"),
    [
        ("Variable.get('absent')", "absent"),
        ("Variable.get('absent', 'x')", "absent"),
        ("Variable.get('hidden', 'x')", "hidden"),
        ("Variable.get('env', deserialize_json=True)", "env"),
        ("Variable.get('partly')", "partly"),
        ("Variable.get('partly', deserialize_json=True)['password']", "partly.password"),
        ("Variable.get('env', deserialize_json=os.getenv('X'))", "env"),
        ("Variable.get('mixed')", "mixed"),
        ("int(Variable.get('env'))", "env"),
        ("Variable.get('env') * 10**9", "env"),
    ],
)  # fmt: skip
def test_what_is_not_given_names_the_variable(expression: str, symbol: str) -> None:
    found = value_of(expression, given())
    assert isinstance(found, Unknown)
    assert found.symbol == symbol


def test_a_default_counts_only_where_there_surely_is_no_variable() -> None:
    expression = "Variable.get('absent', 'x')"
    assert value_of(expression, given(complete=True)) == "x"
    assert isinstance(value_of(expression, given()), Unknown)
    unread = Outside(Variables((Layer({}, whole=False),), complete=True))
    assert isinstance(value_of(expression, unread), Unknown)


def test_an_unread_source_hides_those_behind_it() -> None:
    good = Layer({"x": Entry("1", 1)})
    assert value_of("Variable.get('x')", Outside(Variables((good,)))) == "1"
    behind = Variables((Layer({}, whole=False), good))
    assert isinstance(value_of("Variable.get('x')", Outside(behind)), Unknown)


def test_the_first_source_that_has_it_counts_and_environments_know_upper_case() -> None:
    upper = Layer({"MIXED": Entry("first", UNSET)}, upper=True)
    both = Outside(Variables((upper, given().variables.layers[0])))
    assert value_of("Variable.get('Mixed')", both) == "first"
    assert value_of("Variable.get('env')", both) == "prod"


def test_a_container_is_the_caller_s_own() -> None:
    found = value_of(
        "[Variable.get('cfg', deserialize_json=True).update(region='x'),"
        " Variable.get('cfg', deserialize_json=True)['region']]",
        given(),
    )
    assert plainly(found) == [None, "europe-west1"]


def test_a_text_known_in_part_keeps_what_a_variable_gave() -> None:
    found = value_of('f\'{Variable.get("env")}-{os.getenv("X")}\'', given())
    assert isinstance(found, Text)
    assert found.parts[0] == "prod-"
    assert found.why.written is not None
    assert found.why.written.items == ["{{x}}-{{x}}"]


HEADER = (
    "import os, json\nfrom datetime import timedelta\nfrom airflow import DAG\n"
    "from airflow.models import Variable\n"
    "from airflow.providers.google.cloud.operators.cloud_run import"
    " CloudRunExecuteJobOperator\n"
    "from airflow.operators.bash import BashOperator\n"
)


def test_facts_hold_plain_values(scan: Scan) -> None:
    facts = scan(
        f"{HEADER}C = Variable.get('cfg', deserialize_json=True)\n"
        "with DAG(f'd_{Variable.get(\"env\")}', schedule=Variable.get('words')):\n"
        " CloudRunExecuteJobOperator(task_id=Variable.get('env'), project_id='p',"
        " region=C['region'], job_name=f'job-{Variable.get(\"env\")}',"
        " gcp_conn_id=Variable.get('env'),\n  retries=C['retries'],"
        " impersonation_chain=C['deep']['list'],"
        " execution_timeout=timedelta(minutes=int(Variable.get('number'))))\n",
        outside=given(),
    )
    (task,) = facts.tasks
    (call,) = facts.calls
    (dag,) = facts.dags
    values = [
        (dag.dag_id, "d_prod"),
        (dag.schedule, "a,b"),
        (task.dag_id, "d_prod"),
        (task.task_id, "prod"),
        (task.connection, "prod"),
        (task.retries, 3),
        (task.execution_timeout, 420.0),
        (call.region, "europe-west1"),
        (call.name, "job-prod"),
    ]
    for value, expected in values:
        assert value == expected
        assert type(value) is type(expected)
    assert task.impersonation_chain == ("a", "b")
    assert {type(one) for one in task.impersonation_chain or ()} == {str}


def test_a_variable_in_an_environment_variable_s_name_stays_its_symbol(
    scan: Scan,
) -> None:
    facts = scan(
        f"{HEADER}with DAG('d'):\n BashOperator(task_id=os.environ[Variable.get('env')],"
        " bash_command='x')\n",
        outside=given(),
    )
    (task,) = facts.tasks
    assert task.unresolved[0] == Unresolved(
        field="task_id", reason="environment", symbol="prod"
    )
    assert type(task.unresolved[0].symbol) is str


SECRETS = {
    "variable": "Variable.get('opaque')",
    "header": "f'Bearer {Variable.get(\"opaque\")}'",
    "sum": "'Bearer ' + Variable.get('opaque')",
    "method": "Variable.get('opaque').replace('a', 'brine-otter-4471')",
    "default": "Variable.get('opaque', 'brine-otter-4471')",
    "around": "f'https://u:brine-otter-4471@{Variable.get(\"env\")}/'",
    "format": "'{}:{}'.format('brine-otter-4471', Variable.get('opaque'))",
    "json": "json.dumps({'password': Variable.get('opaque')})",
    "json beside": "json.dumps({'x': Variable.get('env'), 'password': 'brine-otter-4471'})",
    "join": "'-'.join(['brine-otter-4471', Variable.get('opaque')])",
    "part": "Variable.get('creds', deserialize_json=True)['pair']",
    "percent": "'%s:brine-otter-4471' % Variable.get('opaque')",
}  # fmt: skip


@pytest.mark.parametrize("made", SECRETS.values(), ids=SECRETS)
def test_giving_variables_changes_nothing_of_what_stands_in_the_file(
    scan: Scan, made: str
) -> None:
    texts = {
        **TEXTS,
        "opaque": "kT9vQ2mZx81LpWc4",
        "creds": '{"pair": "kT9vQ2mZx81LpWc4"}',
    }
    source = (
        f"{HEADER}with DAG('d'):\n BashOperator(task_id='t', bash_command='x',"
        f" env={{'PASSWORD': {made}, 'Authorization': {made}}})\n"
    )
    without, with_them = scan(source), scan(source, outside=given(texts))
    for one, other in zip(without.tasks, with_them.tasks, strict=True):
        assert one.secrets == other.secrets
        assert one.secrets_known == other.secrets_known
