"""
What sends requests as an account by itself: schedules, triggers, push subscriptions.

Of a URL no more is kept than the host, or the job that it runs: the rest may hold secrets.
"""

from urllib.parse import urlsplit

from dagwarden.facts import Origin, Sender, SenderKind, Token
from dagwarden.patterns import late
from dagwarden.sources.snapshot.names import Names, project_of
from dagwarden.sources.snapshot.records import (
    Data,
    RunDestinationShape,
    ScheduleShape,
    SubscriptionShape,
    TokenShape,
    TriggerShape,
    WorkflowShape,
)

_RUN = "//run.googleapis.com/"
# cloud.google.com/run/docs/execute/jobs-on-schedule: both versions of the API
_RUNS_JOB = late(
    r"https://(?:(?P<first>[a-z0-9-]+)-)?run\.googleapis\.com/"
    r"(?:v2/projects/(?P<project>[a-z0-9:.-]+)/locations/(?P<region>[a-z0-9-]+)"
    r"|apis/run\.googleapis\.com/v1/namespaces/(?P<namespace>[a-z0-9:.-]+))"
    r"/jobs/(?P<job>[a-z0-9-]+):run(?:\?.*)?"
)
_JOB = late(
    _RUN + r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/jobs/[a-z0-9-]+",
)
# number and name of google.cloud.scheduler.v1.Job.State
_STOPPED: frozenset[str | float] = frozenset({"PAUSED", "DISABLED", 2, 3})


def sent_to(url: str) -> str:
    """Return the job that a URL runs, by its full name; of any other scheme and host."""
    if _JOB().fullmatch(url):  # as it was sealed
        return url
    found = _RUNS_JOB().fullmatch(url)
    region = found and (found["region"] or found["first"])
    if found and region:
        project = found["project"] or found["namespace"]
        return f"{_RUN}projects/{project}/locations/{region}/jobs/{found['job']}"
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that hold no address
        return ""
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""


def sender(name: str, data: Data | None, names: Names, origin: Origin) -> Sender | None:
    """Return who sends requests, and where; None: as no account that is named."""
    kind, account, token, target = _sent(name, data)
    account = account.rpartition("/")[2]  # of projects/-/serviceAccounts/
    account = names.email(account) or account
    if "@" not in account:
        return None
    return Sender(
        id=f"sender:{name}",
        origin=origin,
        resource=name,
        kind=kind,
        service_account=account.lower(),
        token=token,
        target=target,
        paused=isinstance(data, ScheduleShape) and data.state in _STOPPED,
    )


def _sent(name: str, data: Data | None) -> tuple[SenderKind, str, Token, str | None]:
    """Return what sends, as whom, with which token, to what: the API's own fields."""
    if isinstance(data, ScheduleShape) and (http := data.httpTarget):
        if http.oauthToken:
            return "schedule", _account(http.oauthToken), "access_token", http.uri
        return "schedule", _account(http.oidcToken), "id_token", http.uri
    if isinstance(data, SubscriptionShape) and (push := data.pushConfig):
        return (
            "push_subscription",
            _account(push.oidcToken),
            "id_token",
            push.pushEndpoint,
        )
    if isinstance(data, TriggerShape):
        run = data.destination and data.destination.cloudRun
        service = _service(name, run) if run else None
        return "event_trigger", data.serviceAccount or "", "id_token", service
    account = data.serviceAccount if isinstance(data, WorkflowShape) else None
    return "workflow", account or "", "access_token", None


def _service(trigger: str, run: RunDestinationShape) -> str:
    """Return the service that events go to: one of the trigger's own project."""
    project = f"projects/{project_of(trigger)}"
    return f"{_RUN}{project}/locations/{run.region}/services/{run.service}"


def _account(token: TokenShape | None) -> str:
    return (token and token.serviceAccountEmail) or ""
