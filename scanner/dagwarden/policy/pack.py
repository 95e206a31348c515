"""
The rules in force: those that are shipped, and own ones.

The shipped rules were checked when the wheel was built, and come from a pack in which
their expressions are parsed. A checkout has no pack, and reads them from their files.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from dagwarden.expression import compile_expression
from dagwarden.rule import Rule

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def load_rules(own: Sequence[Path] = ()) -> tuple[Rule, ...]:
    """
    Return the shipped rules and those of the `own` directories, sorted by id.

    Raises RuleError with every problem of every own rule file.
    """
    shipped = compiled_pack()
    if shipped is not None and not own:
        return shipped
    # a commit hook, whose rules come in the pack, does not pay for what reads files
    from dagwarden.policy.load import load_rule_files, shipped_rule_files

    if shipped is None:
        shipped = tuple(found.rule for found in shipped_rule_files())
    mine = tuple(found.rule for found in load_rule_files(own, shipped)) if own else ()
    return tuple(sorted((*shipped, *mine), key=lambda rule: rule.id))


def compiled_pack() -> tuple[Rule, ...] | None:
    """Return the rules that were checked and packed at build time, if they were."""
    # Not by importlib.resources: importing it costs a sixth of the commit hook's time.
    packed = Path(__file__).parents[1] / "_bundle" / "rules.json"
    try:
        data = packed.read_bytes()
    except OSError:
        return None
    return msgspec.json.decode(data, type=tuple[Rule, ...])


def compile_pack(folder: "Traversable") -> bytes:
    """Return the rules of `folder` as a pack, by id; RuleError if one is bad."""
    from dagwarden.policy.load import rules_to_ship

    return msgspec.json.encode(
        [_compiled(rule) for rule in rules_to_ship(folder)], order="sorted"
    )


def _compiled(rule: Rule) -> Rule:
    """Return a rule with all worked out that is the same in every run."""
    from dagwarden.policy.evaluate import general_remediation

    when, assert_ = compile_expression(rule.when), compile_expression(rule.assert_)
    general = general_remediation(rule) if "{" in rule.remediation else None
    return replace(rule, parsed=(when.parsed, assert_.parsed), general=general)
