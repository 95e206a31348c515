"""
Settings: what the operator decides, and what a repository may ask for.

The operator's file is given by `--config`. A scanned repository's own
`dagwarden.toml` or `[tool.dagwarden]` may tighten; it loosens only where
`trust_repository` is on: by default exactly when there is no operator's file.
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType, field
from msgspec.structs import fields, replace

from dagwarden.errors import ConfigError, plainly, shown
from dagwarden.facts import Record
from dagwarden.files import read_regular
from dagwarden.rule import SEVERITIES, Scalar, Severity

PersonaName = Literal["engineer", "auditor"]
CONNECTION_SOURCES = ("env", "export", "astro", "local", "facts")
VARIABLE_SOURCES = ("env", "export", "astro", "local")
NAMES = ("dagwarden.toml", "pyproject.toml")
# settings of Airflow that facts depend on
AIRFLOW_SETTINGS = (
    "core.default_task_execution_timeout",
    "operators.default_deferrable",
)
MAX_BYTES = 250_000
MAX_DOTS = 500
Params = dict[str, dict[str, Scalar | tuple[str, ...]]]


class Environment(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[environment]]` table; paths are relative to `Config.root`."""

    name: str
    dags: tuple[str, ...] = ()
    runs_as: str = "unknown"  # e-mail, "composer:RESOURCE", or "unknown"
    airflow: str | None = None
    # an interpreter with Airflow, which then loads the DAGs: scanned code runs
    airflow_python: str | None = None
    connections: tuple[str, ...] = ()  # "env:", "export:", "astro:", "local:", "facts:"
    connections_complete: bool = False
    # accounts that nothing but the tasks of this environment uses
    exclusive_accounts: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()  # "env:", "export:", "astro:", "local:"
    variables_complete: bool = False
    # "section.key" -> value
    airflow_settings: dict[str, str] = field(default_factory=dict[str, str])


class Config(Record, frozen=True, kw_only=True):
    """The settings of one scan, merged from operator, repository, command line."""

    estate: str = ""
    root: str = "."  # every path in a result is relative to it
    environments: tuple[Environment, ...] = ()
    # the one of them that nobody configured, and whose DAG folders nobody stated
    guessed: str | None = None
    snapshots: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()  # directories of own rules
    select: tuple[str, ...] = ()  # rule ids or families; empty: all
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # glob patterns of DAG files
    gate: Severity = "high"
    strict: bool = False
    persona: PersonaName = "engineer"
    params: Params = field(
        default_factory=dict[str, dict[str, Scalar | tuple[str, ...]]]
    )
    waivers: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()  # who may approve; empty: anyone but the owner
    controls: str | None = None
    trust_repository: bool = True
    include_sys_projects: bool = False
    builtin_roles: bool = True  # roles that were not read are the shipped ones
    kingfisher: bool = False  # the extra's patterns look for credentials, too
    # only a part of the estate, or of the rules, is asked for
    partial: bool = False
    # folders whose files may hold credentials, whatever kind of file it is
    repositories: tuple[str, ...] = ()
    # the configuration files read, relative to root
    files: tuple[str, ...] = ()
    # what the repository asked for and what became of it, in words
    repository_requests: tuple[str, ...] = ()


class _File(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A configuration file as written; UNSET: it does not say."""

    estate: str | UnsetType = UNSET
    environment: tuple[Environment, ...] | UnsetType = UNSET
    snapshots: tuple[str, ...] | UnsetType = UNSET
    rules: tuple[str, ...] | UnsetType = UNSET
    select: tuple[str, ...] | UnsetType = UNSET
    ignore: tuple[str, ...] | UnsetType = UNSET
    exclude: tuple[str, ...] | UnsetType = UNSET
    gate: Severity | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    persona: PersonaName | UnsetType = UNSET
    params: Params | UnsetType = UNSET
    waivers: tuple[str, ...] | UnsetType = UNSET
    approvers: tuple[str, ...] | UnsetType = UNSET
    controls: str | UnsetType = UNSET
    trust_repository: bool | UnsetType = UNSET
    include_sys_projects: bool | UnsetType = UNSET
    builtin_roles: bool | UnsetType = UNSET
    kingfisher: bool | UnsetType = UNSET


_CHOICES = {
    "gate": "use one of " + ", ".join(SEVERITIES),
    "persona": "use engineer or auditor",
}


def load_config(operator: Path | None, paths: Iterable[Path], cwd: Path) -> Config:
    """
    Read the operator's file and the repository's, and merge them.

    Without an operator's file the repository's is all there is, and is trusted.
    Raises ConfigError with file, key and a suggestion.
    """
    if operator is None:
        found = _repository_file([cwd, *paths])
        if found is None:
            return Config(root=str(_common_root(list(paths), cwd)))
        config = _from_file(_read(found), found, found.parent)
        said = f"{found.name}: decides all, no operator's configuration was given"
        return _without_programs(replace(config, repository_requests=(said,)))
    config = _from_file(_read(operator), operator, operator.absolute().parent)
    config = _with_programs(config)
    stated = _read(operator).trust_repository
    config = replace(config, trust_repository=stated is True)
    folders = [
        Path(config.root, folder) for env in config.environments for folder in env.dags
    ]
    found = _repository_file([*paths, *folders])
    if found is None or found.resolve() == operator.resolve():
        return config
    return _with_repository(config, _read(found), found)


def _with_programs(config: Config) -> Config:
    """Let the programs that an operator names be found wherever a scan runs."""
    environments = tuple(
        environment
        if environment.airflow_python is None
        else replace(
            environment,
            airflow_python=str(Path(config.root, environment.airflow_python)),
        )
        for environment in config.environments
    )
    return replace(config, environments=environments)


def _without_programs(config: Config) -> Config:
    """Leave out the programs that a repository asks to run: only an operator may."""
    requests = tuple(
        f"{config.files[0]}: airflow_python of environment {environment.name}: not"
        " applied, only --airflow-python or --config may name a program to run"
        for environment in config.environments
        if environment.airflow_python is not None
    )
    environments = tuple(
        replace(environment, airflow_python=None) for environment in config.environments
    )
    return replace(
        config,
        environments=environments,
        repository_requests=(*config.repository_requests, *requests),
    )


def unknown_name(name: str, known: Iterable[str]) -> str:
    """Return a remedy for a misspelt `name`: the closest of `known`, or all."""
    from difflib import get_close_matches  # only where something is wrong

    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return "known: " + ", ".join(names) if len(names) <= 30 else "see `--help`"


def relative(path: Path, root: Path) -> str:
    """Return `path` as a posix path relative to `root`, with `..` where needed."""
    return Path(os.path.relpath(path.absolute(), root.absolute())).as_posix()


def _common_root(paths: list[Path], cwd: Path) -> Path:
    """Return cwd when it holds every path, else the nearest folder that does."""
    absolute = [path.absolute() for path in paths]
    if all(path.is_relative_to(cwd) for path in absolute):
        return cwd
    folders = [path if path.is_dir() else path.parent for path in absolute]
    return Path(os.path.commonpath(folders))


def _repository_file(starts: Iterable[Path]) -> Path | None:
    """Return the nearest configuration file above any of `starts`."""
    for start in starts:
        here = start.absolute()
        for folder in [here, *here.parents]:
            if folder.is_dir():
                for name in NAMES:
                    if _says_something(folder / name):
                        return folder / name
                if (folder / ".git").exists():
                    break
    return None


def _says_something(path: Path) -> bool:
    if not path.is_file():
        return False
    return path.name != "pyproject.toml" or b"[tool.dagwarden" in _bytes(path)


def _bytes(path: Path) -> bytes:
    try:
        data = read_regular(path, MAX_BYTES)
    except OSError as error:
        raise ConfigError(
            f"cannot be read ({error.strerror})",
            where=str(path),
            remedy="check --config",
        ) from None
    if len(data) > MAX_BYTES:
        raise ConfigError(f"is larger than {MAX_BYTES // 1000} kB", where=str(path))
    if any(line.count(b".") > MAX_DOTS for line in data.splitlines()):
        # a dotted key of thousands of parts takes a gigabyte to nest
        raise ConfigError(f"has a line with more than {MAX_DOTS} dots", where=str(path))
    return data


def _read(path: Path) -> _File:
    import tomllib  # most commit hooks have no configuration to read

    try:
        table = tomllib.loads(_bytes(path).decode())
    except (ValueError, RecursionError) as error:  # a number may be too long, too
        # its words may quote: the line is enough
        line = re.search(r"\(at (line \d+, column \d+)\)", str(error))
        at = f" ({line[1]})" if line else ""
        raise ConfigError(f"is not valid TOML{at}", where=str(path)) from None
    if path.name == "pyproject.toml":
        try:
            table = table["tool"]["dagwarden"]
        except (KeyError, TypeError):
            table = {}
    try:
        file = msgspec.convert(table, _File)
    except msgspec.ValidationError as error:
        raise _wrong(path, str(error)) from None
    _check(path, file)
    return file


def _wrong(path: Path, message: str) -> ConfigError:
    """Turn msgspec's words into ours, with a suggestion for unknown keys."""
    unknown = re.match(
        r"Object contains unknown field `(.*?)`(?: - at `\$(.*)`)?", message
    )
    if unknown is None:
        what, _, place = plainly(message).partition(" - at `$.")
        key = place.rstrip("`") or "file"
        remedy = _CHOICES.get(key) or _rewritten(key.rpartition(".")[2], what)
        return ConfigError(f"{key}: {what}", where=str(path), remedy=remedy)
    key, place = unknown.group(1), (unknown.group(2) or "").lstrip(".")
    record = Environment if place.startswith("environment") else _File
    return ConfigError(
        f"unknown key {shown(key)}" + (f" in {place}" if place else ""),
        where=str(path),
        remedy=unknown_name(key, (item.name for item in fields(record))),
    )


def _rewritten(key: str, what: str) -> str:
    """Return how to write the value of `key`, by msgspec's words for what is wrong."""
    found = re.match(r"Expected `(\w+)[^`]*`, got `(\w+)`", what)
    match found and found.groups():
        case ("array", "object"):
            return f"write [[{key}]]"
        case ("array", "str"):
            return f'write a list: {key} = ["..."]'
        case ("str", "int" | "float"):
            return "write it in quotes"
        case ("bool", "str"):
            return "write true or false, without quotes"
        case _:
            return ""


def _check(path: Path, file: _File) -> None:
    """Refuse what the types cannot: repeated names, unknown source kinds."""
    names: set[str] = set()
    for env in file.environment or ():
        if env.name in names:
            raise ConfigError(
                f"environment {env.name!r} is declared twice",
                where=str(path),
                remedy="give each environment a name of its own",
            )
        names.add(env.name)
        check_runs_as(env.runs_as, f"{path}: environment {env.name}")
        for account in env.exclusive_accounts:
            if not re.fullmatch(r"[^@\s:]+@[^@\s]+\.[^@\s]+", account):
                raise ConfigError(
                    f"environment {env.name}: exclusive_accounts: {shown(account)} "
                    "names no account",
                    where=str(path),
                    remedy="write service accounts' e-mails",
                )
        if env.airflow is not None and not re.fullmatch(
            r"[23]\.\d+(\.\d+)?", env.airflow
        ):
            raise ConfigError(
                f"environment {env.name}: airflow = {shown(env.airflow)} is no version",
                where=str(path),
                remedy='write for example "2.11" or "3.1"',
            )
        for spec in env.connections:
            check_source(spec, str(path), "connections", CONNECTION_SOURCES)
        for spec in env.variables:
            check_source(spec, str(path), "variables", VARIABLE_SOURCES)
        for key in env.airflow_settings:
            if key not in AIRFLOW_SETTINGS:
                raise ConfigError(
                    f"environment {env.name}: airflow_settings: no rule asks for "
                    f"{shown(key)}",
                    where=str(path),
                    remedy=unknown_name(key, AIRFLOW_SETTINGS),
                )


def check_runs_as(account: str, where: str) -> None:
    """Raise ConfigError unless `account` is an e-mail, `composer:...` or `unknown`."""
    composer = r"composer:(//composer\.googleapis\.com/)?projects/[^/]+/locations/[^/]+"
    shapes = rf"unknown|[^@\s:]+@[^@\s]+\.[^@\s]+|{composer}/environments/[^/]+"
    if not re.fullmatch(shapes, account):
        raise ConfigError(
            f"runs_as = {shown(account)} names no account",
            where=where,
            remedy="write a service account's e-mail, "
            '"composer:projects/P/locations/L/environments/E" or "unknown"',
        )


def check_source(spec: str, where: str, what: str, kinds: Sequence[str]) -> None:
    """Raise ConfigError unless `spec` is `KIND:FILE` with a kind of `what`."""
    kind, colon, file = spec.partition(":")
    # a connection itself instead of a file would end up in messages and reports
    known = colon and kind in kinds and "://" not in file
    if known and (file or kind == "env"):
        return
    word = kind if colon and re.fullmatch(r"[a-z]{1,9}", kind) else ""
    near = unknown_name(word, kinds) if word else ""
    fault = f"`{word}:` names no file" if known else "is no kind of source"
    raise ConfigError(
        f"{what}: {shown(word or spec)} {fault}" if not known else f"{what}: {fault}",
        where=where,
        remedy="write KIND:FILE with KIND one of "
        + ", ".join(kinds)
        + (f"; {near}" if near.startswith("did") else ""),
    )


def _from_file(file: _File, path: Path, root: Path) -> Config:
    """Return the settings of one file; what it does not say has its default."""
    said = {
        item.name: value
        for item in fields(_File)
        if (value := getattr(file, item.name)) is not UNSET
    }
    environments = said.pop("environment", ())
    return Config(root=str(root), environments=environments, files=(path.name,), **said)


def _with_repository(config: Config, file: _File, path: Path) -> Config:
    """Add what the repository may say; list what it asked for."""
    where = relative(path, Path(config.root))
    requests: list[str] = []
    if file.gate is not UNSET and file.gate != config.gate:
        stricter = SEVERITIES.index(file.gate) < SEVERITIES.index(config.gate)
        requests.append(
            f"{where}: gate = {file.gate}: "
            + ("applied, it is stricter" if stricter else "not applied, it is looser")
        )
        config = replace(config, gate=file.gate) if stricter else config
    if file.strict is True and not config.strict:
        config = replace(config, strict=True)
        requests.append(f"{where}: strict = true: applied, it is stricter")
    for name in ("ignore", "exclude", "waivers", "rules"):
        asked: tuple[str, ...] | UnsetType = getattr(file, name)
        if not asked:
            continue
        if config.trust_repository:
            values = asked
            if name in ("waivers", "rules"):
                base = Path(where).parent
                values = tuple((base / value).as_posix() for value in asked)
            config = replace(config, **{name: (*getattr(config, name), *values)})
        verdict = "applied" if config.trust_repository else "not applied"
        requests.append(
            f"{where}: {name} = {', '.join(asked)}: {verdict} "
            f"(trust_repository is {'on' if config.trust_repository else 'off'})"
        )
    handled = {"gate", "strict", "ignore", "exclude", "waivers", "rules"}
    requests.extend(
        f"{where}: {item.name}: not applied, the operator's configuration decides it"
        for item in fields(_File)
        if item.name not in handled and getattr(file, item.name) is not UNSET
    )
    return replace(
        config,
        files=(*config.files, where),
        repository_requests=tuple(sorted(requests)),
    )
