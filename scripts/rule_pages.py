"""
Write the pages under docs/rules/ and docs/schema/facts.schema.json.

    .venv/bin/python scripts/rule_pages.py [--check]

Run it after a change to a rule or to the facts; a test holds the files to it, by
`--check`, which names what is not current and writes nothing.
"""

import sys
from pathlib import Path

from msgspec.structs import replace

from dagwarden.job import facts_schema
from dagwarden.policy.evaluate import general_remediation
from dagwarden.policy.pack import load_rules
from dagwarden.render.rule import render_rule
from dagwarden.rule import FAMILIES

DOCS = Path(__file__).parents[1] / "docs"


def pages() -> dict[str, str]:
    """Return the content of every generated page, by its path under docs/."""
    rules = load_rules()
    index = ["# Rules", "Generated from `rules/` by `scripts/rule_pages.py`."]
    for family in FAMILIES:
        rows = [
            f"| [{rule.id}]({rule.id}.md) | {rule.severity} | {rule.persona} "
            f"| {rule.title} |"
            for rule in rules
            if rule.family == family
        ]
        head = "| rule | severity | persona | finds |\n|---|---|---|---|\n"
        index.append(f"## {family}\n\n{head}" + "\n".join(rows))
    # what mends a case at hand stands in findings only
    found = {
        f"rules/{rule.id}.md": render_rule(
            replace(rule, remediation=general_remediation(rule))
        )
        for rule in rules
    }
    found["rules/README.md"] = "\n\n".join(index) + "\n"
    found["schema/facts.schema.json"] = facts_schema()
    return found


def stale(found: dict[str, str]) -> list[str]:
    """Return the names of pages that are missing, not current, or of no rule."""
    here = {f"rules/{path.name}" for path in (DOCS / "rules").glob("*.md")}
    return sorted(
        (here - set(found))
        | {
            name
            for name, text in found.items()
            if not (DOCS / name).is_file()
            or (DOCS / name).read_text(encoding="utf-8") != text
        }
    )


def main() -> int:
    """Write every page, and remove those of rules that are gone."""
    found = pages()
    names = stale(found)
    if "--check" in sys.argv:
        print("\n".join(names))
        return 1 if names else 0
    for name in names:
        if name in found:
            (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / name).write_text(found[name], encoding="utf-8")
        else:
            (DOCS / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
