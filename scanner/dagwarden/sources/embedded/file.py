"""Looking into one file: from bytes to facts, whatever the bytes are."""

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    EmbeddedSecret,
    Excluded,
    Gap,
    GapReason,
    InlineWaiver,
    KeyReference,
    Origin,
    SourceFile,
    Unresolved,
)
from dagwarden.sources.credentials import Fingerprint, Found, purged
from dagwarden.sources.credentials.references import (
    MAX_REFERENCES,
    Reference,
    may_refer,
)
from dagwarden.sources.credentials.work import TooMuchWork, allowance
from dagwarden.sources.dags.records.outcome import (
    UNTELLABLE,
    Outcome,
    Read,
    encoded,
    shown,
)
from dagwarden.sources.dags.records.seen import Seen, Unreadable, look
from dagwarden.sources.embedded.formats import READ_BY_PEOPLE, format_of, reader_of
from dagwarden.sources.embedded.formats.plain import LONGEST, read_alone
from dagwarden.sources.embedded.formats.python import read_python
from dagwarden.sources.embedded.marks import waivers_in
from dagwarden.sources.embedded.modules import Modules, Shelf
from dagwarden.sources.embedded.named import NamedFiles
from dagwarden.sources.embedded.spots import MAX_SPOTS, Partly, Spot, Unparsable
from dagwarden.sources.embedded.walk import KIND, PACKED, TAR, ZIP, gap_at, passed_over

if TYPE_CHECKING:
    from dagwarden.sources.embedded.kingfisher import Kingfisher

MAX_SIZE = 5_000_000
# Archives, and notebooks with the images in them.
MAX_LARGE = 20_000_000
# Of one file: a value may be told by its name, its shape and a comment.
MAX_READINGS = 4 * MAX_SPOTS
# Units of work for one file: what two to five megabytes take that nobody made to be slow.
MAX_WORK = 2_000_000
# Longer lines are looked into by shape alone.
MAX_LINE = 1_000_000
# Where a file that is no text shows it.
_HEAD = 8_000
_FEW = 8
_LARGE = (".ipynb", *TAR, *ZIP)


class Reader:
    """Looks into files below `root`, one after the other."""

    def __init__(
        self,
        root: Path,
        fingerprint: Fingerprint,
        kingfisher: "Kingfisher | None" = None,
    ) -> None:
        """Tell equal values by `fingerprint`, which is kept for the run at least."""
        self.root = root
        self.fingerprint = fingerprint
        self.kingfisher = kingfisher
        self.shelf = Shelf(root)

    def read(self, path: Path, folder: Path) -> Read:
        """Look into a file, for other processes and other runs."""
        outcome, seen = self._looked(path)
        # what was found is told by a key of this run, and is not remembered
        known = all(one.secret is None for one in outcome.embedded_secrets)
        # nor is what people wrote in a waiver: it may hold anything
        known = known and not outcome.inline_waivers
        try:
            return Read(encoded(outcome), seen if known else None)
        except UNTELLABLE:
            detail = "holds text that cannot be written"
            gap = gap_at(self._shown(path), "unsupported", detail)
            return Read(encoded(Outcome(gaps=(gap,))), None)

    def outcome(self, path: Path, folder: Path) -> Outcome:
        """Look into a file, for here and now."""
        return self._looked(path)[0]

    def lost(self, path: Path, folder: Path) -> Read:
        """Return what a file comes to that ended the process that looked into it."""
        detail = "looking into it ends the process"
        gap = gap_at(self._shown(path), "unreadable", detail, incomplete=True)
        return Read(encoded(Outcome(gaps=(purged(gap),))), None)

    def _shown(self, path: Path) -> str:
        return shown(path, self.root)

    def _looked(self, path: Path) -> tuple[Outcome, tuple[Seen, ...] | None]:
        """Return what a file comes to, and all that this rests on, if it lasts."""
        name = self._shown(path)
        limit = MAX_LARGE if path.name.lower().endswith(_LARGE) else MAX_SIZE
        try:
            data, seen = look(path, self.root, limit)
        except Unreadable as error:
            large = error.reason == "too_large"
            gap = gap_at(name, error.reason, error.detail, incomplete=not large)
            return Outcome(gaps=(purged(gap),)), None
        named = NamedFiles(self.root)
        modules = Modules(self.shelf, path)
        looked = _Looked(name, self.fingerprint, self.kingfisher, modules, named)
        looked.whole(path.name, data)
        outcome = looked.outcome(seen.digest.hex(), len(data))
        lasting = named.lasting and modules.lasting
        return outcome, (seen, *named.seen, *modules.seen) if lasting else None


class Contents(Reader):
    """
    Looks into what is in memory: at `NUMBER/NAME`, told as of the path `NUMBER`.

    Each is looked into alone: it imports nothing, and what it names is not looked for.
    """

    def __init__(
        self,
        contents: Mapping[Path, bytes],
        fingerprint: Fingerprint,
        kingfisher: "Kingfisher | None" = None,
    ) -> None:
        """See `Reader`; `contents` may be put in at any time."""
        super().__init__(Path(), fingerprint, kingfisher)
        self.contents = contents

    def _shown(self, path: Path) -> str:
        return path.parts[0]

    def _looked(self, path: Path) -> tuple[Outcome, None]:
        looked = _Looked(self._shown(path), self.fingerprint, self.kingfisher)
        work = looked.whole(path.name, self.contents[path])
        return replace(looked.outcome("", 0), work=work), None


# Bytes from which on a file's own digest is told.
SHORTEST_TOLD = 200


class _Looked:
    """What one file came to, and each member of it where it is an archive."""

    def __init__(
        self,
        path: str,
        fingerprint: Fingerprint,
        kingfisher: "Kingfisher | None",
        modules: Modules | None = None,
        named: NamedFiles | None = None,
    ) -> None:
        self.path = path
        self.named = named
        self.modules = modules
        self.fingerprint = fingerprint
        self.kingfisher = kingfisher
        self.facts: list[EmbeddedSecret] = []
        self.references: list[KeyReference] = []
        self.gaps: list[Gap] = []
        self.excluded: Counter[str] = Counter()
        self.waivers: list[InlineWaiver] = []

    def outcome(self, digest: str, size: int) -> Outcome:
        if size < SHORTEST_TOLD or any(fact.secret is not None for fact in self.facts):
            # whoever has the digest of a file with a short password could try some,
            # and so of one that is nothing but a value without a name
            told = repr([(fact.id, fact.secret) for fact in self.facts])
            digest = sha256(told.encode("utf-8", "replace")).hexdigest()
        file = SourceFile(path=self.path, kind="repository", sha256=digest, size=size)
        what = self.path.partition("/")[0] if "/" in self.path else "."
        outcome = Outcome(
            gaps=tuple(self.gaps),
            excluded=tuple(
                Excluded(kind=KIND, what=what, reason=reason, count=count)
                for reason, count in sorted(self.excluded.items())
            ),
            embedded_secrets=tuple(self.facts),
            inline_waivers=tuple(self.waivers),
            key_references=tuple(self.references),
            files=(file,) if self.facts else (),
        )
        return purged(outcome)

    def whole(self, name: str, data: bytes) -> int:
        """Look into `data`, which is called `name`, and return the units that took."""
        path = self.path
        with allowance(MAX_WORK) as searching:
            # what was found until then is told
            with suppress(TooMuchWork):
                self.into(name, data)
            if searching.cut:
                self.path = path
                self.gap("too_large", "takes too long to be looked into whole")
        return MAX_WORK - searching.left

    def into(self, name: str, data: bytes, *, packed: bool = False) -> None:
        """Look into `data`, which is called `name`."""
        lowered = name.lower()
        zipped = data[:4] == b"PK\x03\x04" and lowered.endswith(ZIP)
        alone = lowered.endswith(PACKED) and not lowered.endswith(TAR)
        if zipped or lowered.endswith(TAR) or alone:
            if packed and alone:
                self.excluded["binary"] += 1
            elif packed:
                self.gap("unsupported", "an archive in an archive is not opened")
            else:
                self._archive(lowered, data)
            return
        text = _text(data)
        if text is None:
            self._binary(lowered, data)
        else:
            spots: list[Spot] = []
            kind = format_of(lowered, text)
            try:
                self._search(kind, text, spots)
                if len(text) <= LONGEST and kind in ("prose", "shapes"):
                    spots += read_alone(lowered, text)
                spots = self._with_kingfisher(kind, text, spots)
            finally:
                told = self._add(spots)
            self.waivers += _waivers(self.path, kind, text, told)
            if self.named is not None and may_refer(text):
                named = islice(_references(kind, text), MAX_REFERENCES)
                self._refer(named, self.named)

    def _archive(self, name: str, data: bytes) -> None:
        from dagwarden.sources.embedded.archive import Refused, members_of
        from dagwarden.sources.embedded.formats.keys import HEAD, may_be_key

        whole = self.path
        try:
            for member, content in members_of(name, data):
                self.path = f"{whole}/{member}"
                if isinstance(content, Refused):
                    self.gap(content.reason, content.detail)
                elif (reason := passed_over(member)) is not None and not (
                    reason == "binary" and may_be_key(content[:HEAD])
                ):
                    self.excluded[reason] += 1
                else:
                    self.into(member.rpartition("/")[2], content, packed=True)
        except Refused as refused:
            self.path = whole
            self.gap(refused.reason, refused.detail)
        self.path = whole

    def _binary(self, name: str, data: bytes) -> None:
        from dagwarden.sources.embedded.formats.keys import key_in

        if found := [Spot(1, one) for one in key_in(data)]:
            self._add(found)
        elif format_of(name, "") in READ_BY_PEOPLE:
            self.excluded["binary"] += 1
        else:
            self.gap("encoding", "is no text, whatever its name says")

    def _search(self, kind: str, text: str, spots: list[Spot]) -> None:
        """Add what is found to `spots`, which hold it however this ends."""
        longest = max(map(len, text.split("\n"))) if len(text) > MAX_LINE else 0
        if longest > MAX_LINE and kind not in ("json", "notebook"):
            detail = "has a line that is too long to be looked into by names"
            self.gap("too_large", detail)
            kind = "shapes"
        try:
            self._read(kind, text, spots)
        except Unparsable:
            self._read("named", text, spots)
        except Partly as partly:
            self.gap(partly.reason, partly.detail)
            self._read("named" if longest <= MAX_LINE else "shapes", text, spots)
        except (RecursionError, MemoryError):
            self.gap("too_deep", "nested too deeply to be looked into whole")
            self._read("shapes", text, spots)

    def _read(self, kind: str, text: str, spots: list[Spot]) -> None:
        spots.clear()
        python = kind == "python"
        reading = read_python(text, self.modules) if python else reader_of(kind)(text)
        spots.extend(islice(reading, MAX_READINGS))

    def _with_kingfisher(self, kind: str, text: str, own: list[Spot]) -> list[Spot]:
        if self.kingfisher is None:
            return own
        try:
            return self.kingfisher.beside(text, kind, own)
        except Partly as partly:
            self.gap(partly.reason, partly.detail)
            return own

    def gap(self, reason: GapReason, detail: str) -> None:
        """Add what was not looked into, or not whole."""
        self.gaps.append(gap_at(self.path, reason, detail))

    def _add(self, spots: list[Spot]) -> list[EmbeddedSecret]:
        """Add the facts of one file, or that it holds no credential."""
        facts = list(self._facts(spots))
        if len(facts) >= MAX_SPOTS or len(spots) >= MAX_READINGS:
            self.gap("truncated", f"only the first {MAX_SPOTS} credentials are told")
        nothing = EmbeddedSecret(
            id=f"file:{self.path}",
            origin=Origin(source=self.path),
            path=self.path,
            secret=None,
        )
        own = [fact for fact in facts if fact.path == self.path]
        self.facts += facts if own else [nothing, *facts]
        return own

    def _refer(self, references: Iterable[Reference], named: NamedFiles) -> None:
        """Add what one file names and does not hold."""
        ids: Counter[str] = Counter()
        for one in dict.fromkeys(references):
            ids[one.place] += 1
            number = f"#{ids[one.place]}" if ids[one.place] > 1 else ""
            kind = named.kind_of(one.target, self.path) if one.target else None
            if kind is None and one.is_key:
                kind = "service_account_key"
            symbol = f"what {one.target or one.place} holds"
            unknown = Unresolved(field="holds", reason="unreadable", symbol=symbol)
            self.references.append(
                KeyReference(
                    id=f"key_reference:{self.path}:{one.place}{number}",
                    origin=Origin(source=self.path, line=one.line, field=one.place),
                    path=self.path,
                    place=one.place,
                    target=one.target,
                    holds=UNSET if kind is None else kind,
                    unresolved=() if kind else (unknown,),
                )
            )

    def _facts(self, spots: list[Spot]) -> Iterator[EmbeddedSecret]:
        ids: Counter[str] = Counter()
        values: set[tuple[str, str, int]] = set()
        places: set[tuple[str, str, str]] = set()
        for spot in sorted(spots, key=_order):
            line, found, source = spot.line, spot.found, spot.source
            here = (found.value, source, line), (found.value, source, found.place)
            if here[0] in values or here[1] in places:
                continue
            if ids.total() >= MAX_SPOTS:
                return
            values.add(here[0])
            places.add(here[1])
            place = found.place or "text"
            ids[place] += 1
            number = f"#{ids[place]}" if ids[place] > 1 else ""
            yield EmbeddedSecret(
                id=f"file:{self.path}:{place}{number}",
                origin=self._origin(source, line, found.place or None),
                path=source or self.path,
                secret=UNSET if found.doubt else found.kind,
                doubt=found.doubt,
                told_by=None if found.doubt else found.told_by,
                unresolved=_unresolved(place, found),
                place=place,
                prefix=found.prefix,
                contributing=tuple(self._origin(*other) for other in spot.others),
                credential=self.fingerprint.of(found.value) or "",
                identity=found.identity,
                key_id=found.key_id,
                pattern=found.pattern,
            )

    def _origin(self, source: str, line: int, field: str | None = None) -> Origin:
        return Origin(source=source or self.path, line=line, field=field)


def _waivers(
    path: str, kind: str, text: str, told: Sequence[EmbeddedSecret]
) -> Iterator[InlineWaiver]:
    """Yield the comments of a file that accept something."""
    python = kind == "python"
    if told:
        yield from waivers_in(text.split("\n"), told, ours=not python)
    if not python or "dagwarden:" not in text:
        return
    from dagwarden.sources.dags.parse import parsed
    from dagwarden.sources.dags.waivers import of_credentials

    data = text.encode("utf-8", "surrogatepass")
    try:
        tree = parsed(data)
    except Unreadable:  # looked into as text
        yield from waivers_in(text.split("\n"), told, ours=True)
        return
    held = {fact.origin.line or 0 for fact in told}
    yield from of_credentials(path, data, tree, held)


def _references(kind: str, text: str) -> Iterator[Reference]:
    """Yield the credentials that a file of settings, commands or code names."""
    from dagwarden.sources.credentials import references
    from dagwarden.sources.dags.parse import parsed

    if kind == "python":
        try:
            tree = parsed(text.encode("utf-8", "surrogatepass"))
        except Unreadable:
            return
        yield from references.references_in_python(tree, text)
    elif kind not in READ_BY_PEOPLE:  # what people read tells of such files
        yield from references.references_in_text(text)


def _unresolved(place: str, found: Found) -> tuple[Unresolved, ...]:
    if found.doubt is None:
        return ()
    symbol = f"what {place} is: {found.doubt}"
    return (Unresolved(field="secret", reason="dynamic", symbol=symbol),)


# What says most of a value that several readings of a file tell of.
_MOST = {"service_account_key": 0, "authorized_user": 1}


def _order(spot: Spot) -> tuple[int, int, bool, str]:
    found = spot.found
    return spot.line, _MOST.get(found.kind, 2), not found.place, found.place


# The mark of UTF-32 in little endian begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def _text(data: bytes) -> str | None:
    """Return the text that `data` is, what is no UTF-8 replaced; None: it is none."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace").replace("\r\n", "\n")
    head = data[:_HEAD]
    if b"\0" in head:
        # letters of UTF-16 without its mark, as Windows writes them
        if len(head) >= _FEW and not head[1::2].strip(b"\0") and b"\0" not in head[::2]:
            return data.decode("utf-16-le", "replace").replace("\r\n", "\n")
        return None
    return data.decode("utf-8", "replace").replace("\r\n", "\n")
