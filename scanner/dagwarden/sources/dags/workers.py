"""
Reading files in several processes.

A worker is a fork that reads its share of the files, in order, and sends what each
comes to. Nothing is sent to it, so nobody waits for anybody who has died: it ends when
its share is read, or nobody listens.
"""

import signal
from collections.abc import Generator, Iterator, Sequence
from multiprocessing import current_process, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import NamedTuple, cast

import msgspec

from dagwarden.beside import may_fork, processors
from dagwarden.sources.dags.records.outcome import Read, Reading

# Fewer are read before another worker has started.
MIN_FILES = 16
# Files of one folder import the same modules, and one file may have several readers:
# a worker gets so many in a row.
_IN_A_ROW = 16
# What a worker says of a file where reading it raised: a defect of ours.
_RAISED = b""
_DECODER = msgspec.msgpack.Decoder(Read)


def workers_for(files: int) -> int:
    """Return how many processes to read `files` in; 1: this one."""
    if current_process().daemon or not may_fork():
        return 1
    return max(min(processors(), files // MIN_FILES), 1)


def read_all(readings: Sequence[Reading]) -> Generator[tuple[int, Read], None, None]:
    """
    Do `readings` in as many processes as is of use.

    Yields what each comes to with its number, in any order.
    """
    count = workers_for(len(readings))
    if count == 1:
        yield from ((number, _done(one)) for number, one in enumerate(readings))
        return
    for number, read in read_in(count, readings):
        yield number, _done(readings[number]) if read is None else read


def _done(one: Reading) -> Read:
    return one.reader.read(one.path, one.folder)


class _Worker(NamedTuple):
    """A process, and the files that it has yet to tell of, in order."""

    process: ForkProcess
    share: list[int]


def read_in(
    count: int, readings: Sequence[Reading]
) -> Iterator[tuple[int, Read | None]]:
    """
    Do `readings` in `count` processes; yields the number of each with what comes of it.

    None: it has to be read in this process. Of a worker that dies, the file that it was at is read once more, in a process of
    its own: it may have been another's memory that the system was short of.
    """
    waiting = _shares(len(readings), count)
    working: dict[Connection, _Worker] = {}
    suspected: set[int] = set()
    try:
        while waiting or working:
            while waiting and len(working) < count:
                try:
                    end, worker = _start(readings, waiting[-1], list(working))
                except OSError:  # no process is to be had
                    count = len(working)
                else:
                    working[end] = worker
                    waiting.pop()
            if not working:
                yield from ((n, None) for share in waiting for n in share)
                return
            for end in cast("list[Connection]", wait(list(working))):
                share = working[end].share
                try:
                    message = end.recv_bytes()
                except (EOFError, OSError):
                    _stop(end, working.pop(end).process)
                    if share and share[0] in suspected:
                        one = readings[share[0]]
                        yield share[0], one.reader.lost(one.path, one.folder)
                    elif share:
                        suspected.add(share[0])
                        waiting += [rest for rest in (share[1:], share[:1]) if rest]
                else:
                    yield share.pop(0), _DECODER.decode(message) if message else None
    finally:
        for end, worker in working.items():
            _stop(end, worker.process)


def _shares(files: int, count: int) -> list[list[int]]:
    shares: list[list[int]] = [[] for _ in range(count)]
    for start in range(0, files, _IN_A_ROW):
        row = range(start, min(start + _IN_A_ROW, files))
        shares[start // _IN_A_ROW % count] += row
    return [share for share in shares if share]


def _start(
    readings: Sequence[Reading],
    share: list[int],
    others: list[Connection],
) -> tuple[Connection, _Worker]:
    context = get_context("fork")
    here, there = context.Pipe(duplex=False)
    mine = [readings[number] for number in share]
    process = context.Process(
        target=_work, args=(there, [here, *others], mine), daemon=True
    )
    try:
        process.start()
    except OSError:
        here.close()
        raise
    finally:
        there.close()
    return here, _Worker(process, list(share))


def _stop(end: Connection, process: ForkProcess) -> None:
    end.close()
    process.kill()
    process.join()
    process.close()


def _work(
    end: Connection,
    others: Sequence[Connection],
    share: Sequence[Reading],
) -> None:
    """Be a worker: `others` are the ends that only the parent is to hold."""
    # it ends at once and says nothing
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    for other in others:
        other.close()
    for one in share:
        try:
            message = msgspec.msgpack.encode(_done(one))
        except Exception:  # a defect of ours: the parent meets it, and tells
            message = _RAISED
        try:
            end.send_bytes(message)
        except OSError:  # nobody listens
            return
