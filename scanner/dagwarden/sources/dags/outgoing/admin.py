"""Clients of Cloud Run's Admin API, and Airflow's hooks that hold one."""

from msgspec.structs import replace

from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import (
    Arguments,
    Changeable,
    Entries,
    Items,
    Method,
    Text,
    Thing,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.outgoing.clients import Clients, field_of
from dagwarden.sources.dags.outgoing.requests import (
    Action,
    ActsAs,
    Named,
    Outgoing,
    Target,
    accounts_of,
    resource_of,
    segments,
)
from dagwarden.sources.dags.outgoing.tokens import OTHER, Credentials

GOOGLE_CONNECTION = "google_cloud_default"


class RunClient(Thing):
    """A client of Cloud Run's Admin API: `JobsClient` or `ServicesClient`."""

    __slots__ = ("acts_as", "clients")

    def __init__(self, clients: Clients, acts_as: ActsAs) -> None:
        """`acts_as` is who asks."""
        self.clients = clients
        self.acts_as = acts_as

    def describe(self) -> str:
        """Return what it is."""
        return "a client of Cloud Run"

    def attribute(self, name: str) -> Value:
        """Return its methods."""
        action, _, kind = name.partition("_")
        if kind == "job" and action in ("run", "create", "update", "delete"):
            return Method(name, lambda given: self._ask(name, given))
        if kind == "service" and action in ("create", "update", "delete"):
            return Method(name, lambda given: self._ask(name, given))
        if name in ("job_path", "service_path", "common_location_path"):
            return Method(name, lambda given: _path(name, given))
        return Unknown("import", f"google.cloud.run_v2.{name}")

    def enter(self) -> Value:
        """Enter it as a context."""
        return self

    def _ask(self, name: str, given: Arguments) -> Value:
        action, _, kind = name.partition("_")
        request = given.get("request", 0)

        def field(of: str) -> Value:
            return given.keywords.get(of, field_of(request, of))

        body = request if action == "run" else field(kind)
        place = field("parent" if action == "create" else "name")
        if action == "update":
            place = field_of(body, "name")
        asked = asked_by(action, kind, place)
        if action == "create":
            asked = replace(asked, name=field(f"{kind}_id"))
        sent = Outgoing("code", self.clients.reader.origin(given), self.acts_as)
        sent = replace(sent, more=given.more or given.rest)
        self.clients.administer(sent, asked, body)
        return Unknown("import", f"google.cloud.run_v2.{name}()")


def asked_by(action: str, kind: str, place: Value) -> Named:
    """Return what is asked of the resource whose name, or parent, is `place`."""
    path = segments(place)
    wanted: Target = "job" if kind == "job" else "service"
    done: Action = "run"
    for one in ("create", "update", "delete"):
        if action == one:
            done = one
    if action == "create":
        path = [*path, f"{kind}s"]
    found = resource_of(path)
    if found is not None and found.kind == wanted:
        return replace(found, action=done)
    why = why_unknown(place) or Unknown("dynamic", f"the name of a {kind}")
    return Named(done, wanted, why, why, why)


def _path(name: str, given: Arguments) -> Value:
    project, location = given.get("project", 0), given.get("location", 1)
    parts: list[Value] = ["projects/", project, "/locations/", location]
    kind = name.partition("_")[0]
    if kind != "common":
        parts += [f"/{kind}s/", given.get(kind, 2)]
    if all(isinstance(part, (str, Unknown, Text)) for part in parts):
        return operations.joined(parts)
    return Unknown("dynamic", name)


class Discovered(Thing):
    """A resource of `googleapiclient.discovery.build("run", ...)`."""

    __slots__ = ("acts_as", "clients", "path", "region")

    def __init__(
        self, clients: Clients, acts_as: ActsAs, region: Value, path: tuple[str, ...]
    ) -> None:
        """`path` holds the collections on the way to it."""
        self.clients = clients
        self.acts_as = acts_as
        self.region = region
        self.path = path

    def describe(self) -> str:
        """Return what it is."""
        return "a client of Cloud Run"

    def attribute(self, name: str) -> Value:
        """Return its collections and methods."""
        return Method(name, lambda given: self._ask(name, given))

    def _ask(self, name: str, given: Arguments) -> Value:
        if name in ("projects", "namespaces", "locations", "jobs", "services"):
            path = (*self.path, name)
            return Discovered(self.clients, self.acts_as, self.region, path)
        kind = self.path[-1].removesuffix("s") if self.path else ""
        action = _DISCOVERED.get(name)
        if kind in ("job", "service") and action is not None:
            self._send(action, kind, given)
        return Unknown("import", f"googleapiclient.{name}()")

    def _send(self, action: Action, kind: str, given: Arguments) -> None:
        creating = action == "create"
        place = given.keywords.get("parent" if creating else "name", given.rest)
        asked = asked_by(action, kind, place)
        path = [*segments(place), *([f"{kind}s"] if creating else [])]
        found = resource_of(path, self.region)
        if found is not None and found.kind == kind:
            asked = replace(found, action=action)
        if creating:
            asked = replace(asked, name=given.keywords.get(f"{kind}Id", asked.name))
        sent = Outgoing("code", self.clients.reader.origin(given), self.acts_as)
        self.clients.administer(sent, asked, given.keywords.get("body"))


_DISCOVERED: dict[str, Action] = {
    "run": "run",
    "create": "create",
    "patch": "update",
    "replaceJob": "update",
    "replaceService": "update",
    "delete": "delete",
}


class GoogleHook(Changeable):
    """A hook of Airflow's Google provider."""

    __slots__ = ("acts_as", "clients", "name")

    def __init__(self, clients: Clients, name: str, given: Arguments) -> None:
        """`given` are the constructor's arguments."""
        self.clients = clients
        self.name = name
        conn_id = given.get("gcp_conn_id", 0, GOOGLE_CONNECTION)
        chain = accounts_of(given.get("impersonation_chain", 1))
        self.acts_as = ActsAs("connection", conn_id, chain)
        if why := given.more or given.rest:
            self.acts_as = ActsAs(why)

    def describe(self) -> str:
        """Return the class's name."""
        return self.name.rpartition(".")[2]

    def attribute(self, name: str) -> Value:
        """Return its methods."""
        action, _, kind = name.partition("_")
        if ".hooks.cloud_run." in self.name:
            if (action, kind) in _HOOK_ACTIONS:
                return Method(name, lambda given: self._ask(action, kind, given))
            if name == "get_conn":
                return Method(name, lambda _: RunClient(self.clients, self.acts_as))
        if name == "get_credentials":
            return Method(name, self._credentials)
        if name in ("get_credentials_and_project_id", "_get_credentials"):
            project = Unknown("connection", "the project of a connection")
            return Method(
                name, lambda given: Items("tuple", [self._credentials(given), project])
            )
        return Unknown("import", f"{self.name}.{name}")

    def forget(self, why: Unknown) -> None:
        """Anything of it may have changed."""
        self.acts_as = ActsAs(why)

    def store(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self.acts_as = ActsAs(OTHER)

    def _credentials(self, given: Arguments) -> Value:
        origin = self.clients.reader.origin(given)
        return Credentials(
            self.clients.reader, "access_token", None, self.acts_as, origin
        )

    def _ask(self, action: str, kind: str, given: Arguments) -> Value:
        name = given.get(f"{kind}_name", 0)
        rest = given.rest or given.more
        where = given.get("region", 1 if action in ("execute", "delete") else 2)
        done = "run" if action == "execute" else action
        asked = asked_by(done, kind, None)
        project = given.keywords.get("project_id", rest)
        asked = replace(asked, project=project, region=where, name=name)
        sent = Outgoing("code", self.clients.reader.origin(given), self.acts_as)
        body: Value = given.keywords.get(kind)
        if action == "execute":
            body = Entries({"overrides": given.keywords.get("overrides", rest)})
        self.clients.administer(sent, asked, body)
        return Unknown("import", f"{self.name}.{action}_{kind}()")


_HOOK_ACTIONS = {
    *(("execute", "job"), ("create", "job"), ("update", "job"), ("delete", "job")),
    *(("create", "service"), ("delete", "service")),
}
