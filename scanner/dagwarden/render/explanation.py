"""The answer to a question about access, hop by hop."""

from collections.abc import Iterable, Sequence

from dagwarden.answers import Explanation, Holders, Holdings
from dagwarden.facts import Gap, Hop
from dagwarden.render import place, unread, visible

_MORE = "and what the shipped catalogue does not tell: this role was not read"
_COLOURS = {"allowed": "32", "denied": "31", "unknown": "33"}


def render_answer(said: Explanation | Holders | Holdings, *, colour: bool) -> str:
    """Return the answer to a question of any kind."""
    if isinstance(said, Holders):
        return render_holders(said, colour=colour)
    if isinstance(said, Holdings):
        return render_holdings(said, colour=colour)
    return render_explanation(said, colour=colour)


def render_explanation(said: Explanation, *, colour: bool) -> str:
    """Return the answer, its chains with where each hop was read, what it assumes."""
    lines = [
        f"{_word(said.answer, colour)}  {visible(said.principal)}",
        f"  {visible(said.permission)}",
        f"  on {visible(said.resource)}",
    ]
    lines += _list("because", said.because)
    for number, chain in enumerate(said.chains, 1):
        title = f"chain {number} of {len(said.chains)}"
        # a chain that ends before a role holds the permission proves nothing
        if said.answer != "allowed" and chain and chain[-1].kind != "holds":
            title = "how far it gets"
        lines += ["", title, *_hops(chain)]
    lines += _list("assuming", said.assumes)
    lines += _unread(said.unread)
    return "\n".join(lines) + "\n"


def render_holders(said: Holders, *, colour: bool) -> str:
    """Return who holds a permission, who may, and what could add to them."""
    lines = [f"{visible(said.permission)}  on {visible(said.resource)}"]
    for holder in said.holders:
        lines += ["", f"{_word(holder.answer, colour)}  {visible(holder.identity.key)}"]
        lines += _hops(holder.hops)
        lines += [f"  because {visible(reason)}" for reason in holder.because]
    if not said.holders:
        lines += ["", "nobody, by what was read"]
    for title, others in (
        ("surely can become one of these", said.through),
        ("does not hold it, and surely can come to", said.selves),
        ("would hold it, is stopped, and can lift that itself", said.stopped),
    ):
        lines += ["", f"{title}: {len(others)}"] if others else []
        for other in others:
            lines += ["", f"  {visible(other.identity.key)}"]
            lines += [f"  {visible(reason)}" for reason in other.because]
            lines += _hops(other.hops)
    lines += _list("what could add to them", said.unknown)
    lines += _list("assuming", said.assumes)
    lines += _unread(said.unread)
    return "\n".join(lines) + "\n"


def render_holdings(said: Holdings, *, colour: bool) -> str:
    """Return what an identity holds, binding by binding, and whom it can become."""
    lines = [f"{_word(said.answer, colour)}  {visible(said.principal)}"]
    for holding in said.holdings:
        lines += [
            "",
            f"{_word(holding.answer, colour)}  {visible(holding.role)}",
            f"  on {visible(holding.resource)}",
        ]
        lines += [f"  {visible(name)}" for name in holding.permissions]
        if holding.partly and holding.permissions:
            lines.append(f"  {_MORE}")
        lines += [f"  because {visible(reason)}" for reason in holding.because]
        lines += _hops(holding.hops)
    lines += _list("can become", tuple(one.key for one in said.becomes))
    lines += _list("with a key, or signJwt on itself, any user, for", said.delegated)
    lines += _list("because", () if said.holdings else said.because)
    lines += _list("assuming", said.assumes)
    lines += _unread(said.unread)
    return "\n".join(lines) + "\n"


def _word(answer: str, colour: bool) -> str:
    word = answer.upper()
    return f"\x1b[1;{_COLOURS[answer]}m{word}\x1b[0m" if colour else word


def _hops(hops: Sequence[Hop]) -> Iterable[str]:
    for number, hop in enumerate(hops, 1):
        yield f"  {number}. {visible(hop.text)}"
        if hop.origin is not None:
            yield f"     read in {place(hop.origin)}"


def _list(title: str, items: Sequence[str]) -> list[str]:
    return ["", title, *(f"  - {visible(item)}" for item in items)] if items else []


def _unread(gaps: Sequence[Gap]) -> list[str]:
    lines = tuple(map(unread, gaps[:_SHOWN]))
    more = len(gaps) - len(lines)
    return _list("could not be read", (*lines, *([f"{more} more"] if more else [])))


_SHOWN = 20  # places of which a question tells that they could not be read
