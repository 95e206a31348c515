"""The rules in force: the pack says what the files say."""

from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from tests.policy.test_load import GOOD, written

from dagwarden.errors import RuleError
from dagwarden.expression import Expression
from dagwarden.policy.evaluate import general_remediation
from dagwarden.policy.load import shipped_rule_files
from dagwarden.policy.pack import compile_pack, load_rules
from dagwarden.rule import Rule


def test_own_rules_stand_beside_the_shipped_ones(tmp_path: Path) -> None:
    shipped = load_rules()
    both = load_rules([written(tmp_path)])
    assert [rule.id for rule in both] == sorted(r.id for r in (*shipped, *both[-1:]))
    assert [rule.id for rule in both if not rule.bundled] == ["wide-grant"]
    assert {rule.family for rule in both if rule.id == "wide-grant"} == {"grants"}


def test_the_pack_is_the_rules(tmp_path: Path) -> None:
    packed = compile_pack(Path(__file__).parents[2] / "rules")
    rules = msgspec.json.decode(packed, type=tuple[Rule, ...])
    assert tuple(replace(rule, parsed=None, general=None) for rule in rules) == tuple(
        found.rule for found in shipped_rule_files()
    )


def test_what_the_pack_leaves_out_of_remediations_is_what_depends_on_subjects() -> None:
    packed = compile_pack(Path(__file__).parents[2] / "rules")
    rules = msgspec.json.decode(packed, type=tuple[Rule, ...])
    told = {rule.id: general_remediation(rule) for rule in rules}
    assert told == {
        found.rule.id: general_remediation(found.rule) for found in shipped_rule_files()
    }
    lacks = next(rule for rule in rules if rule.id == "call-lacks-permission")
    assert "{cures}" in lacks.remediation
    assert lacks.general == told[lacks.id]
    assert "{cures}" not in str(lacks.general)


def test_what_the_pack_has_parsed_are_its_texts(tmp_path: Path) -> None:
    written(tmp_path)
    (rule,) = msgspec.json.decode(compile_pack(tmp_path), type=tuple[Rule, ...])
    assert rule.parsed == (
        Expression(rule.when).parsed,
        Expression(rule.assert_).parsed,
    )
    assert [one.reads for one in rule.parsed or ()] == [
        ((("identity", "kind"), ()),),
        ((("level",), ()), (("role",), ("roles",))),
    ]


def test_a_bad_rule_stops_the_pack(tmp_path: Path) -> None:
    written(tmp_path, GOOD.replace("severity: high", "severity: hihg"))
    with pytest.raises(
        RuleError, match=r"rules/grants/wide-grant\.yaml:4: there is no"
    ):
        compile_pack(tmp_path)
