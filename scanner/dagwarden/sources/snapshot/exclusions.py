"""What is left out of a snapshot: projects, with everything in them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.names import CONTAINERS, Names, project_of
from dagwarden.sources.snapshot.records import ContainerShape
from dagwarden.sources.snapshot.resources import container_state

# Projects that Apps Script makes by the thousand have ids that begin so.
SYS_PROJECTS = "sys-"
_GONE = frozenset({"DELETE_REQUESTED", "DELETE_IN_PROGRESS"})
# what is left out, and why
Why: TypeAlias = tuple[str, str]
_Place: TypeAlias = tuple[str | None, tuple[str, ...] | None]


class Exclusions:
    """Projects that are left out, with everything in them."""

    def __init__(
        self, joined: Mapping[str, Joined], names: Names, include_sys: bool
    ) -> None:
        """Learn from the projects themselves; `include_sys`: whether to read `sys-*`."""
        self._names = names
        self._reasons: dict[str, Why] = {}
        for one in joined.values():
            data = one.data.data if one.data else None
            if type(data) is ContainerShape:
                state = container_state(data)
                if state in _GONE:
                    what = one.name.removeprefix(CONTAINERS)
                    self._reasons[one.name] = (what, f"lifecycle state {state}")
        self._include_sys = include_sys
        # (project, what lies above) of resources -> what excludes them all
        self._known: dict[_Place, Why | None] = {}

    def split(
        self, resources: Iterable[Joined]
    ) -> tuple[list[Joined], list[tuple[Joined, Why]]]:
        """Return the resources that stay, and those that are excluded and why."""
        kept: list[Joined] = []
        left_out: list[tuple[Joined, Why]] = []
        for one in resources:
            if reason := self.of(one.name, one.ancestors):
                left_out.append((one, reason))
            else:
                kept.append(one)
        return kept, left_out

    def of(self, name: str, ancestors: tuple[str, ...] | None) -> Why | None:
        """Return what excludes what is called `name` and lies below `ancestors`."""
        if name.startswith(CONTAINERS) or name in self._reasons:
            return self.of_containers((name, *(ancestors or ())))
        place = project_of(name), ancestors
        try:
            return self._known[place]
        except KeyError:  # of each project once
            reason = self._known[place] = self.of_containers(self._above(*place))
            return reason

    def _above(
        self, project: str | None, ancestors: tuple[str, ...] | None
    ) -> tuple[str, ...]:
        chain = ancestors or ()
        if project is None:
            return chain
        return (self._names.container(f"projects/{project}"), *chain)

    def of_containers(self, chain: Sequence[str]) -> Why | None:
        """Return what in a chain of containers excludes what is below it."""
        for name in chain:
            if name in self._reasons:
                return self._reasons[name]
            if not self._include_sys and name.startswith(f"{CONTAINERS}projects/"):
                project = name.removeprefix(f"{CONTAINERS}projects/")
                if self._names.project_id(project).startswith(SYS_PROJECTS):
                    return f"projects/{SYS_PROJECTS}*", "made by Apps Script"
        return None
