"""
What Python's libraries for the outside send for the code of a task.

Tokens, credentials and clients are things with behaviour wherever they are made; what
is sent is noted only while the code of a task is followed.
"""

import ast
import sys
from datetime import datetime
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import UNDECIDED, join, lost
from dagwarden.sources.dags.language.objects import Instance
from dagwarden.sources.dags.language.values import (
    OUTSIDE,
    Arguments,
    Changeable,
    Entries,
    Items,
    Method,
    Scalar,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.dags.outgoing.requests import (
    ActsAs,
    Minted,
    Named,
    Outgoing,
    Proof,
    asked_of_api,
    authorization,
    is_admin_api,
    minted_by_metadata,
    path_of,
    proof_of,
    server_of,
)
from dagwarden.sources.dags.outgoing.tokens import (
    ANSWER,
    OTHER,
    Credentials,
    MetadataAnswer,
    Reader,
)

# Requests of one task that are told apart.
MAX_SENT = 100
_EXCEPTION = Unknown("dynamic", "an exception")
# Packages that send nothing to Cloud Run but what is read here.
_SENDING_NOTHING = sys.stdlib_module_names | {
    *("airflow", "boto3", "botocore", "builtins", "dateutil", "google", "httpx"),
    *("aiohttp", "googleapiclient", "jinja2", "kubernetes", "numpy", "packaging"),
    *("pandas", "pendulum", "psycopg2", "pyarrow", "pydantic", "pytz", "requests"),
    *("sqlalchemy", "tenacity", "yaml"),
}
# ... but for these, which may send anything, or have others send it.
_SENDING = (
    *("asyncio.open_connection", "ctypes.", "ftplib.", "http.client.", "imaplib."),
    *("importlib.", "os.exec", "os.posix_spawn", "os.spawn", "os.startfile", "pty."),
    *("runpy.", "smtplib.", "socket.", "socketserver.", "telnetlib.", "xmlrpc."),
    *("urllib.request.", "requests.Request", "google.cloud.tasks"),
    *("google.cloud.scheduler", "google.cloud.workflows", "google.cloud.functions"),
    *("google.cloud.build", "google.cloud.devtools"),
    *("airflow.operators.", "airflow.providers.docker.", "airflow.providers.ssh."),
)


@cache
def _of_data() -> frozenset[str]:
    """Return the methods of texts, containers and times; a hook seldom asks for them."""
    kinds = (str, bytes, dict, list, set, tuple, int, float, datetime)
    return frozenset(name for kind in kinds for name in dir(kind)) - {"get"}


def _is_key(value: Value) -> bool:
    return isinstance(value, (str, int)) and "/" not in str(value)


class Settable(Changeable):
    """A thing whose attributes code may set; in an undecided branch it may not."""

    __slots__ = ("level", "names", "reader", "why")

    def __init__(self, reader: Reader, names: dict[str, Value]) -> None:
        """`names` are its attributes."""
        self.reader = reader
        self.names: dict[str, Value] = names
        self.level = reader.level
        # why nothing is known of it any more
        self.why: Unknown | None = None

    def attribute(self, name: str) -> Value:
        """Return an attribute."""
        if name in self.names:
            return self.names[name]
        return self.why or Unknown("import", f"{self.describe()}.{name}")

    def store(self, name: str, value: Value) -> None:
        """Set an attribute."""
        if self.reader.level > self.level:
            value = join(self.names.get(name), value, UNDECIDED)
        self.names[name] = value

    def forget(self, why: Unknown) -> None:
        """Any attribute may be another."""
        self.why = why
        for name, value in self.names.items():
            self.names[name] = lost(why, value)


class Prepared(Settable):
    """A request that is made before it is sent."""

    __slots__ = ("url",)

    def __init__(self, reader: Reader, url: Value, headers: Value) -> None:
        """`headers` may be added to."""
        super().__init__(reader, {"headers": headers, "method": None})
        self.url = url

    def attribute(self, name: str) -> Value:
        """Return what code asks of it."""
        if name in ("add_header", "add_unredirected_header"):
            return Method(name, self._add)
        return super().attribute(name)

    def _add(self, given: Arguments) -> Value:
        headers = self.names["headers"]
        if isinstance(headers, Entries):
            key, value = given.get("key", 0), given.get("val", 1)
            operations.assign(headers, key, value, self.reader.level)
        return None


class Message(Settable):
    """
    A message of a Google client.

    A field that is asked for is made, as the library makes it; what was put into one
    that is a list or map is not followed.
    """

    __slots__ = ("name",)

    def __init__(self, reader: Reader, name: str, names: dict[str, Value]) -> None:
        """`name` is the class's."""
        super().__init__(reader, names)
        self.name = name

    def unknown(self) -> Unknown:
        """Return why it is no plain value."""
        return Unknown("import", f"{self.name}()")

    def attribute(self, name: str) -> Value:
        """Return a field."""
        if name not in self.names and not name.startswith("_"):
            made = Message(self.reader, self.name, {})
            made.why = self.unknown()
            self.store(name, made)
        return super().attribute(name)

    def call(self, arguments: Arguments) -> Value:
        """Call a method: it may change anything."""
        self.forget(self.unknown())
        return self.unknown()


class Clients:
    """The libraries, as one file's code uses them."""

    def __init__(self, reader: Reader) -> None:
        """`reader` tells where the code is that calls."""
        self.reader = reader
        # what a task's code sends; None while no task's code is followed
        self.sent: list[Outgoing] | None = None
        # why there may be more that it sends
        self.missed: Unknown | None = None
        # why its account is not known where none is named, if it is not
        self.account: Unknown | None = None

    def ambient(self) -> ActsAs:
        """Return who code is that names no account."""
        return ActsAs(self.account or "environment")

    def send(self, outgoing: Outgoing) -> None:
        """Note what is sent."""
        if self.sent is None or outgoing in self.sent:
            return
        charge(len(self.sent))
        if len(self.sent) < MAX_SENT:
            self.sent.append(outgoing)
        else:
            self.miss(operations.TOO_LARGE)

    def miss(self, why: Unknown) -> None:
        """Note that something may be sent which is not read."""
        if self.sent is not None:
            self.missed = self.missed or why

    def content(self, path: str) -> bytes | None:
        """Return what a file of the repository holds, by its path below the root."""
        return self.reader.content(path)

    def called(self, name: str) -> None:
        """Note a call of what stands outside the repository."""
        if self.sent is None:
            return
        bare = name.replace("()", "")
        package = bare.partition(".")[0]
        if package not in _SENDING_NOTHING or bare.startswith(_SENDING):
            self.miss(Unknown("import", name))

    def called_unknown(self, why: Unknown, arguments: Arguments) -> None:
        """Note a call of what is not known."""
        if self.sent is None:
            return
        node = arguments.node
        called = node.func if isinstance(node, ast.Call) else None
        name = called.attr if isinstance(called, ast.Attribute) else ""
        first = arguments.get("", 0)
        data = name in _of_data() or (name == "get" and _is_key(first))
        # what comes from outside is data: it has no methods but theirs
        if not (data or (name and (why.reason in OUTSIDE or why == _EXCEPTION))):
            self.miss(why)

    def set_variable(self, name: Value) -> None:
        """Note that an environment variable of the process is set."""
        if not isinstance(name, str) or name.startswith("CLOUDSDK_"):
            self.account = Unknown("environment", "CLOUDSDK_*")
        elif name == "GOOGLE_APPLICATION_CREDENTIALS":
            self.account = Unknown("environment", name)

    # ------------------------------------------------------------------ what is sent

    def given_credentials(self, given: Arguments) -> ActsAs:
        """Return who a client is that is made with `given`."""
        credentials = given.keywords.get("credentials", given.rest)
        if credentials is None:
            return self.ambient()
        if isinstance(credentials, Credentials):
            return credentials.acts_as
        return ActsAs(why_unknown(credentials) or OTHER)

    def request(
        self, given: Arguments, method: Value, url: Value, held: "Held | None" = None
    ) -> Value:
        """Send a request by HTTP and return the answer, as far as it is known."""
        held = held or Held()
        origin = self.reader.origin(given)
        params = given.keywords.get("params")
        minted = minted_by_metadata(url, params, self.ambient(), origin)
        if minted is not None:
            return MetadataAnswer(minted)
        proof, token = self._proof(given, held)
        verified = given.keywords.get("verify", held.verified)
        if given.keywords.get("ssl") is False:
            verified = False
        if verified is None:
            verified = given.rest
        acts_as = token.acts_as if token else self.ambient()
        sent = Outgoing(
            "code", origin, acts_as, url=server_of(url), endpoint=path_of(url)
        )
        sent = replace(sent, proof=proof, token=token, verified=verified)
        body = given.keywords.get("json", given.keywords.get("data"))
        self.send_request(sent, method, url, body)
        return ANSWER

    def send_request(
        self, sent: Outgoing, method: Value, url: Value, body: Value = None
    ) -> None:
        """Send a request by HTTP, which may be one to Cloud Run's Admin API."""
        if not isinstance(sent.url, str) or not is_admin_api(sent.url):
            self.send(sent)
            return
        asked = asked_of_api(sent.url, method, url)
        if isinstance(asked, Unknown):
            self.miss(asked)
            return
        if sent.token is None and sent.proof != "access_token":
            why = sent.proof if isinstance(sent.proof, Unknown) else OTHER
            sent = replace(sent, acts_as=ActsAs(why))
        self.administer(replace(sent, url=None), asked, body)

    def administer(self, sent: Outgoing, asked: Named, body: Value) -> None:
        """Ask something of Cloud Run's Admin API."""
        if asked.action is None:
            return
        overrides: Value = None
        if asked.action == "run":
            overrides = field_of(body, "overrides")
        sent = replace(
            sent,
            action=asked.action,
            kind=asked.kind,
            project=asked.project,
            region=asked.region,
            name=asked.name,
            overrides=overrides,
            workload=None if asked.action in ("run", "delete") else body,
            proof="access_token",
        )
        self.send(sent)

    def _proof(
        self, given: Arguments, held: "Held"
    ) -> tuple[Proof | Unknown | None, Minted | None]:
        if held.credentials is not None:
            return held.credentials.kind, held.credentials.minted()
        auth = given.keywords.get("auth", held.auth)
        if auth is not None:
            return self._authenticated(auth)
        found = authorization(given.keywords.get("headers", given.rest))
        if found is None:
            found = authorization(held.headers)
        return proof_of(found)

    def _authenticated(
        self, auth: Value
    ) -> tuple[Proof | Unknown | None, Minted | None]:
        """Return how the `auth` of a request proves who asks."""
        if isinstance(auth, Items) and auth.kind == "tuple":
            return "basic", None
        if isinstance(auth, Unknown) and auth.symbol.endswith("BasicAuth()"):
            return "basic", None
        if isinstance(auth, Instance) and auth.of.find("__call__") is not None:
            prepared = Prepared(self.reader, None, Entries({}, None, self.reader.level))
            auth.call(Arguments([prepared], {}))
            found = authorization(prepared.names["headers"])
            return proof_of(found) if found is not None else (OTHER, None)
        return why_unknown(auth) or OTHER, None


class Held(Struct, frozen=True):
    """What a session adds to the requests that it sends."""

    headers: Value = None
    auth: Value = None
    verified: Value = None
    credentials: Credentials | None = None


def field_of(body: Value, *names: str) -> Value:
    """Return what a message holds under any spelling of a name."""
    if isinstance(body, Message):
        body = Entries(dict[Scalar, Value](body.names.items()), body.why)
    if body is None or isinstance(body, Unknown):
        return body
    if not isinstance(body, Entries):
        return why_unknown(body) or Unknown("dynamic", names[0])
    found = (body.items[name] for name in names if name in body.items)
    return next(found, body.rest)
