"""Answers about access: held, not held, or what would tell; and their proof."""

from collections.abc import Iterable

from dagwarden.facts import Binding, Group, Origin, Reason, Record, Unresolved

MANY = 20  # missing inputs named per answer


class Cause(Record, frozen=True, kw_only=True, order=True):
    """What keeps an answer from being known."""

    reason: Reason
    symbol: str

    def on(self, field: str) -> Unresolved:
        """Return the cause as the reason why `field` is UNSET."""
        return Unresolved(field=field, reason=self.reason, symbol=self.symbol)


class Support(Record, frozen=True, kw_only=True):
    """One binding that gives a permission; None: the invoker check is off."""

    binding: Binding | None
    member: str  # the key by which the identity is in it
    inherited: bool  # granted above the resource
    origin: Origin
    # the groups by which the identity is the member, from the inside out
    via: tuple[Group, ...] = ()


class Refusal(Record, frozen=True, kw_only=True):
    """What takes a permission away whatever is granted, in words, and where it stands."""

    text: str
    origin: Origin
    policy: str = ""  # the name of the deny policy or boundary, if it is one


class Answer(Record, frozen=True, kw_only=True):
    """
    Whether a permission is held; `causes` are what would decide an unknown.

    `supports` are the grants that give it, or would but for a `refusal`.
    """

    held: bool | None
    supports: tuple[Support, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    causes: tuple[Cause, ...] = ()


class Told(Record, frozen=True, kw_only=True):
    """One part of an answer: yes, no, or what would tell."""

    held: bool | None
    causes: tuple[Cause, ...] = ()
    via: tuple[Group, ...] = ()


YES = Told(held=True)
NO = Told(held=False)


def open_(*causes: Cause) -> Told:
    """Return the part of an answer that is not known, and why."""
    return Told(held=None, causes=causes)


def all_of(parts: Iterable[Told]) -> Told:
    """Return whether all parts hold: one that does not decides, known or not."""
    causes: list[Cause] = []
    via: list[Group] = []
    for part in parts:
        if part.held is False:
            return NO
        causes.extend(part.causes)
        via.extend(part.via)
    return Told(held=None if causes else True, causes=tuple(causes), via=tuple(via))


def any_of(parts: Iterable[Told]) -> Told:
    """Return whether any part holds."""
    causes: list[Cause] = []
    for part in parts:
        if part.held is True:
            return part
        causes.extend(part.causes)
    return Told(held=None if causes else False, causes=tuple(causes))


def not_(part: Told) -> Told:
    """Return the opposite of a part."""
    return part if part.held is None else NO if part.held else YES


def distinct(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Return causes sorted, once each, as many as anyone would read."""
    return tuple(sorted(set(causes))[:MANY])
