"""
Providers' patterns from a well-kept engine, beside what we tell by structure.

`kingfisher-secret-scanner` is an extra, asked for by name; it compiles some hundred
patterns in Rust and asks nobody whether a key works: only its `Scanner` is used, never
its `Validator`. What it finds that we found, too, is ours to name; what we know to be
none is none for it, too.

API: its package `kingfisher_sdk` 1.5, whose docstrings say what is used here.
"""

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from dagwarden.errors import ConfigError
from dagwarden.patterns import late
from dagwarden.sources import stores
from dagwarden.sources.credentials.negatives import (
    is_made_up,
    is_placeholder,
    is_published,
    is_reference,
    is_sealed,
    is_template,
)
from dagwarden.sources.credentials.python import resolved_in_python
from dagwarden.sources.credentials.walk import Found
from dagwarden.sources.dags.parse import parsed
from dagwarden.sources.dags.records.seen import Unreadable
from dagwarden.sources.embedded.spots import Partly, Spot

if TYPE_CHECKING:
    from kingfisher_sdk import Finding

PACKAGE = "kingfisher-secret-scanner"
# Seconds for one text of at most 20 MB; it takes a quarter of one.
MAX_SECONDS = 30.0
# Whether these are credentials their structure says: keys are parsed, tokens decoded.
_BY_STRUCTURE = late(
    r"jwt|private-key$|credential-uri|connection-string|gcp-(?!api|gemini)|pem"
)
# Half of a pair that is no secret.
_PUBLIC = late(r"client-?id|account-id|access-key-id|[-_.]id(?:\.\d+)?$")
_HEX = late(r"[0-9a-fA-F-]{32,128}")
_DIGEST = late(
    r"sha-?\d|md5|checksum|digest|integrity|commit|etag|revision|uuid|hash|cursor",
    2,  # re.IGNORECASE
)


class Kingfisher:
    """The engine with its patterns, loaded once in a process."""

    def __init__(self, cache_of_rules: Path | None) -> None:
        """Compile the patterns, or load them from a folder that only its owner reads."""
        from kingfisher_sdk import DetectionPolicy, Rules, Scanner

        rules = Rules(cache=cache_of_rules is not None, cache_dir=cache_of_rules)
        # markers in the text are for us to show, not for it to be silent about
        policy = DetectionPolicy(inline_ignores=False)
        self._scanner: Scanner = Scanner(rules, policy=policy)

    def beside(self, text: str, kind: str, own: Sequence[Spot]) -> list[Spot]:
        """
        Return the credentials of a text, each once: `own`, and what only it tells.

        Of a value that we only doubt and it is sure of, its word counts. Raises
        Partly where the engine gives up.
        """
        told = [*self._found(text), *self._resolved(text, kind)]
        sure = [spot.found.value for spot in own if spot.found.doubt is None]
        added: list[Spot] = []
        for spot in told:
            value = spot.found.value
            if not any(_same(value, other) for other in sure):
                added.append(spot)
                sure.append(value)
        new = [spot.found.value for spot in added]
        return [
            *(
                spot
                for spot in own
                if spot.found.doubt is None
                or not any(_same(spot.found.value, value) for value in new)
            ),
            *added,
        ]

    def _resolved(self, text: str, kind: str) -> Iterator[Spot]:
        """Yield what is in texts that a module makes of several."""
        if kind != "python":
            return
        try:
            tree = parsed(text.encode("utf-8", "surrogatepass"))
        except Unreadable:
            return
        made = list(resolved_in_python(tree))
        # patterns look for the provider's name before the value
        lines = [f"{name} = {ast.unparse(ast.Constant(one))}" for _, name, one in made]
        for spot in self._found("\n".join(lines)):
            yield Spot(made[min(spot.line, len(made)) - 1][0], spot.found)

    def _found(self, text: str) -> Iterator[Spot]:
        lines = text.split("\n")
        try:
            found = self._scanner.scan(text, timeout=MAX_SECONDS)
        except TimeoutError:
            detail = f"{PACKAGE} takes too long over it"
            raise Partly("timeout", detail) from None
        except (RuntimeError, ValueError):
            detail = f"{PACKAGE} cannot look into it"
            raise Partly("unsupported", detail) from None
        for one in found:
            line = one.location["line"]
            if one.visible and _is_one(one, lines[line - 1 : line]):
                yield Spot(
                    line, Found("provider_token", "", one.secret, pattern=one.rule_id)
                )


def _is_one(finding: "Finding", line: list[str]) -> bool:
    rule, value = finding.rule_id, finding.secret.strip()
    if _BY_STRUCTURE().search(rule) or _PUBLIC().search(rule):
        return False
    tests = (is_placeholder, is_template, is_reference, is_sealed, is_published)
    if any(test(value) for test in tests) or is_made_up(value):
        return False
    before = line[0].partition(value)[0] if line else ""
    return not (_HEX().fullmatch(value) and _DIGEST().search(before))


def _same(one: str, other: str) -> bool:
    """Say whether one value is the other, or holds it, line breaks aside."""
    one, other = "".join(one.split()), "".join(other.split())
    return one in other or other in one


def version() -> str:
    """Return the name and version of the engine; raises ConfigError without it."""
    try:
        return f"{PACKAGE} {metadata.version(PACKAGE)}"
    except metadata.PackageNotFoundError:
        raise ConfigError(
            f"{PACKAGE} is not installed",
            where="--kingfisher",
            remedy="pip install 'dagwarden[kingfisher]', or leave the option out",
        ) from None


def loaded(root: Path, *, cached: bool) -> Kingfisher:
    """
    Return the engine for a scan of `root`, loaded before workers start.

    Without a folder for stores the patterns are compiled every time (three seconds);
    never in its own folder in the user's home.
    """
    return _loaded(stores.place_of_stores(root) if cached else None)


@cache
def _loaded(place: Path | None) -> Kingfisher:
    if place is None:
        return Kingfisher(None)
    folder = place / "kingfisher"
    folder.mkdir(mode=0o700, exist_ok=True)
    return Kingfisher(folder)
