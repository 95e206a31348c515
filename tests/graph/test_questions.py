"""Hard questions, straight from Google's documentation, asked in all three forms."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.graph.questions import (
    AIRFLOW,
    API,
    APP,
    AS_OF,
    BOT,
    CLOSED,
    CRM,
    DAGS,
    DEP,
    ENV,
    EVERYONE,
    INNER,
    LAB,
    NIGHTLY,
    OFF,
    ORG,
    OUTER,
    PODS,
    POOL,
    SHOP,
    STAFF,
    UIDS,
    VIA,
    WEB,
    Data,
    Grant,
    Unread,
    account_name,
    all_of,
    ban,
    denied,
    deny,
    fence,
    group,
    listed,
    principal,
    role,
    sa,
    tags,
    write,
)

from dagwarden import ask

INVOKE, RUN, OVERRIDE = "run.routes.invoke", "run.jobs.run", "run.jobs.runWithOverrides"
SET = "resourcemanager.projects.setIamPolicy"
WRITE = "storage.objects.create"
INVOKER, EDITOR, OWNER = "roles/run.invoker", "roles/editor", "roles/owner"
CREATOR, USER = "roles/iam.serviceAccountTokenCreator", "roles/iam.serviceAccountUser"
ID_TOKENS = "roles/iam.serviceAccountOpenIdTokenCreator"
FEDERATED = "roles/iam.workloadIdentityUser"
DEVELOPER = "roles/run.developer"
ANN, BOB = "user:ann@x.example", "user:bob@y.example"
G1, G2, G3 = "g1@x.example", "g2@x.example", "g3@x.example"
LAB_ROLE = "projects/lab/roles/r"
ROLE, ORG_ROLE = "projects/shop/roles/r", f"{ORG}/roles/r"
MAIN = principal(POOL, "main")
RAHA = principal(STAFF, "raha")
NO, YES, OPEN = "denied", "allowed", "unknown"
MANY = ("all", "principalSet:", "project")
V2_INVOKE, V2_RUN = "run.googleapis.com/routes.invoke", "run.googleapis.com/jobs.run"


class Question(NamedTuple):
    """What is tried, the page that says so, and the question."""

    what: str
    page: str  # under cloud.google.com, unless it says where
    extras: tuple[Any, ...]
    who: str
    permission: str
    resource: str
    today: str
    answer: str = ""  # where it differs: by becoming someone, or by setting a policy


Q = Question
G = Grant


def uses(*more: Any) -> tuple[Any, ...]:
    """Let `app` invoke services and run the job, and add what a case adds."""
    return (G(ORG, INVOKER, APP), *more)


HIERARCHY = "iam/docs/resource-hierarchy-access-control"
RUN_ROLES = "run/docs/reference/iam/roles"
MEMBERS = "iam/docs/principal-identifiers"
DELETED = "iam/docs/principals-overview"
CONDITIONS = "iam/docs/conditions-attribute-reference"
DENY = "iam/docs/deny-overview"
PAB = "iam/docs/principal-access-boundary-policies"
WIF = "iam/docs/workload-identity-federation"
TOKENS = "iam/docs/service-account-permissions"
SHORT = "iam/docs/create-short-lived-credentials-delegated"
BASIC = "storage/docs/access-control/iam#convenience-values"
CUSTOM = "iam/docs/roles-overview#custom"

CASES: list[Question] = [
    # ------------------------------------------------------------------ hierarchy, roles
    Q("organisation to service", HIERARCHY, (G(ORG, INVOKER, APP),), APP, INVOKE, API, YES),
    Q("outer folder to service", HIERARCHY, (G(OUTER, INVOKER, APP),), APP, INVOKE, API, YES),
    Q("inner folder to job of another branch", HIERARCHY, (G(INNER, INVOKER, APP),), APP, RUN, NIGHTLY, NO),
    Q("project to its service", HIERARCHY, (G(SHOP, INVOKER, BOT),), BOT, INVOKE, API, YES),
    Q("project to the project", HIERARCHY, (G(SHOP, INVOKER, BOT),), BOT, INVOKE, SHOP, YES),
    Q("service to the project", HIERARCHY, (G(API, INVOKER, BOT),), BOT, INVOKE, SHOP, NO),
    Q("service to its sibling", HIERARCHY, (G(API, INVOKER, BOT),), BOT, INVOKE, WEB, NO),
    Q("account to its project", HIERARCHY, (G(APP, CREATOR, DEP),), DEP, "iam.serviceAccounts.getAccessToken", SHOP, NO),
    Q("project to its accounts", HIERARCHY, (G(SHOP, CREATOR, BOT),), BOT, "iam.serviceAccounts.getAccessToken", APP, YES),
    Q("an account in another project's grants", HIERARCHY, (G(LAB, INVOKER, APP),), APP, RUN, NIGHTLY, YES),
    Q("invoker runs jobs", RUN_ROLES, (G(NIGHTLY, INVOKER, APP),), APP, RUN, NIGHTLY, YES),
    Q("invoker does not override", RUN_ROLES, (G(NIGHTLY, INVOKER, APP),), APP, OVERRIDE, NIGHTLY, NO),
    Q("executor with overrides does", RUN_ROLES, (G(NIGHTLY, "roles/run.jobsExecutorWithOverrides", APP),), APP, OVERRIDE, NIGHTLY, YES),
    Q("executor runs", RUN_ROLES, (G(LAB, "roles/run.jobsExecutor", APP),), APP, RUN, NIGHTLY, YES),
    Q("executor does not override", RUN_ROLES, (G(LAB, "roles/run.jobsExecutor", APP),), APP, OVERRIDE, NIGHTLY, NO),
    Q("services invoker runs no job", RUN_ROLES, (G(LAB, "roles/run.servicesInvoker", APP),), APP, RUN, NIGHTLY, NO),
    Q("developer overrides", RUN_ROLES, (G(LAB, DEVELOPER, APP),), APP, OVERRIDE, NIGHTLY, YES),
    Q("viewer calls nothing", RUN_ROLES, (G(SHOP, "roles/viewer", BOT),), BOT, INVOKE, API, NO),
    Q("editor invokes", RUN_ROLES, (G(SHOP, EDITOR, BOT),), BOT, INVOKE, API, YES),
    Q("editor sets no policy", "iam/docs/roles-overview#basic", (G(SHOP, EDITOR, BOT),), BOT, "run.services.setIamPolicy", API, NO),
    Q("owner does", "iam/docs/roles-overview#basic", (G(SHOP, OWNER, BOT),), BOT, "run.services.setIamPolicy", API, YES),
    Q("editor mints no token", "iam/docs/roles-overview#basic", (G(SHOP, EDITOR, BOT),), BOT, "iam.serviceAccounts.getOpenIdToken", APP, NO),
    Q("a custom role", CUSTOM, (role(ROLE, INVOKE), G(SHOP, ROLE, BOT)), BOT, INVOKE, API, YES),
    Q("a custom role of the organisation, in a project", CUSTOM, (role(ORG_ROLE, INVOKE), G(SHOP, ORG_ROLE, BOT)), BOT, INVOKE, API, YES),
    Q("that lacks it", CUSTOM, (role(ROLE, "run.routes.get"), G(SHOP, ROLE, BOT)), BOT, INVOKE, API, NO),
    Q("that was not read", CUSTOM, (G(SHOP, ROLE, BOT),), BOT, INVOKE, API, OPEN),
    Q("soft-deleted", "iam/docs/creating-custom-roles#deleting-custom-role", (role(ROLE, INVOKE, deleted=True), G(SHOP, ROLE, BOT)), BOT, INVOKE, API, NO),
    Q("soft-deleted, as read without its permissions", "iam/docs/creating-custom-roles#deleting-custom-role", ({"name": ROLE, "deleted": True}, G(SHOP, ROLE, BOT)), BOT, INVOKE, API, NO),
    Q("disabled", "iam/docs/creating-custom-roles#disabling-custom-role", (role(ROLE, INVOKE, stage="DISABLED"), G(SHOP, ROLE, BOT)), BOT, INVOKE, API, NO),
    Q("deprecated grants all the same", "iam/docs/custom-roles-overview#testing-deploying", (role(ROLE, INVOKE, stage="DEPRECATED"), G(SHOP, ROLE, BOT)), BOT, INVOKE, API, YES),
    Q("two roles add up", "iam/docs/allow-policies", (G(API, "roles/viewer", BOT), G(SHOP, INVOKER, BOT)), BOT, INVOKE, API, YES),
    Q("a resource's own policy takes nothing away", HIERARCHY, (G(ORG, INVOKER, BOT), G(API, INVOKER, APP)), BOT, INVOKE, API, YES),
    # -------------------------------------------------------------------------- members
    Q("a person, in any case", MEMBERS, (G(API, INVOKER, "user:Ann@X.Example"),), ANN, INVOKE, API, YES),
    Q("a deleted person is not the one there", DELETED + "#deleted-principals", (G(API, INVOKER, "deleted:user:ann@x.example?uid=1"),), ANN, INVOKE, API, NO),
    Q("a deleted account, made anew", DELETED + "#deleted-principals", (G(API, INVOKER, f"deleted:{sa(APP)}?uid=1"),), APP, INVOKE, API, NO),
    Q("a deleted group", DELETED + "#deleted-principals", (group(G1, ANN), G(API, INVOKER, f"deleted:group:{G1}?uid=1")), ANN, INVOKE, API, NO),
    Q("a deleted federated subject", DELETED + "#deleted-principals", (G(NIGHTLY, INVOKER, f"deleted:{MAIN}"),), MAIN, RUN, NIGHTLY, NO),
    Q("people of a domain", MEMBERS, (G(API, INVOKER, "domain:x.example"),), ANN, INVOKE, API, OPEN),
    Q("no account is in a domain", MEMBERS, (G(API, INVOKER, "domain:x.example"),), APP, INVOKE, API, NO),
    Q("everyone is anyone", DELETED + "#allusers", (G(API, INVOKER, "allUsers"),), ANN, INVOKE, API, YES),
    Q("everyone is a federated caller too", DELETED + "#allusers", (G(API, INVOKER, "allUsers"),), MAIN, INVOKE, API, YES),
    Q("all authenticated are accounts", DELETED + "#allauthenticatedusers", (G(NIGHTLY, INVOKER, "allAuthenticatedUsers"),), APP, RUN, NIGHTLY, YES),
    Q("all authenticated are no federated ones", DELETED + "#allauthenticatedusers", (G(NIGHTLY, INVOKER, "allAuthenticatedUsers"),), MAIN, RUN, NIGHTLY, NO),
    Q("nor those of a workforce", DELETED + "#allauthenticatedusers", (G(NIGHTLY, INVOKER, "allAuthenticatedUsers"),), RAHA, RUN, NIGHTLY, NO),
    Q("a group", DELETED + "#groups", (group(G1, ANN), G(API, INVOKER, f"group:{G1}")), ANN, INVOKE, API, YES),
    Q("an account in a group", DELETED + "#groups", (group(G1, APP), G(API, INVOKER, f"group:{G1}")), APP, INVOKE, API, YES),
    Q("not in the group", DELETED + "#groups", (group(G1, APP), G(API, INVOKER, f"group:{G1}")), ANN, INVOKE, API, NO),
    Q("a group in a group", DELETED + "#groups", (group(G1, f"group:{G2}"), group(G2, ANN), G(API, INVOKER, f"group:{G1}")), ANN, INVOKE, API, YES),
    Q("groups in a circle hold their members", DELETED + "#groups", (group(G1, f"group:{G2}"), group(G2, f"group:{G1}", ANN), G(API, INVOKER, f"group:{G1}")), ANN, INVOKE, API, YES),
    Q("groups in a circle hold nobody else", DELETED + "#groups", (group(G1, f"group:{G2}"), group(G2, f"group:{G1}", ANN), G(API, INVOKER, f"group:{G1}")), BOB, INVOKE, API, NO),
    Q("a group inside that was not listed", DELETED + "#groups", (group(G1, f"group:{G2}"), G(API, INVOKER, f"group:{G1}")), ANN, INVOKE, API, OPEN),
    Q("a group that was not listed", DELETED + "#groups", (G(API, INVOKER, f"group:{G1}"),), ANN, INVOKE, API, OPEN),
    Q("a federated subject may be in a group", MEMBERS, (G(NIGHTLY, INVOKER, f"group:{G1}"),), MAIN, RUN, NIGHTLY, OPEN),
    Q("it is in none that lists others", MEMBERS, (group(G1, APP), G(NIGHTLY, INVOKER, f"group:{G1}")), MAIN, RUN, NIGHTLY, NO),
    Q("it is in one that lists it", MEMBERS, (group(G1, MAIN), G(NIGHTLY, INVOKER, f"group:{G1}")), MAIN, RUN, NIGHTLY, YES),
    Q("so is one of a workforce, by the case of its name", MEMBERS, (group(G1, principal(STAFF, "Raha")), G(NIGHTLY, INVOKER, f"group:{G1}")), RAHA, RUN, NIGHTLY, NO),
    Q("a group that lists a set of a pool", MEMBERS, (group(G1, all_of(STAFF)), G(NIGHTLY, INVOKER, f"group:{G1}")), RAHA, RUN, NIGHTLY, OPEN),
    Q("who forges one whom a group lists", "iam/docs/manage-workforce-identity-pools-providers", (G(ORG, "roles/iam.workforcePoolAdmin", DEP), group(G1, RAHA), G(NIGHTLY, INVOKER, f"group:{G1}")), DEP, RUN, NIGHTLY, NO, YES),
    Q("accounts of a project", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/21/type/ServiceAccount"),), DEP, RUN, NIGHTLY, YES),
    Q("accounts of a folder", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/folders/11/type/ServiceAccount"),), DEP, RUN, NIGHTLY, YES),
    Q("accounts of another folder", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/folders/11/type/ServiceAccount"),), BOT, RUN, NIGHTLY, NO),
    Q("accounts of an organisation", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/organizations/1/type/ServiceAccount"),), BOT, RUN, NIGHTLY, YES),
    Q("people are none of them", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/organizations/1/type/ServiceAccount"),), ANN, RUN, NIGHTLY, NO),
    Q("nor are federated subjects", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/organizations/1/type/ServiceAccount"),), MAIN, RUN, NIGHTLY, NO),
    Q("agents of a project", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/21/type/ServiceAgent"),), sa("service-21@serverless-robot-prod.iam.gserviceaccount.com"), RUN, NIGHTLY, YES),
    Q("agents are not of another project", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/22/type/ServiceAgent"),), sa("service-21@serverless-robot-prod.iam.gserviceaccount.com"), RUN, NIGHTLY, NO),
    Q("accounts are no agents", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/21/type/ServiceAgent"),), DEP, RUN, NIGHTLY, NO),
    Q("an agent is not an account of its project", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/21/type/ServiceAccount"),), sa("service-21@serverless-robot-prod.iam.gserviceaccount.com"), RUN, NIGHTLY, OPEN),
    Q("the default account of Compute Engine is", MEMBERS, (G(ORG, INVOKER, f"principalSet:{CRM}/projects/21/type/ServiceAccount"),), sa("21-compute@developer.gserviceaccount.com"), RUN, NIGHTLY, YES),
    # -------------------------------------------------------------- convenience members
    Q("editors of the project write to a bucket", BASIC, (G(SHOP, EDITOR, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), BOT, WRITE, DAGS, YES),
    Q("by its number too", BASIC, (G(SHOP, EDITOR, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:21")), BOT, WRITE, DAGS, YES),
    Q("viewers are no editors", BASIC, (G(SHOP, "roles/viewer", BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), BOT, WRITE, DAGS, NO),
    Q("owners are no editors", BASIC, (G(SHOP, OWNER, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), BOT, WRITE, DAGS, NO, YES),
    Q("editors of another project", BASIC, (G(LAB, EDITOR, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), BOT, WRITE, DAGS, NO),
    Q("editors by a group", BASIC, (group(G1, ANN), G(SHOP, EDITOR, f"group:{G1}"), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), ANN, WRITE, DAGS, YES),
    Q("editors of a folder above: not documented", BASIC, (G(INNER, EDITOR, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectEditor:shop")), BOT, WRITE, DAGS, OPEN),
    Q("owners set a bucket's policy", BASIC, (G(SHOP, OWNER, BOT), G(DAGS, "roles/storage.legacyBucketOwner", "projectOwner:shop")), BOT, "storage.buckets.setIamPolicy", DAGS, YES),
    # ----------------------------------------------------------------------- conditions
    Q("until later", CONDITIONS, (G(API, INVOKER, BOT, when='request.time < timestamp("2026-12-01T00:00:00Z")'),), BOT, INVOKE, API, YES),
    Q("until earlier", CONDITIONS, (G(API, INVOKER, BOT, when='request.time < timestamp("2026-11-30T00:00:00Z")'),), BOT, INVOKE, API, NO),
    Q("from later", CONDITIONS, (G(API, INVOKER, BOT, when='request.time >= timestamp("2026-12-01T00:00:00Z")'),), BOT, INVOKE, API, NO),
    Q("with an offset", CONDITIONS, (G(API, INVOKER, BOT, when='request.time < timestamp("2026-11-30T09:30:00+01:00")'),), BOT, INVOKE, API, YES),
    Q("in the hours of Berlin", CONDITIONS, (G(API, INVOKER, BOT, when='request.time.getHours("Europe/Berlin") == 9'),), BOT, INVOKE, API, YES),
    Q("in the hours of UTC", CONDITIONS, (G(API, INVOKER, BOT, when="request.time.getHours() == 9"),), BOT, INVOKE, API, NO),
    Q("on a Monday", CONDITIONS, (G(API, INVOKER, BOT, when="request.time.getDayOfWeek() == 1"),), BOT, INVOKE, API, YES),
    Q("by a duration", CONDITIONS, (G(API, INVOKER, BOT, when='request.time < timestamp("2026-11-29T00:00:00Z") + duration("172800s")'),), BOT, INVOKE, API, YES),
    Q("Cloud Run has no resource.name", CONDITIONS + "#resource", (G(SHOP, INVOKER, BOT, when='resource.name.endsWith("/services/api")'),), BOT, INVOKE, API, NO),
    Q("nor resource.type", CONDITIONS + "#resource", (G(SHOP, INVOKER, BOT, when='resource.type == "run.googleapis.com/Service"'),), BOT, INVOKE, API, NO),
    Q("nor has IAM", CONDITIONS + "#resource", (G(SHOP, CREATOR, BOT, when='resource.name.endsWith("app@shop.iam.gserviceaccount.com")'),), BOT, "iam.serviceAccounts.getAccessToken", APP, NO),
    Q("another type passes a guard", "iam/docs/conditions-resource-attributes", (G(SHOP, INVOKER, BOT, when='resource.type != "storage.googleapis.com/Bucket" || resource.name == "x"'),), BOT, INVOKE, API, YES),
    Q("a path depends on the request", CONDITIONS + "#url", (G(SHOP, INVOKER, BOT, when='request.path == "/ok"'),), BOT, INVOKE, API, OPEN),
    Q("a host depends on it too", CONDITIONS + "#url", (G(SHOP, INVOKER, BOT, when='request.host == "api.example"'),), BOT, INVOKE, API, OPEN),
    Q("an access level is not known", CONDITIONS + "#access-levels", (G(SHOP, INVOKER, BOT, when='"accessPolicies/1/accessLevels/a" in request.auth.access_levels'),), BOT, INVOKE, API, OPEN),
    Q("or-ed with what holds", CONDITIONS, (G(SHOP, INVOKER, BOT, when='request.path == "/ok" || request.time > timestamp("2020-01-01T00:00:00Z")'),), BOT, INVOKE, API, YES),
    Q("and-ed with what does not", CONDITIONS, (G(SHOP, INVOKER, BOT, when='request.path == "/ok" && request.time < timestamp("2020-01-01T00:00:00Z")'),), BOT, INVOKE, API, NO),
    Q("a tag that is there", CONDITIONS + "#resource-tags", (tags((SHOP, "prod")), G(ORG, INVOKER, BOT, when="resource.matchTag('1/env', 'prod')")), BOT, INVOKE, API, YES),
    Q("a tag nearer overrides", "resource-manager/docs/tags/tags-overview#inheritance", (tags((ORG, "prod"), (SHOP, "dev")), G(ORG, INVOKER, BOT, when="resource.matchTag('1/env', 'prod')")), BOT, INVOKE, API, NO),
    Q("a tag that is another", CONDITIONS + "#resource-tags", (tags((SHOP, "dev")), G(ORG, INVOKER, BOT, when="resource.matchTag('1/env', 'prod')")), BOT, INVOKE, API, NO),
    Q("a tag by its id", CONDITIONS + "#resource-tags", (tags((SHOP, "prod")), G(ORG, INVOKER, BOT, when="resource.matchTagId('tagKeys/5', 'tagValues/6')")), BOT, INVOKE, API, YES),
    Q("any value of a tag", CONDITIONS + "#resource-tags", (tags((SHOP, "dev")), G(ORG, INVOKER, BOT, when="resource.hasTagKey('1/env')")), BOT, INVOKE, API, YES),
    Q("tags that were not given", CONDITIONS + "#resource-tags", (G(ORG, INVOKER, BOT, when="resource.matchTag('1/env', 'prod')"),), BOT, INVOKE, API, OPEN),
    Q("what is no CEL is not known", CONDITIONS, (G(API, INVOKER, BOT, when="request.time <"),), BOT, INVOKE, API, OPEN),
    Q("objects of a bucket by name", "storage/docs/access-control/iam#conditions", (G(DAGS, "roles/storage.objectAdmin", BOT, when='resource.name.startsWith("projects/_/buckets/dags/objects/dags/")'),), BOT, WRITE, DAGS, OPEN),
    Q("objects of another bucket", "storage/docs/access-control/iam#conditions", (G(SHOP, "roles/storage.objectAdmin", BOT, when='resource.name.startsWith("projects/_/buckets/other/")'),), BOT, WRITE, DAGS, NO),
    Q("only some roles may be granted", "iam/docs/setting-limits-on-granting-roles", (G(LAB, "roles/resourcemanager.projectIamAdmin", DEP, when='api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["roles/viewer"])'),), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("and setting the policy depends on the request", "iam/docs/setting-limits-on-granting-roles", (G(LAB, "roles/resourcemanager.projectIamAdmin", DEP, when='api.getAttribute("iam.googleapis.com/modifiedGrantsByRole", []).hasOnly(["roles/viewer"])'),), DEP, SET, LAB, OPEN),
    # ----------------------------------------------------------------------------- deny
    Q("deny comes before allow", DENY, uses(deny(ORG, [denied(APP)], [V2_INVOKE])), APP, INVOKE, API, NO),
    Q("whom it does not name it leaves", DENY, (G(ORG, INVOKER, BOT), deny(ORG, [denied(APP)], [V2_INVOKE])), BOT, INVOKE, API, YES),
    Q("what it does not name it leaves", DENY, uses(deny(ORG, [denied(APP)], [V2_INVOKE])), APP, RUN, NIGHTLY, YES),
    Q("from a folder", DENY, uses(deny(OUTER, [denied(APP)], [V2_INVOKE])), APP, INVOKE, API, NO),
    Q("not from a sibling", DENY, uses(deny(LAB, [denied(APP)], [V2_INVOKE])), APP, INVOKE, API, YES),
    Q("everyone", DENY, uses(deny(SHOP, [EVERYONE], [V2_INVOKE])), APP, INVOKE, API, NO),
    Q("everyone but one", DENY, uses(deny(SHOP, [EVERYONE], [V2_INVOKE], but=[denied(APP)])), APP, INVOKE, API, YES),
    Q("everyone but another", DENY, uses(deny(SHOP, [EVERYONE], [V2_INVOKE], but=[denied(BOT)])), APP, INVOKE, API, NO),
    Q("two policies, one excepts", DENY, uses(deny(SHOP, [EVERYONE], [V2_INVOKE], but=[denied(APP)]), deny(ORG, [denied(APP)], [V2_INVOKE])), APP, INVOKE, API, NO),
    Q("a group", DENY, (group(G1, APP), *uses(deny(SHOP, [f"principalSet://goog/group/{G1}"], [V2_INVOKE]))), APP, INVOKE, API, NO),
    Q("a group that was not listed", DENY, uses(deny(SHOP, [f"principalSet://goog/group/{G1}"], [V2_INVOKE])), APP, INVOKE, API, OPEN),
    Q("everyone but a group", DENY, (group(G1, APP), *uses(deny(SHOP, [EVERYONE], [V2_INVOKE], but=[f"principalSet://goog/group/{G1}"]))), APP, INVOKE, API, YES),
    Q("accounts of a project", DENY, uses(deny(SHOP, [f"principalSet:{CRM}/projects/21/type/ServiceAccount"], [V2_INVOKE])), APP, INVOKE, API, NO),
    Q("all of one service", "iam/docs/deny-permissions-support#permission-groups", uses(deny(SHOP, [denied(APP)], ["run.googleapis.com/*.*"])), APP, INVOKE, API, NO),
    Q("all of one resource", "iam/docs/deny-permissions-support#permission-groups", uses(deny(SHOP, [denied(APP)], ["run.googleapis.com/routes.*"])), APP, INVOKE, API, NO),
    Q("all of another resource", "iam/docs/deny-permissions-support#permission-groups", uses(deny(SHOP, [denied(APP)], ["run.googleapis.com/jobs.*"])), APP, INVOKE, API, YES),
    Q("one verb of all resources", "iam/docs/deny-permissions-support#permission-groups", uses(deny(SHOP, [denied(APP)], ["run.googleapis.com/*.invoke"])), APP, INVOKE, API, NO),
    Q("all but one permission", DENY, uses(deny(SHOP, [denied(APP)], ["run.googleapis.com/*.*"], keep=[V2_INVOKE])), APP, INVOKE, API, YES),
    Q("of a pool", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [all_of(POOL)], [V2_RUN])), MAIN, RUN, NIGHTLY, NO),
    Q("of another pool", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [all_of(CLOSED)], [V2_RUN])), MAIN, RUN, NIGHTLY, YES),
    Q("where a tag says so", DENY + "#denial-conditions", (tags((SHOP, "prod")), *uses(deny(ORG, [denied(APP)], [V2_INVOKE], when="resource.matchTag('1/env', 'prod')"))), APP, INVOKE, API, NO),
    Q("where a tag does not", DENY + "#denial-conditions", (tags((SHOP, "dev")), *uses(deny(ORG, [denied(APP)], [V2_INVOKE], when="resource.matchTag('1/env', 'prod')"))), APP, INVOKE, API, YES),
    Q("unless a tag says so", DENY + "#denial-conditions", (tags((SHOP, "dev")), *uses(deny(ORG, [denied(APP)], [V2_INVOKE], when="!resource.matchTag('1/env', 'prod')"))), APP, INVOKE, API, NO),
    Q("where tags were not given", DENY + "#denial-conditions", uses(deny(ORG, [denied(APP)], [V2_INVOKE], when="resource.matchTag('1/env', 'prod')")), APP, INVOKE, API, OPEN),
    Q("the permission to set a policy", DENY, (G(LAB, OWNER, DEP), deny(LAB, [denied(DEP)], ["cloudresourcemanager.googleapis.com/projects.setIamPolicy"])), DEP, SET, LAB, NO),
    Q("what is denied to all one cannot give oneself", DENY, (G(LAB, "roles/resourcemanager.projectIamAdmin", DEP), deny(LAB, [EVERYONE], [V2_RUN])), DEP, RUN, NIGHTLY, NO),
    Q("what is denied to oneself one gives another whom one is", DENY, (G(LAB, "roles/resourcemanager.projectIamAdmin", DEP), deny(LAB, [denied(DEP)], [V2_RUN])), DEP, RUN, NIGHTLY, NO, YES),
    Q("one whom one is lets another deploy as one who leads on", "run/docs/securing/managing-access", (role(ROLE, "run.services.setIamPolicy"), G(APP, CREATOR, DEP), G(VIA, CREATOR, DEP), G(API, ROLE, APP), G(ENV, USER, VIA), G(BOT, CREATOR, ENV), G(NIGHTLY, INVOKER, BOT)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("it is of no use where that leads nowhere", "run/docs/securing/managing-access", (role(ROLE, "run.services.setIamPolicy"), G(APP, CREATOR, DEP), G(VIA, CREATOR, DEP), G(API, ROLE, APP), G(ENV, USER, VIA), G(BOT, CREATOR, ENV)), DEP, RUN, NIGHTLY, NO),
    Q("whom one perhaps becomes leads to another", "composer/docs/concepts/access-control", (role(ROLE, "composer.dags.execute"), G(SHOP, ROLE, DEP), G(BOT, CREATOR, ENV), G(NIGHTLY, INVOKER, BOT)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("or sets the policy", "composer/docs/concepts/access-control", (role(ROLE, "composer.dags.execute"), G(SHOP, ROLE, DEP), G(LAB, "roles/resourcemanager.projectIamAdmin", ENV)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("or is in a group that has it", "composer/docs/concepts/access-control", (role(ROLE, "composer.dags.execute"), G(SHOP, ROLE, DEP), group("g@x.example", ENV), G(NIGHTLY, INVOKER, "group:g@x.example")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("or is in none, and leads to nobody", "composer/docs/concepts/access-control", (role(ROLE, "composer.dags.execute"), G(SHOP, ROLE, DEP), G(BOT, CREATOR, ENV)), DEP, RUN, NIGHTLY, NO),
    Q("what is denied to oneself one perhaps becomes another to have", DENY, (role(LAB_ROLE, "run.jobs.setIamPolicy"), G(NIGHTLY, LAB_ROLE, VIA), deny(LAB, [denied(VIA)], [V2_RUN, "run.googleapis.com/jobs.runWithOverrides"])), VIA, RUN, NIGHTLY, NO, OPEN),
    Q("a subject that sets a policy gives another whom it is", "run/docs/securing/managing-access", (role(ROLE, "run.services.setIamPolicy"), G(API, ROLE, MAIN), G(APP, ID_TOKENS, MAIN)), MAIN, INVOKE, API, NO, YES),
    Q("the policy of a service lets deploy as whom one acts as", "run/docs/securing/managing-access", uses(role(ROLE, "run.services.setIamPolicy"), G(API, ROLE, BOT), G(APP, USER, BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("not where there is no service", "run/docs/securing/managing-access", (G(ORG, INVOKER, BOT), role(LAB_ROLE, "run.services.setIamPolicy"), G(LAB, LAB_ROLE, DEP), G(BOT, USER, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a role that one changes where a pool is", "iam/docs/creating-custom-roles#editing-custom-role", (role(ROLE, "run.routes.get", "iam.roles.update"), G(SHOP, ROLE, BOT), G(NIGHTLY, INVOKER, MAIN)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a pod that one makes", "kubernetes-engine/docs/concepts/workload-identity", (role(ROLE, "container.pods.create"), G(SHOP, ROLE, DEP), G(NIGHTLY, INVOKER, "serviceAccount:shop.svc.id.goog[etl/run]")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a job of Dataproc", "dataproc/docs/concepts/configuring-clusters/service-accounts", uses(role(ROLE, "dataproc.jobs.create"), G(SHOP, ROLE, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("becoming is denied", DENY, uses(G(APP, CREATOR, DEP), deny(SHOP, [denied(DEP)], ["iam.googleapis.com/serviceAccounts.*"])), DEP, INVOKE, API, NO),
    Q("one way of becoming is left", DENY, uses(G(APP, CREATOR, DEP), deny(SHOP, [denied(DEP)], ["iam.googleapis.com/serviceAccounts.getAccessToken", "iam.googleapis.com/serviceAccounts.signBlob", "iam.googleapis.com/serviceAccounts.signJwt"])), DEP, INVOKE, API, NO, YES),
    Q("and is not enough for an API", DENY, uses(G(APP, CREATOR, DEP), deny(SHOP, [denied(DEP)], ["iam.googleapis.com/serviceAccounts.getAccessToken", "iam.googleapis.com/serviceAccounts.signBlob", "iam.googleapis.com/serviceAccounts.signJwt"])), DEP, RUN, NIGHTLY, NO),
    Q("whom one becomes is denied", DENY, uses(G(APP, CREATOR, DEP), deny(SHOP, [denied(APP)], [V2_INVOKE])), DEP, INVOKE, API, NO),
    Q("acting as is denied", DENY, uses(G(SHOP, DEVELOPER, DEP), G(APP, USER, DEP), deny(SHOP, [denied(DEP)], ["iam.googleapis.com/serviceAccounts.actAs"])), DEP, RUN, NIGHTLY, NO),
    # ----------------------------------------------------------------- access boundaries
    Q("not eligible", PAB, uses(*fence([SHOP], f"{CRM}/{SHOP}")), APP, RUN, NIGHTLY, NO),
    Q("eligible", PAB, uses(*fence([LAB], f"{CRM}/{SHOP}")), APP, RUN, NIGHTLY, YES),
    Q("eligible by what is above", PAB, uses(*fence([ORG], f"{CRM}/{SHOP}")), APP, RUN, NIGHTLY, YES),
    Q("no boundary blocks invoking", "iam/docs/principal-access-boundary-policies#enforcement", uses(*fence([LAB], f"{CRM}/{SHOP}")), APP, INVOKE, API, YES),
    Q("of whom it does not speak", PAB, (G(ORG, INVOKER, BOT), *fence([SHOP], f"{CRM}/{SHOP}")), BOT, RUN, NIGHTLY, YES),
    Q("bound to a folder", PAB, uses(*fence([SHOP], f"{CRM}/{OUTER}")), APP, RUN, NIGHTLY, NO),
    Q("bound to an organisation", PAB, uses(*fence([SHOP], f"{CRM}/{ORG}")), APP, RUN, NIGHTLY, NO),
    Q("bound to a pool", PAB, (G(NIGHTLY, INVOKER, MAIN), *fence([SHOP], f"//iam.googleapis.com/{POOL}")), MAIN, RUN, NIGHTLY, NO),
    Q("a pool's project is its set too", PAB, (G(NIGHTLY, INVOKER, MAIN), *fence([SHOP], f"{CRM}/{SHOP}")), MAIN, RUN, NIGHTLY, NO),
    Q("bound with a condition that spares", "iam/docs/principal-access-boundary-policies#conditions", uses(*fence([SHOP], f"{CRM}/{SHOP}", when="principal.type != 'iam.googleapis.com/ServiceAccount'")), APP, RUN, NIGHTLY, YES),
    Q("bound with a condition that holds", "iam/docs/principal-access-boundary-policies#conditions", uses(*fence([SHOP], f"{CRM}/{SHOP}", when=f"principal.subject == '{APP}'")), APP, RUN, NIGHTLY, NO),
    Q("people of an organisation are not known", PAB, (G(NIGHTLY, INVOKER, ANN), *fence([SHOP], f"{CRM}/{ORG}")), ANN, RUN, NIGHTLY, OPEN),
    # ----------------------------------------------------------------------- federation
    Q("a subject runs a job", "run/docs/authenticating/service-to-service", (G(NIGHTLY, INVOKER, MAIN),), MAIN, RUN, NIGHTLY, YES),
    Q("a subject invokes no service", "run/docs/authenticating/service-to-service", (G(API, INVOKER, MAIN),), MAIN, INVOKE, API, NO),
    Q("all of a pool", MEMBERS, (G(NIGHTLY, INVOKER, all_of(POOL)),), MAIN, RUN, NIGHTLY, YES),
    Q("all of a pool by the project's id", MEMBERS, (G(NIGHTLY, INVOKER, all_of(POOL.replace("21", "shop"))),), MAIN, RUN, NIGHTLY, YES),
    Q("all of another pool", MEMBERS, (G(NIGHTLY, INVOKER, all_of(PODS)),), MAIN, RUN, NIGHTLY, NO),
    Q("by an attribute", MEMBERS, (G(NIGHTLY, INVOKER, all_of(POOL, "attribute.repo/a/b")),), MAIN, RUN, NIGHTLY, OPEN),
    Q("by a group", MEMBERS, (G(NIGHTLY, INVOKER, all_of(POOL, "group/devs")),), MAIN, RUN, NIGHTLY, OPEN),
    Q("another subject", MEMBERS, (G(NIGHTLY, INVOKER, principal(POOL, "other")),), MAIN, RUN, NIGHTLY, NO),
    Q("subjects are told apart by case", MEMBERS, (G(NIGHTLY, INVOKER, principal(POOL, "Main")),), MAIN, RUN, NIGHTLY, NO),
    Q("of a disabled pool", "iam/docs/manage-workload-identity-pools-providers#disable-pool", (G(NIGHTLY, INVOKER, all_of(CLOSED)),), principal(CLOSED, "x"), RUN, NIGHTLY, NO),
    Q("a pod in the old spelling", "kubernetes-engine/docs/concepts/workload-identity", (G(NIGHTLY, INVOKER, "serviceAccount:shop.svc.id.goog[etl/run]"),), principal(PODS, "ns/etl/sa/run"), RUN, NIGHTLY, YES),
    Q("a pod in the new spelling", "kubernetes-engine/docs/concepts/workload-identity", (G(NIGHTLY, INVOKER, principal(PODS, "ns/etl/sa/run")),), "serviceAccount:shop.svc.id.goog[etl/run]", RUN, NIGHTLY, YES),
    Q("pods of a namespace", "kubernetes-engine/docs/concepts/workload-identity#principal-id-examples", (G(NIGHTLY, INVOKER, all_of(PODS, "namespace/etl")),), "serviceAccount:shop.svc.id.goog[etl/run]", RUN, NIGHTLY, YES),
    Q("pods of another namespace", "kubernetes-engine/docs/concepts/workload-identity#principal-id-examples", (G(NIGHTLY, INVOKER, all_of(PODS, "namespace/web")),), "serviceAccount:shop.svc.id.goog[etl/run]", RUN, NIGHTLY, NO),
    Q("pods of a cluster are not known", "kubernetes-engine/docs/concepts/workload-identity#principal-id-examples", (G(NIGHTLY, INVOKER, all_of(PODS, "kubernetes.cluster/https://container.googleapis.com/v1/projects/shop/locations/r/clusters/c")),), "serviceAccount:shop.svc.id.goog[etl/run]", RUN, NIGHTLY, OPEN),
    Q("of a workforce", "iam/docs/workforce-identity-federation", (G(NIGHTLY, INVOKER, all_of(STAFF)),), RAHA, RUN, NIGHTLY, YES),
    Q("of a workforce's group", "iam/docs/workforce-identity-federation", (G(NIGHTLY, INVOKER, all_of(STAFF, "group/ops")),), RAHA, RUN, NIGHTLY, OPEN),
    Q("impersonates to invoke", WIF, uses(G(APP, FEDERATED, MAIN)), MAIN, INVOKE, API, NO, YES),
    Q("impersonates to run", WIF, uses(G(APP, FEDERATED, MAIN)), MAIN, RUN, NIGHTLY, NO, YES),
    Q("perhaps impersonates", WIF, uses(G(APP, FEDERATED, all_of(POOL, "attribute.repo/a/b"))), MAIN, RUN, NIGHTLY, NO, OPEN),
    Q("a closed pool impersonates nobody", "iam/docs/manage-workload-identity-pools-providers#disable-pool", uses(G(APP, FEDERATED, all_of(CLOSED))), principal(CLOSED, "x"), RUN, NIGHTLY, NO),
    Q("who makes a provider is its subjects", "iam/docs/manage-workload-identity-pools-providers", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP), G(NIGHTLY, INVOKER, MAIN)), DEP, RUN, NIGHTLY, NO, YES),
    Q("of a workforce too", "iam/docs/manage-workforce-identity-pools-providers", (G(ORG, "roles/iam.workforcePoolAdmin", DEP), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO, YES),
    # ----------------------------------------------------------------- becoming someone
    Q("both tokens", TOKENS, uses(G(APP, CREATOR, DEP)), DEP, INVOKE, API, NO, YES),
    Q("both tokens, from above", TOKENS, uses(G(INNER, CREATOR, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("identity tokens invoke", TOKENS, uses(G(APP, ID_TOKENS, DEP)), DEP, INVOKE, API, NO, YES),
    Q("identity tokens run nothing", TOKENS, uses(G(APP, ID_TOKENS, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("access tokens run", TOKENS, uses(role(ROLE, "iam.serviceAccounts.getAccessToken"), G(APP, ROLE, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("access tokens alone do not invoke", TOKENS, uses(role(ROLE, "iam.serviceAccounts.getAccessToken"), G(APP, ROLE, DEP)), DEP, INVOKE, API, NO),
    Q("unless the account mints its own identity tokens", TOKENS, uses(role(ROLE, "iam.serviceAccounts.getAccessToken"), G(APP, ROLE, DEP), G(APP, ID_TOKENS, APP)), DEP, INVOKE, API, NO, YES),
    Q("signing is both", TOKENS, uses(role(ROLE, "iam.serviceAccounts.signJwt"), G(APP, ROLE, DEP)), DEP, INVOKE, API, NO, YES),
    Q("identity tokens of one who perhaps may", TOKENS, (G(API, INVOKER, APP, when='request.path == "/x"'), G(APP, ID_TOKENS, DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("two steps", TOKENS, uses(G(APP, CREATOR, VIA), G(VIA, CREATOR, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("an identity token is no step", TOKENS, uses(G(APP, CREATOR, VIA), G(VIA, ID_TOKENS, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("delegation reaches the next", SHORT, uses(role(ROLE, "iam.serviceAccounts.implicitDelegation"), G(VIA, ROLE, DEP), G(APP, CREATOR, VIA)), DEP, RUN, NIGHTLY, NO, YES),
    Q("delegation is not being it", SHORT, (G(ORG, INVOKER, VIA), role(ROLE, "iam.serviceAccounts.implicitDelegation"), G(VIA, ROLE, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a new key", "iam/docs/keys-create-delete", uses(G(APP, "roles/iam.serviceAccountKeyAdmin", DEP)), DEP, INVOKE, API, NO, YES),
    Q("no new keys", "iam/docs/service-account-constraints", uses(G(APP, "roles/iam.serviceAccountKeyAdmin", DEP), ban("iam.disableServiceAccountKeyCreation"), ban("iam.disableServiceAccountKeyUpload")), DEP, INVOKE, API, NO),
    Q("its policy", TOKENS, uses(G(APP, "roles/iam.serviceAccountAdmin", DEP)), DEP, INVOKE, API, NO, YES),
    Q("its project's policy", TOKENS, uses(G(SHOP, "roles/resourcemanager.projectIamAdmin", BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a circle ends", TOKENS, (G(VIA, CREATOR, DEP), G(DEP, CREATOR, VIA)), DEP, RUN, NIGHTLY, NO),
    Q("a disabled account cannot be become", "iam/docs/service-accounts-disable-enable", (G(ORG, INVOKER, OFF), G(OFF, CREATOR, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("nor is one any use", "iam/docs/service-accounts-disable-enable", (G(ORG, INVOKER, OFF),), OFF, RUN, NIGHTLY, NO),
    Q("keys for storage write", "storage/docs/authentication/hmackeys", (role(ROLE, "storage.hmacKeys.create"), G(SHOP, ROLE, BOT), G(DAGS, "roles/storage.objectAdmin", APP)), BOT, WRITE, DAGS, NO, YES),
    Q("keys for storage run nothing", "storage/docs/authentication/hmackeys", uses(role(ROLE, "storage.hmacKeys.create"), G(SHOP, ROLE, BOT)), BOT, RUN, NIGHTLY, NO),
    # ------------------------------------------------- conditions on becoming someone
    Q("an account to become has no name", CONDITIONS + "#resource", uses(G(SHOP, CREATOR, DEP, when='resource.name.endsWith("app@shop.iam.gserviceaccount.com")')), DEP, RUN, NIGHTLY, NO),
    Q("nor a service", CONDITIONS + "#resource", uses(G(SHOP, CREATOR, DEP, when='resource.service == "iam.googleapis.com"')), DEP, RUN, NIGHTLY, NO),
    Q("and is of no other type", CONDITIONS + "#inherited-support", uses(G(SHOP, CREATOR, DEP, when='resource.type != "storage.googleapis.com/Bucket"')), DEP, RUN, NIGHTLY, NO, YES),
    Q("either of two conditions", CONDITIONS + "#resource-tags", uses(tags((SHOP, "prod")), G(SHOP, CREATOR, DEP, when="resource.matchTag('1/env', 'dev')"), G(SHOP, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, YES),
    Q("the tag and not the path", CONDITIONS + "#resource-tags", uses(tags((SHOP, "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod') && request.path == '/x'")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("acting as whom a tag names", CONDITIONS + "#resource-tags", uses(tags((SHOP, "prod")), G(SHOP, DEVELOPER, DEP), G(ORG, USER, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, YES),
    Q("acting as whom a name tells", CONDITIONS + "#resource", uses(G(SHOP, DEVELOPER, DEP), G(SHOP, USER, DEP, when='resource.name.endsWith("app@shop.iam.gserviceaccount.com")')), DEP, RUN, NIGHTLY, NO),
    Q("the policy of what is a project", CONDITIONS + "#resource-type", uses(G(SHOP, "roles/resourcemanager.projectIamAdmin", DEP, when='resource.type == "cloudresourcemanager.googleapis.com/Project"')), DEP, RUN, NIGHTLY, NO, YES),
    Q("the policy, for some roles", "iam/docs/setting-limits-on-granting-roles", uses(G(SHOP, "roles/resourcemanager.projectIamAdmin", DEP, when="api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly(['roles/run.viewer'])")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("some objects of the DAGs' bucket", "storage/docs/access-control/iam#conditions", (G(ORG, INVOKER, ENV), G(SHOP, "roles/storage.objectAdmin", DEP, when='resource.name.startsWith("projects/_/buckets/dags/objects/data/")')), DEP, INVOKE, API, NO, OPEN),
    Q("perhaps an owner, where nobody has anything", "iam/docs/roles-overview#basic", (G(SHOP, OWNER, DEP, when='request.path == "/x"'),), DEP, RUN, NIGHTLY, NO),
    Q("perhaps a changer of a role that nobody has", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(LAB_ROLE, "run.routes.get"), G(LAB, "roles/iam.roleAdmin", DEP, when='request.path == "/x"')), DEP, RUN, NIGHTLY, NO),
    Q("perhaps a changer of one's own role", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, DEP), G(LAB, "roles/iam.roleAdmin", DEP, when='request.path == "/x"')), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a changer where no role of anyone's is defined", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, VIA), G(VIA, CREATOR, DEP, when='request.path == "/x"'), G(SHOP, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("perhaps access tokens, for what takes an identity token", TOKENS, uses(role(ROLE, "iam.serviceAccounts.getAccessToken"), G(APP, ROLE, DEP, when='request.path == "/x"')), DEP, INVOKE, API, NO),
    Q("perhaps access tokens, for what takes them", TOKENS, uses(role(ROLE, "iam.serviceAccounts.getAccessToken"), G(APP, ROLE, DEP, when='request.path == "/x"')), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("perhaps a forger of a pool of no use", "iam/docs/manage-workload-identity-pools-providers", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP, when='request.path == "/x"'), G(DAGS, INVOKER, MAIN)), DEP, RUN, NIGHTLY, NO),
    Q("perhaps a forger of whom it helps to be", "iam/docs/manage-workload-identity-pools-providers", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP, when='request.path == "/x"'), G(NIGHTLY, INVOKER, MAIN)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("perhaps a forger of whom it helps to be in a pool", "iam/docs/manage-workload-identity-pools-providers", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP, when='request.path == "/x"'), G(NIGHTLY, INVOKER, all_of(POOL, "attribute.repo/a"))), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a condition on becoming one of no use", TOKENS, uses(G(VIA, CREATOR, DEP, when='request.path == "/x"')), DEP, RUN, NIGHTLY, NO),
    # --------------------------------------------------------------- deploying, as whom
    Q("acting as alone", "iam/docs/service-account-permissions#user-role", uses(G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("deploying alone", "run/docs/configuring/services/service-identity", uses(G(SHOP, DEVELOPER, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a service", "run/docs/configuring/services/service-identity", uses(role(ROLE, "run.services.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a new revision of one service", "run/docs/configuring/services/service-identity", uses(role(ROLE, "run.services.update"), G(API, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a job that it runs", "run/docs/create-jobs", uses(role(ROLE, "run.jobs.create", RUN), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, YES),
    Q("a job that others run", "run/docs/create-jobs", uses(role(ROLE, "run.jobs.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("a worker pool", "run/docs/configuring/workerpools/service-identity", uses(role(ROLE, "run.workerpools.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a function", "functions/docs/reference/iam/roles#additional-configuration", uses(role(ROLE, "cloudfunctions.functions.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a build", "build/docs/securing-builds/configure-user-specified-service-accounts", uses(G(SHOP, "roles/cloudbuild.builds.editor", DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a schedule", "scheduler/docs/http-target-auth", uses(G(SHOP, "roles/cloudscheduler.admin", DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, YES),
    Q("a task in a queue of its own", "tasks/docs/creating-http-target-tasks#token", uses(role(ROLE, "cloudtasks.tasks.create", "cloudtasks.queues.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, YES),
    Q("a workflow", "workflows/docs/authentication", uses(role(ROLE, "workflows.workflows.create", "workflows.executions.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a Composer environment", "composer/docs/how-to/access-control", uses(G(SHOP, "roles/composer.admin", BOT), G(APP, USER, BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a pipeline, if it is a worker", "dataflow/docs/concepts/security-and-permissions", uses(role(ROLE, "dataflow.jobs.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a push subscription", "pubsub/docs/authenticate-push-subscriptions", uses(role(ROLE, "pubsub.subscriptions.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("an event trigger", "eventarc/docs/all-roles-permissions", uses(role(ROLE, "eventarc.triggers.create"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("an editor of the project", "iam/docs/roles-overview#basic", uses(G(SHOP, EDITOR, BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a viewer of the project", "iam/docs/roles-overview#basic", uses(G(SHOP, "roles/viewer", BOT)), BOT, RUN, NIGHTLY, NO, NO),
    Q("a job with its own arguments", "run/docs/execute/jobs#override-job-configuration", (G(ORG, INVOKER, BOT), G(NIGHTLY, "roles/run.jobsExecutorWithOverrides", DEP)), DEP, INVOKE, API, NO, YES),
    Q("a job as it stands", "run/docs/execute/jobs", (G(ORG, INVOKER, BOT), G(NIGHTLY, INVOKER, DEP)), DEP, INVOKE, API, NO),
    Q("a service as it stands", "run/docs/authenticating/service-to-service", uses(G(API, INVOKER, DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a job's policy", "run/docs/securing/managing-access", (G(ORG, INVOKER, BOT), role(ROLE, "run.jobs.setIamPolicy"), G(LAB, ROLE, DEP)), DEP, INVOKE, API, NO, YES),
    Q("a shell where ssh is on", "sdk/gcloud/reference/beta/run/services/ssh", uses(Data(API, sshEnabled=True), G(API, "roles/run.sshRoot", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("commands of Airflow", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(SHOP, "roles/composer.admin", DEP)), DEP, INVOKE, API, NO, YES),
    Q("commands of an Airflow that is being deleted", "composer/docs/reference/rest/v1/projects.locations.environments#state", (Data(AIRFLOW, state="DELETING"), G(ORG, INVOKER, ENV), G(SHOP, "roles/composer.admin", DEP)), DEP, INVOKE, API, NO),
    Q("a DAG in the bucket", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(DAGS, "roles/storage.objectAdmin", DEP)), DEP, INVOKE, API, NO, YES),
    Q("a DAG run with parameters", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(SHOP, "roles/composer.user", DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("a role that one changes and holds", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(ROLE, "run.routes.get"), G(APP, ROLE, DEP), G(SHOP, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that one changes and another holds", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(ROLE, "run.routes.get"), G(APP, ROLE, VIA), G(VIA, CREATOR, DEP), G(SHOP, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that one changes and nobody of one's own holds", "iam/docs/creating-custom-roles#editing-custom-role", uses(role(ROLE, "run.routes.get"), G(APP, ROLE, VIA), G(SHOP, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a role that one changes and holds there", "iam/docs/creating-custom-roles#editing-custom-role", (role(LAB_ROLE, "run.routes.get"), G(NIGHTLY, LAB_ROLE, DEP), G(LAB, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that one changes, and has as another", "iam/docs/creating-custom-roles#editing-custom-role", (role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, VIA), G(VIA, CREATOR, DEP), G(LAB, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that another of one's own changes", "iam/docs/creating-custom-roles#editing-custom-role", (role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, DEP), G(VIA, CREATOR, DEP), G(LAB, "roles/iam.roleAdmin", VIA)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that one may not change", "iam/docs/creating-custom-roles#editing-custom-role", (role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, DEP), G(SHOP, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("changing it is denied", "iam/docs/deny-permissions-support", (role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, DEP), G(LAB, "roles/iam.roleAdmin", DEP), deny(LAB, [denied(DEP)], ["iam.googleapis.com/roles.update"])), DEP, RUN, NIGHTLY, NO),
    Q("a deleted role is not changed", "iam/docs/creating-custom-roles#deleting-custom-role", (role(LAB_ROLE, "run.routes.get", deleted=True), G(LAB, LAB_ROLE, DEP), G(LAB, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a disabled role is", "iam/docs/creating-custom-roles#disabling-custom-role", (role(LAB_ROLE, "run.routes.get", stage="DISABLED"), G(LAB, LAB_ROLE, DEP), G(LAB, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a role that one has under a condition", "iam/docs/creating-custom-roles#editing-custom-role", (role(LAB_ROLE, "run.routes.get"), G(LAB, LAB_ROLE, DEP, when='request.path == "/x"'), G(LAB, "roles/iam.roleAdmin", DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    # ------------------------------------------------------------- giving it to oneself
    Q("the job's policy", "run/docs/securing/managing-access", (role(ROLE, "run.jobs.setIamPolicy"), G(NIGHTLY, ROLE, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("the service's policy", "run/docs/securing/managing-access", (role(ROLE, "run.services.setIamPolicy"), G(API, ROLE, BOT)), BOT, INVOKE, API, NO, YES),
    Q("the service's policy, by a subject", "run/docs/securing/managing-access", (role(ROLE, "run.services.setIamPolicy"), G(API, ROLE, MAIN)), MAIN, INVOKE, API, NO, OPEN),
    Q("the folder's policy", "iam/docs/granting-changing-revoking-access", (role(ORG_ROLE, "resourcemanager.folders.setIamPolicy"), G(OUTER, ORG_ROLE, BOT)), BOT, INVOKE, API, NO, YES),
    Q("the organisation's policy", "iam/docs/granting-changing-revoking-access", (G(ORG, "roles/iam.securityAdmin", BOT),), BOT, INVOKE, API, NO, YES),
    Q("the policy of another project", "iam/docs/granting-changing-revoking-access", (G(LAB, "roles/resourcemanager.projectIamAdmin", BOT),), BOT, INVOKE, API, NO),
    # ------------------------------------------------------------------ public services
    Q("without a check anyone invokes", "run/docs/securing/managing-access#invoker_check", (Data(API, invokerIamDisabled=True),), ANN, INVOKE, API, YES),
    Q("even one who is denied", "run/docs/securing/managing-access#invoker_check", (Data(API, invokerIamDisabled=True), deny(SHOP, [EVERYONE], [V2_INVOKE])), ANN, INVOKE, API, YES),
    Q("and a federated one", "run/docs/securing/managing-access#invoker_check", (Data(API, invokerIamDisabled=True),), MAIN, INVOKE, API, YES),
    Q("of this service alone", "run/docs/securing/managing-access#invoker_check", (Data(API, invokerIamDisabled=True),), ANN, INVOKE, WEB, NO),
    Q("and it is not to be updated", "run/docs/securing/managing-access#invoker_check", (Data(API, invokerIamDisabled=True),), ANN, "run.services.update", API, NO),
    Q("ingress is no permission", "run/docs/securing/ingress", (Data(API, ingress="INGRESS_TRAFFIC_INTERNAL_ONLY"), G(API, INVOKER, ANN)), ANN, INVOKE, API, YES),
    Q("IAP has a permission of its own", "iap/docs/managing-access", (Data(API, iapEnabled=True), G(SHOP, "roles/iap.httpsResourceAccessor", ANN)), ANN, INVOKE, API, NO),
    Q("which gives access through it", "iap/docs/managing-access", (G(SHOP, "roles/iap.httpsResourceAccessor", ANN),), ANN, "iap.webServiceVersions.accessViaIAP", SHOP, YES),
    # ------------------------------------------------------------- more of the same, harder
    Q("the month counts from nought", "iam/docs/conditions-attribute-reference#datetime", (G(API, INVOKER, BOT, when="request.time.getMonth() == 10"),), BOT, INVOKE, API, YES),
    Q("the date from one", "iam/docs/conditions-attribute-reference#datetime", (G(API, INVOKER, BOT, when="request.time.getDate() == 30"),), BOT, INVOKE, API, YES),
    Q("the day of the month from nought", "iam/docs/conditions-attribute-reference#datetime", (G(API, INVOKER, BOT, when="request.time.getDayOfMonth() == 29"),), BOT, INVOKE, API, YES),
    Q("an hour by an offset", "iam/docs/conditions-attribute-reference#datetime", (G(API, INVOKER, BOT, when='request.time.getHours("+01:00") == 9'),), BOT, INVOKE, API, YES),
    Q("Cloud Run has no resource.service", CONDITIONS + "#resource", (G(SHOP, INVOKER, BOT, when='resource.service == "run.googleapis.com"'),), BOT, INVOKE, API, NO),
    Q("a project has a type", CONDITIONS + "#resource-type", (G(LAB, "roles/resourcemanager.projectIamAdmin", DEP, when='resource.type == "cloudresourcemanager.googleapis.com/Project"'),), DEP, SET, LAB, YES),
    Q("always", CONDITIONS, (G(API, INVOKER, BOT, when="true"),), BOT, INVOKE, API, YES),
    Q("never", CONDITIONS, (G(API, INVOKER, BOT, when="false"),), BOT, INVOKE, API, NO),
    Q("a tag's key by its id", CONDITIONS + "#resource-tags", (tags((SHOP, "dev")), G(ORG, INVOKER, BOT, when="resource.hasTagKeyId('tagKeys/5')")), BOT, INVOKE, API, YES),
    Q("a tag that nothing bears", CONDITIONS + "#resource-tags", (tags((LAB, "dev")), G(ORG, INVOKER, BOT, when="resource.hasTagKey('1/env')")), BOT, INVOKE, API, NO),
    Q("an attribute of an API", CONDITIONS + "#api-attributes", (G(DAGS, "roles/storage.objectAdmin", BOT, when='api.getAttribute("storage.googleapis.com/objectListPrefix", "").startsWith("x")'),), BOT, WRITE, DAGS, OPEN),
    Q("a destination", CONDITIONS + "#destination-ip-port", (G(API, INVOKER, BOT, when='destination.port == 443'),), BOT, INVOKE, API, OPEN),
    Q("becoming has ended", TOKENS, uses(G(APP, CREATOR, DEP, when='request.time < timestamp("2026-11-01T00:00:00Z")')), DEP, RUN, NIGHTLY, NO),
    Q("becoming has not ended", TOKENS, uses(G(APP, CREATOR, DEP, when='request.time < timestamp("2026-12-01T00:00:00Z")')), DEP, RUN, NIGHTLY, NO, YES),
    Q("a tag lets mint tokens", CONDITIONS + "#resource-tags", uses(tags((SHOP, "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, "iam.serviceAccounts.getAccessToken", APP, YES),
    Q("nobody is let in by a deny of all", DENY, (G(API, INVOKER, "allUsers"), deny(SHOP, [EVERYONE], [V2_INVOKE])), "allUsers", INVOKE, API, NO),
    Q("a federated caller is of all", "iam/docs/principal-identifiers", (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [EVERYONE], [V2_RUN])), MAIN, RUN, NIGHTLY, NO),
    Q("one of a workforce is of all", "iam/docs/principal-identifiers", (G(NIGHTLY, INVOKER, RAHA), deny(LAB, [EVERYONE], [V2_RUN])), RAHA, RUN, NIGHTLY, NO),
    Q("a person, denied", DENY, (G(API, INVOKER, ANN), deny(SHOP, ["principal://goog/subject/ann@x.example"], [V2_INVOKE])), ANN, INVOKE, API, NO),
    Q("another person, denied", DENY, (G(API, INVOKER, ANN), deny(SHOP, ["principal://goog/subject/bob@y.example"], [V2_INVOKE])), ANN, INVOKE, API, YES),
    Q("a customer, denied", DENY, (G(API, INVOKER, ANN), deny(SHOP, ["principalSet://goog/cloudIdentityCustomerId/C01"], [V2_INVOKE])), ANN, INVOKE, API, OPEN),
    Q("a federated subject is of no customer", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, ["principalSet://goog/cloudIdentityCustomerId/C01"], [V2_RUN])), MAIN, RUN, NIGHTLY, YES),
    Q("some of a pool, denied", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [all_of(POOL, "attribute.repo/a")], [V2_RUN])), MAIN, RUN, NIGHTLY, OPEN),
    Q("some of a pool, excepted", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [EVERYONE], [V2_RUN], but=[all_of(POOL, "attribute.repo/a")])), MAIN, RUN, NIGHTLY, OPEN),
    Q("one subject, excepted", DENY, (G(NIGHTLY, INVOKER, MAIN), deny(LAB, [EVERYONE], [V2_RUN], but=[MAIN])), MAIN, RUN, NIGHTLY, YES),
    Q("agents, denied", DENY, (G(ORG, INVOKER, sa("service-21@serverless-robot-prod.iam.gserviceaccount.com")), deny(ORG, [f"principalSet:{CRM}/projects/21/type/ServiceAgent"], [V2_RUN])), sa("service-21@serverless-robot-prod.iam.gserviceaccount.com"), RUN, NIGHTLY, NO),
    Q("a deleted deny policy", DENY, uses(deny(SHOP, [EVERYONE], [V2_INVOKE]) | {"deleteTime": "2026-01-01T00:00:00Z"}), APP, INVOKE, API, YES),
    Q("a deny of the lower case", DENY, uses(deny(SHOP, [EVERYONE], ["run.googleapis.com/Routes.invoke"])), APP, INVOKE, API, OPEN),
    Q("a deny in the spelling of roles", DENY, uses(deny(SHOP, [EVERYONE], ["run.routes.invoke"])), APP, INVOKE, API, OPEN),
    Q("an exception of a circle of groups", DENY, (group(G1, f"group:{G2}"), group(G2, f"group:{G1}", APP), *uses(deny(SHOP, [EVERYONE], [V2_INVOKE], but=[f"principalSet://goog/group/{G1}"]))), APP, INVOKE, API, YES),
    Q("an organisation's set holds its workforce", PAB + "#principal-sets", (G(NIGHTLY, INVOKER, RAHA), *fence([SHOP], f"{CRM}/{ORG}")), RAHA, RUN, NIGHTLY, NO),
    Q("and no other's", PAB + "#principal-sets", (G(NIGHTLY, INVOKER, RAHA), *fence([SHOP], f"{CRM}/organizations/2")), RAHA, RUN, NIGHTLY, YES),
    Q("people of a domain may become an account", MEMBERS, uses(G(APP, CREATOR, "domain:y.example")), BOB, RUN, NIGHTLY, NO, OPEN),
    Q("no account is one of them", MEMBERS, uses(G(APP, CREATOR, "domain:y.example")), DEP, RUN, NIGHTLY, NO),
    Q("a group may be of a domain", MEMBERS, uses(group(G1, ANN), G(APP, CREATOR, "domain:x.example")), f"group:{G1}", RUN, NIGHTLY, NO, OPEN),
    Q("one undeleted may become an account", DELETED + "#deleted-principals", uses(G(APP, CREATOR, f"deleted:{sa(DEP)}?uid={UIDS[DEP]}")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("one made anew may not", DELETED + "#deleted-principals", uses(G(APP, CREATOR, f"deleted:{sa(DEP)}?uid=7")), DEP, RUN, NIGHTLY, NO),
    Q("nor another", DELETED + "#deleted-principals", uses(G(APP, CREATOR, f"deleted:{sa(DEP)}?uid={UIDS[DEP]}")), VIA, RUN, NIGHTLY, NO),
    Q("a member of no documented kind may be anyone", MEMBERS, uses(G(APP, CREATOR, "odd:x")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("of a right that controls nothing it is nobody", MEMBERS, uses(G(APP, "roles/iam.serviceAccountViewer", "odd:x")), DEP, RUN, NIGHTLY, NO),
    Q("a tag lets become an account that bears it", CONDITIONS + "#resource-tags", uses(tags((SHOP, "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, YES),
    Q("and none that does not", CONDITIONS + "#resource-tags", uses(tags((SHOP, "dev"), (LAB, "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO),
    Q("of two conditions each lets become others", CONDITIONS + "#resource-tags", (G(ORG, INVOKER, BOT), tags((SHOP, "dev"), (LAB, "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'dev')"), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, YES),
    Q("tags that were not given, of an account", CONDITIONS + "#resource-tags", uses(G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("accounts have no resource.type", CONDITIONS + "#resource", uses(G(SHOP, CREATOR, DEP, when='resource.type == "iam.googleapis.com/ServiceAccount"')), DEP, RUN, NIGHTLY, NO),
    Q("objects of the bucket of DAGs", "storage/docs/access-control/iam#conditions", (G(ORG, INVOKER, ENV), G(SHOP, "roles/storage.objectAdmin", DEP, when='resource.name.startsWith("projects/_/buckets/dags/")')), DEP, RUN, NIGHTLY, NO, YES),
    Q("objects of no bucket of DAGs", "storage/docs/access-control/iam#conditions", (G(ORG, INVOKER, ENV), G(SHOP, "roles/storage.objectAdmin", DEP, when='resource.name.startsWith("projects/_/buckets/data/")')), DEP, RUN, NIGHTLY, NO),
    Q("buckets, and no objects", "storage/docs/access-control/iam#conditions", (G(ORG, INVOKER, ENV), G(SHOP, "roles/storage.objectAdmin", DEP, when='resource.type == "storage.googleapis.com/Bucket"')), DEP, RUN, NIGHTLY, NO),
    Q("a job runs as nobody knows whom", "run/docs/execute/jobs#override-job-configuration", (Unread(NIGHTLY), G(ORG, INVOKER, BOT), G(NIGHTLY, "roles/run.jobsExecutorWithOverrides", DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("nor matters whom, to who runs it as it stands", "run/docs/execute/jobs#override-job-configuration", (Unread(NIGHTLY), G(ORG, INVOKER, BOT), G(NIGHTLY, INVOKER, DEP)), DEP, INVOKE, API, NO),
    Q("nor to who overrides another", "run/docs/execute/jobs#override-job-configuration", (Unread(NIGHTLY), G(ORG, INVOKER, BOT), G(SHOP, "roles/run.jobsExecutorWithOverrides", DEP)), DEP, INVOKE, WEB, NO),
    Q("an environment runs as nobody knows whom", "composer/docs/concepts/access-control", (Unread(AIRFLOW), G(NIGHTLY, INVOKER, ENV), role(ROLE, "composer.environments.executeAirflowCommand"), G(SHOP, ROLE, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("its DAGs may be in any bucket", "composer/docs/concepts/access-control", (Unread(AIRFLOW), G(NIGHTLY, INVOKER, ENV), G(DAGS, "roles/storage.objectCreator", DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("also of one whose account is known", "composer/docs/concepts/access-control", (Unread(AIRFLOW, "config", "storageConfig"), Data(AIRFLOW, config={"nodeConfig": {"serviceAccount": ENV}}), G(NIGHTLY, INVOKER, ENV), G(SHOP, "roles/storage.objectCreator", DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("but not to who views objects", "composer/docs/concepts/access-control", (Unread(AIRFLOW), G(NIGHTLY, INVOKER, ENV), G(SHOP, "roles/storage.objectViewer", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("a tag of its own comes before", "resource-manager/docs/tags/tags-overview#inheritance", uses(tags((SHOP, "dev"), (account_name(APP), "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO, YES),
    Q("and is of no other account", "resource-manager/docs/tags/tags-overview#inheritance", uses(tags((SHOP, "dev"), (account_name(VIA), "prod")), G(ORG, CREATOR, DEP, when="resource.matchTag('1/env', 'prod')")), DEP, RUN, NIGHTLY, NO),
    Q("a boundary of an older version", "iam/docs/pab-blocked-permissions", uses(*fence([SHOP], f"{CRM}/{SHOP}", version="1")), APP, OVERRIDE, NIGHTLY, NO),
    Q("blocks what is becoming", "iam/docs/pab-blocked-permissions", uses(G(APP, CREATOR, BOT), *fence([LAB], f"{CRM}/{LAB}", version="3")), BOT, INVOKE, API, NO),
    Q("before it did", "iam/docs/pab-blocked-permissions", uses(G(APP, CREATOR, BOT), *fence([LAB], f"{CRM}/{LAB}", version="2")), BOT, INVOKE, API, NO, YES),
    Q("builds as the older default", "build/docs/cloud-build-service-account", (G(ORG, INVOKER, sa("21@cloudbuild.gserviceaccount.com")), G(SHOP, "roles/cloudbuild.builds.editor", DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("an object creator makes DAGs", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(DAGS, "roles/storage.objectCreator", DEP)), DEP, INVOKE, API, NO, YES),
    Q("a viewer of objects does not", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(DAGS, "roles/storage.objectViewer", DEP)), DEP, INVOKE, API, NO),
    Q("a setter of the bucket's policy does", "composer/docs/concepts/access-control", (G(ORG, INVOKER, ENV), G(DAGS, "roles/storage.legacyBucketOwner", DEP)), DEP, INVOKE, API, NO, YES),
    Q("an owner of the project becomes its accounts", TOKENS, uses(G(SHOP, OWNER, BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a security administrator of a folder too", TOKENS, uses(G(INNER, "roles/iam.securityAdmin", BOT)), BOT, RUN, NIGHTLY, NO, YES),
    Q("a pod impersonates", "kubernetes-engine/docs/how-to/workload-identity", uses(G(APP, FEDERATED, "serviceAccount:shop.svc.id.goog[etl/run]")), "serviceAccount:shop.svc.id.goog[etl/run]", INVOKE, API, NO, YES),
    Q("another pod does not", "kubernetes-engine/docs/how-to/workload-identity", uses(G(APP, FEDERATED, "serviceAccount:shop.svc.id.goog[etl/run]")), "serviceAccount:shop.svc.id.goog[etl/web]", INVOKE, API, NO),
    Q("nobody forges a pool of Kubernetes", "kubernetes-engine/docs/concepts/workload-identity", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP), G(NIGHTLY, INVOKER, principal(PODS, "ns/etl/sa/run"))), DEP, RUN, NIGHTLY, NO),
    Q("nor a disabled pool", "iam/docs/manage-workload-identity-pools-providers#disable-pool", (role(ROLE, "iam.googleapis.com/workloadIdentityPoolProviders.create"), G(SHOP, ROLE, DEP), G(NIGHTLY, INVOKER, principal(CLOSED, "x"))), DEP, RUN, NIGHTLY, NO),
    Q("a policy may list the providers of a pool", "iam/docs/manage-workload-identity-pools-providers#restrict", (G(SHOP, "roles/iam.workloadIdentityPoolAdmin", DEP), G(NIGHTLY, INVOKER, MAIN), listed("iam.workloadIdentityPoolProviders", "https://issuer.example")), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("the policy of a workforce's pool", "iam/docs/manage-workforce-identity-pools-providers", (role(ORG_ROLE, "iam.googleapis.com/workforcePools.setIamPolicy"), G(ORG, ORG_ROLE, DEP), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO, YES),
    Q("an editor of one workforce's pool", "iam/docs/workforce-identity-federation", (G(f"//iam.googleapis.com/{STAFF}", "roles/iam.workforcePoolEditor", DEP), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO, YES),
    Q("who perhaps changes a workforce's providers", "iam/docs/manage-workforce-identity-pools-providers", (G(ORG, "roles/iam.workforcePoolEditor", DEP, when='request.path == "/x"'), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a viewer of workforce pools", "iam/docs/workforce-identity-federation", (role(ORG_ROLE, "iam.googleapis.com/workforcePools.get"), G(ORG, ORG_ROLE, DEP), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO),
    Q("an administrator of a project has no workforce", "iam/docs/workforce-identity-federation", (G(SHOP, "roles/iam.workforcePoolAdmin", DEP), G(NIGHTLY, INVOKER, RAHA)), DEP, RUN, NIGHTLY, NO),
    Q("a group as such", DELETED + "#groups", (group(G1, ANN), G(API, INVOKER, f"group:{G1}")), f"group:{G1}", INVOKE, API, YES),
    Q("an account by its unique id", MEMBERS, (G(API, INVOKER, APP),), "1001", INVOKE, API, YES),
    Q("a service by its name", HIERARCHY, (G(API, INVOKER, APP),), APP, INVOKE, "service api", YES),
    Q("a project by its id", HIERARCHY, (G(SHOP, INVOKER, APP),), APP, INVOKE, "projects/shop", YES),
    Q("acting as, by a new function, without the right to make it", "functions/docs/reference/iam/roles#additional-configuration", uses(role(ROLE, "cloudfunctions.functions.get"), G(SHOP, ROLE, DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("a revision of another service than one may change", "run/docs/configuring/services/service-identity", uses(role(ROLE, "run.services.update"), G(API, ROLE, BOT), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, OPEN),
    Q("machines, with all it takes", "compute/docs/access/iam#the_serviceaccountuser_role", uses(G(SHOP, "roles/compute.admin", DEP), G(APP, USER, DEP)), DEP, RUN, NIGHTLY, NO, YES),
    Q("a read of a secret is no becoming", "secret-manager/docs/access-control", uses(G(SHOP, "roles/secretmanager.secretAccessor", DEP)), DEP, RUN, NIGHTLY, NO),
    Q("an image of a job by its tag", "run/docs/managing/jobs", (G(ORG, INVOKER, BOT), Data(NIGHTLY, template={"template": {"serviceAccount": BOT, "containers": [{"image": "europe-docker.pkg.dev/lab/apps/nightly:1"}]}}), G(LAB, "roles/artifactregistry.writer", DEP)), DEP, INVOKE, API, NO, OPEN),
    Q("an image of a job by its digest", "run/docs/managing/jobs", (G(ORG, INVOKER, BOT), Data(NIGHTLY, template={"template": {"serviceAccount": BOT, "containers": [{"image": "europe-docker.pkg.dev/lab/apps/nightly@sha256:" + "0" * 64}]}}), G(LAB, "roles/artifactregistry.writer", DEP)), DEP, INVOKE, API, NO),
]  # fmt: skip


@pytest.mark.parametrize(
    "case", CASES, ids=[f"{n}: {one.what}" for n, one in enumerate(CASES)]
)
def test_the_documentation_answers(case: Question, tmp_path: Path) -> None:
    estate = ask.load(snapshots=[write(case.extras, tmp_path)], as_of=AS_OF)
    assert [gap.detail for gap in estate.facts.gaps] == []
    said = estate.explain(case.who, case.permission, case.resource)
    assert (said.today, said.answer) == (case.today, case.answer or case.today), (
        said.because
    )
    assert bool(said.chains) >= (said.answer == YES)
    holders = estate.who_can(case.permission, case.resource)
    told = {one.identity.key: one.answer for one in holders.holders}
    listed = told.get(said.principal)
    many = any(key.startswith(MANY) for key in told)  # listed as written
    if case.today == YES:
        assert listed == YES or many, told
    elif case.today == NO:
        assert listed in (None, NO), told
    else:
        assert OPEN in (listed, *told.values()) or holders.unknown or many, told
    comes = {one.identity.key for one in (*holders.through, *holders.selves)}
    if said.principal in comes:
        assert said.answer == YES
    elif said.answer == YES != case.today:
        assert any("as one identity" in line for line in holders.assumes)
    held = estate.what_can(case.who)
    rows = [one for one in held.holdings if case.permission in one.permissions]
    answers = {one.answer for one in rows}
    if said.today == NO:
        assert YES not in {one.answer for one in rows if one.resource == said.resource}
    unchecked = any(isinstance(one, Data) for one in case.extras)
    if case.today == YES and not unchecked:
        assert YES in answers or OPEN in answers, held.holdings
