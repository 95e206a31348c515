"""Principals: the many spellings of one identity become one key."""

import re
from functools import lru_cache

from dagwarden.facts import IdentityKind, IdentityRef

ALL_USERS = "allUsers"
ALL_AUTHENTICATED = "allAuthenticatedUsers"
ANYONE = IdentityRef(key=ALL_USERS, kind="all_users")

# Patterns are texts: a scan without a snapshot need not compile them.
# Deny policies and access boundaries spell members their own way.
_V2_SPELLINGS = (
    (
        r"principal://iam\.googleapis\.com/projects/[^/]+/serviceAccounts/(.+)",
        "serviceAccount:",
    ),
    (r"principal://goog/subject/(.+)", "user:"),
    (r"principalSet://goog/group/(.+)", "group:"),
    (r"principalSet://goog/cloudIdentityCustomerId/(.+)", "customer:"),
)
# Kubernetes accounts have an older name, too, which tells all that this one does.
# Source: cloud.google.com/iam/docs/principal-identifiers
_KUBERNETES = (
    r"principal://iam\.googleapis\.com/projects/[^/]+/locations/global/"
    r"workloadIdentityPools/([^/]+\.svc\.id\.goog)/subject/ns/([^/]+)/sa/([^/]+)"
)
_MAIL_KINDS: dict[str, IdentityKind] = {
    "user": "user",
    "group": "group",
    "domain": "domain",
    "projectOwner": "project_role",
    "projectEditor": "project_role",
    "projectViewer": "project_role",
    "deleted": "deleted",
    "principal": "federated",
    "principalSet": "federated",
}
_DEFAULT_COMPUTE = r"\d+-compute@developer\.gserviceaccount\.com"
# Accounts that Google creates and runs itself: `service-NUMBER@...` in a project of
# Google's, and the API agent of every project.
_AGENT = (
    r"service-(?:org-|folder-)?\d+@[a-z0-9.-]+\.iam\.gserviceaccount\.com"
    r"|\d+@cloudservices\.gserviceaccount\.com"
)
_ACCOUNT_PROJECT = r"@([a-z0-9.:-]+?)\.iam\.gserviceaccount\.com$"
_NUMBERED_PROJECT = (
    r"^(\d+)(?:-compute@developer|@cloudbuild|@cloudservices)\.gserviceaccount\.com$"
)
_APPSPOT_PROJECT = r"^([a-z0-9.:-]+)@appspot\.gserviceaccount\.com$"


def key_of(member: str) -> str:
    """
    Return the key of an IAM member, or of a bare e-mail.

    E-mails are compared without case, so they are lower-cased; everything else is
    left as written.
    """
    member = member.strip()
    if member == "principalSet://goog/public:all":
        return ALL_USERS
    if member.startswith(("principal:", "principalSet:")):
        for pattern, prefix in _V2_SPELLINGS:
            if found := re.fullmatch(pattern, member):
                return prefix + found[1].lower()
        if found := re.fullmatch(_KUBERNETES, member):
            return f"serviceAccount:{found[1]}[{found[2]}/{found[3]}]"
    if member.startswith("deleted:principal"):
        return f"deleted:{key_of(member.removeprefix('deleted:'))}"
    prefix, colon, rest = member.partition(":")
    if not colon and "@" in member:
        return key_of_email(member)
    if prefix == "serviceAccount" and "[" not in rest:
        return f"serviceAccount:{rest.lower()}"
    if prefix in ("user", "group", "domain"):
        return f"{prefix}:{rest.lower()}"
    return member


def key_of_email(email: str) -> str:
    """Return the key of an e-mail: Google's own domain means service account."""
    email = email.strip().lower()
    account = email.endswith(".gserviceaccount.com")
    return f"serviceAccount:{email}" if account else f"user:{email}"


def account_key(name: str) -> str:
    """Return the key of a service account named by e-mail or resource name."""
    return f"serviceAccount:{name.rpartition('/')[2].strip().lower()}"


def email_of(key: str) -> str | None:
    """Return the e-mail in a key, or None where it holds none."""
    prefix, _, rest = key.partition(":")
    mail = prefix in ("serviceAccount", "user", "group") and "@" in rest
    return rest if mail else None


@lru_cache(maxsize=1 << 16)  # a scan asks it ten times of each
def kind_of(key: str) -> IdentityKind:
    """Return what kind of identity a key names."""
    if key == ALL_USERS:
        return "all_users"
    if key == ALL_AUTHENTICATED:
        return "all_authenticated_users"
    prefix, _, rest = key.partition(":")
    if prefix == "serviceAccount":
        if "[" in rest:  # a Kubernetes account in a fleet's pool
            return "federated"
        return "service_agent" if _is_agent(rest) else "service_account"
    return _MAIL_KINDS.get(prefix, "unknown")


def _is_agent(email: str) -> bool:
    # looked at first: most accounts have neither
    if not email.startswith("service-") and "@cloudservices." not in email:
        return False
    return re.fullmatch(_AGENT, email) is not None


def ref_of(key: str) -> IdentityRef:
    """Return the reference to an identity as far as its key tells."""
    email = email_of(key)
    return IdentityRef(
        key=key,
        kind=kind_of(key),
        email=email,
        default_compute=email is not None and is_default_compute(email),
    )


def is_default_compute(email: str) -> bool:
    """Tell whether the e-mail is that of a project's default compute account."""
    compute = email.endswith("@developer.gserviceaccount.com")
    return compute and re.fullmatch(_DEFAULT_COMPUTE, email) is not None


def is_build_default(email: str) -> bool:
    """
    Tell whether builds of its project may run as an account when they name none.

    Source: cloud.google.com/build/docs/cloud-build-service-account
    """
    return email.endswith("@cloudbuild.gserviceaccount.com") or is_default_compute(
        email
    )


def default_compute(project_number: str) -> str:
    """Return the e-mail of a project's default compute account."""
    return f"{project_number}-compute@developer.gserviceaccount.com"


def project_of_account(email: str) -> str | None:
    """Return the project (id or number) that owns a service account, if it tells."""
    if not email.endswith(".iam.gserviceaccount.com"):
        for pattern in (_NUMBERED_PROJECT, _APPSPOT_PROJECT):
            if found := re.search(pattern, email):
                return found[1]
    found = re.search(_ACCOUNT_PROJECT, email)
    if found is None or _is_agent(email):
        return None
    # domain-scoped projects: `name@project.example.com.iam...` is `example.com:project`
    name, dot, domain = found[1].partition(".")
    return f"{domain}:{name}" if dot else name
