"""Which partitions to fetch for, and what becomes of a fetch: one round of the transport's loop.

aiokafka keeps a position of its own for each partition. A fetch moves it, and a rebalance may put it anywhere; so
whenever something fetched is not handed over, the partition's next fetch begins with a seek to what it has applied.
Everything happens in one sequence: a seek can never overtake a fetch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from sla_stream.worker.inbox import Batch
from sla_stream.worker.partition import Partition

FETCH_TIMEOUT: Final = 0.2
"""Seconds to wait for records in one fetch."""

BUSY_TIMEOUT: Final = 0.01
"""The same while some partition is left out because it is full."""

NOTHING_TO_FETCH: Final = 0.02


class Delivery(NamedTuple):
    """A batch on its way, whom it is for, and which of that one's lives."""

    batch: Batch
    partition: Partition
    epoch: int

    def arrive(self) -> None:
        """Hand the batch over, unless the partition has moved on to another life."""
        partition = self.partition
        if self.epoch == partition.epoch and not partition.stopping:
            partition.in_flight -= len(self.batch.records)
            partition.deliver(self.batch)


class Membership(Protocol):
    """The group's consumer as the fetch loop sees it. `TransportMembership` has Kafka behind it, simulations a log."""

    @property
    def flowing(self) -> bool:
        """False from the start of a rebalance until everybody knows its result."""

    @property
    def generation(self) -> int: ...

    async def fetch(self, wanted: Mapping[int, int | None], timeout: float) -> dict[int, Batch] | None:
        """Seek where an offset is given, then fetch. None: a rebalance came between, nothing counts."""

    async def send(self, delivery: Delivery, generation: int) -> None:
        """Put a batch on its way to its partition."""


async def fetch_once(membership: Membership, owned: Iterable[Partition]) -> None:
    """Fetch for those that want it. `owned`: the partitions that are assigned to us by now."""
    owned = list(owned)
    asked = [one for one in owned if one.takes]
    if not asked:
        await asyncio.sleep(NOTHING_TO_FETCH)
        return
    lives = {one: one.epoch for one in asked}
    wanted = {one.number: one.next if one.need_seek else None for one in asked}
    timeout = FETCH_TIMEOUT if len(asked) == len(owned) else BUSY_TIMEOUT
    generation = membership.generation
    batches = await membership.fetch(wanted, timeout)
    if batches is None or not membership.flowing or generation != membership.generation:
        for one in asked:
            one.need_seek = True
        if batches is None:
            await asyncio.sleep(NOTHING_TO_FETCH)
        return
    for one in asked:
        if one.epoch == lives[one]:
            one.need_seek = False
            await _hand_over(membership, one, batches[one.number], generation)


async def _hand_over(membership: Membership, one: Partition, batch: Batch, generation: int) -> None:
    if not batch.records and batch.start == batch.end and not one.asks:
        return
    one.in_flight += len(batch.records)
    await membership.send(Delivery(batch, one, one.epoch), generation)
