"""What is said of a credential, by its kind: in its own words, to be pasted as it is."""

from typing import Any, get_args

import pytest
from msgspec.structs import replace
from tests.graph.test_build import AS_OF, TEAM_SA
from tests.graph.test_leaked import KEY, NAME, SECRET, leaked

from dagwarden.facts import EmbeddedSecret, Facts, SecretKind
from dagwarden.graph.build import derive
from dagwarden.policy.evaluate import evidence_of, render_message, render_remediation
from dagwarden.policy.pack import load_rules

RULES = {rule.id: rule for rule in load_rules()}
DISABLE = f"gcloud iam service-accounts keys disable {NAME} --iam-account={TEAM_SA}"
DELETE = f"gcloud iam service-accounts keys delete {NAME} --iam-account={TEAM_SA}"


def said(kind: SecretKind, **changes: Any) -> tuple[str, str]:
    """Return the message and the remediation of a credential of `kind`."""
    given = {"identity": None, "key_id": None, "secret": kind, **changes}
    (fact,) = derive(
        Facts(embedded_secrets=(replace(SECRET, **given),)), AS_OF
    ).embedded_secrets
    return told(fact)


def told(fact: EmbeddedSecret) -> tuple[str, str]:
    keys = ("service_account_key", "authorized_user", "private_key")
    rule = RULES["key-in-repository" if fact.secret in keys else "secret-in-repository"]
    return render_message(rule, fact), render_remediation(rule, fact)


@pytest.mark.parametrize(
    ("kind", "changes", "first", "command"),
    [
        (
            "private_key",
            {},
            "End the key first: take its public half out",
            "ssh-keygen -y",
        ),
        (
            "authorized_user",
            {},
            "Revoke the token first",
            "oauth2.googleapis.com/revoke",
        ),
        ("webhook_url", {}, "Delete the webhook", "secrets create"),
        ("bearer_token", {"prefix": "ghp_"}, "Revoke it where it was issued", ""),
        ("bearer_token", {"prefix": "xoxb-"}, "Revoke it where it was issued", ""),
        (
            "bearer_token",
            {"prefix": "ya29."},
            "An access or ID token of Google ends",
            "",
        ),
        ("bearer_token", {}, "An access or ID token of Google ends", ""),
        ("aws_secret_key", {}, "Make a second key", "aws iam create-access-key"),
        ("password", {}, "Change the secret first", "secrets create"),
    ],
)
def test_each_kind_is_ended_in_its_own_way(
    kind: SecretKind, changes: dict[str, Any], first: str, command: str
) -> None:
    message, remediation = said(kind, **changes)
    assert remediation.startswith(first)
    assert command in remediation
    assert "service-accounts keys" not in remediation
    assert "is that account" not in message


@pytest.mark.parametrize("kind", get_args(SecretKind))
def test_the_page_is_named_in_what_is_shown_first(kind: SecretKind) -> None:
    _, remediation = said(kind)
    assert "dagwarden rules show " in "".join(remediation.splitlines()[:3])


@pytest.mark.parametrize(
    ("changes", "here", "not_here"),
    [
        ({}, [DISABLE, DELETE], []),
        ({"disabled": True}, [DELETE], [DISABLE]),
        ({"valid_before": "2026-11-21T00:00:00Z"}, [], [DISABLE, DELETE]),
        ({"key_id": "another"}, [], [DISABLE, DELETE]),
    ],
)
def test_the_commands_are_those_of_the_key_as_it_stands(
    changes: dict[str, Any], here: list[str], not_here: list[str]
) -> None:
    _, remediation = told(leaked(replace(KEY, **changes)))
    assert [line for line in here if line not in remediation] == []
    assert [line for line in not_here if line in remediation] == []
    assert f'serviceAccountKeyName:"{NAME}"' in remediation


@pytest.mark.parametrize(
    ("identity", "key_id"),
    [
        ("x@p.iam.gserviceaccount.com; rm -rf ~", "0123abcd"),
        ("x@p.iam.gserviceaccount.com", "$(rm -rf ~)"),
    ],
)
def test_what_a_file_says_is_no_command(identity: str, key_id: str) -> None:
    _, remediation = said("service_account_key", identity=identity, key_id=key_id)
    assert "rm -rf" not in remediation


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("text", "password"),
        ("password", "password"),
        ("db.password", "password at db.password"),
        (
            "services.scheduler.<<.environment.REDIS_PASSWORD.REDIS_PASSWORD",
            "password at environment.REDIS_PASSWORD",
        ),
    ],
)
def test_a_place_is_told_where_it_says_more(place: str, words: str) -> None:
    message, _ = said("password", place=place)
    assert message.startswith(f"key.json holds a secret in clear ({words}): ")


def test_what_a_credential_has_not_is_no_evidence() -> None:
    rule = RULES["secret-in-repository"]
    named = {
        item.name for item in evidence_of(rule, replace(SECRET, secret="password"))
    }
    assert named == {"secret", "place", "carriers"}
    known = replace(SECRET, secret="bearer_token", prefix="ghp_")
    assert ("prefix", "ghp_") in {(i.name, i.value) for i in evidence_of(rule, known)}
