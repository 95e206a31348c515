"""What one object says twice is not believed, whichever of the two a reader would take."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sources.snapshot.test_export import gaps, read

CRM, RUN = "cloudresourcemanager.googleapis.com", "run.googleapis.com"
ALL, ONE = '["allUsers"]', '["user:a@x.example"]'
BINDING = f'{{"role": "roles/viewer", "members": {ONE}}}'


def asset(kind: str, name: str, inside: str) -> str:
    return f'{{"name": "//{name}", "assetType": "{kind}", {inside}}}'


def policy(inside: str) -> str:
    return asset(f"{CRM}/Project", f"{CRM}/projects/1", f'"iamPolicy": {{{inside}}}')


def data(kind: str, inside: str) -> str:
    name = f"{kind.partition('/')[0]}/projects/p/x/y"
    return asset(kind, name, f'"resource": {{"data": {{{inside}}}}}')


def deny(inside: str) -> str:
    return f'{{"name": "policies/p/denypolicies/d", "uid": "1", {inside}}}'


DENIED = '"deniedPrincipals": ["principalSet://goog/public:all"]'
WHAT = '"deniedPermissions": ["run.googleapis.com/jobs.run"]'


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (policy(f'"bindings": [{BINDING}], "bindings": []'), "bindings"),
        (
            policy(f'"bindings": [{{"role": "a", "role": "b", "members": {ONE}}}]'),
            "role",
        ),
        (
            policy(
                f'"bindings": [{{"role": "a", "members": {ALL}, "members": {ONE}}}]'
            ),
            "members",
        ),
        (
            policy(
                f'"bindings": [{{"role": "a", "members": {ALL}, "m\\u0065mbers": {ONE}}}]'
            ),
            "members",
        ),
        (
            policy(
                f'"bindings": [{{"role": "a", "members": {ALL}, '
                '"condition": {"expression": "false"}, "condition": null}]'
            ),
            "condition",
        ),
        (
            asset(
                f"{CRM}/Project",
                f"{CRM}/projects/1",
                f'"iamPolicy": {{"bindings": [{BINDING}]}}, "iamPolicy": null',
            ),
            "iamPolicy",
        ),
        # in both spellings
        (
            asset(
                f"{CRM}/Project",
                f"{CRM}/projects/1",
                f'"iamPolicy": {{"bindings": [{BINDING}]}}, "iam_policy": {{"bindings": []}}',
            ),
            "iamPolicy",
        ),
        (
            policy('"auditConfigs": [{"service": "a"}], "audit_configs": [{}]'),
            "auditConfigs",
        ),
        (
            policy(
                '"auditConfigs": [{"service": "a", "auditLogConfigs": '
                '[{"logType": "DATA_READ", "log_type": 1}]}]'
            ),
            "logType",
        ),
        # resources
        (
            data("iam.googleapis.com/ServiceAccount", '"email": "a@x", "email": "b@x"'),
            "email",
        ),
        (
            data(
                "iam.googleapis.com/ServiceAccount",
                '"email": "a@x", "disabled": true, "disabled": null',
            ),
            "disabled",
        ),
        (
            data(
                f"{RUN}/Service",
                '"template": {"serviceAccount": "a@x"}, "template": {}',
            ),
            "template",
        ),
        (
            data(
                f"{RUN}/Service",
                '"invokerIamDisabled": true, "invokerIamDisabled": false',
            ),
            "invokerIamDisabled",
        ),
        (
            data(
                "iam.googleapis.com/Role",
                '"name": "roles/a", "includedPermissions": ["run.jobs.run"], '
                '"includedPermissions": []',
            ),
            "includedPermissions",
        ),
        # what an export does not carry
        (
            deny(f'"rules": [{{"denyRule": {{{DENIED}, {WHAT}}}}}], "rules": []'),
            "rules",
        ),
        (
            deny(f'"rules": [{{"denyRule": {{{DENIED}, {WHAT}, {WHAT}}}}}]'),
            "deniedPermissions",
        ),
        ('{"name": "roles/a", "stage": "GA", "stage": "DISABLED"}', "stage"),
        ('{"roles": [{"name": "roles/a", "stage": "GA", "stage": "BETA"}]}', "stage"),
        # what it is called is not repeated: it may be anything
        (
            data("iam.googleapis.com/Role", '"name": "x", "S3CRET": 1, "S3CRET": 2'),
            None,
        ),
    ],
)
def test_what_stands_twice_is_a_gap_and_not_believed(
    tmp_path: Path, line: str, key: str | None
) -> None:
    good = policy(f'"bindings": [{BINDING}]')
    facts = read(tmp_path, f"{line}\n{good}\n")
    detail = f"{key or 'a key'} stands twice in one object: neither is believed"
    assert gaps(facts) == [("malformed", 1, detail, True)]
    assert [binding.origin.line for binding in facts.bindings] == [2]
    assert (facts.roles, facts.cloud_runs, facts.deny_policies) == ((), (), ())
    assert facts.snapshots[0].layers.allow == "partly"


@pytest.mark.parametrize("beside", [b'"\xff"', b"1" * 5000])
def test_what_is_skipped_hides_nothing_that_stands_twice(
    tmp_path: Path, beside: bytes
) -> None:
    good = b'{"name": "roles/a", "stage": "GA"}\n'
    line = b'{"name": "roles/b", "x": %b, "stage": "GA", "stage": "BETA"}\n' % beside
    facts = read(tmp_path, line + good)
    detail = "stage stands twice in one object: neither is believed"
    assert gaps(facts) == [("malformed", 1, detail, True)]
    assert [role.name for role in facts.roles] == ["roles/a"]


def test_depth_hides_nothing_that_stands_twice(tmp_path: Path) -> None:
    depths = range(900, 1010)
    line = '{{"name": "roles/b", "x": {0}{1}, "stage": "GA", "stage": "BETA"}}\n'
    lines = [line.format("[" * depth, "]" * depth) for depth in depths]
    facts = read(tmp_path, "".join(lines))
    assert [gap.origin.line for gap in facts.gaps] == [*range(1, len(depths) + 1)]
    assert facts.roles == ()
    assert {gap.detail for gap in facts.gaps} <= {
        "stage stands twice in one object: neither is believed",
        "JSON nested too deep to tell what stands in it twice",
        "JSON nested too deep",
    }


RUNS_AS: dict[str, Any] = {
    "spec": {"serviceAccountName": "a@p.iam.gserviceaccount.com"}
}


@pytest.mark.parametrize(
    ("kind", "inside"),
    [
        (f"{RUN}/Service", {"spec": {"template": RUNS_AS}}),
        (f"{RUN}/Job", {"spec": {"template": {"spec": {"template": RUNS_AS}}}}),
        (f"{RUN}/Job", {"template": {"template": {"serviceAccount": "a@x"}}}),
        (f"{RUN}/Service", {"metadata": {"labels": {"serviceAccountName": "no"}}}),
        (
            "iam.googleapis.com/ServiceAccount",
            {"email": "a@x", "description": '"disabled" \\u0061', "disabled": False},
        ),
        (f"{CRM}/Project", {"projectId": "p", "labels": {"projectId": "other"}}),
    ],
)
def test_what_only_looks_like_it_is_read(
    tmp_path: Path, kind: str, inside: dict[str, Any]
) -> None:
    line = data(kind, json.dumps(inside)[1:-1])
    assert gaps(read(tmp_path, line)) == []


def test_words_that_are_keys_elsewhere_are_read(tmp_path: Path) -> None:
    condition = {"title": "role", "expression": 'request.path == "members"'}
    binding = {"role": "a", "members": ["allUsers"], "condition": condition}
    facts = read(tmp_path, policy(f'"bindings": [{json.dumps(binding)}]'))
    assert gaps(facts) == []
    assert [one.condition and one.condition.title for one in facts.bindings] == ["role"]
