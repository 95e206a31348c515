"""Clients that send requests by HTTP: of requests, httpx, aiohttp, urllib, Airflow."""

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.aliases import UNDECIDED
from dagwarden.sources.dags.language.values import (
    Arguments,
    Changeable,
    Entries,
    Method,
    Symbol,
    Text,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.outgoing.clients import (
    Clients,
    Held,
    Prepared,
    Settable,
    field_of,
)
from dagwarden.sources.dags.outgoing.requests import (
    Outgoing,
    authorization,
    first_of,
    proof_of,
)
from dagwarden.sources.dags.outgoing.tokens import ANSWER, OTHER, Credentials

VERBS = ("get", "post", "put", "patch", "delete", "head", "options")


class Session(Settable):
    """A client that sends requests: of requests, httpx, aiohttp or google-auth."""

    __slots__ = ("base", "clients", "credentials")

    def __init__(self, clients: Clients, given: Arguments) -> None:
        """`given` are the constructor's arguments."""
        headers = given.keywords.get("headers")
        if headers is None:
            headers = Entries({}, given.rest, clients.reader.level)
        names = {"headers": headers, "auth": given.keywords.get("auth")}
        if "verify" in given.keywords:
            names["verify"] = given.keywords["verify"]
        super().__init__(clients.reader, names)
        self.clients = clients
        self.base = given.keywords.get("base_url")
        self.credentials: Credentials | None = None

    def describe(self) -> str:
        """Return what it is."""
        return "requests.Session"

    def held(self) -> Held:
        """Return what it adds to every request."""
        auth, verified = self.names.get("auth"), self.names.get("verify")
        if self.why is not None:
            auth, verified = auth or self.why, verified or self.why
        return Held(self.names.get("headers"), auth, verified, self.credentials)

    def attribute(self, name: str) -> Value:
        """Return a method that sends, or what was set."""
        if name in VERBS:
            return Method(name, lambda given: self._send(name, given, 0))
        if name in ("request", "stream"):
            return Method(name, lambda given: self._send(None, given, 1))
        if name in ("send", "ws_connect"):
            self.clients.miss(Unknown("dynamic", f"Session.{name}()"))
        return super().attribute(name)

    def _send(self, verb: str | None, given: Arguments, at: int) -> Value:
        method: Value = verb.upper() if verb else given.get("method", 0)
        url = given.get("url", at)
        if self.base is not None and "://" not in first_of(url):
            parts: list[Value] = [self.base, url]
            textual = all(isinstance(part, (str, Text, Unknown)) for part in parts)
            url = operations.joined(parts) if textual else OTHER
        return self.clients.request(given, method, url, self.held())

    def enter(self) -> Value:
        """Enter it as a context."""
        return self


class HttpHook(Changeable):
    """The HTTP hook."""

    __slots__ = ("clients", "given")

    def __init__(self, clients: Clients, given: Arguments) -> None:
        """`given` are the constructor's arguments."""
        self.clients = clients
        self.given = given

    def attribute(self, name: str) -> Value:
        """Return its methods."""
        if name == "run":
            return Method(name, lambda given: self._run(given))
        if name == "run_with_advanced_retry":
            return Method(name, lambda given: self._run(_without_first(given)))
        if name in ("get_conn", "run_and_check"):
            self.clients.miss(Unknown("dynamic", f"HttpHook.{name}()"))
        return Unknown("import", f"airflow.providers.http.HttpHook.{name}")

    def store(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self.forget(UNDECIDED)

    def forget(self, why: Unknown) -> None:
        """Anything of it may have changed."""
        self.given = Arguments([], {}, why, why)

    def _run(self, given: Arguments) -> Value:
        made = self.given
        auth = made.keywords.get("auth_type", made.rest)
        proof, token = proof_of(authorization(given.get("headers", 2)))
        if proof is None and auth is not None:
            named = isinstance(auth, Symbol) and auth.name.endswith("HTTPBasicAuth")
            proof = "basic" if named else why_unknown(auth) or OTHER
        options = given.get("extra_options", 3)
        verified = field_of(options, "verify") if options is not None else None
        sent = Outgoing(
            via="code",
            origin=self.clients.reader.origin(given),
            acts_as=token.acts_as if token else self.clients.ambient(),
            connection=made.get("http_conn_id", 1, "http_default"),
            endpoint=given.get("endpoint", 0),
            proof=proof,
            token=token,
            verified=verified,
            more=given.more or given.rest,
        )
        self.clients.send(sent)
        return ANSWER


def _without_first(given: Arguments) -> Arguments:
    keywords = {k: v for k, v in given.keywords.items() if k != "_retry_args"}
    skipped = 0 if "_retry_args" in given.keywords else 1
    return Arguments(
        given.positional[skipped:], keywords, given.more, given.rest, given.node
    )


def verb(clients: Clients, name: str, given: Arguments) -> Value:
    """Send a request by a function named after its method."""
    called = name.rpartition(".")[2]
    if called in ("request", "stream"):
        return clients.request(given, given.get("method", 0), given.get("url", 1))
    return clients.request(given, called.upper(), given.get("url", 0))


def session(clients: Clients, name: str, given: Arguments) -> Value:
    """Make a session."""
    made = Session(clients, given)
    if name.startswith("aiohttp.") and given.positional:
        made.base = given.positional[0]
    return made


def authorized_session(clients: Clients, name: str, given: Arguments) -> Value:
    """Make a session that adds the token of its credentials."""
    made = Session(clients, given)
    credentials = given.get("credentials", 0)
    if isinstance(credentials, Credentials):
        made.credentials = credentials
    else:
        made.names["auth"] = why_unknown(credentials) or OTHER
    return made


def prepared(clients: Clients, name: str, given: Arguments) -> Value:
    """Make a request of urllib."""
    headers = given.get("headers", 2)
    if headers is None:
        headers = Entries({}, given.rest, clients.reader.level)
    made = Prepared(clients.reader, given.get("url", 0), headers)
    default: Value = "GET" if given.get("data", 1) is None else "POST"
    made.names["method"] = given.keywords.get("method", default)
    return made


def urlopen(clients: Clients, name: str, given: Arguments) -> Value:
    """Send a request of urllib."""
    url = given.get("url", 0)
    method: Value = "GET" if given.get("data", 1) is None else "POST"
    keywords: dict[str, Value] = {}
    context = given.keywords.get("context")
    if context is not None:
        keywords["verify"] = why_unknown(context) or Unknown(
            "dynamic", "an SSL context"
        )
        if isinstance(context, Unknown) and "_unverified_" in context.symbol:
            keywords["verify"] = False
    if isinstance(url, Prepared):
        method = url.names["method"]
        keywords["headers"] = url.names["headers"]
        url = url.url
    arguments = Arguments([], keywords, None, None, given.node)
    return clients.request(arguments, method, url)
