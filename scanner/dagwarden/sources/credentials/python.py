"""
Credentials in the text of a Python file: what is written there, wherever it leads.

Names, keywords, keys, defaults and arguments say what a value is called; what texts are
made of is followed as far as it is written in the file (`fold`), or imported from another
one of the repository (`Finder`). Functions need not be
called and branches not be taken: what stands there is what whoever reads it has.
"""

import ast
from collections import ChainMap, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice, repeat
from typing import Any, Protocol, cast

from msgspec import Struct
from msgspec.structs import replace

from dagwarden.patterns import late, words
from dagwarden.sources.credentials.assigned import command_in, flag_in
from dagwarden.sources.credentials.fold import (
    FOLDED_CALLS,
    HOLE,
    JOINING,
    Folded,
    Leaf,
    as_list,
    called,
    fold,
    is_known,
    result_of,
)
from dagwarden.sources.credentials.names import (
    WORDY,
    is_drawn,
    kind_by_name,
    name_within,
)
from dagwarden.sources.credentials.shapes import is_key_id
from dagwarden.sources.credentials.walk import (
    MAX_TEXT,
    Found,
    found_in,
    may_hold_secret,
)
from dagwarden.sources.credentials.work import TooMuchWork, charge

# Units of work, beside what looking into values takes.
_WORK_OF_STATEMENT = 6
_WORK_OF_EXPRESSION = 3
# Units that are charged for together.
_AT_ONCE = 200
# Characters of a word that is compared with a name that says secret, and is none.
SHORT_WORD = 3


# Names of a module that others import.
MAX_NAMES = 2_000
# As many characters at its edge are a part of a credential.
EDGE = 4
# Credentials that one line has a part of.
MAX_MADE = 50


class Finder(Protocol):
    """Who finds the modules that a file imports."""

    def names_in(self, name: str, level: int) -> Mapping[str, Folded]:
        """Return the names of a module, relative by `level`; none: it is not found."""
        ...

    def is_foreign(self, name: str, level: int) -> bool:
        """Tell whether the repository has no package or module that `name` begins with."""
        ...


# Expressions inside one, each with what it is called.
Parts = Iterable[tuple[ast.AST, str]]


class Written(Struct, frozen=True):
    """A credential and the line where it is written, or most of it is."""

    line: int
    found: Found
    # files and lines of other texts that it is made of; "": the file that is read
    others: tuple[tuple[str, int], ...] = ()
    source: str = ""


def found_in_python(
    tree: ast.AST,
    lines: Sequence[str] = (),
    *,
    weak: bool = False,
    finder: Finder | None = None,
) -> list[Written]:
    """
    Return the credentials in a module, each line's in the order met; see `found_in`.

    `lines` of the source tell on which line of a long text a credential begins.
    What is imported is known as far as `finder` finds it.
    """
    reading = _Reading(tree, lines, weak=weak, finder=finder)
    # what was found until then is told: whoever gave the allowance says that it ended
    with suppress(TooMuchWork):
        reading.read(tree)
    return sorted(reading.whole(), key=lambda one: one.line)


def resolved_in_python(tree: ast.AST) -> list[tuple[int, str, str]]:
    """
    Return the texts of a module that are made of several, for other detectors.

    Each with the line of its longest part, and what it is called.
    """
    reading = _Reading(tree, (), weak=False)
    reading.resolved = []
    reading.read(tree)
    return list(dict.fromkeys(reading.resolved))


def names_of(
    tree: ast.AST, source: str, finder: Finder | None = None
) -> dict[str, Folded]:
    """Return the names that a module has in the end; it is the file `source`."""
    reading = _Reading(tree, (), weak=False, finder=finder)
    reading.looking = False
    names: dict[str, Folded] = {}
    reading.block(_children(tree), _Scope(_Names(names)))
    return {
        name: _imported(folded, source)
        for name, folded in islice(names.items(), MAX_NAMES)
        if is_known(folded) and folded.leaves
    }


def _imported(folded: Folded, source: str) -> Folded:
    leaves = (replace(leaf, source=leaf.source or source) for leaf in folded.leaves)
    return replace(folded, leaves=tuple(leaves))


class _Names(ChainMap[str, Folded]):
    """Names of a function or class, and of what is around it."""

    def get(self, key: str, default: Any = None) -> Any:
        """Return what a name stands for: a chain's own way takes eight times as long."""
        for names in self.maps:
            if key in names:
                return names[key]
        return default


class _Scope(Struct, frozen=True):
    """The names that code sees, and what the value is called that it returns."""

    names: _Names
    returned: str = ""


# Functions and methods whose first argument, or second, names the next: os.getenv,
# Variable.set, a mapping's get, ConfigParser.set, V1EnvVar, an option's declaration.
_NAMING = frozenset(
    [
        "EnvVar",
        "V1EnvVar",
        "add_argument",
        "add_header",
        "env",
        "get",
        "get_env",
        "get_or_default",
        "getenv",
        "option",
        "put",
        "pop",
        "putenv",
        "set",
        "setattr",
        "setdefault",
        "setenv",
        "set_value",
    ]
)
_GIVEN = frozenset({"default", "default_factory", "default_var", "fallback", "value"})
_NAMES = ("name", "key", "Name", "Key")
_VALUES = frozenset({"value", "Value"})
# Where a password or key stands that no keyword names: the position, and its name.
_POSITIONS: dict[str, dict[int, str]] = {
    "AES": {0: "cipher_key"},
    "AESGCM": {0: "cipher_key"},
    "AWS4Auth": {1: "aws_secret_key"},
    "AzureKeyCredential": {0: "api_key"},
    "BasicAuth": {1: "password"},
    "BasicAuthentication": {1: "password"},
    "BearerAuth": {0: "token"},
    "AuthApiKey": {0: "api_key"},
    "CosmosClient": {1: "account_key"},
    "InfluxDBClient": {3: "password"},
    "Jenkins": {2: "password"},
    "Minio": {2: "secret_key"},
    "PasswordAuthenticator": {1: "password"},
    "PlainCredentials": {1: "password"},
    "SMBConnection": {1: "password"},
    "Salesforce": {1: "password", 2: "security_token"},
    "SecretBox": {0: "cipher_key"},
    "SpotifyClientCredentials": {1: "client_secret"},
    "TimestampSigner": {0: "signing_key"},
    "URLSafeSerializer": {0: "signing_key"},
    "URLSafeTimedSerializer": {0: "signing_key"},
    "UsernameToken": {1: "password"},
    "ClientSecretCredential": {2: "client_secret"},
    "FTP": {2: "password"},
    "FTP_TLS": {2: "password"},
    "Fernet": {0: "fernet_key"},
    "Gitlab": {1: "private_token"},
    "HTTPBasicAuth": {1: "password"},
    "HTTPDigestAuth": {1: "password"},
    "HTTPProxyAuth": {1: "password"},
    "HttpNtlmAuth": {1: "password"},
    "OAuth1": {1: "client_secret", 3: "oauth_token_secret"},
    "OAuth1Session": {1: "client_secret", 3: "oauth_token_secret"},
    "OAuth1UserHandler": {1: "client_secret", 3: "access_token_secret"},
    "OAuthHandler": {1: "client_secret"},
    "PersonalAccessTokenAuth": {1: "access_token"},
    "PlainTextAuthProvider": {1: "password"},
    "Redis": {3: "password"},
    "SecretStr": {0: "password"},
    "StrictRedis": {3: "password"},
    "TableauAuth": {1: "password"},
    "UsernamePasswordCredential": {2: "password"},
    "acquire_token_with_client_credentials": {2: "client_secret"},
    "add_password": {3: "password"},
    "basic_auth": {1: "password"},
    "login": {1: "password"},
    "pass_": {0: "password"},
    "set_access_token": {1: "access_token_secret"},
    "simple_bind": {1: "password"},
    "simple_bind_s": {1: "password"},
    "username_pw_set": {1: "password"},
}
# ... and where the name alone says too little, by what it belongs to.
_POSITIONS_OF: dict[tuple[str, str], dict[int, str]] = {
    ("FacebookAdsApi", "init"): {1: "app_secret", 2: "access_token"},
    ("ldap3", "Connection"): {2: "password"},
    ("oss2", "Auth"): {1: "secret_key"},
    ("pysftp", "Connection"): {3: "password"},
    ("shopify", "Session"): {2: "access_token"},
}
# Whom a server lets in without knowing him: what he gives for a password is none.
_NOBODY = frozenset({"anonymous", "ftp", "guest"})
# Ciphers that are made by `new` of a module.
_CIPHERS = frozenset({"AES", "ARC4", "Blowfish", "ChaCha20", "DES", "DES3", "hmac"})
# What declares a field, an option or a parameter by the value that it has at first.
_DECLARING = words("Argument Body Cookie Field Form Header Option Param Query")
# What looks a value up: what it is when there is none stands second.
_LOOKING = frozenset({"get", "get_env", "get_or_default", "getenv", "pop"})
# What adds one more to a list or set.
_ADDING = frozenset({"add", "append"})
# Modules whose `connect` takes a password by position.
_CONNECT = {
    "pymysql": "password",
    "MySQLdb": "password",
    "pymssql": "password",
    "oracledb": "password",
    "cx_Oracle": "password",
    "transport": "password",
    # ("driver", "url", ["user", "password"])
    "jaydebeapi": "auth",
}
_CONNECT_AT = {"oracledb": 1, "cx_Oracle": 1}
# ... and those that take all in one text: user/password@host.
_ORACLE = frozenset({"oracledb", "cx_Oracle"})
_ORACLE_TEXT = late(r"[\w$#.\[\]-]{1,100}/(?P<secret>[^/@\s]{2,100})(?:@\S+)?")
# Arguments of `connect` of Paramiko, which takes the port second.
_OF_SSH = ("hostname", "port", "username", "password")
# What Airflow calls the arguments of a connection.
_OF_CONNECTION = ("conn_id", "conn_type", "description", "host", "login", "password")
_SETTERS = ("set", "with_", "use_")
_PAIRS = frozenset({"auth", "basic_auth", "http_auth", "userpass"})
# Characters of a part that is told without the others.
_LONG_PART = 12
# Keys of a dict that is a credential as a whole.
_WHOLE = frozenset({"private_key", "refresh_token"})


class _Reading:
    """One file; statements in order, so that names have the values they have there."""

    def __init__(
        self,
        tree: ast.AST,
        lines: Sequence[str],
        *,
        weak: bool,
        finder: Finder | None = None,
    ) -> None:
        self.finder = finder
        self.lines = lines
        self.weak = weak
        # False: only names are of interest
        self.looking = True
        self.found: dict[tuple[str, int, str], Written] = {}
        # credentials that are made of several texts, by where each of these stands
        self.made: dict[tuple[str, int], list[str]] = {}
        # the expression that was folded last
        self.last: tuple[ast.expr, Folded] | None = None
        # texts that are made of several, where they are asked for
        self.resolved: list[tuple[int, str, str]] | None = None
        # bodies of functions, read once all names around them have their values
        self.later: deque[tuple[list[ast.AST], _Scope]] = deque()
        # what the parameters are called of functions and classes of the file
        self.parameters: dict[str, list[str]] = {}
        for node in _children(tree):
            self._declare(node)

    def _declare(self, node: ast.AST) -> None:
        if isinstance(node, (ast.Expr, ast.ImportFrom)):
            return  # as most are
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            self.parameters[node.name] = [one.arg for one in node.args.args]
        elif isinstance(node, ast.ClassDef):
            if _has_fields(node):
                fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                self.parameters[node.name] = [_name_of(one.target) for one in fields]
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    given = [one.arg for one in inner.args.args[1:]]
                    self.parameters[node.name] = given
        elif (
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and _name_of(node.value.func) == "namedtuple"
        ):
            given = _fields_of(node.value.args[1:2])
            self.parameters |= dict.fromkeys(map(_name_of, node.targets), given)

    # ------------------------------------------------------------------ statements

    def read(self, tree: ast.AST) -> None:
        """Read a module, then the bodies of its functions."""
        self.block(_children(tree), _Scope(_Names()))
        while self.later:
            self.block(*self.later.popleft())

    def block(self, nodes: list[ast.AST], scope: _Scope) -> None:
        """Read statements and what they hold, in order."""
        waiting = nodes[::-1]
        while waiting:
            node = waiting.pop()
            charge(_WORK_OF_STATEMENT)
            reader = _STATEMENTS.get(type(node))
            if reader is not None:
                waiting += reader(self, node, scope)
            elif isinstance(node, ast.expr):
                self._expression(node, "", scope)
            else:
                waiting += _children(node)[::-1]

    def assignment(self, node: ast.Assign, scope: _Scope) -> list[ast.AST]:
        """Bind what is assigned."""
        for target in node.targets:
            self._bind(target, node.value, scope)
        return []

    def annotated(self, node: ast.AnnAssign, scope: _Scope) -> list[ast.AST]:
        """Bind what is assigned to a name with a type."""
        if node.value is not None:
            self._bind(node.target, node.value, scope)
        return []

    def expression(self, node: ast.Expr, scope: _Scope) -> list[ast.AST]:
        """Look into what stands for itself."""
        self._expression(node.value, "", scope)
        return []

    def returning(self, node: ast.Return, scope: _Scope) -> list[ast.AST]:
        """Look into what a function returns."""
        if node.value is not None:
            self._expression(node.value, scope.returned, scope)
        return []

    def imported(
        self, node: ast.Import | ast.ImportFrom, scope: _Scope
    ) -> list[ast.AST]:
        """Bind what a statement imports from the repository."""
        if self.finder is None:
            return []
        if isinstance(node, ast.Import):
            for alias in node.names:
                known = self.finder.names_in(alias.name, 0)
                own = f"{alias.asname or alias.name}."
                for name, one in known.items():
                    scope.names[own + name] = one
            return []
        known = self.finder.names_in(node.module or "", node.level)
        if not known and self.finder.is_foreign(node.module or "", node.level):
            return []  # as most are
        for alias in node.names:
            if alias.name == "*":
                scope.names.update(known)
            elif alias.name in known:
                scope.names[alias.asname or alias.name] = known[alias.name]
            else:  # a class, or a module of a package
                inner = self._inside(node, alias.name, known)
                called_as = alias.asname or alias.name
                for name, one in inner.items():
                    scope.names[f"{called_as}.{name}"] = one
        return []

    def _inside(
        self, node: ast.ImportFrom, wanted: str, known: Mapping[str, Folded]
    ) -> Mapping[str, Folded]:
        """Return the names of a class that is known, or of a module of a package."""
        own = f"{wanted}."
        inner = {n[len(own) :]: v for n, v in known.items() if n.startswith(own)}
        if inner or self.finder is None:
            return inner
        within = f"{node.module}.{wanted}" if node.module else wanted
        return self.finder.names_in(within, node.level)

    def function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope
    ) -> list[ast.AST]:
        """Look into defaults; the body waits until all names have their values."""
        self._declare(node)  # also one inside of another
        for decorator in node.decorator_list:
            self._expression(decorator, "", scope)
        for name, default in _defaults(node.args):
            self._expression(default, name, scope)
        returned = node.name if kind_by_name(node.name) else ""
        self._keep_result(node, scope)
        # names of the module are seen as they are in the end
        inner = _Scope(scope.names.new_child(), returned)
        self.later.append((list(node.body), inner))
        return []

    def _keep_result(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: _Scope
    ) -> None:
        """Remember what a call comes to of a function that only returns a text."""
        last = node.body[-1]
        given = node.args
        parameters = given.args or given.posonlyargs or given.kwonlyargs
        if not parameters and isinstance(last, ast.Return) and last.value is not None:
            scope.names[result_of(node.name)] = fold(last.value, scope.names)

    def inner_class(self, node: ast.ClassDef, scope: _Scope) -> list[ast.AST]:
        """Read the body of a class, whose names its methods have of an instance."""
        for part in (*node.decorator_list, *node.bases):
            self._expression(part, "", scope)
        for keyword in node.keywords:
            self._expression(keyword.value, keyword.arg or "", scope)
        names = scope.names.new_child()
        self.block(list(node.body), _Scope(names))
        for name, value in list(names.maps[0].items()):
            scope.names[f"{node.name}.{name}"] = value
            names[f"self.{name}"] = names[f"cls.{name}"] = value
        return []

    def _bind(self, target: ast.expr, value: ast.expr, scope: _Scope) -> None:
        if isinstance(target, (ast.Tuple, ast.List)):
            if isinstance(value, (ast.Tuple, ast.List)):
                for one, its in zip(target.elts, value.elts, strict=False):
                    self._bind(one, its, scope)
                if any(
                    is_key_id(v.value) for v in value.elts if type(v) is ast.Constant
                ):
                    self._look("", fold(value, scope.names))
                return
        elif isinstance(target, ast.Name):
            scope.names.maps[0][target.id] = self._fold(value, scope)
        elif isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
            # what one method gives an instance, the others see
            own = target.value.id == "self" and len(scope.names.maps) > 1
            seen = scope.names.maps[1] if own else scope.names
            seen[f"{target.value.id}.{target.attr}"] = self._fold(value, scope)
        name = _name_of(target)
        if not name and isinstance(target, ast.Subscript):
            name = _text_of(target.slice, scope) or ""
        self._expression(value, name, scope)

    def _fold(self, node: ast.expr, scope: _Scope) -> Folded:
        """Return what a value comes to: where it is bound, and then looked into, once."""
        if self.last is None or self.last[0] is not node:
            self.last = node, fold(node, scope.names)
        return self.last[1]

    def loop(self, node: ast.For | ast.AsyncFor, scope: _Scope) -> list[ast.AST]:
        """Look into what a loop goes over, by the names of its variables."""
        target = node.target
        self._expression(node.iter, "", scope)
        folded = fold(node.iter, scope.names)
        several = isinstance(target, (ast.Tuple, ast.List))
        names = target.elts if isinstance(target, (ast.Tuple, ast.List)) else [target]
        for item in as_list(folded.value) or ():
            parts = (as_list(item) or []) if several else [item]
            for one, part in zip(names, parts, strict=False):
                own = tuple(leaf for leaf in folded.leaves if leaf.text == part)
                if isinstance(part, str) and own:
                    self._look(_name_of(one), Folded(part, own))
        inner: list[ast.AST] = [*node.body, *node.orelse]
        return inner[::-1]

    def extension(self, node: ast.AugAssign, scope: _Scope) -> list[ast.AST]:
        """Add to what a name stands for."""
        name = _name_of(node.target)
        if isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add):
            reference = ast.copy_location(ast.Name(name, ast.Load()), node)
            both = ast.copy_location(ast.BinOp(reference, node.op, node.value), node)
            folded = fold(both, scope.names)
            scope.names[name] = folded
            self._look(name, folded)
        self._expression(node.value, name, scope)
        return []

    # ----------------------------------------------------------------- expressions

    def _expression(self, node: ast.expr, name: str, scope: _Scope) -> None:
        """Look into an expression that is called `name`, and all that it holds."""
        waiting: list[tuple[ast.AST, str]] = [(node, name)]
        units = 0
        while waiting:
            one, called_as = waiting.pop()
            units += _WORK_OF_EXPRESSION
            if units > _AT_ONCE:
                charge(units)
                units = 0
            kind = type(one)
            if kind is ast.Name and not called_as:
                continue  # the most of all, and they say nothing
            reader = _READERS.get(kind)
            if reader is not None:
                if parts := reader(self, one, called_as, scope):
                    waiting += parts
            elif isinstance(one, ast.Lambda):
                waiting.append((one.body, called_as))
                waiting += [(d, n) for n, d in _defaults(one.args)]
            else:
                waiting += [(part, "") for part in _children(one)]
        charge(units)

    def _look(self, name: str, folded: Folded) -> bool:
        """Add the credentials in a value called `name`; say whether it has any."""
        value = folded.value
        if self.resolved is not None and isinstance(value, str) and folded.leaves:
            most = max(folded.leaves, key=lambda leaf: len(leaf.text))
            if most.text != value and len(value) <= MAX_TEXT:
                self.resolved.append((most.line, name, value))
        wanted = self.looking and folded.leaves
        if not wanted or not may_hold_secret(name, value):
            return False
        some = False
        for found in found_in(name, value, name=name, weak=self.weak):
            some = True
            self._add(found, folded.leaves)
        return some

    def _add(self, found: Found, leaves: tuple[Leaf, ...]) -> None:
        value = found.value
        whole = next((leaf for leaf in leaves if value in leaf.text), None)
        parts = _parts_of(value, leaves)
        most = whole or max(parts, key=lambda leaf: len(leaf.text))
        line = most.line_of(value, self.lines)
        here = most.source, line
        others: list[tuple[str, int]] = []
        if whole is None:
            places = {(leaf.source, leaf.line) for leaf in parts}
            others = sorted(places - {here})
            for place in places:
                made = self.made.setdefault(place, [])
                if len(made) < MAX_MADE:
                    made.append(value)
        written = Written(line, found, tuple(others), most.source)
        known = self.found.get((*here, value))
        if known is None or _rank(written) < _rank(known):
            self.found[*here, value] = written

    def whole(self) -> Iterator[Written]:
        """Yield what was found, but for parts of what was found where they stand."""
        for one in self.found.values():
            value, made = one.found.value, self.made.get((one.source, one.line), ())
            if not any(value in other and value != other for other in made):
                yield one

    # ------------------------------------------- one reader per kind of expression

    def constant(self, node: ast.Constant, name: str, scope: _Scope) -> Parts:
        """Look into what is written out."""
        value = node.value
        if isinstance(value, (str, bytes)) and may_hold_secret(name, value):
            self._look(name, fold(node, scope.names))
        return ()

    def reference(self, node: ast.expr, name: str, scope: _Scope) -> Parts:
        """Look into what a name stands for, if another name says that it is secret."""
        if name and kind_by_name(name) is not None:
            folded = fold(node, scope.names)
            if isinstance(folded.value, (str, bytes)):
                self._look(name, folded)
        if name in _PAIRS:
            pair = as_list((folded := fold(node, scope.names)).value)
            if pair is not None and len(pair) == 2:
                self._look("password", replace(folded, value=pair[1]))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            self._look(name, fold(node, scope.names))
        if isinstance(node, ast.Attribute):
            return [(node.value, "")]
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            return [(node.value, name), (node.slice, "")]
        return () if isinstance(node, ast.Name) else self._parts(node)

    def _parts(self, node: ast.expr) -> Parts:
        return [(part, "") for part in _children(node)]

    def text(self, node: ast.expr, name: str, scope: _Scope) -> Parts:
        """Look into a text that is made of others, as a whole and part by part."""
        if isinstance(node, ast.BinOp) and type(node.op) not in JOINING:
            return [(node.left, name), (node.right, name)]
        folded = self._fold(node, scope)
        known = is_known(folded)
        if known:
            self._look(name, folded)
        # what is filled in with it may be a mere beginning
        holed = isinstance(folded.value, str) and HOLE in folded.value
        return [
            (part, name if drawn or not known else "")
            for part in _terms(node)
            for drawn in [holed and _is_drawn(part)]
            if drawn or not (known and isinstance(part, (ast.Constant, ast.Name)))
        ]

    def mapping(self, node: ast.Dict, name: str, scope: _Scope) -> Parts:
        """Look into a dict: as a whole where its keys say so, and key by key."""
        keys = [
            key.value if isinstance(key, ast.Constant) else None for key in node.keys
        ]
        texts = {key for key in keys if isinstance(key, str)}
        ids = any(is_key_id(v.value) for v in node.values if type(v) is ast.Constant)
        if (ids or texts & _WHOLE) and self._look(name, fold(node, scope.names)):
            return ()
        pairs = list(zip(keys, node.values, strict=True))
        named = _name_in_pair([(k, v) for k, v in pairs if isinstance(k, str)], scope)
        parts: list[tuple[ast.AST, str]] = []
        for key, (said, value) in zip(node.keys, pairs, strict=True):
            own = name_within(name, said) if isinstance(said, str) else name
            if isinstance(key, ast.Constant):
                parts.append((key, ""))  # a token that something is kept for
            elif key is not None:
                parts.append((key, ""))
                folded = fold(key, scope.names).value
                # (section, name): V
                if isinstance(folded, tuple) and folded and type(value) is ast.Constant:
                    folded = cast("tuple[object, ...]", folded)[-1]
                own = folded if isinstance(folded, str) else own
            parts.append((value, named if named and said in _VALUES else own))
        return parts

    def items(
        self, node: ast.List | ast.Tuple | ast.Set, name: str, scope: _Scope
    ) -> Parts:
        """Look into the items of a list; the second of a user and a password."""
        own: list[tuple[ast.AST, str]] = [(one, name) for one in node.elts]
        values = [one.value if type(one) is ast.Constant else None for one in node.elts]
        for position, value in enumerate(values[:-1], 1):
            if (flag := flag_in(value)) is not None:
                own[position] = (own[position][0], flag)
        if any(map(is_key_id, values)) or command_in(list(values)):
            self._look(name, fold(node, scope.names))
        if len(own) == 2 and name.lower() in _PAIRS:
            own[1] = (own[1][0], "password")
        elif len(own) == 2 and isinstance(node, ast.Tuple):
            first = _text_of(node.elts[0], scope)
            # ("Authorization", V), unless both are words
            if first is not None and kind_by_name(first) and not _is_word(values[1]):
                own[1] = (own[1][0], first)
        return own

    def call(self, node: ast.Call, name: str, scope: _Scope) -> Parts:
        """Look into a call: its arguments by the names that they have there."""
        function = called(node)
        if function in FOLDED_CALLS or (
            name and scope.names.get(result_of(function)) is not None
        ):
            folded = self._fold(node, scope)
            if is_known(folded) and isinstance(folded.value, (str, bytes, dict, list)):
                self._look(name, folded)
        parts: list[tuple[ast.AST, str]] = []
        if isinstance(node.func, (ast.Attribute, ast.Call, ast.Subscript)):
            whole = getattr(node.func, "value", node.func)
            # {"prod": V, ...}.get(STAGE)
            chosen = function == "get" and isinstance(whole, ast.Dict)
            parts.append((whole, name if chosen else ""))
        if (
            function == "Connection"
            and (_receiver(node), function) not in _POSITIONS_OF
        ):
            self._connection(node, scope)
        given = self._name_given(node.keywords, scope)
        if node.args:
            given = self._positional(node, name, function, scope, given, parts)
        elif not given and name and kind_by_name(name) is not None:
            given = name  # what a field is at first, and what is looked up is else
        for keyword in node.keywords:
            own = keyword.arg or ""
            if own in _BESIDE:
                own = _said_beside(own, node)
            if own == "op_args" and isinstance(keyword.value, (ast.List, ast.Tuple)):
                items = keyword.value.elts
                names_of_items = [*self._called_later(node), *repeat("", len(items))]
                parts += zip(items, names_of_items, strict=False)
                continue
            parts.append((keyword.value, given if given and own in _GIVEN else own))
        return parts

    def _name_given(self, keywords: list[ast.keyword], scope: _Scope) -> str:
        """Return N of a call with name=N, value=V."""
        for keyword in keywords:
            if keyword.arg in _VALUES:  # as few have
                return _name_in_pair(
                    [(k.arg, k.value) for k in keywords if k.arg], scope
                )
        return ""

    def _positional(
        self,
        node: ast.Call,
        name: str,
        function: str,
        scope: _Scope,
        given: str,
        parts: list[tuple[ast.AST, str]],
    ) -> str:
        """Add the positional arguments to `parts`; return what a default is called."""
        if _receiver(node) in _ORACLE:
            self._oracle(node.args[0], scope)
        if any(is_key_id(_text_of(one, scope)) for one in node.args[:8]):
            together = ast.copy_location(ast.List(node.args), node)
            self._look(name, fold(together, scope.names))
        names, given = self._argument_names(node, name, function, scope, given)
        for position, argument in enumerate(node.args):
            parts.append((argument, names.get(position, "")))
        return given

    def _called_later(self, node: ast.Call) -> list[str]:
        """Return what the parameters are called of what a task calls with `op_args`."""
        for keyword in node.keywords:
            if keyword.arg == "python_callable":
                return self.parameters.get(_name_of(keyword.value), [])
        return []

    def _oracle(self, node: ast.expr, scope: _Scope) -> None:
        """Look into the first argument of a connection, which may be all of it."""
        folded = fold(node, scope.names)
        if not isinstance(folded.value, str):
            return
        if (match := _ORACLE_TEXT().fullmatch(folded.value)) is not None:
            self._look("password", replace(folded, value=match["secret"]))

    def _connection(self, node: ast.Call, scope: _Scope) -> None:
        """Look into a connection as a whole: its type says what its fields are."""
        given = [keyword for keyword in node.keywords if keyword.arg]
        names: list[ast.expr | None] = [
            ast.copy_location(ast.Constant(one.arg or ""), one.value) for one in given
        ]
        whole = ast.copy_location(ast.Dict(names, [one.value for one in given]), node)
        self._look("", fold(whole, scope.names))

    def _argument_names(
        self, node: ast.Call, name: str, function: str, scope: _Scope, named: str
    ) -> tuple[dict[int, str], str]:
        """Return what positional arguments are called, and a default or value."""
        if not named and name and kind_by_name(name) is not None:
            if function in _DECLARING:
                return {0: name}, name
            if function in _LOOKING:  # what it is when nothing else is given
                return {1: name}, name
            named = name
        if function in _NAMING:
            for position, argument in enumerate(node.args[:2]):
                said = _text_of(argument, scope)
                if said is not None and not position:
                    said = name_within(_receiver(node), said)  # cookies.set(N, V)
                if said is not None and kind_by_name(said) is not None:
                    return {position + 1: said}, said
        if function.startswith(_SETTERS) and kind_by_name(function) is not None:
            return {0: function}, named
        if function in _POSITIONS:
            if any(_text_of(one, scope) in _NOBODY for one in node.args[:2]):
                return {}, named
            own = name if kind_by_name(name) is not None else ""
            return {at: own or said for at, said in _POSITIONS[function].items()}, named
        if function == "connect" and (made_by := _receiver(node)) in _CONNECT:
            return {_CONNECT_AT.get(made_by, 2): _CONNECT[made_by]}, named
        if function == "connect" and _is_port(node.args[1:2]):
            return dict(enumerate(_OF_SSH)), named
        if function in {"encode", "decode"} and _receiver(node) == "jwt":
            return {1: "signing_key"}, named
        if function == "new" and _receiver(node) in _CIPHERS:
            hashing = _receiver(node) == "hmac"
            return {0: "hmac_key" if hashing else "cipher_key"}, named
        if function == "partial" and node.args:
            given = self.parameters.get(_name_of(node.args[0]), ())
            return dict(enumerate(given, 1)), named
        if function in _ADDING and kind_by_name(_receiver(node)) is not None:
            return {0: _receiver(node)}, named
        if (of := (_receiver(node), function)) in _POSITIONS_OF:
            return _POSITIONS_OF[of], named
        if function == "create" and _receiver(node) == "URL":  # of SQLAlchemy
            return {2: "password"}, named
        if function == "Connection":
            return dict(enumerate(_OF_CONNECTION)), named
        return dict(enumerate(self.parameters.get(function, ()))), named

    def comparison(self, node: ast.Compare, name: str, scope: _Scope) -> Parts:
        """Look into what a name is compared with."""
        sides = [node.left, *node.comparators]
        names = [_name_of(side) for side in sides]
        own = next((one for one in names if one and kind_by_name(one)), "")
        equal = all(isinstance(op, (ast.Eq, ast.NotEq)) for op in node.ops)
        return [(s, own if equal and _may_be_password(s) else "") for s in sides]

    def choice(self, node: ast.expr, name: str, scope: _Scope) -> Parts:
        """Look into each of the values that an expression may come to."""
        if isinstance(node, ast.BoolOp):
            return [(value, name) for value in node.values]
        if isinstance(node, ast.IfExp):
            return [(node.test, ""), (node.body, name), (node.orelse, name)]
        if isinstance(node, ast.Yield):  # as what a function returns
            return [] if node.value is None else [(node.value, name or scope.returned)]
        inner = cast("ast.Await | ast.Starred | ast.FormattedValue", node)
        return [(inner.value, name)]

    def binding(self, node: ast.NamedExpr, name: str, scope: _Scope) -> Parts:
        """Bind a name inside an expression."""
        self._bind(node.target, node.value, scope)
        return ()


def _children(node: ast.AST) -> list[ast.AST]:
    """Return what `node` consists of, but for what says how it is used."""
    found: list[ast.AST] = []
    for field in node._fields:
        if field in _NO_PARTS:
            continue
        part: object = getattr(node, field, None)
        if isinstance(part, list):
            items = cast("list[object]", part)
            found += [one for one in items if isinstance(one, ast.AST)]
        elif isinstance(part, ast.AST):
            found.append(part)
    return found


# Names and texts, and what says how a node is used.
_NO_PARTS = words("ctx op ops id attr kind type_comment conversion module level")


def _parts_of(value: str, leaves: tuple[Leaf, ...]) -> Sequence[Leaf]:
    """Return the texts that have a part of `value`; all, where it was encoded in them."""
    parts = [leaf for leaf in leaves if leaf.text.strip() and leaf.text in value]
    for edge in (value[:EDGE], value[-EDGE:]):
        # "Bearer ..." has more than a part
        holding = [leaf for leaf in leaves if edge in leaf.text]
        if not holding:
            return leaves
        parts += holding
    return parts


def _rank(written: Written) -> tuple[bool, bool]:
    """Sort what is sure before what is not, and what has a name before what has none."""
    return written.found.doubt is not None, not written.found.place


def _may_be_password(node: ast.expr) -> bool:
    """Tell whether what a name is compared with is more than a short word: "git"."""
    return isinstance(node, ast.Constant) and len(str(node.value)) > SHORT_WORD


def _name_of(target: ast.expr) -> str:
    """Return what is called by `target`, "" if that has no name."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        key = target.slice.value
        return key if isinstance(key, str) else ""
    return ""


# Keywords that mean a secret where something else says so.
_BESIDE = frozenset({"key", "secret_id"})


def _said_beside(name: str, call: ast.Call) -> str:
    """Return what a keyword means in a call: of Vault's AppRole, of a JWT's signature."""
    if name == "secret_id" and any(one.arg == "role_id" for one in call.keywords):
        return "approle_secret"
    if name == "key" and called(call) == "login":
        return "api_key"
    signing = name == "key" and called(call) == "encode" and _receiver(call) == "jwt"
    return "signing_key" if signing else name


def _receiver(call: ast.Call) -> str:
    """Return what the object is called whose method is called, "" for a function."""
    return _name_of(call.func.value) if isinstance(call.func, ast.Attribute) else ""


def _defaults(given: ast.arguments) -> Iterator[tuple[str, ast.expr]]:
    positional = [*given.posonlyargs, *given.args]
    last = positional[len(positional) - len(given.defaults) :]
    for argument, default in zip(last, given.defaults, strict=True):
        yield argument.arg, default
    for argument, value in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        if value is not None:
            yield argument.arg, value


def _is_drawn(node: ast.expr) -> bool:
    """Tell whether a text is written out that is random, and long enough to open something."""
    text = node.value if isinstance(node, ast.Constant) else None
    return isinstance(text, str) and len(text) >= _LONG_PART and is_drawn(text)


def _is_word(value: object) -> bool:
    return isinstance(value, str) and WORDY().fullmatch(value) is not None


def _has_fields(node: ast.ClassDef) -> bool:
    """Tell whether what a class annotates are the arguments of its constructor."""
    made_by = (
        one.func if isinstance(one, ast.Call) else one for one in node.decorator_list
    )
    return any(_name_of(one) == "NamedTuple" for one in node.bases) or any(
        _name_of(one) == "dataclass" for one in made_by
    )


def _is_port(nodes: Sequence[ast.expr]) -> bool:
    return any(
        isinstance(one, ast.Constant) and type(one.value) is int for one in nodes
    )


def _fields_of(nodes: Sequence[ast.expr]) -> list[str]:
    """Return the names that the second argument of `namedtuple` gives its fields."""
    given = next(iter(nodes), None)
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        return given.value.replace(",", " ").split()
    if isinstance(given, (ast.List, ast.Tuple)):
        return [
            str(one.value) if isinstance(one, ast.Constant) else ""
            for one in given.elts
        ]
    return []


def _text_of(node: ast.expr, scope: _Scope) -> str | None:
    """Return the text that an expression comes to, None where it is none."""
    kind = type(node)
    if kind is ast.Constant:
        value: object = cast("ast.Constant", node).value
    elif kind in _CONTAINERS:  # large ones take long to fold
        return None
    else:
        value = fold(node, scope.names).value
    return value if isinstance(value, str) else None


_CONTAINERS = frozenset({ast.Dict, ast.List, ast.Set, ast.Tuple})


def _name_in_pair(given: list[tuple[str, ast.expr]], scope: _Scope) -> str:
    """Return N of {"name": N, "value": V} and of EnvVar(name=N, value=V)."""
    if _VALUES.isdisjoint([name for name, _ in given]):
        return ""
    values = dict(given)
    for name in _NAMES:
        if name in values:
            return _text_of(values[name], scope) or ""
    return ""


def _terms(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what a text is made of; sums may have thousands of terms."""
    if isinstance(node, ast.JoinedStr):
        yield from node.values
        return
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield node.right
        node = node.left
    if isinstance(node, ast.BinOp):
        yield from (node.left, node.right)
    else:
        yield node


_READERS: dict[type[ast.AST], Callable[..., Parts]] = {
    ast.Attribute: _Reading.reference,
    ast.Await: _Reading.choice,
    ast.BinOp: _Reading.text,
    ast.BoolOp: _Reading.choice,
    ast.Call: _Reading.call,
    ast.Compare: _Reading.comparison,
    ast.Constant: _Reading.constant,
    ast.Dict: _Reading.mapping,
    ast.FormattedValue: _Reading.choice,
    ast.IfExp: _Reading.choice,
    ast.JoinedStr: _Reading.text,
    ast.List: _Reading.items,
    ast.Name: _Reading.reference,
    ast.NamedExpr: _Reading.binding,
    ast.Set: _Reading.items,
    ast.Starred: _Reading.choice,
    ast.Subscript: _Reading.reference,
    ast.Tuple: _Reading.items,
    ast.Yield: _Reading.choice,
}
_STATEMENTS: dict[type[ast.AST], Callable[..., list[ast.AST]]] = {
    ast.AnnAssign: _Reading.annotated,
    ast.Assign: _Reading.assignment,
    ast.AsyncFor: _Reading.loop,
    ast.AsyncFunctionDef: _Reading.function,
    ast.AugAssign: _Reading.extension,
    ast.ClassDef: _Reading.inner_class,
    ast.Expr: _Reading.expression,
    ast.For: _Reading.loop,
    ast.FunctionDef: _Reading.function,
    ast.Import: _Reading.imported,
    ast.ImportFrom: _Reading.imported,
    ast.Return: _Reading.returning,
}
