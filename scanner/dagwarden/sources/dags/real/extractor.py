"""
What a real Airflow makes of DAG files. Run by a user's interpreter, never imported.

    PYTHON -I -B extractor.py FD <REQUEST

The standard library and Airflow (2.11, 3.x) are all it needs. REQUEST is a JSON object:

    {"files": [...],      DAG files, absolute paths
     "path": [...],       folders that they import from; a task's line lies in one
     "variables": {},     Airflow Variables
     "home": "...",       an empty folder of ours: HOME and AIRFLOW_HOME of the files
     "seconds": 30,       for one file
     "memory": 2e9,       bytes that one file may take, beside what Airflow takes
     "size": 2e7}         bytes of JSON that one file may give

The answer goes to the file descriptor FD, one JSON object a line:

    {"airflow": "3.3.2", "python": "3.12.1", "lacking": []}
    {"begin": 0}
    {"end": 0, "status": "read", "found": {"errors": [...], "dags": [...]}}

Airflow is loaded once. Each file then has a process of its own, forked from there, so
that whatever one does (exit, crash, loop, change what it imported) is its own loss.
Before anything is loaded this takes from itself and from all that follow: the network,
the right to write files anywhere but in `home`, the sight of other processes' memory
and environment. `lacking` names what the system did not let it take.

Durations are seconds. What is no plain value is `{"__object__": "module.Class"}`.
"""

from __future__ import annotations

import ctypes
import datetime
import enum
import functools
import importlib
import inspect
import json
import math
import os
import re
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

# linux/sched.h, linux/prctl.h, linux/mount.h
NEW_MOUNTS, NEW_IPC = 0x00020000, 0x08000000
NEW_USER, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000
DIE_WITH_PARENT, NO_NEW_PRIVILEGES = 1, 38
MOUNT_NO_SUID_NO_DEVICES, MOUNT_PRIVATE = 0x2 | 0x4, 0x40000 | 0x4000
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, READ_ONLY = 442, -100, 0x8000, 1
CAPABILITIES_3 = 0x20080522

# What a file may leave in its home, and how many processes it may have.
HOME_SIZE = b"size=64m,mode=700"
MAX_PROCESSES = 256
MAX_DEPTH = 16
MAX_VALUES = 200_000
MAX_TEXT = 200_000
MAX_SYMBOL = 200
# Texts of modules that may be secrets: how many, how long, and what says so.
MAX_HELD = 2_000
MAX_SECRET = 300
_SAYS = re.compile(
    r"auth|bearer|cookie|cred|key|pass|pat|psk|psw|pw|secret|senha|token", re.I
)
_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+(airflow(?:\.\w+)+)", re.M)
# Where Airflow hands settings and variables on to whoever calls it.
_PASSING_ON = {
    "setting": re.compile(r"(configuration|parser)\.py$"),
    "variable": re.compile(r"variable\.py$"),
    "connection": re.compile(r"(connection|hook|hooks/base)\.py$"),
    "environment": re.compile(r"^$"),
    "dynamic": re.compile(r"^$"),
}
# What Python tells of code that looks at what is not the repository's, and what it
# looks at; and files that are alike everywhere, or not of any DAG's making.
_LOOKING = {
    **dict.fromkeys(("open", "os.listdir", "os.scandir", "os.stat"), "the file {}"),
    **dict.fromkeys(("socket.connect", "socket.getaddrinfo"), "the network"),
    **dict.fromkeys(("subprocess.Popen", "os.system"), "another program"),
    "socket.gethostname": "the name of the host",
}
_ALIKE = ("/usr/share/zoneinfo", "/etc/localtime", "/etc/ssl", "/dev", "/proc", "/sys")
_NOT_DATA = frozenset(
    {"dag", "task_group", "task_dict", "partial_kwargs", "start_from"}
)


Describe = Callable[[list[Any]], Any]


def main() -> None:
    """Read the request, isolate this process, and answer file by file."""
    output = int(sys.argv[1])
    request: dict[str, Any] = json.load(sys.stdin)
    _quiet()
    lacking = isolate(request["home"])
    if "processes" not in lacking and (child := os.fork()):
        # the child is the first process of its namespace: none outlives it
        os.waitpid(child, 0)
        os._exit(0)
    _control(DIE_WITH_PARENT, signal.SIGKILL)
    version = _load_airflow(request["home"], request["variables"])
    python = ".".join(map(str, sys.version_info[:3]))
    _say(output, {"airflow": version, "python": python, "lacking": lacking})
    for index, path in enumerate(request["files"]):
        _warm(path)
        _say(output, {"begin": index})
        status, found = Attempt(request, path, lacking, output).result()
        _say(output, {"end": index, "status": status, "found": found})


def _say(output: int, record: Any) -> None:
    data = json.dumps(record).encode() + b"\n"
    while data:
        data = data[os.write(output, data) :]


def _quiet() -> None:
    """Let what is printed go nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


# ---------------------------------------------------------------------------- isolation


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _control(option: int, value: int) -> None:
    if sys.platform == "linux":
        _libc().prctl(option, value, 0, 0, 0)


def isolate(home: str) -> list[str]:
    """Take the network, other files and other processes away; name what was not."""
    wanted = ["network", "files", "processes"]
    _control(DIE_WITH_PARENT, signal.SIGKILL)
    _control(NO_NEW_PRIVILEGES, 1)
    if sys.platform != "linux":
        return wanted
    user, group = os.getuid(), os.getgid()
    if _libc().unshare(NEW_USER | NEW_NETWORK | NEW_MOUNTS | NEW_IPC):
        return wanted
    _be(user, group)
    wanted.remove("network")
    if _read_only(home):
        wanted.remove("files")
    if not _libc().unshare(NEW_PROCESSES):
        wanted.remove("processes")
    return wanted


def _be(user: int, group: int) -> None:
    """Stay who we were: files made in the namespace need an owner."""
    maps = {"setgroups": "deny", "uid_map": f"{user} {user} 1"}
    maps["gid_map"] = f"{group} {group} 1"
    for name, text in maps.items():
        try:
            with open(f"/proc/self/{name}", "w") as stream:
                stream.write(text)
        except OSError:  # a system that maps nobody: reading works all the same
            return


def _read_only(home: str) -> bool:
    """Make every file system read-only but a new, small one in memory at `home`."""
    libc = _libc()
    attributes = struct.pack("QQQQ", READ_ONLY, 0, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    return not (
        libc.mount(None, b"/", None, ctypes.c_ulong(MOUNT_PRIVATE), None)
        or libc.syscall(MOUNT_SETATTR, AT_FDCWD, b"/", AT_RECURSIVE, attributes, size)
        or _new_home(home)
    )


def _new_home(home: str) -> int:
    flags = ctypes.c_ulong(MOUNT_NO_SUID_NO_DEVICES)
    failed: int = _libc().mount(b"tmpfs", os.fsencode(home), b"tmpfs", flags, HOME_SIZE)
    return failed


def _drop_capabilities() -> None:
    """Give up what a namespace of one's own gives: this cannot be undone in it."""
    header = struct.pack("Ii", CAPABILITIES_3, 0)
    _libc().capset(header, bytes(24))


# ------------------------------------------------------------------------ one attempt


class Attempt:
    """One file in a process of its own, watched from another."""

    def __init__(
        self, request: dict[str, Any], path: str, lacking: list[str], output: int
    ) -> None:
        """Take what limits the file."""
        self.request = request
        self.path = path
        self.lacking = lacking
        self.output = output

    def result(self) -> tuple[str, Any]:
        """Return how it ended and what was found."""
        reader, writer = os.pipe()
        watcher = os.fork()
        if not watcher:
            os.close(reader)
            _alone(self._watch, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            data = stream.read()
        os.waitpid(watcher, 0)
        try:
            status, found = json.loads(data)
        except ValueError:  # in a system without namespaces a file can kill this
            return "died", None
        return status, found

    def _watch(self, answer: int) -> None:
        """Run the file in a child; write the status and what it found."""
        if "files" not in self.lacking:
            _libc().unshare(NEW_MOUNTS)
            _new_home(self.request["home"])
        if "processes" not in self.lacking:
            _libc().unshare(NEW_PROCESSES)
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            for descriptor in (self.output, answer, reader):
                os.close(descriptor)
            _alone(self._run, writer)
        os.close(writer)
        status, data = self._gather(child, reader)
        found = None
        if status == "read":
            try:
                found = json.loads(data)
            except (ValueError, RecursionError):
                status = "malformed" if data else "died"
        _say(answer, [status, found])

    def _gather(self, child: int, reader: int) -> tuple[str, bytes]:
        """Return what the child wrote before it ended, or was ended."""
        deadline = time.monotonic() + self.request["seconds"]
        chunks: list[bytes] = []
        size, status, ended = 0, "read", False
        while True:
            ready = select.select([reader], [], [], 0 if ended else 0.02)[0]
            chunk = os.read(reader, 1 << 20) if ready else b""
            chunks.append(chunk)
            size += len(chunk)
            if size > self.request["size"]:
                status = "too_large"
                break
            if ended and not chunk:
                break
            ended = ended or os.waitpid(child, os.WNOHANG)[0] == child
            if time.monotonic() > deadline:
                status = "timeout"
                break
        for kill, whom in ((os.killpg, child), (os.kill, child)):
            try:
                kill(whom, signal.SIGKILL)
            except OSError:
                continue
        if not ended:
            os.waitpid(child, 0)
        return status, b"".join(chunks)

    def _run(self, writer: int) -> None:
        """Extract the file's facts, limited, and write them."""
        os.setsid()
        _control(DIE_WITH_PARENT, signal.SIGKILL)
        if "network" not in self.lacking:
            _drop_capabilities()
            resource.setrlimit(resource.RLIMIT_NPROC, (MAX_PROCESSES, MAX_PROCESSES))
        memory = _memory() + int(self.request["memory"])
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir(self.request["home"])
        sys.path += self.request["path"]
        try:
            found = extracted(self.path, self.request["path"])
        except BaseException as error:  # whatever a file raises is its own loss
            kind = type(error).__name__
            fault = {"text": kind, "file": self.path, "line": None}
            found = {"errors": [fault], "asked": [], "dags": []}
        _say(writer, found)


def _alone(do: Callable[[int], None], descriptor: int) -> NoReturn:
    """Do it as all that this process does, whatever comes of it."""
    try:
        do(descriptor)
    finally:
        os._exit(0)


def _memory() -> int:
    """Return the size of this process."""
    try:
        with open("/proc/self/statm") as stream:
            return int(stream.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0


# ---------------------------------------------------------------------------- Airflow


def _load_airflow(home: str, variables: Mapping[str, str]) -> str:
    for name, text in variables.items():
        os.environ[f"AIRFLOW_VAR_{name.upper().replace('=', '')}"] = text
    os.environ.update(
        HOME=home,
        TMPDIR=home,
        AIRFLOW_HOME=home,
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="0",  # time is limited from outside
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
        AIRFLOW__LOGGING__LOGGING_LEVEL="CRITICAL",
    )
    os.chdir(home)
    _dag_bag()
    version: str = importlib.import_module("airflow").__version__
    return version


def _dag_bag() -> Any:
    try:
        return importlib.import_module("airflow.dag_processing.dagbag").DagBag
    except (ImportError, AttributeError):  # before 3.2
        return importlib.import_module("airflow.models.dagbag").DagBag


def _dag_class() -> Any:
    try:
        return importlib.import_module("airflow.sdk.definitions.dag").DAG
    except ImportError:  # 2.x
        return importlib.import_module("airflow.models.dag").DAG


def _warm(path: str) -> None:
    """Load what the file imports of Airflow once, for all files that do."""
    try:
        with open(path, "rb") as stream:
            names = set(_IMPORTED.findall(stream.read(1_000_000)))
    except OSError:
        return
    for name in sorted(names):
        try:
            importlib.import_module(name.decode())
        except Exception:  # noqa: S112 # it is told where the file imports it
            continue


def extracted(path: str, roots: Iterable[str]) -> dict[str, Any]:
    """Return what Airflow makes of one DAG file."""
    places = Places(tuple(os.path.join(root, "") for root in roots))
    places.watch(_dag_class())
    _listen(places)
    bag = _dag_bag()(os.devnull, collect_dags=False)
    # what Airflow passes over in an archive only it tells
    archive = path.endswith(".zip")
    loaded = set(sys.modules)
    bag.process_file(path, only_if_updated=False, safe_mode=archive)
    errors = [
        {"text": _text(text), "file": _text(file), "line": _line(text, file)}
        for file, text in bag.import_errors.items()
    ]
    dags = [_dag(dag, places) for _, dag in sorted(bag.dags.items())]
    asked = [
        {"reason": reason, "symbol": symbol, "as_json": as_json}
        for reason, symbol, as_json in sorted(places.asked)
    ]
    held = _held(set(sys.modules) - loaded)
    return {"errors": errors, "asked": asked, "dags": dags, "held": held}


def _held(modules: Iterable[str]) -> list[dict[str, Any]]:
    """Return what modules hold under names that may say secret, classes included."""
    found: list[dict[str, Any]] = []
    for name in sorted(modules):
        module: Any = sys.modules.get(name)
        if not inspect.ismodule(module):
            continue
        own = dict(module.__dict__)
        made = [one for one in own.values() if inspect.isclass(one)]
        for namespace in (own, *(one.__dict__ for one in made)):
            texts = _texts(dict(namespace))
            if texts and sum(map(len, found)) < MAX_HELD:
                found.append(texts)
    return found


def _texts(namespace: dict[Any, Any]) -> dict[str, Any]:
    """Return the texts in a namespace that may be secrets, and those in its dicts."""
    found: dict[str, Any] = {}
    for name, value in list(namespace.items())[:MAX_VALUES]:
        if type(name) is not str or name.startswith("__"):
            continue
        if type(value) is dict:
            if texts := _texts_of(value, bool(_SAYS.search(name))):
                found[_text(name)] = texts
        elif _SAYS.search(name) and type(value) in (str, bytes):
            found |= _texts_of({name: value}, True)
    return found


def _texts_of(values: Any, every: bool) -> dict[str, str]:
    """Return the short texts of a dict, by keys that may say secret or every one."""
    found: dict[str, str] = {}
    for key, value in list(values.items())[:MAX_HELD]:
        if type(key) is not str or not (every or _SAYS.search(key)):
            continue
        text = value.decode("utf-8", "replace") if type(value) is bytes else value
        if type(text) is str and len(text) <= MAX_SECRET:
            found[_text(key)] = _text(text)
    return found


def _listen(places: Places) -> None:
    """Note what a file asks for that is another where it really runs."""
    environ = type(os.environ)
    for name in ("__getitem__", "__contains__"):
        places.listen(environ, name, "environment", lambda given: given[1])
    places.listen(environ, "__iter__", "environment", lambda _: "os.environ")
    sys.addaudithook(places.look)
    stat = os.stat  # of which Python tells nothing

    def looking(path: Any, *given: Any, **named: Any) -> Any:
        places.look("os.stat", (path,))
        return stat(path, *given, **named)

    os.stat = looking
    parser: Any = importlib.import_module("airflow.configuration").conf.__class__
    places.listen(parser, "get", "setting", lambda given: f"[{given[1]}] {given[2]}")
    for module in ("airflow.models.variable", "airflow.sdk.definitions.variable"):
        try:
            variable = importlib.import_module(module).Variable
        except ImportError:  # 2.x
            continue
        places.listen(variable, "get", "variable", lambda given: given[0])
    for module, name in (
        ("airflow.models.connection", "get_connection_from_secrets"),
        ("airflow.sdk.definitions.connection", "get"),
    ):
        try:
            connection = importlib.import_module(module).Connection
        except ImportError:  # 2.x
            continue
        places.listen(connection, name, "connection", lambda given: given[0])


def _as_json(given: Sequence[Any], named: Mapping[str, Any]) -> bool:
    """Say whether a variable's meaning as JSON is asked for: its text is not seen."""
    wanted = given[2] if len(given) > 2 else named.get("deserialize_json")
    return bool(wanted)


def _line(text: str, path: str) -> int | None:
    """Return the last line of the file itself that an error's traceback names."""
    found = re.findall(rf'File "{re.escape(path)}", line (\d+)', text)
    return int(found[-1]) if found else None


class Places:
    """Which code is the user's own, and what it makes and asks for."""

    def __init__(self, roots: tuple[str, ...]) -> None:
        """Count as own code what lies below one of `roots`."""
        self.roots = roots
        airflow = importlib.import_module("airflow").__file__ or ""
        self.airflow = os.path.join(os.path.dirname(airflow), "")
        own = tuple(root.rstrip(os.sep) for root in roots)
        self.inside = (*own, os.getcwd(), sys.prefix, sys.base_prefix, *_ALIKE)
        self.known: dict[int, tuple[Any, str | None, int | None]] = {}
        self.asked: set[tuple[str, str, bool]] = set()

    def watch(self, dag: Any) -> None:
        """Note the place of every DAG and task made from now on."""
        dag.__init__ = self._noting(dag.__init__, 0)
        dag.add_task = self._noting(dag.add_task, 1)

    def _noting(self, method: Callable[..., Any], position: int) -> Callable[..., Any]:
        @functools.wraps(method)
        def noting(*given: Any, **named: Any) -> Any:
            made = given[position] if len(given) > position else named.get("task")
            self.known.setdefault(id(made), (made, *self._here(made)))
            return method(*given, **named)

        return noting

    def listen(self, owner: Any, name: str, reason: str, describe: Describe) -> None:
        """Note what own code asks `owner`, whose answers are not those of its home."""
        method = getattr(owner, name)

        @functools.wraps(method)
        def listening(*given: Any, **named: Any) -> Any:
            if self._is_asked_by_own(reason):
                symbol = _text(describe([*given, *named.values(), None, None]))
                self.asked.add((reason, symbol[:MAX_SYMBOL], _as_json(given, named)))
            return method(*given, **named)

        bound = inspect.ismethod(method)
        setattr(owner, name, staticmethod(listening) if bound else listening)

    def look(self, event: str, given: tuple[Any, ...]) -> None:
        """Note that own code looks at what is another where it really runs."""
        symbol = _LOOKING.get(event)
        if symbol is None:
            return
        first: Any = given[0] if given else None
        try:
            path = os.path.abspath(os.fsdecode(first))
        except TypeError:  # a descriptor, or no file at all
            path = ""
        files = "{}" in symbol
        if files and (not path or path.startswith(self.inside)):
            return
        if self._is_asked_by_own("dynamic"):
            text = _text(symbol.format(path))[:MAX_SYMBOL]
            self.asked.add(("dynamic", text, False))

    def _is_asked_by_own(self, reason: str) -> bool:
        """Say whether own code asks, if need be through a library of no account."""
        frame = inspect.currentframe()
        while frame is not None:
            name = frame.f_code.co_filename
            if self._is_own(name):
                return True
            # what Airflow asks, or a module while it is imported, it asks for itself
            for_itself = name.startswith((self.airflow, "<frozen importlib"))
            if for_itself and not _PASSING_ON[reason].search(name):
                return False
            frame = frame.f_back
        return False

    def _here(self, made: Any) -> tuple[str | None, int | None]:
        """Return the line that is being run, but for the constructors of `made`."""
        frame = inspect.currentframe()
        while frame is not None:
            own = self._is_own(frame.f_code.co_filename)
            if own and frame.f_locals.get("self") is not made:
                return frame.f_code.co_filename, frame.f_lineno
            frame = frame.f_back
        return None, None

    def _is_own(self, file: str) -> bool:
        return file.startswith(self.roots) and "/site-packages/" not in file

    def holds(self, made: Any) -> bool:
        """Say whether a class stands in the user's own code."""
        module = sys.modules.get(made.__module__)
        return self._is_own(getattr(module, "__file__", None) or "")

    def of(self, made: Any) -> dict[str, Any]:
        """Return file and line, null where it was not made in the user's code."""
        _, file, line = self.known.get(id(made), (None, None, None))
        return {"file": file, "line": line}


def _dag(dag: Any, places: Places) -> dict[str, Any]:
    values = Values()
    return {
        "dag_id": _text(dag.dag_id),
        **places.of(dag),
        "attributes": values.attributes(dag, ("schedule", "schedule_interval")),
        "tasks": [_task(task, places) for _, task in sorted(dag.task_dict.items())],
    }


def _task(task: Any, places: Places) -> dict[str, Any]:
    values = Values()
    mapped = getattr(task, "expand_input", None)
    made: Any = task.operator_class if mapped is not None else task.__class__
    given = (
        task.partial_kwargs
        if mapped is not None
        else getattr(task, "_BaseOperator__init_kwargs", {})
    )
    fields = tuple(getattr(task, "template_fields", ()))
    classes = inspect.getmro(made)
    own = [base for base in classes if places.holds(base)]
    defaults = _defaults(made)
    return {
        "task_id": _text(task.task_id),
        **places.of(task),
        "class": _name(made),
        "bases": [_name(base) for base in classes[1:]],
        # how many of all these are the user's own, and what those define
        "own": len(own),
        "defines": sorted({_text(name) for base in own for name in vars(base)}),
        "mapped": mapped is not None,
        "in_mapped_group": any(True for _ in task.iter_mapped_task_groups()),
        # what it was given, default_args included, before its class treated it
        "arguments": values.of(given),
        "expanded": None if mapped is None else values.of(mapped.value),
        # what it then holds, and what that is where nothing is given
        "attributes": values.attributes(task, (*defaults, *fields)),
        "defaults": values.of(defaults),
        "template_fields": values.of(fields),
    }


@functools.cache
def _defaults(made: Any) -> dict[str, Any]:
    """Return what a class's constructors take where nothing is given."""
    found: dict[str, Any] = {}
    for base in inspect.getmro(made):
        try:
            constructor: Any = base.__dict__["__init__"]
            parameters = inspect.signature(constructor).parameters
        except (KeyError, TypeError, ValueError):  # its constructor is inherited
            continue
        for name, parameter in parameters.items():
            if parameter.default is not inspect.Parameter.empty:
                found.setdefault(name, parameter.default)
    return found


# ----------------------------------------------------------------------------- values


class Values:
    """Python's values as JSON, as many as one task may have."""

    def __init__(self) -> None:
        """Start to count."""
        self.left = MAX_VALUES

    def attributes(self, made: Any, names: Iterable[str]) -> dict[str, Any]:
        """Return the public attributes of an object: its own, and those of `names`."""
        found: dict[str, Any] = {}
        own: dict[str, Any] = made.__dict__
        for name in sorted({*own, *names} - _NOT_DATA):
            if name.startswith("_"):
                continue
            try:
                value = getattr(made, name)
            except Exception:  # noqa: S112 # a property may refuse
                continue
            if not _is_unset(value) and not inspect.ismethod(value):
                found[name] = self.of(value)
        return found

    def of(self, value: Any, depth: int = 0) -> Any:
        """Return `value` as JSON."""
        self.left -= 1
        if self.left < 0 or depth > MAX_DEPTH:
            return {"__object__": "too much"}
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, enum.Enum):
            return self.of(value.value, depth + 1)
        if isinstance(value, str):
            return _text(value) if len(value) <= MAX_TEXT else _object(value)
        if isinstance(value, int):
            return int(value) if abs(value) < 1 << 63 else _object(value)
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else _object(value)
        if isinstance(value, datetime.timedelta):
            return value.total_seconds()
        if isinstance(value, datetime.date):
            return value.isoformat()
        return self._many(value, depth)

    def _many(self, value: Any, depth: int) -> Any:
        items: Any = value  # of whatever
        if isinstance(value, Mapping):
            return {
                _text(key): self.of(item, depth + 1)
                for key, item in self._items(items)
                if isinstance(key, (str, int, float)) and not _is_unset(item)
            }
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in items]
        if isinstance(value, (set, frozenset)):
            return sorted((self.of(item, depth + 1) for item in items), key=repr)
        return _object(value)

    def _items(self, mapping: Any) -> Iterator[tuple[Any, Any]]:
        """Yield what subscripting gives: that resolves the parameters of a DAG."""
        for key in mapping:
            try:
                yield key, mapping[key]
            except Exception:  # noqa: S112 # a parameter of no valid value
                continue


def _is_unset(value: Any) -> bool:
    return type(value).__name__ in ("ArgNotSet", "SetDuringExecution")


def _object(value: Any) -> dict[str, str]:
    named: Any = value if hasattr(value, "__qualname__") else value.__class__
    return {"__object__": _name(named)}


def _name(thing: Any) -> str:
    return _text(f"{thing.__module__}.{thing.__qualname__}")


def _text(value: Any) -> str:
    """Return a text that every JSON reader takes; a member of a text enumeration is one."""
    text = str.__str__(value) if isinstance(value, str) else str(value)
    return text.encode("utf-8", "backslashreplace").decode()


if __name__ == "__main__":
    main()
