"""From exports to facts: join by name, exclude, and say what is missing."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.errors import SourceError
from dagwarden.facts import (
    Excluded,
    Facts,
    Gap,
    Origin,
    Resource,
    ResourceTags,
    Snapshot,
    Unresolved,
)
from dagwarden.sources.credentials import Fingerprint, purged
from dagwarden.sources.snapshot.exclusions import Exclusions
from dagwarden.sources.snapshot.export import Export, read_export
from dagwarden.sources.snapshot.groups import groups_of
from dagwarden.sources.snapshot.hierarchy import Hierarchy
from dagwarden.sources.snapshot.join import Joined, join
from dagwarden.sources.snapshot.layers import layers_of, unsure
from dagwarden.sources.snapshot.names import Names
from dagwarden.sources.snapshot.parts import facts_of, in_order
from dagwarden.sources.snapshot.resources import Surroundings, container
from dagwarden.sources.snapshot.tags import resource_tags

# kind, what is left out, and why
_Why: TypeAlias = tuple[str, str, str]


def read_snapshots(
    paths: Sequence[Path],
    root: Path,
    *,
    include_sys_projects: bool,
    fingerprint: Fingerprint,
) -> Facts:
    """
    Read exports that together are one snapshot, without secrets; nothing for no paths.

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
    exclusions = Exclusions(joined, names, include_sys_projects)
    part = facts_of(joined, around, exclusions)
    facts = part.facts
    left_out = Counter[_Why]()
    for one in part.excluded:
        left_out[one.kind, one.what, one.reason] += one.count
    implied = tuple(_implied_containers(joined, around, exclusions, left_out))
    tags = tuple(_resource_tags(joined, around, exclusions, left_out))
    # the keys that policies name tell groups from people
    named = frozenset([fact.key for fact in facts.identities])
    groups = groups_of((export.groups for export in exports), named)
    delegations = [
        replace(one, account=names.email(one.client_id))
        for export in exports
        for one in export.delegations
    ]
    for export in exports:
        export.gaps += [gap for gap in groups.gaps if gap.origin.source == export.path]
    gaps = [
        *(gap for export in exports for gap in export.gaps),
        *conflicts,
        *_alias_conflicts(names),
        *_disputed_places(hierarchy),
    ]
    found = replace(
        facts,
        snapshots=(_snapshot(exports, joined, names, gaps),),
        resources=in_order((*facts.resources, *implied)),
        service_perimeters=in_order(
            one for export in exports for one in export.perimeters
        ),
        groups=in_order(groups.groups),
        delegations=in_order(delegations),
        resource_tags=in_order(tags),
        gaps=tuple(gaps),
        excluded=(
            *passed_over,
            *(
                Excluded(kind=kind, what=what, reason=reason, count=count)
                for (kind, what, reason), count in sorted(left_out.items())
            ),
        ),
        files=tuple(export.file for export in exports if export.file),
        assumptions=tuple(
            f"{export.path} was written by a search without --query"
            for export in exports
            if export.searched and not export.queried
        ),
    )
    return _without_secrets(found, tainted=part.tainted)


# How exports are called; what else lies in a folder is passed over.
_SUFFIXES = frozenset({".dump", ".gz", ".json", ".jsonl", ".ndjson", ".yaml", ".yml"})


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


# --------------------------------------------------------------------- what is there


def _implied_containers(
    joined: Mapping[str, Joined],
    around: Surroundings,
    exclusions: Exclusions,
    left_out: Counter[_Why],
) -> Iterator[Resource]:
    """Yield the containers of which only is known that they are above others."""
    for name, above in around.hierarchy.above.items():
        if name in joined:
            continue
        if reason := exclusions.of_containers((name, *above.ancestors)):
            left_out["resource", *reason] += 1
        else:
            yield container(name, above.by.origin(), around, None, above.ancestors)


def _resource_tags(
    joined: Mapping[str, Joined],
    around: Surroundings,
    exclusions: Exclusions,
    left_out: Counter[_Why],
) -> Iterator[ResourceTags]:
    """Yield the tags of resources; count those that are left out with their bearer."""
    for resource, tags in resource_tags(joined.values(), around.names):
        bearer = joined.get(resource)
        if reason := exclusions.of(resource, bearer.ancestors if bearer else None):
            left_out["resource_tags", *reason] += 1
        else:
            yield tags


def _without_secrets(facts: Facts, *, tainted: bool) -> Facts:
    """Purge what people write freely; `tainted`: there is a secret in it."""
    facts = replace(
        facts,
        gaps=purged(facts.gaps),
        snapshots=purged(facts.snapshots),
        delegations=purged(facts.delegations),
    )
    if not tainted:
        return facts
    return replace(
        facts,
        cloud_runs=purged(facts.cloud_runs),
        federation_providers=purged(facts.federation_providers),
        bindings=tuple(
            purged(binding) if binding.condition else binding
            for binding in facts.bindings
        ),
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


def _disputed_places(hierarchy: Hierarchy) -> Iterator[Gap]:
    for name, (asset, places) in hierarchy.disputed.items():
        yield Gap(
            reason="conflict",
            origin=asset.origin(),
            detail=f"{name} is in two places, {places}, as if it was moved while it was "
            "read: what it inherits is not known",
            kinds=("resource",),
        )


def _snapshot(
    exports: Sequence[Export],
    joined: Mapping[str, Joined],
    names: Names,
    gaps: Sequence[Gap],
) -> Snapshot:
    layers = layers_of(exports, joined, gaps)
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
        layers=unsure(layers) if names.conflicts else layers,
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
