"""`dagwarden rules`: listed, shown and tested."""

from pathlib import Path

import click
from msgspec.structs import replace

from dagwarden.cli.options import PATH, Function
from dagwarden.errors import UsageError

# The page on how to change each kind of credential, which their rules name.
ROTATION = "credentials-rotation.md"


@click.group(no_args_is_help=False)
def rules() -> None:
    """List, show and test rules."""


def rule_options(function: Function) -> Function:
    """Add the options that say where own rules are."""
    for option in (
        click.option("--config", "operator", type=PATH, help="Its `rules` count."),
        click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own."),
    ):
        function = option(function)
    return function


@rules.command("list")
@rule_options
def list_rules(own_rules: tuple[Path, ...], operator: Path | None) -> None:
    """List every rule: id, severity, persona, what it finds."""
    from dagwarden.job import rules_in_force

    for rule in rules_in_force(own_rules, operator):
        click.echo(f"{rule.id:<42} {rule.severity:<9} {rule.persona:<9} {rule.title}")


@rules.command("show")
@click.argument("name")
@rule_options
def show_rule(name: str, own_rules: tuple[Path, ...], operator: Path | None) -> None:
    """
    Show one rule: what it does, why it matters, how to fix it, its criteria.

    Of a rule about credentials, also how each kind of them is changed.
    """
    from dagwarden.bundle import bundled
    from dagwarden.config import unknown_name
    from dagwarden.job import rules_in_force
    from dagwarden.policy.evaluate import general_remediation
    from dagwarden.render.rule import render_rule

    known = {rule.id: rule for rule in rules_in_force(own_rules, operator)}
    if name not in known:
        raise UsageError(f"unknown rule {name!r}", remedy=unknown_name(name, known))
    rule = known[name]
    # what mends a case at hand stands in findings only
    remediation = general_remediation(rule)
    click.echo(render_rule(replace(rule, remediation=remediation)), nl=False)
    if rule.bundled and ROTATION in remediation:
        page = bundled("docs") / ROTATION
        click.echo("\n" + page.read_text(encoding="utf-8"), nl=False)


@rules.command("test")
@click.argument("folders", nargs=-1, type=PATH)
@click.option("--rules", "own_rules", multiple=True, type=PATH, help="Own rules.")
def test_rules(folders: tuple[Path, ...], own_rules: tuple[Path, ...]) -> int:
    """
    Check rules and run their examples; without FOLDERS, the shipped ones.

    \b
    dagwarden rules test policy/rules

    Exit status 1 when an example fails, or would not notice a broken rule.
    """
    from dagwarden.policy.examples import run_examples
    from dagwarden.policy.load import load_rule_files, shipped_rule_files
    from dagwarden.policy.pack import load_rules

    folders = (*folders, *own_rules)
    found = (
        load_rule_files(folders, load_rules())
        if folders
        else shipped_rule_files(check=True)
    )
    results = run_examples(found)
    problems = [problem for result in results for problem in result.problems]
    for problem in problems:
        click.echo(problem)
    examples = sum(result.examples for result in results)
    click.echo(f"rules {len(results)}, examples {examples}, problems {len(problems)}")
    return 1 if problems else 0
