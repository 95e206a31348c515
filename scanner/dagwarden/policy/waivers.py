"""
Accepted failures and accepted gaps: the register, and what became of each entry.

A waiver file is YAML: a list under `waivers`, each entry with rule, subject, owner,
approver, reason and expires. In a scanned file a waiver is a comment:

    # dagwarden: waive RULE until=2027-01-31 owner=@team -- why

`subject` in a file is a subject id, where `*` matches anything, or a finding's
fingerprint. The day of expiry still counts.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from dagwarden.config import unknown_name
from dagwarden.errors import WaiverError, shown
from dagwarden.facts import InlineWaiver, Origin, Record
from dagwarden.findings import Waiver, WaiverStatus
from dagwarden.patterns import late
from dagwarden.rule import Rule

# What the markers of other tools waive: no rule by name, but this family's.
MARKED = "credentials"
_INLINE = late(r"^\s*waive\s+(?P<rule>[a-z0-9-]+)(?P<rest>.*)$")
_FORM = "write: # dagwarden: waive RULE until=YYYY-MM-DD owner=@team -- reason"


class _Entry(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of a waiver file, as written."""

    rule: str
    subject: str
    owner: str
    reason: str
    expires: date
    approver: str = ""
    kind: Literal["waiver", "gap", "false_positive"] = "waiver"


def read_waivers(path: Path, where: str, rules: Iterable[Rule]) -> tuple[Waiver, ...]:
    """
    Read one waiver file; `where` is its name in messages and origins.

    Raises WaiverError that names the entry, the field and what to write.
    """
    # hardly any hook is given a register
    from dagwarden.policy.register import read_register

    known = {rule.id for rule in rules}
    entries = read_register(path, where, "waivers", _Entry)
    return tuple(
        _waiver(entry, where, number, known) for number, entry in enumerate(entries, 1)
    )


def _waiver(said: _Entry, where: str, number: int, known: set[str]) -> Waiver:
    check_rule(said.rule, f"{where}: entry {number}", known)
    return Waiver(
        id=f"{where}#{number}",
        kind=said.kind,
        rule=said.rule,
        subject=said.subject,
        owner=said.owner,
        approver=said.approver,
        reason=said.reason,
        expires=said.expires.isoformat(),
        origin=Origin(source=where, field=f"waivers[{number - 1}]"),
        inline=False,
        status=WaiverStatus.UNUSED,
    )


def check_rule(rule: str, place: str, known: set[str]) -> None:
    """Raise WaiverError unless `rule` is a rule in force."""
    if rule not in known:
        raise WaiverError(
            f"unknown rule {shown(rule)}", where=place, remedy=unknown_name(rule, known)
        )


def inline_waivers(
    comments: Iterable[InlineWaiver],
    in_force: set[str],
    of_credentials: Collection[str] = (),
) -> tuple[Waiver, ...]:
    """
    Read comments; each has an id of its own, and says if its rule is not in force.

    Where the rule is one `of_credentials`, a comment covers their line.
    """
    ids: Counter[str] = Counter()
    read: list[Waiver] = []
    for comment in comments:
        waiver = inline_waiver(comment)
        if waiver.rule in of_credentials and comment.credentials is not None:
            origin = replace(comment.origin, line=comment.credentials)
            waiver = inline_waiver(replace(comment, origin=origin))
        ids[waiver.id] += 1
        if ids[waiver.id] > 1:
            waiver = replace(waiver, id=f"{waiver.id}#{ids[waiver.id]}")
        if waiver.status is WaiverStatus.UNUSED and waiver.rule not in {
            *in_force,
            MARKED,
        }:
            waiver = replace(waiver, note=_nameless(waiver.rule, in_force))
        read.append(waiver)
    return tuple(read)


def _nameless(rule: str, in_force: set[str]) -> str:
    """Say that no rule is called so, and which is meant where that is plain."""
    from difflib import get_close_matches  # only where something is wrong

    close = get_close_matches(rule, sorted(in_force), n=1, cutoff=_SLIP)
    return f"{MISSPELT} {close[0]}?" if close else "no rule of this name is in force"


MISSPELT = "no rule of this name is in force; did you mean"
# How alike a misspelt name is; two rules of the pack are less so.
_SLIP = 0.9


def inline_waiver(comment: InlineWaiver) -> Waiver:
    """Read one comment; what is wrong with it makes it MALFORMED, never silent."""
    if comment.marker:
        return _of_another_tool(comment)
    match = _INLINE().match(comment.text)
    head, dashes, reason = (match["rest"] if match else "").partition("--")
    said = dict(re.findall(r"(\w+)=(\S+)", head))
    problem = _inline_problem(match is not None, said, reason if dashes else "")
    origin = comment.origin
    return Waiver(
        id=f"{origin.source}:{origin.line}#{match['rule'] if match else ''}",
        kind="waiver",
        rule=match["rule"] if match else "",
        subject="",
        owner=said.get("owner", ""),
        approver=said.get("approver", ""),
        reason=reason.strip(),
        expires=_day(said),
        origin=origin,
        inline=True,
        status=WaiverStatus.MALFORMED if problem else WaiverStatus.UNUSED,
        note=f"{problem}; {_FORM}" if problem else "",
    )


def _of_another_tool(comment: InlineWaiver) -> Waiver:
    """Return what another tool's marker waives: the credentials on its line."""
    origin = comment.origin
    return Waiver(
        id=f"{origin.source}:{origin.line}#{comment.marker}",
        kind="waiver",
        rule=MARKED,
        subject="",
        owner="",
        approver="",
        reason=f"marked {comment.marker}",
        expires="",
        origin=origin,
        inline=True,
        status=WaiverStatus.UNUSED,
        note="another tool's marker: no owner, no approver, no end",
    )


def _inline_problem(matched: bool, said: dict[str, str], reason: str) -> str:
    if not matched:
        return "is not a waiver"
    unknown = sorted(set(said) - {"until", "owner", "approver"})
    if unknown:
        return f"unknown field {unknown[0]!r}"
    if not said.get("owner"):
        return "has no owner="
    if not reason.strip():
        return "has no reason after --"
    return "" if _day(said) else "has no until= with a date"


def _day(said: dict[str, str]) -> str:
    """Return the last day; what is no date is not repeated, it may be anything."""
    text = said.get("until", "")
    try:
        date.fromisoformat(text)
    except ValueError:
        return ""
    return text


def standing(
    waiver: Waiver, as_of: date, *, approvers: Sequence[str], trusted: bool
) -> Waiver:
    """
    Decide whether a waiver may apply: UNUSED means it may.

    It needs an approver who is not its owner and, where the operator names approvers,
    is one of them. A comment in a DAG file needs the repository to be trusted; where
    the operator names no approvers it applies without one, and says so.
    """
    if waiver.status is not WaiverStatus.UNUSED:
        return waiver
    if waiver.expires and date.fromisoformat(waiver.expires) < as_of:
        return replace(
            waiver,
            status=WaiverStatus.EXPIRED,
            note=f"expired on {waiver.expires}; mend it or have it approved anew",
        )
    if waiver.inline and not trusted:
        return replace(
            waiver,
            status=WaiverStatus.REFUSED,
            note="the operator does not let the repository waive (trust_repository)",
        )
    problem = _approval_problem(waiver, approvers)
    if not problem:
        return waiver
    if waiver.inline and not approvers:
        return replace(waiver, note=waiver.note or problem)
    return replace(waiver, status=WaiverStatus.UNAPPROVED, note=problem)


def _approval_problem(waiver: Waiver, approvers: Sequence[str]) -> str:
    if not waiver.approver:
        return "nobody approved it"
    if waiver.approver == waiver.owner:
        return "its owner approved it; another person must"
    if approvers and waiver.approver not in approvers:
        return f"{waiver.approver} is not among the operator's approvers"
    return ""


def covers(waiver: Waiver, subject: str, origin: Origin, fingerprint: str) -> bool:
    """Tell whether `waiver` names this subject, by id, fingerprint or line."""
    if waiver.inline:
        here = waiver.origin
        return (here.source, here.line) == (origin.source, origin.line)
    return waiver.subject == fingerprint or _matches(waiver.subject, subject)


def _matches(pattern: str, subject: str) -> bool:
    """Match with `*` as the only wildcard, without backtracking over `subject`."""
    head, *rest = pattern.split("*")
    if not rest:
        return pattern == subject
    if not subject.startswith(head):
        return False
    position = len(head)
    for part in rest[:-1]:
        found = subject.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    last = rest[-1]
    return len(subject) - position >= len(last) and subject.endswith(last)
