"""
Work done beside this process: in a fork of it, where a processor is free for one.

A fork has all that this process has read, and sends what its work comes to. With or without one the result is the same.
"""

import os
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TypeVar

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
    if not worth or not may_fork() or processors() == 1:
        yield work
        return
    here, there = os.pipe()
    with open(here, "rb", buffering=0) as end:
        try:
            child = os.fork()
        except OSError:
            os.close(there)
            yield work
            return
        if child == 0:
            _be(work, there)
        os.close(there)

        def result() -> R:
            try:
                found: R = msgspec.msgpack.decode(end.readall(), type=kind)
            except msgspec.DecodeError:  # it did not come to its end
                return work()
            return found

        try:
            yield result
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _be(work: Callable[[], object], there: int) -> NoReturn:
    """Be the fork: it ends without a word, whatever happens."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        rest = memoryview(msgspec.msgpack.encode(work()))
        while rest:
            rest = rest[os.write(there, rest) :]
    finally:
        os._exit(0)
