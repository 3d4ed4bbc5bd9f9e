"""Membership and fetching: which source partitions are ours, and their records, in one sequence with the seeks.

aiokafka keeps a position of its own for each partition, which a rebalance or a discarded fetch can leave anywhere. So
before every fetch it is compared with what the lane wants, and afterwards nothing counts if a rebalance came between.
It never moves a position by itself (`auto_offset_reset` is none): where the log does not have it, we say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.errors import KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from sla_stream.ingest.clients import group_consumer
from sla_stream.ingest.lane import Lane
from sla_stream.ingest.shared import Shared
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

STOP_GRACE: Final = 7.0
"""Seconds that a lane may take for its running transaction when it has to stop."""

FETCH_TIMEOUT_MS: Final = 200
BUSY_TIMEOUT_MS: Final = 10
"""The same while some partition is left out because it is full."""

NOTHING_TO_FETCH: Final = 0.02
POSITION_PATIENCE_S: Final = 1.0
WATCH_INTERVAL: Final = 5.0
"""Seconds between two questions for the ends of our partitions."""

UNKNOWN_GENERATION: Final = -1


class Group(ConsumerRebalanceListener):  # type: ignore[misc]
    """The consumer, and a lane for each partition it was given."""

    def __init__(self, shared: Shared) -> None:
        self.lanes: dict[TopicPartition, Lane] = {}
        self.assigned_once = False
        self.stopping = False
        self.rebalancing = False
        self.last_beat = 0.0
        """When the fetch loop last went round, loop time."""
        self.answered_at = 0.0
        """When the broker last answered a question of ours, loop time."""
        self._shared = shared
        self._consumer: AIOKafkaConsumer = group_consumer(shared.settings)
        self._generation = UNKNOWN_GENERATION
        self._rebalances = 0
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Assigned (perhaps to nothing), and every lane has recovered."""
        return self.assigned_once and all(lane.ready for lane in self.lanes.values())

    async def start(self) -> None:
        self.answered_at = asyncio.get_running_loop().time()
        self._consumer.subscribe(list(self._shared.routes), listener=self)
        await self._consumer.start()

    async def stop(self, grace: float) -> bool:
        """The worker ends: False if a transaction had to be abandoned."""
        self.stopping = True
        finished = await asyncio.gather(*(lane.stop(grace) for lane in self.lanes.values()))
        return all(finished)

    async def close(self) -> None:
        """Leave the group, let go of all producers."""
        await self._consumer.stop()
        await asyncio.gather(*(lane.close() for lane in self.lanes.values()), *self._closing)
        self.lanes.clear()

    # --- membership; aiokafka logs what its listeners raise and goes on, so nothing may be raised here

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """A rebalance begins: every lane finishes its transaction and holds still."""
        self._rebalances += 1
        self.rebalancing = True
        owned = list(self.lanes.values())
        finished = await asyncio.gather(*(lane.stop(STOP_GRACE) for lane in owned))
        if not all(finished):
            self._shared.fail(f"lanes did not finish their transactions in {STOP_GRACE} s", None)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The rebalance is over. A lane is kept only if nobody else can have owned it in between."""
        try:
            self._assign(set(assigned), self._consumer._coordinator.generation)
        except Exception as error:
            self._shared.fail("assignment failed", error)

    def _assign(self, mine: set[TopicPartition], generation: int) -> None:
        self._rebalances += 1
        self.rebalancing = False
        if self.stopping:
            return
        if generation == self._generation:
            self._shared.fail(
                f"the group gave generation {generation} twice: another process uses our instance id "
                f"{self._shared.settings.instance_id!r}; each worker needs its own",
                None,
            )
        follows = generation == self._generation + 1
        self._generation = generation
        for source, lane in list(self.lanes.items()):
            if source not in mine or not follows or not lane.ready:
                del self.lanes[source]
                self._close_later(lane)
        for source in mine - self.lanes.keys():
            self.lanes[source] = Lane(source, self._consumer, self._shared)
        self.assigned_once = True
        self._shared.metrics.rebalances.inc()
        log.info("group.assigned", partitions=sorted(f"{one.topic}[{one.partition}]" for one in mine))
        for lane in self.lanes.values():
            lane.start()

    def _close_later(self, lane: Lane) -> None:
        self._shared.metrics.lag.labels(*lane.source).set(0)
        task = asyncio.create_task(lane.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    # --- fetching

    async def fetch(self) -> None:
        """Fetch for ever; whatever is wrong with it ends the process."""
        loop = asyncio.get_running_loop()
        try:
            while not self.stopping:
                self.last_beat = loop.time()
                await self._fetch_once()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            if not self.stopping:
                self._shared.fail("fetching failed", error)

    async def _fetch_once(self) -> None:
        round_ = self._rebalances
        asked = [lane for lane in list(self.lanes.values()) if lane.takes and await self._placed(lane)]
        if round_ != self._rebalances:
            return
        if not asked:
            # also looks at the errors of membership, which aiokafka keeps to itself until somebody fetches
            self._consumer._coordinator.check_errors()
            await asyncio.sleep(NOTHING_TO_FETCH)
            return
        timeout = FETCH_TIMEOUT_MS if len(asked) == len(self.lanes) else BUSY_TIMEOUT_MS
        try:
            fetched = await self._consumer.getmany(*(lane.source for lane in asked), timeout_ms=timeout)
        except NoOffsetForPartitionError:  # it looked for a position before we had given it ours
            return
        except OffsetOutOfRangeError as error:
            for source in error.args[0]:
                await self._not_there(source)
            return
        ends = {lane: await self._position(lane.source) for lane in asked}
        for lane in asked:
            records = fetched.get(lane.source, [])
            end = ends[lane]
            if round_ != self._rebalances or end is None:
                lane.need_seek = True
            else:
                lane.deliver(records, end)

    async def _placed(self, lane: Lane) -> bool:
        """Whether the next fetch starts where the lane wants it to."""
        round_ = self._rebalances
        if not lane.need_seek and await self._position(lane.source) == lane.wanted:
            return True
        if round_ != self._rebalances:
            return False
        self._consumer.seek(lane.source, lane.wanted)
        lane.need_seek = False
        return True

    async def _not_there(self, source: TopicPartition) -> None:
        """The log does not have the position: retention was faster than we, or the topic is another one."""
        round_ = self._rebalances
        first = (await self._consumer.beginning_offsets([source]))[source]
        last = (await self._consumer.end_offsets([source]))[source]
        lane = self.lanes.get(source)
        if lane is None or round_ != self._rebalances:
            return
        lane.need_seek = True
        if last < lane.wanted:
            lane.pause(
                f"the topic ends at offset {last}, before the {lane.wanted} that were read of it",
                "was it deleted and made anew? Then reset the group's offsets for it (kafka-consumer-groups.sh "
                "--reset-offsets --to-earliest) and restart",
            )
        elif first > lane.wanted:
            lane.skip_to(first)

    async def _position(self, source: TopicPartition) -> int | None:
        """aiokafka's position; None if it has none just now."""
        try:
            async with asyncio.timeout(POSITION_PATIENCE_S):
                position: int = await self._consumer.position(source)
                return position
        except (TimeoutError, KafkaError):
            return None

    # --- watching

    async def watch(self) -> None:
        """Ask for the ends of our partitions now and then: the lag, and whether the broker answers at all."""
        loop = asyncio.get_running_loop()
        while not self.stopping:
            try:
                ends = await self._consumer.end_offsets(list(self.lanes)) if self.lanes else {}
            except KafkaError as error:
                log.debug("ends.not_known", error=repr(error))
            else:
                self.answered_at = loop.time()
                for source, end in ends.items():
                    if (lane := self.lanes.get(source)) is not None and lane.ready:
                        self._shared.metrics.lag.labels(*source).set(max(0, end - lane.position))
            await asyncio.sleep(WATCH_INTERVAL)
