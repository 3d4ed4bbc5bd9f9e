"""One source partition: its producer, its position, its transactions. Single writer, no locks.

    fence -> committed offset -> loop: take what is there, one transaction of ticket events, dead letters and offset

There is a producer for each source partition, named after it. Starting it fences whoever owned the partition before
and returns only when that one's last transaction is decided; so the committed offset asked for afterwards is final.
`next` is the only truth about the position: it moves only when a transaction has committed, and at every new beginning
the fetch loop seeks to it. Anything but success in a transaction ends the process: the log knows what happened.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from sla_stream.errors import RetryableError
from sla_stream.ingest.clients import transactional_producer
from sla_stream.ingest.feeding import Feeding, Tally
from sla_stream.ingest.schemas import SchemaNeeded
from sla_stream.ingest.shared import Shared, group_id
from sla_stream.kafka.transaction import Batches, commit
from sla_stream.observe.logs import get_logger

log = get_logger(__name__)

MAX_RECORDS: Final = 4_000
"""Source records in one transaction at most."""

MAX_BYTES: Final = 4 << 20
"""Bytes of results in one transaction, about."""

SLICE: Final = 200
"""Records worked off between two turns of the event loop, which has heartbeats to send."""

FULL_RECORDS: Final = 10_000
FULL_BYTES: Final = 4 << 20
"""What may wait before the partition is left out of the fetches."""

FIRST_BACKOFF: Final = 0.2
LAST_BACKOFF: Final = 5.0


class Lane:
    """A life: `start`, then `stop` at each rebalance and `start` again while it stays ours, then `close`."""

    def __init__(self, source: TopicPartition, consumer: AIOKafkaConsumer, shared: Shared) -> None:
        self.source = source
        self.next = 0
        """The first offset that is not committed."""
        self.wanted = 0
        """The position that the next fetch must start from."""
        self.need_seek = True
        self.ready = False
        self.stopping = False
        self.paused: str | None = None
        """Why it reads nothing any more."""
        self.waiting: str | None = None
        """Why it reads nothing at the moment."""
        self._name = f"{source.topic}[{source.partition}]"
        self._shared = shared
        self._consumer = consumer
        self._feeding = Feeding(source, shared)
        self._inbox: deque[Sequence[Any]] = deque()
        self._inbox_records = 0
        self._inbox_bytes = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._producer: AIOKafkaProducer | None = None
        self._last_commit = 0.0
        self._working = False
        self._learning = False

    @property
    def takes(self) -> bool:
        """Wants to be fetched for."""
        full = self._inbox_records >= FULL_RECORDS or self._inbox_bytes >= FULL_BYTES
        return self.ready and not (self.stopping or full or self.paused or self.waiting)

    @property
    def position(self) -> int:
        """How far it has come: markers of transactions count as read when nothing waits before them."""
        return self.wanted if not self._inbox and not self._working else self.next

    def deliver(self, records: Sequence[Any], end: int) -> None:
        """Take over fetched records, perhaps none; `end` is the position after the fetch."""
        if self.paused is not None:
            return
        self.wanted = end
        if records:
            self._put(records)
            self._wake.set()

    def skip_to(self, offset: int) -> None:
        """Records between the position and `offset` are not there any more."""
        self._shared.metrics.lost.labels(self.source.topic).inc(offset - self.wanted)
        log.error(
            "source.records_lost", topic=self.source.topic, partition=self.source.partition, expected=self.wanted,
            found=offset, help="retention deleted them before they were read: the source topic keeps too little",
        )  # fmt: skip
        self.wanted = offset

    def pause(self, why: str, help_: str) -> None:
        """Read nothing any more, until the next start."""
        self.paused = f"partition {self._name} is paused: {why}"
        self._clear()
        log.error("lane.paused", topic=self.source.topic, partition=self.source.partition, why=why, help=help_)

    # --- life

    def start(self) -> None:
        """Begin, or go on after a rebalance."""
        if self._task is None or self._task.done():
            self.stopping = False
            self._task = asyncio.create_task(self._live(), name=self._name)

    async def stop(self, grace: float) -> bool:
        """Finish the running transaction, at most `grace` seconds; False if it had to be abandoned."""
        self.stopping = True
        self._wake.set()
        finished = True
        if self._task is not None:
            if not self.ready or self._learning:  # no transaction to finish
                self._task.cancel()
            _, late = await asyncio.wait([self._task], timeout=grace)
            if late:
                finished = False
                self._task.cancel()
        self._clear()
        self._learning = False
        self.waiting = None
        self.wanted = self.next
        self.need_seek = True
        return finished

    async def close(self) -> None:
        """Let go of the producer. The lane is not used again."""
        producer, self._producer = self._producer, None
        self.ready = False
        if producer is not None:
            await producer.stop()

    async def _live(self) -> None:
        try:
            if not self.ready:
                await self._recover()
            while not self.stopping:
                await self._step()
        except asyncio.CancelledError:
            if not self.stopping:
                self._shared.fail(f"{self._name}: cancelled from outside", None)
            raise
        except BaseException as error:
            self._shared.fail(f"{self._name}: {type(error).__name__}", error)

    async def _recover(self) -> None:
        settings, targets = self._shared.settings, self._shared.targets
        producer = self._producer = transactional_producer(settings, self.source)
        await producer.start()
        for topic in (targets.ticket_events, targets.dead_letters):
            await producer.partitions_for(topic)
        position = await self._consumer.committed(self.source)
        if position is None:
            position = (await self._consumer.beginning_offsets([self.source]))[self.source]
        self.next = self.wanted = position
        self.need_seek = True
        self.ready = True
        log.info("lane.ready", topic=self.source.topic, partition=self.source.partition, position=self.next)

    # --- the loop

    async def _step(self) -> None:
        if not self._inbox:
            self._wake.clear()
            if not self.stopping:
                await self._wake.wait()
            return
        await self._pace()
        assert self._producer is not None
        batches, tally = Batches(self._producer), Tally()
        self._working = True
        position, needed = await self._fill(batches, tally)
        if tally.records:
            await self._commit(self._producer, batches, position, tally)
        self._working = False
        if (why := self._feeding.poison.exceeded) is not None:
            self.pause(why, "repair the source or its mapping and restart, or lift the limit: --max-dead-letters 0")
        elif needed is not None and not tally.records and not self.stopping:
            self._learning = True
            await self._learn(needed)
            self._learning = False

    async def _pace(self) -> None:
        """Group what comes within the commit interval, unless a transaction is full already."""
        left = self._last_commit + self._shared.settings.commit_interval / 1000 - asyncio.get_running_loop().time()
        if left > 0 and self._inbox_records < MAX_RECORDS:
            await asyncio.sleep(left)

    async def _fill(self, batches: Batches, tally: Tally) -> tuple[int, SchemaNeeded | None]:
        """Work off what waits, up to a transaction's size; the new position, and the schema that is missing if so."""
        position = self.next
        while self._inbox and not self.stopping and tally.records < MAX_RECORDS and tally.bytes < MAX_BYTES:
            records = self._get(SLICE)
            if records[0].offset < position:
                records = [record for record in records if record.offset >= position]
            try:
                done = self._feeding.take(records, batches, tally)
            except SchemaNeeded as needed:
                self._put_back(records)
                return position, needed
            if done:
                position = records[done - 1].offset + 1
            if self._feeding.poison.exceeded:
                break
            self._put_back(records[done:])
            await asyncio.sleep(0)
        return position, None

    async def _commit(self, producer: AIOKafkaProducer, batches: Batches, position: int, tally: Tally) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await commit(producer, batches, (self.source, position), group_id(self._shared.settings))
        self.next, self._last_commit = position, loop.time()
        metrics, topic = self._shared.metrics, self.source.topic
        metrics.transaction.observe(self._last_commit - began)
        metrics.records.labels(topic).inc(tally.records)
        metrics.events.labels(topic).inc(tally.events)
        metrics.ignored.labels(topic).inc(tally.ignored)
        for reason, count in tally.dead.items():
            metrics.dead_letters.labels(reason).inc(count)
        log.debug(
            "transaction.committed", topic=topic, partition=self.source.partition, records=tally.records,
            events=tally.events, position=position,
        )  # fmt: skip

    async def _learn(self, needed: SchemaNeeded) -> None:
        """Ask the registry until it answers, or until we have to stop."""
        backoff = FIRST_BACKOFF
        while not self.stopping:
            try:
                await self._shared.schemas.learn(needed.form, needed.ref)
            except RetryableError as error:
                if self.waiting is None:
                    log.warning("lane.waiting", lane=self._name, why=str(error))
                self.waiting = f"partition {self._name} waits for {needed.form} {needed.ref}: {error}"
                self._wake.clear()
                try:
                    async with asyncio.timeout(backoff * random.uniform(0.8, 1.2)):
                        await self._wake.wait()
                except TimeoutError:
                    backoff = min(LAST_BACKOFF, backoff * 2)
            else:
                break
        if self.waiting is not None:
            self.waiting = None
            log.info("lane.goes_on", lane=self._name)

    # --- what waits

    def _put(self, records: Sequence[Any]) -> None:
        self._inbox.append(records)
        self._inbox_records += len(records)
        self._inbox_bytes += _bytes(records)

    def _get(self, most: int) -> Sequence[Any]:
        records = self._inbox.popleft()
        if len(records) > most:
            self._inbox.appendleft(records[most:])
            records = records[:most]
        self._inbox_records -= len(records)
        self._inbox_bytes -= _bytes(records)
        return records

    def _put_back(self, records: Sequence[Any]) -> None:
        if records:
            self._inbox.appendleft(records)
            self._inbox_records += len(records)
            self._inbox_bytes += _bytes(records)

    def _clear(self) -> None:
        self._inbox.clear()
        self._inbox_records = self._inbox_bytes = 0


def _bytes(records: Sequence[Any]) -> int:
    return sum(len(record.value) for record in records if record.value is not None)
