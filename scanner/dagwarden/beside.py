"""
Work done beside this process: in a fork of it, where a processor is free for one.

A fork has all that this process has read, and sends what its work comes to. With or without one the result is the same.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, NoReturn, TypeVar

import msgspec

# What a container may use, of all processors.
CPU_LIMIT = Path("/sys/fs/cgroup/cpu.max")
R = TypeVar("R")


def processors() -> int:
    """Return how many processors this process may use, in a container too."""
    there = len(os.sched_getaffinity(0))
    try:
        quota, period = CPU_LIMIT.read_text().split()
        return max(min(there, -(-int(quota) // int(period))), 1)
    except (OSError, ValueError):  # "max": no limit
        return there


def may_fork() -> bool:
    """Tell whether a fork of this process can be relied on."""
    if sys.platform != "linux":
        return False
    try:
        # a fork of several threads may wait for ever for one that it does not have
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False


# What ends a program from outside.
_ENDING = (signal.SIGINT, signal.SIGTERM)


class Fork(NamedTuple):
    """A process that works for this one, and where what it writes can be read."""

    process: int
    end: int

    def stop(self) -> None:
        """End it, whatever it is at."""
        os.close(self.end)
        # one that is gone was waited for by whoever ignores the ends of all
        with suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)


def fork(work: Callable[[int], None]) -> Fork:
    """
    Begin `work` in a fork, which is given what to write to.

    Raises OSError where no process is to be had. Whatever becomes of the work, the fork
    ends without a word.
    """
    here, there = os.pipe()
    # until the fork is set to end by them: it would go on as this program does
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        process = os.fork()
        if process == 0:
            os.close(here)
            _be(work, there, before)
    except OSError:
        os.close(here)
        raise
    finally:
        os.close(there)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Fork(process, here)


def _be(
    work: Callable[[int], None], there: int, before: set[int | signal.Signals]
) -> NoReturn:
    try:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        work(there)
    finally:
        os._exit(0)


def send(there: int, data: bytes) -> None:
    """Write `data` whole; raises OSError where nobody listens."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(there, rest) :]


def possible() -> bool:
    """Tell whether a fork is to be had, and a processor for it."""
    return may_fork() and processors() > 1


@contextmanager
def beside(
    work: Callable[[], R], kind: object, *, worth: bool = True
) -> Generator[Callable[[], R], None, None]:
    """
    Begin `work`; what is given waits for its result, of the type `kind`: records.

    `work` changes nothing but what it makes itself. It is done here, when its result is
    asked for, where it is not `worth` a fork, where none is to be had, or where that
    raises or dies: for want of memory, which is then this process's to want.
    """
    if not worth or not possible():
        yield work
        return
    try:
        working = fork(lambda there: send(there, msgspec.msgpack.encode(work())))
    except OSError:
        yield work
        return

    def result() -> R:
        with open(working.end, "rb", buffering=0, closefd=False) as end:
            told = end.readall()
        try:
            found: R = msgspec.msgpack.decode(told, type=kind)
        except msgspec.DecodeError:  # it did not come to its end
            return work()
        return found

    try:
        yield result
    finally:
        working.stop()
