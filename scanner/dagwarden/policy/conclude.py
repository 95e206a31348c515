"""From verdicts to findings: one cause, one finding, waived or not, most urgent first."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import chain, product
from typing import TypeAlias

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import (
    CERTAIN,
    KINDS,
    CloudRun,
    ComposerEnvironment,
    Connection,
    EmbeddedSecret,
    Fact,
    Facts,
    Hop,
    Origin,
    Path,
    Reach,
    Record,
    Task,
    ToldBy,
    facts_of,
)
from dagwarden.findings import (
    FAIL,
    UNKNOWN,
    Finding,
    Judged,
    Missing,
    MissingInput,
    RuleReport,
    Verdict,
    Waiver,
    WaiverStatus,
)
from dagwarden.policy.evaluate import (
    Judgement,
    Noted,
    cause_of,
    evidence_of,
    general_remediation,
    render_message,
    render_remediation,
)
from dagwarden.policy.waivers import MARKED, MISSPELT, covers, inline_waivers, standing
from dagwarden.rule import SEVERITIES, Rule


class Conclusion(Record, frozen=True, kw_only=True):
    """What the verdicts amount to."""

    counts: dict[str, int]  # facts by kind
    rules: tuple[RuleReport, ...]
    findings: tuple[Finding, ...]
    verdicts: tuple[Verdict, ...]  # that FAIL or are UNKNOWN; `judged` tells the others
    judged: tuple[Judged, ...]
    unknowns: tuple[MissingInput, ...]
    waivers: tuple[Waiver, ...]


def conclude(
    judgement: Judgement,
    rules: Sequence[Rule],
    facts: Facts,
    register: Iterable[Waiver],
    *,
    as_of: date,
    approvers: Sequence[str],
    trusted: bool,
    partial: bool = False,
) -> Conclusion:
    """
    Apply waivers to verdicts, group them by cause, rank them, and count.

    In a `partial` scan a waiver that covers nothing may cover what was not asked for.
    """
    by_id = {rule.id: rule for rule in rules}
    in_files = {rule.id for rule in rules if rule.subject == "embedded_secret"}
    written = inline_waivers(facts.inline_waivers, set(by_id), in_files)
    waivers = [
        standing(waiver, as_of, approvers=approvers, trusted=trusted)
        for waiver in (*register, *written)
    ]
    causes = _Causes(by_id)
    notable, waivers = _waived(judgement.notable, waivers, by_id, causes)
    if partial:
        waivers = [_perhaps_elsewhere(waiver) for waiver in waivers]
    chains = _Chains(facts.paths)
    verdicts = tuple([verdict for found in notable.values() for verdict, _ in found])
    groups = _groups(_not_superseded(notable, by_id), causes)
    failing = _failing(notable, by_id)
    findings = [
        _finding(by_id[rule], cause, group, chains, failing)
        for (rule, cause, _), group in groups.items()
    ]
    return Conclusion(
        counts={kind: len(facts_of(facts, kind)) for kind in KINDS},
        rules=_count_waived(judgement.reports, verdicts),
        findings=tuple(sorted(findings, key=_urgency)),
        verdicts=verdicts,
        judged=judgement.judged,
        unknowns=_unknowns(groups.values()),
        waivers=tuple(sorted(waivers, key=lambda waiver: waiver.id)),
    )


def together(parts: Sequence[Conclusion], rules: Sequence[Rule]) -> Conclusion:
    """
    Return what conclusions on some of `rules` each amount to, as if judged at once.

    Each saw all facts of the kinds that its own rules judge, and all waivers.
    """
    reports = {report.id: report for part in parts for report in part.rules}
    verdicts: dict[str, list[Verdict]] = defaultdict(list)
    for verdict in chain.from_iterable(part.verdicts for part in parts):
        verdicts[verdict.rule].append(verdict)
    findings = (finding for part in parts for finding in part.findings)
    return Conclusion(
        counts={kind: max(part.counts[kind] for part in parts) for kind in KINDS},
        rules=tuple(reports[rule.id] for rule in rules),
        findings=tuple(sorted(findings, key=_urgency)),
        verdicts=tuple(chain.from_iterable(verdicts[rule.id] for rule in rules)),
        judged=tuple(chain.from_iterable(part.judged for part in parts)),
        unknowns=_sorted_inputs(
            _summed(one for part in parts for one in part.unknowns)
        ),
        waivers=tuple(
            map(_as_used, zip(*(part.waivers for part in parts), strict=True))
        ),
    )


def _as_used(waiver: Sequence[Waiver]) -> Waiver:
    """Return what became of a waiver: verdicts of one rule alone are covered by it."""
    used = (one for one in waiver if one.status is WaiverStatus.USED)
    return next(used, waiver[0])


def _summed(inputs: Iterable[MissingInput]) -> Iterator[MissingInput]:
    """Yield each input once, with all that it would decide."""
    each: dict[tuple[str, str], list[MissingInput]] = defaultdict(list)
    for one in inputs:
        each[one.reason, one.symbol].append(one)
    for same in each.values():
        rules = {rule for one in same for rule in one.rules}
        yield replace(
            same[0],
            verdicts=sum(one.verdicts for one in same),
            rules=tuple(sorted(rules)),
        )


class _Causes:
    """What made a verdict: its cause's key and fingerprint."""

    def __init__(self, rules: dict[str, Rule]) -> None:
        self._rules = rules
        # many lack the same
        self._lacking: dict[tuple[Missing, ...], str] = {}

    def key(self, verdict: Verdict, subject: Fact) -> str:
        """FAILs share a cause by the rule's `cause`, UNKNOWNs by what is missing."""
        if verdict.outcome is UNKNOWN:
            if verdict.missing not in self._lacking:
                self._lacking[verdict.missing] = "unknown\0" + "\0".join(
                    f"{missing.reason} {missing.symbol}" for missing in verdict.missing
                )
            return self._lacking[verdict.missing]
        return cause_of(self._rules[verdict.rule], subject)

    def fingerprint(self, verdict: Verdict, subject: Fact) -> str:
        return _fingerprint(verdict.rule, self.key(verdict, subject))


def _fingerprint(rule: str, cause: str) -> str:
    return hashlib.sha256(f"{rule}\0{cause}".encode()).hexdigest()[:32]


class _Chains:
    """Counts the calls whose chain goes through a fact."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._through: dict[str, set[int]] = defaultdict(set)
        for number, path in enumerate(paths):
            for key in (path.id, path.task, *path.through):
                self._through[key].add(number)

    def of(self, subjects: Iterable[Fact]) -> frozenset[int]:
        """Return the numbers of the paths that go through any of `subjects`."""
        found = [
            self._through[key]
            for subject in subjects
            for key in _passed(subject)
            if key in self._through
        ]
        # most of a cloud is on no path
        return _NONE.union(*found) if found else _NONE

    def hops(self, subject: Fact) -> tuple[tuple[Hop, ...], tuple[str, ...]]:
        """Return the chain to show for `subject`: its own, or a path through it."""
        if isinstance(subject, Reach) and subject.controls_known:
            return subject.controls_known[0].hops, ()
        own: tuple[Hop, ...] = getattr(subject, "hops", ())
        if own:
            return own, getattr(subject, "assumes", ())
        numbers = self.of((subject,))
        if not numbers:
            return (), ()
        path = self._paths[min(numbers)]
        return path.hops, path.assumes


_NONE: frozenset[int] = frozenset()


# Kinds of facts that nothing but their ids names: of these most findings are.
_ALONE = frozenset(
    kind
    for _, kind in KINDS.values()
    if {"task", "account", "carriers", "controls"}.isdisjoint(kind.__struct_fields__)
)


def _handles(subject: Fact) -> list[str]:
    """Return the ids under which a path may go through `subject`."""
    handles = [subject.id]
    if type(subject) in _ALONE:
        return handles
    if isinstance(subject, EmbeddedSecret):
        handles += subject.carriers
    task = getattr(subject, "task", None)
    if isinstance(task, str):
        handles.append(task)
    if isinstance(subject, Reach):
        handles.append(f"identity:{subject.identity.key}")
    account = getattr(subject, "account", None)
    if isinstance(account, str):
        handles.append(f"identity:serviceAccount:{account}")
    return handles


def _passed(subject: Fact) -> Iterable[str]:
    """Return the ids by which a chain goes through what `subject` would change."""
    if type(subject) is not EmbeddedSecret:
        return _handles(subject)
    # what a task sends is no part of how it proves who it is
    connections = (one for one in subject.carriers if one.startswith("connection:"))
    return subject.id, *connections


# By rule, those that FAIL or are UNKNOWN.
_Notable: TypeAlias = Mapping[str, Sequence[Noted]]


def _waived(
    notable: _Notable,
    waivers: list[Waiver],
    rules: dict[str, Rule],
    causes: _Causes,
) -> tuple[_Notable, list[Waiver]]:
    """Mark each verdict with the first waiver that covers it; count the uses."""
    active: dict[tuple[str, bool], list[Waiver]] = defaultdict(list)
    for waiver in waivers:
        if waiver.status is WaiverStatus.UNUSED:
            active[waiver.rule, waiver.kind == "gap"].append(waiver)
    if not active:
        return notable, waivers
    used: Counter[str] = Counter()
    marked = [*chain.from_iterable(notable.values())]
    for index, (verdict, subject) in enumerate(marked):
        candidates = active.get((verdict.rule, verdict.outcome is UNKNOWN), [])
        if isinstance(subject, EmbeddedSecret):
            candidates = [*candidates, *active.get((MARKED, False), [])]
        covering = _first_covering(verdict, subject, candidates, causes)
        if covering is not None:
            used[covering.id] += 1
            marked[index] = replace(verdict, waiver=covering.id), subject
    for index, waiver_id in _of_one_credential(marked, rules).items():
        verdict, subject = marked[index]
        used[waiver_id] += 1
        marked[index] = replace(verdict, waiver=waiver_id), subject
    by_rule: dict[str, list[Noted]] = {rule: [] for rule in notable}
    for noted in marked:
        by_rule[noted[0].rule].append(noted)
    return by_rule, [
        replace(waiver, status=WaiverStatus.USED, matched=used[waiver.id])
        if used[waiver.id]
        else waiver
        for waiver in waivers
    ]


def _of_one_credential(
    notable: Sequence[Noted], rules: dict[str, Rule]
) -> dict[int, str]:
    """
    Return what waivers cover beside what they name: each verdict's index and waiver.

    One credential, one decision: who accepts that a task or connection is given it has
    accepted that it stands in the same file; who accepted every place of what a task
    is given has accepted that it is given that.
    """
    failed = [
        (index, verdict, subject)
        for index, (verdict, subject) in enumerate(notable)
        if verdict.outcome is FAIL
    ]
    accepted = {
        (verdict.rule, verdict.subject, subject.origin.source): verdict.waiver
        for _, verdict, subject in failed
        if verdict.waiver is not None
    }
    found: dict[int, str] = {}
    if not accepted:
        return found
    places: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for index, verdict, secret in failed:
        if not isinstance(secret, EmbeddedSecret):
            continue
        told = list(product(rules[verdict.rule].supersedes, secret.carriers))
        here = (accepted.get((*one, secret.origin.source)) for one in told)
        waiver = verdict.waiver or next(filter(None, here), None)
        if waiver is not None and verdict.waiver is None:
            found[index] = waiver
        for one in told:
            places[one].append(waiver)
    for index, verdict, _ in failed:
        waivers = places.get((verdict.rule, verdict.subject), [None])
        if verdict.waiver is None and None not in waivers:
            found[index] = str(waivers[0])
    return found


def _perhaps_elsewhere(waiver: Waiver) -> Waiver:
    if waiver.status is not WaiverStatus.UNUSED or waiver.note.startswith(MISSPELT):
        return waiver
    return replace(waiver, note="covers nothing in this part of the estate and rules")


def _first_covering(
    verdict: Verdict, subject: Fact, candidates: Sequence[Waiver], causes: _Causes
) -> Waiver | None:
    if not candidates:
        return None
    fingerprint = causes.fingerprint(verdict, subject)
    for waiver in candidates:
        if covers(waiver, verdict.subject, subject.origin, fingerprint):
            return waiver
    return None


def _failing(notable: _Notable, rules: dict[str, Rule]) -> set[tuple[str, str]]:
    """
    Return (rule, id) of failures: of their subject, and of their subject's task.

    Of those rules alone whose failures another rule's may explain.
    """
    explained = {other for rule in rules.values() for other in rule.supersedes}
    return {
        (rule, handle)
        for rule in explained
        for verdict, subject in notable.get(rule, ())
        if verdict.outcome is FAIL
        for handle in _handles(subject)
    }


def _not_superseded(notable: _Notable, rules: dict[str, Rule]) -> _Notable:
    """
    Leave out failures that a more specific rule's failure explains.

    It explains them on its own subject, and on others of the same task; not when it
    is waived: a waiver covers the rule it names, and of one credential those that tell
    of it elsewhere.
    """
    explained = {
        (other, handle)
        for rule, found in notable.items()
        if rules[rule].supersedes
        for verdict, subject in found
        if verdict.outcome is FAIL and verdict.waiver is None
        for other in rules[rule].supersedes
        for handle in _handles(subject)
    }
    told = {rule for rule, _ in explained}
    left = {
        rule: [
            (verdict, subject)
            for verdict, subject in notable.get(rule, ())
            if verdict.outcome is UNKNOWN
            or explained.isdisjoint((rule, one) for one in _handles(subject))
        ]
        for rule in told
    }
    return {rule: left.get(rule, found) for rule, found in notable.items()}


def _groups(
    notable: _Notable, causes: _Causes
) -> dict[tuple[str, str, str], list[Noted]]:
    """Return the verdicts by rule, key of their cause, and waiver."""
    groups: dict[tuple[str, str, str], list[Noted]] = defaultdict(list)
    for rule, found in notable.items():
        for noted in found:
            verdict, subject = noted
            key = rule, causes.key(verdict, subject), verdict.waiver or ""
            groups[key].append(noted)
    return groups


def _finding(
    rule: Rule,
    cause: str,
    group: Sequence[Noted],
    chains: _Chains,
    failing: set[tuple[str, str]],
) -> Finding:
    # all that is told of it, they share
    first, subject = group[0]
    subjects = [subject]
    if len(group) > 1:  # few have several
        subjects = sorted([subject for _, subject in group], key=_place)
        subject = subjects[0]
    unknown = first.outcome is UNKNOWN
    hops, assumes = _of_leaked_key(rule, subject) or chains.hops(subject)
    return Finding(
        fingerprint=_fingerprint(rule.id, cause),
        rule=rule.id,
        severity=rule.severity,
        confidence=_confidence(rule, subjects),
        persona=rule.persona,
        outcome=first.outcome,
        title=rule.title,
        message=_undecided(first.missing) if unknown else render_message(rule, subject),
        remediation=general_remediation(rule)
        if unknown
        else render_remediation(rule, subject),
        origin=subject.origin,
        subjects=tuple([one.id for one in subjects]),
        places=tuple([one.origin for one in subjects]),
        contributing=_contributing(subjects),
        evidence=() if unknown else evidence_of(rule, subject),
        hops=hops,
        assumes=assumes,
        missing=first.missing,
        chains=len(chains.of(subjects)),
        explains=()
        if unknown or first.waiver is not None
        else _explained(rule, subjects, failing),
        waiver=first.waiver,
    )


def _explained(
    rule: Rule, subjects: Iterable[Fact], failing: set[tuple[str, str]]
) -> tuple[str, ...]:
    """Return the rules whose failures on `subjects` those of `rule` explain."""
    if not rule.supersedes:
        return ()
    handles = set(chain.from_iterable(map(_handles, subjects)))
    return tuple(
        other
        for other in rule.supersedes
        if not failing.isdisjoint((other, handle) for handle in handles)
    )


def _confidence(rule: Rule, subjects: Iterable[Fact]) -> str:
    """Return that of the rule, but where what was found itself says what it is."""
    if rule.family != "credentials" or CERTAIN.isdisjoint(_told_by(subjects)):
        return rule.confidence
    return "certain"


def _told_by(subjects: Iterable[Fact]) -> Iterator[ToldBy]:
    for subject in subjects:
        if isinstance(subject, EmbeddedSecret):
            if subject.told_by is not None:
                yield subject.told_by
        elif isinstance(subject, (Connection, Task, CloudRun, ComposerEnvironment)):
            held = (
                subject.secrets_known if subject.secrets is UNSET else subject.secrets
            )
            for one in held:
                yield one.told_by


def _of_leaked_key(
    rule: Rule, subject: Fact
) -> tuple[tuple[Hop, ...], tuple[str, ...]] | None:
    """Return the chain from a key that `subject` is given in clear, if that is told."""
    if rule.family != "credentials" or not isinstance(subject, (Connection, Task)):
        return None
    return (subject.leaked_keys[0].hops, ()) if subject.leaked_keys else None


def _contributing(subjects: Iterable[Fact]) -> tuple[Origin, ...]:
    """Return where else parts are written of `subjects`, each place once."""
    found = [one.contributing for one in subjects if type(one) is EmbeddedSecret]
    return tuple(dict.fromkeys(chain.from_iterable(found))) if found else ()


def _place(subject: Fact) -> tuple[str, int, str]:
    origin: Origin = subject.origin
    return origin.source, origin.line or 0, subject.id


def _undecided(missing: Sequence[Missing]) -> str:
    named = ", ".join(f"{item.symbol} ({item.reason})" for item in missing)
    return f"cannot be decided: {named or 'a fact is not established'}"


def _urgency(
    finding: Finding,
) -> tuple[int, int, int, int, str, str, int, str]:
    """
    Sort failures before unknowns, live before waived, severe and wide first.

    What is alike in that is in the order of rules, then of places.
    """
    return (
        finding.outcome is UNKNOWN,
        finding.waiver is not None,
        -SEVERITIES.index(finding.severity),
        -finding.chains,
        finding.rule,
        finding.origin.source,
        finding.origin.line or 0,
        finding.fingerprint + (finding.waiver or ""),
    )


def _count_waived(
    rules: Sequence[RuleReport], verdicts: Sequence[Verdict]
) -> tuple[RuleReport, ...]:
    """Move waived failures from `failed` to `waived`; accepted gaps stay unknown."""
    waived = Counter(
        verdict.rule
        for verdict in verdicts
        if verdict.waiver is not None and verdict.outcome is FAIL
    )
    if not waived:
        return tuple(rules)
    return tuple(
        replace(
            rule,
            population=replace(
                rule.population,
                failed=rule.population.failed - waived[rule.id],
                waived=waived[rule.id],
            ),
        )
        for rule in rules
    )


def _unknowns(groups: Iterable[Sequence[Noted]]) -> tuple[MissingInput, ...]:
    """Group UNKNOWNs by what would decide them, the most deciding first."""
    count: Counter[Missing] = Counter()
    rules: dict[Missing, set[str]] = defaultdict(set)
    for group in groups:
        # empty: they are no UNKNOWNs; those of a group lack the same
        for missing in group[0][0].missing:
            count[missing] += len(group)
            rules[missing].add(group[0][0].rule)
    return _sorted_inputs(
        MissingInput(
            reason=missing.reason,
            symbol=missing.symbol,
            verdicts=number,
            rules=tuple(sorted(rules[missing])),
        )
        for missing, number in count.items()
    )


def _sorted_inputs(inputs: Iterable[MissingInput]) -> tuple[MissingInput, ...]:
    """Sort the most deciding first."""
    return tuple(
        sorted(inputs, key=lambda one: (-one.verdicts, one.symbol, one.reason))
    )
