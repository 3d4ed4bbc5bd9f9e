"""Appends the history to the input topic in step with a clock, and moves the virtual clock behind itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Protocol

from sla_stream.demo.history import HistoryEvent

STEP_S: Final = 0.02
LARGEST_APPEND: Final = 2_000


class Appends(Protocol):
    """Where events go: returns when the broker has them all."""

    async def append(self, records: Sequence[tuple[str, bytes, int]]) -> None:
        """Append (key, value, timestamp in ms) records, in this order within each key."""


class Feeder:
    """Plays events at their own times on a given clock.

    `now()` is the instant up to which events may be appended; after each append `tell(instant)` says
    that everything at or before that instant is in the topic. It never runs ahead, so a timer that fires at
    the instant reached can have missed nothing.
    """

    def __init__(
        self,
        events: Iterator[HistoryEvent],
        topic: Appends,
        now: Callable[[], int],
        tell: Callable[[int], None],
    ) -> None:
        self._events = events
        self._next = next(events, None)
        self._topic = topic
        self._now = now
        self._tell = tell
        self.appended = 0
        self.at = self._next.at if self._next else 0
        """Instant of the latest event appended, ms."""
        self.reached: int | None = None
        """Everything at or before this instant (ms) is appended. None before `run`: no time passes yet."""

    async def run(self, end: int | None = None) -> None:
        """Until the events are used up and the clock has reached `end` (default: that of the last event)."""
        while True:
            now = self._now()
            due = self._take(now)
            await self._append(due)
            if self._next is None:
                last = self.at if end is None else end
                self._reach(min(now, last))
                if now >= last:
                    return
            else:
                self._reach(min(now, self._next.at - 1))
            if len(due) < LARGEST_APPEND:
                await asyncio.sleep(STEP_S)

    async def catch_up(self) -> None:
        """Append what the clock has passed already. The clock is told nothing."""
        while due := self._take(self._now()):
            await self._append(due)

    def _reach(self, instant: int) -> None:
        self.reached = instant
        self._tell(instant)

    def _take(self, now: int) -> list[HistoryEvent]:
        due: list[HistoryEvent] = []
        while self._next is not None and self._next.at <= now and len(due) < LARGEST_APPEND:
            due.append(self._next)
            self._next = next(self._events, None)
        return due

    async def _append(self, due: list[HistoryEvent]) -> None:
        if not due:
            return
        await self._topic.append([(event.ticket_id, event.value, event.at) for event in due])
        self.appended += len(due)
        self.at = due[-1].at


class Pace:
    """A clock that starts at `start` (ms) when first asked and runs `speed` times as fast as real time."""

    def __init__(self, start: int, speed: float, seconds: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._speed = speed
        self._seconds = seconds
        self._began: float | None = None

    def __call__(self) -> int:
        seconds = self._seconds()
        if self._began is None:
            self._began = seconds
        return self._start + int((seconds - self._began) * self._speed * 1_000)
