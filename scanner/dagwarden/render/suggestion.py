"""What to change, as commands for people, and what came of it when derived again."""

from collections.abc import Iterable

from dagwarden.answers import Change, Loss, Open, Suggestion
from dagwarden.render import visible

_COLOURS = {"allowed": "32", "denied": "31", "unknown": "33"}
_LOST = {
    "grant": "is no longer given",
    "call": "no longer holds",
    "control": "can no longer become",
}


def render_suggestion(said: Suggestion, *, colour: bool) -> str:
    """Return the changes in the order in which to make them, and their outcome."""
    lines = [f"suggestion for {visible(said.asked)}"]
    if not said.changes:
        lines += ["", "nothing to change, by what was read"]
    for number, change in enumerate(said.changes, 1):
        lines += ["", f"{number}. {visible(_what(change))}"]
        lines.append(f"   because {visible(change.because)}")
        if change.command is not None:
            lines.append(f"   {visible(change.command)}")
    lines += ["", "scanned calls, before -> after, everything derived again"]
    for item in said.effects:
        words = f"{_word(item.before, colour)} -> {_word(item.after, colour)}"
        lines.append(f"  {words}  {visible(item.task)} ({visible(item.environment)})")
        if item.identity_before != item.identity_after:
            lines.append(f"    as {visible(item.identity_after)}")
    if not said.effects:
        lines.append("  none")
    lines += _section("what is cut", map(_loss, said.cut))
    lines += _section("what no longer works", said.broken or ("nothing",))
    lines += _open(said.open)
    lines += _section("assuming", said.assumes)
    return "\n".join(lines) + "\n"


def _what(change: Change) -> str:
    place = change.place.label if change.place is not None else ""
    if change.kind == "create":
        return f"make {place}, for DAG {change.dag} alone"
    if change.kind == "grant":
        return f"give {change.role} on {place} to {change.member}"
    if change.kind == "revoke":
        return f"take {change.role} on {place} from {change.member}"
    accounts = ", ".join(change.accounts)
    if change.connection:
        what = f"let connection {change.connection} ({change.environment}) hold no key"
        chain = f", and impersonation_chain {accounts}" if accounts else ""
        return f"{what}{chain}"
    chain = f'"{accounts}"' if len(change.accounts) == 1 else f"[{accounts}]"
    tasks = ", ".join(change.tasks)
    return f"give impersonation_chain={chain} to {tasks} of DAG {change.dag}"


def _loss(loss: Loss) -> str:
    return f"{loss.who} {_LOST[loss.kind]} {loss.what}"


def _open(items: Iterable[Open]) -> list[str]:
    """Return what is not suggested, by what would decide it."""
    by_reason: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        by_reason.setdefault(item.because, []).append(item.what)
    lines = ["", "not suggested"] if by_reason else []
    for because, what in by_reason.items():
        lines += [f"  - {visible(one)}" for one in what]
        lines += [f"      {visible(reason)}" for reason in because]
    return lines


def _word(answer: str, colour: bool) -> str:
    word = answer.upper()
    return f"\x1b[1;{_COLOURS[answer]}m{word}\x1b[0m" if colour else word


def _section(title: str, items: Iterable[str]) -> list[str]:
    found = [f"  - {visible(item)}" for item in items]
    return ["", title, *found] if found else []
