"""What a task calls that is, or may be, Cloud Run."""

from msgspec import UNSET

from dagwarden.facts import Call, Maybe, Provenance, Task, Token, Unresolved
from dagwarden.sources.dags.catalogue import CloudRunCall
from dagwarden.sources.dags.operations import members_of
from dagwarden.sources.dags.parameters import Parameters, not_taken
from dagwarden.sources.dags.provenance import USUAL, Read, traced
from dagwarden.sources.dags.templates import is_template, rendered_later
from dagwarden.sources.dags.values import (
    Entries,
    Items,
    Symbol,
    Unknown,
    Value,
    truth,
    why_unknown,
)

INVOKE = "run.routes.invoke"
ACT_AS = "iam.serviceAccounts.actAs"
_AUTHORIZATION = ("authorization", "x-serverless-authorization")
# Calls that give an ID token of the environment's own account (google-auth).
MINTING = frozenset({"google.oauth2.id_token.fetch_id_token()"})
# Fields of Cloud Run's `RunJobRequest.Overrides` that say how long a job runs.
_DURATION = frozenset({"task_count", "timeout"})
_MAPPED = Unknown("dynamic", "expand(overrides=...)")


def call_of(given: Parameters, task: Task) -> Call | None:
    """Return the call that a task makes by its operator, or None."""
    operator = given.operator
    if operator is None or isinstance(given.task.operator, Unknown):
        return None
    asked = _Asked(given, task)
    if operator.call is not None:
        return _operator_call(asked, operator.call)
    name = given.task.operator
    if name.startswith("airflow.providers.http.") and "endpoint" in operator.parameters:
        return _http_call(asked)
    return None


class _Asked:
    """A task's arguments, each field's reason kept for the call."""

    def __init__(self, given: Parameters, task: Task) -> None:
        self.given = given
        self.task = task
        self.unresolved: list[Unresolved] = []
        # from where each field is read; what the operator does is not said by the task
        self.reads: dict[str, Read] = {}
        # a subclass that replaces `execute` may call something else altogether
        made = given.task.made
        own = made is not None and made.find("execute") is not None
        self.replaced = (
            Unknown("dynamic", f"{made.describe()}.execute") if made and own else None
        )

    def value(self, name: str) -> Value:
        return self.replaced or self.given.value(name)

    def read(self, field: str, name: str) -> Value:
        """Return the argument `name`, which says what `field` is."""
        self.reads[field] = self.given.read(name)
        return self.value(name)

    def provenance(self) -> tuple[Provenance, ...]:
        usual = dict.fromkeys(_FIELDS, USUAL)
        return traced(usual | self.reads, self.unresolved)

    def unset(self, field: str, why: Unknown | None) -> None:
        why = why or not_taken(field)
        entry = Unresolved(field=field, reason=why.reason, symbol=why.symbol)
        self.unresolved.append(entry)

    def text(self, field: str, name: str) -> Maybe[str]:
        value = self.read(field, name)
        if isinstance(value, str):
            return value
        self.unset(field, why_unknown(value))
        return UNSET

    def optional(self, field: str, name: str) -> Maybe[str | None]:
        return None if self.read(field, name) is None else self.text(field, name)


_FIELDS = (
    *("audience", "deploys_as", "endpoint", "name", "overrides", "overrides_duration"),
    *("permissions", "project", "region", "target_kind", "tls_verified", "token"),
)


def _identifier(task: Task) -> str:
    return f"call:{task.id.removeprefix('task:')}"


def _operator_call(asked: _Asked, call: CloudRunCall) -> Call:
    action = "run" if call.action == "execute" else call.action
    overrides = _overrides(asked, call)
    project = asked.optional("project", call.project_parameter)
    region = asked.text("region", call.region_parameter)
    name: Maybe[str] = UNSET
    if call.name_parameter is not None:
        name = asked.text("name", call.name_parameter)
    else:
        asked.unset("name", Unknown("dynamic", f"every {call.kind} of the region"))
    permissions = _permissions(asked, call, overrides)
    deploys_as = _deploys_as(asked, call)
    return Call(
        id=_identifier(asked.task),
        origin=asked.task.origin,
        environment=asked.task.environment,
        task=asked.task.id,
        via="operator",
        operation=f"{action}_{call.kind}",
        target_kind=call.kind,
        project=project,
        region=region,
        name=name,
        endpoint=None,
        overrides=overrides,
        overrides_duration=_overrides_duration(asked, overrides),
        token=None,
        audience=None,
        tls_verified=None,
        permissions=permissions,
        deploys_as=deploys_as,
        unresolved=tuple(asked.unresolved),
        provenance=asked.provenance(),
    )


def _overrides(asked: _Asked, call: CloudRunCall) -> Maybe[bool]:
    if "overrides" not in call.permissions_if:
        return False
    expanded = asked.given.task.expanded
    value = asked.read("overrides", "overrides")
    if "overrides" in expanded and isinstance(value, Unknown) and not asked.replaced:
        # a mapped task gets an item each, whatever it holds
        return True
    if isinstance(value, (Entries, Items)):
        # the hook sends an empty message for None and for {} alike
        given = truth(value)
        if not isinstance(given, Unknown):
            return given
    elif value is None:
        return False
    asked.unset("overrides", why_unknown(value))
    return UNSET


def _overrides_duration(asked: _Asked, overrides: Maybe[bool]) -> Maybe[bool]:
    """Return whether overrides change how long an execution may take."""
    if overrides is False:
        return False
    offered = asked.given.task.offered.get("overrides")
    each = [asked.read("overrides_duration", "overrides")]
    why = asked.replaced
    if offered is not None and why is None:
        each, why = members_of(offered) if isinstance(offered, Items) else ([], _MAPPED)
    for value in each:
        if not isinstance(value, Entries):
            why = why or why_unknown(value) or _MAPPED
        elif _DURATION & value.items.keys():
            return True
        else:
            why = why or value.rest
    if why is None:
        return False
    asked.unset("overrides_duration", why)
    return UNSET


def _permissions(
    asked: _Asked, call: CloudRunCall, overrides: Maybe[bool]
) -> Maybe[tuple[str, ...]]:
    found = set(call.permissions)
    if asked.replaced:
        asked.unset("permissions", asked.replaced)
        return UNSET
    if "overrides" in call.permissions_if:
        if overrides is UNSET:
            asked.unset("permissions", why_unknown(asked.value("overrides")))
            return UNSET
        chosen = call.permissions_if if overrides else call.permissions_unless
        found |= set(chosen["overrides"])
    if call.act_as:
        found.add(ACT_AS)
    return tuple(sorted(found))


def _deploys_as(asked: _Asked, call: CloudRunCall) -> Maybe[str | None]:
    """Return the account that the deployed job or service names."""
    if not call.act_as:
        return None
    value = _under(asked.read("deploys_as", call.kind), "template")
    if call.kind == "job":
        value = _under(value, "template")
    account = _under(value, "service_account", "serviceAccount")
    if isinstance(account, str) and is_template(account):
        account = rendered_later(account)
    if isinstance(account, str):
        return account.lower() or None
    if account is None:
        return None
    asked.unset("deploys_as", why_unknown(account))
    return UNSET


def _under(value: Value, *names: str) -> Value:
    """Return what a message given as a dict holds under any spelling of a name."""
    if value is None or isinstance(value, Unknown):
        return value
    if not isinstance(value, Entries):
        return why_unknown(value) or Unknown("dynamic", f"{names[0]} of an object")
    found = (value.items[name] for name in names if name in value.items)
    return next(found, value.rest)


# ---------------------------------------------------------------------------- HTTP


def _http_call(asked: _Asked) -> Call:
    endpoint = asked.optional("endpoint", "endpoint")
    token = _token(asked)
    tls_verified = _tls_verified(asked)
    connection = asked.task.connection
    named = connection if isinstance(connection, str) else "?"
    environment = asked.task.environment
    why = Unknown("connection", f"connection {named} of environment {environment}")
    for field in ("target_kind", "project", "region", "name"):
        asked.unset(field, why)
    return Call(
        id=_identifier(asked.task),
        origin=asked.task.origin,
        environment=asked.task.environment,
        task=asked.task.id,
        via="http",
        operation="invoke_service",
        endpoint=endpoint,
        overrides=False,
        overrides_duration=False,
        token=token,
        audience=None,
        tls_verified=tls_verified,
        permissions=(INVOKE,),
        unresolved=tuple(asked.unresolved),
        provenance=asked.provenance(),
    )


def _token(asked: _Asked) -> Maybe[Token | None]:
    headers = asked.read("token", "headers")
    header = _authorization(headers)
    if isinstance(header, Unknown):
        if header.symbol in MINTING:
            return "id_token"
        asked.unset("token", header)
        return UNSET
    if header is not None:
        return _literal_token(asked, header)
    auth = asked.read("token", "auth_type")
    if auth is None:
        return None
    if isinstance(auth, Symbol) and auth.name.endswith("HTTPBasicAuth"):
        return "basic"
    asked.unset("token", why_unknown(auth))
    return UNSET


def _authorization(headers: Value) -> str | Unknown | None:
    """Return the value of the header that Cloud Run reads, None if not set."""
    if headers is None:
        return None
    if not isinstance(headers, Entries):
        return why_unknown(headers) or Unknown("dynamic", "headers")
    for key, value in headers.items.items():
        if isinstance(key, str) and key.lower() in _AUTHORIZATION:
            if isinstance(value, str):
                return rendered_later(value) if is_template(value) else value
            return why_unknown(value) or Unknown("dynamic", f"headers.{key}")
    return headers.rest


def _literal_token(asked: _Asked, header: str) -> Maybe[Token | None]:
    scheme = header.partition(" ")[0].lower()
    if scheme == "bearer":
        return "static_bearer"
    if scheme == "basic":
        return "basic"
    asked.unset("token", Unknown("dynamic", "the scheme of an Authorization header"))
    return UNSET


def _tls_verified(asked: _Asked) -> Maybe[bool | None]:
    options = asked.read("tls_verified", "extra_options")
    if options is None:
        return None
    if not isinstance(options, Entries):
        asked.unset("tls_verified", why_unknown(options))
        return UNSET
    if "verify" not in options.items and options.rest is None:
        return None
    verify = options.get("verify")
    if verify is None:
        return None
    decided = truth(verify)
    if isinstance(decided, bool):
        return decided
    asked.unset("tls_verified", decided)
    return UNSET
