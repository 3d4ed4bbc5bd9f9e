"""The log of one partition, as a leader keeps it: records of transactions, markers, compaction."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Headers = Sequence[tuple[str, bytes]]
OPEN, COMMITTED, ABORTED = "open", "committed", "aborted"


@dataclass(eq=False, slots=True)
class Scope:
    """A transaction's stay in one partition: from its first record to its marker."""

    first: int
    state: str = OPEN


@dataclass(eq=False, slots=True)
class Entry:
    """A record with the fields that aiokafka's raw ones have, or a marker (`control`)."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    scope: Scope | None = None
    control: bool = False
    appended: int = 0
    """When it came, by the true clock, whatever `timestamp` says."""


@dataclass(slots=True)
class Read:
    """An answer to a fetch with isolation read_committed."""

    records: list[Entry]
    end: int
    """Position after it."""
    stable: int
    highwater: int


@dataclass(eq=False, slots=True)
class Log:
    entries: list[Entry] = field(default_factory=list)
    end: int = 0
    open: dict[Any, Scope] = field(default_factory=dict)
    """Open transactions by their producer."""
    waiters: list[asyncio.Future[None]] = field(default_factory=list)

    @property
    def stable(self) -> int:
        """The last stable offset: before it everything is decided."""
        return min((scope.first for scope in self.open.values()), default=self.end)

    def append(
        self,
        now: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        producer: Any = None,
    ) -> int:
        """Append one record, in the open transaction of `producer` if there is one; returns its offset."""
        scope = None
        if producer is not None:
            scope = self.open.get(producer)
            if scope is None:
                scope = self.open[producer] = Scope(self.end)
        return self._put(Entry(self.end, timestamp, key, value, headers, scope, appended=now))

    def mark(self, producer: Any, committed: bool, now: int) -> None:
        """End the transaction of `producer` here, with the marker that takes an offset of its own."""
        scope = self.open.pop(producer, None)
        if scope is not None:
            scope.state = COMMITTED if committed else ABORTED
            self._put(Entry(self.end, now, None, None, control=True))

    def read(self, position: int, limit: int) -> Read:
        """Up to `limit` decided records from `position` on; aborted ones and markers only move the position."""
        stable = self.stable
        found: list[Entry] = []
        at = bisect_left(self.entries, position, key=lambda entry: entry.offset)
        while at < len(self.entries) and self.entries[at].offset < stable:
            entry = self.entries[at]
            if visible(entry):
                if len(found) == limit:
                    return Read(found, entry.offset, stable, self.end)
                found.append(entry)
            at += 1
        return Read(found, max(position, stable), stable, self.end)

    def committed(self) -> list[Entry]:
        """What a read_committed consumer sees from the beginning."""
        return self.read(0, len(self.entries)).records

    def compact(self) -> None:
        """Keep the last decided record of each key; the newest entry stays in any case, as in an active segment."""
        stable = self.stable
        last = {entry.key: entry.offset for entry in self.entries if entry.offset < stable and visible(entry)}
        self.entries = [
            entry
            for entry in self.entries
            if entry.offset >= min(stable, self.end - 1) or (visible(entry) and last[entry.key] == entry.offset)
        ]

    def _put(self, entry: Entry) -> int:
        self.entries.append(entry)
        self.end = entry.offset + 1
        waiters, self.waiters = self.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        return entry.offset


def visible(entry: Entry) -> bool:
    return not entry.control and (entry.scope is None or entry.scope.state == COMMITTED)
