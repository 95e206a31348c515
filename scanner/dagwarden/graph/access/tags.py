"""Which tags a resource has: its own, and those it inherits."""

from collections.abc import Iterator

from msgspec import UNSET

from dagwarden.facts import Facts, Tag
from dagwarden.graph.hierarchy import Hierarchy


class Tags:
    """
    The tags of every resource.

    A resource inherits the tags of what is above it, but for keys that it has a tag
    of itself (cloud.google.com/resource-manager/docs/tags/tags-overview#inheritance).
    """

    def __init__(self, facts: Facts, hierarchy: Hierarchy) -> None:
        """Index the tags by resource."""
        self._hierarchy = hierarchy
        self._of = {
            hierarchy.canonical(item.resource): item for item in facts.resource_tags
        }
        layers = facts.snapshots[0].layers if facts.snapshots else None
        self._complete = layers is not None and layers.tags == "read"

    def borne_by(self, resource: str) -> bool:
        """Tell whether a resource has tags of its own that were read."""
        return resource in self._of

    def decide(
        self, resource: str, function: str, arguments: tuple[str, ...]
    ) -> bool | None:
        """
        Answer one of IAM's tag functions; None: the tags that were read do not tell.

        `function` is hasTagKey, hasTagKeyId, matchTag or matchTagId.
        """
        by_id = function.endswith("Id")
        wanted = 2 if function.startswith("match") else 1
        if len(arguments) != wanted:
            return None
        sure = True
        for tag in self._effective(resource):
            if tag is None:
                sure = False
                continue
            key = _same(tag.key_id if by_id else tag.key, arguments[0])
            if key is None:
                sure = False
            elif key and wanted == 1:
                return True
            elif key:
                value = _same(tag.value_id if by_id else tag.value, arguments[1])
                return value if sure else None
        return False if sure else None

    def _effective(self, resource: str) -> Iterator[Tag | None]:
        """Yield tags, nearest first; None where there may be others."""
        lineage = self._hierarchy.lineage(resource)
        for name in lineage.names:
            found = self._of.get(name)
            if found is not None:
                if _contradict(found.tags):
                    yield None
                yield from found.tags
                if found.inherited:
                    return
            elif not self._complete:
                yield None
        if lineage.missing:
            yield None


def _contradict(tags: tuple[Tag, ...]) -> bool:
    """Tell whether one key has two values, which no resource can have at one time."""
    keys = [tag.key if tag.key_id is UNSET else tag.key_id for tag in tags]
    return len(set(keys)) < len(keys)


def _same(given: object, wanted: str) -> bool | None:
    return None if given is UNSET else given == wanted
