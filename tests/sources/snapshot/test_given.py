"""What an asset export does not carry, in the shapes of Google's APIs and gcloud."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET

from dagwarden.facts import (
    Condition,
    DenyRule,
    Expiring,
    Facts,
    Group,
    Layers,
    Tag,
)
from dagwarden.graph.estate import Estate
from dagwarden.sources.credentials import Fingerprint
from dagwarden.sources.snapshot import read_snapshots

CRM = "//cloudresourcemanager.googleapis.com"
AT = "cloudresourcemanager.googleapis.com%2Fprojects%2Fshop"
PROJECT = {
    "name": f"{CRM}/projects/71",
    "assetType": "cloudresourcemanager.googleapis.com/Project",
    "resource": {"data": {"projectId": "shop", "projectNumber": "71"}},
    "ancestors": ["projects/71", "organizations/9"],
}
ORGANIZATION: dict[str, Any] = {
    "name": f"{CRM}/organizations/9",
    "assetType": "cloudresourcemanager.googleapis.com/Organization",
    "iamPolicy": {"bindings": []},
    "ancestors": ["organizations/9"],
}
DENY = {
    "name": f"policies/{AT}/denypolicies/no-invoke",
    "uid": "1",
    "kind": "DenyPolicy",
    "displayName": "nobody",
    "rules": [
        {
            "denyRule": {
                "deniedPrincipals": ["principalSet://goog/public:all"],
                "exceptionPrincipals": ["principalSet://goog/group/ops@x.example"],
                "deniedPermissions": ["run.googleapis.com/*.*"],
                "exceptionPermissions": ["run.googleapis.com/routes.invoke"],
                "denialCondition": {
                    "title": "prod",
                    "expression": "resource.matchTag('9/env', 'prod')",
                },
            }
        }
    ],
}
DENY_LISTED = {key: value for key, value in DENY.items() if key != "rules"}
BOUNDARY = {
    "name": "organizations/9/locations/global/principalAccessBoundaryPolicies/only-9",
    "details": {
        "rules": [{"resources": [f"{CRM}/projects/shop"], "effect": "ALLOW"}],
        "enforcementVersion": "3",
    },
}
BINDING = {
    "name": "organizations/9/locations/global/policyBindings/all",
    "target": {"principalSet": f"{CRM}/projects/shop"},
    "policyKind": "PRINCIPAL_ACCESS_BOUNDARY",
    "policy": BOUNDARY["name"],
    "condition": {
        "expression": "principal.type == 'iam.googleapis.com/ServiceAccount'"
    },
}
ROLE = {
    "name": "projects/shop/roles/runner",
    "title": "Runner",
    "includedPermissions": ["run.jobs.run"],
    "stage": "GA",
    "etag": "x",
}
GROUP = {"name": "groups/01abc", "groupKey": {"id": "Eng@x.example"}}


def member(email: str, kind: str | None = "USER", group: str = "groups/01abc") -> Any:
    shape: dict[str, Any] = {
        "name": f"{group}/memberships/1",
        "preferredMemberKey": {"id": email},
        "roles": [{"name": "MEMBER"}],
    }
    return {**shape, "type": kind} if kind else shape


def facts(tmp_path: Path, *contents: object, **named: object) -> Facts:
    files = {f"{n}.json": content for n, content in enumerate(contents)}
    files.update(dict(named.items()))
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / name).write_text(text)
    return read_snapshots(
        [tmp_path / name for name in files],
        tmp_path,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )


def layers(found: Facts) -> Layers:
    return found.snapshots[0].layers


def told(found: Facts) -> list[tuple[str, str]]:
    return [(gap.reason, gap.detail) for gap in found.gaps]


# ------------------------------------------------------------------------- guardrails


@pytest.mark.parametrize(
    "content",
    [
        DENY,
        [DENY],
        {"policies": [DENY]},
        json.dumps({"policies": [DENY]}, indent=2),
        json.dumps(DENY, indent=2),
        [DENY_LISTED, DENY],
        [DENY, DENY_LISTED],
    ],
    ids=["one", "array", "response", "printed", "printed one", "listed", "listed too"],
)
def test_a_deny_policy_is_read_in_every_shape(tmp_path: Path, content: object) -> None:
    found = facts(tmp_path, PROJECT, content)
    assert told(found) == []
    (policy,) = found.deny_policies
    assert policy.resource == f"{CRM}/projects/71"
    assert policy.rules == (
        DenyRule(
            principals=("principalSet://goog/public:all",),
            exception_principals=("principalSet://goog/group/ops@x.example",),
            permissions=("run.googleapis.com/*.*",),
            exception_permissions=("run.googleapis.com/routes.invoke",),
            condition=Condition(
                expression="resource.matchTag('9/env', 'prod')", title="prod"
            ),
        ),
    )
    assert layers(found).deny == "read"


def test_a_list_of_deny_policies_has_no_rules(tmp_path: Path) -> None:
    # REST policies.listPolicies: "policy rules are omitted"
    (policy,) = facts(tmp_path, PROJECT, [DENY_LISTED]).deny_policies
    assert policy.rules is UNSET
    assert [item.field for item in policy.unresolved] == ["rules"]


def test_a_boundary_and_its_binding(tmp_path: Path) -> None:
    found = facts(
        tmp_path,
        PROJECT,
        {"principalAccessBoundaryPolicies": [BOUNDARY]},
        {"policyBindings": [BINDING]},
    )
    (policy,), (binding,) = found.boundary_policies, found.boundary_bindings
    assert (policy.resources, policy.version) == ((f"{CRM}/projects/71",), "3")
    assert (binding.policy, binding.principals) == (
        policy.name,
        f"{CRM}/projects/71",
    )
    assert binding.condition is not None
    assert layers(found).boundary == "read"


def test_the_binding_of_an_access_policy_is_no_boundary(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, [{**BINDING, "policyKind": "ACCESS"}])
    assert found.boundary_bindings == ()


def test_a_page_of_several_is_a_part(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, {"policies": [DENY], "nextPageToken": "n"})
    assert layers(found).deny == "partly"
    assert told(found) == [
        ("truncated", "one page of several: the rest of the list is missing")
    ]


def test_what_no_file_gives_is_not_given(tmp_path: Path) -> None:
    found = layers(facts(tmp_path, PROJECT))
    states = (found.deny, found.boundary, found.memberships, found.tags)
    assert states == ("not_given",) * 4


# ------------------------------------------------------------------------------ roles


@pytest.mark.parametrize("content", [ROLE, [ROLE], {"roles": [ROLE]}])
def test_a_role_definition(tmp_path: Path, content: object) -> None:
    found = facts(tmp_path, PROJECT, content)
    (role,) = found.roles
    assert (role.name, role.permissions, role.custom) == (
        "projects/shop/roles/runner",
        ("run.jobs.run",),
        True,
    )
    assert told(found) == []


# ----------------------------------------------------------------------------- groups


def only(found: Facts) -> Group:
    (group,) = found.groups
    return group


EVERY = [
    member("a@x.example"),
    member("robot@p.iam.gserviceaccount.com", None),
    member("inner@x.example", "GROUP"),
]
MEMBERS = (
    "group:inner@x.example",
    "serviceAccount:robot@p.iam.gserviceaccount.com",
    "user:a@x.example",
)


@pytest.mark.parametrize(
    "content",
    [
        [GROUP, *EVERY],
        {"groups": [GROUP], "memberships": EVERY},
        {"groupKey": {"id": "eng@x.example"}, "memberships": EVERY},
    ],
    ids=["array", "responses", "with its key"],
)
def test_the_members_of_a_group(tmp_path: Path, content: object) -> None:
    found = facts(tmp_path, PROJECT, content)
    assert told(found) == []
    assert (only(found).key, only(found).members) == ("group:eng@x.example", MEMBERS)
    assert layers(found).memberships == "read"


def test_a_file_named_after_the_group(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, **{"Eng@x.example.json": EVERY})
    assert (only(found).key, only(found).members) == ("group:eng@x.example", MEMBERS)


@pytest.mark.parametrize("content", ["[]", "{}", '{"memberships": []}'])
def test_a_group_without_members(tmp_path: Path, content: str) -> None:
    found = facts(tmp_path, PROJECT, **{"eng@x.example.json": content})
    assert only(found).members == ()
    assert told(found) == []


def test_transitive_members(tmp_path: Path) -> None:
    relations = [
        {
            "member": "users/1",
            "preferredMemberKey": [{"id": "a@x.example"}],
            "relationType": "INDIRECT",
            "roles": [{"role": "MEMBER"}],
        },
        {
            "member": "groups/2",
            "preferredMemberKey": [{"id": "inner@x.example"}],
            "relationType": "DIRECT",
        },
    ]
    content = {"memberships": relations}
    group = only(facts(tmp_path, PROJECT, **{"eng@x.example.json": content}))
    assert group.transitive
    assert group.members == ("group:inner@x.example", "user:a@x.example")


def test_the_directory_s_members(tmp_path: Path) -> None:
    content = {
        "kind": "admin#directory#members",
        "members": [
            {"kind": "admin#directory#member", "email": "A@x.example", "type": "USER"},
            {"kind": "admin#directory#member", "email": "g@x.example", "type": "GROUP"},
        ],
    }
    group = only(facts(tmp_path, PROJECT, **{"eng@x.example.json": content}))
    assert group.members == ("group:g@x.example", "user:a@x.example")


def test_a_whole_domain_in_a_group_is_not_known(tmp_path: Path) -> None:
    content = [{"kind": "admin#directory#member", "type": "CUSTOMER", "id": "C1"}]
    group = only(facts(tmp_path, PROJECT, **{"eng@x.example.json": content}))
    assert (group.members, group.members_known) == (UNSET, ())


def test_a_member_that_ends(tmp_path: Path) -> None:
    ends = "2027-01-01T00:00:00Z"
    one = member("a@x.example")
    one["roles"] = [{"name": "MEMBER", "expiryDetail": {"expireTime": ends}}]
    group = only(facts(tmp_path, PROJECT, [GROUP, one, member("b@x.example")]))
    assert group.members == ("user:b@x.example",)
    assert group.expiring == (Expiring(key="user:a@x.example", valid_before=ends),)


def test_an_e_mail_alone_may_be_a_group(tmp_path: Path) -> None:
    group = only(facts(tmp_path, PROJECT, [GROUP, member("who@x.example", None)]))
    assert (group.members, group.members_known) == (UNSET, ("user:who@x.example",))
    assert [item.symbol for item in group.unresolved] == [
        "whether who@x.example is a group"
    ]


def test_what_policies_say_of_an_e_mail_counts(tmp_path: Path) -> None:
    policy = {
        "bindings": [
            {
                "role": "roles/viewer",
                "members": ["user:p@x.example", "group:g@x.example"],
            }
        ]
    }
    listed = [GROUP, member("p@x.example", None), member("g@x.example", None)]
    group = only(facts(tmp_path, {**PROJECT, "iamPolicy": policy}, listed))
    assert group.members == ("group:g@x.example", "user:p@x.example")


def test_members_of_a_group_without_a_name(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, EVERY)
    assert found.groups == ()
    assert layers(found).memberships == "partly"
    ((reason, detail),) = told(found)
    assert reason == "unsupported"
    assert "groups/01abc" in detail


# ------------------------------------------------------------------------------- tags

KEY = {"name": "tagKeys/1", "shortName": "env", "namespacedName": "9/env"}
VALUE = {"name": "tagValues/2", "parent": "tagKeys/1", "shortName": "prod",
         "namespacedName": "9/env/prod"}  # fmt: skip
BOUND = {
    "name": "tagBindings/%2F%2Fcloudresourcemanager.googleapis.com%2Fprojects%2F71/tagValues/2",
    "parent": f"{CRM}/projects/shop",
    "tagValue": "tagValues/2",
}
WHOLE = Tag(key_id="tagKeys/1", key="9/env", value_id="tagValues/2", value="prod")


@pytest.mark.parametrize(
    ("content", "tag"),
    [
        ([KEY, VALUE, BOUND], WHOLE),
        (
            {"tagBindings": [BOUND], "tagKeys": [KEY], "tagValues": [VALUE]},
            WHOLE,
        ),
        ([BOUND], Tag(value_id="tagValues/2")),
        (
            [{**BOUND, "tagValueNamespacedName": "9/env/prod"}],
            Tag(key="9/env", value_id="tagValues/2", value="prod"),
        ),
    ],
)
def test_tags_by_all_their_names(tmp_path: Path, content: object, tag: Tag) -> None:
    found = facts(tmp_path, ORGANIZATION, PROJECT, content)
    (tags,) = found.resource_tags
    assert (tags.resource, tags.tags) == (f"{CRM}/projects/71", (tag,))
    assert layers(found).tags == "read"
    assert told(found) == []


def test_tags_above_a_project_that_is_read_alone_are_not_known(tmp_path: Path) -> None:
    assert layers(facts(tmp_path, PROJECT, [KEY, VALUE, BOUND])).tags == "partly"


def test_a_sealed_layer_stays_read_beside_a_file_of_another(tmp_path: Path) -> None:
    header: dict[str, Any] = {
        "version": 1,
        "read_time": "2026-11-20T00:00:00Z",
        "scope": "organizations/9",
        "principal": None,
        "layers": {"allow": "read", "ancestors": "read", "tags": "read"},
        "asset_types": [],
    }
    lines: tuple[Any, ...] = (
        {"dagwarden_snapshot": header},
        ORGANIZATION,
        {"dagwarden_end": {"assets": 1}},
    )
    sealed = "\n".join(json.dumps(line) for line in lines)
    assert layers(facts(tmp_path, sealed)).tags == "read"
    beside = layers(facts(tmp_path, sealed, [DENY]))
    assert (beside.tags, beside.deny) == ("read", "read")
    assert layers(facts(tmp_path, sealed, PROJECT)).tags == "partly"


def test_tags_of_an_asset_export(tmp_path: Path) -> None:
    assets = [
        {
            "name": f"{CRM}/{data['name']}",
            "assetType": f"{CRM[2:]}/{kind}",
            "resource": {"data": data},
        }
        for kind, data in (("TagKey", KEY), ("TagValue", VALUE), ("TagBinding", BOUND))
    ]
    found = facts(tmp_path, PROJECT, assets)
    assert [one.tags for one in found.resource_tags] == [(WHOLE,)]
    assert [one.kind for one in found.resources] == ["organization", "project"]


def test_effective_tags_do_not_say_of_what(tmp_path: Path) -> None:
    effective = {"tagKey": "tagKeys/1", "tagValue": "tagValues/2",
                 "namespacedTagKey": "9/env", "namespacedTagValue": "9/env/prod"}  # fmt: skip
    found = facts(tmp_path, PROJECT, [effective])
    assert found.resource_tags == ()
    ((reason, detail),) = told(found)
    assert reason == "unsupported"
    assert detail.startswith("an effective tag")


# --------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "content",
    [
        {**DENY, "rules": "none"},
        {**ROLE, "includedPermissions": 7},
        {**member("a@x.example"), "roles": 1},
        {"policies": [7]},
        {"policies": 7},
        {"groups": [{"name": "groups/1", "groupKey": 1}]},
        {"name": 7},
        [[]],
        {"something": "else"},
    ],
)
def test_what_is_misshapen_is_a_gap(tmp_path: Path, content: object) -> None:
    found = facts(tmp_path, PROJECT, content)
    assert found.gaps or [p.rules for p in found.deny_policies] == [UNSET]
    assert all(gap.incomplete for gap in found.gaps)


# ------------------------------------------------------------------------- perimeters


@pytest.mark.parametrize("key", ["servicePerimeter", "service_perimeter"])
def test_a_service_perimeter_is_read_and_said_not_to_be_evaluated(
    tmp_path: Path, key: str
) -> None:
    services = (
        "restrictedServices" if key == "servicePerimeter" else "restricted_services"
    )
    asset = {
        "name": f"{CRM}/organizations/9",
        "assetType": "cloudresourcemanager.googleapis.com/Organization",
        key: {
            "name": "accessPolicies/1/servicePerimeters/p",
            "title": "prod",
            "status": {"resources": ["projects/71"], services: ["run.googleapis.com"]},
        },
        "ancestors": ["organizations/9"],
    }
    found = facts(tmp_path, PROJECT, asset)
    (perimeter,) = found.service_perimeters
    assert (perimeter.name, perimeter.title) == (
        "accessPolicies/1/servicePerimeters/p",
        "prod",
    )
    assert perimeter.resources == ("projects/71",)
    assert perimeter.services == ("run.googleapis.com",)
    said = "service perimeters block nothing: one is not evaluated"
    assert said in Estate(found).access.assumes()


def test_a_perimeter_that_two_assets_tell_of_is_one_fact(tmp_path: Path) -> None:
    two = [
        {
            "name": f"{CRM}/organizations/9",
            "assetType": "cloudresourcemanager.googleapis.com/Organization",
            "servicePerimeter": {"name": "accessPolicies/1/servicePerimeters/p"},
            "updateTime": f"2026-11-{day}T00:00:00Z",
        }
        for day in (29, 30)
    ]
    found = facts(tmp_path, PROJECT, *two)
    (perimeter,) = found.service_perimeters
    assert (perimeter.name, perimeter.origin.source) == (
        "accessPolicies/1/servicePerimeters/p",
        "1.json",
    )


def test_each_of_several_lists_keeps_its_own_members(tmp_path: Path) -> None:
    lists = [
        {"groupKey": {"id": f"{name}@x.example"}, "memberships": members}
        for name, members in (
            ("one", [{"preferredMemberKey": {"id": "a@x.example"}, "type": "USER"}]),
            ("two", [{"preferredMemberKey": {"id": "b@x.example"}, "type": "USER"}]),
            ("none", []),
        )
    ]
    found = facts(tmp_path, PROJECT, "\n".join(map(json.dumps, lists)))
    assert {group.key: group.members for group in found.groups} == {
        "group:none@x.example": (),
        "group:one@x.example": ("user:a@x.example",),
        "group:two@x.example": ("user:b@x.example",),
    }


def test_a_group_that_is_only_described_has_no_list(tmp_path: Path) -> None:
    found = facts(tmp_path, PROJECT, [GROUP])
    assert (found.groups, told(found)) == ((), [])


ACCOUNT = {
    "name": "//iam.googleapis.com/projects/shop/serviceAccounts/1029",
    "assetType": "iam.googleapis.com/ServiceAccount",
    "resource": {
        "data": {"email": "etl@shop.iam.gserviceaccount.com", "uniqueId": "1029"}
    },
    "ancestors": ["projects/71", "organizations/9"],
}
CLIENT = {"clientId": "1029", "scopes": ["https://b", "https://a", "https://a"]}


@pytest.mark.parametrize(
    "given", [CLIENT, [CLIENT], {"domainWideDelegations": [CLIENT]}]
)
def test_domain_wide_delegation_names_an_account_by_its_id(
    tmp_path: Path, given: Any
) -> None:
    (tmp_path / "assets.json").write_text(json.dumps([PROJECT, ACCOUNT]))
    (tmp_path / "delegation.json").write_text(json.dumps(given))
    facts = read_snapshots(
        [tmp_path],
        tmp_path,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    (found,) = facts.delegations
    assert (found.id, found.origin.source) == ("delegation:1029", "delegation.json")
    assert found.account == "etl@shop.iam.gserviceaccount.com"
    assert found.scopes == ("https://a", "https://b")
    assert facts.gaps == ()


def test_a_client_that_is_no_account_which_was_read(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps(CLIENT | {"clientId": "77"}))
    facts = read_snapshots(
        [tmp_path / "d.json"],
        tmp_path,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    assert [(one.client_id, one.account) for one in facts.delegations] == [("77", None)]


def test_a_misshapen_delegation_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "d.json").write_text(json.dumps({"clientId": "1", "scopes": 7}))
    facts = read_snapshots(
        [tmp_path / "d.json"],
        tmp_path,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    assert [gap.reason for gap in facts.gaps] == ["malformed"]


WORKFORCE = "locations/global/workforcePools/staff"
STAFF = {"name": WORKFORCE, "parent": "organizations/9", "state": "ACTIVE"}
DIRECTORY = {
    "name": f"{WORKFORCE}/providers/okta",
    "oidc": {"issuerUri": "https://acme.okta.example", "clientId": "app-1"},
    "attributeMapping": {"google.subject": "assertion.sub"},
}


@pytest.mark.parametrize("pool", [True, False])
def test_pools_of_a_workforce_and_their_providers(tmp_path: Path, pool: bool) -> None:
    (tmp_path / "providers.json").write_text(json.dumps([DIRECTORY]))
    if pool:
        (tmp_path / "pools.json").write_text(json.dumps([STAFF]))
    facts = read_snapshots(
        [tmp_path],
        tmp_path,
        include_sys_projects=False,
        fingerprint=Fingerprint(b"k", True),
    )
    (found,) = facts.federation_providers
    assert (found.pool, found.workforce) == (f"//iam.googleapis.com/{WORKFORCE}", True)
    assert (found.kind, found.allowed_audiences) == ("oidc", ("app-1",))
    assert found.organization == ("organizations/9" if pool else None)
    assert found.disabled == (False if pool else UNSET)
    assert facts.gaps == ()


# -------------------------------------------------------------------- YAML, as gcloud's

DENY_YAML = f"""\
createTime: '2026-11-29T22:10:04.123456Z'
kind: DenyPolicy
name: policies/{AT}/denypolicies/no-invoke
rules:
- denyRule:
    deniedPermissions:
    - run.googleapis.com/*.*
    deniedPrincipals:
    - principalSet://goog/public:all
    denialCondition:
      expression: resource.matchTag('9/env', 'prod')
      title: prod
    exceptionPermissions:
    - run.googleapis.com/routes.invoke
    exceptionPrincipals:
    - principalSet://goog/group/ops@x.example
uid: '1'
"""
BOUNDARY_YAML = f"""\
---
details:
  enforcementVersion: '3'
  rules:
  - effect: ALLOW
    resources:
    - {CRM}/projects/shop
name: {BOUNDARY["name"]}
---
name: {BINDING["name"]}
policy: {BOUNDARY["name"]}
policyKind: PRINCIPAL_ACCESS_BOUNDARY
target:
  principalSet: {CRM}/projects/shop
condition:
  expression: principal.type == 'iam.googleapis.com/ServiceAccount'
"""
MEMBERS_YAML = """\
- name: groups/01abc/memberships/1
  preferredMemberKey:
    id: ann@x.example
  roles:
  - name: MEMBER
  type: USER
"""


@pytest.mark.parametrize("name", ["deny.yaml", "deny.yml", "deny.json"])
def test_yaml_says_what_json_says(tmp_path: Path, name: str) -> None:
    written = facts(tmp_path, PROJECT, **{name: DENY_YAML})
    (tmp_path / name).unlink()
    same = facts(tmp_path, PROJECT, DENY)
    (one,), (other,) = written.deny_policies, same.deny_policies
    assert one.rules == other.rules
    assert (layers(written).deny, told(written)) == ("read", [])


def test_a_stream_and_a_list_in_yaml(tmp_path: Path) -> None:
    files = {"pab.yaml": BOUNDARY_YAML, "eng@x.example.yaml": MEMBERS_YAML}
    written = facts(tmp_path, PROJECT, **files)
    (tmp_path / "j").mkdir()
    same = facts(
        tmp_path / "j",
        *(PROJECT, BOUNDARY, BINDING),
        **{"eng@x.example.json": [member("ann@x.example")]},
    )
    assert told(written) == told(same) == []
    (one,), (other,) = written.boundary_policies, same.boundary_policies
    assert (one.resources, one.version) == (other.resources, other.version)
    assert written.boundary_bindings[0].condition == BINDING_CONDITION
    assert [(g.key, g.members) for g in written.groups] == [
        (g.key, g.members) for g in same.groups
    ]


BINDING_CONDITION = Condition(
    title="", expression="principal.type == 'iam.googleapis.com/ServiceAccount'"
)


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        ("", "missing", "the file is empty"),
        (
            json.dumps(DENY)[:90],
            "not_an_asset",
            "not an asset: the line is no JSON",
        ),
        (
            DENY_YAML[:-12],
            "truncated",
            "the last line does not end: the file may be cut short",
        ),
        ("name: [x\n", "syntax", "broken YAML from line 2"),
        ("name: &a x\nother: *a\n", "syntax", "YAML with anchors or aliases"),
        ("name: x\nname: y\n", "syntax", "YAML with a key that is no word, or stands twice"),
        ("- " * 70 + "x\n", "syntax", "YAML nested too deep"),
        ("runs_as: x\n", "not_an_asset", "JSON, but nothing that docs/snapshot.md lists"),
        ('[[environment]]\nname = "p"\n', "syntax", "broken JSON: from line 1 to the end of the file no asset can be read"),
        ('{"bq": {"conn_type": "x"}}', "not_an_asset", "JSON, but nothing that docs/snapshot.md lists"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_may_have_held_any_layer(
    tmp_path: Path, content: str, reason: str, detail: str
) -> None:
    found = facts(tmp_path, PROJECT, ORGANIZATION, **{"deny.yaml": content})
    assert (reason, detail) in told(found)
    said = layers(found)
    assert (said.deny, said.boundary if reason != "truncated" else "partly") == (
        "partly",
        "partly",
    )
    causes = Estate(found).access.unread_guards()
    assert "deny policies (in deny.yaml)" in {cause.symbol for cause in causes}


@pytest.mark.parametrize("lines", range(9, 16))
def test_a_policy_in_yaml_that_is_cut_at_a_line_is_seen_to_be(
    tmp_path: Path, lines: int
) -> None:
    """Its keys are sorted, and the `uid` that Google sets on each comes after the rules."""
    cut = "".join(DENY_YAML.splitlines(keepends=True)[:lines])
    found = facts(tmp_path, PROJECT, ORGANIZATION, **{"deny.yaml": cut})
    assert [one.rules for one in found.deny_policies] == [UNSET]
    assert layers(found).deny == "partly"
    ((reason, detail),) = told(found)
    assert reason == "truncated"
    assert detail.endswith("was cut short: what follows in such a record is missing")


def test_the_binding_of_a_boundary_says_to_which(tmp_path: Path) -> None:
    cut = {key: BINDING[key] for key in ("name", "policyKind")}
    found = facts(tmp_path, PROJECT, ORGANIZATION, BOUNDARY, cut)
    assert found.boundary_bindings == ()
    assert layers(found).boundary == "partly"
    assert [gap.kinds for gap in found.gaps] == [("boundary_binding",)]


@pytest.mark.parametrize("left", ["deniedPrincipals", "deniedPermissions"])
def test_a_deny_rule_cut_at_a_line_denies_nobody_knows_whom(
    tmp_path: Path, left: str
) -> None:
    rule = {left: DENY["rules"][0]["denyRule"][left]}  # type: ignore[index]  # a list
    found = facts(tmp_path, PROJECT, {**DENY, "rules": [{"denyRule": rule}]})
    assert found.deny_policies[0].rules is UNSET
