"""Credentials of Google's libraries, and the tokens that they give."""

from typing import Protocol

from dagwarden.facts import Origin
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.values import (
    Arguments,
    Changeable,
    Entries,
    Method,
    Scalar,
    Thing,
    Unknown,
    Value,
)
from dagwarden.sources.dags.outgoing.requests import ActsAs, Kind, Minted, TokenText

OTHER = Unknown("dynamic", "credentials that code makes")
ANSWER = Unknown("import", "requests.Response")


class Reader(Protocol):
    """Who follows the code: it knows where it is."""

    def origin(self, arguments: Arguments) -> Origin:
        """Return where the call with `arguments` stands."""
        ...

    @property
    def level(self) -> int:
        """The number of the undecided branch that is followed."""
        ...

    def content(self, path: str) -> bytes | None:
        """Return what a file of the repository holds, by its path below the root."""
        ...


class Credentials(Changeable):
    """Credentials of Google's libraries: who they are of, and which token they give."""

    __slots__ = ("acts_as", "audience", "kind", "origin", "reader")

    def __init__(
        self,
        reader: Reader,
        kind: Kind,
        audience: Value,
        acts_as: ActsAs,
        origin: Origin,
    ) -> None:
        """`audience` is None for access tokens."""
        self.reader = reader
        self.kind: Kind = kind
        self.audience = audience
        self.acts_as = acts_as
        self.origin = origin

    def minted(self) -> Minted:
        """Return the token that they give."""
        return Minted(self.kind, self.audience, self.acts_as, self.origin)

    def unknown(self) -> Unknown:
        """They are no plain value."""
        return OTHER

    def attribute(self, name: str) -> Value:
        """Return what code asks of credentials."""
        if name in ("token", "id_token"):
            return TokenText(self.minted())
        if name.startswith("with_"):
            return Method(name, lambda given: self._with(name, given))
        if name in ("apply", "before_request"):
            return Method(name, lambda given: self._apply(name, given))
        return Unknown("import", f"google.auth.Credentials.{name}")

    def _with(self, name: str, given: Arguments) -> Value:
        audience, acts_as = self.audience, self.acts_as
        if name == "with_target_audience":
            audience = given.get("target_audience", 0)
        elif name == "with_subject":
            acts_as = ActsAs(OTHER)
        return Credentials(self.reader, self.kind, audience, acts_as, self.origin)

    def _apply(self, name: str, given: Arguments) -> Value:
        headers = given.get("headers", 0 if name == "apply" else 3)
        if isinstance(headers, Entries):
            text = operations.joined(["Bearer ", TokenText(self.minted())])
            level = self.reader.level
            operations.assign(headers, "authorization", text, level)
        return None

    def store(self, name: str, value: Value) -> None:
        """Set an attribute."""
        self.acts_as = ActsAs(OTHER)

    def forget(self, why: Unknown) -> None:
        """Anything of them may have changed."""
        self.acts_as = ActsAs(why)


class Generated(Thing):
    """The answer of the IAM Credentials API."""

    __slots__ = ("token",)

    def __init__(self, token: Minted) -> None:
        """Hold the token."""
        self.token = token

    def attribute(self, name: str) -> Value:
        """Return the token under its name."""
        if name in ("token", "access_token"):
            return TokenText(self.token)
        return super().attribute(name)


class MetadataAnswer(Thing):
    """The answer of the metadata server to who asks for a token."""

    __slots__ = ("token",)

    def __init__(self, token: Minted) -> None:
        """Hold the token."""
        self.token = token

    def attribute(self, name: str) -> Value:
        """Return the body."""
        if name in ("text", "content"):
            return self._body()
        if name == "read":
            return Method(name, lambda _: self._body())
        if name == "json":
            made: dict[Scalar, Value] = {"access_token": TokenText(self.token)}
            return Method(name, lambda _: Entries(made, ANSWER))
        return ANSWER

    def _body(self) -> Value:
        if self.token.kind == "id_token":
            return TokenText(self.token)
        return ANSWER

    def enter(self) -> Value:
        """Enter it as a context."""
        return self
