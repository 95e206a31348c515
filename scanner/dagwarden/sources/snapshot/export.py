"""One file of an export: from its JSON texts to assets, or to gaps."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from functools import partial
from io import BufferedReader
from pathlib import Path
from sys import intern
from typing import BinaryIO, cast

import msgspec
from msgspec import Raw, Struct

from dagwarden.beside import beside, possible
from dagwarden.errors import SourceError
from dagwarden.facts import (
    Delegation,
    Gap,
    GapReason,
    Origin,
    ServicePerimeter,
    SourceFile,
)
from dagwarden.files import open_regular
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import given, twice
from dagwarden.sources.snapshot.elements import (
    Element,
    Lost,
    elements,
    elements_from,
    half,
)
from dagwarden.sources.snapshot.names import MAX_DEPTH
from dagwarden.sources.snapshot.policies import (
    KINDS_OF_GUARDRAIL,
    GuardrailKind,
    guardrail_kind,
)
from dagwarden.sources.snapshot.records import (
    FOLDER,
    LOG_BUCKET,
    LOG_SINK,
    MODELLED,
    ORG_POLICY,
    ORGANIZATION,
    PROJECT,
    SCHEDULE,
    SERVICE_ACCOUNT,
    SUBSCRIPTION,
    TAG_BINDING,
    TAG_KEY,
    TAG_VALUE,
    TRIGGER,
    WORKFLOW,
    Asset,
    Data,
    End,
    GuardShape,
    Header,
    Line,
    PerimeterConfigShape,
    PerimeterShape,
    Plain,
    PolicyShape,
    ResourceShape,
    SealedGap,
)
from dagwarden.sources.snapshot.reduce import reduce
from dagwarden.sources.snapshot.yaml_text import is_yaml, yaml_elements

# Facts that may be missing when an element cannot be read at all.
ALL_KINDS = (
    "audit_config",
    "binding",
    "boundary_binding",
    "boundary_policy",
    "cloud_run",
    "composer_environment",
    "delegation",
    "deny_policy",
    "federation_provider",
    "group",
    "identity",
    "key",
    "log_bucket",
    "log_sink",
    "org_policy",
    "resource",
    "resource_tags",
    "role",
    "sender",
    "service_perimeter",
)
# Facts that come of the resource data of a type.
KINDS_OF_TYPE: dict[str, tuple[str, ...]] = {
    TAG_BINDING: ("resource_tags",),
    TAG_KEY: ("resource_tags",),
    TAG_VALUE: ("resource_tags",),
    ORG_POLICY: ("org_policy",),
    LOG_SINK: ("log_sink",),
    LOG_BUCKET: ("log_bucket",),
    SCHEDULE: ("sender",),
    SUBSCRIPTION: ("sender",),
    TRIGGER: ("sender",),
    WORKFLOW: ("sender",),
    "cloudresourcemanager": ("resource",),
    "storage": ("resource",),
    "iam.googleapis.com/ServiceAccount": ("identity",),
    "iam.googleapis.com/ServiceAccountKey": ("key",),
    "iam.googleapis.com/Role": ("role",),
    "iam": ("federation_provider",),
    "run": ("cloud_run",),
    "composer": ("composer_environment",),
}
_PERIMETER = ("service_perimeter",)
_OF_POLICY = ("audit_config", "binding")
# Types whose records say above all what a name stands for; of others, what is missing of
# a record that was cut short is not known from what is there.
_NAMING = frozenset({ORGANIZATION, FOLDER, PROJECT, SERVICE_ACCOUNT})

# Gaps told one by one in one file; the rest are counted in one more.
MAX_GAPS = 1000

SEALED_VERSION = 1
# A guardrail is no asset; it is kept under this type.
GUARDRAIL = "dagwarden/Guardrail"

_decode_plain = msgspec.json.Decoder(Plain).decode
_decode_line = msgspec.json.Decoder(Line).decode
_decode_guard = msgspec.json.Decoder(GuardShape).decode
_decode_data: dict[str, Callable[[Raw], Data | None]] = {
    name: msgspec.json.Decoder(shape | None).decode for name, shape in MODELLED.items()
}
_decode_assets = msgspec.msgpack.Decoder(list[Asset]).decode
_decode_written = {
    name: msgspec.msgpack.Decoder(shape).decode
    for name, shape in (*MODELLED.items(), (GUARDRAIL, GuardShape))
}
# A file of fewer bytes is read before a fork is there.
MANY = 8_000_000
_TOO_MANY = f"more than {MAX_DEPTH} ancestors: no hierarchy is that deep"
_UNTOLD = "JSON nested too deep to tell what stands in it twice"
_KEY = re.compile(r"[A-Za-z_]{1,40}")
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class Export(Struct, kw_only=True):
    """What one file held."""

    path: str
    assets: list[Asset]
    gaps: list[Gap]
    # assets read, those of types (or contents) that are not modelled, all types seen
    count: int = 0
    not_modelled: int = 0
    types: set[str]
    header: Header | None = None
    # a search that was asked for a part of the policies, or may have been
    queried: bool = False
    searched: bool = False
    # kinds of facts that an asset export does not carry, and this file does
    gives: set[str]
    groups: given.Members
    perimeters: list[ServicePerimeter]
    delegations: list[Delegation]
    file: SourceFile | None = None


class Stretch(Struct, kw_only=True):
    """What the lines of a part of a file held; `plain`: assets, and nothing else."""

    plain: bool
    assets: Raw  # as they are written: in a fork, or here
    count: int
    not_modelled: int
    types: set[str]
    gives: set[str]
    end: End | None


def _stretch(path: Path, start: int, shown: str, fingerprint: Fingerprint) -> Stretch:
    """Read a file of lines from a place on."""
    reader = _Reader(shown, fingerprint)
    with open_regular(path) as file:
        reader.read(elements_from(file, start))
    return reader.stretch()


def _source_file(file: BufferedReader, shown: str) -> SourceFile:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    return SourceFile(path=shown, kind="snapshot", sha256=digest, size=file.tell())


def read_export(path: Path, shown: str, fingerprint: Fingerprint) -> Export:
    """
    Read the file at `path`, called `shown` in everything that leaves.

    Raises SourceError if there is no such file.
    """
    reader = _Reader(shown, fingerprint)
    if group := given.group_of_file(path.name):
        reader.export.groups.listed = group
        reader.export.groups.lists.add(group)
        reader.export.groups.origins[group] = Origin(source=shown)
        reader.export.gives.add("group")
    try:
        if path.is_dir():
            raise SourceError(
                "a directory, not a snapshot file",
                where=shown,
                remedy="name the files themselves",
            )
        with open_regular(path) as file:
            size = file.seek(0, os.SEEK_END)
            middle = half(file, size) if size >= MANY and possible() else None
            rest = partial(_stretch, path, middle or 0, shown, fingerprint)
            with beside(rest, Stretch, worth=middle is not None) as told:
                file.seek(0)
                reader.export.file = _source_file(file, shown)
                file.seek(0)
                if is_yaml(file.peek()):
                    reader.read(yaml_elements(file))
                else:
                    reader.read(elements(file, middle))
                if middle is not None:
                    reader.go_on(file, middle, told())
            reader.finish()
    except FileNotFoundError:
        raise SourceError(
            "no such snapshot file",
            where=shown,
            remedy="write one with `dagwarden snapshot`, or export it from "
            "Cloud Asset Inventory",
        ) from None
    except OSError as error:
        reader.gap("unreadable", f"cannot be read: {error.strerror or 'I/O error'}")
    return reader.export


class _Reader:
    """Takes one file's elements; holds the counters while it does."""

    def __init__(self, shown: str, fingerprint: Fingerprint) -> None:
        groups = given.Members(
            source=shown, members=[], emails={}, origins={}, lists=set()
        )
        self.export = Export(
            path=shown,
            assets=[],
            gaps=[],
            types=set(),
            gives=set(),
            groups=groups,
            perimeters=[],
            delegations=[],
        )
        self._fingerprint = fingerprint
        self._chains: dict[tuple[str, ...] | None, tuple[str, ...]] = {}
        self._gaps_untold = 0
        self._end: End | None = None

    def gap(
        self,
        reason: GapReason,
        detail: str,
        *,
        line: int | None = None,
        kinds: tuple[str, ...] = ALL_KINDS,
        incomplete: bool = True,
    ) -> None:
        """Note that something could not be read."""
        if len(self.export.gaps) >= MAX_GAPS:
            self._gaps_untold += 1
            return
        self.export.gaps.append(
            Gap(
                reason=reason,
                origin=Origin(source=self.export.path, line=line),
                detail=detail,
                kinds=kinds,
                incomplete=incomplete,
            )
        )

    def read(self, found: Iterator[Element | Lost]) -> None:
        """Take every element of the file."""
        for item in found:
            if type(item) is Element:
                try:
                    self._take(item)
                except twice.Untold:
                    self.gap("too_deep", _UNTOLD, line=item.line)
            elif isinstance(item, Lost):
                self.gap(
                    item.reason,
                    item.detail,
                    line=item.line,
                    kinds=ALL_KINDS if item.matters else (),
                    incomplete=item.matters,
                )

    def go_on(self, file: BinaryIO, start: int, found: "Stretch") -> None:
        """Take the rest of a file of lines: as it was read beside, or here."""
        if not found.plain:
            self.read(elements_from(file, start))
            return
        export = self.export
        assets = _decode_assets(found.assets)
        for asset in assets:
            asset.source = export.path
            asset.type = intern(asset.type)
            if asset.ancestors is not None:
                asset.ancestors = self._above(asset.ancestors, asset.line)
            if asset.data is not None:
                asset.data = _decode_written[asset.type](cast("Raw", asset.data))
        export.assets += assets
        export.count += found.count
        export.not_modelled += found.not_modelled
        export.types |= found.types
        export.gives |= found.gives
        self._end = found.end or self._end

    def stretch(self) -> "Stretch":
        """Return what was taken, where that is no more than assets."""
        export, groups = self.export, self.export.groups
        other = export.gaps or export.perimeters or export.delegations or groups.lists
        return Stretch(
            plain=not (
                other
                or export.header
                or export.searched
                or groups.members
                or groups.emails
            ),
            assets=Raw(msgspec.msgpack.encode(export.assets)),
            count=export.count,
            not_modelled=export.not_modelled,
            types=export.types,
            gives=export.gives,
            end=self._end,
        )

    def finish(self) -> None:
        """Say what the whole of the file lacks."""
        if self._gaps_untold:
            self.export.gaps.append(
                Gap(
                    reason="not_an_asset",
                    origin=Origin(source=self.export.path),
                    detail=f"{self._gaps_untold} more places could not be read",
                    kinds=ALL_KINDS,
                )
            )
        if self.export.header is None:
            return
        if self._end is None:
            detail = "the last line is missing: the file was cut short"
            self.gap("truncated", detail)
        elif self._end.assets != self.export.count:
            detail = (
                f"{self.export.count} assets, where its last line "
                f"counts {self._end.assets}"
            )
            self.gap("truncated", detail)

    def _take(self, element: Element) -> None:
        """Take an element as what nearly all are, or else as what it may be."""
        try:
            line = _decode_plain(element.text)
        except _UNREADABLE:
            self._take_any(element)
            return
        name, kind = line.name, line.assetType or line.asset_type
        if kind and name and name.startswith("//") and name.isprintable():
            self._take_asset(line, name, intern(kind), element)  # few, in many lines
        else:
            self._take_any(element)

    def _take_any(self, element: Element) -> None:
        try:
            line = _decode_line(element.text)
        except msgspec.ValidationError:
            detail = "JSON, but not of the shape of an asset"
            self.gap("malformed", detail, line=element.line)
            return
        except RecursionError:
            self.gap("too_deep", "JSON nested too deep", line=element.line)
            return
        except UnicodeError:
            self.gap("encoding", "text that is not UTF-8", line=element.line)
            return
        except msgspec.DecodeError:
            detail = "not an asset: the line is no JSON"
            self.gap("not_an_asset", detail, line=element.line)
            return
        name = line.resource if isinstance(line.resource, str) else line.name
        if name and not name.isprintable():
            detail = "an asset whose name holds control characters"
            self.gap("malformed", detail, line=element.line)
        elif line.dagwarden_snapshot or line.dagwarden_gap or line.dagwarden_end:
            self._take_seal(line, element.line)
        elif isinstance(line.resource, str):
            self._take_searched(line, line.resource, element)
        elif kind := line.assetType or line.asset_type:
            if line.name and line.name.startswith("//"):
                self._take_asset(line, line.name, kind, element)
            else:
                detail = "an asset without a full resource name"
                self.gap("malformed", detail, line=element.line)
        elif line.name and (guard := guardrail_kind(line.name)):
            self.export.gives.update(KINDS_OF_GUARDRAIL[guard])
            self._take_guardrail(line.name, element)
        else:
            self._take_given(element)

    def _take_seal(self, line: Line, number: int) -> None:
        if header := line.dagwarden_snapshot:
            if header.version != SEALED_VERSION:
                detail = f"sealed as version {header.version}, read as 1"
                self.gap("unsupported", detail, line=number)
            self.export.header = header
            self.export.types.update(header.asset_types)
        if sealed := line.dagwarden_gap:
            self.export.gaps.append(_gap_of(sealed))
        if line.dagwarden_end:
            self._end = line.dagwarden_end

    def _take_searched(self, line: Line, name: str, element: Element) -> None:
        """Take an element of `gcloud asset search-all-iam-policies`."""
        kind = line.assetType or line.asset_type or ""
        above = [*([line.project] if line.project else []), *(line.folders or ())]
        above += [line.organization] if line.organization else []
        why = line.explanation
        self.export.searched = True
        if why and (why.matchedPermissions or why.matched_permissions):
            self.export.queried = True
        self.export.count += 1
        self.export.types.update({kind} - {""})
        policy = line.policy if isinstance(line.policy, PolicyShape) else None
        key = twice.of_policy(element.text, policy) if policy else None
        if key is not None:
            self._disbelieve(key, element)
            return
        self.export.assets.append(
            Asset(
                name=name,
                type=kind,
                source=self.export.path,
                line=element.line,
                element=element.index,
                ancestors=tuple(above) or None,
                policy=policy,
                searched=True,
            )
        )

    def _take_given(self, element: Element) -> None:
        """Take what an asset export does not carry, or a response of an API."""
        if not element.part and (key := twice.doubled(element.text)) is not None:
            self._disbelieve(key, element)
            return
        named = given.recognised(element)
        try:
            if named is not None and self._take_named(named, element):
                return
        except _UNREADABLE:
            detail = "recognised, and not of the documented shape"
            self.gap("malformed", detail, line=element.line)
            return
        if (response := given.wrapped(element)) is not None:
            self._take_response(response, element)
        elif self.export.groups.listed is None or element.text.strip() != b"{}":
            self.gap(
                "not_an_asset",
                "JSON, but nothing that docs/snapshot.md lists",
                line=element.line,
            )

    def _take_named(self, named: given.Named, element: Element) -> bool:
        """Take an object that its content names; False: it is something else."""
        export, groups = self.export, self.export.groups
        origin = Origin(source=export.path, line=element.line)
        if given.is_member(named):
            member = given.take_member(element, groups.listed, origin)
            if member is not None:
                groups.members.append(member)
            export.gives.add("group")
        elif given.is_delegation(named):
            export.delegations.append(given.take_delegation(element, origin))
            export.gives.add("delegation")
        elif given.is_group(named):
            if found := given.take_group(element):
                groups.emails[found[0]] = found[1]
                groups.origins.setdefault(found[1], origin)
        elif given.is_effective_tag(named):
            detail = (
                "an effective tag, which does not say of which resource; "
                "list the bindings without --effective"
            )
            self.gap("unsupported", detail, line=element.line, kinds=("resource_tags",))
        elif given.is_bare_policy(named):
            detail = (
                "an allow policy, which does not say of which resource; give what "
                "`gcloud asset search-all-iam-policies --format=json` prints"
            )
            self.gap("not_an_asset", detail, line=element.line)
        elif taken := given.as_asset(named, element):
            name, kind, data = taken
            reduce(data, self._fingerprint)
            export.types.add(kind)
            export.gives.update(kinds_of(kind, False, False))
            export.assets.append(
                Asset(
                    name=name,
                    type=kind,
                    source=export.path,
                    line=element.line,
                    element=element.index,
                    data=data,
                )
            )
        else:
            return False
        export.count += 1
        return True

    def _take_response(self, response: given.Wrapper, element: Element) -> None:
        """Take the list inside a response, and mind that it may have more pages."""
        key = response.groupKey.id.lower() if response.groupKey else None
        groups, before = self.export.groups, self.export.groups.listed
        if response.memberships is not None or response.members is not None:
            self.export.gives.add("group")
            groups.listed = key or before
        if groups.listed:
            origin = Origin(source=self.export.path, line=element.line)
            groups.origins.setdefault(groups.listed, origin)
            groups.lists.add(groups.listed)
        for found in response.lists():
            for index, raw in enumerate(found):
                self._take_any(
                    Element(text=bytes(raw), line=element.line, index=index, part=True)
                )
        groups.listed = before
        if response.nextPageToken:
            groups.whole = False
            detail = "one page of several: the rest of the list is missing"
            kinds = tuple(sorted(self.export.gives)) or ALL_KINDS
            self.gap("truncated", detail, line=element.line, kinds=kinds)

    def _take_guardrail(self, name: str, element: Element) -> None:
        try:
            data = _decode_guard(element.text)
        except _UNREADABLE:
            data = GuardShape(name=name)
        if (key := twice.doubled(element.text)) is not None:
            self._disbelieve(key, element)
            return
        kind = guardrail_kind(name)
        if kind is not None and _cut(data, kind):
            detail = f"{name} was cut short: what follows in such a record is missing"
            kinds = KINDS_OF_GUARDRAIL[kind]
            self.gap("truncated", detail, line=element.line, kinds=kinds)
            data = GuardShape(name=name)
        self.export.count += 1
        self.export.assets.append(
            Asset(
                name=name,
                type=GUARDRAIL,
                source=self.export.path,
                line=element.line,
                element=element.index,
                data=data,
            )
        )

    def _take_asset(
        self, line: Plain | Line, name: str, kind: str, element: Element
    ) -> None:
        export = self.export
        export.count += 1
        export.types.add(kind)
        asset = self._asset(line, name, kind, element)
        if asset is None:
            return
        if type(line) is Line:
            self._take_rare(line, asset, kind, element)
        elif asset.policy is not None or kind in MODELLED or asset.type == GUARDRAIL:
            export.assets.append(asset)
        else:
            export.not_modelled += 1

    def _asset(
        self, line: Plain | Line, name: str, kind: str, element: Element
    ) -> Asset | None:
        """Return what nearly all lines tell; None: the line is not believed."""
        policy = line.iamPolicy if line.iamPolicy is not None else line.iam_policy
        resource = None if isinstance(line.resource, str) else line.resource
        key = twice.spelled_twice(line, policy)
        if key is None and policy is not None:
            key = twice.of_policy(element.text, policy)
        elif key is None and resource is None:
            key = twice.doubled(element.text)
        if key is not None:
            self._disbelieve(key, element)
            return None
        asset = Asset(
            name=name,
            type=kind,
            source=self.export.path,
            line=element.line,
            element=element.index,
            update_time=line.updateTime or line.update_time,
            ancestors=self._chains.get(line.ancestors)
            or self._above(line.ancestors, element.line),
            parent=resource.parent if resource is not None else None,
            policy=policy,
        )
        if guard := guardrail_kind(name):
            self.export.gives.update(KINDS_OF_GUARDRAIL[guard])
            asset.type = GUARDRAIL
            asset.data = self._guard_data(name, resource)
            key = twice.doubled(element.text)
        elif resource is not None and kind in MODELLED:
            if kind == TAG_BINDING:
                self.export.gives.update(KINDS_OF_TYPE[kind])
            asset.data = self._data(kind, resource, element.line)
            asset.broken = asset.data is None and _given(resource)
            key = twice.of_data(element.text, asset.data)
        if key is not None:
            self._disbelieve(key, element)
            return None
        return asset

    def _take_rare(self, line: Line, asset: Asset, kind: str, element: Element) -> None:
        """Take an asset of which its line may tell what few lines do."""
        export, guard = self.export, guardrail_kind(asset.name)
        given = line.orgPolicy if line.orgPolicy is not None else line.org_policy
        asset.constraints = given
        said = asset.policy is not None or given is not None
        modelled = said or kind in MODELLED or guard is not None
        if not modelled:
            export.not_modelled += 1
        elif guard is None and (line.resource is None or kind not in MODELLED):
            self._take_access(line, element)
        if _truncated(line):
            kinds = kinds_of(kind, asset.policy is not None, given is not None)
            if guard:
                kinds = KINDS_OF_GUARDRAIL[guard]
                asset.data = GuardShape(name=asset.name)
            elif kind not in _NAMING and asset.data is not None:
                asset.data, asset.broken = None, True
            self.gap(
                "truncated",
                f"the inventory cut the record of {asset.name} short",
                line=element.line,
                kinds=kinds,
            )
        elif not modelled:
            return
        export.assets.append(asset)

    def _above(
        self, ancestors: tuple[str, ...] | None, line: int
    ) -> tuple[str, ...] | None:
        """Return the one object for ancestors, which all assets of a project share."""
        if not ancestors:
            return None
        if len(ancestors) > MAX_DEPTH:
            self.gap("malformed", _TOO_MANY, line=line, kinds=("resource",))
            return None
        return self._chains.setdefault(ancestors, ancestors)

    def _take_access(self, line: Line, element: Element) -> None:
        """Take what a line says of access policies: perimeters are modelled."""
        if perimeter := bytes(line.servicePerimeter) or bytes(line.service_perimeter):
            self._take_perimeter(perimeter, element)
        elif (
            line.accessPolicy
            or line.access_policy
            or line.accessLevel
            or line.access_level
        ):
            self.export.not_modelled += 1

    def _take_perimeter(self, text: bytes, element: Element) -> None:
        try:
            shape = msgspec.json.decode(text, type=PerimeterShape)
        except _UNREADABLE:
            detail = "a service perimeter that is not of the documented shape"
            self.gap("malformed", detail, line=element.line, kinds=_PERIMETER)
            return
        inside = shape.status or PerimeterConfigShape()
        services = inside.restrictedServices or inside.restricted_services or ()
        self.export.perimeters.append(
            ServicePerimeter(
                id=f"service_perimeter:{shape.name}",
                origin=Origin(source=self.export.path, line=element.line),
                name=shape.name,
                title=shape.title or "",
                resources=tuple(sorted(inside.resources or ())),
                services=tuple(sorted(services)),
            )
        )

    def _disbelieve(self, key: str, element: Element) -> None:
        """Tell that an element names something twice: which counts is not known."""
        detail = f"{_shown_key(key)} stands twice in one object: neither is believed"
        self.gap("malformed", detail, line=element.line)

    def _data(self, kind: str, resource: ResourceShape, line: int) -> Data | None:
        if not resource.data:
            return None
        try:
            data = _decode_data[kind](resource.data)
        except _UNREADABLE:
            detail = f"the data of this {kind} is not of the documented shape"
            kinds = kinds_of(kind, False, False)
            self.gap("malformed", detail, line=line, kinds=kinds)
            return None
        if data is not None:
            reduce(data, self._fingerprint)
        return data

    def _guard_data(self, name: str, resource: ResourceShape | None) -> GuardShape:
        try:
            data = _decode_guard(bytes(resource.data) if resource else b"{}")
        except _UNREADABLE:
            data = GuardShape()
        data.name = name
        return data


def _shown_key(key: str) -> str:
    """Return a key of the API's; what else may stand there is not repeated."""
    return key if _KEY.fullmatch(key) else "a key"


def _cut(guard: GuardShape, kind: GuardrailKind) -> bool:
    """
    Tell whether a guardrail ends before its record does.

    gcloud sorts its keys, and of those that Google sets on each `uid` comes after what
    the record says: YAML that ends before it is as well formed as the whole.
    """
    begun = guard.createTime or guard.etag
    lacking = kind == "binding" and not guard.policy
    return lacking or bool(begun and not guard.uid)


def _given(resource: ResourceShape) -> bool:
    """Tell whether a resource has data."""
    return bytes(resource.data) not in (b"", b"null")


def _gap_of(sealed: SealedGap) -> Gap:
    return Gap(
        reason=sealed.reason,
        origin=Origin(source=sealed.source),
        detail=sealed.detail,
        kinds=tuple(sorted(set(sealed.kinds) & set(ALL_KINDS))),
        incomplete=sealed.incomplete,
    )


def kinds_of(kind: str, policy: bool, constraints: bool) -> tuple[str, ...]:
    """Return the kinds of facts that a record of this type and content gives."""
    service = kind.partition(".")[0]
    of_data = KINDS_OF_TYPE.get(kind) or KINDS_OF_TYPE.get(service, ())
    if policy:
        return _OF_POLICY
    if constraints:
        return ("org_policy",)
    return of_data


def _truncated(line: Line) -> bool:
    given = line.assetExceptions or line.asset_exceptions
    return given is not None and any(
        # the number is TRUNCATION's in the API's enum
        (e.exceptionType or e.exception_type) in ("TRUNCATION", 1)
        for e in given
    )
