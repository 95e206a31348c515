"""Tags: which resource bears which, by ids and by names."""

from collections.abc import Iterable, Iterator

from msgspec import UNSET

from dagwarden.facts import Origin, ResourceTags, Tag
from dagwarden.sources.snapshot.join import Joined
from dagwarden.sources.snapshot.names import Names
from dagwarden.sources.snapshot.records import (
    TagBindingShape,
    TagKeyShape,
    TagValueShape,
)


def resource_tags(
    joined: Iterable[Joined], names: Names
) -> Iterator[tuple[str, ResourceTags]]:
    """Yield the tags of every resource that bears one, by its name."""
    keys: dict[str, TagKeyShape] = {}
    values: dict[str, TagValueShape] = {}
    bound: dict[str, list[tuple[TagBindingShape, Origin]]] = {}
    for one in joined:
        data = one.data.data if one.data else None
        if type(data) is TagKeyShape:
            keys[data.name] = data
        elif type(data) is TagValueShape:
            values[data.name] = data
        elif type(data) is TagBindingShape and one.data and data.parent:
            resource = names.resource(data.parent)
            bound.setdefault(resource, []).append((data, one.data.origin()))
    for resource, bindings in bound.items():
        tags = {_tag(binding, keys, values) for binding, _ in bindings}
        yield (
            resource,
            ResourceTags(
                id=f"resource_tags:{resource}",
                origin=bindings[0][1],
                resource=resource,
                tags=tuple(sorted(tags, key=repr)),
            ),
        )


def _tag(
    binding: TagBindingShape,
    keys: dict[str, TagKeyShape],
    values: dict[str, TagValueShape],
) -> Tag:
    value = values.get(binding.tagValue or "", TagValueShape())
    key = keys.get(value.parent or "", TagKeyShape())
    # `123/env/prod` is the value `prod` of the key `123/env`
    whole = value.namespacedName or binding.tagValueNamespacedName or ""
    namespace, _, short = whole.rpartition("/")
    return Tag(
        key_id=value.parent or UNSET,
        key=key.namespacedName or namespace or UNSET,
        value_id=binding.tagValue or UNSET,
        value=value.shortName or short or UNSET,
    )
