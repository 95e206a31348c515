"""
Every error dagwarden raises on purpose.

DagwardenError            what is wrong, where, and what to do: one line
├── UsageError            the command line or a configuration is wrong (exit 2)
│   ├── ConfigError       a configuration file
│   ├── RuleError         rule files; carries all errors found, not the first
│   └── WaiverError       a waiver or control register file
├── SourceError           something the scan was given cannot be read at all (exit 2)
└── InternalError         dagwarden or a rule it runs is broken (exit 4)

What can be read in part is never an error: it is a `Gap`.
"""

import re

from dagwarden.patterns import late

# What people write where a word was expected; a secret has more to it.
_WORD = late(r"[a-z][a-z/_.() -]{0,60}|.{0,7}", re.DOTALL)


def shown(value: object) -> str:
    """
    Return a wrong value as an error may show it: in quotes, or only how long it is.

    What stands where a word was expected may be a secret on a wrong line.
    """
    text = str(value)
    return repr(text) if _WORD().fullmatch(text) else f"of {len(text)} characters"


def plainly(error: Exception | str) -> str:
    """Return msgspec's words for what does not fit, without a value that is no word."""
    # enumerations are all that it quotes
    return re.sub(
        r"""Invalid enum value (['"]?)(.*)\1(?= - at |$)""",
        lambda match: f"Invalid enum value {shown(match[2])}",
        str(error),
        flags=re.DOTALL,
    )


class DagwardenError(Exception):
    """An error with a place and a remedy, shown as one line without traceback."""

    def __init__(self, what: str, *, where: str = "", remedy: str = "") -> None:
        """Describe the error: `what` happened, `where`, and the `remedy` to try."""
        super().__init__(what)
        self.what = what
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        """Return `where: what; remedy` as one line."""
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line}; {self.remedy}" if self.remedy else line


class UsageError(DagwardenError):
    """The command line or a file that steers the scan is wrong."""


class ConfigError(UsageError):
    """A configuration file is wrong."""


class RuleError(UsageError):
    """One or more rule files are wrong; `problems` holds every line to print."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        """Collect `problems`, each already `file:line: what; remedy`."""
        super().__init__("\n".join(problems))
        self.problems = problems


class WaiverError(UsageError):
    """A waiver file or a control register is wrong."""


class SourceError(DagwardenError):
    """An input that the scan was given cannot be read at all."""


class InternalError(DagwardenError):
    """Dagwarden itself, or a rule that passed its checks, is broken."""
