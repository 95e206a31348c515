"""
Settings: what the operator decides, and what a repository may ask for.

The operator's file is given by `--config`. A scanned repository's own
`dagwarden.toml` or `[tool.dagwarden]` may tighten; it loosens only where
`trust_repository` is on (by default: when there is no operator's file).
"""

from msgspec import field

from dagwarden.facts import Record
from dagwarden.rule import Scalar, Severity


class Environment(Record, frozen=True, kw_only=True):
    """One `[[environment]]` table."""

    name: str
    dags: tuple[str, ...] = ()  # folders, relative to the configuration file
    runs_as: str = "unknown"  # e-mail, "composer:RESOURCE", or "unknown"
    airflow: str | None = None
    connections: tuple[str, ...] = ()  # "env:", "export:", "astro:", "local:", "facts:"
    connections_complete: bool = False
    # "section.key" -> value
    airflow_settings: dict[str, str] = field(default_factory=dict[str, str])


class Config(Record, frozen=True, kw_only=True):
    """The settings of one scan, merged from command line, operator and repository."""

    estate: str = ""
    root: str = "."  # every path in a result is relative to it
    environments: tuple[Environment, ...] = ()
    snapshots: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()  # directories of own rules
    select: tuple[str, ...] = ()  # rule ids or families; empty: all
    ignore: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()  # glob patterns of DAG files
    gate: Severity = "high"
    strict: bool = False
    persona: str = "engineer"
    params: dict[str, dict[str, Scalar | tuple[str, ...]]] = field(
        default_factory=dict[str, dict[str, Scalar | tuple[str, ...]]]
    )
    waivers: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()  # who may approve; empty: anyone but the owner
    controls: str | None = None
    trust_repository: bool = True
    include_sys_projects: bool = False
    # what the repository asked for and what became of it, in words
    repository_requests: tuple[str, ...] = ()
