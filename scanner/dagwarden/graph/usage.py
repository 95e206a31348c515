"""
Which grants the scanned calls rest on, and what keeps the others from being unused.

A grant that no call rests on is unused only where all that acts as the identity was
read: the operator declares that nothing but his tasks does, every DAG file was read,
and no task does anything with it that is not a call to Cloud Run.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import UNSET

from dagwarden.facts import Binding, Call, Maybe, Record, Task
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.callers import Caller
from dagwarden.graph.estate import Estate, cause, causes_of, label
from dagwarden.graph.identities import Acting
from dagwarden.graph.needs import Judged, Need, judge, open_causes
from dagwarden.graph.principals import account_key
from dagwarden.graph.targets import Target

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
        # what is not decided, or needed on what is not known, may rest on any grant
        self._open: dict[str, list[Cause]] = {}
        for call in self._calls:
            for need in call.judged.known:
                self._rest_on(need)
                if need.holder is not None:
                    self._open.setdefault(need.holder, []).extend(open_causes(need))
        self._declared = {
            account_key(name)
            for environment in estate.facts.environments
            for name in environment.exclusive_accounts
        }
        self._everywhere = distinct(self._hidden())
        self._elsewhere = self._outside_calls()
        self._workloads = self._running()
        self._causes: dict[tuple[str, bool], tuple[Cause, ...]] = {}

    def _rest_on(self, need: Need) -> None:
        answer = need.answer
        for support in answer.supports:
            if support.binding is None:
                continue
            at = (support.binding.id, support.member)
            if answer.held:
                self._used.add(at)
            else:
                self._perhaps[at] = answer.causes

    def used(self, binding: Binding, key: str) -> Maybe[bool]:
        """Tell whether a scanned call rests on the grant; UNSET: see `why`."""
        if (binding.id, key) in self._used:
            return True
        return UNSET if self.why(binding, key) else False

    def why(self, binding: Binding, key: str) -> tuple[Cause, ...]:
        """Say what would tell whether a grant that no call surely rests on is used."""
        perhaps = self._perhaps.get((binding.id, key), ())
        return distinct((*perhaps, *self.doubts(key, binding.role)))

    def doubts(self, key: str, role: str) -> tuple[Cause, ...]:
        """Say what keeps it open whether only scanned calls use a role of an identity."""
        beyond = not role.startswith("roles/run.")
        found = self._causes.get((key, beyond))
        if found is None:
            found = self._causes[key, beyond] = distinct(self._doubts(key, beyond))
        return found

    def _doubts(self, key: str, beyond: bool) -> Iterator[Cause]:
        if key not in self._declared:
            who = key.partition(":")[2] or key
            yield from cause("setting", f"exclusive_accounts with {who}")
            return  # the rest matters only then
        yield from self._open.get(key, ())
        yield from self._everywhere
        for also, why in self._elsewhere.get(key, ()):
            if beyond or not also:
                yield why
        for also, why in self._workloads.get(key, ()):
            if beyond or not also:
                yield why

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
        for name, acting in self._actings.items():
            if acting.identity is UNSET:
                yield from acting.causes or cause(
                    "dynamic", f"identity of {label(self._estate.tasks[name])}"
                )
        for task in self._estate.facts.tasks:
            if task.operator is UNSET:
                yield from causes_of(task, "operator", f"operator of {label(task)}")
            elif _runs_code(task):
                symbol = f"what else {label(task)} does: its code may use any account"
                yield from cause("dynamic", symbol)

    def _outside_calls(self) -> dict[str, list[tuple[bool, Cause]]]:
        """Return what tasks do as an identity that is no call to Cloud Run."""
        calling = {call.task.id for call in self._calls}
        found: dict[str, list[tuple[bool, Cause]]] = {}
        for name in sorted(self._actings):
            if name in calling:
                continue
            (why,) = cause(
                "dynamic", f"rights that {label(self._estate.tasks[name])} takes"
            )
            for key in keys_of(self._actings[name]):
                found.setdefault(key, []).append((True, why))
        return found

    def _running(self) -> dict[str, list[tuple[bool, Cause]]]:
        """Return the workloads that run as an identity: what they use is not read."""
        facts = self._estate.facts
        found: dict[str, list[tuple[bool, Cause]]] = {}
        # what Composer itself needs is none of the rights on Cloud Run
        for also, workloads in (
            (False, facts.cloud_runs),
            (True, facts.composer_environments),
        ):
            for workload in workloads:
                if isinstance(workload.service_account, str):
                    key = account_key(workload.service_account)
                    symbol = f"what {workload.resource} does as its account"
                    (why,) = cause("dynamic", symbol)
                    found.setdefault(key, []).append((also, why))
        return found


def _runs_code(task: Task) -> bool:
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
