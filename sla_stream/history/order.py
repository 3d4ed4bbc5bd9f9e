"""Events in an order of time, however large the log: sorted runs in temporary files, then merged.

Either in the order of their own time, (`occurred_at`, `sequence`, `event_id`) as in contract §1, the line deciding
what is left; or in that of their log time, where several partitions come one beside the other. A log that fits in
one run never touches the disk.
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

_HEAD: Final = Struct("<qQI")
"""In front of each event of a run: log time, line number, size of the packed event."""

_CHUNK: Final = 1 << 18

Place = tuple[int, int, str, int]
Placed = tuple[Place, bytes]


class OrderedEvents:
    """Takes events in file order, gives them back in order; tells those that contradict an earlier line.

    A context manager: its end removes the temporary files.
    """

    def __init__(self, run_length: int = 250_000, by_log_time: bool = False) -> None:
        """`run_length`: events held in memory. `by_log_time`: in that order, and contradictions are not told."""
        self._run_length = run_length
        self._by_log_time = by_log_time
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

    def add(self, line: int, event: TicketEvent, log_time: int = 0) -> None:
        """The next event of the file, or of one partition."""
        packed = self._encode(event)
        if not self._by_log_time:
            self._identities.add(event.ticket_id, event.event_id, packed, line)
            self._run.append(((event.at, event.sequence, event.event_id, line), packed))
        else:
            self._run.append(((log_time, 0, "", line), packed))
        if len(self._run) >= self._run_length:
            self._spill()

    def __iter__(self) -> Iterator[tuple[int, int, TicketEvent, int | None]]:
        """(time, line, event, None) in order; in place of None, for a conflict, the earlier line that stands."""
        return (entry[:4] for entry in self.entries())

    def entries(self) -> Iterator[tuple[int, int, TicketEvent, int | None, bytes]]:
        """The same, with the event's packed form behind."""
        standing = self._identities.conflicts().get
        decode = msgspec.msgpack.Decoder(TicketEvent).decode
        for (time, _, _, line), packed in self._merged():
            yield time, line, decode(packed), standing(line), packed

    def _place(self, line: int, event: TicketEvent, log_time: int) -> Place:
        if self._by_log_time:
            return (log_time, 0, "", line)
        return (event.at, event.sequence, event.event_id, line)

    def _merged(self) -> Iterator[Placed]:
        self._run.sort()
        if self._spilled is None:
            return iter(self._run)
        self._spilled.flush()
        descriptor = self._spilled.fileno()
        return merge(*(self._read_run(descriptor, start, end) for start, end in self._extents), self._run)

    def _spill(self) -> None:
        self._run.sort()
        if self._spilled is None:
            self._spilled = tempfile.TemporaryFile(buffering=_CHUNK)  # noqa: SIM115  # lives as long as we do
        start = self._spilled.tell()
        for place, packed in self._run:
            self._spilled.write(_HEAD.pack(place[0], place[3], len(packed)))
            self._spilled.write(packed)
        self._extents.append((start, self._spilled.tell()))
        self._run = []

    def _read_run(self, descriptor: int, start: int, end: int) -> Iterator[Placed]:
        """One run, read in chunks at its own place: all runs share one file, so that their number has no limit."""
        decode = msgspec.msgpack.Decoder(TicketEvent).decode
        chunk, at = b"", 0
        while start < end or at < len(chunk):
            head = _HEAD.unpack_from(chunk, at) if len(chunk) - at >= _HEAD.size else None
            if head is None or len(chunk) - at < _HEAD.size + head[2]:
                more = os.pread(descriptor, min(_CHUNK, end - start), start)
                chunk, at, start = chunk[at:] + more, 0, start + len(more)
                continue
            log_time, line, size = head
            packed = chunk[at + _HEAD.size : at + _HEAD.size + size]
            at += _HEAD.size + size
            yield self._place(line, decode(packed), log_time), packed
