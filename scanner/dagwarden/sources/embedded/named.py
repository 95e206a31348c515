"""What a file that is named as a credential holds, where the repository has it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from dagwarden.facts import CredentialFile
from dagwarden.sources.dags.records.seen import Seen, Unreadable, look, nothing_at

# Bytes of a credential file: they have a few thousand.
MAX_SIZE = 100_000
# What a file says it is, and what we call it.
_KINDS: dict[str, CredentialFile] = {
    "authorized_user": "authorized_user",
    "external_account": "external_account",
    "external_account_authorized_user": "external_account_authorized_user",
    "impersonated_service_account": "impersonated_service_account",
    "service_account": "service_account_key",
}


class NamedFiles:
    """Looks at the files that files of a repository name, and keeps what was seen."""

    def __init__(self, root: Path) -> None:
        """Look below `root`."""
        self.root = root
        self.seen: list[Seen] = []
        # False: what was found may change without `seen` telling
        self.lasting = True

    def kind_of(self, target: str, beside: str) -> CredentialFile | None:
        """
        Return what `target` holds, which the file at `beside` names; None: not known.

        A relative path leads on from where a program runs: from the root, from beside
        the file. What stands at only one of them, or is the same at both, is meant;
        an absolute path is of another machine.
        """
        there = {self._kind_at(path) for path in self._places(target, beside)} - {None}
        kind = there.pop() if len(there) == 1 else ""
        return _KINDS.get(kind or "")

    def _places(self, target: str, beside: str) -> Iterator[Path]:
        if os.path.isabs(target) or target.startswith("~"):
            return
        for start in dict.fromkeys((self.root, (self.root / beside).parent)):
            path = Path(os.path.normpath(start / target))
            if path.is_relative_to(self.root):
                yield path

    def _kind_at(self, path: Path) -> str | None:
        """Return the type that a file says it has, "" for none; None: it is not there."""
        try:
            data, seen = look(path, self.root, MAX_SIZE)
        except Unreadable:
            if os.path.lexists(path):
                self.lasting = False
                return ""
            self.seen.append(nothing_at(path))
            return None
        self.seen.append(seen)
        import json  # few files name one

        try:
            value: object = json.loads(data)
        except (ValueError, RecursionError):
            return ""
        whole = cast("dict[str, object]", value) if isinstance(value, dict) else {}
        kind = whole.get("type")
        return kind if isinstance(kind, str) else ""
