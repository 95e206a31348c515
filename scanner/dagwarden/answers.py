"""What questions end with: explanations, who holds what, and suggestions."""

# As in `findings`: nothing need evaluate what hundreds of fields are annotated with.
from __future__ import annotations

from typing import Literal

from dagwarden.facts import Gap, Hop, IdentityRef, Record

Answered = Literal["allowed", "denied", "unknown"]


class ResourceParts(Record, frozen=True, kw_only=True):
    """On what a grant stands: the parts of a resource name that commands take."""

    kind: Literal[
        "service", "job", "project", "folder", "organization", "account", "other"
    ]
    resource: str  # full resource name
    label: str  # as people say it
    project: str = ""  # id, or number where the id is not known
    region: str = ""
    name: str = ""  # of a service or job, e-mail of an account, number of a folder


class Change(Record, frozen=True, kw_only=True):
    """
    One step of a suggestion.

    `create`: an account of its own for `dag`. `grant`, `revoke`: `role` to `member` on
    `place`. `act_as`: `tasks` of `dag`, or `connection`, impersonate `accounts`, and the
    connection holds no key any more.
    """

    kind: Literal["create", "grant", "revoke", "act_as"]
    because: str
    place: ResourceParts | None = None
    role: str = ""
    member: str = ""
    dag: str = ""
    tasks: tuple[str, ...] = ()
    connection: str = ""
    environment: str = ""
    accounts: tuple[str, ...] = ()
    # None: nothing that gcloud does
    command: str | None = None


class Effect(Record, frozen=True, kw_only=True):
    """One scanned call, before and after the changes of a suggestion."""

    path: str  # id of its Path
    task: str  # DAG.TASK, as far as it is known
    environment: str
    operation: str
    target: str
    before: Answered
    after: Answered
    identity_before: str = ""  # key; empty: not known
    identity_after: str = ""
    lacks: tuple[str, ...] = ()  # what it lacks afterwards, in words


class Loss(Record, frozen=True, kw_only=True):
    """What an identity or a task has no longer: a grant, a call, an account."""

    who: str  # key, or "task DAG.TASK"
    kind: Literal["grant", "call", "control"]
    what: str


class Open(Record, frozen=True, kw_only=True):
    """What is not suggested, and what would decide it."""

    what: str
    because: tuple[str, ...]


class Suggestion(Record, frozen=True, kw_only=True):
    """
    The smallest set of grants that keeps every scanned call working.

    `changes` were applied to what was read, and everything was derived again:
    `effects`, `cut` and `broken` (paths that worked and do not) are what came of it.
    """

    asked: str  # "the estate", an identity's key, or `DAG d`
    changes: tuple[Change, ...] = ()
    effects: tuple[Effect, ...] = ()
    cut: tuple[Loss, ...] = ()
    broken: tuple[str, ...] = ()
    open: tuple[Open, ...] = ()
    assumes: tuple[str, ...] = ()


class Explanation(Record, frozen=True, kw_only=True):
    """The answer to one question, with every chain that proves it."""

    principal: str  # key
    permission: str
    resource: str  # full resource name
    answer: Answered
    # the same, as policies stand and by none but its own identity, or for a task those
    # that it is told to impersonate: who is allowed and not this can come to be
    today: Answered
    chains: tuple[tuple[Hop, ...], ...] = ()  # shortest first
    because: tuple[str, ...] = ()  # in words: what decided, or what would
    assumes: tuple[str, ...] = ()
    unread: tuple[Gap, ...] = ()  # what was given and could not be read


class Holder(Record, frozen=True, kw_only=True):
    """One identity that holds a permission, or may hold it."""

    identity: IdentityRef
    answer: Answered
    hops: tuple[Hop, ...] = ()
    because: tuple[str, ...] = ()


class Holders(Record, frozen=True, kw_only=True):
    """
    Who holds a permission on a resource; `unknown` says what could add to them.

    `answer` is whether anyone does.
    """

    permission: str
    resource: str
    answer: Answered
    chains: tuple[tuple[Hop, ...], ...] = ()  # of those who do, shortest first
    because: tuple[str, ...] = ()
    holders: tuple[Holder, ...] = ()
    # who can become one of them, each by a shortest chain
    through: tuple[Holder, ...] = ()
    # who does not hold it and can give it to himself, or become one who can, likewise
    selves: tuple[Holder, ...] = ()
    # who would hold it but for policies that he can change himself
    stopped: tuple[Holder, ...] = ()
    unknown: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    unread: tuple[Gap, ...] = ()  # what was given and could not be read


class Holding(Record, frozen=True, kw_only=True):
    """What one binding gives an identity where it stands."""

    resource: str  # full resource name
    role: str
    answer: Answered
    permissions: tuple[str, ...] = ()  # those that are held, or may be
    # the role's definition was not read: there are more than the shipped catalogue has
    partly: bool = False
    hops: tuple[Hop, ...] = ()
    because: tuple[str, ...] = ()


class Holdings(Record, frozen=True, kw_only=True):
    """
    What an identity holds, binding by binding, and whom it can become.

    `answer` is whether it holds anything.
    """

    principal: str  # key
    answer: Answered
    chains: tuple[tuple[Hop, ...], ...] = ()  # to what it holds, and to whom it becomes
    because: tuple[str, ...] = ()
    holdings: tuple[Holding, ...] = ()
    becomes: tuple[IdentityRef, ...] = ()
    # scopes for which it acts as any user of the Workspace, once it signs as itself
    delegated: tuple[str, ...] = ()
    assumes: tuple[str, ...] = ()
    unread: tuple[Gap, ...] = ()  # what was given and could not be read
