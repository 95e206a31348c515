"""What a program takes where an input is not given: told beside why it is not known."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import jinja2
import pytest
from msgspec import UNSET
from tests.sources.dags.conftest import Scan

from dagwarden.facts import Unresolved

HEAD = """\
import json, os
from pathlib import Path
from airflow.models import Variable
from airflow.sdk import DAG
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.standard.operators.empty import EmptyOperator
def same(x): return x
def upper(x): return x.upper()
class Settings:
    pool = os.getenv("P", "dev")
    def __init__(self): self.own = os.getenv("P", "dev")
A = os.getenv("A", "a")
"""

# an expression -> its default, as far as that is told
TOLD: dict[str, str] = {
    "os.getenv('P', 'dev')": "dev",
    "os.environ.get('P', 'dev')": "dev",
    "os.getenv('P') or 'dev'": "dev",
    "os.getenv('P') or os.getenv('Q') or 'dev'": "dev",
    "os.getenv('P', '')": "",
    "same(os.getenv('P', 'dev'))": "dev",
    "Settings.pool": "dev",
    "Settings().own": "dev",
    "[os.getenv('P', 'dev')][0]": "dev",
    "{'k': os.getenv('P', 'dev')}['k']": "dev",
    "f\"{os.getenv('P', 'dev')}-x\"": "dev-x",
    "f\"{os.getenv('P', 'dev')}{A}\"": "deva",
    "'x-' + os.getenv('P', 'dev')": "x-dev",
    "'%s-x' % os.getenv('P', 'dev')": "dev-x",
    "'%s-%s' % (os.getenv('P', 'dev'), A)": "dev-a",
    "'{}-x'.format(os.getenv('P', 'dev'))": "dev-x",
    "'-'.join([os.getenv('P', 'dev'), 'x'])": "dev-x",
}
# expressions that are made of something that has a default: theirs is not told, or right
MADE = (
    "os.environ['P']",
    "os.getenv('P')",
    "os.getenv('P', None)",
    "os.getenv('P', 'dev').upper()",
    "os.getenv('P', 'dev').strip().lower()",
    "upper(os.getenv('P', 'dev'))",
    "f\"{os.getenv('P', 'dev')}-x\".upper()",
    "os.getenv('P', 'dev')[0]",
    "os.getenv('P', 'dev')[1:]",
    "os.getenv('P', 'a,b').split(',')[1]",
    "f\"{os.getenv('P', 'dev')!r}\"",
    "f\"{os.getenv('P', 'dev'):>9}\"",
    "f\"{os.getenv('P', 'dev')}{os.getenv('Q')}\"",
    "'%r' % os.getenv('P', 'dev')",
    "'%5s|%s' % (os.getenv('P', 'dev'), A)",
    "'{:>5}'.format(os.getenv('P', 'dev'))",
    "'{0}{0}'.format(os.getenv('P', 'dev'))",
    "os.getenv('P', 'dev') * 2",
    "os.getenv('P', 'dev') + os.getenv('Q', 'x') * 2",
    "os.getenv('P', 'dev') and 'prod'",
    "os.getenv('P') and 'prod'",
    "os.getenv('P', 'dev') or 'prod'",
    "'x' if os.getenv('P', 'dev') == 'prod' else 'y'",
    "os.getenv('P', 'dev') if A == 'b' else 'y'",
    "{'dev': 'x', 'prod': 'y'}[os.getenv('P', 'dev')]",
    "{'dev': 'x', 'prod': 'y'}.get(os.getenv('P', 'dev'))",
    "os.getenv(os.getenv('P', 'dev'))",
    "os.getenv(os.getenv('P', 'dev'), 'x')",
    "[x for x in os.getenv('P', 'dev')][0]",
    "sorted([os.getenv('P', 'dev'), 'x'])[0]",
    "max(os.getenv('P', 'dev'), 'x')",
    "str(os.getenv('P', 'dev'))",
    "os.path.basename(os.getenv('P', 'a/b'))",
    "next(iter([os.getenv('P', 'dev')]))",
    "(lambda x=os.getenv('P', 'dev'): x + x)()",
    "dict(k=os.getenv('P', 'dev'))['k']",
    "json.loads(os.getenv('P', '\"a\"'))",
    "json.dumps(os.getenv('P', 'dev'))",
    "os.path.join(os.getenv('P', 'a'), 'b')",
    "os.path.dirname(os.getenv('P', 'a/b'))",
    "str(Path(os.getenv('P', 'a')) / 'b')",
    "Path(os.getenv('P', 'a/b')).name",
    "Path(os.getenv('P', 'a/b')).parent.as_posix()",
    "repr(os.getenv('P', 'dev'))",
    "os.getenv('P', 'dev').__class__.__name__",
    "type(os.getenv('P', 'dev')).__name__",
)  # fmt: skip


def entry(
    scan: Scan, expression: str, operator: str = "EmptyOperator(pool=X)"
) -> Unresolved:
    call = operator.replace("(", "(task_id='t', ")
    facts = scan(f"{HEAD}X = {expression}\nwith DAG('d'):\n {call}\n")
    field = operator.partition("(")[2].partition("=")[0]
    field = {"project_id": "project", "gcp_conn_id": "connection"}.get(field, field)
    (found,) = [e for e in facts.tasks[0].unresolved if e.field == field]
    return found


def value_of(expression: str, environment: Mapping[str, str]) -> object:
    """Return what Python makes of `expression` in an environment with nothing in it."""
    assert not environment.keys() & {"P", "Q", "A"}
    body = HEAD.partition("def same")[2]
    scope: dict[str, object] = {"json": json, "os": os, "Path": Path}
    exec(f"def same{body}X = {expression}", scope)  # the programs above
    return scope["X"]


@pytest.mark.parametrize("expression", TOLD)
def test_a_default_is_told_and_is_not_the_value(scan: Scan, expression: str) -> None:
    assert TOLD[expression] == value_of(expression, os.environ)
    found = entry(scan, expression)
    assert (found.reason, found.default) == ("environment", TOLD[expression])


@pytest.mark.parametrize("expression", MADE)
def test_the_default_of_a_part_is_not_that_of_the_whole(
    scan: Scan, expression: str
) -> None:
    default = entry(scan, expression).default
    assert default is UNSET or default == value_of(expression, os.environ)


@pytest.mark.parametrize(
    ("expression", "default"),
    [
        ("Variable.get('p', default_var='dev')", "dev"),
        ("Variable.get('p', default='dev')", "dev"),
        ("Variable.get('p', 'dev')", "dev"),
        ("Variable.get('p')", UNSET),
        ("Variable.get('p', default_var=None)", UNSET),
        ("Variable.get(os.getenv('P', 'dev'))", UNSET),
        ("Variable.get('p', default_var='{\"a\": 1}', deserialize_json=True)['a']", UNSET),
    ],
)  # fmt: skip
def test_a_variable_has_a_default(scan: Scan, expression: str, default: object) -> None:
    assert entry(scan, expression).default == default


class _Variables:
    """Variables of which there is none."""

    def get(self, name: str, default: str) -> str:
        return default


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{{ var.value.get('x', 'dev') }}", True),
        ("{{ var.value.get('x', 'dev') }}-a", True),
        ("{{ var.value.get('x', 'dev') ~ '-a' }}", True),
        ("{% set y = var.value.get('x', 'dev') %}{{ y }}", True),
        ("{{ var.value.get('x', 'dev') | upper }}", False),
        ("{{ (var.value.get('x', 'dev') ~ 'a') | upper }}", False),
        ("{{ var.value.get('x', 'dev').upper() }}", False),
        ("{{ var.value.get('x', 'dev')[0] }}", False),
        ("{{ var.value.get('x', 'dev') * 2 }}", False),
        ("{{ var.value.get('x', 'dev') or 'b' }}", False),
        ("{{ var.value.get('x', 'dev') and 'b' }}", False),
        ("{{ var.value.get('x', 'dev') | replace('d', 'D') }}", False),
        ("{{ var.value.get('x', ' dev ') | trim }}", False),
        ("{{ var.value.get('x', 'dev') | length }}", False),
        ("{{ 'p' if var.value.get('x', 'dev') == 'x' else 'q' }}", False),
        ("{% if var.value.get('x', 'dev') == 'x' %}p{% else %}q{% endif %}", False),
        ("{{ var.value.get(var.value.get('x', 'dev'), 'e') }}", False),
    ],
)
def test_a_template_has_a_default(scan: Scan, template: str, told: bool) -> None:
    rendered = jinja2.Template(template).render(var={"value": _Variables()})
    operator = "CloudRunExecuteJobOperator(project_id=X)"
    default = entry(scan, repr(template), operator).default
    assert default == rendered or (default is UNSET and not told)


@pytest.mark.parametrize(
    ("expression", "operator"),
    [
        ("os.getenv('DB_PASSWORD', 'brine-otter-4471')", "EmptyOperator(pool=X)"),
        ("os.getenv('P', 'postgresql://u:brine-otter-4471@h/d')", "EmptyOperator(pool=X)"),
        ("os.getenv('P', '{{ ds }}')", "EmptyOperator(pool=X)"),
        (f"os.getenv('P', '{'long' * 200}')", "EmptyOperator(pool=X)"),
        ("os.getenv('P', b'bytes')", "EmptyOperator(pool=X)"),
        ("[os.getenv('P', 'a@b.example')]", "CloudRunExecuteJobOperator(impersonation_chain=X)"),
    ],
)  # fmt: skip
def test_what_may_be_a_secret_or_is_not_the_field_is_not_told(
    scan: Scan, expression: str, operator: str
) -> None:
    assert entry(scan, expression, operator).default is UNSET


@pytest.mark.parametrize(
    "operator",
    [
        "CloudRunExecuteJobOperator(project_id=X)",
        "CloudRunExecuteJobOperator(region=X)",
        "CloudRunExecuteJobOperator(gcp_conn_id=X)",
        "CloudRunExecuteJobOperator(impersonation_chain=X)",
        "EmptyOperator(task_id=X)",
    ],
)
def test_every_field_that_is_a_text_tells_it(scan: Scan, operator: str) -> None:
    if "task_id" in operator:
        facts = scan(f"{HEAD}X = os.getenv('P', 'dev')\nwith DAG('d'):\n {operator}\n")
        assert [e.default for e in facts.tasks[0].unresolved] == ["dev"]
    else:
        assert entry(scan, "os.getenv('P', 'dev')", operator).default == "dev"


def test_dags_and_calls_tell_it_too(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}with DAG(os.getenv('D', 'd'), schedule=os.getenv('S', '@daily')):\n"
        " CloudRunExecuteJobOperator(task_id='t', project_id='p', region='r',"
        " job_name=os.getenv('J', 'job'))\n"
    )
    dag = {e.field: e.default for e in facts.dags[0].unresolved}
    assert dag == {"dag_id": "d", "schedule": "@daily"}
    assert {e.field: e.default for e in facts.calls[0].unresolved} == {"name": "job"}
