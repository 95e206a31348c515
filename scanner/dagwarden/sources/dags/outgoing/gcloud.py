"""What `gcloud` asks of Cloud Run, and whose tokens it prints."""

from msgspec.structs import replace

from dagwarden.sources.dags.language.values import (
    Entries,
    Text,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.outgoing.requests import (
    Action,
    ActsAs,
    Minted,
    Outgoing,
    Spread,
    State,
    Target,
    TokenText,
    accounts_of,
    after,
    first_of,
    resource_of,
    segments,
)

# Options of `gcloud` that take no value.
_SWITCHES = frozenset(
    {
        *("--async", "--wait", "--quiet", "--help", "--allow-unauthenticated"),
        *("--log-http", "--execute-now", "--include-email"),
        *("--user-output-enabled", "--tty", "--to-latest", "--clear-env-vars"),
        *("--clear-secrets", "--clear-labels", "--clear-vpc-connector"),
        *("--clear-network", "--cpu-boost", "--cpu-throttling", "--use-http2"),
        *("--session-affinity", "--default-url", "--invoker-iam-check"),
        *("--deploy-health-check", "--include-license", "--sort-by-desc"),
        *("--cpu-throttled", "--clear-tags", "--clear-binary-authorization"),
        *("--clear-key",),
    }
)
_OVERRIDING = ("--args", "--update-env-vars", "--tasks", "--task-timeout")
_DURATION = {"--tasks": "task_count", "--task-timeout": "timeout"}
# Groups of gcloud's commands that may make something else call Cloud Run.
_INDIRECT = frozenset(
    {
        *("builds", "composer", "deploy", "eventarc", "functions", "scheduler"),
        *("tasks", "workflows", "workstations"),
    }
)
_READING = frozenset(
    {
        *("describe", "list", "get-iam-policy", "logs"),
    }
)
_JOB_ACTIONS: dict[str, Action] = {
    "execute": "run",
    "create": "create",
    "update": "update",
    "deploy": "deploy",
    "delete": "delete",
    "replace": "deploy",
}
_SERVICE_ACTIONS: dict[str, Action] = {
    "update": "update",
    "update-traffic": "update",
    "delete": "delete",
    "replace": "deploy",
}
_PROPERTIES = {
    "core/project": "--project",
    "run/region": "--region",
    "auth/impersonate_service_account": "--impersonate-service-account",
}
_VARIABLES = {
    "CLOUDSDK_CORE_PROJECT": "core/project",
    "CLOUDSDK_RUN_REGION": "run/region",
    "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "auth/impersonate_service_account",
}
_LOGIN = Unknown("dynamic", "the account that gcloud is logged in as")


class Gcloud:
    """One `gcloud` command."""

    def __init__(self, state: State, given: list[Value]) -> None:
        """`given` are its words."""
        self.state = state
        self.words: list[Value] = []
        self.options: dict[str, Value] = {}
        # why it may have more options
        self.more: Unknown | None = None
        self._read(given)

    def _read(self, given: list[Value]) -> None:
        words = iter(given)
        for word in words:
            text = first_of(word)
            if isinstance(word, Spread):
                # in the place of a name it is one, if one is still missing
                if self._lacks_name():
                    self.words.append(word.why)
                else:
                    self.more = self.more or word.why
            elif not text.startswith("-"):
                self.words.append(word)
            elif "=" in text:
                name = text.partition("=")[0]
                self.options[name] = after(word, len(name) + 1)
            elif not isinstance(word, str):
                self.more = self.more or why_unknown(word)
            elif word in _SWITCHES or word.startswith(("--no-", "--clear-", "-q")):
                self.options[word] = True
            elif word == "--":
                break
            else:
                value = next(words, None)
                self.options[word] = value.why if isinstance(value, Spread) else value

    def _released(self) -> list[Value]:
        """Return the words without the release track that may stand before them."""
        track = self.words[:1] in (["alpha"], ["beta"])
        return self.words[1:] if track else self.words

    def _lacks_name(self) -> bool:
        known = self._released()
        if known[:2] == ["run", "jobs"] or known[:2] == ["run", "services"]:
            return len(known) == 3
        return known[:2] == ["run", "deploy"] and len(known) == 2

    def run(self) -> Value:
        """Carry it out and return what it writes."""
        state = self.state
        words = self._released()
        group = words[0] if words else None
        if group == "auth":
            return self._auth(words[1:])
        if group == "config":
            self._config(words[1:])
        elif group == "run":
            self._run(words[1:])
        elif not isinstance(group, str) or group in _INDIRECT:
            why = why_unknown(group)
            state.outside.miss(why or Unknown("dynamic", "gcloud"))
        elif group == "compute" and "ssh" in words:
            state.outside.miss(Unknown("dynamic", "gcloud compute ssh"))
        return Unknown("dynamic", "what gcloud writes")

    def _option(self, name: str) -> Value:
        """Return an option, or what stands for it where it is not given."""
        if name in self.options:
            return self.options[name]
        if self.more is not None:
            return self.more
        for variable, place in _VARIABLES.items():
            if _PROPERTIES[place] == name and variable in self.state.variables:
                return self.state.variables[variable]
        for place, option in _PROPERTIES.items():
            if option == name and place in self.state.properties:
                return self.state.properties[place]
        return None

    def acts_as(self) -> ActsAs:
        """Return who the command is."""
        found = self.state.acts_as
        names = self.state.variables
        for option in ("--account", "--access-token-file", "--configuration"):
            if option in self.options:
                return ActsAs(_LOGIN)
        for name in names:
            login = name.startswith(("CLOUDSDK_AUTH_", "CLOUDSDK_CONFIG"))
            known = name in _VARIABLES
            if (login and not known) or name == "CLOUDSDK_CORE_ACCOUNT":
                return ActsAs(_LOGIN)
            if name == "GOOGLE_APPLICATION_CREDENTIALS":
                return ActsAs(Unknown("environment", name))
        if "account" in self.state.properties:
            return ActsAs(_LOGIN)
        chain = self._option("--impersonate-service-account")
        if isinstance(chain, str):
            accounts = tuple(one.strip() for one in chain.split(",") if one.strip())
            return replace(found, chain=(*found.chain, *accounts))
        return replace(found, chain=(*found.chain, *accounts_of(chain)))

    def _auth(self, words: list[Value]) -> Value:
        state = self.state
        if words[:1] == ["application-default"]:
            words = words[1:]
        asked = words[0] if words else None
        if asked == "print-access-token":
            return TokenText(
                Minted("access_token", None, self._who(words), state.origin, "command")
            )
        if asked == "print-identity-token":
            audience = self.options.get("--audiences", self.more)
            if audience is None:
                audience = Unknown("dynamic", "the audience that gcloud takes itself")
            who = self._who(words)
            return TokenText(Minted("id_token", audience, who, state.origin, "command"))
        if asked in ("login", "activate-service-account", "revoke"):
            state.properties["account"] = None
        return Unknown("dynamic", "what gcloud writes")

    def _who(self, words: list[Value]) -> ActsAs:
        return self.acts_as() if len(words) == 1 else ActsAs(_LOGIN)

    def _config(self, words: list[Value]) -> None:
        properties = self.state.properties
        if words[:1] == ["set"] and len(words) == 3 and isinstance(words[1], str):
            name = words[1] if "/" in words[1] else f"core/{words[1]}"
            if name in _PROPERTIES:
                properties[name] = words[2]
            elif name == "core/account" or name.startswith("auth/"):
                properties["account"] = None
        elif words[:1] not in (["get"], ["get-value"], ["list"]):
            properties["account"] = None
            for name in _PROPERTIES:
                properties[name] = Unknown("dynamic", "gcloud config")

    def _run(self, words: list[Value]) -> None:
        miss = self.state.outside.miss
        if words[:1] == ["deploy"]:
            self._send("deploy", "service", words[1:])
            return
        group, verb = (*words, None, None)[:2]
        if group not in ("jobs", "services"):
            known = group in ("revisions", "regions", "domain-mappings", "executions")
            if not known:
                miss(Unknown("dynamic", "gcloud run"))
            return
        kind: Target = "job" if group == "jobs" else "service"
        actions = _JOB_ACTIONS if kind == "job" else _SERVICE_ACTIONS
        if isinstance(verb, str) and verb in actions:
            self._send(actions[verb], kind, words[2:], of_file=verb == "replace")
            if self.options.get("--execute-now") is True:
                self._send("run", "job", words[2:])
        elif not isinstance(verb, str) or verb not in _READING:
            miss(Unknown("dynamic", f"gcloud run {group}"))

    def _send(
        self, action: Action, kind: Target, words: list[Value], *, of_file: bool = False
    ) -> None:
        missing = Unknown("dynamic", f"the name of a {kind} that gcloud is given")
        name: Value = words[0] if len(words) == 1 and not of_file else missing
        project = self._option("--project")
        region = self._option("--region")
        found = resource_of(segments(name)) if isinstance(name, (str, Text)) else None
        if found is not None:
            project, region, name = found.project, found.region, found.name
        if project is None:
            project = Unknown("environment", "gcloud property core/project")
        if region is None:
            region = Unknown("environment", "gcloud property run/region")
        sent = Outgoing(
            via="command",
            origin=self.state.origin,
            acts_as=self.acts_as(),
            action=action,
            kind=kind,
            project=project,
            region=region,
            name=name,
            overrides=self._overrides() if action == "run" else None,
            # gcloud asks for what it started, with --wait until that is done. Source:
            # googlecloudsdk.command_lib.run.serverless_operations, RunJob (528); the
            # page on executing jobs names the invoker's role alone
            watches=action == "run" and "--async" not in self.options,
            workload=self._workload() if action not in ("run", "delete") else None,
            proof="access_token",
            more=self.more,
        )
        self.state.outside.send(sent)

    def _overrides(self) -> Value:
        given = [name for name in _OVERRIDING if name in self.options]
        made = Entries({}, self.more)
        for name in given:
            made.items[_DURATION.get(name, "container_overrides")] = self.options[name]
        return made if given or self.more else None

    def _workload(self) -> Value:
        """Return what is deployed as the message that it becomes."""
        account = self.options.get("--service-account", self.more)
        inner = Entries({"service_account": account})
        return Entries({"template": Entries({"template": inner, **inner.items})})
