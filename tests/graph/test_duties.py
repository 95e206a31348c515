"""Who may change what he calls: told together, it is what asking one by one tells."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st
from tests.graph.access.organisation import (
    AS_OF,
    BOT,
    CONDITIONS,
    ETL,
    JOB,
    LAB,
    MEMBERS,
    ORGANISATIONS,
    PLACES,
    RUNNER,
    SERVICE,
    SHOP,
    TAGGED,
    Grant,
    Organisation,
    write,
)

from dagwarden.facts import Binding
from dagwarden.graph.access import NO, Told, all_of, any_of
from dagwarden.graph.duties import Deploys, Duties
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate
from dagwarden.graph.principals import kind_of
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

# who is nobody in particular, or Google
NO_ONE = ("all_users", "all_authenticated_users", "service_agent", "deleted")
ACT_AS = "iam.serviceAccounts.actAs"
SERVICES = ("run.routes.invoke", "run.services.update", "run.services.create")
JOBS = ("run.jobs.run", "run.jobs.update", "run.jobs.create")
RUN = "//run.googleapis.com/"
CONTAINER = "//cloudresourcemanager.googleapis.com/"
ANN, BOB, GROUP = "user:ann@x.example", "user:bob@y.example", "group:g1@x.example"
DEPLOYING = st.builds(
    Grant,
    st.sampled_from([*PLACES, *[SHOP, SERVICE] * 4]),
    st.sampled_from(
        [
            "roles/run.developer",
            "roles/iam.serviceAccountUser",
            "roles/run.invoker",
            "roles/owner",
            "projects/shop/roles/unread",
        ]
    ),
    # some of them often: they are to meet
    st.lists(
        st.sampled_from([*MEMBERS, *[ANN, BOB, GROUP] * 8]),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    st.sampled_from(["", "", "", *sorted(CONDITIONS), TAGGED]),
)


def estate_of(organisation: Organisation) -> Estate:
    with TemporaryDirectory() as folder:
        write(organisation, Path(folder))
        facts = read_snapshots(
            [Path(folder)],
            Path(folder),
            include_sys_projects=False,
            fingerprint=Fingerprint(b"k", True),
        )
    return Estate(enrich(facts, datetime.fromisoformat(AS_OF)))


def deeper(estate: Estate, one: str, other: str) -> str | None:
    if other in estate.hierarchy.lineage(one).names:
        return one
    return other if one in estate.hierarchy.lineage(other).names else None


def changes(
    estate: Estate, key: str, calling: Binding, one: Binding, place: str
) -> Told:
    ways: list[Told] = []
    for part, (call, *names) in (("/services/", SERVICES), ("/jobs/", JOBS)):
        if place.startswith(RUN):
            if part not in place:
                continue
            names = names[:1]
        gives = estate.access.gives
        may = any_of(gives(one, key, name, place) for name in names)
        ways.append(all_of((gives(calling, key, call, place), may)))
    return any_of(ways) if ways else NO


def slowly(estate: Estate, key: str, calling: Binding) -> bool | None:
    """Look at every pair of bindings, for each place that may be deployed to."""
    scope = estate.hierarchy.canonical(calling.resource)
    told: list[Told] = []
    for one in estate.facts.bindings:
        place = deeper(estate, scope, estate.hierarchy.canonical(one.resource))
        if place is None or not place.startswith((RUN, CONTAINER)):
            continue
        project = estate.hierarchy.project_of(place) or place
        may = changes(estate, key, calling, one, place)
        for acting in estate.facts.bindings:
            at = estate.hierarchy.canonical(acting.resource)
            account = deeper(estate, project, at)
            if account is not None:
                acts = estate.access.gives(acting, key, ACT_AS, account)
                told.append(all_of((may, acts)))
    if estate.access.unread(scope) and any_of(told).held is False:
        return None
    return any_of(told).held


def test_who_deploys_is_told_apart_from_who_calls_beside_him() -> None:
    grants = (
        Grant(SERVICE, "roles/run.invoker", (ANN, BOB)),
        Grant(SHOP, "roles/run.developer", (ANN,)),
        Grant(SHOP, "roles/iam.serviceAccountUser", (ANN, BOB)),
    )
    estate = estate_of(Organisation(grants, (), (), (), ()))
    duties = Duties(estate)
    (binding,) = estate.access.bindings_on(SERVICE)
    bob, ann = duties.deploys([BOB, ANN], binding)
    assert bob.held is False
    assert [name.rpartition("#")[2] for name in ann.by] == [
        "roles/iam.serviceAccountUser",
        "roles/run.developer",
    ]


def test_who_hold_the_same_in_two_projects_deploy_by_their_own_bindings() -> None:
    alike = ("roles/iam.serviceAccountUser", "roles/run.developer")
    grants = tuple(
        Grant(project, role, (who,))
        for project, who in ((SHOP, ANN), (LAB, BOB))
        for role in ("roles/run.invoker", *alike)
    )
    estate = estate_of(Organisation(grants, (), (), (), ()))
    duties = Duties(estate)
    for project, who, other in ((SHOP, ANN, BOB), (LAB, BOB, ANN)):
        ids = {one.role: one.id for one in estate.access.bindings_on(project)}
        (binding,) = (
            one
            for one in estate.access.bindings_on(project)
            if one.role == "roles/run.invoker"
        )
        by = tuple(ids[role] for role in alike)
        assert list(duties.deploys([who, other], binding)) == [
            Deploys(held=True, by=by),
            Deploys(held=False),
        ]


CALLING = (
    Grant(SERVICE, "roles/run.invoker", (ANN, BOB, f"serviceAccount:{ETL}")),
    Grant(JOB, "roles/run.invoker", (ANN, f"serviceAccount:{BOT}", RUNNER)),
    Grant(SHOP, "roles/run.invoker", (BOB, f"serviceAccount:{BOT}", GROUP)),
)


@given(
    ORGANISATIONS,
    st.lists(DEPLOYING, min_size=1, max_size=6).map(tuple),
    st.sampled_from([True, False, False]),
)
def test_told_together_it_is_what_is_told_alone(
    organisation: Organisation, grants: tuple[Grant, ...], guarded: bool
) -> None:
    organisation = organisation._replace(grants=(*CALLING, *grants))
    if not guarded:  # where something may be taken away, everyone is asked about
        organisation = organisation._replace(denials=(), fences=())
    estate = estate_of(organisation)
    together = Duties(estate)
    for binding in estate.facts.bindings:
        members = estate.access.members(binding)
        for key, said in zip(members, together.deploys(members, binding), strict=True):
            assert [said] == list(Duties(estate).deploys([key], binding))
            if kind_of(key) in NO_ONE:
                assert said == Deploys(held=False)
                continue
            assert said.held is slowly(estate, key, binding), (key, binding.id)
            assert bool(said.why) is (said.held is None)
            assert bool(said.by) is (said.held is True)
