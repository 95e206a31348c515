"""What a task calls that is, or may be, Cloud Run."""

from collections.abc import Iterator, Sequence

from msgspec import UNSET, Struct
from msgspec.structs import replace

from dagwarden.facts import (
    Call,
    Excluded,
    Maybe,
    Origin,
    Provenance,
    Task,
    Token,
    Unresolved,
)
from dagwarden.sources.dags.airflow.catalogue import CloudRunCall
from dagwarden.sources.dags.airflow.outside import Fields
from dagwarden.sources.dags.airflow.parameters import Parameters, not_taken, undecided
from dagwarden.sources.dags.airflow.provenance import USUAL, Read, traced
from dagwarden.sources.dags.airflow.templates import is_template, rendered_later
from dagwarden.sources.dags.language.operations import members_of
from dagwarden.sources.dags.language.values import (
    Entries,
    Items,
    Symbol,
    Thing,
    Unknown,
    Value,
    truth,
    why_unknown,
)
from dagwarden.sources.dags.outgoing.clients import Message, field_of
from dagwarden.sources.dags.outgoing.requests import (
    INVOKE_SERVICE,
    ActsAs,
    Minted,
    Outgoing,
    Sender,
    authorization,
    proof_of,
    server_of,
)
from dagwarden.sources.dags.records.bodies import (
    BASH,
    NOT_READ,
    PYTHON,
    Bodies,
    Followed,
)
from dagwarden.sources.dags.records.runs import names_run

INVOKE = "run.routes.invoke"
ACT_AS = "iam.serviceAccounts.actAs"
# Fields of Cloud Run's `RunJobRequest.Overrides` that say how long a job runs.
_DURATION = frozenset({"task_count", "timeout", "taskCount"})
_MAPPED = Unknown("dynamic", "expand(overrides=...)")
_EMPTY = Unknown("dynamic", "whether empty overrides count as overrides")


class Calls(Struct, frozen=True):
    """The calls of one file, and the tasks of which some may be missing."""

    calls: list[Call]
    excluded: list[Excluded]


def calls_of_file(
    tasks: Sequence[Task], given: Sequence[Parameters], bodies: Bodies | None
) -> Calls:
    """
    Return what the tasks of a file call: by their operators and in their code.

    Without `bodies` nothing is known of their code.
    """
    if bodies is not None:
        bodies.read_all((one.task, _only_sends(one)) for one in given)
    found = Calls([], [])
    for task, one in zip(tasks, given, strict=True):
        followed = bodies.sent_by(one.task) if bodies is not None else NOT_READ
        found.calls.extend(_numbered(_calls(one, task, bodies, followed)))
        kinds = {
            _OWN_CODE: followed.missed is not None and _runs_code(one),
            _ON_BEHALF: task.operator in _CALLED_BY_OTHERS,
        }
        for (what, reason), there in kinds.items():
            if there:
                what = f"{what} of environment {task.environment}"
                found.excluded.append(Excluded(kind="path", what=what, reason=reason))
    return found


_OWN_CODE = (
    "Python and shell tasks",
    "what their own code calls is not read to the end",
)
_ON_BEHALF = (
    "tasks of Cloud Tasks, Workflows and Cloud Build",
    "what these call on a task's behalf, as another account, is not read",
)
_GOOGLE = "airflow.providers.google.cloud.operators"
_CALLED_BY_OTHERS = frozenset(
    {
        f"{_GOOGLE}.cloud_build.CloudBuildCreateBuildOperator",
        f"{_GOOGLE}.cloud_build.CloudBuildRetryBuildOperator",
        f"{_GOOGLE}.cloud_build.CloudBuildRunBuildTriggerOperator",
        f"{_GOOGLE}.tasks.CloudTasksTaskCreateOperator",
        f"{_GOOGLE}.tasks.CloudTasksTaskRunOperator",
        f"{_GOOGLE}.workflows.WorkflowsCreateExecutionOperator",
    }
)


def _only_sends(given: Parameters) -> bool:
    """Say whether of its own code only what that sends tells of a task's calls."""
    task, operator = given.task, given.operator
    if _runs_code(given) or task.made is None:
        return False
    if operator is None or isinstance(task.operator, Unknown):
        return True
    return operator.call is None and not _is_http(given)


def _runs_code(given: Parameters) -> bool:
    """Say whether a task runs code that may call anything."""
    task = given.task
    name = task.operator if isinstance(task.operator, str) else ""
    return task.function is not None or name.startswith((*PYTHON, *BASH, _SSH))


_SSH = "airflow.providers.ssh.operators."


def _calls(
    given: Parameters, task: Task, bodies: Bodies | None, followed: Followed
) -> Iterator[Call]:
    by_operator = _call_of(_Asked(given, task, bodies, followed))
    if by_operator is not None:
        yield by_operator
    for outgoing in followed.sent:
        yield _sent(given, task, outgoing)


def _numbered(calls: Iterator[Call]) -> Iterator[Call]:
    """Keep one of calls that are the same to all that is known, and name the rest."""
    seen: set[Call] = set()
    for call in calls:
        alike = replace(call, id="", origin=_NOWHERE, provenance=())
        if alike in seen:
            continue
        seen.add(alike)
        number = len(seen)
        yield call if number == 1 else replace(call, id=f"{call.id}#{number}")


_NOWHERE = Origin(source="")


def _call_of(asked: "_Asked") -> Call | None:
    """Return the call that a task makes by its operator, or None."""
    operator = asked.given.operator
    if operator is None or isinstance(asked.given.task.operator, Unknown):
        return None
    own = asked.own_code()
    if own and asked.followed.base is None and asked.followed.missed is None:
        # its own code was read, and never runs the operator's
        return None
    if operator.call is not None:
        return _operator_call(asked, operator.call)
    return _http_call(asked) if _is_http(asked.given) else None


def _is_http(given: Parameters) -> bool:
    """Say whether the operator of a task sends a request to a connection's host."""
    name, operator = given.task.operator, given.operator
    if operator is None or isinstance(name, Unknown):
        return False
    return name.startswith("airflow.providers.http.") and (
        "endpoint" in operator.parameters
    )


class _Noted:
    """Where the fields of a task's call are from, or why they are not known."""

    def __init__(self, given: Parameters, task: Task, usual: Read = USUAL) -> None:
        self.given = given
        self.task = task
        self.unresolved: list[Unresolved] = []
        # as those of a task; what the operator does is not said by the task
        self.noted: dict[str, str | Read] = dict.fromkeys(_FIELDS, usual)

    def provenance(self) -> tuple[Provenance, ...]:
        """Return it where the task says it of its own fields."""
        if not self.task.provenance:
            return ()
        return traced(self.given.reads(self.noted), self.unresolved)

    def minted(self, token: Minted) -> None:
        """Note that what is said of the token is read where it is minted."""
        for field in ("token", "audience", "acts_as", "impersonation_chain"):
            self.noted[field] = _read_at(token.via, token.origin)

    def unset(self, field: str, why: Unknown | None) -> None:
        why = why or not_taken(field)
        entry = Unresolved(field=field, reason=why.reason, symbol=why.symbol)
        self.unresolved.append(entry)


def _read_at(via: Sender, origin: Origin) -> Read:
    return Read(via, origin.source, origin.line or 0)


class _Asked(_Noted):
    """A task's arguments, each field's reason kept for the call."""

    def __init__(
        self,
        given: Parameters,
        task: Task,
        bodies: Bodies | None,
        followed: Followed,
    ) -> None:
        super().__init__(given, task)
        self.bodies = bodies
        self.followed = followed
        # a subclass whose own code is not read may call something else altogether
        made = given.task.made
        unread = self.own_code() and (
            followed.base is None or followed.missed is not None
        )
        self.replaced = (
            Unknown("dynamic", f"{made.describe()}.execute")
            if made is not None and unread
            else None
        )

    def own_code(self) -> bool:
        """Say whether a class of the repository says what runs."""
        made = self.given.task.made
        names = ("pre_execute", "execute", "poke", "execute_complete")
        return made is not None and any(map(made.find, names))

    def read(self, field: str, name: str) -> Value:
        """Return the argument `name`, which says what `field` is."""
        own = self.followed.base
        if own is not None and name in own.items:
            origin = self.task.origin
            self.noted[field] = Read("class", origin.source, origin.line or 0)
        else:
            self.noted[field] = name
        return self.value(name)

    def value(self, name: str) -> Value:
        if self.replaced is not None:
            return self.replaced
        own = self.followed.base
        if own is not None and name in own.items:
            return own.items[name]
        if own is not None and own.rest is not None:
            return own.rest
        return self.given.value(name)

    def written(self, name: str) -> Value:
        """Return an argument as it is written: templates are not rendered."""
        own = self.followed.base
        if self.replaced is not None or (own is not None and name in own.items):
            return self.value(name)
        found = self.given.given(name)
        templated = found is not None and self.given.is_templated(name)
        return found.value if found and templated else self.value(name)

    def arrived(self, name: str) -> Value:
        """Return an argument with what other tasks leave for it."""
        own = self.followed.base
        if self.replaced is not None or (own is not None and name in own.items):
            return self.value(name)
        found = self.given.given(name)
        if found is None or self.bodies is None:
            return self.given.value(name)
        return self.bodies.arrived(found.value)

    def text(self, field: str, name: str) -> Maybe[str]:
        value = self.read(field, name)
        if isinstance(value, str):
            return value
        self.unresolved.append(undecided(field, value))
        return UNSET

    def optional(self, field: str, name: str) -> Maybe[str | None]:
        return None if self.read(field, name) is None else self.text(field, name)


_FIELDS = (
    *("acts_as", "audience", "connection", "deploys_as", "endpoint"),
    *("impersonation_chain", "name", "names_run", "overrides", "overrides_duration"),
    "permissions",
    *("project", "region", "target_kind", "tls_verified", "token", "url"),
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
        url=None,
        connection=None,
        impersonation_chain=None,
        overrides=overrides,
        overrides_duration=_overrides_duration(asked, overrides),
        names_run=_names_run(asked, call, overrides),
        token=None,
        audience=None,
        acts_as="connection",
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
    if value is None:
        return False
    if isinstance(value, (Entries, Items)):
        given = truth(value)
        if given is True:
            return True
    asked.unset("overrides", _doubt(value))
    return UNSET


def _doubt(overrides: Value) -> Unknown | None:
    """
    Say why it is not known whether a call has overrides.

    The hook sends an empty message for {}, and none for None; whether Cloud Run counts
    that as overrides is not documented.
    """
    if isinstance(overrides, (Entries, Items)) and truth(overrides) is False:
        return _EMPTY
    return why_unknown(overrides)


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


def _names_run(
    asked: _Asked, call: CloudRunCall, overrides: Maybe[bool]
) -> Maybe[bool | None]:
    """Return whether what a job is given names the DAG's run; None: it runs none."""
    if call.action != "execute" or call.kind != "job":
        return None
    if overrides is False:
        return False
    asked.read("names_run", "overrides")
    return _told(asked, names_run(asked.written("overrides")))


def _told(noted: _Noted, told: bool | Unknown) -> Maybe[bool]:
    if isinstance(told, Unknown):
        noted.unset("names_run", told)
        return UNSET
    return told


def _permissions(
    asked: _Asked, call: CloudRunCall, overrides: Maybe[bool]
) -> Maybe[tuple[str, ...]]:
    found = set(call.permissions)
    if asked.replaced:
        asked.unset("permissions", asked.replaced)
        return UNSET
    if "overrides" in call.permissions_if:
        if overrides is UNSET:
            asked.unset("permissions", _doubt(asked.value("overrides")))
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
    account = _account_in(asked.read("deploys_as", call.kind), call.kind)
    if isinstance(account, str):
        return account.lower() or None
    if account is None:
        return None
    asked.unset("deploys_as", why_unknown(account))
    return UNSET


def _under(value: Value, *names: str) -> Value:
    """Return what a message holds under any spelling of a name."""
    if isinstance(value, Thing) and not isinstance(value, Message):
        return why_unknown(value)
    if isinstance(value, Items):
        return why_unknown(value) or Unknown("dynamic", f"{names[0]} of an object")
    return field_of(value, *names)


# ---------------------------------------------------------------------------- HTTP


def _http_call(asked: _Asked) -> Call:
    endpoint = asked.optional("endpoint", "endpoint")
    asked.read("token", "headers")
    header = authorization(asked.arrived("headers"))
    if isinstance(header, str) and is_template(header):
        header = rendered_later(header)
    proof, token = proof_of(header)
    made = asked.given.task.made
    if made is not None and made.find("hook") is not None:
        proof, token = Unknown("dynamic", f"{made.describe()}.hook"), None
    call = Call(
        id=_identifier(asked.task),
        origin=asked.task.origin,
        environment=asked.task.environment,
        task=asked.task.id,
        via="http",
        operation=INVOKE_SERVICE,
        endpoint=endpoint,
        url=None,
        connection=None,
        impersonation_chain=None,
        overrides=False,
        overrides_duration=False,
        names_run=None,
        token=_token(asked, proof),
        audience=None,
        acts_as="environment",
        tls_verified=_tls_verified(asked),
        permissions=(INVOKE,),
        deploys_as=None,
    )
    call = _answered_by(asked, call, _server_of_connection(asked), through=True)
    if token is not None:
        call = _acting(asked, call, token.acts_as)
        call = replace(call, audience=_optional(asked, "audience", token.audience))
        asked.minted(token)
    unresolved = tuple(asked.unresolved)
    return replace(call, unresolved=unresolved, provenance=asked.provenance())


def _server_of_connection(asked: _Asked) -> str | Unknown:
    """Return the server that an HTTP operator's connection names."""
    connection = asked.task.connection
    if isinstance(connection, str):
        return _server_of(asked.given, connection)
    entries = (one for one in asked.task.unresolved if one.field == "connection")
    for entry in entries:
        return Unknown(entry.reason, entry.symbol)
    return _not_given(asked.given, "?")


def _server_of(given: Parameters, connection: str) -> str | Unknown:
    """Return the server of a connection that the scan was given, as the hook does."""
    fields = given.outside.connection(connection)
    if not isinstance(fields, Fields):
        return _not_given(given, connection)
    host, schema = fields.get("host"), fields.get("schema") or "http"
    if not isinstance(host, str) or not isinstance(schema, str):
        return _not_given(given, connection)
    return server_of(host if "://" in host else f"{schema}://{host}/")


def _not_given(given: Parameters, connection: str) -> Unknown:
    symbol = f"connection {connection} of environment {given.environment}"
    return Unknown("connection", symbol)


def _answered_by(
    noted: _Noted, call: Call, server: str | Unknown, *, through: bool
) -> Call:
    """
    Say what of a request's target its server tells: whether it is Cloud Run's.

    `through`: the server is a connection's.
    """
    why = server
    if isinstance(server, str):
        why = Unknown("layer", f"what answers at {server}")
        host = server.partition("://")[2].partition(":")[0]
        if host.endswith(".run.app"):
            call = replace(call, target_kind="service")
            if through:
                origin = call.origin
                read = Read("connection", origin.source, origin.line or 0)
                noted.noted["target_kind"] = read
    for field in ("target_kind", "project", "region", "name"):
        if getattr(call, field) is UNSET and isinstance(why, Unknown):
            noted.unset(field, why)
    return call


def _token(asked: _Asked, proof: Token | Unknown | None) -> Maybe[Token | None]:
    if isinstance(proof, Unknown):
        asked.unset("token", proof)
        return UNSET
    if proof is not None:
        return proof
    auth = asked.read("token", "auth_type")
    if auth is None:
        return None
    if isinstance(auth, Symbol) and auth.name.endswith("HTTPBasicAuth"):
        return "basic"
    asked.unset("token", why_unknown(auth))
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


# ------------------------------------------------------------------------------ code


def _optional(asked: _Noted, field: str, value: Value) -> Maybe[str | None]:
    if value is None or isinstance(value, str):
        return value
    asked.unset(field, why_unknown(value))
    return UNSET


def _sent(given: Parameters, task: Task, outgoing: Outgoing) -> Call:
    """Return the call that a task's code makes."""
    noted = _Noted(given, task, _read_at(outgoing.via, outgoing.origin))
    call = Call(
        id=_identifier(task),
        origin=outgoing.origin,
        environment=task.environment,
        task=task.id,
        via=outgoing.via,
        operation=INVOKE_SERVICE,
        endpoint=None,
        acts_as="environment",
        url=None,
        connection=None,
        impersonation_chain=None,
        deploys_as=None,
    )
    call = _acting(noted, call, outgoing.acts_as)
    if outgoing.action is None:
        call = _request(noted, call, outgoing, given)
    else:
        call = _administration(noted, call, outgoing)
    if outgoing.token is not None:
        noted.minted(outgoing.token)
    unresolved = tuple(noted.unresolved)
    return replace(call, unresolved=unresolved, provenance=noted.provenance())


def _acting(noted: _Noted, call: Call, acts_as: ActsAs) -> Call:
    """Say who a call is made as."""
    source = acts_as.source
    chain = tuple(one for one in acts_as.chain if isinstance(one, str))
    whole = len(chain) == len(acts_as.chain)
    if not whole:
        others = (one for one in acts_as.chain if not isinstance(one, str))
        noted.unset("impersonation_chain", why_unknown(next(others)))
    if isinstance(source, Unknown):
        noted.unset("acts_as", source)
    connection = call.connection
    if source == "connection":
        connection = _optional(noted, "connection", acts_as.connection)
    return replace(
        call,
        acts_as=UNSET if isinstance(source, Unknown) else source,
        connection=connection,
        impersonation_chain=(chain or None) if whole else UNSET,
    )


def _request(noted: _Noted, call: Call, outgoing: Outgoing, given: Parameters) -> Call:
    """Complete a call that is a request to a server."""
    through = outgoing.connection is not None
    url = None if through else _optional(noted, "url", outgoing.url)
    server: str | Unknown = not_taken("url")
    if isinstance(outgoing.connection, str):
        server = _server_of(given, outgoing.connection)
    elif through:
        server = why_unknown(outgoing.connection) or _not_given(given, "?")
    elif isinstance(outgoing.url, (str, Unknown)):
        server = outgoing.url
    call = _answered_by(noted, call, server, through=through)
    # of other servers the path is not told: that of a webhook is a secret
    told = through or call.target_kind == "service" or isinstance(server, Unknown)
    proof = outgoing.proof
    token: Maybe[Token | None] = UNSET
    if isinstance(proof, Unknown):
        noted.unset("token", proof)
    else:
        # a hook leaves it to its connection
        token = proof if proof is not None or through else "none"
    minted = outgoing.token
    connection = call.connection
    if through:
        if call.acts_as == "connection":
            # the fact has one connection: that of the server
            noted.unset("acts_as", Unknown("dynamic", "the account of a token"))
            call = replace(call, acts_as=UNSET)
        connection = _optional(noted, "connection", outgoing.connection)
    return replace(
        call,
        url=url,
        connection=connection,
        endpoint=_optional(noted, "endpoint", outgoing.endpoint if told else None),
        overrides=False,
        overrides_duration=False,
        names_run=None,
        token=token,
        audience=_optional(noted, "audience", minted.audience) if minted else None,
        tls_verified=_checked(noted, outgoing.verified),
        permissions=(INVOKE,),
    )


def _checked(noted: _Noted, verify: Value) -> Maybe[bool | None]:
    """Return whether a request checks certificates; None: as its library does."""
    if verify is None:
        return None
    decided = truth(verify)
    if isinstance(decided, bool):
        return decided
    noted.unset("tls_verified", decided)
    return UNSET


def _administration(noted: _Noted, call: Call, outgoing: Outgoing) -> Call:
    """Complete a call of Cloud Run's Admin API."""
    kind, action = outgoing.kind, outgoing.action or "run"
    overrides, duration = _given_overrides(noted, outgoing)
    return replace(
        call,
        operation=f"{action}_{kind}",
        target_kind=kind,
        project=_named(noted, "project", outgoing.project),
        region=_text(noted, "region", outgoing.region),
        name=_text(noted, "name", outgoing.name),
        overrides=overrides,
        overrides_duration=duration,
        names_run=_run_in(noted, outgoing, overrides),
        token=None,
        audience=None,
        tls_verified=None,
        permissions=_needed(noted, outgoing, overrides),
        deploys_as=_deploying(noted, outgoing),
    )


def _text(noted: _Noted, field: str, value: Value) -> Maybe[str]:
    if isinstance(value, str) and value:
        return value
    noted.unset(field, why_unknown(value))
    return UNSET


def _named(noted: _Noted, field: str, value: Value) -> Maybe[str | None]:
    return None if value is None else _text(noted, field, value)


def _run_in(
    noted: _Noted, outgoing: Outgoing, overrides: Maybe[bool]
) -> Maybe[bool | None]:
    if outgoing.action != "run" or outgoing.kind != "job":
        return None
    told = names_run(outgoing.overrides)
    why = _doubt(outgoing.overrides)
    if overrides is UNSET and told is False and why is not _EMPTY:
        told = why or not_taken("overrides")
    return _told(noted, told)


def _given_overrides(
    noted: _Noted, outgoing: Outgoing
) -> tuple[Maybe[bool], Maybe[bool]]:
    """Return whether a call gives overrides, and whether they bear on the duration."""
    value = outgoing.overrides
    if outgoing.action != "run" or value is None:
        return False, False
    given = truth(value) if isinstance(value, (Entries, Items)) else why_unknown(value)
    if isinstance(value, Thing):
        given = True
    why = given if isinstance(given, Unknown) else None
    if given is None or why is not None:
        noted.unset("overrides", why)
        noted.unset("overrides_duration", why)
        return UNSET, UNSET
    if not given:
        noted.unset("overrides", _EMPTY)
        return UNSET, False
    if not isinstance(value, Entries):
        noted.unset("overrides_duration", why_unknown(value))
        return True, UNSET
    if _DURATION & value.items.keys():
        return True, True
    if value.rest is not None:
        noted.unset("overrides_duration", value.rest)
        return True, UNSET
    return True, False


def _needed(
    noted: _Noted, outgoing: Outgoing, overrides: Maybe[bool]
) -> Maybe[tuple[str, ...]]:
    of = f"run.{outgoing.kind}s"
    action = outgoing.action
    if action == "run":
        if overrides is UNSET:
            noted.unset("permissions", _doubt(outgoing.overrides))
            return UNSET
        runs = f"{of}.runWithOverrides" if overrides else f"{of}.run"
        return ("run.executions.get", runs) if outgoing.watches else (runs,)
    if action == "deploy":
        symbol = f"whether the {outgoing.kind} is there before it is deployed"
        noted.unset("permissions", Unknown("dynamic", symbol))
        return UNSET
    if action == "delete":
        return (f"{of}.delete",)
    return tuple(sorted((ACT_AS, f"{of}.{action}")))


def _deploying(noted: _Noted, outgoing: Outgoing) -> Maybe[str | None]:
    """Return the account that the deployed job or service names."""
    if outgoing.action not in ("create", "update", "deploy"):
        return None
    account = _account_in(outgoing.workload, outgoing.kind)
    if isinstance(account, str) and account and not is_template(account):
        return account.lower()
    if account is None and outgoing.action == "create":
        return None
    symbol = f"the account that the {outgoing.kind} has already"
    noted.unset("deploys_as", why_unknown(account) or Unknown("dynamic", symbol))
    return UNSET


def _account_in(message: Value, kind: str) -> Value:
    value = _under(message, "template")
    if kind == "job":
        value = _under(value, "template")
    return _under(value, "service_account", "serviceAccount")
