"""Which DAGs run the same job as the same identity: their executions look alike."""

from collections.abc import Iterable, Mapping

from msgspec import UNSET
from msgspec.structs import replace

from dagwarden.facts import Path
from dagwarden.graph.access import Cause, distinct
from dagwarden.graph.estate import causes_of, unresolved, without

RUN_JOB = "run_job"
_Pair = tuple[str | None, str | None]  # the job and the identity, None: not known


def with_sharing(paths: Iterable[Path], dags: Mapping[str, str]) -> tuple[Path, ...]:
    """
    Return the paths, those that run a job with who else runs it as the same.

    `dags` are the DAGs of the tasks, by the task's id.
    """
    paths = tuple(paths)
    runs = [path for path in paths if path.operation == RUN_JOB]
    tasks: dict[_Pair, dict[str, str]] = {}  # with the DAG of each
    open_: dict[_Pair, set[Cause]] = {}
    for path in runs:
        pair = _pair(path)
        tasks.setdefault(pair, {})[path.task] = dags[path.task]
        if None in pair:
            open_.setdefault(pair, set()).update(_causes(path))
    shared = {path.id: _shared(path, tasks, open_) for path in runs}
    return tuple(shared.get(path.id, path) for path in paths)


def _pair(path: Path) -> _Pair:
    target = path.target if isinstance(path.target, str) else None
    return target, None if path.identity is UNSET else path.identity.key


def _shared(
    path: Path,
    tasks: Mapping[_Pair, Mapping[str, str]],
    open_: Mapping[_Pair, set[Cause]],
) -> Path:
    pair = _pair(path)
    dag = tasks[pair][path.task]
    known, causes = list[str](), set[Cause]()
    target, key = pair
    if None in pair:
        others = [other for other in tasks if _perhaps(pair, other)]
        if any(set(tasks[other].values()) - {dag} for other in others):
            causes.update(_causes(path))
    else:
        known = [task for task, other in tasks[pair].items() if other != dag]
        others = [(None, key), (target, None), (None, None)]
    # those of which it is not known where they go, or as whom
    for other in others:
        if set(tasks.get(other, {}).values()) - {dag}:
            causes.update(open_.get(other, ()))
    found = tuple(sorted(known))
    return replace(
        path,
        sharing=UNSET if causes else found,
        sharing_known=found,
        unresolved=(
            *without(path, "sharing"),
            *unresolved(distinct(causes), "sharing"),
        ),
    )


def _perhaps(one: _Pair, other: _Pair) -> bool:
    """Tell whether two may be the same job, run as the same identity."""
    return all(
        a is None or b is None or a == b for a, b in zip(one, other, strict=True)
    )


def _causes(path: Path) -> Iterable[Cause]:
    for field in ("target", "identity"):
        if getattr(path, field) is UNSET:
            yield from causes_of(path, field, f"{field} of {path.id}")
