"""
Where code, settings and commands name a Google credential that is kept elsewhere.

What is named says which kind it is only where nothing else is taken: gcloud's
`activate-service-account` and google-auth's `from_service_account_file` take a service
account key, `GOOGLE_APPLICATION_CREDENTIALS` also a federation configuration (AIP-4110).
In Python the tree is asked, in other formats the text; code that is commented out counts
for nothing.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import cast

from msgspec import Struct

from dagwarden.patterns import Late, late, words
from dagwarden.sources.credentials.fold import Folded, called, fold
from dagwarden.sources.credentials.negatives import is_template
from dagwarden.sources.credentials.work import charge

# Of one file; what comes after them is not told.
MAX_REFERENCES = 100
# Of one pattern, those included that turn out to be none.
MAX_MATCHES = 500
MAX_TARGET = 300
# Characters that are searched for one unit of work.
_SEARCHED = 20
ADC = "GOOGLE_APPLICATION_CREDENTIALS"
_ACTIVATE = "activate-service-account"
# One of these stands in every text that has a reference.
_HINTS = (
    *(ADC, "key_path", "key_secret_name", "keyfile", "load_credentials_from_file"),
    *("service_account_file", "service_account_json", "service_account_path"),
    _ACTIVATE,
)
# Calls that read a service account key from a file, and those that read any credential.
_KEY_CALLS = words(
    "from_service_account_file from_service_account_json from_json_keyfile_name"
    " from_p12_keyfile"
)
_ANY_CALLS = words("load_credentials_from_file")
# Names of a key file; what Airflow's hook and google-auth take under the first is a key.
_KEY_NAMES = words(
    "service_account_file extra__google_cloud_platform__key_path key_secret_name"
    " extra__google_cloud_platform__key_secret_name"
)
_FILE_NAMES = words("keyfile keyfile_path key_path gcp_key_path service_account_path")
_SECRET = "key_secret_name"  # noqa: S105 - the name of an option
_TOLD = _KEY_NAMES | _FILE_NAMES | {ADC}
_IS_FILE = late(r"[^\s\"'{}<>|;]{0,290}\.(?:json|p12)", re.IGNORECASE)
_END = r"(?P<target>[^\s\"'\\,;|&)\]]{1,300})"
_SETTING = late(
    rf"\b{ADC}\b[\"'\\\])]*"
    r"(?:\s*,?\s*\\?[\"']?[Vv]alue\\?[\"']?\s*[:=]\s*|\s*[=:,]\s*-?|[ \t]+)\\?[\"']?"
    + _END
)
_COMMAND = late(
    rf"\b{_ACTIVATE}\b(?:[^\n;|&]|\\\n){{0,300}}?--key-file(?:=|\s+)\\?[\"']?" + _END
)
_NAMED = late(
    rf"\b(?P<name>{'|'.join(sorted(_KEY_NAMES | _FILE_NAMES))})\b\\?[\"']?"
    r"\s*[=:]\s*\\?[\"']?" + _END
)
_PATH = late(r"[/.~$%]|.*\.(?:json|p12)$", re.IGNORECASE)
# of a text, or of the cell of a notebook
_COMMENT = late(r"[ \t]*\"?[ \t]*(?:#|//|--\s|;)")


class Reference(Struct, frozen=True):
    """A credential that is named: on which line, as what, and where it is kept."""

    line: int
    place: str
    # a path, or a secret's name; None: made when it runs
    target: str | None
    # nothing but a service account key can be meant
    is_key: bool = False


def may_refer(text: str) -> bool:
    """Say whether it is worth looking for references in `text`: most have none."""
    return any(hint in text for hint in _HINTS)


def references_in_text(text: str, line: int = 1) -> Iterator[Reference]:
    """Yield what settings and commands name, in a text that begins at `line`."""
    if not may_refer(text):
        return
    charge(len(text) // _SEARCHED)
    for match in _matches(_SETTING, text):
        if _PATH().match(match["target"]):
            yield from _at(match, text, line, ADC, is_key=False)
    for match in _matches(_COMMAND, text):
        yield from _at(match, text, line, _ACTIVATE, is_key=True)
    for match in _matches(_NAMED, text):
        name = match["name"]
        if _is_named(name, match["target"]):
            yield from _at(match, text, line, name, is_key=name in _KEY_NAMES)


def _matches(pattern: Late, text: str) -> Iterator[re.Match[str]]:
    return islice(pattern().finditer(text), MAX_MATCHES)


def _at(
    match: re.Match[str], text: str, line: int, place: str, *, is_key: bool
) -> Iterator[Reference]:
    begin = text.rfind("\n", 0, match.start()) + 1
    if not _COMMENT().match(text, begin):
        below = text.count("\n", 0, match.start("target"))
        yield Reference(line + below, place, _target(match["target"]), is_key)


def _target(value: object) -> str | None:
    """Return what is named as a text to show; None: it is not known before it runs."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TARGET:
        return None
    made = "$" in value or "{" in value or "<" in value or is_template(value)
    return None if made or not value.isprintable() else value


# -------------------------------------------------------------------------- Python


def references_in_python(tree: ast.Module, text: str) -> Iterator[Reference]:
    """Yield what a module names, in the order of the tree."""
    if not may_refer(text):
        return
    names: dict[str, Folded] = {}
    documentation: set[int] = set()
    telling: list[ast.AST] = []
    for node in _nodes(tree):
        charge(1)
        if isinstance(node, ast.Expr):
            documentation.add(id(node.value))
        elif isinstance(node, _TELLING):
            telling.append(node)
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        names[target.id] = fold(node.value, names)
    for node in telling:
        if id(node) not in documentation or isinstance(node, ast.Call):
            yield from _in_node(node, names)


def _nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield nodes as `ast.walk` does, but for most of those that tell nothing."""
    nodes: list[ast.AST] = [tree]
    for node in nodes:  # which grow meanwhile
        if type(node) is ast.Name:
            continue
        yield node
        for field in node._fields:
            part: object = getattr(node, field, None)
            if type(part) is list:
                items = cast("list[object]", part)
                nodes += [one for one in items if isinstance(one, ast.AST)]
            elif isinstance(part, ast.AST) and type(part) is not ast.Load:
                nodes.append(part)


# What a credential is named in.
_TELLING = (ast.Call, ast.Assign, ast.Dict, ast.arguments, ast.Constant)


def _in_node(node: ast.AST, names: Mapping[str, Folded]) -> Iterator[Reference]:
    if isinstance(node, ast.Call):
        yield from _in_call(node, names)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _named(_name_of(target, names), node.value, names)
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            name = None if key is None else fold(key, names).value
            yield from _named(name, value, names)
    elif isinstance(node, ast.arguments):
        given = [*node.posonlyargs, *node.args]
        last = given[len(given) - len(node.defaults) :]
        for argument, default in zip(last, node.defaults, strict=True):
            yield from _named(argument.arg, default, names)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from references_in_text(node.value, node.lineno)


def _in_call(node: ast.Call, names: Mapping[str, Folded]) -> Iterator[Reference]:
    function = called(node)
    if function in _KEY_CALLS or function in _ANY_CALLS:
        file = node.args[0] if node.args else None
        for keyword in node.keywords:
            if file is None and keyword.arg and keyword.arg != "scopes":
                file = keyword.value
        target = None if file is None else _target(fold(file, names).value)
        yield Reference(node.lineno, function, target, function in _KEY_CALLS)
        return
    for name, value in zip(node.args, node.args[1:], strict=False):
        if isinstance(name, ast.Constant) and name.value == ADC:
            yield from _named(ADC, value, names)
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    pair = given.get("name")
    for said, value in given.items():
        if said == "value" and pair is not None:
            yield from _named(fold(pair, names).value, value, names)
        else:
            yield from _named(said, value, names)


def _name_of(target: ast.expr, names: Mapping[str, Folded]) -> object:
    if isinstance(target, ast.Subscript):
        return fold(target.slice, names).value
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else None


def _named(
    name: object, value: ast.expr, names: Mapping[str, Folded]
) -> Iterator[Reference]:
    """Yield the reference that `value` is under this name, if it is one."""
    if not isinstance(name, str) or name not in _TOLD:
        return
    said = fold(value, names).value
    if said == "" or _is_content(said):
        return
    if name == ADC:
        # None, a number: nothing is named
        if isinstance(said, str) or not isinstance(value, ast.Constant):
            yield Reference(value.lineno, name, _target(said))
    elif isinstance(said, str) and _is_named(name, said):
        yield Reference(value.lineno, name, _target(said), name in _KEY_NAMES)


def _is_named(name: str, target: str) -> bool:
    """Say whether what has this name is a key file, or the name of a key's secret."""
    if name.endswith(_SECRET):
        return name in _KEY_NAMES
    known = name in _KEY_NAMES or name in _FILE_NAMES
    return known and _IS_FILE().fullmatch(target) is not None


def _is_content(value: object) -> bool:
    """Say whether a text is a credential itself, which is told as one."""
    if not isinstance(value, str) or is_template(value):
        return False
    return "\n" in value or value.lstrip()[:1] == "{"
