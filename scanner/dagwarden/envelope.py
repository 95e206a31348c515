"""Who ran a scan, when, where and with what arguments: outside every comparison."""

import getpass
import hashlib
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from dagwarden import __version__
from dagwarden.facts import SourceFile
from dagwarden.files import read_regular
from dagwarden.findings import Run
from dagwarden.repository import digest as digest_of
from dagwarden.repository import objects_of
from dagwarden.rule import Rule

# a snapshot this large is not kept in git
MAX_BYTES = 50_000_000


def envelope(
    command: Sequence[str],
    rules: Iterable[Rule],
    root: Path,
    files: Iterable[SourceFile],
    started: datetime,
) -> Run:
    """
    Return the envelope of a run that started at `started` and ends now.

    The tree is dirty when one of the `files` that were read, cloud snapshots aside,
    is not what the commit holds.
    """
    commit, dirty = _commit(root, files)
    return Run(
        tool_version=__version__,
        rule_pack=digest(rules),
        started=timestamp(started),
        ended=timestamp(datetime.now(UTC)),
        command=tuple(command),
        python=platform.python_version(),
        user=_user(),
        host=platform.node(),
        git_commit=commit,
        git_dirty=dirty,
    )


def digest(rules: Iterable[Rule]) -> str:
    """Return one SHA-256 over the rules in force, by id and file digest."""
    lines = sorted(f"{rule.id} {rule.sha256}" for rule in rules)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def timestamp(moment: datetime) -> str:
    """Return `moment` in UTC to the second, RFC 3339."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _commit(root: Path, files: Iterable[SourceFile]) -> tuple[str | None, bool | None]:
    """Return the commit of the scanned repository, and whether the files differ."""
    with objects_of(root) as objects:
        commit = objects.commit("HEAD") if objects else None
        if objects is None or commit is None:
            return None, None
        held = objects.blobs(commit)
        return commit, any(
            _differs(root / file.path, objects.top, held)
            for file in files
            if file.kind != "snapshot"
        )


def _differs(path: Path, top: Path, held: Mapping[str, str]) -> bool:
    """Tell whether a file below `top` is not what the commit holds."""
    here = Path(os.path.normpath(path.absolute()))
    if not here.is_relative_to(top):
        return False
    try:
        data = read_regular(here, MAX_BYTES)
    except OSError:
        return True
    return held.get(here.relative_to(top).as_posix()) != digest_of(data)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
