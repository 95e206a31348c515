"""Schedules, triggers, push subscriptions and workflows: as whom they send, and to what."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sources.snapshot.test_facts import (
    ACCOUNT,
    EMAIL,
    KEY,
    PROJECT,
    RUN,
    data,
    facts,
)

from dagwarden.facts import Facts
from dagwarden.sources.snapshot import read_snapshots
from dagwarden.sources.snapshot.export import read_export
from dagwarden.sources.snapshot.senders import sent_to

Json = dict[str, Any]
_AT = "projects/shop/locations/europe-west1"
SCHEDULE = (
    f"//cloudscheduler.googleapis.com/{_AT}/jobs/s",
    "cloudscheduler.googleapis.com/Job",
)
PUSH = (
    "//pubsub.googleapis.com/projects/shop/subscriptions/s",
    "pubsub.googleapis.com/Subscription",
)
TRIGGER = (
    f"//eventarc.googleapis.com/{_AT}/triggers/s",
    "eventarc.googleapis.com/Trigger",
)
WORKFLOW = (
    f"//workflows.googleapis.com/{_AT}/workflows/s",
    "workflows.googleapis.com/Workflow",
)
AS = {"serviceAccountEmail": EMAIL}
URL = "https://api-abc.a.run.app/hook?key=s3cret"
HOST = "https://api-abc.a.run.app"
V2 = f"https://run.googleapis.com/v2/{_AT}/jobs/load:run"
V1 = "https://europe-west1-run.googleapis.com/apis/run.googleapis.com/v1/namespaces/shop/jobs/load:run"
JOB = f"{RUN}/jobs/load"


def http(uri: str, state: str | float = "ENABLED", **token: Any) -> Json:
    return {
        "state": state,
        "schedule": "0 2 * * *",
        "httpTarget": {"uri": uri, "body": "c2VjcmV0", **token},
    }


@pytest.mark.parametrize(
    ("one", "fields", "says"),
    [
        # cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs
        (SCHEDULE, http(URL, oidcToken={**AS, "audience": HOST}), ("schedule", "id_token", HOST, False)),
        (SCHEDULE, http(URL, "PAUSED", oidcToken=AS), ("schedule", "id_token", HOST, True)),
        (SCHEDULE, http(URL, 2.0, oidcToken=AS), ("schedule", "id_token", HOST, True)),
        # cloud.google.com/run/docs/execute/jobs-on-schedule
        (SCHEDULE, http(V2, oauthToken=AS), ("schedule", "access_token", JOB, False)),
        (SCHEDULE, http(V1, oauthToken=AS), ("schedule", "access_token", JOB, False)),
        # cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions#pushconfig
        (PUSH, {"pushConfig": {"pushEndpoint": URL, "oidcToken": AS}}, ("push_subscription", "id_token", HOST, False)),
        # cloud.google.com/eventarc/docs/reference/rest/v1/projects.locations.triggers
        (TRIGGER, {"serviceAccount": EMAIL, "destination": {"cloudRun": {"service": "api", "region": "europe-west1", "path": "/x"}}},
         ("event_trigger", "id_token", f"{RUN}/services/api", False)),
        (TRIGGER, {"serviceAccount": EMAIL, "destination": {"workflow": f"{_AT}/workflows/w"}}, ("event_trigger", "id_token", None, False)),
        # cloud.google.com/workflows/docs/reference/rest/v1/projects.locations.workflows
        (WORKFLOW, {"serviceAccount": f"projects/shop/serviceAccounts/{EMAIL}"}, ("workflow", "access_token", None, False)),
        (WORKFLOW, {"serviceAccount": "projects/-/serviceAccounts/1001"}, ("workflow", "access_token", None, False)),
    ],
)  # fmt: skip
def test_who_sends_requests_and_to_what(
    one: tuple[str, str], fields: Json, says: tuple[Any, ...], tmp_path: Path
) -> None:
    (found,) = facts(tmp_path, PROJECT, ACCOUNT, data(*one, fields)).senders
    assert found.service_account == EMAIL
    assert (found.kind, found.token, found.target, found.paused) == says


@pytest.mark.parametrize(
    ("one", "fields"),
    [
        (SCHEDULE, http(URL)),
        (SCHEDULE, {"pubsubTarget": {"topicName": "projects/shop/topics/t"}}),
        (PUSH, {"topic": "projects/shop/topics/t"}),
        (PUSH, {"pushConfig": {"pushEndpoint": URL}}),
        (TRIGGER, {"destination": {"cloudRun": {"service": "api", "region": "r"}}}),
        (WORKFLOW, {}),
    ],
)
def test_what_sends_as_no_account_that_is_named_is_no_fact(
    one: tuple[str, str], fields: Json, tmp_path: Path
) -> None:
    assert facts(tmp_path, PROJECT, data(*one, fields)).senders == ()


def test_of_a_url_no_more_is_kept_than_its_host(tmp_path: Path) -> None:
    url = "https://me:hunter2@api-abc.a.run.app/T0KEN?key=s3cret"
    path = tmp_path / "export.json"
    path.write_text(
        "".join(
            json.dumps(data(*one, fields)) + "\n"
            for one, fields in (
                (SCHEDULE, http(url, oidcToken=AS)),
                (PUSH, {"pushConfig": {"pushEndpoint": url, "oidcToken": AS}}),
            )
        )
    )
    kept = repr(read_export(path, "export.json", KEY))  # as it is sealed
    assert HOST in kept
    for secret in ("hunter2", "T0KEN", "s3cret", "c2VjcmV0"):
        assert secret not in kept


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        (f"{V2}?x=y", JOB),
        (f"{V2}/x", "https://run.googleapis.com"),
        # version 1 has no such host without a region
        (V1.replace("europe-west1-", ""), "https://run.googleapis.com"),
        (JOB, JOB),
        ("https://[x/y", ""),
        ("", ""),
    ],
)
def test_a_url_may_run_a_job(url: str, kept: str) -> None:
    assert sent_to(url) == kept
    assert sent_to(kept) == kept


# -------------------------------------------------------------------- as gcloud lists them

LISTED_SCHEDULE = {
    "name": f"{_AT}/jobs/s",
    **http(URL, oidcToken={**AS, "audience": HOST}),
}
LISTED_PUSH = {
    "name": "projects/shop/subscriptions/s",
    "topic": "projects/shop/topics/t",
    "pushConfig": {"pushEndpoint": URL, "oidcToken": AS},
}


def listed(tmp_path: Path, content: Any) -> Facts:
    (tmp_path / "listed.json").write_text(json.dumps(content))
    return read_snapshots(
        [tmp_path / "listed.json"],
        tmp_path,
        include_sys_projects=False,
        fingerprint=KEY,
    )


@pytest.mark.parametrize(
    ("one", "key", "name", "kind"),
    [
        # cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs/list
        (LISTED_SCHEDULE, "jobs", SCHEDULE[0], "schedule"),
        # cloud.google.com/pubsub/docs/reference/rest/v1/projects.subscriptions/list
        (LISTED_PUSH, "subscriptions", PUSH[0], "push_subscription"),
    ],
)
def test_what_gcloud_or_the_api_lists_is_read_as_an_asset_is(
    one: Json, key: str, name: str, kind: str, tmp_path: Path
) -> None:
    for content in (one, [one], {key: [one]}):
        read = listed(tmp_path, content)
        (found,) = read.senders
        assert (found.resource, found.kind, found.target) == (name, kind, HOST)
        assert found.service_account == EMAIL
        assert read.gaps == ()
    kept = repr(read_export(tmp_path / "listed.json", "listed.json", KEY))
    assert "s3cret" not in kept
    (gap,) = listed(tmp_path, {key: [one], "nextPageToken": "x"}).gaps
    assert (gap.reason, gap.kinds) == ("truncated", ("sender",))


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ({**LISTED_SCHEDULE, "httpTarget": "x"}, "malformed"),
        ({**LISTED_PUSH, "pushConfig": []}, "malformed"),
        # a job of Cloud Run has the name of a schedule: run/docs/reference/rest/v2
        ({"name": f"{_AT}/jobs/load", "template": {}}, "not_an_asset"),
        ({**LISTED_PUSH, "name": "subscriptions/s"}, "not_an_asset"),
    ],
)
def test_what_is_listed_in_another_shape_is_named(
    one: Json, reason: str, tmp_path: Path
) -> None:
    found = listed(tmp_path, [one])
    assert [gap.reason for gap in found.gaps] == [reason]
    assert found.senders == ()
