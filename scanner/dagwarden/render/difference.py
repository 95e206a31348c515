"""What changed between two results, for people and for programs."""

import msgspec

from dagwarden.findings import Finding, Result
from dagwarden.render import visible


def render_difference(
    result: Result, earlier: Result, format_: str, *, colour: bool
) -> str:
    """Return the difference in `result` as text, or as JSON."""
    difference = result.difference
    if difference is None:
        return ""
    if format_ == "json":
        return msgspec.json.format(msgspec.json.encode(difference)).decode()
    findings = {
        item.fingerprint: item for item in (*earlier.findings, *result.findings)
    }
    lines: list[str] = []
    for title, code, keys in (
        ("new", "31", difference.new),
        ("fixed", "32", difference.fixed),
        ("newly unknown", "33", difference.newly_unknown),
    ):
        if keys:
            lines.append(f"\x1b[{code}m{title}\x1b[0m" if colour else title)
            lines += [f"  {_line(key, findings.get(key))}" for key in keys]
    lines.append(
        f"{len(difference.new)} new, {len(difference.fixed)} fixed, "
        f"{len(difference.unchanged)} unchanged, "
        f"{len(difference.newly_unknown)} newly unknown, against {difference.against}"
    )
    if unread := sum(gap.incomplete for gap in result.gaps):
        lines.append(
            f"{unread} not read: what the later result does not hold may be there"
        )
    return "\n".join(lines)


def _line(key: str, finding: Finding | None) -> str:
    if finding is None:
        return visible(key)
    where = finding.origin.source
    if finding.origin.line:
        where += f":{finding.origin.line}"
    return visible(f"{finding.severity} {finding.rule} {where}: {finding.message}")
