"""What the transport hands to a partition: fetched records with the positions that go with them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Batch:
    """Input records of one fetch. Positions, not record offsets + 1: markers and aborted records take offsets too.

    `records` are aiokafka's raw records (offset, timestamp, key, value, headers).
    """

    records: Sequence[Any]
    start: int
    """Position before the fetch."""
    end: int
    """Position after it."""
    stable: int
    """Last stable offset the fetch saw."""
    highwater: int
    polled_at: float
    """When the broker's last answer came: local wall clock, seconds."""


class Inbox:
    """Batches that wait to be applied, and how many records they hold."""

    def __init__(self) -> None:
        self._batches: deque[Batch] = deque()
        self.records = 0

    def put(self, batch: Batch) -> None:
        self._batches.append(batch)
        self.records += len(batch.records)

    def next_timestamp(self) -> int | None:
        """Record time (ms) of the next record; None if there is none, or a batch without records comes first."""
        if not self._batches or not self._batches[0].records:
            return None
        timestamp: int = self._batches[0].records[0].timestamp
        return timestamp

    def take(self, limit: int) -> Batch:
        """The next batch, or the first `limit` records of it. There must be one."""
        batch = self._batches[0]
        if len(batch.records) <= limit:
            self._batches.popleft()
        else:
            batch = self._split(batch, limit)
        self.records -= len(batch.records)
        return batch

    def clear(self) -> None:
        self._batches.clear()
        self.records = 0

    def __bool__(self) -> bool:
        return bool(self._batches)

    def _split(self, batch: Batch, limit: int) -> Batch:
        first, rest = batch.records[:limit], batch.records[limit:]
        middle = rest[0].offset
        self._batches[0] = Batch(rest, middle, batch.end, batch.stable, batch.highwater, batch.polled_at)
        return Batch(first, batch.start, middle, batch.stable, batch.highwater, batch.polled_at)
