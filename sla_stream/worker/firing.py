"""Timers fire on proof, not on hope.

At an instant t after a deadline the broker is asked for the log's end. When everything up to that end is applied,
every record appended before t is in the state, so every deadline before t may fire: a resolution still on its way
cannot be overtaken. t is read before the question is sent. A backlog is never fired from: until the position has
reached the end, nothing is proven. The one exception is an open transaction of a source, which hides records from
us for as long as it likes: after OPEN_TRANSACTION_LIMIT we fire, and a retraction repairs what it may bring.

That a transaction is open is a matter of proof too. A fetch that took long to arrive shows an old log, in which what
came since is missing as if it were hidden. So a fetch counts only from when one has shown the end that was answered,
and a later one only as of the moment at which it can have been sent: when the one before it arrived.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from sla_stream.observe.metrics import Metrics
from sla_stream.worker.clock import POLL_VIRTUAL, Clock

OPEN_TRANSACTION_LIMIT: Final = 2.0
"""Seconds to wait for an open source transaction."""


class Poll(NamedTuple):
    """What one fetch showed of the log."""

    stable: int
    """Last stable offset: before it everything is decided."""
    highwater: int
    arrived: float
    """Local wall clock, seconds, as aiokafka keeps it."""


NO_POLL: Final = Poll(0, 0, 0.0)


class FiringProof:
    """Up to which instant deadlines may fire, for one partition.

    `ask` gives the log's end offset (latest, uncommitted included). `wake` is called when there is news.
    """

    def __init__(self, ask: Callable[[], Awaitable[int]], wake: Callable[[], None]) -> None:
        self._ask = ask
        self._wake = wake
        self._task: asyncio.Task[None] | None = None
        self._answer: tuple[int, int] | None = None
        self._shown_at: float | None = None
        """When a fetch arrived that showed the end that was answered."""
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

    def settle(self, position: int, poll: Poll, before: Poll, idle: bool) -> bool:
        """Compare the answer with what is applied; True if it was taken although a source transaction is open.

        `position`: input offset before which everything is applied. `poll`, `before`: the last fetch and the one
        before it. `idle`: nothing fetched waits to be applied.
        """
        if self._answer is None:
            return False
        instant, end = self._answer
        hidden = idle and position >= poll.stable and self._waited(end, poll, before) >= OPEN_TRANSACTION_LIMIT
        if position >= end or hidden:
            self.proven = max(self.proven, instant)
            self._answer = None
        return position < end and hidden

    def _waited(self, end: int, poll: Poll, before: Poll) -> float:
        """Seconds for which the log had reached `end` at least when the last fetch was sent."""
        if self._shown_at is None and poll.highwater >= end:
            self._shown_at = poll.arrived
        if self._shown_at is None:
            return 0.0
        if poll.arrived < self._shown_at:  # the clock was set back
            self._shown_at = poll.arrived
            return 0.0
        return before.arrived - self._shown_at

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._answer = None

    async def _question(self, now: int) -> None:
        end = await self._ask()
        self._answer = (now, end)
        self._shown_at = None
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
        self._poll = self._before = NO_POLL
        self._proof = FiringProof(ask, wake)

    @property
    def limit(self) -> int:
        """Deadlines before this instant may fire."""
        return self._proof.proven - self._guard

    @property
    def pending(self) -> bool:
        """A question is under way: news of the position is welcome."""
        return self._proof.pending

    def see(self, poll: Poll) -> None:
        """What the last fetch said (see `FiringProof.settle`); several batches may come from one."""
        if poll.arrived != self._poll.arrived:
            self._before = self._poll
        self._poll = poll

    def settle(self, position: int, idle: bool, due: int | None) -> None:
        """Look at the answer, and ask when something is due: under steady input too, or it would starve."""
        if self._proof.settle(position, self._poll, self._before, idle):
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
        self._poll = self._before = NO_POLL
