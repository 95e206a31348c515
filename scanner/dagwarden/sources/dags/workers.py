"""
Reading files in several processes.

The files lie in rows, whose numbers wait in a queue: a pipe. A worker is a fork that
takes one row after the other, and sends what the files of each come to. Nobody waits for
anybody who has died: a worker ends when no row is left, or nobody listens.
"""

import os
import select
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from struct import Struct

import msgspec

from dagwarden.beside import Fork, fork, may_fork, processors, send
from dagwarden.sources.dags.records.outcome import Read, Reading

# Fewer are read before another worker has started.
MIN_FILES = 16
# Files of one folder import the same modules: a worker reads so many in a row, at least.
_IN_A_ROW = 16
# A pipe takes so many numbers before anybody reads them: 4 KB, whoever makes it.
_MAX_ROWS = 1024
_NUMBER = 4  # bytes
# What a worker says: the size of what follows, of the row that it was at, and the row
# that it is at from now on.
_HEADER = Struct("<Ii")
_NO_ROW = -1
# What a pipe takes before its reader comes to it, where the system allows: by default
# less than some rows come to, and every processor may be busy with others.
_PIPE = 1 << 20  # bytes
# None: reading it raised, which is a defect of ours.
_READS = tuple[Read | None, ...]
_DECODER: "msgspec.msgpack.Decoder[_READS]" = msgspec.msgpack.Decoder(_READS)


def workers_for(files: int) -> int:
    """Return how many processes to read `files` in; 1: this one."""
    if not may_fork():
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
    for number, read in _read_in(count, readings):
        yield number, _done(readings[number]) if read is None else read


def _done(one: Reading) -> Read:
    return one.reader.read(one.path, one.folder)


def _read_in(
    count: int, readings: Sequence[Reading]
) -> Iterator[tuple[int, Read | None]]:
    """
    Do `readings` in `count` processes; yields the number of each with what comes of it.

    None: it has to be read in this process. Of a worker that dies, each file of the row
    that it was at is read once more, in a process of its own: it may have been another's
    memory that the system was short of.
    """
    rows = _rows(readings)
    again: list[int] = []
    for row, reads in _rows_read(count, readings, rows):
        if reads is None:
            again += row
        else:
            yield from zip(row, reads, strict=True)
    for number in again:
        one = readings[number]
        for _, reads in _rows_read(1, readings, [range(number, number + 1)]):
            lost = None if reads else one.reader.lost(one.path, one.folder)
            yield number, reads[0] if reads else lost


def _rows(readings: Sequence[Reading]) -> list[range]:
    """Return rows of numbers; all readers of one file are in the same."""
    least = max(_IN_A_ROW, -(-len(readings) // _MAX_ROWS))
    rows: list[range] = []
    start = 0
    for at, one in enumerate(readings):
        if at - start >= least and one.path != readings[at - 1].path:
            rows.append(range(start, at))
            start = at
    return [*rows, range(start, len(readings))]


class _Worker:
    """A fork that reads, and the row that it is at."""

    def __init__(self, working: Fork) -> None:
        _widen(working.end)
        self.fork = working
        self.at = _NO_ROW
        self._held = bytearray()

    def told(self) -> Iterator[tuple[int, bytearray]]:
        """Yield the rows that it has done since; raises EOFError where it has ended."""
        some = os.read(self.fork.end, _PIPE)
        if not some:
            raise EOFError
        self._held += some
        while len(self._held) >= _HEADER.size:
            size, at = _HEADER.unpack_from(self._held)
            end = _HEADER.size + size
            if len(self._held) < end:
                return
            if self.at != _NO_ROW:
                yield self.at, self._held[_HEADER.size : end]
            self.at = at
            del self._held[:end]


def _rows_read(
    count: int, readings: Sequence[Reading], rows: Sequence[range]
) -> Iterator[tuple[range, Sequence[Read | None] | None]]:
    """Yield each of `rows` with what its files come to; None: who was at it died."""
    queue = _queue(len(rows))
    untold = set(range(len(rows)))
    working: dict[int, _Worker] = {}
    ready = select.poll()
    try:
        while True:
            while len(working) < min(count, len(untold)):
                work = partial(_work, queue, tuple(working), readings, rows)
                try:
                    worker = _Worker(fork(work))
                except OSError:  # no process is to be had
                    count = len(working)
                else:
                    working[worker.fork.end] = worker
                    ready.register(worker.fork.end, select.POLLIN)
            if not working:
                break
            for end, _ in ready.poll():
                worker = working[end]
                try:
                    for at, told in worker.told():
                        untold.discard(at)
                        yield rows[at], _DECODER.decode(told)
                except EOFError:
                    ready.unregister(end)
                    working.pop(end).fork.stop()
                    if worker.at == _NO_ROW:  # none is left, or it took none
                        count -= 1
                    else:
                        untold.discard(worker.at)
                        yield rows[worker.at], None
    finally:
        os.close(queue)
        for worker in working.values():
            worker.fork.stop()
    for number in sorted(untold):
        yield rows[number], [None] * len(rows[number])


def _queue(rows: int) -> int:
    """Return what the numbers of all rows can be read from, by several at a time."""
    queue, there = os.pipe()
    try:
        os.write(there, b"".join(_number(row) for row in range(rows)))
    finally:
        os.close(there)
    return queue


def _widen(pipe: int) -> None:
    import fcntl  # not everywhere, unlike this module

    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _number(row: int) -> bytes:
    return row.to_bytes(_NUMBER, "little")


def _work(
    queue: int,
    others: Sequence[int],
    readings: Sequence[Reading],
    rows: Sequence[range],
    there: int,
) -> None:
    """Be a worker: `others` are what only the parent is to read."""
    for other in others:
        os.close(other)
    told = b""
    while number := os.read(queue, _NUMBER):
        row = int.from_bytes(number, "little")
        send(there, _HEADER.pack(len(told), row) + told)
        told = msgspec.msgpack.encode([_read(readings[n]) for n in rows[row]])
    send(there, _HEADER.pack(len(told), _NO_ROW) + told)


def _read(one: Reading) -> Read | None:
    try:
        return _done(one)
    except Exception:  # a defect of ours: the parent meets it, and tells
        return None
