"""Comments `# dagwarden: ...` in DAG files, and the statement each one covers."""

import ast
import io
import tokenize
from collections.abc import Collection, Iterator, Sequence

from dagwarden.facts import InlineWaiver, Origin
from dagwarden.sources.dags.airflow.world import Site
from dagwarden.sources.dags.language.objects import Source

MARK = "dagwarden:"
MAX_TEXT = 500
_EMPTY = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)


def inline_waivers(
    source: Source, data: bytes, calls: Sequence[Site]
) -> list[InlineWaiver]:
    """
    Return the comments of `source`, each at the line of what it covers.

    A comment covers the code on its line or, alone on its line, the next code: of
    that, the innermost operator call, else the statement.
    """
    statements = list(_statements(source.tree))
    found: list[InlineWaiver] = []
    for comment, line, text in _comments(data):
        covered = _covering(line, calls) or _covering(line, statements) or line
        origin = Origin(source=source.path, line=covered)
        found.append(InlineWaiver(origin=origin, text=text[:MAX_TEXT], comment=comment))
    return found


def of_credentials(
    path: str, data: bytes, tree: ast.Module, held: Collection[int]
) -> Iterator[InlineWaiver]:
    """
    Yield the comments of any module, each at the line of the credentials it covers.

    That is the line of its code where credentials are `held` there, else that of the
    statement.
    """
    statements = list(_statements(tree))
    for comment, line, text in _comments(data):
        covered = line if line in held else _covering(line, statements) or line
        origin = Origin(source=path, line=covered)
        yield InlineWaiver(origin=origin, text=text[:MAX_TEXT], comment=comment)


def _comments(data: bytes) -> Iterator[tuple[int, int, str]]:
    """Yield each one's line, that of the code it belongs to, and what it says."""
    waiting: list[tuple[int, str]] = []
    code_line = 0
    try:
        for token in tokenize.tokenize(io.BytesIO(data).readline):
            if token.type == tokenize.COMMENT:
                text = _marked(token.string)
                if text is not None and token.start[0] == code_line:
                    yield token.start[0], code_line, text
                elif text is not None:
                    waiting.append((token.start[0], text))
            elif token.type not in _EMPTY and token.type != tokenize.ENCODING:
                code_line = token.end[0]
                for comment, text in waiting:
                    yield comment, token.start[0], text
                waiting = []
    except (tokenize.TokenError, SyntaxError):
        return


def _marked(comment: str) -> str | None:
    text = comment.lstrip("# \t")
    return text.removeprefix(MARK).strip() if text.startswith(MARK) else None


def _covering(line: int, sites: Sequence[Site]) -> int | None:
    """Return the first line of the smallest of `sites` that holds `line`."""
    around = [site for site in sites if site.line <= line <= site.end]
    if not around:
        return None
    return min(around, key=lambda site: (site.end - site.line, -site.line)).line


def _statements(tree: ast.Module) -> Iterator[Site]:
    """Yield where statements stand; of a compound one, its header."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        waiting.extend(
            child
            for child in ast.iter_child_nodes(node)
            if not isinstance(child, ast.expr)
        )
        if isinstance(node, ast.stmt):
            end = node.end_lineno or node.lineno
            below = [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
            if below:
                end = max(node.lineno, below[0].lineno - 1)
            yield Site("", node.lineno, end)
