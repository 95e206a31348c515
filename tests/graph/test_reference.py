"""Random organisations: who becomes whom, and may do what, as a slow evaluator says."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET
from tests.graph import questions
from tests.graph.becoming import (
    ACT_AS,
    DELEGATE,
    ID_TOKEN,
    LIVE,
    PARENT,
    ROLE_OF,
    TOKEN,
    WHO,
    Closure,
    Denial,
    Grant,
    above,
)
from tests.graph.questions import (
    ABOVE,
    ACCOUNTS,
    API,
    APP,
    AS_OF,
    BOT,
    DAGS,
    ENV,
    EVERYONE,
    LAB,
    NIGHTLY,
    SHOP,
)

from dagwarden import ask
from dagwarden.graph.estate import Estate
from dagwarden.graph.reach import derive_reaches, user_of

ROLES = (
    *("roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"),
    *("roles/iam.serviceAccountOpenIdTokenCreator", "roles/iam.serviceAccountAdmin"),
    *("roles/iam.serviceAccountKeyAdmin", "roles/iam.workloadIdentityUser"),
    *("roles/iam.roleAdmin", "roles/iam.securityAdmin", "roles/owner", "roles/editor"),
    *("roles/resourcemanager.projectIamAdmin", "roles/resourcemanager.folderIamAdmin"),
    *("roles/iam.workloadIdentityPoolAdmin", "roles/iam.workforcePoolEditor"),
    *(
        "roles/run.developer",
        "roles/run.invoker",
        "roles/run.jobsExecutorWithOverrides",
    ),
    *("roles/composer.admin", "roles/storage.objectAdmin", "roles/workflows.editor"),
    *("roles/cloudscheduler.admin", "roles/cloudbuild.builds.editor"),
    *(*ROLE_OF.values(), *ROLE_OF.values()),
)
PLACES = (*ABOVE, *LIVE, NIGHTLY, API, DAGS)
ADDED = (
    *(TOKEN, ID_TOKEN, ACT_AS, DELEGATE, "iam.serviceAccounts.signJwt"),
    *("iam.serviceAccountKeys.create", "iam.roles.update", "storage.hmacKeys.create"),
    *("run.jobs.run", "run.jobs.runWithOverrides", "run.services.update"),
    *("run.services.setIamPolicy", "run.jobs.setIamPolicy", "composer.dags.execute"),
)
DENIED = {
    TOKEN: "iam.googleapis.com/serviceAccounts.getAccessToken",
    ID_TOKEN: "iam.googleapis.com/serviceAccounts.getOpenIdToken",
    ACT_AS: "iam.googleapis.com/serviceAccounts.actAs",
    "iam.roles.update": "iam.googleapis.com/roles.update",
    "run.jobs.run": "run.googleapis.com/jobs.run",
    "run.services.update": "run.googleapis.com/services.update",
    "storage.objects.create": "storage.googleapis.com/objects.create",
    "resourcemanager.projects.setIamPolicy": "cloudresourcemanager.googleapis.com/projects.setIamPolicy",
}
ASKED = (
    *(("run.jobs.run", NIGHTLY), ("run.routes.invoke", API)),
    *(("storage.objects.create", DAGS), (TOKEN, BOT)),
)
CONDITIONS = {
    "": "",
    "path": 'request.path == "/x"',  # no export tells
    "tag": "resource.matchTag('1/env', 'prod')",
}


def _placed(grant: Grant) -> Grant:
    """Put a project's role into the project: it is granted nowhere else."""
    project = PARENT.get(grant.role)
    if project is None or project in above(grant.place):
        return grant
    return grant._replace(place=project)


GRANTS = st.lists(
    st.builds(
        Grant,
        st.sampled_from(PLACES),
        st.sampled_from(ROLES),
        st.sampled_from(WHO),
        st.sampled_from(["", "", "", "path", "tag"]),
    ).map(_placed),
    min_size=3,
    max_size=10,
    unique_by=lambda one: one[:3],
)
TAGGED = st.frozensets(st.sampled_from([SHOP, LAB]), max_size=1)
HELD = st.lists(st.sampled_from(ADDED), max_size=2, unique=True).map(frozenset)
CUSTOM = st.fixed_dictionaries(dict.fromkeys(ROLE_OF.values(), HELD))
DENIALS = st.lists(
    st.builds(
        Denial,
        st.sampled_from(tuple(ABOVE)),
        st.sampled_from(sorted(DENIED)),
        st.none() | st.sampled_from(WHO),
    ),
    max_size=2,
    unique=True,
)


def _denial(number: int, one: Denial) -> Any:
    who = one.who or EVERYONE
    if who in ACCOUNTS:
        who = questions.denied(who)
    who = who.replace("user:", "principal://goog/subject/")
    policy = questions.deny(one.place, [who], [DENIED[one.permission]])
    return policy | {"name": f"{policy['name']}{number}"}


def load(
    grants: list[Grant],
    custom: dict[str, frozenset[str]],
    denials: list[Denial],
    tagged: frozenset[str],
) -> ask.Estate:
    extras = (
        *(questions.role(name, *sorted(held)) for name, held in custom.items()),
        *(
            questions.Grant(one.place, one.role, one.member, when=CONDITIONS[one.when])
            for one in grants
        ),
        *(_denial(number, one) for number, one in enumerate(denials)),
        questions.tags(*((place, "prod") for place in sorted(tagged))),
    )
    with TemporaryDirectory() as folder:
        estate = ask.load(
            snapshots=[questions.write(extras, Path(folder))], as_of=AS_OF
        )
        assert estate.facts.gaps == ()
    return estate


@settings(derandomize=True, max_examples=60)
@given(GRANTS, CUSTOM, DENIALS, TAGGED, st.data())
def test_what_someone_may_is_never_said_wrongly(
    grants: list[Grant],
    custom: dict[str, frozenset[str]],
    denials: list[Denial],
    tagged: frozenset[str],
    data: st.DataObject,
) -> None:
    who = data.draw(st.sampled_from(sorted({one.member for one in grants})))
    sure = [one for one in grants if one.when != "path"]
    least = Closure(who, sure, custom, denials, tagged)
    most = Closure(who, grants, custom, denials, tagged, lucky=True)
    estate = load(grants, custom, denials, tagged)
    for permission, place in ASKED:
        wanted = {least.may(permission, place), most.may(permission, place)}
        right = (
            {True: "allowed", False: "denied"}[wanted.pop()] if len(wanted) == 1 else ""
        )
        said = estate.explain(who, permission, place)
        assert said.answer in ("unknown", right), (permission, said.because, right)


@settings(derandomize=True, max_examples=60)
@given(GRANTS, CUSTOM, DENIALS, TAGGED, st.data())
def test_whom_someone_becomes_is_never_said_wrongly(
    grants: list[Grant],
    custom: dict[str, frozenset[str]],
    denials: list[Denial],
    tagged: frozenset[str],
    data: st.DataObject,
) -> None:
    who = data.draw(st.sampled_from(sorted({one.member for one in grants})))
    sure = [one for one in grants if one.when != "path"]
    least, most = (
        (found.calls | found.speaks | found.stores) & {APP, BOT, ENV} - {who}
        for found in (
            Closure(who, sure, custom, denials, tagged),
            Closure(who, grants, custom, denials, tagged, lucky=True),
        )
    )
    facts = load(grants, custom, denials, tagged).facts
    key = f"serviceAccount:{who}" if who in ACCOUNTS else who
    (reach,) = derive_reaches(Estate(facts), [user_of(key)])
    said = {one.identity.email for one in reach.controls_known}
    assert said <= most
    assert reach.controls is UNSET or least == said == most, (least, said, most)
