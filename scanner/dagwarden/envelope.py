"""Who ran a scan, when, where and with what arguments: outside every comparison."""

import getpass
import hashlib
import platform
import socket
import subprocess
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dagwarden import __version__
from dagwarden.findings import Run
from dagwarden.rule import Rule

# A repository's own git configuration must not start programs.
_GIT = ("git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")


def envelope(
    command: Sequence[str], rules: Iterable[Rule], root: Path, started: datetime
) -> Run:
    """Return the envelope of a run that started at `started` and ends now."""
    commit = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=normal")
    return Run(
        tool_version=__version__,
        rule_pack=digest(rules),
        started=timestamp(started),
        ended=timestamp(datetime.now(UTC)),
        command=tuple(command),
        python=platform.python_version(),
        user=_user(),
        host=socket.gethostname(),
        git_commit=commit.strip() if commit else None,
        git_dirty=bool(changes.strip()) if changes is not None else None,
    )


def digest(rules: Iterable[Rule]) -> str:
    """Return one SHA-256 over the rules in force, by id and file digest."""
    lines = sorted(f"{rule.id} {rule.sha256}" for rule in rules)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def timestamp(moment: datetime) -> str:
    """Return `moment` in UTC to the second, RFC 3339."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _git(root: Path, *arguments: str) -> str | None:
    """Return what git prints, None where there is no git or no repository."""
    try:
        done = subprocess.run(  # noqa: S603  fixed program, no shell
            [*_GIT, "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
