"""
Static facts beside those of a real Airflow.

What both know and tell alike is confirmed; what static reading could not follow becomes
known; where they contradict each other, that is told and Airflow's holds. But this
Airflow is not the one that the DAGs run in: where a file asked for an environment
variable, an Airflow Variable or a setting, what came of it says nothing of the real
one. Of such a file nothing becomes known, and nothing that was read is given up.
"""

import re
from collections import Counter, defaultdict
from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Dag,
    Excluded,
    Fact,
    Facts,
    Gap,
    GapReason,
    Maybe,
    Origin,
    Provenance,
    Reason,
    Task,
    Unresolved,
    merge,
)
from dagwarden.sources.credentials import purged
from dagwarden.sources.credentials.written import told_secrets, without, written_secrets
from dagwarden.sources.dags.archives import MAX_ARCHIVE, unpacked
from dagwarden.sources.dags.language.work import MAX_UNITS, TooMuchWork, allowance
from dagwarden.sources.dags.real.live import (
    NOT_STARTED,
    Asked,
    Extraction,
    Fault,
    Found,
    extract,
)
from dagwarden.sources.dags.real.observed import observed
from dagwarden.sources.dags.records import make as records
from dagwarden.sources.dags.records.calls import calls_of_file
from dagwarden.sources.dags.records.outcome import (
    HELD_ELSEWHERE,
    REFUSES,
    Environment,
)
from dagwarden.sources.dags.records.seen import Unreadable, look
from dagwarden.sources.variables.records import Variables

F = TypeVar("F", Dag, Task, Call)
R = TypeVar("R", Dag, Task, Call, Excluded)
T = TypeVar("T")
KINDS = ("dag", "task", "call")
# What Airflow cannot know either: it was not given what decides.
_ELSEWHERE = frozenset({"environment", "variable", "setting", "connection"})
# Gaps of a file that end where Airflow has read it.
_MENDED = frozenset({"syntax", "too_deep", "timeout", "unsupported", "malformed"})
_SETTING = "airflow_python"

Shown = Callable[[Path], str]
Doubt: TypeAlias = tuple[Reason, str]
Pair: TypeAlias = tuple[F | None, F | None]  # as read, as Airflow told


class Asking(NamedTuple):
    """Whom to ask, and about what."""

    python: Path
    root: Path
    # the DAG folder of each DAG file
    files: Mapping[Path, Path]
    environment: Environment
    variables: Variables
    # those of them that the file can be given
    given: Mapping[str, str]
    shown: Shown


def givable(variables: Variables) -> dict[str, str]:
    """Return what an environment can hold: no two names that are one there."""
    texts = variables.texts()
    names = Counter(name.upper() for name in texts)
    return {
        name: text
        for name, text in texts.items()
        if names[name.upper()] == 1 and "\0" not in name + text
    }


def confirmed(facts: Facts, asking: Asking) -> Facts:
    """Return `facts` with those of the Airflow that `asking` names."""
    secrets = _written(facts, asking)
    facts = replace(without(facts, secrets), files=facts.files)
    shares = _shares(facts, asking)
    parts = [shares[None]]
    for folder in sorted(set(asking.files.values())):
        files = sorted(file for file, home in asking.files.items() if home == folder)
        held = (asking.root / name for name in HELD_ELSEWHERE)
        places = (folder, asking.root, *held, *asking.environment.beside)
        roots = [place for place in dict.fromkeys(places) if place.is_dir()]
        extraction = extract(asking.python, files, roots, variables=asking.given)
        parts.append(Facts(gaps=tuple(_about(extraction, asking))))
        for file in files:
            parts.extend(_with_members(shares, file, extraction, asking, secrets))
    return merge(*parts)


def _written(facts: Facts, asking: Asking) -> frozenset[str]:
    """Return what the files that were read, and are asked about, write out as secrets."""
    read = (asking.root / one.path for one in facts.files if one.kind == "dag")
    found: set[str] = set()
    for path in sorted({*asking.files, *read}):
        try:
            data, _ = look(path, asking.root, MAX_ARCHIVE)
        except Unreadable:
            continue
        packed = path.suffix == ".zip"
        for code in unpacked(data).modules.values() if packed else (data,):
            found |= written_secrets(code.decode(errors="replace"))
    return frozenset(found)


def _with_members(
    shares: Mapping[str | None, Facts],
    file: Path,
    extraction: Extraction,
    asking: Asking,
    secrets: frozenset[str],
) -> Iterator[Facts]:
    """Yield the facts of a file; of an archive those of each file in it, and its own."""
    shown = asking.shown(file)
    found = extraction.found.get(file)
    why = extraction.failed.get(file, NOT_STARTED)
    if file.suffix != ".zip":
        yield _with_file(shares[shown], shown, found or why, asking, secrets)
        return
    within = f"{shown}/"
    read = {path for path in shares if path is not None and path.startswith(within)}
    if found is None:
        yield _unanswered(shares[shown], shown, why)
        yield from (shares[path] for path in sorted(read))
        return
    told = _by_member(found, asking.shown)
    itself = told.get(shown, Found((), (), ()))
    yield _with_file(shares[shown], shown, itself, asking, secrets)
    for path in sorted(read | {one for one in told if one.startswith(within)}):
        member = told.get(path, Found((), found.asked, ()))
        read_of_it = shares.get(path, Facts())
        yield _with_file(read_of_it, path, member, asking, secrets)


def _by_member(found: Found, shown: Shown) -> dict[str, Found]:
    """Return what Airflow makes of each file of an archive."""
    errors = _grouped(found.errors, lambda one: shown(Path(one.file)))
    dags = _grouped(
        found.dags, lambda one: shown(Path(str(one.attributes.get("fileloc"))))
    )
    return {
        path: Found(tuple(errors[path]), found.asked, tuple(dags[path]))
        for path in (*errors, *dags)
        if path is not None
    }


def _shares(facts: Facts, asking: Asking) -> dict[str | None, Facts]:
    """
    Return the facts and gaps of each file; under None all that is of none.

    The files of an archive have their own, below its path.
    """
    paths = {asking.shown(file) for file in asking.files}
    start = len(f"dag:{asking.environment.name}:")
    home = {dag.id: _path_of(dag.id[start:], paths) for dag in facts.dags}
    home |= {task.id: home.get(task.dag) for task in facts.tasks}
    dags = _grouped(facts.dags, lambda dag: home[dag.id])
    tasks = _grouped(facts.tasks, lambda task: home[task.id])
    calls = _grouped(facts.calls, lambda call: home.get(call.task))
    gaps = _grouped(facts.gaps, lambda gap: _path_of(f"{gap.origin.source}:", paths))
    return {
        path: replace(
            Facts() if path else facts,
            dags=tuple(dags[path]),
            tasks=tuple(tasks[path]),
            calls=tuple(calls[path]),
            gaps=tuple(gaps[path]),
        )
        for path in dict.fromkeys((None, *paths, *dags, *gaps))
    }


def _path_of(text: str, paths: Container[str]) -> str | None:
    """Return which of `paths`, or what in one, is before a colon in `text`."""
    ends = (found.start() for found in re.finditer(":", text))
    return next((text[:end] for end in ends if _is_of(text[:end], paths)), None)


def _is_of(path: str, paths: Container[str]) -> bool:
    archive, inside, _ = path.rpartition(".zip/")
    return path in paths or bool(inside and f"{archive}.zip" in paths)


def _grouped(
    items: Iterable[T], path: Callable[[T], str | None]
) -> defaultdict[str | None, list[T]]:
    found: defaultdict[str | None, list[T]] = defaultdict(list)
    for one in items:
        found[path(one)].append(one)
    return found


def _about(extraction: Extraction, asking: Asking) -> Iterator[Gap]:
    origin = Origin(
        source="dagwarden", field=f"{_SETTING} of {asking.environment.name}"
    )
    if extraction.airflow is None:
        detail = (
            f"{asking.shown(asking.python)} does not start, or cannot import Airflow: "
            "name the Python of an Airflow 2.11 or 3 installation"
        )
        yield Gap(reason="missing", origin=origin, detail=detail, kinds=KINDS)
    if extraction.lacking:
        detail = (
            "this system does not let these be taken from DAG files while Airflow"
            f" loads them: {', '.join(extraction.lacking)}"
        )
        yield Gap(reason="unsupported", origin=origin, detail=detail, incomplete=False)


def _unanswered(facts: Facts, path: str, why: str) -> Facts:
    if why == NOT_STARTED:  # told once, of the interpreter
        return facts
    return _noting(facts, "timeout", path, f"Airflow did not read it: {why}")


def _with_file(
    facts: Facts,
    path: str,
    found: Found | str,
    asking: Asking,
    secrets: frozenset[str],
) -> Facts:
    """Return the facts of one file, with what Airflow made of it, or why it did not."""
    if isinstance(found, str):
        return _unanswered(facts, path, found)
    doubts = tuple(_doubts(found, asking))
    if found.errors:
        return _refused(facts, path, found.errors[0], doubts)
    try:
        with allowance(MAX_UNITS):
            told = observed(found, path, asking.shown, asking.environment)
    except (TooMuchWork, RecursionError):
        return _noting(facts, "timeout", path, "what Airflow made takes too long")
    secrets |= _given(found)
    joined = _Joining(facts, doubts).with_told(*_purged(told, secrets))
    return without(joined, secrets)


def _refused(facts: Facts, path: str, fault: Fault, doubts: Sequence[Doubt]) -> Facts:
    """Tell that Airflow refuses the file, unless reading has told it."""
    kind = _kind_of(fault)
    if any(_tells_refusal(gap, path, kind) for gap in facts.gaps):
        return facts
    if doubts:
        reason, symbol = doubts[0]
        detail = (
            f"this Airflow cannot load the file ({kind}), which asks for what it is not "
            f"given: {reason} {symbol}"
        )
        return _noting(facts, "unsupported", path, detail, fault.line, incomplete=False)
    detail = f"{REFUSES}{kind}; run the file with that Python to see the error"
    return _noting(facts, "malformed", path, detail, fault.line, incomplete=False)


def _tells_refusal(gap: Gap, path: str, kind: str) -> bool:
    if gap.origin.source != path:
        return False
    unparsable = gap.reason in ("syntax", "encoding")
    return gap.detail.startswith(REFUSES) or (unparsable and kind in _UNPARSABLE)


_UNPARSABLE = ("SyntaxError", "IndentationError", "TabError", "ValueError")


def _given(found: Found) -> frozenset[str]:
    """
    Return what tasks and DAGs are given as secrets, wherever code has it from.

    And what imported modules hold as such, also those of packages that nobody lists: a
    path or an id may be made with it.
    """
    held = (
        part
        for dag in found.dags
        for task in dag.tasks
        for part in (task.arguments, task.expanded, task.attributes)
    )
    given = told_secrets((*held, *(dag.attributes for dag in found.dags)))
    return given.union(*(told_secrets((one,)) for one in found.held))


def _purged(
    told: records.Facts, secrets: frozenset[str]
) -> tuple[records.Facts, tuple[Call, ...]]:
    """Return `told` as what was read is, and its calls: ids are compared."""

    def clean(facts: tuple[R, ...]) -> tuple[R, ...]:
        return without(purged(facts), secrets)

    clear = replace(
        told,
        dags=list(clean(tuple(told.dags))),
        tasks=list(clean(tuple(told.tasks))),
        excluded=list(clean(tuple(told.excluded))),
    )
    calls = calls_of_file(clear.tasks, told.given, None).calls
    return clear, clean(tuple(calls))


def _noting(
    facts: Facts,
    reason: GapReason,
    path: str,
    detail: str,
    line: int | None = None,
    *,
    incomplete: bool = True,
) -> Facts:
    gap = Gap(
        reason=reason,
        origin=Origin(source=path, line=line),
        detail=detail,
        kinds=KINDS,
        incomplete=incomplete,
    )
    return replace(facts, gaps=(*facts.gaps, gap))


def _kind_of(fault: Fault) -> str:
    """Return the kind of an error; its words may quote the file."""
    lines = fault.text.splitlines()
    frames = [n for n, line in enumerate(lines) if line.startswith("  File ")]
    after = lines[frames[-1] + 1 if frames else 0 :]
    said = next((line for line in after if line[:1].strip()), "")
    if missing := re.match(
        r"ModuleNotFoundError: No module named '([\w.]{1,80})'$", said
    ):
        return f"no module named {missing[1]}"
    kind = re.match(r"(?:\w+\.)*(\w{1,60}(?:Error|Exception|Exit|Timeout))(:|$)", said)
    return kind[1] if kind else "an error"


class _Joining:
    """The facts of one file, from both."""

    def __init__(self, read: Facts, doubts: Sequence[Doubt]) -> None:
        self.read = read
        self.doubts = doubts
        self.gaps: list[Gap] = []
        self.excluded: list[Excluded] = []

    def with_told(self, told: records.Facts, told_calls: Sequence[Call]) -> Facts:
        """Return the facts of the file, joined with what Airflow told."""
        dags, tasks, calls = self.read.dags, self.read.tasks, self.read.calls
        found_dags = self._pairs(dags, told.dags, _dag_name, _dag_name)
        home = {one.id: other.id for one, other in found_dags if one and other}
        found_tasks = self._pairs(
            tasks,
            told.tasks,
            lambda task: _named(home.get(task.dag), task.task_id),
            lambda task: _named(task.dag, task.task_id),
        )
        new_dags = self._joined(found_dags, _dag_name)
        new_tasks = self._joined(found_tasks, _task_name)
        moved = _moved(found_dags, new_dags)
        new_tasks = [
            task and replace(task, dag=moved.get(task.dag, task.dag))
            for task in new_tasks
        ]
        new_calls = self._calls(calls, told_calls, _moved(found_tasks, new_tasks))
        return replace(
            self.read,
            dags=tuple(dag for dag in new_dags if dag),
            tasks=tuple(task for task in new_tasks if task),
            calls=tuple(new_calls),
            gaps=(*self._gaps_left(), *self.gaps),
            excluded=(*self.read.excluded, *self.excluded),
        )

    def _gaps_left(self) -> Iterator[Gap]:
        """Yield the gaps of before; DAGs and tasks that Airflow saw are none."""
        for gap in self.read.gaps:
            if gap.reason in _MENDED and gap.kinds == KINDS and not self.doubts:
                # code that tasks run was not read by Airflow either
                yield replace(gap, kinds=("call",))
            else:
                yield gap

    # ----------------------------------------------------------------------- pairing

    def _pairs(
        self,
        read: Iterable[F],
        told: Iterable[F],
        name_read: Callable[[F], object],
        name_told: Callable[[F], object],
    ) -> list[Pair[F]]:
        """Pair what is the same: by name, or alone on its line; the others alone."""
        by_name: dict[object, list[F]] = {}
        for one in told:
            by_name.setdefault(name_told(one), []).append(one)
        pairs: list[Pair[F]] = []
        nameless: dict[Origin, list[F]] = {}
        for one in read:
            name = name_read(one)
            if name is None:
                nameless.setdefault(one.origin, []).append(one)
            else:
                same = by_name.get(name)
                pairs.append((one, same.pop(0) if same else None))
        by_line: dict[Origin, list[F]] = {}
        for one in (one for ones in by_name.values() for one in ones):
            by_line.setdefault(one.origin, []).append(one)
        for origin, ones in nameless.items():
            there = by_line.get(origin, [])
            if len(ones) == len(there) == 1 and not self.doubts:
                pairs.append((ones[0], there.pop()))
            else:
                pairs.extend((one, None) for one in ones)
                if self.doubts:
                    there.clear()  # it is what stands for them
        pairs.extend((None, one) for ones in by_line.values() for one in ones)
        return pairs

    def _joined(
        self, pairs: Sequence[Pair[F]], name: Callable[[F], object]
    ) -> list[F | None]:
        """Return what becomes of each pair; None: it is left out."""
        return [self._one(read, told, name) for read, told in pairs]

    def _one(
        self, read: F | None, told: F | None, name: Callable[[F], object]
    ) -> F | None:
        if read is None:
            return None if told is None else self._added(told)
        if told is None:
            return self._unseen(read, named=name(read) is not None)
        joined = self._join(read, told)
        return joined if name(read) is not None else replace(joined, id=told.id)

    def _unseen(self, read: F, *, named: bool) -> F | None:
        """Return what Airflow did not make; None where it certainly makes none."""
        if self.doubts:
            return read
        kind = type(read).__name__.lower()
        what = f"{read.origin.source}:{read.origin.line}"
        reason = f"Airflow makes no such {kind}"
        if not named:
            reason = f"Airflow shows which {kind}s it stands for"
        self.excluded.append(Excluded(kind=kind, what=what, reason=reason))
        return None

    def _added(self, told: F) -> F:
        """Return what only Airflow made; its fields may be others elsewhere."""
        told = replace(told, provenance=_from_airflow(told.provenance))
        if not self.doubts:
            return told
        fields: list[str] = [
            name
            for name in type(told).__struct_fields__
            if name in _DECIDED and getattr(told, name) is not UNSET
        ]
        unresolved = (*told.unresolved, *map(self._why, fields))
        unset = dict.fromkeys(fields, UNSET)
        left = tuple(one for one in told.provenance if one.field not in unset)
        return replace(told, unresolved=unresolved, provenance=left, **unset)

    # ----------------------------------------------------------------------- joining

    def _join(self, read: F, told: F) -> F:
        """Return one fact of two."""
        known: dict[str, object] = {}
        why = {entry.field: entry for entry in read.unresolved}
        for name in type(read).__struct_fields__:
            one, other = getattr(read, name), getattr(told, name)
            if name in _OWN or one == other or other is UNSET:
                continue
            if name in _OF_A_TOKEN and isinstance(read, Call):
                continue
            if one is UNSET:
                reason = why[name].reason if name in why else "dynamic"
                if not self.doubts and reason not in _ELSEWHERE:
                    known[name] = other
            elif name in _FREE:
                known[name] = one if self.doubts else other
            else:
                known[name] = self._contradiction(read, name, one, other)
        if "connection" in known:
            known |= {name: getattr(told, name) for name in _WITH_CONNECTION}
        known |= self._secrets(read, told)
        lost = [name for name, value in known.items() if value is UNSET]
        left = [entry for entry in read.unresolved if entry.field not in known]
        left += [self._why(name) for name in lost]
        seen = _confirmed(read, told, known.keys())
        new = [one for one in told.provenance if one.field in known]
        seen += [one for one in _from_airflow(new) if one.field not in lost]
        seen.sort(key=lambda one: one.field)
        return replace(read, unresolved=tuple(left), provenance=tuple(seen), **known)

    def _contradiction(
        self, read: Fact, name: str, one: object, other: object
    ) -> object:
        """Tell that the two differ; what Airflow says holds unless it is in doubt."""
        detail = f"{name}: reading says {_shown(one)}, Airflow says {_shown(other)}"
        gap = Gap(
            reason="conflict",
            origin=read.origin,
            detail=detail,
            kinds=(type(read).__name__.lower(),),
            incomplete=False,
        )
        self.gaps.append(gap)
        return UNSET if self.doubts else other

    def _secrets(self, read: Fact, told: Fact) -> dict[str, object]:
        """Return the secrets that either saw; all of them, if one of them saw all."""
        if not (isinstance(read, Task) and isinstance(told, Task)):
            return {}
        seen = {(one.kind, one.fingerprint) for one in read.secrets_known}
        places = {(one.kind, one.place) for one in read.secrets_known}
        new = tuple(
            one
            for one in told.secrets_known
            if (one.kind, one.fingerprint) not in seen
            and (one.kind, one.place) not in places
        )
        both = (*read.secrets_known, *new)
        whole = read.secrets is not UNSET or (
            told.secrets is not UNSET and not self.doubts
        )
        changed: dict[str, object] = {"secrets_known": both} if new else {}
        if whole and (new or read.secrets is UNSET):
            changed["secrets"] = both
        return changed

    def _why(self, name: str) -> Unresolved:
        reason, symbol = self.doubts[0]
        return Unresolved(field=name, reason=reason, symbol=symbol)

    # ------------------------------------------------------------------------- calls

    def _calls(
        self, read: Sequence[Call], told: Sequence[Call], moved: Mapping[str, str]
    ) -> list[Call]:
        """Join the calls of tasks; what a task's code calls only reading knows."""
        here = [_of_task(call, moved) for call in told if call.task in moved]
        names: dict[object, list[Call]] = {}
        for call in here:
            names.setdefault((call.task, call.via, call.operation), []).append(call)
        joined: list[Call] = []
        for call in read:
            if call.task not in moved:
                continue
            mine = _of_task(call, moved)
            same = names.get((mine.task, mine.via, mine.operation))
            joined.append(self._join(mine, same.pop(0)) if same else mine)
        left = (call for calls in names.values() for call in calls)
        return [*joined, *map(self._added, left)]


# Not told by either, or the same for both.
_OWN = frozenset(
    {"id", "origin", "unresolved", "provenance", "environment", "dag", "task"}
    | {"connection_defined", "connection_parameter", "connection_source"}
    # a module has another name where Airflow imports it
    | {"own_class"}
    | {"secrets", "secrets_known"}
)
# Whose token a call carries only its code tells, which Airflow has not run.
_OF_A_TOKEN = frozenset({"acts_as", "audience", "connection", "impersonation_chain"})
_WITH_CONNECTION = ("connection_parameter", "connection_source")
# What static reading need not be certain of.
_FREE = frozenset({"conditional", "mapped"})
# What may be otherwise where a file really runs.
_DECIDED = frozenset(
    {"dagrun_timeout", "schedule", "connection", "impersonation_chain"}
    | {"execution_timeout", "timeout_seconds", "retries", "deferrable", "secrets"}
    | {"pool", "owner", "queue"}
    | {"project", "region", "name", "endpoint", "overrides", "overrides_duration"}
    | {"names_run"}
    | {"token", "audience", "tls_verified", "permissions", "deploys_as"}
)


def _from_airflow(told: Iterable[Provenance]) -> tuple[Provenance, ...]:
    """Say so of each field, but where a setting decides: this Airflow has others."""
    return tuple(
        one if one.source == "setting" else replace(one, source="airflow")
        for one in told
    )


def _confirmed(read: F, told: F, known: Container[str]) -> list[Provenance]:
    """Return from where what was read is known, and whether Airflow says the same."""
    sources = {one.field: one.source for one in told.provenance}
    return [
        replace(one, confirmed=True)
        if sources.get(one.field, "setting") != "setting"
        and getattr(read, one.field) == getattr(told, one.field)
        else one
        for one in read.provenance
        if one.field not in known
    ]


def _doubts(found: Found, asking: Asking) -> Iterator[Doubt]:
    """Yield what decides in a file, and is another where it really runs."""
    for one in found.asked:
        if one.reason == "setting":
            yield "setting", f"{one.symbol} of environment {asking.environment.name}"
        elif one.reason != "variable" or not _is_given(one, asking):
            yield one.reason, one.symbol


def _is_given(asked: Asked, asking: Asking) -> bool:
    """Say whether a file found the variable that it really finds, or rightly none."""
    entry = asking.variables.find(asked.symbol)
    if entry is None:
        return True
    exact = isinstance(entry.text, str) or asked.as_json
    return exact and asked.symbol in asking.given


def _dag_name(dag: Dag) -> object:
    return dag.dag_id if isinstance(dag.dag_id, str) else None


def _task_name(task: Task) -> object:
    return _named(_text(task.dag_id), task.task_id)


def _named(home: str | None, name: Maybe[str]) -> object:
    return (home, name) if home is not None and isinstance(name, str) else None


def _text(value: Maybe[str]) -> str | None:
    return value if isinstance(value, str) else None


def _shown(value: object) -> str:
    return str(value)[:100]


def _moved(pairs: Sequence[Pair[F]], joined: Sequence[F | None]) -> dict[str, str]:
    """Return under which id each fact of either now stands."""
    return {
        one.id: new.id
        for pair, new in zip(pairs, joined, strict=True)
        for one in pair
        if one is not None and new is not None
    }


def _of_task(call: Call, moved: Mapping[str, str]) -> Call:
    task = moved[call.task]
    old, new = call.task.partition(":")[2], task.partition(":")[2]
    return replace(call, task=task, id=call.id.replace(old, new, 1))
