"""The account of a scan: the system examined, beside what was concluded about it."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET

from dagwarden.config import Config
from dagwarden.facts import (
    HISTORY,
    AirflowEnvironment,
    Facts,
    Layers,
    Snapshot,
    SourceFile,
    in_history,
)
from dagwarden.findings import (
    RESULT_VERSION,
    ControlReport,
    EnvironmentReport,
    FilesReport,
    Result,
    Scope,
    SnapshotReport,
    Verdicts,
)
from dagwarden.policy.conclude import Conclusion

SCOPES = ("organization", "folder", "project")


def examine(
    facts: Facts,
    conclusion: Conclusion,
    config: Config,
    controls: Sequence[ControlReport],
    steering: Sequence[SourceFile],
    as_of: datetime,
) -> Result:
    """Return the whole result: what was examined, concluded, excluded, not read."""
    return Result(
        version=RESULT_VERSION,
        estate=config.estate,
        as_of=as_of.strftime("%Y-%m-%dT%H:%M:%SZ"),
        gate=config.gate,
        strict=config.strict,
        persona=config.persona,
        counts=conclusion.counts,
        environments=_environments(facts),
        scopes=_scopes(facts),
        snapshots=tuple(_snapshot(snapshot) for snapshot in facts.snapshots),
        controls=tuple(controls),
        rules=conclusion.rules,
        findings=conclusion.findings,
        verdicts=Verdicts(
            [rule.id for rule in conclusion.rules],
            conclusion.judged,
            conclusion.verdicts,
        ),
        unknowns=conclusion.unknowns,
        waivers=conclusion.waivers,
        gaps=facts.gaps,
        excluded=facts.excluded,
        assumptions=facts.assumptions,
        detectors=("dagwarden", *facts.detectors),
        searched=_searched(facts),
        repository_requests=config.repository_requests,
        files=tuple(
            sorted((*facts.files, *steering), key=lambda file: (file.kind, file.path))
        ),
    )


def _searched(facts: Facts) -> FilesReport | None:
    """Return the account of the repository's files, those of its history aside."""
    kind = "embedded_secret"
    looked_into = {
        fact.path for fact in facts.embedded_secrets if in_history(fact.path) is None
    }
    lost = {
        gap.origin.source
        for gap in facts.gaps
        if kind in gap.kinds and in_history(gap.origin.source) is None
    }
    unreadable = len(lost - looked_into - {HISTORY})
    excluded = sum(
        item.count
        for item in facts.excluded
        if item.kind == kind and item.what != HISTORY
    )
    if not (looked_into or unreadable or excluded):
        return None
    return FilesReport(
        discovered=excluded + unreadable + len(looked_into),
        excluded=excluded,
        unreadable=unreadable,
        looked_into=len(looked_into),
    )


def _environments(facts: Facts) -> tuple[EnvironmentReport, ...]:
    dags = Counter(dag.environment for dag in facts.dags)
    tasks = Counter(task.environment for task in facts.tasks)
    connections = Counter(item.environment for item in facts.connections)
    return tuple(
        EnvironmentReport(
            name=environment.name,
            runs_as=_runs_as(environment),
            airflow=environment.airflow or "not stated",
            dags=dags[environment.name],
            tasks=tasks[environment.name],
            connections=connections[environment.name],
            connections_complete=environment.connections_complete,
        )
        for environment in facts.environments
    )


def _runs_as(environment: AirflowEnvironment) -> str:
    if isinstance(environment.runs_as, str):
        return environment.runs_as
    why = environment.unresolved[0].symbol if environment.unresolved else "not stated"
    return f"not established ({why})"


def _scopes(facts: Facts) -> tuple[Scope, ...]:
    """Return hierarchy nodes read, and those excluded with the reason."""
    read = [
        Scope(
            name=resource.name,
            label=resource.project_id or resource.name.rpartition("/")[2],
            in_scope=True,
            reason=f"{resource.kind} in the snapshot",
        )
        for resource in facts.resources
        if resource.kind in SCOPES
    ]
    left_out = [
        Scope(name=item.what, label=item.what, in_scope=False, reason=item.reason)
        for item in facts.excluded
        if item.kind in (*SCOPES, "resource")
    ]
    return tuple(
        sorted((*read, *left_out), key=lambda scope: (not scope.in_scope, scope.name))
    )


def _snapshot(snapshot: Snapshot) -> SnapshotReport:
    return SnapshotReport(
        scope=_words(snapshot.scope),
        read_time=_words(snapshot.read_time),
        principal=_words(snapshot.principal),
        age_hours=None if snapshot.age_hours is UNSET else snapshot.age_hours,
        layers={
            name: getattr(snapshot.layers, name) for name in Layers.__struct_fields__
        },
        assets=snapshot.assets,
        assets_not_modelled=snapshot.assets_not_modelled,
    )


def _words(value: object) -> str:
    return value if isinstance(value, str) else "not stated"
