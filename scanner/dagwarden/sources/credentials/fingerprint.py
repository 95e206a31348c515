"""What lets equal secrets be told without the secrets."""

import os
from collections.abc import Mapping
from pathlib import Path

from dagwarden.errors import SourceError
from dagwarden.files import read_regular

# A key file is read up to this size.
MAX_KEY_FILE = 1_000_000


class Fingerprint:
    """
    Turns values into fingerprints: equal values get equal ones, under one key.

    With `keep` false every fingerprint is None: the key was made for this run
    only, so nothing could be compared with it later.
    """

    __slots__ = ("_keep", "_key", "kept")

    def __init__(self, key: bytes, keep: bool) -> None:
        """Fingerprint with `key`; return fingerprints only if `keep`."""
        self._key = key
        self._keep = keep
        # whether fingerprints can be compared with those of other runs
        self.kept = keep

    def of_run(self) -> "Fingerprint":
        """
        Return what tells equal values in any case.

        What it makes while `kept` is false means nothing after this run, and is
        dropped before anything leaves `sources`.
        """
        made = Fingerprint(self._key, True)
        made.kept = self.kept
        return made

    def of(self, value: str) -> str | None:
        """Return 32 hex digits of the HMAC-SHA256 of `value`, or None."""
        if not self._keep:
            return None
        import hmac  # OpenSSL takes milliseconds to load

        data = value.encode("utf-8", "surrogatepass")
        return hmac.new(self._key, data, "sha256").hexdigest()[:32]

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], key_file: Path | None
    ) -> "Fingerprint":
        """
        Take the key from DAGWARDEN_FINGERPRINT_KEY, else from `key_file`.

        Without either the key is random and nothing is kept. Raises SourceError
        where the file cannot be read or is empty.
        """
        if given := environ.get("DAGWARDEN_FINGERPRINT_KEY", "").strip():
            return cls(given.encode("utf-8", "surrogateescape"), True)
        if key_file is None:
            return cls(os.urandom(32), False)
        try:
            key = read_regular(key_file, MAX_KEY_FILE).strip()
        except OSError as error:
            raise SourceError(
                f"the fingerprint key file cannot be read ({error.strerror})",
                where=str(key_file),
                remedy="give the path of a file with a long random line",
            ) from None
        if not key:
            raise SourceError(
                "the fingerprint key file is empty",
                where=str(key_file),
                remedy="write a long random line into it",
            )
        return cls(key, True)
