"""The catalogue against the packages' sources, and the script that makes it."""

import hashlib
import importlib.util
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dagwarden.sources.dags.airflow.catalogue import (
    Archive,
    CloudRunCall,
    Operator,
    Parameter,
    catalogue,
)

GOOGLE = "airflow.providers.google.cloud."
RUN = GOOGLE + "operators.cloud_run."
BIGQUERY = GOOGLE + "operators.bigquery."
HTTP = "airflow.providers.http."
SDK = "airflow.sdk."

REQUIRED = Parameter(required=True)
NONE = Parameter()
DEFERRABLE = Parameter(setting="operators.default_deferrable")
FIXED_TRUE = Parameter(default=True, fixed=True)
GCP = Parameter(default="google_cloud_default")

ROWS: dict[str, Any] = dict(map(json.loads, catalogue().rows.splitlines()[:-1]))
ALIASES = {name: row for name, row in ROWS.items() if isinstance(row, str)}
OPERATORS = ROWS.keys() - ALIASES.keys()


def told(name: str) -> Operator:
    operator = catalogue().operator(name)
    assert operator is not None, name
    return operator


# Read by hand in the packages named in the catalogue:
# operator, connections, identity, impersonation, deferrable
IDENTITIES: list[
    tuple[str, dict[str, Parameter], str | None, str | None, Parameter | None]
] = [
    (
        RUN + "CloudRunExecuteJobOperator",
        {"gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (
        HTTP + "operators.http.HttpOperator",
        {"http_conn_id": Parameter(default="http_default")},
        None,
        None,
        DEFERRABLE,
    ),
    (
        HTTP + "sensors.http.HttpSensor",
        {"http_conn_id": Parameter(default="http_default")},
        None,
        None,
        DEFERRABLE,
    ),
    (
        BIGQUERY + "BigQueryInsertJobOperator",
        {"gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (  # its own parameters, a mixin's, and conn_id from common.sql
        BIGQUERY + "BigQueryCheckOperator",
        {"conn_id": NONE, "gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (
        GOOGLE + "transfers.gcs_to_bigquery.GCSToBigQueryOperator",
        {"gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (
        GOOGLE + "sensors.gcs.GCSObjectExistenceSensor",
        {"google_cloud_conn_id": GCP},
        "google_cloud_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (  # aws_conn_id comes from S3ListOperator
        GOOGLE + "transfers.s3_to_gcs.S3ToGCSOperator",
        {"aws_conn_id": Parameter(default="aws_default"), "gcp_conn_id": GCP},
        "gcp_conn_id",
        "google_impersonation_chain",
        DEFERRABLE,
    ),
    (
        "airflow.providers.amazon.aws.transfers.gcs_to_s3.GCSToS3Operator",
        {"dest_aws_conn_id": Parameter(default="aws_default"), "gcp_conn_id": GCP},
        "gcp_conn_id",
        "google_impersonation_chain",
        None,
    ),
    (
        GOOGLE + "operators.dataflow.DataflowStartFlexTemplateOperator",
        {"gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (  # the default is an attribute of the hook
        "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
        {"kubernetes_conn_id": Parameter(default="kubernetes_default")},
        None,
        None,
        DEFERRABLE,
    ),
    (
        GOOGLE + "operators.kubernetes_engine.GKEStartPodOperator",
        {
            "gcp_conn_id": GCP,
            "kubernetes_conn_id": Parameter(default="kubernetes_default"),
        },
        "gcp_conn_id",
        "impersonation_chain",
        DEFERRABLE,
    ),
    (  # calls its base with kubernetes_conn_id=None
        GOOGLE + "operators.kubernetes_engine.GKEPodExecOperator",
        {"gcp_conn_id": GCP, "kubernetes_conn_id": Parameter(fixed=True)},
        "gcp_conn_id",
        "impersonation_chain",
        None,
    ),
    (  # two Google identities, neither before the other
        GOOGLE + "operators.gcs.GCSTimeSpanFileTransformOperator",
        {"destination_gcp_conn_id": REQUIRED, "source_gcp_conn_id": REQUIRED},
        None,
        None,
        None,
    ),
    ("airflow.providers.standard.operators.bash.BashOperator", {}, None, None, None),
    (
        "airflow.providers.standard.operators.python.PythonOperator",
        {},
        None,
        None,
        None,
    ),
    (
        "airflow.providers.ssh.operators.ssh.SSHOperator",
        {"ssh_conn_id": NONE},
        None,
        None,
        None,
    ),
    (  # calls its base with deferrable=True
        "airflow.providers.standard.sensors.time.TimeSensorAsync",
        {},
        None,
        None,
        FIXED_TRUE,
    ),
    (  # gone since google 11, so told as of 10.26.0
        BIGQUERY + "BigQueryExecuteQueryOperator",
        {"gcp_conn_id": GCP},
        "gcp_conn_id",
        "impersonation_chain",
        None,
    ),
]


@pytest.mark.parametrize(
    ("name", "connections", "identity", "impersonation", "deferrable"), IDENTITIES
)
def test_identity(
    name: str,
    connections: dict[str, Parameter],
    identity: str | None,
    impersonation: str | None,
    deferrable: Parameter | None,
) -> None:
    operator = told(name)
    assert operator.connections == connections
    assert operator.identity == identity
    assert operator.impersonation == impersonation
    assert operator.deferrable == deferrable


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            RUN + "CloudRunExecuteJobOperator",
            {
                "deferrable": DEFERRABLE,
                "impersonation_chain": NONE,
                "job_name": REQUIRED,
                "overrides": NONE,
                "polling_period_seconds": Parameter(default=10),
                "project_id": REQUIRED,
                "region": REQUIRED,
                "timeout_seconds": NONE,
                "transport": NONE,
                "use_regional_endpoint": Parameter(default=False),
                "verbose": Parameter(default=False),
            },
        ),
        (
            GOOGLE + "operators.functions.CloudFunctionInvokeFunctionOperator",
            {
                "api_version": Parameter(default="v1"),
                "function_id": REQUIRED,
                "impersonation_chain": NONE,
                "input_data": REQUIRED,
                "location": REQUIRED,
                "project_id": NONE,
            },
        ),
        (
            GOOGLE + "operators.dataflow.DataflowStartFlexTemplateOperator",
            {
                "deferrable": DEFERRABLE,
                "impersonation_chain": NONE,
                "location": REQUIRED,
                "project_id": NONE,
            },
        ),
        (  # poke_interval is its own, mode and timeout the base sensor's
            GOOGLE + "sensors.pubsub.PubSubPullSensor",
            {
                "deferrable": DEFERRABLE,
                "impersonation_chain": NONE,
                "mode": Parameter(default="poke"),
                "poke_interval": Parameter(default=10.0),
                "project_id": REQUIRED,
                "timeout": Parameter(setting="sensors.default_timeout"),
            },
        ),
    ],
)
def test_parameters(name: str, expected: dict[str, Parameter]) -> None:
    assert told(name).parameters == expected


@pytest.mark.parametrize(
    ("name", "parameter", "expected"),
    [
        (
            GOOGLE + "operators.gcs.GCSTimeSpanFileTransformOperator",
            "source_impersonation_chain",
            NONE,
        ),
        (HTTP + "operators.http.HttpOperator", "method", Parameter(default="POST")),
        (HTTP + "operators.http.HttpOperator", "endpoint", NONE),
        (HTTP + "operators.http.HttpOperator", "headers", NONE),
        (HTTP + "sensors.http.HttpSensor", "method", Parameter(default="GET")),
        (HTTP + "sensors.http.HttpSensor", "endpoint", REQUIRED),
        (SDK + "BaseOperator", "task_id", REQUIRED),
        (
            SDK + "BaseOperator",
            "execution_timeout",
            Parameter(setting="core.default_task_execution_timeout"),
        ),
        (
            SDK + "BaseOperator",
            "retry_delay",
            Parameter(setting="core.default_task_retry_delay"),
        ),
    ],
)
def test_one_parameter(name: str, parameter: str, expected: Parameter) -> None:
    assert told(name).parameters[parameter] == expected


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        (
            RUN + "CloudRunExecuteJobOperator",
            "gcp_conn_id impersonation_chain job_name overrides polling_period_seconds project_id region timeout_seconds transport",
        ),
        (HTTP + "operators.http.HttpOperator", "data endpoint headers http_conn_id"),
        (  # ("sql", *BaseSQLOperator.template_fields) and the mixin's
            "airflow.providers.common.sql.operators.sql.SQLCheckOperator",
            "conn_id database hook_params sql",
        ),
        (  # aws_template_fields("bucket", "prefix", "delimiter")
            "airflow.providers.amazon.aws.operators.s3.S3ListOperator",
            "aws_conn_id bucket delimiter prefix region_name verify",
        ),
        (  # a set, a union with another class's
            "airflow.providers.standard.operators.python.ExternalPythonOperator",
            "op_args op_kwargs python templates_dict",
        ),
        (SDK + "BaseOperator", ""),
    ],
)
def test_template_fields(name: str, fields: str) -> None:
    assert told(name).template_fields == tuple(fields.split())


def run_call(
    kind: Any, action: Any, *permissions: str, act_as: bool = False
) -> CloudRunCall:
    return CloudRunCall(
        kind=kind,
        action=action,
        name_parameter=f"{kind}_name",
        project_parameter="project_id",
        region_parameter="region",
        permissions=tuple(sorted((*permissions, "run.operations.get"))),
        act_as=act_as,
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        (
            "CloudRunExecuteJobOperator",
            CloudRunCall(
                kind="job",
                action="execute",
                name_parameter="job_name",
                project_parameter="project_id",
                region_parameter="region",
                permissions=("run.jobs.get", "run.operations.get"),
                permissions_if={"overrides": ("run.jobs.runWithOverrides",)},
                permissions_unless={"overrides": ("run.jobs.run",)},
            ),
        ),
        (
            "CloudRunCreateJobOperator",
            run_call("job", "create", "run.jobs.create", act_as=True),
        ),
        (
            "CloudRunUpdateJobOperator",
            run_call("job", "update", "run.jobs.update", act_as=True),
        ),
        ("CloudRunDeleteJobOperator", run_call("job", "delete", "run.jobs.delete")),
        (
            "CloudRunListJobsOperator",
            CloudRunCall(
                kind="job",
                action="list",
                name_parameter=None,
                project_parameter="project_id",
                region_parameter="region",
                permissions=("run.jobs.list",),
            ),
        ),
        (
            "CloudRunCreateServiceOperator",
            run_call("service", "create", "run.services.create", act_as=True),
        ),
        (
            "CloudRunDeleteServiceOperator",
            run_call("service", "delete", "run.services.delete"),
        ),
    ],
)
def test_cloud_run_call(name: str, call: CloudRunCall) -> None:
    assert told(RUN + name).call == call


def test_what_a_call_names_are_parameters_of_its_operator() -> None:
    calling = {
        name: operator
        for name in OPERATORS
        if (operator := told(name)).call is not None
    }
    assert {name for name in OPERATORS if name.startswith(RUN)} == set(calling)
    for name, operator in calling.items():
        call = operator.call
        assert call is not None
        named = {call.project_parameter, call.region_parameter}
        named |= {call.name_parameter} if call.name_parameter else set()
        named |= call.permissions_if.keys() | call.permissions_unless.keys()
        assert named <= operator.parameters.keys(), name


@pytest.mark.parametrize(
    ("name", "renamed", "removed"),
    [
        (
            GOOGLE + "operators.gcs.GCSDeleteObjectsOperator",
            {"google_cloud_storage_conn_id": "gcp_conn_id"},
            ("delegate_to", "google_cloud_storage_conn_id"),
        ),
        (
            BIGQUERY + "BigQueryExecuteQueryOperator",
            {"bigquery_conn_id": "gcp_conn_id"},
            ("bigquery_conn_id", "delegate_to"),
        ),
        (RUN + "CloudRunExecuteJobOperator", {}, ()),
    ],
)
def test_older_spellings(
    name: str, renamed: dict[str, str], removed: tuple[str, ...]
) -> None:
    assert told(name).renamed == renamed
    assert told(name).removed == removed


def test_defaults_that_releases_tell_differently_are_named() -> None:
    # google 10.26.0 says deferrable=False, 22.8.0 reads the configuration
    assert told(GOOGLE + "operators.pubsub.PubSubPullOperator").varies == (
        "deferrable",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("airflow.DAG", SDK + "DAG"),
        ("airflow.models.DAG", SDK + "DAG"),
        ("airflow.models.dag.DAG", SDK + "DAG"),
        ("airflow.sdk.definitions.dag.DAG", SDK + "DAG"),
        ("airflow.sdk.DAG", SDK + "DAG"),
        ("airflow.decorators.dag", SDK + "dag"),
        ("airflow.decorators.task", SDK + "task"),
        ("airflow.decorators.task_group", SDK + "task_group"),
        ("airflow.utils.task_group.TaskGroup", SDK + "TaskGroup"),
        ("airflow.models.BaseOperator", SDK + "BaseOperator"),
        ("airflow.models.baseoperator.BaseOperator", SDK + "BaseOperator"),
        ("airflow.models.baseoperator.chain", SDK + "chain"),
        ("airflow.utils.helpers.chain", SDK + "chain"),
        ("airflow.sensors.base.BaseSensorOperator", SDK + "BaseSensorOperator"),
        (
            "airflow.sensors.base_sensor_operator.BaseSensorOperator",
            SDK + "BaseSensorOperator",
        ),
        ("airflow.models.Variable", SDK + "Variable"),
        ("airflow.hooks.base_hook.BaseHook", SDK + "BaseHook"),
        ("airflow.providers.common.compat.sdk.DAG", SDK + "DAG"),
        (
            "airflow.operators.bash_operator.BashOperator",
            "airflow.providers.standard.operators.bash.BashOperator",
        ),
        (
            "airflow.operators.python.PythonOperator",
            "airflow.providers.standard.operators.python.PythonOperator",
        ),
        (
            "airflow.operators.dummy_operator.DummyOperator",
            "airflow.providers.standard.operators.empty.EmptyOperator",
        ),
        (
            "airflow.operators.http_operator.SimpleHttpOperator",
            HTTP + "operators.http.HttpOperator",
        ),
        (
            HTTP + "operators.http.SimpleHttpOperator",
            HTTP + "operators.http.HttpOperator",
        ),
        (
            "airflow.contrib.operators.bigquery_operator.BigQueryOperator",
            BIGQUERY + "BigQueryExecuteQueryOperator",
        ),
        (
            "airflow.contrib.operators.gcp_container_operator.GKEPodOperator",
            GOOGLE + "operators.kubernetes_engine.GKEStartPodOperator",
        ),
        (
            "airflow.providers.cncf.kubernetes.operators.kubernetes_pod.KubernetesPodOperator",
            "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
        ),
        (
            "airflow.hooks.http_hook.HttpHook",
            "airflow.providers.http.hooks.http.HttpHook",
        ),
        ("mine.operators.HomeMade", "mine.operators.HomeMade"),
    ],
)
def test_canonical(old: str, new: str) -> None:
    assert catalogue().canonical(old) == new


def test_an_operator_is_found_by_its_old_path_and_no_other() -> None:
    old = "airflow.operators.http_operator.SimpleHttpOperator"
    assert told(old) == told(HTTP + "operators.http.HttpOperator")
    assert catalogue().operator("mine.operators.HomeMade") is None


@pytest.mark.parametrize(
    ("decorator", "operator"),
    [
        ("python", "airflow.providers.standard.operators.python.PythonOperator"),
        ("bash", "airflow.providers.standard.operators.bash.BashOperator"),
        ("sensor", "airflow.providers.standard.sensors.python.PythonSensor"),
        (
            "kubernetes",
            "airflow.providers.cncf.kubernetes.operators.pod.KubernetesPodOperator",
        ),
        ("docker", None),
    ],
)
def test_decorated(decorator: str, operator: str | None) -> None:
    assert catalogue().decorated(decorator) == operator


def test_every_record_decodes_and_holds_together() -> None:
    found = catalogue()
    for name in OPERATORS:
        operator = told(name)
        assert found.canonical(name) == name
        assert found.archives[operator.archive].package
        assert not operator.incomplete, name
        assert operator.template_fields is not None, name
        assert operator.identity is None or operator.identity in operator.connections
        assert set(operator.renamed.values()) <= operator.connections.keys(), name
        for parameter in (
            *operator.connections.values(),
            *operator.parameters.values(),
        ):
            decided = (parameter.required, parameter.setting, parameter.unknown)
            assert sum(map(bool, decided)) <= 1
            assert not any(decided) or parameter.default is None


def test_aliases_lead_to_their_end() -> None:
    assert not ALIASES.keys() & set(ALIASES.values())
    assert set(catalogue().decorators.values()) <= OPERATORS
    for old, new in ALIASES.items():
        assert catalogue().canonical(old) == new


@pytest.mark.parametrize(
    "name",
    [
        "",
        "airflow",
        "airflow.",
        "airflow.sdk.",
        "airflow.sdk.BaseOperato",
        "airflow.sdk.BaseOperators",
        "airflow.zzz",
        # the start of a row, as far as one likes
        'airflow.sdk.BaseOperator",{"archive":11,"parameters":{"pool":{"x","y',
        'airflow.hooks.http_hook.HttpHook","airflow',
        "airflow.\n",
        "airflow.\ud800",
        "airflow.\N{SNOWMAN}",
        "builtins.print",
    ],
)
def test_a_name_that_is_not_there_is_itself(name: str) -> None:
    assert catalogue().canonical(name) == name
    assert catalogue().operator(name) is None


def test_rows_are_sorted_and_of_airflow() -> None:
    rows = catalogue().rows.splitlines()
    assert rows == sorted(rows)
    assert catalogue().rows.endswith(b"\n")
    assert all(name.startswith("airflow.") for name in ROWS)
    assert len(ROWS) == len(rows) - 1


def test_provenance_names_what_was_read() -> None:
    assert catalogue().generated_by == "scripts/operator_catalogue.py"
    assert catalogue().archives[0] == Archive(
        package="apache-airflow-providers-google",
        version="22.8.0",
        file="apache_airflow_providers_google-22.8.0-py3-none-any.whl",
        sha256=catalogue().archives[0].sha256,
    )
    assert all(len(a.sha256) == 64 for a in catalogue().archives)


# -- the script, on packages made here -------------------------------------------

SDK_SOURCE = {
    "airflow/sdk/__init__.py": '__lazy_imports = {"BaseOperator": ".bases.operator"}',
    "airflow/sdk/bases/operator.py": """
class BaseOperator:
    template_fields = ()
    def __init__(self, task_id, retries=0, **kwargs): ...
""",
}
PROVIDER = "airflow/providers/made/operators/"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    path = Path(__file__).parents[4] / "scripts" / "operator_catalogue.py"
    spec = importlib.util.spec_from_file_location("operator_catalogue", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def generate(
    script: ModuleType, folder: Path, *generations: dict[str, str]
) -> dict[str, Any]:
    """Run the script over one made wheel for each generation."""
    archives: list[list[Any]] = []
    for number, sources in enumerate(generations):
        path = folder / f"made-{number}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as wheel:
            for name, text in {**SDK_SOURCE, **sources}.items():
                wheel.writestr(name, text)
        release = script.Release("made", str(number))
        archives.append([script.Archive(release, path)])
    text = script.render(script.catalogue(archives))
    *rows, rest = map(json.loads, text.splitlines())
    named: dict[str, Any] = dict(rows)
    assert list(named) == sorted(named)
    return {
        **rest,
        "operators": {n: row for n, row in named.items() if isinstance(row, dict)},
        "aliases": {n: row for n, row in named.items() if isinstance(row, str)},
    }


def test_script_follows_bases_constants_and_what_constructors_hand_on(
    script: ModuleType, tmp_path: Path
) -> None:
    sources = {
        PROVIDER + "parent.py": """
import os
from airflow.sdk import BaseOperator as Base
DEFAULT = "made" "_default"
class Hook:
    name = DEFAULT
class Mixin:
    def __init__(self, *, location=compute(), **kwargs):
        super().__init__(**kwargs)
class Parent(Mixin, Base):
    template_fields = ("a",)
    def __init__(self, made_conn_id=Hook.name, other_conn_id=None, mode="x",
                 deferrable=conf.getboolean("operators", "default_deferrable"),
                 timeout=None, **kwargs):
        super().__init__(**kwargs)
        if timeout is None:
            timeout = conf.getfloat("sensors", "default_timeout")
class Closed(Parent):
    def __init__(self, endpoint):
        super().__init__()
class _Private(Parent): ...
raise SystemExit("a source is read, never run")
""",
        PROVIDER + "child.py": """
from airflow.providers.made.operators import parent
MORE = ["b"]
class Child(parent.Parent):
    template_fields = tuple({*MORE} | set(parent.Parent.template_fields) - {"a"})
    def __init__(self, *, job_name, mine_conn_id="mine", **kwargs):
        super().__init__(other_conn_id=mine_conn_id, mode="fixed", **kwargs)
class Odd(parent.Parent):
    template_fields = [f for f in os.environ]
class Lost(parent.Gone, parent.Parent): ...
""",
    }
    operators = generate(script, tmp_path, sources)["operators"]
    prefix = "airflow.providers.made.operators."
    assert operators == {
        "airflow.sdk.BaseOperator": {
            "archive": 0,
            "parameters": {"retries": {"default": 0}, "task_id": {"required": True}},
            "template_fields": [],
        },
        prefix + "parent.Parent": (
            parent := {
                "archive": 0,
                "connections": {
                    "made_conn_id": {"default": "made_default"},
                    "other_conn_id": {},
                },
                "parameters": {
                    "deferrable": {"setting": "operators.default_deferrable"},
                    "location": {"unknown": True},
                    "mode": {"default": "x"},
                    "timeout": {"setting": "sensors.default_timeout"},
                },
                "template_fields": ["a"],
            }
        ),
        prefix + "parent.Closed": {
            "archive": 0,
            "parameters": {"endpoint": {"required": True}},
            "template_fields": ["a"],
        },
        prefix + "child.Child": {
            "archive": 0,
            "connections": {
                "made_conn_id": {"default": "made_default"},
                "mine_conn_id": {"default": "mine"},
            },
            "parameters": {
                "deferrable": {"setting": "operators.default_deferrable"},
                "job_name": {"required": True},
                "location": {"unknown": True},
                "mode": {"default": "fixed", "fixed": True},
                "timeout": {"setting": "sensors.default_timeout"},
            },
            "template_fields": ["b"],
        },
        prefix + "child.Odd": {
            key: value for key, value in parent.items() if key != "template_fields"
        },
        prefix + "child.Lost": {**parent, "incomplete": True},
    }


def test_script_takes_from_older_releases_what_the_newest_lost(
    script: ModuleType, tmp_path: Path
) -> None:
    new = {
        PROVIDER + "now.py": """
from airflow.sdk import BaseOperator
class Kept(BaseOperator):
    def __init__(self, gcp_conn_id="google_cloud_default", deferrable=True, **kwargs):
        super().__init__(**kwargs)
""",
    }
    old = {
        "airflow/operators/__init__.py": """
__deprecated_classes = {
    "older": {"Kept": "airflow.operators.old.Kept"},
    "old": {"Kept": "airflow.providers.made.operators.now.Kept"},
}
""",
        PROVIDER + "now.py": """
from airflow.sdk import BaseOperator
class Kept(BaseOperator):
    def __init__(self, gcp_conn_id="google_cloud_default", google_conn_id=None,
                 delegate_to=None, deferrable=False, **kwargs):
        if google_conn_id:
            warn("renamed")
            gcp_conn_id = google_conn_id
class Gone(Kept): ...
""",
        PROVIDER + "before.py": """
from airflow.providers.made.operators.now import *
""",
    }
    made = generate(script, tmp_path, new, old)
    kept = "airflow.providers.made.operators.now.Kept"
    assert made["operators"][kept] == {
        "archive": 0,
        "connections": {"gcp_conn_id": {"default": "google_cloud_default"}},
        "identity": "gcp_conn_id",
        "parameters": {"deferrable": {"default": True}},
        "removed": ["delegate_to", "google_conn_id"],
        "renamed": {"google_conn_id": "gcp_conn_id"},
        "template_fields": [],
        "varies": ["deferrable"],
    }
    gone = kept.replace("Kept", "Gone")
    assert made["operators"][gone]["archive"] == 1
    assert made["aliases"] == {
        "airflow.operators.old.Kept": kept,
        "airflow.operators.older.Kept": kept,
        "airflow.providers.made.operators.before.BaseOperator": (
            "airflow.sdk.BaseOperator"
        ),
        "airflow.providers.made.operators.before.Gone": gone,
        "airflow.providers.made.operators.before.Kept": kept,
        "airflow.sdk.bases.operator.BaseOperator": "airflow.sdk.BaseOperator",
        **dict(sorted(script.HAND_ALIASES.items())),
    }
    assert made["archives"][1] == {
        "package": "made",
        "version": "1",
        "file": "made-1-py3-none-any.whl",
        "sha256": hashlib.sha256(
            (tmp_path / "made-1-py3-none-any.whl").read_bytes()
        ).hexdigest(),
    }


def test_script_says_which_wheel_is_missing(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"expected one wheel made-1-\*\.whl"):
        script.locate(script.Release("made", "1"), tmp_path)
