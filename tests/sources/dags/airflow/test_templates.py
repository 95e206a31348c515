"""What is worked out of a template is what Jinja makes of it, and no more is known."""

import random
from typing import cast

import jinja2
import jinja2.nativetypes
import jinja2.sandbox
import pytest
from msgspec import UNSET
from tests.sources.dags.airflow.test_variables import given, plainly
from tests.sources.dags.conftest import Scan

from dagwarden.facts import Call, Facts, Task
from dagwarden.sources.dags.airflow.templates import AtRunTime, evaluated
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Text,
    Unknown,
    Value,
    why_unknown,
)

KNOWN: dict[str, object] = {
    "text": "eu-west",
    "empty": "",
    "number": 7,
    "share": 0.5,
    "on": True,
    "none": None,
    "list": ["a", 1, "c"],
    "table": {"region": "eu", "n": 3, "items": "hidden", "deep": {"x": ["y"]}},
    "markup": "<b>&'\"",
    "digits": "42",
    "lines": "a\nb\n",
}


def _value(found: object) -> Value:
    if isinstance(found, dict):
        fields = cast("dict[str, object]", found)
        return Entries({key: _value(item) for key, item in fields.items()})
    if isinstance(found, list):
        return Items("list", [_value(item) for item in cast("list[object]", found)])
    assert found is None or isinstance(found, (str, int, float))
    return found


class Known:
    """Names of which some are known, and which `later` is not."""

    def name(self, name: str) -> Value:
        return _value(KNOWN[name]) if name in KNOWN else AtRunTime(name)

    def has_filter(self, name: str) -> bool:
        return name != "upper_case"


def _environment(
    kind: type[jinja2.Environment],
) -> jinja2.Environment:
    # as `airflow.sdk.definitions._internal.templater.create_template_env`
    return kind(undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do"])


SANDBOX = _environment(jinja2.sandbox.SandboxedEnvironment)
NATIVE = _environment(jinja2.nativetypes.NativeEnvironment)

TABLE = [
    "plain",
    "a\r\nb\rc\n",
    "line\n\n",
    "{{ text }}",
    "x-{{ text }}-y",
    "{{ text }}{{ number }}",
    "{{ 'literal' }}",
    "{{ text ~ '-' ~ number ~ none ~ on ~ share }}",
    "{{ text + '-x' }}",
    "{{ number + 1 }} {{ number / 2 }} {{ number // 2 }} {{ -number }} {{ 2 ** 3 }}",
    "{{ text | upper }}",
    "{{ text | replace('-', '_') | upper }}",
    "{{ text | replace('e', 'E', 1) }}",
    "{{ number | replace(7, 8) }}",
    "{{ '  x ' | trim }}",
    "{{ 'xax' | trim('x') }}",
    "{{ list | join('-') }}",
    "{{ list | join }}",
    "{{ table.region | default('x') }}",
    "{{ table.absent | default('x') }}",
    "{{ table.absent | d('x') }}",
    "{{ empty | default('x') }}",
    "{{ empty | default('x', true) }}",
    "{{ none | default('x') }}",
    "{{ digits | int + 1 }}",
    "{{ '4.7' | int }} {{ 'x' | int }} {{ 'x' | int(9) }} {{ none | int }}",
    "{{ number | string }}",
    "{{ table.deep | tojson }}",
    "{{ markup | tojson }}",
    "{{ (markup | tojson) ~ '<' }}",
    "{{ table.region }} {{ table['region'] }} {{ table.deep.x[0] }} {{ list[1] }}",
    "{{ table.get('region') }} {{ table.get('absent', 'z') }}",
    "{{ text.split('-')[0] }} {{ text[3:] }} {{ text[-1] }}",
    "{{ 'a' if number > 3 else 'b' }}",
    "{{ 'a' if text == 'eu' else 'b' }}",
    "{{ 'a' if 'eu' in text and not empty else 'b' }}",
    "{{ empty or text }} {{ on and text }}",
    "{% if number == 7 %}seven{% elif on %}on{% else %}other{% endif %}",
    "{% if empty %}x{% endif %}-",
    "{% set x = text %}{{ x }}",
    "{% set x = text %}{% if on %}{% set x = 'z' %}{% endif %}{{ x }}",
    "{# note #}a{#- other -#} b",
    "{% raw %}{{ text }}{% endraw %}",
    "a {{- text -}} b",
    "{{ '%s:%s' % (text, number) }}",
    "{{ 1 if number is defined else 2 }} {{ none is none }}",
    "{{ {'a': text}['a'] }} {{ [1, text][1] }}",
    "{{ 1 < number <= 7 }} {{ number != 7 }} {{ 'a' not in list }}",
    "{{ lines }}",
    "{{ text | lower | title }}",
    "{{ list }}",
    "{{ text.upper }}",
    "{{ table.items }}",
    "{% for x in list %}{{ x }}{% endfor %}",
    "{{ (markup | tojson) + '<' }}",
    "{{ markup | e }}",
    "{{ text.format('x') }}",
    "{{ 'a' * 1000000000000 }}",
    "{{ range(3) | join }}",
]
# Templates of the table of which nothing is worked out, though all names are known.
NOT_WORKED_OUT = 10


@pytest.mark.parametrize("text", TABLE)
def test_a_known_result_is_what_jinja_renders(text: str) -> None:
    found = evaluated(text, Known())
    if not isinstance(found, str):
        assert isinstance(found, (Unknown, Text))
        return
    assert found == SANDBOX.from_string(text).render(KNOWN)


def test_most_of_the_table_is_worked_out() -> None:
    unknown = [text for text in TABLE if not isinstance(evaluated(text, Known()), str)]
    assert unknown == TABLE[-NOT_WORKED_OUT:]


@pytest.mark.parametrize(
    "text",
    [
        *TABLE,
        *("123", "[1, 'a']", "{'a': 1}", " 1", "true", "None", "", "'x'", "eu-west"),
        *("{{ number }}", "{{ table }}", "{{ none }}", "{{ digits }}", "{{ number }}0"),
    ],
)
def test_a_native_result_is_what_jinja_makes_natively(text: str) -> None:
    found = evaluated(text, Known(), native=True)
    if why_unknown(found) is not None:
        return
    rendered = NATIVE.from_string(text).render(KNOWN)
    assert plainly(found) == rendered
    assert type(plainly(found)) is type(rendered)


LEAVES = (
    *KNOWN,
    *("'a b'", "3", "table.region", "table.deep.x", "list[0]", "later", "later.x"),
    *("table.absent", "''", "none"),
)
PATTERNS = (
    *("(? ~ ?)", "(? + ?)", "(? if ? else ?)", "(? and ?)", "(? or ?)", "(? == ?)"),
    *("(? in ?)", "(not ?)", "(? | default(?, true))", "(? | default(?, false))"),
    *("(? | lower)", "(? | replace(?, 'q'))", "(? | join('/'))", "(? | int)"),
    *("(? | string)", "(? | tojson)", "(? | trim)", "(? | d('x'))", "(?)[0]"),
    *("(?)[1:]", "(? is defined)", "(? | string).split('-')[0]", "[?, ?]"),
)
PARTS = (
    *("x\n", "-", "{{ ? }}", "{{ ? }}", "{% if ? %}a{% else %}{{ ? }}{% endif %}"),
    "{% set v = ? %}{{ v }}",
)


def _filled(pick: random.Random, pattern: str, depth: int = 0) -> str:
    first, *rest = pattern.split("?")
    for piece in rest:
        leaf = depth > 3 or pick.random() < 0.3
        chosen = pick.choice(LEAVES if leaf else PATTERNS)
        first += (chosen if leaf else _filled(pick, chosen, depth + 1)) + piece
    return first


def _template(pick: random.Random) -> str:
    return "".join(_filled(pick, pick.choice(PARTS)) for _ in range(pick.randint(1, 3)))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("native", [False, True])
def test_what_is_called_known_is_the_same_whatever_comes_later(
    seed: int, native: bool
) -> None:
    pick = random.Random(seed)
    environment = NATIVE if native else SANDBOX
    known = 0
    for _ in range(80):
        text = _template(pick)
        found = evaluated(text, Known(), native=native)
        if why_unknown(found) is not None:
            continue
        answers: list[object] = ["", "later", 5, {"x": "y"}, [], None]
        for later in answers:
            try:
                rendered = environment.from_string(text).render(KNOWN, later=later)
            except (jinja2.TemplateError, TypeError, LookupError, AttributeError):
                continue  # the task fails
            assert plainly(found) == rendered, (text, later)
            known += 1
    assert known > 20


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "{{ }}",
        "{% if %}",
        "{{ x }",
        "{% include 'x' %}",
        "{% extends 'x' %}",
        "{% macro a() %}{% endmacro %}",
        "{% do table.update(a=1) %}{{ table.region }}",
        "{{ table.update(a=1) }}",
        "{{ list.append(1) }}{{ list | join }}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "not " * 3_000 + "1 }}",
        "{{ " + "1 + " * 5_000 + "1 }}",
        "{% if a %}" * 3_000,
        "{{ text.__class__ }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ text | upper_case }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ 'a' * 10 ** 12 }}",
        "{{ '%9999999d' % 1 }}",
        "x{{ text }}" * 20_000,
    ],
)
def test_what_is_hostile_or_not_followed_is_unknown(text: str) -> None:
    found = evaluated(text, Known())
    assert isinstance(found, (Unknown, Text))


def test_a_text_known_in_part_keeps_its_parts() -> None:
    found = evaluated("https://{{ text }}.run.app/{{ later }}?x=1", Known())
    assert isinstance(found, Text)
    assert found.parts[0] == "https://eu-west.run.app/"
    assert found.parts[2] == "?x=1"
    assert (found.why.reason, found.why.symbol) == ("jinja", "{{ later }}")


# ------------------------------------------------------------------- in a DAG file

HEADER = (
    "import os\nfrom airflow import DAG\nfrom airflow.models import Variable\n"
    "from airflow.models.param import Param\nfrom airflow.sdk import literal\n"
    "from airflow.providers.google.cloud.operators.cloud_run import"
    " CloudRunExecuteJobOperator as Run, CloudRunCreateJobOperator as Create\n"
    "from airflow.providers.http.operators.http import HttpOperator\n"
)


def run(scan: Scan, region: str, dag: str = "", **more: object) -> tuple[Task, Call]:
    facts = scan(
        f"{HEADER}with DAG('d', {dag}):\n Run(task_id='t', project_id='p',"
        f" region={region}, job_name='j')\n",
        outside=given(),
        **more,
    )
    return facts.tasks[0], facts.calls[0]


KNOWN_IN_A_DAG: dict[str, tuple[str, str, object]] = {
    "variable": ("'{{ var.value.env }}'", "", "prod"),
    "variable by item": ("\"{{ var.value['env'] }}\"", "", "prod"),
    "variable by get": ("\"{{ var.value.get('env', 'x') }}\"", "", "prod"),
    "in a text": ("'x-{{ var.value.env }}'", "", "x-prod"),
    "json": ("'{{ var.json.cfg.region }}'", "", "europe-west1"),
    "deeper": ("'{{ var.json.cfg.deep.list[1] }}'", "", "b"),
    "item of json": ("\"{{ var.json.cfg['region'] }}\"", "", "europe-west1"),
    "number": ("'{{ var.json.cfg.retries }}'", "", "3"),
    "decided by": ("\"{{ 'a' if var.value.env == 'prod' else 'b' }}\"", "", "a"),
    "filters": ("'{{ var.value.env | upper | replace(\"P\", \"B\") }}'", "", "BROD"),
    "macro": ("'{{ m }}-{{ n.k }}'", "user_defined_macros={'m': 'x', 'n': {'k': 'y'}}", "x-y"),
    "macro that a name of Airflow hides": (
        "'{{ var.value.env }}'", "user_defined_macros={'var': {'value': {'env': 'x'}}}", "prod"),
    "the DAG": ("'{{ dag.dag_id }}-{{ task.task_id }}-{{ ti.task_id }}'", "", "d-t-t"),
    "literal": ("literal('{{ x }}')", "", "{{ x }}"),
    "native": ("'{{ var.value.env }}'", "render_template_as_native_obj=True", "prod"),
    "a template that a variable holds": ("Variable.get('env')", "", "prod"),
    "no file": ("'a.json'", "", "a.json"),
    "own environment": ("'eu-west1'", "jinja_environment_kwargs={'a': 1}", "eu-west1"),
    "last line end": ("'eu\\n'", "", "eu"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("region", "dag", "value"), KNOWN_IN_A_DAG.values(), ids=KNOWN_IN_A_DAG
)
def test_a_template_is_known_where_its_inputs_are(
    scan: Scan, region: str, dag: str, value: object
) -> None:
    task, call = run(scan, region, dag)
    assert (task.region, call.region) == (value, value)
    assert type(call.region) is str
    sources = {one.source for one in task.provenance if one.field == "region"}
    assert sources <= {"variable", "template", "argument"}
    if " if " not in region:  # decided by a variable, and written in the file
        assert (sources == {"variable"}) == ("var." in region or "Variable" in region)


UNKNOWN_IN_A_DAG: dict[str, tuple[str, str, str, str]] = {
    "variable": ("'{{ var.value.absent }}'", "", "variable", "absent"),
    "hidden": ("'{{ var.value.hidden }}'", "", "variable", "hidden"),
    "hidden inside": ("'{{ var.json.partly.password }}'", "", "variable", "partly.password"),
    "default": ("\"{{ var.value.get('absent', 'x') }}\"", "", "variable", "absent"),
    "in a text": ("'a-{{ var.value.absent }}'", "", "variable", "absent"),
    "connection": ("'{{ conn.c.host }}'", "", "connection", "c"),
    "password": ("'{{ conn.c.password }}'", "", "connection", "c"),
    "connection by get": ("\"{{ conn.get('c').extra_dejson.x }}\"", "", "connection", "c"),
    "parameter": ("'{{ params.x }}'", "params={'x': 'eu'}", "parameter", "x"),
    "parameter by item": ("\"{{ params['x'] }}\"", "params={'x': Param('eu')}", "parameter", "x"),
    "run": ("\"{{ dag_run.conf['x'] }}\"", "", "jinja", "{{ dag_run.conf['x'] }}"),
    "date": ("'{{ ds }}'", "", "jinja", "{{ ds }}"),
    "filtered date": ("'{{ logical_date | ds_nodash }}'", "", "jinja", "{{ logical_date }}"),
    "pulled": (
        "\"{{ ti.xcom_pull(task_ids='a') }}\"", "", "jinja", "{{ ti.xcom_pull(task_ids='a') }}"),
    "macros": ("'{{ macros.ds_add(ds, 1) }}'", "", "jinja", "{{ macros.ds_add(ds, 1) }}"),
    "name": ("'{{ nothing }}'", "", "jinja", "{{ nothing }}"),
    "function": ("'{{ m() }}'", "user_defined_macros={'m': len}", "jinja", "{{ m() }}"),
    "own macros": ("'{{ m }}'", "user_defined_macros=os.environ['X']", "environment", "X"),
    "own filter": (
        "'{{ var.value.env | upper }}'", "user_defined_filters={'upper': len}", "jinja",
        "{{ var.value.env | upper }}"),
    "own environment": (
        "'{{ var.value.env }}'", "jinja_environment_kwargs={'a': 1}", "dynamic",
        "jinja_environment_kwargs"),
    "native": ("'123'", "render_template_as_native_obj=True", "dynamic",
        "a value of region that Airflow does not take"),
    "perhaps native": (
        "'123'", "render_template_as_native_obj=os.environ['X']", "environment", "X"),
    "no text": ("'{{ var.json.cfg }}'", "", "jinja", "{{ var.json.cfg }}"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("region", "dag", "reason", "symbol"),
    UNKNOWN_IN_A_DAG.values(),
    ids=UNKNOWN_IN_A_DAG,
)
def test_what_is_not_known_names_what_would_decide_it(
    scan: Scan, region: str, dag: str, reason: str, symbol: str
) -> None:
    task, call = run(scan, region, dag)
    assert (task.region, call.region) == (UNSET, UNSET)
    for fact in (task, call):
        (why,) = (one for one in fact.unresolved if one.field == "region")
        assert (why.reason, why.symbol) == (reason, symbol)


def tasks_of(scan: Scan, body: str) -> Facts:
    return scan(f"{HEADER}{body}", outside=given())


def test_what_is_nested_is_rendered_and_what_is_no_template_field_is_not(
    scan: Scan,
) -> None:
    facts = tasks_of(
        scan,
        "with DAG('d'):\n"
        " HttpOperator(task_id='a', headers={'Authorization': 'Basic {{ var.value.env }}'})\n"
        " HttpOperator(task_id='b', headers={'Authorization': '{{ var.value.absent }}'})\n"
        " Run(task_id='c', project_id='p', region='r', job_name='j',"
        "  impersonation_chain=['{{ var.value.env }}@x'])\n"
        " Create(task_id='e', project_id='p', region='r', job_name='j', job={'template':"
        "  {'template': {'service_account': '{{ var.value.env }}'}}})\n",
    )
    assert [call.token for call in facts.calls[:2]] == ["basic", UNSET]
    assert facts.tasks[2].impersonation_chain == ("prod@x",)
    # `job` is no template field: Airflow sends it as it stands
    assert facts.calls[3].deploys_as == "{{ var.value.env }}"


def test_a_shell_command_and_a_header_know_what_a_variable_gives(scan: Scan) -> None:
    facts = tasks_of(
        scan,
        "from airflow.operators.bash import BashOperator\n"
        "with DAG('d'):\n"
        " BashOperator(task_id='a', bash_command='gcloud run jobs execute"
        " {{ var.value.env }} --region={{ var.json.cfg.region }} --project=p')\n"
        " BashOperator(task_id='b', bash_command='gcloud run jobs execute"
        " {{ var.value.absent }} --region=r --project=p')\n",
    )
    first, second = facts.calls
    assert (first.name, first.region) == ("prod", "europe-west1")
    assert second.name is UNSET
    assert ("name", "variable", "absent") in {
        (one.field, one.reason, one.symbol) for one in second.unresolved
    }


def test_a_class_of_the_repository_says_what_is_a_template(scan: Scan) -> None:
    facts = tasks_of(
        scan,
        "class Own(Run):\n template_fields = ('region',)\n template_ext = ('.json',)\n"
        "with DAG('d'):\n"
        " Own(task_id='a', project_id='{{ var.value.env }}', region='{{ var.value.env }}',"
        " job_name='a.json')\n"
        " Own(task_id='b', project_id='p', region='a.json', job_name='j')\n",
    )
    first, second = facts.calls
    assert (first.project, first.region, first.name) == (
        "{{ var.value.env }}",
        "prod",
        "a.json",
    )
    assert second.region is UNSET
    assert second.unresolved[0].symbol == "template file a.json"


def test_a_class_that_is_told_to_take_files_is_another(scan: Scan) -> None:
    facts = tasks_of(
        scan,
        "Run.template_ext = ('.json',)\nwith DAG('d'):\n"
        " Run(task_id='a', project_id='p', region='r', job_name='a.json')\n",
    )
    assert facts.calls[0].name is UNSET


def test_jinja_is_asked_for_only_where_there_is_a_template() -> None:
    import subprocess
    import sys

    program = (
        "import sys\nfrom dagwarden.sources.dags.airflow.templates import evaluated\n"
        "class N:\n def name(self, n): raise LookupError\n"
        " def has_filter(self, n): return True\n"
        "assert evaluated('x\\n', N()) == 'x'\nassert 'jinja2' not in sys.modules\n"
        "assert evaluated('{{ 1 }}', N()) == '1'\nassert 'jinja2' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
