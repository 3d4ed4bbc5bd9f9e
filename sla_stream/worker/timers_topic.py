"""The present state of each ticket, coalesced for the timers topic.

Changed tickets are dirty until their state is published. A round publishes every dirty ticket once, in slices, and
rounds begin at least a second apart: so a ticket is published at most once a second, and its last state always
comes. What is dirty survives a crash as one changelog offset (see `table`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

ROUND: Final = 1.0
"""Least seconds from the end of one round to the start of the next."""

SLICE: Final = 500
"""Tickets published in one transaction at most."""


class TimersTopic:
    """Which tickets to publish, and when. Times are those of a monotonic clock, seconds."""

    def __init__(self, enabled: bool, dirty: dict[str, int], shown_from: int) -> None:
        """`dirty`: ticket ids in the order in which they became so, with the changelog offset of that time."""
        self._enabled = enabled
        self._dirty = dirty if enabled else {}
        self._shown_from = shown_from
        self._round: deque[str] = deque()
        self._next_round = 0.0

    def mark(self, ticket_ids: Iterable[str], changelog_end: int) -> None:
        """These tickets change in a transaction that starts at `changelog_end`."""
        if self._enabled:
            for ticket_id in ticket_ids:
                self._dirty.setdefault(ticket_id, changelog_end)

    def due_at(self) -> float | None:
        """When `take` will give something; None while nothing is dirty."""
        if not self._dirty:
            return None
        return 0.0 if self._round else self._next_round

    def take(self, now: float) -> list[str]:
        """The next slice to publish, empty when it is not time yet. They count as published from now on."""
        if not self._round and self._dirty and now >= self._next_round:
            self._round.extend(self._dirty)
        taken = [self._round.popleft() for _ in range(min(SLICE, len(self._round)))]
        for ticket_id in taken:
            del self._dirty[ticket_id]
        if taken and not self._round:
            self._next_round = now + ROUND
        return taken

    def shown_from(self, changelog_end: int) -> int:
        """The offset to store: every ticket changed before it is published. `changelog_end`: before this one.

        While the topic is off the mark stays where it was, so that turning it on publishes what was missed.
        """
        if not self._enabled:
            return self._shown_from
        return next(iter(self._dirty.values()), changelog_end)
