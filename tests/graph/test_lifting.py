"""Who is denied by a guardrail that he can change himself is told so, and stays denied."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.graph.questions import (
    API,
    APP,
    AS_OF,
    BOT,
    CRM,
    DEP,
    LAB,
    NIGHTLY,
    ORG,
    SHOP,
    VIA,
    Grant,
    denied,
    deny,
    fence,
    group,
    role,
    sa,
    write,
)

from dagwarden import ask
from dagwarden.render.explanation import render_answer

INVOKE, RUN = "run.routes.invoke", "run.jobs.run"
INVOKER, DENY_ADMIN = "roles/run.invoker", "roles/iam.denyAdmin"
FENCES = "roles/iam.principalAccessBoundaryAdmin"
UNBINDS = "roles/iam.principalAccessBoundaryUser"
CREATOR = "roles/iam.serviceAccountTokenCreator"
ROLE = "projects/shop/roles/r"
EVERYONE = "principalSet://goog/public:all"
NO_INVOKE = deny(SHOP, [EVERYONE], ["run.googleapis.com/routes.invoke"])
NAME = NO_INVOKE["name"].rpartition("/")[2]
DENIES = "cloud.google.com/iam/docs/deny-access#required-roles"
EDITS = "cloud.google.com/iam/docs/principal-access-boundary-policies-edit"
REMOVES = "cloud.google.com/iam/docs/principal-access-boundary-policies-remove"
G = Grant
MAY = G(ORG, INVOKER, DEP)


class Case(NamedTuple):
    """What is tried, the page that it rests on, and what is said of `dep`."""

    what: str
    page: str
    extras: tuple[Any, ...]
    said: str = ""  # empty: nothing of lifting
    permission: str = INVOKE
    resource: str = API


def lifts(name: str, by: str, how: str) -> str:
    return f"{DEP} can lift that itself: it changes {name}, by {by} ({how})"


FENCED = ("iam.principalaccessboundarypolicies.update", f"{FENCES} on {ORG}")
CASES = [
    Case("of a deny policy", DENIES, (MAY, NO_INVOKE, G(ORG, DENY_ADMIN, DEP)), lifts(f"deny policy {NAME}", "iam.denypolicies.update", f"{DENY_ADMIN} on {ORG}")),
    Case("by a custom role where the policy stands", DENIES, (MAY, NO_INVOKE, role(ROLE, "iam.denypolicies.delete"), G(SHOP, ROLE, DEP)), lifts(f"deny policy {NAME}", "iam.denypolicies.delete", f"{ROLE} on projects/shop")),
    Case("in a group", DENIES, (MAY, NO_INVOKE, group("g@x.example", DEP), G(ORG, DENY_ADMIN, "group:g@x.example")), lifts(f"deny policy {NAME}", "iam.denypolicies.update", f"{DENY_ADMIN} on {ORG}")),
    Case("elsewhere", DENIES, (MAY, NO_INVOKE, G(LAB, DENY_ADMIN, DEP))),
    Case("only seeing it", DENIES, (MAY, NO_INVOKE, G(ORG, "roles/iam.denyReviewer", DEP))),
    Case("if a condition holds that no file tells", DENIES, (MAY, NO_INVOKE, G(ORG, DENY_ADMIN, DEP, when='request.path == "/x"'))),
    Case("a policy that guards itself", "cloud.google.com/iam/docs/deny-permissions-support", (MAY, NO_INVOKE, deny(ORG, [denied(DEP)], ["iam.googleapis.com/denypolicies.*"]), G(ORG, DENY_ADMIN, DEP))),
    Case("by another, whom one does not become", DENIES, (MAY, NO_INVOKE, G(ORG, DENY_ADMIN, VIA))),
    Case("of an access boundary", EDITS, (MAY, *fence([SHOP], f"{CRM}/{SHOP}"), G(ORG, FENCES, DEP)), lifts("access boundary b", *FENCED), RUN, NIGHTLY),
    Case("by unbinding alone", REMOVES, (MAY, *fence([SHOP], f"{CRM}/{SHOP}"), G(ORG, UNBINDS, DEP)), "", RUN, NIGHTLY),
    Case("a boundary, by what changes deny policies", EDITS, (MAY, *fence([SHOP], f"{CRM}/{SHOP}"), G(ORG, DENY_ADMIN, DEP)), "", RUN, NIGHTLY),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=[one.what for one in CASES])
def test_what_stops_someone_and_he_can_change(case: Case, tmp_path: Path) -> None:
    estate = ask.load(snapshots=[write(case.extras, tmp_path)], as_of=AS_OF)
    said = estate.explain(DEP, case.permission, case.resource)
    assert (said.today, said.answer) == ("denied", "denied")
    assert [one for one in said.because if "lift" in one] == [case.said] * bool(
        case.said
    )
    assert len(said.because) > bool(case.said)  # after what stops him
    held = estate.who_can(case.permission, case.resource)
    assert [(one.identity.key, *one.because) for one in held.stopped] == (
        [(said.principal, *said.because)] * bool(case.said)
    )
    text = render_answer(held, colour=False)
    title = "would hold it, is stopped, and can lift that itself: 1"
    assert (title in text) is (case.said != "" and case.said in text)


def test_who_can_lift_one_of_two_that_stop_him_stays_stopped(tmp_path: Path) -> None:
    no_run = deny(SHOP, [EVERYONE], ["run.googleapis.com/jobs.run"])
    extras = (MAY, no_run, *fence([SHOP], f"{CRM}/{SHOP}"), G(ORG, DENY_ADMIN, DEP))
    for more, stopped in (((), []), ((G(ORG, FENCES, DEP),), [sa(DEP)])):
        estate = ask.load(snapshots=[write((*extras, *more), tmp_path)], as_of=AS_OF)
        held = estate.who_can(RUN, NIGHTLY).stopped
        assert [one.identity.key for one in held] == stopped


def test_of_two_policies_only_the_one_that_he_can_change(tmp_path: Path) -> None:
    extras = (MAY, NO_INVOKE, *fence([LAB], f"{CRM}/{SHOP}"), G(ORG, FENCES, DEP))
    estate = ask.load(snapshots=[write(extras, tmp_path)], as_of=AS_OF)
    denied_by, *rest = estate.explain(DEP, INVOKE, API).because
    assert denied_by == f"rule 1 of deny policy {NAME} on projects/shop denies {INVOKE}"
    assert rest == []  # a boundary does not block it (iam/docs/pab-blocked-permissions)


def test_who_becomes_someone_who_may_is_allowed_and_not_told(tmp_path: Path) -> None:
    extras = (
        MAY,
        G(NIGHTLY, INVOKER, BOT),
        G(BOT, CREATOR, DEP),
        G(ORG, DENY_ADMIN, DEP),
    )
    stopped = deny(LAB, [denied(DEP)], ["run.googleapis.com/jobs.run"])
    estate = ask.load(snapshots=[write((*extras, stopped), tmp_path)], as_of=AS_OF)
    said = estate.explain(sa(DEP), RUN, NIGHTLY)
    assert (said.today, said.answer) == ("denied", "allowed")
    assert not any("lift" in line for line in said.because)


def test_where_becoming_is_open_what_he_can_lift_is_told_too(tmp_path: Path) -> None:
    open_ = G(APP, CREATOR, DEP, when='request.path == "/x"')
    only = deny(SHOP, [denied(DEP)], ["run.googleapis.com/routes.invoke"])
    extras = (MAY, G(API, INVOKER, APP), open_, only, G(ORG, DENY_ADMIN, DEP))
    estate = ask.load(snapshots=[write(extras, tmp_path)], as_of=AS_OF)
    said = estate.explain(DEP, INVOKE, API)
    name = only["name"].rpartition("/")[2]
    told = lifts(
        f"deny policy {name}", "iam.denypolicies.update", f"{DENY_ADMIN} on {ORG}"
    )
    assert said.answer == "unknown"
    assert said.because[1] == told
