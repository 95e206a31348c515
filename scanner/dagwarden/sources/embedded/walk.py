"""The files of a repository that may hold a credential, and what is passed over."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from dagwarden.facts import Excluded, Gap, GapReason, Origin
from dagwarden.files import read_regular
from dagwarden.sources.dags.ignore import glob_matches
from dagwarden.sources.dags.records.outcome import shown
from dagwarden.sources.dags.records.seen import is_outside, why

KIND = "embedded_secret"
# What a file that was not looked into may hold.
KINDS = (KIND, "key_reference")
MAX_FILES = 500_000
MAX_FOLDERS = 100_000
# Folders of packages, of caches, and of what git keeps for itself.
_PASSED = {
    **dict.fromkeys((".git", ".hg", ".svn"), "kept by version control"),
    **dict.fromkeys(
        (".venv", "node_modules", "site-packages", ".tox", ".nox"),
        "holds installed packages",
    ),
    **dict.fromkeys(
        ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache"), "is a cache"
    ),
}
_IMAGES = "avif bmp gif heic ico icns jpeg jpg png psd tif tiff webp"
_MEDIA = "aac avi flac m4a mkv mov mp3 mp4 ogg otf eot ttf wav webm woff woff2"
_PACKED = "7z br bz2 dmg egg gz iso jar lz4 lzma rar snappy tar tgz whl xz zst"
_CODE = "a bin class dll dylib exe lib mo o obj pyc pyd pyo so wasm"
_DATA = "arrow avro db duckdb feather h5 hdf5 joblib npy npz orc parquet pb pickle pkl pt sqlite sqlite3"
_OFFICE = "doc docx odp ods odt pdf ppt pptx xls xlsx"
# These say nothing of what is inside.
_UNSAID = frozenset(f"{_CODE} {_DATA}".split())
BINARY = frozenset(" ".join((_IMAGES, _MEDIA, _PACKED, _CODE, _DATA, _OFFICE)).split())
# Of packed files, those that are opened beside zip.
TAR = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
# Zip files, under these names, too: packages of Python and Java, documents of offices.
ZIP = (".zip", ".whl", ".egg", ".jar", ".war", ".docx", ".xlsx", ".pptx")
# A single packed file.
PACKED = (".gz", ".bz2", ".xz")
GENERATED = (".min.js", ".min.css", ".js.map", ".css.map", ".min.mjs")


class Walk:
    """Finds files; what it leaves out is counted."""

    def __init__(
        self, root: Path, exclude: Sequence[str], inputs: frozenset[Path]
    ) -> None:
        """
        Look below `root`; `exclude` are gitignore patterns relative to it.

        `inputs` are read as something else.
        """
        self.inputs = inputs
        self.root = root
        self.exclude = exclude
        self.found: dict[Path, Path] = {}
        self.gaps: list[Gap] = []
        self._left_out: Counter[tuple[str, str]] = Counter()
        self._folders = 0

    def excluded(self) -> tuple[Excluded, ...]:
        """Return what was left out, counted by reason."""
        return tuple(
            Excluded(kind=KIND, what=what, reason=reason, count=count)
            for (what, reason), count in sorted(self._left_out.items())
        )

    def below(self, place: Path) -> None:
        """Find the files below a folder, or the file itself."""
        if place.is_dir():
            self._walk(place)
        elif place.exists():
            self.files([place])

    def files(self, paths: Iterable[Path]) -> None:
        """Take just these files."""
        for path in paths:
            mode = self._mode(path)
            if mode is not None and self._kept(path, is_folder=False):
                self._take(path, path.parent, mode)

    def _mode(self, path: Path) -> int | None:
        try:
            return os.lstat(path).st_mode
        except OSError as error:
            self._gap("unreadable", path, f"cannot be looked at: {why(error)}")
            return None

    def _take(self, path: Path, folder: Path, mode: int) -> None:
        if stat.S_ISLNK(mode):
            self._link(path)
        elif not stat.S_ISREG(mode):
            self.leave_out(path, "no regular file")
        elif path in self.inputs:
            self.leave_out(path, "read as a snapshot")
        elif (why_not := passed_over(path.name)) is not None and not (
            why_not == "binary" and _may_be_key(path)
        ):
            self.leave_out(path, why_not)
        else:
            self.found.setdefault(path, folder)

    def _link(self, path: Path) -> None:
        """Pass over a link: what it leads to is read where it lies, if it is here."""
        if is_outside(path, self.root):
            detail = "a link leads out of the scanned root"
            self._gap("unreadable", path, detail, incomplete=False)
        else:
            self.leave_out(path, "a link: read where it leads to")

    def _walk(self, folder: Path) -> None:
        waiting = [folder]
        files = 0
        while waiting:
            here = waiting.pop()
            self._folders += 1
            folders: list[Path] = []
            for name, mode in self._listed(here):
                path = here / name
                if stat.S_ISDIR(mode):
                    if self._entered(path):
                        folders.append(path)
                elif self._kept(path, is_folder=False):
                    before = len(self.found)
                    self._take(path, here, mode)
                    files += len(self.found) - before
            waiting += reversed(folders)
            if files > MAX_FILES or self._folders > MAX_FOLDERS:
                self._gap("too_large", here, "holds more files than are looked into")
                return

    def _entered(self, path: Path) -> bool:
        reason = _PASSED.get(path.name)
        if reason is None and os.path.exists(os.path.join(path, "pyvenv.cfg")):
            reason = "holds installed packages"
        if reason is not None:
            if path.name != ".git":
                self._left_out[shown(path, self.root), reason] += 1
            return False
        return self._kept(path, is_folder=True)

    def _listed(self, folder: Path) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    mode = entry.stat(follow_symlinks=False).st_mode
                    found.append((entry.name, mode))
        except OSError as error:
            self._gap("unreadable", folder, f"cannot list the folder: {why(error)}")
        return sorted(found)

    def _kept(self, path: Path, *, is_folder: bool) -> bool:
        if not self.exclude:
            return True
        parts = PurePosixPath(shown(path, self.root)).parts
        for pattern in self.exclude:
            if glob_matches(pattern, parts, folder=is_folder):
                self._left_out[shown(path, self.root), f"excluded by {pattern!r}"] += 1
                return False
        return True

    def leave_out(self, path: Path, reason: str) -> None:
        """Count a file that is passed over, by the folder at the top that it is in."""
        parts = PurePosixPath(shown(path, self.root)).parts
        self._left_out[parts[0] if len(parts) > 1 else ".", reason] += 1

    def _gap(
        self, reason: GapReason, path: Path, detail: str, *, incomplete: bool = True
    ) -> None:
        self.gaps.append(
            gap_at(shown(path, self.root), reason, detail, incomplete=incomplete)
        )


def _may_be_key(path: Path) -> bool:
    """Say whether a file that is named as code or data begins as a key store does."""
    if path.name.lower().rpartition(".")[2] not in _UNSAID:
        return False
    from dagwarden.sources.embedded.formats.keys import HEAD, LARGEST, may_be_key

    try:
        small = os.lstat(path).st_size <= LARGEST
        return small and may_be_key(read_regular(path, HEAD))
    except OSError:  # not to be read: it stays what its name says
        return False


def passed_over_at(path: str, exclude: Sequence[str]) -> str | None:
    """Return why a file of the history is not looked into, by its path; None if it is."""
    parts = PurePosixPath(path).parts
    for folder in parts[:-1]:
        if folder in _PASSED:
            return _PASSED[folder]
    for length in range(1, len(parts) + 1):
        for pattern in exclude:
            if glob_matches(pattern, parts[:length], folder=length < len(parts)):
                return f"excluded by {pattern!r}"
    return passed_over(parts[-1]) if parts else None


def passed_over(name: str) -> str | None:
    """Return why a file of this name is not looked into, None if it is."""
    lowered = name.lower()
    if lowered.endswith(GENERATED):
        return "generated"
    if lowered.endswith((*TAR, *ZIP, *PACKED)):
        return None
    return "binary" if lowered.rpartition(".")[2] in BINARY else None


def gap_at(
    source: str, reason: GapReason, detail: str, *, incomplete: bool = False
) -> Gap:
    """Return the gap of a file that was not looked into, or not whole."""
    return Gap(
        reason=reason,
        origin=Origin(source=source),
        detail=detail,
        kinds=KINDS,
        incomplete=incomplete,
    )
