"""
Objects that name one thing twice: one key two times, or in both spellings.

JSON lets them be, and readers differ in which of the two they take: whoever looked at
such a file may have seen the other. Taking every object apart costs more than reading
the export, so what is large is first looked at for what can be counted, and only what
does not add up is taken apart.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import Struct

from dagwarden.sources.snapshot.records import (
    BucketShape,
    CloudRunShape,
    ContainerShape,
    Data,
    Line,
    Plain,
    PolicyShape,
    ServiceAccountKeyShape,
    ServiceAccountShape,
)

# A letter, digit or underscore written as an escape: nobody's exporter does that.
_DISGUISED = re.compile(rb"\\u00(?:3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a])", re.I)
_BACKSLASH = 0x5C


class Untold(Exception):
    """What a text names twice cannot be told: it is nested too deep."""


def doubled(text: bytes) -> str | None:
    """
    Return a key that an object names twice, itself or inside.

    It was decoded, but for what is skipped there, which may be any bytes, a number of
    any length, and deeper than can be looked into: raises Untold.
    """
    found: set[str] = set()

    def see(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) < len(pairs):
            counted = Counter(name for name, _ in pairs)
            found.update(name for name, count in counted.items() if count > 1)

    # as texts, numbers may be longer than Python takes
    decoder = json.JSONDecoder(object_pairs_hook=see, parse_int=str)
    try:
        decoder.decode(text.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        raise Untold from None
    return min(found, default=None)


def of_policy(text: bytes, policy: PolicyShape) -> str | None:
    """Return what a line with a policy names twice, once decoded."""
    given = policy.bindings or ()
    conditions = 0
    for one in given:
        if one.condition is not None:
            conditions += 1
    adds_up = (
        text.count(b'"members"') == len(given)
        and text.count(b'"role"') == len(given)
        and text.count(b'"condition"') == conditions
        and not _disguised(text)
    )
    return None if adds_up else doubled(text)


def of_data(text: bytes, data: Data | None) -> str | None:
    """Return what a line with a resource's data names twice, once decoded."""
    if type(data) is CloudRunShape:
        adds_up = text.count(b'"serviceAccount') == _accounts(data)
        adds_up = adds_up and b"nvoker" not in text  # rarely is the check off
    else:
        counted = _COUNTED.get(type(data), ())
        adds_up = bool(counted)
        for field, key in counted:
            told = getattr(data, field) not in (None, "")
            adds_up = adds_up and text.count(key) == told
    return None if adds_up and not _disguised(text) else doubled(text)


# What decides, of what there may be tens of thousands of; all else is taken apart.
_COUNTED: Mapping[type, tuple[tuple[str, bytes], ...]] = {
    shape: tuple((field, f'"{field}"'.encode()) for field in fields)
    for shape, fields in (
        (BucketShape, ("projectNumber",)),
        (ContainerShape, ("projectId", "lifecycleState")),
        (ServiceAccountKeyShape, ("keyType", "validBeforeTime", "disabled")),
        (ServiceAccountShape, ("email", "disabled")),
    )
}


def _disguised(text: bytes) -> bool:
    return _BACKSLASH in text and _DISGUISED.search(text) is not None


def _accounts(run: CloudRunShape) -> int:
    """Return how often a workload names an account where it may."""
    outer = run.spec.template.spec if run.spec and run.spec.template else None
    places = (
        run.template,
        run.template.template if run.template else None,
        outer,
        outer.template.spec if outer and outer.template else None,
    )
    found = 0
    for one in places:
        if one is not None:
            found += one.serviceAccountName is not None
            found += one.serviceAccount is not None
    return found


# ------------------------------------------------------------------------- spellings


def spelled_twice(line: Plain | Line, policy: PolicyShape | None) -> str | None:
    """Return what an asset says in camelCase and in snake_case."""
    if line.assetType and line.asset_type:
        return "assetType"
    if line.updateTime and line.update_time:
        return "updateTime"
    if line.iamPolicy is not None and line.iam_policy is not None:
        return "iamPolicy"
    inside: list[Struct] = []
    if policy is not None and (policy.auditConfigs or policy.audit_configs):
        inside += _audits(policy)
    if type(line) is Line:
        if line.orgPolicy is not None and line.org_policy is not None:
            return "orgPolicy"
        if line.assetExceptions and line.asset_exceptions:
            return "assetExceptions"
        inside += _constraints(line)
    return next(filter(None, map(_both, inside)), None) if inside else None


def _audits(policy: PolicyShape) -> Iterator[Struct]:
    """Yield the parts of a policy's audit configurations that have two spellings."""
    yield policy
    for audit in policy.auditConfigs or policy.audit_configs or ():
        yield audit
        yield from audit.auditLogConfigs or audit.audit_log_configs or ()


def _constraints(line: Line) -> Iterator[Struct]:
    for one in line.orgPolicy or line.org_policy or ():
        yield one
        if values := one.listPolicy or one.list_policy:
            yield values


def _both(shape: Struct) -> str | None:
    for camel, snake in _spellings(type(shape)):
        if getattr(shape, camel) and getattr(shape, snake):
            return camel
    return None


@cache
def _spellings(shape: type[Struct]) -> tuple[tuple[str, str], ...]:
    """Return the fields of a shape that have two spellings."""
    names = set(shape.__struct_fields__)
    snakes = (
        (name, re.sub("[A-Z]", lambda at: f"_{at[0].lower()}", name)) for name in names
    )
    return tuple(
        sorted(
            (name, snake) for name, snake in snakes if snake != name and snake in names
        )
    )
