"""Random small organisations, and the exports that tell of them."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import strategies as st

CRM = "//cloudresourcemanager.googleapis.com"
ORG, FOLDER, INNER = "organizations/1", "folders/11", "folders/12"
SHOP, LAB = "projects/21", "projects/22"
PARENTS = {FOLDER: ORG, INNER: FOLDER, SHOP: INNER, LAB: ORG}
IDS = {SHOP: "shop", LAB: "lab"}
SERVICE = "//run.googleapis.com/projects/shop/locations/r/services/api"
JOB = "//run.googleapis.com/projects/lab/locations/r/jobs/nightly"
OF_PROJECT = {SERVICE: SHOP, JOB: LAB}
PLACES = (ORG, FOLDER, INNER, SHOP, LAB, SERVICE, JOB)

ETL, BOT = "etl@shop.iam.gserviceaccount.com", "bot@lab.iam.gserviceaccount.com"
ACCOUNTS = {ETL: SHOP, BOT: LAB}
UNIQUE_IDS = {ETL: "1001", BOT: "1002"}
USERS = ("ann@x.example", "bob@y.example")
POOL = "projects/21/locations/global/workloadIdentityPools/ci"
RUNNER = f"principal://iam.googleapis.com/{POOL}/subject/main"
GROUPS = ("g1@x.example", "g2@x.example", "g3@x.example")
WHO = (
    *(f"user:{user}" for user in USERS),
    *(f"serviceAccount:{account}" for account in ACCOUNTS),
    RUNNER,
)
MEMBERS = (
    *WHO,
    *(f"group:{group}" for group in GROUPS),
    *("allUsers", "allAuthenticatedUsers", "domain:x.example"),
    f"principalSet://iam.googleapis.com/{POOL}/*",
    f"principalSet://iam.googleapis.com/{POOL}/group/devs",
    f"principalSet://iam.googleapis.com/{POOL}/attribute.repo/a",
    f"principalSet:{CRM}/projects/21/type/ServiceAccount",
    f"principalSet:{CRM}/folders/11/type/ServiceAccount",
    f"deleted:serviceAccount:{ETL}?uid=999",
)
INVOKE, RUN = "run.routes.invoke", "run.jobs.run"
PERMISSIONS = (INVOKE, RUN)
CUSTOM = "projects/shop/roles/custom"
# what the shipped catalogue says of predefined roles; None: as the export tells
ROLES: dict[str, frozenset[str] | None] = {
    "roles/run.invoker": frozenset({INVOKE, RUN}),
    "roles/run.servicesInvoker": frozenset({INVOKE}),
    "roles/storage.objectViewer": frozenset(),
    CUSTOM: None,
}
# conditions, with what becomes of them on Cloud Run at AS_OF
AS_OF = "2026-11-30T08:00:00Z"
CONDITIONS: dict[str, bool | None] = {
    'request.time < timestamp("2027-01-01T00:00:00Z")': True,
    'request.time < timestamp("2020-01-01T00:00:00Z")': False,
    'resource.name.startsWith("projects/")': False,
    'request.path == "/x"': None,
}
TAGGED = "resource.matchTag('1/env', 'prod')"
KEY, PROD, DEV = "tagKeys/5", "tagValues/6", "tagValues/7"
DENIED = (
    "run.googleapis.com/routes.invoke",
    "run.googleapis.com/jobs.*",
    "run.googleapis.com/*.*",
    "storage.googleapis.com/*.*",
)
V2 = {
    **{f"user:{user}": f"principal://goog/subject/{user}" for user in USERS},
    **{
        f"serviceAccount:{one}": (
            f"principal://iam.googleapis.com/projects/-/serviceAccounts/{one}"
        )
        for one in ACCOUNTS
    },
    **{f"group:{group}": f"principalSet://goog/group/{group}" for group in GROUPS},
    "allUsers": "principalSet://goog/public:all",
}
# members of deny policies; what is not in V2 is spelt alike
DENIED_MEMBERS = tuple(
    m for m in MEMBERS if m[:6] not in ("allAut", "domain", "delete")
)
SETS = (
    f"{CRM}/{SHOP}",
    f"{CRM}/projects/lab",
    f"{CRM}/{FOLDER}",
    f"{CRM}/{ORG}",
    f"//iam.googleapis.com/{POOL}",
    "//iam.googleapis.com/locations/global/workspace/C1",
)
OF_PRINCIPAL = (
    "principal.type == 'iam.googleapis.com/ServiceAccount'",
    f"principal.subject != '{ETL}'",
)


class Grant(NamedTuple):
    """A binding."""

    place: str
    role: str
    members: tuple[str, ...]
    condition: str = ""


class Denial(NamedTuple):
    """A deny policy of one rule."""

    place: str
    principals: tuple[str, ...]
    exceptions: tuple[str, ...]
    permissions: tuple[str, ...]
    except_permissions: tuple[str, ...]
    tagged: bool
    listed: bool = True  # False: only its name was read


class Fence(NamedTuple):
    """An access boundary and the sets it is bound to, with a condition each."""

    resources: tuple[str, ...]
    version: str
    sets: tuple[tuple[str, str], ...]


class Organisation(NamedTuple):
    """All that exports may tell of one organisation."""

    grants: tuple[Grant, ...]
    denials: tuple[Denial, ...] = ()
    fences: tuple[Fence, ...] = ()
    groups: tuple[tuple[str, tuple[str, ...] | None], ...] = ()  # None: not listed
    custom: tuple[str, ...] | None = ()  # None: not read
    custom_state: str = "GA"
    tags: tuple[tuple[str, str], ...] | None = None  # place, value; None: not given
    adrift: tuple[str, ...] = ()  # projects of which nobody says what is above


def _few(items: tuple[str, ...], least: int = 0, most: int = 2) -> Any:
    return st.lists(
        st.sampled_from(items), min_size=least, max_size=most, unique=True
    ).map(tuple)


GRANTS = st.builds(
    Grant,
    st.sampled_from(PLACES),
    st.sampled_from(sorted(ROLES)),
    _few(MEMBERS, 1, 3),
    st.sampled_from(["", "", "", *sorted(CONDITIONS), TAGGED]),
)
DENIALS = st.builds(
    Denial,
    st.sampled_from((ORG, FOLDER, INNER, SHOP, LAB)),
    _few(DENIED_MEMBERS, 1),
    _few(tuple(m for m in DENIED_MEMBERS if m != "allUsers")),
    _few(DENIED, 1),
    _few(DENIED[:2]),
    st.booleans(),
    st.sampled_from([True, True, True, False]),
)
FENCES = st.builds(
    Fence,
    _few((ORG, FOLDER, SHOP, LAB), 0),
    st.sampled_from(["1", "2", "4", "latest", "9"]),
    st.lists(
        st.tuples(st.sampled_from(SETS), st.sampled_from(["", "", *OF_PRINCIPAL])),
        min_size=1,
        max_size=2,
        unique=True,
    ).map(tuple),
)
_IN_GROUPS = tuple(m for m in MEMBERS if m[:5] in ("user:", "servi", "group"))
ORGANISATIONS = st.builds(
    Organisation,
    st.lists(GRANTS, min_size=1, max_size=5).map(tuple),
    st.lists(DENIALS, max_size=2).map(tuple),
    st.lists(FENCES, max_size=2).map(tuple),
    st.tuples(
        *(
            st.tuples(st.just(group), st.none() | _few(_IN_GROUPS, 0, 3))
            for group in GROUPS
        )
    ),
    st.none() | _few(PERMISSIONS),
    st.sampled_from(["GA", "GA", "GA", "DISABLED", "deleted"]),
    st.none()
    | st.lists(
        st.tuples(st.sampled_from(PLACES), st.sampled_from([PROD, DEV])),
        max_size=3,
        unique_by=lambda one: one[0],
    ).map(tuple),
    st.sampled_from([(), (), (), (LAB,), (SHOP,)]),
)
QUESTIONS = st.tuples(
    st.sampled_from(WHO), st.sampled_from(PERMISSIONS), st.sampled_from([SERVICE, JOB])
)


def granting(organisation: Organisation, who: str) -> Organisation:
    """Return the organisation with all of it granted: what takes away then shows."""
    sure = Grant(ORG, "roles/run.invoker", (who,))
    near = tuple(Grant(place, "roles/run.invoker", (who,)) for place in (SHOP, LAB))
    return organisation._replace(grants=(*organisation.grants, sure, *near))


# --------------------------------------------------------------------------- exports


def write(organisation: Organisation, folder: Path) -> None:
    """Write an organisation as exports: assets, and a file for each other layer."""
    files: dict[str, list[Any]] = {
        "assets.json": list(_assets(organisation)),
        "deny.json": [_denial(n, one) for n, one in enumerate(organisation.denials)],
        "boundaries.json": [
            shape
            for number, one in enumerate(organisation.fences)
            for shape in _fence(number, one)
        ],
        "tags.json": list(_tags(organisation)),
    }
    for group, members in organisation.groups:
        if members is not None:
            files[f"{group}.json"] = [_member(one) for one in members]
    for name, content in files.items():
        if content or "@" in name:
            (folder / name).write_text(json.dumps(content))


def _above(place: str, organisation: Organisation) -> list[str]:
    chain = [place]
    while chain[-1] in PARENTS and chain[-1] not in organisation.adrift:
        chain.append(PARENTS[chain[-1]])
    return chain


def full(place: str) -> str:
    """Return the full resource name of a place."""
    return place if place.startswith("//") else f"{CRM}/{place}"


def _assets(organisation: Organisation) -> Any:
    kinds = {"org": "Organization", "fol": "Folder", "pro": "Project"}
    for place in (ORG, FOLDER, INNER, SHOP, LAB):
        data: dict[str, Any] = {"name": place, "lifecycleState": "ACTIVE"}
        if place in IDS:
            data |= {"projectId": IDS[place], "projectNumber": place[9:]}
        yield _asset(
            full(place), f"{CRM[2:]}/{kinds[place[:3]]}", data, place, organisation
        )
    for name, project in OF_PROJECT.items():
        kind = "Service" if name == SERVICE else "Job"
        yield _asset(name, f"run.googleapis.com/{kind}", {}, project, organisation)
    for email, project in ACCOUNTS.items():
        name = f"//iam.googleapis.com/projects/{IDS[project]}/serviceAccounts/{UNIQUE_IDS[email]}"
        data = {
            "email": email,
            "uniqueId": UNIQUE_IDS[email],
            "projectId": IDS[project],
        }
        kind = "iam.googleapis.com/ServiceAccount"
        yield _asset(name, kind, data, project, organisation)
    if organisation.custom is not None:
        role: dict[str, Any] = {
            "name": CUSTOM,
            "title": "Custom",
            "includedPermissions": organisation.custom,
            "stage": "GA",
        }
        if organisation.custom_state == "deleted":
            role["deleted"] = True
        else:
            role["stage"] = organisation.custom_state
        yield role


def _asset(
    name: str, kind: str, data: Any, place: str, organisation: Organisation
) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "name": name,
        "assetType": kind,
        "resource": {"data": data},
    }
    policy = _policy(name, organisation)
    if policy or kind.endswith(("Project", "Folder", "Organization")):
        asset["iamPolicy"] = {"bindings": policy}
    chain = _above(place, organisation)
    adrift = chain[-1] != ORG and place == chain[-1]
    if not adrift:
        asset["ancestors"] = chain
    return asset


def _policy(name: str, organisation: Organisation) -> list[Any]:
    return [
        {
            "role": grant.role,
            "members": grant.members,
            **(
                {"condition": {"title": "t", "expression": grant.condition}}
                if grant.condition
                else {}
            ),
        }
        for grant in organisation.grants
        if full(grant.place) == name
    ]


def _denial(number: int, denial: Denial) -> Any:
    at = f"{CRM[2:]}/{denial.place}".replace("/", "%2F")
    policy: dict[str, Any] = {"name": f"policies/{at}/denypolicies/d{number}"}
    if denial.listed:
        rule: dict[str, Any] = {
            "deniedPrincipals": [V2.get(one, one) for one in denial.principals],
            "exceptionPrincipals": [V2.get(one, one) for one in denial.exceptions],
            "deniedPermissions": denial.permissions,
            "exceptionPermissions": denial.except_permissions,
        }
        if denial.tagged:
            rule["denialCondition"] = {"expression": TAGGED}
        policy["rules"] = [{"denyRule": rule}]
    return policy


def _fence(number: int, fence: Fence) -> Any:
    name = f"{ORG}/locations/global/principalAccessBoundaryPolicies/b{number}"
    rules = [{"resources": [full(one) for one in fence.resources], "effect": "ALLOW"}]
    details = {"rules": rules, "enforcementVersion": fence.version}
    yield {"name": name, "details": details}
    for index, (principals, condition) in enumerate(fence.sets):
        binding: dict[str, Any] = {
            "name": f"{ORG}/locations/global/policyBindings/b{number}-{index}",
            "target": {"principalSet": principals},
            "policyKind": "PRINCIPAL_ACCESS_BOUNDARY",
            "policy": name,
        }
        if condition:
            binding["condition"] = {"expression": condition}
        yield binding


def _tags(organisation: Organisation) -> Any:
    if organisation.tags is None:
        return
    yield {"name": KEY, "shortName": "env", "namespacedName": "1/env"}
    for value, short in ((PROD, "prod"), (DEV, "dev")):
        yield {"name": value, "parent": KEY, "shortName": short,
               "namespacedName": f"1/env/{short}"}  # fmt: skip
    for place, value in organisation.tags:
        name = f"tagBindings/{place.replace('/', '%2F')}/{value}"
        yield {"name": name, "parent": full(place), "tagValue": value}


def _member(key: str) -> Any:
    kind, _, email = key.partition(":")
    types = {"user": "USER", "group": "GROUP", "serviceAccount": "SERVICE_ACCOUNT"}
    return {
        "name": "groups/x/memberships/y",
        "preferredMemberKey": {"id": email},
        "type": types[kind],
    }
