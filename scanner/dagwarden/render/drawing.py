"""A chain as a picture: inline SVG, read on screen in both themes and on paper."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from textwrap import wrap
from typing import TypeAlias
from xml.sax.saxutils import escape

from dagwarden.facts import Hop
from dagwarden.render import visible

# Geometry in user units; at full size one is a pixel.
_BOX, _HIGH, _GAP, _FALL = 208, 66, 92, 46
_LEAST, _HEAD, _LINE = 1150, 66, 17  # of an answer: its width, its head, a line
_LETTERS_OF_A_LINE, _REASONS = 150, 12
_COLOURS = {"allowed": "#2da44e", "denied": "#e5534b", "unknown": "#bf8700"}
_LETTERS = 26  # of the monospaced name on one line of a box

_WORDS = {
    "task": "holds",
    "uses_connection": "uses",
    "runs_as": "runs as",
    "authenticates_as": "authenticates as",
    "impersonates": "impersonates",
    "can_become": "can become",
    "member_of": "member of",
    "granted": "is granted",
    "inherited": "inherited by",
    "holds": "holds",
    "denied": "denied on",
    "calls": "calls",
}

# ... where a hop starts further back, at an identity or a role
_AGAIN = {"granted": "and is granted", "can_become": "so can become", "holds": "gives"}
# In a grant's text.

_GRANTED, _CONDITION = " granted on ", ", on condition"

_KINDS = {
    "task": "Task",
    "dag": "DAG",
    "call": "Call",
    "connection": "Connection",
    "environment": "Airflow environment",
    "identity": "Identity",
    "grant": "Grant",
    "binding": "Binding",
    "role": "Role",
    "cloud_run": "Cloud Run",
    "composer_environment": "Composer",
}


_Node: TypeAlias = tuple[str, str]  # an id and, of a role, where it is granted


def draw_chain(hops: Sequence[Hop], *, title: str, columns: int = 3) -> str:
    """
    Return `hops` as SVG: boxes from left to right, `columns` to a row.

    Loads nothing, and needs no style sheet; one may set `.chain` and the classes
    `box`, `kind`, `name`, `arrow` and `word` inside it. `title` and every hop's text
    are there for readers who hear it.
    """
    nodes, links = _shape(hops)
    width, height = _size(hops, columns)
    told = " ".join(f"{n}. {visible(hop.text)}." for n, hop in enumerate(hops, 1))
    name = sha256(f"{columns} {title} {told}".encode(errors="replace")).hexdigest()[:12]
    head = (
        f'<svg class="chain" role="img" aria-labelledby="t{name} d{name}" '
        f'viewBox="-1 -1 {width} {height}" width="{width}" height="{height}" '
        'xmlns="http://www.w3.org/2000/svg" '
        'font-family="system-ui, sans-serif" font-size="11" fill="currentColor">'
        f'<title id="t{name}">{escape(visible(title))}</title>'
        f'<desc id="d{name}">{escape(told)}</desc>'
    )
    boxes = (_box(*node, *_corner(n, columns)) for n, node in enumerate(nodes))
    arrows = (_arrow(word, n, columns) for n, word in enumerate(links, 1) if word)
    return "".join((head, *boxes, *arrows, "</svg>"))


def draw_answer(
    chains: Sequence[Sequence[Hop]],
    *,
    question: str,
    answer: str,
    because: Sequence[str] = (),
    columns: int = 4,
) -> str:
    """Return an answer as SVG: the verdict, why, and its chains, one below the other."""
    title = f"{question}: {answer}"
    drawn = [
        draw_chain(chain, title=title, columns=columns) for chain in chains if chain
    ]
    sizes = [_size(chain, columns) for chain in chains if chain]
    lines = [line for reason in because[:_REASONS] for line in _wrapped(reason)]
    if len(because) > _REASONS:
        lines.append(f"and {len(because) - _REASONS} more reasons")
    top = _HEAD + _LINE * len(lines)
    width = max((_LEAST, *(wide for wide, _ in sizes)))
    height = top + sum(high + _FALL for _, high in sizes)
    placed = [*_verdict(answer, question, lines)]
    for (_, high), svg in zip(sizes, drawn, strict=True):
        placed.append(svg.replace("<svg ", f'<svg y="{top}" ', 1))
        top += high + _FALL
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="group" '
        'font-family="system-ui, sans-serif" fill="currentColor">'
        f"<title>{escape(visible(title))}</title>{''.join(placed)}</svg>\n"
    )


def _verdict(answer: str, question: str, reasons: Sequence[str]) -> Iterator[str]:
    """Yield the words above the chains: the verdict, the question, why."""
    yield (
        f'<text class="answer" x="1" y="16" font-size="16" font-weight="700" '
        f'fill="{_COLOURS.get(answer, "currentColor")}">{escape(answer.upper())}</text>'
        f'<text class="question" x="1" y="38" font-size="12.5">'
        f"{escape(_cut(visible(question), _LETTERS_OF_A_LINE))}</text>"
    )
    for number, line in enumerate(reasons):
        yield (
            f'<text class="because" x="1" y="{60 + _LINE * number}" font-size="12" '
            f'opacity=".8">{escape(line)}</text>'
        )


def _wrapped(reason: str) -> list[str]:
    return wrap(visible(reason), _LETTERS_OF_A_LINE)


def _size(hops: Sequence[Hop], columns: int) -> tuple[int, int]:
    """Return the width and height of a drawn chain."""
    nodes, _ = _shape(hops)
    rows, wide = -(-len(nodes) // columns), min(len(nodes), columns)
    return wide * _BOX + (wide - 1) * _GAP + 2, rows * _HIGH + (rows - 1) * _FALL + 2


def _shape(hops: Sequence[Hop]) -> tuple[list[_Node], list[str | None]]:
    """
    Return the boxes along the chain, and the word on each link (None: no link).

    A hop that starts at a box further back goes on from the last one: what an
    identity was granted is all it takes to become another. A role's box says where it
    is granted, so what is inherited starts there.
    """
    nodes: list[_Node] = []
    links: list[str | None] = []
    seen: set[str] = set()
    for hop in hops:
        word = _WORDS[hop.kind]
        if not nodes:
            nodes.append((hop.source, ""))
        elif nodes[-1][0] != hop.source:
            if hop.source in seen:
                word = _AGAIN.get(hop.kind, word)
            elif hop.kind != "inherited" or not nodes[-1][1]:
                nodes.append((hop.source, ""))
                links.append(None)
        seen.update((hop.source, hop.target))
        nodes.append((hop.target, _place(hop)))
        links.append(word)
    return nodes, links


def _place(hop: Hop) -> str:
    """Return where a hop says that the role it leads to is granted."""
    role, granted, place = hop.text.partition(_GRANTED)
    if hop.kind != "granted" or not granted or role != hop.target:
        return ""
    return place.partition(_CONDITION)[0]


def _corner(number: int, columns: int) -> tuple[int, int]:
    row, column = divmod(number, columns)
    return column * (_BOX + _GAP), row * (_HIGH + _FALL)


def _box(node: str, place: str, left: int, top: int) -> str:
    kind, name = _label(node)
    if place:
        kind, name = f"Role on {visible(place)}", visible(node)
    lines = "".join(
        f'<text class="name" x="{left + 12}" y="{top + 37 + 15 * n}" '
        f'font-family="ui-monospace, monospace" font-size="11.5">{escape(line)}</text>'
        for n, line in enumerate(_two_lines(name))
    )
    return (
        f"<g><title>{escape(visible(node))}</title>"
        f'<rect class="box" x="{left}" y="{top}" width="{_BOX}" height="{_HIGH}" '
        'rx="6" fill="none" stroke="currentColor" stroke-opacity=".45"/>'
        f'<text class="kind" x="{left + 12}" y="{top + 19}" font-size="10.5" '
        f'opacity=".75">{escape(_cut(kind, 34))}</text>{lines}</g>'
    )


def _arrow(word: str, number: int, columns: int) -> str:
    """Draw the link that ends in box `number`; over the end of a row it turns."""
    left, top = _corner(number, columns)
    if number % columns:
        y = top + _HIGH // 2
        start, end = left - _GAP, left
        line, head = f"M{start} {y}H{end - 5}", f"M{end - 7} {y - 4}l7 4l-7 4z"
        x, y = (start + end) // 2 - 2, y - 7
    else:
        before, above = _corner(number - 1, columns)
        start, middle, end = above + _HIGH, top - _FALL // 2, left + _BOX // 2
        line = f"M{before + _BOX // 2} {start}V{middle}H{end}V{top - 5}"
        head = f"M{end - 4} {top - 7}l4 7l4 -7z"
        x, y = (before + left + _BOX) // 2, middle - 5
        if columns == 1:
            x += 48
            y += 9
    return (
        f'<g class="arrow"><path d="{line}" fill="none" stroke="currentColor"/>'
        f'<path d="{head}"/><text class="word" x="{x}" y="{y}" '
        f'text-anchor="middle" font-size="10.5">{escape(word)}</text></g>'
    )


def _label(node: str) -> tuple[str, str]:
    """Return the kind and the short name of a fact's id, as people say them."""
    kind, _, rest = node.partition(":")
    if node.startswith("//"):
        return _asset(node)
    if kind not in _KINDS or not rest:
        return "", visible(node)
    if rest.startswith("//"):
        kind_of_asset, name = _asset(rest.partition("#")[0])
        role = rest.partition("#")[2].partition("@")[0].partition("#")[0]
        if role:
            return f"{_KINDS[kind]} on {kind_of_asset.lower()} {name}", visible(role)
        return f"{_KINDS[kind]} {kind_of_asset.lower()}", name
    if kind == "identity":
        member, _, email = rest.partition(":")
        return _identity(member), visible(email or member)
    return _KINDS[kind], visible(list(_parts(rest))[-1])


def _parts(rest: str) -> Iterator[str]:
    """Split `ENV:PATH:NAME`, of which only NAME may hold further colons."""
    head, _, tail = rest.partition(":")
    yield head
    if tail:
        path, _, name = tail.partition(":")
        yield path
        if name:
            yield name


def _asset(name: str) -> tuple[str, str]:
    """Return ("Service", "billing") for `//run.googleapis.com/.../services/billing`."""
    parts = name.rsplit("/", 2)
    kind = parts[-2].removesuffix("s") if len(parts) == 3 else ""
    return visible(kind).capitalize(), visible(parts[-1])


def _identity(member: str) -> str:
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in member)
    return visible(words).capitalize()


def _cut(text: str, most: int) -> str:
    """Return `text` without its middle where it is longer than `most`."""
    if len(text) <= most:
        return text
    return f"{text[: (most - 1) // 2]}…{text[-(most // 2) :]}"


def _two_lines(name: str) -> list[str]:
    """Break `name` into at most two lines; what is too long loses its middle."""
    name = _cut(name, 2 * _LETTERS)
    if len(name) <= _LETTERS:
        return [name]
    # after a separator, where one is near
    cut = max(name.rfind(mark, 0, _LETTERS) for mark in "@./-_") + 1
    cut = cut if len(name) - cut <= _LETTERS and cut > 0 else _LETTERS
    return [name[:cut], name[cut:]]
