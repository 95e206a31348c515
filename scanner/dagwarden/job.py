"""One scan, from what the command line said to a finished report."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from dagwarden.config import (
    CONNECTION_SOURCES,
    VARIABLE_SOURCES,
    Config,
    Environment,
    PersonaName,
    check_runs_as,
    check_source,
    load_config,
    relative,
    unknown_name,
)
from dagwarden.errors import SourceError, UsageError
from dagwarden.facts import KINDS, Facts, Gap, Record, SourceFile, Traced, facts_of
from dagwarden.files import read_regular
from dagwarden.findings import ControlReport, Report, Result, Run, Waiver
from dagwarden.graph.build import derive
from dagwarden.policy.evaluate import check_params
from dagwarden.policy.pack import load_rules
from dagwarden.rule import FAMILIES, Rule, Severity
from dagwarden.scan import scan
from dagwarden.sources.credentials import Fingerprint, purged, without_secrets
from dagwarden.sources.estate import Estate, Progress, no_progress, read_estate

if TYPE_CHECKING:
    from dagwarden.answers import Explanation, Holders, Holdings, Suggestion
    from dagwarden.graph.explain import Asked

DEFAULT = "default"
MAX_RESULT = 2_000_000_000


class Arguments(Record, frozen=True, kw_only=True):
    """What the command line said; None and empty: it said nothing."""

    paths: tuple[Path, ...] = ()
    operator: Path | None = None
    snapshots: tuple[Path, ...] = ()
    connections: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    runs_as: str | None = None
    airflow_python: Path | None = None
    exclude: tuple[str, ...] = ()
    include_sys_projects: bool = False
    no_builtin_roles: bool = False
    kingfisher: bool = False
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    own_rules: tuple[Path, ...] = ()
    waivers: tuple[Path, ...] = ()
    controls: Path | None = None
    gate: Severity | None = None
    strict: bool = False
    persona: PersonaName | None = None
    baseline: Path | None = None
    new_since: str | None = None
    as_of: str | None = None
    claims: Path | None = None
    fingerprint_key: Path | None = None
    no_cache: bool = False
    history: bool = False


class Job(Record, frozen=True, kw_only=True):
    """A scan made ready: settings, rules and registers are read and checked."""

    config: Config
    rules: tuple[Rule, ...]
    waivers: tuple[Waiver, ...]
    controls: tuple[ControlReport, ...]
    as_of: datetime
    fingerprint: Fingerprint
    only: tuple[Path, ...] | None
    # whether what came of unchanged DAG files is remembered from run to run
    cached: bool
    # whether facts of DAG files say from where each of their fields was read
    traced: bool = False
    # whether credentials are looked for in the git history, too
    history: bool = False


def prepare(said: Arguments) -> Job:
    """Read and check all that steers a scan; raises UsageError before any work."""
    if said.history and said.new_since is not None:
        raise UsageError(
            "--history and --new-since exclude each other: an old commit is never new",
            remedy="compare with --baseline instead",
        )
    config, only = settle(said)
    root = Path(config.root)
    every = load_rules([root / folder for folder in config.rules])
    check_params(every, config.params)
    rules = chosen(every, config)
    names = {rule.id for rule in rules}
    params = {name: given for name, given in config.params.items() if name in names}
    config = replace(config, params=params)
    return Job(
        config=config,
        rules=rules,
        # registers may name rules that this run leaves out
        waivers=tuple(
            waiver for waiver in _waivers(config, root, every) if waiver.rule in names
        ),
        controls=_controls(config, root, every),
        as_of=moment(said.as_of),
        fingerprint=Fingerprint.from_environment(os.environ, said.fingerprint_key),
        only=only,
        # few files are read before a cache is
        cached=only is None and not said.no_cache,
        history=said.history,
    )


def perform(job: Job, progress: Progress) -> Result:
    """Read the estate and judge it."""
    estate = read(job, progress)
    progress("judging")
    return scan(
        estate,
        job.rules,
        job.config,
        waivers=job.waivers,
        controls=job.controls,
        steering=_steering(job.config),
        as_of=job.as_of,
    )


def nothing_found(job: Job, dags: int) -> str | None:
    """Return what to tell who asked for DAGs and got none of them."""
    folders = [name for one in job.config.environments for name in one.dags]
    asked = [path.name for path in job.only or ()] or sorted(set(folders))
    if dags or not asked:
        return None
    more = ", ..." if len(asked) > _NAMED else ""
    return without_secrets(
        f"nothing found: no DAG in {', '.join(asked[:_NAMED])}{more}; Airflow and "
        "dagwarden look for them in .py and .zip files that hold the words airflow and dag"
    )


# How many folders a sentence names.
_NAMED = 3


def _steering(config: Config) -> tuple[SourceFile, ...]:
    """Return the files that decide how the estate is judged, by what they hold."""
    root = Path(config.root)
    named = [
        *((name, "configuration") for name in config.files),
        *((name, "waivers") for name in config.waivers),
        *((name, "controls") for name in (config.controls,) if name is not None),
        *(
            (relative(path, root), "rules")
            for folder in config.rules
            for path in sorted((root / folder).rglob("*.yaml"))
        ),
    ]
    return tuple(
        _hashed(root / name, name, kind)
        for name, kind in named
        if (root / name).is_file()
    )


def _hashed(path: Path, name: str, kind: str) -> SourceFile:
    from hashlib import sha256  # OpenSSL takes milliseconds to load

    data = read_regular(path, MAX_RESULT)
    return SourceFile(
        path=name, kind=kind, sha256=sha256(data).hexdigest(), size=len(data)
    )


def read(job: Job, progress: Progress) -> Estate:
    """Read the estate that `job` is about."""
    return read_estate(
        job.config,
        fingerprint=job.fingerprint,
        environ=os.environ,
        only=job.only,
        traced=job.traced,
        cached=job.cached,
        history=job.history,
        progress=progress,
    )


def compared(result: Result, said: Arguments, job: Job) -> Result:
    """Compare `result` with --baseline or --new-since, where either is given."""
    if said.baseline is None and said.new_since is None:
        return result
    from dagwarden.policy.compare import compare

    if said.baseline is not None:
        earlier = read_result(said.baseline).result
        return compare(result, earlier, said.baseline.name)
    from dagwarden.history import checked_out

    revision = said.new_since or ""
    with checked_out(revision, Path(job.config.root)) as root:
        then = perform(_earlier(job, root), no_progress)
    return compare(result, then, revision)


def _earlier(job: Job, folder: Path) -> Job:
    """Return `job` on an earlier state in `folder`; what is not there is today's."""
    root = Path(job.config.root).absolute()

    def there(name: str) -> str:
        return name if (folder / name).exists() else str(root / name)

    def source(spec: str) -> str:
        kind, _, file = spec.partition(":")
        return f"{kind}:{there(file)}" if file else f"{kind}:"

    environments = tuple(
        replace(
            environment,
            connections=tuple(map(source, environment.connections)),
            variables=tuple(map(source, environment.variables)),
        )
        for environment in job.config.environments
    )
    only = job.only and tuple(folder / path.relative_to(root) for path in job.only)
    config = replace(
        job.config,
        root=str(folder),
        environments=environments,
        snapshots=tuple(there(name) for name in job.config.snapshots),
    )
    # it lies in a folder of its own, once
    return replace(job, config=config, only=only, cached=False)


def report(
    result: Result, job: Job, command: Sequence[str], started: datetime
) -> Report:
    """Put `result` into the envelope of this run."""
    from dagwarden.envelope import envelope

    said, root = purged(tuple(command)), Path(job.config.root)
    run = envelope(said, job.rules, root, result.files, started)
    return Report(result=result, run=run)


def bare(result: Result) -> Report:
    """Return a report whose envelope says nothing: for terminal text, which is quick."""
    return Report(
        result=result,
        run=Run(
            tool_version="",
            rule_pack="",
            started="",
            ended="",
            command=(),
            python="",
            user="",
            host="",
        ),
    )


def read_result(path: Path) -> Report:
    """Read a JSON report; raises SourceError that says what to do."""
    from dagwarden.findings import read_report

    try:
        data = read_regular(path, MAX_RESULT)
    except OSError as error:
        raise SourceError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            remedy="give a file written by `dagwarden scan -o FILE.json`",
        ) from None
    return read_report(data, where=str(path))


def moment(text: str | None) -> datetime:
    """Return the time that `--as-of` names, or now, in UTC."""
    if text is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--as-of: {text!r} is no time",
            remedy="write 2026-11-22 or 2026-11-22T06:00:00Z",
        ) from None
    return given.replace(tzinfo=given.tzinfo or UTC).astimezone(UTC)


def settle(said: Arguments) -> tuple[Config, tuple[Path, ...] | None]:
    """
    Merge the command line into the configuration.

    Returns it with the files to restrict the scan to (a commit hook's), or None.
    Paths on the command line are relative to the working directory and must exist.
    """
    cwd = Path.cwd()
    given = [*said.paths, *said.snapshots, *said.own_rules]
    for path in given:
        if not path.exists():
            raise UsageError("does not exist", where=str(path), remedy="check the path")
    if said.airflow_python is not None:
        _check_python(said.airflow_python)
    config = load_config(said.operator, said.paths, cwd)
    root = Path(config.root)
    config = replace(
        config,
        snapshots=_paths(said.snapshots, root) or config.snapshots,
        rules=(*config.rules, *_paths(said.own_rules, root)),
        waivers=(*config.waivers, *_paths(said.waivers, root)),
        controls=relative(said.controls, root) if said.controls else config.controls,
        select=said.select or config.select,
        ignore=(*config.ignore, *said.ignore),
        exclude=(*config.exclude, *said.exclude),
        gate=said.gate or config.gate,
        strict=said.strict or config.strict,
        persona=said.persona or config.persona,
        include_sys_projects=said.include_sys_projects or config.include_sys_projects,
        builtin_roles=config.builtin_roles and not said.no_builtin_roles,
        kingfisher=said.kingfisher or config.kingfisher,
        partial=bool(
            (said.paths and config.environments)
            or any(not path.is_dir() for path in said.paths)
            or (said.select or said.ignore or config.select or config.ignore)
        ),
    )
    folders = tuple(path for path in said.paths if path.is_dir())
    files = tuple(path.absolute() for path in said.paths if not path.is_dir())
    environments = _environments(config, folders, files, said)
    only = files if files and not folders else None
    repositories = _repositories(config, (*folders, *files), environments, said)
    stated = {environment.name for environment in config.environments}
    config = replace(
        config,
        environments=environments,
        guessed=None if DEFAULT in stated else DEFAULT,
        repositories=repositories,
    )
    return config, only


def displaced(said: Arguments) -> str | None:
    """Return what to tell whose --snapshot takes the place of configured ones."""
    if not said.snapshots:
        return None
    config = load_config(said.operator, said.paths, Path.cwd())
    if not config.snapshots:
        return None
    count = len(config.snapshots)
    what = f"the {count} snapshots" if count > 1 else "the snapshot"
    return without_secrets(f"--snapshot takes the place of {what} of {config.files[0]}")


def _check_python(python: Path) -> None:
    if not python.is_file():
        raise UsageError(
            "is a folder" if python.is_dir() else "does not exist",
            where=f"--airflow-python {python}",
            remedy="name the Python of an Airflow 2.11 or 3 installation, such as "
            "venv/bin/python",
        )


def _paths(paths: Sequence[Path], root: Path) -> tuple[str, ...]:
    return tuple(relative(path, root) for path in paths)


def _environments(
    config: Config,
    folders: Sequence[Path],
    files: Sequence[Path],
    said: Arguments,
) -> tuple[Environment, ...]:
    """
    Return the environments to read.

    Folders named on the command line restrict the environments they lie in, or take
    in those that lie in them; what lies in none belongs to an environment called
    `default`, as does everything where none is configured.
    """
    root = Path(config.root)
    if not config.environments:
        # files alone are restricted by `only`: their folder's .airflowignore counts
        paths = _paths((*folders, *files), root) if folders else (".",)
        if not files and not folders and (config.snapshots or said.connections):
            paths = ()
        return (_with_arguments(Environment(name=DEFAULT, dags=paths), said),)
    asked = bool(folders or files)
    wanted = list(_paths((*folders, *files), root))
    around = _paths(folders, root)
    kept: list[Environment] = []
    for environment in config.environments:
        inside = tuple(path for path in wanted if _within(path, environment.dags))
        below = tuple(
            path
            for path in environment.dags
            if _within(path, around) and not _within(path, inside)
        )
        if files and inside:
            kept.append(environment)  # `only` restricts it to these files
        elif inside or below or not asked:
            dags = (*inside, *below) or environment.dags
            kept.append(replace(environment, dags=dags))
        wanted = [path for path in wanted if path not in inside]
    if wanted:
        kept.append(_default(config, tuple(wanted)))
    return tuple(_with_arguments(environment, said) for environment in kept)


def _repositories(
    config: Config,
    paths: Sequence[Path],
    environments: Sequence[Environment],
    said: Arguments,
) -> tuple[str, ...]:
    """
    Return the folders to look through for credentials, whatever kind of file has them.

    What the command line names, else the folder of the repository's own configuration.
    An operator's lies elsewhere: then it is the checkout that each DAG folder is in.
    """
    root = Path(config.root)
    if paths:
        return _paths(paths, root)
    folders = [root / folder for one in environments for folder in one.dags]
    if said.operator is None:
        return (".",) if folders else ()
    checkouts = [_checkout(folder, root) for folder in folders]
    return tuple(dict.fromkeys(_paths(checkouts, root)))


def _checkout(folder: Path, root: Path) -> Path:
    """Return the git work tree around `folder`, as far as `root`; else the folder."""
    here = Path(os.path.normpath(folder.absolute()))
    for place in (here, *here.parents):
        if (place / ".git").exists():
            return place
        if place == root.absolute():
            break
    return here


def _within(path: str, folders: Sequence[str]) -> bool:
    below = (os.path.relpath(path, folder) for folder in folders)
    return any(way.split(os.sep)[0] != os.pardir for way in below)


def _default(config: Config, paths: tuple[str, ...]) -> Environment:
    if any(environment.name == DEFAULT for environment in config.environments):
        raise UsageError(
            f"{paths[0]} lies in no environment",
            remedy=f"add its folder to an environment (the name {DEFAULT!r} is taken)",
        )
    return Environment(name=DEFAULT, dags=paths)


def _with_arguments(environment: Environment, said: Arguments) -> Environment:
    for spec in said.connections:
        check_source(spec, "--connections", "connections", CONNECTION_SOURCES)
    for spec in said.variables:
        check_source(spec, "--variables", "variables", VARIABLE_SOURCES)
    if said.runs_as is not None:
        check_runs_as(said.runs_as, "--runs-as")
    connections = tuple(map(_from_root, said.connections))
    variables = tuple(map(_from_root, said.variables))
    return replace(
        environment,
        connections=(*connections, *environment.connections),
        variables=(*variables, *environment.variables),
        runs_as=said.runs_as or environment.runs_as,
        airflow_python=(
            environment.airflow_python
            if said.airflow_python is None
            else str(said.airflow_python.absolute())
        ),
    )


def _from_root(spec: str) -> str:
    kind, _, file = spec.partition(":")
    return f"{kind}:{Path(file).absolute()}" if file else spec


def rules_in_force(own: Sequence[Path], operator: Path | None) -> tuple[Rule, ...]:
    """Return the shipped rules, those of `own`, and those that a configuration names."""
    config = load_config(operator, [], Path.cwd())
    folders = [Path(config.root) / name for name in config.rules]
    return load_rules([*folders, *own])


def chosen(rules: Sequence[Rule], config: Config) -> tuple[Rule, ...]:
    """Return the rules that `select` and `ignore` leave; both take ids and families."""
    names = {rule.id for rule in rules} | set(FAMILIES)
    for name in (*config.select, *config.ignore):
        if name not in names:
            raise UsageError(
                f"unknown rule or family {name!r}",
                remedy=unknown_name(name, names),
            )
    return tuple(
        rule
        for rule in rules
        if (not config.select or {rule.id, rule.family} & set(config.select))
        and not {rule.id, rule.family} & set(config.ignore)
    )


def _waivers(config: Config, root: Path, rules: Sequence[Rule]) -> tuple[Waiver, ...]:
    if not config.waivers:
        return ()
    from dagwarden.policy.waivers import read_waivers

    return tuple(
        waiver
        for name in config.waivers
        for waiver in purged(read_waivers(root / name, name, rules))
    )


def _controls(
    config: Config, root: Path, rules: Sequence[Rule]
) -> tuple[ControlReport, ...]:
    if config.controls is None:
        return ()
    from dagwarden.policy.controls import read_controls

    return purged(read_controls(root / config.controls, config.controls, rules))


def facts_schema() -> str:
    """Return the JSON Schema of every kind of fact: the contract of rule authors."""
    import msgspec

    from dagwarden.render.facts import schema

    return msgspec.json.format(msgspec.json.encode(schema())).decode() + "\n"


class Lines(Record, frozen=True, kw_only=True):
    """Facts or a graph as text, and what was to be read for them and could not be."""

    text: str
    gaps: tuple[Gap, ...]
    # that there is no DAG, where DAGs were asked for
    nothing: str | None = None


def facts_lines(said: Arguments, kind: str | None) -> Lines:
    """Return what rules see, as JSON lines with a `kind` each; of one kind or all."""
    from dagwarden.render.facts import as_rules_see

    kinds = _kinds(kind, tuple(KINDS))
    ready = prepare(said)
    facts = derived(ready)
    lines = (as_rules_see(k, fact) for k in kinds for fact in facts_of(facts, k))
    nothing = nothing_found(ready, len(facts.dags))
    return Lines(text=b"".join(lines).decode(), gaps=facts.gaps, nothing=nothing)


def traced_lines(said: Arguments, kind: str | None) -> Lines:
    """Return DAGs, tasks and calls as JSON lines, each field with where it was read."""
    from dagwarden.render.facts import TRACED, with_provenance

    if kind in KINDS and kind not in TRACED:
        raise UsageError(
            f"--format ndjson does not show facts of kind {kind}",
            remedy=f"leave --format out, or name one of {', '.join(sorted(TRACED))}",
        )
    kinds = _kinds(kind, TRACED)
    ready = replace(prepare(said), traced=True)
    facts = derived(ready)
    lines = (
        with_provenance(k, fact)
        for k in kinds
        for fact in facts_of(facts, k)
        if isinstance(fact, Traced)
    )
    nothing = nothing_found(ready, len(facts.dags))
    return Lines(text=b"".join(lines).decode(), gaps=facts.gaps, nothing=nothing)


def _kinds(kind: str | None, offered: tuple[str, ...]) -> tuple[str, ...]:
    if kind is None:
        return offered
    if kind not in offered:
        near, every = unknown_name(kind, offered), ", ".join(sorted(offered))
        remedy = (
            f"{near} known: {every}" if near.startswith("did") else f"known: {every}"
        )
        raise UsageError(f"unknown kind of fact {kind!r}", remedy=remedy)
    return (kind,)


def connection_facts(said: Arguments) -> Lines:
    """Return connections without secrets and fingerprints, for `facts:FILE`."""
    from dagwarden.sources.connections.facts_file import write_connection_facts

    facts = read(prepare(said), no_progress).facts
    text = write_connection_facts(facts.connections).decode()
    return Lines(text=text, gaps=facts.gaps)


def claims_of(said: Arguments) -> Mapping[str, object] | None:
    """Read the claims of the token that questions are about, where any are given."""
    if said.claims is None:
        return None
    from dagwarden.sources.claims import read_claims

    return read_claims(said.claims)


def _asked(said: Arguments, progress: Progress) -> "Asked":
    """Read the estate that questions are about; wrong claims are told before."""
    from dagwarden.graph.explain import Asked

    claims = claims_of(said)
    ready = prepare(said)
    read_facts = read(ready, progress).facts
    progress("asking")
    # no paths are made for a question
    return Asked.of(read_facts, ready.as_of, claims)


def ask(
    said: Arguments,
    principal: str,
    permission: str,
    resource: str,
    progress: Progress = no_progress,
) -> "Explanation":
    """Answer whether a principal may use a permission on a resource, and why."""
    from dagwarden.graph.explain import explain

    return explain(_asked(said, progress), principal, permission, resource)


def ask_who_can(
    said: Arguments, permission: str, resource: str, progress: Progress = no_progress
) -> "Holders":
    """Answer who holds a permission on a resource."""
    from dagwarden.graph.explain import who_can

    return who_can(_asked(said, progress), permission, resource)


def ask_what_can(
    said: Arguments, principal: str, progress: Progress = no_progress
) -> "Holdings":
    """Answer what a principal holds, and whom it can become."""
    from dagwarden.graph.explain import what_can

    return what_can(_asked(said, progress), principal)


def suggestion(
    said: Arguments,
    identity: str | None,
    dag: str | None,
    progress: Progress = no_progress,
) -> "tuple[Suggestion, tuple[Gap, ...]]":
    """Return the smallest set of grants for the scanned calls, and what was not read."""
    from dagwarden.graph.suggest import Scope, suggest

    ready = prepare(said)
    facts = read(ready, progress).facts
    if facts.snapshots and not facts.dags:
        raise UsageError(
            nothing_found(ready, 0)
            or "there is no DAG whose calls could be kept working",
            remedy="give a folder of DAGs with --dags or --config",
        )
    progress("suggesting")
    found = suggest(facts, ready.as_of, Scope(identity=identity, dag=dag))
    return found, facts.gaps


def graph_text(said: Arguments, form: str) -> Lines:
    """Return the graph of an estate as `graphml` or node-link `json`."""
    from dagwarden.graph.network import as_graphml, as_node_link, network

    ready = prepare(said)
    facts = derived(ready)
    found = network(facts)
    text = as_graphml(found) if form == "graphml" else as_node_link(found)
    return Lines(
        text=text, gaps=facts.gaps, nothing=nothing_found(ready, len(facts.dags))
    )


def derived(ready: Job) -> Facts:
    """Read and join the estate that `ready` is about."""
    return derive(read(ready, no_progress).facts, ready.as_of)


def as_json(record: Record) -> str:
    """Return one record as indented JSON with sorted keys."""
    from dagwarden.render import encode

    return encode(record).decode()
