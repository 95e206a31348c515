import pytest
from msgspec.structs import replace

from dagwarden.facts import Origin, Role, Unresolved
from dagwarden.graph.roles import Roles, catalogue

ORIGIN = Origin(source="assets.ndjson", line=3)


def role(
    name: str, *permissions: str, deleted: bool = False, stage: str | None = None
) -> Role:
    return Role(
        stage=stage,
        id=f"role:{name}",
        origin=ORIGIN,
        name=name,
        permissions=permissions,
        deleted=deleted,
        custom=not name.startswith("roles/"),
    )


def test_the_catalogue_says_what_it_is_and_when() -> None:
    shipped = catalogue()
    assert shipped.as_of == "2026-08-22"
    assert shipped.roles["roles/run.invoker"] == {
        "run.routes.invoke",
        "run.jobs.run",
        "run.instances.invoke",
    }


@pytest.mark.parametrize(
    ("name", "permission", "held"),
    [
        ("roles/run.invoker", "run.routes.invoke", True),
        ("roles/run.invoker", "run.jobs.runWithOverrides", False),
        ("roles/run.servicesInvoker", "run.jobs.run", False),
        ("roles/owner", "run.jobs.run", True),
        ("roles/viewer", "run.jobs.run", False),
        # never heard of, in another service: it does not call Cloud Run
        ("roles/bigquery.dataViewer", "run.routes.invoke", False),
        # never heard of, in the permission's own service: may be newer than we are
        ("roles/run.superInvoker", "run.routes.invoke", None),
        ("roles/writer", "run.routes.invoke", None),
        # of no service, and known: it looks at folders, projects and their policies
        ("roles/browser", "run.routes.invoke", False),
        ("roles/browser", "resourcemanager.projects.setIamPolicy", False),
        # a policy read in a version that hides conditions
        ("roles/run.invoker_withcond_0a1b", "run.routes.invoke", None),
        ("roles/cloudfunctions.admin_withcond_0a1b", "run.jobs.run", None),
        ("roles/storage.objectViewer", "storage.objects.create", False),
        ("roles/run.invoker", "run.services.list", None),
        ("projects/p/roles/unread", "run.routes.invoke", None),
        ("organizations/1/roles/unread", "run.routes.invoke", None),
    ],
)
def test_without_definitions_the_catalogue_answers(
    name: str, permission: str, held: bool | None
) -> None:
    assert Roles(()).holds(name, permission) is held


def test_a_definition_that_was_read_comes_first() -> None:
    roles = Roles(
        [
            role("roles/run.invoker", "run.routes.get"),
            role("projects/p/roles/caller", "run.jobs.run", "x.y.z"),
            role("projects/p/roles/gone", "run.jobs.run", deleted=True),
        ]
    )
    assert roles.holds("roles/run.invoker", "run.routes.invoke") is False
    assert roles.holds("projects/p/roles/caller", "x.y.z") is True
    assert roles.modelled("projects/p/roles/caller") == frozenset(["run.jobs.run"])
    assert roles.holds("projects/p/roles/gone", "run.jobs.run") is False
    assert roles.origin("projects/p/roles/caller") == ORIGIN
    assert roles.origin("roles/owner").source == "dagwarden role catalogue"


def test_a_custom_role_without_definition_may_hold_anything() -> None:
    roles = Roles([])
    assert roles.modelled("projects/p/roles/x") is None
    assert roles.surely("projects/p/roles/x") == frozenset()
    assert "run.jobs.run" in roles.perhaps("projects/p/roles/x")


def test_permissions_are_known_by_their_exact_name() -> None:
    roles = Roles([role("projects/p/roles/x", "a.b.c")])
    assert roles.knows("run.routes.invoke")
    assert roles.knows("a.b.c")
    assert not roles.knows("run.routes.Invoke")


def test_without_the_catalogue_a_role_that_was_not_read_is_not_known() -> None:
    assert Roles(()).holds("roles/run.invoker", "run.routes.invoke") is True
    assert Roles((), shipped=False).holds("roles/run.invoker", "run.jobs.run") is None


@pytest.mark.parametrize(
    ("stage", "held"),
    [
        # google.iam.admin.v1.Role.RoleLaunchStage
        (None, True),
        ("GA", True),
        ("DEPRECATED", True),
        ("DISABLED", False),
        ("disabled", None),
        ("7", None),
    ],
)
@pytest.mark.parametrize("name", ["projects/p/roles/x", "roles/run.invoker"])
def test_a_stage_that_is_none_leaves_open_what_a_role_grants(
    name: str, stage: str | None, held: bool | None
) -> None:
    roles = Roles([role(name, "run.jobs.run", stage=stage)])
    assert roles.holds(name, "run.jobs.run") is held


@pytest.mark.parametrize(
    ("listed", "permission", "held"),
    [
        # cloud.google.com/iam/docs/creating-custom-roles: permissions are listed one by one
        ("run.*", "run.jobs.run", None),
        ("Run.jobs.*", "run.jobs.run", None),
        ("*", "run.jobs.run", None),
        ("run.jobs.*", "run.routes.invoke", False),
        ("run.jobs.*", "run.jobs.*", None),
    ],
)
def test_a_wildcard_in_a_role_is_not_known_to_be_one(
    listed: str, permission: str, held: bool | None
) -> None:
    roles = Roles([role("projects/p/roles/x", listed)])
    assert roles.holds("projects/p/roles/x", permission) is held


def test_of_a_definition_that_cannot_be_followed_the_catalogue_says_nothing() -> None:
    open_ = Unresolved(field="permissions", reason="unreadable", symbol="definition")
    name = "roles/run.invoker"
    listed = Role(id=f"role:{name}", origin=ORIGIN, name=name)
    assert Roles([listed]).holds(name, "run.jobs.run") is True
    assert (
        Roles([replace(listed, unresolved=(open_,))]).holds(name, "run.jobs.run")
        is None
    )


@pytest.mark.parametrize(
    ("name", "perhaps"),
    [
        ("roles/iam.workforcePoolEditor", True),  # it surely does
        ("roles/iam.securityReviewer", False),
        ("roles/compute.networkAdmin", False),
        ("roles/iam.newlyMade", True),
        ("projects/p/roles/unread", True),
    ],
)
def test_what_some_roles_are_known_to_hold_others_may_hold(
    name: str, perhaps: bool
) -> None:
    permission = "iam.googleapis.com/workforcePoolProviders.update"
    assert (permission in Roles(()).perhaps(name)) is perhaps
