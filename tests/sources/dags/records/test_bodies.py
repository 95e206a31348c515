"""What the code of tasks calls on Cloud Run: every way, and what is not claimed."""

from collections.abc import Callable
from textwrap import indent

import pytest
from msgspec import UNSET

from dagwarden.facts import Call, Facts

Scan = Callable[..., Facts]

HEAD = """
import os, subprocess, json
import requests, httpx, aiohttp
import urllib.request
from airflow.sdk import DAG, BaseHook, BaseOperator, Variable, dag, task
from airflow.providers.google.cloud.hooks.cloud_run import CloudRunHook
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
from airflow.providers.http.hooks.http import HttpHook
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from google.auth import impersonated_credentials
from google.auth.transport.requests import AuthorizedSession, Request
from google.oauth2 import id_token, service_account
import google.auth
from google.cloud import run_v2
from googleapiclient import discovery
URL = "https://svc-abc123-ew.a.run.app"
JOB = "projects/p/locations/r1/jobs/j"
NAMED = {"url": None, "project": "p", "region": "r1", "name": "j"}
def bearer(audience):
    return {"Authorization": f"Bearer {id_token.fetch_id_token(Request(), audience)}"}
"""


def calls(scan: Scan, body: str) -> list[Call]:
    """Return what a task calls whose code is `body`."""
    code = indent(body, " ")
    facts = scan(
        f"{HEAD}@task\ndef t(x):\n{code}\nwith DAG('d'):\n t(os.getenv('X'))\n"
    )
    assert [one.task_id for one in facts.tasks] == ["t"]
    return list(facts.calls)


def told(call: Call) -> dict[str, object]:
    return {
        "operation": call.operation,
        "url": call.url,
        "token": call.token,
        "audience": call.audience,
        "acts_as": call.acts_as,
        "chain": call.impersonation_chain,
        "named": (call.project, call.region, call.name),
    }


SERVICE = "https://svc-abc123-ew.a.run.app"
REQUEST: dict[str, object] = {
    "operation": "invoke_service",
    "url": SERVICE,
    "token": "none",
    "audience": None,
    "acts_as": "environment",
    "chain": None,
    "named": (UNSET, UNSET, UNSET),
}
BY_ID = {**REQUEST, "token": "id_token", "audience": SERVICE}
RUN = {
    **REQUEST,
    "operation": "run_job",
    "url": None,
    "token": None,
    "named": ("p", "r1", "j"),
}
SA = "caller@p.iam.gserviceaccount.com"
IMPERSONATED = (
    f"s, _ = google.auth.default()\n"
    f"c = impersonated_credentials.Credentials(s, '{SA}', ['scope'])\n"
)

WAYS: dict[str, tuple[str, dict[str, object]]] = {
    "requests": ("requests.get(URL)", REQUEST),
    "generator": ("def g():\n yield requests.get(URL)\nlist(g())", REQUEST),
    "requests, path not known": ("requests.post(f'{URL}/a/{x}', headers=bearer(URL))", BY_ID),
    "request with a method": ("requests.request('PUT', URL + '/a', headers=bearer(URL))", BY_ID),
    "httpx": ("httpx.get(URL, headers=bearer(URL))", BY_ID),
    "httpx client": (
        "with httpx.Client(base_url=URL, headers=bearer(URL)) as c:\n c.get('/a')", BY_ID
    ),
    "aiohttp": (
        ("async def f():\n async with aiohttp.ClientSession() as s:\n"
        "  async with s.get(URL, headers=bearer(URL)) as r: return await r.text()\n"
        "import asyncio\nasyncio.run(f())"), BY_ID
    ),
    "urllib": ("urllib.request.urlopen(urllib.request.Request(URL, headers=bearer(URL)))", BY_ID),
    "urllib, header added": (
        ("r = urllib.request.Request(URL)\nfor k, v in bearer(URL).items(): r.add_header(k, v)\n"
        "urllib.request.urlopen(r)"), BY_ID
    ),
    "session": ("s = requests.Session()\ns.headers.update(bearer(URL))\ns.get(URL)", BY_ID),
    "auth of a class": (
        ("class A(requests.auth.AuthBase):\n def __call__(self, r):\n"
        "  r.headers.update(bearer(URL))\n  return r\nrequests.get(URL, auth=A())"), BY_ID
    ),
    "login": ("requests.get(URL, auth=('u', x))", {**REQUEST, "token": "basic"}),
    "written token": (
        "requests.get(URL, headers={'authorization': 'Bearer abc'})",
        {**REQUEST, "token": "static_bearer"},
    ),
    "token from elsewhere": (
        "requests.get(URL, headers={'Authorization': f'Bearer {x}'})",
        {**REQUEST, "token": UNSET},
    ),
    "token or none": (
        "requests.get(URL, headers=bearer(URL) if x else None)", {**REQUEST, "token": UNSET}
    ),
    "another audience": (
        "requests.get(URL, headers=bearer('https://other.example'))",
        {**BY_ID, "audience": "https://other.example"},
    ),
    "metadata server": (
        ("t = requests.get('http://metadata.google.internal/computeMetadata/v1/instance/"
        "service-accounts/default/identity', params={'audience': URL}).text.strip()\n"
        "requests.get(URL, headers={'Authorization': 'Bearer ' + t})"), BY_ID
    ),
    "gcloud's token": (
        ("t = subprocess.check_output(['gcloud', 'auth', 'print-identity-token',"
        " f'--audiences={URL}']).decode().strip()\n"
        "requests.get(URL, headers={'Authorization': 'Bearer {}'.format(t)})"), BY_ID
    ),
    "credentials": (
        ("c = id_token.fetch_id_token_credentials(URL)\nc.refresh(Request())\n"
        "requests.get(URL, headers={'Authorization': f'Bearer {c.token}'})"), BY_ID
    ),
    "authorized session": ("AuthorizedSession(id_token.fetch_id_token_credentials(URL)).get(URL)", BY_ID),
    "access token": (
        "AuthorizedSession(google.auth.default()[0]).get(URL)", {**REQUEST, "token": "access_token"}
    ),
    "impersonation": (
        (f"{IMPERSONATED}i = impersonated_credentials.IDTokenCredentials(c, target_audience=URL)\n"
        "AuthorizedSession(i).post(URL)"), {**BY_ID, "chain": (SA,)}
    ),
    "impersonation after impersonation": (
        (f"{IMPERSONATED}d = impersonated_credentials.Credentials(c, '{SA}', [])\n"
        "run_v2.JobsClient(credentials=d).run_job(name=JOB)"),
        {**RUN, "acts_as": UNSET, "chain": (SA,)},
    ),
    "key file": (
        ("c = service_account.IDTokenCredentials.from_service_account_file('k', target_audience=URL)\n"
        "AuthorizedSession(c).get(URL)"), {**BY_ID, "acts_as": UNSET}
    ),
    "library": ("run_v2.JobsClient().run_job(name=JOB)", RUN),
    "library, request": ("run_v2.JobsClient().run_job(run_v2.RunJobRequest(name=JOB))", RUN),
    "library, path": (
        "c = run_v2.JobsClient()\nc.run_job(request={'name': c.job_path('p', 'r1', 'j')})", RUN
    ),
    "library, name in part": (
        "run_v2.JobsClient().run_job(name=f'projects/{x}/locations/r1/jobs/j')",
        {**RUN, "named": (UNSET, "r1", "j")},
    ),
    "library as another": (f"{IMPERSONATED}run_v2.JobsClient(credentials=c).run_job(name=JOB)", {**RUN, "chain": (SA,)}),
    "library, service": (
        "run_v2.ServicesClient().delete_service(name='projects/p/locations/r1/services/j')",
        {**RUN, "operation": "delete_service"},
    ),
    "discovery": (
        "discovery.build('run', 'v2').projects().locations().jobs().run(name=JOB, body={}).execute()",
        RUN,
    ),
    "discovery, regional": (
        ("discovery.build('run', 'v1', client_options={'api_endpoint': 'https://r-r1-run.googleapis.com'})"
        ".namespaces().jobs().run(name='namespaces/p/jobs/j').execute()"),
        {**RUN, "named": ("p", "r-r1", "j")},
    ),
    "hook": (
        "CloudRunHook().execute_job(job_name='j', region='r1', project_id='p')",
        {**RUN, "acts_as": "connection"},
    ),
    "hook as another": (
        (f"CloudRunHook(gcp_conn_id='c', impersonation_chain='{SA}')"
        ".execute_job('j', 'r1', project_id='p')"),
        {**RUN, "acts_as": "connection", "chain": (SA,)},
    ),
    "hook's credentials": (
        ("AuthorizedSession(CloudRunHook().get_credentials())"
        ".post(f'https://run.googleapis.com/v2/{JOB}:run')"),
        {**RUN, "acts_as": "connection"},
    ),
    "API by URL": (
        ("AuthorizedSession(google.auth.default()[0]).post("
        "f'https://r-1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/p/jobs/j:run')"),
        {**RUN, "named": ("p", "r-1", "j")},
    ),
    "API by URL, token of gcloud": (
        ("t = subprocess.run('gcloud auth print-access-token', shell=True, capture_output=True).stdout\n"
        "requests.post(f'https://run.googleapis.com/v2/{JOB}:run',"
        " headers={'Authorization': f'Bearer {t}'})"), RUN
    ),
    "API by URL, token not known": (
        "requests.post(f'https://run.googleapis.com/v2/{JOB}:run', headers={'Authorization': x})",
        {**RUN, "acts_as": UNSET},
    ),
    "HTTP hook": (
        "HttpHook('GET', http_conn_id='h').run('/a', headers=bearer(URL))",
        {**BY_ID, "url": None},
    ),
    "gcloud": (
        (f"subprocess.run(['gcloud', 'run', 'jobs', 'execute', 'j', '--region', 'r1',"
        f" '--project=p', '--impersonate-service-account', '{SA}'], check=True)"),
        {**RUN, "chain": (SA,)},
    ),
    "curl": (
        ("os.system(f'curl -H \"Authorization: Bearer $(gcloud auth print-identity-token"
        " --audiences={URL})\" {URL}/a')"), BY_ID
    ),
    "URL not known": ("requests.get(os.environ['URL'])", {**REQUEST, "url": UNSET}),
    "host not known": ("requests.get(f'https://svc-{x}.run.app/')", {**REQUEST, "url": UNSET}),
    "host may go on": ("requests.get('https://svc.run.app' + x)", {**REQUEST, "url": UNSET}),
    "one URL of two": ("requests.get(URL if x else 'https://b.run.app')", {**REQUEST, "url": UNSET}),
    "login in the URL": ("requests.get('https://u:hush@svc.run.app/?k=hush')", {**REQUEST, "url": "https://svc.run.app"}),
    "application credentials": (
        "os.environ['GOOGLE_APPLICATION_CREDENTIALS'] = '/k.json'\nrun_v2.JobsClient().run_job(name=JOB)",
        {**RUN, "acts_as": UNSET},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), WAYS.values(), ids=WAYS)
def test_every_way_to_call(scan: Scan, body: str, expected: dict[str, object]) -> None:
    (found,) = calls(scan, body)
    assert told(found) == expected
    missing = {u.field for u in found.unresolved}
    unset = {n for n in found.__struct_fields__ if getattr(found, n) is UNSET}
    # whether its connection is defined, connections tell
    assert missing == unset - {"connection_defined"}
    assert "hush" not in repr(found)


@pytest.mark.parametrize(("body", "expected"), WAYS.values(), ids=WAYS)
def test_every_way_in_an_operator(
    scan: Scan, body: str, expected: dict[str, object]
) -> None:
    code = indent(f"x = os.getenv('X')\n{body}", "  ")
    made = f"class T(BaseOperator):\n def execute(self, context):\n{code}\n"
    (found,) = scan(f"{HEAD}{made}with DAG('d'):\n T(task_id='t')\n").calls
    assert told(found) == expected


NOTHING = {
    "plain": "y = json.dumps({'a': [1]})\nprint(y.upper(), x['k'].get('z'))",
    "logging": "import logging\nlogging.getLogger(__name__).info('%s', x)",
    "other services": "from google.cloud import storage\nstorage.Client().bucket('b')",
    "reading": "run_v2.JobsClient().get_job(name=JOB)",
    "nothing is called": "def f(): requests.get(URL)",
    "never": "if False: requests.get(URL)",
    "after an end": "return 1\nrequests.get(URL)",
}


@pytest.mark.parametrize("body", NOTHING.values(), ids=NOTHING)
def test_code_that_calls_nothing_is_not_left_out(scan: Scan, body: str) -> None:
    code = indent(body, " ")
    facts = scan(
        f"{HEAD}@task\ndef t(x):\n{code}\nwith DAG('d'):\n t(os.getenv('X'))\n"
    )
    assert (facts.calls, facts.excluded) == ((), ())


LEFT_OUT = {
    "package": "import elsewhere\nelsewhere.run()",
    "unknown function": "x()",
    "exec": "exec(x)",
    "callback": "import threading\nthreading.Thread(target=lambda: requests.get(URL)).start()",
    "program": "subprocess.run(['./deploy'])",
    "command": "subprocess.run(x, shell=True)",
    "import by name": "import importlib\nimportlib.import_module(x).run()",
    "one object of two": "class A:\n def go(self): requests.get(URL)\n(A() if x else 0).go()",
    "another operator": "CloudRunExecuteJobOperator(task_id='i').execute({})",
    "sockets": "import http.client\nhttp.client.HTTPSConnection(x).request('GET', '/')",
}


@pytest.mark.parametrize("body", LEFT_OUT.values(), ids=LEFT_OUT)
def test_code_that_is_not_read_to_the_end_is_counted(scan: Scan, body: str) -> None:
    code = indent(body, " ")
    facts = scan(
        f"{HEAD}@task\ndef t(x):\n{code}\nwith DAG('d'):\n t(os.getenv('X'))\n"
    )
    assert ("path", 1) in [(one.kind, one.count) for one in facts.excluded]


# What holds of one task's code is not changed by another's, and the reverse.
TOGETHER = """
D = {"url": URL}
def one():
    requests.get(D["url"])
def other():
    D["url"] = "https://other.run.app"
    requests.get(D["url"])
with DAG("d"):
    PythonOperator(task_id="other", python_callable=other)
    PythonOperator(task_id="one", python_callable=one)
"""


def test_tasks_do_not_see_what_others_change(scan: Scan) -> None:
    facts = scan(HEAD + TOGETHER)
    urls = {call.task.rpartition(".")[2]: call.url for call in facts.calls}
    assert urls["one"] in (SERVICE, UNSET)
    assert urls["other"] in ("https://other.run.app", UNSET)


def test_a_loop_of_tasks_and_their_arguments(scan: Scan) -> None:
    facts = scan(
        HEAD + "def f(name, path='/', *, ds=None, **context):\n"
        " requests.get(f'https://{name}.run.app{path}{ds}')\n"
        "with DAG('d'):\n for n in ('a', 'b'):\n"
        "  PythonOperator(task_id=n, python_callable=f, op_kwargs={'name': n})\n"
    )
    assert [(call.task, call.url) for call in facts.calls] == [
        ("task:prod:dags/a.py:d.a", "https://a.run.app"),
        ("task:prod:dags/a.py:d.b", "https://b.run.app"),
    ]


def test_templates_and_mapped_arguments_are_not_known(scan: Scan) -> None:
    facts = scan(
        HEAD
        + "@task\ndef f(url, name='n'):\n requests.get(url, headers=bearer(name))\n"
        "with DAG('d'):\n f('https://{{ var.value.host }}/')\n"
        " f.partial(name='m').expand(url=['https://a.run.app', 'https://b.run.app'])\n"
        " f('https://c.run.app/{{ ds }}')\n"
    )
    found = [(call.url, call.audience) for call in facts.calls]
    assert found == [(UNSET, "n"), (UNSET, "m"), ("https://c.run.app", "n")]


def test_calls_in_modules_of_the_repository_say_where_they_stand(scan: Scan) -> None:
    facts = scan(
        "from airflow.sdk import DAG, task\nfrom lib.run import Client\n"
        "@task\ndef t(): Client('https://s.run.app').send()\nwith DAG('d'):\n t()\n",
        dags__lib____init__="",
        dags__lib__run="import requests\nfrom lib.mint import header\nclass Client:\n"
        " def __init__(self, url): self.url = url\n"
        " def send(self):\n  requests.get(self.url, headers=header(self.url))\n",
        dags__lib__mint="from google.oauth2 import id_token\ndef header(a):\n"
        " return {'Authorization': 'Bearer ' + id_token.fetch_id_token(None, a)}\n",
    )
    (call,) = facts.calls
    assert (call.origin.source, call.origin.line) == ("dags/lib/run.py", 6)
    places = {one.field: one.origin for one in call.provenance}
    token, url = places["token"], places["url"]
    assert token is not None
    assert url is not None
    assert (token.source, token.line) == ("dags/lib/mint.py", 3)
    assert (url.source, url.line) == ("dags/lib/run.py", 6)
    assert (call.token, call.audience) == ("id_token", "https://s.run.app")


def test_several_calls_have_ids_of_their_own(scan: Scan) -> None:
    found = calls(
        scan,
        "for _ in x: requests.get(URL)\nrequests.get(URL)\n"
        "requests.get(URL, verify=False)\nrun_v2.JobsClient().run_job(name=JOB)",
    )
    assert sorted(call.id for call in found) == [
        "call:prod:dags/a.py:d.t",
        "call:prod:dags/a.py:d.t#2",
        "call:prod:dags/a.py:d.t#3",
    ]


MINTED = {
    "jinja": "'Bearer {{ ti.xcom_pull(task_ids=\"mint\") }}'",
    "jinja, by position": "'Bearer {{ task_instance.xcom_pull(\"mint\") }}'",
    "argument": "f'Bearer {minted}'",
}


@pytest.mark.parametrize("header", MINTED.values(), ids=MINTED)
def test_a_token_minted_by_another_task(scan: Scan, header: str) -> None:
    facts = scan(
        f"{HEAD}@task\ndef mint(): return id_token.fetch_id_token(Request(), URL)\n"
        f"with DAG('d'):\n minted = mint()\n"
        f" HttpOperator(task_id='h', headers={{'Authorization': {header}}})\n"
    )
    (call,) = facts.calls
    assert (call.via, call.token, call.audience) == ("http", "id_token", SERVICE)


def test_a_token_that_another_task_may_not_mint_is_not_known(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}@task\ndef mint():\n if os.getenv('X'): return 'abc'\n"
        " return id_token.fetch_id_token(Request(), URL)\n"
        "with DAG('d'):\n minted = mint()\n"
        " HttpOperator(task_id='h', headers={'Authorization': f'Bearer {minted}'})\n"
        " HttpOperator(task_id='i', headers={'Authorization': 'Bearer {{ ti.xcom_pull(\"no\") }}'})\n"
    )
    assert [call.token for call in facts.calls] == [UNSET, UNSET]


OWN = """
class Own(HttpOperator):
    def __init__(self, audience, **kwargs):
        super().__init__(**kwargs)
        self.audience = audience
    def execute(self, context):
        self.headers = {**(self.headers or {}), **bearer(self.audience)}
        return super().execute(context)
class Job(BaseOperator):
    def __init__(self, job, **kwargs):
        super().__init__(**kwargs)
        self.job = job
    def execute(self, context):
        self.log.info("runs %s", self.job)
        CloudRunHook(gcp_conn_id="c").execute_job(job_name=self.job, region="r1", project_id="p")
with DAG("d"):
    Own(task_id="own", audience=URL, endpoint="/a", http_conn_id="h")
    Job(task_id="job", job="j")
"""


def test_operators_of_the_repository_are_followed(scan: Scan) -> None:
    job, own = sorted(scan(HEAD + OWN).calls, key=lambda call: call.id)
    assert (own.via, own.token, own.audience) == ("http", "id_token", SERVICE)
    assert own.endpoint == "/a"
    assert (job.via, job.operation, job.connection) == ("code", "run_job", "c")
    assert (job.project, job.region, job.name) == ("p", "r1", "j")


WALK = """
def walk(tree, path=(), depth=0):
    for key, value in tree.items():
        for one in value:
            walk(one, (*path, key), depth + 1)
            walk({key: value}, (*path, key), depth + 1)
        requests.post(URL, json=walk(value, path, depth + 1))
"""
LONG = "".join(f"{' ' * n}for a{n} in x:\n" for n in range(1, 16)) + " " * 16 + "pass"


def test_a_task_whose_code_is_long_leaves_the_others_enough(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}@task\ndef long(x):\n{LONG}\n@task\ndef short():\n requests.get(URL)\n"
        "x = os.environ\nwith DAG('d'):\n long(x)\n short()\n for _ in (1, 2):\n  long(x)\n"
    )
    # the same code is not gone through again for every task of it
    assert [(gap.reason, gap.detail, gap.origin.line) for gap in facts.gaps] == [
        ("timeout", "the code of the task long takes too long to follow", 46),
        ("timeout", "the code of the task long__1 and 1 more takes too long to follow", 49),
    ]  # fmt: skip
    assert [(call.task, call.url) for call in facts.calls] == [
        ("task:prod:dags/a.py:d.short", SERVICE)
    ]
    assert len(facts.tasks) == 4


def test_a_recursion_that_is_told_nothing_new_ends(
    scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # some times what it takes; followed to the third level of the recursion it is a lot more
    monkeypatch.setattr("dagwarden.sources.dags.records.bodies.MOST_UNITS", 10_000)
    facts = scan(
        f"{HEAD}{WALK}@task\ndef t(x):\n walk(x)\nwith DAG('d'):\n t(os.getenv('X'))\n"
    )
    assert facts.gaps == ()
    assert [call.url for call in facts.calls] == [SERVICE]


def test_an_endless_body_leaves_the_tasks(scan: Scan) -> None:
    loops = "".join(f"{' ' * n}for a{n} in range(900):\n" for n in range(1, 5))
    facts = scan(
        f"{HEAD}@task\ndef t():\n{loops}     requests.get(URL)\nwith DAG('d'):\n t()\n"
    )
    assert [one.task_id for one in facts.tasks] == ["t"]
    assert facts.gaps == ()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("URL + '/run/now'", "/run/now"),
        ("f'{URL}/run?x=1'", "/run"),
        ("URL", None),
        ("URL + '/run?x=' + x", "/run"),
        ("URL + '/run/' + x", UNSET),
        ("x + '/run'", UNSET),
        ("os.environ['HOST'] + '/run'", UNSET),
        # a path may be a secret
        ("'https://hooks.example.com/T1/B2/made-up'", None),
    ],
)
@pytest.mark.parametrize("asking", ["requests.get({})", "urllib.request.urlopen({})"])
def test_a_request_tells_its_path_where_it_is_known(
    scan: Scan, asking: str, url: str, expected: object
) -> None:
    (call,) = calls(scan, asking.format(url))
    assert call.endpoint == expected
    unknown = {one.field: (one.reason, one.symbol) for one in call.unresolved}
    if "environ" in url:
        assert unknown["endpoint"] == unknown["url"] == ("environment", "HOST")
