"""Terraform as its own language reads it, hostile names included."""

import json
from collections.abc import Callable
from typing import Any, cast

import hcl2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagwarden.answers import Change, ResourceParts, Suggestion
from dagwarden.render.terraform import quoted, render_terraform

LOADER = "serviceAccount:loader@p.iam.gserviceaccount.com"
OWN = "dag-a@p.iam.gserviceaccount.com"
JOB = ResourceParts(
    kind="job", resource="//run/j", label="job j", project="p", region="r1", name="j"
)


def grant(
    place: ResourceParts, member: str = LOADER, role: str = "roles/run.x"
) -> Change:
    return Change(kind="grant", because="", place=place, role=role, member=member)


def parsed(text: str) -> dict[str, Any]:
    # the reader's own types leave its values open
    loads = cast("Callable[[str], dict[str, Any]]", hcl2.loads)  # pyright: ignore[reportUnknownMemberType]
    return loads(text)


def blocks(text: str) -> list[tuple[str, str, dict[str, str]]]:
    """Return type, label and arguments of each resource."""
    read = parsed(text)
    return [
        (kind.strip('"'), label.strip('"'), body)
        for resource in read.get("resource", [])
        for kind, labelled in resource.items()
        for label, body in labelled.items()
    ]


@pytest.mark.parametrize(
    ("place", "kind", "where"),
    [
        (
            JOB,
            "google_cloud_run_v2_job_iam_member",
            {"project": "p", "location": "r1", "name": "j"},
        ),
        (
            ResourceParts(
                kind="service",
                resource="//run/s",
                label="s",
                project="p",
                region="r1",
                name="s",
            ),
            "google_cloud_run_v2_service_iam_member",
            {"project": "p", "location": "r1", "name": "s"},
        ),
        (
            ResourceParts(kind="project", resource="//p", label="p", project="p"),
            "google_project_iam_member",
            {"project": "p"},
        ),
        (
            ResourceParts(
                kind="account", resource="//a", label="a", project="p", name="a@p.x"
            ),
            "google_service_account_iam_member",
            {"service_account_id": "projects/p/serviceAccounts/a@p.x"},
        ),
        (
            ResourceParts(kind="folder", resource="//f", label="f", name="12"),
            "google_folder_iam_member",
            {"folder": "folders/12"},
        ),
        (
            ResourceParts(kind="organization", resource="//o", label="o", name="34"),
            "google_organization_iam_member",
            {"org_id": "34"},
        ),
    ],
)
def test_each_place_has_its_resource(
    place: ResourceParts, kind: str, where: dict[str, str]
) -> None:
    text = render_terraform(Suggestion(asked="x", changes=(grant(place),)))
    ((found, _, body),) = blocks(text)
    assert found == kind
    given_ = {
        name: value.strip('"') for name, value in body.items() if name != "__is_block__"
    }
    assert given_ == {**where, "role": "roles/run.x", "member": LOADER}


def test_what_is_made_is_referred_to() -> None:
    said = Suggestion(
        asked="DAG a",
        changes=(
            Change(kind="create", because="", dag="a", accounts=(OWN,)),
            grant(JOB, f"serviceAccount:{OWN}"),
            grant(ResourceParts(kind="account", resource="//own", label=OWN, name=OWN)),
        ),
    )
    (_, label, account), (_, _, on_job), (_, _, on_account) = blocks(
        render_terraform(said)
    )
    assert account["account_id"] == '"dag-a"'
    assert account["project"] == '"p"'
    assert on_job["member"] == f"${{google_service_account.{label}.member}}"
    assert (
        on_account["service_account_id"] == f"${{google_service_account.{label}.name}}"
    )


def test_labels_are_names_and_differ() -> None:
    roles = ("roles/run.a", "roles/run_a", "roles/run.A", "9", "é\n${x}")
    said = Suggestion(asked="x", changes=tuple(grant(JOB, role=role) for role in roles))
    labels = [label for _, label, _ in blocks(render_terraform(said))]
    assert len(set(labels)) == len(roles)
    assert all(label.isascii() and label.isidentifier() for label in labels)


def test_what_is_no_resource_stands_in_comments_of_one_line() -> None:
    said = Suggestion(
        asked='the estate\nresource "x" "y" {}',
        changes=(
            Change(
                kind="revoke",
                because="",
                place=JOB,
                role="roles/run.x",
                member=LOADER,
                command="gcloud run jobs remove",
            ),
            Change(
                kind="act_as", because="", dag="a\n}", tasks=("t",), accounts=(OWN,)
            ),
            Change(kind="act_as", because="", connection="c", environment="prod"),
        ),
    )
    text = render_terraform(said)
    assert parsed(text).get("resource") is None
    assert all(not line or line.startswith("# ") for line in text.splitlines())


TEXTS = st.text(
    st.sampled_from(
        ['"', "\\", "$", "%", "{", "}", "a", " ", "\n", "é", "#", "/", "*"]
    ),
    max_size=12,
)


@given(TEXTS)
def test_a_text_stands_for_itself(text: str) -> None:
    inside = quoted(text)[1:-1]
    # by the documented rules: markers first, then what a backslash escapes
    plain, rest = "", inside
    while rest:
        if rest[:3] in ("$${", "%%{"):
            plain, rest = plain + rest[1:3], rest[3:]
        elif rest[0] == "\\":
            plain, rest = plain + json.loads(f'"{rest[:2]}"'), rest[2:]
        else:
            assert rest[:2] not in ("${", "%{")
            assert rest[0] != '"'
            plain, rest = plain + rest[0], rest[1:]
    assert plain == text.replace("\n", "\\n")
    if not {"${", "%{"} & {text[at : at + 2] for at in range(len(text))}:
        # the reader wants a marker that is escaped to be closed; HCL does not
        read = parsed(f'a = {quoted(text)}\nb = "end"\n')
        assert read["b"] == '"end"'
