"""Conditions of bindings, deny rules and boundaries, at one moment, on one resource."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from dagwarden.facts import Binding, Condition, Record
from dagwarden.graph.access.answers import NO, YES, Cause, Told, open_
from dagwarden.graph.access.permissions import host_of
from dagwarden.graph.access.tags import Tags
from dagwarden.graph.hierarchy import Hierarchy, short

if TYPE_CHECKING:
    from dagwarden.expression.conditions import Request

# Services whose resources have `resource.name`, `.type` and `.service`.
# Source: cloud.google.com/iam/docs/conditions-attribute-reference#resource; neither
# Cloud Run nor IAM nor Composer is among them.
_DESCRIBED = frozenset(
    f"{name}.googleapis.com"
    for name in (
        *("apigee", "apihub", "backupdr", "bigquery", "bigqueryreservation"),
        *("bigtable", "bigtableadmin", "binaryauthorization", "ces", "clouddeploy"),
        *("cloudkms", "cloudresourcemanager", "cloudsql", "compute", "connectors"),
        *("container", "dataform", "datastore", "dns", "firestore", "iap"),
        *("integrations", "logging", "managedkafka", "networksecurity"),
        *("parametermanager", "pubsublite", "secretmanager", "spanner"),
        *("sqladmin", "storage"),
    )
)
_ACCOUNTS = "//iam.googleapis.com/projects/-/serviceAccounts/"
_SINGULAR = {
    ("run.googleapis.com", "services"): "Service",
    ("run.googleapis.com", "jobs"): "Job",
    ("run.googleapis.com", "workerPools"): "WorkerPool",
    ("iam.googleapis.com", "serviceAccounts"): "ServiceAccount",
    ("composer.googleapis.com", "environments"): "Environment",
}
# google.iam.v3.PolicyBinding, `condition`
_PRINCIPAL_TYPES = {
    "user": "iam.googleapis.com/WorkspaceIdentity",
    "service_account": "iam.googleapis.com/ServiceAccount",
    "workforce": "iam.googleapis.com/WorkforcePoolIdentity",
    "workload": "iam.googleapis.com/WorkloadPoolIdentity",
}


class _Described(Record, frozen=True, kw_only=True):
    """What a resource says of itself, what it does not, and how its name begins."""

    known: Mapping[str, str] = {}
    lacking: Mapping[str, str] = {}
    begins: str | None = None


class Conditions:
    """Decides conditions at the moment that answers are about."""

    def __init__(
        self, as_of: datetime | None, tags: Tags, hierarchy: Hierarchy
    ) -> None:
        """Decide at `as_of`; None: what depends on the time is not known."""
        self._as_of = as_of
        self._tags = tags
        self._hierarchy = hierarchy
        self._decided: dict[tuple[str, str, str], tuple[bool | None, str]] = {}
        self._always: dict[str, bool | None] = {}

    def grants(self, binding: Binding, permission: str, resource: str) -> Told:
        """Tell whether a binding's condition lets it grant a permission."""
        if binding.condition is None:
            return YES
        expression = binding.condition.expression
        question = (expression, permission, self._alike(resource))
        decided = self._decided.get(question)
        if decided is None:
            decided = self._decide(expression, permission, resource)
            self._decided[question] = decided
        held, what = decided
        if held is None:
            return open_(condition_cause(binding, what))
        return YES if held else NO

    def _alike(self, resource: str) -> str:
        """
        Return what stands for all that conditions cannot tell apart.

        Accounts have no attributes, so that those of a project differ by their own tags.
        """
        if not resource.startswith(_ACCOUNTS) or self._tags.borne_by(resource):
            return resource
        _, *above = self._hierarchy.lineage(resource).names
        return f"{_ACCOUNTS} of {above[0]}" if above else resource

    def _decide(
        self, expression: str, permission: str, resource: str
    ) -> tuple[bool | None, str]:
        from dagwarden.expression.conditions import condition

        request = self._request(permission, resource)
        decision = condition(expression).decide(request)
        return decision.holds, ", ".join(decision.open)

    def always(self, condition: Condition) -> bool | None:
        """
        Tell whether a condition holds, or fails, at this moment on every resource.

        None: that depends on the resource or the request.
        """
        text = condition.expression
        if text not in self._always:
            self._always[text] = self._wherever(text)
        return self._always[text]

    def _wherever(self, expression: str) -> bool | None:
        from dagwarden.expression.conditions import Request
        from dagwarden.expression.conditions import condition as compiled

        known: dict[str, str | datetime] = {}
        if self._as_of is not None:
            known["request.time"] = self._as_of
        return compiled(expression).decide(Request(known=known)).holds

    def denies(self, condition: Condition, resource: str, policy: str) -> Told:
        """
        Tell whether the condition of a deny rule holds.

        It can only ask for tags (google.iam.v2.DenyRule.denial_condition); what else
        it would ask is not known.
        """
        from dagwarden.expression.conditions import Request

        request = Request(known={}, tag=partial(self._tags.decide, resource))
        return self._guard(condition, request, f"condition of deny policy {policy}")

    def binds(self, condition: Condition, key: str, kind: str, policy: str) -> Told:
        """
        Tell whether the condition of a boundary's binding holds for a principal.

        `kind` is user, service_account, workforce or workload. It can only ask for
        `principal.type` and `principal.subject`.
        """
        from dagwarden.expression.conditions import Request

        known: dict[str, str | datetime] = {}
        if kind in _PRINCIPAL_TYPES:
            known["principal.type"] = _PRINCIPAL_TYPES[kind]
            known["principal.subject"] = subject_of(key)
        request = Request(known=known)
        return self._guard(condition, request, f"condition of {policy}")

    def _guard(self, text: Condition, request: "Request", symbol: str) -> Told:
        from dagwarden.expression.conditions import condition

        decision = condition(text.expression).decide(request)
        if decision.holds is None or not decision.provided:
            return open_(Cause(reason="guardrail", symbol=symbol))
        return YES if decision.holds else NO

    def _request(self, permission: str, resource: str) -> "Request":
        from dagwarden.expression.conditions import Request

        known: dict[str, str | datetime] = {}
        if self._as_of is not None:
            known["request.time"] = self._as_of
        described = self._described(permission, resource)
        known.update(described.known)
        return Request(
            known=known,
            lacking=described.lacking,
            name_begins=described.begins,
            tag=partial(self._tags.decide, resource),
        )

    def absent(
        self, condition: Condition, permission: str, resource: str
    ) -> tuple[str, ...]:
        """Return what a condition asks of a resource whose service does not tell it."""
        lacking = self._described(permission, self._hierarchy.canonical(resource))
        return tuple(
            name for name in sorted(lacking.lacking) if name in condition.expression
        )

    def _described(self, permission: str, resource: str) -> _Described:
        """
        Return what a resource says of itself, what it does not, and how it begins.

        What a permission is checked on may be another resource than the one that is
        asked about (creating is checked on a parent); nothing is said of that.
        """
        host, _, path = resource.removeprefix("//").partition("/")
        if host_of(permission) != host or _checked_above(permission):
            return _Described()
        if host not in _DESCRIBED:
            return _Described(lacking=_lacking(host, path))
        if host == "storage.googleapis.com":
            return _bucket(path, permission)
        if host == "secretmanager.googleapis.com":
            return self._secret(path, permission)
        if host == "cloudresourcemanager.googleapis.com":
            return _container(host, path)
        return _Described(known={"resource.service": host})

    def _secret(self, path: str, permission: str) -> _Described:
        parts = path.split("/")
        service = {"resource.service": "secretmanager.googleapis.com"}
        if len(parts) < 4 or not permission.startswith("secretmanager.versions."):
            return _Described(known=service)
        number = self._hierarchy.number(parts[1])
        begins = f"projects/{number}/secrets/{parts[3]}/versions/" if number else None
        kind = "secretmanager.googleapis.com/SecretVersion"
        return _Described(known={**service, "resource.type": kind}, begins=begins)


def _checked_above(permission: str) -> bool:
    """Tell whether a permission may be checked on the parent of what it is about."""
    on_parent = permission.endswith((".create", ".list"))
    return on_parent and permission != "storage.objects.create"


def _lacking(host: str, path: str) -> Mapping[str, str]:
    """Return what a resource would say of itself if its service provided that."""
    parts = path.split("/")
    plural = parts[-2] if len(parts) > 1 else ""
    kind = _SINGULAR.get((host, plural), plural)
    return {
        "resource.name": path,
        "resource.type": f"{host}/{kind}",
        "resource.service": host,
    }


def _bucket(path: str, permission: str) -> _Described:
    service = {"resource.service": "storage.googleapis.com"}
    name = f"projects/_/buckets/{path}"
    if permission.startswith("storage.buckets."):
        kind = {"resource.type": "storage.googleapis.com/Bucket"}
        return _Described(known={**service, **kind, "resource.name": name})
    if permission.startswith("storage.objects."):
        kind = {"resource.type": "storage.googleapis.com/Object"}
        return _Described(known={**service, **kind}, begins=f"{name}/objects/")
    return _Described(known=service)


def _container(host: str, path: str) -> _Described:
    """Projects have a type, no name; folders and organisations have neither."""
    service, lacking = {"resource.service": host}, {"resource.name": path}
    if path.startswith("projects/"):
        kind = {"resource.type": f"{host}/Project"}
        return _Described(known={**service, **kind}, lacking=lacking)
    name = "Folder" if path.startswith("folders/") else "Organization"
    return _Described(
        known=service, lacking={**lacking, "resource.type": f"{host}/{name}"}
    )


def subject_of(key: str) -> str:
    """Return the e-mail of an account, or a federated identity's subject."""
    if "/subject/" in key:
        return key.partition("/subject/")[2]
    rest = key.partition(":")[2]
    if "[" in rest:
        namespace, _, account = rest.partition("[")[2].rstrip("]").partition("/")
        return f"ns/{namespace}/sa/{account}"
    return rest


def condition_cause(binding: Binding, what: str = "") -> Cause:
    """Return the cause of an IAM condition; `what` would decide it."""
    title = binding.condition.title if binding.condition else ""
    named = f'condition "{title}"' if title else "condition"
    depends = f" ({what})" if what else ""
    return Cause(
        reason="condition",
        symbol=f"{named} on {binding.role} at {short(binding.resource)}{depends}",
    )
