"""Cloud Run services and jobs, and Composer environments."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from dagwarden.facts import (
    CloudRun,
    ComposerEnvironment,
    Origin,
    Unresolved,
)
from dagwarden.sources.snapshot.names import project_of, whole
from dagwarden.sources.snapshot.records import (
    CloudRunShape,
    ComposerShape,
    Number,
    TaskSpecShape,
    TemplateShape,
    TemplateSpecShape,
)
from dagwarden.sources.snapshot.reduce import (
    containers,
    environment,
    secrets_of,
    settings,
)

_RUN = re.compile(
    r"//run\.googleapis\.com/projects/(?P<project>[^/]+)/locations/(?P<region>[^/]+)"
    r"/(?P<kind>services|jobs)/(?P<name>[^/]+)"
)
_DURATION = re.compile(r"(?P<seconds>\d{1,9}(\.\d{1,9})?)s?")
_AIRFLOW = re.compile(r".*\bairflow-(?P<version>\d+\.\d+(\.\d+)?)\b.*")

Ingress = Literal["all", "internal", "internal_and_cloud_load_balancing"]
# v1 annotation, v2 enum (name and number)
_INGRESS: dict[str | int | float, Ingress] = {
    "all": "all",
    "internal": "internal",
    "internal-and-cloud-load-balancing": "internal_and_cloud_load_balancing",
    "INGRESS_TRAFFIC_ALL": "all",
    "INGRESS_TRAFFIC_INTERNAL_ONLY": "internal",
    "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER": "internal_and_cloud_load_balancing",
    1: "all",
    2: "internal",
    3: "internal_and_cloud_load_balancing",
}

# What applies where a template says nothing, in seconds.
# Source: cloud.google.com/run/docs/configuring/request-timeout and .../task-timeout
DEFAULT_REQUEST_TIMEOUT = 300.0
DEFAULT_TASK_TIMEOUT = 600.0

# What would decide the fields of a workload of which only the policy was read.
NOT_GIVEN = "the resources of the snapshot (content type RESOURCE)"


def cloud_run(
    resource: str, data: CloudRunShape | None, origin: Origin, missing: str | None
) -> CloudRun | None:
    """
    Return the service or job called `resource`; None: no such name is known.

    `data` None: its configuration was not read, only that it exists; `missing` is
    what would tell it, or None where it was given and is broken.
    """
    match = _RUN.fullmatch(resource)
    if match is None:
        return None
    project, region, collection, name = match.groups()
    kind: Literal["service", "job"] = "job" if collection == "jobs" else "service"
    about: dict[str, object] = {
        "id": f"cloud_run:{resource}",
        "origin": origin,
        "resource": resource,
        "kind": kind,
        "project": project,
        "region": region,
        "name": name,
    }
    if data is None:
        return _made(CloudRun, about, dict.fromkeys(_FIELDS[kind], UNSET), missing)
    spec = _spec(data, kind)
    inside = containers(data)
    fields: dict[str, object] = {
        "service_account": UNSET,
        "timeout": UNSET,
        "secrets": UNSET,
    }
    if spec is not None:
        account = spec.serviceAccountName or spec.serviceAccount
        fields = {
            "service_account": account.lower() if account else None,
            "timeout": _timeout(spec, kind),
            "secrets": secrets_of(environment(inside), origin),
        }
    fields |= _job_fields(data, spec) if kind == "job" else _service_fields(data)
    images = {one.image for one in inside if one.image}
    about["images"] = tuple(sorted(images))
    about["ssh_enabled"] = data.sshEnabled
    return _made(CloudRun, about, fields)


_FIELDS = {
    "service": (
        "service_account",
        "timeout",
        "secrets",
        "ingress",
        "invoker_check_disabled",
        "default_url_disabled",
        "iap_enabled",
    ),
    "job": (
        "service_account",
        "timeout",
        "secrets",
        "max_retries",
        "task_count",
        "parallelism",
    ),
}


Workload = TypeVar("Workload", CloudRun, ComposerEnvironment)


def _made(
    record: Callable[..., Workload],
    about: dict[str, object],
    fields: dict[str, object],
    symbol: str | None = None,
) -> Workload:
    """Make a fact; each of `fields` that is UNSET says what would decide it."""
    unset = [name for name, value in fields.items() if value is UNSET]
    if not unset:  # as of nearly all
        return record(**about, **fields)
    unresolved = tuple(
        Unresolved(
            field=name,
            reason="layer" if symbol else "unreadable",
            symbol=symbol or f"{name} of {about['id']}",
        )
        for name in sorted(unset)
    )
    return record(unresolved=unresolved, **about, **fields)


def _spec(data: CloudRunShape, kind: str) -> TaskSpecShape | None:
    """Return the part that describes what runs: version 2, or version 1."""
    if data.template:
        return data.template.template if kind == "job" else data.template
    outer = data.spec.template if data.spec else None
    spec = outer.spec if outer else None
    if spec and kind == "job":
        return spec.template.spec if spec.template else None
    return spec


def _timeout(spec: TaskSpecShape, kind: str) -> float | UnsetType:
    given = spec.timeout if spec.timeout is not None else spec.timeoutSeconds
    if given is None:
        return DEFAULT_TASK_TIMEOUT if kind == "job" else DEFAULT_REQUEST_TIMEOUT
    return _seconds(given)


@lru_cache(maxsize=1 << 10)  # few differ
def _seconds(given: Number) -> float | UnsetType:
    match = _DURATION.fullmatch(str(given))
    return float(match["seconds"]) if match else UNSET


def _service_fields(data: CloudRunShape) -> dict[str, object]:
    annotations = data.metadata.annotations if data.metadata else None
    ingress = data.ingress
    disabled: object = data.invokerIamDisabled
    no_url: object = data.defaultUriDisabled
    iap: object = data.iapEnabled
    urls = {*(data.urls or ()), data.uri or "", (data.status and data.status.url) or ""}
    audiences = {*(data.customAudiences or ())}
    if annotations:
        ingress = annotations.ingress_status or annotations.ingress or ingress
        if annotations.invoker_iam_disabled is not None:
            disabled = _true(annotations.invoker_iam_disabled)
        no_url = no_url or _true(annotations.default_url_disabled)
        iap = iap or _true(annotations.iap_enabled)
        if annotations.urls:
            urls |= _strings(annotations.urls)
        if annotations.custom_audiences:
            audiences |= _strings(annotations.custom_audiences)
    urls.discard("")
    return {
        # the defaults: open, and checked
        "ingress": _INGRESS.get(ingress, UNSET) if ingress else "all",
        "invoker_check_disabled": bool(disabled),
        "default_url_disabled": bool(no_url),
        "iap_enabled": bool(iap),
        "urls": tuple(sorted(urls)),
        "custom_audiences": tuple(sorted(audiences)),
    }


def _true(annotation: str | bool | None) -> bool:
    return annotation is not None and str(annotation).lower() == "true"


def _job_fields(data: CloudRunShape, spec: TaskSpecShape | None) -> dict[str, object]:
    execution: TemplateShape | TemplateSpecShape | None = data.template
    if execution is None and data.spec and data.spec.template:
        execution = data.spec.template.spec
    retries = _integer(spec.maxRetries) if spec else None
    if execution is None:
        return {"max_retries": UNSET, "task_count": UNSET, "parallelism": UNSET}
    return {
        # 3 by default, and 0 may be left out: absent says neither
        "max_retries": UNSET if retries is None else retries,
        "task_count": _integer(execution.taskCount) or 1,
        "parallelism": _integer(execution.parallelism) or None,
    }


def _integer(given: Number | None) -> int | None:
    text = whole(given) if given is not None else ""
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _strings(text: str) -> set[str]:
    """Return the strings in an annotation that holds a JSON list."""
    try:
        return set(msgspec.json.decode(text, type=list[str]))
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return set()


def composer_environment(
    resource: str, data: ComposerShape | None, origin: Origin, missing: str | None
) -> ComposerEnvironment:
    """Return a Composer environment; `data` and `missing` as in `cloud_run`."""
    fields: dict[str, object] = {
        "service_account": UNSET,
        "dag_bucket": UNSET,
        "airflow": UNSET,
        "secrets": UNSET,
    }
    if data is not None and (config := data.config) is not None:
        account = config.nodeConfig.serviceAccount if config.nodeConfig else None
        software = config.softwareConfig
        version = _AIRFLOW.fullmatch((software and software.imageVersion) or "")
        fields = {
            "service_account": account.lower() if account else None,
            "dag_bucket": _bucket(data),
            "airflow": version["version"] if version else UNSET,
            "secrets": secrets_of(settings(data), origin),
        }
    about: dict[str, object] = {
        "id": f"composer_environment:{resource}",
        "origin": origin,
        "resource": resource,
        "project": project_of(resource) or "",
        "deleting": data is not None and data.state in _DELETING,
    }
    return _made(ComposerEnvironment, about, fields, None if data else missing)


# google.cloud.orchestration.airflow.service.v1.Environment.State
_DELETING = frozenset({"DELETING", 4})


def _bucket(data: ComposerShape) -> str | None:
    prefix = (data.config and data.config.dagGcsPrefix) or ""
    if prefix.startswith("gs://"):
        return prefix.removeprefix("gs://").partition("/")[0] or None
    return data.storageConfig.bucket if data.storageConfig else None
