"""
A suggestion as Terraform: accounts and grants of the `hashicorp/google` provider.

Argument names are those of its documentation (registry.terraform.io/providers/
hashicorp/google): `google_service_account`, `google_service_account_iam_member`,
`google_cloud_run_v2_service_iam_member` and `..._job_iam_member`, and
`google_project_iam_member`, `google_folder_iam_member`, `google_organization_iam_member`.
Every name comes from what was scanned: labels are made of letters, digits and `_`, and
texts are quoted so that nothing in them is read as a template.
"""

import re
from hashlib import sha256

from dagwarden.answers import Change, ResourceParts, Suggestion
from dagwarden.render import visible


def render_terraform(said: Suggestion) -> str:
    """Return the accounts and grants as resources; all else as comments."""
    parts = [_comment(f"dagwarden suggest: {said.asked}")]
    made = {
        change.accounts[0]: _label(change.accounts[0])
        for change in said.changes
        if change.kind == "create"
    }
    for change in said.changes:
        if change.kind == "create":
            parts.append(_account(change, made[change.accounts[0]]))
        elif change.kind == "grant" and change.place is not None:
            parts.append(_member(change, change.place, made))
        elif change.kind == "revoke" and change.place is not None:
            parts.append(
                _comment(
                    f"Take {change.role} on {change.place.label} from {change.member}: "
                    "remove it where it is declared, or",
                    f"  {change.command}",
                )
            )
        elif change.connection:
            parts.append(
                _comment(
                    f"In Airflow ({change.environment}): connection {change.connection} "
                    f"without a key, impersonation_chain {', '.join(change.accounts)}"
                )
            )
        else:
            parts.append(
                _comment(
                    f"In DAG {change.dag}: impersonation_chain "
                    f"{', '.join(change.accounts)} for {', '.join(change.tasks)}"
                )
            )
    return "\n".join(parts)


def _account(change: Change, label: str) -> str:
    email = change.accounts[0]
    name, _, domain = email.partition("@")
    project = domain.removesuffix(".iam.gserviceaccount.com")
    return _block(
        "google_service_account",
        label,
        {
            "project": quoted(project),
            "account_id": quoted(name),
            "display_name": quoted(f"DAG {change.dag}"[:100]),
        },
    )


def _member(change: Change, place: ResourceParts, made: dict[str, str]) -> str:
    email = change.member.partition(":")[2]
    known = made.get(email)
    ends = {
        "role": quoted(change.role),
        "member": f"google_service_account.{known}.member"
        if known
        else quoted(change.member),
    }
    kind, where = _where(place, made)
    label = _label(f"{email.partition('@')[0]}_{change.role}", place.resource, email)
    return _block(kind, label, {**where, **ends})


def _where(place: ResourceParts, made: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Return the resource type of a member's grant, and the arguments that place it."""
    if place.kind in ("service", "job"):
        return f"google_cloud_run_v2_{place.kind}_iam_member", {
            "project": quoted(place.project),
            "location": quoted(place.region),
            "name": quoted(place.name),
        }
    if place.kind == "account":
        known = made.get(place.name)
        full = f"projects/{place.project or '-'}/serviceAccounts/{place.name}"
        return "google_service_account_iam_member", {
            "service_account_id": f"google_service_account.{known}.name"
            if known
            else quoted(full)
        }
    if place.kind == "project":
        return "google_project_iam_member", {"project": quoted(place.project)}
    if place.kind == "folder":
        return "google_folder_iam_member", {"folder": quoted(f"folders/{place.name}")}
    return "google_organization_iam_member", {"org_id": quoted(place.name)}


def _block(kind: str, label: str, arguments: dict[str, str]) -> str:
    width = max(map(len, arguments))
    lines = [f"  {name:<{width}} = {value}" for name, value in arguments.items()]
    return "\n".join((f'resource "{kind}" "{label}" {{', *lines, "}", ""))


def quoted(text: str) -> str:
    """
    Return a text as an HCL string that stands for just that text.

    HCL escapes as JSON does, and reads `${` and `%{` as templates unless the first
    character is doubled (developer.hashicorp.com/terraform/language/expressions/strings).
    """
    plain = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + plain.replace("${", "$${").replace("%{", "%%{") + '"'


def _label(text: str, *more: str) -> str:
    """Return a name that Terraform takes; with `more`, one of its own for each of them."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.lower().partition("@")[0]).strip("_")
    if not plain or plain[0].isdigit():
        plain = f"_{plain}"
    digest = sha256("\n".join((text, *more)).encode()).hexdigest()[:8]
    return f"{plain[:60]}_{digest}"


def _comment(*lines: str) -> str:
    return "\n".join((*(f"# {visible(line)}" for line in lines), ""))
