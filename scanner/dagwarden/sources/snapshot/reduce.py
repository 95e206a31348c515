"""Secrets in assets: reduced at once, to their kind, place and fingerprint."""

from collections.abc import Iterable

from msgspec import structs

from dagwarden.facts import Origin, Secret
from dagwarden.sources.credentials import Fingerprint, secrets_in, without_secrets
from dagwarden.sources.snapshot.records import (
    CloudRunShape,
    ComposerShape,
    ContainerImageShape,
    Data,
    LogSinkShape,
    Reduced,
    ScheduleShape,
    SealedSecret,
    SoftwareConfigShape,
    SubscriptionShape,
    TaskSpecShape,
    Value,
)
from dagwarden.sources.snapshot.senders import sent_to

# Where a value stands decides what its place is called.
ENVIRONMENT = "env"
AIRFLOW_OVERRIDES = "airflowConfigOverrides"

_NOWHERE = Origin(source="")
# Values, by where and under which name, that hold no secret: most stand in many
# places. At most so many are remembered.
_MOST_HARMLESS = 20_000
_harmless: set[tuple[str, str, str]] = set()


def reduce(data: Data, fingerprint: Fingerprint) -> None:
    """
    Replace every environment value in `data`, in place, by what it was.

    Of what people write to choose log entries, secrets are starred; of URLs that
    requests are sent to, hosts are kept.
    """
    if type(data) is CloudRunShape:
        for container in containers(data):
            for variable in container.env or ():
                variable.value = _reduced(
                    ENVIRONMENT, variable.name, variable.value, fingerprint
                )
    elif type(data) is LogSinkShape and data.filter:
        data.filter = without_secrets(data.filter)
    elif type(data) is ScheduleShape and data.httpTarget:
        data.httpTarget.uri = sent_to(data.httpTarget.uri or "")
    elif type(data) is SubscriptionShape and data.pushConfig:
        data.pushConfig.pushEndpoint = sent_to(data.pushConfig.pushEndpoint or "")
    elif type(data) is ComposerShape and (software := _software(data)):
        software.envVariables = _all_reduced(
            ENVIRONMENT, software.envVariables, fingerprint
        )
        software.airflowConfigOverrides = _all_reduced(
            AIRFLOW_OVERRIDES, software.airflowConfigOverrides, fingerprint
        )


def secrets_of(values: Iterable[Value], origin: Origin) -> tuple[Secret, ...]:
    """Return the secrets of reduced `values`, each once, in order of place."""
    sealed = [
        secret
        for value in values
        if type(value) is Reduced  # isinstance takes three times as long
        for secret in value.dagwarden_secrets
    ]
    if not sealed:  # as of nearly all
        return ()
    found = {Secret(origin=origin, **structs.asdict(secret)) for secret in sealed}
    return tuple(
        sorted(found, key=lambda s: (s.place, s.kind, s.fingerprint or "", s.told_by))
    )


def environment(inside: Iterable[ContainerImageShape]) -> list[Value]:
    """Return the environment values of containers."""
    return [variable.value for container in inside for variable in container.env or ()]


def settings(data: ComposerShape) -> list[Value]:
    """Return the values that the Airflow of a Composer environment is given."""
    software = _software(data)
    if software is None:
        return []
    return [
        *(software.envVariables or {}).values(),
        *(software.airflowConfigOverrides or {}).values(),
    ]


def _reduced(
    where: str, name: str, value: Value, fingerprint: Fingerprint
) -> Reduced | None:
    if type(value) is str and (where, name, value) in _harmless:
        return None
    if value is None or isinstance(value, Reduced):
        return value
    secrets = secrets_in(where, {name: value}, _NOWHERE, fingerprint)
    if not secrets:
        if isinstance(value, str) and len(_harmless) < _MOST_HARMLESS:
            _harmless.add((where, name, value))
        return None
    return Reduced(
        dagwarden_secrets=tuple(
            SealedSecret(
                kind=secret.kind,
                place=secret.place,
                fingerprint=secret.fingerprint,
                identity=secret.identity,
                key_id=secret.key_id,
                told_by=secret.told_by,
            )
            for secret in secrets
        )
    )


def _all_reduced(
    where: str, values: dict[str, Value] | None, fingerprint: Fingerprint
) -> dict[str, Value] | None:
    if values is None:
        return None
    return {
        name: _reduced(where, name, value, fingerprint)
        for name, value in values.items()
    }


def _software(data: ComposerShape) -> SoftwareConfigShape | None:
    return data.config.softwareConfig if data.config else None


def containers(data: CloudRunShape) -> list[ContainerImageShape]:
    """Return the containers, wherever version 1 or 2 of a service or job has them."""
    specs: list[TaskSpecShape | None] = []
    if data.template:
        specs += [data.template, data.template.template]
    if data.spec and data.spec.template and (spec := data.spec.template.spec):
        specs += [spec, spec.template.spec if spec.template else None]
    return [one for found in specs if found for one in found.containers or ()]
