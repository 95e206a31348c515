"""From assets, as exports spell them, to facts."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from dagwarden.facts import Condition, Facts, Origin, Secret
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots
from dagwarden.sources.snapshot.workloads import NOT_GIVEN

KEY = Fingerprint(b"a key", True)
CRM = "//cloudresourcemanager.googleapis.com"
CRM_TYPE = "cloudresourcemanager.googleapis.com"
ABOVE = ["projects/71", "folders/8", "organizations/9"]
FULL_ABOVE = (f"{CRM}/projects/71", f"{CRM}/folders/8", f"{CRM}/organizations/9")
RUN = "//run.googleapis.com/projects/shop/locations/europe-west1"
EMAIL = "etl@shop.iam.gserviceaccount.com"

Json = dict[str, Any]


def asset(
    name: str, kind: str, *, ancestors: list[str] | None = None, **content: Any
) -> Json:
    found: Json = {"name": name, "assetType": kind, **content}
    return found | ({"ancestors": ancestors} if ancestors else {})


def data(
    name: str, kind: str, fields: Json, ancestors: list[str] | None = None
) -> Json:
    resource = {"version": "v1", "data": fields}
    return asset(name, kind, resource=resource, ancestors=ancestors or ABOVE)


ORGANIZATION = data(
    f"{CRM}/organizations/9",
    f"{CRM_TYPE}/Organization",
    {"name": "organizations/9", "displayName": "shop.test", "lifecycleState": "ACTIVE"},
    ["organizations/9"],
)
FOLDER = data(
    f"{CRM}/folders/8",
    f"{CRM_TYPE}/Folder",
    {"name": "folders/8", "parent": "organizations/9", "lifecycleState": "ACTIVE"},
    ["folders/8", "organizations/9"],
)
PROJECT = data(
    f"{CRM}/projects/71",
    f"{CRM_TYPE}/Project",
    {"projectId": "shop", "projectNumber": "71", "lifecycleState": "ACTIVE"},
)
ACCOUNT = data(
    "//iam.googleapis.com/projects/shop/serviceAccounts/1001",
    "iam.googleapis.com/ServiceAccount",
    {"email": EMAIL, "uniqueId": "1001", "projectId": "shop"},
)


def policy(name: str, kind: str, bindings: list[Json], **more: Any) -> Json:
    return asset(name, kind, iamPolicy={"bindings": bindings, **more}, ancestors=ABOVE)


def facts(tmp_path: Path, *assets: Json, include_sys_projects: bool = False) -> Facts:
    path = tmp_path / "export.json"
    path.write_text("".join(json.dumps(one) + "\n" for one in assets))
    return read_snapshots(
        [path],
        tmp_path,
        include_sys_projects=include_sys_projects,
        fingerprint=KEY,
    )


# ------------------------------------------------------------------------ hierarchy


def test_containers_have_one_name_and_their_ancestors(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, FOLDER, ORGANIZATION)
    assert [(r.id, r.kind, r.ancestors) for r in found.resources] == [
        (FULL_ABOVE[1], "folder", (FULL_ABOVE[2],)),
        (FULL_ABOVE[2], "organization", ()),
        (FULL_ABOVE[0], "project", FULL_ABOVE[1:]),
    ]
    project = found.resources[-1]
    assert (project.project_id, project.project_number) == ("shop", "71")
    assert project.state == "ACTIVE"
    assert project.origin == Origin(source="export.json", line=1)


@pytest.mark.parametrize(
    "fields",
    [
        {"projectId": "shop", "projectNumber": "71", "lifecycleState": "ACTIVE"},
        {"projectId": "shop", "projectNumber": 71.0, "lifecycleState": "ACTIVE"},
        {"projectId": "shop", "name": "projects/71", "state": "ACTIVE"},
        {"projectId": "shop", "name": "projects/71", "state": 1},
    ],
)
@pytest.mark.parametrize("name", ["projects/71", "projects/shop"])
def test_a_project_goes_by_number_whatever_its_record(
    tmp_path: Path, fields: Json, name: str
) -> None:
    found = facts(tmp_path, data(f"{CRM}/{name}", f"{CRM_TYPE}/Project", fields))
    project = next(r for r in found.resources if r.kind == "project")
    assert (project.id, project.state) == (FULL_ABOVE[0], "ACTIVE")
    assert (project.project_id, project.project_number) == ("shop", "71")


@pytest.mark.parametrize(
    "parents",
    [
        {"folder": "folders/8", "project": {"type": "folder", "id": "8"}},
        {"folder": "folders/8", "project": "folders/8"},
    ],
)
def test_without_ancestors_the_parents_tell(tmp_path: Path, parents: Json) -> None:
    project = {
        "projectId": "shop",
        "projectNumber": "71",
        "parent": parents["project"],
    }
    found = facts(
        tmp_path,
        asset(f"{CRM}/projects/71", f"{CRM_TYPE}/Project", resource={"data": project}),
        asset(
            f"{CRM}/folders/8",
            f"{CRM_TYPE}/Folder",
            resource={"data": {"parent": "organizations/9"}},
        ),
        asset(
            "//storage.googleapis.com/dags",
            "storage.googleapis.com/Bucket",
            resource={"data": {"projectNumber": "71"}},
        ),
    )
    by_kind = {r.kind: r for r in found.resources}
    assert by_kind["project"].ancestors == FULL_ABOVE[1:]
    assert by_kind["bucket"].ancestors == FULL_ABOVE
    assert by_kind["bucket"].project_id == "shop"


def test_an_unknown_parent_leaves_ancestors_unresolved(tmp_path: Path) -> None:
    lone = asset(
        f"{CRM}/projects/71",
        f"{CRM_TYPE}/Project",
        resource={"data": {"projectId": "shop", "projectNumber": "71"}},
    )
    (project,) = facts(tmp_path, lone).resources
    assert project.ancestors is UNSET
    assert [(u.field, u.reason, u.symbol) for u in project.unresolved] == [
        ("ancestors", "layer", f"ancestors of {CRM}/projects/71")
    ]


def test_parents_in_a_circle_end(tmp_path: Path) -> None:
    def folder(number: str, parent: str) -> Json:
        resource = {"data": {"parent": f"folders/{parent}"}}
        return asset(f"{CRM}/folders/{number}", f"{CRM_TYPE}/Folder", resource=resource)

    found = facts(tmp_path, folder("1", "2"), folder("2", "1"))
    assert [r.ancestors for r in found.resources] == [UNSET, UNSET]


# ------------------------------------------------------------------------- policies


def test_bindings_are_normalised_and_say_where_they_stand(tmp_path: Path) -> None:
    condition = {"title": "night", "expression": 'request.time < timestamp("x")'}
    found = facts(
        tmp_path,
        PROJECT,
        ACCOUNT,
        policy(
            "//run.googleapis.com/projects/71/locations/europe-west1/services/orders",
            "run.googleapis.com/Service",
            [
                {"role": "roles/run.invoker", "members": ["user:B@X.test", "allUsers"]},
                {"role": "roles/run.invoker", "members": ["user:a@x.test"]},
                {
                    "role": "roles/run.invoker",
                    "members": [f"serviceAccount:{EMAIL.upper()}"],
                    "condition": condition,
                },
            ],
        ),
        policy(
            "//iam.googleapis.com/projects/71/serviceAccounts/1001",
            "iam.googleapis.com/ServiceAccount",
            [{"role": "roles/iam.serviceAccountUser", "members": ["group:g@x.test"]}],
        ),
    )
    on_service = f"{RUN}/services/orders"
    on_account = f"//iam.googleapis.com/projects/shop/serviceAccounts/{EMAIL}"
    assert [(b.resource, b.members, b.condition) for b in found.bindings] == [
        (on_account, ("group:g@x.test",), None),
        (on_service, ("allUsers", "user:a@x.test", "user:b@x.test"), None),
        (
            on_service,
            (f"serviceAccount:{EMAIL}",),
            Condition(expression='request.time < timestamp("x")', title="night"),
        ),
    ]
    assert found.bindings[1].id == f"binding:{on_service}#roles/run.invoker"
    assert found.bindings[2].id.startswith(f"binding:{on_service}#roles/run.invoker#")
    assert found.bindings[2].origin == Origin(
        source="export.json", line=3, field="iamPolicy.bindings[2]"
    )


@pytest.mark.parametrize(
    ("member", "key", "kind", "email"),
    [
        ("user:A@X.test", "user:a@x.test", "user", "a@x.test"),
        ("group:g@x.test", "group:g@x.test", "group", "g@x.test"),
        ("domain:X.test", "domain:x.test", "domain", None),
        ("allUsers", "allUsers", "all_users", None),
        (
            "allAuthenticatedUsers",
            "allAuthenticatedUsers",
            "all_authenticated_users",
            None,
        ),
        (
            f"serviceAccount:{EMAIL}",
            f"serviceAccount:{EMAIL}",
            "service_account",
            EMAIL,
        ),
        (
            "serviceAccount:service-7@gcp-sa-pubsub.iam.gserviceaccount.com",
            "serviceAccount:service-7@gcp-sa-pubsub.iam.gserviceaccount.com",
            "service_agent",
            "service-7@gcp-sa-pubsub.iam.gserviceaccount.com",
        ),
        (
            "serviceAccount:7@cloudservices.gserviceaccount.com",
            "serviceAccount:7@cloudservices.gserviceaccount.com",
            "service_agent",
            "7@cloudservices.gserviceaccount.com",
        ),
        # anyone may call an account of their own project so
        (
            "serviceAccount:service-7@evil.iam.gserviceaccount.com",
            "serviceAccount:service-7@evil.iam.gserviceaccount.com",
            "service_account",
            "service-7@evil.iam.gserviceaccount.com",
        ),
        ("projectOwner:shop", "projectOwner:shop", "project_role", None),
        (
            f"deleted:serviceAccount:{EMAIL}?uid=1001",
            f"deleted:serviceAccount:{EMAIL}?uid=1001",
            "deleted",
            EMAIL,
        ),
        (
            "serviceAccount:shop.svc.id.goog[NS/airflow]",
            "serviceAccount:shop.svc.id.goog[NS/airflow]",
            "federated",
            None,
        ),
        (
            (
                "principalSet://iam.googleapis.com/projects/71/locations/global/"
                "workloadIdentityPools/ci/*"
            ),
            (
                "principalSet://iam.googleapis.com/projects/71/locations/global/"
                "workloadIdentityPools/ci/*"
            ),
            "federated",
            None,
        ),
        # all accounts of a project: who that is, is not known here
        (
            f"principalSet:{CRM}/projects/71/type/ServiceAccount",
            f"principalSet:{CRM}/projects/71/type/ServiceAccount",
            "unknown",
            None,
        ),
        ("nonsense", "nonsense", "unknown", None),
    ],
)
def test_every_member_is_an_identity(
    tmp_path: Path, member: str, key: str, kind: str, email: str | None
) -> None:
    found = facts(
        tmp_path,
        PROJECT,
        policy(
            f"{CRM}/projects/71",
            f"{CRM_TYPE}/Project",
            [{"role": "roles/viewer", "members": [member]}],
        ),
    )
    assert [(i.key, i.kind, i.email) for i in found.identities] == [(key, kind, email)]
    assert found.bindings[0].members == (key,)


@pytest.mark.parametrize("condition", [None, {"expression": "true", "title": "t"}])
def test_a_binding_says_which_of_its_members_were_deleted(
    tmp_path: Path, condition: dict[str, str] | None
) -> None:
    gone = [
        "deleted:group:old@p.example?uid=8",
        f"deleted:serviceAccount:{EMAIL}?uid=9",
    ]
    entries: list[dict[str, Any]] = [
        {"role": "roles/viewer", "members": ["user:a@p.example"]},
        {"role": "roles/editor", "members": [gone[1], "user:a@p.example", gone[0]]},
        {"role": "roles/owner", "members": [gone[0]]},
    ]
    if condition is not None:
        entries[1]["condition"] = condition
    place = f"{CRM}/projects/71"
    found = facts(tmp_path, PROJECT, policy(place, f"{CRM_TYPE}/Project", entries))
    assert {one.role: one.deleted_members for one in found.bindings} == {
        "roles/viewer": (),
        "roles/editor": tuple(gone),
        "roles/owner": (gone[0],),
    }


def test_an_accounts_record_says_more_than_its_member(tmp_path: Path) -> None:
    compute = "71-compute@developer.gserviceaccount.com"
    found = facts(
        tmp_path,
        policy(
            f"{CRM}/projects/71",
            f"{CRM_TYPE}/Project",
            [
                {
                    "role": "roles/editor",
                    "members": [f"serviceAccount:{compute}", f"serviceAccount:{EMAIL}"],
                }
            ],
        ),
        PROJECT,
        ACCOUNT,
    )
    default, etl = found.identities
    assert (default.email, default.default_compute, default.project) == (
        compute,
        True,
        "shop",
    )
    assert default.disabled is UNSET
    assert [u.symbol for u in default.unresolved] == [
        f"the account record of serviceAccount:{compute}"
    ]
    assert (etl.unique_id, etl.disabled, etl.project) == ("1001", False, "shop")
    assert etl.unresolved == ()


def test_audit_configurations(tmp_path: Path) -> None:
    camel = [
        {
            "service": "allServices",
            "auditLogConfigs": [
                {"logType": "DATA_READ", "exemptedMembers": ["user:A@x.test"]},
                {"logType": "ADMIN_READ"},
            ],
        }
    ]
    snake = [
        {
            "service": "allServices",
            "audit_log_configs": [
                {"log_type": 3, "exempted_members": ["user:A@x.test"]},
                {"log_type": 1},
            ],
        }
    ]
    for more in ({"auditConfigs": camel}, {"audit_configs": snake}):
        one = policy(f"{CRM}/projects/71", f"{CRM_TYPE}/Project", [], **more)
        (config,) = facts(tmp_path, PROJECT, one).audit_configs
        assert config.id == f"audit_config:{CRM}/projects/71#allServices"
        assert config.log_types == ("ADMIN_READ", "DATA_READ")
        assert config.exempted_members == ("user:a@x.test",)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ({"booleanPolicy": {"enforced": True}}, (True, (), ())),
        ({"boolean_policy": {"enforced": True}}, (True, (), ())),
        ({"boolean_policy": {}}, (False, (), ())),
        ({"listPolicy": {"deniedValues": ["a"]}}, (UNSET, (), ("a",))),
        ({"list_policy": {"all_values": 2}}, (UNSET, (), ("*",))),
        ({"listPolicy": {"allValues": "ALLOW"}}, (UNSET, ("*",), ())),
        ({"restoreDefault": {}}, (UNSET, (), ())),
    ],
)
@pytest.mark.parametrize("field", ["orgPolicy", "org_policy"])
def test_organisation_policies(
    tmp_path: Path, field: str, shape: Json, expected: tuple[object, ...]
) -> None:
    constraint = {"constraint": "constraints/iam.x", **shape}
    one = asset(
        f"{CRM}/projects/71",
        f"{CRM_TYPE}/Project",
        ancestors=ABOVE,
        **{field: [constraint]},
    )
    (found,) = facts(tmp_path, one).org_policies
    assert found.id == f"org_policy:{CRM}/projects/71#constraints/iam.x"
    assert (found.enforced, found.allowed, found.denied) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"rules": [{"enforce": True}]}, (True, (), ())),
        ({"rules": [{"enforce": False}]}, (False, (), ())),
        ({"rules": [{"enforce": True}, {"enforce": False, "condition": {"expression": "resource.matchTag('1/a', 'b')"}}]}, (UNSET, (), ())),
        ({"rules": [{"values": {"allowedValues": ["b", "a"], "deniedValues": ["c"]}}]}, (UNSET, ("a", "b"), ("c",))),
        ({"rules": [{"allowAll": True}]}, (UNSET, ("*",), ())),
        ({"rules": [{"denyAll": True}]}, (UNSET, (), ("*",))),
        ({"reset": True}, (UNSET, (), ())),
    ],
)  # fmt: skip
@pytest.mark.parametrize("on", ["organizations/9", "folders/8", "projects/71"])
@pytest.mark.parametrize("version", ["", "v2/"])
def test_organisation_policies_of_managed_constraints(
    tmp_path: Path, spec: Json, expected: tuple[object, ...], on: str, version: str
) -> None:
    name = f"{on}/policies/iam.managed.x"
    one = data(
        f"//orgpolicy.googleapis.com/{version}{name}",
        "orgpolicy.googleapis.com/Policy",
        {"name": name, "spec": spec},
        ABOVE[ABOVE.index(on) :],
    )
    (found,) = facts(tmp_path, one).org_policies
    assert found.id == f"org_policy:{CRM}/{on}#constraints/iam.managed.x"
    assert (found.enforced, found.allowed, found.denied) == expected
    assert found.reset == ("reset" in spec)
    assert found.conditional == ("condition" in str(spec))


def test_a_policy_that_is_only_tried_out_forbids_nothing(tmp_path: Path) -> None:
    name = "organizations/9/policies/iam.managed.x"
    one = data(
        f"//orgpolicy.googleapis.com/{name}",
        "orgpolicy.googleapis.com/Policy",
        {"name": name, "dryRunSpec": {"rules": [{"enforce": True}]}},
        ["organizations/9"],
    )
    assert facts(tmp_path, one).org_policies == ()


def test_lists_say_whether_they_inherit(tmp_path: Path) -> None:
    shape = {"allowedValues": ["a"], "inheritFromParent": True}
    one = asset(
        f"{CRM}/projects/71",
        f"{CRM_TYPE}/Project",
        ancestors=ABOVE,
        orgPolicy=[{"constraint": "constraints/x", "listPolicy": shape}],
    )
    (found,) = facts(tmp_path, one).org_policies
    assert (found.inherits, found.reset) == (True, False)


POLICY = data(
    "//orgpolicy.googleapis.com/organizations/9/policies/iam.x",
    "orgpolicy.googleapis.com/Policy",
    {"name": "organizations/9/policies/iam.x", "spec": {"rules": [{"enforce": True}]}},
    ["organizations/9"],
)


@pytest.mark.parametrize(
    ("assets", "state"),
    [
        ((ORGANIZATION, FOLDER, PROJECT), "not_given"),
        ((ORGANIZATION, FOLDER, PROJECT, POLICY), "read"),
        ((FOLDER, PROJECT, POLICY), "partly"),  # an export of less than all
        ((ORGANIZATION, FOLDER, PROJECT, POLICY | {"resource": {"data": {"spec": 1}}}), "partly"),
    ],
)  # fmt: skip
def test_the_layer_of_organisation_policies(
    tmp_path: Path, assets: tuple[Json, ...], state: str
) -> None:
    (snapshot,) = facts(tmp_path, *assets).snapshots
    assert snapshot.layers.org_policies == state
    assert snapshot.layers.logging == "not_given"


# --------------------------------------------------------------------------- logging


def test_sinks_say_what_they_route_where(tmp_path: Path) -> None:
    fields = {
        "name": "archive",
        "destination": "storage.googleapis.com/archive-9",
        "filter": 'logName:"cloudaudit.googleapis.com"',
        "includeChildren": True,
        "exclusions": [{"name": "a", "filter": "x"}, {"name": "b", "disabled": True}],
    }
    name = "//logging.googleapis.com/organizations/9/sinks/archive"
    one = data(name, "logging.googleapis.com/LogSink", fields, ["organizations/9"])
    (found,) = facts(tmp_path, one).log_sinks
    assert (found.resource, found.destination) == (
        f"{CRM}/organizations/9",
        "storage.googleapis.com/archive-9",
    )
    assert (found.filter, found.disabled) == (fields["filter"], False)
    assert (found.include_children, found.exclusions) == (True, 1)


def test_buckets_of_logs_say_how_long_they_keep(tmp_path: Path) -> None:
    place = "//logging.googleapis.com/projects/71/locations/global/buckets"
    kept = {"retentionDays": 400, "locked": True, "lifecycleState": "ACTIVE"}
    deleted = {"retentionDays": 30, "lifecycleState": "DELETE_REQUESTED"}
    kind = "logging.googleapis.com/LogBucket"
    found = facts(
        tmp_path,
        PROJECT,
        data(f"{place}/_Default", kind, kept),
        data(f"{place}/old", kind, deleted),
        data(f"{place}/odd", kind, {}),
    ).log_buckets
    assert [(one.name.rpartition("/")[2], one.retention_days, one.locked) for one in found] == [
        ("_Default", 400.0, True),
        ("odd", UNSET, False),
    ]  # fmt: skip


# ------------------------------------------------------------------ identities' data


def test_keys_name_their_account_by_email(tmp_path: Path) -> None:
    name = "//iam.googleapis.com/projects/shop/serviceAccounts/1001/keys/abc"
    fields = {
        "name": f"projects/shop/serviceAccounts/{EMAIL}/keys/abc",
        "keyType": "USER_MANAGED",
        "validAfterTime": "2024-01-02T00:00:00Z",
    }
    kind = "iam.googleapis.com/ServiceAccountKey"
    (key,) = facts(tmp_path, data(name, kind, fields)).keys
    assert (key.id, key.user_managed) == (f"key:{EMAIL}/abc", True)
    assert (key.valid_after, key.valid_before) == ("2024-01-02T00:00:00Z", UNSET)
    (of_account,) = facts(tmp_path, ACCOUNT, asset(name, kind, ancestors=ABOVE)).keys
    assert (of_account.account, of_account.user_managed) == (EMAIL, UNSET)


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        (
            "projects/shop/roles/caller",
            {"includedPermissions": ["b.x", "a.x"], "stage": "GA"},
            (("a.x", "b.x"), "GA", False, True),
        ),
        ("roles/viewer", {"includedPermissions": []}, ((), None, False, False)),
        ("organizations/9/roles/gone", {"deleted": True}, (UNSET, None, True, True)),
    ],
)
def test_roles(
    tmp_path: Path, name: str, fields: Json, expected: tuple[object, ...]
) -> None:
    one = data(
        f"//iam.googleapis.com/{name}",
        "iam.googleapis.com/Role",
        {"name": name, **fields},
    )
    (role,) = facts(tmp_path, one).roles
    assert role.id == f"role:{name}"
    assert (role.permissions, role.stage, role.deleted, role.custom) == expected


@pytest.mark.parametrize(
    ("provider", "pool", "expected"),
    [
        (
            {"oidc": {"issuerUri": "https://i.test"}, "attributeCondition": "a == 'b'"},
            {"state": "ACTIVE"},
            ("oidc", "https://i.test", "a == 'b'", False),
        ),
        ({"aws": {"accountId": "1"}}, {"disabled": True}, ("aws", None, None, True)),
        ({"saml": {}, "state": "DELETED"}, None, ("saml", None, None, True)),
        ({"x509": {}}, None, ("x509", None, None, UNSET)),
        ({}, {}, (UNSET, None, None, False)),
    ],
)
def test_federation_providers(
    tmp_path: Path, provider: Json, pool: Json | None, expected: tuple[object, ...]
) -> None:
    at = "//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/ci"
    kind = "iam.googleapis.com/WorkloadIdentityPool"
    assets = [PROJECT, data(f"{at}/providers/gh", f"{kind}Provider", provider)]
    if pool is not None:
        assets.append(data(at, kind, pool))
    (found,) = facts(tmp_path, *assets).federation_providers
    by_number = at.replace("projects/shop", "projects/71")
    assert (found.name, found.pool) == (f"{by_number}/providers/gh", by_number)
    assert (
        found.kind,
        found.issuer,
        found.attribute_condition,
        found.disabled,
    ) == expected


def test_a_provider_says_what_it_makes_of_tokens(tmp_path: Path) -> None:
    at = "//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/ci"
    fields = {
        "oidc": {"issuerUri": "https://i.test", "allowedAudiences": ["a"]},
        "attributeMapping": {
            "google.subject": "assertion.sub",
            "attribute.org": "assertion.org",
        },
    }
    kind = "iam.googleapis.com/WorkloadIdentityPoolProvider"
    one = data(f"{at}/providers/gh", kind, fields)
    (found,) = facts(tmp_path, PROJECT, one).federation_providers
    assert found.attribute_mapping == (
        ("attribute.org", "assertion.org"),
        ("google.subject", "assertion.sub"),
    )
    assert (found.allowed_audiences, found.aws_account) == (("a",), None)


@pytest.mark.parametrize(
    ("given", "attributes"),
    [
        # REST reference: projects.locations.workloadIdentityPools.providers
        ({"aws": {"accountId": "1"}}, ["attribute.aws_role", "google.subject"]),
        ({"aws": {"accountId": "1"}, "attributeMapping": {}}, ["attribute.aws_role", "google.subject"]),
        ({"aws": {"accountId": "1"}, "attributeMapping": {"google.subject": "assertion.userid"}}, ["google.subject"]),
        ({"oidc": {"issuerUri": "https://x"}}, []),
    ],
)  # fmt: skip
def test_a_provider_of_aws_that_maps_nothing_has_the_default(
    tmp_path: Path, given: Json, attributes: list[str]
) -> None:
    name = "//iam.googleapis.com/projects/71/locations/global/workloadIdentityPools/ci/providers/x"
    one = data(name, "iam.googleapis.com/WorkloadIdentityPoolProvider", given)
    (found,) = facts(tmp_path, PROJECT, one).federation_providers
    assert found.attribute_mapping is not None
    assert [name for name, _ in found.attribute_mapping] == attributes


@pytest.mark.parametrize(
    ("pool", "expected"),
    [({"state": "ACTIVE"}, False), ({"state": "DELETED"}, True), (None, UNSET)],
)
def test_a_provider_tells_of_its_pool(
    tmp_path: Path, pool: Json | None, expected: object
) -> None:
    at = "//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/ci"
    kind = "iam.googleapis.com/WorkloadIdentityPool"
    assets = [PROJECT, data(f"{at}/providers/gh", f"{kind}Provider", {"saml": {}})]
    if pool is not None:
        assets.append(data(at, kind, pool))
    (found,) = facts(tmp_path, *assets).federation_providers
    assert found.pool_disabled is expected


# ------------------------------------------------------------------------ workloads

SECRET = "hunter2-but-much-longer-9Xq"
ENV = [
    {"name": "DB_PASSWORD", "value": SECRET},
    {"name": "GREETING", "value": "hello"},
    {"name": "TOKEN", "valueSource": {"secretKeyRef": {"secret": "t", "version": "1"}}},
]
V1_SERVICE = {
    "metadata": {
        "annotations": {
            "run.googleapis.com/ingress": "internal-and-cloud-load-balancing",
            "run.googleapis.com/invoker-iam-disabled": "true",
            "run.googleapis.com/urls": '["https://b.run.app"]',
            "run.googleapis.com/custom-audiences": '["aud"]',
        }
    },
    "spec": {
        "template": {
            "spec": {
                "serviceAccountName": EMAIL,
                "timeoutSeconds": 900,
                "containers": [{"env": ENV}],
            }
        }
    },
    "status": {"url": "https://a.run.app"},
}
V2_SERVICE = {
    "ingress": "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
    "invokerIamDisabled": True,
    "urls": ["https://b.run.app"],
    "uri": "https://a.run.app",
    "customAudiences": ["aud"],
    "template": {
        "serviceAccount": EMAIL,
        "timeout": "900s",
        "containers": [{"env": ENV}],
    },
}


@pytest.mark.parametrize("fields", [V1_SERVICE, V2_SERVICE], ids=["v1", "v2"])
@pytest.mark.parametrize("project", ["shop", "71"])
def test_services(tmp_path: Path, fields: Json, project: str) -> None:
    name = f"{RUN}/services/orders"
    given = name.replace("/shop/", f"/{project}/")
    one = data(given, "run.googleapis.com/Service", fields)
    (service,) = facts(tmp_path, PROJECT, one).cloud_runs
    assert (service.id, service.kind) == (f"cloud_run:{name}", "service")
    assert (service.project, service.region, service.name) == (
        "shop",
        "europe-west1",
        "orders",
    )
    assert (service.service_account, service.timeout) == (EMAIL, 900.0)
    assert service.ingress == "internal_and_cloud_load_balancing"
    assert service.invoker_check_disabled is True
    assert service.urls == ("https://a.run.app", "https://b.run.app")
    assert service.custom_audiences == ("aud",)
    origin = Origin(source="export.json", line=2, field="resource.data")
    assert service.secrets == (
        Secret(
            kind="password",
            place="env.DB_PASSWORD",
            origin=origin,
            fingerprint=KEY.of(SECRET),
        ),
    )
    assert service.unresolved == ()


def test_images_are_told_as_they_are_written_and_whether_ssh_is_on(
    tmp_path: Path,
) -> None:
    containers = [{"image": "gcr.io/p/b:v1"}, {"image": "gcr.io/p/a"}, {}]
    new = {"sshEnabled": True, "template": {"containers": containers}}
    old = {"spec": {"template": {"spec": {"containers": containers}}}}
    for fields, ssh in ((new, True), (old, None)):
        name = f"{RUN}/services/orders"
        one = data(name, "run.googleapis.com/Service", fields)
        (service,) = facts(tmp_path, PROJECT, one).cloud_runs
        assert service.images == ("gcr.io/p/a", "gcr.io/p/b:v1")
        assert service.ssh_enabled is ssh


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"template": {}}, (False, False)),
        ({"template": {}, "defaultUriDisabled": True}, (True, False)),
        ({"template": {}, "iapEnabled": True}, (False, True)),
        ({"metadata": {"annotations": {
            "run.googleapis.com/default-url-disabled": "true",
            "run.googleapis.com/iap-enabled": "true",
        }}}, (True, True)),
    ],
)  # fmt: skip
def test_what_stands_before_a_service(
    tmp_path: Path, fields: Json, expected: tuple[bool, bool]
) -> None:
    one = data(f"{RUN}/services/orders", "run.googleapis.com/Service", fields)
    (service,) = facts(tmp_path, PROJECT, one).cloud_runs
    assert (service.default_url_disabled, service.iap_enabled) == expected


V1_JOB = {
    "spec": {
        "template": {
            "spec": {
                "taskCount": 4,
                "parallelism": 2,
                "template": {
                    "spec": {
                        "serviceAccountName": EMAIL,
                        "timeoutSeconds": "1200",
                        "maxRetries": 0,
                        "containers": [{"env": ENV}],
                    }
                },
            }
        }
    }
}
V2_JOB = {
    "template": {
        "taskCount": 4.0,
        "parallelism": 2.0,
        "template": {
            "serviceAccount": EMAIL,
            "timeout": "1200s",
            "maxRetries": 0.0,
            "containers": [{"env": ENV}],
        },
    }
}


@pytest.mark.parametrize("fields", [V1_JOB, V2_JOB], ids=["v1", "v2"])
def test_jobs(tmp_path: Path, fields: Json) -> None:
    one = data(f"{RUN}/jobs/load", "run.googleapis.com/Job", fields)
    (job,) = facts(tmp_path, one).cloud_runs
    assert (job.kind, job.name, job.service_account) == ("job", "load", EMAIL)
    assert (job.timeout, job.max_retries) == (1200.0, 0)
    assert (job.task_count, job.parallelism) == (4, 2)
    assert isinstance(job.secrets, tuple)
    assert [s.place for s in job.secrets] == ["env.DB_PASSWORD"]


def test_what_tells_a_secret_is_kept_when_it_is_reduced(tmp_path: Path) -> None:
    # in parts: nobody's, and none in this file
    token = "_".join(("sk", "live", "b7Qm2Rk9" * 3))
    env = [{"name": "BILLING", "value": token}, {"name": "X", "value": ""}, *ENV]
    fields = {"template": {"template": {"containers": [{"env": env}]}}}
    one = data(f"{RUN}/jobs/load", "run.googleapis.com/Job", fields)
    (job,) = facts(tmp_path, one).cloud_runs
    assert isinstance(job.secrets, tuple)
    assert [(s.place, s.told_by) for s in job.secrets] == [
        ("env.BILLING", "prefix"),
        ("env.DB_PASSWORD", "context"),
    ]


def test_what_a_template_leaves_out(tmp_path: Path) -> None:
    service = data(f"{RUN}/services/s", "run.googleapis.com/Service", {"template": {}})
    job = data(
        f"{RUN}/jobs/j", "run.googleapis.com/Job", {"template": {"template": {}}}
    )
    of_job, of_service = facts(tmp_path, service, job).cloud_runs
    assert (of_service.service_account, of_service.timeout) == (None, 300.0)
    assert (of_service.ingress, of_service.invoker_check_disabled) == ("all", False)
    assert of_service.secrets == ()
    assert (of_job.service_account, of_job.timeout) == (None, 600.0)
    assert (of_job.task_count, of_job.parallelism) == (1, None)
    # absent may mean none, and may mean the default of three
    assert of_job.max_retries is UNSET
    assert [u.field for u in of_job.unresolved] == ["max_retries"]


def test_a_workload_of_which_only_the_policy_was_read(tmp_path: Path) -> None:
    one = policy(f"{RUN}/services/orders", "run.googleapis.com/Service", [])
    (service,) = facts(tmp_path, one).cloud_runs
    assert {(u.field, u.reason, u.symbol) for u in service.unresolved} == {
        (field, "layer", NOT_GIVEN)
        for field in (
            "default_url_disabled",
            "iap_enabled",
            "ingress",
            "invoker_check_disabled",
            "secrets",
            "service_account",
            "timeout",
        )
    }


def test_a_workload_whose_record_is_broken_does_not_ask_for_it_again(
    tmp_path: Path,
) -> None:
    name = f"{RUN}/services/orders"
    one = data(name, "run.googleapis.com/Service", {"template": "text"})
    found = facts(tmp_path, one)
    (service,) = found.cloud_runs
    assert ("ingress", "unreadable", f"ingress of cloud_run:{name}") in {
        (u.field, u.reason, u.symbol) for u in service.unresolved
    }
    assert [(g.reason, g.kinds) for g in found.gaps] == [("malformed", ("cloud_run",))]


def test_an_unknown_ingress_is_not_guessed(tmp_path: Path) -> None:
    one = data(
        f"{RUN}/services/s",
        "run.googleapis.com/Service",
        {"template": {}, "ingress": "INGRESS_TRAFFIC_SOMETHING_NEW"},
    )
    (service,) = facts(tmp_path, one).cloud_runs
    assert service.ingress is UNSET


def test_composer_environments(tmp_path: Path) -> None:
    name = (
        "//composer.googleapis.com/projects/71/locations/europe-west1/environments/prod"
    )
    fields = {
        "config": {
            "nodeConfig": {"serviceAccount": EMAIL.upper()},
            "dagGcsPrefix": "gs://shop-dags/dags",
            "softwareConfig": {
                "imageVersion": "composer-3-airflow-2.10.5-build.3",
                "envVariables": {"API_KEY": SECRET, "MODE": "prod"},
                "airflowConfigOverrides": {"smtp-smtp_password": SECRET},
            },
        }
    }
    one = data(name, "composer.googleapis.com/Environment", fields)
    (found,) = facts(tmp_path, PROJECT, one).composer_environments
    assert found.resource == name.replace("/71/", "/shop/")
    assert (found.project, found.service_account) == ("shop", EMAIL)
    assert (found.dag_bucket, found.airflow) == ("shop-dags", "2.10.5")
    assert isinstance(found.secrets, tuple)
    assert [(s.place, s.fingerprint) for s in found.secrets] == [
        ("airflowConfigOverrides.smtp-smtp_password", KEY.of(SECRET)),
        ("env.API_KEY", KEY.of(SECRET)),
    ]


def test_a_composer_environment_without_an_account(tmp_path: Path) -> None:
    name = "//composer.googleapis.com/projects/shop/locations/r/environments/e"
    kind = "composer.googleapis.com/Environment"
    fields = {"config": {}, "storageConfig": {"bucket": "b"}}
    (found,) = facts(tmp_path, data(name, kind, fields)).composer_environments
    assert (found.service_account, found.dag_bucket) == (None, "b")
    assert [u.field for u in found.unresolved] == ["airflow"]


# ------------------------------------------------------------------------ left out


def test_sys_projects_are_left_out_and_counted(tmp_path: Path) -> None:
    script = data(
        f"{CRM}/projects/55",
        f"{CRM_TYPE}/Project",
        {"projectId": "sys-123", "projectNumber": "55", "lifecycleState": "ACTIVE"},
        ["projects/55", "organizations/9"],
    )
    grant = [{"role": "roles/owner", "members": ["user:a@x.test"]}]
    inside = asset(
        "//run.googleapis.com/projects/sys-123/locations/r/services/s",
        "run.googleapis.com/Service",
        iamPolicy={"bindings": grant},
        ancestors=["projects/55", "organizations/9"],
    )
    found = facts(tmp_path, ORGANIZATION, script, inside)
    assert [r.kind for r in found.resources] == ["organization"]
    assert (found.cloud_runs, found.bindings, found.identities) == ((), (), ())
    assert [(e.kind, e.what, e.reason, e.count) for e in found.excluded] == [
        ("binding", "projects/sys-*", "made by Apps Script", 1),
        ("cloud_run", "projects/sys-*", "made by Apps Script", 1),
        ("resource", "projects/sys-*", "made by Apps Script", 1),
    ]
    found = facts(tmp_path, ORGANIZATION, script, inside, include_sys_projects=True)
    assert found.excluded == ()
    assert [c.project for c in found.cloud_runs] == ["sys-123"]


@pytest.mark.parametrize("field", ["lifecycleState", "state"])
def test_deleted_projects_are_left_out_and_counted(tmp_path: Path, field: str) -> None:
    gone = data(
        f"{CRM}/projects/71",
        f"{CRM_TYPE}/Project",
        {"projectId": "shop", "projectNumber": "71", field: "DELETE_REQUESTED"},
    )
    found = facts(tmp_path, ORGANIZATION, FOLDER, gone, ACCOUNT)
    assert [r.kind for r in found.resources] == ["folder", "organization"]
    assert found.identities == ()
    reason = "lifecycle state DELETE_REQUESTED"
    assert [(e.kind, e.what, e.reason, e.count) for e in found.excluded] == [
        ("identity", "projects/71", reason, 1),
        ("resource", "projects/71", reason, 1),
    ]


# ------------------------------------------------------------------------- layers

POLICIES = [
    policy(
        f"{CRM}/organizations/9",
        f"{CRM_TYPE}/Organization",
        [{"role": "roles/viewer", "members": ["user:a@x.test"]}],
    )
    | {"ancestors": ["organizations/9"]},
    policy(f"{CRM}/projects/71", f"{CRM_TYPE}/Project", []),
]


def test_what_was_read_whole(tmp_path: Path) -> None:
    layers = (
        facts(tmp_path, ORGANIZATION, FOLDER, PROJECT, *POLICIES).snapshots[0].layers
    )
    assert (layers.allow, layers.audit, layers.ancestors) == ("read", "read", "read")
    assert (layers.deny, layers.boundary) == ("not_given", "not_given")
    assert (layers.memberships, layers.tags) == ("not_given", "not_given")


def test_resources_alone_are_no_policies(tmp_path: Path) -> None:
    layers = facts(tmp_path, ORGANIZATION, FOLDER, PROJECT).snapshots[0].layers
    assert (layers.allow, layers.audit) == ("not_given", "not_given")


@pytest.mark.parametrize("missing", [0, 1])
def test_a_policy_above_that_was_not_read_leaves_the_layer_partly_read(
    tmp_path: Path, missing: int
) -> None:
    given = [ORGANIZATION, FOLDER] if missing == 0 else [PROJECT]
    left = [POLICIES[1]] if missing == 0 else POLICIES
    layers = facts(tmp_path, PROJECT, *given, *left).snapshots[0].layers
    assert (layers.allow, layers.audit) == ("partly", "partly")


def test_unknown_ancestors_leave_that_layer_partly_read(tmp_path: Path) -> None:
    bucket = asset("//storage.googleapis.com/b", "storage.googleapis.com/Bucket")
    layers = facts(tmp_path, PROJECT, bucket).snapshots[0].layers
    assert layers.ancestors == "partly"


# --------------------------------------------------------------------------- search


def searched(**more: Any) -> Json:
    return {
        "assetType": f"{CRM_TYPE}/Project",
        "resource": f"{CRM}/projects/shop",
        "project": "projects/71",
        "folders": ["folders/8"],
        "organization": "organizations/9",
        "policy": {"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]},
        **more,
    }


def search_file(tmp_path: Path, *results: Json) -> Path:
    path = tmp_path / "search.json"
    path.write_text(json.dumps(list(results), indent=2))
    return path


def test_a_search_gives_bindings_and_ancestors_but_no_audit(tmp_path: Path) -> None:
    organization = {
        "assetType": f"{CRM_TYPE}/Organization",
        "resource": f"{CRM}/organizations/9",
        "organization": "organizations/9",
        "policy": {"bindings": [{"role": "roles/viewer", "members": ["allUsers"]}]},
    }
    folder: Json = {
        "assetType": f"{CRM_TYPE}/Folder",
        "resource": f"{CRM}/folders/8",
        "folders": ["folders/8"],
        "organization": "organizations/9",
        "policy": {},
    }
    path = search_file(tmp_path, organization, folder, searched())
    found = read_snapshots(
        [path], tmp_path, include_sys_projects=False, fingerprint=KEY
    )
    assert [(b.resource, b.role) for b in found.bindings] == [
        (f"{CRM}/organizations/9", "roles/viewer"),
        (f"{CRM}/projects/71", "roles/viewer"),
    ]
    assert found.bindings[1].origin == Origin(
        source="search.json", line=26, field="[2].policy.bindings[0]"
    )
    project = next(r for r in found.resources if r.kind == "project")
    assert (project.project_id, project.ancestors) == ("shop", FULL_ABOVE[1:])
    layers = found.snapshots[0].layers
    assert (layers.allow, layers.audit) == ("read", "not_given")
    assert found.assumptions == ("search.json was written by a search without --query",)


def test_a_search_with_a_query_is_a_part(tmp_path: Path) -> None:
    part = searched(explanation={"matchedPermissions": {"run.routes.invoke": {}}})
    found = read_snapshots(
        [search_file(tmp_path, part)],
        tmp_path,
        include_sys_projects=False,
        fingerprint=KEY,
    )
    assert found.snapshots[0].layers.allow == "partly"
    assert found.assumptions == ()


def test_a_search_of_a_project_without_organisation_with_a_query(
    tmp_path: Path,
) -> None:
    whole = searched()
    del whole["folders"], whole["organization"]
    part: Json = whole | {
        "explanation": {"matchedPermissions": {"run.routes.invoke": {}}}
    }
    states: list[str] = []
    for result in (whole, part):
        found = read_snapshots(
            [search_file(tmp_path, result)],
            tmp_path,
            include_sys_projects=False,
            fingerprint=KEY,
        )
        states.append(found.snapshots[0].layers.allow)
    assert states == ["read", "partly"]


def test_an_export_says_more_than_a_search_of_the_same_policy(tmp_path: Path) -> None:
    path = search_file(tmp_path, searched())
    audit = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    grant = searched()["policy"]["bindings"]
    export = tmp_path / "zz-later.json"
    export.write_text(
        json.dumps(
            policy(
                f"{CRM}/projects/71", f"{CRM_TYPE}/Project", grant, auditConfigs=audit
            )
        )
    )
    found = read_snapshots(
        [path, export], tmp_path, include_sys_projects=False, fingerprint=KEY
    )
    assert [c.log_types for c in found.audit_configs] == [("DATA_READ",)]
    assert found.gaps == ()


def test_a_conflict_that_time_decides_leaves_the_layer_read(tmp_path: Path) -> None:
    older = POLICIES[1] | {"updateTime": "2026-01-01T00:00:00Z"}
    newer = policy(
        f"{CRM}/projects/71",
        f"{CRM_TYPE}/Project",
        [{"role": "roles/viewer", "members": ["allUsers"]}],
    ) | {"updateTime": "2026-01-02T00:00:00Z"}
    found = facts(tmp_path, ORGANIZATION, FOLDER, PROJECT, POLICIES[0], older, newer)
    assert [(g.reason, g.incomplete) for g in found.gaps] == [("conflict", False)]
    assert found.snapshots[0].layers.allow == "read"


@pytest.mark.parametrize(
    ("fields", "mapping"),
    [
        (
            {"x509": {"trustStore": {}}},
            (("google.subject", "assertion.subject.dn.cn"),),
        ),
        ({"saml": {"idpMetadataXml": "<x/>"}}, ()),
    ],
)
def test_a_provider_of_certificates_maps_their_name_by_default(
    fields: dict[str, Any], mapping: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    # cloud.google.com/iam/docs/workload-identity-federation-with-x509-certificates
    at = "//iam.googleapis.com/projects/shop/locations/global/workloadIdentityPools/ci"
    kind = "iam.googleapis.com/WorkloadIdentityPoolProvider"
    one = data(f"{at}/providers/p", kind, fields)
    (found,) = facts(tmp_path, PROJECT, one).federation_providers
    assert found.attribute_mapping == mapping


@pytest.mark.parametrize(
    ("fields", "elsewhere"),
    [
        ({}, False),
        ({"scimUsage": "SCIM_USAGE_UNSPECIFIED"}, False),
        ({"scimUsage": "ENABLED_FOR_GROUPS"}, True),
        ({"extraAttributesOauth2Client": {"clientId": "c"}}, True),
        ({"extendedAttributesOauth2Client": {"clientId": "c"}}, True),
    ],
)
def test_groups_of_a_workforce_may_come_from_a_directory(
    fields: dict[str, Any], elsewhere: bool, tmp_path: Path
) -> None:
    # iam.googleapis.com, REST reference: locations.workforcePools.providers
    name = "//iam.googleapis.com/locations/global/workforcePools/staff/providers/p"
    kind = "iam.googleapis.com/WorkforcePoolProvider"
    one = data(name, kind, {"oidc": {"issuerUri": "https://i.test"}, **fields})
    (found,) = facts(tmp_path, PROJECT, one).federation_providers
    assert found.groups_elsewhere is elsewhere
