"""
Which grants the scanned calls rest on, and what keeps the others from being unused.

A grant that no call rests on is unused only where all that acts as the identity was
read: the operator declares that nothing but his tasks does, every DAG file was read,
and no task does anything with it that is not a call to Cloud Run.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from msgspec import UNSET

from dagwarden.facts import Binding, Call, Maybe, Record, Task
from dagwarden.graph.access import Answer, Cause, distinct
from dagwarden.graph.callers import Caller
from dagwarden.graph.estate import Estate, cause, causes_of, label
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import ACT_AS, Judged, judge, open_causes
from dagwarden.graph.principals import account_key
from dagwarden.graph.targets import Runs, Target, sent_to
from dagwarden.patterns import late

# Gaps in these may hide a task or a call.
_HIDING = frozenset({"dag", "task", "call", "connection"})
# Operators that do nothing in the cloud, by the end of their qualified name.
_IDLE = frozenset(
    {
        "EmptyOperator",
        "DummyOperator",
        "LatestOnlyOperator",
        "TriggerDagRunOperator",
        "ExternalTaskSensor",
        "ExternalTaskMarker",
        "TimeDeltaSensor",
        "DateTimeSensor",
        "TimeSensor",
        "DayOfWeekSensor",
        "BranchDayOfWeekOperator",
        "BranchDateTimeOperator",
        "EmailOperator",
    }
)
# Providers whose operators run no code of the repository.
_DECLARATIVE = ("airflow.providers.google.", "airflow.providers.http.")
# Operators of the Google provider that start a container, a pipeline, a build, a machine
# or a request, as an account that stands in what they are given, or that was chosen before;
# those that look, or end what runs, start nothing. Source: airflow.providers.google
_STARTING = late(
    r"airflow\.providers\.google\.cloud\.(?:transfers\.http_to_gcs|operators\.(?:"
    r"cloud_batch|cloud_build|cloud_composer|compute|dataflow|dataform|datafusion|"
    r"datapipeline|dataplex|dataprep|dataproc|functions|gen_ai|knowledge_catalog|"
    r"kubernetes_engine|life_sciences|managed_airflow|managed_spark|mlengine|pubsub|ray|"
    r"tasks|vertex_ai\.\w+|workflows))"
    r"\.(?!\w*(?:Cancel|Delete|Get|List|Publish|Pull|Stop)[A-Z])\w+"
)
# What a doubt is about: every right, those beyond Cloud Run, or reading logs.
_About = Literal["any", "beyond", "logs"]
# An operator that executes a job may read what it logged, and goes on where it may not.
# Source: airflow.providers.google.cloud.operators.cloud_run, `verbose`
_READS_LOGS = "CloudRunExecuteJobOperator"
# Roles that surely or perhaps hold logging.logEntries.list, where none was read
_LOG_ROLES = late(r"roles/(?:logging\..*|viewer|editor|owner)")


class Scanned(Record, frozen=True, kw_only=True):
    """A scanned call, who makes it, what it reaches and what it takes."""

    task: Task
    caller: Caller
    target: Target
    judged: Judged
    call: Call


def scanned_calls(
    estate: Estate, resolved: Mapping[str, tuple[Caller, Target]]
) -> tuple[Scanned, ...]:
    """Return every call with what it takes, in the order of their ids."""
    return tuple(
        Scanned(
            task=estate.tasks[call.task],
            caller=caller,
            target=target,
            judged=judge(estate, call, caller, target),
            call=call,
        )
        for call in sorted(estate.facts.calls, key=lambda item: item.id)
        if call.id in resolved
        for caller, target in (resolved[call.id],)
    )


class Usage:
    """What the scanned calls rest on."""

    def __init__(
        self,
        estate: Estate,
        calls: Iterable[Scanned],
        actings: Mapping[str, Acting],
    ) -> None:
        """Index the grants behind every need of every call."""
        self._estate = estate
        self._calls = tuple(calls)
        self._actings = actings
        self._used: set[tuple[str, str]] = set()  # binding, member
        self._perhaps: dict[tuple[str, str], tuple[Cause, ...]] = {}
        self._sending: dict[tuple[str, str], set[str]] = {}  # what sends by it
        # what is not decided, or needed on what is not known, may rest on any grant
        self._open: dict[str, list[Cause]] = {}
        for call in self._calls:
            for need in call.judged.known:
                self._rest_on(need.answer)
                if need.holder is not None:
                    self._open.setdefault(need.holder, []).extend(open_causes(need))
        self._rest_on_sent()
        self._declared = {
            account_key(name)
            for environment in estate.facts.environments
            for name in environment.exclusive_accounts
        }
        self._everywhere = distinct(self._hidden())
        self._elsewhere = self._outside_calls()
        self._workloads = self._running()
        self._causes: dict[tuple[str, frozenset[_About]], tuple[Cause, ...]] = {}

    def _rest_on_sent(self) -> None:
        """Index the grants behind what is sent in an account's name, and by no task."""
        senders, access = self._estate.facts.senders, self._estate.access
        runs = Runs(self._estate) if senders else None
        for sender in senders:
            sent = sent_to(runs, sender) if runs and not sender.paused else None
            if sent is not None:
                permission, run = sent
                key = account_key(sender.service_account)
                answer = access.holds(key, permission, run.resource)
                self._rest_on(answer)
                for at in _bindings_of(answer) if answer.held else ():
                    self._sending.setdefault(at, set()).add(sender.resource)

    def _rest_on(self, answer: Answer) -> None:
        for at in _bindings_of(answer):
            if answer.held:
                self._used.add(at)
            else:
                self._perhaps[at] = answer.causes

    def used(self, binding: Binding, key: str) -> Maybe[bool]:
        """Tell whether a scanned call, or what is sent, rests on it; UNSET: see `why`."""
        if (binding.id, key) in self._used:
            return True
        return UNSET if self.why(binding, key) else False

    def sending(self, binding: Binding, key: str) -> tuple[str, ...]:
        """Return the schedules, triggers and subscriptions that surely rest on it."""
        return tuple(sorted(self._sending.get((binding.id, key), ())))

    def why(self, binding: Binding, key: str) -> tuple[Cause, ...]:
        """Say what would tell whether a grant that no call surely rests on is used."""
        perhaps = self._perhaps.get((binding.id, key), ())
        return distinct((*perhaps, *self.doubts(key, binding.role)))

    def doubts(self, key: str, role: str) -> tuple[Cause, ...]:
        """Say what keeps it open whether only scanned calls use a role of an identity."""
        about = frozenset(self._about(role))
        found = self._causes.get((key, about))
        if found is None:
            found = self._causes[key, about] = distinct(self._doubts(key, about))
        return found

    def _about(self, role: str) -> Iterator[_About]:
        """Yield which doubts concern a role."""
        yield "any"
        defined = self._estate.roles.defined(role)
        calls = defined is not None and all(one.startswith("run.") for one in defined)
        if not calls and not role.startswith("roles/run."):
            yield "beyond"
            read = self._estate.roles.holds(role, "logging.logEntries.list")
            if read or (read is None and _LOG_ROLES().fullmatch(role)):
                yield "logs"

    def _doubts(self, key: str, about: frozenset[_About]) -> Iterator[Cause]:
        if key not in self._declared:
            who = key.partition(":")[2] or key
            yield from cause("setting", f"exclusive_accounts with {who}")
            return  # the rest matters only then
        yield from self._open.get(key, ())
        yield from self._everywhere
        for doubts in (self._elsewhere, self._workloads):
            yield from (why for one, why in doubts.get(key, ()) if one in about)

    def _hidden(self) -> Iterator[Cause]:
        """Yield what may hide a task, or who one is."""
        for gap in self._estate.facts.gaps:
            if not gap.kinds or _HIDING.intersection(gap.kinds):
                yield from cause("unreadable", gap.origin.source)
        for call in self._calls:
            if call.target.kind != "other" and call.caller.identity is UNSET:
                yield from call.caller.causes
            if call.judged.needs is None:
                yield from call.judged.why
            for need in call.judged.known:
                if need.permission == ACT_AS and need.account is None:
                    yield from need.answer.causes
        for name, acting in self._actings.items():
            if acting.identity is UNSET:
                yield from acting.causes or cause(
                    "dynamic", f"identity of {label(self._estate.tasks[name])}"
                )
        for task in self._estate.facts.tasks:
            if task.operator is UNSET:
                yield from causes_of(task, "operator", f"operator of {label(task)}")
            elif runs_code(task):
                symbol = f"what else {label(task)} does: its code may use any account"
                yield from cause("dynamic", symbol)
            elif _STARTING().fullmatch(task.operator):
                symbol = f"what {label(task)} starts: it may act as any account"
                yield from cause("dynamic", symbol)

    def _outside_calls(self) -> dict[str, list[tuple[_About, Cause]]]:
        """Return what tasks do as an identity that is no call to Cloud Run."""
        calling = {call.task.id for call in self._calls}
        found: dict[str, list[tuple[_About, Cause]]] = {}
        for name in sorted(self._actings):
            task = self._estate.tasks[name]
            about: _About = "beyond"
            symbol = f"rights that {label(task)} takes"
            if name in calling:
                if not str(task.operator).endswith(f".{_READS_LOGS}"):
                    continue
                about = "logs"
                symbol = f"whether {label(task)} is verbose: it reads logs"
            (why,) = cause("dynamic", symbol)
            for key in keys_of(self._actings[name]):
                found.setdefault(key, []).append((about, why))
        return found

    def _running(self) -> dict[str, list[tuple[_About, Cause]]]:
        """Return what runs as an identity and is no task: what it uses is not read."""
        facts = self._estate.facts
        found: dict[str, list[tuple[_About, Cause]]] = {}

        def runs(account: str, about: _About, symbol: str) -> None:
            (why,) = cause("dynamic", symbol)
            found.setdefault(account_key(account), []).append((about, why))

        for run in facts.cloud_runs:
            if isinstance(run.service_account, str):
                runs(
                    run.service_account,
                    "any",
                    f"what {run.resource} does as its account",
                )
        for sender in facts.senders:
            symbol = f"what {sender.resource} does as its account"
            runs(sender.service_account, "any", symbol)
        # what Airflow itself needs (secrets, logs) is none of the rights on Cloud Run
        for composer in facts.composer_environments:
            if isinstance(composer.service_account, str):
                symbol = f"what {composer.resource} does as its account"
                runs(composer.service_account, "beyond", symbol)
        for environment in self._estate.environments.values():
            who = environment.runs_as
            if isinstance(who, str) and environment.composer is None:
                symbol = f"what Airflow of environment {environment.name} does itself"
                runs(who, "beyond", symbol)
        for call in self._calls:
            for need in call.judged.known:
                if need.permission == ACT_AS and need.account is not None:
                    symbol = f"what {label(call.task)} deploys does as its account"
                    runs(need.account, "any", symbol)
        return found


def _bindings_of(answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield the bindings that an answer rests on, each with its member."""
    for support in answer.supports:
        if support.binding is not None:
            yield support.binding.id, support.member


def runs_code(task: Task) -> bool:
    """Tell whether a task runs code of the repository, or may."""
    operator = task.operator
    if not isinstance(operator, str) or task.own_class is not None:
        return True
    if operator.startswith("airflow.") and operator.rpartition(".")[2] in _IDLE:
        return False
    return not operator.startswith(_DECLARATIVE)


def keys_of(acting: Acting) -> tuple[str, ...]:
    """Return the identities that a task acts as, first to last."""
    first = [acting.source.key] if acting.source is not UNSET else []
    return tuple(dict.fromkeys((*first, *acting.chain)))
