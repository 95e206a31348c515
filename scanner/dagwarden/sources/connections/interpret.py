"""
What a connection's definition means, without its secrets.

The Google part follows `get_credentials_and_project_id` of providers-google 22.1
and 22.8, the HTTP part `HttpHook` of providers-http 6.3, the AWS part
`AwsConnectionWrapper` of providers-amazon 9.39. Airflow never checks that a
connection has the type that a hook expects: what its `extra` holds decides.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from dagwarden.facts import (
    Connection,
    Credential,
    CredentialKind,
    Maybe,
    Origin,
    Reason,
    Secret,
    SecretKind,
    Token,
    Unresolved,
)
from dagwarden.sources.connections.definition import Definition
from dagwarden.sources.credentials import (
    Fingerprint,
    is_placeholder,
    is_reference,
    is_sealed,
    is_template,
    kind_by_name,
    secret_in,
    secrets_in,
)
from dagwarden.sources.credentials.connection_fields import password_kind

T = TypeVar("T")

GOOGLE_TYPES = frozenset(
    {
        "dataprep",
        "gcpbigquery",
        "gcpcloudsql",
        "gcpcloudsqldb",
        "gcpspanner",
        "gcpssh",
        "google_cloud_platform",
    }
)
HTTP_TYPES = frozenset({"http", "https"})

_PREFIX = "extra__google_cloud_platform__"
# Airflow refuses a connection with more than one of these.
_EXCLUSIVE = (
    "keyfile_dict",
    "key_path",
    "credential_config_file",
    "is_anonymous",
    "key_secret_name",
)
_GOOGLE_FIELDS = (*_EXCLUSIVE, "impersonation_chain", "idp_issuer_url")
# What HttpHook takes out of `extra`; every other key becomes a header.
_HTTP_OPTIONS = frozenset(
    {
        "allow_redirects",
        "cert",
        "check_response",
        "max_redirects",
        "proxies",
        "proxy",
        "srv_lookup",
        "stream",
        "timeout",
        "trust_env",
        "verify",
        "verify_ssl",
    }
)
_AWS_KEYS = ("aws_access_key_id", "aws_secret_access_key")
_MASK = "***"
_IMPERSONATED = re.compile(r"/serviceAccounts/([\w.+-]+@[\w.-]+):generate\w+$")
_EMAIL = re.compile(r"[\w.+-]{1,100}@[\w.-]{1,150}")
_VARIABLE = re.compile(r"\$\{?(\w+)")


def connection(
    definition: Definition,
    *,
    environment: str,
    conn_id: str,
    origin: Origin,
    fingerprint: Fingerprint,
) -> Connection:
    """Return the fact that `definition` is; nothing in it is secret any more."""
    return _Reading(definition, environment, conn_id, origin, fingerprint).fact()


def unreadable(
    environment: str,
    conn_id: str,
    origin: Origin,
    reason: Reason,
    symbol: str,
    secrets: tuple[Secret, ...] = (),
) -> Connection:
    """Return the fact of a connection that exists; `secrets` is all that is known."""
    fields = (
        "conn_type",
        "host",
        "schema",
        "port",
        "project",
        "credential",
        "impersonation_chain",
        "tls_verified",
        "token",
        "secrets",
    )
    return Connection(
        id=f"connection:{environment}:{conn_id}",
        origin=origin,
        environment=environment,
        conn_id=conn_id,
        secrets_known=secrets,
        unresolved=tuple(
            Unresolved(field=field, reason=reason, symbol=symbol) for field in fields
        ),
    )


class _Reading:
    """One definition being read: collects why a field stays unset."""

    def __init__(
        self,
        definition: Definition,
        environment: str,
        conn_id: str,
        origin: Origin,
        fingerprint: Fingerprint,
    ) -> None:
        self.given = definition
        self.environment = environment
        self.conn_id = conn_id
        self.origin = origin
        self.fingerprint = fingerprint
        self.extra: Mapping[str, object] = definition.extra or {}
        self.extra_known = (
            definition.extra is not None and "extra" not in definition.withheld
        )
        self.unresolved: list[Unresolved] = []

    def fact(self) -> Connection:
        given = self.given
        http = given.conn_type in HTTP_TYPES
        google = given.conn_type in GOOGLE_TYPES or (
            given.conn_type not in HTTP_TYPES | {"aws"} and self._is_google()
        )
        secrets = tuple(sorted(set(self._secrets()), key=_secret_order))
        token = self._or_extra("token", self._token) if http else None
        if google:
            credential = self._or_extra("credential", self._google_credential)
        elif given.conn_type == "aws":
            credential = self._or_extra("credential", self._aws_credential)
        else:
            credential = self._or_extra(
                "credential", lambda: self._other(token, secrets)
            )
        conn_type = self._stated("conn_type", given.conn_type)
        return Connection(
            id=f"connection:{self.environment}:{self.conn_id}",
            origin=self.origin,
            environment=self.environment,
            conn_id=self.conn_id,
            conn_type=UNSET if isinstance(conn_type, UnsetType) else conn_type or "",
            host=self._host(http),
            schema=self._schema(http),
            port=given.port,
            project=self._or_extra("project", self._project) if google else None,
            credential=credential,
            impersonation_chain=self._or_extra("impersonation_chain", self._chain)
            if google
            else None,
            tls_verified=self._or_extra("tls_verified", self._tls_verified),
            token=token,
            secrets=self._all_secrets(secrets),
            secrets_known=secrets,
            # last: the lines above fill it
            unresolved=tuple(self.unresolved),
        )

    # ------------------------------------------------------------ what is not known

    def _unset(self, field: str, reason: Reason, symbol: str) -> None:
        self.unresolved.append(Unresolved(field=field, reason=reason, symbol=symbol))

    def _or_extra(self, field: str, read: Callable[[], Maybe[T]]) -> Maybe[T]:
        """Return what `read` gives, or UNSET where `extra` could not be read."""
        if self.extra_known:
            return read()
        self._unset(field, "unreadable", f"extra of connection {self.conn_id}")
        return UNSET

    def _stated(self, field: str, value: object) -> Maybe[str | None]:
        """Return a plain text field; UNSET where it is filled in or no plain name."""
        if value is None or value == "":
            return None
        text = str(value)
        if "$" in text and is_template(text):
            match = _VARIABLE.search(text)
            name = match[1] if match else f"{field} of connection {self.conn_id}"
            self._unset(field, "environment", name)
            return UNSET
        if public(text) is None:
            self._unset(field, "unreadable", f"{field} of connection {self.conn_id}")
            return UNSET
        return text

    def _decodes_to_false(self, value: object) -> bool:
        """Tell whether `value` is a text that only some versions take for false."""
        if not (self.given.queried and isinstance(value, str) and value):
            return False
        try:
            return not json.loads(value)
        except (ValueError, RecursionError):
            return False

    def _version(self, field: str) -> None:
        self._unset(field, "version", f"Airflow version of {self.environment}")

    # ------------------------------------------------------------------- host, TLS

    def _host(self, http: bool) -> Maybe[str | None]:
        """Return the host without user, query and, for HTTP, without its scheme."""
        host = self.given.host
        if host is None:
            return None
        scheme, separator, rest = host.rpartition("://")
        rest = re.split(r"[?#]", rest, maxsplit=1)[0]
        authority, slash, path = rest.partition("/")
        authority = authority.rpartition("@")[2]
        clean = f"{authority}{slash}{path}".rstrip("/") if http else authority
        if not http:
            clean = f"{scheme}{separator}{authority}{slash}{path}"
        if secret_in("", f"{scheme}{separator}{authority}{slash}{path}"):
            clean = authority  # a webhook's path is its secret
        return self._stated("host", clean)

    def _schema(self, http: bool) -> Maybe[str | None]:
        """Return the schema; for HTTP the one in force, `http` by default."""
        host = self.given.host or ""
        if http and "://" in host:
            return self._stated("schema", host.partition("://")[0].lower())
        return self._stated("schema", self.given.schema or ("http" if http else None))

    def _tls_verified(self) -> Maybe[bool | None]:
        """Return what `verify` in `extra` says; None: nothing, so the default."""
        value = self.extra.get("verify", self.extra.get("verify_ssl"))
        if value is None:
            return None
        if self._decodes_to_false(value):  # to requests, "false" names a CA bundle
            self._version("tls_verified")
            return UNSET
        return bool(value)

    def _token(self) -> Maybe[Token | None]:
        """Return how HttpHook authenticates: login before headers from `extra`."""
        if self.given.login:
            return "basic"
        headers = {
            name.lower(): str(value).strip()
            for name, value in self.extra.items()
            if name not in _HTTP_OPTIONS and value
        }
        for name in ("authorization", "x-serverless-authorization"):
            if name in headers:
                scheme = headers[name].partition(" ")[0].lower()
                if scheme == _MASK:
                    symbol = f"header {name} of connection {self.conn_id}"
                    self._unset("token", "unreadable", symbol)
                    return UNSET
                return "basic" if scheme == "basic" else "static_bearer"
        named = {kind_by_name(name) for name in headers}
        return "api_key" if named & {"api_key", "bearer_token"} else "none"

    # ---------------------------------------------------------------------- Google

    def _is_google(self) -> bool:
        return any(
            name in self.extra or f"{_PREFIX}{name}" in self.extra
            for name in _GOOGLE_FIELDS
        )

    def _field(self, name: str) -> object:
        """Return a Google field; the short name hides the long one even if empty."""
        value = self.extra.get(name, self.extra.get(f"{_PREFIX}{name}"))
        return None if value == "" else value

    def _project(self) -> Maybe[str | None]:
        return self._stated("project", self._field("project"))

    def _chain(self) -> Maybe[tuple[str, ...] | None]:
        value = self._field("impersonation_chain")
        if not value:
            return None
        if isinstance(value, list | tuple):
            chain = tuple(str(item) for item in cast("list[object]", value))
        elif self.given.queried and str(value).lstrip().startswith("["):
            self._version("impersonation_chain")
            return UNSET
        elif "," in str(value):
            chain = tuple(part.strip() for part in str(value).split(","))
        else:
            chain = (str(value),)
        for element in chain:
            if self._stated("impersonation_chain", element) is UNSET:
                return UNSET
        return chain

    def _google_credential(self) -> Maybe[Credential]:
        present = [name for name in _EXCLUSIVE if self._field(name)]
        anonymous = self._field("is_anonymous")
        if self._decodes_to_false(anonymous):  # to the hook, "false" is true
            self._version("credential")
            return UNSET
        if len(present) > 1:
            return Credential(kind="conflicting", identity=None)
        if anonymous:
            return Credential(kind="anonymous", identity=None)
        if path := self._field("key_path"):
            return self._elsewhere("key_file", path)
        if name := self._field("key_secret_name"):
            return self._elsewhere("key_secret", name)
        if key := self._field("keyfile_dict"):
            return self._key_content(key)
        config = self._field("credential_config_file")
        if self._field("idp_issuer_url"):
            found = self._configured(config) if config else None
            identity = found.identity if found else None
            return Credential(kind="federation_client", identity=identity)
        if config:
            return self._configured(config)
        return Credential(kind="ambient", identity=None)

    def _elsewhere(self, kind: CredentialKind, reference: object) -> Credential:
        """Return a credential that lies outside: whose it is, nothing here says."""
        text = public(str(reference))
        noun = "key file" if kind == "key_file" else "secret"
        known = text if text and text != _MASK else f"of connection {self.conn_id}"
        self._unset("credential.identity", "unreadable", f"{noun} {known}")
        return Credential(kind=kind, path=None if text == _MASK else text)

    def _key_content(self, key: object) -> Maybe[Credential]:
        if isinstance(key, str) and is_template(key) and "{" not in key[:1]:
            match = _VARIABLE.search(key)
            symbol = match[1] if match else f"keyfile_dict of {self.conn_id}"
            self._unset("credential", "environment", symbol)
            return UNSET
        email = (_object(key) or {}).get("client_email")
        return self._of("key_content", email)

    def _of(self, kind: CredentialKind, email: object) -> Credential:
        """Return a credential whose content should name its account."""
        if isinstance(email, str) and _EMAIL.fullmatch(email):
            return Credential(kind=kind, identity=email.lower())
        self._unset(
            "credential.identity",
            "unreadable",
            f"credential content of connection {self.conn_id}",
        )
        return Credential(kind=kind)

    def _configured(self, config: object) -> Credential:
        """Return what `credential_config_file` is: a path, or a file's content."""
        content = _object(config)
        if content is None:
            path = public(str(config))
            self._unset(
                "credential.kind",
                "unreadable",
                f"credential_config_file of connection {self.conn_id}",
            )
            return Credential(path=path)
        url = content.get("service_account_impersonation_url")
        match = _IMPERSONATED.search(url) if isinstance(url, str) else None
        target = match[1].lower() if match else None
        kind = content.get("type")
        if kind == "impersonated_service_account":
            source = _object(content.get("source_credentials")) or {}
            kind = source.get("type")
            if kind == "service_account" and target is None:
                return self._of("key_content", source.get("client_email"))
        elif kind == "service_account":
            return self._of("key_content", content.get("client_email"))
        if kind == "service_account":
            return Credential(kind="key_content", identity=target)
        if kind == "external_account":
            return Credential(kind="federation", identity=target)
        if kind in {"authorized_user", "external_account_authorized_user"}:
            return (
                Credential(kind="user_refresh_token", identity=target)
                if target
                else self._of("user_refresh_token", content.get("account"))
            )
        self._unset(
            "credential.kind",
            "unreadable",
            f"credential_config_file of connection {self.conn_id}",
        )
        return Credential(identity=target) if target else Credential()

    # ---------------------------------------------------------------- AWS and others

    def _aws_credential(self) -> Maybe[Credential]:
        session = self.extra.get("session_kwargs")
        places = [self.extra]
        if isinstance(session, Mapping):
            places.append(cast("Mapping[str, object]", session))
        static = bool(self.given.login and self.given.password) or any(
            all(place.get(key) for key in _AWS_KEYS) for place in places
        )
        if self.given.login and not static and "password" in self.given.withheld:
            return self._withheld("credential")
        role = self.extra.get("role_arn")
        path = public(str(role)) if role else None
        if static:
            return Credential(kind="static_keys", identity=None, path=path)
        if role:
            return Credential(kind="assume_role", identity=None, path=path)
        return Credential(kind="ambient", identity=None)

    def _other(
        self, token: Maybe[Token | None], secrets: tuple[Secret, ...]
    ) -> Maybe[Credential]:
        """Return the credential of any other connection, HTTP included."""
        if self.given.conn_type in HTTP_TYPES:
            if isinstance(token, UnsetType):
                symbol = f"headers of connection {self.conn_id}"
                self._unset("credential", "unreadable", symbol)
                return UNSET
            kind: CredentialKind = (
                "basic"
                if token == "basic"  # noqa: S105 a kind, no password
                else "bearer"
                if token in {"static_bearer", "api_key"}
                else "none"
            )
            return Credential(kind=kind, identity=None)
        if self.given.password or "password" in self.given.withheld:
            if not self.given.password:
                return self._withheld("credential")
            return Credential(kind="basic", identity=None)
        bearer = any(s.kind in {"bearer_token", "api_key"} for s in secrets)
        return Credential(kind="bearer" if bearer else "none", identity=None)

    def _withheld(self, field: str) -> Maybe[Credential]:
        self._unset(field, "unreadable", f"password of connection {self.conn_id}")
        return UNSET

    # --------------------------------------------------------------------- secrets

    def _all_secrets(self, secrets: tuple[Secret, ...]) -> Maybe[tuple[Secret, ...]]:
        """Return `secrets` where they are all there can be."""
        hidden = "extra" if not self.extra_known else None
        if "password" in self.given.withheld:
            hidden = "password"
        elif self.given.redacted and any(_masked_unnamed(self.extra)):
            hidden = "a masked field"
        if hidden is None:
            return secrets
        self._unset("secrets", "unreadable", f"{hidden} of connection {self.conn_id}")
        return UNSET

    def _secrets(self) -> Iterator[Secret]:
        given = self.given
        if given.redacted:
            yield from self._masked()
        password = given.password
        if password and not (given.redacted and password == _MASK):
            yield from self._password(password)
        for place, value in (
            ("login", given.login),
            ("host", given.host),
            ("schema", given.schema),
            ("extra", given.extra_text),
            ("", given.rest),
        ):
            if value:
                yield from secrets_in(place, value, self.origin, self.fingerprint)
        if self.extra:
            typed = {"conn_type": given.conn_type, "extra": self.extra}
            yield from secrets_in("", typed, self.origin, self.fingerprint)

    def _password(self, password: str) -> Iterator[Secret]:
        """Yield a password; unlike a named value elsewhere, any text here is one."""
        kind = password_kind(self.given.conn_type, self.given.login)
        found = secrets_in("", password, self.origin, self.fingerprint)
        for secret in found:
            place = f"password.{secret.place}" if secret.place else "password"
            yield replace(secret, place=place)
        if not found and not any(
            test(password)
            for test in (is_placeholder, is_template, is_reference, is_sealed)
        ):
            yield Secret(
                kind=kind,
                place="password",
                origin=self.origin,
                fingerprint=self.fingerprint.of(password),
            )

    def _masked(self) -> Iterator[Secret]:
        """Yield what an API masks: the mask proves that it is there."""
        if self.given.password == _MASK:
            yield Secret(kind="password", place="password", origin=self.origin)
        for place, kind in _masked_in("extra", self.extra):
            yield Secret(kind=kind, place=place, origin=self.origin)


def _masked_in(
    place: str, value: Mapping[str, object]
) -> Iterator[tuple[str, SecretKind]]:
    for name, item in value.items():
        inner = f"{place}.{name}"
        if isinstance(item, Mapping):
            content = cast("Mapping[str, object]", item)
            if content.get("private_key") == _MASK:
                yield inner, "service_account_key"
            else:
                yield from _masked_in(inner, content)
        elif item == _MASK:
            plain = name.removeprefix(_PREFIX)
            kind = (
                "service_account_key" if plain == "keyfile_dict" else kind_by_name(name)
            )
            if kind is not None:
                yield inner, kind


def _masked_unnamed(value: Mapping[str, object]) -> Iterator[str]:
    """Yield the masked fields of which the name does not say what they are."""
    for name, item in value.items():
        if isinstance(item, Mapping):
            content = cast("Mapping[str, object]", item)
            if content.get("private_key") != _MASK:
                yield from _masked_unnamed(content)
        elif item == _MASK and not (
            kind_by_name(name) or name.endswith(("keyfile_dict", "key_secret_name"))
        ):
            yield name


def _object(value: object) -> Mapping[str, object] | None:
    """Return a mapping, also from JSON text; None if it is neither."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def public(text: str) -> str | None:
    """Return `text` where it may be shown: one printable line, no secret by shape."""
    fits = 0 < len(text) <= 500 and text.isprintable()
    return text if fits and secret_in("", text) is None else None


def _secret_order(secret: Secret) -> tuple[str, str, str]:
    return (secret.place, secret.kind, secret.fingerprint or "")
