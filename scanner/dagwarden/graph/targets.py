"""Which Cloud Run resource a call reaches: by name, or by the URL it requests."""

from functools import cached_property
from urllib.parse import urlsplit

from msgspec import UNSET

from dagwarden.facts import (
    Call,
    CloudRun,
    Connection,
    Maybe,
    Record,
    Sender,
    TargetKind,
)
from dagwarden.graph.access import Cause
from dagwarden.graph.estate import Estate, cause, causes_of
from dagwarden.graph.principals import email_of, project_of_account
from dagwarden.patterns import late

RUN = "//run.googleapis.com/"
# NAME-PROJECTNUMBER.REGION.run.app, a tag's `TAG---` before it
_DETERMINISTIC = late(
    r"^(?:[a-z0-9-]+?---)?(?P<name>[a-z](?:[a-z0-9-]*[a-z0-9])?)-(?P<number>\d{6,})"
    r"\.(?P<region>[a-z]+-[a-z0-9]+)\.run\.app$"
)

_PLAIN = late(r"https://([a-z0-9.-]+)")


class Target(Record, frozen=True, kw_only=True):
    """What a call reaches, as far as it is known."""

    kind: Maybe[TargetKind] = UNSET
    kind_causes: tuple[Cause, ...] = ()
    name: Maybe[str] = UNSET  # resource name, or the URL where no asset fits
    causes: tuple[Cause, ...] = ()  # why `name`, or what is behind it, is not known
    run: CloudRun | None = None
    project: str | None = None  # id or number, where the name tells
    https: Maybe[bool] = True
    https_causes: tuple[Cause, ...] = ()


class Runs:
    """Cloud Run resources by name and by host."""

    def __init__(self, estate: Estate) -> None:
        """Take the resources of the snapshot, which are indexed when asked about."""
        self._estate = estate

    @cached_property
    def _by_name(self) -> dict[str, CloudRun]:
        canonical = self._estate.hierarchy.canonical
        return {canonical(run.resource): run for run in self._estate.facts.cloud_runs}

    @cached_property
    def _by_host(self) -> dict[str, CloudRun]:
        return {
            host: run
            for run in self._estate.facts.cloud_runs
            for url in (*run.urls, *run.custom_audiences)
            if (host := host_of(url))
        }

    def by_name(self, name: str) -> CloudRun | None:
        """Return the resource of a full name."""
        return self._by_name.get(self._estate.hierarchy.canonical(name))

    def by_host(self, host: str) -> CloudRun | None:
        """Return the service that answers at a host, tags included."""
        found = self._by_host.get(host) or self._by_host.get(
            host.rpartition("---")[2] if "---" in host else host
        )
        if found is not None:
            return found
        parts = _DETERMINISTIC().match(host)
        if parts is None:
            return None
        return self.by_name(
            resource_name(parts["number"], parts["region"], "service", parts["name"])
        )


def takes(runs: Runs, run: CloudRun, audience: str) -> Maybe[bool]:
    """
    Tell whether a service takes an ID token for an audience.

    That is its own URL, or one of its custom audiences
    (cloud.google.com/run/docs/configuring/custom-audiences). False: it is the URL of
    another service of the snapshot; UNSET: of none.
    """
    host = host_of(audience)
    if audience in run.custom_audiences or host in map(host_of, run.custom_audiences):
        return True
    found = runs.by_host(host)
    return UNSET if found is None else found.resource == run.resource


def sent_to(runs: Runs, sender: Sender) -> tuple[str, CloudRun] | None:
    """Return what a sender's requests take, and of which service or job; None: no such."""
    target = sender.target or ""
    named = target.startswith(RUN)
    run = runs.by_name(target) if named else runs.by_host(host_of(target))
    permission = _SENT.get((run.kind, sender.token)) if run else None
    return (permission, run) if permission and run else None


# cloud.google.com/run/docs/triggering/using-scheduler, .../execute/jobs-on-schedule
_SENT = {
    ("service", "id_token"): "run.routes.invoke",
    ("job", "access_token"): "run.jobs.run",
}


def resource_name(project: str, region: str, kind: str, name: str) -> str:
    """Return the full resource name of a service or job."""
    return f"{RUN}projects/{project}/locations/{region}/{kind}s/{name}"


def host_of(url: str) -> str:
    """Return the host of a URL (or of a bare host), in lower case."""
    if plain := _PLAIN().fullmatch(url):  # as most are
        return plain[1]
    try:
        return (urlsplit(url if "://" in url else f"//{url}").hostname or "").lower()
    except ValueError:  # brackets that hold no address
        return ""


def named_target(
    estate: Estate,
    runs: Runs,
    call: Call,
    connection: Connection | None,
    chain: tuple[str, ...],
    blame: tuple[Cause, ...],
) -> Target:
    """
    Return the job or service that an operator names by project, region and name.

    `blame` says why the connection is not known, where it is not.
    """
    kind = call.target_kind
    if kind is UNSET:
        why = causes_of(call, "target_kind", f"target of {call.id}")
        return Target(kind_causes=why, causes=why)
    project, causes = _project(call, connection, chain, blame)
    for field in ("region", "name"):
        if getattr(call, field) is UNSET:
            causes += causes_of(call, field, f"{field} of {call.id}")
    if causes or project is None or call.region is UNSET or call.name is UNSET:
        return Target(kind=kind, causes=causes, project=project)
    name = _short_name(call.name)
    full = resource_name(project, call.region, kind, name)
    return _found(estate, kind, full, project, runs.by_name(full))


def _short_name(name: str) -> str:
    """Accept a full resource name where a bare one is usual."""
    return name.rpartition("/")[2]


def _found(
    estate: Estate, kind: TargetKind, full: str, project: str, run: CloudRun | None
) -> Target:
    if run is not None:
        return Target(kind=kind, name=run.resource, run=run, project=project)
    why = absent(estate, kind, full, project)
    return Target(kind=kind, name=full, project=project, causes=why)


def absent(estate: Estate, kind: str, name: str, project: str) -> tuple[Cause, ...]:
    """Say what would tell of a Cloud Run resource that the snapshot does not hold."""
    if not estate.has_snapshot:
        return cause("layer", "a snapshot")
    shown = estate.hierarchy.project_id(project)
    if estate.hierarchy.covers(project):
        bare = name.rpartition("/")[2]
        return cause("layer", f"{kind} {bare} in the snapshot of project {shown}")
    return cause("layer", f"snapshot of project {shown}")


def _project(
    call: Call,
    connection: Connection | None,
    chain: tuple[str, ...],
    blame: tuple[Cause, ...],
) -> tuple[str | None, tuple[Cause, ...]]:
    """Return the call's project: its own, the connection's, the account's."""
    if call.project is UNSET:
        return None, causes_of(call, "project", f"project of {call.id}")
    if call.project is not None:
        return call.project, ()
    if connection is None:
        return None, blame
    if connection.project is UNSET:
        symbol = f"project of connection {connection.conn_id}"
        return None, causes_of(connection, "project", symbol)
    if connection.project:
        return connection.project, ()
    email = email_of(chain[-1]) if chain else None
    project = project_of_account(email) if email else None
    if project is not None:
        return project, ()
    return None, cause("connection", f"project of connection {connection.conn_id}")


# ------------------------------------------------------------------------------ HTTP


def http_target(
    estate: Estate,
    runs: Runs,
    call: Call,
    connection: Connection | None,
    blame: tuple[Cause, ...],
) -> Target:
    """Return the service behind the URL that an HTTP task requests."""
    if connection is None:
        return _unjoined(call, blame)
    if connection.host is UNSET or connection.schema is UNSET:
        symbol = f"host of connection {connection.conn_id}"
        return _unjoined(call, causes_of(connection, "host", symbol))
    base = base_url(connection)
    if call.endpoint is UNSET and not host_of(base):
        why = causes_of(call, "endpoint", f"endpoint of {call.id}")
        return _unjoined(call, why)
    endpoint = call.endpoint if isinstance(call.endpoint, str) else ""
    url = join(base, endpoint)
    return _by_url(estate, runs, call, url)


def url_target(estate: Estate, runs: Runs, call: Call) -> Target:
    """Return the service behind the URL that a task's code requests."""
    if not isinstance(call.url, str):
        return _unjoined(call, causes_of(call, "url", f"URL of {call.id}"))
    return _by_url(estate, runs, call, call.url)


def base_url(connection: Connection) -> str:
    """
    Return the URL that Airflow's HTTP hook builds from a connection.

    Without a scheme in the host and without a schema it is plain http.
    """
    host = connection.host if isinstance(connection.host, str) else ""
    schema = connection.schema if isinstance(connection.schema, str) else ""
    base = host if "://" in host else f"{schema or 'http'}://{host}"
    return f"{base}:{connection.port}" if connection.port else base


def join(base: str, endpoint: str) -> str:
    """Join an endpoint as the HTTP hook does: at most one slash is put between."""
    slash = base and not base.endswith("/") and endpoint and endpoint[0] != "/"
    return f"{base}/{endpoint}" if slash else base + endpoint


def _unjoined(call: Call, causes: tuple[Cause, ...]) -> Target:
    """Return what the call alone says of its target."""
    kind = call.target_kind
    return Target(
        kind=kind,
        kind_causes=causes if kind is UNSET else (),
        causes=causes,
        https=UNSET,
        https_causes=causes,
    )


def _by_url(estate: Estate, runs: Runs, call: Call, url: str) -> Target:
    host = host_of(url)
    https = url.lower().startswith("https://")
    run = runs.by_host(host)
    if run is not None:
        return Target(
            kind="service",
            name=run.resource,
            run=run,
            project=run.project,
            https=https,
        )
    if not host.endswith(".run.app") and call.target_kind != "service":
        return Target(kind="other", name=url_shown(url), https=https)
    parts = _DETERMINISTIC().match(host)
    why = cause("layer", f"snapshot that holds the service at {host}")
    if not estate.has_snapshot:
        why = cause("layer", "a snapshot")
    elif parts is not None:
        why = absent(estate, "service", parts["name"], parts["number"])
    return Target(
        kind="service",
        name=url_shown(url),
        causes=why,
        https=https,
        project=parts["number"] if parts else None,
    )


def url_shown(url: str) -> str:
    """Return a URL's scheme and host: paths and queries may hold secrets."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.scheme}://{host}{port}"
