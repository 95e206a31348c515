"""What shell commands ask of Cloud Run, and what is not claimed of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from dagwarden.facts import Call, Facts

Scan = Callable[..., Facts]

HEAD = """
import os
from airflow.sdk import DAG, task
from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.providers.standard.operators.bash import BashOperator
"""
X = "https://x.a.run.app"
SA = "s@p.iam.gserviceaccount.com"
MINT = f"gcloud auth print-identity-token --audiences={X}"
EXECUTE = "gcloud run jobs execute j --region r --project p"
RUN = ("run_job", "p", "r", "j")


def scanned(scan: Scan, command: str, more: str = "") -> Facts:
    made = f"BashOperator(task_id='t', bash_command={command!r}{more})"
    return scan(f"{HEAD}with DAG('d'):\n {made}\n")


def calls(scan: Scan, command: str, more: str = "") -> list[Call]:
    return list(scanned(scan, command, more).calls)


def asked(call: Call) -> tuple[object, ...]:
    return call.operation, call.project, call.region, call.name


ADMINISTERING: dict[str, tuple[str, tuple[object, ...]]] = {
    "job": (EXECUTE, RUN),
    "equals": ("gcloud run jobs execute j --region=r --project=p", RUN),
    "options first": ("gcloud --project p run jobs execute --wait --region r j", RUN),
    "beta": (f"gcloud beta {EXECUTE.removeprefix('gcloud ')}", RUN),
    "full name": ("gcloud run jobs execute projects/p/locations/r/jobs/j", RUN),
    "path to it": (f"/usr/bin/{EXECUTE}", RUN),
    "in a shell": (f"bash -c '{EXECUTE}'", RUN),
    "with a time limit": (f"timeout 60 {EXECUTE}", RUN),
    "several lines": (f"set -e\n# starts it\n{EXECUTE.replace(' --', chr(92) + chr(10) + ' --')}\n", RUN),
    "in a branch": (f"if [ -f x ]; then\n  {EXECUTE}\nfi", RUN),
    "in a function": ("run() {\n  gcloud run jobs execute $1 --region r --project p\n}\nrun j", RUN),
    "variable": ("R=r; gcloud run jobs execute j --region $R --project \"${P}\"", ("run_job", UNSET, "r", "j")),
    "exported": ("export R=r P=p && gcloud run jobs execute j --region=$R --project=$P", RUN),
    "set in a branch": ("if true; then R=r; fi; gcloud run jobs execute j --region $R --project p", ("run_job", "p", UNSET, "j")),
    "set where it may not be": ("[ -f x ] && R=r; gcloud run jobs execute j --region $R --project p", ("run_job", "p", UNSET, "j")),
    "set in a loop": ("for R in a b; do gcloud run jobs execute j --region $R --project p; done", ("run_job", "p", UNSET, "j")),
    "set later in a loop": ("R=r; while read x; do gcloud run jobs execute j --region $R --project p; R=q; done", ("run_job", "p", UNSET, "j")),
    "set in a subshell": ("R=r; (R=q); gcloud run jobs execute j --region $R --project p", RUN),
    "set in a pipe": ("R=r; echo | R=q; gcloud run jobs execute j --region $R --project p", RUN),
    "gcloud's own": ("gcloud config set project p; gcloud config set run/region r; gcloud run jobs execute j", RUN),
    "gcloud's variables": ("CLOUDSDK_CORE_PROJECT=p CLOUDSDK_RUN_REGION=r gcloud run jobs execute j", RUN),
    "nothing given": ("gcloud run jobs execute j", ("run_job", UNSET, UNSET, "j")),
    "template": ("gcloud run jobs execute j --region {{ params.r }} --project p", ("run_job", "p", UNSET, "j")),
    "template in a name": ("gcloud run jobs execute j-{{ ds }} --region r --project p", ("run_job", "p", "r", UNSET)),
    "more by a variable": ("gcloud run jobs execute j --region r $MORE", ("run_job", UNSET, "r", "j")),
    "update a service": ("gcloud run services update j --region r --project p --memory 1Gi", ("update_service", "p", "r", "j")),
    "deploy a service": ("gcloud run deploy j --image i --region r --project p", ("deploy_service", "p", "r", "j")),
    "deploy a file": ("gcloud run services replace s.yaml --region r --project p", ("deploy_service", "p", "r", UNSET)),
    "delete a job": ("gcloud run jobs delete j --quiet --region r --project p", ("delete_job", "p", "r", "j")),
    "API by URL": (
        ("curl -sf -X POST -H \"Authorization: Bearer $(gcloud auth print-access-token)\""
        " https://run.googleapis.com/v2/projects/p/locations/r/jobs/j:run"), RUN
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "expected"), ADMINISTERING.values(), ids=ADMINISTERING
)
def test_jobs_and_services(
    scan: Scan, command: str, expected: tuple[object, ...]
) -> None:
    (found,) = calls(scan, command)
    assert asked(found) == expected
    assert (found.via, found.token) == ("command", None)


OVERRIDES: dict[str, tuple[str, object, object]] = {
    "none": ("", False, False),
    "a run": (" --args={{ run_id }}", True, False),
    "arguments": (" --args=a,b", True, False),
    "tasks": (" --tasks 3", True, True),
    "timeout": (" --task-timeout=1h --args a", True, True),
    "perhaps": (" $MORE", UNSET, UNSET),
}


@pytest.mark.parametrize(("more", "given", "longer"), OVERRIDES.values(), ids=OVERRIDES)
def test_overrides(scan: Scan, more: str, given: object, longer: object) -> None:
    (found,) = calls(scan, EXECUTE + more)
    assert (found.overrides, found.overrides_duration) == (given, longer)
    # a command is read as it is once rendered
    assert found.names_run == (UNSET if more.endswith(("}", "MORE")) else False)
    needed = {False: "run.jobs.run", True: "run.jobs.runWithOverrides"}
    takes = ("run.executions.get", needed[bool(given)])
    assert found.permissions == (UNSET if given is UNSET else takes)


@pytest.mark.parametrize(
    ("command", "permissions"),
    [
        (EXECUTE, ("run.executions.get", "run.jobs.run")),
        (f"{EXECUTE} --wait", ("run.executions.get", "run.jobs.run")),
        (f"{EXECUTE} --async", ("run.jobs.run",)),
    ],
)
def test_gcloud_reads_the_execution_that_it_starts(
    scan: Scan, command: str, permissions: tuple[str, ...]
) -> None:
    (found,) = calls(scan, command)
    assert found.permissions == permissions


WHO: dict[str, tuple[str, object, object]] = {
    "the environment": (EXECUTE, "environment", None),
    "another": (f"{EXECUTE} --impersonate-service-account={SA}", "environment", (SA,)),
    "several": (f"{EXECUTE} --impersonate-service-account a@p,{SA}", "environment", ("a@p", SA)),
    "gcloud's own": (f"gcloud config set auth/impersonate_service_account {SA}\n{EXECUTE}", "environment", (SA,)),
    "not known": (f"{EXECUTE} --impersonate-service-account=$SA", "environment", UNSET),
    "perhaps": (f"{EXECUTE} $MORE", "environment", UNSET),
    "account": (f"{EXECUTE} --account a@b", UNSET, None),
    "logged in": (f"gcloud auth activate-service-account --key-file k\n{EXECUTE}", UNSET, None),
    "credentials": (f"export GOOGLE_APPLICATION_CREDENTIALS=k\n{EXECUTE}", UNSET, None),
    "credentials of gcloud": (f"CLOUDSDK_AUTH_CREDENTIAL_FILE_OVERRIDE=k {EXECUTE}", UNSET, None),
}  # fmt: skip


@pytest.mark.parametrize(("command", "acts_as", "chain"), WHO.values(), ids=WHO)
def test_who_gcloud_is(
    scan: Scan, command: str, acts_as: object, chain: object
) -> None:
    (found,) = calls(scan, command)
    assert (found.acts_as, found.impersonation_chain) == (acts_as, chain)


REQUESTS: dict[str, tuple[str, object, object, object]] = {
    "plain": (f"curl {X}/a", X, "none", None),
    "token": (f'curl -sS -H "Authorization: Bearer $({MINT})" {X}/a?k=hush', X, "id_token", X),
    "backquotes": (f'curl -H "Authorization: Bearer `{MINT}`" {X}', X, "id_token", X),
    "token in a variable": (f'TOKEN=$({MINT})\ncurl -H "Authorization: Bearer ${{TOKEN}}" {X}', X, "id_token", X),
    "token that may not be set": (f'[ -f x ] && T=$({MINT})\ncurl -H "Authorization: Bearer $T" {X}', X, UNSET, None),
    "audience in a variable": (f'U={X}; curl -H "Authorization: Bearer $(gcloud auth print-identity-token --audiences=$U)" $U/a', X, "id_token", X),
    "no audience": (f'curl -H "Authorization: Bearer $(gcloud auth print-identity-token)" {X}', X, "id_token", UNSET),
    "metadata server": (
        ('T=$(curl -s -H "Metadata-Flavor: Google" "http://metadata.google.internal/computeMetadata/v1'
        f'/instance/service-accounts/default/identity?audience={X}")\n'
        f'curl -H "Authorization: Bearer $T" {X}'), X, "id_token", X
    ),
    "metadata server by its short name": (
        ('T=$(curl -s -H "Metadata-Flavor: Google" "http://metadata/computeMetadata/v1'
        f'/instance/service-accounts/default/identity?audience={X}")\n'
        f'curl -H "Authorization: Bearer $T" {X}'), X, "id_token", X
    ),
    "another token": (f'curl -H "Authorization: Bearer $TOKEN" {X}', X, UNSET, None),
    "quoted, so no variable": (f"curl -H 'Authorization: Bearer $TOKEN' {X}", X, "static_bearer", None),
    "written token": (f"curl --header 'authorization: bearer hush' {X}", X, "static_bearer", None),
    "login": (f"curl -u u:hush {X}", X, "basic", None),
    "login in the URL": ("curl https://u:hush@x.a.run.app", X, "none", None),
    "oauth": (f"curl --oauth2-bearer $({MINT}) {X}", X, "id_token", X),
    "netrc": (f"curl -n {X}", X, UNSET, None),
    "file of headers": (f"curl -H @headers {X}", X, UNSET, None),
    "wget": (f'wget -qO- --header="Authorization: Bearer $({MINT})" {X}', X, "id_token", X),
    "no scheme": ("curl x.a.run.app/a", "http://x.a.run.app", "none", None),
    "URL not known": ("curl $URL/a", UNSET, "none", None),
    "option after a variable": (f"curl {X}/$P -H 'Accept: a'", X, "none", None),
    "template in the path": (f"curl {X}/{{{{ ds }}}}", X, "none", None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("command", "url", "token", "audience"), REQUESTS.values(), ids=REQUESTS
)
def test_requests(
    scan: Scan, command: str, url: object, token: object, audience: object
) -> None:
    (found,) = calls(scan, command)
    assert (found.url, found.token, found.audience) == (url, token, audience)
    assert "hush" not in repr(found)


def test_certificates_that_are_not_checked(scan: Scan) -> None:
    for option in ("-k", "-sSk", "--insecure"):
        assert calls(scan, f"curl {option} {X}")[0].tls_verified is False
    assert calls(scan, f"wget --no-check-certificate {X}")[0].tls_verified is False


NOTHING = [
    "echo hello && sleep 5",
    f"echo '{EXECUTE}'",
    f"# {EXECUTE}",
    f"cat <<EOF > x\n{EXECUTE}\nEOF\nls",
    "gcloud run jobs describe j",
    "gcloud storage cp a b | grep x > y 2>&1",
    "for f in *; do [ -d \"$f\" ] || rm -f \"$f\"; done",
    'case "$1" in a) echo 1;; b|c) echo 2;; esac',
    f"run() {{ {EXECUTE}; }}",
    "",
]  # fmt: skip


@pytest.mark.parametrize("command", NOTHING)
def test_commands_that_call_nothing_are_not_left_out(scan: Scan, command: str) -> None:
    facts = scanned(scan, command)
    assert (facts.calls, facts.excluded) == ((), ())


LEFT_OUT = [
    "python run.py",
    "./run.sh ",
    "$COMMAND",
    "echo x | sh",
    "xargs curl < urls",
    "find . -exec curl {} +",
    'eval "$X"',
    "gcloud workflows run w",
    "gcloud run services proxy s",
    f"{{% if x %}}{EXECUTE}{{% endif %}}",
    "missing.sh",
]


@pytest.mark.parametrize("command", LEFT_OUT)
def test_what_is_not_read_is_counted(scan: Scan, command: str) -> None:
    facts = scanned(scan, command)
    assert [(one.kind, one.count) for one in facts.excluded] == [("path", 1)]


def test_a_script_that_is_a_template_file_is_read(scan: Scan, tmp_path: Path) -> None:
    facts = scan(
        f"{HEAD}with DAG('d'):\n BashOperator(task_id='t', bash_command='run.sh')\n"
    )
    assert len(facts.excluded) == 1
    (tmp_path / "repo/dags/run.sh").write_text(f"{EXECUTE}\n")
    (call,) = scan().calls
    assert (asked(call), call.origin.source) == (RUN, "dags/run.sh")


# Where the script lies, what the DAG and the command say, and whether it is read.
SCRIPTS = {
    "beside the DAG": ("dags/run.sh", "", "run.sh", True),
    "below": ("dags/sql/run.sh", "", "sql/run.sh", True),
    "another end": ("dags/run.bash", "", "run.bash", True),
    "a slash first": ("dags/opt/run.sh", "", "/opt/run.sh", True),
    "dots lead nowhere": ("run.sh", "", "../run.sh", False),
    "a command that ends like a script": ("dags/run.sh", "", "bash run.sh", False),
    "searched": ("scripts/run.sh", "template_searchpath=str(Path(__file__).parents[1] / 'scripts')", "run.sh", True),
    "searched in several": ("scripts/run.sh", "template_searchpath=[os.path.dirname(__file__) + '/no', os.path.dirname(__file__) + '/../scripts']", "run.sh", True),
    "searched in vain": ("run.sh", "template_searchpath=[os.path.dirname(__file__) + '/no']", "run.sh", False),
    "searched elsewhere": ("opt/run.sh", "template_searchpath='/opt'", "run.sh", None),
    "searched who knows where": ("opt/run.sh", "template_searchpath=os.environ['X']", "run.sh", None),
}  # fmt: skip


@pytest.mark.parametrize(
    ("script", "dag", "command", "read"), SCRIPTS.values(), ids=SCRIPTS
)
def test_a_script_lies_where_jinja_looks_for_it(
    scan: Scan, tmp_path: Path, script: str, dag: str, command: str, read: bool | None
) -> None:
    path = tmp_path / "repo" / script
    path.parent.mkdir(parents=True)
    path.write_text(EXECUTE)
    given = f", {dag}" if dag else ""
    facts = scan(
        f"import os\nfrom pathlib import Path\n{HEAD}with DAG('d'{given}):\n"
        f" BashOperator(task_id='t', bash_command='{command}')\n"
    )
    assert [(asked(call), call.origin.source) for call in facts.calls] == (
        [(RUN, script)] if read else []
    )
    # where it may lie elsewhere, it is not said to be missing
    assert [(gap.reason, gap.detail) for gap in facts.gaps] == (
        [("missing", "the script that the command of the task t names is not there")]
        if read is False
        else []
    )


def test_a_script_is_looked_for_beside_the_file_and_not_beside_its_modules(
    scan: Scan, tmp_path: Path
) -> None:
    for place, text in (("dags", EXECUTE), ("dags/lib", "echo")):
        (tmp_path / "repo" / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / "repo" / place / "run.sh").write_text(text)
    facts = scan(
        f"{HEAD}from lib.steps import step\nwith DAG('d'):\n step()\n",
        dags__lib__steps=f"{HEAD}def step(): BashOperator(task_id='t', bash_command='run.sh')\n",
        dags__lib____init__="",
    )
    assert [call.origin.source for call in facts.calls] == ["dags/run.sh"]


HERE = "HERE = Path(__file__).parent\n"
JOB = "gcloud run jobs execute $JOB --region r --project p\n"
# What runs, what `dags/steps/run.sh` holds, and the job that is executed.
STARTED: dict[str, tuple[str, str, object]] = {
    "by a shell": ("bash_command=f'bash {HERE}/steps/run.sh '", EXECUTE, "j"),
    "with options": ("bash_command=f'bash -e -o pipefail {HERE}/steps/run.sh x'", EXECUTE, "j"),
    "by itself": ("bash_command=f'{HERE}/steps/run.sh x'", f"#!/usr/bin/env bash\n{EXECUTE}", "j"),
    "for Python": ("bash_command=f'{HERE}/steps/run.sh x'", f"#!/usr/bin/python\n{EXECUTE}", None),
    "in its folder": ("bash_command='bash run.sh x', cwd=str(HERE / 'steps')", EXECUTE, "j"),
    "in its folder, later": ("bash_command=f'cd {HERE} && cd steps && ./run.sh x'", EXECUTE, "j"),
    "elsewhere": ("bash_command=f'cd {HERE}/steps; cd /tmp; ./run.sh x'", EXECUTE, None),
    "where it may be": ("bash_command=f'if x; then cd {HERE}/steps; fi; ./run.sh x'", EXECUTE, None),
    "searched for by its name": ("bash_command='run.sh x', cwd=str(HERE / 'steps')", EXECUTE, None),
    "a relative path": ("bash_command='bash dags/steps/run.sh x'", EXECUTE, None),
    "a template that is nowhere": ("bash_command=f'bash {HERE}/steps/run.sh'", EXECUTE, None),
    "its arguments": ("bash_command=f'bash {HERE}/steps/run.sh j'", JOB.replace("$JOB", "$1"), "j"),
    "exported": ("bash_command=f'export JOB=j; bash {HERE}/steps/run.sh x'", JOB, "j"),
    "for it alone": ("bash_command=f'JOB=j bash {HERE}/steps/run.sh x'", JOB, "j"),
    "by env": ("bash_command=f'env JOB=j bash {HERE}/steps/run.sh x'", JOB, "j"),
    "given": ("bash_command=f'bash {HERE}/steps/run.sh x', env={'JOB': 'j'}", JOB, "j"),
    "not exported": ("bash_command=f'JOB=j; bash {HERE}/steps/run.sh x'", JOB, UNSET),
    "perhaps exported": ("bash_command=f'JOB=j; [ x ] && export JOB; bash {HERE}/steps/run.sh x'", JOB, UNSET),
    "sourced": ("bash_command=f'JOB=j; source {HERE}/steps/run.sh '", JOB, "j"),
    "sets what is used": (f"bash_command=f'. {{HERE}}/steps/run.sh; {JOB.strip()}'", "JOB=j", "j"),
    "sets its own": (f"bash_command=f'bash {{HERE}}/steps/run.sh x; {JOB.strip()}'", "export JOB=j", UNSET),
    "a script of its own": ("bash_command=f'bash {HERE}/steps/run.sh x'", 'cd "$(dirname "$0")"\nbash more.sh', "k"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "script", "job"), STARTED.values(), ids=STARTED)
def test_scripts_of_the_repository_are_read_where_they_are_started(
    scan: Scan, tmp_path: Path, given: str, script: str, job: object
) -> None:
    steps = tmp_path / "repo/dags/steps"
    steps.mkdir(parents=True)
    (steps / "run.sh").write_text(script)
    (steps / "more.sh").write_text(EXECUTE.replace(" j ", " k "))
    facts = scan(
        f"from pathlib import Path\n{HEAD}{HERE}with DAG('d'):\n"
        f" BashOperator(task_id='t', {given})\n"
    )
    assert [call.name for call in facts.calls] == ([] if job is None else [job])
    assert bool(facts.excluded) == (job is None)


def test_a_script_that_python_starts_is_read(scan: Scan, tmp_path: Path) -> None:
    path = tmp_path / "repo/dags/run.sh"
    path.parent.mkdir(parents=True)
    path.write_text(EXECUTE)
    facts = scan(
        f"import subprocess\nfrom pathlib import Path\n{HEAD}{HERE}@task\ndef a():\n"
        " subprocess.run([HERE / 'run.sh'], check=True)\n"
        "@task\ndef b():\n subprocess.run(['sh', './run.sh'], cwd=HERE)\n"
        "with DAG('d'):\n a()\n b()\n"
    )
    found = [(asked(call), call.origin.source) for call in facts.calls]
    assert found == [(RUN, "dags/run.sh")] * 2
    assert facts.excluded == ()


def test_a_script_on_another_machine_is_not_that_of_the_repository(
    scan: Scan, tmp_path: Path
) -> None:
    path = tmp_path / "repo/dags/run.sh"
    path.parent.mkdir(parents=True)
    path.write_text(EXECUTE)
    facts = scan(
        f"from pathlib import Path\n{HEAD}{HERE}with DAG('d'):\n"
        " SSHOperator(task_id='t', ssh_conn_id='s', command=f'bash {HERE}/run.sh x')\n"
    )
    assert (facts.calls, len(facts.excluded)) == ((), 1)


def test_a_sensor_of_bash_takes_no_file(scan: Scan, tmp_path: Path) -> None:
    path = tmp_path / "repo/dags/run.sh"
    path.parent.mkdir(parents=True)
    path.write_text(EXECUTE)
    facts = scan(
        f"{HEAD}from airflow.providers.standard.sensors.bash import BashSensor\n"
        "with DAG('d'):\n BashSensor(task_id='t', bash_command='run.sh')\n"
    )
    assert (facts.calls, facts.gaps, len(facts.excluded)) == ((), (), 1)


def test_jinja_in_a_script_is_rendered(scan: Scan, tmp_path: Path) -> None:
    path = tmp_path / "repo/dags/run.sh"
    path.parent.mkdir(parents=True)
    path.write_text("gcloud run jobs execute j --region r --project {{ params.p }}\n")
    (call,) = scan(
        f"{HEAD}with DAG('d'):\n BashOperator(task_id='t', bash_command='run.sh')\n"
    ).calls
    assert asked(call) == ("run_job", UNSET, "r", "j")


def test_commands_that_a_task_returns(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}@task.bash\ndef t(n): return f'gcloud run jobs execute {{n}} --region r'\n"
        "with DAG('d'):\n t('j')\n"
    )
    assert asked(facts.calls[0]) == ("run_job", UNSET, "r", "j")


def test_what_runs_on_another_machine_has_an_account_of_its_own(scan: Scan) -> None:
    facts = scan(
        f"{HEAD}with DAG('d'):\n SSHOperator(task_id='t', command={EXECUTE!r})\n"
    )
    (call,) = facts.calls
    assert (asked(call), call.acts_as) == (RUN, UNSET)


def test_variables_of_the_operator(scan: Scan) -> None:
    command = "gcloud run jobs execute $J --region r --project $P"
    (call,) = calls(scan, command, ", env={'J': 'j', 'P': os.getenv('P')}")
    assert asked(call) == ("run_job", UNSET, "r", "j")


@pytest.mark.parametrize(
    "command",
    [
        "$(" * 5_000,
        "a=$b;" * 20_000,
        "\"'" * 30_000,
        "{" * 50_000,
        "f() { f; f; }; f",
        "x" * 90_000,
        "case x in " * 5_000,
        "`$(" * 9_000,
    ],
)
def test_hostile_scripts_end(scan: Scan, command: str) -> None:
    facts = scanned(scan, command)
    assert [one.task_id for one in facts.tasks] == ["t"]


@pytest.mark.parametrize("name", ["alpha", "beta", "delta"])
@pytest.mark.parametrize("track", ["", "alpha ", "beta "])
def test_a_job_may_be_called_like_a_release_track(
    scan: Scan, track: str, name: str
) -> None:
    command = f"gcloud {track}run jobs execute {name} --region r --project p"
    (found,) = calls(scan, command)
    assert (found.operation, found.name) == ("run_job", name)


def test_what_a_command_says_is_read_from_a_command(scan: Scan) -> None:
    """Also the token that it mints; what Python starts is a command of its line."""
    command = f'curl -H "Authorization: Bearer $({MINT})" {X}/run'
    (call,) = calls(scan, command)
    read = {(one.source, one.origin and one.origin.line) for one in call.provenance}
    assert read == {("command", 7)}
    assert (call.token, call.audience, call.endpoint) == ("id_token", X, "/run")
    code = f"import subprocess\n@task\ndef t():\n subprocess.run({command!r}, shell=True)\n"
    (call,) = scan(f"{HEAD}{code}with DAG('d'):\n t()\n").calls
    read = {(one.source, one.origin and one.origin.line) for one in call.provenance}
    assert read == {("command", 9)}
