"""What each rule of IAM means: a small case, and the documentation that it rests on."""

from datetime import datetime
from pathlib import Path

import pytest
from tests.graph.access.organisation import (
    AS_OF,
    BOT,
    CRM,
    CUSTOM,
    DEV,
    ETL,
    FOLDER,
    INNER,
    INVOKE,
    JOB,
    LAB,
    ORG,
    POOL,
    PROD,
    RUN,
    RUNNER,
    SERVICE,
    SHOP,
    TAGGED,
    Denial,
    Fence,
    Grant,
    Organisation,
    write,
)

from dagwarden.graph.access import Answer
from dagwarden.graph.access.boundary import blocks
from dagwarden.graph.access.decide import Access
from dagwarden.graph.access.membership import Claimed
from dagwarden.graph.access.permissions import full, matches
from dagwarden.graph.enrich import enrich
from dagwarden.graph.estate import Estate
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

ACCOUNT, OTHER = f"serviceAccount:{ETL}", f"serviceAccount:{BOT}"
ANN, BOB = "user:ann@x.example", "user:bob@y.example"
INVOKER = "roles/run.invoker"
WORKFORCE = "iam.googleapis.com/locations/global/workforcePools/staff"
RAHA = f"principal://{WORKFORCE}/subject/raha"
PODS = "iam.googleapis.com/projects/21/locations/global/workloadIdentityPools/shop.svc.id.goog"
POD = f"principal://{PODS}/subject/ns/etl/sa/run"
AGENT = "serviceAccount:service-21@serverless-robot-prod.iam.gserviceaccount.com"
Asked = tuple[str, str, str]
TO_INVOKE = (ACCOUNT, INVOKE, SERVICE)


def granted(*members: str, on: str = SHOP, role: str = INVOKER) -> Organisation:
    return Organisation(grants=(Grant(on, role, members),))


def conditioned(
    text: str, tags: tuple[tuple[str, str], ...] | None = None
) -> Organisation:
    grants = (Grant(SHOP, INVOKER, (ACCOUNT,), text),)
    return Organisation(grants=grants, tags=tags)


def denying(
    *principals: str,
    on: str = ORG,
    what: tuple[str, ...] = ("run.googleapis.com/routes.invoke",),
    but: tuple[str, ...] = (),
    keeping: tuple[str, ...] = (),
    tagged: bool = False,
    tags: tuple[tuple[str, str], ...] | None = None,
) -> Organisation:
    denial = Denial(on, principals, but, what, keeping, tagged)
    everyone = granted(ACCOUNT, OTHER, ANN, BOB, RUNNER, RAHA, POD, AGENT, on=ORG)
    return everyone._replace(denials=(denial,), tags=tags)


def fenced(*fences: Fence) -> Organisation:
    return granted(ACCOUNT, OTHER, ANN, RUNNER, RAHA, on=ORG)._replace(fences=fences)


def fence(
    *resources: str, version: str = "4", to: str = f"{CRM}/{SHOP}", only: str = ""
) -> Fence:
    return Fence(resources, version, ((to, only),))


def access(
    organisation: Organisation, folder: Path, claimed: tuple[Claimed, ...] = ()
) -> Access:
    write(organisation, folder)
    facts = read_snapshots(
        [folder],
        folder,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    facts = enrich(facts, datetime.fromisoformat(AS_OF))
    estate = Estate(facts)
    return Access(facts, estate.hierarchy, estate.roles, claimed)


def ask(organisation: Organisation, question: Asked, folder: Path) -> Answer:
    return access(organisation, folder).holds(*question)


# (what, page under cloud.google.com/iam/docs, organisation, question, answer)
CASES: list[tuple[str, str, Organisation, Asked, bool | None]] = [
    # ------------------------------------------------------------------ hierarchy
    ("on the service", "allow-policies", granted(ACCOUNT, on=SERVICE), TO_INVOKE, True),
    ("from the project", "resource-hierarchy-access-control", granted(ACCOUNT), TO_INVOKE, True),
    ("from a folder in a folder", "resource-hierarchy-access-control", granted(ACCOUNT, on=FOLDER), TO_INVOKE, True),
    ("from the organisation", "resource-hierarchy-access-control", granted(ACCOUNT, on=ORG), TO_INVOKE, True),
    ("not from a sibling", "resource-hierarchy-access-control", granted(ACCOUNT, on=LAB), TO_INVOKE, False),
    ("not from below", "resource-hierarchy-access-control", granted(ACCOUNT, on=SERVICE), (ACCOUNT, INVOKE, CRM + "/projects/21"), False),
    ("a project by its id", "resource-hierarchy-access-control", granted(ACCOUNT), (ACCOUNT, INVOKE, CRM + "/projects/shop"), True),
    ("what is above is not known", "resource-hierarchy-access-control", granted(OTHER)._replace(adrift=(SHOP,)), TO_INVOKE, None),
    ("it grants all the same", "resource-hierarchy-access-control", granted(ACCOUNT)._replace(adrift=(SHOP,)), TO_INVOKE, True),
    # ---------------------------------------------------------------------- roles
    ("a predefined role", "roles-overview", granted(ACCOUNT, role="roles/run.servicesInvoker"), TO_INVOKE, True),
    ("without the permission", "roles-overview", granted(ACCOUNT, role="roles/storage.objectViewer"), TO_INVOKE, False),
    ("a basic role", "roles-overview", granted(ACCOUNT, role="roles/editor"), TO_INVOKE, True),
    ("a custom role", "creating-custom-roles", granted(ACCOUNT, role=CUSTOM)._replace(custom=(INVOKE,)), TO_INVOKE, True),
    ("a custom role that was not read", "creating-custom-roles", granted(ACCOUNT, role=CUSTOM)._replace(custom=None), TO_INVOKE, None),
    ("a disabled custom role", "creating-custom-roles#disabling-custom-role", granted(ACCOUNT, role=CUSTOM)._replace(custom=(INVOKE,), custom_state="DISABLED"), TO_INVOKE, False),
    ("a deleted custom role", "creating-custom-roles#deleting-custom-role", granted(ACCOUNT, role=CUSTOM)._replace(custom=(INVOKE,), custom_state="deleted"), TO_INVOKE, False),
    ("a permission in another case is none", "custom-roles-permissions-support", granted(ACCOUNT, role=CUSTOM)._replace(custom=("run.Routes.invoke",)), TO_INVOKE, None),
    ("an organisation's role", "creating-custom-roles", granted(ACCOUNT, role="organizations/1/roles/x"), TO_INVOKE, None),
    # -------------------------------------------------------------------- members
    ("e-mails in any case", "principal-identifiers", granted("user:Ann@X.example"), (ANN, INVOKE, SERVICE), True),
    ("an account by its unique id", "principal-identifiers", granted(ACCOUNT), ("serviceAccount:1001", INVOKE, SERVICE), True),
    ("everyone", "principals-overview#allusers", granted("allUsers"), (RUNNER, INVOKE, SERVICE), True),
    ("everyone who authenticates", "principals-overview#allauthenticatedusers", granted("allAuthenticatedUsers"), TO_INVOKE, True),
    ("but no federated identity", "principals-overview#allauthenticatedusers", granted("allAuthenticatedUsers"), (RUNNER, INVOKE, SERVICE), False),
    ("nor one of a workforce", "principals-overview#allauthenticatedusers", granted("allAuthenticatedUsers"), (RAHA, INVOKE, SERVICE), False),
    ("nor everyone", "principals-overview#allauthenticatedusers", granted("allAuthenticatedUsers"), ("allUsers", INVOKE, SERVICE), False),
    ("a domain is its customer's people", "principals-overview#domains", granted("domain:x.example"), (ANN, INVOKE, SERVICE), None),
    ("and may have other domains", "principals-overview#domains", granted("domain:x.example"), (BOB, INVOKE, SERVICE), None),
    ("it has no service accounts", "service-account-overview", granted("domain:x.example"), TO_INVOKE, False),
    ("a deleted account, made anew", "principal-identifiers", granted(f"deleted:{ACCOUNT}?uid=999"), TO_INVOKE, False),
    ("a deleted account that is back", "principal-identifiers", granted(f"deleted:{ACCOUNT}?uid=1001"), TO_INVOKE, None),
    ("a member with its unique id", "principal-identifiers", granted(f"{ACCOUNT}?uid=1001"), TO_INVOKE, True),
    ("a member with another's", "principal-identifiers", granted(f"{ACCOUNT}?uid=999"), TO_INVOKE, False),
    ("accounts of a project", "principal-identifiers", granted(f"principalSet:{CRM}/projects/21/type/ServiceAccount"), TO_INVOKE, True),
    ("accounts of another", "principal-identifiers", granted(f"principalSet:{CRM}/projects/22/type/ServiceAccount", on=ORG), TO_INVOKE, False),
    ("accounts below a folder", "principal-identifiers", granted(f"principalSet:{CRM}/folders/12/type/ServiceAccount"), TO_INVOKE, True),
    ("people are no accounts", "principal-identifiers", granted(f"principalSet:{CRM}/folders/12/type/ServiceAccount"), (ANN, INVOKE, SERVICE), False),
    ("projectEditor: who has the basic role", "principals-overview", Organisation((Grant(SERVICE, INVOKER, ("projectEditor:shop",)), Grant(SHOP, "roles/editor", (ACCOUNT,)))), TO_INVOKE, True),
    ("projectViewer: nobody", "principals-overview", granted("projectViewer:shop", on=SERVICE), TO_INVOKE, False),
    ("a basic role from above may count", "principals-overview", Organisation((Grant(SERVICE, INVOKER, ("projectOwner:shop",)), Grant(ORG, "roles/owner", (OTHER,)))), (OTHER, INVOKE, SERVICE), True),
    ("projectOwner: that is itself", "principals-overview", Organisation((Grant(SERVICE, INVOKER, ("projectOwner:shop",)), Grant(SHOP, "roles/owner", ("projectOwner:shop",)))), TO_INVOKE, None),
    ("a set of a kind that is not documented", "principal-identifiers", granted(f"principalSet:{CRM}/projects/22"), TO_INVOKE, None),
    ("a member of no documented kind", "principal-identifiers", granted("machine:etl"), TO_INVOKE, None),
    ("agents of an organisation are no service accounts", "principal-identifiers", granted("principalSet://agents.global.org-1.system.id.goog/*"), TO_INVOKE, False),
    # --------------------------------------------------------------------- groups
    ("a member", "groups-in-cloud-console", granted("group:g1@x.example")._replace(groups=(("g1@x.example", (ACCOUNT,)),)), TO_INVOKE, True),
    ("of a nested group", "groups-in-cloud-console", granted("group:g1@x.example")._replace(groups=(("g1@x.example", ("group:g2@x.example",)), ("g2@x.example", (ACCOUNT,)))), TO_INVOKE, True),
    ("of groups in a circle", "groups-in-cloud-console", granted("group:g1@x.example")._replace(groups=(("g1@x.example", ("group:g2@x.example",)), ("g2@x.example", ("group:g1@x.example",)))), TO_INVOKE, False),
    ("no member", "groups-in-cloud-console", granted("group:g1@x.example")._replace(groups=(("g1@x.example", (OTHER,)),)), TO_INVOKE, False),
    ("members that nobody listed", "groups-in-cloud-console", granted("group:g1@x.example"), TO_INVOKE, None),
    ("a nested group that nobody listed", "groups-in-cloud-console", granted("group:g1@x.example")._replace(groups=(("g1@x.example", ("group:g2@x.example",)),)), TO_INVOKE, None),
    ("a federated identity may be in one", "principals-overview", granted("group:g1@x.example"), (RUNNER, INVOKE, SERVICE), None),
    ("it is in none that lists others", "principals-overview", granted("group:g1@x.example")._replace(groups=(("g1@x.example", (ACCOUNT,)),)), (RUNNER, INVOKE, SERVICE), False),
    # ----------------------------------------------------------------- federation
    ("a subject", "principal-identifiers", granted(RUNNER), (RUNNER, INVOKE, SERVICE), True),
    ("another subject", "principal-identifiers", granted(RUNNER), (f"{RUNNER}2", INVOKE, SERVICE), False),
    ("a whole pool", "principal-identifiers", granted(f"principalSet://iam.googleapis.com/{POOL}/*"), (RUNNER, INVOKE, SERVICE), True),
    ("another pool", "principal-identifiers", granted(f"principalSet://iam.googleapis.com/{POOL}2/*"), (RUNNER, INVOKE, SERVICE), False),
    ("an attribute, without its token", "principal-identifiers", granted(f"principalSet://iam.googleapis.com/{POOL}/attribute.env/prod"), (RUNNER, INVOKE, SERVICE), None),
    ("the set itself", "principal-identifiers", granted(f"principalSet://iam.googleapis.com/{POOL}/*"), (f"principalSet://iam.googleapis.com/{POOL}/attribute.env/prod", INVOKE, SERVICE), True),
    ("a workforce pool", "principal-identifiers", granted(f"principalSet://{WORKFORCE}/*"), (RAHA, INVOKE, SERVICE), True),
    ("is no workload pool", "principal-identifiers", granted(f"principalSet://iam.googleapis.com/{POOL}/*"), (RAHA, INVOKE, SERVICE), False),
    ("a pod by its older name", "principal-identifiers", granted("serviceAccount:shop.svc.id.goog[etl/run]"), (POD, INVOKE, SERVICE), True),
    ("a pod by its newer name", "principal-identifiers", granted(POD), ("serviceAccount:shop.svc.id.goog[etl/run]", INVOKE, SERVICE), True),
    ("pods of a namespace", "principal-identifiers", granted(f"principalSet://{PODS}/namespace/etl"), (POD, INVOKE, SERVICE), True),
    ("of another namespace", "principal-identifiers", granted(f"principalSet://{PODS}/namespace/web"), (POD, INVOKE, SERVICE), False),
    ("of a cluster, which a name does not tell", "principal-identifiers", granted(f"principalSet://{PODS}/kubernetes.cluster/c"), (POD, INVOKE, SERVICE), None),
    # ----------------------------------------------------------------- conditions
    ("a condition that holds", "conditions-attribute-reference#date-time", conditioned('request.time < timestamp("2027-01-01T00:00:00Z")'), TO_INVOKE, True),
    ("one that ended", "conditions-attribute-reference#date-time", conditioned('request.time < timestamp("2026-11-30T08:00:00Z")'), TO_INVOKE, False),
    ("Cloud Run has no resource name", "conditions-attribute-reference#inherited-support", conditioned('resource.name.startsWith("projects/")'), TO_INVOKE, False),
    ("nor type, but for a guard", "conditions-attribute-reference#inherited-support", conditioned('resource.type != "compute.googleapis.com/Disk" || resource.name == "x"'), TO_INVOKE, True),
    ("a path depends on the request", "conditions-attribute-reference#url", conditioned('request.path == "/x"'), TO_INVOKE, None),
    ("a tag", "conditions-attribute-reference#resource-tags", conditioned(TAGGED, tags=((SERVICE, PROD),)), TO_INVOKE, True),
    ("a tag of a folder", "tags-access-control", conditioned(TAGGED, tags=((FOLDER, PROD),)), TO_INVOKE, True),
    ("a nearer one", "tags-access-control", conditioned(TAGGED, tags=((FOLDER, PROD), (SHOP, DEV))), TO_INVOKE, False),
    ("no tag", "tags-access-control", conditioned(TAGGED, tags=((LAB, PROD),)), TO_INVOKE, False),
    ("tags that nobody gave", "tags-access-control", conditioned(TAGGED), TO_INVOKE, None),
    ("a tag by its ids", "conditions-attribute-reference#resource-tags", conditioned("resource.matchTagId('tagKeys/5', 'tagValues/6')", tags=((SHOP, PROD),)), TO_INVOKE, True),
    ("a tag key", "conditions-attribute-reference#resource-tags", conditioned("resource.hasTagKey('1/env')", tags=((SHOP, DEV),)), TO_INVOKE, True),
    ("two values of one key, which no resource has", "tags-access-control", conditioned(TAGGED, tags=((SHOP, PROD), (SHOP, DEV))), TO_INVOKE, None),
    ("a key has one of them all the same", "tags-access-control", conditioned("resource.hasTagKey('1/env')", tags=((SHOP, PROD), (SHOP, DEV))), TO_INVOKE, True),
    # ----------------------------------------------------------------------- deny
    ("everyone is denied", "deny-overview", denying("allUsers"), TO_INVOKE, False),
    ("an account", "deny-overview", denying(ACCOUNT), TO_INVOKE, False),
    ("and no other", "deny-overview", denying(ACCOUNT), (OTHER, INVOKE, SERVICE), True),
    ("an exception", "deny-overview", denying("allUsers", but=(ACCOUNT,)), TO_INVOKE, True),
    ("for whom it is made", "deny-overview", denying("allUsers", but=(ACCOUNT,)), (OTHER, INVOKE, SERVICE), False),
    ("another rule still denies", "deny-overview", denying("allUsers", but=(ACCOUNT,))._replace(denials=(*denying("allUsers", but=(ACCOUNT,)).denials, *denying(ACCOUNT).denials)), TO_INVOKE, False),
    ("the rest is not denied", "deny-overview", denying("allUsers"), (ACCOUNT, RUN, JOB), True),
    ("a whole service", "deny-permissions-support", denying("allUsers", what=("run.googleapis.com/*.*",)), (ACCOUNT, RUN, JOB), False),
    ("a kind of resource", "deny-permissions-support", denying("allUsers", what=("run.googleapis.com/jobs.*",)), TO_INVOKE, True),
    ("an excepted permission", "deny-overview", denying("allUsers", what=("run.googleapis.com/*.*",), keeping=("run.googleapis.com/routes.invoke",)), TO_INVOKE, True),
    ("a permission in another case", "deny-permissions-support", denying("allUsers", what=("run.googleapis.com/routes.Invoke",)), TO_INVOKE, None),
    ("every verb of a name", "deny-permissions-support", denying("allUsers", what=("run.googleapis.com/*.invoke",)), TO_INVOKE, False),
    ("the spelling of roles is none of deny policies", "deny-permissions-support", denying("allUsers", what=("run.routes.invoke",)), TO_INVOKE, None),
    ("nor is a lone wildcard", "deny-permissions-support", denying("allUsers", what=("*",)), TO_INVOKE, None),
    ("an exception of such a spelling", "deny-permissions-support", denying("allUsers", keeping=("run.routes.invoke",)), TO_INVOKE, None),
    ("denied is a set of a kind that is not documented", "principal-identifiers", denying(f"principalSet:{CRM}/projects/22"), TO_INVOKE, None),
    ("excepted is one", "principal-identifiers", denying("allUsers", but=("principalSet://goog/other/x",)), TO_INVOKE, None),
    ("on another project", "deny-overview#inheritance", denying("allUsers", on=LAB), TO_INVOKE, True),
    ("on a folder above", "deny-overview#inheritance", denying("allUsers", on=INNER), TO_INVOKE, False),
    ("a group of the denied", "deny-overview", denying("group:g1@x.example")._replace(groups=(("g1@x.example", (ACCOUNT,)),)), TO_INVOKE, False),
    ("a group that nobody listed", "deny-overview", denying("group:g1@x.example"), TO_INVOKE, None),
    ("people of a customer", "deny-overview", denying("principalSet://goog/cloudIdentityCustomerId/C01Abc35"), (ANN, INVOKE, SERVICE), None),
    ("agents are set apart", "principal-identifiers", denying("allUsers", but=(f"principalSet:{CRM}/projects/21/type/ServiceAgent",)), (AGENT, INVOKE, SERVICE), True),
    ("and no other account", "principal-identifiers", denying("allUsers", but=(f"principalSet:{CRM}/projects/21/type/ServiceAgent",)), TO_INVOKE, False),
    ("where a tag says so", "deny-overview#conditions", denying("allUsers", tagged=True, tags=((SHOP, PROD),)), TO_INVOKE, False),
    ("where it says another thing", "deny-overview#conditions", denying("allUsers", tagged=True, tags=((SHOP, DEV),)), TO_INVOKE, True),
    ("tags that nobody gave, denied", "deny-overview#conditions", denying("allUsers", tagged=True), TO_INVOKE, None),
    ("a pool", "deny-overview", denying(f"principalSet://iam.googleapis.com/{POOL}/*"), (RUNNER, INVOKE, SERVICE), False),
    # ------------------------------------------------------------------ boundaries
    ("outside of a boundary", "principal-access-boundary-policies", fenced(fence(LAB)), (ACCOUNT, RUN, SERVICE), False),
    ("inside", "principal-access-boundary-policies", fenced(fence(INNER)), (ACCOUNT, RUN, SERVICE), True),
    ("one of two lists it", "principal-access-boundary-policies", fenced(fence(LAB), fence(SHOP)), (ACCOUNT, RUN, SERVICE), True),
    ("another project's accounts", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB)), (OTHER, RUN, SERVICE), True),
    ("the folder's set holds the project's", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB, to=f"{CRM}/{FOLDER}")), (ACCOUNT, RUN, SERVICE), False),
    ("people are in no project's set", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB)), (ANN, RUN, SERVICE), True),
    ("they may be in the organisation's", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB, to=f"{CRM}/{ORG}")), (ANN, RUN, SERVICE), None),
    ("a pool of the project", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB)), (RUNNER, RUN, SERVICE), False),
    ("a workforce pool's set", "principal-access-boundary-policies#principal-sets", fenced(fence(LAB, to=f"//{WORKFORCE}")), (RAHA, RUN, SERVICE), False),
    ("for accounts only", "conditions-attribute-reference#principals", fenced(fence(LAB, only="principal.type == 'iam.googleapis.com/ServiceAccount'")), (RUNNER, RUN, SERVICE), True),
    ("but for one", "conditions-attribute-reference#principals", fenced(fence(LAB, only=f"principal.subject != '{ETL}'")), (ACCOUNT, RUN, SERVICE), True),
    ("what no boundary can list", "principal-access-boundary-policies", fenced(fence(SERVICE)), (ACCOUNT, RUN, SERVICE), None),
    ("version 0 is none: it is not given", "pab-blocked-permissions", fenced(fence(LAB, version="0")), (ACCOUNT, RUN, SERVICE), False),
    ("no version blocks invoking", "pab-blocked-permissions", fenced(fence(LAB)), TO_INVOKE, True),
    ("what the latest blocks is not known", "pab-blocked-permissions", fenced(fence(LAB, version="latest")), TO_INVOKE, None),
    ("a later version blocks what earlier do", "pab-blocked-permissions", fenced(fence(LAB, version="9")), (ACCOUNT, RUN, SERVICE), False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("organisation", "question", "held"),
    [case[2:] for case in CASES],
    ids=[f"{case[1]}: {case[0]}" for case in CASES],
)
def test_a_rule_of_iam(
    organisation: Organisation, question: Asked, held: bool | None, tmp_path: Path
) -> None:
    said = ask(organisation, question, tmp_path)
    assert said.held is held, said
    assert bool(said.causes) is (held is None)


@pytest.mark.parametrize(
    ("attribute", "held"), [("env/prod", True), ("env/dev", False), ("team/a", False)]
)
def test_a_token_that_is_known_decides_its_attributes(
    attribute: str, held: bool, tmp_path: Path
) -> None:
    member = f"principalSet://iam.googleapis.com/{POOL}/attribute.{attribute}"
    claimed = Claimed(key=RUNNER, attributes={"env": "prod"})
    found = access(granted(member), tmp_path, (claimed,))
    assert found.holds(RUNNER, INVOKE, SERVICE).held is held


@pytest.mark.parametrize(("group", "held"), [("devs", True), ("ops", False)])
def test_a_token_that_is_known_decides_its_groups(
    group: str, held: bool, tmp_path: Path
) -> None:
    member = f"principalSet://iam.googleapis.com/{POOL}/group/{group}"
    claimed = Claimed(key=RUNNER, groups=frozenset({"devs"}))
    found = access(granted(member), tmp_path, (claimed,))
    assert found.holds(RUNNER, INVOKE, SERVICE).held is held


@pytest.mark.parametrize(
    ("version", "permission", "held"),
    [
        ("1", "run.jobs.run", True),
        ("4", "run.routes.invoke", False),
        ("4", "run.jobs.runWithOverrides", False),
        ("4", "run.services.setIamPolicy", False),
        ("2", "iam.serviceAccounts.actAs", False),
        ("3", "iam.serviceAccounts.actAs", True),
        ("3", "iam.serviceAccounts.listTagBindings", False),
        ("1", "storage.objects.create", False),
        ("2", "storage.objects.create", True),
        ("3", "secretmanager.versions.access", False),
        ("4", "secretmanager.versions.access", True),
        ("latest", "secretmanager.versions.access", None),
        ("latest", "iam.serviceAccounts.actAs", True),
        ("1", "pubsub.subscriptions.consume", False),
        ("3", "pubsub.subscriptions.consume", True),
        ("2", "resourcemanager.projects.setIamPolicy", True),
        ("4", "composer.environments.update", True),
        ("4", "eventarc.triggers.create", False),
        ("4", "aservice.things.get", None),
        ("5", "run.routes.invoke", None),
        ("5", "run.jobs.run", True),
        ("", "run.jobs.run", True),
        ("", "iam.serviceAccounts.actAs", None),
    ],
)
def test_what_a_version_of_a_boundary_blocks(
    version: str, permission: str, held: bool | None
) -> None:
    assert blocks(version, full(permission)) is held


@pytest.mark.parametrize(
    ("pattern", "permission", "held"),
    [
        ("cloudresourcemanager.googleapis.com/projects.get", "resourcemanager.projects.get", True),
        ("iam.googleapis.com/workloadIdentityPools.create", "iam.googleapis.com/workloadIdentityPools.create", True),
        ("run.googleapis.com/*.invoke", "run.routes.invoke", True),
        ("run.googleapis.com/routes.*", "run.routesx.invoke", False),
        ("storage.googleapis.com/*.*", "run.routes.invoke", False),
        ("Run.googleapis.com/routes.invoke", "run.routes.invoke", None),
        # of no documented form, and of another service all the same
        ("storage.googleapis.com/*", "run.routes.invoke", False),
        ("storage.googleapis.com/a.b.*", "run.routes.invoke", False),
        ("run.googleapis.com/a.b.*", "run.routes.invoke", None),
        ("run/*", "run.routes.invoke", None),
    ],
)  # fmt: skip
def test_the_spelling_of_a_permission(
    pattern: str, permission: str, held: bool | None
) -> None:
    assert matches(pattern, full(permission)) is held


def test_where_versions_of_boundaries_differ_the_documentation_does_too(
    tmp_path: Path,
) -> None:
    # the one that lists the service cannot block storage.objects.create, the other can
    organisation = Organisation(
        (Grant(ORG, "roles/storage.admin", (ACCOUNT,)),),
        fences=(fence(SHOP, version="1"), fence(LAB, version="2")),
    )
    said = ask(
        organisation, (ACCOUNT, "storage.objects.create", f"{CRM}/{SHOP}"), tmp_path
    )
    assert said.held is None
    assert [cause.reason for cause in said.causes] == ["version"]


def test_a_denial_says_which_rule_and_where_it_stands(tmp_path: Path) -> None:
    (refusal,) = ask(denying(ACCOUNT), TO_INVOKE, tmp_path).refusals
    assert refusal.text == (
        "rule 1 of deny policy d0 on organizations/1 denies run.routes.invoke"
    )
    assert (refusal.origin.source, refusal.origin.field) == (
        "deny.json",
        "[0].rules[0].denyRule",
    )


def test_a_boundary_says_which_and_where_it_stands(tmp_path: Path) -> None:
    (refusal,) = ask(fenced(fence(LAB)), (ACCOUNT, RUN, SERVICE), tmp_path).refusals
    assert refusal.text == (
        "principal access boundary b0 does not list service api (shop, r), "
        "and blocks run.jobs.run"
    )
    assert refusal.origin.source == "boundaries.json"


def test_what_answers_assume_of_the_layers(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    none, deny, fences = (
        access(one, folder).assumes()
        for one, folder in zip(
            (granted(ACCOUNT), denying(ACCOUNT), fenced(fence(LAB))),
            folders,
            strict=True,
        )
    )
    assert "no deny policy applies: the snapshot holds no deny layer" in none
    assert "no deny policy applies but the one that was read" in deny
    assert "no access boundary is bound but by the one binding read" in fences


def test_groups_that_are_nested_are_told_from_the_inside_out(tmp_path: Path) -> None:
    organisation = granted("group:g1@x.example")._replace(
        groups=(
            ("g1@x.example", ("group:g2@x.example",)),
            ("g2@x.example", (ACCOUNT,)),
        )
    )
    (support,) = ask(organisation, TO_INVOKE, tmp_path).supports
    assert [group.key for group in support.via] == [
        "group:g2@x.example",
        "group:g1@x.example",
    ]


@pytest.mark.parametrize(
    ("members", "held"),
    [
        ((ANN, OTHER), True),  # neither is of the project that the boundary binds
        ((ACCOUNT,), False),
        ((ACCOUNT, ANN), None),
        ((), None),
    ],
)
def test_a_boundary_binds_a_group_as_it_binds_all_of_its_members(
    members: tuple[str, ...], held: bool | None, tmp_path: Path
) -> None:
    group = "group:g1@x.example"
    organisation = granted(group, on=ORG)._replace(
        fences=(fence(LAB),), groups=(("g1@x.example", members),)
    )
    assert ask(organisation, (group, RUN, SERVICE), tmp_path).held is held
