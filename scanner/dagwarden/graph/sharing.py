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
    if None in pair:
        known, causes = list[str](), set(_causes(path))
    else:
        known = [task for task, other in tasks[pair].items() if other != dag]
        target, key = pair
        # those of which it is not known where they go, or as whom
        causes = {
            cause
            for other in ((None, key), (target, None), (None, None))
            if set(tasks.get(other, {}).values()) - {dag}
            for cause in open_.get(other, ())
        }
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


def _causes(path: Path) -> Iterable[Cause]:
    for field in ("target", "identity"):
        if getattr(path, field) is UNSET:
            yield from causes_of(path, field, f"{field} of {path.id}")
