"""Settings, one a line: .env, INI, TOML, and files of logins."""

import re
from collections.abc import Iterator

from dagwarden.sources.connections.formats import read_dotenv
from dagwarden.sources.credentials import found_in, found_in_text, numbered
from dagwarden.sources.credentials.work import charge
from dagwarden.sources.embedded.formats.plain import read_comments, read_named, read_pem
from dagwarden.sources.embedded.spots import Spot, Unparsable, below

_SECTION = re.compile(r"\s*\[{1,2}\s*(?P<name>[^\]]{1,200}?)\s*\]{1,2}\s*(?:[#;].*)?$")
_OPTION = re.compile(
    r"(?P<name>[^=:\s#;\[][^=:]{0,200}?)\s{0,200}[=:]\s*(?P<value>.*)$"
)
_DIRECTIVE = re.compile(
    r"(?:\w+\s{1,20}){0,2}?(?P<name>[\w-]*(?:pass|auth|bindpw|key|secret|token)[\w-]*)\s{1,20}(?P<value>\"[^\"]{4,500}\"|'[^']{4,500}'|\S{4,500}?);?$",
    re.IGNORECASE,
)
_KEY = re.compile(
    r"\s*(?P<name>(?:[\w-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*(?:[\w-]+|\"[^\"]*\"|'[^']*'))*)\s*="
)


def read_env(text: str) -> Iterator[Spot]:
    """Yield the credentials of a .env file, commented-out lines included."""
    yield from read_comments(text, "#")
    for one in read_dotenv(text).assignments:
        for found in found_in(one.name, one.value, weak=True):
            yield Spot(one.line, found)


def read_ini(text: str) -> Iterator[Spot]:
    """
    Yield the credentials of a file of sections and options, as configparser reads it.

    An option that is commented out is one, too: `airflow.cfg` is full of them.
    """
    yield from read_comments(text, ";")
    if "PRIVATE" in text:
        yield from read_pem(text)
    for section, name, written, line in _options(text):
        place = below(section, name)
        # configparser, and so Airflow, takes %% for one
        value = written.replace("%%", "%")
        for found in found_in(place, value, weak=True):
            yield Spot(line + _line_in(value, found.value), found)


def _line_in(text: str, value: str) -> int:
    """Return how many lines below the first of `text` a part of it stands."""
    at = text.find(value)
    return text.count("\n", 0, at) if at > 0 else 0


def _options(text: str) -> Iterator[tuple[str, str, str, int]]:
    """Yield (section, name, value, line); a value goes on where lines are indented."""
    section, name, value, started, indented = "", "", "", 0, 0
    for number, line in enumerate(text.split("\n"), 1):
        charge(2)
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        indent = len(line) - len(line.lstrip())
        if name and indent > indented:
            value += "\n" + stripped
            continue
        if name:
            yield section, name, value, started
            name = ""
        if head := _SECTION.match(line):
            section = head["name"]
        elif option := _OPTION.match(stripped):
            name, value, started = option["name"], option["value"], number
            indented = indent
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
        elif directive := _DIRECTIVE.match(stripped):
            # requirepass V (redis.conf), proxy_set_header NAME V; (nginx.conf)
            yield section, directive["name"], directive["value"].strip("\"'"), number
        else:  # by its shape alone
            yield section, "", stripped, number
    if name:
        yield section, name, value, started


def read_toml(text: str) -> Iterator[Spot]:
    """Yield the credentials of a TOML document; raises Unparsable."""
    import tomllib  # few files are TOML

    # a dotted key of thousands of parts takes a gigabyte to nest
    if any(line.count(".") > 500 and "=" in line for line in text.splitlines()):
        raise Unparsable
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError):
        raise Unparsable from None
    yield from read_comments(text, "#")
    lines: dict[str, int] | None = None
    for found in found_in("", document, weak=True):
        at = text.find(found.value[:40])
        if at >= 0:
            yield Spot(text.count("\n", 0, at) + 1, found)
            continue
        if lines is None:
            lines = _toml_lines(text)
        yield Spot(_toml_line(lines, found.place), found)


def _toml_line(lines: dict[str, int], place: str) -> int:
    """Return the line of the nearest key on the way to `place`."""
    while place and place not in lines:
        place = place.rpartition(".")[0]
    return lines.get(place, 1)


def _toml_lines(text: str) -> dict[str, int]:
    """Return the line of each key; of equal ones, as in arrays of tables, the first."""
    found: dict[str, int] = {}
    table, closing = "", ""
    for number, line in enumerate(text.split("\n"), 1):
        if closing:
            # inside of a text of several lines nothing is a key
            closing = "" if closing in line else closing
            continue
        if head := _SECTION.match(line):
            table = _dotted(head["name"])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(below(table, _dotted(key["name"])), number)
            for quotes in ('"""', "'''"):
                if line.count(quotes) == 1:
                    closing = quotes
    return found


def _dotted(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))


def read_userlist(text: str) -> Iterator[Spot]:
    """Yield the passwords of PgBouncer's users: `"USER" "PASSWORD"`."""
    entry = re.compile(r"^\"[^\"\n]{1,100}\"[ \t]+\"(?P<secret>[^\"\n]{1,500})\"", re.M)
    for line, match in numbered(text, entry.finditer(text)):
        for found in found_in("password", match["secret"], weak=True):
            yield Spot(line, found)


def read_netrc(text: str) -> Iterator[Spot]:
    """Yield the passwords of a .netrc file: `machine M login L password P`."""
    words = re.compile(r"\b(password|account)\s+(\"[^\"]*\"|\S+)")
    for line, match in numbered(text, words.finditer(text), 2):
        for found in found_in("password", match[2].strip('"'), weak=True):
            yield Spot(line, found)


def read_pgpass(text: str) -> Iterator[Spot]:
    """Yield the passwords of a .pgpass file: `host:port:database:user:password`."""
    for number, line in enumerate(text.split("\n"), 1):
        parts = re.split(r"(?<!\\):", line.strip())
        if len(parts) == 5 and not line.startswith("#"):
            password = parts[4].replace("\\:", ":")
            for found in found_in("password", password, weak=True):
                yield Spot(number, found)


def read_npmrc(text: str) -> Iterator[Spot]:
    """Yield the tokens of a .npmrc file: `//registry.example/:_authToken=T`."""
    for number, line in enumerate(text.split("\n"), 1):
        name, equals, value = line.strip().partition("=")
        name = name.strip().rpartition(":")[2]
        if not equals or line.lstrip().startswith((";", "#")):
            continue
        if name == "_auth":  # user and password, as in a header
            value = f"Basic {value.strip()}"
        for found in found_in(name.lstrip("_"), value.strip().strip("\"'"), weak=True):
            yield Spot(number, found)
    yield from read_comments(text, ";")


def read_curlrc(text: str) -> Iterator[Spot]:
    """Yield the passwords of a .curlrc: options of curl(1), one a line."""
    for number, line in enumerate(text.split("\n"), 1):
        name, *value = re.split(r"[ \t]*[=:][ \t]*|[ \t]+", line.strip(), maxsplit=1)
        if name and not name.startswith("#") and value:
            option = f"curl --{name.lstrip('-')} {value[0]}"
            for _, found in found_in_text(option, weak=True):
                yield Spot(number, found)


def read_requirements(text: str) -> Iterator[Spot]:
    """Yield what index URLs hold, and what is in options."""
    yield from read_named(text)
