"""One rule as Markdown: on the terminal and as its page in the documentation."""

from dagwarden.rule import Rule, Scalar


def render_rule(rule: Rule) -> str:
    """Return what `rule` does, why it matters, how to fix it, and what it proves."""
    parts = [
        f"# {rule.id}",
        rule.title,
        (
            f"Severity **{rule.severity}** · confidence **{rule.confidence}** · "
            f"persona **{rule.persona}** · family **{rule.family}** · "
            f"version {rule.version} · needs {', '.join(rule.needs)}"
        ),
        f"## What it does\n\n{rule.what.strip()}",
        f"## Why it matters\n\n{rule.why.strip()}",
        f"## How to fix it\n\n{rule.remediation.strip()}",
        f"## The test\n\nJudged for each `{rule.subject}` where\n\n{_cel(rule.when)}",
        f"and passed when\n\n{_cel(rule.assert_)}",
    ]
    if rule.params:
        rows = "\n".join(
            f"| `{name}` | `{_value(param.default)}` | {param.description} |"
            for name, param in sorted(rule.params.items())
        )
        parts.append(
            "## Parameters\n\n| name | default | meaning |\n|---|---|---|\n" + rows
        )
    parts.append(
        "## Evidence for SOC 2\n\n"
        + "\n".join(
            f"- **{control.soc2}**: {control.because.strip().rstrip('.')}. "
            f"Does not cover {control.does_not_cover.strip().rstrip('.')}."
            for control in rule.controls
        )
    )
    return "\n\n".join(parts) + "\n"


def _value(value: Scalar | tuple[str, ...]) -> str:
    return ", ".join(value) or "(none)" if isinstance(value, tuple) else str(value)


def _cel(expression: str) -> str:
    return f"```cel\n{expression.strip()}\n```"
