"""Small exports for hard questions: one organisation, and what each case adds to it."""

import json
from pathlib import Path
from typing import Any, cast
from zlib import crc32

CRM = "//cloudresourcemanager.googleapis.com"
ORG, OUTER, INNER = "organizations/1", "folders/11", "folders/12"
SHOP, LAB = "projects/21", "projects/22"
ABOVE = {
    ORG: [ORG],
    OUTER: [OUTER, ORG],
    INNER: [INNER, OUTER, ORG],
    SHOP: [SHOP, INNER, OUTER, ORG],
    LAB: [LAB, ORG],
}
IDS = {SHOP: "shop", LAB: "lab"}
AS_OF = "2026-11-30T08:00:00Z"  # a Monday, nine in Berlin


def mail(name: str, project: str = "shop") -> str:
    """Return the e-mail of an account."""
    return f"{name}@{project}.iam.gserviceaccount.com"


APP, DEP, VIA, ENV, OFF = map(mail, ("app", "dep", "via", "env", "off"))
BOT = mail("bot", "lab")
ACCOUNTS = {APP: SHOP, DEP: SHOP, VIA: SHOP, ENV: SHOP, OFF: SHOP, BOT: LAB}
UIDS = {account: str(1001 + number) for number, account in enumerate(ACCOUNTS)}
API = "//run.googleapis.com/projects/shop/locations/r/services/api"
WEB = "//run.googleapis.com/projects/shop/locations/r/services/web"
NIGHTLY = "//run.googleapis.com/projects/lab/locations/r/jobs/nightly"
AIRFLOW = "//composer.googleapis.com/projects/shop/locations/r/environments/etl"
DAGS = "//storage.googleapis.com/dags"
_IAM = "iam.googleapis.com"
POOL = "projects/21/locations/global/workloadIdentityPools/ci"
CLOSED = "projects/21/locations/global/workloadIdentityPools/closed"
PODS = "projects/21/locations/global/workloadIdentityPools/shop.svc.id.goog"
STAFF = "locations/global/workforcePools/staff"

Export = dict[str, Any]


def sa(account: str) -> str:
    """Return the member of an account."""
    return f"serviceAccount:{account}"


def principal(pool: str, subject: str) -> str:
    """Return the member of one subject of a pool."""
    return f"principal://{_IAM}/{pool}/subject/{subject}"


def all_of(pool: str, what: str = "*") -> str:
    """Return the member of a set of a pool."""
    return f"principalSet://{_IAM}/{pool}/{what}"


class Grant:
    """A binding that a case adds."""

    def __init__(self, on: str, role: str, *members: str, when: str = "") -> None:
        """Grant `role` to members (an account by its e-mail) on a place or account."""
        self.on = account_name(on) if on in ACCOUNTS else name_of(on)
        members = tuple(sa(one) if one in ACCOUNTS else one for one in members)
        self.binding: Export = {"role": role, "members": list(members)}
        if when:
            self.binding["condition"] = {"title": "t", "expression": when}


def name_of(place: str) -> str:
    """Return the full resource name of a place."""
    return place if place.startswith("//") else f"{CRM}/{place}"


def account_name(account: str) -> str:
    """Return the name of an account's asset."""
    project = IDS[ACCOUNTS[account]]
    return f"//{_IAM}/projects/{project}/serviceAccounts/{UIDS[account]}"


def role(name: str, *permissions: str, **more: Any) -> Export:
    """Return what `gcloud iam roles describe` prints."""
    return {
        "name": name,
        "includedPermissions": list(permissions),
        "stage": "GA",
        **more,
    }


def deny(
    on: str,
    who: list[str],
    what: list[str],
    but: list[str] | None = None,
    keep: list[str] | None = None,
    when: str = "",
) -> Export:
    """Return a deny policy of one rule, in the spelling of its API."""
    rule: Export = {"deniedPrincipals": who, "deniedPermissions": what}
    if but:
        rule["exceptionPrincipals"] = but
    if keep:
        rule["exceptionPermissions"] = keep
    if when:
        rule["denialCondition"] = {"expression": when}
    at = f"cloudresourcemanager.googleapis.com%2F{on.replace('/', '%2F')}"
    digest = crc32(repr((on, who, what)).encode())
    return {
        "name": f"policies/{at}/denypolicies/d{digest}",
        "uid": "u",
        "rules": [{"denyRule": rule}],
    }


def denied(account: str) -> str:
    """Return an account as deny policies spell it."""
    return f"principal://{_IAM}/projects/-/serviceAccounts/{account}"


EVERYONE = "principalSet://goog/public:all"


def group(name: str, *members: str) -> Export:
    """Return the members of a group, as a response of the API with its key."""
    kinds = {"user": "USER", "group": "GROUP", "serviceAccount": "SERVICE_ACCOUNT"}
    listed: list[Export] = []
    for one in members:
        kind, _, key = (sa(one) if one in ACCOUNTS else one).partition(":")
        federated = kind not in kinds
        listed.append(
            {
                "preferredMemberKey": {"id": one if federated else key},
                "type": "OTHER" if federated else kinds[kind],
                "name": "groups/x/memberships/y",
                "roles": [{"name": "MEMBER"}],
            }
        )
    return {"groupKey": {"id": name}, "memberships": listed}


def fence(
    listed: list[str], bound: str, version: str = "4", when: str = ""
) -> list[Export]:
    """Return an access boundary and its binding."""
    name = f"{ORG}/locations/global/principalAccessBoundaryPolicies/b"
    rules = [{"resources": [name_of(one) for one in listed], "effect": "ALLOW"}]
    binding: Export = {
        "name": f"{ORG}/locations/global/policyBindings/b",
        "target": {"principalSet": bound},
        "policyKind": "PRINCIPAL_ACCESS_BOUNDARY",
        "policy": name,
        "uid": "u",
    }
    if when:
        binding["condition"] = {"expression": when}
    return [
        {
            "name": name,
            "uid": "u",
            "details": {"rules": rules, "enforcementVersion": version},
        },
        binding,
    ]


def tags(*bound: tuple[str, str]) -> list[Export]:
    """Return a tag key `env` with two values, and what bears them."""
    values = {"prod": "tagValues/6", "dev": "tagValues/7"}
    found: list[Export] = [
        {"name": "tagKeys/5", "shortName": "env", "namespacedName": "1/env"}
    ]
    for short, value in values.items():
        found.append(
            {
                "name": value,
                "parent": "tagKeys/5",
                "shortName": short,
                "namespacedName": f"1/env/{short}",
            }
        )
    for place, short in bound:
        found.append(
            {
                "name": f"tagBindings/{place.replace('/', '%2F')}/{values[short]}",
                "parent": name_of(place),
                "tagValue": values[short],
            }
        )
    return found


def ban(constraint: str, on: str = ORG) -> Export:
    """Return an enforced organisation policy, as an asset."""
    return {
        "name": f"//orgpolicy.googleapis.com/{on}/policies/{constraint}",
        "assetType": "orgpolicy.googleapis.com/Policy",
        "resource": {
            "data": {
                "name": f"{on}/policies/{constraint}",
                "spec": {"rules": [{"enforce": True}]},
            }
        },
        "ancestors": ABOVE[on],
    }


def listed(constraint: str, *allowed: str, on: str = ORG) -> Export:
    """Return an organisation policy that allows some values alone."""
    policy = ban(constraint, on)
    rules = [{"values": {"allowedValues": list(allowed)}}]
    policy["resource"]["data"]["spec"]["rules"] = rules
    return policy


class Data:
    """What a case changes in the data of a resource."""

    def __init__(self, name: str, **data: Any) -> None:
        """Add fields to the resource's data."""
        self.name, self.data = name, data


class Unread:
    """A resource of which a case lacks the data, or some fields of it."""

    def __init__(self, name: str, *fields: str) -> None:
        """Take away fields; without any, all data."""
        self.name, self.fields = name, fields


def _asset(kind: str, name: str, place: str, data: Export) -> Export:
    return {
        "name": name,
        "assetType": kind,
        "resource": {"data": data},
        "ancestors": ABOVE[place],
    }


def _run(name: str, account: str) -> Export:
    kind, place = ("Job", LAB) if "/jobs/" in name else ("Service", SHOP)
    template: Export = {"serviceAccount": account}
    data: Export = {
        "sshEnabled": False,
        "template": {"template": template} if kind == "Job" else template,
    }
    return _asset(f"run.googleapis.com/{kind}", name, place, data)


def _pool(name: str, **more: Any) -> list[Export]:
    kind = "Workforce" if "workforce" in name else "WorkloadIdentity"
    place = ORG if kind == "Workforce" else SHOP
    mapping = {
        "google.subject": "assertion.sub",
        "attribute.repo": "assertion.repository",
        "google.groups": "assertion.groups",
    }
    provider = {
        "state": "ACTIVE",
        "attributeMapping": mapping,
        "oidc": {"issuerUri": "https://issuer.example"},
    }
    parent = {"parent": ORG} if kind == "Workforce" else {}
    return [
        _asset(
            f"{_IAM}/{kind}Pool",
            f"//{_IAM}/{name}",
            place,
            {"state": "ACTIVE", **parent, **more},
        ),
        _asset(
            f"{_IAM}/{kind}PoolProvider",
            f"//{_IAM}/{name}/providers/oidc",
            place,
            provider,
        ),
    ]


def base() -> dict[str, Export]:
    """Return the assets that every case has, by name."""
    kinds = {
        ORG: "Organization",
        OUTER: "Folder",
        INNER: "Folder",
        SHOP: "Project",
        LAB: "Project",
    }
    found: list[Export] = []
    for place, kind in kinds.items():
        data: Export = {"name": place, "lifecycleState": "ACTIVE"}
        if place in IDS:
            data |= {"projectId": IDS[place], "projectNumber": place[9:]}
        found.append(
            _asset(f"{CRM[2:]}/{kind}", name_of(place), place, data)
            | {"iamPolicy": {"bindings": []}}
        )
    for account, place in ACCOUNTS.items():
        data = {
            "email": account,
            "uniqueId": UIDS[account],
            "projectId": IDS[place],
            "disabled": account == OFF,
        }
        found.append(
            _asset(f"{_IAM}/ServiceAccount", account_name(account), place, data)
        )
    found += [_run(API, APP), _run(WEB, APP), _run(NIGHTLY, BOT)]
    environment = {
        "config": {
            "nodeConfig": {"serviceAccount": ENV},
            "dagGcsPrefix": "gs://dags/dags",
        },
        "storageConfig": {"bucket": "dags"},
        "state": "RUNNING",
    }
    found.append(
        _asset("composer.googleapis.com/Environment", AIRFLOW, SHOP, environment)
    )
    found.append(
        _asset("storage.googleapis.com/Bucket", DAGS, SHOP, {"projectNumber": "21"})
    )
    found += [*_pool(POOL), *_pool(CLOSED, disabled=True), *_pool(STAFF)]
    return {one["name"]: one for one in found}


def write(extras: tuple[Any, ...], folder: Path) -> Path:
    """Write the organisation with what a case adds; return the file."""
    assets, beside = base(), list[Export]()
    for extra in extras:
        several: tuple[Any, ...] = (extra,)
        if isinstance(extra, list):
            several = tuple(cast("list[Export]", extra))
        for one in several:
            if isinstance(one, Grant):
                asset = assets.setdefault(
                    one.on, {"name": one.on, "assetType": "x.googleapis.com/Y"}
                )
                asset.setdefault("iamPolicy", {"bindings": []})["bindings"].append(
                    one.binding
                )
            elif isinstance(one, Data):
                assets[one.name]["resource"]["data"] |= one.data
            elif isinstance(one, Unread) and not one.fields:
                del assets[one.name]["resource"]
                assets[one.name].setdefault("iamPolicy", {"bindings": []})
            elif isinstance(one, Unread):
                for field in one.fields:
                    del assets[one.name]["resource"]["data"][field]
            else:
                beside.append(one)
    path = folder / "export.json"
    path.write_text(json.dumps([*assets.values(), *beside]))
    return path
