"""Events in the order of their time, however large the log: sorted runs in temporary files, then merged.

The order is that of contract §1, (`occurred_at`, `sequence`, `event_id`); the line decides what is left. A log that
fits in one run never touches the disk.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from heapq import merge
from struct import Struct
from typing import IO, Final, Self

import msgspec

from sla_stream.core.events import TicketEvent
from sla_stream.history.identities import Identities

_HEAD: Final = Struct("<QI")
"""In front of each event of a run: line number, size of the packed event."""

_CHUNK: Final = 1 << 18

Place = tuple[int, int, str, int]
Placed = tuple[Place, bytes]


class OrderedEvents:
    """Takes events in file order, gives them back in theirs; tells those that contradict an earlier line.

    A context manager: its end removes the temporary files.
    """

    def __init__(self, run_length: int = 100_000) -> None:
        """`run_length`: events held in memory."""
        self._run_length = run_length
        self._run: list[Placed] = []
        self._spilled: IO[bytes] | None = None
        self._extents: list[tuple[int, int]] = []
        self._identities = Identities()
        self._encode = msgspec.msgpack.Encoder().encode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._identities.close()
        if self._spilled is not None:
            self._spilled.close()

    def add(self, line: int, event: TicketEvent) -> None:
        """The next event of the file."""
        packed = self._encode(event)
        self._identities.add(event.ticket_id, event.event_id, packed, line)
        self._run.append(((event.at, event.sequence, event.event_id, line), packed))
        if len(self._run) >= self._run_length:
            self._spill()

    def __iter__(self) -> Iterator[tuple[int, TicketEvent, int | None]]:
        """(line, event, None) in order; in place of None, for a conflict, the earlier line that stands."""
        conflicts = self._identities.conflicts()
        decode = msgspec.msgpack.Decoder(TicketEvent).decode
        for place, packed in self._merged():
            yield place[3], decode(packed), conflicts.get(place[3])

    def _merged(self) -> Iterator[Placed]:
        self._run.sort()
        if self._spilled is None:
            return iter(self._run)
        self._spilled.flush()
        descriptor = self._spilled.fileno()
        return merge(*(_read_run(descriptor, start, end) for start, end in self._extents), self._run)

    def _spill(self) -> None:
        self._run.sort()
        if self._spilled is None:
            self._spilled = tempfile.TemporaryFile(buffering=_CHUNK)  # noqa: SIM115  # lives as long as we do
        start = self._spilled.tell()
        for place, packed in self._run:
            self._spilled.write(_HEAD.pack(place[3], len(packed)))
            self._spilled.write(packed)
        self._extents.append((start, self._spilled.tell()))
        self._run = []


def _read_run(descriptor: int, start: int, end: int) -> Iterator[Placed]:
    """One run, read in chunks at its own place: all runs share one file, so that their number has no limit."""
    decode = msgspec.msgpack.Decoder(TicketEvent).decode
    chunk, at = b"", 0
    while start < end or at < len(chunk):
        if len(chunk) - at < _HEAD.size or len(chunk) - at < _HEAD.size + _HEAD.unpack_from(chunk, at)[1]:
            more = os.pread(descriptor, min(_CHUNK, end - start), start)
            chunk, at, start = chunk[at:] + more, 0, start + len(more)
            continue
        line, size = _HEAD.unpack_from(chunk, at)
        packed = chunk[at + _HEAD.size : at + _HEAD.size + size]
        at += _HEAD.size + size
        event = decode(packed)
        yield (event.at, event.sequence, event.event_id, line), packed
