import pytest

from dagwarden.graph.principals import (
    account_key,
    is_default_compute,
    key_of,
    kind_of,
    project_of_account,
)


@pytest.mark.parametrize(
    ("member", "key", "kind"),
    [
        ("serviceAccount:A@P.iam.gserviceaccount.com", "serviceAccount:a@p.iam.gserviceaccount.com", "service_account"),
        ("a@p.iam.gserviceaccount.com", "serviceAccount:a@p.iam.gserviceaccount.com", "service_account"),
        ("user:One@X.example", "user:one@x.example", "user"),
        ("one@x.example", "user:one@x.example", "user"),
        ("group:g@x.example", "group:g@x.example", "group"),
        ("domain:X.example", "domain:x.example", "domain"),
        ("allUsers", "allUsers", "all_users"),
        ("allAuthenticatedUsers", "allAuthenticatedUsers", "all_authenticated_users"),
        ("principalSet://goog/public:all", "allUsers", "all_users"),
        ("principal://goog/subject/One@x.example", "user:one@x.example", "user"),
        ("principalSet://goog/group/g@x.example", "group:g@x.example", "group"),
        (
            "principal://iam.googleapis.com/projects/-/serviceAccounts/a@p.iam.gserviceaccount.com",
            "serviceAccount:a@p.iam.gserviceaccount.com",
            "service_account",
        ),
        ("serviceAccount:p.svc.id.goog[ns/KSA]", "serviceAccount:p.svc.id.goog[ns/KSA]", "federated"),
        (
            "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/q/subject/S",
            "principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/q/subject/S",
            "federated",
        ),
        ("projectEditor:p", "projectEditor:p", "project_role"),
        ("deleted:serviceAccount:a@p?uid=1", "deleted:serviceAccount:a@p?uid=1", "deleted"),
        (
            "serviceAccount:service-12@gcp-sa-run.iam.gserviceaccount.com",
            "serviceAccount:service-12@gcp-sa-run.iam.gserviceaccount.com",
            "service_agent",
        ),
        ("serviceAccount:12@cloudservices.gserviceaccount.com", "serviceAccount:12@cloudservices.gserviceaccount.com", "service_agent"),
        ("serviceAccount:service-desk@p.iam.gserviceaccount.com", "serviceAccount:service-desk@p.iam.gserviceaccount.com", "service_account"),
    ],
)  # fmt: skip
def test_spellings_of_one_identity_have_one_key(
    member: str, key: str, kind: str
) -> None:
    assert key_of(member) == key
    assert kind_of(key) == kind


@pytest.mark.parametrize(
    ("email", "project"),
    [
        ("a@p-1.iam.gserviceaccount.com", "p-1"),
        ("a@p.example.com.iam.gserviceaccount.com", "example.com:p"),
        ("12-compute@developer.gserviceaccount.com", "12"),
        ("p@appspot.gserviceaccount.com", "p"),
        ("service-12@gcp-sa-run.iam.gserviceaccount.com", None),
        ("one@x.example", None),
    ],
)
def test_an_account_tells_its_project(email: str, project: str | None) -> None:
    assert project_of_account(email) == project


def test_default_compute_is_told_by_its_whole_name() -> None:
    assert is_default_compute("12-compute@developer.gserviceaccount.com")
    assert not is_default_compute("x12-compute@developer.gserviceaccount.com")


def test_a_resource_name_of_an_account_gives_its_key() -> None:
    name = "projects/-/serviceAccounts/A@p.iam.gserviceaccount.com"
    assert account_key(name) == "serviceAccount:a@p.iam.gserviceaccount.com"
