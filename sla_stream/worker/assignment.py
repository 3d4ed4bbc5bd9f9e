"""The partitions this worker owns, and what a rebalance does to them.

The callbacks stay short: recovery happens in each partition's own task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from sla_stream.observe.logs import get_logger
from sla_stream.worker.partition import Partition
from sla_stream.worker.shared import Shared

log = get_logger(__name__)

STOP_GRACE: Final = 7.0
"""Seconds that a partition may take for its running transaction when it has to stop."""

UNKNOWN_GENERATION: Final = -1


class Assignment:
    """Partitions by number. Changes only in the rebalance callbacks and at the end."""

    def __init__(self, shared: Shared) -> None:
        self.partitions: dict[int, Partition] = {}
        self.assigned_once = False
        self._shared = shared
        self._generation = UNKNOWN_GENERATION
        self._closing: set[asyncio.Task[None]] = set()

    async def revoke(self) -> None:
        """A rebalance begins: every partition finishes its transaction and holds still."""
        owned = list(self.partitions.values())
        finished = await asyncio.gather(*(one.stop(STOP_GRACE) for one in owned))
        if not all(finished):
            stuck = [one.number for one, done in zip(owned, finished, strict=True) if not done]
            self._shared.fail(f"partitions {stuck} did not finish their transactions in {STOP_GRACE} s", None)

    def assign(self, numbers: Iterable[int], generation: int) -> None:
        """The rebalance is over. A partition is kept only if nobody else can have owned it in between."""
        mine = set(numbers)
        if generation == self._generation:
            self._shared.fail(
                f"the group gave generation {generation} twice: another process uses our instance id "
                f"{self._shared.settings.instance_id!r}; each worker needs its own",
                None,
            )
        follows = generation == self._generation + 1
        self._generation = generation
        for number, one in list(self.partitions.items()):
            if number not in mine or not follows or not one.ready:
                del self.partitions[number]
                self._close_later(one)
        fresh = mine - self.partitions.keys()
        for number in fresh:
            self.partitions[number] = Partition(number, self._shared)
        self.assigned_once = True
        self._shared.metrics.rebalances.inc()
        log.info("group.assigned", partitions=sorted(mine), recovering=sorted(fresh), generation=generation)
        for one in self.partitions.values():
            one.start()

    def wake(self) -> None:
        """New policies: every partition has a look, a recovering one when it is done."""
        for one in self.partitions.values():
            one.wake()

    async def stop(self, grace: float) -> bool:
        """The worker ends: False if a transaction had to be abandoned."""
        finished = await asyncio.gather(*(one.stop(grace) for one in self.partitions.values()))
        return all(finished)

    async def close(self) -> None:
        """Let go of all producers."""
        await asyncio.gather(*(one.close() for one in self.partitions.values()), *self._closing)
        self.partitions.clear()

    @property
    def ready(self) -> bool:
        """Assigned (perhaps to nothing), and every partition recovered."""
        return self.assigned_once and all(one.ready for one in self.partitions.values())

    def _close_later(self, one: Partition) -> None:
        self._shared.metrics.lag.labels(one.number).set(0)
        self._shared.metrics.open_timers.labels(one.number).set(0)
        self._shared.metrics.policy_set.remove(one.number)
        task = asyncio.create_task(one.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
