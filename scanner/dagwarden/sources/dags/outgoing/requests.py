"""What the code of a task sends to the outside, before it becomes facts."""

import re
from typing import Literal, Protocol, TypeAlias
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.facts import Origin
from dagwarden.patterns import late
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
    why_unknown,
)

Kind = Literal["access_token", "id_token"]
Action = Literal["run", "create", "update", "deploy", "delete", "list"]
Target = Literal["job", "service"]
# How a request says who it is from; None: it says nothing.
Proof: TypeAlias = Literal[
    "access_token", "id_token", "static_bearer", "basic", "api_key"
]

INVOKE_SERVICE = "invoke_service"
# What a minted token is where only a whole text will do.
TOKEN = Unknown("dynamic", "a token that is minted")
MINTED = frozenset({TOKEN.symbol, "google.oauth2.id_token.fetch_id_token()"})


# What sends: Python, or a shell.
Sender = Literal["code", "command"]


class ActsAs(Struct, frozen=True):
    """
    Who code is, before and after impersonation.

    `source`: the environment's own account, or the credential of `connection`; it is
    unknown where a key or a login decides. `chain`: the accounts that are impersonated,
    in order.
    """

    source: Literal["environment", "connection"] | Unknown
    connection: Value = None
    chain: tuple[Value, ...] = ()


class Minted(Thing):
    """A token that is minted when the task runs."""

    __slots__ = ("acts_as", "audience", "kind", "origin", "via")

    def __init__(
        self,
        kind: Kind,
        audience: Value,
        acts_as: ActsAs,
        origin: Origin,
        via: Sender = "code",
    ) -> None:
        """`audience` is None for an access token."""
        self.via: Sender = via
        self.kind: Kind = kind
        self.audience = audience
        self.acts_as = acts_as
        self.origin = origin

    def describe(self) -> str:
        """Return what it is."""
        return TOKEN.symbol

    def unknown(self) -> Unknown:
        """Only a run of the program gives it."""
        return TOKEN


class TokenText(Text):
    """The text of a token; what is cut off its ends is no part of it."""

    __slots__ = ()

    def __init__(self, token: Minted) -> None:
        """Hold `token` alone."""
        super().__init__((token,), TOKEN)

    def attribute(self, name: str) -> Value:
        """Return a method: no token has blanks at its ends."""
        if name in ("strip", "rstrip", "lstrip", "decode", "encode"):
            return Method(name, lambda _: self)
        return super().attribute(name)


class Outgoing(Struct, frozen=True):
    """
    One request that leaves a task.

    To Cloud Run's Admin API: `action`, `kind`, `project` (None: the connection's),
    `region`, `name`. To a server: `url` with the path `endpoint`, or `endpoint` of an
    HTTP `connection`.
    """

    via: Sender
    origin: Origin
    acts_as: ActsAs
    action: Action | None = None
    kind: Target = "service"
    project: Value = None
    region: Value = None
    name: Value = None
    overrides: Value = None
    # the execution that was started is read until it runs, or has run
    watches: bool = False
    # the message of the job or service that is deployed
    workload: Value = None
    url: Value = None
    connection: Value = None
    endpoint: Value = None
    proof: Proof | Unknown | None = None
    token: Minted | None = None
    verified: Value = None
    # what may be given beside all that, and is not known
    more: Unknown | None = None


# ------------------------------------------------------------------------- headers

_AUTHORIZATION = ("authorization", "x-serverless-authorization")
_SCHEME = Unknown("dynamic", "the scheme of an Authorization header")


def authorization(headers: Value) -> Value:
    """Return the value of the header that Cloud Run reads, None if not set."""
    if headers is None:
        return None
    if not isinstance(headers, Entries):
        return why_unknown(headers) or Unknown("dynamic", "headers")
    for key, value in headers.items.items():
        if isinstance(key, str) and key.lower() in _AUTHORIZATION:
            return value
    return headers.rest


def proof_of(header: Value) -> tuple[Proof | Unknown | None, Minted | None]:
    """Return how an Authorization header proves who asks, with a minted token."""
    if header is None:
        return None, None
    if isinstance(header, str):
        return _of_scheme(header), None
    if not isinstance(header, Text):
        return why_unknown(header) or Unknown("dynamic", "a header"), None
    first, *others = header.parts
    if not isinstance(first, str):
        return _SCHEME if isinstance(first, Minted) else header.why, None
    known = _of_scheme(first)
    if known == "basic" or isinstance(known, Unknown):
        return known, None
    if first.strip().lower() == "bearer" and len(others) == 1:
        token = others[0]
        if isinstance(token, Minted):
            return token.kind, token
    return header.why, None


def _of_scheme(header: str) -> Proof | Unknown:
    scheme = header.strip().partition(" ")[0].lower()
    if scheme == "bearer":
        return "static_bearer"
    return "basic" if scheme == "basic" else _SCHEME


# ---------------------------------------------------------------------------- URLs

_SERVER = late(r"(https?)://([^/?#\\\s]*)([/?#]?)", re.IGNORECASE)
_NO_SERVER = Unknown("dynamic", "a URL that names no server")
_HOST = late(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")


def server_of(url: Value) -> str | Unknown:
    """Return scheme and host of a URL: its path, query and login may hold secrets."""
    known = first_of(url).lstrip()
    found = _SERVER().match(known) if known else None
    if found is None:
        why = why_unknown(url) if isinstance(url, (Unknown, Thing)) else None
        return why or _NO_SERVER
    if isinstance(url, Text) and not found[3]:
        # what is not known may go on with the host
        return url.why
    host = found[2].rpartition("@")[2]
    if not _HOST().fullmatch(host):
        return _NO_SERVER
    return f"{found[1].lower()}://{host.lower()}"


def path_of(url: Value) -> Value:
    """Return the path of a URL, None if it has none: its query may hold secrets."""
    known = first_of(url).lstrip()
    found = _SERVER().match(known)
    if found is None:
        return why_unknown(url) or _NO_SERVER
    path, end, _ = known[found.end(2) :].partition("?")
    path, fragment, _ = path.partition("#")
    if isinstance(url, Text) and not (end or fragment):
        # what is not known may go on with the path
        return url.why
    return path or None


def first_of(value: Value) -> str:
    """Return the known text that `value` begins with."""
    if isinstance(value, Text):
        value = value.parts[0] if value.parts else ""
    return value if isinstance(value, str) else ""


def after(value: Value, size: int) -> Value:
    """Return `value` without its first `size` characters, which are known."""
    if isinstance(value, str):
        return value[size:]
    if isinstance(value, Text) and isinstance(value.parts[0], str):
        return operations.joined([value.parts[0][size:], *value.parts[1:]])
    return why_unknown(value) or Unknown("dynamic", "a text")


def segments(value: Value) -> list[Value]:
    """Return the parts of a path or name between its slashes."""
    parts = value.parts if isinstance(value, Text) else (value,)
    found: list[list[Value]] = [[]]
    for part in parts:
        if isinstance(part, str):
            first, *others = part.split("/")
            found[-1].append(first)
            found.extend(list[Value]([other]) for other in others)
        else:
            found[-1].append(part)
    return [_segment(one) for one in found]


def _segment(parts: list[Value]) -> Value:
    kept = [part for part in parts if part != ""]
    if len(kept) == 1 and isinstance(kept[0], (str, Unknown)):
        return kept[0]
    if not kept:
        return ""
    whys = [why for part in kept if (why := why_unknown(part)) is not None]
    why = whys[0] if whys else Unknown("dynamic", "a name")
    texts = [part for part in kept if isinstance(part, (str, Unknown, Thing))]
    return Text(tuple(texts), why)


# ------------------------------------------------------------- Cloud Run's Admin API

_API_HOST = late(
    r"https://(?:(?P<before>[a-z]+-[a-z0-9]+)-run\.googleapis\.com"
    r"|run\.(?P<within>[a-z]+-[a-z0-9]+)\.rep\.googleapis\.com"
    r"|run\.googleapis\.com)"
)
_ACTIONS: dict[str, Action] = {
    "POST": "create",
    "PATCH": "update",
    "PUT": "update",
    "DELETE": "delete",
}
_READING = ("GET", "HEAD", "OPTIONS")


class Named(Struct, frozen=True):
    """What the Admin API is asked to do with which resource."""

    action: Action | None  # None: it only reads
    kind: Target
    project: Value
    region: Value
    name: Value


def is_admin_api(server: str) -> bool:
    """Say whether a server is Cloud Run's Admin API."""
    return _API_HOST().fullmatch(server) is not None


def asked_of_api(server: str, method: Value, url: Value) -> Named | Unknown:
    """Return what a request to the Admin API asks for."""
    not_modelled = Unknown("dynamic", "a request to the Admin API of Cloud Run")
    if not isinstance(method, str):
        return why_unknown(method) or not_modelled
    place = _API_HOST().fullmatch(server)
    region = (place["before"] or place["within"]) if place is not None else None
    path, created = _path_and_query(url)
    found = resource_of(path[1:], region)
    if found is None:
        return not_modelled
    verb = found.name.rpartition(":") if isinstance(found.name, str) else None
    if isinstance(found.name, Text) and found.name.parts[-1] == ":run":
        bare = Text(found.name.parts[:-1], found.name.why)
        name = bare.parts[0] if len(bare.parts) == 1 else bare
        return replace(found, action="run", name=name)
    if verb is not None and verb[1]:
        return (
            replace(found, action="run", name=verb[0])
            if verb[2] == "run"
            else not_modelled
        )
    action = _ACTIONS.get(method.upper())
    if method.upper() in _READING:
        return replace(found, action=None)
    if action is None:
        return not_modelled
    return replace(
        found, action=action, name=created if action == "create" else found.name
    )


def _path_and_query(url: Value) -> tuple[list[Value], Value]:
    """Return the segments of a URL's path and the id that a new resource gets."""
    path: list[str | Unknown | Thing] = []
    query: Value = Unknown("dynamic", "the id of what is created")
    for part in url.parts if isinstance(url, Text) else (url,):
        if isinstance(part, str) and "?" in part:
            before, _, after = part.partition("?")
            path.append(before)
            given = parse_qs(after)
            found = given.get("jobId") or given.get("serviceId")
            if found and isinstance(url, str):
                query = found[0]
            break
        if isinstance(part, (str, Unknown, Thing)):
            path.append(part)
    first = path[0] if path else ""
    if isinstance(first, str):
        path[0] = "/" + first.partition("://")[2].partition("/")[2]
    why = why_unknown(url) or Unknown("dynamic", "a URL")
    whole: Value = path[0] if len(path) == 1 else Text(tuple(path), why)
    return segments(whole), query


def resource_of(
    path: list[Value], region: Value = None, verb: Action | None = None
) -> Named | None:
    """
    Return the job or service that the segments of a name stand for.

    `region`: the one that the server's name tells; older names have none themselves.
    """
    unknown = Unknown("dynamic", "the region of a Cloud Run endpoint")
    while path and path[0] not in ("projects", "namespaces"):
        path = path[1:]
    if len(path) >= 5 and path[0] == "projects" and path[2] == "locations":
        project, region, rest = path[1], path[3], path[4:]
    elif len(path) >= 3 and path[0] == "namespaces":
        project, region, rest = path[1], region or unknown, path[2:]
    else:
        return None
    collection = rest[0]
    if collection not in ("jobs", "services") or len(rest) > 2:
        return None
    kind: Target = "job" if collection == "jobs" else "service"
    name = rest[1] if len(rest) > 1 else Unknown("dynamic", f"the id of a new {kind}")
    return Named(verb, kind, project, region, name)


# ------------------------------------------------------------------ metadata server

_METADATA = frozenset(
    {"http://metadata.google.internal", "http://metadata", "http://169.254.169.254"}
)


def minted_by_metadata(
    url: Value,
    params: Value,
    acts_as: ActsAs,
    origin: Origin,
    via: Sender = "code",
) -> Minted | None:
    """Return the token that a request to the metadata server gives, if it gives one."""
    if server_of(url) not in _METADATA:
        return None
    known = first_of(url)
    path = urlsplit(known).path
    if path.endswith("/token"):
        return Minted("access_token", None, acts_as, origin, via)
    if not path.endswith("/identity"):
        return None
    unknown = Unknown("dynamic", "the audience of an ID token")
    audience: Value = unknown
    if isinstance(url, Text):
        audience = _asked_audience(url, unknown)
    elif given := parse_qs(urlsplit(known).query).get("audience"):
        audience = given[0]
    if isinstance(params, Entries) and "audience" in params.items:
        audience = params.items["audience"]
    return Minted("id_token", audience, acts_as, origin, via)


def _asked_audience(url: Text, audience: Unknown) -> Value:
    """Return the audience where it is the one part of `url` that is not known."""
    first, *others = url.parts
    asks = isinstance(first, str) and first.endswith("audience=")
    after = others[1] if len(others) > 1 else "&"
    if asks and len(others) in (1, 2) and isinstance(after, str):
        return why_unknown(others[0]) or audience if after[0] in "&#" else audience
    return audience


def accounts_of(value: Value) -> tuple[Value, ...]:
    """Return the accounts of an impersonation chain as given: one, several or none."""
    if value is None or value == "":
        return ()
    if isinstance(value, Items):
        more = () if value.more is None else (value.more,)
        return (*value.items, *more)
    return (value,)


# -------------------------------------------------------------------------- commands


class Outside(Protocol):
    """Who takes what a command sends."""

    def send(self, outgoing: Outgoing) -> None:
        """Note what is sent."""
        ...

    def send_request(self, sent: Outgoing, method: Value, url: Value) -> None:
        """Note a request by HTTP, which may be one to Cloud Run's Admin API."""
        ...

    def miss(self, why: Unknown) -> None:
        """Note that something may be sent which is not read."""
        ...

    def content(self, path: str) -> bytes | None:
        """Return what a file of the repository holds, by its path below the root."""
        ...


class Spread(Text):
    """A word that is not known, and may be several."""

    __slots__ = ()

    def __init__(self, why: Unknown) -> None:
        """`why` stands for all of it."""
        super().__init__((why,), why)


class State:
    """What the commands of one shell share."""

    def __init__(self, outside: Outside, acts_as: ActsAs, origin: Origin) -> None:
        """`acts_as` is who commands are that name no account."""
        self.outside = outside
        self.acts_as = acts_as
        self.origin = origin
        self.variables: dict[str, Value] = {}
        # what `gcloud config` was told to keep in mind
        self.properties: dict[str, Value] = {}
