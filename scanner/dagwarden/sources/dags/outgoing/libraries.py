"""Which names of Python's libraries mean what to the code of a task."""

from collections.abc import Callable
from itertools import accumulate

from msgspec.structs import replace

from dagwarden.patterns import late
from dagwarden.sources.dags.language.values import (
    Arguments,
    Entries,
    Items,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
    is_scalar,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.outgoing import sessions
from dagwarden.sources.dags.outgoing.admin import Discovered, GoogleHook, RunClient
from dagwarden.sources.dags.outgoing.clients import Clients, Message, field_of
from dagwarden.sources.dags.outgoing.requests import (
    ActsAs,
    Kind,
    Minted,
    State,
    TokenText,
    accounts_of,
    segments,
    server_of,
)
from dagwarden.sources.dags.outgoing.tokens import OTHER, Credentials, Generated

Meaning = Callable[[Clients, str, Arguments], Value]
_KEY_FILE = Unknown("dynamic", "the account of a key that is loaded in code")
_AUDIENCE = Unknown("dynamic", "the audience of an ID token")

# ----------------------------------------------------------------------- credentials


def _id_credentials(audience_at: int) -> Meaning:
    def make(clients: Clients, name: str, given: Arguments) -> Value:
        audience = given.get("target_audience", audience_at, _AUDIENCE)
        audience = given.keywords.get("audience", audience)
        acts_as = clients.ambient()
        if given.keywords.get("service_account_email") is not None:
            acts_as = ActsAs(OTHER)
        origin = clients.reader.origin(given)
        return Credentials(clients.reader, "id_token", audience, acts_as, origin)

    return make


def _of_key(kind: Kind) -> Meaning:
    def make(clients: Clients, name: str, given: Arguments) -> Value:
        audience: Value = None
        if kind == "id_token":
            audience = given.keywords.get("target_audience", OTHER)
        origin = clients.reader.origin(given)
        return Credentials(clients.reader, kind, audience, ActsAs(_KEY_FILE), origin)

    return make


def _fetch_id_token(clients: Clients, name: str, given: Arguments) -> Value:
    audience = given.get("audience", 1, _AUDIENCE)
    origin = clients.reader.origin(given)
    return TokenText(Minted("id_token", audience, clients.ambient(), origin))


def _metadata_credentials(clients: Clients, name: str, given: Arguments) -> Value:
    acts_as = clients.ambient()
    if given.get("service_account_email", 0) is not None:
        acts_as = ActsAs(OTHER)
    origin = clients.reader.origin(given)
    return Credentials(clients.reader, "access_token", None, acts_as, origin)


def _default(clients: Clients, name: str, given: Arguments) -> Value:
    origin = clients.reader.origin(given)
    found = Credentials(clients.reader, "access_token", None, clients.ambient(), origin)
    project = Unknown("environment", "the project of the default credentials")
    return Items("tuple", [found, project])


def _impersonated(clients: Clients, name: str, given: Arguments) -> Value:
    source = given.get("source_credentials", 0)
    target = given.get("target_principal", 1)
    delegates = given.get("delegates", 3)
    acts_as = _as_source(source)
    if acts_as.chain or given.get("subject", 4) is not None:
        acts_as = ActsAs(OTHER)
    chain = (*accounts_of(delegates), target)
    if why := given.more or given.rest:
        acts_as = ActsAs(why)
    origin = clients.reader.origin(given)
    whole = replace(acts_as, chain=chain)
    return Credentials(clients.reader, "access_token", None, whole, origin)


def _impersonated_id(clients: Clients, name: str, given: Arguments) -> Value:
    source = given.get("target_credentials", 0)
    audience = given.get("target_audience", 1, _AUDIENCE)
    origin = clients.reader.origin(given)
    return Credentials(clients.reader, "id_token", audience, _as_source(source), origin)


def _as_source(credentials: Value) -> ActsAs:
    if isinstance(credentials, Credentials):
        return credentials.acts_as
    return ActsAs(why_unknown(credentials) or OTHER)


def _iam_client(clients: Clients, name: str, given: Arguments) -> Value:
    return IamCredentials(clients, clients.given_credentials(given))


class IamCredentials(Thing):
    """A client of the IAM Credentials API: it mints tokens of other accounts."""

    __slots__ = ("acts_as", "clients")

    def __init__(self, clients: Clients, acts_as: ActsAs) -> None:
        """`acts_as` is who asks."""
        self.clients = clients
        self.acts_as = acts_as

    def attribute(self, name: str) -> Value:
        """Return its methods."""
        if name == "service_account_path":
            return Method(name, lambda given: given.get("service_account", 1))
        if name in ("generate_id_token", "generate_access_token"):
            return Method(name, lambda given: self._mint(name, given))
        return Unknown("import", f"google.cloud.iam_credentials_v1.{name}")

    def _mint(self, name: str, given: Arguments) -> Value:
        request = given.get("request", 0)
        target = given.keywords.get("name", field_of(request, "name"))
        path = segments(target)
        account = path[3] if len(path) == 4 else path[-1]
        delegates = given.keywords.get("delegates", field_of(request, "delegates"))
        chain = [segments(one)[-1] for one in accounts_of(delegates)]
        acts_as = replace(self.acts_as, chain=(*self.acts_as.chain, *chain, account))
        kind: Kind = "id_token" if name == "generate_id_token" else "access_token"
        audience: Value = None
        if kind == "id_token":
            found = given.keywords.get("audience", field_of(request, "audience"))
            audience = _AUDIENCE if found is None else found
        origin = self.clients.reader.origin(given)
        return Generated(Minted(kind, audience, acts_as, origin))


def _message(clients: Clients, name: str, given: Arguments) -> Value:
    if "Client." in name or not name.rpartition(".")[2][:1].isupper():
        return Unknown("import", f"{name}()")
    first = given.get("mapping", 0)
    names = dict(given.keywords)
    made = Message(clients.reader, name, names)
    made.why = given.more or given.rest
    if isinstance(first, Entries):
        names |= {k: v for k, v in first.items.items() if isinstance(k, str)}
        made.why = made.why or first.rest
    elif first is not None and given.positional:
        made.why = made.why or why_unknown(first)
    return made


def _discovered(clients: Clients, name: str, given: Arguments) -> Value:
    service = given.get("serviceName", 0)
    if service != "run":
        if not isinstance(service, str):
            clients.miss(why_unknown(service) or Unknown("dynamic", f"{name}()"))
        return Unknown("import", f"{name}()")
    region: Value = None
    options = given.keywords.get("client_options")
    if options is not None:
        server = server_of(field_of(options, "api_endpoint"))
        region = server if isinstance(server, Unknown) else None
        if isinstance(server, str) and "-run." in server:
            region = server.partition("://")[2].partition("-run.")[0]
    acts_as = clients.given_credentials(given)
    if given.keywords.get("http") is not None:
        acts_as = ActsAs(OTHER)
    return Discovered(clients, acts_as, region, ())


def _process(clients: Clients, name: str, given: Arguments) -> Value:
    """Start a program, or a shell with a command."""
    # most files start none
    from dagwarden.sources.dags.outgoing.commands import Shell

    command = given.keywords.get("command", given.get("args", 0))
    if name == "asyncio.create_subprocess_exec":
        command = Items("list", list(given.positional), given.more)
    state = State(clients, clients.ambient(), clients.reader.origin(given))

    shell = Shell(state)
    shell.environment(given.keywords.get("env"), given.keywords.get("cwd"))
    in_shell = truth(given.keywords.get("shell", name in _SHELLS))
    if isinstance(command, Items):
        output = shell.program(list(command.items), command.more)
    elif in_shell is True or isinstance(command, str):
        output = shell.script(command)
    else:
        output = shell.unknown(why_unknown(command) or Unknown("dynamic", f"{name}()"))
    if not isinstance(output, (str, Text)):
        output = Unknown("import", f"{name}()")
    return output if name.endswith("output") else Ended(output)


_SHELLS = ("os.system", "os.popen", "asyncio.create_subprocess_shell")


class Ended(Thing):
    """A program that was started."""

    __slots__ = ("output",)

    def __init__(self, output: Value) -> None:
        """Hold what it wrote."""
        self.output = output

    def attribute(self, name: str) -> Value:
        """Return what it wrote."""
        if name == "stdout":
            return self.output
        if name in ("read", "communicate"):
            pair = Items("tuple", [self.output, Unknown("dynamic", "stderr")])
            return Method(name, lambda _: self.output if name == "read" else pair)
        return Unknown("import", f"subprocess.{name}")

    def enter(self) -> Value:
        """Enter it as a context."""
        return self


def _missed(clients: Clients, name: str, given: Arguments) -> Value:
    clients.miss(Unknown("dynamic", f"{name}()"))
    return Unknown("import", f"{name}()")


def _set_variable(clients: Clients, name: str, given: Arguments) -> Value:
    if name == "os.environ.update":
        first = given.get("", 0)
        known = isinstance(first, Entries) and first.rest is None
        names: list[Value] = list(first.items) if isinstance(first, Entries) else []
        for one in (*names, *given.keywords, *(() if known else (first,))):
            if one is not None:
                clients.set_variable(one if is_scalar(one) else None)
        return None
    clients.set_variable(given.get("key", 0))
    return Unknown("environment", "os.environ")


_ID_TOKENS = "airflow.providers.google.common.utils.id_token_credentials."
_KEYS = "google.oauth2.service_account."
_OF_KEY = ("from_service_account_file", "from_service_account_info")
# `outgoing.meaning` knows how they begin.
NAMES: dict[str, Meaning] = {
    **{f"requests.{verb}": sessions.verb for verb in (*sessions.VERBS, "request")},
    **{f"requests.api.{verb}": sessions.verb for verb in (*sessions.VERBS, "request")},
    **{
        f"httpx.{verb}": sessions.verb
        for verb in (*sessions.VERBS, "request", "stream")
    },
    **dict.fromkeys(
        ("requests.Session", "requests.session", "requests.sessions.Session"),
        sessions.session,
    ),
    **dict.fromkeys(("httpx.Client", "httpx.AsyncClient"), sessions.session),
    "aiohttp.ClientSession": sessions.session,
    "aiohttp.request": sessions.verb,
    "urllib.request.urlopen": sessions.urlopen,
    "urllib.request.Request": sessions.prepared,
    "google.auth.default": _default,
    "google.auth.compute_engine.Credentials": _metadata_credentials,
    "google.cloud.iam_credentials_v1.IAMCredentialsClient": _iam_client,
    "google.cloud.iam_credentials.IAMCredentialsClient": _iam_client,
    "google.oauth2.id_token.fetch_id_token": _fetch_id_token,
    "google.oauth2.id_token.fetch_id_token_credentials": _id_credentials(0),
    "google.auth.compute_engine.IDTokenCredentials": _id_credentials(1),
    "google.auth.compute_engine.credentials.IDTokenCredentials": _id_credentials(1),
    "google.auth.impersonated_credentials.Credentials": _impersonated,
    "google.auth.impersonated_credentials.IDTokenCredentials": _impersonated_id,
    "google.auth.transport.requests.AuthorizedSession": sessions.authorized_session,
    "googleapiclient.discovery.build": _discovered,
    "os.environ.update": _set_variable,
    "os.environ.setdefault": _set_variable,
    "os.putenv": _set_variable,
    **dict.fromkeys(
        (
            *("subprocess.run", "subprocess.call", "subprocess.check_call"),
            *("subprocess.check_output", "subprocess.getoutput", "subprocess.Popen"),
            *_SHELLS,
            "asyncio.create_subprocess_exec",
        ),
        _process,
    ),
    **dict.fromkeys(
        ("importlib.import_module", "runpy.run_path", "runpy.run_module"), _missed
    ),
    f"{_ID_TOKENS}get_default_id_token_credentials": _id_credentials(0),
    f"{_ID_TOKENS}get_id_token_credentials": _of_key("id_token"),
    **{f"{_KEYS}Credentials.{one}": _of_key("access_token") for one in _OF_KEY},
    **{f"{_KEYS}IDTokenCredentials.{one}": _of_key("id_token") for one in _OF_KEY},
}

# These note something, and send nothing.
_NOTING = (_missed, _set_variable)
# All names that send, or make what sends, and those above them.
_LEADING = frozenset(
    above
    for name, means in NAMES.items()
    if means not in _NOTING
    for above in accumulate(name.split("."), lambda room, part: f"{room}.{part}")
)


_CLIENT = r"google\.cloud\.run_v2\.(?:services\.\w+\.(?:client\.)?)?(Jobs|Services)(Async)?Client"
_RUN = late(_CLIENT)
_RUN_PATH = late(rf"{_CLIENT}\.(job_path|service_path|common_location_path)")
_RUN_MESSAGE = late(r"google\.cloud\.run_v2\.[\w.]*\.?[A-Z]\w*(\.[A-Z]\w*)*")
_HOOK = late(r"airflow\.providers\.google\.[\w.]+\.[A-Z]\w*Hook")
# Hooks of services that call others as an account of their own.
_ON_BEHALF = late(
    r"airflow\.providers\.google\.cloud\.hooks\.(tasks|workflows|cloud_build)\."
)
_HTTP_HOOK = late(r"airflow\.providers\.http\.hooks\.http\.Http(Async)?Hook")


def _on_behalf(clients: Clients, name: str, given: Arguments) -> Value:
    clients.miss(Unknown("import", f"{name}()"))
    return GoogleHook(clients, name, given)


def _of_pattern(name: str) -> Meaning | None:
    """Return what a name means that is one of many alike."""
    if name.startswith("google.cloud.run_v2."):
        if _RUN().fullmatch(name):
            return lambda clients, _, given: RunClient(
                clients, clients.given_credentials(given)
            )
        if found := _RUN_PATH().fullmatch(name):
            path = found[3]
            return lambda clients, _, given: RunClient(
                clients, clients.ambient()
            ).attribute(path)
        if "Client." in name:
            return _client_of_key if ".from_service_account" in name else None
        return _message if _RUN_MESSAGE().fullmatch(name) else None
    if not (name.startswith("airflow.providers.") and name.endswith("Hook")):
        return None
    if _ON_BEHALF().match(name):
        return _on_behalf
    if _HOOK().fullmatch(name):
        return GoogleHook
    if _HTTP_HOOK().fullmatch(name):
        return lambda clients, _, given: sessions.HttpHook(clients, given)
    return None


def meaning(name: str) -> Meaning | None:
    """Return what calling the foreign `name` does; None if it is not known here."""
    found = NAMES.get(name)
    if found is None and name.startswith(
        ("google.cloud.run_v2.", "airflow.providers.")
    ):
        found = _of_pattern(name)
    return found


def leads_outside(name: str) -> bool:
    """Say whether `name`, or one below it, sends something or makes what does."""
    if name in _LEADING or name.startswith("google.cloud.run_v2"):
        return True
    if not f"{name}.".startswith("airflow.providers."):
        return name in ("airflow", "google.cloud")
    family = name.split(".")[2:3]
    last = name.rpartition(".")[2]
    # modules, in which there may be hooks
    may_hold = family in ([], ["google"], ["http"]) and not last[:1].isupper()
    return may_hold or last.endswith("Hook")


def _client_of_key(clients: Clients, name: str, given: Arguments) -> Value:
    return RunClient(clients, ActsAs(_KEY_FILE))
