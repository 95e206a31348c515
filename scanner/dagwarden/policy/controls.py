"""The company's own control register: which rules give evidence for which control."""

from collections.abc import Iterable
from pathlib import Path

from dagwarden.facts import Record
from dagwarden.findings import ControlReport
from dagwarden.policy.register import read_register
from dagwarden.policy.waivers import check_rule
from dagwarden.rule import Rule


class _Control(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One entry of the register, as written."""

    id: str
    wording: str
    owner: str
    criteria: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()


def read_controls(
    path: Path, where: str, rules: Iterable[Rule]
) -> tuple[ControlReport, ...]:
    """Read `controls.yaml`; raises WaiverError naming entry, field and remedy."""
    known = {rule.id for rule in rules}
    entries = read_register(path, where, "controls", _Control)
    for number, entry in enumerate(entries, 1):
        for rule in entry.rules:
            check_rule(rule, f"{where}: entry {number}", known)
    return tuple(
        ControlReport(
            id=entry.id,
            wording=entry.wording,
            owner=entry.owner,
            criteria=entry.criteria,
            rules=entry.rules,
        )
        for entry in entries
    )
