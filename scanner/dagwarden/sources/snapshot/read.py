"""From exports to facts: join by name, exclude, and say what is missing."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from msgspec import UNSET

from dagwarden.errors import SourceError
from dagwarden.facts import (
    KINDS,
    AuditConfig,
    Binding,
    BoundaryBinding,
    BoundaryPolicy,
    CloudRun,
    ComposerEnvironment,
    DenyPolicy,
    Excluded,
    Fact,
    Facts,
    FederationProvider,
    Gap,
    Group,
    Identity,
    Key,
    LogBucket,
    LogSink,
    OrgPolicy,
    Origin,
    Resource,
    ResourceTags,
    Role,
    ServicePerimeter,
    Snapshot,
    Unresolved,
)
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot.export import Export, read_export
from dagwarden.sources.snapshot.groups import groups_of
from dagwarden.sources.snapshot.hierarchy import Hierarchy
from dagwarden.sources.snapshot.join import Joined, join
from dagwarden.sources.snapshot.layers import layers_of
from dagwarden.sources.snapshot.members import identity_of
from dagwarden.sources.snapshot.names import CONTAINERS, Names, project_of
from dagwarden.sources.snapshot.records import ContainerShape
from dagwarden.sources.snapshot.resources import (
    Surroundings,
    container,
    container_state,
    facts_about,
)
from dagwarden.sources.snapshot.tags import resource_tags

# Projects that Apps Script makes by the thousand have ids that begin so.
SYS_PROJECTS = "sys-"
_GONE = frozenset({"DELETE_REQUESTED", "DELETE_IN_PROGRESS"})
F = TypeVar("F", bound=Fact)
_Place: TypeAlias = tuple[str | None, tuple[str, ...] | None]
_KIND_OF = {record: kind for kind, (_, record) in KINDS.items()}


def read_snapshots(
    paths: Sequence[Path],
    root: Path,
    *,
    include_sys_projects: bool,
    fingerprint: Fingerprint,
) -> Facts:
    """
    Read exports that together are one snapshot; nothing for no paths.

    Takes Cloud Asset Inventory exports (one asset a line, or a JSON array; content
    types RESOURCE, IAM_POLICY, ORG_POLICY), `gcloud asset search-all-iam-policies
    --format=json`, what `given` recognises, files of `dagwarden snapshot`, and folders
    of all these. Raises SourceError where a path does not exist.
    """
    if not paths:
        return Facts()
    files, passed_over = files_of(paths, root)
    exports = [read_export(path, _shown(path, root), fingerprint) for path in files]
    assets = [asset for export in exports for asset in export.assets]
    names = Names(assets)
    hierarchy = Hierarchy(assets, names)
    joined, conflicts = join(assets, names, hierarchy)
    around = Surroundings(names, hierarchy, joined)
    excluded = _Exclusions(joined, names, include_sys_projects)
    facts = _Sorted(_all_facts(joined, around, excluded))
    # the keys that policies name tell groups from people
    named = frozenset(fact.key for fact in facts.of(Identity))
    groups = groups_of((export.groups for export in exports), named)
    facts.add(groups.groups)
    facts.add(one for export in exports for one in export.perimeters)
    for export in exports:
        export.gaps += [gap for gap in groups.gaps if gap.origin.source == export.path]
    gaps = [
        *(gap for export in exports for gap in export.gaps),
        *conflicts,
        *_alias_conflicts(names),
    ]
    return Facts(
        snapshots=(_snapshot(exports, joined, gaps),),
        resources=facts.of(Resource),
        identities=facts.of(Identity),
        keys=facts.of(Key),
        roles=facts.of(Role),
        bindings=facts.of(Binding),
        federation_providers=facts.of(FederationProvider),
        cloud_runs=facts.of(CloudRun),
        composer_environments=facts.of(ComposerEnvironment),
        audit_configs=facts.of(AuditConfig),
        org_policies=facts.of(OrgPolicy),
        log_sinks=facts.of(LogSink),
        log_buckets=facts.of(LogBucket),
        service_perimeters=facts.of(ServicePerimeter),
        deny_policies=facts.of(DenyPolicy),
        boundary_policies=facts.of(BoundaryPolicy),
        boundary_bindings=facts.of(BoundaryBinding),
        groups=facts.of(Group),
        resource_tags=facts.of(ResourceTags),
        gaps=tuple(gaps),
        excluded=(*passed_over, *excluded.counted()),
        files=tuple(export.file for export in exports if export.file),
        assumptions=tuple(
            f"{export.path} was written by a search without --query"
            for export in exports
            if export.searched and not export.queried
        ),
    )


# How exports are called; what else lies in a folder is passed over.
_SUFFIXES = frozenset({".dump", ".json", ".jsonl", ".ndjson"})


def files_of(
    paths: Sequence[Path], root: Path
) -> tuple[list[Path], tuple[Excluded, ...]]:
    """Return the files to read, those in folders included, and what is passed over."""
    files: set[Path] = set()
    excluded: list[Excluded] = []
    for path in paths:
        if not path.is_dir():
            files.add(path)
            continue
        inside = [one for one in path.rglob("*") if not one.is_dir()]
        if not inside:
            raise SourceError("an empty folder", where=_shown(path, root))
        for one in sorted(inside):
            if one.suffix in _SUFFIXES:
                files.add(one)
            else:
                shown = _shown(one, root)
                reason = f"in a folder of exports; not {', '.join(sorted(_SUFFIXES))}"
                excluded.append(Excluded(kind="snapshot", what=shown, reason=reason))
    return sorted(files, key=lambda path: path.as_posix()), tuple(excluded)


def _shown(path: Path, root: Path) -> str:
    """Return `path` relative to `root`, or its name alone where it lies outside."""
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except (ValueError, OSError, RuntimeError):
        return path.name


class _Sorted:
    """Facts by their record, in order of id; each id once, the first of it."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._found: dict[type[Fact], dict[str, Fact]] = defaultdict(dict)
        self.add(facts)

    def add(self, facts: Iterable[Fact]) -> None:
        for fact in facts:
            self._found[type(fact)].setdefault(fact.id, fact)

    def of(self, record: type[F]) -> tuple[F, ...]:
        found = cast("dict[str, F]", self._found[record])
        return tuple(map(found.__getitem__, sorted(found)))


# --------------------------------------------------------------------- what is there


def _all_facts(
    joined: Mapping[str, Joined],
    around: Surroundings,
    excluded: "_Exclusions",
) -> Iterator[Fact]:
    members: dict[str, Origin] = {}
    for one in joined.values():
        reason = excluded.reason(one)
        for fact in facts_about(one, around):
            if reason:
                excluded.count(fact, reason)
                continue
            yield fact
            for member in _members(fact):
                members.setdefault(member, fact.origin)
    yield from _implied_containers(joined, around, excluded)
    for resource, tags in resource_tags(joined.values(), around.names):
        bearer = joined.get(resource)
        if reason := excluded.of(resource, bearer.ancestors if bearer else None):
            excluded.count(tags, reason)
        else:
            yield tags
    # after the accounts' own records, which say more
    for member, origin in members.items():
        yield identity_of(member, around.names, origin)


def _members(fact: Fact) -> tuple[str, ...]:
    kind = type(fact)
    if kind is Binding:
        return cast(Binding, fact).members
    return cast(AuditConfig, fact).exempted_members if kind is AuditConfig else ()


def _implied_containers(
    joined: Mapping[str, Joined],
    around: Surroundings,
    excluded: "_Exclusions",
) -> Iterator[Fact]:
    """Yield the containers of which only is known that they are above others."""
    for name, above in around.hierarchy.above.items():
        if name not in joined:
            fact = container(name, above.by.origin(), around, None, above.ancestors)
            if reason := excluded.of_containers((name, *above.ancestors)):
                excluded.count(fact, reason)
            else:
                yield fact


# ----------------------------------------------------------------- what is left out


class _Exclusions:
    """Projects that are left out, with everything in them, and how much that was."""

    def __init__(
        self, joined: Mapping[str, Joined], names: Names, include_sys: bool
    ) -> None:
        self._names = names
        self._counts = Counter[tuple[str, str, str]]()
        self._reasons: dict[str, tuple[str, str]] = {}
        for one in joined.values():
            data = one.data.data if one.data else None
            if isinstance(data, ContainerShape):
                state = container_state(data)
                if state in _GONE:
                    what = one.name.removeprefix(CONTAINERS)
                    self._reasons[one.name] = (what, f"lifecycle state {state}")
        self._include_sys = include_sys
        # (project, what lies above) of resources -> what excludes them all
        self._known: dict[_Place, tuple[str, str] | None] = {}

    def reason(self, one: Joined) -> tuple[str, str] | None:
        """Return what excludes a resource, and why."""
        return self.of(one.name, one.ancestors)

    def of(
        self, name: str, ancestors: tuple[str, ...] | None
    ) -> tuple[str, str] | None:
        """Return what excludes what is called `name` and lies below `ancestors`."""
        if name.startswith(CONTAINERS) or name in self._reasons:
            return self.of_containers((name, *(ancestors or ())))
        place = project_of(name), ancestors
        if place not in self._known:
            self._known[place] = self.of_containers(self._above(*place))
        return self._known[place]

    def _above(
        self, project: str | None, ancestors: tuple[str, ...] | None
    ) -> tuple[str, ...]:
        chain = ancestors or ()
        if project is None:
            return chain
        return (self._names.container(f"projects/{project}"), *chain)

    def of_containers(self, chain: Sequence[str]) -> tuple[str, str] | None:
        """Return what in a chain of containers excludes what is below it."""
        for name in chain:
            if name in self._reasons:
                return self._reasons[name]
            if not self._include_sys and name.startswith(f"{CONTAINERS}projects/"):
                project = name.removeprefix(f"{CONTAINERS}projects/")
                if self._names.project_id(project).startswith(SYS_PROJECTS):
                    return f"projects/{SYS_PROJECTS}*", "made by Apps Script"
        return None

    def count(self, fact: Fact, reason: tuple[str, str]) -> None:
        """Count a fact that is left out."""
        self._counts[(_KIND_OF[type(fact)], *reason)] += 1

    def counted(self) -> tuple[Excluded, ...]:
        """Return everything left out, by kind and reason."""
        return tuple(
            Excluded(kind=kind, what=what, reason=reason, count=count)
            for (kind, what, reason), count in sorted(self._counts.items())
        )


# ------------------------------------------------------------------ the whole of it


def _alias_conflicts(names: Names) -> Iterator[Gap]:
    for project, asset in names.conflicts:
        yield Gap(
            reason="conflict",
            origin=asset.origin(),
            detail=f"project {project} goes by two numbers, or two ids by one",
            kinds=("resource",),
        )


def _snapshot(
    exports: Sequence[Export], joined: Mapping[str, Joined], gaps: Sequence[Gap]
) -> Snapshot:
    headers = [export.header for export in exports if export.header]
    # without a seal on every file, nothing is known of the whole
    sealed = len(headers) == len(exports)
    scope = ",".join(sorted({header.scope for header in headers})) if sealed else None
    principals = {header.principal for header in headers}
    one_principal = principals.pop() if sealed and len(principals) == 1 else None
    # the oldest: the snapshot is no fresher than that
    read_time = min(header.read_time for header in headers) if sealed else None
    told = {"read_time": read_time, "scope": scope, "principal": one_principal}
    return Snapshot(
        id=f"snapshot:{scope or ''}",
        origin=Origin(source=exports[0].path),
        read_time=read_time or UNSET,
        scope=scope or UNSET,
        principal=one_principal or UNSET,
        layers=layers_of(exports, joined, gaps),
        asset_types=tuple(sorted({kind for e in exports for kind in e.types})),
        assets=sum(export.count for export in exports),
        assets_not_modelled=sum(export.not_modelled for export in exports),
        unresolved=tuple(
            Unresolved(field=name, reason="unreadable", symbol=_SYMBOLS[name])
            for name, value in sorted(told.items())
            if not value
        ),
    )


_SYMBOLS = {
    "principal": "the reading principal of the snapshot",
    "read_time": "the read time of the snapshot",
    "scope": "the scope of the snapshot",
}
