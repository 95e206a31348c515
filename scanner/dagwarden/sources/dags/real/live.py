"""
Asking a real Airflow what it makes of DAG files.

The only place where scanned code runs, and only for an operator who names the
interpreter. It runs in processes of `extractor.py`, which takes network, files and
other processes from it; here are the limits of the whole, and the decoding: what comes
back was made by scanned code, and is not trusted.
"""

import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

import msgspec

_EXTRACTOR = Path(__file__).with_name("extractor.py")
# What of the scanner's own environment an interpreter needs to start.
_NEEDED = ("PATH", "LD_LIBRARY_PATH")
# Bytes of an answer for each byte of what was found: it is escaped.
_ESCAPED = 6


class Limits(NamedTuple):
    """What scanned code may take."""

    seconds: float = 30.0  # of one file, as in Airflow
    start: float = 120.0  # until Airflow is loaded
    total: float = 1_800.0
    memory: int = 2_000_000_000
    size: int = 20_000_000


class Asked(msgspec.Struct, frozen=True):
    """What a file asked for that is another where it really runs."""

    reason: Literal["environment", "variable", "connection", "setting", "dynamic"]
    symbol: str
    # of a variable: only what it means as JSON
    as_json: bool = False


class Fault(msgspec.Struct, frozen=True):
    """Why Airflow refuses a file, or one of an archive; the text may quote it."""

    text: str
    line: int | None
    file: str = ""


class FoundTask(msgspec.Struct, frozen=True, kw_only=True):
    """One operator object; see `extractor.py`."""

    task_id: str
    file: str | None
    line: int | None
    made_of: str = msgspec.field(name="class")
    bases: tuple[str, ...]
    own: int
    defines: frozenset[str]
    mapped: bool
    in_mapped_group: bool
    arguments: dict[str, Any]
    expanded: Any
    attributes: dict[str, Any]
    defaults: dict[str, Any]
    template_fields: tuple[str, ...]


class FoundDag(msgspec.Struct, frozen=True):
    """One DAG object."""

    dag_id: str
    file: str | None
    line: int | None
    attributes: dict[str, Any]
    tasks: tuple[FoundTask, ...]


class Found(msgspec.Struct, frozen=True):
    """What Airflow makes of one file."""

    errors: tuple[Fault, ...]
    asked: tuple[Asked, ...]
    dags: tuple[FoundDag, ...]
    # what modules that it imports hold, each, under names that may say secret
    held: tuple[dict[str, Any], ...] = ()


class Extraction(NamedTuple):
    """What Airflow makes of all files."""

    airflow: str | None  # its version; None: it did not start
    lacking: tuple[str, ...]  # what could not be taken from scanned code
    found: dict[Path, Found]
    failed: dict[Path, str]  # why there is nothing of a file


class _Message(msgspec.Struct, frozen=True):
    """One line of the extractor's."""

    airflow: str | None = None
    lacking: tuple[str, ...] = ()
    begin: int | None = None
    end: int | None = None
    status: str = ""
    found: msgspec.Raw = msgspec.Raw()


_MESSAGE = msgspec.json.Decoder(_Message)
_FOUND = msgspec.json.Decoder(Found)


def extract(
    python: Path,
    files: Sequence[Path],
    roots: Sequence[Path],
    limits: Limits = Limits(),  # noqa: B008 # it is frozen
    variables: Mapping[str, str] | None = None,
) -> Extraction:
    """
    Return what the Airflow of the interpreter `python` makes of `files`.

    `roots` are the folders that they import from, `variables` the Airflow Variables
    that they find. Whatever a file does, this raises
    nothing; a process that is lost is started again for the files that remain.
    """
    deadline = time.monotonic() + limits.total
    request = {
        "path": [str(path) for path in roots],
        "variables": dict(variables or {}),
        "seconds": limits.seconds,
        "memory": limits.memory,
        "size": limits.size,
    }
    waiting = list(files)
    whole = Extraction(None, (), {}, {})
    while waiting:
        with _Run(python, waiting, request, limits, deadline) as run:
            left = _listen(run, waiting, whole)
        whole = whole._replace(
            airflow=run.airflow or whole.airflow, lacking=run.lacking or whole.lacking
        )
        if len(left) == len(waiting):
            why = "there was no time left for it" if whole.airflow else NOT_STARTED
            whole.failed.update(dict.fromkeys(left, why))
            break
        waiting = left
    return whole


NOT_STARTED = "Airflow did not start"
_WHY = {
    "timeout": "it takes Airflow too long",
    "too_large": "it gives more than can be taken in",
    "malformed": "what came back is no answer",
}
_DIED = "the process that read it ended"


def _listen(run: "_Run", waiting: list[Path], whole: Extraction) -> list[Path]:
    """Sort in what a run says; return the files that it did not get to."""
    begun: int | None = None
    done = 0
    for message in run.messages():
        if message.begin is not None and 0 <= message.begin < len(waiting):
            begun = message.begin
        if message.end is None or message.end != begun:
            continue
        path, begun, done = waiting[message.end], None, message.end + 1
        if message.status != "read":
            whole.failed[path] = _WHY.get(message.status, _DIED)
            continue
        try:
            whole.found[path] = _FOUND.decode(message.found)
        except (msgspec.MsgspecError, RecursionError):
            whole.failed[path] = _WHY["malformed"]
    if begun is not None:
        whole.failed[waiting[begun]] = _DIED
        done = begun + 1
    return waiting[done:]


class _Run:
    """One process of the extractor, ended with the context."""

    def __init__(
        self,
        python: Path,
        files: Sequence[Path],
        request: Mapping[str, object],
        limits: Limits,
        deadline: float,
    ) -> None:
        self.limits = limits
        self.deadline = deadline
        self.airflow: str | None = None
        self.lacking: tuple[str, ...] = ()
        self.folder = tempfile.TemporaryDirectory(
            prefix="dagwarden-", ignore_cleanup_errors=True
        )
        home = Path(self.folder.name, "home")
        home.mkdir()
        asked = Path(self.folder.name, "request.json")
        files_and_home = {"files": [str(path) for path in files], "home": str(home)}
        asked.write_bytes(msgspec.json.encode({**request, **files_and_home}))
        self.reader, writer = os.pipe()
        with asked.open("rb") as stream:
            self.process = self._start(python, stream.fileno(), writer, home)
        os.close(writer)

    def _start(
        self, python: Path, request: int, writer: int, home: Path
    ) -> "subprocess.Popen[bytes] | None":
        kept = {name: os.environ[name] for name in _NEEDED if name in os.environ}
        try:
            return subprocess.Popen(  # noqa: S603 # the operator names the program
                [str(python), "-I", "-B", str(_EXTRACTOR), str(writer)],
                stdin=request,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=home,
                env={**kept, "HOME": str(home), "LC_ALL": "C.UTF-8"},
                pass_fds=(writer,),
                start_new_session=True,
            )
        except OSError:
            return None

    def __enter__(self) -> "_Run":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        place: TracebackType | None,
    ) -> None:
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.reader)
        self.folder.cleanup()

    def messages(self) -> Iterator[_Message]:
        """Yield what it says, until it ends or the time is up."""
        for line in self._lines():
            try:
                message = _MESSAGE.decode(line)
            except (msgspec.MsgspecError, RecursionError):
                return
            if message.airflow is not None:
                self.airflow, self.lacking = message.airflow, message.lacking
            yield message

    def _lines(self) -> Iterator[bytes]:
        held = bytearray()
        most = _ESCAPED * self.limits.size
        until = min(self.deadline, time.monotonic() + self.limits.start)
        while (left := until - time.monotonic()) > 0 and len(held) <= most:
            if not select.select([self.reader], [], [], left)[0]:
                return
            data = os.read(self.reader, 1 << 20)
            if not data:
                return
            held += data
            if b"\n" in data:
                *lines, rest = held.split(b"\n")
                held = bytearray(rest)
                yield from map(bytes, lines)
                # a file has its own limit, kept on the other side
                until = self.deadline
