"""Reading a whole estate: every environment's DAGs and connections, and the cloud."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec.structs import replace

from dagwarden.config import Config, Environment, relative
from dagwarden.facts import (
    AirflowEnvironment,
    AirflowSetting,
    Connection,
    Excluded,
    Facts,
    Gap,
    Origin,
    Record,
    Unresolved,
    merge,
)
from dagwarden.rule import Need
from dagwarden.sources.connections.records import Connections
from dagwarden.sources.connections.records import Entry as ConnectionEntry
from dagwarden.sources.credentials import (
    Fingerprint,
    purged,
    setting_without_secrets,
)
from dagwarden.sources.embedded.join import joined
from dagwarden.sources.layers import Layer
from dagwarden.sources.variables.records import Entry, Variables

if TYPE_CHECKING:
    from dagwarden.sources.dags.together import Found

# what an unread cloud export may have held
CLOUD_KINDS = (
    "snapshot",
    "resource",
    "identity",
    "key",
    "role",
    "binding",
    "grant",
    "federation_provider",
    "cloud_run",
    "composer_environment",
    "audit_log",
)


class Progress(Protocol):
    """Is told what is being done, and how far that is where it can be counted."""

    def __call__(self, stage: str, done: int = 0, total: int = 0) -> None:
        """`done` of `total` files are read; 0: nothing is counted."""
        ...


def no_progress(stage: str, done: int = 0, total: int = 0) -> None:
    """Tell nobody."""


class Estate(Record, frozen=True, kw_only=True):
    """What was read, and which kinds of input the scan was given at all."""

    facts: Facts
    given: frozenset[Need]


def read_estate(
    config: Config,
    *,
    fingerprint: Fingerprint,
    environ: Mapping[str, str],
    only: Sequence[Path] | None = None,
    traced: bool = False,
    cached: bool = False,
    history: bool = False,
    progress: Progress = no_progress,
) -> Estate:
    """
    Read all that `config` names; `only` restricts DAG files to the hook's.

    A configured source that does not exist is a gap and its needs count as not
    given. `traced`: facts of DAG files say from where each of their fields was read.
    `cached`: what came of unchanged DAG files may be known from an earlier
    run. `history`: credentials are looked for in what git keeps of the repositories,
    too. With `only` (a commit hook in a checkout) that gap is not held against
    the scan.
    """
    root = Path(config.root)
    parts: list[Facts] = []
    # the files of environments, then those of the repositories
    found: list[Found] = []
    given: set[Need] = set()
    within = fingerprint.of_run()
    for environment in config.environments:
        progress(f"environment {environment.name}")
        known, connections = _connections(
            environment, root, within, environ, lenient=only is not None
        )
        # what is called or explained with a secret in it: ids, URLs, comments
        parts.append(purged(_environment(environment, config, connections.gaps)))
        if environment.dags or only:
            given.add("dags")
            variables, read = _variables(
                environment, root, environ, lenient=only is not None
            )
            parts.append(purged(read))
            found.append(
                _dags(
                    environment,
                    config,
                    root,
                    only,
                    within,
                    variables,
                    known,
                    traced=traced,
                    cached=cached,
                )
            )
        if connections.connections or connections.files:
            given.add("connections")
        parts.append(purged(connections))
    if config.repositories or only is not None:
        given.add("repository")
        found.append(_embedded(config, root, only, fingerprint, cached))
    if found:
        from dagwarden.sources.dags.together import facts_of

        read_files = facts_of(found, partial(progress, "files"))
        if history and "repository" in given:
            tree = read_files.pop()
            read_files.append(
                _with_history(tree, config, root, fingerprint, cached, progress)
            )
        parts += read_files
    if config.snapshots:
        progress("snapshot")
        cloud = _snapshots(
            config, root, fingerprint, lenient=only is not None, cached=cached
        )
        if cloud.snapshots:
            given.add("snapshot")
        parts.append(cloud)
    facts = joined(merge(*parts), keep=fingerprint.kept)
    return Estate(facts=facts, given=frozenset(given))


def _embedded(
    config: Config,
    root: Path,
    only: Sequence[Path] | None,
    fingerprint: Fingerprint,
    cached: bool,
) -> "Found":
    from dagwarden.sources.embedded.read import find_files

    return find_files(
        root,
        [root / place for place in config.repositories],
        only=only,
        exclude=config.exclude,
        inputs=config.snapshots,
        fingerprint=fingerprint,
        kingfisher=config.kingfisher,
        cached=cached,
    )


def _with_history(
    tree: Facts,
    config: Config,
    root: Path,
    fingerprint: Fingerprint,
    cached: bool,
    progress: Progress,
) -> Facts:
    from dagwarden.sources.embedded.history import with_history

    return with_history(
        tree,
        root,
        [root / place for place in config.repositories],
        exclude=(*config.exclude, *config.snapshots),
        fingerprint=fingerprint,
        kingfisher=config.kingfisher,
        cached=cached,
        progress=partial(progress, "git history"),
    )


def _environment(
    environment: Environment, config: Config, lost: Sequence[Gap]
) -> Facts:
    """
    Return the facts that the operator states about an environment.

    `lost` are the gaps in its connections: a list that was not read whole is not
    complete, whatever was stated of it.
    """
    origin = Origin(
        source=config.files[0] if config.files else "dagwarden.toml",
        field=f"environment.{environment.name}",
    )
    stated = environment.runs_as
    composer = (
        stated.removeprefix("composer:") if stated.startswith("composer:") else None
    )
    known = composer is None and stated != "unknown"
    fact = AirflowEnvironment(
        id=f"environment:{environment.name}",
        origin=origin,
        name=environment.name,
        composer=composer,
        airflow=environment.airflow,
        exclusive_accounts=environment.exclusive_accounts,
        connections_complete=environment.connections_complete
        and all(gap.reason == "conflict" for gap in lost),
        unresolved=()
        if known
        else (
            Unresolved(
                field="runs_as",
                reason="setting",
                symbol=f"runs_as of environment {environment.name}",
            ),
        ),
        **({"runs_as": stated} if known else {}),
    )
    return Facts(
        environments=(fact,),
        airflow_settings=tuple(
            AirflowSetting(
                id=f"airflow_setting:{environment.name}:{key}",
                origin=Origin(source=origin.source, field=f"airflow_settings.{key}"),
                environment=environment.name,
                section=key.rpartition(".")[0],
                key=key.rpartition(".")[2],
                value=setting_without_secrets(key, value),
            )
            for key, value in sorted(environment.airflow_settings.items())
        ),
    )


def _dags(
    environment: Environment,
    config: Config,
    root: Path,
    only: Sequence[Path] | None,
    fingerprint: Fingerprint,
    variables: Variables,
    connections: Connections,
    *,
    traced: bool,
    cached: bool,
) -> "Found":
    from dagwarden.sources.dags.airflow.outside import Outside
    from dagwarden.sources.dags.read import find_dags

    return find_dags(
        root,
        environment.name,
        [root / folder for folder in environment.dags],
        only=only,
        exclude=config.exclude,
        airflow=environment.airflow,
        fingerprint=fingerprint,
        airflow_python=(
            None
            if environment.airflow_python is None
            else Path(environment.airflow_python)
        ),
        outside=Outside(
            variables,
            tuple(sorted(environment.airflow_settings.items())),
            connections,
        ),
        traced=traced,
        cached=cached,
        guessed=environment.name == config.guessed,
        others=[
            root / folder
            for other in config.environments
            if environment.name == config.guessed != other.name
            for folder in other.dags
        ],
    )


def _variables(
    environment: Environment, root: Path, environ: Mapping[str, str], *, lenient: bool
) -> tuple[Variables, Facts]:
    """Return an environment's variables; where a source is missing, not all of them."""
    if not environment.variables:
        return Variables(complete=environment.variables_complete), Facts()
    from dagwarden.sources.variables.read import read_variables

    layers: list[Layer[Entry]] = []
    parts: list[Facts] = []
    for spec in environment.variables:
        file = spec.partition(":")[2]
        if file and not (root / file).exists():
            layers.append(Layer({}, whole=False))
            parts.append(_missing(file, (), lenient=lenient))
            continue
        layer, facts = read_variables(spec, environment.name, root, environ)
        layers.append(layer)
        parts.append(facts)
    return Variables(tuple(layers), environment.variables_complete), merge(*parts)


def _connections(
    environment: Environment,
    root: Path,
    fingerprint: Fingerprint,
    environ: Mapping[str, str],
    *,
    lenient: bool,
) -> tuple[Connections, Facts]:
    """Return an environment's connections: what code is told of them, and the facts."""
    if not environment.connections:
        return Connections(complete=environment.connections_complete), Facts()
    from dagwarden.sources.connections.read import read_connections

    layers: list[Layer[ConnectionEntry]] = []
    parts: list[Facts] = []
    for spec in environment.connections:
        file = spec.partition(":")[2]
        if file and not (root / file).exists():
            layers.append(Layer({}, whole=False))
            parts.append(_missing(file, ("connection",), lenient=lenient))
            continue
        layer, facts = read_connections(
            spec, environment.name, root, root, fingerprint, environ
        )
        layers.append(layer)
        parts.append(facts)
    known = Connections(tuple(layers), environment.connections_complete)
    return known, _first_wins(merge(*parts))


def _first_wins(facts: Facts) -> Facts:
    """
    Keep one connection per id: that of the source named first.

    Airflow looks in its secrets backend, then the environment, then its database;
    the configuration lists sources in that order. A hidden one that differs is told.
    """
    kept: dict[str, Connection] = {}
    hidden: list[Excluded] = []
    for connection in facts.connections:
        first = kept.setdefault(connection.id, connection)
        if first is not connection:
            hidden.append(
                Excluded(
                    kind="connection",
                    what=f"{connection.conn_id} in {connection.origin.source}",
                    reason=f"hidden by the one in {first.origin.source}, listed first",
                )
            )
    return replace(
        facts,
        connections=tuple(kept.values()),
        excluded=(*facts.excluded, *hidden),
    )


def _snapshots(
    config: Config,
    root: Path,
    fingerprint: Fingerprint,
    *,
    lenient: bool,
    cached: bool,
) -> Facts:
    paths = [root / name for name in config.snapshots]
    missing = [path for path in paths if not path.exists()]
    gaps = merge(
        *(
            _missing(relative(path, root), CLOUD_KINDS, lenient=lenient)
            for path in missing
        )
    )
    present = [path for path in paths if path not in missing]
    if not present:
        return gaps
    found = _snapshot(config, root, present, fingerprint, cached=cached)
    if not config.builtin_roles:
        bare = (replace(one, builtin_roles=False) for one in found.snapshots)
        found = replace(found, snapshots=tuple(bare))
    return merge(purged(gaps), found)


def _snapshot(
    config: Config,
    root: Path,
    paths: Sequence[Path],
    fingerprint: Fingerprint,
    *,
    cached: bool,
) -> Facts:
    """Return what the files of a snapshot hold, known from an earlier run or read."""
    from dagwarden.sources.snapshot import read_snapshots
    from dagwarden.sources.snapshot.earlier import earlier

    how = {"include_sys_projects": config.include_sys_projects}
    store = earlier(paths, root, how, fingerprint) if cached else None
    if store is not None and (known := store.facts()) is not None:
        return known
    found = read_snapshots(paths, root, fingerprint=fingerprint, **how)
    if store is not None:
        store.keep(found)
    return found


def _missing(file: str, kinds: tuple[str, ...], *, lenient: bool) -> Facts:
    """Return the gap of a configured source that is not there."""
    lost = "its rules did not run" if kinds else "what it would decide is not known"
    return Facts(
        gaps=(
            Gap(
                reason="missing",
                origin=Origin(source=file),
                detail=f"is configured and does not exist; {lost}",
                kinds=kinds,
                incomplete=not lenient,
            ),
        )
    )
