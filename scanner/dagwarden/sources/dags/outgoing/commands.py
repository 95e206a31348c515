"""
What shell commands ask of Cloud Run: `gcloud`, `curl` and `wget`.

A script is gone through as a shell would, without running it: variables that it sets
are known where it is certain that they are set; the rest is not known. A program that
is not known may call anything, and is told.
"""

import posixpath
import re
from collections.abc import Iterator

from dagwarden.facts import Origin
from dagwarden.patterns import late
from dagwarden.sources.dags.language import operations
from dagwarden.sources.dags.language.paths import Location, inside, rooted
from dagwarden.sources.dags.language.values import (
    Entries,
    Text,
    Thing,
    Unknown,
    Value,
    why_unknown,
)
from dagwarden.sources.dags.language.work import charge
from dagwarden.sources.dags.outgoing.curl import curl, wget
from dagwarden.sources.dags.outgoing.gcloud import Gcloud
from dagwarden.sources.dags.outgoing.requests import Spread, State, TokenText
from dagwarden.sources.dags.outgoing.shell import (
    Atom,
    Output,
    Token,
    Variable,
    Word,
    atoms_of,
    tokens_of,
)

MAX_DEPTH = 8
MAX_SCRIPT = 100_000

_COMMAND = Unknown("dynamic", "a command")
_ELSEWHERE = Unknown("dynamic", "a folder that is not of the repository")
_MAY_NOT_HAPPEN = Unknown("dynamic", "a shell variable that may not be set")
# Programs that call no server, or none that could be Cloud Run.
_HARMLESS = frozenset(
    {
        *("[", "[[", ":", "alias", "awk", "base64", "basename", "bc", "bq"),
        *("break", "cat", "cd", "chmod", "chown", "cmp", "command", "continue"),
        *("cp", "cut", "date", "declare", "df", "diff", "dirname", "du", "echo"),
        *("egrep", "env", "exit", "export", "expr", "false", "fgrep", "file"),
        *("find", "getopts", "grep", "gsutil", "gunzip", "gzip", "hash", "head"),
        *("hostname", "id", "jq", "join", "kill", "let", "ln", "local", "ls"),
        *("md5sum", "mkdir", "mktemp", "mv", "paste", "popd", "printenv", "printf"),
        *("pushd", "pwd", "read", "readlink", "readonly", "realpath", "return"),
        *("rev", "rm", "rmdir", "sed", "seq", "set", "sha1sum", "sha256sum"),
        *("shift", "shopt", "shuf", "sleep", "sort", "split", "stat", "tail"),
        *("tar", "tee", "test", "touch", "tr", "trap", "true", "type", "typeset"),
        *("ulimit", "umask", "uname", "uniq", "unset", "unzip", "wait", "wc"),
        *("whereis", "which", "whoami", "yes", "zip", "zcat"),
    }
)
_ASSIGNING = ("export", "declare", "local", "readonly", "typeset")
# Programs that start the one that follows, and the options of theirs with a value.
_STARTING: dict[str, tuple[str, ...]] = {
    "command": (),
    "env": ("-u", "-C"),
    "exec": ("-a",),
    "nice": ("-n",),
    "nohup": (),
    "stdbuf": ("-i", "-o", "-e"),
    "time": (),
    "timeout": ("-s", "--signal", "-k", "--kill-after"),
}
_OPENING = frozenset({"if", "while", "until", "for", "select", "case", "{"})
_CLOSING = frozenset({"fi", "done", "esac", "}"})
_BETWEEN = frozenset({"then", "do", "!"})
_LOOPS = frozenset({"while", "until", "for", "select"})
# What begins a script that is for a shell, where it says what it is for.
_FOR_SHELL = late(r"#!.*\b(?:ba|da|k|z)?sh\b|(?!#!)")
_ASSIGNMENT = late(r"([A-Za-z_]\w*)(\+?)=")


class Shell:
    """One shell: its variables, and what `gcloud` was told to keep in mind."""

    def __init__(self, state: State, *, here: bool = True) -> None:
        """`state` is what its commands share; `here`: the repository's files are there."""
        self.state = state
        self.here = here
        self.functions: dict[str, list[Token]] = {}
        self.depth = 0
        # simple commands carried out
        self.count = 0

    @property
    def variables(self) -> dict[str, Value]:
        """Its variables."""
        return self.state.variables

    @variables.setter
    def variables(self, variables: dict[str, Value]) -> None:
        self.state.variables = variables

    def environment(self, given: Value, folder: Value = None) -> None:
        """Take the environment variables that the shell is started with, and where."""
        if isinstance(given, Entries):
            for name, value in given.items.items():
                if isinstance(name, str):
                    self.variables[name] = value
                    self.export(name)
        if folder is not None:
            self.enter(folder)

    def enter(self, folder: Value) -> None:
        """Go to another folder."""
        path = inside(folder, self.variables.get("PWD"))
        self.variables["PWD"] = _ELSEWHERE if path is None else rooted(path)

    def export(self, name: str) -> None:
        """Let the programs that are started see a variable."""
        # kept among the variables, whose branches it shares
        self.variables[_exported(name)] = True

    def script(self, text: Value) -> Value:
        """Carry out a script and return what its last command writes."""
        if not isinstance(text, (str, Text)):
            return self.unknown(why_unknown(text) or _COMMAND)
        return self._run(atoms_of(text))

    def unknown(self, why: Unknown) -> Value:
        """Carry out what is not known."""
        self.state.outside.miss(why)
        return why

    def _run(self, atoms: tuple[Atom, ...]) -> Value:
        for one in atoms:
            if isinstance(one, Unknown) and one.symbol.startswith(("{%", "{#")):
                self.state.outside.miss(one)
        return self._tokens(tokens_of(atoms))

    def _tokens(self, tokens: list[Token]) -> Value:
        if self.depth >= MAX_DEPTH:
            return self.unknown(_COMMAND)
        self.depth += 1
        try:
            return _Flow(self, tokens).follow()
        finally:
            self.depth -= 1

    # --------------------------------------------------------------------- expansion

    def expanded(self, word: Word) -> list[Value]:
        """Return what a word becomes: one word, or several."""
        parts = [self._node(node) for node in word.nodes]
        if len(parts) == 1 and not word.quoted:
            one = parts[0]
            variable = isinstance(word.nodes[0], (Variable, Output))
            if isinstance(one, str) and variable:
                return [*one.split()]
            if isinstance(one, (Unknown, Text)) and not isinstance(one, TokenText):
                return [Spread(one)] if not isinstance(one, Text) else [one]
        return [operations.joined(parts)]

    def _node(self, node: object) -> Value:
        if isinstance(node, Variable):
            return self.variable(node.name)
        if isinstance(node, Output):
            return self._substituted(node)
        if isinstance(node, (str, Unknown, Thing)):
            return node
        return _COMMAND

    def variable(self, name: str) -> Value:
        """Return the value of a variable, as text."""
        found = self.variables.get(name, Unknown("environment", name))
        if isinstance(found, (str, Unknown, Text)):
            return found
        return why_unknown(found) or (str(found) if found is not None else "")

    def _substituted(self, node: Output) -> Value:
        kept, before = dict(self.variables), self.count
        output = self._run(node.script)
        alone = self.count - before == 1
        self.variables = kept
        if alone and isinstance(output, (str, Text, Unknown)):
            return output
        return Unknown("dynamic", "$(...)")

    # ---------------------------------------------------------------------- programs

    def program(self, words: list[Value], more: Unknown | None = None) -> Value:
        """Carry out one program and return what it writes."""
        self.count += 1
        charge(len(words))
        if not words:
            return None if more is None else self.unknown(more)
        name, *given = words
        script = self._named(name) if _is_path(name) else None
        if script is not None and _FOR_SHELL().match(script[1]):
            return self._from(script, words)
        if not isinstance(name, str):
            return self.unknown(why_unknown(name) or _COMMAND)
        name = name.rpartition("/")[2]
        if more is not None:
            given.append(Spread(more))
        if name in self.functions:
            return self._function(name, given)
        if name in _STARTING:
            return self._started(name, given)
        if name == "gcloud":
            return Gcloud(self.state, given).run()
        if name == "curl":
            return curl(self.state, given)
        if name == "wget":
            return wget(self.state, given)
        if name == "eval":
            return self._evaluated(given)
        if name in ("bash", "sh", "zsh", "dash"):
            return self._shell(name, given)
        if name in ("source", ".") and given and _is_path(given[0]):
            script = self._named(given[0])
            if script is not None and not given[1:]:
                return self._from(script)
        if name in ("cd", "pushd", "popd"):
            self.enter(given[0] if name == "cd" and len(given) == 1 else None)
        if name in ("echo", "printf") and len(given) <= 2:
            return self._echo(given)
        if name == "dirname" and len(given) == 1:
            return _folder_of(given[0])
        if name == "read":
            self.forget(word for word in given if isinstance(word, str))
        elif name not in _HARMLESS:
            return self.unknown(Unknown("dynamic", f"the program {_shown(name)}"))
        if name == "find" and any(one in ("-exec", "-execdir", "-ok") for one in given):
            return self.unknown(Unknown("dynamic", "find -exec"))
        return Unknown("dynamic", f"what {name} writes")

    def _echo(self, given: list[Value]) -> Value:
        words = [one for one in given if one not in ("-n", "%s", "%s\n", "%s\\n")]
        if len(words) == 1 and isinstance(words[0], (str, Text)):
            return words[0]
        return Unknown("dynamic", "what echo writes")

    def _function(self, name: str, given: list[Value]) -> Value:
        kept = self.variables
        self.variables = dict(kept)
        for number, value in enumerate(given, 1):
            self.variables[str(number)] = value
        output = self._tokens(self.functions[name])
        for key, value in self.variables.items():
            if not key.isdigit():
                kept[key] = value
        self.variables = kept
        return output

    def _started(self, name: str, given: list[Value]) -> Value:
        words, kept = list(given), dict(self.variables)
        while words and isinstance(words[0], str):
            word = words[0]
            assigned = _ASSIGNMENT().match(word) if name == "env" else None
            if assigned is not None:
                self.variables[assigned[1]] = word[assigned.end() :]
                self.export(assigned[1])
            elif not word.startswith("-"):
                break
            elif word in _STARTING[name]:
                words.pop(0)
            if words:
                words.pop(0)
        if name == "timeout" and words:
            words.pop(0)
        output = self.program(words) if words else Unknown("dynamic", name)
        if name == "env":
            self.variables = kept
        return output

    def _evaluated(self, given: list[Value]) -> Value:
        parts = [part for word in given for part in (" ", word)][1:]
        if all(isinstance(part, (str, Unknown, Text)) for part in parts):
            return self.script(operations.joined(parts))
        return self.unknown(_COMMAND)

    def _shell(self, name: str, given: list[Value]) -> Value:
        """Start another shell, with a command or with a script of the repository."""
        words = list(given)
        while words:
            word = words.pop(0)
            if not isinstance(word, str) or not word.startswith("-"):
                script = self._named(word)
                if script is not None:
                    return self._from(script, [word, *words])
                return self.unknown(Unknown("dynamic", f"a script given to {name}"))
            if not word.startswith("--") and word.endswith("c"):
                return self._apart(words[0], words[1:]) if words else None
            if word in ("-o", "+o") and words:
                words.pop(0)
        return self.unknown(Unknown("dynamic", f"what {name} reads"))

    # ----------------------------------------------------------------------- scripts

    def _named(self, word: Value) -> tuple[str, str] | None:
        """Return path and text of the script of the repository that a word names."""
        path = inside(word, self.variables.get("PWD")) if self.here else None
        data = None if path is None else self.state.outside.content(path)
        if path is None or data is None or len(data) > MAX_SCRIPT:
            return None
        try:
            return path, data.decode()
        except UnicodeDecodeError:
            return None

    def _from(self, script: tuple[str, str], given: list[Value] | None = None) -> Value:
        """Carry out a script: apart, with what it is given, or as if it stood here."""
        path, text = script
        before = self.state.origin
        self.state.origin = Origin(source=path, line=1)
        try:
            return self.script(text) if given is None else self._apart(text, given)
        finally:
            self.state.origin = before

    def _apart(self, text: Value, given: list[Value]) -> Value:
        """
        Carry out a script in a shell of its own, which gets what is exported.

        `given`: its name and its arguments.
        """
        kept = self.variables, self.functions
        charge(len(self.variables))
        self.variables = {
            name: value
            for name, value in self.variables.items()
            if name == "PWD"
            or " " in name
            or self.variables.get(_exported(name)) is True
        }
        self.functions = {}
        for number, value in enumerate(given):
            self.variables[str(number)] = value
        output = self.script(text)
        self.variables, self.functions = kept
        return output

    def forget(self, names: Iterator[str]) -> None:
        """Variables may have any value, or none."""
        for name in names:
            self.variables[name] = _MAY_NOT_HAPPEN


def _folder_of(path: Value) -> Value:
    """Return what `dirname` writes."""
    if isinstance(path, str):
        return posixpath.dirname(path) or "."
    below = inside(path)
    return _ELSEWHERE if not below else rooted(posixpath.dirname(below))


def _exported(name: str) -> str:
    return f"export {name}"


def _is_path(word: Value) -> bool:
    """Say whether a program's name is a path: others are looked for elsewhere."""
    return "/" in word if isinstance(word, str) else isinstance(word, (Text, Location))


def _shown(name: str) -> str:
    """Return a program's name as people may see it: it is no secret if it is a name."""
    return name if re.fullmatch(r"[\w.+-]{1,40}", name) else "of a path"


# ------------------------------------------------------------------------ the script


class _Flow:
    """
    The commands of one script, one after another.

    What is set in a branch, a loop or a subshell is not known after it; what is set
    after `&&` or `||` is not known after the chain. In a loop, what the loop sets is
    not known where it has not been set yet.
    """

    def __init__(self, shell: Shell, tokens: list[Token]) -> None:
        self.shell = shell
        self.tokens = tokens
        self.at = 0
        # for each compound command around: the variables before it
        self.around: list[dict[str, Value]] = []
        self.kinds: list[str] = []
        self.chain: dict[str, Value] | None = None
        self.words: list[Word] = []
        # whether what came before may have been instead of it
        self.alternative = False
        # whether a pipe leads to what comes next
        self.piped = False
        self.output: Value = None

    def follow(self) -> Value:
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if isinstance(token, Word):
                if self.words or not self._reserved(token):
                    self.words.append(token)
            else:
                self._operator(token)
        self._operator(";")
        return self.output

    def _operator(self, operator: str) -> None:
        if operator == "(" and len(self.words) == 1 and self._follows(")"):
            self._define()
            return
        self._end(piped=operator in ("|", "|&"))
        self.alternative = operator == "||" or (
            self.alternative and operator in ("&&", "|", "|&")
        )
        if operator == "(":
            self._open("(")
        elif operator == ")":
            if self.kinds and self.kinds[-1] == "(":
                self._close()
        elif operator in (";;", ";&", ";;&"):
            self._restore()
            self._skip_pattern()
        elif operator in ("&&", "||"):
            if self.chain is None:
                self.chain = dict(self.shell.variables)
            elif operator == "||":
                self._unsure(self.chain)
        elif operator not in ("|", "|&") and self.chain is not None:
            self._unsure(self.chain)
            self.chain = None

    def _unsure(self, before: dict[str, Value]) -> None:
        """Forget what was set since `before`."""
        now = self.shell.variables
        changed = (name for name in now if now[name] is not before.get(name, self))
        self.shell.forget(iter(list(changed)))

    def _end(self, *, piped: bool) -> None:
        words, self.words = self.words, []
        if not words:
            return
        charge(1 + len(self.shell.variables) // 4)
        before = dict(self.shell.variables)
        self.output = self._command(words)
        if self.around or self.alternative:
            # whether it is this that writes last is not known
            self.output = None
        if piped or self.piped:
            # each part of a pipe has variables of its own
            self.shell.variables = before
            self.output = None
        self.piped = piped

    def _command(self, words: list[Word]) -> Value:
        shell = self.shell
        assigned: list[tuple[str, Value]] = []
        while words and (found := _assignment(words[0])) is not None:
            name, first = found
            value = shell.expanded(first)
            assigned.append((name, value[0] if len(value) == 1 else _joined(value)))
            words = words[1:]
        if not words:
            shell.variables.update(assigned)
            shell.count += 1
            return assigned[-1][1] if assigned else None
        if words[0].plain in _ASSIGNING:
            for word in words[1:]:
                self._declare(word, exported=words[0].plain == "export")
            return None
        before = dict(shell.variables)
        expanded = [value for word in words for value in shell.expanded(word)]
        shell.variables.update(assigned)
        for name, _ in assigned:
            shell.export(name)
        output = shell.program(expanded)
        for name in (key for one, _ in assigned for key in (one, _exported(one))):
            if name in before:
                shell.variables[name] = before[name]
            else:
                shell.variables.pop(name, None)
        if expanded and expanded[0] == "unset":
            shell.forget(one for one in expanded[1:] if isinstance(one, str))
        return output

    def _declare(self, word: Word, *, exported: bool) -> None:
        """Declare a variable, and set it if it is given a value."""
        found = _assignment(word)
        if found is not None:
            self._command([word])
        name = word.plain if found is None else found[0]
        if exported and name is not None:
            self.shell.export(name)

    # ------------------------------------------------------------- compound commands

    def _reserved(self, word: Word) -> bool:
        """Carry out a reserved word; say whether it is one."""
        name = word.plain
        if name is None:
            return False
        if name in _OPENING:
            self._open(name)
            return True
        if name in _CLOSING:
            self._close()
            return True
        if name in ("else", "elif"):
            self._restore()
            return True
        if name == "function" and self.at < len(self.tokens):
            following = self.tokens[self.at]
            if isinstance(following, Word):
                self.at += 1
                self.words = [following]
                self._define()
                return True
        return name in _BETWEEN

    def _open(self, kind: str) -> None:
        charge(len(self.shell.variables))
        self.around.append(dict(self.shell.variables))
        self.kinds.append(kind)
        if kind in _LOOPS:
            self.shell.forget(iter(self._assigned_ahead()))
        if kind in ("for", "select"):
            self._skip_to("do", ";")
        elif kind == "case":
            self._skip_to("in")
            self._skip_pattern()

    def _close(self) -> None:
        if not self.around:
            return
        kind, before = self.kinds.pop(), self.around.pop()
        if kind == "(":
            self.shell.variables = before
        elif kind != "{":
            self._unsure(before)

    def _restore(self) -> None:
        """Begin the next branch with what was set before the first."""
        if self.around:
            # what the branch before set may be set after the whole, or not
            for name in self.shell.variables:
                value = self.shell.variables[name]
                if value is not self.around[-1].get(name, self):
                    self.around[-1][name] = _MAY_NOT_HAPPEN
            self.shell.variables = dict(self.around[-1])

    def _skip_to(self, *ends: str) -> None:
        """Pass over words: those that a loop or a case is over."""
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            text = token.plain if isinstance(token, Word) else token
            if isinstance(token, Word):
                self.shell.expanded(token)
            if text in ends:
                return

    def _skip_pattern(self) -> None:
        """Pass over the pattern of a `case`, or come to its `esac`."""
        at = self.at
        while at < len(self.tokens):
            charge()
            one = self.tokens[at]
            at += 1
            if isinstance(one, Word) and one.plain == "esac":
                return
            if one == ")":
                self.at = at
                return

    def _assigned_ahead(self) -> list[str]:
        """Return the variables that the loop beginning here sets."""
        names: list[str] = []
        depth = 1
        charge(len(self.tokens) - self.at)
        if self.at < len(self.tokens):
            first = self.tokens[self.at]
            if isinstance(first, Word) and first.plain:
                names.append(first.plain)
        for token in self.tokens[self.at :]:
            if not isinstance(token, Word):
                continue
            if token.plain in _LOOPS:
                depth += 1
            elif token.plain == "done":
                depth -= 1
                if not depth:
                    break
            elif (found := _assignment(token)) is not None:
                names.append(found[0])
        return names

    def _follows(self, operator: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at] == operator

    def _define(self) -> None:
        """Keep the body of a function, for whoever calls it."""
        name = self.words[0].plain
        self.words = []
        while self.at < len(self.tokens) and self.tokens[self.at] in ("(", ")", ";"):
            self.at += 1
        depth, start = 0, self.at
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            text = token.plain if isinstance(token, Word) else token
            depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(text or "", 0)
            if depth <= 0:
                break
        body = self.tokens[start : self.at]
        if name is not None and body:
            self.shell.functions[name] = body


def _assignment(word: Word) -> tuple[str, Word] | None:
    """Return what a word assigns, and the word that is the value."""
    first = word.nodes[0]
    found = _ASSIGNMENT().match(first) if isinstance(first, str) else None
    if found is None or not isinstance(first, str):
        return None
    rest = first[found.end() :]
    nodes = (rest, *word.nodes[1:]) if rest or not word.nodes[1:] else word.nodes[1:]
    if found[2]:  # it is added to what is there
        nodes = (Variable(found[1]), *nodes)
    # what is assigned is not split into words
    return found[1], Word(nodes, quoted=True)


def _joined(values: list[Value]) -> Value:
    return next((why for value in values if (why := why_unknown(value))), _COMMAND)
