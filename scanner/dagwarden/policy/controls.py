"""The company's own control register: which rules give evidence for which control."""

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Final

from dagwarden.errors import WaiverError, shown
from dagwarden.expression.checks import suggestion
from dagwarden.facts import Record
from dagwarden.findings import ControlReport
from dagwarden.policy.load import all_criteria
from dagwarden.policy.register import read_register
from dagwarden.policy.waivers import check_rule
from dagwarden.rule import Rule

# What looks like a SOC 2 criterion is held to be one; other frameworks' ids are free.
_SOC2: Final = re.compile(r"(CC\d+|A1|C1|PI1|P\d)(\.\d+)?", re.IGNORECASE)


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
    criteria = all_criteria()
    for number, entry in enumerate(entries, 1):
        for rule in entry.rules:
            check_rule(rule, f"{where}: entry {number}", known)
        for criterion in entry.criteria:
            _check_criterion(criterion, f"{where}: entry {number}", criteria)
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


def _check_criterion(name: str, place: str, known: Collection[str]) -> None:
    if _SOC2.fullmatch(name) and name not in known:
        near = suggestion(name.upper(), sorted(known))
        raise WaiverError(
            f"there is no SOC 2 criterion {shown(name)}",
            where=place,
            remedy=f"correct it{near}",
        )
