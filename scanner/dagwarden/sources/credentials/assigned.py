"""
Credentials inside a text that is more than the credential: settings and commands.

`password=...` in a connection string, `export DB_PASSWORD=...`, `"password": "..."` in a
text that is no JSON, and the options by which commands take a password: curl(1),
sshpass(1), mysql(1), redis-cli, mongosh, sqlcmd, docker, airflow, twine and openssl(1).
"""

import re
from collections.abc import Iterator

from msgspec import Struct

from dagwarden.patterns import Late, late
from dagwarden.sources.credentials.decode import unquoted
from dagwarden.sources.credentials.names import (
    WORDY,
    is_drawn,
    is_kept_beside,
    kind_by_name,
)
from dagwarden.sources.credentials.work import charge

# Longer texts are looked into part by part.
MAX_ASSIGNING = 200_000
# Characters that a pattern follows for one unit of work, and at most.
_FOLLOWED = 150
_LONGEST = 2_000
FEW = 20
_MOST_PAIRS = 200
# Units of work for one command: its options are looked for along its line.
_WORK_OF_COMMAND = 20
# Where a text may be cut, the best first: no name is parted from its value.
_CUTS = ("\n", ";", ",", "&", " ")

# Spelled out so that no part can match what another may: nothing to come back to.
_ASSIGNED = late(
    # ${NAME:-VALUE} is looked for apart
    r"(?<!//)(?<!\$\{)(?<![\w.])(?P<name>[A-Za-z][\w.-]{0,60})(?P<quote>\\?[\"'])?\]?(?:"
    # name = value; name="value"
    # ... and a type between: name: string = "value"
    r"(?:[ \t]{0,4}:[ \t]{0,4}(?:&(?:'static[ \t])?str|[Ss]tring|str)|[ \t]string)?"
    r"[ \t]{0,4}(?:=>|:=|==|\?=|=|<-)[ \t]{0,4}"
    r"(?:`(?P<ticks>[^`\n\\]{4,2000})`|\\?\"(?P<double>[^\"\n\\]{4,2000})|\\?'(?P<single>[^'\n\\]{4,2000})"
    r"|(?P<bare>[^\s&#'\"`,;(){}\[\]<>|\\]{4,2000}+)(?![(\[{]))"
    # name: "value"; name: value, and then nothing
    r"|:(?!//)[ \t]{0,4}(?:\\?\"(?P<double_2>[^\"\n\\]{4,2000})|\\?'(?P<single_2>[^'\n\\]{4,2000})"
    r"|(?P<last>[^\s&#'\"`,;(){}\[\]<>|\\]{4,2000}+)(?=[ \t]{0,20}(?:$|[,;}#'\"]|-->|\*/))))",
    re.MULTILINE,
)
_VALUES = ("double", "single", "double_2", "single_2", "ticks", "bare", "last")
_BARE = frozenset({"bare", "last"})
# `self.password`, `config.db.password`: where code has it from
_ATTRIBUTE = late(r"!{0,2}[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[!=]{0,3}|class|function")

_FILLED_IN = late(r"[A-Za-z_]\w*(?:$|[.\[(:!])|\d*$")

_ARGUMENT = (
    r"(?:\"(?P<a>[^\"\n]{1,300})\"|'(?P<b>[^'\n]{1,300})'|(?P<c>[^\s\"';|&]{1,300}))"
)
_ON_THE_LINE = r"(?:[^\n;|]|\\\n){0,1000}?"


class Assigned(Struct, frozen=True):
    """A value and the name that a text gives it."""

    name: str
    value: str


class _Option(Struct, frozen=True):
    """What comes before a password in a command: an option by which a command takes a password, alone or after a user's name."""

    hint: str
    pattern: Late
    after: str = ""


def _option(hint: str, pattern: str, after: str = "") -> _Option:
    return _Option(hint, late(pattern + _ARGUMENT), after)


_OPTIONS = (
    _option(
        "curl",
        rf"\bcurl\b{_ON_THE_LINE}\s(?:-[a-zA-Z]{{0,6}}[uU]|--user|--proxy-user)[= ]{{0,3}}",
        ":",
    ),
    _option("http", r"\bhttps?[ \t]+(?:-a|--auth)[= ]{1,3}", ":"),
    _option("sshpass", r"\bsshpass\s+-p\s{0,3}"),
    _option("mysql", rf"\b(?:mysql|mysqldump|mysqladmin){_ON_THE_LINE}\s-p"),
    _option("mariadb", rf"\b(?:mariadb|mariadb-dump){_ON_THE_LINE}\s-p"),
    _option("redis-cli", rf"\bredis-cli{_ON_THE_LINE}\s-a\s+"),
    _option("mongo", rf"\bmongo\w*{_ON_THE_LINE}\s-p\s+"),
    _option("sqlcmd", rf"\bsqlcmd{_ON_THE_LINE}\s-P\s{{0,3}}(?!-)"),
    _option("bcp", rf"\bbcp\s{_ON_THE_LINE}\s-P\s{{0,3}}(?!-)"),
    _option("beeline", rf"\bbeeline\s{_ON_THE_LINE}\s-p\s+(?!-)"),
    _option("cqlsh", rf"\bcqlsh\s{_ON_THE_LINE}\s-p\s+(?!-)"),
    _option("vsql", rf"\bvsql\s{_ON_THE_LINE}\s-w\s+(?!-)"),
    _option("7z", rf"\b7z[ar]?\s+[a-z]{{1,2}}\s{_ON_THE_LINE}-p"),
    _option("rar ", rf"\brar\s+[a-z]\s{_ON_THE_LINE}-h?p"),
    _option("htpasswd", r"\bhtpasswd\s+(?=(?:-\w{1,9}\s+){0,6}-\w{0,9}b)(?=(?:-\w{1,9}\s+){0,6}-\w{0,9}n)(?:-\w{1,9}\s+){1,6}[^\s-]\S{0,100}\s+"),
    _option("htpasswd", r"\bhtpasswd\s+(?=(?:-\w{1,9}\s+){0,6}-\w{0,9}b)(?!(?:-\w{1,9}\s+){0,6}-\w{0,9}n)(?:-\w{1,9}\s+){1,6}[^\s-]\S{0,200}\s+\S{1,100}\s+"),
    _option("SecureString", r"\bConvertTo-SecureString\s+(?=[^\n]{0,1000}-AsPlainText)(?:-(?:AsPlainText|Force|String)\s+){0,3}"),
    _option("login", rf"\b(?:docker|podman|helm|az|oras|skopeo)\b[^\n;|]{{0,40}}\slogin\b{_ON_THE_LINE}\s-p\s+"),
    _option("airflow", rf"\bairflow\s+(?:fab-db\s+)?users\s+(?:create|reset-password)\b{_ON_THE_LINE}\s-p\s+"),
    _option("twine", rf"\btwine\s+upload\b{_ON_THE_LINE}\s-p\s+"),
    _option("ldap", rf"\bldap\w+{_ON_THE_LINE}\s-w\s+"),
    _option("openssl", rf"\bopenssl{_ON_THE_LINE}\s-(?:passin|passout|pass|k)\s+(?:pass:)?"),
    _option("zip", rf"\b(?:unzip|zip){_ON_THE_LINE}\s-P\s{{0,3}}"),
    _option("smbclient", rf"\bsmbclient{_ON_THE_LINE}\s(?:-U|--user)[= ]{{0,3}}", "%"),
    _option("put-parameter", rf"\bssm\s+put-parameter\b(?=[^\n]{{0,1000}}SecureString){_ON_THE_LINE}\s--value[= ]"),
    _option("keyvault", rf"\bkeyvault\s+secret\s+set\b{_ON_THE_LINE}\s--value[= ]"),
    _option("put-secret", rf"\bput-secret\b{_ON_THE_LINE}\s--string-value[= ]"),
    _option("lftp", rf"\blftp{_ON_THE_LINE}\s(?:-u|--user)[= ]{{0,3}}", ","),
)  # fmt: skip
# ... and commands in which it has its place among other words.
_WORDED = (
    _option("db2", r"\bdb2\b[^\n;]{0,10}\bconnect\s+to\s+\S{1,100}\s+user\s+\S{1,100}\s+using\s+"),
    _option("rabbitmqctl", r"\brabbitmqctl\b[^\n;|]{0,60}\s(?:add_user|change_password)\s+\S{1,100}\s+"),
    _option("LOGON ", r"\.LOGON\s+[^\s,/]{1,200}/[^\s,]{1,100},\s?"),
    _option("logon ", r"\.logon\s+[^\s,/]{1,200}/[^\s,]{1,100},\s?"),
    _option("net use", r"\bnet\s+use\s+(?:\S:|\*)\s+\\\\\S{1,200}\s+(?![/*])"),
    _option("mc alias", r"\bmc\s+alias\s+set\s+\S{1,60}\s+\S{1,200}\s+\S{1,100}\s+"),
    _option("quote PASS", r"\bquote\s+PASS\s+"),
    _option("chpasswd", r"\b(?:echo|printf)\s+(?=[^\n|]{1,300}\|\s*(?:sudo\s+)?chpasswd\b)", ":"),
    _option("NetworkCredential(", r"\bNetworkCredential\(\s*[^\n(),]{1,200},\s*(?=[\"'])"),
    _option("getConnection", r"\bgetConnection\(\s*[^\n(),]{1,400},\s*[^\n(),]{1,100},\s*(?=\")"),
    _option("Credentials(", r"\bCredentials\((?:\s*\"[^\"\n]{0,200}\",){3}\s*(?=\")"),
)  # fmt: skip
WORDED_HINTS = tuple(option.hint for option in _WORDED)
_OPTION_ALONE = late(r"--?(?P<name>[A-Za-z][\w-]{2,40})")
_FLAG = late(
    r"(?<![\w-])--?(?P<name>[A-Za-z][\w-]{2,40})[ \t]+"
    r"(?:\"(?P<a>[^\"\n]{4,300})\"|'(?P<b>[^'\n]{4,300})'"
    # words about an option are none of its values: "the --password option is ..."
    r"|(?![a-z]+[ \t]+[a-z]+\b)(?P<c>[^\s\"';|&-][^\s\"';|&]{3,300}))"
)


# What a shell takes for a variable that is not set: ${NAME:-VALUE}
_FALLBACK = late(r"\$\{(?P<name>\w{2,60}):?[-=](?P<value>[^}\n]{4,300})\}")
# As ODBC quotes what may hold anything: PWD={V};
_BRACED = late(
    r"(?<!\w)(?P<name>pwd|password)[ \t]{0,4}=[ \t]{0,4}\{(?P<value>[^{}\n]{4,200})\}[ \t]{0,4}(?=[;\"']|$)",
    re.IGNORECASE | re.MULTILINE,
)
# What a template takes for a value that is not set: {{ env_var('NAME', 'VALUE') }},
# {{ x | default('VALUE') }}, {{ .Values.x | default "VALUE" }}, <%= ENV['X'] || 'VALUE' %>
_INSTEAD = late(
    r"(?:\bdefault(?:_value|_var)?[ \t]{0,4}[(=]?|\|\||\bor|\b(?:env_var|getenv|get_env)\([ \t]{0,4}['\"]"
    r"(?P<name>\w{2,60})['\"][ \t]{0,4},)[ \t]{0,4}(?:\"(?P<a>[^\"\n]{4,300})\"|'(?P<b>[^'\n]{4,300})')"
)
_FILLED = late(
    r"(?<![\w.])(?P<name>[A-Za-z][\w.-]{0,60})[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?"
    r"(?P<template>\{\{[^\n]{1,500}?\}\}|<%[^\n]{1,500}?%>)"
)
# What a call gives a name: option("password", "V")
_PASSED = late(
    r"\([ \t]{0,4}(?P<quote>[\"'])(?P<name>[\w.-]{3,100})(?P=quote),[ \t]{0,4}"
    r"(?P=quote)(?P<value>[^\"'\n]{8,300})(?P=quote)[ \t]{0,4}\)"
)
# A method that is given it alone: setPassword("V")
_SETTER = late(
    r"\b(?P<name>(?:set|with|use)_?[A-Za-z]\w{2,60})\([ \t]{0,4}(?P<quote>[\"'])"
    r"(?P<value>[^\"'\n]{4,300})(?P=quote)[ \t]{0,4}\)"
)
# What people write: the password of the warehouse is V
_SAID_TO_BE = late(
    r"\b(?P<name>(?:[A-Za-z][\w-]{0,20}[ ]){0,2}(?:password|passwd|passphrase|secret|token|api[ _-]?key))"
    r"(?: (?:of|for|on|to)(?: [\w-]{1,40}){1,3})? is:? [\"'`]?(?P<value>[^\s\"'`,;<>]{8,200})",
    re.IGNORECASE,
)
_COOKIE = late(
    r"\bcookie[\"'\\]{0,3}\s{0,3}[:=,]\s{0,3}[brf]?\\?[\"']?(?P<value>[^\"'\n]{8,4000})"
    r"|\bcurl\b(?:[^\n;|]|\\\n){0,1000}?\s-b[= ]{0,3}[\"'](?P<given>[^\"'\n]{8,4000})",
    re.IGNORECASE,
)
# What kubectl(1) puts into a Secret, whatever it is called.
_KEPT = late(
    r"--from-literal[= ][\"']?(?P<name>[\w.-]{1,100})=[\"']?(?P<value>[^\s\"']{6,500})"
)
# What is piped to a command that reads a password there.
_PIPED = late(
    r"\b(?:echo|printf)\s+(?:-\w\s+|[\"']?%s(?:\\n)?[\"']?\s+)?"
    + _ARGUMENT
    + r"\s*\|\s*(?:sudo\s+-\w*S|kinit\b|passwd\b|[^\n|]{0,200}--password-stdin"
    r"|gcloud\s+secrets\s[^\n|]{0,200}--data-file=-)"
)
_SQL = late(
    r"\b(?:identified\s+(?:with\s+\S+\s+)?by\s|password\s|password\s+for\s+\S{1,200}\s*=\s*(?:password\s*\()?"
    r"|secret_access_key\s|session_token\s|key_id\s+'[^'\n]{4,100}'\s{0,4},\s{0,4}secret\s)\s*'(?P<secret>[^'\n]{2,200})'",
    re.IGNORECASE,
)
_IN_SQL = ("identified", "password", "secret_access_key", "session_token")
# `aws configure set NAME VALUE`, `airflow variables set NAME VALUE`; fish: `set -x NAME VALUE`
_SET = late(
    r"(?:\b(?:configure|config|variables|secret)\s+(?:set|put)|(?:^|[\s;])set\s+-[gxUL]{1,3})"
    r"\s+(?P<name>[\w./-]{3,60})\s+" + _ARGUMENT
)
# One of these is in every command that takes a password.
OPTION_HINTS = tuple(option.hint for option in _OPTIONS)
_COMMANDS = frozenset(
    [
        *OPTION_HINTS,
        *(
            "mariadb-dump",
            "mongodump",
            "mongorestore",
            "mongosh",
            "mysqladmin",
            "mysqldump",
        ),
        *("docker", "podman", "unzip"),
    ]
)


def instead_in(template: str) -> Iterator[Assigned]:
    """Yield what a template has instead of a value that is not set; "": without a name."""
    for match in _INSTEAD().finditer(template):
        yield Assigned(match["name"] or "", match["a"] or match["b"])


def command_in(arguments: list[object]) -> str | None:
    """Return the command that a list of arguments is, if it may take a password."""
    texts = [one if isinstance(one, str) else "" for one in arguments[:200]]
    if not any(one[:1] == "-" for one in texts) or _COMMANDS.isdisjoint(texts):
        return None
    import shlex

    return " ".join(map(shlex.quote, texts))


def flag_in(argument: object) -> str | None:
    """Return the name of the option that an argument of a command is, and no more."""
    if not isinstance(argument, str) or argument[:1] != "-" or len(argument) > 60:
        return None
    option = _OPTION_ALONE().fullmatch(argument)
    known = option is not None and kind_by_name(option["name"]) is not None
    return option["name"] if option is not None and known else None


def parts_of(text: str) -> Iterator[str]:
    """Yield a long text in parts that are searched one by one, for names and commands."""
    start = 0
    while len(text) - start > MAX_ASSIGNING:
        last = start + MAX_ASSIGNING
        cuts = (text.rfind(cut, start, last) + 1 for cut in _CUTS)
        end = next((cut for cut in cuts if cut > start), last)
        yield text[start:end]
        start = end
    yield text[start:]


def places_in(text: str) -> int:
    """Return at how many places a text may assign, by what it takes to look there."""
    return text.count(":") + text.count("=") + 4 * text.count("${")


def _charge_for_assigning(text: str) -> None:
    """Charge for what each place that may assign takes to look what follows there."""
    given = places_in(text)
    if given > FEW:
        longest = max(map(len, text.split()), default=0)
        charge(given * min(longest, _LONGEST) // _FOLLOWED)


def assigned_in(text: str) -> Iterator[Assigned]:
    """Yield the names in `text` that are given a value there, with the value."""
    _charge_for_assigning(text)
    if "=" in text or ":" in text or "<-" in text:
        for match in _ASSIGNED().finditer(text):
            which = next((name for name in _VALUES if match[name]), "")
            if which == "ticks" and not is_drawn(match[which]):
                continue  # a word of code, or a text that is filled in
            if which and not (which in _BARE and _ATTRIBUTE().fullmatch(match[which])):
                value = unquoted(match[which]) if which in _BARE else match[which]
                if value[:1] == "{" and '":' in value:  # what it holds counts
                    yield from assigned_in(value)
                    continue
                yield Assigned(match["name"], value)
                if "=" in value:
                    yield from _inside(value)
    if "{{" in text or "<%" in text:
        for match in _FILLED().finditer(text):
            for one in instead_in(match["template"]):
                yield Assigned(one.name or match["name"], one.value)
    if '", "' in text or "', '" in text:
        for match in _PASSED().finditer(text):
            if is_drawn(match["value"]):
                yield Assigned(match["name"], match["value"])
    if " is " in text:
        for match in _SAID_TO_BE().finditer(text):
            value = match["value"].rstrip(".)!")
            chosen = "pass" in match["name"].lower() and not WORDY().fullmatch(value)
            if is_drawn(value) or (chosen and any(map(str.isdigit, value))):
                yield Assigned("_".join(match["name"].split()), value)
    if '("' in text or "('" in text:
        for match in _SETTER().finditer(text):
            yield Assigned(match["name"], match["value"])
    if "ookie" in text or ("curl" in text and " -b" in text):
        charge(_WORK_OF_COMMAND * text.count("curl"))
        for match in _COOKIE().finditer(text):
            yield Assigned("cookie", match["value"] or match["given"])
    if "--from-literal" in text and " secret " in text:
        for match in _KEPT().finditer(text):
            if not is_kept_beside(match["name"]):
                yield Assigned(f"{match['name']}.secret", match["value"])
    if "={" in text or "= {" in text:
        for match in _BRACED().finditer(text):
            # {db_password}, {conn.password}: what is filled in
            if is_drawn(match["value"]) or not _FILLED_IN().match(match["value"]):
                yield Assigned(match["name"], match["value"])
    if "${" in text:
        for match in _FALLBACK().finditer(text):
            yield Assigned(match["name"], match["value"].strip("\"'"))
    if " set " in text or " put " in text or "set -" in text:
        for match in _SET().finditer(text):
            yield Assigned(match["name"], match["a"] or match["b"] or match["c"])
    if "--" in text or " -" in text:
        for match in _FLAG().finditer(text):
            given = match["a"] or match["b"] or match["c"]
            # as openssl(1) says where a password comes from
            yield Assigned(match["name"], given.removeprefix("pass:"))


def _inside(value: str) -> Iterator[Assigned]:
    """Yield what a value assigns: --set-env-vars=NAME=VALUE, a command in quotes."""
    if value[:1] == "^" and value[2:3] == "^":  # gcloud's own sign between them
        for one in value[3:].split(value[1])[:_MOST_PAIRS]:
            yield from _inside(one)
        return
    inner, _, rest = value.partition("=")
    if inner.replace("-", "_").isidentifier():
        yield Assigned(inner, rest)
    if " " in value or ("://" in value and "?" in value):
        yield from assigned_in(value)


def passwords_in(command: str) -> Iterator[str]:
    """Yield what the options of the commands in `command` give as a password."""
    if "'" in command and any(map(command.lower().__contains__, _IN_SQL)):
        for match in _SQL().finditer(command):
            yield match["secret"]
    if "|" in command and ("echo" in command or "printf" in command):
        for match in _PIPED().finditer(command):
            yield match["a"] or match["b"] or match["c"]
    for option in (*_WORDED, *_OPTIONS) if " -" in command else _WORDED:
        if option.hint in command:
            yield from _passwords_of(option, command)


def _passwords_of(option: _Option, command: str) -> Iterator[str]:
    charge(_WORK_OF_COMMAND * command.count(option.hint))
    for match in option.pattern().finditer(command):
        given = match["a"] or match["b"] or match["c"]
        _, found, password = given.partition(option.after or given)
        if not option.after:
            password = given
        elif not found:
            continue
        elif not password and option.hint == "curl" and is_drawn(given[:-1]):
            password = given[:-1]  # a token for a user, without a password
        if len(password) > 1:
            yield password
