"""Code that surely sends nothing is not followed; by whatever way it sends, it is."""

from collections.abc import Callable
from pathlib import Path
from textwrap import indent

import pytest

from dagwarden.facts import Facts

Scan = Callable[..., Facts]

URL = "https://svc-abc123-ew.a.run.app"
HEAD = f"""
import functools, json, os, sys, time
from airflow.sdk import DAG, BaseOperator, Variable
from helpers import tools
from helpers.tools import *
URL = "{URL}"
"""
TOOLS = f"""
import logging
import requests
from requests import get as fetch
URL = "{URL}"
SESSION = requests.Session()
HELD = {{"of": [requests.Session()]}}
class Client:
    def __init__(self):
        self.session = requests.Session()
    def send(self): self.session.get(URL)
class Base:
    client = requests.Session()
def send(): requests.get(URL)
def harmless(n): return harmless(n - 1) if n else logging.getLogger("x")
def wrapped(function):
    def run(): return function()
    return run
@wrapped
def decorated(): requests.get(URL)
"""
OPENED = (
    "with open('/'.join([os.path.dirname(__file__), 'c.json'])) as f: json.load(f)\n"
)


def read(scan: Scan, tmp_path: Path, code: str, given: str, more: str = "") -> Facts:
    """Return the facts of a task whose operator opens a file and runs `code`."""
    beside = tmp_path / "repo" / "dags" / "c.json"
    beside.parent.mkdir(parents=True)
    beside.write_text("{}")
    body = indent(OPENED + code, "  ")
    made = "class T(BaseOperator):\n def __init__(self, made=None, **kwargs):\n"
    made += "  super().__init__(**kwargs)\n  self.made = made\n"
    made += f" def execute(self, context):\n{body}\n"
    facts = scan(
        f"{HEAD}{more}\n{made}with DAG('d'):\n T(task_id='t'{given})\n",
        dags__helpers____init__="",
        dags__helpers__tools=TOOLS,
    )
    assert [task.task_id for task in facts.tasks] == ["t"]
    return facts


WAYS = {
    "a module": ("tools.requests.get(URL)", "", ""),
    "a module under another name": ("t = tools\nt.requests.get(URL)", "", ""),
    "a name of a module": ("tools.SESSION.get(URL)", "", ""),
    "a function": ("send()", "", ""),
    "a function under another name": ("fetch(URL)", "", ""),
    "a decorated function": ("tools.decorated()", "", ""),
    "an object": ("Client().send()", "", ""),
    "an attribute of a class": ("tools.Base.client.get(URL)", "", ""),
    "in containers": ("tools.HELD['of'][0].get(URL)", "", ""),
    "imported there": ("from requests import get\nget(URL)", "", ""),
    "imported there, above": ("import requests.sessions\nrequests.get(URL)", "", ""),
    "a module imported there": ("import helpers.tools\nhelpers.tools.send()", "", ""),
    "a name that is computed": ("getattr(os, 'system')('curl ' + URL)", "", ""),
    "names of the module": ("globals()['fetch'](URL)", "", ""),
    "a default": ("run()", "", "def run(how=fetch): how(URL)"),
    "a closure": ("run()", "", "def make(how):\n return lambda: how(URL)\nrun = make(fetch)"),
    "a function inside": ("def run():\n fetch(URL)\nrun()", "", ""),
    "given": ("self.made.get(URL)", ", made=tools.SESSION", ""),
    "a function that is given": ("self.made()", ", made=lambda: fetch(URL)", ""),
    "given in a container": ("self.made['a'][0]()", ", made={'a': [send]}", ""),
    "another task": (
        "self.dag.get_task('o').execute({})", "",
        "class O(BaseOperator):\n def execute(self, context): fetch(URL)\nO(task_id='o', dag=DAG('d'))",
    ),
    "an operator": (
        "O(task_id='o').execute({})", "", "class O(BaseOperator):\n def execute(self, c): fetch(URL)"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "given", "more"), WAYS.values(), ids=WAYS)
def test_what_may_send_is_followed(
    scan: Scan, tmp_path: Path, code: str, given: str, more: str
) -> None:
    facts = read(scan, tmp_path, code, given, more)
    assert "dags/c.json" in {file.path for file in facts.files}
    sent = {call.url for call in facts.calls}
    # what is not followed further is told as such, and never as silent
    assert sent <= {URL}


SENT = (
    *("a module", "a function", "an object", "in containers", "imported there"),
    *("a default", "a closure", "given", "given in a container"),
)


@pytest.mark.parametrize("way", SENT)
def test_what_is_sent_is_found(scan: Scan, tmp_path: Path, way: str) -> None:
    (call,) = read(scan, tmp_path, *WAYS[way]).calls
    assert (call.url, call.operation) == (URL, "invoke_service")


SILENT = {
    "plain": ("print(json.dumps({'a': os.environ['X'], 'b': os.getenv('Y')}))", ""),
    "a helper": ("tools.harmless(self.made).info('%s', context['ds'])", ", made=7"),
    "a variable": ("Variable.get('x', deserialize_json=True)['y'].strip()", ""),
    "an annotation": ("def f(x: 'fetch', y: tools.requests.Session): return x\nf(1, 2)", ""),
    "what it is given": ("self.made['k'](time.time())", ", made={'k': lambda x: x + 1}"),
    "a package": ("import pandas as pd\npd.DataFrame([1]).to_csv(self.made)", ""),
}  # fmt: skip


@pytest.mark.parametrize(("code", "given"), SILENT.values(), ids=SILENT)
def test_what_sends_nothing_is_not_followed(
    scan: Scan, tmp_path: Path, code: str, given: str
) -> None:
    facts = read(scan, tmp_path, code, given)
    assert facts.calls == ()
    assert "dags/c.json" not in {file.path for file in facts.files}


def test_what_it_returns_is_followed_where_others_ask_for_it(scan: Scan) -> None:
    facts = scan(f"""
from airflow.sdk import DAG, BaseOperator
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.standard.operators.bash import BashOperator
class T(BaseOperator):
    def execute(self, context):
        return "{URL}"
with DAG("d"):
    t = T(task_id="t")
    BashOperator(task_id="b", bash_command="curl {{{{ ti.xcom_pull('t') }}}}")
""")
    (call,) = facts.calls
    assert call.url == URL


def test_a_recursion_that_is_told_nothing_is_followed_once(scan: Scan) -> None:
    calls = "".join(f"  match(e[{n}], r[{n}], path + [key])\n" for n in range(30))
    facts = scan(f"""
import requests
from airflow.sdk import DAG, task
def match(e, r, path):
 for key in e:
{calls}
  match(e[key], r[key], path + [key])
 requests.post("{URL}", json=e)
@task
def t(e): match(e, e, [])
with DAG("d"): t("{{{{ params }}}}")
""")
    (call,) = facts.calls
    assert (call.url, facts.gaps) == (URL, ())
