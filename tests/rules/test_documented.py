"""What the page about writing rules shows and lists is so."""

import re
from pathlib import Path

import pytest

from dagwarden.expression import checks
from dagwarden.facts import KINDS
from dagwarden.policy import load
from dagwarden.policy.examples import run_examples
from dagwarden.policy.load import RuleFile, load_rule_files
from dagwarden.policy.pack import load_rules
from dagwarden.rule import FAMILIES

PAGE = (Path(__file__).parents[2] / "docs/writing-rules.md").read_text()
ROWS = dict(re.findall(r"^\| `(\w+)` \|(.*)$", PAGE, re.MULTILINE))


def shown_rule(folder: Path) -> RuleFile:
    """The rule on the page, as if written to the file that the page names."""
    found = re.search(r"`policy/rules/(\S+)`:\n\n```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    path = folder / found[1]
    path.parent.mkdir(parents=True)
    path.write_text(found[2])
    (rule_file,) = load_rule_files([folder], load_rules())
    return rule_file


def test_the_rule_on_the_page_proves_itself(tmp_path: Path) -> None:
    rule_file = shown_rule(tmp_path)
    (result,) = run_examples([rule_file])
    assert (result.examples, result.problems) == (4, ())
    assert rule_file.rule.family == "grants"


def test_every_field_and_no_other_is_listed() -> None:
    assert set(ROWS) == set(load.REQUIRED) | set(load.OPTIONAL)
    optional = {name for name, row in ROWS.items() if "*Optional*" in row}
    assert optional == set(load.OPTIONAL)


@pytest.mark.parametrize("name", sorted(load.WORDS_OF))
def test_the_words_of_a_field_are_those_listed(name: str) -> None:
    listed = re.findall(r"`(\w+)`", ROWS[name].partition("|")[0])
    assert listed == list(load.WORDS_OF[name])


def test_families_are_those_listed() -> None:
    assert tuple(re.findall(r"`(\w+)`", ROWS["family"].partition("|")[0])) == FAMILIES


def test_functions_are_those_offered() -> None:
    (said,) = checks.check("int(subject.name) == 1", KINDS["cloud_run"][1], {})
    offered = set(said.partition("; use comparisons, ")[2].split(", "))
    listed = set(re.findall(r"`(?:list\.)?(\w+)\(", PAGE.partition("## How")[0]))
    assert listed | {"in"} == offered


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("has(subject.name)", "has() would make a missing field definite"),
        ("subject.urls == ['a']", "whole lists, maps and records cannot be compared"),
        ("subject.service_account.startsWith('a')", "may be null"),
        ("subject.ingress == 'everywhere'", 'is never "everywhere"'),
        ("subject.name.matches(subject.region)", "written out as a constant"),
        ("subject.kind == 'job' || type(subject.name) == string", "is a type"),
        ("{'a': subject.name}.a == 'b'", "a map or message literal"),
    ],
)
def test_what_the_page_says_is_refused_is(text: str, said: str) -> None:
    problems = checks.check(text, KINDS["cloud_run"][1], {})
    assert any(said in problem for problem in problems), problems
