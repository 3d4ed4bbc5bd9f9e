"""Timers fire on proof, not on hope.

At an instant t after a deadline the broker is asked for the log's end. When everything up to that end is applied,
every record appended before t is in the state, so every deadline before t may fire: a resolution still on its way
cannot be overtaken. t is read before the question is sent. A backlog is never fired from: until the position has
reached the end, nothing is proven. The one exception is an open transaction of a source, which hides records from
us for as long as it likes: after OPEN_TRANSACTION_LIMIT we fire, and a retraction repairs what it may bring.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from sla_stream.observe.metrics import Metrics
from sla_stream.worker.clock import POLL_VIRTUAL, Clock

OPEN_TRANSACTION_LIMIT: Final = 2.0
"""Seconds to wait for an open source transaction."""


class FiringProof:
    """Up to which instant deadlines may fire, for one partition.

    `ask` gives the log's end offset (latest, uncommitted included). `wake` is called when there is news.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]], wake: Callable[[], None]) -> None:
        self._ask = ask
        self._wake = wake
        self._task: asyncio.Task[None] | None = None
        self._answer: tuple[int, int] | None = None
        self._answered_at = 0.0
        self.proven = 0
        """Every record appended before this instant (ms) is applied."""

    @property
    def pending(self) -> bool:
        """A question is out, or its answer is not reached yet."""
        return self._answer is not None or (self._task is not None and not self._task.done())

    def want(self, now: int) -> bool:
        """Ask whether `now` is proven, unless a question is out already; True if it was asked."""
        if self.pending:
            return False
        if self._task is not None:
            self._task.result()
        self._task = asyncio.create_task(self._question(now))
        return True

    def settle(self, position: int, stable: int, polled_at: float, idle: bool) -> bool:
        """Compare the answer with what is applied; True if it was taken although a source transaction is open.

        `position`: input offset before which everything is applied. `stable`: last stable offset that the fetch of
        `polled_at` (local wall clock, seconds, as aiokafka keeps it) saw. `idle`: nothing fetched waits to be applied.
        """
        if self._answer is None:
            return False
        instant, end = self._answer
        waited = polled_at - self._answered_at
        hidden = idle and position >= stable and waited >= OPEN_TRANSACTION_LIMIT
        if position >= end or hidden:
            self.proven = max(self.proven, instant)
            self._answer = None
        return position < end and hidden

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._answer = None

    async def _question(self, now: int) -> None:
        end = await self._ask()
        self._answer = (now, end)
        self._answered_at = time.time()
        self._wake()


class Firing:
    """When one partition may fire, when it has to ask, and how long it may sleep. Instants in ms."""

    def __init__(
        self,
        ask: Callable[[], Awaitable[int]],
        wake: Callable[[], None],
        clock: Clock,
        guard: int,
        metrics: Metrics,
    ) -> None:
        self._ask = ask
        self._wake = wake
        self._clock = clock
        self._guard = guard
        self._metrics = metrics
        self._stable = 0
        self._polled_at = 0.0
        self._proof = FiringProof(ask, wake)

    @property
    def limit(self) -> int:
        """Deadlines before this instant may fire."""
        return self._proof.proven - self._guard

    @property
    def pending(self) -> bool:
        """A question is under way: news of the position is welcome."""
        return self._proof.pending

    def see(self, stable: int, polled_at: float) -> None:
        """What the last fetch said (see `FiringProof.settle`)."""
        self._stable, self._polled_at = stable, polled_at

    def settle(self, position: int, idle: bool, due: int | None) -> None:
        """Look at the answer, and ask when something is due: under steady input too, or it would starve."""
        if self._proof.settle(position, self._stable, self._polled_at, idle):
            self._metrics.open_transactions.inc()
        if due is None or due < self.limit:
            return
        now = self._clock.now()
        if due < now - self._guard and self._proof.want(now):
            self._metrics.proofs.inc()

    def patience(self, due: int | None, longest: float) -> float:
        """Seconds to sleep, at most `longest`, until it is time to ask; the answer wakes by itself."""
        if due is None or self._proof.pending:
            return longest
        if self._clock.virtual:
            return min(longest, POLL_VIRTUAL)
        ahead = due + self._guard + 1 - self._clock.now()
        return min(longest, max(0.001, ahead / 1000))

    def reset(self) -> None:
        """Forget question and proof: the partition stops."""
        self._proof.close()
        self._proof = FiringProof(self._ask, self._wake)
        self._polled_at = 0.0
