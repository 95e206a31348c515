"""Generate dagwarden's operator catalogue from released Airflow packages.

    python scripts/operator_catalogue.py            # downloads with pip
    python scripts/operator_catalogue.py --from DIR # uses the wheels in DIR

Sources are parsed, never imported. Facts come from generations of releases, the
newest first: an operator is described by the newest generation that has it, and
older generations add the operators, spellings and import paths since removed.
The output depends on the archives alone.
"""

import argparse
import ast
import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, cast

OUTPUT = (
    Path(__file__).parent.parent
    / "scanner/dagwarden/sources/dags/airflow/operators.ndjson"
)


class Release(NamedTuple):
    package: str
    version: str

    @property
    def file_prefix(self) -> str:
        return f"{self.package.replace('-', '_')}-{self.version}-"


PROVIDERS = "apache-airflow-providers-"
SHARED = (
    Release(PROVIDERS + "common-sql", "2.4.0"),
    Release(PROVIDERS + "common-io", "1.11.0"),
    Release(PROVIDERS + "ssh", "7.0.1"),
    Release(PROVIDERS + "sftp", "7.0.0"),
    Release(PROVIDERS + "smtp", "3.2.0"),
    Release(PROVIDERS + "apache-beam", "6.3.1"),
    Release(PROVIDERS + "common-compat", "1.23.0"),
)
AIRFLOW_2 = Release("apache-airflow", "2.11.2")
GENERATIONS: tuple[tuple[Release, ...], ...] = (
    (
        Release(PROVIDERS + "google", "22.8.0"),
        Release(PROVIDERS + "http", "6.3.0"),
        Release(PROVIDERS + "amazon", "9.39.0"),
        Release(PROVIDERS + "cncf-kubernetes", "10.25.0"),
        Release(PROVIDERS + "standard", "1.21.0"),
        *SHARED,
        Release("apache-airflow-task-sdk", "1.3.2"),
        Release("apache-airflow-core", "3.3.2"),
    ),
    (AIRFLOW_2, Release(PROVIDERS + "google", "14.1.0"), *SHARED),
    (
        Release(PROVIDERS + "google", "10.26.0"),
        Release(PROVIDERS + "http", "4.13.3"),
        Release(PROVIDERS + "amazon", "8.29.0"),
        Release(PROVIDERS + "cncf-kubernetes", "8.4.2"),
        *SHARED,
        AIRFLOW_2,
    ),
    (Release(PROVIDERS + "google", "5.1.0"), *SHARED, AIRFLOW_2),
)

ROOTS = frozenset(
    {
        "airflow.sdk.bases.operator.BaseOperator",
        "airflow.models.baseoperator.BaseOperator",
    }
)
# Where operators live; modules elsewhere are read only when these lead to them.
OPERATOR_ROOMS = frozenset(
    {"operators", "sensors", "transfers", "bases", "baseoperator"}
)

# Kept for every operator that has them, beside connections and impersonation.
KEPT = frozenset(
    {
        "deferrable",
        "delegate_to",
        "endpoint",
        "execution_timeout",
        "headers",
        "job_name",
        "location",
        "method",
        "mode",
        "overrides",
        "owner",
        "poke_interval",
        "pool",
        "project_id",
        "queue",
        "region",
        "region_name",
        "retries",
        "service_name",
        "timeout",
        "timeout_seconds",
        "use_regional_endpoint",
        "verbose",
        "zone",
    }
)
# Modules all of whose parameters matter: they call Cloud Run, or may.
WHOLE = (
    "airflow.providers.google.cloud.operators.cloud_run.",
    "airflow.providers.google.cloud.operators.functions.",
    "airflow.providers.http.operators.",
    "airflow.providers.http.sensors.",
    "airflow.sdk.",
)

# What the Cloud Run operators call. Source: operators/cloud_run.py and
# hooks/cloud_run.py of the Google provider 22.8.0 for the client methods
# (run_job, get_operation while it waits, get_job once it succeeded, ...); the
# permission of each method from Cloud Run's IAM reference. `permissions_if`
# holds when the parameter is given and not None, `permissions_unless` otherwise.
# `act_as` is iam.serviceAccounts.actAs on the identity the new revision runs as.
# Not listed, because a refusal does not fail the task: log reading with
# `verbose`, and run.services.get after "already exists".
Record = dict[str, object]


def _call(kind: str, *permissions: str, **more: object) -> Record:
    return {
        "kind": kind,
        "name_parameter": f"{kind}_name",
        "project_parameter": "project_id",
        "region_parameter": "region",
        "permissions": sorted(permissions),
        **more,
    }


CLOUD_RUN = "airflow.providers.google.cloud.operators.cloud_run."
WAIT = "run.operations.get"
CALLS: dict[str, Record] = {
    CLOUD_RUN + "CloudRunExecuteJobOperator": _call(
        "job",
        "run.jobs.get",
        WAIT,
        action="execute",
        permissions_if={"overrides": ["run.jobs.runWithOverrides"]},
        permissions_unless={"overrides": ["run.jobs.run"]},
    ),
    CLOUD_RUN + "CloudRunCreateJobOperator": _call(
        "job", "run.jobs.create", WAIT, action="create", act_as=True
    ),
    CLOUD_RUN + "CloudRunUpdateJobOperator": _call(
        "job", "run.jobs.update", WAIT, action="update", act_as=True
    ),
    CLOUD_RUN + "CloudRunDeleteJobOperator": _call(
        "job", "run.jobs.delete", WAIT, action="delete"
    ),
    CLOUD_RUN + "CloudRunListJobsOperator": {
        **_call("job", "run.jobs.list", action="list"),
        "name_parameter": None,
    },
    CLOUD_RUN + "CloudRunCreateServiceOperator": _call(
        "service", "run.services.create", WAIT, action="create", act_as=True
    ),
    CLOUD_RUN + "CloudRunDeleteServiceOperator": _call(
        "service", "run.services.delete", WAIT, action="delete"
    ),
}

# Old paths that stand in no table of the packages, each with where it was read.
HAND_ALIASES: dict[str, str] = {
    # airflow/models/dag.py of 3.3.2: module __getattr__
    "airflow.models.dag.DAG": "airflow.sdk.DAG",
    "airflow.models.dag.dag": "airflow.sdk.dag",
    # 2.11.2 defines them here, airflow.sdk replaces them (3.0 upgrade notes)
    "airflow.models.connection.Connection": "airflow.sdk.Connection",
    "airflow.models.variable.Variable": "airflow.sdk.Variable",
    "airflow.models.xcom_arg.XComArg": "airflow.sdk.XComArg",
    "airflow.models.mappedoperator.MappedOperator": (
        "airflow.sdk.definitions.mappedoperator.MappedOperator"
    ),
    "airflow.datasets.Dataset": "airflow.sdk.Asset",
    "airflow.utils.edgemodifier.Label": "airflow.sdk.Label",
    "airflow.decorators.task_group.task_group": "airflow.sdk.task_group",
    "airflow.utils.dag_parsing_context.get_parsing_context": (
        "airflow.sdk.get_parsing_context"
    ),
    # airflow/utils/helpers.py and airflow/operators/python.py of 2.11.2
    "airflow.utils.helpers.chain": "airflow.sdk.chain",
    "airflow.utils.helpers.cross_downstream": "airflow.sdk.cross_downstream",
    "airflow.operators.python.task": "airflow.sdk.task",
    # providers-http 4.13.3: a subclass that only warns; removed in 5.0
    "airflow.providers.http.operators.http.SimpleHttpOperator": (
        "airflow.providers.http.operators.http.HttpOperator"
    ),
}

# Spellings of the Google connection, the best known first.
GOOGLE_IDENTITY = (
    "gcp_conn_id",
    "google_cloud_conn_id",
    "google_cloud_storage_conn_id",
    "google_conn_id",
    "bigquery_conn_id",
    "datastore_conn_id",
)
# Names of the tables in which Airflow keeps lazy and deprecated import paths.
# The first names the object an old path leads to, the others its module.
OBJECT_TABLES = frozenset({"__deprecated_classes"})
ALIAS_TABLES = OBJECT_TABLES | {"__lazy_imports", "__deprecated_imports", "_IMPORT_MAP"}
# Old paths of what no DAG is read for.
IGNORED_ALIASES = (
    "airflow.config_templates.",
    "airflow.contrib.secrets.",
    "airflow.contrib.task_runner.",
    "airflow.contrib.utils.",
    "airflow.executors.",
    "airflow.io.",
    "airflow.kubernetes.",
    "airflow.lineage.",
    "airflow.macros.",
    "airflow.notifications.",
    "airflow.secrets.",
    "airflow.serialization.",
    "airflow.triggers.",
    "airflow.utils.log.",
    "airflow.www.",
)


class Unfolded(Exception):
    """An expression whose value the source alone does not tell."""


@dataclass(frozen=True)
class Archive:
    release: Release
    path: Path

    @cached_property
    def sources(self) -> dict[str, tuple[bool, bytes]]:
        """Module name to (is a package, source text)."""
        with zipfile.ZipFile(self.path) as wheel:
            return {
                module_name(name): (name.endswith("/__init__.py"), wheel.read(name))
                for name in sorted(wheel.namelist())
                if name.endswith(".py") and name.startswith("airflow/")
            }

    def provenance(self) -> dict[str, str]:
        return {
            "package": self.release.package,
            "version": self.release.version,
            "file": self.path.name,
            "sha256": hashlib.sha256(self.path.read_bytes()).hexdigest(),
        }


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_operator_module(name: str) -> bool:
    parts = name.split(".")
    private = any(part.startswith("_") for part in parts)
    closed = private or {"decorators", "example_dags"}.intersection(parts)
    return not closed and bool(OPERATOR_ROOMS.intersection(parts))


class Import(NamedTuple):
    module: str
    name: str | None  # None: the module itself


Binding = Import | ast.stmt | ast.expr


@dataclass(frozen=True)
class Module:
    name: str
    is_package: bool
    tree: ast.Module

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """Every top-level binding of a name, those for type checkers last."""
        found: dict[str, list[Binding]] = {}
        late: list[tuple[str, Binding]] = []
        for name, binding, typing_only in self._bind(self.tree.body, False):
            if typing_only:
                late.append((name, binding))
            else:
                found.setdefault(name, []).append(binding)
        for name, binding in late:
            found.setdefault(name, []).append(binding)
        return found

    @cached_property
    def stars(self) -> list[str]:
        return [
            self.absolute(node)
            for node in self.tree.body
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]

    @cached_property
    def exported(self) -> frozenset[str]:
        """Names in a literal ``__all__``."""
        for binding in self.bindings.get("__all__", []):
            if isinstance(binding, ast.List | ast.Tuple):
                return frozenset(
                    item.value
                    for item in binding.elts
                    if isinstance(item, ast.Constant) and isinstance(item.value, str)
                )
        return frozenset()

    @property
    def only_imports(self) -> bool:
        return not any(
            isinstance(node, ast.ClassDef | ast.FunctionDef) for node in self.tree.body
        )

    def absolute(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".")
        keep = len(package) - node.level + (1 if self.is_package else 0)
        return ".".join([*package[:keep], *([node.module] if node.module else [])])

    def _bind(
        self, body: Sequence[ast.stmt], typing_only: bool
    ) -> Iterator[tuple[str, Binding, bool]]:
        for node in body:
            match node:
                case ast.ClassDef() | ast.FunctionDef():
                    yield node.name, node, typing_only
                case ast.Import():
                    for alias in node.names:
                        top = alias.name if alias.asname else alias.name.split(".")[0]
                        yield alias.asname or top, Import(top, None), typing_only
                case ast.ImportFrom():
                    origin = self.absolute(node)
                    for alias in node.names:
                        name = alias.asname or alias.name
                        yield name, Import(origin, alias.name), typing_only
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    yield name, value, typing_only
                case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                    yield name, value, typing_only
                case ast.If():
                    guard = "TYPE_CHECKING" in ast.unparse(node.test)
                    yield from self._bind(node.body, typing_only or guard)
                    yield from self._bind(node.orelse, typing_only)
                case ast.Try():
                    yield from self._bind(node.body, typing_only)
                    for handler in node.handlers:
                        yield from self._bind(handler.body, typing_only)
                    yield from self._bind(node.orelse, typing_only)
                case _:
                    pass


@dataclass(frozen=True, eq=False)
class Definition:
    """A top-level name and what it is bound to, in its own module."""

    module: Module
    name: str
    node: ast.stmt | ast.expr

    @property
    def class_node(self) -> ast.ClassDef:
        if not isinstance(self.node, ast.ClassDef):
            raise TypeError(f"{self.qualified} is no class")
        return self.node

    @property
    def qualified(self) -> str:
        return f"{self.module.name}.{self.name}"


@dataclass(frozen=True)
class Parameter:
    """One constructor parameter as the catalogue records it."""

    required: bool = False
    setting: str | None = None
    unknown: bool = False
    fixed: bool = False
    default: object = None

    def record(self) -> dict[str, object]:
        if self.required:
            return {"required": True}
        if self.setting is not None:
            return {"setting": self.setting}
        if self.unknown:
            return {"unknown": True}
        told = {} if self.default is None else {"default": self.default}
        return {**told, "fixed": True} if self.fixed else told


@dataclass
class World:
    """The modules of one generation, as an installation would see them."""

    archives: tuple[Archive, ...]
    _modules: dict[str, Module | None] = field(default_factory=dict[str, Module | None])
    _definitions: dict[str, Definition | None] = field(
        default_factory=dict[str, Definition | None]
    )
    _mros: dict[str, list[Definition]] = field(
        default_factory=dict[str, list[Definition]]
    )

    # -- names ---------------------------------------------------------------

    @cached_property
    def sources(self) -> dict[str, tuple[Archive, bool, bytes]]:
        found: dict[str, tuple[Archive, bool, bytes]] = {}
        for archive in self.archives:
            for name, (is_package, text) in archive.sources.items():
                found.setdefault(name, (archive, is_package, text))
        return found

    def module(self, name: str) -> Module | None:
        if name not in self._modules:
            entry = self.sources.get(name)
            self._modules[name] = (
                Module(name, entry[1], ast.parse(entry[2])) if entry else None
            )
        return self._modules[name]

    def parsed(self, name: str) -> Module:
        module = self.module(name)
        if module is None:
            raise KeyError(name)
        return module

    def find(self, qualified: str) -> Definition | None:
        """The definition behind a dotted name, through imports and tables."""
        if qualified not in self._definitions:
            self._definitions[qualified] = None  # guards against import cycles
            self._definitions[qualified] = self._find(qualified)
        return self._definitions[qualified]

    def _find(self, qualified: str) -> Definition | None:
        origin, _, name = qualified.rpartition(".")
        module = self.module(origin) if origin else None
        if module is not None:
            for binding in module.bindings.get(name, []):
                if not isinstance(binding, Import):
                    return Definition(module, name, binding)
                target = f"{binding.module}.{binding.name}"
                if binding.name and (found := self.find(target)):
                    return found
            for star in module.stars:
                if found := self.find(f"{star}.{name}"):
                    return found
        if qualified in self.aliases:
            return self.find(self.aliases[qualified])
        return None

    def resolve(self, module: Module, expr: ast.expr) -> Definition | None:
        """What a name or dotted name in ``module`` stands for."""
        match expr:
            case ast.Subscript(value=value):
                return self.resolve(module, value)
            case ast.Name(id=name):
                return self.find(f"{module.name}.{name}")
            case ast.Attribute(value=ast.Name(id=name), attr=attr):
                for binding in module.bindings.get(name, []):
                    if isinstance(binding, Import):
                        origin = ".".join(part for part in binding if part)
                        if found := self.find(f"{origin}.{attr}"):
                            return found
            case _:
                pass
        return None

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Every entry of the packages' own tables of lazy and old imports."""
        found: dict[str, str] = {}
        for name, (_, _, text) in self.sources.items():
            if not any(table.encode() in text for table in ALIAS_TABLES):
                continue
            module = self.parsed(name)
            for table in sorted(ALIAS_TABLES & module.bindings.keys()):
                for binding in module.bindings[table]:
                    if isinstance(binding, ast.Dict):
                        objects = table in OBJECT_TABLES
                        for alias, target in table_entries(module, binding, objects):
                            found.setdefault(alias, target)
        return found

    # -- classes -------------------------------------------------------------

    def mro(self, cls: Definition) -> list[Definition]:
        if cls.qualified not in self._mros:
            self._mros[cls.qualified] = [cls]
            bases = self._bases(cls)
            tails = [list(self.mro(base)) for base in bases] + [list(bases)]
            self._mros[cls.qualified] = [cls, *linearize(tails)]
        return self._mros[cls.qualified]

    def _bases(self, cls: Definition) -> list[Definition]:
        found = (self._class(cls.module, base) for base in cls.class_node.bases)
        return [base for base in found if base is not None]

    def _class(self, module: Module, expr: ast.expr) -> Definition | None:
        found = self.resolve(module, expr)
        while found is not None and not isinstance(found.node, ast.ClassDef):
            if not isinstance(found.node, ast.Name | ast.Attribute):
                return None
            found = self.resolve(found.module, found.node)  # Name = OtherClass
        return found

    def lost_bases(self, cls: Definition) -> list[str]:
        """Bases from Airflow's own packages that could not be followed."""
        lost: list[str] = []
        for each in self.mro(cls):
            for base in each.class_node.bases:
                if self._class(each.module, base) is None:
                    name = ast.unparse(base).split("[")[0].split(".")[0]
                    bound = each.module.bindings.get(name, [])
                    if any(
                        not isinstance(b, Import) or b.module.startswith("airflow")
                        for b in bound
                    ):
                        lost.append(f"{each.qualified}({ast.unparse(base)})")
        return lost

    def is_operator(self, cls: Definition) -> bool:
        return isinstance(cls.node, ast.ClassDef) and any(
            base.qualified in ROOTS for base in self.mro(cls)
        )

    def operators(self) -> Iterator[Definition]:
        for name in sorted(self.sources):
            if not is_operator_module(name):
                continue
            module = self.parsed(name)
            for node in module.tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    cls = Definition(module, node.name, node)
                    if self.is_operator(cls):
                        yield cls

    def attribute(self, cls: Definition, name: str) -> tuple[Definition, ast.expr]:
        """A class attribute and the class of the MRO that sets it."""
        for owner in self.mro(cls):
            for node in reversed(owner.class_node.body):
                match node:
                    case ast.Assign(targets=[ast.Name(id=target)], value=value):
                        pass
                    case ast.AnnAssign(
                        target=ast.Name(id=target), value=ast.expr() as value
                    ):
                        pass
                    case _:
                        continue
                if target == name:
                    return owner, value
        raise Unfolded

    # -- values --------------------------------------------------------------

    def fold(self, module: Module, expr: ast.expr) -> object:
        """The literal an expression stands for, constants followed."""
        match expr:
            case ast.Constant(value=str() | int() | float() | bool() | None as value):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -number(self.fold(module, operand))
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                a, b = self.fold(module, left), self.fold(module, right)
                return number(a) * number(b)
            case ast.Tuple(elts=items) | ast.List(elts=items):
                return [self.fold(module, item) for item in items]
            case ast.Dict(keys=keys, values=values) if all(keys):
                return {
                    str(self.fold(module, key)): self.fold(module, value)
                    for key, value in zip(keys, values, strict=True)
                    if key is not None
                }
            case ast.Call(func=ast.Name(id="cast"), args=[_, value]):
                return self.fold(module, value)  # typing.cast
            case ast.Attribute(value=owner, attr=attr):
                cls = self._class(module, owner)
                if cls is not None:
                    found, value = self.attribute(cls, attr)
                    return self.fold(found.module, value)
            case ast.Name():
                pass
            case _:
                raise Unfolded
        constant = self.resolve(module, expr)
        if constant is None or not isinstance(constant.node, ast.expr):
            raise Unfolded
        return self.fold(constant.module, constant.node)

    def parameter(self, module: Module, default: ast.expr | None) -> Parameter:
        if default is None:
            return Parameter(required=True)
        if setting := self.setting(module, default):
            return Parameter(setting=setting)
        try:
            return Parameter(default=self.fold(module, default))
        except Unfolded:
            return Parameter(unknown=True)

    def setting(self, module: Module, expr: ast.expr) -> str | None:
        """``section.key`` where a value is read from Airflow's configuration."""
        match expr:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="conf" | "airflow_conf")),
                args=[
                    ast.Constant(value=str() as section),
                    ast.Constant(value=str() as key),
                    *_,
                ],
            ):
                return f"{section}.{key}"
            case ast.Call(
                func=ast.Name(id="timedelta") | ast.Attribute(attr="timedelta"),
                args=[],
                keywords=[ast.keyword(value=inner)],
            ):
                return self.setting(module, inner)
            case ast.Name():
                found = self.resolve(module, expr)
                if found is not None and isinstance(found.node, ast.Call):
                    return self.setting(found.module, found.node)
            case _:
                pass
        return None

    def late_settings(self, owner: Definition, init: ast.FunctionDef) -> dict[str, str]:
        """Parameters set from the configuration ``if parameter is None``."""
        found: dict[str, str] = {}
        for node in init.body:
            match node:
                case ast.If(
                    test=ast.Compare(
                        left=ast.Name(id=name),
                        ops=[ast.Is()],
                        comparators=[ast.Constant(value=None)],
                    ),
                    body=[ast.Assign(targets=[ast.Name(id=target)], value=value)],
                ) if name == target:
                    if setting := self.setting(owner.module, value):
                        found[name] = setting
                case _:
                    pass
        return found

    def parameters(self, cls: Definition) -> dict[str, Parameter]:
        """Constructor parameters through the MRO, BaseOperator's own left out.

        A constructor hands on what it takes as ``**kwargs``; a parameter that it
        sets itself when it calls the next one is no longer its user's to give: it
        is fixed where the value is a constant, and left out where it is computed.
        """
        found: dict[str, Parameter] = {}
        bound: dict[str, ast.expr] = {}
        for owner in self.mro(cls):
            if owner.qualified in ROOTS and owner is not self.mro(cls)[0]:
                break
            init = constructor(owner)
            if init is None:
                continue
            late = self.late_settings(owner, init)
            for name, default in signature(init):
                if name in found:
                    continue
                if name in bound:
                    if isinstance(constant := bound[name], ast.Constant):
                        found[name] = Parameter(default=constant.value, fixed=True)
                    continue
                value = self.parameter(owner.module, default)
                if name in late and value == Parameter():
                    value = Parameter(setting=late[name])
                found[name] = value
            if init.args.kwarg is None or owner.qualified in ROOTS:
                break
            bound = {**handed_on(init), **bound}
        return found

    def template_fields(self, cls: Definition) -> list[str] | None:
        """Names in ``template_fields``, sorted; None where it is computed."""
        try:
            owner, value = self.attribute(cls, "template_fields")
            return sorted(self._fields(owner.module, value))
        except Unfolded:
            return None

    def _fields(self, module: Module, expr: ast.expr) -> set[str]:
        match expr:
            case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
                return set[str]().union(*(self._field(module, item) for item in items))
            case ast.BinOp(left=left, op=ast.Add() | ast.BitOr(), right=right):
                return self._fields(module, left) | self._fields(module, right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return self._fields(module, left) - self._fields(module, right)
            case ast.Call(
                func=ast.Name(id="tuple" | "list" | "set" | "frozenset" | "sorted"),
                args=args,
            ):
                return set[str]().union(*(self._fields(module, arg) for arg in args))
            case ast.Call(func=ast.Name(id="aws_template_fields"), args=args):
                # amazon/aws/utils/mixins.py adds the parameters of AwsBaseOperator
                base = {"aws_conn_id", "region_name", "verify"}
                return base.union(*(self._field(module, arg) for arg in args))
            case ast.Call(func=ast.Attribute(value=left, attr="union"), args=args):
                rest = (self._fields(module, arg) for arg in args)
                return self._fields(module, left).union(*rest)
            case ast.Attribute(value=base, attr=attr):
                cls = self._class(module, base)
                if cls is not None:
                    owner, value = self.attribute(cls, attr)
                    return self._fields(owner.module, value)
            case ast.Name():
                constant = self.resolve(module, expr)
                if constant is not None and isinstance(constant.node, ast.expr):
                    return self._fields(constant.module, constant.node)
            case _:
                pass
        raise Unfolded

    def _field(self, module: Module, expr: ast.expr) -> set[str]:
        if isinstance(expr, ast.Starred):
            return self._fields(module, expr.value)
        value = self.fold(module, expr)
        if not isinstance(value, str):
            raise Unfolded
        return {value}

    # -- task decorators -----------------------------------------------------

    def decorators(self) -> dict[str, str]:
        """``@task.NAME`` to the public operator class it makes tasks of."""
        found: dict[str, str] = {}
        for name in sorted(self.sources):
            if not name.endswith(".get_provider_info"):
                continue
            module = self.parsed(name)
            for entry in decorator_entries(module.tree):
                function = self.find(entry["class-name"])
                operator = self._decorated(function) if function else None
                if operator is not None:
                    found[entry["name"]] = operator
        return found

    def _decorated(self, function: Definition) -> str | None:
        for node in ast.walk(function.node):
            match node:
                case ast.keyword(arg="decorated_operator_class", value=value):
                    cls = self._class(function.module, value)
                    if cls is not None:
                        return next(
                            base.qualified
                            for base in self.mro(cls)
                            if is_operator_module(base.module.name)
                            and not base.name.startswith(("_", "DecoratedOperator"))
                        )
                case _:
                    pass
        return None


def number(value: object) -> int | float:
    if isinstance(value, int | float):
        return value
    raise Unfolded


def linearize(tails: list[list[Definition]]) -> list[Definition]:
    """C3, the order in which Python looks attributes up."""
    order: list[Definition] = []
    tails = [tail for tail in tails if tail]
    while tails:
        for tail in tails:
            head = tail[0]
            if not any(
                head.qualified == other.qualified for t in tails for other in t[1:]
            ):
                break
        else:
            raise ValueError(f"no consistent order of bases at {tails[0][0].qualified}")
        order.append(head)
        tails = [
            rest
            for tail in tails
            if (rest := [d for d in tail if d.qualified != head.qualified])
        ]
    return order


def constructor(cls: Definition) -> ast.FunctionDef | None:
    for node in cls.class_node.body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    return None


def signature(init: ast.FunctionDef) -> Iterator[tuple[str, ast.expr | None]]:
    args = init.args
    positional = [*args.posonlyargs, *args.args][1:]
    missing = len(positional) - len(args.defaults)
    defaults = [None] * max(missing, 0) + args.defaults[-len(positional) or None :]
    for arg, default in zip(positional, defaults, strict=False):
        yield arg.arg, default
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield arg.arg, default


def handed_on(init: ast.FunctionDef) -> dict[str, ast.expr]:
    """Keywords that a constructor sets in its call of the next one."""
    return {
        keyword.arg: keyword.value
        for node in ast.walk(init)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        for keyword in node.keywords
        if keyword.arg
    }


def renamed_connections(init: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """``if old_conn_id: ...; new_conn_id = old_conn_id``, as deprecations do."""
    for node in ast.walk(init):
        if not isinstance(node, ast.If):
            continue
        tested = {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
        for statement in node.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=new)], value=ast.Name(id=old)) if (
                    old in tested and old != new
                ):
                    if old.endswith("conn_id") and new.endswith("conn_id"):
                        yield old, new
                case _:
                    pass


def table_entries(
    module: Module, table: ast.Dict, objects: bool
) -> Iterator[tuple[str, str]]:
    """Full old path and full target of each entry of one table."""
    for key_node, value in zip(table.keys, table.values, strict=True):
        match key_node:
            case ast.Constant(value=str() as key):
                place = f"{module.name}.{key}"
            case ast.Name(id="__name__"):
                key, place = "", module.name
            case _:
                continue
        match value:
            case ast.Dict():
                inner = Module(place, True, module.tree)
                yield from table_entries(inner, value, objects)
            case ast.Constant(value=str() as target) if key != "*":
                yield place, absolute(module, target if objects else f"{target}.{key}")
            case ast.Tuple(
                elts=[
                    ast.Constant(value=str() as origin),
                    ast.Constant(value=str() as name),
                    ast.Constant(value=bool()),
                ]
            ) if name:
                yield place, absolute(module, f"{origin}.{name}")
            case ast.Tuple(elts=[ast.Constant(value=str() as origin), *rest]) if (
                not any(is_flag(item) for item in rest)
            ):  # newest of several homes
                yield place, absolute(module, f"{origin}.{key}")
            case _:
                pass


def is_flag(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def absolute(module: Module, target: str) -> str:
    return f"{module.name}{target}" if target.startswith(".") else target


def decorator_entries(tree: ast.Module) -> Iterator[dict[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "task-decorators":
                    yield from ast.literal_eval(value)


# -- the catalogue -------------------------------------------------------------


def identity(connections: Mapping[str, Parameter]) -> str | None:
    """The parameter that names the Google identity an operator works as.

    None where none does, or where several do and none comes first.
    """
    for spelling in GOOGLE_IDENTITY:
        if spelling in connections:
            return spelling
    google = [
        name
        for name, value in connections.items()
        if value.default == "google_cloud_default" or "gcp_" in name
    ]
    return google[0] if len(google) == 1 else None


def impersonation(parameters: Mapping[str, Parameter]) -> str | None:
    chains = [name for name in parameters if name.endswith("impersonation_chain")]
    return chains[0] if len(chains) == 1 else None


@dataclass
class Operator:
    """What the catalogue keeps of one operator."""

    name: str
    archive: int
    sensor: bool
    incomplete: bool
    connections: dict[str, Parameter]
    impersonation: str | None
    parameters: dict[str, Parameter]
    template_fields: list[str] | None
    renamed: dict[str, str]
    removed: set[str] = field(default_factory=set[str])
    varies: set[str] = field(default_factory=set[str])

    @property
    def told(self) -> dict[str, Parameter]:
        return {**self.connections, **self.parameters}

    def add_older(self, older: "Operator") -> None:
        """Note where an older release tells the same operator differently."""
        mine, theirs = self.told, older.told
        self.renamed = {**older.renamed, **self.renamed}
        self.removed |= theirs.keys() - mine.keys()
        self.varies |= {n for n in mine.keys() & theirs if mine[n] != theirs[n]}

    def record(self) -> Record:
        """The JSON form, empty parts left out."""
        parts: Record = {
            "sensor": self.sensor,
            "incomplete": self.incomplete,
            "connections": {n: p.record() for n, p in self.connections.items()},
            "identity": identity(self.connections),
            "impersonation": self.impersonation,
            "parameters": {n: p.record() for n, p in self.parameters.items()},
            "renamed": self.renamed,
            "removed": sorted(self.removed),
            "varies": sorted(self.varies),
            "call": CALLS.get(self.name),
        }
        kept: Record = {key: value for key, value in parts.items() if value}
        kept["archive"] = self.archive
        if self.template_fields is not None:
            kept["template_fields"] = self.template_fields
        return kept


def describe(world: World, cls: Definition, name: str, archive: int) -> Operator:
    parameters = world.parameters(cls)
    connections = {n: p for n, p in parameters.items() if n.endswith("conn_id")}
    whole = name.startswith(WHOLE)
    mro = world.mro(cls)
    constructors = [init for owner in mro if (init := constructor(owner))]
    renamed = {o: n for init in constructors for o, n in renamed_connections(init)}
    return Operator(
        name=name,
        archive=archive,
        sensor=any(base.name == "BaseSensorOperator" for base in mro),
        incomplete=bool(world.lost_bases(cls)),
        connections=connections,
        impersonation=impersonation(parameters),
        parameters={
            n: p
            for n, p in parameters.items()
            if n not in connections
            and (whole or n in KEPT or n.endswith("impersonation_chain"))
        },
        template_fields=world.template_fields(cls),
        renamed={o: n for o, n in renamed.items() if o in connections},
    )


def reexports(world: World) -> Iterator[tuple[str, str]]:
    """Operators that a module offers though another one defines them."""
    for name in sorted(world.sources):
        if not is_operator_module(name):
            continue
        module = world.parsed(name)
        names = set(module.exported)
        if module.only_imports:
            names.update(module.bindings)
            for star in module.stars:
                if (origin := world.module(star)) is not None:
                    names.update(origin.bindings)
        for exported in sorted(n for n in names if not n.startswith("_")):
            found = world.find(f"{name}.{exported}")
            if found is None or found.qualified == f"{name}.{exported}":
                continue
            if world.is_operator(found):
                yield f"{name}.{exported}", found.qualified


def merge_aliases(worlds: Sequence[World]) -> dict[str, str]:
    """Old path to today's, each followed to its end."""
    steps = dict(HAND_ALIASES)
    for world in worlds:
        sdk = {
            target: alias
            for alias, target in sorted(world.aliases.items(), reverse=True)
            if alias.rpartition(".")[0] == "airflow.sdk"
        }
        for alias, target in [*sdk.items(), *reexports(world), *world.aliases.items()]:
            if alias.rpartition(".")[0] != "airflow.sdk":
                steps.setdefault(alias, target)
    return {
        alias: target
        for alias in sorted(steps)
        if not alias.startswith(IGNORED_ALIASES)
        and (target := follow(alias, steps)) != alias
    }


def follow(name: str, steps: Mapping[str, str]) -> str:
    seen = {name}
    while name in steps and steps[name] not in seen:
        name = steps[name]
        seen.add(name)
    return name


def merge_operators(
    worlds: Sequence[World], archives: Sequence[Archive], aliases: Mapping[str, str]
) -> dict[str, Record]:
    numbers = {archive.release: index for index, archive in enumerate(archives)}
    merged: dict[str, Operator] = {}
    for world in worlds:
        for cls in world.operators():
            name = aliases.get(cls.qualified, cls.qualified)
            origin = world.sources[cls.module.name][0]
            operator = describe(world, cls, name, numbers[origin.release])
            newest = merged.setdefault(name, operator)
            if newest.archive != operator.archive:
                newest.add_older(operator)
    return {name: operator.record() for name, operator in merged.items()}


def catalogue(generations: Sequence[Sequence[Archive]]) -> Record:
    archives = list(dict.fromkeys(a for each in generations for a in each))
    worlds = [World(tuple(each)) for each in generations]
    aliases = merge_aliases(worlds)
    decorators = {
        name: aliases.get(operator, operator)
        for name, operator in worlds[0].decorators().items()
    }
    return {
        "generated_by": "scripts/operator_catalogue.py",
        "archives": [archive.provenance() for archive in archives],
        "operators": merge_operators(worlds, archives, aliases),
        "aliases": aliases,
        "decorators": decorators,
    }


def render(data: Record) -> str:
    """A line of JSON for each name, sorted by its bytes, and one for what holds of all."""

    def line(value: object) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n"

    told = cast("Record", data["operators"]) | cast("Record", data["aliases"])
    rest = {name: data[name] for name in ("generated_by", "archives", "decorators")}
    return "".join(sorted(line(row) for row in told.items())) + line(rest)


def download(releases: Iterable[Release], into: Path) -> None:
    """Fetch wheels one by one: two versions of a package exclude each other."""
    for release in releases:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        wanted = f"{release.package}=={release.version}"
        subprocess.run(
            [*command, "--only-binary=:all:", "--dest", str(into), wanted], check=True
        )


def locate(release: Release, folder: Path) -> Archive:
    found = sorted(folder.glob(f"{release.file_prefix}*.whl"))
    if len(found) != 1:
        sys.exit(f"{folder}: expected one wheel {release.file_prefix}*.whl")
    return Archive(release, found[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--from", dest="folder", type=Path, help="wheels lie here")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    releases = list(dict.fromkeys(r for each in GENERATIONS for r in each))
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        if options.folder is None:
            download(releases, folder)
        archives = {release: locate(release, folder) for release in releases}
        generations = [[archives[r] for r in each] for each in GENERATIONS]
        text = render(catalogue(generations))
    options.output.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
