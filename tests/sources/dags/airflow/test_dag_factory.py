"""
What dag-factory made of configurations, and that facts agree.

What stands beside each is what dag-factory 1.1 made of it under Airflow 3.3.2, and for
`OLD` dag-factory 0.23 under Airflow 2.11.2.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import UNSET

from dagwarden.facts import Facts, Task
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.dags.airflow.outside import Outside
from dagwarden.sources.dags.read import find_dags
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import Entry, Variables

Read = Callable[..., Facts]

JOB = "airflow.providers.google.cloud.operators.cloud_run.CloudRunExecuteJobOperator"
RUN = f"operator: {JOB}, project_id: p, region: r, job_name: a"
LOAD = """\
from pathlib import Path
import airflow
# dag
from dagfactory import load_yaml_dags
HERE = Path(__file__).parent
load_yaml_dags(
    globals_dict=globals(), dags_folder=str(HERE), defaults_config_path=str(HERE)
)
"""
OLD_LOAD = """\
import os, airflow
import dagfactory
config_file = os.path.join(os.path.dirname(__file__), "a.yml")
f = dagfactory.DagFactory(
    config_file, default_args_config_path=os.path.dirname(__file__)
)
f.clean_dags(globals())
f.generate_dags(globals())
"""

# connection, job, retries, execution timeout and whether it is mapped
Made = tuple[str | None, str | None, int | None, float | None, bool]
# schedule and timeout of the runs
Runs = tuple[str | None, float | None]
# name -> the files, the tasks and the DAGs
NEW: dict[str, tuple[dict[str, str], dict[str, Made], dict[str, Runs]]] = {
    "simple": (
        {
            "dags/a.yml": r"""
d:
  default_args:
    owner: me
    retries: 2
    gcp_conn_id: x
    start_date: 2024-01-01
  schedule: "@daily"
  tasks:
    t: {RUN}
    u:
      operator: JOB
      project_id: p
      region: r
      job_name: b
      gcp_conn_id: y
      dependencies: [t]
""",
        },
        {'d.t': ('x', 'a', 2, None, False), 'd.u': ('y', 'b', 2, None, False)},
        {'d': ('@daily', None)},
    ),
    "list tasks": (
        {
            "dags/a.yaml": r"""
default:
  default_args: {retries: 3, start_date: 2024-01-01}
  schedule: "0 1 * * *"
d:
  tasks:
    - task_id: t
      operator: JOB
      project_id: p
      region: r
      job_name: a
    - {task_id: u, RUN, task_group_name: g}
  task_groups:
    - group_name: g
      default_args: {gcp_conn_id: gg}
    - group_name: h
      parent_group_name: g
      tooltip: x
e:
  schedule: none
  default_args: {gcp_conn_id: ee}
  task_groups:
    g: {tooltip: x, prefix_group_id: false}
    h: {parent_group_name: g}
  tasks:
    t: {RUN, task_group_name: h}
    u: {RUN, task_group_name: g}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 3, None, False), 'd.g.u': ('gg', 'a', 3, None, False), 'e.h.t': ('ee', 'a', 3, None, False), 'e.u': ('ee', 'a', 3, None, False)},
        {'d': ('0 1 * * *', None), 'e': (None, None)},
    ),
    "defaults files": (
        {
            "dags/defaults.yml": r"""
default_args: {retries: 4, gcp_conn_id: root, start_date: 2024-01-01}
schedule: "@hourly"
""",
            "dags/team/defaults.yml": r"""
default_args: {gcp_conn_id: team}
dagrun_timeout: {__type__: datetime.timedelta, hours: 2}
""",
            "dags/team/a.yml": r"""
d:
  tasks:
    t: {RUN}
e:
  schedule: "@daily"
  default_args: {gcp_conn_id: own}
  tasks:
    t: {RUN}
""",
            "dags/b.yml": r"""
default:
  default_args: {retries: 9}
f:
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('team', 'a', 4, None, False), 'f.t': ('root', 'a', 9, None, False), 'e.t': ('own', 'a', 4, None, False)},
        {'d': ('@hourly', 7200.0), 'f': ('@hourly', None), 'e': ('@daily', 7200.0)},
    ),
    "types": (
        {
            "dags/a.yml": r"""
d:
  schedule: null
  default_args:
    start_date: 2024-01-01
    execution_timeout: {__type__: datetime.timedelta, seconds: 30}
  dagrun_timeout:
    __type__: datetime.timedelta
    minutes: 5
  tasks:
    t:
      operator: JOB
      project_id: p
      region: r
      job_name: {__join__: [a, "-", b]}
    u:
      operator: JOB
      project_id: p
      region: r
      job_name: x
      execution_timeout: {__type__: datetime.timedelta, __args__: [1]}
""",
        },
        {'d.t': ('google_cloud_default', 'a-b', 0, 30.0, False), 'd.u': ('google_cloud_default', 'x', 0, 86400.0, False)},
        {'d': (None, 300.0)},
    ),
    "expand": (
        {
            "dags/a.yml": r"""
d:
  default_args: {start_date: 2024-01-01, retries: 2}
  tasks:
    - task_id: t
      operator: JOB
      expand: {job_name: [a, b]}
      partial: {project_id: p, region: r, gcp_conn_id: pp}
    - task_id: u
      operator: JOB
      project_id: p
      region: r
      expand: {job_name: [a, a]}
""",
        },
        {'d.t': ('pp', '?', 2, None, True), 'd.u': ('google_cloud_default', 'a', 2, None, True)},
        {'d': (None, None)},
    ),
    "config file": (
        {
            "dags/load.py": r"""
import airflow, os
# dag
from dagfactory import load_yaml_dags
load_yaml_dags(globals(), config_filepath=os.path.join(os.path.dirname(__file__), 'a.yml'), defaults_config_path=os.path.dirname(__file__))
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 0, None, False)},
        {'d': (None, None)},
    ),
    "config dict": (
        {
            "dags/load.py": r"""
import airflow, os
from dagfactory import load_yaml_dags
C = {'d': {'default_args': {'retries': 5}, 'tasks': {'t': {'operator': 'JOB', 'project_id': 'p', 'region': 'r', 'job_name': 'a'}}}}
load_yaml_dags(globals_dict=globals(), config_dict=C, defaults_config_path=os.path.dirname(__file__))
""",
        },
        {'d.t': ('google_cloud_default', 'a', 5, None, False)},
        {'d': (None, None)},
    ),
    "anchors": (
        {
            "dags/a.yml": r"""
default: &base
  default_args: &args {retries: 1, start_date: 2024-01-01}
d:
  <<: *base
  default_args:
    <<: *args
    gcp_conn_id: k
  tasks:
    t: &task
      operator: JOB
      project_id: p
      region: r
      job_name: a
    u:
      <<: *task
      job_name: b
""",
        },
        {'d.t': ('k', 'a', 1, None, False), 'd.u': ('k', 'b', 1, None, False)},
        {'d': (None, None)},
    ),
    "env": (
        {
            "dags/a.yml": r"""
d:
  tasks:
    t:
      operator: JOB
      project_id: $NOPE_P
      region: r
      job_name: "a-${NOPE_J}"
      gcp_conn_id: lit
""",
        },
        {'d.t': ('lit', '?', 0, None, False)},
        {'d': (None, None)},
    ),
    "bash python": (
        {
            "dags/a.yml": r"""
d:
  tasks:
    - task_id: b
      operator: airflow.providers.standard.operators.bash.BashOperator
      bash_command: "echo 1"
      retries: 4
    - task_id: p
      operator: airflow.operators.python.PythonOperator
      python_callable: builtins.print
    - task_id: dec
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: funcs.f
      x: 1
      retries: 7
    - task_id: dece
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: funcs.f
      expand: {x: [1, 2]}
    - task_id: dep
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: funcs.g
      partial: {x: 1}
      expand: {y: +dec}
""",
            "dags/funcs.py": r"""
def f(x): return [x]
def g(x, y): return x
""",
        },
        {'d.b': (None, None, 4, None, False), 'd.p': (None, None, 0, None, False), 'd.dec': (None, None, 7, None, False), 'd.dece': (None, None, 0, None, True), 'd.dep': (None, None, 0, None, True)},
        {'d': (None, None)},
    ),
    "own operator": (
        {
            "dags/a.yml": r"""
d:
  default_args: {conn: dconn}
  tasks:
    - task_id: b
      operator: ops.Run
      job: j
""",
            "dags/ops.py": r"""
from airflow.providers.google.cloud.operators.cloud_run import CloudRunExecuteJobOperator
class Run(CloudRunExecuteJobOperator):
    def __init__(self, *, job, conn='c', **k):
        super().__init__(project_id='p', region='r', job_name=f'x-{job}', gcp_conn_id=conn, **k)
""",
        },
        {'d.b': ('dconn', 'x-j', 0, None, False)},
        {'d': (None, None)},
    ),
    "suffix": (
        {
            "dags/load.py": r"""
from pathlib import Path
HERE = Path(__file__).parent
import airflow
# dag
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), dags_folder=str(HERE), suffix=['.dag.yml'], defaults_config_path=str(HERE))
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
            "dags/b.dag.yml": r"""
e:
  tasks:
    t: {RUN}
""",
        },
        {'e.t': ('google_cloud_default', 'a', 0, None, False)},
        {'e': (None, None)},
    ),
    "deep merge": (
        {
            "dags/a.yml": r"""
default:
  default_args: {retries: 2, params: {a: 1}}
  max_active_runs: 1
  tasks:
    common: {RUN}
d:
  default_args: {params: {b: 2}}
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 2, None, False), 'd.common': ('google_cloud_default', 'a', 2, None, False)},
        {'d': (None, None)},
    ),
    "jinja": (
        {
            "dags/a.yml": r"""
d:
  tasks:
    t:
      operator: JOB
      project_id: "{{ var.value.p }}"
      region: r
      job_name: a
      impersonation_chain: ["x@p.iam.gserviceaccount.com"]
      deferrable: true
      timeout_seconds: 60
""",
        },
        {'d.t': ('google_cloud_default', 'a', 0, None, False)},
        {'d': (None, None)},
    ),
    "http": (
        {
            "dags/a.yml": r"""
d:
  tasks:
    - task_id: h
      operator: airflow.providers.http.operators.http.HttpOperator
      http_conn_id: svc
      endpoint: /x
      headers: {Content-Type: application/json}
      data: {a: 1}
    - task_id: s
      operator: airflow.providers.http.sensors.http.HttpSensor
      http_conn_id: svc2
      endpoint: /x
      response_check_lambda: "lambda r: True"
""",
        },
        {'d.h': ('svc', '?', 0, None, False), 'd.s': ('svc2', '?', 0, None, False)},
        {'d': (None, None)},
    ),
    "defaults only args": (
        {
            "dags/defaults.yml": r"""
default_args: {retries: 4, start_date: 2024-01-01}
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 4, None, False)},
        {'default_args': (None, None), 'd': (None, None)},
    ),
    "defaults with tasks": (
        {
            "dags/defaults.yaml": r"""
default_args: {retries: 4, start_date: 2024-01-01}
tasks:
  common: {RUN}
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
e: {schedule: '@daily'}
""",
        },
        {'tasks.common': ('google_cloud_default', 'a', 4, None, False), 'd.t': ('google_cloud_default', 'a', 4, None, False), 'default_args.common': ('google_cloud_default', 'a', 4, None, False), 'e.common': ('google_cloud_default', 'a', 4, None, False)},
        {'tasks': (None, None), 'd': (None, None), 'default_args': (None, None), 'e': ('@daily', None)},
    ),
    "defaults elsewhere": (
        {
            "dags/load.py": r"""
from pathlib import Path
import airflow
HERE = Path(__file__).parent
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), dags_folder=HERE / 'y', defaults_config_path=str(HERE / 'conf'))
""",
            "dags/conf/defaults.yml": r"""
default_args: {retries: 4, gcp_conn_id: q, start_date: 2024-01-01}
""",
            "dags/y/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
            "dags/y/defaults.yml": r"""
default_args: {retries: 5}
""",
        },
        {'d.t': ('q', 'a', 5, None, False)},
        {'d': (None, None), 'default_args': (None, None)},
    ),
    "two dags one id": (
        {
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
            "dags/b.yml": r"""
d:
  tasks:
    u: {RUN}
""",
        },
        {'d.u': ('google_cloud_default', 'a', 0, None, False)},
        {'d': (None, None)},
    ),
    "globals not given": (
        {
            "dags/load.py": r"""
from pathlib import Path
import airflow
HERE = Path(__file__).parent
from dagfactory import load_yaml_dags
X = {}
load_yaml_dags(globals_dict=X, dags_folder=HERE, defaults_config_path=str(HERE))
# dag
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
        },
        {},
        {},
    ),
    "group callbacks": (
        {
            "dags/a.yml": r"""
d:
  default_args: {retries: 2, on_failure_callback: builtins.print}
  on_failure_callback: builtins.print
  task_groups:
    g:
      default_args: {retries: 7, gcp_conn_id: gg}
    h:
      parent_group_name: g
      default_args: {gcp_conn_id: hh}
  tasks:
    t: {RUN, task_group_name: h}
    u: {RUN, task_group_name: g, dependencies: [t]}
    v: {RUN, dependencies: [g]}
""",
        },
        {'d.g.h.t': ('hh', 'a', 7, None, False), 'd.v': ('google_cloud_default', 'a', 2, None, False), 'd.g.u': ('gg', 'a', 7, None, False)},
        {'d': (None, None)},
    ),
    "taskflow": (
        {
            "dags/a.yml": r"""
default: {default_args: {start_date: 2024-01-01, retries: 2}}
tf:
  schedule: "0 3 * * *"
  tasks:
    some_number:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.some_number
    numbers_list:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.build_numbers_list
      retries: 5
    double_number_from_arg:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.double
      number: 2
    double_number_from_task:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.double
      number: +some_number
    mapped:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.double
      expand:
        number: +numbers_list
    partial:
      decorator: airflow.sdk.definitions.decorators.task
      python_callable: sample.double_with_label
      expand:
        number: +numbers_list
      partial:
        label: True
""",
            "dags/sample.py": r"""
def some_number(): return 1
def build_numbers_list(): return [1]
def double(number): return number
def double_with_label(number, label): return number
""",
        },
        {'tf.some_number': (None, None, 2, None, False), 'tf.numbers_list': (None, None, 5, None, False), 'tf.double_number_from_arg': (None, None, 2, None, False), 'tf.double_number_from_task': (None, None, 2, None, False), 'tf.mapped': (None, None, 2, None, True), 'tf.partial': (None, None, 2, None, True)},
        {'tf': ('0 3 * * *', None)},
    ),
}  # fmt: skip

OLD: dict[str, tuple[dict[str, str], dict[str, Made], dict[str, Runs]]] = {
    "old": (
        {
            "dags/a.yml": r"""
default:
  default_args:
    owner: 'o'
    start_date: 2018-03-01
    retries: 1
    retry_delay_sec: 300
  concurrency: 1
  max_active_runs: 1
  dagrun_timeout_sec: 600
  default_view: 'grid'
  orientation: 'LR'
  schedule_interval: '0 1 * * *'
example_dag:
  default_args:
    owner: 'custom_owner'
    gcp_conn_id: gg
  description: 'x'
  schedule_interval: '0 3 * * *'
  render_template_as_native_obj: True
  tasks:
    task_1:
      operator: airflow.operators.bash_operator.BashOperator
      bash_command: 'echo 1'
    task_2:
      operator: JOB
      project_id: p
      region: r
      job_name: a
      execution_timeout_secs: 30
      dependencies: [task_1]
second:
  schedule_interval: None
  tasks:
    t: {RUN}
third:
  schedule_interval: null
  dagrun_timeout_sec: 5
  task_groups:
    g: {tooltip: x}
  tasks:
    t: {RUN, task_group_name: g}
""",
        },
        {'second.t': ('google_cloud_default', 'a', 1, None, False), 'example_dag.task_1': (None, None, 1, None, False), 'example_dag.task_2': ('gg', 'a', 1, 30.0, False), 'third.g.t': ('google_cloud_default', 'a', 1, None, False)},
        {'second': (None, 600.0), 'example_dag': ('0 3 * * *', 600.0), 'third': (None, 5.0)},
    ),
    "old defaults": (
        {
            "dags/defaults.yml": r"""
default_args: {retries: 8, start_date: 2024-01-01}
schedule_interval: '@weekly'
""",
            "dags/a.yml": r"""
d:
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 8, None, False)},
        {'d': ('1 day, 0:00:00', None)},
    ),
    "old config dict": (
        {
            "dags/load.py": r"""
import airflow
from dagfactory import DagFactory
C = {'default': {'default_args': {'start_date': '2024-01-01'}}, 'd': {'default_args': {'retries': 5}, 'schedule_interval': '@daily', 'tasks': {'t': {'operator': 'JOB', 'project_id': 'p', 'region': 'r', 'job_name': 'a'}}}}
DagFactory(config=C).generate_dags(globals())
""",
        },
        {'d.t': ('google_cloud_default', 'a', 5, None, False)},
        {'d': ('@daily', None)},
    ),
    "old load": (
        {
            "dags/load.py": r"""
import airflow, os
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), dags_folder=os.path.dirname(__file__), suffix=['yml'])
# dag
""",
            "dags/a.yml": r"""
d:
  default_args: {start_date: 2024-01-01}
  schedule_interval: '@daily'
  tasks:
    t: {RUN}
""",
        },
        {'d.t': ('google_cloud_default', 'a', 0, None, False)},
        {'d': ('@daily', None)},
    ),
}  # fmt: skip


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Return a function that writes files and reads the folder `dags`."""

    def read(
        files: dict[str, str],
        airflow: str | None = "3.3",
        *,
        only: list[str] | None = None,
        variables: dict[str, str] | None = None,
    ) -> Facts:
        entries = {name: Entry(text, UNSET) for name, text in (variables or {}).items()}
        given = Variables((Layer(entries),), complete=variables is not None)
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("RUN", RUN).replace("JOB", JOB))
        return find_dags(
            tmp_path,
            "prod",
            [Path("dags")],
            only=None if only is None else [Path(name) for name in only],
            exclude=(),
            airflow=airflow,
            fingerprint=Fingerprint(b"key", True),
            outside=Outside(given),
            traced=True,
        ).read()

    return read


def said_of(facts: Facts, task: Task) -> tuple[object, ...]:
    """Return what is known of a task, in the order of the tables."""
    job = next((call.name for call in facts.calls if call.task == task.id), None)
    retries = 0 if task.retries is None else task.retries
    chosen = task.connection, job, retries, task.execution_timeout, task.mapped
    return tuple("?" if one is UNSET else one for one in chosen)


def said(facts: Facts) -> tuple[dict[str, tuple[object, ...]], dict[str, object]]:
    tasks = {f"{t.dag_id}.{t.task_id}": said_of(facts, t) for t in facts.tasks}
    return tasks, {str(d.dag_id): (d.schedule, d.dagrun_timeout) for d in facts.dags}


@pytest.mark.parametrize("name", NEW)
def test_facts_are_what_dag_factory_made(read: Read, name: str) -> None:
    files, tasks, dags = NEW[name]
    facts = read({"dags/load.py": LOAD, **files})
    assert said(facts) == (tasks, dags)
    assert facts.gaps == ()


@pytest.mark.parametrize("name", OLD)
def test_facts_are_what_dag_factory_before_1_made(read: Read, name: str) -> None:
    files, tasks, dags = OLD[name]
    facts = read({"dags/load.py": OLD_LOAD, **files}, airflow="2.11")
    assert said(facts) == (tasks, dags)
    assert facts.gaps == ()


CONFIG = """\
# of the team

d:
  default_args: {retries: 1}
  tasks:
    t: {RUN}
    u:
      operator: JOB
      job_name: b
  task_groups:
    g: {tooltip: x}
e:
  tasks:
    - task_id: t
      operator: JOB
"""


def test_facts_stand_where_the_yaml_does(read: Read) -> None:
    facts = read({"dags/load.py": LOAD, "dags/a.yml": CONFIG})
    dags = {d.dag_id: (d.origin.source, d.origin.line) for d in facts.dags}
    assert dags == {"d": ("dags/a.yml", 3), "e": ("dags/a.yml", 12)}
    tasks = {
        f"{t.dag_id}.{t.task_id}": (t.origin.source, t.origin.line) for t in facts.tasks
    }
    assert tasks == {
        "d.t": ("dags/a.yml", 6),
        "d.u": ("dags/a.yml", 7),
        "e.t": ("dags/a.yml", 14),
    }
    assert [file.path for file in facts.files] == ["dags/a.yml", "dags/load.py"]


def test_fields_say_the_line_of_the_yaml(read: Read) -> None:
    facts = read({"dags/load.py": LOAD, "dags/a.yml": CONFIG})
    task = next(t for t in facts.tasks if (t.dag_id, t.task_id) == ("d", "u"))
    read_at = {
        one.field: (one.source, one.origin.source, one.origin.line)
        for one in task.provenance
        if one.origin is not None
    }
    assert read_at["task_id"] == ("argument", "dags/a.yml", 7)
    assert read_at["retries"] == ("default_args", "dags/a.yml", 4)


def test_a_timeout_that_is_not_given_is_read_nowhere(read: Read) -> None:
    facts = read({"dags/load.py": LOAD, "dags/a.yml": CONFIG})
    for fact in (*facts.dags, *facts.tasks):
        read_at = {one.field: one.source for one in fact.provenance}
        assert read_at["dagrun_timeout"] == "operator_default"


VARIABLES = """\
d:
  schedule: "@daily"
  tasks:
    t:
      operator: JOB
      project_id: p
      region: r
      job_name: a
      retries: 2
      variables_as_arguments:
        - {variable: the_region, attribute: region}
        - {variable: the_retries, attribute: retries}
"""


def test_variables_as_arguments_are_those_that_the_scan_is_given(read: Read) -> None:
    files = {"dags/load.py": LOAD, "dags/a.yml": VARIABLES}
    (task,) = read(files).tasks
    assert (task.region, task.retries) == (UNSET, UNSET)
    waiting = {(one.reason, one.symbol) for one in task.unresolved}
    assert {("variable", "the_retries"), ("variable", "the_region")} <= waiting
    (task,) = read(files, variables={"the_region": "europe-west1"}).tasks
    # a variable that there surely is not leaves what the configuration says
    assert (task.region, task.retries) == ("europe-west1", 2)
    read_at = {one.field: one.source for one in task.provenance}
    assert (read_at["region"], read_at["retries"]) == ("variable", "argument")


def test_a_configuration_alone_is_read_by_the_file_that_loads_it(read: Read) -> None:
    """A commit hook is given what changed."""
    files = {
        "dags/deep/load.py": LOAD,
        "dags/other.py": "import airflow\nfrom airflow import DAG\ndag = DAG('other')\n",
        "dags/deep/a.yml": CONFIG,
        "dags/deep/b.yml": "f:\n  schedule: '@daily'\n  tasks:\n    t: {RUN}\n",
    }
    facts = read(files, only=["dags/deep/b.yml"])
    assert [dag.dag_id for dag in facts.dags] == ["f"]
    assert {one.origin.source for one in (*facts.tasks, *facts.calls)} == {
        "dags/deep/b.yml"
    }
    assert len(facts.calls) == 1
    whole = read(files)
    assert [dag.dag_id for dag in whole.dags] == ["d", "e", "f", "other"]


def test_a_configuration_that_nothing_loads_is_left_out_by_name(read: Read) -> None:
    other = "import airflow\nfrom airflow import DAG\nDAG('other')\n"
    facts = read({"dags/a.yml": CONFIG, "dags/b.py": other}, only=["dags/a.yml"])
    assert (facts.dags, facts.gaps) == ((), ())
    (left,) = facts.excluded
    assert (left.what, left.reason) == ("dags/a.yml", "no DAG file loads it")


# What dag-factory refuses, with the line that is told.
REFUSED = {
    "list": ("- a\n- b\n", 1),
    "scalar": ("a: 1\n", 1),
    "empty": ("", 1),
    "no yaml": ("a: [1\n", 1),
    "two documents": ("a: {}\n---\nb: {}\n", 1),
    "unknown tag": ("a: !foo {}\n", 1),
    "a DAG beside none": ("a:\n  tasks:\n    t: {RUN}\nb: 3\n", 4),
    "a DAG whose name is no text": ("3: {}\n", 1),
    "a cycle": (
        "c:\n  tasks:\n    t: {RUN, dependencies: [u]}\n    u: {RUN, dependencies: [t]}\n",
        1,
    ),
    "waits for nothing": ("m:\n  tasks:\n    t: {RUN, dependencies: [z]}\n", 3),
    "no operator": ("n:\n  tasks:\n    t: {bash_command: x}\n", 3),
    "tasks that are a text": ("n:\n  tasks: x\n", 1),
    "a task without a name": ("n:\n  tasks:\n    - {RUN}\n", 3),
    "a task twice": (
        "n:\n  tasks:\n    - {task_id: t, RUN}\n    - {task_id: t, RUN}\n",
        4,
    ),
    "no such group": (
        "n:\n  task_groups: {g: {}}\n  tasks:\n    t: {RUN, task_group_name: h}\n",
        4,
    ),
    "groups in each other": (
        "n:\n  task_groups: {g: {parent_group_name: h}, h: {parent_group_name: g}}\n",
        1,
    ),
    "schedule_interval": ("n:\n  schedule_interval: '@daily'\n", 1),
    "expand of a text": ("n:\n  tasks:\n    t: {RUN, expand: x}\n", 3),
    "holds itself": ("n: &n\n  tasks: *n\n", 1),
    "aliases without end": (
        "a: &a {x: 1}\n"
        + "".join(
            f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}]\n" for i in range(70)
        ),
        1,
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_dag_factory_refuses_is_told(read: Read, name: str) -> None:
    text, line = REFUSED[name]
    facts = read({"dags/load.py": LOAD, "dags/a.yml": text, "dags/b.yml": CONFIG})
    assert [(gap.origin.source, gap.origin.line) for gap in facts.gaps] == [
        ("dags/a.yml", line)
    ]
    assert [dag.dag_id for dag in facts.dags] == ["d", "e"]


def test_one_configuration_that_is_refused_breaks_the_file(read: Read) -> None:
    load = LOAD.replace("dags_folder=str(HERE)", "config_filepath=HERE / 'a.yml'")
    facts = read({"dags/load.py": load, "dags/a.yml": "a: 1\n"})
    assert [(gap.reason, gap.origin.source) for gap in facts.gaps] == [
        ("malformed", "dags/a.yml")
    ]


def test_a_bomb_of_aliases_ends(read: Read) -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 20)]
    text = "l0: &l0 [x]\n" + "\n".join(levels)
    facts = read({"dags/load.py": LOAD, "dags/a.yml": text})
    assert [gap.reason for gap in facts.gaps] == ["timeout"]


def test_the_release_decides_and_is_not_known(read: Read) -> None:
    load = "import airflow\n# dag\nimport dagfactory\ndagfactory.load_yaml_dags(globals())\n"
    config = (
        "d:\n  dagrun_timeout_sec: 3\n  schedule: '@daily'\n  tasks:\n    t: {RUN}\n"
    )
    facts = read(
        {
            "dags/load.py": load,
            "dags/team/a.yml": config,
            "dags/defaults.yml": "default_args: {retries: 2}\n",
            "dags/team/defaults.yml": "default_args: {gcp_conn_id: x}\n",
        }
    )
    made = next(dag for dag in facts.dags if dag.dag_id == "d")
    assert (made.schedule, made.dagrun_timeout) == ("@daily", UNSET)
    task = facts.tasks[0]
    assert (task.retries, task.connection) == (2, UNSET)
    told = {one.field: one.reason for one in task.unresolved}
    assert told["connection"] == "version"


NOT_KNOWN = {
    "a folder": "load_yaml_dags(globals(), dags_folder=os.environ['X'])",
    "a file": "load_yaml_dags(globals(), config_filepath=os.environ['X'])",
    "arguments": "load_yaml_dags(globals(), **json.load(open(os.environ['X'])))",
    "a suffix": "load_yaml_dags(globals(), suffix=os.environ['X'])",
    "an old file": "DagFactory(os.environ['X']).generate_dags(globals())",
    "a file elsewhere": "DagFactory('/etc/a.yml').generate_dags(globals())",
}


@pytest.mark.parametrize("call", NOT_KNOWN.values(), ids=NOT_KNOWN)
def test_a_configuration_that_is_not_known_is_told(read: Read, call: str) -> None:
    load = f"import airflow, json, os\nfrom dagfactory import *\nfrom dagfactory import DagFactory, load_yaml_dags\n{call}\n# dag\n"
    facts = read({"dags/load.py": load, "dags/a.yml": CONFIG})
    assert facts.dags == ()
    assert [(gap.reason, gap.origin.line) for gap in facts.gaps] == [("unsupported", 4)]


def test_a_file_where_an_image_has_the_folder_of_dags_is_read(read: Read) -> None:
    load = "import airflow\nimport dagfactory\ndagfactory.DagFactory('/usr/local/airflow/dags/a.yml').generate_dags(globals())\n"
    facts = read({"dags/load.py": load, "dags/a.yml": CONFIG}, airflow="2.11")
    assert [dag.dag_id for dag in facts.dags] == ["d", "e"]


def test_environment_variables_are_filled_in(read: Read) -> None:
    text = 'd:\n  tasks:\n    t: {RUN, gcp_conn_id: "x-$TEAM", retries: 3}\n'
    task = read({"dags/load.py": LOAD, "dags/a.yml": text}).tasks[0]
    assert (task.connection, task.retries) == (UNSET, 3)
    told = {one.field: (one.reason, one.symbol) for one in task.unresolved}
    assert told["connection"] == ("environment", "TEAM")


def test_a_secret_of_the_yaml_is_found_and_does_not_stay(read: Read) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    text = f"""
d:
  tasks:
    t:
      operator: airflow.providers.standard.operators.bash.BashOperator
      bash_command: x
      env: {{API_TOKEN: {secret}}}
"""
    facts = read({"dags/load.py": LOAD, "dags/a.yml": text})
    assert facts.tasks[0].secrets != UNSET
    assert facts.tasks[0].secrets
    assert secret not in repr(facts)
